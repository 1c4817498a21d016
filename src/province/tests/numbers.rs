//! Claims to other people's numbers, as the view and the search see them.

use super::*;
use crate::registry::common::testing::basis;
use crate::registry::{Heading, vehicle};

const BINH: &str = "042090990002";
const CUONG: &str = "042090990003";
/// A number without a resident record.
const LOST: &str = "042090990009";

fn motorcycle(plate: &str, owner: &str) -> (&'static str, Object) {
    let payload = Object::new()
        .with("plate", plate)
        .with("kind", "motorcycle")
        .with("plate_colour", "white")
        .with("owner", Object::new().with("personal_id", owner).with("full_name", "Nguyễn Văn An"))
        .with("brand", "Honda")
        .with("model", "Wave")
        .with("chassis_number", format!("RLHJA3909PY0123{}", &plate[10..]))
        .with("colour", "Đỏ")
        .with("seats", 2)
        .with("first_registered", "2019-03-05")
        .with("status", "active");
    (vehicle::REGISTRATION, payload)
}

fn claiming(number: &str, claims: &[&str]) -> (&'static str, Object) {
    let (record_type, payload) = person(number, "Nguyễn Văn An", "1990-03-14");
    (record_type, payload.with("superseded_ids", claims.to_vec()))
}

/// The person whom a number leads to, and the plates of the vehicles in their view.
async fn seen(province: &Province, number: &str) -> Option<(String, Vec<String>)> {
    let view = province.person(id(number), Audience::Citizen, &Asked::now(province, TODAY)).await.ok()?;
    let items = view.view.sections.iter().filter(|section| section.heading == Heading::Vehicles);
    let plates = items.flat_map(|section| &section.items).filter_map(|item| item.fields.text("plate"));
    Some((view.personal_id.as_str().to_owned(), plates.map(Into::into).collect()))
}

#[tokio::test]
async fn a_claim_shows_nothing_of_whoever_holds_the_number() {
    let mut world = World::new();
    let province = world.province().await;
    let (residents, vehicles) = (world.host("resident").await, world.host("vehicle").await);
    province.follow(residents.clone()).expect("follows");
    province.follow(vehicles.clone()).expect("follows");
    let owned = [("38-B1 123.45", AN), ("38-B1 123.46", LOST)];
    world.say(&vehicles, &province, owned.map(|(plate, owner)| motorcycle(plate, owner)).to_vec()).await;
    // Bình claims a number that An gets after all, and one that nobody holds
    let (record_type, an) = person(AN, "Nguyễn Văn An", "1990-03-14");
    world.say(&residents, &province, vec![claiming(BINH, &[AN, LOST])]).await;
    world.say(&residents, &province, vec![(record_type, an.clone())]).await;
    let view =
        |number: &str, plates: &[&str]| Some((number.to_owned(), plates.iter().map(|p| (*p).to_owned()).collect()));
    assert_eq!(seen(&province, AN).await, view(AN, &["38-B1 123.45"]));
    assert_eq!(seen(&province, BINH).await, view(BINH, &["38-B1 123.46"]));
    assert_eq!(seen(&province, LOST).await, view(BINH, &["38-B1 123.46"]));

    // An's record is cancelled: now the claim counts
    let cancelled = an.with("status", "cancelled").with("basis", basis("number_cancelled"));
    world.change(&residents, &province, record_type, Operation::Update, 1, cancelled).await;
    for number in [AN, BINH, LOST] {
        assert_eq!(seen(&province, number).await, view(BINH, &["38-B1 123.45", "38-B1 123.46"]), "{number}");
        let found = province.search(&PeopleQuery::PersonalId(id(number)), 10, None).await.expect("searches").0;
        assert_eq!(found.iter().map(|person| person.personal_id).collect::<Vec<_>>(), [id(BINH)], "{number}");
    }

    // Cường claims both too: of two claims, neither counts
    world.say(&residents, &province, vec![claiming(CUONG, &[AN, LOST])]).await;
    assert_eq!(seen(&province, AN).await, view(AN, &["38-B1 123.45"]));
    // nobody's, and shown as what it is to every permitted caller: the exchange delivers the same
    assert_eq!(seen(&province, LOST).await, view(LOST, &["38-B1 123.46"]));
    assert_eq!(seen(&province, "042090990008").await, None, "no record has it");
    assert!(province.search(&PeopleQuery::PersonalId(id(LOST)), 10, None).await.expect("searches").0.is_empty());
    for number in [BINH, CUONG] {
        assert_eq!(seen(&province, number).await, view(number, &[]));
    }

    // and once somebody holds it, the other is theirs
    world.say(&residents, &province, vec![person(LOST, "Nguyễn Văn An", "1990-03-14")]).await;
    let found = province.search(&PeopleQuery::PersonalId(id(LOST)), 10, None).await.expect("searches").0;
    assert_eq!(found.iter().map(|person| person.personal_id).collect::<Vec<_>>(), [id(LOST)]);
}
