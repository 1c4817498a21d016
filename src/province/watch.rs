//! Accepted changes in ledger order, from any place on, and on as they come.
//!
//! The stream reads only when its reader asks: what waits in memory for a slow reader is one read of the ledger at most.

use std::collections::VecDeque;
use std::sync::Arc;

use futures::Stream;
use futures::stream::unfold;

use crate::base::{Error, Reason, Result};
use crate::trust::entry::split_entry;
use crate::trust::{EntryType, LogProof, Statement};

use super::follow::Province;
use super::row::corrupt;

/// Ledger entries read at once.
const ENTRIES_READ: usize = 256;

/// Which changes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChangeFilter {
    /// Of this registry; `None`: of all.
    pub registry: Option<String>,
    /// Of these record types; empty: of all.
    pub record_types: Vec<String>,
}

/// One accepted change.
#[derive(Debug, Clone)]
pub struct Accepted {
    /// Its index in the record ledger; reading on begins behind it.
    pub ledger_index: u64,
    /// What the registry said.
    pub statement: Statement,
    /// That it stands there.
    pub proof: LogProof,
}

struct Reader {
    province: Arc<Province>,
    filter: ChangeFilter,
    next: u64,
    read: VecDeque<(u64, Statement)>,
    sizes: tokio::sync::watch::Receiver<u64>,
}

impl Province {
    /// The accepted changes from ledger index `from` on; `None` begins at the ledger's end. Fails with
    /// [`CursorGone`](Reason::CursorGone) when the ledger is shorter. The stream ends after its first error.
    pub fn watch(
        self: &Arc<Self>,
        from: Option<u64>,
        filter: ChangeFilter,
    ) -> Result<impl Stream<Item = Result<Accepted>> + Send + use<>> {
        let size = self.ledger_size();
        let next = from.unwrap_or(size);
        if next > size {
            return Err(Error::new(Reason::CursorGone, "the resume token lies behind the ledger's end"));
        }
        let sizes = self.ledger.watch();
        let reader = Reader { province: self.clone(), filter, next, read: VecDeque::new(), sizes };
        Ok(unfold(Some(reader), async |reader| {
            let mut reader = reader?;
            match reader.next().await {
                Ok(Some(accepted)) => Some((Ok(accepted), Some(reader))),
                Ok(None) => None,
                Err(error) => Some((Err(error), None)),
            }
        }))
    }
}

impl Reader {
    /// The next change; `None` when the ledger closes.
    async fn next(&mut self) -> Result<Option<Accepted>> {
        loop {
            if let Some((ledger_index, statement)) = self.read.pop_front() {
                let proof = self.province.ledger.prove(ledger_index).await?;
                return Ok(Some(Accepted { ledger_index, statement, proof }));
            }
            let next = self.next;
            if self.sizes.wait_for(|size| *size > next).await.is_err() {
                return Ok(None);
            }
            let entries = self.province.ledger.entries(next, ENTRIES_READ).await?;
            for (index, entry) in (next..).zip(&entries) {
                if let Some((EntryType::Statement, body)) = split_entry(entry) {
                    let statement = Statement::decode(body)
                        .map_err(|error| corrupt("a statement of the ledger cannot be read").with_source(error))?;
                    if self.filter.takes(&statement) {
                        self.read.push_back((index, statement));
                    }
                }
            }
            self.next += entries.len() as u64;
        }
    }
}

impl ChangeFilter {
    fn takes(&self, statement: &Statement) -> bool {
        self.registry.as_ref().is_none_or(|registry| *registry == statement.issuer)
            && (self.record_types.is_empty() || self.record_types.contains(&statement.schema))
    }
}
