//! The ledger proofs of what verified, as files for programs of transparency logs (`--tlog-proofs`).

use std::path::PathBuf;

use crate::base::{Error, Reason, Result};
use crate::trust::entry::EntryType;
use crate::trust::{Report, SignedRecord, tlog_proof};

/// A folder that proofs are written into.
pub(super) struct Exports(PathBuf);

impl Exports {
    /// Makes the folder, if it is not there.
    pub(super) fn into(folder: PathBuf) -> Result<Self> {
        std::fs::create_dir_all(&folder).map_err(|error| refused(&folder, &error))?;
        Ok(Self(folder))
    }

    /// Writes the proof of a VALID record: `<record id>-<version>.tlog-proof`.
    pub(super) fn write(&self, record: &SignedRecord, report: &Report) -> Result<()> {
        let (Some(proof), Some(statement)) = (&record.ledger_proof, &report.statement) else { return Ok(()) };
        if !report.verdict.is_valid() {
            return Ok(());
        }
        let text = tlog_proof::write(&EntryType::Statement.entry(&record.statement), proof)?;
        let name = format!("{}-{}.{}", statement.record_id.to_hex(), statement.version, tlog_proof::EXTENSION);
        let path = self.0.join(name);
        std::fs::write(&path, text).map_err(|error| refused(&path, &error))
    }
}

fn refused(path: &std::path::Path, error: &std::io::Error) -> Error {
    Error::new(Reason::ConfigurationInvalid, format!("{} cannot be written: {error}", path.display()))
}
