//! The witness: what it cosigns, how it refuses, races, restarts; and a gateway that was forked before it.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use tower::ServiceExt as _;

use super::world::*;
use crate::base::time::FixedClock;
use crate::ledger::{Head, Ledger};
use crate::transparency::witness::memory::Memory;
use crate::transparency::witness::request::AddCheckpoint;
use crate::transparency::witness::{Refusal, Witness, http};
use crate::trust::cosignature::{verify_cosignature, with_lines};
use crate::trust::note::{Checkpoint, Note};
use crate::trust::{KeyUse, NoteKey};

fn witness(folder: &std::path::Path) -> Witness {
    let memory = Memory::open(folder).expect("opens");
    Witness::new(anchor(), signer("witness.example/w1"), Arc::new(FixedClock::at(NOW)), memory)
}

async fn request(ledger: &Ledger, old_size: u64, head: &Head) -> Vec<u8> {
    let path =
        if old_size == 0 { vec![] } else { ledger.prove_consistency(old_size, head.size).await.expect("proves") };
    AddCheckpoint { old_size, path, note: head.note.clone() }.write()
}

fn conflicts(folder: &std::path::Path) -> Vec<serde_json::Value> {
    let files = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("readable").path());
    let json = files.filter(|path| path.extension().is_some_and(|ending| ending == "json"));
    json.map(|path| serde_json::from_slice(&std::fs::read(path).expect("reads")).expect("JSON")).collect()
}

#[tokio::test]
async fn growth_is_cosigned_and_survives_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut world = World::new().await;
    let key = NoteKey::of(&*signer("witness.example/w1"), KeyUse::Cosignature).expect("a key");
    let mut old = 0;
    for _ in 0..4 {
        world.grow(2, 40).await;
        let watching = witness(folder.path());
        let head = world.ledger.head();
        // the same head twice is cosigned twice
        for known in [old, head.size] {
            let line = watching.add_checkpoint(&request(&world.ledger, known, &head).await).expect("cosigns");
            let note = with_lines(&head.note, [line]);
            let note = Note::parse(&note).expect("a note");
            let line = note.signatures.iter().find(|line| key.claims(line)).expect("its line");
            assert_eq!(verify_cosignature(note.text, line, &key), Ok(NOW));
        }
        let again = watching.add_checkpoint(&request(&world.ledger, old, &head).await);
        assert!(matches!(again, Err(Refusal::OtherSize(size)) if size == head.size));
        old = head.size;
    }
    assert!(Memory::open(folder.path()).is_ok(), "the last one let go");
    let held = Memory::open(folder.path()).expect("opens");
    assert!(Memory::open(folder.path()).is_err(), "one process at a time");
    drop(held);
}

#[tokio::test]
async fn refusals_are_those_of_the_specification() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut world = World::new().await;
    world.grow(2, 40).await;
    let first = world.ledger.head();
    world.grow(2, 40).await;
    let head = world.ledger.head();
    let app = http::router(Arc::new(witness(folder.path())), "key".into());
    let post = async |body: Vec<u8>| {
        let request = Request::post("/add-checkpoint").body(Body::from(body)).expect("a request");
        let (parts, body) = app.clone().oneshot(request).await.expect("answered").into_parts();
        let kind = parts.headers.get(header::CONTENT_TYPE).map(|kind| kind.to_str().expect("ASCII").to_owned());
        let body = axum::body::to_bytes(body, 1 << 20).await.expect("whole");
        (parts.status, kind.unwrap_or_default(), String::from_utf8_lossy(&body).into_owned())
    };
    let sign = |origin: &str, by: &str, size| {
        let checkpoint = Checkpoint { origin: origin.into(), size, root: [5; 32] };
        let text = checkpoint.text();
        let note = crate::trust::note::sign_note(&text, &[&*signer(by)]).expect("signs");
        AddCheckpoint { old_size: 0, path: vec![], note }.write()
    };
    assert_eq!(post(b"old x\n\n".to_vec()).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(post(sign("other.example/log", "other.example/log", 5)).await.0, StatusCode::NOT_FOUND);
    assert_eq!(post(sign(RECORDS, "witness.example/w1", 5)).await.0, StatusCode::FORBIDDEN);
    assert_eq!(post(vec![b'a'; 200 * 1024]).await.0, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(post(sign(RECORDS, RECORDS, 0)).await.0, StatusCode::CONFLICT, "an empty tree with another root");
    let got = Request::get("/add-checkpoint").body(Body::empty()).expect("a request");
    let got = app.clone().oneshot(got).await.expect("answered");
    assert_eq!(got.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert!(conflicts(folder.path()).is_empty(), "nothing of these proves anything");
    let bad_proof = AddCheckpoint { old_size: 0, path: vec![[1; 32]], note: first.note.clone() }.write();
    assert_eq!(post(bad_proof).await.0, StatusCode::UNPROCESSABLE_ENTITY);

    // what unknown keys signed beside the log is passed over
    let stranger = signer("witness.example/w2");
    let text = std::str::from_utf8(&first.note).expect("text").split("\n\n").next().expect("a text");
    let beside = crate::trust::note::sign_note(&format!("{text}\n"), &[&*stranger]).expect("signs");
    let beside = std::str::from_utf8(&beside).expect("text").split("\n\n").nth(1).expect("a signature").to_owned();
    let note = bytes::Bytes::from([&first.note[..], beside.as_bytes()].concat());
    assert_eq!(post(AddCheckpoint { old_size: 0, path: vec![], note }.write()).await.0, StatusCode::OK);
    let (status, kind, body) = post(request(&world.ledger, 0, &head).await).await;
    assert_eq!((status, kind.as_str(), body), (StatusCode::CONFLICT, "text/x.tlog.size", format!("{}\n", first.size)));
    let above = AddCheckpoint { old_size: first.size + 1, path: vec![], note: first.note.clone() }.write();
    assert_eq!(post(above).await.0, StatusCode::BAD_REQUEST);
    let bad_proof = AddCheckpoint { old_size: first.size, path: vec![[1; 32]; 3], note: head.note.clone() }.write();
    assert_eq!(post(bad_proof).await.0, StatusCode::UNPROCESSABLE_ENTITY);
    let none = AddCheckpoint { old_size: first.size, path: vec![], note: head.note.clone() }.write();
    assert_eq!(post(none).await.0, StatusCode::UNPROCESSABLE_ENTITY);
    let mut spoilt = world.ledger.prove_consistency(first.size, head.size).await.expect("proves");
    spoilt[0][0] ^= 1;
    let spoilt = AddCheckpoint { old_size: first.size, path: spoilt, note: head.note.clone() }.write();
    assert_eq!(post(spoilt).await.0, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(conflicts(folder.path()).is_empty(), "nobody can accuse the log with a bad proof");
    let (status, _, line) = post(request(&world.ledger, first.size, &head).await).await;
    assert!(status == StatusCode::OK && line.starts_with("— witness.example/w1 ") && line.ends_with('\n'), "{line}");
}

#[tokio::test]
async fn nothing_is_cosigned_by_an_expired_anchor() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut world = World::new().await;
    world.grow(1, 5).await;
    let head = world.ledger.head();
    let at = |now| {
        let memory = Memory::open(folder.path()).expect("opens");
        Witness::new(anchor(), signer("witness.example/w1"), Arc::new(FixedClock::at(now)), memory)
    };
    let expiry = anchor().expires_at;
    let refused = at(expiry).add_checkpoint(&request(&world.ledger, 0, &head).await);
    assert!(matches!(refused, Err(Refusal::Expired(at)) if at == expiry), "{refused:?}");
    at(expiry.plus_ms(-1)).add_checkpoint(&request(&world.ledger, 0, &head).await).expect("cosigns until then");
}

#[tokio::test]
async fn a_forked_log_is_not_cosigned_and_both_heads_are_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut world, mut fork) = (World::new().await, World::new().await);
    world.grow(3, 40).await;
    fork.grow(2, 40).await; // an old copy, that goes on differently
    let statements = (700..740).map(|record| fork.statement(record)).collect();
    fork.take(statements).await;
    let (seen, other) = (world.ledger.head(), fork.ledger.head());
    let watching = witness(folder.path());
    watching.add_checkpoint(&request(&world.ledger, 0, &seen).await).expect("cosigns");
    let split = watching.add_checkpoint(&request(&fork.ledger, seen.size, &other).await);
    assert!(matches!(split, Err(Refusal::SplitView(size)) if size == seen.size), "{split:?}");
    fork.grow(1, 40).await;
    let longer = fork.ledger.head();
    let forked = watching.add_checkpoint(&request(&fork.ledger, seen.size, &longer).await);
    assert!(matches!(forked, Err(Refusal::Inconsistent(_))), "{forked:?}");
    let kept = conflicts(folder.path());
    assert_eq!(kept.len(), 2);
    for conflict in kept {
        assert_eq!(conflict["known"]["note"].as_str().map(str::as_bytes), Some(&seen.note[..]));
        let shown = conflict["shown"]["note"].as_str().expect("text").as_bytes();
        assert!(shown == other.note || shown == longer.note);
    }
    // and the honest history goes on
    world.grow(1, 40).await;
    watching.add_checkpoint(&request(&world.ledger, seen.size, &world.ledger.head()).await).expect("cosigns");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn racing_requests_never_take_a_witness_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut world = World::new().await;
    let mut heads = Vec::new();
    for _ in 0..24 {
        world.grow(1, 5).await;
        heads.push(world.ledger.head());
    }
    let watching = Arc::new(witness(folder.path()));
    let mut tasks = Vec::new();
    for racer in 0..16_usize {
        let (watching, ledger, heads) = (watching.clone(), world.ledger.clone(), heads.clone());
        tasks.push(tokio::spawn(async move {
            let (mut known, mut cosigned) = (0, Vec::new());
            for step in 0..heads.len() * 3 {
                let head = &heads[(step / 3 + racer * 7) % heads.len()];
                if known > head.size {
                    continue;
                }
                let body = request(&ledger, known, head).await;
                let watching = watching.clone();
                match tokio::task::spawn_blocking(move || watching.add_checkpoint(&body)).await.expect("runs") {
                    Ok(_) => {
                        cosigned.push((known, head.size));
                        known = head.size;
                    }
                    Err(Refusal::OtherSize(size)) => {
                        assert!(size >= known, "from {known} back to {size}");
                        known = size;
                    }
                    Err(other) => panic!("{other:?}"),
                }
            }
            cosigned
        }));
    }
    let mut steps = Vec::new();
    for task in tasks {
        steps.extend(task.await.expect("ends").into_iter().filter(|(old, new)| old != new));
    }
    // What moved the witness is one chain: each step begins where the one before ended.
    steps.sort_unstable();
    assert!(steps.windows(2).all(|pair| pair[0].1 == pair[1].0), "{steps:?}");
    assert_eq!((steps[0].0, steps.last().map(|step| step.1)), (0, heads.last().map(|head| head.size)));
    drop(watching);
    let memory = Memory::open(folder.path()).expect("opens");
    let slot = memory.slot(RECORDS);
    let newest = slot.lock().read(&anchor()).expect("reads").expect("is there");
    assert_eq!(Some(newest.size()), heads.last().map(|head| head.size));
}
