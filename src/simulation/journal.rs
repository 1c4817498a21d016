//! The journal of a world: its newest calls, in memory, for whoever tests against it; and the recording of a session, which can be replayed.
//!
//! Messages are kept as the bytes that they were, and neither read nor masked before somebody asks for them: a call costs a copy of its messages.
//! The journal counts what it forgets, so that a part is never taken for the whole.

mod call;
mod filter;
mod recording;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::base::{Error, Reason, RequestId, Result, limits};

pub use call::{CANCELLED, JournalCall, Protocol};
pub use filter::{CallFilter, REFUSED, WhichMethod};
pub use recording::{RecordedSession, Recording};

/// Most ids of calls that a count names.
const NAMED_MAX: usize = 20;

/// The newest calls of a world.
#[derive(Debug)]
pub struct Journal {
    kept: Mutex<Kept>,
    /// How many calls began so far.
    begun: AtomicU64,
    /// The position of the newest call.
    newest: watch::Sender<u64>,
    bytes_max: usize,
}

#[derive(Debug, Default)]
struct Kept {
    calls: VecDeque<Arc<JournalCall>>,
    bytes: usize,
    /// The position of the newest call so far.
    newest: u64,
    /// How many of the oldest were forgotten since the journal was reset.
    forgotten: u64,
    recording: Option<Recording>,
}

/// Some calls.
#[derive(Debug, Default)]
pub struct Page {
    /// The oldest first.
    pub calls: Vec<Arc<JournalCall>>,
    /// The position after which the next page begins; `None`: there is none.
    pub next: Option<u64>,
    /// The position up to which calls were looked at.
    pub through: u64,
    /// How many of the oldest were forgotten.
    pub forgotten: u64,
}

/// How many calls match.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// So many.
    pub count: u64,
    /// The ids of the first.
    pub first: Vec<RequestId>,
    /// How many of the oldest were forgotten, which may have matched.
    pub forgotten: u64,
}

impl Journal {
    /// An empty one, of so many bytes.
    pub fn new(bytes_max: usize) -> Self {
        Self { kept: Mutex::default(), begun: AtomicU64::new(0), newest: watch::channel(0).0, bytes_max }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        // Every change leaves it whole.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that a call begins; returns its number, and how many bytes of its messages are to be kept.
    pub fn begin(&self) -> (u64, usize) {
        let number = self.begun.fetch_add(1, Ordering::Relaxed);
        let is_recorded = self.kept().recording.as_ref().is_some_and(Recording::is_on);
        (number, if is_recorded { limits::RECORDED_CALL_BYTES_MAX } else { limits::JOURNAL_CALL_BYTES_MAX })
    }

    /// Keeps a call that has ended.
    pub fn record(&self, mut call: JournalCall) {
        let mut kept = self.kept();
        kept.newest += 1;
        call.position = kept.newest;
        let call = Arc::new(call);
        if let Some(recording) = &mut kept.recording {
            recording.add(&call);
        }
        let call = if call.message_bytes() > limits::JOURNAL_CALL_BYTES_MAX { Arc::new(call.cut()) } else { call };
        kept.bytes += call.bytes();
        kept.calls.push_back(call);
        while kept.bytes > self.bytes_max
            && let Some(oldest) = kept.calls.pop_front()
        {
            kept.bytes -= oldest.bytes();
            kept.forgotten += 1;
        }
        let newest = kept.newest;
        drop(kept);
        self.newest.send_replace(newest);
    }

    /// The calls after a position that match, at most so many, and not many more than so many bytes.
    pub fn page(&self, filter: &CallFilter, after: u64, limit: usize, bytes_max: usize) -> Page {
        let kept = self.kept();
        let begin = kept.calls.partition_point(|call| call.position <= after);
        let mut matching = kept.calls.iter().skip(begin).filter(|call| filter.matches(call));
        let mut page = Page { forgotten: kept.forgotten, through: kept.newest.max(after), ..Page::default() };
        let mut bytes = 0;
        while page.calls.len() < limit && bytes < bytes_max {
            let Some(call) = matching.next() else { return page };
            bytes += call.message_bytes();
            page.calls.push(call.clone());
        }
        page.through = page.calls.last().map_or(after, |last| last.position);
        page.next = matching.next().and(Some(page.through));
        page
    }

    /// Counts the calls that match.
    pub fn count(&self, filter: &CallFilter) -> Count {
        let kept = self.kept();
        let matching = kept.calls.iter().filter(|call| filter.matches(call));
        let mut count = Count { forgotten: kept.forgotten, ..Count::default() };
        for call in matching {
            count.count += 1;
            if count.first.len() < NAMED_MAX {
                count.first.push(call.request_id);
            }
        }
        count
    }

    /// Forgets all calls; returns how many there were. Positions go on.
    pub fn reset(&self) -> u64 {
        let mut kept = self.kept();
        let gone = std::mem::take(&mut kept.calls);
        (kept.bytes, kept.forgotten) = (0, 0);
        drop(kept);
        gone.len() as u64
    }

    /// The position of the newest call, and of each that comes.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.newest.subscribe()
    }

    /// The position before the oldest call that is kept.
    pub fn begins_after(&self) -> u64 {
        let kept = self.kept();
        kept.calls.front().map_or(kept.newest, |oldest| oldest.position - 1)
    }

    /// Records every call from now on, of a session whose first call is yet to come.
    pub fn start_recording(&self, heading: RecordedSession) -> Result<()> {
        let mut kept = self.kept();
        match &kept.recording {
            Some(recording) if recording.is_on() => return Ok(()),
            Some(_) => {
                let message = "the recording of this session has ended, and one with a gap could not be replayed: create another session";
                return Err(Error::new(Reason::RecordingImpossible, message).with_subject("session", ""));
            }
            None => {}
        }
        if self.begun.load(Ordering::Relaxed) > 0 {
            let message =
                "a session is recorded from its first call on: create another, and record it before it is called";
            return Err(Error::new(Reason::RecordingImpossible, message).with_subject("session", ""));
        }
        kept.recording = Some(Recording::new(heading, limits::RECORDING_BYTES_MAX));
        Ok(())
    }

    /// Ends the recording. Returns how many calls it holds, and whether it was full.
    pub fn stop_recording(&self) -> (u64, bool) {
        let mut kept = self.kept();
        let Some(recording) = &mut kept.recording else { return (0, false) };
        recording.stop();
        (recording.calls().len() as u64, recording.is_full())
    }

    /// What was recorded; `None`: nothing.
    pub fn recording(&self) -> Option<Recording> {
        self.kept().recording.clone()
    }
}

#[cfg(test)]
mod tests;
