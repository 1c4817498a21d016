//! Verification and signing against their targets, each compared with the cost of the same hashes and signatures alone, in one run.
//!
//! The records are those of a seeded province: batches as its registries sign them, one registry after the other; single records of
//! the largest type (persons: 18 fields) and of any; a file of all types at their rates. The file is what grpcurl prints of them, with
//! the typed form next to the signed bytes and two fields of a person hidden; `lienthong verify` reads it as its own process.
//! `cargo bench --bench verify`; `LIENTHONG_BENCH_RECORDS` chooses the file's size. For one core: `taskset -c 1`.

#![allow(clippy::disallowed_methods, reason = "benchmarks measure")]
#![allow(clippy::print_stdout)] // its output is what it is for

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::hint::black_box;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use hmac::{Hmac, KeyInit as _, Mac as _};
use lienthong::base::{Date, RecordId, Seed, Timestamp};
use lienthong::registry::{Catalogue, RecordType};
use lienthong::simulation::document::Record;
use lienthong::simulation::population::Population;
use lienthong::trust::merkle::{CompactRange, Node, ProofError, hash_leaf, prove_inclusion};
use lienthong::trust::*;
use lienthong::wire::record::{Frame, delivered};
use lienthong::wire::typed::pool;
use prost::Message as _;
use prost_reflect::DynamicMessage;
use sha2::{Digest as _, Sha256};

type Outcome<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

/// As in the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// 18 November 2026, 11:06:40 UTC.
const NOW: Timestamp = Timestamp(1_795_000_000_000);
const PERSON: &str = "resident.person.v1";
/// One issuer for all types, which changes nothing of what is measured.
const ISSUER: &str = "lienthong/H27/resident";
const LEDGER: &str = "lienthong/H27/records";
const HIDDEN: [&str; 2] = ["ethnicity", "religion"];
/// Records in one signed batch.
const BATCH: usize = 4_096;
const RUNS: usize = 5;

/// A record before it is signed, and its statement.
struct Sample {
    kind: Arc<RecordType>,
    payload: Vec<u8>,
    salt: [u8; 32],
    statement: Vec<u8>,
}

impl Sample {
    fn new(number: usize, kind: Arc<RecordType>, record: &Record) -> Outcome<Self> {
        let (payload, salt) = (canonical::write(&record.payload), hash_leaf(&number.to_be_bytes()));
        let statement = build_record(draft(&kind, number), &payload, &salt)?.1;
        Ok(Self { kind, payload, salt, statement })
    }
}

fn main() -> Outcome {
    let count = match std::env::var("LIENTHONG_BENCH_RECORDS") {
        Ok(number) => number.parse()?,
        Err(_) => 100_000,
    };
    let (issuer, ledger) = (signer(ISSUER), signer(LEDGER));
    let anchor = anchor(&issuer, &ledger)?;
    for sector in Catalogue::built_in().sectors() {
        let samples = samples(BATCH, |kind| kind.registry == *sector.name)?;
        signing(&sector.name, &issuer, &samples)?;
        batch(&sector.name, &issuer, &anchor, &samples)?;
    }
    tree();
    let persons = samples(BATCH, |kind| kind.name == PERSON)?;
    single(PERSON, &anchor, &records(&issuer, &ledger, &persons)?)?;
    let all = samples(count, |_| true)?;
    let signed = records(&issuer, &ledger, &all)?;
    single("of any type", &anchor, &signed)?;
    file(&anchor, &all, &signed)
}

/// The first so many records of these types in a province that is large enough to have them.
fn samples(count: usize, is_wanted: impl Fn(&RecordType) -> bool) -> Outcome<Vec<Sample>> {
    let population = Population::new(Seed::root(1), 100 * count as u64, Date::constant(2026, 11, 18));
    let catalogue = Catalogue::built_in();
    let of_kind = |record: Record| Some((catalogue.record_type(record.record_type)?.clone(), record));
    let records = population.flat_map(|household| household.records).filter_map(of_kind);
    let wanted = records.filter(|(kind, _)| is_wanted(kind)).take(count);
    wanted.enumerate().map(|(number, (kind, record))| Sample::new(number, kind, &record)).collect()
}

fn signer(origin: &str) -> Ed25519Signer {
    Ed25519Signer::from_seed(origin, &Seed::root(1).child(origin, 0))
}

fn anchor(issuer: &Ed25519Signer, ledger: &Ed25519Signer) -> Outcome<TrustAnchor> {
    let catalogue = Catalogue::built_in();
    let kinds = catalogue.record_types();
    Ok(TrustAnchor {
        province: "H27".into(),
        version: 1,
        events_from: 0,
        root: Default::default(),
        signatures: Vec::new(),
        expires_at: NOW.plus_ms(365 * 86_400_000),
        logs: vec![LogAnchor {
            continues: Vec::new(),
            origin: LEDGER.into(),
            purpose: LogPurpose::Records,
            keys: vec![KeyRecord::active(ledger)?],
        }],
        issuers: vec![IssuerAnchor {
            continues: Vec::new(),
            name: "resident".into(),
            origin: ISSUER.into(),
            schemas: kinds.map(|kind| (&kind.name).into()).collect(),
            keys: vec![KeyRecord::active(issuer)?],
        }],
    })
}

fn record_id(number: usize) -> RecordId {
    RecordId((number as u128 + 1).to_be_bytes())
}

fn draft(kind: &RecordType, number: usize) -> Draft<'_> {
    Draft {
        issuer: "resident",
        schema: &kind.name,
        record_id: record_id(number),
        version: 1,
        previous: [0; 32],
        operation: Operation::Create,
        issued_at: NOW,
        valid_from: NOW,
        valid_until: Timestamp::MAX,
        status_index: number as u32,
    }
}

/// The best of several runs.
fn best<T>(mut run: impl FnMut() -> T) -> Duration {
    let timed = (0..RUNS).map(|_| {
        let begun = Instant::now();
        black_box(run());
        begun.elapsed()
    });
    timed.min().unwrap_or_default()
}

/// Consumes an unused result, so that it is computed.
fn nothing<T>(value: T) {
    black_box(value);
}

fn each(time: Duration, count: usize) -> f64 {
    time.as_secs_f64() * 1e6 / count.max(1) as f64
}

/// The cost of the hashes of whole records when nothing but hashing is done: salts, leaves and trees of their fields, leaf and
/// node of the log.
fn bare_hashes(samples: &[Sample]) -> Outcome<Duration> {
    let mut fields = Vec::new();
    for sample in samples {
        let scanned = canonical::scan(&sample.payload)?;
        let of_one = scanned.fields().map(|field| {
            let salt = [b"lienthong/field-salt/v1\0", field.name.as_bytes()].concat();
            (salt, vec![0_u8; 20 + 32 + 2 + field.name.len() + 4 + field.value.len()])
        });
        fields.push(of_one.collect::<Vec<_>>());
    }
    let node = [1_u8; 65];
    Ok(best(|| {
        for (fields, sample) in fields.iter().zip(samples) {
            let keyed = Hmac::<Sha256>::new_from_slice(&sample.salt).expect("any length");
            for (message, leaf) in fields {
                let mut mac = keyed.clone();
                mac.update(message);
                black_box(mac.finalize().into_bytes());
                black_box(Sha256::digest(leaf));
            }
            // one node less than fields in the record's tree, and about one in the log
            (0..fields.len()).for_each(|_| nothing(Sha256::digest(black_box(node))));
            black_box(Sha256::digest(&sample.statement));
        }
    }))
}

fn signing(what: &str, issuer: &Ed25519Signer, samples: &[Sample]) -> Outcome {
    let samples = &samples[..samples.len().min(BATCH)];
    let mut failed = None;
    let time = best(|| {
        let mut log = CompactRange::new();
        for (at, sample) in samples.iter().enumerate() {
            match build_record(draft(&sample.kind, at), &sample.payload, &sample.salt) {
                Ok((_, statement)) => log.append(hash_leaf(&statement)),
                Err(error) => failed = Some(error),
            }
        }
        Checkpoint { origin: ISSUER.into(), size: log.size(), root: log.root() }.sign(issuer)
    });
    if let Some(error) = failed {
        return Err(error.into());
    }
    let bare = bare_hashes(samples)?;
    println!(
        "signing batches of {} ({what}): {:.0} records/s (target: 40000), {:.2} times its bare hashes",
        samples.len(),
        samples.len() as f64 / time.as_secs_f64(),
        time.as_secs_f64() / bare.as_secs_f64()
    );
    Ok(())
}

fn batch(what: &str, issuer: &Ed25519Signer, anchor: &TrustAnchor, samples: &[Sample]) -> Outcome {
    let samples = &samples[..samples.len().min(BATCH)];
    let mut log = CompactRange::new();
    samples.iter().for_each(|sample| log.append(hash_leaf(&sample.statement)));
    let note = Checkpoint { origin: ISSUER.into(), size: log.size(), root: log.root() }.sign(issuer)?;
    let records: Vec<_> = samples
        .iter()
        .map(|sample| BatchRecord { statement: &sample.statement, payload: &sample.payload, salt: &sample.salt })
        .collect();
    let before = CompactRange::new();
    let time = best(|| {
        // new each time, so that the signature is checked
        let verifier = Verifier::new(anchor.clone());
        verifier.verify_batch("resident", &before, &note, &records, NOW).expect("verifies")
    });
    let bare = bare_hashes(samples)?;
    println!(
        "verifying a batch of {} ({what}), its signature included: {:.2} µs a record (target: 8), {:.2} times its bare hashes ({:.2} µs)",
        samples.len(),
        each(time, samples.len()),
        time.as_secs_f64() / bare.as_secs_f64(),
        each(bare, samples.len())
    );
    Ok(())
}

fn tree() {
    let leaves: Vec<Hash> = (0..BATCH as u64).map(|number| hash_leaf(&number.to_be_bytes())).collect();
    let ours = best(|| {
        let mut log = CompactRange::new();
        (0..16).for_each(|_| leaves.iter().for_each(|leaf| log.append(*leaf)));
        log.root()
    });
    let input = [1_u8; 65];
    let bare = best(|| (1..16 * BATCH).for_each(|_| nothing(Sha256::digest(black_box(input)))));
    println!(
        "tree of {}: {:.3} µs a leaf, {:.2} times bare sha2 of its nodes (target: 1.3)",
        16 * BATCH,
        each(ours, 16 * BATCH),
        ours.as_secs_f64() / bare.as_secs_f64()
    );
}

/// The nodes of a log, its checkpoint.
fn log(signer: &Ed25519Signer, leaves: impl Iterator<Item = Hash>) -> Outcome<(BTreeMap<Node, Hash>, Bytes, u64)> {
    let (mut nodes, mut log) = (BTreeMap::new(), CompactRange::new());
    leaves.for_each(|leaf| log.append_with(leaf, |node, hash| nothing(nodes.insert(node, hash))));
    let checkpoint = Checkpoint { origin: signer.key_name().into(), size: log.size(), root: log.root() };
    Ok((nodes, checkpoint.sign(signer)?, log.size()))
}

fn records(issuer: &Ed25519Signer, ledger: &Ed25519Signer, samples: &[Sample]) -> Outcome<Vec<SignedRecord>> {
    let statements = || samples.iter().map(|sample| sample.statement.as_slice());
    let logs = [
        log(issuer, statements().map(hash_leaf))?,
        log(ledger, statements().map(|statement| EntryType::Statement.leaf(statement)))?,
    ];
    let proof = |(nodes, note, size): &(BTreeMap<Node, Hash>, Bytes, u64), index| -> Outcome<LogProof> {
        let path = prove_inclusion(index, *size, |node| nodes.get(&node).copied().ok_or(ProofError::OutOfRange))?;
        Ok(LogProof { checkpoint: note.clone(), index, path })
    };
    let made = samples.iter().enumerate().map(|(at, sample)| {
        Ok(SignedRecord {
            statement: sample.statement.clone().into(),
            disclosure: Disclosure::Whole { payload: sample.payload.clone().into(), salt: sample.salt },
            issuer_proof: Some(proof(&logs[0], at as u64)?),
            ledger_proof: Some(proof(&logs[1], at as u64)?),
        })
    });
    made.collect()
}

fn single(what: &str, anchor: &TrustAnchor, records: &[SignedRecord]) -> Outcome {
    let verifier = Verifier::new(anchor.clone());
    assert!(records.iter().take(1).all(|record| verifier.verify(record, NOW).verdict.is_valid()));
    // Far apart, so that none can use what was proved for its neighbour: for these the trees are climbed whole.
    let apart: Vec<_> = records.iter().step_by(32).collect();
    let begun = Instant::now();
    apart.iter().for_each(|record| drop(black_box(verifier.verify(record, NOW))));
    let new = begun.elapsed();
    let known = best(|| apart.iter().for_each(|record| drop(black_box(verifier.verify(record, NOW)))));
    println!(
        "verifying a single whole record ({what}) with known checkpoints: {:.2} µs in an unseen part of the trees, {:.2} µs in one that was seen (target: 25)",
        each(new, apart.len()),
        each(known, apart.len())
    );
    Ok(())
}

/// The records as grpcurl prints an answer, in an order that is not the logs'.
fn print(samples: &[Sample], records: &[SignedRecord]) -> Outcome<String> {
    let descriptor = pool().get_message_by_name("lienthong.exchange.v1.Record").ok_or("no descriptor")?;
    let mut text = String::new();
    for step in 0..records.len() {
        let at = step * 7_919 % records.len();
        let (kind, whole) = (&samples[at].kind, &records[at]);
        let mut record = whole.clone();
        if kind.name == PERSON {
            let payload = canonical::scan(&samples[at].payload)?;
            let shown: Vec<&str> =
                payload.fields().map(|field| field.name).filter(|name| !HIDDEN.contains(name)).collect();
            record.disclosure = redact(&whole.disclosure, &shown)?;
        }
        let frame = Frame {
            record_type: &kind.name,
            message: kind.message.as_deref(),
            id: record_id(at),
            version: 1,
            verdict: Verdict::Valid,
        };
        let message = delivered(frame, &record)?;
        let message = DynamicMessage::decode(descriptor.clone(), message.encode_to_vec().as_slice())?;
        // as deep as it stands in an answer
        let json = serde_json::to_string_pretty(&message)?.replace('\n', "\n      ");
        write!(text, "{{\n  \"found\": {{\n    \"records\": [\n      {json}\n    ]\n  }}\n}}\n")?;
    }
    Ok(text)
}

fn file(anchor: &TrustAnchor, samples: &[Sample], records: &[SignedRecord]) -> Outcome {
    let folder = tempfile::tempdir()?;
    let (answers, trust) = (folder.path().join("answers.json"), folder.path().join("anchor.json"));
    let text = print(samples, records)?;
    std::fs::File::create(&answers)?.write_all(text.as_bytes())?;
    std::fs::write(&trust, anchor.to_json()?)?;
    let mut times = Vec::new();
    for _ in 0..RUNS {
        let (begun, used) = (Instant::now(), children());
        let mut command = Command::new(env!("CARGO_BIN_EXE_lienthong"));
        command.arg("verify").arg(&answers).arg("--trust").arg(&trust).arg("--quiet");
        let status = command.args(["--at", &NOW.to_string()]).stdout(Stdio::null()).status()?;
        assert!(status.success(), "{status}");
        let wall = begun.elapsed().as_secs_f64();
        times.push((children().zip(used).map_or(wall, |(now, before)| now - before), wall));
    }
    let (cpu, wall) = times.into_iter().min_by(|one, other| one.0.total_cmp(&other.0)).unwrap_or_default();
    println!(
        "`verify` of a file of {} records, {} MB: {:.0} records/s of processor time (target: 50000), {:.0} by the clock",
        records.len(),
        text.len() / 1_000_000,
        records.len() as f64 / cpu,
        records.len() as f64 / wall
    );
    Ok(())
}

/// Processor time of the processes that this one waited for, in seconds, where the system tells.
fn children() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let (_, rest) = stat.rsplit_once(") ")?;
    let ticks = rest.split(' ').skip(13).take(2).map(|ticks| ticks.parse::<f64>().ok()).sum::<Option<f64>>()?;
    Some(ticks / 100.0)
}
