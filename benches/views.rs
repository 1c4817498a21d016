//! What the two times of the view cost: views of random people over vehicles whose records were overwritten five times, as of now, as of what was
//! known and as of what was true, beside the same views before there was any history.
//!
//! `cargo bench --bench views`; `LIENTHONG_BENCH_RECORDS` chooses how many records are overwritten (100,000), and `LIENTHONG_BENCH_DIR` the disk.

#![allow(clippy::disallowed_methods, reason = "benchmarks measure")]
#![allow(clippy::print_stdout)] // its output is what it is for

#[path = "../tests/world/foundation.rs"]
mod foundation;

use std::sync::Arc;
use std::time::{Duration, Instant};

use lienthong::base::time::FixedClock;
use lienthong::base::{PersonalId, Timestamp};
use lienthong::province::{AsOf, Asked, Audience, Page, Province};
use lienthong::registry::embedded::EmbeddedRegistry;
use lienthong::registry::port::{Change, Inclusion as _, Registry as _, Submission};
use lienthong::store::Store;
use lienthong::store::fjall::{FjallOptions, FjallStore};
use lienthong::trust::{Object, Operation, Verifier};

use foundation::{NOW, TODAY};

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

const RECORDS_DEFAULT: u64 = 100_000;
const OVERWRITES: u64 = 5;
/// Changes in one submission.
const BATCH: u64 = 4_000;
/// Views that are timed of each kind.
const VIEWS: u64 = 4_000;
/// Vehicles of one person.
const OWNED: u64 = 4;
const HOUR: i64 = 3_600_000;

fn main() -> Outcome {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(run())
}

async fn run() -> Outcome {
    let records = match std::env::var("LIENTHONG_BENCH_RECORDS") {
        Ok(number) => number.parse()?,
        Err(_) => RECORDS_DEFAULT,
    };
    let folder = match std::env::var("LIENTHONG_BENCH_DIR") {
        Ok(disk) => tempfile::tempdir_in(disk)?,
        Err(_) => tempfile::tempdir()?,
    };
    let store: Arc<dyn Store> = Arc::new(FjallStore::open_with(folder.path(), FjallOptions::bulk())?);
    let (catalogue, clock) = (foundation::catalogue(), Arc::new(FixedClock::at(NOW)));
    let verifier = Arc::new(Verifier::new(foundation::anchor(&catalogue)));
    let province = foundation::province(&catalogue, &store, &verifier, &clock).await;
    let sector = catalogue.sector("vehicle").ok_or("no registry of vehicles")?;
    let vehicles = foundation::host(&store, sector, &clock).await;
    province.follow(vehicles.clone())?;

    write(&vehicles, &province, records, 0).await?;
    let people = records / OWNED;
    let now = || Asked { as_of: province.as_of_now(), day: TODAY, page: Page::default() };
    measure("as of now, without history", &province, people, &now()).await?;
    let mut sizes = vec![province.ledger_size()];
    for overwrite in 1..=OVERWRITES {
        clock.set(NOW.plus_ms(overwrite as i64 * HOUR));
        write(&vehicles, &province, records, overwrite).await?;
        sizes.push(province.ledger_size());
    }
    println!("{records} records, each overwritten {OVERWRITES} times");
    measure("as of now", &province, people, &now()).await?;
    let known = |known: u64| Asked { as_of: AsOf { known, valid: None }, day: TODAY, page: Page::default() };
    measure("as known after the first overwrite", &province, people, &known(sizes[1])).await?;
    measure("as known before all overwrites", &province, people, &known(sizes[0])).await?;
    let true_at = |valid: Timestamp| {
        let as_of = AsOf { valid: Some(valid), ..province.as_of_now() };
        Asked { as_of, day: TODAY, page: Page::default() }
    };
    measure("as true now", &province, people, &true_at(NOW.plus_ms(9 * HOUR))).await?;
    measure("as true before all overwrites", &province, people, &true_at(NOW)).await?;
    let both =
        Asked { as_of: AsOf { known: sizes[3], valid: Some(NOW.plus_ms(HOUR)) }, day: TODAY, page: Page::default() };
    measure("as true after the first, as known after the third", &province, people, &both).await?;
    Ok(())
}

/// Writes one version of every record.
async fn write(vehicles: &Arc<EmbeddedRegistry>, province: &Arc<Province>, records: u64, version: u64) -> Outcome {
    let begin = Instant::now();
    for first in (0..records).step_by(BATCH as usize) {
        let changes = (first..records.min(first + BATCH)).map(|record| Change {
            record_type: "vehicle.registration.v1".into(),
            operation: if version == 0 { Operation::Create } else { Operation::Update },
            expected_version: version,
            payload: registration(record, version),
            valid_from: None,
            valid_until: None,
        });
        let request_id = format!("version-{version}-from-{first}");
        vehicles.submit(Submission { request_id, changes: changes.collect() }).await?;
    }
    province.wait_for("vehicle", (version + 1) * records).await?;
    let per_second = records as f64 / begin.elapsed().as_secs_f64();
    println!("version {} written and accepted: {per_second:.0} records/s", version + 1);
    Ok(())
}

/// Times views of people who are drawn by a fixed sequence.
async fn measure(what: &str, province: &Arc<Province>, people: u64, asked: &Asked) -> Outcome {
    let mut taken: Vec<Duration> = Vec::with_capacity(VIEWS as usize);
    let mut drawn = 7u64;
    for turn in 0..VIEWS + VIEWS / 10 {
        drawn = drawn.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let number = owner((drawn >> 33) % people);
        let person = PersonalId::parse(&number).ok_or("a number")?;
        let begin = Instant::now();
        let found = province.person(person, Audience::Operator, asked).await?;
        let took = begin.elapsed();
        if found.view.sources.len() as u64 != OWNED {
            return Err(format!("{what}: {} records", found.view.sources.len()).into());
        }
        if turn >= VIEWS / 10 {
            taken.push(took);
        }
    }
    taken.sort_unstable();
    let at = |share: usize| taken[(taken.len() * share / 100).min(taken.len() - 1)].as_micros();
    println!("{what:<52} median {:>6} µs, p99 {:>6} µs", at(50), at(99));
    Ok(())
}

fn owner(number: u64) -> String {
    format!("0420900{number:05}")
}

fn registration(record: u64, version: u64) -> Object {
    let person = Object::new().with("personal_id", owner(record / OWNED)).with("full_name", "Nguyễn Văn An");
    let (series, number) = (record / 100_000, record % 100_000);
    let series = ["A", "B", "C", "D", "E", "F", "G", "H"][series as usize % 8];
    Object::new()
        .with("plate", format!("38{series}-{:03}.{:02}", number / 100, number % 100))
        .with("kind", "car")
        .with("plate_colour", "white")
        .with("owner", person)
        .with("brand", "Toyota")
        .with("model", "Vios")
        .with("chassis_number", format!("RL4BT9F33{record:08}"))
        .with("colour", format!("Màu {version}"))
        .with("seats", 5)
        .with("first_registered", "2019-03-05")
        .with("status", "active")
}
