//! `lienthong registry`: schema files, which describe an agency's database, before a gateway serves them.

mod check;
mod export;
mod file;
mod plan;

use std::process::ExitCode;

use clap::Subcommand;

use super::output::{Failure, OutputFormat};
pub use file::SchemaArgs;

const EXAMPLES: &str = "\
Examples:
  lienthong registry check education.yaml            every flaw with its line, path and rule
  lienthong registry plan education.yaml next.yaml   what the next version changes, and whether stored records survive it
  lienthong registry export vehicle > vehicle.yaml   a built-in registry as a schema file, to learn from
  lienthong serve --registry-schema education.yaml   serve it together with the built-in ones

docs/guides/registry-without-code.md explains the form.";

/// Registries as schema files: check them, compare versions, export the built-in ones.
#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub enum Registry {
    /// Check schema files, alone and together, and report every flaw; exit code 1 if there is one.
    Check(check::Check),
    /// Compare two versions of a schema file; exit code 1 if the change is incompatible with stored records.
    Plan(plan::Plan),
    /// Print a built-in registry as a schema file.
    Export(export::Export),
}

impl Registry {
    /// Runs the subcommand.
    pub fn run(self, output: OutputFormat) -> Result<ExitCode, Failure> {
        match self {
            Self::Check(command) => command.run(output),
            Self::Plan(command) => command.run(output),
            Self::Export(command) => command.run(output),
        }
    }
}
