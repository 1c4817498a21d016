//! The changes of records that are due by the calendar, in all embedded registries, as work of the world's clock.
//!
//! A run covers some days at once: each registry writes its due changes, in order and at their own times, and all registries write in parallel to each
//! other, so that ten years are some dozens of commits rather than one for each day. Registries have no order between them but that of
//! the record ledger.

#![allow(
    clippy::disallowed_methods,
    reason = "followers that make no progress are given up after some of the machine's time"
)]

use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use async_trait::async_trait;
use futures::FutureExt as _;
use futures::future::{BoxFuture, join_all, select_all};

use super::roles::RegistryRole;
use crate::base::time::Instant;
use crate::base::{Error, Result, Timestamp, watch};
use crate::province::{FeedState, Progress, Province};
use crate::registry::due_work::Effect;
use crate::simulation::clock::{DueWork, Ran, Scheduled};
use crate::simulation::creation::Shown;

/// How long a jump waits for a follower that makes no progress: one that fails does not hold the clock.
const PATIENCE: Duration = Duration::from_secs(10);

/// The name of the links among the parts that lag; the others are registries.
const LINKS: &str = "links";

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
        self.registries().flat_map(|registry| registry.scheduled()).collect()
    }

    fn next(&self) -> Option<Timestamp> {
        self.registries().filter_map(|registry| registry.next_due()).min()
    }

    fn count(&self, until: Timestamp) -> u64 {
        self.registries().flat_map(|registry| registry.due_days(until)).map(|(_, count)| count).sum()
    }

    fn run_end(&self, until: Timestamp) -> Option<Timestamp> {
        let mut days: Vec<_> = self.registries().flat_map(|registry| registry.due_days(until)).collect();
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
        let has_work = |registry: &Arc<RegistryRole>| registry.next_due().is_some_and(|day| day <= until);
        let runs = self.registries().filter(has_work).map(|registry| async move {
            let mut ran = Vec::new();
            loop {
                let effects = registry.run_due(until).await?;
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
        let calendars = self.registries().map(|registry| registry.calendar());
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

    async fn settle(&self, until: Instant) -> Vec<String> {
        self.shown(until).await
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
    async fn shown(&self, until: Instant) -> Vec<String> {
        match self.0.get() {
            Some(due) => due.shown(until).await,
            None => Vec::new(),
        }
    }
}

#[async_trait]
impl Shown for RecordsDue {
    /// Waits until the province and the links show every change that was written. The province lags by the registries whose feeds wait or are halted,
    /// by a fault or not: they show their changes once they continue.
    async fn shown(&self, until: Instant) -> Vec<String> {
        let Some(province) = self.province.upgrade() else { return Vec::new() };
        let mut lagging = Vec::new();
        for registry in self.registries() {
            let size = registry.log().head().size;
            let Ok(progress) = province.watch_progress(registry.name()) else { continue };
            let is_stuck = |now: &Progress| !matches!(now.state, FeedState::Beginning | FeedState::Following);
            if !reaches(progress, |now| now.log_size >= size, is_stuck, until).await {
                lagging.push(registry.name().to_string());
            }
        }
        let size = province.ledger_size();
        if !reaches(self.links.clone(), |followed| *followed >= size, |_| false, until).await {
            lagging.push(LINKS.to_owned());
        }
        lagging
    }
}

/// Waits until a value is as wanted, for as long as it changes, and at most `until` then; `false` if it is stuck, or does not get there.
async fn reaches<T>(
    mut values: watch::Receiver<T>,
    is_wanted: impl Fn(&T) -> bool,
    is_stuck: impl Fn(&T) -> bool,
    until: Instant,
) -> bool {
    loop {
        {
            let now = values.borrow_and_update();
            if is_wanted(&now) || is_stuck(&now) {
                return is_wanted(&now);
            }
        }
        let patience = until.min(Instant::now() + PATIENCE);
        if !matches!(tokio::time::timeout_at(patience, values.changed()).await, Ok(Ok(()))) {
            return is_wanted(&values.borrow());
        }
    }
}
