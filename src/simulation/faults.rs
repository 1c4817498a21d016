//! Faults that follow a persona: a registry that misbehaves whenever one of theirs is read, and for nobody else.
//!
//! [`Faulty`] stands in front of a registry's port, on the production path, so that what a client meets is what it
//! would meet if a registry lied, broke or was slow. The log and its change stream stay honest: the province ingests
//! ordinary records, and only the answers to reads are bad. That is the situation in which a client must find out by
//! itself.

mod tamper;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;

use crate::base::limits::DEADLINE_MS_MAX;
use crate::base::{Error, PersonalId, Reason, Result};
use crate::registry::port::{ChangeBatch, Page, Query, Receipt, Registry, Selector, Submission};
use crate::trust::Disclosure;

pub use tamper::{FaultKeys, KeyInUse};

/// What goes wrong when a persona's records are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// A payload is changed after signing.
    PayloadChanged,
    /// The checkpoint is signed with another registry's key.
    OtherIssuer,
    /// The checkpoint is signed with a key that the trust anchor calls compromised.
    CompromisedKey,
    /// The proof is another record's.
    OtherProof,
    /// The statement is issued tomorrow.
    IssuedInFuture,
    /// A field stands in the payload twice.
    NotCanonical,
    /// The registry does not answer.
    Unavailable,
    /// The registry is at its limit and says when to come again.
    Exhausted,
    /// The registry is slower than any deadline.
    Slow,
    /// The registry has a defect.
    Internal,
    /// The answer breaks off after its first part.
    Reset,
    /// Every second read fails.
    Flapping,
}

/// Where the part of an answer goes on that never comes.
const REST: &[u8] = b"the rest";

/// The first ten digits of all personas with faults.
const PERSONAS: &[u8; 10] = b"0420909901";
const PERSONAS_OF_TRANSPORT: &[u8; 10] = b"0420909902";

impl Fault {
    /// The fault of this persona; `None` for everybody else.
    pub fn of(id: &PersonalId) -> Option<Self> {
        Self::of_digits(id.as_str().as_bytes())
    }

    fn of_digits(id: &[u8]) -> Option<Self> {
        let (head, tail) = id.split_at_checked(10)?;
        if head == PERSONAS {
            return match tail {
                b"01" => Some(Self::PayloadChanged),
                b"02" => Some(Self::OtherIssuer),
                b"03" => Some(Self::CompromisedKey),
                b"04" => Some(Self::OtherProof),
                b"05" => Some(Self::IssuedInFuture),
                b"06" => Some(Self::NotCanonical),
                _ => None,
            };
        }
        match tail {
            _ if head != PERSONAS_OF_TRANSPORT => None,
            b"01" => Some(Self::Unavailable),
            b"02" => Some(Self::Exhausted),
            b"03" => Some(Self::Slow),
            b"04" => Some(Self::Internal),
            b"05" => Some(Self::Reset),
            b"06" => Some(Self::Flapping),
            _ => None,
        }
    }

    /// The fault of whomever a payload names.
    fn of_payload(payload: &[u8]) -> Option<Self> {
        let candidates = memchr::memmem::find_iter(payload, &PERSONAS[..9]);
        candidates.filter_map(|at| payload.get(at..at + 12)).find_map(Self::of_digits)
    }

    /// Whether records are answered, but bad ones.
    fn is_in_records(self) -> bool {
        use Fault::{CompromisedKey, IssuedInFuture, NotCanonical, OtherIssuer, OtherProof, PayloadChanged};
        matches!(self, PayloadChanged | OtherIssuer | CompromisedKey | OtherProof | IssuedInFuture | NotCanonical)
    }
}

/// A registry that misbehaves for some personas.
pub struct Faulty {
    inner: Arc<dyn Registry>,
    keys: FaultKeys,
    reads_while_flapping: AtomicU64,
}

impl std::fmt::Debug for Faulty {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Faulty({})", self.inner.name())
    }
}

impl Faulty {
    /// Stands in front of `inner`.
    pub fn new(inner: Arc<dyn Registry>, keys: FaultKeys) -> Self {
        Self { inner, keys, reads_while_flapping: AtomicU64::new(0) }
    }

    /// Fails as the fault says; `Ok` when the read may go on.
    async fn fail(&self, fault: Fault) -> Result<()> {
        let registry = self.inner.name();
        match fault {
            Fault::Unavailable => Err(self.unavailable("does not answer")),
            Fault::Exhausted => {
                Err(Error::new(Reason::RateLimited, format!("the {registry} registry is at its limit"))
                    .with_subject("registry", registry)
                    .with_retry_after(Duration::from_secs(2)))
            }
            Fault::Slow => {
                tokio::time::sleep(Duration::from_millis(DEADLINE_MS_MAX + 5_000)).await;
                Err(Error::new(Reason::DeadlineExceeded, format!("the {registry} registry was too slow")))
            }
            Fault::Internal => Err(Error::bug("a defect that this persona stands for")),
            Fault::Flapping if self.reads_while_flapping.fetch_add(1, Ordering::Relaxed) % 2 == 1 => {
                Err(self.unavailable("does not answer, this time"))
            }
            _ => Ok(()),
        }
    }

    /// Answers a first part, which says that more follows; then nothing does.
    async fn break_off(&self, query: Query) -> Result<Page> {
        if query.after.is_some() {
            return Err(self.unavailable("broke off in the middle of its answer"));
        }
        let mut page = self.inner.read(Query { limit: 1, ..query }).await?;
        page.next = Some(REST.to_vec());
        Ok(page)
    }

    fn unavailable(&self, why: &str) -> Error {
        let registry = self.inner.name();
        let message = format!("the {registry} registry {why}");
        Error::new(Reason::RegistryUnavailable, message).with_subject("registry", registry)
    }

    /// Makes the answered records bad where their persona's fault says so.
    async fn spoil(&self, page: &mut Page) -> Result<()> {
        for at in 0..page.records.len() {
            let Some(fault) = fault_in(page, at).filter(|fault| fault.is_in_records()) else { continue };
            let donor = if fault == Fault::OtherProof { self.other_proof(page, at).await? } else { None };
            let log_size = self.inner.log_size().await?;
            tamper::spoil(&mut Arc::make_mut(&mut page.records[at]).record, fault, &self.keys, donor, log_size)?;
        }
        Ok(())
    }

    /// The proof of some other record of the same type.
    async fn other_proof(&self, page: &Page, at: usize) -> Result<Option<crate::trust::LogProof>> {
        let own = &page.records[at];
        let query = Query::latest([own.record_type.clone()], Selector::All, 2);
        let others = self.inner.read(query).await?.records;
        Ok(others
            .into_iter()
            .find(|other| other.record_id != own.record_id)
            .and_then(|other| other.record.issuer_proof.clone()))
    }
}

fn fault_in(page: &Page, at: usize) -> Option<Fault> {
    match &page.records[at].record.disclosure {
        Disclosure::Whole { payload, .. } => Fault::of_payload(payload),
        Disclosure::Partial { .. } => None,
    }
}

/// The fault of the one citizen whom a query asks for.
fn fault_asked_for(query: &Query) -> Option<Fault> {
    match &query.selector {
        Selector::Person(id) => Fault::of(id),
        Selector::Key(key) => PersonalId::parse(key).as_ref().and_then(Fault::of),
        _ => None,
    }
}

#[async_trait]
impl Registry for Faulty {
    fn name(&self) -> &str {
        self.inner.name()
    }

    async fn log_size(&self) -> Result<u64> {
        self.inner.log_size().await
    }

    async fn read(&self, query: Query) -> Result<Page> {
        let asked_for = fault_asked_for(&query);
        if let Some(fault) = asked_for {
            self.fail(fault).await?;
        }
        if asked_for == Some(Fault::Reset) {
            return self.break_off(query).await;
        }
        let others_are_named = !matches!(query.selector, Selector::Person(_));
        let mut page = self.inner.read(query).await?;
        if asked_for.is_some() || others_are_named {
            // a page with other citizens' records is theirs too, and does not fail as a whole
            let faults = (0..page.records.len()).map(|at| fault_in(&page, at)).collect::<Vec<_>>();
            if let (None, [Some(first), rest @ ..]) = (asked_for, faults.as_slice())
                && rest.iter().all(|fault| fault.as_ref() == Some(first))
            {
                self.fail(*first).await?;
            }
            self.spoil(&mut page).await?;
        }
        Ok(page)
    }

    async fn submit(&self, submission: Submission) -> Result<Vec<Receipt>> {
        self.inner.submit(submission).await
    }

    async fn changes(&self, cursor: u64, limit: usize) -> Result<Option<ChangeBatch>> {
        self.inner.changes(cursor, limit).await
    }

    async fn wait_beyond(&self, cursor: u64) -> Result<()> {
        self.inner.wait_beyond(cursor).await
    }
}

#[cfg(test)]
mod tests;
