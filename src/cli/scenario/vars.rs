//! Variables of a scenario: `${name}` in texts, and values that are one variable. Pure.
//!
//! Those that every scenario has tell its days, so that a story is true whenever it is told: `${today}` is the day on which it begins, by the
//! clock of its session and in Vietnam, `${today+30d}`, `${today-2m}`, `${today+1y-1d}` are other days, and `${year}`, `${year+1}` the years.

use std::collections::BTreeMap;

use jiff::Span;
use serde_json::{Map, Value};

use crate::base::time::Date;

/// Those that every call sets anew, and that the session has.
pub(super) const OF_RUN: [&str; 2] = ["request_id", "session"];

/// The variables that are set.
#[derive(Debug, Clone)]
pub(super) struct Vars {
    today: Date,
    set: BTreeMap<String, Value>,
}

impl Vars {
    /// Those of a scenario that begins on this day.
    pub(super) fn beginning(today: Date) -> Self {
        Self { today, set: BTreeMap::new() }
    }

    /// Sets one.
    pub(super) fn set(&mut self, name: impl Into<String>, value: Value) {
        self.set.insert(name.into(), value);
    }

    /// Sets several.
    pub(super) fn extend(&mut self, others: BTreeMap<String, Value>) {
        self.set.extend(others);
    }

    /// The value of one.
    pub(super) fn get(&self, name: &str) -> Option<Value> {
        self.set.get(name).cloned().or_else(|| of_days(name, self.today).map(Value::String))
    }

    /// The constants of a scenario, each with those that it is made of put in. The error names those that cannot be, with what they lack: a
    /// circle of constants has no value.
    pub(super) fn define(&mut self, constants: &BTreeMap<String, Value>) -> Result<(), BTreeMap<String, String>> {
        let mut left: BTreeMap<&String, &Value> = constants.iter().collect();
        while !left.is_empty() {
            let is_ready = |value: &Value| named(value).iter().all(|name| self.get(name).is_some());
            let (now, later): (BTreeMap<&String, &Value>, BTreeMap<&String, &Value>) =
                left.into_iter().partition(|(_, value)| is_ready(value));
            if now.is_empty() {
                let lacks = |value: &Value| {
                    let missing: Vec<String> =
                        named(value).into_iter().filter(|name| self.get(name).is_none()).collect();
                    missing.join(", ")
                };
                return Err(later.into_iter().map(|(name, value)| (name.clone(), lacks(value))).collect());
            }
            for (name, value) in now {
                let value = put_in(value, self).unwrap_or(Value::Null);
                self.set(name.clone(), value);
                if self.set.values().map(length).sum::<usize>() > BYTES_MAX {
                    // One may double another, and so on.
                    return Err(BTreeMap::from([(name.clone(), String::new())]));
                }
            }
            left = later;
        }
        Ok(())
    }
}

/// Most bytes of the constants, each with those that it is made of.
pub(super) const BYTES_MAX: usize = 1024 * 1024;

fn length(value: &Value) -> usize {
    value.to_string().len()
}

/// The value of a name of a day or a year.
pub(super) fn of_days(name: &str, today: Date) -> Option<String> {
    if let Some(offsets) = name.strip_prefix("today") {
        return moved(today, offsets, "").map(|day| day.to_string());
    }
    moved(today, name.strip_prefix("year")?, "y").map(|day| format!("{:04}", day.year()))
}

/// A day moved by offsets such as `+1y-1d`; `unit` is that of an offset without one.
fn moved(mut day: Date, mut offsets: &str, unit: &str) -> Option<Date> {
    while !offsets.is_empty() {
        let sign = match offsets.chars().next()? {
            '+' => 1,
            '-' => -1,
            _ => return None,
        };
        let end = offsets[1..].find(['+', '-']).map_or(offsets.len(), |at| at + 1);
        let (one, rest) = (&offsets[1..end], &offsets[end..]);
        let digits = one.bytes().take_while(u8::is_ascii_digit).count();
        let (number, given) = one.split_at(digits);
        let number = sign * number.parse::<i64>().ok()?;
        let span = match (unit, given) {
            ("", "d") => Span::new().try_days(number),
            ("", "m") => Span::new().try_months(number),
            ("", "y") | ("y", "") => Span::new().try_years(number),
            _ => return None,
        };
        day = day.checked_add(span.ok()?).ok()?;
        offsets = rest;
    }
    Some(day)
}

/// The variables that a value names.
pub(super) fn named(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => named_in(text),
        Value::Array(items) => items.iter().flat_map(named).collect(),
        Value::Object(map) => map.values().flat_map(named).collect(),
        _ => Vec::new(),
    }
}

/// The same for a text.
pub(super) fn named_in(text: &str) -> Vec<String> {
    text.split("${").skip(1).filter_map(|rest| rest.split_once('}')).map(|(name, _)| name.to_owned()).collect()
}

/// A value with the variables put in; the name of one that is not set, if there is one.
pub(super) fn put_in(value: &Value, vars: &Vars) -> Result<Value, String> {
    match value {
        Value::String(text) => {
            if let Some(name) = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'))
                && !name.contains('}')
            {
                return vars.get(name).ok_or_else(|| name.to_owned());
            }
            put_in_text(text, vars).map(Value::String)
        }
        Value::Array(items) => items.iter().map(|item| put_in(item, vars)).collect(),
        Value::Object(map) => map
            .iter()
            .map(|(name, value)| Ok((name.clone(), put_in(value, vars)?)))
            .collect::<Result<Map<_, _>, _>>()
            .map(Value::Object),
        other => Ok(other.clone()),
    }
}

/// The same for a text.
pub(super) fn put_in_text(text: &str, vars: &Vars) -> Result<String, String> {
    put_in_each(text, |name| vars.get(name).map(|value| text_of(&value)))
}

/// The same with a value's text of the caller's for each name.
pub(super) fn put_in_each(text: &str, value: impl Fn(&str) -> Option<String>) -> Result<String, String> {
    let (mut out, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once("${") {
        let Some((name, behind)) = after.split_once('}') else { break };
        out.push_str(before);
        out.push_str(&value(name).ok_or_else(|| name.to_owned())?);
        rest = behind;
    }
    Ok(out + rest)
}

/// A value within a text.
pub(super) fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_told_from_the_one_on_which_a_story_begins() {
        let today = Date::constant(2028, 2, 29);
        for (name, expected) in [
            ("today", Some("2028-02-29")),
            ("today+1d", Some("2028-03-01")),
            ("today-60d", Some("2027-12-31")),
            ("today+1m", Some("2028-03-29")),
            ("today+1y", Some("2029-02-28")),
            ("today+1y-1d", Some("2029-02-27")),
            ("year", Some("2028")),
            ("year+1", Some("2029")),
            ("year-10", Some("2018")),
            ("year+1d", None),
            ("today+1", None),
            ("today+d", None),
            ("today1d", None),
            ("today+", None),
            ("today+999999999999999999999d", None),
            ("today+99999y", None),
            ("yesterday", None),
        ] {
            assert_eq!(of_days(name, today).as_deref(), expected, "{name}");
        }
    }
}
