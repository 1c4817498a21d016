//! tmp
use super::output::{Failure, OutputFormat};
use std::process::ExitCode;
/// x
#[derive(Debug, clap::Args)]
pub struct Serve {}
impl Serve {
    /// x
    pub fn run(self, _o: OutputFormat) -> Result<ExitCode, Failure> {
        Ok(ExitCode::SUCCESS)
    }
}
