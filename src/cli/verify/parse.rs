//! A record in protobuf JSON (protobuf.dev/programming-guides/json), as `grpcurl` prints it, read strictly into the bytes that
//! are verified.
//!
//! Field names come in lowerCamelCase or as in the proto. Whatever a reader could see and `verify` would not check is refused: an
//! unknown field, a field twice, both forms of a choice, base64 with stray bits.

use std::borrow::Cow;

use base64_simd::{Out, STANDARD};
use bytes::Bytes;

use crate::trust::{Disclosure, Hash, HiddenField, LogProof, ShownField, SignedRecord};
use crate::wire::typed::pool;

use super::json::{Broken, Cursor, Tree};

/// A record as a file contains it.
#[derive(Debug)]
pub struct Parsed<'a> {
    /// The record as it was signed.
    pub record: SignedRecord,
    /// Its displayed form; `None` for a bare `SignedRecord`.
    pub displayed: Option<DisplayedForm<'a>>,
}

/// The fields of an answer that accompany the signed bytes.
#[derive(Debug, Default)]
pub struct DisplayedForm<'a> {
    /// `record_type`; a version of a typed service says it by the name of its typed form.
    pub record_type: Option<Cow<'a, str>>,
    /// `record_id`.
    pub record_id: Cow<'a, str>,
    /// `version`.
    pub version: u64,
    /// `issued_at`, in versions.
    pub issued_at: Option<Cow<'a, str>>,
    /// `log_index`, in versions.
    pub log_index: Option<u64>,
    /// `verdict`, in answers of the exchange.
    pub verdict: Option<Cow<'a, str>>,
    /// The typed form: the name of its field, and what it says.
    pub typed: Option<(Cow<'a, str>, Tree<'a>)>,
}

/// Reads one record: an exchange's or registry's `Record`, a typed service's version, or a bare `SignedRecord`.
pub fn record<'a>(cursor: &mut Cursor<'a>) -> Result<Parsed<'a>, Broken> {
    let mut displayed = DisplayedForm::default();
    let (mut is_bare, mut is_framed) = (false, false);
    let (mut record_id, mut version) = (None, None);
    let (mut signed, mut bare) = (None, Signed::default());
    cursor.object(|cursor, key| {
        if bare.take(&key, cursor)? {
            is_bare = true;
            return Ok(());
        }
        is_framed = true;
        match &*key {
            "recordType" | "record_type" => once(&mut displayed.record_type, cursor, "recordType", Cursor::text),
            "recordId" | "record_id" => once(&mut record_id, cursor, "recordId", Cursor::text),
            "version" => once(&mut version, cursor, "version", number),
            "signed" | "record" => once(&mut signed, cursor, "signed", Signed::read),
            "issuedAt" | "issued_at" => once(&mut displayed.issued_at, cursor, "issuedAt", Cursor::text),
            "logIndex" | "log_index" => once(&mut displayed.log_index, cursor, "logIndex", number),
            "verdict" => once(&mut displayed.verdict, cursor, "verdict", Cursor::text),
            "typed" => Err(cursor.wrong(of_a_oneof("typed"))),
            _ if displayed.typed.is_some() => Err(unknown(cursor, &key)),
            _ => match Tree::read(cursor)? {
                typed @ Tree::Object(_) => {
                    displayed.typed = Some((key, typed));
                    Ok(())
                }
                _ => Err(unknown(cursor, &key)),
            },
        }
    })?;
    if is_bare && is_framed {
        return Err(cursor.wrong("fields of a record and of a signed record are mixed"));
    }
    if is_bare {
        return Ok(Parsed { record: bare.build(cursor)?, displayed: None });
    }
    displayed.record_id = record_id.unwrap_or_default();
    displayed.version = version.unwrap_or_default();
    let signed = signed.ok_or_else(|| cursor.wrong("a record without its signed bytes"))?;
    Ok(Parsed { record: signed.build(cursor)?, displayed: Some(displayed) })
}

/// Whether a value's first field says that it is a record, not an answer around records.
pub fn begins_record(field: &str) -> bool {
    const FIELDS: [&str; 18] = [
        "recordType",
        "record_type",
        "recordId",
        "record_id",
        "version",
        "issuedAt",
        "issued_at",
        "logIndex",
        "log_index",
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

/// Reads a field that must not have been there before.
fn once<'a, T>(
    place: &mut Option<T>,
    cursor: &mut Cursor<'a>,
    name: &str,
    read: impl FnOnce(&mut Cursor<'a>) -> Result<T, Broken>,
) -> Result<(), Broken> {
    if place.is_some() {
        return Err(cursor.wrong(format_args!("`{name}` occurs twice")));
    }
    *place = Some(read(cursor)?);
    Ok(())
}

fn unknown(cursor: &Cursor<'_>, name: &str) -> Broken {
    cursor.wrong(format_args!("unknown field `{name}`"))
}

/// The flaw message about a field that has the name of a oneof: protobuf JSON has no such fields, and grpc-js's loader adds them if asked to.
pub fn of_a_oneof(name: &str) -> String {
    format!(
        "`{name}` is the name of a oneof, which @grpc/proto-loader adds with `oneofs: true`: write the answer without it,"
    )
}

/// The fields of a signed record, as far as they are there.
#[derive(Default)]
struct Signed {
    statement: Option<Bytes>,
    whole: Option<Disclosure>,
    partial: Option<Disclosure>,
    issuer_proof: Option<LogProof>,
    ledger_proof: Option<LogProof>,
}

impl Signed {
    fn read(cursor: &mut Cursor<'_>) -> Result<Self, Broken> {
        let mut signed = Self::default();
        cursor.object(|cursor, key| match signed.take(&key, cursor)? {
            true => Ok(()),
            false => Err(unknown(cursor, &key)),
        })?;
        Ok(signed)
    }

    /// Takes a field if it is one of a signed record's.
    fn take(&mut self, key: &str, cursor: &mut Cursor<'_>) -> Result<bool, Broken> {
        match key {
            "statement" => once(&mut self.statement, cursor, "statement", blob)?,
            "whole" => once(&mut self.whole, cursor, "whole", whole)?,
            "partial" => once(&mut self.partial, cursor, "partial", partial)?,
            "issuerProof" | "issuer_proof" => once(&mut self.issuer_proof, cursor, "issuerProof", proof)?,
            "ledgerProof" | "ledger_proof" => once(&mut self.ledger_proof, cursor, "ledgerProof", proof)?,
            "disclosure" => return Err(cursor.wrong(of_a_oneof("disclosure"))),
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn build(self, cursor: &Cursor<'_>) -> Result<SignedRecord, Broken> {
        let disclosure = match (self.whole, self.partial) {
            (Some(one), None) | (None, Some(one)) => one,
            (None, None) => return Err(cursor.wrong("a signed record without payload or fields")),
            (Some(_), Some(_)) => return Err(cursor.wrong("a signed record with both payload and fields")),
        };
        Ok(SignedRecord {
            statement: self.statement.unwrap_or_default(),
            disclosure,
            issuer_proof: self.issuer_proof,
            ledger_proof: self.ledger_proof,
        })
    }
}

fn whole(cursor: &mut Cursor<'_>) -> Result<Disclosure, Broken> {
    let (mut payload, mut salt) = (None, None);
    cursor.object(|cursor, key| match &*key {
        "payload" => once(&mut payload, cursor, "payload", blob),
        "salt" => once(&mut salt, cursor, "salt", hash),
        _ => Err(unknown(cursor, &key)),
    })?;
    Ok(Disclosure::Whole { payload: payload.unwrap_or_default(), salt: salt.unwrap_or_default() })
}

fn partial(cursor: &mut Cursor<'_>) -> Result<Disclosure, Broken> {
    let (mut shown, mut hidden) = (None, None);
    cursor.object(|cursor, key| match &*key {
        "shown" => once(&mut shown, cursor, "shown", |cursor| list(cursor, shown_field)),
        "hidden" => once(&mut hidden, cursor, "hidden", |cursor| list(cursor, hidden_field)),
        _ => Err(unknown(cursor, &key)),
    })?;
    Ok(Disclosure::Partial { shown: shown.unwrap_or_default(), hidden: hidden.unwrap_or_default() })
}

fn list<'a, T>(
    cursor: &mut Cursor<'a>,
    mut read: impl FnMut(&mut Cursor<'a>) -> Result<T, Broken>,
) -> Result<Vec<T>, Broken> {
    let mut items = Vec::with_capacity(16);
    cursor.list(|cursor| {
        items.push(read(cursor)?);
        Ok(())
    })?;
    Ok(items)
}

fn shown_field(cursor: &mut Cursor<'_>) -> Result<ShownField, Broken> {
    let (mut index, mut name, mut value, mut salt) = (None, None, None, None);
    cursor.object(|cursor, key| match &*key {
        "index" => once(&mut index, cursor, "index", position),
        "name" => once(&mut name, cursor, "name", Cursor::text),
        "value" => once(&mut value, cursor, "value", blob),
        "salt" => once(&mut salt, cursor, "salt", hash),
        _ => Err(unknown(cursor, &key)),
    })?;
    Ok(ShownField {
        index: index.unwrap_or_default(),
        name: name.unwrap_or_default().into_owned(),
        value: value.unwrap_or_default(),
        salt: salt.unwrap_or_default(),
    })
}

fn hidden_field(cursor: &mut Cursor<'_>) -> Result<HiddenField, Broken> {
    let (mut index, mut leaf) = (None, None);
    cursor.object(|cursor, key| match &*key {
        "index" => once(&mut index, cursor, "index", position),
        "leaf" => once(&mut leaf, cursor, "leaf", hash),
        _ => Err(unknown(cursor, &key)),
    })?;
    Ok(HiddenField { index: index.unwrap_or_default(), leaf: leaf.unwrap_or_default() })
}

fn proof(cursor: &mut Cursor<'_>) -> Result<LogProof, Broken> {
    let (mut checkpoint, mut index, mut path) = (None, None, None);
    cursor.object(|cursor, key| match &*key {
        "checkpoint" => once(&mut checkpoint, cursor, "checkpoint", |cursor| {
            Ok(Bytes::from(cursor.text()?.into_owned().into_bytes()))
        }),
        "index" => once(&mut index, cursor, "index", number),
        "path" => once(&mut path, cursor, "path", |cursor| list(cursor, hash)),
        _ => Err(unknown(cursor, &key)),
    })?;
    Ok(LogProof {
        checkpoint: checkpoint.unwrap_or_default(),
        index: index.unwrap_or_default(),
        path: path.unwrap_or_default(),
    })
}

/// Base64 of any length.
fn blob(cursor: &mut Cursor<'_>) -> Result<Bytes, Broken> {
    let text = cursor.text()?;
    STANDARD.decode_to_vec(text.as_bytes()).map(Bytes::from).map_err(|_| cursor.wrong("expected base64"))
}

/// Base64 of 32 bytes; absent it is empty in protobuf, which nothing of 32 bytes can be, so that zeros fail their check.
fn hash(cursor: &mut Cursor<'_>) -> Result<Hash, Broken> {
    if let Some(hash) = cursor.exactly(|text: &[u8; 44]| thirty_two(text))? {
        return Ok(hash);
    }
    let text = cursor.text()?;
    let hash = text.as_bytes().try_into().ok().and_then(thirty_two);
    hash.ok_or_else(|| cursor.wrong("expected base64 of 32 bytes"))
}

fn thirty_two(text: &[u8; 44]) -> Option<Hash> {
    let mut hash = [0; 33];
    let decoded = STANDARD.decode(text, Out::from_slice(&mut hash)).ok()?;
    (&*decoded).try_into().ok()
}

/// A whole number, as a JSON number or, as protobuf JSON has 64-bit numbers, as text.
fn number(cursor: &mut Cursor<'_>) -> Result<u64, Broken> {
    let number = if cursor.peek()? == b'"' {
        let text = cursor.text()?;
        let plain = text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
        if plain { text.parse().ok() } else { None }
    } else {
        u64::try_from(cursor.integer()?).ok()
    };
    number.ok_or_else(|| cursor.wrong("expected a whole number"))
}

/// A field's position.
fn position(cursor: &mut Cursor<'_>) -> Result<u16, Broken> {
    let number = number(cursor)?;
    u16::try_from(number).map_err(|_| cursor.wrong("a field's index is at most 65535"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(text: &str) -> Result<Parsed<'_>, Broken> {
        let mut cursor = Cursor::new(text, 0);
        let parsed = super::record(&mut cursor)?;
        cursor.end()?;
        Ok(parsed)
    }

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
        let parsed = record(&text).expect("well formed");
        let displayed = parsed.displayed.expect("framed");
        assert_eq!((displayed.record_type.as_deref(), displayed.version), (Some("land.parcel.v1"), 2));
        assert_eq!(displayed.typed.expect("typed").0, "parcel");
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
        let parsed = record(&text).expect("well formed");
        assert!(parsed.displayed.is_none());
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
            (&ZEROS[40..], "AAB="),                                           // of a hash too
            ("AQ==", "AQ"),                                                   // no padding
            ("\"parcelId\":\"w74\"", "\"parcelId\":\"w74\",\"parcelId\":\"w75\""), // twice in the typed form
            ("\"statement\"", "\"statement2\":1,\"statement\""),              // unknown inside
            ("\"whole\":", "\"partial\":{},\"whole\":"),                      // both forms of the choice
            ("\"whole\":", "\"disclosure\":\"whole\",\"whole\":"),            // the choice's own name
            ("\"verdict\"", "\"typed\":\"parcel\",\"verdict\""),              // and that of the other choice
            ("\"parcel\":{", "\"person\":{},\"parcel\":{"),                   // two typed forms
            ("\"verdict\"", "\"statement\":\"AQ==\",\"verdict\""),            // mixed with a bare one
            ("\"index\":\"7\"", "\"index\":-7"),
            ("\"index\":\"7\"", "\"index\":7.0"),
        ];
        for (from, to) in changes {
            assert!(good.contains(from), "{from}");
            record(&good.replace(from, to)).expect_err(to);
        }
        record(&format!("{good} x")).expect_err("something behind it");
    }
}
