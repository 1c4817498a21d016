//! The end of a run: Ctrl-C, SIGTERM or SIGHUP; calls in progress get [`DRAIN`] to finish.
//!
//! SIGHUP, which a closing terminal sends, ends a run like the others, unless there is a file of rights to reload. A process
//! started to ignore it (`nohup`) does, and reloads nothing.

use std::time::Duration;

use crate::base::{Error, Result};

/// Time that calls in progress have to finish once the listeners are closed.
pub const DRAIN: Duration = Duration::from_millis(1_500);

/// The signal that may mean a reload instead of the end.
pub const HANG_UP: &str = "SIGHUP";

/// The signals that end a run. Install before reporting that the gateway is ready.
pub struct Signals {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    /// `None`: the process was started to ignore it.
    #[cfg(unix)]
    hang_up: Option<tokio::signal::unix::Signal>,
}

impl Signals {
    /// Replaces the system's default action, which is to die at once.
    #[cfg(unix)]
    pub fn install() -> Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let hang_up = SignalKind::hangup();
        // If `/proc` gives no answer, nothing is ignored.
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        Ok(Self {
            interrupt: signal(SignalKind::interrupt()).map_err(Error::bug)?,
            terminate: signal(SignalKind::terminate()).map_err(Error::bug)?,
            hang_up: match ignores(&status, hang_up.as_raw_value()) {
                true => None,
                false => Some(signal(hang_up).map_err(Error::bug)?),
            },
        })
    }

    /// Handles Ctrl-C.
    #[cfg(not(unix))]
    pub fn install() -> Result<Self> {
        Ok(Self {})
    }

    /// Waits for the next signal, and returns its name.
    #[cfg(unix)]
    pub async fn wait(&mut self) -> &'static str {
        let hang_up = async {
            match &mut self.hang_up {
                Some(signal) => signal.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            _ = self.interrupt.recv() => "Ctrl-C",
            _ = self.terminate.recv() => "SIGTERM",
            _ = hang_up => HANG_UP,
        }
    }

    /// Waits for Ctrl-C.
    #[cfg(not(unix))]
    pub async fn wait(&mut self) -> &'static str {
        let _ = tokio::signal::ctrl_c().await;
        "Ctrl-C"
    }
}

/// Whether a process with this `/proc/…/status` (proc(5)) ignores a signal: `SigIgn` is a hexadecimal mask, whose lowest bit is
/// signal 1.
#[cfg(unix)]
fn ignores(status: &str, signal: i32) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn ignored_signals_are_read_from_the_mask() {
        let status =
            "Name:\tlienthong\nSigBlk:\t0000000000000001\nSigIgn:\t0000000000001001\nSigCgt:\t0000000000004002\n";
        assert_eq!([1, 2, 13, 15].map(|signal| ignores(status, signal)), [true, false, true, false]);
        assert!(!ignores("", 1) && !ignores("SigIgn:\tnone\n", 1));
    }
}
