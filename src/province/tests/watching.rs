//! Watching accepted changes: from any position on and as they come, by what they are about, with a position to resume from in every message.

use std::time::Duration;

use futures::Stream;

use super::*;
use crate::base::Error;

const OTHER: &str = "042090990002";

/// Reads up to the next change; the progress on the way is checked to lie behind no earlier message.
async fn change(watch: &mut (impl Stream<Item = Result<Watched, Error>> + Unpin)) -> ProvedStatement {
    let mut last = 0;
    loop {
        match watch.next().await.expect("goes on").expect("a message") {
            Watched::Change(change) => return *change,
            Watched::Progress(progress) => {
                assert!(last <= progress.ledger_index && progress.ledger_index <= progress.ledger_size);
                last = progress.ledger_index;
            }
        }
    }
}

/// The ledger indices of the changes among the ledger's present entries that pass a filter.
async fn selected(province: &Arc<Province>, filter: ChangeFilter) -> Vec<u64> {
    let pace = Pace { heartbeat: Duration::ZERO, ..Pace::default() };
    let mut watch = Box::pin(province.watch(Some(0), filter, pace).expect("watches"));
    let mut found = Vec::new();
    loop {
        match watch.next().await.expect("goes on").expect("a message") {
            Watched::Change(change) => found.push(change.ledger_index),
            Watched::Progress(WatchProgress { ledger_index, ledger_size }) if ledger_index == ledger_size => {
                return found;
            }
            Watched::Progress(_) => {}
        }
    }
}

fn holder() -> Object {
    Object::new().with("personal_id", AN).with("full_name", "Nguyễn Văn An")
}

#[tokio::test]
async fn changes_are_watched_from_any_position_and_as_they_come() {
    let mut world = World::new();
    let province = world.province().await;
    let (residents, cards) = (world.host("resident").await, world.host("health_insurance").await);
    province.follow(residents.clone()).expect("follows");
    province.follow(cards.clone()).expect("follows");
    world.say(&residents, &province, vec![person(AN, "Nguyễn Văn An", "1990")]).await;
    world.say(&cards, &province, vec![card("4212345678", holder())]).await;

    let mut all = Box::pin(province.watch(Some(0), ChangeFilter::default(), Pace::default()).expect("watches"));
    assert_eq!(change(&mut all).await.ledger_index, 0);
    let second = change(&mut all).await;
    assert_eq!((second.ledger_index, &*second.statement.schema), (2, "health_insurance.card.v1"));

    let filter = ChangeFilter { registry: Some("health_insurance".into()), ..ChangeFilter::default() };
    let mut live = Box::pin(province.watch(None, filter, Pace::default()).expect("watches"));
    // Before anything happens there is a position to resume from.
    let begun = live.next().await.expect("begins").expect("a message");
    let expected = WatchProgress { ledger_index: 4, ledger_size: 4 };
    assert!(matches!(begun, Watched::Progress(progress) if progress == expected), "{begun:?}");
    world.say(&residents, &province, vec![person(OTHER, "Lê Hà", "1991")]).await;
    world.say(&cards, &province, vec![card("4212345679", holder())]).await;
    let next = change(&mut live).await;
    assert_eq!((next.statement.issuer.as_str(), next.ledger_index), ("health_insurance", 6));

    let gone = province.watch(Some(9), ChangeFilter::default(), Pace::default()).err().expect("refused");
    assert_eq!(gone.reason, Reason::CursorGone);
}

#[tokio::test(start_paused = true)]
async fn a_quiet_watch_says_how_far_it_has_come() {
    let mut world = World::new();
    let province = world.province().await;
    let residents = world.host("resident").await;
    province.follow(residents.clone()).expect("follows");
    let filter = ChangeFilter { registry: Some("land".into()), ..ChangeFilter::default() };
    let pace = Pace { heartbeat: Duration::from_secs(20), ..Pace::default() };
    let mut watch = Box::pin(province.watch(None, filter, pace).expect("watches"));
    watch.next().await.expect("begins").expect("a message");
    world.say(&residents, &province, vec![person(AN, "Nguyễn Văn An", "1990")]).await;
    let begun = tokio::time::Instant::now();
    let quiet = watch.next().await.expect("goes on").expect("a message");
    let Watched::Progress(progress) = quiet else { panic!("{quiet:?}") };
    // The residents' change was considered: who resumes here does not read it again.
    assert_eq!((progress.ledger_index, progress.ledger_size), (2, 2));
    assert!(begun.elapsed() <= pace.heartbeat && begun.elapsed() > pace.heartbeat / 2, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_watch_whose_reader_falls_behind_ends_and_can_be_resumed() {
    let mut world = World::new();
    let province = world.province().await;
    let residents = world.host("resident").await;
    province.follow(residents.clone()).expect("follows");
    let pace = Pace { behind_max: 5, ..Pace::default() };
    let filter = ChangeFilter::default;
    let mut live = Box::pin(province.watch(None, filter(), pace).expect("watches"));
    let mut early = Box::pin(province.watch(Some(0), filter(), pace).expect("watches"));
    world.say(&residents, &province, vec![person(AN, "Nguyễn Văn An", "1990")]).await;
    change(&mut live).await;
    // It reads on, and finds nothing more: it is at the ledger's end.
    assert!(futures::poll!(live.next()).is_pending());
    let many = (10..16).map(|at| person(&format!("0420909900{at}"), "Lê Hà", "1991")).collect();
    world.say(&residents, &province, many).await;
    let behind = live.next().await.expect("an end").expect_err("it ends");
    assert_eq!(behind.reason, Reason::WatchBehind);
    assert!(live.next().await.is_none());
    // One that has never been at the end reads as it likes.
    for _ in 0..7 {
        change(&mut early).await;
    }
    let mut resumed = Box::pin(province.watch(Some(1), filter(), pace).expect("watches"));
    assert_eq!(change(&mut resumed).await.ledger_index, 2);
}

#[tokio::test]
async fn changes_are_watched_by_whom_and_where_they_are_about() {
    let mut world = World::new();
    let province = world.province().await;
    let (residents, cards) = (world.host("resident").await, world.host("health_insurance").await);
    let judicial = world.host("judicial").await;
    for registry in [&residents, &cards, &judicial] {
        province.follow(registry.clone()).expect("follows");
    }
    world.say(&residents, &province, vec![person(AN, "Nguyễn Văn An", "1990-03-14")]).await; // 0
    world.say(&residents, &province, vec![person(OTHER, "Lê Hà", "1991-01-01")]).await; // 2
    world.say(&cards, &province, vec![card("4212345678", holder())]).await; // 4
    let (record_type, moved) = person(AN, "Nguyễn Văn An", "1990-03-14");
    let moved = moved.with("permanent_residence", address("18652", "2025-07-01"));
    world.change(&residents, &province, record_type, Operation::Update, 1, moved).await; // 6

    let record = Object::new()
        .with("personal_id", AN)
        .with("full_name", "Nguyễn Văn An")
        .with("birth_date", "1990-03-14")
        .with("status", "no_conviction");
    world.say(&judicial, &province, vec![(registry::judicial::RECORD, record)]).await; // 8

    let an = PersonalId::parse(AN).expect("12 digits");
    let by = |filter: ChangeFilter| selected(&province, filter);
    let about = ChangeFilter { person: Some(an), ..ChangeFilter::default() };
    assert_eq!(by(about.clone()).await, [0, 4, 6]);
    assert_eq!(by(ChangeFilter { heading: Some(Heading::Documents), ..about.clone() }).await, [4]);
    // An operator sees that judicial records exist; only the registry's owner also sees whom they concern.
    assert_eq!(by(ChangeFilter { heading: Some(Heading::Judicial), ..ChangeFilter::default() }).await, [8]);
    assert_eq!(by(ChangeFilter { tells_judicial: true, ..about.clone() }).await, [0, 4, 6, 8]);
    let nobody = PersonalId::parse("042090990009");
    assert!(by(ChangeFilter { person: nobody, ..ChangeFilter::default() }).await.is_empty());
    let at = |code: &str| {
        let commune = Place::of(code, None, "", TODAY).expect("a commune");
        ChangeFilter { commune: Some(commune), ..ChangeFilter::default() }
    };
    // Who moves away is a change to where they lived, too.
    assert_eq!(by(at("18073")).await, [0, 2, 6]);
    assert_eq!(by(at("18652")).await, [6]);
    assert_eq!(by(ChangeFilter { person: Some(an), ..at("18652") }).await, [6]);
}

#[test]
fn a_filter_that_no_change_can_pass_names_the_fields_that_exclude_each_other() {
    let an = PersonalId::parse(AN).expect("12 digits");
    let of = |registry: &str, record_types: &[&str], heading: Option<Heading>| ChangeFilter {
        registry: Some(registry.to_owned()).filter(|name| !name.is_empty()),
        record_types: record_types.iter().map(|name| (*name).to_owned()).collect(),
        heading,
        ..ChangeFilter::default()
    };
    let about = |filter: ChangeFilter| ChangeFilter { person: Some(an), ..filter };
    let at = |filter: ChangeFilter| ChangeFilter {
        commune: Some(Place::of("18073", None, "", TODAY).expect("a commune")),
        ..filter
    };
    let told = |filter: ChangeFilter| ChangeFilter { tells_judicial: true, ..filter };
    let (card, record) = ("health_insurance.card.v1", "judicial.record.v1");
    for passes in [
        ChangeFilter::default(),
        of("resident", &[], Some(Heading::Household)),
        of("resident", &["resident.person.v1", card], None),
        of("", &[record], Some(Heading::Judicial)),
        about(of("", &[record, card], None)),
        told(about(of("judicial", &[], None))),
        at(of("land", &[], None)),
    ] {
        passes.check(&foundation::catalogue()).expect("may pass");
    }
    for (filter, field, others) in [
        (of("resident", &[card], None), "record_types", "registry"),
        (of("resident", &[], Some(Heading::Land)), "section", "registry"),
        (of("", &[card], Some(Heading::Land)), "section", "record_types"),
        (of("health_insurance", &[card], Some(Heading::Land)), "section", "registry, record_types"),
        (about(of("judicial", &[], None)), "personal_id", "registry"),
        (about(of("", &[record], Some(Heading::Judicial))), "personal_id", "record_types, section"),
        (at(of("", &[card], None)), "unit_code", "record_types"),
    ] {
        let refused = filter.check(&foundation::catalogue()).expect_err(others);
        let [bad] = refused.violations.kept() else { panic!("{refused}") };
        assert_eq!((&*bad.field, &*bad.rule), (field, "CONFLICT"), "{filter:?}");
        assert!(
            bad.message
                .contains(&format!("this {} {others} ", if bad.message.contains("judicial") { "or" } else { "and" })),
            "{bad:?}"
        );
    }
}
