//! The file beside a world that says what is true where its registries disagree: one line of JSON for each disagreement, written while the
//! world is generated and never held in memory.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use crate::base::{Error, Reason, Result};
use crate::simulation::discrepancy::Truth;

/// A file of truths that is being written.
#[derive(Debug)]
pub struct GroundTruth {
    path: PathBuf,
    file: BufWriter<File>,
}

impl GroundTruth {
    /// A new file, in the place of one that is there.
    pub fn create(path: &Path) -> Result<Self> {
        let file = File::create(path).map_err(|error| unwritable(path, &error))?;
        Ok(Self { path: path.to_owned(), file: BufWriter::new(file) })
    }

    /// Adds what disagrees about one household.
    pub fn add(&mut self, truths: &[Truth]) -> Result<()> {
        for truth in truths {
            self.file.write_all(&truth.line()).map_err(|error| unwritable(&self.path, &error))?;
        }
        Ok(())
    }

    /// Writes what is left.
    pub fn finish(mut self) -> Result<()> {
        self.file.flush().map_err(|error| unwritable(&self.path, &error))
    }
}

fn unwritable(path: &Path, error: &std::io::Error) -> Error {
    Error::new(
        Reason::ConfigurationInvalid,
        format!("the ground truth cannot be written to {}: {error}", path.display()),
    )
}
