//! The standing of an open connection, and its timeouts.
//!
//! A connection's tasks note their actions here without a lock or a clock: calls begun and in progress, successful writes. A
//! [`Watch`] compares, at a slow tick, the changes since the last one. So the limits cost a call two additions; and they hold for a
//! peer that stops reading, which a ping cannot reach: the ping itself, and the GOAWAY after it, would wait behind the unread data.
//! A peer that vanished while nothing is sent to it is found by pings, which hyper sends (`Limits::ping`).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use super::connections::Stage;
use super::limits::Limits;
use crate::api::connection::CallConnection;

/// The standing of a connection.
#[derive(Debug, Default)]
pub(super) struct Standing {
    /// Calls begun.
    calls: AtomicU64,
    /// Calls in progress, until the last byte of the answer is handed to HTTP.
    under_way: AtomicU32,
    /// Writes that the peer's window took, at least in part.
    writes: AtomicU64,
    /// Whether the last write found the window full.
    is_blocked: AtomicBool,
    /// Answers with a part that waits for the peer's flow-control window, by the parity of the period in which the wait began.
    unread: [AtomicU32; 2],
    /// Number of the present period; see [`Watch`].
    period: AtomicU32,
    /// Whether its peer is known, and whether it is to end in good order.
    connection: CallConnection,
}

/// The state of a connection on which no call ever came with an accepted credential. Idle ones are closed first for newer ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stranger {
    /// No call is in progress.
    Idle,
    /// Calls are in progress: public ones, or such as wait for their body or their refusal.
    Calling,
}

/// A call in progress; it ends when dropped.
#[derive(Debug)]
pub(super) struct CallUnderWay {
    standing: Arc<Standing>,
    /// The period in which a part of the answer began to wait for the peer.
    unread_since: Option<u32>,
}

impl Standing {
    /// That of a new connection.
    pub(super) fn of(connection: CallConnection) -> Self {
        Self { connection, ..Self::default() }
    }

    /// The part that calls act on.
    pub(super) fn connection(&self) -> &CallConnection {
        &self.connection
    }

    /// Notes the begin of a call.
    pub(super) fn begin_call(self: &Arc<Self>) -> CallUnderWay {
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.under_way.fetch_add(1, Ordering::Relaxed);
        CallUnderWay { standing: self.clone(), unread_since: None }
    }

    /// Whether the connection may be closed for a newer one, and how readily; `None`: its peer is known.
    ///
    /// A public call protects nothing: anybody can make one that never ends, on as many connections as there are seats.
    pub(super) fn stranger(&self) -> Option<Stranger> {
        if self.connection.is_known() {
            None
        } else if self.under_way.load(Ordering::Relaxed) == 0 {
            Some(Stranger::Idle)
        } else {
            Some(Stranger::Calling)
        }
    }

    /// Notes a successful write.
    pub(super) fn note_written(&self) {
        self.writes.fetch_add(1, Ordering::Relaxed);
        self.is_blocked.store(false, Ordering::Relaxed);
    }

    /// Notes a write that waits for the peer.
    pub(super) fn note_blocked(&self) {
        self.is_blocked.store(true, Ordering::Relaxed);
    }
}

impl CallUnderWay {
    /// Notes that a part of the answer was handed to HTTP: the peer has to read it.
    pub(super) fn note_handed_over(&mut self) {
        let period = self.standing.period.load(Ordering::Relaxed);
        if self.unread_since != Some(period) {
            self.note_taken();
            self.standing.unread[period as usize % 2].fetch_add(1, Ordering::Relaxed);
            self.unread_since = Some(period);
        }
    }

    /// Notes that the peer took that part.
    pub(super) fn note_taken(&mut self) {
        if let Some(period) = self.unread_since.take() {
            self.standing.unread[period as usize % 2].fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Drop for CallUnderWay {
    fn drop(&mut self) {
        self.note_taken();
        self.standing.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Watches a connection at each tick; holds the values of the last one.
///
/// Time is divided into periods for answers that wait for a window: at the end of each, none may be left from the period before.
#[derive(Debug, Default)]
pub(super) struct Watch {
    in_period: Duration,
    calls: u64,
    writes: u64,
    idle_for: Duration,
    stalled_for: Duration,
}

impl Watch {
    /// The limit that the connection exceeds, `tick` after the last look.
    pub(super) fn look(&mut self, standing: &Standing, limits: &Limits, tick: Duration) -> Option<Stage> {
        let calls = standing.calls.load(Ordering::Relaxed);
        let is_idle = standing.under_way.load(Ordering::Relaxed) == 0 && calls == self.calls;
        let writes = standing.writes.load(Ordering::Relaxed);
        let is_stalled = standing.is_blocked.load(Ordering::Relaxed) && writes == self.writes;
        (self.calls, self.writes) = (calls, writes);
        let longer = |is_so: bool, before: Duration| if is_so { before + tick } else { Duration::ZERO };
        self.idle_for = longer(is_idle, self.idle_for);
        self.stalled_for = longer(is_stalled, self.stalled_for);
        let (stage, idle_max) =
            if calls == 0 { (Stage::FirstCall, limits.first_call) } else { (Stage::Idle, limits.idle) };
        if self.stalled_for >= limits.stalled {
            Some(Stage::Stalled)
        } else if self.has_unread(standing, limits.unread, tick) {
            Some(Stage::Unread)
        } else {
            (self.idle_for >= idle_max).then_some(stage)
        }
    }

    /// Whether an answer has waited for a whole period; begins the next period when it is time.
    fn has_unread(&mut self, standing: &Standing, period: Duration, tick: Duration) -> bool {
        self.in_period += tick;
        if self.in_period < period {
            return false;
        }
        self.in_period = Duration::ZERO;
        let next = standing.period.load(Ordering::Relaxed).wrapping_add(1);
        let is_left = standing.unread[next as usize % 2].load(Ordering::Relaxed) > 0;
        if !is_left {
            standing.period.store(next, Ordering::Relaxed);
        }
        is_left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The results of several looks, one tick apart.
    fn look(watch: &mut Watch, standing: &Standing, times: usize) -> Vec<Option<Stage>> {
        let limits = Limits::default();
        let tick = limits.tick();
        (0..times).map(|_| watch.look(standing, &limits, tick)).collect()
    }

    #[test]
    fn a_connection_without_a_call_ends_early_and_one_that_had_one_later() {
        let standing = Arc::new(Standing::default());
        let mut watch = Watch::default();
        assert_eq!(look(&mut watch, &standing, 4), [None, None, None, Some(Stage::FirstCall)]);
        let call = standing.begin_call();
        assert_eq!(look(&mut watch, &standing, 1_000), vec![None; 1_000], "a call may take as long as it may");
        drop(call);
        let found = look(&mut watch, &standing, 40);
        assert_eq!((&found[..39], found[39]), (&[None; 39][..], Some(Stage::Idle)));
    }

    #[test]
    fn a_call_between_two_looks_is_seen() {
        let standing = Arc::new(Standing::default());
        let mut watch = Watch::default();
        for _ in 0..100 {
            drop(standing.begin_call());
            assert_eq!(look(&mut watch, &standing, 3), [None; 3]);
        }
    }

    #[test]
    fn a_peer_that_reads_nothing_is_found_out_though_its_call_is_under_way() {
        let standing = Arc::new(Standing::default());
        let _call = standing.begin_call();
        let mut watch = Watch::default();
        standing.note_written();
        standing.note_blocked();
        assert_eq!(look(&mut watch, &standing, 3), [None; 3], "blocked since the last write");
        standing.note_written();
        standing.note_blocked();
        assert_eq!(look(&mut watch, &standing, 4), [None; 4], "slow, but it reads");
        assert_eq!(look(&mut watch, &standing, 1), [Some(Stage::Stalled)]);
    }

    #[test]
    fn an_answer_that_nobody_takes_is_found_out_among_others_that_are_taken() {
        let standing = Arc::new(Standing::default());
        let mut watch = Watch::default();
        let (mut slow, mut stuck) = (standing.begin_call(), standing.begin_call());
        let period = (Limits::default().unread.as_millis() / Limits::default().tick().as_millis()) as usize;
        for _ in 0..10 {
            slow.note_handed_over();
            assert_eq!(look(&mut watch, &standing, period), vec![None; period], "it takes a part in each period");
            slow.note_taken();
        }
        stuck.note_handed_over();
        let mut found = Vec::new();
        while found.len() < 2 * period {
            slow.note_handed_over();
            found.extend(look(&mut watch, &standing, 1));
            slow.note_taken();
        }
        assert_eq!(found.iter().flatten().collect::<Vec<_>>(), [&Stage::Unread]);
        drop((slow, stuck));
        assert!(standing.unread.iter().all(|count| count.load(Ordering::Relaxed) == 0));
    }

    #[test]
    fn a_peer_is_a_stranger_until_a_credential_is_accepted() {
        let standing = Arc::new(Standing::default());
        assert_eq!(standing.stranger(), Some(Stranger::Idle));
        let call = standing.begin_call();
        assert_eq!(standing.stranger(), Some(Stranger::Calling), "somebody waits");
        drop(call);
        assert_eq!(standing.stranger(), Some(Stranger::Idle));
        standing.connection().note_known();
        assert_eq!(standing.stranger(), None);
        let _call = standing.begin_call();
        assert_eq!(standing.stranger(), None, "for good");
    }
}
