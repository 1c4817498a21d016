//! The papers that can be chosen, by the record types that they are of, and from which age somebody has them.

use crate::registry::{
    business, civil_status, driver_licence, health_insurance, judicial, land, resident, social_insurance, vehicle,
};

/// A paper that can be chosen. The record of the person is there always.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Paper {
    /// A household of one's own.
    Household,
    /// Health insurance.
    HealthCard,
    /// Social insurance.
    Membership,
    /// The judicial record: no conviction.
    Judicial,
    /// A certificate of it, form 1.
    JudicialCertificate,
    /// The driver's licence.
    Licence,
    /// A motorcycle, or what is asked for.
    Vehicle,
    /// A parcel with its certificate.
    Land,
    /// A household business.
    Shop,
    /// An enterprise.
    Enterprise,
    /// The entry of the birth.
    Birth,
}

/// Each record type with the paper that it is of; `None` for the record of the person.
pub const PAPERS: &[(&str, Option<Paper>)] = &[
    (resident::PERSON, None),
    (resident::HOUSEHOLD, Some(Paper::Household)),
    (health_insurance::CARD, Some(Paper::HealthCard)),
    (social_insurance::MEMBERSHIP, Some(Paper::Membership)),
    (judicial::RECORD, Some(Paper::Judicial)),
    (judicial::CERTIFICATE, Some(Paper::JudicialCertificate)),
    (driver_licence::LICENCE, Some(Paper::Licence)),
    (vehicle::REGISTRATION, Some(Paper::Vehicle)),
    (land::PARCEL, Some(Paper::Land)),
    (land::CERTIFICATE, Some(Paper::Land)),
    (business::HOUSEHOLD, Some(Paper::Shop)),
    (business::ENTERPRISE, Some(Paper::Enterprise)),
    (civil_status::BIRTH, Some(Paper::Birth)),
];

/// What somebody of a full age has unless papers are chosen.
const GROWN: [Paper; 8] = [
    Paper::Household,
    Paper::HealthCard,
    Paper::Membership,
    Paper::Judicial,
    Paper::Licence,
    Paper::Vehicle,
    Paper::Land,
    Paper::Shop,
];

/// From this age on somebody is of full age (Civil Code, article 20).
pub const FULL_AGE: i16 = 18;
/// From this age on somebody answers for a crime (Penal Code, article 12), registers a vehicle, and works.
const ANSWERS_FROM: i16 = 14;
const WORKS_FROM: i16 = 15;

impl Paper {
    /// The papers that are usual at an age.
    pub fn usual(age: i16) -> Vec<Paper> {
        if age >= FULL_AGE { GROWN.to_vec() } else { vec![Paper::HealthCard] }
    }

    /// The record type that it is of.
    pub fn name(self) -> &'static str {
        PAPERS.iter().find(|(_, paper)| *paper == Some(self)).map_or("", |(name, _)| name)
    }

    /// The age from which somebody has it.
    pub fn age_min(self) -> i16 {
        match self {
            Self::HealthCard | Self::Land | Self::Birth => 0,
            Self::Judicial | Self::JudicialCertificate => ANSWERS_FROM,
            Self::Membership | Self::Vehicle => WORKS_FROM,
            Self::Household | Self::Licence | Self::Shop | Self::Enterprise => FULL_AGE,
        }
    }
}
