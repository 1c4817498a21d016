//! Seeding: fills a new world with the population, household by household, through the registries' ordinary writers.
//!
//! One thread generates; each registry takes its changes in large batches at its own pace, with a short queue before it, so that
//! memory does not grow with the population. The province accepts the batches in the order in which they were generated.
//!
//! A world is a function of its seed, its population and its time of creation: the clock is stopped, randomness comes from the
//! seed, and no order depends on the speed of a task. So an interrupted seeding that begins again gives the same ledgers, byte for
//! byte.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::stream;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::assembly::{Assembly, Settings};
use super::config::Config;
use super::data::Data;
use super::feed::ProvinceFeed;
use super::ground_truth::GroundTruth;
use super::host_assembly::HostAssembly;
use super::remotes::Hosts;
use super::roles::RegistryRole;
use super::world::World;

use crate::access::RightsBook;
use crate::base::entropy::SeededEntropy;
use crate::base::time::FixedClock;
use crate::base::{Error, Result, Seed, Timestamp, limits};
use crate::identity::following::Following;
use crate::identity::{Account, Level};
use crate::province::Turn;
use crate::registry::port::{Change, Inclusion as _, Registry};
use crate::registry::{Catalogue, Name, RecordType};
use crate::simulation::clock::WorldClock;
use crate::simulation::discrepancy::{Disagreeing, Rate};
use crate::simulation::document::Record;
use crate::simulation::history;
use crate::simulation::personas::{self, Persona};
use crate::simulation::population as generated;
use crate::simulation::samples::SampleMaker;
use crate::trust::{Object, Operation};

/// Batches that may wait for the province before the generator pauses.
const QUEUE_TURNS: usize = 16;

/// Seeds a new world into an empty store: population and personas into the registries, from there into the province, then accounts,
/// links, refused consents, and last the changes of the personas' documents after they were linked.
///
/// Registries on `hosts` seed themselves, and the province accepts their batches in their turn; `foreign` ones have records of their own, which
/// come later.
pub async fn seed(
    config: &Config,
    data: &Data,
    rights: Arc<RightsBook>,
    hosts: &Hosts,
    foreign: &[Name],
) -> Result<()> {
    let at = Timestamp(data.world.created_at_ms);
    let settings = Settings { anchor: None, hosts: hosts.clone(), ..Settings::of(config, data)? };
    let settings = Settings { rebuild_status: false, ..settings };
    let assembly = &Assembly::open(standing(config, data, rights).await?, settings).await?;
    let ports = assembly.ports.iter().filter(|(name, _)| !foreign.contains(name));
    let feed = Arc::new(ProvinceFeed(assembly.province.layer.clone()));
    let following =
        Following::new(assembly.gateway.linking.clone(), data.store.clone(), feed, assembly.world.clock.clone());
    let personas = personas::all(at.date());
    let (accounts, opened) = mpsc::channel(64);
    let (turns, mut taken) = mpsc::channel(QUEUE_TURNS);
    let seeding = Seeding::of(config, data)?;
    let ports = ports.map(|(name, port)| (name.clone(), port.clone())).collect();
    let destination = Destination { registries: &assembly.registries, ports, turns: Some(turns) };
    tokio::try_join!(
        seeding.fill(&assembly.world.catalogue, destination, &personas, accounts),
        open_accounts(assembly, opened, at),
        assembly.province.layer.take_in_turn(stream::poll_fn(|context| taken.poll_recv(context))),
    )?;
    following.skip_to_end().await?;
    for persona in &personas {
        settle(assembly, persona, at).await?;
    }
    let mut later = Vec::new();
    for record in personas.iter().flat_map(|persona| &persona.later) {
        let name = &assembly.world.catalogue.defined(record.record_type)?.registry;
        if foreign.contains(name) {
            continue;
        }
        let registry = assembly.ports.get(name).ok_or_else(|| unknown(name))?.clone();
        let log_size = match assembly.registries.get(name) {
            Some(role) => {
                role.load(vec![change(record.clone())], at).await?.last().map(|receipt| receipt.log_index + 1)
            }
            None => Some(assembly.province.layer.accepted_size(name).await? + counted(&later, name) + 1),
        };
        later.extend(log_size.map(|log_size| Turn { registry, log_size }));
    }
    assembly.province.layer.take_in_turn(stream::iter(later)).await?;
    following.catch_up().await?;
    Ok(())
}

/// Seeds the registries of a host: the same records as [`seed`] would give them, in the same batches.
pub async fn seed_host(config: &Config, data: &Data, rights: Arc<RightsBook>, names: &[Name]) -> Result<()> {
    let at = Timestamp(data.world.created_at_ms);
    let settings = Settings::of(config, data)?;
    let host = HostAssembly::open(standing(config, data, rights).await?, &settings, names).await?;
    let personas = personas::all(at.date());
    let (accounts, mut opened) = mpsc::channel(64);
    let destination = Destination { registries: &host.registries, ports: BTreeMap::new(), turns: None };
    let catalogue = &host.world.catalogue;
    let nobody = async {
        while opened.recv().await.is_some() {} // accounts are the gateway's
        Ok(())
    };
    tokio::try_join!(Seeding::of(config, data)?.fill(catalogue, destination, &personas, accounts), nobody)?;
    for record in personas.iter().flat_map(|persona| &persona.later) {
        if let Some(role) = host.registries.get(&catalogue.defined(record.record_type)?.registry) {
            role.load(vec![change(record.clone())], at).await?;
        }
    }
    Ok(())
}

/// A world whose time stands still, and whose randomness comes from its seed.
async fn standing(config: &Config, data: &Data, rights: Arc<RightsBook>) -> Result<World> {
    let at = Timestamp(data.world.created_at_ms);
    let chance = Seed::root(data.world.seed).child("seeding", 0);
    Ok(World {
        clock: WorldClock::open(Arc::new(FixedClock::at(at)), None)?,
        entropy: Arc::new(SeededEntropy::new(chance)),
        ..World::open(config, data, rights).await?
    })
}

/// Opens accounts as they are generated, many in a commit.
async fn open_accounts(
    assembly: &Assembly,
    mut opened: mpsc::Receiver<Vec<generated::Account>>,
    at: Timestamp,
) -> Result<()> {
    let mut households = Vec::new();
    while opened.recv_many(&mut households, 64).await > 0 {
        let accounts: Vec<Account> = households.drain(..).flatten().map(|account| account_at(&account, at)).collect();
        assembly.gateway.accounts.seed(&accounts).await?;
    }
    Ok(())
}

/// A persona's account, links and refusals.
async fn settle(assembly: &Assembly, persona: &Persona, at: Timestamp) -> Result<()> {
    if let Some(account) = &persona.account {
        assembly.gateway.accounts.seed(&[account_at(account, at)]).await?;
    }
    for record in persona.records.iter().filter(|record| persona.links.contains(&record.record_type)) {
        let record_type = assembly.world.catalogue.defined(record.record_type)?;
        let Some(document) = &record_type.document else { continue };
        let number = record.payload.text(&record_type.natural_key).unwrap_or_default();
        assembly.gateway.linking.seed(persona.personal_id, document.kind, number, at).await?;
    }
    if persona.refuses_consents {
        assembly.gateway.consents.refuse_all(persona.personal_id, at).await?;
    }
    Ok(())
}

fn account_at(account: &generated::Account, at: Timestamp) -> Account {
    let level = if account.level >= 2 { Level::Two } else { Level::One };
    Account { person: account.personal_id, level, guardian: account.guardian, opened_at: at }
}

/// How many of `turns` are of a registry.
fn counted(turns: &[Turn], registry: &str) -> u64 {
    turns.iter().filter(|turn| turn.registry.name() == registry).count() as u64
}

fn unknown(registry: &str) -> Error {
    Error::bug(format!("there is no registry {registry}"))
}

/// Changes in a batch for a registry.
const BATCH_CHANGES: usize = limits::BATCH_RECORDS_MAX;
/// Batches queued before a registry.
const QUEUE_BATCHES: usize = 2;

/// The parameters of seeding.
struct Seeding {
    /// The world's seed.
    world: Seed,
    /// Citizens to generate.
    population: u64,
    /// How often registries disagree about them.
    discrepancies: Rate,
    /// The file for the ground truth.
    truth: Option<GroundTruth>,
    /// The time of issue of all records.
    at: Timestamp,
    /// Called with the progress.
    progress: Option<Arc<dyn Fn(u64, u64) + Send + Sync>>,
}

/// Where generated records go: the registries of this process, and the turns of all that the province follows.
struct Destination<'a> {
    /// The registries that are filled here.
    registries: &'a BTreeMap<Name, Arc<RegistryRole>>,
    /// The ports of those that the province follows, wherever they are.
    ports: BTreeMap<Name, Arc<dyn Registry>>,
    /// The order in which the province accepts their batches; `None` on a host.
    turns: Option<mpsc::Sender<Turn>>,
}

impl Seeding {
    /// The seeding of a configuration and its data.
    fn of(config: &Config, data: &Data) -> Result<Self> {
        Ok(Self {
            world: Seed::root(data.world.seed),
            population: data.world.population,
            discrepancies: data.world.discrepancies(),
            truth: config.ground_truth.as_deref().map(GroundTruth::create).transpose()?,
            at: Timestamp(data.world.created_at_ms),
            progress: config.progress.clone(),
        })
    }

    /// Fills the registries with the population and the personas' first versions. Sends the accounts to `accounts`, and the order in which the
    /// province accepts the registries' batches to the destination's turns.
    async fn fill(
        self,
        catalogue: &Arc<Catalogue>,
        destination: Destination<'_>,
        personas: &[Persona],
        accounts: mpsc::Sender<Vec<generated::Account>>,
    ) -> Result<()> {
        let mut loading = JoinSet::new();
        let Destination { registries, mut ports, turns } = destination;
        let mut outboxes = Outboxes { catalogue: catalogue.clone(), turns, of: BTreeMap::new() };
        for (name, role) in registries {
            let (queue, waiting) = mpsc::channel(QUEUE_BATCHES);
            let outbox = Outbox { queue: Some(queue), registry: ports.remove(name), ..Outbox::default() };
            outboxes.of.insert(name.clone(), outbox);
            loading.spawn(load(role.clone(), waiting, self.at));
        }
        for (name, registry) in ports {
            outboxes.of.insert(name, Outbox { registry: Some(registry), ..Outbox::default() });
        }
        let first: Vec<Record> = personas.iter().flat_map(|persona| persona.records.iter().cloned()).collect();
        let generating = tokio::spawn(self.generate(first, outboxes, accounts));
        // A registry that fails closes its queue, which ends the generator; the registry's error is the more specific one.
        while let Some(loaded) = loading.join_next().await {
            loaded.map_err(Error::bug)??;
        }
        generating.await.map_err(Error::bug)?
    }

    async fn generate(
        mut self,
        first: Vec<Record>,
        mut outboxes: Outboxes,
        accounts: mpsc::Sender<Vec<generated::Account>>,
    ) -> Result<()> {
        for record in first {
            outboxes.put(record).await?;
        }
        let mut done = 0;
        let mut samples = SampleMaker::new(&outboxes.catalogue, self.world, self.at.date());
        let households = Disagreeing::new(self.world, self.population, self.at.date(), self.discrepancies);
        let households = if self.truth.is_some() { households } else { households.untold() };
        for (household, truths) in households {
            if let Some(truth) = &mut self.truth {
                truth.add(&truths)?;
            }
            let of_samples = |record: &&Record| !samples.is_idle() && samples.is_person(record.record_type);
            let people = household.records.iter().filter(of_samples);
            let people: Vec<Object> = people.map(|record| record.payload.clone()).collect();
            for record in household.records {
                for version in history::versions(record, self.at.date()) {
                    outboxes.put(version).await?;
                }
            }
            for (of, payload) in people.iter().flat_map(|person| samples.records_of(person)) {
                outboxes.add(&of.registry, created(&of, payload)).await?;
            }
            if !household.accounts.is_empty() {
                accounts.send(household.accounts).await.map_err(|_| closed())?;
            }
            done += household.citizens.len() as u64;
            if let Some(progress) = &self.progress {
                progress(done, self.population);
            }
        }
        if let Some(truth) = self.truth {
            truth.finish()?;
        }
        outboxes.flush().await
    }
}

/// Pending changes for all registries.
struct Outboxes {
    catalogue: Arc<Catalogue>,
    turns: Option<mpsc::Sender<Turn>>,
    of: BTreeMap<Name, Outbox>,
}

/// Pending changes for one registry.
#[derive(Default)]
struct Outbox {
    /// The registry's queue; `None` for one that fills itself on its host.
    queue: Option<mpsc::Sender<Vec<Change>>>,
    changes: Vec<Change>,
    /// How many changes are pending, kept or not.
    pending: usize,
    /// The size of the registry's log once all sent changes are issued.
    sent: u64,
    /// The port by which the province accepts them; `None` on a host.
    registry: Option<Arc<dyn Registry>>,
}

impl Outboxes {
    async fn put(&mut self, record: Record) -> Result<()> {
        let registry = self.catalogue.defined(record.record_type)?.registry.clone();
        self.add(&registry, change(record)).await
    }

    async fn add(&mut self, registry: &str, change: Change) -> Result<()> {
        // What is another host's, or of its own, is generated all the same: a world is one.
        let Some(outbox) = self.of.get_mut(registry) else { return Ok(()) };
        if outbox.queue.is_some() {
            outbox.changes.push(change);
        }
        outbox.pending += 1;
        if outbox.pending >= BATCH_CHANGES { outbox.send(self.turns.as_ref()).await } else { Ok(()) }
    }

    async fn flush(mut self) -> Result<()> {
        for outbox in self.of.values_mut() {
            outbox.send(self.turns.as_ref()).await?;
        }
        Ok(())
    }
}

impl Outbox {
    async fn send(&mut self, turns: Option<&mpsc::Sender<Turn>>) -> Result<()> {
        if self.pending == 0 {
            return Ok(());
        }
        self.sent += std::mem::take(&mut self.pending) as u64;
        if let Some(queue) = &self.queue {
            queue.send(std::mem::take(&mut self.changes)).await.map_err(|_| closed())?;
        }
        let (Some(registry), Some(turns)) = (&self.registry, turns) else { return Ok(()) };
        let turn = Turn { registry: registry.clone(), log_size: self.sent };
        turns.send(turn).await.map_err(|_| closed())
    }
}

/// A record as a change: version 1 is new, version n follows n − 1.
pub fn change(record: Record) -> Change {
    Change {
        record_type: record.record_type.to_owned(),
        operation: record.operation,
        expected_version: record.version.saturating_sub(1),
        payload: record.payload,
        valid_from: None,
        valid_until: None,
    }
}

/// A new record of a type.
fn created(of: &RecordType, payload: Object) -> Change {
    Change {
        record_type: of.name.to_string(),
        operation: Operation::Create,
        expected_version: 0,
        payload,
        valid_from: None,
        valid_until: None,
    }
}

async fn load(role: Arc<RegistryRole>, mut waiting: mpsc::Receiver<Vec<Change>>, at: Timestamp) -> Result<()> {
    while let Some(changes) = waiting.recv().await {
        role.load(changes, at).await?;
    }
    Ok(())
}

fn closed() -> Error {
    Error::bug("a registry or the province stopped accepting changes during seeding")
}
