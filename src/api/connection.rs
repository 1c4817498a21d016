//! The connection of a call, as far as calls act on it: one may end it in good order, and one by an accepted credential makes its peer known.
//!
//! A connection on which nobody is known gives way to newer ones when all seats are taken (`server::net`).

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};

use tokio::sync::Notify;

/// A connection. It is in the extensions of each request that came on it; in-memory transports have none.
#[derive(Debug, Clone, Default)]
pub struct CallConnection(Arc<State>);

#[derive(Debug, Default)]
struct State {
    dismissal: Notify,
    is_known: AtomicBool,
    /// To whom that is told, and under which number.
    told: Option<(mpsc::Sender<u64>, u64)>,
}

impl CallConnection {
    /// A connection that tells its number once its peer is known.
    pub fn numbered(number: u64, told: mpsc::Sender<u64>) -> Self {
        Self(Arc::new(State { told: Some((told, number)), ..State::default() }))
    }

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
        if !self.is_known()
            && !self.0.is_known.swap(true, Ordering::Relaxed)
            && let Some((told, number)) = &self.0.told
        {
            // Nobody is left to tell only when the server is gone.
            let _ = told.send(*number);
        }
    }

    /// Whether such a call ever came.
    pub fn is_known(&self) -> bool {
        self.0.is_known.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_tells_once_that_its_peer_is_known() {
        let (told, hears) = mpsc::channel();
        let connection = CallConnection::numbered(7, told);
        connection.note_known();
        connection.note_known();
        assert_eq!(hears.try_iter().collect::<Vec<_>>(), [7]);
    }
}
