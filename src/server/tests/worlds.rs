//! Worlds side by side: two in one process, of other provinces, seeds and times, neither of which touches the other.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::access::RightsBook;
use crate::access::rights::embedded;
use crate::base::time::FixedClock;
use crate::base::{Clock as _, PersonalId, ProvinceCode, Timestamp};
use crate::registry::port::{Inclusion as _, Query, Selector};
use crate::server::assembly::{Assembly, Settings};
use crate::server::config::{Config, Storage};
use crate::server::data::Data;
use crate::server::seeding;
use crate::server::world::World;
use crate::store::{Scan, Space, Store};
use crate::trust::{SignedRecord, Verdict};

const DAY_MS: i64 = 86_400_000;
const FIRST: Timestamp = Timestamp(1_800_000_000_000);
const SECOND: Timestamp = Timestamp(1_830_000_000_000);
/// A persona without faults, who lives in every world.
const ANNA: &str = "042185990002";

struct Running {
    clock: Arc<FixedClock>,
    assembly: Assembly,
}

async fn world(province: &str, seed: u64, at: Timestamp) -> Running {
    let clock = Arc::new(FixedClock::at(at));
    let config = Config {
        storage: Storage::Memory,
        province: ProvinceCode::parse(province),
        seed: Some(seed),
        population: Some(3),
        clock: clock.clone(),
        ..Config::default()
    };
    let mut data = Data::open(&config).expect("opens");
    let rights = RightsBook::of(embedded());
    seeding::seed(&config, &data, rights.clone(), &BTreeMap::new(), &[]).await.expect("seeds");
    data = data.seeded().await.expect("seeded");
    let world = World::open(&config, &data, rights).await.expect("a world");
    let assembly = Assembly::open(world, Settings::of(&config, &data).expect("settings")).await.expect("opens");
    assembly.province.follow_registries().expect("follows");
    Running { clock, assembly }
}

/// A person's record with both proofs.
async fn record(world: &Running) -> SignedRecord {
    let query = Query::latest(["resident.person.v1"], Selector::Person(PersonalId::parse(ANNA).expect("an id")), 1);
    let page = world.assembly.ports["resident"].read(query).await.expect("reads");
    let record = page.records.first().expect("there").record.clone();
    let index = record.issuer_proof.as_ref().expect("a proof").index;
    let proof = world.assembly.province.layer.prove("resident", index).await.expect("reads").expect("accepted");
    SignedRecord { ledger_proof: Some(Arc::unwrap_or_clone(proof)), ..record }
}

async fn rows(store: &dyn Store) -> Vec<(Space, Vec<(bytes::Bytes, bytes::Bytes)>)> {
    let mut rows = Vec::new();
    for space in Space::ALL {
        rows.push((*space, store.scan(Scan::prefix(*space, b"").limit(usize::MAX)).await.expect("scans")));
    }
    rows
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_worlds_live_side_by_side_and_touch_nothing_of_each_other() {
    let one = world("H27", 1, FIRST).await;
    let other = world("H29", 2, SECOND).await;
    let verdict = |world: &Running, record: &SignedRecord| {
        world.assembly.province.verifier.verify(record, world.assembly.world.clock.now()).verdict
    };
    let (here, there) = (record(&one).await, record(&other).await);
    assert_eq!((verdict(&one, &here), verdict(&other, &there)), (Verdict::Valid, Verdict::Valid));
    assert!(!verdict(&one, &there).is_valid() && !verdict(&other, &here).is_valid(), "each trusts its own");
    for (world, code, at) in [(&one, "H27", FIRST), (&other, "H29", SECOND)] {
        assert_eq!(world.assembly.province.records.origin(), format!("lienthong/{code}/records"));
        assert_eq!(world.assembly.gateway.evidence.origin(), format!("lienthong/{code}/evidence"));
        assert_eq!(world.assembly.registries["land"].log().origin(), format!("lienthong/{code}/land"));
        assert_eq!(world.assembly.province.verifier.anchor().province, code);
        assert_eq!(world.assembly.gateway.credentials.audience(), format!("lienthong/{code}/identity"));
        assert_eq!(world.assembly.province.records.head().at, at);
    }

    // One moves on and signs, which shows in its own rows; of the other, not a row, head or instant changes.
    let (mine, theirs) = (rows(&*one.assembly.world.store).await, rows(&*other.assembly.world.store).await);
    let head = other.assembly.province.records.head();
    one.clock.set(FIRST.plus_ms(DAY_MS));
    let list = one.assembly.province.status.get("resident.person.v1").await.expect("published");
    assert_eq!(list.claims.issued_at, FIRST.plus_ms(DAY_MS));
    assert_eq!(other.assembly.world.clock.now(), SECOND);
    assert!(rows(&*one.assembly.world.store).await != mine, "rows show what a world does");
    assert!(rows(&*other.assembly.world.store).await == theirs, "the other world changed");
    assert_eq!(other.assembly.province.records.head(), head);
}
