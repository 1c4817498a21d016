//! Pauses a log: no append gets an index while a caller prepares the entries that must come next, or changes the log's key.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::log::{Appended, Entry};
use super::order::{Order, Pausing, Release};
use super::sequencer::Sequencer;
use super::tended::stopped;
use crate::base::Result;
use crate::trust::Signer;

/// A paused log; appends queue until this is released or dropped.
pub struct Pause {
    size: u64,
    release: oneshot::Sender<Release>,
}

impl Sequencer {
    /// Pauses the log after everything queued so far is written.
    pub async fn pause(&self) -> Result<Pause> {
        let (paused, is_paused) = oneshot::channel();
        let (release, released) = oneshot::channel();
        self.queue.send(Order::Pause(Pausing { paused, released })).await.map_err(|_| stopped())?;
        Ok(Pause { size: is_paused.await.map_err(|_| stopped())?, release })
    }
}

impl Pause {
    /// The log's size.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Ends the pause. `entries` are the next batch; `signer`, if given, signs from now on. With no entries, the new key re-signs
    /// the head, since heads signed by the old key are no longer accepted as new; if that cannot be written, it signs from the next
    /// batch on. If `entries` cannot be written, the old key stays.
    pub async fn release(self, entries: Vec<Entry>, signer: Option<Arc<dyn Signer>>) -> Result<Appended> {
        let (answer, answered) = oneshot::channel();
        self.release.send(Release { entries, signer, answer }).map_err(|_| stopped())?;
        answered.await.map_err(|_| stopped())?
    }
}
