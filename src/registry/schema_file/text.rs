//! Texts of a schema: closed sets, formats, codes of lists, patterns and lengths.

use super::super::codes::AsOf;
use super::super::pattern::Pattern;
use super::super::rule::{Form, Listed, Rule, TEXT_CHARS_MAX};
use super::known::Known;
use super::map::{At, Map};
use super::path::field_at;

/// Longest text that a schema may allow.
const TEXT_MAX: usize = 4_000;
/// Most values of a closed set.
const VALUES_MAX: usize = 200;

/// The formats of texts that have rules of their own.
pub const FORMATS: [(&str, Rule); 5] = [
    ("date", Rule::Date),
    ("month", Rule::Month),
    ("partial-date", Rule::PartialDate),
    ("personal-id", Rule::PersonalId),
    ("person-name", Rule::Name),
];

/// The rule of a text.
pub(super) fn text(map: &Map<'_>, known: Known<'_>) -> Option<Rule> {
    if let Some(list) = map.get("x-code-list") {
        return listed(map, &list, known);
    }
    if let Some(as_of) = map.get("x-as-of") {
        as_of.flaw("KEYWORD", "x-as-of belongs next to x-code-list or a $ref to urn:lienthong:address");
    }
    let alone = |key: &str, others: &[&str]| {
        if let Some(other) = others.iter().find_map(|other| map.get(other)) {
            other.flaw("KEYWORD", format_args!("has no effect together with {key}"));
        }
    };
    let is_code = match map.get("x-typed-as").map(|typed| (typed.text(), typed)) {
        None => false,
        Some((Some("string"), _)) => true,
        Some((_, typed)) => {
            typed.flaw("VALUE", "must be `string`");
            return None;
        }
    };
    if let Some(values) = map.get("enum").or(map.get("const")) {
        alone("a closed set", &["minLength", "maxLength", "pattern", "format"]);
        if let (Some(_), Some(other)) = (map.get("enum"), map.get("const")) {
            other.flaw("KEYWORD", "const has no effect together with enum");
        }
        let texts = match map.get("enum") {
            Some(list) => {
                list.items()?.iter().map(|item| item.plain(TEXT_CHARS_MAX)).collect::<Option<Vec<_>>>()?;
                list.texts()?
            }
            None => vec![values.plain(TEXT_CHARS_MAX)?.to_owned()],
        };
        if texts.is_empty() || texts.len() > VALUES_MAX {
            values.flaw("COUNT", format_args!("a closed set has 1 to {VALUES_MAX} texts"));
            return None;
        }
        return Some(if is_code { Rule::Code(texts) } else { Rule::OneOf(texts) });
    }
    if let Some(format) = map.get("format") {
        alone("format", &["minLength", "maxLength", "pattern"]);
        let name = format.text()?;
        return match FORMATS.iter().find(|(known, _)| *known == name) {
            Some((_, rule)) => Some(rule.clone()),
            None => form(&format, known).map(Rule::Form),
        };
    }
    plain(map)
}

/// The form of a field of a built-in type: `vehicle.registration.v1/plate`.
fn form(at: &At<'_>, known: Known<'_>) -> Option<Form> {
    let text = at.text()?;
    let found = text.split_once('/').and_then(|(name, path)| {
        let rule = field_at(&known.built_in.record_type(name)?.fields, path)?;
        match rule {
            Rule::Form(form) => Some(form.clone()),
            Rule::Listed(listed) => listed.form.clone(),
            _ => None,
        }
    });
    if found.is_none() {
        let known: Vec<&str> = FORMATS.iter().map(|(name, _)| *name).collect();
        at.flaw(
            "FORMAT",
            format_args!(
                "{}, or the form of a built-in registry's field, like vehicle.registration.v1/plate",
                known.join(", ")
            ),
        );
    }
    found.map(|form| form.of_field(text))
}

fn listed(map: &Map<'_>, name: &At<'_>, known: Known<'_>) -> Option<Rule> {
    for key in ["enum", "const", "minLength", "maxLength", "pattern", "x-typed-as"] {
        if let Some(other) = map.get(key) {
            other.flaw("KEYWORD", format_args!("{key} has no effect together with x-code-list"));
        }
    }
    let Some(list) = known.list(name.text()?) else {
        name.flaw("CODE_LIST", format_args!("there are the lists {}", known.list_names().join(", ")));
        return None;
    };
    let as_of = map.get("x-as-of").map_or(Some(AsOf::Today), |as_of| day(&as_of))?;
    let form = match map.get("format") {
        Some(format) => Some(form(&format, known)?),
        None => None,
    };
    Some(Rule::Listed(Listed { list, as_of, form }))
}

/// The day for which a code is looked up: `today`, `ever`, `since PATH`, `day PATH`.
pub(super) fn day(at: &At<'_>) -> Option<AsOf> {
    let text = at.text()?;
    match (text, text.split_once(' ')) {
        ("today", _) => Some(AsOf::Today),
        ("ever", _) => Some(AsOf::Ever),
        (_, Some(("since", path))) => Some(AsOf::Since(path.to_owned())),
        (_, Some(("day", path))) => Some(AsOf::Day(path.to_owned())),
        _ => {
            at.flaw("VALUE", "`today`, `ever`, `since FIELD` or `day FIELD`");
            None
        }
    }
}

fn plain(map: &Map<'_>) -> Option<Rule> {
    let length = |key: &str, otherwise| match map.get(key) {
        None => Some(otherwise),
        Some(at) => {
            let found = usize::try_from(at.integer()?).ok().filter(|length| (1..=TEXT_MAX).contains(length));
            if found.is_none() {
                at.flaw("OUT_OF_RANGE", format_args!("must be from 1 to {TEXT_MAX}"));
            }
            found
        }
    };
    let (min, max) = (length("minLength", 1)?, length("maxLength", TEXT_CHARS_MAX)?);
    if min > max {
        map.flaw("OUT_OF_RANGE", "minLength is above maxLength");
    }
    let pattern = match map.get("pattern") {
        None if min == 1 => return Some(Rule::Text(max)),
        None => Pattern::any(),
        Some(at) => match Pattern::new(at.text()?) {
            Ok(pattern) => pattern,
            Err(problem) => {
                at.flaw("PATTERN", problem);
                return None;
            }
        },
    };
    Some(Rule::pattern(pattern, min, max))
}
