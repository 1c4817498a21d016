//! A delivered record, written as the bytes of its message at once.
//!
//! [`delivered`](super::record::delivered) makes the same as a value of the generated types, for answers that hold it as one. A fetch
//! needs the bytes alone, once for each record that nobody asked for lately, and a proof alone is two dozen allocations there. The
//! typed form is written as it comes from the payload: its fields are in the order of their names, which every reader of protobuf
//! takes (protobuf.dev, "Encoding", field order). A test holds the bytes to the generated message.

use bytes::{BufMut, Bytes, BytesMut};
use prost::encoding::{WireType, encode_key, encode_varint, encoded_len_varint};

use super::record::{Frame, typed_bytes};
use crate::base::{Error, Result};
use crate::trust::{Disclosure, HiddenField, LogProof, ShownField, SignedRecord};

/// Numbers of the fields of `exchange.v1.Record`.
mod record {
    pub(super) const TYPE: u32 = 1;
    pub(super) const ID: u32 = 2;
    pub(super) const VERSION: u32 = 3;
    pub(super) const SIGNED: u32 = 4;
    pub(super) const VERDICT: u32 = 5;
}

/// Numbers of the fields of `trust.v1.SignedRecord`.
mod signed {
    pub(super) const STATEMENT: u32 = 1;
    pub(super) const WHOLE: u32 = 2;
    pub(super) const PARTIAL: u32 = 3;
    pub(super) const ISSUER_PROOF: u32 = 4;
    pub(super) const LEDGER_PROOF: u32 = 5;
}

/// The bytes of `exchange.v1.Record`.
pub fn encode_delivered(frame: Frame<'_>, delivered: &SignedRecord) -> Result<Bytes> {
    let typed = match typed_bytes(frame.message, &delivered.disclosure) {
        Ok(typed) => Some(typed),
        // A verified payload always has a typed form; one that failed its checks need not.
        Err(error) if frame.verdict.is_valid() => return Err(error.into()),
        Err(_) => None,
    };
    let signed = SignedLengths::of(delivered)?;
    let typed_bytes = typed.as_ref().map_or(0, |(_, bytes)| bytes.len());
    let mut out = BytesMut::with_capacity(signed.whole + typed_bytes + 128);
    put_bytes(&mut out, record::TYPE, frame.record_type.as_bytes());
    put_bytes(&mut out, record::ID, frame.id.to_hex().as_bytes());
    put_number(&mut out, record::VERSION, frame.version);
    put_key(&mut out, record::SIGNED, signed.whole);
    put_signed(&mut out, delivered, &signed);
    put_bytes(&mut out, record::VERDICT, frame.verdict.to_string().as_bytes());
    if let Some((number, bytes)) = &typed {
        put_key(&mut out, *number, bytes.len());
        out.put_slice(bytes);
    }
    Ok(out.freeze())
}

/// The lengths of the parts of a signed record: a length precedes its message.
struct SignedLengths {
    whole: usize,
    disclosure: usize,
    issuer_proof: usize,
    ledger_proof: usize,
}

impl SignedLengths {
    fn of(signed: &SignedRecord) -> Result<Self> {
        let disclosure = match &signed.disclosure {
            Disclosure::Whole { payload, salt } => field(payload.len()) + field(salt.len()),
            Disclosure::Partial { shown, hidden } => {
                let shown = shown.iter().map(|one| nested(shown_length(one)));
                shown.chain(hidden.iter().map(|one| nested(hidden_length(one)))).sum()
            }
        };
        let of = |proof: &Option<LogProof>| proof.as_ref().map_or(Ok(0), proof_length);
        let (issuer_proof, ledger_proof) = (of(&signed.issuer_proof)?, of(&signed.ledger_proof)?);
        let proofs = [(&signed.issuer_proof, issuer_proof), (&signed.ledger_proof, ledger_proof)];
        let proofs = proofs.iter().map(|(proof, length)| if proof.is_some() { nested(*length) } else { 0 });
        let whole = field(signed.statement.len()) + nested(disclosure) + proofs.sum::<usize>();
        Ok(Self { whole, disclosure, issuer_proof, ledger_proof })
    }
}

fn put_signed(out: &mut BytesMut, of: &SignedRecord, lengths: &SignedLengths) {
    put_bytes(out, signed::STATEMENT, &of.statement);
    match &of.disclosure {
        Disclosure::Whole { payload, salt } => {
            put_key(out, signed::WHOLE, lengths.disclosure);
            put_bytes(out, 1, payload);
            put_bytes(out, 2, salt);
        }
        Disclosure::Partial { shown, hidden } => {
            put_key(out, signed::PARTIAL, lengths.disclosure);
            for one in shown {
                put_key(out, 1, shown_length(one));
                put_number(out, 1, one.index.into());
                put_bytes(out, 2, one.name.as_bytes());
                put_bytes(out, 3, &one.value);
                put_bytes(out, 4, &one.salt);
            }
            for one in hidden {
                put_key(out, 2, hidden_length(one));
                put_number(out, 1, one.index.into());
                put_bytes(out, 2, &one.leaf);
            }
        }
    }
    let proofs = [
        (signed::ISSUER_PROOF, &of.issuer_proof, lengths.issuer_proof),
        (signed::LEDGER_PROOF, &of.ledger_proof, lengths.ledger_proof),
    ];
    for (number, proof, length) in proofs {
        let Some(proof) = proof else { continue };
        put_key(out, number, length);
        put_bytes(out, 1, &proof.checkpoint);
        put_number(out, 2, proof.index);
        for hash in &proof.path {
            put_key(out, 3, hash.len());
            out.put_slice(hash);
        }
    }
}

fn shown_length(shown: &ShownField) -> usize {
    number(shown.index.into()) + field(shown.name.len()) + field(shown.value.len()) + field(shown.salt.len())
}

fn hidden_length(hidden: &HiddenField) -> usize {
    number(hidden.index.into()) + field(hidden.leaf.len())
}

/// The length of a proof, whose checkpoint is text.
fn proof_length(proof: &LogProof) -> Result<usize> {
    std::str::from_utf8(&proof.checkpoint).map_err(Error::bug)?;
    let path: usize = proof.path.iter().map(|hash| nested(hash.len())).sum();
    Ok(field(proof.checkpoint.len()) + number(proof.index) + path)
}

/// Bytes or text of this length; what is empty is left out.
fn field(length: usize) -> usize {
    if length == 0 { 0 } else { nested(length) }
}

/// A message of this length, or an entry of a list. Keys of fields up to 15 take one byte.
fn nested(length: usize) -> usize {
    1 + encoded_len_varint(length as u64) + length
}

/// A number; 0 is left out.
fn number(value: u64) -> usize {
    if value == 0 { 0 } else { 1 + encoded_len_varint(value) }
}

fn put_key(out: &mut BytesMut, number: u32, length: usize) {
    encode_key(number, WireType::LengthDelimited, out);
    encode_varint(length as u64, out);
}

fn put_bytes(out: &mut BytesMut, number: u32, bytes: &[u8]) {
    if !bytes.is_empty() {
        put_key(out, number, bytes.len());
        out.put_slice(bytes);
    }
}

fn put_number(out: &mut BytesMut, number: u32, value: u64) {
    if value != 0 {
        encode_key(number, WireType::Varint, out);
        encode_varint(value, out);
    }
}

#[cfg(test)]
mod tests {
    use prost::Message as _;

    use super::*;
    use crate::base::RecordId;
    use crate::trust::{Code, Verdict};
    use crate::wire::proto::exchange::v1::Record;
    use crate::wire::record::delivered;

    const MESSAGE: &str = "lienthong.registry.vehicle.v1.Registration";

    fn check(disclosure: Disclosure, proofs: [Option<LogProof>; 2], verdict: Verdict) {
        let [issuer_proof, ledger_proof] = proofs;
        let record =
            SignedRecord { statement: Bytes::from_static(b"statement"), disclosure, issuer_proof, ledger_proof };
        let record_type = "vehicle.registration.v1";
        for (version, message) in [(0, None), (1, Some(MESSAGE)), (300, Some(MESSAGE))] {
            let frame = Frame { record_type, message, id: RecordId([9; 16]), version, verdict };
            let bytes = encode_delivered(frame, &record).expect("encodes");
            let read = Record::decode(bytes.clone()).expect("is the message");
            assert_eq!(read, delivered(frame, &record).expect("a message"));
            assert_eq!(read.encoded_len(), bytes.len());
        }
    }

    #[test]
    fn the_bytes_are_those_of_the_message() {
        let proof = |index, path| LogProof { checkpoint: Bytes::from_static(b"note\n"), index, path };
        let payload = br#"{"brand":"Honda","plate":"43A-123.45"}"#;
        let whole = Disclosure::Whole { payload: Bytes::from_static(payload), salt: [1; 32] };
        let shown = |index, name: &str| ShownField {
            index,
            name: name.into(),
            value: Bytes::from_static(b"\"Honda\""),
            salt: [2; 32],
        };
        let hidden = |index| HiddenField { index, leaf: [3; 32] };
        let partial = Disclosure::Partial { shown: vec![shown(0, "brand")], hidden: vec![hidden(1), hidden(200)] };
        let nothing = Disclosure::Partial { shown: Vec::new(), hidden: Vec::new() };
        for disclosure in [whole, partial, nothing] {
            check(disclosure.clone(), [None, None], Verdict::Valid);
            let long = proof(u64::MAX, vec![[7; 32]; 40]);
            check(disclosure, [Some(proof(0, Vec::new())), Some(long)], Verdict::Valid);
        }
    }

    #[test]
    fn what_has_no_typed_form_is_delivered_only_where_it_does_not_verify() {
        let payload = Bytes::from_static(b"not canonical");
        let whole = Disclosure::Whole { payload, salt: [1; 32] };
        check(whole.clone(), [None, None], Verdict::Invalid(Code::NonCanonical));
        let record =
            SignedRecord { statement: Bytes::new(), disclosure: whole, issuer_proof: None, ledger_proof: None };
        let message = Some(MESSAGE);
        let (id, verdict) = (RecordId([9; 16]), Verdict::Valid);
        let frame = Frame { record_type: "vehicle.registration.v1", message, id, version: 1, verdict };
        assert!(encode_delivered(frame, &record).is_err());
    }
}
