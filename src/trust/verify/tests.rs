//! The attack table, every changed byte, key states and batches, on a small world of two issuers and two ledgers.

use proptest::prelude::*;

use super::*;
use crate::base::limits::CLOCK_SKEW_MS_MAX;
use crate::base::{RecordId, Seed, Timestamp};
use crate::trust::anchor::{IssuerAnchor, KeyState, LogAnchor};
use crate::trust::canonical::{Object, write};
use crate::trust::commitment::redact;
use crate::trust::entry::EntryType;
use crate::trust::issue::{Draft, build_record};
use crate::trust::keys::{Ed25519Signer, P256Signer, Signer};
use crate::trust::merkle::{CompactRange, ProofError, hash_leaf, prove_inclusion, root_in_place};
use crate::trust::note::sign_note;
use crate::trust::record::{Disclosure, LogProof, SignedRecord};
use crate::trust::statement::{Operation, Statement};
use crate::trust::verdict::{Code, Outcome, Report, Verdict};

const NOW: Timestamp = Timestamp(1_795_000_000_000);
const SALT: [u8; 32] = [7; 32];
const INVALID: fn(Code) -> Verdict = Verdict::Invalid;

/// A log in memory.
struct TestLog {
    signer: Ed25519Signer,
    leaves: Vec<Hash>,
}

impl TestLog {
    fn new(origin: &str) -> Self {
        let signer = Ed25519Signer::from_seed(origin, &Seed::root(1).child(origin, 0));
        // other leaves, so that paths have siblings on both sides
        Self { signer, leaves: (0..5u8).map(|i| hash_leaf(&[i])).collect() }
    }

    fn origin(&self) -> &str {
        self.signer.key_name()
    }

    fn append(&mut self, leaf: Hash) -> u64 {
        self.leaves.push(leaf);
        self.leaves.len() as u64 - 1
    }

    fn checkpoint(&self) -> Checkpoint {
        let root = root_in_place(&mut self.leaves.clone());
        Checkpoint { origin: self.origin().to_owned(), size: self.leaves.len() as u64, root }
    }

    fn proof(&self, index: u64) -> LogProof {
        let checkpoint = self.checkpoint().sign(&self.signer).expect("signs");
        LogProof { checkpoint, index, path: self.path(index) }
    }

    fn path(&self, index: u64) -> Vec<Hash> {
        let node = |node: crate::trust::merkle::Node| {
            let from = (node.index << node.level) as usize;
            Ok::<_, ProofError>(root_in_place(&mut self.leaves[from..from + (1 << node.level)].to_vec()))
        };
        prove_inclusion(index, self.leaves.len() as u64, node).expect("in range")
    }

    fn key(&self) -> KeyRecord {
        KeyRecord::active(&self.signer).expect("a good key")
    }
}

struct World {
    land: TestLog,
    vehicle: TestLog,
    records: TestLog,
    evidence: TestLog,
    anchor: TrustAnchor,
}

fn payload() -> Object {
    Object::new()
        .with("address", "Thôn Đông, xã Lương Tài")
        .with("area_m2", 250)
        .with("holder", Object::new().with("full_name", "Nguyễn Văn An").with("personal_id", "027085000001"))
        .with("number", "CĐ 123456")
        .with("shared", false)
}

fn draft() -> Draft<'static> {
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
    fn new() -> Self {
        let log = |name: &str| TestLog::new(&format!("lienthong/H27/{name}"));
        let (land, vehicle, records, evidence) = (log("land"), log("vehicle"), log("records"), log("evidence"));
        let issuer = |name: &str, log: &TestLog| IssuerAnchor {
            name: name.to_owned(),
            origin: log.origin().to_owned(),
            schemas: vec![if name == "land" { "land.parcel.v1" } else { "vehicle.registration.v1" }.to_owned()],
            keys: vec![log.key()],
        };
        let ledger =
            |log: &TestLog, purpose| LogAnchor { origin: log.origin().to_owned(), purpose, keys: vec![log.key()] };
        let anchor = TrustAnchor {
            province: "H27".to_owned(),
            version: 1,
            expires_at: NOW.plus_ms(86_400_000),
            logs: vec![ledger(&records, LogPurpose::Records), ledger(&evidence, LogPurpose::Evidence)],
            issuers: vec![issuer("land", &land), issuer("vehicle", &vehicle)],
        };
        Self { land, vehicle, records, evidence, anchor }
    }

    /// Issues through the land registry's log and the record ledger.
    fn record(&mut self, draft: Draft<'_>) -> SignedRecord {
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

    fn verifier(&self) -> Verifier {
        Verifier::new(self.anchor.clone())
    }

    fn verify(&self, record: &SignedRecord) -> Report {
        self.verifier().verify(record, NOW)
    }
}

/// A world with one good record.
fn issued() -> (World, SignedRecord) {
    let mut world = World::new();
    let record = world.record(draft());
    (world, record)
}

fn check(report: &Report, verdict: Verdict, failed: &[&str]) {
    assert_eq!(report.verdict, verdict, "{report:#?}");
    assert_eq!(report.failed().map(|check| check.name).collect::<Vec<_>>(), failed);
    assert_eq!(report.checks.len(), 14);
}

#[test]
fn a_good_record_passes_every_check_whole_or_redacted() {
    let (world, mut record) = issued();
    let report = world.verify(&record);
    check(&report, Verdict::Valid, &[]);
    assert!(report.checks.iter().all(|check| check.outcome == Outcome::Pass));
    let whole = record.disclosure.clone();
    for show in [&["number", "area_m2"][..], &["holder"], &[], &["address", "area_m2", "holder", "number", "shared"]] {
        record.disclosure = redact(&whole, show).expect("canonical");
        check(&world.verify(&record), Verdict::Valid, &[]);
    }
}

#[test]
fn a_changed_payload_is_a_mismatch() {
    let (world, mut record) = issued();
    let mut other = payload();
    other.insert("area_m2", 251);
    record.disclosure = Disclosure::Whole { payload: write(&other).into(), salt: SALT };
    check(&world.verify(&record), INVALID(Code::PayloadMismatch), &["payload"]);
    other.remove("shared");
    record.disclosure = Disclosure::Whole { payload: write(&other).into(), salt: SALT };
    check(&world.verify(&record), INVALID(Code::PayloadMismatch), &["payload", "field_count"]);
    record.disclosure = Disclosure::Whole { payload: write(&payload()).into(), salt: [8; 32] };
    check(&world.verify(&record), INVALID(Code::PayloadMismatch), &["payload"]);
    record.disclosure = Disclosure::Partial { shown: vec![], hidden: vec![] };
    check(&world.verify(&record), INVALID(Code::PayloadMismatch), &["payload", "field_count"]);
}

#[test]
fn what_is_not_canonical_is_refused_even_if_it_means_the_same() {
    let (world, mut record) = issued();
    let text = String::from_utf8(write(&payload())).expect("text");
    for bad in [
        text.replace(":250", ": 250"),
        text.replace("250", "250.0"),
        format!("{text} "),
        text.replace("Đông", "\\u0110ông"),
        text.replace("false}", "false,\"shared\":false}"),
    ] {
        assert_ne!(bad, text);
        record.disclosure = Disclosure::Whole { payload: bad.into(), salt: SALT };
        check(&world.verify(&record), INVALID(Code::NonCanonical), &["canonical"]);
    }
}

#[test]
fn a_changed_statement_or_path_is_no_inclusion() {
    let (world, good) = issued();
    let mut record = good.clone();
    let statement = Statement::decode(&good.statement).expect("decodes");
    record.statement = Statement { status_index: 4, ..statement }.encode().into();
    check(&world.verify(&record), INVALID(Code::Inclusion), &["issuer_inclusion", "ledger_inclusion"]);
    let changes: [fn(&mut LogProof); 4] = [
        |proof| proof.index += 1,
        |proof| proof.index = 1000,
        |proof| proof.path.push([0; 32]),
        |proof| proof.path.truncate(1),
    ];
    for change in changes {
        let mut record = good.clone();
        record.issuer_proof.as_mut().map(change).expect("a proof");
        check(&world.verify(&record), INVALID(Code::Inclusion), &["issuer_inclusion"]);
        let mut record = good.clone();
        record.ledger_proof.as_mut().map(change).expect("a proof");
        check(&world.verify(&record), INVALID(Code::Inclusion), &["ledger_inclusion"]);
    }
}

#[test]
fn a_swapped_issuer_is_a_mismatch() {
    // the vehicle registry puts a statement that names land into its own log
    let (mut world, mut record) = issued();
    let index = world.vehicle.append(hash_leaf(&record.statement));
    record.issuer_proof = Some(world.vehicle.proof(index));
    check(&world.verify(&record), INVALID(Code::IssuerMismatch), &["issuer_agreement"]);
    // it signs a checkpoint of land's log with its own key, under either name
    let checkpoint = world.land.checkpoint();
    let under_land = Ed25519Signer::from_seed(world.land.origin(), &Seed::root(1).child(world.vehicle.origin(), 0));
    for signer in [&world.vehicle.signer, &under_land] {
        record.issuer_proof =
            Some(LogProof { checkpoint: checkpoint.sign(signer).expect("signs"), ..world.land.proof(5) });
        check(&world.verify(&record), INVALID(Code::IssuerMismatch), &["issuer_signature"]);
    }
    // the statement is made to name it
    let (world, mut record) = issued();
    let statement = Statement::decode(&record.statement).expect("decodes");
    record.statement = Statement { issuer: "vehicle".to_owned(), ..statement }.encode().into();
    assert_eq!(world.verify(&record).verdict, INVALID(Code::IssuerMismatch));
    // the ledger's checkpoint stands in for the issuer's
    let (world, mut record) = issued();
    record.issuer_proof = Some(world.records.proof(5));
    assert_eq!(world.verify(&record).verdict, INVALID(Code::IssuerMismatch));
}

#[test]
fn an_issuer_outside_its_schemas_is_not_authorised() {
    let mut world = World::new();
    let record = world.record(Draft { schema: "vehicle.registration.v1", ..draft() });
    check(&world.verify(&record), INVALID(Code::NotAuthorised), &["schema_allowed"]);
    let record = world.record(Draft { issuer: "customs", ..draft() });
    check(&world.verify(&record), INVALID(Code::IssuerMismatch), &["issuer_agreement", "schema_allowed"]);
}

#[test]
fn only_trusted_signatures_count_and_a_bad_one_spoils_the_note() {
    let (world, good) = issued();
    let text = world.land.checkpoint().text();
    let stranger = Ed25519Signer::from_seed(world.land.origin(), &Seed::root(666));
    let witness = Ed25519Signer::from_seed("witness.example", &Seed::root(5));
    let signed = |signers: &[&dyn Signer]| {
        let mut record = good.clone();
        let proof = record.issuer_proof.take().expect("a proof");
        record.issuer_proof = Some(LogProof { checkpoint: sign_note(&text, signers).expect("signs"), ..proof });
        world.verify(&record)
    };
    check(&signed(&[&world.land.signer, &witness, &stranger]), Verdict::Valid, &[]);
    check(&signed(&[&stranger]), INVALID(Code::NoTrustedSignature), &["issuer_signature"]);
    check(&signed(&[&witness]), INVALID(Code::NoTrustedSignature), &["issuer_signature"]);
    let mut bad = sign_note(&text, &[&world.land.signer]).expect("signs").to_vec();
    let other = sign_note("other\n", &[&world.land.signer]).expect("signs");
    bad.extend_from_slice(&other[other.windows(3).position(|w| w == "—".as_bytes()).expect("a line")..]);
    let mut record = good.clone();
    record.issuer_proof.as_mut().expect("a proof").checkpoint = bad.into();
    check(&world.verify(&record), INVALID(Code::NoTrustedSignature), &["issuer_signature"]);
    let mut record = good.clone();
    record.issuer_proof = None;
    check(&world.verify(&record), INVALID(Code::NoTrustedSignature), &["issuer_signature"]);
}

#[test]
fn the_ledger_must_be_the_record_ledger() {
    let (mut world, good) = issued();
    let leaf = EntryType::Statement.leaf(&good.statement);
    let (evidence, land) = (world.evidence.append(leaf), world.land.append(leaf));
    for proof in [world.evidence.proof(evidence), world.land.proof(land)] {
        let record = SignedRecord { ledger_proof: Some(proof), ..good.clone() };
        check(&world.verify(&record), INVALID(Code::NoTrustedSignature), &["ledger_signature"]);
    }
    // a leaf of another type with the same bytes is no statement entry
    let index = world.records.append(hash_leaf(&good.statement));
    let record = SignedRecord { ledger_proof: Some(world.records.proof(index)), ..good.clone() };
    check(&world.verify(&record), INVALID(Code::Inclusion), &["ledger_inclusion"]);
    let record = SignedRecord { ledger_proof: None, ..good };
    check(&world.verify(&record), Verdict::Indeterminate(Code::NoPoe), &["ledger_inclusion"]);
    check(&world.verifier().verify_issued(&record, NOW), Verdict::Valid, &[]);
}

#[test]
fn times_are_those_of_the_caller() {
    let mut world = World::new();
    let record = world.record(Draft { issued_at: NOW.plus_ms(CLOCK_SKEW_MS_MAX), valid_until: NOW, ..draft() });
    let report = world.verify(&record);
    check(&report, Verdict::Valid, &[]);
    assert_eq!(report.check("validity_window").expect("made").outcome, Outcome::Skipped);
    let early = world.verifier().verify(&record, NOW.plus_ms(-1));
    check(&early, INVALID(Code::IssuedInFuture), &["issued_not_in_future"]);
    let late = world.verifier().verify(&record, world.anchor.expires_at);
    check(&late, Verdict::Indeterminate(Code::TryLater), &["anchor_current"]);
    let mut bad = record;
    bad.disclosure = Disclosure::Whole { payload: "{}".into(), salt: SALT };
    let late = world.verifier().verify(&bad, world.anchor.expires_at);
    assert_eq!(late.verdict, INVALID(Code::PayloadMismatch), "what is wrong stays wrong");
}

#[test]
fn key_states_are_judged_by_the_ledgers_order() {
    let (mut world, record) = issued();
    let index = record.ledger_proof.as_ref().expect("a proof").index;
    let fresh = SignedRecord { ledger_proof: None, ..record.clone() };
    let (before, after) = (index, index + 1);
    let no_poe = Verdict::Indeterminate(Code::NoPoe);
    let revoked = Verdict::Indeterminate(Code::RevokedNoPoe);
    let key_not_valid = INVALID(Code::KeyNotValid);
    let cases = [
        (KeyState::Rotated { event_index: after }, Verdict::Valid, no_poe),
        (KeyState::Rotated { event_index: before }, key_not_valid, no_poe),
        (KeyState::Compromised { suspect_from: after, event_index: 99 }, Verdict::Valid, key_not_valid),
        (KeyState::Compromised { suspect_from: before, event_index: 99 }, revoked, key_not_valid),
        (KeyState::Compromised { suspect_from: 0, event_index: before }, key_not_valid, key_not_valid),
        (KeyState::Withdrawn { event_index: after }, Verdict::Valid, key_not_valid),
        (KeyState::Withdrawn { event_index: before }, key_not_valid, key_not_valid),
    ];
    for (state, in_ledger, not_in_ledger) in cases {
        world.anchor.issuers[0].keys[0].state = state;
        assert_eq!(world.verify(&record).verdict, in_ledger, "{state:?}");
        assert_eq!(world.verifier().verify_issued(&fresh, NOW).verdict, not_in_ledger, "{state:?}");
    }
    world.anchor.issuers[0].keys[0].state = KeyState::Active;
    world.anchor.logs[0].keys[0].state = KeyState::Compromised { suspect_from: 90, event_index: 99 };
    check(&world.verify(&record), key_not_valid, &["ledger_signature"]);
    world.anchor.logs[0].keys[0].state = KeyState::Rotated { event_index: 99 };
    check(&world.verify(&record), Verdict::Valid, &[]);
}

#[test]
fn the_algorithm_is_the_keys_never_the_messages() {
    let (mut world, mut record) = issued();
    let pkcs8 = P256Signer::generate_pkcs8().expect("randomness");
    let p256 = P256Signer::from_pkcs8(world.land.origin(), &pkcs8).expect("a good key");
    world.anchor.issuers[0].keys = vec![KeyRecord::active(&p256).expect("a good key")];
    check(&world.verify(&record), INVALID(Code::NoTrustedSignature), &["issuer_signature"]);
    let proof = record.issuer_proof.as_mut().expect("a proof");
    proof.checkpoint = world.land.checkpoint().sign(&p256).expect("signs");
    check(&world.verify(&record), Verdict::Valid, &[]);
    // an Ed25519 signature under the P-256 key's note id
    let note = world.land.checkpoint().sign(&world.land.signer).expect("signs");
    let line = Note::parse(&note).expect("a note").signatures.remove(0);
    let id = world.anchor.issuers[0].keys[0].key.note_key_id(world.land.origin());
    let forged = [&id.to_be_bytes()[..], &line.signature].concat();
    use base64::Engine as _;
    let forged = base64::engine::general_purpose::STANDARD.encode(forged);
    let text = world.land.checkpoint().text();
    record.issuer_proof.as_mut().expect("a proof").checkpoint =
        format!("{text}\n— {} {forged}\n", world.land.origin()).into();
    check(&world.verify(&record), INVALID(Code::NoTrustedSignature), &["issuer_signature"]);
}

/// Every byte of a delivered record, as one sequence of places to change.
fn places(record: &SignedRecord) -> Vec<(&'static str, usize)> {
    let mut places: Vec<(&'static str, usize)> = (0..record.statement.len()).map(|at| ("statement", at)).collect();
    match &record.disclosure {
        Disclosure::Whole { payload, salt } => {
            places.extend((0..payload.len()).map(|at| ("payload", at)));
            places.extend((0..salt.len()).map(|at| ("salt", at)));
        }
        Disclosure::Partial { shown, hidden } => {
            for (i, field) in shown.iter().enumerate() {
                let length = 2 + field.name.len() + field.value.len() + 32;
                places.extend((0..length).map(|at| ("shown", i * 10_000 + at)));
            }
            places.extend((0..hidden.len() * 34).map(|at| ("hidden", at)));
        }
    }
    for (name, proof) in [("issuer", &record.issuer_proof), ("ledger", &record.ledger_proof)] {
        let proof = proof.as_ref().expect("a proof");
        let length = proof.checkpoint.len() + 8 + proof.path.len() * 32;
        places.extend((0..length).map(|at| (name, at)));
    }
    places
}

fn flip(bytes: &Bytes, at: usize, change: u8) -> Bytes {
    let mut bytes = bytes.to_vec();
    bytes[at] ^= change;
    bytes.into()
}

/// Changes one byte; `None` where the type itself rules the change out (a name that is no UTF-8).
fn changed(record: &SignedRecord, (part, at): (&str, usize), change: u8) -> Option<SignedRecord> {
    let mut record = record.clone();
    match (part, &mut record.disclosure) {
        ("statement", _) => record.statement = flip(&record.statement, at, change),
        ("payload", Disclosure::Whole { payload, .. }) => *payload = flip(payload, at, change),
        ("salt", Disclosure::Whole { salt, .. }) => salt[at] ^= change,
        ("shown", Disclosure::Partial { shown, .. }) => {
            let (field, at) = (&mut shown[at / 10_000], at % 10_000);
            let (name, value) = (field.name.len(), field.value.len());
            match at {
                0..2 => field.index ^= u16::from(change) << (8 * at),
                _ if at < 2 + name => {
                    let mut bytes = field.name.clone().into_bytes();
                    bytes[at - 2] ^= change;
                    field.name = String::from_utf8(bytes).ok()?;
                }
                _ if at < 2 + name + value => field.value = flip(&field.value, at - 2 - name, change),
                _ => field.salt[at - 2 - name - value] ^= change,
            }
        }
        ("hidden", Disclosure::Partial { hidden, .. }) => {
            let (field, at) = (&mut hidden[at / 34], at % 34);
            match at {
                0..2 => field.index ^= u16::from(change) << (8 * at),
                _ => field.leaf[at - 2] ^= change,
            }
        }
        (log, _) => {
            let proof = if log == "issuer" { &mut record.issuer_proof } else { &mut record.ledger_proof };
            let proof = proof.as_mut().expect("a proof");
            let length = proof.checkpoint.len();
            match at {
                _ if at < length => proof.checkpoint = flip(&proof.checkpoint, at, change),
                _ if at < length + 8 => proof.index ^= u64::from(change) << (8 * (at - length)),
                _ => proof.path[(at - length - 8) / 32][(at - length - 8) % 32] ^= change,
            }
        }
    }
    Some(record)
}

/// Which checks a change of a part may fail.
fn suspects(part: &str) -> &'static [&'static str] {
    match part {
        "statement" => &["issuer_inclusion", "ledger_inclusion"],
        "payload" | "salt" | "shown" | "hidden" => &["canonical", "payload", "field_count"],
        "issuer" => &["issuer_signature", "issuer_inclusion"],
        _ => &["ledger_signature", "ledger_inclusion"],
    }
}

#[test]
fn every_changed_byte_fails_and_names_its_check() {
    let (world, whole) = issued();
    let partial = SignedRecord {
        disclosure: redact(&whole.disclosure, &["number", "holder"]).expect("canonical"),
        ..whole.clone()
    };
    let verifier = world.verifier();
    for record in [&whole, &partial] {
        assert!(verifier.verify(record, NOW).verdict.is_valid(), "and warms the cache");
        let mut tried = 0;
        for place in places(record) {
            for change in [0x01, 0x20, 0x80] {
                let Some(bad) = changed(record, place, change) else { continue };
                let report = verifier.verify(&bad, NOW);
                assert!(matches!(report.verdict, Verdict::Invalid(_)), "{place:?} ^ {change}: {report:?}");
                assert!(report.failed().any(|check| suspects(place.0).contains(&check.name)), "{place:?}: {report:?}");
                tried += 1;
            }
        }
        assert!(tried > 3_000, "{tried}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_changed_bits_fail(picks in prop::collection::vec((any::<prop::sample::Index>(), 1u8..), 1..4)) {
        let (world, record) = issued();
        let mut bad = record.clone();
        for (pick, change) in picks {
            let all = places(&bad);
            let Some(next) = changed(&bad, all[pick.index(all.len())], change) else { continue };
            bad = next;
        }
        prop_assume!(bad != record);
        prop_assert!(matches!(world.verify(&bad).verdict, Verdict::Invalid(_)));
    }
}

mod batches {
    use super::*;

    /// Three records of the land registry after five leaves that the province has seen.
    struct Sent {
        world: World,
        before: CompactRange,
        statements: Vec<Vec<u8>>,
        payload: Vec<u8>,
    }

    fn sent_with(issuer: &str, schema: &str, issued_at: Timestamp) -> Sent {
        let mut world = World::new();
        let mut before = CompactRange::new();
        world.land.leaves.iter().for_each(|leaf| before.append(*leaf));
        let payload = write(&payload());
        let statements: Vec<_> = (1..=3)
            .map(|version| {
                let draft = Draft { issuer, schema, version, issued_at, ..draft() };
                let (_, statement) = build_record(draft, &payload, &SALT).expect("canonical");
                world.land.append(hash_leaf(&statement));
                statement
            })
            .collect();
        Sent { world, before, statements, payload }
    }

    fn sent() -> Sent {
        sent_with("land", "land.parcel.v1", NOW)
    }

    impl Sent {
        fn verify_as(
            &self,
            issuer: &str,
            note: &Bytes,
            records: &[BatchRecord<'_>],
        ) -> Result<VerifiedBatch, BatchError> {
            self.world.verifier().verify_batch(issuer, &self.before, note, records, NOW)
        }

        fn records(&self) -> Vec<BatchRecord<'_>> {
            let record = |statement| BatchRecord { statement, payload: &self.payload, salt: &SALT };
            self.statements.iter().map(|statement| record(statement.as_slice())).collect()
        }

        fn note(&self) -> Bytes {
            self.world.land.checkpoint().sign(&self.world.land.signer).expect("signs")
        }

        fn verify(&self, records: &[BatchRecord<'_>]) -> Result<VerifiedBatch, BatchError> {
            self.verify_as("land", &self.note(), records)
        }
    }

    fn check(result: Result<VerifiedBatch, BatchError>, code: Code, name: &str, record: Option<usize>) {
        let error = result.expect_err("refused");
        assert_eq!((error.code, error.check, error.record), (code, name, record), "{error}");
    }

    #[test]
    fn a_good_batch_verifies_and_continues_the_log() {
        let sent = sent();
        let batch = sent.verify(&sent.records()).expect("verifies");
        assert_eq!(batch.statements.iter().map(|s| s.version).collect::<Vec<_>>(), [1, 2, 3]);
        assert_eq!((batch.after.size(), batch.after.root()), (8, sent.world.land.checkpoint().root));
        let again = sent.world.verifier().verify_batch("land", &batch.after, &sent.note(), &[], NOW).expect("empty");
        assert_eq!(again.after, batch.after);
    }

    #[test]
    fn one_bad_record_refuses_the_batch_and_is_named() {
        let good = sent();
        let other_payload = write(&payload().with("area_m2", 251));
        let mut records = good.records();
        records[1].payload = &other_payload;
        check(good.verify(&records), Code::PayloadMismatch, "payload", Some(1));
        records[1].payload = b"{ }";
        check(good.verify(&records), Code::NonCanonical, "canonical", Some(1));
        let mut records = good.records();
        records[2].salt = &[8; 32];
        check(good.verify(&records), Code::PayloadMismatch, "payload", Some(2));
        records[2].statement = b"x";
        check(good.verify(&records), Code::Malformed, "statement_decodes", Some(2));
        let mut records = good.records();
        records.swap(0, 1);
        check(good.verify(&records), Code::Inclusion, "issuer_inclusion", None);
        check(good.verify(&good.records()[..2]), Code::Inclusion, "issuer_inclusion", None);
        let sent = sent_with("vehicle", "land.parcel.v1", NOW);
        check(sent.verify(&sent.records()), Code::IssuerMismatch, "issuer_agreement", Some(0));
        let sent = sent_with("land", "vehicle.registration.v1", NOW);
        check(sent.verify(&sent.records()), Code::NotAuthorised, "schema_allowed", Some(0));
        let sent = sent_with("land", "land.parcel.v1", NOW.plus_ms(CLOCK_SKEW_MS_MAX + 1));
        check(sent.verify(&sent.records()), Code::IssuedInFuture, "issued_not_in_future", Some(0));
    }

    #[test]
    fn the_log_must_continue_and_be_the_peers() {
        let mut sent = sent();
        check(sent.verify_as("vehicle", &sent.note(), &sent.records()), Code::IssuerMismatch, "issuer_agreement", None);
        check(sent.verify_as("land", &Bytes::new(), &[]), Code::NoTrustedSignature, "issuer_signature", None);
        let by_vehicle = sent.world.land.checkpoint().sign(&sent.world.vehicle.signer).expect("signs");
        check(sent.verify_as("land", &by_vehicle, &[]), Code::IssuerMismatch, "issuer_signature", None);
        let smaller = Checkpoint { size: 4, ..sent.world.land.checkpoint() };
        let note = smaller.sign(&sent.world.land.signer).expect("signs");
        check(sent.verify_as("land", &note, &[]), Code::LogRollback, "issuer_inclusion", None);
        let fork = Checkpoint { size: 5, ..sent.world.land.checkpoint() };
        let note = fork.sign(&sent.world.land.signer).expect("signs");
        check(sent.verify_as("land", &note, &[]), Code::SplitView, "issuer_inclusion", None);
        sent.world.anchor.issuers[0].keys[0].state = KeyState::Rotated { event_index: 99 };
        check(sent.verify(&sent.records()), Code::KeyNotValid, "key_state", None);
        sent.world.anchor.expires_at = NOW;
        check(sent.verify(&sent.records()), Code::TryLater, "anchor_current", None);
    }
}
