//! How fast registries take changes on this machine: generated, validated, signed, indexed and durable, in records a
//! second; and how fast their changes are read back by followers.
//!
//! A plain harness over a fresh folder. `LIENTHONG_BENCH_CITIZENS` (default 20,000) and `LIENTHONG_BENCH_DIR` set the
//! size and the disk.

#![allow(clippy::disallowed_methods, reason = "benchmarks measure")]
#![allow(clippy::print_stdout)] // its output is what it is for

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use jiff::Span;
use lienthong::base::time::{Clock as _, Date, SystemClock};
use lienthong::base::{Error, ProvinceCode, Result, Seed, Violations};
use lienthong::registry::codes;
use lienthong::registry::embedded::LOAD_BATCH;
use lienthong::registry::lifecycle::Step;
use lienthong::registry::port::{Change, Query, Registry as _, Selector};
use lienthong::registry::rule::Findings;
use lienthong::registry::{Catalogue, EmbeddedRegistry, RecordType, allocation, driver_licence};
use lienthong::simulation::document::Record;
use lienthong::simulation::examples;
use lienthong::simulation::population::Population;
use lienthong::simulation::samples::SampleMaker;
use lienthong::store::Store;
use lienthong::store::fjall::FjallStore;
use lienthong::trust::{Ed25519Signer, Object, Operation};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let citizens: u64 = std::env::var("LIENTHONG_BENCH_CITIZENS").ok().and_then(|n| n.parse().ok()).unwrap_or(20_000);
    let parent = std::env::var_os("LIENTHONG_BENCH_DIR").map_or_else(std::env::temp_dir, PathBuf::from);
    let folder = tempfile::Builder::new().prefix("lienthong-bench-").tempdir_in(parent)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        generate(citizens);
        prepare(citizens.min(5_000))?;
        interpret(citizens.min(5_000))?;
        let hosts = open(&folder).await?;
        load(&hosts, citizens).await?;
        follow(&hosts).await?;
        point_reads(&hosts).await?;
        due_work(&hosts, 100_000).await?;
        Ok(())
    })
}

fn changes(citizens: u64) -> impl Iterator<Item = Change> {
    let population = Population::new(Seed::root(1), citizens, SystemClock.now().date());
    population.flat_map(|household| household.records).map(change)
}

fn change(record: Record) -> Change {
    Change {
        record_type: record.record_type.to_owned(),
        operation: record.operation,
        expected_version: record.version - 1,
        payload: record.payload,
        valid_from: None,
        valid_until: None,
    }
}

async fn open(folder: &tempfile::TempDir) -> Result<Vec<Arc<EmbeddedRegistry>>> {
    let store: Arc<dyn Store> = Arc::new(FjallStore::open(folder.path())?);
    let world = Seed::root(1);
    let mut hosts = Vec::new();
    for sector in Catalogue::built_in().sectors() {
        let key = world.child(&format!("key/{}", sector.name), 0);
        let signer = Arc::new(Ed25519Signer::from_seed(sector.log_origin(), &key));
        let secret = world.child(&format!("registry/{}", sector.name), 0);
        hosts
            .push(EmbeddedRegistry::open(store.clone(), sector.clone(), signer, &secret, Arc::new(SystemClock)).await?);
    }
    Ok(hosts)
}

/// Time rules: licences whose points are restored, a hundred a day, in one run.
async fn due_work(hosts: &[Arc<EmbeddedRegistry>], count: u64) -> Result<()> {
    let licences = hosts.iter().find(|host| &*host.sector().name == driver_licence::NAME);
    let licences = licences.ok_or_else(|| Error::bug("there is no registry of licences"))?;
    let (now, first) = (SystemClock.now(), Date::constant(2026, 1, 1));
    let licence = |number: u64| {
        let holder = Object::new().with("personal_id", "042185990002").with("full_name", "Nguyễn Thị Hoà");
        let class = Object::new().with("code", "A1").with("issued_on", "2010-01-05");
        let deducted = first.saturating_add(Span::new().days((number / 100 % 300) as i64));
        let payload = Object::new()
            .with("licence_number", format!("{:012}", 999_000_000_000 + number))
            .with("holder", holder)
            .with("classes", vec![class])
            .with("points", 8)
            .with("points_deducted_on", deducted.to_string())
            .with("status", "active");
        let (record_type, operation) = (driver_licence::LICENCE.to_owned(), Operation::Create);
        Change { record_type, operation, expected_version: 0, payload, valid_from: None, valid_until: None }
    };
    let before: u64 = licences.scheduled().iter().map(|of| of.count).sum();
    licences.load((0..count).map(licence).collect(), now).await?;
    let (begin, mut ran) = (Instant::now(), 0);
    loop {
        let effects = licences.run_due(now.plus_ms(10 * 366 * 86_400_000)).await?;
        if effects.is_empty() {
            break;
        }
        ran += effects.len() as u64;
    }
    report("due work, signed and durable", ran, begin);
    match ran == before + count {
        true => Ok(()),
        false => Err(Error::bug(format!("{ran} pieces ran of {}", before + count))),
    }
}

fn report(what: &str, count: u64, begin: Instant) {
    let seconds = begin.elapsed().as_secs_f64();
    println!("{what:<34} {count:>9} in {seconds:>7.2} s  {:>9.0}/s", count as f64 / seconds);
}

fn generate(citizens: u64) {
    let begin = Instant::now();
    let count = changes(citizens).count() as u64;
    report("generate, one core", count, begin);
}

fn prepare(citizens: u64) -> Result<()> {
    let changes: Vec<Change> = changes(citizens).collect();
    let catalogue = Catalogue::built_in();
    let today = SystemClock.now().date();
    let begin = Instant::now();
    for change in &changes {
        if let Some(record_type) = catalogue.record_type(&change.record_type) {
            let mut violations = Violations::default();
            record_type.validate(&change.payload, today, &"", &mut violations);
            if !violations.is_empty() {
                return Err(Error::invalid(violations));
            }
        }
    }
    report("validate, one core", changes.len() as u64, begin);
    // The full extra cost of an update over a new record, except for reading the stored row: everything is compared.
    let again: Vec<Object> = changes.iter().map(|change| change.payload.clone()).collect();
    let begin = Instant::now();
    for (change, after) in changes.iter().zip(&again) {
        if let Some(record_type) = catalogue.record_type(&change.record_type) {
            let mut violations = Violations::default();
            let step = Step { before: &change.payload, after, operation: Operation::Update, today };
            record_type.lifecycle.check(&step, &mut Findings::new(&"", &mut violations));
            if !violations.is_empty() {
                return Err(Error::invalid(violations));
            }
        }
    }
    report("hold to lifecycles, one core", changes.len() as u64, begin);
    by_type(&catalogue, changes.iter().zip(&again), today)?;
    let (codes, bytes) =
        codes::all().iter().fold((0, 0), |(codes, bytes), list| (codes + list.codes().len(), bytes + list.bytes()));
    println!("  code lists: {codes} codes in {:.2} MiB", bytes as f64 / f64::from(1 << 20));
    let begin = Instant::now();
    let bytes: usize = changes.iter().map(|change| lienthong::trust::canonical::write(&change.payload).len()).sum();
    report("write canonical, one core", changes.len() as u64, begin);
    println!("  payload {:.0} bytes on average", bytes as f64 / changes.len() as f64);
    Ok(())
}

/// The same type by type, fields, code lists, rules and lifecycle together: the largest type, and the slowest.
fn by_type<'a>(
    catalogue: &Catalogue,
    steps: impl Iterator<Item = (&'a Change, &'a Object)>,
    today: Date,
) -> Result<()> {
    let mut types: BTreeMap<&str, Vec<(&Object, &Object)>> = BTreeMap::new();
    for (change, after) in steps {
        types.entry(&change.record_type).or_default().push((&change.payload, after));
    }
    let mut costs = Vec::new();
    for (name, steps) in &types {
        let Some(of) = catalogue.record_type(name) else { continue };
        let bytes: usize = steps.iter().map(|(_, after)| lienthong::trust::canonical::write(after).len()).sum();
        let each = check_all(of, steps, today)? * 1e6 / steps.len() as f64;
        costs.push((bytes / steps.len(), each, *name, steps.len()));
    }
    let largest = costs.iter().max_by_key(|(bytes, ..)| *bytes);
    let slowest = costs.iter().max_by(|one, other| one.1.total_cmp(&other.1));
    for (what, cost) in [("largest", largest), ("slowest", slowest)] {
        if let Some((bytes, each, name, count)) = cost {
            println!("  {what} built-in type {name}: {each:.1} µs a record of {bytes} bytes, {count} records");
        }
    }
    Ok(())
}

/// Checks every record and every change against the rules of its type: the seconds of the fastest of a few rounds, so that other load on the machine
/// counts least.
fn check_all(of: &RecordType, steps: &[(&Object, &Object)], today: Date) -> Result<f64> {
    const ROUNDS: usize = 5;
    let mut fastest = f64::INFINITY;
    for _ in 0..ROUNDS {
        let begin = Instant::now();
        for (before, after) in steps {
            let mut violations = Violations::default();
            of.validate(after, today, &"", &mut violations);
            let step = Step { before, after, operation: Operation::Update, today };
            of.lifecycle.check(&step, &mut Findings::new(&"", &mut violations));
            if !violations.is_empty() {
                return Err(Error::invalid(violations));
            }
        }
        fastest = fastest.min(begin.elapsed().as_secs_f64());
    }
    Ok(fastest)
}

/// The cost of records of schema files: their fields, rules and lifecycles, for the slowest type too.
fn interpret(citizens: u64) -> Result<()> {
    let catalogue = allocation::unkept(&ProvinceCode::default(), examples::all())?;
    let today = SystemClock.now().date();
    let mut maker = SampleMaker::new(&catalogue, Seed::root(1), today);
    let records = Population::new(Seed::root(1), citizens, today).flat_map(|household| household.records);
    let people: Vec<Object> =
        records.filter(|record| maker.is_person(record.record_type)).map(|record| record.payload).collect();
    let mut by_type: BTreeMap<String, (Arc<RecordType>, Vec<Object>)> = BTreeMap::new();
    for (of, payload) in people.iter().flat_map(|person| maker.records_of(person)) {
        by_type.entry(of.name.to_string()).or_insert_with(|| (of, Vec::new())).1.push(payload);
    }
    let (mut count, mut all, mut slowest) = (0, 0.0, (0.0, String::new()));
    for (name, (of, payloads)) in &by_type {
        let again = payloads.clone();
        let seconds = check_all(of, &payloads.iter().zip(&again).collect::<Vec<_>>(), today)?;
        let each = seconds * 1e6 / payloads.len() as f64;
        (count, all) = (count + payloads.len(), all + seconds);
        if each > slowest.0 {
            slowest = (each, name.clone());
        }
    }
    println!("{:<34} {count:>9} in {all:>7.2} s  {:>9.0}/s", "validate by schema files, one core", count as f64 / all);
    println!("  slowest {}: {:.1} µs a record", slowest.1, slowest.0);
    Ok(())
}

/// Generates on one thread, and loads the registries in parallel.
async fn load(hosts: &[Arc<EmbeddedRegistry>], citizens: u64) -> Result<()> {
    let (begin, at) = (Instant::now(), SystemClock.now());
    let mut lanes = BTreeMap::new();
    let mut loading = JoinSet::new();
    for host in hosts {
        let host = host.clone();
        let (lane, mut batches) = mpsc::channel::<Vec<Change>>(2);
        lanes.insert(host.sector().name.clone(), (lane, Vec::new()));
        loading.spawn(async move {
            let mut count = 0;
            while let Some(batch) = batches.recv().await {
                count += host.load(batch, at).await?.len() as u64;
            }
            Ok::<u64, Error>(count)
        });
    }
    let generating = tokio::task::spawn_blocking(move || {
        for change in changes(citizens) {
            let registry = change.record_type.split('.').next().unwrap_or_default();
            let Some((lane, filling)) = lanes.get_mut(registry) else { continue };
            filling.push(change);
            if filling.len() == LOAD_BATCH {
                // A lane that has ended reports its error itself.
                let _ = lane.blocking_send(std::mem::take(filling));
            }
        }
        for (_, (lane, rest)) in lanes {
            let _ = lane.blocking_send(rest);
        }
    });
    let mut count = 0;
    while let Some(loaded) = loading.join_next().await {
        count += loaded.map_err(Error::bug)??;
    }
    generating.await.map_err(Error::bug)?;
    report("generate, sign, store, both cores", count, begin);
    Ok(())
}

async fn follow(hosts: &[Arc<EmbeddedRegistry>]) -> Result<()> {
    let begin = Instant::now();
    let mut count = 0;
    for host in hosts {
        let mut cursor = 0;
        while let Some(batch) = host.changes(cursor, 4_096).await? {
            cursor += batch.records.len() as u64;
        }
        count += cursor;
    }
    report("follow changes, one core", count, begin);
    Ok(())
}

async fn point_reads(hosts: &[Arc<EmbeddedRegistry>]) -> Result<()> {
    let mut people = Vec::new();
    for household in Population::new(Seed::root(1), 2_000, SystemClock.now().date()) {
        people.extend(household.citizens);
    }
    let begin = Instant::now();
    let mut count = 0;
    for person in &people {
        for host in hosts {
            let query = Query::latest([] as [&str; 0], Selector::Person(*person), 50);
            count += host.read(query).await?.records.len() as u64;
        }
    }
    report("read a person's records with proofs", count, begin);
    report("  which were persons x registries", people.len() as u64 * hosts.len() as u64, begin);
    Ok(())
}
