//! How many calls are admitted and not answered yet: in total, and of each caller, so that nobody takes all places.
//!
//! Agencies are few, and have a count each. Citizens are many: those whose numbers fall together share one, which is still more than
//! anybody's telephone needs. Nothing here is locked: every call comes by.

use std::collections::BTreeMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::base::{AgencyId, Caller, Error, Reason, Result, limits};

/// Counts that citizens share.
const CITIZEN_COUNTS: usize = 256;

/// The calls under way.
#[derive(Debug)]
pub(super) struct UnderWay {
    total: AtomicUsize,
    agencies: BTreeMap<AgencyId, AtomicUsize>,
    /// Of all agencies that the rights gained since the start.
    gained: AtomicUsize,
    citizens: [AtomicUsize; CITIZEN_COUNTS],
    spread: RandomState,
}

/// One of them; dropping it makes room for another.
#[derive(Debug)]
pub(super) struct Place {
    of: Arc<UnderWay>,
    caller: Caller,
}

impl UnderWay {
    /// None yet, of these agencies and of citizens.
    pub(super) fn new(agencies: impl IntoIterator<Item = AgencyId>) -> Arc<Self> {
        Arc::new(Self {
            total: AtomicUsize::new(0),
            agencies: agencies.into_iter().map(|agency| (agency, AtomicUsize::new(0))).collect(),
            gained: AtomicUsize::new(0),
            citizens: [const { AtomicUsize::new(0) }; CITIZEN_COUNTS],
            spread: RandomState::new(),
        })
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.total.load(Ordering::Relaxed)
    }

    /// Begins one more. Fails with [`Overloaded`](Reason::Overloaded) when there are as many as may be, of this caller or of all.
    pub(super) fn begin(self: &Arc<Self>, caller: &Caller) -> Result<Place> {
        let max = match caller {
            Caller::Agency(_) => limits::CALLS_OF_AGENCY_MAX,
            Caller::Citizen(_) => limits::CALLS_OF_CITIZEN_MAX,
        };
        let own = self.of(caller).fetch_add(1, Ordering::Relaxed);
        let total = self.total.fetch_add(1, Ordering::Relaxed);
        let place = Place { of: self.clone(), caller: caller.clone() };
        let (message, quota) = match (own < max, total < limits::CALLS_UNDER_WAY_MAX) {
            (true, true) => return Ok(place),
            (false, _) => {
                ("as many of your calls are under way as may be: wait for answers", "calls_under_way_of_caller")
            }
            (true, false) => ("as many calls are under way as may be: repeat shortly", "calls_under_way"),
        };
        Err(Error::new(Reason::Overloaded, message).with_subject("quota", quota))
    }

    fn of(&self, caller: &Caller) -> &AtomicUsize {
        match caller {
            Caller::Agency(agency) => self.agencies.get(agency).unwrap_or(&self.gained),
            Caller::Citizen(person) => &self.citizens[self.spread.hash_one(person) as usize % CITIZEN_COUNTS],
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.of.of(&self.caller).fetch_sub(1, Ordering::Relaxed);
        self.of.total.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::PersonalId;

    #[test]
    fn a_caller_takes_its_share_and_leaves_the_rest() {
        let agency = |key: &str| AgencyId::parse(key).expect("a key");
        let under_way = UnderWay::new(["bank", "police"].map(agency));
        let (bank, police) = (Caller::Agency(agency("bank")), Caller::Agency(agency("police")));
        let citizen = Caller::Citizen(PersonalId::parse("042185990002").expect("12 digits"));
        let mut places: Vec<Place> =
            (0..limits::CALLS_OF_AGENCY_MAX).map(|_| under_way.begin(&bank).expect("within its share")).collect();
        let refused = under_way.begin(&bank).expect_err("its share is taken");
        assert_eq!((refused.reason, &*refused.subject.name), (Reason::Overloaded, "calls_under_way_of_caller"));
        assert_eq!(under_way.count(), limits::CALLS_OF_AGENCY_MAX, "who is refused holds nothing");
        places.push(under_way.begin(&police).expect("another's share"));
        let own: Vec<Place> =
            (0..limits::CALLS_OF_CITIZEN_MAX).map(|_| under_way.begin(&citizen).expect("within its share")).collect();
        under_way.begin(&citizen).expect_err("its share is taken");
        drop((places, own));
        assert_eq!(under_way.count(), 0);
        under_way.begin(&bank).expect("there is room again");
    }

    #[test]
    fn agencies_that_the_rights_gained_take_nothing_from_citizens() {
        let under_way = UnderWay::new([]);
        let gained = Caller::Agency(AgencyId::parse("university-hospital").expect("a key"));
        let _places: Vec<Place> =
            (0..limits::CALLS_OF_AGENCY_MAX).map(|_| under_way.begin(&gained).expect("within its share")).collect();
        under_way.begin(&gained).expect_err("its share is taken");
        for number in 0..4 * CITIZEN_COUNTS {
            let citizen = PersonalId::parse(&format!("042185{number:06}")).expect("12 digits");
            under_way.begin(&Caller::Citizen(citizen)).expect("room for a citizen");
        }
    }
}
