//! A batch in preparation: the state of each record before and after it, and the rows to write. Pure.
//!
//! Submissions are added one by one; each is added whole or not at all, and sees those before it.

pub(super) mod bases;
pub(super) mod claims;
mod steps;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;

use crate::base::{Error, Reason, Result, Timestamp, Warnings};
use crate::ledger::Entry;
use crate::store::{Batch, Space};
use crate::trust::merkle::hash_leaf;
use crate::trust::{Disclosure, Hash, Object, Operation, Salt, SignedRecord, Statement, canonical, statement_hash};

use super::lifecycle::{Author, Since};
use super::port::Receipt;
use super::prepare::Prepared;
use super::row::{RecordKey, RecordRow, corrupt, history_key};
use super::{RecordType, Sector, due, index};
use bases::Bases;
use claims::ClaimBook;

/// The next status index of each record type, by its ordinal.
pub(super) type Counters = BTreeMap<u8, u32>;

/// The newest version of a record.
struct Current {
    version: u64,
    operation: Operation,
    statement_hash: Hash,
    source: Source,
    index_keys: Vec<Vec<u8>>,
    claims: Vec<(usize, Vec<u8>)>,
    /// Its content, if it was read already.
    content: Option<Object>,
}

/// The location of a version's row.
#[derive(Clone)]
enum Source {
    Stored(Bytes),
    /// Position in this plan; it has no log index yet.
    Planned(usize),
}

/// A version that has no log index yet.
struct NewRow {
    key: RecordKey,
    version: u64,
    salt: Salt,
    statement: Bytes,
    payload: Bytes,
}

/// A batch in preparation.
pub(super) struct Plan {
    sector: Arc<Sector>,
    current: BTreeMap<RecordKey, Current>,
    counters: Counters,
    rows: Vec<NewRow>,
    superseded: Vec<(Vec<u8>, Source)>,
    /// Index rows to write (`true`) and to delete, in order: the last word on a key counts.
    index: Vec<(Vec<u8>, bool)>,
    claims: ClaimBook,
    /// The index rows of the records that are known, as the batch leaves them: of those that answer lookups.
    findable: BTreeSet<Vec<u8>>,
    /// Of versions before the newest ones.
    used: Bases,
}

impl Plan {
    pub(super) fn new(sector: Arc<Sector>, counters: Counters) -> Self {
        let (current, rows, superseded, index) = (BTreeMap::new(), Vec::new(), Vec::new(), Vec::new());
        let (claims, findable, used) = (ClaimBook::default(), BTreeSet::new(), Bases::default());
        Self { sector, current, counters, rows, superseded, index, claims, findable, used }
    }

    /// Adds a stored record, so that changes of it can follow.
    pub(super) fn know(&mut self, key: RecordKey, stored: Bytes) -> Result<()> {
        let row = RecordRow::read(&stored)?;
        let statement = row.decoded()?;
        let record_type = self.sector.record_type(&statement.schema);
        let record_type =
            record_type.ok_or_else(|| corrupt("a stored record is of a type that its registry does not have"))?;
        let payload = read(&row.payload)?;
        let dues = due::dues(record_type, &payload, statement.operation);
        let current = Current {
            version: statement.version,
            operation: statement.operation,
            statement_hash: statement_hash(&row.statement),
            index_keys: self.index_keys(
                record_type,
                &statement,
                index::keys(record_type, &payload, statement.record_id),
                &dues,
            ),
            claims: index::claims(record_type, &payload),
            source: Source::Stored(stored),
            content: Some(payload),
        };
        self.findable.extend(current.index_keys.iter().filter(|key| index::answers_lookups(key)).cloned());
        self.current.insert(key, current);
        Ok(())
    }

    /// The newest version of a record that is stored; 0 where there is none.
    pub(super) fn stored_version(&self, key: &RecordKey) -> u64 {
        self.current.get(key).map_or(0, |current| current.version)
    }

    /// Adds the row of a version before the newest one.
    pub(super) fn know_earlier(&mut self, key: RecordKey, stored: &Bytes) -> Result<()> {
        self.used.add(key, &read(&RecordRow::read(stored)?.payload)?);
        Ok(())
    }

    /// Adds the record that claims a value, or that none does.
    pub(super) fn know_claim(&mut self, key: Vec<u8>, stored: Option<&[u8]>) -> Result<()> {
        self.claims.know(key, stored)
    }

    /// Adds changes by time rules. They are legal by the tables that define them, and stored records that break some other rule are changed too.
    /// A record that changed meanwhile is skipped: its due changes are determined again.
    pub(super) fn add_due(&mut self, changes: Vec<Prepared>, now: Timestamp) -> Vec<Receipt> {
        let (mut receipts, changes) = (Vec::with_capacity(changes.len()), changes.into_iter());
        for change in changes {
            if self.follows(&change) {
                receipts.push(self.apply(change, now));
            }
        }
        receipts
    }

    /// Whether all `changes` could be added; the error gives the reason.
    pub(super) fn allows(&self, changes: &[Prepared], author: Author, issued_at: Timestamp) -> Result<()> {
        self.check(changes)?;
        self.check_steps(changes, author, issued_at.date())
    }

    /// Adds all `changes`, or none with an error. The receipts have no log index yet.
    pub(super) fn add(&mut self, changes: Vec<Prepared>, author: Author, issued_at: Timestamp) -> Result<Vec<Receipt>> {
        self.allows(&changes, author, issued_at)?;
        Ok(changes.into_iter().map(|change| self.apply(change, issued_at)).collect())
    }

    /// Whether every change names the version that it changes, and none follows the record's end.
    fn check(&self, changes: &[Prepared]) -> Result<()> {
        let mut ahead: BTreeMap<RecordKey, (u64, Operation)> = BTreeMap::new();
        for (at, change) in changes.iter().enumerate() {
            let key = change.key();
            let known = || self.current.get(&key).map_or((0, Operation::Create), |now| (now.version, now.operation));
            let (version, operation) = ahead.get(&key).copied().unwrap_or_else(known);
            if version == 0 && change.operation != Operation::Create {
                let message = format!("changes[{at}]: there is no such record of the type {}", change.record_type.name);
                return Err(Error::new(Reason::RecordNotFound, message).with_subject("record", record_name(change)));
            }
            if version != change.expected_version {
                let message = format!("changes[{at}]: the record is at version {version}");
                return Err(Error::new(Reason::VersionConflict, message).with_subject("record", record_name(change)));
            }
            if operation == Operation::Revoke {
                let message = format!("changes[{at}]: the record was revoked and takes no more changes");
                return Err(Error::new(Reason::RecordRevoked, message).with_subject("record", record_name(change)));
            }
            ahead.insert(key, (version + 1, change.operation));
        }
        Ok(())
    }

    fn apply(&mut self, change: Prepared, issued_at: Timestamp) -> Receipt {
        let (key, issued_at) = (change.key(), change.issued_at.unwrap_or(issued_at));
        let before = self.current.remove(&key);
        // Every version has an index of its own: the status list tells for each whether it is the latest.
        let next = self.counters.entry(change.record_type.ordinal).or_default();
        let status_index = *next;
        *next = next.wrapping_add(1);
        let (valid_from, valid_until) = change.holds.interval(change.operation, issued_at);
        let version = change.expected_version + 1;
        let statement = Statement {
            issuer: (&self.sector.name).into(),
            schema: (&change.record_type.name).into(),
            record_id: change.record_id,
            version,
            previous: before.as_ref().map_or([0; 32], |before| before.statement_hash),
            operation: change.operation,
            issued_at,
            valid_from,
            valid_until,
            status_index,
            field_count: change.field_count,
            fields_root: change.fields_root,
        };
        let index_keys = self.index_keys(&change.record_type, &statement, change.index_keys, &change.dues);
        let statement = Bytes::from(statement.encode());
        self.claims.change(key, before.as_ref().map_or(&[], |before| before.claims.as_slice()), &change.claims);
        self.reindex(before.as_ref().map_or(&[], |before| before.index_keys.as_slice()), &index_keys);
        if let Some(mut before) = before {
            // Rows that were read when they were taken in, or written from an object: neither fails here.
            let content = match before.content.take() {
                Some(content) => Ok(content),
                None => self.content(&before).map(Cow::into_owned),
            };
            if let Ok(content) = content {
                self.used.add(key, &content);
            }
            self.superseded.push((history_key(&key, before.version), before.source));
        }
        let current = Current {
            version,
            operation: change.operation,
            statement_hash: statement_hash(&statement),
            source: Source::Planned(self.rows.len()),
            index_keys,
            claims: change.claims,
            content: change.content,
        };
        self.current.insert(key, current);
        self.rows.push(NewRow { key, version, salt: change.salt, statement, payload: change.payload });
        Receipt { record_id: change.record_id, version, log_index: 0, warnings: Warnings::default() }
    }

    /// The keys of all index rows of a version, those of its due days included.
    fn index_keys(
        &self,
        record_type: &RecordType,
        statement: &Statement,
        mut keys: Vec<Vec<u8>>,
        dues: &[(u8, Since)],
    ) -> Vec<Vec<u8>> {
        let (registry, issued) = (self.sector.ordinal, statement.issued_at.date());
        keys.extend(due::keys(record_type, registry, dues, statement.record_id, issued));
        keys
    }

    /// The index rows that the batch writes (`true`) and deletes, in order.
    pub(super) fn index_changes(&self) -> &[(Vec<u8>, bool)] {
        &self.index
    }

    /// Whether a change follows the newest version of its record, and the record can still change.
    pub(super) fn follows(&self, change: &Prepared) -> bool {
        let current = self.current.get(&change.key());
        current.is_some_and(|now| now.version == change.expected_version && now.operation != Operation::Revoke)
    }

    fn reindex(&mut self, before: &[Vec<u8>], after: &[Vec<u8>]) {
        self.index.extend(before.iter().filter(|key| !after.contains(key)).map(|key| (key.clone(), false)));
        self.index.extend(after.iter().filter(|key| !before.contains(key)).map(|key| (key.clone(), true)));
        for key in before {
            self.findable.remove(key);
        }
        self.findable.extend(after.iter().filter(|key| index::answers_lookups(key)).cloned());
    }

    /// The entries for the issuer's log.
    pub(super) fn entries(&self) -> Vec<Entry> {
        self.rows.iter().map(|row| Entry { leaf: hash_leaf(&row.statement), body: row.statement.clone() }).collect()
    }

    /// The versions, in the order of the log.
    pub(super) fn records(&self) -> Vec<SignedRecord> {
        let record = |row: &NewRow| SignedRecord {
            statement: row.statement.clone(),
            disclosure: Disclosure::Whole { payload: row.payload.clone(), salt: row.salt },
            issuer_proof: None,
            ledger_proof: None,
        };
        self.rows.iter().map(record).collect()
    }

    /// The counters after this batch.
    pub(super) fn counters(&self) -> &Counters {
        &self.counters
    }

    /// The rows to write when the first entry of the batch gets the index `first`.
    pub(super) fn into_batch(self, first: u64) -> Batch {
        let mut batch = Batch::new();
        let rows: Vec<(RecordKey, u64, Bytes)> = (first..)
            .zip(self.rows)
            .map(|(log_index, new)| {
                let row = RecordRow { log_index, salt: new.salt, statement: new.statement, payload: new.payload };
                (new.key, new.version, row.write())
            })
            .collect();
        for (key, source) in self.superseded {
            let row = match source {
                Source::Stored(row) => Some(row),
                Source::Planned(at) => rows.get(at).map(|(.., row)| row.clone()),
            };
            if let Some(row) = row {
                batch.push_insert(Space::RecordHistory, key, row);
            }
        }
        for (key, version, row) in rows {
            let key = Bytes::copy_from_slice(&key);
            match version {
                1 => batch.push_insert(Space::Record, key, row),
                _ => batch.push_update(Space::Record, key, row),
            }
        }
        self.claims.write(&mut batch);
        for (key, written) in self.index {
            match written {
                true => batch.push_insert(Space::RecordIndex, key, Bytes::new()),
                false => batch.push_delete(Space::RecordIndex, key),
            }
        }
        batch
    }
}

fn read(payload: &[u8]) -> Result<Object> {
    canonical::parse(payload).map_err(|error| corrupt("a stored payload is not canonical").with_source(error))
}

/// A record's public name: its type and pseudonym.
fn record_name(change: &Prepared) -> String {
    format!("{}/{}", change.record_type.name, change.record_id.to_hex())
}
