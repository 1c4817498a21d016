//! A full disk below a store, and below a gateway: changes are refused while it lasts, and accepted again once there is room, without a restart.
#![allow(clippy::unwrap_used)]
#![allow(clippy::disallowed_methods, reason = "a test that would wait for ever ends")]

#[path = "../common/mod.rs"]
mod common;
mod gateway;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use lienthong::base::{Kind, Reason};
use lienthong::store::fjall::{FjallOptions, FjallStore};
use lienthong::store::{Batch, FreeSpace, Pace, Space, Store, Writes, recount};

const MIB: u64 = 1024 * 1024;

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
    // No write is needed: the store notices the room by itself.
    health.wait_for(|health| health.writes == Writes::Taken).await.unwrap();
    put().await.expect("there is room");
    disk.0.store(999, Ordering::SeqCst);
    assert_eq!(put().await.unwrap_err().reason, Reason::StorageFull);
    disk.0.store(1_000, Ordering::SeqCst);
    put().await.expect("what was refused left no trace in the engine");
    assert_eq!(store.count(Space::Record), 1);
}

/// A disk of a size that contains only the tables of a store. Its journal is left out: that has a size of its own.
struct Tables {
    folder: PathBuf,
    bytes: u64,
}

fn bytes_in(folder: &Path) -> u64 {
    // The engine removes files meanwhile.
    let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    entries.map(|entry| if entry.path().is_dir() { bytes_in(&entry.path()) } else { length(&entry.path()) }).sum()
}

fn length(file: &Path) -> u64 {
    fs::metadata(file).map_or(0, |file| file.len())
}

impl FreeSpace for Tables {
    fn free_bytes(&self) -> std::io::Result<u64> {
        Ok(self.bytes.saturating_sub(bytes_in(&self.folder.join("keyspaces"))))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_a_snapshot_filled_has_room_again_once_the_snapshot_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    drop(FjallStore::create(folder.path(), options()).unwrap());
    // Work that the engine had begun when the disk became full takes some of the reserve; the rest must suffice for the clean-up.
    let options = FjallOptions { reserve_bytes: 16 * MIB, ..options() };
    let disk = Arc::new(Tables { folder: folder.path().to_owned(), bytes: 38 * MIB });
    let store = FjallStore::open_on(folder.path(), options, disk.clone()).unwrap();
    let snapshot = store.snapshot().await.unwrap();
    assert_eq!(snapshot.held_back_bytes(), 0);
    // Rows that fall between those before, so that tables are merged again and again.
    let mut written = 0_u64;
    let error = loop {
        let mut batch = Batch::new();
        for row in written * 200..(written + 1) * 200 {
            let key = row.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes();
            batch.push_insert(Space::RecordIndex, key.to_vec(), vec![row as u8; 100]);
        }
        match store.commit(batch).await {
            Ok(()) => written += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(error.reason, Reason::StorageFull, "{error}");
    let rows_bytes = written * 200 * 108;
    assert!(
        rows_bytes < 12 * MIB,
        "most of the disk is what only the snapshot needs: {} KiB are rows",
        rows_bytes / 1024
    );
    assert!(snapshot.held_back_bytes() > rows_bytes);
    let mut health = store.health();
    assert!(matches!(health.borrow_and_update().writes, Writes::Full { .. }));
    // Once the engine has finished that work, nothing happens by itself any more.
    let tables = || bytes_in(&folder.path().join("keyspaces"));
    let mut before = 0;
    while std::mem::replace(&mut before, tables()) != tables() {
        tokio::time::sleep(Duration::from_millis(1_500)).await;
    }
    drop(snapshot);
    let room = health.wait_for(|health| health.writes == Writes::Taken);
    tokio::time::timeout(Duration::from_secs(20), room).await.expect("there is room again").unwrap();
    store.commit(Batch::new().put(Space::Record, "a", "1")).await.expect("there is room");
    assert!(disk.free_bytes().unwrap() > 22 * MIB);
    let found = recount(&store, Space::RecordIndex, Pace::Full, |_| {}).await.unwrap();
    assert!(found.agrees && found.read == written * 200, "{found:?}");
}
