//! A small world: four registries, some people, and stand-ins for what the server wires.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;

use crate::base::entropy::SeededEntropy;
use crate::base::time::FixedClock;
use crate::base::{AgencyId, Clock as _, Date, Error, PersonalId, Reason, RecordId, Result, Seed, Timestamp};
use crate::base::{Call, Caller};
use crate::identity::account::{Account, Accounts, Level};
use crate::identity::citizens::Citizens;
use crate::identity::linking::Linking;
use crate::identity::people::Registries;
use crate::identity::ports::{
    AcceptedChange, AcceptedRecord, ChangeFeed, Delivered, DeliveredRecord, Delivery, RecordDelivery,
};
use crate::identity::presenting::Presenting;
use crate::registry::embedded::EmbeddedRegistry;
use crate::registry::numbers::ask::AskedResidents;
use crate::registry::numbers::{Entry, Numbers, Residents};
use crate::registry::port::{Change, Query, Registry, Selector, Submission};
use crate::registry::{self, Catalogue};
use crate::store::Store;
use crate::store::memory::MemoryStore;
use crate::trust::{
    Disclosure, Ed25519Signer, IssuerAnchor, KeyRecord, Object, Operation, SignedRecord, Signer, TrustAnchor, Verdict,
    Verifier,
};

pub(super) const TODAY: Date = Date::constant(2026, 11, 22);

pub(super) fn id(text: &str) -> PersonalId {
    PersonalId::parse(text).expect("12 digits")
}

pub(super) fn only(text: &str) -> Numbers {
    Numbers::only(id(text))
}

pub(super) fn agency(key: &str) -> AgencyId {
    AgencyId::parse(key).expect("a key")
}

fn signer(origin: &str) -> Arc<dyn Signer> {
    Arc::new(Ed25519Signer::from_seed(origin, &Seed::root(1).child(origin, 0)))
}

const NAMES: [&str; 4] = ["resident", "health_insurance", "driver_licence", "vehicle"];

pub(super) struct World {
    pub store: Arc<dyn Store>,
    pub clock: Arc<FixedClock>,
    pub linking: Linking,
    pub presenting: Presenting,
    pub accounts: Accounts,
    pub people: Arc<Citizens>,
    pub delivery: Arc<FakeDelivery>,
    pub feed: Arc<FakeFeed>,
    hosts: Vec<Arc<EmbeddedRegistry>>,
    requests: u64,
}

impl World {
    pub(super) async fn new() -> Self {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        let clock = Arc::new(FixedClock::at(Timestamp::start_of(TODAY)));
        let catalogue = Catalogue::built_in();
        let mut hosts = Vec::new();
        let mut issuers = Vec::new();
        for name in NAMES {
            let sector = catalogue.sector(name).expect("a sector");
            let signer = signer(&sector.log_origin());
            issuers.push(IssuerAnchor {
                name: name.into(),
                origin: sector.log_origin(),
                schemas: sector.record_types.iter().map(|of| (&of.name).into()).collect(),
                keys: vec![KeyRecord::active(&*signer).expect("a key")],
            });
            let secret = Seed::root(2).child(name, 0);
            hosts.push(
                EmbeddedRegistry::open(store.clone(), sector.clone(), signer, &secret, clock.clone())
                    .await
                    .expect("opens"),
            );
        }
        let anchor = TrustAnchor {
            province: "H27".into(),
            version: 1,
            events_from: 0,
            root: Default::default(),
            signatures: Vec::new(),
            expires_at: Timestamp::start_of(Date::constant(2030, 1, 1)),
            logs: vec![],
            issuers,
        };
        let ports = hosts.iter().map(|host| host.clone() as Arc<dyn Registry>);
        let verifier = Arc::new(Verifier::new(anchor));
        let registries = Registries::new(catalogue.clone(), ports, verifier.clone());
        let resident = hosts[0].clone();
        let asked = Arc::new(AskedHost { resident, catalogue, verifier, clock: clock.clone() });
        let accounts = Accounts::new(store.clone());
        let entropy = Arc::new(SeededEntropy::new(Seed::root(3)));
        let linking = Linking::new(store.clone(), registries, accounts.clone(), entropy.clone());
        let delivery = Arc::new(FakeDelivery::default());
        let people = Arc::new(Citizens::new(asked, accounts.clone()));
        let presenting =
            Presenting::new(store.clone(), linking.clone(), people.clone(), delivery.clone(), entropy.clone());
        let feed = Arc::new(FakeFeed { hosts: hosts.clone(), changes: Mutex::default() });
        Self { store, clock, linking, presenting, accounts, people, delivery, feed, hosts, requests: 0 }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(super) async fn account(&self, person: &str, level: Level) {
        let account = Account { person: id(person), level, guardian: None, opened_at: Timestamp(0) };
        self.accounts.seed(&[account]).await.expect("seeded");
    }

    /// Says something new at the registry of `record_type`.
    pub(super) async fn say(&mut self, record_type: &str, payload: Object) -> RecordId {
        self.change(record_type, Operation::Create, 0, payload).await
    }

    pub(super) async fn change(
        &mut self,
        record_type: &str,
        operation: Operation,
        expected_version: u64,
        payload: Object,
    ) -> RecordId {
        self.requests += 1;
        let change = Change {
            record_type: record_type.into(),
            operation,
            expected_version,
            payload,
            valid_from: None,
            valid_until: None,
        };
        let host = self.hosts.iter().find(|host| record_type.starts_with(host.name())).expect("a host");
        let request_id = format!("request-{}", self.requests);
        let receipts = host.submit(Submission { request_id, changes: vec![change] }).await.expect("submitted");
        let mut changes = self.feed.changes.lock().expect("whole");
        let ledger_index = changes.len() as u64;
        let (record_id, version) = (receipts[0].record_id, receipts[0].version);
        changes.push(AcceptedChange { ledger_index, record_type: record_type.into(), record_id, version });
        record_id
    }

    /// A person with a level 2 account.
    pub(super) async fn person(&mut self, payload: Object) {
        let number = payload.text("personal_id").expect("a number").to_owned();
        self.say(registry::resident::PERSON, payload).await;
        self.account(&number, Level::Two).await;
    }

    pub(super) fn call_of(&self, citizen: &str) -> Call {
        Call::by(Caller::Citizen(id(citizen)), self.now())
    }

    pub(super) fn call(&self, key: &str) -> Arc<Call> {
        Arc::new(Call::by(Caller::Agency(agency(key)), self.now()))
    }
}

pub(super) fn person(number: &str, name: &str, birth: &str, sex: &str) -> Object {
    Object::new()
        .with("personal_id", number)
        .with("full_name", name)
        .with("birth_date", birth)
        .with("sex", sex)
        .with("nationality", "VN")
        .with("life_status", "alive")
        .with("status", "active")
}

pub(super) fn holder(number: &str, name: &str, birth: &str) -> Object {
    let number = (!number.is_empty()).then(|| number.to_owned());
    Object::new().with_optional("personal_id", number).with("full_name", name).with("birth_date", birth)
}

pub(super) fn card(number: &str, holder: Object, until: &str) -> Object {
    Object::new()
        .with("card_number", number)
        .with("holder", holder)
        .with("object_code", "GD")
        .with("benefit_level", "4")
        .with("facility", "42001")
        .with("valid_from", "2024-01-01")
        .with("valid_until", until)
        .with("status", "active")
}

pub(super) fn licence(number: &str, holder: Object, status: &str) -> Object {
    let class = Object::new().with("code", "A1").with("issued_on", "2015-06-01");
    Object::new()
        .with("licence_number", number)
        .with("holder", holder)
        .with("classes", vec![class])
        .with("points", 12)
        .with("status", status)
}

pub(super) fn motorcycle(plate: &str, owner: &str) -> Object {
    Object::new()
        .with("plate", plate)
        .with("kind", "motorcycle")
        .with("plate_colour", "white")
        .with("owner", Object::new().with("personal_id", owner).with("full_name", "Trần Thị Thanh Huyền"))
        .with("brand", "Honda")
        .with("model", "Wave")
        .with("chassis_number", "RLHJA3909PY012345")
        .with("colour", "Đỏ")
        .with("seats", 2)
        .with("first_registered", "2019-03-05")
        .with("status", "active")
}

/// The resident registry in the place of what the province accepted of it.
struct AskedHost {
    resident: Arc<EmbeddedRegistry>,
    catalogue: Arc<Catalogue>,
    verifier: Arc<Verifier>,
    clock: Arc<FixedClock>,
}

impl AskedHost {
    fn asked(&self) -> AskedResidents<'_> {
        let (registry, people) = (&*self.resident, self.catalogue.people());
        AskedResidents { registry, people, verifier: &self.verifier, now: self.clock.now() }
    }
}

#[async_trait]
impl Residents for AskedHost {
    async fn record(&self, number: PersonalId) -> Result<Option<Entry>> {
        self.asked().record(number).await
    }

    async fn claimants(&self, number: PersonalId) -> Result<Vec<Entry>> {
        self.asked().claimants(number).await
    }
}

/// The version that is the latest.
pub(super) const VERSION: u64 = 3;

/// Delivers nothing but what was asked for, and counts.
#[derive(Default)]
pub(super) struct FakeDelivery {
    pub is_down: AtomicBool,
    pub delivered: Mutex<Vec<Delivery>>,
    pub refusals: Mutex<Vec<(Option<PersonalId>, Reason)>>,
}

#[async_trait]
impl RecordDelivery for FakeDelivery {
    async fn deliver(&self, _: &Call, delivery: Delivery) -> Result<Delivered> {
        tokio::task::yield_now().await;
        if self.is_down.load(Ordering::SeqCst) {
            return Err(Error::new(Reason::RegistryUnavailable, "down"));
        }
        let mut delivered = self.delivered.lock().expect("whole");
        let records = delivery.wanted.iter().map(|wanted| DeliveredRecord {
            record_type: wanted.record_type.clone(),
            record_id: wanted.record_id,
            version: wanted.version.unwrap_or(VERSION),
            record: SignedRecord {
                statement: Bytes::new(),
                disclosure: Disclosure::Partial { shown: vec![], hidden: vec![] },
                issuer_proof: None,
                ledger_proof: None,
            },
            verdict: Verdict::Valid,
        });
        let evidence_index = delivery.repeats.unwrap_or(delivered.len() as u64);
        let records = records.collect();
        delivered.push(delivery);
        Ok(Delivered { records, evidence_index, evidence_checkpoint: Bytes::new() })
    }

    async fn log_refusal(&self, _: &Call, subject: Option<PersonalId>, _: &str, why: &Error) -> Result<()> {
        self.refusals.lock().expect("whole").push((subject, why.reason));
        Ok(())
    }
}

/// What the registries accepted, as if the province had.
pub(super) struct FakeFeed {
    hosts: Vec<Arc<EmbeddedRegistry>>,
    changes: Mutex<Vec<AcceptedChange>>,
}

#[async_trait]
impl ChangeFeed for FakeFeed {
    async fn accepted(&self, from: u64, limit: usize) -> Result<(Vec<AcceptedChange>, u64)> {
        let changes = self.changes.lock().expect("whole");
        let page: Vec<_> = changes.iter().skip(from as usize).take(limit).cloned().collect();
        let next = from + page.len() as u64;
        Ok((page, next))
    }

    async fn latest(&self, record_type: &str, record_id: RecordId) -> Result<Option<AcceptedRecord>> {
        let host = self.hosts.iter().find(|host| record_type.starts_with(host.name())).expect("a host");
        let page = host.read(Query::latest([record_type], Selector::Ids(vec![record_id]), 1)).await?;
        Ok(page.records.first().map(|found| {
            let statement = crate::trust::Statement::decode(&found.record.statement).expect("a statement");
            AcceptedRecord {
                version: statement.version,
                operation: statement.operation,
                valid_until: statement.valid_until,
                payload: found.record.disclosure.fields().expect("canonical"),
            }
        }))
    }

    async fn wait_beyond(&self, _: u64) -> Result<()> {
        std::future::pending().await
    }

    fn size(&self) -> u64 {
        self.changes.lock().expect("whole").len() as u64
    }
}
