//! Key events: the changes from one version of the key registry to the next, as leaves of the record ledger (entry type
//! 3, canonical JSON). They fix the position of a change in the order of records.
//!
//! | member | in | value |
//! |---|---|---|
//! | `anchor_version` | all | the version of the key registry that the event belongs to |
//! | `event` | all | `added`, `rotated`, `compromised`, `withdrawn`, `reattested` |
//! | `key_id` | all | the key's id, lower-case hexadecimal |
//! | `origin` | all | the log that the key signs |
//! | `algorithm`, `public_key` | `added` | as in the anchor: name, base64 of the SubjectPublicKeyInfo |
//! | `suspect_from` | `compromised` | ledger index from which the key is suspect |
//! | `from`, `to` | `reattested` | half-open range of ledger indices that the issuer re-attests |
//!
//! The events of one version form one block. Its first index is the anchor's `events_from`, the `event_index` of every key that went out of use
//! with that version, and the `from_index` of every key that came with it; the first version's keys are valid from 0.

use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::anchor::{KeyRecord, KeyState, TrustAnchor};
use super::canonical::{INTEGER_MAX, Object, parse, write};
use super::keys::{Algorithm, KeyId, PublicKey};
use super::value::Value;
use crate::base::id::{from_hex, to_hex};

/// One change of one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyEvent {
    /// The version of the key registry that brings it.
    pub anchor_version: u64,
    /// The log that the key signs.
    pub origin: String,
    /// The key.
    pub key_id: KeyId,
    /// The change.
    pub kind: KeyEventKind,
}

/// The kind of change of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyEventKind {
    /// It may sign from now on.
    Added(PublicKey),
    /// It was replaced in good order.
    Rotated,
    /// Somebody else may have signed with it.
    Compromised {
        /// Ledger index from which it is suspect.
        suspect_from: u64,
    },
    /// Its issuer lost the right to issue.
    Withdrawn,
    /// Its issuer re-attests these records.
    Reattested(Range<u64>),
}

impl KeyEvent {
    /// The entry's body: canonical JSON.
    pub fn body(&self) -> Vec<u8> {
        let object = Object::new()
            .with("anchor_version", number(self.anchor_version))
            .with("event", self.kind.name())
            .with("key_id", to_hex(&self.key_id))
            .with("origin", self.origin.as_str());
        write(&match &self.kind {
            KeyEventKind::Added(key) => {
                object.with("algorithm", key.algorithm().as_str()).with("public_key", STANDARD.encode(key.spki()))
            }
            KeyEventKind::Compromised { suspect_from } => object.with("suspect_from", number(*suspect_from)),
            KeyEventKind::Reattested(range) => object.with("from", number(range.start)).with("to", number(range.end)),
            KeyEventKind::Rotated | KeyEventKind::Withdrawn => object,
        })
    }

    /// Reads a body; `None` unless it is exactly one that [`body`](Self::body) writes.
    pub fn parse(body: &[u8]) -> Option<Self> {
        let object = parse(body).ok()?;
        let text = |name: &str| object.get(name).and_then(Value::as_text);
        let index = |name: &str| match object.get(name) {
            Some(Value::Integer(number)) => u64::try_from(*number).ok(),
            _ => None,
        };
        let kind = match text("event")? {
            "added" => {
                let spki = STANDARD.decode(text("public_key")?).ok()?;
                KeyEventKind::Added(PublicKey::from_spki(Algorithm::parse(text("algorithm")?)?, &spki).ok()?)
            }
            "rotated" => KeyEventKind::Rotated,
            "compromised" => KeyEventKind::Compromised { suspect_from: index("suspect_from")? },
            "withdrawn" => KeyEventKind::Withdrawn,
            "reattested" => KeyEventKind::Reattested(index("from")?..index("to")?),
            _ => return None,
        };
        let key_id = from_hex(text("key_id")?)?.try_into().ok()?;
        let event = Self { anchor_version: index("anchor_version")?, origin: text("origin")?.to_owned(), key_id, kind };
        (event.body() == body).then_some(event)
    }

    /// The events that lead from `current` (none: from nothing) to `next`, in the order of the anchor's keys. Fails, in
    /// words, when a key that changes does not name the index where `next` says that its events begin.
    pub fn between(current: Option<&TrustAnchor>, next: &TrustAnchor) -> Result<Vec<Self>, String> {
        let at = next.events_from;
        let mut events = Vec::new();
        for (origin, new) in next.keys() {
            let old = current.and_then(|current| current.keys().find(|(_, old)| old.key == new.key));
            let old = old.map(|(_, old)| old);
            let wrong = |what: &str| Err(format!("key {}: {what} is not {at}", to_hex(&new.id())));
            if old.is_none() && new.from_index != at {
                return wrong("from_index");
            }
            // What was out of use before keeps its index; the first version may bring keys that are already.
            let goes_now = current.is_some() && old.is_none_or(|old| old.state == KeyState::Active);
            if goes_now && event_index(new).is_some_and(|index| index != at) {
                return wrong("event_index");
            }
            let event = |kind| Self { anchor_version: next.version, origin: origin.to_owned(), key_id: new.id(), kind };
            events.extend(changes(old, new).into_iter().map(event));
        }
        Ok(events)
    }
}

impl KeyEventKind {
    fn name(&self) -> &'static str {
        match self {
            Self::Added(_) => "added",
            Self::Rotated => "rotated",
            Self::Compromised { .. } => "compromised",
            Self::Withdrawn => "withdrawn",
            Self::Reattested(_) => "reattested",
        }
    }
}

fn changes(old: Option<&KeyRecord>, new: &KeyRecord) -> Vec<KeyEventKind> {
    let mut kinds = Vec::new();
    if old.is_none() {
        kinds.push(KeyEventKind::Added(new.key.clone()));
    }
    if old.is_none_or(|old| old.state != new.state) {
        match new.state {
            KeyState::Active => {}
            KeyState::Rotated { .. } => kinds.push(KeyEventKind::Rotated),
            KeyState::Compromised { suspect_from, .. } => kinds.push(KeyEventKind::Compromised { suspect_from }),
            KeyState::Withdrawn { .. } => kinds.push(KeyEventKind::Withdrawn),
        }
    }
    let known = old.map(|old| old.reattested.as_slice()).unwrap_or_default();
    let ranges = new.reattested.iter().filter(|range| !known.contains(range));
    kinds.extend(ranges.cloned().map(KeyEventKind::Reattested));
    kinds
}

fn event_index(key: &KeyRecord) -> Option<u64> {
    match key.state {
        KeyState::Active => None,
        KeyState::Rotated { event_index }
        | KeyState::Compromised { event_index, .. }
        | KeyState::Withdrawn { event_index } => Some(event_index),
    }
}

/// Indices and versions are below 2^53; the anchor's reader sees to it.
fn number(index: u64) -> i64 {
    index.min(INTEGER_MAX as u64) as i64
}

#[cfg(test)]
mod tests;
