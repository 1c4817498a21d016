//! tmp
use super::output::{Failure, OutputFormat};
use std::process::ExitCode;
/// x
#[derive(Debug, clap::Subcommand)]
pub enum Population {
    /// x
    Generate,
}
impl Population {
    /// x
    pub fn run(self, _o: OutputFormat) -> Result<ExitCode, Failure> {
        Ok(ExitCode::SUCCESS)
    }
}
