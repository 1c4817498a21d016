//! The parts of a gateway, and how they are opened: keys, ledgers, registries, and what stands over them.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::config::Config;
use super::data::Data;
use super::memory::Memory;
use super::status::{ListSigners, WalletKeys};
use crate::access::{self, ConsentBook, EvidenceLog, People, RightsBook};
use crate::api::credential::TokenMint;
use crate::api::metrics::Metrics;
use crate::base::{Error, Reason, Result, Seed};
use crate::exchange::{self, Exchange, RecentCalls};
use crate::identity::credential::Issuing;
use crate::identity::{Accounts, Citizens, Credentials, Linking, people};
use crate::keys::anchors::AnchorBoard;
use crate::keys::keyring::{self, KeyFolder};
use crate::keys::signers::Keys;
use crate::keys::{credential_key, origin};
use crate::ledger::{Ledger, LogClock, LogId, TileCache};
use crate::province::{Province, StatusLists};
use crate::registry::embedded::EmbeddedRegistry;
use crate::registry::port::Registry;
use crate::registry::{Catalogue, Name, allocation};
use crate::simulation::faults::{FaultKeys, Faulty, KeyInUse, Rules};
use crate::simulation::personas;
use crate::transparency::Logs;
use crate::trust::{Signer, Verifier};

/// The record ledger's number in storage keys; the registries' logs have their sectors' ordinals.
pub(super) const RECORDS: LogId = LogId(200);
/// The evidence ledger's.
pub(super) const EVIDENCE: LogId = LogId(201);

/// Everything that services are made of.
pub struct Parts {
    /// The registries and record types that there are.
    pub catalogue: Arc<Catalogue>,
    /// The signers.
    pub keys: Keys,
    /// The clock of all logs: whether it reads before their newest head.
    pub clock: LogClock,
    /// The trust anchor, as it is handed out.
    pub anchor: AnchorBoard,
    /// Verifies against it.
    pub verifier: Arc<Verifier>,
    /// What registries said.
    pub records: Arc<Ledger>,
    /// Who asked for what.
    pub evidence: Arc<Ledger>,
    /// The tiles of all logs that are kept in memory.
    pub tiles: TileCache,
    /// The registries in this process, by name.
    pub hosts: BTreeMap<Name, Arc<EmbeddedRegistry>>,
    /// The registries as everybody reads them, with the personas' faults in front.
    pub registries: BTreeMap<Name, Arc<dyn Registry>>,
    /// The agencies' rights.
    pub rights: Arc<RightsBook>,
    /// The citizens' consents.
    pub consents: Arc<ConsentBook>,
    /// The access log.
    pub access_log: Arc<EvidenceLog>,
    /// The shared layer over all registries.
    pub province: Arc<Province>,
    /// Which versions are the latest and valid.
    pub status: Arc<StatusLists>,
    /// Records for agencies.
    pub exchange: Arc<Exchange>,
    /// The logs that anyone may read.
    pub logs: Logs,
    /// Mints bearer tokens.
    pub tokens: TokenMint,
    /// Traces of failed calls that left no evidence.
    pub traces: Arc<RecentCalls>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Electronic identification accounts.
    pub accounts: Accounts,
    /// Who stands behind a number, and who acts for whom.
    pub people: Arc<dyn People>,
    /// Documents of accounts.
    pub linking: Linking,
    /// Documents for wallets.
    pub credentials: Credentials,
}

impl Parts {
    /// Opens ledgers and registries; each verifies that it rebuilds to its signed root.
    pub async fn open(config: &Config, data: &Data, rights: Arc<RightsBook>) -> Result<Self> {
        let catalogue = allocation::open(&*data.store, config.registries.clone(), !data.world.seeded).await?;
        let world = Seed::root(data.world.seed);
        let keys = match &config.keys {
            Some(kept) => Keys::kept(&catalogue, world, kept)?,
            None => Keys::new(catalogue.clone(), world),
        };
        let tokens = TokenMint::new(&credential_key::open(data.home())?)?;
        let versions = keys.versions(config.clock.now())?;
        let clock = LogClock::new(config.clock.clone());
        let (memory, tiles) = (config.memory, config.memory.tiles());
        let ledger = |id, name, signer: &Arc<dyn Signer>| {
            let (store, clock, signer, tiles) = (data.store.clone(), clock.clone(), signer.clone(), tiles.clone());
            async move { Ledger::open_with(store, id, &origin(name), signer, clock, tiles).await }
        };
        let records = ledger(RECORDS, "records", &keys.records).await?;
        let standing = keyring::place_events(&records, &versions).await?;
        if let (Some(unplaced), Some(kept)) = (versions.get(standing), &config.keys) {
            KeyFolder::open(&kept.folder)?.refuse_version(unplaced.version)?;
            let message = "the newest version of the key registry never took effect and is set aside: start again";
            return Err(Error::new(Reason::ConfigurationInvalid, message));
        }
        let evidence = ledger(EVIDENCE, "evidence", &keys.evidence).await?;
        access::evidence::stored::check_tail(&*data.store, &evidence.stored()).await?;
        let hosts = open_hosts(data, &catalogue, &keys, &clock, memory, &tiles).await?;
        let registries = with_faults(&hosts, &keys, Arc::new(personas::faults()))?;
        let access_log = EvidenceLog::new(data.store.clone(), evidence.clone(), keys.world());
        let published = AnchorBoard::new(&versions, config.anchor.clone())?;
        let anchor = versions.into_iter().next_back().ok_or_else(|| Error::bug("no trust anchor"))?;
        keyring::withdraw(hosts.values(), &anchor);
        let verifier = Arc::new(Verifier::new(anchor));
        let consents = Arc::new(ConsentBook::new(data.store.clone(), config.entropy.clone()));
        let (store, time) = (data.store.clone(), config.clock.clone());
        let province = Province::open(catalogue.clone(), store, records.clone(), verifier.clone(), time).await?;
        if config.rebuild_status {
            let differing = province.rebuild_status().await?;
            tracing::info!(?differing, "the status lists were made again from the record ledger");
        }
        let signers = Arc::new(ListSigners::of(&hosts));
        let (store, time) = (data.store.clone(), config.clock.clone());
        let status = StatusLists::new(catalogue.clone(), store, records.clone(), time, signers.clone());
        let exchange = Exchange::new(exchange::Parts {
            catalogue: catalogue.clone(),
            registries: registries.values().cloned().collect(),
            inclusion: province.clone(),
            accepted: province.clone(),
            verifier: verifier.clone(),
            rights: rights.clone(),
            consents: consents.clone(),
            evidence: access_log.clone(),
            memory: memory.exchange(),
        });
        let mut logs = Logs::default();
        logs.add(records.clone(), true);
        // Its entries say who read whose data; `AccessLogService` shows them to those concerned.
        logs.add(evidence.clone(), false);
        hosts.values().for_each(|host| logs.add(host.ledger().clone(), true));
        let accounts = Accounts::new(data.store.clone());
        let people = Arc::new(Citizens::new(province.clone(), accounts.clone()));
        let asked = people::Registries::new(catalogue.clone(), registries.values().cloned(), verifier.clone());
        let linking = Linking::new(data.store.clone(), asked, accounts.clone(), config.entropy.clone());
        let issuing = Issuing {
            registries: registries.clone(),
            inclusion: province.clone(),
            verifier: verifier.clone(),
            keys: Arc::new(WalletKeys { signers, status: status.clone() }),
        };
        let credentials = Credentials::new(linking.clone(), issuing, &*config.entropy)?;
        Ok(Self {
            catalogue,
            clock,
            credentials,
            anchor: published,
            verifier,
            rights,
            consents,
            province,
            status,
            exchange,
            logs,
            tokens,
            traces: Arc::default(),
            metrics: Arc::default(),
            accounts,
            people,
            linking,
            keys,
            records,
            evidence,
            tiles,
            hosts,
            registries,
            access_log,
        })
    }
}

impl Parts {
    /// Lets the province follow every registry, in the background.
    pub fn follow_registries(&self) -> Result<()> {
        self.registries.values().try_for_each(|registry| self.province.follow(registry.clone()))
    }
}

async fn open_hosts(
    data: &Data,
    catalogue: &Catalogue,
    keys: &Keys,
    clock: &LogClock,
    memory: Memory,
    tiles: &TileCache,
) -> Result<BTreeMap<Name, Arc<EmbeddedRegistry>>> {
    let mut hosts = BTreeMap::new();
    for sector in catalogue.sectors() {
        let (signer, secret) = (keys.issuer(&sector.name)?, keys.registry_secret(&sector.name));
        let caches = memory.registry(tiles.clone(), catalogue.sectors().len());
        let (store, clock) = (data.store.clone(), clock.clone());
        let host = EmbeddedRegistry::open_with(store, sector.clone(), signer, &secret, clock, caches).await?;
        hosts.insert(sector.name.clone(), host);
    }
    Ok(hosts)
}

/// The registries with these rules of faults in front; another's signature is that of the next registry by name.
fn with_faults(
    hosts: &BTreeMap<Name, Arc<EmbeddedRegistry>>,
    keys: &Keys,
    rules: Arc<Rules>,
) -> Result<BTreeMap<Name, Arc<dyn Registry>>> {
    let in_use = |host: &Arc<EmbeddedRegistry>| -> KeyInUse {
        let log = host.ledger().clone();
        Arc::new(move || log.signer())
    };
    let mut registries: BTreeMap<Name, Arc<dyn Registry>> = BTreeMap::new();
    for ((name, host), other) in hosts.iter().zip(hosts.values().cycle().skip(1)) {
        let keys = FaultKeys { own: in_use(host), other: in_use(other), compromised: keys.compromised(name)? };
        registries.insert(name.clone(), Arc::new(Faulty::new(host.clone(), keys, rules.clone())));
    }
    Ok(registries)
}
