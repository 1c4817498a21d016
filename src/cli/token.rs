//! `lienthong token issue`: bearer tokens for where demo credentials are refused.
//!
//! The signing key lies in the server's data folder, so that whoever can read that can mint, and nobody else.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::output::{Failure, OutputFormat, print, print_json};
use super::schema_args::SchemaArgs;
use crate::access::RightsBook;
use crate::api::credential::TokenMint;
use crate::base::name::no_such;
use crate::base::time::SystemClock;
use crate::base::{AgencyId, Caller, Clock as _, PersonalId};
use crate::keys::credential_key;
use crate::registry::Catalogue;
use crate::simulation::clock::kept::Kept;

const EXAMPLES: &str = "\
Examples:
  lienthong token issue --data-dir ./province --agency one-stop
  lienthong token issue --data-dir ./province --citizen 042185990002 --expires-in 10m
  grpcurl -H \"authorization: Bearer $(lienthong token issue --data-dir ./province --agency one-stop)\" …

The first start of `serve` makes the key: DIR/credentials.key. To rotate it, end the server, delete that file, and start again: all
tokens that were issued are refused from then on.";

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
    /// The agency for which to issue the token: `one-stop`, `police`, `hospital`, ….
    #[arg(
        long,
        env = "LIENTHONG_AGENCY",
        required_unless_present = "citizen",
        conflicts_with = "citizen",
        value_parser = agency,
        value_name = "KEY"
    )]
    agency: Option<AgencyId>,
    /// The citizen for whom to issue the token, by personal ID.
    #[arg(long, env = "LIENTHONG_CITIZEN", value_parser = citizen, value_name = "PERSONAL_ID")]
    citizen: Option<PersonalId>,
    /// The file of rights that the server uses (--rights), which lists the agencies.
    #[arg(long, env = "LIENTHONG_RIGHTS", value_name = "FILE")]
    rights: Option<PathBuf>,
    #[command(flatten)]
    schemas: SchemaArgs,
    /// How long the token is valid: `30s`, `10m`, `8h`, `7d`.
    #[arg(long, env = "LIENTHONG_EXPIRES_IN", default_value = "1h", value_parser = seconds, value_name = "TIME", allow_hyphen_values = true)]
    expires_in: u32,
    /// The data folder of the server that is to accept the token, with its key. `serve` prints it.
    #[arg(long, env = "LIENTHONG_DATA_DIR", value_name = "DIR")]
    data_dir: PathBuf,
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
        let caller = match (self.agency, self.citizen) {
            (Some(agency), _) => Caller::Agency(known(agency, self.rights.as_deref(), &self.schemas.catalogue()?)?),
            (None, Some(person)) => Caller::Citizen(person),
            (None, None) => return Err(Failure::with_code("give --agency or --citizen: whom the token is for", 2)),
        };
        let folder = &self.data_dir;
        let missing = || {
            let why = "has no token key yet: the first start of `serve --data-dir` creates one";
            Failure::new(format!("{} {why}", folder.display()))
        };
        let mint = TokenMint::new(&credential_key::read(folder)?.ok_or_else(missing)?)?;
        // Of the world: a token that is issued after its clock was moved holds then.
        let now = Kept::read(folder)?.unwrap_or_default().at(SystemClock.now());
        let token = mint.mint(&caller, now, self.expires_in)?;
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

fn agency(text: &str) -> Result<AgencyId, String> {
    AgencyId::parse(text).ok_or_else(|| "an agency's key is 1 to 40 characters of a-z 0-9 -".to_owned())
}

/// An agency of the rights.
fn known(agency: AgencyId, file: Option<&Path>, catalogue: &Catalogue) -> Result<AgencyId, Failure> {
    let rights = RightsBook::open(file, catalogue)?.current();
    if rights.agency(agency.as_str()).is_some() {
        return Ok(agency);
    }
    let names: Vec<&str> = rights.agencies().map(|agency| agency.key.as_str()).collect();
    Err(Failure::with_code(no_such("agency", agency.as_str(), &names), 2))
}

fn citizen(text: &str) -> Result<PersonalId, String> {
    PersonalId::parse(text).ok_or_else(|| "a personal ID has 12 digits".to_owned())
}

/// Reads a time with its unit; plain digits are seconds.
fn seconds(text: &str) -> Result<u32, String> {
    let duration = super::load::duration(text)?;
    match u32::try_from(duration.as_secs()) {
        Ok(seconds @ 1..=31_536_000) => Ok(seconds),
        _ => Err("a token is valid for 1 second to 365 days".into()),
    }
}
