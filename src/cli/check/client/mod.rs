//! `lienthong check client`: somebody else's client, put through bad artefacts, broken calls and refusals, with good ones between.

mod artefacts;
mod callback;
mod calls;
mod case;
mod conclusion;
mod meaning;
mod pipe;
mod run;
mod world;

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use sha2::{Digest as _, Sha256};

use super::args::ReportArgs;
use super::report::Report;
use crate::base::Clock as _;
use crate::base::id::to_hex;
use crate::base::name::no_such;
use crate::base::time::SystemClock;
use crate::cli::output::{Failure, OutputFormat, print_json, print_text, runtime};
use crate::cli::server::ServerArgs;
use case::{Ask, Case, KINDS};
use run::Driver;
use world::World;

const EXAMPLES: &str = "\
Examples:
  lienthong check client -- python3 my_client.py        over its stdin and stdout, with the server at 127.0.0.1:50051
  lienthong check client --without call -- ./verifier   artefacts alone: no server is needed
  lienthong check client --known known.txt --junit report.xml -- node my_client.mjs
  lienthong check client --callback 127.0.0.1:50071     for a client that runs elsewhere, and calls CheckService
  lienthong check client --list                         every case: id, kind, what is wrong with it

The client reads a question a line and answers a line: docs/guides/checking-a-client.md. Exit code 1 if a case is not as it should be, or passes
although --known lists it.";

/// Put a client through bad answers, broken calls and refusals, with good ones in between.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Client {
    /// The command that starts the client.
    #[arg(value_name = "COMMAND", last = true)]
    command: Vec<String>,
    /// Serve the cases here, and let the client call: a given command finds the address in `LIENTHONG_CHECK_ADDRESS`. Port 0 picks a free port.
    #[arg(long, env = "LIENTHONG_CHECK_CALLBACK", value_name = "ADDRESS")]
    callback: Option<SocketAddr>,
    /// Kinds of cases to leave out, which reports and statements list: record, status, witness, presentation, log, call.
    #[arg(long, env = "LIENTHONG_CHECK_WITHOUT", value_delimiter = ',', value_name = "KINDS")]
    without: Vec<String>,
    /// Only these cases, separated by commas.
    #[arg(long, env = "LIENTHONG_CHECK_CASE", value_delimiter = ',', value_name = "IDS")]
    case: Vec<String>,
    /// How long the client may take for a case, on top of the deadline of a call.
    #[arg(long, env = "LIENTHONG_CHECK_LIMIT", value_parser = crate::cli::load::duration, default_value = "10s", value_name = "TIME")]
    limit: Duration,
    /// List the cases and run none.
    #[arg(long, env = "LIENTHONG_CHECK_LIST")]
    list: bool,
    #[command(flatten)]
    report: ReportArgs,
    #[command(flatten)]
    server: ServerArgs,
}

impl Client {
    /// Runs the cases.
    pub(super) fn run(self, output: OutputFormat) -> Result<ExitCode, Failure> {
        let mut all = artefacts::cases().map_err(Failure::new)?;
        all.extend(calls::cases().map_err(Failure::new)?);
        if self.list {
            return list(&all, output);
        }
        if self.command.is_empty() && self.callback.is_none() {
            return Err(Failure::with_code(
                "name the command of the client behind --, or let it call: --callback ADDRESS",
                2,
            ));
        }
        if self.server.session.is_some() {
            return Err(Failure::with_code("this check begins a session of its own: leave --session out", 2));
        }
        if let Some(unknown) = self.without.iter().find(|kind| !KINDS.contains(&kind.as_str())) {
            return Err(Failure::with_code(no_such("kind of case", unknown, &KINDS), 2));
        }
        let ids: Vec<&str> = all.iter().map(|case| case.about.id.as_str()).collect();
        if let Some(unknown) = self.case.iter().find(|id| !ids.contains(&id.as_str())) {
            return Err(Failure::with_code(no_such("case", unknown, &ids), 2));
        }
        let known = self.report.known(&ids)?;
        let signing = self.report.signing()?;
        let is_chosen = |case: &Case| {
            !self.without.iter().any(|kind| *kind == case.about.kind)
                && (self.case.is_empty() || self.case.contains(&case.about.id))
        };
        let chosen: Vec<Case> = all.into_iter().filter(is_chosen).collect();
        if chosen.is_empty() {
            return Err(Failure::with_code("no case is left", 2));
        }
        let subject = match (self.command.join(" "), self.callback) {
            (command, _) if !command.is_empty() => command,
            _ => "a client that called".to_owned(),
        };
        let cases_digest = digest(&chosen);
        let mut left_out = self.without.clone();
        if !self.case.is_empty() {
            left_out.push("all cases but those named".into());
        }
        let deadline_ms = |case: &Case| match &case.ask {
            Ask::Call(call) => Some(call.deadline_ms),
            Ask::Artefact(_) => None,
        };
        // Where calls are made: how long one may take.
        let longest = chosen.iter().filter_map(deadline_ms).max().map(Duration::from_millis);
        let outcomes = runtime()?.block_on(async {
            let world = match longest {
                Some(deadline) => Some(World::begin(self.server, self.limit.saturating_add(deadline)).await?),
                None => None,
            };
            let driver = match Driver::start(self.command, self.callback).await {
                Ok(driver) => driver,
                Err(failure) => {
                    if let Some(world) = world {
                        world.end().await?;
                    }
                    return Err(failure);
                }
            };
            run::run(chosen, &known, driver, world, self.limit).await
        })?;
        let report = Report { about: "client", subject, cases_digest, left_out, at: SystemClock.now(), outcomes };
        self.report.finish(&report, signing, output)
    }
}

/// The digest that distinguishes one set of cases from another.
fn digest(cases: &[Case]) -> String {
    let mut hash = Sha256::new();
    for Case { about, endings, ask } in cases {
        hash.update(format!("{}\n{endings:?}\n{ask:?}\n", about.id));
    }
    to_hex(&hash.finalize())
}

fn list(cases: &[Case], output: OutputFormat) -> Result<ExitCode, Failure> {
    let of = |case: &Case| {
        let about = &case.about;
        serde_json::json!({
            "id": about.id, "kind": about.kind, "title": about.title, "effect": about.effect, "see": about.see,
            "expected": case.expected(),
        })
    };
    match output {
        OutputFormat::Json => print_json(&cases.iter().map(of).collect::<Vec<_>>())?,
        OutputFormat::Text => {
            let line = |case: &Case| format!("{:<34} {:<13} {}", case.about.id, case.about.kind, case.about.title);
            print_text(&cases.iter().map(line).collect::<Vec<_>>().join("\n"))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
