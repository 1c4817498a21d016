//! The journal of a world's calls, masked; and recordings, which replay byte for byte.

#![allow(clippy::disallowed_methods, reason = "a stream is waited for by the machine's time")]

mod common;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use common::dynamic::Call;
use common::process::{Serving, program, run};
use common::sessions::{CITIZEN, PURPOSE, World, base};
use common::{as_agency, gateway};
use lienthong::base::time::FixedClock;
use lienthong::base::{Clock, Timestamp};
use lienthong::server::{Config, Gateway, Listening};
use lienthong::wire::proto::access::v1::ListAgenciesResponse;
use lienthong::wire::proto::simulation::v1 as proto;
use lienthong::wire::proto::simulation::v1::journal_service_client::JournalServiceClient;
use serde_json::{Value, json};
use tonic::Code;

const FETCH: &str = "exchange.v1.ExchangeService/FetchRecords";

async fn fetch(world: &World, who: &str, purpose: &str) -> Option<Value> {
    let body = json!({ "personal_id": CITIZEN, "record_types": ["resident.person.v1"], "purpose": purpose });
    world.call(who, FETCH, body).await.ok()
}

async fn journal(world: &World, method: &str, body: Value) -> Value {
    world.ask("demo-operator", &format!("simulation.v1.JournalService/{method}"), body).await
}

fn calls(listed: &Value) -> Vec<(String, String, String)> {
    let text = |call: &Value, name: &str| call[name].as_str().unwrap_or_default().to_owned();
    let calls = listed["calls"].as_array().cloned().unwrap_or_default();
    calls.iter().map(|call| (text(call, "method"), text(call, "caller"), text(call, "outcome"))).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_call_of_a_world_is_in_its_journal_and_masked() {
    let started = gateway().start().await;
    let base = base(&started.channel);
    let session = base.create(json!({})).await;
    journal(&base, "ResetJournal", json!({})).await;
    fetch(&session, "demo-one-stop", PURPOSE).await.expect("fetched");
    assert!(fetch(&session, "demo-bank", "bank.know_your_customer").await.is_none());
    session.refused("demo-bank", "simulation.v1.SimulationService/FreezeClock", json!({})).await;
    session.refused("demo-bank", FETCH, json!({})).await;
    // A caller without a credential enters no session, and is in no journal.
    session.refused("nonsense", FETCH, json!({})).await;
    let listed = journal(&session, "ListCalls", json!({})).await;
    let expected = [
        (FETCH, "one-stop", "OK"),
        (FETCH, "bank", "CONSENT_MISSING"),
        ("simulation.v1.SimulationService/FreezeClock", "bank", "ROLE_NOT_ALLOWED"),
        (FETCH, "bank", "INVALID_REQUEST"),
    ];
    let expected = expected
        .map(|(method, caller, outcome)| (format!("lienthong.{method}"), caller.to_owned(), outcome.to_owned()));
    assert_eq!(calls(&listed), expected, "{listed}");
    assert_eq!(calls(&journal(&base, "ListCalls", json!({})).await), [], "nothing of a session is in the province's");
    base.refused("nonsense", FETCH, json!({})).await;
    let outside = (format!("lienthong.{FETCH}"), String::new(), "CREDENTIAL_MALFORMED".to_owned());
    assert_eq!(
        calls(&journal(&base, "ListCalls", json!({})).await),
        [outside],
        "but who calls the province is in its own"
    );
    // Personal data are masked, other data are not: in the messages, and in the decision log.
    let text = listed.to_string();
    assert!(!text.contains(CITIZEN) && !text.contains("Nguyễn"), "{text}");
    let first = &listed["calls"][0];
    assert_eq!((&first["request"]["purpose"], &first["protocol"]), (&json!(PURPOSE), &json!("grpc")));
    let record = &first["answers"][0]["records"][0];
    assert_eq!((&record["verdict"], &record["recordType"]), (&json!("VALID"), &json!("resident.person.v1")));
    assert!(first["request"]["personalId"].as_str().is_some_and(|masked| masked.starts_with('~') && masked.len() == 9));
    let checks = |call: &Value| call["checks"].as_array().map_or(0, Vec::len);
    assert!(checks(first) > 2 && checks(&listed["calls"][1]) > 0 && checks(&listed["calls"][2]) == 1, "{listed}");
    // Filters, pages and counts.
    let of = |filter: Value| json!({ "filter": filter });
    let refused = journal(&session, "ListCalls", of(json!({ "outcome": "REFUSED", "caller": "bank" }))).await;
    assert_eq!(calls(&refused).len(), 3);
    let page = journal(&session, "ListCalls", json!({ "page_size": 3 })).await;
    let rest = json!({ "page_size": 3, "page_token": page["nextPageToken"] });
    let rest = journal(&session, "ListCalls", rest).await;
    assert_eq!((calls(&page).len(), calls(&rest).len(), rest.get("nextPageToken")), (3, 1, None));
    let method = format!("lienthong.{FETCH}");
    for (expectation, holds) in [(json!({ "exactly": "3" }), true), (json!({ "at_least": "4" }), false)] {
        let mut request = of(json!({ "method": method }));
        request.as_object_mut().expect("an object").extend(expectation.as_object().cloned().expect("an object"));
        let verified = journal(&session, "VerifyCalls", request).await;
        assert_eq!((verified["holds"] == true, &verified["count"]), (holds, &json!("3")), "{verified}");
    }
    let verify = "simulation.v1.JournalService/VerifyCalls";
    let invalid = (Code::InvalidArgument, "INVALID_REQUEST".to_owned());
    assert_eq!(session.refused("demo-operator", verify, of(json!({}))).await, invalid);
    let typo = of(json!({ "method": "lienthong.exchange.v1.ExchangeService/FetchRecord" }));
    let said = session.call("demo-operator", "simulation.v1.JournalService/ListCalls", typo).await;
    let said = common::said(&said.expect_err("no such method"));
    assert!(said[0].contains("FetchRecords"), "{said:?}");
    // Names may be shortened as long as they are unambiguous, and a filter that can match nothing is refused.
    for (filter, count) in [
        (json!({ "method": "FetchRecords" }), 3),
        (json!({ "method": "ExchangeService/*", "caller": "bank" }), 2),
        (json!({ "outcome": "PERMISSION_DENIED" }), 2),
    ] {
        assert_eq!(calls(&journal(&session, "ListCalls", of(filter.clone())).await).len(), count, "{filter}");
    }
    for (filter, says) in [
        (json!({ "method": "ExchangeServise/*" }), "no such method"),
        (json!({ "method": "ListCalls" }), "no such method"),
        (json!({ "method": "grpc.health.v1.Health/Check" }), "no such method"),
        (json!({ "caller": "bnak" }), "nearest: bank"),
        (json!({ "outcome": "CONSENT_MISING" }), "nearest: CONSENT_MISSING"),
        (json!({ "since": "2030-01-02T00:00:00Z", "until": "2030-01-01T00:00:00Z" }), "not later than since"),
    ] {
        for method in ["ListCalls", "VerifyCalls"] {
            let mut request = of(filter.clone());
            if method == "VerifyCalls" {
                request["at_least"] = json!("1");
            }
            let refused =
                session.call("demo-operator", &format!("simulation.v1.JournalService/{method}"), request).await;
            let said = common::said(&refused.expect_err("it can match nothing"));
            assert!(said.iter().any(|said| said.contains(says)), "{filter}: {said:?}");
        }
    }
    assert_eq!(journal(&session, "ResetJournal", json!({})).await["forgotten"], "4");
    assert_eq!(calls(&journal(&session, "ListCalls", json!({})).await), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_follower_hears_of_calls_as_they_end() {
    let started = gateway().start().await;
    let base = base(&started.channel);
    let filter = proto::CallFilter { method: format!("lienthong.{FETCH}"), ..Default::default() };
    let follow = proto::FollowCallsRequest { filter: Some(filter), from_beginning: false };
    fetch(&base, "demo-one-stop", PURPOSE).await.expect("before");
    let mut client = JournalServiceClient::new(started.channel.clone());
    let mut stream = client.follow_calls(as_agency("operator", follow)).await.expect("it follows").into_inner();
    base.now().await;
    assert!(fetch(&base, "demo-bank", "bank.know_your_customer").await.is_none());
    let next = tokio::time::timeout(Duration::from_secs(20), stream.message()).await.expect("in time");
    let call = next.expect("open").expect("a call").call.expect("a call");
    assert_eq!((call.caller.as_str(), call.outcome.as_str()), ("bank", "CONSENT_MISSING"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_its_client_leaves_is_written_down_too() {
    use lienthong::wire::proto::province::v1::WatchChangesRequest;
    use lienthong::wire::proto::province::v1::province_service_client::ProvinceServiceClient;
    let started = gateway().start().await;
    let base = base(&started.channel);
    let mut client = ProvinceServiceClient::new(started.channel.clone());
    let watching = client.watch_changes(as_agency("operator", WatchChangesRequest::default())).await;
    let mut stream = watching.expect("it watches").into_inner();
    let begun = stream.message().await.expect("open").expect("a message");
    assert!(begun.progress.is_some() && !begun.resume_token.is_empty(), "a watch says where it begins");
    stream.message().await.expect("open").expect("a change");
    drop(stream);
    let filter = json!({ "filter": { "outcome": "CANCELLED" } });
    let written = common::until::until_answered("the stream is written down", async || {
        let listed = journal(&base, "ListCalls", filter.clone()).await;
        (!calls(&listed).is_empty()).then_some(listed)
    });
    let listed = written.await;
    let call = &listed["calls"][0];
    assert_eq!(call["method"], "lienthong.province.v1.ProvinceService/WatchChanges");
    assert!(call["answerCount"] != "0" && call["answers"][1]["recordType"].is_string(), "{call}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_forgotten_is_not_counted_as_if_it_had_never_been() {
    let started = gateway().start().await;
    let base = base(&started.channel);
    let session = base.create(json!({})).await;
    let verify = async |expectation: Value| {
        let body = expectation.to_string();
        let call =
            Call { headers: Vec::new(), body, method: "lienthong.simulation.v1.JournalService/VerifyCalls".into() };
        let call = call.with("authorization", "Bearer demo-operator").with("x-lienthong-session", session.id());
        call.make(&started.channel).await
    };
    // Answers of some hundred kilobytes in all fill the journal of a session.
    for _ in 0..120 {
        session.ask("demo-operator", "simulation.v1.SimulationService/ListPersonas", json!({})).await;
    }
    let listed = journal(&session, "ListCalls", json!({ "page_size": 1 })).await;
    assert!(listed["forgotten"].as_str().is_some_and(|count| count != "0"), "{listed}");
    let refused = verify(json!({ "exactly": "120" })).await.expect_err("nobody knows");
    assert_eq!(common::reason(&refused), (Code::FailedPrecondition, "JOURNAL_INCOMPLETE".into()));
    assert_eq!(verify(json!({ "at_least": "1" })).await.expect("it has more")["holds"], true);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_neither_fill_a_journal_nor_keep_a_session_from_being_recorded() {
    let started = gateway().start().await;
    let base = base(&started.channel);
    let session = base.create(json!({ "seed": "7" })).await;
    let as_stranger = async |world: Option<&World>| {
        let method = "lienthong.trust.v1.TrustService/GetTrustAnchor".to_owned();
        let call = Call { headers: Vec::new(), body: "{}".into(), method };
        let call = match world {
            Some(world) => call.with("x-lienthong-session", world.id()),
            None => call,
        };
        call.make(&started.channel).await.expect("anyone may")
    };
    as_stranger(Some(&session)).await;
    let started_at = journal(&session, "StartRecording", json!({})).await;
    assert_eq!(started_at["bytesMax"], "67108864");
    fetch(&session, "demo-one-stop", PURPOSE).await.expect("fetched");
    for _ in 0..100 {
        as_stranger(Some(&session)).await;
        as_stranger(None).await;
    }
    fetch(&session, "demo-one-stop", PURPOSE).await.expect("fetched");
    let of_caller = json!({ "filter": { "caller": "one-stop" }, "exactly": "2" });
    let counted = journal(&session, "VerifyCalls", of_caller).await;
    assert_eq!(counted["holds"], true, "what strangers called pushed nothing out: {counted}");
    let all = journal(&session, "ListCalls", json!({ "page_size": 500 })).await;
    assert!(all["forgotten"].as_str().is_some_and(|count| count != "0"), "an anchor has kilobytes");
    assert_eq!(journal(&session, "StopRecording", json!({})).await.get("isFull"), None);
    // The recorded calls are counted together with the written ones.
    let facts = base.sessions("GetSession", json!({ "session_id": session.id() })).await;
    let bytes: u64 = facts["session"]["bytes"].as_str().expect("bytes").parse().expect("a number");
    assert!(bytes > 100_000, "{facts}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_a_session_is_recorded_and_only_from_its_first_call() {
    let started = gateway().start().await;
    let base = base(&started.channel);
    let start = "simulation.v1.JournalService/StartRecording";
    let impossible = (Code::FailedPrecondition, "RECORDING_IMPOSSIBLE".to_owned());
    assert_eq!(base.refused("demo-operator", start, json!({})).await, impossible);
    let session = base.create(json!({})).await;
    session.now().await;
    assert_eq!(session.refused("demo-operator", start, json!({})).await, impossible);
    let denied = (Code::PermissionDenied, "ROLE_NOT_ALLOWED".to_owned());
    for method in ["StartRecording", "ListCalls", "ResetJournal"] {
        let method = format!("simulation.v1.JournalService/{method}");
        assert_eq!(session.refused("demo-one-stop", &method, json!({})).await, denied);
    }
    // An id is chosen to replay, and never shared.
    let taken = json!({ "session_id": session.id() });
    let create = "simulation.v1.SessionService/CreateSession";
    let invalid = (Code::InvalidArgument, "INVALID_REQUEST".to_owned());
    assert_eq!(base.refused("demo-operator", create, taken.clone()).await, invalid);
    assert_eq!(base.refused("demo-operator", create, json!({ "session_id": "mine" })).await, invalid);
    base.sessions("DeleteSession", taken.clone()).await;
    assert_eq!(base.create(taken).await.id(), session.id());
}

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

async fn command(folder: &Path, arguments: Vec<String>) -> (Option<i32>, String) {
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
    let own = |arguments: &[&str]| -> Vec<String> {
        let address = ["--address", &address, "--session", session.id()];
        arguments.iter().chain(&address).map(|text| (*text).to_owned()).collect()
    };
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
async fn the_command_that_follows_prints_calls_as_they_end() {
    use std::io::BufRead as _;
    let folder = tempfile::tempdir().expect("a folder");
    let serving = Serving::start(folder.path(), &["--population", "0"]);
    let endpoint = tonic::transport::Endpoint::from_shared(format!("http://{}", serving.grpc)).expect("an address");
    let world = base(&endpoint.connect().await.expect("it accepts"));
    let follow = ["journal", "follow", "--method", "FetchRecords", "--from-beginning", "--address", &serving.grpc];
    let mut following = program();
    let mut following = following.args(follow).stdout(std::process::Stdio::piped()).spawn().expect("it starts");
    let lines = std::io::BufReader::new(following.stdout.take().expect("piped")).lines();
    let (send, mut told) = tokio::sync::mpsc::channel(8);
    std::thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| send.blocking_send(line)));
    let mut next = async || tokio::time::timeout(Duration::from_secs(20), told.recv()).await.expect("in time");
    fetch(&world, "demo-one-stop", PURPOSE).await.expect("fetched");
    let first = next().await.expect("a line");
    assert!(first.contains("  one-stop  OK  ") && !first.contains(CITIZEN), "{first}");
    world.now().await; // is of another method
    assert!(fetch(&world, "demo-bank", "bank.know_your_customer").await.is_none());
    let second = next().await.expect("a line");
    assert!(second.contains("  bank  CONSENT_MISSING  "), "{second}");
    drop(serving);
    assert_eq!(next().await, None, "it ends with the server");
    let _ = following.wait();
    // A filter that can match nothing is refused with a suggestion.
    let serving = Serving::start(folder.path(), &["--population", "0"]);
    let typo = ["journal", "follow", "--caller", "one-stpo", "--address", &serving.grpc].map(str::to_owned);
    let (code, text) = command(folder.path(), typo.to_vec()).await;
    assert!(code == Some(1) && text.contains("nearest: one-stop"), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn faults_that_dice_choose_replay_byte_for_byte() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    let (one, running) = standing(at).await;
    let outside = world_of(&running).await;
    let session = outside.create(json!({ "seed": "7" })).await;
    let address = running.grpc.to_string();
    let own = |arguments: &[&str]| -> Vec<String> {
        let address = ["--address", &address, "--session", session.id()];
        arguments.iter().chain(&address).map(|text| (*text).to_owned()).collect()
    };
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
