//! The orders to a sequencer's task: appends, and pauses.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::log::{Appended, Entry};
use crate::base::Result;
use crate::store::Batch;
use crate::trust::Signer;

/// An order to the sequencer's task.
pub(super) enum Order {
    Append(AppendRequest),
    Pause(Pausing),
}

/// An append that waits for its index.
pub(super) struct AppendRequest {
    pub(super) entries: Vec<Entry>,
    pub(super) rows: Box<dyn FnOnce(u64) -> Batch + Send>,
    pub(super) answer: oneshot::Sender<Result<Appended>>,
}

/// A pause: the channel that reports its begin, and the one that ends it.
pub(super) struct Pausing {
    pub(super) paused: oneshot::Sender<u64>,
    pub(super) released: oneshot::Receiver<Release>,
}

/// The orders at the end of a pause.
pub(super) struct Release {
    pub(super) entries: Vec<Entry>,
    pub(super) signer: Option<Arc<dyn Signer>>,
    pub(super) answer: oneshot::Sender<Result<Appended>>,
}
