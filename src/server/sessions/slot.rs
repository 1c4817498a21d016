//! One session: how it began, and its world once that is open.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use tokio::sync::{OnceCell, watch};
use tokio::task::JoinSet;

use super::opening::Source;
use crate::api::admission::ServedWorld;
use crate::api::health::{ENDING, HealthBoard};
use crate::base::entropy::SeededEntropy;
use crate::base::{Caller, Entropy, Error, Reason, Result, Seed, SessionId, Timestamp};
use crate::server::assembly::Assembly;
use crate::server::entrance::Served;
use crate::server::followers::Followers;
use crate::server::http_routes;
use crate::server::task::AbortOnDrop;
use crate::simulation::journal::RecordedSession;
use crate::simulation::session::{NewSession, SessionFacts, unknown};
use crate::store::OverlayStore;

/// The error of a session that is full.
pub(super) fn full() -> Error {
    let message =
        "the changes in this session have reached their limit: export what you need, then reset or delete the session";
    Error::new(Reason::SessionFull, message).with_subject("session", "")
}

/// A session.
pub(super) struct Slot {
    pub(super) id: SessionId,
    pub(super) resets: u32,
    pub(super) created_by: Caller,
    pub(super) new: NewSession,
    pub(super) created_at: Timestamp,
    pub(super) expires_at: Timestamp,
    pub(super) source: Source,
    /// How many sessions are below it.
    pub(super) depth: u32,
    pub(super) opened: OnceCell<Arc<Opened>>,
    calls: AtomicU64,
    /// Ends it when its time is over.
    timer: Option<AbortOnDrop>,
}

impl Slot {
    pub(super) fn new(
        id: SessionId,
        created_by: &Caller,
        new: NewSession,
        created_at: Timestamp,
        source: Source,
        depth: u32,
    ) -> Self {
        let ttl_ms = i64::try_from(new.ttl.as_millis()).unwrap_or(i64::MAX);
        Self {
            id,
            resets: 0,
            created_by: created_by.clone(),
            expires_at: created_at.plus_ms(ttl_ms),
            new,
            created_at,
            source,
            depth,
            opened: OnceCell::new(),
            calls: AtomicU64::new(0),
            timer: None,
        }
    }

    /// The same session, as it began.
    pub(super) fn anew(&self) -> Self {
        Self {
            id: self.id,
            resets: self.resets + 1,
            created_by: self.created_by.clone(),
            new: self.new.clone(),
            created_at: self.created_at,
            expires_at: self.expires_at,
            source: self.source.clone(),
            depth: self.depth,
            opened: OnceCell::new(),
            calls: AtomicU64::new(0),
            timer: None,
        }
    }

    pub(super) fn with_timer(mut self, timer: AbortOnDrop) -> Self {
        self.timer = Some(timer);
        self
    }

    pub(super) fn count_call(&self) {
        self.calls.fetch_add(1, Ordering::Relaxed);
    }

    /// Its randomness: the branch of its seed, if it has one.
    pub(super) fn entropy(&self, branch: &str, base: &Assembly) -> Arc<dyn Entropy> {
        match self.new.seed {
            Some(seed) => Arc::new(SeededEntropy::new(Seed::root(seed).child(branch, 0))),
            None => base.world.entropy.clone(),
        }
    }

    /// The heading of its recordings.
    pub(super) fn recorded(&self) -> RecordedSession {
        RecordedSession {
            id: self.id,
            seed: self.new.seed,
            persona_faults: self.source.persona_faults(),
            metadata_faults: self.new.metadata_faults,
            resets: self.resets,
            from: self.new.from,
            inherited_faults: self.source.added_faults(),
            clock: self.source.clock.reading(),
        }
    }

    /// The mark that distinguishes its page tokens from those of others.
    pub(super) fn mark(&self) -> [u8; 16] {
        let mut mark = self.id.bytes();
        mark.iter_mut().zip(self.resets.to_be_bytes()).for_each(|(byte, round)| *byte ^= round);
        mark
    }

    pub(super) fn facts(&self) -> SessionFacts {
        let opened = self.opened.get();
        SessionFacts {
            id: self.id,
            label: self.new.label.clone(),
            created_by: self.created_by.clone(),
            created_at: self.created_at,
            expires_at: self.expires_at,
            from: self.new.from,
            resets: self.resets,
            bytes: opened.map_or(0, |opened| opened.store.bytes() + opened.recorded_bytes()),
            calls: self.calls.load(Ordering::Relaxed),
            clock: opened.map_or(&self.source.clock, |opened| &opened.assembly.world.clock).reading(),
        }
    }
}

/// The world of a session.
pub(super) struct Opened {
    pub(super) assembly: Assembly,
    pub(super) store: Arc<OverlayStore>,
    world: Arc<ServedWorld>,
    routes: Router,
    end: watch::Sender<bool>,
    _followers: Followers,
    health: HealthBoard,
    _watchers: JoinSet<()>,
}

impl Opened {
    /// Starts the tasks that keep the world up to date.
    pub(super) async fn begin(
        assembly: Assembly,
        store: Arc<OverlayStore>,
        served: Served,
        end: watch::Sender<bool>,
    ) -> Result<Self> {
        let followers = Followers::begin(&assembly).await?;
        let routes = http_routes::of_session(&assembly);
        let Served { world, watchers, health } = served;
        Ok(Self { assembly, store, world, routes, end, _followers: followers, health, _watchers: watchers })
    }

    pub(super) fn world(&self) -> Arc<ServedWorld> {
        self.world.clone()
    }

    /// The size of its recording, in bytes of memory.
    fn recorded_bytes(&self) -> usize {
        self.world.journal.as_ref().map_or(0, |journal| journal.recorded_bytes())
    }

    pub(super) fn routes(&self) -> Router {
        self.routes.clone()
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        self.health.note(ENDING, |_| true);
        self.end.send_replace(true);
    }
}

/// All sessions.
#[derive(Default)]
pub(super) struct Slots {
    by_id: BTreeMap<SessionId, Arc<Slot>>,
    is_over: bool,
}

impl Slots {
    /// The session of this id, unless it has ended by `now`.
    pub(super) fn find(&self, id: SessionId, now: Timestamp) -> Result<Arc<Slot>> {
        self.by_id.get(&id).filter(|slot| now < slot.expires_at).cloned().ok_or_else(unknown)
    }

    /// The session that an earlier request of this caller created under the same id.
    pub(super) fn repeated(&self, by: &Caller, request_id: &str, now: Timestamp) -> Option<Arc<Slot>> {
        let is_it = |slot: &&Arc<Slot>| {
            slot.created_by == *by && slot.new.request_id.as_deref() == Some(request_id) && now < slot.expires_at
        };
        self.by_id.values().find(is_it).cloned()
    }

    pub(super) fn count(&self) -> usize {
        self.by_id.len()
    }

    pub(super) fn count_of(&self, by: &Caller) -> usize {
        self.by_id.values().filter(|slot| slot.created_by == *by).count()
    }

    /// All sessions, the oldest first.
    pub(super) fn all(&self) -> Vec<Arc<Slot>> {
        let mut all: Vec<_> = self.by_id.values().cloned().collect();
        all.sort_by_key(|slot| (slot.created_at, slot.id));
        all
    }

    /// Puts a new session there, or one that replaces its state before a reset, which it returns. Refuses a session that was ended or reset by
    /// somebody else meanwhile, and everything once all sessions have ended.
    pub(super) fn put(&mut self, slot: Arc<Slot>) -> Result<Option<Arc<Slot>>> {
        let before = self.by_id.get(&slot.id).map(|before| before.resets);
        if self.is_over || slot.resets.checked_sub(1) != before {
            return Err(unknown());
        }
        Ok(self.by_id.insert(slot.id, slot))
    }

    /// Takes a session out, if it is as wanted.
    pub(super) fn remove_if(&mut self, id: SessionId, is_wanted: impl FnOnce(&Slot) -> bool) -> Option<Arc<Slot>> {
        self.by_id.get(&id).is_some_and(|slot| is_wanted(slot)).then(|| self.by_id.remove(&id)).flatten()
    }

    /// Takes all sessions out, for good.
    pub(super) fn end_all(&mut self) -> BTreeMap<SessionId, Arc<Slot>> {
        self.is_over = true;
        std::mem::take(&mut self.by_id)
    }
}
