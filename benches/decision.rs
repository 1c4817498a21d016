//! What an exchange costs: the decision alone, and a whole fetch of three records over registries in memory, without
//! the network. `cargo bench --bench decision`

#![allow(clippy::disallowed_methods, reason = "benchmarks measure")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use lienthong::access::{Consent, ConsentBook, EvidenceLog, RightsBook, decide, rights};
use lienthong::base::entropy::SeededEntropy;
use lienthong::base::time::SystemClock;
use lienthong::base::{ClientIds, Clock, PersonalId, RequestId, Result, Seed, Timestamp};
use lienthong::exchange::{Context, Exchange, Parts, Request};
use lienthong::ledger::{Entry, LogId, Sequencer};
use lienthong::registry::embedded::EmbeddedRegistry;
use lienthong::registry::numbers::{Entry as Resident, Residents};
use lienthong::registry::port::{Change, Inclusion, Registry, Submission};
use lienthong::registry::{Catalogue, Name, Reader, Sector};
use lienthong::store::memory::MemoryStore;
use lienthong::store::{Batch, Store};
use lienthong::trust::anchor::{IssuerAnchor, KeyRecord, LogAnchor, LogPurpose};
use lienthong::trust::verify::Verifier;
use lienthong::trust::{Ed25519Signer, EntryType, LogProof, Object, Operation, Signer, TrustAnchor};

const TYPES: [&str; 3] = ["resident.person.v1", "land.certificate.v1", "vehicle.registration.v1"];
const PURPOSE: &str = "one_stop.verify_documents";
const CITIZENS: u64 = 100;
/// Calls in flight at a time.
const IN_FLIGHT: u64 = 64;

fn decision(c: &mut Criterion) {
    let (rights, types) = (rights::embedded(), TYPES.map(Name::from));
    let now = Timestamp(1_800_000_000_000);
    let refusal = [Consent::refusal_of_all(now)];
    let mut group = c.benchmark_group("decision");
    group.bench_function("granted", |b| {
        b.iter(|| decide(&rights, "one-stop", PURPOSE, black_box(&types), &[], now).is_ok())
    });
    group.bench_function("refused", |b| {
        b.iter(|| decide(&rights, "one-stop", PURPOSE, black_box(&types), &refusal, now).is_err())
    });
    group.finish();
}

fn fetch(c: &mut Criterion) {
    let runtime = tokio::runtime::Runtime::new().expect("runtime");
    let exchange = runtime.block_on(world());
    let mut group = c.benchmark_group("exchange");
    group.throughput(Throughput::Elements(IN_FLIGHT));
    group.measurement_time(Duration::from_secs(5));
    let mut next = 0u64;
    group.bench_function("fetch_three_records", |b| {
        b.iter(|| {
            runtime.block_on(async {
                let calls: Vec<_> = (0..IN_FLIGHT)
                    .map(|_| {
                        next += 1;
                        tokio::spawn(one(exchange.clone(), next))
                    })
                    .collect();
                for call in calls {
                    assert_eq!(call.await.expect("task"), 3);
                }
            });
        });
    });
    group.finish();
}

async fn one(exchange: Arc<Exchange>, number: u64) -> usize {
    let context = Context {
        request_id: RequestId(uuid::Uuid::from_u128(number.into())),
        client_ids: ClientIds::default(),
        method: "lienthong.exchange.v1.ExchangeService/FetchRecords",
        agency: "one-stop".into(),
        now: SystemClock.now(),
        deadline: Instant::now() + Duration::from_secs(10),
        accepts_unverified: false,
    };
    let request = Request {
        personal_id: citizen(number % CITIZENS),
        record_types: TYPES.map(Into::into).into(),
        purpose: PURPOSE.into(),
        reference: String::new(),
    };
    exchange.fetch(context, request).await.expect("fetched").records.len()
}

criterion_group!(benches, decision, fetch);
criterion_main!(benches);

fn citizen(number: u64) -> String {
    PersonalId::parse(&format!("0420900{number:05}")).map(|id| id.as_str().to_owned()).unwrap_or_default()
}

fn signer(origin: &str) -> Arc<dyn Signer> {
    Arc::new(Ed25519Signer::from_seed(origin, &Seed::root(1).child(origin, 0)))
}

/// One registry's records of every citizen, accepted at once: the ledger index of a statement is its offset.
struct Province {
    ledger: Arc<Sequencer>,
    offsets: Vec<(&'static str, u64)>,
}

#[async_trait]
impl Inclusion for Province {
    async fn wait_for(&self, _: &str, _: u64) -> Result<()> {
        Ok(())
    }

    async fn ledger_index(&self, registry: &str, log_index: u64) -> Result<Option<u64>> {
        let offset = self.offsets.iter().find(|(name, _)| *name == registry);
        Ok(offset.map(|(_, offset)| offset + log_index))
    }

    async fn prove(&self, registry: &str, log_index: u64) -> Result<Option<Arc<LogProof>>> {
        let Some(index) = self.ledger_index(registry, log_index).await? else { return Ok(None) };
        self.ledger.prove(index).await.map(|proof| Some(Arc::new(proof)))
    }
}

/// Asked only when the resident registry does not answer, which this one always does.
struct Unasked;

#[async_trait]
impl Residents for Unasked {
    async fn record(&self, _: PersonalId) -> Result<Option<Resident>> {
        unreachable!("the resident registry answers")
    }

    async fn claimants(&self, _: PersonalId) -> Result<Vec<Resident>> {
        unreachable!("the resident registry answers")
    }
}

async fn world() -> Arc<Exchange> {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let clock = Arc::new(SystemClock);
    let (records, evidence) = ("lienthong/H27/records", "lienthong/H27/evidence");
    let ledger =
        Sequencer::open(store.clone(), LogId(100), records, signer(records), clock.clone()).await.expect("opens");
    let (mut registries, mut offsets, mut issuers): (Vec<Arc<dyn Registry>>, _, _) = (vec![], vec![], vec![]);
    let (secret, catalogue) = (Seed::root(2), Catalogue::built_in());
    for name in ["resident", "land", "vehicle"] {
        let sector = catalogue.sector(name).expect("a sector");
        let host =
            EmbeddedRegistry::open(store.clone(), sector.clone(), signer(&sector.log_origin()), &secret, clock.clone());
        let host = host.await.expect("opens");
        offsets.push((name, ledger.head().size));
        submit(&host, sector).await;
        accept(&host, &ledger).await;
        issuers.push(IssuerAnchor {
            name: name.into(),
            origin: sector.log_origin(),
            schemas: sector.record_types.iter().map(|record_type| (&record_type.name).into()).collect(),
            keys: vec![KeyRecord::active(&*signer(&sector.log_origin())).expect("key")],
        });
        registries.push(host);
    }
    let log = |origin: &str, purpose| LogAnchor {
        origin: origin.into(),
        purpose,
        keys: vec![KeyRecord::active(&*signer(origin)).expect("key")],
    };
    let anchor = TrustAnchor {
        province: "H27".into(),
        version: 1,
        events_from: 0,
        root: Default::default(),
        signatures: Vec::new(),
        expires_at: Timestamp::MAX,
        logs: vec![log(records, LogPurpose::Records), log(evidence, LogPurpose::Evidence)],
        issuers,
    };
    let log = Sequencer::open(store.clone(), LogId(101), evidence, signer(evidence), clock).await.expect("opens");
    let province = Arc::new(Province { ledger, offsets });
    Exchange::new(Parts {
        reader: Reader::new(catalogue, registries, province, Arc::new(Verifier::new(anchor))),
        accepted: Arc::new(Unasked),
        rights: RightsBook::of(rights::embedded()),
        consents: Arc::new(ConsentBook::new(store.clone(), Arc::new(SeededEntropy::new(Seed::root(5))))),
        evidence: EvidenceLog::new(store, log, &Seed::root(1)),
        memory: lienthong::exchange::Memory::default(),
    })
}

async fn submit(host: &EmbeddedRegistry, sector: &Sector) {
    let changes = (0..CITIZENS).map(|number| {
        let (record_type, payload) = match &*sector.name {
            "resident" => (TYPES[0], person(&citizen(number))),
            "land" => (TYPES[1], certificate(&citizen(number), number)),
            _ => (TYPES[2], registration(&citizen(number), number)),
        };
        Change {
            record_type: record_type.into(),
            operation: Operation::Create,
            expected_version: 0,
            payload,
            valid_from: None,
            valid_until: None,
        }
    });
    let submission = Submission { request_id: "benchmark-seed".into(), changes: changes.collect() };
    host.submit(submission).await.unwrap_or_else(|error| panic!("{error:?}"));
}

async fn accept(host: &EmbeddedRegistry, ledger: &Sequencer) {
    let batch = host.changes(0, 4_096).await.expect("changes").expect("a batch");
    let entry = |statement: &Bytes| Entry {
        leaf: EntryType::Statement.leaf(statement),
        body: EntryType::Statement.entry(statement).into(),
    };
    let entries = batch.records.iter().map(|record| entry(&record.statement)).collect();
    ledger.append(entries, |_| Batch::new()).await.expect("appended");
}

fn address() -> Object {
    let unit = Object::new().with("unit_code", "18073").with("unit_valid_from", "2025-07-01");
    unit.with("text", "12 Phan Đình Phùng")
}

fn person(id: &str) -> Object {
    Object::new()
        .with("personal_id", id)
        .with("old_id_number", format!("1{}", &id[4..12]))
        .with("full_name", "Nguyễn Thị Hoà Bình")
        .with("birth_date", "1985-03-07")
        .with("sex", "female")
        .with("birth_place", address())
        .with("birth_registration_place", address())
        .with("hometown", address())
        .with("ethnicity", "Kinh")
        .with("nationality", "VN")
        .with("marital_status", "single")
        .with("permanent_residence", address())
        .with("household_id", "42-000000001")
        .with("relation_to_head", "child")
        .with("father_id", "042060000001")
        .with("mother_id", "042160000001")
        .with("life_status", "alive")
        .with(
            "card",
            Object::new().with("kind", "cccd").with("issued_on", "2021-05-01").with("expires_on", "2025-03-07"),
        )
        .with("status", "active")
}

fn certificate(id: &str, number: u64) -> Object {
    let owner =
        Object::new().with("personal_id", id).with("full_name", "Nguyễn Thị Hoà Bình").with("role", "individual");
    Object::new()
        .with("serial", format!("BA {:06}", 100_000 + number))
        .with("registry_number", "CH 01234")
        .with("issued_on", "2016-04-01")
        .with("owners", vec![owner])
        .with("legal_form", "individual")
        .with("parcels", vec!["w7723fdn0zg3"])
        .with("status", "valid")
}

fn registration(id: &str, number: u64) -> Object {
    let owner =
        Object::new().with("personal_id", id).with("full_name", "Nguyễn Thị Hoà Bình").with("address", address());
    Object::new()
        .with("plate", format!("38A-{:03}.{:02}", 100 + number / 100, number % 100))
        .with("kind", "car")
        .with("plate_colour", "white")
        .with("owner", owner)
        .with("brand", "Toyota")
        .with("model", "Vios")
        .with("chassis_number", "RL4BT9F33L1234567")
        .with("engine_number", "2NRX123456")
        .with("colour", "Trắng")
        .with("seats", 5)
        .with("displacement_cc", 1496)
        .with("first_registered", "2020-05-06")
        .with("status", "active")
}
