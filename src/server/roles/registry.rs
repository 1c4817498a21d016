//! The registry role: one registry over a store. It alone holds the registry's keys and the embedded registry; others get its port,
//! its log for reading, and the signatures that a simulation may forge with its key.

use std::sync::Arc;

use async_trait::async_trait;

use crate::base::{CacheUse, Result, Timestamp};
use crate::keys::keyring::{KeyHolder, OpenKey, PausedLog};
use crate::keys::signers::IssuerKeys;
use crate::ledger::{Log, LogClock};
use crate::registry::embedded::{Caches, EmbeddedRegistry};
use crate::registry::port::{Change, Receipt, Registry};
use crate::registry::{Name, Sector};
use crate::simulation::faults::{FaultKeys, Faulty, Forge, Rules, forge_with};
use crate::store::Store;
use crate::trust::{KeyState, Signer, TrustAnchor};

/// The ports and settings of a registry role.
pub struct Opening {
    /// The store of its records and its log.
    pub store: Arc<dyn Store>,
    /// The sector with its record types.
    pub sector: Arc<Sector>,
    /// Its keys.
    pub keys: IssuerKeys,
    /// The clock of its log.
    pub clock: LogClock,
    /// Bounds on its caches.
    pub caches: Caches,
}

/// An opened registry role. It ends when this and all its ports are dropped.
pub struct RegistryRole {
    registry: Arc<EmbeddedRegistry>,
    origin: String,
    compromised: Arc<dyn Signer>,
    later: OpenKey,
}

impl RegistryRole {
    /// Opens or creates a registry. Fails as [`EmbeddedRegistry::open`] does.
    pub async fn open(opening: Opening) -> Result<Arc<Self>> {
        let Opening { store, sector, keys, clock, caches } = opening;
        let IssuerKeys { own, compromised, secret, later } = keys;
        let origin = sector.log_origin();
        let registry = EmbeddedRegistry::open_with(store, sector, own, &secret, clock, caches).await?;
        Ok(Arc::new(Self { registry, origin, compromised, later }))
    }

    /// Its name.
    pub fn name(&self) -> &Name {
        &self.registry.sector().name
    }

    /// Its port without faults, for tests.
    #[cfg(test)]
    pub(in crate::server) fn port(&self) -> Arc<dyn Registry> {
        self.registry.clone()
    }

    /// Its port with these fault rules in front; `other` forges the signature of another registry.
    pub fn port_with_faults(&self, rules: Arc<Rules>, other: Forge) -> Arc<dyn Registry> {
        let keys = FaultKeys { own: self.forge(), other, compromised: forge_with(self.compromised.clone()) };
        Arc::new(Faulty::new(self.registry.clone(), keys, rules))
    }

    /// The key that the trust anchor calls compromised: for the faults of a session's registry of this name.
    pub fn compromised(&self) -> Arc<dyn Signer> {
        self.compromised.clone()
    }

    /// Signs any checkpoint with its key in use, for the faults of this registry or another. For simulations only.
    pub fn forge(&self) -> Forge {
        let log = self.registry.ledger().clone();
        Arc::new(move |checkpoint| checkpoint.sign(&*log.signer()))
    }

    /// Its log, for reading.
    pub fn log(&self) -> &Arc<Log> {
        self.registry.ledger().log()
    }

    /// What appends to its log: for what pauses it, and for tests that make a registry say what it never would.
    pub(in crate::server) fn sequencer(&self) -> &Arc<crate::ledger::Sequencer> {
        self.registry.ledger()
    }

    /// Its records, for the work that time brings: reading of the days on which they are due, and running what is due.
    pub(in crate::server) fn records(&self) -> &EmbeddedRegistry {
        &self.registry
    }

    /// Use of its page cache.
    pub fn cache_use(&self) -> CacheUse {
        self.registry.cache_use()
    }

    /// Loads changes in bulk, issued at `issued_at`, into a new world. See [`EmbeddedRegistry::load`].
    pub async fn load(&self, changes: Vec<Change>, issued_at: Timestamp) -> Result<Vec<Receipt>> {
        self.registry.load(changes, issued_at).await
    }
}

#[async_trait]
impl KeyHolder for RegistryRole {
    fn name(&self) -> &str {
        self.name()
    }

    fn origin(&self) -> &str {
        &self.origin
    }

    async fn pause(&self) -> Result<PausedLog> {
        Ok(PausedLog::new(&self.origin, self.registry.ledger().pause().await?, self.later.clone()))
    }

    fn heed(&self, version: &TrustAnchor) {
        let issuer = version.issuer(self.name());
        if issuer.is_none_or(|issuer| issuer.keys.iter().all(|key| key.state != KeyState::Active)) {
            self.registry.withdraw();
        }
    }
}
