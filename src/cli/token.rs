//! `lienthong token issue`: bearer tokens for where demo credentials are not believed.
//!
//! The signing key grows from the world's seed, so that whoever holds the data folder or the seed can mint, and nobody else.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::output::{Failure, OutputFormat, print, print_json};
use crate::api::credential::TokenMint;
use crate::base::Caller;
use crate::base::time::SystemClock;
use crate::base::{AgencyId, Clock as _, PersonalId, Seed};
use crate::server::world::{SEED_DEFAULT, World};

const EXAMPLES: &str = "\
Examples:
  lienthong token issue --data-dir ./province --agency one-stop
  lienthong token issue --seed 42 --citizen 042185990002 --expires-in 10m
  grpcurl -H \"authorization: Bearer $(lienthong token issue --agency one-stop)\" …";

/// Bearer tokens for systems and citizens.
#[derive(Debug, Subcommand)]
pub enum Token {
    /// Print a signed token.
    Issue(Issue),
}

/// Print a signed token.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Issue {
    /// The agency that the token speaks for: `one-stop`, `police`, `hospital`, ….
    #[arg(
        long,
        env = "LIENTHONG_AGENCY",
        required_unless_present = "citizen",
        conflicts_with = "citizen",
        value_name = "KEY"
    )]
    agency: Option<String>,
    /// The citizen that the token speaks for, by personal ID.
    #[arg(long, env = "LIENTHONG_CITIZEN", value_name = "PERSONAL_ID")]
    citizen: Option<String>,
    /// How long it holds: `30s`, `10m`, `8h`, `7d`.
    #[arg(long, env = "LIENTHONG_EXPIRES_IN", default_value = "1h", value_parser = seconds, value_name = "TIME")]
    expires_in: u32,
    /// The data folder of the server that shall believe it; its seed is read there.
    #[arg(long, env = "LIENTHONG_DATA_DIR", value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// The seed of the server that shall believe it; goes before the data folder [default: 42].
    #[arg(long, env = "LIENTHONG_SEED", value_name = "NUMBER")]
    seed: Option<u64>,
}

impl Token {
    /// Runs the subcommand.
    pub fn run(self, output: OutputFormat) -> Result<ExitCode, Failure> {
        match self {
            Self::Issue(issue) => issue.run(output),
        }
    }
}

impl Issue {
    fn run(self, output: OutputFormat) -> Result<ExitCode, Failure> {
        let seed = match (self.seed, &self.data_dir) {
            (Some(seed), _) => seed,
            (None, None) => SEED_DEFAULT,
            (None, Some(folder)) => {
                let missing =
                    || Failure::new(format!("{} holds no world yet: start `serve` with it", folder.display()));
                World::read(folder)?.ok_or_else(missing)?.seed
            }
        };
        let caller = match (&self.agency, &self.citizen) {
            (Some(agency), _) => AgencyId::parse(agency).map(Caller::Agency),
            (None, Some(person)) => PersonalId::parse(person).map(Caller::Citizen),
            (None, None) => None,
        };
        let caller = caller.ok_or_else(|| {
            Failure::with_code("--agency wants an agency's key, --citizen a personal ID of 12 digits", 2)
        })?;
        let now = SystemClock.now();
        let token = TokenMint::new(&Seed::root(seed))?.mint(&caller, now, self.expires_in)?;
        match output {
            OutputFormat::Text => print(&token)?,
            OutputFormat::Json => {
                let expires_at = now.plus_ms(i64::from(self.expires_in) * 1000).to_string();
                print_json(&serde_json::json!({ "token": token, "expires_at": expires_at }))?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Reads a time with its unit; plain digits are seconds.
fn seconds(text: &str) -> Result<u32, String> {
    let duration = super::load::duration(text)?;
    match u32::try_from(duration.as_secs()) {
        Ok(seconds @ 1..=31_536_000) => Ok(seconds),
        _ => Err("a token holds from 1 second to 365 days".into()),
    }
}
