//! The state of a witness: for each log the newest head that it cosigned, in one small file, and heads that contradict each other.
//!
//! `<name>.head` is the note itself; `<name>.<what>.<n>.json` keeps two heads. The name is the origin's hash: origins hold slashes.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sha2::{Digest, Sha256};

use crate::base::id::to_hex;
use crate::base::{Error, Reason, Result};
use crate::store::file::{Readers, replace};
use crate::transparency::file::keep_conflict;
use crate::transparency::head::SignedHead;
use crate::trust::TrustAnchor;

/// The state folder, which one process uses at a time.
pub struct Memory {
    folder: PathBuf,
    slots: Mutex<BTreeMap<String, Arc<Slot>>>,
    /// Held as long as the folder is in use: two witnesses on one folder would overwrite each other's heads.
    _lock: std::fs::File,
}

/// The state of one log.
pub struct Slot {
    path: PathBuf,
    /// Changed only under this lock.
    lock: Mutex<()>,
}

/// The state of one log, locked.
pub struct Locked<'a> {
    path: &'a Path,
    _guard: MutexGuard<'a, ()>,
}

impl Memory {
    /// Opens or creates a folder; fails if another process holds it.
    pub fn open(folder: &Path) -> Result<Self> {
        let failed = |error: io::Error| {
            let message = format!("the state folder {} cannot be used: {error}", folder.display());
            Error::new(Reason::ConfigurationInvalid, message)
        };
        std::fs::create_dir_all(folder).map_err(failed)?;
        let lock = std::fs::File::create(folder.join("lock")).map_err(failed)?;
        lock.try_lock().map_err(|error| {
            let message = format!("the state folder {} is in use by another process: {error}", folder.display());
            Error::new(Reason::ConfigurationInvalid, message)
        })?;
        Ok(Self { folder: folder.to_owned(), slots: Mutex::default(), _lock: lock })
    }

    /// The state of a log. Called only for logs that the trust anchor names, so the map stays small.
    pub fn slot(&self, origin: &str) -> Arc<Slot> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        let make = || Slot { path: self.folder.join(format!("{}.head", name(origin))), lock: Mutex::default() };
        slots.entry(origin.to_owned()).or_insert_with(|| Arc::new(make())).clone()
    }

    /// Keeps two contradicting heads; the same two once.
    pub fn keep_conflict(&self, known: &SignedHead, shown: &SignedHead, what: &str) -> Result<()> {
        let name = |number| self.folder.join(format!("{}.{what}.{number}.json", name(known.origin())));
        keep_conflict(name, &known.conflict_json(shown, what)).map(|_| ()).map_err(Error::bug)
    }
}

impl Slot {
    /// Locks the state of this log.
    pub fn lock(&self) -> Locked<'_> {
        Locked { path: &self.path, _guard: self.lock.lock().unwrap_or_else(PoisonError::into_inner) }
    }
}

impl Locked<'_> {
    /// The newest head that was cosigned; `None` before the first. An invalid file is an error, never a fresh start.
    pub fn read(&self, anchor: &TrustAnchor) -> Result<Option<SignedHead>> {
        let note = match std::fs::read(self.path) {
            Ok(note) => note,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::bug(error)),
        };
        SignedHead::read_old(&note, anchor).map(Some).map_err(Error::bug)
    }

    /// Replaces the head; it is on disk when this returns.
    pub fn write(&mut self, head: &SignedHead) -> Result<()> {
        replace(self.path, &head.note, Readers::All).map_err(Error::bug)
    }
}

fn name(origin: &str) -> String {
    to_hex(&Sha256::digest(origin))[..32].to_owned()
}
