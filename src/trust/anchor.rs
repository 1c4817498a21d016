//! The trust anchor: the facts that a verifier must already have: which logs a province has and whose keys they are, which
//! issuer may issue which record types, the state of each key, and the expiry of the anchor.
//!
//! It is a JSON file, `lienthong/anchor/v1`. Its fingerprint is SHA-256 of the same JSON in canonical form and without
//! its signatures, so that two people can compare what they trust without comparing white space.
//!
//! The anchor is the newest version of the province's key registry. It names the **root** keys that sign the next
//! version ([`accept_next`]); the holder of one version can accept the next without asking anybody. An anchor without root
//! keys stands alone: a verifier accepts it because somebody compared its fingerprint, and it has no successor.

use super::canonical::INTEGER_MAX;
use super::statement::is_statement_name;
use crate::base::{Error, Reason, Result, Timestamp};

mod change;
mod continued;
mod continuing;
mod file;
mod key;
mod root;
mod succession;
#[cfg(test)]
mod tests;

pub use change::{ChangeError, KeyChange, Newcomer};
pub use continued::Continued;
pub use continuing::NewLog;
pub use file::ANCHOR_BYTES_MAX;
pub use key::{KeyRecord, KeyState, judge_signed};
pub use root::{Root, RootSignature};
pub use succession::{NextError, accept_chain, accept_next};

/// The trust anchor of a verifier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustAnchor {
    /// The province's code: `H27`.
    pub province: String,
    /// Grows by one with every change.
    pub version: u64,
    /// Its expiry: from then on nothing may be called VALID by it.
    pub expires_at: Timestamp,
    /// The province's own logs.
    pub logs: Vec<LogAnchor>,
    /// The issuers of records.
    pub issuers: Vec<IssuerAnchor>,
    /// Record ledger index of the first key event of this version.
    pub events_from: u64,
    /// The keys that sign the next version.
    pub root: Root,
    /// Signatures of root keys over [`canonical_bytes`](Self::canonical_bytes).
    pub signatures: Vec<RootSignature>,
}

/// A log of the province.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogAnchor {
    /// The first line of its checkpoints, and the name of its keys: `lienthong/H27/records`.
    pub origin: String,
    /// Its purpose.
    pub purpose: LogPurpose,
    /// The keys that sign its checkpoints.
    pub keys: Vec<KeyRecord>,
    /// The logs whose entries it begins with, the oldest first; empty for one that began with nothing.
    pub continues: Vec<Continued>,
}

/// The purpose of a log of the province.
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
    /// The logs whose entries its log begins with, the oldest first; empty for one that began with nothing.
    pub continues: Vec<Continued>,
}

impl TrustAnchor {
    /// The issuer of this name.
    pub fn issuer(&self, name: &str) -> Option<&IssuerAnchor> {
        self.issuers.iter().find(|issuer| issuer.name == name)
    }

    fn check(&self) -> Result<()> {
        if self.expires_at.civil().is_none() {
            return Err(refuse("an anchor needs an expiry"));
        }
        let origins = self.logs.iter().map(|log| &log.origin).chain(self.issuers.iter().map(|issuer| &issuer.origin));
        if let Some(twice) = first_double(origins.clone()) {
            return Err(refuse(format!("origin {twice} occurs twice")));
        }
        self.check_continued().map_err(refuse)?;
        if let Some(twice) = first_double(self.issuers.iter().map(|issuer| &issuer.name)) {
            return Err(refuse(format!("issuer {twice} occurs twice")));
        }
        let names = self.issuers.iter().flat_map(|issuer| issuer.schemas.iter().chain([&issuer.name]));
        if let Some(bad) = names.into_iter().find(|name| !is_statement_name(name.as_bytes())) {
            return Err(refuse(format!("{bad:?} is not a valid name in a statement")));
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
