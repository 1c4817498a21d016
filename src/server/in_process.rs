//! A gateway called within its own process: everything except the sockets. Tests connect it to an in-memory transport.

use tokio::sync::watch;
use tokio::task::JoinSet;

use super::front::Front;
use crate::api::admission::Admission;

/// The gRPC service of a gateway; dropping it ends its streams and health watchers.
pub struct InProcess {
    /// The service to call. Each request carries its [`Peer`](crate::base::Peer) as an extension.
    pub service: Admission,
    end: watch::Sender<bool>,
    _watchers: JoinSet<()>,
}

impl InProcess {
    /// Wraps `front`, which ends when `end` becomes true.
    pub(super) fn new(front: Front, end: watch::Sender<bool>) -> Self {
        Self { service: front.admission, end, _watchers: front.served.watchers }
    }
}

impl Drop for InProcess {
    fn drop(&mut self) {
        self.end.send_replace(true);
    }
}
