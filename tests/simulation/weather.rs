//! What disk and network are like at the moment, as whoever throws the dice of fate sets it.

use std::collections::BTreeSet;

/// The disk's.
#[derive(Debug, Default)]
pub struct DiskWeather {
    /// A sync takes up to two seconds.
    pub is_slow: bool,
    /// Nothing more can be written.
    pub is_full: bool,
    /// The next write fails, and the engine stops.
    pub next_write_fails: bool,
}

/// The network's.
#[derive(Debug, Default)]
pub struct NetWeather {
    /// Each piece takes up to a second.
    pub is_slow: bool,
    /// How many of a thousand pieces are the last of their connection.
    pub cuts_per_mille: u64,
    /// The clients that reach nobody.
    pub cut_off: BTreeSet<String>,
}

/// A disk that is wrong for a whole run: faults of old, brought back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Habit {
    /// It opens a store of which a space is gone.
    LosesSpacesSilently,
    /// It says of a row that cannot be read that there is none.
    CallsUnreadableMissing,
}
