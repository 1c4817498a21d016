//! A record in protobuf JSON (protobuf.dev/programming-guides/json), as `grpcurl` prints it, read strictly into the bytes that
//! are verified.
//!
//! Field names come in lowerCamelCase or as in the proto. Whatever a reader could see and `verify` would not check is refused: an
//! unknown field, a field twice, both forms of a choice, base64 with stray bits.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, Visitor};

use crate::trust::{Disclosure, Hash, HiddenField, LogProof, ShownField, SignedRecord};
use crate::wire::typed::{Tree, pool};

/// A record as it stands in a file.
#[derive(Debug)]
pub struct Parsed<'a> {
    /// What is verified.
    pub record: SignedRecord,
    /// What is said beside it; `None` for a bare `SignedRecord`.
    pub beside: Option<Beside<'a>>,
}

/// What an answer says beside the signed bytes.
#[derive(Debug, Default)]
pub struct Beside<'a> {
    /// `record_type`.
    pub record_type: Cow<'a, str>,
    /// `record_id`.
    pub record_id: Cow<'a, str>,
    /// `version`.
    pub version: u64,
    /// `verdict`, in answers of the exchange.
    pub verdict: Option<Cow<'a, str>>,
    /// The typed form: the name of its field, and what it says.
    pub typed: Option<(Cow<'a, str>, Tree<'a>)>,
}

/// Reads one record: an exchange's or registry's `Record`, or a bare `SignedRecord`.
pub fn record(json: &[u8]) -> Result<Parsed<'_>, serde_json::Error> {
    // Once for all, which is faster than text by text.
    let json = std::str::from_utf8(json).map_err(serde_json::Error::custom)?;
    let mut reader = serde_json::Deserializer::from_str(json);
    let parsed = RecordSeed.deserialize(&mut reader)?;
    reader.end()?;
    Ok(parsed)
}

/// Whether a value's first field says that it is a record, not an answer around records.
pub fn begins_record(field: &str) -> bool {
    const FIELDS: [&str; 14] = [
        "recordType",
        "record_type",
        "recordId",
        "record_id",
        "version",
        "signed",
        "record",
        "verdict",
        "statement",
        "whole",
        "partial",
        "issuerProof",
        "issuer_proof",
        "ledgerProof",
    ];
    FIELDS.contains(&field) || field == "ledger_proof" || is_typed_form(field)
}

/// Whether a field of the exchange's `Record` holds a typed form: whoever sorts an answer's fields may put it first.
fn is_typed_form(field: &str) -> bool {
    pool().get_message_by_name("lienthong.exchange.v1.Record").is_some_and(|record| {
        let found = record.get_field_by_json_name(field).or_else(|| record.get_field_by_name(field));
        found.is_some_and(|field| field.containing_oneof().is_some())
    })
}

struct RecordSeed;

impl<'de> DeserializeSeed<'de> for RecordSeed {
    type Value = Parsed<'de>;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Parsed<'de>, D::Error> {
        reader.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for RecordSeed {
    type Value = Parsed<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a record")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Parsed<'de>, A::Error> {
        let mut beside = Beside::default();
        let (mut is_bare, mut is_framed) = (false, false);
        let (mut record_type, mut record_id, mut version) = (None, None, None);
        let mut signed: Option<SignedJson<'de>> = None;
        let mut bare = SignedJson::default();
        while let Some(Text(key)) = map.next_key()? {
            if bare.take(&key, &mut map)? {
                is_bare = true;
                continue;
            }
            is_framed = true;
            match &*key {
                "recordType" | "record_type" => once(&mut record_type, map.next_value::<Text<'de>>()?.0, "recordType")?,
                "recordId" | "record_id" => once(&mut record_id, map.next_value::<Text<'de>>()?.0, "recordId")?,
                "version" => once(&mut version, map.next_value::<Number>()?.0, "version")?,
                "signed" | "record" => once(&mut signed, map.next_value()?, "signed")?,
                "verdict" => once(&mut beside.verdict, map.next_value::<Text<'de>>()?.0, "verdict")?,
                _ if beside.typed.is_some() => return Err(A::Error::custom(format_args!("unexpected field `{key}`"))),
                _ => match map.next_value::<Tree<'de>>()? {
                    typed @ Tree::Object(_) => beside.typed = Some((key, typed)),
                    _ => return Err(A::Error::custom(format_args!("unknown field `{key}`"))),
                },
            }
        }
        if is_bare && is_framed {
            return Err(A::Error::custom("fields of a record and of a signed record are mixed"));
        }
        if is_bare {
            return Ok(Parsed { record: bare.build()?, beside: None });
        }
        beside.record_type = record_type.unwrap_or_default();
        beside.record_id = record_id.unwrap_or_default();
        beside.version = version.unwrap_or_default();
        let signed = signed.ok_or_else(|| A::Error::custom("a record without its signed bytes"))?;
        Ok(Parsed { record: signed.build()?, beside: Some(beside) })
    }
}

fn once<T, E: Error>(place: &mut Option<T>, value: T, name: &'static str) -> Result<(), E> {
    if place.replace(value).is_some() { Err(E::duplicate_field(name)) } else { Ok(()) }
}

#[derive(Debug, Default)]
struct SignedJson<'a> {
    statement: Option<Blob>,
    whole: Option<Whole>,
    partial: Option<Partial<'a>>,
    issuer_proof: Option<Proof>,
    ledger_proof: Option<Proof>,
}

impl<'de> SignedJson<'de> {
    /// Takes a field if it is one of a signed record's.
    fn take<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<bool, A::Error> {
        match key {
            "statement" => once(&mut self.statement, map.next_value()?, "statement")?,
            "whole" => once(&mut self.whole, map.next_value()?, "whole")?,
            "partial" => once(&mut self.partial, map.next_value()?, "partial")?,
            "issuerProof" | "issuer_proof" => once(&mut self.issuer_proof, map.next_value()?, "issuerProof")?,
            "ledgerProof" | "ledger_proof" => once(&mut self.ledger_proof, map.next_value()?, "ledgerProof")?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn build<E: Error>(self) -> Result<SignedRecord, E> {
        let disclosure = match (self.whole, self.partial) {
            (Some(whole), None) => Disclosure::Whole { payload: whole.payload.0, salt: whole.salt.0 },
            (None, Some(partial)) => Disclosure::Partial {
                shown: partial.shown.into_iter().map(Shown::build).collect(),
                hidden: partial.hidden.into_iter().map(|h| HiddenField { index: h.index.0, leaf: h.leaf.0 }).collect(),
            },
            (None, None) => return Err(E::custom("a signed record without payload or fields")),
            (Some(_), Some(_)) => return Err(E::custom("a signed record with both payload and fields")),
        };
        Ok(SignedRecord {
            statement: self.statement.unwrap_or_default().0,
            disclosure,
            issuer_proof: self.issuer_proof.map(Proof::build),
            ledger_proof: self.ledger_proof.map(Proof::build),
        })
    }
}

impl<'de> Deserialize<'de> for SignedJson<'de> {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        struct Fields<'a>(PhantomData<&'a ()>);
        impl<'de> Visitor<'de> for Fields<'de> {
            type Value = SignedJson<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a signed record")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<SignedJson<'de>, A::Error> {
                let mut signed = SignedJson::default();
                while let Some(Text(key)) = map.next_key()? {
                    if !signed.take(&key, &mut map)? {
                        map.next_value::<IgnoredAny>()?;
                        return Err(A::Error::custom(format_args!("unknown field `{key}`")));
                    }
                }
                Ok(signed)
            }
        }
        reader.deserialize_map(Fields(PhantomData))
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Whole {
    payload: Blob,
    salt: Fixed,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Partial<'a> {
    #[serde(borrow)]
    shown: Vec<Shown<'a>>,
    hidden: Vec<Hidden>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Shown<'a> {
    index: Small,
    #[serde(borrow)]
    name: Text<'a>,
    value: Blob,
    salt: Fixed,
}

impl Shown<'_> {
    fn build(self) -> ShownField {
        ShownField { index: self.index.0, name: self.name.0.into_owned(), value: self.value.0, salt: self.salt.0 }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Hidden {
    index: Small,
    leaf: Fixed,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Proof {
    checkpoint: Note,
    index: Number,
    path: Vec<Fixed>,
}

impl Proof {
    fn build(self) -> LogProof {
        LogProof {
            checkpoint: self.checkpoint.0,
            index: self.index.0,
            path: self.path.into_iter().map(|hash| hash.0).collect(),
        }
    }
}

/// Declares a newtype that is read from a JSON string.
macro_rules! from_text {
    ($name:ident, $expecting:literal, $read:expr) => {
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
                struct Read;
                impl Visitor<'_> for Read {
                    type Value = $name;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str($expecting)
                    }

                    fn visit_str<E: Error>(self, text: &str) -> Result<$name, E> {
                        let read: fn(&str) -> Option<$name> = $read;
                        read(text).ok_or_else(|| E::custom(concat!("expected ", $expecting)))
                    }
                }
                reader.deserialize_str(Read)
            }
        }
    };
}

/// Base64 of any length.
#[derive(Debug, Default)]
struct Blob(Bytes);
from_text!(Blob, "base64", |text| STANDARD.decode(text).ok().map(|bytes| Blob(bytes.into())));

/// Base64 of 32 bytes; absent it is empty in protobuf, which nothing of 32 bytes can be, so that zeros fail their check.
#[derive(Debug, Default, Clone, Copy)]
struct Fixed(Hash);
from_text!(Fixed, "base64 of 32 bytes", |text| {
    // The decoder wants room for a whole group beyond the end.
    let mut room = [0; 36];
    let length = STANDARD.decode_slice(text, &mut room).ok()?;
    Some(Fixed(room.get(..length)?.try_into().ok()?))
});

/// A signed note.
#[derive(Debug, Default)]
struct Note(Bytes);
from_text!(Note, "a signed note", |text| Some(Note(Bytes::copy_from_slice(text.as_bytes()))));

/// Text, borrowed where no escape stands in it.
#[derive(Debug, Default)]
struct Text<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        struct Read<'a>(PhantomData<&'a ()>);
        impl<'de: 'a, 'a> Visitor<'de> for Read<'a> {
            type Value = Text<'a>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text")
            }

            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Text<'a>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Text<'a>, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        reader.deserialize_str(Read(PhantomData))
    }
}

/// A whole number, as a JSON number or, as protobuf JSON has 64-bit numbers, as text.
#[derive(Debug, Default, Clone, Copy)]
struct Number(u64);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        struct Read;
        impl Visitor<'_> for Read {
            type Value = Number;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number")
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Number, E> {
                Ok(Number(number))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Number, E> {
                let plain = text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
                let number = if plain { text.parse().ok() } else { None };
                number.map(Number).ok_or_else(|| E::custom("expected a whole number"))
            }
        }
        reader.deserialize_any(Read)
    }
}

/// A field's position.
#[derive(Debug, Default, Clone, Copy)]
struct Small(u16);

impl<'de> Deserialize<'de> for Small {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        let number = Number::deserialize(reader)?.0;
        u16::try_from(number).map(Small).map_err(|_| D::Error::custom("a field's index is at most 65535"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ZEROS: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

    fn framed() -> String {
        format!(
            r#"{{"recordType":"land.parcel.v1","recordId":"00","version":"2","signed":{{"statement":"AQ==",
            "whole":{{"payload":"e30=","salt":"{ZEROS}"}},"ledgerProof":{{"checkpoint":"a\nb","index":"7","path":["{ZEROS}"]}}}},
            "verdict":"VALID","parcel":{{"parcelId":"w74"}}}}"#
        )
    }

    #[test]
    fn a_record_of_an_answer_is_read() {
        let text = framed();
        let parsed = record(text.as_bytes()).expect("well formed");
        let beside = parsed.beside.expect("framed");
        assert_eq!((&*beside.record_type, beside.version), ("land.parcel.v1", 2));
        assert_eq!(beside.typed.expect("typed").0, "parcel");
        assert_eq!(&parsed.record.statement[..], [1]);
        let proof = parsed.record.ledger_proof.expect("proof");
        assert_eq!((&proof.checkpoint[..], proof.index, proof.path.len()), (&b"a\nb"[..], 7, 1));
        assert!(parsed.record.issuer_proof.is_none());
    }

    #[test]
    fn either_spelling_and_a_bare_record_are_read() {
        let text = format!(
            r#"{{"statement":"AQ==","partial":{{"shown":[{{"index":0,"name":"a","value":"MQ==","salt":"{ZEROS}"}}],
            "hidden":[{{"index":1,"leaf":"{ZEROS}"}}]}},"issuer_proof":{{"index":3}}}}"#
        );
        let parsed = record(text.as_bytes()).expect("well formed");
        assert!(parsed.beside.is_none());
        assert!(
            matches!(parsed.record.disclosure, Disclosure::Partial { shown, hidden } if shown.len() + hidden.len() == 2)
        );
    }

    #[test]
    fn whatever_would_go_unseen_is_refused() {
        let good = framed();
        let changes = [
            ("\"verdict\"", "\"verdikt\""),                                   // unknown text field
            ("\"parcel\":", "\"verdict\":\"VALID\",\"parcel\":"),             // twice
            ("\"version\":\"2\"", "\"version\":\"02\""),                      // another spelling of a number
            ("\"version\":\"2\"", "\"version\":\"2\",\"record_type\":\"x\""), // both spellings of a name
            ("AQ==", "AR=="),                                                 // stray bits behind the last byte
            ("AQ==", "AQ"),                                                   // no padding
            ("\"parcelId\":\"w74\"", "\"parcelId\":\"w74\",\"parcelId\":\"w75\""), // twice in the typed form
            ("\"statement\"", "\"statement2\":1,\"statement\""),              // unknown inside
            ("\"whole\":", "\"partial\":{},\"whole\":"),                      // both forms of the choice
            ("\"parcel\":{", "\"person\":{},\"parcel\":{"),                   // two typed forms
            ("\"verdict\"", "\"statement\":\"AQ==\",\"verdict\""),            // mixed with a bare one
            ("\"index\":\"7\"", "\"index\":-7"),
            ("\"index\":\"7\"", "\"index\":7.0"),
        ];
        for (from, to) in changes {
            assert!(good.contains(from), "{from}");
            record(good.replace(from, to).as_bytes()).expect_err(to);
        }
        record(format!("{good} x").as_bytes()).expect_err("something behind it");
    }
}
