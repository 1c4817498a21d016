//! Fetching: deliveries, refusals, and the evidence of both.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::world::{ANNA, BINH, BINH_BEFORE, Decorated, World, pid, request, small};
use crate::base::time::Instant;
use crate::base::{Error, Reason, Result, limits};
use crate::exchange::{Exchanged, MissingReason};
use crate::registry::port::{Page, Registry};
use crate::trust::canonical::{self, Object};
use crate::trust::{Disclosure, Verdict};

const VERIFY: &str = "one_stop.verify_documents";
const PERSON: &str = "resident.person.v1";
const CERTIFICATE: &str = "land.certificate.v1";
const CARD: &str = "health_insurance.card.v1";

async fn fetch(world: &World, agency: &str, person: &str, types: &[&str], purpose: &str) -> Result<Exchanged> {
    world.exchange.fetch(world.context(agency), request(person, types, purpose)).await
}

/// The newest evidence entry about a person, and how many there are.
async fn newest(world: &World, person: &str) -> (Object, u64) {
    let page = world.evidence.accesses(pid(person), None, 1).await.expect("accesses");
    (canonical::parse(&page.accesses[0].entry).expect("canonical"), page.claim.count)
}

#[tokio::test]
async fn records_come_verified_redacted_and_logged() {
    let world = small().start().await;
    let got = fetch(&world, "one-stop", ANNA, &[PERSON, CERTIFICATE, CARD], VERIFY).await.expect("fetched");
    assert_eq!(got.records.len(), 1);
    let record = &got.records[0];
    assert_eq!(record.verdict, Verdict::Valid);
    // partial, without the protected fields, and it still verifies offline
    let Disclosure::Partial { shown, hidden } = &record.record.disclosure else { unreachable!("partial") };
    assert!(shown.iter().all(|field| field.name != "religion" && field.name != "ethnicity"));
    assert_eq!((shown.len(), hidden.len()), (7, 2));
    assert_eq!(usize::from(record.fields), shown.len());
    assert!(world.verifier.verify(&record.record, super::world::NOW).verdict.is_valid());
    let missing: Vec<_> = got.missing.iter().map(|m| (&*m.record_type.name, m.reason)).collect();
    assert_eq!(missing, [(CERTIFICATE, MissingReason::NoRecord), (CARD, MissingReason::NoRecord)]);

    let (entry, count) = newest(&world, ANNA).await;
    assert_eq!((count, entry.text("outcome"), entry.text("agency")), (1, Some("OK"), Some("one-stop")));
    assert_eq!(entry.path("records.0.fields").and_then(canonical::Value::as_integer), Some(7));
    let bytes = canonical::write(&entry);
    for secret in [ANNA, "H27-0001", "Nguyễn"] {
        assert!(!String::from_utf8_lossy(&bytes).contains(secret), "{secret}");
    }
}

#[tokio::test]
async fn a_superseded_number_leads_to_the_same_person_and_to_all_their_records() {
    let world = small().start().await;
    for number in [BINH, BINH_BEFORE] {
        let got = fetch(&world, "land-office", number, &[PERSON, CERTIFICATE, "land.parcel.v1"], "land.transfer").await;
        let got = got.expect("fetched");
        let types: Vec<_> = got.records.iter().map(|record| &*record.record_type.name).collect();
        assert_eq!(types, [PERSON, CERTIFICATE, CERTIFICATE, "land.parcel.v1", "land.parcel.v1"], "{number}");
        assert!(got.missing.is_empty());
    }
    // both are in the access log of either number
    for number in [BINH, BINH_BEFORE] {
        assert_eq!(newest(&world, number).await.1, 2, "{number}");
    }
}

#[tokio::test]
async fn refusals_are_logged_and_say_the_same_whether_or_not_anything_exists() {
    let world = small().start().await;
    let nobody = "042000000000";
    for (count, person) in [ANNA, nobody].into_iter().enumerate() {
        let error = fetch(&world, "one-stop", person, &["judicial.record.v1"], VERIFY).await.expect_err("refused");
        assert_eq!(error.reason, Reason::RightMissing);
        let said = "one-stop has no right to read judicial.record.v1 for the purpose one_stop.verify_documents; ";
        assert!(error.message.starts_with(said), "{count}: {error}");
        let (entry, _) = newest(&world, person).await;
        assert_eq!(entry.text("outcome"), Some("RIGHT_MISSING"));
        assert!(!entry.contains("records"));
    }
    let error = fetch(&world, "bank", ANNA, &[PERSON], "bank.know_your_customer").await.expect_err("refused");
    assert_eq!(error.reason, Reason::ConsentMissing);
    world.consents.refuse_all(pid(ANNA), super::world::NOW).await.expect("refused");
    let error = fetch(&world, "one-stop", ANNA, &[PERSON], VERIFY).await.expect_err("refused");
    assert_eq!(error.reason, Reason::ConsentMissing);
    fetch(&world, "police", ANNA, &[PERSON], "traffic.roadside_check").await.expect("a duty");
    let (_, count) = newest(&world, ANNA).await;
    assert_eq!(count, 4);
}

#[tokio::test]
async fn a_request_that_breaks_rules_is_logged_with_what_holds_of_it() {
    let world = small().start().await;
    let error = fetch(&world, "one-stop", ANNA, &[PERSON, "no.such.v1"], "curiosity").await.expect_err("refused");
    let fields: Vec<_> = error.violations.kept().iter().map(|bad| bad.field.as_str()).collect();
    assert_eq!(fields, ["record_types[1]", "purpose"]);
    let (entry, _) = newest(&world, ANNA).await;
    assert_eq!(entry.text("outcome"), Some("INVALID_REQUEST"));
    assert!(!entry.contains("purpose"));
    let error = fetch(&world, "one-stop", "1", &[PERSON], VERIFY).await.expect_err("refused");
    assert_eq!(error.violations.kept()[0].field, "personal_id");
}

type Read = fn(Result<Page>) -> Result<Page>;

/// This registry's answers, or all registries', pass through `read`.
fn misbehaving(only: &'static str, read: Read) -> impl Fn(Arc<dyn Registry>) -> Arc<dyn Registry> {
    move |inner| match inner.name() == only || only == "*" {
        true => Decorated::reads(inner, read),
        false => inner,
    }
}

#[tokio::test]
async fn who_could_not_be_reached_is_named_and_silence_of_all_is_an_error() {
    let down = |_| Err(Error::new(Reason::RegistryUnavailable, "down"));
    let world = small().behind(misbehaving("land", down)).start().await;
    let got = fetch(&world, "one-stop", ANNA, &[PERSON, CERTIFICATE], VERIFY).await.expect("partial");
    assert_eq!(got.records.len(), 1);
    assert_eq!(got.missing[0].reason, MissingReason::Unreachable(Reason::RegistryUnavailable));

    let error = fetch(&world, "one-stop", ANNA, &[CERTIFICATE], VERIFY).await.expect_err("nothing answered");
    assert_eq!((error.reason, error.message.as_str()), (Reason::RegistryUnavailable, "no registry answered: land"));
    assert_eq!(newest(&world, ANNA).await.0.text("outcome"), Some("REGISTRY_UNAVAILABLE"));

    let limited = |_| Err(Error::new(Reason::RateLimited, "full").with_retry_after(Duration::from_secs(2)));
    let world = small().behind(misbehaving("*", limited)).start().await;
    let error = fetch(&world, "one-stop", ANNA, &[PERSON, CERTIFICATE], VERIFY).await.expect_err("all are full");
    assert_eq!((error.reason, error.retry_after), (Reason::RateLimited, Some(Duration::from_secs(2))));
    assert!(error.message.starts_with("no registry takes more calls for now: "), "{error}");
}

#[tokio::test]
async fn records_that_cannot_be_read_back_are_neither_missing_nor_out_of_reach() {
    let damaged = |_| Err(Error::new(Reason::StorageCorrupt, "stored data cannot be read back"));
    for registry in ["land", "resident"] {
        let world = small().behind(misbehaving(registry, damaged)).start().await;
        let error = fetch(&world, "one-stop", ANNA, &[PERSON, CERTIFICATE], VERIFY).await.expect_err("refused");
        assert_eq!((error.reason, error.subject.name.as_str()), (Reason::StorageCorrupt, registry));
        assert_eq!(newest(&world, ANNA).await.0.text("outcome"), Some("STORAGE_CORRUPT"));
    }
    // Without the citizen's own record nobody knows under which numbers there are others.
    let world = small().behind(misbehaving("resident", damaged)).start().await;
    let error = fetch(&world, "one-stop", ANNA, &[CERTIFICATE], VERIFY).await.expect_err("refused");
    assert_eq!(error.reason, Reason::StorageCorrupt);
}

#[tokio::test(start_paused = true)]
async fn a_registry_that_never_answers_costs_the_call_no_more_than_its_deadline() {
    let silent = |inner: Arc<dyn Registry>| if inner.name() == "land" { Decorated::silent(inner) } else { inner };
    let world = small().behind(silent).start().await;
    let mut context = world.context("one-stop");
    context.deadline = Instant::now() + Duration::from_millis(200);
    let deadline = context.deadline;
    let got = world.exchange.fetch(context, request(ANNA, &[PERSON, CERTIFICATE], VERIFY)).await.expect("partial");
    assert!(Instant::now() < deadline);
    assert_eq!(got.records.len(), 1);
    assert_eq!(got.missing[0].reason, MissingReason::Unreachable(Reason::DeadlineExceeded));
}

/// The page with a text of its records' payloads replaced: they no longer verify.
fn replaced(page: Result<Page>, text: &str, by: &str) -> Result<Page> {
    let mut page = page?;
    for found in &mut page.records {
        if let Disclosure::Whole { payload, .. } = &mut Arc::make_mut(found).record.disclosure {
            *payload = String::from_utf8_lossy(payload).replace(text, by).into_bytes().into();
        }
    }
    Ok(page)
}

#[tokio::test]
async fn a_record_that_fails_is_refused_by_its_code_unless_it_is_asked_for() {
    let world =
        small().behind(misbehaving("judicial", |page| replaced(page, "1985-03-07", "1985-03-08"))).start().await;
    let types = &["judicial.record.v1"];
    let error = fetch(&world, "police", ANNA, types, "justice.record_certificate").await.expect_err("refused");
    assert_eq!(error.reason, Reason::PayloadMismatch);
    assert_eq!(newest(&world, ANNA).await.0.text("outcome"), Some("PAYLOAD_MISMATCH"));

    let mut context = world.context("police");
    context.accepts_unverified = true;
    let got = world.exchange.fetch(context, request(ANNA, types, "justice.record_certificate")).await.expect("marked");
    assert_eq!(got.records[0].verdict.to_string(), "INVALID PAYLOAD_MISMATCH");
}

/// A registry with a changed record beside an honest one: its own part is lost, named, and not more.
#[tokio::test]
async fn a_registry_that_lies_costs_its_own_part_of_an_answer() {
    const JUDICIAL: &str = "judicial.record.v1";
    let world =
        small().behind(misbehaving("judicial", |page| replaced(page, "1985-03-07", "1985-03-08"))).start().await;
    let purpose = "justice.record_certificate";
    let got = fetch(&world, "justice", ANNA, &[JUDICIAL, PERSON], purpose).await.expect("what could be had");
    assert_eq!(got.records.iter().map(|record| &*record.record_type.name).collect::<Vec<_>>(), [PERSON]);
    let missing: Vec<_> = got.missing.iter().map(|gap| (&*gap.record_type.name, gap.reason)).collect();
    assert_eq!(missing, [(JUDICIAL, MissingReason::NotVerified(Reason::PayloadMismatch))]);
    let alone = fetch(&world, "justice", ANNA, &[JUDICIAL], purpose).await.expect_err("nothing could be had");
    assert_eq!(alone.reason, Reason::PayloadMismatch);
}

#[tokio::test]
async fn a_record_of_somebody_else_is_never_disclosed() {
    let world = small().behind(misbehaving("judicial", |page| replaced(page, ANNA, "042185000000"))).start().await;
    let mut context = world.context("police");
    context.accepts_unverified = true;
    let asked = request(ANNA, &["judicial.record.v1"], "justice.record_certificate");
    let error = world.exchange.fetch(context, asked).await.expect_err("refused");
    assert_eq!(error.reason, Reason::RecordNotVerified);
}

#[tokio::test(start_paused = true)]
async fn a_record_that_the_province_has_not_accepted_yet_counts_as_unreachable() {
    let world = small().unfollowed().start().await;
    world.submit(PERSON, vec![super::world::person("042185000003")]).await;
    let mut context = world.context("one-stop");
    context.deadline = Instant::now() + Duration::from_millis(100);
    let got = world.exchange.fetch(context, request("042185000003", &[PERSON], VERIFY)).await.expect("partial");
    assert!(got.records.is_empty());
    assert_eq!(got.missing[0].reason, MissingReason::Unreachable(Reason::RegistryUnavailable));
    world.follow();
    world.accepted().await;
    let got = fetch(&world, "one-stop", "042185000003", &[PERSON], VERIFY).await.expect("accepted");
    assert_eq!(got.records.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_calls_leave_a_chain_without_gaps() {
    let world = Arc::new(small().start().await);
    let calls = (0..100).map(|_| {
        let world = world.clone();
        tokio::spawn(async move { fetch(&world, "one-stop", ANNA, &[PERSON], VERIFY).await.map(|got| got.evidence) })
    });
    let mut sequences = Vec::new();
    for call in calls.collect::<Vec<_>>() {
        sequences.push(call.await.expect("task").expect("fetched").sequence);
    }
    sequences.sort_unstable();
    assert_eq!(sequences, (1..=100).collect::<Vec<_>>());
}

#[tokio::test]
async fn more_records_than_an_answer_holds_are_refused_for_good() {
    let world = small().start().await;
    let certificate = |number: usize| {
        Object::new()
            .with("serial", format!("BA {:06}", 700_000 + number))
            .with("registry_number", "CH 00123")
            .with("issued_on", "2020-05-06")
            .with(
                "owners",
                vec![
                    Object::new()
                        .with("personal_id", ANNA)
                        .with("full_name", "Nguyễn Thị An")
                        .with("role", "individual"),
                ],
            )
            .with("legal_form", "individual")
            .with("parcels", vec!["w7723fdn0zg3"])
            .with("status", "valid")
    };
    world.submit(CERTIFICATE, (0..=limits::ANSWER_RECORDS_MAX).map(certificate).collect()).await;
    world.accepted().await;
    let refused =
        fetch(&world, "land-office", ANNA, &[PERSON, CERTIFICATE], "land.transfer").await.expect_err("too many");
    assert_eq!((refused.reason, refused.subject.name.as_str()), (Reason::AnswerTooLarge, "land"));
    let fewer = fetch(&world, "land-office", ANNA, &[PERSON], "land.transfer").await.expect("without them");
    assert_eq!(fewer.records.len(), 1);
    assert_eq!(newest(&world, ANNA).await.0.text("outcome"), Some("OK"));
}

/// A registry that answers for one parcel with another, genuine one is found out, whether or not that one was verified before.
#[tokio::test]
async fn a_record_that_was_verified_answers_no_other_question() {
    const PARCEL: &str = "land.parcel.v1";
    let (lies, kept) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(None)));
    let (lying, other) = (lies.clone(), kept.clone());
    let swap = move |inner: Arc<dyn Registry>| {
        let (lying, other) = (lying.clone(), other.clone());
        Decorated::reads(inner, move |page| {
            let mut page = page?;
            for found in page.records.iter_mut().filter(|found| found.record_type == PARCEL) {
                let Disclosure::Whole { payload, .. } = &found.record.disclosure else { continue };
                let is_first = String::from_utf8_lossy(payload).contains("w7723fdn0zg3");
                let mut other = other.lock().expect("whole");
                match (&*other, is_first && lying.load(Ordering::SeqCst)) {
                    (Some(genuine), true) => *found = Arc::clone(genuine),
                    (None, _) if !is_first => *other = Some(found.clone()),
                    _ => {}
                }
            }
            Ok(page)
        })
    };
    let world = small().behind(swap).start().await;
    let ask = || fetch(&world, "land-office", BINH, &[CERTIFICATE, PARCEL], "land.transfer");
    for _ in 0..3 {
        assert_eq!(ask().await.expect("honest").records.len(), 4);
    }
    lies.store(true, Ordering::SeqCst);
    let refused = ask().await.expect_err("another parcel than was asked for");
    assert_eq!(refused.reason, Reason::Malformed);
}
