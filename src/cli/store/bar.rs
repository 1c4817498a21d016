//! The progress of a walk over a store.

use std::sync::Mutex;

use indicatif::{ProgressBar, ProgressStyle};

/// A progress bar on stderr, which hides itself if stderr is not a terminal.
pub(super) struct Bar {
    pub(super) bar: ProgressBar,
    step: Mutex<&'static str>,
}

impl Bar {
    pub(super) fn new() -> Self {
        let style = ProgressStyle::with_template("{msg} {bar:40} {pos}/{len}, {eta} left");
        let bar = ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self { bar, step: Mutex::new("") }
    }

    pub(super) fn show(&self, step: &'static str, more: u64, all: u64) {
        let mut last = self.step.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if std::mem::replace(&mut *last, step) != step {
            self.bar.set_message(step);
            self.bar.set_position(0);
        }
        self.bar.set_length(all);
        self.bar.inc(more);
    }
}
