//! What is kept of a clock: `clock.json` in the data folder, written whole before the clock moves.
//!
//! It stands beside the store rather than in it, so that commands that mint a token or sign for a world read its time while the gateway
//! has the store open.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::base::{Error, Result, Timestamp};
use crate::store::file::{Readers, read_small, unreadable, write_whole};

use super::jump::Report;
use super::pace::{LAST_YEAR, Pace, Target};

const FILE: &str = "clock.json";
const FORMAT: &str = "lienthong/clock/v1";
const FILE_BYTES_MAX: u64 = 1024 * 1024;
/// No world's time is earlier.
const FIRST_YEAR: i16 = 1_970;
/// Largest accepted offset from the machine's clock: 250 years.
const AHEAD_MS_MAX: u64 = 250 * 366 * 86_400_000;
/// How many jumps are remembered, for calls that are repeated.
const JUMPS_MAX: usize = 64;

/// A clock's pace, and the last jumps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// How the time runs.
    pub pace: Pace,
    jumps: VecDeque<Begun>,
}

/// A jump that was begun, under the id of the request that asked for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Begun {
    pub request: String,
    pub target: TargetForm,
    pub before_ms: i64,
    pub after_ms: i64,
    /// Whether it came to its end.
    pub is_over: bool,
    /// What ran in it.
    #[serde(default)]
    pub report: Report,
}

impl Begun {
    pub fn new(request: &str, target: TargetForm, before: Timestamp, after: Timestamp) -> Self {
        let (before_ms, after_ms) = (before.0, after.0);
        Self { request: request.into(), target, before_ms, after_ms, is_over: false, report: Report::default() }
    }
}

/// How far a jump was to go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum TargetForm {
    ByMs(i64),
    ToMs(i64),
    Next(Option<String>),
}

impl From<&Target> for TargetForm {
    fn from(target: &Target) -> Self {
        match target {
            Target::By(ms) => Self::ByMs(*ms),
            Target::To(at) => Self::ToMs(at.0),
            Target::Next(kind) => Self::Next(kind.clone()),
        }
    }
}

/// The file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    format: String,
    pace: PaceForm,
    jumps: VecDeque<Begun>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum PaceForm {
    FlowingAheadMs(i64),
    FrozenAtMs(i64),
}

impl Default for Kept {
    /// A clock that shows the machine's time.
    fn default() -> Self {
        Self { pace: Pace::Flowing { ahead_ms: 0 }, jumps: VecDeque::new() }
    }
}

impl Kept {
    /// Where it is kept in a data folder.
    pub fn path(folder: &Path) -> PathBuf {
        folder.join(FILE)
    }

    /// What is kept in a data folder; `None` for a world whose clock was never moved. Fails with
    /// [`ConfigurationInvalid`](crate::base::Reason::ConfigurationInvalid) when the file is there and cannot be read.
    pub fn read(folder: &Path) -> Result<Option<Self>> {
        let path = Self::path(folder);
        let Some(bytes) = read_small(&path, FILE_BYTES_MAX)? else { return Ok(None) };
        let Form { format, pace, jumps } = serde_json::from_slice(&bytes).map_err(|error| unreadable(&path, error))?;
        if format != FORMAT {
            return Err(unreadable(&path, format!("its format is not {FORMAT}")));
        }
        let pace = match pace {
            PaceForm::FlowingAheadMs(ahead_ms) => Pace::Flowing { ahead_ms },
            PaceForm::FrozenAtMs(ms) => Pace::Frozen { at: Timestamp(ms) },
        };
        let is_possible = match pace {
            Pace::Flowing { ahead_ms } => ahead_ms.unsigned_abs() <= AHEAD_MS_MAX,
            Pace::Frozen { at } => (FIRST_YEAR..=LAST_YEAR).contains(&at.date().year()),
        };
        if !is_possible {
            return Err(unreadable(&path, format!("its time is not within the years {FIRST_YEAR} to {LAST_YEAR}")));
        }
        Ok(Some(Self { pace, jumps }))
    }

    /// What the clock shows when the machine's shows `machine`.
    pub fn at(&self, machine: Timestamp) -> Timestamp {
        self.pace.at(machine)
    }

    /// Writes the file, durable when it returns.
    pub(super) fn write(&self, path: &Path) -> Result<()> {
        let pace = match self.pace {
            Pace::Flowing { ahead_ms } => PaceForm::FlowingAheadMs(ahead_ms),
            Pace::Frozen { at } => PaceForm::FrozenAtMs(at.0),
        };
        let mut form = Form { format: FORMAT.into(), pace, jumps: self.jumps.clone() };
        let mut json = serde_json::to_vec_pretty(&form).map_err(Error::bug)?;
        // What was written must be read again: the oldest jumps are forgotten first, the jump in progress is the last.
        while json.len() as u64 >= FILE_BYTES_MAX && form.jumps.len() > 1 {
            form.jumps.pop_front();
            json = serde_json::to_vec_pretty(&form).map_err(Error::bug)?;
        }
        json.push(b'\n');
        write_whole(path, &json, Readers::Owner)
    }

    /// The jump that was begun under a request id.
    pub(super) fn jump(&self, request: &str) -> Option<Begun> {
        self.jumps.iter().find(|jump| jump.request == request).cloned()
    }

    /// Remembers how far a jump is.
    pub(super) fn note(&mut self, jump: Begun) {
        let noted = jump.request.clone();
        let others = self.jumps.iter_mut().filter(|begun| begun.request != jump.request);
        others.for_each(|begun| begun.report.forget_list());
        match self.jumps.iter_mut().find(|begun| begun.request == jump.request) {
            Some(begun) => *begun = jump,
            None => self.jumps.push_back(jump),
        }
        // The oldest other one that ended, or else the oldest other one.
        while self.jumps.len() > JUMPS_MAX {
            let other = |jump: &Begun| jump.request != noted;
            let ended = self.jumps.iter().position(|jump| other(jump) && jump.is_over);
            let Some(oldest) = ended.or_else(|| self.jumps.iter().position(other)) else { break };
            self.jumps.remove(oldest);
        }
    }
}
