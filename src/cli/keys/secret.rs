//! The secrets that open private keys: a passphrase and a token's PIN, from a file, the environment, or whoever sits at the terminal.
//! Never from the command line, which other users of the machine can read.

use std::io::IsTerminal as _;
use std::path::PathBuf;

use clap::Args;

use crate::cli::Failure;
use crate::keys::keyring::{Pin, Secret, Token, TokenLocation, Unlock};

const VARIABLE: &str = "LIENTHONG_PASSPHRASE";

/// The secrets that open private keys.
#[derive(Debug, Args)]
pub struct SecretArgs {
    /// A file with the passphrase, or a key file: at least 8 bytes, readable by its owner only. Without it, the passphrase is read
    /// from LIENTHONG_PASSPHRASE, or prompted for.
    #[arg(long, env = "LIENTHONG_PASSPHRASE_FILE", value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    /// A PKCS#11 module, the library of a hardware vendor: keys are in its token, and new keys are created there.
    #[arg(long, env = "LIENTHONG_PKCS11_MODULE", value_name = "FILE", requires = "pkcs11_token")]
    pkcs11_module: Option<PathBuf>,
    /// The label of the token.
    #[arg(long, env = "LIENTHONG_PKCS11_TOKEN", value_name = "LABEL", requires = "pkcs11_module")]
    pkcs11_token: Option<String>,
    /// A file with the PIN of the token's user, readable by its owner only. Without it, the PIN is prompted for.
    #[arg(long, env = "LIENTHONG_PKCS11_PIN_FILE", value_name = "FILE", requires = "pkcs11_token")]
    pkcs11_pin_file: Option<PathBuf>,
}

impl SecretArgs {
    /// The secrets of the existing keys.
    pub fn unlock(&self) -> Result<Unlock, Failure> {
        let token = self.token()?;
        let secret = match self.given()? {
            // With a token, there may be no encrypted keys at all; one that there is asks for its passphrase when it is opened.
            None if token.is_none() => Some(Secret::new(ask("passphrase: ")?)?),
            given => given,
        };
        Ok(Unlock { secret, token, root_files: Vec::new() })
    }

    /// The secrets of new keys; a passphrase is asked for twice.
    pub fn new_unlock(&self) -> Result<Unlock, Failure> {
        let token = self.token()?;
        let secret = match self.given()? {
            None if token.is_none() => {
                let first = ask("new passphrase: ")?;
                if ask("repeat it: ")? != first {
                    return Err(Failure::new("the passphrases differ"));
                }
                Some(Secret::new(first)?)
            }
            given => given,
        };
        Ok(Unlock { secret, token, root_files: Vec::new() })
    }

    fn given(&self) -> Result<Option<Secret>, Failure> {
        if let Some(path) = &self.passphrase_file {
            return Ok(Some(Secret::read(path)?));
        }
        match std::env::var(VARIABLE) {
            // Like every empty variable, it counts as unset.
            Ok(passphrase) if passphrase.is_empty() => Ok(None),
            Ok(passphrase) => Ok(Some(Secret::new(passphrase)?)),
            Err(std::env::VarError::NotPresent) => Ok(None),
            Err(error) => Err(Failure::new(format!("{VARIABLE}: {error}"))),
        }
    }

    fn token(&self) -> Result<Option<std::sync::Arc<Token>>, Failure> {
        let (Some(module), Some(label)) = (&self.pkcs11_module, &self.pkcs11_token) else { return Ok(None) };
        let pin = match &self.pkcs11_pin_file {
            Some(path) => Pin::read(path)?,
            None if std::io::stdin().is_terminal() => Pin::new(prompt(&format!("PIN of token {label}: "))?),
            None => return Err(Failure::new("no PIN: give --pkcs11-pin-file")),
        };
        Ok(Some(Token::open(TokenLocation { module: module.clone(), label: label.clone(), pin })?))
    }
}

fn ask(question: &str) -> Result<String, Failure> {
    if !std::io::stdin().is_terminal() {
        return Err(Failure::new(format!("no passphrase: give --passphrase-file or {VARIABLE}")));
    }
    prompt(question)
}

fn prompt(question: &str) -> Result<String, Failure> {
    rpassword::prompt_password(question).map_err(|error| Failure::new(format!("the terminal cannot be read: {error}")))
}
