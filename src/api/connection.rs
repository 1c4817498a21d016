//! The connection of a call, as far as calls act on it: one may end it in good order, and one by an accepted credential makes its peer known.
//!
//! A connection on which nobody is known gives way to newer ones when all seats are taken (`server::net`).

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};

use tokio::sync::Notify;

use crate::base::limits;

/// A connection. It is in the extensions of each request that came on it; in-memory transports have none.
#[derive(Debug, Clone, Default)]
pub struct CallConnection(Arc<State>);

#[derive(Debug, Default)]
struct State {
    dismissal: Notify,
    is_known: AtomicBool,
    /// To whom that is told, and under which number.
    told: Option<(mpsc::Sender<u64>, u64)>,
    /// Whether a call has the connection's own room.
    is_room_taken: AtomicBool,
}

/// The room for a call of a stranger that each connection has of its own, so that a small call on a connection without others gets through whatever
/// strangers hold on theirs. The limit on connections bounds it, because one call of each has the room at a time. Dropping it frees the room.
#[derive(Debug)]
pub struct OwnRoom {
    of: CallConnection,
    left: usize,
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

    /// The connection's own room, unless another call has it.
    pub fn own_room(&self) -> Option<OwnRoom> {
        let is_free = !self.0.is_room_taken.swap(true, Ordering::Acquire);
        is_free.then(|| OwnRoom { of: self.clone(), left: limits::STRANGER_CONNECTION_BYTES })
    }

    /// Whether such a call ever came.
    pub fn is_known(&self) -> bool {
        self.0.is_known.load(Ordering::Relaxed)
    }
}

impl OwnRoom {
    /// Takes from the room; `false` if that is more than is left.
    pub fn take(&mut self, bytes: usize) -> bool {
        let left = self.left.checked_sub(bytes);
        self.left = left.unwrap_or(self.left);
        left.is_some()
    }
}

impl Drop for OwnRoom {
    fn drop(&mut self) {
        self.of.0.is_room_taken.store(false, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_call_at_a_time_has_the_room_of_a_connection() {
        let connection = CallConnection::default();
        let mut room = connection.own_room().expect("free");
        assert!(room.take(limits::STRANGER_CONNECTION_BYTES - 1) && !room.take(2) && room.take(1));
        assert!(connection.own_room().is_none() && CallConnection::default().own_room().is_some());
        drop(room);
        assert!(connection.own_room().is_some());
    }

    #[test]
    fn a_connection_tells_once_that_its_peer_is_known() {
        let (told, hears) = mpsc::channel();
        let connection = CallConnection::numbered(7, told);
        connection.note_known();
        connection.note_known();
        assert_eq!(hears.try_iter().collect::<Vec<_>>(), [7]);
    }
}
