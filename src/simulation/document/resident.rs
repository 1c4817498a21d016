//! The population register's records: a person, and a household.

use crate::base::{Date, PartialDate, PersonalId};
use crate::registry::resident::card_expiry;
use crate::trust::canonical::{Object, Value};

use super::{Address, Document, Text, day, ids, partial, put};
use crate::simulation::names::Sex;

/// A person.
#[derive(Debug, Clone)]
pub struct Person {
    /// Twelve digits.
    pub personal_id: PersonalId,
    /// IDs that this one replaced.
    pub superseded_ids: Vec<PersonalId>,
    /// Nine digits of the old identity card.
    pub old_id_number: Option<String>,
    /// As registered at birth.
    pub full_name: String,
    /// Another name in use.
    pub other_name: Option<String>,
    /// Possibly of the year only.
    pub birth_date: PartialDate,
    /// As registered.
    pub sex: Sex,
    /// Where the person was born.
    pub birth_place: Address,
    /// Where the birth was registered.
    pub birth_registration_place: Address,
    /// The father's home.
    pub hometown: Address,
    /// `Kinh`, ….
    pub ethnicity: &'static str,
    /// `Công giáo`, …; absent for most.
    pub religion: Option<&'static str>,
    /// `single`, `married`, `divorced`, `widowed`.
    pub marital_status: &'static str,
    /// Absent after moving out.
    pub permanent_residence: Option<Address>,
    /// Where it differs from the permanent one.
    pub current_residence: Option<Address>,
    /// `42-000000001`.
    pub household_id: Option<String>,
    /// `head`, `spouse`, `child`, ….
    pub relation_to_head: Option<&'static str>,
    /// If registered.
    pub father_id: Option<PersonalId>,
    /// If registered.
    pub mother_id: Option<PersonalId>,
    /// While married.
    pub spouse_id: Option<PersonalId>,
    /// Of the dead.
    pub death_date: Option<PartialDate>,
    /// The identity card.
    pub card: Option<Card>,
    /// `active`, `moved_out`, `deceased`, `cancelled`.
    pub status: &'static str,
    /// Why it is not active.
    pub status_reason: Option<Text>,
}

impl Document for Person {
    const TYPE: &'static str = crate::registry::resident::PERSON;

    // in order of names, so that each insertion is an append
    fn payload(&self) -> Object {
        let mut o = Object::new();
        o.insert("birth_date", partial(self.birth_date));
        o.insert("birth_place", &self.birth_place);
        o.insert("birth_registration_place", &self.birth_registration_place);
        put(&mut o, "card", self.card.as_ref());
        put(&mut o, "current_residence", self.current_residence.as_ref());
        put(&mut o, "death_date", self.death_date.map(partial));
        o.insert("ethnicity", self.ethnicity);
        put(&mut o, "father_id", self.father_id.as_ref().map(PersonalId::as_str));
        o.insert("full_name", self.full_name.as_str());
        o.insert("hometown", &self.hometown);
        put(&mut o, "household_id", self.household_id.as_deref());
        o.insert("life_status", if self.death_date.is_some() { "deceased" } else { "alive" });
        o.insert("marital_status", self.marital_status);
        put(&mut o, "mother_id", self.mother_id.as_ref().map(PersonalId::as_str));
        o.insert("nationality", "VN");
        put(&mut o, "old_id_number", self.old_id_number.as_deref());
        put(&mut o, "other_name", self.other_name.as_deref());
        put(&mut o, "permanent_residence", self.permanent_residence.as_ref());
        o.insert("personal_id", self.personal_id.as_str());
        put(&mut o, "relation_to_head", self.relation_to_head);
        put(&mut o, "religion", self.religion);
        o.insert("sex", self.sex.as_str());
        put(&mut o, "spouse_id", self.spouse_id.as_ref().map(PersonalId::as_str));
        o.insert("status", self.status);
        put(&mut o, "status_reason", self.status_reason.as_deref());
        if !self.superseded_ids.is_empty() {
            o.insert("superseded_ids", ids(&self.superseded_ids));
        }
        o
    }
}

/// From this day cards are `căn cước`, before it `căn cước công dân`.
const CAN_CUOC_SINCE: Date = Date::constant(2024, 7, 1);

/// An identity card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Card {
    /// Day of issue.
    pub issued_on: Date,
    /// Last day; none after the last milestone.
    pub expires_on: Option<Date>,
}

impl Card {
    /// The card that someone born on `birth` gets on `issued_on`.
    pub fn issued(birth: Date, issued_on: Date) -> Self {
        Self { issued_on, expires_on: card_expiry(birth, issued_on) }
    }
}

impl From<&Card> for Value {
    fn from(card: &Card) -> Self {
        let mut o = Object::new();
        put(&mut o, "expires_on", card.expires_on.map(day));
        o.insert("issued_on", day(card.issued_on));
        o.insert("kind", if card.issued_on < CAN_CUOC_SINCE { "cccd" } else { "can_cuoc" });
        Value::Object(o)
    }
}

/// A household.
#[derive(Debug, Clone)]
pub struct Household {
    /// `42-000000001`.
    pub household_id: String,
    /// One of the members.
    pub head_id: PersonalId,
    /// Members with their relation to the head, the head first.
    pub members: Vec<(PersonalId, &'static str)>,
    /// Where it is registered.
    pub residence: Address,
    /// Why it was dissolved.
    pub dissolved: Option<&'static str>,
}

impl Document for Household {
    const TYPE: &'static str = crate::registry::resident::HOUSEHOLD;

    fn payload(&self) -> Object {
        let member = |(id, relation): &(PersonalId, &'static str)| {
            Value::Object(Object::new().with("personal_id", id.as_str()).with("relation_to_head", *relation))
        };
        let mut o = Object::new();
        o.insert("head_id", self.head_id.as_str());
        o.insert("household_id", self.household_id.as_str());
        o.insert("members", Value::Array(self.members.iter().map(member).collect()));
        o.insert("residence", &self.residence);
        o.insert("status", if self.dissolved.is_some() { "dissolved" } else { "active" });
        put(&mut o, "status_reason", self.dissolved);
        o
    }
}
