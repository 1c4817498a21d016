//! Survival of SIGKILL: a process that appends to a ledger is killed at random moments, again and again over one
//! folder, and each time all acknowledged entries exist, and the log rebuilds to its signed root.
//!
//! The process is this test program itself, started with a variable that turns the test into the appender; it prints
//! each acknowledged append as a line.

#![allow(clippy::disallowed_methods, reason = "tests measure and wait by the machine's time")]
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use lienthong::base::Seed;
use lienthong::base::time::SystemClock;
use lienthong::ledger::{Entry, LogId, Sequencer};
use lienthong::store::fjall::{FjallOptions, FjallStore};
use lienthong::store::{Batch, Space, Store};
use lienthong::trust::keys::Ed25519Signer;
use lienthong::trust::merkle::{hash_leaf, verify_inclusion};
use lienthong::trust::note::Checkpoint;

const FOLDER: &str = "LIENTHONG_CRASH_FOLDER";
const ROUND: &str = "LIENTHONG_CRASH_ROUND";
const ROUNDS: u64 = 8;
const CALLERS: u64 = 8;
const ORIGIN: &str = "lienthong/H27/crash";

async fn open(folder: &Path) -> (Arc<dyn Store>, Arc<Sequencer>) {
    // Small buffers, so that the kill also meets the engine writing tables and compacting.
    let options = FjallOptions { memtable_bytes: 256 * 1024, ..FjallOptions::default() };
    let store: Arc<dyn Store> = Arc::new(FjallStore::open_with(folder, options).unwrap());
    let signer = Arc::new(Ed25519Signer::from_seed(ORIGIN, &Seed::root(1)));
    let ledger = Sequencer::open(store.clone(), LogId(1), ORIGIN, signer, Arc::new(SystemClock)).await.unwrap();
    (store, ledger)
}

fn body(round: u64, caller: u64, step: u64) -> Bytes {
    let name = format!("{round}/{caller}/{step}");
    Bytes::from(format!("{name} {}", "x".repeat(name.len() * 40)))
}

/// Appends until it is killed: each caller its own chain of entries, each with a row that names the entry's index.
async fn append_forever(folder: &Path, round: u64) {
    let (_store, ledger) = open(folder).await;
    let callers = (0..CALLERS).map(|caller| {
        let ledger = ledger.clone();
        tokio::spawn(async move {
            for step in 0.. {
                let body = body(round, caller, step);
                let entry = Entry { leaf: hash_leaf(&body), body };
                let key = format!("{round}/{caller}/{step}");
                let row = |first: u64| Batch::new().put(Space::Record, key, first.to_be_bytes().to_vec());
                let index = ledger.append(vec![entry], row).await.unwrap().first_index;
                println!("acknowledged {caller} {step} {index}");
            }
        })
    });
    futures::future::join_all(callers.collect::<Vec<_>>()).await;
}

/// Lets a child append for a while, kills it, and returns the acknowledged entries: (caller, step) to index.
fn run_and_kill(folder: &Path, round: u64) -> BTreeMap<(u64, u64), u64> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "acknowledged_changes_survive_a_kill", "--nocapture"])
        .env(FOLDER, folder)
        .env(ROUND, round.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let child = Arc::new(Mutex::new(child));
    // The clock of the kill starts with the first acknowledgement; its length is chance, but the round's own.
    let wait = Duration::from_millis(20 + Seed::root(round).draws().below(400));
    let mut killer = None;
    let mut acknowledged = BTreeMap::new();
    for line in lines.map_while(Result::ok) {
        let mut words = line.split(' ').skip_while(|word| *word != "acknowledged").skip(1);
        let mut number = || words.next()?.parse::<u64>().ok();
        if let (Some(caller), Some(step), Some(index)) = (number(), number(), number()) {
            acknowledged.insert((caller, step), index);
            if killer.is_none() {
                let child = child.clone();
                killer = Some(std::thread::spawn(move || {
                    std::thread::sleep(wait);
                    child.lock().unwrap().kill().unwrap();
                }));
            }
        }
    }
    killer.expect("the child acknowledged something").join().unwrap();
    assert!(!child.lock().unwrap().wait().unwrap().success(), "the child was killed");
    acknowledged
}

#[test]
fn acknowledged_changes_survive_a_kill() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    if let (Some(folder), Ok(round)) = (std::env::var_os(FOLDER), std::env::var(ROUND)) {
        return runtime.block_on(append_forever(Path::new(&folder), round.parse().unwrap()));
    }
    let folder = tempfile::tempdir().unwrap();
    let mut all = BTreeMap::new();
    for round in 0..ROUNDS {
        let acknowledged = run_and_kill(folder.path(), round);
        all.extend(acknowledged.into_iter().map(|((caller, step), index)| ((round, caller, step), index)));
        runtime.block_on(check(folder.path(), &all));
    }
}

/// Opening verifies the log; then each acknowledged entry has its acknowledged index, with its row, and is proved.
async fn check(folder: &Path, all: &BTreeMap<(u64, u64, u64), u64>) {
    let (store, ledger) = open(folder).await;
    let head = ledger.head();
    for ((round, caller, step), index) in all {
        let (body, key) = (body(*round, *caller, *step), format!("{round}/{caller}/{step}"));
        assert_eq!(ledger.entry(*index).await.unwrap(), body, "{key}");
        let row = store.get(Space::Record, key.as_bytes()).await.unwrap();
        assert_eq!(row.as_deref(), Some(&index.to_be_bytes()[..]), "{key}");
        let proof = ledger.prove(*index).await.unwrap();
        let root = Checkpoint::of_note(&proof.checkpoint).unwrap().root;
        verify_inclusion(&hash_leaf(&body), *index, head.size, &proof.path, &root).unwrap();
    }
    // No entry occurs twice or lacks its row: as many rows as entries.
    let rows = store.scan(lienthong::store::Scan::prefix(Space::Record, b"")).await.unwrap();
    assert_eq!(rows.len() as u64, head.size);
}
