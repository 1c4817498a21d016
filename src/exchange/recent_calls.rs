//! The newest calls of every caller, in memory, for `Explain`.
//!
//! Each caller has a quota, so that a busy one never evicts another's calls; refused and answered calls have separate quotas, so that a stream of
//! answers does not evict the one refusal that somebody asks about. Agencies are few. Citizens are many: beyond a bound, those who have been idle
//! longest are forgotten. Callers whose credential was not accepted share one quota.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use crate::base::call::{EndedCall, EndedCalls};
use crate::base::client_ids::ClientRequestId;
use crate::base::{AgencyId, Caller, PersonalId, RequestId};

/// Most citizens whose calls are kept.
const CITIZENS_MAX: usize = 4_096;

/// The quota of one caller, for refused and for answered calls each.
#[derive(Debug, Clone, Copy)]
struct Room {
    calls: usize,
    bytes: usize,
}

const OF_AN_AGENCY: Room = Room { calls: 256, bytes: 1024 * 1024 };
const OF_A_CITIZEN: Room = Room { calls: 8, bytes: 4 * 1024 };
const OF_STRANGERS: Room = Room { calls: 1_024, bytes: 1024 * 1024 };

/// The newest calls of every caller.
#[derive(Debug, Default)]
pub struct RecentCalls(Mutex<Callers>);

#[derive(Debug, Default)]
struct Callers {
    agencies: BTreeMap<AgencyId, Calls>,
    citizens: HashMap<PersonalId, Calls>,
    strangers: Calls,
    /// Counter of recorded calls; orders callers by their newest call.
    recorded: u64,
}

/// The newest calls of one caller.
#[derive(Debug, Default)]
struct Calls {
    refused: Newest,
    answered: Newest,
    newest: u64,
}

#[derive(Debug, Default)]
struct Newest {
    calls: VecDeque<EndedCall>,
    bytes: usize,
}

impl RecentCalls {
    /// The call of `caller` with this id, if it is still kept.
    pub fn find(&self, caller: &Caller, request: RequestId) -> Option<EndedCall> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).of(caller)?.find(request)
    }

    /// The calls with this client id, of `owner` or, without one, of every caller; the newest first.
    pub fn named(&self, owner: Option<&Caller>, name: &ClientRequestId) -> Vec<RequestId> {
        let callers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match owner {
            Some(caller) => callers.of(caller).into_iter().flat_map(|calls| calls.named(name)).collect(),
            None => callers.all().flat_map(|calls| calls.named(name)).collect(),
        }
    }

    /// The call with this id, by any caller, if it is still kept.
    pub fn find_of_anyone(&self, request: RequestId) -> Option<EndedCall> {
        let callers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        callers.all().find_map(|calls| calls.find(request))
    }
}

impl EndedCalls for RecentCalls {
    fn record(&self, trace: EndedCall) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).record(trace);
    }
}

impl Callers {
    fn of(&self, caller: &Caller) -> Option<&Calls> {
        match caller {
            Caller::Agency(agency) => self.agencies.get(agency),
            Caller::Citizen(person) => self.citizens.get(person),
        }
    }

    fn all(&self) -> impl Iterator<Item = &Calls> {
        self.agencies.values().chain(self.citizens.values()).chain([&self.strangers])
    }

    fn record(&mut self, trace: EndedCall) {
        self.recorded += 1;
        let (calls, room) = match &trace.caller {
            Some(Caller::Agency(agency)) => (self.agencies.entry(agency.clone()).or_default(), OF_AN_AGENCY),
            Some(Caller::Citizen(person)) => {
                if self.citizens.len() >= CITIZENS_MAX && !self.citizens.contains_key(person) {
                    forget_older_half(&mut self.citizens);
                }
                (self.citizens.entry(*person).or_default(), OF_A_CITIZEN)
            }
            None => (&mut self.strangers, OF_STRANGERS),
        };
        calls.newest = self.recorded;
        let newest = if trace.is_refusal() { &mut calls.refused } else { &mut calls.answered };
        newest.keep(trace, room);
    }
}

fn forget_older_half(citizens: &mut HashMap<PersonalId, Calls>) {
    let mut ages: Vec<u64> = citizens.values().map(|calls| calls.newest).collect();
    let middle = ages.len() / 2;
    let (_, median, _) = ages.select_nth_unstable(middle);
    let median = *median;
    citizens.retain(|_, calls| calls.newest >= median);
}

impl Calls {
    fn find(&self, request: RequestId) -> Option<EndedCall> {
        self.all().find(|trace| trace.request_id == request).cloned()
    }

    fn named(&self, name: &ClientRequestId) -> Vec<RequestId> {
        // A client that asks for an explanation may send the id of the call to explain as its own.
        let is_meant = |trace: &&EndedCall| !trace.method.ends_with("/Explain");
        let is_named = |trace: &&EndedCall| trace.client_ids.request_id.as_ref() == Some(name);
        let mut named: Vec<_> = self.all().filter(is_meant).filter(is_named).collect();
        named.sort_by_key(|trace| std::cmp::Reverse(trace.request_id)); // ids begin with their time
        named.dedup_by_key(|trace| trace.request_id); // an aborted stream is recorded twice
        named.into_iter().map(|trace| trace.request_id).collect()
    }

    fn all(&self) -> impl Iterator<Item = &EndedCall> {
        self.refused.calls.iter().rev().chain(self.answered.calls.iter().rev())
    }
}

impl Newest {
    /// Adds `trace` and evicts the oldest beyond the quota.
    fn keep(&mut self, trace: EndedCall, room: Room) {
        self.bytes += bytes_of(&trace);
        self.calls.push_back(trace);
        while self.calls.len() > 1 && (self.calls.len() > room.calls || self.bytes > room.bytes) {
            let Some(oldest) = self.calls.pop_front() else { break };
            self.bytes -= bytes_of(&oldest);
        }
    }
}

/// The memory that a call takes, about, in bytes.
fn bytes_of(trace: &EndedCall) -> usize {
    let checks = trace.checks.iter().map(|check| size_of_val(check) + check.name.len() + check.detail.len());
    let named = trace.client_ids.request_id().map_or(0, str::len);
    size_of::<EndedCall>() + checks.sum::<usize>() + trace.violations.bytes() + named
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{ClientIds, Timestamp, Violations};

    fn call(number: u128, caller: Option<&Caller>, outcome: &'static str) -> EndedCall {
        EndedCall {
            request_id: RequestId(uuid::Uuid::from_u128(number)),
            client_ids: ClientIds::default(),
            method: "test",
            caller: caller.cloned(),
            called_at: Timestamp(0),
            outcome,
            checks: Vec::new(),
            violations: Violations::default(),
        }
    }

    fn id(number: u128) -> RequestId {
        RequestId(uuid::Uuid::from_u128(number))
    }

    fn agency(key: &str) -> Caller {
        Caller::Agency(AgencyId::parse(key).expect("a key"))
    }

    fn citizen(number: u64) -> Caller {
        Caller::Citizen(PersonalId::parse(&format!("{number:012}")).expect("12 digits"))
    }

    #[test]
    fn a_call_is_found_however_busy_others_are() {
        let recent = RecentCalls::default();
        let (quiet, busy, person) = (agency("hospital"), agency("one-stop"), citizen(1));
        recent.record(call(1, Some(&quiet), "RIGHT_MISSING"));
        recent.record(call(2, Some(&busy), "RIGHT_MISSING"));
        recent.record(call(3, Some(&person), "NOT_FOUND"));
        for number in 10..20_000 {
            recent.record(call(number, Some(&busy), "OK"));
            recent.record(call(number, None, "CREDENTIAL_MISSING"));
        }
        for (number, caller) in [(1, &quiet), (2, &busy), (3, &person), (19_999, &busy)] {
            assert!(recent.find(caller, id(number)).is_some(), "{number}");
            assert!(recent.find_of_anyone(id(number)).is_some(), "{number}");
        }
        assert!(recent.find(&quiet, id(2)).is_none() && recent.find(&person, id(1)).is_none(), "another's");
        assert!(recent.find(&busy, id(10)).is_none(), "too old");
    }

    #[test]
    fn a_clients_id_finds_its_own_calls_the_newest_first() {
        let recent = RecentCalls::default();
        let name = ClientRequestId::parse("job-7").expect("a plain name");
        let named = |number, caller: &Caller, outcome| {
            let client_ids = ClientIds { request_id: Some(name.clone()), ..ClientIds::default() };
            recent.record(EndedCall { client_ids, ..call(number, Some(caller), outcome) });
        };
        let (bank, police) = (agency("bank"), agency("police"));
        named(1, &bank, "OK");
        named(2, &police, "OK");
        named(3, &bank, "NOT_FOUND");
        named(1, &bank, "SHUTTING_DOWN");
        let client_ids = ClientIds { request_id: Some(name.clone()), ..ClientIds::default() };
        let method = "lienthong.exchange.v1.ExchangeService/Explain";
        recent.record(EndedCall { client_ids, method, ..call(4, Some(&bank), "OK") });
        assert_eq!(recent.named(Some(&bank), &name), [id(3), id(1)]);
        assert_eq!(recent.named(Some(&police), &name), [id(2)]);
        assert_eq!(recent.named(None, &name).len(), 3);
        assert_eq!(recent.named(Some(&citizen(1)), &name), []);
    }

    #[test]
    fn of_too_many_citizens_those_who_called_last_are_remembered() {
        let recent = RecentCalls::default();
        let count = CITIZENS_MAX as u64 * 3;
        for number in 0..count {
            recent.record(call(number.into(), Some(&citizen(number)), "OK"));
            recent.record(call(u128::from(count + number), Some(&citizen(0)), "OK"));
        }
        assert!(recent.0.lock().expect("whole").citizens.len() <= CITIZENS_MAX);
        assert!(recent.find(&citizen(count - 1), id(u128::from(count - 1))).is_some());
        assert!(recent.find(&citizen(0), id(u128::from(count * 2 - 1))).is_some());
        assert!(recent.find(&citizen(1), id(1)).is_none());
    }

    #[test]
    fn long_lists_of_bad_fields_are_bounded_for_each_caller() {
        let recent = RecentCalls::default();
        let mut violations = Violations::default();
        (0..5_000).for_each(|at| violations.add(format_args!("changes[{at}]"), "REQUIRED", "x".repeat(400)));
        for number in 0..100 {
            let one = EndedCall {
                violations: violations.clone(),
                ..call(number, Some(&agency("police")), "INVALID_REQUEST")
            };
            recent.record(one);
        }
        let found = recent.find(&agency("police"), id(99)).expect("the newest");
        assert_eq!(found.violations.total(), 5_000);
        let callers = recent.0.lock().expect("whole");
        assert!(callers.agencies.values().all(|calls| calls.refused.bytes <= OF_AN_AGENCY.bytes));
    }
}
