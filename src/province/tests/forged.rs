//! A registry whose stream of changes is not what its host would send.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;

use crate::base::Result;
use crate::registry::embedded::EmbeddedRegistry;
use crate::registry::port::{ChangeBatch, Page, Query, Receipt, Registry, Submission};

type Stream = Box<dyn Fn(u64, Option<ChangeBatch>) -> Option<ChangeBatch> + Send + Sync>;

/// A registry in front of a host: given a cursor and what the host has from there, `stream` says what is sent.
pub(super) struct Forged {
    inner: Arc<EmbeddedRegistry>,
    stream: Stream,
}

impl Forged {
    pub(super) fn new(
        inner: Arc<EmbeddedRegistry>,
        stream: impl Fn(u64, Option<ChangeBatch>) -> Option<ChangeBatch> + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self { inner, stream: Box::new(stream) })
    }

    /// Sends these batches, each once, whatever it is asked for.
    pub(super) fn scripted(inner: Arc<EmbeddedRegistry>, batches: Vec<ChangeBatch>) -> Arc<Self> {
        let batches = Mutex::new(batches.into_iter());
        Self::new(inner, move |_, _| batches.lock().expect("whole").next())
    }
}

#[async_trait]
impl Registry for Forged {
    fn name(&self) -> &str {
        self.inner.name()
    }

    async fn log_size(&self) -> Result<u64> {
        self.inner.log_size().await
    }

    async fn read(&self, query: Query) -> Result<Page> {
        self.inner.read(query).await
    }

    async fn submit(&self, submission: Submission) -> Result<Vec<Receipt>> {
        self.inner.submit(submission).await
    }

    async fn changes(&self, cursor: u64, limit: usize) -> Result<Option<ChangeBatch>> {
        // Behind its log's end the host refuses; what is forged may stand there.
        let honest = self.inner.changes(cursor, limit).await.unwrap_or_default();
        Ok((self.stream)(cursor, honest))
    }

    async fn wait_beyond(&self, _: u64) -> Result<()> {
        std::future::pending().await
    }
}
