//! Changes of a file that stored records survive, and others.

use super::super::plan::plan;
use super::*;

fn next(changes: &[(&str, &str)]) -> Sector {
    let text = changes.iter().fold(EDUCATION.replace("version: 1\n", "version: 2\n"), |text, (from, to)| {
        assert!(text.contains(from), "{from}");
        text.replacen(from, to, 1)
    });
    read(&text).unwrap_or_else(|flaws| panic!("{flaws}"))
}

#[test]
fn applying_a_plan_twice_changes_nothing() {
    assert!(plan(&education(), &education()).is_empty());
    let new = next(&[("maximum: 400", "maximum: 500")]);
    let changes: Vec<String> = plan(&education(), &new).changes.iter().map(ToString::to_string).collect();
    assert_eq!(
        changes,
        [
            "change: education: version 2 follows 1",
            "change: education.diploma.v1 credits: is wider: a whole number from 1 to 500"
        ]
    );
    assert!(plan(&new, &new).is_empty());
}

#[test]
fn what_stored_records_would_not_survive_is_refused() {
    let refused = |changes: &[(&str, &str)]| -> Vec<String> {
        plan(&education(), &next(changes)).refused().map(|change| format!("{}: {}", change.what, change.how)).collect()
    };
    for (from, to) in [
        ("enum: [excellent,", "enum: [outstanding, excellent,"),
        ("required: [diploma_number, holder, degree, major,", "required: [diploma_number, holder, degree,"),
        ("maxLength: 40", "maxLength: 60"),
        ("        credits:\n", "        remark: {type: string}\n        credits:\n"),
        ("{vi: Văn bằng, en: Diploma}", "{vi: Văn bằng tốt nghiệp, en: Diploma}"),
        ("level: warning", "level: error"),
        ("otherwise: [correction]", "otherwise: never"),
    ] {
        assert_eq!(refused(&[(from, to)]), [""; 0], "{to}");
    }
    for (changes, expected) in [
        (
            &[("enum: [excellent, very_good,", "enum: [very_good,")][..],
            "education.diploma.v1 classification: is one of",
        ),
        (&[("maxLength: 40", "maxLength: 30")], "register_number: is a text of 1 to 30"),
        (&[("required: [diploma_number,", "required: [diploma_number, credits,")], "credits: becomes required"),
        (&[("minLength: 6", "minLength: 7")], "diploma_number: is a text of 7 to 20"),
        (&[("key_form: compact", "key_form: as_written")], "the natural key changes"),
        (&[("number: 101", "number: 102")], "its document type changes"),
        (
            &[
                ("        classification:\n", "        classed:\n"),
                ("classification, status]", "status]"),
                ("        classification: {one_of", "        classed: {one_of"),
            ],
            "classification: is gone",
        ),
        (
            &[("  key: education", "  key: schools"), ("- agency: education", "- agency: schools")],
            "the agency education is replaced",
        ),
        (&[("version: 2", "version: 1"), ("maximum: 400", "maximum: 500")], "`version` has to be above 1"),
        (
            &[
                ("name: education.diploma.v1", "name: education.diploma.v2"),
                ("education.diploma.v1: [", "education.diploma.v2: ["),
                ("education.diploma.v1: all", "education.diploma.v2: all"),
            ],
            "the record type is gone",
        ),
    ] {
        let found = refused(changes);
        assert!(found.iter().any(|one| one.contains(expected)), "{changes:?}: {found:?}");
    }
}

#[test]
fn a_plan_says_who_gains_what() {
    let told = |changes: &[(&str, &str)]| -> Vec<String> {
        plan(&education(), &next(changes)).changes.iter().map(ToString::to_string).collect()
    };
    let gained = told(&[(
        "[diploma_number, holder, degree, major, school, graduated_on, status]",
        "[diploma_number, holder, credits]",
    )]);
    assert_eq!(
        gained[1..],
        [
            "change: education.diploma.v1: the agency one-stop may read for education.check_degree: credits",
            "change: education.diploma.v1: the agency one-stop may no longer read for education.check_degree: degree, graduated_on, major, school, status",
        ]
    );
    let all = told(&[("[diploma_number, holder, degree, major, school, graduated_on, status]", "all")]);
    assert_eq!(
        all[1..],
        ["change: education.diploma.v1: the agency one-stop may read for education.check_degree: every field"]
    );
    let other = told(&[("  - agency: one-stop\n", "  - agency: bank\n")]);
    assert!(
        other[1].contains("the agency bank may read for education.check_degree: degree, diploma_number,"),
        "{other:?}"
    );
    assert!(other[2].contains("the agency one-stop may no longer read"), "{other:?}");
    let basis = told(&[("    basis: service\n", "    basis: consent\n")]);
    assert!(
        basis[1].contains("the agency one-stop reads for education.check_degree on the basis consent"),
        "{basis:?}"
    );
}

#[test]
fn a_code_ends_and_does_not_go() {
    const HEALTH: &str = include_str!("../../../../examples/registries/health.yaml");
    let told = |from: &str, to: &str| -> Vec<String> {
        let text = HEALTH.replacen("version: 1\n", "version: 2\n", 1).replacen(from, to, 1);
        let (old, new) = (read(HEALTH).expect("reads"), read(&text).unwrap_or_else(|flaws| panic!("{flaws}")));
        plan(&old, &new).changes.iter().skip(1).map(ToString::to_string).collect()
    };
    for (from, to, expected) in [
        (
            "      - {code: tetanus, vi: Vắc xin phòng uốn ván, en: Tetanus}\n",
            "",
            "refused: health.vaccines: the code tetanus is gone",
        ),
        (
            "en: Tetanus}",
            "en: Tetanus, until: 2026-01-01}",
            "change: health.vaccines: says something else of the code tetanus",
        ),
        (
            "en: Tetanus}",
            "en: Tetanus}\n      - {code: hpv, vi: Vắc xin HPV, en: HPV}",
            "change: health.vaccines: has a new code hpv",
        ),
        ("complete: false ", "complete: true ", "change: health.vaccines: becomes complete"),
        (
            "x-references: health.facility.v1, ",
            "",
            "change: health.practitioner.v1: the types of record that its fields name change",
        ),
    ] {
        let told = told(from, to);
        assert!(told.iter().any(|one| one.starts_with(expected)), "{expected}: {told:?}");
    }
}
