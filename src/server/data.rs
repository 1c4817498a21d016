//! The data folder: which world it holds, and the store inside. A world whose seeding was interrupted is seeded afresh.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::config::{Config, Storage};
use super::world::{POPULATION_DEFAULT, SEED_DEFAULT, World};
use crate::base::{Error, Reason, Result};
use crate::store::Store;
use crate::store::fjall::{FjallOptions, FjallStore};
use crate::store::memory::MemoryStore;

/// From this many citizens on a new world is written with larger buffers.
const BULK_FROM: u64 = 20_000;

/// A world and its store.
pub struct Data {
    /// What the world grew from.
    pub world: World,
    /// Where everything is kept.
    pub store: Arc<dyn Store>,
    folder: Option<PathBuf>,
    /// Goes, with all it holds, when the gateway does.
    _temporary: Option<tempfile::TempDir>,
}

impl Data {
    /// Opens or begins what the configuration names.
    pub fn open(config: &Config) -> Result<Self> {
        match &config.storage {
            Storage::Memory => {
                let store = Arc::new(MemoryStore::default());
                Ok(Self { world: new_world(config), store, folder: None, _temporary: None })
            }
            Storage::Temporary => {
                let folder = tempfile::Builder::new().prefix("lienthong-").tempdir().map_err(|error| {
                    let message = format!("no temporary folder can be made: {error}");
                    Error::new(Reason::ConfigurationInvalid, message)
                })?;
                let world = new_world(config);
                let store = open_store(folder.path(), &world)?;
                Ok(Self { world, store, folder: None, _temporary: Some(folder) })
            }
            Storage::Folder(folder) => {
                let world = find_world(config, folder)?;
                let store = open_store(folder, &world)?;
                Ok(Self { world, store, folder: Some(folder.clone()), _temporary: None })
            }
        }
    }

    /// The folder that keeps everything; `None` when nothing is kept.
    pub fn folder(&self) -> Option<&Path> {
        self.folder.as_deref()
    }

    /// Notes that seeding came to its end: from now on the world is found again.
    pub fn seeded(&mut self) -> Result<()> {
        self.world.seeded = true;
        match &self.folder {
            Some(folder) => self.world.write(folder),
            None => Ok(()),
        }
    }
}

fn new_world(config: &Config) -> World {
    let (seed, population) = (config.seed.unwrap_or(SEED_DEFAULT), config.population.unwrap_or(POPULATION_DEFAULT));
    World::new(seed, population, config.clock.now())
}

/// The world of a folder, or a new one in a folder that holds nothing of ours.
fn find_world(config: &Config, folder: &Path) -> Result<World> {
    let refused = |what: &str, error: std::io::Error| {
        let message = format!("the data folder {} cannot be {what}: {error}", folder.display());
        Err(Error::new(Reason::ConfigurationInvalid, message))
    };
    if let Err(error) = fs::create_dir_all(folder) {
        return refused("made", error);
    }
    let store = store_path(folder);
    match World::read(folder)? {
        Some(world) if world.seeded => {
            world.agrees(config.seed, config.population, folder)?;
            Ok(world)
        }
        Some(_) => {
            tracing::warn!("seeding of this world was interrupted before anybody was served from it; it begins again");
            match fs::remove_dir_all(&store) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return refused("cleared", error),
                _ => {}
            }
            begin(config, folder)
        }
        None if store.exists() => {
            let message = format!("{} holds a store, but no world.json that says which: restore it", folder.display());
            Err(Error::new(Reason::ConfigurationInvalid, message))
        }
        None => {
            if fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some()) {
                tracing::warn!(folder = %folder.display(), "the data folder holds other files; a world begins beside them");
            }
            begin(config, folder)
        }
    }
}

fn begin(config: &Config, folder: &Path) -> Result<World> {
    let world = new_world(config);
    world.write(folder).map_err(|error| {
        let message = format!("the data folder {} cannot be written: {}", folder.display(), error.message);
        Error::new(Reason::ConfigurationInvalid, message)
    })?;
    Ok(world)
}

fn open_store(folder: &Path, world: &World) -> Result<Arc<dyn Store>> {
    let is_bulk = !world.seeded && world.population >= BULK_FROM;
    let options = if is_bulk { FjallOptions::bulk() } else { FjallOptions::default() };
    Ok(Arc::new(FjallStore::open_with(&store_path(folder), options)?))
}

fn store_path(folder: &Path) -> PathBuf {
    folder.join("store")
}
