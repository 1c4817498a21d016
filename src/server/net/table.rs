//! The table of open connections, and its caps: in total, and for one peer.
//!
//! When all seats are taken, a new connection gets the seat of the oldest one without an admitted call or a call in progress; so
//! idle connections in any number keep nobody out. If every connection is in use, the new one is refused at once.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::task::AbortHandle;

use super::connections::{Connections, Refusal};
use super::limits::Limits;
use super::standing::Standing;
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

    /// Gives a new connection a seat, or returns the reason why there is none.
    pub(super) fn admit(self: &Arc<Self>, port: Port) -> Result<Seat, Refusal> {
        let mut rows = self.rows();
        let is_full = |rows: &OpenConnections| rows.open.len() >= self.total_max;
        let is_grpc_full =
            |rows: &OpenConnections| port == Port::Grpc && rows.grpc >= self.total_max - self.kept_for_console;
        if is_grpc_full(&rows) {
            self.displace(&mut rows, |entry| entry.port == Port::Grpc);
        } else if is_full(&rows) {
            self.displace(&mut rows, |_| true);
        }
        if is_full(&rows) || is_grpc_full(&rows) {
            return Err(Refusal::Total);
        }
        let number = rows.next;
        rows.next += 1;
        let standing = Arc::<Standing>::default();
        rows.insert(number, Entry { port, network: None, standing: standing.clone(), task: None });
        self.counts.set_open(rows.open.len());
        Ok(Seat { table: self.clone(), number, standing })
    }

    /// Sets the task of a connection, so that a newer one can take its seat.
    pub(super) fn attach(&self, number: u64, task: AbortHandle) {
        // A short connection may have ended already.
        if let Some(entry) = self.rows().open.get_mut(&number) {
            entry.task = Some(task);
        }
    }

    /// Closes the oldest dispensable connection that satisfies `may`.
    fn displace(&self, rows: &mut OpenConnections, may: impl Fn(&Entry) -> bool) {
        let mut dispensable = rows.open.iter().filter(|(_, entry)| may(entry) && entry.standing.is_dispensable());
        let Some(number) = dispensable.find_map(|(number, entry)| entry.task.is_some().then_some(*number)) else {
            return;
        };
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
    fn insert(&mut self, number: u64, entry: Entry) {
        self.grpc += usize::from(entry.port == Port::Grpc);
        self.open.insert(number, entry);
    }

    fn remove(&mut self, number: u64) -> Option<Entry> {
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

    /// Sets the connection's peer. Over that peer's cap, its own oldest dispensable connection makes room.
    pub(super) fn belongs_to(&self, network: Option<Network>) -> Result<(), Refusal> {
        let Some(network) = network else { return Ok(()) };
        let mut rows = self.table.rows();
        let count = |rows: &OpenConnections| rows.peers.get(&network).copied().unwrap_or_default();
        if count(&rows) >= self.table.per_peer_max {
            self.table.displace(&mut rows, |entry| entry.network == Some(network));
            if count(&rows) >= self.table.per_peer_max {
                return Err(Refusal::PeerTotal);
            }
        }
        // A connection displaced meanwhile has no entry, and is about to end.
        if let Some(entry) = rows.open.get_mut(&self.number) {
            entry.network = Some(network);
            *rows.peers.entry(network).or_default() += 1;
        }
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
        let counts = Arc::<Connections>::default();
        let limits = Limits { connections_max, connections_per_peer_max: 2, ..Limits::default() };
        Given { table: Table::new(&limits, counts.clone()), counts }
    }

    impl Given {
        /// A seat whose task waits forever; and whether the task was ended.
        fn take(&self, port: Port) -> (Seat, tokio::task::JoinHandle<()>) {
            let seat = self.table.admit(port).expect("a seat");
            let task = tokio::spawn(std::future::pending());
            self.table.attach(seat.number(), task.abort_handle());
            (seat, task)
        }
    }

    fn network(last: u8) -> Option<Network> {
        Some(Network::of([192, 0, 2, last].into()))
    }

    #[tokio::test]
    async fn the_oldest_idle_stranger_makes_room_and_nobody_else_does() {
        let given = table(4);
        let (admitted, _admitted) = given.take(Port::Grpc);
        admitted.standing().begin_call().admit();
        let (calling, _calling) = given.take(Port::Grpc);
        let _call = calling.standing().begin_call();
        let (older, older_task) = given.take(Port::Grpc);
        let (newer, _newer) = given.take(Port::Grpc);
        let (last, _last) = given.take(Port::Grpc);
        assert!(older_task.await.expect_err("ended").is_cancelled());
        drop(older);
        assert_eq!(given.counts.open(), 4, "its seat was gone already");
        for seat in [&newer, &last] {
            seat.standing().begin_call().admit();
        }
        assert_eq!(given.table.admit(Port::Grpc).expect_err("all are of use"), Refusal::Total);
        assert_eq!(given.counts.refused(Refusal::Displaced), 1);
        drop((newer, last));
        given.table.admit(Port::Grpc).expect("free again");
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
        assert!(oldest.await.expect_err("ended").is_cancelled());
        assert!(!other_task.is_finished());
        let _call = (second.standing().begin_call(), third.standing().begin_call());
        let (fourth, _fourth) = given.take(Port::Grpc);
        assert_eq!(fourth.belongs_to(network(1)).expect_err("both are of use"), Refusal::PeerTotal);
        for _ in 0..10 {
            fourth.belongs_to(None).expect("this machine has no cap by peer");
        }
        drop(second);
        fourth.belongs_to(network(1)).expect("free again");
    }

    #[tokio::test]
    async fn the_last_seats_are_the_consoles() {
        let given = table(16);
        let seats: Vec<_> = (0..14).map(|_| given.take(Port::Grpc).0).collect();
        seats.iter().for_each(|seat| seat.standing().begin_call().admit());
        assert_eq!(given.table.admit(Port::Grpc).expect_err("the rest is kept"), Refusal::Total);
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
    }
}
