//! The health of each service: serving, unless a cause is noted against it.
//!
//! The source of a cause (the store, a feed, the clock, the end of the run) notes it for the services concerned, and removes it
//! when it is over. A service serves when no cause is noted. `grpc.health.v1` and `/metrics` read the same board.

use std::collections::{BTreeMap, BTreeSet};

use tokio::sync::watch;

/// The name of the server as a whole.
pub const OVERALL: &str = "";
/// The cause at the end of a run.
pub const ENDING: &str = "ending";

type Causes = BTreeMap<String, BTreeSet<&'static str>>;

/// The causes that speak against each service.
#[derive(Debug, Clone)]
pub struct HealthBoard(watch::Sender<Causes>);

impl Default for HealthBoard {
    /// The server as a whole, serving.
    fn default() -> Self {
        Self(watch::Sender::new(Causes::from([(OVERALL.to_owned(), BTreeSet::new())])))
    }
}

impl HealthBoard {
    /// Adds a service, serving.
    pub fn add(&self, service: &str) {
        self.0.send_if_modified(|causes| causes.insert(service.to_owned(), BTreeSet::new()).is_none());
    }

    /// Notes `cause` for the services that `concerns` names, and takes it back from all others.
    pub fn note(&self, cause: &'static str, concerns: impl Fn(&str) -> bool) {
        self.0.send_if_modified(|causes| {
            let mut changed = false;
            for (service, causes) in causes {
                changed |= if concerns(service) { causes.insert(cause) } else { causes.remove(cause) };
            }
            changed
        });
    }

    /// Notes `cause` for one service, or takes it back.
    pub fn note_for(&self, service: &str, cause: &'static str, holds: bool) {
        self.0.send_if_modified(|causes| {
            let Some(causes) = causes.get_mut(service) else { return false };
            if holds { causes.insert(cause) } else { causes.remove(cause) }
        });
    }

    /// The services on the board, by name; the server as a whole is the empty one.
    pub fn services(&self) -> Vec<String> {
        self.0.borrow().keys().cloned().collect()
    }

    /// The causes against a service; `None` when there is no such service.
    pub fn causes(&self, service: &str) -> Option<BTreeSet<&'static str>> {
        self.0.borrow().get(service).cloned()
    }

    /// All services with their causes, as they change.
    pub fn watch(&self) -> watch::Receiver<Causes> {
        self.0.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_serves_until_something_speaks_against_it() {
        let board = HealthBoard::default();
        board.add("a.v1.A");
        let mut watched = board.watch();
        watched.mark_unchanged();
        board.note("store", |service| service.starts_with("a."));
        board.note("clock", |_| true);
        assert!(watched.has_changed().expect("the board is there"));
        assert_eq!(board.causes("a.v1.A"), Some(BTreeSet::from(["store", "clock"])));
        assert_eq!(board.causes(OVERALL), Some(BTreeSet::from(["clock"])));
        board.note("clock", |_| false);
        board.note("store", |_| false);
        assert_eq!(board.causes("a.v1.A"), Some(BTreeSet::new()));
        assert_eq!(board.causes("b.v1.B"), None);
        watched.mark_unchanged();
        board.note("store", |_| false);
        assert!(!watched.has_changed().expect("the board is there"), "nothing changed");
    }
}
