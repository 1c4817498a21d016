//! Rebuilds status lists from the record ledger: after a loss, or to check the stored ones.

use std::collections::BTreeMap;

use crate::base::{Reason, Result};
use crate::ledger::{Log, StoredLog};
use crate::registry::{Catalogue, Name};
use crate::store::{Batch, Scan, Space, Store};
use crate::trust::entry::split_entry;
use crate::trust::status_list::{Status, StatusList};
use crate::trust::{EntryType, Operation, Statement, canonical};

use super::super::row::{RecordKey, RecordRow, corrupt, record_key};
use super::{HEAD_KEY, PIECE, kind_named, piece_key, status_of, write_head};

/// Log entries in one read.
const ENTRIES_READ: usize = 4_096;
/// Rows of the view in one read.
const ROWS_READ: usize = 4_096;

/// The rebuilt list of each record type, and the ledger size that it reflects.
type Lists = BTreeMap<u8, (StatusList, u64)>;

/// Rebuilds the lists if there are none, though the ledger has entries.
pub(in crate::province) async fn ensure(store: &dyn Store, catalogue: &Catalogue, ledger: &Log) -> Result<()> {
    let kept = store.scan(Scan::prefix(Space::Status, &[]).limit(1)).await?;
    if kept.is_empty() && ledger.head().size > 0 {
        rebuild(store, catalogue, &ledger.stored()).await?;
    }
    Ok(())
}

/// Rebuilds all lists, and returns the record types whose stored lists differ; nothing is written.
pub async fn check(store: &dyn Store, catalogue: &Catalogue, ledger: &StoredLog<'_>) -> Result<Vec<Name>> {
    Ok(compared(store, catalogue, ledger).await?.0)
}

/// Rebuilds all lists, replaces those that differ, and returns their record types.
pub async fn rebuild(store: &dyn Store, catalogue: &Catalogue, ledger: &StoredLog<'_>) -> Result<Vec<Name>> {
    let (differing, batch) = compared(store, catalogue, ledger).await?;
    store.commit(batch).await?;
    Ok(differing)
}

/// The record types whose lists differ, with their replacements.
async fn compared(store: &dyn Store, catalogue: &Catalogue, ledger: &StoredLog<'_>) -> Result<(Vec<Name>, Batch)> {
    let made = replayed(store, catalogue, ledger).await?;
    let mut differing = Vec::new();
    let mut batch = Batch::new();
    for kind in catalogue.record_types() {
        let kept = match super::read(store, kind).await {
            Ok(kept) => Some(kept),
            Err(error) if error.reason == Reason::StorageCorrupt => None,
            Err(error) => return Err(error),
        };
        let right = made.get(&kind.ordinal).cloned().unwrap_or_default();
        if kept.as_ref() != Some(&right) {
            differing.push(kind.name.clone());
            for (key, _) in store.scan(Scan::prefix(Space::Status, &[kind.ordinal])).await? {
                batch = batch.delete(Space::Status, key);
            }
            put(kind.ordinal, &right, &mut batch);
        }
    }
    Ok((differing, batch))
}

async fn replayed(store: &dyn Store, catalogue: &Catalogue, ledger: &StoredLog<'_>) -> Result<Lists> {
    let size = ledger.size();
    let mut lists = Lists::new();
    let mut latest: BTreeMap<RecordKey, u32> = BTreeMap::new();
    let mut touched: Vec<u8> = Vec::new();
    let mut next = 0;
    while next < size {
        let entries = ledger.entries(next, ENTRIES_READ).await?;
        for entry in &entries {
            next += 1;
            match split_entry(entry) {
                Some((EntryType::Statement, body)) => {
                    let statement = Statement::decode(body)
                        .map_err(|error| corrupt("a statement of the ledger cannot be read").with_source(error))?;
                    touched.push(replay(catalogue, &statement, &mut lists, &mut latest)?);
                }
                // An issuer's checkpoint ends its batch.
                Some((EntryType::IssuerCheckpoint, _)) => {
                    for kind in touched.drain(..) {
                        lists.entry(kind).or_default().1 = next;
                    }
                }
                _ => {}
            }
        }
    }
    judge_latest(store, catalogue, &mut lists).await?;
    Ok(lists)
}

fn replay(
    catalogue: &Catalogue,
    statement: &Statement,
    lists: &mut Lists,
    latest: &mut BTreeMap<RecordKey, u32>,
) -> Result<u8> {
    let kind = kind_named(catalogue, &statement.schema)?;
    let key = record_key(kind, statement.record_id);
    if latest.get(&key) == Some(&statement.status_index) {
        return Ok(kind.ordinal); // the latest version's statement, repeated: no other version has its index
    }
    let (list, _) = lists.entry(kind.ordinal).or_default();
    if statement.status_index != list.count() {
        return Err(corrupt("a statement of the ledger has another status index than the next"));
    }
    list.push(if statement.operation == Operation::Revoke { Status::Invalid } else { Status::Valid })?;
    let before = latest.insert(key, statement.status_index);
    before.map_or(Ok(()), |before| list.set(before, Status::Superseded))?;
    Ok(kind.ordinal)
}

/// Applies what the ledger cannot show, since it holds no payloads: which latest versions have ended or are suspended.
async fn judge_latest(store: &dyn Store, catalogue: &Catalogue, lists: &mut Lists) -> Result<()> {
    for kind in catalogue.record_types() {
        let Some((list, _)) = lists.get_mut(&kind.ordinal) else { continue };
        let mut scan = Scan::prefix(Space::ProvinceRecord, &[kind.ordinal]).limit(ROWS_READ);
        loop {
            let rows = store.scan(scan.clone()).await?;
            for (_, row) in &rows {
                let row = RecordRow::read(row)?;
                let payload = canonical::parse(&row.payload)
                    .map_err(|error| corrupt("a payload cannot be read").with_source(error))?;
                list.set(row.status_index, status_of(kind, row.operation, &payload))?;
            }
            match rows.last() {
                Some((last, _)) if rows.len() == ROWS_READ => scan = scan.after(last.to_vec()),
                _ => break,
            }
        }
    }
    Ok(())
}

/// Adds the rows of a rebuilt list to the batch.
fn put(kind: u8, (list, ledger_size): &(StatusList, u64), batch: &mut Batch) {
    batch.push_put(Space::Status, vec![kind, HEAD_KEY], write_head(list.count(), *ledger_size));
    for (number, piece) in (0..).zip(list.as_bytes().chunks(PIECE as usize / 4)) {
        batch.push_put(Space::Status, piece_key(kind, number), piece.to_vec());
    }
}
