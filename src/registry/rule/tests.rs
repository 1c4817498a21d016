//! Every bad field is named, by its path and the rule that it breaks.

use super::*;
use crate::base::{Violation, Violations};

const TODAY: Date = Date::constant(2026, 11, 22);

fn fields() -> Vec<Field> {
    let card = || Rule::object([Field::required("on", Rule::Date)]);
    vec![
        Field::required("id", Rule::PersonalId),
        Field::optional("name", Rule::Name),
        Field::optional("seats", Rule::Integer(1, 9)),
        Field::optional("lines", Rule::set(Rule::Text(4), 3)),
        Field::optional("card", card()),
        Field::optional("cards", Rule::list(card(), 2)),
    ]
}

fn found(object: &Object) -> Vec<(String, String)> {
    let mut violations = Violations::default();
    check_fields(object, &fields(), TODAY, &mut Findings::new(&"payload", &mut violations));
    violations
        .kept()
        .iter()
        .map(|v| (v.field.trim_start_matches("payload.").to_owned(), v.rule.clone().into_owned()))
        .collect()
}

#[test]
fn every_bad_field_is_named_by_its_path() {
    let card = |on: &str| Object::new().with("on", on);
    for (object, expected) in [
        (Object::new().with("id", "042185990002"), vec![]),
        (Object::new(), vec![("id", "REQUIRED")]),
        (
            Object::new().with("id", "042185990002").with("lines", vec!["a\u{200b}", "a\u{a0}b", "a b"]),
            vec![("lines[0]", "FORMAT"), ("lines[1]", "FORMAT")],
        ),
        (Object::new().with("id", 42).with("seats", "4"), vec![("id", "TYPE"), ("seats", "TYPE")]),
        (
            Object::new().with("id", "4").with("name", "Lê  2").with("seats", 10).with("colour", "x"),
            vec![("id", "FORMAT"), ("name", "FORMAT"), ("seats", "OUT_OF_RANGE"), ("colour", "UNKNOWN_FIELD")],
        ),
        (
            Object::new().with("id", "042185990002").with("lines", vec!["a", "a", "", "b"]),
            vec![("lines", "COUNT"), ("lines[1]", "DUPLICATE"), ("lines[2]", "FORMAT")],
        ),
        (
            Object::new().with("id", "042185990002").with("lines", Vec::<String>::new()).with("card", "x"),
            vec![("lines", "COUNT"), ("card", "TYPE")],
        ),
        (
            Object::new()
                .with("id", "042185990002")
                .with("card", card("2025-02-30").with("x9", 1))
                .with("cards", vec![card("2025-02-28"), Object::new()]),
            vec![("card.on", "FORMAT"), ("card.?", "UNKNOWN_FIELD"), ("cards[1].on", "REQUIRED")],
        ),
    ] {
        let expected: Vec<_> = expected.into_iter().map(|(path, rule)| (path.to_owned(), rule.to_owned())).collect();
        assert_eq!(found(&object), expected);
    }
}

#[test]
fn codes_are_held_to_the_day_that_the_record_speaks_of() {
    let fields = [
        Field::optional("on", Rule::Date),
        Field::optional("now", Rule::listed("tax_states", AsOf::Today)),
        Field::optional("then", Rule::listed("tax_states", AsOf::Day("on".into()))),
        Field::optional("since", Rule::listed("tax_states", AsOf::Since("on".into()))),
        Field::optional("ever", Rule::listed("tax_states", AsOf::Ever)),
        Field::optional("use", Rule::listed("land_uses", AsOf::Today)),
    ];
    let found = |object: Object| {
        let mut violations = Violations::default();
        check_fields(&object, &fields, TODAY, &mut Findings::new(&"payload", &mut violations));
        let told = |v: &Violation| format!("{} {}", v.field.trim_start_matches("payload."), v.rule);
        let told = |of: &[Violation]| of.iter().map(told).collect::<Vec<_>>().join(", ");
        (told(violations.kept()), told(&violations.warnings().kept))
    };
    let with = |fields: &[(&str, &str)]| fields.iter().fold(Object::new(), |of, (name, value)| of.with(name, *value));
    for (fields, errors, warnings) in [
        (&[("now", "00"), ("ever", "04")][..], "", ""),
        (&[("now", "04")], "now NOT_IN_FORCE", ""),
        (&[("then", "04")], "then NOT_IN_FORCE", ""),
        (&[("on", "2026-06-30"), ("then", "04"), ("since", "04")], "", ""),
        (&[("on", "2026-07-01"), ("then", "04"), ("since", "04")], "then NOT_IN_FORCE, since NOT_IN_FORCE", ""),
        (&[("ever", "08"), ("use", "LUC")], "ever UNKNOWN_VALUE", ""),
        (&[("use", "XYZ")], "", "use UNKNOWN_VALUE"),
        (&[("use", " XYZ")], "use FORMAT", ""),
    ] {
        assert_eq!(found(with(fields)), (errors.to_owned(), warnings.to_owned()), "{fields:?}");
    }
    assert_eq!(found(Object::new().with("now", 4)).0, "now TYPE");
}

#[test]
fn violations_never_repeat_a_value() {
    let mut violations = Violations::default();
    let object = Object::new().with("id", "secret-value").with("name", "secret-value;").with("secret-value", 1);
    check_fields(&object, &fields(), TODAY, &mut Findings::new(&"payload", &mut violations));
    assert_eq!(violations.total(), 3);
    assert!(!format!("{violations:?}").contains("secret"));
}
