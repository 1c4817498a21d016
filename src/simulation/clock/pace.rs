//! How a world's time runs, and how far it is to go.

use crate::base::Timestamp;

/// The year with which every world's time ends: records can hold dates of that year, and none after it.
pub const LAST_YEAR: i16 = 2_199;

/// The last instant of [`LAST_YEAR`] in Vietnam.
pub const END: Timestamp = Timestamp(7_258_093_199_999);

/// How a world's time runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// With the machine's, so many milliseconds ahead of it; behind it where the number is negative.
    Flowing {
        /// How far ahead.
        ahead_ms: i64,
    },
    /// It stands still.
    Frozen {
        /// What the clock shows.
        at: Timestamp,
    },
}

impl Pace {
    /// What the clock shows when the machine's shows `machine`.
    ///
    /// At the end of a world's time ([`END`]) it stands.
    pub fn at(self, machine: Timestamp) -> Timestamp {
        match self {
            Self::Flowing { ahead_ms } => machine.plus_ms(ahead_ms).min(END),
            Self::Frozen { at } => at,
        }
    }
}

/// How far to go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// This many milliseconds from now.
    By(i64),
    /// To this time.
    To(Timestamp),
    /// To the next time at which work of this kind is due, or of any.
    Next(Option<String>),
}
