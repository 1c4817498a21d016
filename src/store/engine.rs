//! Opening the store in a folder: with the embedded engine, or with an adapter that the program around a gateway supplies.
//!
//! The folder itself (its lock, its world, its clock) is the same with every engine.

use std::any::Any;
use std::path::Path;
use std::sync::Arc;

use super::fjall::{FjallOptions, FjallStore};
use super::{RollbackGuard, Store};
use crate::base::Result;

/// A store that is to be opened.
pub struct Opening<'a> {
    /// Its folder, which the engine makes if it is new, and which its user may rename or remove while nobody has it open.
    pub path: &'a Path,
    /// Of a store that was served from: what it is compared with. Nothing of a new one is there yet.
    pub served: Option<&'a RollbackGuard>,
    /// Whether a new one is filled with many rows first.
    pub is_bulk: bool,
    /// The bound on its caches, in bytes.
    pub cache_bytes: u64,
    /// Dropped once the last holder of the store has dropped it and its files are closed.
    pub kept: Box<dyn Any + Send + Sync>,
}

/// Opens stores.
pub trait Engine: Send + Sync + 'static {
    /// Opens a store. Fails with [`ConfigurationInvalid`](crate::base::Reason::ConfigurationInvalid) if the folder cannot be used, and with
    /// [`StorageCorrupt`](crate::base::Reason::StorageCorrupt) if what was served from is not whole.
    fn open(&self, opening: Opening<'_>) -> Result<Arc<dyn Store>>;
}

/// The embedded engine.
#[derive(Debug, Clone, Copy, Default)]
pub struct Embedded;

impl Engine for Embedded {
    fn open(&self, opening: Opening<'_>) -> Result<Arc<dyn Store>> {
        let Opening { path, served, is_bulk, cache_bytes, kept } = opening;
        let options = if is_bulk { FjallOptions::bulk() } else { FjallOptions::default() };
        let options = FjallOptions { cache_bytes, ..options };
        // A world that was served from has a store: no empty one takes its place.
        let store = match served {
            Some(guard) => FjallStore::open_guarded(path, options, guard),
            None => FjallStore::create(path, options),
        };
        Ok(Arc::new(store?.keeping(kept)))
    }
}
