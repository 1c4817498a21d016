//! The journal of a world: its newest calls, in memory, for whoever tests against it; and the recording of a session, which can be replayed.
//!
//! Messages are kept as the bytes that they were, and neither read nor masked before somebody asks for them: a call costs a copy of its messages.
//! The journal counts what it forgets, so that a part is never taken for the whole.

mod call;
mod filter;
mod kept;
mod recording;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::base::{Error, Reason, RequestId, Result, limits, watch};
use crate::store::MemoryTotal;

pub use call::{CANCELLED, JournalCall, Protocol};
pub use filter::{CallFilter, REFUSED, WhichMethod};
use kept::KeptCalls;
use recording::Recorder;
pub use recording::{RecordedSession, Recording};

/// Most ids of calls that a count names.
const NAMED_MAX: usize = 20;

/// The service whose calls are in no journal: it would tell of itself.
const OWN: &str = "lienthong.simulation.v1.JournalService/";
/// The services whose calls are kept; calls of unknown methods are kept too.
const OURS: &str = "lienthong.";

/// Whether calls of a method, `package.Service/Method`, are in the journal.
pub fn is_journalled(method: &str) -> bool {
    method.starts_with(OURS) && !method.starts_with(OWN)
}

/// The newest calls of a world.
#[derive(Debug)]
pub struct Journal {
    kept: Mutex<Kept>,
    /// How many calls began so far.
    begun: AtomicU64,
    /// How many of them were not of strangers.
    begun_by_callers: AtomicU64,
    /// The position of the newest call; changes under the lock of what is kept.
    newest: watch::Sender<u64>,
    bytes_max: usize,
    /// The memory of all sessions, in which a recording has a share.
    memory: MemoryTotal,
}

#[derive(Debug, Default)]
struct Kept {
    calls: KeptCalls,
    recorder: Option<Recorder>,
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
    /// How many up to there were forgotten before they were looked at.
    pub missed: u64,
    /// How many of the oldest were forgotten, which may have matched.
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
    /// An empty one, of so many bytes. What is recorded counts in `memory`, and ends where all that counts there reaches its limit.
    pub fn new(bytes_max: usize, memory: &MemoryTotal) -> Self {
        Self {
            kept: Mutex::default(),
            begun: AtomicU64::new(0),
            begun_by_callers: AtomicU64::new(0),
            newest: watch::channel(0).0,
            bytes_max,
            memory: memory.clone(),
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        // Every change leaves it whole.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that a call begins, of anyone or of a caller; returns its number, and how many bytes of its messages are to be kept.
    pub fn begin(&self, is_of_anyone: bool) -> (u64, usize) {
        let number = self.begun.fetch_add(1, Ordering::Relaxed);
        if is_of_anyone {
            return (number, limits::JOURNAL_CALL_BYTES_MAX);
        }
        self.begun_by_callers.fetch_add(1, Ordering::Relaxed);
        let is_recorded = self.kept().recorder.as_ref().is_some_and(Recorder::is_on);
        (number, if is_recorded { limits::RECORDED_CALL_BYTES_MAX } else { limits::JOURNAL_CALL_BYTES_MAX })
    }

    /// Keeps a call that has ended.
    pub fn record(&self, mut call: JournalCall) {
        let mut kept = self.kept();
        call.position = *self.newest.borrow() + 1;
        let position = call.position;
        let call = Arc::new(call);
        if let Some(recorder) = &mut kept.recorder {
            recorder.add(&call);
        }
        let call = if call.message_bytes() > limits::JOURNAL_CALL_BYTES_MAX { Arc::new(call.cut()) } else { call };
        kept.calls.push(call, self.bytes_max);
        // Under the lock, so that positions are given one after another.
        self.newest.send_replace(position);
    }

    /// The calls after a position that match, at most so many, and not many more than so many bytes.
    pub fn page(&self, filter: &CallFilter, after: u64, limit: usize, bytes_max: usize) -> Page {
        let kept = self.kept();
        let matching = kept.calls.after(after).filter(|call| filter.matches(call));
        let mut page = Page {
            forgotten: kept.calls.forgotten(filter),
            through: self.newest.borrow().max(after),
            ..Page::default()
        };
        let mut bytes = 0;
        for call in matching {
            if page.calls.len() >= limit || bytes >= bytes_max {
                page.through = page.calls.last().map_or(after, |last| last.position);
                page.next = Some(page.through);
                break;
            }
            bytes += call.message_bytes();
            page.calls.push(call.clone());
        }
        page.missed = page.through - after - kept.calls.count_between(after, page.through);
        page
    }

    /// Counts the calls that match.
    pub fn count(&self, filter: &CallFilter) -> Count {
        let kept = self.kept();
        let matching = kept.calls.after(0).filter(|call| filter.matches(call));
        let mut count = Count { forgotten: kept.calls.forgotten(filter), ..Count::default() };
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
        self.kept().calls.clear()
    }

    /// The position of the newest call, and of each that comes.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.newest.subscribe()
    }

    /// Records every call from now on, of a session whose first call is yet to come. What strangers asked before changed nothing.
    ///
    /// Fails with [`RecordingImpossible`](Reason::RecordingImpossible) for a session that was called, whose recording has ended, or that did not begin as
    /// the province is.
    pub fn start_recording(&self, heading: RecordedSession) -> Result<()> {
        let mut kept = self.kept();
        match &kept.recorder {
            Some(recorder) if recorder.is_on() => return Ok(()),
            Some(_) => {
                let message = "the recording of this session has ended, and one with a gap could not be replayed: create another session";
                return Err(Error::new(Reason::RecordingImpossible, message).with_subject("session", ""));
            }
            None => {}
        }
        heading.check()?;
        if self.begun_by_callers.load(Ordering::Relaxed) > 0 {
            let message =
                "a session is recorded from its first call on: create another, and record it before it is called";
            return Err(Error::new(Reason::RecordingImpossible, message).with_subject("session", ""));
        }
        kept.recorder = Some(Recorder::new(heading, limits::RECORDING_BYTES_MAX, &self.memory));
        Ok(())
    }

    /// Ends the recording. Returns how many calls it holds, and whether it was full.
    pub fn stop_recording(&self) -> (u64, bool) {
        let mut kept = self.kept();
        let Some(recorder) = &mut kept.recorder else { return (0, false) };
        let recording = recorder.stop();
        (recording.calls.len() as u64, recording.is_full)
    }

    /// What was recorded; `None`: nothing.
    pub fn recording(&self) -> Option<Recording> {
        self.kept().recorder.as_ref().map(Recorder::recording).cloned()
    }

    /// What is recorded, in bytes of memory.
    pub fn recorded_bytes(&self) -> usize {
        self.kept().recorder.as_ref().map_or(0, Recorder::bytes)
    }
}

#[cfg(test)]
mod tests;
