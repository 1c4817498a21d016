//! The built program: how it starts, refuses, ends, and starts again.

#![allow(clippy::disallowed_methods, reason = "tests measure and wait by the machine's time")]

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
    std::fs::write(folder.path().join("notes.json"), "{}").expect("written");
    let cases: [(&[&str], &str); 13] = [
        (&["--listen", &address], &address),
        (&["--console", &address], &address),
        (&["--listen", "127.0.0.1:50051", "--console", "127.0.0.1:50051"], "name the same port"),
        (&["--listen", "127.0.0.1:50051", "--console", "localhost:50051"], "name the same port"),
        (&["--no-demo-credentials", "--allow-demo-credentials-off-loopback"], "contradict each other"),
        // The address itself is valid.
        (&["--listen", "localhost:0", "--anchor", "missing/anchor.json"], "missing/anchor.json"),
        (&["--anchor", "notes.json"], "notes.json is no trust anchor"),
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
    let cases: [(&[&str], &str); 11] = [
        (&["serve", "--no-such-flag"], "--no-such-flag"),
        (&["serve", "--listen", "nowhere"], "an address is IP:PORT"),
        (&["serve", "--listen", "localhost"], "or localhost:PORT"),
        (&["serve", "--console", "nowhere:1x"], "or `off`"),
        (&["serve", "--population", "-5"], "the number must be 0 or more"),
        (&["serve", "--seed", "-5"], "the number must be 0 or more"),
        (&["verify"], "<FILE>"),
        (&["token", "issue", "--data-dir", "data"], "--agency"),
        (&["token", "issue", "--agency", "one-stop"], "--data-dir"),
        (&["token", "issue", "--data-dir", "data", "--agency", "bogus"], "there are: auditor, bank, "),
        (&["load", "--rate", "0"], "0 is not in"),
    ];
    for (arguments, expected) in cases {
        let output = run(folder.path(), arguments);
        let stderr = String::from_utf8(output.stderr).expect("UTF-8");
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {stderr}");
        assert!(stderr.contains(expected) && output.stdout.is_empty(), "{arguments:?}: {stderr}");
    }
}

#[test]
fn environment_twins_are_read_as_they_are_meant() {
    let folder = tempfile::tempdir().expect("a folder");
    // The message of a `serve` that refuses to listen, which shows the settings that it read.
    let cases: [(&str, &str, &str); 9] = [
        ("LIENTHONG_LISTEN", "", "0.0.0.0:0 is not loopback"),
        ("LIENTHONG_POPULATION", "", "0.0.0.0:0 is not loopback"),
        ("LIENTHONG_ALLOW_DEMO_CREDENTIALS_OFF_LOOPBACK", "0", "0.0.0.0:0 is not loopback"),
        ("LIENTHONG_ALLOW_DEMO_CREDENTIALS_OFF_LOOPBACK", "no", "0.0.0.0:0 is not loopback"),
        ("LIENTHONG_ALLOW_DEMO_CREDENTIALS_OFF_LOOPBACK", "1", "missing/anchor.json"),
        ("LIENTHONG_ALLOW_DEMO_CREDENTIALS_OFF_LOOPBACK", "yes", "missing/anchor.json"),
        ("LIENTHONG_ALLOW_DEMO_CREDENTIALS_OFF_LOOPBACK", "true", "missing/anchor.json"),
        ("LIENTHONG_ALLOW_DEMO_CREDENTIALS_OFF_LOOPBACK", "perhaps", "invalid value 'perhaps'"),
        (
            "LIENTHONG_RATE_LIMT",
            "300",
            "LIENTHONG_RATE_LIMT is not a setting: --help lists them; nearest: LIENTHONG_RATE_LIMIT",
        ),
    ];
    for (name, value, expected) in cases {
        let serve = ["serve", "--listen", "0.0.0.0:0", "--console", "off", "--population", "0"];
        let output = program()
            .current_dir(folder.path())
            .args(serve)
            .args(["--anchor", "missing/anchor.json"])
            .env(name, value)
            .output()
            .expect("runs");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && stderr.contains(expected), "{name}={value}: {stderr}");
    }
}

#[tokio::test]
async fn the_anchor_of_another_world_is_not_overwritten() {
    let folder = tempfile::tempdir().expect("a folder");
    drop(Serving::start(folder.path(), &["--population", "0"]));
    let first = std::fs::read(folder.path().join("anchor.json")).expect("an anchor");
    let other = refused(folder.path(), &["--seed", "7"]);
    assert!(other.contains("anchor.json is the trust anchor of another world"), "{other}");
    assert_eq!(std::fs::read(folder.path().join("anchor.json")).expect("an anchor"), first);
    // The same world's may be written again, and elsewhere any.
    drop(Serving::start(folder.path(), &["--population", "0"]));
    drop(Serving::start(folder.path(), &["--population", "0", "--seed", "7", "--anchor", "seven.json"]));
}

#[tokio::test]
async fn tokens_have_a_key_of_their_own_in_the_data_folder() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().expect("a folder");
    let issue = || {
        let token = run(folder.path(), &["token", "issue", "--data-dir", "data", "--agency", "operator"]);
        assert!(token.status.success(), "{token:?}");
        format!("Bearer {}", String::from_utf8(token.stdout).expect("UTF-8").trim())
    };
    let world = async |serving: &Serving, credential: &str| {
        let mut call = as_operator("lienthong.simulation.v1.SimulationService/GetWorld");
        call.headers = vec![("authorization".into(), credential.to_owned())];
        call.make(&connect(&serving.grpc).await).await
    };
    let early = run(folder.path(), &["token", "issue", "--data-dir", "data", "--agency", "operator"]);
    assert!(String::from_utf8_lossy(&early.stderr).contains("has no token key yet"), "{early:?}");

    let mut serving = Serving::start(folder.path(), &[&SMALL[..], &["--no-demo-credentials"]].concat());
    let token = issue();
    let answer = world(&serving, &token).await.expect("the token is accepted");
    assert!(answer.get("seed").is_none(), "where demo credentials are refused the seed is a secret: {answer}");
    let refused = world(&serving, "Bearer demo-operator").await.expect_err("no demo credentials");
    assert_eq!(common::reason(&refused).1, "DEMO_CREDENTIAL_REFUSED");
    let key = folder.path().join("data/credentials.key");
    assert_eq!(std::fs::metadata(&key).expect("the key").permissions().mode() & 0o777, 0o600);
    serving.signal("TERM");
    assert_eq!(serving.wait().0, Some(0));

    // Rotated: the key's file is deleted while nobody serves.
    std::fs::remove_file(&key).expect("deleted");
    let serving = Serving::start(folder.path(), &SMALL);
    let refused = world(&serving, &token).await.expect_err("signed with the key before");
    assert_eq!(common::reason(&refused).1, "CREDENTIAL_INVALID");
    world(&serving, &issue()).await.expect("signed with the new one");
}

#[tokio::test]
async fn a_signal_ends_it_cleanly_within_two_seconds() {
    for signal in ["TERM", "INT", "HUP"] {
        let folder = tempfile::tempdir().expect("a folder");
        let mut serving = Serving::start(folder.path(), &["--population", "0"]);
        let channel = connect(&serving.grpc).await;
        // A stream that would never end by itself, and a connection that stays open.
        let (begun, is_begun) = tokio::sync::oneshot::channel();
        let watching = tokio::spawn(async move {
            use lienthong::wire::proto::province::v1 as proto;
            let mut client = proto::province_service_client::ProvinceServiceClient::new(channel);
            let request = common::as_agency("operator", proto::WatchChangesRequest::default());
            let mut changes = client.watch_changes(request).await.expect("it begins").into_inner();
            begun.send(()).expect("it is waited for");
            while let Ok(Some(_)) = changes.message().await {}
        });
        is_begun.await.expect("it begins");
        assert!(folder.path().join("ready.json").exists() && folder.path().join("anchor.json").exists());
        serving.signal(signal);
        let (code, took) = serving.wait();
        assert_eq!(code, Some(0), "SIG{signal}");
        assert!(took < Duration::from_secs(2), "SIG{signal}: {took:?}");
        assert!(!folder.path().join("ready.json").exists(), "the ready-file goes at the end");
        watching.await.expect("the stream ended");
    }
}

#[test]
fn a_ready_file_says_whose_it_is_and_does_not_outlast_the_next_start() {
    let folder = tempfile::tempdir().expect("a folder");
    let read = || -> serde_json::Value {
        serde_json::from_slice(&std::fs::read(folder.path().join("ready.json")).expect("there")).expect("JSON")
    };
    let mut serving = Serving::start(folder.path(), &["--population", "0"]);
    assert_eq!((read()["pid"].as_u64(), read()["tls"].as_bool()), (Some(serving.child.id().into()), Some(false)));
    let second =
        run(folder.path(), &["serve", "--listen", "127.0.0.1:0", "--console", "off", "--ready-file", "ready.json"]);
    let says = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(second.status.code() == Some(1) && says.contains("belongs to a server that is running"), "{says}");
    assert_eq!(read()["pid"].as_u64(), Some(serving.child.id().into()), "the file of a server that runs stays");
    serving.signal("KILL");
    serving.wait();
    assert!(folder.path().join("ready.json").exists(), "a kill leaves it");
    // A start that fails: the folder is not a folder.
    std::fs::write(folder.path().join("file"), "").expect("written");
    let serve = ["serve", "--listen", "127.0.0.1:0", "--console", "off", "--ready-file", "ready.json"];
    let refused = run(folder.path(), &[&serve[..], &["--data-dir", "file"]].concat());
    assert_eq!(refused.status.code(), Some(1));
    assert!(!folder.path().join("ready.json").exists(), "nobody takes it for the new one's");
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
    // The folder is locked.
    let held = refused(folder.path(), &["--data-dir", "data"]);
    assert!(held.contains("in use by another process"), "{held}");
    serving.signal("TERM");
    assert_eq!(serving.wait().0, Some(0));
    let other = refused(folder.path(), &["--data-dir", "data", "--seed", "8"]);
    assert!(other.contains("seed 7, not 8"), "{other}");
    // The seed of other keys than those that signed what is stored.
    let world_file = folder.path().join("data/world.json");
    let text = std::fs::read_to_string(&world_file).expect("a world");
    std::fs::write(&world_file, text.replace("\"seed\": 7", "\"seed\": 9")).expect("written");
    let corrupt = refused(folder.path(), &["--data-dir", "data"]);
    assert!(corrupt.contains("world.json belongs to another world"), "{corrupt}");
    // A store is whole, and kept, whatever the file contains.
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
    let (elsewhere, ready) = (["--address", "127.0.0.1:50061"], ["--ready-file", "ready.json"]);
    for (flags, address) in [(elsewhere, "127.0.0.1:50061"), (ready, serving.grpc.as_str())] {
        let personas = run(folder.path(), &[&["persona", "list"][..], &flags].concat());
        let text = String::from_utf8(personas.stdout).expect("UTF-8");
        assert!(text.contains(&format!(" {address} lienthong.")) && !text.contains("127.0.0.1:50051"), "{flags:?}");
    }
    let healthy = run(folder.path(), &["health", "--address", &serving.grpc]);
    assert_eq!((healthy.status.code(), healthy.stdout.as_slice()), (Some(0), b"SERVING\n".as_slice()));
    let load = ["load", "--address", &serving.grpc, "--duration", "300ms", "--warm-up", "50ms", "--rate", "50"];
    let more = ["--citizens", "personas", "--compare-bare", "--turns", "1", "--output", "json"];
    let load = run(folder.path(), &[&load[..], &more].concat());
    let report: serde_json::Value = serde_json::from_slice(&load.stdout).expect("JSON");
    assert_eq!(report["gateway"]["failed"], 0, "{report}");
    assert_eq!(report["gateway"]["answered"], 15, "{report}");
    assert!(report["comparison"]["throughput_ratio"].as_f64().is_some_and(|ratio| ratio > 0.5), "{report}");
}

#[tokio::test]
async fn health_says_what_the_server_speaks() {
    let folder = tempfile::tempdir().expect("a folder");
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
    std::fs::write(folder.path().join("cert.pem"), made.cert.pem()).expect("written");
    std::fs::write(folder.path().join("key.pem"), made.signing_key.serialize_pem()).expect("written");
    let asked = |address: &str, flags: &[&str]| {
        let output = run(folder.path(), &[&["health", "--address", address][..], flags].concat());
        (output.status.code(), String::from_utf8(output.stderr).expect("UTF-8"))
    };
    let tls = ["--population", "0", "--tls-cert", "cert.pem", "--tls-key", "key.pem"];
    let serving = Serving::start(folder.path(), &tls);
    let (code, said) = asked(&serving.grpc, &[]);
    assert!(code == Some(1) && said.contains("uses TLS: give its certificate authority with --ca"), "{said}");
    let by_name = serving.grpc.replace("127.0.0.1", "localhost");
    assert_eq!(asked(&by_name, &["--ca", "cert.pem"]), (Some(0), String::new()));
    drop(serving);
    let serving = Serving::start(folder.path(), &["--population", "0"]);
    let (code, said) = asked(&serving.grpc.replace("127.0.0.1", "localhost"), &["--ca", "cert.pem"]);
    assert!(code == Some(1) && said.contains("does not use TLS: leave out --ca"), "{said}");
}

/// The personas' commands of a server that takes tokens alone: each token in them is minted by a command that works.
#[tokio::test]
async fn personas_commands_are_those_that_the_server_accepts() {
    let folder = tempfile::tempdir().expect("a folder");
    let serving = Serving::start(folder.path(), &["--population", "0", "--data-dir", "data", "--no-demo-credentials"]);
    let listed = run(folder.path(), &["persona", "list", "--ready-file", "ready.json", "--output", "json"]);
    let personas: Vec<serde_json::Value> = serde_json::from_slice(&listed.stdout).expect("JSON");
    let command = personas[0]["command"].as_str().expect("a command");
    assert!(
        command.contains(&serving.grpc) && command.contains("-plaintext") && !command.contains("demo-"),
        "{command}"
    );
    let (_, rest) = command.split_once("$(lienthong ").expect("a token");
    let minting: Vec<&str> = rest.split_once(')').expect("its end").0.split(' ').collect();
    let token = run(folder.path(), &minting);
    assert!(token.status.success() && token.stdout.starts_with(b"ey"), "{minting:?}");
    let tls = run(folder.path(), &["persona", "list", "--ca", "ca.pem", "--tokens-from", "data"]);
    let tls = String::from_utf8(tls.stdout).expect("UTF-8");
    assert!(tls.contains("grpcurl -cacert ca.pem -H \"authorization: Bearer $(") && !tls.contains("demo-"), "{tls}");
}

#[test]
fn help_teaches_by_examples() {
    for command in ["serve", "verify", "load", "health", "completions"] {
        let output = program().args([command, "--help"]).output().expect("runs");
        assert!(String::from_utf8_lossy(&output.stdout).contains("Examples:"), "{command}");
    }
}

/// A file of rights begins as the embedded one, is checked with every flaw's line, and is refused by `serve` before anything is made.
#[test]
fn rights_are_shown_checked_and_refused_by_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("rights.toml");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    let shown = text(run(folder.path(), &["rights", "show"]).stdout);
    assert_eq!(shown, include_str!("../src/access/rights/default.toml"));
    std::fs::write(&file, &shown).expect("written");
    let good = run(folder.path(), &["rights", "check", "rights.toml"]);
    assert_eq!(good.status.code(), Some(0));
    assert!(text(good.stdout).starts_with("rights.toml: valid: 11 agencies, 78 rights; version "));
    let bad = shown.replacen("purpose = \"health.admission\"", "purpose = \"health.admision\"", 1);
    let line = 1 + bad[..bad.find("health.admision").expect("is there")].matches('\n').count();
    std::fs::write(&file, bad).expect("written");
    let expected =
        format!("line {line}: UNKNOWN_VALUE: there is no purpose \"health.admision\"; nearest: health.admission");
    let checked = run(folder.path(), &["rights", "check", "rights.toml"]);
    assert_eq!(checked.status.code(), Some(1));
    assert!(text(checked.stdout).contains(&expected));
    let json = text(run(folder.path(), &["rights", "check", "rights.toml", "--output", "json"]).stdout);
    assert!(json.contains(&format!("\"line\":{line}")) && json.contains("\"version\":null"), "{json}");
    let arguments =
        ["serve", "--rights", "rights.toml", "--data-dir", "data", "--listen", "127.0.0.1:0", "--console", "off"];
    let served = run(folder.path(), &arguments);
    assert_eq!(served.status.code(), Some(1));
    assert!(text(served.stderr).contains(&expected));
    assert!(!folder.path().join("data").exists(), "nothing was made");
    let values = text(run(folder.path(), &["rights", "show", "--output", "json"]).stdout);
    assert!(values.contains("\"name\":\"lienthong.access.v1.AccessLogService/ListAccesses\""), "{values}");
}
