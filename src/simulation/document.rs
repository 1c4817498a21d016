//! What the simulated registries hold, as plain values that can be changed, and how each becomes a payload.
//!
//! The population generator draws these values, the personas set them by hand, and both write them through the same
//! functions, so that a persona's record has the shape of everybody's. Field names are those of the registries' protos.

mod business;
pub mod civil_status;
mod driving;
mod insurance;
mod justice;
mod land;
mod resident;
mod vehicle;

pub use business::{Enterprise, HouseholdBusiness, Representative};
pub use driving::{Licence, LicenceClass};
pub use insurance::{HealthCard, Membership, Period};
pub use justice::{Ban, JudicialRecord, Sentence};
pub use land::{Certificate, LandOwner, LandRestriction, LandUse, OldParcelKey, Parcel};
pub use resident::{Card, Household, Person};
pub use vehicle::{Vehicle, VehicleOwner};

use std::borrow::Cow;

use crate::base::{Date, PartialDate, PersonalId};
use crate::registry::Name;
use crate::registry::basis::FIELD;
use crate::trust::{Object, Operation, Value};

use super::geography::{COMMUNES_VALID_FROM, Commune, FormerCommune};
use super::names::Sex;

/// A text that is often one of a table's.
pub type Text = Cow<'static, str>;

/// One record version, ready to be submitted to its registry by the registry's operator.
#[derive(Debug, Clone, PartialEq)]
pub struct Record<N = &'static str> {
    /// `resident.person.v1`, …: of a built-in registry, unless it is said otherwise.
    pub record_type: N,
    /// Which version of its record it becomes, from 1; the registry must hold the one before.
    pub version: u64,
    /// The operation of the version.
    pub operation: Operation,
    /// The payload.
    pub payload: Object,
}

impl Record {
    /// The same, among records of any registry.
    pub fn named(self) -> Record<Name> {
        let Self { record_type, version, operation, payload } = self;
        Record { record_type: record_type.into(), version, operation, payload }
    }

    /// The same, resting on `basis`.
    #[must_use]
    pub fn with_basis(mut self, basis: &Basis) -> Self {
        self.payload.insert(FIELD, basis);
        self
    }
}

/// The document that a change of a record rests on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Basis {
    /// Its number.
    pub document_number: &'static str,
    /// Day of its issue.
    pub issued_on: Date,
    /// The issuing agency.
    pub authority: &'static str,
    /// Why.
    pub reason_code: &'static str,
}

impl From<&Basis> for Value {
    fn from(basis: &Basis) -> Self {
        let mut object = Object::new();
        object.insert("authority", basis.authority);
        object.insert("document_number", basis.document_number);
        object.insert("issued_on", day(basis.issued_on));
        object.insert("reason_code", basis.reason_code);
        Value::Object(object)
    }
}

/// A value that becomes a record.
pub trait Document {
    /// The record's type.
    const TYPE: &'static str;

    /// The payload.
    fn payload(&self) -> Object;

    /// The record's first version.
    fn record(&self) -> Record {
        Record { record_type: Self::TYPE, version: 1, operation: Operation::Create, payload: self.payload() }
    }

    /// A later version of the record.
    fn version(&self, version: u64) -> Record {
        Record { version, operation: Operation::Update, ..self.record() }
    }
}

/// An address, or the place of an event: a unit by its whole key, and text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// Two digits a province, five a commune.
    pub unit_code: &'static str,
    /// First day of the unit under this code.
    pub unit_valid_from: &'static str,
    /// Hamlet, commune and province as written; absent where only the unit is known.
    pub text: Option<String>,
}

impl Address {
    /// A place in a present commune; `before` is house, street or hamlet.
    pub fn in_commune(commune: &'static Commune, before: &str) -> Self {
        Self::new(commune.code, COMMUNES_VALID_FROM, before, &commune.address_end)
    }

    /// A place in a unit that has ended.
    pub fn in_former(unit: &'static FormerCommune, before: &str) -> Self {
        Self::new(unit.code, unit.valid_from, before, &unit.address_end)
    }

    /// A present commune without more.
    pub fn commune(commune: &'static Commune) -> Self {
        Self { unit_code: commune.code, unit_valid_from: COMMUNES_VALID_FROM, text: None }
    }

    fn new(unit_code: &'static str, unit_valid_from: &'static str, before: &str, end: &str) -> Self {
        let mut text = String::with_capacity(before.len() + end.len() + 2);
        text.push_str(before);
        if !before.is_empty() {
            text.push_str(", ");
        }
        text.push_str(end);
        Self { unit_code, unit_valid_from, text: Some(text) }
    }

    fn unit(&self) -> Object {
        Object::new().with("unit_code", self.unit_code).with("unit_valid_from", self.unit_valid_from)
    }
}

impl From<&Address> for Value {
    fn from(place: &Address) -> Self {
        let mut address = Object::new();
        put(&mut address, "text", place.text.as_deref());
        address.insert("unit_code", place.unit_code);
        address.insert("unit_valid_from", place.unit_valid_from);
        Value::Object(address)
    }
}

/// By what a document knows an owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Paper {
    /// A personal ID.
    Id(PersonalId),
    /// The nine digits of the identity card of before.
    OldId(String),
    /// A foreigner's passport.
    Passport(Passport),
    /// An organisation's enterprise code.
    Organisation(String),
    /// The decision that established an organisation without such a code.
    Decision(String),
    /// A name only: a file from before personal IDs.
    None,
}

impl Paper {
    fn put(&self, object: &mut Object) {
        match self {
            Self::Id(id) => object.insert("personal_id", id.as_str()),
            Self::OldId(number) => object.insert("old_id_number", number.as_str()),
            Self::Passport(passport) => object.insert("passport", passport),
            Self::Organisation(code) => object.insert("organisation_code", code.as_str()),
            Self::Decision(number) => object.insert("establishment_decision", number.as_str()),
            Self::None => return,
        };
    }
}

/// A passport.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passport {
    /// Capitals and digits.
    pub number: String,
    /// Two letters of ISO 3166.
    pub country: &'static str,
}

impl From<&Passport> for Value {
    fn from(passport: &Passport) -> Self {
        Value::Object(Object::new().with("country", passport.country).with("number", passport.number.as_str()))
    }
}

/// The person whom a document names, in its registry's spelling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Absent on documents from before personal IDs.
    pub personal_id: Option<PersonalId>,
    /// As the document has it.
    pub full_name: String,
    /// Often of the year only.
    pub birth_date: Option<PartialDate>,
    /// As registered.
    pub sex: Option<Sex>,
}

impl From<&Holder> for Value {
    fn from(holder: &Holder) -> Self {
        let mut object = Object::new();
        put(&mut object, "birth_date", holder.birth_date.map(partial));
        object.insert("full_name", holder.full_name.as_str());
        put(&mut object, "personal_id", holder.personal_id.as_ref().map(PersonalId::as_str));
        put(&mut object, "sex", holder.sex.map(Sex::as_str));
        Value::Object(object)
    }
}

/// Writes `date` as `YYYY-MM-DD`; much faster than formatting, and there are some ten dates for each citizen.
pub fn day(date: Date) -> String {
    let mut text = String::with_capacity(10);
    push_padded(&mut text, u64::from(date.year().unsigned_abs()), 4);
    text.push('-');
    push_padded(&mut text, u64::from(date.month().unsigned_abs()), 2);
    text.push('-');
    push_padded(&mut text, u64::from(date.day().unsigned_abs()), 2);
    text
}

/// Writes `date` as `YYYY-MM`.
pub fn month(date: Date) -> String {
    let mut text = day(date);
    text.truncate(7);
    text
}

fn partial(date: PartialDate) -> String {
    match date.full() {
        Some(full) => day(full),
        None => date.to_string(),
    }
}

/// Appends `number` with leading zeros to at least `width` digits.
pub fn push_padded(text: &mut String, number: u64, width: usize) {
    let mut digits = [b'0'; 20];
    let mut rest = number;
    let mut first = digits.len();
    while rest > 0 {
        first -= 1;
        digits[first] = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    let first = first.min(digits.len() - width.min(digits.len()));
    text.extend(digits[first..].iter().map(|digit| *digit as char));
}

/// `number` with leading zeros to at least `width` digits.
pub fn padded(number: u64, width: usize) -> String {
    let mut text = String::with_capacity(width);
    push_padded(&mut text, number, width);
    text
}

/// Adds a field when there is a value: absence means unknown.
fn put(object: &mut Object, name: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        object.insert(name, value);
    }
}

/// Adds a list when it is not empty.
fn put_list<'a, T: 'a>(object: &mut Object, name: &str, items: &'a [T])
where
    &'a T: Into<Value>,
{
    if !items.is_empty() {
        object.insert(name, list(items));
    }
}

/// A list of values.
fn list<'a, T: 'a>(items: &'a [T]) -> Value
where
    &'a T: Into<Value>,
{
    Value::Array(items.iter().map(Into::into).collect())
}

/// A list of personal IDs.
fn ids(items: &[PersonalId]) -> Value {
    Value::Array(items.iter().map(|id| Value::from(id.as_str())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_dates_are_padded() {
        assert_eq!(padded(7, 3), "007");
        assert_eq!(padded(1_234, 3), "1234");
        assert_eq!(padded(0, 1), "0");
        assert_eq!(day(Date::constant(1985, 3, 7)), "1985-03-07");
        assert_eq!(month(Date::constant(1985, 3, 7)), "1985-03");
    }
}
