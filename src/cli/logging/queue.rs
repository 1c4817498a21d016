//! A queue of lines before a writer that may be slow, blocked or broken: logging never waits, and no write fails.
//!
//! A thread writes the queued lines. When it does not keep up, further lines are dropped and counted; once it writes again, it reports how
//! many. A broken pipe drops lines like a full one, since the next write may succeed where stderr is a file on a disk that was full.
//!
//! tracing-appender's non-blocking writer is not used: its limit is a number of lines of any length, it says nothing of the lines that it
//! dropped, and at the end it complains with `eprintln!`, which waits for the very reader that is missing.

#![allow(clippy::disallowed_methods, reason = "how long the end waits for whoever reads the log")]

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::base::log;

/// Most bytes that wait to be written: a second of a busy debug log.
const QUEUE_BYTES_MAX: usize = 1024 * 1024;
/// The memory of a waiting line in addition to its bytes.
const LINE_OVERHEAD_BYTES: usize = 64;

/// The queue; a copy is the same one.
#[derive(Clone, Default)]
pub(super) struct LineQueue {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    lines: VecDeque<Vec<u8>>,
    bytes: usize,
    /// Lines dropped and not reported yet.
    dropped: u64,
    /// The writer has lines in its hands.
    is_writing: bool,
    /// There is no writer: its thread could not be started.
    is_orphaned: bool,
}

impl LineQueue {
    /// Starts the thread that writes to `out`. It calls `report` with the number of lines that were dropped, after it wrote others.
    pub(super) fn start(out: impl Write + Send + 'static, report: impl Fn(u64) + Send + 'static) -> Self {
        let queue = Self::default();
        let writer = queue.clone();
        let started = thread::Builder::new().name("log".into()).spawn(move || writer.write_to(out, &report));
        queue.lock().is_orphaned = started.is_err();
        queue
    }

    /// Queues a line, or drops it if too much waits already and it is not `essential`. Never blocks on the writer.
    pub(super) fn push(&self, line: &[u8], essential: bool) {
        let mut state = self.lock();
        let bytes = line.len() + LINE_OVERHEAD_BYTES;
        if state.is_orphaned || (!essential && state.bytes + bytes > QUEUE_BYTES_MAX) {
            state.dropped += 1;
            log::count_dropped(1);
            return;
        }
        state.bytes += bytes;
        state.lines.push_back(line.to_vec());
        self.shared.changed.notify_all();
    }

    /// Waits until everything queued is written, for at most `limit`.
    pub(super) fn flush(&self, limit: Duration) {
        let end = Instant::now() + limit;
        let mut state = self.lock();
        while !state.is_orphaned && (state.is_writing || !state.lines.is_empty()) {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            state = self.shared.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn write_to(&self, mut out: impl Write, report: &impl Fn(u64)) {
        loop {
            let lines = self.next();
            let lost = lines.iter().map(|line| u64::from(out.write_all(line).is_err())).sum::<u64>();
            // An unbuffered writer needs no flush; lines whose flush fails are lost without being counted.
            let _ = out.flush();
            log::count_dropped(lost);
            let mut state = self.lock();
            state.is_writing = false;
            state.dropped += lost;
            // Reported only when the writer works, or each report would be one more line to lose.
            let dropped = if lost == 0 { std::mem::take(&mut state.dropped) } else { 0 };
            drop(state);
            if dropped > 0 {
                report(dropped);
            }
            self.shared.changed.notify_all();
        }
    }

    /// Waits for lines and takes them all.
    fn next(&self) -> VecDeque<Vec<u8>> {
        let mut state = self.lock();
        while state.lines.is_empty() {
            state = self.shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.is_writing = true;
        state.bytes = 0;
        std::mem::take(&mut state.lines)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The log's formatter writes each line with one call.
impl Write for &LineQueue {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.push(line, false);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

    use super::*;

    const SOON: Duration = Duration::from_secs(30);

    /// A pipe of one line, which its reader empties or closes.
    struct Pipe(SyncSender<Vec<u8>>);

    impl Write for Pipe {
        fn write(&mut self, line: &[u8]) -> io::Result<usize> {
            self.0.send(line.to_vec()).map(|()| line.len()).map_err(|_| io::ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn started() -> (LineQueue, Receiver<Vec<u8>>, Receiver<u64>) {
        let (out, lines) = sync_channel(1);
        let (report, reports) = sync_channel(100);
        (LineQueue::start(Pipe(out), move |dropped| report.send(dropped).expect("room")), lines, reports)
    }

    #[test]
    fn lines_that_nobody_reads_are_dropped_and_reported_when_somebody_does() {
        let (queue, lines, reports) = started();
        let line = vec![b'x'; 1024];
        let count = 3 * QUEUE_BYTES_MAX / line.len();
        let before = log::dropped();
        for _ in 0..count {
            queue.push(&line, false);
        }
        queue.push(b"the last word", true);
        let dropped = queue.lock().dropped;
        assert!(dropped > 0 && log::dropped() >= before + dropped, "{dropped} dropped");
        queue.flush(Duration::ZERO); // does not wait for a reader that is not there
        let read: Vec<_> = (0..=count as u64 - dropped).map(|_| lines.recv_timeout(SOON).expect("written")).collect();
        assert_eq!(read.last().map(Vec::as_slice), Some(b"the last word".as_slice()));
        assert_eq!(reports.recv_timeout(SOON), Ok(dropped));
    }

    #[test]
    fn a_reader_that_closes_costs_lines_and_nothing_else() {
        let (queue, lines, reports) = started();
        drop(lines);
        let before = log::dropped();
        (0..10).for_each(|_| queue.push(b"x", false));
        queue.flush(SOON);
        assert!(log::dropped() >= before + 10);
        assert_eq!(queue.lock().dropped, 10);
        assert!(reports.try_recv().is_err(), "nobody is left to be told");
    }

    #[test]
    fn flush_waits_until_all_is_written() {
        let (queue, lines, _reports) = started();
        let reader = thread::spawn(move || lines.iter().take(50).count());
        (0..50).for_each(|_| queue.push(b"x", false));
        queue.flush(SOON);
        assert_eq!(reader.join().expect("reads"), 50);
    }
}
