//! Of the clock: jumps, stops, what is kept, and work that falls due.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::*;
use crate::base::time::FixedClock;

const NOON: Timestamp = Timestamp(1_800_000_000_000);
const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;

fn clock(folder: Option<&Path>) -> (Arc<FixedClock>, Arc<WorldClock>) {
    let machine = Arc::new(FixedClock::at(NOON));
    let clock = WorldClock::open(machine.clone(), folder).expect("opens");
    (machine, clock)
}

/// Later than everything that a jump waits for.
#[allow(clippy::disallowed_methods, reason = "a call's deadline is the machine's time")]
fn soon() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

/// Work that is due every hour from noon on, and notes when it ran.
struct Hourly {
    ran: Mutex<Vec<Timestamp>>,
    fails: AtomicUsize,
}

impl Hourly {
    fn new() -> Arc<Self> {
        Arc::new(Self { ran: Mutex::default(), fails: AtomicUsize::new(0) })
    }

    fn ran(&self) -> Vec<i64> {
        self.ran.lock().expect("whole").iter().map(|at| (at.0 - NOON.0) / HOUR_MS).collect()
    }
}

#[async_trait]
impl DueWork for Hourly {
    fn scheduled(&self) -> Vec<Scheduled> {
        vec![Scheduled { kind: HOURLY.into(), next: self.next(), count: 1 }]
    }

    fn next(&self) -> Option<Timestamp> {
        Some(self.ran.lock().expect("whole").last().unwrap_or(&NOON).plus_ms(HOUR_MS))
    }

    fn count(&self, until: Timestamp) -> u64 {
        u64::try_from((until.0 - NOON.0) / HOUR_MS).unwrap_or(0)
    }

    async fn run(&self, until: Timestamp) -> Result<Vec<Ran>> {
        if self.fails.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok() {
            return Err(Error::bug("not yet"));
        }
        let mut ran = Vec::new();
        while let Some(at) = self.next().filter(|at| *at <= until) {
            self.ran.lock().expect("whole").push(at);
            ran.push(piece(at));
        }
        Ok(ran)
    }
}

const HOURLY: &str = "test.hourly";

fn piece(at: Timestamp) -> Ran {
    Ran { kind: HOURLY.into(), at, subject: None, effect: String::new() }
}

#[tokio::test]
async fn a_clock_follows_the_machine_until_it_is_moved() {
    let (machine, clock) = clock(None);
    machine.set(NOON.plus_ms(5));
    assert_eq!(clock.now(), NOON.plus_ms(5));
    let jump = clock.advance("request-1", Target::By(HOUR_MS), soon()).await.expect("moves");
    assert_eq!((jump.before, jump.after), (NOON.plus_ms(5), NOON.plus_ms(5 + HOUR_MS)));
    machine.set(NOON.plus_ms(7));
    assert_eq!(clock.now(), NOON.plus_ms(7 + HOUR_MS), "it goes on with the machine's");
    let frozen = clock.freeze().await.expect("stops");
    machine.set(NOON.plus_ms(100));
    assert_eq!(clock.reading(), Reading { now: frozen.now, machine: NOON.plus_ms(100), is_frozen: true });
    clock.advance("request-2", Target::To(NOON.plus_ms(2 * HOUR_MS)), soon()).await.expect("moves");
    machine.set(NOON.plus_ms(200));
    assert_eq!(clock.now(), NOON.plus_ms(2 * HOUR_MS), "a clock that stands still stands still after a jump");
    clock.resume().await.expect("goes on");
    machine.set(NOON.plus_ms(201));
    assert_eq!(clock.now(), NOON.plus_ms(2 * HOUR_MS + 1), "it goes on from what it showed");
}

#[tokio::test]
async fn jumps_go_forward_and_not_too_far() {
    let (_, clock) = clock(None);
    let too_long = Target::By(JUMP_DAYS_MAX * DAY_MS + 1);
    for (target, field) in [
        (Target::By(0), "by"),
        (Target::By(-1), "by"),
        (Target::By(i64::MIN), "by"),
        (Target::By(i64::MAX), "by"),
        (too_long, "by"),
        (Target::To(NOON), "to"),
        (Target::To(Timestamp(i64::MIN)), "to"),
        (Target::To(Timestamp::MAX), "to"),
    ] {
        let refused = clock.advance("request-1", target.clone(), soon()).await.expect_err("refused");
        let violation = refused.violations.kept().iter().next().expect("a field");
        assert_eq!((violation.field.as_str(), &*violation.rule), (field, "OUT_OF_RANGE"), "{target:?}");
        assert_eq!(clock.now(), NOON, "{target:?}");
    }
    for id in ["", "short", "with a blank", &"x".repeat(65)] {
        let refused = clock.advance(id, Target::By(1), soon()).await.expect_err("refused");
        assert_eq!(refused.violations.kept().iter().next().expect("a field").field.as_str(), "request_id");
    }
    // Jump by jump, until the end of time.
    let (mut jumps, mut last) = (0, Ok(()));
    while last.is_ok() {
        jumps += 1;
        last = clock.advance(&format!("request-{jumps}"), Target::By(JUMP_DAYS_MAX * DAY_MS), soon()).await.map(drop);
    }
    assert_eq!(jumps, 18, "from 2027 on, seventeen of ten years fit");
    assert!(last.expect_err("refused").violations.kept().iter().any(|found| found.message.contains("2199")));
}

#[tokio::test]
async fn a_jump_that_is_repeated_is_made_once() {
    let folder = tempfile::tempdir().expect("folder");
    let (_, clock) = clock(Some(folder.path()));
    let first = clock.advance("request-1", Target::By(HOUR_MS), soon()).await.expect("moves");
    let check = async |clock: &WorldClock| {
        let again = clock.advance("request-1", Target::By(HOUR_MS), soon()).await.expect("told again");
        assert_eq!(again, Jump { is_repetition: true, ..first.clone() });
        let other = clock.advance("request-1", Target::By(HOUR_MS + 1), soon()).await.expect_err("refused");
        assert_eq!(other.reason, Reason::RequestIdReused);
        assert_eq!(clock.now(), NOON.plus_ms(HOUR_MS));
    };
    check(&clock).await;
    let (_, opened_again) = super::tests::clock(Some(folder.path()));
    check(&opened_again).await;
}

/// A clock that runs past its end stands there, and can be stopped, kept and found again.
#[tokio::test(start_paused = true)]
async fn a_worlds_time_ends() {
    let next_year = crate::base::Date::constant(LAST_YEAR + 1, 1, 1);
    assert_eq!(pace::END, Timestamp::start_of(next_year).plus_ms(-1));
    let folder = tempfile::tempdir().expect("folder");
    let machine = Arc::new(FixedClock::at(pace::END));
    let clock = WorldClock::open(machine.clone(), Some(folder.path())).expect("opens");
    machine.set(pace::END.plus_ms(DAY_MS));
    assert_eq!(clock.now(), pace::END);
    let never = tokio::time::timeout(Duration::from_secs(3_600), clock.sleep_until(pace::END.plus_ms(1)));
    assert!(never.await.is_err());
    clock.advance("request-1", Target::By(1), soon()).await.expect_err("there is nothing after it");
    assert_eq!(clock.freeze().await.expect("stops").now, pace::END);
    assert_eq!(WorldClock::open(machine, Some(folder.path())).expect("opens again").now(), pace::END);
}

/// A disk that takes nothing changes nothing, and is not the caller's mistake.
#[tokio::test]
async fn a_clock_that_cannot_be_kept_does_not_change() {
    let folder = tempfile::tempdir().expect("folder");
    let (_, clock) = clock(Some(folder.path()));
    std::fs::create_dir(Kept::path(folder.path())).expect("in the way");
    let refused = [
        clock.freeze().await.map(drop),
        clock.resume().await.map(drop),
        clock.advance("request-1", Target::By(HOUR_MS), soon()).await.map(drop),
    ];
    for refused in refused {
        let refused = refused.expect_err("cannot be kept");
        assert_eq!((refused.kind(), refused.reason), (crate::base::Kind::SourceDown, Reason::StorageUnavailable));
        assert!(!refused.message.contains("clock.json"), "a path of the server: {}", refused.message);
    }
    assert_eq!(clock.reading(), Reading { now: NOON, machine: NOON, is_frozen: false });
}

#[tokio::test]
async fn a_stopped_clock_is_found_again() {
    let folder = tempfile::tempdir().expect("folder");
    let (machine, clock) = clock(Some(folder.path()));
    assert_eq!(Kept::read(folder.path()).expect("reads"), None, "a clock that nobody moved leaves nothing behind");
    machine.set(NOON.plus_ms(3));
    clock.freeze().await.expect("stops");
    let (_, again) = super::tests::clock(Some(folder.path()));
    assert_eq!(again.now(), NOON.plus_ms(3));
    let pace = |pace: &str| format!(r#"{{"format":"lienthong/clock/v1","pace":{{{pace}}},"jumps":[]}}"#);
    let impossible = [
        "{}".to_owned(),
        pace(r#""flowing_ahead_ms":9223372036854775807"#),
        pace(r#""flowing_ahead_ms":-9223372036854775808"#),
        pace(r#""frozen_at_ms":253402300799999"#),
        pace(r#""frozen_at_ms":-9223372036854775808"#),
        pace(r#""frozen_at_ms":9223372036854775807"#),
    ];
    for text in impossible {
        std::fs::write(Kept::path(folder.path()), &text).expect("written");
        let refused = WorldClock::open(machine.clone(), Some(folder.path())).err().expect(&text);
        assert!(refused.message.contains("clock.json cannot be read"), "{text}: {}", refused.message);
    }
}

#[tokio::test]
async fn work_that_falls_due_in_a_jump_runs_at_its_own_times_and_once() {
    let (_, clock) = clock(None);
    let work = Hourly::new();
    clock.take_on(work.clone());
    let jump = clock.advance("request-1", Target::By(3 * HOUR_MS), soon()).await.expect("moves");
    let expected: Vec<Ran> = (1..=3).map(|hour| piece(NOON.plus_ms(hour * HOUR_MS))).collect();
    assert_eq!((&*jump.report.listed, work.ran()), (&expected, vec![1, 2, 3]));
    assert_eq!(clock.advance("request-2", Target::By(1), soon()).await.expect("moves").report.total(), 0);
    // Work that fails holds the clock back, and is done in the next jump.
    work.fails.store(1, Ordering::SeqCst);
    clock.advance("request-3", Target::By(2 * HOUR_MS), soon()).await.expect_err("fails");
    assert_eq!(clock.now(), NOON.plus_ms(4 * HOUR_MS));
    let jump = clock.advance("request-3", Target::By(2 * HOUR_MS), soon()).await.expect("moves");
    assert_eq!((jump.is_repetition, jump.after), (false, NOON.plus_ms(5 * HOUR_MS + 1)), "where it was to end");
    assert_eq!((work.ran(), clock.now()), (vec![1, 2, 3, 4, 5], jump.after));
}

/// More work than one jump runs is refused before any of it ran, with the count.
#[tokio::test]
async fn a_jump_with_too_much_work_is_refused_whole() {
    struct Endless;
    #[async_trait]
    impl DueWork for Endless {
        fn scheduled(&self) -> Vec<Scheduled> {
            vec![Scheduled { kind: HOURLY.into(), next: self.next(), count: self.count(NOON) }]
        }
        fn next(&self) -> Option<Timestamp> {
            Some(NOON.plus_ms(HOUR_MS))
        }
        fn count(&self, _: Timestamp) -> u64 {
            jump::JUMP_PIECES_MAX + 1
        }
        async fn run(&self, _: Timestamp) -> Result<Vec<Ran>> {
            panic!("nothing may run")
        }
    }
    let (_, clock) = clock(None);
    clock.take_on(Arc::new(Endless));
    let refused = clock.advance("request-1", Target::By(HOUR_MS), soon()).await.expect_err("refused");
    let violation = refused.violations.kept().iter().next().expect("a field");
    assert!(violation.message.contains("1000001") && violation.message.contains("shorter jumps"), "{violation:?}");
    assert_eq!(clock.now(), NOON);
}

#[tokio::test]
async fn the_clock_goes_to_the_next_work_and_tells_again_what_ran() {
    let folder = tempfile::tempdir().expect("folder");
    let (_, clock) = clock(Some(folder.path()));
    let none = clock.advance("request-0", Target::Next(None), soon()).await.expect_err("nothing is scheduled");
    assert_eq!(none.reason, Reason::NotFound);
    let work = Hourly::new();
    clock.take_on(work.clone());
    let unknown =
        clock.advance("request-0", Target::Next(Some("other".into())), soon()).await.expect_err("no such kind");
    assert!(unknown.violations.kept()[0].message.contains(HOURLY), "{unknown:?}");
    let next = || Target::Next(Some(HOURLY.into()));
    let first = clock.advance("request-1", next(), soon()).await.expect("moves");
    assert_eq!((first.after, first.report.total(), work.ran()), (NOON.plus_ms(HOUR_MS), 1, vec![1]));
    let again = clock.advance("request-1", next(), soon()).await.expect("told again");
    assert_eq!(again, Jump { is_repetition: true, ..first.clone() });
    clock.advance("request-2", next(), soon()).await.expect("moves");
    let counted = clock.advance("request-1", next(), soon()).await.expect("told again").report;
    assert_eq!((counted.listed.len(), &counted.counts), (0, &first.report.counts), "the last jump alone is listed");
    let (_, opened_again) = super::tests::clock(Some(folder.path()));
    assert_eq!(opened_again.advance("request-1", next(), soon()).await.expect("told again").report, counted);
}

#[tokio::test]
async fn work_runs_when_the_time_comes_by_itself() {
    let (machine, clock) = clock(None);
    let work = Hourly::new();
    clock.take_on(work.clone());
    let running = tokio::spawn(clock.clone().run());
    machine.set(NOON.plus_ms(HOUR_MS));
    while work.ran().is_empty() {
        tokio::task::yield_now().await;
    }
    assert_eq!(work.ran(), [1]);
    running.abort();
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_is_woken_by_a_jump_and_waits_while_the_clock_stands() {
    let (machine, clock) = clock(None);
    let waiting = |hours: i64| {
        let clock = clock.clone();
        tokio::spawn(async move { clock.sleep_until(NOON.plus_ms(hours * HOUR_MS)).await })
    };
    let (first, second) = (waiting(1), waiting(2));
    tokio::task::yield_now().await;
    clock.advance("request-1", Target::By(HOUR_MS), soon()).await.expect("moves");
    tokio::time::timeout(Duration::from_secs(1), first).await.expect("in time").expect("woken");
    clock.freeze().await.expect("stops");
    machine.set(NOON.plus_ms(10 * HOUR_MS));
    let mut second = second;
    assert!(tokio::time::timeout(Duration::from_secs(1), &mut second).await.is_err(), "its time has not come");
    clock.resume().await.expect("goes on");
    machine.set(NOON.plus_ms(11 * HOUR_MS));
    tokio::time::timeout(Duration::from_secs(1), second).await.expect("in time").expect("woken");
}
