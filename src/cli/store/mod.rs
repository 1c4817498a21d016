//! `lienthong store`: the upkeep of a data folder's store.

mod accept;
mod check;
mod rebuild;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Mutex;

use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};

use super::output::{Failure, OutputFormat};
use crate::base::{Error, Kind};

/// Something of the store is lost, or is not what was written.
const EXIT_DAMAGED: u8 = 4;

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

/// Which folder.
#[derive(Debug, Args)]
struct Folder {
    /// The data folder, as for `serve --data-dir`. No server may be running on it.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
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

/// A failure with the code of damage, where it is that.
fn failure(error: Error) -> Failure {
    let is_damage = error.kind() == Kind::Corrupt;
    let failure = Failure::from(error);
    if is_damage { Failure::with_code(failure.message(), EXIT_DAMAGED) } else { failure }
}

/// A progress bar on stderr, which hides itself where stderr is no terminal.
struct Bar {
    bar: ProgressBar,
    step: Mutex<&'static str>,
}

impl Bar {
    fn new() -> Self {
        let style = ProgressStyle::with_template("{msg} {bar:40} {pos}/{len}, {eta} left");
        let bar = ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self { bar, step: Mutex::new("") }
    }

    fn show(&self, step: &'static str, more: u64, all: u64) {
        let mut last = self.step.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if std::mem::replace(&mut *last, step) != step {
            self.bar.set_message(step);
            self.bar.set_position(0);
        }
        self.bar.set_length(all);
        self.bar.inc(more);
    }
}
