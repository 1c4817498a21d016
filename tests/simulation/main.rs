//! Deterministic simulation of ourselves: province, registries, witness and clients in one process, on a simulated network, disk and clock, from one
//! seed. Things go wrong by dice; checkers that know nothing of the code hold every answer to what was promised before.
//!
//! ```text
//! cargo test --test simulation                                               the gate's seeds
//! LIENTHONG_SIMULATION_SEEDS=17 cargo test --test simulation promise          one seed again
//! LIENTHONG_SIMULATION_SEEDS=1000..9000 cargo test --test simulation promise  a campaign
//! ```
//!
//! Promised is: no acknowledged change is lost; no log has two heads of one size, and none goes back; every disclosure has its evidence; what
//! registries disagree about is what the province lists; sessions never mix; one folder has one process; a redemption may be repeated; consents hold as
//! their citizen last said; who follows changes misses none and sees none twice; nothing is called missing that is damaged; what does not verify is delivered
//! to nobody; what a former key signed stays valid; and when nothing is broken any more, all of it is served.

mod audit;
mod citizen;
mod client;
mod clock;
mod dice;
mod disk;
mod facts;
mod fate;
mod faults;
mod follower;
mod heads;
mod hosts;
mod keys;
mod log;
mod machine;
mod mishaps;
mod misled;
mod network;
mod platter;
mod reader;
mod registrar;
mod run;
mod seeding;
mod side_by_side;
mod sometimes;
mod tester;
mod watcher;
mod weather;

use std::collections::BTreeSet;
use std::ops::Range;

use sometimes::Sometimes;
use weather::Habit;

/// The seeds of a gate: as many as take less than a minute.
const GATE: Range<u64> = 0..32;
/// Says which seeds instead: `17`, or `1000..9000`.
const SEEDS: &str = "LIENTHONG_SIMULATION_SEEDS";

/// The seeds that were asked for; `None`: the gate's.
fn asked() -> Option<Range<u64>> {
    let text = std::env::var(SEEDS).ok()?;
    let number =
        |text: &str| text.parse::<u64>().unwrap_or_else(|_| panic!("{SEEDS} is a number, or two with `..` between"));
    Some(match text.split_once("..") {
        Some((first, end)) => number(first)..number(end),
        None => number(&text)..number(&text) + 1,
    })
}

#[test]
fn every_promise_holds_on_every_seed() {
    let (asked, sometimes) = (asked(), Sometimes::default());
    let seeds = asked.clone().unwrap_or(GATE);
    assert!(seeds.start < seeds.end, "{SEEDS} names no seed");
    let is_one = seeds.end - seeds.start == 1;
    for seed in seeds {
        let log = run::run(seed, &sometimes, None);
        if is_one {
            println!("{}", log.text());
        }
        if let Some(failure) = log.failure("promise") {
            panic!("{failure}");
        }
    }
    println!("{}", sometimes.table());
    if asked.is_none() {
        assert_eq!(sometimes.missing(), Vec::<&str>::new(), "never met by any seed");
    }
}

#[test]
fn a_world_that_is_killed_while_it_is_seeded_becomes_the_same() {
    for seed in asked().unwrap_or(0..3) {
        if let Some(failure) = seeding::killed(seed).failure("seeded") {
            panic!("{failure}");
        }
    }
}

#[test]
fn a_registry_on_a_machine_of_its_own_loses_nothing() {
    let mut met = BTreeSet::new();
    for seed in asked().unwrap_or(0..4) {
        if let Some(failure) = hosts::apart(seed, &mut met).failure("machine_of_its_own") {
            panic!("{failure}");
        }
    }
    if asked().is_none() {
        assert_eq!(met.len(), hosts::TROUBLES.len(), "only {met:?} was met");
    }
}

#[test]
fn keys_that_change_while_the_machine_dies_lose_nothing() {
    for seed in asked().unwrap_or(0..2) {
        if let Some(failure) = keys::change(seed).failure("keys") {
            panic!("{failure}");
        }
    }
}

/// Faults of old that the environment can bring back by itself, each with the seeds within which it is found; `.ci/regressions.sh` does the same for
/// those that sit in the product.
#[test]
fn a_disk_that_hides_its_damage_is_found() {
    for (habit, seeds) in [(Habit::LosesSpacesSilently, 48), (Habit::CallsUnreadableMissing, 24)] {
        let found = (0..seeds).find_map(|seed| run::run(seed, &Sometimes::default(), Some(habit)).failure("hides"));
        println!("{}", found.unwrap_or_else(|| panic!("{habit:?} was not found within {seeds} seeds")));
    }
}

/// Nothing in a run is left to chance: neither the order in which whoever waits for one batch is woken (`base::watch`), nor that of a `select!`.
#[test]
fn a_seed_gives_the_same_log_twice() {
    for seed in asked().unwrap_or(0..4) {
        let logs = [(); 2].map(|()| run::run(seed, &Sometimes::default(), None).text());
        let other = logs[0].lines().zip(logs[1].lines()).find(|(one, other)| one != other);
        assert_eq!((other, logs[0].len()), (None, logs[1].len()), "seed {seed}");
    }
}
