//! Delivering what a citizen presents.

use super::world::{ANNA, BINH, person, pid, small};
use crate::base::{Reason, RecordId};
use crate::exchange::{DocumentDelivery, DocumentRef};
use crate::registry::Catalogue;
use crate::registry::common::testing::basis;
use crate::registry::port::{Query, Registry as _, Selector};
use crate::trust::{Disclosure, Operation, canonical};

#[tokio::test]
async fn presented_documents_come_whole_in_order_or_not_at_all() {
    let world = small().start().await;
    let query = Query::latest(["land.certificate.v1"], Selector::All, 10);
    let mut ids: Vec<_> =
        world.hosts["land"].read(query).await.expect("read").records.iter().map(|found| found.record_id).collect();
    ids.reverse();
    let document = |record_id| DocumentRef {
        record_type: Catalogue::built_in().record_type("land.certificate.v1").expect("type").clone(),
        record_id,
        version: None,
    };
    let delivery = |ids: &[RecordId]| DocumentDelivery {
        person: pid(BINH),
        documents: ids.iter().copied().map(document).collect(),
        reference: "presentation-1".into(),
        guardian: None,
        repeats: None,
    };
    let got = world.exchange.deliver(world.context("one-stop"), delivery(&ids)).await.expect("delivered");
    assert_eq!(got.records.iter().map(|record| record.record_id).collect::<Vec<_>>(), ids);
    assert!(got.records.iter().all(|record| matches!(record.record.disclosure, Disclosure::Whole { .. })));

    let of_another = DocumentDelivery { person: pid(ANNA), ..delivery(&ids) };
    let refused = world.exchange.deliver(world.context("one-stop"), of_another).await.expect_err("not hers");
    assert_eq!(refused.reason, Reason::HolderMismatch);

    ids.push(RecordId([9; 16]));
    let gone = world.exchange.deliver(world.context("one-stop"), delivery(&ids)).await.expect_err("gone");
    assert_eq!(gone.reason, Reason::RecordNotFound);
    let context = world.context("bank");
    world.exchange.log_refusal(context, Some(pid(BINH)), "p", Reason::PresentationUsed).await.expect("logged");
    let page = world.evidence.accesses(pid(BINH), None, 10).await.expect("accesses");
    let outcomes: Vec<_> = page
        .accesses
        .iter()
        .map(|access| canonical::parse(&access.entry).expect("canonical").text("outcome").map(str::to_owned))
        .map(Option::unwrap_or_default)
        .collect();
    assert_eq!(outcomes, ["PRESENTATION_USED", "RECORD_NOT_FOUND", "OK"]);
}

#[tokio::test]
async fn a_repeated_delivery_gives_the_versions_and_the_evidence_of_before_and_is_logged_as_such() {
    let world = small().start().await;
    let query = Query::latest(["resident.person.v1"], Selector::Person(pid(ANNA)), 1);
    let found = world.hosts["resident"].read(query).await.expect("read").records[0].clone();
    let delivery = |version, repeats| DocumentDelivery {
        person: pid(ANNA),
        documents: vec![DocumentRef {
            record_type: Catalogue::built_in().record_type("resident.person.v1").expect("type").clone(),
            record_id: found.record_id,
            version,
        }],
        reference: "presentation-1".into(),
        guardian: Some(pid(BINH)),
        repeats,
    };
    let first = world.exchange.deliver(world.context("one-stop"), delivery(None, None)).await.expect("delivered");
    // the record changes, and the evidence ledger grows
    let renamed = person(ANNA).with("full_name", "Nguyễn Thị Ân").with("basis", basis("correction"));
    world.change("resident.person.v1", Operation::Update, 1, renamed).await;
    let newer = world.exchange.deliver(world.context("one-stop"), delivery(None, None)).await.expect("delivered");
    assert_eq!((first.records[0].version, newer.records[0].version), (1, 2));
    let repeated = delivery(Some(1), Some(first.evidence.index));
    let again = world.exchange.deliver(world.context("one-stop"), repeated).await.expect("repeated");
    assert_eq!(again.records[0].record.statement, first.records[0].record.statement);
    assert_eq!(again.evidence.index, first.evidence.index);
    assert_eq!(again.evidence.checkpoint, first.evidence.checkpoint);
    let gone = world.exchange.deliver(world.context("one-stop"), delivery(Some(3), Some(0))).await.expect_err("none");
    assert_eq!(gone.reason, Reason::RecordNotFound);

    let page = world.evidence.accesses(pid(ANNA), None, 10).await.expect("accesses");
    let entries: Vec<_> =
        page.accesses.iter().map(|access| canonical::parse(&access.entry).expect("canonical")).collect();
    let outcomes: Vec<_> = entries.iter().map(|entry| entry.text("outcome").expect("an outcome")).collect();
    assert_eq!(outcomes, ["RECORD_NOT_FOUND", "REPEATED", "OK", "OK"]);
    let delivered = |at: usize| entries[at].text_at("records.0.statement").map(str::to_owned);
    assert!(delivered(1).is_some() && delivered(1) == delivered(3) && delivered(1) != delivered(2));
    let guardian = crate::base::id::to_hex(&world.evidence.subject(pid(BINH)));
    assert!(entries.iter().all(|entry| entry.text("guardian") == Some(guardian.as_str())));
}
