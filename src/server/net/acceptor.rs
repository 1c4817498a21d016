//! The accept loop of a port: each connection gets a seat and a task of its own, or is closed at once.
//!
//! A failed accept (no descriptors left, a peer that aborted) is retried after a pause that doubles up to a second: the error
//! persists until something else changes, and a busy loop would take a processor for nothing.

#![allow(clippy::disallowed_methods, reason = "transport")]

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};

use super::connections::{Connections, Refusal};
use super::limits::Limits;
use super::table::{Port, Seat, Table};
use crate::base::Peer;

const PAUSE_MIN: Duration = Duration::from_millis(1);
const PAUSE_MAX: Duration = Duration::from_secs(1);
/// Refusals are logged once per interval, with their number.
const LOG_PAUSE: Duration = Duration::from_secs(10);

/// State shared by the connections of a port.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) limits: Arc<Limits>,
    pub(super) counts: Arc<Connections>,
    pub(super) ending: watch::Receiver<bool>,
}

/// The protocol of a port.
pub(super) trait Speaker: Clone + Send + Sync + 'static {
    /// The port.
    const PORT: Port;

    /// Whether a connection from `address` is a proxy's, whose client is not known yet.
    fn is_proxy(&self, address: SocketAddr) -> bool;

    /// Serves a connection to its end.
    fn serve(
        self,
        stream: TcpStream,
        address: SocketAddr,
        seat: Seat,
        shared: Shared,
    ) -> impl Future<Output = ()> + Send + 'static;
}

/// The accept loop of a port.
pub(super) struct Acceptor<S> {
    pub(super) listener: TcpListener,
    pub(super) speaker: S,
    pub(super) table: Arc<Table>,
    pub(super) shared: Shared,
}

impl<S: Speaker> Acceptor<S> {
    /// Accepts until the end is requested, then waits for the connections to end. Dropping the future cuts them.
    pub(super) async fn run(self) {
        let Self { listener, speaker, table, shared } = self;
        let mut serving = JoinSet::new();
        let mut failing = Failing::default();
        let mut refusing = Refusing::default();
        {
            let mut ending = shared.ending.clone();
            let mut ending = pin!(asked(&mut ending));
            loop {
                tokio::select! {
                    biased;
                    () = &mut ending => break,
                    Some(joined) = serving.join_next() => note(joined),
                    accepted = listener.accept() => match accepted {
                        Ok((stream, address)) => {
                            failing.recovered();
                            shared.counts.note_accepted();
                            if let Err(refusal) = admit(&speaker, stream, address, &table, &shared, &mut serving) {
                                shared.counts.note_refused(refusal);
                                refusing.note(refusal);
                            }
                        }
                        Err(error) => {
                            shared.counts.note_accept_error();
                            let pause = failing.failed(&error);
                            tokio::select! {
                                biased;
                                () = &mut ending => break,
                                () = tokio::time::sleep(pause) => {}
                            }
                        }
                    },
                }
            }
        }
        // A listener that nobody serves must not accept further connections.
        drop(listener);
        while let Some(joined) = serving.join_next().await {
            note(joined);
        }
    }
}

/// Waits for the request to end; a dropped sender counts as one.
async fn asked(ending: &mut watch::Receiver<bool>) {
    let _ = ending.wait_for(|ended| *ended).await;
}

/// Gives a connection a seat and a task.
fn admit<S: Speaker>(
    speaker: &S,
    stream: TcpStream,
    address: SocketAddr,
    table: &Arc<Table>,
    shared: &Shared,
    serving: &mut JoinSet<()>,
) -> Result<(), Refusal> {
    // A proxy says later whose connection it is.
    let network = if speaker.is_proxy(address) { None } else { Peer::direct(address).network() };
    let seat = table.admit(S::PORT, network)?;
    prepare(&stream);
    let number = seat.number();
    let task = serving.spawn(speaker.clone().serve(stream, address, seat, shared.clone()));
    table.attach(number, task);
    Ok(())
}

/// Answers leave at once, and TCP detects a vanished host.
fn prepare(stream: &TcpStream) {
    let keepalive = TcpKeepalive::new().with_time(Duration::from_secs(30)).with_interval(Duration::from_secs(10));
    #[cfg(unix)]
    let keepalive = keepalive.with_retries(3);
    let set = stream.set_nodelay(true).and_then(|()| SockRef::from(stream).set_tcp_keepalive(&keepalive));
    if let Err(error) = set {
        // The peer has aborted already; the next read reports it.
        tracing::debug!(%error, "a connection's options cannot be set");
    }
}

fn note(joined: Result<(), JoinError>) {
    if let Err(error) = joined
        && error.is_panic()
    {
        tracing::error!("a connection's task panicked");
    }
}

/// A run of failed accepts.
#[derive(Debug, Default)]
struct Failing {
    failures: u64,
    pause: Duration,
}

impl Failing {
    /// The pause after a failure; the first of a run is logged.
    fn failed(&mut self, error: &std::io::Error) -> Duration {
        if self.failures == 0 {
            tracing::error!(%error, "connections cannot be accepted; retrying");
        }
        self.failures += 1;
        self.pause = (self.pause * 2).clamp(PAUSE_MIN, PAUSE_MAX);
        self.pause
    }

    fn recovered(&mut self) {
        if self.failures > 0 {
            tracing::info!(failures = self.failures, "connections are accepted again");
            *self = Self::default();
        }
    }
}

/// Refusals since the last log line.
#[derive(Debug, Default)]
struct Refusing {
    unsaid: u64,
    said_at: Option<tokio::time::Instant>,
}

impl Refusing {
    fn note(&mut self, refusal: Refusal) {
        self.unsaid += 1;
        let now = tokio::time::Instant::now();
        if self.said_at.is_none_or(|said_at| now.duration_since(said_at) >= LOG_PAUSE) {
            tracing::warn!(reason = refusal.as_str(), connections = self.unsaid, "connections are refused");
            (self.unsaid, self.said_at) = (0, Some(now));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_second_and_begin_again_after_a_success() {
        let error = std::io::Error::other("none left");
        let mut failing = Failing::default();
        let pauses: Vec<u128> = (0..13).map(|_| failing.failed(&error).as_millis()).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_000, 1_000, 1_000]);
        failing.recovered();
        assert_eq!(failing.failed(&error), PAUSE_MIN);
    }
}
