//! `lienthong check` through the program: a client that accepts everything is named in every case, its list of known failures holds, the statement verifies
//! and a changed one does not, and a registry from a schema file keeps its contract.

#![cfg(unix)]

mod common;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Output;

use common::process::{Serving, run};
use serde_json::Value;

/// A client that accepts everything, in a line of shell.
const PERMISSIVE: [&str; 3] = [
    "sh",
    "-c",
    r#"while read -r line; do printf '%s\n' "$line" | sed 's/.*"id":"\([a-z0-9-]*\)","kind".*/{"id":"\1","conclusion":"accepted"}/'; done"#,
];

fn check(folder: &Path, arguments: &[&str], client: &[&str]) -> (i32, String, String) {
    let all = [&["check", "client", "--without", "call,stream"], arguments, &["--"], client].concat();
    told(&run(folder, &all))
}

fn told(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().expect("a code"), text(&output.stdout), text(&output.stderr))
}

fn json(folder: &Path, name: &str) -> Value {
    serde_json::from_slice(&std::fs::read(folder.join(name)).expect(name)).expect("JSON")
}

fn ids(report: &Value, result: &str) -> BTreeSet<String> {
    let cases = report["cases"].as_array().expect("cases").iter();
    cases.filter(|case| case["result"] == result).map(|case| case["id"].as_str().expect("an id").to_owned()).collect()
}

#[test]
fn a_client_that_accepts_everything_is_named_in_every_case_that_it_should_have_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let (code, said, why) = check(folder, &["--report", "report.json", "--junit", "report.xml"], &PERMISSIVE);
    assert_eq!(code, 1, "{why}");
    let report = json(folder, "report.json");
    let (_, listed, _) = told(&run(folder, &["check", "client", "--list", "--output", "json"]));
    let listed: Value = serde_json::from_str(&listed).expect("JSON");
    let bad = listed
        .as_array()
        .expect("cases")
        .iter()
        .filter(|case| case["kind"] != "call" && case["kind"] != "stream" && case["expected"] != "accepted");
    let bad: BTreeSet<String> = bad.map(|case| case["id"].as_str().expect("an id").to_owned()).collect();
    assert_eq!(ids(&report, "failed"), bad);
    assert!(bad.len() > 90 && ids(&report, "passed").len() > 25, "{} bad ones", bad.len());
    assert!(said.contains("FAIL   payload-changed: ") && said.contains("people act on data that no registry signed"));
    let xml = std::fs::read_to_string(folder.join("report.xml")).expect("JUnit");
    assert!(xml.contains(&format!("failures=\"{}\"", bad.len())), "{xml:.300}");

    // A known failure runs, and may fail; a listed case that passes is an error, and so is a listed case that does not exist.
    let known: String = bad.iter().map(|id| format!("{id}  # accepts everything\n")).collect();
    std::fs::write(folder.join("known.txt"), &known).expect("written");
    assert_eq!(check(folder, &["--known", "known.txt"], &PERMISSIVE).0, 0);
    std::fs::write(folder.join("known.txt"), format!("{known}record-whole\n")).expect("written");
    let (code, said, _) = check(folder, &["--known", "known.txt"], &PERMISSIVE);
    assert!(code == 1 && said.contains("FAIL   record-whole: it passes, and is listed as a known failure"));
    std::fs::write(folder.join("known.txt"), "record-hole\n").expect("written");
    let (code, _, why) = check(folder, &["--known", "known.txt"], &PERMISSIVE);
    assert!(code == 2 && why.contains("nearest: record-whole"), "{why}");
}

#[test]
fn a_client_that_says_nothing_or_nonsense_fails_its_cases_and_no_more() {
    let folder = tempfile::tempdir().expect("a folder");
    let two = ["--case", "record-whole,payload-changed", "--limit", "1s"];
    for (script, says) in [
        ("read -r line; exit 3", "the client ended (exit status: 3)"),
        ("exec >&-; sleep 20", "the client closed its stdout"),
        ("while read -r line; do echo yes; done", "its line is no answer"),
        ("while read -r line; do sleep 20; done", "no answer within 1 s"),
        ("while read -r line; do head -c 100000 /dev/zero; done", "a line longer than"),
    ] {
        let (code, said, why) = check(folder.path(), &two, &["sh", "-c", script]);
        assert!(code == 1 && said.matches(says).count() == 2, "{script}: {said}{why}");
    }
    let (code, _, why) = check(folder.path(), &two, &["./no-such-client"]);
    assert!(code == 1 && why.contains("the client cannot be started: ./no-such-client"), "{why}");
    let (code, _, why) = told(&run(folder.path(), &["check", "client", "--without", "calls", "--", "cat"]));
    assert!(code == 2 && why.contains("call"), "{why}");
}

#[test]
fn a_statement_verifies_offline_and_a_changed_one_does_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let secret = folder.join("secret");
    std::fs::write(&secret, "a passphrase for one test").expect("written");
    std::fs::set_permissions(&secret, std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("owner only");
    let signing = [
        "--statement",
        "check.note",
        "--sign-key",
        "check.key",
        "--sign-name",
        "ci.example.vn/check",
        "--passphrase-file",
        "secret",
    ];
    let (_, _, why) =
        check(folder, &[&["--case", "record-whole", "--report", "report.json"], &signing[..]].concat(), &PERMISSIVE);
    let key = why.lines().find_map(|line| line.split_once("signed with ")).expect("the key is told").1;
    let verify =
        |file: &str, more: &[&str]| told(&run(folder, &[&["check", "statement", file, "--key", key], more].concat()));
    let (code, said, why) = verify("check.note", &["--report", "report.json"]);
    assert!(
        code == 0
            && said.contains("signed by ci.example.vn/check: the client sh -c")
            && said.contains("passed the check"),
        "{said}{why}"
    );
    assert!(said.contains("left_out: call, stream, all cases but those named"), "{said}");
    let (_, as_json, _) = verify("check.note", &["--output", "json"]);
    let claims: Value = serde_json::from_str(&as_json).expect("JSON");
    assert_eq!((&claims["counts"]["passed"], &claims["passed"]), (&1.into(), &true.into()));

    let note = std::fs::read_to_string(folder.join("check.note")).expect("a note");
    std::fs::write(folder.join("changed.note"), note.replace("\"passed\":1", "\"passed\":9")).expect("written");
    let (code, _, why) = verify("changed.note", &[]);
    assert!(code == 14 && why.contains("NO_TRUSTED_SIGNATURE"), "{code} {why}");
    let (code, ..) = verify("check.note", &["--report", "check.key"]);
    assert_eq!(code, 10, "another report");
    assert_eq!(verify("missing.note", &[]).0, 3);
    assert_eq!(told(&run(folder, &["check", "statement", "check.note", "--key", "none"])).0, 5);
    assert_eq!(verify("report.json", &[]).0, 16);
}

#[test]
fn a_registry_from_a_schema_file_keeps_the_contract() {
    let folder = tempfile::tempdir().expect("a folder");
    let schema = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/registries/education.yaml");
    let serving = Serving::start(folder.path(), &["--population", "0", "--registry-schema", schema]);
    let education = ["check", "registry", &serving.grpc, "--registry", "education"];
    let all = [&education[..], &["--record-type", "education.diploma.v1", "--report", "report.json"]].concat();
    let (code, said, why) = told(&run(folder.path(), &all));
    assert!(code == 0, "{said}{why}");
    assert!(ids(&json(folder.path(), "report.json"), "passed").len() > 40);
    // A caller who does not own it is refused by every method that is not public.
    let stranger = [&all[..], &["--credential", "demo-bank"]].concat();
    let (code, said, _) = told(&run(folder.path(), &stranger));
    assert!(code == 1 && said.contains("FAIL   create: ") && said.contains("ROLE_NOT_ALLOWED"), "{said}");
    let (code, _, why) = told(&run(folder.path(), &["check", "registry", &serving.grpc]));
    assert!(code == 2 && why.contains("--registry"), "{why}");
    let (code, _, why) =
        told(&run(folder.path(), &[&education[..], &["--record-type", "education.diplom.v1"]].concat()));
    assert!(code == 2 && why.contains("education.diploma.v1"), "{why}");
}
