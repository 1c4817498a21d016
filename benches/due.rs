//! What time does to records: the versions that fall due, written by the registry, signed and durable, and accepted by the province, in pieces a
//! second and in processor time a piece.
//!
//! Every driving licence of the population lost points lately, on a day of its own, and gets them back within the year. `cargo bench --bench due`;
//! `LIENTHONG_BENCH_CITIZENS` chooses the size, `LIENTHONG_BENCH_DIR` the disk and `LIENTHONG_BENCH_RUNS` how often it is measured.

#![allow(clippy::disallowed_methods, reason = "benchmarks measure")]
#![allow(clippy::print_stdout)] // its output is what it is for

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use lienthong::base::time::{FixedClock, Timestamp};
use lienthong::base::{Clock, Date, Seed};
use lienthong::ledger::{LogId, Sequencer};
use lienthong::province::Province;
use lienthong::registry::Catalogue;
use lienthong::registry::embedded::EmbeddedRegistry;
use lienthong::registry::port::{Change, Inclusion as _};
use lienthong::simulation::population::Population;
use lienthong::store::Store;
use lienthong::store::fjall::{FjallOptions, FjallStore};
use lienthong::trust::verify::Verifier;
use lienthong::trust::{Ed25519Signer, IssuerAnchor, KeyRecord, LogAnchor, LogPurpose, Operation, Signer, TrustAnchor};

type Outcome<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

const TODAY: Date = Date::constant(2026, 11, 22);
/// When all of it is due.
const LATER: Date = Date::constant(2027, 12, 31);
const RECORDS: &str = "lienthong/H27/records";
const REGISTRY: &str = "driver_licence";
const LICENCE: &str = "driver_licence.licence.v1";

fn main() -> Outcome {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let number = |name: &str, default: u64| std::env::var(name).map_or(Ok(default), |number| number.parse::<u64>());
        let licences = licences(number("LIENTHONG_BENCH_CITIZENS", 30_000)?);
        println!("{} licences", licences.len());
        for _ in 0..number("LIENTHONG_BENCH_RUNS", 3)? {
            run(&licences).await?;
        }
        Ok(())
    })
}

async fn run(licences: &[Change]) -> Outcome {
    let clock: Arc<dyn Clock> = Arc::new(FixedClock::at(Timestamp::start_of(TODAY)));
    let folder = folder()?;
    let store: Arc<dyn Store> = Arc::new(FjallStore::open_with(folder.path(), FjallOptions::default())?);
    let catalogue = Catalogue::built_in();
    let sector = catalogue.sectors().iter().find(|sector| *sector.name == *REGISTRY).ok_or("no such registry")?.clone();
    let (secret, signer) = (Seed::root(2), signer(&sector.log_origin()));
    let ledger = Sequencer::open(store.clone(), LogId(200), RECORDS, self::signer(RECORDS), clock.clone()).await?;
    let verifier = Arc::new(Verifier::new(anchor(&catalogue)?));
    let registry = EmbeddedRegistry::open(store.clone(), sector, signer, &secret, clock.clone()).await?;
    registry.load(licences.to_vec(), clock.now()).await?;
    // Time passes, and whoever asks the clock is told so.
    let later: Arc<dyn Clock> = Arc::new(FixedClock::at(Timestamp::start_of(LATER)));
    let province = Province::open(catalogue, store, ledger, verifier, later.clone()).await?;
    province.follow(registry.clone())?;
    province.wait_for(REGISTRY, licences.len() as u64).await?;
    let (begun, processor) = (Instant::now(), processor_time()?);
    let mut pieces = 0;
    loop {
        let ran = registry.run_due(later.now()).await?.len();
        if ran == 0 {
            break;
        }
        pieces += ran;
    }
    province.wait_for(REGISTRY, (licences.len() + pieces) as u64).await?;
    let (wall, processor) = (begun.elapsed(), processor_time()?.saturating_sub(processor));
    println!(
        "{pieces} pieces in {:.2} s, {:.0}/s, {:.1} us of processor time each",
        wall.as_secs_f64(),
        pieces as f64 / wall.as_secs_f64(),
        processor.as_secs_f64() * 1e6 / pieces as f64,
    );
    Ok(())
}

/// The licences of a population, each with points lost on one of the days of the last eleven months.
fn licences(citizens: u64) -> Vec<Change> {
    let records = Population::new(Seed::root(42), citizens, TODAY).flat_map(|household| household.records);
    let licences = records.filter(|record| record.record_type == LICENCE && record.version == 1);
    let valid = licences.filter(|record| record.payload.text("status") == Some("active"));
    let lost = valid.enumerate().filter_map(|(number, record)| {
        let day = TODAY.checked_sub(jiff::Span::new().days((number % 330) as i64 + 1)).ok()?;
        let payload = record.payload.with("points", 8_i64).with("points_deducted_on", day.to_string());
        Some(Change {
            record_type: LICENCE.to_owned(),
            operation: Operation::Create,
            expected_version: 0,
            payload,
            valid_from: None,
            valid_until: None,
        })
    });
    lost.collect()
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

fn anchor(catalogue: &Catalogue) -> Outcome<TrustAnchor> {
    let key = |origin: &str| KeyRecord::active(&*signer(origin)).map(|key| vec![key]);
    let mut issuers = Vec::new();
    for sector in catalogue.sectors() {
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
