//! Batches that are taken in turn: the record ledger is the same whatever stands in the registries' logs already.

use futures::stream;

use super::*;

/// The kinds of the record ledger's entries, and its root.
async fn ledger_of(province: &Province) -> (Vec<EntryType>, crate::trust::Hash) {
    let entries = province.ledger.entries(0, 1_000).await.expect("entries");
    let kinds = entries.iter().map(|entry| split_entry(entry).expect("an entry").0).collect();
    (kinds, province.ledger.head().root)
}

/// Four signed batches of two registries, taken in turn: as they are issued, or once all of them stand in the logs.
async fn taken(is_issued_before: bool) -> (Vec<EntryType>, crate::trust::Hash) {
    let mut world = World::new();
    let province = world.province().await;
    let (residents, cards) = (world.host("resident").await, world.host("health_insurance").await);
    let turn = |host: &Arc<EmbeddedRegistry>, log_size| Turn { registry: host.clone(), log_size };
    let turns = [turn(&residents, 2), turn(&cards, 1), turn(&residents, 3)];
    let holder = Object::new().with("personal_id", AN).with("full_name", "Nguyễn Văn An");
    let issue = async {
        for number in ["042090990001", "042090990002", "042090990003"] {
            world.submit(&residents, vec![person(number, "Nguyễn Văn An", "1990-03-14")]).await;
        }
        world.submit(&cards, vec![card("4212345678", holder)]).await;
    };
    if is_issued_before {
        issue.await;
        province.take_in_turn(stream::iter(turns)).await.expect("taken");
    } else {
        let (taken, ()) = tokio::join!(province.take_in_turn(stream::iter(turns)), issue);
        taken.expect("taken");
    }
    province.wait_for("resident", 3).await.expect("accepted");
    province.wait_for("health_insurance", 1).await.expect("accepted");
    ledger_of(&province).await
}

#[tokio::test]
async fn the_ledger_does_not_depend_on_when_batches_were_issued() {
    use EntryType::{IssuerCheckpoint, Statement};
    let (kinds, root) = taken(true).await;
    // Each signed batch alone, in the order of the turns.
    assert_eq!(kinds, [Statement, IssuerCheckpoint].repeat(4));
    assert_eq!((kinds, root), taken(false).await);
}

#[tokio::test]
async fn a_batch_that_does_not_verify_ends_the_turns() {
    let mut world = World::new();
    let province = world.province().await;
    let residents = world.host("resident").await;
    world.submit(&residents, vec![person(AN, "Nguyễn Văn An", "1990-03-14")]).await;
    let forged = Decorated::streams(residents.clone(), |_, batch| {
        batch.map(|mut batch| {
            batch.checkpoint = bytes::Bytes::from_static(b"forged");
            batch
        })
    });
    let turns = [Turn { registry: forged, log_size: 1 }, Turn { registry: residents, log_size: 1 }];
    let refused = province.take_in_turn(stream::iter(turns)).await.expect_err("refused");
    assert!(!crate::province::ingest::is_passing(&refused), "{refused}");
    assert_eq!(province.ledger_size(), 0, "neither this turn nor the next is taken");
}
