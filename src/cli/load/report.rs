//! The report of `load`.

use serde::Serialize;

use super::driver::Outcome;
use crate::cli::language::say;

/// The settings of a measurement.
#[derive(Serialize)]
pub(super) struct Settings {
    pub(super) scenario: &'static str,
    /// `random`, `personas` or `named`, and how many.
    pub(super) citizens: &'static str,
    pub(super) citizens_count: usize,
    /// `None` is flat out.
    pub(super) rate: Option<u32>,
    pub(super) connections: u16,
    pub(super) concurrency: u16,
    pub(super) answer_bytes: usize,
}

/// The result of a load.
#[derive(Serialize)]
pub(super) struct Report {
    #[serde(flatten)]
    load: Settings,
    pub(super) gateway: Measured,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) comparison: Option<Comparison>,
    #[serde(skip)]
    total: Outcome,
}

/// The figures of one target.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct Measured {
    pub(super) calls_per_second: f64,
    answered: u64,
    failed: u64,
    failures: std::collections::BTreeMap<String, u64>,
    seconds: f64,
    mebibytes_per_second: f64,
    p50_ms: f64,
    p90_ms: f64,
    p99_ms: f64,
    p999_ms: f64,
    max_ms: f64,
}

/// The gateway compared with the bare peer.
#[derive(Debug, Serialize)]
pub(super) struct Comparison {
    bare: Measured,
    /// The gateway's throughput as a part of the bare peer's.
    throughput_ratio: f64,
}

impl Measured {
    fn of(outcome: &Outcome) -> Self {
        let at = |quantile: f64| outcome.latency_us.value_at_quantile(quantile) as f64 / 1000.0;
        let seconds = outcome.elapsed.as_secs_f64();
        Self {
            calls_per_second: outcome.calls_per_second(),
            answered: outcome.latency_us.len(),
            failed: outcome.failures.values().sum(),
            failures: outcome.failures.clone(),
            seconds,
            mebibytes_per_second: outcome.bytes as f64 / seconds.max(f64::MIN_POSITIVE) / 1_048_576.0,
            p50_ms: at(0.5),
            p90_ms: at(0.9),
            p99_ms: at(0.99),
            p999_ms: at(0.999),
            max_ms: outcome.latency_us.max() as f64 / 1000.0,
        }
    }

    /// How many calls failed; one at least when none was answered.
    pub(super) fn failures(&self) -> u64 {
        self.failed.max(u64::from(self.answered == 0))
    }

    fn to_text(&self, name: &str) -> String {
        let mut text = format!(
            "{name:<8} {:>9.0} calls/s   p50 {:>8.2} ms   p90 {:>8.2} ms   p99 {:>8.2} ms   p99.9 {:>8.2} ms   max {:>8.2} ms\n\
             {:<8} {} answered, {} failed in {:.1} s, {:.1} MiB/s",
            self.calls_per_second,
            self.p50_ms,
            self.p90_ms,
            self.p99_ms,
            self.p999_ms,
            self.max_ms,
            "",
            self.answered,
            self.failed,
            self.seconds,
            self.mebibytes_per_second,
        );
        for (code, count) in &self.failures {
            text.push_str(&format!("\n         {count} × {code}"));
        }
        text
    }
}

impl Comparison {
    /// Compares two targets measured in turns.
    pub(super) fn of(gateway: &Measured, bare: &Outcome) -> Self {
        let bare = Measured::of(bare);
        let throughput_ratio = gateway.calls_per_second / bare.calls_per_second.max(f64::MIN_POSITIVE);
        Self { bare, throughput_ratio }
    }
}

impl Report {
    /// A report without figures yet.
    pub(super) fn new(load: Settings) -> Self {
        Self { load, gateway: Measured::default(), comparison: None, total: Outcome::default() }
    }

    /// Adds a turn.
    pub(super) fn add(&mut self, outcome: Outcome) {
        self.total.merge(outcome);
        self.gateway = Measured::of(&self.total);
    }

    /// For people.
    pub(super) fn to_text(&self) -> String {
        let pace = match self.load.rate {
            Some(rate) => format!("{rate} calls/s, latency from the instant each call was due"),
            None => "flat out".to_owned(),
        };
        let mut text = format!(
            "{} {pace}; {} {} citizens, {} connections, {} at once, answers of {} bytes\n{}",
            self.load.scenario,
            self.load.citizens_count,
            self.load.citizens,
            self.load.connections,
            self.load.concurrency,
            self.load.answer_bytes,
            self.gateway.to_text(&say("gateway"))
        );
        if let Some(comparison) = &self.comparison {
            text.push('\n');
            text.push_str(&comparison.bare.to_text(&say("bare")));
            text.push_str(&format!("\nratio    {:.2} of the bare service's throughput", comparison.throughput_ratio));
        }
        text
    }
}
