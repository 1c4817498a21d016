//! How far an import came: a small file beside the input, so that one that was broken off goes on.
//!
//! It only saves time. Rows that are sent again change nothing, and a checkpoint of another file, mapping or world is not used.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::refused::Counts;
use crate::cli::output::Failure;

/// How far an import came.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Checkpoint {
    /// Of the file, the mapping and the world.
    pub(super) fingerprint: String,
    /// The last row that is done.
    pub(super) row: u64,
    pub(super) counts: Counts,
    /// How long the registry's log was then, at least: a shorter one is another world's.
    pub(super) log_size: u64,
    /// Bytes of the quarantine file up to there.
    pub(super) quarantine_bytes: u64,
}

/// The file that keeps it.
pub(super) struct Kept(PathBuf);

impl Kept {
    /// Beside `input`.
    pub(super) fn beside(input: &Path) -> Self {
        let mut name = input.file_name().unwrap_or_default().to_owned();
        name.push(".import.json");
        Self(input.with_file_name(name))
    }

    /// The checkpoint of this fingerprint and a log that is so long by now, if there is one.
    pub(super) fn read(&self, fingerprint: &str, log_size: u64) -> Option<Checkpoint> {
        let text = std::fs::read_to_string(&self.0).ok()?;
        let checkpoint: Checkpoint = serde_json::from_str(&text).ok()?;
        (checkpoint.fingerprint == fingerprint && checkpoint.log_size <= log_size).then_some(checkpoint)
    }

    /// Replaces the file, whole.
    pub(super) fn write(&self, checkpoint: &Checkpoint) -> Result<(), Failure> {
        let failed = |error: String| Failure::new(format!("{} cannot be written: {error}", self.0.display()));
        let text = serde_json::to_string(checkpoint).map_err(|error| failed(error.to_string()))?;
        let next = self.0.with_extension("next");
        let written = std::fs::write(&next, text).and_then(|()| std::fs::rename(&next, &self.0));
        written.map_err(|error| failed(error.to_string()))
    }

    /// An import that ended has no checkpoint.
    pub(super) fn remove(&self) -> Result<(), Failure> {
        match std::fs::remove_file(&self.0) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(Failure::new(format!("{} cannot be removed: {error}", self.0.display())))
            }
            _ => Ok(()),
        }
    }
}
