//! Signed heads of logs: believed only with a key that the trust anchor names for the log in use.

use bytes::Bytes;

use crate::base::id::to_hex;
use crate::trust::anchor::{KeyRecord, KeyState};
use crate::trust::merkle::Hash;
use crate::trust::note::{Checkpoint, Note};
use crate::trust::{LogPurpose, TrustAnchor, Verdict};

/// What a log is to an auditor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogKind {
    /// The record ledger: typed entries.
    Records,
    /// The evidence ledger: its tree alone.
    Evidence,
    /// A registry's log: statements.
    Issuer,
}

/// A checkpoint that a trusted key of its log signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedHead {
    /// What it says.
    pub checkpoint: Checkpoint,
    /// The whole note, with every signature.
    pub note: Bytes,
}

/// Why a note is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeadError {
    /// It is none.
    #[error("{0}")]
    Malformed(String),
    /// The anchor does not name its log.
    #[error("the trust anchor names no log {0}")]
    UnknownLog(String),
    /// No trusted key signed, or one did so badly.
    #[error("no trusted key of {0} signed its checkpoint")]
    NotSigned(String),
}

/// The keys that the anchor names for a log, and what the log is.
pub fn log_keys<'a>(anchor: &'a TrustAnchor, origin: &str) -> Option<(LogKind, &'a [KeyRecord])> {
    let logs = anchor.logs.iter().map(|log| {
        let kind = match log.purpose {
            LogPurpose::Records => LogKind::Records,
            LogPurpose::Evidence => LogKind::Evidence,
        };
        (&log.origin, kind, &log.keys)
    });
    let issuers = anchor.issuers.iter().map(|issuer| (&issuer.origin, LogKind::Issuer, &issuer.keys));
    let (_, kind, keys) = logs.chain(issuers).find(|(known, ..)| *known == origin)?;
    Some((kind, keys))
}

impl SignedHead {
    /// Reads a note that a key in use signed: what a log says now. The log of a withdrawn issuer has no key in use; what its last key
    /// signed stays its head.
    pub fn read(note: &[u8], anchor: &TrustAnchor) -> Result<Self, HeadError> {
        Self::read_by(note, anchor, |key| matches!(key.state, KeyState::Active | KeyState::Withdrawn { .. }))
    }

    /// Reads a note that was written down earlier: a key that went out of use since may have signed it.
    pub fn read_old(note: &[u8], anchor: &TrustAnchor) -> Result<Self, HeadError> {
        Self::read_by(note, anchor, |_| true)
    }

    /// Reads a note that stands in the record ledger at an index: a key that was good there signed it.
    pub fn read_at(note: &[u8], anchor: &TrustAnchor, index: u64) -> Result<Self, HeadError> {
        Self::read_by(note, anchor, |key| !matches!(key.judge(Some(index)), Verdict::Invalid(_)))
    }

    fn read_by(note: &[u8], anchor: &TrustAnchor, is_good: impl Fn(&KeyRecord) -> bool) -> Result<Self, HeadError> {
        let malformed = |error: crate::trust::NoteError| HeadError::Malformed(error.to_string());
        let parsed = Note::parse(note).map_err(malformed)?;
        let checkpoint = Checkpoint::parse(parsed.text).map_err(malformed)?;
        let origin = &checkpoint.origin;
        let (_, keys) = log_keys(anchor, origin).ok_or_else(|| HeadError::UnknownLog(origin.clone()))?;
        let mut is_signed = false;
        for line in &parsed.signatures {
            for key in keys.iter().filter(|key| is_good(key) && line.is_by(origin, &key.key)) {
                let verified = key.key.verify(parsed.text.as_bytes(), &line.signature);
                verified.map_err(|_| HeadError::NotSigned(origin.clone()))?;
                is_signed = true;
            }
        }
        if !is_signed {
            return Err(HeadError::NotSigned(origin.clone()));
        }
        Ok(Self { checkpoint, note: Bytes::copy_from_slice(note) })
    }

    /// The log.
    pub fn origin(&self) -> &str {
        &self.checkpoint.origin
    }

    /// Entries.
    pub fn size(&self) -> u64 {
        self.checkpoint.size
    }

    /// The root.
    pub fn root(&self) -> &Hash {
        &self.checkpoint.root
    }

    /// Two heads of one log of which not both can be true, as a file for people and courts: both notes, whole.
    pub fn conflict_json(&self, other: &Self, what: &str) -> serde_json::Value {
        let head = |head: &Self| {
            serde_json::json!({
                "size": head.size(),
                "root": to_hex(head.root()),
                "note": String::from_utf8_lossy(&head.note),
            })
        };
        serde_json::json!({
            "format": "lienthong/conflict/v1",
            "origin": self.origin(),
            "what": what,
            "known": head(self),
            "shown": head(other),
        })
    }
}
