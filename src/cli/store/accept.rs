//! `lienthong store accept-rollback`: goes on from a store that is not the one that was served from last.

use std::process::ExitCode;

use clap::Args;

use super::folder::{Folder, failure};
use crate::cli::output::{Failure, OutputFormat, print_json, print_text};
use crate::server::upkeep::accept_rollback;
use crate::store::Accepted;

const AFTER: &str = "\
Examples:
  lienthong store accept-rollback ./province

For a store that was restored from a copy on purpose. A start refuses it, because what was acknowledged after the copy is not in it. To go on
from it means: those changes, consents and entries of the access log are gone, and their numbers are given again to others. The logs fork: whoever
kept a newer checkpoint, record or resume token, as auditors, verifiers and witnesses do, sees one that contradicts it and says so.
Tell them.

Exit codes: 0 accepted; 1 the folder cannot be used, or a server runs on it; 4 the store is damaged.";

/// Continue from an older copy of the store, giving up all changes acknowledged since.
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub struct AcceptRollback {
    #[command(flatten)]
    folder: Folder,
}

impl AcceptRollback {
    /// Accepts.
    pub fn run(self, output: OutputFormat) -> Result<ExitCode, Failure> {
        let Accepted { was, is, missing } = accept_rollback(&self.folder.folder).map_err(failure)?;
        if output == OutputFormat::Json {
            print_json(&serde_json::json!({ "was": was, "is": is, "given_up": missing }))?;
            return Ok(ExitCode::SUCCESS);
        }
        let gone = match missing {
            Some(0) => "nothing that was acknowledged is given up".to_owned(),
            Some(missing) => format!("{missing} acknowledged groups of changes are given up"),
            None => "an unknown number of acknowledged changes is given up".to_owned(),
        };
        print_text(&format!("the next start continues from group {is}: {gone}"))?;
        Ok(ExitCode::SUCCESS)
    }
}
