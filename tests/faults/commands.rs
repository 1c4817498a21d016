//! `lienthong fault` against a running server: exit codes, text, and JSON.

use std::path::Path;

use serde_json::{Value, json};

use super::common::process::{Serving, run};

/// Runs a command about the rules; its exit code, and what it printed to either stream.
fn fault(folder: &Path, serving: &Serving, arguments: &[&str]) -> (Option<i32>, String, String) {
    let done = run(folder, &[&["fault"], arguments, &["--address", &serving.grpc]].concat());
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    (done.status.code(), text(done.stdout), text(done.stderr))
}

/// What a command that succeeds prints.
fn well(folder: &Path, serving: &Serving, arguments: &[&str]) -> String {
    let (code, out, err) = fault(folder, serving, arguments);
    assert_eq!((code, err.as_str()), (Some(0), ""), "{arguments:?}: {out}");
    out
}

/// The rules that somebody added, as JSON.
fn added(folder: &Path, serving: &Serving) -> Vec<Value> {
    let listed: Value = serde_json::from_str(&well(folder, serving, &["list", "--output", "json"])).expect("JSON");
    let faults = listed["faults"].as_array().expect("rules").clone();
    faults.into_iter().filter(|fault| fault["of_citizen"] != true).collect()
}

#[test]
fn rules_are_added_from_a_file_listed_removed_and_healed() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let serving = Serving::start(folder, &["--population", "0"]);
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/faults/busy-morning.yaml");
    let text = well(folder, &serving, &["add", "--file", file]);
    let ids = ["land-is-slow", "land-is-down-now-and-then", "answers-get-lost"];
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 3, "{text}");
    for (line, id) in lines.iter().zip(ids) {
        assert!(line.starts_with(&format!("{id}: ")) && line.ends_with("matched 0, acted 0, acts now 0"), "{line}");
    }
    let rules = added(folder, &serving);
    let names: Vec<&str> = rules.iter().map(|rule| rule["fault_id"].as_str().expect("a name")).collect();
    assert_eq!(names, ids);
    assert_eq!((&rules[0]["match"]["registry"], &rules[1]["turn"]["every"]), (&json!("land"), &json!("20")));
    let (code, out, err) = fault(folder, &serving, &["add", "--file", file]);
    assert_eq!((code, out.as_str()), (Some(1), ""), "{err}");
    assert!(err.contains("exists already"), "{err}");

    // JSON is YAML; a file with one bad rule adds none of its rules, and the refusal names the field.
    let two = json!({ "faults": [
        { "fault_id": "fine", "go_away": {} },
        { "fault_id": "typo", "match": { "methods": ["FetchRecord"] }, "go_away": {} },
    ] });
    std::fs::write(folder.join("two.json"), two.to_string()).expect("written");
    let (code, _, err) = fault(folder, &serving, &["add", "--file", "two.json"]);
    assert!(code == Some(1) && err.contains("faults[1].match.methods[0]") && err.contains("FetchRecords"), "{err}");
    for (name, content) in [("none.yaml", "faults: []"), ("field.yaml", "faults:\n  - { go_awya: {} }")] {
        std::fs::write(folder.join(name), content).expect("written");
        let (code, _, err) = fault(folder, &serving, &["add", "--file", name]);
        assert!(code == Some(2) && err.contains(name), "a file that is no list of rules, {name}: {code:?} {err}");
    }
    assert_eq!(added(folder, &serving).len(), 3);

    let ended = |text: String| -> Value { serde_json::from_str(&text).expect("JSON") };
    assert_eq!(well(folder, &serving, &["remove", "land-is-slow"]).trim(), "1 ended");
    let json = well(folder, &serving, &["remove", "answers-get-lost", "--output", "json"]);
    assert_eq!(ended(json), json!({ "ended": 1 }));
    let (code, out, err) = fault(folder, &serving, &["remove", "land-is-slow"]);
    assert_eq!((code, out.as_str()), (Some(1), ""), "{err}");
    assert!(err.contains("there is no rule of this name"), "{err}");
    let left = added(folder, &serving);
    assert!(left.len() == 1 && left[0]["fault_id"] == "land-is-down-now-and-then", "{left:?}");
    assert_eq!(well(folder, &serving, &["heal"]).trim(), "1 ended");
    assert!(added(folder, &serving).is_empty());
    let json = well(folder, &serving, &["heal", "--personas", "--output", "json"]);
    assert_eq!(ended(json), json!({ "ended": 12 }));
    assert_eq!(well(folder, &serving, &["list"]).trim(), "there are no rules");
}
