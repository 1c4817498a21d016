//! `lienthong ledger`: logs from outside.

mod audit;
mod prefix;

pub(in crate::cli) use prefix::prefix;

use std::process::ExitCode;

use clap::Subcommand;

use super::output::{Failure, OutputFormat};

/// Logs from outside.
#[derive(Debug, Subcommand)]
pub enum Ledger {
    /// Read a whole log, and check everything that can be checked from outside.
    Audit(audit::Audit),
}

impl Ledger {
    /// Runs the subcommand.
    pub fn run(self, output: OutputFormat) -> Result<ExitCode, Failure> {
        match self {
            Self::Audit(audit) => audit.run(output),
        }
    }
}
