//! The report of `verify`: every check of every record, and the sum. Written piece by piece, since a file may hold a million checks.

use std::borrow::Cow;
use std::io::{self, Write};

use serde::Serialize;

use super::super::language::{chosen, say};
use super::super::output::{Failure, OutputFormat};
use super::evidence;
use crate::base::Language;
use crate::trust::verdict::{Check, Code, Outcome, Report, Verdict};

/// Which record.
pub(super) struct Name<'a> {
    pub(super) file: &'a str,
    pub(super) number: u64,
}

/// The sum of all records.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(super) struct Sum {
    pub(super) records: u64,
    valid: u64,
    invalid: u64,
    indeterminate: u64,
    evidence_failed: u64,
    /// Citizens of bulk fetches whose records were refused.
    refused: u64,
    pub(super) exit_code: u8,
}

/// Prints reports as they come.
pub(super) struct Reporter<W> {
    out: W,
    format: OutputFormat,
    quiet: bool,
    sum: Sum,
    begun: bool,
    /// The reader of our output went away: keep counting, for the exit code.
    deaf: bool,
}

/// So many citizens, in words.
pub(super) fn refusals(count: u64) -> String {
    format!("{count} {} refused", if count == 1 { "citizen" } else { "citizens" })
}

#[derive(Serialize)]
struct RecordJson<'a> {
    file: &'a str,
    number: u64,
    record_type: Option<&'a str>,
    record_id: Option<String>,
    version: Option<u64>,
    verdict: &'static str,
    code: Option<&'static str>,
    checks: Vec<CheckJson<'a>>,
}

#[derive(Serialize)]
struct CheckJson<'a> {
    name: &'static str,
    outcome: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    detail: Cow<'a, str>,
}

impl<'a> CheckJson<'a> {
    fn of(check: &'a Check) -> Self {
        Self { name: check.name, outcome: check.outcome.as_str(), detail: say(&check.detail) }
    }
}

impl<W: Write> Reporter<W> {
    /// A reporter that writes to `out`.
    pub(super) fn new(out: W, format: OutputFormat, quiet: bool) -> Self {
        Self { out, format, quiet, sum: Sum::default(), begun: false, deaf: false }
    }

    /// Prints a record's report.
    pub(super) fn record(&mut self, name: &Name<'_>, report: &Report) -> io::Result<()> {
        self.sum.records += 1;
        match report.verdict {
            Verdict::Valid => self.sum.valid += 1,
            Verdict::Invalid(_) => self.sum.invalid += 1,
            Verdict::Indeterminate(_) => self.sum.indeterminate += 1,
        }
        self.blame(report.verdict.exit_code());
        if self.quiet && report.verdict.is_valid() {
            return Ok(());
        }
        let written = match self.format {
            OutputFormat::Text => self.record_text(name, report),
            OutputFormat::Json => self.record_json(name, report),
        };
        self.heard(written)
    }

    /// Prints the check of an answer's evidence.
    pub(super) fn evidence(&mut self, file: &str, (check, code): &(Check, Code)) -> io::Result<()> {
        let is_bad = check.outcome == Outcome::Fail;
        if is_bad {
            self.sum.evidence_failed += 1;
            self.blame(code.exit_code());
        } else if self.quiet {
            return Ok(());
        }
        let open = evidence::not_proved();
        let written = match self.format {
            OutputFormat::Text => {
                let verdict = if is_bad { format!("INVALID {}", code.as_str()) } else { "VALID".to_owned() };
                writeln!(self.out, "{}", say(&format!("{file} evidence: {verdict}")))
                    .and_then(|()| self.check_text(check))
                    .and_then(|()| self.check_text(&open))
            }
            OutputFormat::Json => self.separate().and_then(|()| {
                let (signature, inclusion) = (CheckJson::of(check), CheckJson::of(&open));
                let json = serde_json::json!({ "file": file, "evidence": signature, "evidence_inclusion": inclusion });
                serde_json::to_writer(&mut self.out, &json).map_err(io::Error::from)
            }),
        };
        self.heard(written)
    }

    /// How many records were reported so far.
    pub(super) fn records(&self) -> u64 {
        self.sum.records
    }

    /// Counts a citizen whose records were refused.
    pub(super) fn refused(&mut self) {
        self.sum.refused += 1;
    }

    /// How many citizens were refused so far.
    pub(super) fn citizens_refused(&self) -> u64 {
        self.sum.refused
    }

    /// Prints the sum.
    pub(super) fn finish(&mut self) -> Result<Sum, Failure> {
        let sum = self.sum;
        let written = match self.format {
            OutputFormat::Text => {
                let refused = if sum.refused == 0 { String::new() } else { format!("; {}", refusals(sum.refused)) };
                let line = format!(
                    "{} records: {} VALID, {} INVALID, {} INDETERMINATE{refused}",
                    sum.records, sum.valid, sum.invalid, sum.indeterminate
                );
                writeln!(self.out, "{}", say(&line))
            }
            OutputFormat::Json => {
                let begin = if self.begun { "\n]" } else { "{\"records\":[]" };
                write!(self.out, "{begin},\"summary\":")
                    .and_then(|()| serde_json::to_writer(&mut self.out, &sum).map_err(io::Error::from))
                    .and_then(|()| self.out.write_all(b"}\n"))
            }
        };
        let flushed = written.and_then(|()| self.out.flush());
        self.heard(flushed).map_err(|error| Failure::new(format!("stdout cannot be written: {error}")))?;
        Ok(sum)
    }

    /// The exit code is that of the first thing that is not VALID.
    fn blame(&mut self, exit_code: u8) {
        if self.sum.exit_code == 0 {
            self.sum.exit_code = exit_code;
        }
    }

    fn record_text(&mut self, name: &Name<'_>, report: &Report) -> io::Result<()> {
        if self.deaf {
            return Ok(());
        }
        write!(self.out, "{} #{}", name.file, name.number)?;
        if let Some(statement) = &report.statement {
            let (schema, id, version) = (&statement.schema, statement.record_id.to_hex(), say("version"));
            write!(self.out, " {schema} {id} {version} {}", statement.version)?;
        }
        write!(self.out, ": {}", report.verdict)?;
        if let (Language::Vietnamese, Some(code)) = (chosen(), report.verdict.code()) {
            write!(self.out, " ({})", code.reason().vietnamese().trim_end_matches('.'))?;
        }
        writeln!(self.out)?;
        report.checks.iter().try_for_each(|check| self.check_text(check))
    }

    fn check_text(&mut self, check: &Check) -> io::Result<()> {
        const PADDING: &[u8] = b"                         ";
        let outcome: &[u8] = match check.outcome {
            Outcome::Pass => b"  pass     ",
            Outcome::Fail => b"  FAIL     ",
            Outcome::Skipped => b"  skipped  ",
        };
        self.out.write_all(outcome)?;
        self.out.write_all(check.name.as_bytes())?;
        if !check.detail.is_empty() {
            self.out.write_all(&PADDING[check.name.len().min(PADDING.len() - 2)..])?;
            self.out.write_all(say(&check.detail).as_bytes())?;
        }
        self.out.write_all(b"\n")
    }

    fn record_json(&mut self, name: &Name<'_>, report: &Report) -> io::Result<()> {
        if self.deaf {
            return Ok(());
        }
        self.separate()?;
        let statement = report.statement.as_ref();
        let json = RecordJson {
            file: name.file,
            number: name.number,
            record_type: statement.map(|statement| statement.schema.as_str()),
            record_id: statement.map(|statement| statement.record_id.to_hex()),
            version: statement.map(|statement| statement.version),
            verdict: report.verdict.as_str(),
            code: report.verdict.code().map(Code::as_str),
            checks: report.checks.iter().map(CheckJson::of).collect(),
        };
        serde_json::to_writer(&mut self.out, &json).map_err(io::Error::from)
    }

    fn separate(&mut self) -> io::Result<()> {
        let text: &[u8] = if self.begun { b",\n" } else { b"{\"records\":[\n" };
        self.begun = true;
        self.out.write_all(text)
    }

    fn heard(&mut self, written: io::Result<()>) -> io::Result<()> {
        match written {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.deaf = true;
                Ok(())
            }
            other => other,
        }
    }
}
