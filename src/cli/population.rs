//! `lienthong population`: a province in a folder, ready for `serve --data-dir`, and what a generated province looks like.

#![allow(clippy::disallowed_methods, reason = "a command is measured")]

mod legacy;
mod progress;
mod pyramid;
mod report;

pub(super) use progress::Progress;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::{Args, Subcommand};

use super::output::{Failure, OutputFormat, print_json, print_text, runtime};
use crate::server::world_file::{POPULATION_DEFAULT, POPULATION_MAX, SEED_DEFAULT};
use crate::server::{Config, Gateway, Storage};
use crate::simulation::discrepancy::Rate;

const EXAMPLES: &str = "\
Examples:
  lienthong population generate --data-dir ./province --population 100000
  lienthong population generate --data-dir ./untidy --discrepancies 0.05 --ground-truth truth.jsonl
  lienthong serve --data-dir ./province";

/// The generated citizens.
#[derive(Debug, Subcommand)]
pub enum Population {
    /// Generate, sign and store a population in a new data folder.
    Generate(Generate),
    /// Print the pyramid of ages of a generated population, and each of its figures with its target.
    Report(report::Report),
    /// Write a file from before Unicode, with the errors of such files: a CSV with headings, to try an import on.
    Legacy(legacy::Legacy),
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
    #[command(flatten)]
    disagreements: DiscrepancyArgs,
}

/// How registries disagree in a new world.
#[derive(Debug, Args)]
pub(super) struct DiscrepancyArgs {
    /// How often registries disagree about people, as a share of the records that name one, 0 to 0.5: real ones reach about 0.05. For a new province [default: 0].
    #[arg(long, env = "LIENTHONG_DISCREPANCIES", value_name = "RATE")]
    pub(super) discrepancies: Option<Rate>,
    /// A file to write the ground truth of each discrepancy to, one line of JSON each, while a new province is generated.
    #[arg(long, env = "LIENTHONG_GROUND_TRUTH", value_name = "FILE")]
    pub(super) ground_truth: Option<PathBuf>,
}

impl Population {
    /// Runs the subcommand.
    pub fn run(self, output: OutputFormat) -> Result<ExitCode, Failure> {
        match self {
            Self::Generate(generate) => generate.run(output),
            Self::Report(report) => report.run(output),
            Self::Legacy(legacy) => legacy.run(output),
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
                discrepancies: self.disagreements.discrepancies,
                ground_truth: self.disagreements.ground_truth.clone(),
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
