//! Every outcome of linking, what comes after it, and links made at once.

use std::time::Duration;

use tokio::time::Instant;

use super::world::{World, agency, card, holder, id, licence, motorcycle, only, person};
use crate::access::Actor;
use crate::base::{Reason, Result, Timestamp};
use crate::identity::account::Level;
use crate::identity::document::DocumentType;
use crate::identity::following::Following;
use crate::identity::link::{Link, LinkState};
use crate::identity::linking::Issuer;
use crate::identity::matching::MatchedBy;
use crate::registry::common::testing::basis;
use crate::registry::driver_licence::DOCUMENT as DRIVER_LICENCE;
use crate::registry::health_insurance::DOCUMENT as HEALTH_CARD;
use crate::registry::vehicle::DOCUMENT as VEHICLE;
use crate::registry::{driver_licence, health_insurance, resident, vehicle};
use crate::trust::{Object, Operation};

const HUYEN: &str = "042185990002";
const NAME: &str = "Trần Thị Thanh Huyền";
const BORN: &str = "1985-07-09";

/// Huyền with a level 2 account.
async fn world() -> World {
    let world = World::new().await;
    let payload = person(HUYEN, NAME, BORN, "female").with("superseded_ids", vec!["042185990003"]);
    let payload = payload.with("old_id_number", "183456789");
    world.person(payload).await;
    world
}

async fn link(world: &World, number: &str, kind: DocumentType, document: &str) -> Result<Link> {
    world.linking.link(&world.call_of(number), id(number), kind, document, &Actor::Citizen).await
}

#[tokio::test]
async fn each_document_has_its_outcome() {
    use LinkState::{Linked, Pending};
    use MatchedBy::{FoldedNameAndBirthDate, NameAndBirthDate, OldIdNumber, PersonalId};
    let passport = || Object::new().with("country", "VN").with("number", "C1234567");
    let (mismatch, absent, expired) = (Reason::HolderMismatch, Reason::RecordNotFound, Reason::DocumentExpired);
    // the holder on a licence, its status → the link, or the refusal
    let cases = [
        (holder(HUYEN, NAME, BORN), "active", Ok((Linked, PersonalId))),
        (holder("042185990003", "TRẦN THỊ THANH HUYỀN", "1985"), "active", Ok((Linked, PersonalId))),
        (holder(HUYEN, "Phan Thị Mai Loan", BORN), "active", Ok((Pending, PersonalId))),
        (holder(HUYEN, "Phan Thị Mai Loan", "1979-02-11"), "active", Err(mismatch)),
        (holder("042185990119", NAME, BORN), "active", Err(absent)),
        (holder("042185990009", NAME, BORN), "active", Ok((Pending, NameAndBirthDate))),
        (holder("042185990009", "Phan Thị Mai Loan", BORN), "active", Err(absent)),
        (holder("", NAME, BORN), "active", Ok((Linked, NameAndBirthDate))),
        (holder("", "Tran Thi Thanh Huyen", BORN), "active", Ok((Pending, FoldedNameAndBirthDate))),
        (holder("", NAME, "1985"), "active", Ok((Linked, NameAndBirthDate))),
        (holder("", NAME, "1986-07-09"), "active", Ok((Pending, NameAndBirthDate))),
        (holder("", NAME, BORN).with("old_id_number", "183456789"), "active", Ok((Linked, OldIdNumber))),
        (holder("", NAME, BORN).with("old_id_number", "189900012"), "active", Ok((Pending, NameAndBirthDate))),
        (holder("", NAME, BORN).with("passport", passport()), "active", Ok((Pending, NameAndBirthDate))),
        (holder("", NAME, "1996-07-10"), "active", Err(absent)),
        (holder("", NAME, BORN).with("sex", "male"), "active", Err(absent)),
        (holder(HUYEN, NAME, BORN), "suspended", Err(Reason::DocumentSuspended)),
        (holder(HUYEN, NAME, BORN), "revoked", Err(Reason::DocumentRevoked)),
        // a stranger's document says nothing of itself, not even that it exists
        (holder("042185990119", NAME, BORN), "suspended", Err(absent)),
    ];
    for (at, (holder, status, expected)) in cases.into_iter().enumerate() {
        let world = world().await;
        world.say(driver_licence::LICENCE, licence("420185000001", holder, status)).await;
        let found = link(&world, HUYEN, DRIVER_LICENCE, "420185000001").await;
        let found = found.map(|link| (link.state, link.matched_by)).map_err(|error| error.reason);
        assert_eq!(found, expected, "case {at}");
    }
    let world = world().await;
    world.say(health_insurance::CARD, card("4212345678", holder(HUYEN, NAME, BORN), "2026-11-21")).await;
    let refused = link(&world, HUYEN, HEALTH_CARD, "").await.expect_err("lapsed yesterday");
    assert_eq!(refused.reason, expired);
}

#[tokio::test]
async fn a_refused_link_is_explained_without_a_value() {
    // the holder on a licence → what its comparison leaves for Explain
    let cases = [(
        holder(HUYEN, "Phan Thị Mai Loan", "1979-02-11").with("sex", "male"),
        vec![
            ("holder.personal_id", "pass"),
            ("holder.full_name", "fail"),
            ("holder.birth_date", "fail"),
            ("holder.sex", "fail"),
        ],
    )];
    for (holder, expected) in cases {
        let world = world().await;
        world.say(driver_licence::LICENCE, licence("420185000001", holder, "active")).await;
        let call = world.call_of(HUYEN);
        let refused = world
            .linking
            .link(&call, id(HUYEN), DRIVER_LICENCE, "420185000001", &Actor::Citizen)
            .await
            .expect_err("another's");
        assert_eq!(refused.reason, Reason::HolderMismatch);
        let checks = call.checks();
        let found: Vec<_> = checks.iter().map(|check| (check.name.as_str(), check.outcome.as_str())).collect();
        let before = [("account", "pass"), ("verify.driver_licence.licence.v1", "pass")];
        assert_eq!(found, [&before[..], &expected].concat());
        for value in ["Loan", "Huyền", "1985", "0421859900"] {
            assert!(checks.iter().all(|check| !check.detail.contains(value)), "{checks:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn of_a_strangers_document_a_call_says_as_much_as_of_none() {
    let stranger = "042185990119";
    let documents = [
        (HEALTH_CARD, health_insurance::CARD, "4212345678"),
        (DRIVER_LICENCE, driver_licence::LICENCE, "420185000001"),
        (VEHICLE, vehicle::REGISTRATION, "38-B1 123.45"),
    ];
    // with a number that is another's, and with none and another name, another birth date, another sex
    let holders = [
        holder(stranger, NAME, BORN),
        holder("", "Lê Thị Nga", BORN),
        holder("", NAME, "1990-02-03"),
        holder("", NAME, BORN).with("sex", "male"),
    ];
    for (kind, record_type, number) in documents {
        let said = async |world: &World| {
            let (call, begun) = (world.call_of(HUYEN), Instant::now());
            let refused = world.linking.link(&call, id(HUYEN), kind, number, &Actor::Citizen).await.expect_err("none");
            assert!(begun.elapsed() >= Duration::from_millis(25), "and not sooner");
            (refused.reason, refused.message.clone(), refused.subject.name.clone(), call.checks())
        };
        let of_none = said(&world().await).await;
        assert_eq!(of_none.0, Reason::RecordNotFound);
        for holder in &holders {
            let payload = match kind {
                HEALTH_CARD => card(number, holder.clone(), "2026-12-31"),
                DRIVER_LICENCE => licence(number, holder.clone(), "active"),
                VEHICLE if holder.contains("personal_id") => motorcycle(number, stranger),
                // A vehicle's owner is named by number, or is an organisation.
                _ => continue,
            };
            let world = world().await;
            world.say(record_type, payload).await;
            assert_eq!(said(&world).await, of_none, "{kind:?} {holder:?}");
        }
    }
}

#[tokio::test]
async fn without_a_number_exactly_one_document_must_be_found() {
    let world = world().await;
    let missing = link(&world, HUYEN, VEHICLE, "").await.expect_err("none");
    assert_eq!(missing.reason, Reason::RecordNotFound);
    world.say(vehicle::REGISTRATION, motorcycle("38-B1 123.45", HUYEN)).await;
    // under her former number
    world.say(vehicle::REGISTRATION, motorcycle("38-B1 123.46", "042185990003")).await;
    let many = link(&world, HUYEN, VEHICLE, "").await.expect_err("two");
    assert_eq!(many.reason, Reason::MultipleMatches);
    assert!(!many.message.contains("123") && many.message.contains("document_number"));
    let one = link(&world, HUYEN, VEHICLE, "38b112346").await.expect("named");
    assert_eq!((one.document_number.as_str(), one.state), ("38-B1 123.46", LinkState::Linked));
}

#[tokio::test]
async fn accounts_decide_who_may_link() {
    let world = world().await;
    let dead = person("042185990004", "Lê Thị Lan", "1950", "female");
    world.person(dead.with("life_status", "deceased").with("status", "deceased")).await;
    world.say(resident::PERSON, person("042185990005", "Lê Thị Nga", "1990", "female")).await;
    world.say(resident::PERSON, person("042185990006", "Lê Thị Hoa", "1990", "female")).await;
    world.account("042185990006", Level::One).await;
    let cases = [
        ("042185990004", Reason::PersonDeceased),
        ("042185990005", Reason::AccountMissing),
        ("042185990006", Reason::AccountLevelTooLow),
        ("042185990007", Reason::AccountMissing),
    ];
    for (number, reason) in cases {
        let refused = link(&world, number, HEALTH_CARD, "").await.expect_err(number);
        assert_eq!(refused.reason, reason, "{number}");
    }
}

#[tokio::test]
async fn an_old_number_of_two_people_leaves_the_holder_open() {
    let world = World::new().await;
    for (number, name) in [("042091990012", "Hồ Sỹ Nam"), ("042089990021", "Lương Hữu Phước")] {
        world.person(person(number, name, "1991-08-27", "male").with("old_id_number", "189900012")).await;
    }
    let document = licence("420191000001", holder("", "Hồ Sỹ Nam", "1991-08-27"), "active");
    world.say(driver_licence::LICENCE, document).await;
    let refused = link(&world, "042091990012", DRIVER_LICENCE, "420191000001").await.expect_err("two people");
    assert_eq!(refused.reason, Reason::MultipleMatches);
}

#[tokio::test]
async fn a_claim_to_a_number_that_is_held_links_nothing_of_its_holders() {
    let world = world().await;
    let (claimant, victim) = ("042185990008", "042185990009");
    // the claim is older than the record: a number that somebody holds is not claimed
    world.person(person(claimant, NAME, BORN, "female").with("superseded_ids", vec![victim])).await;
    world.say(resident::PERSON, person(victim, "Lê Thị Nga", "1990", "female")).await;
    world.say(vehicle::REGISTRATION, motorcycle("38-B1 123.47", victim)).await;
    let none = link(&world, claimant, VEHICLE, "").await.expect_err("not hers");
    assert_eq!(none.reason, Reason::RecordNotFound);
    let none = link(&world, claimant, VEHICLE, "38-B1 999.99").await.expect_err("no such plate");
    let refused = link(&world, claimant, VEHICLE, "38-B1 123.47").await.expect_err("named by its plate");
    assert_eq!((refused.reason, &refused.message), (Reason::RecordNotFound, &none.message), "no more than of none");
}

#[tokio::test]
async fn of_links_made_at_once_one_is_made() {
    let world = world().await;
    world.say(health_insurance::CARD, card("4212345678", holder(HUYEN, NAME, BORN), "2026-12-31")).await;
    let calls = (0..16).map(|_| {
        let (linking, call) = (world.linking.clone(), world.call_of(HUYEN));
        tokio::spawn(async move { linking.link(&call, id(HUYEN), HEALTH_CARD, "", &Actor::Citizen).await })
    });
    let mut made = 0;
    for outcome in futures::future::join_all(calls).await {
        match outcome.expect("ran") {
            Ok(_) => made += 1,
            Err(error) => assert_eq!(error.reason, Reason::AlreadyLinked),
        }
    }
    assert_eq!(made, 1);
    let (links, _) = world.linking.list(&only(HUYEN), true, 50, None).await.expect("lists");
    assert_eq!(links.len(), 1);
    // ended, by her guardian as it were, and made again
    let guardian = Actor::Guardian(id("042160000001"));
    let ended = world.linking.unlink(&only(HUYEN), links[0].id, &guardian, world.now()).await.expect("ended");
    let (events, _) = world.linking.events(&ended, 50, None).await.expect("lists");
    assert_eq!(events.iter().map(|event| &event.actor).collect::<Vec<_>>(), [&Actor::Citizen, &guardian]);
    let again =
        world.linking.unlink(&only(HUYEN), links[0].id, &Actor::Citizen, world.now()).await.expect_err("ended already");
    assert_eq!(again.reason, Reason::LinkNotActive);
    link(&world, HUYEN, HEALTH_CARD, "").await.expect("a new link");
    let (links, _) = world.linking.list(&only(HUYEN), false, 50, None).await.expect("lists");
    assert_eq!(links.len(), 1);
}

#[tokio::test]
async fn the_registries_news_show_without_anyone_asking() {
    let world = world().await;
    let following = Following::new(world.linking.clone(), world.store.clone(), world.feed.clone(), world.clock.clone());
    let document = |status| licence("420185000001", holder(HUYEN, NAME, BORN), status);
    world.say(driver_licence::LICENCE, document("active")).await;
    let made = link(&world, HUYEN, DRIVER_LICENCE, "").await.expect("linked");
    following.catch_up().await.expect("nothing new");
    for (version, status, state) in [(1, "suspended", LinkState::Suspended), (2, "active", LinkState::Linked)] {
        let until = (status == "suspended").then_some("2027-01-31");
        let resting = document(status).with("basis", basis(status)).with_optional("suspended_until", until);
        world.change(driver_licence::LICENCE, Operation::Update, version, resting).await;
        following.catch_up().await.expect("caught up");
        let now = world.linking.get(&only(HUYEN), made.id).await.expect("a link");
        assert_eq!((now.state, now.record_version), (state, version + 1));
    }
    let revoked = document("revoked").with("basis", basis("revoked"));
    world.change(driver_licence::LICENCE, Operation::Revoke, 3, revoked).await;
    following.catch_up().await.expect("caught up");
    let now = world.linking.get(&only(HUYEN), made.id).await.expect("a link");
    assert_eq!((now.state, now.reason.as_str()), (LinkState::Revoked, "revoked"));
    let (events, _) = world.linking.events(&now, 50, None).await.expect("lists");
    let history: Vec<_> = events.iter().map(|event| (event.sequence, event.state, event.actor.as_str())).collect();
    assert_eq!(
        history,
        [
            (1, LinkState::Linked, "citizen"),
            (2, LinkState::Suspended, "registry"),
            (3, LinkState::Linked, "registry"),
            (4, LinkState::Revoked, "registry"),
        ]
    );
}

#[tokio::test]
async fn a_card_lapses_by_the_clock_alone() {
    let world = world().await;
    world.say(health_insurance::CARD, card("4212345678", holder(HUYEN, NAME, BORN), "2026-12-31")).await;
    let made = link(&world, HUYEN, HEALTH_CARD, "").await.expect("linked");
    assert_eq!(made.state_at(world.now()).0, LinkState::Linked);
    assert_eq!(made.state_at(Timestamp(made.valid_until.0)).0, LinkState::Lapsed);
}

#[tokio::test]
async fn a_weak_match_waits_for_the_issuers_word() {
    for (confirm, state) in [(true, LinkState::Linked), (false, LinkState::Refused)] {
        let world = world().await;
        let document = licence("420185000001", holder("", "Tran Thi Thanh Huyen", BORN), "active");
        world.say(driver_licence::LICENCE, document).await;
        let made = link(&world, HUYEN, DRIVER_LICENCE, "420185000001").await.expect("pending");
        let (waiting, _) = world.linking.pending(DRIVER_LICENCE, 50, None).await.expect("lists");
        assert_eq!(waiting, std::slice::from_ref(&made));
        // another issuer learns as much of it as of none
        let ask = |id, key| world.linking.resolve(id, confirm, Issuer { agency: key, of_all: false }, world.now());
        let (police, insurance) = (agency("police"), agency("social-insurance"));
        let refusals = [ask(made.id, &insurance).await, ask(uuid::Uuid::nil(), &insurance).await];
        let refusals = refusals.map(|refused| refused.expect_err("not theirs, or none"));
        for (refused, asked) in refusals.iter().zip([made.id, uuid::Uuid::nil()]) {
            assert_eq!((refused.reason, refused.message.as_str()), (Reason::NotFound, "no such link"));
            assert_eq!(refused.subject.name, asked.to_string());
        }
        let resolved = ask(made.id, &police).await.expect("resolved");
        assert_eq!(resolved.state, state);
        let (waiting, _) = world.linking.pending(DRIVER_LICENCE, 50, None).await.expect("lists");
        assert!(waiting.is_empty());
        let again = ask(resolved.id, &police).await.expect_err("resolved");
        assert_eq!(ask(resolved.id, &insurance).await.expect_err("not theirs").reason, Reason::NotFound);
        assert_eq!(again.reason, Reason::LinkNotPending);
        // refused links leave room for another attempt
        assert_eq!(link(&world, HUYEN, DRIVER_LICENCE, "420185000001").await.is_err(), confirm);
    }
}
