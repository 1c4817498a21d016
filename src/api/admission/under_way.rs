//! Counts the calls that are admitted and whose answers are not sent yet, in total and by lane, so that no caller takes every slot. The counters are
//! atomic, because every call passes here.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::lanes::{Lane, Lanes};
use crate::base::{Caller, Error, Reason, Result, limits};

/// The calls in progress.
#[derive(Debug)]
pub(super) struct UnderWay {
    total: AtomicUsize,
    lanes: Box<[AtomicUsize]>,
}

/// The slot of one call; dropping it frees the slot.
#[derive(Debug)]
pub(super) struct CallSlot {
    of: Arc<UnderWay>,
    lane: Lane,
}

impl UnderWay {
    /// No calls yet.
    pub(super) fn new(lanes: &Lanes) -> Arc<Self> {
        let counts = std::iter::repeat_with(AtomicUsize::default).take(lanes.count());
        Arc::new(Self { total: AtomicUsize::new(0), lanes: counts.collect() })
    }

    /// The number of calls in progress.
    pub(super) fn count(&self) -> usize {
        self.total.load(Ordering::Relaxed)
    }

    /// Begins one more. Fails with [`Overloaded`](Reason::Overloaded) when there are as many as may be, of this caller or of all.
    pub(super) fn begin(self: &Arc<Self>, caller: &Caller, lane: Lane) -> Result<CallSlot> {
        let max = match caller {
            Caller::Agency(_) => limits::CALLS_OF_AGENCY_MAX,
            Caller::Citizen(_) => limits::CALLS_OF_CITIZEN_MAX,
        };
        let own = self.lanes[lane.at()].fetch_add(1, Ordering::Relaxed);
        let total = self.total.fetch_add(1, Ordering::Relaxed);
        let slot = CallSlot { of: self.clone(), lane };
        let (message, quota) = match (own < max, total < limits::CALLS_UNDER_WAY_MAX) {
            (true, true) => return Ok(slot),
            (false, _) => {
                ("too many of your calls are in progress: wait for answers first", "calls_under_way_of_caller")
            }
            (true, false) => ("too many calls are in progress: repeat shortly", "calls_under_way"),
        };
        Err(Error::new(Reason::Overloaded, message).with_subject("quota", quota))
    }
}

impl Drop for CallSlot {
    fn drop(&mut self) {
        self.of.lanes[self.lane.at()].fetch_sub(1, Ordering::Relaxed);
        self.of.total.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{AgencyId, PersonalId};

    fn agency(key: &str) -> AgencyId {
        AgencyId::parse(key).expect("a key")
    }

    #[test]
    fn a_caller_takes_its_share_and_leaves_the_rest() {
        let lanes = Lanes::new(["bank", "police"].map(agency));
        let under_way = UnderWay::new(&lanes);
        let begin = |caller: &Caller| under_way.begin(caller, lanes.of_caller(caller));
        let (bank, police) = (Caller::Agency(agency("bank")), Caller::Agency(agency("police")));
        let citizen = Caller::Citizen(PersonalId::parse("042185990002").expect("12 digits"));
        let mut slots: Vec<CallSlot> =
            (0..limits::CALLS_OF_AGENCY_MAX).map(|_| begin(&bank).expect("within its share")).collect();
        let refused = begin(&bank).expect_err("its share is taken");
        assert_eq!((refused.reason, &*refused.subject.name), (Reason::Overloaded, "calls_under_way_of_caller"));
        assert_eq!(under_way.count(), limits::CALLS_OF_AGENCY_MAX, "who is refused holds nothing");
        slots.push(begin(&police).expect("another's share"));
        let own: Vec<CallSlot> =
            (0..limits::CALLS_OF_CITIZEN_MAX).map(|_| begin(&citizen).expect("within its share")).collect();
        begin(&citizen).expect_err("its share is taken");
        drop((slots, own));
        assert_eq!(under_way.count(), 0);
        begin(&bank).expect("there is room again");
    }

    #[test]
    fn agencies_that_the_rights_gained_take_nothing_from_citizens() {
        let lanes = Lanes::new([]);
        let under_way = UnderWay::new(&lanes);
        let begin = |caller: &Caller| under_way.begin(caller, lanes.of_caller(caller));
        let gained = Caller::Agency(agency("university-hospital"));
        let _slots: Vec<CallSlot> =
            (0..limits::CALLS_OF_AGENCY_MAX).map(|_| begin(&gained).expect("within its share")).collect();
        begin(&gained).expect_err("its share is taken");
        for number in 0..1_024 {
            let citizen = PersonalId::parse(&format!("042185{number:06}")).expect("12 digits");
            begin(&Caller::Citizen(citizen)).expect("room for a citizen");
        }
    }
}
