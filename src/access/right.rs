//! Rights: agency × purpose × record type × fields. What no row names is refused.
//!
//! Specially protected fields (Law 91/2025: ethnicity, religion, convictions) come with no right unless the row names
//! them, so a row of [`Fields::All`] may only be of a record type without such fields; a test holds the table to that.
//!
//! **Judicial records.** Who issues certificates must see everything, so the police, who keep the registry, and the Department
//! of Justice read records and certificates for `justice.record_certificate`. Nobody else has a right to any of it: what others
//! get is a certificate from the person's hand. Its form 1 leaves expunged convictions out and is a signed record of its own; a
//! partial disclosure of the record could not do that, since a hidden status of the one and a shown "no conviction" of the other
//! are different answers.
//!
//! **Bases.** What the law orders an agency to do ([`Basis::Duty`]) needs no leave. A service that a citizen asks for
//! ([`Basis::Service`]) may use what the agency has a right to, unless the citizen has refused. Everything else, and
//! whatever a private party does, needs a consent ([`Basis::Consent`]); silence is none.

use Basis::{Consent, Duty, Service};
use Fields::{All, Only};

/// Which fields a right covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fields {
    /// Every field: the record is disclosed whole.
    All,
    /// These fields; the others stay hidden behind their commitments.
    Only(&'static [&'static str]),
}

/// Why an agency may read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Basis {
    /// A duty by law: the citizen's refusal does not matter.
    Duty,
    /// A service at the citizen's request: a refusal blocks it.
    Service,
    /// The citizen's consent for this purpose and record type.
    Consent,
}

/// One right.
#[derive(Debug, PartialEq, Eq)]
pub struct Right {
    /// Whose.
    pub agency: &'static str,
    /// For which purpose.
    pub purpose: &'static str,
    /// To read which record type.
    pub record_type: &'static str,
    /// And which of its fields.
    pub fields: Fields,
    /// On which basis.
    pub basis: Basis,
}

/// The rights of one agency for one purpose.
#[derive(Debug)]
struct Set {
    agency: &'static str,
    purpose: &'static str,
    basis: Basis,
    types: &'static [(&'static str, Fields)],
}

const PERSON: &str = "resident.person.v1";
const HOUSEHOLD: &str = "resident.household.v1";
const PARCEL: &str = "land.parcel.v1";
const CERTIFICATE: &str = "land.certificate.v1";
const MEMBERSHIP: &str = "social_insurance.membership.v1";
const JUDICIAL: &str = "judicial.record.v1";
const JUDICIAL_CERTIFICATE: &str = "judicial.certificate.v1";
const ENTERPRISE: &str = "business.enterprise.v1";
const HOUSEHOLD_BUSINESS: &str = "business.household.v1";
const CARD: &str = "health_insurance.card.v1";
const LICENCE: &str = "driver_licence.licence.v1";
const VEHICLE: &str = "vehicle.registration.v1";

/// Who somebody is.
const IDENTITY: Fields = Only(&[
    "birth_date",
    "card",
    "full_name",
    "life_status",
    "nationality",
    "old_id_number",
    "permanent_residence",
    "personal_id",
    "sex",
    "status",
    "superseded_ids",
]);

/// Who somebody is, where they live and with whom: what papers of a household would show.
const FAMILY: Fields = Only(&[
    "birth_date",
    "card",
    "current_residence",
    "father_id",
    "full_name",
    "household_id",
    "life_status",
    "marital_status",
    "mother_id",
    "nationality",
    "old_id_number",
    "permanent_residence",
    "personal_id",
    "relation_to_head",
    "sex",
    "spouse_id",
    "status",
    "superseded_ids",
]);

/// Everything but ethnicity and religion.
const CIVIL: Fields = Only(&[
    "birth_date",
    "birth_place",
    "birth_registration_place",
    "card",
    "current_residence",
    "death_date",
    "father_id",
    "full_name",
    "hometown",
    "household_id",
    "life_status",
    "marital_status",
    "mother_id",
    "nationality",
    "old_id_number",
    "other_name",
    "permanent_residence",
    "personal_id",
    "relation_to_head",
    "sex",
    "spouse_id",
    "status",
    "status_reason",
    "superseded_ids",
]);

/// The whole judicial record, each field named because each is specially protected.
const JUDICIAL_WHOLE: Fields =
    Only(&["bans", "birth_date", "full_name", "personal_id", "sentences", "status", "status_reason"]);

/// A certificate of it, likewise.
const JUDICIAL_CERTIFICATE_WHOLE: Fields = Only(&[
    "bans",
    "birth_date",
    "certificate_number",
    "finding",
    "form",
    "full_name",
    "issued_on",
    "personal_id",
    "requested_by",
    "sentences",
    "status",
    "status_reason",
]);

/// What can be counted of an enterprise without naming anybody.
const ENTERPRISE_FIGURES: Fields = Only(&["capital", "legal_form", "lines", "registered_on", "status", "tax_status"]);

static SETS: &[Set] = &[
    Set {
        agency: "bank",
        purpose: "bank.know_your_customer",
        basis: Consent,
        types: &[(PERSON, IDENTITY), (ENTERPRISE, All), (HOUSEHOLD_BUSINESS, All)],
    },
    Set {
        agency: "finance",
        purpose: "one_stop.process_dossier",
        basis: Service,
        types: &[(PERSON, IDENTITY), (ENTERPRISE, All), (HOUSEHOLD_BUSINESS, All)],
    },
    Set {
        agency: "finance",
        purpose: "statistics.aggregate",
        basis: Duty,
        types: &[
            (ENTERPRISE, ENTERPRISE_FIGURES),
            (HOUSEHOLD_BUSINESS, Only(&["lines", "registered_on", "status", "tax_status"])),
        ],
    },
    Set { agency: "hospital", purpose: "health.admission", basis: Service, types: &[(PERSON, IDENTITY), (CARD, All)] },
    Set {
        agency: "justice",
        purpose: "justice.record_certificate",
        basis: Duty,
        types: &[(PERSON, CIVIL), (JUDICIAL, JUDICIAL_WHOLE), (JUDICIAL_CERTIFICATE, JUDICIAL_CERTIFICATE_WHOLE)],
    },
    Set {
        agency: "justice",
        purpose: "one_stop.process_dossier",
        basis: Service,
        types: &[(PERSON, CIVIL), (HOUSEHOLD, All)],
    },
    Set {
        agency: "land-office",
        purpose: "land.transfer",
        basis: Service,
        types: &[(PERSON, FAMILY), (HOUSEHOLD, All), (PARCEL, All), (CERTIFICATE, All), (ENTERPRISE, All)],
    },
    Set {
        agency: "land-office",
        purpose: "one_stop.process_dossier",
        basis: Service,
        types: &[(PERSON, FAMILY), (HOUSEHOLD, All), (PARCEL, All), (CERTIFICATE, All)],
    },
    Set {
        agency: "one-stop",
        purpose: "one_stop.process_dossier",
        basis: Service,
        types: &[
            (PERSON, CIVIL),
            (HOUSEHOLD, All),
            (PARCEL, All),
            (CERTIFICATE, All),
            (MEMBERSHIP, All),
            (ENTERPRISE, All),
            (HOUSEHOLD_BUSINESS, All),
            (CARD, All),
            (LICENCE, All),
            (VEHICLE, All),
        ],
    },
    Set {
        agency: "one-stop",
        purpose: "one_stop.verify_documents",
        basis: Service,
        types: &[
            (PERSON, CIVIL),
            (HOUSEHOLD, All),
            (CERTIFICATE, All),
            (ENTERPRISE, All),
            (HOUSEHOLD_BUSINESS, All),
            (CARD, All),
            (LICENCE, All),
            (VEHICLE, All),
        ],
    },
    Set {
        agency: "police",
        purpose: "justice.record_certificate",
        basis: Duty,
        types: &[(PERSON, CIVIL), (JUDICIAL, JUDICIAL_WHOLE), (JUDICIAL_CERTIFICATE, JUDICIAL_CERTIFICATE_WHOLE)],
    },
    Set {
        agency: "police",
        purpose: "one_stop.process_dossier",
        basis: Service,
        types: &[(PERSON, CIVIL), (HOUSEHOLD, All), (LICENCE, All), (VEHICLE, All)],
    },
    Set {
        agency: "police",
        purpose: "traffic.roadside_check",
        basis: Duty,
        types: &[(PERSON, IDENTITY), (LICENCE, All), (VEHICLE, All)],
    },
    Set {
        agency: "social-insurance",
        purpose: "one_stop.process_dossier",
        basis: Service,
        types: &[(PERSON, FAMILY), (HOUSEHOLD, All), (MEMBERSHIP, All), (CARD, All)],
    },
    Set {
        agency: "social-insurance",
        purpose: "social_insurance.benefit",
        basis: Service,
        types: &[(PERSON, FAMILY), (HOUSEHOLD, All), (MEMBERSHIP, All), (CARD, All)],
    },
];

impl Set {
    fn rights(&self) -> impl Iterator<Item = Right> + '_ {
        self.types.iter().map(|(record_type, fields)| Right {
            agency: self.agency,
            purpose: self.purpose,
            record_type,
            fields: *fields,
            basis: self.basis,
        })
    }
}

/// All rights, by agency, purpose, and then in the order of the registries.
pub fn all() -> impl Iterator<Item = Right> {
    SETS.iter().flat_map(Set::rights)
}

/// The right of an agency to read a record type for a purpose.
pub fn find(agency: &str, purpose: &str, record_type: &str) -> Option<Right> {
    let set = SETS.iter().find(|set| set.agency == agency && set.purpose == purpose)?;
    set.rights().find(|right| right.record_type == record_type)
}

#[cfg(test)]
mod tests {
    use super::super::{agency, purpose};
    use super::*;
    use crate::registry;

    #[test]
    fn every_right_names_what_exists_and_names_protected_fields_one_by_one() {
        for right in all() {
            let about = format!("{} {} {}", right.agency, right.purpose, right.record_type);
            let record_type = registry::record_type(right.record_type).expect(&about);
            assert!(agency::find(right.agency).is_some() && purpose::find(right.purpose).is_some(), "{about}");
            match right.fields {
                All => assert!(record_type.fields.iter().all(|field| !field.sensitive), "{about} must name its fields"),
                Only(names) => {
                    assert!(names.windows(2).all(|pair| pair[0] < pair[1]), "{about} is not sorted");
                    for name in names {
                        assert!(record_type.fields.iter().any(|field| field.name == *name), "{about}: no {name}");
                    }
                }
            }
        }
    }

    #[test]
    fn every_purpose_is_somebodys() {
        for purpose in purpose::ALL {
            assert!(all().any(|right| right.purpose == purpose.key), "{}", purpose.key);
        }
    }

    #[test]
    fn rights_stand_once_and_private_parties_need_consent() {
        let rights: Vec<_> = all().collect();
        for (at, right) in rights.iter().enumerate() {
            let key = |right: &Right| (right.agency, right.purpose, right.record_type);
            assert!(rights[..at].iter().all(|other| key(other) != key(right)), "{:?} twice", key(right));
            let private = agency::find(right.agency).is_some_and(|agency| agency.private_party);
            assert!(!private || right.basis == Consent, "{:?}", key(right));
        }
        assert!(SETS.windows(2).all(|pair| (pair[0].agency, pair[0].purpose) < (pair[1].agency, pair[1].purpose)));
    }

    #[test]
    fn nobody_reads_ethnicity_or_religion_and_two_read_judicial_records() {
        for right in all() {
            if let Only(names) = right.fields
                && right.record_type == PERSON
            {
                assert!(!names.contains(&"ethnicity") && !names.contains(&"religion"), "{}", right.agency);
            }
            if [JUDICIAL, JUDICIAL_CERTIFICATE].contains(&right.record_type) {
                assert!(["justice", "police"].contains(&right.agency));
                assert_eq!(right.purpose, "justice.record_certificate");
            }
        }
        assert!(all().all(|right| !["auditor", "operator"].contains(&right.agency)));
    }
}
