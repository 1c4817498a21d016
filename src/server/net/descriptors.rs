//! File descriptors: a process has a limited number, and the store must always get one.
//!
//! A connection takes one descriptor. If connections could take them all, the store could open no table and every write would fail,
//! until a restart. So the soft limit is raised to the hard one at the start, some descriptors are reserved, and the cap on
//! connections follows from the rest.

use crate::base::{Error, Reason, Result};
use crate::store::fjall::FILES_OPEN_MAX;

/// Reserved in addition to the store's open tables: its journals and the tables that compactions write, listeners, timers, standard
/// streams, key files, calls to witnesses, and the connection that is being refused.
const OTHERS: u64 = 96;
/// A gateway with fewer connections is useless.
const CONNECTIONS_MIN: u64 = 32;

/// Raises the soft limit on descriptors to the hard one, and returns the limit in force. `None`: no limit.
#[cfg(unix)]
pub fn raise() -> Option<u64> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let before = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: before.maximum, maximum: before.maximum };
    if raised != before
        && let Err(error) = setrlimit(Resource::Nofile, raised)
    {
        // Some systems refuse an infinite soft limit; the previous one stays.
        tracing::debug!(%error, "the limit on descriptors cannot be raised");
    }
    getrlimit(Resource::Nofile).current
}

/// There is no such limit.
#[cfg(not(unix))]
pub fn raise() -> Option<u64> {
    None
}

/// The number of connections that `limit` descriptors allow, at most `wanted`.
///
/// Fails with [`ConfigurationInvalid`](Reason::ConfigurationInvalid) if they are too few to serve anybody.
pub fn connections(limit: Option<u64>, wanted: usize) -> Result<usize> {
    let Some(limit) = limit else { return Ok(wanted) };
    let reserved = FILES_OPEN_MAX as u64 + OTHERS;
    let left = limit.saturating_sub(reserved);
    if left < CONNECTIONS_MIN {
        let needed = reserved + CONNECTIONS_MIN;
        let message = format!(
            "this process may open {limit} descriptors, and needs {needed}: {reserved} for the store and itself, and {CONNECTIONS_MIN} \
             for connections; raise the hard limit (`ulimit -Hn`, LimitNOFILE, --ulimit nofile)"
        );
        return Err(Error::new(Reason::ConfigurationInvalid, message));
    }
    Ok(usize::try_from(left).unwrap_or(usize::MAX).min(wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stores_descriptors_are_set_aside_first() {
        assert_eq!(connections(None, 1_024).expect("no limit"), 1_024);
        assert_eq!(connections(Some(1 << 20), 1_024).expect("plenty"), 1_024);
        assert_eq!(connections(Some(1_024), 1_024).expect("some"), 672);
        assert_eq!(connections(Some(384), 1_024).expect("few"), 32);
        for limit in [0, 64, 80, 383] {
            let refused = connections(Some(limit), 1_024).expect_err("too few");
            assert!(refused.message.contains(&format!("{limit} descriptors, and needs 384")), "{}", refused.message);
        }
    }
}
