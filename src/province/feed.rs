//! The feed of one registry: how much of the registry's log is accepted, whether the registry is followed, and how far the province is behind the
//! log: in changes, as far as the length of the log is known here, and in time.

use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::time::Duration;

use tokio::time::{Instant, timeout};

use crate::base::{Reason, watch};
use crate::registry::port::Registry;

/// How long a registry is asked for the length of its log.
const ASKED_MAX: Duration = Duration::from_millis(500);

/// The state of a registry's feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FeedState {
    /// The registry has not answered since the start.
    Beginning,
    /// Changes are accepted as they arrive.
    Following,
    /// The registry, or our own storage, does not answer; retrying. Holds the cause.
    Waiting(String),
    /// The registry sent something that fails verification. Nothing more is accepted until an operator intervenes.
    Halted {
        /// The code of the failure.
        reason: Reason,
        /// The explanation of the failure.
        why: String,
    },
}

/// How much of a registry's log is accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// The number of accepted log entries.
    pub log_size: u64,
    /// The state of the feed.
    pub state: FeedState,
}

/// How far a feed is behind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Lag {
    /// Changes in the registry's log that are not accepted, as far as it is known here how long the log is.
    pub changes: u64,
    /// The machine's time since the province last had all of them; zero while it has, and its registry answers.
    pub time: Duration,
}

/// The feed of a registry.
pub(super) struct Feed {
    /// Not owned: a registry may own what leads to the province.
    registry: OnceLock<Weak<dyn Registry>>,
    progress: watch::Sender<Progress>,
    log: Mutex<KnownLog>,
}

/// What is known here of a registry's log.
struct KnownLog {
    size: u64,
    /// Until when the feed was level: the registry answered, and everything was accepted. At first, when the province was opened.
    level_until: Instant,
}

impl KnownLog {
    fn is_level(&self, progress: &Progress) -> bool {
        progress.state == FeedState::Following && self.size <= progress.log_size
    }
}

#[allow(clippy::disallowed_methods, reason = "how long a feed has been behind is of the machine's time")]
impl Feed {
    pub(super) fn new(log_size: u64) -> Self {
        let progress = watch::Sender::new(Progress { log_size, state: FeedState::Beginning });
        let log = Mutex::new(KnownLog { size: log_size, level_until: Instant::now() });
        Self { registry: OnceLock::new(), progress, log }
    }

    pub(super) fn is_of(&self, registry: &Arc<dyn Registry>) {
        let _ = self.registry.set(Arc::downgrade(registry)); // a registry is followed once
    }

    pub(super) fn progress(&self) -> Progress {
        self.progress.borrow().clone()
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<Progress> {
        self.progress.subscribe()
    }

    /// The registry answers, and so much of its log is accepted.
    pub(super) fn follows(&self, log_size: u64) {
        self.progress.send_replace(Progress { log_size, state: FeedState::Following });
    }

    /// The registry is followed no more, or not at present.
    pub(super) fn rests(&self, state: FeedState) {
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        if log.is_level(&self.progress.borrow()) {
            log.level_until = Instant::now();
        }
        self.progress.send_modify(|progress| progress.state = state);
    }

    /// The registry's log is at least so long.
    pub(super) fn has(&self, size: u64) {
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        if size > log.size {
            if log.is_level(&self.progress.borrow()) {
                log.level_until = Instant::now();
            }
            log.size = size;
        }
    }

    /// Asks the registry how long its log is now; one that does not answer soon changes nothing.
    pub(super) async fn ask(&self) {
        if let Some(registry) = self.registry.get().and_then(Weak::upgrade)
            && let Ok(Ok(size)) = timeout(ASKED_MAX, registry.log_size_now()).await
        {
            self.has(size);
        }
    }

    /// The progress and the lag of one moment, as far as they are known.
    pub(super) fn now(&self) -> (Progress, Lag) {
        let log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        let progress = self.progress();
        let lag = match log.is_level(&progress) {
            true => Lag::default(),
            false => {
                let changes = log.size.saturating_sub(progress.log_size);
                Lag { changes, time: log.level_until.elapsed() }
            }
        };
        (progress, lag)
    }
}
