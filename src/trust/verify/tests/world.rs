//! A small world: two issuers, two ledgers, an anchor, and good records to spoil.

use crate::base::{RecordId, Seed, Timestamp};
use crate::trust::anchor::{IssuerAnchor, KeyRecord, LogAnchor, LogPurpose, TrustAnchor};
use crate::trust::canonical::{Object, write};
use crate::trust::entry::EntryType;
use crate::trust::issue::{Draft, build_record};
use crate::trust::keys::{Ed25519Signer, Signer};
use crate::trust::merkle::{Hash, Node, ProofError, hash_leaf, prove_inclusion, root_in_place};
use crate::trust::note::Checkpoint;
use crate::trust::record::{Disclosure, LogProof, SignedRecord};
use crate::trust::statement::Operation;
use crate::trust::verdict::{Code, Report, Verdict};
use crate::trust::verify::Verifier;

pub(super) const NOW: Timestamp = Timestamp(1_795_000_000_000);
pub(super) const SALT: [u8; 32] = [7; 32];
pub(super) const INVALID: fn(Code) -> Verdict = Verdict::Invalid;

/// A log in memory.
pub(super) struct TestLog {
    pub(super) signer: Ed25519Signer,
    pub(super) leaves: Vec<Hash>,
}

impl TestLog {
    pub(super) fn new(origin: &str) -> Self {
        let signer = Ed25519Signer::from_seed(origin, &Seed::root(1).child(origin, 0));
        // other leaves, so that paths have siblings on both sides
        Self { signer, leaves: (0..5u8).map(|i| hash_leaf(&[i])).collect() }
    }

    pub(super) fn origin(&self) -> &str {
        self.signer.key_name()
    }

    pub(super) fn append(&mut self, leaf: Hash) -> u64 {
        self.leaves.push(leaf);
        self.leaves.len() as u64 - 1
    }

    pub(super) fn checkpoint(&self) -> Checkpoint {
        let root = root_in_place(&mut self.leaves.clone());
        Checkpoint { origin: self.origin().to_owned(), size: self.leaves.len() as u64, root }
    }

    pub(super) fn proof(&self, index: u64) -> LogProof {
        let checkpoint = self.checkpoint().sign(&self.signer).expect("signs");
        LogProof { checkpoint, index, path: self.path(index) }
    }

    pub(super) fn path(&self, index: u64) -> Vec<Hash> {
        let node = |node: Node| {
            let from = (node.index << node.level) as usize;
            Ok::<_, ProofError>(root_in_place(&mut self.leaves[from..from + (1 << node.level)].to_vec()))
        };
        prove_inclusion(index, self.leaves.len() as u64, node).expect("in range")
    }

    pub(super) fn key(&self) -> KeyRecord {
        KeyRecord::active(&self.signer).expect("a good key")
    }
}

pub(super) struct World {
    pub(super) land: TestLog,
    pub(super) vehicle: TestLog,
    pub(super) records: TestLog,
    pub(super) evidence: TestLog,
    pub(super) anchor: TrustAnchor,
}

pub(super) fn payload() -> Object {
    Object::new()
        .with("address", "Thôn Đông, xã Lương Tài")
        .with("area_m2", 250)
        .with("holder", Object::new().with("full_name", "Nguyễn Văn An").with("personal_id", "027085000001"))
        .with("number", "CĐ 123456")
        .with("shared", false)
}

pub(super) fn draft() -> Draft<'static> {
    Draft {
        issuer: "land",
        schema: "land.parcel.v1",
        record_id: RecordId([5; 16]),
        version: 1,
        previous: [0; 32],
        operation: Operation::Create,
        issued_at: NOW.plus_ms(-1000),
        valid_from: NOW.plus_ms(-1000),
        valid_until: Timestamp::MAX,
        status_index: 3,
    }
}

impl World {
    pub(super) fn new() -> Self {
        let log = |name: &str| TestLog::new(&format!("lienthong/H27/{name}"));
        let (land, vehicle, records, evidence) = (log("land"), log("vehicle"), log("records"), log("evidence"));
        let issuer = |name: &str, log: &TestLog| IssuerAnchor {
            continues: Vec::new(),
            name: name.to_owned(),
            origin: log.origin().to_owned(),
            schemas: vec![if name == "land" { "land.parcel.v1" } else { "vehicle.registration.v1" }.to_owned()],
            keys: vec![log.key()],
        };
        let ledger = |log: &TestLog, purpose| LogAnchor {
            continues: Vec::new(),
            origin: log.origin().to_owned(),
            purpose,
            keys: vec![log.key()],
        };
        let anchor = TrustAnchor {
            province: "H27".to_owned(),
            version: 1,
            events_from: 0,
            root: Default::default(),
            signatures: Vec::new(),
            expires_at: NOW.plus_ms(86_400_000),
            logs: vec![ledger(&records, LogPurpose::Records), ledger(&evidence, LogPurpose::Evidence)],
            issuers: vec![issuer("land", &land), issuer("vehicle", &vehicle)],
        };
        Self { land, vehicle, records, evidence, anchor }
    }

    /// Issues through the land registry's log and the record ledger.
    pub(super) fn record(&mut self, draft: Draft<'_>) -> SignedRecord {
        let payload = write(&payload());
        let (_, statement) = build_record(draft, &payload, &SALT).expect("canonical");
        let index = self.land.append(hash_leaf(&statement));
        let ledger_index = self.records.append(EntryType::Statement.leaf(&statement));
        for i in 0..6u8 {
            self.land.append(hash_leaf(&[i, i]));
            self.records.append(hash_leaf(&[i, i, i]));
        }
        SignedRecord {
            statement: statement.into(),
            disclosure: Disclosure::Whole { payload: payload.into(), salt: SALT },
            issuer_proof: Some(self.land.proof(index)),
            ledger_proof: Some(self.records.proof(ledger_index)),
        }
    }

    pub(super) fn verifier(&self) -> Verifier {
        Verifier::new(self.anchor.clone())
    }

    pub(super) fn verify(&self, record: &SignedRecord) -> Report {
        self.verifier().verify(record, NOW)
    }
}

/// A world with one good record.
pub(super) fn issued() -> (World, SignedRecord) {
    let mut world = World::new();
    let record = world.record(draft());
    (world, record)
}

pub(super) fn check(report: &Report, verdict: Verdict, failed: &[&str]) {
    assert_eq!(report.verdict, verdict, "{report:#?}");
    assert_eq!(report.failed().map(|check| check.name).collect::<Vec<_>>(), failed);
    assert_eq!(report.checks.len(), 14);
}
