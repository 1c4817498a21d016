//! `lienthong population generate`: a province in a folder, ready for `serve --data-dir`.

#![allow(clippy::disallowed_methods, reason = "a command is measured")]

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};

use super::output::{Failure, OutputFormat, print_json, print_text, runtime};
use crate::server::world_file::{POPULATION_DEFAULT, POPULATION_MAX, SEED_DEFAULT};
use crate::server::{Config, Gateway, Storage};

const EXAMPLES: &str = "\
Examples:
  lienthong population generate --data-dir ./province --population 100000
  lienthong serve --data-dir ./province";

/// The generated citizens.
#[derive(Debug, Subcommand)]
pub enum Population {
    /// Generate, sign and store a population in a new data folder.
    Generate(Generate),
}

/// Generate, sign and store a population in a new data folder.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Generate {
    /// The folder; it must contain no province, or this one.
    #[arg(long, env = "LIENTHONG_DATA_DIR", value_name = "DIR")]
    data_dir: PathBuf,
    /// How many citizens to generate in addition to the personas.
    #[arg(long, default_value_t = POPULATION_DEFAULT, env = "LIENTHONG_POPULATION", value_parser = clap::value_parser!(u64).range(..=POPULATION_MAX), value_name = "NUMBER")]
    population: u64,
    /// The seed from which keys and citizens are generated.
    #[arg(long, default_value_t = SEED_DEFAULT, env = "LIENTHONG_SEED", value_name = "NUMBER")]
    seed: u64,
}

impl Population {
    /// Runs the subcommand.
    pub fn run(self, output: OutputFormat) -> Result<ExitCode, Failure> {
        match self {
            Self::Generate(generate) => generate.run(output),
        }
    }
}

impl Generate {
    fn run(self, output: OutputFormat) -> Result<ExitCode, Failure> {
        runtime()?.block_on(async move {
            let begun = Instant::now();
            let progress = Progress::new("generating");
            let config = Config {
                storage: Storage::Folder(self.data_dir.clone()),
                seed: Some(self.seed),
                population: Some(self.population),
                anchor: Some(self.data_dir.join("anchor.json")),
                progress: Some(progress.callback()),
                ..Config::default()
            };
            let gateway = Gateway::open(config).await?;
            progress.finish();
            let records = gateway.record_ledger_size();
            gateway.close().await;
            let seconds = begun.elapsed().as_secs_f64();
            match output {
                OutputFormat::Text => print_text(&format!(
                    "{} citizens, {records} ledger entries in {} after {seconds:.1} s",
                    self.population,
                    self.data_dir.display()
                ))?,
                OutputFormat::Json => print_json(&serde_json::json!({
                    "data_dir": self.data_dir, "population": self.population, "seed": self.seed,
                    "ledger_entries": records, "seconds": seconds,
                }))?,
            }
            Ok(ExitCode::SUCCESS)
        })
    }
}

/// A progress bar on stderr, which hides itself where stderr is no terminal.
pub(super) struct Progress(ProgressBar);

impl Progress {
    /// A bar that shows once there is something to show.
    pub(super) fn new(what: &'static str) -> Self {
        let style = ProgressStyle::with_template("{msg} {bar:40} {pos}/{len} citizens, {eta} left");
        let bar = ProgressBar::new(0).with_message(what);
        Self(bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar())))
    }

    /// What a gateway tells how far it is.
    pub(super) fn callback(&self) -> Arc<dyn Fn(u64, u64) + Send + Sync> {
        let bar = self.0.clone();
        Arc::new(move |done, all| {
            bar.set_length(all);
            bar.set_position(done);
        })
    }

    /// Takes the bar away.
    pub(super) fn finish(&self) {
        self.0.finish_and_clear();
    }
}
