//! Change notification: a committed batch wakes the watchers of the spaces that it wrote.
//!
//! A notice only says that something changed: notices of many batches may be merged into one, and the watcher reads the store. None
//! is lost: a batch committed after the watch began, or after it last woke, wakes it.

use super::Space;
use crate::base::{Error, Reason, Result, watch};

/// A watch of one space.
#[derive(Debug, Clone)]
pub struct Changes(watch::Receiver<()>);

impl Changes {
    /// Waits for a change since the watch began or last woke; returns at once if there was one. Fails with
    /// [`ShuttingDown`](Reason::ShuttingDown) once the store is closed.
    pub async fn next(&mut self) -> Result<()> {
        self.0.changed().await.map_err(|_| Error::new(Reason::ShuttingDown, "the store is closed"))
    }
}

/// Notifies of changes on behalf of an adapter: one channel for each space.
#[derive(Debug)]
pub struct ChangeBoard(Vec<watch::Sender<()>>);

impl Default for ChangeBoard {
    fn default() -> Self {
        Self(Space::ALL.iter().map(|_| watch::Sender::new(())).collect())
    }
}

impl ChangeBoard {
    /// Begins to watch a space.
    pub fn watch(&self, space: Space) -> Changes {
        Changes(self.0[space.index()].subscribe())
    }

    /// Wakes the watchers of a space.
    pub fn note(&self, space: Space) {
        let watchers = &self.0[space.index()];
        if watchers.receiver_count() > 0 {
            watchers.send_replace(());
        }
    }
}
