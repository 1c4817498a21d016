//! Reads everything about a record type except its JSON Schema.

use std::sync::Arc;

use super::super::address::check_unit_of;
use super::super::catalogue::Catalogue;
use super::super::codes::AsOf;
use super::super::lifecycle::Lifecycle;
use super::super::rule::{Field, Rule, date_at, days_of};
use super::super::schema::{
    Check, Document, DocumentType, Heading, KeyForm, Organisations, RecordType, State, Through, Validity, always,
};
use super::fields::{self, Compiled, UnitAt};
use super::map::{At, Map};
use super::path::field_at;
use super::plan;
use super::rules::{FieldsRule, across_fields, check};
use super::states::lifecycle;
use crate::trust::{Object, Value};

const KEYS: [&str; 16] = [
    "name",
    "label",
    "heading",
    "natural_key",
    "key_form",
    "parties",
    "organisations",
    "found_through",
    "document",
    "holds",
    "statuses",
    "schema",
    "rules",
    "lifecycle",
    "compiled",
    "samples",
];
/// The first number of a document that is not built in.
pub const DOCUMENT_FIRST: u8 = 64;
/// Longest name of a registry, an agency and of a noun, in bytes.
pub(super) const NAME_BYTES_MAX: usize = 40;
/// Most statuses.
const STATUSES_MAX: usize = 32;

pub(super) const HEADINGS: [(&str, Heading); 9] = [
    ("person", Heading::Person),
    ("household", Heading::Household),
    ("civil_status", Heading::CivilStatus),
    ("documents", Heading::Documents),
    ("land", Heading::Land),
    ("vehicles", Heading::Vehicles),
    ("insurance", Heading::Insurance),
    ("business", Heading::Business),
    ("judicial", Heading::Judicial),
];
pub(super) const STATES: [(&str, State); 3] =
    [("active", State::Active), ("suspended", State::Suspended), ("ended", State::Ended)];

/// Reads a record type of `registry`.
pub(super) fn record_type(at: &At<'_>, registry: &str, built_in: &Catalogue) -> Option<RecordType> {
    let map = at.map()?;
    map.only(&KEYS);
    let name = name(&map, registry);
    let label = map.need("label").and_then(|label| label.label());
    let heading = map.need("heading").and_then(|heading| one_of(&heading, &HEADINGS));
    let compiled = match map.get("compiled") {
        Some(named) => Some(built_in_type(&named, built_in)?),
        None => None,
    };
    let statuses = map.need("statuses").and_then(|statuses| self::statuses(&statuses));
    let Compiled { fields, units } = fields::compile(&map.need("schema")?, built_in)?;
    check_days(&map, &fields);
    let rules = map.get("rules").map_or(Some(Vec::new()), |rules| across_fields(&rules, &fields))?;
    let natural_key = natural_key(&map, &fields);
    let statuses = statuses?;
    check_status(&map, &fields, &statuses);
    let mut lifecycle = match map.get("lifecycle") {
        Some(table) => lifecycle(&table, &fields, &statuses)?,
        None => Lifecycle::default(),
    };
    if statuses.len() > 1 && !lifecycle.states.iter().any(|states| states.field == "status") {
        map.flaw("LIFECYCLE", "several statuses need a table of which may follow which: lifecycle.states");
    }
    check_basis(&map, &fields, &lifecycle);
    if let Some(compiled) = compiled {
        lifecycle.rules.extend(compiled.lifecycle.rules.iter().cloned());
        lifecycle.across.extend(compiled.lifecycle.across.iter().cloned());
        lifecycle.unique.extend(compiled.lifecycle.unique.iter().cloned());
        if let Some(other) = plan::first_difference(&compiled.fields, &fields) {
            let problem = format_args!("its fields are not those of {}, whose rules these are: {other}", compiled.name);
            map.flaw("COMPILED", problem);
        }
    }
    let parties = map.get("parties").map_or(Some(Vec::new()), |parties| personal_ids(&parties, &fields))?;
    let organisations = map.get("organisations").map_or(Some(Vec::new()), |paths| texts_at(&paths, &fields))?;
    let document = match map.get("document") {
        Some(at) => {
            let document = document(&at, &fields, compiled.is_some())?;
            let party = format!("{}.personal_id", document.holder);
            if !parties.contains(&party) {
                at.flaw("PARTIES", format_args!("a document is found by its holder: parties lists {party}"));
            }
            Some(document)
        }
        None => None,
    };
    let days = holds(&map, &fields, compiled)?;
    Some(RecordType {
        name: name?.into(),
        registry: registry.into(),
        message: compiled.and_then(|compiled| compiled.message.clone()),
        ordinal: 0,
        label: label?,
        heading: heading?,
        natural_key: natural_key?,
        key_form: map.get("key_form").map_or(Some(KeyForm::AsWritten), |form| key_form(&form))?,
        parties,
        organisations: Organisations {
            paths: organisations,
            representative: compiled.and_then(|compiled| compiled.organisations.representative.clone()),
        },
        people: compiled.and_then(|compiled| compiled.people.clone()),
        found_through: match map.get("found_through") {
            Some(through) => Some(found_through(&through)?),
            None => None,
        },
        document,
        facts: compiled.map(|compiled| compiled.facts.clone()).unwrap_or_default(),
        fields,
        check: all_checks(rules, units, compiled),
        statuses,
        lifecycle,
        days,
    })
}

/// Whether a text is a name: lower-case letters, digits and `_`, a letter first.
pub(super) fn is_name(text: &str) -> bool {
    text.len() <= NAME_BYTES_MAX && crate::trust::canonical::is_name(text.as_bytes())
}

fn name(map: &Map<'_>, registry: &str) -> Option<String> {
    let at = map.need("name")?;
    let text = at.text()?;
    let rest = text.strip_prefix(registry).and_then(|rest| rest.strip_prefix('.'));
    let parts = rest.and_then(|rest| rest.rsplit_once(".v"));
    let fits = parts.is_some_and(|(noun, version)| {
        is_name(noun) && version.starts_with(|first: char| matches!(first, '1'..='9')) && version.parse::<u16>().is_ok()
    });
    if !fits {
        at.flaw("NAME", format_args!("a record type is {registry}.NOUN.vVERSION, like {registry}.record.v1"));
        return None;
    }
    Some(text.to_owned())
}

pub(super) fn one_of<T: Copy>(at: &At<'_>, known: &[(&str, T)]) -> Option<T> {
    let text = at.text()?;
    let found = known.iter().find(|(name, _)| *name == text).map(|(_, value)| *value);
    if found.is_none() {
        let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
        at.flaw("VALUE", format_args!("one of {}", names.join(", ")));
    }
    found
}

fn built_in_type<'a>(at: &At<'_>, built_in: &'a Catalogue) -> Option<&'a RecordType> {
    let found = built_in.record_type(at.text()?).map(|of| &**of);
    if found.is_none() {
        at.flaw("COMPILED", "names a built-in record type, whose compiled rules these are");
    }
    found
}

/// A list of pairs, because a mapping of JSON has no order: `[valid: active, revoked: ended]`.
fn statuses(at: &At<'_>) -> Option<Vec<(String, State)>> {
    let mut found = Vec::new();
    for item in at.items()? {
        for (name, state) in item.map()?.each() {
            if found.iter().any(|(known, _)| known == name) {
                item.flaw("STATUSES", format_args!("{name} is listed already"));
            }
            found.push((name.to_owned(), one_of(&state, &STATES)?));
        }
    }
    if found.len() > STATUSES_MAX || found.first().is_none_or(|(_, state)| *state != State::Active) {
        at.flaw("STATUSES", format_args!("1 to {STATUSES_MAX} statuses, the first one active: it is the ordinary one"));
        return None;
    }
    Some(found)
}

/// The field `status` holds exactly the statuses.
fn check_status(map: &Map<'_>, fields: &[Field], statuses: &[(String, State)]) {
    let values = match field_at(fields, "status") {
        Some(Rule::OneOf(values) | Rule::Code(values)) => values.as_slice(),
        _ => &[],
    };
    let is_required = fields.iter().any(|field| field.name == "status" && field.required);
    let same = values.len() == statuses.len() && statuses.iter().all(|(name, _)| values.contains(name));
    if !same || !is_required {
        map.flaw("STATUSES", "the schema has a required field `status`, whose enum lists these statuses");
    }
}

/// A change that needs a basis needs the field for it, in the form that the lifecycle reads.
fn check_basis(map: &Map<'_>, fields: &[Field], lifecycle: &Lifecycle) {
    let shape = |fields: &[Field]| fields.iter().map(|field| (field.name.clone(), field.required)).collect::<Vec<_>>();
    let wanted = super::super::basis::basis_field();
    let is_basis = |rule: &Rule| match (rule, &wanted.rule) {
        (Rule::Object(fields), Rule::Object(wanted)) => {
            let (mut fields, mut wanted) = (shape(fields), shape(wanted));
            fields.sort();
            wanted.sort();
            fields == wanted
        }
        _ => false,
    };
    match fields.iter().find(|field| field.name == wanted.name) {
        Some(field) if is_basis(&field.rule) && !field.required => {}
        Some(_) => map.flaw("BASIS", "the field `basis` is optional, and `$ref: urn:lienthong:basis`"),
        None if lifecycle.needs_basis() => {
            map.flaw(
                "BASIS",
                "a change needs a basis: give the schema a field `basis` with `$ref: urn:lienthong:basis`",
            );
        }
        None => {}
    }
}

fn natural_key(map: &Map<'_>, fields: &[Field]) -> Option<String> {
    let at = map.need("natural_key")?;
    let name = at.text()?;
    let field = fields.iter().find(|field| field.name == name);
    let is_text = field.is_some_and(|field| {
        field.required
            && !matches!(
                field.rule,
                Rule::Integer(..) | Rule::Boolean | Rule::Object(_) | Rule::List(..) | Rule::Set(..)
            )
    });
    if !is_text {
        at.flaw("NATURAL_KEY", "names a required text of the schema");
        return None;
    }
    Some(name.to_owned())
}

fn key_form(at: &At<'_>) -> Option<KeyForm> {
    one_of(at, &KeyForm::ALL)
}

fn personal_ids(at: &At<'_>, fields: &[Field]) -> Option<Vec<String>> {
    for item in at.items()? {
        if !matches!(field_at(fields, item.text()?), Some(Rule::PersonalId)) {
            item.flaw("FIELD", "names a field with `format: personal-id`; `*` is every item of a list");
        }
    }
    at.texts()
}

/// Paths of codes of organisations.
fn texts_at(at: &At<'_>, fields: &[Field]) -> Option<Vec<String>> {
    for item in at.items()? {
        if !matches!(field_at(fields, item.text()?), Some(Rule::Form(_) | Rule::Text(_))) {
            item.flaw("FIELD", "names a text field, which holds an organisation's code; `*` is every item of a list");
        }
    }
    at.texts()
}

fn found_through(at: &At<'_>) -> Option<Through> {
    let map = at.map()?;
    map.only(&["record_type", "field"]);
    let (record_type, field) = (map.need("record_type"), map.need("field"));
    Some(Through { record_type: record_type?.text()?.into(), field: field?.text()?.to_owned() })
}

fn document(at: &At<'_>, fields: &[Field], is_built_in: bool) -> Option<Document> {
    let map = at.map()?;
    map.only(&["number", "holder"]);
    let (number, holder) = (map.need("number"), map.need("holder"));
    let number = number?;
    let kind = u8::try_from(number.integer()?).ok().filter(|kind| is_built_in || *kind >= DOCUMENT_FIRST);
    if kind.is_none() {
        number.flaw("OUT_OF_RANGE", format_args!("the number of a kind of document is from {DOCUMENT_FIRST} to 255"));
    }
    let holder = holder?;
    let name = holder.text()?;
    let has = |field: &str| field_at(fields, &format!("{name}.{field}"));
    if !matches!(has("personal_id"), Some(Rule::PersonalId)) || has("full_name").is_none() {
        holder.flaw("FIELD", "names an object with personal_id and full_name, as in `$ref: urn:lienthong:holder`");
    }
    Some(Document { kind: DocumentType(kind?), holder: name.to_owned() })
}

/// When a record holds by its own dates.
fn holds(map: &Map<'_>, fields: &[Field], compiled: Option<&RecordType>) -> Option<Validity> {
    let Some(at) = map.get("holds") else {
        return Some(compiled.map_or_else(|| Arc::new(always) as Validity, |compiled| compiled.days.clone()));
    };
    let holds = at.map()?;
    holds.only(&["from", "until"]);
    let date = |key: &str| -> Option<Option<String>> {
        let Some(at) = holds.get(key) else { return Some(None) };
        let path = at.text()?;
        if !matches!(field_at(fields, path), Some(Rule::Date)) {
            at.flaw("FIELD", "names a field with `format: date`");
        }
        Some(Some(path.to_owned()))
    };
    let (from, until) = (date("from")?, date("until")?);
    Some(Arc::new(move |payload: &Object| {
        let day = |path: &Option<String>| path.as_ref().and_then(|path| date_at(payload, path));
        (day(&from), day(&until))
    }))
}

/// The days of code lists are of fields that exist.
fn check_days(map: &Map<'_>, fields: &[Field]) {
    fn each(rule: &Rule, visit: &mut dyn FnMut(&str)) {
        match rule {
            Rule::Listed(listed) => match &listed.as_of {
                AsOf::Since(path) | AsOf::Day(path) => visit(path),
                AsOf::Today | AsOf::Ever => {}
            },
            Rule::Object(fields) => fields.iter().for_each(|field| each(&field.rule, visit)),
            Rule::List(of, _) | Rule::Set(of, _) => each(of, visit),
            _ => {}
        }
    }
    for field in fields {
        each(&field.rule, &mut |path| {
            if !matches!(field_at(fields, path), Some(Rule::Date | Rule::PartialDate | Rule::Month)) {
                map.flaw("FIELD", format_args!("x-as-of of {}: {path} is not a date of the schema", field.name));
            }
        });
    }
}

fn all_checks(rules: Vec<FieldsRule>, units: Vec<UnitAt>, compiled: Option<&RecordType>) -> Check {
    let (rules, compiled) = (check(rules.into()), compiled.map(|compiled| compiled.check.clone()));
    Arc::new(move |payload, today, findings| {
        rules(payload, today, findings);
        for (path, as_of) in &units {
            let days = days_of(as_of, payload, today);
            objects_at(payload, path, String::new(), &mut |unit, path| check_unit_of(unit, path, days, findings));
        }
        if let Some(compiled) = &compiled {
            compiled(payload, today, findings);
        }
    })
}

/// Calls `visit` with every object at `path`, and where it is; `*` in the path is every item of a list.
fn objects_at(object: &Object, path: &str, at: String, visit: &mut dyn FnMut(&Object, &String)) {
    let (name, rest) = path.split_once('.').map_or((path, None), |(name, rest)| (name, Some(rest)));
    let under = if at.is_empty() { name.to_owned() } else { format!("{at}.{name}") };
    match (object.get(name), rest) {
        (Some(Value::Object(found)), None) => visit(found, &under),
        (Some(Value::Object(found)), Some(rest)) => objects_at(found, rest, under, visit),
        (Some(Value::Array(items)), Some(rest)) => {
            let rest = rest.strip_prefix('*').unwrap_or_default().strip_prefix('.');
            for (index, item) in items.iter().enumerate() {
                let (Value::Object(item), under) = (item, format!("{under}[{index}]")) else { continue };
                match rest {
                    None => visit(item, &under),
                    Some(rest) => objects_at(item, rest, under, visit),
                }
            }
        }
        _ => {}
    }
}
