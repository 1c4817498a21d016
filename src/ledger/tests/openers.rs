//! Several processes over one store: one appends, the others follow; who died is taken over from, and who only seemed to is fenced.

use std::sync::atomic::AtomicBool;

use super::*;
use crate::store::memory::SharedMemory;
use crate::store::{Changes, Health, Openers};
use crate::trust::keys::PublicKey;

fn keys() -> NoteKeys {
    Arc::new(|| {
        let own = signer(1);
        (ORIGIN.to_owned(), vec![PublicKey::new(own.algorithm(), own.public_key()).expect("a key")])
    })
}

async fn follow(store: &Arc<dyn Store>) -> Arc<Log> {
    Log::follow(store.clone(), LOG, ORIGIN, keys(), TileCache::default()).await.expect("follows")
}

/// A machine that is cut off from the store for a while: its reads and commits fail.
struct CutOff {
    inner: Arc<dyn Store>,
    is_cut: AtomicBool,
}

impl CutOff {
    fn check(&self) -> Result<()> {
        match self.is_cut.load(Ordering::SeqCst) {
            true => Err(Error::new(Reason::StorageUnavailable, "the store cannot be reached")),
            false => Ok(()),
        }
    }
}

#[async_trait]
impl Store for CutOff {
    async fn get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>> {
        self.check()?;
        self.inner.get(space, key).await
    }
    async fn get_many(&self, space: Space, keys: &[Vec<u8>]) -> Result<Vec<Option<Bytes>>> {
        self.check()?;
        self.inner.get_many(space, keys).await
    }
    async fn scan(&self, scan: Scan) -> Result<Vec<StoreRow>> {
        self.check()?;
        self.inner.scan(scan).await
    }
    async fn commit(&self, batch: Batch) -> Result<()> {
        self.check()?;
        self.inner.commit(batch).await
    }
    async fn snapshot(&self) -> Result<Arc<dyn crate::store::Snapshot>> {
        self.check()?;
        self.inner.snapshot().await
    }
    fn changes(&self, space: Space) -> Changes {
        self.inner.changes(space)
    }
    fn openers(&self) -> Openers {
        self.inner.openers()
    }
    fn count(&self, space: Space) -> u64 {
        self.inner.count(space)
    }
    fn health(&self) -> tokio::sync::watch::Receiver<Health> {
        self.inner.health()
    }
    fn damaged(&self, space: Space, what: &'static str) -> Error {
        self.inner.damaged(space, what)
    }
}

#[tokio::test(start_paused = true)]
async fn a_log_in_another_process_follows_and_proves_what_is_stored() {
    let shared = SharedMemory::default();
    let (first, second): (Arc<dyn Store>, Arc<dyn Store>) = (Arc::new(shared.open()), Arc::new(shared.open()));
    let none = Log::follow(second.clone(), LOG, ORIGIN, keys(), TileCache::default()).await;
    assert_eq!(none.err().expect("nobody began it").reason, Reason::NotFound);
    let sequencer = open(&first).await;
    let log = follow(&second).await;
    let mut sizes = log.watch();
    for (size, step) in [(1, 1), (300, 37), (700, 256), (3_000, 1_000)] {
        grow(&sequencer, size, step).await;
        sizes.wait_for(|seen| *seen == size).await.expect("it follows");
        assert_eq!(log.head(), sequencer.head());
        for index in [0, size / 2, size - 1] {
            verify(&log.prove(index).await.expect("proves"), &entry(index).leaf, size);
            assert_eq!(log.entry(index).await.expect("reads"), body(index));
        }
    }
    // It begins in the middle as well, and is asked without waiting for a notice.
    let late = follow(&second).await;
    assert_eq!(late.head(), sequencer.head());
    grow(&sequencer, 3_001, 1).await;
    assert_eq!(late.refresh().await.expect("reads").size, 3_001);
}

#[tokio::test(start_paused = true)]
async fn a_head_is_taken_only_if_the_stored_leaves_lead_to_it() {
    let shared = SharedMemory::default();
    let (first, second): (Arc<dyn Store>, Arc<dyn Store>) = (Arc::new(shared.open()), Arc::new(shared.open()));
    let sequencer = open(&first).await;
    grow(&sequencer, 5, 5).await;
    let log = follow(&second).await;
    let before = log.head();
    let forge = |size: u64, root: Hash, key: u64| {
        let checkpoint = Checkpoint { origin: ORIGIN.into(), size, root };
        rows::write_note(Timestamp(2_000), &checkpoint.sign(&*signer(key)).expect("signs"))
    };
    // Of leaves that are not there, of another tree, of another key, of less than was seen.
    for (head, reason) in [
        (forge(6, root_of(6), 1), Reason::LedgerCorrupt),
        (forge(5, root_of(4), 1), Reason::LedgerCorrupt),
        (forge(5, root_of(5), 2), Reason::LedgerCorrupt),
        (forge(4, root_of(4), 1), Reason::LogRollback),
    ] {
        first.commit(Batch::new().put(Space::LogHead, LOG.prefix(), head)).await.expect("commits");
        assert_eq!(log.refresh().await.expect_err("refused").reason, reason);
        assert_eq!(log.head(), before);
    }
}

#[tokio::test(start_paused = true)]
async fn a_second_sequencer_is_refused_while_the_first_lives() {
    let shared = SharedMemory::default();
    let (first, second): (Arc<dyn Store>, Arc<dyn Store>) = (Arc::new(shared.open()), Arc::new(shared.open()));
    let sequencer = open(&first).await;
    for _ in 0..3 {
        let refused = open_at(second.clone(), ORIGIN, 1).await.err().expect("refused");
        assert_eq!(refused.reason, Reason::StorageConflict);
        assert!(refused.message.contains("another process appends to the log"), "{}", refused.message);
        tokio::time::advance(LEASE).await;
    }
    let pause = sequencer.pause().await.expect("pauses");
    assert!(open_at(second.clone(), ORIGIN, 1).await.is_err(), "a pause is no death");
    drop(pause);
    grow(&sequencer, 3, 1).await;
    // A clean end gives the lease back, so that nobody waits for its end.
    let (begun, mut leases) = (tokio::time::Instant::now(), second.changes(Space::Meta));
    drop(sequencer);
    leases.next().await.expect("given back");
    let next = open(&second).await;
    assert!(begun.elapsed() < LEASE, "{:?}", begun.elapsed());
    grow(&next, 5, 1).await;
}

#[tokio::test(start_paused = true)]
async fn who_is_cut_off_is_taken_over_from_and_fenced() {
    let shared = SharedMemory::default();
    let (inner, second): (Arc<dyn Store>, Arc<dyn Store>) = (Arc::new(shared.open()), Arc::new(shared.open()));
    let first = Arc::new(CutOff { inner, is_cut: AtomicBool::new(false) });
    let stale = open_at(first.clone(), ORIGIN, 1).await.expect("opens");
    grow(&stale, 2, 1).await;
    first.is_cut.store(true, Ordering::SeqCst);
    let next = open(&second).await;
    // Back again, with an unchanged head: only the lease shows that it was replaced.
    first.is_cut.store(false, Ordering::SeqCst);
    assert_eq!(next.head(), stale.head());
    let late = stale.append(entries(2, 3), |_| Batch::new()).await.expect_err("fenced");
    assert_eq!(late.reason, Reason::StorageConflict);
    assert!(late.message.contains("another process appends"), "{}", late.message);
    grow(&next, 4, 1).await;
    stale.append(entries(4, 5), |_| Batch::new()).await.expect_err("still fenced");
    assert_eq!(follow(&second).await.head().root, root_of(4));
}
