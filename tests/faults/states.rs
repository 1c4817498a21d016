//! Faults of a part of the world for as long as their rule exists: disk, feeds, logs, clocks, the trust anchor.

use std::time::{Duration, Instant};

use lienthong::transparency::head::SignedHead;
use serde_json::{Value, json};
use tonic::Code;

use super::common::sessions::{World, base};
use super::common::{self, gateway, reason};
use super::{add, fetch, heal, list, outcome, person};

const EXCHANGE: &str = "lienthong.exchange.v1.ExchangeService";
const FEED: &str = "feed/resident";

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
    for (service, serves) in [("", false), (EXCHANGE, false), ("lienthong.trust.v1.LedgerService", true)] {
        session.until_serves(service, serves).await;
        assert!(outside.serves(service).await, "{service}: another world has a disk of its own");
    }
    // The clock's file is next to the store, on the same disk.
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
    for service in ["", EXCHANGE] {
        session.until_serves(service, true).await;
    }
    let jumped = session.clock("AdvanceClock", jump).await;
    assert_eq!(jumped.get("repetition"), None, "what was refused was not begun");
    session.convert(version, "Phật giáo").await;
    assert_eq!(session.religion().await.0, version + 1);
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
async fn a_halted_feed_goes_on_where_it_was() {
    let gateway = gateway().start().await;
    let outside = base(&gateway.channel);
    let session = outside.create(json!({})).await;
    let (version, _) = session.religion().await;
    add(&session, json!({ "match": { "registry": "resident" }, "halted_feed": {} })).await;
    assert_eq!(feed_becomes(&session, "HALTED").await, "FEED_HALTED");
    assert_eq!(feed(&outside).await.0, "FEED_STATE_FOLLOWING");
    session.until_serves(FEED, false).await;
    assert!(session.serves("").await && session.serves("feed/land").await, "the others go on");
    assert!(outside.serves(FEED).await);
    let refused = convert(&session, version, "Phật giáo").await.expect("its acceptance cannot be waited for");
    assert!(refused.contains("halted this registry's feed"), "{refused}");
    heal(&session).await;
    feed_becomes(&session, "FOLLOWING").await;
    session.until_serves(FEED, true).await;
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
    // Within the tolerance of verifiers, everything is accepted.
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
        (anchor.version == before.version + 3).then_some(anchor)
    });
    assert!(renewed.await.expires_at > session.now().await);
    assert_eq!(outcome(&session).await, "VALID");
}
