//! `lienthong verify` on answers of the gateway: whole they pass, and with any one letter changed they fail.

#![allow(clippy::disallowed_methods, reason = "tests measure and wait by the machine's time")]

mod common;

use std::path::Path;
use std::process::Output;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use common::dynamic::Call;
use common::gateway;
use common::process::{program, run};
use lienthong::server::Config;
use lienthong::trust::merkle::{hash_leaf, verify_inclusion};
use lienthong::trust::{Checkpoint, Hash};
use serde_json::Value;

const FETCH: &str = "lienthong.exchange.v1.ExchangeService/FetchRecords";

async fn answer(folder: &Path) -> Value {
    let started = gateway().with(|config| Config { anchor: Some(folder.join("anchor.json")), ..config }).start().await;
    let call = Call {
        headers: vec![("authorization".into(), "Bearer demo-one-stop".into())],
        body: r#"{"personal_id":"042090990001","record_types":["resident.person.v1","vehicle.registration.v1"],
            "purpose":"one_stop.verify_documents"}"#
            .into(),
        method: FETCH.into(),
    };
    let answer = call.make(&started.channel).await.expect("records");
    started.end().await;
    answer
}

fn verify(folder: &Path, text: &str) -> Output {
    std::fs::write(folder.join("file.json"), text).expect("written");
    run(folder, &["verify", "file.json"])
}

fn code(folder: &Path, text: &str) -> i32 {
    verify(folder, text).status.code().expect("an exit code")
}

/// All paths of strings and numbers in `value`, as JSON pointers.
fn leaves(value: &Value, path: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(name, value)| leaves(value, &format!("{path}/{name}"), found))
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(at, item)| leaves(item, &format!("{path}/{at}"), found))
        }
        _ => found.push(path.to_owned()),
    }
}

/// The value with one letter or digit in its middle changed.
fn changed(value: &Value) -> Value {
    match value {
        Value::String(text) => {
            let middle = text.char_indices().filter(|(_, c)| c.is_ascii_alphanumeric()).nth(text.len() / 2);
            let (at, old) =
                middle.or_else(|| text.char_indices().find(|(_, c)| c.is_ascii_alphanumeric())).unwrap_or((0, ' '));
            let new = match old {
                '0'..='8' => (old as u8 + 1) as char,
                '9' => '1',
                'a'..='y' | 'A'..='Y' => (old as u8 + 1) as char,
                'z' => 'a',
                _ => 'A',
            };
            let mut text = text.clone();
            text.replace_range(at..at + old.len_utf8(), &new.to_string());
            Value::String(text)
        }
        Value::Number(number) => Value::from(number.as_u64().unwrap_or_default() + 1),
        Value::Bool(flag) => Value::Bool(!flag),
        other => other.clone(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_letter_of_a_record_changes_it_fails() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let answer = answer(folder).await;
    assert_eq!(code(folder, &answer.to_string()), 0, "unchanged");
    let mut places = Vec::new();
    leaves(&answer["records"], "/records", &mut places);
    places.push("/evidence/checkpoint".to_owned());
    assert!(places.len() > 100, "{}", places.len());
    // A path of many hashes is checked in one loop: its first, a middle and its last stand for all.
    let is_sampled = |place: &String| !place.contains("/path/") || place.ends_with("/0") || place.ends_with("/3");
    for place in places.into_iter().filter(is_sampled) {
        let mut tampered = answer.clone();
        let value = tampered.pointer_mut(&place).expect("a place");
        let new = changed(value);
        assert_ne!(*value, new, "{place}");
        *value = new;
        let output = verify(folder, &tampered.to_string());
        assert_ne!(output.status.code(), Some(0), "{place} was changed, and nobody noticed");
        let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(stdout.contains("FAIL  ") || stderr.contains("file.json"), "{place}: no check is named");
    }
}

/// Read by the specification, with only hashes and notes from our code.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ledger_proofs_are_written_for_programs_of_transparency_logs() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let answer = answer(folder).await;
    std::fs::write(folder.join("file.json"), answer.to_string()).expect("written");
    let export = ["verify", "file.json", "--tlog-proofs", "made/proofs"];
    assert!(run(folder, &export).status.success());
    let files: Vec<_> = std::fs::read_dir(folder.join("made/proofs")).expect("a folder").collect();
    let count = files.len();
    assert_eq!(count, answer["records"].as_array().expect("records").len());
    for file in files {
        let path = file.expect("a file").path();
        assert_eq!(path.extension().and_then(|ending| ending.to_str()), Some("tlog-proof"));
        let text = std::fs::read_to_string(path).expect("text");
        let (head, note) = text.split_once("\n\n").expect("an empty line");
        let mut lines = head.lines();
        let mut after = |word: &str| lines.next().and_then(|line| line.strip_prefix(word)).expect(word);
        assert_eq!(after("c2sp.org/tlog-proof@v1"), "");
        let entry = STANDARD.decode(after("extra ")).expect("base64");
        let index = after("index ").parse().expect("a number");
        let hashes = lines.map(|line| STANDARD.decode(line).expect("base64").try_into().expect("32 bytes"));
        let hashes: Vec<Hash> = hashes.collect();
        let checkpoint = Checkpoint::of_note(note.as_bytes()).expect("a checkpoint");
        assert_eq!(checkpoint.origin, "lienthong/H27/records");
        verify_inclusion(&hash_leaf(&entry), index, checkpoint.size, &hashes, &checkpoint.root).expect("included");
    }
    // a record that is not VALID is not proved to anybody
    std::fs::remove_dir_all(folder.join("made")).expect("removed");
    let spoilt = answer.to_string().replacen("\"payload\":\"", "\"payload\":\"AAAA", 1);
    std::fs::write(folder.join("file.json"), spoilt).expect("written");
    assert!(!run(folder, &export).status.success());
    assert_eq!(std::fs::read_dir(folder.join("made/proofs")).expect("a folder").count(), count - 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_of_the_typed_services_are_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let started = gateway().with(|config| Config { anchor: Some(folder.join("anchor.json")), ..config }).start().await;
    let ask = async |agency: &str, method: &str, body: &str| {
        let headers = vec![("authorization".into(), format!("Bearer demo-{agency}"))];
        let call = Call { headers, body: body.into(), method: format!("lienthong.registry.{method}") };
        call.make(&started.channel).await.expect(method)
    };
    let parcels = ask("land-office", "land.v1.LandService/ListParcels", r#"{"page_size":3}"#).await;
    let person = r#"{"personal_id":"042078990009"}"#;
    let record = ask("police", "judicial.v1.JudicialService/GetJudicialRecord", person).await;
    let versions = ask("police", "judicial.v1.JudicialService/ListJudicialRecordVersions", person).await;
    let shared = r#"{"registry":"judicial","personal_id":"042078990009"}"#;
    let shared = ask("police", "v1.RegistryService/GetRecords", shared).await;
    started.end().await;
    for (answer, count) in [(&parcels, 3), (&record, 1), (&versions, 2), (&shared, 3)] {
        let output = verify(folder, &answer.to_string());
        let stdout = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(0), "{stdout}{}", String::from_utf8_lossy(&output.stderr));
        assert!(stdout.contains(&format!("{count} records: {count} VALID")), "{stdout}");
    }
    for place in ["recordId", "version", "issuedAt", "logIndex", "judicialRecord/status", "judicialRecord/fullName"] {
        let mut tampered = record.clone();
        let value = tampered.pointer_mut(&format!("/judicialRecord/{place}")).expect(place);
        *value = changed(value);
        assert_eq!(code(folder, &tampered.to_string()), 19, "{place}: {tampered}");
    }
    let mut renamed = record.clone();
    let version = renamed["judicialRecord"].as_object_mut().expect("a version");
    let typed = version.remove("judicialRecord").expect("typed");
    version.insert("recordCertificate".into(), typed);
    assert_eq!(code(folder, &renamed.to_string()), 19, "the typed form of another type");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_kind_of_failure_has_its_own_exit_code() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let answer = answer(folder).await;
    let with = |place: &str, value: Value| {
        let mut tampered = answer.clone();
        *tampered.pointer_mut(place).expect(place) = value;
        code(folder, &tampered.to_string())
    };
    let bent = |place: &str| with(place, changed(answer.pointer(place).expect(place)));
    let whole = answer["records"].as_array().expect("records").iter().position(|r| r["signed"]["whole"].is_object());
    let whole = whole.expect("the one-stop centre may see a registration whole");
    let part = answer["records"].as_array().expect("records").iter().position(|r| r["signed"]["partial"].is_object());
    let part = part.expect("the one-stop centre may not see all of a person");
    assert_eq!(bent(&format!("/records/{whole}/signed/whole/salt")), 10);
    assert_eq!(bent(&format!("/records/{part}/signed/partial/hidden/0/leaf")), 10);
    assert_eq!(bent(&format!("/records/{whole}/signed/ledgerProof/path/0")), 11);
    assert_eq!(bent(&format!("/records/{whole}/vehicleRegistration/plate")), 19);
    assert_eq!(with(&format!("/records/{whole}/recordType"), "land.parcel.v1".into()), 19);
    let mut unknown = answer.clone();
    unknown["records"][0]["hiddenSurprise"] = "x".into();
    assert_eq!(code(folder, &unknown.to_string()), 3, "an unknown field hides nothing");
    assert_eq!(code(folder, "{"), 3);
    assert_eq!(code(folder, "ERROR:\n  Code: Unavailable"), 3);
    assert_eq!(code(folder, "{}"), 4);
    assert_eq!(run(folder, &["verify", "no-such-file.json"]).status.code(), Some(3));
    std::fs::write(folder.join("file.json"), answer.to_string()).expect("written");
    assert_eq!(run(folder, &["verify", "file.json", "--trust", "file.json"]).status.code(), Some(5));
    assert_eq!(run(folder, &["verify", "file.json", "--trust", "none.json"]).status.code(), Some(5));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_come_alone_in_a_row_and_from_stdin() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let answer = answer(folder).await;
    let records = answer["records"].as_array().expect("records");
    assert_eq!(code(folder, &records[0].to_string()), 0, "a record alone");
    assert_eq!(code(folder, &records[0]["signed"].to_string()), 0, "its signed bytes alone");
    assert_eq!(code(folder, &Value::from(records.clone()).to_string()), 0, "a list of records");
    let bulk = format!("{{\"found\":{answer:#}}}\n{{\"index\":1,\"found\":{answer}}}\n");
    std::fs::write(folder.join("bulk.json"), &bulk).expect("written");
    std::fs::write(folder.join("one.json"), answer.to_string()).expect("written");
    let output = run(folder, &["verify", "bulk.json", "one.json", "--output", "json"]);
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(report["summary"]["valid"], 3 * records.len(), "{}", report["summary"]);
    let stdin = std::fs::File::open(folder.join("bulk.json")).expect("there");
    let piped = program().current_dir(folder).args(["verify", "-", "--quiet"]).stdin(stdin).output().expect("runs");
    let stdout = String::from_utf8_lossy(&piped.stdout);
    assert!(piped.status.success() && stdout.lines().count() == 1, "{stdout}");

    let others = ["empty.json", "none.json"];
    std::fs::write(folder.join("empty.json"), "{}").expect("written");
    for (files, code, named) in [
        (&["verify", "one.json", "empty.json", "-q"][..], 4, &others[..1]),
        (&["verify", "none.json", "one.json", "empty.json", "-q"], 3, &others),
    ] {
        let output = run(folder, files);
        let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(code), "{files:?}: {stderr}");
        assert!(named.iter().all(|name| stderr.contains(name)), "each flaw is named: {stderr}");
        assert!(stdout.contains("3 VALID"), "the other file is verified all the same: {stdout}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_forms_of_an_answer_are_taken_or_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let answer = answer(folder).await;
    let text = answer.to_string();
    let with = |pointer: &str, name: &str, value: &str| {
        let mut answer = answer.clone();
        let object = answer.pointer_mut(pointer).and_then(Value::as_object_mut).expect("an object");
        object.insert(name.to_owned(), value.into());
        answer.to_string().into_bytes()
    };
    let utf16: Vec<u8> = format!("\u{feff}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    let request_id = "0190a1b2-0000-7000-8000-000000000000";
    let cases: [(&str, Vec<u8>, i32, &str); 6] = [
        ("a byte order mark", format!("\u{feff}{text}").into_bytes(), 0, ""),
        ("UTF-16", utf16, 3, "is UTF-16"),
        (
            "a message",
            format!("\n${request_id}\x12\x04\n\x02ab").into_bytes(),
            3,
            "is binary, perhaps a protobuf message",
        ),
        ("its frame", b"\0\0\0\x01\x02\n$".to_vec(), 3, "is binary, perhaps a protobuf message"),
        ("oneofs of the record", with("/records/0", "typed", "person"), 3, "`oneofs: true`"),
        ("oneofs inside", with("/records/0/signed", "disclosure", "partial"), 3, "`oneofs: true`"),
    ];
    for (what, bytes, expected, said) in cases {
        std::fs::write(folder.join("file.json"), bytes).expect("written");
        let output = run(folder, &["verify", "file.json"]);
        let stderr = String::from_utf8(output.stderr).expect("UTF-8");
        assert_eq!(output.status.code(), Some(expected), "{what}: {stderr}");
        assert!(stderr.contains(said), "{what}: {stderr}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_trust_anchor_is_taken_as_grpcurl_prints_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let started = gateway().start().await;
    let method = "lienthong.trust.v1.TrustService/GetTrustAnchor".to_owned();
    let anchor = Call { headers: vec![], body: "{}".into(), method }.make(&started.channel).await.expect("public");
    started.end().await;
    let answer = answer(folder).await.to_string();
    std::fs::write(folder.join("anchor.json"), anchor.to_string()).expect("written");
    assert_eq!(code(folder, &answer), 0);
    let other = anchor.to_string().replacen("\"fingerprint\":\"", "\"fingerprint\":\"0", 1);
    std::fs::write(folder.join("anchor.json"), other).expect("written");
    assert_eq!(code(folder, &answer), 5, "the fingerprint beside it is another's");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refused_citizens_of_a_bulk_answer_are_counted() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let answer = answer(folder).await;
    let refused =
        r#"{"index":1,"refused":{"code":"CONSENT_REQUIRED"}} {"index":2,"refused":{"code":"CONSENT_REQUIRED"}}"#;
    let some = verify(folder, &format!("{{\"found\":{answer}}} {refused}"));
    let said = String::from_utf8(some.stdout).expect("UTF-8");
    assert!(some.status.code() == Some(0) && said.contains("0 INDETERMINATE; 2 citizens refused"), "{said}");
    let none = verify(folder, refused);
    let said = String::from_utf8(none.stderr).expect("UTF-8");
    assert!(none.status.code() == Some(4) && said.contains("contains no record, 2 citizens refused"), "{said}");
}
