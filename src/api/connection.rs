//! The connection of a call, as far as calls act on it: one may end it in good order, and one by an accepted credential makes its peer known.
//!
//! A connection on which nobody is known gives way to newer ones when all seats are taken (`server::net`).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// A connection. It is in the extensions of each request that came on it; in-memory transports have none.
#[derive(Debug, Clone, Default)]
pub struct CallConnection(Arc<State>);

#[derive(Debug, Default)]
struct State {
    dismissal: Notify,
    is_known: AtomicBool,
}

impl CallConnection {
    /// Asks for the connection to be dismissed: the peer is told to make its next calls on another one (GOAWAY), and calls in progress finish.
    pub fn dismiss(&self) {
        self.0.dismissal.notify_one();
    }

    /// Waits until somebody asks for that.
    pub async fn dismissed(&self) {
        self.0.dismissal.notified().await;
    }

    /// Notes that a call came with a credential that was accepted.
    pub fn note_known(&self) {
        // Most calls come on a connection that is known already: its cache line stays shared.
        if !self.is_known() {
            self.0.is_known.store(true, Ordering::Relaxed);
        }
    }

    /// Whether such a call ever came.
    pub fn is_known(&self) -> bool {
        self.0.is_known.load(Ordering::Relaxed)
    }
}
