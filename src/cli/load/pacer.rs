//! Lets calls go at fixed instants. A thread of its own sleeps to within tens of microseconds; the runtime's timers, which
//! count whole milliseconds, would be charged to the server.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

/// Gives one permit at each call's instant, until dropped.
pub(super) struct Pacer {
    permits: Arc<Semaphore>,
    ended: Arc<AtomicBool>,
}

impl Pacer {
    /// Starts at `begun`, for `calls` calls.
    pub(super) fn start(begun: Instant, calls_per_second: u32, calls: u64) -> std::io::Result<Self> {
        let permits = Arc::new(Semaphore::new(0));
        let ended = Arc::new(AtomicBool::new(false));
        let (given, stop) = (permits.clone(), ended.clone());
        std::thread::Builder::new().name("pacer".into()).spawn(move || {
            let mut let_go = 0;
            while let_go < calls && !stop.load(Ordering::Relaxed) {
                let due = due(begun, calls_per_second, let_go);
                std::thread::sleep(due.saturating_duration_since(Instant::now()));
                let reached = (Instant::now().saturating_duration_since(begun).as_secs_f64()
                    * f64::from(calls_per_second)) as u64
                    + 1;
                let more = reached.min(calls).saturating_sub(let_go);
                given.add_permits(more as usize);
                let_go += more;
            }
        })?;
        Ok(Self { permits, ended })
    }

    /// Waits for the next call's instant.
    pub(super) async fn next(&self) {
        if let Ok(permit) = self.permits.acquire().await {
            permit.forget();
        }
    }
}

impl Drop for Pacer {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
    }
}

/// The time at which call number `call` is due.
pub(super) fn due(begun: Instant, calls_per_second: u32, call: u64) -> Instant {
    begun + Duration::from_secs_f64(call as f64 / f64::from(calls_per_second))
}
