//! Holding a log still: no append gets a place while somebody prepares what has to come next, or changes the log's key.

use std::sync::{Arc, PoisonError};

use tokio::sync::oneshot;

use super::sequencer::{Order, Request, write_alone};
use super::{Appended, Entry, Ledger, Log};
use crate::base::{Error, Reason, Result};
use crate::store::Batch;
use crate::trust::Signer;

/// A log that stands still; appends queue behind it. It goes on when this is released or dropped.
pub struct Hold {
    size: u64,
    release: oneshot::Sender<Release>,
}

/// How the log goes on.
struct Release {
    entries: Vec<Entry>,
    signer: Option<Arc<dyn Signer>>,
    answer: oneshot::Sender<Result<Appended>>,
}

/// The sequencer's side.
pub(super) struct Holding {
    held: oneshot::Sender<u64>,
    released: oneshot::Receiver<Release>,
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

impl Holding {
    /// Waits for the release, and does what it says.
    pub(super) async fn keep(self, log: &Log) {
        if self.held.send(log.state().head.size).is_err() {
            return;
        }
        let Ok(Release { entries, signer, answer }) = self.released.await else { return };
        let before = log.signer();
        if let Some(signer) = signer {
            set(log, signer);
        }
        let keeps_new_key = entries.is_empty();
        let (written, outcome) = oneshot::channel();
        write_alone(log, Request { entries, rows: Box::new(|_| Batch::new()), answer: written }).await;
        let outcome = outcome.await.unwrap_or_else(|_| Err(closed()));
        if outcome.is_err() && !keeps_new_key {
            set(log, before);
        }
        // Whoever released it may be gone; the entries stand.
        let _ = answer.send(outcome);
    }
}

fn set(log: &Log, signer: Arc<dyn Signer>) {
    *log.signer.write().unwrap_or_else(PoisonError::into_inner) = signer;
}

fn closed() -> Error {
    Error::new(Reason::ShuttingDown, "the ledger is closed")
}
