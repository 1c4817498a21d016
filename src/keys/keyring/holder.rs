//! The holders of keys that change: a registry of this process as a change of keys sees it, and a log that is paused for its new key.

use std::sync::Arc;

use async_trait::async_trait;

use crate::base::Result;
use crate::ledger::{Appended, Pause};
use crate::trust::{Signer, TrustAnchor};

/// Opens the key that a version of the key registry gives to one log.
pub type OpenKey = Arc<dyn Fn(&TrustAnchor) -> Result<Arc<dyn Signer>> + Send + Sync>;

/// A registry whose key may change. It opens its keys itself: the driver of the change sees none of them.
#[async_trait]
pub trait KeyHolder: Send + Sync + 'static {
    /// The registry's name.
    fn name(&self) -> &str;

    /// The origin of its log.
    fn origin(&self) -> &str;

    /// Pauses its log once everything that queued before is written.
    async fn pause(&self) -> Result<PausedLog>;

    /// Follows a version of the key registry: without a key in use it issues nothing more.
    fn heed(&self, version: &TrustAnchor);
}

/// A log that is paused while its key changes. It continues when this is resumed or dropped.
pub struct PausedLog {
    origin: String,
    pause: Pause,
    keys: OpenKey,
    next: Option<Arc<dyn Signer>>,
}

impl PausedLog {
    /// Of the log with this origin, whose later keys are opened by `keys`.
    pub fn new(origin: &str, pause: Pause, keys: OpenKey) -> Self {
        Self { origin: origin.to_owned(), pause, keys, next: None }
    }

    /// The log's origin.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The log's size while it is paused.
    pub fn size(&self) -> u64 {
        self.pause.size()
    }

    /// Opens the key with which the log continues.
    pub fn change_to(&mut self, version: &TrustAnchor) -> Result<()> {
        self.next = Some((self.keys)(version)?);
        Ok(())
    }

    /// Continues, with the newly opened key if there is one: it signs the head again.
    pub async fn resume(self) -> Result<Appended> {
        self.pause.release(Vec::new(), self.next).await
    }
}
