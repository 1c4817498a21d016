//! The journal of a world's calls, masked; and recordings, which replay byte for byte.

#![allow(clippy::disallowed_methods, reason = "a stream is waited for by the machine's time")]

#[path = "../common/mod.rs"]
mod common;
mod commands;
mod recording;
mod replay;

use std::time::Duration;

use common::dynamic::Call;
use common::sessions::{CITIZEN, PURPOSE, World, base};
use common::{as_agency, gateway};
use lienthong::base::time::SystemClock;
use lienthong::base::{Clock as _, Timestamp};
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
async fn a_call_is_written_down_with_both_times_and_how_long_it_took() {
    let started = gateway().start().await;
    let session = base(&started.channel).create(json!({})).await;
    session.clock("AdvanceClock", json!({ "request_id": "a-year-on", "by": "31536000s" })).await;
    session.clock("FreezeClock", json!({})).await;
    let world_time = session.now().await;
    let slow = json!({ "match": { "methods": ["GetWorld"] }, "delay": { "fixed": "0.05s" } });
    session.ask("demo-operator", "simulation.v1.FaultService/AddFaults", json!({ "faults": [slow] })).await;
    let before = SystemClock.now();
    session.clock("GetWorld", json!({})).await;
    let after = SystemClock.now();
    let listed = journal(&session, "ListCalls", json!({ "filter": { "method": "GetWorld" } })).await;
    let [call] = listed["calls"].as_array().expect("calls").as_slice() else { panic!("one call: {listed}") };
    let time = |name: &str| Timestamp::parse(call[name].as_str().expect("a time")).expect("RFC 3339");
    assert_eq!(time("calledAt"), world_time, "by the world's time, which stands a year ahead");
    assert!((before..=after).contains(&time("machineTime")), "{before} {after} {call}");
    let took = call["took"].as_str().and_then(|took| took.strip_suffix('s')).and_then(|took| took.parse().ok());
    let took: f64 = took.unwrap_or_else(|| panic!("a duration: {call}"));
    let whole = (after.0 - before.0 + 1) as f64 / 1e3;
    assert!((0.05..=whole).contains(&took), "with its delay, and within what its caller waited ({whole} s): {call}");
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
