//! A webhook as its agency made it, and how far its deliveries have come.

use uuid::Uuid;

use super::post::Failure;
use super::schedule;
use crate::base::{AgencyId, Date, Error, PersonalId, Reason, Result, Timestamp};
use crate::province::{ChangeFilter, Place};
use crate::registry::{Catalogue, Heading};

/// A webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Its id.
    pub id: Uuid,
    /// The name of the request that created it.
    pub request_id: String,
    /// The URL to which its events go.
    pub target: TargetText,
    /// Which changes it sends.
    pub selection: Selection,
    /// The hash of what was asked for, by which a repeated request is told from another one.
    pub asked: String,
    /// How often it was updated: deliveries begin anew with each.
    pub revision: u32,
    /// When it was created.
    pub created_at: Timestamp,
    /// Whether its events are sent.
    pub state: WebhookState,
    /// Its secrets.
    pub rotation: Rotation,
}

/// The text of a target. `Debug` hides it: a path may be a secret of the receiver's.
#[derive(Clone, PartialEq, Eq)]
pub struct TargetText(pub String);

impl std::fmt::Debug for TargetText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TargetText(…)")
    }
}

/// How often a webhook's secret was rotated, and which one signs besides the newest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rotation {
    /// How often.
    pub count: u32,
    /// The name of the last request.
    pub request_id: String,
    /// Until when the secret before signs too.
    pub previous_until: Option<Timestamp>,
}

impl Rotation {
    /// The secrets that sign at `now`, by the number of rotations before them, the newest first.
    pub(super) fn in_use(&self, now: Timestamp) -> impl Iterator<Item = u32> {
        let previous = self.previous_until.filter(|until| now < *until).and_then(|_| self.count.checked_sub(1));
        std::iter::once(self.count).chain(previous)
    }
}

/// Whether a webhook's events are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WebhookState {
    /// They are.
    Active,
    /// Not until its agency resumes it.
    Paused,
    /// The same, for a reason that came up while they were sent.
    Disabled(Disabled),
}

/// Why a webhook is disabled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disabled {
    /// The target said that it is gone.
    Gone,
    /// The agency may no longer watch.
    RightsWithdrawn,
    /// The target is no longer on the list.
    TargetNotListed,
    /// Too many events were given up.
    DeadLettersFull,
}

impl Disabled {
    const ALL: [Self; 4] = [Self::Gone, Self::RightsWithdrawn, Self::TargetNotListed, Self::DeadLettersFull];

    /// The word by which callers are told.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gone => "GONE",
            Self::RightsWithdrawn => "RIGHTS_WITHDRAWN",
            Self::TargetNotListed => "TARGET_NOT_LISTED",
            Self::DeadLettersFull => "DEAD_LETTERS_FULL",
        }
    }

    /// Reads [`Self::as_str`].
    pub(super) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == text)
    }
}

/// Which changes a webhook sends: the filter of a watch, as it was asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Only of this registry.
    pub registry: Option<String>,
    /// Only of these record types; empty: of every type.
    pub record_types: Vec<String>,
    /// Only of record types in this section of a view.
    pub heading: Option<Heading>,
    /// Only of records about this person.
    pub person: Option<PersonalId>,
    /// Only of records with an address in this commune: its code, and its first day.
    pub unit: Option<(String, Date)>,
}

impl Selection {
    /// What a filter selects.
    pub fn of(filter: ChangeFilter) -> Self {
        let ChangeFilter { registry, record_types, heading, person, commune, tells_judicial: _ } = filter;
        let unit = commune.map(|place| (place.unit_code, place.unit_valid_from));
        Self { registry, record_types, heading, person, unit }
    }

    /// The agency that owns the registry whose changes alone are selected.
    pub(super) fn owner<'a>(&self, catalogue: &'a Catalogue) -> Option<&'a str> {
        self.registry.as_ref().and_then(|name| catalogue.sector(name)).map(|sector| &*sector.agency)
    }

    /// The filter of a watch by this agency. Fails when this gateway has no such registry any more.
    pub(super) fn filter(&self, catalogue: &Catalogue, agency: &AgencyId) -> Result<ChangeFilter> {
        if self.registry.as_ref().is_some_and(|name| catalogue.sector(name).is_none()) {
            return Err(Error::new(Reason::NotFound, "the registry of a webhook is not served"));
        }
        let commune = self.unit.as_ref().map(|(code, since)| Place::of(code, Some(*since), "", *since)).transpose()?;
        Ok(ChangeFilter {
            registry: self.registry.clone(),
            record_types: self.record_types.clone(),
            heading: self.heading,
            person: self.person,
            commune,
            tells_judicial: self.owner(catalogue) == Some(agency.as_str()),
        })
    }
}

/// How far a webhook's deliveries have come.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Deliveries {
    /// Every change before this ledger index was accepted by the target, or given up.
    pub next: u64,
    /// How many events the target accepted.
    pub delivered: u64,
    /// When it last accepted one.
    pub delivered_at: Option<Timestamp>,
    /// The event that it has not accepted yet.
    pub failing: Option<Failing>,
}

/// An event that a target has not accepted yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failing {
    /// Its change's ledger index.
    pub ledger_index: u64,
    /// How often it was sent.
    pub attempts: u32,
    /// Why the last attempt failed.
    pub failure: String,
    /// When it is tried again; `None`: once the webhook is resumed.
    pub next_at: Option<Timestamp>,
}

/// What follows from a failed attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum AfterFailure {
    /// The event is tried again.
    Again(Failing),
    /// It is given up.
    GiveUp {
        /// How often it was sent.
        attempts: u32,
    },
    /// The webhook is disabled, and the event waits.
    Disable(Failing),
}

impl Deliveries {
    /// How often the event of this change was sent.
    pub(super) fn attempts(&self, ledger_index: u64) -> u32 {
        self.failing
            .as_ref()
            .filter(|failing| failing.ledger_index == ledger_index)
            .map_or(0, |failing| failing.attempts)
    }

    /// When the event of this change is to be sent; `None`: at once.
    pub(super) fn due(&self, ledger_index: u64) -> Option<Timestamp> {
        self.failing.as_ref().filter(|failing| failing.ledger_index == ledger_index)?.next_at
    }

    /// After the target accepted the event of a change.
    pub(super) fn accepted(&self, ledger_index: u64, now: Timestamp) -> Self {
        let delivered = self.delivered + 1;
        Self { next: ledger_index + 1, delivered, delivered_at: Some(now), failing: None }
    }

    /// After the event of a change was given up.
    pub(super) fn given_up(&self, ledger_index: u64) -> Self {
        Self { next: ledger_index + 1, failing: None, ..self.clone() }
    }

    /// What follows from an attempt to send the event of a change that failed at `now`.
    pub(super) fn failed(&self, event: &str, ledger_index: u64, failure: Failure, now: Timestamp) -> AfterFailure {
        let attempts = self.attempts(ledger_index) + 1;
        let failing = |next_at| Failing { ledger_index, attempts, failure: failure.to_string(), next_at };
        if failure == Failure::Gone {
            return AfterFailure::Disable(failing(None));
        }
        match schedule::pause(event, attempts, failure) {
            Some(pause) => {
                let pause_ms = i64::try_from(pause.as_millis()).unwrap_or(i64::MAX);
                AfterFailure::Again(failing(Some(now.plus_ms(pause_ms))))
            }
            None => AfterFailure::GiveUp { attempts },
        }
    }

    /// The same with an event that waits for its turn, or for the webhook, due at once.
    pub(super) fn resumed(&self) -> Self {
        let failing = self.failing.clone().map(|failing| Failing { attempts: 0, next_at: None, ..failing });
        Self { failing, ..self.clone() }
    }
}

/// An event that was given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// Its change's ledger index.
    pub ledger_index: u64,
    /// How often it was sent.
    pub attempts: u32,
    /// Why the last attempt failed.
    pub failure: String,
    /// When it was given up.
    pub given_up_at: Timestamp,
    /// Whether it is to be sent once more.
    pub is_queued: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_000_000);

    #[test]
    fn an_event_is_tried_again_until_it_is_given_up() {
        let (mut deliveries, mut attempts) = (Deliveries { next: 7, ..Deliveries::default() }, 0);
        let gone_up = loop {
            match deliveries.failed("event", 9, Failure::Timeout, NOW) {
                AfterFailure::Again(failing) => {
                    attempts += 1;
                    assert_eq!((failing.attempts, failing.ledger_index), (attempts, 9));
                    assert!(failing.next_at > Some(NOW));
                    deliveries = Deliveries { failing: Some(failing), ..deliveries };
                }
                AfterFailure::GiveUp { attempts } => break attempts,
                AfterFailure::Disable(_) => panic!("a timeout disables nothing"),
            }
        };
        assert_eq!((attempts, gone_up), (9, 10));
        assert_eq!(deliveries.next, 7, "nothing is acknowledged meanwhile");
        let after = deliveries.given_up(9);
        assert_eq!((after.next, after.delivered, after.failing), (10, 0, None));
        assert_eq!(deliveries.attempts(10), 0, "another event begins anew");
    }

    #[test]
    fn a_target_that_is_gone_disables_the_webhook_and_the_event_waits() {
        let deliveries = Deliveries { next: 3, ..Deliveries::default() };
        let AfterFailure::Disable(failing) = deliveries.failed("event", 3, Failure::Gone, NOW) else {
            panic!("it is disabled");
        };
        let resumed = Deliveries { failing: Some(failing), ..deliveries }.resumed();
        assert_eq!((resumed.next, resumed.attempts(3), resumed.due(3)), (3, 0, None));
    }

    #[test]
    fn the_secret_before_signs_until_the_overlap_is_over() {
        let rotation = Rotation { count: 2, previous_until: Some(NOW), ..Rotation::default() };
        assert_eq!(rotation.in_use(NOW.plus_ms(-1)).collect::<Vec<_>>(), [2, 1]);
        assert_eq!(rotation.in_use(NOW).collect::<Vec<_>>(), [2]);
        assert_eq!(Rotation::default().in_use(NOW).collect::<Vec<_>>(), [0]);
    }
}
