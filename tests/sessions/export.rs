//! The files of a session: its logs and status lists over HTTP, and its export, which verifies after its end.

use serde_json::json;

use super::common::process::{Serving, program};
use super::common::sessions::base;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn its_files_are_audited_and_its_export_verifies_after_its_end() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = folder.path();
    let serving = Serving::start(at, &["--population", "0"]);
    let lienthong = |arguments: &[&str]| {
        let mut command = program();
        command.current_dir(at).env("LIENTHONG_ADDRESS", &serving.grpc).args(arguments);
        command.output().expect("the program runs")
    };
    let created = lienthong(&["session", "create", "--label", "audited"]);
    let id = String::from_utf8(created.stdout).expect("UTF-8").trim().to_owned();
    let endpoint = tonic::transport::Endpoint::from_shared(format!("http://{}", serving.grpc)).expect("an address");
    let session = base(&endpoint.connect().await.expect("it accepts")).at(&id);
    // An export of nothing has the anchor, and the log as it began is the province's.
    assert!(lienthong(&["session", "export", &id, "--to", "begun"]).status.success());
    let console = serving.console.as_deref().expect("a console");
    let audit = |log: &str, anchor: &str| {
        let url = format!("http://{console}/sessions/{id}/logs/{log}");
        lienthong(&["ledger", "audit", &url, "--trust", anchor])
    };
    for log in ["records", "resident", "evidence"] {
        let audited = audit(log, "begun/anchor.json");
        assert!(audited.status.success(), "{log}: {}", String::from_utf8_lossy(&audited.stdout));
    }
    let (version, _) = session.religion().await;
    session.convert(version, "Phật giáo").await;
    // The anchor is renewed in the session's time, under its own root.
    session.clock("AdvanceClock", json!({ "requestId": "two-years", "by": "63072000s" })).await;
    let session_end = session.now().await;
    assert!(lienthong(&["session", "export", &id, "--to", "kept"]).status.success());
    for log in ["records", "resident", "evidence", "driver_licence"] {
        let audited = audit(log, "kept/anchor.json");
        assert!(audited.status.success(), "{log}: {}", String::from_utf8_lossy(&audited.stdout));
    }
    let audited = audit("records", "anchor.json");
    assert!(!audited.status.success(), "the province's anchor does not know the log");
    let hint = String::from_utf8_lossy(&audited.stdout).into_owned();
    assert!(hint.contains("session export") && !hint.contains("keys update"), "{hint}");
    assert!(lienthong(&["health", "--session", &id]).status.success());
    let status = http_get(&format!("http://{console}/sessions/{id}/status/resident/resident.person.v1"));
    assert!(status.starts_with("HTTP/1.1 200"), "{status}");
    lienthong(&["session", "delete", &id]);
    assert!(!audit("records", "kept/anchor.json").status.success());
    let status = http_get(&format!("http://{console}/sessions/{id}/logs/records/checkpoint"));
    assert!(status.starts_with("HTTP/1.1 404"), "{status}");
    // An export overwrites nothing, and a refused jump does not suggest a repetition.
    let said = |output: std::process::Output| String::from_utf8_lossy(&output.stderr).into_owned();
    let kept = std::fs::read(at.join("kept/records.json")).expect("an export");
    let again = said(lienthong(&["session", "export", &id, "--to", "kept"]));
    assert!(again.contains("exists already"), "{again}");
    assert_eq!(std::fs::read(at.join("kept/records.json")).expect("an export"), kept);
    let refused = said(lienthong(&["clock", "advance", "1d", "--session", &id]));
    assert!(refused.contains("there is no such session") && !refused.contains("--request-id"), "{refused}");
    let health = |arguments: &[&str]| lienthong(&[&["health"], arguments].concat());
    assert!(health(&[]).status.success());
    assert!(said(health(&["--session", &id])).contains("there is no such session"));
    // Records issued in the session's future verify at its time.
    let then = session_end.to_string();
    let verified = lienthong(&["verify", "kept/records.json", "--trust", "kept/anchor.json", "--at", &then, "--quiet"]);
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
    assert!(!lienthong(&["verify", "kept/records.json", "--trust", "anchor.json", "--quiet"]).status.success());
}

/// The answer to a GET, headers and all.
pub fn http_get(url: &str) -> String {
    use std::io::{Read as _, Write as _};
    let (host, path) =
        url.strip_prefix("http://").and_then(|rest| rest.split_once('/')).expect("an address and a path");
    let mut stream = std::net::TcpStream::connect(host).expect("it accepts");
    write!(stream, "GET /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").expect("sent");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("answered");
    String::from_utf8_lossy(&answer).into_owned()
}
