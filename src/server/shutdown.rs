//! The end of a run: Ctrl-C or SIGTERM, once; calls under way get [`DRAIN`] to finish.

use std::time::Duration;

use crate::base::{Error, Result};

/// How long calls under way may take to finish once the end was asked for.
pub const DRAIN: Duration = Duration::from_millis(1_500);

/// Waits for Ctrl-C or, where there is one, SIGTERM. Install it before saying that the gateway is ready.
pub struct Signals {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

impl Signals {
    /// Takes the signals over from the system's default, which is to die at once.
    #[cfg(unix)]
    pub fn install() -> Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt()).map_err(Error::bug)?,
            terminate: signal(SignalKind::terminate()).map_err(Error::bug)?,
        })
    }

    /// Takes Ctrl-C over.
    #[cfg(not(unix))]
    pub fn install() -> Result<Self> {
        Ok(Self {})
    }

    /// Waits for the first of them, and says which.
    #[cfg(unix)]
    pub async fn wait(mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "Ctrl-C",
            _ = self.terminate.recv() => "SIGTERM",
        }
    }

    /// Waits for Ctrl-C.
    #[cfg(not(unix))]
    pub async fn wait(self) -> &'static str {
        let _ = tokio::signal::ctrl_c().await;
        "Ctrl-C"
    }
}
