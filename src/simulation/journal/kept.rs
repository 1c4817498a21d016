//! The calls that a journal keeps: those of callers, and apart from them those of strangers, who push nothing out but what is their own.

use std::collections::VecDeque;
use std::sync::Arc;

use super::call::JournalCall;
use super::filter::CallFilter;
use crate::base::Caller;

/// The part of a journal's bytes that calls of strangers take at most: one in so many.
const OF_STRANGERS: usize = 8;

/// Calls in the order of their ends, the oldest of which give way.
#[derive(Debug, Default)]
struct Lot {
    calls: VecDeque<Arc<JournalCall>>,
    bytes: usize,
    /// How many of the oldest were forgotten since the journal was reset.
    forgotten: u64,
}

impl Lot {
    fn push(&mut self, call: Arc<JournalCall>, bytes_max: usize) {
        self.bytes += call.bytes();
        self.calls.push_back(call);
        while self.bytes > bytes_max
            && let Some(oldest) = self.calls.pop_front()
        {
            self.bytes -= oldest.bytes();
            self.forgotten += 1;
        }
    }

    fn begin(&self, after: u64) -> usize {
        self.calls.partition_point(|call| call.position <= after)
    }
}

/// Both kinds of calls.
#[derive(Debug, Default)]
pub(super) struct KeptCalls {
    callers: Lot,
    strangers: Lot,
}

impl KeptCalls {
    /// Keeps a call behind all others, at most so many bytes of them.
    pub(super) fn push(&mut self, call: Arc<JournalCall>, bytes_max: usize) {
        let of_strangers = bytes_max / OF_STRANGERS;
        if call.is_stranger {
            self.strangers.push(call, of_strangers);
        } else {
            self.callers.push(call, bytes_max - of_strangers);
        }
    }

    /// The calls behind a position, in the order of their ends.
    pub(super) fn after<'a>(&'a self, position: u64) -> impl Iterator<Item = &'a Arc<JournalCall>> {
        let behind = |lot: &'a Lot| lot.calls.range(lot.begin(position)..).peekable();
        let (mut callers, mut strangers) = (behind(&self.callers), behind(&self.strangers));
        std::iter::from_fn(move || match (callers.peek(), strangers.peek()) {
            (Some(one), Some(other)) if one.position > other.position => strangers.next(),
            (Some(_), _) => callers.next(),
            (None, _) => strangers.next(),
        })
    }

    /// How many calls are there behind the first position, up to the second.
    pub(super) fn count_between(&self, after: u64, through: u64) -> u64 {
        let of = |lot: &Lot| lot.begin(through).saturating_sub(lot.begin(after)) as u64;
        of(&self.callers) + of(&self.strangers)
    }

    /// How many were forgotten that a filter might have let through: there is no agency among strangers.
    pub(super) fn forgotten(&self, filter: &CallFilter) -> u64 {
        let is_of_agency = filter.caller.as_ref().is_some_and(|label| label != Caller::CITIZEN);
        let strangers = if is_of_agency { 0 } else { self.strangers.forgotten };
        self.callers.forgotten + strangers
    }

    /// Forgets all of them; returns how many there were.
    pub(super) fn clear(&mut self) -> u64 {
        let gone = std::mem::take(self);
        (gone.callers.calls.len() + gone.strangers.calls.len()) as u64
    }
}
