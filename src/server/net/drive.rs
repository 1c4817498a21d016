//! Drives a hyper connection until it ends by itself, exceeds a limit, or the server ends.

#![allow(clippy::disallowed_methods, reason = "transport")]

use std::pin::pin;

use hyper_util::server::graceful::GracefulConnection;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep};

use super::acceptor::Shared;
use super::connections::Stage;
use super::standing::{Standing, Watch};

/// Serves a connection. Once the server is to end, the peer receives GOAWAY, and calls in progress finish; the owner of this task
/// aborts it when they take too long. `waits` is the stage at which hyper's own time limit ends a connection of this protocol.
pub(super) async fn drive<C>(connection: C, standing: &Standing, shared: &Shared, waits: Stage)
where
    C: GracefulConnection<Error = hyper::Error>,
{
    let Shared { limits, counts, ending } = shared;
    let mut ending = ending.clone();
    let mut connection = pin!(connection);
    let tick = limits.tick();
    let mut ticks = interval_at(Instant::now() + tick, tick);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut watch = Watch::default();
    let mut ending = pin!(ending.wait_for(|ended| *ended));
    let mut farewell = pin!(sleep(limits.farewell));
    // GOAWAY was sent because of the server's end, or because of idleness.
    let (mut is_ending, mut is_dismissed) = (false, false);
    loop {
        tokio::select! {
            biased;
            served = connection.as_mut() => {
                if let Err(error) = served {
                    if error.is_timeout() {
                        counts.note_timed_out(waits);
                    }
                    // A peer may abort at any time; the reason is its own.
                    tracing::debug!(%error, "a connection ended");
                }
                return;
            }
            _ = &mut ending, if !is_ending => {
                is_ending = true;
                connection.as_mut().graceful_shutdown();
            }
            () = standing.connection().dismissed() => connection.as_mut().graceful_shutdown(),
            () = &mut farewell, if is_dismissed => return,
            _ = ticks.tick() => match watch.look(standing, limits, tick) {
                Some(stage @ (Stage::Stalled | Stage::Unread)) => {
                    counts.note_timed_out(stage);
                    return;
                }
                Some(stage) if !is_dismissed => {
                    counts.note_timed_out(stage);
                    is_dismissed = true;
                    farewell.as_mut().reset(Instant::now() + limits.farewell);
                    connection.as_mut().graceful_shutdown();
                }
                _ => {}
            }
        }
    }
}
