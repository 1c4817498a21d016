//! The embedded registry keeps the port's contract: atomic, idempotent, ordered, and every change provable.

mod due;
mod land;
mod civil_status;
mod lifecycles;
mod numbers;
mod putting;

use std::sync::Arc;

use super::*;
use crate::base::limits::PAGE_PAYLOAD_BYTES_MAX;
use crate::base::time::{Date, FixedClock};
use crate::base::{PartialDate, PersonalId, RecordId};
use crate::registry::common::testing::basis;
use crate::registry::port::Selector;
use crate::registry::{Catalogue, business, resident};
use crate::store::memory::MemoryStore;
use crate::store::{Batch, Scan, Space};
use crate::trust::merkle::{CompactRange, hash_leaf};
use crate::trust::{Ed25519Signer, Object, Operation, Statement, Value, statement_hash};

const NOW: Date = Date::constant(2026, 11, 22);

async fn open(store: Arc<dyn Store>, name: &str) -> Arc<EmbeddedRegistry> {
    open_on(NOW, store, name).await
}

async fn open_on(today: Date, store: Arc<dyn Store>, name: &str) -> Arc<EmbeddedRegistry> {
    let sector = Catalogue::built_in().sector(name).expect("a sector").clone();
    let world = Seed::root(1);
    let signer = Arc::new(Ed25519Signer::from_seed(sector.log_origin(), &world.child("key/test", 0)));
    let clock = Arc::new(FixedClock::at(Timestamp::start_of(today)));
    EmbeddedRegistry::open(store, sector, signer, &world.child("registry/test", 0), clock).await.expect("opens")
}

async fn residents() -> Arc<EmbeddedRegistry> {
    open(Arc::new(MemoryStore::new()), "resident").await
}

fn person(id: &str, name: &str, birth: &str) -> Object {
    Object::new()
        .with("personal_id", id)
        .with("full_name", name)
        .with("birth_date", birth)
        .with("sex", "female")
        .with("nationality", "VN")
        .with("life_status", "alive")
        .with("status", "active")
}

fn change(operation: Operation, expected_version: u64, payload: Object) -> Change {
    Change {
        record_type: resident::PERSON.into(),
        operation,
        expected_version,
        payload,
        valid_from: None,
        valid_until: None,
    }
}

fn create(payload: Object) -> Change {
    change(Operation::Create, 0, payload)
}

async fn submit(host: &EmbeddedRegistry, request_id: &str, changes: Vec<Change>) -> Result<Vec<Receipt>> {
    host.submit(Submission { request_id: request_id.into(), changes }).await
}

async fn read(host: &EmbeddedRegistry, selector: Selector) -> Vec<Object> {
    let page = host.read(Query::latest([resident::PERSON], selector, 100)).await.expect("reads");
    page.records.iter().map(|found| found.record.disclosure.fields().expect("canonical")).collect()
}

fn pid(text: &str) -> PersonalId {
    PersonalId::parse(text).expect("valid")
}

#[tokio::test]
async fn a_record_is_created_changed_and_its_versions_are_chained() {
    let host = residents().await;
    let first = person("042185990002", "Nguyễn Thị Hoà", "1985-03-07");
    let receipts = submit(&host, "request-1", vec![create(first.clone())]).await.expect("created");
    let changed = first.clone().with("full_name", "Nguyễn Thị Hoà Bình").with("basis", basis("correction"));
    let again = submit(&host, "request-2", vec![change(Operation::Update, 1, changed)]).await.expect("changed");
    assert_eq!((again[0].record_id, again[0].version, again[0].log_index), (receipts[0].record_id, 2, 1));

    let one = |version| {
        let selector = Selector::Key("042185990002".into());
        let host = host.clone();
        async move {
            let query = Query { version, ..Query::latest([resident::PERSON], selector, 1) };
            host.read(query).await.expect("reads").records.pop().expect("found")
        }
    };
    let (old, new) = (one(1).await, one(0).await);
    assert_eq!((old.version, new.version, one(2).await.version), (1, 2, 2));
    assert_eq!(old.record.disclosure.fields().expect("canonical"), first);
    let statement = Statement::decode(&new.record.statement).expect("a statement");
    assert_eq!(statement.previous, statement_hash(&old.record.statement));
    assert_eq!((statement.issuer.as_str(), statement.operation), ("resident", Operation::Update));
    assert_eq!(statement.issued_at, Timestamp::start_of(NOW));
    assert_eq!(new.record.issuer_proof.as_ref().expect("proof").index, 1);
    let none = Query { version: 3, ..Query::latest([resident::PERSON], Selector::Key("042185990002".into()), 1) };
    assert!(host.read(none).await.expect("reads").records.is_empty());
}

#[tokio::test]
async fn a_batch_is_all_or_nothing_and_names_every_bad_field() {
    let host = residents().await;
    let good = person("042185990002", "Nguyễn Thị Hoà", "1985");
    let bad = person("042185990003", "Nguyễn  Hoà", "1985-13");
    let mut unknown = create(good.clone());
    unknown.record_type = "land.parcel.v1".into();
    let changes = vec![create(good.clone()), create(bad), unknown, change(Operation::Update, 0, good.clone())];
    let error = submit(&host, "request-1", changes).await.expect_err("refused");
    let fields: Vec<&str> = error.violations.kept().iter().map(|violation| violation.field.as_str()).collect();
    assert_eq!(
        fields,
        [
            "changes[1].payload.full_name",
            "changes[1].payload.birth_date",
            "changes[2].record_type",
            "changes[3].expected_version"
        ]
    );
    let conflict = vec![create(good.clone()), create(good.clone())];
    assert_eq!(submit(&host, "request-2", conflict).await.expect_err("twice").reason, Reason::VersionConflict);
    let missing = vec![create(good.clone()), change(Operation::Update, 1, person("042185990009", "Lê Na", "1990"))];
    assert_eq!(submit(&host, "request-3", missing).await.expect_err("missing").reason, Reason::RecordNotFound);
    assert_eq!(host.log_size().await.expect("size"), 0);
    assert!(read(&host, Selector::All).await.is_empty());

    let chain = vec![create(good.clone()), change(Operation::Update, 1, good.clone().with("other_name", "Hoà"))];
    let receipts = submit(&host, "request-4", chain).await.expect("a chain in one batch");
    assert_eq!(receipts.iter().map(|receipt| receipt.version).collect::<Vec<_>>(), [1, 2]);
    let stale = submit(&host, "request-5", vec![change(Operation::Update, 1, good)]).await.expect_err("stale");
    assert_eq!(stale.reason, Reason::VersionConflict);
}

#[tokio::test]
async fn nothing_follows_a_record_that_was_revoked() {
    let host = residents().await;
    let moved = person("042185990002", "Nguyễn Thị Hoà", "1985");
    submit(&host, "request-1", vec![create(moved.clone())]).await.expect("created");
    let ended = moved.clone().with("status", "cancelled").with("basis", basis("number_cancelled"));
    let in_one = vec![change(Operation::Revoke, 1, ended.clone()), change(Operation::Update, 2, moved.clone())];
    let refused = submit(&host, "request-2", in_one).await.expect_err("a chain");
    assert_eq!(refused.reason, Reason::RecordRevoked, "{refused:?}");
    submit(&host, "request-3", vec![change(Operation::Revoke, 1, ended.clone())]).await.expect("revoked");
    for operation in [Operation::Update, Operation::Revoke] {
        let error = submit(&host, "request-4", vec![change(operation, 2, ended.clone())]).await.expect_err("the end");
        assert_eq!(error.reason, Reason::RecordRevoked);
    }
    let stale = submit(&host, "request-5", vec![create(moved)]).await.expect_err("stale");
    assert_eq!(stale.reason, Reason::VersionConflict);
}

#[tokio::test]
async fn many_bad_records_are_named_and_all_are_counted() {
    let host = residents().await;
    let changes = (0..3_000).map(|n| create(person(&format!("0421859{n:05}"), "x 1", "1985"))).collect();
    let error = submit(&host, "request-1", changes).await.expect_err("refused");
    assert_eq!(error.violations.total(), 3_000);
    assert_eq!(error.violations.kept()[999].field, "changes[999].payload.full_name");
}

#[tokio::test]
async fn a_repeated_request_gets_the_same_receipts() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let host = open(store.clone(), "resident").await;
    let changes = vec![create(person("042185990002", "Nguyễn Thị Hoà", "1985"))];
    let (one, other) =
        tokio::join!(submit(&host, "request-1", changes.clone()), submit(&host, "request-1", changes.clone()));
    assert_eq!(one.expect("first"), other.expect("beside it"));
    let first = submit(&host, "request-1", changes.clone()).await.expect("repeated");
    drop(host);
    let host = open(store, "resident").await;
    assert_eq!(submit(&host, "request-1", changes).await.expect("after a restart"), first);
    let others = vec![create(person("042185990003", "Lê Na", "1990"))];
    assert_eq!(submit(&host, "request-1", others).await.expect_err("reused").reason, Reason::RequestIdReused);
    assert_eq!(host.log_size().await.expect("size"), 1);
    for bad in ["", "short", "has space", &"x".repeat(65)] {
        assert_eq!(submit(&host, bad, vec![]).await.expect_err("refused").violations.kept()[0].field, "request_id");
    }
}

/// State 04 of a tax code ends with 30 June 2026.
#[tokio::test]
async fn a_request_that_was_accepted_is_not_held_to_the_rules_of_a_later_day() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let host = open_on(Date::constant(2026, 6, 30), store.clone(), "business").await;
    let address = Object::new().with("unit_code", "18073").with("unit_valid_from", "2025-07-01");
    let business = |id: &str| {
        let payload = Object::new()
            .with("code", id)
            .with("name", "Tạp hoá Bình An")
            .with("representative_id", id)
            .with("lines", vec!["9999"])
            .with("address", address.clone())
            .with("tax_status", "04")
            .with("registered_on", "2026-06-29")
            .with("status", "active");
        Change { record_type: business::HOUSEHOLD.into(), ..create(payload) }
    };
    let first = submit(&host, "request-1", vec![business("042086990020")]).await.expect("accepted");
    assert_eq!(first[0].warnings.total, 1, "the list of lines does not have every code");
    drop(host);
    let host = open_on(Date::constant(2026, 7, 1), store, "business").await;
    assert_eq!(submit(&host, "request-1", vec![business("042086990020")]).await.expect("repeated"), first);
    let refused = submit(&host, "request-2", vec![business("042086990020")]).await.expect_err("another request");
    assert_eq!(refused.violations.kept()[0].rule, "NOT_IN_FORCE");
    let reused = submit(&host, "request-1", vec![business("042086990021")]).await.expect_err("other content");
    assert_eq!(reused.reason, Reason::RequestIdReused);
    let unknown = Change { record_type: "business.none.v1".into(), ..business("042086990020") };
    assert_eq!(submit(&host, "request-1", vec![unknown]).await.expect_err("other").reason, Reason::RequestIdReused);
}

#[tokio::test]
async fn people_are_found_by_every_number_and_by_name() {
    let host = residents().await;
    let moved = person("042083990016", "Đặng Thuỳ Trâm", "1983-02")
        .with("superseded_ids", vec!["042083990017"])
        .with("old_id_number", "183456789");
    let twin = person("042091990012", "Đặng Thuý Trâm", "1983-05-01").with("old_id_number", "183456789");
    submit(&host, "request-1", vec![create(moved.clone()), create(twin.clone())]).await.expect("created");

    for id in ["042083990016", "042083990017"] {
        assert_eq!(read(&host, Selector::Person(pid(id))).await, std::slice::from_ref(&moved), "{id}");
        assert_eq!(read(&host, Selector::Key(id.into())).await, std::slice::from_ref(&moved), "{id}");
    }
    let claims = person("042091990013", "Đặng Thuý", "1983").with("superseded_ids", vec!["042083990018"]);
    let again = person("042091990014", "Đặng Thuý", "1983").with("superseded_ids", vec!["042083990018"]);
    let twice =
        submit(&host, "request-3", vec![create(claims.clone()), create(again)]).await.expect_err("two claim it");
    assert_eq!(twice.violations.kept()[0].field, "changes[1].payload.superseded_ids");
    submit(&host, "request-4", vec![create(claims.clone())]).await.expect("one does");
    assert_eq!(read(&host, Selector::Person(pid("042083990018"))).await, std::slice::from_ref(&claims));
    assert_eq!(read(&host, Selector::OldNumber("042083990018".into())).await, [claims]);
    assert_eq!(read(&host, Selector::OldNumber("183456789".into())).await.len(), 2);
    assert!(read(&host, Selector::OldNumber("183456780".into())).await.is_empty());
    let by_name = |date: Option<&str>| Selector::Name {
        folded: "dang thuy tram".into(),
        birth_date: date.map(|date| PartialDate::parse(date).expect("a date")),
    };
    assert_eq!(read(&host, by_name(None)).await.len(), 2);
    assert_eq!(read(&host, by_name(Some("1983"))).await.len(), 2);
    assert_eq!(read(&host, by_name(Some("1983-02-09"))).await, std::slice::from_ref(&moved));
    assert!(read(&host, by_name(Some("1984"))).await.is_empty());

    // A corrected name is found, the old one is not.
    let renamed = moved.with("full_name", "Đặng Hoài Trâm").with("basis", basis("correction"));
    submit(&host, "request-2", vec![change(Operation::Update, 1, renamed.clone())]).await.expect("renamed");
    assert_eq!(read(&host, by_name(None)).await, std::slice::from_ref(&twin));
    let new_name = Selector::Name { folded: "dang hoai tram".into(), birth_date: None };
    assert_eq!(read(&host, new_name).await, std::slice::from_ref(&renamed));
}

/// The ids on each page of the records that `selector` chooses.
#[tokio::test]
async fn a_key_longer_than_any_is_the_callers_fault() {
    let host = residents().await;
    let long = "k".repeat(70_000);
    let name = Selector::Name { folded: long.clone(), birth_date: None };
    for selector in [Selector::Key(long.clone()), Selector::OldNumber(long), name] {
        let error = host.read(Query::latest([resident::PERSON], selector, 1)).await.expect_err("refused");
        assert_eq!((error.reason, &*error.violations.kept()[0].rule), (Reason::InvalidRequest, "TOO_LONG"));
    }
}

#[tokio::test]
async fn a_record_that_an_index_names_is_never_missing() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let host = open(store.clone(), "resident").await;
    submit(&host, "request-1", vec![create(person("042185990002", "Trần Thị Bé", "1985-01-02"))]).await.expect("taken");
    let rows = store.scan(Scan::prefix(Space::Record, b"")).await.expect("scans");
    store.commit(Batch::new().delete(Space::Record, rows[0].0.clone())).await.expect("commits");
    let name = Selector::Name { folded: "tran thi be".into(), birth_date: None };
    let error = host.read(Query::latest([resident::PERSON], name, 1)).await.expect_err("damage");
    assert_eq!(error.reason, Reason::StorageCorrupt);
    assert!(store.health().borrow().damaged.contains_key(&Space::Record), "the store says where");
    let sector = Catalogue::built_in().sector("resident").expect("a sector").clone();
    let signer = Arc::new(Ed25519Signer::from_seed(sector.log_origin(), &Seed::root(1).child("key/test", 0)));
    let clock = Arc::new(FixedClock::at(Timestamp::start_of(NOW)));
    let again = EmbeddedRegistry::open(store, sector, signer, &Seed::root(1).child("registry/test", 0), clock).await;
    assert_eq!(again.err().expect("the start sees it too").reason, Reason::StorageCorrupt);
}

async fn pages(host: &EmbeddedRegistry, selector: Selector, limit: usize) -> Vec<Vec<RecordId>> {
    let (mut pages, mut after) = (Vec::new(), None);
    loop {
        let query = Query { after, ..Query::latest([] as [&str; 0], selector.clone(), limit) };
        let page = host.read(query).await.expect("reads");
        pages.push(page.records.iter().map(|found| found.record_id).collect());
        after = page.next;
        if after.is_none() {
            return pages;
        }
    }
}

#[tokio::test]
async fn a_page_of_long_records_ends_early_and_loses_none() {
    let host = residents().await;
    let address = || {
        let unit = Object::new().with("unit_code", "18073").with("unit_valid_from", "2025-07-01");
        Value::Object(unit.with("text", "ậ".repeat(300)))
    };
    let places = ["birth_place", "birth_registration_place", "hometown", "permanent_residence", "current_residence"];
    let long = |n: usize| {
        let person = person(&format!("042185900{n:03}"), "Lê Thị Na", "1990-01-02");
        create(places.iter().fold(person, |person, place| person.with(place, address())))
    };
    host.load((0..300).map(long).collect(), Timestamp::start_of(NOW)).await.expect("loaded");
    let name = Selector::Name { folded: "le thi na".into(), birth_date: None };
    let one = host.read(Query::latest([] as [&str; 0], Selector::All, 1)).await.expect("reads");
    let full = PAGE_PAYLOAD_BYTES_MAX / one.records[0].record.disclosure.payload_bytes() + 1;
    let all = pages(&host, Selector::All, 500).await;
    assert_eq!(all.iter().map(Vec::len).collect::<Vec<_>>(), [full, 300 - full]);
    assert_eq!(pages(&host, name, 500).await, all);
    let all = all.concat();
    assert_eq!(pages(&host, Selector::Ids(all.clone()), 500).await.concat(), all);
    let of_persons = Query::latest([resident::PERSON], Selector::Ids(all[..full].to_vec()), 500);
    let exactly_full = host.read(of_persons).await.expect("reads");
    assert_eq!((exactly_full.records.len(), exactly_full.next), (full, None), "nothing follows");
}

#[tokio::test]
async fn pages_hold_every_record_once() {
    let host = residents().await;
    let everyone: Vec<Change> =
        (0..25).map(|n| create(person(&format!("0421859000{n:02}"), "Lê Thị Na", "1990-01-02"))).collect();
    host.load(everyone, Timestamp::start_of(NOW)).await.expect("loaded");
    for selector in [Selector::All, Selector::Name { folded: "le thi na".into(), birth_date: None }] {
        let seen = pages(&host, selector.clone(), 10).await.concat();
        let unique: std::collections::BTreeSet<_> = seen.iter().collect();
        assert_eq!((seen.len(), unique.len()), (25, 25), "{selector:?}");
    }
    let all = pages(&host, Selector::All, 25).await.concat();
    let named_twice = Selector::Ids(vec![all[3], all[4], all[3], all[3], all[5]]);
    assert_eq!(pages(&host, named_twice, 1).await.concat(), [all[3], all[4], all[5]]);
    let bad = Query { after: Some(vec![1]), ..Query::latest([] as [&str; 0], Selector::All, 10) };
    assert_eq!(host.read(bad).await.expect_err("refused").reason, Reason::PageTokenInvalid);
}

#[tokio::test]
async fn changes_end_at_signed_checkpoints_and_rebuild_their_roots() {
    let host = residents().await;
    let mut sizes = Vec::new();
    for n in 0..5 {
        let payload = person(&format!("04218590000{n}"), "Lê Thị Na", "1990");
        submit(&host, &format!("request-{n}"), vec![create(payload.clone())]).await.expect("created");
        let renamed = payload.with("full_name", "Lê Thị Lan").with("basis", basis("correction"));
        submit(&host, &format!("rename-{n}"), vec![change(Operation::Update, 1, renamed)]).await.expect("renamed");
        sizes.push(host.log_size().await.expect("size"));
    }
    let (mut cursor, mut tree) = (0, CompactRange::new());
    while let Some(batch) = host.changes(cursor, 3).await.expect("changes") {
        assert_eq!(batch.first_index, cursor);
        assert!((1..=3).contains(&batch.records.len()));
        for record in &batch.records {
            let statement = Statement::decode(&record.statement).expect("a statement");
            let name = record.disclosure.fields().expect("canonical").text("full_name").expect("a name").to_owned();
            assert_eq!(name == "Lê Thị Na", statement.version == 1);
            tree.append(hash_leaf(&record.statement));
        }
        cursor += batch.records.len() as u64;
        let note = String::from_utf8(batch.checkpoint.to_vec()).expect("text");
        assert!(note.starts_with(&format!("lienthong/H27/resident\n{cursor}\n")), "{note}");
    }
    assert_eq!(cursor, 10);
    assert_eq!(tree.root(), host.ledger().head().root);
    assert_eq!(host.changes(11, 3).await.expect_err("past the end").reason, Reason::CursorGone);
    host.wait_beyond(9).await.expect("there already");
}

#[tokio::test]
async fn the_same_changes_give_the_same_bytes() {
    let mut roots = Vec::new();
    for _ in 0..2 {
        let host = residents().await;
        let changes = (0..50).map(|n| create(person(&format!("0421859000{n:02}"), "Lê Thị Na", "1990"))).collect();
        host.load(changes, Timestamp::start_of(NOW)).await.expect("loaded");
        roots.push(host.ledger().head().note.clone());
    }
    assert_eq!(roots[0], roots[1]);
}

#[tokio::test]
async fn an_icelandic_letter_and_decomposed_text_are_stored_as_vietnamese() {
    let host = residents().await;
    let payload = person("042185990002", "\u{d0}a\u{323}\u{306}ng Ho\u{300}a", "1985");
    submit(&host, "request-1", vec![create(payload)]).await.expect("created");
    let stored = read(&host, Selector::All).await;
    assert_eq!(stored[0].text("full_name"), Some("Đặng H\u{f2}a"));
}

#[tokio::test]
async fn a_revoked_record_says_that_it_has_ended() {
    let host = residents().await;
    let alive = person("042185990002", "Lê Na", "1985");
    submit(&host, "request-1", vec![create(alive.clone())]).await.expect("created");
    let refused = submit(&host, "request-2", vec![change(Operation::Revoke, 1, alive.clone())]).await;
    assert_eq!(refused.expect_err("still active").violations.kept()[0].field, "changes[0].payload.status");
    let ended = alive.with("status", "cancelled").with("status_reason", "cấp lại số");
    let ended = ended.with("basis", basis("number_cancelled"));
    submit(&host, "request-3", vec![change(Operation::Revoke, 1, ended)]).await.expect("revoked");
}

#[tokio::test]
async fn a_load_cuts_batches_by_count_and_keeps_those_before_a_bad_one() {
    let (batch, at) = (LOAD_BATCH as u64, Timestamp::start_of(NOW));
    let many = |bad: Option<usize>| -> Vec<Change> {
        (0..3_000)
            .map(|n| create(person(&format!("0421859{n:05}"), if bad == Some(n) { "x 1" } else { "Lê Na" }, "1985")))
            .collect()
    };
    let host = residents().await;
    let error = host.load(many(Some(2_999)), at).await.expect_err("refused");
    assert_eq!(error.violations.total(), 1);
    assert_eq!(host.log_size().await.expect("size"), batch);
    let host = residents().await;
    assert_eq!(host.load(many(None), at).await.expect("loaded").len(), 3_000);
    let first = host.changes(0, 1).await.expect("changes").expect("a batch");
    assert_eq!(first.records.len() as u64, batch);
}

#[tokio::test]
async fn due_work_of_which_others_did_everything_writes_nothing() {
    let host = residents().await;
    assert!(host.write(Vec::new(), Origin::Due).await.expect("that is no failure").is_empty());
    assert_eq!(host.log_size().await.expect("size"), 0);
}
