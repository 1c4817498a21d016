//! The view's records at a point of two times: what was known when the record ledger had a size, of what was true at an instant.
//!
//! What is known now is in the current rows, and a reader of it touches no other, however many versions there were. Earlier versions stand beside them,
//! by record and ledger index. Both times are half-open: a version is known from its own ledger index until that of the next one. Index rows are
//! never deleted, so they lead to every version; what a version says decides.

use std::collections::{BTreeSet, VecDeque};

use async_trait::async_trait;

use crate::base::{Error, PersonalId, Reason, RecordId, Result, Timestamp, limits};
use crate::registry::numbers::{Entry, Residents};
use crate::store::{Scan, Space};
use crate::trust::entry::split_entry;
use crate::trust::{EntryType, Object, Operation, Statement, canonical};

use super::follow::Province;
use super::found::FoundRecord;
use super::index;
use super::period::takes_effect;
use super::row::{RecordKey, RecordRow, corrupt, history_key};

/// Most records behind one view.
pub(super) const RECORDS_MAX: usize = 10_000;
/// Most bytes of their payloads.
pub(super) const BYTES_MAX: usize = 8 * limits::ANSWER_BYTES_MAX;
/// Most versions of one record that are looked at for one answer.
pub(super) const VERSIONS_MAX: usize = 10_000;
/// Versions in one read: first a few, most often enough, then more.
const VERSIONS_READ: (usize, usize) = (4, 256);

/// A point of the two times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AsOf {
    /// The number of entries of the record ledger that were known.
    pub known: u64,
    /// What was true then; `None`: what the registries said last, ended and revoked records too.
    pub valid: Option<Timestamp>,
}

/// The records of the view at a point of the two times.
#[derive(Clone, Copy)]
pub(super) struct Snapshot<'a> {
    pub(super) province: &'a Province,
    pub(super) as_of: AsOf,
}

impl Province {
    /// The newest known version of every record.
    pub fn as_of_now(&self) -> AsOf {
        AsOf { known: self.ledger_size(), valid: None }
    }

    /// The size of the record ledger at a time: that of the newest head that was signed then or before; 0 if none was.
    pub async fn known_at(&self, at: Timestamp) -> Result<u64> {
        self.ledger.size_at(at).await
    }

    pub(super) fn snapshot(&self, as_of: AsOf) -> Snapshot<'_> {
        Snapshot { province: self, as_of }
    }
}

impl Snapshot<'_> {
    /// The records with these keys, in the order of the keys, without those that were not known or did not hold.
    pub(super) async fn records(&self, keys: BTreeSet<RecordKey>) -> Result<Vec<FoundRecord>> {
        let wanted: Vec<Vec<u8>> = keys.iter().map(|key| key.to_vec()).collect();
        let store = &self.province.store;
        let rows = store.get_many(Space::ProvinceRecord, &wanted).await?;
        let mut found = Vec::with_capacity(keys.len());
        let mut bytes = 0;
        for (key, row) in keys.iter().zip(rows) {
            let lost = || store.damaged(Space::ProvinceRecord, "a record that an index names has no row");
            let current = RecordRow::read(&row.ok_or_else(lost)?)?;
            let row = match self.as_of.valid {
                None if current.ledger_index < self.as_of.known => Some(current),
                None => Versions::of(*self, *key).next().await?,
                Some(at) => self.holding(*key, at).await?,
            };
            let Some(row) = row else { continue };
            bytes += row.payload.len();
            if bytes > BYTES_MAX {
                return Err(too_large());
            }
            found.push(self.found(key, &row)?);
        }
        Ok(found)
    }

    /// The records to which the index rows with a prefix lead.
    pub(super) async fn record_keys(&self, prefix: Vec<u8>) -> Result<Vec<RecordKey>> {
        let rows = self.province.store.scan(Scan::prefix(Space::ProvinceIndex, &prefix).limit(RECORDS_MAX + 1)).await?;
        if rows.len() > RECORDS_MAX {
            return Err(too_large());
        }
        let key = |key: &[u8]| index::record_of(key).ok_or_else(|| corrupt("an index row cannot be read"));
        rows.iter().map(|(row, _)| key(row)).collect()
    }

    /// The resident records to which index rows refer. Index rows are not deleted when a record changes, so the record itself
    /// decides.
    pub(super) async fn registered(&self, prefix: Vec<u8>) -> Result<Vec<FoundRecord>> {
        let register = self.province.catalogue.people().ordinal;
        let keys = self.record_keys(prefix).await?;
        self.records(keys.into_iter().filter(|key| key[0] == register).collect()).await
    }

    /// The version of a record that was true at an instant.
    async fn holding(&self, key: RecordKey, at: Timestamp) -> Result<Option<RecordRow>> {
        let mut versions = Versions::of(*self, key);
        let mut next = versions.next().await?;
        while let Some(row) = next {
            let before = versions.next().await?;
            if self.effective_from(&key, &row, before.as_ref()).await? <= at {
                return Ok(Some(row).filter(|row| at < row.valid_until));
            }
            next = before;
        }
        Ok(None)
    }

    /// From when a version takes effect; `before` is the one that it follows.
    async fn effective_from(&self, key: &RecordKey, row: &RecordRow, before: Option<&RecordRow>) -> Result<Timestamp> {
        let statement = self.statement(row).await?;
        let before = before.map(payload).transpose()?;
        let of = self.province.catalogue.record_type_numbered(key[0]);
        let of = of.ok_or_else(|| corrupt("a record has an unknown type"))?;
        Ok(takes_effect(of, &statement, &payload(row)?, before.as_ref()))
    }

    /// The statement of a version.
    pub(super) async fn statement(&self, row: &RecordRow) -> Result<Statement> {
        let entry = self.province.ledger.entry(row.ledger_index).await?;
        let statement = match split_entry(&entry) {
            Some((EntryType::Statement, body)) => Statement::decode(body).ok(),
            _ => None,
        };
        statement.ok_or_else(|| corrupt("a statement of the ledger cannot be read"))
    }

    pub(super) fn found(&self, key: &RecordKey, row: &RecordRow) -> Result<FoundRecord> {
        let record_type = self.province.catalogue.record_type_numbered(key[0]);
        let record_type = record_type.ok_or_else(|| corrupt("a record has an unknown type"))?.clone();
        let mut record_id = RecordId([0; 16]);
        record_id.0.copy_from_slice(&key[1..]);
        Ok(FoundRecord {
            record_type,
            record_id,
            version: row.version,
            issued_at: row.issued_at,
            ledger_index: row.ledger_index,
            bytes: row.payload.len(),
            revoked: row.operation == Operation::Revoke,
            payload: payload(row)?,
        })
    }
}

/// The payload of a version.
pub(super) fn payload(row: &RecordRow) -> Result<Object> {
    canonical::parse(&row.payload).map_err(|error| corrupt("a payload cannot be read").with_source(error))
}

/// The versions of a record that were known, the newest first.
pub(super) struct Versions<'a> {
    of: Snapshot<'a>,
    key: RecordKey,
    /// Ledger index below which the next version is.
    below: u64,
    read: VecDeque<RecordRow>,
    is_current_read: bool,
    is_over: bool,
    given: usize,
}

impl<'a> Versions<'a> {
    pub(super) fn of(of: Snapshot<'a>, key: RecordKey) -> Self {
        Self { of, key, below: of.as_of.known, read: VecDeque::new(), is_current_read: false, is_over: false, given: 0 }
    }

    pub(super) async fn next(&mut self) -> Result<Option<RecordRow>> {
        if !self.is_current_read {
            self.is_current_read = true;
            let row = self.of.province.store.get(Space::ProvinceRecord, &self.key).await?;
            let row = row.as_ref().map(RecordRow::read).transpose()?;
            if let Some(row) = row.filter(|row| row.ledger_index < self.below) {
                self.below = row.ledger_index;
                self.given += 1;
                return Ok(Some(row));
            }
        }
        if self.read.is_empty() && !self.is_over {
            // Reads of the store do not wait for anything: without this, no deadline would end a long walk.
            tokio::task::yield_now().await;
            let limit = if self.given <= 1 { VERSIONS_READ.0 } else { VERSIONS_READ.1 };
            let scan = Scan::range(Space::ProvinceHistory, &self.key[..], history_key(&self.key, self.below));
            let rows = self.of.province.store.scan(scan.reverse().limit(limit)).await?;
            self.is_over = rows.len() < limit;
            for (_, row) in &rows {
                self.read.push_back(RecordRow::read(row)?);
            }
            if let Some(oldest) = self.read.back() {
                self.below = oldest.ledger_index;
            }
        }
        let row = self.read.pop_front();
        self.given += usize::from(row.is_some());
        if self.given > VERSIONS_MAX {
            let message = format!("more than {VERSIONS_MAX} versions of one record");
            return Err(Error::new(Reason::AnswerTooLarge, message).with_subject("view", "versions"));
        }
        Ok(row)
    }
}

/// The accepted resident records of the snapshot: they were verified when they were accepted. Whom a number led to is a matter of what was known.
#[async_trait]
impl Residents for Snapshot<'_> {
    async fn record(&self, number: PersonalId) -> Result<Option<Entry>> {
        let known = Snapshot { as_of: AsOf { valid: None, ..self.as_of }, ..*self };
        let found = known.registered(index::person_prefix(number)).await?;
        Ok(found.iter().filter_map(|found| Entry::of(&found.payload)).find(|entry| entry.number == number))
    }

    async fn claimants(&self, number: PersonalId) -> Result<Vec<Entry>> {
        let known = Snapshot { as_of: AsOf { valid: None, ..self.as_of }, ..*self };
        let found = known.registered(index::alias_prefix(number.as_str())).await?;
        let entries = found.iter().filter_map(|found| Entry::of(&found.payload));
        Ok(entries.filter(|entry| entry.claims.contains(&number)).collect())
    }
}

pub(super) fn too_large() -> Error {
    let message = format!(
        "more than {RECORDS_MAX} records, or {BYTES_MAX} bytes of them: page through the registries' own services"
    );
    Error::new(Reason::AnswerTooLarge, message).with_subject("view", "records")
}
