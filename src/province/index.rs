//! The index of the view's records, `ProvinceIndex`:
//!
//! | prefix | rest of the key | finds |
//! |---|---|---|
//! | `p` | personal ID ‖ type ‖ record id | every record that names a person |
//! | `o` | organisation code ‖ 00 ‖ type ‖ record id | every record that names an organisation |
//! | `n` | folded name ‖ 00 ‖ birth date ‖ 00 ‖ type ‖ record id | people by name |
//! | `a` | other number ‖ 00 ‖ type ‖ record id | people by superseded or old numbers |
//! | `k` | type ‖ natural key ‖ 00 ‖ type ‖ record id | records that name nobody, by natural key |
//!
//! Rows are never deleted: a record that named somebody once is found under them still, and a reader looks into the
//! record itself. That saves the ingest a read for every change.

use crate::base::{OrganisationCode, PersonalId};
use crate::registry::RecordType;
use crate::trust::Object;

use super::row::RecordKey;

/// The keys of all index rows of a record, without duplicates.
pub(super) fn keys(record_type: &RecordType, payload: &Object, key: &RecordKey) -> Vec<Vec<u8>> {
    let mut out = Vec::with_capacity(4);
    let people = record_type.people_of(payload);
    for person in &people {
        out.push(with_key(person_prefix(*person), key));
    }
    let organisations = record_type.organisations_of(payload);
    for code in &organisations {
        out.push(with_key(organisation_prefix(*code), key));
    }
    if let Some(register) = &record_type.people {
        if let Some((name, birth)) = register.name_key(payload) {
            let mut row = name_prefix(&name);
            row.extend_from_slice(birth.to_string().as_bytes());
            row.push(0);
            out.push(with_key(row, key));
        }
        for alias in register.aliases_of(payload) {
            out.push(with_key(alias_prefix(alias), key));
        }
    }
    if people.is_empty()
        && organisations.is_empty()
        && let Some(natural) = record_type.key_of(payload)
    {
        out.push(with_key(natural_prefix(record_type, &natural), key));
    }
    out.sort_unstable();
    out.dedup();
    out
}

pub(super) fn person_prefix(person: PersonalId) -> Vec<u8> {
    [b"p", person.as_str().as_bytes()].concat()
}

/// A branch's code begins with its organisation's, so that a zero byte ends it.
pub(super) fn organisation_prefix(code: OrganisationCode) -> Vec<u8> {
    [b"o", code.to_string().as_bytes(), &[0]].concat()
}

pub(super) fn name_prefix(folded: &str) -> Vec<u8> {
    [b"n", folded.as_bytes(), &[0]].concat()
}

pub(super) fn alias_prefix(number: &str) -> Vec<u8> {
    [b"a", number.as_bytes(), &[0]].concat()
}

pub(super) fn natural_prefix(record_type: &RecordType, natural: &str) -> Vec<u8> {
    [&[b'k', record_type.ordinal], natural.as_bytes(), &[0]].concat()
}

/// The record to which an index row refers.
pub(super) fn record_of(key: &[u8]) -> Option<RecordKey> {
    key.last_chunk::<17>().copied()
}

fn with_key(mut prefix: Vec<u8>, key: &RecordKey) -> Vec<u8> {
    prefix.extend_from_slice(key);
    prefix
}
