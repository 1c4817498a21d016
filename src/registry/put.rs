//! Records put whole: each is compared with the stored one, and created, given its next version, or left unchanged.
//!
//! One bad record does not stop the others, so a batch goes in rounds: a record that breaks a rule between records is removed and named, and the
//! rest is tried again, because such rules see the batch as it would be written. Every round but the last removes a record. The changes
//! go through the same validation and the same writer as a submission.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use crate::base::{Error, Reason, RecordId, Result, Timestamp, Violation, Violations, Warnings, offload};
use crate::store::Space;
use crate::trust::{Operation, canonical};

use super::Sector;
use super::embedded::EmbeddedRegistry;
use super::lifecycle::Author;
use super::normal::normal;
use super::plan::Counters;
use super::port::{Change, Content, PutOutcome, Receipt, batch_violation};
use super::prepare::{Prepared, Secrets, prepare};
use super::row::{RecordKey, RecordRow, record_key};
use super::rule::Findings;
use super::writer::{Origin, known};

/// Attempts at comparing a batch again after one of its records was changed concurrently.
const RACES_MAX: usize = 5;
/// How many changes one task prepares.
const CHANGES_PER_TASK: usize = 512;

/// One content in preparation.
struct Put {
    content: Content,
    /// Its record and the content to store; `None` when it has no key, which its rules will report.
    at: Option<(RecordKey, RecordId, Bytes)>,
}

/// The action for a content.
enum Step {
    Write(Operation, u64),
    Done(PutOutcome),
}

impl EmbeddedRegistry {
    /// [`Registry::put`](super::port::Registry::put) over the store.
    pub(super) async fn put_contents(&self, contents: Vec<Content>, is_trial: bool) -> Result<Vec<PutOutcome>> {
        if let Some(violation) = batch_violation("records", contents.len()) {
            return Err(Error::invalid(violation));
        }
        self.may_issue()?;
        let now = self.clock.now();
        let (sector, secrets) = (self.sector.clone(), self.secrets);
        let placed = offload(move || place_all(&sector, &secrets, contents));
        let (puts, mut outcomes) = placed.await?;
        let mut races = 0;
        loop {
            let changes = self.compare(&puts, &mut outcomes).await?;
            if changes.is_empty() {
                break;
            }
            let (numbers, changes): (Vec<usize>, Vec<Change>) = changes.into_iter().unzip();
            let mut lawful = Vec::with_capacity(numbers.len());
            let mut prepared = Vec::with_capacity(numbers.len());
            for (number, one) in numbers.into_iter().zip(self.prepare_each(changes, now).await?) {
                match one {
                    Ok(one) => {
                        lawful.push(number);
                        prepared.push(one);
                    }
                    Err(violations) => outcomes[number] = Some(PutOutcome::Refused(in_payload(&violations))),
                }
            }
            if lawful.is_empty() {
                break;
            }
            match self.try_round(prepared, now, is_trial).await {
                Ok(receipts) => {
                    for (number, receipt) in lawful.into_iter().zip(receipts) {
                        let (is_new, receipt) = (receipt.version == 1, with_paths_in_payload(receipt));
                        let outcome = if is_new { PutOutcome::Created } else { PutOutcome::Updated };
                        outcomes[number] = Some(outcome(receipt));
                    }
                    break;
                }
                Err(error) if error.reason == Reason::VersionConflict && races < RACES_MAX => races += 1,
                Err(error) if error.reason == Reason::TransitionNotAllowed => {
                    let refused = by_change(&error.violations);
                    if refused.is_empty() {
                        return Err(error);
                    }
                    for (change, violations) in refused {
                        let number = lawful.get(change).ok_or_else(|| Error::bug("a violation of no change"))?;
                        outcomes[*number] = Some(PutOutcome::Refused(violations));
                    }
                }
                Err(error) => return Err(error),
            }
        }
        outcomes.into_iter().map(|outcome| outcome.ok_or_else(|| Error::bug("a record without outcome"))).collect()
    }

    /// The changes for the contents without an outcome, with their numbers; contents that need no writing get their outcome.
    async fn compare(&self, puts: &[Put], outcomes: &mut [Option<PutOutcome>]) -> Result<Vec<(usize, Change)>> {
        let open: Vec<usize> = (0..puts.len()).filter(|at| outcomes[*at].is_none()).collect();
        let keys: Vec<Vec<u8>> =
            open.iter().filter_map(|at| puts[*at].at.as_ref()).map(|(key, ..)| key.to_vec()).collect();
        let mut stored = self.store.get_many(Space::Record, &keys).await?.into_iter();
        let mut changes = Vec::new();
        for at in open {
            let Put { content, at: place } = &puts[at];
            let step = match place {
                None => Step::Write(Operation::Create, 0),
                Some((_, id, bytes)) => step(*id, bytes, stored.next().flatten())?,
            };
            match step {
                Step::Done(outcome) => outcomes[at] = Some(outcome),
                Step::Write(operation, expected_version) => {
                    let (record_type, payload) = (content.record_type.clone(), content.payload.clone());
                    let (valid_from, valid_until) = (None, None);
                    let change = Change { record_type, operation, expected_version, payload, valid_from, valid_until };
                    changes.push((at, change));
                }
            }
        }
        Ok(changes)
    }

    /// Prepares each change for itself, on as many cores as there are.
    async fn prepare_each(&self, changes: Vec<Change>, now: Timestamp) -> Result<Vec<Result<Prepared, Violations>>> {
        let changes = Arc::new(changes);
        let tasks: Vec<_> = (0..changes.len())
            .step_by(CHANGES_PER_TASK)
            .map(|start| {
                let (sector, secrets, changes) = (self.sector.clone(), self.secrets, changes.clone());
                offload(move || {
                    let one = |at: usize| prepare(&sector, &secrets, &changes, at..at + 1, now.date());
                    (start..changes.len().min(start + CHANGES_PER_TASK)).map(one).collect::<Vec<_>>()
                })
            })
            .collect();
        let mut all = Vec::with_capacity(changes.len());
        for task in tasks {
            for prepared in task.await? {
                all.push(match prepared {
                    Ok(mut one) => Ok(one.pop().ok_or_else(|| Error::bug("a change that was not prepared"))?),
                    Err(error) if error.reason == Reason::InvalidRequest => Err(error.violations.clone()),
                    Err(error) => return Err(error),
                });
            }
        }
        Ok(all)
    }

    /// Writes the changes, or in a trial only checks whether they could be written.
    async fn try_round(&self, prepared: Vec<Prepared>, now: Timestamp, is_trial: bool) -> Result<Vec<Receipt>> {
        if !is_trial {
            return self.write(prepared, Origin::Put).await;
        }
        let plan = known(&*self.store, &self.sector, Counters::new(), || prepared.iter()).await?;
        plan.allows(&prepared, Author::Owner, now)?;
        let receipt = |change: Prepared| Receipt {
            record_id: change.record_id,
            version: change.expected_version + 1,
            log_index: 0,
            warnings: change.warnings,
        };
        Ok(prepared.into_iter().map(receipt).collect())
    }
}

/// Finds the record of each content; a second content for the same record gets its outcome at once.
fn place_all(sector: &Sector, secrets: &Secrets, contents: Vec<Content>) -> (Vec<Put>, Vec<Option<PutOutcome>>) {
    let mut first: BTreeMap<RecordKey, usize> = BTreeMap::new();
    let mut puts = Vec::with_capacity(contents.len());
    let mut outcomes = Vec::with_capacity(contents.len());
    for content in contents {
        let at = place(sector, secrets, &content);
        let before = at.as_ref().and_then(|(key, ..)| first.insert(*key, puts.len()));
        outcomes.push(before.map(|before| {
            let says = format_args!("record {before} of this call has the same natural key");
            let field = sector.record_type(&content.record_type).map_or("", |of| &of.natural_key);
            PutOutcome::Refused(Violation::new(field, "DUPLICATE", says).into())
        }));
        puts.push(Put { content, at });
    }
    (puts, outcomes)
}

fn place(sector: &Sector, secrets: &Secrets, content: &Content) -> Option<(RecordKey, RecordId, Bytes)> {
    let record_type = sector.record_type(&content.record_type)?;
    let mut flagged_later = Violations::default();
    let payload = normal(record_type, &content.payload, &mut Findings::new(&"", &mut flagged_later));
    let id = secrets.record_id(record_type, &record_type.key_of(&payload)?);
    Some((record_key(record_type, id), id, canonical::write(&payload).into()))
}

/// The change that gives a stored record this content.
fn step(record_id: RecordId, bytes: &Bytes, stored: Option<Bytes>) -> Result<Step> {
    let Some(stored) = stored else { return Ok(Step::Write(Operation::Create, 0)) };
    let row = RecordRow::read(&stored)?;
    let statement = row.decoded()?;
    if row.payload == *bytes {
        let (version, log_index, warnings) = (statement.version, row.log_index, Warnings::default());
        return Ok(Step::Done(PutOutcome::Unchanged(Receipt { record_id, version, log_index, warnings })));
    }
    if statement.operation == Operation::Revoke {
        let says = "the record was revoked and takes no more changes";
        return Ok(Step::Done(PutOutcome::Refused(Violation::new("", "RECORD_REVOKED", says).into())));
    }
    Ok(Step::Write(Operation::Update, statement.version))
}

/// The violations of each change, under their paths in its payload.
fn by_change(violations: &Violations) -> BTreeMap<usize, Violations> {
    let mut refused: BTreeMap<usize, Violations> = BTreeMap::new();
    for violation in violations.kept() {
        if let Some((change, path)) = split(&violation.field) {
            refused.entry(change).or_default().push(violation.clone().at(path));
        }
    }
    refused
}

/// The violations of one change, under their paths in its payload.
fn in_payload(violations: &Violations) -> Violations {
    let mut relative = Violations::default();
    for violation in violations.kept() {
        relative.push(violation.clone().at(split(&violation.field).map_or("", |(_, path)| path)));
    }
    relative
}

fn with_paths_in_payload(mut receipt: Receipt) -> Receipt {
    for warning in &mut receipt.warnings.kept {
        warning.field = split(&warning.field).map_or("", |(_, path)| path).to_owned();
    }
    receipt
}

/// The number of a change, and the path within its payload: 3 and `uses[0].code` of `changes[3].payload.uses[0].code`.
fn split(field: &str) -> Option<(usize, &str)> {
    let (number, rest) = field.strip_prefix("changes[")?.split_once(']')?;
    let path = rest.strip_prefix(".payload").map_or(rest, |path| path);
    Some((number.parse().ok()?, path.trim_start_matches('.')))
}
