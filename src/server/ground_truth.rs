//! The file of ground truth about a world's discrepancies: one line of JSON for each, written while the
//! world is generated and never held in memory.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use crate::base::{Error, Reason, Result};
use crate::simulation::discrepancy::Truth;

/// A file of ground truth that is being written: under its name with the suffix `.part` until it is complete.
#[derive(Debug)]
pub struct GroundTruth {
    path: PathBuf,
    part: PathBuf,
    file: BufWriter<File>,
}

impl GroundTruth {
    /// Fails if the file exists: it is about another world.
    pub fn check(path: &Path) -> Result<()> {
        let exists = path.try_exists().map_err(|error| unwritable(path, &error))?;
        if !exists {
            return Ok(());
        }
        let message = format!("{} exists already: move it away, or write the ground truth elsewhere", path.display());
        Err(Error::new(Reason::ConfigurationInvalid, message))
    }

    /// A new file. What an interrupted seeding has written is written again.
    pub fn create(path: &Path) -> Result<Self> {
        Self::check(path)?;
        let mut part = path.as_os_str().to_owned();
        part.push(".part");
        let part = PathBuf::from(part);
        let file = File::create(&part).map_err(|error| unwritable(&part, &error))?;
        Ok(Self { path: path.to_owned(), part, file: BufWriter::new(file) })
    }

    /// Adds the discrepancies about one household.
    pub fn add(&mut self, truths: &[Truth]) -> Result<()> {
        for truth in truths {
            self.file.write_all(&truth.line()).map_err(|error| unwritable(&self.part, &error))?;
        }
        Ok(())
    }

    /// Writes the rest.
    pub fn finish(mut self) -> Result<()> {
        self.file.flush().map_err(|error| unwritable(&self.part, &error))?;
        std::fs::rename(&self.part, &self.path).map_err(|error| unwritable(&self.path, &error))
    }
}

fn unwritable(path: &Path, error: &std::io::Error) -> Error {
    Error::new(
        Reason::ConfigurationInvalid,
        format!("the ground truth cannot be written to {}: {error}", path.display()),
    )
}
