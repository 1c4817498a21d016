//! A scenario: a name, sessions, constants, and steps, each a call or several at the same time.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;

use super::expect::Expect;

/// A scenario.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Scenario {
    pub(super) name: String,
    /// Its sessions, each behind the one that it begins from: one without a name, or several with names.
    pub(super) sessions: Vec<Session>,
    /// Constants, as they are written.
    pub(super) vars: BTreeMap<String, Value>,
    pub(super) steps: Vec<Step>,
}

/// A session of a scenario.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Session {
    /// Empty where the scenario has one session.
    pub(super) name: String,
    pub(super) line: usize,
    /// The index of the session that it begins from, as that one is when the first step in this one is due; `None`: the province.
    pub(super) from: Option<usize>,
    /// The other fields of CreateSessionRequest.
    pub(super) request: Value,
}

/// A step.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Step {
    pub(super) name: String,
    pub(super) line: usize,
    pub(super) action: Action,
}

/// The action of a step.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Action {
    /// One call.
    Call(Call),
    /// Steps at the same time.
    Parallel(Vec<Step>),
    /// A call that is repeated until it is as expected.
    Eventually(Duration, Call),
}

impl Step {
    /// The sessions in which it runs, by their indices.
    pub(super) fn sessions(&self) -> BTreeSet<usize> {
        match &self.action {
            Action::Call(call) | Action::Eventually(_, call) => BTreeSet::from([call.session]),
            Action::Parallel(steps) => steps.iter().flat_map(Self::sessions).collect(),
        }
    }
}

/// A call with its expectations.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Call {
    /// The index of the session in which it is made.
    pub(super) session: usize,
    /// `lienthong.identity.v1.LinkService/LinkDocument`.
    pub(super) method: String,
    /// Whose demo credential: `one-stop`, `citizen-042…`; may have variables.
    pub(super) caller: String,
    pub(super) body: Value,
    pub(super) headers: BTreeMap<String, String>,
    pub(super) expect: Expect,
    /// Variables to set, each from a path of the answer.
    pub(super) save: BTreeMap<String, String>,
}
