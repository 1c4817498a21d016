//! A consent: a citizen's word on who may read what, for which purpose, and until when (Law 91/2025: for each purpose,
//! verifiable, silence is none). A refusal is a consent's opposite, and may be of everybody and every purpose.

use crate::base::id::{from_hex, to_hex};
use crate::base::{PersonalId, Timestamp};

/// Stands for every agency, or every purpose, in a refusal.
pub const ANY: &str = "*";

/// Where a consent stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConsentState {
    /// It holds until it expires.
    Granted,
    /// The citizen took it back.
    Withdrawn,
    /// The citizen said no.
    Refused,
    /// Its time is over.
    Expired,
}

/// One consent or refusal of a citizen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consent {
    /// The agency's key, or [`ANY`] in a refusal.
    pub agency: String,
    /// The purpose, or [`ANY`] in a refusal.
    pub purpose: String,
    /// The record types that it covers; none in a refusal, which covers all.
    pub record_types: Vec<String>,
    /// What the citizen last said: granted, withdrawn or refused. Expiry follows from the time.
    pub said: ConsentState,
    /// When it was given or refused.
    pub granted_at: Timestamp,
    /// Until when it holds, not included.
    pub expires_at: Timestamp,
}

impl Consent {
    /// A refusal of everybody, for every purpose, without end.
    pub fn refusal_of_all(now: Timestamp) -> Self {
        Self {
            agency: ANY.into(),
            purpose: ANY.into(),
            record_types: Vec::new(),
            said: ConsentState::Refused,
            granted_at: now,
            expires_at: Timestamp::MAX,
        }
    }

    /// Where it stands at `now`.
    pub fn state(&self, now: Timestamp) -> ConsentState {
        match self.said {
            ConsentState::Granted | ConsentState::Refused if now >= self.expires_at => ConsentState::Expired,
            said => said,
        }
    }

    /// Whether it is about this agency and purpose.
    pub fn concerns(&self, agency: &str, purpose: &str) -> bool {
        (self.agency == ANY || self.agency == agency) && (self.purpose == ANY || self.purpose == purpose)
    }

    /// Whether it lets the agency read the record type for the purpose at `now`.
    pub fn permits(&self, agency: &str, purpose: &str, record_type: &str, now: Timestamp) -> bool {
        self.state(now) == ConsentState::Granted
            && self.agency == agency
            && self.purpose == purpose
            && self.record_types.iter().any(|covered| covered == record_type)
    }

    /// Whether it forbids the agency everything for the purpose at `now`.
    pub fn refuses(&self, agency: &str, purpose: &str, now: Timestamp) -> bool {
        self.state(now) == ConsentState::Refused && self.concerns(agency, purpose)
    }
}

/// A consent's id for its citizen: the hexadecimal of agency and purpose, which identify it among the citizen's own.
pub fn consent_id(agency: &str, purpose: &str) -> String {
    to_hex(&subkey(agency, purpose))
}

/// Agency and purpose of a consent's id.
pub fn parse_consent_id(id: &str) -> Option<(String, String)> {
    if id.len() > 256 {
        return None;
    }
    let text = String::from_utf8(from_hex(id)?).ok()?;
    let (agency, purpose) = text.split_once('/')?;
    Some((agency.to_owned(), purpose.to_owned()))
}

/// The key of a consent's row.
pub(super) fn row_key(person: PersonalId, agency: &str, purpose: &str) -> Vec<u8> {
    [person.as_str().as_bytes(), &subkey(agency, purpose)].concat()
}

fn subkey(agency: &str, purpose: &str) -> Vec<u8> {
    [agency.as_bytes(), b"/", purpose.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_lead_back_to_agency_and_purpose() {
        let id = consent_id("bank", "bank.know_your_customer");
        assert_eq!(parse_consent_id(&id), Some(("bank".to_owned(), "bank.know_your_customer".to_owned())));
        for bad in ["", "zz", "6261", &"61".repeat(200)] {
            assert_eq!(parse_consent_id(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_consent_ends_with_its_time() {
        let consent = Consent {
            agency: "bank".into(),
            purpose: "bank.know_your_customer".into(),
            record_types: vec!["resident.person.v1".into()],
            said: ConsentState::Granted,
            granted_at: Timestamp(0),
            expires_at: Timestamp(10),
        };
        let permits = |now| consent.permits("bank", "bank.know_your_customer", "resident.person.v1", Timestamp(now));
        assert!(permits(9) && !permits(10));
        assert_eq!(consent.state(Timestamp(10)), ConsentState::Expired);
        assert!(!consent.permits("bank", "land.transfer", "resident.person.v1", Timestamp(1)));
        assert!(!consent.permits("bank", "bank.know_your_customer", "land.parcel.v1", Timestamp(1)));
    }
}
