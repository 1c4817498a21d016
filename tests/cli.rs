//! The built program: how it starts, refuses, ends, and starts again.

mod common;

use std::time::{Duration, Instant};

use common::dynamic::Call;
use common::process::{Serving, program, run};
use tonic::transport::{Channel, Endpoint};

const SMALL: [&str; 4] = ["--population", "0", "--data-dir", "data"];

async fn connect(address: &str) -> Channel {
    Endpoint::from_shared(format!("http://{address}")).expect("an address").connect().await.expect("it accepts")
}

fn as_operator(method: &str) -> Call {
    let headers = vec![("authorization".to_owned(), "Bearer demo-operator".to_owned())];
    Call { headers, body: "{}".into(), method: method.into() }
}

/// Runs `serve` where it must refuse; gives its one line.
fn refused(folder: &std::path::Path, arguments: &[&str]) -> String {
    let begun = Instant::now();
    let all = [&["serve", "--listen", "127.0.0.1:0", "--console", "off", "--population", "0"], arguments].concat();
    let output = run(folder, &all);
    let stderr = String::from_utf8(output.stderr).expect("UTF-8");
    assert!(!output.status.success() && output.stdout.is_empty(), "{arguments:?} did not refuse: {stderr}");
    assert!(begun.elapsed() < Duration::from_secs(10), "{arguments:?} took {:?}", begun.elapsed());
    let lines: Vec<&str> = stderr.lines().filter(|line| line.starts_with("lienthong: ")).collect();
    assert_eq!(lines.len(), 1, "{arguments:?}: {stderr}");
    lines[0].to_owned()
}

#[test]
fn what_cannot_work_is_said_in_one_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let busy = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = busy.local_addr().expect("an address").to_string();
    std::fs::write(folder.path().join("file"), "").expect("written");
    let cases: [(&[&str], &str); 8] = [
        (&["--listen", &address], &address),
        (&["--console", &address], &address),
        (&["--listen", "0.0.0.0:0"], "--tls-cert"),
        (&["--console", "0.0.0.0:0"], "--console 0.0.0.0:0 is not loopback"),
        (&["--data-dir", "file/data"], "file/data"),
        (&["--anchor", "missing/anchor.json"], "missing/anchor.json"),
        (&["--tls-cert", "missing.pem", "--tls-key", "missing.pem"], "missing.pem"),
        (&["--tls-cert", "file", "--tls-key", "file"], "certificate and key"),
    ];
    for (arguments, expected) in cases {
        // The later flag replaces the earlier one.
        let mut all = vec!["serve"];
        if !arguments.contains(&"--listen") {
            all.extend(["--listen", "127.0.0.1:0"]);
        }
        if !arguments.contains(&"--console") {
            all.extend(["--console", "off"]);
        }
        all.extend(["--population", "0"]);
        all.extend(arguments);
        let output = run(folder.path(), &all);
        let stderr = String::from_utf8(output.stderr).expect("UTF-8");
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {stderr}");
        let lines: Vec<&str> = stderr.lines().filter(|line| line.starts_with("lienthong: ")).collect();
        assert!(lines.len() == 1 && lines[0].contains(expected), "{arguments:?}: {stderr}");
    }
}

#[test]
fn a_bad_flag_is_a_usage_error() {
    let folder = tempfile::tempdir().expect("a folder");
    let cases: [&[&str]; 5] = [
        &["serve", "--no-such-flag"],
        &["serve", "--listen", "nowhere"],
        &["verify"],
        &["token", "issue"],
        &["load", "--rate", "0"],
    ];
    for arguments in cases {
        let output = run(folder.path(), arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(!output.stderr.is_empty() && output.stdout.is_empty(), "{arguments:?}");
    }
}

#[tokio::test]
async fn a_signal_ends_it_cleanly_within_two_seconds() {
    for signal in ["TERM", "INT", "HUP"] {
        let folder = tempfile::tempdir().expect("a folder");
        let mut serving = Serving::start(folder.path(), &["--population", "0"]);
        let channel = connect(&serving.grpc).await;
        // A stream that would never end by itself, and a connection that stays open.
        let watching = tokio::spawn(async move {
            use lienthong::wire::proto::province::v1 as proto;
            let mut client = proto::province_service_client::ProvinceServiceClient::new(channel);
            let request = common::as_agency("operator", proto::WatchChangesRequest::default());
            let mut changes = client.watch_changes(request).await.expect("it begins").into_inner();
            while let Ok(Some(_)) = changes.message().await {}
        });
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert!(folder.path().join("ready.json").exists() && folder.path().join("anchor.json").exists());
        serving.signal(signal);
        let (code, took) = serving.wait();
        assert_eq!(code, Some(0), "SIG{signal}");
        assert!(took < Duration::from_secs(2), "SIG{signal}: {took:?}");
        assert!(!folder.path().join("ready.json").exists(), "the ready-file goes at the end");
        watching.await.expect("the stream ended");
    }
}

#[tokio::test]
async fn while_it_drains_health_says_so_and_calls_are_accepted() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut serving = Serving::start(folder.path(), &["--population", "0", "--drain", "600"]);
    serving.signal("TERM");
    let mut says = String::new();
    while says != "NOT_SERVING\n" {
        let health = run(folder.path(), &["health", "--address", &serving.grpc]);
        says = String::from_utf8(health.stdout).expect("UTF-8");
        assert!(says == "SERVING\n" || health.status.code() == Some(1), "{says}");
    }
    let call = as_operator("lienthong.simulation.v1.SimulationService/GetWorld");
    call.make(&connect(&serving.grpc).await).await.expect("a new connection is accepted");
    assert!(serving.child.try_wait().expect("asked").is_none(), "it drains");
    serving.signal("TERM");
    assert_eq!(serving.wait().0, Some(0), "a second signal ends the drain");
}

#[tokio::test]
async fn a_second_start_finds_everything_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let world = async |serving: &Serving| {
        let call = as_operator("lienthong.simulation.v1.SimulationService/GetWorld");
        call.make(&connect(&serving.grpc).await).await.expect("the world")
    };
    let mut serving = Serving::start(folder.path(), &[&SMALL[..], &["--seed", "7"]].concat());
    let first = world(&serving).await;
    let anchor = std::fs::read(folder.path().join("data/anchor.json")).expect("an anchor");
    serving.signal("TERM");
    assert_eq!(serving.wait().0, Some(0));
    let mut serving = Serving::start(folder.path(), &["--data-dir", "data"]);
    let second = world(&serving).await;
    for same in ["seed", "population", "ledgerSize", "province"] {
        assert_eq!(first[same], second[same], "{same}");
    }
    assert_eq!(std::fs::read(folder.path().join("data/anchor.json")).expect("an anchor"), anchor);
    // The folder is held.
    let held = refused(folder.path(), &["--data-dir", "data"]);
    assert!(held.contains("in use by another process"), "{held}");
    serving.signal("TERM");
    assert_eq!(serving.wait().0, Some(0));
    let other = refused(folder.path(), &["--data-dir", "data", "--seed", "8"]);
    assert!(other.contains("seed 7, not 8"), "{other}");
    // Other keys than those that signed what is stored.
    let world_file = folder.path().join("data/world.json");
    let text = std::fs::read_to_string(&world_file).expect("a world");
    std::fs::write(&world_file, text.replace("\"seed\": 7", "\"seed\": 9")).expect("written");
    let corrupt = refused(folder.path(), &["--data-dir", "data"]);
    assert!(corrupt.contains("lienthong/H27/"), "which log: {corrupt}");
    // A store is whole, and kept, whatever the file says.
    std::fs::write(&world_file, text.replace("\"seeded\": true", "\"seeded\": false")).expect("written");
    let serving = Serving::start(folder.path(), &["--data-dir", "data", "--population", "0", "--seed", "7"]);
    assert_eq!(world(&serving).await["ledgerSize"], first["ledgerSize"]);
}

#[tokio::test]
async fn the_small_commands_say_what_they_know() {
    let folder = tempfile::tempdir().expect("a folder");
    let personas = run(folder.path(), &["persona", "list", "--output", "json"]);
    let personas: Vec<serde_json::Value> = serde_json::from_slice(&personas.stdout).expect("JSON");
    assert!(personas.iter().any(|persona| persona["personal_id"] == "042090990001"));
    let script = run(folder.path(), &["completions", "bash"]);
    assert!(script.status.success() && String::from_utf8_lossy(&script.stdout).contains("lienthong"));
    let nobody = run(folder.path(), &["health", "--address", "127.0.0.1:9"]);
    assert_eq!(nobody.status.code(), Some(1));

    let serving = Serving::start(folder.path(), &["--population", "0", "--seed", "5"]);
    let healthy = run(folder.path(), &["health", "--address", &serving.grpc]);
    assert_eq!((healthy.status.code(), healthy.stdout.as_slice()), (Some(0), b"SERVING\n".as_slice()));
    let token = run(folder.path(), &["token", "issue", "--seed", "5", "--agency", "operator"]);
    let token = String::from_utf8(token.stdout).expect("UTF-8");
    let mut call = as_operator("lienthong.simulation.v1.SimulationService/GetWorld");
    call.headers = vec![("authorization".into(), format!("Bearer {}", token.trim()))];
    call.make(&connect(&serving.grpc).await).await.expect("the token is believed");
    let load = ["load", "--address", &serving.grpc, "--duration", "300ms", "--warm-up", "50ms", "--rate", "50"];
    let load = run(folder.path(), &[&load[..], &["--compare-bare", "--turns", "1", "--output", "json"]].concat());
    let report: serde_json::Value = serde_json::from_slice(&load.stdout).expect("JSON");
    assert_eq!(report["gateway"]["failed"], 0, "{report}");
    assert_eq!(report["gateway"]["answered"], 15, "{report}");
    assert!(report["comparison"]["throughput_ratio"].as_f64().is_some_and(|ratio| ratio > 0.5), "{report}");
}

#[test]
fn help_teaches_by_examples() {
    for command in ["serve", "verify", "load", "health", "completions"] {
        let output = program().args([command, "--help"]).output().expect("runs");
        assert!(String::from_utf8_lossy(&output.stdout).contains("Examples:"), "{command}");
    }
}
