//! The registry role: one registry over a store. It alone holds the registry's keys and the embedded registry; others get its port,
//! its log for reading, its due work, and the signatures that a simulation may forge with its key.

use std::sync::Arc;

use async_trait::async_trait;

use crate::base::{CacheUse, Result, Timestamp, watch};
use crate::keys::keyring::{KeyHolder, OpenKey, PausedLog};
use crate::keys::signers::{IssuerKeys, Keys};
use crate::ledger::{Log, LogClock, LogId, continue_log};
use crate::registry::calendar::{Calendar, Scheduled};
use crate::registry::due_work::Effect;
use crate::registry::embedded::{Caches, EmbeddedRegistry};
use crate::registry::port::{Change, Receipt, Registry};
use crate::registry::{Name, Sector};
use crate::server::paused_logs::{Pausing, pausing};
use crate::simulation::faults::{FaultKeys, Faulty, Forge, Rules, forge_with};
use crate::store::Store;
use crate::trust::anchor::Continued;
use crate::trust::{KeyState, SignedRecord, Signer, TrustAnchor};

/// The ports and settings of a registry role.
pub struct Opening {
    /// The store of its records and its log.
    pub store: Arc<dyn Store>,
    /// The sector with its record types.
    pub sector: Arc<Sector>,
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
    /// Opens or creates a registry with its keys among those of a world. Fails as [`EmbeddedRegistry::open`] does.
    pub async fn open(opening: Opening, keys: &Keys) -> Result<Arc<Self>> {
        let Opening { store, sector, clock, caches } = opening;
        let IssuerKeys { own, compromised, secret, later } = keys.of_registry(&sector)?;
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

    /// What appends to its log, for tests that make a registry say what it never would.
    #[cfg(test)]
    pub(in crate::server) fn sequencer(&self) -> &Arc<crate::ledger::Sequencer> {
        self.registry.ledger()
    }

    /// Pauses its log until the pause is dropped; `None` once the registry is closed, which this does not delay.
    pub(in crate::server) fn pausing(&self) -> Pausing {
        pausing(self.registry.ledger())
    }

    /// The days on which its records are due, as they change. See [`EmbeddedRegistry::calendar`].
    pub fn calendar(&self) -> watch::Receiver<Calendar> {
        self.registry.calendar()
    }

    /// The scheduled changes of its records, of each kind. See [`EmbeddedRegistry::scheduled`].
    pub fn scheduled(&self) -> Vec<Scheduled> {
        self.registry.scheduled()
    }

    /// The days on which records are due until `until`, with the number of records.
    pub fn due_days(&self, until: Timestamp) -> Vec<(Timestamp, u64)> {
        self.registry.due_days(until)
    }

    /// When the next record is due.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.registry.next_due()
    }

    /// Writes the changes that are due until `until`, some at a time; with none, nothing is due any more. See [`EmbeddedRegistry::run_due`].
    pub async fn run_due(&self, until: Timestamp) -> Result<Vec<Effect>> {
        self.registry.run_due(until).await
    }

    /// At most `limit` issued records from a log index on, whole and without proofs; `None` if there are none.
    pub async fn issued(&self, from: u64, limit: usize) -> Result<Option<Vec<SignedRecord>>> {
        self.registry.issued(from, limit).await
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

/// Makes a registry's log go on in the store of a session, under the session's origin and key, from the log whose origin was `before`. Returns what it
/// continues.
pub async fn continue_in_session(
    store: &dyn Store,
    sector: &Sector,
    before: &str,
    keys: &Keys,
    clock: &LogClock,
) -> Result<Continued> {
    let signer = keys.of_registry(sector)?.own;
    continue_log(store, LogId(sector.ordinal), before, &sector.log_origin(), &*signer, clock).await
}

/// What a simulation forges in the name of a registry on a host of its own, whose role is there.
pub struct ForgedElsewhere {
    /// Signs with the key that grows from the world's seed: the registry's own, unless its host keeps another.
    pub own: Forge,
    /// Signs with the key that the trust anchor calls compromised.
    pub compromised: Forge,
}

impl ForgedElsewhere {
    /// Of a registry whose keys grow from the same seed as all of `keys`.
    pub fn of(sector: &Sector, keys: &Keys) -> Result<Self> {
        let IssuerKeys { own, compromised, .. } = keys.of_registry(sector)?;
        Ok(Self { own: forge_with(own), compromised: forge_with(compromised) })
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
