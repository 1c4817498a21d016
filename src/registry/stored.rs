//! The stored data of registries, without their keys and writers: read by a check and by a rebuild.

use bytes::Bytes;

use crate::base::{Kind, RecordId, Result};
use crate::ledger::{LogId, StoredLog};
use crate::store::{Derived, Findings, Pace, Scan, Space, Store, UNREADABLE};
use crate::trust::{Statement, canonical};

use super::read::versions_of;
use super::row::{RecordRow, record_key};
use super::{Catalogue, RecordType, due, index};

/// Rows or entries read at once.
const READ_AT_ONCE: usize = 1_024;

/// A version of a record as its registry stores it.
pub struct StoredVersion {
    /// Its statement.
    pub statement: Bytes,
    /// Its canonical payload.
    pub payload: Bytes,
}

/// Versions of records, in the requested order; `None` where there is no such record.
pub async fn versions(
    store: &dyn Store,
    wanted: &[(&RecordType, RecordId, u64)],
) -> Result<Vec<Option<StoredVersion>>> {
    let keys: Vec<_> = wanted.iter().map(|(of, id, version)| (record_key(of, *id), *version)).collect();
    let rows = versions_of(store, &keys).await?.into_iter();
    Ok(rows.map(|row| row.map(|row| StoredVersion { statement: row.statement, payload: row.payload })).collect())
}

/// Gives the index rows of every record.
pub async fn derive(
    derived: &mut Derived<'_>,
    catalogue: &Catalogue,
    pace: Pace,
    mut progress: impl FnMut(u64),
) -> Result<()> {
    derived.begin(Space::RecordIndex);
    let types = catalogue.sectors().iter().flat_map(|of| of.record_types.iter().map(|one| (of.ordinal, one)));
    for (registry, record_type) in types {
        let mut scan = Scan::prefix(Space::Record, &[record_type.ordinal]).limit(READ_AT_ONCE);
        loop {
            let rows = match derived.store().scan(scan.clone()).await {
                Ok(rows) => rows,
                Err(error) if error.kind() == Kind::Corrupt => {
                    derived.fault(Space::Record, UNREADABLE);
                    break;
                }
                Err(error) => return Err(error),
            };
            for (key, row) in &rows {
                match index_rows(registry, record_type, row) {
                    Some(rows) => {
                        for (found, value) in rows {
                            let source = Some((Space::Record, key.clone(), row.clone()));
                            derived.row(Space::RecordIndex, found, value, source).await?;
                        }
                    }
                    None => derived.fault(Space::Record, "a record's row cannot be read"),
                }
            }
            progress(rows.len() as u64);
            match rows.last() {
                Some((last, _)) if rows.len() == READ_AT_ONCE => scan = scan.after(last.to_vec()),
                _ => break,
            }
            pace.rest().await;
        }
    }
    Ok(())
}

fn index_rows(registry: u8, record_type: &RecordType, row: &Bytes) -> Option<Vec<(Vec<u8>, Bytes)>> {
    let row = RecordRow::read(row).ok()?;
    let payload = canonical::parse(&row.payload).ok()?;
    let Statement { record_id: id, operation, issued_at, .. } = row.decoded().ok()?;
    let dues = due::dues(record_type, &payload, operation);
    let dues = due::keys(record_type, registry, &dues, id, issued_at.date()).into_iter();
    let keys = index::keys(record_type, &payload, id).into_iter().chain(dues).map(|key| (key, Bytes::new()));
    let claims = index::claims(record_type, &payload).into_iter();
    Some(keys.chain(claims.map(|(_, key)| (key, Bytes::copy_from_slice(&id.0)))).collect())
}

/// Every statement of every registry's log has its record's version, and that version has this statement.
pub async fn check(
    store: &dyn Store,
    catalogue: &Catalogue,
    pace: Pace,
    findings: &mut Findings,
    mut progress: impl FnMut(u64),
) -> Result<()> {
    for sector in catalogue.sectors() {
        let Some(log) = StoredLog::open(store, LogId(sector.ordinal)).await? else { continue };
        let mut next = 0;
        while next < log.size() {
            let entries = log.entries(next, READ_AT_ONCE).await?;
            let mut wanted = Vec::with_capacity(entries.len());
            for entry in &entries {
                let statement = Statement::decode(entry).ok();
                let named =
                    statement.and_then(|of| Some((&**catalogue.record_type(&of.schema)?, of.record_id, of.version)));
                match named {
                    Some(named) => wanted.push((named, entry)),
                    None => findings.add(Space::LogEntry, "an entry in a registry's log is not a statement"),
                }
            }
            let keys: Vec<_> = wanted.iter().map(|(named, _)| *named).collect();
            match versions(store, &keys).await {
                Ok(found) => {
                    for ((_, entry), found) in wanted.iter().zip(found) {
                        if found.is_none_or(|found| found.statement != **entry) {
                            let what = "a statement in a registry's log has no matching record version";
                            findings.add_at(Space::Record, what, entry);
                        }
                    }
                }
                Err(error) if error.kind() == Kind::Corrupt => findings.add(Space::Record, UNREADABLE),
                Err(error) => return Err(error),
            }
            next += entries.len() as u64;
            progress(entries.len() as u64);
            pace.rest().await;
        }
    }
    Ok(())
}
