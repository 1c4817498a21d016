//! The stored form of webhooks.
//!
//! | space | key | value |
//! |---|---|---|
//! | `Webhook` | world (8) ‖ agency | JSON: all webhooks of the agency, because quota and request ids are decided over them all |
//! | `WebhookDelivery` | world (8) ‖ webhook id (16) | JSON |
//! | `WebhookLetter` | world (8) ‖ webhook id (16) ‖ ledger index (8) | JSON |
//!
//! The world is a hash of its record ledger's origin: a session, which begins with a copy of its province's rows, sends nothing for the province's
//! webhooks.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::webhook::{
    DeadLetter, Deliveries, Disabled, Failing, Rotation, Selection, TargetText, Webhook, WebhookState,
};
use crate::base::{AgencyId, Error, PersonalId, Reason, Result, Timestamp};
use crate::registry::Heading;

/// The mark of a world in keys.
pub(super) type WorldMark = [u8; 8];

/// Headings by their number in rows, from 1; never reordered.
const HEADINGS: [Heading; 9] = [
    Heading::Person,
    Heading::Household,
    Heading::Documents,
    Heading::Land,
    Heading::Vehicles,
    Heading::Insurance,
    Heading::Business,
    Heading::Judicial,
    Heading::CivilStatus,
];

const ACTIVE: &str = "ACTIVE";
const PAUSED: &str = "PAUSED";

pub(super) fn mark_of(origin: &str) -> WorldMark {
    let hash = Sha256::digest(origin);
    let mut mark = WorldMark::default();
    mark.copy_from_slice(&hash[..8]);
    mark
}

pub(super) fn agency_key(world: WorldMark, agency: &AgencyId) -> Vec<u8> {
    [&world, agency.as_str().as_bytes()].concat()
}

/// The agency in the key of its row.
pub(super) fn agency_of(key: &[u8]) -> Result<AgencyId> {
    let agency = key.get(8..).and_then(|agency| std::str::from_utf8(agency).ok()).and_then(AgencyId::parse);
    agency.ok_or_else(corrupt)
}

pub(super) fn webhook_key(world: WorldMark, webhook: Uuid) -> Vec<u8> {
    [&world[..], webhook.as_bytes()].concat()
}

pub(super) fn letter_key(world: WorldMark, webhook: Uuid, ledger_index: u64) -> Vec<u8> {
    [&world[..], webhook.as_bytes(), &ledger_index.to_be_bytes()].concat()
}

#[derive(Serialize, Deserialize)]
struct AgencyRow {
    webhooks: Vec<WebhookRow>,
}

#[derive(Serialize, Deserialize)]
struct WebhookRow {
    id: String,
    request_id: String,
    target: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    registry: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    record_types: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    section: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    person: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unit: Option<(String, String)>,
    asked: String,
    revision: u32,
    created_at: i64,
    /// `ACTIVE`, `PAUSED`, or why it is disabled.
    state: String,
    rotations: u32,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    rotation_request_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    previous_until: Option<i64>,
}

#[derive(Serialize, Deserialize)]
struct DeliveriesRow {
    next: u64,
    delivered: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    delivered_at: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    failing: Option<FailingRow>,
}

#[derive(Serialize, Deserialize)]
struct FailingRow {
    ledger_index: u64,
    attempts: u32,
    failure: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    next_at: Option<i64>,
}

#[derive(Serialize, Deserialize)]
struct LetterRow {
    attempts: u32,
    failure: String,
    given_up_at: i64,
    is_queued: bool,
}

pub(super) fn write_agency(webhooks: &[Webhook]) -> Result<Vec<u8>> {
    let row = |webhook: &Webhook| WebhookRow {
        id: webhook.id.to_string(),
        request_id: webhook.request_id.clone(),
        target: webhook.target.0.clone(),
        registry: webhook.selection.registry.clone(),
        record_types: webhook.selection.record_types.clone(),
        section: webhook.selection.heading.map(section_number),
        person: webhook.selection.person.map(|person| person.as_str().to_owned()),
        unit: webhook.selection.unit.as_ref().map(|(code, since)| (code.clone(), since.to_string())),
        asked: webhook.asked.clone(),
        revision: webhook.revision,
        created_at: webhook.created_at.0,
        state: match webhook.state {
            WebhookState::Active => ACTIVE,
            WebhookState::Paused => PAUSED,
            WebhookState::Disabled(reason) => reason.as_str(),
        }
        .to_owned(),
        rotations: webhook.rotation.count,
        rotation_request_id: webhook.rotation.request_id.clone(),
        previous_until: webhook.rotation.previous_until.map(|until| until.0),
    };
    write(&AgencyRow { webhooks: webhooks.iter().map(row).collect() })
}

pub(super) fn read_agency(row: &[u8]) -> Result<Vec<Webhook>> {
    let AgencyRow { webhooks } = read(row)?;
    webhooks.into_iter().map(|row| webhook(row).ok_or_else(corrupt)).collect()
}

fn webhook(row: WebhookRow) -> Option<Webhook> {
    let heading = row.section.map(|number| HEADINGS.get(number.checked_sub(1)?).copied());
    let selection = Selection {
        registry: row.registry,
        record_types: row.record_types,
        heading: transposed(heading)?,
        person: transposed(row.person.map(|person| PersonalId::parse(&person)))?,
        unit: transposed(row.unit.map(|(code, since)| Some((code, since.parse().ok()?))))?,
    };
    let state = match row.state.as_str() {
        ACTIVE => WebhookState::Active,
        PAUSED => WebhookState::Paused,
        reason => WebhookState::Disabled(Disabled::parse(reason)?),
    };
    let previous_until = row.previous_until.map(Timestamp);
    Some(Webhook {
        id: row.id.parse().ok()?,
        request_id: row.request_id,
        target: TargetText(row.target),
        selection,
        asked: row.asked,
        revision: row.revision,
        created_at: Timestamp(row.created_at),
        state,
        rotation: Rotation { count: row.rotations, request_id: row.rotation_request_id, previous_until },
    })
}

/// `None` where there is a value that could not be read.
fn transposed<T>(value: Option<Option<T>>) -> Option<Option<T>> {
    match value {
        None => Some(None),
        Some(read) => read.map(Some),
    }
}

fn section_number(heading: Heading) -> usize {
    HEADINGS.iter().position(|one| *one == heading).map_or(0, |at| at + 1)
}

pub(super) fn write_deliveries(deliveries: &Deliveries) -> Result<Vec<u8>> {
    let failing = deliveries.failing.as_ref().map(|failing| FailingRow {
        ledger_index: failing.ledger_index,
        attempts: failing.attempts,
        failure: failing.failure.clone(),
        next_at: failing.next_at.map(|at| at.0),
    });
    let delivered_at = deliveries.delivered_at.map(|at| at.0);
    write(&DeliveriesRow { next: deliveries.next, delivered: deliveries.delivered, delivered_at, failing })
}

pub(super) fn read_deliveries(row: &[u8]) -> Result<Deliveries> {
    let DeliveriesRow { next, delivered, delivered_at, failing } = read(row)?;
    let failing = failing.map(|FailingRow { ledger_index, attempts, failure, next_at }| Failing {
        ledger_index,
        attempts,
        failure,
        next_at: next_at.map(Timestamp),
    });
    Ok(Deliveries { next, delivered, delivered_at: delivered_at.map(Timestamp), failing })
}

pub(super) fn write_letter(letter: &DeadLetter) -> Result<Vec<u8>> {
    let DeadLetter { ledger_index: _, attempts, failure, given_up_at, is_queued } = letter.clone();
    write(&LetterRow { attempts, failure, given_up_at: given_up_at.0, is_queued })
}

pub(super) fn read_letter(key: &[u8], row: &[u8]) -> Result<DeadLetter> {
    let index = key.get(24..).and_then(|index| index.try_into().ok()).map(u64::from_be_bytes);
    let LetterRow { attempts, failure, given_up_at, is_queued } = read(row)?;
    let ledger_index = index.ok_or_else(corrupt)?;
    Ok(DeadLetter { ledger_index, attempts, failure, given_up_at: Timestamp(given_up_at), is_queued })
}

fn write(row: &impl Serialize) -> Result<Vec<u8>> {
    serde_json::to_vec(row).map_err(Error::bug)
}

fn read<'a, T: Deserialize<'a>>(row: &'a [u8]) -> Result<T> {
    serde_json::from_slice(row).map_err(|error| corrupt().with_source(error))
}

fn corrupt() -> Error {
    Error::new(Reason::StorageCorrupt, "a row of webhooks cannot be read")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let full = Webhook {
            id: Uuid::from_u128(7),
            request_id: "a-request".into(),
            target: TargetText("https://hooks.example.vn/a".into()),
            selection: Selection {
                registry: Some("land".into()),
                record_types: vec!["one".into(), "two".into()],
                heading: Some(Heading::CivilStatus),
                person: PersonalId::parse("042090990001"),
                unit: Some(("18073".into(), "2025-07-01".parse().expect("a day"))),
            },
            asked: "hash".into(),
            revision: 3,
            created_at: Timestamp(5),
            state: WebhookState::Disabled(Disabled::RightsWithdrawn),
            rotation: Rotation { count: 2, request_id: "again-again".into(), previous_until: Some(Timestamp(9)) },
        };
        let bare = Webhook {
            selection: Selection::default(),
            state: WebhookState::Paused,
            rotation: Rotation::default(),
            ..full.clone()
        };
        let all = [full, bare];
        assert_eq!(read_agency(&write_agency(&all).expect("written")).expect("read"), all);
        for heading in HEADINGS {
            assert_eq!(HEADINGS[section_number(heading) - 1], heading);
        }

        let failing = Failing { ledger_index: 4, attempts: 2, failure: "HTTP_500".into(), next_at: Some(Timestamp(8)) };
        let deliveries = Deliveries { next: 4, delivered: 3, delivered_at: Some(Timestamp(7)), failing: Some(failing) };
        for deliveries in [deliveries, Deliveries::default()] {
            assert_eq!(read_deliveries(&write_deliveries(&deliveries).expect("written")).expect("read"), deliveries);
        }

        let letter = DeadLetter {
            ledger_index: 4,
            attempts: 10,
            failure: "TIMEOUT".into(),
            given_up_at: Timestamp(6),
            is_queued: true,
        };
        let key = letter_key(mark_of("a"), Uuid::nil(), 4);
        assert_eq!(read_letter(&key, &write_letter(&letter).expect("written")).expect("read"), letter);

        let agency = AgencyId::parse("land-office").expect("a key");
        assert_eq!(agency_of(&agency_key(mark_of("a"), &agency)).expect("read"), agency);
        assert!(read_agency(b"{}").is_err() && agency_of(b"short").is_err() && read_letter(b"short", b"{}").is_err());
    }
}
