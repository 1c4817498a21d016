//! The clock of a world: it follows the machine's until a tester moves it forward, stops it, or lets it go on.
//!
//! A world's time only goes forward: what was signed at one time is never looked at from an earlier one. Work that falls due at a time of
//! the world's runs here as well, in the order of its times and each piece once, whether the time came by itself or by a jump; a jump
//! returns when all of it has run.
//!
//! The reading is kept beside the store (`clock.json`, see [`kept`]) before it holds, so that a world that is opened again goes on from where
//! it was. Deadlines of calls, rates and TLS stay on the machine's time.

use std::future::pending;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;

use async_trait::async_trait;
use futures::FutureExt as _;
use futures::future::select_all;
use tokio::sync::Mutex as Turn;

use crate::base::id::request_id_violation;
use crate::base::time::Instant;
use crate::base::{Clock, Error, Reason, Result, Timestamp, offload, watch};
use crate::store::file::is_full;
use crate::store::{Store, Writes, disk_full};

pub mod due;
pub mod jump;
pub mod kept;
pub mod pace;
#[cfg(test)]
mod tests;

pub use due::{DueWork, Ran, Scheduled};
pub use jump::{JUMP_DAYS_MAX, Jump};
use jump::{Report, end_of};
use kept::{Begun, Kept, TargetForm};
pub use pace::{LAST_YEAR, Pace, Target};

/// How long work that fell due by itself holds the clock until it shows: nobody waits for an answer.
const SETTLES_WITHIN: Duration = Duration::from_secs(10);
/// When to try again where the clock's file cannot be written.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The world's time and the machine's time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// The world's time.
    pub now: Timestamp,
    /// The machine's.
    pub machine: Timestamp,
    /// Whether the world's time stands still.
    pub is_frozen: bool,
}

/// The clock of one world.
pub struct WorldClock {
    machine: Arc<dyn Clock>,
    kept: Mutex<Kept>,
    file: Option<PathBuf>,
    /// The world's store, which may know that the disk is full. Not held: its faults read this clock.
    store: OnceLock<Weak<dyn Store>>,
    moved: watch::Sender<()>,
    work: Mutex<Vec<Arc<dyn DueWork>>>,
    /// Registries of the world whose hosts have clocks of their own; while there are some, this one is not moved.
    elsewhere: OnceLock<String>,
    /// Whose turn it is to move the clock or to run what is due.
    turn: Turn<()>,
}

impl WorldClock {
    /// The clock of a world whose data is in `folder`; without one it is kept nowhere. Fails with
    /// [`ConfigurationInvalid`](Reason::ConfigurationInvalid) when what is kept there cannot be read.
    pub fn open(machine: Arc<dyn Clock>, folder: Option<&Path>) -> Result<Arc<Self>> {
        let kept = folder.map(Kept::read).transpose()?.flatten().unwrap_or_default();
        Ok(Arc::new(Self {
            machine,
            kept: Mutex::new(kept),
            file: folder.map(Kept::path),
            store: OnceLock::new(),
            moved: watch::Sender::default(),
            work: Mutex::default(),
            elsewhere: OnceLock::new(),
            turn: Turn::default(),
        }))
    }

    /// A clock that shows what this one shows, and is kept nowhere: the clock of a session. From then on each goes its own way.
    pub fn branch(&self) -> Arc<Self> {
        let mut kept = Kept::default();
        kept.pace = self.state().pace;
        Arc::new(Self {
            machine: self.machine.clone(),
            kept: Mutex::new(kept),
            file: None,
            store: OnceLock::new(),
            moved: watch::Sender::default(),
            work: Mutex::default(),
            elsewhere: OnceLock::new(),
            turn: Turn::default(),
        })
    }

    /// Stands on the disk of a store: while that is full, the clock is not changed. A second call has no effect.
    pub fn stand_beside(&self, store: &Arc<dyn Store>) {
        let _ = self.store.set(Arc::downgrade(store));
    }

    /// Goes by the machine's time from now on, because `registries` of its world are on hosts with clocks of their own.
    pub fn share_with(&self, registries: &[&str]) {
        if !registries.is_empty() {
            let _ = self.elsewhere.set(registries.join(", "));
        }
    }

    /// Whether the clock may be moved. Fails with [`RegistriesElsewhere`](Reason::RegistriesElsewhere), naming them.
    fn movable(&self) -> Result<()> {
        let Some(registries) = self.elsewhere.get() else { return Ok(()) };
        let message = format!("the hosts of {registries} have clocks of their own, which this one would leave behind");
        Err(Error::new(Reason::RegistriesElsewhere, message).with_subject("registry", registries.clone()))
    }

    /// Takes on work that falls due at times of this world's.
    pub fn take_on(&self, work: Arc<dyn DueWork>) {
        self.work.lock().unwrap_or_else(PoisonError::into_inner).push(work);
        self.moved.send_replace(());
    }

    /// Runs work as it falls due, until the task is dropped.
    pub async fn run(self: Arc<Self>) {
        loop {
            let mut moved = self.moved.subscribe();
            let work = self.work();
            let changes: Vec<_> = work.iter().map(|work| work.changes()).chain([pending().boxed()]).collect();
            let next = self.next_due().map_or(Timestamp::MAX, |(at, _)| at);
            tokio::select! {
                biased;
                () = self.sleep_until(next) => {
                    if let Err(error) = self.catch_up().await {
                        tracing::error!(%error, "work that fell due did not run; it is tried again");
                        self.machine.sleep_until(self.machine.now().plus_ms(due::RETRY_MS)).await;
                    }
                }
                changed = moved.changed() => if changed.is_err() { return },
                _ = select_all(changes) => {}
            }
        }
    }

    /// Runs all work that is due, and waits until it shows, at most ten seconds of the machine's time.
    #[allow(
        clippy::disallowed_methods,
        reason = "followers that fail do not hold the clock: they get some of the machine's time"
    )]
    pub async fn catch_up(&self) -> Result<()> {
        let _turn = self.turn.lock().await;
        let mut report = Report::default();
        while self.run_some(self.now(), &mut report, async |_| Ok(())).await? {}
        if report.total() > 0 {
            let lagging = self.settle(Instant::now() + SETTLES_WITHIN).await;
            if !lagging.is_empty() {
                let parts = lagging.join(", ");
                tracing::warn!(parts, "the changes that time made do not show everywhere yet");
            }
        }
        for (kind, count) in report.counts {
            tracing::info!(kind, count, "work of the world's time ran");
        }
        Ok(())
    }

    /// What is scheduled of each kind of work, and how much of it is due.
    pub fn scheduled(&self) -> Vec<Scheduled> {
        self.work().iter().flat_map(|work| work.scheduled()).collect()
    }

    /// What the clock shows.
    pub fn reading(&self) -> Reading {
        let machine = self.machine.now();
        let pace = self.state().pace;
        Reading { now: pace.at(machine), machine, is_frozen: matches!(pace, Pace::Frozen { .. }) }
    }

    /// Moves the clock forward, and runs all work that falls due on the way, each piece in its turn. A repetition under the same request id
    /// moves nothing, and is told what came of the first; where the first was cut short, it goes on to the same end.
    ///
    /// Fails with [`InvalidRequest`](Reason::InvalidRequest) for a jump backwards, of more than [`JUMP_DAYS_MAX`] days, beyond
    /// [`LAST_YEAR`] or with too much work, with [`NotFound`](Reason::NotFound) when nothing of the wanted kind is scheduled, and with
    /// [`RequestIdReused`](Reason::RequestIdReused) where the id was used for another jump, and with [`StorageFull`](Reason::StorageFull) while the
    /// disk is full. When work fails, the clock stays at the time up to
    /// which that work runs, until the jump is repeated.
    ///
    /// Then it waits until everything shows what ran, for as long as there is progress, and at most `until`: the jump names the parts that lag.
    pub async fn advance(&self, request: &str, target: Target, until: Instant) -> Result<Jump> {
        if let Some(violation) = request_id_violation(request) {
            return Err(Error::invalid(violation));
        }
        self.movable()?;
        let _turn = self.turn.lock().await;
        let (begun, form) = (self.state().jump(request), TargetForm::from(&target));
        let mut jump = match begun {
            Some(begun) if begun.target != form => {
                return Err(Error::new(
                    Reason::RequestIdReused,
                    "the request id was used for another jump of the clock",
                ));
            }
            Some(begun) => begun,
            None => Begun::new(request, form, self.now(), end_of(self.now(), &target, &self.work())?),
        };
        let is_repetition = jump.is_over;
        if !is_repetition {
            // Kept at once: a jump that is cut short ends where it was to end, however often it is repeated.
            self.keep(|kept| kept.note(jump.clone())).await?;
            self.make(&mut jump).await?;
        }
        let lagging = self.settle(until).await;
        let (before, after) = (Timestamp(jump.before_ms), Timestamp(jump.after_ms));
        Ok(Jump { before, after, report: jump.report, is_repetition, lagging })
    }

    /// Goes to the end of a jump.
    async fn make(&self, jump: &mut Begun) -> Result<()> {
        let after = Timestamp(jump.after_ms);
        loop {
            let noted = jump.clone();
            if !self.run_some(after, &mut jump.report, async |at| self.set(at, noted).await).await? {
                break;
            }
        }
        jump.is_over = true;
        self.set(after, jump.clone()).await
    }

    /// Waits until everything shows what ran; names the parts that do not.
    async fn settle(&self, until: Instant) -> Vec<String> {
        let mut lagging = Vec::new();
        for work in self.work() {
            lagging.extend(work.settle(until).await);
        }
        lagging
    }

    /// Stops the clock; one that stands still stays as it is. Not cancel-safe, like every change: dropping the future can leave memory and disk inconsistent.
    pub async fn freeze(&self) -> Result<Reading> {
        self.movable()?;
        let _turn = self.turn.lock().await;
        // Written before it is shown, so that a stop which cannot be kept is never seen; meanwhile the time goes on, and where it stops is written
        // once it is known.
        self.write(self.stopped()).await?;
        let stopped = self.stopped();
        self.show(stopped.clone());
        if let Err(error) = self.write(stopped).await {
            tracing::warn!(%error, "the clock's file lags the time at which the clock stopped");
        }
        Ok(self.reading())
    }

    /// What is kept of a clock that stops now.
    fn stopped(&self) -> Kept {
        let mut stopped = self.state().clone();
        stopped.pace = Pace::Frozen { at: stopped.pace.at(self.machine.now()) };
        stopped
    }

    /// Lets a stopped clock go on from what it shows.
    pub async fn resume(&self) -> Result<Reading> {
        self.movable()?;
        let _turn = self.turn.lock().await;
        let Reading { now, machine, .. } = self.reading();
        self.keep(|kept| kept.pace = Pace::Flowing { ahead_ms: now.0.saturating_sub(machine.0) }).await?;
        Ok(self.reading())
    }

    fn state(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) -> Vec<Arc<dyn DueWork>> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The earliest time at which work is due, and that work.
    fn next_due(&self) -> Option<(Timestamp, Arc<dyn DueWork>)> {
        self.work().into_iter().filter_map(|work| Some((work.next()?, work))).min_by_key(|(at, _)| *at)
    }

    /// Runs the work that is due first, as far as no other work is due before, and not beyond `until`; says whether there was any. The clock gets
    /// to the end of the run before it by `goes_to`.
    async fn run_some(
        &self,
        until: Timestamp,
        report: &mut Report,
        goes_to: impl AsyncFnOnce(Timestamp) -> Result<()>,
    ) -> Result<bool> {
        let Some((first, work)) = self.next_due().filter(|(at, _)| *at <= until) else { return Ok(false) };
        let others =
            self.work().into_iter().filter(|other| !Arc::ptr_eq(other, &work)).filter_map(|other| other.next());
        let until = others.min().map_or(until, |other| other.max(first).min(until));
        let end = work.run_end(until).unwrap_or(first);
        goes_to(end).await?;
        let ran = work.run(end).await?;
        // Work that is due as before would be run for ever.
        if ran.is_empty() && work.next().is_some_and(|next| next <= end) {
            return Err(Error::bug(format!("work is due again at {end}, until which it ran")));
        }
        report.add(ran);
        Ok(true)
    }

    /// Sets the clock forward to a time of a jump; it goes on as it did before.
    async fn set(&self, to: Timestamp, jump: Begun) -> Result<()> {
        let (machine, to) = (self.machine.now(), to.max(self.now()));
        let change = |kept: &mut Kept| {
            kept.pace = match kept.pace {
                Pace::Flowing { .. } => Pace::Flowing { ahead_ms: to.0.saturating_sub(machine.0) },
                Pace::Frozen { .. } => Pace::Frozen { at: to },
            };
            kept.note(jump);
        };
        self.keep(change).await
    }

    /// Changes what is kept: on disk first, and then for everybody who reads the clock.
    async fn keep(&self, change: impl FnOnce(&mut Kept)) -> Result<()> {
        let mut next = self.state().clone();
        change(&mut next);
        self.write(next.clone()).await?;
        self.show(next);
        Ok(())
    }

    async fn write(&self, next: Kept) -> Result<()> {
        let store = self.store.get().and_then(Weak::upgrade);
        let writes = store.map(|store| store.health().borrow().writes);
        if matches!(writes, Some(Writes::Full { .. } | Writes::OutOfFiles { .. })) {
            return Err(disk_full());
        }
        let Some(file) = self.file.clone() else { return Ok(()) };
        let written = offload(move || next.write(&file)).await?;
        written.map_err(|error| {
            tracing::error!(%error, "the clock's file cannot be written");
            let reason = if is_full(&error) { Reason::StorageFull } else { Reason::StorageUnavailable };
            Error::new(reason, "the clock's file cannot be written, so the clock does not change")
                .with_retry_after(RETRY_AFTER)
        })
    }

    fn show(&self, next: Kept) {
        *self.state() = next;
        self.moved.send_replace(());
    }
}

#[async_trait]
impl Clock for WorldClock {
    fn now(&self) -> Timestamp {
        self.state().pace.at(self.machine.now())
    }

    async fn sleep_until(&self, at: Timestamp) {
        // Subscribed first, so that a change between the check and the wait is not missed.
        let mut moved = self.moved.subscribe();
        if at > pace::END {
            return std::future::pending().await; // no world's time gets there
        }
        loop {
            let (machine, pace) = (self.machine.now(), self.state().pace);
            if pace.at(machine) >= at {
                return;
            }
            match pace {
                // What is waited for may come by a jump, and a stop or a jump moves the machine's time at which it comes.
                Pace::Flowing { ahead_ms } => tokio::select! {
                    biased;
                    () = self.machine.sleep_until(at.plus_ms(ahead_ms.saturating_neg())) => {}
                    _ = moved.changed() => {}
                },
                Pace::Frozen { .. } => {
                    let _ = moved.changed().await; // the sender is this clock's own
                }
            }
        }
    }
}
