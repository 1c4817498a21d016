//! The table of open connections, and its caps: in total, and for one peer.
//!
//! When all seats are taken, a new connection gets the seat of a stranger: of a connection on which no call ever came with an accepted credential,
//! whether public calls are in progress on it or not. It is one of the network that has the most of them, so that a network that opens many
//! displaces its own and not the only one of another; among those, one that is idle, and the oldest (`strangers`). So strangers in any number keep nobody out.
//! If every connection is of a known peer, the new one is refused at once.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};

use tokio::task::AbortHandle;

use super::connections::{Connections, Refusal};
use super::limits::Limits;
use super::standing::{Standing, Stranger};
use super::strangers::Strangers;
use crate::api::connection::CallConnection;
use crate::base::peer::Network;

/// The listener of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Port {
    Grpc,
    Console,
}

/// The open connections.
#[derive(Debug)]
pub(super) struct Table {
    total_max: usize,
    per_peer_max: usize,
    kept_for_console: usize,
    counts: Arc<Connections>,
    rows: Mutex<OpenConnections>,
}

/// Entries by number; the oldest first.
#[derive(Debug, Default)]
struct OpenConnections {
    next: u64,
    open: BTreeMap<u64, Entry>,
    grpc: usize,
    peers: BTreeMap<Network, usize>,
    /// Those of strangers, on all ports and on the port of gRPC, as far as their tasks run.
    strangers: Strangers,
    grpc_strangers: Strangers,
    known: Known,
}

/// Connections whose peers became known, to be taken out of those of strangers.
#[derive(Debug)]
struct Known {
    sender: mpsc::Sender<u64>,
    receiver: mpsc::Receiver<u64>,
}

impl Default for Known {
    fn default() -> Self {
        let (sender, receiver) = mpsc::channel();
        Self { sender, receiver }
    }
}

#[derive(Debug)]
struct Entry {
    port: Port,
    network: Option<Network>,
    standing: Arc<Standing>,
    /// The task to abort; `None` until it runs.
    task: Option<AbortHandle>,
}

/// A connection's seat; free again when dropped.
#[derive(Debug)]
pub(super) struct Seat {
    table: Arc<Table>,
    number: u64,
    standing: Arc<Standing>,
}

impl Table {
    pub(super) fn new(limits: &Limits, counts: Arc<Connections>) -> Arc<Self> {
        Arc::new(Self {
            total_max: limits.connections_max,
            per_peer_max: limits.connections_per_peer_max,
            kept_for_console: limits.kept_for_console.min(limits.connections_max / 8),
            counts,
            rows: Mutex::default(),
        })
    }

    /// Gives a new connection a seat, or returns the reason why there is none. `network` is its peer's, as far as it is known yet: one that has no room
    /// for more displaces nobody else.
    pub(super) fn admit(self: &Arc<Self>, port: Port, network: Option<Network>) -> Result<Seat, Refusal> {
        let mut rows = self.rows();
        rows.note_known();
        self.room_of(&mut rows, network)?;
        let is_full = |rows: &OpenConnections| rows.open.len() >= self.total_max;
        let is_grpc_full =
            |rows: &OpenConnections| port == Port::Grpc && rows.grpc >= self.total_max - self.kept_for_console;
        if is_grpc_full(&rows) {
            let first = rows.grpc_strangers.first(|number| rows.stranger(number));
            self.displace(&mut rows, first);
        } else if is_full(&rows) {
            let first = rows.strangers.first(|number| rows.stranger(number));
            self.displace(&mut rows, first);
        }
        if is_full(&rows) || is_grpc_full(&rows) {
            return Err(Refusal::Total);
        }
        let number = rows.next;
        rows.next += 1;
        let standing = Arc::new(Standing::of(CallConnection::numbered(number, rows.known.sender.clone())));
        rows.insert(number, Entry { port, network: None, standing: standing.clone(), task: None });
        rows.set_network(number, network);
        self.counts.set_open(rows.open.len());
        Ok(Seat { table: self.clone(), number, standing })
    }

    /// Sets the task of a connection, so that a newer one can take its seat.
    pub(super) fn attach(&self, number: u64, task: AbortHandle) {
        let mut rows = self.rows();
        // A short connection may have ended already.
        if let Some(entry) = rows.open.get_mut(&number) {
            entry.task = Some(task);
            rows.enter(number);
        }
    }

    /// Whether a peer may have one more connection: over its cap, one of its own makes room, if it is a stranger's.
    fn room_of(&self, rows: &mut OpenConnections, network: Option<Network>) -> Result<(), Refusal> {
        let Some(network) = network else { return Ok(()) };
        let has_room =
            |rows: &OpenConnections| rows.peers.get(&network).copied().unwrap_or_default() < self.per_peer_max;
        if !has_room(rows) {
            let first = rows.strangers.first_of(Some(network), |number| rows.stranger(number));
            self.displace(rows, first);
        }
        if has_room(rows) { Ok(()) } else { Err(Refusal::PeerTotal) }
    }

    /// Closes a stranger's connection, if there is one.
    fn displace(&self, rows: &mut OpenConnections, number: Option<u64>) {
        let Some(number) = number else { return };
        if let Some(task) = rows.remove(number).and_then(|entry| entry.task) {
            task.abort();
            self.counts.note_refused(Refusal::Displaced);
        }
    }

    fn rows(&self) -> MutexGuard<'_, OpenConnections> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl OpenConnections {
    /// Whether a connection is a stranger's, and of which kind.
    fn stranger(&self, number: u64) -> Option<Stranger> {
        self.open.get(&number)?.standing.stranger()
    }

    /// Takes out of the strangers' connections those whose peers became known.
    fn note_known(&mut self) {
        while let Ok(number) = self.known.receiver.try_recv() {
            self.leave(number);
        }
    }

    /// Enters a connection among those of strangers, if it can be closed and its peer is not known.
    fn enter(&mut self, number: u64) {
        let Some(entry) = self.open.get(&number) else { return };
        if entry.task.is_none() || entry.standing.stranger().is_none() {
            return;
        }
        let (network, port) = (entry.network, entry.port);
        self.strangers.insert(network, number);
        if port == Port::Grpc {
            self.grpc_strangers.insert(network, number);
        }
    }

    /// Takes a connection out of those of strangers.
    fn leave(&mut self, number: u64) {
        let Some(network) = self.open.get(&number).map(|entry| entry.network) else { return };
        self.strangers.remove(network, number);
        self.grpc_strangers.remove(network, number);
    }

    fn insert(&mut self, number: u64, entry: Entry) {
        self.grpc += usize::from(entry.port == Port::Grpc);
        self.open.insert(number, entry);
    }

    /// Sets the peer of a connection. One that was displaced meanwhile has no entry, and is about to end.
    fn set_network(&mut self, number: u64, network: Option<Network>) {
        let Some(network) = network else { return };
        self.leave(number);
        if let Some(entry) = self.open.get_mut(&number) {
            entry.network = Some(network);
            *self.peers.entry(network).or_default() += 1;
            self.enter(number);
        }
    }

    fn remove(&mut self, number: u64) -> Option<Entry> {
        self.leave(number);
        let entry = self.open.remove(&number)?;
        self.grpc -= usize::from(entry.port == Port::Grpc);
        if let Some(network) = entry.network
            && let Some(count) = self.peers.get_mut(&network)
        {
            *count -= 1;
            if *count == 0 {
                self.peers.remove(&network);
            }
        }
        Some(entry)
    }
}

impl Seat {
    /// The connection's standing.
    pub(super) fn standing(&self) -> &Arc<Standing> {
        &self.standing
    }

    /// The connection's number in the table.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// Sets the peer of a connection that was admitted without one, because it came through a proxy.
    pub(super) fn belongs_to(&self, network: Option<Network>) -> Result<(), Refusal> {
        let mut rows = self.table.rows();
        rows.note_known();
        self.table.room_of(&mut rows, network)?;
        rows.set_network(self.number, network);
        Ok(())
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut rows = self.table.rows();
        rows.remove(self.number);
        self.table.counts.set_open(rows.open.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Given {
        table: Arc<Table>,
        counts: Arc<Connections>,
    }

    /// A table for so many connections, two of them of one peer.
    fn table(connections_max: usize) -> Given {
        Given::of(Limits { connections_max, connections_per_peer_max: 2, ..Limits::default() })
    }

    impl Given {
        fn of(limits: Limits) -> Self {
            let counts = Arc::<Connections>::default();
            Self { table: Table::new(&limits, counts.clone()), counts }
        }

        /// A seat whose task waits forever; and whether the task was ended.
        fn take(&self, port: Port) -> (Seat, tokio::task::JoinHandle<()>) {
            let seat = self.table.admit(port, None).expect("a seat");
            let task = tokio::spawn(std::future::pending());
            self.table.attach(seat.number(), task.abort_handle());
            (seat, task)
        }

        /// The seat of a known peer.
        fn take_known(&self, port: Port) -> Seat {
            let (seat, _) = self.take(port);
            seat.standing().connection().note_known();
            seat
        }
    }

    fn network(last: u8) -> Option<Network> {
        Some(Network::of([192, 0, 2, last].into()))
    }

    /// Whether a displaced connection's task was ended.
    async fn is_ended(task: tokio::task::JoinHandle<()>) -> bool {
        task.await.expect_err("ended").is_cancelled()
    }

    #[tokio::test]
    async fn the_oldest_idle_stranger_makes_room_then_one_with_public_calls_and_a_known_peer_never() {
        let given = table(4);
        let known = given.take_known(Port::Grpc);
        let (calling, calling_task) = given.take(Port::Grpc);
        let call = calling.standing().begin_call();
        let (older, older_task) = given.take(Port::Grpc);
        let (newer, newer_task) = given.take(Port::Grpc);
        let (third, _third) = given.take(Port::Grpc);
        assert!(is_ended(older_task).await);
        drop(older);
        assert_eq!(given.counts.open(), 4, "its seat was gone already");
        third.standing().connection().note_known();
        let fourth = given.take_known(Port::Grpc);
        assert!(is_ended(newer_task).await, "idle strangers first");
        let fifth = given.take_known(Port::Grpc);
        assert!(is_ended(calling_task).await, "a public call keeps no seat");
        drop((newer, call, calling));
        assert_eq!(given.table.admit(Port::Grpc, None).expect_err("all peers are known"), Refusal::Total);
        assert_eq!(given.counts.refused(Refusal::Displaced), 3);
        drop((known, third, fourth));
        given.table.admit(Port::Grpc, None).expect("free again");
        drop(fifth);
    }

    #[tokio::test]
    async fn of_strangers_those_of_the_network_with_the_most_make_room() {
        let given = Given::of(Limits { connections_max: 6, ..Limits::default() });
        let take = |last: u8| {
            let (seat, task) = given.take(Port::Grpc);
            seat.belongs_to(network(last)).expect("within the cap");
            (seat, task)
        };
        let (only, only_task) = take(1);
        let mut of_two: Vec<_> = (0..2).map(|_| take(2)).collect();
        let mut of_three: Vec<_> = (0..3).map(|_| take(3)).collect();
        let calls: Vec<_> = of_three.iter().map(|(seat, _)| seat.standing().begin_call()).collect();
        // All of the largest have calls in progress, and an idle one of a smaller network stays.
        let newcomer = take(4);
        assert!(is_ended(of_three.remove(0).1).await);
        // Of networks with as many, the one that was there first.
        let second = take(5);
        assert!(is_ended(of_two.remove(0).1).await);
        let third = take(6);
        assert!(is_ended(of_three.remove(0).1).await);
        // Each network has one: the oldest of all.
        let fourth = take(7);
        assert!(is_ended(only_task).await);
        assert!([&newcomer, &second, &third, &fourth].iter().all(|(_, task)| !task.is_finished()));
        drop((only, calls));
    }

    #[tokio::test]
    async fn a_peer_displaces_its_own_connections_only() {
        let given = table(100);
        let seats: Vec<_> = (0..2).map(|_| given.take(Port::Grpc)).collect();
        let (other, other_task) = given.take(Port::Grpc);
        other.belongs_to(network(2)).expect("the first of this peer");
        for (seat, _) in &seats {
            seat.belongs_to(network(1)).expect("two may be");
        }
        let (third, _third) = given.take(Port::Grpc);
        third.belongs_to(network(1)).expect("in place of the oldest");
        let [(_, oldest), (second, _second)] = <[_; 2]>::try_from(seats).expect("two");
        assert!(is_ended(oldest).await);
        assert!(!other_task.is_finished());
        [&second, &third].iter().for_each(|seat| seat.standing().connection().note_known());
        let (fourth, _fourth) = given.take(Port::Grpc);
        assert_eq!(fourth.belongs_to(network(1)).expect_err("both are known"), Refusal::PeerTotal);
        for _ in 0..10 {
            fourth.belongs_to(None).expect("this machine has no cap by peer");
        }
        drop(second);
        fourth.belongs_to(network(1)).expect("free again");
    }

    #[tokio::test]
    async fn a_peer_without_room_displaces_nobody_else() {
        let given = table(3);
        let known: Vec<_> = (0..2).map(|_| given.take_known(Port::Grpc)).collect();
        known.iter().for_each(|seat| seat.belongs_to(network(1)).expect("two may be"));
        let (other, other_task) = given.take(Port::Grpc);
        other.belongs_to(network(2)).expect("the first of this peer");
        let refused = given.table.admit(Port::Grpc, network(1)).expect_err("both of its seats are of known peers");
        assert_eq!((refused, other_task.is_finished()), (Refusal::PeerTotal, false));
        given.table.admit(Port::Grpc, network(3)).expect("in place of the stranger");
        assert!(is_ended(other_task).await);
    }

    #[tokio::test]
    async fn the_last_seats_are_the_consoles() {
        let given = table(16);
        let _seats: Vec<_> = (0..14).map(|_| given.take_known(Port::Grpc)).collect();
        assert_eq!(given.table.admit(Port::Grpc, None).expect_err("the rest is kept"), Refusal::Total);
        let _console = [given.take(Port::Console), given.take(Port::Console)];
        assert_eq!(given.counts.open(), 16);
    }

    #[tokio::test]
    async fn a_connection_that_ends_leaves_nothing_behind() {
        let given = table(10);
        for _ in 0..100 {
            let (seat, task) = given.take(Port::Grpc);
            seat.belongs_to(network(1)).expect("one at a time");
            task.abort();
        }
        assert_eq!(given.counts.open(), 0);
        let rows = given.table.rows();
        assert!(rows.open.is_empty() && rows.peers.is_empty() && rows.grpc == 0);
        assert!(rows.strangers.is_empty() && rows.grpc_strangers.is_empty());
    }
}
