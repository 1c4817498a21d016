//! The expectations of a step about its answer: values at paths, held against its JSON. Pure.

use serde_json::Value;

use super::vars::{Vars, named, named_in, put_in, put_in_text};

/// The expectations of one step.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Expect {
    /// The code of gRPC.
    pub(super) code: String,
    /// The reason of a refusal.
    pub(super) reason: Option<String>,
    /// Bad fields that the refusal names, among others.
    pub(super) violations: Vec<WantedViolation>,
    /// Whether every record of the answer verifies offline, or none does.
    pub(super) verifies: Option<bool>,
    /// Values at paths of the answer.
    pub(super) fields: Vec<(String, Matcher)>,
}

impl Default for Expect {
    /// An answer.
    fn default() -> Self {
        Self { code: "OK".into(), reason: None, violations: Vec::new(), verifies: None, fields: Vec::new() }
    }
}

impl Expect {
    /// The variables that it names.
    pub(super) fn named(&self) -> Vec<String> {
        let of_violations = self.violations.iter().flat_map(|one| one.field.iter().flat_map(|field| named_in(field)));
        self.fields.iter().flat_map(|(_, matcher)| matcher.named()).chain(of_violations).collect()
    }

    /// Puts variables in; the name of one that is not set, if there is one.
    pub(super) fn put_in(&mut self, vars: &Vars) -> Result<(), String> {
        for field in self.violations.iter_mut().filter_map(|one| one.field.as_mut()) {
            *field = put_in_text(field, vars)?;
        }
        self.fields.iter_mut().try_for_each(|(_, matcher)| matcher.put_in(vars))
    }
}

/// A bad field of a refused request.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct WantedViolation {
    /// Its path, `changes[0].payload.points`; `None`: any.
    pub(super) field: Option<String>,
    /// The rule that it breaks, `OUT_OF_RANGE`; `None`: any.
    pub(super) rule: Option<String>,
}

/// The bad fields that a refusal does not name; `found` are those that it names, each with its rule.
pub(super) fn unmet_violations(wanted: &[WantedViolation], found: &[(String, String)]) -> Vec<Unmet> {
    let all: Vec<String> = found.iter().map(|(field, rule)| format!("{field}: {rule}")).collect();
    let is = |wanted: &Option<String>, found: &str| wanted.as_ref().is_none_or(|wanted| wanted == found);
    let check = |(at, one): (usize, &WantedViolation)| {
        let is_there = found.iter().any(|(field, rule)| is(&one.field, field) && is(&one.rule, rule));
        let words = |wanted: &Option<String>| wanted.clone().unwrap_or_else(|| "any".to_owned());
        (!is_there).then(|| Unmet {
            what: format!("violations[{at}]"),
            expected: format!("{}: {}", words(&one.field), words(&one.rule)),
            found: if all.is_empty() { "none".to_owned() } else { all.join(", ") },
        })
    };
    wanted.iter().enumerate().filter_map(check).collect()
}

/// The expectation of a value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Matcher {
    /// This value.
    Is(Value),
    /// A list or a text that contains this one.
    Has(Value),
    /// Anything else than this.
    Not(Value),
    /// A text that matches.
    Matches(String),
    /// A number, or one as text, from here on.
    AtLeast(f64),
    /// A number, or one as text, up to here.
    AtMost(f64),
    /// Nothing.
    Absent,
    /// Something.
    Present,
}

/// An expectation that does not hold.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Unmet {
    /// Which: `code`, `fields.link.state`.
    pub(super) what: String,
    /// The expected value.
    pub(super) expected: String,
    /// The value found.
    pub(super) found: String,
}

impl Matcher {
    /// Reads one: a value, or a mapping with one word that says how to compare.
    pub(super) fn read(value: &Value) -> Result<Self, String> {
        let Value::Object(map) = value else { return Ok(Self::Is(value.clone())) };
        let known = "a comparison is one of has, not, matches, at_least, at_most, is: absent, is: present";
        let (Some((word, with)), true) = (map.iter().next(), map.len() == 1) else { return Err(known.to_owned()) };
        match (word.as_str(), with) {
            ("has", with) => Ok(Self::Has(with.clone())),
            ("not", with) => Ok(Self::Not(with.clone())),
            ("matches", Value::String(pattern)) => match regex_lite::Regex::new(pattern) {
                Ok(_) => Ok(Self::Matches(pattern.clone())),
                Err(error) => Err(format!("is not a regular expression: {error}")),
            },
            ("at_least", with) => number(with).map(Self::AtLeast).ok_or_else(|| "at_least takes a number".to_owned()),
            ("at_most", with) => number(with).map(Self::AtMost).ok_or_else(|| "at_most takes a number".to_owned()),
            ("is", Value::String(word)) if word == "absent" => Ok(Self::Absent),
            ("is", Value::String(word)) if word == "present" => Ok(Self::Present),
            _ => Err(known.to_owned()),
        }
    }

    fn named(&self) -> Vec<String> {
        match self {
            Self::Is(value) | Self::Has(value) | Self::Not(value) => named(value),
            Self::Matches(pattern) => named_in(pattern),
            Self::AtLeast(_) | Self::AtMost(_) | Self::Absent | Self::Present => Vec::new(),
        }
    }

    fn put_in(&mut self, vars: &Vars) -> Result<(), String> {
        match self {
            Self::Is(value) | Self::Has(value) | Self::Not(value) => *value = put_in(value, vars)?,
            Self::Matches(pattern) => *pattern = put_in_text(pattern, vars)?,
            Self::AtLeast(_) | Self::AtMost(_) | Self::Absent | Self::Present => {}
        }
        Ok(())
    }

    /// Whether a value is so.
    fn holds(&self, found: &Value) -> bool {
        match self {
            Self::Is(wanted) => same(found, wanted),
            Self::Not(wanted) => !same(found, wanted),
            Self::Has(wanted) => match (found, wanted) {
                (Value::Array(items), wanted) => items.iter().any(|item| same(item, wanted)),
                (Value::String(text), Value::String(part)) => text.contains(part),
                _ => false,
            },
            Self::Matches(pattern) => {
                let text = found.as_str().map_or_else(|| found.to_string(), str::to_owned);
                regex_lite::Regex::new(pattern).is_ok_and(|pattern| pattern.is_match(&text))
            }
            Self::AtLeast(least) => number(found).is_some_and(|found| found >= *least),
            Self::AtMost(most) => number(found).is_some_and(|found| found <= *most),
            Self::Absent => found.is_null(),
            Self::Present => !found.is_null(),
        }
    }

    fn words(&self) -> String {
        match self {
            Self::Is(value) => value.to_string(),
            Self::Has(value) => format!("something that has {value}"),
            Self::Not(value) => format!("anything but {value}"),
            Self::Matches(pattern) => format!("what matches {pattern}"),
            Self::AtLeast(least) => format!("at least {least}"),
            Self::AtMost(most) => format!("at most {most}"),
            Self::Absent => "nothing".to_owned(),
            Self::Present => "something".to_owned(),
        }
    }
}

/// The JSON form of protobuf has large numbers as texts: `3` and `"3"` are the same.
fn same(found: &Value, wanted: &Value) -> bool {
    match (found, wanted) {
        (Value::String(text), Value::Number(number)) | (Value::Number(number), Value::String(text)) => {
            *text == number.to_string()
        }
        (Value::Array(found), Value::Array(wanted)) => {
            found.len() == wanted.len() && found.iter().zip(wanted).all(|(found, wanted)| same(found, wanted))
        }
        _ => found == wanted,
    }
}

fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.parse().ok())
}

/// The value at a path: `link.state`, `records[0].record_type`, `records.length`, `links[*].state`. Null where there is none.
pub(super) fn at(value: &Value, path: &str) -> Value {
    let path = path.strip_prefix('.').unwrap_or(path);
    if path.is_empty() {
        return value.clone();
    }
    if let Some((index, rest)) = path.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return match (index, value) {
            ("*", Value::Array(items)) => Value::Array(items.iter().map(|item| at(item, rest)).collect()),
            (index, Value::Array(items)) => {
                let item = index.parse().ok().and_then(|index: usize| items.get(index));
                item.map_or(Value::Null, |item| at(item, rest))
            }
            _ => Value::Null,
        };
    }
    let end = path.find(['.', '[']).unwrap_or(path.len());
    let (name, rest) = path.split_at(end);
    match (name, value) {
        // An empty list is left out of the JSON form of protobuf.
        ("length", Value::Null) if rest.is_empty() => 0.into(),
        ("length", Value::Array(items)) if rest.is_empty() => items.len().into(),
        (name, Value::Object(map)) => map.get(name).map_or_else(|| at_nothing(rest), |found| at(found, rest)),
        _ => Value::Null,
    }
}

/// The value at the rest of a path after a field that is left out.
fn at_nothing(rest: &str) -> Value {
    if rest == ".length" {
        0.into()
    } else if rest.starts_with("[*]") {
        Value::Array(Vec::new())
    } else {
        Value::Null
    }
}

/// The fields that are not as expected.
pub(super) fn unmet(answer: &Value, fields: &[(String, Matcher)]) -> Vec<Unmet> {
    let check = |(path, matcher): &(String, Matcher)| {
        let found = at(answer, path);
        (!matcher.holds(&found)).then(|| Unmet {
            what: format!("fields.{path}"),
            expected: matcher.words(),
            found: found.to_string(),
        })
    };
    fields.iter().filter_map(check).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn paths_lead_to_values() {
        let answer = json!({ "link": { "state": "LINKED" }, "items": [{ "n": "1" }, { "n": "2" }] });
        for (path, value) in [
            ("link.state", json!("LINKED")),
            ("items[1].n", json!("2")),
            ("items[2].n", Value::Null),
            ("items[*].n", json!(["1", "2"])),
            ("items.length", json!(2)),
            ("others.length", json!(0)),
            ("others[*].n", json!([])),
            ("others[0]", Value::Null),
            ("link.state.x", Value::Null),
        ] {
            assert_eq!(at(&answer, path), value, "{path}");
        }
    }

    #[test]
    fn comparisons_hold_and_say_what_they_wanted() {
        for (value, by, holds) in [
            (json!("3"), json!(3), true),
            (json!("3"), json!("3"), true),
            (json!(["1", "2"]), json!([1, 2]), true),
            (json!(["1", "2"]), json!([1]), false),
            (json!(["a", "b"]), json!({ "has": "b" }), true),
            (json!("abc"), json!({ "has": "bc" }), true),
            (json!("abc"), json!({ "not": "abc" }), false),
            (json!("2026-11-30"), json!({ "matches": "^2026-" }), true),
            (json!("12"), json!({ "at_least": 12 }), true),
            (json!(12), json!({ "at_most": 11 }), false),
            (Value::Null, json!({ "at_most": 11 }), false),
            (Value::Null, json!({ "is": "absent" }), true),
            (Value::Null, json!({ "is": "present" }), false),
        ] {
            assert_eq!(Matcher::read(&by).expect("reads").holds(&value), holds, "{value} {by}");
        }
        for wrong in [
            json!({}),
            json!({ "has": 1, "not": 2 }),
            json!({ "mathces": "x" }),
            json!({ "matches": "(" }),
            json!({ "is": "so" }),
        ] {
            assert!(Matcher::read(&wrong).is_err(), "{wrong}");
        }
        let found = unmet(&json!({ "a": 1 }), &[("a".into(), Matcher::AtLeast(2.0))]);
        let expected = Unmet { what: "fields.a".into(), expected: "at least 2".into(), found: "1".into() };
        assert_eq!(found, [expected]);
    }

    #[test]
    fn a_refusal_names_the_bad_fields_that_are_expected() {
        let one = |field: Option<&str>, rule: Option<&str>| WantedViolation {
            field: field.map(str::to_owned),
            rule: rule.map(str::to_owned),
        };
        let found = [("ttl".to_owned(), "OUT_OF_RANGE".to_owned()), ("label".to_owned(), "FORMAT".to_owned())];
        let wanted = [one(Some("ttl"), Some("OUT_OF_RANGE")), one(Some("label"), None), one(None, Some("FORMAT"))];
        assert_eq!(unmet_violations(&wanted, &found), []);
        let unmet = unmet_violations(&[one(Some("ttl"), None), one(Some("label"), Some("OUT_OF_RANGE"))], &found);
        assert_eq!(
            (unmet.len(), unmet[0].what.as_str(), unmet[0].expected.as_str()),
            (1, "violations[1]", "label: OUT_OF_RANGE")
        );
        assert_eq!(unmet[0].found, "ttl: OUT_OF_RANGE, label: FORMAT");
        assert_eq!(unmet_violations(&[one(None, Some("X"))], &[])[0].found, "none");
    }
}
