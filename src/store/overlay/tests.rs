//! An overlay keeps the port's contract, and looks like a store into which everything was written.

use std::ops::Bound;

use futures::FutureExt as _;
use proptest::prelude::*;

use super::super::memory::MemoryStore;
use super::*;

const SPACE: Space = Space::Record;
const MIB: usize = 1024 * 1024;

/// Nothing in memory waits for anything.
fn block_on<T>(ready: impl Future<Output = T>) -> T {
    ready.now_or_never().expect("it is ready at once")
}

fn over(base: &MemoryStore) -> OverlayStore {
    OverlayStore::new(block_on(base.snapshot()).expect("a snapshot"), 64 * MIB, &MemoryTotal::default())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn keeps_the_contract() {
    super::super::conformance::check(|| Arc::new(over(&MemoryStore::new()))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn keeps_the_contract_over_another_overlay() {
    super::super::conformance::check(|| {
        let below = over(&MemoryStore::new());
        Arc::new(OverlayStore::new(block_on(below.snapshot()).expect("a snapshot"), 64 * MIB, &MemoryTotal::default()))
    })
    .await;
}

#[tokio::test]
async fn neither_sees_what_the_other_writes() {
    let base = MemoryStore::new();
    base.commit(Batch::new().put(SPACE, "a", "1").put(SPACE, "b", "1")).await.expect("commits");
    let overlay = over(&base);
    base.commit(Batch::new().put(SPACE, "a", "2").put(SPACE, "c", "2")).await.expect("commits");
    overlay.commit(Batch::new().delete(SPACE, "b").put(SPACE, "d", "3")).await.expect("commits");
    let rows = async |store: &dyn Store| {
        let rows = store.scan(Scan::prefix(SPACE, b"")).await.expect("scans");
        rows.iter().map(|(key, value)| format!("{}{}", key.escape_ascii(), value.escape_ascii())).collect::<Vec<_>>()
    };
    assert_eq!(rows(&overlay).await, ["a1", "d3"]);
    assert_eq!(rows(&base).await, ["a2", "b1", "c2"]);
    assert_eq!((overlay.count(SPACE), base.count(SPACE)), (2, 3));
    assert_eq!(overlay.rows_written(), BTreeMap::from([(SPACE, 2)]));
}

#[tokio::test]
async fn it_is_bounded_and_a_refused_batch_writes_nothing() {
    let overlay =
        OverlayStore::new(MemoryStore::new().snapshot().await.expect("a snapshot"), MIB, &MemoryTotal::default());
    let half = vec![0_u8; MIB / 2];
    overlay.commit(Batch::new().put(SPACE, "a", half.clone())).await.expect("fits");
    let error =
        overlay.commit(Batch::new().put(SPACE, "b", "x").put(SPACE, "c", half.clone())).await.expect_err("full");
    assert_eq!(error.reason, Reason::SessionFull);
    assert_eq!(overlay.get(SPACE, b"b").await.expect("reads"), None);
    overlay.commit(Batch::new().delete(SPACE, "a")).await.expect("fits");
    overlay.commit(Batch::new().put(SPACE, "c", half)).await.expect("there is room again");
}

#[tokio::test]
async fn snapshots_share_what_was_written_and_every_copy_counts() {
    let (memory, base) = (MemoryTotal::default(), MemoryStore::new().snapshot().await.expect("a snapshot"));
    let overlay = OverlayStore::new(base, 64 * MIB, &memory);
    overlay.commit(Batch::new().put(SPACE, "a", vec![0; MIB])).await.expect("fits");
    let one = overlay.bytes();
    assert!(one > MIB && memory.bytes() == one && overlay.bytes_to_copy() == 0);
    let mut snapshots = Vec::new();
    for _ in 0..150 {
        snapshots.push(overlay.snapshot().await.expect("a snapshot"));
    }
    assert_eq!((memory.bytes(), overlay.bytes_to_copy()), (one, one), "nothing is copied before it differs");
    let above = OverlayStore::new(snapshots[0].clone(), 64 * MIB, &memory);
    overlay.commit(Batch::new().delete(SPACE, "a").put(SPACE, "b", "2")).await.expect("fits");
    above.commit(Batch::new().put(SPACE, "c", vec![0; MIB])).await.expect("fits");
    assert_eq!(memory.bytes(), one + overlay.bytes() + above.bytes());
    assert_eq!(overlay.bytes_to_copy(), 0);
    let count = |found: &Option<Bytes>| found.as_ref().map_or(0, Bytes::len);
    assert_eq!(count(&above.get(SPACE, b"a").await.expect("reads")), MIB);
    assert_eq!(overlay.get(SPACE, b"a").await.expect("reads"), None);
    drop(overlay);
    drop(snapshots);
    assert_eq!(memory.bytes(), one + above.bytes(), "what stands on it keeps it");
    drop(above);
    assert_eq!(memory.bytes(), 0);
}

#[tokio::test]
async fn it_holds_back_what_its_base_does() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = crate::store::fjall::FjallStore::open(folder.path()).expect("opens");
    let overlay = OverlayStore::new(store.snapshot().await.expect("a snapshot"), 64 * MIB, &MemoryTotal::default());
    let above = overlay.snapshot().await.expect("a snapshot");
    let held = || above.held_back_bytes() as usize;
    assert_eq!(held(), 0);
    overlay.commit(Batch::new().put(SPACE, "a", vec![0; MIB])).await.expect("fits");
    assert_eq!(held(), 0, "what is written above the store costs it nothing");
    store.commit(Batch::new().put(SPACE, "a", vec![0; MIB / 2])).await.expect("commits");
    assert!((MIB / 2..MIB).contains(&held()), "{}", held());
    let later = store.snapshot().await.expect("a snapshot");
    assert_eq!(later.held_back_bytes(), 0);
    assert_eq!(MemoryStore::new().snapshot().await.expect("a snapshot").held_back_bytes(), 0);
}

type Edit = (u8, Option<u8>);

fn batch(edits: &[Edit]) -> Batch {
    edits.iter().fold(Batch::new(), |batch, (key, value)| match value {
        Some(value) => batch.put(SPACE, vec![*key], vec![*value]),
        None => batch.delete(SPACE, vec![*key]),
    })
}

fn bound() -> impl Strategy<Value = Bound<Vec<u8>>> {
    prop_oneof![
        Just(Bound::Unbounded),
        (0..24_u8).prop_map(|key| Bound::Included(vec![key])),
        (0..24_u8).prop_map(|key| Bound::Excluded(vec![key])),
    ]
}

proptest! {
    #[test]
    fn it_reads_like_a_store_into_which_all_was_written(
        below in proptest::collection::vec((0..24_u8, proptest::option::weighted(0.9, any::<u8>())), 0..40),
        above in proptest::collection::vec((0..24_u8, proptest::option::weighted(0.6, any::<u8>())), 0..40),
        (from, to, reverse, limit) in (bound(), bound(), any::<bool>(), prop_oneof![0..6_usize, Just(usize::MAX)]),
    ) {
        let (base, model) = (MemoryStore::new(), MemoryStore::new());
        block_on(base.commit(batch(&below))).expect("commits");
        let overlay = over(&base);
        for edits in above.chunks(5) {
            block_on(overlay.commit(batch(edits))).expect("commits");
        }
        block_on(model.commit(batch(&below))).expect("commits");
        block_on(model.commit(batch(&above))).expect("commits");
        let scan = Scan { space: SPACE, from, to, reverse, limit };
        let expected = block_on(model.scan(scan.clone())).expect("scans");
        prop_assert_eq!(&block_on(overlay.scan(scan.clone())).expect("scans"), &expected);
        let snapshot = block_on(overlay.snapshot()).expect("a snapshot");
        prop_assert_eq!(&block_on(snapshot.scan(scan)).expect("scans"), &expected);
        let keys: Vec<Vec<u8>> = (0..24).map(|key| vec![key]).collect();
        let expected = block_on(model.get_many(SPACE, &keys)).expect("reads");
        prop_assert_eq!(&block_on(overlay.get_many(SPACE, &keys)).expect("reads"), &expected);
        prop_assert_eq!(&block_on(snapshot.get_many(SPACE, &keys)).expect("reads"), &expected);
        prop_assert_eq!(overlay.count(SPACE), model.count(SPACE));
    }
}
