//! Records, whole and partial, and payloads that are not what their statement commits to.

use lienthong::trust::canonical::write;
use lienthong::trust::commitment::{Salter, field_leaf};
use lienthong::trust::merkle::root_in_place;
use lienthong::trust::*;

use super::vector::{Expected, Vector, expect};
use super::world::*;

pub fn all() -> Vec<Vector> {
    [wholes(), partials()].into_iter().flatten().collect()
}

fn wholes() -> Vec<Vector> {
    let (world, good) = issued();
    let with = |disclosure| SignedRecord { disclosure, ..good.clone() };
    let mut changed = payload();
    changed.insert("area_m2", 251);
    let mut fewer = payload();
    fewer.remove("shared");
    let mut more = payload();
    more.insert("zone", "rural");
    let other_salt = Disclosure::Whole { payload: write(&payload()).into(), salt: [8; 32] };
    let mut empty_world = World::new();
    let (_, statement) = build_record(draft(), b"{}", &SALT).expect("canonical");
    let empty = empty_world.stand(statement, whole(*b"{}"));
    let mut second_world = World::new();
    let first = second_world.issue(draft());
    let second = second_world.issue(Draft {
        version: 2,
        previous: statement_hash(&first.statement),
        operation: Operation::Revoke,
        ..draft()
    });
    vec![
        Vector::good("record-whole", "A record with its whole payload: every check passes.", &world, &good),
        Vector::good(
            "record-empty",
            "A payload without fields: fields_root is SHA-256 of nothing.",
            &empty_world,
            &empty,
        ),
        Vector::many(
            "record-versions",
            "Two versions of one record, the second a revocation that names the hash of the first. Both were issued, so both are VALID: \
             a record cannot prove that it is the latest.",
            &second_world,
            vec![first, second],
            Expected { exit_code: 0, records: vec![expect(Verdict::Valid, &[]), expect(Verdict::Valid, &[])] },
        ),
        Vector::bad(
            "payload-changed",
            "One number of the payload is changed.",
            &world,
            &with(whole(write(&changed))),
            Code::PayloadMismatch,
            &["payload"],
        ),
        Vector::bad(
            "payload-field-removed",
            "A field is left out of a whole payload.",
            &world,
            &with(whole(write(&fewer))),
            Code::PayloadMismatch,
            &["payload", "field_count"],
        ),
        Vector::bad(
            "payload-field-added",
            "A field is added to a whole payload.",
            &world,
            &with(whole(write(&more))),
            Code::PayloadMismatch,
            &["payload", "field_count"],
        ),
        Vector::bad(
            "payload-salt-changed",
            "The payload is right, its salt is not.",
            &world,
            &with(other_salt),
            Code::PayloadMismatch,
            &["payload"],
        ),
        Vector::many(
            "exit-code-first",
            "Three records in one file: the exit code is that of the first that is not VALID.",
            &world,
            vec![good.clone(), with(whole(write(&changed))), SignedRecord { ledger_proof: None, ..good.clone() }],
            Expected {
                exit_code: Code::PayloadMismatch.exit_code(),
                records: vec![
                    expect(Verdict::Valid, &[]),
                    expect(Verdict::Invalid(Code::PayloadMismatch), &["payload"]),
                    expect(Verdict::Indeterminate(Code::NoPoe), &["ledger_inclusion"]),
                ],
            },
        ),
    ]
}

fn partial(shown: Vec<ShownField>, hidden: Vec<HiddenField>) -> Disclosure {
    Disclosure::Partial { shown, hidden }
}

fn partials() -> Vec<Vector> {
    let (world, good) = issued();
    let shows = |names: &[&str]| redact(&good.disclosure, names).expect("canonical");
    let with = |disclosure| SignedRecord { disclosure, ..good.clone() };
    let Disclosure::Partial { shown, hidden } = shows(&["area_m2", "number"]) else { unreachable!("redacted") };
    let edit = |change: &dyn Fn(&mut Vec<ShownField>, &mut Vec<HiddenField>)| {
        let (mut shown, mut hidden) = (shown.clone(), hidden.clone());
        change(&mut shown, &mut hidden);
        with(partial(shown, hidden))
    };
    let mismatch = |name: &str, text, fails: &[&'static str], record: SignedRecord| {
        Vector::bad(name, text, &world, &record, Code::PayloadMismatch, fails)
    };
    let mut vectors = vec![
        Vector::good(
            "partial-two-fields",
            "Two of five fields are shown; of the others only hashes.",
            &world,
            &with(shows(&["area_m2", "number"])),
        ),
        Vector::good("partial-nothing", "Every field is hidden. Still a record.", &world, &with(shows(&[]))),
        Vector::good(
            "partial-everything",
            "Every field is shown, one by one.",
            &world,
            &with(shows(&["address", "area_m2", "holder", "number", "shared"])),
        ),
        Vector::good(
            "partial-object",
            "A field that is an object is shown as one piece.",
            &world,
            &with(shows(&["holder"])),
        ),
        mismatch(
            "partial-value-changed",
            "A shown value is changed.",
            &["payload"],
            edit(&|shown, _| shown[0].value = "251".into()),
        ),
        mismatch(
            "partial-name-changed",
            "A shown name is changed.",
            &["payload"],
            edit(&|shown, _| shown[0].name = "area_m3".into()),
        ),
        mismatch(
            "partial-salt-changed",
            "A shown field's salt is changed.",
            &["payload"],
            edit(&|shown, _| shown[0].salt = [9; 32]),
        ),
        mismatch(
            "partial-leaf-changed",
            "A hidden field's hash is changed.",
            &["payload"],
            edit(&|_, hidden| hidden[0].leaf[0] ^= 1),
        ),
        mismatch(
            "partial-field-missing",
            "A hidden field is left out.",
            &["payload"],
            edit(&|_, hidden| hidden.retain(|field| field.index != 0)),
        ),
        mismatch(
            "partial-last-field-missing",
            "The last field is left out, so that the indices have no gap.",
            &["payload", "field_count"],
            edit(&|_, hidden| hidden.truncate(hidden.len() - 1)),
        ),
        mismatch(
            "partial-field-twice",
            "A field is shown and hidden too.",
            &["payload"],
            edit(&|shown, hidden| hidden.insert(1, HiddenField { index: shown[0].index, leaf: hidden[0].leaf })),
        ),
        mismatch(
            "partial-shown-twice",
            "A field is shown twice under one index.",
            &["payload"],
            edit(&|shown, _| shown.insert(0, shown[0].clone())),
        ),
        mismatch(
            "partial-order",
            "The shown fields are not in the payload's order.",
            &["payload"],
            edit(&|shown, _| shown.reverse()),
        ),
        mismatch(
            "partial-empty",
            "Neither shown nor hidden fields.",
            &["payload", "field_count"],
            with(partial(vec![], vec![])),
        ),
        mismatch(
            "partial-too-many",
            "65 hidden fields: refused by their number.",
            &["payload"],
            with(partial(vec![], (0..65).map(|index| HiddenField { index, leaf: [0; 32] }).collect())),
        ),
    ];
    vectors.push(Vector::bad(
        "partial-first-flaw",
        "A field is missing before one whose value is not canonical: shown fields are read before indices are counted.",
        &world,
        &edit(&|shown, hidden| {
            hidden.retain(|field| field.index != 0);
            shown[0].value = "0250".into();
        }),
        Code::NonCanonical,
        &["canonical"],
    ));
    vectors.extend(committed_partials());
    vectors
}

/// Partial disclosures whose commitments do lead to the statement's root, because a careless issuer made them.
fn committed_partials() -> Vec<Vector> {
    let issue = |fields: &[(&str, &str)]| {
        let salter = Salter::new(&SALT);
        let shown: Vec<ShownField> = fields
            .iter()
            .zip(0..)
            .map(|((name, value), index)| ShownField {
                index,
                name: (*name).to_owned(),
                value: value.to_string().into(),
                salt: salter.field_salt(name),
            })
            .collect();
        let mut leaves: Vec<Hash> =
            shown.iter().map(|field| field_leaf(&field.salt, &field.name, &field.value)).collect();
        let (statement, _) = build_record(draft(), b"{}", &SALT).expect("canonical");
        let statement =
            Statement { field_count: shown.len() as u16, fields_root: root_in_place(&mut leaves), ..statement };
        let mut world = World::new();
        let record = world.stand(statement.encode(), partial(shown, vec![]));
        (world, record)
    };
    type Case = (&'static str, &'static str, Code, &'static [(&'static str, &'static str)]);
    let cases: [Case; 6] = [
        (
            "partial-value-not-canonical",
            "The issuer committed to a value with a blank: the hashes agree, the form does not.",
            Code::NonCanonical,
            &[("area_m2", " 250")],
        ),
        ("partial-value-trailing", "A value with a second one after it.", Code::NonCanonical, &[("area_m2", "250,1")]),
        ("partial-value-empty", "A value of no bytes.", Code::NonCanonical, &[("area_m2", "")]),
        (
            "partial-value-too-deep",
            "A shown value is at depth 2, so that its eighth list is at depth 9.",
            Code::NonCanonical,
            &[("list", "[[[[[[[[]]]]]]]]")],
        ),
        (
            "partial-name-not-snake-case",
            "The issuer committed to an invalid name.",
            Code::NonCanonical,
            &[("areaM2", "250")],
        ),
        (
            "partial-names-not-sorted",
            "The issuer committed to names out of order.",
            Code::PayloadMismatch,
            &[("number", "1"), ("area_m2", "250")],
        ),
    ];
    cases
        .into_iter()
        .map(|(name, text, code, fields)| {
            let (world, record) = issue(fields);
            let fails: &[&'static str] = if code == Code::NonCanonical { &["canonical"] } else { &["payload"] };
            Vector::bad(name, text, &world, &record, code, fails)
        })
        .collect()
}
