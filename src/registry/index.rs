//! The index of records: rows of `RecordIndex`, written in the same commit as the records.
//!
//! | letter | rest of the key | finds |
//! |---|---|---|
//! | `p` | type ‖ personal ID ‖ record id | records that name a person |
//! | `o` | type ‖ organisation code ‖ 00 ‖ record id | records that name an organisation |
//! | `n` | type ‖ folded name ‖ 00 ‖ birth year ‖ birth date ‖ 00 ‖ record id | people by name |
//! | `a` | type ‖ other number ‖ 00 ‖ record id | people by superseded or old numbers |
//! | `k` | type ‖ natural key ‖ 00 ‖ record id | records in force that name the one with this key, where rules ask for them |
//! | `u` | type ‖ number of the rule ‖ value | the record that alone may have this value; its id is the row's value |
//! | `t` | registry ‖ day ‖ type ‖ number of the rule ‖ record id | records that time rules change on a day: see [`due`](super::due) |
//!
//! Other values are empty. A record that is keyed by its person needs no `p` row: its id follows from the number.

use crate::base::{OrganisationCode, PartialDate, PersonalId, RecordId};
use crate::trust::{Object, Value};

use super::RecordType;
use super::lifecycle::Lookup;
use super::schema::State;

/// The keys of all index rows of a record, each once.
pub(super) fn keys(record_type: &RecordType, payload: &Object, id: RecordId) -> Vec<Vec<u8>> {
    let mut keys = Vec::new();
    if !record_type.is_keyed_by_person() {
        for person in record_type.people_of(payload) {
            keys.push(with_id(person_prefix(record_type, person), id));
        }
    }
    for code in record_type.organisations_of(payload) {
        keys.push(with_id(organisation_prefix(record_type, code), id));
    }
    if let Some(people) = &record_type.people {
        if let Some((name, birth)) = people.name_key(payload) {
            let mut key = name_prefix(record_type, &name, Some(birth.year));
            key.extend_from_slice(birth.to_string().as_bytes());
            key.push(0);
            keys.push(with_id(key, id));
        }
        for alias in people.aliases_of(payload) {
            keys.push(with_id(alias_prefix(record_type, alias), id));
        }
    }
    for key in named(record_type, payload) {
        keys.push(with_id(naming_prefix(record_type, key), id));
    }
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// The natural keys by which rules find a record that is in force.
fn named<'a>(record_type: &RecordType, payload: &'a Object) -> impl Iterator<Item = &'a str> {
    let field = record_type.lifecycle.found_by.as_deref().filter(|_| record_type.state(payload) == Some(State::Active));
    field.and_then(|field| payload.array(field)).unwrap_or_default().iter().filter_map(Value::as_text)
}

/// The beginning of the keys of the rows that answer a lookup.
pub(super) fn lookup_prefix(record_type: &RecordType, lookup: &Lookup) -> Vec<u8> {
    match lookup {
        Lookup::Person(person) => person_prefix(record_type, *person),
        Lookup::Number(number) => alias_prefix(record_type, number),
        Lookup::Naming(key) => naming_prefix(record_type, key),
    }
}

/// Whether a key of the index is of a row that answers lookups.
pub(super) fn answers_lookups(key: &[u8]) -> bool {
    matches!(key.first(), Some(b'p' | b'a' | b'k'))
}

/// The keys of the values that only one record may have, each with the number of its rule in the lifecycle.
pub(super) fn claims(record_type: &RecordType, payload: &Object) -> Vec<(usize, Vec<u8>)> {
    let mut claims = Vec::new();
    for (at, rule) in record_type.lifecycle.unique.iter().enumerate() {
        let key = |value: String| [&[b'u', record_type.ordinal, at as u8], value.as_bytes()].concat();
        claims.extend((rule.claims)(payload).into_iter().map(|value| (at, key(value))));
    }
    claims
}

pub(super) fn person_prefix(record_type: &RecordType, person: PersonalId) -> Vec<u8> {
    [&[b'p', record_type.ordinal], person.as_str().as_bytes()].concat()
}

/// A branch's code begins with its organisation's, so that a zero byte ends it.
pub(super) fn organisation_prefix(record_type: &RecordType, code: OrganisationCode) -> Vec<u8> {
    [&[b'o', record_type.ordinal], code.to_string().as_bytes(), &[0]].concat()
}

/// All of a name, or those born in one year.
pub(super) fn name_prefix(record_type: &RecordType, folded: &str, year: Option<i16>) -> Vec<u8> {
    let mut key = [&[b'n', record_type.ordinal], folded.as_bytes(), &[0]].concat();
    if let Some(year) = year {
        key.extend_from_slice(format!("{year:04}").as_bytes());
    }
    key
}

pub(super) fn alias_prefix(record_type: &RecordType, alias: &str) -> Vec<u8> {
    [&[b'a', record_type.ordinal], alias.as_bytes(), &[0]].concat()
}

/// The key is as the stored record names it: in its form.
fn naming_prefix(record_type: &RecordType, natural_key: &str) -> Vec<u8> {
    [&[b'k', record_type.ordinal], natural_key.as_bytes(), &[0]].concat()
}

/// The record that an index row leads to.
pub(super) fn id_of(key: &[u8]) -> Option<RecordId> {
    key.last_chunk::<16>().map(|id| RecordId(*id))
}

/// The birth date in a name row's key, whose folded name is `folded`.
pub(super) fn birth_of(key: &[u8], folded: &str) -> Option<PartialDate> {
    let date = key.get(2 + folded.len() + 1 + 4..key.len().checked_sub(17)?)?;
    PartialDate::parse(std::str::from_utf8(date).ok()?)
}

fn with_id(mut key: Vec<u8>, id: RecordId) -> Vec<u8> {
    key.extend_from_slice(&id.0);
    key
}

#[cfg(test)]
mod tests {
    use super::super::{Catalogue, health_insurance, resident};
    use super::*;

    #[test]
    fn a_person_is_found_by_name_and_numbers_and_a_card_by_its_holder() {
        let id = RecordId([9; 16]);
        let person = Object::new()
            .with("personal_id", "042083990016")
            .with("superseded_ids", vec!["042083990017"])
            .with("old_id_number", "183456789")
            .with("full_name", "Đặng Thuỳ Trâm")
            .with("birth_date", "1983-02");
        let catalogue = Catalogue::built_in();
        let of = |name: &str| catalogue.record_type(name).expect("a type");
        let keys_of_person = keys(of(resident::PERSON), &person, id);
        assert_eq!(keys_of_person.len(), 3);
        let named = |prefix: Vec<u8>| keys_of_person.iter().find(|key| key.starts_with(&prefix)).expect("a row");
        let name = named(name_prefix(of(resident::PERSON), "dang thuy tram", Some(1983)));
        assert_eq!(birth_of(name, "dang thuy tram"), PartialDate::parse("1983-02"));
        named(alias_prefix(of(resident::PERSON), "183456789"));
        assert!(keys_of_person.iter().all(|key| id_of(key) == Some(id)));

        let card = Object::new().with("holder", Object::new().with("personal_id", "042083990016"));
        let holder = PersonalId::parse("042083990016").expect("valid");
        let keys_of_card = keys(of(health_insurance::CARD), &card, id);
        assert_eq!(keys_of_card.len(), 1);
        assert!(keys_of_card[0].starts_with(&person_prefix(of(health_insurance::CARD), holder)));
    }
}
