//! Existing people whom a new citizen has to do with, as the register of people has them.

use crate::base::{PartialDate, PersonalId};
use crate::registry::numbers::Numbers;
use crate::simulation::document::Address;
use crate::simulation::document::civil_status::Party;
use crate::simulation::geography::{COMMUNES_VALID_FROM, Geography};
use crate::simulation::names::Sex;
use crate::trust::Object;

/// An existing person.
#[derive(Debug, Clone, PartialEq)]
pub struct Relative {
    pub personal_id: PersonalId,
    /// All numbers that lead to the person, the present one among them.
    pub numbers: Vec<PersonalId>,
    /// The parents, as the record of the person names them.
    pub parents: Vec<PersonalId>,
    pub full_name: String,
    pub birth: Option<PartialDate>,
    pub death: Option<PartialDate>,
    pub sex: Option<Sex>,
    pub is_living: bool,
    pub is_married: bool,
    pub household_id: Option<String>,
}

impl Relative {
    /// Reads the record of a person with these numbers.
    pub fn of(numbers: &Numbers, person: &Object) -> Self {
        let parents = ["mother_id", "father_id"].into_iter().filter_map(|field| PersonalId::parse(person.text(field)?));
        Self {
            personal_id: numbers.current,
            numbers: numbers.all().collect(),
            parents: parents.collect(),
            full_name: person.text("full_name").unwrap_or_default().to_owned(),
            birth: person.text("birth_date").and_then(PartialDate::parse),
            death: person.text("death_date").and_then(PartialDate::parse),
            sex: match person.text("sex") {
                Some("female") => Some(Sex::Female),
                Some("male") => Some(Sex::Male),
                _ => None,
            },
            is_living: person.text("life_status") == Some("alive"),
            is_married: person.text("marital_status") == Some("married"),
            household_id: person.text("household_id").map(str::to_owned),
        }
    }

    /// Whether a child of this person must not marry the other one: a grandparent, a brother or sister, a parent's brother or sister (Law 52/2014,
    /// article 5). Who is related further cannot be told by these records.
    pub fn is_kin_of(&self, other: &Self) -> bool {
        let share = |some: &[PersonalId], others: &[PersonalId]| some.iter().any(|one| others.contains(one));
        share(&self.parents, &other.numbers)
            || share(&self.numbers, &other.parents)
            || share(&self.parents, &other.parents)
    }

    /// The person as an entry of civil status names them.
    pub fn party(&self) -> Party {
        Party {
            personal_id: Some(self.personal_id),
            full_name: self.full_name.clone(),
            birth_date: self.birth,
            sex: self.sex,
            residence: None,
        }
    }
}

/// A household that a new citizen joins.
#[derive(Debug, Clone, PartialEq)]
pub struct Home {
    pub household_id: String,
    pub head: Option<PersonalId>,
    /// Where it is registered, if that is a commune of today.
    pub residence: Option<Address>,
    pub members: usize,
    pub is_active: bool,
}

impl Home {
    /// Reads the record of a household.
    pub fn of(household_id: &str, household: &Object) -> Self {
        Self {
            household_id: household_id.to_owned(),
            head: household.text("head_id").and_then(PersonalId::parse),
            residence: household.object("residence").and_then(address),
            members: household.array("members").map_or(0, <[_]>::len),
            is_active: household.text("status") == Some("active"),
        }
    }
}

fn address(of: &Object) -> Option<Address> {
    let commune = Geography::ha_tinh().commune(of.text("unit_code")?)?;
    let is_todays = of.text("unit_valid_from") == Some(COMMUNES_VALID_FROM);
    let text = of.text("text").map(str::to_owned);
    is_todays.then_some(Address { unit_code: commune.code, unit_valid_from: COMMUNES_VALID_FROM, text })
}

/// All whom a new citizen has to do with.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Relatives {
    pub mother: Option<Relative>,
    pub father: Option<Relative>,
    pub spouse: Option<Relative>,
    /// When the mother's other children were born, by the entries of their births.
    pub siblings: Vec<PartialDate>,
    pub home: Option<Home>,
}
