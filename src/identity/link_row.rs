//! How links are stored: a row for each link and each of its events, and index rows by record, by id, and by kind while a link awaits its issuer.

use crate::access::Actor;
use crate::base::{Error, PersonalId, Reason, RecordId, Result};
use crate::registry::numbers::Numbers;
use crate::store::{Batch, Space, Store};
use crate::trust::canonical::{self, Object};

use super::link::{Link, LinkEvent};

pub(super) fn corrupt() -> Error {
    Error::new(Reason::StorageCorrupt, "a link cannot be read back")
}

pub(super) fn read_link(person: PersonalId, id: uuid::Uuid, row: &[u8]) -> Result<Link> {
    let row: Object = canonical::parse(row).map_err(|_| corrupt())?;
    Link::from_row(person, id, &row).ok_or_else(corrupt)
}

pub(super) fn write(batch: Batch, link: &Link, actor: &Actor) -> Batch {
    let mut event_key = link.id.as_bytes().to_vec();
    event_key.extend_from_slice(&link.events.to_be_bytes());
    batch.put(Space::Link, link_key(link), canonical::write(&link.to_row())).put(
        Space::LinkEvent,
        event_key,
        canonical::write(&LinkEvent::of(link, actor).to_row()),
    )
}

pub(super) fn link_key(link: &Link) -> Vec<u8> {
    key_of(link.person, link.id)
}

pub(super) fn key_of(person: PersonalId, id: uuid::Uuid) -> Vec<u8> {
    [person.as_str().as_bytes(), id.as_bytes()].concat()
}

pub(super) fn record_key(record: RecordId, person: PersonalId) -> Vec<u8> {
    [b"r", &record.0[..], person.as_str().as_bytes()].concat()
}

/// The id of the link of a record to a person, under any of their numbers.
pub(super) async fn linked(store: &dyn Store, record: RecordId, person: &Numbers) -> Result<Option<String>> {
    for number in person.all() {
        if let Some(id) = store.get(Space::LinkIndex, &record_key(record, number)).await? {
            return uuid::Uuid::from_slice(&id).map(|id| Some(id.to_string())).map_err(|_| corrupt());
        }
    }
    Ok(None)
}

pub(super) fn id_key(id: uuid::Uuid) -> Vec<u8> {
    [b"i", &id.as_bytes()[..]].concat()
}

pub(super) fn pending_key(link: &Link) -> Vec<u8> {
    [&[b'p', link.document_type.0], &link.id.as_bytes()[..]].concat()
}
