//! Where the passphrase comes from: a file, the environment, or whoever sits at the terminal. Never the command line, which
//! other users of the machine can read.

use std::io::IsTerminal as _;
use std::path::PathBuf;

use clap::Args;

use crate::cli::Failure;
use crate::server::keyring::Secret;

const VARIABLE: &str = "LIENTHONG_PASSPHRASE";

/// What opens private keys.
#[derive(Debug, Args)]
pub struct SecretArgs {
    /// A file with the passphrase, or a key file: at least 8 bytes, readable by its owner alone. Without it, the passphrase
    /// is LIENTHONG_PASSPHRASE, or asked for.
    #[arg(long, env = "LIENTHONG_PASSPHRASE_FILE", value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
}

impl SecretArgs {
    /// The secret.
    pub fn secret(&self) -> Result<Secret, Failure> {
        if let Some(secret) = self.given()? {
            return Ok(secret);
        }
        Ok(Secret::new(ask("passphrase: ")?)?)
    }

    /// The secret for new keys; asked for twice.
    pub fn new_secret(&self) -> Result<Secret, Failure> {
        if let Some(secret) = self.given()? {
            return Ok(secret);
        }
        let first = ask("new passphrase: ")?;
        if ask("the same again: ")? != first {
            return Err(Failure::new("the two differ"));
        }
        Ok(Secret::new(first)?)
    }

    fn given(&self) -> Result<Option<Secret>, Failure> {
        if let Some(path) = &self.passphrase_file {
            return Ok(Some(Secret::read(path)?));
        }
        match std::env::var(VARIABLE) {
            Ok(passphrase) => Ok(Some(Secret::new(passphrase)?)),
            Err(std::env::VarError::NotPresent) => Ok(None),
            Err(error) => Err(Failure::new(format!("{VARIABLE}: {error}"))),
        }
    }
}

fn ask(prompt: &str) -> Result<String, Failure> {
    if !std::io::stdin().is_terminal() {
        return Err(Failure::new(format!("no passphrase: give --passphrase-file or {VARIABLE}")));
    }
    rpassword::prompt_password(prompt).map_err(|error| Failure::new(format!("the passphrase cannot be read: {error}")))
}
