//! `lienthong store rebuild`: makes a store's derived rows again.

#![allow(clippy::disallowed_methods, reason = "a command is measured")]

use std::process::ExitCode;
use std::time::Instant;

use clap::Args;

use super::bar::Bar;
use super::folder::{Folder, failure};
use crate::cli::output::{Failure, OutputFormat, print_json, print_text, runtime};
use crate::server::upkeep::rebuild_folder;

const AFTER: &str = "\
Examples:
  lienthong store rebuild ./province

Makes again what follows from something else: indices, the access log's order, the province's view, the places of batches, status
lists; and counts all other rows. Ledgers, records, accounts, links and consents are only read. Codes of open presentations are not
kept anywhere in the clear, so they end; a code lives for an hour at most. If it is interrupted, run it again: until it ends, no
server takes the folder. Make a copy of the folder first.

Exit codes: 0 made; 1 the folder cannot be used, or a server runs on it; 4 what should be read is damaged: restore from a copy.";

/// Rebuild indices, the province's view and status lists from the ledgers and records.
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub struct Rebuild {
    #[command(flatten)]
    folder: Folder,
}

impl Rebuild {
    /// Rebuilds.
    pub fn run(self, output: OutputFormat) -> Result<ExitCode, Failure> {
        let bar = Bar::new();
        let begun = Instant::now();
        let told = |step: &'static str, more: u64, all: u64| bar.show(step, more, all);
        let made = runtime()?.block_on(rebuild_folder(&self.folder.folder, &told));
        bar.bar.finish_and_clear();
        let made = made.map_err(failure)?;
        let seconds = begun.elapsed().as_secs_f64();
        if output == OutputFormat::Json {
            let spaces = made.iter().map(|(space, rows)| serde_json::json!({ "space": space.name(), "rows": rows }));
            let spaces: Vec<_> = spaces.collect();
            print_json(&serde_json::json!({ "made": spaces, "seconds": seconds }))?;
            return Ok(ExitCode::SUCCESS);
        }
        let rows: u64 = made.iter().map(|(_, rows)| rows).sum();
        print_text(&format!("{rows} rows of {} derived spaces were rebuilt, in {seconds:.1} s", made.len()))?;
        for (space, rows) in made {
            print_text(&format!("  {}: {rows}", space.name()))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}
