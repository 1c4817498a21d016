//! Sessions through the public API: each is a world of its own, its proofs verify by its own trust anchor and by no other, and it ends without
//! a trace.

#![allow(clippy::disallowed_methods, reason = "sessions live by the machine's time")]

mod common;

use common::dynamic::Call;
use common::process::{Serving, program};
use common::sessions::{CITIZEN, PURPOSE, World, base};
use common::{gateway, reason};
use lienthong::base::Timestamp;
use lienthong::server::config::SessionsMax;
use lienthong::server::{Config, Storage};
use lienthong::trust::Verifier;
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
    // Only the operator creates one, and its settings are checked.
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
async fn a_session_that_costs_the_store_too_much_ends_also_if_nobody_calls_it() {
    let few = SessionsMax { held_back_bytes: 256 * 1024, ..SessionsMax::default() };
    let on_disk = |config| Config { storage: Storage::Temporary, sessions: few, ..config };
    let started = gateway().with(on_disk).start().await;
    let base = base(&started.channel);
    let idle = base.create(json!({})).await;
    let used = base.create(json!({})).await;
    // Changes in sessions cost the store nothing.
    for change in 0..30 {
        let (version, _) = used.religion().await;
        used.convert(version, if change % 2 == 0 { "Phật giáo" } else { "Công giáo" }).await;
    }
    let nested = base.create(json!({ "from_session": used.id() })).await;
    tokio::time::sleep(std::time::Duration::from_millis(1_500)).await;
    assert_eq!(base.sessions("ListSessions", json!({})).await["sessions"].as_array().map(Vec::len), Some(3));
    let get = "simulation.v1.SessionService/GetSession";
    let there = async |of: &World| base.call("demo-operator", get, json!({ "session_id": of.id() })).await.is_ok();
    let mut change = 0;
    while there(&idle).await || there(&used).await || there(&nested).await {
        let (version, _) = base.religion().await;
        base.convert(version, if change % 2 == 0 { "Phật giáo" } else { "Công giáo" }).await;
        change += 1;
        assert!(change < 2_000, "they don't end");
    }
    let after = base.create(json!({})).await;
    tokio::time::sleep(std::time::Duration::from_millis(1_500)).await;
    assert!(there(&after).await, "it holds back nothing yet");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_takes_so_much_and_is_then_refused_by_name_until_it_is_reset() {
    const SUBMIT: &str = "registry.v1.RegistryService/SubmitChanges";
    let small = SessionsMax { bytes: 512 * 1024, ..SessionsMax::default() };
    let started = gateway().with(|config| Config { sessions: small, ..config }).start().await;
    let base = base(&started.channel);
    let (full, other) = (base.create(json!({})).await, base.create(json!({})).await);
    // Memberships of people of whom nobody else has heard.
    let changes = |first: u32, count: u32| -> Vec<Value> {
        let create = |number: u32| {
            json!({
                "recordType": "social_insurance.membership.v1", "operation": "OPERATION_CREATE",
                "payload": { "personal_id": format!("0421{number:08}"), "status": "active" },
            })
        };
        (first..first + count).map(create).collect()
    };
    let submission = |first: u32, count: u32| json!({ "registry": "social_insurance", "requestId": format!("fill-{first:08}"), "changes": changes(first, count) });
    let is_there = async |world: &World, number: u32| {
        let body = json!({
            "registry": "social_insurance", "recordTypes": ["social_insurance.membership.v1"], "personalId": format!("0421{number:08}"),
        });
        let found = world.call("demo-social-insurance", "registry.v1.RegistryService/GetRecords", body).await;
        found.is_ok_and(|found| found["records"].get(0).is_some())
    };
    // More at once than the session takes in all: refused, and nothing of it is written.
    let refused = full.refused("demo-social-insurance", SUBMIT, submission(90_000_000, 3_000)).await;
    assert_eq!(refused, (Code::ResourceExhausted, "SESSION_FULL".into()));
    for number in [90_000_000, 90_001_500, 90_002_999] {
        assert!(!is_there(&full, number).await, "{number} was written");
    }
    // Little by little, until calls in it are refused at all.
    let mut written = 0;
    let refused = loop {
        match full.call("demo-social-insurance", SUBMIT, submission(91_000_000 + 20 * written, 20)).await {
            Ok(_) => written += 1,
            Err(status) => break reason(&status),
        }
        assert!(written < 200, "it takes more than it may");
    };
    assert_eq!(refused, (Code::ResourceExhausted, "SESSION_FULL".into()));
    assert!(written > 0, "it took nothing");
    let get_world = "simulation.v1.SimulationService/GetWorld";
    assert_eq!(full.refused("demo-operator", get_world, json!({})).await.1, "SESSION_FULL");
    // Nobody else is touched.
    other.ask("demo-social-insurance", SUBMIT, submission(92_000_000, 20)).await;
    base.ask("demo-social-insurance", SUBMIT, submission(93_000_000, 20)).await;
    assert!(!is_there(&base, 91_000_000).await && is_there(&other, 92_000_000).await);
    // What is of use can still be exported, and a reset gives the room back.
    let diff = base.sessions("GetSessionDiff", json!({ "sessionId": full.id(), "pageSize": 1 })).await;
    assert!(!diff["changes"].as_array().expect("changes").is_empty(), "{diff}");
    base.sessions("ResetSession", json!({ "sessionId": full.id() })).await;
    assert!(!is_there(&full, 91_000_000).await, "it begins anew");
    full.ask("demo-social-insurance", SUBMIT, submission(91_000_000, 20)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_watches_the_health_in_a_session_hears_of_its_end() {
    use tonic_health::pb::health_client::HealthClient;
    use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus};
    let started = gateway().start().await;
    let base = base(&started.channel);
    for (method, service) in [("DeleteSession", ""), ("ResetSession", ""), ("DeleteSession", "no.such.Service")] {
        let session = base.create(json!({})).await;
        let mut request = tonic::Request::new(HealthCheckRequest { service: service.into() });
        request.metadata_mut().insert("x-lienthong-session", session.id().parse().expect("ASCII"));
        let mut watched = HealthClient::new(started.channel.clone()).watch(request).await.expect("begins").into_inner();
        let is_known = service.is_empty();
        let first = if is_known { ServingStatus::Serving } else { ServingStatus::ServiceUnknown };
        assert_eq!(watched.message().await.expect("a status").expect("one").status(), first);
        base.sessions(method, json!({ "session_id": session.id() })).await;
        if is_known {
            let last = watched.message().await.expect("a status").expect("one");
            assert_eq!(last.status(), ServingStatus::NotServing);
        }
        let end = watched.message().await.expect_err("the end");
        assert_eq!(reason(&end), (Code::NotFound, "SESSION_UNKNOWN".into()), "{method} {service}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_has_both_times_where_they_differ() {
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
    assert_eq!(times(None).await, [None, None]);
    let [world, machine] = times(Some(moved.id())).await;
    let ahead = world.zip(machine).map_or(0, |(world, machine)| world.0 - machine.0);
    // The jump went on from what the clock showed when it began.
    assert!((31_535_990_000..=31_536_000_000).contains(&ahead), "{ahead} ms");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn its_files_are_audited_and_its_export_verifies_after_its_end() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = folder.path();
    let serving = Serving::start(at, &["--population", "0"]);
    let lienthong = |arguments: &[&str]| {
        let mut command = program();
        command.current_dir(at).env("LIENTHONG_ADDRESS", &serving.grpc).args(arguments);
        command.output().expect("the program runs")
    };
    let created = lienthong(&["session", "create", "--label", "audited"]);
    let id = String::from_utf8(created.stdout).expect("UTF-8").trim().to_owned();
    let endpoint = tonic::transport::Endpoint::from_shared(format!("http://{}", serving.grpc)).expect("an address");
    let session = base(&endpoint.connect().await.expect("it accepts")).at(&id);
    // An export of nothing has the anchor, and the log as it began is the province's.
    assert!(lienthong(&["session", "export", &id, "--to", "begun"]).status.success());
    let console = serving.console.as_deref().expect("a console");
    let audit = |log: &str, anchor: &str| {
        let url = format!("http://{console}/sessions/{id}/logs/{log}");
        lienthong(&["ledger", "audit", &url, "--trust", anchor])
    };
    for log in ["records", "resident", "evidence"] {
        let audited = audit(log, "begun/anchor.json");
        assert!(audited.status.success(), "{log}: {}", String::from_utf8_lossy(&audited.stdout));
    }
    let (version, _) = session.religion().await;
    session.convert(version, "Phật giáo").await;
    // The anchor is renewed in the session's time, under its own root.
    session.clock("AdvanceClock", json!({ "requestId": "two-years", "by": "63072000s" })).await;
    let session_end = session.now().await;
    assert!(lienthong(&["session", "export", &id, "--to", "kept"]).status.success());
    for log in ["records", "resident", "evidence", "driver_licence"] {
        let audited = audit(log, "kept/anchor.json");
        assert!(audited.status.success(), "{log}: {}", String::from_utf8_lossy(&audited.stdout));
    }
    let audited = audit("records", "anchor.json");
    assert!(!audited.status.success(), "the province's anchor does not know the log");
    let hint = String::from_utf8_lossy(&audited.stdout).into_owned();
    assert!(hint.contains("session export") && !hint.contains("keys update"), "{hint}");
    assert!(lienthong(&["health", "--session", &id]).status.success());
    let status = http_get(&format!("http://{console}/sessions/{id}/status/resident/resident.person.v1"));
    assert!(status.starts_with("HTTP/1.1 200"), "{status}");
    lienthong(&["session", "delete", &id]);
    assert!(!audit("records", "kept/anchor.json").status.success());
    let status = http_get(&format!("http://{console}/sessions/{id}/logs/records/checkpoint"));
    assert!(status.starts_with("HTTP/1.1 404"), "{status}");
    // An export overwrites nothing, and a refused jump does not suggest a repetition.
    let said = |output: std::process::Output| String::from_utf8_lossy(&output.stderr).into_owned();
    let kept = std::fs::read(at.join("kept/records.json")).expect("an export");
    let again = said(lienthong(&["session", "export", &id, "--to", "kept"]));
    assert!(again.contains("exists already"), "{again}");
    assert_eq!(std::fs::read(at.join("kept/records.json")).expect("an export"), kept);
    let refused = said(lienthong(&["clock", "advance", "1d", "--session", &id]));
    assert!(refused.contains("there is no such session") && !refused.contains("--request-id"), "{refused}");
    let health = |arguments: &[&str]| lienthong(&[&["health"], arguments].concat());
    assert!(health(&[]).status.success());
    assert!(said(health(&["--session", &id])).contains("there is no such session"));
    // Records issued in the session's future verify at its time.
    let then = session_end.to_string();
    let verified = lienthong(&["verify", "kept/records.json", "--trust", "kept/anchor.json", "--at", &then, "--quiet"]);
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
    assert!(!lienthong(&["verify", "kept/records.json", "--trust", "anchor.json", "--quiet"]).status.success());
}

/// The answer to a GET, headers and all.
fn http_get(url: &str) -> String {
    use std::io::{Read as _, Write as _};
    let (host, path) =
        url.strip_prefix("http://").and_then(|rest| rest.split_once('/')).expect("an address and a path");
    let mut stream = std::net::TcpStream::connect(host).expect("it accepts");
    write!(stream, "GET /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").expect("sent");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("answered");
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_end_of_a_session_ends_what_is_slow_in_it() {
    let started = gateway().start().await;
    let base = base(&started.channel);
    let add = "simulation.v1.FaultService/AddFaults";
    let dripping = (json!({ "drip": { "bytes": 1, "every": "2s" } }), "GetWorld");
    let delayed = (json!({ "delay": { "fixed": "50s" } }), "GetClock");
    for (end, (action, method)) in
        [("DeleteSession", &dripping), ("ResetSession", &dripping), ("DeleteSession", &delayed)]
    {
        let session = base.create(json!({})).await;
        let mut fault = action.clone();
        fault["match"] = json!({ "methods": [method] });
        session.ask("demo-operator", add, json!({ "faults": [fault] })).await;
        let call = Call {
            headers: Vec::new(),
            body: "{}".into(),
            method: format!("lienthong.simulation.v1.SimulationService/{method}"),
        };
        let call = call.with("authorization", "Bearer demo-operator").with("grpc-timeout", "60S");
        let (call, channel) = (call.with("x-lienthong-session", session.id()), started.channel.clone());
        let slow = tokio::spawn(async move { call.make(&channel).await });
        let has_begun = async || {
            let listed = session.ask("demo-operator", "simulation.v1.FaultService/ListFaults", json!({})).await;
            let faults = listed["faults"].as_array().cloned().unwrap_or_default();
            faults.iter().any(|fault| fault["counts"]["active"] == 1).then_some(())
        };
        common::until::until_answered("the slow call has begun", has_begun).await;
        base.sessions(end, json!({ "session_id": session.id() })).await;
        let ended = tokio::time::timeout(std::time::Duration::from_secs(20), slow).await.expect("it ends soon");
        let refused = ended.expect("no panic").expect_err("it was cut");
        match *method {
            "GetClock" => assert_eq!(reason(&refused), (Code::NotFound, "SESSION_UNKNOWN".into())),
            _ => assert_eq!(refused.code(), Code::Internal, "{refused}"),
        }
    }
}
