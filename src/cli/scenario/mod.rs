//! `lienthong scenario`: stories of calls with expectations, run against a server, each in sessions of its own.

mod checks;
mod expect;
mod file;
mod paths;
mod report;
mod run;
mod sessions;
mod story;
mod unmet;
mod vars;
mod verdicts;
mod world;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use futures::StreamExt as _;
use futures::stream;

use super::junit;
use super::output::{Failure, OutputFormat, print, runtime};
use super::schema_args::SchemaArgs;
use super::server::ServerArgs;
use crate::access::rights;
use file::{Flaws, Names};
use story::Scenario;

const EXAMPLES: &str = "\
Examples:
  lienthong scenario run examples/scenarios/*.yaml
  lienthong scenario run first-link.yaml --junit report.xml
  lienthong scenario check my-story.yaml                flaws with their lines
  lienthong scenario schema > scenario.schema.json      for editors";

/// Scenarios that run at one time.
const AT_ONCE: usize = 32;
/// The JSON Schema of a scenario's file.
const SCHEMA: &str = include_str!("scenario.schema.json");

/// Stories of calls with expectations: run them against a server, each in sessions of its own.
#[derive(Debug, Subcommand)]
pub enum ScenarioCommand {
    /// Run scenarios, all at the same time; exit code 1 if one is not as expected.
    #[command(after_help = EXAMPLES)]
    Run(Run),
    /// Check files without calling anybody, and report every flaw with its line; exit code 1 if there is one.
    #[command(after_help = EXAMPLES)]
    Check(Check),
    /// Print the JSON Schema of a scenario's file.
    #[command(after_help = EXAMPLES)]
    Schema,
}

/// Which scenarios.
#[derive(Debug, Args)]
pub struct Run {
    /// The files.
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// A file to write the outcome to, as JUnit XML.
    #[arg(long, env = "LIENTHONG_SCENARIO_JUNIT", value_name = "FILE")]
    junit: Option<PathBuf>,
    #[command(flatten)]
    server: ServerArgs,
}

/// Which files.
#[derive(Debug, Args)]
pub struct Check {
    /// The files.
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// The file of rights of the intended server, for its agencies; the embedded one unless it is given.
    #[arg(long, env = "LIENTHONG_SCENARIO_RIGHTS", value_name = "FILE")]
    rights: Option<PathBuf>,
    #[command(flatten)]
    schemas: SchemaArgs,
}

impl ScenarioCommand {
    /// Runs the subcommand.
    pub fn run(self, output: OutputFormat) -> Result<ExitCode, Failure> {
        match self {
            Self::Run(run) => runtime()?.block_on(run.run(output)),
            Self::Check(check) => {
                let names = check.names()?;
                let (read, flaws) = read_all(check.files, Some(&names));
                report::flaws(&flaws, read.len(), output)?;
                Ok(if flaws.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
            }
            Self::Schema => {
                print(SCHEMA.trim_end())?;
                Ok(ExitCode::SUCCESS)
            }
        }
    }
}

type Sound = Vec<(PathBuf, Scenario)>;
type Flawed = Vec<(PathBuf, Flaws)>;

impl Check {
    /// The names of the intended server.
    fn names(&self) -> Result<Names, Failure> {
        let catalogue = self.schemas.catalogue()?;
        let named = |file: &PathBuf, why: String| Failure::with_code(format!("{}: {why}", file.display()), 2);
        let rights = match &self.rights {
            Some(file) => {
                let bytes = rights::bytes(file).map_err(|why| named(file, why.to_string()))?;
                let read = rights::read(&bytes, &catalogue);
                read.map_err(|_| named(file, "has flaws: lienthong rights check lists them".to_owned()))?.0
            }
            None => rights::embedded(),
        };
        let agencies = rights.agencies().map(|agency| agency.key.as_str().to_owned()).collect();
        let record_types = catalogue.record_types().map(|kind| kind.name.to_string()).collect();
        Ok(Names { agencies, record_types })
    }
}

/// The scenarios of files, and the files that are none.
fn read_all(files: Vec<PathBuf>, server: Option<&Names>) -> (Sound, Flawed) {
    let (mut read, mut flawed) = (Vec::new(), Vec::new());
    for path in files {
        match file::read(&path, server) {
            Ok(scenario) => read.push((path, scenario)),
            Err(flaws) => flawed.push((path, flaws)),
        }
    }
    (read, flawed)
}

impl Run {
    async fn run(self, output: OutputFormat) -> Result<ExitCode, Failure> {
        if self.server.session.is_some() {
            return Err(Failure::with_code("each scenario begins sessions of its own: leave --session out", 2));
        }
        // Which agencies and record types the server has, it says itself.
        let (read, flaws) = read_all(self.files, None);
        if !flaws.is_empty() {
            report::flaws(&flaws, read.len(), output)?;
            return Err(Failure::with_code("nothing was run, because a file has flaws", 2));
        }
        let channel = self.server.connect().await?;
        let operator = self.server.credential();
        let runs = read.into_iter().map(|(path, scenario)| {
            let (channel, operator) = (channel.clone(), operator.to_owned());
            async move { (path, run::run(scenario, channel, operator).await) }
        });
        let outcomes: Vec<_> = stream::iter(runs).buffered(AT_ONCE).collect().await;
        if let Some(junit) = &self.junit {
            junit::write(junit, "scenarios", &report::junit(&outcomes))?;
        }
        report::outcomes(&outcomes, output)?;
        let is_good = outcomes.iter().all(|(_, outcome)| outcome.failed.is_none());
        Ok(if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

#[cfg(test)]
mod tests;
