//! The sample data of a record type in a schema file.

use super::super::rule::{Field, Rule};
use super::super::samples::{Hint, Samples};
use super::super::schema::Reference;
use super::map::{At, Map};
use super::node::Data;
use super::path::field_at;
use crate::trust::Value;

const AGE_MAX: i64 = 120;
/// Most digits of a number in a template.
const DIGITS_MAX: u8 = 12;

/// Reads the recipe of sample data for records with these fields.
pub(super) fn samples(at: &At<'_>, fields: &[Field], references: &[Reference]) -> Option<Samples> {
    let map = at.map()?;
    map.only(&["per_mille", "ages", "fields"]);
    let (share, ages) = (map.need("per_mille"), map.need("ages"));
    let share = share?;
    let per_mille = u32::try_from(share.integer()?).ok().filter(|share| *share <= 1_000);
    if per_mille.is_none() {
        share.flaw("OUT_OF_RANGE", "from 0 to 1000");
    }
    let ages = pair(&ages?)?;
    if ages.0 < 0 || ages.1 > AGE_MAX {
        map.flaw("OUT_OF_RANGE", format_args!("ages are from 0 to {AGE_MAX}"));
    }
    let mut hints = Vec::new();
    if let Some(list) = map.get("fields") {
        for (path, hint) in list.map()?.each() {
            match field_at(fields, path) {
                Some(rule) => hints.push((path.to_owned(), self::hint(&hint, rule, fields)?)),
                None => hint.flaw("FIELD", "the schema has no such field"),
            }
        }
    }
    hints.sort_by(|(one, _), (other, _)| one.cmp(other));
    let samples = Samples { per_mille: per_mille?, ages, fields: hints };
    lacking(fields, "", &samples, references, &map);
    Some(samples)
}

fn pair(at: &At<'_>) -> Option<(i64, i64)> {
    let items = at.items()?;
    let [low, high] = items.as_slice() else {
        at.flaw("COUNT", "two numbers: [from, to]");
        return None;
    };
    let (low, high) = (low.integer()?, high.integer()?);
    if low > high {
        at.flaw("ORDER", "the first number is above the second");
    }
    Some((low, high))
}

fn hint(at: &At<'_>, rule: &Rule, fields: &[Field]) -> Option<Hint> {
    if at.node.data == Data::Text("residence".into()) {
        return match rule {
            Rule::Object(fields) if fields.iter().any(|field| field.name == "unit_code") => Some(Hint::Residence),
            _ => {
                at.flaw("SAMPLES", "residence is for addresses");
                None
            }
        };
    }
    let map = at.map()?;
    let [entry] = map.entries else {
        map.flaw("SAMPLES", format_args!("one of {KINDS}"));
        return None;
    };
    let value = map.get(&entry.key)?;
    match entry.key.as_str() {
        "one_of" => {
            let items = value.items()?;
            let of = |item: &At<'_>| match &item.node.data {
                Data::Text(text) => Some(Value::String(text.clone())),
                Data::Integer(number) => Some(Value::Integer(*number)),
                Data::Bool(truth) => Some(Value::Bool(*truth)),
                _ => {
                    item.flaw("TYPE", "a text, a whole number, true or false");
                    None
                }
            };
            if items.is_empty() {
                value.flaw("COUNT", "at least one value");
            }
            items.iter().map(of).collect::<Option<Vec<_>>>().map(Hint::OneOf)
        }
        "template" => template(&value).map(Hint::Template),
        "between" => pair(&value).map(|(low, high)| Hint::Between(low, high)),
        "years_after_birth" => pair(&value).map(|(low, high)| Hint::AfterBirth(low, high)),
        "days_from_today" => pair(&value).map(|(low, high)| Hint::FromToday(low, high)),
        "after" => after(&value.map()?, fields),
        _ => {
            map.flaw("SAMPLES", format_args!("one of {KINDS}"));
            None
        }
    }
}

/// A template, with placeholders in braces.
fn template(at: &At<'_>) -> Option<String> {
    let text = at.text()?;
    let is_known = |token: &str| {
        let digits = token.strip_prefix(['n', 'd']).and_then(|digits| digits.parse::<u8>().ok());
        token == "id" || digits.is_some_and(|digits| (1..=DIGITS_MAX).contains(&digits))
    };
    let mut rest = text;
    let is_sound = loop {
        let Some((before, behind)) = rest.split_once('{') else { break !rest.contains('}') };
        match behind.split_once('}') {
            Some((token, after)) if is_known(token) && !before.contains('}') => rest = after,
            _ => break false,
        }
    };
    if !is_sound {
        let says = format_args!("a template has the tokens n1 to n{DIGITS_MAX}, d1 to d{DIGITS_MAX} and id, in braces");
        at.flaw("SAMPLES", says);
        return None;
    }
    Some(text.to_owned())
}

const KINDS: &str = "one_of, template, between, years_after_birth, days_from_today, after, or `residence`";

fn after(map: &Map<'_>, fields: &[Field]) -> Option<Hint> {
    map.only(&["field", "days"]);
    let (field, days) = (map.need("field"), map.need("days"));
    let field = field?;
    let path = field.text()?;
    if !matches!(field_at(fields, path), Some(Rule::Date)) {
        field.flaw("FIELD", "names a field with `format: date`");
    }
    pair(&days?).map(|(low, high)| Hint::After(path.to_owned(), low, high))
}

/// Adds a flaw for every required text that cannot be generated.
fn lacking(fields: &[Field], path: &str, samples: &Samples, references: &[Reference], map: &Map<'_>) {
    for field in fields.iter().filter(|field| field.required) {
        let under = if path.is_empty() { field.name.clone() } else { format!("{path}.{}", field.name) };
        // A reference gets the key of a record.
        let is_reference = |it: &Reference| it.path == under || it.path == format!("{under}.*");
        if samples.hint(&under).is_some() || references.iter().any(is_reference) {
            continue;
        }
        let (rule, under) = match &field.rule {
            Rule::List(of, _) | Rule::Set(of, _) => (&**of, format!("{under}.*")),
            rule => (rule, under),
        };
        match rule {
            _ if samples.hint(&under).is_some() => {}
            Rule::Object(fields) => lacking(fields, &under, samples, references, map),
            Rule::Text(_) | Rule::Form(_) | Rule::Listed(_) | Rule::Month | Rule::List(..) | Rule::Set(..) => {
                map.flaw("SAMPLES", format_args!("{under} is required: give it one of {KINDS}"));
            }
            _ => {}
        }
    }
}
