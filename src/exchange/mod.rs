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
pub use deliver::{DocumentDelivery, DocumentRef};
pub use explain::Explained;
pub use order::{FetchRequest, Order};
pub use outcome::{Exchanged, Missing, MissingReason};
pub use recent_calls::RecentCalls;
pub use record::CheckedRecord;

/// The ports and settings of an exchange.
pub struct ExchangeAssembly {
    /// Reads the registries, which may be behind decorators that inject faults.
    pub reader: Reader,
    /// The resident records that the province accepted, used while their registry does not answer.
    pub accepted: Arc<dyn Residents>,
    /// The agencies' rights.
    pub rights: Arc<RightsBook>,
    /// The citizens' consents.
    pub consents: Arc<ConsentBook>,
    /// Receives an entry for every call.
    pub evidence: Arc<EvidenceLog>,
    /// Bounds on memory.
    pub memory: ExchangeMemory,
}

/// Bounds on the memory of an exchange.
#[derive(Debug, Clone, Copy)]
pub struct ExchangeMemory {
    /// Capacity of the verified cache, in bytes.
    pub verified_cache_bytes: u64,
}

impl Default for ExchangeMemory {
    fn default() -> Self {
        Self { verified_cache_bytes: 16 * 1024 * 1024 }
    }
}

/// Answers agencies within rights and consents, and logs every call.
pub struct Exchange {
    reader: Reader,
    accepted: Arc<dyn Residents>,
    rights: Arc<RightsBook>,
    consents: Arc<ConsentBook>,
    evidence: Arc<EvidenceLog>,
    people: people::People,
    verified_cache: verified_cache::VerifiedCache,
}

impl Exchange {
    /// The catalogue of registries and record types.
    pub fn catalogue(&self) -> &Catalogue {
        self.reader.catalogue()
    }

    /// The snapshot of the rights in force.
    pub fn rights(&self) -> Arc<Rights> {
        self.rights.current()
    }

    /// Opens an exchange on its ports.
    pub fn new(assembly: ExchangeAssembly) -> Arc<Self> {
        Arc::new(Self {
            reader: assembly.reader,
            accepted: assembly.accepted,
            rights: assembly.rights,
            consents: assembly.consents,
            evidence: assembly.evidence,
            people: people::People::new(),
            verified_cache: verified_cache::VerifiedCache::new(assembly.memory.verified_cache_bytes),
        })
    }

    /// Use of the verified cache.
    pub fn cache_use(&self) -> CacheUse {
        self.verified_cache.usage()
    }
}
