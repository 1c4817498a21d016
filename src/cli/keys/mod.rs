//! `lienthong keys`: the folder of kept keys, and what happens to keys while a gateway runs.

mod change;
mod root;
mod secret;
mod show;
mod update;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};

use super::output::{Failure, OutputFormat, print, print_json};
use crate::base::id::to_hex;
use crate::base::time::SystemClock;
use crate::base::{Clock as _, Error, Reason, Timestamp};
use crate::registry::Catalogue;
use crate::server::keyring::{Beginning, KeyFolder, Unlock, request};
use crate::trust::{Algorithm, KeyChange, TrustAnchor};
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

/// Keys that are kept in a folder, encrypted, and the trust anchor's versions.
#[derive(Debug, Subcommand)]
pub enum Keys {
    /// Make a folder with new keys for every log, and the first trust anchor.
    Init(Init),
    /// List the keys with their states.
    List(show::List),
    /// Replace the key in use of a log in good order.
    Rotate(change::Rotate),
    /// Say that somebody else may have signed with a key.
    Compromise(change::Compromise),
    /// Take the right to issue from a registry.
    Withdraw(change::Withdraw),
    /// Stand by records of a compromised key.
    Reattest(change::Reattest),
    /// Make the next version, with a later expiry and nothing else new.
    Renew(root::Renew),
    /// Make the next version, with other root keys.
    ReplaceRoot(root::ReplaceRoot),
    /// Sign a draft of the next version with root keys.
    Sign(root::Sign),
    /// Hand a draft that enough root keys have signed to the running gateway.
    Publish(root::Publish),
    /// Print a version of the trust anchor.
    ExportAnchor(show::ExportAnchor),
    /// Bring a trust anchor file up to date, by the signatures of its successors.
    Update(update::Update),
}

/// Make a folder with new keys for every log, and the first trust anchor.
#[derive(Debug, Args)]
#[command(after_help = INIT_EXAMPLES)]
pub struct Init {
    #[command(flatten)]
    folder: FolderArgs,
    #[command(flatten)]
    secret: SecretArgs,
    #[command(flatten)]
    algorithm: AlgorithmArgs,
    /// How many root keys to make.
    #[arg(long, default_value_t = 1, env = "LIENTHONG_ROOT_KEYS", value_name = "NUMBER")]
    root_keys: u32,
    /// How many of them have to sign the next version.
    #[arg(long, default_value_t = 1, env = "LIENTHONG_ROOT_THRESHOLD", value_name = "NUMBER")]
    threshold: u32,
    #[command(flatten)]
    expiry: ExpiryArgs,
}

/// Where the keys are.
#[derive(Debug, Args)]
pub struct FolderArgs {
    /// The folder of keys.
    #[arg(long = "keys", env = "LIENTHONG_KEYS", value_name = "DIR")]
    path: PathBuf,
}

/// Root keys that are kept elsewhere.
#[derive(Debug, Args)]
pub struct RootKeyArgs {
    /// A root key's file that is not in the folder; may occur several times. The passphrase has to open it.
    #[arg(long = "root-key", env = "LIENTHONG_ROOT_KEY", value_name = "FILE")]
    files: Vec<PathBuf>,
}

impl RootKeyArgs {
    fn with(&self, unlock: Unlock) -> Unlock {
        Unlock { root_files: self.files.clone(), ..unlock }
    }
}

/// What every change of the trust anchor needs.
#[derive(Debug, Args)]
struct ChangeArgs {
    #[command(flatten)]
    folder: FolderArgs,
    #[command(flatten)]
    secret: SecretArgs,
    #[command(flatten)]
    expiry: ExpiryArgs,
    #[command(flatten)]
    elsewhere: RootKeyArgs,
}

impl ChangeArgs {
    fn unlock(&self) -> Result<Unlock, Failure> {
        Ok(self.elsewhere.with(self.secret.unlock()?))
    }

    /// Has the gateway take the change; what was made for a change that it does not take is destroyed.
    fn request(
        &self,
        folder: &KeyFolder,
        unlock: &Unlock,
        origin: Option<&str>,
        change: &KeyChange,
    ) -> Result<TrustAnchor, Failure> {
        let next = self.next(change);
        // What cannot be is known before anybody waits; the real place is behind every place there is.
        let possible = folder.newest().and_then(|newest| next(&newest, u64::MAX >> 12));
        let taken = possible.and_then(|_| request(folder, unlock, origin, next));
        taken.map_err(|error| match folder.give_up(change.keys(), unlock) {
            Ok(()) => error.into(),
            Err(left) => Failure::new(format!("{error}; the key that was made for it is left: {left}")),
        })
    }

    /// Makes the next version, given the one before and the change's place in the record ledger.
    fn next(&self, change: &KeyChange) -> impl Fn(&TrustAnchor, u64) -> Result<TrustAnchor, Error> {
        let expires_at = self.expiry.at();
        move |current, at| {
            let changed = current.changed(change, at, expires_at);
            changed.map_err(|error| Error::new(Reason::ConfigurationInvalid, error.to_string()))
        }
    }
}

/// How long an anchor holds.
#[derive(Debug, Args)]
pub struct ExpiryArgs {
    /// Days from now until the trust anchor expires.
    #[arg(long, default_value_t = 400, env = "LIENTHONG_ANCHOR_DAYS", value_parser = clap::value_parser!(u16).range(1..=3660), value_name = "DAYS")]
    expires_in_days: u16,
}

/// The algorithm of new keys.
#[derive(Debug, Args)]
pub struct AlgorithmArgs {
    /// The algorithm of new keys.
    #[arg(long, value_enum, default_value_t, env = "LIENTHONG_KEY_ALGORITHM")]
    algorithm: AlgorithmName,
}

/// An algorithm by its short name.
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum AlgorithmName {
    /// Ed25519 (RFC 8032).
    #[default]
    Ed25519,
    /// ECDSA over P-256 with SHA-256.
    P256,
}

impl AlgorithmArgs {
    fn get(&self) -> Algorithm {
        match self.algorithm {
            AlgorithmName::Ed25519 => Algorithm::Ed25519,
            AlgorithmName::P256 => Algorithm::EcdsaP256,
        }
    }
}

impl ExpiryArgs {
    fn at(&self) -> Timestamp {
        SystemClock.now().plus_ms(i64::from(self.expires_in_days) * 86_400_000)
    }
}

impl FolderArgs {
    fn open(&self) -> Result<KeyFolder, Failure> {
        Ok(KeyFolder::open(&self.path)?)
    }
}

impl Keys {
    /// Runs the subcommand.
    pub fn run(self, output: OutputFormat) -> Result<ExitCode, Failure> {
        match self {
            Self::Init(command) => command.run(output),
            Self::List(command) => command.run(output),
            Self::Rotate(command) => command.run(output),
            Self::Compromise(command) => command.run(output),
            Self::Withdraw(command) => command.run(output),
            Self::Reattest(command) => command.run(output),
            Self::Renew(command) => command.run(output),
            Self::ReplaceRoot(command) => command.run(output),
            Self::Sign(command) => command.run(output),
            Self::Publish(command) => command.run(output),
            Self::ExportAnchor(command) => command.run(),
            Self::Update(command) => command.run(output),
        }?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Init {
    fn run(self, output: OutputFormat) -> Result<(), Failure> {
        let unlock = self.secret.new_unlock()?;
        let beginning = Beginning {
            algorithm: self.algorithm.get(),
            root_keys: self.root_keys,
            threshold: self.threshold,
            expires_at: self.expiry.at(),
        };
        let (folder, anchor) = KeyFolder::init(&self.folder.path, &Catalogue::built_in(), &beginning, &unlock)?;
        report(output, &folder, &anchor)
    }
}

/// Says which version stands now.
fn report(output: OutputFormat, folder: &KeyFolder, anchor: &TrustAnchor) -> Result<(), Failure> {
    let (path, fingerprint) = (folder.anchor_path(anchor.version), to_hex(&anchor.fingerprint()?));
    match output {
        OutputFormat::Text => print(&format!(
            "trust anchor version {}, until {}\n  file         {}\n  fingerprint  {fingerprint}",
            anchor.version,
            anchor.expires_at,
            path.display()
        )),
        OutputFormat::Json => print_json(&serde_json::json!({
            "version": anchor.version,
            "expires_at": anchor.expires_at.to_string(),
            "events_from": anchor.events_from,
            "anchor": path.display().to_string(),
            "fingerprint": fingerprint,
        })),
    }
}
