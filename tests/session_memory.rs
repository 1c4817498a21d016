//! The memory of sessions, in a process of its own: untouched, opened, after 100 changes, and after many rounds of create, use and delete.

mod common;

use common::sessions::{PURPOSE, World, base};
use common::{as_agency, gateway, reason};
use lienthong::server::{Config, Storage};
use lienthong::wire::proto::province::v1::province_service_client::ProvinceServiceClient;
use lienthong::wire::proto::province::v1::{WatchChangesRequest, WatchChangesResponse};
use serde_json::json;
use tonic::Code;
use tonic::transport::Channel;

/// This one has linked nothing yet.
const UNLINKED: &str = "042185990002";
/// Of so many clients one waits until its stream ends, the last one of a full run too.
const WAITING_EVERY: u64 = 100;
/// The bytes that a session may leave behind on average: far less than it takes, and more than what the allocator keeps by chance.
const LEFT_BYTES_MAX: u64 = 2 * 1024;
/// The bytes that all rounds together may leave behind, however many they are.
const LEFT_IN_ALL_BYTES_MAX: u64 = 16 * 1024 * 1024;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_take_little_memory_and_give_it_back() {
    five_hundred_at_once_and_no_more().await;
    rounds_of_create_use_and_delete_leave_nothing_behind().await;
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

/// Uses a session for all that a suite does: a record, a consent, a link, a fault that acts, and a stream, which stays open. Returns the stream.
async fn use_it(session: &World, channel: &Channel, version: u64) -> tonic::Streaming<WatchChangesResponse> {
    session.clock("FreezeClock", json!({})).await;
    session.convert(version, "Phật giáo").await;
    let citizen = format!("demo-citizen-{UNLINKED}");
    let consent = json!({
        "personal_id": UNLINKED, "agency": "one-stop", "purpose": PURPOSE, "record_types": ["vehicle.registration.v1"],
        "ttl_seconds": 86_400,
    });
    session.ask(&citizen, "access.v1.ConsentService/GrantConsent", consent).await;
    let card = json!({ "personal_id": UNLINKED, "document_type": "DOCUMENT_TYPE_HEALTH_INSURANCE_CARD" });
    session.ask(&citizen, "identity.v1.LinkService/LinkDocument", card).await;
    let fault = json!({ "match": { "methods": ["GetWorld"] }, "status": { "code": "ABORTED" } });
    session.ask("demo-operator", "simulation.v1.FaultService/AddFaults", json!({ "faults": [fault] })).await;
    let refused = session.refused("demo-bank", "simulation.v1.SimulationService/GetWorld", json!({})).await;
    assert_eq!(refused, (Code::Aborted, "FAULT_INJECTED".into()));
    let mut request = as_agency("operator", WatchChangesRequest::default());
    request.metadata_mut().insert("x-lienthong-session", session.id().parse().expect("ASCII"));
    let watching = ProvinceServiceClient::new(channel.clone()).watch_changes(request).await;
    let mut stream = watching.expect("it watches").into_inner();
    stream.message().await.expect("open").expect("a change");
    stream
}

async fn rounds_of_create_use_and_delete_leave_nothing_behind() {
    // On the embedded engine, whose snapshots they hold.
    let on_disk = |config| Config { storage: Storage::Temporary, ..config };
    let started = gateway().with(on_disk).start().await;
    let base = base(&started.channel);
    let (version, _) = base.religion().await;
    let round = async |number: u64| {
        let session = base.create(json!({})).await;
        let mut stream = use_it(&session, &started.channel, version).await;
        base.sessions("DeleteSession", json!({ "session_id": session.id() })).await;
        // A stream may go on for a second after that: most clients leave it, and some wait.
        if !number.is_multiple_of(WAITING_EVERY) {
            return;
        }
        let end = loop {
            match stream.message().await {
                Ok(Some(_)) => {}
                Ok(None) => panic!("the end of a session has a reason"),
                Err(status) => break reason(&status),
            }
        };
        assert_eq!(end, (Code::NotFound, "SESSION_UNKNOWN".into()));
    };
    let rounds = rounds();
    for number in 0..rounds / 5 {
        round(number).await; // until caches and pools are as large as they become
    }
    let before = resident();
    for number in 1..=rounds {
        round(number).await;
    }
    let grown = resident().saturating_sub(before);
    let most = (rounds * LEFT_BYTES_MAX).min(LEFT_IN_ALL_BYTES_MAX);
    assert!(grown < most, "{rounds} sessions left {} KiB", grown / 1024);
}

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
    // Tables that the process makes once, at its first change, are no session's.
    let (version, _) = used[6].religion().await;
    used[6].convert(version, "Công giáo").await;
    let opened = resident();
    let touched = opened.saturating_sub(before) / used.len() as u64;
    for session in &used[..5] {
        let (version, _) = session.religion().await;
        for change in 0..100 {
            session.convert(version + change, if change % 2 == 0 { "Phật giáo" } else { "Công giáo" }).await;
        }
    }
    let changed = resident().saturating_sub(opened) / 5;
    assert!(touched + changed < 2 * 1024 * 1024, "{touched} bytes each, and {changed} after 100 changes");
    base.sessions("DeleteSession", json!({ "session_id": sessions[0].id() })).await;
    base.create(json!({})).await;
}
