//! The verifier: a record, a trust anchor and the time in; a verdict and every check out.
//!
//! No I/O, no clock, nothing but `base` and this module, so that it runs wherever a record is read. The checks of a
//! record, in the order of the report:
//!
//! | check | holds when | otherwise |
//! |---|---|---|
//! | `anchor_current` | now is before the anchor's expiry | INDETERMINATE TRY_LATER |
//! | `statement_decodes` | the statement is in its one encoding | INVALID MALFORMED |
//! | `issuer_signature` | a key of the log named by the checkpoint's origin signed it, and none did badly | INVALID NO_TRUSTED_SIGNATURE |
//! | `issuer_agreement` | statement, log origin and key owner name one issuer | INVALID ISSUER_MISMATCH |
//! | `schema_allowed` | the anchor lets the issuer issue the record type | INVALID NOT_AUTHORISED |
//! | `issuer_inclusion` | the statement is in the issuer's log at the index | INVALID INCLUSION |
//! | `ledger_signature` | the province's key signed the record ledger's checkpoint | INVALID NO_TRUSTED_SIGNATURE |
//! | `ledger_inclusion` | the statement's entry is in the record ledger at the index | INVALID INCLUSION; without proof INDETERMINATE NO_POE |
//! | `key_state` | the issuer's key was good at that index, see [`judge_signed`] | INVALID KEY_NOT_VALID, INDETERMINATE REVOKED_NO_POE or NO_POE |
//! | `canonical` | payload, names and values are in the canonical form | INVALID NON_CANONICAL |
//! | `payload` | the commitments lead to the statement's `fields_root` | INVALID PAYLOAD_MISMATCH |
//! | `field_count` | there are as many fields as the statement says | INVALID PAYLOAD_MISMATCH |
//! | `issued_not_in_future` | issued at most five minutes ahead of now | INVALID ISSUED_IN_FUTURE |
//! | `validity_window` | now lies in the record's validity; information only | skipped, never a failure |
//!
//! One cause often fails several checks. The verdict is that of the weightiest failure: whatever proves the record
//! wrong comes before whatever is only missing, and the cause before its consequences.

use std::sync::{Arc, PoisonError, RwLock};

#[cfg(doc)]
use super::anchor::judge_signed;
use super::anchor::{Continued, KeyRecord, KeyState, LogPurpose, TrustAnchor};
use super::merkle::Hash;
use super::note::{Checkpoint, Note, NoteError};
use bytes::Bytes;
use quick_cache::sync::Cache;

mod batch;
mod check;
mod proved;
#[cfg(test)]
mod tests;

pub use batch::{BatchError, BatchRecord, VerifiedBatch};

use proved::Proved;

/// How many verified checkpoints are remembered.
const CACHED_CHECKPOINTS_MAX: usize = 4_096;
/// Longer notes are verified each time, so that the cache stays small.
const CACHED_NOTE_BYTES_MAX: usize = 2_048;

/// Verifies records against a trust anchor. Remembers the checkpoints that it has verified: a signature costs more
/// than everything else together, and one checkpoint covers thousands of records. Shared freely between threads.
///
/// Its anchor can be replaced while it works ([`adopt`](Self::adopt)); each record is judged by one anchor whole.
pub struct Verifier {
    beliefs: RwLock<Arc<Beliefs>>,
}

/// An anchor, made ready for use, and what has been verified by it.
struct Beliefs {
    anchor: Arc<TrustAnchor>,
    owners: Vec<Owner>,
    verified: Cache<Bytes, Arc<SignedHead>>,
    proved: Proved,
}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let beliefs = self.beliefs();
        write!(f, "Verifier({}, {} checkpoints verified)", beliefs.anchor.province, beliefs.verified.len())
    }
}

/// The owner of a log: a position in the anchor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OwnerRef {
    Issuer(usize),
    Log(usize, LogPurpose),
}

/// A log of the anchor with its keys' note ids, which cost a hash each.
#[derive(Debug)]
struct Owner {
    who: OwnerRef,
    origin: String,
    keys: Vec<(u32, KeyRecord)>,
    /// The head with which it took over from another log.
    continues: Option<Continued>,
}

/// A checkpoint whose signatures verified.
#[derive(Debug)]
struct SignedHead {
    who: OwnerRef,
    size: u64,
    root: Hash,
    /// The keys that signed.
    keys: Vec<KeyRecord>,
}

/// The reason why a checkpoint is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HeadError {
    /// It is not a signed note of a checkpoint.
    #[error(transparent)]
    Form(#[from] NoteError),
    /// It names a log that is not the anchor's, or not the one that it should be of.
    #[error("the trust anchor has no log of this origin")]
    UnknownOrigin,
    /// No known key signed it.
    #[error("no key of the trust anchor for this log signed the checkpoint")]
    UnknownKey,
    /// A known key of another log signed it.
    #[error("a key of another owner signed the checkpoint of this log")]
    OtherOwner,
    /// Only keys that are compromised signed it.
    #[error("the key that signed the checkpoint is compromised")]
    CompromisedKey,
    /// It is from a time at which the log belonged to another one, or of another history.
    #[error("the checkpoint is from before its log took over from another, or is of another tree of that size")]
    NotContinued,
    /// A key of the log signed something else.
    #[error("the signature of a known key does not verify")]
    BadSignature,
}

impl Verifier {
    /// A verifier by `anchor`.
    pub fn new(anchor: impl Into<Arc<TrustAnchor>>) -> Self {
        Self { beliefs: RwLock::new(Arc::new(Beliefs::new(anchor.into()))) }
    }

    /// Its anchor.
    pub fn anchor(&self) -> Arc<TrustAnchor> {
        self.beliefs().anchor.clone()
    }

    /// Verifies by another anchor from now on, and forgets what was verified by the old one. Whether it may follow is for
    /// [`accept_next`](super::accept_next) to say.
    pub fn adopt(&self, anchor: impl Into<Arc<TrustAnchor>>) {
        let beliefs = Arc::new(Beliefs::new(anchor.into()));
        *self.beliefs.write().unwrap_or_else(PoisonError::into_inner) = beliefs;
    }

    /// How many entries a checkpoint of the province's own log covers, if it is accepted.
    pub fn log_size(&self, purpose: LogPurpose, note: &Bytes) -> Result<u64, HeadError> {
        let head = self.beliefs().head(note)?;
        match head.who {
            OwnerRef::Log(_, of) if of != purpose => Err(HeadError::UnknownOrigin),
            OwnerRef::Issuer(_) => Err(HeadError::UnknownOrigin),
            // The holder of a compromised key can sign any head, of any time.
            _ if head.keys.iter().all(|key| matches!(key.state, KeyState::Compromised { .. })) => {
                Err(HeadError::CompromisedKey)
            }
            _ => Ok(head.size),
        }
    }

    fn beliefs(&self) -> Arc<Beliefs> {
        // Only a pointer is replaced under the lock, so it is whole even if poisoned.
        self.beliefs.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Beliefs {
    fn new(anchor: Arc<TrustAnchor>) -> Self {
        let owner = |who, origin: &str, keys: &[KeyRecord], continues: &[Continued]| {
            let keys = keys.iter().map(|record| (record.key.note_key_id(origin), record.clone())).collect();
            Owner { who, origin: origin.to_owned(), keys, continues: continues.last().cloned() }
        };
        let issuers = anchor.issuers.iter().enumerate();
        let issuers = issuers.map(|(at, of)| owner(OwnerRef::Issuer(at), &of.origin, &of.keys, &of.continues));
        let logs = anchor.logs.iter().enumerate();
        let logs = logs.map(|(at, log)| owner(OwnerRef::Log(at, log.purpose), &log.origin, &log.keys, &log.continues));
        let owners = issuers.chain(logs).collect();
        Self { anchor, owners, verified: Cache::new(CACHED_CHECKPOINTS_MAX), proved: Proved::new() }
    }

    /// The checkpoint of a note, if a key of the log that it names signed it, whoever's log that is.
    fn head(&self, note: &Bytes) -> Result<Arc<SignedHead>, HeadError> {
        if let Some(head) = self.verified.get(note) {
            return Ok(head);
        }
        let head = Arc::new(self.verify_head(note)?);
        if note.len() <= CACHED_NOTE_BYTES_MAX {
            // a copy of its own: the note may be a slice that keeps a whole message alive
            self.verified.insert(Bytes::copy_from_slice(note), head.clone());
        }
        Ok(head)
    }

    fn verify_head(&self, note: &[u8]) -> Result<SignedHead, HeadError> {
        let note = Note::parse(note)?;
        let Checkpoint { origin, size, root } = Checkpoint::parse(note.text)?;
        let owner = self.owners.iter().find(|owner| owner.origin == origin).ok_or(HeadError::UnknownOrigin)?;
        let mut keys: Vec<KeyRecord> = Vec::new();
        for line in note.signatures.iter().filter(|line| line.name == owner.origin) {
            for (_, record) in owner.keys.iter().filter(|(id, _)| *id == line.key_id) {
                record.key.verify(note.text.as_bytes(), &line.signature).map_err(|_| HeadError::BadSignature)?;
                if !keys.contains(record) {
                    keys.push(record.clone());
                }
            }
        }
        if keys.is_empty() {
            return Err(self.stranger(&note, owner));
        }
        if owner.continues.as_ref().is_some_and(|from| !from.allows(size, &root)) {
            return Err(HeadError::NotContinued);
        }
        Ok(SignedHead { who: owner.who, size, root, keys })
    }

    /// Tells a checkpoint that another owner's key signed from one that nobody known signed.
    fn stranger(&self, note: &Note<'_>, owner: &Owner) -> HeadError {
        let others = self.owners.iter().filter(|other| other.who != owner.who);
        for other in others {
            for (id, record) in &other.keys {
                // under its own name, or under the name of the log that it pretends to be of
                let claims = note.signatures.iter().filter(|line| {
                    (line.name == other.origin && line.key_id == *id) || line.is_by(&owner.origin, &record.key)
                });
                for line in claims {
                    if record.key.verify(note.text.as_bytes(), &line.signature).is_ok() {
                        return HeadError::OtherOwner;
                    }
                }
            }
        }
        HeadError::UnknownKey
    }
}
