//! Derives the province's rows from the record ledger and the registries' records.
//!
//! The ledger shows which statements were accepted, in which order and in which batches; the registries hold the payloads to which
//! the statements commit. Together they determine every row of the view, and the position of every batch.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;

use crate::base::{RecordId, Result};
use crate::ledger::StoredLog;
use crate::registry::stored::{StoredVersion, versions};
use crate::registry::{Catalogue, RecordType};
use crate::store::{Derived, Pace, Purpose, Scan, Space, Store};
use crate::trust::entry::split_entry;
use crate::trust::{EntryType, Statement, canonical, statement_hash};

use super::row::{self, RecordKey, RecordRow, record_key};
use super::{elsewhere, index};

pub use super::status::{check as check_status, rebuild as rebuild_status};

/// Ledger entries in one read.
const ENTRIES_READ: usize = 1_024;

/// An accepted statement.
struct AcceptedStatement {
    ledger_index: u64,
    /// The registry's ordinal.
    registry: u8,
    record_type: Arc<RecordType>,
    statement: Statement,
    bytes: Bytes,
}

impl AcceptedStatement {
    fn key(&self) -> RecordKey {
        record_key(&self.record_type, self.statement.record_id)
    }
}

/// Batches in the ledger: statements of one issuer, followed by its checkpoint.
#[derive(Default)]
struct Batches {
    /// The number of accepted statements of each registry, by ordinal.
    accepted: BTreeMap<u8, u64>,
    /// The unfinished batch: registry, first ledger index, number of statements.
    open: Option<(u8, u64, u64)>,
}

/// Derives the rows of the view, its index, and the positions of batches. For status lists see [`check_status`] and
/// [`rebuild_status`].
pub async fn derive(
    derived: &mut Derived<'_>,
    catalogue: &Catalogue,
    records: &StoredLog<'_>,
    pace: Pace,
    mut progress: impl FnMut(u64),
) -> Result<()> {
    for space in [Space::ProvinceRecord, Space::ProvinceIndex, Space::ProvinceBatch, Space::ProvinceHistory] {
        derived.begin(space);
    }
    let elsewhere = elsewhere::noted(derived.store()).await?;
    let mut batches = Batches::default();
    let mut next = 0;
    while next < records.size() {
        let entries = records.entries(next, ENTRIES_READ).await?;
        let mut accepted = Vec::new();
        for (ledger_index, entry) in (next..).zip(&entries) {
            match split_entry(entry) {
                Some((EntryType::Statement, body)) => match read(catalogue, ledger_index, entry.slice_ref(body)) {
                    Some((ordinal, statement)) => {
                        batches.take(ordinal, ledger_index);
                        accepted.push(statement);
                    }
                    None => derived.fault(Space::LogEntry, "a statement of the record ledger cannot be read"),
                },
                Some((EntryType::IssuerCheckpoint, _)) => batches.end(derived).await?,
                _ => {}
            }
        }
        view_rows(derived, catalogue, &elsewhere, accepted).await?;
        next += entries.len() as u64;
        progress(entries.len() as u64);
        pace.rest().await;
    }
    check_cursors(derived, catalogue, &batches).await
}

fn read(catalogue: &Catalogue, ledger_index: u64, bytes: Bytes) -> Option<(u8, AcceptedStatement)> {
    let statement = Statement::decode(&bytes).ok()?;
    let record_type = catalogue.record_type(&statement.schema)?.clone();
    let ordinal = catalogue.sector(&statement.issuer)?.ordinal;
    Some((ordinal, AcceptedStatement { ledger_index, registry: ordinal, record_type, statement, bytes }))
}

impl Batches {
    fn take(&mut self, ordinal: u8, ledger_index: u64) {
        let open = self.open.get_or_insert((ordinal, ledger_index, 0));
        open.2 += 1;
    }

    async fn end(&mut self, derived: &mut Derived<'_>) -> Result<()> {
        let Some((ordinal, first_ledger_index, count)) = self.open.take() else { return Ok(()) };
        let first = self.accepted.entry(ordinal).or_default();
        let (key, row) = (row::batch_key(ordinal, *first), row::write_batch(first_ledger_index, count));
        *first += count;
        derived.row(Space::ProvinceBatch, key, row, None).await
    }
}

/// The rows of accepted statements, in ledger order.
async fn view_rows(
    derived: &mut Derived<'_>,
    catalogue: &Catalogue,
    elsewhere: &BTreeSet<u8>,
    accepted: Vec<AcceptedStatement>,
) -> Result<()> {
    derived.flush().await?;
    let store = derived.store();
    let mut standing = StoredVersions::read(store, &accepted).await?;
    let wanted: Vec<_> =
        accepted.iter().map(|of| (&*of.record_type, of.statement.record_id, of.statement.version)).collect();
    let found = versions(store, &wanted).await?;
    for (accepted, found) in accepted.into_iter().zip(found) {
        let is_elsewhere = elsewhere.contains(&accepted.registry);
        let found = if is_elsewhere { own_version(store, &accepted).await? } else { found };
        let Some(version) = found.filter(|found| found.statement == accepted.bytes) else {
            derived.fault_at(Space::Record, "an accepted statement has no version of a record", &accepted.bytes);
            continue;
        };
        let Ok(payload) = canonical::parse(&version.payload) else {
            derived.fault(Space::Record, "a payload cannot be read");
            continue;
        };
        let key = accepted.key();
        let hash = statement_hash(&version.statement);
        let mut row = RecordRow::write_unplaced(&accepted.statement, &hash, &version.payload);
        row::place(&mut row, accepted.ledger_index);
        let row = row.freeze();
        match standing.place(derived.purpose(), &key, &accepted, &row) {
            Standing::Repeated => continue,
            Standing::Replaced if is_repeated(derived, &key, &accepted).await? => continue,
            Standing::Replaced => {
                derived.row(Space::ProvinceHistory, row::history_key_of(&key, &row), row, None).await?;
            }
            Standing::Latest(replaced) => {
                if let Some(replaced) = replaced {
                    let of_history = row::history_key_of(&key, &replaced);
                    derived.row(Space::ProvinceHistory, of_history, replaced, None).await?;
                }
                derived.row(Space::ProvinceRecord, Bytes::copy_from_slice(&key), row, None).await?;
            }
        }
        let mut keys = index::keys(catalogue, &accepted.record_type, &payload, &key);
        if accepted.statement.version > 1 && !keys.is_empty() {
            let earlier = earlier_keys(store, catalogue, is_elsewhere, &accepted).await?;
            keys.retain(|key| !earlier.contains(key));
        }
        for key in keys {
            derived.row(Space::ProvinceIndex, key, Bytes::new(), None).await?;
        }
    }
    Ok(())
}

/// The index rows of a record's earlier versions, which are never deleted.
async fn earlier_keys(
    store: &dyn Store,
    catalogue: &Catalogue,
    is_elsewhere: bool,
    accepted: &AcceptedStatement,
) -> Result<Vec<Vec<u8>>> {
    let of = |version| (&*accepted.record_type, accepted.statement.record_id, version);
    let earlier: Vec<Bytes> = if is_elsewhere {
        let rows = own_rows(store, accepted).await?.into_iter();
        rows.filter(|row| row.version < accepted.statement.version).map(|row| row.payload).collect()
    } else {
        let wanted: Vec<(&RecordType, RecordId, u64)> = (1..accepted.statement.version).map(of).collect();
        versions(store, &wanted).await?.into_iter().flatten().map(|version| version.payload).collect()
    };
    let mut keys = Vec::new();
    for payload in earlier {
        if let Ok(payload) = canonical::parse(&payload) {
            keys.extend(index::keys(catalogue, &accepted.record_type, &payload, &accepted.key()));
        }
    }
    Ok(keys)
}

/// The payload of an accepted statement of a registry on another host: only the province's own rows have it here.
async fn own_version(store: &dyn Store, accepted: &AcceptedStatement) -> Result<Option<StoredVersion>> {
    let (key, hash) = (accepted.key(), statement_hash(&accepted.bytes));
    let of = |row: RecordRow| StoredVersion { statement: accepted.bytes.clone(), payload: row.payload };
    let of_history = row::history_key(&key, accepted.ledger_index);
    for (space, key) in [(Space::ProvinceRecord, &key[..]), (Space::ProvinceHistory, &of_history[..])] {
        let row = store.get(space, key).await?.as_ref().map(RecordRow::read).transpose()?;
        if let Some(row) = row.filter(|row| row.statement == hash) {
            return Ok(Some(of(row)));
        }
    }
    // The row of a repeated statement stays with its first position.
    Ok(own_rows(store, accepted).await?.into_iter().find(|row| row.statement == hash).map(of))
}

/// The province's rows of a record: the latest version, and those before.
async fn own_rows(store: &dyn Store, accepted: &AcceptedStatement) -> Result<Vec<RecordRow>> {
    let key = accepted.key();
    let latest = store.get(Space::ProvinceRecord, &key).await?;
    let before = store.scan(Scan::prefix(Space::ProvinceHistory, &key)).await?;
    latest.iter().chain(before.iter().map(|(_, row)| row)).map(RecordRow::read).collect()
}

/// Whether the statement of a replaced version repeats an earlier one, with which its row stays.
async fn is_repeated(derived: &mut Derived<'_>, key: &RecordKey, accepted: &AcceptedStatement) -> Result<bool> {
    let store = derived.store();
    let own = row::history_key(key, accepted.ledger_index);
    if store.get(Space::ProvinceHistory, &own).await?.is_some() {
        return Ok(false);
    }
    derived.flush().await?;
    let before = Scan::range(Space::ProvinceHistory, &key[..], own).reverse().limit(1);
    let rows = store.scan(before).await?;
    let earlier = rows.first().map(|(_, row)| RecordRow::read(row)).transpose()?;
    Ok(earlier.is_some_and(|row| row.version == accepted.statement.version))
}

/// The stored version of some records: version number, ledger index, and the row.
struct StoredVersions(BTreeMap<RecordKey, (u64, u64, Bytes)>);

/// The position of a statement among its record's versions.
enum Standing {
    /// The statement stood in the ledger before.
    Repeated,
    /// A later version replaced it.
    Replaced,
    /// The stored one, or what has to be; in a rebuild with the row that it replaces.
    Latest(Option<Bytes>),
}

impl StoredVersions {
    async fn read(store: &dyn Store, accepted: &[AcceptedStatement]) -> Result<Self> {
        let keys: Vec<RecordKey> = accepted.iter().map(AcceptedStatement::key).collect();
        let wanted: Vec<Vec<u8>> = keys.iter().map(|key| key.to_vec()).collect();
        let rows = store.get_many(Space::ProvinceRecord, &wanted).await?;
        let read = |(key, row): (RecordKey, Option<Bytes>)| {
            let bytes = row?;
            let row = RecordRow::read(&bytes).ok()?;
            Some((key, (row.version, row.ledger_index, bytes)))
        };
        Ok(Self(keys.into_iter().zip(rows).filter_map(read).collect()))
    }

    fn place(&mut self, purpose: Purpose, key: &RecordKey, accepted: &AcceptedStatement, row: &Bytes) -> Standing {
        let (version, ledger_index) = (accepted.statement.version, accepted.ledger_index);
        match (purpose, self.0.get(key)) {
            (_, Some((standing, at, _))) if *standing == version && *at < ledger_index => Standing::Repeated,
            (Purpose::Check | Purpose::Complete, Some((standing, ..))) if *standing > version => Standing::Replaced,
            (Purpose::Check | Purpose::Complete, _) => Standing::Latest(None),
            (Purpose::Rebuild, _) => {
                let replaced = self.0.insert(*key, (version, ledger_index, row.clone()));
                Standing::Latest(replaced.map(|(.., row)| row))
            }
        }
    }
}

/// Compares each registry's cursor with the ledger.
async fn check_cursors(derived: &mut Derived<'_>, catalogue: &Catalogue, batches: &Batches) -> Result<()> {
    for sector in catalogue.sectors() {
        let cursor = derived.store().get(Space::Meta, &row::cursor_key(sector.ordinal)).await?;
        let cursor = cursor.as_deref().map(row::read_cursor).transpose()?.map_or(0, |cursor| cursor.size());
        let accepted = batches.accepted.get(&sector.ordinal).copied().unwrap_or_default();
        // In a store that is being served, the cursor may have moved on.
        if cursor < accepted || (cursor > accepted && derived.is_quiet()) {
            derived.fault(Space::Meta, "a registry's cursor differs from the record ledger");
        }
    }
    Ok(())
}
