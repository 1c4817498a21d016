//! An answer's evidence: the checkpoint of the evidence ledger must be signed by the province, and be large enough for the entry.

use bytes::Bytes;
use serde::Deserialize;

use super::json::Flaw;
use crate::trust::anchor::LogPurpose;
use crate::trust::verdict::{Check, Code, Outcome};
use crate::trust::verify::{HeadError, Verifier};

/// The name of the check.
const NAME: &str = "evidence_signature";

/// What an answer does not let anybody check, said each time: another index below the size would not be noticed.
pub(super) fn not_proved() -> Check {
    let detail = "the answer has no proof that the entry is in the tree".to_owned();
    Check { name: "evidence_inclusion", outcome: Outcome::Skipped, detail }
}

/// Index and checkpoint as protobuf JSON has them; the index is left out when it is 0.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
#[derive(Default)]
struct Evidence {
    index: Index,
    checkpoint: String,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Index {
    Number(u64),
    Text(String),
}

impl Default for Index {
    fn default() -> Self {
        Self::Number(0)
    }
}

/// Checks the evidence beside an answer's records. The code is for the exit when it fails.
pub(super) fn check(json: &str, verifier: &Verifier) -> Result<(Check, Code), Flaw> {
    let broken = |error: &dyn std::fmt::Display| Flaw::Malformed(format!("the evidence cannot be read: {error}"));
    let evidence: Evidence = serde_json::from_str(json).map_err(|error| broken(&error))?;
    let index = match &evidence.index {
        Index::Number(number) => *number,
        Index::Text(text) => text.parse().map_err(|error| broken(&error))?,
    };
    let (outcome, code, detail) = match examine(evidence.checkpoint.into(), index, verifier) {
        Ok(()) => (Outcome::Pass, Code::NoTrustedSignature, String::new()),
        Err((code, why)) => (Outcome::Fail, code, why),
    };
    Ok((Check { name: NAME, outcome, detail }, code))
}

fn examine(note: Bytes, index: u64, verifier: &Verifier) -> Result<(), (Code, String)> {
    let unsigned = |error: HeadError| (Code::NoTrustedSignature, error.to_string());
    let size = verifier.log_size(LogPurpose::Evidence, &note).map_err(unsigned)?;
    if index >= size {
        return Err((Code::Inclusion, format!("entry {index} is past the checkpoint's {size} entries")));
    }
    Ok(())
}
