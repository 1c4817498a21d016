//! tmp
use super::output::{Failure, OutputFormat};
use std::process::ExitCode;
/// x
#[derive(Debug, clap::Subcommand)]
pub enum Persona {
    /// x
    List,
}
impl Persona {
    /// x
    pub fn run(self, _o: OutputFormat) -> Result<ExitCode, Failure> {
        Ok(ExitCode::SUCCESS)
    }
}
