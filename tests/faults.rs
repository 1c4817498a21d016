//! Faults as a client meets them: each action at the right call and nowhere else, on the wire and through the public API.

#![allow(clippy::disallowed_methods, reason = "clients wait by the machine's time")]

mod common;

use std::time::{Duration, Instant};

use bytes::Bytes;
use common::process::Serving;
use common::sessions::{CITIZEN, PURPOSE, World, base};
use common::{gateway, reason};
use h2::client::SendRequest;
use lienthong::transparency::head::SignedHead;
use serde_json::{Value, json};
use tonic::Code;
use tonic::codegen::http::{HeaderMap, Request};

const WORLD: &str = "simulation.v1.SimulationService/GetWorld";
const FETCH: &str = "exchange.v1.ExchangeService/FetchRecords";
const LICENCE: &str = "driver_licence.licence.v1";

async fn add(world: &World, fault: Value) -> Value {
    world.ask("demo-operator", "simulation.v1.FaultService/AddFaults", json!({ "faults": [fault] })).await
}

async fn refused(world: &World, fault: Value) -> (Code, String) {
    let body = json!({ "faults": [fault] });
    world.refused("demo-operator", "simulation.v1.FaultService/AddFaults", body).await
}

async fn heal(world: &World) -> Value {
    world.ask("demo-operator", "simulation.v1.FaultService/Heal", json!({})).await
}

async fn list(world: &World) -> Vec<Value> {
    let listed = world.ask("demo-operator", "simulation.v1.FaultService/ListFaults", json!({ "pageSize": 500 })).await;
    listed["faults"].as_array().cloned().unwrap_or_default()
}

/// A connection whose frames are seen.
struct Wire {
    address: String,
    requests: SendRequest<Bytes>,
    connection: tokio::task::JoinHandle<Result<(), h2::Error>>,
}

/// An answer as its frames came.
#[derive(Debug, Default)]
struct Seen {
    headers: HeaderMap,
    /// The pieces of data, and how long each came after the request.
    data: Vec<(Duration, Bytes)>,
    trailers: Option<HeaderMap>,
    reset: Option<h2::Reason>,
    has_only_headers: bool,
}

impl Seen {
    fn bytes(&self) -> Vec<u8> {
        self.data.iter().flat_map(|(_, piece)| piece.to_vec()).collect()
    }

    fn status(&self) -> Option<&str> {
        let of = |headers: &'_ HeaderMap| headers.get("grpc-status").is_some();
        let headers = if of(&self.headers) { &self.headers } else { self.trailers.as_ref()? };
        headers.get("grpc-status")?.to_str().ok()
    }
}

impl Wire {
    async fn open(address: &str) -> Self {
        let stream = tokio::net::TcpStream::connect(address).await.expect("connects");
        let (requests, connection) = h2::client::handshake(stream).await.expect("HTTP/2");
        Self { address: address.to_owned(), requests, connection: tokio::spawn(connection) }
    }

    /// Calls GetWorld, which has an empty request.
    async fn call(&self, session: &str, agency: &str) -> Result<Seen, h2::Error> {
        let request = Request::post(format!("http://{}/lienthong.{WORLD}", self.address))
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .header("authorization", format!("Bearer demo-{agency}"))
            .header("x-lienthong-session", session)
            .body(())
            .expect("a request");
        let begun = Instant::now();
        let mut ready = self.requests.clone().ready().await?;
        let (answer, mut body) = ready.send_request(request, false)?;
        body.send_data(Bytes::from_static(&[0; 5]), true)?;
        let answer = match answer.await {
            Ok(answer) => answer,
            Err(error) if error.is_reset() => return Ok(Seen { reset: error.reason(), ..Seen::default() }),
            Err(error) => return Err(error),
        };
        let mut seen = Seen { headers: answer.headers().clone(), ..Seen::default() };
        let mut body = answer.into_body();
        seen.has_only_headers = body.is_end_stream();
        while let Some(piece) = body.data().await {
            match piece {
                Ok(piece) => {
                    body.flow_control().release_capacity(piece.len())?;
                    seen.data.push((begun.elapsed(), piece));
                }
                Err(error) if error.is_reset() => {
                    seen.reset = error.reason();
                    return Ok(seen);
                }
                Err(error) => return Err(error),
            }
        }
        match body.trailers().await {
            Ok(trailers) => seen.trailers = trailers,
            Err(error) if error.is_reset() => seen.reset = error.reason(),
            Err(error) => return Err(error),
        }
        Ok(seen)
    }
}

/// A server on a socket, with a channel to it.
async fn serving(folder: &std::path::Path) -> (Serving, World) {
    let serving = Serving::start(folder, &["--population", "20"]);
    let endpoint = tonic::transport::Endpoint::from_shared(format!("http://{}", serving.grpc)).expect("an address");
    let channel = endpoint.connect().await.expect("connects");
    (serving, base(&channel))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_fault_of_a_call_is_seen_at_its_call_and_nowhere_else() {
    let folder = tempfile::tempdir().expect("a folder");
    let (serving, outside) = serving(folder.path()).await;
    let (mut checked, wire) = (Vec::new(), Wire::open(&serving.grpc).await);
    type Check = fn(&Seen, &Seen, Duration);
    let cases: [(&str, Value, Check); 13] = [
        ("delay", json!({ "fixed": "0.3s" }), |seen, healthy, took| {
            assert!(took >= Duration::from_millis(300), "{took:?}");
            assert_eq!((seen.bytes(), seen.status()), (healthy.bytes(), Some("0")));
        }),
        ("status", json!({ "code": "ABORTED", "message": "as asked", "retry_after": "2s" }), |seen, _, _| {
            assert_eq!((seen.status(), seen.has_only_headers), (Some("10"), true));
            assert_eq!(seen.headers["grpc-message"], "as%20asked");
        }),
        ("status", json!({ "reason": "REGISTRY_UNAVAILABLE" }), |seen, _, _| {
            assert_eq!(seen.status(), Some("14"));
        }),
        ("trailers_only", json!({}), |seen, _, _| {
            assert_eq!((seen.status(), seen.has_only_headers, seen.data.len()), (Some("0"), true, 0));
        }),
        ("cut", json!({ "messages": 0 }), |seen, _, _| {
            assert_eq!((seen.reset, seen.data.len(), seen.status()), (Some(h2::Reason::INTERNAL_ERROR), 0, None));
        }),
        ("cut", json!({ "messages": 1 }), |seen, healthy, _| {
            assert_eq!(
                (seen.reset, seen.bytes(), seen.status()),
                (Some(h2::Reason::INTERNAL_ERROR), healthy.bytes(), None)
            );
        }),
        ("cut", json!({ "bytes": 7 }), |seen, healthy, _| {
            assert_eq!((seen.reset, seen.bytes()), (Some(h2::Reason::INTERNAL_ERROR), healthy.bytes()[..7].to_vec()));
        }),
        ("reset", json!({}), |seen, _, _| assert_eq!(seen.reset, Some(h2::Reason::INTERNAL_ERROR))),
        ("reset", json!({ "code": "RESET_CODE_REFUSED_STREAM" }), |seen, _, _| {
            assert_eq!(seen.reset, Some(h2::Reason::REFUSED_STREAM));
        }),
        ("reset", json!({ "code": "RESET_CODE_CANCEL" }), |seen, _, _| {
            assert_eq!(seen.reset, Some(h2::Reason::CANCEL))
        }),
        ("reset", json!({ "code": "RESET_CODE_ENHANCE_YOUR_CALM" }), |seen, _, _| {
            assert_eq!(seen.reset, Some(h2::Reason::ENHANCE_YOUR_CALM));
        }),
        ("drip", json!({ "bytes": 8, "every": "0.02s" }), |seen, healthy, took| {
            assert_eq!((seen.bytes(), seen.status()), (healthy.bytes(), Some("0")));
            assert!(seen.data.iter().all(|(_, piece)| piece.len() <= 8), "{:?}", seen.data);
            let pieces = healthy.bytes().len().div_ceil(8) as u32;
            assert!(pieces > 2 && took >= pieces * Duration::from_millis(20), "{pieces} pieces in {took:?}");
        }),
        ("duplicate", json!({}), |seen, healthy, _| {
            assert_eq!((seen.bytes(), seen.status()), (healthy.bytes().repeat(2), Some("0")));
        }),
    ];
    for (action, how, check) in cases {
        let session = outside.create(json!({})).await;
        session.clock("FreezeClock", json!({})).await;
        let mut fault = json!({ "match": { "methods": ["GetWorld"], "agency": "bank" }, "turn": { "nth": "2" } });
        fault[action] = how;
        add(&session, fault).await;
        let healthy = wire.call(session.id(), "bank").await.expect("an answer");
        assert_eq!((healthy.status(), healthy.reset), (Some("0"), None), "{action}: the first call is well");
        let other = wire.call(session.id(), "police").await.expect("an answer");
        assert_eq!(other.status(), Some("0"), "{action}: another agency");
        let begun = Instant::now();
        let seen = wire.call(session.id(), "bank").await.expect("an answer");
        check(&seen, &healthy, begun.elapsed());
        let third = wire.call(session.id(), "bank").await.expect("an answer");
        assert_eq!((third.bytes(), third.status()), (healthy.bytes(), Some("0")), "{action}: the third is well again");
        let outside = outside.call("demo-bank", WORLD, json!({})).await;
        assert!(outside.is_ok(), "{action}: nothing happens outside the session");
        let counted = list(&session).await.into_iter().find(|fault| fault["faultId"] == "fault-1").expect("it stands");
        assert_eq!(counted["counts"], json!({ "matched": "3", "hits": "1" }), "{action}");
        checked.push(action);
    }
    assert_eq!(checked.len(), 13);
    assert!(!wire.connection.is_finished(), "none of them ended the connection");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_is_dismissed_answers_its_call_and_takes_no_more() {
    let folder = tempfile::tempdir().expect("a folder");
    let (serving, outside) = serving(folder.path()).await;
    let session = outside.create(json!({})).await;
    add(
        &session,
        json!({ "match": { "methods": ["GetWorld"], "agency": "bank" }, "turn": { "nth": 2 }, "go_away": {} }),
    )
    .await;
    let wire = Wire::open(&serving.grpc).await;
    assert_eq!(wire.call(session.id(), "bank").await.expect("an answer").status(), Some("0"));
    assert_eq!(wire.call(session.id(), "bank").await.expect("an answer").status(), Some("0"), "it is answered");
    let mut connection = wire.connection;
    let ended = tokio::time::timeout(Duration::from_secs(5), &mut connection).await.expect("it ends");
    assert!(ended.expect("no panic").is_ok(), "in good order");
    let next = Wire::open(&serving.grpc).await;
    assert_eq!(next.call(session.id(), "bank").await.expect("an answer").status(), Some("0"));
}

/// Fetches the citizen's licence, unverified or not.
async fn fetch(world: &World) -> Result<Value, tonic::Status> {
    let body = json!({ "personal_id": CITIZEN, "record_types": [LICENCE], "purpose": PURPOSE });
    world.call("demo-one-stop", FETCH, body).await
}

/// What became of the citizen's licence: `VALID`, or the reason why it is missing, or the code of the call.
async fn outcome(world: &World) -> String {
    match fetch(world).await {
        Err(status) => reason(&status).1,
        Ok(answer) => {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            match answer["records"][0]["verdict"].as_str() {
                Some(verdict) => verdict.to_owned(),
                None => text(&answer["missing"][0]["code"]) + &text(&answer["missing"][0]["reason"]),
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_fault_of_a_registrys_answers_is_caught_or_told() {
    let gateway = gateway().start().await;
    let outside = base(&gateway.channel);
    for (fault, expected) in [
        ("PAYLOAD_CHANGED", "PAYLOAD_MISMATCH"),
        ("OTHER_ISSUER", "ISSUER_MISMATCH"),
        ("COMPROMISED_KEY", "REVOKED_NO_POE"),
        ("OTHER_PROOF", "INCLUSION"),
        ("ISSUED_IN_FUTURE", "ISSUED_IN_FUTURE"),
        ("NOT_CANONICAL", "NON_CANONICAL"),
        // It verifies, but it is not about the citizen.
        ("OTHER_RECORD", "RECORD_NOT_VERIFIED"),
        ("UNAVAILABLE", "REGISTRY_UNAVAILABLE"),
        ("EXHAUSTED", "RATE_LIMITED"),
        ("INTERNAL", "INTERNAL"),
        ("BROKEN_OFF", "REGISTRY_UNAVAILABLE"),
    ] {
        let session = outside.create(json!({})).await;
        assert_eq!(outcome(&session).await, "VALID", "{fault}: before");
        let matching = json!({ "registry": "driver_licence", "personalId": CITIZEN });
        add(&session, json!({ "match": matching, "read": format!("READ_FAULT_{fault}") })).await;
        assert_eq!(outcome(&session).await, expected, "{fault}");
        let other = json!({ "personal_id": CITIZEN, "record_types": ["health_insurance.card.v1"], "purpose": PURPOSE });
        let other = session.ask("demo-one-stop", FETCH, other).await;
        assert_eq!(other["records"][0]["verdict"], "VALID", "{fault}: of another registry");
        assert_eq!(outcome(&outside).await, "VALID", "{fault}: outside");
        assert_eq!(heal(&session).await["healed"], 1);
        assert_eq!(outcome(&session).await, "VALID", "{fault}: healed");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_refuses_what_writes_and_health_says_so_until_it_is_healed() {
    let gateway = gateway().start().await;
    let outside = base(&gateway.channel);
    let session = outside.create(json!({})).await;
    let (version, _) = session.religion().await;
    add(&session, json!({ "full_disk": {} })).await;
    let full = (Code::Unavailable, "STORAGE_FULL".to_owned());
    assert_eq!(
        fetch(&session).await.map_err(|status| reason(&status)),
        Err(full),
        "no disclosure without its evidence"
    );
    assert_eq!(session.religion().await.0, version, "reads go on");
    // The clock is kept beside the store, on the same disk.
    let full = (Code::Unavailable, "STORAGE_FULL".to_owned());
    let before = session.now().await;
    let clock = |method: &str| format!("simulation.v1.SimulationService/{method}");
    let jump = json!({ "request_id": "a-year-on", "by": "31536000s" });
    assert_eq!(session.refused("demo-operator", &clock("AdvanceClock"), jump.clone()).await, full);
    assert_eq!(session.refused("demo-operator", &clock("FreezeClock"), json!({})).await, full);
    assert!(session.now().await.0 - before.0 < 86_400_000, "nothing moved");
    assert_eq!(outcome(&outside).await, "VALID");
    heal(&session).await;
    assert_eq!(outcome(&session).await, "VALID");
    let jumped = session.clock("AdvanceClock", jump).await;
    assert_eq!(jumped.get("repetition"), None, "what was refused was not begun");
    session.convert(version, "Phật giáo").await;
    assert_eq!(session.religion().await.0, version + 1);
}

/// The citizen's person record, as an agency fetches it: its verdict and version, or why it is missing.
async fn person(world: &World) -> Result<(Value, Value), String> {
    let body = json!({ "personal_id": CITIZEN, "record_types": ["resident.person.v1"], "purpose": PURPOSE });
    let answer = world.call("demo-one-stop", FETCH, body).await.map_err(|status| reason(&status).1)?;
    let record = &answer["records"][0];
    match record["verdict"].as_str() {
        Some(_) => Ok((record["verdict"].clone(), record["version"].clone())),
        None => Err(answer["missing"][0]["code"].as_str().unwrap_or_default().to_owned()),
    }
}

/// The feed of the resident registry: its state, and the reason.
async fn feed(world: &World) -> (Value, Value) {
    let feeds = world.ask("demo-operator", "province.v1.ProvinceService/ListFeeds", json!({})).await;
    let feeds = feeds["feeds"].as_array().expect("feeds").clone();
    let feed = feeds.iter().find(|feed| feed["registry"] == "resident").expect("its feed");
    (feed["state"].clone(), feed["reason"].clone())
}

/// Waits until the feed of the resident registry is in a state.
async fn feed_becomes(world: &World, state: &str) -> Value {
    let wanted = format!("FEED_STATE_{state}");
    let begun = Instant::now();
    loop {
        let (state, reason) = feed(world).await;
        if state == *wanted {
            return reason;
        }
        assert!(begun.elapsed() < Duration::from_secs(10), "{state} {reason}, not {wanted}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Enters a new version; the reason if that is refused.
async fn convert(world: &World, version: u64, religion: &'static str) -> Option<String> {
    let world = world.clone();
    let entered = tokio::spawn(async move { world.convert(version, religion).await }).await;
    entered.err().map(|panic| panic.to_string())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stale_version_is_an_older_one_that_still_verifies() {
    let gateway = gateway().start().await;
    let session = base(&gateway.channel).create(json!({})).await;
    let (version, _) = session.religion().await;
    assert_eq!(version, 1, "nobody changed it yet");
    add(&session, json!({ "read": "READ_FAULT_STALE_VERSION" })).await;
    assert_eq!(person(&session).await, Ok((json!("VALID"), json!("1"))));
    assert_eq!(list(&session).await[0].get("counts"), Some(&json!({})), "it did nothing: there is no older version");
    heal(&session).await;
    session.convert(version, "Phật giáo").await;
    assert_eq!(person(&session).await, Ok((json!("VALID"), json!((version + 1).to_string()))));
    add(&session, json!({ "match": { "personalId": CITIZEN }, "read": "READ_FAULT_STALE_VERSION" })).await;
    // Nothing about it is wrong: only its status says that there is a newer one.
    assert_eq!(person(&session).await, Ok((json!("VALID"), json!(version.to_string()))));
    heal(&session).await;
    assert_eq!(person(&session).await, Ok((json!("VALID"), json!((version + 1).to_string()))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_registry_costs_its_own_part_of_the_answer() {
    let gateway = gateway().start().await;
    let session = base(&gateway.channel).create(json!({})).await;
    add(&session, json!({ "match": { "registry": "driver_licence" }, "readDelay": { "fixed": "0.4s" } })).await;
    let begun = Instant::now();
    assert_eq!(outcome(&session).await, "VALID");
    assert!(begun.elapsed() >= Duration::from_millis(400), "{:?}", begun.elapsed());
    let begun = Instant::now();
    assert!(person(&session).await.is_ok(), "of another registry");
    assert!(begun.elapsed() < Duration::from_millis(400), "{:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_halted_feed_goes_on_where_it_was() {
    let gateway = gateway().start().await;
    let outside = base(&gateway.channel);
    let session = outside.create(json!({})).await;
    let (version, _) = session.religion().await;
    add(&session, json!({ "match": { "registry": "resident" }, "halted_feed": {} })).await;
    assert_eq!(feed_becomes(&session, "HALTED").await, "FEED_HALTED");
    assert_eq!(feed(&outside).await.0, "FEED_STATE_FOLLOWING");
    let refused = convert(&session, version, "Phật giáo").await.expect("its acceptance cannot be waited for");
    assert!(refused.contains("halted this registry's feed"), "{refused}");
    heal(&session).await;
    feed_becomes(&session, "FOLLOWING").await;
    assert_eq!(
        person(&session).await,
        Ok((json!("VALID"), json!((version + 1).to_string()))),
        "it was issued all the same"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_writes_to_a_paused_log_waits_until_it_goes_on() {
    let gateway = gateway().start().await;
    let session = base(&gateway.channel).create(json!({})).await;
    add(&session, json!({ "match": { "log": "evidence" }, "paused_sequencer": {} })).await;
    let waiting = {
        let session = session.clone();
        tokio::spawn(async move { outcome(&session).await })
    };
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!waiting.is_finished(), "there is no disclosure without its evidence");
    session.religion().await; // which writes no evidence
    heal(&session).await;
    assert_eq!(waiting.await.expect("no panic"), "VALID");
    // A rule that ends by itself.
    add(&session, json!({ "match": { "log": "evidence" }, "turn": { "ttl": "0.3s" }, "paused_sequencer": {} })).await;
    let begun = Instant::now();
    assert_eq!(outcome(&session).await, "VALID");
    assert!(begun.elapsed() >= Duration::from_millis(250), "{:?}", begun.elapsed());
    assert!(list(&session).await.iter().all(|fault| fault["ofCitizen"] == true));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registry_whose_clock_is_ahead_is_not_followed() {
    let gateway = gateway().start().await;
    let outside = base(&gateway.channel);
    let session = outside.create(json!({})).await;
    let (version, _) = session.religion().await;
    // Within what verifiers allow, nobody minds.
    add(&session, json!({ "match": { "registry": "resident" }, "clock_skew": { "by": "60s" } })).await;
    session.convert(version, "Phật giáo").await;
    heal(&session).await;
    add(&session, json!({ "match": { "registry": "resident" }, "clock_skew": { "by": "86400s" } })).await;
    let refused = convert(&session, version + 1, "Công giáo").await.expect("nobody accepts it");
    assert!(refused.contains("halted this registry's feed"), "{refused}");
    assert_eq!(feed_becomes(&session, "HALTED").await, "ISSUED_IN_FUTURE");
    assert_eq!(outcome(&session).await, "VALID", "other registries have the right time");
    outside.convert(version, "Phật giáo").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_shows_an_older_head_or_another_tree_and_signs_both() {
    let gateway = gateway().start().await;
    let session = base(&gateway.channel).create(json!({})).await;
    let (version, _) = session.religion().await;
    session.convert(version, "Phật giáo").await;
    let anchor = session.anchor().await;
    let head = async || {
        let body = json!({ "log": "resident" });
        let answer = session.ask("demo-bank", "trust.v1.LedgerService/GetCheckpoint", body).await;
        let note = answer["checkpoint"].as_str().expect("a note").to_owned();
        SignedHead::read(note.as_bytes(), &anchor).expect("signed by its key").checkpoint
    };
    let honest = head().await;
    add(&session, json!({ "match": { "log": "resident" }, "old_checkpoint": {} })).await;
    let old = head().await;
    assert!(old.size < honest.size, "{} of {}", old.size, honest.size);
    heal(&session).await;
    add(&session, json!({ "match": { "log": "resident" }, "equivocating_log": {} })).await;
    let other = head().await;
    assert_eq!((other.size, other.root == honest.root), (honest.size, false));
    heal(&session).await;
    assert_eq!(head().await, honest);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_anchor_whose_renewal_is_halted_expires_and_is_renewed_once_it_is_healed() {
    let gateway = gateway().start().await;
    let session = base(&gateway.channel).create(json!({})).await;
    let before = session.anchor().await;
    add(&session, json!({ "halted_renewal": {} })).await;
    let next = json!({ "request_id": "to-the-renewal", "kind": "trust_anchor.renewal" });
    let none = session.refused("demo-operator", "simulation.v1.SimulationService/AdvanceToNext", next).await;
    assert_eq!(none, (Code::NotFound, "NOT_FOUND".into()), "none is to come");
    let jump = session.clock("AdvanceClock", json!({ "request_id": "three-years", "by": "94608000s" })).await;
    assert!(!jump.to_string().contains("trust_anchor.renewal"), "{jump}");
    let expired = session.anchor().await;
    assert_eq!((expired.version, expired.expires_at < session.now().await), (before.version, true));
    heal(&session).await;
    let renewed = common::until::until_answered("what was put off is done", async || {
        let anchor = session.anchor().await;
        (anchor.expires_at > session.now().await).then_some(anchor)
    });
    assert!(renewed.await.version >= before.version + 3);
    assert_eq!(outcome(&session).await, "VALID");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rule_that_could_never_act_is_refused_with_the_field_and_a_hint() {
    let gateway = gateway().start().await;
    let outside = base(&gateway.channel);
    let session = outside.create(json!({})).await;
    let status = json!({ "code": "UNAVAILABLE" });
    for (fault, field, says) in [
        (json!({ "match": { "methods": ["FetchRecord"] }, "status": status }), "match.methods[0]", "FetchRecords"),
        (json!({ "match": { "methods": ["LinkServices/*"] }, "status": status }), "match.methods[0]", "no such method"),
        (
            json!({ "match": { "methods": ["FaultService/Heal"] }, "status": status }),
            "match.methods[0]",
            "always be ended",
        ),
        (json!({ "match": { "agency": "banc" }, "status": status }), "match.agency", "bank"),
        (json!({ "match": { "registry": "land" }, "status": status }), "match.registry", "does not belong"),
        (json!({ "match": { "registry": "lnd" }, "read": 9 }), "match.registry", "land"),
        (
            json!({ "match": { "registry": "land", "recordType": LICENCE }, "read": 9 }),
            "match.record_type",
            "driver_licence",
        ),
        (json!({ "match": { "agency": "bank" }, "read": 9 }), "match.agency", "does not know who asks"),
        (json!({ "match": { "personalId": "1" }, "read": 9 }), "match.personal_id", "12 digits"),
        (json!({ "match": { "log": "record" }, "old_checkpoint": {} }), "match.log", "records"),
        (json!({ "old_checkpoint": {} }), "match.log", "registry's name"),
        (json!({ "halted_feed": {} }), "match.registry", "name of a registry"),
        (json!({ "turn": { "nth": 1 }, "full_disk": {} }), "turn", "for as long as"),
        (json!({ "turn": { "nth": 3, "every": 2 }, "status": status }), "turn.nth", "never act"),
        (json!({ "turn": { "probability": 1.5 }, "status": status }), "turn.probability", "0 to 1"),
        (
            json!({ "turn": { "from": "2027-01-01T00:00:00Z", "until": "2026-01-01T00:00:00Z" }, "status": status }),
            "turn.until",
            "not later",
        ),
        (json!({ "turn": { "ttl": "-1s" }, "status": status }), "turn.ttl", "no duration"),
        (json!({ "faultId": "a b", "status": status }), "fault_id", "characters"),
        (json!({ "faultId": CITIZEN, "status": status }), "fault_id", "no personal ID"),
        (json!({ "status": { "code": "UNAVAILABEL" } }), "status.code", "UNAVAILABLE"),
        (json!({ "status": { "reason": "RATE_LIMITED", "code": "ABORTED" } }), "status.code", "RESOURCE_EXHAUSTED"),
        (json!({ "status": {} }), "status.code", "required"),
        (json!({ "delay": { "fixed": "61s" } }), "delay.fixed", "at most 60 s"),
        (json!({ "delay": { "uniform": { "low": "2s", "high": "1s" } } }), "delay.uniform", "from low to high"),
        (json!({ "delay": {} }), "delay", "how long"),
        (json!({ "cut": {} }), "cut.after", "messages or bytes"),
        (json!({ "drip": {} }), "drip.every", "required"),
        (json!({ "match": { "registry": "land" }, "clock_skew": {} }), "clock_skew.by", "not 0"),
        (json!({ "match": {} }), "action", "what happens"),
    ] {
        let body = json!({ "faults": [{ "go_away": {} }, fault] });
        let wrong = session.call("demo-operator", "simulation.v1.FaultService/AddFaults", body).await.expect_err(field);
        assert_eq!(reason(&wrong), (Code::InvalidArgument, "INVALID_REQUEST".into()), "{fault}");
        assert!(wrong.message().contains(&format!("faults[1].{field}")), "{fault}: {}", wrong.message());
        assert!(wrong.message().contains(says), "{fault}: {}", wrong.message());
        assert!(list(&session).await.iter().all(|fault| fault["ofCitizen"] == true), "nothing is half done");
    }
    let named = json!({ "faultId": "mine", "go_away": {} });
    add(&session, named.clone()).await;
    assert_eq!(refused(&session, named.clone()).await, (Code::AlreadyExists, "ALREADY_EXISTS".into()));
    let remove = "simulation.v1.FaultService/RemoveFault";
    session.ask("demo-operator", remove, json!({ "faultId": "mine" })).await;
    let gone = session.refused("demo-operator", remove, json!({ "faultId": "mine" })).await;
    assert_eq!(gone, (Code::NotFound, "NOT_FOUND".into()));
    // False signatures last longer than any fault.
    let needs_session = (Code::FailedPrecondition, "FAULT_NEEDS_SESSION".to_owned());
    for fault in [
        json!({ "read": "READ_FAULT_OTHER_ISSUER" }),
        json!({ "match": { "registry": "land" }, "clock_skew": { "by": "1s" } }),
        json!({ "match": { "log": "records" }, "equivocating_log": {} }),
    ] {
        assert_eq!(refused(&outside, fault.clone()).await, needs_session, "{fault}");
    }
    let role = session.refused("demo-bank", "simulation.v1.FaultService/Heal", json!({})).await;
    assert_eq!(role, (Code::PermissionDenied, "ROLE_NOT_ALLOWED".into()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_begins_with_the_rules_of_its_province_and_keeps_its_own() {
    let gateway = gateway().start().await;
    let outside = base(&gateway.channel);
    add(
        &outside,
        json!({ "faultId": "of-base", "match": { "methods": ["GetWorld"] }, "status": { "code": "ABORTED" } }),
    )
    .await;
    let session = outside.create(json!({})).await;
    let aborted = (Code::Aborted, "FAULT_INJECTED".to_owned());
    heal(&outside).await;
    assert!(outside.call("demo-bank", WORLD, json!({})).await.is_ok());
    assert_eq!(session.refused("demo-bank", WORLD, json!({})).await, aborted);
    heal(&session).await;
    assert!(session.call("demo-bank", WORLD, json!({})).await.is_ok());
    outside.sessions("ResetSession", json!({ "session_id": session.id() })).await;
    assert_eq!(session.refused("demo-bank", WORLD, json!({})).await, aborted, "as it began");
    // Persons whose faults are part of them.
    let slow = json!({ "personas": true });
    assert_eq!(session.ask("demo-operator", "simulation.v1.FaultService/Heal", slow).await["healed"], 13);
    assert_eq!(list(&session).await.len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_may_ask_for_its_own_fault_where_the_session_allows_it() {
    let gateway = gateway().start().await;
    let outside = base(&gateway.channel);
    let (allowed, other) = (outside.create(json!({ "metadataFaults": true })).await, outside.create(json!({})).await);
    let ask = async |session: Option<&str>, headers: &[(&str, &str)]| {
        let call =
            common::dynamic::Call { headers: Vec::new(), body: "{}".into(), method: format!("lienthong.{WORLD}") };
        let call = call.with("authorization", "Bearer demo-bank");
        let call = session.into_iter().fold(call, |call, id| call.with("x-lienthong-session", id));
        let call = headers.iter().fold(call, |call, (name, value)| call.with(name, value));
        call.make(&gateway.channel).await.map_err(|status| reason(&status))
    };
    let injected = |code| Err((code, "FAULT_INJECTED".to_owned()));
    let refused = || Err((Code::InvalidArgument, "INVALID_REQUEST".to_owned()));
    let in_session = Some(allowed.id());
    let own = "x-lienthong-fault";
    assert_eq!(ask(in_session, &[(own, "status=DATA_LOSS")]).await.map(drop), injected(Code::DataLoss));
    assert_eq!(ask(in_session, &[("x-envoy-fault-abort-grpc-request", "10")]).await.map(drop), injected(Code::Aborted));
    let never = [("x-envoy-fault-abort-grpc-request", "10"), ("x-envoy-fault-abort-percentage", "0")];
    assert!(ask(in_session, &never).await.is_ok());
    assert!(ask(in_session, &[(own, "status=ABORTED;probability=0")]).await.is_ok());
    let begun = Instant::now();
    assert!(ask(in_session, &[("x-envoy-fault-delay-request", "200")]).await.is_ok());
    assert!(begun.elapsed() >= Duration::from_millis(200));
    let many = [(own, "status=ABORTED;probability=0"); 9];
    assert_eq!(ask(in_session, &many).await.map(drop), refused(), "none is passed over");
    for wrong in ["full-disk", "delay", "status=ABORTED;chance=1", "statsu=ABORTED", "delay=2m", "drip=1/1d"] {
        assert_eq!(ask(in_session, &[(own, wrong)]).await.map(drop), refused(), "{wrong}");
    }
    // Whoever has no credential asks for nothing.
    let anchor = common::dynamic::Call {
        headers: Vec::new(),
        body: "{}".into(),
        method: "lienthong.trust.v1.TrustService/GetTrustAnchor".into(),
    };
    let anchor = anchor.with("x-lienthong-session", allowed.id()).with(own, "drip=1/60s");
    assert_eq!(anchor.make(&gateway.channel).await.map(drop).map_err(|status| reason(&status)), refused());
    for session in [Some(other.id()), None] {
        assert_eq!(ask(session, &[(own, "status=DATA_LOSS")]).await.map(drop), refused(), "it is not ignored");
        assert!(ask(session, &[("x-envoy-fault-abort-grpc-request", "10")]).await.is_ok(), "a proxy's is");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_journal_says_which_rule_acted_on_a_call_whatever_came_of_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let (serving, outside) = serving(folder.path()).await;
    let wire = Wire::open(&serving.grpc).await;
    for (action, how, outcome) in [
        ("delay", json!({ "fixed": "0.01s" }), "OK"),
        ("status", json!({ "reason": "RATE_LIMITED" }), "RATE_LIMITED"),
        ("status", json!({ "code": "ABORTED" }), "FAULT_INJECTED"),
        ("trailers_only", json!({}), "FAULT_INJECTED"),
        ("cut", json!({ "messages": 0 }), "FAULT_INJECTED"),
        ("reset", json!({}), "FAULT_INJECTED"),
        ("duplicate", json!({}), "OK"),
    ] {
        let session = outside.create(json!({})).await;
        let mut fault =
            json!({ "faultId": "it", "match": { "methods": ["GetWorld"], "agency": "bank" }, "turn": { "nth": 2 } });
        fault[action] = how;
        add(&session, fault).await;
        for _ in 0..3 {
            wire.call(session.id(), "bank").await.expect("an answer");
        }
        let listed = json!({ "filter": { "method": format!("lienthong.{WORLD}") } });
        let listed = session.ask("demo-operator", "simulation.v1.JournalService/ListCalls", listed).await;
        let calls = listed["calls"].as_array().expect("calls");
        let seen: Vec<_> = calls.iter().map(|call| (call["outcome"].clone(), call["faults"].clone())).collect();
        let well = (json!("OK"), Value::Null);
        assert_eq!(seen, [well.clone(), (json!(outcome), json!(["it"])), well], "{action}");
    }
    // A public method has no caller, and its faults are told all the same.
    let session = outside.create(json!({})).await;
    add(
        &session,
        json!({ "faultId": "it", "match": { "methods": ["GetCheckpoint"] }, "status": { "code": "ABORTED" } }),
    )
    .await;
    session.refused("demo-bank", "trust.v1.LedgerService/GetCheckpoint", json!({ "log": "records" })).await;
    let count = json!({ "filter": { "withFaults": true }, "exactly": "1" });
    let counted = session.ask("demo-operator", "simulation.v1.JournalService/VerifyCalls", count).await;
    assert_eq!(counted["holds"], true, "{counted}");
}
