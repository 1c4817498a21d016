//! The changes of records that are due by the calendar, in all embedded registries, as work of the world's clock.
//!
//! A run covers some days at once: each registry writes its due changes, in order and at their own times, and all registries write in parallel to each
//! other, so that ten years are some dozens of commits rather than one for each day. Registries have no order between them but that of
//! the record ledger.

#![allow(clippy::disallowed_methods, reason = "followers that fail are given up after some of the machine's time")]

use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use async_trait::async_trait;
use futures::FutureExt as _;
use futures::future::{BoxFuture, join_all, select_all};
use tokio::sync::watch;

use super::roles::RegistryRole;
use crate::base::{Error, Result, Timestamp};
use crate::province::{FeedState, Progress, Province};
use crate::registry::due_work::Effect;
use crate::simulation::clock::{DueWork, Ran, Scheduled};
use crate::simulation::creation::Shown;

/// How long a jump waits until its changes show: followers that fail do not hold the clock.
const SETTLES_WITHIN: Duration = Duration::from_secs(10);

/// About how many pieces of work one run has.
const RUN_PIECES: u64 = 8_192;

/// The due changes in these registries.
pub struct RecordsDue {
    /// Weak: registries hold the clock that holds this.
    registries: Vec<Weak<RegistryRole>>,
    province: Weak<Province>,
    links: watch::Receiver<u64>,
}

impl RecordsDue {
    /// Changes records of `registries`; a jump waits until `province` has accepted the changes, and `links`, the ledger size up to which links
    /// follow, shows them.
    pub fn new<'a>(
        registries: impl Iterator<Item = &'a Arc<RegistryRole>>,
        province: &Arc<Province>,
        links: watch::Receiver<u64>,
    ) -> Self {
        Self { registries: registries.map(Arc::downgrade).collect(), province: Arc::downgrade(province), links }
    }

    /// Changes records of `registries` on a host of their own: whoever follows them shows the changes in its time.
    pub fn alone<'a>(registries: impl Iterator<Item = &'a Arc<RegistryRole>>) -> Self {
        let (_, links) = watch::channel(u64::MAX);
        Self { registries: registries.map(Arc::downgrade).collect(), province: Weak::new(), links }
    }

    fn registries(&self) -> impl Iterator<Item = Arc<RegistryRole>> + '_ {
        self.registries.iter().filter_map(Weak::upgrade)
    }
}

#[async_trait]
impl DueWork for RecordsDue {
    fn scheduled(&self) -> Vec<Scheduled> {
        self.registries().flat_map(|registry| registry.records().scheduled()).collect()
    }

    fn next(&self) -> Option<Timestamp> {
        self.registries().filter_map(|registry| registry.records().next_due()).min()
    }

    fn count(&self, until: Timestamp) -> u64 {
        self.registries().flat_map(|registry| registry.records().due_days(until)).map(|(_, count)| count).sum()
    }

    fn run_end(&self, until: Timestamp) -> Option<Timestamp> {
        let mut days: Vec<_> = self.registries().flat_map(|registry| registry.records().due_days(until)).collect();
        days.sort_unstable();
        let mut pieces = 0;
        let end = days.iter().find(|(_, count)| {
            pieces += count;
            pieces >= RUN_PIECES
        });
        end.or(days.last()).map(|(day, _)| *day)
    }

    async fn run(&self, until: Timestamp) -> Result<Vec<Ran>> {
        // A registry that has nothing due, or lost the right to issue, does not delay the others.
        let has_work = |registry: &Arc<RegistryRole>| registry.records().next_due().is_some_and(|day| day <= until);
        let runs = self.registries().filter(has_work).map(|registry| async move {
            let mut ran = Vec::new();
            loop {
                let effects = registry.records().run_due(until).await?;
                if effects.is_empty() {
                    return Ok::<_, Error>(ran);
                }
                ran.extend(effects);
            }
        });
        let mut ran: Vec<Effect> = Vec::new();
        for effects in join_all(runs).await {
            ran.extend(effects?);
        }
        ran.sort_by_key(|effect| effect.at);
        let piece = |effect: Effect| Ran {
            kind: effect.kind,
            at: effect.at,
            subject: Some((String::from(&effect.record_type), effect.record_id)),
            effect: effect.effect,
        };
        Ok(ran.into_iter().map(piece).collect())
    }

    fn changes(&self) -> BoxFuture<'static, ()> {
        let calendars = self.registries().map(|registry| registry.records().calendar());
        let changed = calendars.map(|mut calendar| {
            async move {
                if calendar.changed().await.is_err() {
                    std::future::pending().await
                }
            }
            .boxed()
        });
        let changed: Vec<_> = changed.chain([std::future::pending().boxed()]).collect();
        select_all(changed).map(|_| ()).boxed()
    }

    async fn settle(&self) {
        if tokio::time::timeout(SETTLES_WITHIN, self.all_shown()).await.is_err() {
            tracing::warn!("what time changed does not show everywhere yet: the province or the links lag");
        }
    }
}

/// The same for waiters that exist before their target: until that begins, they do not wait.
#[derive(Default)]
pub struct ShownLater(OnceLock<Arc<RecordsDue>>);

impl ShownLater {
    /// From now on `due` reports when all changes are visible.
    pub fn begin(&self, due: Arc<RecordsDue>) {
        // It begins once; a second beginning would be of the same world.
        let _ = self.0.set(due);
    }
}

#[async_trait]
impl Shown for ShownLater {
    async fn shown(&self) {
        if let Some(due) = self.0.get() {
            due.shown().await;
        }
    }
}

#[async_trait]
impl Shown for RecordsDue {
    async fn shown(&self) {
        if tokio::time::timeout(SETTLES_WITHIN, self.all_shown()).await.is_err() {
            tracing::warn!("a created citizen does not show everywhere yet: the province or the links lag");
        }
    }
}

impl RecordsDue {
    /// Waits until the province and the links show every change that was written.
    async fn all_shown(&self) {
        let Some(province) = self.province.upgrade() else { return };
        for registry in self.registries() {
            let size = registry.log().head().size;
            let Ok(mut progress) = province.watch_progress(registry.name()) else { continue };
            // A waiting or halted feed, by a fault or not, shows its registry's changes once it continues.
            let shows = |now: &Progress| matches!(now.state, FeedState::Beginning | FeedState::Following);
            let _ = progress.wait_for(|now| now.log_size >= size || !shows(now)).await;
        }
        let size = province.ledger_size();
        let _ = self.links.clone().wait_for(|followed| *followed >= size).await;
    }
}
