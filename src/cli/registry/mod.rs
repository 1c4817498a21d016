//! `lienthong registry`: registries on a host of their own; and schema files, which describe an agency's database, before anybody serves them.

mod check;
mod export;
mod host;
mod plan;

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::output::{Failure, OutputFormat};

const EXAMPLES: &str = "\
Examples:
  lienthong registry land vehicle --listen 127.0.0.1:50061
                                                     two registries on a host of their own
  lienthong serve --registry land=127.0.0.1:50061 --registry vehicle=127.0.0.1:50061
                                                     a gateway that uses them
  lienthong registry check education.yaml            every flaw with its line, path and rule
  lienthong registry plan education.yaml next.yaml   what the next version changes, and whether stored records survive it
  lienthong registry export vehicle > vehicle.yaml   a built-in registry as a schema file, to learn from
  lienthong serve --registry-schema education.yaml   serve it together with the built-in ones

A host ends by Ctrl-C, SIGTERM and SIGHUP: calls in progress may finish (see --drain); a second signal cuts them. With --rights, SIGHUP reads
that file again instead. The exit code is 0 after a signal, 1 for a failure that one line on stderr explains, 2 for a bad flag, and 74 when the
store or a log takes no more changes until a restart. Logs go to stderr; LIENTHONG_LOG chooses them (`debug`, `warn,lienthong=info`).

docs/guides/registries-on-hosts.md explains hosts, docs/guides/registry-without-code.md the form of schema files.";

/// Serve registries on a host of their own; or check, compare and export schema files.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct Registry {
    #[command(subcommand)]
    files: Option<Files>,
    #[command(flatten)]
    host: host::Host,
}

/// The subcommands for schema files.
#[derive(Debug, Subcommand)]
enum Files {
    /// Check schema files, alone and together, and report every flaw; exit code 1 if there is one.
    Check(check::Check),
    /// Compare two versions of a schema file; exit code 1 if the change is incompatible with stored records.
    Plan(plan::Plan),
    /// Print a built-in registry as a schema file.
    Export(export::Export),
}

impl Registry {
    /// Whether it serves registries.
    pub fn is_host(&self) -> bool {
        self.files.is_none()
    }

    /// Serves, or runs the subcommand.
    pub fn run(self, output: OutputFormat) -> Result<ExitCode, Failure> {
        match self.files {
            None => self.host.run(output),
            Some(Files::Check(command)) => command.run(output),
            Some(Files::Plan(command)) => command.run(output),
            Some(Files::Export(command)) => command.run(output),
        }
    }
}
