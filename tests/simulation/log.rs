//! What happened, step by step. Equal seeds write equal logs, byte for byte; the first violation ends the run, and names the seed and the step.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lienthong::base::time::Instant;

/// Steps before a violation that are printed with it.
const SHOWN: usize = 60;

/// The log of one run. Clones share it.
#[derive(Clone)]
pub struct Log(Arc<Inner>);

struct Inner {
    seed: u64,
    began: Instant,
    lines: Mutex<Vec<String>>,
    violation: Mutex<Option<(usize, String)>>,
}

impl Log {
    /// The empty log of a run that begins now.
    #[allow(clippy::disallowed_methods, reason = "the runtime's time is the simulated machine's")]
    pub fn new(seed: u64) -> Self {
        let began = Instant::now();
        Self(Arc::new(Inner { seed, began, lines: Mutex::default(), violation: Mutex::default() }))
    }

    /// How long the run lasts, in milliseconds of simulated time.
    pub fn elapsed_ms(&self) -> i64 {
        i64::try_from(self.0.began.elapsed().as_millis()).expect("a run of less than an age")
    }

    /// Notes a step of `who`.
    pub fn note(&self, who: &str, what: impl AsRef<str>) {
        let at = self.elapsed_ms();
        let mut lines = self.lines();
        let line = format!("{:>5} {at:>8} ms  {who:<12} {}", lines.len(), what.as_ref());
        lines.push(line);
    }

    /// Notes that a promise was broken. The first such step counts; later ones may follow from it.
    pub fn violated(&self, what: impl AsRef<str>) {
        self.note("VIOLATION", what.as_ref());
        let step = self.lines().len() - 1;
        self.0.violation.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert((step, what.as_ref().to_owned()));
    }

    /// Notes a violation unless `holds`.
    pub fn check(&self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.violated(what());
        }
    }

    /// Whether a promise was broken.
    pub fn is_violated(&self) -> bool {
        self.0.violation.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// The promise that was broken, with seed and step, the steps before it, and how to repeat the run.
    /// `test` is the part of the test's name that finds it.
    pub fn failure(&self, test: &str) -> Option<String> {
        let (step, what) = self.0.violation.lock().unwrap_or_else(PoisonError::into_inner).clone()?;
        let (seed, lines) = (self.0.seed, self.lines());
        let mut text = format!("seed {seed}, step {step}: {what}\n");
        for line in &lines[step.saturating_sub(SHOWN)..=step] {
            let _ = writeln!(text, "  {line}");
        }
        let _ = write!(
            text,
            "repeat it: LIENTHONG_SIMULATION_SEEDS={seed} cargo test --test simulation {test} -- --nocapture"
        );
        Some(text)
    }

    /// All lines.
    pub fn text(&self) -> String {
        self.lines().join("\n")
    }

    fn lines(&self) -> MutexGuard<'_, Vec<String>> {
        self.0.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
