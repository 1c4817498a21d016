//! `lienthong scenario run` through the program: several sessions side by side, verdicts, and what a failed expectation is called. The ten stories are run
//! by the gate (.ci/scenarios.sh), each as it is and with every expectation the other way round.

#![cfg(unix)]

mod common;

use std::path::Path;

use common::process::{Serving, run};
use serde_json::Value;

const STORIES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/scenarios");

/// Runs files; the exit code, and the outcome of each.
fn told(folder: &Path, serving: &Serving, files: &[&str]) -> (i32, Vec<Value>) {
    let all = [&["scenario", "run", "--address", &serving.grpc, "--output", "json"], files].concat();
    let output = run(folder, &all);
    let why = String::from_utf8_lossy(&output.stderr).into_owned();
    let mut json: Value = serde_json::from_slice(&output.stdout).expect(&why);
    let Value::Array(outcomes) = json["scenarios"].take() else { panic!("{json}") };
    (output.status.code().expect("a code"), outcomes)
}

#[test]
fn sessions_stand_side_by_side_and_verdicts_are_those_of_verify() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let serving = Serving::start(folder, &["--population", "0"]);
    let story = |name: &str| format!("{STORIES}/{name}.yaml");
    let (two, key) = (story("two-testers-at-once"), story("key-compromise"));
    let (code, outcomes) = told(folder, &serving, &[&two, &key]);
    assert_eq!((code, outcomes.len()), (0, 2), "{outcomes:#?}");

    // What is expected of one world does not hold in another; a verdict is named with the one that was found.
    let text = std::fs::read_to_string(&two).expect("a story");
    let changed = |file: &str, text: &str, from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        std::fs::write(folder.join(file), text.replacen(from, to, 1)).expect("written");
    };
    changed(
        "world.yaml",
        &text,
        "        in: second\n        call: identity.v1.LinkService/ListLinks",
        "        in: first\n        call: identity.v1.LinkService/ListLinks",
    );
    changed("order.yaml", &text, "verdicts: [VALID]", "verdicts: [INCLUSION]");
    changed(
        "type.yaml",
        &text,
        "verdicts: { health_insurance.card.v1: VALID }",
        "verdicts: { land.certificate.v1: VALID }",
    );
    let text = std::fs::read_to_string(&key).expect("a story");
    changed("code.yaml", &text, "verdicts: REVOKED_NO_POE", "verdicts: [NO_POE]");
    let (code, outcomes) = told(folder, &serving, &["world.yaml", "order.yaml", "type.yaml", "code.yaml"]);
    assert_eq!(code, 1);
    for (outcome, (what, expected, found)) in outcomes.iter().zip([
        ("fields.links.length", "0", "1"),
        ("verdicts", "INCLUSION", "VALID (health_insurance.card.v1)"),
        ("verdicts.land.certificate.v1", "VALID for each record", "no record"),
        ("verdicts", "NO_POE", "REVOKED_NO_POE (health_insurance.card.v1)"),
    ]) {
        let unmet = &outcome["failed"]["unmet"][0];
        assert_eq!(
            (&unmet["what"], &unmet["expected"], &unmet["found"]),
            (&what.into(), &expected.into(), &found.into())
        );
    }

    // Status lists say what a record alone does not: that a later version exists.
    let stale = "scenario: stale\nabout: a version before the latest\nsteps:\n  - step: the registry answers with the version before the latest\n    \
        fault: { match: { personal_id: \"042182990008\" }, read: READ_FAULT_STALE_VERSION }\n  - step: it verifies\n    call: RegistryService/GetRecords\n    as: land-office\n    \
        body: { registry: land, record_types: [land.certificate.v1], personal_id: \"042182990008\" }\n    expect: { verdicts: VALID }\n  - step: it is superseded\n    \
        call: RegistryService/GetRecords\n    as: land-office\n    body: { registry: land, record_types: [land.certificate.v1], personal_id: \"042182990008\" }\n    \
        expect: { verdicts: { land.certificate.v1: SUPERSEDED }, status_lists: true }\n";
    std::fs::write(folder.join("stale.yaml"), stale).expect("written");
    let (code, outcomes) = told(folder, &serving, &["stale.yaml"]);
    assert_eq!(code, 0, "{outcomes:#?}");

    let left = run(folder, &["session", "list", "--address", &serving.grpc, "--output", "json"]);
    assert_eq!(String::from_utf8_lossy(&left.stdout).trim(), "[]", "every session has ended");
    let session = ["scenario", "run", "--address", &serving.grpc, "--session", &"0".repeat(32), &two];
    let refused = run(folder, &session);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("leave --session out"));
}
