//! What a fault does: to the answer of a call, to what a registry answers a read, or to a part of the world for as long as its rule stands.

use std::num::{NonZeroU32, NonZeroU64};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::base::{Reason, Seed};

/// The action of a fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Acts on a call and its answer.
    Call(CallAction),
    /// Acts on what a registry answers a read, whichever call it serves.
    Read(ReadAction),
    /// Holds for a part of the world while the rule stands.
    State(StateAction),
}

impl Action {
    /// `delay`, `payload_changed`, `halted_feed`, ….
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Call(action) => action.as_str(),
            Self::Read(action) => action.as_str(),
            Self::State(action) => action.as_str(),
        }
    }

    /// Whether a registry or a log says under its real key what is not so. Such a fault holds in sessions only: signatures last longer than
    /// any fault.
    pub fn signs_falsely(&self) -> bool {
        match self {
            Self::Call(_) => false,
            Self::Read(action) => action.signs_falsely(),
            Self::State(action) => {
                matches!(action, StateAction::ClockSkew(_) | StateAction::EquivocatingLog)
            }
        }
    }
}

/// What happens to a call that was admitted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallAction {
    /// It waits before it is served.
    Delay(Delay),
    /// It is refused, and not served.
    Refuse(Refusal),
    /// It is served, and answered with a successful status alone: without the message.
    TrailersOnly,
    /// It is served; the answer ends in the middle, with a reset of the stream.
    Cut(After),
    /// It is not served; its stream is reset.
    Reset(ResetCode),
    /// It is served; its connection takes no further calls (GOAWAY).
    GoAway,
    /// It is served; the answer comes a few bytes at a time.
    Drip {
        /// How many bytes.
        bytes: NonZeroU32,
        /// How long after those before.
        every: Duration,
    },
    /// It is served; every message of the answer comes twice.
    Duplicate,
}

impl CallAction {
    fn as_str(&self) -> &'static str {
        match self {
            Self::Delay(_) => "delay",
            Self::Refuse(_) => "status",
            Self::TrailersOnly => "trailers_only",
            Self::Cut(_) => "cut",
            Self::Reset(_) => "reset",
            Self::GoAway => "go_away",
            Self::Drip { .. } => "drip",
            Self::Duplicate => "duplicate",
        }
    }
}

/// How long something takes longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Delay {
    /// Always the same.
    Fixed(Duration),
    /// Anything from the first to the second.
    Uniform(Duration, Duration),
    /// Log-normal: half of the delays are shorter than the median, and a few much longer.
    LogNormal {
        /// The median.
        median: Duration,
        /// The standard deviation of the logarithm, in thousandths.
        sigma_milli: u32,
    },
}

/// The longest delay: as long as the longest deadline.
pub const DELAY_MAX: Duration = Duration::from_millis(crate::base::limits::DEADLINE_MS_MAX);
/// The largest standard deviation of a logarithm, in thousandths: one delay in six is then e³ times the median or more.
pub const SIGMA_MILLI_MAX: u32 = 3_000;

impl Delay {
    /// The delay that a die shows; at most [`DELAY_MAX`].
    pub fn drawn(self, die: &Seed) -> Duration {
        let mut draws = die.draws();
        let mut uniform = || (draws.bits() >> 11) as f64 / (1_u64 << 53) as f64;
        let drawn = match self {
            Self::Fixed(delay) => delay,
            Self::Uniform(low, high) => low + high.saturating_sub(low).mul_f64(uniform()),
            Self::LogNormal { median, sigma_milli } => {
                // Box and Muller: two uniform numbers make a normal one.
                let (radius, angle) = ((-2.0 * (1.0 - uniform()).ln()).sqrt(), std::f64::consts::TAU * uniform());
                let factor = (f64::from(sigma_milli) / 1_000.0 * radius * angle.cos()).exp();
                Duration::try_from_secs_f64(median.as_secs_f64() * factor).unwrap_or(DELAY_MAX)
            }
        };
        drawn.min(DELAY_MAX)
    }
}

/// The status with which a call is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What it says.
    pub status: Refused,
    /// For developers; empty: one that says that a rule asked for it.
    pub message: String,
    /// When to try again, for `RetryInfo`.
    pub retry_after: Option<Duration>,
}

/// The code of a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// One of this API's reasons, with the code and the details that belong to it.
    For(Reason),
    /// Any code of gRPC but OK, 1 to 16, with the reason `FAULT_INJECTED`.
    With(u8),
}

/// Where an answer ends too early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum After {
    /// After this number of messages.
    Messages(u32),
    /// After so many bytes, prefixes of messages included.
    Bytes(u64),
}

/// The code of a reset stream (RFC 9113, section 7), as far as gRPC gives it a meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ResetCode {
    /// `INTERNAL_ERROR`: clients report INTERNAL.
    #[default]
    InternalError,
    /// `REFUSED_STREAM`: clients report UNAVAILABLE, and may repeat the call by themselves.
    RefusedStream,
    /// `CANCEL`: clients report CANCELLED.
    Cancel,
    /// `ENHANCE_YOUR_CALM`: clients report RESOURCE_EXHAUSTED.
    EnhanceYourCalm,
}

/// What a registry does wrong with a read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReadAction {
    /// A payload is changed after signing.
    PayloadChanged,
    /// The checkpoint is signed with another registry's key.
    OtherIssuer,
    /// The checkpoint is signed with a key that the trust anchor calls compromised.
    CompromisedKey,
    /// The proof is another record's.
    OtherProof,
    /// The statement is issued tomorrow.
    IssuedInFuture,
    /// A field occurs in the payload twice.
    NotCanonical,
    /// The record is the version before the latest, if there was one.
    StaleVersion,
    /// The record is another person's, of the same type.
    OtherRecord,
    /// The registry does not answer.
    Unavailable,
    /// The registry is at its limit and states when to retry.
    Exhausted,
    /// The registry is slower than any deadline.
    Slow,
    /// The registry takes longer.
    Delay(Delay),
    /// The registry has a defect.
    Internal,
    /// The answer breaks off after its first part.
    Reset,
}

impl ReadAction {
    /// `payload_changed`, `unavailable`, ….
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PayloadChanged => "payload_changed",
            Self::OtherIssuer => "other_issuer",
            Self::CompromisedKey => "compromised_key",
            Self::OtherProof => "other_proof",
            Self::IssuedInFuture => "issued_in_future",
            Self::NotCanonical => "not_canonical",
            Self::StaleVersion => "stale_version",
            Self::OtherRecord => "other_record",
            Self::Unavailable => "unavailable",
            Self::Exhausted => "exhausted",
            Self::Slow => "slow",
            Self::Delay(_) => "read_delay",
            Self::Internal => "internal",
            Self::Reset => "broken_off",
        }
    }

    /// Whether records are answered, but bad ones.
    pub fn is_in_records(self) -> bool {
        match self {
            Self::PayloadChanged
            | Self::OtherIssuer
            | Self::CompromisedKey
            | Self::OtherProof
            | Self::IssuedInFuture
            | Self::NotCanonical
            | Self::StaleVersion
            | Self::OtherRecord => true,
            Self::Unavailable | Self::Exhausted | Self::Slow | Self::Delay(_) | Self::Internal | Self::Reset => false,
        }
    }

    /// Whether a real key signs what is not so.
    pub fn signs_falsely(self) -> bool {
        matches!(self, Self::OtherIssuer | Self::CompromisedKey | Self::IssuedInFuture)
    }
}

/// What is wrong with a part of the world while the rule stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StateAction {
    /// The province takes no changes of a registry.
    HaltedFeed,
    /// The store takes no changes, as on a full disk.
    FullDisk,
    /// A log signs nothing; writers wait.
    PausedSequencer,
    /// The clock of a registry is wrong by so many milliseconds.
    ClockSkew(i64),
    /// A log shows the head that it had before the present one.
    OldCheckpoint,
    /// A log shows another tree of the same size.
    EquivocatingLog,
    /// The trust anchor is not renewed.
    HaltedRenewal,
}

/// The largest error of a clock: ten years.
pub const SKEW_MS_MAX: i64 = 3_653 * 86_400_000;

impl StateAction {
    fn as_str(self) -> &'static str {
        match self {
            Self::HaltedFeed => "halted_feed",
            Self::FullDisk => "full_disk",
            Self::PausedSequencer => "paused_sequencer",
            Self::ClockSkew(_) => "clock_skew",
            Self::OldCheckpoint => "old_checkpoint",
            Self::EquivocatingLog => "equivocating_log",
            Self::HaltedRenewal => "halted_renewal",
        }
    }
}

/// Every so often: 1 is always.
pub const ALWAYS: NonZeroU64 = NonZeroU64::MIN;

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(delay: Delay) -> Vec<f64> {
        let mut all: Vec<f64> = (0..2_001).map(|n| delay.drawn(&Seed::root(1).child("die", n)).as_secs_f64()).collect();
        all.sort_by(f64::total_cmp);
        all
    }

    #[test]
    fn delays_follow_their_distribution() {
        let ms = Duration::from_millis;
        assert!(drawn(Delay::Fixed(ms(30))).iter().all(|s| *s == 0.03));
        let uniform = drawn(Delay::Uniform(ms(100), ms(200)));
        assert!(uniform[0] >= 0.1 && uniform[2_000] <= 0.2 && (uniform[1_000] - 0.15).abs() < 0.005, "{uniform:?}");
        let skewed = drawn(Delay::LogNormal { median: ms(100), sigma_milli: 1_000 });
        assert!((skewed[1_000] - 0.1).abs() < 0.01, "the median: {}", skewed[1_000]);
        // 84 of a hundred are below e times the median.
        assert!((skewed[1_682] / 0.1 - std::f64::consts::E).abs() < 0.3, "{}", skewed[1_682]);
    }

    #[test]
    fn no_delay_is_longer_than_any_deadline() {
        let huge = Delay::LogNormal { median: DELAY_MAX, sigma_milli: SIGMA_MILLI_MAX };
        assert!(drawn(huge).iter().all(|s| *s <= DELAY_MAX.as_secs_f64()));
    }

    #[test]
    fn an_action_that_is_kept_is_written_as_before() {
        let written = serde_json::to_string(&ReadAction::CompromisedKey).expect("writes");
        assert_eq!(written, r#""compromised_key""#, "rows of created citizens");
    }
}
