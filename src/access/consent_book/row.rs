//! The stored form of consents.
//!
//! | space | key | value |
//! |---|---|---|
//! | `Consent` | personal ID ‖ agency ‖ `/` ‖ purpose | JSON |
//! | `ConsentHistory` | personal ID ‖ consent id (16) | JSON |
//!
//! Rows of earlier versions have no id, no actor, and no time of a withdrawal: their id is derived from their other fields.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::access::acting::Actor;
use crate::access::consent::{Act, Consent, ConsentState, derived_id};
use crate::base::{Error, PersonalId, Reason, RequestId, Result, Timestamp};

#[derive(Serialize, Deserialize)]
struct ConsentRow {
    #[serde(default)]
    id: Option<String>,
    agency: String,
    purpose: String,
    record_types: Vec<String>,
    said: Said,
    granted_at: i64,
    expires_at: i64,
    #[serde(default)]
    given: Option<ActRow>,
    #[serde(default)]
    ended_at: Option<i64>,
    #[serde(default)]
    ended: Option<ActRow>,
}

#[derive(Serialize, Deserialize)]
struct ActRow {
    actor: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    guardian: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Said {
    Granted,
    Withdrawn,
    Refused,
    Replaced,
}

pub(super) fn row_key(person: PersonalId, agency: &str, purpose: &str) -> Vec<u8> {
    [person.as_str(), agency, "/", purpose].concat().into_bytes()
}

/// The number in the key of a row.
pub(super) fn number_of(key: &[u8]) -> Result<PersonalId> {
    let number = key.first_chunk::<12>().and_then(|number| PersonalId::parse(std::str::from_utf8(number).ok()?));
    number.ok_or_else(|| Error::new(Reason::StorageCorrupt, "the key of a consent cannot be read"))
}

pub(super) fn history_key(person: PersonalId, id: Uuid) -> Vec<u8> {
    [person.as_str().as_bytes(), id.as_bytes()].concat()
}

pub(super) fn write(consent: &Consent) -> Result<Vec<u8>> {
    let row = ConsentRow {
        id: Some(consent.id.to_string()),
        agency: consent.agency.clone(),
        purpose: consent.purpose.clone(),
        record_types: consent.record_types.clone(),
        said: match consent.said {
            ConsentState::Granted | ConsentState::Expired => Said::Granted,
            ConsentState::Withdrawn => Said::Withdrawn,
            ConsentState::Refused => Said::Refused,
            ConsentState::Replaced => Said::Replaced,
        },
        granted_at: consent.granted_at.0,
        expires_at: consent.expires_at.0,
        given: Some(write_act(&consent.given)),
        ended_at: consent.ended.as_ref().map(|(at, _)| at.0),
        ended: consent.ended.as_ref().map(|(_, act)| write_act(act)),
    };
    serde_json::to_vec(&row).map_err(Error::bug)
}

pub(super) fn read(row: &[u8]) -> Result<Consent> {
    let corrupt = || Error::new(Reason::StorageCorrupt, "a consent cannot be read");
    let row: ConsentRow = serde_json::from_slice(row).map_err(|error| corrupt().with_source(error))?;
    let act = |row: ActRow| read_act(row).ok_or_else(corrupt);
    let granted_at = Timestamp(row.granted_at);
    let unknown = Act { actor: Actor::Citizen, request_id: None };
    let id = match &row.id {
        Some(id) => id.parse().map_err(|_| corrupt())?,
        None => derived_id(&row.agency, &row.purpose, granted_at),
    };
    let ended = row.ended_at.zip(row.ended).map(|(at, row)| Ok::<_, Error>((Timestamp(at), act(row)?)));
    Ok(Consent {
        id,
        agency: row.agency,
        purpose: row.purpose,
        record_types: row.record_types,
        said: match row.said {
            Said::Granted => ConsentState::Granted,
            Said::Withdrawn => ConsentState::Withdrawn,
            Said::Refused => ConsentState::Refused,
            Said::Replaced => ConsentState::Replaced,
        },
        granted_at,
        expires_at: Timestamp(row.expires_at),
        given: row.given.map_or(Ok(unknown), act)?,
        ended: ended.transpose()?,
    })
}

fn write_act(act: &Act) -> ActRow {
    ActRow {
        actor: act.actor.as_str().to_owned(),
        guardian: act.actor.guardian().map(|guardian| guardian.as_str().to_owned()),
        request_id: act.request_id.map(|id| id.to_string()),
    }
}

fn read_act(row: ActRow) -> Option<Act> {
    let actor = Actor::read(&row.actor, row.guardian.as_deref())?;
    let request_id = row.request_id.map(|id| id.parse().map(RequestId)).transpose().ok()?;
    Some(Act { actor, request_id })
}
