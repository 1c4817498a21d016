//! One call as values: who calls, its id, its deadline, its language, and the trace of checks made on its behalf. Use cases read
//! it; the API above them makes it, whatever the transport.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::{AgencyId, Error, PersonalId, Reason, RequestId, Result, Timestamp};

/// The language of an error's message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Language {
    /// The default.
    #[default]
    English,
    /// Asked for with `accept-language: vi`.
    Vietnamese,
}

impl Language {
    /// Reads an `accept-language` value (RFC 9110, section 12.5.4): Vietnamese when it comes before English.
    pub fn from_header(value: &str) -> Self {
        let first = value.split(',').map(|part| part.split(';').next().unwrap_or("").trim().to_ascii_lowercase());
        for tag in first {
            if tag == "vi" || tag.starts_with("vi-") {
                return Self::Vietnamese;
            }
            if tag == "en" || tag.starts_with("en-") {
                return Self::English;
            }
        }
        Self::English
    }
}

/// Who calls.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Caller {
    /// A system of an agency.
    Agency(AgencyId),
    /// A citizen.
    Citizen(PersonalId),
}

impl Caller {
    /// The agency's key, or `citizen`; safe for logs.
    pub fn label(&self) -> &str {
        match self {
            Self::Agency(agency) => agency.as_str(),
            Self::Citizen(_) => "citizen",
        }
    }
}

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckOutcome {
    /// It holds.
    Pass,
    /// It does not hold.
    Fail,
    /// It was not made.
    Skipped,
}

impl CheckOutcome {
    /// `pass`, `fail` or `skipped`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Skipped => "skipped",
        }
    }

    /// Reads what [`Self::as_str`] wrote.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Pass, Self::Fail, Self::Skipped].into_iter().find(|outcome| outcome.as_str() == text)
    }
}

/// One check made for a call, without personal data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallCheck {
    /// `right`, `consent`, `registry.land`, `verify.land.certificate.v1`, ….
    pub name: String,
    /// How it ended.
    pub outcome: CheckOutcome,
    /// In words.
    pub detail: String,
}

/// What is known of a call when it has ended; `Explain` gives it to the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    /// The call's id.
    pub request_id: RequestId,
    /// `lienthong.exchange.v1.ExchangeService/FetchRecords`.
    pub method: &'static str,
    /// Who called; `None` when the credential was not believed.
    pub caller: Option<Caller>,
    /// When.
    pub called_at: Timestamp,
    /// `OK`, or the reason's code.
    pub outcome: String,
    /// The checks in order.
    pub checks: Vec<CallCheck>,
}

/// Takes the traces of ended calls. Must not block.
pub trait TraceSink: Send + Sync + 'static {
    /// Keeps `trace` for `Explain`, for a bounded time.
    fn record(&self, trace: Trace);
}

/// A call under way, after authentication.
#[derive(Debug)]
pub struct Call {
    /// Its id.
    pub request_id: RequestId,
    /// Its method.
    pub method: &'static str,
    /// Who calls.
    pub caller: Caller,
    /// When it came, by the system's clock.
    pub now: Timestamp,
    /// When it must be answered.
    pub deadline: Instant,
    /// The language of its errors.
    pub language: Language,
    /// Whether the caller wants records that failed their checks, marked as such (`x-lienthong-unverified: allow`).
    pub accepts_unverified: bool,
    pub(crate) checks: Mutex<Vec<CallCheck>>,
}

#[cfg(test)]
impl Call {
    /// A call by `caller` at `now`, for tests of use cases.
    pub fn by(caller: Caller, now: Timestamp) -> Self {
        Self {
            request_id: RequestId(uuid::Uuid::nil()),
            method: "test",
            caller,
            now,
            deadline: Instant::now() + Duration::from_secs(10),
            language: Language::default(),
            accepts_unverified: false,
            checks: Mutex::default(),
        }
    }
}

impl Call {
    /// Notes a check.
    pub fn note(&self, name: impl Into<String>, outcome: CheckOutcome, detail: impl Into<String>) {
        let check = CallCheck { name: name.into(), outcome, detail: detail.into() };
        self.checks.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(check);
    }

    /// The checks noted so far.
    pub fn checks(&self) -> Vec<CallCheck> {
        self.checks.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    /// Time left until the deadline.
    pub fn time_left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// The calling agency; citizens are refused.
    pub fn agency(&self) -> Result<&AgencyId> {
        match &self.caller {
            Caller::Agency(agency) => Ok(agency),
            Caller::Citizen(_) => Err(self.refuse("role", "agencies only")),
        }
    }

    /// The calling agency, if it is one of `allowed`.
    pub fn one_of(&self, allowed: &[&str]) -> Result<&AgencyId> {
        let agency = self.agency()?;
        if allowed.contains(&agency.as_str()) { Ok(agency) } else { Err(self.refuse("role", "another agency's call")) }
    }

    /// The calling citizen, if it is `person`; says the same whether or not the person exists.
    pub fn citizen(&self, person: PersonalId) -> Result<()> {
        if self.caller == Caller::Citizen(person) {
            return Ok(());
        }
        Err(self.refuse("role", "the citizen alone may call this for their own account"))
    }

    fn refuse(&self, check: &str, detail: &str) -> Error {
        self.note(check, CheckOutcome::Fail, detail);
        Error::new(Reason::RoleNotAllowed, "this credential may not make this call")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_known_language_of_the_header_counts() {
        assert_eq!(Language::from_header("vi"), Language::Vietnamese);
        assert_eq!(Language::from_header("vi-VN, en;q=0.8"), Language::Vietnamese);
        assert_eq!(Language::from_header("en-GB, vi"), Language::English);
        assert_eq!(Language::from_header("fr"), Language::English);
    }
}
