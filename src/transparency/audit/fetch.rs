//! Parallel preparation of pieces that are consumed in order: a few threads prepare, the caller's thread consumes.
//!
//! Each thread has every n-th piece and a short queue of its own, so only a handful of pieces wait, however slow the consumer.

use std::ops::Range;
use std::sync::mpsc;

/// Threads that fetch and hash; fetching waits more than it computes.
const THREADS: u64 = 4;
/// Prepared pieces in each thread's queue.
const WAITING: usize = 2;

/// Calls `take` with `prepare(index)` for every index in order, until `take` fails.
pub(super) fn in_order<T: Send, E>(
    range: Range<u64>,
    prepare: impl Fn(u64) -> T + Sync,
    mut take: impl FnMut(T) -> Result<(), E>,
) -> Result<(), E> {
    let threads = THREADS.min(range.end.saturating_sub(range.start));
    std::thread::scope(|scope| {
        let mut queues = Vec::new();
        for thread in 0..threads {
            let (sender, queue) = mpsc::sync_channel(WAITING);
            queues.push(queue);
            let (prepare, range) = (&prepare, range.clone());
            scope.spawn(move || {
                for index in (range.start + thread..range.end).step_by(threads as usize) {
                    // The consumer failed and dropped its end.
                    if sender.send(prepare(index)).is_err() {
                        return;
                    }
                }
            });
        }
        for index in range.clone() {
            let queue = &queues[((index - range.start) % threads) as usize];
            // The thread panicked; leaving the scope propagates the panic.
            let Ok(piece) = queue.recv() else { break };
            take(piece)?;
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_come_in_order_and_stop_at_the_first_failure() {
        for range in [0..0, 3..4, 5..105] {
            let mut taken = Vec::new();
            in_order(
                range.clone(),
                |index| index,
                |index| {
                    taken.push(index);
                    Ok::<(), ()>(())
                },
            )
            .expect("nothing fails");
            assert!(taken.iter().copied().eq(range));
        }
        let mut taken = 0;
        let failed = in_order(
            0..1_000,
            |index| index,
            |index| {
                taken += 1;
                if index == 20 { Err(index) } else { Ok(()) }
            },
        );
        assert_eq!((failed, taken), (Err(20), 21));
    }
}
