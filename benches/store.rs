//! Throughput of the embedded store and a ledger over it on this machine, durable, in rows and appends a second.
//!
//! A plain harness: each figure is one run of seconds over a fresh folder, because a log-structured engine shows its
//! cost only once it compacts, which a thousand short iterations never reach. `cargo bench --bench store -- NAME`
//! runs the parts whose name holds NAME; `LIENTHONG_BENCH_DIR` chooses the disk.

#![allow(clippy::disallowed_methods, reason = "benchmarks measure")]
#![allow(clippy::print_stdout)] // its output is what it is for

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use lienthong::base::Seed;
use lienthong::base::seed::Draws;
use lienthong::base::time::SystemClock;
use lienthong::ledger::{Entry, LogId, Sequencer};
use lienthong::store::fjall::{FjallOptions, FjallStore};
use lienthong::store::{Batch, Space, Store};
use lienthong::trust::keys::Ed25519Signer;
use lienthong::trust::merkle::hash_leaf;

type Outcome = Result<(), Box<dyn std::error::Error>>;

fn main() -> Outcome {
    let wanted = std::env::args().skip(1).find(|argument| !argument.starts_with('-')).unwrap_or_default();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        for (name, part) in PARTS {
            if name.contains(&wanted) {
                println!("{name}");
                part().await?;
            }
        }
        Ok(())
    })
}

type Part = fn() -> std::pin::Pin<Box<dyn Future<Output = Outcome>>>;

const PARTS: &[(&str, Part)] = &[
    ("store/small-rows", || Box::pin(rows(Shape { key: 30, value: 100, space: Space::RecordIndex, total: 2_000_000 }))),
    ("store/record-rows", || Box::pin(rows(Shape { key: 30, value: 1_024, space: Space::Record, total: 1_000_000 }))),
    ("store/ingest", || Box::pin(ingest())),
    ("store/single-commits", || Box::pin(single_commits())),
    ("store/idle-memory", || Box::pin(idle_memory())),
    ("ledger", || Box::pin(ledger())),
];

/// A fresh folder, deleted when the value is dropped.
fn folder() -> std::io::Result<tempfile::TempDir> {
    let parent = std::env::var_os("LIENTHONG_BENCH_DIR").map_or_else(std::env::temp_dir, PathBuf::from);
    tempfile::Builder::new().prefix("lienthong-bench-").tempdir_in(parent)
}

#[derive(Clone, Copy)]
struct Shape {
    key: usize,
    value: usize,
    space: Space,
    total: usize,
}

/// Half random, half text: compresses about as well as a payload with its signature bytes.
fn value(draws: &mut Draws, length: usize) -> Bytes {
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length / 2 {
        bytes.extend_from_slice(&draws.bits().to_be_bytes());
    }
    let words =
        ["\"commune_code\":\"", "\"issued_at\":\"", "\"holder\":\"", "\"full_name\":\"", "\",", "\"31", "\"2019-"];
    while bytes.len() < length {
        bytes.extend_from_slice(draws.pick(&words).unwrap_or(&"").as_bytes());
    }
    bytes.truncate(length);
    bytes.into()
}

fn key(draws: &mut Draws, length: usize) -> Bytes {
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        bytes.extend_from_slice(&draws.bits().to_be_bytes());
    }
    bytes.truncate(length);
    bytes.into()
}

fn report(what: &str, count: usize, taken: Duration) {
    let rate = count as f64 / taken.as_secs_f64();
    println!("  {what:<44} {count:>9} in {:>7.2} s  {rate:>11.0}/s", taken.as_secs_f64());
}

/// Scattered rows in commits of 4,096, two callers at once; then point reads of them.
async fn rows(shape: Shape) -> Outcome {
    let folder = folder()?;
    let store = Arc::new(FjallStore::open_with(folder.path(), FjallOptions::bulk())?);
    let begin = Instant::now();
    let each = shape.total / 2;
    let mut writers = Vec::new();
    for writer in 0..2 {
        let (store, Shape { key: key_length, value: value_length, space, .. }) = (store.clone(), shape);
        writers.push(tokio::spawn(async move {
            let mut draws = Seed::root(writer).draws();
            let mut left = each;
            while left > 0 {
                let now = left.min(4_096);
                let mut batch = Batch::new();
                for _ in 0..now {
                    batch.push_put(space, key(&mut draws, key_length), value(&mut draws, value_length));
                }
                store.commit(batch).await?;
                left -= now;
            }
            lienthong::base::Result::<()>::Ok(())
        }));
    }
    for writer in writers {
        writer.await??;
    }
    report("rows written, two callers", shape.total, begin.elapsed());

    let mut draws = Seed::root(0).draws();
    let reads = 100_000.min(each);
    let keys: Vec<Bytes> = (0..reads)
        .map(|_| {
            let key = key(&mut draws, shape.key);
            value(&mut draws, shape.value);
            key
        })
        .collect();
    let begin = Instant::now();
    for key in &keys {
        store.get(shape.space, key).await?.ok_or("a row is gone")?;
    }
    report("rows read one by one, one caller", reads, begin.elapsed());
    Ok(())
}

/// The shape of a load: for each record two rows of 1.2 KB and two index rows of 60 bytes, while another thread works.
async fn ingest() -> Outcome {
    const RECORDS: usize = 900_000;
    let folder = folder()?;
    let store = FjallStore::open_with(folder.path(), FjallOptions::bulk())?;
    let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let busy = std::thread::spawn({
        let stop = stop.clone();
        move || {
            let mut draws = Seed::root(1).draws();
            let mut sum = 0u64;
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                sum = (0..1_000).fold(sum, |sum, _| sum ^ draws.bits());
            }
            sum
        }
    });
    let payloads: Vec<Bytes> = (0..4_096).scan(Seed::root(7).draws(), |draws, _| Some(value(draws, 1_200))).collect();
    let mut draws = Seed::root(2).draws();
    let begin = Instant::now();
    let mut before: Option<tokio::task::JoinHandle<lienthong::base::Result<()>>> = None;
    let store = Arc::new(store);
    for from in (0..RECORDS).step_by(4_096) {
        let mut batch = Batch::new();
        for at in from..RECORDS.min(from + 4_096) {
            let body = payloads[at % payloads.len()].clone();
            batch.push_put(Space::Record, key(&mut draws, 25), body.clone());
            batch.push_put(Space::Record, key(&mut draws, 33), body);
            batch.push_put(Space::RecordIndex, key(&mut draws, 50), Bytes::new());
            batch.push_put(Space::RecordIndex, key(&mut draws, 50), Bytes::new());
        }
        let store = store.clone();
        let now = tokio::spawn(async move { store.commit(batch).await });
        if let Some(before) = before.replace(now) {
            before.await??;
        }
    }
    if let Some(last) = before {
        last.await??;
    }
    report("records of four rows, beside a busy thread", RECORDS, begin.elapsed());
    let begin = Instant::now();
    drop(store);
    report("close", 1, begin.elapsed());
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    busy.join().map_err(|_| "the busy thread panicked")?;
    let begin = Instant::now();
    let store = FjallStore::open(folder.path())?;
    report("open again", 1, begin.elapsed());
    drop(store);
    Ok(())
}

/// One small row a commit, by one caller and by 64 at once: the cost of the sync, and the gain of sharing it.
async fn single_commits() -> Outcome {
    let folder = folder()?;
    let store = Arc::new(FjallStore::open(folder.path())?);
    for (callers, each) in [(1_u64, 2_000_usize), (64, 500)] {
        let begin = Instant::now();
        let mut tasks = Vec::new();
        for caller in 0..callers {
            let store = store.clone();
            tasks.push(tokio::spawn(async move {
                let mut draws = Seed::root(caller).draws();
                for _ in 0..each {
                    let row = value(&mut draws, 200);
                    store.commit(Batch::new().put(Space::Record, key(&mut draws, 30), row)).await?;
                }
                lienthong::base::Result::<()>::Ok(())
            }));
        }
        for task in tasks {
            task.await??;
        }
        report(&format!("commits of one row, {callers} callers"), callers as usize * each, begin.elapsed());
    }
    Ok(())
}

/// The memory of the process after it wrote the rows of a thousand citizens with the default options, at rest.
async fn idle_memory() -> Outcome {
    const RECORDS: usize = 9_000;
    let resident = || -> Option<u64> {
        let pages = std::fs::read_to_string("/proc/self/statm").ok()?.split(' ').nth(1)?.parse::<u64>().ok()?;
        Some(pages * 4 / 1024)
    };
    let before = resident();
    let folder = folder()?;
    let store = FjallStore::open(folder.path())?;
    let mut draws = Seed::root(5).draws();
    for from in (0..RECORDS).step_by(500) {
        let mut batch = Batch::new();
        for _ in from..from + 500 {
            batch.push_put(Space::Record, key(&mut draws, 25), value(&mut draws, 1_200));
            batch.push_put(Space::Record, key(&mut draws, 33), value(&mut draws, 1_200));
            batch.push_put(Space::RecordIndex, key(&mut draws, 50), Bytes::new());
            batch.push_put(Space::RecordIndex, key(&mut draws, 50), Bytes::new());
            batch.push_put(Space::LogEntry, key(&mut draws, 9), value(&mut draws, 600));
        }
        store.commit(batch).await?;
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    match (before, resident()) {
        (Some(before), Some(after)) => println!("  resident: {before} MiB before, {after} MiB after {RECORDS} records"),
        _ => println!("  resident memory is not known on this system"),
    }
    Ok(())
}

/// A ledger of 230-byte entries: appends in full batches and one by one, then proofs and opening it again.
async fn ledger() -> Outcome {
    const ENTRIES: u64 = 1_000_000;
    let folder = folder()?;
    let store: Arc<dyn Store> = Arc::new(FjallStore::open_with(folder.path(), FjallOptions::bulk())?);
    let open = |store: Arc<dyn Store>| async {
        let signer = Arc::new(Ed25519Signer::from_seed("lienthong/H27/bench", &Seed::root(1)));
        Sequencer::open(store, LogId(1), "lienthong/H27/bench", signer, Arc::new(SystemClock)).await
    };
    let log = open(store.clone()).await?;
    let mut draws = Seed::root(3).draws();
    let bodies: Vec<Bytes> = (0..4_096).map(|_| key(&mut draws, 230)).collect();
    let entries = || bodies.iter().map(|body| Entry { leaf: hash_leaf(body), body: body.clone() }).collect::<Vec<_>>();
    let begin = Instant::now();
    while log.head().size < ENTRIES {
        log.append(entries(), |_| Batch::new()).await?;
    }
    let size = log.head().size;
    report("entries appended, 4,096 at once, one caller", size as usize, begin.elapsed());

    for (callers, each) in [(1_u64, 500_usize), (64, 200)] {
        let begin = Instant::now();
        let mut tasks = Vec::new();
        for _ in 0..callers {
            let (log, body) = (log.clone(), bodies[0].clone());
            tasks.push(tokio::spawn(async move {
                for _ in 0..each {
                    let entry = Entry { leaf: hash_leaf(&body), body: body.clone() };
                    log.append(vec![entry], |_| Batch::new()).await?;
                }
                lienthong::base::Result::<()>::Ok(())
            }));
        }
        for task in tasks {
            task.await??;
        }
        report(&format!("entries appended one by one, {callers} callers"), callers as usize * each, begin.elapsed());
    }

    for (what, among) in [("proofs among the newest 50,000", 50_000), ("proofs among all", size)] {
        for _ in 0..2_000 {
            log.prove(size - 1 - draws.below(among)).await?;
        }
        let begin = Instant::now();
        for _ in 0..20_000 {
            log.prove(size - 1 - draws.below(among)).await?;
        }
        report(what, 20_000, begin.elapsed());
    }
    let begin = Instant::now();
    for _ in 0..20_000 {
        log.entry(draws.below(size)).await?;
    }
    report("entries read one by one", 20_000, begin.elapsed());
    drop(log);
    let begin = Instant::now();
    open(store).await?;
    report("leaves rebuilt at opening", size as usize, begin.elapsed());
    Ok(())
}
