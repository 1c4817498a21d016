//! The writer: the one task that numbers entries, chains those of one subject, and appends what queued as one batch.
//!
//! The next batch is only built when the outcome of the last one is known, so a failed append leaves no gap: what this
//! task remembers of the chains it touched is forgotten, and read again from the store.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use quick_cache::unsync::Cache;
use tokio::sync::{mpsc, oneshot};

use crate::base::{Reason, RequestId, Result};
use crate::ledger::{Entry, Sequencer};
use crate::store::{Batch, Space, Store};
use crate::trust::Hash;
use crate::trust::merkle::hash_leaf;

use super::Subject;
use super::chain::{Link, last_links, link_key, link_row, trace_key, trace_row};
use super::entry::{EvidenceEntry, EvidencePosition};

/// Most entries of one batch; the ledger's limit is larger.
const BATCH_MAX: usize = 1_024;
/// Turns of the scheduler that a growing group yields to other tasks; more gained nothing.
const TURNS: usize = 2;
/// Subjects whose last links are cached.
const CHAINS_MAX: usize = 100_000;

/// The position of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// Its index in the ledger.
    pub index: u64,
    /// Its sequence among those about its subject; 0 without one.
    pub sequence: u64,
    /// The first checkpoint that covers it: a signed note.
    pub checkpoint: Bytes,
}

/// An entry that waits for its position.
pub(super) struct Submission {
    pub(super) entry: EvidenceEntry,
    pub(super) trace: Bytes,
    pub(super) answer: oneshot::Sender<Result<Recorded>>,
}

/// The index rows of one entry, once it has its ledger index.
struct IndexRow {
    link: Option<(Subject, u64, Hash)>,
    request: RequestId,
    trace: Bytes,
}

pub(super) struct Writer {
    store: Arc<dyn Store>,
    ledger: Arc<Sequencer>,
    chains: Cache<Subject, Link>,
}

impl Writer {
    pub(super) fn new(store: Arc<dyn Store>, ledger: Arc<Sequencer>) -> Self {
        Self { store, ledger, chains: Cache::new(CHAINS_MAX) }
    }

    /// Serves submissions until the log is dropped.
    pub(super) async fn serve(mut self, mut queue: mpsc::Receiver<Submission>) {
        let _stops = self.ledger.log().tended_by("evidence_writer");
        let mut group = Vec::new();
        while queue.recv_many(&mut group, BATCH_MAX).await > 0 {
            let_join(&mut group, &mut queue).await;
            let mut outcome = self.append(&mut group).await;
            if outcome.as_ref().is_err_and(|error| error.reason == Reason::StorageConflict) {
                // Another process appended in between: the chains are read again.
                outcome = self.append(&mut group).await;
            }
            answer(group.drain(..), outcome);
        }
    }

    /// Appends the group; returns the first ledger index, the checkpoint, and each entry's sequence.
    async fn append(&mut self, group: &mut [Submission]) -> Result<(u64, Bytes, Vec<u64>)> {
        let mut links = self.links(group).await?;
        let mut entries = Vec::with_capacity(group.len());
        let mut rows = Vec::with_capacity(group.len());
        let mut sequences = Vec::with_capacity(group.len());
        for submission in group.iter() {
            let position = submission.entry.subject.map(|subject| next_position(links.get(&subject)));
            let body = Bytes::from(submission.entry.encode(position));
            let leaf = hash_leaf(&body);
            let link = submission.entry.subject.zip(position).map(|(subject, position)| {
                links.insert(subject, Link { sequence: position.sequence, leaf });
                (subject, position.sequence, leaf)
            });
            sequences.push(position.map_or(0, |position| position.sequence));
            rows.push(IndexRow { link, request: submission.entry.request_id, trace: submission.trace.clone() });
            entries.push(Entry { leaf, body });
        }
        let appended = self.ledger.append(entries, move |first| index_rows(first, rows)).await;
        for (subject, link) in links {
            match &appended {
                Ok(_) => self.chains.insert(subject, link),
                Err(_) => {
                    self.chains.remove(&subject);
                }
            }
        }
        let appended = appended?;
        Ok((appended.first_index, appended.head.note.clone(), sequences))
    }

    /// The last links of the group's subjects, from the cache or the store.
    async fn links(&mut self, group: &[Submission]) -> Result<BTreeMap<Subject, Link>> {
        let mut links = BTreeMap::new();
        let mut unknown: Vec<Subject> = Vec::new();
        for subject in group.iter().filter_map(|submission| submission.entry.subject) {
            match self.chains.get(&subject) {
                Some(link) => {
                    links.insert(subject, *link);
                }
                None => unknown.push(subject),
            }
        }
        unknown.sort_unstable();
        unknown.dedup();
        let found = last_links(&*self.store, &unknown).await?;
        links.extend(unknown.into_iter().zip(found).filter_map(|(subject, link)| Some((subject, link?))));
        Ok(links)
    }
}

/// Yields to calls that are ready to run: on a busy server groups grow by half; on an idle one nothing waits, since a turn of the
/// scheduler takes no time then.
async fn let_join(group: &mut Vec<Submission>, queue: &mut mpsc::Receiver<Submission>) {
    for _ in 0..TURNS {
        tokio::task::yield_now().await;
    }
    while group.len() < BATCH_MAX {
        let Ok(next) = queue.try_recv() else { break };
        group.push(next);
    }
}

fn next_position(last: Option<&Link>) -> EvidencePosition {
    match last {
        Some(link) => EvidencePosition { sequence: link.sequence + 1, previous: Some(link.leaf) },
        None => EvidencePosition { sequence: 1, previous: None },
    }
}

fn index_rows(first: u64, rows: Vec<IndexRow>) -> Batch {
    let mut batch = Batch::new();
    for (index, row) in (first..).zip(rows) {
        if let Some((subject, sequence, leaf)) = row.link {
            batch.push_insert(Space::EvidenceSubject, link_key(&subject, sequence), link_row(index, &leaf));
        }
        batch.push_put(Space::EvidenceTrace, trace_key(row.request), trace_row(index, &row.trace));
    }
    batch
}

fn answer(group: impl Iterator<Item = Submission>, outcome: Result<(u64, Bytes, Vec<u64>)>) {
    // A caller that went away needs no answer.
    match outcome {
        Ok((first, checkpoint, sequences)) => {
            for ((index, sequence), submission) in (first..).zip(sequences).zip(group) {
                let _ = submission.answer.send(Ok(Recorded { index, sequence, checkpoint: checkpoint.clone() }));
            }
        }
        Err(error) => {
            let cause = error.source.as_deref().map_or_else(|| error.to_string(), ToString::to_string);
            tracing::error!(reason = error.reason.as_str(), cause, "evidence was not written");
            for submission in group {
                let _ = submission.answer.send(Err(error.repeated().with_source(cause.clone())));
            }
        }
    }
}
