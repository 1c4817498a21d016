//! Signed records between their inner form and the messages that carry them. Bytes are copied, never re-encoded.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use bytes::{Buf as _, Bytes, BytesMut};
use prost::Message as _;
use prost::encoding::{DecodeContext, WireType, encode_varint};
use prost_reflect::MessageDescriptor;
use prost_types::Struct;
use prost_types::value::Kind;

use crate::base::{Error, RecordId, Result, Timestamp};
use crate::trust::{Disclosure, Hash, HiddenField, LogProof, Object, ShownField, SignedRecord, Value, Verdict};

use super::proto::exchange;
use super::proto::exchange::v1::record::Typed;
use super::proto::trust::v1;
use super::typed::{TypedError, encode_disclosure, pool};

/// The message of a signed record.
pub fn to_message(record: &SignedRecord) -> Result<v1::SignedRecord> {
    let disclosure = match &record.disclosure {
        Disclosure::Whole { payload, salt } => v1::signed_record::Disclosure::Whole(v1::WholeDisclosure {
            payload: payload.clone(),
            salt: Bytes::copy_from_slice(salt),
        }),
        Disclosure::Partial { shown, hidden } => v1::signed_record::Disclosure::Partial(v1::PartialDisclosure {
            shown: shown.iter().map(shown_message).collect(),
            hidden: hidden
                .iter()
                .map(|field| v1::HiddenField { index: field.index.into(), leaf: Bytes::copy_from_slice(&field.leaf) })
                .collect(),
        }),
    };
    Ok(v1::SignedRecord {
        statement: record.statement.clone(),
        disclosure: Some(disclosure),
        issuer_proof: record.issuer_proof.as_ref().map(proof_to_message).transpose()?,
        ledger_proof: record.ledger_proof.as_ref().map(proof_to_message).transpose()?,
    })
}

fn shown_message(field: &ShownField) -> v1::ShownField {
    v1::ShownField {
        index: field.index.into(),
        name: field.name.clone(),
        value: field.value.clone(),
        salt: Bytes::copy_from_slice(&field.salt),
    }
}

/// The message of a log proof.
pub fn proof_to_message(proof: &LogProof) -> Result<v1::LogProof> {
    Ok(v1::LogProof {
        checkpoint: note_text(&proof.checkpoint)?,
        index: proof.index,
        path: proof.path.iter().map(|hash| Bytes::copy_from_slice(hash)).collect(),
    })
}

/// A signed note's text.
pub fn note_text(note: &Bytes) -> Result<String> {
    String::from_utf8(note.to_vec()).map_err(Error::bug)
}

/// The frame of a delivered record around its signed bytes.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'a> {
    /// The record type.
    pub record_type: &'a str,
    /// The full name of its typed message, if it has one.
    pub message: Option<&'a str>,
    /// The record's id.
    pub id: RecordId,
    /// Its version.
    pub version: u64,
    /// The verdict.
    pub verdict: Verdict,
}

/// A record as agencies receive it: signed, typed, and with the gateway's verdict.
pub fn delivered(frame: Frame<'_>, record: &SignedRecord) -> Result<exchange::v1::Record> {
    let typed = match typed_form(frame.message, &record.disclosure) {
        Ok(typed) => Some(typed),
        // A verified payload always has a typed form; one that failed its checks need not.
        Err(error) if frame.verdict.is_valid() => return Err(error.into()),
        Err(_) => None,
    };
    Ok(exchange::v1::Record {
        record_type: frame.record_type.to_owned(),
        record_id: frame.id.to_hex(),
        version: frame.version,
        signed: Some(to_message(record)?),
        verdict: frame.verdict.to_string(),
        typed,
    })
}

/// The typed form of the disclosed fields: of the message with this full name, or of a record type that has none.
pub fn typed_form(message: Option<&str>, disclosure: &Disclosure) -> std::result::Result<Typed, TypedError> {
    let Some(message) = message else {
        return Ok(Typed::Fields(fields_message(&disclosure.fields()?)));
    };
    let (number, encoded) = typed_bytes(Some(message), disclosure)?;
    let mut length = BytesMut::with_capacity(4);
    encode_varint(encoded.len() as u64, &mut length);
    let mut typed = None;
    let mut bytes = length.chain(encoded.as_slice());
    Typed::merge(&mut typed, number, WireType::LengthDelimited, &mut bytes, DecodeContext::default())
        .map_err(|_| TypedError { path: message.to_owned(), problem: "is of another message type" })?;
    typed.ok_or_else(|| no_form(message))
}

/// The same as the number of its field in `exchange.v1.Record`, and the bytes of its message.
pub(super) fn typed_bytes(
    message: Option<&str>,
    disclosure: &Disclosure,
) -> std::result::Result<(u32, Vec<u8>), TypedError> {
    let name = message.unwrap_or("google.protobuf.Struct");
    let number = typed_fields().get(name).copied().ok_or_else(|| no_form(name))?;
    let encoded = match message {
        Some(message) => encode_disclosure(message, disclosure)?,
        None => fields_message(&disclosure.fields()?).encode_to_vec(),
    };
    Ok((number, encoded))
}

fn no_form(message: &str) -> TypedError {
    TypedError { path: message.to_owned(), problem: "is not a typed form of a record" }
}

/// The numbers of the fields that hold typed forms in `exchange.v1.Record`, by the full name of their message.
fn typed_fields() -> &'static BTreeMap<String, u32> {
    static FIELDS: OnceLock<BTreeMap<String, u32>> = OnceLock::new();
    FIELDS.get_or_init(|| {
        let record = pool().get_message_by_name("lienthong.exchange.v1.Record");
        let fields = record.iter().flat_map(MessageDescriptor::fields);
        let typed = fields.filter(|field| field.containing_oneof().is_some());
        typed.filter_map(|field| Some((field.kind().as_message()?.full_name().to_owned(), field.number()))).collect()
    })
}

/// A payload, or a part of one, as `google.protobuf.Struct`.
pub fn fields_message(fields: &Object) -> Struct {
    Struct { fields: fields.iter().map(|(name, value)| (name.to_owned(), value_message(value))).collect() }
}

/// A payload's value as `google.protobuf.Value`.
pub fn value_message(value: &Value) -> prost_types::Value {
    let kind = match value {
        Value::String(text) => Kind::StringValue(text.clone()),
        Value::Integer(number) => Kind::NumberValue(*number as f64), // within ±(2⁵³−1), so exact
        Value::Bool(truth) => Kind::BoolValue(*truth),
        Value::Array(items) => {
            Kind::ListValue(prost_types::ListValue { values: items.iter().map(value_message).collect() })
        }
        Value::Object(object) => Kind::StructValue(fields_message(object)),
    };
    prost_types::Value { kind: Some(kind) }
}

/// A signed record from its message. Fails if the shape is wrong; the verifier judges the signed content.
pub fn from_message(message: v1::SignedRecord) -> Result<SignedRecord> {
    let disclosure = match message.disclosure {
        None => return Err(Error::invalid_field("disclosure", "REQUIRED", "whole or partial disclosure is required")),
        Some(v1::signed_record::Disclosure::Whole(whole)) => {
            Disclosure::Whole { payload: whole.payload, salt: hash("disclosure.salt", &whole.salt)? }
        }
        Some(v1::signed_record::Disclosure::Partial(partial)) => Disclosure::Partial {
            shown: partial.shown.into_iter().map(shown_from_message).collect::<Result<_>>()?,
            hidden: partial
                .hidden
                .into_iter()
                .map(|field| Ok(HiddenField { index: index(field.index)?, leaf: hash("hidden.leaf", &field.leaf)? }))
                .collect::<Result<_>>()?,
        },
    };
    Ok(SignedRecord {
        statement: message.statement,
        disclosure,
        issuer_proof: message.issuer_proof.map(proof_from_message).transpose()?,
        ledger_proof: message.ledger_proof.map(proof_from_message).transpose()?,
    })
}

fn shown_from_message(field: v1::ShownField) -> Result<ShownField> {
    Ok(ShownField {
        index: index(field.index)?,
        name: field.name,
        value: field.value,
        salt: hash("shown.salt", &field.salt)?,
    })
}

/// A log proof from its message.
pub fn proof_from_message(message: v1::LogProof) -> Result<LogProof> {
    Ok(LogProof {
        checkpoint: Bytes::from(message.checkpoint),
        index: message.index,
        path: message.path.iter().map(|node| hash("path", node)).collect::<Result<_>>()?,
    })
}

fn hash(field: &str, bytes: &[u8]) -> Result<Hash> {
    bytes.try_into().map_err(|_| Error::invalid_field(field, "FORMAT", "must be 32 bytes"))
}

fn index(value: u32) -> Result<u16> {
    u16::try_from(value).map_err(|_| Error::invalid_field("index", "OUT_OF_RANGE", "must be below 65536"))
}

/// An instant as protobuf writes it; the end of an open interval is absent.
pub fn timestamp(at: Timestamp) -> Option<prost_types::Timestamp> {
    (at != Timestamp::MAX).then(|| prost_types::Timestamp {
        seconds: at.0.div_euclid(1000),
        nanos: (at.0.rem_euclid(1000) * 1_000_000) as i32,
    })
}

/// An instant from a request's field, in whole milliseconds.
pub fn instant(field: &str, at: &prost_types::Timestamp) -> Result<Timestamp> {
    let fits = (-62_135_596_800..=253_402_300_799).contains(&at.seconds) && (0..1_000_000_000).contains(&at.nanos);
    if !fits || at.nanos % 1_000_000 != 0 {
        return Err(Error::invalid_field(
            field,
            "OUT_OF_RANGE",
            "must be an instant within years 1 to 9999, in whole milliseconds",
        ));
    }
    Ok(Timestamp(at.seconds * 1000 + i64::from(at.nanos / 1_000_000)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(disclosure: Disclosure) -> SignedRecord {
        let proof = LogProof { checkpoint: Bytes::from_static(b"note\n"), index: 3, path: vec![[7; 32], [8; 32]] };
        SignedRecord {
            statement: Bytes::from_static(b"statement"),
            disclosure,
            issuer_proof: Some(proof.clone()),
            ledger_proof: Some(proof),
        }
    }

    #[test]
    fn what_is_sent_comes_back() {
        let whole = Disclosure::Whole { payload: Bytes::from_static(b"{}"), salt: [1; 32] };
        let shown = ShownField { index: 1, name: "a".into(), value: Bytes::from_static(b"1"), salt: [2; 32] };
        let partial = Disclosure::Partial { shown: vec![shown], hidden: vec![HiddenField { index: 0, leaf: [3; 32] }] };
        for disclosure in [whole, partial] {
            let record = record(disclosure);
            let back = from_message(to_message(&record).expect("message")).expect("record");
            assert_eq!(back, record);
        }
    }

    #[test]
    fn a_record_type_without_a_message_travels_as_its_fields() {
        let payload = Bytes::from(r#"{"copies":3,"grades":[{"mark":"9.5"}],"is_final":true,"title":"Cử nhân"}"#);
        let Ok(Typed::Fields(fields)) = typed_form(None, &Disclosure::Whole { payload, salt: [1; 32] }) else {
            panic!("not its fields")
        };
        let object = Object::new()
            .with("copies", 3)
            .with("grades", vec![Object::new().with("mark", "9.5")])
            .with("is_final", true)
            .with("title", "Cử nhân");
        assert_eq!(fields, fields_message(&object));
        assert_eq!(fields.fields["copies"].kind, Some(Kind::NumberValue(3.0)));
        let shown = ShownField { index: 1, name: "copies".into(), value: Bytes::from_static(b"3"), salt: [2; 32] };
        let partial = Disclosure::Partial { shown: vec![shown], hidden: vec![] };
        let shown = Object::new().with("copies", 3);
        assert_eq!(typed_form(None, &partial).expect("fields"), Typed::Fields(fields_message(&shown)));
        typed_form(Some("lienthong.registry.v1.Change"), &partial).expect_err("no typed form of a record");
    }

    #[test]
    fn wrong_lengths_are_named() {
        let whole = Disclosure::Whole { payload: Bytes::from_static(b"{}"), salt: [1; 32] };
        let mut message = to_message(&record(whole)).expect("message");
        if let Some(proof) = &mut message.ledger_proof {
            proof.path[1] = Bytes::from_static(b"short");
        }
        assert_eq!(from_message(message).expect_err("refused").violations.kept()[0].field, "path");
    }

    #[test]
    fn instants_are_whole_milliseconds() {
        let at = Timestamp(-1);
        let message = timestamp(at).expect("finite");
        assert_eq!((message.seconds, message.nanos), (-1, 999_000_000));
        assert_eq!(instant("x", &message).expect("back"), at);
        assert!(instant("x", &prost_types::Timestamp { seconds: 0, nanos: 1 }).is_err());
        assert_eq!(timestamp(Timestamp::MAX), None);
    }
}
