//! Loading many changes into many registries at once: the seeded province, a transfer, a load test.
//!
//! The same validation, signing and commits as for submitted changes, without the guard against repetition. Each
//! registry has a task of its own that prepares one batch while the one before is written; what is not written yet is
//! bounded, so memory does not grow with the number of changes. Batches are cut by count alone: the same changes in the
//! same order give the same logs, byte for byte.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::base::{Error, Reason, Result, Timestamp};

use super::host::Host;
use super::port::{Change, Receipt, Registry as _};

/// Changes in a batch: large enough that signature and sync cost nothing, small enough that followers get a signed batch
/// as one message of ordinary size.
pub const LOAD_BATCH: usize = 2_048;
/// Batches of one registry that wait to be prepared, and that wait to be written.
const WAITING_MAX: usize = 2;

/// Spreads changes over their registries.
pub struct Loader {
    issued_at: Timestamp,
    lanes: BTreeMap<&'static str, Lane>,
}

/// One registry's changes under way.
struct Lane {
    filling: Vec<Change>,
    batches: mpsc::Sender<Vec<Change>>,
    task: JoinHandle<Result<u64>>,
}

impl Loader {
    /// A loader into `hosts`; every change is issued at `issued_at`.
    pub fn new(hosts: &[Arc<Host>], issued_at: Timestamp) -> Self {
        let lane = |host: &Arc<Host>| {
            let (batches, waiting) = mpsc::channel(WAITING_MAX);
            let task = tokio::spawn(load(host.clone(), waiting, issued_at));
            (host.sector().name, Lane { filling: Vec::new(), batches, task })
        };
        Self { issued_at, lanes: hosts.iter().map(lane).collect() }
    }

    /// When the changes are issued.
    pub fn issued_at(&self) -> Timestamp {
        self.issued_at
    }

    /// Takes a change for its registry; waits while that one is behind.
    ///
    /// A failure of its registry shows here, or in [`Loader::finish`]: batches are validated after they were taken.
    pub async fn push(&mut self, change: Change) -> Result<()> {
        let registry = change.record_type.split('.').next().unwrap_or_default();
        let Some(lane) = self.lanes.get_mut(registry) else {
            return Err(Error::invalid_field("record_type", "UNKNOWN_VALUE", "no registry here has this record type"));
        };
        lane.filling.push(change);
        if lane.filling.len() < LOAD_BATCH {
            return Ok(());
        }
        let batch = std::mem::take(&mut lane.filling);
        match lane.batches.send(batch).await {
            Ok(()) => Ok(()),
            Err(_) => Err(lane.failure().await),
        }
    }

    /// Waits until everything is durable; says how many changes there were.
    pub async fn finish(self) -> Result<u64> {
        let mut loaded = 0;
        for (_, lane) in self.lanes {
            if !lane.filling.is_empty() {
                // A task that has ended says why, below.
                let _ = lane.batches.send(lane.filling).await;
            }
            drop(lane.batches);
            loaded += lane.task.await.map_err(Error::bug)??;
        }
        Ok(loaded)
    }
}

impl Lane {
    /// Why the task ended.
    async fn failure(&mut self) -> Error {
        match (&mut self.task).await {
            Ok(Err(error)) => error,
            Ok(Ok(_)) => Error::new(Reason::ShuttingDown, "the registry is stopping"),
            Err(error) => Error::bug(error),
        }
    }
}

/// Prepares each batch while the one before is written.
async fn load(host: Arc<Host>, mut batches: mpsc::Receiver<Vec<Change>>, issued_at: Timestamp) -> Result<u64> {
    let mut loaded = 0;
    let mut writing: VecDeque<oneshot::Receiver<Result<Vec<Receipt>>>> = VecDeque::new();
    while let Some(batch) = batches.recv().await {
        let count = batch.len();
        let prepared = host.prepare(Arc::new(batch), 0, count, issued_at).await?;
        if writing.len() >= WAITING_MAX {
            loaded += written(&host, writing.pop_front()).await?;
        }
        writing.push_back(host.enqueue(prepared, None, Some(issued_at)).await?);
    }
    while let Some(answer) = writing.pop_front() {
        loaded += written(&host, Some(answer)).await?;
    }
    Ok(loaded)
}

async fn written(host: &Host, answer: Option<oneshot::Receiver<Result<Vec<Receipt>>>>) -> Result<u64> {
    let Some(answer) = answer else { return Ok(0) };
    let stopped = |_| Error::new(Reason::ShuttingDown, format!("the registry {} is stopping", host.name()));
    Ok(answer.await.map_err(stopped)??.len() as u64)
}
