//! The witness: its cosignatures, refusals, races and restarts; and a gateway that was forked before it.

use std::sync::Arc;

use super::world::*;
use crate::base::time::FixedClock;
use crate::transparency::witness::memory::Memory;
use crate::transparency::witness::{Refusal, Witness};
use crate::trust::cosignature::{verify_cosignature, with_lines};
use crate::trust::note::Note;
use crate::trust::{KeyUse, NoteKey};

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
    // The witness's steps form one chain: each begins where the one before ended.
    steps.sort_unstable();
    assert!(steps.windows(2).all(|pair| pair[0].1 == pair[1].0), "{steps:?}");
    assert_eq!((steps[0].0, steps.last().map(|step| step.1)), (0, heads.last().map(|head| head.size)));
    drop(watching);
    let memory = Memory::open(folder.path()).expect("opens");
    let slot = memory.slot(RECORDS);
    let newest = slot.lock().read(&anchor()).expect("reads").expect("is there");
    assert_eq!(Some(newest.size()), heads.last().map(|head| head.size));
}
