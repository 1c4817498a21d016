//! The province layer: follows registries in the background, and answers queries about accepted records.

#![allow(clippy::disallowed_methods, reason = "back-off after a failure")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::watch;
use tokio::task::AbortHandle;

use crate::base::{Clock, Error, Reason, Result};
use crate::ledger::Sequencer;
use crate::registry::port::{Inclusion, Registry};
use crate::registry::{Catalogue, Name, Sector};
use crate::store::Store;
use crate::trust::LogProof;
use crate::trust::merkle::CompactRange;
use crate::trust::verify::Verifier;

use super::ingest::{FeedState, Ingest, Progress, is_passing};
use super::positions::{Positions, check_tail};
use super::{complete, status};

const RETRY_MS_MIN: u64 = 100;
const RETRY_MS_MAX: u64 = 10_000;

/// The province layer. Dropping it ends the tasks that follow registries.
pub struct Province {
    pub(super) store: Arc<dyn Store>,
    pub(super) ledger: Arc<Sequencer>,
    pub(super) ingest: Arc<Ingest>,
    pub(super) catalogue: Arc<Catalogue>,
    feeds: BTreeMap<Name, watch::Sender<Progress>>,
    following: Mutex<Vec<AbortHandle>>,
    places: Positions,
}

impl Province {
    /// Opens the layer on a store and the record ledger, for the registries of `catalogue`. No registry is followed yet.
    pub async fn open(
        catalogue: Arc<Catalogue>,
        store: Arc<dyn Store>,
        ledger: Arc<Sequencer>,
        verifier: Arc<Verifier>,
        clock: Arc<dyn Clock>,
    ) -> Result<Arc<Self>> {
        let ingest =
            Ingest { catalogue: catalogue.clone(), store: store.clone(), ledger: ledger.clone(), verifier, clock };
        let ingest = Arc::new(ingest);
        complete::ensure(&*store, &catalogue, &ledger).await?;
        status::ensure(&*store, &catalogue, &ledger).await?;
        let mut feeds = BTreeMap::new();
        for sector in catalogue.sectors() {
            let log_size = ingest.cursor(sector).await?.size();
            check_tail(&*store, sector.ordinal, log_size, ledger.head().size).await?;
            feeds.insert(sector.name.clone(), watch::Sender::new(Progress { log_size, state: FeedState::Beginning }));
        }
        Ok(Arc::new(Self {
            store,
            ledger,
            ingest,
            catalogue,
            feeds,
            following: Mutex::default(),
            places: Positions::new(),
        }))
    }

    /// Follows a registry from its cursor, in the background, until the layer is dropped. A registry that does not answer is
    /// retried; one whose changes fail verification is halted.
    pub fn follow(&self, registry: Arc<dyn Registry>) -> Result<()> {
        let sector = self.sector(registry.name())?.clone();
        let feed = self.feed(&sector.name)?.clone();
        let task = tokio::spawn(follow(self.ingest.clone(), sector, registry, feed));
        self.following.lock().unwrap_or_else(PoisonError::into_inner).push(task.abort_handle());
        Ok(())
    }

    /// The catalogue of registries and record types.
    pub fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// The accepted size of each registry's log, and the state of its feed.
    pub fn progress(&self) -> BTreeMap<Name, Progress> {
        self.feeds.iter().map(|(name, feed)| (name.clone(), feed.borrow().clone())).collect()
    }

    /// Both heads of a registry that showed another history than the accepted one: the accepted and the contradicting; `None` if it
    /// never did. They are durable.
    pub async fn conflict(&self, registry: &str) -> Result<Option<(Bytes, Bytes)>> {
        self.ingest.kept_heads(self.sector(registry)?).await
    }

    /// Rebuilds the status lists from the record ledger, replaces stored lists that differ, and returns their record types. Call it
    /// before following any registry.
    pub async fn rebuild_status(&self) -> Result<Vec<Name>> {
        status::rebuild(&*self.store, &self.catalogue, &self.ledger.stored()).await
    }

    /// A registry's progress, as it changes.
    pub fn watch_progress(&self, registry: &str) -> Result<watch::Receiver<Progress>> {
        Ok(self.feed(registry)?.subscribe())
    }

    /// The tree of the accepted statements of a registry's log.
    pub async fn accepted_tree(&self, registry: &str) -> Result<CompactRange> {
        self.ingest.cursor(self.sector(registry)?).await
    }

    /// The number of entries in the record ledger.
    pub fn ledger_size(&self) -> u64 {
        self.ledger.head().size
    }

    pub(super) fn sector(&self, name: &str) -> Result<&Arc<Sector>> {
        self.catalogue.sector(name).ok_or_else(|| Error::bug(format!("there is no registry {name}")))
    }

    pub(super) fn feed(&self, registry: &str) -> Result<&watch::Sender<Progress>> {
        self.feeds.get(registry).ok_or_else(|| Error::bug(format!("there is no registry {registry}")))
    }
}

impl Drop for Province {
    fn drop(&mut self) {
        let following = self.following.get_mut().unwrap_or_else(PoisonError::into_inner);
        following.iter().for_each(AbortHandle::abort);
    }
}

/// Halts the feed of a task that panics: nobody accepts its registry's changes any more.
struct HaltsLost(Name, watch::Sender<Progress>);

impl Drop for HaltsLost {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let Self(registry, feed) = self;
            let why = "the task that follows the registry ended by a defect".to_owned();
            tracing::error!(registry = &**registry, why, "the feed halts");
            feed.send_modify(|progress| progress.state = FeedState::Halted { reason: Reason::Internal, why });
        }
    }
}

async fn follow(ingest: Arc<Ingest>, sector: Arc<Sector>, registry: Arc<dyn Registry>, feed: watch::Sender<Progress>) {
    let _halts = HaltsLost(sector.name.clone(), feed.clone());
    let mut wait_ms = RETRY_MS_MIN;
    loop {
        let before = feed.borrow().log_size;
        let accepted = |log_size| {
            feed.send_replace(Progress { log_size, state: FeedState::Following });
        };
        // A registry that does not answer is not followed, however often it is asked.
        let error = ingest.follow(&sector, &registry, accepted, accepted).await;
        let (reason, why) = (error.reason, error.message.clone());
        if reason == Reason::FeedHalted {
            // Whoever halted it lets it go on.
            feed.send_modify(|progress| progress.state = FeedState::Halted { reason, why });
            tokio::time::sleep(Duration::from_millis(RETRY_MS_MIN)).await;
            continue;
        }
        if !is_passing(&error) {
            let code = reason.as_str();
            tracing::error!(
                registry = &*sector.name,
                code,
                why,
                "the registry's changes fail verification; its feed halts"
            );
            feed.send_modify(|progress| progress.state = FeedState::Halted { reason, why });
            return;
        }
        tracing::warn!(registry = &*sector.name, why, "feed unavailable; retrying");
        let progressed = feed.borrow().log_size > before;
        feed.send_modify(|progress| progress.state = FeedState::Waiting(why));
        wait_ms = if progressed { RETRY_MS_MIN } else { (wait_ms * 2).min(RETRY_MS_MAX) };
        tokio::time::sleep(Duration::from_millis(wait_ms)).await;
    }
}

#[async_trait]
impl Inclusion for Province {
    async fn accepted_size(&self, registry: &str) -> Result<u64> {
        Ok(self.feed(registry)?.borrow().log_size)
    }

    async fn wait_for(&self, registry: &str, log_size: u64) -> Result<()> {
        let mut progress = self.feed(registry)?.subscribe();
        let halted = |progress: &Progress| matches!(progress.state, FeedState::Halted { .. });
        let reached = progress.wait_for(|now| now.log_size >= log_size || halted(now)).await;
        let reached = reached.map_err(|_| Error::new(Reason::ShuttingDown, "the province layer is stopping"))?;
        if reached.log_size >= log_size {
            return Ok(());
        }
        let message = "the province has halted this registry's feed";
        Err(Error::new(Reason::RegistryUnavailable, message).with_subject("registry", registry))
    }

    async fn ledger_index(&self, registry: &str, log_index: u64) -> Result<Option<u64>> {
        self.places.find(&*self.store, self.sector(registry)?.ordinal, log_index).await
    }

    async fn prove(&self, registry: &str, log_index: u64) -> Result<Option<Arc<LogProof>>> {
        match self.places.find(&*self.store, self.sector(registry)?.ordinal, log_index).await? {
            Some(ledger_index) => self.places.prove(&self.ledger, ledger_index).await.map(Some),
            None => Ok(None),
        }
    }
}
