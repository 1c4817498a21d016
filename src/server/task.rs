//! Tasks in the background that end with their owner.

use tokio::task::JoinHandle;

/// A task that is aborted when dropped.
pub(super) struct AbortOnDrop(pub(super) JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}
