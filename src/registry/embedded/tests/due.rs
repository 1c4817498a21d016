//! The effects of time on records: by its rules, in order, once, whatever is interrupted, and the same in one run as in many.

use std::collections::BTreeMap;

use super::*;
use crate::registry::{driver_licence, stored, vehicle};
use crate::store::{Derived, Pace, Purpose};

fn world(store: &Arc<dyn Store>) -> (Arc<dyn Store>, &'static str) {
    (store.clone(), driver_licence::NAME)
}

fn licence(number: u64, points: i64) -> Object {
    let holder = Object::new()
        .with("personal_id", "042185990002")
        .with("full_name", "Nguyễn Thị Hoà")
        .with("birth_date", "1985-03-07");
    Object::new()
        .with("licence_number", format!("{number:012}"))
        .with("holder", holder)
        .with("classes", vec![Object::new().with("code", "A1").with("issued_on", "2010-01-05")])
        .with("points", points)
        .with("status", "active")
}

fn deducted(number: u64, points: i64, on: &str) -> Object {
    licence(number, points).with("points_deducted_on", on)
}

fn suspended(payload: Object, until: &str) -> Object {
    payload.with("status", "suspended").with("status_reason", "vi phạm").with("suspended_until", until)
}

fn of(record_type: &str, change: Change) -> Change {
    Change { record_type: record_type.into(), ..change }
}

fn entered(payload: Object) -> Change {
    of(driver_licence::LICENCE, create(payload))
}

fn day(text: &str) -> Timestamp {
    Timestamp::start_of(text.parse().expect("a day"))
}

/// The changes made until a day, as `rule day`.
async fn run(host: &EmbeddedRegistry, until: &str) -> Vec<String> {
    let mut ran = Vec::new();
    loop {
        let effects = host.run_due(day(until)).await.expect("runs");
        if effects.is_empty() {
            return ran;
        }
        ran.extend(effects.iter().map(|effect| {
            let rule = effect.kind.rsplit('.').next().unwrap_or_default();
            format!("{rule} {}", effect.at.date())
        }));
    }
}

/// Statement and payload of every version, in the order of the log.
async fn versions(host: &EmbeddedRegistry) -> Vec<(Statement, Object)> {
    let batch = host.changes(0, 10_000).await.expect("reads").expect("changes");
    let of = |record: &crate::trust::SignedRecord| {
        let statement = Statement::decode(&record.statement).expect("a statement");
        (statement, record.disclosure.fields().expect("canonical"))
    };
    batch.records.iter().map(of).collect()
}

/// The rows of the index are those that the records imply.
async fn agrees(store: &dyn Store) {
    let mut derived = Derived::new(store, Purpose::Check, true);
    stored::derive(&mut derived, &Catalogue::built_in(), Pace::Full, |_| {}).await.expect("reads");
    assert_eq!(derived.end().await.expect("ends").iter().collect::<Vec<_>>(), []);
}

#[tokio::test]
async fn points_come_back_and_suspensions_end_on_their_days() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let (of_store, name) = world(&store);
    let host = open(of_store, name).await;
    let changes = vec![
        entered(deducted(1, 8, "2026-03-05")),
        entered(suspended(deducted(2, 4, "2026-06-01"), "2027-01-31")),
        entered(suspended(licence(3, 0), "2027-01-31")),
        entered(licence(4, 12)),
        entered(licence(5, 3)),
    ];
    submit(&host, "request-1", changes).await.expect("entered");
    agrees(&*store).await;
    assert_eq!(host.next_due(), Some(day("2027-02-01")));
    assert_eq!(run(&host, "2027-01-31").await, [""; 0], "its last day is one of the suspension");
    let ran = run(&host, "2030-01-01").await;
    let expected = [
        "suspension_ended 2027-02-01",
        "points_restored 2027-03-05",
        "points_restored 2027-06-01",
        "points_restored 2027-11-22",
    ];
    assert_eq!(ran, expected);
    assert_eq!(run(&host, "2090-01-01").await, [""; 0], "each once");
    assert_eq!((host.next_due(), host.scheduled().iter().map(|of| of.count).sum::<u64>()), (None, 0));
    agrees(&*store).await;
    let versions = versions(&host).await;
    let (statement, restored) = &versions[6];
    assert_eq!((statement.issued_at, statement.version), (day("2027-03-05"), 2));
    assert_eq!((restored.integer("points"), restored.contains("points_deducted_on")), (Some(12), false));
    let (_, active) = &versions[5];
    assert_eq!((active.text("status"), active.integer("points")), (Some("active"), Some(4)));
    assert!(!active.contains("status_reason") && !active.contains("suspended_until"));
    assert_eq!(active.text_at("basis.authority"), Some("system"));
    // An agency might have entered the same changes: every version is legal after the one before.
    let record_type = host.sector().record_type(driver_licence::LICENCE).expect("a type");
    let mut newest: BTreeMap<RecordId, Object> = BTreeMap::new();
    for (statement, after) in versions {
        let mut violations = crate::base::Violations::default();
        let today = statement.issued_at.date();
        record_type.validate(&after, today, &"", &mut violations);
        if let Some(before) = newest.insert(statement.record_id, after.clone()) {
            let step = crate::registry::lifecycle::Step {
                before: &before,
                after: &after,
                operation: Operation::Update,
                today,
            };
            record_type.lifecycle.check(&step, &mut crate::registry::rule::Findings::new(&"", &mut violations));
        }
        assert!(violations.is_empty(), "{violations:?}");
    }
}

#[tokio::test]
async fn a_plate_that_is_kept_returns_and_is_given_to_somebody_else() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let host = open(store.clone(), vehicle::NAME).await;
    let kept = |status: &str, name: &str, id: &str| {
        let owner = Object::new().with("personal_id", id).with("full_name", name);
        Object::new()
            .with("plate", "38A-123.45")
            .with("kind", "car")
            .with("plate_colour", "white")
            .with("owner", owner)
            .with("brand", "Toyota")
            .with("model", "Vios")
            .with("chassis_number", "RLHKC1234NY012345")
            .with("colour", "Trắng")
            .with("seats", 5)
            .with("first_registered", "2019-03-05")
            .with("status", status)
    };
    let first = kept("plate_kept", "Nguyễn Thị Hoà", "042185990002").with("plate_kept_since", "2024-02-29");
    submit(&host, "request-1", vec![of(vehicle::REGISTRATION, create(first))]).await.expect("entered");
    assert_eq!(run(&host, "2029-02-27").await, [""; 0]);
    assert_eq!(run(&host, "2029-02-28").await, ["plate_returned 2029-02-28"]);
    let other = kept("active", "Lê Văn An", "042090990001").with("basis", basis("plate_assigned"));
    let change = Change { operation: Operation::Update, expected_version: 2, ..create(other) };
    submit(&host, "request-2", vec![of(vehicle::REGISTRATION, change)]).await.expect("it is nobody's");
    agrees(&*store).await;
}

/// A record is changed by a submission after its due work is read and before it is written, or earlier.
#[tokio::test]
async fn a_change_of_the_record_takes_its_work_away() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let host = open(store.clone(), driver_licence::NAME).await;
    let first = deducted(1, 8, "2026-03-05");
    submit(&host, "request-1", vec![entered(first.clone())]).await.expect("entered");
    let again = deducted(1, 6, "2026-11-20").with("basis", basis("points_deducted"));
    let change = Change { operation: Operation::Update, expected_version: 1, ..create(again) };
    submit(&host, "request-2", vec![of(driver_licence::LICENCE, change)]).await.expect("deducted");
    assert_eq!(run(&host, "2027-11-19").await, [""; 0], "the year begins anew");
    assert_eq!(run(&host, "2027-11-20").await, ["points_restored 2027-11-20"]);
    agrees(&*store).await;
}

/// Wherever the work is dropped, each change is made once.
#[tokio::test]
async fn work_that_is_cut_short_is_done_once() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let mut host = open(store.clone(), driver_licence::NAME).await;
    let changes = (1..=300).map(|number| entered(deducted(number, 8, "2026-03-05"))).collect();
    submit(&host, "request-1", changes).await.expect("entered");
    for polls in 0..40 {
        let mut work = Box::pin(host.run_due(day("2027-03-05")));
        for _ in 0..polls {
            if futures::poll!(&mut work).is_ready() {
                break;
            }
            tokio::task::yield_now().await;
        }
        drop(work);
        drop(host);
        host = open(store.clone(), driver_licence::NAME).await;
    }
    run(&host, "2027-03-05").await;
    let versions = versions(&host).await;
    assert_eq!(versions.len(), 600);
    assert!(versions[300..].iter().all(|(statement, _)| statement.version == 2));
    agrees(&*store).await;
}

/// One long run and many short ones write the same versions, byte for byte.
#[tokio::test]
async fn a_jump_at_once_is_the_same_as_in_pieces() {
    let written = async |stops: &[String]| {
        let host = open(Arc::new(MemoryStore::new()), driver_licence::NAME).await;
        let changes = (0..400).map(|number| {
            let on = format!("2026-{:02}-{:02}", 1 + number % 10, 1 + number % 28);
            let payload = deducted(number, 1 + (number % 12) as i64, &on);
            let full = payload.integer("points") == Some(12);
            let payload = if full { licence(number, 12) } else { payload };
            entered(if number % 3 == 0 {
                suspended(payload, &format!("2027-{:02}-10", 1 + number % 12))
            } else {
                payload
            })
        });
        submit(&host, "request-1", changes.collect()).await.expect("entered");
        for stop in stops {
            run(&host, stop).await;
        }
        let batch = host.changes(0, 10_000).await.expect("reads").expect("changes");
        batch.records.iter().map(|record| record.statement.clone()).collect::<Vec<_>>()
    };
    let last = "2029-01-01".to_owned();
    let once = written(std::slice::from_ref(&last)).await;
    assert!(once.len() > 800);
    let seed = Seed::root(7);
    for case in 0..8 {
        let mut draws = seed.child("case", case).draws();
        let mut stops: Vec<String> = (0..1 + draws.below(12))
            .map(|_| format!("{}-{:02}-{:02}", 2027 + draws.below(2), 1 + draws.below(12), 1 + draws.below(28)))
            .collect();
        stops.sort_unstable();
        stops.push(last.clone());
        assert_eq!(written(&stops).await, once, "{stops:?}");
    }
}

/// A store from before there were these rows, or with other rules, gets them when it is opened.
#[tokio::test]
async fn a_store_without_the_rows_gets_them() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let host = open(store.clone(), driver_licence::NAME).await;
    submit(&host, "request-1", vec![entered(deducted(1, 8, "2026-03-05"))]).await.expect("entered");
    drop(host);
    let rows = store.scan(Scan::prefix(Space::RecordIndex, b"t").limit(10)).await.expect("scans");
    let [(key, _)] = &rows[..] else { panic!("one row") };
    let mark = [b"due/", &[7][..]].concat();
    store
        .commit(Batch::new().delete(Space::RecordIndex, key.clone()).delete(Space::Meta, mark))
        .await
        .expect("commits");
    let host = open(store.clone(), driver_licence::NAME).await;
    assert_eq!(host.next_due(), Some(day("2027-03-05")));
    agrees(&*store).await;
}

#[tokio::test]
async fn a_registry_that_may_not_issue_has_no_work() {
    let host = open(Arc::new(MemoryStore::new()), driver_licence::NAME).await;
    submit(&host, "request-1", vec![entered(deducted(1, 8, "2026-03-05"))]).await.expect("entered");
    host.withdraw();
    assert_eq!((host.next_due(), host.due_days(day("2090-01-01"))), (None, Vec::new()));
    assert_eq!(host.run_due(day("2090-01-01")).await.expect_err("refused").reason, Reason::IssuerWithdrawn);
}
