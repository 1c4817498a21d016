//! The flags that all checks have in common: known failures, and the files for the outcome.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use sha2::{Digest as _, Sha256};

use super::known::{BYTES_MAX, Known};
use super::report::Report;
use super::statement;
use crate::base::id::to_hex;
use crate::cli::junit;
use crate::cli::keys::SecretArgs;
use crate::cli::output::{Failure, OutputFormat};
use crate::keys::keyring::PrivateKey;
use crate::store::file::{Readers, write_whole};
use crate::trust::note::is_key_name;
use crate::trust::{Algorithm, KeyUse, NoteKey, Signer};

/// Known failures, and where the outcome goes.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// Known failures: the id of a case in each line, the reason after `#`. They run and may fail; one that passes is an error.
    #[arg(long, env = "LIENTHONG_CHECK_KNOWN", value_name = "FILE")]
    known: Option<PathBuf>,
    /// A file to write the report to, as JSON.
    #[arg(long, env = "LIENTHONG_CHECK_REPORT", value_name = "FILE")]
    report: Option<PathBuf>,
    /// A file to write the outcome to, as JUnit XML.
    #[arg(long, env = "LIENTHONG_CHECK_JUNIT", value_name = "FILE")]
    junit: Option<PathBuf>,
    /// A file to write the signed statement to: what was checked, by which version, with which result.
    #[arg(long, env = "LIENTHONG_CHECK_STATEMENT", value_name = "FILE", requires = "sign_key")]
    statement: Option<PathBuf>,
    /// The private key that signs the statement, encrypted like those of `lienthong keys`; others must not be able to read the file.
    #[arg(long, env = "LIENTHONG_CHECK_SIGN_KEY", value_name = "FILE", requires = "statement")]
    sign_key: Option<PathBuf>,
    /// Create the key under this name if it does not exist.
    #[arg(long, env = "LIENTHONG_CHECK_SIGN_NAME", value_name = "NAME", requires = "sign_key")]
    sign_name: Option<String>,
    #[command(flatten)]
    secret: SecretArgs,
}

/// Where a statement goes, and who signs it.
pub(super) struct Signing {
    path: PathBuf,
    signer: Arc<dyn Signer>,
}

impl ReportArgs {
    /// The known failures, of these cases.
    pub(super) fn known(&self, ids: &[&str]) -> Result<Known, Failure> {
        let Some(path) = &self.known else { return Ok(Known::default()) };
        let flaw = |why: String| Failure::with_code(format!("{}: {why}", path.display()), 2);
        let text = std::fs::read_to_string(path).map_err(|error| flaw(format!("cannot be read: {error}")))?;
        if text.len() > BYTES_MAX {
            return Err(flaw(format!("longer than {BYTES_MAX} bytes")));
        }
        Known::parse(&text, ids).map_err(flaw)
    }

    /// The signer of the statement, opened before anything runs, so that nobody is asked for a passphrase behind a long check.
    pub(super) fn signing(&self) -> Result<Option<Signing>, Failure> {
        let (Some(path), Some(key)) = (&self.statement, &self.sign_key) else { return Ok(None) };
        let signer = match &self.sign_name {
            Some(name) if !key.exists() => {
                if !is_key_name(name) {
                    return Err(Failure::new("a key's name must not contain white space or `+`"));
                }
                let (private, signer) = PrivateKey::generate(name, Algorithm::Ed25519, &self.secret.new_unlock()?)?;
                write_whole(key, &private.to_json()?, Readers::Owner)?;
                signer
            }
            _ => PrivateKey::read(key)?.open(&self.secret.unlock()?)?,
        };
        Ok(Some(Signing { path: path.clone(), signer }))
    }

    /// Prints the report and writes the files; the exit code says whether all is as it should be.
    pub(super) fn finish(
        &self,
        report: &Report,
        signing: Option<Signing>,
        output: OutputFormat,
    ) -> Result<ExitCode, Failure> {
        let written = serde_json::to_vec_pretty(&report.json());
        let written = written.map_err(|error| Failure::new(format!("cannot be written as JSON: {error}")))?;
        if let Some(path) = &self.report {
            write(path, &written)?;
        }
        if let Some(path) = &self.junit {
            junit::write(path, &["check", report.about].join(" "), &report.junit())?;
        }
        if let Some(Signing { path, signer }) = signing {
            write(&path, &statement::sign(report, &written, &*signer)?)?;
            let key = NoteKey::of(&*signer, KeyUse::Note)?;
            let digest = to_hex(&Sha256::digest(&written));
            let file = path.display();
            let says = format!("{file} states it, about the report {digest}, signed with {key}");
            crate::cli::logging::say(&crate::cli::language::say(&says));
        }
        report.print(output)?;
        Ok(if report.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    std::fs::write(path, bytes).map_err(|error| Failure::new(format!("{}: {error}", path.display())))
}
