//! A record type written as a schema: the fields as JSON Schema, and a built-in registry as a whole file.
//!
//! The code of a built-in type (checks across fields, rules between versions, validity) is not translated: the file names the type whose
//! compiled rules these are (`compiled`), and lists the rules in comments. So an exported file, read again, behaves the same.

use std::fmt::Write as _;

use serde_json::Value;

use super::super::codes::AsOf;
use super::super::definition::Owner;
use super::super::label::Label;
use super::super::lifecycle::{FieldRule, Lifecycle, ListRule, Needs, States, TimeRule, When, Who};
use super::super::rule::{Field, Form, Listed, Origin, Rule};
use super::super::schema::{Heading, RecordType, State};
use super::super::sector::Sector;
use super::fields::DIALECT;
use super::record_type::{HEADINGS, STATES};
use super::yaml::Tree;

/// The schema of a record type's payloads: JSON Schema 2020-12.
pub fn schema(of: &RecordType) -> Value {
    let mut schema = object(&of.fields, of, "");
    schema.set("$schema", Tree::text(DIALECT));
    schema.set("title", Tree::text(&of.label.en));
    schema.set("x-title-vi", Tree::text(&of.label.vi));
    schema.to_json()
}

/// A built-in registry as a schema file, of this owner.
pub fn file(sector: &Sector, owner: &Owner) -> String {
    let tree = Tree::map([
        ("format", Tree::text("lienthong/registry/v1")),
        ("registry", Tree::text(&sector.name)),
        ("version", Tree::Integer(1)),
        ("agency", Tree::map([("key", Tree::text(&owner.key)), ("name", label(&owner.name))])),
        ("record_types", Tree::List(sector.record_types.iter().map(|of| record_type(of)).collect())),
    ]);
    let mut text = format!(
        "# The registry {} as a schema file. Its checks across fields, rules between versions and validity are compiled:\n",
        sector.name
    );
    for of in &sector.record_types {
        let between = of.lifecycle.rules.iter().map(|rule| (&*rule.name, &rule.field, &rule.says));
        let across = of.lifecycle.across.iter().map(|rule| (&*rule.name, &rule.field, &rule.says));
        let unique = of.lifecycle.unique.iter().map(|rule| (rule.name, &rule.field, &rule.says));
        for (name, field, says) in between.chain(across).chain(unique) {
            let _ = writeln!(text, "#   {} {name}: {field}: {says}", of.name);
        }
    }
    tree.write(&mut text);
    text
}

fn label(label: &Label) -> Tree {
    Tree::map([("vi", Tree::text(&label.vi)), ("en", Tree::text(&label.en))])
}

fn texts(items: &[String]) -> Tree {
    Tree::List(items.iter().map(|item| Tree::text(item)).collect())
}

fn name_of<T: PartialEq + Copy>(known: &[(&'static str, T)], value: T) -> Tree {
    Tree::text(known.iter().find(|(_, other)| *other == value).map_or("", |(name, _)| name))
}

fn record_type(of: &RecordType) -> Tree {
    let mut tree = Tree::map([
        ("name", Tree::text(&of.name)),
        ("label", label(&of.label)),
        ("heading", name_of::<Heading>(&HEADINGS, of.heading)),
        ("natural_key", Tree::text(&of.natural_key)),
        ("key_form", Tree::text(of.key_form.name())),
        ("parties", texts(&of.parties)),
        ("organisations", texts(&of.organisations.paths)),
    ]);
    if let Some(through) = &of.found_through {
        let (by, field) = (Tree::text(&through.record_type), Tree::text(&through.field));
        tree.set("found_through", Tree::map([("record_type", by), ("field", field)]));
    }
    if let Some(subject) = of.viewed.subject {
        tree.set("subject", Tree::text(subject.name()));
    }
    if !of.viewed.addresses.is_empty() {
        tree.set("addresses", texts(&of.viewed.addresses));
    }
    if let Some(document) = &of.document {
        let (number, holder) = (Tree::Integer(document.kind.0.into()), Tree::text(&document.holder));
        tree.set("document", Tree::map([("number", number), ("holder", holder)]));
    }
    let status = |(name, state): &(String, State)| Tree::map([(name.as_str(), name_of::<State>(&STATES, *state))]);
    tree.set("statuses", Tree::List(of.statuses.iter().map(status).collect()));
    tree.set("compiled", Tree::text(&of.name));
    tree.set("schema", object(&of.fields, of, ""));
    tree.set("lifecycle", lifecycle(&of.lifecycle));
    tree
}

fn object(fields: &[Field], of: &RecordType, path: &str) -> Tree {
    let required: Vec<String> = fields.iter().filter(|field| field.required).map(|field| field.name.clone()).collect();
    let properties = fields.iter().map(|field| {
        let under = if path.is_empty() { field.name.clone() } else { format!("{path}.{}", field.name) };
        let mut tree = rule(&field.rule, of, &under);
        for (keys, said) in
            [(["title", "x-title-vi"], &field.title), (["description", "x-description-vi"], &field.description)]
        {
            if let Some(said) = said {
                tree.set(keys[0], Tree::text(&said.en));
                tree.set(keys[1], Tree::text(&said.vi));
            }
        }
        if field.sensitive {
            tree.set("x-sensitive", Tree::Bool(true));
        }
        (field.name.as_str(), tree)
    });
    let mut tree = Tree::map([("type", Tree::text("object")), ("additionalProperties", Tree::Bool(false))]);
    if !required.is_empty() {
        tree.set("required", texts(&required));
    }
    tree.set("properties", Tree::map(properties));
    tree
}

fn rule(rule: &Rule, of: &RecordType, path: &str) -> Tree {
    let mut tree = kind(rule, of, path);
    if let Some(reference) = of.references.iter().find(|reference| reference.path == path) {
        tree.set("x-references", Tree::text(&reference.record_type));
    }
    tree
}

fn kind(rule: &Rule, of: &RecordType, path: &str) -> Tree {
    let text = |further: &[(&str, Tree)]| {
        let further = further.iter().map(|(key, tree)| (*key, tree.clone()));
        Tree::map([("type", Tree::text("string"))].into_iter().chain(further))
    };
    let format = |name: &str| text(&[("format", Tree::text(name))]);
    match rule {
        Rule::PersonalId => format("personal-id"),
        Rule::Name => format("person-name"),
        Rule::Date => format("date"),
        Rule::Month => format("month"),
        Rule::PartialDate => format("partial-date"),
        Rule::Text(max) => text(&[("minLength", Tree::Integer(1)), ("maxLength", Tree::Integer(*max as i64))]),
        Rule::OneOf(values) => text(&[("enum", texts(values))]),
        Rule::Code(values) => text(&[("enum", texts(values)), ("x-typed-as", Tree::text("string"))]),
        Rule::Listed(Listed { list, as_of, form }) => {
            let mut tree = text(&[("x-code-list", Tree::text(&list.name)), ("x-as-of", Tree::text(&day(as_of)))]);
            if let Some(form) = form {
                tree.set("format", Tree::text(&form_name(form, of, path)));
            }
            tree
        }
        Rule::Form(form) => match form.origin() {
            Origin::Pattern(pattern, min, max) => {
                let mut tree =
                    text(&[("minLength", Tree::Integer(*min as i64)), ("maxLength", Tree::Integer(*max as i64))]);
                if !pattern.source().is_empty() {
                    tree.set("pattern", Tree::text(pattern.source()));
                }
                tree
            }
            _ => format(&form_name(form, of, path)),
        },
        Rule::Integer(min, max) => Tree::map([
            ("type", Tree::text("integer")),
            ("minimum", Tree::Integer(*min)),
            ("maximum", Tree::Integer(*max)),
        ]),
        Rule::Boolean => Tree::map([("type", Tree::text("boolean"))]),
        Rule::Object(fields) => object(fields, of, path),
        Rule::List(items, max) => list(items, *max, false, of, path),
        Rule::Set(items, max) => list(items, *max, true, of, path),
    }
}

fn list(items: &Rule, max: usize, once: bool, of: &RecordType, path: &str) -> Tree {
    let mut tree = Tree::map([
        ("type", Tree::text("array")),
        ("minItems", Tree::Integer(1)),
        ("maxItems", Tree::Integer(max as i64)),
    ]);
    if once {
        tree.set("uniqueItems", Tree::Bool(true));
    }
    tree.set("items", rule(items, of, &format!("{path}.*")));
    tree
}

/// The name of a form: its source in a file, or the field that has it.
fn form_name(form: &Form, of: &RecordType, path: &str) -> String {
    match form.origin() {
        Origin::Field(name) => name.clone(),
        _ => format!("{}/{path}", of.name),
    }
}

fn day(as_of: &AsOf) -> String {
    match as_of {
        AsOf::Today => "today".into(),
        AsOf::Ever => "ever".into(),
        AsOf::Since(path) => format!("since {path}"),
        AsOf::Day(path) => format!("day {path}"),
    }
}

fn needs(needs: &Needs) -> Tree {
    match needs {
        Needs::Nothing => Tree::text("free"),
        Needs::Never => Tree::text("never"),
        Needs::Basis(reasons) if reasons.is_empty() => Tree::text("basis"),
        Needs::Basis(reasons) => texts(reasons),
    }
}

fn lifecycle(lifecycle: &Lifecycle) -> Tree {
    let mut tree = Tree::map([]);
    let lists = [
        ("states", lifecycle.states.iter().map(states).collect::<Vec<_>>()),
        ("fields", lifecycle.fields.iter().map(field).collect()),
        ("lists", lifecycle.lists.iter().map(entries).collect()),
        ("time", lifecycle.time.iter().map(time).collect()),
    ];
    for (key, rows) in lists {
        if !rows.is_empty() {
            tree.set(key, Tree::List(rows));
        }
    }
    tree
}

fn states(states: &States) -> Tree {
    let row = |row: &super::super::lifecycle::Transition| {
        let mut tree = Tree::map([("from", Tree::text(&row.from)), ("to", Tree::text(&row.to))]);
        if row.by != Who::Anybody {
            tree.set("by", Tree::text(&row.by.to_string()));
        }
        tree.set("needs", needs(&row.needs));
        tree.set("source", Tree::text(&row.source.to_string()));
        tree
    };
    let mut tree =
        Tree::map([("field", Tree::text(&states.field)), ("source", Tree::text(&states.source.to_string()))]);
    if states.unnamed {
        tree.set("unnamed", Tree::Bool(true));
    }
    tree.set("transitions", Tree::List(states.rows.iter().map(row).collect()));
    tree
}

fn field(field: &FieldRule) -> Tree {
    let mut tree = Tree::map([("field", Tree::text(&field.path)), ("needs", needs(&field.needs))]);
    if field.may_be_added {
        tree.set("once_known", Tree::Bool(true));
    }
    tree.set("source", Tree::text(&field.source.to_string()));
    tree
}

fn entries(list: &ListRule) -> Tree {
    Tree::map([
        ("field", Tree::text(&list.field)),
        ("key", texts(&list.key)),
        ("closing", texts(&list.entries.closing)),
        ("added", needs(&list.entries.added)),
        ("closed", needs(&list.entries.closed)),
        ("changed", needs(&list.entries.changed)),
        ("removed", needs(&list.entries.removed)),
        ("source", Tree::text(&list.source.to_string())),
    ])
}

fn time(rule: &TimeRule) -> Tree {
    let when = |(field, when): &(String, When)| match when {
        When::OneOf(values) => (field.clone(), texts(values)),
        When::Within(from, to) => {
            (field.clone(), Tree::map([("minimum", Tree::Integer(*from)), ("maximum", Tree::Integer(*to))]))
        }
    };
    let set = |(field, value): &(String, crate::trust::Value)| {
        let value = match value {
            crate::trust::Value::Integer(number) => Tree::Integer(*number),
            crate::trust::Value::Bool(flag) => Tree::Bool(*flag),
            other => Tree::text(other.as_text().unwrap_or_default()),
        };
        (field.clone(), value)
    };
    let mut tree = Tree::map([("name", Tree::text(&rule.name))]);
    if !rule.when.is_empty() {
        tree.set("when", pairs(rule.when.iter().map(when)));
    }
    tree.set("since", texts(&rule.since));
    if rule.or_issue {
        tree.set("or_issue", Tree::Bool(true));
    }
    tree.set("after", Tree::text(&rule.after.iso()));
    tree.set("set", pairs(rule.sets.iter().map(set)));
    if !rule.clears.is_empty() {
        tree.set("clear", texts(&rule.clears));
    }
    tree.set("source", Tree::text(&rule.source.to_string()));
    tree
}

fn pairs(pairs: impl Iterator<Item = (String, Tree)>) -> Tree {
    let mut tree = Tree::map([]);
    pairs.for_each(|(key, value)| tree.set(&key, value));
    tree
}
