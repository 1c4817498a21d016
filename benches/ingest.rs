//! The ingest path of the province: signed changes of all registries, verified, appended to the record ledger, indexed
//! and durable, in records a second, and what each part of the path costs.
//!
//! The changes are made beforehand by the registries themselves and then replayed from memory, so that the clock runs for the
//! province's side alone. `cargo bench --bench ingest`; `LIENTHONG_BENCH_CITIZENS` chooses the size and
//! `LIENTHONG_BENCH_DIR` the disk.

#![allow(clippy::disallowed_methods, reason = "benchmarks measure")]
#![allow(clippy::print_stdout)] // its output is what it is for

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use lienthong::base::time::{FixedClock, Timestamp};
use lienthong::base::{Clock, Date, Result, Seed};
use lienthong::ledger::{LogId, Sequencer};
use lienthong::province::Province;
use lienthong::registry::embedded::EmbeddedRegistry;
use lienthong::registry::port::{Change, ChangeBatch, Inclusion as _, Page, Query, Receipt, Registry, Submission};
use lienthong::registry::{Catalogue, Sector};
use lienthong::simulation::population::Population;
use lienthong::store::fjall::{FjallOptions, FjallStore};
use lienthong::store::memory::MemoryStore;
use lienthong::trust::merkle::CompactRange;
use lienthong::trust::verify::{BatchRecord, Verifier};
use lienthong::trust::{
    Disclosure, Ed25519Signer, IssuerAnchor, KeyRecord, LogAnchor, LogPurpose, Signer, TrustAnchor,
};

type Outcome<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

const TODAY: Date = Date::constant(2026, 11, 22);
const RECORDS: &str = "lienthong/H27/records";
const CITIZENS_DEFAULT: u64 = 30_000;
/// Changes in one signed batch.
const BATCH: usize = 4_096;

fn main() -> Outcome {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(run())
}

async fn run() -> Outcome {
    let citizens = match std::env::var("LIENTHONG_BENCH_CITIZENS") {
        Ok(number) => number.parse()?,
        Err(_) => CITIZENS_DEFAULT,
    };
    let clock: Arc<dyn Clock> = Arc::new(FixedClock::at(Timestamp::start_of(TODAY)));
    let verifier = Arc::new(Verifier::new(anchor()?));
    let sources = sources(citizens, &clock).await?;
    let total: usize = sources.iter().map(|source| source.records()).sum();
    let bytes: usize = sources.iter().map(|source| source.bytes()).sum();
    println!("{citizens} citizens, {total} records, {} bytes of payload each", bytes / total.max(1));

    verify_alone(&sources, &verifier, total, clock.now())?;

    let memory: Arc<dyn lienthong::store::Store> = Arc::new(MemoryStore::new());
    ingest("whole path, store in memory", memory, &sources, &verifier, &clock, total).await?;
    for run in 1..=2 {
        let folder = folder()?;
        let store = Arc::new(FjallStore::open_with(folder.path(), FjallOptions::bulk())?);
        ingest(&format!("whole path, durable, run {run}"), store, &sources, &verifier, &clock, total).await?;
    }
    Ok(())
}

/// The cost of verification alone, on one core.
fn verify_alone(sources: &[Arc<Replay>], verifier: &Verifier, total: usize, now: Timestamp) -> Outcome {
    let begin = Begun::now()?;
    for source in sources {
        let mut range = CompactRange::new();
        for batch in source.batches.values() {
            let whole = batch.records.iter().filter_map(|record| match &record.disclosure {
                Disclosure::Whole { payload, salt } => {
                    Some(BatchRecord { statement: &record.statement, payload, salt })
                }
                Disclosure::Partial { .. } => None,
            });
            let records: Vec<_> = whole.collect();
            range = verifier.verify_batch(&source.sector.name, &range, &batch.checkpoint, &records, now)?.after;
        }
    }
    begin.report("verification alone, one core", total)
}

async fn ingest(
    what: &str,
    store: Arc<dyn lienthong::store::Store>,
    sources: &[Arc<Replay>],
    verifier: &Arc<Verifier>,
    clock: &Arc<dyn Clock>,
    total: usize,
) -> Outcome {
    let ledger = Sequencer::open(store.clone(), LogId(200), RECORDS, signer(RECORDS), clock.clone()).await?;
    let province = Province::open(Catalogue::built_in(), store, ledger, verifier.clone(), clock.clone()).await?;
    let begin = Begun::now()?;
    for source in sources {
        province.follow(source.clone())?;
    }
    for source in sources {
        province.wait_for(&source.sector.name, source.records() as u64).await?;
    }
    begin.report(what, total)
}

/// A start, in wall time and in this process's processor time.
struct Begun {
    wall: Instant,
    processor: Duration,
}

impl Begun {
    fn now() -> Outcome<Self> {
        Ok(Self { wall: Instant::now(), processor: processor_time()? })
    }

    fn report(&self, what: &str, count: usize) -> Outcome {
        let wall = self.wall.elapsed();
        let processor = processor_time()?.saturating_sub(self.processor);
        println!(
            "  {what:<34} {count:>8} in {:>6.2} s  {:>8.0}/s  {:>5.1} us of processor time each",
            wall.as_secs_f64(),
            count as f64 / wall.as_secs_f64(),
            processor.as_secs_f64() * 1e6 / count as f64,
        );
        Ok(())
    }
}

/// User and system time of this process so far (Linux: /proc, in ticks of 10 ms).
fn processor_time() -> Outcome<Duration> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks: u64 = after_name.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
    Ok(Duration::from_millis(ticks * 10))
}

fn folder() -> std::io::Result<tempfile::TempDir> {
    let parent = std::env::var_os("LIENTHONG_BENCH_DIR").map_or_else(std::env::temp_dir, PathBuf::from);
    tempfile::Builder::new().prefix("lienthong-bench-").tempdir_in(parent)
}

fn signer(origin: &str) -> Arc<dyn Signer> {
    Arc::new(Ed25519Signer::from_seed(origin, &Seed::root(1).child(origin, 0)))
}

fn anchor() -> Outcome<TrustAnchor> {
    let key = |origin: &str| KeyRecord::active(&*signer(origin)).map(|key| vec![key]);
    let mut issuers = Vec::new();
    for sector in Catalogue::built_in().sectors() {
        issuers.push(IssuerAnchor {
            continues: Vec::new(),
            name: (&sector.name).into(),
            origin: sector.log_origin(),
            schemas: sector.record_types.iter().map(|of| (&of.name).into()).collect(),
            keys: key(&sector.log_origin())?,
        });
    }
    Ok(TrustAnchor {
        province: "H27".into(),
        version: 1,
        events_from: 0,
        root: Default::default(),
        signatures: Vec::new(),
        expires_at: Timestamp::start_of(Date::constant(2030, 1, 1)),
        logs: vec![LogAnchor {
            continues: Vec::new(),
            origin: RECORDS.into(),
            purpose: LogPurpose::Records,
            keys: key(RECORDS)?,
        }],
        issuers,
    })
}

/// The changes of all registries, made by the registries themselves.
async fn sources(citizens: u64, clock: &Arc<dyn Clock>) -> Outcome<Vec<Arc<Replay>>> {
    let mut changes: BTreeMap<&str, Vec<Change>> = BTreeMap::new();
    for household in Population::new(Seed::root(42), citizens, TODAY) {
        for record in household.records {
            let registry = record.record_type.split('.').next().unwrap_or_default();
            changes.entry(registry).or_default().push(Change {
                record_type: record.record_type.to_owned(),
                operation: record.operation,
                expected_version: record.version.saturating_sub(1),
                payload: record.payload,
                valid_from: None,
                valid_until: None,
            });
        }
    }
    let mut sources = Vec::new();
    for sector in Catalogue::built_in().sectors() {
        let secret = Seed::root(2).child(&sector.name, 0);
        let signer = signer(&sector.log_origin());
        let host = EmbeddedRegistry::open(Arc::new(MemoryStore::new()), sector.clone(), signer, &secret, clock.clone())
            .await?;
        host.load(changes.remove(&*sector.name).unwrap_or_default(), clock.now()).await?;
        let mut batches = BTreeMap::new();
        let mut cursor = 0;
        while let Some(batch) = host.changes(cursor, BATCH).await? {
            cursor += batch.records.len() as u64;
            batches.insert(batch.first_index, batch);
        }
        sources.push(Arc::new(Replay { sector: sector.clone(), batches }));
    }
    Ok(sources)
}

/// A registry's change stream from memory.
struct Replay {
    sector: Arc<Sector>,
    batches: BTreeMap<u64, ChangeBatch>,
}

impl Replay {
    fn records(&self) -> usize {
        self.batches.values().map(|batch| batch.records.len()).sum()
    }

    fn bytes(&self) -> usize {
        let payload = |disclosure: &Disclosure| match disclosure {
            Disclosure::Whole { payload, .. } => payload.len(),
            Disclosure::Partial { .. } => 0,
        };
        self.batches.values().flat_map(|batch| &batch.records).map(|record| payload(&record.disclosure)).sum()
    }
}

#[async_trait]
impl Registry for Replay {
    fn name(&self) -> &str {
        &self.sector.name
    }

    async fn log_size(&self) -> Result<u64> {
        Ok(self.records() as u64)
    }

    async fn read(&self, _: Query) -> Result<Page> {
        Ok(Page::default())
    }

    async fn submit(&self, _: Submission) -> Result<Vec<Receipt>> {
        Ok(Vec::new())
    }

    async fn changes(&self, cursor: u64, _: usize) -> Result<Option<ChangeBatch>> {
        Ok(self.batches.get(&cursor).cloned())
    }

    async fn wait_beyond(&self, _: u64) -> Result<()> {
        std::future::pending().await
    }
}
