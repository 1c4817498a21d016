//! `lienthong completions`: a completion script for a shell.

use std::process::ExitCode;

use clap::{Args, Command};

use super::output::{Failure, print};

const EXAMPLES: &str = "\
Examples:
  lienthong completions bash > ~/.local/share/bash-completion/completions/lienthong
  lienthong completions zsh  > ~/.zfunc/_lienthong";

/// Print a completion script.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Completions {
    /// The shell.
    shell: clap_complete::Shell,
}

impl Completions {
    /// Prints the script of a command line to stdout.
    pub fn run(self, mut command: Command) -> Result<ExitCode, Failure> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut command, "lienthong", &mut script);
        print(String::from_utf8_lossy(&script).trim_end())?;
        Ok(ExitCode::SUCCESS)
    }
}
