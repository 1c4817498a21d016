//! `lienthong persona list`: the documented synthetic citizens, each with a command to try. Needs no server.

use std::fmt::Write as _;
use std::process::ExitCode;

use clap::Subcommand;

use super::output::{Failure, OutputFormat, print};
use crate::base::Clock as _;
use crate::base::time::SystemClock;
use crate::simulation::personas;

const EXAMPLES: &str = "\
Examples:
  lienthong persona list
  lienthong persona list --output json | jq -r '.[].personal_id'";

/// Synthetic citizens with a documented situation each.
#[derive(Debug, Subcommand)]
pub enum Persona {
    /// List all of them, with a command to try for each.
    #[command(after_help = EXAMPLES)]
    List,
}

impl Persona {
    /// Runs the subcommand.
    pub fn run(self, output: OutputFormat) -> Result<ExitCode, Failure> {
        let Self::List = self;
        let all = personas::all(SystemClock.now().date());
        match output {
            OutputFormat::Text => {
                let mut text = String::new();
                for persona in &all {
                    // Writing to a string cannot fail.
                    let _ = writeln!(
                        text,
                        "{}  {}\n  situation  {}\n  expect     {}\n  try        {}\n",
                        persona.personal_id.as_str(),
                        persona.full_name,
                        persona.situation,
                        persona.expectation,
                        persona.command
                    );
                }
                print(text.trim_end())?;
            }
            OutputFormat::Json => {
                let list: Vec<_> = all
                    .iter()
                    .map(|persona| {
                        serde_json::json!({
                            "personal_id": persona.personal_id.as_str(),
                            "full_name": persona.full_name,
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
