//! The trust anchor: what a verifier must already know. Which logs a province has and whose keys they are, which
//! issuer may issue what, in what state each key is, and until when all this may be believed.
//!
//! It is a JSON file, `lienthong/anchor/v1`. Its fingerprint is SHA-256 of the same JSON in canonical form and without
//! its signatures, so that two people can compare what they trust without comparing white space.
//!
//! The anchor is the newest version of the province's key registry. It names the **root** keys that sign the next
//! version ([`accept_next`]); who has one version can take up the next without asking anybody. An anchor without root
//! keys stands alone: it is believed because somebody compared its fingerprint, and it has no successor.

use std::ops::Range;

use sha2::{Digest, Sha256};

use super::canonical::{INTEGER_MAX, write};
use super::keys::{Algorithm, KeyError, KeyId, PublicKey, Signer};
use super::merkle::Hash;
use super::statement::is_statement_name;
use super::verdict::{Code, Verdict};
use crate::base::{Error, Reason, Result, Timestamp};

mod change;
mod file;
mod succession;
#[cfg(test)]
mod tests;

pub use change::{ChangeError, KeyChange};
pub use succession::{NextError, Root, RootSignature, accept_chain, accept_next};

/// The largest anchor file, in bytes.
pub const ANCHOR_BYTES_MAX: usize = 1 << 20;

/// What a verifier trusts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustAnchor {
    /// The province's code: `H27`.
    pub province: String,
    /// Grows by one with every change.
    pub version: u64,
    /// From when on nothing may be called VALID by it.
    pub expires_at: Timestamp,
    /// The province's own logs.
    pub logs: Vec<LogAnchor>,
    /// Those who issue records.
    pub issuers: Vec<IssuerAnchor>,
    /// Record ledger index of the first key event of this version.
    pub events_from: u64,
    /// Who signs the next version.
    pub root: Root,
    /// Signatures of root keys over [`canonical_bytes`](Self::canonical_bytes).
    pub signatures: Vec<RootSignature>,
}

/// A log of the province.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogAnchor {
    /// The first line of its checkpoints, and the name of its keys: `lienthong/H27/records`.
    pub origin: String,
    /// What it is for.
    pub purpose: LogPurpose,
    /// The keys that sign its checkpoints.
    pub keys: Vec<KeyRecord>,
}

/// What a log of the province is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LogPurpose {
    /// The record ledger.
    Records,
    /// The evidence ledger of exchanges.
    Evidence,
}

/// A registry that issues records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuerAnchor {
    /// Its name in statements: `land`.
    pub name: String,
    /// The first line of its log's checkpoints, and the name of its keys: `lienthong/H27/land`.
    pub origin: String,
    /// The record types that it may issue.
    pub schemas: Vec<String>,
    /// The keys that sign its checkpoints.
    pub keys: Vec<KeyRecord>,
}

/// A key and its state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRecord {
    /// The key; decides the algorithm.
    pub key: PublicKey,
    /// The ledger index from which it may have signed.
    pub from_index: u64,
    /// Its state.
    pub state: KeyState,
    /// For a compromised key: what its issuer examined and stands by, as half-open ranges of ledger indices.
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

    /// What the key's state says about a record at this index of the ledger, or about one that is not in it.
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

/// What the state of its issuer's `keys` says about a record that stands under a checkpoint of `signer`, one of them.
///
/// A log outlives its keys: after a rotation its next key signs the tree over everything that its former keys signed, and
/// so a checkpoint of a later key than the record's place is no fault. The record is then judged by the key that was in
/// use at its place; a compromise is not cleared by the successor's signature, only by re-attestation.
pub fn judge_signed(keys: &[KeyRecord], signer: &KeyRecord, index: Option<u64>) -> Verdict {
    match index {
        Some(place) if place < signer.from_index => {
            let former = keys.iter().filter(|key| key.from_index <= place).map(|key| key.judge(index));
            former.min_by_key(|verdict| verdict.badness()).unwrap_or(Verdict::Invalid(Code::KeyNotValid))
        }
        _ => signer.judge(index),
    }
}

impl TrustAnchor {
    /// Reads the file; refuses unknown fields, keys whose id is not theirs, and names that occur twice.
    pub fn from_json(json: &[u8]) -> Result<Self> {
        let anchor = Self::draft_from_json(json)?;
        anchor.check_own_signatures().map_err(refuse)?;
        Ok(anchor)
    }

    /// Reads a version that root keys are still to sign. Nothing may be believed by it.
    pub fn draft_from_json(json: &[u8]) -> Result<Self> {
        if json.len() > ANCHOR_BYTES_MAX {
            return Err(refuse("it is larger than 1 MiB"));
        }
        let anchor = file::AnchorFile::read(json).and_then(file::AnchorFile::into_anchor).map_err(refuse)?;
        anchor.check()?;
        if anchor.root == Root::default() && !anchor.signatures.is_empty() {
            return Err(refuse("it has signatures, and no root keys that could have made them"));
        }
        Ok(anchor)
    }

    /// Writes the file, for people to read: indented, with a last newline.
    pub fn to_json(&self) -> Result<Vec<u8>> {
        self.check()?;
        let mut json = serde_json::to_vec_pretty(&file::AnchorFile::of(self)).map_err(Error::bug)?;
        json.push(b'\n');
        Ok(json)
    }

    /// The file's contents in canonical form, without the signatures: what root keys sign.
    pub fn canonical_bytes(&self) -> Result<Vec<u8>> {
        self.check()?;
        let json = serde_json::to_value(file::AnchorFile::unsigned(self)).map_err(Error::bug)?;
        let object = file::to_object(json).ok_or_else(|| Error::bug("an anchor that is no object"))?;
        Ok(write(&object))
    }

    /// SHA-256 of [`canonical_bytes`](Self::canonical_bytes).
    pub fn fingerprint(&self) -> Result<Hash> {
        Ok(Sha256::digest(self.canonical_bytes()?).into())
    }

    /// The issuer of this name.
    pub fn issuer(&self, name: &str) -> Option<&IssuerAnchor> {
        self.issuers.iter().find(|issuer| issuer.name == name)
    }

    fn check(&self) -> Result<()> {
        if self.expires_at.civil().is_none() {
            return Err(refuse("an anchor expires at some time"));
        }
        let origins = self.logs.iter().map(|log| &log.origin).chain(self.issuers.iter().map(|issuer| &issuer.origin));
        if let Some(twice) = first_double(origins) {
            return Err(refuse(format!("origin {twice} occurs twice")));
        }
        if let Some(twice) = first_double(self.issuers.iter().map(|issuer| &issuer.name)) {
            return Err(refuse(format!("issuer {twice} occurs twice")));
        }
        let names = self.issuers.iter().flat_map(|issuer| issuer.schemas.iter().chain([&issuer.name]));
        if let Some(bad) = names.into_iter().find(|name| !is_statement_name(name.as_bytes())) {
            return Err(refuse(format!("{bad:?} cannot stand in a statement")));
        }
        let keys = || self.logs.iter().flat_map(|log| &log.keys).chain(self.issuers.iter().flat_map(|i| &i.keys));
        if first_double(keys().map(KeyRecord::id)).is_some() {
            return Err(refuse("a key occurs twice"));
        }
        self.root.check().map_err(refuse)?;
        let ranges = || keys().flat_map(|key| &key.reattested);
        if ranges().any(|range| range.is_empty() || range.end > INTEGER_MAX as u64) {
            return Err(refuse("a re-attested range is empty or too large"));
        }
        let indices = keys().flat_map(|key| match key.state {
            KeyState::Active => [key.from_index, 0, 0],
            KeyState::Rotated { event_index } | KeyState::Withdrawn { event_index } => [key.from_index, event_index, 0],
            KeyState::Compromised { suspect_from, event_index } => [key.from_index, event_index, suspect_from],
        });
        if indices.chain([self.version, self.events_from]).any(|number| number > INTEGER_MAX as u64) {
            return Err(refuse("a number is above 2^53-1"));
        }
        Ok(())
    }
}

fn refuse(why: impl std::fmt::Display) -> Error {
    Error::new(Reason::ConfigurationInvalid, format!("not a trust anchor: {why}"))
}

fn first_double<T: Ord + Clone>(items: impl Iterator<Item = T>) -> Option<T> {
    let mut items: Vec<T> = items.collect();
    items.sort();
    items.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0].clone())
}
