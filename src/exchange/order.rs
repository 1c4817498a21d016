//! The request of an agency as it came, and the order that it becomes once every field is valid.

use std::sync::Arc;

use crate::access::Rights;
use crate::base::id::holds_personal_id;
use crate::base::{Error, OrganisationCode, Party, PersonalId, Result, Violation, limits};
use crate::registry::{Catalogue, RecordType};

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

    /// Validates every field.
    pub(super) fn read(&self, rights: &Rights, catalogue: &Catalogue) -> ReadRequest {
        let mut violations = Vec::new();
        let party = self.party().map_err(|bad| violations.push(bad)).ok();
        let record_types = read_types(catalogue, &self.record_types, &mut violations);
        let purpose = read_purpose(rights, &self.purpose, &mut violations);
        if !self.organisation_code.is_empty() {
            check_types(catalogue, &record_types, &mut violations);
        }
        check_reference(&self.reference, &mut violations);
        ReadRequest { party, record_types, purpose, violations }
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
        let mut violations = self.read(rights, catalogue).violations;
        violations.retain(|bad| bad.field != "personal_id");
        violations
    }
}

fn read_types(catalogue: &Catalogue, names: &[String], violations: &mut Vec<Violation>) -> Vec<Arc<RecordType>> {
    if names.is_empty() {
        violations.push(Violation::new("record_types", "REQUIRED", "1 to 16 record types are required"));
    }
    if names.len() > limits::RECORD_TYPES_MAX {
        violations.push(Violation::new("record_types", "COUNT", "at most 16 record types"));
    }
    let mut record_types: Vec<Arc<RecordType>> = Vec::with_capacity(names.len().min(limits::RECORD_TYPES_MAX));
    for (at, name) in names.iter().take(limits::RECORD_TYPES_MAX).enumerate() {
        match catalogue.record_type(name) {
            None => violations.push(catalogue.unknown_record_type(format_args!("record_types[{at}]"), name)),
            Some(known) if record_types.iter().any(|other| other.name == known.name) => {
                violations.push(Violation::new(format!("record_types[{at}]"), "DUPLICATE", "is listed already"))
            }
            Some(known) => record_types.push(known.clone()),
        }
    }
    record_types
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
        assert!(request.read(&embedded(), &Catalogue::built_in()).violations.is_empty());
        request.reference = "042 185 990 002".into();
        let bad = request.read(&embedded(), &Catalogue::built_in()).violations;
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
            let read = request(person, code, record_type).read(&embedded(), &Catalogue::built_in());
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
    fn every_bad_field_is_named_at_once() {
        let request = FetchRequest {
            personal_id: "42".into(),
            organisation_code: String::new(),
            record_types: vec!["land.parcel.v1".into(), "land.parcel.v1".into(), "no.such.v1".into()],
            purpose: "curiosity".into(),
            reference: "x".repeat(65),
        };
        let read = request.read(&embedded(), &Catalogue::built_in());
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
