//! The connections of strangers, in the order in which they make room for newer ones: those of the network that has the most of them first (of several, of
//! the one that was there first); among those of a network an idle one before one with calls, and the oldest.
//!
//! A full table asks for each newcomer, so the order is kept and not sought. Whether calls are in progress changes with every call, and is
//! looked at when it is asked for, of the oldest connections of a network alone.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};

use super::standing::Stranger;
use crate::base::peer::Network;

/// How many of a network's connections are looked at for an idle one: as many as a network may have by default.
const LOOKED_AT_MAX: usize = 256;

/// Connections by number, the oldest first.
type Numbers = BTreeSet<u64>;

/// A network's place among all: those with more connections are behind, and so is, of those with as many, the one with the oldest.
type Place = (usize, Reverse<u64>, Option<Network>);

/// The connections of strangers; `None` is the network of this machine, and of those of which nobody knows it yet.
#[derive(Debug, Default)]
pub(super) struct Strangers {
    of_network: HashMap<Option<Network>, Numbers>,
    networks: BTreeSet<Place>,
}

impl Strangers {
    pub(super) fn insert(&mut self, network: Option<Network>, number: u64) {
        self.change(network, |numbers| numbers.insert(number));
    }

    /// Removes a connection, if it is there.
    pub(super) fn remove(&mut self, network: Option<Network>, number: u64) {
        self.change(network, |numbers| numbers.remove(&number));
    }

    fn change(&mut self, network: Option<Network>, change: impl FnOnce(&mut Numbers) -> bool) {
        let place = |numbers: &Numbers| numbers.first().map(|oldest| (numbers.len(), Reverse(*oldest), network));
        let numbers = self.of_network.entry(network).or_default();
        let before = place(numbers);
        change(numbers);
        let after = place(numbers);
        if after.is_none() {
            self.of_network.remove(&network);
        }
        if before != after {
            if let Some(place) = before {
                self.networks.remove(&place);
            }
            self.networks.extend(after);
        }
    }

    /// The connection to close for a newer one, of any network. `state` is that of a connection; `None`: its peer is known.
    pub(super) fn first(&self, state: impl Fn(u64) -> Option<Stranger>) -> Option<u64> {
        let (_, _, network) = self.networks.last()?;
        self.first_of(*network, state)
    }

    /// The connection to close for a newer one, of this network.
    pub(super) fn first_of(&self, network: Option<Network>, state: impl Fn(u64) -> Option<Stranger>) -> Option<u64> {
        let numbers = self.of_network.get(&network)?.iter().take(LOOKED_AT_MAX);
        let mut oldest = None;
        for number in numbers {
            match state(*number) {
                Some(Stranger::Idle) => return Some(*number),
                Some(Stranger::Calling) => oldest = oldest.or(Some(*number)),
                None => {}
            }
        }
        oldest
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.of_network.is_empty() && self.networks.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(last: u8) -> Option<Network> {
        (last > 0).then(|| Network::of([192, 0, 2, last].into()))
    }

    /// The first to make room, sought among all.
    fn sought(all: &[(u64, u8)], state: impl Fn(u64) -> Option<Stranger>) -> Option<u64> {
        let of = |last: u8| all.iter().filter(move |(_, of)| *of == last);
        let place = |last: &u8| (of(*last).count(), Reverse(of(*last).map(|(number, _)| *number).min()));
        let largest = (0..4).filter(|last| of(*last).count() > 0).max_by_key(place)?;
        of(largest).filter_map(|(number, _)| Some((state(*number)?, *number))).min().map(|(_, number)| number)
    }

    #[test]
    fn the_order_that_is_kept_is_the_one_that_is_sought() {
        let (mut kept, mut all) = (Strangers::default(), Vec::new());
        let mut random = 1_u64;
        let mut draw = |below: u64| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (random >> 33) % below
        };
        let state = |number: u64| Some(if number.is_multiple_of(3) { Stranger::Idle } else { Stranger::Calling });
        for number in 0..5_000 {
            let of = draw(4) as u8;
            kept.insert(network(of), number);
            all.push((number, of));
            if draw(10) == 0 {
                // One that ends by itself, and one that gets another network.
                let (number, of) = all.swap_remove(draw(all.len() as u64) as usize);
                kept.remove(network(of), number);
            }
            if all.len() > 60 {
                let first = kept.first(state);
                assert_eq!(first, sought(&all, state), "{number}");
                let at = all.iter().position(|(number, _)| Some(*number) == first).expect("it is there");
                let (number, of) = all.swap_remove(at);
                assert_eq!(kept.first_of(network(of), state), Some(number));
                kept.remove(network(of), number);
            }
        }
        all.iter().for_each(|(number, of)| kept.remove(network(*of), *number));
        assert!(kept.is_empty());
    }

    #[test]
    fn a_newcomer_has_few_connections_looked_at_however_many_there_are() {
        let mut kept = Strangers::default();
        (0..100_000).for_each(|number| kept.insert(None, number));
        let looked = std::cell::Cell::new(0);
        let state = |_| {
            looked.set(looked.get() + 1);
            Some(Stranger::Calling)
        };
        assert_eq!(kept.first(state), Some(0));
        assert!(looked.get() <= LOOKED_AT_MAX, "{}", looked.get());
    }
}
