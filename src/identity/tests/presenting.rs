//! Presentations: one agency, one use, a short time; every refusal leaves evidence.

use std::sync::atomic::Ordering;

use super::world::{World, agency, card, holder, id, person};
use crate::base::{PersonalId, Reason};
use crate::identity::document::DocumentType::{DriverLicence, HealthInsuranceCard};
use crate::identity::presentation::{Presentation, PresentationState};
use crate::registry::health_insurance;

const HUYEN: &str = "042185990002";

/// Huyền with a linked card, and a code for the one-stop centre.
async fn world() -> (World, Presentation, String) {
    let mut world = World::new().await;
    world.person(person(HUYEN, "Trần Thị Thanh Huyền", "1985-07-09", "female")).await;
    let owner = holder(HUYEN, "Trần Thị Thanh Huyền", "1985-07-09");
    world.say(health_insurance::CARD.name, card("4212345678", owner, "2026-12-31")).await;
    world.linking.link(&world.call_of(HUYEN), id(HUYEN), HealthInsuranceCard, "").await.expect("linked");
    let (made, code) = create(&world).await;
    (world, made, code)
}

async fn create(world: &World) -> (Presentation, String) {
    let kinds = vec![HealthInsuranceCard];
    world.presenting.create(id(HUYEN), agency("one-stop"), kinds, 300, world.now()).await.expect("created")
}

async fn redeem(world: &World, key: &str, code: &str) -> Result<(), (Reason, String)> {
    let outcome = world.presenting.redeem(world.call(key), code.to_owned()).await;
    outcome.map(|_| ()).map_err(|error| (error.reason, error.message.clone()))
}

#[tokio::test]
async fn of_redemptions_at_once_one_is_served() {
    let (world, made, code) = world().await;
    let calls = (0..16).map(|_| {
        let (presenting, call, code) = (world.presenting.clone(), world.call("one-stop"), code.clone());
        tokio::spawn(async move { presenting.redeem(call, code).await })
    });
    let mut served = 0;
    for outcome in futures::future::join_all(calls).await {
        match outcome.expect("ran") {
            Ok((used, _)) => {
                served += 1;
                assert_eq!(used.state_at(world.now()), PresentationState::Used);
            }
            Err(error) => assert_eq!(error.reason, Reason::PresentationUsed),
        }
    }
    assert_eq!(served, 1);
    let delivered = world.delivery.delivered.lock().expect("whole");
    assert_eq!((delivered.len(), delivered[0].subject), (1, id(HUYEN)));
    assert_eq!(delivered[0].reference, made.id.to_string());
    assert_eq!(world.delivery.refusals.lock().expect("whole").len(), 15);
}

#[tokio::test]
async fn strangers_learn_nothing_and_are_written_down() {
    let (world, _, code) = world().await;
    let (other, _) = (redeem(&world, "police", &code).await.expect_err("another's"), ());
    let unknown = redeem(&world, "police", &"0".repeat(32)).await.expect_err("unknown");
    let nonsense = redeem(&world, "police", "nonsense").await.expect_err("no code");
    assert!(other == unknown && unknown == nonsense && other.0 == Reason::RoleNotAllowed);
    let refusals: Vec<(Option<PersonalId>, Reason)> = world.delivery.refusals.lock().expect("whole").clone();
    assert_eq!(refusals, [(None, Reason::RoleNotAllowed); 3]);
    // and the code still works for whom it is
    redeem(&world, "one-stop", &code.to_lowercase()).await.expect("served");
}

#[tokio::test]
async fn time_and_the_citizen_end_a_code() {
    let (world, made, code) = world().await;
    world.presenting.cancel(id(HUYEN), made.id, world.now()).await.expect("cancelled");
    let refused = redeem(&world, "one-stop", &code).await.expect_err("cancelled");
    assert_eq!(refused.0, Reason::PresentationCancelled);

    let (made, code) = create(&world).await;
    world.clock.set(made.expires_at.plus_ms(-1));
    world.clock.set(made.expires_at);
    let refused = redeem(&world, "one-stop", &code).await.expect_err("expired");
    assert_eq!(refused.0, Reason::PresentationExpired);
    let refused = world.presenting.cancel(id(HUYEN), made.id, world.now()).await.expect_err("expired");
    assert_eq!(refused.reason, Reason::PresentationExpired);
    let (listed, _) = world.presenting.list(id(HUYEN), 50, None).await.expect("lists");
    assert_eq!(listed.len(), 2);
    assert_eq!(listed[0].id, made.id, "the newest first");
}

#[tokio::test]
async fn a_registry_that_is_down_leaves_the_code_usable() {
    let (world, made, code) = world().await;
    world.delivery.is_down.store(true, Ordering::SeqCst);
    let refused = redeem(&world, "one-stop", &code).await.expect_err("down");
    assert_eq!(refused.0, Reason::RegistryUnavailable);
    assert!(world.delivery.refusals.lock().expect("whole").is_empty(), "the delivery logs its own failures");
    world.delivery.is_down.store(false, Ordering::SeqCst);
    redeem(&world, "one-stop", &code).await.expect("served");
    let (listed, _) = world.presenting.list(id(HUYEN), 50, None).await.expect("lists");
    assert_eq!((listed[0].id, listed[0].used_at), (made.id, Some(world.now())));
}

#[tokio::test]
async fn only_what_is_linked_and_in_force_is_presented() {
    let (world, _, code) = world().await;
    let create = |kinds| world.presenting.create(id(HUYEN), agency("one-stop"), kinds, 300, world.now());
    let refused = create(vec![HealthInsuranceCard, DriverLicence]).await.expect_err("no licence");
    assert_eq!(refused.reason, Reason::LinkNotActive);
    let (links, _) = world.linking.list(id(HUYEN), false, 50, None).await.expect("lists");
    world.linking.unlink(id(HUYEN), links[0].id, world.now()).await.expect("ended");
    assert_eq!(redeem(&world, "one-stop", &code).await.expect_err("unlinked").0, Reason::LinkNotActive);
}

#[tokio::test]
async fn the_store_never_holds_a_code() {
    use crate::store::{Scan, Space};
    let (world, _, code) = world().await;
    let bare: String = code.chars().filter(|letter| *letter != '-').collect();
    for space in [Space::Presentation, Space::PresentationCode] {
        let rows = world.store.scan(Scan::prefix(space, b"")).await.expect("scans");
        assert_eq!(rows.len(), 1);
        for part in rows.iter().flat_map(|(key, value)| [key, value]) {
            let text = String::from_utf8_lossy(part);
            assert!(!text.contains(&bare) && !text.contains(&code));
        }
    }
}
