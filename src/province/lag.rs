//! How far a registry's feed is behind its log: in changes, as far as the length of the log is known here, and in time.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::time::Duration;

use tokio::time::{Instant, timeout};

use crate::registry::port::Registry;

/// How long a registry is asked for the length of its log.
const ASKED_MAX: Duration = Duration::from_millis(500);

/// How far a feed is behind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Lag {
    /// Changes in the registry's log that are not accepted, as far as it is known here how long the log is.
    pub changes: u64,
    /// The machine's time since the province last had all of them; zero while it has, and its registry answers.
    pub time: Duration,
}

/// What is known of the log of a followed registry.
pub(super) struct FollowedLog {
    /// Not owned: a registry may own what leads to the province.
    registry: OnceLock<Weak<dyn Registry>>,
    size: AtomicU64,
    /// How much of it the province has accepted.
    accepted: AtomicU64,
    /// When everything was accepted last; at first, when the province was opened.
    level_at: Mutex<Instant>,
}

impl FollowedLog {
    #[allow(clippy::disallowed_methods, reason = "how long a feed has been behind is of the machine's time")]
    pub(super) fn new(size: u64) -> Self {
        let (size, accepted) = (AtomicU64::new(size), AtomicU64::new(size));
        Self { registry: OnceLock::new(), size, accepted, level_at: Mutex::new(Instant::now()) }
    }

    pub(super) fn is_of(&self, registry: &Arc<dyn Registry>) {
        let _ = self.registry.set(Arc::downgrade(registry)); // a registry is followed once
    }

    /// So much is accepted.
    pub(super) fn accepts(&self, size: u64) {
        self.accepted.store(size, Ordering::Relaxed);
        if size >= self.size.load(Ordering::Relaxed) {
            self.is_level();
        }
    }

    /// There is nothing in the log beyond what was read: the feed is level if all of that is accepted.
    pub(super) fn ends_at(&self, size: u64) {
        self.has(size);
        if self.accepted.load(Ordering::Relaxed) >= size {
            self.is_level();
        }
    }

    #[allow(clippy::disallowed_methods, reason = "how long a feed has been behind is of the machine's time")]
    fn is_level(&self) {
        *self.level_at.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    pub(super) fn has(&self, size: u64) {
        self.size.fetch_max(size, Ordering::Relaxed);
    }

    /// Asks the registry how long its log is now; one that does not answer soon changes nothing.
    pub(super) async fn ask(&self) {
        if let Some(registry) = self.registry.get().and_then(Weak::upgrade)
            && let Ok(Ok(size)) = timeout(ASKED_MAX, registry.log_size_now()).await
        {
            self.has(size);
        }
    }

    /// The lag behind a feed that has accepted `accepted` changes.
    pub(super) fn lag(&self, accepted: u64, is_followed: bool) -> Lag {
        let changes = self.size.load(Ordering::Relaxed).saturating_sub(accepted);
        if changes == 0 && is_followed {
            return Lag::default();
        }
        Lag { changes, time: self.level_at.lock().unwrap_or_else(PoisonError::into_inner).elapsed() }
    }
}
