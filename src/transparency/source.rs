//! The source from which an auditor reads a log: its tlog-tiles prefix.

#![allow(clippy::disallowed_methods, reason = "back-off after a failure")]

use std::time::Duration;

use bytes::Bytes;

use super::client::{HttpClient, Roots};
use super::path::TilePath;

/// Longest answer that is read, in bytes: a bundle of 256 entries of 64 KiB.
const ANSWER_BYTES_MAX: u64 = 17 << 20;
/// Timeout of one request.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Most attempts for one request.
const TRIES: u32 = 4;

/// The reason why a resource could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// The log answered that the resource does not exist.
    #[error("{0} is missing")]
    Missing(String),
    /// The log does not answer, or not correctly.
    #[error("{0}")]
    Unavailable(String),
}

/// A log that can be read from outside.
pub trait Source: Send + Sync {
    /// The newest checkpoint.
    fn checkpoint(&self) -> Result<Bytes, SourceError>;
    /// A tile or a bundle.
    fn read(&self, path: TilePath) -> Result<Bytes, SourceError>;
}

/// A log served over HTTP.
pub struct HttpSource {
    client: HttpClient,
    prefix: String,
}

impl HttpSource {
    /// Reads under a URL prefix, without a trailing slash.
    pub fn new(prefix: impl Into<String>, roots: Option<&Roots>) -> Self {
        Self { client: HttpClient::new(TIMEOUT, roots), prefix: prefix.into() }
    }

    fn get(&self, path: &str) -> Result<Bytes, SourceError> {
        let url = format!("{}/{path}", self.prefix);
        let mut wait = Duration::from_millis(100);
        for _ in 1..TRIES {
            match self.try_get(&url) {
                Err(SourceError::Unavailable(_)) => std::thread::sleep(wait),
                answered => return answered,
            }
            wait *= 4;
        }
        self.try_get(&url)
    }

    fn try_get(&self, url: &str) -> Result<Bytes, SourceError> {
        let failed = |why: String| SourceError::Unavailable(format!("{url}: {why}"));
        let answer = self.client.get(url, "*/*", ANSWER_BYTES_MAX).map_err(failed)?;
        match answer.status {
            200 => Ok(answer.body),
            404 => Err(SourceError::Missing(url.to_owned())),
            other => Err(failed(format!("HTTP status {other}"))),
        }
    }
}

impl Source for HttpSource {
    fn checkpoint(&self) -> Result<Bytes, SourceError> {
        self.get("checkpoint")
    }

    fn read(&self, path: TilePath) -> Result<Bytes, SourceError> {
        self.get(&path.write())
    }
}
