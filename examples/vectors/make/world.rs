//! A small world that vectors are cut from: two registries, the province's two ledgers, an anchor, and good records to spoil.

use lienthong::base::{RecordId, Seed, Timestamp};
use lienthong::trust::Salt;
use lienthong::trust::canonical::write;
use lienthong::trust::merkle::{Node, ProofError, hash_leaf, prove_inclusion, root_in_place};
use lienthong::trust::*;

/// 2026-11-18T10:13:20Z: the time of verification in vectors, unless one names another.
pub const NOW: Timestamp = Timestamp(1_794_996_800_000);
/// A hundred years later: for anchors that are used with today's clock.
pub const LATE: Timestamp = Timestamp(NOW.0 + 100 * 365 * 86_400_000);
/// The salt of every record.
pub const SALT: Salt = [7; 32];

/// A log in memory; its key comes from its origin.
pub struct Log {
    pub signer: Box<dyn Signer>,
    pub leaves: Vec<Hash>,
}

/// The seed of the key of a log.
pub fn seed_of(origin: &str) -> Seed {
    Seed::root(1).child(origin, 0)
}

/// The key of a log.
pub fn signer_of(origin: &str) -> Box<dyn Signer> {
    Box::new(Ed25519Signer::from_seed(origin, &seed_of(origin)))
}

impl Log {
    /// A log of `before` other leaves.
    pub fn new(origin: &str, before: u16) -> Self {
        Self { signer: signer_of(origin), leaves: (0..before).map(other_leaf).collect() }
    }

    pub fn origin(&self) -> &str {
        self.signer.key_name()
    }

    pub fn append(&mut self, leaf: Hash) -> u64 {
        self.leaves.push(leaf);
        self.leaves.len() as u64 - 1
    }

    pub fn checkpoint(&self) -> Checkpoint {
        let root = root_in_place(&mut self.leaves.clone());
        Checkpoint { origin: self.origin().to_owned(), size: self.leaves.len() as u64, root }
    }

    pub fn proof(&self, index: u64) -> LogProof {
        let checkpoint = self.checkpoint().sign(&*self.signer).expect("a signer in memory signs");
        LogProof { checkpoint, index, path: path(&self.leaves, index) }
    }

    pub fn key(&self) -> KeyRecord {
        KeyRecord::active(&*self.signer).expect("a good key")
    }
}

/// Leaves that are not read.
pub fn other_leaf(number: u16) -> Hash {
    hash_leaf(&number.to_be_bytes())
}

/// A leaf's inclusion path.
pub fn path(leaves: &[Hash], index: u64) -> Vec<Hash> {
    let node = |node: Node| Ok::<_, ProofError>(node_hash(leaves, node));
    prove_inclusion(index, leaves.len() as u64, node).expect("the index lies in the tree")
}

/// A node's hash.
pub fn node_hash(leaves: &[Hash], node: Node) -> Hash {
    let from = (node.index << node.level) as usize;
    root_in_place(&mut leaves[from..from + (1 << node.level)].to_vec())
}

/// The world.
pub struct World {
    pub land: Log,
    pub vehicle: Log,
    pub records: Log,
    pub evidence: Log,
    pub anchor: TrustAnchor,
}

/// The payload of most records. Not that of the land registry: a verifier needs no record type's rules.
pub fn payload() -> Object {
    Object::new()
        .with("address", "Thôn Đông, xã Lương Tài")
        .with("area_m2", 250)
        .with("holder", Object::new().with("full_name", "Nguyễn Văn An").with("personal_id", "027085000001"))
        .with("number", "CĐ 123456")
        .with("shared", false)
}

/// A whole disclosure.
pub fn whole(payload: impl Into<Vec<u8>>) -> Disclosure {
    Disclosure::Whole { payload: payload.into().into(), salt: SALT }
}

/// The content of most statements.
pub fn draft() -> Draft<'static> {
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
    /// Logs with five other leaves first.
    pub fn new() -> Self {
        Self::with_leaves_before(5)
    }

    pub fn with_leaves_before(before: u16) -> Self {
        let log = |name: &str| Log::new(&format!("lienthong/H27/{name}"), before);
        let (land, vehicle, records, evidence) = (log("land"), log("vehicle"), log("records"), log("evidence"));
        let issuer = |name: &str, log: &Log, schema: &str| IssuerAnchor {
            continues: Vec::new(),
            name: name.to_owned(),
            origin: log.origin().to_owned(),
            schemas: vec![schema.to_owned()],
            keys: vec![log.key()],
        };
        let ledger = |log: &Log, purpose| LogAnchor {
            continues: Vec::new(),
            origin: log.origin().to_owned(),
            purpose,
            keys: vec![log.key()],
        };
        let anchor = TrustAnchor {
            province: "H27".to_owned(),
            events_from: 0,
            version: 1,
            expires_at: NOW.plus_ms(86_400_000),
            logs: vec![ledger(&records, LogPurpose::Records), ledger(&evidence, LogPurpose::Evidence)],
            issuers: vec![
                issuer("land", &land, "land.parcel.v1"),
                issuer("vehicle", &vehicle, "vehicle.registration.v1"),
            ],
            root: Root::default(),
            signatures: vec![],
        };
        Self { land, vehicle, records, evidence, anchor }
    }

    /// Puts a statement into the land registry's log and the record ledger, other leaves after it, and returns the record.
    pub fn stand(&mut self, statement: Vec<u8>, disclosure: Disclosure) -> SignedRecord {
        let index = self.land.append(hash_leaf(&statement));
        let ledger_index = self.records.append(EntryType::Statement.leaf(&statement));
        for number in 100..106 {
            self.land.append(other_leaf(number));
            self.records.append(other_leaf(number));
        }
        SignedRecord {
            statement: statement.into(),
            disclosure,
            issuer_proof: Some(self.land.proof(index)),
            ledger_proof: Some(self.records.proof(ledger_index)),
        }
    }

    /// Issues the usual payload.
    pub fn issue(&mut self, draft: Draft<'_>) -> SignedRecord {
        let payload = write(&payload());
        let (_, statement) = build_record(draft, &payload, &SALT).expect("a canonical payload");
        self.stand(statement, whole(payload))
    }
}

/// A world with one good record.
pub fn issued() -> (World, SignedRecord) {
    let mut world = World::new();
    let record = world.issue(draft());
    (world, record)
}
