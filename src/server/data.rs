//! The data folder: locked before anything in it is read, written or removed; which world it holds; and the store inside.
//!
//! ```text
//! lienthong.lock   held by the process that uses the folder
//! world.json       which world this is, and whether it was seeded
//! seeding/         a new world while it is seeded
//! store/           a world that was seeded to its end
//! standing         how far that store was, so that an older one in its place is detected
//! ```
//!
//! A new world is seeded in `seeding/`, which is never served from, and becomes `store/` by a rename. So a store is complete, may hold what was
//! acknowledged to callers, and is never removed. Seeding that was interrupted begins again, with the same time of creation: the
//! world is the same, byte for byte.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use super::config::{Config, Storage};
use super::memory::Memory;
use super::world_file::{Asked, POPULATION_DEFAULT, SEED_DEFAULT, WorldFile};
use crate::base::{Error, Reason, Result, Timestamp};
use crate::store::engine::{Engine, Opening};
use crate::store::file::sync_folder;
use crate::store::lock::FolderLock;
use crate::store::memory::MemoryStore;
use crate::store::{RollbackGuard, Store};

/// Population from which a new world is written with larger buffers.
const BULK_FROM: u64 = 20_000;
/// Time that the tasks of seeding have to release the store.
const SEEDING_CLOSES_WITHIN: Duration = Duration::from_secs(30);
/// Time that tasks have to release the store at the end of a process; they need milliseconds, and a slow disk more.
const CLOSES_WITHIN: Duration = Duration::from_secs(10);

const LOCK: &str = "lienthong.lock";
const STORE: &str = "store";
const SEEDING: &str = "seeding";
const STANDING: &str = "standing";

/// A world and its store.
pub struct Data {
    /// The parameters of the world.
    pub world: WorldFile,
    /// The world's store.
    pub store: Arc<dyn Store>,
    /// Opens the store, also a second time.
    opens: Opens,
    folder: Option<DataFolder>,
    /// The temporary folder, if there is one.
    temporary: Option<PathBuf>,
    /// Completes once the engine has closed its files; `None` in memory.
    closed: Option<oneshot::Receiver<()>>,
}

/// The opener of a store, and the bounds on its caches.
#[derive(Clone)]
struct Opens {
    engine: Arc<dyn Engine>,
    memory: Memory,
}

/// A persistent data folder that this process alone uses.
///
/// Commands that work on a stopped gateway's folder take it too, before they read anything.
#[derive(Clone)]
pub struct DataFolder {
    path: PathBuf,
    lock: Arc<FolderLock>,
}

impl DataFolder {
    /// Creates the folder if it is missing, and locks it. Fails with [`ConfigurationInvalid`](Reason::ConfigurationInvalid) if
    /// another process uses it.
    pub fn take(path: &Path) -> Result<Self> {
        fs::create_dir_all(path).map_err(|error| refused(path, "made", error))?;
        Ok(Self { path: path.to_owned(), lock: Arc::new(FolderLock::take(path, LOCK)?) })
    }

    /// The record with which the store of `world` in the folder `path` is compared.
    pub fn guard(path: &Path, world: &WorldFile) -> RollbackGuard {
        RollbackGuard::new(path.join(STANDING), world.word())
    }

    /// The store's path in a folder that is only read, and the folder's lock, taken without writing anything. Fails as
    /// [`DataFolder::take`] does.
    pub fn read(path: &Path) -> Result<(Option<FolderLock>, PathBuf)> {
        Ok((FolderLock::take_unwritten(path, LOCK)?, path.join(STORE)))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The path of a seeded world's store.
    pub fn store(&self) -> PathBuf {
        self.path.join(STORE)
    }

    /// The path of a new world's store during seeding.
    fn seeding(&self) -> PathBuf {
        self.path.join(SEEDING)
    }

    /// The folder's world, or a new one if the folder has none.
    fn world(&self, config: &Config) -> Result<WorldFile> {
        let path = &self.path;
        let invalid = |message: String| Err(Error::new(Reason::ConfigurationInvalid, message));
        let has_store = self.store().try_exists().map_err(|error| refused(path, "read", error))?;
        match WorldFile::read(path)? {
            Some(mut world) if has_store => {
                world.agrees(&asked(config), path)?;
                if !world.seeded {
                    // The last start ended between the rename and the update of the file.
                    world.seeded = true;
                    world.write(path)?;
                }
                Ok(world)
            }
            Some(world) if world.seeded => invalid(format!(
                "{} holds the world of seed {}, but its store is missing: restore {} from a copy, or choose another folder",
                path.display(),
                world.seed,
                self.store().display()
            )),
            Some(world) if world.agrees(&asked(config), path).is_ok() => {
                tracing::warn!(
                    "seeding of this world was interrupted before anybody was served from it; it begins again"
                );
                Ok(world)
            }
            // Nobody was served from it, and the parameters differ.
            Some(_) => self.begin(config),
            None if has_store => {
                invalid(format!("{} holds a store, but no world.json that names its world: restore it", path.display()))
            }
            None if path.join(STANDING).exists() => invalid(format!(
                "{} has been served before, but world.json and the store are missing: restore it from a copy, or choose another folder",
                path.display()
            )),
            None => {
                let is_ours = |entry: io::Result<fs::DirEntry>| {
                    entry.is_ok_and(|entry| [LOCK, SEEDING].iter().any(|ours| entry.file_name() == *ours))
                };
                if fs::read_dir(path).is_ok_and(|mut entries| !entries.all(is_ours)) {
                    tracing::warn!(folder = %path.display(), "the data folder has other files; a new world is created next to them");
                }
                self.begin(config)
            }
        }
    }

    fn begin(&self, config: &Config) -> Result<WorldFile> {
        let world = new_world(config);
        world.write(&self.path).map_err(|error| {
            let message = format!("the data folder {} cannot be written: {}", self.path.display(), error.message);
            Error::new(Reason::ConfigurationInvalid, message)
        })?;
        Ok(world)
    }

    /// Opens the store of a seeded world, or an empty one for seeding a new world. Removes the remains of an interrupted seeding.
    fn open(self, world: WorldFile, opens: Opens) -> Result<Data> {
        match fs::remove_dir_all(self.seeding()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(refused(&self.path, "cleared of an interrupted seeding", error));
            }
            _ => {}
        }
        let place = if world.seeded { self.store() } else { self.seeding() };
        let guard = world.seeded.then(|| Self::guard(&self.path, &world));
        let (store, closed) = opens.store(&place, &world, guard, self.lock.clone())?;
        Ok(Data { world, opens, store, folder: Some(self), temporary: None, closed: Some(closed) })
    }
}

impl Data {
    /// Opens or creates the data of a configuration: an unseeded world has an empty store.
    pub fn open(config: &Config) -> Result<Self> {
        let opens = Opens { engine: config.engine.clone(), memory: config.memory };
        match &config.storage {
            Storage::Memory => {
                let store = Arc::new(MemoryStore::default());
                Ok(Self { world: new_world(config), opens, store, folder: None, temporary: None, closed: None })
            }
            Storage::Temporary => {
                let folder = tempfile::Builder::new().prefix("lienthong-").tempdir().map_err(|error| {
                    let message = format!("no temporary folder can be made: {error}");
                    Error::new(Reason::ConfigurationInvalid, message)
                })?;
                let (world, home) = (new_world(config), folder.path().to_owned());
                let (store, closed) = opens.store(&home.join(STORE), &world, None, folder)?;
                Ok(Self { world, opens, store, folder: None, temporary: Some(home), closed: Some(closed) })
            }
            Storage::Folder(path) => {
                let folder = DataFolder::take(path)?;
                let world = folder.world(config)?;
                folder.open(world, opens)
            }
        }
    }

    /// Sets the time at which a world begins that is not seeded yet.
    pub fn begin_at(&mut self, at: Timestamp) -> Result<()> {
        if self.world.seeded || self.world.created_at_ms == at.0 {
            return Ok(());
        }
        self.world.created_at_ms = at.0;
        self.folder().map_or(Ok(()), |folder| self.world.write(folder))
    }

    /// The persistent folder; `None` if nothing persists.
    pub fn folder(&self) -> Option<&Path> {
        self.folder.as_ref().map(DataFolder::path)
    }

    /// The folder of all data, also a temporary one; `None` in memory.
    pub fn home(&self) -> Option<&Path> {
        self.folder().or(self.temporary.as_deref())
    }

    /// Ends the seeding of a new world: closes the store, renames it, and opens it again; from now on a start finds the world.
    pub async fn seeded(mut self) -> Result<Self> {
        self.world.seeded = true;
        let Some(folder) = self.folder.clone() else { return Ok(self) };
        let (world, opens) = (self.world.clone(), self.opens.clone());
        if !self.close(SEEDING_CLOSES_WITHIN).await {
            return Err(Error::bug("the store of a world that was seeded is still in use"));
        }
        let renamed = fs::rename(folder.seeding(), folder.store()).and_then(|()| sync_folder(&folder.path));
        renamed.map_err(|error| refused(&folder.path, "given its seeded store", error))?;
        world.write(&folder.path)?;
        folder.open(world, opens)
    }

    /// Releases the store and the folder at the end of a process.
    pub async fn release(self) {
        if !self.close(CLOSES_WITHIN).await {
            tracing::warn!("the store is still in use: its folder stays locked until the process ends");
        }
    }

    /// Releases the store and the folder. Returns whether the engine has closed its files: other holders of the store are awaited
    /// for at most `within`.
    pub async fn close(self, within: Duration) -> bool {
        let Self { store, folder, closed, .. } = self;
        drop((store, folder));
        match closed {
            Some(closed) => tokio::time::timeout(within, closed).await.is_ok(),
            None => true,
        }
    }
}

fn new_world(config: &Config) -> WorldFile {
    let Asked { province, seed, population, discrepancies } = asked(config);
    let (seed, population) = (seed.unwrap_or(SEED_DEFAULT), population.unwrap_or(POPULATION_DEFAULT));
    let begins = config.created_at.unwrap_or_else(|| config.clock.now());
    let world = WorldFile::new(&province.unwrap_or_default(), seed, population, begins);
    world.with_discrepancies(discrepancies.unwrap_or_default())
}

fn asked(config: &Config) -> Asked {
    let Config { province, seed, population, discrepancies, .. } = config;
    Asked { province: province.clone(), seed: *seed, population: *population, discrepancies: *discrepancies }
}

impl Opens {
    /// Opens a store that keeps `folder` (its lock, or the temporary folder itself) until its last holder drops it.
    fn store(
        &self,
        path: &Path,
        world: &WorldFile,
        guard: Option<RollbackGuard>,
        folder: impl Send + Sync + 'static,
    ) -> Result<(Arc<dyn Store>, oneshot::Receiver<()>)> {
        let (open, closed) = oneshot::channel::<()>();
        let opening = Opening {
            path,
            served: guard.as_ref(),
            is_bulk: !world.seeded && world.population >= BULK_FROM,
            cache_bytes: self.memory.engine(),
            // Dropped in this order, so that the folder is free when the receiver is notified.
            kept: Box::new((folder, open)),
        };
        Ok((self.engine.open(opening)?, closed))
    }
}

fn refused(folder: &Path, what: &str, error: io::Error) -> Error {
    let message = format!("the data folder {} cannot be {what}: {error}", folder.display());
    Error::new(Reason::ConfigurationInvalid, message)
}

#[cfg(test)]
mod tests;
