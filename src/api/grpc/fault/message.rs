//! Fault rules as messages, both ways. What is written is read back as the same rule.

use std::num::{NonZeroU32, NonZeroU64};
use std::time::Duration;

use crate::api::status::{code_name, code_named};
use crate::base::id::holds_personal_id;
use crate::base::name::no_such;
use crate::base::{PersonalId, Reason, Violation, Violations};
use crate::simulation::faults::{
    ALWAYS, Action, After, CallAction, Delay, Match, NewRule, ReadAction, Refusal, Refused, ResetCode, Rule, Source,
    Standing, StateAction, Turn,
};
use crate::wire::proto::simulation::v1 as proto;
use crate::wire::record;
use proto::fault::Action as Given;

/// Longest name of a rule.
const ID_BYTES_MAX: usize = 64;

/// Reads a rule whose fields begin with `at`. Violations are added to `found`; `None` if there is no usable rule.
pub(super) fn rule(fault: proto::Fault, at: &str, found: &mut Violations) -> Option<NewRule> {
    let proto::Fault { fault_id, r#match, turn, action, counts: _, of_citizen: _ } = fault;
    let mut reading = Reading { at, found };
    let is_name =
        |id: &str| id.len() <= ID_BYTES_MAX && id.bytes().all(|c| c.is_ascii_alphanumeric() || b"._-".contains(&c));
    if !is_name(&fault_id) {
        reading.add("fault_id", "FORMAT", "1 to 64 characters of A-Z a-z 0-9 . _ -");
    } else if holds_personal_id(&fault_id) {
        reading.add("fault_id", "PERSONAL_ID", "a name is shown to others: it holds no personal ID");
    }
    let matching = reading.matching(r#match.unwrap_or_default());
    let turn = reading.turn(turn.unwrap_or_default());
    let Some(action) = action else {
        reading.add("action", "REQUIRED", "what happens is required: delay, status, cut, read, full_disk, …");
        return None;
    };
    let action = reading.action(action)?;
    let id = Some(fault_id).filter(|id| !id.is_empty());
    Some(NewRule { id, rule: Rule { matching, turn, action } })
}

struct Reading<'a> {
    at: &'a str,
    found: &'a mut Violations,
}

impl Reading<'_> {
    fn add(&mut self, field: &str, rule: &'static str, message: impl std::fmt::Display) {
        self.found.push(Violation::new(format!("{}.{field}", self.at), rule, message));
    }

    fn matching(&mut self, given: proto::FaultMatch) -> Match {
        let proto::FaultMatch { methods, agency, registry, record_type, personal_id, log } = given;
        let person = PersonalId::parse(&personal_id);
        if person.is_none() && !personal_id.is_empty() {
            self.add("match.personal_id", "FORMAT", "12 digits of a personal ID");
        }
        let named = |text: String| Some(text).filter(|text| !text.is_empty());
        let (agency, registry, record_type, log) = (named(agency), named(registry), named(record_type), named(log));
        Match { methods, agency, registry, record_type, person, log }
    }

    fn turn(&mut self, given: proto::FaultTurn) -> Turn {
        let proto::FaultTurn { nth, every, probability, from, until, max_active, max_count, ttl } = given;
        if probability.is_some_and(|chance| !(0.0..=1.0).contains(&chance)) {
            self.add("turn.probability", "OUT_OF_RANGE", "from 0 to 1");
        }
        let mut instant = |name: &str, at: Option<prost_types::Timestamp>| {
            let at = at?;
            let read = record::instant(name, &at).ok();
            if read.is_none() {
                self.add(name, "OUT_OF_RANGE", "must be an instant within years 1 to 9999, in whole milliseconds");
            }
            read
        };
        let (from, until) = (instant("turn.from", from), instant("turn.until", until));
        Turn {
            nth: NonZeroU64::new(nth),
            every: NonZeroU64::new(every).unwrap_or(ALWAYS),
            per_million: probability.map(|chance| (chance.clamp(0.0, 1.0) * 1e6).round() as u32),
            from,
            until,
            active_max: NonZeroU32::new(max_active),
            count_max: NonZeroU64::new(max_count),
            ttl: self.duration("turn.ttl", ttl),
        }
    }

    /// A duration that is not negative.
    fn duration(&mut self, field: &str, given: Option<prost_types::Duration>) -> Option<Duration> {
        let prost_types::Duration { seconds, nanos } = given?;
        let whole = u64::try_from(seconds).ok().zip(u32::try_from(nanos).ok().filter(|nanos| *nanos < 1_000_000_000));
        if whole.is_none() {
            self.add(field, "FORMAT", "is not a duration of 0 or more");
        }
        whole.map(|(seconds, nanos)| Duration::new(seconds, nanos))
    }

    fn needed(&mut self, field: &str, given: Option<prost_types::Duration>) -> Option<Duration> {
        if given.is_none() {
            self.add(field, "REQUIRED", "a duration is required");
        }
        self.duration(field, given)
    }

    fn action(&mut self, given: Given) -> Option<Action> {
        Some(match given {
            Given::Delay(delay) => Action::Call(CallAction::Delay(self.delay("delay", delay)?)),
            Given::Status(status) => Action::Call(CallAction::Refuse(self.refusal(status)?)),
            Given::TrailersOnly(_) => Action::Call(CallAction::TrailersOnly),
            Given::Cut(proto::Cut { after }) => Action::Call(CallAction::Cut(match after {
                Some(proto::cut::After::Messages(count)) => After::Messages(count),
                Some(proto::cut::After::Bytes(count)) => After::Bytes(count),
                None => {
                    self.add("cut.after", "REQUIRED", "after how many messages or bytes");
                    return None;
                }
            })),
            Given::Reset(proto::Reset { code }) => {
                Action::Call(CallAction::Reset(match proto::ResetCode::try_from(code) {
                    Ok(proto::ResetCode::Unspecified | proto::ResetCode::InternalError) => ResetCode::InternalError,
                    Ok(proto::ResetCode::RefusedStream) => ResetCode::RefusedStream,
                    Ok(proto::ResetCode::Cancel) => ResetCode::Cancel,
                    Ok(proto::ResetCode::EnhanceYourCalm) => ResetCode::EnhanceYourCalm,
                    Err(_) => {
                        self.add("reset.code", "UNKNOWN_VALUE", "is not a value of its enumeration");
                        return None;
                    }
                }))
            }
            Given::GoAway(_) => Action::Call(CallAction::GoAway),
            Given::Drip(proto::Drip { bytes, every }) => Action::Call(CallAction::Drip {
                bytes: NonZeroU32::new(bytes).unwrap_or(NonZeroU32::MIN),
                every: self.needed("drip.every", every)?,
            }),
            Given::Duplicate(_) => Action::Call(CallAction::Duplicate),
            Given::Read(read) => Action::Read(self.read(read)?),
            Given::ReadDelay(delay) => Action::Read(ReadAction::Delay(self.delay("read_delay", delay)?)),
            Given::HaltedFeed(_) => Action::State(StateAction::HaltedFeed),
            Given::FullDisk(_) => Action::State(StateAction::FullDisk),
            Given::PausedSequencer(_) => Action::State(StateAction::PausedSequencer),
            Given::ClockSkew(proto::ClockSkew { by }) => {
                let by = by.unwrap_or_default();
                let ms = by.seconds.checked_mul(1_000).and_then(|ms| ms.checked_add(i64::from(by.nanos / 1_000_000)));
                Action::State(StateAction::ClockSkew(ms.unwrap_or(i64::MAX)))
            }
            Given::OldCheckpoint(_) => Action::State(StateAction::OldCheckpoint),
            Given::EquivocatingLog(_) => Action::State(StateAction::EquivocatingLog),
            Given::HaltedRenewal(_) => Action::State(StateAction::HaltedRenewal),
        })
    }

    fn delay(&mut self, field: &str, given: proto::Delay) -> Option<Delay> {
        use proto::delay::Distribution;
        match given.distribution {
            Some(Distribution::Fixed(fixed)) => self.duration(&format!("{field}.fixed"), Some(fixed)).map(Delay::Fixed),
            Some(Distribution::Uniform(proto::UniformDelay { low, high })) => {
                let low = self.duration(&format!("{field}.uniform.low"), Some(low.unwrap_or_default()))?;
                Some(Delay::Uniform(low, self.needed(&format!("{field}.uniform.high"), high)?))
            }
            Some(Distribution::LogNormal(proto::LogNormalDelay { median, sigma })) => {
                let median = self.needed(&format!("{field}.log_normal.median"), median)?;
                // What is out of range is found with the other bounds.
                let sigma_milli =
                    if sigma.is_finite() && sigma >= 0.0 { (sigma * 1e3).min(1e9).round() as u32 } else { u32::MAX };
                Some(Delay::LogNormal { median, sigma_milli })
            }
            None => {
                self.add(field, "REQUIRED", "how long is required: fixed, uniform or log_normal");
                None
            }
        }
    }

    fn refusal(&mut self, given: proto::StatusFault) -> Option<Refusal> {
        let proto::StatusFault { code, reason, message, retry_after } = given;
        let retry_after = self.duration("status.retry_after", retry_after);
        if holds_personal_id(&message) {
            self.add("status.message", "PERSONAL_ID", "a message is shown to others: it holds no personal ID");
        }
        let named = code_named(&code);
        if named.is_none() && !code.is_empty() {
            let known: Vec<&str> = (1..=16).map(|code| code_name(tonic::Code::from_i32(code))).collect();
            self.add("status.code", "UNKNOWN_VALUE", no_such("code", &code, &known));
            return None;
        }
        let status = match (Reason::ALL.iter().find(|known| known.as_str() == reason), named) {
            (None, _) if !reason.is_empty() => {
                let known: Vec<&str> = Reason::ALL.iter().map(|reason| reason.as_str()).collect();
                self.add("status.reason", "UNKNOWN_VALUE", no_such("reason", &reason, &known));
                return None;
            }
            (Some(reason), Some(code)) if crate::api::status::code(reason.kind()) != code => {
                let says =
                    format!("{} is always {}", reason.as_str(), code_name(crate::api::status::code(reason.kind())));
                self.add("status.code", "CONTRADICTION", says);
                return None;
            }
            (Some(reason), _) => Refused::For(*reason),
            (None, Some(code)) => Refused::With(code as u8),
            (None, None) => {
                self.add("status.code", "REQUIRED", "a code or a reason is required");
                return None;
            }
        };
        Some(Refusal { status, message, retry_after })
    }

    fn read(&mut self, given: i32) -> Option<ReadAction> {
        let known = proto::ReadFault::try_from(given).ok();
        let found = known.and_then(|known| READ_FAULTS.iter().find(|(name, _)| *name == known));
        if found.is_none() {
            self.add("read", "UNKNOWN_VALUE", "is not a fault of a registry's answers");
        }
        found.map(|(_, action)| *action)
    }
}

const READ_FAULTS: [(proto::ReadFault, ReadAction); 13] = [
    (proto::ReadFault::PayloadChanged, ReadAction::PayloadChanged),
    (proto::ReadFault::OtherIssuer, ReadAction::OtherIssuer),
    (proto::ReadFault::CompromisedKey, ReadAction::CompromisedKey),
    (proto::ReadFault::OtherProof, ReadAction::OtherProof),
    (proto::ReadFault::IssuedInFuture, ReadAction::IssuedInFuture),
    (proto::ReadFault::NotCanonical, ReadAction::NotCanonical),
    (proto::ReadFault::StaleVersion, ReadAction::StaleVersion),
    (proto::ReadFault::OtherRecord, ReadAction::OtherRecord),
    (proto::ReadFault::Unavailable, ReadAction::Unavailable),
    (proto::ReadFault::Exhausted, ReadAction::Exhausted),
    (proto::ReadFault::Slow, ReadAction::Slow),
    (proto::ReadFault::Internal, ReadAction::Internal),
    (proto::ReadFault::BrokenOff, ReadAction::Reset),
];

/// A rule in its present state.
pub(super) fn of(standing: &Standing) -> proto::Fault {
    let (counts, Rule { matching, turn, action }) = (standing.counts(), &standing.rule);
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    proto::Fault {
        fault_id: standing.id.clone(),
        r#match: Some(proto::FaultMatch {
            methods: matching.methods.clone(),
            agency: text(&matching.agency),
            registry: text(&matching.registry),
            record_type: text(&matching.record_type),
            personal_id: matching.person.map(|person| person.as_str().to_owned()).unwrap_or_default(),
            log: text(&matching.log),
        }),
        turn: Some(proto::FaultTurn {
            nth: turn.nth.map_or(0, NonZeroU64::get),
            every: turn.every.get(),
            probability: turn.per_million.map(|chance| f64::from(chance) / 1e6),
            from: turn.from.and_then(record::timestamp),
            until: turn.until.and_then(record::timestamp),
            max_active: turn.active_max.map_or(0, NonZeroU32::get),
            max_count: turn.count_max.map_or(0, NonZeroU64::get),
            ttl: turn.ttl.map(duration),
        }),
        action: Some(action_message(action)),
        counts: Some(proto::FaultCounts { matched: counts.matched, hits: counts.hits, active: counts.active }),
        of_citizen: standing.source == Source::Persona,
    }
}

fn duration(of: Duration) -> prost_types::Duration {
    prost_types::Duration { seconds: of.as_secs() as i64, nanos: of.subsec_nanos() as i32 }
}

/// An action as the field of a rule.
pub fn action_message(action: &Action) -> Given {
    match action {
        Action::Call(action) => given_call(action),
        Action::Read(ReadAction::Delay(of)) => Given::ReadDelay(delay(*of)),
        Action::Read(action) => {
            let name = READ_FAULTS
                .iter()
                .find(|(_, of)| of == action)
                .map_or(proto::ReadFault::Unspecified, |(name, _)| *name);
            Given::Read(name as i32)
        }
        Action::State(StateAction::HaltedFeed) => Given::HaltedFeed(proto::HaltedFeed {}),
        Action::State(StateAction::FullDisk) => Given::FullDisk(proto::FullDisk {}),
        Action::State(StateAction::PausedSequencer) => Given::PausedSequencer(proto::PausedSequencer {}),
        Action::State(StateAction::ClockSkew(by)) => {
            let by = prost_types::Duration { seconds: by / 1_000, nanos: (by % 1_000 * 1_000_000) as i32 };
            Given::ClockSkew(proto::ClockSkew { by: Some(by) })
        }
        Action::State(StateAction::OldCheckpoint) => Given::OldCheckpoint(proto::OldCheckpoint {}),
        Action::State(StateAction::EquivocatingLog) => Given::EquivocatingLog(proto::EquivocatingLog {}),
        Action::State(StateAction::HaltedRenewal) => Given::HaltedRenewal(proto::HaltedRenewal {}),
    }
}

fn given_call(action: &CallAction) -> Given {
    match action {
        CallAction::Delay(of) => Given::Delay(delay(*of)),
        CallAction::Refuse(Refusal { status, message, retry_after }) => {
            let (code, reason) = match status {
                Refused::For(reason) => (crate::api::status::code(reason.kind()), reason.as_str()),
                Refused::With(code) => (tonic::Code::from_i32(i32::from(*code)), ""),
            };
            let (code, reason) = (code_name(code).to_owned(), reason.to_owned());
            Given::Status(proto::StatusFault {
                code,
                reason,
                message: message.clone(),
                retry_after: retry_after.map(duration),
            })
        }
        CallAction::TrailersOnly => Given::TrailersOnly(proto::TrailersOnly {}),
        CallAction::Cut(after) => Given::Cut(proto::Cut {
            after: Some(match after {
                After::Messages(count) => proto::cut::After::Messages(*count),
                After::Bytes(count) => proto::cut::After::Bytes(*count),
            }),
        }),
        CallAction::Reset(code) => {
            let code = match code {
                ResetCode::InternalError => proto::ResetCode::InternalError,
                ResetCode::RefusedStream => proto::ResetCode::RefusedStream,
                ResetCode::Cancel => proto::ResetCode::Cancel,
                ResetCode::EnhanceYourCalm => proto::ResetCode::EnhanceYourCalm,
            };
            Given::Reset(proto::Reset { code: code as i32 })
        }
        CallAction::GoAway => Given::GoAway(proto::GoAway {}),
        CallAction::Drip { bytes, every } => {
            Given::Drip(proto::Drip { bytes: bytes.get(), every: Some(duration(*every)) })
        }
        CallAction::Duplicate => Given::Duplicate(proto::Duplicate {}),
    }
}

fn delay(of: Delay) -> proto::Delay {
    use proto::delay::Distribution;
    let distribution = match of {
        Delay::Fixed(of) => Distribution::Fixed(duration(of)),
        Delay::Uniform(low, high) => {
            Distribution::Uniform(proto::UniformDelay { low: Some(duration(low)), high: Some(duration(high)) })
        }
        Delay::LogNormal { median, sigma_milli } => Distribution::LogNormal(proto::LogNormalDelay {
            median: Some(duration(median)),
            sigma: f64::from(sigma_milli) / 1e3,
        }),
    };
    proto::Delay { distribution: Some(distribution) }
}
