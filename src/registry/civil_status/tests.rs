//! Entries of civil status are held to their rules.

use super::*;
use crate::registry::common::testing::{address, check_changes, to};
use crate::registry::forms;
use crate::registry::schema::{KeyForm, RecordType};
use crate::trust::Object;

fn base(number: &str, day: &str) -> Object {
    Object::new()
        .with("entry_number", number)
        .with("registered_on", day)
        .with(
            "authority",
            Object::new()
                .with("unit_code", "18073")
                .with("unit_valid_from", "2025-07-01")
                .with("name", "UBND phường Thành Sen"),
        )
        .with("status", "active")
}

fn person(id: &str, name: &str, birth: &str) -> Object {
    Object::new().with("personal_id", id).with("full_name", name).with("birth_date", birth)
}

fn husband() -> Object {
    person("042090990001", "Lê Văn An", "1990-02-03")
}

fn wife() -> Object {
    person("042192990002", "Nguyễn Thị Hoà", "1992-08-09")
}

fn birth() -> Object {
    base("18073-KS-2026-15", "2026-10-05")
        .with("registration", "on_time")
        .with("child", person("042326990003", "Lê Hoà An", "2026-09-20").with("sex", "female"))
        .with("birth_place", address())
        .with("mother", wife())
        .with("father", husband())
}

#[test]
fn births_keep_their_rules() {
    check_changes(
        &birth::record_type(BIRTH, DEATH),
        &birth(),
        &[
            (&[("entry_number", to("18073-KH-2026-15"))], &["entry_number FORMAT"]),
            (&[("entry_number", to("18073-KS-2026-015"))], &["entry_number FORMAT"]),
            (&[("entry_number", to("18074-KS-2026-15"))], &["entry_number CONFLICT"]),
            (&[("entry_number", to("18073-KS-2025-15"))], &["entry_number CONFLICT"]),
            (&[("registered_on", to("2026-11-23"))], &["registered_on FUTURE", "registration CONFLICT"]),
            (&[("registered_on", to("2026-09-19"))], &["registered_on ORDER", "child.birth_date ORDER"]),
            (&[("registration", to("late"))], &["registration CONFLICT"]),
            (&[("child.birth_date", to("2026-08-06")), ("registration", to("on_time"))], &[]),
            (&[("child.birth_date", to("2026-08-05"))], &["registration CONFLICT"]),
            (&[("child.birth_date", to("2026-08-05")), ("registration", to("late"))], &[]),
            (&[("child.sex", None)], &["child.sex REQUIRED"]),
            (&[("child.personal_id", None), ("mother", None), ("father", None)], &[]),
            (&[("child.personal_id", to("042192990002"))], &["mother.personal_id CONFLICT"]),
            (&[("mother.birth_date", to("2015-01-01"))], &["mother.birth_date CONFLICT"]),
            (&[("father.sex", to("female"))], &["father.sex CONFLICT"]),
            (&[("authority.unit_valid_from", to("2008-01-01"))], &["authority.unit_valid_from UNKNOWN_VALUE"]),
        ],
    );
}

fn marriage() -> Object {
    base("18073-KH-2026-7", "2026-03-02").with("husband", husband()).with("wife", wife())
}

#[test]
fn marriages_keep_their_rules() {
    let of_2014 = base("18073-KH-2014-7", "2014-12-31")
        .with("husband", person("042095990001", "Lê Văn An", "1995-12-30"))
        .with("wife", wife())
        .with(
            "authority",
            Object::new().with("unit_code", "18073").with("unit_valid_from", "2025-07-01").with("name", "x"),
        );
    check_changes(
        &marriage_type(),
        &marriage(),
        &[
            (&[("husband.birth_date", to("2006-03-02"))], &[]),
            (&[("husband.birth_date", to("2006-03-03"))], &["husband.birth_date CONFLICT"]),
            (&[("wife.birth_date", to("2008-03-03"))], &["wife.birth_date CONFLICT"]),
            (&[("wife.personal_id", to("042090990001"))], &["wife.personal_id CONFLICT", "wife.sex REQUIRED"]),
            // a number is kept when the sex is corrected: then the entry says the sex
            (&[("wife.personal_id", to("042090990009"))], &["wife.sex REQUIRED"]),
            (&[("wife.personal_id", to("042090990009")), ("wife.sex", to("female"))], &[]),
            (&[("wife.sex", to("male"))], &["wife.sex CONFLICT"]),
            (&[("ended_on", to("2026-04-01"))], &["ended_on CONFLICT"]),
            (&[("status", to("divorced"))], &["ended_on CONFLICT"]),
            (&[("status", to("divorced")), ("ended_on", to("2026-03-01"))], &["ended_on ORDER"]),
        ],
    );
    // In 2014 the years begun were counted; the unit did not exist yet.
    let mut violations = crate::base::Violations::default();
    marriage_type().validate(&of_2014, crate::registry::common::testing::TODAY, &"p", &mut violations);
    let found: Vec<_> = violations.kept().iter().map(|one| one.field.as_str()).collect();
    assert_eq!(found, ["p.authority.unit_valid_from"]);
}

fn marriage_type() -> RecordType {
    marriage::record_type(MARRIAGE, DEATH)
}

#[test]
fn deaths_divorces_adoptions_and_changes_keep_their_rules() {
    let death = base("18073-KT-2026-3", "2026-05-10")
        .with("registration", "on_time")
        .with("deceased", person("042045990001", "Lê Văn Cũ", "1945"))
        .with("died_on", "2026-05-01");
    check_changes(
        &death::record_type(DEATH, MARRIAGE, BIRTH),
        &death,
        &[
            (&[("died_on", to("1944"))], &["died_on ORDER"]),
            (&[("died_on", to("2026-04-01"))], &["registration CONFLICT"]),
            (&[("died_on", to("2026"))], &[]),
            (&[("died_on", to("2026-05-11"))], &["registered_on ORDER"]),
        ],
    );
    let divorce = base("18073-LH-2026-1", "2026-06-01")
        .with("marriage_entry", "18073-KH-2026-7")
        .with("husband", husband())
        .with("wife", wife())
        .with("court", "Toà án nhân dân khu vực 1")
        .with("judgment_number", "12/2026/QĐST-HNGĐ")
        .with("effective_on", "2026-05-20");
    check_changes(
        &marriage::divorce_type(DIVORCE, MARRIAGE),
        &divorce,
        &[
            (&[("marriage_entry", to("18073-KS-2026-7"))], &["marriage_entry FORMAT"]),
            (&[("effective_on", to("2026-06-02"))], &["registered_on ORDER"]),
        ],
    );
    let adoption = base("18073-CN-2026-1", "2026-06-01")
        .with("child", person("042220990003", "Trần Thị Bé", "2020-01-01"))
        .with("adoptive_mother", wife())
        .with("relation", "none")
        .with("given_by", "facility");
    check_changes(
        &adoption::record_type(ADOPTION),
        &adoption,
        &[
            (&[("adoptive_mother", None)], &["adoptive_mother REQUIRED"]),
            (&[("child.birth_date", to("2010-06-02"))], &["adoptive_mother.birth_date CONFLICT"]),
            (
                &[("child.birth_date", to("2010-06-01"))],
                &["child.birth_date CONFLICT", "adoptive_mother.birth_date CONFLICT"],
            ),
            (&[("child.birth_date", to("2009-01-01")), ("relation", to("relative"))], &[]),
        ],
    );
    let change = base("18073-TD-2026-1", "2026-06-01")
        .with("kind", "correction")
        .with("person", husband())
        .with("entry", "18073-KS-1990-4")
        .with("field", "birth_date")
        .with("before", "1990-03-02")
        .with("after", "1990-02-03");
    check_changes(
        &change::record_type(CHANGE),
        &change,
        &[
            (&[("entry", to("18073-XX-1990-4"))], &["entry FORMAT"]),
            (&[("after", to("1990-03-02"))], &["after CONFLICT"]),
            (&[("before", None)], &["before CONFLICT"]),
            (&[("before", None), ("kind", to("supplement"))], &[]),
            (&[("kind", to("ethnicity"))], &["field CONFLICT"]),
        ],
    );
}

#[test]
fn entry_numbers_are_recognised_however_they_are_written() {
    let of = birth::record_type(BIRTH, DEATH);
    assert_eq!(of.key_of(&birth()).as_deref(), Some("18073KS202615"));
    assert_eq!(KeyForm::Compact.of("18073-ks-2026-15"), "18073KS202615");
    assert_eq!(forms::unit_and_year("18073-KS-2026-15"), Some(("18073", 2026)));
    assert_eq!(of.people_of(&birth()).len(), 3);
}
