//! Lanes: the groups of callers by which calls are counted and queued, so that no caller takes the capacity that others need.
//!
//! Agencies are few, and have a lane each. Citizens and networks are many: those whose names fall together under a hash that nobody else
//! knows share one (stochastic fairness queueing, McKenney 1990). So the number of lanes is fixed, and nobody can make more of them.

use std::collections::BTreeMap;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hash};

use crate::base::peer::Network;
use crate::base::{AgencyId, Caller};

/// Lanes of citizens.
const CITIZENS: usize = 256;
/// Lanes of networks whose strangers make up citizens; as many of networks that request public data, and of networks whose callers name citizens that
/// there are.
const NETWORKS: usize = 64;
/// The lane of all agencies that the rights gained since the start; those known at the start follow it.
const GAINED: usize = CITIZENS + 3 * NETWORKS;

/// One of the lanes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Lane(usize);

impl Lane {
    /// Its index among all lanes.
    pub(super) fn at(self) -> usize {
        self.0
    }
}

/// All lanes.
#[derive(Debug)]
pub(super) struct Lanes {
    agencies: BTreeMap<AgencyId, Lane>,
    spread: RandomState,
}

impl Lanes {
    /// Lanes of these agencies, of citizens and of networks.
    pub(super) fn new(agencies: impl IntoIterator<Item = AgencyId>) -> Self {
        let agencies = agencies.into_iter().zip(GAINED + 1..).map(|(agency, at)| (agency, Lane(at)));
        Self { agencies: agencies.collect(), spread: RandomState::new() }
    }

    /// The number of lanes.
    pub(super) fn count(&self) -> usize {
        GAINED + 1 + self.agencies.len()
    }

    /// A caller's.
    pub(super) fn of_caller(&self, caller: &Caller) -> Lane {
        match caller {
            Caller::Agency(agency) => self.agencies.get(agency).copied().unwrap_or(Lane(GAINED)),
            Caller::Citizen(person) => self.spread_over(CITIZENS, 0, person),
        }
    }

    /// Of the citizens that a network's strangers make up.
    pub(super) fn of_made_up(&self, network: Option<Network>) -> Lane {
        self.spread_over(NETWORKS, CITIZENS, network)
    }

    /// Of callers who request public data.
    pub(super) fn of_anyone(&self, network: Option<Network>) -> Lane {
        self.spread_over(NETWORKS, CITIZENS + NETWORKS, network)
    }

    /// Of citizens by credentials that anybody can write: all of a network together, who may name as many as there are.
    pub(super) fn of_demo_citizens(&self, network: Option<Network>) -> Lane {
        self.spread_over(NETWORKS, CITIZENS + 2 * NETWORKS, network)
    }

    fn spread_over(&self, lanes: usize, first: usize, name: impl Hash) -> Lane {
        Lane(first + self.spread.hash_one(name) as usize % lanes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::PersonalId;

    #[test]
    fn agencies_have_lanes_of_their_own_and_nobody_makes_more() {
        let agency = |key: &str| Caller::Agency(AgencyId::parse(key).expect("a key"));
        let lanes = Lanes::new(["bank", "police"].map(|key| AgencyId::parse(key).expect("a key")));
        let [bank, police, gained] = ["bank", "police", "clinic"].map(|key| lanes.of_caller(&agency(key)));
        assert!(bank != police && bank != gained && police != gained);
        assert_eq!(gained, lanes.of_caller(&agency("university")), "those gained since share one");
        let mut citizens = std::collections::BTreeSet::new();
        for number in 0..4 * CITIZENS {
            let citizen = PersonalId::parse(&format!("042185{number:06}")).expect("12 digits");
            let lane = lanes.of_caller(&Caller::Citizen(citizen));
            assert!(lane.at() < CITIZENS && lane.at() < lanes.count());
            citizens.insert(lane);
        }
        assert!(citizens.len() > CITIZENS / 2, "they are spread: {}", citizens.len());
        assert_ne!(lanes.of_made_up(None), lanes.of_anyone(None), "health is not behind made-up citizens");
    }
}
