//! A connection of hyper's, driven to its end: by itself, by a limit, or by the server's end.

#![allow(clippy::disallowed_methods, reason = "transport")]

use std::pin::pin;

use hyper_util::server::graceful::GracefulConnection;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep};

use super::connections::{Connections, Stage};
use super::limits::Limits;
use super::standing::{Standing, Watch};

/// Serves a connection. Once `ending` turns true the peer is told to go away, and calls under way are finished; whoever
/// owns this task ends it when they take too long.
pub(super) async fn drive<C>(
    connection: C,
    standing: &Standing,
    limits: &Limits,
    counts: &Connections,
    mut ending: watch::Receiver<bool>,
) where
    C: GracefulConnection<Error = hyper::Error>,
{
    let mut connection = pin!(connection);
    let tick = limits.tick();
    let mut ticks = interval_at(Instant::now() + tick, tick);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut watch = Watch::default();
    let mut ending = pin!(ending.wait_for(|ended| *ended));
    let mut farewell = pin!(sleep(limits.farewell));
    // Told to go away by the server's end, and for having been idle.
    let (mut is_ending, mut is_dismissed) = (false, false);
    loop {
        tokio::select! {
            biased;
            served = connection.as_mut() => {
                if let Err(error) = served {
                    // Peers break off as they like; it is theirs to say why.
                    tracing::debug!(%error, "a connection ended");
                }
                return;
            }
            _ = &mut ending, if !is_ending => {
                is_ending = true;
                connection.as_mut().graceful_shutdown();
            }
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
