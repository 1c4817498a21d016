//! A case of a rule: a record that is accepted, changes of it, and the violations that they must give.

use lienthong::base::{Date, Violations};
use lienthong::registry::Catalogue;
use lienthong::registry::port::Change;
use lienthong::registry::prepare::check;
use lienthong::trust::{Object, Operation, Value};
use serde_json::Value as Json;

pub const TODAY: Date = Date::constant(2026, 11, 22);

/// A payload from JSON.
pub fn object(json: &Json) -> Object {
    let fields = json.as_object().expect("an object").iter();
    fields.map(|(name, json)| (name.clone(), value(json))).collect()
}

fn value(json: &Json) -> Value {
    match json {
        Json::String(text) => Value::String(text.clone()),
        Json::Number(number) => Value::Integer(number.as_i64().expect("a whole number")),
        Json::Bool(flag) => Value::Bool(*flag),
        Json::Array(items) => Value::Array(items.iter().map(value).collect()),
        Json::Object(_) => Value::Object(object(json)),
        Json::Null => panic!("payloads have no null"),
    }
}

/// The result of submitting a new record: its violations and its warnings as `path RULE`, and the stored payload.
pub fn submitted(record_type: &str, payload: &Json) -> (Vec<String>, Vec<String>, Option<Object>) {
    let catalogue = Catalogue::built_in();
    let sector = catalogue.sector(record_type.split('.').next().expect("a registry")).expect("a sector");
    let change = Change {
        record_type: record_type.into(),
        operation: Operation::Create,
        expected_version: 0,
        payload: object(payload),
        valid_from: None,
        valid_until: None,
    };
    let mut found = Violations::default();
    let stored = check(sector, &change, 0, TODAY, &mut found).map(|(_, stored)| stored.into_owned());
    let told = |of: &[lienthong::base::Violation]| {
        let path = |field: &str| field.trim_start_matches("changes[0].payload.").to_owned();
        of.iter().map(|one| format!("{} {}", path(&one.field), one.rule)).collect::<Vec<_>>()
    };
    (told(found.kept()), told(&found.warnings().kept), stored)
}

/// `good` with these fields in the place of its own; `null` removes a field. A path goes into objects and lists.
pub fn with(good: &Json, changes: &Json) -> Json {
    let mut changed = good.clone();
    for (path, to) in changes.as_object().expect("changes") {
        let pointer = format!("/{}", path.replace('.', "/"));
        let (parent, name) = pointer.rsplit_once('/').expect("a name");
        let parent = changed.pointer_mut(parent).unwrap_or_else(|| panic!("no {parent}"));
        match (to, parent) {
            (Json::Null, Json::Object(fields)) => drop(fields.remove(name)),
            (to, Json::Object(fields)) => drop(fields.insert(name.to_owned(), to.clone())),
            (to, Json::Array(items)) => items[name.parse::<usize>().expect("an index")] = to.clone(),
            _ => panic!("{path} is in nothing"),
        }
    }
    changed
}

/// Changes, and the violations that they must give.
pub type Case = (Json, &'static [&'static str]);

/// Submits `good`, which has to be accepted, and each changed form of it.
pub fn hold(record_type: &str, good: &Json, cases: Vec<Case>) {
    assert_eq!(submitted(record_type, good).0, [""; 0], "{record_type}");
    for (changes, expected) in cases {
        let (violations, ..) = submitted(record_type, &with(good, &changes));
        assert_eq!(violations, expected, "{record_type} {changes}");
    }
}
