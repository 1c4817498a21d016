//! Which calls of a journal: conditions that must all hold.

use super::call::JournalCall;
use crate::base::Timestamp;
use crate::base::call::Caller;

/// The outcome of every call that was not answered.
pub const REFUSED: &str = "REFUSED";

/// A method, or all methods of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WhichMethod {
    /// This one.
    One(String),
    /// Those of the service of this name.
    OfService(String),
}

/// Which calls.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CallFilter {
    /// Only calls of these.
    pub method: Option<WhichMethod>,
    /// Only of this caller, by the label.
    pub caller: Option<String>,
    /// Only with this outcome: `OK`, a reason, the name of a code, or [`REFUSED`].
    pub outcome: Option<String>,
    /// Only with this id, ours or the client's.
    pub request_id: Option<String>,
    /// Only those that a fault changed.
    pub with_faults: bool,
    /// Only since then, by the world's time.
    pub since: Option<Timestamp>,
    /// Only before then, by the world's time.
    pub until: Option<Timestamp>,
}

impl CallFilter {
    /// Whether a call is one of them.
    pub fn matches(&self, call: &JournalCall) -> bool {
        let method = self.method.as_ref().is_none_or(|method| match method {
            WhichMethod::One(name) => call.method == name,
            WhichMethod::OfService(name) => call.method.split_once('/').is_some_and(|(service, _)| service == name),
        });
        let caller = self.caller.as_ref().is_none_or(|label| call.caller.as_ref().map_or("", Caller::label) == label);
        let outcome = self.outcome.as_ref().is_none_or(|wanted| {
            if wanted == REFUSED { !call.is_answered() } else { call.outcome == *wanted || call.code.0 == wanted }
        });
        let id = self.request_id.as_ref().is_none_or(|id| {
            call.client_ids.request_id() == Some(id) || call.request_id.to_string().eq_ignore_ascii_case(id)
        });
        let faults = !self.with_faults || !call.faults.is_empty();
        let since = self.since.is_none_or(|since| since <= call.called_at);
        let until = self.until.is_none_or(|until| call.called_at < until);
        method && caller && outcome && id && faults && since && until
    }
}
