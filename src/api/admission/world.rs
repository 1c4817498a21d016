//! A world as admission serves it, and the sessions: further worlds, which a call chooses by metadata.

use std::sync::Arc;

use async_trait::async_trait;
use tonic::codegen::http::{HeaderMap, HeaderValue};

use super::citizens::KnownCitizens;
use crate::access::RightsBook;
use crate::api::Edge;
use crate::api::credential::Authenticator;
use crate::api::dispatch::Dispatch;
use crate::api::metrics::Metrics;
use crate::base::{Error, Reason, Result};
use crate::ledger::LogClock;
use crate::simulation::clock::{Reading, WorldClock};
use crate::simulation::faults::Rules;
use crate::simulation::journal::Journal;

/// The metadata key with which a call chooses a session.
pub const SESSION: &str = "x-lienthong-session";

/// The metadata keys of both times, RFC 3339.
const WORLD_TIME: &str = "x-lienthong-world-time";
const MACHINE_TIME: &str = "x-lienthong-machine-time";

/// One world's services, and the rules for who may call them.
pub struct ServedWorld {
    /// Its services.
    pub dispatch: Dispatch,
    /// Authenticates callers; one for all worlds of a process.
    pub authenticator: Arc<Authenticator>,
    /// The rights of callers.
    pub rights: Arc<RightsBook>,
    /// The citizens whom it knows; `None`: it knows none.
    pub citizens: Option<KnownCitizens>,
    /// Calls are admitted only while it reads no time before the logs' newest head: no decision uses a past time.
    pub clock: LogClock,
    /// The world's time with the machine's: an answer has both where they differ.
    pub time: Arc<WorldClock>,
    /// Runs the calls.
    pub edge: Edge,
    /// Counts the answers.
    pub metrics: Arc<Metrics>,
    /// The rules of its faults.
    pub faults: Arc<Rules>,
    /// Whether calls may ask for faults of their own.
    pub metadata_faults: bool,
    /// The journal of its calls; `None` where the simulation is off.
    pub journal: Option<Arc<Journal>>,
    /// The callers who may enter; `None`: all who may call.
    pub entry: Option<Entry>,
}

/// The callers who may enter a world: all who may call a method, by rights that are not the world's own and may change while it exists.
#[derive(Clone)]
pub struct Entry {
    /// The rights.
    pub rights: Arc<RightsBook>,
    /// The method.
    pub method: &'static str,
}

impl ServedWorld {
    /// Adds both times to an answer, if the world's is not the machine's.
    pub(super) fn add_times(&self, headers: &mut HeaderMap) {
        let Reading { now, machine, is_frozen } = self.time.reading();
        if now == machine && !is_frozen {
            return;
        }
        for (name, at) in [(WORLD_TIME, now), (MACHINE_TIME, machine)] {
            if let Ok(mut value) = HeaderValue::try_from(at.to_string()) {
                value.set_sensitive(true); // it never repeats: kept out of the compression table
                headers.insert(name, value);
            }
        }
    }
}

/// The sessions of a gateway.
#[async_trait]
pub trait Sessions: Send + Sync + 'static {
    /// The world of a session, opened if it is called for the first time. Fails with [`SessionUnknown`](Reason::SessionUnknown) if there is none
    /// of this id: a call never falls back to another world.
    async fn served(&self, id: &str) -> Result<Arc<ServedWorld>>;
}

/// No sessions at all.
pub struct NoSessions;

#[async_trait]
impl Sessions for NoSessions {
    async fn served(&self, _: &str) -> Result<Arc<ServedWorld>> {
        let message =
            "there are no sessions here: a server with TLS serves the simulation only with --enable-simulation";
        Err(Error::new(Reason::SessionUnknown, message).with_subject("session", ""))
    }
}
