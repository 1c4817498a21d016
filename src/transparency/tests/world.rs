//! A record ledger in memory whose entries a test writes itself, also those that no province would: with the keys of the test world, and a
//! trust anchor of its own that changes from version to version.

use std::sync::Arc;

use bytes::Bytes;

use crate::base::time::FixedClock;
use crate::base::{Clock, RecordId, Timestamp};
use crate::ledger::{Entry, Head, LogId, Sequencer};
use crate::store::Batch;
use crate::store::memory::MemoryStore;
use crate::transparency::Logs;
use crate::transparency::witness::Witness;
use crate::transparency::witness::memory::Memory;
use crate::transparency::witness::request::AddCheckpoint;
use crate::trust::merkle::{CompactRange, hash_leaf};
use crate::trust::note::Checkpoint;
use crate::trust::*;
pub(crate) use crate::world::foundation::signer;

pub(crate) const NOW: Timestamp = Timestamp(1_800_000_000_000);
pub(crate) const RECORDS: &str = "lienthong/H27/records";
pub(crate) const LAND: &str = "lienthong/H27/land";

pub(crate) fn anchor() -> TrustAnchor {
    let keys = |origin: &str| vec![KeyRecord::active(&*signer(origin)).expect("a good key")];
    TrustAnchor {
        province: "H27".into(),
        version: 1,
        expires_at: Timestamp(NOW.0 * 2),
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
        events_from: 0,
        root: Default::default(),
        signatures: Vec::new(),
    }
}

/// A registry that issues, and the record ledger that takes it in, without anything between them.
pub(crate) struct World {
    pub ledger: Arc<Sequencer>,
    pub logs: Logs,
    issued: CompactRange,
    versions: Vec<(u64, Hash)>,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::at(Arc::new(FixedClock::at(NOW))).await
    }

    /// It begins with the key events of the anchor.
    pub(crate) async fn at(clock: Arc<dyn Clock>) -> Self {
        let world = Self::without_keys(clock).await;
        world.append(key_events(None, &anchor())).await;
        world
    }

    pub(crate) async fn without_keys(clock: Arc<dyn Clock>) -> Self {
        let store = Arc::new(MemoryStore::new());
        let ledger = Sequencer::open(store, LogId(200), RECORDS, signer(RECORDS), clock).await.expect("opens");
        let mut logs = Logs::default();
        logs.add(ledger.log().clone(), true);
        Self { ledger, logs, issued: CompactRange::new(), versions: Vec::new() }
    }

    /// The statement of the next version of a record.
    pub(crate) fn statement(&mut self, record: usize) -> Vec<u8> {
        if self.versions.len() <= record {
            self.versions.resize(record + 1, (0, [0; 32]));
        }
        let (version, previous) = self.versions[record];
        let statement = self.draft(record, version + 1, previous).encode();
        self.versions[record] = (version + 1, statement_hash(&statement));
        statement
    }

    pub(crate) fn draft(&self, record: usize, version: u64, previous: Hash) -> Statement {
        Statement {
            issuer: "land".into(),
            schema: "land.parcel.v1".into(),
            record_id: RecordId((record as u128 + 1).to_be_bytes()),
            version,
            previous,
            operation: if version == 1 { Operation::Create } else { Operation::Update },
            issued_at: NOW,
            valid_from: NOW,
            valid_until: Timestamp::MAX,
            status_index: 0,
            field_count: 1,
            fields_root: [7; 32],
        }
    }

    /// Appends statements and the issuer's checkpoint over them.
    pub(crate) async fn take(&mut self, statements: Vec<Vec<u8>>) {
        let mut entries = Vec::new();
        for statement in &statements {
            self.issued.append(hash_leaf(statement));
            entries.push(entry(EntryType::Statement, statement));
        }
        let head = Checkpoint { origin: LAND.into(), size: self.issued.size(), root: self.issued.root() };
        entries.push(entry(EntryType::IssuerCheckpoint, &head.sign(&*signer(LAND)).expect("signs")));
        self.append(entries).await;
    }

    pub(crate) async fn append(&self, entries: Vec<Entry>) {
        self.ledger.append(entries, |_| Batch::new()).await.expect("appends");
    }

    /// Grows by batches, each a version of `step` records.
    pub(crate) async fn grow(&mut self, batches: usize, step: usize) {
        for batch in 0..batches {
            let statements = (0..step).map(|at| self.statement((batch * 7 + at) % (step * 3))).collect();
            self.take(statements).await;
        }
    }
}

/// The entries that lead from one version of the anchor to the next.
pub(crate) fn key_events(before: Option<&TrustAnchor>, next: &TrustAnchor) -> Vec<Entry> {
    let events = KeyEvent::between(before, next).expect("events");
    events.iter().map(|event| entry(EntryType::KeyEvent, &event.body())).collect()
}

pub(crate) fn entry(kind: EntryType, body: &[u8]) -> Entry {
    Entry { leaf: kind.leaf(body), body: Bytes::from(kind.entry(body)) }
}

pub(crate) fn witness(folder: &std::path::Path) -> Witness {
    let memory = Memory::open(folder).expect("opens");
    Witness::new(anchor(), signer("witness.example/w1"), Arc::new(FixedClock::at(NOW)), memory)
}

pub(crate) async fn request(ledger: &Sequencer, old_size: u64, head: &Head) -> Vec<u8> {
    let path =
        if old_size == 0 { vec![] } else { ledger.prove_consistency(old_size, head.size).await.expect("proves") };
    AddCheckpoint { old_size, path, note: head.note.clone() }.write()
}

pub(crate) fn conflicts(folder: &std::path::Path) -> Vec<serde_json::Value> {
    let files = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("readable").path());
    let json = files.filter(|path| path.extension().is_some_and(|ending| ending == "json"));
    json.map(|path| serde_json::from_slice(&std::fs::read(path).expect("reads")).expect("JSON")).collect()
}
