//! A registry in this process: the port over a store and an issuer's log of its own.
//!
//! Submissions are validated and committed to outside the writer, on every core; the writer only gives them their order.
//! Reads do not wait for the writer.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::{mpsc, oneshot};

use crate::base::violation::WARNINGS_MAX;
use crate::base::{CacheUse, Clock, Error, Reason, Result, Seed, Timestamp, Violations, offload, watch};
use crate::ledger::{LogClock, LogId, Sequencer, TileCache, stopped};
use crate::store::Store;
use crate::trust::{PublicKey, Signer, Statement};

use super::Sector;
use super::calendar::{self, Calendar};
use super::page_cache::PageCache;
use super::port::{Change, ChangeBatch, Content, Page, PutOutcome, Query, Receipt, Registry, Submission};
use super::prepare::{Prepared, Secrets, prepare};
use super::recent::Recent;
use super::repetition::{IdempotencyKey, bounded, hash_of_prepared, stored_receipts};
use super::row::submission_key;
use super::signing::{self, CredentialDraft, SignedStatusList, StatusListDraft, own_type};
use super::writer::{Job, Origin, QUEUE_MAX, Writer, issued_versions};

/// Changes in a batch of a load: large enough that signature and sync cost nothing, small enough that followers get a
/// signed batch as one message of ordinary size.
pub const LOAD_BATCH: usize = 2_048;
/// Below this many changes a submission is prepared on the calling thread.
const CHANGES_INLINE_MAX: usize = 8;
/// Room in the answer for warnings of each record that is put, on average.
const WARNINGS_PER_RECORD: usize = 4;
/// How many changes one task prepares.
pub(super) const CHANGES_PER_TASK: usize = 1_024;

/// Limits of a registry's caches in memory.
pub struct Caches {
    /// Tiles of its log, and of others that share them.
    pub tiles: TileCache,
    /// Recent answers, in bytes.
    pub pages_bytes: u64,
}

impl Default for Caches {
    fn default() -> Self {
        Self { tiles: TileCache::default(), pages_bytes: 4 * 1024 * 1024 }
    }
}

/// A registry over a store.
pub struct EmbeddedRegistry {
    pub(super) sector: Arc<Sector>,
    pub(super) store: Arc<dyn Store>,
    pub(super) ledger: Arc<Sequencer>,
    pub(super) secrets: Secrets,
    pages: PageCache,
    pub(super) calendar: Arc<watch::Sender<Calendar>>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) recent: Arc<Recent>,
    jobs: mpsc::Sender<Job>,
}

impl EmbeddedRegistry {
    /// Opens the registry of `sector`, or begins it. Spawns its writer on the present runtime; it ends with the registry.
    ///
    /// `secret` is the registry's own: record ids and salts follow from it. Fails with
    /// [`LedgerCorrupt`](Reason::LedgerCorrupt) when the stored log does not rebuild to its signed root, and with
    /// [`ClockBehind`](Reason::ClockBehind) when the clock reads too far before its head, and with
    /// [`StorageCorrupt`](Reason::StorageCorrupt) when the record of its last statement is missing.
    pub async fn open(
        store: Arc<dyn Store>,
        sector: Arc<Sector>,
        signer: Arc<dyn Signer>,
        secret: &Seed,
        clock: impl Into<LogClock>,
    ) -> Result<Arc<Self>> {
        Self::open_with(store, sector, signer, secret, clock, Caches::default()).await
    }

    /// The same with caches of other sizes.
    pub async fn open_with(
        store: Arc<dyn Store>,
        sector: Arc<Sector>,
        signer: Arc<dyn Signer>,
        secret: &Seed,
        clock: impl Into<LogClock>,
        caches: Caches,
    ) -> Result<Arc<Self>> {
        let (clock, Caches { tiles, pages_bytes }) = (clock.into(), caches);
        let log = LogId(sector.ordinal);
        let ledger =
            Sequencer::open_with(store.clone(), log, &sector.log_origin(), signer, clock.clone(), tiles).await?;
        let clock: Arc<dyn Clock> = Arc::new(clock);
        let calendar = Arc::new(watch::Sender::new(calendar::open(&*store, &sector).await?));
        let recent = Arc::new(Recent::default());
        let told = (calendar.clone(), recent.clone());
        let writer = Writer::open(store.clone(), ledger.clone(), clock.clone(), sector.clone(), told).await?;
        let (jobs, queue) = mpsc::channel(QUEUE_MAX);
        tokio::spawn(writer.serve(queue));
        let secrets = Secrets::new(secret);
        let pages = PageCache::new(pages_bytes);
        let registry = Arc::new(Self { sector, store, ledger, secrets, pages, calendar, clock, recent, jobs });
        registry.check_tail().await?;
        Ok(registry)
    }

    /// The registry's description as data.
    pub fn sector(&self) -> &Arc<Sector> {
        &self.sector
    }

    /// The fill level of its page cache.
    pub fn cache_use(&self) -> CacheUse {
        self.pages.usage()
    }

    /// The registry lost the right to issue: from now on nothing is submitted to it. Records that it issued can still be read.
    pub fn withdraw(&self) {
        self.ledger.close();
    }

    /// Fails with [`IssuerWithdrawn`](Reason::IssuerWithdrawn) once the registry lost the right to issue: no verifier accepts what its key
    /// signs from then on.
    pub(super) fn may_issue(&self) -> Result<()> {
        if !self.ledger.is_closed() {
            return Ok(());
        }
        let message = "the registry lost the right to issue";
        Err(Error::new(Reason::IssuerWithdrawn, message).with_subject("registry", &*self.sector.name))
    }

    /// The issuer's log.
    pub fn ledger(&self) -> &Arc<Sequencer> {
        &self.ledger
    }

    /// Loads changes, issued at `issued_at`: the same validation, signing and commits as [`Registry::submit`], without the
    /// guard against repetition, in batches of [`LOAD_BATCH`]. The batches before a bad one stay. Batches are cut by count
    /// alone: the same changes in the same order give the same log, byte for byte.
    pub async fn load(&self, changes: Vec<Change>, issued_at: Timestamp) -> Result<Vec<Receipt>> {
        let total = changes.len();
        let changes = Arc::new(changes);
        let mut receipts = Vec::with_capacity(total);
        for from in (0..total).step_by(LOAD_BATCH) {
            let to = total.min(from + LOAD_BATCH);
            let prepared = self.prepare(changes.clone(), from, to, issued_at).await?;
            receipts.extend(self.write(prepared, Origin::Loaded(issued_at)).await?);
        }
        Ok(receipts)
    }

    /// Prepares changes on as many cores as there are; fails with every bad field of every change.
    pub(super) async fn prepare(
        &self,
        changes: Arc<Vec<Change>>,
        from: usize,
        to: usize,
        at: Timestamp,
    ) -> Result<Vec<Prepared>> {
        let (sector, secrets, today) = (&self.sector, self.secrets, at.date());
        if to - from <= CHANGES_INLINE_MAX {
            return prepare(sector, &secrets, &changes, from..to, today);
        }
        let tasks: Vec<_> = (from..to)
            .step_by(CHANGES_PER_TASK)
            .map(|start| {
                let (sector, changes) = (sector.clone(), changes.clone());
                let range = start..to.min(start + CHANGES_PER_TASK);
                offload(move || prepare(&sector, &secrets, &changes, range, today))
            })
            .collect();
        let mut prepared = Vec::with_capacity(to - from);
        let mut violations = Violations::default();
        for task in tasks {
            match task.await? {
                Ok(part) => prepared.extend(part),
                Err(error) if error.reason == Reason::InvalidRequest => {
                    violations.append(error.violations.clone());
                }
                Err(error) => return Err(error),
            }
        }
        if violations.is_empty() { Ok(prepared) } else { Err(Error::invalid(violations)) }
    }

    pub(super) async fn write(&self, mut changes: Vec<Prepared>, origin: Origin) -> Result<Vec<Receipt>> {
        // Records that are put are independent: in an import of thousands every warning is counted by its rule.
        let room = match origin {
            Origin::Put => WARNINGS_MAX.max(WARNINGS_PER_RECORD * changes.len()),
            _ => WARNINGS_MAX,
        };
        let warnings = bounded(changes.iter_mut().map(|change| std::mem::take(&mut change.warnings)), room);
        let (answer, answered) = oneshot::channel();
        // While somebody holds the registry, only a defect ends its writer.
        self.jobs.send(Job { changes, origin, answer }).await.map_err(|_| stopped())?;
        let mut receipts = answered.await.map_err(|_| stopped())??;
        for (receipt, warnings) in receipts.iter_mut().zip(warnings) {
            receipt.warnings = warnings;
        }
        Ok(receipts)
    }
}

#[async_trait]
impl Registry for EmbeddedRegistry {
    fn name(&self) -> &str {
        &self.sector.name
    }

    async fn log_size(&self) -> Result<u64> {
        Ok(self.ledger.head().size)
    }

    async fn read(&self, query: Query) -> Result<Page> {
        let log_size = self.ledger.head().size;
        if let Some(page) = self.pages.find(&query, log_size) {
            return Ok(page);
        }
        let page = self.read_page(&query).await?;
        self.pages.keep(query, log_size, &page);
        Ok(page)
    }

    async fn submit(&self, submission: Submission) -> Result<Vec<Receipt>> {
        let Submission { request_id, changes } = submission;
        let violations = Submission::violations(&request_id, changes.len());
        if !violations.is_empty() {
            return Err(Error::invalid(violations));
        }
        let (now, count) = (self.clock.now(), changes.len());
        let key = submission_key(self.sector.ordinal, &request_id);
        let changes = Arc::new(changes);
        let prepared = match self.may_issue() {
            Ok(()) => self.prepare(changes.clone(), 0, count, now).await,
            Err(error) => Err(error),
        };
        match prepared {
            // The writer knows a repetition by its hash.
            Ok(prepared) => {
                let request = IdempotencyKey { key, content: hash_of_prepared(&prepared) };
                self.write(prepared, Origin::Submitted(request)).await
            }
            // An accepted submission is answered again, even on a day on which it would be refused.
            Err(refused) => {
                let stored = stored_receipts(&*self.store, &self.sector, &key, &changes, now.date()).await?;
                stored.ok_or(refused)
            }
        }
    }

    async fn put(&self, contents: Vec<Content>, is_trial: bool) -> Result<Vec<PutOutcome>> {
        self.put_contents(contents, is_trial).await
    }

    async fn changes(&self, cursor: u64, limit: usize) -> Result<Option<ChangeBatch>> {
        self.changes_from(cursor, limit).await
    }

    async fn wait_beyond(&self, cursor: u64) -> Result<()> {
        self.ledger.watch().wait_for(|size| *size > cursor).await.map(|_| ()).map_err(|_| stopped())
    }

    async fn key_in_use(&self) -> Result<PublicKey> {
        let signer = self.ledger.signer();
        PublicKey::new(signer.algorithm(), signer.public_key()).map_err(Error::bug)
    }

    async fn sign_status_list(&self, draft: StatusListDraft) -> Result<SignedStatusList> {
        self.may_issue()?;
        let ordinal = own_type(&self.sector, &draft.record_type)?.ordinal;
        let versions = issued_versions(&*self.store, &self.sector, ordinal).await?;
        let content = signing::status_list(&self.sector, draft, versions, self.clock.now())?;
        let signer = self.ledger.signer();
        let key = signer.public_key().to_vec();
        // A list of millions is compressed and signed on a thread of its own.
        let signed = offload(move || content.sign(&*signer).map(|token| (content, token)));
        let (content, token) = signed.await??;
        Ok(SignedStatusList { content, token, key })
    }

    async fn sign_credential(&self, draft: CredentialDraft) -> Result<String> {
        self.may_issue()?;
        let unreadable = |error| Error::invalid_field("record", "STATEMENT", format!("{error}"));
        let statement = Statement::decode(&draft.record.statement).map_err(unreadable)?;
        let missing = || Error::new(Reason::RecordNotFound, "the registry issued no such record");
        let latest = self.latest(&statement).await?.ok_or_else(missing)?;
        signing::credential(&self.sector, &draft, &latest, &*self.ledger.signer(), self.clock.now())
    }
}

#[cfg(test)]
mod tests;
