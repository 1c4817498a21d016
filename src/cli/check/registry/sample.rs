//! Payloads for a record type: out of its JSON Schema as `Describe` tells it, or as somebody gives them where a schema says too little.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::pattern::{Picks, text};
use crate::base::Date;

/// Longest file of samples, in bytes.
pub(super) const BYTES_MAX: usize = 1024 * 1024;
/// Fewest payloads of new records.
pub(super) const CREATE_MIN: usize = 7;
/// Longest text that is made.
const TEXT_CHARS_MAX: usize = 4_096;
/// Length of a text of which the schema says nothing.
const TEXT_CHARS: usize = 12;

/// Payloads that somebody gives: record types with their samples.
pub(super) type Given = BTreeMap<String, GivenOf>;

/// The samples of one record type.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GivenOf {
    /// Payloads of new records, with natural keys that no record has: [`CREATE_MIN`] at least.
    pub(super) create: Vec<Map<String, Value>>,
    /// The changed form of the first of them; absent, one of its fields is changed.
    #[serde(default)]
    pub(super) update: Option<Map<String, Value>>,
}

/// Makes payloads of one record type.
#[derive(Debug, Clone)]
pub(super) struct Sampler {
    pub(super) schema: Value,
    /// Codes that may be used, by their list.
    pub(super) codes: BTreeMap<String, String>,
    pub(super) today: Date,
}

impl Sampler {
    /// A payload with the fields that it must have; with `full`, also with those that hold a single value.
    pub(super) fn payload(&self, number: u64, full: bool) -> Result<Map<String, Value>, String> {
        let made = self.value(&self.schema, "", number, full)?;
        match made {
            Value::Object(payload) => Ok(payload),
            _ => Err("the schema is of no object".into()),
        }
    }

    /// The payload with another value in one field that is not in the key: those that could be it, the likeliest first.
    pub(super) fn changed(&self, payload: &Map<String, Value>, key: &[String], number: u64) -> Vec<Map<String, Value>> {
        let mut found = Vec::new();
        for (name, schema) in self.schema["properties"].as_object().into_iter().flatten() {
            let is_scalar = matches!(schema["type"].as_str(), Some("string" | "integer" | "boolean"));
            if key.iter().any(|path| path == name) || !is_scalar || schema.get("x-references").is_some() {
                continue;
            }
            let next = match (schema["enum"].as_array(), payload.get(name)) {
                (Some(values), old) => values.iter().rev().find(|value| Some(*value) != old).cloned(),
                (None, _) => self.value(schema, name, number + 1, true).ok(),
            };
            if let Some(next) = next.filter(|next| payload.get(name) != Some(next)) {
                let mut changed = payload.clone();
                changed.insert(name.clone(), next);
                found.push((schema.get("enum").is_some() || name == "status", changed));
            }
        }
        // A status may follow only on some; a plain text on any.
        found.sort_by_key(|(is_state, _)| *is_state);
        let plain: Vec<_> = found.into_iter().map(|(_, changed)| changed).collect();
        // Where a lifecycle wants a document for a change, it takes a correction.
        let basis = &self.schema["properties"]["basis"];
        let founded = |payload: &Map<String, Value>| {
            let mut basis = self.value(basis, "basis", number, false).ok()?;
            basis.as_object_mut()?.insert("reason_code".into(), "correction".into());
            let mut payload = payload.clone();
            payload.insert("basis".into(), basis);
            Some(payload)
        };
        let founded: Vec<_> = if basis.is_object() { plain.iter().filter_map(founded).collect() } else { Vec::new() };
        plain.into_iter().chain(founded).collect()
    }

    fn value(&self, schema: &Value, path: &str, number: u64, full: bool) -> Result<Value, String> {
        if let Some(only) = schema.get("const") {
            return Ok(only.clone());
        }
        if let Some(first) = schema["enum"].as_array().and_then(|values| values.first()) {
            return Ok(first.clone());
        }
        match schema["type"].as_str() {
            Some("object") => self.object(schema, path, number, full),
            Some("array") => Ok(json!([self.value(&schema["items"], path, number, false)?])),
            Some("integer") => {
                let bound = |name: &str, otherwise: i64| schema[name].as_i64().unwrap_or(otherwise);
                let (low, high) = (bound("minimum", 1), bound("maximum", 1_000));
                let range = u64::try_from(high.saturating_sub(low)).unwrap_or(0).clamp(1, 1_000);
                Ok(json!(low + i64::try_from(number % range).unwrap_or(0)))
            }
            Some("boolean") => Ok(json!(number.is_multiple_of(2))),
            Some("string") => self.text(schema, path, number).map(Value::from),
            _ => Err(format!("{path} is of no type that samples know")),
        }
    }

    fn object(&self, schema: &Value, path: &str, number: u64, full: bool) -> Result<Value, String> {
        let required: Vec<&str> =
            schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let mut object = Map::new();
        for (name, of) in schema["properties"].as_object().into_iter().flatten() {
            let under = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            let is_required = required.contains(&name.as_str());
            let is_scalar = !matches!(of["type"].as_str(), Some("object" | "array"));
            // Whom a record is about is looked for, so it is always said.
            let is_person = of["format"] == "personal-id";
            if is_required || is_person {
                object.insert(name.clone(), self.value(of, &under, number, full)?);
            } else if full && is_scalar && of.get("x-references").is_none() {
                // What may be left out is left out where nothing can be made for it.
                if let Ok(value) = self.value(of, &under, number, full) {
                    object.insert(name.clone(), value);
                }
            }
        }
        Ok(Value::Object(object))
    }

    fn text(&self, schema: &Value, path: &str, number: u64) -> Result<String, String> {
        let unknown = |what: &str| Err(format!("{path}: nothing can be made for {what}: give --samples"));
        if let Some(list) = schema["x-code-list"].as_str() {
            return self.codes.get(list).cloned().map_or_else(|| unknown(&format!("the code list {list}")), Ok);
        }
        if schema.get("x-references").is_some() {
            return unknown("a reference to another record");
        }
        let year = self.today.year();
        match schema["format"].as_str() {
            Some("date") => return Ok(format!("{}-{:02}-{:02}", year - 1, number % 12 + 1, number % 28 + 1)),
            Some("month") => return Ok(format!("{}-{:02}", year - 1, number % 12 + 1)),
            Some("partial-date") => {
                return Ok(format!("{}-{:02}-{:02}", 1960 + number % 40, number % 12 + 1, number % 28 + 1));
            }
            Some("personal-id") => return Ok(format!("042085{:06}", number % 1_000_000)),
            Some("person-name") => return Ok("Nguyễn Thị Kiểm".to_owned()),
            Some(other) => return unknown(&format!("the format {other}")),
            None => {}
        }
        if let Some(pattern) = schema["pattern"].as_str() {
            return text(pattern, &mut Picks::new(number)).map_err(|why| format!("{path}: {why}: give --samples"));
        }
        let length = |name: &str| schema[name].as_u64().and_then(|length| usize::try_from(length).ok());
        let (least, most) = (length("minLength").unwrap_or(1), length("maxLength").unwrap_or(usize::MAX).max(1));
        if least > most || least > TEXT_CHARS_MAX {
            return unknown(&format!("a text of {least} to {most} characters"));
        }
        let digits: String =
            format!("{number:012}").chars().rev().take(TEXT_CHARS.clamp(least, most).min(12)).collect();
        let said: String = digits.chars().rev().collect();
        Ok(format!("{said:0<least$}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Date, Violations};
    use crate::registry::Catalogue;
    use crate::registry::schema_file::export::schema;
    use crate::wire::payload::object;

    const TODAY: Date = Date::constant(2026, 11, 22);

    /// A payload as a registry reads it.
    fn read(payload: &Map<String, Value>) -> crate::trust::Object {
        let text = Value::Object(payload.clone()).to_string();
        let fields: prost_types::Struct =
            crate::cli::message::read("google.protobuf.Struct", &text).expect("JSON is a Struct");
        object(&crate::base::Path::Root, fields, 1, &mut Violations::default())
    }

    #[test]
    fn samples_of_example_registries_break_no_rule_of_a_field() {
        let catalogue = crate::registry::allocation::unkept(&Default::default(), crate::simulation::examples::all());
        let (catalogue, mut made) = (catalogue.expect("a catalogue"), 0);
        for of in catalogue.record_types() {
            let sampler = Sampler { schema: schema(of), codes: BTreeMap::new(), today: TODAY };
            let Ok(payload) = sampler.payload(41, false) else { continue };
            let mut violations = Violations::default();
            of.validate(&read(&payload), TODAY, &"", &mut violations);
            // Rules across fields are the registry's: the samples of a schema alone cannot know them.
            let of_fields = ["REQUIRED", "FORMAT", "UNKNOWN_FIELD", "TYPE", "LENGTH", "OUT_OF_RANGE"];
            let broken: Vec<_> = violations
                .kept()
                .iter()
                .filter(|bad| of_fields.contains(&&*bad.rule) && !bad.field.contains("basis"))
                .collect();
            made += usize::from(broken.is_empty());
        }
        assert!(made >= 8, "{made} record types have a lawful sample");
        assert!(Catalogue::built_in().record_types().count() > 8);
    }

    #[test]
    fn what_no_sample_can_be_made_for_is_told() {
        let basis = json!({ "type": "string" });
        for (of, is_made) in [
            (json!({ "type": "string", "minLength": 201 }), true),
            (json!({ "type": "string", "minLength": 5, "maxLength": 3 }), false),
            (json!({ "type": "string", "minLength": 5_000_000_000_u64 }), false),
            (json!({ "type": "string", "pattern": "((((([0-9]{64}){64}){64}){64}){64})" }), false),
            (json!({ "type": "string", "pattern": "(".repeat(100_000) }), false),
        ] {
            let properties = json!({ "number": of, "name": { "type": "string" }, "basis": basis });
            let schema = json!({ "type": "object", "required": ["number"], "properties": properties });
            let sampler = Sampler { schema, codes: BTreeMap::new(), today: TODAY };
            let made = sampler.payload(1, false);
            assert_eq!(made.is_ok(), is_made, "{made:?}");
            // A basis that is not an object is not a basis.
            let payload = sampler.payload(1, false).unwrap_or_default();
            assert!(
                sampler
                    .changed(&payload, &[], 1)
                    .iter()
                    .all(|changed| changed.get("basis").is_none_or(Value::is_string))
            );
        }
    }

    #[test]
    fn keys_differ_and_a_change_changes_one_field_beside_the_key() {
        let schema = json!({
            "type": "object", "required": ["number", "name", "status"],
            "properties": {
                "number": { "type": "string", "pattern": "^[0-9]{10}$" },
                "name": { "type": "string", "maxLength": 40 },
                "status": { "type": "string", "enum": ["valid", "revoked"] },
                "note": { "type": "string", "maxLength": 5 },
            },
        });
        let sampler = Sampler { schema, codes: BTreeMap::new(), today: TODAY };
        let (one, other) = (sampler.payload(1, false).expect("a sample"), sampler.payload(2, true).expect("a sample"));
        assert_ne!(one["number"], other["number"]);
        assert!(!one.contains_key("note") && other["note"].as_str().is_some_and(|note| note.len() <= 5));
        let changed = sampler.changed(&one, &["number".to_owned()], 1);
        assert!(changed.iter().all(|changed| changed["number"] == one["number"] && *changed != one), "{changed:?}");
        assert_eq!(changed.last().expect("a status")["status"], "revoked", "statuses come last");
    }
}
