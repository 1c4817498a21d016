//! The test world: one province in memory, read as a sentence.
//!
//! ```text
//! world().registries(&["resident", "land"]).people(50).persona(OK).fault(OK, ReadAction::Slow).start().await
//! ```
//!
//! Its registries, record ledger, province, exchange and links are the product's own; only the clock is stopped, and nothing is on a
//! disk or a socket. Unit tests, integration tests and benchmarks compile this one folder, and it uses the library's public API alone, so
//! that no feature has to be switched on for it.
#![allow(dead_code)] // each user has a part of it

pub mod decorated;
pub mod foundation;
pub mod payloads;
pub mod until;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use lienthong::access::{ConsentBook, EvidenceLog, RightsBook, rights};
use lienthong::base::call::Permit;
use lienthong::base::entropy::SeededEntropy;
use lienthong::base::time::{FixedClock, Instant};
use lienthong::base::{
    AgencyId, Call, Caller, ClientIds, Clock as _, Language, PersonalId, RequestId, Seed, Timestamp,
};
use lienthong::exchange::{self, Exchange};
use lienthong::identity::organisation::Organisations;
use lienthong::identity::people::Registries;
use lienthong::identity::{Account, Accounts, Citizens, Level, Linking};
use lienthong::province::Province;
use lienthong::registry::port::{Change, Inclusion as _, Receipt, Registry, Submission};
use lienthong::registry::{Catalogue, EmbeddedRegistry, Name, Reader};
use lienthong::server::seeding::change;
use lienthong::simulation::document::Record;
use lienthong::simulation::faults::{ALWAYS, FaultKeys, Faulty, ReadAction, Rule, Rules, compromised_key, forge_with};
use lienthong::simulation::personas;
use lienthong::simulation::population::Population;
use lienthong::store::Store;
use lienthong::store::memory::MemoryStore;
use lienthong::trust::{Object, Operation, Verifier};

use foundation::{EVIDENCE, SEED, anchor, host, ledger, province, signer};

pub use foundation::{NOW, TODAY};

/// A persona without any trouble.
pub const OK: &str = "042090990001";

/// Begins the sentence: every registry, nobody in it.
pub fn world() -> Builder {
    Builder {
        registries: None,
        people: 0,
        personas: Vec::new(),
        records: Vec::new(),
        rules: Vec::new(),
        behind: None,
        follows: true,
    }
}

type Decorate = Box<dyn Fn(Arc<dyn Registry>) -> Arc<dyn Registry>>;

/// A world that is being described.
pub struct Builder {
    registries: Option<&'static [&'static str]>,
    people: u64,
    personas: Vec<&'static str>,
    records: Vec<(&'static str, Object)>,
    rules: Vec<Rule>,
    behind: Option<Decorate>,
    follows: bool,
}

impl Builder {
    /// Only these registries are connected.
    pub fn registries(self, names: &'static [&'static str]) -> Self {
        Self { registries: Some(names), ..self }
    }

    /// So many generated citizens.
    pub fn people(self, people: u64) -> Self {
        Self { people, ..self }
    }

    /// A persona, with all that is linked and refused in their catalogue row, and the fault that it names.
    pub fn persona(mut self, id: &'static str) -> Self {
        self.personas.push(id);
        self
    }

    /// Records of a type.
    pub fn records(mut self, record_type: &'static str, payloads: impl IntoIterator<Item = Object>) -> Self {
        self.records.extend(payloads.into_iter().map(|payload| (record_type, payload)));
        self
    }

    /// Reads of this person's records go wrong.
    pub fn fault(mut self, person: &str, action: ReadAction) -> Self {
        self.rules.push(Rule::about(pid(person), ALWAYS, action));
        self
    }

    /// Every registry is read through the decorator that `decorate` gives.
    pub fn behind(self, decorate: impl Fn(Arc<dyn Registry>) -> Arc<dyn Registry> + 'static) -> Self {
        Self { behind: Some(Box::new(decorate)), ..self }
    }

    /// The province accepts nothing until [`World::follow`].
    pub fn unfollowed(self) -> Self {
        Self { follows: false, ..self }
    }

    /// Ends the sentence: everything is opened, entered and accepted.
    pub async fn start(self) -> World {
        let (store, clock) = (Arc::new(MemoryStore::new()) as Arc<dyn Store>, Arc::new(FixedClock::at(NOW)));
        let (catalogue, seed) = (foundation::catalogue(), Seed::root(SEED));
        let verifier = Arc::new(Verifier::new(anchor(&catalogue)));
        let province = province(&catalogue, &store, &verifier, &clock).await;
        let mut hosts = BTreeMap::new();
        for sector in catalogue.sectors() {
            if self.registries.is_none_or(|names| names.contains(&&*sector.name)) {
                hosts.insert(sector.name.clone(), host(&store, sector, &clock).await);
            }
        }
        let ports = self.ports(&hosts);
        let reader = Reader::new(catalogue.clone(), ports, province.clone(), verifier.clone());
        let evidence = EvidenceLog::new(store.clone(), ledger(&store, EVIDENCE, &clock).await, &seed);
        let entropy = |branch: &str| Arc::new(SeededEntropy::new(seed.child(branch, 0)));
        let consents = Arc::new(ConsentBook::new(store.clone(), entropy("consents")));
        let exchange = Exchange::new(exchange::ExchangeAssembly {
            reader: reader.clone(),
            accepted: province.clone(),
            rights: RightsBook::of(rights::embedded()),
            consents: consents.clone(),
            evidence: evidence.clone(),
            memory: exchange::ExchangeMemory::default(),
        });
        let accounts = Accounts::new(store.clone());
        let asked = Registries { reader: reader.clone() };
        let organisations = Organisations::new(store.clone(), asked.clone());
        let people = Arc::new(Citizens::new(province.clone(), accounts.clone(), organisations));
        let linking = Linking::new(store.clone(), asked, accounts.clone(), entropy("links"));
        let world = World {
            store,
            clock,
            catalogue,
            seed,
            verifier,
            province,
            hosts,
            reader,
            evidence,
            consents,
            exchange,
            accounts,
            people,
            linking,
            is_followed: AtomicBool::new(false),
            requests: AtomicU64::new(0),
        };
        if self.follows {
            world.follow();
        }
        self.fill(&world).await;
        world
    }

    /// The registries as everybody reads them.
    fn ports(&self, hosts: &BTreeMap<Name, Arc<EmbeddedRegistry>>) -> Vec<Arc<dyn Registry>> {
        let is_here = |rule: &Rule| self.personas.iter().any(|id| rule.matching.person == Some(pid(id)));
        let of_personas = personas::faults().into_iter().filter(is_here);
        let all: Vec<Rule> = of_personas.chain(self.rules.iter().cloned()).collect();
        let has_rules = !all.is_empty();
        let rules = Arc::new(Rules::new(all, Arc::new(FixedClock::at(NOW)), Seed::root(SEED)));
        let mut ports: Vec<Arc<dyn Registry>> = Vec::new();
        for ((_, host), other) in hosts.iter().zip(hosts.values().cycle().skip(1)) {
            let forge = |host: &Arc<EmbeddedRegistry>| forge_with(signer(&host.sector().log_origin()));
            let compromised = compromised_key(&Seed::root(SEED), &host.sector().log_origin());
            let keys =
                FaultKeys { own: forge(host), other: forge(other), compromised: forge_with(Arc::new(compromised)) };
            let port: Arc<dyn Registry> = match has_rules {
                false => host.clone(),
                true => Arc::new(Faulty::new(host.clone(), keys, rules.clone())),
            };
            ports.push(self.behind.as_ref().map_or(port.clone(), |decorate| decorate(port)));
        }
        ports
    }

    async fn fill(self, world: &World) {
        let personas: Vec<_> = personas::all(TODAY)
            .into_iter()
            .filter(|persona| self.personas.iter().any(|id| persona.personal_id == pid(id)))
            .collect();
        let generated = Population::new(world.seed, self.people, TODAY).flat_map(|household| household.records);
        let first: Vec<Record> = generated.chain(personas.iter().flat_map(|persona| persona.records.clone())).collect();
        world.enter_all(first.into_iter().map(change).collect()).await;
        world
            .enter_all(self.records.into_iter().map(|(record_type, payload)| created(record_type, payload)).collect())
            .await;
        for persona in &personas {
            let Some(account) = &persona.account else { continue };
            let level = if account.level >= 2 { Level::Two } else { Level::One };
            let account = Account { person: account.personal_id, level, guardian: account.guardian, opened_at: NOW };
            world.accounts.seed(&[account]).await.expect("an account");
            for record in persona.records.iter().filter(|record| persona.links.contains(&record.record_type)) {
                let record_type = world.catalogue.record_type(record.record_type).expect("a type");
                let Some(document) = &record_type.document else { continue };
                if !world.hosts.contains_key(&record_type.registry) {
                    continue;
                }
                let number = record.payload.text(&record_type.natural_key).expect("a number");
                world.linking.seed(persona.personal_id, document.kind, number, NOW).await.expect("a link");
            }
            if persona.refuses_consents {
                world.consents.refuse_all(persona.personal_id, NOW).await.expect("refused");
            }
        }
        world.enter_all(personas.iter().flat_map(|persona| persona.later.clone()).map(change).collect()).await;
    }
}

/// A province that was started.
pub struct World {
    pub store: Arc<dyn Store>,
    pub clock: Arc<FixedClock>,
    pub catalogue: Arc<Catalogue>,
    pub seed: Seed,
    pub verifier: Arc<Verifier>,
    pub province: Arc<Province>,
    /// The connected registries, as their operators know them.
    pub hosts: BTreeMap<Name, Arc<EmbeddedRegistry>>,
    /// The same as everybody reads them.
    pub reader: Reader,
    pub evidence: Arc<EvidenceLog>,
    pub consents: Arc<ConsentBook>,
    pub exchange: Arc<Exchange>,
    pub accounts: Accounts,
    pub people: Arc<Citizens>,
    pub linking: Linking,
    is_followed: AtomicBool,
    requests: AtomicU64,
}

impl World {
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A number that no other has in this world.
    fn next_number(&self) -> u64 {
        self.requests.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Lets the province follow the registries.
    pub fn follow(&self) {
        self.is_followed.store(true, Ordering::Relaxed);
        for host in self.hosts.values() {
            self.province.follow(host.clone()).expect("a registry of the catalogue");
        }
    }

    /// Waits until the province has accepted all versions that the registries issued, if it follows them.
    pub async fn accepted(&self) {
        if !self.is_followed.load(Ordering::Relaxed) {
            return;
        }
        for (name, host) in &self.hosts {
            let size = host.log_size().await.expect("a size");
            self.province.wait_for(name, size).await.expect("accepted");
        }
    }

    /// The registry that issues records of this type.
    pub fn host_of(&self, record_type: &str) -> &Arc<EmbeddedRegistry> {
        let record_type = self.catalogue.record_type(record_type).expect("a type");
        self.hosts.get(&record_type.registry).expect("a connected registry")
    }

    /// Enters new records of one type, without waiting for the province.
    pub async fn submit(&self, record_type: &str, payloads: Vec<Object>) -> Vec<Receipt> {
        let changes = payloads.into_iter().map(|payload| created(record_type, payload)).collect();
        self.submit_to(self.host_of(record_type), changes).await
    }

    /// Enters a new record, which the province accepts.
    pub async fn enter(&self, record_type: &str, payload: Object) -> Receipt {
        self.change(record_type, Operation::Create, 0, payload).await
    }

    /// Enters the next version of a record of which `seen` is the newest, and which the province accepts.
    pub async fn change(&self, record_type: &str, operation: Operation, seen: u64, payload: Object) -> Receipt {
        let change = Change { operation, expected_version: seen, ..created(record_type, payload) };
        let receipts = self.submit_to(self.host_of(record_type), vec![change]).await;
        self.accepted().await;
        receipts[0].clone()
    }

    pub async fn account(&self, number: &str, level: Level) {
        let account = Account { person: pid(number), level, guardian: None, opened_at: Timestamp(0) };
        self.accounts.seed(&[account]).await.expect("an account");
    }

    /// A call of a citizen.
    pub fn by_citizen(&self, number: &str) -> Call {
        call_by(Caller::Citizen(pid(number)), self.now())
    }

    /// A call of an agency's system.
    pub fn by_agency(&self, key: &str) -> Call {
        call_by(Caller::Agency(AgencyId::parse(key).expect("a key")), self.now())
    }

    /// A fetch's context.
    pub fn context(&self, agency: &str) -> exchange::Context {
        exchange::Context {
            request_id: RequestId(uuid::Uuid::from_u128(self.next_number().into())),
            client_ids: ClientIds::default(),
            method: "lienthong.exchange.v1.ExchangeService/FetchRecords",
            agency: agency.into(),
            now: self.now(),
            deadline: Instant::now() + Duration::from_secs(5),
            accepts_unverified: false,
        }
    }

    /// The changes of connected registries, those of each in one submission.
    async fn enter_all(&self, changes: Vec<Change>) {
        let mut by_registry: BTreeMap<Name, Vec<Change>> = BTreeMap::new();
        for change in changes {
            let record_type = self.catalogue.record_type(&change.record_type).expect("a type");
            by_registry.entry(record_type.registry.clone()).or_default().push(change);
        }
        for (name, changes) in by_registry {
            let Some(host) = self.hosts.get(&name) else { continue };
            host.load(changes, self.now()).await.unwrap_or_else(|error| panic!("{name}: {error:?}"));
        }
        self.accepted().await;
    }

    async fn submit_to(&self, host: &Arc<EmbeddedRegistry>, changes: Vec<Change>) -> Vec<Receipt> {
        let submission = Submission { request_id: format!("request-{:08}", self.next_number()), changes };
        host.submit(submission).await.unwrap_or_else(|error| panic!("{}: {error:?}", host.name()))
    }
}

/// A new record as a change.
pub fn created(record_type: &str, payload: Object) -> Change {
    Change {
        record_type: record_type.to_owned(),
        operation: Operation::Create,
        expected_version: 0,
        payload,
        valid_from: None,
        valid_until: None,
    }
}

/// A call by `caller` at `now` that every role may make.
pub fn call_by(caller: Caller, now: Timestamp) -> Call {
    Call {
        request_id: RequestId(uuid::Uuid::nil()),
        client_ids: ClientIds::default(),
        method: "test",
        caller,
        now,
        deadline: Instant::now() + Duration::from_secs(10),
        client_deadline: None,
        language: Language::default(),
        permit: Permit { is_named: false, allowed: "test".into() },
        is_stranger: false,
        accepts_unverified: false,
        checks: Mutex::default(),
    }
}

/// A personal ID.
pub fn pid(text: &str) -> PersonalId {
    PersonalId::parse(text).expect("12 digits")
}
