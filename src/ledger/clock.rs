//! The clock of a world's logs: no head gets a time before that of the newest head of any log.
//!
//! A clock that steps back a little, as NTP makes it, does no harm: new heads get the time of the newest one until the clock has
//! caught up. A clock far behind it, after a restored snapshot or a dead battery, does: issued records would be in the future,
//! where no verifier accepts them. So beyond the skew that verifiers allow, no log is opened and nothing is signed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use async_trait::async_trait;

use crate::base::limits::CLOCK_SKEW_MS_MAX;
use crate::base::{Clock, Error, Reason, Result, Timestamp};

/// A clock, and the time of the newest head signed with it. Clones share both.
#[derive(Clone)]
pub struct LogClock(Arc<Inner>, Option<Skew>);

/// By how many milliseconds a clock is wrong at the moment.
pub type Skew = Arc<dyn Fn() -> i64 + Send + Sync>;

struct Inner {
    clock: Arc<dyn Clock>,
    newest_ms: AtomicI64,
    is_reported: AtomicBool,
}

/// A clock that is too far behind the newest head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockBehind {
    /// The clock's reading.
    pub now: Timestamp,
    /// The time of the newest head.
    pub newest_head: Timestamp,
}

impl ClockBehind {
    /// The reading from which logs are signed again.
    pub fn over_at(&self) -> Timestamp {
        self.newest_head.plus_ms(-CLOCK_SKEW_MS_MAX)
    }
}

impl LogClock {
    /// A clock for logs without known heads.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        let inner = Inner { clock, newest_ms: AtomicI64::new(i64::MIN), is_reported: AtomicBool::new(false) };
        Self(Arc::new(inner), None)
    }

    /// The same clock for one log whose machine reads it wrong. The other logs ignore what such a log signs, and do not keep it from signing
    /// an earlier time than theirs.
    #[must_use]
    pub fn skewed(&self, by: Skew) -> Self {
        Self(self.0.clone(), Some(by))
    }

    /// The present error; 0 for most.
    fn skew_ms(&self) -> i64 {
        self.1.as_ref().map_or(0, |by| by())
    }

    /// The clock's lag, if it is so far behind the newest head that nothing is signed.
    pub fn behind(&self) -> Option<ClockBehind> {
        let (now, newest_head) = (self.0.clock.now(), Timestamp(self.0.newest_ms.load(Ordering::SeqCst)));
        (now.plus_ms(CLOCK_SKEW_MS_MAX) < newest_head).then_some(ClockBehind { now, newest_head })
    }

    /// Fails with [`ClockBehind`](Reason::ClockBehind) if the clock is too far behind the newest head.
    pub fn check(&self) -> Result<()> {
        self.behind().map_or(Ok(()), |behind| Err(behind.into()))
    }

    /// Notes the time of a stored head. Fails with [`ClockBehind`](Reason::ClockBehind) if the clock is too far behind it.
    pub(super) fn resume(&self, head: Timestamp) -> Result<()> {
        self.0.newest_ms.fetch_max(head.0, Ordering::SeqCst);
        self.check()
    }

    /// The time for a head that is signed now. Fails with [`ClockBehind`](Reason::ClockBehind), and logs it once, if the clock is
    /// too far behind the newest head.
    pub(super) fn next_head(&self) -> Result<Timestamp> {
        if self.skew_ms() != 0 {
            return Ok(Clock::now(self));
        }
        let Some(behind) = self.behind() else {
            if self.0.is_reported.swap(false, Ordering::SeqCst) {
                tracing::info!("the clock has caught up with the newest head; logs take entries again");
            }
            let now = self.0.clock.now();
            return Ok(Timestamp(self.0.newest_ms.fetch_max(now.0, Ordering::SeqCst)).max(now));
        };
        let error = Error::from(behind);
        if !self.0.is_reported.swap(true, Ordering::SeqCst) {
            tracing::error!(%error, "the logs take no entries");
        }
        Err(error)
    }
}

impl From<ClockBehind> for Error {
    fn from(ClockBehind { now, newest_head }: ClockBehind) -> Self {
        let apart = apart(newest_head.0.saturating_sub(now.0));
        let message = format!(
            "the clock reads {now}, but a log's newest head was signed at {newest_head}, {apart} later: set the clock right, or restore clock.json in the \
             data folder if the world's clock was moved; if it is right and was ahead then, nothing can be signed until that time, or until the folder is put back to a copy of before \
             (docs/operations.md)"
        );
        Error::new(Reason::ClockBehind, message)
    }
}

/// A duration in words, in two units.
fn apart(ms: i64) -> String {
    let seconds = ms.div_euclid(1_000);
    let (days, hours, minutes, seconds) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60);
    match (days, hours) {
        (0, 0) => format!("{minutes} min {seconds} s"),
        (0, hours) => format!("{hours} h {minutes} min"),
        (days, hours) => format!("{days} days {hours} h"),
    }
}

/// The same clock, but never before the newest head: a decision does not change when the clock steps back a little.
#[derive(Clone)]
pub struct Monotone(pub LogClock);

#[async_trait]
impl Clock for Monotone {
    fn now(&self) -> Timestamp {
        let inner = &self.0.0;
        inner.clock.now().max(Timestamp(inner.newest_ms.load(Ordering::SeqCst)))
    }

    async fn sleep_until(&self, at: Timestamp) {
        if self.now() < at {
            self.0.sleep_until(at).await;
        }
    }
}

/// For logs that share the clock.
#[async_trait]
impl Clock for LogClock {
    fn now(&self) -> Timestamp {
        self.0.clock.now().plus_ms(self.skew_ms())
    }

    async fn sleep_until(&self, at: Timestamp) {
        self.0.clock.sleep_until(at).await;
    }
}

/// For a log with a clock of its own.
impl From<Arc<dyn Clock>> for LogClock {
    fn from(clock: Arc<dyn Clock>) -> Self {
        Self::new(clock)
    }
}

/// For a log with a clock of its own.
impl<C: Clock> From<Arc<C>> for LogClock {
    fn from(clock: Arc<C>) -> Self {
        Self::new(clock)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Entry, LogId, Sequencer};
    use super::*;
    use crate::base::time::FixedClock;
    use crate::base::{Kind, Seed};
    use crate::store::memory::MemoryStore;
    use crate::store::{Batch, Store};
    use crate::trust::Ed25519Signer;
    use crate::trust::merkle::hash_leaf;

    const NOON: Timestamp = Timestamp(1_800_000_000_000);
    const DAY_MS: i64 = 86_400_000;

    async fn open(store: &Arc<dyn Store>, log: u8, clock: LogClock) -> Result<Arc<Sequencer>> {
        let signer = Arc::new(Ed25519Signer::from_seed("log", &Seed::root(1)));
        Sequencer::open(store.clone(), LogId(log), "log", signer, clock).await
    }

    /// The time of the head that covers one entry more.
    async fn append(ledger: &Sequencer) -> Result<Timestamp> {
        let entry = Entry { leaf: hash_leaf(b"entry"), body: b"entry"[..].into() };
        ledger.append(vec![entry], |_| Batch::new()).await.map(|appended| appended.head.at)
    }

    #[tokio::test]
    async fn heads_never_go_backwards_in_time() {
        let (clock, store): (_, Arc<dyn Store>) = (Arc::new(FixedClock::at(NOON)), Arc::new(MemoryStore::new()));
        let ledger = open(&store, 1, clock.clone().into()).await.expect("opens");
        for (reads, expected) in [(0, 0), (10, 10), (-CLOCK_SKEW_MS_MAX + 10, 10), (9, 10), (11, 11)] {
            clock.set(NOON.plus_ms(reads));
            assert_eq!(append(&ledger).await.expect("appends"), NOON.plus_ms(expected), "{reads}");
        }
    }

    #[tokio::test]
    async fn a_clock_far_behind_stops_all_logs_until_it_is_right() {
        let (clock, store): (_, Arc<dyn Store>) = (Arc::new(FixedClock::at(NOON)), Arc::new(MemoryStore::new()));
        let shared = LogClock::new(clock.clone());
        let idle = open(&store, 1, shared.clone()).await.expect("opens");
        clock.set(NOON.plus_ms(DAY_MS));
        let busy = open(&store, 2, shared.clone()).await.expect("opens");
        append(&busy).await.expect("appends");
        assert_eq!(shared.behind(), None);

        // Later than the head of one log, but not of the other.
        clock.set(NOON.plus_ms(DAY_MS / 2));
        let expected = ClockBehind { now: NOON.plus_ms(DAY_MS / 2), newest_head: NOON.plus_ms(DAY_MS) };
        assert_eq!(shared.behind(), Some(expected));
        for ledger in [&idle, &busy] {
            let before = ledger.head();
            let refused = append(ledger).await.expect_err("refused");
            assert_eq!((refused.reason, refused.kind()), (Reason::ClockBehind, Kind::SourceDown));
            for says in [expected.now.to_string(), expected.newest_head.to_string(), "12 h 0 min later".into()] {
                assert!(refused.message.contains(&says), "{}", refused.message);
            }
            assert_eq!(ledger.head(), before);
        }
        assert_eq!(Monotone(shared.clone()).now(), expected.newest_head, "nothing is decided as of an earlier time");
        clock.set(NOON.plus_ms(DAY_MS - CLOCK_SKEW_MS_MAX));
        assert_eq!(shared.behind(), None);
        assert_eq!(append(&idle).await.expect("appends"), NOON.plus_ms(DAY_MS));
    }

    #[tokio::test]
    async fn a_log_does_not_open_before_its_head_was_signed() {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        let at = |ms: i64| LogClock::new(Arc::new(FixedClock::at(NOON.plus_ms(ms))));
        append(&open(&store, 1, at(0)).await.expect("opens")).await.expect("appends");
        let refused = open(&store, 1, at(-CLOCK_SKEW_MS_MAX - 1)).await.err().expect("refused");
        assert_eq!(refused.reason, Reason::ClockBehind);
        assert!(refused.message.contains(&NOON.to_string()), "{}", refused.message);
        open(&store, 1, at(-CLOCK_SKEW_MS_MAX)).await.expect("within the skew");
    }
}
