//! Versions that a load or a run of due work has just written, for the follower that takes them next: it need not read back what is still in
//! memory.
//!
//! Only a cache: other versions are read from the store. A batch is given once, and only whole.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use crate::trust::statement::STATEMENT_BYTES_MAX;
use crate::trust::{Disclosure, SignedRecord};

/// Approximate maximum of bytes in memory.
const BYTES_MAX: usize = 8 * 1024 * 1024;

/// The versions between two log indices.
#[derive(Default)]
pub(super) struct Recent(Mutex<Held>);

#[derive(Default)]
struct Held {
    /// Log index of the first.
    first: u64,
    records: VecDeque<SignedRecord>,
    bytes: usize,
}

impl Recent {
    /// Adds durable versions from the log index `first`. Versions that do not continue the earlier ones replace them.
    pub(super) fn add(&self, first: u64, records: Vec<SignedRecord>) {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if held.first + held.records.len() as u64 != first {
            *held = Held { first, ..Held::default() };
        }
        held.bytes += records.iter().map(weight).sum::<usize>();
        held.records.extend(records);
        while held.bytes > BYTES_MAX {
            held.drop_first();
        }
    }

    /// The versions from one log index to another, if all are in memory; they and all earlier ones are then dropped.
    pub(super) fn take(&self, from: u64, to: u64) -> Option<Vec<SignedRecord>> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if from < held.first || to > held.first + held.records.len() as u64 || from >= to {
            return None;
        }
        while held.first < from {
            held.drop_first();
        }
        let taken: Vec<SignedRecord> = held.records.drain(..(to - from) as usize).collect();
        held.first = to;
        held.bytes -= taken.iter().map(weight).sum::<usize>();
        Some(taken)
    }
}

impl Held {
    fn drop_first(&mut self) {
        if let Some(dropped) = self.records.pop_front() {
            self.first += 1;
            self.bytes -= weight(&dropped);
        }
    }
}

fn weight(record: &SignedRecord) -> usize {
    let shown = match &record.disclosure {
        Disclosure::Whole { payload, .. } => payload.len(),
        Disclosure::Partial { .. } => 0,
    };
    shown + STATEMENT_BYTES_MAX
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn record(number: u8, bytes: usize) -> SignedRecord {
        SignedRecord {
            statement: Bytes::from(vec![number]),
            disclosure: Disclosure::Whole { payload: Bytes::from(vec![0; bytes]), salt: [0; 32] },
            issuer_proof: None,
            ledger_proof: None,
        }
    }

    fn numbers(taken: Option<Vec<SignedRecord>>) -> Option<Vec<u8>> {
        taken.map(|records| records.iter().map(|record| record.statement[0]).collect())
    }

    #[test]
    fn a_batch_is_given_once_and_whole() {
        let recent = Recent::default();
        assert_eq!(numbers(recent.take(0, 1)), None);
        recent.add(0, vec![record(0, 10), record(1, 10)]);
        recent.add(2, vec![record(2, 10), record(3, 10)]);
        assert_eq!(numbers(recent.take(3, 5)), None, "not all of it is here");
        assert_eq!(numbers(recent.take(0, 2)), Some(vec![0, 1]));
        assert_eq!(numbers(recent.take(0, 2)), None);
        assert_eq!(numbers(recent.take(3, 4)), Some(vec![3]), "what was left out is gone");
        recent.add(9, vec![record(9, 10)]);
        assert_eq!(numbers(recent.take(9, 10)), Some(vec![9]), "after a gap");
    }

    #[test]
    fn it_holds_a_bounded_part() {
        let recent = Recent::default();
        recent.add(0, (0..40).map(|number| record(number, BYTES_MAX / 16)).collect());
        assert_eq!(numbers(recent.take(0, 40)), None);
        assert_eq!(numbers(recent.take(39, 40)), Some(vec![39]));
    }
}
