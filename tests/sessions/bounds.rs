//! The bounds of a session: what it may hold back in the store, and what may be written in it.

use lienthong::server::config::SessionsMax;
use lienthong::server::{Config, Storage};
use serde_json::{Value, json};
use tonic::Code;

use super::common::sessions::{World, base};
use super::common::{gateway, reason};

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
