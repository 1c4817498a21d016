//! Logs that continue others: a session of a simulation begins with the entries of the province's logs, under origins and keys of its own.
//!
//! The anchor says of such a log which one it continues, and from which head on. A checkpoint below that head, or another tree of its size, is
//! not accepted; an auditor compares the root. The keys of the continued log stay in the anchor, as rotated ones, for the signatures made
//! with them; no signature under one origin is accepted under the other.

use super::{Continued, KeyRecord, KeyState, Root, TrustAnchor};
use crate::trust::canonical::INTEGER_MAX;
use crate::trust::keys::PublicKey;

/// A log that takes over from one of an anchor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewLog {
    /// Its origin.
    pub origin: String,
    /// Its key.
    pub key: PublicKey,
    /// The head that it takes over.
    pub continues: Continued,
}

impl TrustAnchor {
    /// The next version for a copy that continues all logs separately, under `root`: its key events begin at ledger index `at`.
    /// `takes_over` states how each log continues, by its origin. Unsigned.
    pub fn continued<E>(
        &self,
        at: u64,
        root: Root,
        mut takes_over: impl FnMut(&str) -> Result<NewLog, E>,
    ) -> Result<Self, E> {
        let mut next =
            Self { version: self.version + 1, events_from: at, root, signatures: Vec::new(), ..self.clone() };
        let logs = next.logs.iter_mut().map(|log| (&mut log.origin, &mut log.keys, &mut log.continues));
        let issuers = next.issuers.iter_mut().map(|of| (&mut of.origin, &mut of.keys, &mut of.continues));
        for (origin, keys, continues) in logs.chain(issuers) {
            let NewLog { origin: own, key, continues: from } = takes_over(origin)?;
            let mut state = KeyState::Withdrawn { event_index: at };
            for old in keys.iter_mut().filter(|old| old.state == KeyState::Active) {
                old.state = KeyState::Rotated { event_index: at };
                state = KeyState::Active;
            }
            keys.push(KeyRecord { key, from_index: at, state, reattested: Vec::new() });
            continues.push(from);
            *origin = own;
        }
        Ok(next)
    }

    /// Every log of the anchor: its origin, and what it continues.
    pub fn continuations(&self) -> impl Iterator<Item = (&str, &[Continued])> {
        let logs = self.logs.iter().map(|log| (&*log.origin, &*log.continues));
        logs.chain(self.issuers.iter().map(|issuer| (&*issuer.origin, &*issuer.continues)))
    }

    /// The origin in this anchor of a log that had `origin` once, or has it.
    pub fn present_origin<'a>(&'a self, origin: &'a str) -> &'a str {
        let mut continued = self.continuations().filter(|(_, from)| from.iter().any(|from| from.origin == origin));
        continued.next().map_or(origin, |(own, _)| own)
    }

    pub(super) fn check_continued(&self) -> Result<(), String> {
        let mut origins: Vec<&str> = self.continuations().map(|(own, _)| own).collect();
        for (own, from) in self.continuations() {
            if from.iter().any(|from| from.size > INTEGER_MAX as u64) {
                return Err("a number is above 2^53-1".to_owned());
            }
            // A head follows another as heads of one log do.
            if from.windows(2).any(|pair| !pair[0].allows(pair[1].size, &pair[1].root)) {
                return Err(format!("what {own} continues becomes smaller, or another tree"));
            }
            origins.extend(from.iter().map(|from| &*from.origin));
        }
        origins.sort_unstable();
        match origins.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(twice) => Err(format!("origin {} occurs twice", twice[0])),
            None => Ok(()),
        }
    }
}
