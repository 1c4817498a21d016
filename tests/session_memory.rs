//! The memory of sessions, in a process of its own: untouched, opened, after 100 changes, and after many rounds of create, use and delete.

mod common;

use common::gateway;
use common::sessions::base;
use lienthong::server::{Config, Storage};
use serde_json::json;
use tonic::Code;

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
