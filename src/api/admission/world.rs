//! A world as admission serves it, and the sessions: further worlds, which a call chooses by metadata.

use std::sync::Arc;

use async_trait::async_trait;

use crate::access::RightsBook;
use crate::api::Edge;
use crate::api::credential::Authenticator;
use crate::api::dispatch::Dispatch;
use crate::api::metrics::Metrics;
use crate::base::{Error, Reason, Result};
use crate::ledger::LogClock;

/// The metadata key with which a call chooses a session.
pub const SESSION: &str = "x-lienthong-session";

/// One world's services, with what decides who may call them.
pub struct ServedWorld {
    /// Its services.
    pub dispatch: Dispatch,
    /// Authenticates callers.
    pub authenticator: Authenticator,
    /// The rights of callers.
    pub rights: Arc<RightsBook>,
    /// Callers are let in only while it reads no time before the logs' newest head: nothing is decided as of a time that is past.
    pub clock: LogClock,
    /// Runs the calls.
    pub edge: Edge,
    /// Counts the answers.
    pub metrics: Arc<Metrics>,
    /// The method that a caller must be allowed to call in order to call any other; `None` asks nothing more.
    pub entry: Option<String>,
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
        let message = "there are no sessions here: the gateway serves no simulation (--simulation)";
        Err(Error::new(Reason::SessionUnknown, message).with_subject("session", ""))
    }
}
