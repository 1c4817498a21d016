//! Why serving has to end before anybody asks for it: failures that only a new start mends.
//!
//! The process exits for them with a code of its own, so that a supervisor starts it again.

use futures::future::{pending, select_all};
use futures::{FutureExt as _, future::BoxFuture};
use tokio::sync::watch;

use crate::ledger::Log;
use crate::store::{Health, Writes};

/// The reason why serving has to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// A port is no longer served.
    Port,
    /// The storage engine accepts no more changes until it is opened again.
    Store,
    /// A log takes no more entries until it is opened again.
    Log,
}

/// The parts of a process that can fail so.
pub(super) struct Failing {
    store: watch::Receiver<Health>,
    logs: Vec<watch::Receiver<bool>>,
}

impl Failing {
    /// A store, and the logs to which this process appends.
    pub(super) fn of<'a>(store: watch::Receiver<Health>, logs: impl IntoIterator<Item = &'a Log>) -> Self {
        Self { store, logs: logs.into_iter().map(Log::stopped).collect() }
    }

    /// Waits until one of them has failed. Those that are closed without a failure are gone with everything that is served.
    pub(super) async fn failed(&mut self) -> Ended {
        let stopped = |health: &Health| health.writes == Writes::Stopped;
        let store = until(&mut self.store, stopped, Ended::Store);
        let logs = self.logs.iter_mut().map(|log| until(log, |stopped| *stopped, Ended::Log));
        select_all(std::iter::once(store).chain(logs)).await.0
    }
}

/// Waits until a value is as `is_it` says.
fn until<'a, T: Send + Sync>(
    watched: &'a mut watch::Receiver<T>,
    is_it: impl FnMut(&T) -> bool + Send + 'a,
    ended: Ended,
) -> BoxFuture<'a, Ended> {
    async move {
        match watched.wait_for(is_it).await.map(drop) {
            Ok(()) => ended,
            Err(_) => pending().await,
        }
    }
    .boxed()
}
