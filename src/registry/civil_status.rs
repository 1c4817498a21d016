//! The civil-status registry: entries of births, marriages, deaths, divorces, adoptions and changes (Law on Civil Status 2014; Decree
//! 123/2015; Decree 87/2020 on the electronic database; from March 2027 Law 03/2026/QH16).
//!
//! An entry has the content of the book, in the words of its day. The present data of a person are in the population registry, for which the entries
//! are the source of marital status, parents and death; where the two differ, the province shows a discrepancy.

mod adoption;
mod birth;
mod change;
mod death;
mod entry;
mod marriage;

use super::sector::Sector;

/// The registry.
pub const NAME: &str = "civil_status";
/// An entry of a birth.
pub const BIRTH: &str = "civil_status.birth.v1";
/// An entry of a marriage.
pub const MARRIAGE: &str = "civil_status.marriage.v1";
/// An entry of a death.
pub const DEATH: &str = "civil_status.death.v1";
/// A note that a marriage was ended by a divorce.
pub const DIVORCE: &str = "civil_status.divorce.v1";
/// An entry of an adoption.
pub const ADOPTION: &str = "civil_status.adoption.v1";
/// An entry of a change or correction.
pub const CHANGE: &str = "civil_status.change.v1";

/// The registry and its record types. The Department of Justice keeps the database; communes write the entries.
pub(super) fn sector() -> Sector {
    let record_types = [
        birth::record_type(BIRTH, DEATH),
        marriage::record_type(MARRIAGE, DEATH),
        death::record_type(DEATH, MARRIAGE, BIRTH),
        marriage::divorce_type(DIVORCE, MARRIAGE),
        adoption::record_type(ADOPTION),
        change::record_type(CHANGE),
    ];
    Sector::new(NAME, "justice", 9, record_types)
}

#[cfg(test)]
mod tests;
