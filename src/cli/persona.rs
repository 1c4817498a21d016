//! `lienthong persona list`: the documented synthetic citizens, each with a command to try. Needs no server, and knows where one listens if it
//! is told.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde::Deserialize;

use super::language::say;
use super::output::{Failure, OutputFormat, print_text};
use crate::api::grpc::simulation::{ADDRESS_DEFAULT, Reach, personas_at};
use crate::base::Clock as _;
use crate::base::time::SystemClock;

const EXAMPLES: &str = "\
Examples:
  lienthong persona list
  lienthong persona list --address 127.0.0.1:50061        commands for a server at another address
  lienthong persona list --ready-file ready.json          or wherever the one that wrote this file listens
  lienthong persona list --ca ca.pem --tokens-from DIR    for one with TLS, which takes tokens alone
  lienthong persona list --session $SESSION               commands that call in a session
  lienthong persona list --output json | jq -r '.[].personal_id'";

/// The personas: synthetic citizens with a documented situation each.
#[derive(Debug, Subcommand)]
pub enum Persona {
    /// List the personas, with a command to try for each.
    #[command(after_help = EXAMPLES)]
    List(List),
}

/// List all of them.
#[derive(Debug, Args)]
pub struct List {
    /// The address of the server in the commands.
    #[arg(long, default_value = ADDRESS_DEFAULT, env = "LIENTHONG_ADDRESS", value_name = "HOST:PORT")]
    address: String,
    /// The ready-file of `serve`, with its address, whether it uses TLS, and whether it accepts demo credentials; takes precedence over the address.
    #[arg(long, env = "LIENTHONG_READY_FILE", value_name = "FILE")]
    ready_file: Option<PathBuf>,
    /// The certificate authority of a server that uses TLS, PEM.
    #[arg(long, env = "LIENTHONG_CA", value_name = "FILE")]
    ca: Option<PathBuf>,
    /// The data folder of a server that accepts no demo credentials: its key issues the tokens.
    #[arg(long, env = "LIENTHONG_TOKENS_FROM", value_name = "DIR")]
    tokens_from: Option<PathBuf>,
    /// The session to call in. The province itself unless it is given.
    #[arg(long, env = "LIENTHONG_SESSION", value_name = "ID", hide_env_values = true)]
    session: Option<String>,
}

impl List {
    /// How the server is reached: by its ready-file and further flags.
    fn reach(&self) -> Result<Reach, Failure> {
        #[derive(Deserialize)]
        struct Ready {
            grpc: String,
            tls: bool,
            demo_credentials: bool,
            data_dir: Option<PathBuf>,
        }
        let text = |path: &PathBuf| path.display().to_string();
        let given = Reach {
            address: self.address.clone(),
            has_tls: self.ca.is_some(),
            ca: self.ca.as_ref().map(text),
            tokens_from: self.tokens_from.as_ref().map(text),
            session: self.session.clone(),
        };
        let Some(path) = &self.ready_file else { return Ok(given) };
        let failed = |why: String| Failure::new(format!("{}: {why}", path.display()));
        let json = std::fs::read(path).map_err(|error| failed(format!("cannot be read: {error}")))?;
        let ready: Ready =
            serde_json::from_slice(&json).map_err(|error| failed(format!("not a ready-file: {error}")))?;
        let folder = (!ready.demo_credentials).then(|| ready.data_dir.as_ref().map_or("DIR".to_owned(), text));
        Ok(Reach {
            address: ready.grpc,
            has_tls: ready.tls,
            tokens_from: given.tokens_from.clone().or(folder),
            ..given
        })
    }
}

impl Persona {
    /// Runs the subcommand.
    pub fn run(self, output: OutputFormat) -> Result<ExitCode, Failure> {
        let Self::List(list) = self;
        let all = personas_at(SystemClock.now().date(), &list.reach()?);
        match output {
            OutputFormat::Text => {
                let mut text = String::new();
                for persona in &all {
                    // Writing to a string cannot fail.
                    let _ = writeln!(
                        text,
                        "{}  {}\n  key        {}\n  situation  {}\n  expect     {}\n  try        {}\n",
                        persona.personal_id,
                        persona.full_name,
                        persona.key,
                        say(&persona.situation),
                        say(&persona.expectation),
                        persona.command
                    );
                }
                print_text(text.trim_end())?;
            }
            OutputFormat::Json => {
                let list: Vec<_> = all
                    .iter()
                    .map(|persona| {
                        serde_json::json!({
                            "personal_id": persona.personal_id,
                            "full_name": persona.full_name,
                            "key": persona.key,
                            "situation": persona.situation,
                            "expectation": persona.expectation,
                            "command": persona.command,
                        })
                    })
                    .collect();
                super::output::print_json(&list)?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}
