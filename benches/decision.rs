//! The cost of an exchange: the decision alone, and a whole fetch of three records over registries in memory, without
//! the network. `cargo bench --bench decision`

#![allow(clippy::disallowed_methods, reason = "benchmarks measure")]

#[path = "../tests/world/mod.rs"]
mod world;

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use lienthong::access::{Consent, decide, rights};
use lienthong::base::Timestamp;
use lienthong::exchange::FetchRequest;
use lienthong::registry::Name;
use lienthong::trust::Object;
use world::{World, world};

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
    let world = runtime.block_on(province());
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
                        tokio::spawn(one(world.clone(), next))
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

async fn one(world: Arc<World>, number: u64) -> usize {
    let request = FetchRequest {
        personal_id: citizen(number % CITIZENS),
        record_types: TYPES.map(Into::into).into(),
        purpose: PURPOSE.into(),
        organisation_code: String::new(),
        reference: String::new(),
    };
    world.exchange.fetch(world.context("one-stop"), request).await.expect("fetched").records.len()
}

criterion_group!(benches, decision, fetch);
criterion_main!(benches);

fn citizen(number: u64) -> String {
    format!("0420900{number:05}")
}

/// Every citizen with a person, a certificate and a vehicle.
async fn province() -> Arc<World> {
    let citizens = || (0..CITIZENS).map(|number| (number, citizen(number)));
    let world = world()
        .registries(&["resident", "land", "vehicle"])
        .records(TYPES[0], citizens().map(|(_, id)| person(&id)))
        .records(TYPES[1], citizens().map(|(number, id)| certificate(&id, number)))
        .records(TYPES[2], citizens().map(|(number, id)| registration(&id, number)));
    Arc::new(world.start().await)
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
