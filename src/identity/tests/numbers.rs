//! A number that is cancelled and established anew: the earlier links, presentations and account are the holder's.

use super::world::{World, agency, card, holder, id, only, person};
use crate::access::{Actor, People as _};
use crate::base::Reason;
use crate::identity::link::Link;
use crate::identity::presentation::Presentation;
use crate::registry::common::testing::basis;
use crate::registry::health_insurance::{self, DOCUMENT as HEALTH_CARD};
use crate::registry::numbers::{Numbers, Standing};
use crate::registry::resident;
use crate::trust::{Object, Operation};

const BEFORE: &str = "042083990017";
const NOW: &str = "042083990016";
const OTHER: &str = "042083990018";
const NAME: &str = "Thái Văn Bình";
const BORN: &str = "1983-09-02";

fn record(number: &str) -> Object {
    person(number, NAME, BORN, "male")
}

/// A card linked and a code made under the first number, which then is replaced by the second.
async fn world() -> (World, Link, Presentation, String) {
    let world = World::new().await;
    world.person(record(BEFORE)).await;
    world.say(health_insurance::CARD, card("4212345678", holder(BEFORE, NAME, BORN), "2026-12-31")).await;
    let call = world.call_of(BEFORE);
    let made = world.linking.link(&call, id(BEFORE), HEALTH_CARD, "", &Actor::Citizen).await.expect("linked");
    let (presentation, code) = create(&world, BEFORE).await.expect("created");
    let cancelled = record(BEFORE).with("status", "cancelled").with("basis", basis("number_cancelled"));
    world.change(resident::PERSON, Operation::Update, 1, cancelled).await;
    world.say(resident::PERSON, record(NOW).with("superseded_ids", vec![BEFORE])).await;
    (world, made, presentation, code)
}

async fn create(world: &World, number: &str) -> Result<(Presentation, String), Reason> {
    let kinds = vec![HEALTH_CARD];
    let made = world.presenting.create(id(number), agency("one-stop"), kinds, 300, Actor::Citizen, world.now()).await;
    made.map_err(|error| error.reason)
}

async fn redeem(world: &World, code: &str) -> Result<(), Reason> {
    let outcome = world.presenting.redeem(world.call("one-stop"), code.to_owned()).await;
    outcome.map(drop).map_err(|error| error.reason)
}

#[tokio::test]
async fn what_stands_under_a_former_number_is_seen_used_and_ended_under_the_present_one() {
    let (world, made, presentation, code) = world().await;
    let own = world.people.numbers(id(NOW)).await.expect("resolved");
    assert_eq!((own.current, &own.superseded[..]), (id(NOW), &[id(BEFORE)][..]));
    assert_eq!(world.people.numbers(id(BEFORE)).await.expect("resolved"), own);
    let account = world.accounts.of(&own).await.expect("read").expect("that of before");
    assert_eq!(account.person, id(NOW), "the login is the present number");

    // seen
    assert_eq!(world.linking.list(&own, false, 50, None).await.expect("lists"), (vec![made.clone()], false));
    assert_eq!(world.linking.get(&own, made.id).await.expect("found"), made);
    assert_eq!(world.presenting.list(&own, 50, None).await.expect("lists"), (vec![presentation.clone()], false));
    assert_eq!(world.linking.get(&only(OTHER), made.id).await.expect_err("not theirs").reason, Reason::NotFound);
    // used: the card that is linked is linked
    let again = world.linking.link(&world.call_of(NOW), id(NOW), HEALTH_CARD, "", &Actor::Citizen).await;
    let again = again.expect_err("linked already");
    assert_eq!((again.reason, again.subject.name.clone()), (Reason::AlreadyLinked, made.id.to_string()));
    redeem(&world, &code).await.expect("served");
    world.clock.set(world.now().plus_ms(1));
    let (second, other_code) = create(&world, NOW).await.expect("created");
    assert_eq!(second.person, id(NOW), "new things stand under the present number");
    let (listed, more) = world.presenting.list(&own, 1, None).await.expect("lists");
    assert_eq!((listed[0].id, more), (second.id, true));
    let (rest, more) = world.presenting.list(&own, 1, Some(second.id)).await.expect("lists");
    assert_eq!((rest[0].id, more), (presentation.id, false));
    // ended
    world.presenting.cancel(&own, second.id, world.now()).await.expect("cancelled");
    assert_eq!(redeem(&world, &other_code).await, Err(Reason::PresentationCancelled));
    world.linking.unlink(&own, made.id, &Actor::Citizen, world.now()).await.expect("ended");
    let again = world.linking.link(&world.call_of(NOW), id(NOW), HEALTH_CARD, "", &Actor::Citizen).await;
    let again = again.expect("linked anew");
    assert_eq!(again.person, id(NOW));
    let (first, more) = world.linking.list(&own, true, 1, None).await.expect("lists");
    assert_eq!((first[0].id, more), (made.id, true));
    let (rest, more) = world.linking.list(&own, true, 1, Some(made.id)).await.expect("lists");
    assert_eq!((rest, more), (vec![again], false));
}

#[tokio::test]
async fn a_number_that_two_claim_is_nobodys() {
    let (world, made, _, code) = world().await;
    world.say(resident::PERSON, record(OTHER).with("superseded_ids", vec![BEFORE])).await;
    let before = world.people.numbers(id(BEFORE)).await.expect("resolved");
    assert_eq!((before.standing, before.superseded.len()), (Standing::GivenUp, 0));
    for number in [NOW, OTHER] {
        let own: Numbers = world.people.numbers(id(number)).await.expect("resolved");
        assert!(!own.contains(id(BEFORE)));
        assert_eq!(world.linking.get(&own, made.id).await.expect_err("not theirs").reason, Reason::NotFound);
        assert!(world.presenting.list(&own, 50, None).await.expect("lists").0.is_empty());
        assert_eq!(create(&world, number).await, Err(Reason::AccountMissing));
    }
    assert_eq!(redeem(&world, &code).await, Err(Reason::PersonIdCancelled));
    assert_eq!(create(&world, BEFORE).await, Err(Reason::AccountMissing));
}

#[tokio::test]
async fn nothing_is_presented_for_the_dead() {
    let (world, _, _, code) = world().await;
    let dead = record(NOW)
        .with("superseded_ids", vec![BEFORE])
        .with("life_status", "deceased")
        .with("death_date", "2026-11-01");
    world
        .change(
            resident::PERSON,
            Operation::Update,
            1,
            dead.with("status", "deceased").with("basis", basis("death_entry")),
        )
        .await;
    assert_eq!(redeem(&world, &code).await, Err(Reason::PersonDeceased));
    assert_eq!(world.delivery.refusals.lock().expect("whole")[..], [(Some(id(BEFORE)), Reason::PersonDeceased)]);
    for number in [NOW, BEFORE] {
        assert_eq!(create(&world, number).await, Err(Reason::PersonDeceased), "{number}");
    }
}
