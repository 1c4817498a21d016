//! One call as values: its caller, id, deadline and language, and the checks made on its behalf. Use cases read
//! it; the API above them makes it, whatever the transport.

#![allow(clippy::disallowed_methods, reason = "deadlines are transport")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

pub use super::language::Language;
use super::time::Instant;
use super::{AgencyId, ClientIds, Error, PersonalId, Reason, RequestId, Result, Timestamp, Violations};

/// The caller.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Caller {
    /// A system of an agency.
    Agency(AgencyId),
    /// A citizen.
    Citizen(PersonalId),
}

impl Caller {
    /// The label of every citizen.
    pub const CITIZEN: &str = "citizen";

    /// The agency's key, or `citizen`; safe for logs.
    pub fn label(&self) -> &str {
        match self {
            Self::Agency(agency) => agency.as_str(),
            Self::Citizen(_) => Self::CITIZEN,
        }
    }
}

/// The outcome of a check.
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
    /// Its outcome.
    pub outcome: CheckOutcome,
    /// In words.
    pub detail: String,
}

/// The facts about an ended call; `Explain` returns them to the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndedCall {
    /// The call's id.
    pub request_id: RequestId,
    /// The client's names for it.
    pub client_ids: ClientIds,
    /// `lienthong.exchange.v1.ExchangeService/FetchRecords`.
    pub method: &'static str,
    /// Who called; `None` when the credential was not accepted.
    pub caller: Option<Caller>,
    /// When.
    pub called_at: Timestamp,
    /// `OK`, or the reason's code.
    pub outcome: &'static str,
    /// The checks in order.
    pub checks: Vec<CallCheck>,
    /// The bad fields of its request.
    pub violations: Violations,
}

/// A caller's access to a method by the rights, before the request is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permit {
    /// Whether the caller may make the call whatever its subject. Otherwise the use case decides, once it knows.
    pub is_named: bool,
    /// Who may make the call, for refusals: agencies' keys, and words like `subject`, comma-separated.
    pub allowed: Arc<str>,
}

impl Permit {
    /// The refusal of a caller: it says who calls and who may.
    pub fn refusal(&self, caller: &Caller) -> Error {
        refusal(caller, &self.allowed)
    }
}

fn refusal(caller: &Caller, allowed: &str) -> Error {
    let who = match caller {
        Caller::Agency(agency) => format!("the agency {agency}"),
        Caller::Citizen(_) => "this citizen".to_owned(),
    };
    let may: Vec<String> = allowed.split(',').map(|word| in_words(word.trim())).collect();
    let message = format!("{who} may not make this call; allowed are {}", may.join(", "));
    let caller = caller.label();
    Error::new(Reason::RoleNotAllowed, message).with_metadata("caller", caller).with_metadata("allowed", allowed)
}

/// The meaning of a word in the list of callers who may make a call.
fn in_words(word: &str) -> String {
    match word {
        "subject" => {
            "the citizen whom the request is about, their guardian, or who represents the organisation that it is about"
                .into()
        }
        OWNER => "the agency that owns the registry".into(),
        "itself" => "the agency that the request is about".into(),
        "addressee" => "the agency for which the code was made".into(),
        "agencies" => "every agency".into(),
        "nobody" => "nobody (the method is closed)".into(),
        agency => format!("the agency {agency}"),
    }
}

/// In the list of those who may make a call: the agency that owns the registry that it is about.
pub const OWNER: &str = "owner";

/// The name of the check whether the caller may make the call.
pub const ROLE: &str = "role";

/// The outcome of a call that was answered.
pub const ANSWERED: &str = "OK";

impl EndedCall {
    /// Whether the call was refused.
    pub fn is_refusal(&self) -> bool {
        self.outcome != ANSWERED
    }
}

/// Takes the traces of ended calls. Must not block.
pub trait EndedCalls: Send + Sync + 'static {
    /// Keeps `trace` for `Explain`, for a bounded time.
    fn record(&self, trace: EndedCall);
}

/// A call in progress, after authentication.
#[derive(Debug)]
pub struct Call {
    /// Its id.
    pub request_id: RequestId,
    /// The client's names for it.
    pub client_ids: ClientIds,
    /// Its method.
    pub method: &'static str,
    /// The caller.
    pub caller: Caller,
    /// When it came, by the system's clock.
    pub now: Timestamp,
    /// When it must be answered.
    pub deadline: Instant,
    /// When the client gives up, if it stated a deadline: for streams, which [`Self::deadline`] does not end.
    pub client_deadline: Option<Instant>,
    /// The language of its errors.
    pub language: Language,
    /// What the caller may of the method.
    pub permit: Permit,
    /// Whether the caller is a citizen whom nobody knows, by a credential that anybody can write: there are as many as somebody likes to invent.
    pub is_stranger: bool,
    /// Whether the caller wants records that failed their checks, marked as such (`x-lienthong-unverified: allow`).
    pub accepts_unverified: bool,
    /// The checks so far; [`Self::note`] adds one.
    pub checks: Mutex<Vec<CallCheck>>,
}

/// A call that needs no caller.
#[derive(Debug, Clone)]
pub struct PublicCall {
    /// Its id.
    pub request_id: RequestId,
    /// The client's names for it.
    pub client_ids: ClientIds,
    /// Its method.
    pub method: &'static str,
    /// When it must be answered.
    pub deadline: Instant,
    /// The language of its errors.
    pub language: Language,
}

impl Call {
    /// Notes a check.
    pub fn note(&self, name: impl Into<String>, outcome: CheckOutcome, detail: impl Into<String>) {
        let check = CallCheck { name: name.into(), outcome, detail: detail.into() };
        self.checks.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(check);
    }

    /// Notes the outcome of a check, and returns it.
    pub fn checked<T>(&self, name: impl Into<String>, result: Result<T>) -> Result<T> {
        match &result {
            Ok(_) => self.note(name, CheckOutcome::Pass, ""),
            Err(error) => self.note(name, CheckOutcome::Fail, error.to_string()),
        }
        result
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
            Caller::Citizen(_) => Err(self.refuse()),
        }
    }

    /// The calling agency, if it is named in the method's row, or has the relation to the request that the row requires.
    pub fn named_or(&self, is_related: bool) -> Result<&AgencyId> {
        if self.permit.is_named || is_related { self.agency() } else { Err(self.refuse()) }
    }

    /// The calling agency, if it is named in the method's row, or is `owner`, who owns the registry that the request is about.
    pub fn owner(&self, owner: &str) -> Result<&AgencyId> {
        match &self.caller {
            Caller::Agency(agency) if self.permit.is_named || agency.as_str() == owner => Ok(agency),
            caller => {
                let named = |word| if word == OWNER { owner } else { word };
                let allowed: Vec<&str> = self.permit.allowed.split(',').map(named).collect();
                Err(self.note_refusal(refusal(caller, &allowed.join(","))))
            }
        }
    }

    /// The refusal of the call: it says who calls and who may, and the same whether or not there is the person whom it is about.
    pub fn refuse(&self) -> Error {
        self.note_refusal(self.permit.refusal(&self.caller))
    }

    fn note_refusal(&self, error: Error) -> Error {
        self.note(ROLE, CheckOutcome::Fail, error.message.clone());
        error
    }
}
