//! A recording of a session: its calls whole, so that they can be made again. It holds personal data, so it is begun explicitly, of a session alone,
//! and is bounded: a call that does not fit ends it, for a recording with a gap could not be replayed.

use std::sync::Arc;

use super::call::JournalCall;
use crate::base::{PersonalId, SessionId};
use crate::simulation::clock::Reading;

/// What decides the answers of a session besides its calls.
#[derive(Debug, Clone)]
pub struct RecordedSession {
    /// Its id: the origins and keys of its logs.
    pub id: SessionId,
    /// The seed of its randomness.
    pub seed: Option<u64>,
    /// The personas whose faults hold; `None`: all.
    pub persona_faults: Option<Vec<PersonalId>>,
    /// What its clock showed when the recording began.
    pub clock: Reading,
}

/// A recording.
#[derive(Debug, Clone)]
pub struct Recording {
    session: RecordedSession,
    calls: Vec<Arc<JournalCall>>,
    bytes: usize,
    bytes_max: usize,
    is_on: bool,
    is_full: bool,
}

impl Recording {
    /// An empty one, of so many bytes.
    pub(super) fn new(session: RecordedSession, bytes_max: usize) -> Self {
        Self { session, calls: Vec::new(), bytes: 0, bytes_max, is_on: true, is_full: false }
    }

    /// Adds a call, if it is on.
    pub(super) fn add(&mut self, call: &Arc<JournalCall>) {
        if !self.is_on {
            return;
        }
        let has_request = call.request.is_some() || call.request_bytes == 0;
        let is_whole = has_request && call.answers.len() as u64 == call.answer_count;
        self.bytes += call.bytes();
        if self.bytes > self.bytes_max || !is_whole {
            (self.is_on, self.is_full) = (false, true);
        } else {
            self.calls.push(call.clone());
        }
    }

    /// Ends it.
    pub(super) fn stop(&mut self) {
        self.is_on = false;
    }

    /// Whether calls are added.
    pub fn is_on(&self) -> bool {
        self.is_on
    }

    /// Whether it ended because a call did not fit.
    pub fn is_full(&self) -> bool {
        self.is_full
    }

    /// Of which session.
    pub fn session(&self) -> &RecordedSession {
        &self.session
    }

    /// Its calls, in the order in which they ended.
    pub fn calls(&self) -> &[Arc<JournalCall>] {
        &self.calls
    }
}
