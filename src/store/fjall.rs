//! The embedded adapter: one folder on this machine, written by `fjall`, a log-structured merge tree.
//!
//! Reads go straight to the engine: they are memory look-ups or one block's read, shorter than a hop to another thread.
//! Writes go through one committer thread (see `committer`), which puts many callers behind one sync. The engine
//! publishes a batch to readers only after its journal is on disk, so nobody acts on rows that a crash takes back.

use std::io;
use std::ops::Bound;
use std::path::Path;

use async_trait::async_trait;
use bytes::Bytes;
use fjall::{CompressionType, Database, Keyspace, KeyspaceCreateOptions, KvSeparationOptions, Readable, UserKey};

use super::committer::Committer;
use super::{Batch, Layout, Row, Scan, Space, Store};
use crate::base::{Error, Reason, Result};

const MIB: u64 = 1024 * 1024;
/// Files that the engine keeps open: a quarter of the usual limit of a process, the rest is for sockets.
pub const FILES_OPEN_MAX: usize = 256;

/// What the engine may take of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FjallOptions {
    /// Cache of blocks read, in bytes, for all spaces together.
    pub cache_bytes: u64,
    /// How large a tree's newest rows grow in memory before they are written out, in bytes. Larger means fewer
    /// rewrites under heavy loads, and more memory: three trees are busy at once, each with up to four of these.
    /// The engine keeps this from the folder's creation.
    pub memtable_bytes: u64,
    /// Threads that write out and compact.
    pub workers: usize,
}

impl Default for FjallOptions {
    /// For a server that idles: a thousand citizens fit in tens of MiB.
    fn default() -> Self {
        Self { cache_bytes: 8 * MIB, memtable_bytes: 4 * MIB, workers: 1 }
    }
}

impl FjallOptions {
    /// For loads of many thousand citizens: rows are sorted in larger portions, so that they are rewritten less.
    pub fn bulk() -> Self {
        Self { cache_bytes: 64 * MIB, memtable_bytes: 32 * MIB, workers: 2 }
    }
}

/// A store in one folder.
pub struct FjallStore {
    // Declared before the database: it ends its thread first.
    committer: Committer,
    keyspaces: Keyspaces,
    database: Database,
    // Last: it goes once the engine has closed its files.
    _kept: Option<Box<dyn std::any::Any + Send + Sync>>,
}

/// The engine's trees, one a layout, which the spaces of that layout share: a tree of its own for each noun would
/// cost every start a dozen syncs and hold a dozen half-empty buffers. A key begins with its space's code.
#[derive(Clone)]
pub(super) struct Keyspaces(Vec<Keyspace>);

impl Keyspaces {
    fn open(database: &Database, options: FjallOptions) -> fjall::Result<Self> {
        let open = |layout: &Layout| database.keyspace(layout.name(), || keyspace_options(*layout, options));
        Ok(Self(Layout::ALL.iter().map(open).collect::<fjall::Result<_>>()?))
    }

    pub(super) fn of(&self, space: Space) -> &Keyspace {
        &self.0[space.layout() as usize]
    }
}

/// The key in the engine.
pub(super) fn inner_key(space: Space, key: &[u8]) -> UserKey {
    // Almost every key is short: no allocation of its own on the way into the engine's.
    let mut short = [space.code(); 96];
    match short.get_mut(1..=key.len()) {
        Some(place) => {
            place.copy_from_slice(key);
            UserKey::from(&short[..=key.len()])
        }
        None => UserKey::from([&[space.code()], key].concat().as_slice()),
    }
}

/// The bounds in the engine: what is open ends with the space.
fn inner_bounds(scan: &Scan) -> (Bound<UserKey>, Bound<UserKey>) {
    let inner = |bound: &Bound<Vec<u8>>| bound.as_ref().map(|key| inner_key(scan.space, key));
    let code = scan.space.code();
    let from = match inner(&scan.from) {
        Bound::Unbounded => Bound::Included(UserKey::from(&[code][..])),
        bounded => bounded,
    };
    let to = match inner(&scan.to) {
        Bound::Unbounded => Bound::Excluded(UserKey::from(&[code + 1][..])),
        bounded => bounded,
    };
    (from, to)
}

impl FjallStore {
    /// Opens the folder with the default options, and creates it if it is not there.
    pub fn open(path: &Path) -> Result<Self> {
        Self::open_with(path, FjallOptions::default())
    }

    /// Opens the folder. One process at a time: the lock goes with the process, however it ends.
    ///
    /// Fails with [`ConfigurationInvalid`](Reason::ConfigurationInvalid) when the folder cannot be written or is
    /// held by another process, and with [`StorageCorrupt`](Reason::StorageCorrupt) when it cannot be read back.
    pub fn open_with(path: &Path, options: FjallOptions) -> Result<Self> {
        prepare_folder(path)?;
        let database = Database::builder(path)
            .cache_size(options.cache_bytes)
            .worker_threads(options.workers.max(1))
            .max_journaling_size(256 * MIB)
            .max_cached_files(Some(FILES_OPEN_MAX))
            // Rows are compressed when they settle in tables; in the journal they are passing through.
            .journal_compression(CompressionType::None)
            .open()
            .map_err(|error| open_error(path, error))?;
        let keyspaces = Keyspaces::open(&database, options).map_err(|error| open_error(path, error))?;
        let committer = Committer::start(database.clone(), keyspaces.clone())?;
        Ok(Self { committer, keyspaces, database, _kept: None })
    }

    /// Keeps a value until the engine has closed its files, whoever holds the store last: the lock of a folder, say.
    #[must_use]
    pub fn keeping(mut self, kept: impl Send + Sync + 'static) -> Self {
        self._kept = Some(Box::new(kept));
        self
    }
}

#[async_trait]
impl Store for FjallStore {
    async fn get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>> {
        let value = self.keyspaces.of(space).get(inner_key(space, key)).map_err(read_error)?;
        Ok(value.map(|value| Bytes::copy_from_slice(&value)))
    }

    async fn get_many(&self, space: Space, keys: &[Vec<u8>]) -> Result<Vec<Option<Bytes>>> {
        let state = self.database.snapshot();
        let keyspace = self.keyspaces.of(space);
        let read = |key: &Vec<u8>| {
            let value = state.get(keyspace, inner_key(space, key)).map_err(read_error)?;
            Ok(value.map(|value| Bytes::copy_from_slice(&value)))
        };
        keys.iter().map(read).collect()
    }

    async fn scan(&self, scan: Scan) -> Result<Vec<Row>> {
        if scan.is_empty() {
            return Ok(Vec::new());
        }
        let rows = self.database.snapshot().range(self.keyspaces.of(scan.space), inner_bounds(&scan));
        let read = |row: fjall::Guard| {
            let (key, value) = row.into_inner().map_err(read_error)?;
            // The first byte is the space's code.
            Ok((Bytes::copy_from_slice(key.get(1..).unwrap_or_default()), Bytes::copy_from_slice(&value)))
        };
        if scan.reverse {
            rows.rev().take(scan.limit).map(read).collect()
        } else {
            rows.take(scan.limit).map(read).collect()
        }
    }

    async fn commit(&self, batch: Batch) -> Result<()> {
        batch.check_sizes()?;
        self.committer.commit(batch).await
    }
}

/// How the tree of a layout is kept.
fn keyspace_options(layout: Layout, options: FjallOptions) -> KeyspaceCreateOptions {
    let plain = KeyspaceCreateOptions::default().max_memtable_size(options.memtable_bytes);
    // Large values live beside the tree, so that compaction moves keys only. They stay uncompressed: a record is half
    // hashes and salts, so compression saved a tenth of the bytes for a third of the processor's time.
    let beside = KvSeparationOptions::default().separation_threshold(512).compression(CompressionType::None);
    match layout {
        Layout::Rows | Layout::Log => plain.with_kv_separation(Some(beside)),
        // Many more rows go into a buffer, and a look-up in a smaller one misses the processor's cache less.
        Layout::Index => plain.max_memtable_size(options.memtable_bytes / 2),
    }
}

/// Creates the folder, and tries a file in it: the engine's own complaints do not name the folder.
fn prepare_folder(path: &Path) -> Result<()> {
    let refused = |error: io::Error| {
        let message = format!("the data folder {} cannot be written: {error}", path.display());
        Error::new(Reason::ConfigurationInvalid, message).with_source(error)
    };
    std::fs::create_dir_all(path).map_err(refused)?;
    let probe = path.join(format!(".probe-{}", std::process::id()));
    std::fs::write(&probe, []).map_err(refused)?;
    std::fs::remove_file(&probe).map_err(refused)
}

/// Says what to do about a folder that does not open.
fn open_error(path: &Path, error: fjall::Error) -> Error {
    let folder = path.display();
    let (reason, message) = match &error {
        fjall::Error::Locked => (
            Reason::ConfigurationInvalid,
            format!("the data folder {folder} is in use by another process; stop it, or choose another folder"),
        ),
        fjall::Error::InvalidVersion(_) => (
            Reason::ConfigurationInvalid,
            format!("the data folder {folder} was written by a version of the engine that this one cannot read"),
        ),
        fjall::Error::Io(io) | fjall::Error::Storage(fjall::LsmError::Io(io)) => {
            (Reason::ConfigurationInvalid, format!("the data folder {folder} cannot be opened: {io}"))
        }
        damaged => {
            let what = match damaged {
                fjall::Error::Storage(fjall::LsmError::ChecksumMismatch { .. }) => {
                    "a checksum does not match its bytes"
                }
                fjall::Error::Storage(fjall::LsmError::Unrecoverable) => "files are missing",
                _ => "its files are not what was written",
            };
            let message = format!("the data folder {folder} is damaged: {what}; restore it from a copy");
            (Reason::StorageCorrupt, message)
        }
    };
    Error::new(reason, message).with_source(error)
}

/// A read that failed: the disk refuses, or the bytes fail their checksum.
fn read_error(error: fjall::Error) -> Error {
    match error {
        fjall::Error::Io(_) | fjall::Error::Storage(fjall::LsmError::Io(_)) | fjall::Error::Poisoned => {
            Error::bug(error)
        }
        _ => Error::new(Reason::StorageCorrupt, "stored data cannot be read back").with_source(error),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::conformance;
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn keeps_the_contract() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut count = 0;
        conformance::check(move || {
            count += 1;
            let store = FjallStore::open(&folder.path().join(count.to_string())).expect("opens");
            Arc::new(store) as Arc<dyn Store>
        })
        .await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn finds_everything_again() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        conformance::check_reopening(|| Arc::new(FjallStore::open(folder.path()).expect("opens"))).await;
    }

    #[tokio::test]
    async fn a_second_opener_is_told_so() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let _first = FjallStore::open(folder.path()).expect("opens");
        let error = FjallStore::open(folder.path()).err().expect("refused");
        assert_eq!(error.reason, Reason::ConfigurationInvalid);
        assert!(error.message.contains("in use by another process"), "{}", error.message);
    }

    #[tokio::test]
    async fn a_folder_that_cannot_be_is_named() {
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        let error = FjallStore::open(&file.path().join("data")).err().expect("refused");
        assert_eq!(error.reason, Reason::ConfigurationInvalid);
        assert!(error.message.contains(&file.path().display().to_string()), "{}", error.message);
    }
}
