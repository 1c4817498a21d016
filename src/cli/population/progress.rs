//! The bar that shows how far a population is.

use std::sync::Arc;

use indicatif::{ProgressBar, ProgressStyle};

/// A progress bar on stderr, which hides itself if stderr is not a terminal.
pub struct Progress(ProgressBar);

impl Progress {
    /// A bar that shows once there is something to show.
    pub fn new(what: &'static str) -> Self {
        let style = ProgressStyle::with_template("{msg} {bar:40} {pos}/{len} citizens, {eta} left");
        let bar = ProgressBar::new(0).with_message(what);
        Self(bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar())))
    }

    /// The progress that a gateway reports.
    pub fn callback(&self) -> Arc<dyn Fn(u64, u64) + Send + Sync> {
        let bar = self.0.clone();
        Arc::new(move |done, all| {
            bar.set_length(all);
            bar.set_position(done);
        })
    }

    /// Removes the bar.
    pub fn finish(&self) {
        self.0.finish_and_clear();
    }
}
