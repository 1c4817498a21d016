//! The gauges of a gateway for `/metrics`: calls in progress, health, connections, descriptors, feeds, logs.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Weak};

use tokio::sync::watch;

use super::assembly::Assembly;
use super::net::connections::{Connections, Refusal, Stage};
use super::sessions::SessionManager;
use crate::api::admission::Load;
use crate::api::health::{HealthBoard, OVERALL};
use crate::api::metrics::{Reading, Sample};
use crate::api::remote::Connection;
use crate::base::{AgencyId, CacheUse, Result, log};
use crate::ledger::Log;
use crate::province::{FeedState, Lag};
use crate::registry::Name;
use crate::simulation::session::SessionFacts;
use crate::store::{FolderDisk, FreeSpace as _, Health, Space, Writes};
use crate::webhook::{AgencyWebhooks, Webhooks};

fn labelled(label: &'static str, value: impl Into<String>, sample: f64) -> Sample {
    (vec![(label, value.into())], sample)
}

/// Gauges of admission and health.
pub(super) fn of_calls(load: Load, health: &HealthBoard) -> Vec<Reading> {
    let (calls, waiting, memory, health) = (load.clone(), load.clone(), load, health.clone());
    vec![
        Reading::single("calls_under_way", "Admitted calls in progress", move || calls.calls() as f64),
        Reading::single("calls_waiting", "Admitted calls that wait for their turn", move || waiting.waiting() as f64),
        Reading::single(
            "call_bytes",
            "Memory of requests in progress and of unsent answers, pages and files, in bytes",
            move || memory.bytes() as f64,
        ),
        Reading::new("serving", "1 if a service is SERVING, 0 if not", move || {
            let services = health.watch().borrow().clone();
            let name = |service: &String| if service == OVERALL { "all".to_owned() } else { service.clone() };
            let serves = services.iter().map(|(service, causes)| (name(service), causes.is_empty()));
            serves.map(|(service, serves)| labelled("service", service, f64::from(u8::from(serves)))).collect()
        }),
    ]
}

/// Gauges of sessions. Labels are the first digits of their ids, which let nobody in.
pub(super) fn of_sessions(sessions: &Arc<SessionManager>) -> Vec<Reading> {
    let [open, calls, bytes] = [(); 3].map(|()| Arc::downgrade(sessions));
    let facts = |of: &Weak<SessionManager>| of.upgrade().map(|sessions| sessions.facts()).unwrap_or_default();
    let by_session = |facts: Vec<SessionFacts>, value: fn(&SessionFacts) -> f64| {
        facts.iter().map(|of| labelled("session", of.id.label(), value(of))).collect()
    };
    vec![
        Reading::single("sessions", "Sessions open", move || facts(&open).len() as f64),
        Reading::new("session_calls_total", "Calls in a session, by the first digits of its id", move || {
            by_session(facts(&calls), |of| of.calls as f64)
        }),
        Reading::new("session_bytes", "What was written in a session, in bytes of memory", move || {
            by_session(facts(&bytes), |of| of.bytes as f64)
        }),
    ]
}

/// Gauges of connections and of limited resources of the process.
pub(super) fn of_connections(counts: &Arc<Connections>) -> Vec<Reading> {
    let (open, accepted, errors) = (counts.clone(), counts.clone(), counts.clone());
    let (refused, timed_out) = (counts.clone(), counts.clone());
    vec![
        Reading::single("connections", "Connections open", move || open.open() as f64),
        Reading::single("connections_accepted_total", "Connections accepted", move || accepted.accepted() as f64),
        Reading::single("accept_errors_total", "Failures to accept a connection", move || {
            errors.accept_errors() as f64
        }),
        Reading::new("connections_refused_total", "Connections refused, by reason", move || {
            let sample = |reason: Refusal| labelled("reason", reason.as_str(), refused.refused(reason) as f64);
            Refusal::ALL.into_iter().map(sample).collect()
        }),
        Reading::new("connections_timed_out_total", "Connections timed out, by stage", move || {
            let sample = |stage: Stage| labelled("stage", stage.as_str(), timed_out.timed_out(stage) as f64);
            Stage::ALL.into_iter().map(sample).collect()
        }),
        Reading::single("log_lines_dropped_total", "Log lines dropped because their reader was too slow", || {
            log::dropped() as f64
        }),
        Reading::new("open_descriptors", "Open file descriptors of the process", open_descriptors),
    ]
}

/// One sample where the system lists them; none elsewhere.
fn open_descriptors() -> Vec<Sample> {
    std::fs::read_dir("/proc/self/fd").map(|entries| (Vec::new(), entries.count() as f64)).into_iter().collect()
}

/// Gauges of the disk of a data folder.
pub(super) fn of_disk(folder: &Path) -> Vec<Reading> {
    let disk = Arc::new(FolderDisk(folder.to_owned()));
    let files = disk.clone();
    let sample = |free: u64| (Vec::new(), free as f64);
    vec![
        Reading::new("disk_free_bytes", "Free space on the data's disk, in bytes", move || {
            disk.free_bytes().map(sample).into_iter().collect()
        }),
        Reading::new("disk_free_files", "Free inodes on the data's disk", move || {
            files.free_files().ok().flatten().map(sample).into_iter().collect()
        }),
    ]
}

/// Gauges of the caches that share `--memory`, except the engine's.
pub(super) fn of_caches(assembly: &Assembly) -> Vec<Reading> {
    let (tiles, exchange) = (assembly.tiles.clone(), assembly.gateway.exchange.clone());
    let registries: Vec<_> = assembly.registries.values().cloned().collect();
    let usage = Arc::new(move || {
        let pages = registries.iter().map(|registry| registry.cache_use()).fold(CacheUse::default(), CacheUse::and);
        [("tiles", tiles.usage()), ("records", exchange.cache_use()), ("pages", pages)]
    });
    let reading = |name, help, of: fn(CacheUse) -> u64| {
        let usage = usage.clone();
        Reading::new(name, help, move || {
            usage().map(|(cache, usage)| labelled("cache", cache, of(usage) as f64)).into()
        })
    };
    vec![
        reading("cache_bytes", "Bytes in a cache", |usage| usage.bytes),
        reading("cache_limit_bytes", "Capacity of a cache, in bytes", |usage| usage.bytes_max),
        reading("cache_hits_total", "Hits of a cache", |usage| usage.hits),
        reading("cache_misses_total", "Misses of a cache", |usage| usage.misses),
    ]
}

/// Gauges of the registries on hosts of their own.
pub(super) fn of_hosts(assembly: &Assembly) -> Vec<Reading> {
    let remotes: Vec<_> = assembly.remotes.iter().map(|(name, remote)| (name.clone(), remote.host().clone())).collect();
    if remotes.is_empty() {
        return Vec::new();
    }
    let help = "1 if a registry's host is asked, 0 if it is left alone for a moment because it failed";
    vec![Reading::new("registry_host_asked", help, move || {
        let sample = |host: &Connection| f64::from(u8::from(!host.is_open()));
        remotes.iter().map(|(name, host)| labelled("registry", name, sample(host))).collect()
    })]
}

/// Gauges of a store: whether it accepts changes, and how often it could not read rows back.
pub(super) fn of_store(store: watch::Receiver<Health>) -> Vec<Reading> {
    let damaged = store.clone();
    vec![
        Reading::single("store_accepts_changes", "1 if the store accepts changes, 0 if not", move || {
            f64::from(u8::from(store.borrow().writes == Writes::Taken))
        }),
        Reading::new("store_unreadable_total", "Reads of stored rows that found damage, by space", move || {
            let times = |(space, times): (&Space, &u64)| labelled("space", space.name(), *times as f64);
            damaged.borrow().damaged.iter().map(times).collect()
        }),
    ]
}

/// Gauges of logs to which the process appends.
pub(super) fn of_logs(logs: Vec<(Name, Arc<Log>)>) -> Vec<Reading> {
    vec![Reading::new("log_entries", "Entries of a log", move || {
        logs.iter().map(|(name, log)| labelled("log", name, log.head().size as f64)).collect()
    })]
}

/// Gauges of the webhooks of the province, and counts of what all worlds sent. Labels are agencies, never targets.
pub(super) fn of_webhooks(webhooks: &Webhooks) -> Vec<Reading> {
    let (sending, states, lag) = (webhooks.sending().clone(), webhooks.clone(), webhooks.clone());
    vec![
        Reading::new(
            "webhook_deliveries_total",
            "Attempts to send events of webhooks, and events given up",
            move || sending.counts.all().map(|(result, count)| labelled("result", result, count as f64)).into(),
        ),
        Reading::new("webhooks", "Webhooks of the province, by state", move || {
            let mut sum: BTreeMap<&str, u64> = BTreeMap::new();
            let agencies = states.by_agency();
            agencies
                .values()
                .flat_map(|of| of.states)
                .for_each(|(state, count)| *sum.entry(state).or_default() += count);
            sum.into_iter().map(|(state, count)| labelled("state", state, count as f64)).collect()
        }),
        Reading::new(
            "webhook_lag_entries",
            "Entries of the record ledger that the active webhook of an agency farthest behind has not read",
            move || {
                let sample = |(agency, of): (AgencyId, AgencyWebhooks)| {
                    labelled("agency", agency.as_str(), of.lag_entries as f64)
                };
                lag.by_agency().into_iter().map(sample).collect()
            },
        ),
    ]
}

/// Gauges of the registries' feeds.
pub(super) fn of_feeds(assembly: &Assembly) -> Result<Vec<Reading>> {
    let feed = |name: &Name| Ok((name.clone(), assembly.province.layer.watch_progress(name)?));
    let feeds = assembly.world.catalogue.sectors().iter().map(|sector| feed(&sector.name));
    let feeds = feeds.collect::<Result<Vec<_>>>()?;
    let lag = |name, help, of: fn(Lag) -> f64| {
        let (layer, feeds) = (Arc::downgrade(&assembly.province.layer), feeds.clone());
        Reading::new(name, help, move || {
            let Some(layer) = layer.upgrade() else { return Vec::new() };
            let sample = |feed: &Name| Some(labelled("registry", feed, of(layer.known_lag(feed).ok()?)));
            feeds.iter().filter_map(|(name, _)| sample(name)).collect()
        })
    };
    Ok(vec![
        lag("feed_lag_changes", "Changes in a registry's log that the province has not accepted", |lag| {
            lag.changes as f64
        }),
        lag(
            "feed_lag_seconds",
            "How long ago the province last had all changes of a registry; 0 while it has",
            |lag| lag.time.as_secs_f64(),
        ),
        Reading::new(
            "feed_following",
            "1 if the province follows a registry, 0 if it waits or has halted",
            move || {
                let follows = |state: &FeedState| matches!(state, FeedState::Following);
                let sample = |follows: bool| f64::from(u8::from(follows));
                feeds
                    .iter()
                    .map(|(name, feed)| labelled("registry", name, sample(follows(&feed.borrow().state))))
                    .collect()
            },
        ),
    ])
}
