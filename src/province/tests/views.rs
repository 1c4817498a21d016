//! The views of households, parcels, vehicles, organisations and addresses, in pages, and what of each field counts.

use super::*;
use crate::registry::viewed::Viewed;
use crate::registry::{Catalogue, Sector, SubjectKind};
use crate::store::{Batch, Scan, Space};

const HA: &str = "042190990002";
const PLATE: &str = "38-B1 123.45";
const PARCEL: &str = "w7723fdn0zg3";
const HOUSEHOLD: &str = "42-000000001";
const COMPANY: &str = "0100233488";

fn at(text: &str) -> Object {
    address("18073", "2025-07-01").with("text", text)
}

fn lives(number: &str, name: &str, at: Object) -> (&'static str, Object) {
    let (record_type, payload) = person(number, name, "1990-03-14");
    let sex = if number == HA { "female" } else { "male" };
    (record_type, payload.with("sex", sex).with("permanent_residence", at))
}

fn household(members: &[(&str, &str)], at: Object) -> (&'static str, Object) {
    let member =
        |(id, relation): &(&str, &str)| Object::new().with("personal_id", *id).with("relation_to_head", *relation);
    let payload = Object::new()
        .with("household_id", HOUSEHOLD)
        .with("head_id", members[0].0)
        .with("members", members.iter().map(member).collect::<Vec<_>>())
        .with("residence", at)
        .with("status", "active");
    (registry::resident::HOUSEHOLD, payload)
}

pub(super) fn vehicle(plate: &str, owner: Object) -> (&'static str, Object) {
    let chassis: String = plate.chars().filter(char::is_ascii_digit).collect();
    let payload = Object::new()
        .with("plate", plate)
        .with("kind", "motorcycle")
        .with("plate_colour", "white")
        .with("owner", owner)
        .with("brand", "Honda")
        .with("model", "Wave")
        .with("chassis_number", format!("RLHJA{chassis}00"))
        .with("colour", "Đỏ")
        .with("seats", 2)
        .with("first_registered", "2019-03-05")
        .with("status", "active");
    (registry::vehicle::REGISTRATION, payload)
}

pub(super) fn owned_by(number: &str, name: &str) -> Object {
    Object::new().with("personal_id", number).with("full_name", name)
}

fn parcel() -> (&'static str, Object) {
    let land_use = Object::new()
        .with("code", "ONT")
        .with("area_m2", "352.4")
        .with("origin", "recognised_without_fee")
        .with("term", "long_term");
    let payload = Object::new()
        .with("parcel_id", PARCEL)
        .with("commune", address("18073", "2025-07-01"))
        .with("map_sheet", "12")
        .with("parcel_number", "345")
        .with("area_m2", "352.4")
        .with("uses", vec![land_use])
        .with("status", "active");
    (registry::land::PARCEL, payload)
}

fn certificate(owner: Object) -> (&'static str, Object) {
    let payload = Object::new()
        .with("serial", "CĐ 123456")
        .with("registry_number", "CH 01234")
        .with("issued_on", "2016-04-01")
        .with("owners", vec![owner.with("role", "individual")])
        .with("legal_form", "individual")
        .with("parcels", vec![PARCEL])
        .with("status", "valid");
    (registry::land::CERTIFICATE, payload)
}

fn company(representative: &str) -> (&'static str, Object) {
    let payload = Object::new()
        .with("enterprise_code", COMPANY)
        .with("name", "Công ty cổ phần Hồng Lĩnh")
        .with("legal_form", "joint_stock")
        .with("representative_id", representative)
        .with("capital", "5000000000")
        .with("lines", vec!["4711"])
        .with("address", at("12 Phan Đình Phùng"))
        .with("tax_status", "00")
        .with("registered_on", "2019-03-05")
        .with("status", "active");
    (registry::business::ENTERPRISE, payload)
}

/// The types of the records in a view, in its order.
fn types(view: &View) -> Vec<String> {
    let items = view.sections.iter().flat_map(|section| &section.items);
    items.map(|item| item.record_type.to_string()).collect()
}

/// A family with a house, a motorcycle and a company; gives the registry of vehicles.
async fn family(world: &mut World, province: &Arc<Province>) -> Arc<EmbeddedRegistry> {
    let names = ["resident", "land", "vehicle", "business"];
    let mut hosts = Vec::new();
    for name in names {
        let host = world.host(name).await;
        province.follow(host.clone()).expect("follows");
        hosts.push(host);
    }
    let members = [(AN, "head"), (HA, "spouse")];
    let people = vec![
        lives(AN, "Nguyễn Văn An", at("Thôn 3")),
        lives(HA, "Lê Thị Hà", at("Thôn 4")),
        household(&members, at("Thôn 3")),
    ];
    world.say(&hosts[0], province, people).await;
    world.say(&hosts[1], province, vec![parcel(), certificate(owned_by(AN, "Nguyễn Văn Ân"))]).await;
    world.say(&hosts[2], province, vec![vehicle(PLATE, owned_by(HA, "Lê Thị Hà"))]).await;
    world.say(&hosts[3], province, vec![company(AN)]).await;
    hosts.swap_remove(2)
}

#[tokio::test]
async fn each_thing_has_one_view_with_the_people_behind_it() {
    let mut world = World::new();
    let province = world.province().await;
    family(&mut world, &province).await;
    let (person, car) = (registry::resident::PERSON, registry::vehicle::REGISTRATION);
    let cases: [(SubjectKind, &str, &[&str]); 6] = [
        (SubjectKind::Household, HOUSEHOLD, &[person, person, registry::resident::HOUSEHOLD]),
        (SubjectKind::Parcel, PARCEL, &[person, registry::land::PARCEL, registry::land::CERTIFICATE]),
        (SubjectKind::Parcel, "W7723FDN0ZG3", &[person, registry::land::PARCEL, registry::land::CERTIFICATE]),
        (SubjectKind::Vehicle, PLATE, &[person, car]),
        (SubjectKind::Vehicle, "38b112345", &[person, car]),
        (SubjectKind::Organisation, COMPANY, &[person, registry::business::ENTERPRISE]),
    ];
    for (kind, key, expected) in cases {
        let found = province.thing(kind, key, &Asked::now(&province, TODAY)).await.expect(key);
        assert_eq!(types(&found.view), expected, "{key}");
        assert!(found.view.next.is_none() && found.view.sources.len() == expected.len());
    }
    for (kind, key) in [(SubjectKind::Household, "42-000000002"), (SubjectKind::Vehicle, HOUSEHOLD)] {
        let missing = province.thing(kind, key, &Asked::now(&province, TODAY)).await.expect_err(key);
        assert_eq!(missing.reason, Reason::RecordNotFound);
    }
}

#[tokio::test]
async fn every_field_says_what_counts_and_what_does_not() {
    let mut world = World::new();
    let province = world.province().await;
    family(&mut world, &province).await;
    let chosen = |view: &View, name: &str| view.chosen.iter().find(|one| one.name == name).cloned().expect("a field");
    let an = province.person(id(AN), Audience::Operator, &Asked::now(&province, TODAY)).await.expect("a view");
    let name = chosen(&an.view, "full_name");
    assert_eq!((name.by, name.claim.value.as_text()), (ChosenBy::OrderOfSources, Some("Nguyễn Văn An")));
    assert_eq!(name.others.len(), 1);
    assert_eq!(
        (name.others[0].value.as_text(), &*name.others[0].field),
        (Some("Nguyễn Văn Ân"), "owners[0].full_name")
    );
    let source = an.view.sources.iter().find(|source| source.number == name.others[0].source).expect("its source");
    assert_eq!(&*source.record_type, registry::land::CERTIFICATE);
    assert_eq!(chosen(&an.view, "birth_date").by, ChosenBy::OnlySource);

    let asked = Asked::now(&province, TODAY);
    let home = province.thing(SubjectKind::Household, HOUSEHOLD, &asked).await.expect("a view").view;
    let residence = chosen(&home, "residence");
    let text = |claim: &Claim| claim.value.as_object().and_then(|at| at.text("text")).map(str::to_owned);
    assert_eq!((residence.by, text(&residence.claim).as_deref()), (ChosenBy::OrderOfSources, Some("Thôn 3")));
    assert_eq!(residence.agreeing.len(), 1, "An lives there");
    assert_eq!(residence.others.iter().map(text).collect::<Vec<_>>(), [Some("Thôn 4".to_owned())], "Hà does not");
}

#[tokio::test]
async fn an_address_shows_who_lives_and_what_stands_there() {
    let mut world = World::new();
    let province = world.province().await;
    family(&mut world, &province).await;
    let read = async |text: &str, limit: usize| {
        let place = Place::of("18073", None, text, TODAY).expect("a unit");
        let (mut all, mut after, as_of) = (Vec::new(), None, province.as_of_now());
        loop {
            let page = province.place(&place, as_of, TODAY, limit, after).await.expect("a page");
            assert!(page.sources.len() <= limit && !page.unit_name.is_empty());
            let items = page.sections.iter().flat_map(|section| &section.items);
            all.extend(items.map(|item| format!("{} {}", item.record_type, item.addresses.join(","))));
            after = page.next;
            if after.is_none() {
                all.sort();
                return all;
            }
        }
    };
    let (person, household) = ("resident.person.v1 permanent_residence", "resident.household.v1 residence");
    for limit in [1, 2, 50] {
        assert_eq!(read("thôn 3", limit).await, [household, person]);
        assert_eq!(read("Thôn 4,", limit).await, [person]);
        assert_eq!(read("12, Phan Đình Phùng", limit).await, ["business.enterprise.v1 address"]);
        assert_eq!(read("Thôn 5", limit).await, [""; 0]);
        let all = ["business.enterprise.v1 address", "land.parcel.v1 commune", household, person, person];
        assert_eq!(read("", limit).await, all);
    }
    let other: crate::base::Date = "2020-02-02".parse().expect("a day");
    for (code, day, field, says) in [
        ("99999", None, "unit_code", "no unit has this code at that time"),
        ("99999", Some(other), "unit_code", "no unit has this code at that time"),
        ("18070", None, "unit_code", "no unit has this code at that time"),
        ("18073", Some(other), "unit_valid_from", "the units with this code began on 2004-07-08, 2025-07-01"),
    ] {
        let unknown = Place::of(code, day, "", TODAY).expect_err(says);
        let [bad] = unknown.violations.kept() else { panic!("{unknown}") };
        assert_eq!((&*bad.field, &*bad.rule, &*bad.message), (field, "UNKNOWN_VALUE", says), "{code} {day:?}");
    }
}

#[tokio::test]
async fn pages_show_one_moment_whatever_comes_between_them() {
    let mut world = World::new();
    let province = world.province().await;
    let (residents, vehicles) = (world.host("resident").await, world.host("vehicle").await);
    province.follow(residents.clone()).expect("follows");
    province.follow(vehicles.clone()).expect("follows");
    world.say(&residents, &province, vec![person(AN, "Nguyễn Văn An", "1990-03-14")]).await;
    let plate = |number: u32| format!("38-B1 123.{number}");
    let owned = |number: u32| vehicle(&plate(number), owned_by(AN, "Nguyễn Văn An"));
    world.say(&vehicles, &province, (10..17).map(owned).collect()).await;
    let as_of = province.as_of_now();
    let page = async |after: u32, size: usize| {
        let asked = Asked { as_of, day: TODAY, page: Page { after, size } };
        province.person(id(AN), Audience::Operator, &asked).await.expect("a page").view
    };
    let whole = page(0, 1_000).await;
    assert_eq!((whole.sources.len(), whole.next), (8, None));
    let first = page(0, 3).await;
    assert_eq!((first.sections.iter().map(|section| section.items.len()).sum::<usize>(), first.next), (3, Some(3)));
    assert_eq!(first.chosen, whole.chosen, "all records are heard, whichever are on the page");
    // One more comes, and one changes.
    world.say(&vehicles, &province, vec![owned(17)]).await;
    let (record_type, changed) = owned(16);
    let changed = changed.with("colour", "Xanh");
    world.change(&vehicles, &province, record_type, Operation::Update, 1, changed).await;
    let mut sections = first.sections.clone();
    let mut next = first.next;
    while let Some(after) = next {
        let page = page(after, 3).await;
        assert!(page.chosen.is_empty() && page.discrepancies.is_empty());
        for section in page.sections {
            match sections.last_mut().filter(|last| last.heading == section.heading) {
                Some(last) => last.items.extend(section.items),
                None => sections.push(section),
            }
        }
        next = page.next;
    }
    assert_eq!(sections, whole.sections);
    let now = province.person(id(AN), Audience::Operator, &Asked::now(&province, TODAY)).await.expect("a view");
    assert_eq!(now.view.sources.len(), 9);
}

#[tokio::test]
async fn a_view_too_large_for_a_page_goes_on_and_says_where() {
    let mut world = World::new();
    let province = world.province().await;
    let vehicles = world.host("vehicle").await;
    province.follow(vehicles.clone()).expect("follows");
    let owned = |number: u32| {
        vehicle(&format!("38-B1 {:03}.{:02}", 100 + number / 100, number % 100), owned_by(AN, "Nguyễn Văn An"))
    };
    for from in [0, 600] {
        world.say(&vehicles, &province, (from..from + 600).map(owned).collect()).await;
    }
    let mut asked = Asked::now(&province, TODAY);
    let mut seen = 0;
    loop {
        let page = province.person(id(AN), Audience::Operator, &asked).await.expect("a page").view;
        seen += page.sections.iter().map(|section| section.items.len()).sum::<usize>();
        let Some(after) = page.next else { break };
        asked.page.after = after;
    }
    assert_eq!(seen, 1_200, "today's 1,000 end nothing");
}

/// The rows of a space.
async fn rows(world: &World, space: Space) -> Vec<(bytes::Bytes, bytes::Bytes)> {
    world.store.scan(Scan::prefix(space, &[])).await.expect("rows")
}

#[tokio::test]
async fn a_store_of_before_is_indexed_when_it_is_opened() {
    let mut world = World::new();
    let province = world.province().await;
    let vehicles = family(&mut world, &province).await;
    let (record_type, payload) = vehicle(PLATE, owned_by(HA, "Lê Thị Hà"));
    let blue = payload.with("colour", "Xanh");
    world.change(&vehicles, &province, record_type, Operation::Update, 1, blue.clone()).await;
    world.change(&vehicles, &province, record_type, Operation::Update, 2, blue.with("colour", "Vàng")).await;
    drop(province);
    let whole = (rows(&world, Space::ProvinceIndex).await, rows(&world, Space::ProvinceHistory).await);
    assert_eq!(whole.1.len(), 2);
    // As an earlier version left it.
    let mut batch = Batch::new().delete(Space::Meta, "province/indexed");
    for (key, _) in whole.0.iter().filter(|(key, _)| matches!(key[0], b's' | b'u')) {
        batch.push_delete(Space::ProvinceIndex, key.clone());
    }
    for (key, _) in &whole.1 {
        batch.push_delete(Space::ProvinceHistory, key.clone());
    }
    world.store.commit(batch).await.expect("commits");
    let province = world.province().await;
    assert_eq!((rows(&world, Space::ProvinceIndex).await, rows(&world, Space::ProvinceHistory).await), whole);
    province.thing(SubjectKind::Vehicle, PLATE, &Asked::now(&province, TODAY)).await.expect("it is found");
}

#[tokio::test]
async fn a_registry_of_another_kind_shows_in_the_views_by_what_its_type_says() {
    let built_in = foundation::catalogue();
    let of = |name: &str| (**built_in.record_type(name).expect("a type")).clone();
    // Health cards that say of themselves that they are of a household: what a schema file may say of its records.
    let mut card = of(registry::health_insurance::CARD);
    card.viewed = Viewed { subject: Some(SubjectKind::Household), addresses: Vec::new() };
    let sectors = built_in.sectors().iter().map(|sector| {
        let types =
            sector.record_types.iter().map(|of| if of.name == card.name { Arc::new(card.clone()) } else { of.clone() });
        Sector { record_types: types.collect(), ..(**sector).clone() }
    });
    let catalogue = Catalogue::new(sectors.collect::<Vec<_>>()).expect("a catalogue");
    let (_, payload) = super::card("4212345678", owned_by(AN, "Nguyễn Văn An"));
    let found = super::super::index::subjects_of(&catalogue, &card, &payload);
    assert_eq!(found, [(SubjectKind::Household, "4212345678".to_owned())]);
    assert_ne!(super::super::index::fingerprint(&catalogue), super::super::index::fingerprint(&built_in));
}
