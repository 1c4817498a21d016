//! Claims to other people's numbers: who gets what, and whose log says so.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::world::{ANNA, BINH, BINH_BEFORE, Decorated, NOW, World, person, pid, request, small};
use crate::access::consent::{Act, Terms};
use crate::access::{Actor, rights};
use crate::base::{Error, Reason, Timestamp};
use crate::exchange::Exchanged;
use crate::registry::Catalogue;
use crate::registry::common::testing::basis;
use crate::registry::numbers::Numbers;
use crate::registry::port::Registry;
use crate::trust::{Object, Operation};

/// Enters the register after the claim to the number: before, the registry takes no claim to a number that somebody holds.
const VICTIM: &str = "042185990012";
const CLAIMANT: &str = "042190990031";
const OTHER: &str = "042190990032";
const PERSON: &str = "resident.person.v1";
const JUDICIAL: &str = "judicial.record.v1";

/// Records by the numbers that they are about, read by who may read the most.
async fn fetch(world: &World, number: &str) -> Vec<String> {
    let asked = request(number, &[PERSON, JUDICIAL], "justice.record_certificate");
    let Exchanged { records, .. } = world.exchange.fetch(world.context("justice"), asked).await.expect("fetched");
    let number = |record: &std::sync::Arc<crate::exchange::CheckedRecord>| {
        let fields = record.record.disclosure.fields().expect("canonical");
        let short = record.record_type.name.split('.').next().expect("a registry");
        format!("{short} {}", fields.text("personal_id").expect("a number"))
    };
    records.iter().map(number).collect()
}

async fn entries(world: &World, number: &str) -> u64 {
    world.evidence.accesses(pid(number), None, 1).await.expect("accesses").claim.count
}

async fn add(world: &World, records: Vec<Object>) {
    world.submit(PERSON, records).await;
    world.accepted().await;
}

fn claiming(number: &str, claims: &[&str]) -> Object {
    person(number).with("superseded_ids", claims.to_vec())
}

#[tokio::test]
async fn a_claim_to_a_living_persons_number_reads_nothing_of_theirs() {
    let world = small().start().await;
    add(&world, vec![claiming(CLAIMANT, &[VICTIM])]).await;
    let judicial = Object::new().with("personal_id", VICTIM).with("full_name", "Lê Thị Na").with("birth_date", "1985");
    world.submit("judicial.record.v1", vec![judicial.with("status", "no_conviction")]).await;
    add(&world, vec![person(VICTIM)]).await;
    assert_eq!(fetch(&world, CLAIMANT).await, [format!("resident {CLAIMANT}")]);
    assert_eq!(fetch(&world, VICTIM).await, [format!("resident {VICTIM}"), format!("judicial {VICTIM}")]);
    assert_eq!((entries(&world, CLAIMANT).await, entries(&world, VICTIM).await), (1, 1));
}

#[tokio::test]
async fn two_claims_to_one_number_prove_nothing() {
    let world = small().start().await;
    add(&world, vec![claiming(CLAIMANT, &["042190990039"]), claiming(OTHER, &["042190990039"])]).await;
    for number in [CLAIMANT, OTHER] {
        assert_eq!(fetch(&world, number).await, [format!("resident {number}")]);
    }
    assert!(fetch(&world, "042190990039").await.is_empty(), "nobody's, so of nobody");
}

#[tokio::test]
async fn a_chain_of_cancelled_numbers_leads_to_whoever_holds_the_last_and_every_log_shows_it() {
    const FIRST: &str = "042190990039";
    let world = small().start().await;
    let cancelled = claiming(CLAIMANT, &[FIRST]).with("status", "cancelled");
    add(&world, vec![cancelled, claiming(OTHER, &[CLAIMANT])]).await;
    let expected = [format!("resident {OTHER}"), format!("resident {CLAIMANT}")];
    for (count, number) in (1..).zip([OTHER, CLAIMANT, FIRST]) {
        assert_eq!(fetch(&world, number).await, expected, "{number}");
        let logged = (entries(&world, OTHER).await, entries(&world, CLAIMANT).await, entries(&world, FIRST).await);
        assert_eq!(logged, (count, count, count));
    }
    assert_eq!((entries(&world, BINH).await, entries(&world, BINH_BEFORE).await), (0, 0));
}

#[tokio::test]
async fn a_loop_of_claims_proves_nothing() {
    let world = small().start().await;
    let ended = |number, claims: &[&str]| claiming(number, claims).with("status", "cancelled");
    add(&world, vec![ended(CLAIMANT, &[OTHER]), ended(OTHER, &[CLAIMANT])]).await;
    for number in [CLAIMANT, OTHER] {
        assert_eq!(fetch(&world, number).await, [format!("resident {number}")]);
    }
}

#[tokio::test]
async fn a_consent_holds_for_the_numbers_of_the_person_and_for_no_others() {
    let world = small().start().await;
    add(&world, vec![claiming(CLAIMANT, &[VICTIM])]).await;
    add(&world, vec![person(VICTIM)]).await;
    world.consents.refuse_all(pid(CLAIMANT), Timestamp(0)).await.expect("refused");
    world.consents.refuse_all(pid(BINH_BEFORE), Timestamp(0)).await.expect("refused");
    let ask = |number| {
        let asked = request(number, &[PERSON], "one_stop.verify_documents");
        world.exchange.fetch(world.context("one-stop"), asked)
    };
    ask(VICTIM).await.expect("the victim refused nothing");
    ask(CLAIMANT).await.expect_err("refused");
    ask(BINH).await.expect_err("refused under the number before");
    assert_eq!((entries(&world, BINH).await, entries(&world, BINH_BEFORE).await), (1, 1), "refusals too");
}

#[tokio::test]
async fn a_refusal_under_a_former_number_holds_while_the_register_does_not_answer() {
    let is_down = Arc::new(AtomicBool::new(false));
    let down = is_down.clone();
    let unreliable = move |inner: Arc<dyn Registry>| {
        let (is_down, is_resident) = (down.clone(), inner.name() == "resident");
        Decorated::reads(inner, move |page| match is_resident && is_down.load(Ordering::SeqCst) {
            true => Err(Error::new(Reason::RegistryUnavailable, "down")),
            false => page,
        })
    };
    let world = small().behind(unreliable).start().await;
    world.consents.refuse_all(pid(BINH_BEFORE), Timestamp(0)).await.expect("refused");
    is_down.store(true, Ordering::SeqCst);
    let asked = request(BINH, &["health_insurance.card.v1"], "one_stop.verify_documents");
    let refused = world.exchange.fetch(world.context("one-stop"), asked).await.expect_err("refused");
    assert_eq!(refused.reason, Reason::ConsentMissing);
}

#[tokio::test]
async fn consents_end_with_their_person_and_rights_do_not() {
    let world = small().start().await;
    let terms = Terms::read(
        &rights::embedded(),
        &Catalogue::built_in(),
        "bank".into(),
        "bank.know_your_customer".into(),
        vec![PERSON.into()],
        0,
    )
    .expect("terms");
    let given = Act { actor: Actor::Citizen, request_id: None };
    world.consents.grant(&Numbers::only(pid(ANNA)), terms, given, NOW).await.expect("granted");
    let ask = |agency: &str, purpose| {
        let asked = world.exchange.fetch(world.context(agency), request(ANNA, &[PERSON], purpose));
        async move { asked.await.map(|found| found.records.len()).map_err(|error| error.reason) }
    };
    assert_eq!(ask("bank", "bank.know_your_customer").await, Ok(1));
    let dead = person(ANNA).with("life_status", "deceased").with("status", "deceased").with("death_date", "2026-11-01");
    let dead = dead.with("basis", basis("death_entry"));
    world.change(PERSON, Operation::Update, 1, dead).await;
    // what needs a consent says no more than without one; the land is transferred to the heirs all the same
    assert_eq!(ask("bank", "bank.know_your_customer").await, Err(Reason::ConsentMissing));
    assert_eq!(ask("land-office", "land.transfer").await, Ok(1));
    assert_eq!(ask("one-stop", "one_stop.verify_documents").await, Ok(1));
}
