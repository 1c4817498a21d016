//! Accepted changes in ledger order, from any position on, and new ones as they are accepted.
//!
//! The stream reads only when polled: a slow reader holds at most one read of the ledger in memory. Between changes it says how far it has come, at once
//! when it begins and again after each quiet interval, so that a reader always has a position to resume from, however rare what it watches for is.

#![allow(
    clippy::disallowed_methods,
    reason = "heartbeats tell a connection that lives from a dead one: they are of the machine's time"
)]

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use futures::Stream;
use futures::stream::unfold;
use tokio::time::{Instant, timeout_at};

use crate::base::{Error, Reason, RecordId, Result, Timestamp, limits, watch};
use crate::store::Space;
use crate::trust::entry::split_entry;
use crate::trust::{EntryType, LogProof, Object, Operation, Statement, canonical};

use super::change_filter::ChangeFilter;
use super::follow::Province;
use super::row::{RecordRow, corrupt, record_key};

/// Ledger entries in one read.
const ENTRIES_READ: usize = 256;

/// How a watch treats its reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// After so long without a message comes one that only says how far the watch has come.
    pub heartbeat: Duration,
    /// A watch that had come to the ledger's end ends when more entries than this wait for its reader.
    pub behind_max: u64,
}

impl Default for Pace {
    fn default() -> Self {
        Self { heartbeat: Duration::from_secs(15), behind_max: limits::WATCH_BEHIND_MAX }
    }
}

/// A message of a watch.
#[derive(Debug, Clone)]
pub enum Watched {
    /// A change that passes the filter.
    Change(Box<ProvedStatement>),
    /// How far the watch has come.
    Progress(WatchProgress),
}

/// How far a watch has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WatchProgress {
    /// Every change before this ledger index that passes the filter was sent; a later watch resumes here.
    pub ledger_index: u64,
    /// The number of entries in the record ledger.
    pub ledger_size: u64,
}

/// One accepted change.
#[derive(Debug, Clone)]
pub struct ProvedStatement {
    /// Its index in the record ledger; a later watch resumes after it.
    pub ledger_index: u64,
    /// The statement that was accepted.
    pub statement: Statement,
    /// The proof of its inclusion in the record ledger.
    pub proof: LogProof,
}

struct Reader {
    province: Arc<Province>,
    filter: ChangeFilter,
    pace: Pace,
    next: u64,
    read: VecDeque<(u64, Statement)>,
    sizes: watch::Receiver<u64>,
    /// When the last message was handed out; `None` before the first one.
    told: Option<Instant>,
    /// Whether it has been at the ledger's end.
    has_caught_up: bool,
}

impl Province {
    /// The accepted changes from ledger index `from` on that pass `filter`; `None` begins at the ledger's end. The first message says where the watch
    /// begins. Fails with [`CursorGone`](Reason::CursorGone) if the ledger is shorter. The stream ends after its first error:
    /// [`WatchBehind`](Reason::WatchBehind) when its reader is too slow for what is accepted, [`ShuttingDown`](Reason::ShuttingDown) when the ledger closes.
    pub fn watch(
        self: &Arc<Self>,
        from: Option<u64>,
        filter: ChangeFilter,
        pace: Pace,
    ) -> Result<impl Stream<Item = Result<Watched>> + Send + use<>> {
        let size = self.ledger_size();
        let next = from.unwrap_or(size);
        if next > size {
            return Err(Error::new(Reason::CursorGone, "the resume token is past the ledger's end")
                .with_subject("resume_token", next.to_string()));
        }
        let sizes = self.ledger.watch();
        let (province, read) = (self.clone(), VecDeque::new());
        let reader = Reader { province, filter, pace, next, read, sizes, told: None, has_caught_up: false };
        Ok(unfold(Some(reader), async |reader| {
            let mut reader = reader?;
            match reader.next().await {
                Ok(message) => Some((Ok(message), Some(reader))),
                Err(error) => Some((Err(error), None)),
            }
        }))
    }
}

/// The latest accepted version of a record, for followers of documents.
#[derive(Debug, Clone)]
pub struct Latest {
    /// Its version.
    pub version: u64,
    /// The operation of the last change.
    pub operation: Operation,
    /// Until when it is valid, not included.
    pub valid_until: Timestamp,
    /// The payload.
    pub payload: Object,
}

impl Province {
    /// The accepted statements among about `limit` entries from ledger index `from` on, and the index from which to continue. At
    /// the ledger's end: nothing, and `from`.
    pub async fn accepted(&self, from: u64, limit: usize) -> Result<(Vec<(u64, Statement)>, u64)> {
        if from >= self.ledger_size() {
            return Ok((Vec::new(), from));
        }
        let entries = self.ledger.entries(from, limit).await?;
        let mut accepted = Vec::with_capacity(entries.len());
        for (index, entry) in (from..).zip(&entries) {
            if let Some((EntryType::Statement, body)) = split_entry(entry) {
                let statement = Statement::decode(body)
                    .map_err(|error| corrupt("a statement of the ledger cannot be read").with_source(error))?;
                accepted.push((index, statement));
            }
        }
        Ok((accepted, from + entries.len() as u64))
    }

    /// The latest accepted version of a record; `None` when none was accepted.
    pub async fn latest(&self, record_type: &str, id: RecordId) -> Result<Option<Latest>> {
        let Some(record_type) = self.catalogue.record_type(record_type) else { return Ok(None) };
        let found = self.store.get(Space::ProvinceRecord, &record_key(record_type, id)).await?;
        let Some(row) = found.as_ref().map(RecordRow::read).transpose()? else { return Ok(None) };
        let payload =
            canonical::parse(&row.payload).map_err(|error| corrupt("a payload cannot be read").with_source(error))?;
        Ok(Some(Latest { version: row.version, operation: row.operation, valid_until: row.valid_until, payload }))
    }

    /// Waits until the record ledger has more than `size` entries. Fails with [`ShuttingDown`](Reason::ShuttingDown) when it
    /// closes.
    pub async fn wait_beyond(&self, size: u64) -> Result<()> {
        self.ledger.watch().wait_for(|now| *now > size).await.map(|_| ()).map_err(closed)
    }
}

impl Reader {
    /// The next message.
    async fn next(&mut self) -> Result<Watched> {
        let message = match self.told {
            None => self.progress(),
            Some(told) => self.change_by(told + self.pace.heartbeat).await?.unwrap_or_else(|| self.progress()),
        };
        self.told = Some(Instant::now());
        Ok(message)
    }

    fn progress(&self) -> Watched {
        // The ledger is read as soon as it is longer, and tells so a moment later.
        let ledger_size = self.sizes.borrow().max(self.next);
        Watched::Progress(WatchProgress { ledger_index: self.next, ledger_size })
    }

    /// The next change, or `None` if none arrives before `due`. Entries already examined by then are not read again.
    async fn change_by(&mut self, due: Instant) -> Result<Option<Watched>> {
        loop {
            if let Some((ledger_index, statement)) = self.read.pop_front() {
                let proof = self.province.ledger.prove_stored(ledger_index).await?;
                return Ok(Some(Watched::Change(Box::new(ProvedStatement { ledger_index, statement, proof }))));
            }
            let next = self.next;
            self.has_caught_up |= *self.sizes.borrow() <= next;
            let size = match timeout_at(due, self.sizes.wait_for(|size| *size > next)).await {
                Ok(size) => size.map_err(closed)?,
                Err(_) => return Ok(None),
            };
            if self.has_caught_up && size - next > self.pace.behind_max {
                return Err(behind(size - next));
            }
            let (accepted, next) = self.province.accepted(next, ENTRIES_READ).await?;
            self.read = self.filter.select(&self.province, accepted).await?.into();
            self.next = next;
            // Reads of the store do not wait: without this, neither the stream's end nor another task would get a turn on the way.
            tokio::task::yield_now().await;
            if self.read.is_empty() && Instant::now() >= due {
                return Ok(None);
            }
        }
    }
}

fn closed(_: watch::Closed) -> Error {
    Error::new(Reason::ShuttingDown, "the record ledger is closed")
}

fn behind(entries: u64) -> Error {
    let message = format!(
        "{entries} entries of the record ledger wait for the reader of this watch: resume it by its last token"
    );
    Error::new(Reason::WatchBehind, message).with_subject("quota", "watch_behind")
}
