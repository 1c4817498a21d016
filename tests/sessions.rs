//! Sessions through the public API: each is a world of its own, its proofs verify by its own trust anchor and by no other, and it ends without
//! a trace.

#![allow(clippy::disallowed_methods, reason = "sessions live by the machine's time")]

mod common;

use common::dynamic::Call;
use common::{gateway, reason};
use lienthong::base::Timestamp;
use lienthong::server::{Config, Storage};
use lienthong::trust::{TrustAnchor, Verifier};
use lienthong::wire::proto::exchange::v1::FetchRecordsRequest;
use lienthong::wire::record;
use prost::Message as _;
use serde_json::{Value, json};
use tonic::transport::Channel;
use tonic::{Code, Status};

const CITIZEN: &str = "042090990001";
const PURPOSE: &str = "one_stop.verify_documents";

/// Calls in one world: the province's, or a session's.
#[derive(Clone)]
struct World {
    channel: Channel,
    session: Option<String>,
}

impl World {
    async fn call(&self, who: &str, method: &str, body: Value) -> Result<Value, Status> {
        let call = Call { headers: Vec::new(), body: body.to_string(), method: format!("lienthong.{method}") };
        let call = call.with("authorization", &format!("Bearer {who}"));
        match &self.session {
            Some(session) => call.with("x-lienthong-session", session).make(&self.channel).await,
            None => call.make(&self.channel).await,
        }
    }

    async fn ask(&self, who: &str, method: &str, body: Value) -> Value {
        self.call(who, method, body).await.unwrap_or_else(|status| panic!("{method}: {status}"))
    }

    async fn refused(&self, who: &str, method: &str, body: Value) -> (Code, String) {
        reason(&self.call(who, method, body).await.err().unwrap_or_else(|| panic!("{method} is not refused")))
    }

    async fn sessions(&self, method: &str, body: Value) -> Value {
        self.ask("demo-operator", &format!("simulation.v1.SessionService/{method}"), body).await
    }

    async fn clock(&self, method: &str, body: Value) -> Value {
        self.ask("demo-operator", &format!("simulation.v1.SimulationService/{method}"), body).await
    }

    async fn create(&self, body: Value) -> Self {
        let created = self.sessions("CreateSession", body).await;
        self.at(created["session"]["sessionId"].as_str().expect("an id"))
    }

    fn at(&self, session: &str) -> Self {
        Self { channel: self.channel.clone(), session: Some(session.to_owned()) }
    }

    fn id(&self) -> &str {
        self.session.as_deref().expect("a session")
    }

    async fn now(&self) -> Timestamp {
        let clock = self.clock("GetClock", json!({})).await;
        Timestamp::parse(clock["clock"]["now"].as_str().expect("a time")).expect("RFC 3339")
    }

    async fn anchor(&self) -> TrustAnchor {
        let found = self.ask("demo-one-stop", "trust.v1.TrustService/GetTrustAnchor", json!({})).await;
        TrustAnchor::from_json(found["anchorJson"].as_str().expect("JSON").as_bytes()).expect("an anchor")
    }

    /// The citizen's records as signed bytes, for a verifier.
    async fn fetch(&self) -> Vec<lienthong::trust::SignedRecord> {
        let request = FetchRecordsRequest {
            personal_id: CITIZEN.into(),
            record_types: vec!["health_insurance.card.v1".into(), "resident.person.v1".into()],
            purpose: PURPOSE.into(),
            ..FetchRecordsRequest::default()
        };
        let mut request = common::as_agency("one-stop", request);
        if let Some(session) = &self.session {
            request.metadata_mut().insert("x-lienthong-session", session.parse().expect("ASCII"));
        }
        let mut client = lienthong::wire::proto::exchange::v1::exchange_service_client::ExchangeServiceClient::new(
            self.channel.clone(),
        );
        let answer = client.fetch_records(request).await.expect("fetched").into_inner();
        // The answer holds its records encoded; decoding it by the generated message shows them.
        let bytes = answer.encode_to_vec();
        let whole = lienthong::wire::typed::pool()
            .get_message_by_name("lienthong.exchange.v1.FetchRecordsResponse")
            .expect("described");
        let whole = prost_reflect::DynamicMessage::decode(whole, bytes.as_slice()).expect("decodes");
        let records = whole.get_field_by_name("records").expect("records").into_owned();
        let records = records.as_list().expect("a list").to_vec();
        let signed = records.iter().map(|one| {
            let one = one.as_message().expect("a record").get_field_by_name("signed").expect("signed").into_owned();
            let bytes = one.as_message().expect("a message").encode_to_vec();
            let message = lienthong::wire::proto::trust::v1::SignedRecord::decode(bytes.as_slice()).expect("decodes");
            record::from_message(message).expect("a record")
        });
        signed.collect()
    }

    /// Enters a new version of the citizen's person record: another religion.
    async fn convert(&self, version: u64, religion: &str) -> Value {
        let found = self
            .ask(
                "demo-police",
                "registry.v1.RegistryService/GetRecords",
                json!({ "registry": "resident", "recordTypes": ["resident.person.v1"], "personalId": CITIZEN }),
            )
            .await;
        let whole = found["records"][0]["record"]["whole"]["payload"].as_str().expect("a payload");
        let payload = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, whole).expect("base64");
        let mut payload: Value = serde_json::from_slice(&payload).expect("JSON");
        payload["religion"] = json!(religion);
        let change = json!({
            "recordType": "resident.person.v1", "operation": "OPERATION_UPDATE", "expectedVersion": version.to_string(),
            "payload": payload,
        });
        let body = json!({
            "registry": "resident", "requestId": format!("convert-{version}-{}", religion.len()), "changes": [change],
        });
        self.ask("demo-police", "registry.v1.RegistryService/SubmitChanges", body).await
    }

    async fn religion(&self) -> (u64, Value) {
        let found = self
            .ask(
                "demo-police",
                "registry.v1.RegistryService/GetRecords",
                json!({ "registry": "resident", "recordTypes": ["resident.person.v1"], "personalId": CITIZEN }),
            )
            .await;
        let record = &found["records"][0];
        let payload = record["record"]["whole"]["payload"].as_str().expect("a payload");
        let payload = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, payload).expect("base64");
        let payload: Value = serde_json::from_slice(&payload).expect("JSON");
        (record["version"].as_str().expect("a version").parse().expect("a number"), payload["religion"].clone())
    }
}

fn base(channel: &Channel) -> World {
    World { channel: channel.clone(), session: None }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_happens_in_a_session_stays_in_it() {
    let started = gateway().start().await;
    let base = base(&started.channel);
    let (one, other) = (base.create(json!({ "label": "one" })).await, base.create(json!({})).await);
    assert_ne!(one.id(), other.id());
    let (version, before) = base.religion().await;
    one.convert(version, "Phật giáo").await;
    assert_eq!(one.religion().await, (version + 1, json!("Phật giáo")));
    assert_eq!(other.religion().await, (version, before.clone()));
    assert_eq!(base.religion().await, (version, before.clone()));
    // What is written outside later does not show in it either, and the same version can be written in each.
    base.convert(version, "Công giáo").await;
    assert_eq!(base.religion().await, (version + 1, json!("Công giáo")));
    assert_eq!(other.religion().await, (version, before));
    assert_eq!(one.religion().await, (version + 1, json!("Phật giáo")));
    // Each has its own time.
    let jump = json!({ "requestId": "half-a-year", "by": "15552000s" });
    let moved = one.clock("AdvanceClock", jump.clone()).await;
    assert_eq!(moved.get("repetition"), None);
    assert!(base.now().await.plus_ms(15_552_000_000 - 60_000) < one.now().await);
    assert!(other.now().await < base.now().await.plus_ms(60_000));
    assert_eq!(other.clock("AdvanceClock", jump).await.get("repetition"), None, "the ids of jumps are its own too");
    // And its own consents.
    let citizen = format!("demo-citizen-{CITIZEN}");
    let consent = json!({
        "personal_id": CITIZEN, "agency": "one-stop", "purpose": PURPOSE, "record_types": ["vehicle.registration.v1"],
        "ttl_seconds": 86_400,
    });
    let listed = async |world: &World| {
        let found =
            world.ask(&citizen, "access.v1.ConsentService/ListConsents", json!({ "personal_id": CITIZEN })).await;
        found["consents"].as_array().map_or(0, Vec::len)
    };
    let had = listed(&base).await;
    one.ask(&citizen, "access.v1.ConsentService/GrantConsent", consent).await;
    assert_eq!((listed(&one).await, listed(&other).await, listed(&base).await), (had + 1, had, had));
    // Its changes are listed, and nobody else's.
    let diff = base.sessions("GetSessionDiff", json!({ "session_id": one.id() })).await;
    let changes = diff["changes"].as_array().expect("changes");
    let own: Vec<&Value> = changes.iter().filter(|of| of["recordType"] == "resident.person.v1").collect();
    assert_eq!((own.len(), &own[0]["version"]), (1, &json!((version + 1).to_string())), "{diff}");
    assert_eq!((&own[0]["operation"], &diff["rows"]["consent"]), (&json!("update"), &json!("1")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn its_proofs_verify_by_its_own_anchor_and_by_no_other() {
    let started = gateway().start().await;
    let base = base(&started.channel);
    let session = base.create(json!({})).await;
    let (outside, inside) = (base.anchor().await, session.anchor().await);
    assert_eq!((inside.version, &inside.province), (outside.version + 1, &outside.province));
    assert_ne!(inside.root, outside.root);
    for ((origin, from), (before, _)) in inside.continuations().zip(outside.continuations()) {
        let prefix = format!("lienthong/H27/session/{}/", session.id());
        assert_eq!(origin.strip_prefix(&prefix), before.strip_prefix("lienthong/H27/"));
        assert_eq!((from.len(), from[0].origin.as_str()), (1, before));
    }
    let now = base.now().await;
    let (by_base, by_session) = (Verifier::new(outside), Verifier::new(inside));
    let verdicts = |verifier: &Verifier, records: &[lienthong::trust::SignedRecord]| -> Vec<bool> {
        records.iter().map(|record| verifier.verify(record, now).verdict.is_valid()).collect()
    };
    let (of_base, of_session) = (base.fetch().await, session.fetch().await);
    assert!(!of_base.is_empty() && of_base.len() == of_session.len());
    // Before anything changed: the same statements, with the proofs of either world.
    assert!(verdicts(&by_base, &of_base).iter().all(|valid| *valid));
    assert!(verdicts(&by_session, &of_session).iter().all(|valid| *valid));
    assert!(verdicts(&by_base, &of_session).iter().all(|valid| !valid));
    assert!(verdicts(&by_session, &of_base).iter().all(|valid| !valid));
    for (one, other) in of_base.iter().zip(&of_session) {
        assert_eq!((&one.statement, &one.disclosure), (&other.statement, &other.disclosure));
    }
    // And afterwards, with a later version.
    let (version, _) = session.religion().await;
    session.convert(version, "Phật giáo").await;
    let changed = session.fetch().await;
    assert!(verdicts(&by_session, &changed).iter().all(|valid| *valid));
    assert!(verdicts(&by_base, &changed).iter().all(|valid| !valid));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_is_not_there_is_refused_by_name() {
    let started = gateway().start().await;
    let base = base(&started.channel);
    let gone = (Code::NotFound, "SESSION_UNKNOWN".to_owned());
    let session = base.create(json!({ "ttl": "1s" })).await;
    session.religion().await;
    for id in ["00112233445566778899aabbccddeeff", "x", "", &session.id().to_uppercase()] {
        let refused = base.at(id).refused("demo-operator", "simulation.v1.SimulationService/GetWorld", json!({})).await;
        assert_eq!(refused, gone, "{id}");
    }
    // It ends by itself.
    let world = "simulation.v1.SimulationService/GetWorld";
    while session.call("demo-operator", world, json!({})).await.map_err(|status| reason(&status)) != Err(gone.clone()) {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let listed = base.sessions("ListSessions", json!({})).await;
    assert_eq!(listed.get("sessions"), None);
    for method in ["GetSession", "ResetSession", "GetSessionDiff"] {
        let method = format!("simulation.v1.SessionService/{method}");
        assert_eq!(base.refused("demo-operator", &method, json!({ "session_id": session.id() })).await, gone);
    }
    base.sessions("DeleteSession", json!({ "session_id": session.id() })).await;
    // Nobody but the operator creates one, and what it is to be is checked.
    let create = "simulation.v1.SessionService/CreateSession";
    let denied = base.refused("demo-one-stop", create, json!({})).await;
    assert_eq!(denied, (Code::PermissionDenied, "ROLE_NOT_ALLOWED".into()));
    let invalid = (Code::InvalidArgument, "INVALID_REQUEST".to_owned());
    for bad in [
        json!({ "ttl": "86401s" }),
        json!({ "ttl": "0s" }),
        json!({ "ttl": "-1s" }),
        json!({ "label": "của 042090990001" }),
        json!({ "label": "a\nb" }),
        json!({ "request_id": "short" }),
        json!({ "persona_faults": { "personal_ids": ["042090990001"] } }),
    ] {
        assert_eq!(base.refused("demo-operator", create, bad.clone()).await, invalid, "{bad}");
    }
    assert_eq!(base.refused("demo-operator", create, json!({ "from_session": session.id() })).await, gone);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_begins_anew_or_from_another_and_a_repeated_request_finds_it() {
    let started = gateway().start().await;
    let base = base(&started.channel);
    let wanted = json!({ "request_id": "suite-one-1", "label": "suite", "seed": "7" });
    let first = base.sessions("CreateSession", wanted.clone()).await;
    let again = base.sessions("CreateSession", wanted).await;
    assert_eq!((first.get("repetition"), &again["repetition"]), (None, &json!(true)));
    assert_eq!(first["session"]["sessionId"], again["session"]["sessionId"]);
    let create = "simulation.v1.SessionService/CreateSession";
    let other = json!({ "request_id": "suite-one-1", "label": "another" });
    let reused = base.refused("demo-operator", create, other).await;
    assert_eq!(reused, (Code::AlreadyExists, "REQUEST_ID_REUSED".into()));

    let session = base.at(first["session"]["sessionId"].as_str().expect("an id"));
    let (version, before) = session.religion().await;
    session.convert(version, "Phật giáo").await;
    session.clock("FreezeClock", json!({})).await;
    // A session of a session begins as that one stands.
    let nested = base.create(json!({ "from_session": session.id() })).await;
    assert_eq!(nested.religion().await, (version + 1, json!("Phật giáo")));
    assert_eq!(nested.clock("GetClock", json!({})).await["clock"]["frozen"], true);
    nested.convert(version + 1, "Công giáo").await;
    assert_eq!(session.religion().await, (version + 1, json!("Phật giáo")));
    let anchor = nested.anchor().await;
    assert!(anchor.continuations().all(|(_, from)| from.len() == 2));
    let records = nested.fetch().await;
    let verifier = Verifier::new(anchor);
    let now = nested.now().await;
    assert!(records.iter().all(|record| verifier.verify(record, now).verdict.is_valid()));

    let anchor = session.anchor().await;
    let reset = base.sessions("ResetSession", json!({ "session_id": session.id() })).await;
    assert_eq!((&reset["session"]["resets"], reset["session"].get("bytes")), (&json!(1), None));
    assert_eq!(session.religion().await, (version, before));
    assert_eq!(session.clock("GetClock", json!({})).await["clock"].get("frozen"), None);
    // Its logs are others: nobody sees two histories under one name.
    let anew = session.anchor().await;
    assert!(anew.continuations().zip(anchor.continuations()).all(|((new, _), (old, _))| new != old));
    assert_eq!(nested.religion().await, (version + 2, json!("Công giáo")), "what began from it goes on");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_wanted_personas_have_their_faults() {
    const SLOW_OR_DOWN: &str = "042090990201";
    let started = gateway().start().await;
    let base = base(&started.channel);
    let fetch = async |world: &World| {
        let body =
            json!({ "personal_id": SLOW_OR_DOWN, "record_types": ["health_insurance.card.v1"], "purpose": PURPOSE });
        world.call("demo-one-stop", "exchange.v1.ExchangeService/FetchRecords", body).await
    };
    let (as_outside, without) = (base.create(json!({})).await, base.create(json!({ "persona_faults": {} })).await);
    let with = base.create(json!({ "persona_faults": { "personal_ids": [SLOW_OR_DOWN] } })).await;
    let outside = reason(&fetch(&base).await.expect_err("it has a fault"));
    for world in [&as_outside, &with] {
        assert_eq!(reason(&fetch(world).await.expect_err("a fault")), outside);
    }
    let answer = fetch(&without).await.expect("no fault");
    assert_eq!(answer["records"][0]["verdict"], "VALID", "{answer}");
}

/// Bytes of this process in memory.
fn resident() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    pages.split(' ').nth(1).expect("resident pages").parse::<u64>().expect("a number") * 4_096
}

/// Rounds of the leak test; `LIENTHONG_SESSION_ROUNDS` asks for more of them.
fn rounds() -> u64 {
    std::env::var("LIENTHONG_SESSION_ROUNDS").map_or(1_000, |text| text.parse().expect("a number of rounds"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rounds_of_create_use_and_delete_leave_nothing_behind() {
    // On the embedded engine, whose snapshots they hold.
    let on_disk = |config| Config { storage: Storage::Temporary, ..config };
    let started = gateway().with(on_disk).start().await;
    let base = base(&started.channel);
    let round = async || {
        let session = base.create(json!({})).await;
        session.clock("FreezeClock", json!({})).await;
        base.sessions("DeleteSession", json!({ "session_id": session.id() })).await;
    };
    let rounds = rounds();
    for _ in 0..rounds / 5 {
        round().await; // until caches and pools are as large as they become
    }
    let before = resident();
    for _ in 0..rounds {
        round().await;
    }
    let grown = resident().saturating_sub(before);
    assert!(grown < 16 * 1024 * 1024, "{rounds} sessions left {} KiB", grown / 1024);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_hundred_at_once_and_no_more() {
    let on_disk = |config| Config { storage: Storage::Temporary, ..config };
    let started = gateway().with(on_disk).start().await;
    let base = base(&started.channel);
    let before = resident();
    let mut sessions = Vec::new();
    for _ in 0..500 {
        sessions.push(base.create(json!({})).await);
    }
    let untouched = resident().saturating_sub(before) / 500;
    assert!(untouched < 1024 * 1024, "{untouched} bytes each");
    let create = "simulation.v1.SessionService/CreateSession";
    let refused = base.refused("demo-operator", create, json!({})).await;
    assert_eq!(refused, (Code::ResourceExhausted, "TOO_MANY_SESSIONS".into()));
    let used = &sessions[..50];
    for session in used {
        session.clock("FreezeClock", json!({})).await;
    }
    let touched = resident().saturating_sub(before) / used.len() as u64;
    assert!(touched < 2 * 1024 * 1024, "{touched} bytes each");
    base.sessions("DeleteSession", json!({ "session_id": sessions[0].id() })).await;
    base.create(json!({})).await;
}
