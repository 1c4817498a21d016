//! Logs: structured lines on stderr, filtered by `LIENTHONG_LOG` (`info`, `lienthong=debug`, …).
//!
//! `serve` says what it does; every other command is quiet unless something is wrong. Personal data never gets here:
//! handlers log methods, agencies, outcomes and durations.

use std::io::{self, IsTerminal as _};

use tracing_subscriber::EnvFilter;

use super::{Cli, Command, OutputFormat};

/// Starts logging for the process.
pub fn start(cli: &Cli) {
    let default = match cli.command {
        Command::Serve(_) => "warn,lienthong=info,lsm_tree=error,fjall=error",
        _ => "warn",
    };
    let filter = EnvFilter::try_from_env("LIENTHONG_LOG").unwrap_or_else(|_| EnvFilter::new(default));
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    let started = match cli.output {
        OutputFormat::Text => lines.with_ansi(io::stderr().is_terminal()).try_init(),
        OutputFormat::Json => lines.json().try_init(),
    };
    // Only a second start in one process fails, and then the first one's settings hold.
    let _ = started;
}
