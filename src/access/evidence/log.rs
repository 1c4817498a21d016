//! The access log over the evidence ledger: append an entry, read a citizen's list with its proofs.

use std::sync::Arc;

use bytes::Bytes;
use futures::future::try_join_all;
use tokio::sync::{mpsc, oneshot};

use crate::base::{Error, Party, Reason, RequestId, Result, Seed, limits};
use crate::ledger::{Head, Sequencer, stopped};
use crate::store::{Scan, Space, Store};
use crate::trust::{Hash, canonical};

use super::Subject;
use super::chain::{link_key, read_link, read_trace, trace_key};
use super::claim::CompletenessClaim;
use super::entry::EvidenceEntry;
use super::writer::{Recorded, Submission, Writer};

/// Capacity of the writer's queue; beyond it, callers wait.
const QUEUE_MAX: usize = 4_096;

/// Entries of a list in one read.
const ENTRIES_READ: usize = 32;

const GAP: &str = "an entry about a subject is missing from its index";

/// Appends evidence and reads it.
pub struct EvidenceLog {
    store: Arc<dyn Store>,
    ledger: Arc<Sequencer>,
    secret: Seed,
    queue: mpsc::Sender<Submission>,
}

/// One entry of a citizen's list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// Its number, from 1.
    pub sequence: u64,
    /// Its index in the ledger.
    pub index: u64,
    /// Its bytes: the ledger's leaf data.
    pub entry: Bytes,
    /// Its inclusion path under the claim's checkpoint.
    pub path: Vec<Hash>,
}

/// A page of a citizen's list, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessPage {
    /// The entries.
    pub accesses: Vec<Access>,
    /// Whether older ones follow.
    pub more: bool,
    /// The claim that the list is complete.
    pub claim: CompletenessClaim,
}

impl EvidenceLog {
    /// The access log on `ledger`, to which nothing else appends. `secret` keys the pseudonyms. Spawns the writer on the present
    /// runtime; it ends with the log.
    pub fn new(store: Arc<dyn Store>, ledger: Arc<Sequencer>, secret: &Seed) -> Arc<Self> {
        let (queue, submissions) = mpsc::channel(QUEUE_MAX);
        tokio::spawn(Writer::new(store.clone(), ledger.clone()).serve(submissions));
        Arc::new(Self { store, ledger, secret: *secret, queue })
    }

    /// The pseudonym of a citizen or an organisation.
    pub fn subject(&self, of: impl Into<Party>) -> Subject {
        match of.into() {
            Party::Person(person) => self.secret.keyed_hash(&[b"subject", person.as_str().as_bytes()]),
            Party::Organisation(code) => self.secret.keyed_hash(&[b"organisation", code.to_string().as_bytes()]),
        }
    }

    /// The keyed hash of an agency's own reference: the agency can be asked to show it, nobody can guess it.
    pub fn reference(&self, agency: &str, reference: &str) -> Hash {
        self.secret.keyed_hash(&[b"reference", agency.as_bytes(), reference.as_bytes()])
    }

    /// Appends an entry and the decision log of its call; durable when `Ok`. Dropping the future does not undo it.
    pub async fn record(&self, entry: EvidenceEntry, trace: Bytes) -> Result<Recorded> {
        // While somebody holds the log, only a defect ends its writer.
        let (answer, answered) = oneshot::channel();
        self.queue.send(Submission { entry, trace, answer }).await.map_err(|_| stopped())?;
        answered.await.map_err(|_| stopped())?
    }

    /// The entries about a citizen or an organisation below the sequence `before` (`None`: from the newest), newest first.
    pub async fn accesses(&self, of: impl Into<Party>, before: Option<u64>, limit: usize) -> Result<AccessPage> {
        let subject = self.subject(of);
        // The head is read first: rows are written with their entries, so all rows below it exist.
        let head = self.ledger.head();
        let newest = self.links(&subject, u64::MAX, &head, 1).await?;
        let (count, last_index) = newest.first().copied().unwrap_or_default();
        let before = before.unwrap_or(u64::MAX).min(count + 1);
        let mut links = self.links(&subject, before, &head, limit + 1).await?;
        let more = links.len() > limit;
        links.truncate(limit);
        let (mut proved, mut bytes, wanted) = (Vec::with_capacity(limit.min(64)), 0, links.len());
        for some in links.chunks(ENTRIES_READ) {
            let entries = try_join_all(some.iter().map(|(_, index)| self.ledger.entry(*index))).await?;
            for (&(sequence, index), entry) in some.iter().zip(entries) {
                if bytes > limits::PAGE_PAYLOAD_BYTES_MAX {
                    break;
                }
                bytes += entry.len();
                let path = self.ledger.prove_at(index, head.size).await?.path;
                proved.push(Access { sequence, index, entry, path });
            }
        }
        let more = more || proved.len() < wanted;
        let origin = self.ledger.origin();
        let claim = CompletenessClaim::sign(&*self.ledger.signer(), origin, &head, subject, count, last_index)?;
        Ok(AccessPage { accesses: proved, more, claim })
    }

    /// Sequence and ledger index of the newest links with a sequence below `before`, as far as `head` covers them.
    async fn links(&self, subject: &Subject, before: u64, head: &Head, limit: usize) -> Result<Vec<(u64, u64)>> {
        let mut links = Vec::new();
        let mut before = before;
        while links.len() < limit {
            let scan = Scan::prefix(Space::EvidenceSubject, subject).reverse().after(link_key(subject, before));
            let wanted = limit - links.len();
            let rows = self.store.scan(scan.limit(wanted)).await?;
            let found = rows.len();
            for (key, row) in rows {
                let (sequence, index, _) = read_link(&key, &row)?;
                // Sequences have no gaps: a claim of completeness never skips one.
                if before != u64::MAX && sequence + 1 != before {
                    return Err(self.store.damaged(Space::EvidenceSubject, GAP));
                }
                before = sequence;
                if index < head.size {
                    links.push((sequence, index));
                }
            }
            if found < wanted {
                if before != u64::MAX && before > 1 {
                    return Err(self.store.damaged(Space::EvidenceSubject, GAP));
                }
                break;
            }
        }
        Ok(links)
    }

    /// Ledger index and decision log of an earlier call.
    pub async fn trace(&self, request: RequestId) -> Result<Option<(u64, Bytes)>> {
        let row = self.store.get(Space::EvidenceTrace, &trace_key(request)).await?;
        row.map(read_trace).transpose()
    }

    /// The version of the rights that an entry names.
    pub async fn rights_of(&self, index: u64) -> Result<Option<String>> {
        let entry = self.ledger.entry(index).await?;
        let corrupt = |_| Error::new(Reason::LedgerCorrupt, "an entry of the evidence ledger cannot be read");
        Ok(canonical::parse(&entry).map_err(corrupt)?.text("rights").map(str::to_owned))
    }

    /// The first checkpoint that covers an entry.
    pub async fn checkpoint_of(&self, index: u64) -> Result<Bytes> {
        let covering = self.ledger.checkpoint_at_or_after(index + 1).await?;
        Ok(covering.ok_or_else(|| Error::bug("an entry without checkpoint"))?.1)
    }
}
