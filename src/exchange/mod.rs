//! The exchange: records for agencies, asked for with a purpose, decided by rights and consent, verified, logged.
//!
//! ```text
//! order ─▶ person's numbers ─▶ decide ─▶ gather from registries ─▶ check each record ─▶ redact ─▶ evidence ─▶ answer
//!    └────────────┴──────────────┴───────────────┴─ a refusal at any step ─────────────────────────▶ evidence ─▶ error
//! ```
//!
//! Nothing is answered before its evidence is durable, and a call that was begun is finished and logged even when its
//! caller went away. Registries are not trusted: each record is verified before any of it is disclosed.

mod check;
mod context;
mod decision_log;
mod deliver;
mod evidence;
mod explain;
mod fetch;
mod finish;
mod gather;
mod order;
mod outcome;
mod people;
mod person;
mod recent_calls;
mod record;
mod verified_cache;
#[cfg(test)]
pub(crate) mod tests;

use std::sync::Arc;

use crate::access::{ConsentBook, EvidenceLog, Rights, RightsBook};
use crate::base::CacheUse;
use crate::registry::numbers::Residents;
use crate::registry::{Catalogue, Reader};

pub use context::Context;
pub use deliver::{Delivery, DocumentRef};
pub use explain::Explained;
pub use order::{Order, Request};
pub use outcome::{Exchanged, Missing, MissingReason};
pub use recent_calls::RecentCalls;
pub use record::CheckedRecord;

/// What an exchange works with.
pub struct Parts {
    /// Reads the registries, which may stand behind decorators that make them fail.
    pub reader: Reader,
    /// The resident records that the province accepted, for when their registry does not answer.
    pub accepted: Arc<dyn Residents>,
    /// The agencies' rights.
    pub rights: Arc<RightsBook>,
    /// The citizens' consents.
    pub consents: Arc<ConsentBook>,
    /// Where every call leaves its entry.
    pub evidence: Arc<EvidenceLog>,
    /// What it may keep in memory.
    pub memory: Memory,
}

/// What an exchange may keep in memory.
#[derive(Debug, Clone, Copy)]
pub struct Memory {
    /// Records that were verified, in bytes.
    pub known_bytes: u64,
}

impl Default for Memory {
    fn default() -> Self {
        Self { known_bytes: 16 * 1024 * 1024 }
    }
}

/// The exchange.
pub struct Exchange {
    reader: Reader,
    accepted: Arc<dyn Residents>,
    rights: Arc<RightsBook>,
    consents: Arc<ConsentBook>,
    evidence: Arc<EvidenceLog>,
    people: people::People,
    known: verified_cache::VerifiedCache,
}

impl Exchange {
    /// The registries and record types that there are.
    pub fn catalogue(&self) -> &Catalogue {
        self.reader.catalogue()
    }

    /// The rights that hold now.
    pub fn rights(&self) -> Arc<Rights> {
        self.rights.current()
    }

    /// An exchange over its parts.
    pub fn new(parts: Parts) -> Arc<Self> {
        Arc::new(Self {
            reader: parts.reader,
            accepted: parts.accepted,
            rights: parts.rights,
            consents: parts.consents,
            evidence: parts.evidence,
            people: people::People::new(),
            known: verified_cache::VerifiedCache::new(parts.memory.known_bytes),
        })
    }

    /// How full the cache of verified records is.
    pub fn cache_use(&self) -> CacheUse {
        self.known.usage()
    }
}
