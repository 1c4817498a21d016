//! The stream of changes of a registry on another host, behind `changes` and `wait_beyond` of the port.
//!
//! The province follows a registry batch by batch; a call for each would cost it a round trip a batch. So the stream stays open between them, and goes on where
//! the last batch ended. Whoever else reads changes meanwhile gets a stream of its own for each batch.

#![allow(clippy::disallowed_methods, reason = "deadlines are transport")]

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt as _;
use tokio::sync::Mutex;
use tonic::Streaming;

use super::connection::{Connection, Waiting};
use super::message::{fits, malformed};
use super::refusal;
use crate::base::limits::{BATCH_RECORDS_MAX, DEADLINE_MS_DEFAULT, MESSAGE_BYTES_MAX};
use crate::base::{Error, Reason, Result, watch};
use crate::registry::port::ChangeBatch;
use crate::trust::SignedRecord;
use crate::wire::proto::registry::v1;
use crate::wire::proto::registry::v1::registry_service_client::RegistryServiceClient;
use crate::wire::record;

/// How long a stream may take to begin.
const BEGINS_WITHIN: Duration = Duration::from_millis(DEADLINE_MS_DEFAULT);
/// How long one batch may take that is there already.
const BATCH_WITHIN: Duration = Duration::from_secs(30);
/// The longest message of a host: one of ours keeps to [`MESSAGE_BYTES_MAX`].
pub(super) const ANSWER_BYTES_MAX: usize = MESSAGE_BYTES_MAX;
/// Most changes between two checkpoints. The province takes no batch of more than [`BATCH_RECORDS_MAX`].
const RECORDS_MAX: usize = BATCH_RECORDS_MAX;

/// About how many changes the host joins in a message at most: as many as it would by itself.
const JOINED: u32 = 512;
/// The open stream of a registry, if there is one, and how long its log is as far as that stream has told.
pub(super) struct Feed {
    open: Mutex<Option<Open>>,
    known: watch::Sender<u64>,
    /// What the last reader had the host join, for the stream that waits on its behalf.
    join: AtomicU32,
}

struct Open {
    /// Where the next batch begins.
    position: u64,
    /// About how many changes the host joins in a message.
    join: u32,
    /// Whether the stream goes on as new batches are signed.
    follows: bool,
    messages: Streaming<v1::StreamChangesResponse>,
    /// What has arrived of the next batch.
    records: Vec<SignedRecord>,
    /// The next batch, if it was awaited already.
    ready: Option<ChangeBatch>,
}

impl Default for Feed {
    fn default() -> Self {
        Self { open: Mutex::default(), known: watch::Sender::new(0), join: AtomicU32::new(JOINED) }
    }
}

impl Feed {
    /// The next batch from `cursor`; `None` at the end of the log, as far as the host has told.
    pub(super) async fn changes(
        &self,
        host: &Connection,
        registry: &str,
        cursor: u64,
        limit: usize,
    ) -> Result<Option<ChangeBatch>> {
        let join = u32::try_from(limit).map_or(JOINED, |limit| limit.clamp(1, JOINED));
        let Ok(mut kept) = self.open.try_lock() else {
            return Open::begin(host, registry, cursor, join, false).await?.next_in_time(registry).await;
        };
        self.join.store(join, Ordering::Relaxed);
        let mut open = match kept.take().filter(|open| open.position == cursor && open.join == join) {
            Some(open) => open,
            None => Open::begin(host, registry, cursor, join, false).await?,
        };
        let batch = match open.ready.take() {
            Some(batch) => Some(batch),
            // A stream that follows has no end: what has not arrived is waited for by `wait_beyond`.
            None if open.follows => match open.next(registry).now_or_never() {
                Some(batch) => batch?,
                None => {
                    *kept = Some(open);
                    return Ok(None);
                }
            },
            None => open.next_in_time(registry).await?,
        };
        if let Some(batch) = &batch {
            open.position = batch.first_index + batch.records.len() as u64;
            self.note(open.position);
            *kept = Some(open);
        }
        Ok(batch)
    }

    /// Waits until the log is longer than `cursor`. One reader waits at the host; the others learn from it, so that however many follow the
    /// registry here, the host has one stream of them.
    pub(super) async fn wait_beyond(&self, host: &Connection, registry: &str, cursor: u64) -> Result<()> {
        let Ok(mut kept) = self.open.try_lock() else {
            let mut known = self.known.subscribe();
            let ended = |_| refusal::unreachable(registry, "its changes are followed no more");
            return known.wait_for(|known| *known > cursor).await.map(drop).map_err(ended);
        };
        let open = match kept.take().filter(|open| open.position == cursor && open.follows) {
            Some(open) => open,
            None => Open::begin(host, registry, cursor, self.join.load(Ordering::Relaxed), true).await?,
        };
        let open = kept.insert(open);
        if open.ready.is_none() {
            match open.next(registry).await {
                Ok(Some(batch)) => {
                    self.note(batch.first_index + batch.records.len() as u64);
                    open.ready = Some(batch);
                }
                ended => {
                    *kept = None;
                    return Err(ended
                        .err()
                        .unwrap_or_else(|| refusal::unreachable(registry, "the stream of changes ended")));
                }
            }
        }
        Ok(())
    }

    /// How long the log is as far as the stream has told; 0 before it told anything.
    pub(super) fn known(&self) -> u64 {
        *self.known.borrow()
    }

    fn note(&self, size: u64) {
        self.known.send_if_modified(|known| {
            let is_longer = size > *known;
            *known = size.max(*known);
            is_longer
        });
    }
}

impl Open {
    async fn begin(host: &Connection, registry: &str, cursor: u64, join: u32, follows: bool) -> Result<Self> {
        let mut waiting = Some(host.begin().map_err(|failed| failed.error)?);
        let within = match follows {
            // A server may begin its answer with its first change: pings alone tell whether it is there.
            true => {
                waiting.take().into_iter().for_each(Waiting::let_go);
                Duration::MAX
            }
            false => BEGINS_WITHIN,
        };
        let request = v1::StreamChangesRequest {
            registry: registry.to_owned(),
            cursor,
            follow: follows,
            resume_token: String::new(),
            join_changes: join,
        };
        let mut client = RegistryServiceClient::new(host.channel()).max_decoding_message_size(ANSWER_BYTES_MAX);
        let begun = tokio::time::timeout(within, client.stream_changes(host.stream_request(request))).await;
        let Ok(begun) = begun else {
            waiting.into_iter().for_each(Waiting::failed);
            return Err(refusal::unreachable(registry, "the stream of changes does not begin"));
        };
        match begun {
            Ok(answer) => {
                waiting.into_iter().for_each(Waiting::answered);
                Ok(Self {
                    position: cursor,
                    join,
                    follows,
                    messages: answer.into_inner(),
                    records: Vec::new(),
                    ready: None,
                })
            }
            Err(status) => {
                let told = if refusal::is_passing(&status) { Waiting::failed } else { Waiting::answered };
                waiting.into_iter().for_each(told);
                Err(refusal::of_feed(&status, registry))
            }
        }
    }

    /// The same of a stream that does not wait for new changes: whoever asks waits for it.
    async fn next_in_time(&mut self, registry: &str) -> Result<Option<ChangeBatch>> {
        let late = |_| Err(refusal::unreachable(registry, "a batch of changes does not come to its end"));
        tokio::time::timeout(BATCH_WITHIN, self.next(registry)).await.unwrap_or_else(late)
    }

    /// The next batch, from as many messages as it comes in; `None` at the end of the stream. May be dropped and called again: what has arrived is
    /// kept.
    async fn next(&mut self, registry: &str) -> Result<Option<ChangeBatch>> {
        loop {
            let message = self.messages.message().await.map_err(|status| refusal::of_feed(&status, registry))?;
            let Some(message) = message else {
                let is_whole = self.records.is_empty();
                return if is_whole { Ok(None) } else { Err(malformed(registry, "a batch without its end")) };
            };
            if message.first_index != self.position + self.records.len() as u64 {
                return Err(malformed(registry, "changes that do not begin at the cursor"));
            }
            if message.records.is_empty() {
                // Of changes that are none there is no batch, and an honest host signs none.
                return Err(malformed(registry, "a message without changes"));
            }
            if self.records.len() + message.records.len() > RECORDS_MAX {
                return Err(Error::new(Reason::BatchTooLarge, "the registry signed too many changes at once"));
            }
            for record in message.records {
                let record =
                    record::from_message(record).map_err(|_| malformed(registry, "a change cannot be read"))?;
                fits(registry, &record)?;
                self.records.push(record);
            }
            if !message.checkpoint.is_empty() {
                let (records, checkpoint) = (std::mem::take(&mut self.records), Bytes::from(message.checkpoint));
                return Ok(Some(ChangeBatch { first_index: self.position, records, checkpoint }));
            }
        }
    }
}
