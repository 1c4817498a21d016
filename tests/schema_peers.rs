//! Another validator of JSON Schema reads the fields of every built-in record type as we do: on the records of a population, and on random changes of
//! them. It learns our formats; findings of code lists and rules across fields are left aside.

use std::collections::BTreeSet;

use lienthong::base::seed::Draws;
use lienthong::base::{Date, Seed, Violation, Violations};
use lienthong::registry::rule::{Field, Findings, Rule, check_fields};
use lienthong::registry::schema_file::export::schema;
use lienthong::registry::schema_file::{FORMATS, field_at};
use lienthong::registry::{Catalogue, RecordType};
use lienthong::simulation::personas;
use lienthong::simulation::population::Population;
use lienthong::trust::{Object, Value, canonical};
use serde_json::Value as Json;

const TODAY: Date = Date::constant(2026, 11, 22);

/// The schema of a record type in the eyes of another validator, which learns our formats and code lists.
fn other(of: &RecordType) -> jsonschema::Validator {
    let schema = schema(of);
    let mut names = BTreeSet::new();
    formats(&schema, &mut names);
    let mut options = jsonschema::options().should_validate_formats(true);
    for name in names {
        let rule = match FORMATS.iter().find(|(known, _)| *known == name) {
            Some((_, rule)) => rule.clone(),
            None => {
                let (of, path) = name.split_once('/').expect("a field");
                let catalogue = Catalogue::built_in();
                field_at(&catalogue.record_type(of).expect("a type").fields, path).expect("a field").clone()
            }
        };
        options = options.with_format(name, move |text: &str| accepts(&rule, text));
    }
    options.build(&schema).expect("a schema")
}

fn formats(schema: &Json, names: &mut BTreeSet<String>) {
    match schema {
        Json::Object(map) => {
            // Together with a code list the form is a part of its rule.
            if let Some(Json::String(name)) = map.get("format") {
                names.insert(name.clone());
            }
            map.values().for_each(|value| formats(value, names));
        }
        Json::Array(items) => items.iter().for_each(|item| formats(item, names)),
        _ => {}
    }
}

fn accepts(rule: &Rule, text: &str) -> bool {
    let rule = match rule {
        Rule::Listed(listed) => Rule::Form(listed.form.clone().expect("a form")),
        rule => rule.clone(),
    };
    verdict(&[Field::required("it", rule)], &Object::new().with("it", text))
}

/// Our verdict on fields alone: without rules across them, and of code lists only that a text is one.
fn verdict(fields: &[Field], payload: &Object) -> bool {
    let mut violations = Violations::default();
    check_fields(payload, fields, TODAY, &mut Findings::new(&"it", &mut violations));
    let is_of_list = |one: &Violation| {
        &*one.rule == "NOT_IN_FORCE" || (&*one.rule == "UNKNOWN_VALUE" && one.message.contains("from the list"))
    };
    violations.kept().iter().all(is_of_list)
}

fn json(payload: &Object) -> Json {
    serde_json::from_slice(&canonical::write(payload)).expect("JSON")
}

/// Changes one value somewhere to something that a rule may refuse.
fn broken(value: &Value, draws: &mut Draws) -> Value {
    match value {
        Value::Object(object) => {
            let mut object = object.clone();
            let names: Vec<String> = object.names().map(str::to_owned).collect();
            match (draws.below(6), draws.pick(&names)) {
                (0, Some(name)) => drop(object.remove(name)),
                (1, _) => drop(object.insert("colour", "red")),
                (_, Some(name)) => {
                    let inner = broken(object.get(name).expect("there"), draws);
                    object.insert(name.clone(), inner);
                }
                (_, None) => {}
            }
            Value::Object(object)
        }
        Value::Array(items) => {
            let mut items = items.clone();
            match (draws.below(4), items.first().cloned()) {
                (0, _) => items.clear(),
                (1, Some(first)) => items.push(first),
                (_, Some(first)) => items[0] = broken(&first, draws),
                (_, None) => {}
            }
            Value::Array(items)
        }
        Value::Integer(number) => match draws.below(4) {
            0 => Value::Integer(-number - 1),
            1 => Value::Integer(number.saturating_mul(1_000)),
            2 => Value::from(number.to_string()),
            _ => Value::Integer(number + 1),
        },
        Value::String(text) => match draws.below(7) {
            0 => Value::Integer(7),
            1 => Value::from(text.chars().cycle().take(190).collect::<String>().trim()),
            2 => Value::from("2025-02-30"),
            3 => Value::from(text.chars().skip(1).collect::<String>().trim()),
            4 => Value::from(format!("{text}9")),
            5 => Value::Bool(true),
            _ => Value::from(text.to_uppercase()),
        },
        Value::Bool(_) => Value::from("true"),
    }
}

/// Record types of which a small population may hold none.
const RARE: [&str; 3] = ["civil_status.divorce.v1", "civil_status.adoption.v1", "civil_status.change.v1"];

#[test]
fn another_validator_agrees_on_the_fields() {
    let mut draws = Seed::root(5).draws();
    let catalogue = Catalogue::built_in();
    let generated = Population::new(Seed::root(5), 400, TODAY).flat_map(|household| household.records);
    let personas = personas::all(TODAY).into_iter().flat_map(|persona| [persona.records, persona.later].concat());
    let records: Vec<_> = generated.chain(personas).collect();
    for of in catalogue.record_types() {
        let other = other(of);
        let of_type = records.iter().filter(|record| of.name == *record.record_type).take(60);
        let (mut refused, mut seen) = (0, 0);
        for record in of_type {
            for turn in 0..12 {
                let payload = match (turn, broken(&Value::Object(record.payload.clone()), &mut draws)) {
                    (0, _) => record.payload.clone(),
                    (_, Value::Object(payload)) => payload,
                    _ => continue,
                };
                let (ours, theirs) = (verdict(&of.fields, &payload), other.is_valid(&json(&payload)));
                // Every text must be normalised and visible, in addition to its schema.
                assert_eq!(
                    ours,
                    theirs,
                    "{}: {payload:?}: {:?}",
                    of.name,
                    other.iter_errors(&json(&payload)).map(|e| e.to_string()).collect::<Vec<_>>()
                );
                seen += 1;
                refused += usize::from(!ours);
            }
        }
        if seen == 0 && RARE.contains(&&*of.name) {
            continue;
        }
        assert!(refused > seen / 10 && refused < seen, "{}: {refused} of {seen}", of.name);
    }
}
