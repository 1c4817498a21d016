//! Classifies a registry's statements against the accepted versions: next, duplicate, stale, conflicting. A duplicate is no fault:
//! it is in the registry's log twice, so it is in the ledger twice, and the first position counts.
//!
//! An issuer that signs two statements for one version of one record contradicts itself. The province accepts neither the second
//! nor anything after it, and logs both in the record ledger, so that nobody can deny it later.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::accepted::{Accepted, Replaced};
use super::ingest::{Ingest, Prepared, entry};
use super::row::RecordRow;
use super::status::StatusChange;
use crate::base::id::to_hex;
use crate::base::{Error, Reason, Result};
use crate::store::{Batch, Space};
use crate::trust::entry::{equivocation, split_entry};
use crate::trust::{EntryType, Hash, statement_hash};

/// The accepted version of a record.
#[derive(Clone, Copy)]
struct AcceptedVersion {
    version: u64,
    hash: Hash,
    status_index: u32,
    place: StatementLocation,
}

/// The location of that version's statement.
#[derive(Clone, Copy)]
enum StatementLocation {
    Nowhere,
    Ledger(u64),
    /// Index of an earlier statement in the batch.
    Batch(usize),
}

impl Ingest {
    /// Checks that each statement follows the accepted version: the next number, and the hash of the one before. `None` for a
    /// duplicate, which has no effect.
    pub(super) async fn check_versions(&self, batch: &Prepared) -> Result<Vec<Option<Accepted>>> {
        let mut wanted: Vec<Vec<u8>> = batch.keys.iter().map(|key| key.to_vec()).collect();
        wanted.sort_unstable();
        wanted.dedup();
        let found = self.store.get_many(Space::ProvinceRecord, &wanted).await?;
        let mut latest: BTreeMap<&[u8], AcceptedVersion> = BTreeMap::new();
        let mut stored: BTreeMap<&[u8], Bytes> = BTreeMap::new();
        for (key, row) in wanted.iter().zip(found) {
            if let Some(bytes) = row {
                let row = RecordRow::read(&bytes)?;
                stored.insert(key, bytes);
                let place = StatementLocation::Ledger(row.ledger_index);
                let status_index = row.status_index;
                latest.insert(key, AcceptedVersion { version: row.version, hash: row.statement, status_index, place });
            }
        }
        let mut accepted = Vec::with_capacity(batch.statements.len());
        for (at, statement) in batch.statements.iter().enumerate() {
            let none =
                AcceptedVersion { version: 0, hash: [0; 32], status_index: 0, place: StatementLocation::Nowhere };
            let before = latest.get(&batch.keys[at][..]).copied();
            let standing = before.unwrap_or(none);
            let hash = batch.hashes[at];
            let reason = if standing.version.checked_add(1) == Some(statement.version) {
                (statement.previous != standing.hash).then_some(Reason::Equivocation)
            } else if statement.version > standing.version {
                Some(Reason::RecordNotVerified)
            } else if statement.version < standing.version {
                Some(Reason::OlderVersion)
            } else if hash == standing.hash {
                accepted.push(None);
                continue;
            } else {
                self.complain(batch, at, standing.place).await?;
                Some(Reason::Equivocation)
            };
            if let Some(reason) = reason {
                let message = format!(
                    "changes[{at}]: version {} of record {} does not follow the accepted version {}",
                    statement.version,
                    statement.record_id.to_hex(),
                    standing.version
                );
                return Err(Error::new(reason, message));
            }
            let (version, status_index) = (statement.version, statement.status_index);
            latest.insert(
                &batch.keys[at],
                AcceptedVersion { version, hash, status_index, place: StatementLocation::Batch(at) },
            );
            let replaced = match standing.place {
                StatementLocation::Nowhere => None,
                StatementLocation::Ledger(_) => stored.get(&batch.keys[at][..]).cloned().map(Replaced::Stored),
                StatementLocation::Batch(earlier) => Some(Replaced::InBatch(earlier)),
            };
            let status = StatusChange {
                kind: batch.keys[at][0],
                index: status_index,
                status: batch.statuses[at],
                before: before.map(|before| before.status_index),
            };
            accepted.push(Some(Accepted { status, replaced }));
        }
        Ok(accepted)
    }

    /// Logs two statements for one version of one record in the ledger, once.
    async fn complain(&self, batch: &Prepared, at: usize, place: StatementLocation) -> Result<()> {
        let body = |entry: &Bytes| split_entry(entry).map(|(_, body)| Bytes::copy_from_slice(body));
        let standing = match place {
            StatementLocation::Nowhere => return Err(Error::bug("an equivocation with nothing")),
            StatementLocation::Ledger(index) => self.ledger.entry(index).await?,
            StatementLocation::Batch(earlier) => batch.entries[earlier].body.clone(),
        };
        let both = body(&standing).zip(body(&batch.entries[at].body));
        let (standing, other) = both.ok_or_else(|| Error::bug("an entry without a type"))?;
        let complaint = equivocation(&standing, &other);
        let key = [b"province/equivocation/", to_hex(&statement_hash(&complaint)).as_bytes()].concat();
        let rows = move |index: u64| {
            let key = Bytes::from(key);
            Batch::new().require_absent(Space::Meta, key.clone()).put(
                Space::Meta,
                key,
                Bytes::copy_from_slice(&index.to_be_bytes()),
            )
        };
        match self.ledger.append(vec![entry(EntryType::Equivocation, &complaint)], rows).await {
            Ok(appended) => {
                tracing::error!(
                    index = appended.first_index,
                    "an issuer contradicted itself; both statements are logged"
                );
                Ok(())
            }
            // Logged already: the registry was followed again.
            Err(error) if error.reason == Reason::StorageConflict => Ok(()),
            Err(error) => Err(error),
        }
    }
}
