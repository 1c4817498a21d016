//! A fair queue, as a rule without clocks, threads or wakers: each lane waits in order of arrival, and lanes with somebody waiting take
//! turns (round robin, as in Nagle's RFC 970). A lane with thousands waiting delays another lane by one turn.
//!
//! It measures how fast each lane moves, so that a call can be told at once that its turn comes too late.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::lanes::Lane;
use crate::base::time::Instant;

/// Over how long a lane's speed is measured: turns come free in groups, as many as shared a sync of the disk.
const WINDOW: Duration = Duration::from_millis(100);

/// The waiting calls, lane by lane.
#[derive(Debug)]
pub(super) struct FairQueue<W> {
    lanes: Box<[Waiting<W>]>,
    /// Lanes with somebody waiting, in the order of their turns.
    turns: VecDeque<Lane>,
    count: usize,
    /// Ticket numbers grow, so the lowest of a lane is its oldest.
    next_ticket: u64,
}

#[derive(Debug)]
struct Waiting<W> {
    by_ticket: BTreeMap<u64, W>,
    pace: Pace,
}

/// How fast a lane moves while somebody waits in it.
#[derive(Debug, Default)]
struct Pace {
    /// When the window began, and how many left the queue since.
    window: Option<(Instant, u32)>,
    /// The time from one to the next in the last whole window.
    interval: Option<Duration>,
    /// The same in the window before it, so that a single stall does not make the lane look slow.
    before: Option<Duration>,
}

impl Pace {
    fn note(&mut self, now: Instant) {
        let Some((began, left)) = &mut self.window else {
            self.window = Some((now, 0));
            return;
        };
        *left += 1;
        let took = now.saturating_duration_since(*began);
        if took >= WINDOW {
            self.before = self.interval;
            self.interval = Some(took / *left);
            self.window = Some((now, 0));
        }
    }
}

impl<W> FairQueue<W> {
    /// An empty queue with this many lanes.
    pub(super) fn new(lanes: usize) -> Self {
        let empty = || Waiting { by_ticket: BTreeMap::new(), pace: Pace::default() };
        Self {
            lanes: std::iter::repeat_with(empty).take(lanes).collect(),
            turns: VecDeque::new(),
            count: 0,
            next_ticket: 0,
        }
    }

    /// How many calls wait.
    pub(super) fn len(&self) -> usize {
        self.count
    }

    /// Appends `who` to a lane; returns the ticket for leaving it.
    pub(super) fn push(&mut self, lane: Lane, who: W) -> u64 {
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        let waiting = &mut self.lanes[lane.at()].by_ticket;
        if waiting.is_empty() {
            self.turns.push_back(lane);
        }
        waiting.insert(ticket, who);
        self.count += 1;
        ticket
    }

    /// Removes the next call: the oldest of the first lane, in turn order, for which `starts` says yes. A lane that cannot start keeps its turn.
    pub(super) fn next(&mut self, now: Instant, mut starts: impl FnMut(Lane) -> bool) -> Option<(Lane, W)> {
        let at = self.turns.iter().position(|lane| starts(*lane))?;
        let lane = self.turns.remove(at)?;
        let waiting = &mut self.lanes[lane.at()];
        let (_, who) = waiting.by_ticket.pop_first()?;
        self.count -= 1;
        if waiting.by_ticket.is_empty() {
            waiting.pace = Pace::default();
        } else {
            waiting.pace.note(now);
            self.turns.push_back(lane);
        }
        Some((lane, who))
    }

    /// Removes the call with this ticket before its turn; does nothing if it has left the queue.
    pub(super) fn leave(&mut self, lane: Lane, ticket: u64) {
        let waiting = &mut self.lanes[lane.at()];
        if waiting.by_ticket.remove(&ticket).is_none() {
            return;
        }
        self.count -= 1;
        if waiting.by_ticket.is_empty() {
            waiting.pace = Pace::default();
            self.turns.retain(|other| *other != lane);
        }
    }

    /// How long one more would wait in a lane; `None` while its speed is not known.
    pub(super) fn wait_in(&self, lane: Lane) -> Option<Duration> {
        let waiting = &self.lanes[lane.at()];
        let ahead = u32::try_from(waiting.by_ticket.len()).unwrap_or(u32::MAX);
        let interval = waiting.pace.interval?;
        let interval = waiting.pace.before.map_or(interval, |before| before.min(interval));
        Some(interval.saturating_mul(ahead.saturating_add(1)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::lanes::Lanes;
    use super::*;
    use crate::base::{AgencyId, Caller};

    fn lanes() -> ([Lane; 3], usize) {
        let keys = ["bank", "hospital", "police"].map(|key| AgencyId::parse(key).expect("a key"));
        let lanes = Lanes::new(keys.clone());
        (keys.map(|key| lanes.of_caller(&Caller::Agency(key))), lanes.count())
    }

    #[test]
    fn lanes_take_turns_and_each_keeps_its_order() {
        let ([bank, hospital, police], count) = lanes();
        let mut queue = FairQueue::new(count);
        let now = Instant::now();
        let tickets: Vec<u64> = (0..5).map(|at| queue.push(bank, at)).collect();
        queue.push(hospital, 10);
        queue.push(hospital, 11);
        queue.push(police, 20);
        queue.leave(bank, tickets[1]);
        queue.leave(bank, tickets[1]);
        assert_eq!(queue.len(), 7, "who left twice left once");
        let order: Vec<i32> = std::iter::from_fn(|| queue.next(now, |_| true)).map(|(_, who)| who).collect();
        assert_eq!(order, [0, 10, 20, 2, 11, 3, 4]);
        assert_eq!(queue.len(), 0);
    }

    #[test]
    fn a_lane_that_cannot_start_keeps_its_turn() {
        let ([bank, hospital, police], count) = lanes();
        let mut queue = FairQueue::new(count);
        let now = Instant::now();
        for (lane, who) in [(bank, "b1"), (bank, "b2"), (hospital, "h1"), (hospital, "h2"), (police, "p1")] {
            queue.push(lane, who);
        }
        let mut next = |held: Lane| queue.next(now, |lane| lane != held).map(|(_, who)| who);
        assert_eq!(next(bank), Some("h1"));
        assert_eq!(next(bank), Some("p1"));
        assert_eq!(next(police), Some("b1"), "it was the first to wait");
        assert_eq!(next(bank), Some("h2"));
        assert_eq!(next(bank), None);
        assert_eq!(next(police), Some("b2"));
    }

    #[test]
    fn who_leaves_last_takes_the_lane_s_turn_along() {
        let ([bank, hospital, _], count) = lanes();
        let mut queue = FairQueue::new(count);
        let now = Instant::now();
        let ticket = queue.push(bank, "b");
        queue.push(hospital, "h");
        queue.leave(bank, ticket);
        queue.push(bank, "again");
        assert_eq!(queue.next(now, |_| true), Some((hospital, "h")));
        assert_eq!(queue.next(now, |_| true), Some((bank, "again")));
        assert_eq!(queue.next(now, |_| true), None);
    }

    #[test]
    fn the_wait_in_a_lane_follows_from_how_fast_it_moves() {
        let ([bank, hospital, _], count) = lanes();
        let mut queue = FairQueue::new(count);
        let begin = Instant::now();
        for at in 0..200 {
            queue.push(bank, at);
            queue.push(hospital, at);
        }
        assert_eq!(queue.wait_in(bank), None, "nobody knows yet");
        // one in ten milliseconds of the bank's, in groups of five
        for group in 0..4 {
            let now = begin + Duration::from_millis(50) * group;
            for _ in 0..5 {
                queue.next(now, |lane| lane == bank).expect("many wait");
            }
        }
        // a window of 100 ms with the ten that left in it
        assert_eq!(queue.wait_in(bank), Some(Duration::from_millis(10) * 181));
        assert_eq!(queue.wait_in(hospital), None, "that says nothing of another lane");
        // one stall of a second, as after a slow sync: the window before still says how fast the lane is
        queue.next(begin + Duration::from_millis(1_200), |lane| lane == bank).expect("many wait");
        assert_eq!(queue.wait_in(bank), Some(Duration::from_millis(10) * 180));
        while queue.next(begin, |lane| lane == bank).is_some() {}
        assert_eq!(queue.wait_in(bank), None, "a lane that was empty is measured anew");
    }
}
