//! Reading a registry in this process: records by key, person, name or number, and its changes in log order.

use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;

use crate::base::limits::{BATCH_RECORDS_MAX, PAGE_PAYLOAD_BYTES_MAX, PAGE_SIZE_MAX};
use crate::base::{Error, PartialDate, PersonalId, Reason, RecordId, Result};
use crate::store::{KEY_BYTES_MAX, Scan, Space, Store};
use crate::trust::{SignedRecord, Statement};

use super::catalogue::unknown_record_type;
use super::embedded::EmbeddedRegistry;
use super::port::{ChangeBatch, Page, Query, RegistryRecord, Selector};
use super::row::{RecordKey, RecordRow, corrupt, history_key, record_key};
use super::signing::own_type;
use super::{RecordType, index};

/// Most records that one person, name or number leads to. A query with more is refused: a part would look like the whole.
const CANDIDATES_MAX: usize = 10_000;
/// Longest key, number or name to look for, in bytes: with its prefix it is an index key. Nothing longer was ever stored.
const SELECTOR_BYTES_MAX: usize = KEY_BYTES_MAX - 64;
/// Most signed batches that one answer of `changes` joins.
const CHECKPOINTS_JOINED_MAX: usize = 64;

/// The records that a selector can mean.
#[derive(Default)]
struct Candidates {
    keys: Vec<RecordKey>,
    /// Those that an index row names: each has a row, or stored data is damaged. Of the others, which the caller names by id or
    /// natural key, there may be none.
    named: Vec<RecordKey>,
    /// Current rows that the search has read already.
    read: Vec<(RecordKey, RecordRow)>,
}

impl Candidates {
    fn name(&mut self, key: RecordKey) {
        self.keys.push(key);
        self.named.push(key);
    }
}

impl EmbeddedRegistry {
    pub(super) async fn read_page(&self, query: &Query) -> Result<Page> {
        let types = self.types(&query.record_types)?;
        let limit = query.limit.clamp(1, PAGE_SIZE_MAX);
        let after = query.after.as_deref().map(position).transpose()?;
        let (keys, named, read, more) = match &query.selector {
            Selector::All => {
                let (keys, more) = self.keys_of_types(&types, after, limit).await?;
                (keys, Vec::new(), Vec::new(), more)
            }
            selector => {
                check_length(selector)?;
                let Candidates { mut keys, named, read } = self.candidates(&types, selector).await?;
                match selector {
                    Selector::Ids(_) => keep_first(&mut keys),
                    _ => {
                        keys.sort_unstable();
                        keys.dedup();
                    }
                }
                let from =
                    after.map_or(0, |after| keys.iter().position(|key| *key == after).map_or(keys.len(), |at| at + 1));
                let rest = keys.split_off(from.min(keys.len()));
                let more = rest.len() > limit;
                (rest.into_iter().take(limit).collect(), named, read, more)
            }
        };
        let mut next = keys.last().filter(|_| more);
        let (mut records, mut bytes) = (Vec::with_capacity(keys.len()), 0);
        for (key, row) in keys.iter().zip(self.rows(&keys, query.version, read).await?) {
            let Some(row) = row else {
                if query.version == 0 && named.contains(key) {
                    return Err(self.store.damaged(Space::Record, "a record that an index names has no row"));
                }
                continue;
            };
            bytes += row.payload.len();
            records.push(Arc::new(self.registry_record(row).await?));
            if bytes > PAGE_PAYLOAD_BYTES_MAX {
                next = Some(key).filter(|key| more || Some(*key) != keys.last());
                break;
            }
        }
        Ok(Page { records, next: next.map(|key| key.to_vec()) })
    }

    /// The record types asked for; all when none is named.
    fn types(&self, names: &[String]) -> Result<Vec<&Arc<RecordType>>> {
        if names.is_empty() {
            return Ok(self.sector.record_types.iter().collect());
        }
        let mut types = Vec::with_capacity(names.len());
        for (at, name) in names.iter().enumerate() {
            let found = self.sector.record_type(name);
            types.push(found.ok_or_else(|| {
                let path = format_args!("record_types[{at}]");
                Error::invalid(unknown_record_type(path, name, &self.sector.record_types))
            })?);
        }
        types.sort_unstable_by_key(|of| of.ordinal);
        types.dedup_by_key(|of| of.ordinal);
        Ok(types)
    }

    /// A page of all keys of some types, in the order of keys; and whether there are more.
    async fn keys_of_types(
        &self,
        types: &[&Arc<RecordType>],
        after: Option<RecordKey>,
        limit: usize,
    ) -> Result<(Vec<RecordKey>, bool)> {
        let mut keys: Vec<RecordKey> = Vec::with_capacity(limit);
        for record_type in types {
            if after.is_some_and(|after| after[0] > record_type.ordinal) {
                continue;
            }
            let mut scan = Scan::prefix(Space::Record, &[record_type.ordinal]).limit(limit + 1 - keys.len());
            if let Some(after) = after.filter(|after| after[0] == record_type.ordinal) {
                scan = scan.after(after);
            }
            for (key, _) in self.store.scan(scan).await? {
                keys.push(record_key_of(&key)?);
            }
            if keys.len() > limit {
                keys.truncate(limit);
                return Ok((keys, true));
            }
        }
        Ok((keys, false))
    }

    /// The keys of all records that a selector can mean.
    async fn candidates(&self, types: &[&Arc<RecordType>], selector: &Selector) -> Result<Candidates> {
        let mut found = Candidates::default();
        for record_type in types {
            match selector {
                Selector::Key(key) => self.by_key(record_type, key, &mut found).await?,
                Selector::Ids(ids) => found.keys.extend(ids.iter().map(|id| record_key(record_type, *id))),
                Selector::Person(person) => self.by_person(record_type, *person, &mut found).await?,
                Selector::Organisation(code) => {
                    self.by_prefix(record_type, index::organisation_prefix(record_type, *code), &mut found).await?;
                }
                Selector::OldNumber(number) => {
                    self.by_prefix(record_type, index::alias_prefix(record_type, number), &mut found).await?;
                }
                Selector::Name { folded, birth_date } => {
                    self.by_name(record_type, folded, *birth_date, &mut found).await?;
                }
                Selector::All => {}
            }
        }
        Ok(found)
    }

    /// By natural key; a person's superseded number leads to the one record that claims it. Whether the claim counts is decided by
    /// [`numbers`](super::numbers).
    async fn by_key(&self, record_type: &RecordType, key: &str, found: &mut Candidates) -> Result<()> {
        let own = record_key(record_type, self.secrets.record_id(record_type, key));
        let row = match record_type.people {
            Some(_) => self.store.get(Space::Record, &own).await?,
            None => None,
        };
        if record_type.people.is_none() || row.is_some() {
            found.keys.push(own);
            found.read.extend(row.as_ref().map(RecordRow::read).transpose()?.map(|row| (own, row)));
            return Ok(());
        }
        let (keys, named) = (found.keys.len(), found.named.len());
        self.by_prefix(record_type, index::alias_prefix(record_type, key), found).await?;
        if found.keys.len() > keys + 1 && PersonalId::parse(key).is_some() {
            // If two records claim a personal ID, it leads to neither.
            found.keys.truncate(keys);
            found.named.truncate(named);
        }
        Ok(())
    }

    async fn by_person(&self, record_type: &RecordType, person: PersonalId, found: &mut Candidates) -> Result<()> {
        if record_type.is_keyed_by_person() {
            return self.by_key(record_type, person.as_str(), found).await;
        }
        self.by_prefix(record_type, index::person_prefix(record_type, person), found).await
    }

    async fn by_name(
        &self,
        record_type: &RecordType,
        folded: &str,
        birth_date: Option<PartialDate>,
        found: &mut Candidates,
    ) -> Result<()> {
        if record_type.people.is_none() {
            return Ok(());
        }
        let prefix = index::name_prefix(record_type, folded, birth_date.map(|date| date.year));
        for key in self.index_keys(&prefix).await? {
            let agrees = match birth_date {
                Some(wanted) => index::birth_of(&key, folded).is_some_and(|date| date.agrees(wanted)),
                None => true,
            };
            if agrees {
                found.name(record_key(record_type, index_id(&key)?));
            }
        }
        Ok(())
    }

    async fn by_prefix(&self, record_type: &RecordType, prefix: Vec<u8>, found: &mut Candidates) -> Result<()> {
        for key in self.index_keys(&prefix).await? {
            found.name(record_key(record_type, index_id(&key)?));
        }
        Ok(())
    }

    async fn index_keys(&self, prefix: &[u8]) -> Result<Vec<Bytes>> {
        let rows = self.store.scan(Scan::prefix(Space::RecordIndex, prefix).limit(CANDIDATES_MAX + 1)).await?;
        if rows.len() > CANDIDATES_MAX {
            let message = format!("the filter matches more than {CANDIDATES_MAX} records: use a narrower one");
            return Err(Error::new(Reason::AnswerTooLarge, message).with_subject("filter", "records"));
        }
        Ok(rows.into_iter().map(|(key, _)| key).collect())
    }

    /// The rows of records, in order: of one version, or the latest when it is 0, for which those that were `read` serve.
    async fn rows(
        &self,
        keys: &[RecordKey],
        version: u64,
        read: Vec<(RecordKey, RecordRow)>,
    ) -> Result<Vec<Option<RecordRow>>> {
        if version == 0
            && let [(key, row)] = &read[..]
            && keys == [*key]
        {
            return Ok(vec![Some(row.clone())]);
        }
        let wanted: Vec<(RecordKey, u64)> = keys.iter().map(|key| (*key, version)).collect();
        versions_of(&*self.store, &wanted).await
    }

    async fn registry_record(&self, row: RecordRow) -> Result<RegistryRecord> {
        let statement = row.decoded()?;
        let issuer_proof = Some(self.ledger.prove_stored(row.log_index).await?);
        let record = SignedRecord { issuer_proof, ..row.record() };
        let Statement { schema: record_type, record_id, version, .. } = statement;
        Ok(RegistryRecord { record_type, record_id, version, record })
    }

    pub(super) async fn changes_from(&self, cursor: u64, limit: usize) -> Result<Option<ChangeBatch>> {
        let gone = || {
            Error::new(Reason::CursorGone, "the cursor is past the end of the log, or not at the end of a signed batch")
                .with_subject("cursor", cursor.to_string())
        };
        let head = self.ledger.head();
        if cursor > head.size {
            return Err(gone());
        }
        if cursor > 0 && !self.ledger.was_signed_at(cursor).await? {
            return Err(gone());
        }
        if cursor == head.size {
            return Ok(None);
        }
        let (size, checkpoint) = match head.size - cursor <= limit as u64 {
            true => (head.size, head.note.clone()),
            false => self.last_checkpoint_within(cursor, limit).await?,
        };
        let records = match self.recent.take(cursor, size) {
            Some(records) => records,
            None => self.records_between(cursor, size).await?,
        };
        Ok(Some(ChangeBatch { first_index: cursor, records, checkpoint }))
    }

    /// At most `limit` issued records from a log index on, whole and without proofs; `None` if there are none.
    pub async fn issued(&self, from: u64, limit: usize) -> Result<Option<Vec<SignedRecord>>> {
        let end = self.ledger.head().size.min(from.saturating_add(limit as u64));
        if from >= end { Ok(None) } else { self.records_between(from, end).await.map(Some) }
    }

    /// The last checkpoint not more than `limit` entries behind `cursor`; the next one when that is farther.
    async fn last_checkpoint_within(&self, cursor: u64, limit: usize) -> Result<(u64, Bytes)> {
        let missing = || corrupt("a log has no checkpoint of its newest size");
        let mut best = self.ledger.checkpoint_at_or_after(cursor + 1).await?.ok_or_else(missing)?;
        for _ in 0..CHECKPOINTS_JOINED_MAX {
            match self.ledger.checkpoint_at_or_after(best.0 + 1).await? {
                Some(next) if next.0 - cursor <= limit as u64 => best = next,
                _ => break,
            }
        }
        Ok(best)
    }

    /// Checks that the newest statement of the log has its record: a start detects lost rows by it.
    pub(super) async fn check_tail(&self) -> Result<()> {
        let size = self.ledger.head().size;
        self.records_between(size.saturating_sub(1), size).await.map(|_| ())
    }

    /// The latest version of the record that a statement is about.
    pub(super) async fn latest(&self, statement: &Statement) -> Result<Option<SignedRecord>> {
        let key = record_key(own_type(&self.sector, &statement.schema)?, statement.record_id);
        let found = versions_of(&*self.store, &[(key, 0)]).await?.pop().flatten();
        Ok(found.map(|row| row.record()))
    }

    /// The records whose statements have log indices from `from` to `to`.
    async fn records_between(&self, from: u64, to: u64) -> Result<Vec<SignedRecord>> {
        let mut records = Vec::with_capacity((to - from) as usize);
        let mut at = from;
        while at < to {
            let statements = self.ledger.entries(at, BATCH_RECORDS_MAX.min((to - at) as usize)).await?;
            if statements.is_empty() {
                return Err(corrupt("the log ends before its head"));
            }
            at += statements.len() as u64;
            let mut wanted = Vec::with_capacity(statements.len());
            for statement in &statements {
                let unreadable = |error| corrupt("an entry of the log is not a statement").with_source(error);
                let statement = Statement::decode(statement).map_err(unreadable)?;
                let record_type = self.sector.record_types.iter().find(|of| of.name == statement.schema);
                let record_type = record_type.ok_or_else(|| corrupt("an entry of the log is of an unknown type"))?;
                wanted.push((record_key(record_type, statement.record_id), statement.version));
            }
            for row in versions_of(&*self.store, &wanted).await? {
                let lost = || self.store.damaged(Space::Record, "a record of the log has no row");
                records.push(row.ok_or_else(lost)?.record());
            }
        }
        Ok(records)
    }
}

/// The rows of versions, in order; 0 is the latest.
pub(super) async fn versions_of(store: &dyn Store, wanted: &[(RecordKey, u64)]) -> Result<Vec<Option<RecordRow>>> {
    let keys: Vec<Vec<u8>> = wanted.iter().map(|(key, _)| key.to_vec()).collect();
    let mut rows = Vec::with_capacity(wanted.len());
    let mut superseded = Vec::new();
    for (at, found) in store.get_many(Space::Record, &keys).await?.into_iter().enumerate() {
        let row = found.as_ref().map(RecordRow::read).transpose()?;
        let (key, version) = wanted[at];
        let newest = match &row {
            Some(row) if version != 0 => row.decoded()?.version,
            _ => version,
        };
        let is_wanted = newest == version;
        if version < newest {
            superseded.push((at, history_key(&key, version)));
        }
        rows.push(row.filter(|_| is_wanted));
    }
    if !superseded.is_empty() {
        let keys: Vec<Vec<u8>> = superseded.iter().map(|(_, key)| key.clone()).collect();
        let found = store.get_many(Space::RecordHistory, &keys).await?;
        for ((at, _), row) in superseded.into_iter().zip(found) {
            let lost = || store.damaged(Space::RecordHistory, "a superseded version has no row");
            rows[at] = Some(RecordRow::read(&row.ok_or_else(lost)?)?);
        }
    }
    Ok(rows)
}

/// Refuses a text longer than any index key.
fn check_length(selector: &Selector) -> Result<()> {
    let (field, text) = match selector {
        Selector::Key(key) => ("natural_key", key),
        Selector::OldNumber(number) => ("old_number", number),
        Selector::Name { folded, .. } => ("full_name", folded),
        Selector::All | Selector::Ids(_) | Selector::Person(_) | Selector::Organisation(_) => return Ok(()),
    };
    if text.len() <= SELECTOR_BYTES_MAX {
        return Ok(());
    }
    Err(Error::invalid_field(field, "TOO_LONG", format!("must have at most {SELECTOR_BYTES_MAX} bytes")))
}

/// Keeps the first of each key, in order.
fn keep_first(keys: &mut Vec<RecordKey>) {
    let mut seen = HashSet::with_capacity(keys.len());
    keys.retain(|key| seen.insert(*key));
}

fn position(after: &[u8]) -> Result<RecordKey> {
    after.try_into().map_err(|_| Error::token_refused("page_token"))
}

fn record_key_of(key: &[u8]) -> Result<RecordKey> {
    key.try_into().map_err(|_| corrupt("a record's key cannot be read"))
}

fn index_id(key: &[u8]) -> Result<RecordId> {
    index::id_of(key).ok_or_else(|| corrupt("an index row cannot be read"))
}
