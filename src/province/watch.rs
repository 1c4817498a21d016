//! Accepted changes in ledger order, from any position on, and new ones as they are accepted.
//!
//! The stream reads only when polled: a slow reader holds at most one read of the ledger in memory.

use std::collections::VecDeque;
use std::sync::Arc;

use futures::Stream;
use futures::stream::unfold;

use crate::base::{Error, Reason, RecordId, Result, Timestamp, watch};
use crate::store::Space;
use crate::trust::entry::split_entry;
use crate::trust::{EntryType, LogProof, Object, Operation, Statement, canonical};

use super::follow::Province;
use super::row::{RecordRow, corrupt, record_key};

/// Ledger entries in one read.
const ENTRIES_READ: usize = 256;

/// Selects changes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChangeFilter {
    /// Only of this registry; `None`: of every registry.
    pub registry: Option<String>,
    /// Only of these record types; empty: of every type.
    pub record_types: Vec<String>,
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
    next: u64,
    read: VecDeque<(u64, Statement)>,
    sizes: watch::Receiver<u64>,
}

impl Province {
    /// The accepted changes from ledger index `from` on; `None` begins at the ledger's end. Fails with
    /// [`CursorGone`](Reason::CursorGone) if the ledger is shorter. The stream ends after its first error.
    pub fn watch(
        self: &Arc<Self>,
        from: Option<u64>,
        filter: ChangeFilter,
    ) -> Result<impl Stream<Item = Result<ProvedStatement>> + Send + use<>> {
        let size = self.ledger_size();
        let next = from.unwrap_or(size);
        if next > size {
            return Err(Error::new(Reason::CursorGone, "the resume token is past the ledger's end")
                .with_subject("resume_token", next.to_string()));
        }
        let sizes = self.ledger.watch();
        let reader = Reader { province: self.clone(), filter, next, read: VecDeque::new(), sizes };
        Ok(unfold(Some(reader), async |reader| {
            let mut reader = reader?;
            match reader.next().await {
                Ok(accepted) => Some((Ok(accepted), Some(reader))),
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
    /// The next change.
    async fn next(&mut self) -> Result<ProvedStatement> {
        loop {
            if let Some((ledger_index, statement)) = self.read.pop_front() {
                let proof = self.province.ledger.prove_stored(ledger_index).await?;
                return Ok(ProvedStatement { ledger_index, statement, proof });
            }
            let next = self.next;
            self.sizes.wait_for(|size| *size > next).await.map_err(closed)?;
            let (accepted, next) = self.province.accepted(next, ENTRIES_READ).await?;
            self.read.extend(accepted.into_iter().filter(|(_, statement)| self.filter.takes(statement)));
            self.next = next;
        }
    }
}

fn closed(_: watch::Closed) -> Error {
    Error::new(Reason::ShuttingDown, "the record ledger is closed")
}

impl ChangeFilter {
    fn takes(&self, statement: &Statement) -> bool {
        self.registry.as_ref().is_none_or(|registry| *registry == statement.issuer)
            && (self.record_types.is_empty() || self.record_types.contains(&statement.schema))
    }
}
