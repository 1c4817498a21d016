//! What changed in the records of a person: when it was true, when it was known, and by whom.
//!
//! Every version that names the person, and every version that ceased to, is a change, in the order of the record ledger. Nothing is ever taken out: a
//! correction comes behind what it corrects.

use std::collections::BTreeMap;

use crate::base::{Error, PersonalId, Reason, Result, Timestamp};
use crate::registry::Heading;
use crate::trust::{Object, Operation, Value};

use super::about::About;
use super::follow::Province;
use super::period::takes_effect;
use super::row::{RecordKey, RecordRow};
use super::snapshot::{AsOf, BYTES_MAX, Snapshot, Versions, payload, too_large};
use super::view::{Audience, Source};

/// A version of a record, as a change.
#[derive(Debug, Clone, PartialEq)]
pub struct HistoryChange {
    /// The version.
    pub source: Source,
    /// What it does.
    pub operation: Operation,
    /// The fields that it changed.
    pub fields: Vec<FieldChange>,
    /// From when its contents are true, as it was signed …
    pub valid_from: Timestamp,
    /// … and until when, not included.
    pub valid_until: Timestamp,
    /// From when it counts as true.
    pub effective_from: Timestamp,
    /// When it became known.
    pub known_from: Timestamp,
    /// The ledger index of the version that replaced it, as far as known.
    pub known_until: Option<u64>,
    /// The basis of the change, if it has one of its own.
    pub basis: Option<Object>,
}

/// A field before and after a change.
#[derive(Debug, Clone, PartialEq)]
pub struct FieldChange {
    /// Its name.
    pub name: String,
    /// In the version before.
    pub before: Option<Value>,
    /// In this version.
    pub after: Option<Value>,
}

/// A version and its neighbours.
struct Step {
    key: RecordKey,
    row: RecordRow,
    before: Option<RecordRow>,
    known_until: Option<u64>,
}

/// Most bytes of payloads that one call reads, on the way to its page too.
const READ_BYTES_MAX: usize = 4 * BYTES_MAX;

impl Province {
    /// At most `limit` changes of a person's records with a ledger index from `from` on, and the index from which the next page goes on. With a valid time,
    /// only changes to what was true then. Fails with [`RecordNotFound`](Reason::RecordNotFound) if no record ever named the person.
    pub async fn history(
        &self,
        number: PersonalId,
        audience: Audience,
        as_of: AsOf,
        limit: usize,
        from: u64,
    ) -> Result<(Vec<HistoryChange>, Option<u64>)> {
        let snapshot = self.snapshot(AsOf { valid: None, ..as_of });
        let about = About::of(number, &snapshot).await?;
        let is_seen = |key: &RecordKey| {
            let of = self.catalogue.record_type_numbered(key[0]);
            of.is_some_and(|of| audience == Audience::Citizen || of.heading != Heading::Judicial)
        };
        let (mut steps, mut bytes, mut is_known) = (BTreeMap::new(), 0, false);
        let mut left = READ_BYTES_MAX;
        for key in about.records.iter().copied().filter(is_seen) {
            for step in snapshot.steps(key, &mut left).await? {
                let names = |row: &RecordRow| -> Result<bool> { Ok(about.is_named_in(&snapshot.found(&key, row)?)) };
                let is_about = names(&step.row)? || step.before.as_ref().map(names).transpose()?.unwrap_or_default();
                is_known |= is_about;
                if is_about && step.row.ledger_index >= from {
                    bytes += step.row.payload.len();
                    steps.insert(step.row.ledger_index, step);
                }
                // One more than the page, which says where the next one begins.
                while steps.len() > limit.max(1).saturating_add(1) && as_of.valid.is_none() {
                    bytes -= steps.pop_last().map_or(0, |(_, step)| step.row.payload.len());
                }
                if bytes > BYTES_MAX {
                    return Err(too_large());
                }
            }
        }
        if !is_known {
            let unknown = Error::new(Reason::RecordNotFound, "no registry has records of this person");
            return Err(unknown.with_subject("person", ""));
        }
        let mut changes = Vec::new();
        for (index, step) in steps {
            let change = snapshot.change(step).await?;
            if as_of.valid.is_some_and(|at| !(change.valid_from <= at && at < change.valid_until)) {
                continue;
            }
            if changes.len() == limit {
                return Ok((changes, Some(index)));
            }
            changes.push(change);
        }
        Ok((changes, None))
    }
}

impl Snapshot<'_> {
    /// The versions of a record that were known, the newest first; the bytes of their payloads are taken from `left`.
    async fn steps(&self, key: RecordKey, left: &mut usize) -> Result<Vec<Step>> {
        let mut versions = Versions::of(*self, key);
        let (mut steps, mut known_until) = (Vec::new(), None);
        let mut next = versions.next().await?;
        while let Some(row) = next {
            *left = left.checked_sub(row.payload.len()).ok_or_else(too_large)?;
            next = versions.next().await?;
            let before = next.clone();
            let superseded = known_until.replace(row.ledger_index);
            steps.push(Step { key, row, before, known_until: superseded });
        }
        Ok(steps)
    }

    async fn change(&self, step: Step) -> Result<HistoryChange> {
        let Step { key, row, before, known_until } = step;
        let found = self.found(&key, &row)?;
        let statement = self.statement(&row).await?;
        let before = before.as_ref().map(payload).transpose()?;
        let effective_from = takes_effect(&found.record_type, &statement, &found.payload, before.as_ref());
        let known_from = self.province.ledger.known_since(row.ledger_index).await?;
        let empty = Object::new();
        let basis = found.payload.object(crate::registry::basis::FIELD);
        let is_own = |basis: &&Object| {
            before.as_ref().and_then(|before| before.object(crate::registry::basis::FIELD)) != Some(*basis)
        };
        Ok(HistoryChange {
            source: Source::of(&found, 1),
            operation: row.operation,
            fields: changed(before.as_ref().unwrap_or(&empty), &found.payload),
            valid_from: statement.valid_from,
            valid_until: statement.valid_until,
            effective_from,
            known_from: known_from.unwrap_or(row.issued_at),
            known_until,
            basis: basis.filter(is_own).cloned(),
        })
    }
}

/// The fields in which two payloads differ: those of the later one in its order, then those that it has no more.
fn changed(before: &Object, after: &Object) -> Vec<FieldChange> {
    let own = after.iter().filter(|(name, value)| before.get(name) != Some(*value)).map(|(name, value)| FieldChange {
        name: name.to_owned(),
        before: before.get(name).cloned(),
        after: Some(value.clone()),
    });
    let gone = before.iter().filter(|(name, _)| !after.contains(name)).map(|(name, value)| FieldChange {
        name: name.to_owned(),
        before: Some(value.clone()),
        after: None,
    });
    own.chain(gone).collect()
}
