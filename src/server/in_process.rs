//! A gateway that is called in its own process: all of it but the sockets. Whoever brings a transport, tests above all, serves this on it.

use tokio::sync::watch;
use tokio::task::JoinSet;
use tower::Layer as _;

use super::services::Served;
use crate::api::admission::Admission;
use crate::api::panic::{CatchPanics, Caught};

/// The gRPC service of a gateway; its streams end, and its health is watched no more, when this is dropped.
pub struct InProcess {
    /// Where calls go. Each carries the [`Peer`](crate::base::Peer) that it comes from among its extensions.
    pub service: Caught<Admission>,
    end: watch::Sender<bool>,
    _watchers: JoinSet<()>,
}

impl InProcess {
    /// `served` until `end` says true.
    pub(super) fn new(served: Served, end: watch::Sender<bool>) -> Self {
        Self { service: CatchPanics.layer(served.admission), end, _watchers: served.watchers }
    }
}

impl Drop for InProcess {
    fn drop(&mut self) {
        self.end.send_replace(true);
    }
}
