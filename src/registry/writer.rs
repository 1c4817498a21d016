//! The one writer of a registry: gives prepared changes their versions and appends them to the issuer's log.
//!
//! Natural batching: changes that queued during a commit are the next batch, up to 4,096 of them; the log signs each
//! batch once. Records, history, indices, receipts and the log's own rows are one atomic commit, so that a crash leaves
//! all of a submission or nothing. A submission that conflicts is refused alone; the others of its batch go on.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use tokio::sync::{mpsc, oneshot};

use crate::base::limits::{BATCH_RECORDS_MAX, MESSAGE_BYTES_MAX};
use crate::base::{Clock, Error, Result, Timestamp, watch};
use crate::ledger::{Sequencer, is_stopped};
use crate::store::{Batch, Scan, Space, Store};
use crate::trust::statement::STATEMENT_BYTES_MAX;

use super::Sector;
use super::calendar::Calendar;
use super::due;
use super::index;
use super::lifecycle::{Author, FOUND_MAX};
use super::plan::{Counters, Plan, bases, claims};
use super::port::Receipt;
use super::prepare::Prepared;
use super::recent::Recent;
use super::repetition::{IdempotencyKey, reused};
use super::row::{Receipts, RecordKey, corrupt, counters_key, history_key};

/// Most submissions that wait.
pub(super) const QUEUE_MAX: usize = 256;

/// Heaviest batch that submissions are joined to: followers get a signed batch as one message.
const BATCH_BYTES_MAX: usize = MESSAGE_BYTES_MAX / 4 * 3;

type Answer = oneshot::Sender<Result<Vec<Receipt>>>;

/// The origin of changes.
pub(super) enum Origin {
    /// An agency; a repetition of its request is recognised.
    Submitted(IdempotencyKey),
    /// An agency; a repetition finds nothing to change.
    Put,
    /// A new world, at this time; its loader guards against repetition.
    Loaded(Timestamp),
    /// A time rule.
    Due,
}

/// Changes that wait for their log indices.
pub(super) struct Job {
    pub changes: Vec<Prepared>,
    pub origin: Origin,
    pub answer: Answer,
}

impl Job {
    fn request(&self) -> Option<&IdempotencyKey> {
        match &self.origin {
            Origin::Submitted(request) => Some(request),
            Origin::Put | Origin::Loaded(_) | Origin::Due => None,
        }
    }

    /// Its approximate size when it is streamed to a follower.
    fn bytes(&self) -> usize {
        self.changes.iter().map(|change| change.payload.len() + STATEMENT_BYTES_MAX).sum()
    }
}

/// A job whose changes are in the plan.
struct Planned {
    request: Option<IdempotencyKey>,
    /// Record and version of each change; log indices follow from the first.
    receipts: Vec<Receipt>,
    /// The caller, and others that sent the same while it waited.
    answers: Vec<Answer>,
}

/// The writer's task.
pub(super) struct Writer {
    store: Arc<dyn Store>,
    ledger: Arc<Sequencer>,
    clock: Arc<dyn Clock>,
    sector: Arc<Sector>,
    counters: Counters,
    calendar: Arc<watch::Sender<Calendar>>,
    recent: Arc<Recent>,
}

impl Writer {
    /// A writer that goes on where the stored registry ends.
    pub(super) async fn open(
        store: Arc<dyn Store>,
        ledger: Arc<Sequencer>,
        clock: Arc<dyn Clock>,
        sector: Arc<Sector>,
        (calendar, recent): (Arc<watch::Sender<Calendar>>, Arc<Recent>),
    ) -> Result<Self> {
        let counters = stored_counters(&*store, &sector).await?;
        Ok(Self { store, ledger, clock, sector, counters, calendar, recent })
    }

    /// Processes jobs until all senders are dropped.
    pub(super) async fn serve(mut self, mut jobs: mpsc::Receiver<Job>) {
        let _stops = self.ledger.log().tended_by("registry_writer");
        let mut next = None;
        loop {
            let first = match next.take() {
                Some(job) => job,
                None => match jobs.recv().await {
                    Some(job) => job,
                    None => return,
                },
            };
            let (mut count, mut bytes) = (first.changes.len(), first.bytes());
            let mut group = vec![first];
            while let Ok(job) = jobs.try_recv() {
                count += job.changes.len();
                bytes += job.bytes();
                if count > BATCH_RECORDS_MAX || bytes > BATCH_BYTES_MAX {
                    next = Some(job);
                    break;
                }
                group.push(job);
            }
            self.write(group).await;
        }
    }

    /// Writes one group and answers every job of it.
    async fn write(&mut self, group: Vec<Job>) {
        let (plan, earlier) = match self.read(&group).await {
            Ok(read) => read,
            Err(error) => {
                let answers = group.into_iter().map(|job| job.answer);
                return fail(&self.sector, &error, answers);
            }
        };
        // What is written by thousands is handed on from memory.
        let is_bulk = group.iter().all(|job| matches!(job.origin, Origin::Loaded(_) | Origin::Due));
        let (plan, planned) = add_all(plan, earlier, group, self.clock.now());
        if !planned.is_empty() {
            self.append(plan, planned, is_bulk).await;
        }
    }

    /// The stored state of the group's records and requests.
    async fn read(&self, group: &[Job]) -> Result<(Plan, BTreeMap<Vec<u8>, Receipts>)> {
        let changes = || group.iter().flat_map(|job| &job.changes);
        let plan = known(&*self.store, &self.sector, self.counters.clone(), changes).await?;
        let requests: Vec<Vec<u8>> = group.iter().filter_map(|job| Some(job.request()?.key.clone())).collect();
        let found = self.store.get_many(Space::Submission, &requests).await?;
        let mut earlier = BTreeMap::new();
        for (key, row) in requests.into_iter().zip(found) {
            if let Some(row) = row {
                earlier.insert(key, Receipts::read(&row)?);
            }
        }
        Ok((plan, earlier))
    }

    /// Appends the plan to the log, with all its rows, and answers its jobs.
    async fn append(&mut self, plan: Plan, planned: Vec<Planned>, is_bulk: bool) {
        let entries = plan.entries();
        let recent = is_bulk.then(|| plan.records());
        let counters = plan.counters().clone();
        let dues: Vec<_> = plan.index_changes().iter().filter(|(key, _)| due::is_row(key)).cloned().collect();
        let stored: Vec<(Option<IdempotencyKey>, Vec<Receipt>)>;
        let mut answers = Vec::with_capacity(planned.len());
        (stored, answers) = planned.into_iter().fold((Vec::new(), answers), |(mut stored, mut answers), job| {
            answers.push((job.receipts.clone(), job.answers));
            stored.push((job.request, job.receipts));
            (stored, answers)
        });
        let counters_row = (counters_key(self.sector.ordinal), write_counters(&counters));
        let rows = move |first: u64| {
            let mut batch = plan.into_batch(first);
            put_receipts(&mut batch, stored, first);
            batch.push_put(Space::Meta, counters_row.0, counters_row.1);
            batch
        };
        match self.ledger.append(entries, rows).await {
            Ok(appended) => {
                self.counters = counters;
                if let Some(recent) = recent {
                    self.recent.add(appended.first_index, recent);
                }
                self.calendar.send_if_modified(|calendar| {
                    dues.iter().for_each(|(key, is_written)| calendar.note(key, *is_written));
                    !dues.is_empty()
                });
                let mut next = appended.first_index;
                for (receipts, answers) in answers {
                    let receipts = numbered(receipts, &mut next);
                    for answer in answers {
                        // The caller may be gone.
                        let _ = answer.send(Ok(receipts.clone()));
                    }
                }
            }
            Err(error) => fail(&self.sector, &error, answers.into_iter().flat_map(|(_, answers)| answers)),
        }
    }
}

/// A plan with the stored state of the records that `changes` change, look up and claim from.
pub(super) async fn known<'a, I: Iterator<Item = &'a Prepared>>(
    store: &dyn Store,
    sector: &Arc<Sector>,
    counters: Counters,
    changes: impl Fn() -> I,
) -> Result<Plan> {
    let mut plan = Plan::new(sector.clone(), counters);
    let mut keys = BTreeSet::new();
    for change in changes() {
        keys.insert(change.key());
        keys.extend(change.related.iter().map(|(.., key)| *key));
    }
    let lookups: BTreeSet<&[u8]> = changes().flat_map(|change| &change.lookups).map(Vec::as_slice).collect();
    for prefix in lookups {
        let rows = store.scan(Scan::prefix(Space::RecordIndex, prefix).limit(FOUND_MAX)).await?;
        keys.extend(rows.iter().filter_map(|(row, _)| found_at(row)));
    }
    let wanted: Vec<Vec<u8>> = keys.iter().map(|key| key.to_vec()).collect();
    for (key, row) in keys.into_iter().zip(store.get_many(Space::Record, &wanted).await?) {
        if let Some(row) = row {
            plan.know(key, row)?;
        }
    }
    know_bases(store, &mut plan, changes()).await?;
    let claims = claims::keys(changes());
    let found = store.get_many(Space::RecordIndex, &claims).await?;
    for (key, row) in claims.into_iter().zip(found) {
        plan.know_claim(key, row.as_deref())?;
    }
    Ok(plan)
}

/// Where the record is that a row of the index leads to: the type is the second byte of its key.
fn found_at(row: &[u8]) -> Option<RecordKey> {
    let mut key = [*row.get(1)?; 17];
    key[1..].copy_from_slice(&index::id_of(row)?.0);
    Some(key)
}

/// Adds the bases of earlier versions, for records whose changes name a basis.
async fn know_bases<'a>(store: &dyn Store, plan: &mut Plan, changes: impl Iterator<Item = &'a Prepared>) -> Result<()> {
    let mut wanted = BTreeSet::new();
    for change in changes.filter(|change| change.names_basis()) {
        let newest = plan.stored_version(&change.key());
        let first = newest.saturating_sub(bases::VERSIONS_MAX).max(1);
        wanted.extend((first..newest).map(|version| (change.key(), version)));
    }
    let keys: Vec<Vec<u8>> = wanted.iter().map(|(key, version)| history_key(key, *version)).collect();
    let found = store.get_many(Space::RecordHistory, &keys).await?;
    for ((key, _), row) in wanted.into_iter().zip(found) {
        let lost = || store.damaged(Space::RecordHistory, "a superseded version has no row");
        plan.know_earlier(key, &row.ok_or_else(lost)?)?;
    }
    Ok(())
}

/// Adds the jobs to the plan, each whole or not at all; answers those that repeat or conflict.
fn add_all(
    mut plan: Plan,
    earlier: BTreeMap<Vec<u8>, Receipts>,
    group: Vec<Job>,
    now: Timestamp,
) -> (Plan, Vec<Planned>) {
    let mut planned: Vec<Planned> = Vec::with_capacity(group.len());
    for job in group {
        if let Some(request) = job.request() {
            let same = |planned: &&mut Planned| planned.request.as_ref().is_some_and(|other| other.key == request.key);
            if let Some(first) = planned.iter_mut().find(same) {
                match first.request.as_ref().is_some_and(|other| other.content == request.content) {
                    true => first.answers.push(job.answer),
                    false => drop(job.answer.send(Err(reused()))),
                }
                continue;
            }
            if let Some(stored) = earlier.get(&request.key) {
                let repeated = stored.content == request.content;
                let _ = job.answer.send(if repeated { Ok(stored.receipts.clone()) } else { Err(reused()) });
                continue;
            }
        }
        let (added, request) = match job.origin {
            Origin::Submitted(request) => (plan.add(job.changes, Author::Owner, now), Some(request)),
            Origin::Put => (plan.add(job.changes, Author::Owner, now), None),
            Origin::Loaded(at) => (plan.add(job.changes, Author::World, at), None),
            Origin::Due => (Ok(plan.add_due(job.changes, now)), None),
        };
        match added {
            // Of what was due, all was changed by somebody else meanwhile: there is nothing to append.
            Ok(receipts) if receipts.is_empty() => drop(job.answer.send(Ok(receipts))),
            Ok(receipts) => planned.push(Planned { request, receipts, answers: vec![job.answer] }),
            Err(error) => drop(job.answer.send(Err(error))),
        }
    }
    (plan, planned)
}

/// Gives receipts their log indices, from `next` on.
fn numbered(mut receipts: Vec<Receipt>, next: &mut u64) -> Vec<Receipt> {
    for receipt in &mut receipts {
        receipt.log_index = *next;
        *next += 1;
    }
    receipts
}

fn put_receipts(batch: &mut Batch, stored: Vec<(Option<IdempotencyKey>, Vec<Receipt>)>, first: u64) {
    let mut next = first;
    for (request, receipts) in stored {
        let receipts = numbered(receipts, &mut next);
        if let Some(IdempotencyKey { key, content }) = request {
            batch.push_insert(Space::Submission, key, Receipts { content, receipts }.write());
        }
    }
}

/// Answers every job with the same failure; each gets its own error, the log the cause.
fn fail(sector: &Sector, error: &Error, answers: impl Iterator<Item = Answer>) {
    if !is_stopped(error) {
        tracing::error!(registry = &*sector.name, %error, cause = ?error.source, "changes were not written");
    }
    for answer in answers {
        let _ = answer.send(Err(error.repeated()));
    }
}

async fn stored_counters(store: &dyn Store, sector: &Sector) -> Result<Counters> {
    match store.get(Space::Meta, &counters_key(sector.ordinal)).await? {
        Some(row) => read_counters(&row),
        None => Ok(Counters::new()),
    }
}

/// How many versions of a record type a registry has issued.
pub(super) async fn issued_versions(store: &dyn Store, sector: &Sector, record_type: u8) -> Result<u32> {
    Ok(stored_counters(store, sector).await?.get(&record_type).copied().unwrap_or_default())
}

fn write_counters(counters: &Counters) -> Bytes {
    let mut row = BytesMut::with_capacity(counters.len() * 5);
    for (ordinal, next) in counters {
        row.put_u8(*ordinal);
        row.put_u32(*next);
    }
    row.freeze()
}

fn read_counters(row: &[u8]) -> Result<Counters> {
    let counter = |part: &[u8]| Some((*part.first()?, u32::from_be_bytes(part.get(1..5)?.try_into().ok()?)));
    row.chunks(5).map(counter).collect::<Option<_>>().ok_or_else(|| corrupt("status counters cannot be read"))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

    use super::*;
    use crate::base::Reason;
    use crate::ledger::stopped;
    use crate::registry::Catalogue;

    /// Counts log lines.
    struct Lines(Arc<AtomicUsize>);

    impl<S: tracing::Subscriber> Layer<S> for Lines {
        fn on_event(&self, _: &tracing::Event<'_>, _: Context<'_, S>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn changes_that_fail_leave_one_line_and_those_of_a_log_that_stopped_none() {
        let sector = Catalogue::built_in().sector("land").expect("a sector").clone();
        for (error, expected) in [(Error::new(Reason::StorageFull, "full"), 1), (stopped(), 0)] {
            let count = Arc::new(AtomicUsize::new(0));
            let (answers, answered): (Vec<_>, Vec<_>) = (0..3).map(|_| oneshot::channel()).unzip();
            tracing::subscriber::with_default(tracing_subscriber::registry().with(Lines(count.clone())), || {
                fail(&sector, &error, answers.into_iter());
            });
            assert_eq!(count.load(Ordering::Relaxed), expected, "{error}");
            for mut answer in answered {
                assert_eq!(answer.try_recv().expect("answered").expect_err("failed").reason, error.reason);
            }
        }
    }
}
