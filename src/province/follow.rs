//! The province layer: follows registries in the background, and answers queries about accepted records.

#![allow(clippy::disallowed_methods, reason = "back-off after a failure")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use crate::base::{Clock, Error, OnPanic, Reason, Result, watch};
use crate::ledger::Sequencer;
use crate::registry::port::{Inclusion, Registry};
use crate::registry::{Catalogue, Name, Sector};
use crate::store::Store;
use crate::trust::LogProof;
use crate::trust::merkle::CompactRange;
use crate::trust::verify::Verifier;

use super::feed::{Feed, FeedState, Lag, Progress};
use super::ingest::{Ingest, is_passing};
use super::positions::{Positions, check_tail};
use super::{complete, status};

/// The pause before a registry is asked again, at first and at most. Its host has a rest of its own (`api::remote`), and both together are what a host
/// that is back waits until it is followed.
const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// The province layer. Dropping it ends the tasks that follow registries.
pub struct Province {
    pub(super) store: Arc<dyn Store>,
    pub(super) ledger: Arc<Sequencer>,
    pub(super) ingest: Arc<Ingest>,
    pub(super) catalogue: Arc<Catalogue>,
    feeds: BTreeMap<Name, Arc<Feed>>,
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
            feeds.insert(sector.name.clone(), Arc::new(Feed::new(log_size)));
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
        feed.is_of(&registry);
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
        self.feeds.iter().map(|(name, feed)| (name.clone(), feed.progress())).collect()
    }

    /// A registry's progress, and how far its feed is behind its log; the registry is asked how long that is.
    pub async fn feed_now(&self, registry: &str) -> Result<(Progress, Lag)> {
        let feed = self.feed(registry)?;
        feed.ask().await;
        Ok(feed.now())
    }

    /// How far a registry's feed is behind its log, as far as it is known without asking.
    pub fn known_lag(&self, registry: &str) -> Result<Lag> {
        Ok(self.feed(registry)?.now().1)
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
        self.catalogue.defined_sector(name)
    }

    pub(super) fn feed(&self, registry: &str) -> Result<&Arc<Feed>> {
        self.feeds.get(registry).ok_or_else(|| Error::bug(format!("there is no registry {registry}")))
    }
}

impl Drop for Province {
    fn drop(&mut self) {
        let following = self.following.get_mut().unwrap_or_else(PoisonError::into_inner);
        following.iter().for_each(AbortHandle::abort);
    }
}

async fn follow(ingest: Arc<Ingest>, sector: Arc<Sector>, registry: Arc<dyn Registry>, feed: Arc<Feed>) {
    // Nobody else accepts its registry's changes.
    let _halts = OnPanic::new(|| {
        let why = "the task that follows the registry ended by a defect".to_owned();
        tracing::error!(registry = &*sector.name, why, "the feed halts");
        feed.rests(FeedState::Halted { reason: Reason::Internal, why });
    });
    let mut pause = PAUSE_MIN;
    loop {
        let (begun, before) = (Instant::now(), feed.progress().log_size);
        let error = ingest.follow(&sector, &registry, &feed).await;
        let (reason, why) = (error.reason, error.message.clone());
        if reason == Reason::FeedHalted {
            // Whoever halted it lets it go on.
            feed.rests(FeedState::Halted { reason, why });
            tokio::time::sleep(PAUSE_MIN).await;
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
            feed.rests(FeedState::Halted { reason, why });
            return;
        }
        let Progress { log_size, state } = feed.progress();
        // A cause is told once, however often the registry is asked in vain.
        if !matches!(&state, FeedState::Waiting(told) if *told == why) {
            tracing::warn!(registry = &*sector.name, why, "feed unavailable; retrying");
        }
        feed.rests(FeedState::Waiting(why));
        // A quiet registry that was followed for a while has worked as well as one with changes.
        let has_worked = log_size > before || (state == FeedState::Following && begun.elapsed() > pause);
        pause = if has_worked { PAUSE_MIN } else { (pause * 2).min(PAUSE_MAX) };
        tokio::time::sleep(pause).await;
    }
}

#[async_trait]
impl Inclusion for Province {
    async fn accepted_size(&self, registry: &str) -> Result<u64> {
        Ok(self.feed(registry)?.progress().log_size)
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
