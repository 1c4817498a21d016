//! The assembly: all roles of a world joined in one process, as `serve` has them.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::config::Config;
use super::data::Data;
use super::memory::Memory;
use super::roles::{GatewayRole, ProvinceRole, RegistryRole, gateway, province, registry};
use crate::access::RightsBook;
use crate::api::credential::TokenMint;
use crate::base::{Result, Seed};
use crate::identity::credential::Addresses;
use crate::keys::keyring::KeyHolder as _;
use crate::keys::signers::Keys;
use crate::keys::{credential_key, origin};
use crate::ledger::{LogClock, TileCache};
use crate::province::StatusLists;
use crate::registry::port::Registry;
use crate::registry::{Catalogue, Name, allocation};
use crate::simulation::faults::Rules;
use crate::simulation::personas;
use crate::store::Store;
use crate::transparency::Logs;

/// All roles, and what they share.
pub struct Assembly {
    /// The registries and record types that there are.
    pub catalogue: Arc<Catalogue>,
    /// The clock of all logs: whether it reads before their newest head.
    pub clock: LogClock,
    /// The tiles of all logs that are kept in memory.
    pub tiles: TileCache,
    /// The registries in this process, by name.
    pub registries: BTreeMap<Name, Arc<RegistryRole>>,
    /// The registries as everybody reads them, with the world's faults in front.
    pub ports: BTreeMap<Name, Arc<dyn Registry>>,
    /// The province.
    pub province: ProvinceRole,
    /// The gateway.
    pub gateway: GatewayRole,
    /// The logs that anyone may read.
    pub logs: Logs,
}

impl Assembly {
    /// Opens every role; each verifies that its log rebuilds to its signed root.
    pub async fn open(config: &Config, data: &Data, rights: Arc<RightsBook>) -> Result<Self> {
        let catalogue = allocation::open(&*data.store, config.registries.clone(), !data.world.seeded).await?;
        let seed = Seed::root(data.world.seed);
        let keys = match &config.keys {
            Some(kept) => Keys::kept(&catalogue, seed, kept)?,
            None => Keys::new(catalogue.clone(), seed),
        };
        let tokens = TokenMint::new(&credential_key::open(data.home())?)?;
        let (clock, tiles) = (LogClock::new(config.clock.clone()), config.memory.tiles());
        let shared = Shared { store: &data.store, catalogue: &catalogue, clock: &clock, tiles: &tiles };
        let registries = shared.registries(&keys, config.memory).await?;
        let ports = with_faults(&registries, &Arc::new(personas::faults()));
        let province = shared.province(config, &keys, &ports).await?;
        registries.values().for_each(|registry| registry.heed(&province.verifier.anchor()));
        let accepted = gateway::Accepted {
            inclusion: province.layer.clone(),
            residents: province.layer.clone(),
            verifier: province.verifier.clone(),
            addresses: Arc::new(Served(province.status.clone())),
        };
        let gateway = GatewayRole::open(gateway::Opening {
            store: data.store.clone(),
            catalogue: catalogue.clone(),
            registries: ports.clone(),
            accepted,
            rights,
            entropy: config.entropy.clone(),
            evidence: shared.evidence(&keys, seed),
            tokens,
            memory: config.memory.exchange(),
        });
        let gateway = gateway.await?;
        let logs = logs(&registries, &province, &gateway);
        Ok(Self { catalogue, clock, tiles, registries, ports, province, gateway, logs })
    }
}

/// What the roles of one process share.
struct Shared<'a> {
    store: &'a Arc<dyn Store>,
    catalogue: &'a Arc<Catalogue>,
    clock: &'a LogClock,
    tiles: &'a TileCache,
}

impl Shared<'_> {
    async fn registries(&self, keys: &Keys, memory: Memory) -> Result<BTreeMap<Name, Arc<RegistryRole>>> {
        let mut registries = BTreeMap::new();
        for sector in self.catalogue.sectors() {
            let opening = registry::Opening {
                store: self.store.clone(),
                sector: sector.clone(),
                keys: keys.issuer(sector)?,
                clock: self.clock.clone(),
                caches: memory.registry(self.tiles.clone(), self.catalogue.sectors().len()),
            };
            registries.insert(sector.name.clone(), RegistryRole::open(opening).await?);
        }
        Ok(registries)
    }

    async fn province(
        &self,
        config: &Config,
        keys: &Keys,
        ports: &BTreeMap<Name, Arc<dyn Registry>>,
    ) -> Result<ProvinceRole> {
        let versions = keys.versions(config.clock.now())?;
        let opening = province::Opening {
            store: self.store.clone(),
            catalogue: self.catalogue.clone(),
            registries: ports.values().cloned().collect(),
            time: config.clock.clone(),
            clock: self.clock.clone(),
            tiles: self.tiles.clone(),
            origin: origin("records"),
            signer: keys.records.clone(),
            trust: province::Trust { versions, kept: config.keys.clone(), file: config.anchor.clone() },
            rebuild_status: config.rebuild_status,
        };
        ProvinceRole::open(opening).await
    }

    fn evidence(&self, keys: &Keys, world: Seed) -> gateway::Evidence {
        let (origin, signer) = (origin("evidence"), keys.evidence.clone());
        gateway::Evidence { origin, signer, clock: self.clock.clone(), tiles: self.tiles.clone(), world }
    }
}

/// The registries' ports with the world's faults in front; another's signature is that of the next registry by name.
fn with_faults(
    registries: &BTreeMap<Name, Arc<RegistryRole>>,
    rules: &Arc<Rules>,
) -> BTreeMap<Name, Arc<dyn Registry>> {
    let others = registries.values().cycle().skip(1);
    let port = |((name, registry), other): ((&Name, &Arc<RegistryRole>), &Arc<RegistryRole>)| {
        (name.clone(), registry.port_with_faults(rules.clone(), other.forge()))
    };
    registries.iter().zip(others).map(port).collect()
}

/// The logs of all roles, as outsiders see them.
fn logs(registries: &BTreeMap<Name, Arc<RegistryRole>>, province: &ProvinceRole, gateway: &GatewayRole) -> Logs {
    let mut logs = Logs::default();
    logs.add(province.records.log().clone(), true);
    // Its entries say who read whose data; `AccessLogService` shows them to those concerned.
    logs.add(gateway.evidence.log().clone(), false);
    registries.values().for_each(|registry| logs.add(registry.log().clone(), true));
    logs
}

/// Where credentials find status lists: where the province serves them.
struct Served(Arc<StatusLists>);

impl Addresses for Served {
    fn status_uri(&self, issuer: &str, schema: &str) -> String {
        self.0.uri(issuer, schema)
    }

    fn public_url(&self) -> Option<String> {
        self.0.public_url().map(str::to_owned)
    }
}
