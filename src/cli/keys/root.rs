//! `keys renew`, `replace-root`, `sign`, `publish`: versions that change the anchor's expiry or its root keys.
//!
//! With the root keys at hand, `renew` and `replace-root` do it at once. Holders who keep their keys apart get a draft instead
//! (`--draft`); each signs it where their key is, and somebody publishes what they sent back.

use std::path::{Path, PathBuf};

use clap::Args;

use super::args::{AlgorithmArgs, ChangeArgs, FolderArgs, report};
use super::secret::SecretArgs;
use crate::base::Error;
use crate::base::id::to_hex;
use crate::cli::output::{Failure, OutputFormat, print_json, print_text};
use crate::keys::keyring::{KeyFolder, PrivateKey, ROOT, Unlock, publish};
use crate::store::file::{Readers, write_whole};
use crate::trust::{KeyChange, PublicKey, Root, TrustAnchor};

const RENEW_EXAMPLES: &str = "\
Examples:
  lienthong keys renew --keys ./keys --passphrase-file passphrase --expires-in-days 400
  lienthong keys renew --keys ./keys --draft next.json      for holders who keep their keys apart: see `keys sign`";

const REPLACE_EXAMPLES: &str = "\
Examples:
  lienthong keys replace-root --keys ./keys --passphrase-file passphrase --new 1 --remove 5f3a
  lienthong keys replace-root --keys ./keys --new 3 --threshold 2 --root-key /mnt/stick/5f3a….json

As many root keys as before have to sign, and as many of the new ones as the new threshold says.";

const SIGN_EXAMPLES: &str = "\
Examples:
  lienthong keys sign next.json --root-key /mnt/stick/5f3a….json --passphrase-file passphrase

Look at the draft first: your signature says that you agree with all of it.";

const PUBLISH_EXAMPLES: &str = "\
Examples:
  lienthong keys publish next-of-an.json next-of-binh.json --keys ./keys

The files are one draft, each with somebody's signatures. A gateway that uses the folder has to be running.";

/// How the next version comes about.
#[derive(Debug, Args)]
struct Common {
    #[command(flatten)]
    change: ChangeArgs,
    /// Write the next version to this file, with the signatures of the available root keys, and change nothing.
    #[arg(long, env = "LIENTHONG_ANCHOR_DRAFT", value_name = "FILE")]
    draft: Option<PathBuf>,
}

/// Create the next version, with a later expiry and no other change.
#[derive(Debug, Args)]
#[command(after_help = RENEW_EXAMPLES)]
pub struct Renew {
    #[command(flatten)]
    common: Common,
}

/// Create the next version, with other root keys.
#[derive(Debug, Args)]
#[command(after_help = REPLACE_EXAMPLES)]
pub struct ReplaceRoot {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    algorithm: AlgorithmArgs,
    /// How many new root keys to create in the folder or the token.
    #[arg(long, default_value_t = 0, env = "LIENTHONG_ROOT_NEW", value_parser = clap::value_parser!(u32).range(0..=16), value_name = "NUMBER")]
    new: u32,
    /// A root key to remove, by its id or its first digits; may be repeated.
    #[arg(long, env = "LIENTHONG_ROOT_REMOVE", value_name = "ID")]
    remove: Vec<String>,
    /// How many root keys must sign from then on [default: as many as before].
    #[arg(long, env = "LIENTHONG_ROOT_THRESHOLD", value_name = "NUMBER")]
    threshold: Option<u32>,
}

/// Sign a draft of the next version with root keys.
#[derive(Debug, Args)]
#[command(after_help = SIGN_EXAMPLES)]
pub struct Sign {
    /// The draft; the signatures are added to it.
    #[arg(value_name = "FILE")]
    draft: PathBuf,
    /// The file of a root key; may be repeated.
    #[arg(long = "root-key", required = true, env = "LIENTHONG_ROOT_KEY", value_name = "FILE")]
    keys: Vec<PathBuf>,
    #[command(flatten)]
    secret: SecretArgs,
}

/// Submit a draft that enough root keys have signed to the running gateway.
#[derive(Debug, Args)]
#[command(after_help = PUBLISH_EXAMPLES)]
pub struct Publish {
    /// The signed draft; several files if each holder returned one.
    #[arg(required = true, value_name = "FILE")]
    drafts: Vec<PathBuf>,
    #[command(flatten)]
    folder: FolderArgs,
}

impl Renew {
    pub(super) fn run(self, output: OutputFormat) -> Result<(), Failure> {
        let folder = self.common.change.folder.open()?;
        let unlock = self.common.change.unlock()?;
        self.common.make(output, &folder, &unlock, &KeyChange::Renew)
    }
}

impl ReplaceRoot {
    pub(super) fn run(self, output: OutputFormat) -> Result<(), Failure> {
        let folder = self.common.change.folder.open()?;
        let unlock = self.common.change.unlock()?;
        let before = folder.newest()?.root;
        let mut keys = before.keys;
        for beginning in &self.remove {
            let matches = |key: &PublicKey| beginning.len() >= 4 && to_hex(&key.id()).starts_with(beginning.as_str());
            match keys.iter().filter(|key| matches(key)).count() {
                1 => keys.retain(|key| !matches(key)),
                0 => return Err(Failure::new(format!("there is no root key {beginning}"))),
                _ => return Err(Failure::new(format!("several root keys begin with {beginning}"))),
            }
        }
        let threshold = self.threshold.unwrap_or(before.threshold);
        let count = keys.len() as u64 + u64::from(self.new);
        if !(1..=16).contains(&count) || !(1..=count).contains(&u64::from(threshold)) {
            return Err(Failure::new(format!(
                "a threshold of {threshold} does not fit {count} root keys: there are 1 to 16 keys, and the threshold is 1 to their number"
            )));
        }
        for _ in 0..self.new {
            let signer = folder.generate(ROOT, self.algorithm.get(), &unlock)?;
            keys.push(PublicKey::new(signer.algorithm(), signer.public_key()).map_err(Error::bug)?);
        }
        self.common.make(output, &folder, &unlock, &KeyChange::Root(Root { threshold, keys }))
    }
}

impl Common {
    fn make(
        &self,
        output: OutputFormat,
        folder: &KeyFolder,
        unlock: &Unlock,
        change: &KeyChange,
    ) -> Result<(), Failure> {
        let Some(path) = &self.draft else {
            return report(output, folder, &self.change.request(folder, unlock, None, change)?);
        };
        // Without key events, any position from the last one on will do.
        let current = folder.newest()?;
        let mut draft = self.change.next(change)(&current, current.events_from)?;
        folder.sign_version(&current, &mut draft, unlock)?;
        write_whole(path, &draft.to_json()?, Readers::All)?;
        describe(output, path, &draft)
    }
}

impl Sign {
    pub(super) fn run(self, output: OutputFormat) -> Result<(), Failure> {
        let mut draft = read(&self.draft)?;
        let unlock = self.secret.unlock()?;
        for path in &self.keys {
            let private = PrivateKey::read(path)?;
            if private.name() != ROOT {
                return Err(Failure::new(format!("{} is a key of {}, not a root key", path.display(), private.name())));
            }
            draft.sign(&*private.open(&unlock)?)?;
        }
        write_whole(&self.draft, &draft.to_json()?, Readers::All)?;
        describe(output, &self.draft, &draft)
    }
}

impl Publish {
    pub(super) fn run(self, output: OutputFormat) -> Result<(), Failure> {
        let folder = self.folder.open()?;
        let mut whole: Option<TrustAnchor> = None;
        for path in &self.drafts {
            let draft = read(path)?;
            let Some(whole) = &mut whole else {
                whole = Some(draft);
                continue;
            };
            if whole.canonical_bytes()? != draft.canonical_bytes()? {
                return Err(Failure::new(format!("{} is another draft than the first file", path.display())));
            }
            for signature in draft.signatures {
                if !whole.signatures.contains(&signature) {
                    whole.signatures.push(signature);
                }
            }
        }
        let whole = whole.ok_or_else(|| Failure::new("there is no draft"))?;
        let anchor = publish(&folder, whole)?;
        report(output, &folder, &anchor)
    }
}

fn read(path: &Path) -> Result<TrustAnchor, Failure> {
    let failed = |why: &dyn std::fmt::Display| Failure::new(format!("{}: {why}", path.display()));
    let json = std::fs::read(path).map_err(|error| failed(&format!("cannot be read: {error}")))?;
    TrustAnchor::draft_from_json(&json).map_err(|error| failed(&error.message))
}

/// Says what a draft says, and who signed it.
fn describe(output: OutputFormat, path: &Path, draft: &TrustAnchor) -> Result<(), Failure> {
    let fingerprint = to_hex(&draft.fingerprint()?);
    let signed: Vec<String> = draft.signatures.iter().map(|signature| to_hex(&signature.key_id)).collect();
    match output {
        OutputFormat::Text => print_text(&format!(
            "draft of version {}, until {}\n  file         {}\n  fingerprint  {fingerprint}\n  signed by    {}",
            draft.version,
            draft.expires_at,
            path.display(),
            if signed.is_empty() { "nobody".to_owned() } else { signed.join(", ") },
        )),
        OutputFormat::Json => print_json(&serde_json::json!({
            "version": draft.version, "expires_at": draft.expires_at.to_string(),
            "draft": path.display().to_string(), "fingerprint": fingerprint, "signed_by": signed,
        })),
    }
}
