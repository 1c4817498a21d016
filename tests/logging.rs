//! Logging never blocks and never kills: a stderr that is not read, one that closes, and lines that are still written at the end.

#![allow(clippy::disallowed_methods, reason = "tests measure and wait by the machine's time")]
#![cfg(unix)]

mod common;

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::Stdio;

use common::dynamic::Call;
use common::process::{Serving, program};
use futures::StreamExt as _;
use lienthong::base::limits;
use tonic::Code;
use tonic::transport::Endpoint;

const CALLS: usize = 2_000;

/// Longer than a period of the limit on lines.
const PERIOD: std::time::Duration = std::time::Duration::from_millis(1_100);

/// Calls of one connection: a server may end one on which much is refused.
const CALLS_OF_CONNECTION: usize = 100;

/// Makes this call as often from several connections; each is refused, with one of the codes.
async fn refused_as(serving: &Serving, calls: usize, call: &impl Fn(usize) -> Call, codes: &[Code]) {
    let endpoint = Endpoint::from_shared(format!("http://{}", serving.grpc)).expect("an address");
    for begun in (0..calls).step_by(CALLS_OF_CONNECTION) {
        let channel = endpoint.connect().await.expect("it accepts");
        let refused = |at: usize| {
            let (channel, call) = (&channel, call(at));
            async move {
                let status = call.make(channel).await.expect_err("refused");
                assert!(codes.contains(&status.code()), "{status:?}");
            }
        };
        let calls =
            futures::stream::iter(begun..calls.min(begun + CALLS_OF_CONNECTION)).map(refused).buffer_unordered(64);
        calls.for_each(|()| async {}).await;
    }
}

/// Makes calls without a credential; each is refused, and leaves lines in the log.
async fn refused(serving: &Serving, calls: usize) {
    let call = |_| {
        let method = "lienthong.access.v1.AgencyService/ListAgencies".to_owned();
        Call { headers: vec![], body: "{}".into(), method }
    };
    // Callers without a credential who call too often are refused for that.
    refused_as(serving, calls, &call, &[Code::Unauthenticated, Code::ResourceExhausted]).await;
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

/// The number after `suppressed=` in a line.
fn suppressed_in(line: &str) -> usize {
    let (_, after) = line.split_once("suppressed=").expect("the number of lines that were left out");
    after.split_whitespace().next().and_then(|number| number.parse().ok()).expect("a number")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refusals_that_anybody_can_cause_leave_few_lines() {
    let anyone = |method: &str, body: &str| Call { headers: vec![], body: body.into(), method: method.into() };
    let grant = r#"{"personal_id":"NUMBER","agency":"bank","purpose":"bank.know_your_customer","record_types":["resident.person.v1"]}"#;
    let as_made_up = move |at: usize, method: &str, body: &str| {
        let number = format!("042185{at:06}");
        anyone(method, &body.replace("NUMBER", &number)).with("authorization", &format!("Bearer demo-citizen-{number}"))
    };
    type Calls = Box<dyn Fn(usize) -> Call>;
    let cases: [(&str, Calls); 4] = [
        (
            "NOT_FOUND",
            Box::new(move |_| {
                anyone("lienthong.trust.v1.LedgerService/GetEntry", r#"{"log":"records","index":"99999999"}"#)
            }),
        ),
        (
            "INVALID_REQUEST",
            Box::new(move |_| anyone("lienthong.trust.v1.LedgerService/GetTile", r#"{"log":"records","level":99}"#)),
        ),
        (
            "ACCOUNT_MISSING",
            Box::new(move |at| as_made_up(at, "lienthong.access.v1.ConsentService/GrantConsent", grant)),
        ),
        (
            "ROLE_NOT_ALLOWED",
            Box::new(move |at| as_made_up(at, "lienthong.simulation.v1.SessionService/ListSessions", "{}")),
        ),
    ];
    for (outcome, call) in cases {
        let folder = tempfile::tempdir().expect("a folder");
        let mut serving = Serving::start_logging(folder.path(), &["--population", "0"], "info");
        let begun = std::time::Instant::now();
        let codes = [
            Code::NotFound,
            Code::InvalidArgument,
            Code::FailedPrecondition,
            Code::PermissionDenied,
            Code::ResourceExhausted,
        ];
        refused_as(&serving, CALLS, &call, &codes).await;
        // The first line of a later period says how many were left out before it.
        tokio::time::sleep(PERIOD).await;
        refused_as(&serving, 1, &call, &codes).await;
        // A period begins with a line, so that there is at most one more than there are seconds.
        let periods = begun.elapsed().as_secs() as usize + 1;
        serving.signal("TERM");
        let mut log = String::new();
        serving.child.stderr.take().expect("piped").read_to_string(&mut log).expect("UTF-8");
        assert_eq!(serving.wait().0, Some(0));
        let lines: Vec<&str> = log.lines().filter(|line| line.contains("suppressed=")).collect();
        assert!(lines.iter().any(|line| line.contains(outcome)), "{outcome}: {log}");
        let most = periods * limits::STRANGER_LOG_LINES_PER_SECOND as usize;
        assert!(lines.len() <= most, "{outcome}: {} lines in {periods} seconds", lines.len());
        let unlimited = log.lines().filter(|line| line.contains(outcome) && !line.contains("suppressed=")).count();
        assert_eq!(unlimited, 0, "{outcome}");
        let told = lines.len() + lines.iter().map(|line| suppressed_in(line)).sum::<usize>();
        assert_eq!(told, CALLS + 1, "{outcome}: each refusal is told or counted once");
    }
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
    // A new world begins as it should.
    assert!(!log.contains("new indices") && !log.contains("WARN") && !log.contains("ERROR"), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registry_host_logs_as_a_gateway_does() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut program = program();
    program.stderr(Stdio::piped());
    // No filter is asked for: what a server says by itself.
    let mut serving = Serving::start_host(program, folder.path(), &["vehicle"], &["--population", "0"]);
    let call = |_| {
        let method = "lienthong.registry.v1.IssuingService/GetIssuingKey".to_owned();
        Call { headers: vec![], body: "{}".into(), method }
    };
    refused_as(&serving, CALLS_OF_CONNECTION, &call, &[Code::Unauthenticated, Code::ResourceExhausted]).await;
    serving.signal("TERM");
    let mut log = String::new();
    serving.child.stderr.take().expect("piped").read_to_string(&mut log).expect("UTF-8");
    assert_eq!(serving.wait().0, Some(0));
    for says in ["GetIssuingKey", "ending: calls in progress may finish"] {
        assert!(log.contains(says), "{says}: {log}");
    }
}
