//! The request of an agency as it came, and the order that it becomes once every field is valid.

use std::sync::Arc;

use crate::access::Rights;
use crate::base::id::holds_personal_id;
use crate::base::{Error, OrganisationCode, Party, PersonalId, Result, Violation};
use crate::registry::{Catalogue, RecordType, named_types};

/// Longest reference, in characters.
const REFERENCE_CHARS_MAX: usize = 64;

/// A fetch request before validation.
#[derive(Clone)]
pub struct FetchRequest {
    /// 12 digits; empty for an organisation.
    pub personal_id: String,
    /// The organisation's code; empty for a citizen.
    pub organisation_code: String,
    /// Names of record types, 1 to 16.
    pub record_types: Vec<String>,
    /// A purpose of the rights file.
    pub purpose: String,
    /// The caller's own reference, at most 64 characters; empty for none.
    pub reference: String,
}

/// A fetch request with valid fields.
#[derive(Debug, Clone)]
pub struct Order {
    /// The citizen or the organisation.
    pub party: Party,
    /// The record types, without duplicates.
    pub record_types: Vec<Arc<RecordType>>,
    /// The purpose.
    pub purpose: Arc<str>,
    /// The caller's own reference.
    pub reference: Option<String>,
}

/// The valid fields of a request, for the evidence of a refusal, and its violations.
pub(super) struct ReadRequest {
    pub(super) party: Option<Party>,
    pub(super) record_types: Vec<Arc<RecordType>>,
    pub(super) purpose: Option<Arc<str>>,
    pub(super) violations: Vec<Violation>,
}

impl FetchRequest {
    /// The person whose records are requested.
    fn party(&self) -> Result<Party, Violation> {
        match (self.personal_id.as_str(), self.organisation_code.as_str()) {
            (person, "") => PersonalId::from_field("personal_id", person).map(Party::Person),
            ("", code) => OrganisationCode::from_field("organisation_code", code).map(Party::Organisation),
            _ => {
                let says = "must be left out where personal_id is given: one call asks for the records of one party";
                Err(Violation::new("organisation_code", "NOT_ALLOWED", says))
            }
        }
    }

    /// Validates every field. A view without record types is of all that `agency` may read.
    pub(super) fn read(&self, rights: &Rights, catalogue: &Catalogue, view_of: Option<&str>) -> ReadRequest {
        let mut violations = Vec::new();
        let party = self.party().map_err(|bad| violations.push(bad)).ok();
        let record_types = match view_of.filter(|_| self.record_types.is_empty()) {
            Some(agency) => self.readable(rights, catalogue, agency),
            None => read_types(catalogue, &self.record_types, &mut violations),
        };
        let purpose = read_purpose(rights, &self.purpose, &mut violations);
        if !self.organisation_code.is_empty() {
            check_types(catalogue, &record_types, &mut violations);
        }
        check_reference(&self.reference, &mut violations);
        ReadRequest { party, record_types, purpose, violations }
    }
}

impl FetchRequest {
    /// The record types about such a party that an agency may read for the purpose; where it may read none, the type that the decision refuses.
    fn readable(&self, rights: &Rights, catalogue: &Catalogue, agency: &str) -> Vec<Arc<RecordType>> {
        let is_person = self.organisation_code.is_empty();
        let set = rights.set(agency, &self.purpose);
        let is_about = |of: &RecordType| {
            let through = of.found_through.as_ref().and_then(|through| catalogue.record_type(&through.record_type));
            let by = through.map_or(of, |by| by);
            if is_person { by.is_keyed_by_person() || !by.parties.is_empty() } else { !by.organisations.is_empty() }
        };
        let may_read = |of: &&Arc<RecordType>| set.is_some_and(|set| set.fields(&of.name).is_some()) && is_about(of);
        let readable: Vec<_> = catalogue.record_types().filter(may_read).cloned().collect();
        if !readable.is_empty() {
            return readable;
        }
        let register = if is_person { Some(catalogue.people()) } else { catalogue.organisations() };
        register.cloned().into_iter().collect()
    }
}

impl ReadRequest {
    /// The order, or an error that lists all violations.
    pub(super) fn order(self, reference: String) -> Result<Order> {
        match (self.party, self.purpose) {
            (Some(party), Some(purpose)) if self.violations.is_empty() => Ok(Order {
                party,
                record_types: self.record_types,
                purpose,
                reference: (!reference.is_empty()).then_some(reference),
            }),
            _ => Err(Error::invalid(self.violations)),
        }
    }
}

impl FetchRequest {
    /// The violations that do not depend on the citizen: record types, purpose, reference.
    pub fn common_violations(&self, rights: &Rights, catalogue: &Catalogue) -> Vec<Violation> {
        let mut violations = self.read(rights, catalogue, None).violations;
        violations.retain(|bad| bad.field != "personal_id");
        violations
    }
}

fn read_types(catalogue: &Catalogue, names: &[String], violations: &mut Vec<Violation>) -> Vec<Arc<RecordType>> {
    if names.is_empty() {
        violations.push(Violation::new("record_types", "REQUIRED", "at least one record type is required"));
    }
    named_types(catalogue.record_types(), names, violations).into_iter().map(|(_, of)| of.clone()).collect()
}

/// Refuses record types that name no organisation.
fn check_types(catalogue: &Catalogue, record_types: &[Arc<RecordType>], violations: &mut Vec<Violation>) {
    for (at, of) in record_types.iter().enumerate() {
        let through = of.found_through.as_ref().and_then(|through| catalogue.record_type(&through.record_type));
        if through.unwrap_or(of).organisations.is_empty() {
            let says = "records of this type name no organisation";
            violations.push(Violation::new(format!("record_types[{at}]"), "NOT_ALLOWED", says));
        }
    }
}

fn read_purpose(rights: &Rights, key: &str, violations: &mut Vec<Violation>) -> Option<Arc<str>> {
    if key.is_empty() {
        violations.push(Violation::new("purpose", "REQUIRED", "a purpose is required"));
        return None;
    }
    let found = rights.purpose(key);
    if found.is_none() {
        violations.push(rights.unknown_purpose("purpose", key));
    }
    found.map(|purpose| purpose.key.clone())
}

fn check_reference(reference: &str, violations: &mut Vec<Violation>) {
    if reference.chars().count() > REFERENCE_CHARS_MAX {
        violations.push(Violation::new("reference", "TOO_LONG", "at most 64 characters"));
    } else if holds_personal_id(reference) {
        let message = "holds what may be a personal ID: 12 digits in a row, or in equal groups";
        violations.push(Violation::new("reference", "PERSONAL_DATA", message));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::rights::embedded;

    #[test]
    fn a_reference_holds_no_personal_id() {
        let mut request = FetchRequest {
            personal_id: "042185990002".into(),
            organisation_code: String::new(),
            record_types: vec!["land.parcel.v1".into()],
            purpose: "land.transfer".into(),
            reference: "000.00.13.H27-261128-0001".into(),
        };
        assert!(request.read(&embedded(), &Catalogue::built_in(), None).violations.is_empty());
        request.reference = "042 185 990 002".into();
        let bad = request.read(&embedded(), &Catalogue::built_in(), None).violations;
        assert_eq!((bad[0].field.as_str(), &*bad[0].rule, bad.len()), ("reference", "PERSONAL_DATA", 1));
        assert!(!bad[0].message.contains("990"));
    }

    #[test]
    fn one_call_is_about_one_party_and_organisations_have_few_types_of_records() {
        let request = |person: &str, code: &str, record_type: &str| FetchRequest {
            personal_id: person.into(),
            organisation_code: code.into(),
            record_types: vec![record_type.into()],
            purpose: "land.transfer".into(),
            reference: String::new(),
        };
        let bad = |person: &str, code: &str, record_type: &str| -> Vec<String> {
            let read = request(person, code, record_type).read(&embedded(), &Catalogue::built_in(), None);
            read.violations.iter().map(|bad| format!("{} {}", bad.field, bad.rule)).collect()
        };
        const CODE: &str = "0100233488";
        assert!(bad("", CODE, "land.certificate.v1").is_empty());
        assert!(bad("", CODE, "land.parcel.v1").is_empty(), "found through certificates");
        assert_eq!(bad("", CODE, "resident.person.v1"), ["record_types[0] NOT_ALLOWED"]);
        assert_eq!(bad("", "0100233489", "land.certificate.v1"), ["organisation_code FORMAT"]);
        assert_eq!(bad("042185990002", CODE, "land.certificate.v1"), ["organisation_code NOT_ALLOWED"]);
        assert_eq!(bad("", "", "land.certificate.v1"), ["personal_id REQUIRED"]);
    }

    #[test]
    fn a_view_is_of_all_that_may_be_read_of_the_party() {
        let readable = |person: &str, code: &str, purpose: &str| -> Vec<String> {
            let request = FetchRequest {
                personal_id: person.into(),
                organisation_code: code.into(),
                record_types: Vec::new(),
                purpose: purpose.into(),
                reference: String::new(),
            };
            let read = request.read(&embedded(), &Catalogue::built_in(), Some("one-stop"));
            assert!(read.violations.is_empty(), "{:?}", read.violations);
            read.record_types.iter().map(|of| of.name.to_string()).collect()
        };
        let of_person = readable("042090990001", "", "one_stop.verify_documents");
        assert!(of_person.len() > 4 && of_person.iter().any(|name| name == "vehicle.registration.v1"), "{of_person:?}");
        assert!(!of_person.iter().any(|name| name.starts_with("judicial.")), "{of_person:?}");
        let of_organisation = readable("", "0100233488", "one_stop.verify_documents");
        assert!(of_organisation.iter().any(|name| name == "land.certificate.v1"), "{of_organisation:?}");
        assert!(!of_organisation.iter().any(|name| name == "resident.person.v1"), "{of_organisation:?}");
        assert_eq!(readable("042090990001", "", "health.admission"), ["resident.person.v1"], "what is refused");
    }

    #[test]
    fn every_bad_field_is_named_at_once() {
        let request = FetchRequest {
            personal_id: "42".into(),
            organisation_code: String::new(),
            record_types: vec!["land.parcel.v1".into(), "land.parcel.v1".into(), "no.such.v1".into()],
            purpose: "curiosity".into(),
            reference: "x".repeat(65),
        };
        let read = request.read(&embedded(), &Catalogue::built_in(), None);
        assert_eq!(read.record_types.len(), 1);
        let error = read.order(request.reference).expect_err("refused");
        let fields: Vec<_> = error.violations.kept().iter().map(|bad| (bad.field.as_str(), &*bad.rule)).collect();
        assert_eq!(
            fields,
            [
                ("personal_id", "FORMAT"),
                ("record_types[1]", "DUPLICATE"),
                ("record_types[2]", "UNKNOWN_VALUE"),
                ("purpose", "UNKNOWN_VALUE"),
                ("reference", "TOO_LONG"),
            ]
        );
    }
}
