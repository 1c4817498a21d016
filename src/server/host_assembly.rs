//! The assembly of a registry host: the registry roles of a world, and nothing else.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::assembly::{Settings, Shared};
use super::roles::RegistryRole;
use super::task::Defects;
use super::world::World;
use crate::base::{Clock as _, Result};
use crate::keys::keyring::KeyHolder as _;
use crate::ledger::{Log, LogClock};
use crate::registry::port::Registry;
use crate::registry::{Name, allocation};

/// The registries of a process that has nothing else.
pub(super) struct HostAssembly {
    /// The world of the registries.
    pub(super) world: World,
    /// The clock of their logs.
    pub(super) clock: LogClock,
    /// The registries, by name.
    pub(super) registries: BTreeMap<Name, Arc<RegistryRole>>,
    /// Their ports with this host's fault rules in front.
    pub(super) ports: BTreeMap<Name, Arc<dyn Registry>>,
    /// The work in the background that a defect has ended.
    pub(super) defects: Defects,
}

impl HostAssembly {
    /// Opens the registries of a world that are named here; each verifies that its log rebuilds to its signed root.
    pub(super) async fn open(world: World, settings: &Settings, names: &[Name]) -> Result<Self> {
        let keys = settings.keys_of(&world)?;
        let admissions = allocation::admissions(&*world.store).await?;
        let versions = keys.versions(world.created_at, world.clock.now(), &admissions)?;
        let clock = LogClock::new(world.clock.clone());
        let tiles = settings.memory.tiles();
        let shared = Shared { world: &world, clock: &clock, tiles: &tiles };
        let registries =
            shared.registries(&keys, settings.memory, &|name| names.iter().any(|served| served == name)).await?;
        if let Some(newest) = versions.last() {
            registries.values().for_each(|registry| registry.heed(newest));
        }
        let ports = shared.with_faults(&keys, &registries, &BTreeMap::new())?;
        Ok(Self { world, clock, registries, ports, defects: Defects::default() })
    }

    /// The logs to which this process appends, by name.
    pub(super) fn written_logs(&self) -> Vec<(Name, Arc<Log>)> {
        self.registries.iter().map(|(name, registry)| (name.clone(), registry.log().clone())).collect()
    }
}
