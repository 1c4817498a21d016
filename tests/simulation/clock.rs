//! The clock of the simulated machine: it runs with the runtime's time, and steps when somebody sets it.

use std::sync::atomic::{AtomicI64, Ordering};

use async_trait::async_trait;
use lienthong::base::{Clock, Timestamp, watch};

use super::log::Log;

/// When every run begins.
pub const BEGUN: Timestamp = Timestamp(1_800_000_000_000);

/// The clock.
pub struct MachineClock {
    log: Log,
    ahead_ms: AtomicI64,
    stepped: watch::Sender<()>,
}

impl MachineClock {
    /// A clock that is right when the run begins.
    pub fn new(log: Log) -> Self {
        Self { log, ahead_ms: AtomicI64::new(0), stepped: watch::Sender::default() }
    }

    /// Sets the clock, in milliseconds from what would be right.
    pub fn set(&self, ahead_ms: i64) {
        self.ahead_ms.store(ahead_ms, Ordering::SeqCst);
        self.stepped.send_replace(());
    }

    /// How far it is from what would be right.
    pub fn ahead_ms(&self) -> i64 {
        self.ahead_ms.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl Clock for MachineClock {
    fn now(&self) -> Timestamp {
        BEGUN.plus_ms(self.log.elapsed_ms() + self.ahead_ms())
    }

    #[allow(clippy::disallowed_methods, reason = "the runtime's time is the simulated machine's")]
    async fn sleep_until(&self, at: Timestamp) {
        let mut stepped = self.stepped.subscribe();
        loop {
            let left_ms = u64::try_from(at.0.saturating_sub(self.now().0)).unwrap_or(0);
            if left_ms == 0 {
                return;
            }
            tokio::select! {
                biased;
                _ = stepped.changed() => {}
                () = tokio::time::sleep(std::time::Duration::from_millis(left_ms.min(86_400_000))) => {}
            }
        }
    }
}
