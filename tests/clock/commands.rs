//! `lienthong clock` against a running server: exit codes, text, and JSON; and `verify --at`, which agrees with the world's time.

use std::path::Path;

use lienthong::base::Timestamp;
use serde_json::{Value, json};
use tonic::transport::Endpoint;

use super::common::process::{Serving, run};
use super::due::{dated, enter_licence};
use super::{Client, DAY_S, time};

const DAY_MS: i64 = DAY_S as i64 * 1_000;

/// Runs a command about the clock; its exit code, and what it printed to either stream.
fn clock(folder: &Path, serving: &Serving, arguments: &[&str]) -> (Option<i32>, String, String) {
    let done = run(folder, &[&["clock"], arguments, &["--address", &serving.grpc]].concat());
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    (done.status.code(), text(done.stdout), text(done.stderr))
}

/// What a command that succeeds prints.
fn well(folder: &Path, serving: &Serving, arguments: &[&str]) -> String {
    let (code, out, err) = clock(folder, serving, arguments);
    assert_eq!((code, err.as_str()), (Some(0), ""), "{arguments:?}: {out}");
    out
}

/// The same as JSON.
fn as_json(folder: &Path, serving: &Serving, arguments: &[&str]) -> Value {
    let text = well(folder, serving, &[arguments, &["--output", "json"]].concat());
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {text}"))
}

/// The value in a line of text that begins with this word.
fn line<'a>(text: &'a str, name: &str) -> &'a str {
    let value = text.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    value.unwrap_or_else(|| panic!("{name}: {text}"))
}

async fn client(serving: &Serving) -> Client {
    let endpoint = Endpoint::from_shared(format!("http://{}", serving.grpc)).expect("an address");
    Client(endpoint.connect().await.expect("it accepts"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_clock_is_shown_stopped_moved_and_started_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let serving = Serving::start(folder, &["--population", "0"]);
    let shown = well(folder, &serving, &["show"]);
    assert_eq!(line(&shown, "pace"), "runs with the machine's");
    assert!(shown.contains("scheduled  trust_anchor.renewal: 1, next "), "{shown}");
    let shown = as_json(folder, &serving, &["show"]);
    assert_eq!((&shown["frozen"], &shown["now"]), (&json!(false), &shown["machine_time"]), "nobody moved it");
    let kinds = shown["scheduled"].as_array().expect("kinds");
    assert!(kinds.iter().any(|of| of["kind"] == "driver_licence.points_restored" && of["count"].is_u64()), "{shown}");

    let frozen = well(folder, &serving, &["freeze"]);
    assert_eq!(line(&frozen, "pace"), "stopped");
    let stands = as_json(folder, &serving, &["freeze"]);
    assert_eq!((&stands["frozen"], stands.get("scheduled")), (&json!(true), None), "{stands}");
    let begun = time(&stands["now"]);
    assert_eq!(line(&frozen, "clock"), stands["now"].as_str().expect("a time"), "a stopped clock stays as it is");

    // By a duration, once under its name, in text and as JSON.
    let advance = ["advance", "180d", "--request-id", "half-a-year"];
    let jump = as_json(folder, &serving, &advance);
    assert_eq!((time(&jump["before"]), time(&jump["after"])), (begun, begun.plus_ms(180 * DAY_MS)));
    assert_eq!(
        (&jump["repetition"], &jump["lagging"], &jump["request_id"]),
        (&json!(false), &json!([]), &json!("half-a-year"))
    );
    assert_eq!(jump["ran_count"].as_u64(), jump["ran"].as_array().map(|ran| ran.len() as u64), "{jump}");
    let counted: u64 = jump["counts"].as_object().expect("counts").values().filter_map(Value::as_u64).sum();
    assert_eq!(Some(counted), jump["ran_count"].as_u64(), "{jump}");
    assert!(jump["counts"]["trust_anchor.renewal"].is_u64(), "half a year from November on has a new year: {jump}");
    let again = well(folder, &serving, &advance);
    assert_eq!(line(&again, "clock"), jump["after"].as_str().expect("a time"));
    assert_eq!(line(&again, "before"), jump["before"].as_str().expect("a time"));
    assert_eq!(
        (line(&again, "request"), line(&again, "repeated")),
        ("half-a-year", "the same request moved it before")
    );
    assert!(line(&again, "in all").ends_with("trust_anchor.renewal"), "{again}");

    // To a time, and not back.
    let to = begun.plus_ms(200 * DAY_MS).to_string();
    let jump = as_json(folder, &serving, &["to", &to]);
    assert_eq!(time(&jump["after"]), begun.plus_ms(200 * DAY_MS));
    let (code, out, err) = clock(folder, &serving, &["to", &to]);
    assert_eq!((code, out.as_str()), (Some(1), ""), "{err}");
    assert!(err.contains("only goes forward") && !err.contains("--request-id"), "{err}");
    for (wrong, says) in [(["advance", "180"], "Add a unit"), (["to", "tomorrow"], "RFC 3339")] {
        let (code, _, err) = clock(folder, &serving, &wrong);
        assert!(code == Some(2) && err.contains(says), "{wrong:?}: {code:?} {err}");
    }
    let (code, _, err) = clock(folder, &serving, &["advance", "4000d"]);
    assert!(code == Some(1) && err.contains("at most 3653 days"), "{code:?} {err}");

    let resumed = as_json(folder, &serving, &["resume"]);
    assert_eq!(resumed["frozen"], false);
    assert!(time(&resumed["now"]) >= begun.plus_ms(200 * DAY_MS), "it goes on from what it showed");
    assert_eq!(line(&well(folder, &serving, &["resume"]), "pace"), "runs with the machine's");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_has_a_clock_of_its_own_and_the_next_work_is_found_by_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let serving = Serving::start(folder, &["--population", "0"]);
    let created = run(folder, &["session", "create", "--address", &serving.grpc]);
    let id = String::from_utf8(created.stdout).expect("UTF-8").trim().to_owned();
    let before = time(&as_json(folder, &serving, &["show"])["now"]);
    let jump = as_json(folder, &serving, &["next", "trust_anchor.renewal", "--session", &id]);
    let ran = jump["ran"].as_array().expect("work");
    assert_eq!(ran.last().map(|ran| &ran["kind"]), Some(&json!("trust_anchor.renewal")), "{jump}");
    let new_year = time(&jump["after"]).date();
    assert_eq!((new_year.month(), new_year.day()), (1, 1), "{jump}");
    let inside = time(&as_json(folder, &serving, &["show", "--session", &id])["now"]);
    let outside = time(&as_json(folder, &serving, &["show"])["now"]);
    assert!(inside >= time(&jump["after"]) && (before..inside).contains(&outside), "{before} {outside} {inside}");
    let (code, _, err) = clock(folder, &serving, &["next", "trust_anchor.renewel"]);
    assert!(code == Some(1) && err.contains("trust_anchor.renewal"), "the kinds are named: {code:?} {err}");
}

/// What time changed verifies at the world's time, and by the machine's it is of the future.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn verify_at_the_worlds_time_agrees_with_the_world() {
    const IN_FUTURE: i32 = 18; // docs/verifying.md
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let serving = Serving::start(folder, &["--population", "0", "--anchor", "anchor.json"]);
    let client = client(&serving).await;
    let number = "420150000001";
    let now: Timestamp = client.now().await;
    let deducted = json!({ "points": 8, "points_deducted_on": dated(now, -355), "status": "active" });
    enter_licence(&client, number, deducted).await;
    as_json(folder, &serving, &["advance", "30d"]);
    let body = json!({
        "registry": "driver_licence", "record_types": ["driver_licence.licence.v1"],
        "natural_key": { "record_type": "driver_licence.licence.v1", "values": [number] },
    });
    let records = client.ask("demo-operator", "registry.v1.RegistryService/GetRecords", body).await;
    assert_eq!(records["records"][0]["version"], "2", "time changed it: {records}");
    std::fs::write(folder.join("restored.json"), records.to_string()).expect("written");
    let verify = |further: &[&str]| {
        let done = run(folder, &[&["verify", "restored.json", "--trust", "anchor.json"], further].concat());
        (done.status.code(), String::from_utf8(done.stdout).expect("UTF-8"))
    };
    let shown = as_json(folder, &serving, &["show"]);
    let (code, text) = verify(&["--at", shown["now"].as_str().expect("a time")]);
    assert!(code == Some(0) && text.contains("VALID"), "{code:?} {text}");
    let (code, text) = verify(&[]);
    assert!(code == Some(IN_FUTURE) && text.contains("ISSUED_IN_FUTURE"), "{code:?} {text}");
}
