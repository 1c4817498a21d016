//! How records are stored: one row for the latest version of each, one for each superseded version.
//!
//! | space | key | value |
//! |---|---|---|
//! | `Record` | type ‖ record id | row of the latest version |
//! | `RecordHistory` | type ‖ record id ‖ version | row of a superseded version |
//! | `Submission` | registry ‖ request id | hash of the content, first log index, record id and version of each change |
//! | `Meta` | `registry/` ‖ registry | next status index of each record type |
//!
//! A row is `log index (8) ‖ salt (32) ‖ length of statement (2) ‖ statement ‖ payload`, numbers big-endian. The type
//! comes first in the key, so that listing a type is a scan of a prefix. Index rows: see [`index`](super::index).

use bytes::{BufMut, Bytes, BytesMut};

use crate::base::{Error, Reason, RecordId, Warnings};
use crate::trust::{Disclosure, Hash, Salt, SignedRecord, Statement};

use super::RecordType;
use super::port::Receipt;

/// Key of a record in `Record`.
pub(super) type RecordKey = [u8; 17];

/// One stored version.
#[derive(Debug, Clone)]
pub(super) struct RecordRow {
    pub log_index: u64,
    pub salt: Salt,
    pub statement: Bytes,
    pub payload: Bytes,
}

impl RecordRow {
    pub(super) fn write(&self) -> Bytes {
        let mut bytes = BytesMut::with_capacity(8 + 32 + 2 + self.statement.len() + self.payload.len());
        bytes.put_u64(self.log_index);
        bytes.put_slice(&self.salt);
        bytes.put_u16(self.statement.len() as u16);
        bytes.put_slice(&self.statement);
        bytes.put_slice(&self.payload);
        bytes.freeze()
    }

    pub(super) fn read(bytes: &Bytes) -> Result<Self, Error> {
        let read = || {
            let log_index = u64::from_be_bytes(bytes.get(..8)?.try_into().ok()?);
            let salt = bytes.get(8..40)?.try_into().ok()?;
            let length = usize::from(u16::from_be_bytes(bytes.get(40..42)?.try_into().ok()?));
            let payload = 42 + length;
            (payload <= bytes.len()).then(|| Self {
                log_index,
                salt,
                statement: bytes.slice(42..payload),
                payload: bytes.slice(payload..),
            })
        };
        read().ok_or_else(|| corrupt("a record's row cannot be read"))
    }

    /// The statement, read.
    pub(super) fn decoded(&self) -> Result<Statement, Error> {
        Statement::decode(&self.statement)
            .map_err(|error| corrupt("a record's statement cannot be read").with_source(error))
    }

    /// The record as it is delivered, whole and without proofs.
    pub(super) fn record(&self) -> SignedRecord {
        SignedRecord {
            statement: self.statement.clone(),
            disclosure: Disclosure::Whole { payload: self.payload.clone(), salt: self.salt },
            issuer_proof: None,
            ledger_proof: None,
        }
    }
}

pub(super) fn record_key(record_type: &RecordType, id: RecordId) -> RecordKey {
    let mut key = [record_type.ordinal; 17];
    key[1..].copy_from_slice(&id.0);
    key
}

pub(super) fn history_key(record: &RecordKey, version: u64) -> Vec<u8> {
    [&record[..], &version.to_be_bytes()].concat()
}

pub(super) fn submission_key(registry: u8, request_id: &str) -> Vec<u8> {
    [&[registry], request_id.as_bytes()].concat()
}

pub(super) fn counters_key(registry: u8) -> Vec<u8> {
    [b"registry/", &[registry][..]].concat()
}

/// The source of the answer to a repeated request.
pub(super) struct Receipts {
    /// Hash of the submission's content.
    pub content: Hash,
    pub receipts: Vec<Receipt>,
}

impl Receipts {
    pub(super) fn write(&self) -> Bytes {
        let mut bytes = BytesMut::with_capacity(32 + self.receipts.len() * 32);
        bytes.put_slice(&self.content);
        for receipt in &self.receipts {
            bytes.put_slice(&receipt.record_id.0);
            bytes.put_u64(receipt.version);
            bytes.put_u64(receipt.log_index);
        }
        bytes.freeze()
    }

    pub(super) fn read(bytes: &[u8]) -> Result<Self, Error> {
        let unreadable = || corrupt("a submission's receipts cannot be read");
        let (content, rest) = bytes.split_first_chunk::<32>().ok_or_else(unreadable)?;
        let receipt = |part: &[u8]| {
            Some(Receipt {
                record_id: RecordId(part.get(..16)?.try_into().ok()?),
                version: u64::from_be_bytes(part.get(16..24)?.try_into().ok()?),
                log_index: u64::from_be_bytes(part.get(24..32)?.try_into().ok()?),
                // Found again with every repetition.
                warnings: Warnings::default(),
            })
        };
        let receipts = rest.chunks(32).map(receipt).collect::<Option<_>>().ok_or_else(unreadable)?;
        Ok(Self { content: *content, receipts })
    }
}

pub(super) fn corrupt(what: &'static str) -> Error {
    Error::new(Reason::StorageCorrupt, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_read_what_was_written() {
        let row = RecordRow {
            log_index: 7,
            salt: [3; 32],
            statement: Bytes::from_static(b"statement"),
            payload: Bytes::from_static(b"{}"),
        };
        let written = row.write();
        let read = RecordRow::read(&written).expect("a row");
        assert_eq!((read.log_index, read.salt), (7, [3; 32]));
        assert_eq!((&read.statement[..], &read.payload[..]), (&b"statement"[..], &b"{}"[..]));
        for length in 0..42 {
            assert!(RecordRow::read(&written.slice(..length)).is_err());
        }
    }

    #[test]
    fn receipts_read_what_was_written() {
        let receipt = |n: u8| Receipt {
            record_id: RecordId([n; 16]),
            version: n.into(),
            log_index: 9,
            warnings: Warnings::default(),
        };
        let written = Receipts { content: [1; 32], receipts: vec![receipt(1), receipt(2)] }.write();
        let read = Receipts::read(&written).expect("receipts");
        assert_eq!((read.content, read.receipts), ([1; 32], vec![receipt(1), receipt(2)]));
        assert!(Receipts::read(&written[..50]).is_err());
    }
}
