//! The folder that the subcommands of `store` work on, and the exit code for damage there.

use std::path::PathBuf;

use clap::Args;

use crate::base::{Error, Kind};
use crate::cli::output::Failure;

/// A part of the store is lost or altered.
pub(super) const EXIT_DAMAGED: u8 = 4;

/// Which folder.
#[derive(Debug, Args)]
pub(super) struct Folder {
    /// The data folder, as for `serve --data-dir`. No server may be running on it.
    #[arg(value_name = "DIR")]
    pub(super) folder: PathBuf,
}

/// A failure with the code of damage, where it is that.
pub(super) fn failure(error: Error) -> Failure {
    let is_damage = error.kind() == Kind::Corrupt;
    let failure = Failure::from(error);
    if is_damage { Failure::with_code(failure.message(), EXIT_DAMAGED) } else { failure }
}
