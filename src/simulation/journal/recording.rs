//! A recording of a session: its calls whole, so that they can be made again. It holds personal data, so it is begun explicitly, of a session alone,
//! and is bounded, by itself and together with what all sessions hold: a call that does not fit ends it, for a recording with a gap could not be replayed.

use std::sync::Arc;

use super::call::JournalCall;
use crate::base::limits::SESSIONS_BYTES_MAX;
use crate::base::{Error, PersonalId, Reason, Result, SessionId};
use crate::simulation::clock::Reading;
use crate::store::{MemoryShare, MemoryTotal};

/// The part of a recording that calls of strangers take at most: one in so many.
const OF_STRANGERS: usize = 8;

/// What decides the answers of a session besides its calls.
#[derive(Debug, Clone)]
pub struct RecordedSession {
    /// Its id: the origins and keys of its logs.
    pub id: SessionId,
    /// The seed of its randomness.
    pub seed: Option<u64>,
    /// The personas whose faults held at its beginning.
    pub persona_faults: Vec<PersonalId>,
    /// Whether its calls may ask for faults of their own.
    pub metadata_faults: bool,
    /// How often it was reset: each time its logs get other origins and keys.
    pub resets: u32,
    /// The session that it began from, of whose changes a replay would know nothing.
    pub from: Option<SessionId>,
    /// The rules with which it began that somebody had added outside, of which a replay would know nothing, by their names.
    pub inherited_faults: Vec<String>,
    /// What its clock showed when the recording began.
    pub clock: Reading,
}

impl RecordedSession {
    /// Fails with [`RecordingImpossible`](Reason::RecordingImpossible) if a replay could not begin as the session began: it begins from the province, and
    /// knows nothing of what was changed or added elsewhere before.
    pub(super) fn check(&self) -> Result<()> {
        let impossible = |message| Err(Error::new(Reason::RecordingImpossible, message).with_subject("session", ""));
        if self.from.is_some() {
            let message = "the session began from another session, and a replay begins from the province: record one that begins there, and make in it the calls of the other";
            return impossible(message.to_owned());
        }
        match self.inherited_faults.first() {
            None => Ok(()),
            Some(name) => impossible(format!(
                "the session began with the fault rule {name} of the province, which a replay would not have: remove it there and create another session, then add it in that one once it is recorded"
            )),
        }
    }
}

/// A recording.
#[derive(Debug, Clone)]
pub struct Recording {
    /// Of which session.
    pub session: RecordedSession,
    /// Its calls, in the order in which they ended.
    pub calls: Vec<Arc<JournalCall>>,
    /// Whether it ended because a call did not fit.
    pub is_full: bool,
}

/// What records.
#[derive(Debug)]
pub(super) struct Recorder {
    recording: Recording,
    /// All that is recorded, as a share of the memory of all sessions.
    memory: MemoryShare,
    /// Those bytes of it that are of strangers.
    of_strangers: usize,
    bytes_max: usize,
    is_on: bool,
}

impl Recorder {
    /// One that holds nothing yet, and so many bytes at most.
    pub(super) fn new(session: RecordedSession, bytes_max: usize, memory: &MemoryTotal) -> Self {
        let recording = Recording { session, calls: Vec::new(), is_full: false };
        Self { recording, memory: memory.share(), of_strangers: 0, bytes_max, is_on: true }
    }

    /// Adds a call, if it is on. What strangers ask changes nothing, so a call of theirs that does not fit is left out.
    pub(super) fn add(&mut self, call: &Arc<JournalCall>) {
        if !self.is_on {
            return;
        }
        let has_request = call.request.is_some() || call.request_bytes == 0;
        let is_whole = has_request && call.answers.len() as u64 == call.answer_count;
        let (bytes, is_of_stranger) = (call.bytes(), call.is_stranger);
        if is_of_stranger && (!is_whole || self.of_strangers + bytes > self.bytes_max / OF_STRANGERS) {
            return;
        }
        let fits = is_whole && self.memory.bytes() + bytes <= self.bytes_max;
        if fits && self.memory.grow_within(bytes, SESSIONS_BYTES_MAX) {
            self.of_strangers += if is_of_stranger { bytes } else { 0 };
            self.recording.calls.push(call.clone());
        } else if !is_of_stranger {
            (self.is_on, self.recording.is_full) = (false, true);
        }
    }

    /// Ends it.
    pub(super) fn stop(&mut self) -> &Recording {
        self.is_on = false;
        &self.recording
    }

    /// Whether calls are added.
    pub(super) fn is_on(&self) -> bool {
        self.is_on
    }

    /// What was recorded so far.
    pub(super) fn recording(&self) -> &Recording {
        &self.recording
    }

    /// Its memory, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.memory.bytes()
    }
}
