//! Rules of faults: which occasions a rule is about, and whose turn it is. Values; [`Rules`](super::Rules) holds those of a world.

use std::num::{NonZeroU32, NonZeroU64};
use std::time::Duration;

use super::action::{ALWAYS, Action, ReadAction};
use crate::base::{PersonalId, Timestamp};

/// A rule: what it is about, when it is its turn, and its action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// What it is about.
    pub matching: Match,
    /// Which of these occasions are its turn.
    pub turn: Turn,
    /// The action.
    pub action: Action,
}

/// What a rule is about: everything that is given must fit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Match {
    /// Calls of these methods: `package.Service/Method`, or `package.Service/*`.
    pub methods: Vec<String>,
    /// Calls of this agency; `citizen` for all citizens.
    pub agency: Option<String>,
    /// Reads from this registry, or its feed or clock.
    pub registry: Option<String>,
    /// Calls or reads that name this record type.
    pub record_type: Option<String>,
    /// Calls that name this person, or reads of their records.
    pub person: Option<PersonalId>,
    /// The log: a registry's name, `records` or `evidence`.
    pub log: Option<String>,
}

/// Which occasions that match are a rule's turn: all, unless something is given; everything that is given must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// This one only, from 1.
    pub nth: Option<NonZeroU64>,
    /// Every n-th, counted from 1: 2 is the second, the fourth and so on. Reads are counted for each registry.
    pub every: NonZeroU64,
    /// As often as a die shows: of a million.
    pub per_million: Option<u32>,
    /// From this time of the world on.
    pub from: Option<Timestamp>,
    /// Before this time of the world.
    pub until: Option<Timestamp>,
    /// At most so many at one time.
    pub active_max: Option<NonZeroU32>,
    /// At most so many in all.
    pub count_max: Option<NonZeroU64>,
    /// The rule ends by itself so long after it was added, by the machine's time.
    pub ttl: Option<Duration>,
}

impl Default for Turn {
    fn default() -> Self {
        Self {
            nth: None,
            every: ALWAYS,
            per_million: None,
            from: None,
            until: None,
            active_max: None,
            count_max: None,
            ttl: None,
        }
    }
}

impl Turn {
    /// Whether the world's time is within the window.
    pub fn is_open_at(&self, now: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= now) && self.until.is_none_or(|until| now < until)
    }

    /// Whether nothing but a window and a life is asked for: what a rule about a state can have.
    pub fn is_a_span(&self) -> bool {
        let Self { nth, every, per_million, from: _, until: _, active_max, count_max, ttl: _ } = self;
        nth.is_none() && *every == ALWAYS && per_million.is_none() && active_max.is_none() && count_max.is_none()
    }
}

impl Rule {
    /// A registry's fault when this person's records are read.
    pub fn about(person: PersonalId, every: NonZeroU64, action: ReadAction) -> Self {
        Self {
            matching: Match { person: Some(person), ..Match::default() },
            turn: Turn { every, ..Turn::default() },
            action: Action::Read(action),
        }
    }
}

impl Match {
    /// Whether a call of this method fits, as far as its name tells.
    pub(super) fn fits_method(&self, method: &str) -> bool {
        // Health and reflection only where they are named: those who watch the server and its clients ask them by themselves.
        let is_ours = self.methods.is_empty() && method.starts_with(OURS);
        is_ours || self.methods.iter().any(|wanted| names(wanted, method))
    }
}

/// The services of this API.
const OURS: &str = "lienthong.";

/// Whether `wanted`, a method or all methods of a service, is or contains `method`.
pub(super) fn names(wanted: &str, method: &str) -> bool {
    match wanted.strip_suffix('*') {
        Some(service) => service.ends_with('/') && method.starts_with(service),
        None => wanted == method,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_fit_by_name_or_by_service() {
        for (wanted, method, fits) in [
            ("a.v1.S/M", "a.v1.S/M", true),
            ("a.v1.S/M", "a.v1.S/Mm", false),
            ("a.v1.S/*", "a.v1.S/M", true),
            ("a.v1.S/*", "a.v1.Ss/M", false),
            ("*", "a.v1.S/M", false),
        ] {
            assert_eq!(names(wanted, method), fits, "{wanted} {method}");
        }
        assert!(Match::default().fits_method("lienthong.a.v1.S/M"), "no method is any of ours");
        assert!(!Match::default().fits_method("grpc.health.v1.Health/Check"));
    }

    #[test]
    fn a_window_is_half_open() {
        let turn = Turn { from: Some(Timestamp(10)), until: Some(Timestamp(20)), ..Turn::default() };
        let open: Vec<_> = [9, 10, 19, 20].map(|at| turn.is_open_at(Timestamp(at))).into();
        assert_eq!(open, [false, true, true, false]);
        assert!(turn.is_a_span());
    }
}
