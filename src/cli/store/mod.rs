//! `lienthong store`: the upkeep of a data folder's store.

mod accept;
mod bar;
mod check;
mod folder;
mod rebuild;

use std::process::ExitCode;

use clap::Subcommand;

use super::output::{Failure, OutputFormat};

/// The upkeep of a data folder's store.
#[derive(Debug, Subcommand)]
pub enum Store {
    /// Read everything, and hold it against everything else.
    Check(check::Check),
    /// Make indices, the province's view and status lists again from the ledgers and records.
    Rebuild(rebuild::Rebuild),
    /// Go on from an older copy of the store; what was acknowledged since is given up.
    AcceptRollback(accept::AcceptRollback),
}

impl Store {
    /// Runs the subcommand.
    pub fn run(self, output: OutputFormat) -> Result<ExitCode, Failure> {
        match self {
            Self::Check(check) => check.run(output),
            Self::Rebuild(rebuild) => rebuild.run(output),
            Self::AcceptRollback(accept) => accept.run(output),
        }
    }
}
