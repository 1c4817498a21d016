//! The assembly: opens all roles of a world in one process, for `serve`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::config::Config;
use super::data::Data;
use super::faulty_heads::FaultyHeads;
use super::memory::Memory;
use super::paused_logs::{self, PausedLogs, Pausing};
use super::records_due::ShownLater;
use super::remotes::Hosts;
use super::roles::registry::{self, ForgedElsewhere};
use super::roles::{GatewayRole, ProvinceRole, RegistryRole, gateway, province};
use super::task::Defects;
use super::webhooks;
use super::world::World;
use crate::api::credential::TokenMint;
use crate::api::remote::{Connection, RemoteRegistry};
use crate::base::origins::{EVIDENCE_LEDGER, RECORD_LEDGER};
use crate::base::{Clock as _, Error, Result};
use crate::identity::credential::Addresses;
use crate::keys::credential_key;
use crate::keys::keyring::{KeptKeys, KeyHolder};
use crate::keys::signers::Keys;
use crate::ledger::{Log, LogClock, Sequencer, Skew, TileCache};
use crate::province::{StatusLists, elsewhere};
use crate::registry::port::Registry;
use crate::registry::{Name, allocation};
use crate::simulation::faults::{FaultKeys, Faulty, Forge, Rules, StateAction};
use crate::transparency::Logs;
use crate::trust::PublicKey;
use crate::webhook::{Sending, Webhooks};

/// All roles of a process, and the values that they share.
pub struct Assembly {
    /// The world of the roles.
    pub world: World,
    /// The clock of all logs, which detects a lag behind their newest head.
    pub clock: LogClock,
    /// The cache of tiles of all logs.
    pub tiles: TileCache,
    /// The embedded registries, by name.
    pub registries: BTreeMap<Name, Arc<RegistryRole>>,
    /// The registries on hosts of their own, by name.
    pub remotes: BTreeMap<Name, Arc<RemoteRegistry>>,
    /// The ports of all registries with the world's faults in front.
    pub ports: BTreeMap<Name, Arc<dyn Registry>>,
    /// The province role.
    pub province: ProvinceRole,
    /// The gateway role.
    pub gateway: GatewayRole,
    /// The webhooks.
    pub webhooks: Webhooks,
    /// The public logs.
    pub logs: Logs,
    /// Pauses logs as the fault rules say.
    _pauses: PausedLogs,
    /// The work in the background that a defect has ended.
    pub(super) defects: Defects,
    /// Waits until all writes are visible everywhere, once the tasks that propagate them run.
    pub shown: Arc<ShownLater>,
}

/// The settings of an assembly, in addition to its world.
pub struct Settings {
    /// The folder of keys; `None` derives them from the seed.
    pub keys: Option<KeptKeys>,
    /// Mints bearer tokens.
    pub tokens: Arc<TokenMint>,
    /// Sends events of webhooks.
    pub sending: Arc<Sending>,
    /// Bounds on caches.
    pub memory: Memory,
    /// The file of the trust anchor; `None` writes none.
    pub anchor: Option<PathBuf>,
    /// Whether the status lists are rebuilt from the record ledger first.
    pub rebuild_status: bool,
    /// The hosts of registries that are not in this process.
    pub hosts: Hosts,
    /// The keys of those that keep keys of their own.
    pub keys_elsewhere: BTreeMap<String, PublicKey>,
}

impl Settings {
    /// The settings in a configuration and its data.
    pub fn of(config: &Config, data: &Data) -> Result<Self> {
        let token_key = credential_key::open(data.home())?;
        Ok(Self {
            keys: config.keys.clone(),
            tokens: Arc::new(TokenMint::new(&token_key)?),
            sending: webhooks::sending(config, &token_key),
            memory: config.memory,
            anchor: config.anchor.clone(),
            rebuild_status: config.rebuild_status,
            hosts: Hosts::new(),
            keys_elsewhere: config.keys_elsewhere.clone(),
        })
    }

    /// The keys of a world: from their folder, or grown from its seed.
    pub(super) fn keys_of(&self, world: &World) -> Result<Keys> {
        match &self.keys {
            Some(kept) => Keys::kept(&world.catalogue, world.seed, kept),
            None => Keys::new(world.catalogue.clone(), world.seed).knowing(&self.keys_elsewhere),
        }
    }
}

impl Assembly {
    /// Opens every role of a world; each verifies that its log rebuilds to its signed root.
    pub async fn open(world: World, settings: Settings) -> Result<Self> {
        let keys = settings.keys_of(&world)?;
        elsewhere::note(&*world.store, &world.catalogue, settings.hosts.keys()).await?;
        let admissions = allocation::admissions(&*world.store).await?;
        let trust = province::Trust {
            versions: keys.versions(world.created_at, world.clock.now(), &admissions)?,
            before: None,
            kept: settings.keys,
            file: settings.anchor,
            waiting: admissions.into_iter().filter(|admission| admission.placed.is_none()).collect(),
        };
        let clock = LogClock::new(world.clock.clone());
        let shared = Common { tokens: settings.tokens, sending: settings.sending, memory: settings.memory };
        Self::join(world, clock, &keys, trust, shared, (settings.hosts, settings.rebuild_status)).await
    }

    /// The logs to which this process appends, by name.
    pub(super) fn written_logs(&self) -> Vec<(Name, Arc<Log>)> {
        let own = [(RECORD_LEDGER, self.province.records.log()), (EVIDENCE_LEDGER, self.gateway.evidence.log())];
        let own = own.into_iter().map(|(name, log)| (Name::from(name), log.clone()));
        own.chain(self.registries.iter().map(|(name, registry)| (name.clone(), registry.log().clone()))).collect()
    }

    /// Opens every role of a session: its store holds the logs of `world`'s catalogue already, as `trust` says of them.
    pub async fn of_session(
        world: World,
        clock: LogClock,
        keys: &Keys,
        trust: province::Trust,
        shared: Common,
    ) -> Result<Self> {
        Self::join(world, clock, keys, trust, shared, (Hosts::new(), false)).await
    }

    async fn join(
        world: World,
        clock: LogClock,
        keys: &Keys,
        trust: province::Trust,
        settings: Common,
        (hosts, rebuild_status): (Hosts, bool),
    ) -> Result<Self> {
        let tiles = settings.memory.tiles();
        let shared = Shared { world: &world, clock: &clock, tiles: &tiles };
        let registries = shared.registries(keys, settings.memory, &|name| !hosts.contains_key(name)).await?;
        let remotes = shared.remotes(hosts)?;
        world.clock.share_with(&remotes.keys().map(|name| &**name).collect::<Vec<_>>());
        let ports = shared.with_faults(keys, &registries, &remotes)?;
        let province = shared.province(keys, &ports, trust, rebuild_status).await?;
        registries.values().for_each(|registry| registry.heed(&province.verifier.anchor()));
        let holder = |registry: &Arc<RegistryRole>| Arc::downgrade(&(registry.clone() as Arc<dyn KeyHolder>));
        let issuers = registries.values().map(holder).collect();
        let (verifier, anchor) = (province.verifier.clone(), province.anchor.clone());
        if let Some(renewal) = keys.renewal(verifier, anchor, issuers, &world.faults) {
            world.clock.take_on(Arc::new(renewal));
        }
        let gateway = gateway::Opening {
            store: world.store.clone(),
            catalogue: world.catalogue.clone(),
            registries: ports.clone(),
            accepted: accepted(&province),
            rights: world.rights.clone(),
            entropy: world.entropy.clone(),
            evidence: shared.evidence(keys),
            tokens: settings.tokens,
            memory: settings.memory.exchange(),
        };
        let gateway = GatewayRole::open(gateway).await?;
        let origin = world.catalogue.origins().origin(RECORD_LEDGER);
        let webhooks = webhooks::of_world(&world, &province, origin, settings.sending);
        let logs = logs(&registries, &province, &gateway, &world.faults);
        let pauses = PausedLogs::start(&world.faults, pausing(&registries, &province, &gateway));
        let shown = Arc::default();
        Ok(Self {
            _pauses: pauses,
            defects: Defects::default(),
            world,
            clock,
            tiles,
            registries,
            remotes,
            ports,
            province,
            gateway,
            webhooks,
            logs,
            shown,
        })
    }
}

/// The parts of an assembly that do not depend on its world.
pub struct Common {
    /// Mints bearer tokens.
    pub tokens: Arc<TokenMint>,
    /// Sends events of webhooks.
    pub sending: Arc<Sending>,
    /// Bounds on caches.
    pub memory: Memory,
}

/// The values that the roles of one process share.
pub(super) struct Shared<'a> {
    pub(super) world: &'a World,
    pub(super) clock: &'a LogClock,
    pub(super) tiles: &'a TileCache,
}

impl Shared<'_> {
    /// The registries of this process, which `is_here` chooses by their names.
    pub(super) async fn registries(
        &self,
        keys: &Keys,
        memory: Memory,
        is_here: &(dyn Fn(&Name) -> bool + Sync),
    ) -> Result<BTreeMap<Name, Arc<RegistryRole>>> {
        let mut registries = BTreeMap::new();
        let sectors = self.world.catalogue.sectors();
        for sector in sectors.iter().filter(|sector| is_here(&sector.name)) {
            let opening = registry::Opening {
                store: self.world.store.clone(),
                sector: sector.clone(),
                clock: self.clock.skewed(skew(&self.world.faults, &sector.name)),
                caches: memory.registry(self.tiles.clone(), sectors.len()),
            };
            registries.insert(sector.name.clone(), RegistryRole::open(opening, keys).await?);
        }
        Ok(registries)
    }

    /// The registries on these hosts.
    pub(super) fn remotes(&self, hosts: Hosts) -> Result<BTreeMap<Name, Arc<RemoteRegistry>>> {
        let one = |(name, host): (Name, Arc<Connection>)| {
            let sector = self.world.catalogue.sector(&name).ok_or_else(|| Error::bug("a host of no registry"))?;
            Ok((name, RemoteRegistry::new(sector.clone(), host)))
        };
        hosts.into_iter().map(one).collect()
    }

    /// The registries' ports with the world's faults in front; a forged signature of another registry is that of the next registry by
    /// name. What a registry on another host never signs is forged with the keys that grow from the world's seed, which are its own unless it keeps
    /// others.
    pub(super) fn with_faults(
        &self,
        keys: &Keys,
        registries: &BTreeMap<Name, Arc<RegistryRole>>,
        remotes: &BTreeMap<Name, Arc<RemoteRegistry>>,
    ) -> Result<BTreeMap<Name, Arc<dyn Registry>>> {
        let rules = &self.world.faults;
        let mut forges: BTreeMap<Name, Forge> =
            registries.iter().map(|(name, registry)| (name.clone(), registry.forge())).collect();
        let mut stand_ins = BTreeMap::new();
        for name in remotes.keys() {
            let sector = self.world.catalogue.sector(name).ok_or_else(|| Error::bug("a host of no registry"))?;
            let forged = ForgedElsewhere::of(sector, keys)?;
            forges.insert(name.clone(), forged.own);
            stand_ins.insert(name.clone(), forged.compromised);
        }
        let others = forges.values().cycle().skip(1);
        let mut ports: BTreeMap<Name, Arc<dyn Registry>> = BTreeMap::new();
        for ((name, own), other) in forges.iter().zip(others) {
            let port: Arc<dyn Registry> = match (registries.get(name), remotes.get(name), stand_ins.remove(name)) {
                (Some(registry), ..) => registry.port_with_faults(rules.clone(), other.clone()),
                (None, Some(remote), Some(compromised)) => {
                    let keys = FaultKeys { own: own.clone(), other: other.clone(), compromised };
                    Arc::new(Faulty::new(remote.clone(), keys, rules.clone()))
                }
                _ => return Err(Error::bug("a registry that is neither here nor on a host")),
            };
            ports.insert(name.clone(), port);
        }
        Ok(ports)
    }

    async fn province(
        &self,
        keys: &Keys,
        ports: &BTreeMap<Name, Arc<dyn Registry>>,
        trust: province::Trust,
        rebuild_status: bool,
    ) -> Result<ProvinceRole> {
        let opening = province::Opening {
            store: self.world.store.clone(),
            catalogue: self.world.catalogue.clone(),
            registries: ports.values().cloned().collect(),
            time: self.world.clock.clone(),
            clock: self.clock.clone(),
            tiles: self.tiles.clone(),
            origin: self.world.catalogue.origins().origin(RECORD_LEDGER),
            signer: keys.records.clone(),
            trust,
            rebuild_status,
        };
        ProvinceRole::open(opening, |newest, admission, at| keys.admit(newest, admission, at)).await
    }

    fn evidence(&self, keys: &Keys) -> gateway::Evidence {
        gateway::Evidence {
            origin: self.world.catalogue.origins().origin(EVIDENCE_LEDGER),
            signer: keys.evidence.clone(),
            clock: self.clock.clone(),
            tiles: self.tiles.clone(),
            secret: self.world.seed.child("evidence", 0),
        }
    }
}

/// The province, as the gateway role uses it.
fn accepted(province: &ProvinceRole) -> gateway::AcceptedRecords {
    gateway::AcceptedRecords {
        inclusion: province.layer.clone(),
        residents: province.layer.clone(),
        verifier: province.verifier.clone(),
        addresses: Arc::new(Served(province.status.clone())),
    }
}

/// The error of a registry's clock, as the fault rules say.
fn skew(rules: &Arc<Rules>, registry: &Name) -> Skew {
    let (rules, registry) = (rules.clone(), registry.clone());
    Arc::new(move || {
        let rule = rules.state(&registry, |action| matches!(action, StateAction::ClockSkew(_)));
        match rule.and_then(|rule| rule.state_action()) {
            Some(StateAction::ClockSkew(by)) => by,
            _ => 0,
        }
    })
}

/// The public logs of all roles.
fn logs(
    registries: &BTreeMap<Name, Arc<RegistryRole>>,
    province: &ProvinceRole,
    gateway: &GatewayRole,
    rules: &Arc<Rules>,
) -> Logs {
    let mut logs = Logs::default();
    let mut add = |log: &Arc<Log>, shows_entries, forge| {
        logs.add_viewed(log.clone(), shows_entries, Some(Arc::new(FaultyHeads::new(log, rules.clone(), forge))));
    };
    let of = |sequencer: &Arc<Sequencer>| -> Forge {
        let sequencer = sequencer.clone();
        Arc::new(move |checkpoint| checkpoint.sign(&*sequencer.signer()))
    };
    add(province.records.log(), true, of(&province.records));
    // Its entries state who read whose data; `AccessLogService` shows them to those concerned.
    add(gateway.evidence.log(), false, of(&gateway.evidence));
    registries.values().for_each(|registry| add(registry.log(), true, registry.forge()));
    logs
}

/// How each log is paused, by its name.
fn pausing(
    registries: &BTreeMap<Name, Arc<RegistryRole>>,
    province: &ProvinceRole,
    gateway: &GatewayRole,
) -> BTreeMap<String, Pausing> {
    let own = [
        (RECORD_LEDGER, paused_logs::pausing(&province.records)),
        (EVIDENCE_LEDGER, paused_logs::pausing(&gateway.evidence)),
    ];
    let registries = registries.iter().map(|(name, role)| (name.to_string(), role.pausing()));
    own.into_iter().map(|(name, pausing)| (name.to_owned(), pausing)).chain(registries).collect()
}

/// The addresses of status lists, where the province serves them.
struct Served(Arc<StatusLists>);

impl Addresses for Served {
    fn status_uri(&self, issuer: &str, schema: &str) -> String {
        self.0.uri(issuer, schema)
    }

    fn public_url(&self) -> Option<String> {
        self.0.public_url().map(str::to_owned)
    }
}
