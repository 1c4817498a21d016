//! Defects in the committer's threads, caused by a disk that panics when it is asked for its free space.

use std::io;
use std::sync::Mutex;

use super::super::fjall::{FjallOptions, FjallStore};
use super::super::{FreeSpace, Store};
use super::*;

/// A disk that panics when the thread of this name asks it.
#[derive(Default)]
struct Trap(Mutex<Option<&'static str>>);

impl FreeSpace for Trap {
    fn free_bytes(&self) -> io::Result<u64> {
        let trapped = *self.0.lock().expect("whole");
        assert!(trapped.is_none() || std::thread::current().name() != trapped, "a defect, made by this test");
        Ok(u64::MAX)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thread_that_panics_stops_writes_and_not_reads() {
    for thread in ["store-committer", "store-lookout"] {
        let folder = tempfile::tempdir().expect("a folder");
        drop(FjallStore::create(folder.path(), FjallOptions::default()).expect("makes"));
        let disk = Arc::new(Trap::default());
        let store = FjallStore::open_on(folder.path(), FjallOptions::default(), disk.clone()).expect("opens");
        let put = |key: &'static str| store.commit(Batch::new().put(Space::Record, key, "1"));
        put("a").await.expect("nothing is wrong yet");
        let mut health = store.health();
        *disk.0.lock().expect("whole") = Some(thread);
        if thread == "store-committer" {
            let error = put("b").await.expect_err("the thread ended");
            assert_eq!((error.reason, error.retry_after), (Reason::StorageUnavailable, Some(RETRY_AFTER)), "{error}");
        }
        let stopped = health.wait_for(|health| health.writes == Writes::Stopped);
        stopped.await.expect("the store is open");
        for _ in 0..2 {
            let error = put("c").await.expect_err("until a restart");
            assert_eq!((error.reason, error.retry_after), (Reason::StorageUnavailable, Some(RETRY_AFTER)), "{error}");
        }
        assert_eq!(store.get(Space::Record, b"a").await.expect("reads go on"), Some("1".into()));
        drop(store);
        let store = FjallStore::open_existing(folder.path(), FjallOptions::default()).expect("a restart mends it");
        store.commit(Batch::new().put(Space::Record, "d", "1")).await.expect("written");
        assert_eq!(store.count(Space::Record), 2, "{thread}: what was refused is not there");
    }
}
