//! The port's contract as a test suite for adapters. A new adapter passes all of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use futures::FutureExt as _;

use super::{Batch, KEY_BYTES_MAX, Openers, Pace, Scan, Space, Store, StoreRow, VALUE_BYTES_MAX, recount};
use crate::base::{Kind, Reason, Result};

const HOME: Space = Space::Record;
const NEXT: Space = Space::RecordIndex;

/// Runs every check, each on a new empty store from `make`.
pub(super) async fn check(mut make: impl FnMut() -> Arc<dyn Store>) {
    rows_are_written_read_and_deleted(make()).await;
    spaces_are_apart(make()).await;
    later_writes_win_within_a_batch(make()).await;
    scans_keep_order_bounds_and_limit(make()).await;
    prefixes_end_where_they_should(make()).await;
    pages_join_without_gaps(make()).await;
    conditions_decide_over_the_whole_batch(make()).await;
    conditions_see_the_state_before_their_own_batch(make()).await;
    sizes_are_limited(make()).await;
    of_many_claims_to_one_key_one_succeeds(make()).await;
    counting_together_loses_nothing(make()).await;
    readers_see_whole_batches(make()).await;
    commits_of_one_caller_stay_in_order(make()).await;
    rows_are_counted(make()).await;
    keys_to_read_by_are_limited(make()).await;
    damage_is_told(make()).await;
    changes_wake_who_watches_their_space(make()).await;
}

/// Checks that commits that succeeded before the store closed are there when it opens again. Each call of `open` opens the same
/// data.
pub(super) async fn check_reopening(open: impl Fn() -> Arc<dyn Store>) {
    let large = Bytes::from(vec![7; 300_000]);
    {
        let store = open();
        store.commit(put("a", "1").put(NEXT, "n", "x").put(HOME, "large", large.clone())).await.expect("commits");
        store.commit(put("b", "2").put(HOME, "gone", "soon")).await.expect("commits");
        store.commit(Batch::new().delete(HOME, "gone")).await.expect("commits");
        let many = (0..5_000u32).fold(Batch::new(), |b, i| b.put(Space::LogEntry, i.to_be_bytes().to_vec(), "entry"));
        store.commit(many).await.expect("commits");
    }
    for round in 0..3_u64 {
        let store = open();
        assert_eq!((store.count(HOME), store.count(NEXT), store.count(Space::LogEntry)), (3 + round, 1, 5_000));
        assert_eq!(get(&store, "a").await.as_deref(), Some(&b"1"[..]), "round {round}");
        assert_eq!(get(&store, "b").await.as_deref(), Some(&b"2"[..]));
        assert_eq!(get(&store, "gone").await, None);
        assert_eq!(get(&store, "large").await, Some(large.clone()));
        assert_eq!(store.get(NEXT, b"n").await.expect("reads").as_deref(), Some(&b"x"[..]));
        let entries = store.scan(Scan::prefix(Space::LogEntry, b"")).await.expect("scans");
        assert_eq!(entries.len(), 5_000);
        // Conditions hold against rows of an earlier opener.
        conflicts(store.commit(Batch::new().require_absent(HOME, "a").put(HOME, "a", "9")).await);
        let key = format!("round {round}");
        store.commit(Batch::new().require_absent(HOME, key.clone()).put(HOME, key, "")).await.expect("commits");
    }
}

/// For adapters that several processes may open: each opener reads the others' commits, is notified of them, and is bound by
/// conditions on them. Each call of `make` returns two openers of the same empty store.
pub(super) async fn check_openers<S: Store>(make: impl Fn() -> [Arc<S>; 2]) {
    let [one, other] = make().map(|store| store as Arc<dyn Store>);
    assert_eq!((one.openers(), other.openers()), (Openers::Many, Openers::Many));
    let mut seen = other.changes(HOME);
    one.commit(put("a", "1")).await.expect("commits");
    seen.next().await.expect("is told");
    assert_eq!(get(&other, "a").await.as_deref(), Some(&b"1"[..]));
    assert_eq!(other.count(HOME), 1);
    conflicts(other.commit(put("a", "2").require_absent(HOME, "a")).await);
    other.commit(put("a", "2").require_value(HOME, "a", "1")).await.expect("commits");
    conflicts(one.commit(put("a", "3").require_value(HOME, "a", "1")).await);
    drop(one);
    assert_eq!(get(&other, "a").await.as_deref(), Some(&b"2"[..]), "rows outlive an opener");
    other.commit(put("b", "1")).await.expect("commits");
}

fn put(key: &str, value: &str) -> Batch {
    Batch::new().put(HOME, key.to_owned(), value.to_owned())
}

async fn get(store: &Arc<dyn Store>, key: &str) -> Option<Bytes> {
    store.get(HOME, key.as_bytes()).await.expect("reads")
}

async fn keys(store: &Arc<dyn Store>, scan: Scan) -> Vec<String> {
    let rows = store.scan(scan).await.expect("scans");
    rows.into_iter().map(|(key, _)| String::from_utf8_lossy(&key).into_owned()).collect()
}

fn conflicts(outcome: Result<()>) {
    let error = outcome.expect_err("a condition does not hold");
    assert_eq!(error.reason, Reason::StorageConflict);
}

async fn rows_are_written_read_and_deleted(store: Arc<dyn Store>) {
    assert_eq!(get(&store, "a").await, None);
    store.commit(put("a", "1").put(HOME, "empty", "")).await.expect("commits");
    assert_eq!(get(&store, "a").await.as_deref(), Some(&b"1"[..]));
    assert_eq!(get(&store, "empty").await.as_deref(), Some(&b""[..]), "an empty value is a value");
    store.commit(put("a", "2")).await.expect("commits");
    assert_eq!(get(&store, "a").await.as_deref(), Some(&b"2"[..]));
    let asked = [b"a".to_vec(), b"missing".to_vec(), b"empty".to_vec(), b"a".to_vec()];
    let found = store.get_many(HOME, &asked).await.expect("reads");
    assert_eq!(found, [Some("2".into()), None, Some("".into()), Some(Bytes::from("2"))]);
    store.commit(Batch::new().delete(HOME, "a").delete(HOME, "never was")).await.expect("commits");
    assert_eq!(get(&store, "a").await, None);
    store.commit(Batch::new()).await.expect("a batch of nothing is fine");
    assert_eq!(store.get_many(HOME, &[]).await.expect("reads"), []);
}

async fn spaces_are_apart(store: Arc<dyn Store>) {
    let all = Space::ALL.iter().fold(Batch::new(), |batch, space| batch.put(*space, "k", space.name()));
    store.commit(all).await.expect("commits");
    for space in Space::ALL {
        let rows = store.scan(Scan::prefix(*space, b"")).await.expect("scans");
        assert_eq!(rows, [(Bytes::from("k"), Bytes::from(space.name()))]);
        let rows = store.scan(Scan::prefix(*space, b"").reverse()).await.expect("scans");
        assert_eq!(rows.len(), 1, "{}", space.name());
    }
    store.commit(Batch::new().delete(HOME, "k")).await.expect("commits");
    assert!(store.get(NEXT, b"k").await.expect("reads").is_some());
}

async fn later_writes_win_within_a_batch(store: Arc<dyn Store>) {
    let batch = put("a", "1").delete(HOME, "a").put(HOME, "a", "2").put(HOME, "b", "1").delete(HOME, "b");
    store.commit(batch).await.expect("commits");
    assert_eq!(get(&store, "a").await.as_deref(), Some(&b"2"[..]));
    assert_eq!(get(&store, "b").await, None);
}

async fn scans_keep_order_bounds_and_limit(store: Arc<dyn Store>) {
    let batch = ["d", "a", "c", "e", "b"].iter().fold(Batch::new(), |b, key| b.put(HOME, *key, *key));
    store.commit(batch).await.expect("commits");
    let all = || Scan::prefix(HOME, b"");
    let range = || Scan::range(HOME, "b", "e");
    let cases: &[(Scan, &str)] = &[
        (all(), "abcde"),
        (all().reverse(), "edcba"),
        (all().limit(2), "ab"),
        (all().reverse().limit(2), "ed"),
        (all().limit(0), ""),
        (range(), "bcd"),
        (range().reverse(), "dcb"),
        (range().reverse().limit(1), "d"),
        (range().after("b"), "cd"),
        (range().reverse().after("d"), "cb"),
        (range().starting_at("c"), "cd"),
        (range().reverse().starting_at("c"), "cb"),
        (range().after("e"), ""),
        (Scan::range(HOME, "d", "b"), ""),
        (Scan::range(HOME, "c", "c"), ""),
        (Scan::range(HOME, "bb", "cc"), "c"),
    ];
    for (scan, expected) in cases {
        assert_eq!(keys(&store, scan.clone()).await.concat(), *expected, "{scan:?}");
    }
}

async fn prefixes_end_where_they_should(store: Arc<dyn Store>) {
    let rows: [&[u8]; 7] = [b"a", b"a\0", b"a\xff", b"a\xff\xff", b"b", b"\xff", b"\xff\xffz"];
    let batch = rows.iter().fold(Batch::new(), |batch, key| batch.put(HOME, key.to_vec(), ""));
    store.commit(batch).await.expect("commits");
    let count = async |prefix: &[u8]| store.scan(Scan::prefix(HOME, prefix)).await.expect("scans").len();
    assert_eq!(count(b"a").await, 4);
    assert_eq!(count(b"a\xff").await, 2);
    assert_eq!(count(b"\xff").await, 2);
    assert_eq!(count(b"\xff\xff").await, 1);
    assert_eq!(count(b"").await, 7);
    let last = store.scan(Scan::prefix(HOME, b"a").reverse().limit(1)).await.expect("scans");
    assert_eq!(last.first().map(|row| row.0.as_ref()), Some(&b"a\xff\xff"[..]));
}

async fn pages_join_without_gaps(store: Arc<dyn Store>) {
    let key = |i: u32| format!("row/{i:05}");
    let batch = (0..1_000).fold(put("row0", "outside"), |b, i| b.put(HOME, key(i), i.to_string()));
    store.commit(batch).await.expect("commits");
    for reverse in [false, true] {
        let whole = Scan::prefix(HOME, b"row/");
        let whole = if reverse { whole.reverse() } else { whole }.limit(64);
        let (mut joined, mut page) = (Vec::<StoreRow>::new(), whole.clone());
        loop {
            let rows = store.scan(page).await.expect("scans");
            let Some((last, _)) = rows.last() else { break };
            page = whole.clone().after(last.to_vec());
            joined.extend(rows);
        }
        let found: Vec<_> = joined.iter().map(|(key, _)| String::from_utf8_lossy(key).into_owned()).collect();
        let mut expected: Vec<_> = (0..1_000).map(key).collect();
        if reverse {
            expected.reverse();
        }
        assert_eq!(found, expected);
    }
}

async fn conditions_decide_over_the_whole_batch(store: Arc<dyn Store>) {
    store.commit(put("a", "1")).await.expect("commits");
    conflicts(store.commit(put("b", "1").require_absent(HOME, "a")).await);
    conflicts(store.commit(put("b", "1").require_value(HOME, "a", "2")).await);
    conflicts(store.commit(put("b", "1").require_value(HOME, "missing", "")).await);
    conflicts(store.commit(put("b", "1").require_value(HOME, "a", "1").require_absent(HOME, "a")).await);
    assert_eq!(get(&store, "b").await, None, "nothing of a refused batch is written");
    store.commit(put("b", "1").require_value(HOME, "a", "1").require_absent(NEXT, "a")).await.expect("commits");
    assert_eq!(get(&store, "b").await.as_deref(), Some(&b"1"[..]));
    let found = store.get(HOME, b"b").await.expect("reads");
    store.commit(put("b", "2").require(HOME, "b", found).require(HOME, "c", None)).await.expect("commits");
    // Conditions alone are a question.
    store.commit(Batch::new().require_value(HOME, "b", "2")).await.expect("holds");
    conflicts(store.commit(Batch::new().require_value(HOME, "b", "1")).await);
}

async fn conditions_see_the_state_before_their_own_batch(store: Arc<dyn Store>) {
    store.commit(put("a", "1").require_absent(HOME, "a")).await.expect("its own write does not count");
    conflicts(store.commit(put("a", "2").require_value(HOME, "a", "2")).await);
    let merged = put("b", "1").merge(Batch::new().require_absent(HOME, "b").put(HOME, "b", "2"));
    store.commit(merged).await.expect("conditions come before all writes, also after a merge");
    assert_eq!(get(&store, "b").await.as_deref(), Some(&b"2"[..]));
    store.commit(Batch::new().delete(HOME, "a").require_value(HOME, "a", "1")).await.expect("commits");
    store.commit(put("a", "3").require_absent(HOME, "a")).await.expect("deleted is absent");
}

async fn sizes_are_limited(store: Arc<dyn Store>) {
    let longest = vec![1; KEY_BYTES_MAX];
    let largest = vec![2; VALUE_BYTES_MAX];
    store.commit(Batch::new().put(HOME, longest.clone(), largest.clone())).await.expect("commits");
    assert_eq!(store.get(HOME, &longest).await.expect("reads").map(|value| value.len()), Some(VALUE_BYTES_MAX));
    let refused = [
        Batch::new().put(HOME, "", "empty key"),
        Batch::new().put(HOME, vec![1; KEY_BYTES_MAX + 1], ""),
        Batch::new().put(HOME, "k", vec![2; VALUE_BYTES_MAX + 1]),
        Batch::new().require_absent(HOME, vec![1; KEY_BYTES_MAX + 1]).put(HOME, "k", ""),
        Batch::new().delete(HOME, ""),
    ];
    for batch in refused {
        assert_eq!(store.commit(batch).await.expect_err("refused").kind(), Kind::Bug);
    }
    assert_eq!(get(&store, "k").await, None);
}

async fn rows_are_counted(store: Arc<dyn Store>) {
    assert!(Space::ALL.iter().all(|space| store.count(*space) == 0));
    store.commit(put("a", "1").put(HOME, "b", "1").put(HOME, "a", "2").put(NEXT, "a", "")).await.expect("commits");
    assert_eq!((store.count(HOME), store.count(NEXT)), (2, 1));
    // Rows that were there, that never were, and that come and go within one batch.
    let batch = put("b", "2").delete(HOME, "a").delete(HOME, "never").put(HOME, "c", "1").delete(HOME, "c");
    store.commit(batch.put(HOME, "d", "1")).await.expect("commits");
    assert_eq!(store.count(HOME), 2);
    // What is claimed or demanded is not looked up, and counts the same.
    let mut claims = Batch::new().require_absent(HOME, "e").put(HOME, "e", "1");
    claims.push_insert(HOME, "f", "1");
    claims.push_update(HOME, "f", "2");
    claims.push_update(HOME, "d", "2");
    claims.push_delete(HOME, "b");
    store.commit(claims.require_value(HOME, "d", "1")).await.expect("commits");
    assert_eq!(store.count(HOME), 3);
    conflicts(store.commit(put("g", "1").require_absent(HOME, "d")).await);
    assert_eq!(store.count(HOME), 3, "a refused batch counts nothing");
    for space in Space::ALL {
        let found = recount(&*store, *space, Pace::Full, |_| {}).await.expect("reads");
        assert!(found.agrees && found.read == store.count(*space), "{found:?}");
    }
}

async fn keys_to_read_by_are_limited(store: Arc<dyn Store>) {
    let long = vec![1; 70_000];
    let get = store.get(HOME, &long).await.expect_err("refused");
    let many = store.get_many(HOME, std::slice::from_ref(&long)).await.expect_err("refused");
    let scan = store.scan(Scan::prefix(HOME, &long)).await.expect_err("refused");
    let after = store.scan(Scan::prefix(HOME, b"a").after(long)).await.expect_err("refused");
    for error in [get, many, scan, after] {
        assert_eq!(error.kind(), Kind::Invalid, "only a request can bring such a key: {error}");
    }
}

async fn damage_is_told(store: Arc<dyn Store>) {
    let mut health = store.health();
    assert!(health.borrow_and_update().is_good());
    assert_eq!(store.damaged(NEXT, "a test").reason, Reason::StorageCorrupt);
    assert!(health.has_changed().expect("the store is open"));
    assert_eq!(health.borrow().damaged, BTreeMap::from([(NEXT, 1)]));
}

async fn changes_wake_who_watches_their_space(store: Arc<dyn Store>) {
    store.commit(put("a", "1")).await.expect("commits");
    let (mut home, mut next) = (store.changes(HOME), store.changes(NEXT));
    assert!(home.next().now_or_never().is_none(), "what was before the watch began is no news");
    store.commit(put("a", "2")).await.expect("commits");
    store.commit(put("b", "2")).await.expect("commits");
    home.next().await.expect("wakes");
    assert!(home.next().now_or_never().is_none(), "two batches, one notice");
    assert!(next.next().now_or_never().is_none(), "another space");
    conflicts(store.commit(put("a", "3").require_absent(HOME, "a")).await);
    assert!(home.next().now_or_never().is_none(), "a refused batch touched nothing");
    store.commit(Batch::new().delete(HOME, "a").put(NEXT, "n", "")).await.expect("commits");
    for mut watch in [home, next] {
        watch.next().await.expect("wakes");
    }
}

async fn of_many_claims_to_one_key_one_succeeds(store: Arc<dyn Store>) {
    let claim = |who: u32| {
        let store = store.clone();
        let mine = format!("claim/{who}");
        let batch = put("prize", &who.to_string()).require_absent(HOME, "prize").put(HOME, mine, "");
        tokio::spawn(async move { store.commit(batch).await })
    };
    let claims: Vec<_> = (0..64).map(claim).collect();
    let mut winners = Vec::new();
    for (who, claim) in claims.into_iter().enumerate() {
        match claim.await.expect("no panic") {
            Ok(()) => winners.push(who.to_string()),
            Err(error) => assert_eq!(error.reason, Reason::StorageConflict),
        }
    }
    assert_eq!(winners.len(), 1);
    assert_eq!(get(&store, "prize").await.as_deref(), Some(winners[0].as_bytes()));
    assert_eq!(keys(&store, Scan::prefix(HOME, b"claim/")).await, [format!("claim/{}", winners[0])]);
}

async fn counting_together_loses_nothing(store: Arc<dyn Store>) {
    const TASKS: u32 = 8;
    const EACH: u32 = 25;
    let count = |store: Arc<dyn Store>| async move {
        for _ in 0..EACH {
            loop {
                let found = get(&store, "count").await;
                let count: u32 = found.as_deref().map_or(0, |v| String::from_utf8_lossy(v).parse().expect("a number"));
                let batch = put("count", &(count + 1).to_string()).require(HOME, "count", found);
                match store.commit(batch).await {
                    Ok(()) => break,
                    Err(error) => assert_eq!(error.reason, Reason::StorageConflict),
                }
            }
        }
    };
    let tasks: Vec<_> = (0..TASKS).map(|_| tokio::spawn(count(store.clone()))).collect();
    for task in tasks {
        task.await.expect("no panic");
    }
    assert_eq!(get(&store, "count").await, Some(Bytes::from((TASKS * EACH).to_string())));
}

async fn readers_see_whole_batches(store: Arc<dyn Store>) {
    let every = |value: u32| (0..50).fold(Batch::new(), |b, i| b.put(HOME, format!("all/{i:02}"), value.to_string()));
    store.commit(every(0)).await.expect("commits");
    let writer = tokio::spawn({
        let store = store.clone();
        async move {
            for value in 1..=100 {
                store.commit(every(value)).await.expect("commits");
            }
        }
    });
    let asked: Vec<Vec<u8>> = (0..50).map(|i| format!("all/{i:02}").into_bytes()).collect();
    let mut last = 0;
    while last < 100 {
        let rows = store.scan(Scan::prefix(HOME, b"all/")).await.expect("scans");
        let scanned: BTreeSet<Bytes> = rows.into_iter().map(|row| row.1).collect();
        let found = store.get_many(HOME, &asked).await.expect("reads");
        let found: BTreeSet<Option<Bytes>> = found.into_iter().collect();
        assert_eq!((scanned.len(), found.len()), (1, 1), "a scan and a get_many each read one state");
        let value = scanned.first().map(|v| String::from_utf8_lossy(v).parse::<u32>().expect("a number"));
        assert!(value.is_some_and(|value| value >= last), "time does not run backwards");
        last = value.unwrap_or(last);
        tokio::task::yield_now().await;
    }
    writer.await.expect("no panic");
}

async fn commits_of_one_caller_stay_in_order(store: Arc<dyn Store>) {
    let tasks: Vec<_> = (0..16)
        .map(|task| {
            let store = store.clone();
            tokio::spawn(async move {
                let key = format!("chain/{task}");
                let mut found = None;
                for step in 0..30 {
                    let next = Bytes::from(step.to_string());
                    let batch = Batch::new().require(HOME, key.clone(), found).put(HOME, key.clone(), next.clone());
                    store.commit(batch).await.expect("nobody else writes this key");
                    assert_eq!(get(&store, &key).await, Some(next.clone()), "after Ok a read sees the batch");
                    found = Some(next);
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("no panic");
    }
}
