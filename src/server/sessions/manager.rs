//! The manager of sessions: the existing ones, and their worlds as calls find them.
//!
//! A session's snapshot makes the engine keep what the province replaces. So that a session that nobody uses any more fills neither disk nor
//! memory, the manager measures every second how much that is, and ends those that cost too much.

#![allow(clippy::disallowed_methods, reason = "sessions live by the machine's time")]

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use tokio::sync::watch;

use super::opening;
use super::slot::{Opened, Slot, Slots, full};
use crate::api::admission::{Entry, ServedWorld, Sessions};
use crate::api::grpc::simulation::WorldFacts;
use crate::api::http::sessions::SessionRoutes;
use crate::base::limits::{SESSION_BYTES_SURE, SESSIONS_BYTES_MAX};
use crate::base::{Error, Result, SessionId};
use crate::server::assembly::Assembly;
use crate::server::config::Config;
use crate::server::entrance::Process;
use crate::server::services::{self, Serving};
use crate::server::task::AbortOnDrop;
use crate::simulation::session::{SessionDesk, SessionFacts, unknown};
use crate::store::MemoryTotal;

/// Every caller who may call this method may enter sessions.
const ENTRY: &str = "lienthong.simulation.v1.SessionService/GetSession";

/// The branches of a session's seed: its own randomness, and that of the ids of calls that anyone may make.
const ITS_OWN: &str = "session";
const OF_ANYONE: &str = "session/anyone";

/// How often the manager measures how much sessions hold back.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The sessions of one gateway.
pub struct SessionManager {
    pub(super) config: Config,
    pub(super) base: Arc<Assembly>,
    pub(super) me: Weak<SessionManager>,
    facts: WorldFacts,
    mark: [u8; 16],
    /// The parts that sessions share with the first world, once that is served.
    process: OnceLock<Process>,
    /// The address of the public HTTP routes.
    public_url: OnceLock<String>,
    slots: Mutex<Slots>,
    /// The changes and recordings of all of them, including ended ones from which others were created.
    pub(super) memory: MemoryTotal,
    /// Sessions are created one after another, so that their maximum is kept.
    pub(super) creating: tokio::sync::Mutex<()>,
    ending: OnceLock<AbortOnDrop>,
}

impl SessionManager {
    /// The sessions next to `base`, which `GetWorld` describes with `facts`, and whose page tokens are bound to `mark`. They end when `ending` becomes true.
    pub fn new(
        config: &Config,
        base: &Arc<Assembly>,
        facts: WorldFacts,
        mark: [u8; 16],
        mut ending: watch::Receiver<bool>,
    ) -> Arc<Self> {
        let manager = Arc::new_cyclic(|me| Self {
            config: config.clone(),
            base: base.clone(),
            me: me.clone(),
            facts,
            mark,
            process: OnceLock::new(),
            public_url: OnceLock::new(),
            slots: Mutex::default(),
            memory: MemoryTotal::default(),
            creating: tokio::sync::Mutex::default(),
            ending: OnceLock::new(),
        });
        let all = Arc::downgrade(&manager);
        let watching = tokio::spawn(async move {
            loop {
                // A sender that is gone ends them as well.
                let ends = tokio::time::timeout(LOOK_EVERY, ending.wait_for(|ends| *ends)).await.is_ok();
                let Some(manager) = all.upgrade() else { return };
                if ends {
                    let ended = manager.slots().end_all();
                    return drop(ended); // outside the lock
                }
                manager.end_those_that_hold_back();
            }
        });
        let _ = manager.ending.set(AbortOnDrop(watching));
        manager
    }

    /// Shares the parts with which the first world is served. A second call has no effect.
    pub fn share(&self, process: Process) -> &Process {
        self.process.get_or_init(|| process)
    }

    /// Says where the public HTTP routes are reached.
    pub fn serve_at(&self, public_url: &str) {
        self.public_url.get_or_init(|| public_url.trim_end_matches('/').to_owned());
    }

    /// The existing sessions, the oldest first.
    pub fn facts(&self) -> Vec<SessionFacts> {
        let (slots, now) = (self.slots().all(), self.config.clock.now());
        slots.iter().filter(|slot| now < slot.expires_at).map(|slot| slot.facts()).collect()
    }

    pub(super) fn slots(&self) -> MutexGuard<'_, Slots> {
        // A slot is replaced as a whole.
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends sessions for which the store holds back more than one may cost it.
    fn end_those_that_hold_back(&self) {
        let all = self.slots().all();
        for slot in all {
            let bytes = slot.source.held_back_bytes();
            if bytes <= self.config.sessions.held_back_bytes {
                continue;
            }
            let ended = self.slots().remove_if(slot.id, |now| now.resets == slot.resets);
            if ended.is_some() {
                let (session, written_mib) = (slot.id, bytes / (1024 * 1024));
                tracing::info!(%session, written_mib, "a session ended: so much was written outside since it began that the store keeps for it");
            }
        }
    }

    /// The slot of an existing session.
    pub(super) fn find(&self, id: SessionId) -> Result<Arc<Slot>> {
        self.slots().find(id, self.config.clock.now())
    }

    /// The world of a session, opened if it is not yet.
    pub(super) async fn opened<'a>(&self, slot: &'a Slot) -> Result<&'a Arc<Opened>> {
        slot.opened
            .get_or_try_init(|| async {
                let (entropy, room) =
                    (slot.entropy(ITS_OWN, &self.base), (2 * self.config.sessions.bytes, &self.memory));
                let (assembly, store) = opening::open(&slot.source, slot.id, slot.resets, entropy, room).await?;
                if let Some(url) = self.public_url.get() {
                    assembly.province.status.serve_at(&format!("{url}/sessions/{}", slot.id));
                }
                let process = self.process.get().ok_or_else(|| Error::bug("a session before its gateway is served"))?;
                let (end, ending) = watch::channel(false);
                let mut mark = self.mark;
                mark.iter_mut().zip(slot.mark()).for_each(|(byte, other)| *byte ^= other);
                let serving = Serving {
                    config: &self.config,
                    assembly: &assembly,
                    facts: self.facts.clone(),
                    mark,
                    sessions: self.me.upgrade().map(|all| all as Arc<dyn SessionDesk>),
                    metadata_faults: slot.new.metadata_faults,
                    session: Some(slot.recorded()),
                    of_anyone: slot.entropy(OF_ANYONE, &self.base),
                    memory: self.memory.clone(),
                    entry: Some(Entry { rights: self.base.gateway.rights.clone(), method: ENTRY }),
                };
                let served = services::further(process, serving, slot.id, ending)?;
                Opened::begin(assembly, store, served, end).await.map(Arc::new)
            })
            .await
    }

    /// Refuses calls in a session that is full. Calls that have begun continue: the store itself accepts twice as much.
    fn check_room_in(&self, opened: &Opened) -> Result<()> {
        let bytes = opened.store.bytes();
        let all = || self.memory.bytes() + opened.store.bytes_to_copy();
        let is_full = bytes > self.config.sessions.bytes || bytes > SESSION_BYTES_SURE && all() > SESSIONS_BYTES_MAX;
        if is_full { Err(full()) } else { Ok(()) }
    }

    async fn at(&self, id: &str) -> Result<(Arc<Slot>, Arc<Opened>)> {
        let slot = self.find(SessionId::parse(id).ok_or_else(unknown)?)?;
        if let Some(opened) = slot.opened.get() {
            return Ok((slot.clone(), opened.clone()));
        }
        // In a task of its own: what a caller that goes away has begun, the next one finds done.
        let manager = self.me.upgrade().ok_or_else(unknown)?;
        let opening = slot.clone();
        let opened = tokio::spawn(async move { manager.opened(&opening).await.cloned() });
        Ok((slot, opened.await.map_err(Error::bug)??))
    }
}

#[async_trait]
impl Sessions for SessionManager {
    async fn served(&self, id: &str) -> Result<Arc<ServedWorld>> {
        let (slot, opened) = self.at(id).await?;
        self.check_room_in(&opened)?;
        slot.count_call();
        Ok(opened.world())
    }
}

#[async_trait]
impl SessionRoutes for SessionManager {
    async fn routes(&self, id: &str) -> Result<Router> {
        Ok(self.at(id).await?.1.routes())
    }
}
