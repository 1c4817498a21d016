//! Time rules of a schema file: rules as data, checked against the fields of the type.

use super::super::lifecycle::{After, Lifecycle, TimeRule, When, circle};
use super::super::rule::{Field, Rule};
use super::map::{At, Map};
use super::rules::written;
use crate::trust::Value;

/// Most rules of one type: their number is one byte of an index key.
const RULES_MAX: usize = 20;

/// Reads the rules of a lifecycle whose tables are read.
pub(super) fn rules(list: &At<'_>, fields: &[Field], lifecycle: &Lifecycle) -> Option<Vec<TimeRule>> {
    let items = list.items()?;
    if items.len() > RULES_MAX {
        list.flaw("COUNT", format_args!("at most {RULES_MAX} rules"));
        return None;
    }
    let mut rules: Vec<TimeRule> = Vec::new();
    for item in items {
        let map = item.map()?;
        let Some(rule) = rule(&map, fields) else { continue };
        if rules.iter().any(|other| other.name == rule.name) {
            map.flaw("DUPLICATE", format_args!("the name {} is another rule's", rule.name));
        }
        check(&map, &rule, fields, lifecycle);
        rules.push(rule);
    }
    if let Some(rule) = circle(&rules) {
        let problem =
            format_args!("{} leads back to itself through other rules: one of them clears its days", rule.name);
        list.flaw("ENDLESS", problem);
    }
    Some(rules)
}

fn rule(map: &Map<'_>, fields: &[Field]) -> Option<TimeRule> {
    map.only(&["name", "when", "since", "or_issue", "after", "set", "clear", "source"]);
    let (name, since, after) = (map.need("name"), map.need("since"), map.need("after"));
    let (set, source) = (map.need("set"), map.need("source"));
    let after = after?;
    let Some(span) = After::parse(after.text()?) else {
        after.flaw("SPAN", "a span of ISO 8601 with one unit, 1 to 9,999 days, months or years: `P12M`");
        return None;
    };
    let name = name?;
    let text = name.text()?;
    if !super::super::basis::is_reason(text) {
        name.flaw("NAME", "2 to 40 lower-case letters, digits and `_`, a letter first: it is the reason of the change");
    }
    let mut rule = TimeRule::new(text, "", span, written(&source?)?);
    rule.since = since?.texts()?;
    rule.or_issue = map.get("or_issue").map_or(Some(false), |flag| flag.flag())?;
    rule.clears = map.get("clear").map_or(Some(Vec::new()), |list| list.texts())?;
    if let Some(when) = map.get("when") {
        for (field, at) in when.map()?.each() {
            rule.when.push((field.to_owned(), condition(&at)?));
        }
    }
    for (field, at) in set?.map()?.each() {
        let value = match of(fields, field) {
            Some(Rule::Integer(..)) => Value::from(at.integer()?),
            Some(Rule::Boolean) => Value::from(at.flag()?),
            _ => Value::from(at.text()?),
        };
        rule.sets.push((field.to_owned(), value));
    }
    Some(rule)
}

/// A text, a list of texts, or bounds of a whole number.
fn condition(at: &At<'_>) -> Option<When> {
    use super::node::Data;
    match &at.node.data {
        Data::List(_) => at.texts().map(When::OneOf),
        Data::Map(_) => {
            let map = at.map()?;
            map.only(&["minimum", "maximum"]);
            let (from, to) = (map.need("minimum"), map.need("maximum"));
            Some(When::Within(from?.integer()?, to?.integer()?))
        }
        _ => Some(When::OneOf(vec![at.text()?.to_owned()])),
    }
}

fn of<'a>(fields: &'a [Field], name: &str) -> Option<&'a Rule> {
    fields.iter().find(|field| field.name == name).map(|field| &field.rule)
}

/// A rule reads days, sets values that the fields allow, removes optional fields only, and does not repeat for ever.
fn check(map: &Map<'_>, rule: &TimeRule, fields: &[Field], lifecycle: &Lifecycle) {
    for field in &rule.since {
        if !matches!(of(fields, field), Some(Rule::Date)) {
            map.flaw("SINCE", format_args!("`{field}` is not a field with a date"));
        }
    }
    for field in &rule.clears {
        if fields.iter().any(|known| known.name == *field && known.required) {
            map.flaw("CLEAR", format_args!("`{field}` is required"));
        }
    }
    for (field, value) in &rule.sets {
        let takes = match (of(fields, field), value) {
            (Some(Rule::OneOf(known) | Rule::Code(known)), Value::String(text)) => known.contains(text),
            (Some(Rule::Integer(min, max)), Value::Integer(number)) => (min..=max).contains(&number),
            (Some(Rule::Boolean), Value::Bool(_)) => true,
            _ => false,
        };
        if !takes {
            map.flaw(
                "SET",
                format_args!("`{field}` cannot be set to this: a closed set, a bounded integer or a boolean can"),
            );
        }
        let states = lifecycle.states.iter().find(|states| states.field == *field);
        let from = rule.when.iter().find(|(of, _)| of == field).map(|(_, when)| when);
        if let (Some(states), Value::String(to), Some(When::OneOf(from))) = (states, value, from) {
            let is_legal = |from: &String| states.rows.iter().any(|row| row.from == *from && row.to == *to);
            if let Some(illegal) = from.iter().find(|from| !is_legal(from)) {
                map.flaw("TRANSITION", format_args!("no transition leads from {illegal} to {to}"));
            }
        }
    }
    let leaves = |(field, when): &(String, When)| match (rule.sets.iter().find(|(of, _)| of == field), when) {
        (Some((_, Value::String(text))), When::OneOf(texts)) => !texts.contains(text),
        (Some((_, Value::Integer(number))), When::Within(from, to)) => !(from..=to).contains(&number),
        _ => false,
    };
    if !rule.when.iter().any(leaves) {
        map.flaw("ENDLESS", "a changed record must no longer match `when`, or the rule would act for ever");
    }
    if of(fields, super::super::basis::FIELD).is_none() {
        map.flaw("BASIS", "a type with rules of time has a field `basis` with $ref: urn:lienthong:basis");
    }
}
