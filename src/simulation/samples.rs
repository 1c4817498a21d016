//! Sample data of registries from schema files: records that belong to the generated citizens, made from a schema and its hints.
//!
//! A citizen's records grow from a branch of the seed tree of their own, by record type and personal ID. Numbers that count up are the only
//! thing that depends on the citizens before.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::base::seed::Draws;
use crate::base::{Date, PartialDate, Seed, Violations};
use crate::registry::rule::{Field, Rule};
use crate::registry::samples::{Hint, Samples};
use crate::registry::{Catalogue, Name, RecordType};
use crate::trust::{Object, Value};

use super::population::Population;
use super::population::calendar::{age_on, plus_days, plus_years};

/// Makes sample data for one citizen after the other.
#[derive(Debug)]
pub struct SampleMaker {
    kinds: Vec<(Arc<RecordType>, Samples)>,
    people: Arc<RecordType>,
    counts: BTreeMap<String, u64>,
    /// The natural keys of the records made so far, for those that name them.
    keys: Keys,
    seed: Seed,
    today: Date,
}

/// Natural keys by record type.
pub type Keys = BTreeMap<Name, Vec<String>>;

impl SampleMaker {
    /// Of all record types of a catalogue whose schema files say how.
    pub fn new(catalogue: &Catalogue, world: Seed, today: Date) -> Self {
        let (kinds, people) = (described(catalogue).collect(), catalogue.people().clone());
        Self { kinds, people, counts: BTreeMap::new(), keys: Keys::new(), seed: world.child("samples", 0), today }
    }

    /// Whether there is nothing to make: no file describes sample data.
    pub fn is_idle(&self) -> bool {
        self.kinds.is_empty()
    }

    /// Whether a record is one of a person.
    pub fn is_person(&self, record_type: &str) -> bool {
        self.people.name == *record_type
    }

    /// The records of the citizen with this record of a person.
    pub fn records_of(&mut self, person: &Object) -> Vec<(Arc<RecordType>, Object)> {
        let (Some(birth), Some(id)) = (birth_of(person), person.text("personal_id")) else { return Vec::new() };
        if person.text("life_status") != Some("alive") {
            return Vec::new();
        }
        let (age, mut made) = (i64::from(age_on(birth, self.today)), Vec::new());
        for (of, samples) in &self.kinds {
            let mut draws = self.seed.child(&of.name, 0).child(id, 0).draws();
            if age < samples.ages.0 || age > samples.ages.1 || draws.below(1_000) >= samples.per_mille.into() {
                continue;
            }
            let count = self.counts.entry(of.name.to_string()).or_default();
            *count += 1;
            let (count, today, keys) = (Count::Up(*count), self.today, &self.keys);
            let days = BTreeMap::new();
            let making = Making { person, birth, id, of, samples, draws, count, today, keys, days };
            let Some(payload) = making.record() else { continue };
            if let Some(key) = payload.text(&of.natural_key) {
                self.keys.entry(of.name.clone()).or_default().push(key.to_owned());
            }
            made.push((of.clone(), payload));
        }
        made
    }
}

/// The record types whose schema files say how sample data are made.
pub fn described(catalogue: &Catalogue) -> impl Iterator<Item = (Arc<RecordType>, Samples)> + '_ {
    catalogue.sectors().iter().flat_map(|sector| {
        sector.record_types.iter().filter_map(|of| {
            let samples = sector.definition.as_ref()?.samples.get(&*of.name)?;
            Some((of.clone(), samples.clone()))
        })
    })
}

/// One record of somebody whom a tester creates, however few citizens have one: `ordinal` is theirs alone, and the numbers that count are taken from their
/// end, far from those of the generated citizens. `keys` are the records that it may name; `None` if it has to name one of another type.
pub fn created(
    (of, samples): (&RecordType, &Samples),
    person: &Object,
    ordinal: u64,
    keys: &Keys,
    (world, today): (Seed, Date),
) -> Option<Object> {
    let (birth, id) = (birth_of(person)?, person.text("personal_id")?);
    let draws = world.child("created-sample", ordinal).child(&of.name, 0).draws();
    let (count, days) = (Count::Down(ordinal), BTreeMap::new());
    Making { person, birth, id, of, samples, draws, count, today, keys, days }.record()
}

/// The birth date of a record of a person; the middle of the year or month that is known.
fn birth_of(person: &Object) -> Option<Date> {
    let it = PartialDate::parse(person.text("birth_date")?)?;
    Date::new(it.year, it.month.unwrap_or(7), it.day.unwrap_or(1)).ok()
}

/// How many citizens show what sample data are like.
const CITIZENS: u64 = 300;
/// Most flaws of one record type.
const FLAWS_MAX: usize = 5;

/// What is wrong with the sample data that the files of a catalogue describe, record type by record type: the rules that they would break.
pub fn flaws(catalogue: &Catalogue, today: Date) -> Vec<(Arc<RecordType>, String)> {
    let mut maker = SampleMaker::new(catalogue, Seed::root(1), today);
    if maker.kinds.is_empty() {
        return Vec::new();
    }
    let records = Population::new(Seed::root(1), CITIZENS, today).flat_map(|household| household.records);
    let people = records.filter(|record| record.record_type == &*catalogue.people().name).map(|record| record.payload);
    let (mut found, mut keys): (Vec<(Arc<RecordType>, String)>, BTreeSet<_>) = Default::default();
    for (of, payload) in people.flat_map(|person| maker.records_of(&person)) {
        let mut violations = Violations::default();
        of.validate(&payload, today, &"", &mut violations);
        if !keys.insert((of.name.clone(), of.key_of(&payload))) {
            violations.add(format_args!(".{}", of.natural_key), "DUPLICATE", "two of them have one natural key");
        }
        for bad in violations.kept() {
            let says = format!("{}: {}: {}", bad.field.trim_start_matches('.'), bad.rule, bad.message);
            let is_new = !found.iter().any(|(known, other)| known.name == of.name && *other == says);
            if is_new && found.iter().filter(|(known, _)| known.name == of.name).count() < FLAWS_MAX {
                found.push((of.clone(), says));
            }
        }
    }
    found
}

/// The number that a template counts with.
#[derive(Debug, Clone, Copy)]
enum Count {
    /// From 1 on.
    Up(u64),
    /// From the highest of so many digits down.
    Down(u64),
}

impl Count {
    fn of_digits(self, digits: usize) -> u64 {
        match self {
            Self::Up(count) => count,
            Self::Down(count) => {
                let all = 10_u64.pow(digits as u32);
                all - 1 - count % all
            }
        }
    }
}

/// A record in the making.
struct Making<'a> {
    person: &'a Object,
    birth: Date,
    id: &'a str,
    of: &'a RecordType,
    samples: &'a Samples,
    draws: Draws,
    count: Count,
    today: Date,
    keys: &'a Keys,
    /// The days that fields got, by their paths.
    days: BTreeMap<String, Date>,
}

impl Making<'_> {
    /// The record; `None` if it has to name a record, and there is none to name yet.
    fn record(mut self) -> Option<Object> {
        let payload = self.object(&self.of.fields, "");
        (!self.lacks_a_record(&payload)).then_some(payload)
    }

    fn object(&mut self, fields: &[Field], path: &str) -> Object {
        let mut object = Object::new();
        // What refers to another field comes behind it.
        let refers = |field: &&Field| matches!(self.samples.hint(&under(path, &field.name)), Some(Hint::After(..)));
        let (later, first): (Vec<&Field>, Vec<&Field>) = fields.iter().partition(refers);
        for field in first.into_iter().chain(later) {
            let at = under(path, &field.name);
            if let Some(value) = self.value(&field.rule, &at, field.required) {
                object.insert(field.name.clone(), value);
            }
        }
        object
    }

    fn value(&mut self, rule: &Rule, path: &str, required: bool) -> Option<Value> {
        if let Some(hint) = self.samples.hint(path) {
            return self.hinted(hint, path);
        }
        if let Some(reference) = self.of.references.iter().find(|reference| reference.path == path) {
            let known = self.keys.get(&reference.record_type)?;
            return self.draws.pick(known).map(|key| Value::from(key.as_str()));
        }
        if let Rule::List(of, _) | Rule::Set(of, _) = rule {
            let item = self.value(of, &under(path, "*"), required);
            return item.map(|item| Value::Array(vec![item]));
        }
        let of_person = |name: &str| self.person.text(name).map(Value::from);
        if let Rule::Object(fields) = rule {
            return required.then(|| Value::Object(self.object(fields, path)));
        }
        match (rule, path.rsplit('.').next().unwrap_or_default()) {
            (Rule::PersonalId, "personal_id") => of_person("personal_id"),
            (Rule::Name, "full_name") => of_person("full_name"),
            (Rule::PartialDate | Rule::Date, "birth_date") => of_person("birth_date"),
            (Rule::OneOf(_), "sex") => of_person("sex"),
            _ if !required => None,
            (Rule::OneOf(values) | Rule::Code(values), _) => values.first().map(|value| Value::from(value.as_str())),
            (Rule::Integer(min, max), _) => Some(Value::Integer(self.draws.between(*min, *max))),
            (Rule::Boolean, _) => Some(Value::Bool(self.draws.chance(0.5))),
            (Rule::Date | Rule::PartialDate, _) => {
                let days = -self.draws.between(1, 1_000);
                Some(self.day(path, plus_days(self.today, days)))
            }
            _ => None,
        }
    }

    /// Whether a required field names a record, and there is none to name yet.
    fn lacks_a_record(&self, payload: &Object) -> bool {
        let is_required = |path: &str| self.of.fields.iter().any(|field| field.required && field.name == path);
        self.of.references.iter().any(|it| is_required(&it.path) && !payload.contains(&it.path))
    }

    fn day(&mut self, path: &str, day: Date) -> Value {
        self.days.insert(path.to_owned(), day);
        Value::String(day.to_string())
    }

    fn hinted(&mut self, hint: &Hint, path: &str) -> Option<Value> {
        Some(match hint {
            Hint::OneOf(values) => self.draws.pick(values)?.clone(),
            Hint::Template(template) => Value::String(self.filled(template)),
            Hint::Between(low, high) => Value::Integer(self.draws.between(*low, *high)),
            Hint::AfterBirth(low, high) => {
                let years = self.draws.between(*low, *high) as i16;
                let day = plus_days(plus_years(self.birth, years), self.draws.between(1, 300));
                let day = day.min(plus_days(self.today, -self.draws.between(1, 60)));
                self.day(path, day)
            }
            Hint::FromToday(low, high) => {
                let days = self.draws.between(*low, *high);
                self.day(path, plus_days(self.today, days))
            }
            Hint::After(other, low, high) => {
                let days = self.draws.between(*low, *high);
                let day = plus_days(*self.days.get(other)?, days);
                self.day(path, day)
            }
            Hint::Residence => {
                let residence =
                    self.person.object("current_residence").or(self.person.object("permanent_residence"))?;
                Value::Object(residence.clone())
            }
        })
    }

    /// A template with its numbers.
    fn filled(&mut self, template: &str) -> String {
        let mut filled = String::new();
        let mut rest = template;
        while let Some((before, behind)) = rest.split_once('{') {
            filled.push_str(before);
            let (name, behind) = behind.split_once('}').unwrap_or((behind, ""));
            let digits = |name: &str| name[1..].parse::<usize>().unwrap_or(1).clamp(1, 12);
            match name {
                "id" => filled.push_str(self.id),
                name if name.starts_with('n') => {
                    let width = digits(name);
                    filled.push_str(&format!("{:0width$}", self.count.of_digits(width)));
                }
                name if name.starts_with('d') => {
                    (0..digits(name)).for_each(|_| filled.push_str(&self.draws.below(10).to_string()));
                }
                _ => {}
            }
            rest = behind;
        }
        filled + rest
    }
}

fn under(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ProvinceCode;
    use crate::registry::allocation;
    use crate::simulation::examples;

    const TODAY: Date = Date::constant(2026, 11, 22);

    fn catalogue() -> Catalogue {
        allocation::unkept(&ProvinceCode::default(), examples::all()).expect("a catalogue")
    }

    fn made(catalogue: &Catalogue, seed: u64) -> Vec<(Arc<RecordType>, Object)> {
        let mut maker = SampleMaker::new(catalogue, Seed::root(seed), TODAY);
        let people = Population::new(Seed::root(seed), 1_500, TODAY).flat_map(|household| household.records);
        let people: Vec<Object> =
            people.filter(|record| maker.is_person(record.record_type)).map(|record| record.payload).collect();
        people.iter().flat_map(|person| maker.records_of(person)).collect()
    }

    #[test]
    fn every_example_registry_gets_legal_sample_data() {
        let catalogue = catalogue();
        for seed in [1, 42, 20_261] {
            let made = made(&catalogue, seed);
            let mut keys = std::collections::BTreeSet::new();
            for (of, payload) in &made {
                let mut violations = Violations::default();
                of.validate(payload, TODAY, &of.name, &mut violations);
                assert!(violations.is_empty(), "{payload:?}: {:?}", violations.kept());
                assert!(keys.insert((of.name.clone(), of.key_of(payload))), "{}: a key twice", of.name);
            }
            for sector in catalogue.sectors().iter().filter(|sector| sector.definition.is_some()) {
                for of in &sector.record_types {
                    assert!(made.iter().any(|(made, _)| made.name == of.name), "{} has no sample", of.name);
                }
            }
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_samples() {
        let catalogue = catalogue();
        assert_eq!(
            made(&catalogue, 7).into_iter().map(|(_, payload)| payload).collect::<Vec<_>>(),
            made(&catalogue, 7).into_iter().map(|(_, payload)| payload).collect::<Vec<_>>()
        );
    }
}
