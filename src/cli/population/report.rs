//! `lienthong population report`: the pyramid of ages of a generated province and the figures that it is compared with, as text, JSON, and a picture.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::progress::Progress;
use super::pyramid;
use crate::base::time::{Clock as _, SystemClock};
use crate::base::{Language, Seed};
use crate::cli::language;
use crate::cli::output::{Failure, OutputFormat, print_json, print_text};
use crate::server::world_file::SEED_DEFAULT;
use crate::simulation::census::{Census, Figure};
use crate::simulation::population::{CITIZENS_MAX, Population};

const EXAMPLES: &str = "\
Examples:
  lienthong population report
  lienthong population report --population 100000 --svg pyramid.svg
  lienthong population report --output json";

/// Print the pyramid of ages of a generated population, and each of its figures with its target.
///
/// It generates the population and keeps nothing of it. Without a difference between figures and targets the exit code is 0, otherwise 1. Of
/// small populations more is left to chance, which is allowed for.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Report {
    /// How many citizens to generate.
    #[arg(long, default_value_t = 20_000, env = "LIENTHONG_POPULATION", value_parser = clap::value_parser!(u64).range(1..=CITIZENS_MAX), value_name = "NUMBER")]
    population: u64,
    /// The seed from which they are generated.
    #[arg(long, default_value_t = SEED_DEFAULT, env = "LIENTHONG_SEED", value_name = "NUMBER")]
    seed: u64,
    /// A file to draw the pyramid into, as SVG.
    #[arg(long, env = "LIENTHONG_SVG", value_name = "FILE")]
    svg: Option<PathBuf>,
}

impl Report {
    /// Runs the subcommand.
    pub fn run(self, output: OutputFormat) -> Result<ExitCode, Failure> {
        let today = SystemClock.now().date();
        let mut census = Census::new(today);
        let progress = Progress::new("counting");
        let show = progress.callback();
        for household in Population::new(Seed::root(self.seed), self.population, today) {
            census.add(&household);
            show(census.citizens(), self.population);
        }
        progress.finish();
        let figures = census.figures();
        if let Some(path) = &self.svg {
            std::fs::write(path, pyramid::svg(census.pyramid(), self.seed))
                .map_err(|error| Failure::new(format!("cannot write {}: {error}", path.display())))?;
        }
        match output {
            OutputFormat::Text => print(&census, self.seed, &figures)?,
            OutputFormat::Json => print_json(&json(&census, self.seed, &figures))?,
        }
        let missed: Vec<&str> = figures.iter().filter(|figure| !figure.holds()).map(|figure| figure.name).collect();
        match missed.is_empty() {
            true => Ok(ExitCode::SUCCESS),
            false => Err(Failure::new(format!(
                "{} of {} figures miss their range: {}",
                missed.len(),
                figures.len(),
                missed.join(", ")
            ))),
        }
    }
}

fn print(census: &Census, seed: u64, figures: &[Figure]) -> Result<(), Failure> {
    let (citizens, residents) = (census.citizens(), census.residents());
    print_text(&format!("{citizens} citizens of seed {seed}, {residents} of them alive and resident"))?;
    print_text("")?;
    pyramid::bars(census.pyramid()).iter().try_for_each(|line| print_text(line))?;
    print_text("")?;
    for figure in figures {
        let found = figure.value.map_or("-".into(), |value| format!("{value:.2}"));
        let Figure { target, range: (low, high), source, .. } = figure;
        let label = match language::chosen() {
            Language::English => figure.label,
            Language::Vietnamese => figure.label_vi,
        };
        let tolerance = figure.tolerance();
        let (unit, verdict) = (figure.unit.sign(), if figure.holds() { "  " } else { "✗ " });
        print_text(&format!(
            "{verdict}{found:>7} {unit:<7}{target:>6} [{low}..{high}] ±{tolerance:<5.2} {source}  {label}"
        ))?;
    }
    let missed = figures.iter().filter(|figure| !figure.holds()).count();
    let (held, all) = (figures.len() - missed, figures.len());
    print_text("")?;
    print_text(&format!(
        "{held} of {all} figures hold: value, unit, target, range, tolerance (3.5 standard errors), source (docs/fidelity.md), what it is"
    ))
}

fn json(census: &Census, seed: u64, figures: &[Figure]) -> serde_json::Value {
    let figure = |figure: &Figure| {
        serde_json::json!({
            "figure": figure.name,
            "label": figure.label,
            "label_vi": figure.label_vi,
            "tolerance": figure.tolerance(),
            "unit": figure.unit.as_str(),
            "value": figure.value,
            "standard_error": figure.error,
            "target": figure.target,
            "low": figure.range.0,
            "high": figure.range.1,
            "source": figure.source,
            "holds": figure.holds(),
        })
    };
    let group = |(at, (women, men)): (usize, &(u64, u64))| serde_json::json!({ "from_age": 5 * at, "women": women, "men": men });
    serde_json::json!({
        "seed": seed,
        "citizens": census.citizens(),
        "residents": census.residents(),
        "pyramid": census.pyramid().iter().enumerate().map(group).collect::<Vec<_>>(),
        "figures": figures.iter().map(figure).collect::<Vec<_>>(),
    })
}
