//! Every action of a fault rule, as the product lists them: how it is asked for, where it is thrown, and what of it has to be met. The list has no rest:
//! a new action does not compile until it has its line here, and the gate fails until some seed meets it.

use std::num::NonZeroU32;
use std::time::Duration;

use lienthong::api::status::code_name;
use lienthong::base::Reason;
use lienthong::simulation::faults::{
    Action, After, CallAction, Delay, ReadAction, Refusal, Refused, ResetCode, StateAction,
};
use serde_json::{Value, json};
use tonic::Code;

use super::dice::Dice;

/// Calls whose answer is one message, and which their clients repeat.
const UNARY: [&str; 6] =
    ["FetchRecords", "SubmitChanges", "RedeemPresentation", "GrantConsent", "WithdrawConsent", "LinkDocument"];

/// Every action, each once; its numbers are drawn.
pub fn all(dice: &mut Dice) -> Vec<Action> {
    let mut ms = |low, high| dice.ms(low, high);
    let (delay, read_delay, every) = (ms(100, 5_000), ms(500, 3_000), ms(1, 20));
    let codes = [ResetCode::InternalError, ResetCode::RefusedStream, ResetCode::Cancel, ResetCode::EnhanceYourCalm];
    let status = *dice.pick(&[Refused::For(Reason::RateLimited), Refused::With(14)]);
    let refusal = Refusal { status, message: String::new(), retry_after: Some(Duration::from_millis(200)) };
    let calls = [
        CallAction::Delay(Delay::Fixed(delay)),
        CallAction::Refuse(refusal),
        CallAction::TrailersOnly,
        CallAction::Cut(After::Messages(0)),
        CallAction::Reset(*dice.pick(&codes)),
        CallAction::GoAway,
        CallAction::Drip { bytes: NonZeroU32::new(256).expect("not 0"), every },
        CallAction::Duplicate,
    ];
    let reads = [
        ReadAction::PayloadChanged,
        ReadAction::OtherIssuer,
        ReadAction::CompromisedKey,
        ReadAction::OtherProof,
        ReadAction::IssuedInFuture,
        ReadAction::NotCanonical,
        ReadAction::StaleVersion,
        ReadAction::OtherRecord,
        ReadAction::Unavailable,
        ReadAction::Exhausted,
        ReadAction::Slow,
        ReadAction::Delay(Delay::Fixed(read_delay)),
        ReadAction::Internal,
        ReadAction::Reset,
    ];
    let states = [
        StateAction::HaltedFeed,
        StateAction::FullDisk,
        StateAction::PausedSequencer,
        StateAction::ClockSkew(86_400_000),
        StateAction::OldCheckpoint,
        StateAction::EquivocatingLog,
        StateAction::HaltedRenewal,
    ];
    let all = calls.into_iter().map(Action::Call).chain(reads.into_iter().map(Action::Read));
    all.chain(states.into_iter().map(Action::State)).collect()
}

/// What has to be met of an action sometimes.
pub fn met(action: &Action) -> &'static str {
    match action {
        Action::Call(action) => match action {
            CallAction::Delay(_) => "a call is delayed by a rule",
            CallAction::Refuse(_) => "a call is refused by a rule",
            CallAction::TrailersOnly => "a call is answered without its message",
            CallAction::Cut(_) => "a call is answered after its answer was lost",
            CallAction::Reset(_) => "a call is reset",
            CallAction::GoAway => "a connection is dismissed",
            CallAction::Drip { .. } => "an answer comes a few bytes at a time",
            CallAction::Duplicate => "a message comes twice",
        },
        Action::Read(action) => match action {
            ReadAction::PayloadChanged => "a payload that was changed is refused",
            ReadAction::OtherIssuer => "what another registry signed is refused",
            ReadAction::CompromisedKey => "what a compromised key signed is refused",
            ReadAction::OtherProof => "another record's proof is refused",
            ReadAction::IssuedInFuture => "what is issued tomorrow is refused",
            ReadAction::NotCanonical => "what is not canonical is refused",
            ReadAction::StaleVersion => "an older version is shown",
            ReadAction::OtherRecord => "another person's record is refused",
            ReadAction::Unavailable => "a registry is not reached",
            ReadAction::Exhausted => "a registry is at its limit",
            ReadAction::Slow => "a registry is slower than any deadline",
            ReadAction::Delay(_) => "a registry takes longer",
            ReadAction::Internal => "a registry has a defect",
            ReadAction::Reset => "a registry's answer breaks off",
        },
        Action::State(action) => match action {
            StateAction::HaltedFeed => "a feed is halted",
            StateAction::FullDisk => "a rule fills the disk",
            StateAction::PausedSequencer => "a log is paused",
            StateAction::ClockSkew(_) => "a registry's clock is wrong",
            StateAction::OldCheckpoint => "an old checkpoint is shown",
            StateAction::EquivocatingLog => "a log shows another tree",
            StateAction::HaltedRenewal => "the renewal of the trust anchor is halted",
        },
    }
}

/// Whether an action is thrown at the province itself, where every client goes on with its work: what it does passes with it. All others are thrown in
/// sessions, by a tester who knows what may be seen of each.
pub fn is_for_all(action: &Action) -> bool {
    match action {
        Action::Call(_) => true,
        Action::Read(action) => *action == ReadAction::Unavailable,
        Action::State(action) => match action {
            StateAction::HaltedFeed
            | StateAction::FullDisk
            | StateAction::PausedSequencer
            | StateAction::OldCheckpoint => true,
            StateAction::ClockSkew(_) | StateAction::EquivocatingLog | StateAction::HaltedRenewal => false,
        },
    }
}

/// The rule that asks for an action, as `FaultService` reads it: of a registry's reads all of that registry, of a log that log.
pub fn rule(action: &Action, registry: &str, log: &str) -> Value {
    let (of_registry, of_log) = (json!({ "registry": registry }), json!({ "log": log }));
    match action {
        Action::Call(action) => of_call(action),
        Action::Read(action) => of_read(*action, &of_registry),
        Action::State(action) => match action {
            StateAction::HaltedFeed => json!({ "match": of_registry, "haltedFeed": {} }),
            StateAction::FullDisk => json!({ "fullDisk": {} }),
            StateAction::PausedSequencer => json!({ "match": of_log, "pausedSequencer": {} }),
            StateAction::ClockSkew(by_ms) => {
                json!({ "match": of_registry, "clockSkew": { "by": format!("{}s", by_ms / 1_000) } })
            }
            StateAction::OldCheckpoint => json!({ "match": of_log, "oldCheckpoint": {} }),
            StateAction::EquivocatingLog => json!({ "match": of_log, "equivocatingLog": {} }),
            StateAction::HaltedRenewal => json!({ "haltedRenewal": {} }),
        },
    }
}

/// Of every second call, by a die.
fn of_call(action: &CallAction) -> Value {
    let mut rule = match action {
        CallAction::Delay(of) => json!({ "delay": delay(of) }),
        CallAction::Refuse(refusal) => {
            let mut status = match refusal.status {
                Refused::For(reason) => json!({ "reason": reason.as_str() }),
                Refused::With(code) => json!({ "code": code_name(Code::from_i32(code.into())) }),
            };
            if let Some(after) = &refusal.retry_after {
                status["retryAfter"] = duration(after);
            }
            json!({ "status": status })
        }
        CallAction::TrailersOnly => json!({ "trailersOnly": {} }),
        CallAction::Cut(After::Messages(messages)) => json!({ "cut": { "messages": messages } }),
        CallAction::Cut(After::Bytes(bytes)) => json!({ "cut": { "bytes": bytes.to_string() } }),
        CallAction::Reset(code) => json!({ "reset": { "code": reset(*code) } }),
        CallAction::GoAway => json!({ "goAway": {} }),
        CallAction::Drip { bytes, every } => json!({ "drip": { "bytes": bytes, "every": duration(every) } }),
        CallAction::Duplicate => json!({ "duplicate": {} }),
    };
    rule["match"] = json!({ "methods": UNARY });
    rule["turn"] = json!({ "probability": 0.5 });
    rule
}

fn of_read(action: ReadAction, of_registry: &Value) -> Value {
    let fault = match action {
        ReadAction::PayloadChanged => "PAYLOAD_CHANGED",
        ReadAction::OtherIssuer => "OTHER_ISSUER",
        ReadAction::CompromisedKey => "COMPROMISED_KEY",
        ReadAction::OtherProof => "OTHER_PROOF",
        ReadAction::IssuedInFuture => "ISSUED_IN_FUTURE",
        ReadAction::NotCanonical => "NOT_CANONICAL",
        ReadAction::StaleVersion => "STALE_VERSION",
        ReadAction::OtherRecord => "OTHER_RECORD",
        ReadAction::Unavailable => "UNAVAILABLE",
        ReadAction::Exhausted => "EXHAUSTED",
        ReadAction::Slow => "SLOW",
        ReadAction::Delay(of) => return json!({ "match": of_registry, "readDelay": delay(&of) }),
        ReadAction::Internal => "INTERNAL",
        ReadAction::Reset => "BROKEN_OFF",
    };
    json!({ "match": of_registry, "read": format!("READ_FAULT_{fault}") })
}

fn duration(duration: &Duration) -> Value {
    json!(format!("{}s", duration.as_secs_f64()))
}

fn delay(delay: &Delay) -> Value {
    match delay {
        Delay::Fixed(fixed) => json!({ "fixed": duration(fixed) }),
        Delay::Uniform(low, high) => json!({ "uniform": { "low": duration(low), "high": duration(high) } }),
        Delay::LogNormal { median, sigma_milli } => {
            json!({ "logNormal": { "median": duration(median), "sigma": f64::from(*sigma_milli) / 1_000.0 } })
        }
    }
}

fn reset(code: ResetCode) -> &'static str {
    match code {
        ResetCode::InternalError => "RESET_CODE_INTERNAL_ERROR",
        ResetCode::RefusedStream => "RESET_CODE_REFUSED_STREAM",
        ResetCode::Cancel => "RESET_CODE_CANCEL",
        ResetCode::EnhanceYourCalm => "RESET_CODE_ENHANCE_YOUR_CALM",
    }
}
