//! Pausing a log: no append gets its index while somebody prepares what has to come next, or changes the log's key.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::log::{Appended, Entry};
use super::order::{Order, Pausing, Release};
use super::sequencer::Sequencer;
use crate::base::{Error, Reason, Result};
use crate::trust::Signer;

/// A log that is paused; appends queue behind it. It goes on when this is released or dropped.
pub struct Pause {
    size: u64,
    release: oneshot::Sender<Release>,
}

impl Sequencer {
    /// Pauses the log once everything that queued before is written.
    pub async fn pause(&self) -> Result<Pause> {
        let (paused, is_paused) = oneshot::channel();
        let (release, released) = oneshot::channel();
        self.queue.send(Order::Pause(Pausing { paused, released })).await.map_err(|_| closed())?;
        Ok(Pause { size: is_paused.await.map_err(|_| closed())?, release })
    }
}

impl Pause {
    /// The log's size while it is paused.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Goes on: with these entries as the next batch, and signed by another key from now on if one is given. Of no entries, that
    /// key signs the head again, for the old key's signature is good for nothing new; if that cannot be written, it signs
    /// from the next batch on. When entries cannot be written, the old key stays.
    pub async fn release(self, entries: Vec<Entry>, signer: Option<Arc<dyn Signer>>) -> Result<Appended> {
        let (answer, answered) = oneshot::channel();
        self.release.send(Release { entries, signer, answer }).map_err(|_| closed())?;
        answered.await.map_err(|_| closed())?
    }
}

fn closed() -> Error {
    Error::new(Reason::ShuttingDown, "the log is closed")
}
