//! The foundation of a test world: keys derived from one seed, the trust anchor that names them, logs and registries over a store. For tests
//! that put a world together by themselves.

use std::sync::Arc;

use lienthong::base::time::FixedClock;
use lienthong::base::{Date, ProvinceCode, Seed, Timestamp};
use lienthong::ledger::{LogId, Sequencer};
use lienthong::province::Province;
use lienthong::registry::{Catalogue, EmbeddedRegistry, Sector};
use lienthong::simulation::faults::{compromised_key, compromised_record};
use lienthong::store::Store;
use lienthong::trust::anchor::{IssuerAnchor, KeyRecord, LogAnchor, LogPurpose, TrustAnchor};
use lienthong::trust::{Ed25519Signer, Signer, Verifier};

/// The seed of every key and id.
pub const SEED: u64 = 3;
/// The day of the stopped clock.
pub const TODAY: Date = Date::constant(2026, 11, 22);
/// Its beginning.
pub const NOW: Timestamp = Timestamp(1_795_280_400_000);

/// The record ledger: its number in storage keys, and its name.
pub const RECORDS: (LogId, &str) = (LogId(200), "records");
/// The evidence ledger.
pub const EVIDENCE: (LogId, &str) = (LogId(201), "evidence");

/// The origin of one of the province's logs.
pub fn origin(name: &str) -> String {
    ProvinceCode::default().origin(name)
}

/// The built-in registries without the rule that only one record has a value: readers must handle two claims,
/// whoever issued them.
pub fn catalogue() -> Arc<Catalogue> {
    let built_in = Catalogue::built_in();
    let sectors = built_in.sectors().iter().map(|sector| {
        let types = sector.record_types.iter().map(|of| {
            let mut of = (**of).clone();
            of.lifecycle.unique.clear();
            Arc::new(of)
        });
        Sector { record_types: types.collect(), ..(**sector).clone() }
    });
    Arc::new(Catalogue::new(sectors).expect("the built-in registries are a catalogue"))
}

/// The key of a log.
pub fn signer(origin: &str) -> Arc<dyn Signer> {
    Arc::new(Ed25519Signer::from_seed(origin, &Seed::root(SEED).child(origin, 0)))
}

/// An anchor of all logs and registries, each with its key and the one that faults sign with.
pub fn anchor(catalogue: &Catalogue) -> TrustAnchor {
    let key = |origin: &str| KeyRecord::active(&*signer(origin)).expect("a good key");
    let issuers = catalogue.sectors().iter().map(|sector| {
        let origin = sector.log_origin();
        let compromised = compromised_key(&Seed::root(SEED), &origin);
        let compromised = compromised_record(&compromised).expect("a good key");
        IssuerAnchor {
            continues: Vec::new(),
            name: (&sector.name).into(),
            schemas: sector.record_types.iter().map(|of| (&of.name).into()).collect(),
            keys: vec![key(&origin), compromised],
            origin,
        }
    });
    let log = |name, purpose| LogAnchor {
        continues: Vec::new(),
        origin: origin(name),
        purpose,
        keys: vec![key(&origin(name))],
    };
    TrustAnchor {
        province: ProvinceCode::default().to_string(),
        version: 1,
        events_from: 0,
        root: Default::default(),
        signatures: Vec::new(),
        expires_at: Timestamp::start_of(Date::constant(2030, 1, 1)),
        logs: vec![log(RECORDS.1, LogPurpose::Records), log(EVIDENCE.1, LogPurpose::Evidence)],
        issuers: issuers.collect(),
    }
}

/// One of the province's logs over a store.
pub async fn ledger(store: &Arc<dyn Store>, (id, name): (LogId, &str), clock: &Arc<FixedClock>) -> Arc<Sequencer> {
    let origin = origin(name);
    Sequencer::open(store.clone(), id, &origin, signer(&origin), clock.clone()).await.expect("opens")
}

/// A registry over a store.
pub async fn host(store: &Arc<dyn Store>, sector: &Arc<Sector>, clock: &Arc<FixedClock>) -> Arc<EmbeddedRegistry> {
    let secret = Seed::root(SEED).child(&sector.name, 0);
    let signer = signer(&sector.log_origin());
    EmbeddedRegistry::open(store.clone(), sector.clone(), signer, &secret, clock.clone()).await.expect("opens")
}

/// The province over a store, which follows nobody.
pub async fn province(
    catalogue: &Arc<Catalogue>,
    store: &Arc<dyn Store>,
    verifier: &Arc<Verifier>,
    clock: &Arc<FixedClock>,
) -> Arc<Province> {
    let ledger = ledger(store, RECORDS, clock).await;
    let opened = Province::open(catalogue.clone(), store.clone(), ledger, verifier.clone(), clock.clone()).await;
    opened.expect("opens")
}

/// Sunday, so that no test depends on the day it runs.
#[test]
fn the_world_stands_still() {
    assert_eq!(NOW, Timestamp::start_of(TODAY));
}
