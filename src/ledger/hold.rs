//! Holding a log still: no append gets a place while somebody prepares what has to come next, or changes the log's key.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::Ledger;
use super::log::{Appended, Entry};
use super::order::{Holding, Order, Release};
use crate::base::{Error, Reason, Result};
use crate::trust::Signer;

/// A log that stands still; appends queue behind it. It goes on when this is released or dropped.
pub struct Hold {
    size: u64,
    release: oneshot::Sender<Release>,
}

impl Ledger {
    /// Holds the log once everything that queued before has its place.
    pub async fn hold(&self) -> Result<Hold> {
        let (held, is_held) = oneshot::channel();
        let (release, released) = oneshot::channel();
        let holding = Holding { held, released };
        self.queue.send(Order::Hold(holding)).await.map_err(|_| closed())?;
        Ok(Hold { size: is_held.await.map_err(|_| closed())?, release })
    }
}

impl Hold {
    /// The log's size while it stands still.
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
    Error::new(Reason::ShuttingDown, "the ledger is closed")
}
