//! The clock of a world: it follows the machine's until a tester moves it forward, stops it, or lets it go on.
//!
//! A world's time only goes forward: what was signed at one time is never looked at from an earlier one. Work that falls due at a time of
//! the world's runs here as well, in the order of its times and each piece once, whether the time came by itself or by a jump; a jump
//! returns when all of it has run.
//!
//! The reading is kept beside the store (`clock.json`, see [`kept`]) before it holds, so that a world that is opened again goes on from where
//! it was. Deadlines of calls, rates and TLS stay on the machine's time.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{Mutex as Turn, watch};

use crate::base::id::is_request_id;
use crate::base::{Clock, Error, Reason, Result, Timestamp};
use crate::store::file::is_full;

pub mod due;
pub mod kept;
pub mod pace;
#[cfg(test)]
mod tests;

pub use due::{DueWork, Ran};
use kept::{Begun, Kept};
pub use pace::{LAST_YEAR, Pace, Target};

/// The longest jump: ten years, in days.
pub const JUMP_DAYS_MAX: i64 = 3_653;

/// When to try again where the clock's file cannot be written.
const RETRY_AFTER: Duration = Duration::from_secs(1);

const DAY_MS: i64 = 86_400_000;

/// What the clock shows, with the machine's time beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// The world's time.
    pub now: Timestamp,
    /// The machine's.
    pub machine: Timestamp,
    /// Whether the world's time stands still.
    pub is_frozen: bool,
}

/// A jump that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Jump {
    /// What the clock showed before.
    pub before: Timestamp,
    /// What it showed at the end of the jump.
    pub after: Timestamp,
    /// The work that ran, in order; empty where the same request was made before.
    pub ran: Vec<Ran>,
    /// Whether an earlier call with the same request id made it.
    pub is_repetition: bool,
}

/// The clock of one world.
pub struct WorldClock {
    machine: Arc<dyn Clock>,
    kept: Mutex<Kept>,
    file: Option<PathBuf>,
    moved: watch::Sender<()>,
    work: Mutex<Vec<Arc<dyn DueWork>>>,
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
            moved: watch::Sender::default(),
            work: Mutex::default(),
            turn: Turn::default(),
        }))
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
            match self.next_due() {
                Some((at, _)) => tokio::select! {
                    () = self.sleep_until(at) => {
                        let turn = self.turn.lock().await;
                        let outcome = self.run_due(self.now()).await;
                        drop(turn);
                        if let Err(error) = outcome {
                            tracing::error!(%error, "work that fell due did not run; it is tried again");
                            self.machine.sleep_until(self.machine.now().plus_ms(due::RETRY_MS)).await;
                        }
                    }
                    changed = moved.changed() => if changed.is_err() { return },
                },
                None => {
                    if moved.changed().await.is_err() {
                        return;
                    }
                }
            }
        }
    }

    /// What the clock shows.
    pub fn reading(&self) -> Reading {
        let machine = self.machine.now();
        let pace = self.state().pace;
        Reading { now: pace.at(machine), machine, is_frozen: matches!(pace, Pace::Frozen { .. }) }
    }

    /// Moves the clock forward, and runs all work that falls due on the way, each piece at its own time. A repetition under the same
    /// request id moves nothing, and is told what came of the first; where the first was cut short, it goes on to the same end.
    ///
    /// Fails with [`InvalidRequest`](Reason::InvalidRequest) for a jump backwards, of more than [`JUMP_DAYS_MAX`] days or beyond
    /// [`LAST_YEAR`], and with [`RequestIdReused`](Reason::RequestIdReused) where the id was used for another jump. When work fails, the clock
    /// stays at the time at which that work is due, until the jump is repeated.
    pub async fn advance(&self, request: &str, target: Target) -> Result<Jump> {
        if !is_request_id(request) {
            return Err(Error::invalid_field("request_id", "FORMAT", "8 to 64 characters of A-Z a-z 0-9 . _ -"));
        }
        let _turn = self.turn.lock().await;
        let begun = self.state().jump(request);
        let mut jump = match begun {
            Some(begun) if begun.target != target.into() => {
                return Err(Error::new(
                    Reason::RequestIdReused,
                    "the request id was used for another jump of the clock",
                ));
            }
            Some(begun) => begun,
            None => Begun::new(request, target, self.now(), end_of(self.now(), target)?),
        };
        let (before, after) = (Timestamp(jump.before_ms), Timestamp(jump.after_ms));
        if jump.is_over {
            return Ok(Jump { before, after, ran: Vec::new(), is_repetition: true });
        }
        // Kept at once: a jump that is cut short ends where it was to end, however often it is repeated.
        self.keep(|kept| kept.note(jump.clone())).await?;
        let mut ran = Vec::new();
        while let Some((at, _)) = self.next_due().filter(|(at, _)| *at <= after) {
            self.set(at).await?;
            ran.extend(self.run_due(at).await?);
        }
        self.set(after).await?;
        jump.is_over = true;
        self.keep(|kept| kept.note(jump)).await?;
        Ok(Jump { before, after, ran, is_repetition: false })
    }

    /// Stops the clock; one that stands still stays as it is. Not cancel-safe, like every change: dropping the future can leave memory and disk inconsistent.
    pub async fn freeze(&self) -> Result<Reading> {
        let _turn = self.turn.lock().await;
        // It stands before that is kept: nobody may see a time that is later than the one at which it stops.
        let before = self.state().clone();
        let mut stopped = before.clone();
        stopped.pace = Pace::Frozen { at: before.pace.at(self.machine.now()) };
        self.show(stopped.clone());
        if let Err(error) = self.write(stopped).await {
            self.show(before);
            return Err(error);
        }
        Ok(self.reading())
    }

    /// Lets a stopped clock go on from what it shows.
    pub async fn resume(&self) -> Result<Reading> {
        let _turn = self.turn.lock().await;
        let Reading { now, machine, .. } = self.reading();
        self.keep(|kept| kept.pace = Pace::Flowing { ahead_ms: now.0.saturating_sub(machine.0) }).await?;
        Ok(self.reading())
    }

    fn state(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The earliest time at which work is due, and that work.
    fn next_due(&self) -> Option<(Timestamp, Arc<dyn DueWork>)> {
        let work = self.work.lock().unwrap_or_else(PoisonError::into_inner).clone();
        work.into_iter().filter_map(|work| Some((work.next()?, work))).min_by_key(|(at, _)| *at)
    }

    /// Runs what is due until `until`, the earliest first.
    async fn run_due(&self, until: Timestamp) -> Result<Vec<Ran>> {
        let mut ran = Vec::new();
        while let Some((at, work)) = self.next_due().filter(|(at, _)| *at <= until) {
            work.run(at).await?;
            // Work that is due as before would be run for ever.
            if work.next().is_some_and(|next| next <= at) {
                return Err(Error::bug(format!("{} is due again at the time at which it ran", work.kind())));
            }
            tracing::info!(kind = work.kind(), %at, "work of the world's time ran");
            ran.push(Ran { kind: work.kind(), at });
        }
        Ok(ran)
    }

    /// Sets the clock forward to a time; it goes on as it did before.
    async fn set(&self, to: Timestamp) -> Result<()> {
        let (machine, to) = (self.machine.now(), to.max(self.now()));
        let change = |kept: &mut Kept| {
            kept.pace = match kept.pace {
                Pace::Flowing { .. } => Pace::Flowing { ahead_ms: to.0.saturating_sub(machine.0) },
                Pace::Frozen { .. } => Pace::Frozen { at: to },
            };
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
        let Some(file) = self.file.clone() else { return Ok(()) };
        let written = tokio::task::spawn_blocking(move || next.write(&file)).await.map_err(Error::bug)?;
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

/// The end of a jump that begins at `now`.
fn end_of(now: Timestamp, target: Target) -> Result<Timestamp> {
    let (field, to) = match target {
        Target::By(ms) => ("by", now.plus_ms(ms)),
        Target::To(at) => ("to", at),
    };
    let refused = |why: String| Err(Error::invalid_field(field, "RANGE", why));
    if to <= now {
        return refused(format!("a world's time only goes forward: its clock shows {now}"));
    }
    if to.0.saturating_sub(now.0) > JUMP_DAYS_MAX * DAY_MS {
        return refused(format!("one jump is at most {JUMP_DAYS_MAX} days long: its clock shows {now}"));
    }
    if to > pace::END {
        return refused(format!("a world's time ends with the year {LAST_YEAR}"));
    }
    Ok(to)
}
