//! Ledgers over both stores: proofs, batching, rows that travel with entries, reopening, and every kind of damage.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use proptest::prelude::*;

use super::tile::TileId;
use super::*;
use crate::base::limits::BATCH_RECORDS_MAX;
use crate::base::time::FixedClock;
use crate::base::{Error, Reason, Result, Seed, Timestamp};
use crate::store::fjall::FjallStore;
use crate::store::memory::MemoryStore;
use crate::store::{Batch, Scan, Space, Store, StoreRow};
use crate::trust::Signer;
use crate::trust::keys::Ed25519Signer;
use crate::trust::merkle::Hash;
use crate::trust::merkle::{hash_leaf, root_in_place, verify_consistency, verify_inclusion};
use crate::trust::note::Checkpoint;
use crate::trust::record::LogProof;

mod long;
mod openers;
mod stopped;

const LOG: LogId = LogId(7);
const ORIGIN: &str = "lienthong/H27/test";

fn signer(seed: u64) -> Arc<dyn Signer> {
    Arc::new(Ed25519Signer::from_seed(ORIGIN, &Seed::root(seed)))
}

async fn open_at(store: Arc<dyn Store>, origin: &str, key: u64) -> Result<Arc<Sequencer>> {
    Sequencer::open(store, LOG, origin, signer(key), Arc::new(FixedClock::at(Timestamp(1_000)))).await
}

async fn open(store: &Arc<dyn Store>) -> Arc<Sequencer> {
    open_at(store.clone(), ORIGIN, 1).await.expect("opens")
}

fn memory() -> Arc<dyn Store> {
    Arc::new(MemoryStore::new())
}

fn body(index: u64) -> Bytes {
    Bytes::from(format!("entry {index}"))
}

fn entry(index: u64) -> Entry {
    Entry { leaf: hash_leaf(&body(index)), body: body(index) }
}

fn entries(from: u64, to: u64) -> Vec<Entry> {
    (from..to).map(entry).collect()
}

async fn grow(ledger: &Sequencer, to: u64, step: u64) {
    let mut from = ledger.head().size;
    while from < to {
        let next = (from + step).min(to);
        let appended = ledger.append(entries(from, next), |_| Batch::new()).await.expect("appends");
        assert_eq!((appended.first_index, appended.size), (from, next));
        assert_eq!(appended.head, ledger.head());
        from = next;
    }
}

fn root_of(size: u64) -> Hash {
    root_in_place(&mut entries(0, size).iter().map(|entry| entry.leaf).collect::<Vec<_>>())
}

fn verify(proof: &LogProof, leaf: &Hash, size: u64) {
    let checkpoint = Checkpoint::of_note(&proof.checkpoint).expect("a checkpoint");
    assert_eq!((checkpoint.origin.as_str(), checkpoint.size), (ORIGIN, size));
    verify_inclusion(leaf, proof.index, size, &proof.path, &checkpoint.root).expect("the proof verifies");
}

#[tokio::test]
async fn a_new_log_has_a_signed_checkpoint_of_nothing() {
    let store = memory();
    let ledger = open(&store).await;
    let head = ledger.head();
    assert_eq!((head.size, head.root, head.at), (0, root_of(0), Timestamp(1_000)));
    assert_eq!(ledger.checkpoint_at_or_after(0).await.expect("reads"), Some((0, head.note.clone())));
    assert_eq!(ledger.checkpoint_at_or_after(1).await.expect("reads"), None);
    assert_eq!(ledger.prove(0).await.expect_err("empty").reason, Reason::NotFound);
    assert_eq!(ledger.entry(0).await.expect_err("empty").reason, Reason::NotFound);
    assert_eq!(open(&store).await.head(), head);
}

#[tokio::test]
async fn every_entry_is_proved_against_every_checkpoint() {
    let ledger = open(&memory()).await;
    for (size, step) in [(1, 1), (256, 100), (257, 1), (700, 64), (66_000, 4_096)] {
        grow(&ledger, size, step).await;
        assert_eq!(ledger.head().root, root_of(size));
        for index in [0, 1, 255, 256, 511, 512, 65_535, 65_536, size / 2, size - 1].into_iter().filter(|i| *i < size) {
            verify(&ledger.prove(index).await.expect("proves"), &entry(index).leaf, size);
            assert_eq!(ledger.entry(index).await.expect("reads"), body(index));
            for old in [256, 257, 700].into_iter().filter(|old| *old > index && *old <= size) {
                verify(&ledger.prove_at(index, old).await.expect("proves"), &entry(index).leaf, old);
            }
        }
        for old in [0, 1, 256, 257, 700].into_iter().filter(|old| *old <= size) {
            let path = ledger.prove_consistency(old, size).await.expect("proves");
            verify_consistency((old, &root_of(old)), (size, &root_of(size)), &path).expect("verifies");
        }
    }
    assert_eq!(ledger.prove_at(3, 258).await.expect_err("never signed").reason, Reason::NotFound);
    assert_eq!(ledger.prove_at(300, 257).await.expect_err("outside").reason, Reason::NotFound);
    assert_eq!(ledger.prove(66_000).await.expect_err("outside").reason, Reason::NotFound);
    assert_eq!(ledger.prove_consistency(5, 66_001).await.expect_err("outside").reason, Reason::NotFound);
    let (size, note) = ledger.checkpoint_at_or_after(258).await.expect("reads").expect("there is one");
    assert_eq!(Checkpoint::of_note(&note).expect("a checkpoint").root, root_of(size));
    assert_eq!(size, 257 + 64);
}

#[tokio::test]
async fn entries_are_read_in_order_from_anywhere() {
    let ledger = open(&memory()).await;
    grow(&ledger, 10, 3).await;
    grow(&ledger, 3_000, 130).await;
    for (from, limit) in [(0, 3_000), (0, 1), (9, 5), (11, 200), (2_999, 10), (1_234, 1_000), (3_000, 5), (9_999, 5)] {
        let read = ledger.entries(from, limit).await.expect("reads");
        let end = 3_000.min(from + limit as u64);
        assert_eq!(read, (from..end).map(body).collect::<Vec<_>>(), "{from} {limit}");
    }
    assert_eq!(ledger.entries(0, 0).await.expect("reads"), Vec::<Bytes>::new());
}

#[tokio::test]
async fn rows_are_committed_with_their_entries() {
    let store = memory();
    let ledger = open(&store).await;
    grow(&ledger, 5, 5).await;
    let rows = |first: u64| Batch::new().put(Space::Record, "at", first.to_string());
    ledger.append(entries(5, 8), rows).await.expect("appends");
    assert_eq!(store.get(Space::Record, b"at").await.expect("reads").as_deref(), Some(&b"5"[..]));

    let conditional = |_| Batch::new().require_absent(Space::Record, "at").put(Space::Record, "other", "");
    let error = ledger.append(entries(8, 9), conditional).await.expect_err("the condition does not hold");
    assert_eq!(error.reason, Reason::StorageConflict);
    assert_eq!(ledger.head().size, 8, "nothing is appended");
    assert_eq!(store.get(Space::Record, b"other").await.expect("reads"), None);
    grow(&ledger, 9, 1).await;
    assert_eq!(open(&store).await.head(), ledger.head());
}

#[tokio::test]
async fn appends_have_limits() {
    let ledger = open(&memory()).await;
    let most = BATCH_RECORDS_MAX as u64;
    assert_eq!(ledger.append(vec![], |_| Batch::new()).await.expect_err("empty").reason, Reason::Internal);
    let many = ledger.append(entries(0, most + 2), |_| Batch::new()).await;
    assert_eq!(many.expect_err("too many").reason, Reason::BatchTooLarge);
    ledger.append(entries(0, most + 1), |_| Batch::new()).await.expect("the most: a batch and its checkpoint");
}

/// Counts commits, and lets all other tasks run before each, so that appends queue.
struct SlowStore {
    inner: MemoryStore,
    commits: AtomicUsize,
}

#[async_trait]
impl Store for SlowStore {
    async fn get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>> {
        self.inner.get(space, key).await
    }
    async fn get_many(&self, space: Space, keys: &[Vec<u8>]) -> Result<Vec<Option<Bytes>>> {
        self.inner.get_many(space, keys).await
    }
    async fn scan(&self, scan: Scan) -> Result<Vec<StoreRow>> {
        self.inner.scan(scan).await
    }
    async fn commit(&self, batch: Batch) -> Result<()> {
        self.commits.fetch_add(1, Ordering::SeqCst);
        for _ in 0..1_000 {
            tokio::task::yield_now().await;
        }
        self.inner.commit(batch).await
    }
    async fn snapshot(&self) -> Result<Arc<dyn crate::store::Snapshot>> {
        self.inner.snapshot().await
    }
    fn changes(&self, space: Space) -> crate::store::Changes {
        self.inner.changes(space)
    }

    fn openers(&self) -> crate::store::Openers {
        self.inner.openers()
    }

    fn count(&self, space: Space) -> u64 {
        self.inner.count(space)
    }
    fn health(&self) -> tokio::sync::watch::Receiver<crate::store::Health> {
        self.inner.health()
    }
    fn damaged(&self, space: Space, what: &'static str) -> Error {
        self.inner.damaged(space, what)
    }
}

#[tokio::test]
async fn what_queues_during_a_commit_shares_the_next() {
    let store = Arc::new(SlowStore { inner: MemoryStore::new(), commits: AtomicUsize::new(0) });
    let ledger = open_at(store.clone(), ORIGIN, 1).await.expect("opens");
    let before = store.commits.load(Ordering::SeqCst);
    let append = |who: u64| {
        let ledger = ledger.clone();
        async move {
            // One caller in ten has a condition, which half of the time does not hold.
            let rows = move |first: u64| {
                let row = Batch::new().put(Space::Record, format!("{who}"), first.to_string());
                match who % 20 {
                    3 => row.require_absent(Space::Record, format!("{who}")),
                    13 => row.require_value(Space::Record, format!("{who}"), "never"),
                    _ => row,
                }
            };
            (who, ledger.append(vec![entry(who), entry(who + 1_000)], rows).await)
        }
    };
    let outcomes = futures::future::join_all((0..200).map(append)).await;
    let mut taken = std::collections::BTreeSet::new();
    for (who, outcome) in outcomes {
        if who % 20 == 13 {
            assert_eq!(outcome.expect_err("its condition never holds").reason, Reason::StorageConflict);
            continue;
        }
        let first = outcome.expect("appends").first_index;
        assert!(taken.insert(first) && taken.insert(first + 1), "no place is given twice");
        assert_eq!(ledger.entry(first).await.expect("reads"), body(who));
        assert_eq!(ledger.entry(first + 1).await.expect("reads"), body(who + 1_000), "nothing comes between");
        let row = store.get(Space::Record, who.to_string().as_bytes()).await.expect("reads");
        assert_eq!(row, Some(Bytes::from(first.to_string())));
    }
    assert_eq!(ledger.head().size, 190 * 2);
    assert_eq!(*ledger.watch().borrow(), 380);
    let commits = store.commits.load(Ordering::SeqCst) - before;
    assert!(commits < 50, "{commits} commits for 200 appends");
    open_at(store, ORIGIN, 1).await.expect("the log verifies");
}

#[tokio::test]
async fn two_ledgers_over_one_log_never_sign_one_size_twice() {
    let store = memory();
    let (one, other) = (open(&store).await, open(&store).await);
    grow(&one, 3, 3).await;
    let refused = other.append(entries(0, 2), |_| Batch::new()).await.expect_err("overtaken");
    assert_eq!(refused.reason, Reason::StorageConflict);
    assert_eq!(other.head(), one.head(), "it has taken the other's head up");
    grow(&other, 5, 2).await;
    assert_eq!(open(&store).await.head().root, root_of(5));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_on_disk_is_found_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut size = 0;
    for step in [1_u64, 300, 4_096, 5] {
        let store: Arc<dyn Store> = Arc::new(FjallStore::open(folder.path()).expect("opens"));
        let ledger = open(&store).await;
        assert_eq!((ledger.head().size, ledger.head().root), (size, root_of(size)));
        size += step;
        grow(&ledger, size, 1_000).await;
        verify(&ledger.prove(size - 1).await.expect("proves"), &entry(size - 1).leaf, size);
        drop(ledger);
        // The sequencer holds the store until it sees that its ledger is gone.
        while Arc::strong_count(&store) > 1 {
            tokio::task::yield_now().await;
        }
    }
}

/// Opens a copy of the damaged log, and gives the refusal's message.
async fn refusal(damage: Batch) -> String {
    let store = memory();
    grow(&*open(&store).await, 66_000, 4_096).await;
    store.commit(damage).await.expect("commits");
    let error = open_at(store, ORIGIN, 1).await.err().expect("a damaged log is refused");
    assert_eq!(error.reason, Reason::LedgerCorrupt);
    assert!(error.message.contains(ORIGIN), "{}", error.message);
    error.message.clone()
}

#[tokio::test]
async fn damage_is_found_and_named() {
    let tile = |level, index| LOG.tile_key(TileId { level, index });
    let delete = |key| refusal(Batch::new().delete(Space::LogTile, key));
    assert!(delete(tile(0, 3)).await.ends_with("tile 3 of level 0 is missing"));
    assert!(delete(tile(0, 257)).await.ends_with("its tiles of level 0 hold 65792 hashes, but its head signs 66000"));
    assert!(delete(tile(1, 0)).await.ends_with("tile 0 of level 1 is missing"));
    assert!(delete(tile(2, 0)).await.ends_with("tile 0 of level 2 is missing"));

    let overwrite = |key, length| refusal(Batch::new().put(Space::LogTile, key, vec![1; length]));
    assert!(overwrite(tile(0, 3), 8_192).await.ends_with("tile 0 of level 1 differs from the hash of its leaves"));
    assert!(overwrite(tile(0, 3), 8_000).await.ends_with("tile 3 of level 0 differs from the hash of its leaves"));
    assert!(overwrite(tile(0, 257), 8_192).await.contains("its tiles rebuild to root"));
    assert!(overwrite(tile(1, 1), 32).await.ends_with("tile 1 of level 1 differs from the hash of its leaves"));

    let head = LOG.prefix();
    assert!(refusal(Batch::new().delete(Space::LogHead, head.clone())).await.ends_with("but no signed head"));
    let cut = refusal(Batch::new().put(Space::LogHead, head.clone(), "12345678text")).await;
    assert!(cut.contains("its signed head is refused: not a signed checkpoint"), "{cut}");
    let last = refusal(Batch::new().delete(Space::LogEntry, LOG.numbered_key(65_984))).await;
    assert!(last.ends_with("it has 65984 entries, but its head signs 66000"), "{last}");
}

#[tokio::test]
async fn a_head_of_another_key_or_log_is_refused() {
    let store = memory();
    grow(&*open(&store).await, 10, 10).await;
    let message = |error: Error| error.message.clone();
    let other_key = open_at(store.clone(), ORIGIN, 2).await.err().map(message).expect("refused");
    assert!(other_key.contains("no key of the log signed it"), "{other_key}");
    let other_log = open_at(store.clone(), "lienthong/H27/other", 1).await.err().map(message).expect("refused");
    assert!(other_log.ends_with("it belongs to the log lienthong/H27/test"), "{other_log}");

    // A note with another number in it is one that nobody signed.
    let row = store.get(Space::LogHead, &LOG.prefix()).await.expect("reads").expect("there is one");
    let forged = String::from_utf8_lossy(&row[8..]).replace("\n10\n", "\n9\n");
    let forged = [&row[..8], forged.as_bytes()].concat();
    store.commit(Batch::new().put(Space::LogHead, LOG.prefix(), forged)).await.expect("commits");
    let unsigned = open_at(store, ORIGIN, 1).await.err().map(message).expect("refused");
    assert!(unsigned.ends_with("its signed head is refused: the signature does not verify"), "{unsigned}");
}

#[tokio::test]
async fn an_earlier_head_returns_with_its_indices() {
    // A crash takes back only whole batches; an index is reused only after that.
    let store = memory();
    let ledger = open(&store).await;
    grow(&ledger, 300, 300).await;
    let spaces = [Space::LogHead, Space::LogEntry, Space::LogTile, Space::LogCheckpoint];
    let rows = |space| store.scan(Scan::prefix(space, b""));
    let before = futures::future::try_join_all(spaces.map(rows)).await.expect("scans");
    grow(&ledger, 600, 300).await;
    let mut back = Batch::new();
    for (space, before) in spaces.into_iter().zip(before) {
        for (key, _) in rows(space).await.expect("scans") {
            if before.iter().all(|(kept, _)| *kept != key) {
                back = back.delete(space, key);
            }
        }
        before.into_iter().for_each(|(key, row)| back.push_put(space, key, row));
    }
    store.commit(back).await.expect("commits");
    let again = open(&store).await;
    assert_eq!((again.head().size, again.head().root), (300, root_of(300)));
    grow(&again, 601, 7).await;
    assert_eq!(again.head().root, root_of(601));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn any_way_of_batching_gives_the_same_log(steps in prop::collection::vec(1u64..300, 1..12)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let store = memory();
            let ledger = open(&store).await;
            let mut size = 0;
            for step in steps {
                grow(&ledger, size + step, step).await;
                size += step;
                assert_eq!(ledger.head().root, root_of(size));
            }
            for index in 0..size {
                verify(&ledger.prove(index).await.expect("proves"), &entry(index).leaf, size);
            }
            assert_eq!(ledger.entries(0, usize::MAX).await.expect("reads"), (0..size).map(body).collect::<Vec<_>>());
            assert_eq!(open(&store).await.head(), ledger.head());
        });
    }
}

#[tokio::test]
async fn a_new_key_signs_the_head_that_is_there() {
    let store = memory();
    let ledger = open(&store).await;
    grow(&ledger, 300, 100).await;
    let (before, mut sizes) = (ledger.head(), ledger.watch());
    let hold = ledger.pause().await.expect("holds");
    assert_eq!(hold.size(), 300);
    hold.release(Vec::new(), Some(signer(2))).await.expect("signs");
    let after = ledger.head();
    assert_eq!((after.size, after.root), (before.size, before.root));
    let note = |key| Checkpoint { origin: ORIGIN.into(), size: 300, root: root_of(300) }.sign(&*signer(key));
    assert_eq!((&before.note, &after.note), (&note(1).expect("signs"), &note(2).expect("signs")));
    assert!(sizes.has_changed().expect("open"), "whoever publishes heads hears of it");
    sizes.mark_unchanged();
    grow(&ledger, 301, 1).await;
    drop(ledger);
    let reopened = open_at(store, ORIGIN, 2).await.expect("opens");
    assert_eq!((reopened.head().size, reopened.head().root), (301, root_of(301)));
}
