//! The front of a gateway: its first world and its sessions, behind one admission.

use std::sync::Arc;

use tokio::sync::watch;

use super::assembly::Assembly;
use super::config::Config;
use super::entrance::Served;
use super::readings;
use super::services::{self, Serving};
use super::sessions::SessionManager;
use super::world_file::WorldFile;
use crate::api::admission::{Admission, Capacity, NoSessions, Sessions};
use crate::api::grpc::simulation::{Reach, WorldFacts};
use crate::base::{Result, Timestamp};
use crate::simulation::session::SessionDesk;
use crate::store::MemoryTotal;

/// The entry point of calls, and the tasks that watch it.
pub(super) struct Front {
    /// Admits calls.
    pub(super) admission: Admission,
    /// The capacity, shared by all ports.
    pub(super) capacity: Arc<Capacity>,
    /// The first world.
    pub(super) served: Served,
    /// The sessions; `None`: there are none.
    pub(super) sessions: Option<Arc<SessionManager>>,
}

impl Front {
    /// Serves a world and its sessions until `ending` becomes true.
    pub(super) fn of(
        config: &Config,
        assembly: &Arc<Assembly>,
        world: &WorldFile,
        reach: Reach,
        ending: watch::Receiver<bool>,
    ) -> Result<Self> {
        let (mark, simulation) = (world.mark(), config.simulation);
        let facts = WorldFacts {
            seed: config.reveals_seed().then_some(world.seed),
            population: world.population,
            created_at: Timestamp(world.created_at_ms),
            province: assembly.world.province.clone(),
            reach,
        };
        let sessions = || SessionManager::new(config, assembly, facts.clone(), mark, ending.clone());
        let sessions = simulation.then(sessions);
        let desk = sessions.clone().map(|sessions| sessions as Arc<dyn SessionDesk>);
        let serving = Serving {
            config,
            assembly,
            facts: facts.clone(),
            mark,
            sessions: desk,
            session: None,
            of_anyone: assembly.world.entropy.clone(),
            memory: MemoryTotal::default(),
            entry: None,
            metadata_faults: false,
        };
        let (process, served) = services::first(serving, ending)?;
        let (methods, capacity) = (process.methods.clone(), process.capacity.clone());
        assembly.gateway.metrics.ask(readings::of_calls(capacity.load(), &served.health));
        let find: Arc<dyn Sessions> = match &sessions {
            None => Arc::new(NoSessions),
            Some(sessions) => {
                sessions.share(process);
                assembly.gateway.metrics.ask(readings::of_sessions(sessions));
                sessions.clone()
            }
        };
        let admission = Admission::new(methods, capacity.clone(), served.world.clone(), find);
        Ok(Self { admission, capacity, served, sessions })
    }
}
