//! Sessions through the public API: each is a world of its own, its proofs verify by its own trust anchor and by no other, and it ends without
//! a trace.

#![allow(clippy::disallowed_methods, reason = "sessions live by the machine's time")]

#[path = "../common/mod.rs"]
mod common;
mod bounds;
mod commands;
mod ends;
mod export;
mod metrics;
mod rights;

use common::sessions::{CITIZEN, PURPOSE, World, base};
use common::{gateway, reason};
use lienthong::base::Timestamp;
use lienthong::transparency::head::SignedHead;
use lienthong::trust::{TrustAnchor, Verifier};
use serde_json::{Value, json};
use tonic::Code;

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
    // Later changes outside do not show in it either, and the same version can be written in each.
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

/// The logs of a session continue the province's: until something is written, a session shows the same trees under names and keys of its own. The record
/// ledger goes on at once, with the events of these keys.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_checkpoints_of_a_session_are_the_provinces_trees_under_its_own_names() {
    let started = gateway().start().await;
    let base = base(&started.channel);
    base.fetch().await; // so that the evidence ledger has entries
    let session = base.create(json!({})).await;
    let (outside, inside) = (base.anchor().await, session.anchor().await);
    let checkpoint = async |world: &World, anchor: &TrustAnchor, log: &str| {
        let answer = world.ask("demo-bank", "trust.v1.LedgerService/GetCheckpoint", json!({ "log": log })).await;
        let note = answer["checkpoint"].as_str().expect("a note").to_owned();
        SignedHead::read(note.as_bytes(), anchor).expect("signed by its key").checkpoint
    };
    let names: Vec<String> = outside
        .continuations()
        .map(|(origin, _)| origin.strip_prefix("lienthong/H27/").expect("the province's").to_owned())
        .collect();
    assert_eq!(names.len(), 11, "nine registries, records and evidence: {names:?}");
    for name in &names {
        let before = checkpoint(&base, &outside, name).await;
        let first = checkpoint(&session, &inside, name).await;
        assert!(before.size > 0, "{name}");
        if name == "records" {
            assert!(first.size > before.size, "{} {}", first.size, before.size);
        } else {
            assert_eq!((first.size, first.root), (before.size, before.root), "{name}");
        }
        assert_eq!(first.origin, format!("lienthong/H27/session/{}/{name}", session.id()));
        let (_, continued) =
            inside.continuations().find(|(origin, _)| *origin == first.origin).expect("the anchor has it");
        let from = continued.first().expect("what it continues");
        assert_eq!((&from.origin, from.size, from.root), (&before.origin, before.size, before.root), "{name}");
        // The other world's anchor knows neither its name nor its key.
        let answer = session.ask("demo-bank", "trust.v1.LedgerService/GetCheckpoint", json!({ "log": name })).await;
        assert!(SignedHead::read(answer["checkpoint"].as_str().expect("a note").as_bytes(), &outside).is_err());
    }
    // From the first change on it goes its own way.
    let (version, _) = session.religion().await;
    session.convert(version, "Phật giáo").await;
    let (own, theirs) =
        (checkpoint(&session, &inside, "resident").await, checkpoint(&base, &outside, "resident").await);
    assert!(own.size > theirs.size, "{} {}", own.size, theirs.size);
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
    // A session of a session begins with the present state of that one.
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_named_persona_s_fault_holds_also_where_it_did_not_before() {
    const DOWN: &str = "042090990201";
    let started = gateway().start().await;
    let base = base(&started.channel);
    let body = json!({ "personal_id": DOWN, "record_types": ["health_insurance.card.v1"], "purpose": PURPOSE });
    let fetch = async |world: &World| {
        world.call("demo-one-stop", "exchange.v1.ExchangeService/FetchRecords", body.clone()).await
    };
    let without = base.create(json!({ "persona_faults": {} })).await;
    fetch(&without).await.expect("no fault");
    let named = json!({ "from_session": without.id(), "persona_faults": { "personal_ids": [DOWN] } });
    let with = base.create(named).await;
    assert_eq!(reason(&fetch(&with).await.expect_err("a fault")), reason(&fetch(&base).await.expect_err("a fault")));
    fetch(&base.create(json!({ "from_session": without.id() })).await).await.expect("no fault");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_has_both_times() {
    use lienthong::wire::proto::simulation::v1::GetClockRequest;
    use lienthong::wire::proto::simulation::v1::simulation_service_client::SimulationServiceClient;
    let started = gateway().start().await;
    let base = base(&started.channel);
    let moved = base.create(json!({})).await;
    moved.clock("AdvanceClock", json!({ "requestId": "a-year-on", "by": "31536000s" })).await;
    let times = async |session: Option<&str>| {
        let mut request = common::as_agency("operator", GetClockRequest {});
        if let Some(session) = session {
            request.metadata_mut().insert("x-lienthong-session", session.parse().expect("ASCII"));
        }
        let answer = SimulationServiceClient::new(started.channel.clone()).get_clock(request).await.expect("answered");
        ["world", "machine"].map(|of| {
            let at = answer.metadata().get(format!("x-lienthong-{of}-time"));
            at.map(|at| Timestamp::parse(at.to_str().expect("ASCII")).expect("RFC 3339"))
        })
    };
    let [world, machine] = times(None).await;
    assert!(world.is_some() && world == machine, "nobody moved its clock: {world:?} {machine:?}");
    let [world, machine] = times(Some(moved.id())).await;
    let ahead = world.zip(machine).map_or(0, |(world, machine)| world.0 - machine.0);
    // The jump went on from what the clock showed when it began.
    assert!((31_535_990_000..=31_536_000_000).contains(&ahead), "{ahead} ms");
}
