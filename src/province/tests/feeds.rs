//! Feeds that repeat themselves, which is no fault, and feeds that show another history, which is one.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::*;
use crate::base::watch;
use crate::registry::common::testing::basis;

/// A registry's log of so many people, entered one by one: each batch holds one.
async fn one_by_one(world: &mut World, people: &[(&str, &str)]) -> (Arc<EmbeddedRegistry>, Vec<ChangeBatch>) {
    let host = world.host_over(Arc::new(MemoryStore::new()), "resident").await;
    let mut batches = Vec::new();
    for (cursor, (number, name)) in (0..).zip(people) {
        world.submit(&host, vec![person(number, name, "1990")]).await;
        batches.push(host.changes(cursor, 10).await.expect("reads").expect("a batch"));
    }
    (host, batches)
}

/// The batch that begins at `first` and ends with the last record, under a checkpoint over `log`.
fn signed(first: usize, log: &[&ChangeBatch]) -> ChangeBatch {
    let records: Vec<_> = log.iter().flat_map(|batch| batch.records.clone()).collect();
    let mut leaves: Vec<_> = records.iter().map(|record| hash_leaf(&record.statement)).collect();
    let origin = foundation::catalogue().sector("resident").expect("a sector").log_origin();
    let head = Checkpoint { size: leaves.len() as u64, root: root_in_place(&mut leaves), origin: origin.clone() };
    let checkpoint = head.sign(&*signer(&origin)).expect("signs");
    ChangeBatch { first_index: first as u64, records: records[first..].to_vec(), checkpoint }
}

const AN_AND_OTHERS: [(&str, &str); 3] =
    [(AN, "Nguyễn Văn An"), ("042090990002", "Lê Thị Hà"), ("042090990003", "Trần Bình")];

#[tokio::test]
async fn what_a_registry_sends_again_is_passed_over() {
    let mut world = World::new();
    let (host, batches) = one_by_one(&mut world, &AN_AND_OTHERS).await;
    let [a, b, c] = [&batches[0], &batches[1], &batches[2]];
    let script = vec![a.clone(), a.clone(), b.clone(), signed(0, &[a, b]), signed(0, &[a]), signed(1, &[a, b, c])];
    let province = world.province().await;
    province.follow(Decorated::scripted(host, script)).expect("follows");
    province.wait_for("resident", 3).await.expect("accepted");
    let followed = Progress { log_size: 3, state: FeedState::Following };
    assert_eq!(province.feed_now("resident").await.expect("a feed"), (followed, Lag::default()));
    assert_eq!(province.ledger_size(), 6, "three statements, and the issuer's checkpoint behind each");
    assert_eq!(province.conflict("resident").await.expect("reads"), None);
}

#[tokio::test]
async fn a_statement_that_a_registry_logged_twice_counts_once() {
    let mut world = World::new();
    let (host, batches) = one_by_one(&mut world, &AN_AND_OTHERS[..2]).await;
    let [a, b] = [&batches[0], &batches[1]];
    let script = vec![a.clone(), signed(1, &[a, a]), signed(2, &[a, a, b, b])];
    let province = world.province().await;
    province.follow(Decorated::scripted(host, script)).expect("follows");
    province.wait_for("resident", 4).await.expect("accepted");
    assert_eq!(province.progress()["resident"].state, FeedState::Following);
    // each stands in the ledger as often as in the registry's log, so that the issuer's checkpoints can be checked …
    assert_eq!(province.ledger_size(), 4 + 3);
    let places = [0, 1, 2, 3].map(|at| province.ledger_index("resident", at));
    let places: Vec<_> = futures::future::join_all(places).await.into_iter().map(|at| at.expect("read")).collect();
    assert_eq!(places, [Some(0), Some(2), Some(4), Some(5)]);
    // … and the record is where it was first, with one status
    let view = province.person(id(AN), Audience::Operator, &Asked::now(&province, TODAY)).await.expect("a view");
    assert_eq!((view.view.sources[0].version, view.view.sources[0].ledger_index), (1, 0));
    let second =
        province.person(id("042090990002"), Audience::Operator, &Asked::now(&province, TODAY)).await.expect("a view");
    assert_eq!(second.view.sources[0].ledger_index, 4);
    let (list, _) =
        crate::province::status::read(&*world.store, foundation::catalogue().people()).await.expect("a list");
    assert_eq!(list.count(), 2);
    assert!(province.rebuild_status().await.expect("made again").is_empty());
}

#[tokio::test]
async fn a_halted_feed_says_how_far_it_is_behind() {
    let mut world = World::new();
    let (host, batches) = one_by_one(&mut world, &AN_AND_OTHERS).await;
    let forged = ChangeBatch { checkpoint: bytes::Bytes::from_static(b"forged"), ..batches[1].clone() };
    let province = world.province().await;
    province.follow(Decorated::scripted(host, vec![batches[0].clone(), forged])).expect("follows");
    province.wait_for("resident", 3).await.expect_err("halted");
    let (_, lag) = province.feed_now("resident").await.expect("a feed");
    assert_eq!((lag.changes, lag.time > Duration::ZERO), (2, true));
    assert_eq!(province.known_lag("resident").expect("a feed").changes, 2);
}

#[tokio::test]
async fn another_history_halts_one_feed_and_both_heads_are_kept() {
    let mut world = World::new();
    let (host, known) = one_by_one(&mut world, &AN_AND_OTHERS[..2]).await;
    let (_, other) = one_by_one(&mut world, &[(AN, "Nguyễn Văn Ân"), ("042090990002", "Lê Thị Hà")]).await;
    let [a, b] = [&known[0], &known[1]];
    let [x, y] = [&other[0], &other[1]];
    // the first record, changed
    let (changing, first) = one_by_one(&mut world, &AN_AND_OTHERS[..1]).await;
    assert_eq!(first[0].records, a.records);
    let (record_type, payload) = person(AN, "Nguyễn Văn An", "1990");
    let change = Change {
        record_type: record_type.into(),
        operation: Operation::Update,
        expected_version: 1,
        payload: payload.with("nationality", "LA").with("basis", basis("correction")),
        valid_from: None,
        valid_until: None,
    };
    changing.submit(Submission { request_id: "request-update".into(), changes: vec![change] }).await.expect("changed");
    let update = changing.changes(1, 10).await.expect("reads").expect("a batch");
    let resigned = |mut batch: ChangeBatch| {
        batch.first_index = 2; // as if the log went on, under the checkpoint of another tree of the same size
        batch.records.clear();
        batch
    };
    let cases = [
        ("another statement at an accepted position", Reason::SplitView, signed(0, &[x, y])),
        ("another tree of the accepted size", Reason::SplitView, resigned(signed(0, &[x, y]))),
        ("a smaller log", Reason::LogRollback, resigned(signed(0, &[a]))),
        ("a gap", Reason::LogRule, ChangeBatch { first_index: 3, ..signed(0, &[x]) }),
        ("another statement for an accepted version", Reason::Equivocation, signed(2, &[a, b, x])),
        ("an older version", Reason::OlderVersion, signed(2, &[a, &update, a])),
    ];
    for (what, expected, lie) in cases {
        world.store = Arc::new(MemoryStore::new());
        let shown = lie.checkpoint.clone();
        for start in 0..2 {
            let province = world.province().await;
            let honest = if expected == Reason::OlderVersion { &update } else { b };
            let script = if start == 0 { vec![a.clone(), honest.clone(), lie.clone()] } else { vec![lie.clone()] };
            province.follow(Decorated::scripted(host.clone(), script)).expect("follows");
            let refused = province.wait_for("resident", 3).await.expect_err(what);
            assert_eq!(refused.reason, Reason::RegistryUnavailable, "{what}");
            let progress = province.progress()["resident"].clone();
            let FeedState::Halted { reason, why } = progress.state else { panic!("{what}: {progress:?}") };
            assert_eq!((reason, progress.log_size), (expected, 2), "{what}: {why}");
            let is_kept = matches!(expected, Reason::SplitView | Reason::LogRollback);
            let heads = is_kept.then(|| (b.checkpoint.clone(), shown.clone()));
            assert_eq!(province.conflict("resident").await.expect("reads"), heads, "{what}");
            // the others go on
            let cards = world.host("health_insurance").await;
            province.follow(cards.clone()).expect("follows");
            let number = format!("421234567{start}");
            let holder = Object::new().with("personal_id", AN).with("full_name", "Nguyễn Văn An");
            world.say(&cards, &province, vec![card(&number, holder)]).await;
            assert_eq!(province.progress()["health_insurance"].state, FeedState::Following);
        }
    }
}

#[tokio::test]
async fn a_feed_whose_task_panics_halts_alone() {
    let world = World::new();
    let province = world.province().await;
    assert_eq!(province.progress()["resident"].state, FeedState::Beginning, "nobody was asked yet");
    let host = world.host("resident").await;
    province.follow(Decorated::streams(host, |_, _| panic!("a defect, made by this test"))).expect("follows");
    let mut progress = province.watch_progress("resident").expect("a feed");
    let halted = progress.wait_for(|now| matches!(now.state, FeedState::Halted { reason: Reason::Internal, .. })).await;
    drop(halted.expect("the province is there"));
    let refused = province.wait_for("resident", 1).await.expect_err("nobody follows it");
    assert_eq!(refused.reason, Reason::RegistryUnavailable);
    assert_eq!(province.progress()["vehicle"].state, FeedState::Beginning);
}

async fn is_followed(province: &Province) {
    let mut progress = province.watch_progress("resident").expect("a feed");
    progress.wait_for(|now| now.state == FeedState::Following).await.expect("the province is there");
}

#[tokio::test(start_paused = true)]
async fn a_quiet_registry_that_restarts_again_and_again_is_followed_as_soon_as_at_first() {
    let world = World::new();
    let (province, up) = (world.province().await, watch::Sender::new(true));
    province.follow(Decorated::up_while(world.host("resident").await, up.subscribe())).expect("follows");
    for restart in 0..8 {
        is_followed(&province).await;
        sleep(Duration::from_secs(60)).await;
        up.send_replace(false);
        sleep(Duration::from_millis(250)).await;
        up.send_replace(true);
        let begun = Instant::now();
        is_followed(&province).await;
        assert!(begun.elapsed() < Duration::from_millis(250), "restart {restart}: {:?}", begun.elapsed());
    }
    up.send_replace(false);
    sleep(Duration::from_secs(3_600)).await;
    up.send_replace(true);
    let begun = Instant::now();
    is_followed(&province).await;
    assert!(begun.elapsed() <= Duration::from_secs(1), "after a long pause: {:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_feed_is_behind_from_the_moment_at_which_its_registry_ceased_to_answer() {
    let mut world = World::new();
    let (province, up) = (world.province().await, watch::Sender::new(true));
    let host = world.host("resident").await;
    province.follow(Decorated::up_while(host.clone(), up.subscribe())).expect("follows");
    world.say(&host, &province, vec![person(AN, "Nguyễn Văn An", "1990")]).await;
    sleep(Duration::from_secs(3_600)).await;
    let lag = || province.known_lag("resident").expect("a feed");
    assert_eq!(lag(), Lag::default(), "quiet, and followed");
    up.send_replace(false);
    let down = Instant::now();
    world.submit(&host, vec![person("042090990002", "Lê Thị Hà", "1990")]).await;
    sleep(Duration::from_millis(1)).await;
    // However often it is asked in vain.
    for _ in 0..60 {
        let (progress, lag) = province.feed_now("resident").await.expect("a feed");
        assert!(matches!(progress.state, FeedState::Waiting(_)), "{progress:?}");
        assert!(lag.time + Duration::from_millis(5) >= down.elapsed(), "{lag:?} after {:?}", down.elapsed());
        assert!(lag.time <= down.elapsed(), "the hour of quiet does not count: {lag:?}");
        sleep(Duration::from_secs(1)).await;
    }
    up.send_replace(true);
    province.wait_for("resident", 2).await.expect("accepted");
    assert_eq!(lag(), Lag::default());
}
