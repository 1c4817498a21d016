//! Presentations: one agency, one use, a short time; every refusal leaves evidence.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::world::{VERSION, World, agency, card, holder, id, only, person};
use crate::access::Actor;
use crate::base::{Caller, PersonalId, Reason};
use crate::identity::presentation::{Presentation, PresentationState, QR_PREFIX, REPEAT_MS, Stored};
use crate::registry::driver_licence::DOCUMENT as DRIVER_LICENCE;
use crate::registry::health_insurance;
use crate::registry::health_insurance::DOCUMENT as HEALTH_CARD;
use crate::store::{Batch, Space};
use crate::trust::canonical;

const HUYEN: &str = "042185990002";

/// Huyền with a linked card, and a code for the one-stop centre.
async fn world() -> (World, Presentation, String) {
    let world = World::new().await;
    world.person(person(HUYEN, "Trần Thị Thanh Huyền", "1985-07-09", "female")).await;
    let owner = holder(HUYEN, "Trần Thị Thanh Huyền", "1985-07-09");
    world.say(health_insurance::CARD, card("4212345678", owner, "2026-12-31")).await;
    world.linking.link(&world.call_of(HUYEN), id(HUYEN), HEALTH_CARD, "", &Actor::Citizen).await.expect("linked");
    let (made, code) = create(&world).await;
    (world, made, code)
}

async fn create(world: &World) -> (Presentation, String) {
    let kinds = vec![HEALTH_CARD];
    world
        .presenting
        .create(id(HUYEN), agency("one-stop"), kinds, 300, Actor::Citizen, world.now())
        .await
        .expect("created")
}

async fn redeem(world: &World, key: &str, code: &str) -> Result<(), (Reason, String)> {
    let outcome = world.presenting.redeem(world.call(key), code.to_owned()).await;
    outcome.map(|_| ()).map_err(|error| (error.reason, error.message.clone()))
}

#[tokio::test]
async fn of_redemptions_at_once_one_is_served_and_the_others_repeat_it() {
    let (world, made, code) = world().await;
    let calls = (0..16).map(|n| {
        let key = if n % 4 == 3 { "hospital" } else { "one-stop" };
        let (presenting, call, code) = (world.presenting.clone(), world.call(key), code.clone());
        tokio::spawn(async move { presenting.redeem(call, code).await })
    });
    let mut served = 0;
    for outcome in futures::future::join_all(calls).await {
        match outcome.expect("ran") {
            Ok((used, delivered)) => {
                served += 1;
                assert_eq!(used.state_at(world.now()), PresentationState::Used);
                assert_eq!((delivered.evidence_index, delivered.records[0].version), (0, VERSION));
            }
            Err(error) => assert_eq!(error.reason, Reason::RoleNotAllowed),
        }
    }
    assert_eq!(served, 12);
    let delivered = world.delivery.delivered.lock().expect("whole");
    assert_eq!(delivered[0].subject, id(HUYEN));
    assert_eq!(delivered[0].reference, made.id.to_string());
    assert_eq!(delivered[0].wanted[0].version, None);
    assert_eq!(delivered.iter().filter(|delivery| delivery.repeats.is_none()).count(), 1);
    assert!(delivered[1..].iter().all(|again| again.repeats == Some(0) && again.wanted[0].version == Some(VERSION)));
    assert_eq!(world.delivery.refusals.lock().expect("whole").len(), 4);
}

#[tokio::test]
async fn a_redemption_is_repeated_for_a_minute_by_its_agency_and_as_it_was_asked() {
    let (world, _, code) = world().await;
    redeem(&world, "one-stop", &code).await.expect("served");
    let used_at = world.now();
    // whatever happens to the link, the answer stays the same
    let (links, _) = world.linking.list(&only(HUYEN), false, 50, None).await.expect("lists");
    world.linking.unlink(&only(HUYEN), links[0].id, &Actor::Citizen, world.now()).await.expect("ended");
    world.clock.set(used_at.plus_ms(REPEAT_MS - 1));
    redeem(&world, "one-stop", &code).await.expect("repeated");
    assert_eq!(redeem(&world, "hospital", &code).await.expect_err("another's").0, Reason::RoleNotAllowed);
    let mut other = crate::world::call_by(Caller::Agency(agency("one-stop")), world.now());
    other.accepts_unverified = true;
    let refused = world.presenting.redeem(Arc::new(other), code.clone()).await.expect_err("asked otherwise");
    assert_eq!(refused.reason, Reason::PresentationUsed);
    // a repetition that fails may be repeated, too
    world.delivery.is_down.store(true, Ordering::SeqCst);
    assert_eq!(redeem(&world, "one-stop", &code).await.expect_err("down").0, Reason::RegistryUnavailable);
    world.delivery.is_down.store(false, Ordering::SeqCst);
    redeem(&world, "one-stop", &code).await.expect("repeated");
    world.clock.set(used_at.plus_ms(REPEAT_MS));
    assert_eq!(redeem(&world, "one-stop", &code).await.expect_err("a minute later").0, Reason::PresentationUsed);
}

#[tokio::test]
async fn a_redemption_that_a_dead_process_began_is_served_when_it_is_repeated() {
    let (world, made, code) = world().await;
    let row = |presentation: &Presentation| canonical::write(&presentation.to_row());
    let key = [HUYEN.as_bytes(), made.id.as_bytes()].concat();
    let claimed = Presentation { stored: Stored::Claimed, used_at: Some(world.now()), ..made.clone() };
    world.store.commit(Batch::new().put(Space::Presentation, key, row(&claimed))).await.expect("claimed");
    assert_eq!(redeem(&world, "hospital", &code).await.expect_err("another's").0, Reason::RoleNotAllowed);
    redeem(&world, "one-stop", &code).await.expect("served");
    let delivered = world.delivery.delivered.lock().expect("whole").clone();
    assert_eq!((delivered.len(), delivered[0].repeats), (1, None));
    redeem(&world, "one-stop", &code).await.expect("and repeated");
    world.clock.set(world.now().plus_ms(REPEAT_MS));
    assert_eq!(redeem(&world, "one-stop", &code).await.expect_err("too late").0, Reason::PresentationUsed);
}

#[tokio::test]
async fn whom_a_guardian_presents_for_is_said_with_the_delivery() {
    let (world, _, _) = world().await;
    world.clock.set(world.now().plus_ms(1)); // ids begin with the time
    let guardian = Actor::Guardian(id("042160000001"));
    let kinds = vec![HEALTH_CARD];
    let made = world.presenting.create(id(HUYEN), agency("one-stop"), kinds, 300, guardian.clone(), world.now()).await;
    let (made, code) = made.expect("created");
    redeem(&world, "one-stop", &code).await.expect("served");
    assert_eq!(world.delivery.delivered.lock().expect("whole")[0].guardian, guardian.guardian());
    let (listed, _) = world.presenting.list(&only(HUYEN), 50, None).await.expect("lists");
    assert_eq!((listed[0].id, &listed[0].created_by), (made.id, &guardian));
}

#[tokio::test]
async fn strangers_learn_nothing_and_are_written_down() {
    let (world, _, code) = world().await;
    let other = redeem(&world, "police", &code).await.expect_err("another's");
    let never = ["0000"; 8].join("-");
    let unknown = redeem(&world, "police", &never).await.expect_err("unknown");
    assert!(other == unknown && other.0 == Reason::RoleNotAllowed);
    // a text that cannot be a code is refused by its form, for every caller, and does not use the code up
    for key in ["police", "one-stop"] {
        for form in [format!("{code}\n"), format!("{code}\t"), code.to_lowercase(), format!("LIENTHONG:PRESENT:{code}")]
        {
            let error = world.presenting.redeem(world.call(key), form).await.expect_err("not as given");
            assert_eq!(
                (error.violations.kept()[0].field.as_str(), &*error.violations.kept()[0].rule),
                ("code", "FORMAT")
            );
        }
    }
    let refusals: Vec<(Option<PersonalId>, Reason)> = world.delivery.refusals.lock().expect("whole").clone();
    assert_eq!(refusals[..2], [(None, Reason::RoleNotAllowed); 2]);
    assert_eq!(refusals[2..], [(None, Reason::InvalidRequest); 8]);
    // and the code still works for whom it is, also as its QR payload
    redeem(&world, "one-stop", &format!("{QR_PREFIX}{code}")).await.expect("served");
}

#[tokio::test]
async fn time_and_the_citizen_end_a_code() {
    let (world, made, code) = world().await;
    world.presenting.cancel(&only(HUYEN), made.id, world.now()).await.expect("cancelled");
    let refused = redeem(&world, "one-stop", &code).await.expect_err("cancelled");
    assert_eq!(refused.0, Reason::PresentationCancelled);

    world.clock.set(world.now().plus_ms(1)); // ids begin with the time
    let (made, code) = create(&world).await;
    world.clock.set(made.expires_at.plus_ms(-1));
    world.clock.set(made.expires_at);
    let refused = redeem(&world, "one-stop", &code).await.expect_err("expired");
    assert_eq!(refused.0, Reason::PresentationExpired);
    let refused = world.presenting.cancel(&only(HUYEN), made.id, world.now()).await.expect_err("expired");
    assert_eq!(refused.reason, Reason::PresentationExpired);
    let (listed, _) = world.presenting.list(&only(HUYEN), 50, None).await.expect("lists");
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
    let (listed, _) = world.presenting.list(&only(HUYEN), 50, None).await.expect("lists");
    assert_eq!((listed[0].id, listed[0].used_at), (made.id, Some(world.now())));
}

#[tokio::test]
async fn only_what_is_linked_and_in_force_is_presented() {
    let (world, _, code) = world().await;
    let create =
        |kinds| world.presenting.create(id(HUYEN), agency("one-stop"), kinds, 300, Actor::Citizen, world.now());
    let refused = create(vec![HEALTH_CARD, DRIVER_LICENCE]).await.expect_err("no licence");
    assert_eq!(refused.reason, Reason::LinkNotActive);
    let (links, _) = world.linking.list(&only(HUYEN), false, 50, None).await.expect("lists");
    world.linking.unlink(&only(HUYEN), links[0].id, &Actor::Citizen, world.now()).await.expect("ended");
    assert_eq!(redeem(&world, "one-stop", &code).await.expect_err("unlinked").0, Reason::LinkNotActive);
}

#[tokio::test]
async fn the_store_never_holds_a_code() {
    use crate::store::Scan;
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
