//! `lienthong load`: drives a server over real HTTP/2 and reports throughput and percentiles.
//!
//! At a fixed rate the load is open: calls are due at fixed instants, whatever became of the earlier ones, and a call's latency
//! counts from the instant it was due. A server that stalls is charged for every call that had to wait (no coordinated
//! omission). Flat out, each worker calls again as soon as it is answered. Bytes go out and come in unread, so that the
//! generator costs the same whatever it drives.

#![allow(clippy::disallowed_methods, reason = "a load is measured")]

mod call;
mod citizens;
mod driver;
mod pacer;
pub mod peer;
mod report;
mod scenario;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use tonic::transport::Channel;

use super::ca::CaArgs;
use super::output::{Failure, OutputFormat, print_json, print_text, runtime};
use crate::base::time;
use citizens::{Citizens, Drawn};
use driver::{Outcome, Pace, Target};
use report::{Comparison, Report, Settings};
use scenario::{Calls, Scenario};

const EXAMPLES: &str = "\
Examples:
  lienthong load                                             flat out for ten seconds
  lienthong load --rate 2000 --duration 30s                  at 2,000 calls a second
  lienthong load --citizens personas                         a few citizens, whose answers are cached
  lienthong load --compare-bare --output json                beside a bare tonic service with answers of the same size
  lienthong load --scenario person --credential demo-police  another call";

/// Call a server at a fixed rate or at full speed, and report latency percentiles.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Load {
    /// The address of the server, without TLS unless `--ca` is given.
    #[arg(long, default_value = "127.0.0.1:50051", env = "LIENTHONG_ADDRESS", value_name = "HOST:PORT")]
    address: String,
    #[command(flatten)]
    ca: CaArgs,
    /// The call to make.
    #[arg(long, value_enum, default_value_t = Scenario::Fetch, env = "LIENTHONG_LOAD_SCENARIO")]
    scenario: Scenario,
    /// Calls per second; without it, full speed.
    #[arg(long, env = "LIENTHONG_LOAD_RATE", value_parser = clap::value_parser!(u32).range(1..=1_000_000), value_name = "NUMBER")]
    rate: Option<u32>,
    /// The number of HTTP/2 connections, like that of agencies' systems.
    #[arg(long, default_value_t = 16, env = "LIENTHONG_LOAD_CONNECTIONS", value_parser = clap::value_parser!(u16).range(1..=1024), value_name = "NUMBER")]
    connections: u16,
    /// The number of concurrent calls over all connections.
    #[arg(long, default_value_t = 256, env = "LIENTHONG_LOAD_CONCURRENCY", value_parser = clap::value_parser!(u16).range(1..=16384), value_name = "NUMBER")]
    concurrency: u16,
    /// How long to measure: `10s`, `500ms`, `2m`.
    #[arg(long, default_value = "10s", env = "LIENTHONG_LOAD_DURATION", value_parser = duration, value_name = "TIME")]
    duration: Duration,
    /// How long to make calls before measuring.
    #[arg(long, default_value = "1s", env = "LIENTHONG_LOAD_WARM_UP", value_parser = duration, value_name = "TIME")]
    warm_up: Duration,
    /// The bearer credential of the calls.
    #[arg(long, env = "LIENTHONG_LOAD_CREDENTIAL", value_name = "CREDENTIAL")]
    credential: Option<String>,
    /// The citizens whose records to fetch: all citizens of the world, drawn at random, or the personas, whose answers are cached after the first round.
    #[arg(long, value_enum, default_value_t = Drawn::Random, env = "LIENTHONG_LOAD_CITIZENS")]
    citizens: Drawn,
    /// A citizen whose records to fetch instead; repeat the flag for several.
    #[arg(long = "personal-id", env = "LIENTHONG_LOAD_PERSONAL_ID", value_delimiter = ',', value_name = "ID")]
    personal_ids: Vec<String>,
    /// Also measure a bare tonic service with answers of the same size, alternating in the same run, and print the ratio.
    #[arg(long, env = "LIENTHONG_LOAD_COMPARE_BARE")]
    compare_bare: bool,
    /// How many times each of the two is measured.
    #[arg(long, default_value_t = 3, env = "LIENTHONG_LOAD_TURNS", value_parser = clap::value_parser!(u8).range(1..=50), value_name = "NUMBER")]
    turns: u8,
}

impl Load {
    /// Runs the load.
    pub fn run(self, output: OutputFormat) -> Result<ExitCode, Failure> {
        let runtime = runtime()?;
        let report = runtime.block_on(self.measure())?;
        match output {
            OutputFormat::Text => print_text(&report.to_text())?,
            OutputFormat::Json => print_json(&report)?,
        }
        match report.gateway.failures() {
            0 => Ok(ExitCode::SUCCESS),
            failed => Err(Failure::new(format!("{failed} calls failed"))),
        }
    }

    async fn measure(&self) -> Result<Report, Failure> {
        let channels = self.connect(&self.ca, &self.address).await?;
        self.ca.expect_plaintext(&self.address).await?;
        let citizens = self.whose(&channels).await?;
        let whose = (citizens.name, citizens.count());
        let calls = Arc::new(Calls::of(self.scenario, self.credential.as_deref(), citizens)?);
        let gateway = Target { channels, calls };
        let answer_bytes = gateway.answer_bytes().await?;
        let progress = self.progress();
        let mut report = Report::new(self.settings(whose, answer_bytes));
        if self.compare_bare {
            let peer = peer::Spawned::start(answer_bytes).await?;
            let bare = Target {
                channels: self.connect(&CaArgs::default(), &peer.address).await?,
                calls: Arc::new(Calls::bare()),
            };
            let mut bare_total = Outcome::default();
            self.drive(&bare, self.warm_up, &progress).await;
            self.drive(&gateway, self.warm_up, &progress).await;
            let turn = self.duration / u32::from(self.turns);
            for _ in 0..self.turns {
                bare_total.merge(self.drive(&bare, turn, &progress).await);
                report.add(self.drive(&gateway, turn, &progress).await);
            }
            report.comparison = Some(Comparison::of(&report.gateway, &bare_total));
        } else {
            self.drive(&gateway, self.warm_up, &progress).await;
            report.add(self.drive(&gateway, self.duration, &progress).await);
        }
        progress.finish_and_clear();
        Ok(report)
    }

    fn settings(&self, (citizens, citizens_count): (&'static str, usize), answer_bytes: usize) -> Settings {
        Settings {
            scenario: self.scenario.name(),
            citizens,
            citizens_count,
            rate: self.rate,
            connections: self.connections,
            concurrency: self.concurrency,
            answer_bytes,
        }
    }

    /// The citizens whose records to ask for.
    async fn whose(&self, channels: &[Channel]) -> Result<Citizens, Failure> {
        if !self.personal_ids.is_empty() {
            return Citizens::named(&self.personal_ids);
        }
        let credential = format!("Bearer {}", self.credential.as_deref().unwrap_or("demo-one-stop"));
        let mut citizens = Citizens::of_world(self.citizens, channels[0].clone(), &credential).await?;
        if self.citizens == Drawn::Personas {
            // Some are there to be refused.
            let all = citizens.clone();
            let calls = Arc::new(Calls::of(self.scenario, self.credential.as_deref(), all)?);
            let answered = Target { channels: channels.to_vec(), calls }.answered(citizens.count()).await;
            citizens.retain(|at| answered[at]);
            if citizens.count() == 0 {
                return Err(Failure::new("no call for a persona was answered"));
            }
        }
        Ok(citizens)
    }

    async fn drive(&self, target: &Target, duration: Duration, progress: &ProgressBar) -> Outcome {
        let pace = match self.rate {
            Some(rate) => Pace::Fixed { calls_per_second: rate },
            None => Pace::FlatOut,
        };
        let driving = driver::drive(target, pace, usize::from(self.concurrency), duration);
        tokio::pin!(driving);
        let mut tick = tokio::time::interval(Duration::from_millis(250));
        let begun = tokio::time::Instant::now();
        let before = progress.position();
        loop {
            tokio::select! {
                outcome = &mut driving => {
                    progress.set_position(before + duration.as_millis() as u64);
                    return outcome;
                }
                _ = tick.tick() => progress.set_position(before + begun.elapsed().min(duration).as_millis() as u64),
            }
        }
    }

    async fn connect(&self, ca: &CaArgs, address: &str) -> Result<Vec<Channel>, Failure> {
        let mut channels = Vec::new();
        for _ in 0..self.connections {
            let endpoint = ca
                .endpoint(address)?
                .tcp_nodelay(true)
                // As large as load generators commonly set them: the measurement must not be of the windows.
                .initial_stream_window_size(1 << 20)
                .initial_connection_window_size(1 << 24);
            channels.push(ca.connect(&endpoint, address).await?);
        }
        Ok(channels)
    }

    /// A bar on stderr, which hides itself if stderr is not a terminal.
    fn progress(&self) -> ProgressBar {
        let targets = if self.compare_bare { 2 } else { 1 };
        let total = (self.duration + self.warm_up * targets + self.duration * (targets - 1)).as_millis() as u64;
        let style = ProgressStyle::with_template("{bar:40} {elapsed} of {msg}")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
        ProgressBar::new(total).with_style(style).with_message(format!("{:.0?}", Duration::from_millis(total)))
    }
}

/// Reads a time with its unit, `ms`, `s`, `m`, `h` or `d`; plain digits are seconds.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || "a duration is a number and a unit: 500ms, 30s, 5m, 8h, 7d".to_owned();
    let is_bare = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let found = if is_bare { time::duration(&format!("{text}s")) } else { time::duration(text) };
    found.filter(|of| !of.is_zero()).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_numbers_with_units() {
        for (text, ms) in [("500ms", 500), ("3", 3_000), ("3s", 3_000), ("2m", 120_000), ("1h", 3_600_000)] {
            assert_eq!(duration(text), Ok(Duration::from_millis(ms)), "{text}");
        }
        for bad in ["", "s", "0s", "3x", "-1s", "1.5s", "99999999999999999999s", "9999999999999999999d"] {
            duration(bad).expect_err(bad);
        }
    }
}
