//! The published test vectors: the committed files are those that `cargo run --example vectors` writes, and the library and
//! the program give the expected result of each.

#![allow(clippy::disallowed_methods, reason = "tests measure and wait by the machine's time")]

mod common;
#[path = "../examples/vectors/make/mod.rs"]
mod make;

use std::collections::BTreeMap;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use common::process::run;
use common::vectors::{at, files, list, text, vectors};
use lienthong::base::Timestamp;
use lienthong::base::id::from_hex;
use lienthong::trust::merkle::{empty_root, verify_consistency, verify_inclusion};
use lienthong::trust::status_list::StatusToken;
use lienthong::trust::*;
use serde_json::Value;

#[test]
fn the_committed_files_are_what_the_command_writes() {
    let made: BTreeMap<String, String> = make::files().into_iter().collect();
    let committed = files();
    let names = |files: &BTreeMap<String, String>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&committed), names(&made), "run `cargo run --example vectors`; delete what it no longer writes");
    for (name, text) in made {
        assert!(committed[&name] == text, "{name} differs: run `cargo run --example vectors`");
    }
}

#[test]
fn the_examples_of_the_format_page_are_computed() {
    let page = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/format.md");
    let page = std::fs::read_to_string(page).expect("the page");
    for (ours, theirs) in page.lines().zip(make::fill(&page).lines()) {
        assert_eq!(ours, theirs, "run `cargo run --example vectors`");
    }
    assert_eq!(page, make::fill(&page), "run `cargo run --example vectors`");
}

fn blob(value: &Value) -> Vec<u8> {
    value.as_str().map(|text| STANDARD.decode(text).expect("base64")).unwrap_or_default()
}

fn hash(value: &Value) -> Hash {
    blob(value).try_into().expect("32 bytes")
}

fn number(value: &Value) -> u64 {
    value.as_u64().or_else(|| value.as_str().and_then(|text| text.parse().ok())).unwrap_or_default()
}

/// A record out of protobuf JSON, as a program does that gets the message's fields from its gRPC library.
fn record(json: &Value) -> SignedRecord {
    let index = |field: &Value| u16::try_from(number(&field["index"])).expect("a small index");
    let disclosure = match (&json["whole"], &json["partial"]) {
        (Value::Object(_), Value::Null) => {
            Disclosure::Whole { payload: blob(&json["whole"]["payload"]).into(), salt: hash(&json["whole"]["salt"]) }
        }
        (Value::Null, partial) => Disclosure::Partial {
            shown: list(partial, "shown")
                .iter()
                .map(|field| ShownField {
                    index: index(field),
                    name: text(field, "name").to_owned(),
                    value: blob(&field["value"]).into(),
                    salt: hash(&field["salt"]),
                })
                .collect(),
            hidden: list(partial, "hidden")
                .iter()
                .map(|field| HiddenField { index: index(field), leaf: hash(&field["leaf"]) })
                .collect(),
        },
        _ => panic!("one disclosure: {json}"),
    };
    let proof = |proof: &Value| {
        proof.is_object().then(|| LogProof {
            checkpoint: text(proof, "checkpoint").to_owned().into(),
            index: number(&proof["index"]),
            path: list(proof, "path").iter().map(hash).collect(),
        })
    };
    SignedRecord {
        statement: blob(&json["statement"]).into(),
        disclosure,
        issuer_proof: proof(&json["issuerProof"]),
        ledger_proof: proof(&json["ledgerProof"]),
    }
}

/// The status in the newest acceptable list.
fn status(
    lists: &[Value],
    verifier: &Verifier,
    record: &SignedRecord,
    report: &Report,
    now: Timestamp,
) -> status_list::Finding {
    let statement = report.statement.as_ref().expect("a statement");
    let read = |list: &Value| StatusToken::verify(list.as_str().expect("text"), &verifier.anchor()).ok();
    let about = lists.iter().filter_map(read).filter(|list| list.covers(statement));
    let newest = about.max_by_key(|list| (list.claims.issued_at, list.claims.ledger_size));
    let index = record.ledger_proof.as_ref().map(|proof| proof.index);
    newest.map_or_else(|| StatusToken::missing("none"), |list| list.judge(statement, index, now))
}

#[test]
fn the_library_says_what_the_vectors_expect() {
    for vector in vectors("lienthong/vector/v1") {
        let name = text(&vector, "name");
        let anchor = TrustAnchor::from_json(vector["trust_anchor"].to_string().as_bytes());
        let expected = &vector["expected"];
        if expected["exit_code"] == 5 {
            assert!(anchor.is_err(), "{name}: the anchor is invalid");
            continue;
        }
        let Some(records) = vector["records"].as_array() else { continue };
        let verifier = Verifier::new(anchor.unwrap_or_else(|error| panic!("{name}: {error}")));
        assert_eq!(records.len(), list(expected, "records").len(), "{name}");
        for (json, expected) in records.iter().zip(list(expected, "records")) {
            let record = record(json);
            let mut report = verifier.verify(&record, at(&vector));
            if let Some(lists) = vector["status_lists"].as_array() {
                let (check, verdict) = status(lists, &verifier, &record, &report, at(&vector));
                report.add_finding(check, verdict);
            }
            assert_eq!(report.verdict.as_str(), expected["verdict"], "{name}: {report:#?}");
            assert_eq!(report.verdict.code().map(Code::as_str), expected["code"].as_str(), "{name}: {report:#?}");
            let fails: Vec<&str> = report.failed().map(|check| check.name).collect();
            assert_eq!(fails, list(expected, "fails"), "{name}: {report:#?}");
            // earlier verifications do not change later results
            let again = verifier.verify(&record, at(&vector));
            assert_eq!(again.checks, report.checks[..again.checks.len()], "{name}");
        }
    }
}

#[test]
fn the_program_says_what_the_vectors_expect() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    for vector in vectors("lienthong/vector/v1") {
        let name = text(&vector, "name");
        let contents = vector["file"].as_str().map_or_else(|| vector["records"].to_string(), str::to_owned);
        std::fs::write(folder.join("records.json"), contents).expect("written");
        std::fs::write(folder.join("anchor.json"), vector["trust_anchor"].to_string()).expect("written");
        let mut arguments = vec!["verify", "records.json", "--at", text(&vector, "at"), "--output", "json"];
        let lists = vector["status_lists"].as_array().map_or(&[][..], Vec::as_slice);
        let names: Vec<String> = (0..lists.len()).map(|number| format!("list{number}.jwt")).collect();
        for (name, list) in names.iter().zip(lists) {
            std::fs::write(folder.join(name), list.as_str().expect("text")).expect("written");
            arguments.extend(["--status", name]);
        }
        let output = run(folder, &arguments);
        let expected = &vector["expected"];
        let said = String::from_utf8_lossy(&output.stdout);
        let errors = String::from_utf8_lossy(&output.stderr);
        let exit_code = output.status.code().expect("an exit code");
        assert_eq!(i64::from(exit_code), expected["exit_code"], "{name}: {said}{errors}");
        if exit_code == 5 {
            continue;
        }
        let said: Value = serde_json::from_str(&said).unwrap_or_else(|error| panic!("{name}: {error}: {said}"));
        let records: Vec<&Value> = list(&said, "records").iter().filter(|item| item.get("verdict").is_some()).collect();
        assert_eq!(records.len(), list(expected, "records").len(), "{name}");
        for (said, expected) in records.into_iter().zip(list(expected, "records")) {
            assert_eq!((&said["verdict"], &said["code"]), (&expected["verdict"], &expected["code"]), "{name}");
            let failed = list(said, "checks").iter().filter(|check| check["outcome"] == "fail");
            let fails: Vec<&str> = failed.map(|check| text(check, "name")).collect();
            assert_eq!(fails, list(expected, "fails"), "{name}");
        }
    }
}

fn hex(value: &Value) -> Hash {
    from_hex(value.as_str().expect("text")).expect("hexadecimal").try_into().expect("32 bytes")
}

fn hexes(value: &Value) -> Vec<Hash> {
    list(value, "path").iter().map(hex).collect()
}

#[test]
fn trees_are_what_the_vectors_expect() {
    for vector in vectors("lienthong/tree-vector/v1") {
        let (name, size, root) = (text(&vector, "name"), number(&vector["size"]), hex(&vector["root"]));
        assert!(size > 0 || root == empty_root(), "{name}");
        for proof in list(&vector, "inclusion") {
            let verified = verify_inclusion(&hex(&proof["leaf"]), number(&proof["index"]), size, &hexes(proof), &root);
            assert_eq!(verified, Ok(()), "{name}: {proof}");
        }
        let consistent = |proof: &Value| {
            let old_root = hex(&proof["old_root"]);
            verify_consistency((number(&proof["old_size"]), &old_root), (size, &root), &hexes(proof)).is_ok()
        };
        assert!(list(&vector, "consistency").iter().all(consistent), "{name}");
        assert!(!list(&vector, "refused_consistency").iter().any(consistent), "{name}");
    }
}

#[test]
fn policies_say_what_the_vectors_expect() {
    for vector in vectors("lienthong/policy-vector/v1") {
        let (name, expected) = (text(&vector, "name"), &vector["expected"]);
        let policy = Policy::parse(text(&vector, "policy").as_bytes());
        assert_eq!(policy.is_ok(), expected["readable"], "{name}");
        let Ok(policy) = policy else { continue };
        let age_max_ms = vector["age_max_ms"].as_i64().expect("a number");
        let (verdict, why) = policy.judge(text(&vector, "checkpoint").as_bytes(), at(&vector), age_max_ms);
        assert_eq!(verdict.as_str(), expected["verdict"], "{name}: {why}");
        assert_eq!(verdict.code().map(Code::as_str), expected["code"].as_str(), "{name}: {why}");
    }
}

/// The cells of the README's table under this heading row.
fn table<'a>(readme: &'a str, heading: &'a str) -> impl Iterator<Item = Vec<&'a str>> {
    let (_, behind) = readme.split_once(heading).expect("the table");
    let rows = behind.lines().skip(2).take_while(|line| line.starts_with('|'));
    rows.map(|row| row.trim_matches('|').split('|').map(str::trim).collect())
}

/// The files that a cell names.
fn named(cell: &str, files: &BTreeMap<String, String>) -> Vec<Value> {
    let mut found = Vec::new();
    for name in cell.split('`').skip(1).step_by(2) {
        let matches = |file: &str| match name.strip_suffix('*') {
            Some(beginning) => file.starts_with(beginning),
            None => file == format!("{name}.json"),
        };
        let before = found.len();
        let of_name = files.iter().filter(|(file, _)| matches(file));
        found.extend(of_name.map(|(_, text)| serde_json::from_str::<Value>(text).expect("JSON")));
        assert!(found.len() > before, "the README names {name}, which is no file");
    }
    found
}

#[test]
fn the_readme_says_which_file_shows_what() {
    let (readme, files) = (include_str!("vectors/README.md"), files());
    // Every vector of records, policies, logs and presentations says what is expected in one of two ways.
    let expects = |vector: &Value, field: &str, wanted: &str| {
        let expected = &vector["expected"];
        expected[field] == wanted
            || expected["records"].as_array().is_some_and(|all| all.iter().any(|one| one[field] == wanted))
    };
    let mut shown = Vec::new();
    for row in table(readme, "| code | files |") {
        let code = row[0].trim_matches('`');
        for vector in named(row[1], &files) {
            assert!(expects(&vector, "code", code), "{} does not show {code}", vector["name"]);
        }
        shown.push(code);
    }
    assert_eq!(shown, Code::ALL.iter().map(|code| code.as_str()).collect::<Vec<_>>());
    for row in table(readme, "| key | earlier |") {
        for cell in row[1..].iter().filter(|cell| !cell.is_empty()) {
            let (verdict, _) = cell.split_once(' ').expect("a verdict and its files");
            for vector in named(cell, &files) {
                assert!(expects(&vector, "verdict", verdict), "{} does not show {verdict}", vector["name"]);
            }
        }
    }
}
