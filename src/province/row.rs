//! The encoding of the view's rows.
//!
//! | space | key | value |
//! |---|---|---|
//! | `ProvinceRecord` | type ‖ record id | ledger index (8) ‖ version (8) ‖ issued_at (8) ‖ valid_until (8) ‖ operation (1) ‖ status index (4) ‖ statement's hash (32) ‖ payload |
//! | `ProvinceHistory` | type ‖ record id ‖ ledger index (8) | the row that stood in `ProvinceRecord` until the next version was accepted |
//! | `ProvinceBatch` | registry ‖ first index in its log | first ledger index (8) ‖ count (8) |
//! | `Meta` | `province/cursor/` ‖ registry | size (8) ‖ edge of its log's tree |
//! | `Meta` | `province/conflict/` ‖ registry | length (4) of the accepted head's note ‖ that note ‖ the note that contradicts it |
//!
//! Index rows: see [`index`](super::index); status lists: see [`status`](super::status). Numbers are big-endian.

use bytes::{BufMut, Bytes, BytesMut};

use crate::base::{Error, Reason, RecordId, Result, Timestamp};
use crate::registry::RecordType;
use crate::trust::merkle::CompactRange;
use crate::trust::{Hash, Operation, Statement};

/// Bytes before the payload.
const HEAD: usize = 8 + 8 + 8 + 8 + 1 + 4 + 32;

/// Type ordinal and record id.
pub(super) type RecordKey = [u8; 17];

/// The latest accepted version of a record.
#[derive(Debug, Clone)]
pub(super) struct RecordRow {
    pub ledger_index: u64,
    pub version: u64,
    pub issued_at: Timestamp,
    pub valid_until: Timestamp,
    pub operation: Operation,
    pub status_index: u32,
    pub statement: Hash,
    pub payload: Bytes,
}

impl RecordRow {
    /// A row whose ledger index is set later, by [`place`].
    pub(super) fn write_unplaced(statement: &Statement, hash: &Hash, payload: &[u8]) -> BytesMut {
        let mut row = BytesMut::with_capacity(HEAD + payload.len());
        row.put_u64(0);
        row.put_u64(statement.version);
        row.put_i64(statement.issued_at.0);
        row.put_i64(statement.valid_until.0);
        row.put_u8(statement.operation.code());
        row.put_u32(statement.status_index);
        row.put_slice(hash);
        row.put_slice(payload);
        row
    }

    pub(super) fn read(bytes: &Bytes) -> Result<Self> {
        let number = |at: usize| Some(u64::from_be_bytes(bytes.get(at..at + 8)?.try_into().ok()?));
        let read = || {
            Some(Self {
                ledger_index: number(0)?,
                version: number(8)?,
                issued_at: Timestamp(number(16)? as i64),
                valid_until: Timestamp(number(24)? as i64),
                operation: Operation::from_code(*bytes.get(32)?)?,
                status_index: u32::from_be_bytes(bytes.get(33..37)?.try_into().ok()?),
                statement: bytes.get(37..HEAD)?.try_into().ok()?,
                payload: bytes.slice(HEAD..),
            })
        };
        read().ok_or_else(|| corrupt("a record's row cannot be read"))
    }
}

/// Sets the ledger index of a row.
pub(super) fn place(row: &mut BytesMut, ledger_index: u64) {
    if let Some(head) = row.first_chunk_mut::<8>() {
        *head = ledger_index.to_be_bytes();
    }
}

pub(super) fn record_key(record_type: &RecordType, id: RecordId) -> RecordKey {
    let mut key = [record_type.ordinal; 17];
    key[1..].copy_from_slice(&id.0);
    key
}

/// Of a version in `ProvinceHistory`.
pub(super) fn history_key(key: &RecordKey, ledger_index: u64) -> Vec<u8> {
    [&key[..], &ledger_index.to_be_bytes()].concat()
}

/// The key in `ProvinceHistory` of a row of `ProvinceRecord`, which begins with its ledger index.
pub(super) fn history_key_of(key: &[u8], row: &[u8]) -> Vec<u8> {
    [key, &row[..row.len().min(8)]].concat()
}

pub(super) fn cursor_key(registry: u8) -> Vec<u8> {
    [b"province/cursor/", &[registry][..]].concat()
}

pub(super) fn write_cursor(range: &CompactRange) -> Bytes {
    let mut row = BytesMut::with_capacity(8 + range.edge().len() * 32);
    row.put_u64(range.size());
    range.edge().iter().for_each(|hash| row.put_slice(hash));
    row.freeze()
}

pub(super) fn read_cursor(row: &[u8]) -> Result<CompactRange> {
    let read = || {
        let (size, edge) = row.split_first_chunk::<8>()?;
        let (edge, rest) = edge.as_chunks::<32>();
        rest.is_empty().then(|| CompactRange::from_edge(u64::from_be_bytes(*size), edge.to_vec()))?
    };
    read().ok_or_else(|| corrupt("the cursor of a registry cannot be read"))
}

pub(super) fn conflict_key(registry: u8) -> Vec<u8> {
    [b"province/conflict/", &[registry][..]].concat()
}

pub(super) fn write_conflict(known: &[u8], shown: &[u8]) -> Bytes {
    let mut row = BytesMut::with_capacity(4 + known.len() + shown.len());
    row.put_u32(known.len() as u32);
    row.put_slice(known);
    row.put_slice(shown);
    row.freeze()
}

/// The accepted note, and the one that contradicts it.
pub(super) fn read_conflict(row: &Bytes) -> Result<(Bytes, Bytes)> {
    let read = || {
        let (length, notes) = row.split_first_chunk::<4>()?;
        let end = 4 + u32::from_be_bytes(*length) as usize;
        (end <= 4 + notes.len()).then(|| (row.slice(4..end), row.slice(end..)))
    };
    read().ok_or_else(|| corrupt("the heads of a conflict cannot be read"))
}

pub(super) fn batch_key(registry: u8, first_index: u64) -> Vec<u8> {
    [&[registry][..], &first_index.to_be_bytes()].concat()
}

pub(super) fn write_batch(first_ledger_index: u64, count: u64) -> Bytes {
    Bytes::from([first_ledger_index.to_be_bytes(), count.to_be_bytes()].concat())
}

/// First index in the registry's log, first ledger index, count.
pub(super) fn read_batch(key: &[u8], row: &[u8]) -> Result<(u64, u64, u64)> {
    let read = || {
        let first = u64::from_be_bytes(key.get(1..)?.try_into().ok()?);
        let (ledger, rest) = row.split_first_chunk::<8>()?;
        Some((first, u64::from_be_bytes(*ledger), u64::from_be_bytes(rest.try_into().ok()?)))
    };
    read().ok_or_else(|| corrupt("the position of a batch cannot be read"))
}

pub(super) fn corrupt(what: &str) -> Error {
    Error::new(Reason::StorageCorrupt, format!("province: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_and_places_read_what_was_written() {
        let mut range = CompactRange::new();
        for leaf in 0..11 {
            range.append([leaf; 32]);
        }
        assert_eq!(read_cursor(&write_cursor(&range)).expect("a cursor"), range);
        assert!(read_cursor(&write_cursor(&range)[..70]).is_err());
        let notes = (Bytes::from_static(b"known"), Bytes::from_static(b"shown otherwise"));
        assert_eq!(read_conflict(&write_conflict(&notes.0, &notes.1)).expect("two notes"), notes);
        assert!(read_conflict(&Bytes::from_static(&[0, 0, 0, 9, 1])).is_err());
        assert_eq!(read_batch(&batch_key(3, 7), &write_batch(9, 2)).expect("a place"), (7, 9, 2));
    }
}
