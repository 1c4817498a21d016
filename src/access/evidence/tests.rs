//! The access log over a store in memory: numbering under concurrency, proofs, claims.

use std::sync::Arc;

use super::*;
use crate::access::evidence::claim::CompletenessClaim;
use crate::base::id::{from_hex, to_hex};
use crate::base::time::FixedClock;
use crate::base::{ClientIds, PersonalId, RequestId, Seed, Timestamp};
use crate::ledger::{LogId, Sequencer};
use crate::store::memory::MemoryStore;
use crate::trust::merkle::{hash_leaf, root_from_inclusion};
use crate::trust::{Checkpoint, Ed25519Signer, Note, PublicKey, Signer, canonical};

const ORIGIN: &str = "lienthong/H27/evidence";

struct World {
    store: Arc<MemoryStore>,
    signer: Arc<dyn Signer>,
    log: Arc<EvidenceLog>,
}

async fn open(store: Arc<MemoryStore>) -> World {
    let seed = Seed::root(7);
    let signer: Arc<dyn Signer> = Arc::new(Ed25519Signer::from_seed(ORIGIN, &seed.child("key", 0)));
    let clock = Arc::new(FixedClock::at(Timestamp(1_000)));
    let ledger = Sequencer::open(store.clone(), LogId(9), ORIGIN, signer.clone(), clock).await.expect("ledger");
    let log = EvidenceLog::new(store.clone(), ledger, &seed);
    World { store, signer, log }
}

fn person(last: u8) -> PersonalId {
    PersonalId::parse(&format!("0420909900{last:02}")).expect("12 digits")
}

fn entry(log: &EvidenceLog, of: Option<PersonalId>, number: u128) -> EvidenceEntry {
    EvidenceEntry {
        request_id: RequestId(uuid::Uuid::from_u128(number)),
        client_ids: ClientIds::default(),
        at: Timestamp(5),
        kind: Kind::Exchange,
        agency: "one-stop".into(),
        purpose: Some("one_stop.verify_documents".into()),
        rights: None,
        reference: None,
        guardian: None,
        subject: of.map(|person| log.subject(person)),
        record_types: vec!["resident.person.v1".into()],
        outcome: "OK",
        records: vec![],
    }
}

#[tokio::test]
async fn entries_about_one_citizen_are_numbered_without_gaps_under_concurrency() {
    let world = open(Arc::default()).await;
    let log = &world.log;
    let calls = (0..300u128).map(|number| {
        let of = [Some(person(1)), Some(person(2)), None][number as usize % 3];
        log.record(entry(log, of, number), vec![].into())
    });
    let recorded = futures::future::try_join_all(calls).await.expect("recorded");
    for at in 0..3 {
        let mut sequences: Vec<_> = recorded.iter().skip(at).step_by(3).map(|recorded| recorded.sequence).collect();
        sequences.sort_unstable();
        let expected: Vec<u64> = if at == 2 { vec![0; 100] } else { (1..=100).collect() };
        assert_eq!(sequences, expected);
    }
    let page = log.accesses(person(1), None, 200).await.expect("page");
    assert_eq!((page.accesses.len(), page.more, page.claim.count), (100, false, 100));
    // each names the leaf of the one before it
    for pair in page.accesses.windows(2) {
        let newer = canonical::parse(&pair[0].entry).expect("canonical");
        assert_eq!(newer.text("previous"), Some(to_hex(&hash_leaf(&pair[1].entry)).as_str()));
    }
}

#[tokio::test]
async fn a_list_is_proved_page_by_page_and_survives_a_restart() {
    let world = open(Arc::default()).await;
    for number in 0..5 {
        world.log.record(entry(&world.log, Some(person(1)), number), vec![1, 2].into()).await.expect("recorded");
        world.log.record(entry(&world.log, Some(person(2)), 100 + number), vec![].into()).await.expect("recorded");
    }
    let reopened = open(world.store.clone()).await;
    let recorded =
        reopened.log.record(entry(&reopened.log, Some(person(1)), 50), vec![9].into()).await.expect("recorded");
    assert_eq!((recorded.index, recorded.sequence), (10, 6));

    let first = reopened.log.accesses(person(1), None, 4).await.expect("page");
    assert_eq!(first.accesses.iter().map(|access| access.sequence).collect::<Vec<_>>(), [6, 5, 4, 3]);
    assert!(first.more);
    let rest = reopened.log.accesses(person(1), Some(3), 4).await.expect("page");
    assert_eq!(rest.accesses.iter().map(|access| access.sequence).collect::<Vec<_>>(), [2, 1]);
    assert!(!rest.more);
    for (page, access) in [&first, &rest].into_iter().flat_map(|page| page.accesses.iter().map(move |a| (page, a))) {
        let checkpoint = Checkpoint::of_note(&page.claim.checkpoint).expect("checkpoint");
        let leaf = hash_leaf(&access.entry);
        let root = root_from_inclusion(&leaf, access.index, checkpoint.size, &access.path).expect("path");
        assert_eq!(root, checkpoint.root);
    }
    check_claim(&reopened, &first.claim, 6, 10);
    let (index, trace) = reopened.log.trace(RequestId(uuid::Uuid::from_u128(50))).await.expect("read").expect("there");
    assert_eq!((index, trace.as_ref()), (10, &[9][..]));
    assert_eq!(reopened.log.checkpoint_of(index).await.expect("checkpoint"), recorded.checkpoint);
    assert!(reopened.log.trace(RequestId(uuid::Uuid::from_u128(51))).await.expect("read").is_none());
}

#[tokio::test]
async fn nothing_about_a_citizen_is_claimed_too() {
    let world = open(Arc::default()).await;
    let page = world.log.accesses(person(1), None, 4).await.expect("page");
    assert!(page.accesses.is_empty() && !page.more);
    check_claim(&world, &page.claim, 0, 0);
}

fn check_claim(world: &World, claim: &CompletenessClaim, count: u64, last: u64) {
    assert_eq!((claim.count, claim.last_index), (count, last));
    let note = Note::parse(&claim.signed).expect("note");
    let key = PublicKey::new(world.signer.algorithm(), world.signer.public_key()).expect("key");
    assert!(note.signatures[0].is_by(ORIGIN, &key));
    key.verify(note.text.as_bytes(), &note.signatures[0].signature).expect("signed");
    let lines: Vec<_> = note.text.lines().collect();
    let subject = to_hex(&world.log.subject(person(1)));
    assert_eq!(lines[..5], ["lienthong/completeness/v1", &subject, &count.to_string(), &last.to_string(), ORIGIN]);
    assert_eq!(from_hex(lines[1]).map(|bytes| bytes.len()), Some(32));
    assert!(Checkpoint::parse(note.text).is_err());
}
