//! Turns: how many admitted calls run at once. A call that finds no free turn waits in a fair queue, so that a caller with thousands of
//! calls in progress waits behind its own calls, and other callers hardly notice.
//!
//! More calls at once than the processors need make nothing faster: they only wait for each other where no queue is fair. One caller
//! never has all turns, however slow its calls are: it may take one more while it has less than three times as many as are free (the
//! dynamic threshold of Choudhury and Hahne, 1998), which leaves a quarter to the others when it is alone, and a seventh when there are two.
//!
//! While nobody waits, a call costs a few atomic operations here and takes no lock.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use super::fair::FairQueue;
use super::lanes::{Lane, Lanes};
use crate::base::time::Instant;
use crate::base::{Error, Reason, Result};

/// How many times as many turns as are free a caller may have when it takes one more.
const SHARE: usize = 3;
/// The shortest and the longest retry delay in refusals.
const RETRY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(10));

/// All turns, and the queue for them.
#[derive(Debug)]
pub(super) struct Turns {
    free: AtomicUsize,
    /// As many as the queue holds, to be read without its lock.
    waiting: AtomicUsize,
    running: Box<[AtomicUsize]>,
    queue: Mutex<FairQueue<oneshot::Sender<Turn>>>,
}

/// A call's turn; dropping it passes it on.
#[derive(Debug)]
pub(super) struct Turn {
    of: Arc<Turns>,
    lane: Lane,
}

/// A position in the queue, left when it is dropped: the call was cancelled, or its deadline passed.
struct Queued<'a> {
    of: &'a Turns,
    lane: Lane,
    ticket: u64,
}

/// Whether a caller that holds `own` turns may take one more while `free` turns are left.
fn may_run(own: usize, free: usize) -> bool {
    own < SHARE * free
}

impl Turns {
    /// The number of turns.
    pub(super) fn new(turns: usize, lanes: &Lanes) -> Arc<Self> {
        let running = std::iter::repeat_with(AtomicUsize::default).take(lanes.count());
        Arc::new(Self {
            free: AtomicUsize::new(turns),
            waiting: AtomicUsize::new(0),
            running: running.collect(),
            queue: Mutex::new(FairQueue::new(lanes.count())),
        })
    }

    /// How many calls wait.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Waits for a turn. Fails with [`Overloaded`](Reason::Overloaded) when it would come too late to be of use, and with
    /// [`DeadlineExceeded`](Reason::DeadlineExceeded) when it did not come.
    pub(super) async fn take(self: &Arc<Self>, lane: Lane, deadline: Instant) -> Result<Turn> {
        if self.waiting.load(Ordering::SeqCst) == 0 && self.start(lane) {
            return Ok(Turn { of: self.clone(), lane });
        }
        let receiver;
        let _queued = {
            let now = Instant::now();
            let mut queue = self.queue();
            // A turn just before the deadline would leave no time for the answer, so half of the time is kept for that.
            let half = deadline.saturating_duration_since(now) / 2;
            if let Some(wait) = queue.wait_in(lane).filter(|wait| *wait > half) {
                return Err(too_late(wait));
            }
            let (sender, answer) = oneshot::channel();
            receiver = answer;
            let ticket = queue.push(lane, sender);
            self.waiting.store(queue.len(), Ordering::SeqCst);
            Queued { of: self, lane, ticket }
        };
        // One may have become free since.
        self.hand_out();
        match tokio::time::timeout_at(deadline, receiver).await {
            Ok(turn) => turn.map_err(Error::bug),
            Err(_) => {
                let message = "the deadline passed while the call waited for a processor: send fewer calls at a time";
                Err(Error::new(Reason::DeadlineExceeded, message))
            }
        }
    }

    /// Takes a turn that is free. A caller may get one more than its share when two of its calls ask at once, which nobody notices.
    fn start(&self, lane: Lane) -> bool {
        let running = &self.running[lane.at()];
        let own = running.load(Ordering::SeqCst);
        let one_less = |free: usize| may_run(own, free).then(|| free - 1);
        let taken = self.free.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less).is_ok();
        if taken {
            running.fetch_add(1, Ordering::SeqCst);
        }
        taken
    }

    /// Gives free turns to the queue.
    fn hand_out(self: &Arc<Self>) {
        let mut started = Vec::new();
        {
            let now = Instant::now();
            let mut queue = self.queue();
            while let Some(next) = queue.next(now, |lane| self.start(lane)) {
                started.push(next);
            }
            self.waiting.store(queue.len(), Ordering::SeqCst);
        }
        for (lane, waiter) in started {
            // A call that was cancelled passes its turn on to the next.
            drop(waiter.send(Turn { of: self.clone(), lane }));
        }
    }

    fn queue(&self) -> MutexGuard<'_, FairQueue<oneshot::Sender<Turn>>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let Turns { free, waiting, running, .. } = &*self.of;
        running[self.lane.at()].fetch_sub(1, Ordering::SeqCst);
        free.fetch_add(1, Ordering::SeqCst);
        // In this order: a queued caller checks for free turns after it is counted as waiting.
        if waiting.load(Ordering::SeqCst) > 0 {
            self.of.hand_out();
        }
    }
}

impl Drop for Queued<'_> {
    fn drop(&mut self) {
        let mut queue = self.of.queue();
        queue.leave(self.lane, self.ticket);
        self.of.waiting.store(queue.len(), Ordering::SeqCst);
    }
}

fn too_late(wait: Duration) -> Error {
    let message = "too many of your calls are waiting for this one to be answered in time: wait for answers first";
    let error = Error::new(Reason::Overloaded, message).with_subject("quota", "calls_under_way_of_caller");
    error.with_retry_after(wait.clamp(RETRY.0, RETRY.1))
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::pin::Pin;

    use futures::FutureExt as _;

    use super::*;
    use crate::base::{AgencyId, Caller};

    type Asked = Pin<Box<dyn Future<Output = Result<Turn>>>>;

    struct World {
        turns: Arc<Turns>,
        lanes: Lanes,
    }

    fn world(turns: usize) -> World {
        let lanes = Lanes::new(["bank", "hospital", "police"].map(|key| AgencyId::parse(key).expect("a key")));
        World { turns: Turns::new(turns, &lanes), lanes }
    }

    impl World {
        fn lane(&self, key: &str) -> Lane {
            self.lanes.of_caller(&Caller::Agency(AgencyId::parse(key).expect("a key")))
        }

        fn ask(&self, key: &str) -> Asked {
            let (turns, lane) = (self.turns.clone(), self.lane(key));
            let deadline = Instant::now() + Duration::from_secs(3_600);
            Box::pin(async move { turns.take(lane, deadline).await })
        }

        /// A turn that is available at once.
        fn at_once(&self, key: &str) -> Turn {
            ready(&mut self.ask(key)).expect("a turn is free")
        }

        /// A call that has to wait.
        fn waits(&self, key: &str) -> Asked {
            let mut asked = self.ask(key);
            assert!(ready(&mut asked).is_none(), "no turn is free");
            asked
        }
    }

    fn ready(asked: &mut Asked) -> Option<Turn> {
        asked.now_or_never().map(|turn| turn.expect("a turn"))
    }

    #[tokio::test]
    async fn a_caller_with_many_calls_leaves_turns_to_the_others() {
        let world = world(8);
        let bank: Vec<Turn> = (0..6).map(|_| world.at_once("bank")).collect();
        let mut waits: VecDeque<Asked> = (0..1_000).map(|_| world.waits("bank")).collect();
        assert_eq!(world.turns.waiting(), 1_000);
        let hospital = world.at_once("hospital");
        let police = world.at_once("police");
        let mut late = world.waits("hospital");
        // the bank was first to wait, but a turn of its own that comes free goes to who has fewer
        drop(bank);
        assert!(ready(&mut late).is_some());
        drop((hospital, police));
        let running: Vec<Turn> =
            (0..6).map(|_| ready(&mut waits[0]).inspect(|_| drop(waits.pop_front())).expect("its turn")).collect();
        assert!(ready(&mut waits[0]).is_none(), "not more than its share, though others are free");
        drop((running, waits));
        assert_eq!((world.turns.waiting(), world.turns.free.load(Ordering::SeqCst)), (0, 8), "all are given back");
    }

    #[tokio::test]
    async fn a_lane_waits_for_one_turn_of_another_and_not_for_all() {
        let world = world(1);
        let mut turn = Some(world.at_once("bank"));
        let mut bank: VecDeque<Asked> = (0..100).map(|_| world.waits("bank")).collect();
        for _ in 0..10 {
            let mut police = world.waits("police");
            drop(turn.take());
            let first = ready(&mut bank[0]).expect("it came first");
            bank.pop_front();
            drop(first);
            turn = Some(ready(&mut police).expect("the next, before all others of the bank"));
        }
    }

    #[tokio::test]
    async fn who_gives_up_leaves_the_queue_and_keeps_no_turn() {
        let world = world(1);
        let turn = world.at_once("bank");
        let (first, second, mut third) = (world.waits("bank"), world.waits("police"), world.waits("bank"));
        drop((first, second));
        assert_eq!(world.turns.waiting(), 1);
        drop(turn);
        let turn = ready(&mut third).expect("nobody is before it");
        let fourth = world.waits("police");
        drop(turn);
        // its turn is granted, and the call that waited for it is gone
        drop(fourth);
        drop(world.at_once("hospital"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_turn_that_does_not_come_in_time_is_a_deadline() {
        let world = world(1);
        let _turn = world.at_once("bank");
        let late = world.turns.take(world.lane("police"), Instant::now() + Duration::from_secs(5)).await;
        assert_eq!(late.expect_err("no turn").reason, Reason::DeadlineExceeded);
        assert_eq!(world.turns.waiting(), 0);
    }

    #[tokio::test]
    async fn a_turn_that_would_come_too_late_is_refused_at_once() {
        let world = world(1);
        let (lane, begun) = (world.lane("bank"), Instant::now());
        let _turn = world.at_once("bank");
        let _waits: Vec<Asked> = (0..100).map(|_| world.waits("bank")).collect();
        {
            // ten leave the queue within a second
            let mut queue = world.turns.queue();
            (0..=10).for_each(|at| drop(queue.next(begun + Duration::from_millis(100) * at, |_| true)));
        }
        // 89 wait and one more, for 100 ms each; a deadline of 20 s leaves time for it, one of 15 s does not
        let refused = world.turns.take(lane, Instant::now() + Duration::from_secs(15)).await.expect_err("too late");
        assert_eq!((refused.reason, &*refused.subject.name), (Reason::Overloaded, "calls_under_way_of_caller"));
        assert_eq!(refused.retry_after, Some(Duration::from_secs(9)));
        assert!(world.turns.take(lane, Instant::now() + Duration::from_secs(20)).now_or_never().is_none(), "it waits");
    }

    /// Threads that take and give back turns as fast as they can: none is lost, and nobody waits for ever.
    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn no_turn_is_lost_between_threads() {
        let world = world(3);
        let calls = |key| {
            let (turns, lane) = (world.turns.clone(), world.lane(key));
            async move {
                for _ in 0..2_000 {
                    let turn = turns.take(lane, Instant::now() + Duration::from_secs(60)).await.expect("a turn");
                    tokio::task::yield_now().await;
                    drop(turn);
                }
            }
        };
        let tasks: Vec<_> =
            ["bank", "bank", "bank", "bank", "hospital", "police"].map(|key| tokio::spawn(calls(key))).into();
        for task in tasks {
            task.await.expect("it ends");
        }
        assert_eq!((world.turns.waiting(), world.turns.free.load(Ordering::SeqCst)), (0, 3));
    }
}
