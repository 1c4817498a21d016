//! Ends a connection in good order for a call: the peer is told to make its next calls on another one (GOAWAY).

use std::sync::Arc;

use tokio::sync::Notify;

/// A connection, as far as its calls may dismiss it. It is in the extensions of each request; in-memory transports have none.
#[derive(Debug, Clone, Default)]
pub struct Dismissal(Arc<Notify>);

impl Dismissal {
    /// Asks for the connection to be dismissed; calls in progress finish.
    pub fn ask(&self) {
        self.0.notify_one();
    }

    /// Waits until somebody asks.
    pub async fn asked(&self) {
        self.0.notified().await;
    }
}
