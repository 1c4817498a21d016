//! An answer's evidence: the checkpoint of the evidence ledger must be signed by the province, and be large enough for the entry.

use serde::Deserialize;

use super::json::Flaw;
use crate::trust::TrustAnchor;
use crate::trust::anchor::LogPurpose;
use crate::trust::note::{Checkpoint, Note};
use crate::trust::verdict::{Check, Code, Outcome};

/// The name of the check.
const NAME: &str = "evidence_signature";

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
pub(super) fn check(json: &[u8], anchor: &TrustAnchor) -> Result<(Check, Code), Flaw> {
    let broken = |error: &dyn std::fmt::Display| Flaw::Malformed(format!("the evidence cannot be read: {error}"));
    let evidence: Evidence = serde_json::from_slice(json).map_err(|error| broken(&error))?;
    let index = match &evidence.index {
        Index::Number(number) => *number,
        Index::Text(text) => text.parse().map_err(|error| broken(&error))?,
    };
    let (outcome, code, detail) = match examine(&evidence.checkpoint, index, anchor) {
        Ok(()) => (Outcome::Pass, Code::NoTrustedSignature, String::new()),
        Err((code, why)) => (Outcome::Fail, code, why),
    };
    Ok((Check { name: NAME, outcome, detail }, code))
}

fn examine(note: &str, index: u64, anchor: &TrustAnchor) -> Result<(), (Code, String)> {
    let unsigned = |why: &str| (Code::NoTrustedSignature, why.to_owned());
    let note = Note::parse(note.as_bytes()).map_err(|error| unsigned(&error.to_string()))?;
    let checkpoint = Checkpoint::parse(note.text).map_err(|error| unsigned(&error.to_string()))?;
    let log = anchor.logs.iter().find(|log| log.purpose == LogPurpose::Evidence && log.origin == checkpoint.origin);
    let log = log.ok_or_else(|| unsigned("the checkpoint is not of the evidence ledger"))?;
    let mut signed = false;
    for line in &note.signatures {
        for key in log.keys.iter().filter(|key| line.is_by(&log.origin, &key.key)) {
            let verified = key.key.verify(note.text.as_bytes(), &line.signature);
            verified.map_err(|_| unsigned("the signature of a known key does not verify"))?;
            signed = true;
        }
    }
    if !signed {
        return Err(unsigned("no key of the evidence ledger signed the checkpoint"));
    }
    if index >= checkpoint.size {
        return Err((
            Code::Inclusion,
            format!("entry {index} lies behind the checkpoint's {} entries", checkpoint.size),
        ));
    }
    Ok(())
}
