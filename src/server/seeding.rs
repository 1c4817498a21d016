//! How a new world fills: the population, household by household, through the registries' own door.
//!
//! One thread generates; each registry takes its changes in large batches at its own pace, with a short queue before it, so that
//! memory does not grow with the population. Everything is issued at one instant, so that the same seed gives the same bytes.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::config::Config;
use super::data::Data;
use super::parts::Parts;

use crate::base::{Error, Result, Seed, Timestamp};
use crate::identity::document::DocumentType;
use crate::identity::following::Following;
use crate::identity::{Account, Level};
use crate::registry::host::Host;
use crate::registry::port::{Change, Inclusion as _};
use crate::simulation::document::Record;
use crate::simulation::personas::{self, Persona};
use crate::simulation::population::{self as generated, Population};

/// Seeds a new world: population and personas into the registries, from there into the province, then accounts, links, refused
/// consents, and last what happened to the personas' documents after they were linked.
pub async fn seed(config: &Config, data: &Data, parts: &Parts, following: &Following) -> Result<()> {
    let at = Timestamp(data.world.created_at_ms);
    let personas = personas::all(at.date());
    let (accounts, opened) = mpsc::channel(64);
    let seeding = Seeding {
        world: *parts.keys.world(),
        population: data.world.population,
        at,
        progress: config.progress.clone(),
    };
    tokio::try_join!(seeding.fill(&parts.hosts, &personas, accounts), open_accounts(parts, opened, at))?;
    accepted(parts).await?;
    following.skip_to_end().await?;
    for persona in &personas {
        settle(parts, persona, at).await?;
    }
    for record in personas.iter().flat_map(|persona| &persona.later) {
        let host = host_of(parts, record.record_type)?;
        host.load(vec![change(record.clone())], at).await?;
    }
    accepted(parts).await?;
    following.catch_up().await?;
    Ok(())
}

/// Waits until the province has accepted all that the registries hold.
async fn accepted(parts: &Parts) -> Result<()> {
    for (name, host) in &parts.hosts {
        parts.province.wait_for(name, host.ledger().head().size).await?;
    }
    Ok(())
}

/// Opens accounts as they are generated, many to a commit.
async fn open_accounts(
    parts: &Parts,
    mut opened: mpsc::Receiver<Vec<generated::Account>>,
    at: Timestamp,
) -> Result<()> {
    let mut households = Vec::new();
    while opened.recv_many(&mut households, 64).await > 0 {
        let accounts: Vec<Account> = households.drain(..).flatten().map(|account| account_at(&account, at)).collect();
        parts.accounts.seed(&accounts).await?;
    }
    Ok(())
}

/// A persona's account, links and refusals.
async fn settle(parts: &Parts, persona: &Persona, at: Timestamp) -> Result<()> {
    if let Some(account) = &persona.account {
        parts.accounts.seed(&[account_at(account, at)]).await?;
    }
    for record in persona.records.iter().filter(|record| persona.links.contains(&record.record_type)) {
        let Some(kind) = DocumentType::of_record_type(record.record_type) else { continue };
        parts.linking.seed(persona.personal_id, kind, kind.number(&record.payload), at).await?;
    }
    if persona.refuses_consents {
        parts.consents.refuse_all(persona.personal_id, at).await?;
    }
    Ok(())
}

fn account_at(account: &generated::Account, at: Timestamp) -> Account {
    let level = if account.level >= 2 { Level::Two } else { Level::One };
    Account { person: account.personal_id, level, guardian: account.guardian, opened_at: at }
}

fn registry_of(record_type: &str) -> &str {
    record_type.split_once('.').map_or(record_type, |(registry, _)| registry)
}

fn host_of<'a>(parts: &'a Parts, record_type: &str) -> Result<&'a Arc<Host>> {
    let host = parts.hosts.get(registry_of(record_type));
    host.ok_or_else(|| Error::bug(format!("no registry for {record_type}")))
}

/// Changes handed to a registry at once.
const BATCH_CHANGES: usize = 4_096;
/// Batches that wait before a registry.
const QUEUE_BATCHES: usize = 2;

/// What seeding needs to know.
struct Seeding {
    /// The world's seed.
    world: Seed,
    /// Citizens to generate.
    population: u64,
    /// When everything is issued.
    at: Timestamp,
    /// Told how far it is.
    progress: Option<Arc<dyn Fn(u64, u64) + Send + Sync>>,
}

impl Seeding {
    /// Fills the registries with the population and the personas' first versions; gives the accounts to `accounts`.
    async fn fill(
        self,
        hosts: &BTreeMap<&'static str, Arc<Host>>,
        personas: &[Persona],
        accounts: mpsc::Sender<Vec<generated::Account>>,
    ) -> Result<()> {
        let mut loading = JoinSet::new();
        let mut doors = BTreeMap::new();
        for (name, host) in hosts {
            let (door, waiting) = mpsc::channel(QUEUE_BATCHES);
            doors.insert(*name, Door { door, changes: Vec::new() });
            loading.spawn(load(host.clone(), waiting, self.at));
        }
        let first: Vec<Record> = personas.iter().flat_map(|persona| persona.records.iter().cloned()).collect();
        let generating = tokio::task::spawn_blocking(move || self.generate(first, doors, &accounts));
        // A registry that fails closes its door, which ends the generator; its own error says more.
        while let Some(loaded) = loading.join_next().await {
            loaded.map_err(Error::bug)??;
        }
        generating.await.map_err(Error::bug)?
    }

    fn generate(
        self,
        first: Vec<Record>,
        mut doors: BTreeMap<&'static str, Door>,
        accounts: &mpsc::Sender<Vec<generated::Account>>,
    ) -> Result<()> {
        for record in first {
            enter(&mut doors, record)?;
        }
        let mut done = 0;
        for household in Population::new(self.world, self.population, self.at.date()) {
            for record in household.records {
                enter(&mut doors, record)?;
            }
            if !household.accounts.is_empty() {
                accounts.blocking_send(household.accounts).map_err(|_| closed())?;
            }
            done += household.citizens.len() as u64;
            if let Some(progress) = &self.progress {
                progress(done, self.population);
            }
        }
        doors.into_values().try_for_each(Door::flush)
    }
}

/// Changes on their way to one registry.
struct Door {
    door: mpsc::Sender<Vec<Change>>,
    changes: Vec<Change>,
}

impl Door {
    fn flush(mut self) -> Result<()> {
        self.send()
    }

    fn send(&mut self) -> Result<()> {
        if self.changes.is_empty() {
            return Ok(());
        }
        self.door.blocking_send(std::mem::take(&mut self.changes)).map_err(|_| closed())
    }
}

fn enter(doors: &mut BTreeMap<&'static str, Door>, record: Record) -> Result<()> {
    let door = doors
        .get_mut(registry_of(record.record_type))
        .ok_or_else(|| Error::bug(format!("no registry for {}", record.record_type)))?;
    door.changes.push(change(record));
    if door.changes.len() >= BATCH_CHANGES { door.send() } else { Ok(()) }
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

async fn load(host: Arc<Host>, mut waiting: mpsc::Receiver<Vec<Change>>, at: Timestamp) -> Result<()> {
    while let Some(changes) = waiting.recv().await {
        host.load(changes, at).await?;
    }
    Ok(())
}

fn closed() -> Error {
    Error::bug("a registry stopped taking changes while the world was seeded")
}
