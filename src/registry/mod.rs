//! Registries: the sectoral databases that issue signed records, behind one contract.
//!
//! A sector is data: its record types stand in a file of their own, and [`ALL`] lists them. Everything else here is one
//! mechanism for all: [`rule`] and [`schema`] say what a record may hold, [`port`] is the contract that every registry
//! keeps, wherever it runs, [`host`] keeps it over a store and a log, and the API serves it.

pub mod business;
pub mod common;
pub mod driver_licence;
pub mod forms;
pub mod health_insurance;
pub mod host;
mod index;
pub mod judicial;
pub mod land;
pub mod numbers;
mod plan;
pub mod port;
pub mod prepare;
mod read;
mod recent;
pub mod resident;
mod row;
pub mod rule;
pub mod schema;
pub mod social_insurance;
pub mod stored;
pub mod vehicle;
mod writer;

use crate::base::{Violation, name};

pub use host::Host;
pub use schema::{RecordType, State};

/// One registry: a sector, the agency that owns it, its record types.
#[derive(Debug)]
pub struct Sector {
    /// `land`; also the issuer's name in statements and the last part of its log's origin.
    pub name: &'static str,
    /// The agency that owns it: `land-office`.
    pub agency: &'static str,
    /// Its number in storage keys: never changed, never reused.
    pub ordinal: u8,
    /// Its record types.
    pub record_types: &'static [&'static RecordType],
}

impl Sector {
    /// The origin line of its log's checkpoints: `lienthong/H27/land`.
    pub fn log_origin(&self) -> String {
        format!("lienthong/{}/{}", crate::base::PROVINCE, self.name)
    }
}

/// All registries. A ninth one is a line here and a file beside this one.
pub static ALL: &[Sector] = &[
    Sector { name: "resident", agency: "police", ordinal: 1, record_types: &[&resident::PERSON, &resident::HOUSEHOLD] },
    Sector { name: "land", agency: "land-office", ordinal: 2, record_types: &[&land::PARCEL, &land::CERTIFICATE] },
    Sector {
        name: "social_insurance",
        agency: "social-insurance",
        ordinal: 3,
        record_types: &[&social_insurance::MEMBERSHIP],
    },
    Sector {
        name: "judicial",
        agency: "police",
        ordinal: 4,
        record_types: &[&judicial::RECORD, &judicial::CERTIFICATE],
    },
    Sector {
        name: "business",
        agency: "finance",
        ordinal: 5,
        record_types: &[&business::ENTERPRISE, &business::HOUSEHOLD],
    },
    Sector {
        name: "health_insurance",
        agency: "social-insurance",
        ordinal: 6,
        record_types: &[&health_insurance::CARD],
    },
    Sector { name: "driver_licence", agency: "police", ordinal: 7, record_types: &[&driver_licence::LICENCE] },
    Sector { name: "vehicle", agency: "police", ordinal: 8, record_types: &[&vehicle::REGISTRATION] },
];

/// The registry of this name.
pub fn sector(name: &str) -> Option<&'static Sector> {
    ALL.iter().find(|sector| sector.name == name)
}

/// The record type of this name: `land.parcel.v1`.
pub fn record_type(name: &str) -> Option<&'static RecordType> {
    ALL.iter().flat_map(|sector| sector.record_types).copied().find(|record_type| record_type.name == name)
}

/// The violation of a `field` that names a record type which is not among `known`.
pub fn unknown_record_type<'a>(
    field: impl std::fmt::Display,
    given: &str,
    known: impl IntoIterator<Item = &'a &'static RecordType>,
) -> Violation {
    let known = known.into_iter().map(|record_type| record_type.name);
    name::unknown(field, "record type", given, known, "RegistryService/Describe")
}

/// The violation of a `field` that names a registry which does not exist.
pub fn unknown_registry(field: impl std::fmt::Display, given: &str) -> Violation {
    name::unknown(field, "registry", given, ALL.iter().map(|sector| sector.name), "RegistryService/Describe")
}

/// Every record type, registry by registry.
pub fn record_types() -> impl Iterator<Item = &'static &'static RecordType> {
    ALL.iter().flat_map(|sector| sector.record_types)
}
