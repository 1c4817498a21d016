//! `lienthong store check`: reads a whole store, and says what does not fit.

#![allow(clippy::disallowed_methods, reason = "a command is measured")]

use std::process::ExitCode;
use std::time::Instant;

use clap::Args;

use super::bar::Bar;
use super::folder::{EXIT_DAMAGED, Folder, failure};
use crate::cli::output::{Failure, OutputFormat, print_json, print_text, runtime};
use crate::server::upkeep::{CheckReport, check_folder};
use crate::store::Remedy;

const AFTER: &str = "\
Examples:
  lienthong store check ./province
  lienthong store check ./province --output json

Counts every space, and compares: ledgers with their tiles and heads, records with the statements of their registries' logs, and
indices, the province's view and status lists with what they follow from. Works in a view of the store, beside the temporary files
(TMPDIR): the folder is not changed, and may be one that cannot be written. Signatures are the audit's to check:
`lienthong ledger audit`.

Exit codes: 0 whole; 1 the folder cannot be used, or a server runs on it; 4 damaged. Damage of derived spaces alone is mended by
`lienthong store rebuild`; anything else comes back from a copy.";

/// Read the whole store, and check its parts against each other.
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub struct Check {
    #[command(flatten)]
    folder: Folder,
}

impl Check {
    /// Checks.
    pub fn run(self, output: OutputFormat) -> Result<ExitCode, Failure> {
        let bar = Bar::new();
        let begun = Instant::now();
        let told = |step: &'static str, more: u64, all: u64| bar.show(step, more, all);
        let report = runtime()?.block_on(check_folder(&self.folder.folder, &told));
        bar.bar.finish_and_clear();
        let report = report.map_err(failure)?;
        tell(&report, begun.elapsed().as_secs_f64(), output)?;
        Ok(if report.findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(EXIT_DAMAGED) })
    }
}

fn tell(report: &CheckReport, seconds: f64, output: OutputFormat) -> Result<(), Failure> {
    let verdict = if report.findings.is_empty() { "WHOLE" } else { "DAMAGED" };
    if output == OutputFormat::Json {
        let spaces = report.spaces.iter().map(|found| {
            serde_json::json!({
                "space": found.space.name(), "derived": found.space.is_derived(),
                "rows": found.read, "counted": found.kept, "readable": found.is_readable,
            })
        });
        let findings = report.findings.iter().map(|(space, what, count)| {
            serde_json::json!({ "space": space.name(), "derived": space.is_derived(), "what": what, "count": count })
        });
        return print_json(&serde_json::json!({
            "verdict": verdict, "spaces": spaces.collect::<Vec<_>>(), "findings": findings.collect::<Vec<_>>(),
            "seconds": seconds,
        }));
    }
    let rows: u64 = report.spaces.iter().map(|found| found.read).sum();
    print_text(&format!("{verdict}: {rows} rows in {} spaces, in {seconds:.1} s", report.spaces.len()))?;
    for (space, what, count) in report.findings.iter() {
        let kind = if space.is_derived() { " (derived)" } else { "" };
        print_text(&format!("  {}{kind}: {what} ({count})", space.name()))?;
    }
    if report.findings.is_empty() {
        return Ok(());
    }
    let whose = match report.findings.iter().all(|(space, ..)| space.is_derived()) {
        true => "all of these rows are derived from others",
        false => "some of these rows are not derived from others",
    };
    print_text(&format!("{whose}: {}", Remedy::of(report.findings.iter().map(|(space, ..)| space)).advice()))
}
