//! A key as the anchor lists it: its state, and the verdict that follows for the records that it signed.

use std::ops::Range;

use crate::trust::keys::{KeyError, KeyId, PublicKey, Signer};
use crate::trust::verdict::{Code, Verdict};

/// A key and its state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRecord {
    /// The key; decides the algorithm.
    pub key: PublicKey,
    /// The ledger index from which it may have signed.
    pub from_index: u64,
    /// Its state.
    pub state: KeyState,
    /// For a compromised key: the half-open ranges of ledger indices that its issuer examined and re-attested.
    pub reattested: Vec<Range<u64>>,
}

/// The state of a key. Indices are those of the record ledger: order is decided there, not by clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyState {
    /// In use.
    Active,
    /// Replaced in good order.
    Rotated {
        /// Index of the key event.
        event_index: u64,
    },
    /// Somebody else may have signed with it.
    Compromised {
        /// Index from which its signatures are suspect.
        suspect_from: u64,
        /// Index of the key event.
        event_index: u64,
    },
    /// Its issuer lost the right to issue.
    Withdrawn {
        /// Index of the key event.
        event_index: u64,
    },
}

impl KeyRecord {
    /// A key in use from the beginning: the signer's.
    pub fn active(signer: &dyn Signer) -> Result<Self, KeyError> {
        let key = PublicKey::new(signer.algorithm(), signer.public_key())?;
        Ok(Self { key, from_index: 0, state: KeyState::Active, reattested: Vec::new() })
    }

    /// The key's id.
    pub fn id(&self) -> KeyId {
        self.key.id()
    }

    /// The verdict of the key's state on a record at this index of the ledger, or on one that is not in it.
    ///
    /// | state | index < suspect_from | suspect_from ≤ index < event | from the event on | not in the ledger |
    /// |---|---|---|---|---|
    /// | rotated | VALID | VALID | INVALID | INDETERMINATE NO_POE |
    /// | compromised | VALID | INDETERMINATE REVOKED_NO_POE | INVALID | INVALID |
    /// | withdrawn | VALID | VALID | INVALID | INVALID |
    ///
    /// A compromised key's record between `suspect_from` and the event is VALID once its index is re-attested.
    pub fn judge(&self, index: Option<u64>) -> Verdict {
        const INVALID: Verdict = Verdict::Invalid(Code::KeyNotValid);
        let Some(index) = index else {
            return match self.state {
                KeyState::Active => Verdict::Valid,
                KeyState::Rotated { .. } => Verdict::Indeterminate(Code::NoPoe),
                KeyState::Compromised { .. } | KeyState::Withdrawn { .. } => INVALID,
            };
        };
        if index < self.from_index {
            return INVALID;
        }
        match self.state {
            KeyState::Active => Verdict::Valid,
            KeyState::Rotated { event_index } | KeyState::Withdrawn { event_index } if index < event_index => {
                Verdict::Valid
            }
            KeyState::Compromised { suspect_from, event_index } if index < suspect_from.min(event_index) => {
                Verdict::Valid
            }
            KeyState::Compromised { event_index, .. } if index < event_index => {
                if self.reattested.iter().any(|range| range.contains(&index)) {
                    return Verdict::Valid;
                }
                Verdict::Indeterminate(Code::RevokedNoPoe)
            }
            _ => INVALID,
        }
    }
}

/// The verdict of the states of its issuer's `keys` on a record under a checkpoint of `signer`, one of them.
///
/// A log outlives its keys: after a rotation its next key signs the tree over everything that its former keys signed, and
/// so a checkpoint of a later key than that of the record's ledger position is not an error. The record is then judged by the key that was in
/// use at its position; a compromise is not cleared by the successor's signature, only by re-attestation.
pub fn judge_signed(keys: &[KeyRecord], signer: &KeyRecord, index: Option<u64>) -> Verdict {
    match index {
        Some(place) if place < signer.from_index => {
            let former = keys.iter().filter(|key| key.from_index <= place).map(|key| key.judge(index));
            former.min_by_key(|verdict| verdict.badness()).unwrap_or(Verdict::Invalid(Code::KeyNotValid))
        }
        _ => signer.judge(index),
    }
}
