//! An action as a word, for the command line and for metadata: `delay=200ms`, `status=UNAVAILABLE`, `cut=100B`, `full-disk`.

use std::num::NonZeroU32;

use super::action::{Action, After, CallAction, Delay, ReadAction, Refusal, Refused, ResetCode, StateAction};
use crate::base::Reason;
use crate::base::name::no_such;
use crate::base::time::duration;

/// The forms of an action, each with what it does.
pub const FORMS: &[(&str, &str)] = &[
    ("delay=200ms", "a call waits; also 100ms..300ms, and 100ms~1.2 (log-normal: median and sigma)"),
    (
        "status=UNAVAILABLE",
        "a call is refused, with a code of gRPC or a reason of this API; status=RATE_LIMITED/2s says when to try again",
    ),
    ("trailers-only", "the answer of a call has a status OK and no message"),
    ("cut=1", "the answer of a call ends after N messages, or after N bytes: cut=100B"),
    ("reset", "the stream of a call is reset; also reset=refused-stream, cancel, enhance-your-calm"),
    ("go-away", "a call is answered, and its connection takes no more"),
    ("drip=1/50ms", "the answer of a call comes N bytes at a time"),
    ("duplicate", "every message of an answer comes twice"),
    ("read=unavailable", "a registry fails: unavailable, exhausted, slow, internal, broken-off"),
    (
        "read=stale-version",
        "a registry answers bad records: payload-changed, other-proof, not-canonical, stale-version, other-record; in sessions also other-issuer, compromised-key, issued-in-future",
    ),
    ("read-delay=2s", "a registry answers later; the forms of delay"),
    ("halted-feed", "the province takes no changes of the --registry"),
    ("full-disk", "the world's store takes no changes"),
    ("paused-sequencer", "the --log signs nothing, and writers wait"),
    ("old-checkpoint", "the --log shows the head that it signed before the present one"),
    ("equivocating-log", "the --log shows another tree of its size; in sessions"),
    ("halted-renewal", "the trust anchor is not renewed at the turn of the year, and expires a year later"),
    ("clock-skew=1d", "the clock of the --registry is ahead, or behind: clock-skew=-2h; in sessions"),
];

const READS: [(&str, ReadAction); 13] = [
    ("unavailable", ReadAction::Unavailable),
    ("exhausted", ReadAction::Exhausted),
    ("slow", ReadAction::Slow),
    ("internal", ReadAction::Internal),
    ("broken-off", ReadAction::Reset),
    ("payload-changed", ReadAction::PayloadChanged),
    ("other-issuer", ReadAction::OtherIssuer),
    ("compromised-key", ReadAction::CompromisedKey),
    ("other-proof", ReadAction::OtherProof),
    ("issued-in-future", ReadAction::IssuedInFuture),
    ("not-canonical", ReadAction::NotCanonical),
    ("stale-version", ReadAction::StaleVersion),
    ("other-record", ReadAction::OtherRecord),
];

/// The codes of gRPC by their numbers, from 1.
const CODES: [&str; 16] = [
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

/// Reads an action. The error says what would be right.
///
/// ```
/// use lienthong::simulation::faults::{Action, CallAction, Delay, action};
/// let waits = |ms| Action::Call(CallAction::Delay(Delay::Fixed(std::time::Duration::from_millis(ms))));
/// assert_eq!(action("delay=200ms"), Ok(waits(200)));
/// assert!(action("delay").unwrap_err().contains("delay=200ms"));
/// ```
pub fn action(text: &str) -> Result<Action, String> {
    let (name, value) = match text.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (text, None),
    };
    let form = || match FORMS.iter().find(|(form, _)| form.split('=').next() == Some(name)) {
        Some((form, what)) => format!("{text:?} is not of the form {form} ({what})"),
        None => {
            let mut names: Vec<&str> = FORMS.iter().filter_map(|(form, _)| form.split('=').next()).collect();
            names.dedup();
            no_such("action", name, &names)
        }
    };
    let call = |action| Some(Action::Call(action));
    let state = |action| Some(Action::State(action));
    let found = match (name, value) {
        ("delay", Some(value)) => delay(value).and_then(|delay| call(CallAction::Delay(delay))),
        ("status", Some(value)) => call(CallAction::Refuse(refusal(value)?)),
        ("trailers-only", None) => call(CallAction::TrailersOnly),
        ("cut", Some(value)) => after(value).and_then(|after| call(CallAction::Cut(after))),
        ("reset", value) => reset(value).and_then(|code| call(CallAction::Reset(code))),
        ("go-away", None) => call(CallAction::GoAway),
        ("drip", Some(value)) => drip(value).and_then(call),
        ("duplicate", None) => call(CallAction::Duplicate),
        ("read", Some(value)) => Some(Action::Read(read(value)?)),
        ("read-delay", Some(value)) => delay(value).map(|delay| Action::Read(ReadAction::Delay(delay))),
        ("halted-feed", None) => state(StateAction::HaltedFeed),
        ("full-disk", None) => state(StateAction::FullDisk),
        ("paused-sequencer", None) => state(StateAction::PausedSequencer),
        ("old-checkpoint", None) => state(StateAction::OldCheckpoint),
        ("equivocating-log", None) => state(StateAction::EquivocatingLog),
        ("halted-renewal", None) => state(StateAction::HaltedRenewal),
        ("clock-skew", Some(value)) => skew(value).and_then(|by| state(StateAction::ClockSkew(by))),
        _ => None,
    };
    found.ok_or_else(form)
}

fn delay(text: &str) -> Option<Delay> {
    if let Some((low, high)) = text.split_once("..") {
        return Some(Delay::Uniform(duration(low)?, duration(high)?));
    }
    if let Some((median, sigma)) = text.split_once('~') {
        let sigma: f64 = sigma.parse().ok().filter(|sigma| (0.0..=1_000.0).contains(sigma))?;
        return Some(Delay::LogNormal { median: duration(median)?, sigma_milli: (sigma * 1e3).round() as u32 });
    }
    duration(text).map(Delay::Fixed)
}

fn refusal(text: &str) -> Result<Refusal, String> {
    let (name, retry_after) = match text.split_once('/') {
        Some((name, after)) => {
            (name, Some(duration(after).ok_or_else(|| format!("{after:?} is not a duration like 500ms or 2s"))?))
        }
        None => (text, None),
    };
    let code = (1..=16_u8).zip(CODES).find(|(_, code)| *code == name).map(|(number, _)| Refused::With(number));
    let reason = || Reason::ALL.iter().find(|reason| reason.as_str() == name).map(|reason| Refused::For(*reason));
    let status = code.or_else(reason).ok_or_else(|| {
        // A name of both means the code.
        let reasons = Reason::ALL.iter().map(|reason| reason.as_str()).filter(|name| !CODES.contains(name));
        let known: Vec<&str> = CODES.into_iter().chain(reasons).collect();
        no_such("code or reason", name, &known)
    })?;
    Ok(Refusal { status, message: String::new(), retry_after })
}

fn read(text: &str) -> Result<ReadAction, String> {
    let known = READS.map(|(name, _)| name);
    let found = READS.iter().find(|(name, _)| *name == text).map(|(_, action)| *action);
    found.ok_or_else(|| no_such("fault of a registry's answers", text, &known))
}

fn after(text: &str) -> Option<After> {
    match text.strip_suffix('B') {
        Some(bytes) => bytes.parse().ok().map(After::Bytes),
        None => text.parse().ok().map(After::Messages),
    }
}

fn reset(text: Option<&str>) -> Option<ResetCode> {
    match text {
        None | Some("internal-error") => Some(ResetCode::InternalError),
        Some("refused-stream") => Some(ResetCode::RefusedStream),
        Some("cancel") => Some(ResetCode::Cancel),
        Some("enhance-your-calm") => Some(ResetCode::EnhanceYourCalm),
        Some(_) => None,
    }
}

fn drip(text: &str) -> Option<CallAction> {
    let (bytes, every) = text.split_once('/')?;
    Some(CallAction::Drip { bytes: bytes.parse::<NonZeroU32>().ok()?, every: duration(every)? })
}

fn skew(text: &str) -> Option<i64> {
    let (sign, text) = match text.strip_prefix('-') {
        Some(text) => (-1, text),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    i64::try_from(duration(text)?.as_millis()).ok().map(|ms| sign * ms)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn every_form_is_read() {
        for (form, _) in FORMS {
            assert!(action(form).is_ok(), "{form}");
        }
        for (name, read) in READS {
            assert_eq!(action(&format!("read={name}")), Ok(Action::Read(read)));
        }
        let ms = Duration::from_millis;
        assert_eq!(action("delay=100ms..2s"), Ok(Action::Call(CallAction::Delay(Delay::Uniform(ms(100), ms(2_000))))));
        let skewed = Delay::LogNormal { median: ms(100), sigma_milli: 1_200 };
        assert_eq!(action("read-delay=100ms~1.2"), Ok(Action::Read(ReadAction::Delay(skewed))));
        assert_eq!(action("clock-skew=-2h"), Ok(Action::State(StateAction::ClockSkew(-7_200_000))));
        assert_eq!(action("cut=100B"), Ok(Action::Call(CallAction::Cut(After::Bytes(100)))));
        let limited = Refusal {
            status: Refused::For(Reason::RateLimited),
            message: String::new(),
            retry_after: Some(Duration::from_secs(2)),
        };
        assert_eq!(action("status=RATE_LIMITED/2s"), Ok(Action::Call(CallAction::Refuse(limited))));
    }

    #[test]
    fn what_is_wrong_is_told_with_what_would_be_right() {
        for (text, says) in [
            ("delai=1s", "delay"),
            ("delay", "delay=200ms"),
            ("delay=1", "delay=200ms"),
            ("delay=99999999999999999999s", "delay=200ms"),
            ("status=UNAVAILABEL", "UNAVAILABLE"),
            ("status=UNAVAILABLE/soon", "soon"),
            ("read=stale", "stale-version"),
            ("full-disk=yes", "full-disk"),
            ("drip=0/1s", "drip=1/50ms"),
            ("reset=maybe", "refused-stream"),
            ("", "there is no action"),
        ] {
            let wrong = action(text).expect_err(text);
            assert!(wrong.contains(says), "{text}: {wrong}");
        }
    }
}
