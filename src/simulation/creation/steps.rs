//! Runs the steps of a creation. Each may be repeated: submissions are known by their ids, a household takes a member once, an account that is open
//! stays open.

use std::num::NonZeroU64;

use sha2::{Digest as _, Sha256};

use crate::base::id::to_hex;
use crate::base::time::Instant;
use crate::base::{Error, PersonalId, Reason, Result, Timestamp};
use crate::identity::{Account, Level};
use crate::registry::RecordType;
use crate::registry::port::{Change, Submission};
use crate::registry::resident::{HOUSEHOLD, PERSON};
use crate::simulation::faults::Rule;
use crate::trust::{Object, Operation, Value, canonical};

use super::made::{Creation, MadeLink, MadeRecord, Planned, Step};
use super::parts::Parts;

/// How often a change of somebody else's record is tried again, because another change came first.
const ATTEMPTS_MAX: usize = 8;

/// Runs all steps, and completes the answer. Waits at most `until` where a step waits for what was written to show.
pub async fn run(
    parts: &Parts,
    request_id: &str,
    mut creation: Creation,
    now: Timestamp,
    until: Instant,
) -> Result<Creation> {
    let steps = std::mem::take(&mut creation.steps);
    for (number, step) in steps.into_iter().enumerate() {
        let id = submission_id(request_id, number);
        match step {
            Step::Submit { registry, changes } => submit(parts, &registry, &changes, id).await?,
            Step::Join { household_id, member, relation } => {
                let version = join(parts, &household_id, &member, &relation, &id, now).await?;
                changed(parts, &mut creation, HOUSEHOLD, household_id, version)?;
            }
            Step::Marry { person, spouse } => {
                let version = marry(parts, &person, &spouse, &id, now).await?;
                changed(parts, &mut creation, PERSON, person, version)?;
            }
            Step::Open { person, level, guardian } => {
                let level = if level >= 2 { Level::Two } else { Level::One };
                let guardian = guardian.as_deref().map(number_of).transpose()?;
                parts.accounts.open(Account { person: number_of(&person)?, level, guardian, opened_at: now }).await?;
            }
            Step::Link { person, record_type, number } => {
                let id = link(parts, &person, &record_type, &number, now).await?;
                let citizen = creation.made.citizens.iter_mut().find(|citizen| citizen.personal_id == person);
                if let Some(citizen) = citizen {
                    citizen.links.push(MadeLink { id, record_type, number });
                }
            }
            Step::Refuse { person } => parts.consents.refuse_all(number_of(&person)?, now).await?,
            // What lags is named in the answer; the steps after this one need only the registries.
            Step::Settle => drop(parts.shown.shown(until).await),
        }
    }
    Ok(creation)
}

/// The rules of the faults of those who were made.
pub fn rules(creation: &Creation) -> Result<Vec<Rule>> {
    let mut rules = Vec::new();
    for citizen in &creation.made.citizens {
        if let Some((action, every)) = citizen.fault {
            let every = NonZeroU64::new(every).unwrap_or(NonZeroU64::MIN);
            rules.push(Rule::about(number_of(&citizen.personal_id)?, every, action));
        }
    }
    Ok(rules)
}

/// The id of a step's submission, which no caller's own request has by chance.
fn submission_id(request_id: &str, step: usize) -> String {
    let hash = to_hex(&Sha256::digest(format!("create-person {request_id}")));
    format!("created-{}.{step}", &hash[..32])
}

fn number_of(text: &str) -> Result<PersonalId> {
    PersonalId::parse(text).ok_or_else(|| Error::new(Reason::StorageCorrupt, "a created citizen cannot be read back"))
}

async fn submit(parts: &Parts, registry: &str, changes: &[Planned], request_id: String) -> Result<()> {
    let changes = changes.iter().map(change).collect::<Result<_>>()?;
    parts.port(registry)?.submit(Submission { request_id, changes }).await.map(|_| ())
}

/// A planned version as a change.
pub fn change(planned: &Planned) -> Result<Change> {
    let payload = canonical::parse(planned.payload.as_bytes()).map_err(|error| {
        Error::new(Reason::StorageCorrupt, "a created citizen cannot be read back").with_source(error)
    })?;
    let operation = if planned.version == 1 { Operation::Create } else { Operation::Update };
    Ok(next_version(&planned.record_type, operation, planned.version - 1, payload))
}

fn next_version(record_type: &str, operation: Operation, expected_version: u64, payload: Object) -> Change {
    let record_type = record_type.to_owned();
    Change { record_type, operation, expected_version, payload, valid_from: None, valid_until: None }
}

/// Notes a record of somebody else that was changed.
fn changed(parts: &Parts, creation: &mut Creation, record_type: &str, key: String, version: u64) -> Result<()> {
    let registry = parts.catalogue.defined(record_type)?.registry.to_string();
    let record = MadeRecord { registry, record_type: record_type.to_owned(), key, version };
    if let Some(citizen) = creation.made.citizens.first_mut() {
        citizen.records.push(record);
    }
    Ok(())
}

/// Adds a member to a household; gives the version that has them.
async fn join(
    parts: &Parts,
    household_id: &str,
    member: &str,
    relation: &str,
    request_id: &str,
    now: Timestamp,
) -> Result<u64> {
    let add = |household: &Object| {
        let members = household.array("members").unwrap_or_default();
        if members.iter().filter_map(Value::as_object).any(|one| one.text("personal_id") == Some(member)) {
            return Ok(None);
        }
        let one = Object::new().with("personal_id", member).with("relation_to_head", relation);
        let members: Vec<Value> = members.iter().cloned().chain([Value::Object(one)]).collect();
        Ok(Some(household.clone().with("members", members)))
    };
    amend(parts, HOUSEHOLD, household_id, add, request_id, now).await
}

/// Writes a marriage into the record of the spouse who was there before; gives the version that has it.
async fn marry(parts: &Parts, person: &str, spouse: &str, request_id: &str, now: Timestamp) -> Result<u64> {
    let married = |person: &Object| match person.text("spouse_id") {
        Some(known) if known == spouse => Ok(None),
        // Since the citizen was planned.
        Some(_) => Err(Error::new(Reason::VersionConflict, "the spouse has married somebody else meanwhile")),
        None => Ok(Some(person.clone().with("marital_status", "married").with("spouse_id", spouse))),
    };
    amend(parts, PERSON, person, married, request_id, now).await
}

/// Gives a record its next version where `change` finds that it needs one, however often others change it meanwhile.
async fn amend(
    parts: &Parts,
    record_type: &str,
    key: &str,
    change: impl Fn(&Object) -> Result<Option<Object>>,
    request_id: &str,
    now: Timestamp,
) -> Result<u64> {
    let of = parts.catalogue.defined(record_type)?;
    for _ in 0..ATTEMPTS_MAX {
        let found = parts.registries.read_one(of, of.key_form.of(key), now, |_| true).await?;
        let missing =
            || Error::new(Reason::RecordNotFound, "there is no such record").with_subject("record", record_type);
        let found = found.ok_or_else(missing)?;
        let version = found.statement.version;
        let Some(mut payload) = change(&found.payload)? else { return Ok(version) };
        // The basis is that of the version before.
        payload.remove(crate::registry::basis::FIELD);
        let changes = vec![next_version(record_type, Operation::Update, version, payload)];
        let request_id = format!("{request_id}.{version}");
        match parts.port(&of.registry)?.submit(Submission { request_id, changes }).await {
            Ok(_) => return Ok(version + 1),
            Err(error) if error.reason == Reason::VersionConflict => {}
            Err(error) => return Err(error),
        }
    }
    Err(Error::new(
        Reason::VersionConflict,
        "a record that the citizen joins was changed again and again: repeat the call",
    ))
}

/// Links a document as the seeding of a world does; gives the link's id, also of one that is there already.
async fn link(parts: &Parts, person: &str, record_type: &str, number: &str, now: Timestamp) -> Result<String> {
    let of: &RecordType = parts.catalogue.defined(record_type)?;
    let document = of.document.as_ref().ok_or_else(|| Error::bug("a link of what is no document"))?;
    match parts.linking.seed(number_of(person)?, document.kind, number, now).await {
        Ok(link) => Ok(link.id.to_string()),
        Err(error) if error.reason == Reason::AlreadyLinked => Ok(error.subject.name.clone()),
        Err(error) => Err(error),
    }
}
