//! The work of time in a registry: writes the versions that its time rules make, a batch at a time, each with the time at which it was due.
//!
//! Due changes are read from the index. A change is written in the same commit that deletes its row, so that it happens once, whatever
//! is interrupted or repeated. The stored record is not validated again: time also passes for records that were accepted under earlier rules.

use std::collections::HashSet;
use std::sync::Arc;

use crate::base::{Error, RecordId, Result, Timestamp, offload, watch};
use crate::store::{Scan, Space};
use crate::trust::{Operation, Statement, canonical};

use super::calendar::{Calendar, Scheduled, kind};
use super::due::{self, Due};
use super::embedded::{CHANGES_PER_TASK, EmbeddedRegistry, LOAD_BATCH};
use super::lifecycle::TimeRule;
use super::prepare::{Draft, Prepared, Secrets};
use super::row::{RecordRow, corrupt};
use super::schema::Holds;
use super::writer::Origin;
use super::{Name, RecordType, Sector};

/// Attempts at reading due records again after all of them were changed concurrently.
const ROUNDS_MAX: usize = 64;

/// A change that a time rule made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effect {
    /// `driver_licence.points_restored`.
    pub kind: String,
    /// The time at which it was due.
    pub at: Timestamp,
    /// The type of the record.
    pub record_type: Name,
    /// The record's pseudonym.
    pub record_id: RecordId,
    /// What changed: `points → 12`.
    pub effect: String,
}

/// A record that is due, with its stored row.
struct Waiting {
    due: Due,
    row: RecordRow,
}

impl EmbeddedRegistry {
    /// The days on which its records are due, as they change. A registry that lost the right to issue changes nothing any more.
    pub fn calendar(&self) -> watch::Receiver<Calendar> {
        self.calendar.subscribe()
    }

    /// Scheduled work of each kind; none once the registry lost the right to issue.
    pub fn scheduled(&self) -> Vec<Scheduled> {
        match self.may_issue() {
            Ok(()) => self.calendar.borrow().scheduled(&self.sector),
            Err(_) => Calendar::default().scheduled(&self.sector),
        }
    }

    /// The days on which something is due until `until`, with the number of records.
    pub fn due_days(&self, until: Timestamp) -> Vec<(Timestamp, u64)> {
        match self.may_issue() {
            Ok(()) => self
                .calendar
                .borrow()
                .until(until.date())
                .map(|(day, count)| (Timestamp::start_of(day), count))
                .collect(),
            Err(_) => Vec::new(),
        }
    }

    /// When the next record is due.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.may_issue().ok()?;
        self.calendar.borrow().next().map(Timestamp::start_of)
    }

    /// Writes the changes that are due on the day of `until` or before, the earliest first, at most [`LOAD_BATCH`] of them; gives them in order.
    /// With none, nothing is due any more.
    ///
    /// Fails as [`submit`](super::port::Registry::submit) does when the registry cannot write; due changes stay due.
    pub async fn run_due(&self, until: Timestamp) -> Result<Vec<Effect>> {
        self.may_issue()?;
        for _ in 0..ROUNDS_MAX {
            let waiting = self.waiting(until).await?;
            if waiting.is_empty() {
                return Ok(Vec::new());
            }
            let effects = self.effects(&waiting)?;
            let changes = self.prepare_due(waiting).await?;
            let written = self.write(changes, Origin::Due).await?;
            let written: HashSet<RecordId> = written.iter().map(|receipt| receipt.record_id).collect();
            let effects: Vec<Effect> =
                effects.into_iter().filter(|effect| written.contains(&effect.record_id)).collect();
            // All of them were changed concurrently: the records due now are read again.
            if !effects.is_empty() {
                return Ok(effects);
            }
        }
        Err(self.store.damaged(Space::RecordIndex, "rows of the index of due records do not fit their records"))
    }

    /// The due records, the earliest first, each once: the effect of a second rule follows in the next batch.
    async fn waiting(&self, until: Timestamp) -> Result<Vec<Waiting>> {
        let registry = self.sector.ordinal;
        let (from, to) = (due::prefix(registry).to_vec(), due::after_day(registry, until.date()));
        let rows = self.store.scan(Scan::range(Space::RecordIndex, from, to).limit(LOAD_BATCH)).await?;
        let unreadable = || corrupt("a row of the index of due records cannot be read");
        let mut dues = Vec::with_capacity(rows.len());
        let mut known = HashSet::new();
        for (key, _) in &rows {
            let due = Due::of_key(key).ok_or_else(unreadable)?;
            if !known.insert(due.record()) {
                break;
            }
            dues.push(due);
        }
        let keys: Vec<Vec<u8>> = dues.iter().map(|due| due.record().to_vec()).collect();
        let rows = self.store.get_many(Space::Record, &keys).await?;
        let lost = || self.store.damaged(Space::Record, "a record that is due is missing");
        let read = |(due, row): (Due, Option<bytes::Bytes>)| {
            Ok(Waiting { due, row: RecordRow::read(&row.ok_or_else(lost)?)? })
        };
        dues.into_iter().zip(rows).map(read).collect()
    }

    fn effects(&self, waiting: &[Waiting]) -> Result<Vec<Effect>> {
        let effect = |waiting: &Waiting| {
            let Due { day, id, .. } = waiting.due;
            let (record_type, rule) = rule_of(&self.sector, &waiting.due)?;
            Ok(Effect {
                kind: kind(&self.sector, rule),
                at: Timestamp::start_of(day),
                record_type: record_type.name.clone(),
                record_id: id,
                effect: rule.effect(),
            })
        };
        waiting.iter().map(effect).collect()
    }

    /// Commits to the changes on as many cores as there are.
    async fn prepare_due(&self, waiting: Vec<Waiting>) -> Result<Vec<Prepared>> {
        let mut parts = Vec::new();
        let mut rest = waiting;
        while !rest.is_empty() {
            let after = rest.split_off(rest.len().min(CHANGES_PER_TASK));
            let (sector, secrets) = (self.sector.clone(), self.secrets);
            let part = std::mem::replace(&mut rest, after);
            parts.push(offload(move || {
                part.iter()
                    .filter_map(|waiting| prepare(&sector, &secrets, waiting).transpose())
                    .collect::<Result<Vec<_>>>()
            }));
        }
        let mut prepared = Vec::new();
        for part in parts {
            prepared.extend(part.await??);
        }
        Ok(prepared)
    }
}

fn rule_of<'a>(sector: &'a Sector, due: &Due) -> Result<(&'a Arc<RecordType>, &'a TimeRule)> {
    let record_type = sector.record_types.iter().find(|of| of.ordinal == due.record_type);
    let rule = |of: &'a Arc<RecordType>| Some((of, of.lifecycle.time.get(usize::from(due.rule))?));
    record_type.and_then(rule).ok_or_else(|| corrupt("a row of the index of due records names no rule"))
}

/// The version that a time rule makes of a stored one; `None` where the rule no longer matches, because the record changed after its row of
/// the index was read.
fn prepare(sector: &Sector, secrets: &Secrets, Waiting { due, row }: &Waiting) -> Result<Option<Prepared>> {
    let (record_type, rule) = rule_of(sector, due)?;
    let statement = row.decoded()?;
    let unreadable = |error| corrupt("a stored payload is not canonical").with_source(error);
    let before = canonical::parse(&row.payload).map_err(unreadable)?;
    let day = rule.since(&before).map(|since| since.due(rule.after, statement.issued_at.date()));
    if statement.operation == Operation::Revoke || day != Some(due.day) {
        return Ok(None);
    }
    let stated = stated(record_type.holds(&before), &statement);
    let payload = rule.apply(before, due.day);
    let draft = Draft {
        record_type,
        operation: Operation::Update,
        expected_version: statement.version,
        holds: record_type.holds(&payload).or(stated.from, stated.until),
        payload,
    };
    let prepared = draft.commit_to(sector, secrets).map_err(Error::bug)?;
    let prepared = prepared.ok_or_else(|| corrupt("a stored record has no natural key"))?;
    // A day before the version that states it: the change follows that version at once.
    let issued_at = Timestamp::start_of(due.day).max(statement.issued_at);
    // No rule of its lifecycle is asked about it: what those would read is not read.
    Ok(Some(Prepared { issued_at: Some(issued_at), content: None, related: Vec::new(), ..prepared }))
}

/// The validity of a version outside its payload.
fn stated(holds: Holds, statement: &Statement) -> Holds {
    let (from, until) = holds.interval(statement.operation, statement.issued_at);
    Holds {
        from: (statement.valid_from != from).then_some(statement.valid_from),
        until: (statement.valid_until != until).then_some(statement.valid_until),
    }
}
