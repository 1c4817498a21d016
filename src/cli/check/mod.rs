//! `lienthong check`: somebody else's program, put through named cases. A client is to refuse what is wrong and to accept what is right; a
//! registry is to keep its contract. What comes of it is a report, and a signed statement that others verify offline.

mod args;
mod client;
mod known;
mod outcome;
mod registry;
mod report;
mod statement;
mod verify;

use std::process::ExitCode;

use clap::Subcommand;

use super::output::{Failure, OutputFormat};

/// Somebody else's program, put through named cases.
#[derive(Debug, Subcommand)]
pub enum Check {
    /// Put a client through bad answers, broken calls and refusals, with good ones in between.
    Client(Box<client::Client>),
    /// Put a registry through its contract: reads, changes, proofs, refusals.
    Registry(Box<registry::Registry>),
    /// Verify the signed statement of a check, offline.
    Statement(verify::Statement),
}

impl Check {
    /// Runs the subcommand.
    pub fn run(self, output: OutputFormat) -> Result<ExitCode, Failure> {
        match self {
            Self::Client(client) => client.run(output),
            Self::Registry(registry) => registry.run(output),
            Self::Statement(statement) => statement.run(output),
        }
    }
}
