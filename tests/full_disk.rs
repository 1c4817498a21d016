//! A full disk below a store: changes are refused while it lasts, and taken again once there is room, without a restart.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use lienthong::base::{Kind, Reason};
use lienthong::store::fjall::{FjallOptions, FjallStore};
use lienthong::store::{Batch, FreeSpace, Space, Store, Writes};

fn options() -> FjallOptions {
    // Small buffers, so that there are soon tables.
    FjallOptions { memtable_bytes: 128 * 1024, reserve_bytes: 0, ..FjallOptions::default() }
}

struct Disk(AtomicU64);

impl FreeSpace for Disk {
    fn free_bytes(&self) -> std::io::Result<u64> {
        Ok(self.0.load(Ordering::SeqCst))
    }
}

/// A disk with room, but for this many files.
struct Files(AtomicU64);

impl FreeSpace for Files {
    fn free_bytes(&self) -> std::io::Result<u64> {
        Ok(u64::MAX)
    }

    fn free_files(&self) -> std::io::Result<Option<u64>> {
        Ok(Some(self.0.load(Ordering::SeqCst)))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_without_files_is_a_full_one() {
    let folder = tempfile::tempdir().unwrap();
    drop(FjallStore::create(folder.path(), options()).unwrap());
    let options = FjallOptions { reserve_bytes: 1_000, ..options() };
    let disk = Arc::new(Files(AtomicU64::new(3)));
    let store = FjallStore::open_on(folder.path(), options, disk.clone()).unwrap();
    let mut health = store.health();
    assert_eq!(health.borrow_and_update().writes, Writes::OutOfFiles { free_files: 3 });
    let put = || store.commit(Batch::new().put(Space::Record, "a", "1"));
    let error = put().await.unwrap_err();
    assert!(error.reason == Reason::StorageFull && error.message.contains("inodes"), "{error}");
    disk.0.store(5_000, Ordering::SeqCst);
    health.wait_for(|health| health.writes == Writes::Taken).await.unwrap();
    put().await.expect("there are files");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_refuses_changes_until_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    drop(FjallStore::create(folder.path(), options()).unwrap());
    let options = FjallOptions { reserve_bytes: 1_000, ..options() };
    let disk = Arc::new(Disk(AtomicU64::new(500)));
    let store = FjallStore::open_on(folder.path(), options, disk.clone()).unwrap();
    let mut health = store.health();
    assert_eq!(health.borrow_and_update().writes, Writes::Full { free_bytes: 500 });
    let put = || store.commit(Batch::new().put(Space::Record, "a", "1"));
    let error = put().await.unwrap_err();
    assert_eq!((error.reason, error.kind()), (Reason::StorageFull, Kind::SourceDown));
    assert!(error.retry_after.is_some());
    assert_eq!(store.get(Space::Record, b"a").await.unwrap(), None, "reads go on");
    store.commit(Batch::new().require_absent(Space::Record, "a")).await.expect("a question changes nothing");
    disk.0.store(5_000, Ordering::SeqCst);
    // Nobody has to try: the store sees the room by itself.
    health.wait_for(|health| health.writes == Writes::Taken).await.unwrap();
    put().await.expect("there is room");
    disk.0.store(999, Ordering::SeqCst);
    assert_eq!(put().await.unwrap_err().reason, Reason::StorageFull);
    disk.0.store(1_000, Ordering::SeqCst);
    put().await.expect("what was refused left no trace in the engine");
    assert_eq!(store.count(Space::Record), 1);
}
