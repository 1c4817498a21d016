//! A small world: four registries with a few records, everything in memory, everything signed.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;

use crate::access::{ConsentBook, EvidenceLog, RightsBook};
use crate::base::entropy::SeededEntropy;
use crate::base::time::FixedClock;
use crate::base::{ClientIds, Date, PersonalId, RequestId, Result, Seed, Timestamp};
use crate::exchange::{Context, Exchange, Memory, Parts, Request};
use crate::ledger::{Entry, LogId, Sequencer};
use crate::registry::Catalogue;
use crate::registry::embedded::EmbeddedRegistry;
use crate::registry::numbers::ask::AskedResidents;
use crate::registry::numbers::{self, Residents};
use crate::registry::port::{Change, ChangeBatch, Inclusion, Page, Query, Receipt, Registry, Submission};
use crate::store::Batch;
use crate::store::memory::MemoryStore;
use crate::trust::anchor::{IssuerAnchor, KeyRecord, LogAnchor, LogPurpose};
use crate::trust::verify::Verifier;
use crate::trust::{Ed25519Signer, EntryType, LogProof, Object, Operation, Signer, TrustAnchor};

pub(crate) const NOW: Timestamp = Timestamp(1_795_388_400_000);
pub(crate) const ANNA: &str = "042185990002";
pub(crate) const BINH: &str = "042090990001";
/// Superseded by [`BINH`].
pub(crate) const BINH_BEFORE: &str = "042090990009";

const REGISTRIES: [&str; 5] = ["resident", "land", "health_insurance", "driver_licence", "judicial"];

pub(crate) struct World {
    pub(crate) exchange: Arc<Exchange>,
    pub(crate) evidence: Arc<EvidenceLog>,
    pub(crate) consents: Arc<ConsentBook>,
    pub(crate) verifier: Arc<Verifier>,
    pub(crate) province: Arc<Province>,
    pub(crate) hosts: BTreeMap<&'static str, Arc<EmbeddedRegistry>>,
    pub(crate) clock: Arc<FixedClock>,
    pub(crate) seed: Seed,
    next: AtomicU64,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(|registry| registry).await
    }

    /// A world whose registries stand behind `decorate`.
    pub(crate) async fn with(decorate: impl Fn(Arc<dyn Registry>) -> Arc<dyn Registry>) -> Self {
        let store = Arc::new(MemoryStore::new());
        let seed = Seed::root(3);
        let clock = Arc::new(FixedClock::at(NOW));
        let sign = |origin: &str| -> Arc<dyn Signer> {
            Arc::new(Ed25519Signer::from_seed(origin, &seed.child(&format!("key/{origin}"), 0)))
        };
        let catalogue = Catalogue::built_in();
        let mut issuers = Vec::new();
        let mut hosts = BTreeMap::new();
        for name in REGISTRIES {
            let sector = catalogue.sector(name).expect("a sector");
            let signer = sign(&sector.log_origin());
            issuers.push(IssuerAnchor {
                name: name.into(),
                origin: sector.log_origin(),
                schemas: sector.record_types.iter().map(|record_type| (&record_type.name).into()).collect(),
                keys: vec![KeyRecord::active(&*signer).expect("key")],
            });
            let host =
                EmbeddedRegistry::open(store.clone(), sector.clone(), signer, &seed.child(name, 0), clock.clone())
                    .await;
            hosts.insert(name, host.expect("host"));
        }
        let log = |origin: &str, purpose| LogAnchor {
            origin: origin.into(),
            purpose,
            keys: vec![KeyRecord::active(&*sign(origin)).expect("key")],
        };
        let (records, evidence) = ("lienthong/H27/records", "lienthong/H27/evidence");
        let anchor = TrustAnchor {
            province: "H27".into(),
            version: 1,
            events_from: 0,
            root: Default::default(),
            signatures: Vec::new(),
            expires_at: NOW.plus_ms(86_400_000 * 365),
            logs: vec![log(records, LogPurpose::Records), log(evidence, LogPurpose::Evidence)],
            issuers,
        };
        let verifier = Arc::new(Verifier::new(anchor));
        let ledger = Sequencer::open(store.clone(), LogId(100), records, sign(records), clock.clone()).await;
        let province = Arc::new(Province { ledger: ledger.expect("ledger"), places: Mutex::default() });
        let ledger = Sequencer::open(store.clone(), LogId(101), evidence, sign(evidence), clock.clone()).await;
        let evidence = EvidenceLog::new(store.clone(), ledger.expect("ledger"), &seed);
        let consents = Arc::new(ConsentBook::new(store, Arc::new(SeededEntropy::new(seed.child("consents", 0)))));
        let accepted =
            Accepted { resident: hosts["resident"].clone(), catalogue: catalogue.clone(), verifier: verifier.clone() };
        let exchange = Exchange::new(Parts {
            catalogue,
            registries: hosts.values().map(|host| decorate(host.clone())).collect(),
            inclusion: province.clone(),
            accepted: Arc::new(accepted),
            verifier: verifier.clone(),
            rights: RightsBook::of(crate::access::rights::embedded()),
            consents: consents.clone(),
            evidence: evidence.clone(),
            memory: Memory::default(),
        });
        let world =
            Self { exchange, evidence, consents, verifier, province, hosts, clock, seed, next: AtomicU64::new(1) };
        world.populate().await;
        world
    }

    async fn populate(&self) {
        let binh = person(BINH).with("superseded_ids", vec![BINH_BEFORE]);
        self.submit("resident", "resident.person.v1", vec![person(ANNA).with("religion", "Công giáo"), binh]).await;
        let owner = |id: &str| {
            Object::new().with("personal_id", id).with("full_name", "Lê Văn Bình").with("role", "individual")
        };
        let certificate = |serial: &str, id: &str, parcel: &str| {
            Object::new()
                .with("serial", serial)
                .with("registry_number", "CH 00123")
                .with("issued_on", "2020-05-06")
                .with("owners", vec![owner(id)])
                .with("legal_form", "individual")
                .with("parcels", vec![parcel])
                .with("status", "valid")
        };
        let parcel = |id: &str| {
            let commune = Object::new().with("unit_code", "18073").with("unit_valid_from", "2025-07-01");
            Object::new()
                .with("parcel_id", id)
                .with("commune", commune)
                .with("map_sheet", "12")
                .with("parcel_number", "345")
                .with("area_m2", "120.5")
                .with(
                    "uses",
                    vec![
                        Object::new()
                            .with("code", "ODT")
                            .with("area_m2", "120.5")
                            .with("origin", "recognised_without_fee")
                            .with("term", "long_term"),
                    ],
                )
                .with("status", "active")
        };
        // One certificate stands under the new number, one still under the old.
        let certificates =
            vec![certificate("BA 123456", BINH, "w7723fdn0zg3"), certificate("BA 654321", BINH_BEFORE, "w7723fdn0zg4")];
        self.submit("land", "land.parcel.v1", vec![parcel("w7723fdn0zg3"), parcel("w7723fdn0zg4")]).await;
        self.submit("land", "land.certificate.v1", certificates).await;
        let judicial = Object::new()
            .with("personal_id", ANNA)
            .with("full_name", "Nguyễn Thị An")
            .with("birth_date", "1985-03-07")
            .with("status", "no_conviction");
        self.submit("judicial", "judicial.record.v1", vec![judicial]).await;
        self.province.accept_all(&self.hosts).await;
    }

    pub(crate) async fn submit(&self, registry: &str, record_type: &str, payloads: Vec<Object>) {
        self.change(registry, record_type, Operation::Create, 0, payloads).await;
    }

    /// Changes a record, and lets the province accept it.
    pub(crate) async fn update(&self, registry: &str, record_type: &str, seen: u64, payload: Object) {
        self.change(registry, record_type, Operation::Update, seen, vec![payload]).await;
        self.province.accept_all(&self.hosts).await;
    }

    async fn change(&self, registry: &str, record_type: &str, operation: Operation, seen: u64, payloads: Vec<Object>) {
        let changes = payloads.into_iter().map(|payload| Change {
            record_type: record_type.into(),
            operation,
            expected_version: seen,
            payload,
            valid_from: None,
            valid_until: None,
        });
        let request_id = format!("seed-{:08}", self.next.fetch_add(1, Ordering::Relaxed));
        let submission = Submission { request_id, changes: changes.collect() };
        self.hosts[registry].submit(submission).await.unwrap_or_else(|error| panic!("{record_type}: {error:?}"));
    }

    pub(crate) fn context(&self, agency: &str) -> Context {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        Context {
            request_id: RequestId(uuid::Uuid::from_u128(number.into())),
            client_ids: ClientIds::default(),
            method: "lienthong.exchange.v1.ExchangeService/FetchRecords",
            agency: agency.into(),
            now: NOW,
            deadline: Instant::now() + Duration::from_secs(5),
            accepts_unverified: false,
        }
    }
}

pub(crate) fn request(person: &str, record_types: &[&str], purpose: &str) -> Request {
    Request {
        personal_id: person.into(),
        record_types: record_types.iter().map(|name| (*name).to_owned()).collect(),
        purpose: purpose.into(),
        reference: "H27-0001".into(),
    }
}

pub(crate) fn pid(text: &str) -> PersonalId {
    PersonalId::parse(text).expect("12 digits")
}

pub(crate) fn person(id: &str) -> Object {
    Object::new()
        .with("personal_id", id)
        .with("full_name", "Nguyễn Thị An")
        .with("birth_date", "1985-03-07")
        .with("sex", "female")
        .with("ethnicity", "Kinh")
        .with("nationality", "VN")
        .with("life_status", "alive")
        .with("status", "active")
}

/// What the province accepted of the resident registry: in this world, all of it.
struct Accepted {
    resident: Arc<EmbeddedRegistry>,
    catalogue: Arc<Catalogue>,
    verifier: Arc<Verifier>,
}

impl Accepted {
    fn asked(&self) -> AskedResidents<'_> {
        let (registry, people) = (&*self.resident, self.catalogue.people());
        AskedResidents { registry, people, verifier: &self.verifier, now: NOW }
    }
}

#[async_trait]
impl Residents for Accepted {
    async fn record(&self, number: PersonalId) -> Result<Option<numbers::Entry>> {
        self.asked().record(number).await
    }

    async fn claimants(&self, number: PersonalId) -> Result<Vec<numbers::Entry>> {
        self.asked().claimants(number).await
    }
}

/// Accepts what the registries issued; the province layer without its views.
pub(crate) struct Province {
    ledger: Arc<Sequencer>,
    places: Mutex<BTreeMap<(String, u64), u64>>,
}

impl Province {
    pub(crate) async fn accept_all(&self, hosts: &BTreeMap<&'static str, Arc<EmbeddedRegistry>>) {
        for (name, host) in hosts {
            let mut cursor = 0;
            while let Some(batch) = host.changes(cursor, 4_096).await.expect("changes") {
                for record in batch.records {
                    let leaf = EntryType::Statement.leaf(&record.statement);
                    let entry = Entry { leaf, body: Bytes::from(EntryType::Statement.entry(&record.statement)) };
                    let place = (name.to_string(), cursor);
                    cursor += 1;
                    if self.places.lock().expect("lock").contains_key(&place) {
                        continue;
                    }
                    let appended = self.ledger.append(vec![entry], |_| Batch::new()).await.expect("appended");
                    self.places.lock().expect("lock").insert(place, appended.first_index);
                }
            }
        }
    }
}

#[async_trait]
impl Inclusion for Province {
    async fn wait_for(&self, _: &str, _: u64) -> Result<()> {
        std::future::pending().await
    }

    async fn ledger_index(&self, registry: &str, log_index: u64) -> Result<Option<u64>> {
        Ok(self.places.lock().expect("lock").get(&(registry.to_owned(), log_index)).copied())
    }

    async fn prove(&self, registry: &str, log_index: u64) -> Result<Option<Arc<LogProof>>> {
        match self.ledger_index(registry, log_index).await? {
            Some(ledger_index) => self.ledger.prove(ledger_index).await.map(Arc::new).map(Some),
            None => Ok(None),
        }
    }
}

type Misbehave = dyn Fn(&str, Result<Page>) -> Result<Page> + Send + Sync;

/// A registry whose answers to reads pass through a function; `None` never answers.
pub(crate) struct Decorated {
    pub(crate) inner: Arc<dyn Registry>,
    pub(crate) read: Option<Arc<Misbehave>>,
}

#[async_trait]
impl Registry for Decorated {
    fn name(&self) -> &str {
        self.inner.name()
    }

    async fn log_size(&self) -> Result<u64> {
        self.inner.log_size().await
    }

    async fn read(&self, query: Query) -> Result<Page> {
        match &self.read {
            Some(misbehave) => misbehave(self.inner.name(), self.inner.read(query).await),
            None => std::future::pending().await,
        }
    }

    async fn submit(&self, submission: Submission) -> Result<Vec<Receipt>> {
        self.inner.submit(submission).await
    }

    async fn changes(&self, cursor: u64, limit: usize) -> Result<Option<ChangeBatch>> {
        self.inner.changes(cursor, limit).await
    }

    async fn wait_beyond(&self, cursor: u64) -> Result<()> {
        self.inner.wait_beyond(cursor).await
    }
}

/// Sunday, so that no test depends on the day it runs.
#[test]
fn the_world_stands_still() {
    assert_eq!(NOW.date(), Date::constant(2026, 11, 23));
}
