//! A scenario: a name, constants, and steps, each a call or several at the same time.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::expect::Expect;

/// A scenario.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Scenario {
    pub(super) name: String,
    /// The fields of CreateSessionRequest.
    pub(super) session: Value,
    /// Constants, as they are written.
    pub(super) vars: BTreeMap<String, Value>,
    pub(super) steps: Vec<Step>,
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

/// A call with its expectations.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Call {
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
