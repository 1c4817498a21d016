//! Who may claim a number: chains of personal IDs lead to the person who holds now, and a stranger's claim does not break them.

use super::lifecycles::broken;
use super::*;

const FIRST: &str = "042185990009";
const SECOND: &str = "042185990002";
const THIRD: &str = "042185990004";
const STRANGER: &str = "042185990005";

fn claiming(number: &str, claims: &[&str]) -> Object {
    person(number, "Nguyễn Thị Hoà", "1985").with("superseded_ids", claims.to_vec())
}

fn cancelled(number: &str, claims: &[&str], by: Option<&str>) -> Object {
    claiming(number, claims)
        .with("status", "cancelled")
        .with_optional("superseded_by", by)
        .with("basis", basis("number_cancelled").with("document_number", number))
}

fn named(payload: Object, document: &str) -> Object {
    payload.with("basis", basis("id_re_established").with("document_number", document))
}

/// The first number has no record, the second claims it and is cancelled, the third claims the second.
async fn chain(by: Option<&str>) -> Arc<EmbeddedRegistry> {
    let host = residents().await;
    let begun = vec![create(claiming(SECOND, &[FIRST]))];
    submit(&host, "request-1", begun).await.expect("claimed");
    let replaced =
        vec![create(claiming(THIRD, &[SECOND])), change(Operation::Update, 1, cancelled(SECOND, &[FIRST], by))];
    submit(&host, "request-2", replaced).await.expect("replaced");
    host
}

#[tokio::test]
async fn what_a_cancelled_record_claimed_is_its_successors() {
    for by in [None, Some(THIRD)] {
        let host = chain(by).await;
        let stranger = vec![create(claiming(STRANGER, &[FIRST]))];
        let error = submit(&host, "request-3", stranger).await.expect_err("a stranger");
        assert_eq!(broken(&error), ["changes[0].payload.superseded_ids NUMBER_CLAIMED"], "{by:?}");
        let known = create(person(STRANGER, "Nguyễn Thị Hoà", "1985"));
        submit(&host, "request-4", vec![known]).await.expect("entered");
        let later = change(Operation::Update, 1, named(claiming(STRANGER, &[FIRST]), "1/QĐ"));
        let error = submit(&host, "request-5", vec![later]).await.expect_err("a stranger, later");
        assert_eq!(broken(&error), ["changes[0].payload.superseded_ids NUMBER_CLAIMED"], "{by:?}");
        // the person who holds now lists the chain whole
        let whole = change(Operation::Update, 1, named(claiming(THIRD, &[SECOND, FIRST]), "2/QĐ"));
        submit(&host, "request-6", vec![whole]).await.expect("their own");
    }
}

/// The claim comes in the submission that cancels the claimant, and in the one that claims.
#[tokio::test]
async fn a_claim_is_not_taken_as_its_record_is_cancelled() {
    let host = residents().await;
    submit(&host, "request-1", vec![create(claiming(SECOND, &[FIRST]))]).await.expect("claimed");
    let taken = vec![
        create(claiming(STRANGER, &[FIRST])),
        create(claiming(THIRD, &[SECOND])),
        change(Operation::Update, 1, cancelled(SECOND, &[FIRST], Some(THIRD))),
    ];
    let error = submit(&host, "request-2", taken).await.expect_err("a stranger");
    assert_eq!(broken(&error), ["changes[0].payload.superseded_ids NUMBER_CLAIMED"]);
}

/// A number may be replaced again and again; whoever holds it last claims all of them, also those that name a successor between.
#[tokio::test]
async fn a_chain_is_listed_whole() {
    let host = chain(Some(THIRD)).await;
    let last = "042185990006";
    let next = vec![
        create(claiming(last, &[THIRD, SECOND, FIRST])),
        change(Operation::Update, 1, cancelled(THIRD, &[SECOND], Some(last))),
    ];
    submit(&host, "request-3", next).await.expect("replaced again");
    // a part of it is the last one's, too: whom the second number was is told by the third
    let other = vec![create(claiming(STRANGER, &[SECOND]))];
    let error = submit(&host, "request-4", other).await.expect_err("a stranger");
    assert!(broken(&error).contains(&"changes[0].payload.superseded_ids NUMBER_CLAIMED".to_owned()), "{error:?}");
}

/// A cancelled record that leads to somebody takes no claim from anybody.
#[tokio::test]
async fn a_cancelled_record_claims_nothing_of_others() {
    let host = residents().await;
    let held = vec![
        create(claiming(STRANGER, &[FIRST])),
        create(claiming(SECOND, &[])),
        create(claiming(THIRD, &[SECOND])),
        change(Operation::Update, 1, cancelled(SECOND, &[], Some(THIRD))),
    ];
    let held = held.into_iter().map(|mut change| {
        if change.payload.array("superseded_ids").is_some_and(<[Value]>::is_empty) {
            change.payload.remove("superseded_ids");
        }
        change
    });
    submit(&host, "request-1", held.collect()).await.expect("entered");
    let claim =
        cancelled(SECOND, &[FIRST], Some(THIRD)).with("basis", basis("correction").with("document_number", "9/QĐ"));
    let error = submit(&host, "request-2", vec![change(Operation::Update, 2, claim)]).await.expect_err("another's");
    assert_eq!(broken(&error), ["changes[0].payload.superseded_ids NUMBER_CLAIMED"]);
}
