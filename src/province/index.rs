//! The index of the view's records, `ProvinceIndex`:
//!
//! | prefix | rest of the key | finds |
//! |---|---|---|
//! | `p` | personal ID ‖ type ‖ record id | every record that names a person |
//! | `o` | organisation code ‖ 00 ‖ type ‖ record id | every record that names an organisation |
//! | `n` | folded name ‖ 00 ‖ birth date ‖ 00 ‖ type ‖ record id | people by name |
//! | `a` | other number ‖ 00 ‖ type ‖ record id | people by superseded or old numbers |
//! | `k` | type ‖ natural key ‖ 00 ‖ type ‖ record id | records that name nobody, by natural key |
//! | `s` | kind ‖ natural key ‖ 00 ‖ type ‖ record id | records of a household, parcel or vehicle, and those that name it |
//! | `u` | unit code ‖ 00 ‖ its first day ‖ 00 ‖ hash of the address's text (16) ‖ type ‖ record id | records of who lives, or what stands, there |
//!
//! Rows are never deleted: a record that named somebody once is found under them still, and a reader looks into the
//! record itself. That saves the ingest a read for every change, and lets a reader look into any version that was known.

use sha2::{Digest as _, Sha256};

use crate::base::text::folded_key;
use crate::base::{OrganisationCode, PersonalId};
use crate::registry::schema::texts_at;
use crate::registry::viewed::Address;
use crate::registry::{Catalogue, RecordType, SubjectKind};
use crate::trust::Object;

use super::row::RecordKey;

/// What of the catalogue decides which rows a record has: where it differs from what a store was indexed by, its rows are completed.
pub(super) fn fingerprint(catalogue: &Catalogue) -> [u8; 32] {
    let mut told = Sha256::new();
    told.update(b"lienthong/province/index/v1");
    for of in catalogue.record_types() {
        let people = of.people.as_ref().map(|people| (&people.name, &people.birth_date, &people.aliases));
        let keys = (of.ordinal, &of.natural_key, of.key_form, &of.parties, &of.organisations, people);
        told.update(format!("{keys:?} {:?} {:?}\n", of.references, of.viewed));
    }
    told.finalize().into()
}

/// The keys of all index rows of a record, without duplicates.
pub(super) fn keys(catalogue: &Catalogue, record_type: &RecordType, payload: &Object, key: &RecordKey) -> Vec<Vec<u8>> {
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
    for (kind, natural) in subjects_of(catalogue, record_type, payload) {
        out.push(with_key(subject_prefix(kind, &natural), key));
    }
    for (_, address) in record_type.viewed.addresses_of(payload) {
        out.push(with_key(address_prefix(&address), key));
    }
    out.sort_unstable();
    out.dedup();
    out
}

/// The things that a record is of or names, each by its natural key; organisations have an index of their own.
pub(super) fn subjects_of(catalogue: &Catalogue, of: &RecordType, payload: &Object) -> Vec<(SubjectKind, String)> {
    let mut found = Vec::new();
    let indexed = |kind: Option<SubjectKind>| kind.filter(|kind| *kind != SubjectKind::Organisation);
    if let Some((kind, natural)) = indexed(of.viewed.subject).zip(of.key_of(payload)) {
        found.push((kind, natural));
    }
    for reference in &of.references {
        let Some(named) = catalogue.record_type(&reference.record_type) else { continue };
        let Some(kind) = indexed(named.viewed.subject) else { continue };
        texts_at(payload, &reference.path, &mut |text| found.push((kind, named.key_form.of(text))));
    }
    found
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

pub(super) fn subject_prefix(kind: SubjectKind, natural: &str) -> Vec<u8> {
    [&[b's', kind.code()], natural.as_bytes(), &[0]].concat()
}

/// All addresses in a unit.
pub(super) fn unit_prefix(unit_code: &str, unit_valid_from: &str) -> Vec<u8> {
    [b"u", unit_code.as_bytes(), &[0], unit_valid_from.as_bytes(), &[0]].concat()
}

/// One address: its text counts without marks, capitals and what stands between words, and may be long, so that its hash stands in the row.
pub(super) fn address_prefix(address: &Address<'_>) -> Vec<u8> {
    let hash = Sha256::digest(address_words(address.text));
    [&unit_prefix(address.unit_code, address.unit_valid_from)[..], &hash[..16]].concat()
}

/// The words of an address's text.
pub(super) fn address_words(text: &str) -> String {
    let folded = folded_key(text);
    let words = folded.split(|c: char| !c.is_alphanumeric() && c != '/').filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ")
}

/// The record to which an index row refers.
pub(super) fn record_of(key: &[u8]) -> Option<RecordKey> {
    key.last_chunk::<17>().copied()
}

fn with_key(mut prefix: Vec<u8>, key: &RecordKey) -> Vec<u8> {
    prefix.extend_from_slice(key);
    prefix
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_the_same_however_it_is_written() {
        for (one, other, is_same) in [
            ("Số 12, đường Phan Đình Phùng", "số 12 Đường Phan Đình Phùng", true),
            ("Thôn 3", "thôn 3,", true),
            ("12/4 Hàm Nghi", "12 4 Hàm Nghi", false),
            ("Thôn 3", "Thôn 31", false),
            ("", "  ", true),
        ] {
            assert_eq!(address_words(one) == address_words(other), is_same, "{one} {other}");
        }
    }

    #[test]
    fn a_certificate_is_found_by_its_parcels_and_a_vehicle_by_its_plate() {
        let catalogue = Catalogue::built_in();
        let subjects = |record_type: &str, payload: Object| {
            let of = catalogue.record_type(record_type).expect("a type");
            subjects_of(&catalogue, of, &payload)
        };
        let certificate = Object::new().with("serial", "CĐ 123456").with("parcels", vec!["W7723FDN0ZG3"]);
        assert_eq!(subjects("land.certificate.v1", certificate), [(SubjectKind::Parcel, "w7723fdn0zg3".to_owned())]);
        let vehicle = Object::new().with("plate", "38A-123.45");
        assert_eq!(subjects("vehicle.registration.v1", vehicle), [(SubjectKind::Vehicle, "38A12345".to_owned())]);
        let enterprise = Object::new().with("enterprise_code", "0100233488");
        assert!(subjects("business.enterprise.v1", enterprise).is_empty(), "organisations have their own index");
    }
}
