//! Reads everything about a record type except its JSON Schema.

use std::sync::Arc;

use super::super::address::check_unit_of;
use super::super::catalogue::Catalogue;
use super::super::codes::AsOf;
use super::super::common::check_person;
use super::super::lifecycle::Lifecycle;
use super::super::rule::{Field, Rule, date_at, days_of};
use super::super::schema::{
    Check, Document, DocumentType, Heading, KeyForm, Organisations, RecordType, Reference, State, Through, Validity,
    always,
};
use super::super::viewed::{SubjectKind, Viewed};
use super::fields::{self, Compiled, UnitAt};
use super::known::{Known, is_noun_and_version};
use super::map::{At, Map};
use super::path::field_at;
use super::plan;
use super::references;
use super::rules::{FieldsRule, across_fields, check};
use super::states::lifecycle;
use crate::trust::{Object, Value};

const KEYS: [&str; 18] = [
    "name",
    "label",
    "heading",
    "natural_key",
    "key_form",
    "parties",
    "organisations",
    "found_through",
    "subject",
    "addresses",
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
pub(super) fn record_type(at: &At<'_>, registry: &str, known: Known<'_>) -> Option<RecordType> {
    let map = at.map()?;
    map.only(&KEYS);
    let name = name(&map, registry);
    let label = map.need("label").and_then(|label| label.label());
    let heading = map.need("heading").and_then(|heading| heading.one_of(&HEADINGS));
    let compiled = match map.get("compiled") {
        Some(named) => Some(built_in_type(&named, known.built_in)?),
        None => None,
    };
    let statuses = map.need("statuses").and_then(|statuses| self::statuses(&statuses));
    let Compiled { fields, units, people, references } = fields::compile(&map.need("schema")?, known)?;
    check_days(&map, &fields, &units);
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
        lifecycle.found_by.clone_from(&compiled.lifecycle.found_by);
        if let Some(other) = plan::first_difference(&compiled.fields, &fields) {
            let problem = format_args!("its fields are not those of {}, whose rules these are: {other}", compiled.name);
            map.flaw("COMPILED", problem);
        }
    }
    let is_compiled = |reference: &&Reference| compiled.is_some_and(|of| of.references.contains(reference));
    let own = |reference: &&Reference| reference.record_type.split('.').next() == Some(registry);
    lifecycle.across.extend(references.iter().filter(own).filter(|it| !is_compiled(it)).map(references::rule));
    let parties = map.get("parties").map_or(Some(Vec::new()), |parties| personal_ids(&parties, &fields))?;
    let organisations = map.get("organisations").map_or(Some(Vec::new()), |paths| texts_at(&paths, &fields))?;
    let subject = match map.get("subject") {
        Some(at) => Some(subject(&at, natural_key.as_deref(), &organisations)?),
        None => None,
    };
    let addresses = map.get("addresses").map_or(Some(Vec::new()), |paths| addresses(&paths, &fields))?;
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
        references,
        viewed: Viewed { subject, addresses },
        document,
        facts: compiled.map(|compiled| compiled.facts.clone()).unwrap_or_default(),
        fields,
        check: all_checks(rules, units, people, compiled),
        statuses,
        lifecycle,
        days,
    })
}

fn name(map: &Map<'_>, registry: &str) -> Option<String> {
    let at = map.need("name")?;
    let text = at.text()?;
    let rest = text.strip_prefix(registry).and_then(|rest| rest.strip_prefix('.'));
    if !rest.is_some_and(is_noun_and_version) {
        at.flaw("NAME", format_args!("a record type is {registry}.NOUN.vVERSION, like {registry}.record.v1"));
        return None;
    }
    Some(text.to_owned())
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
            found.push((name.to_owned(), state.one_of(&STATES)?));
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
    at.one_of(&KeyForm::ALL)
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

/// The kind of thing that the natural key names. An organisation is found by its codes, so its own is among them.
fn subject(at: &At<'_>, natural_key: Option<&str>, organisations: &[String]) -> Option<SubjectKind> {
    let kind = at.one_of(&SubjectKind::ALL)?;
    let is_found = kind != SubjectKind::Organisation
        || natural_key.is_some_and(|key| organisations.iter().any(|path| path == key));
    if !is_found {
        at.flaw("FIELD", "an organisation is found by its code: organisations lists the natural key");
    }
    Some(kind)
}

/// Paths of addresses outside of lists.
fn addresses(at: &At<'_>, fields: &[Field]) -> Option<Vec<String>> {
    let is_address = |rule: Option<&Rule>| match rule {
        Some(Rule::Object(of)) => ["unit_code", "unit_valid_from"].iter().all(|name| field_at(of, name).is_some()),
        _ => false,
    };
    for item in at.items()? {
        let path = item.text()?;
        if !is_address(field_at(fields, path)) || path.contains('*') {
            item.flaw("FIELD", "names an object with `$ref: urn:lienthong:address`, outside of lists");
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

/// The validity of a record by its own dates.
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

/// The days of code lists and addresses refer to fields that exist, and that a record has once.
fn check_days(map: &Map<'_>, fields: &[Field], units: &[UnitAt]) {
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
    let check = |of: &str, path: &str| {
        let is_date = matches!(field_at(fields, path), Some(Rule::Date | Rule::PartialDate | Rule::Month));
        if !is_date || path.contains('*') {
            map.flaw("FIELD", format_args!("x-as-of of {of}: {path} is not a date of the schema, outside of lists"));
        }
    };
    for field in fields {
        each(&field.rule, &mut |path| check(&field.name, path));
    }
    for (of, as_of) in units {
        if let AsOf::Since(path) | AsOf::Day(path) = as_of {
            check(of, path);
        }
    }
}

fn all_checks(rules: Vec<FieldsRule>, units: Vec<UnitAt>, people: Vec<String>, compiled: Option<&RecordType>) -> Check {
    let (rules, compiled) = (check(rules.into()), compiled.map(|compiled| compiled.check.clone()));
    Arc::new(move |payload, today, findings| {
        rules(payload, today, findings);
        for (path, as_of) in &units {
            let days = days_of(as_of, payload, today);
            objects_at(payload, path, String::new(), &mut |unit, path| check_unit_of(unit, path, days, findings));
        }
        for path in &people {
            objects_at(payload, path, String::new(), &mut |person, path| check_person(person, path, today, findings));
        }
        if let Some(compiled) = &compiled {
            compiled(payload, today, findings);
        }
    })
}

/// Calls `visit` with every object at `path`, and its path; `*` in the path is every item of a list.
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
