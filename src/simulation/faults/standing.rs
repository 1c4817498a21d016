//! A rule that stands in a world: its name, its turns so far, and the die that decides them.

#![allow(clippy::disallowed_methods, reason = "a rule ends by the machine's time")]

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::rule::Rule;
use crate::base::time::Instant;
use crate::base::{Seed, Timestamp};

/// Where a rule comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// A persona's row in the catalogue, or a citizen who was created like one: a part of who they are.
    Persona,
    /// Somebody added it.
    Added,
}

/// A rule that stands.
#[derive(Debug)]
pub struct Standing {
    /// What it is called.
    pub id: String,
    /// The rule.
    pub rule: Rule,
    /// Where it comes from.
    pub source: Source,
    /// The seed of its die.
    die: Seed,
    ends: Option<Instant>,
    /// Occasions that matched, by lane: one for calls, one for each registry.
    matched: Mutex<HashMap<String, u64>>,
    hits: AtomicU64,
    active: AtomicU32,
}

/// How often a rule matched, acted, and acts now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Occasions that matched.
    pub matched: u64,
    /// Occasions that were its turn.
    pub hits: u64,
    /// Those that have not ended.
    pub active: u32,
}

/// One turn of a rule. It ends when it is dropped.
#[derive(Debug)]
pub struct Strike {
    /// The rule.
    pub standing: Arc<Standing>,
    /// What the die shows, for whatever the action draws.
    pub die: Seed,
}

impl Standing {
    /// A rule that stands from now on; `seed` is the world's.
    pub(super) fn new(id: String, rule: Rule, source: Source, seed: &Seed) -> Self {
        let die = seed.child(&["fault/", &id].concat(), 0);
        let ends = rule.turn.ttl.map(|ttl| Instant::now() + ttl);
        let (matched, hits, active) = (Mutex::default(), AtomicU64::new(0), AtomicU32::new(0));
        Self { id, rule, source, die, ends, matched, hits, active }
    }

    /// The same rule in another world, with nothing counted. It ends when this one does.
    pub(super) fn copy(&self) -> Self {
        let Self { id, rule, source, die, ends, .. } = self;
        let (matched, hits, active) = (Mutex::default(), AtomicU64::new(0), AtomicU32::new(0));
        Self { id: id.clone(), rule: rule.clone(), source: *source, die: *die, ends: *ends, matched, hits, active }
    }

    /// Whether its life is over.
    pub fn is_over(&self) -> bool {
        self.ends.is_some_and(|ends| ends <= Instant::now())
    }

    /// When its life is over; `None`: when somebody ends it.
    pub fn ends(&self) -> Option<Instant> {
        self.ends
    }

    /// Whether it is in force at a time of the world.
    pub fn holds(&self, now: Timestamp) -> bool {
        !self.is_over() && self.rule.turn.is_open_at(now)
    }

    /// Its counts so far.
    pub fn counts(&self) -> Counts {
        let matched = self.matched.lock().unwrap_or_else(PoisonError::into_inner).values().sum();
        Counts { matched, hits: self.hits.load(Ordering::Relaxed), active: self.active.load(Ordering::Relaxed) }
    }

    /// Counts an occasion that matches, and begins the rule's turn if it is one. Occasions outside its window don't count.
    pub fn strike(self: &Arc<Self>, lane: &str, now: Timestamp) -> Option<Strike> {
        if !self.holds(now) {
            return None;
        }
        let turn = &self.rule.turn;
        // Held until the turn is taken: two callers must not both get the last one.
        let mut matched = self.matched.lock().unwrap_or_else(PoisonError::into_inner);
        let count = match matched.get_mut(lane) {
            Some(count) => count,
            None => matched.entry(lane.to_owned()).or_default(),
        };
        *count += 1;
        let number = *count;
        let die = self.die.child(lane, number);
        let is_wanted = turn.nth.is_none_or(|nth| nth.get() == number)
            && number % turn.every.get() == 0
            && turn
                .per_million
                .is_none_or(|chance| die.child("chance", 0).draws().below(1_000_000) < u64::from(chance));
        let is_free = turn.count_max.is_none_or(|most| self.hits.load(Ordering::Relaxed) < most.get())
            && turn.active_max.is_none_or(|most| self.active.load(Ordering::Relaxed) < most.get());
        if !is_wanted || !is_free {
            return None;
        }
        self.hits.fetch_add(1, Ordering::Relaxed);
        self.active.fetch_add(1, Ordering::Relaxed);
        Some(Strike { standing: self.clone(), die })
    }
}

impl Drop for Strike {
    fn drop(&mut self) {
        self.standing.active.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::num::{NonZeroU32, NonZeroU64};
    use std::time::Duration;

    use super::super::action::{Action, CallAction};
    use super::super::rule::{Match, Turn};
    use super::*;

    const NOW: Timestamp = Timestamp(1_000);

    fn standing(id: &str, turn: Turn) -> Arc<Standing> {
        let rule = Rule { matching: Match::default(), turn, action: Action::Call(CallAction::GoAway) };
        Arc::new(Standing::new(id.into(), rule, Source::Added, &Seed::root(1)))
    }

    /// Which of ten occasions, one after another, are the rule's turn.
    fn struck(turn: Turn) -> Vec<u32> {
        let standing = standing("a", turn);
        (1..=10).filter(|_| standing.strike("", NOW).is_some()).collect()
    }

    fn number(n: u64) -> Option<NonZeroU64> {
        NonZeroU64::new(n)
    }

    #[test]
    fn turns_are_counted() {
        let all: Vec<u32> = (1..=10).collect();
        assert_eq!(struck(Turn::default()), all);
        assert_eq!(struck(Turn { nth: number(3), ..Turn::default() }), [3]);
        assert_eq!(struck(Turn { every: number(4).expect("4"), ..Turn::default() }), [4, 8]);
        assert_eq!(struck(Turn { count_max: number(2), ..Turn::default() }), [1, 2]);
        assert_eq!(struck(Turn { every: number(3).expect("3"), count_max: number(2), ..Turn::default() }), [3, 6]);
        assert_eq!(struck(Turn { per_million: Some(0), ..Turn::default() }), [0; 0]);
        assert_eq!(struck(Turn { per_million: Some(1_000_000), ..Turn::default() }), all);
        assert_eq!(struck(Turn { from: Some(Timestamp(1_001)), ..Turn::default() }), [0; 0]);
        assert_eq!(struck(Turn { ttl: Some(Duration::ZERO), ..Turn::default() }), [0; 0]);
    }

    #[test]
    fn the_die_shows_the_same_again_and_something_else_for_another_rule() {
        let turn = || Turn { per_million: Some(500_000), ..Turn::default() };
        let of = |id| {
            let standing = standing(id, turn());
            (0..200).map(|_| standing.strike("", NOW).is_some()).collect::<Vec<_>>()
        };
        assert_eq!(of("a"), of("a"));
        assert_ne!(of("a"), of("b"));
        let hits = of("a").iter().filter(|hit| **hit).count();
        assert!((70..130).contains(&hits), "{hits} of 200");
    }

    #[test]
    fn lanes_count_apart_and_a_turn_lasts_until_it_is_dropped() {
        let second = standing("a", Turn { every: number(2).expect("2"), ..Turn::default() });
        let hits: Vec<_> = ["land", "vehicle", "land", "vehicle"].map(|of| second.strike(of, NOW).is_some()).into();
        assert_eq!(hits, [false, false, true, true]);
        let one = standing("b", Turn { active_max: NonZeroU32::new(1), ..Turn::default() });
        let held = one.strike("", NOW).expect("free");
        assert!(one.strike("", NOW).is_none());
        assert_eq!(one.counts(), Counts { matched: 2, hits: 1, active: 1 });
        drop(held);
        assert!(one.strike("", NOW).is_some());
    }
}
