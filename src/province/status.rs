//! The status list of each record type, kept as statements are accepted: in the same commit, so that a list never says more or
//! less than the ledger.
//!
//! What status a version has follows from the accepted statements: a version whose successor was accepted is superseded, a
//! revocation is invalid. Whether the latest version is in force follows from its record's status (an ended licence, a
//! suspended card), which stands in the payload that came with the statement. The list can be made again from the
//! ledger and the view's latest payloads at any time: `rebuild`.
//!
//! | key in `Status` | value |
//! |---|---|
//! | type ‖ 00 | how many statuses (4) ‖ size of the record ledger behind the last batch that changed the list (8) |
//! | type ‖ 01 ‖ number (4) | 4,096 statuses, four to a byte as in [`status_list`](crate::trust::status_list); the last piece holds what there is |

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use crate::base::{Error, Reason, Result};
use crate::registry::{Catalogue, RecordType, State};
use crate::store::{Batch, Scan, Space, Store};
use crate::trust::status_list::{STATUSES_MAX, Status, StatusList, set_in};
use crate::trust::{Object, Operation};

use super::row::corrupt;

mod publish;
mod rebuild;
#[cfg(test)]
mod tests;

pub use publish::{Published, StatusLists, TTL_S};
pub(super) use rebuild::ensure;
pub use rebuild::{check, rebuild};

/// Statuses in one row.
const PIECE: u32 = 4_096;
const HEAD_KEY: u8 = 0;
const PIECE_KEY: u8 = 1;

/// The status of the latest version of a record.
pub(super) fn status_of(record_type: &RecordType, operation: Operation, payload: &Object) -> Status {
    match record_type.state(payload) {
        _ if operation == Operation::Revoke => Status::Invalid,
        Some(State::Ended) => Status::Invalid,
        Some(State::Suspended) => Status::Suspended,
        Some(State::Active) | None => Status::Valid,
    }
}

/// The effect of one accepted statement on the status lists.
#[derive(Debug, Clone, Copy)]
pub(super) struct StatusChange {
    /// The record type's ordinal.
    pub kind: u8,
    /// The version's index in the status list.
    pub index: u32,
    /// The version's status.
    pub status: Status,
    /// The index of the previous version.
    pub before: Option<u32>,
}

/// The changed rows of the status lists, written with the batch.
#[derive(Debug, Default)]
pub(super) struct Changed {
    counts: BTreeMap<u8, u32>,
    pieces: BTreeMap<(u8, u32), Vec<u8>>,
}

impl Changed {
    /// Reads the rows that `accepted` affects, and applies it in order. Fails with [`Reason::RecordNotVerified`] if a statement
    /// does not have the next index of its type: two versions would share an index.
    pub(super) async fn by(store: &dyn Store, accepted: &[StatusChange]) -> Result<Self> {
        let mut changed = Self::default();
        let mut kinds: Vec<u8> = accepted.iter().map(|one| one.kind).collect();
        kinds.sort_unstable();
        kinds.dedup();
        for kind in kinds {
            let head = store.get(Space::Status, &[kind, HEAD_KEY]).await?;
            let count = head.as_deref().map(read_head).transpose()?.map_or(0, |(count, _)| count);
            changed.counts.insert(kind, count);
        }
        let touched = accepted
            .iter()
            .flat_map(|one| [Some(one.index), one.before].into_iter().flatten().map(|i| (one.kind, i / PIECE)));
        let mut keys: Vec<(u8, u32)> = touched.collect();
        keys.sort_unstable();
        keys.dedup();
        let wanted: Vec<Vec<u8>> = keys.iter().map(|(kind, piece)| piece_key(*kind, *piece)).collect();
        for (key, row) in keys.into_iter().zip(store.get_many(Space::Status, &wanted).await?) {
            changed.pieces.insert(key, row.map(|row| row.to_vec()).unwrap_or_default());
        }
        accepted.iter().try_for_each(|one| changed.apply(*one))?;
        Ok(changed)
    }

    fn apply(&mut self, one: StatusChange) -> Result<()> {
        let count = self.counts.entry(one.kind).or_default();
        if one.index != *count || *count >= STATUSES_MAX {
            let message = format!("a statement has the status index {}, and {count} was next", one.index);
            return Err(Error::new(Reason::RecordNotVerified, message));
        }
        *count += 1;
        self.set(one.kind, one.index, one.status)?;
        one.before.map_or(Ok(()), |before| self.set(one.kind, before, Status::Superseded))
    }

    fn set(&mut self, kind: u8, index: u32, status: Status) -> Result<()> {
        let piece = self.pieces.entry((kind, index / PIECE)).or_default();
        let at = (index % PIECE / 4) as usize;
        if at == piece.len() {
            piece.push(0);
        }
        set_in(piece.get_mut(at).ok_or_else(|| corrupt("a status list lacks a piece"))?, index, status);
        Ok(())
    }

    /// Adds the rows to the batch after which the ledger has `ledger_size` entries.
    pub(super) fn write(self, ledger_size: u64, batch: &mut Batch) {
        for (kind, count) in self.counts {
            batch.push_put(Space::Status, vec![kind, HEAD_KEY], write_head(count, ledger_size));
        }
        for ((kind, piece), statuses) in self.pieces {
            batch.push_put(Space::Status, piece_key(kind, piece), statuses);
        }
    }
}

/// The status list of a record type, and the size of the record ledger that it reflects; empty where nothing was accepted.
pub(super) async fn read(store: &dyn Store, kind: &RecordType) -> Result<(StatusList, u64)> {
    // One scan reads one snapshot, so head and pieces match.
    let rows = store.scan(Scan::prefix(Space::Status, &[kind.ordinal])).await?;
    let Some((head, pieces)) = rows.split_first() else { return Ok((StatusList::new(), 0)) };
    let (count, ledger_size) = read_head(&head.1)?;
    let bytes: Vec<u8> = pieces.iter().flat_map(|(_, piece)| piece.iter().copied()).collect();
    let list =
        StatusList::from_bytes(bytes, count).ok_or_else(|| corrupt("a status list's length differs from its head"))?;
    Ok((list, ledger_size))
}

/// The length of a record type's list and the ledger size that it reflects.
pub(super) async fn head(store: &dyn Store, kind: &RecordType) -> Result<(u32, u64)> {
    let head = store.get(Space::Status, &[kind.ordinal, HEAD_KEY]).await?;
    Ok(head.as_deref().map(read_head).transpose()?.unwrap_or_default())
}

/// The record type with this name, or `NOT_FOUND`.
fn kind_named<'a>(catalogue: &'a Catalogue, schema: &str) -> Result<&'a Arc<RecordType>> {
    let unknown = || Error::new(Reason::NotFound, "there is no such record type").with_subject("record_type", schema);
    catalogue.record_type(schema).ok_or_else(unknown)
}

fn piece_key(kind: u8, piece: u32) -> Vec<u8> {
    [&[kind, PIECE_KEY][..], &piece.to_be_bytes()].concat()
}

fn write_head(count: u32, ledger_size: u64) -> Bytes {
    Bytes::from([&count.to_be_bytes()[..], &ledger_size.to_be_bytes()].concat())
}

fn read_head(row: &[u8]) -> Result<(u32, u64)> {
    let read = || {
        let (count, size) = row.split_first_chunk::<4>()?;
        Some((u32::from_be_bytes(*count), u64::from_be_bytes(size.try_into().ok()?)))
    };
    read().ok_or_else(|| corrupt("the head of a status list cannot be read"))
}
