//! `lienthong ledger audit`: walks a log over its tile paths, and stores the head that it saw for the next time.

#![allow(clippy::disallowed_methods, reason = "a command is measured")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use super::prefix;
use crate::base::Clock as _;
use crate::base::name::no_such;
use crate::base::origins::RECORD_LEDGER;
use crate::base::time::SystemClock;
use crate::cli::anchor;
use crate::cli::ca::CaArgs;
use crate::cli::output::{Failure, OutputFormat, print_json, print_text};
use crate::transparency::audit::state::State;
use crate::transparency::audit::{AuditReport, Stop, audit};
use crate::transparency::file::{conflict_beside, keep_conflict};
use crate::transparency::source::HttpSource;
use crate::trust::{Code, TrustAnchor};

/// The state cannot be read or written.
const EXIT_STATE: u8 = 3;

const AFTER: &str = "\
Examples:
  lienthong ledger audit 127.0.0.1:50052 --trust anchor.json
  lienthong ledger audit 127.0.0.1:50052 --log land --trust anchor.json
  lienthong ledger audit http://127.0.0.1:50052/logs/records --trust anchor.json --state auditor.json
  lienthong ledger audit https://logs.example.vn/logs/records --ca ca.pem --trust anchor.json

With --state the next audit reads only what is new, and sees whether the log only grew. If it did not, both signed heads are kept
in FILE.conflict.json (then .conflict.2.json, and so on). Two heads of one size prove the fault to everybody; that a log was longer
before, only whoever saw it knows.

Exit codes: 0 everything holds; 3 the state cannot be read or written; 5 a bad anchor; 14 NO_TRUSTED_SIGNATURE, 20 LOG_ROLLBACK,
21 SPLIT_VIEW, 22 TILE, 32 TRY_LATER (the anchor expired: `lienthong keys update`), 35 UNAVAILABLE; else that of the first entry that breaks a rule: 11 to 17, or 23 LOG_RULE.";

/// Read a whole log, and check everything that can be checked from outside.
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub struct Audit {
    /// The log's tile prefix, as a URL; or the console's address.
    #[arg(value_name = "URL|ADDRESS")]
    place: String,
    /// The log, if only an address is given: `records`, `evidence` or a registry's name.
    #[arg(long, default_value = RECORD_LEDGER, env = "LIENTHONG_LOG_NAME", value_name = "NAME")]
    log: String,
    /// The trust anchor.
    #[arg(long, default_value = "anchor.json", env = "LIENTHONG_TRUST", value_name = "FILE")]
    trust: PathBuf,
    /// A file in which to remember the audited state. A second file, FILE.<size>.records, accompanies it.
    #[arg(long, env = "LIENTHONG_AUDIT_STATE", value_name = "FILE")]
    state: Option<PathBuf>,
    #[command(flatten)]
    ca: CaArgs,
}

impl Audit {
    /// Audits.
    pub fn run(self, output: OutputFormat) -> Result<ExitCode, Failure> {
        let anchor = anchor::read(&self.trust)?;
        self.check_log(&anchor)?;
        let state = match &self.state {
            Some(path) => State::load(path, &anchor).map_err(|error| state_failure(path, "read", &error))?,
            None => None,
        };
        let source = HttpSource::new(prefix(&self.place, &self.log, &self.ca), self.ca.roots()?.as_ref());
        let bar = Bar::new();
        let begun = Instant::now();
        let audited = audit(&source, &anchor, state, SystemClock.now(), &|done, all| bar.show(done, all));
        bar.0.finish_and_clear();
        match audited {
            Ok((report, state)) => {
                if let Some(path) = &self.state {
                    state.save(path).map_err(|error| state_failure(path, "written", &error))?;
                }
                tell(&report, begun.elapsed().as_secs_f64(), output)?;
                Ok(ExitCode::from(exit_code(&report)))
            }
            Err(stop) if stop.is_of_state => {
                let path = self.state.as_deref().unwrap_or(Path::new("the state"));
                Err(Failure::with_code(format!("{} cannot be used: {}", path.display(), stop.why), EXIT_STATE))
            }
            Err(stop) => self.stopped(&stop, output),
        }
    }

    /// Whether the anchor has the log that is asked for by its short name.
    fn check_log(&self, anchor: &TrustAnchor) -> Result<(), Failure> {
        let logs: BTreeSet<&str> = anchor.keys().filter_map(|(origin, _)| origin.rsplit('/').next()).collect();
        let logs: Vec<&str> = logs.into_iter().collect();
        match self.place.contains("://") || logs.contains(&self.log.as_str()) {
            true => Ok(()),
            false => Err(Failure::new(no_such("log", &self.log, &logs))),
        }
    }

    fn stopped(&self, stop: &Stop, output: OutputFormat) -> Result<ExitCode, Failure> {
        let mut kept = None;
        if let Some(heads) = &stop.heads {
            let path = self.state.clone().unwrap_or_else(|| PathBuf::from(format!("{}.audit", self.log)));
            let json = heads.0.conflict_json(&heads.1, stop.code.as_str());
            let path = keep_conflict(|number| conflict_beside(&path, number), &json)
                .map_err(|error| state_failure(&path, "written", &error))?;
            kept = Some(path);
        }
        let verdict = match stop.code {
            Code::Unavailable | Code::TryLater => "INDETERMINATE",
            _ => "INVALID",
        };
        match output {
            OutputFormat::Json => print_json(&serde_json::json!({
                "verdict": verdict, "code": stop.code.as_str(), "why": stop.why, "heads_kept_in": kept,
            }))?,
            OutputFormat::Text => {
                print_text(&format!("{verdict} {}: {}", stop.code.as_str(), stop.why))?;
                if stop.code == Code::NoTrustedSignature && self.place.contains("/sessions/") {
                    print_text(
                        "a session's logs verify against its own trust anchor: `lienthong session export` saves it, and --trust reads it",
                    )?;
                } else if stop.code == Code::NoTrustedSignature {
                    print_text(
                        "if the province has changed its keys since, `lienthong keys update` brings the anchor up to date",
                    )?;
                }
                if let Some(path) = kept {
                    print_text(&format!("both signed heads are kept in {}", path.display()))?;
                }
            }
        }
        Ok(ExitCode::from(stop.code.exit_code()))
    }
}

fn state_failure(path: &Path, what: &str, error: &std::io::Error) -> Failure {
    Failure::with_code(format!("{} cannot be {what}: {error}", path.display()), EXIT_STATE)
}

fn exit_code(report: &AuditReport) -> u8 {
    let first = report.findings.first();
    let code = first.and_then(|finding| Code::ALL.iter().find(|code| code.as_str() == finding.code));
    code.map_or(0, |code| code.exit_code())
}

fn tell(report: &AuditReport, seconds: f64, output: OutputFormat) -> Result<(), Failure> {
    let verdict = if report.findings_total == 0 { "VALID" } else { "INVALID" };
    if output == OutputFormat::Json {
        return print_json(&serde_json::json!({ "verdict": verdict, "report": report, "seconds": seconds }));
    }
    let AuditReport { origin, from, size, root, counts, .. } = report;
    print_text(&format!("{verdict} {origin}: {size} entries, {} new, in {seconds:.1} s", size - from))?;
    print_text(&format!("root {root}"))?;
    let kinds = [
        (counts.statements, "statements"),
        (counts.issuer_checkpoints, "issuers' checkpoints"),
        (counts.key_events, "key events"),
        (counts.status_digests, "status digests"),
        (counts.equivocations, "equivocations of issuers found"),
        (counts.hidden, "leaves without a published entry"),
    ];
    for (count, what) in kinds.iter().filter(|(count, _)| *count > 0) {
        print_text(&format!("  {count} {what}"))?;
    }
    for finding in &report.findings {
        print_text(&format!("  entry {}: {}: {}", finding.index, finding.code, finding.why))?;
    }
    if report.findings_total > report.findings.len() as u64 {
        print_text(&format!("{} findings in total", report.findings_total))?;
    }
    Ok(())
}

/// A progress bar on stderr, which hides itself if stderr is not a terminal.
struct Bar(ProgressBar);

impl Bar {
    fn new() -> Self {
        let style = ProgressStyle::with_template("auditing {bar:40} {pos}/{len} entries, {eta} left");
        Self(ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar())))
    }

    fn show(&self, done: u64, all: u64) {
        self.0.set_length(all);
        self.0.set_position(done);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_names_the_codes_of_logs() {
        for code in
            [Code::NoTrustedSignature, Code::LogRollback, Code::SplitView, Code::Tile, Code::LogRule, Code::Unavailable]
        {
            assert!(AFTER.replace('\n', " ").contains(&format!("{} {}", code.exit_code(), code.as_str())), "{code:?}");
        }
    }
}
