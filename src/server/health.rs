//! Health of the services: a store that refuses changes or is damaged, a log that takes no more entries, a clock behind the logs'
//! heads, or work in the background that a defect has ended makes the affected services unhealthy. Each feed is a service of its own, which serves while its registry is followed.

#![allow(clippy::disallowed_methods, reason = "a clock that is set back tells nobody: it is looked at")]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::assembly::Assembly;
use super::task::{Defects, Work};
use crate::api::health::{HealthBoard, OVERALL};
use crate::base::origins::{EVIDENCE_LEDGER, RECORD_LEDGER};
use crate::base::{self, Clock as _, Result};
use crate::ledger::{Log, LogClock};
use crate::province::{FeedState, Progress};
use crate::registry::Name;
use crate::store::{Health, Space, Writes};

/// Interval of checks of the clock: nothing notifies of a clock that is set back.
const CLOCK_EVERY: Duration = Duration::from_secs(1);

const CLOCK: &str = "clock";
const DAMAGED: &str = "store_damaged";
const FEED_HALTED: &str = "feed_halted";
const FEED_WAITS: &str = "feed_waits";
const LOG_STOPPED: &str = "log_stopped";
const NO_WRITES: &str = "store_takes_no_changes";
const WORK_ENDED: &str = "background_work_ended";

/// Watches the assembly of a gateway until the set is dropped.
pub(super) fn watch(assembly: &Assembly, store: watch::Receiver<Health>, board: &HealthBoard) -> Result<JoinSet<()>> {
    let mut watchers = JoinSet::new();
    for sector in assembly.world.catalogue.sectors() {
        let progress = assembly.province.layer.watch_progress(&sector.name)?;
        let name = format!("feed/{}", sector.name);
        // Whoever asks first is told of every feed.
        board.add(&name);
        show_feed(&name, &progress.borrow(), board);
        watchers.spawn(watch_feed(name, progress, board.clone()));
    }
    let clock = assembly.clock.clone();
    watch_process(&mut watchers, (clock, store), &assembly.written_logs(), &assembly.defects, board);
    Ok(watchers)
}

/// Watches what every process has, whichever its roles: a clock, a store, logs to which it appends, and work in the background.
pub(super) fn watch_process(
    watchers: &mut JoinSet<()>,
    (clock, store): (LogClock, watch::Receiver<Health>),
    logs: &[(Name, Arc<Log>)],
    defects: &Defects,
    board: &HealthBoard,
) {
    watchers.spawn(watch_work(defects.watch(), board.clone()));
    watchers.spawn(watch_store(store, board.clone()));
    watchers.spawn(watch_logs(logs.iter().map(|(name, log)| (name.clone(), log.stopped())).collect(), board.clone()));
    watchers.spawn(watch_clock(clock, board.clone()));
}

/// Whether a service needs to write: every one that logs evidence or changes something. Public data is only read.
fn writes(service: &str) -> bool {
    service == OVERALL || (service.starts_with("lienthong.") && !service.starts_with("lienthong.trust."))
}

/// Whether a service appends to a log: to the evidence ledger all do that write, to a registry's log those of the registry, and to the
/// record ledger those that wait for the acceptance of a submission.
fn appends(service: &str, log: &str) -> bool {
    let submits = ["lienthong.registry.v1.", "lienthong.simulation."].iter().any(|prefix| service.starts_with(prefix));
    match log {
        EVIDENCE_LEDGER => writes(service),
        RECORD_LEDGER => service == OVERALL || submits || service.starts_with("lienthong.registry."),
        registry => service == OVERALL || submits || service.starts_with(&format!("lienthong.registry.{registry}.")),
    }
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
        Space::ConsentHistory => &["lienthong.access."],
        Space::ProvinceRecord | Space::ProvinceHistory | Space::ProvinceIndex | Space::ProvinceBatch => {
            &["lienthong.province.", "lienthong.exchange.", "lienthong.registry.", "lienthong.identity."]
        }
        Space::Status => &["lienthong.trust.v1.StatusService", "lienthong.identity.v1.CredentialService"],
        Space::Account
        | Space::Link
        | Space::LinkIndex
        | Space::LinkEvent
        | Space::Presentation
        | Space::PresentationCode => &["lienthong.identity."],
        Space::Simulation => &["lienthong.simulation."],
        Space::Webhook | Space::WebhookDelivery | Space::WebhookLetter => &["lienthong.province.v1.WebhookService"],
    }
}

async fn watch_store(mut store: watch::Receiver<Health>, board: HealthBoard) {
    loop {
        let health = store.borrow_and_update().clone();
        let refuses = health.writes != Writes::Taken;
        board.note(NO_WRITES, |service| refuses && writes(service));
        let damaged: Vec<&str> = health.damaged.keys().flat_map(|space| readers(*space)).copied().collect();
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

/// A log that has stopped stays so until the process ends.
async fn watch_logs(logs: Vec<(Name, watch::Receiver<bool>)>, board: HealthBoard) {
    let stop = |(name, mut stopped): (Name, watch::Receiver<bool>)| async move {
        // A log that was closed in order concerns nobody any more.
        stopped.wait_for(|stopped| *stopped).await.is_ok().then_some(name)
    };
    let mut stops: FuturesUnordered<_> = logs.into_iter().map(stop).collect();
    let mut stopped: Vec<Name> = Vec::new();
    while let Some(stop) = stops.next().await {
        stopped.extend(stop);
        board.note(LOG_STOPPED, |service| stopped.iter().any(|log| appends(service, log)));
    }
}

/// Work that a defect has ended is not done until the process ends.
async fn watch_work(mut ended: watch::Receiver<BTreeSet<Work>>, board: HealthBoard) {
    loop {
        let work = ended.borrow_and_update().clone();
        board.note(WORK_ENDED, |service| work.iter().any(|work| work.concerns(service)));
        if ended.changed().await.is_err() {
            return;
        }
    }
}

/// Each registry's feed has a name of its own, which is SERVING while the registry is followed: NOT_SERVING while it has not answered yet
/// or answers no more, and while the feed is halted.
fn show_feed(name: &str, progress: &Progress, board: &HealthBoard) {
    let (waits, is_halted) = match progress.state {
        FeedState::Following => (false, false),
        FeedState::Beginning | FeedState::Waiting(_) => (true, false),
        FeedState::Halted { .. } => (false, true),
    };
    board.note_for(name, FEED_WAITS, waits);
    board.note_for(name, FEED_HALTED, is_halted);
}

async fn watch_feed(name: String, mut progress: base::watch::Receiver<Progress>, board: HealthBoard) {
    loop {
        show_feed(&name, &progress.borrow_and_update(), &board);
        if progress.changed().await.is_err() {
            return;
        }
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
        let damaged = Health { damaged: [(Space::LogTile, 1)].into(), ..Health::default() };
        assert_eq!(serving(damaged).await, [false, false, false, true]);
        drop(store);
        watching.await.expect("ends with the store");
    }

    #[test]
    fn a_damaged_space_speaks_against_the_services_that_read_it() {
        for (space, reader, other) in [
            (Space::ConsentHistory, "lienthong.access.v1.ConsentService", "lienthong.exchange.v1.ExchangeService"),
            (Space::Consent, "lienthong.exchange.v1.ExchangeService", "lienthong.province.v1.ProvinceService"),
            (Space::Simulation, "lienthong.simulation.v1.FaultService", "lienthong.identity.v1.LinkService"),
            (Space::LinkEvent, "lienthong.identity.v1.LinkService", "lienthong.simulation.v1.FaultService"),
        ] {
            let reads = |service: &str| readers(space).iter().any(|prefix| service.starts_with(prefix));
            assert!(reads(reader) && !reads(other), "{}", space.name());
        }
    }

    #[tokio::test]
    async fn a_log_that_has_stopped_speaks_against_the_services_that_append_to_it() {
        let (land, resident) =
            ("lienthong.registry.land.v1.LandService", "lienthong.registry.resident.v1.ResidentService");
        let exchange = "lienthong.exchange.v1.ExchangeService";
        let (shared, public) = ("lienthong.registry.v1.RegistryService", "lienthong.trust.v1.LedgerService");
        let names = [OVERALL, shared, land, resident, exchange, public];
        let board = HealthBoard::default();
        names.iter().for_each(|name| board.add(name));
        let logs = ["land", RECORD_LEDGER, EVIDENCE_LEDGER].map(|name| (Name::from(name), watch::Sender::new(false)));
        let watched = logs.iter().map(|(name, log)| (name.clone(), log.subscribe())).collect();
        let watching = tokio::spawn(watch_logs(watched, board.clone()));
        let mut seen = board.watch();
        for ((name, log), expected) in logs.iter().zip([
            [false, false, false, true, true, true],
            [false, false, false, false, true, true],
            [false, false, false, false, false, true],
        ]) {
            seen.mark_unchanged();
            log.send_replace(true);
            seen.changed().await.expect("the board is there");
            let serves = names.map(|name| board.causes(name).expect("known").is_empty());
            assert_eq!(serves, expected, "{name}");
        }
        drop(logs);
        watching.await.expect("ends with the logs");
    }

    #[tokio::test]
    async fn work_that_a_panic_ended_speaks_against_the_services_that_depend_on_it() {
        let identity = "lienthong.identity.v1.LinkService";
        let (logs, anchors) = ("lienthong.trust.v1.LedgerService", "lienthong.trust.v1.TrustService");
        let webhooks = "lienthong.province.v1.WebhookService";
        let names = [OVERALL, identity, logs, anchors, webhooks, "grpc.health.v1.Health"];
        let (board, defects) = (HealthBoard::default(), Defects::default());
        names.iter().for_each(|name| board.add(name));
        let watching = tokio::spawn(watch_work(defects.watch(), board.clone()));
        drop(defects.spawn(Work::Due, std::future::pending())); // ended by its owner
        let mut seen = board.watch();
        for (work, expected) in [
            (Work::Webhooks, [true, true, true, true, false, true]),
            (Work::Keys, [true, true, true, false, false, true]),
            (Work::Cosigning, [true, true, false, false, false, true]),
            (Work::Links, [true, false, false, false, false, true]),
            (Work::Due, [false, false, false, false, false, true]),
        ] {
            seen.mark_unchanged();
            let _task = defects.spawn(work, async { panic!("a defect, made by this test") });
            seen.changed().await.expect("the board is there");
            assert_eq!(names.map(|name| board.causes(name).expect("known").is_empty()), expected, "{work:?}");
        }
        drop(defects);
        watching.await.expect("ends with the world");
    }

    #[tokio::test]
    async fn a_feed_serves_while_its_registry_is_followed() {
        let board = HealthBoard::default();
        board.add("feed/vehicle");
        let (feed, progress) = base::watch::channel(Progress { log_size: 1, state: FeedState::Beginning });
        let watching = tokio::spawn(watch_feed("feed/vehicle".into(), progress, board.clone()));
        let mut seen = board.watch();
        let mut shows = async |expected: &[&str]| {
            let is_shown =
                seen.wait_for(|causes| causes.get("feed/vehicle").is_some_and(|causes| causes.iter().eq(expected)));
            drop(is_shown.await.expect("the board is there"));
        };
        shows(&[FEED_WAITS]).await; // it has not answered yet
        let halted = FeedState::Halted { reason: Reason::Equivocation, why: String::new() };
        for (state, expected) in [
            (FeedState::Following, vec![]),
            (FeedState::Waiting("it does not answer".into()), vec![FEED_WAITS]),
            (FeedState::Following, vec![]),
            (halted.clone(), vec![FEED_HALTED]),
            (FeedState::Following, vec![]),
            (halted, vec![FEED_HALTED]),
        ] {
            feed.send_modify(|now| now.state = state);
            shows(&expected).await;
        }
        drop(feed); // nobody follows it any more
        watching.await.expect("ends");
        assert_eq!(board.causes("feed/vehicle"), Some([FEED_HALTED].into()), "it stays as it was");
    }
}
