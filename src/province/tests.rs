//! The province layer over registries in this process: what they say becomes ledger and view, and lies stop it.

use std::sync::Arc;

use futures::StreamExt as _;

use super::*;
use crate::base::time::FixedClock;
use crate::base::{PartialDate, PersonalId, Reason, Timestamp};
use crate::registry::embedded::EmbeddedRegistry;
use crate::registry::port::{Change, ChangeBatch, Inclusion as _, Query, Receipt, Registry as _, Selector, Submission};
use crate::registry::{self, Heading};
use crate::store::Store;
use crate::store::memory::MemoryStore;
use crate::trust::entry::{split_entry, split_equivocation};
use crate::trust::merkle::{hash_leaf, root_in_place};
use crate::trust::verify::Verifier;
use crate::trust::{Checkpoint, Disclosure, EntryType, Object, Operation, TrustAnchor, Verdict};
use crate::world::decorated::Decorated;
pub(super) use crate::world::foundation::signer;
use crate::world::foundation::{self, NOW, TODAY};

mod feeds;
mod numbers;
mod time;
mod turns;
mod views;
mod watching;

pub(super) fn anchor() -> TrustAnchor {
    foundation::anchor(&foundation::catalogue())
}

pub(super) struct World {
    pub(super) store: Arc<dyn Store>,
    pub(super) clock: Arc<FixedClock>,
    verifier: Arc<Verifier>,
    requests: u64,
}

impl World {
    pub(super) fn new() -> Self {
        Self {
            store: Arc::new(MemoryStore::new()),
            clock: Arc::new(FixedClock::at(NOW)),
            verifier: Arc::new(Verifier::new(anchor())),
            requests: 0,
        }
    }

    pub(super) async fn host(&self, name: &str) -> Arc<EmbeddedRegistry> {
        self.host_over(self.store.clone(), name).await
    }

    async fn host_over(&self, store: Arc<dyn Store>, name: &str) -> Arc<EmbeddedRegistry> {
        foundation::host(&store, foundation::catalogue().sector(name).expect("a sector"), &self.clock).await
    }

    pub(super) async fn province(&self) -> Arc<Province> {
        foundation::province(&foundation::catalogue(), &self.store, &self.verifier, &self.clock).await
    }

    /// Submits new records and waits until the province has them.
    pub(super) async fn say(
        &mut self,
        host: &Arc<EmbeddedRegistry>,
        province: &Province,
        records: Vec<(&str, Object)>,
    ) -> Vec<Receipt> {
        let receipts = self.submit(host, records).await;
        let size = host.log_size().await.expect("size");
        province.wait_for(host.name(), size).await.expect("accepted");
        receipts
    }

    /// Changes a record and waits until the province has it.
    pub(super) async fn change(
        &mut self,
        host: &Arc<EmbeddedRegistry>,
        province: &Province,
        record_type: &str,
        operation: Operation,
        expected_version: u64,
        payload: Object,
    ) {
        self.requests += 1;
        let record_type = record_type.to_owned();
        let change = Change { record_type, operation, expected_version, payload, valid_from: None, valid_until: None };
        let submission = Submission { request_id: format!("request-{}", self.requests), changes: vec![change] };
        host.submit(submission).await.expect("submitted");
        let size = host.log_size().await.expect("size");
        province.wait_for(host.name(), size).await.expect("accepted");
    }

    async fn submit(&mut self, host: &Arc<EmbeddedRegistry>, records: Vec<(&str, Object)>) -> Vec<Receipt> {
        self.requests += 1;
        let changes = records.into_iter().map(|(record_type, payload)| Change {
            record_type: record_type.into(),
            operation: Operation::Create,
            expected_version: 0,
            payload,
            valid_from: None,
            valid_until: None,
        });
        let submission = Submission { request_id: format!("request-{}", self.requests), changes: changes.collect() };
        host.submit(submission).await.expect("submitted")
    }
}

fn id(text: &str) -> PersonalId {
    PersonalId::parse(text).expect("12 digits")
}

fn address(unit: &str, valid_from: &str) -> Object {
    Object::new().with("unit_code", unit).with("unit_valid_from", valid_from)
}

fn person(id: &str, name: &str, birth: &str) -> (&'static str, Object) {
    let payload = Object::new()
        .with("personal_id", id)
        .with("full_name", name)
        .with("birth_date", birth)
        .with("sex", "male")
        .with("nationality", "VN")
        .with("permanent_residence", address("18073", "2025-07-01"))
        .with("life_status", "alive")
        .with("status", "active");
    (registry::resident::PERSON, payload)
}

pub(super) fn card(number: &str, holder: Object) -> (&'static str, Object) {
    let payload = Object::new()
        .with("card_number", number)
        .with("holder", holder)
        .with("object_code", "GD")
        .with("benefit_level", "4")
        .with("facility", "42001")
        .with("valid_from", "2026-01-01")
        .with("valid_until", "2026-12-31")
        .with("status", "active");
    (registry::health_insurance::CARD, payload)
}

pub(super) const AN: &str = "042090990001";

#[tokio::test]
async fn what_registries_say_becomes_one_view_with_proof() {
    let mut world = World::new();
    let province = world.province().await;
    let (residents, cards) = (world.host("resident").await, world.host("health_insurance").await);
    province.follow(residents.clone()).expect("follows");
    province.follow(cards.clone()).expect("follows");
    let (record_type, payload) = person(AN, "Nguyễn Văn An", "1990-03-14");
    world.say(&residents, &province, vec![(record_type, payload.with("superseded_ids", vec!["042090990009"]))]).await;
    let holder = Object::new().with("personal_id", "042090990009").with("full_name", "Nguyễn Văn Ân");
    let receipts = world.say(&cards, &province, vec![card("4212345678", holder)]).await;

    for number in [AN, "042090990009"] {
        let view =
            province.person(id(number), Audience::Operator, &Asked::now(&province, TODAY)).await.expect("a view");
        assert_eq!((view.personal_id, view.superseded_ids.as_slice()), (id(AN), &[id("042090990009")][..]));
        let kinds: Vec<_> = view.view.sections.iter().map(|section| section.heading).collect();
        assert_eq!(kinds, [Heading::Person, Heading::Documents]);
        let codes: Vec<_> = view.view.discrepancies.iter().map(|found| found.code).collect();
        assert_eq!(codes, ["NAME_DIFFERS"]);
        assert_eq!(view.view.discrepancies[0].claims[1].field, "holder.full_name");
        assert_eq!((view.view.sources.len(), view.view.sources[1].ledger_index), (2, 2));
    }
    let missing = province
        .person(id("042090990008"), Audience::Operator, &Asked::now(&province, TODAY))
        .await
        .expect_err("nobody");
    assert_eq!(missing.reason, Reason::RecordNotFound);

    // the record as it is delivered: the issuer's proof from the registry, the ledger's from here
    let query = Query::latest([registry::health_insurance::CARD], Selector::Ids(vec![receipts[0].record_id]), 1);
    let mut record = cards.read(query).await.expect("read").records[0].record.clone();
    let proof = province.prove("health_insurance", receipts[0].log_index).await.expect("read");
    record.ledger_proof = Some((*proof.expect("accepted")).clone());
    let report = world.verifier.verify(&record, Timestamp::start_of(TODAY));
    assert_eq!(report.verdict, Verdict::Valid, "{report:?}");
    assert_eq!(province.ledger_index("health_insurance", 1).await.expect("read"), None);
}

#[tokio::test]
async fn following_goes_on_where_it_was() {
    let mut world = World::new();
    let residents = world.host("resident").await;
    let province = world.province().await;
    province.follow(residents.clone()).expect("follows");
    world.say(&residents, &province, vec![person(AN, "Nguyễn Văn An", "1990")]).await;
    let size = province.ledger_size();
    assert_eq!(size, 2, "a statement and the issuer's checkpoint");
    drop(province);
    world.submit(&residents, vec![person("042090990002", "Lê Thị Hà", "1991")]).await;
    let province = world.province().await;
    assert_eq!(province.progress()["resident"].log_size, 1);
    province.follow(residents.clone()).expect("follows");
    province.wait_for("resident", 2).await.expect("accepted");
    assert_eq!(province.ledger_size(), 4);
    assert_eq!(province.ledger_index("resident", 1).await.expect("read"), Some(2));
}

#[tokio::test]
async fn a_batch_that_does_not_verify_stops_the_registry_and_leaves_nothing() {
    type Lie = (&'static str, Reason, fn(&mut ChangeBatch));
    let lies: [Lie; 5] = [
        ("payload", Reason::PayloadMismatch, |batch| {
            if let Disclosure::Whole { payload, .. } = &mut batch.records[1].disclosure {
                *payload = String::from_utf8_lossy(payload).replace("male", "mail").into();
            }
        }),
        ("dropped", Reason::Inclusion, |batch| drop(batch.records.pop())),
        ("order", Reason::Inclusion, |batch| batch.records.swap(0, 1)),
        ("checkpoint", Reason::NoTrustedSignature, |batch| {
            batch.checkpoint = String::from_utf8_lossy(&batch.checkpoint).replace("2\n", "3\n").into()
        }),
        ("cursor", Reason::LogRule, |batch| batch.first_index += 1),
    ];
    for (what, expected, lie) in lies {
        let mut world = World::new();
        let province = world.province().await;
        let residents = world.host("resident").await;
        world
            .submit(&residents, vec![person(AN, "Nguyễn Văn An", "1990"), person("042090990002", "Lê Hà", "1991")])
            .await;
        let liar = Decorated::streams(residents, move |_, mut batch| {
            batch.iter_mut().for_each(lie);
            batch
        });
        province.follow(liar).expect("follows");
        let refused = province.wait_for("resident", 2).await.expect_err(what);
        assert_eq!(refused.reason, Reason::RegistryUnavailable, "{what}");
        let progress = &province.progress()["resident"];
        let FeedState::Halted { reason, .. } = progress.state else { panic!("{what}: {progress:?}") };
        assert_eq!(reason, expected, "{what}");
        assert_eq!((progress.log_size, province.ledger_size()), (0, 0), "{what}");
        let missing = province.person(id(AN), Audience::Operator, &Asked::now(&province, TODAY)).await.expect_err(what);
        assert_eq!(missing.reason, Reason::RecordNotFound);
    }
}

#[tokio::test]
async fn a_registry_that_begins_again_is_not_followed() {
    let mut world = World::new();
    let province = world.province().await;
    let residents = world.host("resident").await;
    province.follow(residents.clone()).expect("follows");
    let two = vec![person(AN, "Nguyễn Văn An", "1990"), person("042090990002", "Lê Hà", "1991")];
    world.say(&residents, &province, two).await;
    drop(province);
    let province = world.province().await;
    let again = world.host_over(Arc::new(MemoryStore::new()), "resident").await;
    world.submit(&again, vec![person("042090990003", "Trần Bình", "1992")]).await;
    province.follow(again).expect("follows");
    assert_eq!(province.wait_for("resident", 3).await.expect_err("halted").reason, Reason::RegistryUnavailable);
    assert_eq!(province.ledger_size(), 3);
}

#[tokio::test]
async fn people_are_found_by_numbers_and_by_name() {
    let mut world = World::new();
    let province = world.province().await;
    let residents = world.host("resident").await;
    province.follow(residents.clone()).expect("follows");
    let with = |(record_type, payload): (&'static str, Object), field: &str, value: &str| {
        (record_type, payload.with(field, value))
    };
    let people = vec![
        with(person(AN, "Nguyễn Văn Hoà", "1990-03-14"), "old_id_number", "189900012"),
        with(person("042090990002", "Nguyễn Văn Hóa", "1990"), "old_id_number", "189900012"),
        person("042090990003", "Nguyễn Văn Hòa", "1991-05-06"),
    ];
    world.say(&residents, &province, people).await;
    let name = |full_name: &str, birth_date: Option<&str>| PeopleQuery::Name {
        full_name: full_name.into(),
        birth_date: birth_date.map(|date| PartialDate::parse(date).expect("a date")),
    };
    let number = |number: &str| PeopleQuery::OldNumber(number.into());
    let parts = |words: &str, year| PeopleQuery::Parts(Parts::new(words, None, year));
    let cases: [(PeopleQuery, &[&str]); 12] = [
        (parts("hoà văn", None), &[AN, "042090990002", "042090990003"]),
        (parts("Hoa", Some(1990)), &[AN, "042090990002"]),
        (parts("Hoa Thị", None), &[]),
        (PeopleQuery::Parts(Parts::new("hoa", Some("18652".into()), None)), &[]),
        (PeopleQuery::PersonalId(id(AN)), &[AN]),
        (PeopleQuery::PersonalId(id("042090990004")), &[]),
        (number("189900012"), &[AN, "042090990002"]),
        (number("189900013"), &[]),
        (name("nguyen van hoa", None), &[AN, "042090990002", "042090990003"]),
        (name("Nguyễn Văn Hòa", Some("1990-03-14")), &[AN, "042090990002"]),
        (name("Nguyễn Văn Hòa", Some("1991")), &["042090990003"]),
        (name("Nguyễn Văn", None), &[]),
    ];
    for (query, expected) in cases {
        for limit in [1, 2, 10] {
            let (mut found, mut after) = (Vec::new(), None);
            loop {
                let (page, next) = province.search(&query, limit, after).await.expect("searches");
                assert!(page.len() <= limit);
                found.extend(page.iter().map(|person| person.personal_id.as_str().to_owned()));
                after = next;
                if after.is_none() {
                    break;
                }
            }
            found.sort();
            assert_eq!(found, expected, "{query:?} by {limit}");
        }
    }
}

#[tokio::test]
async fn who_is_nearly_meant_is_found_behind_the_others() {
    let mut world = World::new();
    let province = world.province().await;
    let residents = world.host("resident").await;
    province.follow(residents.clone()).expect("follows");
    let people = [
        ("042185990001", "Nguyễn Thị Mỹ Hòa", "1985-03-07"),
        ("042185990002", "Nguyễn Thị Mĩ Hoà", "1985-03-07"),
        ("042185990003", "Nguyễn Mỹ Hoà", "1985-03-07"),
        ("042185990004", "Nguyễn Thị Mỹ Hoà", "1985-07-03"),
        ("042185990005", "Nguyễn Thị Mỹ Hoà", "1985-03-08"),
        ("042185990006", "Nguyễn Thị Mỹ Hoà", "1985"),
        ("042185990007", "Nguyễn Thị Mĩ Hoà", "1985-07-03"),
        ("042185990008", "Nguyễn Thị Mỹ Hoà", "1996-03-08"),
    ];
    world.say(&residents, &province, people.iter().map(|(id, name, birth)| person(id, name, birth)).collect()).await;
    let (swapped, digit) = ("DAY_AND_MONTH_SWAPPED", "BIRTH_DATE_DIGIT_DIFFERS");
    let (spelling, middle) = ("NAME_SPELLING_DIFFERS", "MIDDLE_NAME_MISSING");
    // name, birth date → the last digit of each number, and what differs
    type Case<'a> = (&'a str, Option<&'a str>, Vec<(char, &'a str)>);
    let cases: [Case<'_>; 4] = [
        (
            "Nguyễn Thị Mỹ Hoà",
            Some("1985-03-07"),
            vec![('6', ""), ('1', ""), ('5', digit), ('4', swapped), ('2', spelling), ('3', middle)],
        ),
        ("Nguyễn Mỹ Hoà", Some("1985-03-07"), vec![('3', ""), ('6', middle), ('1', middle)]),
        (
            "nguyen thi mi hoa",
            Some("1985"),
            vec![('2', ""), ('7', ""), ('6', spelling), ('1', spelling), ('5', spelling), ('4', spelling)],
        ),
        ("Nguyễn Thị Hoà", Some("1985-03-07"), vec![]),
    ];
    for (full_name, birth_date, expected) in cases {
        let birth_date = birth_date.and_then(PartialDate::parse);
        let query = PeopleQuery::Name { full_name: full_name.into(), birth_date };
        for limit in [1, 2, 10] {
            let (mut found, mut after) = (Vec::new(), None);
            loop {
                let (page, next) = province.search(&query, limit, after).await.expect("searches");
                assert!(page.len() <= limit);
                let of = |id: &str| id.chars().last().unwrap_or_default();
                found.extend(page.iter().map(|it| (of(it.personal_id.as_str()), it.differs.unwrap_or_default())));
                after = next;
                if after.is_none() {
                    break;
                }
            }
            assert_eq!(found, expected, "{full_name} by {limit}");
        }
    }
}

#[tokio::test]
async fn an_issuer_that_contradicts_itself_is_stopped_and_logged_once() {
    let mut world = World::new();
    let residents = world.host("resident").await;
    world.submit(&residents, vec![person(AN, "Nguyễn Văn An", "1990")]).await;
    let first = residents.changes(0, 10).await.expect("reads").expect("a batch");
    // the same registry in another history: the same record and version, other bytes
    let other = world.host_over(Arc::new(MemoryStore::new()), "resident").await;
    world.submit(&other, vec![person(AN, "Nguyễn Văn Ân", "1990")]).await;
    let mut second = other.changes(0, 10).await.expect("reads").expect("a batch");
    let statements = [first.records[0].statement.clone(), second.records[0].statement.clone()];
    let mut leaves: Vec<_> = statements.iter().map(|statement| hash_leaf(statement)).collect();
    let origin = residents.ledger().origin().to_owned();
    let head = Checkpoint { size: 2, root: root_in_place(&mut leaves), origin: origin.clone() };
    second.first_index = 1;
    second.checkpoint = head.sign(&*signer(&origin)).expect("signs");
    let two_faced =
        Decorated::streams(residents, move |cursor, honest| if cursor == 0 { honest } else { Some(second.clone()) });

    for _ in 0..2 {
        let province = world.province().await;
        province.follow(two_faced.clone()).expect("follows");
        let refused = province.wait_for("resident", 2).await.expect_err("halted");
        assert_eq!(refused.reason, Reason::RegistryUnavailable);
        let state = &province.progress()["resident"].state;
        assert!(matches!(state, FeedState::Halted { reason: Reason::Equivocation, .. }), "{state:?}");
        // the statement, the issuer's checkpoint, and the complaint: once
        assert_eq!(province.ledger_size(), 3);
        let entry = province.ledger.entry(2).await.expect("reads");
        let (kind, body) = split_entry(&entry).expect("an entry");
        assert_eq!(kind, EntryType::Equivocation);
        assert_eq!(split_equivocation(body), Some((&statements[0][..], &statements[1][..])));
    }
}
