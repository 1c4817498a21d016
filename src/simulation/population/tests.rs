//! The generated population as its readers meet it: valid, unique, plausible, repeatable.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest as _, Sha256};

use super::*;
use crate::base::PartialDate;
use crate::registry::Catalogue;
use crate::simulation::document::Record;
use crate::trust::canonical;
use crate::trust::canonical::Object;

const TODAY: Date = Date::constant(2026, 11, 22);

fn batches(seed: u64, citizens: u64) -> Vec<Batch> {
    Population::new(Seed::root(seed), citizens, TODAY).collect()
}

fn digest(seed: u64, citizens: u64) -> Vec<u8> {
    let mut hash = Sha256::new();
    for batch in Population::new(Seed::root(seed), citizens, TODAY) {
        for record in &batch.records {
            hash.update(record.record_type.as_bytes());
            hash.update(canonical::write(&record.payload));
        }
    }
    hash.finalize().to_vec()
}

fn of_type<'a>(batches: &'a [Batch], record_type: &'a str) -> impl Iterator<Item = &'a Record> {
    batches.iter().flat_map(|batch| &batch.records).filter(move |record| record.record_type == record_type)
}

#[test]
fn a_seed_fixes_every_byte() {
    assert_eq!(digest(1, 300), digest(1, 300));
    assert_ne!(digest(1, 300), digest(2, 300));
}

#[test]
fn a_smaller_population_is_the_beginning_of_a_larger_one() {
    let (small, large) = (batches(5, 200), batches(5, 400));
    let whole = small.len() - 1;
    assert_eq!(small[..whole], large[..whole]);
}

#[test]
fn personal_ids_alone_are_those_of_the_records() {
    let whole: Vec<_> = batches(3, 2_003).into_iter().flat_map(|batch| batch.citizens).collect();
    let alone: Vec<_> = Population::new(Seed::root(3), 2_003, TODAY).personal_ids().collect();
    assert_eq!(alone, whole);
}

#[test]
fn sizes_are_exact_and_the_last_household_is_whole() {
    for citizens in [0, 1, 2, 3, 7, 250] {
        let batches = batches(9, citizens);
        assert_eq!(batches.iter().map(|batch| batch.citizens.len() as u64).sum::<u64>(), citizens);
        for batch in &batches {
            let households = batch.records.iter().filter(|r| r.record_type == "resident.household.v1").count();
            assert_eq!(households, 1, "of {citizens}");
        }
    }
}

#[test]
fn natural_keys_are_unique_and_leave_the_personas_alone() {
    let batches = batches(11, 6_000);
    let keys = [
        ("resident.person.v1", "personal_id"),
        ("resident.person.v1", "old_id_number"),
        ("resident.household.v1", "household_id"),
        ("land.parcel.v1", "parcel_id"),
        ("land.certificate.v1", "serial"),
        ("social_insurance.membership.v1", "personal_id"),
        ("social_insurance.membership.v1", "bhxh_code"),
        ("judicial.record.v1", "personal_id"),
        ("business.enterprise.v1", "enterprise_code"),
        ("business.household.v1", "code"),
        ("health_insurance.card.v1", "card_number"),
        ("driver_licence.licence.v1", "licence_number"),
        ("vehicle.registration.v1", "plate"),
        ("vehicle.registration.v1", "chassis_number"),
    ];
    for (record_type, key) in keys {
        let values: Vec<_> = of_type(&batches, record_type).filter_map(|record| record.payload.text(key)).collect();
        let unique: BTreeSet<_> = values.iter().collect();
        assert!(!values.is_empty(), "{record_type}");
        assert_eq!(unique.len(), values.len(), "{record_type} {key}");
    }
    for batch in &batches {
        assert!(batch.citizens.iter().all(|id| &id.as_str()[6..8] != "99"));
    }
    let cadastre = |record: &Record| {
        let text = |path: &str| record.payload.text_at(path).unwrap_or_default().to_owned();
        (text("commune.unit_code"), text("map_sheet"), text("parcel_number"))
    };
    let places: Vec<_> = of_type(&batches, "land.parcel.v1").map(cadastre).collect();
    assert_eq!(places.iter().collect::<BTreeSet<_>>().len(), places.len());
}

#[test]
fn rates_are_those_of_the_province() {
    let batches = batches(13, 20_000);
    let people: Vec<_> = of_type(&batches, "resident.person.v1").map(|record| &record.payload).collect();
    let living = people.iter().filter(|p| p.text("status") == Some("active")).count() as f64;
    let count = |record_type: &str, test: &dyn Fn(&Record) -> bool| {
        of_type(&batches, record_type).filter(|record| test(record)).count() as f64
    };
    let kind = |kind: &'static str| move |record: &Record| record.payload.text("kind") == Some(kind);
    let born = |p: &Object| p.text("birth_date").and_then(PartialDate::parse).map_or(0, |date| date.year);
    let adults = people.iter().filter(|p| p.text("status") == Some("active") && born(p) <= 2008).count() as f64;
    let drives_cars = |record: &Record| {
        let classes = record.payload.array("classes").unwrap_or_default();
        classes.iter().any(|class| {
            class.as_object().and_then(|class| class.text("code")).is_some_and(|code| matches!(code, "B" | "B2"))
        })
    };
    let near = |what: &str, share: f64, low: f64, high: f64| assert!((low..high).contains(&share), "{what}: {share}");

    near("health insurance", count("health_insurance.card.v1", &|_| true) / living, 0.93, 0.96);
    near("motorcycles", count("vehicle.registration.v1", &kind("motorcycle")) / living, 0.55, 0.65);
    near("cars", count("vehicle.registration.v1", &kind("car")) / living, 0.04, 0.06);
    near("licences", count("driver_licence.licence.v1", &|_| true) / adults, 0.56, 0.64);
    near("licences for cars", count("driver_licence.licence.v1", &drives_cars) / adults, 0.08, 0.10);
    near("social insurance", count("social_insurance.membership.v1", &|_| true) / living, 0.15, 0.27);
    let convicted = |record: &Record| record.payload.text("status") != Some("no_conviction");
    near("convictions", count("judicial.record.v1", &convicted) / adults, 0.006, 0.016);
    near("dead", 1.0 - people.iter().filter(|p| !p.contains("death_date")).count() as f64 / 20_000.0, 0.008, 0.03);
    let moved = people.iter().filter(|p| p.text("status") == Some("moved_out")).count() as f64;
    near("moved out", moved / 20_000.0, 0.004, 0.02);
    let catholic = people.iter().filter(|p| p.text("religion") == Some("Công giáo")).count() as f64;
    near("Catholics", catholic / 20_000.0, 0.07, 0.13);
    let with_old_id = people.iter().filter(|p| p.contains("old_id_number")).count() as f64;
    near("old ID numbers", with_old_id / 20_000.0, 0.40, 0.60);
    let accounts = batches.iter().flat_map(|batch| &batch.accounts);
    near("level 2", accounts.filter(|account| account.level == 2).count() as f64 / adults, 0.65, 0.85);
    let records: usize = batches.iter().map(|batch| batch.records.len()).sum();
    near("records a citizen", records as f64 / 20_000.0, 5.0, 7.0);
}

#[test]
fn people_fit_their_households_and_documents() {
    for batch in batches(17, 3_000) {
        let payloads = |record_type: &'static str| {
            batch.records.iter().filter(move |r| r.record_type == record_type).map(|record| &record.payload)
        };
        let people: BTreeMap<_, _> =
            payloads("resident.person.v1").map(|p| (p.text("personal_id").unwrap_or_default(), p)).collect();
        let surname = |p: &Object| p.text("full_name").and_then(|name| name.split(' ').next()).map(str::to_owned);
        for person in people.values() {
            if let Some(father) = person.text("father_id") {
                assert_eq!(surname(person), surname(people[father]));
            }
            if let Some(spouse) = person.text("spouse_id") {
                assert_eq!(people[spouse].text("spouse_id"), person.text("personal_id"));
            }
        }
        for holder in batch.records.iter().filter_map(|record| record.payload.object("holder")) {
            let person = people[holder.text("personal_id").unwrap_or_default()];
            assert_eq!(holder.text("full_name"), person.text("full_name"));
        }
        for account in &batch.accounts {
            assert!(people[account.personal_id.as_str()].contains("card"));
            assert!(account.guardian.is_none_or(|guardian| people.contains_key(guardian.as_str())));
        }
        for household in payloads("resident.household.v1") {
            for member in household.array("members").unwrap_or_default() {
                let member = member.as_object().expect("members are objects");
                let person = people[member.text("personal_id").unwrap_or_default()];
                assert_eq!(person.text("household_id"), household.text("household_id"));
                assert_eq!(person.text("relation_to_head"), member.text("relation_to_head"));
            }
        }
    }
}

#[test]
fn every_payload_keeps_its_registrys_rules() {
    let catalogue = Catalogue::built_in();
    let mut violations = crate::base::Violations::default();
    for batch in batches(19, 2_000) {
        for record in &batch.records {
            let record_type = catalogue.record_type(record.record_type).expect(record.record_type);
            record_type.validate(&record.payload, TODAY, &record.record_type, &mut violations);
        }
    }
    let shown: BTreeMap<_, _> = violations
        .kept()
        .iter()
        .map(|found| ((found.field.clone(), found.rule.clone()), found.message.clone()))
        .collect();
    assert!(violations.is_empty(), "{} violations: {shown:#?}", violations.total());
    assert_eq!(violations.warnings().kept, [], "a synthetic record is never odd");
}
