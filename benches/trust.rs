//! The parts of signing and verifying, one by one: scanner, commitments, tree, proofs, verification.
//!
//! The record is of the size that matters: about 500 bytes, 16 fields, logs of a million leaves (20-deep paths).

use std::hint::black_box;

use bytes::Bytes;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use lienthong::base::{RecordId, Seed, Timestamp};
use lienthong::trust::anchor::{IssuerAnchor, KeyRecord, LogAnchor, LogPurpose, TrustAnchor};
use lienthong::trust::canonical::{Object, parse, scan, write};
use lienthong::trust::commitment::{fields_root, redact};
use lienthong::trust::entry::EntryType;
use lienthong::trust::issue::{Draft, build_record};
use lienthong::trust::keys::{Algorithm, Ed25519Signer, PublicKey, Signer};
use lienthong::trust::merkle::{CompactRange, hash_leaf, hash_node, root_from_inclusion, verify_inclusion};
use lienthong::trust::note::Checkpoint;
use lienthong::trust::record::{Disclosure, LogProof, SignedRecord};
use lienthong::trust::statement::{Operation, Statement};
use lienthong::trust::verify::{BatchRecord, Verifier};

const NOW: Timestamp = Timestamp(1_795_000_000_000);
const SALT: [u8; 32] = [7; 32];
const LOG_SIZE: u64 = 1 << 20;
const BATCH: usize = 256;

fn payload() -> Object {
    Object::new()
        .with("address", "Thôn Đông, xã Lương Tài, tỉnh Bắc Ninh")
        .with("area_m2", 250)
        .with("commune_code", "09283")
        .with("holder", Object::new().with("full_name", "Nguyễn Văn An").with("personal_id", "027085000001"))
        .with("issued_by", "Sở Nông nghiệp và Môi trường")
        .with("issued_on", "2021-03-15")
        .with("land_use", "residential_rural")
        .with("map_sheet", "12")
        .with("mortgaged", false)
        .with("number", "CĐ 123456")
        .with("origin", "state_allocation")
        .with("parcel_number", "345")
        .with("shared", false)
        .with("term", "long_term")
        .with("used_until", "2071-03-15")
        .with("value_vnd", "1250000000")
}

fn draft(version: u64) -> Draft<'static> {
    Draft {
        issuer: "land",
        schema: "land.parcel.v1",
        record_id: RecordId([5; 16]),
        version,
        previous: [3; 32],
        operation: Operation::Update,
        issued_at: NOW,
        valid_from: NOW,
        valid_until: Timestamp::MAX,
        status_index: 3,
    }
}

fn signer(origin: &str) -> Ed25519Signer {
    Ed25519Signer::from_seed(origin, &Seed::root(1).child(origin, 0))
}

fn anchor(land: &dyn Signer, records: &dyn Signer) -> TrustAnchor {
    let keys = |signer| vec![KeyRecord::active(signer).expect("a good key")];
    TrustAnchor {
        province: "H27".to_owned(),
        version: 1,
        events_from: 0,
        root: Default::default(),
        signatures: Vec::new(),
        expires_at: NOW.plus_ms(1_000_000),
        logs: vec![LogAnchor {
            continues: Vec::new(),
            origin: records.key_name().to_owned(),
            purpose: LogPurpose::Records,
            keys: keys(records),
        }],
        issuers: vec![IssuerAnchor {
            continues: Vec::new(),
            name: "land".to_owned(),
            origin: land.key_name().to_owned(),
            schemas: vec!["land.certificate.v1".to_owned(), "land.parcel.v1".to_owned()],
            keys: keys(land),
        }],
    }
}

/// A proof in a log of [`LOG_SIZE`] leaves whose other leaves are not needed.
fn proof(signer: &dyn Signer, leaf: &[u8; 32], index: u64) -> LogProof {
    let path: Vec<_> = (0..20u8).map(|level| hash_leaf(&[level])).collect();
    let root = root_from_inclusion(leaf, index, LOG_SIZE, &path).expect("20 deep");
    let checkpoint = Checkpoint { origin: signer.key_name().to_owned(), size: LOG_SIZE, root };
    LogProof { checkpoint: checkpoint.sign(signer).expect("signs"), index, path }
}

fn record(land: &dyn Signer, records: &dyn Signer) -> SignedRecord {
    let payload = write(&payload());
    let (_, statement) = build_record(draft(2), &payload, &SALT).expect("canonical");
    SignedRecord {
        issuer_proof: Some(proof(land, &hash_leaf(&statement), 700_000)),
        ledger_proof: Some(proof(records, &EntryType::Statement.leaf(&statement), 300_000)),
        statement: statement.into(),
        disclosure: Disclosure::Whole { payload: payload.into(), salt: SALT },
    }
}

fn payloads(c: &mut Criterion) {
    let object = payload();
    let bytes = write(&object);
    let mut group = c.benchmark_group("payload");
    group.throughput(Throughput::Bytes(bytes.len() as u64));
    group.bench_function("scan", |b| b.iter(|| scan(black_box(&bytes)).expect("canonical").len()));
    group.bench_function("parse", |b| b.iter(|| parse(black_box(&bytes)).expect("canonical")));
    group.bench_function("write", |b| b.iter(|| write(black_box(&object))));
    group.finish();
}

fn commitments(c: &mut Criterion) {
    let bytes = write(&payload());
    let scanned = scan(&bytes).expect("canonical");
    let whole = Disclosure::Whole { payload: bytes.clone().into(), salt: SALT };
    let (statement, encoded) = build_record(draft(2), &bytes, &SALT).expect("canonical");
    let mut group = c.benchmark_group("commitment");
    group.bench_function("fields_root of 16", |b| b.iter(|| fields_root(black_box(&scanned), &SALT)));
    group.bench_function("redact to 3 of 16", |b| b.iter(|| redact(black_box(&whole), &["area_m2", "number", "term"])));
    group.bench_function("build_record", |b| b.iter(|| build_record(draft(2), black_box(&bytes), &SALT)));
    group.bench_function("statement encode", |b| b.iter(|| black_box(&statement).encode()));
    group.bench_function("statement decode", |b| b.iter(|| Statement::decode(black_box(&encoded))));
    group.finish();
}

fn tree(c: &mut Criterion) {
    let leaf = hash_leaf(b"leaf");
    let path: Vec<_> = (0..20u8).map(|level| hash_leaf(&[level])).collect();
    let root = root_from_inclusion(&leaf, 700_000, LOG_SIZE, &path).expect("20 deep");
    let mut group = c.benchmark_group("tree");
    group.bench_function("node", |b| b.iter(|| hash_node(black_box(&leaf), black_box(&root))));
    group.bench_function("append 4096", |b| {
        b.iter_batched_ref(
            CompactRange::new,
            |range| {
                (0..4096).for_each(|_| range.append(black_box(leaf)));
                range.root()
            },
            BatchSize::SmallInput,
        )
    });
    group.bench_function("inclusion, 20 deep", |b| {
        b.iter(|| verify_inclusion(black_box(&leaf), 700_000, LOG_SIZE, &path, &root))
    });
    group.finish();
}

fn signatures(c: &mut Criterion) {
    let land = signer("lienthong/H27/land");
    let checkpoint = Checkpoint { origin: land.key_name().to_owned(), size: 5, root: [1; 32] };
    let signature = land.sign(b"message").expect("signs");
    let key = PublicKey::new(Algorithm::Ed25519, land.public_key()).expect("a good key");
    let mut group = c.benchmark_group("signature");
    group.bench_function("sign a checkpoint", |b| b.iter(|| checkpoint.sign(&land)));
    group.bench_function("verify Ed25519", |b| b.iter(|| key.verify(black_box(b"message"), &signature)));
    group.finish();
}

fn verification(c: &mut Criterion) {
    let (land, records) = (signer("lienthong/H27/land"), signer("lienthong/H27/records"));
    let verifier = Verifier::new(anchor(&land, &records));
    let whole = record(&land, &records);
    let disclosure = redact(&whole.disclosure, &["area_m2", "number", "term"]).expect("canonical");
    let partial = SignedRecord { disclosure, ..whole.clone() };
    assert!(verifier.verify(&whole, NOW).verdict.is_valid() && verifier.verify(&partial, NOW).verdict.is_valid());
    let mut group = c.benchmark_group("verify");
    group.bench_function("whole record, known checkpoints", |b| b.iter(|| verifier.verify(black_box(&whole), NOW)));
    group.bench_function("3 of 16 fields, known checkpoints", |b| b.iter(|| verifier.verify(black_box(&partial), NOW)));
    group.bench_function("whole record, new checkpoints", |b| {
        b.iter_batched_ref(
            || Verifier::new(verifier.anchor()),
            |fresh| fresh.verify(black_box(&whole), NOW),
            BatchSize::SmallInput,
        )
    });

    let payload = write(&payload());
    let statements: Vec<_> =
        (0..BATCH as u64).map(|i| build_record(draft(i + 1), &payload, &SALT).expect("canonical").1).collect();
    let mut log = CompactRange::new();
    statements.iter().for_each(|statement| log.append(hash_leaf(statement)));
    let checkpoint = Checkpoint { origin: land.key_name().to_owned(), size: log.size(), root: log.root() };
    let note: Bytes = checkpoint.sign(&land).expect("signs");
    let batch: Vec<_> =
        statements.iter().map(|statement| BatchRecord { statement, payload: &payload, salt: &SALT }).collect();
    let before = CompactRange::new();
    group.throughput(Throughput::Elements(BATCH as u64));
    group.bench_function("batch of 256 records", |b| {
        b.iter(|| verifier.verify_batch("land", &before, &note, black_box(&batch), NOW).expect("verifies"))
    });
    group.finish();
}

criterion_group!(benches, payloads, commitments, tree, signatures, verification);
criterion_main!(benches);
