//! How one version of the key registry follows another.
//!
//! The rules are those of TUF's root role, and one more: history stays. A verifier with version N accepts N+1 if
//!
//! | rule | otherwise |
//! |---|---|
//! | it is of the same province, and its version is exactly one more | [`NextError::Province`], [`NextError::Version`] |
//! | root keys of N, at least as many as N's threshold, signed it | [`NextError::Signatures`] |
//! | root keys of N+1, at least as many as its own threshold, signed it | [`NextError::Signatures`] |
//! | no signature under the id of one of those keys is bad; a key counts once | [`NextError::BadSignature`] |
//! | no log, issuer or key is gone, moved or back in use, no event's index has changed, new ones are `events_from` | [`NextError::History`] |
//! | it has not expired; of a chain, the last one | [`NextError::Expired`] |
//!
//! The second rule shows that the new owners hold their keys. The one about history keeps old records verifiable: a key
//! that is out of use is still the one that signed them.

use super::KeyRecord;
use super::{KeyState, Root, RootSignature, TrustAnchor};
use crate::base::{Result, Timestamp};
use crate::trust::key_event::KeyEvent;
use crate::trust::keys::{PublicKey, Signer};

/// The reason why a version does not follow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NextError {
    /// There is nobody who could sign a successor.
    #[error("the previous version has no root keys, so it can have no successor")]
    NoRoot,
    /// Another province's.
    #[error("it belongs to another province")]
    Province,
    /// Versions are skipped or repeated.
    #[error("it is version {found}, but version {wanted} is next")]
    Version {
        /// The version that would follow.
        wanted: u64,
        /// The version found.
        found: u64,
    },
    /// Too few root keys signed.
    #[error("{found} root keys of version {version} signed it, but {wanted} are required")]
    Signatures {
        /// The version whose root keys are counted.
        version: u64,
        /// The threshold.
        wanted: u32,
        /// Distinct keys with a good signature.
        found: u32,
    },
    /// A root key's signature does not verify.
    #[error("a root key's signature does not verify")]
    BadSignature,
    /// An earlier statement is taken back.
    #[error("it contradicts the previous version: {0}")]
    History(String),
    /// Too old.
    #[error("it expired at {0}")]
    Expired(Timestamp),
    /// It cannot be written in canonical form.
    #[error("{0}")]
    Form(String),
}

/// Whether `next` follows `current`, by the rules of this module.
pub fn accept_next(current: &TrustAnchor, next: &TrustAnchor, now: Timestamp) -> Result<(), NextError> {
    follows(current, next)?;
    if now >= next.expires_at { Err(NextError::Expired(next.expires_at)) } else { Ok(()) }
}

/// Whether each of `chain` follows the one before, beginning after `current`; returns the newest. Versions in between
/// may have expired: they only lead to the last. Versions not newer than `current` are ignored.
pub fn accept_chain(
    current: &TrustAnchor,
    chain: impl IntoIterator<Item = TrustAnchor>,
    now: Timestamp,
) -> Result<TrustAnchor, NextError> {
    let mut newest = current.clone();
    for next in chain.into_iter().filter(|next| next.version > current.version) {
        follows(&newest, &next)?;
        newest = next;
    }
    if now >= newest.expires_at { Err(NextError::Expired(newest.expires_at)) } else { Ok(newest) }
}

impl TrustAnchor {
    /// Adds the signature of a root key.
    pub fn sign(&mut self, signer: &dyn Signer) -> Result<()> {
        let key = PublicKey::new(signer.algorithm(), signer.public_key()).map_err(crate::base::Error::bug)?;
        let signature = signer.sign(&self.canonical_bytes()?)?;
        self.signatures.retain(|old| old.key_id != key.id());
        self.signatures.push(RootSignature { key_id: key.id(), signature });
        Ok(())
    }

    /// A version that names root keys is signed by them, or somebody has changed it.
    pub(super) fn check_own_signatures(&self) -> Result<(), NextError> {
        if self.root == Root::default() { Ok(()) } else { self.check_signed_by(&self.root, self.version) }
    }

    fn check_signed_by(&self, root: &Root, version: u64) -> Result<(), NextError> {
        let bytes = self.canonical_bytes().map_err(|error| NextError::Form(error.message.clone()))?;
        let mut found = 0;
        for key in &root.keys {
            let id = key.id();
            let mut signatures = self.signatures.iter().filter(|signature| signature.key_id == id).peekable();
            found += u32::from(signatures.peek().is_some());
            if signatures.any(|signature| key.verify(&bytes, &signature.signature).is_err()) {
                return Err(NextError::BadSignature);
            }
        }
        let wanted = root.threshold;
        if found < wanted { Err(NextError::Signatures { version, wanted, found }) } else { Ok(()) }
    }

    /// All keys, each with the origin of its log.
    pub fn keys(&self) -> impl Iterator<Item = (&str, &KeyRecord)> {
        let logs = self.logs.iter().map(|log| (log.origin.as_str(), &log.keys));
        let issuers = self.issuers.iter().map(|issuer| (issuer.origin.as_str(), &issuer.keys));
        logs.chain(issuers).flat_map(|(origin, keys)| keys.iter().map(move |key| (origin, key)))
    }
}

fn follows(current: &TrustAnchor, next: &TrustAnchor) -> Result<(), NextError> {
    if current.root == Root::default() || next.root == Root::default() {
        return Err(NextError::NoRoot);
    }
    if next.province != current.province {
        return Err(NextError::Province);
    }
    let wanted = current.version + 1;
    if next.version != wanted {
        return Err(NextError::Version { wanted, found: next.version });
    }
    next.check_signed_by(&current.root, current.version)?;
    next.check_signed_by(&next.root, next.version)?;
    check_history(current, next).map_err(NextError::History)?;
    KeyEvent::between(Some(current), next).map(|_| ()).map_err(NextError::History)
}

fn check_history(current: &TrustAnchor, next: &TrustAnchor) -> Result<(), String> {
    if next.events_from < current.events_from {
        return Err("its events precede those of the version before".into());
    }
    for log in &current.logs {
        if !next.logs.iter().any(|other| (&other.origin, other.purpose) == (&log.origin, log.purpose)) {
            return Err(format!("the log {} is gone", log.origin));
        }
    }
    for issuer in &current.issuers {
        if next.issuer(&issuer.name).is_none_or(|other| other.origin != issuer.origin) {
            return Err(format!("the issuer {} is gone", issuer.name));
        }
    }
    for (origin, from) in next.continuations() {
        let known = current.continuations().find(|(known, _)| *known == origin).map(|(_, from)| from);
        if known.unwrap_or_default() != from {
            return Err(format!("the log {origin} continues another than before"));
        }
    }
    for (origin, old) in current.keys() {
        let id = crate::base::id::to_hex(&old.id());
        let found = next.keys().find(|(_, key)| key.key == old.key);
        let Some((owner, new)) = found else { return Err(format!("the key {id} is gone")) };
        if owner != origin || new.from_index != old.from_index {
            return Err(format!("the key {id} belongs to another log, or begins at another index"));
        }
        if !may_become(old.state, new.state) {
            return Err(format!("the key {id} is back in use, or its event has another index"));
        }
        if !old.reattested.iter().all(|range| new.reattested.contains(range)) {
            return Err(format!("a re-attestation of the key {id} is gone"));
        }
    }
    Ok(())
}

/// A key only gets worse: in use, out of use, compromised. The index from which it is out of use stays; suspicion may reach
/// further back.
fn may_become(old: KeyState, new: KeyState) -> bool {
    use KeyState::{Active, Compromised, Rotated, Withdrawn};
    match (old, new) {
        (Active, _) => true,
        (Rotated { event_index: out }, Withdrawn { event_index }) => event_index == out,
        (Rotated { event_index: out } | Withdrawn { event_index: out }, Compromised { suspect_from, event_index }) => {
            event_index == out && suspect_from <= out
        }
        (Compromised { suspect_from: before, event_index: out }, Compromised { suspect_from, event_index }) => {
            event_index == out && suspect_from <= before
        }
        (old, new) => old == new,
    }
}

#[cfg(test)]
mod tests;
