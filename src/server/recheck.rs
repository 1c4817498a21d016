//! Background checks of the store: periodic, on a thread of its own, with a pause after each read, so that callers hardly notice.
//! They find damage that no caller has hit yet.
//!
//! Concurrent writes can look like damage for a moment, so a fault counts only if a second check confirms it. Then the store's
//! health reports it.

#![allow(clippy::disallowed_methods, reason = "how often this process reads its store is the machine's affair")]

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::upkeep::{CheckReport, check};
use crate::api::metrics::Reading;
use crate::base::{Clock, Error, Result, Timestamp};
use crate::registry::Catalogue;
use crate::store::{Pace, Store};

/// Latest begin of the first check: a server that restarts often must be checked too.
const FIRST_WITHIN: Duration = Duration::from_secs(600);
/// Pause after each read.
const REST: Duration = Duration::from_millis(20);

/// The result of the last check.
#[derive(Debug, Clone, Copy)]
pub struct LastCheck {
    /// When it ended.
    pub at: Timestamp,
    /// How long it took.
    pub took: Duration,
    /// The number of rows read.
    pub rows: u64,
    /// The number of faults found.
    pub faults: u64,
    /// The number of checks completed since the start, including this one.
    pub count: u64,
}

/// The result of the last check, shared with its thread.
#[derive(Clone, Default)]
pub(super) struct Recheck(Arc<Mutex<Option<LastCheck>>>);

impl Recheck {
    /// Checks `store` every `every`, until `ending` becomes true or its sender is dropped.
    pub(super) fn begin(
        &self,
        store: Arc<dyn Store>,
        catalogue: Arc<Catalogue>,
        every: Duration,
        clock: Arc<dyn Clock>,
        mut ending: watch::Receiver<bool>,
    ) -> Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().map_err(Error::bug)?;
        let noted = self.clone();
        let work = move || {
            runtime.block_on(async {
                tokio::select! {
                    biased;
                    _ = ending.wait_for(|ending| *ending) => {}
                    () = noted.repeat(&*store, &catalogue, every, &*clock) => {}
                }
            });
        };
        std::thread::Builder::new().name("store-check".into()).spawn(work).map_err(Error::bug)?;
        Ok(())
    }

    /// The result of the last check; `None` before the first.
    pub(super) fn last(&self) -> Option<LastCheck> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn repeat(&self, store: &dyn Store, catalogue: &Catalogue, every: Duration, clock: &dyn Clock) {
        let mut wait = every.min(FIRST_WITHIN);
        loop {
            tokio::time::sleep(wait).await;
            wait = every;
            let begun = Instant::now();
            match confirmed(store, catalogue).await {
                Ok(report) => {
                    let faults = report.findings.iter().map(|(.., count)| count).sum();
                    let rows = report.spaces.iter().map(|found| found.read).sum();
                    let (took, count) = (begun.elapsed(), self.last().map_or(0, |last| last.count) + 1);
                    let last = LastCheck { at: clock.now(), took, rows, faults, count };
                    *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(last);
                    tell(store, &report, rows, took);
                }
                Err(error) => tracing::warn!(%error, "the check of the store failed"),
            }
        }
    }

    /// The gauges of the last check.
    pub(super) fn readings(&self) -> Vec<Reading> {
        let reading = |name, help, value: fn(&LastCheck) -> f64| {
            let checks = self.clone();
            Reading::new(name, help, move || checks.last().iter().map(|last| (Vec::new(), value(last))).collect())
        };
        vec![
            reading("store_check_faults", "Faults found by the last check of the store", |last| last.faults as f64),
            reading("store_check_rows", "Rows read by the last check of the store", |last| last.rows as f64),
            reading("store_check_seconds", "Duration of the last check of the store, in seconds", |last| {
                last.took.as_secs_f64()
            }),
            reading(
                "store_checked_at_seconds",
                "End of the last check of the store, in seconds since the epoch",
                |last| last.at.0 as f64 / 1_000.0,
            ),
        ]
    }
}

/// Checks, and confirms the findings by a second check.
async fn confirmed(store: &dyn Store, catalogue: &Catalogue) -> Result<CheckReport> {
    let pace = Pace::Resting(REST);
    let first = check(store, catalogue, pace, &|_, _, _| {}).await?;
    if first.findings.is_empty() {
        return Ok(first);
    }
    let again = check(store, catalogue, pace, &|_, _, _| {}).await?;
    Ok(CheckReport { findings: first.findings.confirmed_by(&again.findings), spaces: again.spaces })
}

fn tell(store: &dyn Store, report: &CheckReport, rows: u64, took: Duration) {
    let seconds = took.as_secs();
    if report.findings.is_empty() {
        tracing::info!(rows, seconds, "the store was checked: it is whole");
        return;
    }
    for (space, what, count) in report.findings.iter() {
        let is_known = store.health().borrow().damaged.contains_key(&space);
        // The error would be for a reader of the row, and there is none here; the call marks the store as damaged, and logs a
        // space's first fault.
        let _ = store.damaged(space, what);
        if is_known {
            tracing::error!(space = space.name(), what, count, "the check of the store found damage");
        } else {
            tracing::info!(space = space.name(), what, count, "the check of the store found damage");
        }
    }
}
