//! Recordings, replayed against a server and as one.

use std::path::Path;
use std::sync::Arc;

use lienthong::base::time::FixedClock;
use lienthong::base::{Clock, Timestamp};
use lienthong::server::{Config, Gateway, Listening};
use lienthong::wire::proto::access::v1::ListAgenciesResponse;
use serde_json::{Value, json};
use tonic::Code;

use super::common::dynamic::Call;
use super::common::process::{Serving, program, run};
use super::common::sessions::{CITIZEN, PURPOSE, World, base};
use super::{FETCH, common, fetch};

/// A gateway on a socket whose clock stands at one time, so that another one like it begins with the same province.
async fn standing(folder: &Path) -> (Gateway, lienthong::server::Running) {
    let clock: Arc<dyn Clock> = Arc::new(FixedClock::at(Timestamp::parse("2026-11-30T09:00:00Z").expect("a time")));
    let config = Config { clock, anchor: Some(folder.join("anchor.json")), ..common::config() };
    let gateway = Gateway::open(config).await.expect("it opens");
    let grpc = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let running = gateway.start(Listening::plaintext(grpc)).await.expect("it serves");
    (gateway, running)
}

async fn world_of(running: &lienthong::server::Running) -> World {
    let endpoint = tonic::transport::Endpoint::from_shared(format!("http://{}", running.grpc)).expect("an address");
    base(&endpoint.connect().await.expect("it accepts"))
}

/// The arguments of a command within a session of the server at this address.
fn within(session: &World, address: &str, arguments: &[&str]) -> Vec<String> {
    let place = ["--address", address, "--session", session.id()];
    arguments.iter().chain(&place).map(|text| (*text).to_owned()).collect()
}

pub async fn command(folder: &Path, arguments: Vec<String>) -> (Option<i32>, String) {
    let folder = folder.to_owned();
    let done = tokio::task::spawn_blocking(move || {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        run(&folder, &arguments)
    });
    let done = done.await.expect("no panic");
    let text = format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    (done.status.code(), text)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recorded_tour_of_all_personas_replays_byte_for_byte() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    let (one, running) = standing(at).await;
    let outside = world_of(&running).await;
    // Some faults take seconds; their effects are not compared here.
    let session = outside.create(json!({ "seed": "7", "label": "tour", "persona_faults": {} })).await;
    let listed = outside.ask("demo-operator", "simulation.v1.SimulationService/ListPersonas", json!({})).await;
    let address = running.grpc.to_string();
    let own = |arguments: &[&str]| within(&session, &address, arguments);
    let (code, text) = command(at, own(&["journal", "record"])).await;
    assert_eq!(code, Some(0), "{text}");
    session.clock("FreezeClock", json!({})).await;
    session.ask("demo-operator", "access.v1.AgencyService/ListAgencies", json!({})).await;
    let personas = listed["personas"].as_array().expect("personas").clone();
    assert!(personas.len() > 20);
    let endpoint = tonic::transport::Endpoint::from_shared(format!("http://{address}")).expect("an address");
    let channel = endpoint.connect().await.expect("it accepts");
    for persona in &personas {
        let call = Call::of_command(persona["command"].as_str().expect("a command"));
        let _ = call.with("x-lienthong-session", session.id()).make(&channel).await;
    }
    session.clock("AdvanceClock", json!({ "requestId": "a-month-on", "by": "2592000s" })).await;
    let (version, _) = session.religion().await;
    session.convert(version, "Phật giáo").await;
    session.fetch().await;
    unknown(&channel, session.id()).await;
    let (code, text) = command(at, own(&["journal", "export", "tour.jsonl"])).await;
    assert_eq!(code, Some(0), "{text}");
    let recorded = std::fs::read_to_string(at.join("tour.jsonl")).expect("a recording");
    assert!(recorded.lines().count() > personas.len() + 5);

    // Another gateway with the same province: every byte of every answer comes again.
    let elsewhere = tempfile::tempdir().expect("a folder");
    let (other, running) = standing(elsewhere.path()).await;
    let replay = |file: &str, more: &[&str]| -> Vec<String> {
        let address = running.grpc.to_string();
        ["replay", file, "--address", &address].iter().chain(more).map(|text| (*text).to_owned()).collect()
    };
    let (code, text) = command(at, replay("tour.jsonl", &["--exact"])).await;
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains(" 0 the same but for noise, 0 different, 0 not compared"), "{text}");

    // A different recorded answer is reported with call and field.
    let altered: Vec<String> = recorded.lines().map(altered).collect();
    std::fs::write(at.join("altered.jsonl"), altered.join("\n")).expect("written");
    let (code, text) = command(at, replay("altered.jsonl", &[])).await;
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("ListAgencies, is answered differently:"), "{text}");
    assert!(text.contains("agencies[0].name: \"Somebody Else\" => "), "{text}");
    let (code, text) = command(at, replay("altered.jsonl", &["--noise", "agencies[].name"])).await;
    assert_eq!(code, Some(0), "{text}");
    running.end().await.expect("it ends");
    other.close().await;
    one.close().await;
}

/// Calls a method that does not exist: it gets an id like any other.
async fn unknown(channel: &tonic::transport::Channel, session: &str) {
    let mut client = tonic::client::Grpc::new(channel.clone());
    client.ready().await.expect("connected");
    let mut request = tonic::Request::new(bytes::Bytes::new());
    request.metadata_mut().insert("x-lienthong-session", session.parse().expect("ASCII"));
    let path = "/lienthong.simulation.v1.SimulationService/NoSuchMethod".parse().expect("a path");
    let refused = client.unary(request, path, lienthong::wire::codec::RawCodec).await;
    assert_eq!(refused.expect_err("there is none").code(), Code::Unimplemented);
}

/// The same line, but the first agency has another name.
fn altered(line: &str) -> String {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use prost::Message as _;
    let mut json: Value = serde_json::from_str(line).expect("JSON");
    if json["call"]["method"] == "lienthong.access.v1.AgencyService/ListAgencies" {
        let answer = json["call"]["answers"][0].as_str().expect("base64").to_owned();
        let answer = STANDARD.decode(answer).expect("base64");
        let mut answer = ListAgenciesResponse::decode(&answer[..]).expect("agencies");
        answer.agencies[0].name = "Somebody Else".into();
        json["call"]["answers"][0] = STANDARD.encode(answer.encode_to_vec()).into();
    }
    json.to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recording_answers_without_a_world() {
    use std::io::BufRead as _;
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    let serving = Serving::start(at, &["--population", "0"]);
    let endpoint =
        |address: &str| tonic::transport::Endpoint::from_shared(format!("http://{address}")).expect("an address");
    let outside = base(&endpoint(&serving.grpc).connect().await.expect("it accepts"));
    let session = outside.create(json!({ "seed": "7" })).await;
    let lienthong = |arguments: &[&str]| {
        let mut command = program();
        command.current_dir(at).args(arguments).args(["--address", &serving.grpc, "--session", session.id()]);
        let done = command.output().expect("it runs");
        (done.status.code(), String::from_utf8(done.stdout).expect("UTF-8"))
    };
    assert_eq!(lienthong(&["journal", "record"]).0, Some(0));
    let answer = fetch(&session, "demo-one-stop", PURPOSE).await.expect("fetched");
    assert!(fetch(&session, "demo-bank", "bank.know_your_customer").await.is_none());
    assert_eq!(lienthong(&["journal", "export", "suite.jsonl"]).0, Some(0));
    assert_eq!(lienthong(&["journal", "export", "suite.jsonl"]).0, Some(1), "no file is replaced");
    // The commands that only read.
    let method = format!("lienthong.{FETCH}");
    let (code, listed) = lienthong(&["journal", "list", "--method", &method, "--outcome", "CONSENT_MISSING"]);
    assert!(code == Some(0) && listed.lines().count() == 1 && listed.contains("  bank  CONSENT_MISSING  "), "{listed}");
    assert_eq!(lienthong(&["journal", "verify", "--method", &method, "--exactly", "2"]).0, Some(0));
    assert_eq!(lienthong(&["journal", "verify", "--method", &method, "--at-most", "1"]).0, Some(1));
    drop(serving);

    let mut replaying = program();
    replaying.current_dir(at).args(["replay", "suite.jsonl", "--serve", "127.0.0.1:0", "--output", "json"]);
    let mut replaying = replaying.stdout(std::process::Stdio::piped()).spawn().expect("it starts");
    let mut line = String::new();
    std::io::BufReader::new(replaying.stdout.take().expect("piped")).read_line(&mut line).expect("a line");
    let said: Value = serde_json::from_str(&line).expect("JSON");
    let replayed = base(&endpoint(said["grpc"].as_str().expect("an address")).connect().await.expect("it accepts"));
    for _ in 0..2 {
        assert_eq!(fetch(&replayed, "demo-one-stop", PURPOSE).await.expect("answered"), answer);
    }
    let body =
        json!({ "personal_id": CITIZEN, "record_types": ["resident.person.v1"], "purpose": "bank.know_your_customer" });
    let refused = replayed.refused("demo-bank", FETCH, body.clone()).await;
    assert_eq!(refused, (Code::PermissionDenied, "CONSENT_MISSING".into()));
    let unknown = replayed.refused("demo-police", FETCH, body).await;
    assert_eq!(unknown, (Code::NotFound, "NOT_FOUND".into()));
    let _ = replaying.kill();
    let _ = replaying.wait();
    let (code, text) =
        command(at, vec!["replay".into(), "suite.jsonl".into(), "--serve".into(), "0.0.0.0:0".into()]).await;
    assert!(code == Some(2) && text.contains("is not loopback"), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn faults_that_dice_choose_replay_byte_for_byte() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    let (one, running) = standing(at).await;
    let outside = world_of(&running).await;
    let session = outside.create(json!({ "seed": "7" })).await;
    let address = running.grpc.to_string();
    let own = |arguments: &[&str]| within(&session, &address, arguments);
    assert_eq!(command(at, own(&["journal", "record"])).await.0, Some(0));
    session.clock("FreezeClock", json!({})).await;
    let of = |method: &str| json!({ "methods": [method] });
    let half = json!({ "probability": 0.5 });
    let fetches = of("FetchRecords");
    let faults = json!([
        { "fault_id": "busy", "match": fetches, "turn": { "probability": 0.3 }, "status": { "reason": "RATE_LIMITED", "retry_after": "2s" } },
        { "fault_id": "tampered", "match": { "registry": "resident" }, "turn": half, "read": "READ_FAULT_PAYLOAD_CHANGED" },
        { "fault_id": "slow", "match": fetches, "turn": half, "delay": { "uniform": { "low": "0.001s", "high": "0.005s" } } },
        { "fault_id": "dripping", "match": of("GetWorld"), "turn": half, "drip": { "bytes": 50, "every": "0.001s" } },
        { "fault_id": "cut", "match": of("GetWorld"), "turn": { "probability": 0.2 }, "cut": { "messages": 0 } },
        { "fault_id": "twice", "match": of("ListFeeds"), "turn": half, "duplicate": {} },
        { "fault_id": "empty", "match": of("ListFeeds"), "turn": { "probability": 0.2 }, "trailers_only": {} },
    ]);
    session.ask("demo-operator", "simulation.v1.FaultService/AddFaults", json!({ "faults": faults })).await;
    let mut outcomes = std::collections::BTreeSet::new();
    for _ in 0..30 {
        let body = json!({ "personal_id": CITIZEN, "record_types": ["resident.person.v1"], "purpose": PURPOSE });
        outcomes.insert(match session.call("demo-one-stop", FETCH, body).await {
            Ok(answer) => answer["records"][0]["verdict"].to_string(),
            Err(status) => common::reason(&status).1,
        });
        let _ = session.call("demo-operator", "simulation.v1.SimulationService/GetWorld", json!({})).await;
        let _ = session.call("demo-operator", "province.v1.ProvinceService/ListFeeds", json!({})).await;
    }
    assert!(outcomes.len() >= 3, "refused, spoilt and well: {outcomes:?}");
    assert_eq!(command(at, own(&["journal", "export", "faults.jsonl"])).await.0, Some(0));

    let elsewhere = tempfile::tempdir().expect("a folder");
    let (other, running) = standing(elsewhere.path()).await;
    let replay = ["replay", "faults.jsonl", "--exact", "--address", &running.grpc.to_string()].map(str::to_owned);
    let (code, text) = command(at, replay.to_vec()).await;
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("92 calls: 92 identical, 0 the same but for noise, 0 different, 0 not compared"), "{text}");
    running.end().await.expect("it ends");
    other.close().await;
    one.close().await;
}

/// A call's own faults are recorded with it, and a session that was reset gets the same logs again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn faults_that_calls_ask_for_replay_byte_for_byte_also_after_a_reset() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    let (one, running) = standing(at).await;
    let outside = world_of(&running).await;
    let session = outside.create(json!({ "seed": "7", "metadata_faults": true })).await;
    for _ in 0..2 {
        outside.sessions("ResetSession", json!({ "session_id": session.id() })).await;
    }
    let address = running.grpc.to_string();
    let own = |arguments: &[&str]| within(&session, &address, arguments);
    assert_eq!(command(at, own(&["journal", "record"])).await.0, Some(0));
    session.clock("FreezeClock", json!({})).await;
    let endpoint = tonic::transport::Endpoint::from_shared(format!("http://{address}")).expect("an address");
    let channel = endpoint.connect().await.expect("it accepts");
    let ask = async |faults: &[(&str, &str)]| {
        let method = "lienthong.simulation.v1.SimulationService/GetWorld".into();
        let call = Call { headers: Vec::new(), body: "{}".into(), method };
        let call = call.with("authorization", "Bearer demo-bank").with("x-lienthong-session", session.id());
        let call = faults.iter().fold(call, |call, (name, value)| call.with(name, value));
        call.make(&channel).await.map(drop).map_err(|status| common::reason(&status).0)
    };
    let fault = "x-lienthong-fault";
    let mut outcomes = std::collections::BTreeSet::new();
    for _ in 0..20 {
        let two = [(fault, "status=DATA_LOSS;probability=0.4"), (fault, "status=ABORTED;probability=0.4")];
        let of_a33 = [("x-envoy-fault-abort-grpc-request", "5"), ("x-envoy-fault-abort-percentage", "50")];
        for asked in [&two, &of_a33] {
            outcomes.insert(format!("{:?}", ask(asked).await));
        }
    }
    assert_eq!(ask(&[(fault, "statsu=ABORTED")]).await, Err(Code::InvalidArgument));
    for outcome in ["Ok(())", "Err(DataLoss)", "Err(Aborted)", "Err(NotFound)"] {
        assert!(outcomes.contains(outcome), "{outcome}: {outcomes:?}");
    }
    let (version, _) = session.religion().await;
    session.convert(version, "Phật giáo").await;
    session.fetch().await;
    assert_eq!(command(at, own(&["journal", "export", "asked.jsonl"])).await.0, Some(0));

    let elsewhere = tempfile::tempdir().expect("a folder");
    let (other, running) = standing(elsewhere.path()).await;
    let replay = ["replay", "asked.jsonl", "--exact", "--address", &running.grpc.to_string()].map(str::to_owned);
    let (code, text) = command(at, replay.to_vec()).await;
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains(" 0 the same but for noise, 0 different, 0 not compared"), "{text}");
    // Without what the calls asked for, other answers come: the recording is what makes them the same.
    let recorded = std::fs::read_to_string(at.join("asked.jsonl")).expect("a recording");
    let without = recorded.lines().map(|line| {
        let mut line: Value = serde_json::from_str(line).expect("JSON");
        if let Some(call) = line.get_mut("call").and_then(Value::as_object_mut) {
            call.remove("askedFaults");
        }
        line.to_string()
    });
    std::fs::write(at.join("without.jsonl"), without.collect::<Vec<_>>().join("\n")).expect("written");
    let replay = ["replay", "without.jsonl", "--address", &running.grpc.to_string()].map(str::to_owned);
    assert_eq!(command(at, replay.to_vec()).await.0, Some(1));
    running.end().await.expect("it ends");
    other.close().await;
    one.close().await;
}
