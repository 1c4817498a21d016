//! The changes of a new version of a schema file, and whether stored records survive them.
//!
//! A change is accepted if every record that the old version accepted can still be read, found and shown: types, fields, values and statuses may be
//! added and limits widened. A change that would make a stored record unreadable, lost to its key or its person, or shown to more people than it was
//! written for, is refused: such a record type gets a new version of its own (`education.diploma.v2`) next to the old one. Rules and lifecycles may
//! change, because they apply only to later versions.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::super::codes::Code;
use super::super::definition::Definition;
use super::super::rule::{Field, Origin, Rule};
use super::super::schema::RecordType;
use super::super::sector::Sector;

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The changed part: `education.diploma.v1 credits`.
    pub what: String,
    /// The change, in words.
    pub how: String,
    /// Whether stored records would not survive it.
    pub is_refused: bool,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = if self.is_refused { "refused" } else { "change" };
        write!(f, "{mark}: {}: {}", self.what, self.how)
    }
}

/// The differences of two versions of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// In the order of the new file, those of the registry first.
    pub changes: Vec<Change>,
}

impl Plan {
    /// Whether the plan is empty: it was applied already.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// The refused differences.
    pub fn refused(&self) -> impl Iterator<Item = &Change> {
        self.changes.iter().filter(|change| change.is_refused)
    }

    fn note(&mut self, what: &str, how: impl Into<String>) {
        self.changes.push(Change { what: what.to_owned(), how: how.into(), is_refused: false });
    }

    fn refuse(&mut self, what: &str, how: impl Into<String>) {
        self.changes.push(Change { what: what.to_owned(), how: how.into(), is_refused: true });
    }
}

/// The differences of `new` from `old`, both read from schema files.
pub fn plan(old: &Sector, new: &Sector) -> Plan {
    let mut plan = Plan::default();
    let (Some(before), Some(after)) = (&old.definition, &new.definition) else {
        plan.refuse(&new.name, "a built-in registry has no schema file");
        return plan;
    };
    if before.hash() == after.hash() {
        return plan;
    }
    let name = &*old.name;
    if old.name != new.name {
        plan.refuse(name, format!("the file is of another registry, {}", new.name));
        return plan;
    }
    if after.version <= before.version {
        let problem = format!(
            "the content changes, so `version` has to be above {}, and it is {}",
            before.version, after.version
        );
        plan.refuse(name, problem);
    } else {
        plan.note(name, format!("version {} follows {}", after.version, before.version));
    }
    if before.owner.key != after.owner.key {
        plan.refuse(name, format!("the agency {} is replaced by {}", before.owner.key, after.owner.key));
    } else if before.owner != after.owner {
        plan.note(name, "the agency's name changes");
    }
    rights(&mut plan, name, before, after);
    code_lists(&mut plan, before, after);
    for of in &new.record_types {
        match old.record_type(&of.name) {
            None => plan.note(&of.name, "is a new record type"),
            Some(known) => record_type(&mut plan, known, of),
        }
    }
    for of in old.record_types.iter().filter(|of| new.record_type(&of.name).is_none()) {
        plan.refuse(&of.name, "the record type is gone, and its records with it");
    }
    written(&mut plan, &before.json, &after.json);
    plan
}

/// The agencies that gain or lose fields by default.
fn rights(plan: &mut Plan, name: &str, before: &Definition, after: &Definition) {
    for (purpose, description) in &after.purposes {
        match before.purposes.iter().find(|(key, _)| key == purpose) {
            None => plan.note(name, format!("has a new purpose {purpose}")),
            Some((_, said)) if said != description => plan.note(name, format!("describes the purpose {purpose} anew")),
            Some(_) => {}
        }
    }
    for (purpose, _) in before.purposes.iter().filter(|(key, _)| !after.purposes.iter().any(|(other, _)| other == key))
    {
        plan.note(name, format!("no longer has the purpose {purpose}"));
    }
    let (had, has) = (readable(before), readable(after));
    for (right, fields) in &has {
        let (agency, purpose, record_type) = right;
        let gained = lacking(fields, had.get(right));
        if !gained.is_empty() {
            plan.note(record_type, format!("the agency {agency} may read for {purpose}: {gained}"));
        }
    }
    for (right, fields) in &had {
        let (agency, purpose, record_type) = right;
        let lost = lacking(fields, has.get(right));
        if !lost.is_empty() {
            plan.note(record_type, format!("the agency {agency} may no longer read for {purpose}: {lost}"));
        }
    }
    let terms = |of: &Definition| -> Vec<_> {
        of.rights
            .iter()
            .map(|it| (it.agency.clone(), it.purpose.clone(), it.basis.clone(), it.legal_basis.clone()))
            .collect()
    };
    for (agency, purpose, basis, legal_basis) in terms(after) {
        let before = terms(before);
        let same = before.iter().find(|(of, why, ..)| (of, why) == (&agency, &purpose));
        if same.is_some_and(|(.., on, law)| (on, law) != (&basis, &legal_basis)) {
            plan.note(name, format!("the agency {agency} reads for {purpose} on the basis {basis}: {legal_basis}"));
        }
    }
}

/// The fields that an agency may read for a purpose of a record type; `None` is all.
type Readable<'a> = BTreeMap<(&'a str, &'a str, &'a str), Option<BTreeSet<&'a str>>>;

fn readable(of: &Definition) -> Readable<'_> {
    let mut readable = Readable::new();
    for right in &of.rights {
        for (record_type, fields) in &right.read {
            let fields = fields.as_ref().map(|names| names.iter().map(String::as_str).collect::<BTreeSet<_>>());
            let there = readable.entry((&right.agency, &right.purpose, record_type)).or_insert(Some(BTreeSet::new()));
            match (there.as_mut(), fields) {
                (Some(there), Some(fields)) => there.extend(fields),
                _ => *there = None,
            }
        }
    }
    readable
}

/// The fields of one right that are missing in another, in words.
fn lacking(of: &Option<BTreeSet<&str>>, other: Option<&Option<BTreeSet<&str>>>) -> String {
    match (of, other) {
        (_, Some(None)) => String::new(),
        (None, _) => "every field".into(),
        (Some(fields), None) => fields.iter().copied().collect::<Vec<_>>().join(", "),
        (Some(fields), Some(Some(other))) => fields.difference(other).copied().collect::<Vec<_>>().join(", "),
    }
}

/// Stored records keep the names of their codes: a code may end, but not be removed.
fn code_lists(plan: &mut Plan, before: &Definition, after: &Definition) {
    for list in &after.code_lists {
        let name = &list.name;
        let Some(known) = before.code_lists.iter().find(|known| known.name == *name) else {
            plan.note(name, "is a new code list");
            continue;
        };
        match (known.is_complete, list.is_complete) {
            (false, true) => plan.note(name, "becomes complete: an unknown code is refused from now on"),
            (true, false) => plan.note(name, "is no longer complete: an unknown code is accepted and flagged"),
            _ => {}
        }
        let key = |code: &Code| (code.code.clone(), code.valid_from);
        for code in known.codes() {
            match list.codes().iter().find(|other| key(other) == key(code)) {
                None => plan.refuse(name, format!("the code {} is gone: stored records may have it", code.code)),
                Some(other) if other != code => {
                    plan.note(name, format!("says something else of the code {}", code.code))
                }
                Some(_) => {}
            }
        }
        for code in list.codes().iter().filter(|code| !known.codes().iter().any(|other| key(other) == key(code))) {
            plan.note(name, format!("has a new code {}", code.code));
        }
    }
    for list in before.code_lists.iter().filter(|list| !after.code_lists.iter().any(|it| it.name == list.name)) {
        plan.refuse(&list.name, "the code list is gone: stored records may have its codes");
    }
}

fn record_type(plan: &mut Plan, old: &RecordType, new: &RecordType) {
    let name = &*new.name;
    let mut kept = |is_same: bool, what: &str| {
        if !is_same {
            plan.refuse(name, format!("{what} changes: stored records are found and shown by it"));
        }
    };
    kept(old.natural_key == new.natural_key && old.key_form == new.key_form, "the natural key");
    kept(old.parties == new.parties, "the list of parties");
    kept(old.organisations.paths == new.organisations.paths, "the list of organisations");
    kept(old.found_through == new.found_through, "the type through which its records are found");
    kept(old.document.is_none() || old.document == new.document, "its document type");
    kept(old.message == new.message, "its compiled type");
    if old.viewed != new.viewed {
        plan.note(name, "its place in the views changes: the next start indexes the stored records anew");
    }
    if old.references != new.references {
        plan.note(name, "the types of record that its fields name change, for versions written from now on");
    }
    if old.document.is_none() && new.document.is_some() {
        plan.note(name, "can be linked to accounts");
    }
    if old.label != new.label || old.heading != new.heading {
        plan.note(name, "its label or heading changes");
    }
    for (status, state) in &old.statuses {
        match new.statuses.iter().find(|(other, _)| other == status) {
            None => plan.refuse(name, format!("the status {status} is gone")),
            Some((_, other)) if other != state => {
                plan.refuse(name, format!("the status {status} means something else"))
            }
            Some(_) => {}
        }
    }
    if old.statuses.first().map(|(name, _)| name) != new.statuses.first().map(|(name, _)| name) {
        plan.refuse(name, "another status becomes the ordinary one");
    }
    for (status, _) in new.statuses.iter().filter(|(status, _)| !old.statuses.iter().any(|(other, _)| other == status))
    {
        plan.note(name, format!("has a new status {status}"));
    }
    fields(plan, name, "", &old.fields, &new.fields);
}

/// The first change that makes the fields `old` the fields `new`.
pub(super) fn first_difference(old: &[Field], new: &[Field]) -> Option<Change> {
    let mut plan = Plan::default();
    fields(&mut plan, "", "", old, new);
    plan.changes.into_iter().next()
}

fn fields(plan: &mut Plan, of: &str, path: &str, old: &[Field], new: &[Field]) {
    let what = |name: &str| match path {
        "" => format!("{of} {name}"),
        path => format!("{of} {path}.{name}"),
    };
    for field in new {
        let what = what(&field.name);
        let Some(known) = old.iter().find(|known| known.name == field.name) else {
            match field.required {
                true => plan.refuse(&what, "is new and required: stored records do not have it"),
                false => plan.note(&what, "is a new field"),
            }
            continue;
        };
        match (known.required, field.required) {
            (false, true) => plan.refuse(&what, "becomes required: stored records may lack it"),
            (true, false) => plan.note(&what, "is no longer required"),
            _ => {}
        }
        match (known.sensitive, field.sensitive) {
            (true, false) => plan.refuse(&what, "loses its special protection, of stored values too"),
            (false, true) => plan.note(&what, "becomes specially protected"),
            _ => {}
        }
        if known.title != field.title || known.description != field.description {
            plan.note(&what, "its label or description changes");
        }
        let under = what.split_once(' ').map_or("", |(_, path)| path).to_owned();
        rule(plan, of, &under, &known.rule, &field.rule);
    }
    for field in old.iter().filter(|field| !new.iter().any(|other| other.name == field.name)) {
        plan.refuse(&what(&field.name), "is gone, and stored records have it");
    }
}

fn rule(plan: &mut Plan, of: &str, path: &str, old: &Rule, new: &Rule) {
    let what = format!("{of} {path}");
    match (old, new) {
        (Rule::Object(old), Rule::Object(new)) => return fields(plan, of, path, old, new),
        (Rule::List(one, before) | Rule::Set(one, before), Rule::List(other, after) | Rule::Set(other, after)) => {
            match before.cmp(after) {
                std::cmp::Ordering::Greater => {
                    plan.refuse(&what, format!("has at most {after} values, and had {before}"))
                }
                std::cmp::Ordering::Less => plan.note(&what, format!("may have {after} values, and had {before}")),
                std::cmp::Ordering::Equal => {}
            }
            match (old, new) {
                (Rule::List(..), Rule::Set(..)) => plan.refuse(&what, "holds each value once: stored lists may not"),
                (Rule::Set(..), Rule::List(..)) => plan.note(&what, "may hold a value several times"),
                _ => {}
            }
            return rule(plan, of, &format!("{path}.*"), one, other);
        }
        _ => {}
    }
    match widens(old, new) {
        Some(true) => {}
        Some(false) => plan.note(&what, format!("is wider: {}", new.says())),
        None => plan.refuse(&what, format!("is {}, and was {}: stored values may not be", new.says(), old.says())),
    }
}

/// Whether every value that `old` allows is one of `new`: `Some(true)` if they are the same, `None` if not.
fn widens(old: &Rule, new: &Rule) -> Option<bool> {
    let wider = |is_same: bool, is_wider: bool| is_wider.then_some(is_same);
    match (old, new) {
        (Rule::PersonalId, Rule::PersonalId)
        | (Rule::Name, Rule::Name)
        | (Rule::Date, Rule::Date)
        | (Rule::Month, Rule::Month)
        | (Rule::PartialDate, Rule::PartialDate)
        | (Rule::Boolean, Rule::Boolean) => Some(true),
        (Rule::Date | Rule::Month, Rule::PartialDate) => Some(false),
        (Rule::Text(old), Rule::Text(new)) => wider(old == new, old <= new),
        (Rule::Integer(a, b), Rule::Integer(c, d)) => wider((a, b) == (c, d), c <= a && b <= d),
        (Rule::OneOf(old) | Rule::Code(old), Rule::OneOf(new) | Rule::Code(new)) => {
            wider(old.len() == new.len(), old.iter().all(|value| new.contains(value)))
        }
        (Rule::Listed(old), Rule::Listed(new)) => {
            let form = |of: &super::super::rule::Listed| of.form.as_ref().map(|form| form.says().to_owned());
            wider(true, old.list.name == new.list.name && old.as_of == new.as_of && form(old) == form(new))
        }
        (Rule::Form(old), Rule::Form(new)) => match (old.origin(), new.origin()) {
            (Origin::Pattern(old, a, b), Origin::Pattern(new, c, d)) => {
                wider((a, b) == (c, d), old == new && c <= a && b <= d)
            }
            (one, other) => wider(true, one == other || old.is_same_function(new)),
        },
        (Rule::Form(old), Rule::Text(new)) => match old.origin() {
            Origin::Pattern(_, _, max) => wider(false, max <= new),
            _ => None,
        },
        _ => None,
    }
}

/// Adds differences that only the files' texts show: rules, lifecycle, validity.
fn written(plan: &mut Plan, old: &str, new: &str) {
    let read = |json: &str| serde_json::from_str::<serde_json::Value>(json).unwrap_or_default();
    let (old, new) = (read(old), read(new));
    let types = |file: &serde_json::Value| file["record_types"].as_array().cloned().unwrap_or_default();
    for after in types(&new) {
        let Some(before) = types(&old).into_iter().find(|before| before["name"] == after["name"]) else { continue };
        let name = after["name"].as_str().unwrap_or_default();
        for (key, how) in [
            ("rules", "its rules across fields change, for versions written from now on"),
            ("lifecycle", "its lifecycle changes, for versions written from now on"),
            ("holds", "its rule of validity changes, for versions written from now on"),
            ("samples", "its sample data change"),
        ] {
            if before.get(key) != after.get(key) {
                plan.note(name, how);
            }
        }
    }
}
