//! Ingest: verifies a batch of a registry whole, then appends it to the record ledger with all derived rows, in one commit.
//!
//! Two stages work concurrently: while one batch is being written, the next is fetched and verified. Only the second stage touches
//! the store, so the order of commits is the order of the issuer's log.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures::future::{Either, select};
use std::pin::pin;
use tokio::sync::mpsc;

use crate::base::limits::BATCH_RECORDS_MAX;
use crate::base::{Clock, Error, Kind, Reason, Result, Timestamp, offload};
use crate::ledger::{Entry, Sequencer};
use crate::registry::port::{ChangeBatch, Registry};
use crate::registry::{Catalogue, RecordType, Sector};
use crate::store::{Batch, Space, Store};
use crate::trust::merkle::CompactRange;
use crate::trust::note::{Checkpoint, Note};
use crate::trust::status_list::Status;
use crate::trust::verify::{BatchRecord, VerifiedBatch, Verifier};
use crate::trust::{Disclosure, EntryType, Hash, Statement, canonical, statement_hash};

use super::accepted::{Accepted, Replaced};
use super::feed::Feed;
use super::row::{self, RecordKey, RecordRow, record_key};
use super::status::Changed;
use super::{index, status};

/// Smaller batches are verified on the task itself, larger ones on a thread for blocking work.
const RECORDS_INLINE_MAX: usize = 8;

/// Accepts batches of registries' changes.
pub(super) struct Ingest {
    pub catalogue: Arc<Catalogue>,
    pub store: Arc<dyn Store>,
    pub ledger: Arc<Sequencer>,
    pub verifier: Arc<Verifier>,
    pub clock: Arc<dyn Clock>,
}

/// A verified batch, with everything that does not depend on its ledger position.
pub(super) struct Prepared {
    first: u64,
    pub(super) after: CompactRange,
    pub(super) statements: Vec<Statement>,
    pub(super) hashes: Vec<Hash>,
    pub(super) keys: Vec<RecordKey>,
    pub(super) statuses: Vec<Status>,
    pub(super) entries: Vec<Entry>,
    rows: Vec<BytesMut>,
    /// The keys of each statement's index rows.
    index: Vec<Vec<Vec<u8>>>,
}

impl Ingest {
    /// The cursor of a registry: the tree of its accepted log entries.
    pub(super) async fn cursor(&self, sector: &Sector) -> Result<CompactRange> {
        match self.store.get(Space::Meta, &row::cursor_key(sector.ordinal)).await? {
            Some(found) => row::read_cursor(&found),
            None => Ok(CompactRange::new()),
        }
    }

    /// Follows a registry from its cursor until something fails. The feed follows once the registry answers at all, and again with every new size.
    pub(super) async fn follow(
        self: &Arc<Self>,
        sector: &Arc<Sector>,
        registry: &Arc<dyn Registry>,
        feed: &Feed,
    ) -> Error {
        let before = match self.cursor(sector).await {
            Ok(before) => before,
            Err(error) => return error,
        };
        let (verified, mut waiting) = mpsc::channel(1);
        let take = self.take(sector, registry, feed, before, verified);
        let write = async {
            while let Some(batch) = waiting.recv().await {
                match self.accept(sector, batch).await {
                    Ok(size) => feed.follows(size),
                    Err(error) => return Some(error),
                }
            }
            None // the first stage ended, with its own error
        };
        let (error, shown) = match select(pin!(take), pin!(write)).await {
            // Batches verified before the failure are still written.
            Either::Left((ended, write)) => write.await.map_or(ended, |error| (error, None)),
            Either::Right((Some(error), _)) => (error, None),
            Either::Right((None, take)) => take.await,
        };
        match shown {
            Some(shown) if is_other_history(&error) => self.keep_heads(sector, shown).await.err().unwrap_or(error),
            _ => error,
        }
    }

    /// The first stage: fetches and verifies. Returns the error that ended it, and the checkpoint that was refused.
    async fn take(
        self: &Arc<Self>,
        sector: &Arc<Sector>,
        registry: &Arc<dyn Registry>,
        feed: &Feed,
        mut before: CompactRange,
        verified: mpsc::Sender<Prepared>,
    ) -> (Error, Option<Bytes>) {
        let mut has_answered = false;
        loop {
            let found = match registry.changes(before.size(), BATCH_RECORDS_MAX).await {
                Ok(found) => found,
                Err(error) if error.reason == Reason::CursorGone => {
                    let message = format!("its log is shorter than the {} accepted statements", before.size());
                    return (Error::new(Reason::LogRollback, message).with_source(error), None);
                }
                Err(error) => return (error, None),
            };
            // Known before the feed follows: a feed that was behind is not level before the batch is accepted.
            if let Some(batch) = &found {
                feed.has(batch.first_index.min(before.size()) + batch.records.len() as u64);
            }
            if !has_answered {
                if found.is_none()
                    && let Err(failed) = self.check_head(sector, registry, &before).await
                {
                    return failed;
                }
                has_answered = true;
                feed.follows(before.size());
            }
            let Some(batch) = found else {
                match registry.wait_beyond(before.size()).await {
                    Ok(()) => continue,
                    Err(error) => return (error, None),
                }
            };
            if let Ok(size) = registry.log_size().await {
                feed.has(size);
            }
            let shown = batch.checkpoint.clone();
            match self.verify(sector, before, batch).await {
                Ok(prepared) => {
                    before = prepared.after.clone();
                    if verified.send(prepared).await.is_err() {
                        return (Error::new(Reason::ShuttingDown, "the second stage ended"), None);
                    }
                }
                Err(error) => return (error, Some(shown)),
            }
        }
    }

    /// Whether the head of a registry that has nothing new is that of the accepted tree: with as many other statements it would show no change, and
    /// every proof from it would fail.
    async fn check_head(
        &self,
        sector: &Sector,
        registry: &Arc<dyn Registry>,
        accepted: &CompactRange,
    ) -> Result<(), (Error, Option<Bytes>)> {
        let Some(head) = registry.head().await.map_err(|error| (error, None))? else { return Ok(()) };
        let size = Note::parse(&head).ok().and_then(|note| Checkpoint::parse(note.text).ok()).map(|head| head.size);
        // What came meanwhile is verified as a batch.
        if size.is_some_and(|size| size > accepted.size()) {
            return Ok(());
        }
        let verified = self.verifier.verify_batch(&sector.name, accepted, &head, &[], self.clock.now());
        verified.map(drop).map_err(|error| (error.into(), Some(head)))
    }

    pub(super) async fn verify(
        &self,
        sector: &Arc<Sector>,
        before: CompactRange,
        batch: ChangeBatch,
    ) -> Result<Prepared> {
        let now = self.clock.now();
        let batch = self.without_accepted(sector, &before, batch, now).await?;
        if batch.records.len() <= RECORDS_INLINE_MAX {
            return prepare(&self.verifier, &self.catalogue, sector, before, batch, now);
        }
        let (verifier, catalogue, sector) = (self.verifier.clone(), self.catalogue.clone(), sector.clone());
        offload(move || prepare(&verifier, &catalogue, &sector, before, batch, now)).await?
    }

    /// The second stage: appends a batch with all its rows. Returns the accepted size of the registry's log.
    pub(super) async fn accept(&self, sector: &Sector, batch: Prepared) -> Result<u64> {
        let registry = sector.ordinal;
        let accepted = self.check_versions(&batch).await?;
        let statuses: Vec<_> = accepted.iter().flatten().map(|accepted| accepted.status).collect();
        let changed = Changed::by(&*self.store, &statuses).await?;
        let Prepared { first, after, keys, entries, mut rows, index, .. } = batch;
        let size = after.size();
        let appended = entries.len() as u64;
        let rows = move |first_ledger_index: u64| {
            let mut batch = Batch::new();
            let mut placed: Vec<Bytes> = Vec::with_capacity(rows.len());
            for (at, ((key, row), index)) in keys.into_iter().zip(&mut rows).zip(index).enumerate() {
                row::place(row, first_ledger_index + at as u64);
                let (key, row) = (Bytes::copy_from_slice(&key), row.split().freeze());
                placed.push(row.clone());
                // The row of a repeated statement stays with its first position.
                let Some(Accepted { replaced, .. }) = &accepted[at] else { continue };
                let replaced = replaced.as_ref().map(|replaced| match replaced {
                    Replaced::Stored(row) => row.clone(),
                    Replaced::InBatch(earlier) => placed[*earlier].clone(),
                });
                // Index rows name their record, so those of a first version are new; a later version shares most of them with the
                // versions before.
                match replaced {
                    None => {
                        batch.push_insert(Space::ProvinceRecord, key, row);
                        index.into_iter().for_each(|key| batch.push_insert(Space::ProvinceIndex, key, Bytes::new()));
                    }
                    Some(before) => {
                        batch.push_insert(Space::ProvinceHistory, row::history_key_of(&key, &before), before);
                        batch.push_update(Space::ProvinceRecord, key, row);
                        index.into_iter().for_each(|key| batch.push_put(Space::ProvinceIndex, key, Bytes::new()));
                    }
                }
            }
            changed.write(first_ledger_index + appended, &mut batch);
            let count = size - first;
            batch.push_insert(
                Space::ProvinceBatch,
                row::batch_key(registry, first),
                row::write_batch(first_ledger_index, count),
            );
            batch.put(Space::Meta, row::cursor_key(registry), row::write_cursor(&after))
        };
        self.ledger.append(entries, rows).await?;
        Ok(size)
    }
}

/// Whether a retry can help; otherwise the feed halts.
pub(super) fn is_passing(error: &Error) -> bool {
    // An expired trust anchor can be renewed without a restart.
    error.reason == Reason::TryLater
        || !matches!(error.kind(), Kind::Corrupt | Kind::Exists | Kind::WrongState | Kind::Invalid)
}

/// Whether the registry's log contradicts the accepted one.
fn is_other_history(error: &Error) -> bool {
    matches!(error.reason, Reason::LogRollback | Reason::SplitView)
}

/// Verifies a batch whole, and prepares the rows of its commit.
fn prepare(
    verifier: &Verifier,
    catalogue: &Catalogue,
    sector: &Sector,
    before: CompactRange,
    batch: ChangeBatch,
    now: Timestamp,
) -> Result<Prepared> {
    if batch.records.len() > BATCH_RECORDS_MAX {
        return Err(Error::new(Reason::BatchTooLarge, "the registry signed too many changes at once"));
    }
    let mut records = Vec::with_capacity(batch.records.len());
    for record in &batch.records {
        let Disclosure::Whole { payload, salt } = &record.disclosure else {
            return Err(Error::new(Reason::RecordNotVerified, "a change discloses only a part of its record"));
        };
        records.push(BatchRecord { statement: &record.statement, payload, salt });
    }
    let VerifiedBatch { statements, after } =
        verifier.verify_batch(&sector.name, &before, &batch.checkpoint, &records, now)?;
    let count = records.len();
    let mut prepared = Prepared {
        first: batch.first_index,
        after,
        hashes: Vec::with_capacity(count),
        keys: Vec::with_capacity(count),
        statuses: Vec::with_capacity(count),
        entries: Vec::with_capacity(count + 1),
        rows: Vec::with_capacity(count),
        index: Vec::with_capacity(count),
        statements,
    };
    for (statement, record) in prepared.statements.iter().zip(&records) {
        let record_type = known_type(sector, statement)?;
        let key = record_key(record_type, statement.record_id);
        let hash = statement_hash(record.statement);
        prepared.rows.push(RecordRow::write_unplaced(statement, &hash, record.payload));
        let payload = canonical::parse(record.payload).map_err(Error::bug)?; // verified just before
        prepared.statuses.push(status::status_of(record_type, statement.operation, &payload));
        prepared.index.push(index::keys(catalogue, record_type, &payload, &key));
        prepared.entries.push(entry(EntryType::Statement, record.statement));
        prepared.hashes.push(hash);
        prepared.keys.push(key);
    }
    prepared.entries.push(entry(EntryType::IssuerCheckpoint, &batch.checkpoint));
    Ok(prepared)
}

fn known_type<'a>(sector: &'a Sector, statement: &Statement) -> Result<&'a RecordType> {
    sector.record_type(&statement.schema).map(|of| &**of).ok_or_else(|| {
        Error::new(Reason::NotAuthorised, format!("{} has no record type {}", sector.name, statement.schema))
    })
}

pub(super) fn entry(kind: EntryType, body: &[u8]) -> Entry {
    Entry { leaf: kind.leaf(body), body: kind.entry(body).into() }
}
