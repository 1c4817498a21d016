//! The common parts of the subcommands of `keys`: their flags, and the message that names the version in force.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::secret::SecretArgs;
use crate::base::id::to_hex;
use crate::base::time::SystemClock;
use crate::base::{Clock as _, Error, Reason, Timestamp};
use crate::cli::output::{Failure, OutputFormat, print_json, print_text};
use crate::keys::keyring::{KeyFolder, Unlock, request};
use crate::trust::{Algorithm, KeyChange, TrustAnchor};

/// Where the keys are.
#[derive(Debug, Args)]
pub struct FolderArgs {
    /// The folder of keys.
    #[arg(long = "keys", env = "LIENTHONG_KEYS", value_name = "DIR")]
    pub(super) path: PathBuf,
}

/// Root keys that are kept elsewhere.
#[derive(Debug, Args)]
pub struct RootKeyArgs {
    /// The file of a root key that is not in the folder; may be repeated. The passphrase must open it.
    #[arg(long = "root-key", env = "LIENTHONG_ROOT_KEY", value_name = "FILE")]
    files: Vec<PathBuf>,
}

impl RootKeyArgs {
    fn with(&self, unlock: Unlock) -> Unlock {
        Unlock { root_files: self.files.clone(), ..unlock }
    }
}

/// The flags of every change of the trust anchor.
#[derive(Debug, Args)]
pub(super) struct ChangeArgs {
    #[command(flatten)]
    pub(super) folder: FolderArgs,
    #[command(flatten)]
    pub(super) secret: SecretArgs,
    #[command(flatten)]
    pub(super) expiry: ExpiryArgs,
    #[command(flatten)]
    pub(super) elsewhere: RootKeyArgs,
}

impl ChangeArgs {
    pub(super) fn unlock(&self) -> Result<Unlock, Failure> {
        Ok(self.elsewhere.with(self.secret.unlock()?))
    }

    /// Has the gateway take the change; what was made for a change that it does not take is destroyed.
    pub(super) fn request(
        &self,
        folder: &KeyFolder,
        unlock: &Unlock,
        origin: Option<&str>,
        change: &KeyChange,
    ) -> Result<TrustAnchor, Failure> {
        let next = self.next(change);
        // Impossible changes are found before anybody waits; the real position comes after every existing one.
        let possible = folder.newest().and_then(|newest| next(&newest, u64::MAX >> 12));
        let taken = possible.and_then(|_| request(folder, unlock, origin, next));
        taken.map_err(|error| match folder.give_up(&change.keys(), unlock) {
            Ok(()) => error.into(),
            Err(left) => Failure::new(format!("{error}; the key that was created for it remains: {left}")),
        })
    }

    /// Makes the next version, given the one before and the change's position in the record ledger.
    pub(super) fn next(&self, change: &KeyChange) -> impl Fn(&TrustAnchor, u64) -> Result<TrustAnchor, Error> {
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
    pub(super) fn get(&self) -> Algorithm {
        match self.algorithm {
            AlgorithmName::Ed25519 => Algorithm::Ed25519,
            AlgorithmName::P256 => Algorithm::EcdsaP256,
        }
    }
}

impl ExpiryArgs {
    pub(super) fn at(&self) -> Timestamp {
        SystemClock.now().plus_ms(i64::from(self.expires_in_days) * 86_400_000)
    }
}

impl FolderArgs {
    pub(super) fn open(&self) -> Result<KeyFolder, Failure> {
        Ok(KeyFolder::open(&self.path)?)
    }
}

/// Says which version stands now.
pub(super) fn report(output: OutputFormat, folder: &KeyFolder, anchor: &TrustAnchor) -> Result<(), Failure> {
    let (path, fingerprint) = (folder.anchor_path(anchor.version), to_hex(&anchor.fingerprint()?));
    match output {
        OutputFormat::Text => print_text(&format!(
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
