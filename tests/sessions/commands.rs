//! `lienthong session` against a running server: exit codes, text, and JSON.

use serde_json::Value;
use tonic::transport::Endpoint;

use super::common::process::{Serving, program};
use super::common::sessions::base;

/// The exit code of a command, and what it printed to either stream.
type Said = (Option<i32>, String, String);

fn lienthong(serving: &Serving, arguments: &[&str]) -> Said {
    let done = program().env("LIENTHONG_ADDRESS", &serving.grpc).args(arguments).output().expect("it runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    (done.status.code(), text(done.stdout), text(done.stderr))
}

/// What a command that succeeds prints.
fn well(serving: &Serving, arguments: &[&str]) -> String {
    let (code, out, err) = lienthong(serving, arguments);
    assert_eq!((code, err.as_str()), (Some(0), ""), "{arguments:?}: {out}");
    out
}

/// The same as JSON.
fn json(serving: &Serving, arguments: &[&str]) -> Value {
    let text = well(serving, &[arguments, &["--output", "json"]].concat());
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {text}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_is_shown_its_changes_are_listed_and_it_is_reset() {
    let folder = tempfile::tempdir().expect("a folder");
    let serving = Serving::start(folder.path(), &["--population", "0"]);
    let id = well(&serving, &["session", "create", "--label", "nightly", "--ttl", "2h", "--seed", "7"]);
    let id = id.trim();
    let endpoint = Endpoint::from_shared(format!("http://{}", serving.grpc)).expect("an address");
    let session = base(&endpoint.connect().await.expect("it accepts")).at(id);

    let shown = json(&serving, &["session", "show", id]);
    assert_eq!(
        (&shown["session_id"], &shown["label"], &shown["created_by"]),
        (&id.into(), &"nightly".into(), &"operator".into())
    );
    assert_eq!((&shown["resets"], &shown["calls"], &shown["frozen"]), (&0.into(), &0.into(), &false.into()));
    assert_eq!(well(&serving, &["session", "diff", id]), "", "nothing was changed yet");
    assert_eq!(json(&serving, &["session", "diff", id])["changes"], Value::Array(Vec::new()));

    let (version, _) = session.religion().await;
    session.convert(version, "Phật giáo").await;
    well(&serving, &["clock", "freeze", "--session", id]);
    let shown = json(&serving, &["session", "show", id]);
    assert!(shown["bytes"].as_u64().is_some_and(|bytes| bytes > 0) && shown["frozen"] == true, "{shown}");
    let line = well(&serving, &["session", "show", id]);
    assert_eq!(line.lines().count(), 1, "{line}");
    assert!(line.starts_with(id) && line.contains("  nightly  by operator  ends "), "{line}");
    let diff = json(&serving, &["session", "diff", id]);
    let [change] = diff["changes"].as_array().expect("changes").as_slice() else { panic!("one change: {diff}") };
    assert_eq!((&change["registry"], &change["record_type"]), (&"resident".into(), &"resident.person.v1".into()));
    assert_eq!((&change["version"], &change["operation"]), (&(version + 1).into(), &"update".into()));
    assert!(diff["rows"].as_object().is_some_and(|rows| !rows.is_empty()), "{diff}");
    let text = well(&serving, &["session", "diff", id]);
    let record = change["record_id"].as_str().expect("an id");
    assert_eq!(text.trim_end(), format!("update resident.person.v1 {record} version {}", version + 1));

    let reset = json(&serving, &["session", "reset", id]);
    assert_eq!((&reset["resets"], &reset["bytes"], &reset["frozen"]), (&1.into(), &0.into(), &false.into()));
    assert_eq!(well(&serving, &["session", "diff", id]), "", "as it began");
    let line = well(&serving, &["session", "reset", id]);
    assert!(line.starts_with(id) && line.contains(" 0 bytes"), "{line}");
    assert_eq!(json(&serving, &["session", "show", id])["resets"], 2);

    well(&serving, &["session", "delete", id]);
    for command in ["show", "reset", "diff"] {
        let (code, out, err) = lienthong(&serving, &["session", command, id]);
        assert_eq!((code, out.as_str()), (Some(1), ""), "{command}: {err}");
        assert!(err.contains("there is no such session"), "{command}: {err}");
    }
}

#[test]
fn a_quota_of_each_caller_is_given_when_the_server_starts() {
    let folder = tempfile::tempdir().expect("a folder");
    let serving = Serving::start(folder.path(), &["--population", "0", "--sessions-of-caller", "1"]);
    let first = well(&serving, &["session", "create"]);
    let (code, out, err) = lienthong(&serving, &["session", "create"]);
    assert_eq!((code, out.as_str()), (Some(1), ""), "{err}");
    assert!(err.contains("keeps at most 1 sessions of one caller"), "{err}");
    well(&serving, &["session", "delete", first.trim()]);
    well(&serving, &["session", "create"]);
}
