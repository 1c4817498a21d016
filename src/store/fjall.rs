//! The embedded adapter: one folder on this machine, written by `fjall`, a log-structured merge tree.
//!
//! Reads call the engine directly: they are memory look-ups or read one block, which takes less time than a hop to another thread.
//! Writes go through one committer thread (see `committer`), which shares a sync between many callers. The engine publishes a batch
//! to readers only after its journal is on disk, so nobody acts on rows that a crash reverts.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use fjall::Database;
use tokio::sync::watch;

use super::committer::Committer;
use super::disk::{FolderDisk, FreeSpace, Reserve};
use super::health::{Health, HealthBoard};
use super::seal::{Mark, Marked};
use super::{Accepted, Batch, ChangeBoard, Changes, Openers, RollbackGuard, Scan, Snapshot, Space, Store, StoreRow};
use crate::base::{Error, Reason, Result};
use fault::unwritable;
use open::Opened;
use options::MIB;
use rows::{FjallSnapshot, Rows};

pub(super) use fault::{contained, is_damage};
pub(super) use give_back::give_back;
pub(super) use keyspaces::{Keyspaces, inner_key};
pub use options::{FILES_OPEN_MAX, FjallOptions};

mod fault;
mod give_back;
mod imprint;
mod keyspaces;
mod open;
mod options;
mod remains;
mod rows;
mod view;

/// A store in one folder.
pub struct FjallStore {
    // Declared before the database, so that its thread ends first.
    committer: Committer,
    rows: Rows,
    database: Database,
    health: Arc<HealthBoard>,
    changes: Arc<ChangeBoard>,
    // Written once the engine has closed its files.
    _imprint: Option<imprint::Imprint>,
    // Declared last: kept until everything is closed.
    _kept: Option<Box<dyn std::any::Any + Send + Sync>>,
}

impl FjallStore {
    /// Opens the folder with the default options, or creates a store if there is none.
    pub fn open(path: &Path) -> Result<Self> {
        Self::open_with(path, FjallOptions::default())
    }

    /// Opens the folder, or creates a store if there is none: for folders whose expected contents are unknown.
    pub fn open_with(path: &Path, options: FjallOptions) -> Result<Self> {
        if open::holds_store(path) { Self::open_existing(path, options) } else { Self::create(path, options) }
    }

    /// Creates a store. Fails with [`ConfigurationInvalid`](Reason::ConfigurationInvalid) if there is one, or if the folder cannot
    /// be written.
    pub fn create(path: &Path, options: FjallOptions) -> Result<Self> {
        Self::start(path, options, open::create(path, options)?, Arc::new(FolderDisk(path.to_owned())))
    }

    /// Opens an existing store. One process at a time: the lock ends with the process, however that ends. Needs no free space.
    ///
    /// Fails with [`ConfigurationInvalid`](Reason::ConfigurationInvalid) if the folder cannot be used or another process holds it,
    /// and with [`StorageCorrupt`](Reason::StorageCorrupt) if a part of the store is missing, unreadable, or older than the rest:
    /// the message names the part and the remedy.
    pub fn open_existing(path: &Path, options: FjallOptions) -> Result<Self> {
        Self::open_on(path, options, Arc::new(FolderDisk(path.to_owned())))
    }

    /// The same with another source of free space.
    pub fn open_on(path: &Path, options: FjallOptions, disk: Arc<dyn FreeSpace>) -> Result<Self> {
        Self::start(path, options, open::whole(path, options, None)?, disk)
    }

    /// The same for a store whose newest group is recorded outside its folder: also fails with
    /// [`StorageCorrupt`](Reason::StorageCorrupt) if it is not the store that was written last.
    pub fn open_guarded(path: &Path, options: FjallOptions, guard: &RollbackGuard) -> Result<Self> {
        let disk = Arc::new(FolderDisk(path.to_owned()));
        Self::start(path, options, open::whole(path, options, Some(guard))?, disk)
    }

    /// Accepts a whole store as the one that was written last, whatever `guard` says.
    pub fn accept(path: &Path, options: FjallOptions, guard: &RollbackGuard) -> Result<Accepted> {
        let store = Self::open_existing(path, options)?;
        let group = store.committer.group();
        // An unreadable record tells nothing, and is replaced.
        let accepted = Accepted { was: guard.group().ok().flatten(), is: group, missing: guard.missing(path, group) };
        guard.replace_run(path, group)?.map_err(|error| unwritable(path, error))?;
        Ok(accepted)
    }

    /// Opens a store for reading, in a view: the folder, which may be read-only, is not changed. The engine's own writes go to the
    /// folder for temporary files. Fails as [`FjallStore::open_guarded`] does.
    pub fn open_view(path: &Path, options: FjallOptions, guard: Option<&RollbackGuard>) -> Result<Self> {
        let (opened, view) = open::whole_in_view(path, options, guard)?;
        let disk = Arc::new(FolderDisk(view.path().to_owned()));
        Ok(Self::start(path, options, opened, disk)?.keeping(view))
    }

    /// Opens a damaged store for a rebuild, with every derived space emptied ([`Space::is_derived`]). It must not be served from:
    /// until [`FjallStore::end_rebuild`], no other start accepts the folder.
    ///
    /// Fails before anything is changed if the disk has no room for the rows to rebuild, or if rows are missing that cannot be
    /// derived.
    pub fn open_remains(path: &Path, options: FjallOptions, guard: Option<&RollbackGuard>) -> Result<Self> {
        if let Ok(free_bytes) = FolderDisk(path.to_owned()).free_bytes()
            && free_bytes < options.reserve_bytes
        {
            let message = format!(
                "a rebuild needs {} MiB free on the disk, and has {}",
                options.reserve_bytes / MIB,
                free_bytes / MIB
            );
            return Err(Error::new(Reason::StorageFull, message));
        }
        Self::start(path, options, open::remains(path, options, guard)?, Arc::new(FolderDisk(path.to_owned())))
    }

    /// Ends a rebuild: derived spaces are complete, and the folder may be served from.
    pub fn end_rebuild(self, path: &Path) -> Result<()> {
        let group = self.committer.group();
        drop(self);
        Mark::create(path, Marked::Group(group)).map(|_| ()).map_err(Error::bug)
    }

    fn start(path: &Path, options: FjallOptions, opened: Opened, disk: Arc<dyn FreeSpace>) -> Result<Self> {
        let Opened { database, keyspaces, tally, mark, imprint } = opened;
        tracing::debug!(folder = %path.display(), group = tally.group, "the store is open");
        let health = Arc::<HealthBoard>::default();
        let reserve = Reserve { disk, bytes: options.reserve_bytes };
        let changes = Arc::<ChangeBoard>::default();
        let boards = (health.clone(), changes.clone());
        let committer = Committer::start(database.clone(), keyspaces.clone(), tally, mark, reserve, boards)?;
        let rows = Rows { keyspaces, health: health.clone() };
        Ok(Self { committer, rows, database, health, changes, _imprint: imprint, _kept: None })
    }

    /// Keeps a value until the engine has closed its files, for instance the lock of a folder.
    #[must_use]
    pub fn keeping(mut self, kept: impl Send + Sync + 'static) -> Self {
        self._kept = Some(Box::new(kept));
        self
    }
}

#[async_trait]
impl Store for FjallStore {
    async fn get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>> {
        self.rows.get(space, key)
    }

    async fn get_many(&self, space: Space, keys: &[Vec<u8>]) -> Result<Vec<Option<Bytes>>> {
        match keys {
            // A single row is always of one state.
            [key] => Ok(vec![self.rows.get(space, key)?]),
            keys => self.rows.get_many_at(&self.database.snapshot(), space, keys),
        }
    }

    async fn scan(&self, scan: Scan) -> Result<Vec<StoreRow>> {
        self.rows.scan_at(&self.database.snapshot(), &scan)
    }

    async fn commit(&self, batch: Batch) -> Result<()> {
        batch.check_sizes()?;
        self.committer.commit(batch).await
    }

    async fn snapshot(&self) -> Result<Arc<dyn Snapshot>> {
        let since = self.committer.since_now();
        let counts = Space::ALL.iter().map(|space| self.committer.count(*space)).collect();
        Ok(Arc::new(FjallSnapshot::new(self.rows.clone(), self.database.snapshot(), counts, since)))
    }

    fn changes(&self, space: Space) -> Changes {
        self.changes.watch(space)
    }

    /// The folder is locked.
    fn openers(&self) -> Openers {
        Openers::One
    }

    fn count(&self, space: Space) -> u64 {
        self.committer.count(space)
    }

    fn health(&self) -> watch::Receiver<Health> {
        self.health.watch()
    }

    fn damaged(&self, space: Space, what: &'static str) -> Error {
        self.health.damage(space, what, None)
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
