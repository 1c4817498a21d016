//! Signed heads of logs: accepted only with the signature of a key that the trust anchor names for the log.

use bytes::Bytes;

use crate::base::id::to_hex;
use crate::trust::anchor::{KeyRecord, KeyState};
use crate::trust::merkle::Hash;
use crate::trust::note::{Checkpoint, Note};
use crate::trust::{LogPurpose, TrustAnchor, Verdict};

/// The kind of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogKind {
    /// The record ledger: typed entries.
    Records,
    /// The evidence ledger: its tree only.
    Evidence,
    /// A registry's log: statements.
    Issuer,
}

/// A checkpoint with the signature of a trusted key of its log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedHead {
    /// The decoded checkpoint.
    pub checkpoint: Checkpoint,
    /// The whole note, with every signature.
    pub note: Bytes,
}

/// The reason why a note is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeadError {
    /// The note does not parse.
    #[error("{0}")]
    Malformed(String),
    /// The anchor does not name its log.
    #[error("the trust anchor names no log {0}")]
    UnknownLog(String),
    /// It is from a time at which the log belonged to another one, or of another history.
    #[error("the checkpoint is from before the log {0} took over from another, or is of another tree of that size")]
    NotContinued(String),
    /// No trusted key signed it, or a trusted key's signature is wrong.
    #[error("no trusted key of {0} signed its checkpoint")]
    NotSigned(String),
}

/// The keys that the anchor names for a log, and the log's kind.
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
    /// Reads the present head of a log: a note signed by a key in use. The log of a withdrawn issuer has no key in use; the head
    /// that its last key signed remains its head.
    pub fn read(note: &[u8], anchor: &TrustAnchor) -> Result<Self, HeadError> {
        Self::read_own(note, anchor, |key| matches!(key.state, KeyState::Active | KeyState::Withdrawn { .. }))
    }

    /// Reads a stored note, which a key may have signed that went out of use since.
    pub fn read_old(note: &[u8], anchor: &TrustAnchor) -> Result<Self, HeadError> {
        Self::read_own(note, anchor, |_| true)
    }

    /// Reads a note from the record ledger: a key that was valid at its index signed it. It may be of a log that a log of the anchor continues.
    pub fn read_at(note: &[u8], anchor: &TrustAnchor, index: u64) -> Result<Self, HeadError> {
        Self::read_by(note, anchor, |key| !matches!(key.judge(Some(index)), Verdict::Invalid(_)))
    }

    fn read_own(note: &[u8], anchor: &TrustAnchor, is_good: impl Fn(&KeyRecord) -> bool) -> Result<Self, HeadError> {
        let head = Self::read_by(note, anchor, is_good)?;
        let (size, root) = (head.size(), head.root());
        match anchor.continuations().find(|(own, _)| *own == head.origin()).map(|(_, from)| from.last()) {
            None => Err(HeadError::UnknownLog(head.origin().to_owned())),
            Some(Some(from)) if !from.allows(size, root) => Err(HeadError::NotContinued(head.origin().to_owned())),
            Some(_) => Ok(head),
        }
    }

    fn read_by(note: &[u8], anchor: &TrustAnchor, is_good: impl Fn(&KeyRecord) -> bool) -> Result<Self, HeadError> {
        let malformed = |error: crate::trust::NoteError| HeadError::Malformed(error.to_string());
        let parsed = Note::parse(note).map_err(malformed)?;
        let checkpoint = Checkpoint::parse(parsed.text).map_err(malformed)?;
        let origin = &checkpoint.origin;
        let known = log_keys(anchor, anchor.present_origin(origin));
        let (_, keys) = known.ok_or_else(|| HeadError::UnknownLog(origin.clone()))?;
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

    /// The origin of the log.
    pub fn origin(&self) -> &str {
        &self.checkpoint.origin
    }

    /// The number of entries.
    pub fn size(&self) -> u64 {
        self.checkpoint.size
    }

    /// The root hash.
    pub fn root(&self) -> &Hash {
        &self.checkpoint.root
    }

    /// Two contradicting heads of one log as JSON, for people and courts: both notes, whole.
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
