//! Logging never blocks and never kills: a stderr that is not read, one that closes, and lines that are still written at the end.

#![allow(clippy::disallowed_methods, reason = "tests measure and wait by the machine's time")]
#![cfg(unix)]

mod common;

use std::io::{BufRead as _, BufReader, Read as _};

use common::dynamic::Call;
use common::process::Serving;
use futures::StreamExt as _;
use tonic::Code;
use tonic::transport::Endpoint;

const CALLS: usize = 2_000;

/// Calls of one connection: a server may end one on which much is refused.
const CALLS_OF_CONNECTION: usize = 100;

/// Makes calls without a credential; each is refused, and leaves lines in the log.
async fn refused(serving: &Serving, calls: usize) {
    let endpoint = Endpoint::from_shared(format!("http://{}", serving.grpc)).expect("an address");
    for _ in 0..calls / CALLS_OF_CONNECTION {
        let channel = endpoint.connect().await.expect("it accepts");
        let call = || async {
            let method = "lienthong.access.v1.AgencyService/ListAgencies".to_owned();
            let refused = Call { headers: vec![], body: "{}".into(), method }.make(&channel).await;
            // Callers without a credential who call too often are refused for that.
            let status = refused.expect_err("no credential");
            assert!(matches!(status.code(), Code::Unauthenticated | Code::ResourceExhausted), "{status:?}");
        };
        let calls = futures::stream::iter(0..CALLS_OF_CONNECTION).map(|_| call()).buffer_unordered(64);
        calls.for_each(|()| async {}).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_nobody_reads_holds_up_no_call_and_says_what_it_lost() {
    let folder = tempfile::tempdir().expect("a folder");
    // Debug lines of every library: more than the pipe and the queue hold.
    let mut serving = Serving::start_logging(folder.path(), &["--population", "0"], "trace");
    refused(&serving, CALLS).await;
    let mut lines = BufReader::new(serving.child.stderr.take().expect("piped")).lines();
    let said = lines.find(|line| line.as_ref().is_ok_and(|line| line.contains("log lines were dropped")));
    said.expect("the log goes on, and says that lines are missing").expect("UTF-8");
    let rest = std::thread::spawn(move || lines.map_while(Result::ok).count());
    serving.signal("TERM");
    assert_eq!(serving.wait().0, Some(0));
    rest.join().expect("the log ends with the process");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_is_never_read_lets_the_process_end() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut serving = Serving::start_logging(folder.path(), &["--population", "0"], "debug");
    refused(&serving, CALLS).await;
    serving.signal("TERM");
    assert_eq!(serving.wait().0, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_closes_ends_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut serving = Serving::start_logging(folder.path(), &["--population", "0"], "trace");
    drop(serving.child.stderr.take());
    refused(&serving, CALLS).await;
    serving.signal("TERM");
    assert_eq!(serving.wait().0, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_about_a_call_names_its_session() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut serving = Serving::start_logging(folder.path(), &["--population", "0"], "info");
    let endpoint = Endpoint::from_shared(format!("http://{}", serving.grpc)).expect("an address");
    let channel = endpoint.connect().await.expect("it accepts");
    let call = |who: &str, method: &str| {
        let method = format!("lienthong.simulation.v1.SessionService/{method}");
        let call = Call { headers: vec![], body: "{}".into(), method };
        call.with("authorization", &format!("Bearer demo-{who}"))
    };
    let created = call("operator", "CreateSession").make(&channel).await.expect("created");
    let id = created["session"]["sessionId"].as_str().expect("an id").to_owned();
    call("bank", "ListSessions").with("x-lienthong-session", &id).make(&channel).await.expect_err("no operator");
    call("police", "ListSessions").make(&channel).await.expect_err("no operator");
    serving.signal("TERM");
    let mut log = String::new();
    serving.child.stderr.take().expect("piped").read_to_string(&mut log).expect("UTF-8");
    assert_eq!(serving.wait().0, Some(0));
    let line = |caller: &str| {
        let is_it = |line: &&str| line.contains("ROLE_NOT_ALLOWED") && line.contains(caller);
        log.lines().find(is_it).unwrap_or_else(|| panic!("{caller}: {log}")).to_owned()
    };
    assert!(line("bank").contains("session") && line("bank").contains(&id), "{}", line("bank"));
    assert!(!line("police").contains(&id) && !line("police").contains("session="), "{}", line("police"));
}

#[test]
fn the_last_lines_are_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut serving = Serving::start_logging(folder.path(), &["--population", "0"], "info");
    serving.signal("TERM");
    let mut log = String::new();
    let mut stderr = serving.child.stderr.take().expect("piped");
    stderr.read_to_string(&mut log).expect("UTF-8");
    assert_eq!(serving.wait().0, Some(0));
    assert!(log.contains("ending: calls in progress may finish"), "{log}");
}
