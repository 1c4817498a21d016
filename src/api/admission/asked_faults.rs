//! Faults that a call asks for itself, by metadata, in a session that allows it: for clients whose tests cannot reach the service of the rules.
//!
//! | metadata | what |
//! |---|---|
//! | `x-lienthong-fault: ACTION` or `ACTION;probability=0.1` | any action about calls, as on the command line; may be given several times |
//! | `x-envoy-fault-abort-grpc-request: 14`, `x-envoy-fault-abort-percentage: 10` | a refusal with this code (gRPC proposal A33) |
//! | `x-envoy-fault-delay-request: 200`, `x-envoy-fault-delay-request-percentage: 10` | a delay in milliseconds (gRPC proposal A33) |

use std::time::Duration;

use tonic::codegen::http::HeaderMap;

use crate::base::{Error, Result, Violations};
use crate::simulation::faults::{
    Action, CallAction, Delay, Match, Refusal, Refused, Rule, Rules, Strike, Turn, action, check_bounds,
};

/// Our own metadata key.
pub const FAULT: &str = "x-lienthong-fault";
/// The keys of proposal A33.
const ABORT: &str = "x-envoy-fault-abort-grpc-request";
const ABORT_PERCENTAGE: &str = "x-envoy-fault-abort-percentage";
const DELAY: &str = "x-envoy-fault-delay-request";
const DELAY_PERCENTAGE: &str = "x-envoy-fault-delay-request-percentage";
/// Most faults of one call.
const FAULTS_MAX: usize = 8;

/// The keys of proposal A33, each of which a call may have once.
pub(super) const A33: [&str; 4] = [ABORT, ABORT_PERCENTAGE, DELAY, DELAY_PERCENTAGE];

/// The faults of our own form in the headers of a call, allowed or not, as they are written; of too many, one more than a call may have.
pub(super) fn written(headers: &HeaderMap) -> Vec<String> {
    let values = headers.get_all(FAULT).iter().take(FAULTS_MAX + 1);
    values.map(|value| value.to_str().unwrap_or_default().to_owned()).collect()
}

/// The faults that a call asks for, as far as it is their turn. Where they are not allowed, ours are refused, so that no test passes because nothing
/// happened; those of proposal A33 pass, since proxies may add them.
pub(super) fn asked_for(headers: &HeaderMap, rules: &Rules, is_allowed: bool) -> Result<Vec<Strike>> {
    let has = |name: &str| headers.contains_key(name);
    if !has(FAULT) && !(is_allowed && (has(ABORT) || has(DELAY))) {
        return Ok(Vec::new());
    }
    if !is_allowed {
        let says = "takes effect only in a session that was created with metadata_faults, and only from a caller with a credential";
        return Err(Error::invalid_field(FAULT, "NOT_ALLOWED", says));
    }
    let mut found = Vec::new();
    let delay = number(headers, DELAY)?.map(|ms| CallAction::Delay(Delay::Fixed(Duration::from_millis(ms))));
    found.extend(delay.map(|action| (action, DELAY_PERCENTAGE)));
    if let Some(code) = number(headers, ABORT)? {
        let code = u8::try_from(code).ok().filter(|code| (1..=16).contains(code));
        let code = code.ok_or_else(|| Error::invalid_field(ABORT, "OUT_OF_RANGE", "a gRPC code, 1 to 16"))?;
        let refusal = Refusal { status: Refused::With(code), message: String::new(), retry_after: None };
        found.push((CallAction::Refuse(refusal), ABORT_PERCENTAGE));
    }
    let mut strikes = Vec::new();
    for (action, percentage) in found {
        let share = number(headers, percentage)?.unwrap_or(100).min(100);
        strikes.extend(rules.once(rule(action, Some(share as f64 / 100.0))));
    }
    if headers.get_all(FAULT).iter().count() > FAULTS_MAX {
        return Err(Error::invalid_field(FAULT, "TOO_LONG", format!("at most {FAULTS_MAX} faults")));
    }
    for value in headers.get_all(FAULT) {
        strikes.extend(rules.once(own(value.to_str().unwrap_or_default())?));
    }
    Ok(strikes)
}

fn rule(action: CallAction, share: Option<f64>) -> Rule {
    let per_million = share.map(|share| (share * 1e6).round() as u32);
    Rule { matching: Match::default(), turn: Turn { per_million, ..Turn::default() }, action: Action::Call(action) }
}

/// A fault in our own form.
fn own(text: &str) -> Result<Rule> {
    let (text, share) = match text.split_once(';') {
        None => (text, None),
        Some((text, rest)) => {
            let share = rest.trim().strip_prefix("probability=").and_then(|share| share.parse::<f64>().ok());
            let share = share.filter(|share| (0.0..=1.0).contains(share));
            let says = "a semicolon is followed by probability= and a number from 0 to 1";
            (text, Some(share.ok_or_else(|| Error::invalid_field(FAULT, "FORMAT", says))?))
        }
    };
    match action(text.trim()).map_err(|says| Error::invalid_field(FAULT, "UNKNOWN_VALUE", says))? {
        Action::Call(action) => {
            let mut found = Violations::default();
            check_bounds(&action, FAULT, &mut found);
            if found.is_empty() { Ok(rule(action, share)) } else { Err(Error::invalid(found)) }
        }
        Action::Read(_) | Action::State(_) => {
            let says = "metadata can add faults to its own call only: all others are rules of FaultService";
            Err(Error::invalid_field(FAULT, "NOT_APPLICABLE", says))
        }
    }
}

fn number(headers: &HeaderMap, name: &'static str) -> Result<Option<u64>> {
    let Some(value) = headers.get(name) else { return Ok(None) };
    let number = value.to_str().ok().and_then(|text| text.trim().parse().ok());
    number.map(Some).ok_or_else(|| Error::invalid_field(name, "FORMAT", "a whole number"))
}
