//! Status lists over registries in this process: what they say after every kind of change, published, made again.

use super::*;
use crate::ledger::Sequencer;
use crate::province::tests::*;
use crate::registry;
use crate::registry::Catalogue;
use crate::registry::common::testing::basis;
use crate::registry::port::Registry;
use crate::store::Batch;
use crate::trust::EntryType;
use crate::trust::entry::split_entry;
use crate::trust::status_list::StatusToken;
use std::sync::Arc;

fn statuses(list: &StatusList) -> Vec<&'static str> {
    (0..list.count()).filter_map(|index| list.get(index)).map(|status| status.as_str()).collect()
}

fn holder() -> Object {
    Object::new().with("personal_id", AN).with("full_name", "Nguyễn Văn An")
}

fn ended(payload: Object) -> Object {
    payload.with("status", "revoked").with("status_reason", "trùng thẻ").with("basis", basis("duplicate"))
}

#[tokio::test]
async fn every_version_has_a_status_of_its_own() {
    let mut world = World::new();
    let (province, ledger) = world.province_and_ledger().await;
    let cards = world.host("health_insurance").await;
    province.follow(cards.clone()).expect("follows");
    let catalogue = Catalogue::built_in();
    let kind = catalogue.record_type(registry::health_insurance::CARD).expect("a type");
    let now = |list: &(StatusList, u64)| statuses(&list.0);
    let store = world.store.clone();
    let read = || super::read(&*store, kind);
    assert_eq!(read().await.expect("reads"), (StatusList::new(), 0));

    let (_, first) = card("4212345678", holder());
    let (_, second) = card("4212345679", holder());
    world.say(&cards, &province, vec![card("4212345678", holder()), card("4212345679", holder())]).await;
    assert_eq!(now(&read().await.expect("reads")), ["valid", "valid"]);
    let suspended = || first.clone().with("status", "suspended").with("status_reason", "chưa đóng");
    world.change(&cards, &province, &kind.name, Operation::Update, 1, suspended()).await;
    assert_eq!(now(&read().await.expect("reads")), ["superseded", "valid", "suspended"]);
    world.change(&cards, &province, &kind.name, Operation::Update, 2, first.clone()).await;
    world.change(&cards, &province, &kind.name, Operation::Update, 1, ended(second)).await;
    let expected = ["superseded", "superseded", "superseded", "valid", "invalid"];
    let kept = read().await.expect("reads");
    assert_eq!(now(&kept), expected);
    assert_eq!(kept.1, ledger.head().size);

    // made again from the ledger it is the same; and what was lost or changed comes back
    assert!(province.rebuild_status().await.expect("rebuilds").is_empty());
    let lost = Batch::new().delete(Space::Status, piece_key(kind.ordinal, 0));
    world.store.commit(lost).await.expect("commits");
    assert!(read().await.is_err());
    assert_eq!(province.rebuild_status().await.expect("rebuilds"), std::slice::from_ref(&kind.name));
    assert_eq!(read().await.expect("reads"), kept);
}

#[tokio::test]
async fn a_published_list_is_signed_logged_and_renewed() {
    let mut world = World::new();
    let (province, ledger) = world.province_and_ledger().await;
    let cards = world.host("health_insurance").await;
    province.follow(cards.clone()).expect("follows");
    let catalogue = Catalogue::built_in();
    let kind = catalogue.record_type(registry::health_insurance::CARD).expect("a type");
    world.say(&cards, &province, vec![card("4212345678", holder())]).await;
    let lists = StatusLists::new(
        catalogue.clone(),
        world.store.clone(),
        ledger.clone(),
        world.clock.clone(),
        [cards.clone() as Arc<dyn Registry>],
    );
    lists.serve_at("https://example.vn/");
    let published = lists.get(&kind.name).await.expect("published");
    let token = StatusToken::verify(&published.token, &anchor()).expect("verifies");
    assert_eq!(token.claims.uri, "https://example.vn/status/health_insurance/health_insurance.card.v1");
    assert_eq!((statuses(&token.list), token.claims.ledger_size), (vec!["valid"], 2));
    let entry = ledger.entry(published.ledger_index).await.expect("there");
    let (kind_of_entry, body) = split_entry(&entry).expect("an entry");
    assert_eq!(kind_of_entry, EntryType::StatusDigest);
    let body = crate::trust::canonical::parse(body).expect("canonical");
    assert_eq!((body.text("token"), body.integer("count")), (Some(published.digest.as_str()), Some(1)));

    // the same again, until something changes and a second has gone
    assert_eq!(lists.get(&kind.name).await.expect("published").digest, published.digest);
    let (_, payload) = card("4212345678", holder());
    world.change(&cards, &province, &kind.name, Operation::Update, 1, ended(payload)).await;
    world.clock.set(crate::base::Clock::now(&*world.clock).plus_ms(1));
    assert_eq!(lists.get(&kind.name).await.expect("published").digest, published.digest);
    world.clock.set(published.claims.issued_at.plus_ms(2_000));
    let renewed = lists.get(&kind.name).await.expect("published");
    let token = StatusToken::verify(&renewed.token, &anchor()).expect("verifies");
    assert_eq!(statuses(&token.list), ["superseded", "invalid"]);
    // While the time stands still a change shows at once.
    world.say(&cards, &province, vec![card("4212345680", holder())]).await;
    assert_eq!(lists.get(&kind.name).await.expect("published").count, 3);
    let missing = lists.get("land.nothing.v1").await.expect_err("no such type");
    assert_eq!(missing.reason, Reason::NotFound);
}

#[tokio::test]
async fn a_status_index_is_used_once() {
    let store = crate::store::memory::MemoryStore::new();
    let one = |index, before| StatusChange { kind: 7, index, status: Status::Valid, before };
    let good = Changed::by(&store, &[one(0, None), one(1, Some(0))]).await.expect("applies");
    let mut batch = Batch::new();
    good.write(9, &mut batch);
    crate::store::Store::commit(&store, batch).await.expect("commits");
    for bad in [one(1, None), one(3, None), one(2, Some(900_000))] {
        assert!(Changed::by(&store, &[bad]).await.is_err(), "{bad:?}");
    }
    assert!(Changed::by(&store, &[one(2, Some(1))]).await.is_ok());
}

/// The ledger and what stands over it.
impl World {
    async fn province_and_ledger(&self) -> (Arc<crate::province::Province>, Arc<Sequencer>) {
        let province = self.province().await;
        let ledger = province.ledger.clone();
        (province, ledger)
    }
}
