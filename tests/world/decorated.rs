//! A registry whose answers differ from those of its operator.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use lienthong::base::{Error, Reason, Result, watch};
use lienthong::registry::port::{ChangeBatch, Content, Page, PutOutcome, Query, Receipt, Registry, Submission};

type Reads = Box<dyn Fn(Result<Page>) -> Result<Page> + Send + Sync>;
type Stream = Box<dyn Fn(u64, Option<ChangeBatch>) -> Option<ChangeBatch> + Send + Sync>;

/// The treatment of reads.
enum Reading {
    Honest,
    Changed(Reads),
    Never,
}

/// A registry in front of another.
pub struct Decorated {
    inner: Arc<dyn Registry>,
    reading: Reading,
    stream: Option<Stream>,
    is_up: watch::Receiver<bool>,
}

impl Decorated {
    fn new(inner: Arc<dyn Registry>, reading: Reading, stream: Option<Stream>) -> Self {
        Self { inner, reading, stream, is_up: watch::channel(true).1 }
    }

    /// Its changes can be followed while `is_up`.
    pub fn up_while(inner: Arc<dyn Registry>, is_up: watch::Receiver<bool>) -> Arc<dyn Registry> {
        Arc::new(Self { is_up, ..Self::new(inner, Reading::Honest, None) })
    }

    fn check_up(&self) -> Result<()> {
        match *self.is_up.borrow() {
            true => Ok(()),
            false => Err(Error::new(Reason::RegistryUnavailable, "the registry is down")),
        }
    }

    /// Every answer to a read passes through `read`.
    pub fn reads(
        inner: Arc<dyn Registry>,
        read: impl Fn(Result<Page>) -> Result<Page> + Send + Sync + 'static,
    ) -> Arc<dyn Registry> {
        Arc::new(Self::new(inner, Reading::Changed(Box::new(read)), None))
    }

    /// No read is ever answered.
    pub fn silent(inner: Arc<dyn Registry>) -> Arc<dyn Registry> {
        Arc::new(Self::new(inner, Reading::Never, None))
    }

    /// Given a cursor and the registry's batches from there, `stream` chooses the batches to send.
    pub fn streams(
        inner: Arc<dyn Registry>,
        stream: impl Fn(u64, Option<ChangeBatch>) -> Option<ChangeBatch> + Send + Sync + 'static,
    ) -> Arc<dyn Registry> {
        Arc::new(Self::new(inner, Reading::Honest, Some(Box::new(stream))))
    }

    /// Sends these batches, each once, whatever it is asked for.
    pub fn scripted(inner: Arc<dyn Registry>, batches: Vec<ChangeBatch>) -> Arc<dyn Registry> {
        let batches = Mutex::new(batches.into_iter());
        Self::streams(inner, move |_, _| batches.lock().expect("whole").next())
    }
}

#[async_trait]
impl Registry for Decorated {
    fn name(&self) -> &str {
        self.inner.name()
    }

    async fn log_size(&self) -> Result<u64> {
        self.inner.log_size().await
    }

    async fn read(&self, query: Query) -> Result<Page> {
        match &self.reading {
            Reading::Honest => self.inner.read(query).await,
            Reading::Changed(read) => read(self.inner.read(query).await),
            Reading::Never => std::future::pending().await,
        }
    }

    async fn submit(&self, submission: Submission) -> Result<Vec<Receipt>> {
        self.inner.submit(submission).await
    }

    async fn put(&self, contents: Vec<Content>, is_trial: bool) -> Result<Vec<PutOutcome>> {
        self.inner.put(contents, is_trial).await
    }

    async fn changes(&self, cursor: u64, limit: usize) -> Result<Option<ChangeBatch>> {
        self.check_up()?;
        let Some(stream) = &self.stream else { return self.inner.changes(cursor, limit).await };
        // Past its log's end the registry refuses; forged batches may be there.
        let honest = self.inner.changes(cursor, limit).await.unwrap_or_default();
        Ok(stream(cursor, honest))
    }

    async fn wait_beyond(&self, cursor: u64) -> Result<()> {
        let mut is_up = self.is_up.clone();
        let went_down = async {
            match is_up.wait_for(|is_up| !is_up).await {
                Ok(_) => self.check_up(),
                Err(_) => std::future::pending().await,
            }
        };
        let waited = async {
            match &self.stream {
                Some(_) => std::future::pending().await,
                None => self.inner.wait_beyond(cursor).await,
            }
        };
        tokio::select! {
            biased;
            waited = waited => waited,
            down = went_down => down,
        }
    }
}
