//! What a sequencer's task is told, in order: appends, and pauses.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::log::{Appended, Entry};
use crate::base::Result;
use crate::store::Batch;
use crate::trust::Signer;

/// What the sequencer is told, in order.
pub(super) enum Order {
    Append(Request),
    Pause(Pausing),
}

/// An append that waits for its index.
pub(super) struct Request {
    pub(super) entries: Vec<Entry>,
    pub(super) rows: Box<dyn FnOnce(u64) -> Batch + Send>,
    pub(super) answer: oneshot::Sender<Result<Appended>>,
}

/// A pause: whom to tell, and what releases it.
pub(super) struct Pausing {
    pub(super) paused: oneshot::Sender<u64>,
    pub(super) released: oneshot::Receiver<Release>,
}

/// How the log goes on.
pub(super) struct Release {
    pub(super) entries: Vec<Entry>,
    pub(super) signer: Option<Arc<dyn Signer>>,
    pub(super) answer: oneshot::Sender<Result<Appended>>,
}
