//! Delivering what a citizen presents.

use super::world::{ANNA, BINH, World, pid};
use crate::base::{Reason, RecordId};
use crate::exchange::{Delivery, DocumentRef};
use crate::registry::port::{Query, Registry as _, Selector};
use crate::registry::record_type;
use crate::trust::{Disclosure, canonical};

#[tokio::test]
async fn presented_documents_come_whole_in_order_or_not_at_all() {
    let world = World::new().await;
    let query = Query::latest(["land.certificate.v1"], Selector::All, 10);
    let mut ids: Vec<_> =
        world.hosts["land"].read(query).await.expect("read").records.iter().map(|found| found.record_id).collect();
    ids.reverse();
    let document =
        |record_id| DocumentRef { record_type: record_type("land.certificate.v1").expect("type"), record_id };
    let delivery = |ids: &[RecordId]| Delivery {
        person: pid(BINH),
        documents: ids.iter().copied().map(document).collect(),
        reference: "presentation-1".into(),
    };
    let got = world.exchange.deliver(world.context("one-stop"), delivery(&ids)).await.expect("delivered");
    assert_eq!(got.records.iter().map(|record| record.record_id).collect::<Vec<_>>(), ids);
    assert!(got.records.iter().all(|record| matches!(record.record.disclosure, Disclosure::Whole { .. })));

    let of_another = Delivery { person: pid(ANNA), ..delivery(&ids) };
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
