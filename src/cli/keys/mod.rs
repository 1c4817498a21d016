//! `lienthong keys`: the folder of kept keys, and what happens to keys while a gateway runs.

mod args;
mod change;
mod root;
mod secret;
mod show;
mod tls;
mod update;

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::output::{Failure, OutputFormat};
use super::schema_args::SchemaArgs;
use crate::keys::keyring::{Beginning, KeyFolder};
use args::{AlgorithmArgs, ExpiryArgs, FolderArgs, report};
pub use secret::SecretArgs;
pub(super) use update::follow;

const INIT_EXAMPLES: &str = "\
Examples:
  lienthong keys init --keys ./keys --passphrase-file passphrase
  lienthong keys init --keys ./keys --algorithm p256 --root-keys 3 --threshold 2
  lienthong keys init --keys ./keys --pkcs11-module /usr/lib/softhsm/libsofthsm2.so --pkcs11-token province
  lienthong serve --data-dir ./province --keys ./keys --passphrase-file passphrase

Root keys sign the next version of the trust anchor. Those beyond the threshold can be moved out of the folder `private`
and kept elsewhere.";

/// Encrypted keys in a folder, and the versions of the trust anchor.
#[derive(Debug, Subcommand)]
pub enum Keys {
    /// Create a folder with new keys for every log, and the first trust anchor.
    Init(Init),
    /// List the keys with their states.
    List(show::List),
    /// Replace the key in use of a log by a new one.
    Rotate(change::Rotate),
    /// Admit the registry of a schema file, or further record types of it.
    Admit(change::Admit),
    /// Declare that somebody else may have signed with a key.
    Compromise(change::Compromise),
    /// Withdraw a registry's right to issue.
    Withdraw(change::Withdraw),
    /// Re-attest records of a compromised key.
    Reattest(change::Reattest),
    /// Create the next version, with a later expiry and no other change.
    Renew(root::Renew),
    /// Create the next version, with other root keys.
    ReplaceRoot(root::ReplaceRoot),
    /// Sign a draft of the next version with root keys.
    Sign(root::Sign),
    /// Submit a draft that enough root keys have signed to the running gateway.
    Publish(root::Publish),
    /// Print a version of the trust anchor.
    ExportAnchor(show::ExportAnchor),
    /// Update a trust anchor file by verifying its successors.
    Update(update::Update),
    /// Create a private certificate authority for TLS between hosts.
    TlsCa(tls::TlsCa),
    /// Create or replace a certificate of that authority, for a host, a gateway or an agency's system.
    TlsCert(tls::TlsCert),
}

/// Create a folder with new keys for every log, and the first trust anchor.
#[derive(Debug, Args)]
#[command(after_help = INIT_EXAMPLES)]
pub struct Init {
    #[command(flatten)]
    folder: FolderArgs,
    #[command(flatten)]
    secret: SecretArgs,
    #[command(flatten)]
    algorithm: AlgorithmArgs,
    #[command(flatten)]
    schemas: SchemaArgs,
    /// How many root keys to create.
    #[arg(long, default_value_t = 1, env = "LIENTHONG_ROOT_KEYS", value_name = "NUMBER")]
    root_keys: u32,
    /// How many root keys must sign the next version.
    #[arg(long, default_value_t = 1, env = "LIENTHONG_ROOT_THRESHOLD", value_name = "NUMBER")]
    threshold: u32,
    #[command(flatten)]
    expiry: ExpiryArgs,
}

impl Keys {
    /// Runs the subcommand.
    pub fn run(self, output: OutputFormat) -> Result<ExitCode, Failure> {
        match self {
            Self::Init(command) => command.run(output),
            Self::List(command) => command.run(output),
            Self::Rotate(command) => command.run(output),
            Self::Admit(command) => command.run(output),
            Self::Compromise(command) => command.run(output),
            Self::Withdraw(command) => command.run(output),
            Self::Reattest(command) => command.run(output),
            Self::Renew(command) => command.run(output),
            Self::ReplaceRoot(command) => command.run(output),
            Self::Sign(command) => command.run(output),
            Self::Publish(command) => command.run(output),
            Self::ExportAnchor(command) => command.run(),
            Self::Update(command) => command.run(output),
            Self::TlsCa(command) => command.run(output),
            Self::TlsCert(command) => command.run(output),
        }?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Init {
    fn run(self, output: OutputFormat) -> Result<(), Failure> {
        let catalogue = self.schemas.catalogue()?;
        let unlock = self.secret.new_unlock()?;
        let beginning = Beginning {
            algorithm: self.algorithm.get(),
            root_keys: self.root_keys,
            threshold: self.threshold,
            expires_at: self.expiry.at(),
        };
        let (folder, anchor) = KeyFolder::init(&self.folder.path, &catalogue, &beginning, &unlock)?;
        report(output, &folder, &anchor)
    }
}
