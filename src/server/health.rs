//! Health of the services: a store that refuses changes or is damaged, a clock behind the logs' heads, or a halted feed makes the
//! affected services unhealthy.

#![allow(clippy::disallowed_methods, reason = "a clock that is set back tells nobody: it is looked at")]

use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;

use super::assembly::Assembly;
use crate::api::health::{HealthBoard, OVERALL};
use crate::base::{self, Clock as _, Result};
use crate::ledger::LogClock;
use crate::province::{FeedState, Progress};
use crate::store::{Health, Space, Writes};

/// Interval of checks of the clock: nothing notifies of a clock that is set back.
const CLOCK_EVERY: Duration = Duration::from_secs(1);

const CLOCK: &str = "clock";
const DAMAGED: &str = "store_damaged";
const FEED: &str = "feed";
const NO_WRITES: &str = "store_takes_no_changes";

/// Watches the assembly of a gateway until the set is dropped.
pub(super) fn watch(assembly: &Assembly, store: watch::Receiver<Health>, board: &HealthBoard) -> Result<JoinSet<()>> {
    let mut watchers = JoinSet::new();
    for sector in assembly.world.catalogue.sectors() {
        let progress = assembly.province.layer.watch_progress(&sector.name)?;
        watchers.spawn(watch_feed(format!("feed/{}", sector.name), progress, board.clone()));
    }
    watch_process(&mut watchers, assembly.clock.clone(), store, board);
    Ok(watchers)
}

/// Watches what every process has, whichever its roles: a store and a clock.
pub(super) fn watch_process(
    watchers: &mut JoinSet<()>,
    clock: LogClock,
    store: watch::Receiver<Health>,
    board: &HealthBoard,
) {
    watchers.spawn(watch_store(store, board.clone()));
    watchers.spawn(watch_clock(clock, board.clone()));
}

/// Whether a service needs to write: every one that logs evidence or changes something. Public data is only read.
fn writes(service: &str) -> bool {
    service == OVERALL || (service.starts_with("lienthong.") && !service.starts_with("lienthong.trust."))
}

/// Prefixes of the services that read a space.
fn readers(space: Space) -> &'static [&'static str] {
    match space {
        Space::Meta | Space::LogTile | Space::LogEntry | Space::LogHead | Space::LogCheckpoint => &["lienthong."],
        Space::Record | Space::RecordIndex | Space::RecordHistory | Space::Submission => {
            &["lienthong.registry.", "lienthong.exchange.", "lienthong.identity."]
        }
        Space::Consent | Space::EvidenceSubject | Space::EvidenceTrace => {
            &["lienthong.access.", "lienthong.exchange.", "lienthong.identity."]
        }
        Space::ProvinceRecord | Space::ProvinceHistory | Space::ProvinceIndex | Space::ProvinceBatch => {
            &["lienthong.province.", "lienthong.exchange.", "lienthong.registry.", "lienthong.identity."]
        }
        Space::Status => &["lienthong.trust.v1.StatusService", "lienthong.identity.v1.CredentialService"],
        _ => &["lienthong.identity."],
    }
}

async fn watch_store(mut store: watch::Receiver<Health>, board: HealthBoard) {
    loop {
        let health = store.borrow_and_update().clone();
        let refuses = health.writes != Writes::Taken;
        board.note(NO_WRITES, |service| refuses && writes(service));
        let damaged: Vec<&str> = health.damaged.iter().flat_map(|space| readers(*space)).copied().collect();
        board.note(DAMAGED, |service| match service {
            OVERALL => !damaged.is_empty(),
            service => damaged.iter().any(|reader| service.starts_with(reader)),
        });
        if store.changed().await.is_err() {
            return;
        }
    }
}

/// While the clock is behind the newest head, issued records cannot be verified, and none are issued.
async fn watch_clock(clock: LogClock, board: HealthBoard) {
    loop {
        let behind = clock.behind();
        board.note(CLOCK, |service| behind.is_some() && writes(service));
        match behind {
            // Over once the world's clock gets there.
            Some(behind) => clock.sleep_until(behind.over_at()).await,
            None => tokio::time::sleep(CLOCK_EVERY).await,
        }
    }
}

/// Each registry's feed has a name of its own, which is NOT_SERVING once the feed is halted.
async fn watch_feed(name: String, mut progress: base::watch::Receiver<Progress>, board: HealthBoard) {
    board.add(&name);
    let is_halted = |now: &Progress| matches!(now.state, FeedState::Halted { .. });
    if progress.wait_for(is_halted).await.is_ok() {
        board.note_for(&name, FEED, true);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Reason;

    #[tokio::test]
    async fn what_the_store_cannot_do_speaks_against_the_services_that_need_it() {
        let board = HealthBoard::default();
        let names =
            ["lienthong.trust.v1.LedgerService", "lienthong.exchange.v1.ExchangeService", "grpc.health.v1.Health"];
        names.iter().for_each(|name| board.add(name));
        let (store, watched) = watch::channel(Health::default());
        let watching = tokio::spawn(watch_store(watched, board.clone()));
        let serving = async |health: Health| {
            let mut seen = board.watch();
            seen.mark_unchanged();
            store.send_replace(health);
            seen.changed().await.expect("the board is there");
            tokio::task::yield_now().await;
            [OVERALL].iter().chain(&names).map(|name| board.causes(name).expect("known").is_empty()).collect::<Vec<_>>()
        };
        let full = Health { writes: Writes::Full { free_bytes: 1 }, ..Health::default() };
        assert_eq!(serving(full).await, [false, true, false, true]);
        assert_eq!(serving(Health::default()).await, [true; 4], "space was freed");
        let damaged = Health { damaged: [Space::LogTile].into(), ..Health::default() };
        assert_eq!(serving(damaged).await, [false, false, false, true]);
        drop(store);
        watching.await.expect("ends with the store");
    }

    #[tokio::test]
    async fn the_feed_that_is_halted_is_the_one_that_does_not_serve() {
        let board = HealthBoard::default();
        let following = || Progress { log_size: 1, state: FeedState::Following };
        let (gone, progress) = base::watch::channel(following());
        drop(gone); // nobody follows it any more
        watch_feed("feed/land".into(), progress, board.clone()).await;
        let (sender, progress) = base::watch::channel(following());
        let watching = tokio::spawn(watch_feed("feed/vehicle".into(), progress, board.clone()));
        sender.send_modify(|now| now.state = FeedState::Waiting("it does not answer".into()));
        sender.send_modify(|now| now.state = FeedState::Halted { reason: Reason::Equivocation, why: String::new() });
        watching.await.expect("ends");
        assert_eq!(board.causes("feed/land").map(|causes| causes.len()), Some(0));
        assert_eq!(board.causes("feed/vehicle").map(|causes| causes.len()), Some(1));
    }
}
