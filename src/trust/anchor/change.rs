//! Changes of keys, as the next version of an anchor; its signers and its acceptance are decided elsewhere.

use std::ops::Range;

use super::{IssuerAnchor, KeyRecord, KeyState, Root, TrustAnchor};
use crate::base::Timestamp;
use crate::base::id::to_hex;
use crate::trust::keys::{KeyId, PublicKey};

/// A change of keys. All indices of a version's events are one: that of the first of its key events in the record
/// ledger, which form one block without statements between them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyChange {
    /// Replaces the key in use of a log in good order.
    Rotate {
        /// The log.
        origin: String,
        /// Its next key.
        successor: PublicKey,
    },
    /// States that somebody else may have signed with a key. The log's key in use needs a successor.
    Compromise {
        /// The key.
        key: KeyId,
        /// Ledger index from which its signatures are suspect.
        suspect_from: u64,
        /// The log's next key.
        successor: Option<PublicKey>,
    },
    /// Withdraws an issuer's right to issue.
    Withdraw {
        /// The issuer's name.
        issuer: String,
    },
    /// Admits issuers, or further record types of known issuers.
    Admit(Vec<Newcomer>),
    /// Re-attests records of a compromised key, after examination.
    Reattest {
        /// The key.
        key: KeyId,
        /// Their indices in the record ledger.
        range: Range<u64>,
    },
    /// Changes nothing but version and expiry.
    Renew,
    /// Names the root keys that sign from now on; the old and the new ones have to sign this version.
    Root(Root),
}

/// The admitted issuer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Newcomer {
    /// The issuer's name.
    pub name: String,
    /// The first line of its log's checkpoints.
    pub origin: String,
    /// The record types that it may issue from now on, in addition to the present ones.
    pub schemas: Vec<String>,
    /// Its key; `None` if the issuer is known and has one.
    pub key: Option<PublicKey>,
}

impl KeyChange {
    /// The keys that come with it, and root keys that stay.
    pub fn keys(&self) -> Vec<PublicKey> {
        match self {
            Self::Rotate { successor, .. } => vec![successor.clone()],
            Self::Compromise { successor, .. } => successor.iter().cloned().collect(),
            Self::Admit(newcomers) => newcomers.iter().filter_map(|newcomer| newcomer.key.clone()).collect(),
            Self::Root(root) => root.keys.clone(),
            Self::Withdraw { .. } | Self::Reattest { .. } | Self::Renew => Vec::new(),
        }
    }
}

/// The reason why a change cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError {
    /// No such log, issuer or key.
    #[error("the key registry has no {0}")]
    Unknown(String),
    /// The issuer was admitted before.
    #[error("the key registry has the issuer {0} already")]
    Known(String),
    /// The key's state does not allow it.
    #[error("key {key}: {why}")]
    State {
        /// The key's id.
        key: String,
        /// Why.
        why: &'static str,
    },
    /// The issuer has no right to issue any more.
    #[error("the issuer {0} was withdrawn already")]
    Withdrawn(String),
    /// The record ledger has no such index yet.
    #[error("the record ledger does not reach the index {0} yet: name one of its entries, or the next one")]
    BeyondLedger(u64),
    /// Only suspect records can be re-attested.
    #[error("the range is not within the suspect indices: from {suspect_from}, below {event_index}")]
    Range {
        /// The first suspect index.
        suspect_from: u64,
        /// The index of the event that ended the key's use.
        event_index: u64,
    },
    /// Nobody could sign by these rules.
    #[error("the root keys: {0}")]
    Root(String),
    /// The successor is a key that is known already.
    #[error("the next key is already in the key registry")]
    KnownKey,
}

impl TrustAnchor {
    /// The next version, unsigned, whose key events begin at ledger index `at`.
    pub fn changed(&self, change: &KeyChange, at: u64, expires_at: Timestamp) -> Result<Self, ChangeError> {
        let mut next = self.clone();
        next.version += 1;
        next.expires_at = expires_at;
        next.events_from = at;
        next.signatures.clear();
        match change {
            KeyChange::Rotate { origin, successor } => {
                let keys = next.keys_of_mut(origin)?;
                let active = keys.iter_mut().find(|key| key.state == KeyState::Active);
                let active = active.ok_or_else(|| ChangeError::Unknown(format!("key in use of {origin}")))?;
                active.state = KeyState::Rotated { event_index: at };
                keys.push(fresh(successor, at));
            }
            KeyChange::Compromise { key, suspect_from, successor } => {
                next.compromise(key, *suspect_from, successor.as_ref(), at)?;
            }
            KeyChange::Withdraw { issuer } => {
                let found = next.issuers.iter_mut().find(|known| known.name == *issuer);
                let found = found.ok_or_else(|| ChangeError::Unknown(format!("issuer {issuer}")))?;
                let active = found.keys.iter_mut().find(|key| key.state == KeyState::Active);
                let active = active.ok_or_else(|| ChangeError::Withdrawn(issuer.clone()))?;
                active.state = KeyState::Withdrawn { event_index: at };
            }
            KeyChange::Admit(newcomers) => newcomers.iter().try_for_each(|newcomer| next.admit(newcomer, at))?,
            KeyChange::Reattest { key, range } => {
                let (_, record) = next.key_mut(key)?;
                let KeyState::Compromised { suspect_from, event_index } = record.state else {
                    return Err(state(key, "only records of a compromised key need re-attestation"));
                };
                if range.is_empty() || range.start < suspect_from || range.end > event_index {
                    return Err(ChangeError::Range { suspect_from, event_index });
                }
                if record.reattested.contains(range) {
                    return Err(state(key, "the range is re-attested already"));
                }
                record.reattested.push(range.clone());
            }
            KeyChange::Renew => {}
            KeyChange::Root(root) => {
                if root.keys.is_empty() {
                    return Err(ChangeError::Root("at least one root key has to sign".into()));
                }
                root.check().map_err(ChangeError::Root)?;
                next.root = root.clone();
            }
        }
        let mut ids: Vec<KeyId> = next.keys().map(|(_, key)| key.id()).collect();
        ids.sort_unstable();
        if ids.windows(2).any(|pair| pair[0] == pair[1]) { Err(ChangeError::KnownKey) } else { Ok(next) }
    }

    fn admit(&mut self, newcomer: &Newcomer, at: u64) -> Result<(), ChangeError> {
        let Newcomer { name, origin, schemas, key } = newcomer;
        match (self.issuers.iter_mut().find(|known| known.name == *name), key) {
            (Some(known), None) => {
                let fresh = schemas.iter().filter(|schema| !known.schemas.contains(schema)).cloned();
                let fresh: Vec<String> = fresh.collect();
                known.schemas.extend(fresh);
            }
            (None, Some(key)) => self.issuers.push(IssuerAnchor {
                continues: Vec::new(),
                name: name.clone(),
                origin: origin.clone(),
                schemas: schemas.clone(),
                keys: vec![fresh(key, at)],
            }),
            (Some(_), Some(_)) => return Err(ChangeError::Known(name.clone())),
            (None, None) => return Err(ChangeError::Unknown(format!("issuer {name}"))),
        }
        Ok(())
    }

    fn compromise(
        &mut self,
        key: &KeyId,
        suspect_from: u64,
        successor: Option<&PublicKey>,
        at: u64,
    ) -> Result<(), ChangeError> {
        let (origin, record) = self.key_mut(key)?;
        let event_index = match record.state {
            KeyState::Active => at,
            KeyState::Rotated { event_index } | KeyState::Withdrawn { event_index } => event_index,
            KeyState::Compromised { suspect_from: before, event_index } if suspect_from < before => event_index,
            KeyState::Compromised { .. } => return Err(state(key, "it is already suspect from that index on")),
        };
        if suspect_from > at {
            return Err(ChangeError::BeyondLedger(suspect_from));
        }
        if suspect_from > event_index {
            return Err(state(key, "it went out of use before it became suspect"));
        }
        let was_active = record.state == KeyState::Active;
        record.state = KeyState::Compromised { suspect_from, event_index };
        match successor {
            Some(successor) if was_active => self.keys_of_mut(&origin)?.push(fresh(successor, at)),
            None if was_active => return Err(state(key, "it is in use, so its log needs a next key")),
            Some(_) => return Err(state(key, "it is out of use, so its log needs no next key")),
            None => {}
        }
        Ok(())
    }

    fn keys_of_mut(&mut self, origin: &str) -> Result<&mut Vec<KeyRecord>, ChangeError> {
        let logs = self.logs.iter_mut().map(|log| (&log.origin, &mut log.keys));
        let issuers = self.issuers.iter_mut().map(|issuer| (&issuer.origin, &mut issuer.keys));
        let found = logs.chain(issuers).find(|(name, _)| *name == origin);
        found.map(|(_, keys)| keys).ok_or_else(|| ChangeError::Unknown(format!("log {origin}")))
    }

    fn key_mut(&mut self, id: &KeyId) -> Result<(String, &mut KeyRecord), ChangeError> {
        let origin = self.keys().find(|(_, key)| key.id() == *id).map(|(origin, _)| origin.to_owned());
        let unknown = || ChangeError::Unknown(format!("key {}", to_hex(id)));
        let origin = origin.ok_or_else(unknown)?;
        let record = self.keys_of_mut(&origin)?.iter_mut().find(|key| key.id() == *id);
        record.map(|record| (origin, record)).ok_or_else(unknown)
    }
}

fn fresh(key: &PublicKey, from_index: u64) -> KeyRecord {
    KeyRecord { key: key.clone(), from_index, state: KeyState::Active, reattested: Vec::new() }
}

fn state(key: &KeyId, why: &'static str) -> ChangeError {
    ChangeError::State { key: to_hex(key), why }
}
