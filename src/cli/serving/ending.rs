//! The end of a run: by a signal, or by itself after a failure that a restart mends.

use std::time::Duration;

use super::ready::ReadyFile;
use crate::cli::output::Failure;
use crate::server::Running;
use crate::server::ended::Ended;
use crate::server::shutdown::{HANG_UP, Signals};

/// The exit code when the store or a log takes no more changes until a restart (EX_IOERR of sysexits.h).
const EXIT_STORE: u8 = 74;

/// How a run ends.
pub(in crate::cli) struct Ending<'a> {
    /// The signals that end it.
    pub(in crate::cli) signals: &'a mut Signals,
    /// How long calls are accepted after a signal.
    pub(in crate::cli) drain: Duration,
    /// Reads the file of rights again on SIGHUP; `None` without such a file: SIGHUP ends the run.
    pub(in crate::cli) reload: Option<&'a (dyn Fn() + Sync)>,
    /// The ready-file, which is removed first.
    pub(in crate::cli) ready: Option<ReadyFile>,
}

impl Ending<'_> {
    /// Serves until the run ends, and ends serving. Returns the failure that ended it; `None` after a signal.
    pub(in crate::cli) async fn of(self, mut running: Running) -> Result<Option<Ended>, Failure> {
        let Self { signals, drain, reload, ready } = self;
        let failed = loop {
            tokio::select! {
                biased;
                signal = signals.wait() => {
                    if let (HANG_UP, Some(reload)) = (signal, reload) {
                        reload();
                        continue;
                    }
                    tracing::info!(signal, "ending: calls in progress may finish");
                    break None;
                }
                ended = running.ended() => break Some(ended),
            }
        };
        drop(ready);
        let drain = failed.map_or(drain, |_| Duration::ZERO);
        tokio::select! {
            biased;
            ended = running.end_after(drain) => ended?,
            signal = signals.wait() => tracing::info!(signal, "calls still in progress are cut"),
        }
        Ok(failed)
    }
}

/// The outcome of a run, once everything is closed.
pub(in crate::cli) fn outcome(failed: Option<Ended>) -> Result<(), Failure> {
    match failed {
        None => Ok(()),
        Some(Ended::Port) => Err(Failure::new("the server stopped by itself; the log states the cause")),
        Some(Ended::Store) => {
            let message = "the storage engine accepts no more changes: fix the cause given in the log and start again";
            Err(Failure::with_code(message, EXIT_STORE))
        }
        Some(Ended::Log) => {
            let message = "a ledger takes no more entries: the log states the cause; start again";
            Err(Failure::with_code(message, EXIT_STORE))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::process::ExitCode;

    use super::*;

    #[test]
    fn what_a_restart_mends_has_an_exit_code_of_its_own() {
        assert!(outcome(None).is_ok());
        for (ended, code) in [(Ended::Port, 1), (Ended::Store, 74), (Ended::Log, 74)] {
            let failure = outcome(Some(ended)).expect_err("it failed");
            assert_eq!(failure.report(), ExitCode::from(code), "{ended:?}");
        }
    }
}
