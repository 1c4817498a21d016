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
    /// Read the whole store, and check its parts against each other.
    Check(check::Check),
    /// Rebuild indices, the province's view and status lists from the ledgers and records.
    Rebuild(rebuild::Rebuild),
    /// Continue from an older copy of the store, giving up all changes acknowledged since.
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
