//! The view of what an agency was given: assembled as the province's own, of the fields that are disclosed and no others.

use std::sync::Arc;

use crate::base::{Date, Party, PersonalId, RecordId, Timestamp};
use crate::registry::{Catalogue, RecordType, SubjectKind};
use crate::trust::Object;

use super::candidates::{fields_of, of_person, of_thing};
use super::chosen::choose;
use super::found::FoundRecord;
use super::snapshot::AsOf;
use super::survivorship::PERSON;
use super::view::{Asked, Audience, Page, Said, View, ordered, page_of};

/// A verified record, as far as it is disclosed.
#[derive(Debug, Clone)]
pub struct Disclosed {
    /// Its type.
    pub record_type: Arc<RecordType>,
    /// Its id.
    pub record_id: RecordId,
    /// Its version.
    pub version: u64,
    /// When it was signed.
    pub issued_at: Timestamp,
    /// The index of its statement in the record ledger.
    pub ledger_index: u64,
    /// Whether it is revoked.
    pub revoked: bool,
    /// Its disclosed fields.
    pub fields: Object,
}

/// The view of a party over some records, in one page: its kind, its key, and what it shows. `parties` are the person's numbers, the present one last, or
/// the organisation's code.
pub fn fetched(
    catalogue: &Catalogue,
    parties: &[Party],
    records: Vec<Disclosed>,
    ledger_size: u64,
    day: Date,
) -> (&'static str, String, View) {
    let found = records.into_iter().map(|it| FoundRecord {
        record_type: it.record_type,
        record_id: it.record_id,
        version: it.version,
        issued_at: it.issued_at,
        ledger_index: it.ledger_index,
        revoked: it.revoked,
        payload: it.fields,
        bytes: 0,
    });
    // Rights have decided what is here.
    let records = ordered(found.collect(), Audience::Citizen);
    let numbers: Vec<PersonalId> = parties
        .iter()
        .rev()
        .filter_map(|party| match party {
            Party::Person(number) => Some(*number),
            Party::Organisation(_) => None,
        })
        .collect();
    let (kind, key, chosen) = match (numbers.first(), parties.first()) {
        (None, Some(Party::Organisation(code))) => {
            let (kind, key) = (SubjectKind::Organisation, code.to_string());
            let register = catalogue.organisations();
            let fields = register.into_iter().flat_map(|register| fields_of(register));
            let chosen = choose(kind.name(), fields, of_thing(kind, &key, &records));
            (kind.name(), key, chosen)
        }
        (current, _) => {
            let register = catalogue.people();
            let chosen = choose(PERSON, fields_of(register), of_person(register, &numbers, &records));
            (PERSON, current.map(|number| number.as_str().to_owned()).unwrap_or_default(), chosen)
        }
    };
    let page = Page { after: 0, size: usize::MAX };
    let asked = Asked { as_of: AsOf { known: ledger_size, valid: None }, day, page };
    (kind, key, page_of(records, Said { discrepancies: Vec::new(), chosen }, &asked))
}
