//! Tests derived from the tables: every pair that is not in one is refused, and every pair in it passes with its requirement. Then the
//! rules that no table can express, case by case.

mod certificates;
mod convictions;

use super::problem::values;
use super::*;
use crate::base::Violations;
use crate::registry::common::testing::{TODAY, basis as resting_on};
use crate::registry::rule::{Field, Rule};
use crate::registry::{Catalogue, RecordType, driver_licence, health_insurance, judicial, land, vehicle};
use crate::trust::Operation;
use crate::trust::Value;

/// The violations of the step from `before` to `after`, as `path RULE`.
fn found(record_type: &RecordType, before: &Object, after: &Object) -> Vec<String> {
    let mut violations = Violations::default();
    let step = Step { before, after, operation: Operation::Update, today: TODAY };
    record_type.lifecycle.check(&step, &mut Findings::new(&"payload", &mut violations));
    let found = violations.kept().iter();
    found.map(|one| format!("{} {}", one.field.trim_start_matches("payload."), one.rule)).collect()
}

/// The same about one field alone.
fn found_at(record_type: &RecordType, before: &Object, after: &Object, path: &str) -> Option<String> {
    let found = found(record_type, before, after);
    found.iter().find_map(|one| Some(one.strip_prefix(path)?.strip_prefix(' ')?.to_owned()))
}

/// Tests the requirement of the change at `path`: without a basis, with an old one, with one for another reason, and with the right one.
fn needs_just(record_type: &RecordType, before: &Object, after: &Object, path: &str, needs: &Needs) {
    let with = |object: &Object, reason: &str| object.clone().with("basis", resting_on(reason));
    let found = |before: &Object, after: &Object| found_at(record_type, before, after, path);
    let told = format!("{record_type:?} {path} {before:?} {after:?}");
    match needs {
        Needs::Nothing => assert_eq!(found(before, after), None, "{told}"),
        Needs::Never => {
            assert_eq!(found(before, after).as_deref(), Some("FIXED"), "{told}");
            assert_eq!(found(before, &with(after, "correction")).as_deref(), Some("FIXED"), "{told}");
        }
        Needs::Basis(reasons) => {
            assert_eq!(found(before, after).as_deref(), Some("BASIS_REQUIRED"), "{told}");
            let old = (with(before, "whatever"), with(after, "whatever"));
            assert_eq!(found(&old.0, &old.1).as_deref(), Some("BASIS_REQUIRED"), "{told}");
            let other = (!reasons.is_empty()).then(|| "BASIS_REASON".to_owned());
            assert_eq!(found(before, &with(after, "whatever")), other, "{told}");
            for reason in reasons {
                assert_eq!(found(before, &with(after, reason)), None, "{told} {reason}");
            }
        }
    }
}

/// An object with a text at `path`.
fn at(path: &str, value: impl Into<Value>) -> Object {
    match path.split_once('.') {
        None => Object::new().with(path, value),
        Some((name, rest)) => Object::new().with(name, at(rest, value)),
    }
}

#[test]
fn what_is_in_no_table_is_refused_and_what_is_in_one_needs_what_it_says() {
    let catalogue = Catalogue::built_in();
    let (mut allowed, mut refused) = (0, 0);
    for record_type in catalogue.record_types() {
        let of = &record_type.lifecycle;
        assert!(of.states.iter().any(|states| states.field == "status"), "{record_type:?} has a table");
        for states in &of.states {
            let values = values(&record_type.fields, &states.field).expect("a closed set");
            for (from, to) in values.iter().flat_map(|from| values.iter().map(move |to| (from, to))) {
                let (before, after) = (at(&states.field, *from), at(&states.field, *to));
                match states.rows.iter().find(|row| row.from == *from && row.to == *to) {
                    _ if from == to => assert!(found(record_type, &before, &after).is_empty()),
                    Some(row) => {
                        allowed += 1;
                        needs_just(record_type, &before, &after, &states.field, &row.needs);
                    }
                    None => {
                        refused += 1;
                        let after = after.with("basis", resting_on("court_decision"));
                        let found = found_at(record_type, &before, &after, &states.field);
                        assert_eq!(found.as_deref(), Some("TRANSITION"), "{record_type:?} {from} {to}");
                    }
                }
            }
        }
    }
    assert!(allowed > 90 && refused > 30, "{allowed} {refused}");
}

#[test]
fn fields_stay_or_change_for_a_reason() {
    for record_type in Catalogue::built_in().record_types() {
        for field in &record_type.lifecycle.fields {
            let (one, other) = (at(&field.path, "a"), at(&field.path, "b"));
            let nothing = match field.path.split_once('.') {
                Some((name, _)) => Object::new().with(name, Object::new()),
                None => Object::new(),
            };
            needs_just(record_type, &one, &other, &field.path, &field.needs);
            needs_just(record_type, &one, &nothing, &field.path, &field.needs);
            let added = if field.may_be_added { &Needs::Nothing } else { &field.needs };
            needs_just(record_type, &nothing, &other, &field.path, added);
        }
    }
}

#[test]
fn entries_of_lists_stay() {
    for record_type in Catalogue::built_in().record_types() {
        for list in &record_type.lifecycle.lists {
            let entry = |name: &str| match list.key.as_slice() {
                [] => Value::from(name),
                keys => Value::Object(keys.iter().map(|key| (key.clone(), Value::from(name))).collect()),
            };
            let holding = |entries: Vec<Value>| Object::new().with(&list.field, entries);
            let (path, Entries { added, closing, closed, changed, removed }) = (&list.field, &list.entries);
            let one = holding(vec![entry("a")]);
            let turned =
                found(record_type, &holding(vec![entry("b"), entry("a")]), &holding(vec![entry("a"), entry("b")]));
            assert!(turned.is_empty(), "{turned:?}");
            needs_just(record_type, &one, &holding(vec![entry("a"), entry("b")]), &format!("{path}[1]"), added);
            needs_just(record_type, &one, &Object::new(), path, removed);
            if let Value::Object(whole) = entry("a") {
                let with = |name: &str| holding(vec![Value::Object(whole.clone().with(name, "2020-01-01"))]);
                needs_just(record_type, &one, &with("remark"), &format!("{path}[0]"), changed);
                for closing in closing {
                    needs_just(record_type, &one, &with(closing), &format!("{path}[0]"), closed);
                    needs_just(record_type, &with(closing), &one, &format!("{path}[0]"), changed);
                }
            }
        }
    }
}

/// A step of a record type, and its violations.
type Case = (&'static str, Object, Object, &'static [&'static str]);

fn hold(cases: &[Case]) {
    let catalogue = Catalogue::built_in();
    for (name, before, after, expected) in cases {
        let record_type = catalogue.record_type(name).expect("a type");
        assert_eq!(found(record_type, before, after), *expected, "{name}: {before:?} → {after:?}");
    }
}

fn because(reason: &str, object: &Object) -> Object {
    object.clone().with("basis", resting_on(reason))
}

#[test]
fn points_follow_deductions_time_and_tests() {
    let points = |points: i64| {
        let day = (points < 12).then_some("2025-03-01");
        Object::new().with("points", points).with_optional("points_deducted_on", day)
    };
    let on = |points: i64, day: &str| Object::new().with("points", points).with("points_deducted_on", day);
    let case = |before: i64, after: Object, expected: &'static [&'static str]| {
        (driver_licence::LICENCE, points(before), after, expected)
    };
    hold(&[
        case(12, because("points_deducted", &points(8)), &[]),
        case(12, points(8), &["points POINTS"]),
        case(12, because("points_deducted", &Object::new().with("points", 8)), &["points_deducted_on DEDUCTION_DAY"]),
        case(8, because("points_deducted", &on(6, "2025-02-28")), &["points_deducted_on DEDUCTION_DAY"]),
        case(8, because("points_deducted", &on(6, "2026-02-28")), &[]),
        case(8, on(8, "2024-03-01"), &["points_deducted_on DEDUCTION_DAY"]),
        case(8, Object::new().with("points", 8), &["points_deducted_on DEDUCTION_DAY"]),
        case(8, because("correction", &on(8, "2024-03-01")), &[]),
        case(8, because("clean_year", &points(12)), &[]),
        case(8, because("clean_year", &points(10)), &["points POINTS"]),
        case(8, because("court_decision", &points(10)), &[]),
        case(0, because("clean_year", &points(12)), &["points POINTS"]),
        case(0, because("knowledge_test", &points(12)), &[]),
        case(0, points(12), &["points POINTS"]),
        case(5, points(5), &[]),
    ]);
}

#[test]
fn a_suspension_has_an_end_unless_no_point_is_left() {
    let licence = |status: &str, points: i64, until: Option<&str>| {
        let day = (points < 12).then_some("2025-03-01");
        let licence = Object::new().with("status", status).with("points", points);
        licence.with_optional("points_deducted_on", day).with_optional("suspended_until", until)
    };
    let case = |points, until, expected: &'static [&'static str]| {
        let suspended = because("penalty", &licence("suspended", points, until));
        (driver_licence::LICENCE, licence("active", points, None), suspended, expected)
    };
    hold(&[
        case(12, None, &["suspended_until SUSPENSION"]),
        case(12, Some("2026-11-21"), &["suspended_until SUSPENSION"]),
        case(12, Some("2026-11-22"), &[]),
        case(0, None, &[]),
    ]);
    let suspended = |until| licence("suspended", 12, until);
    hold(&[
        (driver_licence::LICENCE, suspended(Some("2026-12-31")), suspended(None), &["suspended_until SUSPENSION"]),
        (
            driver_licence::LICENCE,
            suspended(Some("2026-12-31")),
            because("penalty", &suspended(Some("2027-01-31"))),
            &[],
        ),
    ]);
}

#[test]
fn a_death_has_a_day_and_is_entered_later() {
    let person =
        |life: &str, died: Option<&str>| Object::new().with("life_status", life).with_optional("death_date", died);
    let case = |died, expected: &'static [&'static str]| {
        let dead = because("death_entry", &person("deceased", died));
        ("resident.person.v1", person("alive", None), dead, expected)
    };
    // The basis of these tests is of 2 November 2026.
    hold(&[
        case(None, &["death_date DEATH_DAY"]),
        case(Some("2026-11-03"), &["death_date DEATH_DAY"]),
        case(Some("2026-11-02"), &[]),
        case(Some("2026"), &[]),
    ]);
}

#[test]
fn a_plate_is_kept_since_its_document() {
    let plate = |status: &str, since: Option<&str>| {
        Object::new().with("status", status).with_optional("plate_kept_since", since)
    };
    let case = |before: Object, after: Object, expected: &'static [&'static str]| {
        (vehicle::REGISTRATION, before, after, expected)
    };
    hold(&[
        case(
            plate("active", None),
            because("sold", &plate("plate_kept", Some("2020-01-01"))),
            &["plate_kept_since KEPT_SINCE"],
        ),
        case(plate("active", None), because("sold", &plate("plate_kept", Some("2026-11-02"))), &[]),
        case(plate("active", None), because("sold", &plate("plate_kept", None)), &[]),
        case(
            plate("plate_kept", Some("2026-11-01")),
            plate("plate_kept", Some("2020-01-01")),
            &["plate_kept_since KEPT_SINCE"],
        ),
        case(
            plate("plate_kept", Some("2026-11-01")),
            because("correction", &plate("plate_kept", Some("2026-10-01"))),
            &[],
        ),
        case(plate("plate_kept", Some("2026-11-01")), because("plate_reassigned", &plate("active", None)), &[]),
    ]);
}

fn party(id: Option<&str>, name: &str) -> Object {
    Object::new().with_optional("personal_id", id).with("full_name", name)
}

const AN: &str = "042090990001";
const BINH: &str = "042090990002";

#[test]
fn a_document_keeps_its_holder() {
    let held = |id: Option<&str>, name: &str| Object::new().with("holder", party(id, name));
    let an = || held(Some(AN), "Lê Hoà");
    let case = |before: Object, after: Object, expected: &'static [&'static str]| {
        (health_insurance::CARD, before, after, expected)
    };
    hold(&[
        case(an(), because("correction", &held(Some(BINH), "Trần Mai")), &["holder HOLDER"]),
        case(an(), because("transfer", &held(Some(BINH), "Lê Hoà")), &["holder HOLDER"]),
        // the same name, placed differently: a new number of the same person
        case(an(), because("id_re_established", &held(Some(BINH), "Lê Hoà")), &[]),
        case(held(None, "Lê Hoà"), because("identified", &an()), &[]),
        case(held(None, "Lê Hoà"), an(), &["holder HOLDER"]),
        case(held(None, "Trần Mai"), because("identified", &an()), &["holder HOLDER"]),
        case(an(), because("correction", &held(Some(AN), "Lê Hoà Bình")), &[]),
        case(an(), held(Some(AN), "Lê Hoà Bình"), &["holder.full_name BASIS_REQUIRED"]),
        // a slip of the pen in the number, and another number altogether
        case(an(), because("correction", &held(Some("042090990010"), "Lê Hoà")), &[]),
        case(an(), because("correction", &held(Some("001085123456"), "Lê Hoà")), &["holder HOLDER"]),
    ]);
    let born = |id: Option<&str>, name: &str, birth: &str| {
        Object::new().with("holder", party(id, name).with("birth_date", birth))
    };
    hold(&[
        // under one number all other data become those of another person
        case(born(Some(AN), "Lê Hoà", "1990"), because("x", &born(Some(AN), "Trần Mai", "1985")), &["holder HOLDER"]),
        case(born(Some(AN), "Lê Hoà", "1990"), because("x", &born(Some(AN), "Trần Mai", "1990")), &[]),
        case(
            born(Some(AN), "Lê Hoà", "1990"),
            because("id_re_established", &born(Some(BINH), "Lê Hoà", "1985")),
            &["holder HOLDER"],
        ),
        // a name that was written down wrongly, without a number
        case(born(None, "Lê Hòa", "1990"), because("correction", &born(None, "Lê Hoàn", "1990")), &[]),
        case(born(None, "Lê Hòa", "1990"), because("correction", &born(None, "Lê Hoàn", "1991")), &["holder HOLDER"]),
    ]);
}

#[test]
fn a_plate_stays_with_its_owner() {
    let registered = |status: &str, id: &str, name: &str, chassis: &str| {
        let owner = party(Some(id), name);
        Object::new().with("status", status).with("owner", owner).with("chassis_number", chassis)
    };
    let own = |status: &str| registered(status, AN, "Lê An", "RLHKC1234NY012345");
    let other_chassis = |status: &str| registered(status, AN, "Lê An", "RLHKC1234NY012346");
    let sold = || registered("active", BINH, "Trần Mai", "RLHKC1234NY012346");
    let case = |before: Object, after: Object, expected: &'static [&'static str]| {
        (vehicle::REGISTRATION, before, after, expected)
    };
    hold(&[
        case(own("active"), because("sale", &sold()), &["owner PLATE_OWNER", "chassis_number PLATE_CHASSIS"]),
        case(own("active"), because("sale", &own("plate_kept")), &[]),
        case(own("active"), because("plate_reassigned", &other_chassis("active")), &["chassis_number PLATE_CHASSIS"]),
        case(own("active"), because("vehicle_modified", &other_chassis("active")), &[]),
        case(own("plate_kept"), because("plate_reassigned", &other_chassis("active")), &[]),
        case(own("plate_kept"), because("plate_reassigned", &sold()), &["owner PLATE_OWNER"]),
        case(
            own("plate_kept"),
            because("plate_assigned", &sold()),
            &["status BASIS_REASON", "owner PLATE_OWNER", "chassis_number PLATE_CHASSIS"],
        ),
        case(own("plate_kept"), because("plate_returned", &own("returned")), &[]),
        case(own("returned"), because("plate_assigned", &sold()), &[]),
        case(
            own("returned"),
            because("plate_reassigned", &other_chassis("active")),
            &["status BASIS_REASON", "chassis_number PLATE_CHASSIS"],
        ),
        case(
            own("plate_kept"),
            because("plate_returned", &registered("returned", BINH, "Trần Mai", "RLHKC1234NY012345")),
            &["owner PLATE_OWNER"],
        ),
    ]);
}

#[test]
fn a_refusal_names_what_would_be_legal_and_where_that_is_written_and_no_protected_state() {
    let catalogue = Catalogue::built_in();
    let says = |name: &str, field: &str, from: &str, to: &str| {
        let record_type = catalogue.record_type(name).expect("a type");
        let mut violations = Violations::default();
        let (before, after) = (at(field, from), at(field, to));
        let step = Step { before: &before, after: &after, operation: Operation::Update, today: TODAY };
        record_type.lifecycle.check(&step, &mut Findings::new(&"payload", &mut violations));
        violations.kept().iter().map(|one| one.message.clone()).collect::<Vec<_>>()
    };
    assert_eq!(
        says(driver_licence::LICENCE, "status", "revoked", "active"),
        ["revoked → active is not allowed: revoked is final (memory: Law 36/2024, art. 62)"]
    );
    assert_eq!(
        says("resident.person.v1", "life_status", "deceased", "alive"),
        ["deceased → alive needs a `basis` of its own with a reason_code among court_decision, entry_annulled \
          (memory: Civil Code, arts. 68 to 73)"]
    );
    assert_eq!(
        says("resident.person.v1", "life_status", "deceased", "missing"),
        ["deceased → missing is not allowed: alive may follow deceased (memory: Civil Code, arts. 68 to 73)"]
    );
    let convicted = says(judicial::RECORD, "status", "conviction", "no_conviction");
    assert!(convicted[0].starts_with("this transition needs a `basis`"), "{convicted:?}");
}

#[test]
fn tables_name_what_there_is() {
    let fields = [Field::required("status", Rule::one_of(&["on", "off"])), Field::required("mark", Rule::Text(4))];
    let states =
        |rows: Vec<TransitionRow<'static>>| Lifecycle::default().states("status", assumption(), rows).problem(&fields);
    let row = |from, to| (from, to, free(), assumption());
    assert_eq!(states(vec![row("on", "off")]), None);
    for (rows, says) in [
        (vec![row("on", "of")], "the state `of`"),
        (vec![row("on", "on")], "changes nothing"),
        (vec![row("on", "off"), row("on", "off")], "duplicate"),
    ] {
        assert!(states(rows).expect(says).contains(says));
    }
    let open = Lifecycle::default().states("mark", assumption(), [row("a", "b")]).problem(&fields);
    assert!(open.expect("no set").contains("not a closed set"));
    let unknown = Lifecycle::default().fields([("colour", never(), assumption())]).problem(&fields);
    assert!(unknown.expect("no field").contains("`colour`"));
    let optional = [Field::optional("status", Rule::one_of(&["on", "off"]))];
    let absent = Lifecycle::default().states("status", assumption(), [row("on", "off")]).problem(&optional);
    assert!(absent.expect("may be absent").contains("not required"));
    let entry = Rule::object([Field::required("post", Rule::Text(4)), Field::optional("until", Rule::Date)]);
    let listed = [Field::optional("bans", Rule::list(entry, 4)), Field::required("mark", Rule::Text(4))];
    let list = |field: &str, key: &[&str], closing: &[&str]| {
        Lifecycle::default().list(field, key, Entries::free().closed_by(closing), assumption()).problem(&listed)
    };
    assert_eq!(list("bans", &["post"], &["until"]), None);
    for (problem, says) in [
        (list("mark", &[], &[]), "not a list"),
        (list("bans", &["court"], &[]), "`court` of an entry"),
        (list("bans", &["post"], &["ended"]), "`ended` of an entry"),
    ] {
        assert!(problem.expect(says).contains(says));
    }
}

/// After a change of a table, `LIENTHONG_WRITE_PAGES=1 cargo test the_page` writes the page anew.
#[test]
fn the_page_says_what_the_tables_say() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/lifecycles.md");
    let page = page(&Catalogue::built_in());
    if std::env::var_os("LIENTHONG_WRITE_PAGES").is_some() {
        std::fs::write(path, &page).expect("writable");
    }
    assert_eq!(std::fs::read_to_string(path).expect("docs/lifecycles.md"), page);
}
