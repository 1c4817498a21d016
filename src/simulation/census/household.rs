//! One household as its records say it: people by their numbers, and the documents beside them.

use std::collections::BTreeMap;

use crate::base::{Date, PartialDate};
use crate::simulation::document::Record;
use crate::simulation::population::Batch;
use crate::simulation::population::calendar::age_on;
use crate::trust::{Object, Value};

/// A household's records.
pub(super) struct Household<'a> {
    pub(super) today: Date,
    people: BTreeMap<&'a str, &'a Object>,
    records: &'a [Record],
}

impl<'a> Household<'a> {
    pub(super) fn of(batch: &'a Batch, today: Date) -> Self {
        let people = of_type(&batch.records, crate::registry::resident::PERSON);
        let people = people.filter_map(|person| Some((person.text("personal_id")?, person))).collect();
        Self { today, people, records: &batch.records }
    }

    pub(super) fn people(&self) -> impl Iterator<Item = &'a Object> + Clone + '_ {
        self.people.values().copied()
    }

    pub(super) fn residents(&self) -> impl Iterator<Item = &'a Object> + Clone + '_ {
        self.people().filter(|person| is_resident(person))
    }

    /// The person with this number, if of this household.
    pub(super) fn person(&self, id: Option<&str>) -> Option<&'a Object> {
        self.people.get(id?).copied()
    }

    pub(super) fn of_type(&self, record_type: &'static str) -> impl Iterator<Item = &'a Object> + Clone + '_ {
        of_type(self.records, record_type)
    }

    /// Age today of somebody who lives.
    pub(super) fn age(&self, person: &Object) -> i16 {
        birth(person).map_or(0, |birth| age_on(birth, self.today))
    }
}

fn of_type<'a>(records: &'a [Record], record_type: &'static str) -> impl Iterator<Item = &'a Object> + Clone {
    records.iter().filter(move |record| record.record_type == record_type).map(|record| &record.payload)
}

/// The day of birth; the middle of the year where only that is known.
pub(super) fn birth(person: &Object) -> Option<Date> {
    day(person, "birth_date")
}

/// A day; the middle of the year where only that is known.
pub(super) fn day(object: &Object, path: &str) -> Option<Date> {
    let known = object.text_at(path).and_then(PartialDate::parse)?;
    Date::new(known.year, known.month.unwrap_or(7), known.day.unwrap_or(1)).ok()
}

pub(super) fn is_resident(person: &Object) -> bool {
    person.text("status") == Some("active")
}

pub(super) fn is_dead(person: &Object) -> bool {
    person.contains("death_date")
}

pub(super) fn is_woman(person: &Object) -> bool {
    person.text("sex") == Some("female")
}

/// The objects of a list.
pub(super) fn items<'a>(object: &'a Object, list: &str) -> impl Iterator<Item = &'a Object> + Clone {
    object.array(list).unwrap_or_default().iter().filter_map(Value::as_object)
}
