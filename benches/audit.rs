//! An audit of a ledger of a million entries, over HTTP on loopback, everything included: fetching, leaf hashes, tiles, statements,
//! chains of versions, issuers' trees and signatures. Both sides run on this machine.
//!
//! Run with `cargo bench --bench audit`; `LIENTHONG_AUDIT_ENTRIES` sets another size.

#![allow(clippy::disallowed_methods, reason = "benchmarks measure")]

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use lienthong::api::http;
use lienthong::base::time::SystemClock;
use lienthong::base::{RecordId, Seed, Timestamp};
use lienthong::ledger::{Entry, LogId, Sequencer};
use lienthong::store::Batch;
use lienthong::store::memory::MemoryStore;
use lienthong::transparency::Logs;
use lienthong::transparency::audit::audit;
use lienthong::transparency::source::HttpSource;
use lienthong::trust::merkle::{CompactRange, hash_leaf};
use lienthong::trust::*;

const RECORDS: &str = "lienthong/H27/records";
const LAND: &str = "lienthong/H27/land";
/// Statements in a batch; the issuer's checkpoint is the batch's last entry.
const BATCH: u64 = 499;

const NOW: Timestamp = Timestamp(1_800_000_000_000);

fn signer(origin: &str) -> Arc<dyn Signer> {
    Arc::new(Ed25519Signer::from_seed(origin, &Seed::root(9).child(origin, 0)))
}

fn anchor() -> TrustAnchor {
    let keys = |origin: &str| vec![KeyRecord::active(&*signer(origin)).expect("a good key")];
    TrustAnchor {
        province: "H27".into(),
        events_from: 0,
        version: 1,
        expires_at: Timestamp(4_000_000_000_000),
        logs: vec![LogAnchor {
            continues: Vec::new(),
            origin: RECORDS.into(),
            purpose: LogPurpose::Records,
            keys: keys(RECORDS),
        }],
        issuers: vec![IssuerAnchor {
            continues: Vec::new(),
            name: "land".into(),
            origin: LAND.into(),
            schemas: vec!["land.parcel.v1".into()],
            keys: keys(LAND),
        }],
        root: Default::default(),
        signatures: Vec::new(),
    }
}

/// Every record in two versions, the second half a ledger later.
fn statement(number: u64, records: u64, hashes: &mut Vec<Hash>) -> Vec<u8> {
    let record = number % records;
    let version = number / records + 1;
    let previous = if version == 1 { [0; 32] } else { hashes[record as usize] };
    let statement = Statement {
        issuer: "land".into(),
        schema: "land.parcel.v1".into(),
        record_id: RecordId(u128::from(record + 1).to_be_bytes()),
        version,
        previous,
        operation: if version == 1 { Operation::Create } else { Operation::Update },
        issued_at: NOW,
        valid_from: NOW,
        valid_until: Timestamp::MAX,
        status_index: record as u32,
        field_count: 12,
        fields_root: hash_leaf(&number.to_be_bytes()),
    }
    .encode();
    let hash = statement_hash(&statement);
    if version == 1 {
        hashes.push(hash)
    } else {
        hashes[record as usize] = hash
    }
    statement
}

fn entry(kind: EntryType, body: &[u8]) -> Entry {
    Entry { leaf: kind.leaf(body), body: Bytes::from(kind.entry(body)) }
}

async fn build(entries: u64) -> Arc<Sequencer> {
    let store = Arc::new(MemoryStore::new());
    let clock = Arc::new(SystemClock);
    let ledger = Sequencer::open(store, LogId(200), RECORDS, signer(RECORDS), clock).await.expect("opens");
    let records = (entries / 2).max(1);
    let (mut issued, mut hashes, mut number) = (CompactRange::new(), Vec::new(), 0);
    let events = KeyEvent::between(None, &anchor()).expect("events");
    let events = events.iter().map(|event| entry(EntryType::KeyEvent, &event.body())).collect();
    ledger.append(events, |_| Batch::new()).await.expect("appends");
    while ledger.head().size < entries {
        let mut batch = Vec::new();
        for _ in 0..BATCH {
            let statement = statement(number, records, &mut hashes);
            issued.append(hash_leaf(&statement));
            batch.push(entry(EntryType::Statement, &statement));
            number += 1;
        }
        let head = Checkpoint { origin: LAND.into(), size: issued.size(), root: issued.root() };
        batch.push(entry(EntryType::IssuerCheckpoint, &head.sign(&*signer(LAND)).expect("signs")));
        ledger.append(batch, |_| Batch::new()).await.expect("appends");
    }
    ledger
}

fn main() {
    let entries = std::env::var("LIENTHONG_AUDIT_ENTRIES").ok().and_then(|text| text.parse().ok()).unwrap_or(1_000_000);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let begun = Instant::now();
    let ledger = runtime.block_on(build(entries));
    println!("a ledger of {} entries, made in {:.1} s", ledger.head().size, begun.elapsed().as_secs_f64());
    let mut logs = Logs::default();
    logs.add(ledger.log().clone(), true);
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).expect("a free port");
    let address = listener.local_addr().expect("bound");
    runtime.spawn(async move { axum::serve(listener, http::logs::router(logs, None)).await });
    for run in 1..=3 {
        let begun = Instant::now();
        let source = HttpSource::new(format!("http://{address}/logs/records"), None);
        let (report, state) = audit(&source, &anchor(), None, NOW, &|_, _| ()).expect("passes");
        assert_eq!(report.findings_total, 0, "{:?}", report.findings);
        let seconds = begun.elapsed().as_secs_f64();
        println!("audit {run}: {seconds:.2} s, {:.0} entries/s", report.size as f64 / seconds);
        if run == 1 {
            let folder = tempfile::tempdir().expect("a folder");
            let begun = Instant::now();
            state.save(&folder.path().join("state.json")).expect("writes");
            println!("its state, written durably: {:.2} s", begun.elapsed().as_secs_f64());
        }
    }
}
