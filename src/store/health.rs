//! The health of a store: whether it accepts changes, and which spaces are damaged.
//!
//! The store reports it, and its users watch: a health service, a metrics page, or an operator who ends the process. Damage stays
//! until the next start; a full disk is temporary.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::watch;

use super::Space;
use crate::base::{Error, Reason};

/// When to repeat a change that was refused.
pub(super) const RETRY_AFTER: Duration = Duration::from_secs(5);
/// The message to refused changes while the disk is nearly full.
pub(super) const FULL: &str = "the disk is nearly full: changes wait until space is freed";

/// The error of a change while the disk is nearly full.
pub fn disk_full() -> Error {
    Error::new(Reason::StorageFull, FULL).with_retry_after(RETRY_AFTER)
}

/// Whether a store accepts changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Writes {
    /// It does.
    #[default]
    Taken,
    /// The disk is nearly full: changes are refused with [`StorageFull`](Reason::StorageFull) until space is freed, without a
    /// restart.
    Full {
        /// The free space when this was found, in bytes.
        free_bytes: u64,
    },
    /// The disk has room for hardly any more files: like [`Full`](Self::Full).
    OutOfFiles {
        /// The number of free files when this was found.
        free_files: u64,
    },
    /// A write failed, and the engine accepts no more until a restart: changes are refused with
    /// [`StorageUnavailable`](Reason::StorageUnavailable). Reads continue.
    Stopped,
}

/// The health of a store.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Health {
    /// Whether it takes changes.
    pub writes: Writes,
    /// The spaces with rows that could not be read back since the start, and how often that was found of each; such reads fail with
    /// [`StorageCorrupt`](Reason::StorageCorrupt). Watchers are woken by the first time only.
    pub damaged: BTreeMap<Space, u64>,
}

impl Health {
    /// Whether it accepts changes and nothing is damaged.
    pub fn is_good(&self) -> bool {
        *self == Self::default()
    }
}

/// The health of a store and its watchers; each change is logged once.
#[derive(Debug)]
pub(super) struct HealthBoard(watch::Sender<Health>);

impl Default for HealthBoard {
    fn default() -> Self {
        Self(watch::Sender::new(Health::default()))
    }
}

impl HealthBoard {
    pub(super) fn watch(&self) -> watch::Receiver<Health> {
        self.0.subscribe()
    }

    pub(super) fn writes(&self) -> Writes {
        self.0.borrow().writes
    }

    /// Sets whether changes are accepted. `Stopped` is final.
    pub(super) fn set_writes(&self, writes: Writes) {
        let changed = self.0.send_if_modified(|health| {
            let same = std::mem::discriminant(&health.writes) == std::mem::discriminant(&writes);
            if same || health.writes == Writes::Stopped {
                return false;
            }
            health.writes = writes;
            true
        });
        match writes {
            _ if !changed => {}
            Writes::Taken => tracing::info!("the disk has space again; changes are accepted"),
            Writes::Full { free_bytes } => {
                tracing::error!(free_bytes, "the disk is nearly full; changes are refused until space is freed");
            }
            Writes::OutOfFiles { free_files } => {
                tracing::error!(free_files, "the disk has no free inodes; changes are refused until some are freed");
            }
            Writes::Stopped => tracing::error!("the storage engine accepts no changes until a restart"),
        }
    }

    /// Notes that a space has a row that cannot be read back; returns the error of the read. `what` and `cause` hold no keys and no
    /// values.
    pub(super) fn damage(&self, space: Space, what: &'static str, cause: Option<String>) -> Error {
        let first = self.0.send_if_modified(|health| {
            let times = health.damaged.entry(space).or_default();
            *times += 1;
            *times == 1
        });
        let (name, cause) = (space.name(), cause.unwrap_or_default());
        if first {
            tracing::error!(space = name, what, cause, "stored data is damaged; reads of it fail");
        } else {
            // Callers can repeat such a read as often as they like; the count is in the health.
            tracing::debug!(space = name, what, cause, "stored data is damaged");
        }
        let error = Error::new(Reason::StorageCorrupt, what).with_subject("space", name);
        if cause.is_empty() { error } else { error.with_source(cause) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fullness_passes_and_a_stop_stays() {
        let board = HealthBoard::default();
        let mut watched = board.watch();
        assert!(watched.borrow_and_update().is_good());
        board.set_writes(Writes::Full { free_bytes: 7 });
        assert!(watched.has_changed().expect("the board is there"));
        assert_eq!(watched.borrow_and_update().writes, Writes::Full { free_bytes: 7 });
        board.set_writes(Writes::Full { free_bytes: 6 });
        assert!(!watched.has_changed().expect("the board is there"), "still full is no change");
        board.set_writes(Writes::Taken);
        assert!(watched.borrow_and_update().is_good());
        board.set_writes(Writes::Stopped);
        board.set_writes(Writes::Taken);
        assert_eq!(board.writes(), Writes::Stopped);
    }

    #[test]
    fn damage_is_told_by_space() {
        let board = HealthBoard::default();
        let error = board.damage(Space::Record, "it cannot be read", Some("checksum".into()));
        assert_eq!((error.reason, error.subject.name.as_str()), (Reason::StorageCorrupt, "record"));
        let mut watched = board.watch();
        assert_eq!(watched.borrow_and_update().damaged, BTreeMap::from([(Space::Record, 1)]));
        board.damage(Space::Record, "it cannot be read", None);
        assert!(!watched.has_changed().expect("the board is there"), "once is enough to wake watchers");
        assert_eq!(watched.borrow().damaged, BTreeMap::from([(Space::Record, 2)]), "each time is counted");
    }
}
