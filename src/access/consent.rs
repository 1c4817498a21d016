//! A consent: a citizen's word on who may read what, for which purpose, and until when (Law 91/2025: for each purpose,
//! verifiable; silence is not consent). A refusal is the opposite of a consent, and may cover every agency and every purpose.
//!
//! Each has an id of its own. A newer one for the same agency and purpose is another consent: it replaces the one before, and whoever
//! withdraws that one by its id ends nothing else.

use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::base::{Error, RequestId, Result, Timestamp, Violation};
use crate::registry::{Catalogue, named_types};

use super::acting::Actor;
use super::rights::Rights;

/// Means every agency, or every purpose, in a refusal.
pub const ANY: &str = "*";

const TTL_SECONDS_DEFAULT: u32 = 30 * 86_400;
const TTL_SECONDS_MAX: u32 = 366 * 86_400;

/// The state of a consent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConsentState {
    /// In force until it expires.
    Granted,
    /// The citizen withdrew it.
    Withdrawn,
    /// The citizen refused.
    Refused,
    /// It has expired.
    Expired,
    /// A newer one for the same agency and purpose replaced it.
    Replaced,
}

/// The actor and the call of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Act {
    /// Who acted.
    pub actor: Actor,
    /// The call's id; `None` if it was not recorded.
    pub request_id: Option<RequestId>,
}

/// One consent or refusal of a citizen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consent {
    /// Its id.
    pub id: Uuid,
    /// The agency's key, or [`ANY`] in a refusal.
    pub agency: String,
    /// The purpose, or [`ANY`] in a refusal.
    pub purpose: String,
    /// The record types that it covers; none in a refusal, which covers all.
    pub record_types: Vec<String>,
    /// The last recorded state: granted, refused, withdrawn or replaced. Expiry follows from the time.
    pub said: ConsentState,
    /// When it was given or refused.
    pub granted_at: Timestamp,
    /// Its expiry, not included.
    pub expires_at: Timestamp,
    /// The actor who gave or refused it.
    pub given: Act,
    /// The withdrawal or replacement, with its time and actor; `None` also if it was not recorded.
    pub ended: Option<(Timestamp, Act)>,
}

/// An event in the history of a consent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsentEvent {
    /// The state after it.
    pub state: ConsentState,
    /// Its time; `None` if it was not recorded.
    pub at: Option<Timestamp>,
    /// Its actor; `None` for an expiry, or if it was not recorded.
    pub act: Option<Act>,
}

/// The scope of a consent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// The agency's key.
    pub agency: String,
    /// The purpose.
    pub purpose: String,
    /// The record types.
    pub record_types: Vec<String>,
    /// Its duration, in milliseconds.
    pub ttl_ms: i64,
}

impl Terms {
    /// Validates a request's fields. A consent to something that nobody has a right to is refused: it would promise the citizen
    /// something that never happens.
    pub fn read(
        rights: &Rights,
        catalogue: &Catalogue,
        agency: String,
        purpose: String,
        record_types: Vec<String>,
        ttl_seconds: u32,
    ) -> Result<Self> {
        let mut bad = Vec::new();
        let is_agency = rights.agency(&agency).is_some();
        let is_purpose = rights.purpose(&purpose).is_some();
        let granted = rights.set(&agency, &purpose);
        if !is_agency {
            bad.push(rights.unknown_agency("agency", &agency));
        }
        if !is_purpose {
            bad.push(rights.unknown_purpose("purpose", &purpose));
        } else if is_agency && granted.is_none() {
            bad.push(Violation::new(
                "purpose",
                "NO_RIGHT",
                "the agency has no right to read anything for this purpose",
            ));
        }
        if record_types.is_empty() {
            bad.push(Violation::new("record_types", "COUNT", "at least one record type is required"));
        }
        for (at, of) in named_types(catalogue.record_types(), &record_types, &mut bad) {
            if granted.is_some_and(|set| set.fields(&of.name).is_none()) {
                let says = "the agency has no right to read this record type for the purpose";
                bad.push(Violation::new(format!("record_types[{at}]"), "NO_RIGHT", says));
            }
        }
        if ttl_seconds > TTL_SECONDS_MAX {
            bad.push(Violation::new("ttl_seconds", "OUT_OF_RANGE", "at most 366 days"));
        }
        if !bad.is_empty() {
            return Err(Error::invalid(bad));
        }
        let seconds = if ttl_seconds == 0 { TTL_SECONDS_DEFAULT } else { ttl_seconds };
        Ok(Self { agency, purpose, record_types, ttl_ms: i64::from(seconds) * 1_000 })
    }
}

impl Consent {
    /// A consent from `now` on.
    pub fn granted(id: Uuid, terms: Terms, given: Act, now: Timestamp) -> Self {
        Self {
            id,
            agency: terms.agency,
            purpose: terms.purpose,
            record_types: terms.record_types,
            said: ConsentState::Granted,
            granted_at: now,
            expires_at: now.plus_ms(terms.ttl_ms),
            given,
            ended: None,
        }
    }

    /// A refusal of every agency and purpose, without expiry.
    pub fn refusal_of_all(now: Timestamp) -> Self {
        Self {
            id: derived_id(ANY, ANY, now),
            agency: ANY.into(),
            purpose: ANY.into(),
            record_types: Vec::new(),
            said: ConsentState::Refused,
            granted_at: now,
            expires_at: Timestamp::MAX,
            given: Act { actor: Actor::Citizen, request_id: None },
            ended: None,
        }
    }

    /// The same, ended by the citizen; one that has ended already is unchanged.
    #[must_use]
    pub fn ended(self, said: ConsentState, act: Act, now: Timestamp) -> Self {
        match self.state(now) {
            ConsentState::Granted | ConsentState::Refused => Self { said, ended: Some((now, act)), ..self },
            _ => self,
        }
    }

    /// Its state at `now`.
    pub fn state(&self, now: Timestamp) -> ConsentState {
        match self.said {
            ConsentState::Granted | ConsentState::Refused if now >= self.expires_at => ConsentState::Expired,
            said => said,
        }
    }

    /// Its history until `now`, the oldest event first: that it was given or refused, and how it ended.
    pub fn events(&self, now: Timestamp) -> Vec<ConsentEvent> {
        let begun = if self.record_types.is_empty() { ConsentState::Refused } else { ConsentState::Granted };
        let mut events = vec![ConsentEvent { state: begun, at: Some(self.granted_at), act: Some(self.given.clone()) }];
        match self.state(now) {
            ConsentState::Granted | ConsentState::Refused => {}
            ConsentState::Expired => {
                events.push(ConsentEvent { state: ConsentState::Expired, at: Some(self.expires_at), act: None });
            }
            state => {
                let (at, act) = self.ended.clone().unzip();
                events.push(ConsentEvent { state, at, act });
            }
        }
        events
    }

    /// Whether it concerns this agency and purpose.
    pub fn concerns(&self, agency: &str, purpose: &str) -> bool {
        (self.agency == ANY || self.agency == agency) && (self.purpose == ANY || self.purpose == purpose)
    }

    /// Whether it permits the agency to read the record type for the purpose at `now`.
    pub fn permits(&self, agency: &str, purpose: &str, record_type: &str, now: Timestamp) -> bool {
        self.state(now) == ConsentState::Granted
            && self.agency == agency
            && self.purpose == purpose
            && self.record_types.iter().any(|covered| covered == record_type)
    }

    /// Whether it forbids the agency every read for the purpose at `now`.
    pub fn refuses(&self, agency: &str, purpose: &str, now: Timestamp) -> bool {
        self.state(now) == ConsentState::Refused && self.concerns(agency, purpose)
    }
}

/// The derived id of a consent without a stored one, from an earlier version or from seeding: stable, and distinct for each of a
/// citizen's.
pub(super) fn derived_id(agency: &str, purpose: &str, granted_at: Timestamp) -> Uuid {
    let hash = Sha256::digest(format!("lienthong/consent/v1\n{agency}\n{purpose}\n{}", granted_at.0));
    let mut tail = [0; 10];
    tail.copy_from_slice(&hash[..10]);
    uuid::Builder::from_unix_timestamp_millis(granted_at.0.max(0) as u64, &tail).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::rights::embedded;

    fn terms() -> Terms {
        let types = vec!["resident.person.v1".to_owned()];
        Terms { agency: "bank".into(), purpose: "bank.know_your_customer".into(), record_types: types, ttl_ms: 10 }
    }

    fn act() -> Act {
        Act { actor: Actor::Citizen, request_id: Some(RequestId(Uuid::from_u128(7))) }
    }

    #[test]
    fn a_consent_ends_with_its_time() {
        let consent = Consent::granted(Uuid::nil(), terms(), act(), Timestamp(0));
        let permits = |now| consent.permits("bank", "bank.know_your_customer", "resident.person.v1", Timestamp(now));
        assert!(permits(9) && !permits(10));
        assert_eq!(consent.state(Timestamp(10)), ConsentState::Expired);
        assert!(!consent.permits("bank", "land.transfer", "resident.person.v1", Timestamp(1)));
        assert!(!consent.permits("bank", "bank.know_your_customer", "land.parcel.v1", Timestamp(1)));
    }

    #[test]
    fn its_history_says_how_it_began_and_ended() {
        use ConsentState::{Expired, Granted, Refused, Replaced, Withdrawn};
        let consent = Consent::granted(Uuid::nil(), terms(), act(), Timestamp(0));
        let history = |consent: &Consent, now| {
            let events = consent.events(Timestamp(now)).into_iter();
            events.map(|event| (event.state, event.at.map(|at| at.0), event.act.is_some())).collect::<Vec<_>>()
        };
        assert_eq!(history(&consent, 9), [(Granted, Some(0), true)]);
        assert_eq!(history(&consent, 10), [(Granted, Some(0), true), (Expired, Some(10), false)]);
        for said in [Withdrawn, Replaced] {
            let over = consent.clone().ended(said, act(), Timestamp(5));
            assert_eq!(history(&over, 20), [(Granted, Some(0), true), (said, Some(5), true)]);
            assert_eq!(over.clone().ended(Withdrawn, act(), Timestamp(6)), over, "over already");
        }
        assert_eq!(consent.clone().ended(Withdrawn, act(), Timestamp(10)), consent, "it lapsed before");
        assert_eq!(history(&Consent::refusal_of_all(Timestamp(3)), 9), [(Refused, Some(3), true)]);
    }

    #[test]
    fn what_nobody_has_a_right_to_is_no_consents_object() {
        const KYC: &str = "bank.know_your_customer";
        type Case<'a> = (&'a str, &'a str, &'a [&'a str], &'a [(&'a str, &'a str)]);
        // agency, purpose, record types → bad fields
        let cases: [Case<'_>; 8] = [
            ("bank", KYC, &["resident.person.v1", "business.enterprise.v1"], &[]),
            ("nobody", KYC, &["resident.person.v1"], &[("agency", "UNKNOWN_VALUE")]),
            ("bank", "curiosity", &["resident.person.v1"], &[("purpose", "UNKNOWN_VALUE")]),
            ("bank", "land.transfer", &["resident.person.v1"], &[("purpose", "NO_RIGHT")]),
            ("auditor", KYC, &["resident.person.v1"], &[("purpose", "NO_RIGHT")]),
            ("bank", KYC, &["resident.person.v1", "judicial.record.v1"], &[("record_types[1]", "NO_RIGHT")]),
            (
                "bank",
                KYC,
                &["x.v1", "resident.person.v1", "resident.person.v1"],
                &[("record_types[0]", "UNKNOWN_VALUE"), ("record_types[2]", "DUPLICATE")],
            ),
            ("bank", KYC, &[], &[("record_types", "COUNT")]),
        ];
        for (agency, purpose, types, expected) in cases {
            let types = types.iter().map(|name| (*name).to_owned()).collect();
            let read = Terms::read(&embedded(), &Catalogue::built_in(), agency.into(), purpose.into(), types, 0);
            let bad = read.err().map(|error| error.violations.clone()).unwrap_or_default();
            let bad: Vec<_> = bad.kept().iter().map(|bad| (bad.field.as_str(), &*bad.rule)).collect();
            assert_eq!(bad, expected, "{agency} {purpose}");
        }
    }
}
