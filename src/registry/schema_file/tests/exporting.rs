//! A built-in registry exported and read again is the same.

use super::*;
use crate::registry::RecordType;
use crate::registry::definition::Owner;
use crate::registry::rule::{Field, Form, Listed};
use crate::registry::schema::Label;
use crate::registry::schema_file::export::file;

/// A rule in a form that can be compared: functions by their descriptions.
fn told(rule: &Rule) -> String {
    let form = |form: &Form| match form.origin() {
        Origin::Pattern(pattern, min, max) => format!("pattern {min} {max} {pattern:?}"),
        _ => format!("form {}", form.says()),
    };
    match rule {
        Rule::Object(fields) => format!("object [{}]", fields_told(fields)),
        Rule::List(of, max) => format!("list {max} {}", told(of)),
        Rule::Set(of, max) => format!("set {max} {}", told(of)),
        Rule::Form(of) => form(of),
        Rule::Listed(Listed { list, as_of, form: of }) => {
            format!("listed {} {as_of:?} {:?}", list.name, of.as_ref().map(form))
        }
        plain => format!("{plain:?}"),
    }
}

fn fields_told(fields: &[Field]) -> String {
    let one = |field: &Field| {
        format!("{} {} {} {:?}: {}", field.name, field.required, field.sensitive, field.title, told(&field.rule))
    };
    fields.iter().map(one).collect::<Vec<_>>().join("\n")
}

fn all_told(of: &RecordType) -> String {
    let lifecycle = &of.lifecycle;
    let rules: Vec<_> =
        lifecycle.rules.iter().map(|rule| (&rule.name, &rule.field, &rule.says, &rule.source)).collect();
    let across: Vec<_> =
        lifecycle.across.iter().map(|rule| (&rule.name, &rule.field, &rule.says, &rule.source)).collect();
    let unique: Vec<_> =
        lifecycle.unique.iter().map(|rule| (&rule.name, &rule.field, &rule.says, &rule.source)).collect();
    let RecordType { name, registry, message, label, heading, natural_key, key_form, parties, statuses, .. } = of;
    format!(
        "{name} {registry} {message:?} {label:?} {heading:?} {natural_key} {key_form:?} {parties:?} {statuses:?} {:?} {:?}\n{:?}\n{:?}\n{:?}\n{:?}\n{rules:?}\n{across:?}\n{unique:?}\n{:?}\n{}",
        of.found_through,
        of.document,
        lifecycle.states,
        lifecycle.fields,
        lifecycle.lists,
        lifecycle.time,
        of.viewed,
        fields_told(&of.fields)
    )
}

#[test]
fn a_built_in_registry_comes_back_from_its_file() {
    let catalogue = Catalogue::built_in();
    for sector in catalogue.sectors() {
        let owner = Owner { key: sector.agency.clone(), name: Label::new("Chủ quản", "Owner") };
        let text = file(sector, &owner);
        let again = read(&text).unwrap_or_else(|flaws| panic!("{}: {flaws}\n{text}", sector.name));
        assert_eq!((&again.name, &again.agency), (&sector.name, &sector.agency));
        assert_eq!(again.record_types.len(), sector.record_types.len());
        for (one, other) in sector.record_types.iter().zip(&again.record_types) {
            assert_eq!(all_told(other), all_told(one));
        }
    }
}

/// A file that uses a built-in type's compiled rules must have its fields too: the rules read them.
#[test]
fn compiled_rules_are_for_the_fields_that_they_were_written_for() {
    let catalogue = Catalogue::built_in();
    let sector = catalogue.sector("vehicle").expect("a registry");
    let owner = Owner { key: sector.agency.clone(), name: Label::new("Chủ quản", "Owner") };
    let text = file(sector, &owner).replacen("maximum: 100", "maximum: 99", 1);
    let flaws = read(&text).expect_err("other fields");
    assert!(flaws.kept.iter().any(|flaw| flaw.rule == "COMPILED"), "{flaws}");
}
