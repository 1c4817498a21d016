//! A jump of the clock: where it ends, and what came of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::due::{DueWork, Ran};
use super::pace::{self, LAST_YEAR, Target};
use crate::base::{Error, Reason, Result, Timestamp};

/// The longest jump: ten years, in days.
pub const JUMP_DAYS_MAX: i64 = 3_653;

/// Most pieces of work that may be due in one jump: about a minute of work.
pub const JUMP_PIECES_MAX: u64 = 1_000_000;

/// How many pieces a jump lists; the others are counted.
pub const LISTED_MAX: usize = 1_000;

const DAY_MS: i64 = 86_400_000;

/// A jump that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Jump {
    /// What the clock showed before.
    pub before: Timestamp,
    /// What it showed at the end of the jump.
    pub after: Timestamp,
    /// What ran.
    pub report: Report,
    /// Whether an earlier call with the same request id made it.
    pub is_repetition: bool,
    /// The parts of the world that do not show yet what ran: registries, whose feeds wait or are halted, and `links`.
    pub lagging: Vec<String>,
}

/// What ran in a jump.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// The first [`LISTED_MAX`] pieces, in order. They are remembered for the last jump alone, and not beyond the process.
    #[serde(skip)]
    pub listed: Arc<Vec<Ran>>,
    /// How many pieces ran, by kind.
    pub counts: BTreeMap<String, u64>,
}

impl Report {
    /// How many pieces ran.
    pub fn total(&self) -> u64 {
        self.counts.values().sum()
    }

    /// Keeps the counts alone.
    pub(super) fn forget_list(&mut self) {
        self.listed = Arc::default();
    }

    /// Notes pieces that ran.
    pub fn add(&mut self, ran: Vec<Ran>) {
        for piece in &ran {
            match self.counts.get_mut(&piece.kind) {
                Some(count) => *count += 1,
                None => drop(self.counts.insert(piece.kind.clone(), 1)),
            }
        }
        let room = LISTED_MAX.saturating_sub(self.listed.len());
        if room > 0 && !ran.is_empty() {
            Arc::make_mut(&mut self.listed).extend(ran.into_iter().take(room));
        }
    }
}

/// The end of a jump that begins at `now`, in a world with this work.
pub(super) fn end_of(now: Timestamp, target: &Target, work: &[Arc<dyn DueWork>]) -> Result<Timestamp> {
    let (field, to) = match target {
        Target::By(ms) => ("by", now.plus_ms(*ms)),
        Target::To(at) => ("to", *at),
        // What is overdue runs at once.
        Target::Next(kind) => ("kind", next_of(kind.as_deref(), work)?.max(now.plus_ms(1))),
    };
    let refused = |why: String| Err(Error::invalid_field(field, "OUT_OF_RANGE", why));
    if to <= now {
        return refused(format!("a world's time only goes forward: its clock shows {now}"));
    }
    if to.0.saturating_sub(now.0) > JUMP_DAYS_MAX * DAY_MS {
        return refused(format!("one jump is at most {JUMP_DAYS_MAX} days long: its clock shows {now}"));
    }
    if to > pace::END {
        return refused(format!("a world's time ends with the year {LAST_YEAR}"));
    }
    let pieces: u64 = work.iter().map(|work| work.count(to)).sum();
    if pieces > JUMP_PIECES_MAX {
        return refused(format!(
            "{pieces} pieces of work fall due until then, and one jump runs at most {JUMP_PIECES_MAX}: go there in shorter jumps"
        ));
    }
    Ok(to)
}

/// When the next piece of a kind is due; of any kind without one.
fn next_of(kind: Option<&str>, work: &[Arc<dyn DueWork>]) -> Result<Timestamp> {
    let scheduled: Vec<_> = work.iter().flat_map(|work| work.scheduled()).collect();
    let is_asked = |name: &str| kind.is_none_or(|kind| kind == name);
    if kind.is_some() && !scheduled.iter().any(|one| is_asked(&one.kind)) {
        let known: Vec<&str> = scheduled.iter().map(|one| one.kind.as_str()).collect();
        let says = format!("is not a kind of work in this world: {}", known.join(", "));
        return Err(Error::invalid_field("kind", "UNKNOWN_VALUE", says));
    }
    let next = scheduled.iter().filter(|one| is_asked(&one.kind)).filter_map(|one| one.next).min();
    next.ok_or_else(|| Error::new(Reason::NotFound, "no work of this kind is scheduled"))
}
