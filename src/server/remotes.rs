//! The registries of a gateway that run on hosts of their own.
//!
//! A gateway that was served before starts without them: what they hold is missing from answers until they are there. A new one asks each of them
//! first, because its world is theirs: registries that were seeded for the same citizens on the same day, and others with records of their own.

#![allow(clippy::disallowed_methods, reason = "hosts that start beside the gateway are waited for")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::world_file::WorldFile;
use crate::api::remote::registry::Described;
use crate::api::remote::{Connection, Dial, HostAddress, RemoteRegistry};
use crate::base::time::Instant;
use crate::base::{Error, Kind, Reason, Result, Timestamp};
use crate::registry::{Catalogue, Name};

/// How long a new world waits for its hosts: they generate the same citizens, perhaps at this moment.
const WAITS: Duration = Duration::from_secs(600);
/// Between two looks.
const LOOKS_EVERY: Duration = Duration::from_millis(500);
/// When to say for whom is waited.
const SAYS_AFTER: Duration = Duration::from_secs(2);

/// Connections to the hosts of registries, by the registries' names.
pub type Hosts = BTreeMap<Name, Arc<Connection>>;

/// The connections to these hosts, made by `dial` where there is one. Fails with [`ConfigurationInvalid`](Reason::ConfigurationInvalid) for a
/// registry that the catalogue does not have, and for an address that cannot be read.
pub fn connect(catalogue: &Catalogue, addresses: &BTreeMap<String, HostAddress>, dial: Option<&Dial>) -> Result<Hosts> {
    let one = |(registry, host): (&String, &HostAddress)| {
        let name = catalogue.configured(registry)?.name.clone();
        Ok((name, Connection::new(registry, host, dial)?))
    };
    addresses.iter().map(one).collect()
}

/// What a new world has to know of its hosts.
pub struct Agreed {
    /// When the last of them began; `None` if none of them was seeded.
    pub began_at: Option<Timestamp>,
    /// The registries with records of their own, which were not seeded.
    pub foreign: Vec<Name>,
}

/// Asks every host, and waits for those that are not there yet.
///
/// A world that is to begin `at` a time begins then, and its hosts have to have begun on that day.
pub async fn agree(catalogue: &Catalogue, hosts: &Hosts, world: &WorldFile, at: Option<Timestamp>) -> Result<Agreed> {
    let mut agreed = Agreed { began_at: None, foreign: Vec::new() };
    let mut seeded = Vec::new();
    for (name, host) in hosts {
        let sector = catalogue.sector(name).ok_or_else(|| Error::bug("a host of no registry"))?;
        let described = described(&RemoteRegistry::new(sector.clone(), host.clone())).await?;
        if described.seeding.is_empty() {
            agreed.foreign.push(name.clone());
            continue;
        }
        agreed.began_at = agreed.began_at.max(described.began_at);
        seeded.push((name, described.seeding));
    }
    agreed.began_at = at.or(agreed.began_at);
    let at = agreed.began_at.unwrap_or(Timestamp(world.created_at_ms));
    let own = world.seeding_at(at);
    if let Some((other, _)) = seeded.iter().find(|(_, seeding)| *seeding != own) {
        let message = format!(
            "the host of the {other} registry was seeded for other citizens: start it and this gateway with the same --seed, --population and --discrepancies, and on the same day ({}) or with the same --created-at",
            at.date()
        );
        return Err(Error::new(Reason::ConfigurationInvalid, message));
    }
    Ok(agreed)
}

async fn described(registry: &RemoteRegistry) -> Result<Described> {
    let begun = Instant::now();
    let mut said = String::new();
    loop {
        match registry.describe().await {
            Err(error) if is_awaited(&error) && begun.elapsed() < WAITS => {
                if said != error.message && begun.elapsed() >= SAYS_AFTER {
                    said.clone_from(&error.message);
                    tracing::info!(why = error.message, "waiting for the host of a registry");
                }
                tokio::time::sleep(LOOKS_EVERY).await;
            }
            described => return described,
        }
    }
}

fn is_awaited(error: &Error) -> bool {
    matches!(error.kind(), Kind::SourceDown | Kind::Late)
}
