//! `lienthong check statement`: whether a statement of a check was signed by whoever is said to have made it, offline.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use super::statement;
use crate::cli::output::{Failure, OutputFormat, escaped, print, print_text};
use crate::trust::{NoteKey, Value, canonical};

/// A file cannot be read; the same as of `verify`.
const EXIT_FILE: u8 = 3;
/// The key cannot be read; the same as an anchor's of `verify`.
const EXIT_KEY: u8 = 5;

const EXAMPLES: &str = "\
Examples:
  lienthong check statement check.note --key ci.example.vn/check+a1b2c3d4+AdE…
  lienthong check statement check.note --key \"$(cat ci.vkey)\" --report report.json

The key's line is what `check client --statement` prints; get it over another channel than the statement. Exit codes: 0 it verifies, whatever it
says; 3 a file cannot be read; 5 a bad key; 10 PAYLOAD_MISMATCH: another report; 14 NO_TRUSTED_SIGNATURE; 16 MALFORMED.";

/// Verify the signed statement of a check, offline.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Statement {
    /// The statement.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The signer's key, as C2SP signed-note writes it: `NAME+ID+KEY`.
    #[arg(long, env = "LIENTHONG_CHECK_KEY", value_name = "KEY")]
    key: String,
    /// The report that it should be about.
    #[arg(long, env = "LIENTHONG_CHECK_REPORT", value_name = "FILE")]
    report: Option<PathBuf>,
}

impl Statement {
    pub(super) fn run(self, output: OutputFormat) -> Result<ExitCode, Failure> {
        let key =
            NoteKey::parse(self.key.trim()).map_err(|error| Failure::with_code(format!("--key: {error}"), EXIT_KEY))?;
        let statement = read(&self.file)?;
        let report = self.report.as_deref().map(read).transpose()?;
        let claims = statement::verify(&statement, &key, report.as_deref()).map_err(|(code, why)| {
            let message = format!("{}: {}: {why}", self.file.display(), code.as_str());
            Failure::with_code(message, code.exit_code())
        })?;
        if output == OutputFormat::Json {
            print(&String::from_utf8_lossy(&canonical::write(&claims)))?;
            return Ok(ExitCode::SUCCESS);
        }
        let text = |name: &str| escaped(claims.text(name).unwrap_or_default());
        let (about, subject, program, at) = (text("about"), text("subject"), text("program"), text("at"));
        let result = if claims.boolean("passed") == Some(true) { "passed" } else { "did not pass" };
        print_text(&format!("signed by {}: the {about} {subject} {result} the check of {program} at {at}", key.name))?;
        let counts = claims.object("counts").into_iter().flat_map(|counts| counts.iter());
        for (name, count) in counts {
            print(&format!("  {name}: {}", count.as_integer().unwrap_or_default()))?;
        }
        for name in ["failed", "known_failures", "left_out"] {
            let listed = claims.array(name).unwrap_or_default();
            if !listed.is_empty() {
                print(&format!(
                    "  {name}: {}",
                    listed.iter().filter_map(Value::as_text).collect::<Vec<_>>().join(", ")
                ))?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path)
        .map_err(|error| Failure::with_code(format!("{}: cannot be read: {error}", path.display()), EXIT_FILE))
}
