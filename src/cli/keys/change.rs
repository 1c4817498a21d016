//! `keys rotate`, `compromise`, `withdraw`, `reattest`: changes under a running gateway.

use clap::Args;
use std::collections::BTreeSet;

use super::args::{AlgorithmArgs, ChangeArgs, report};
use crate::base::Error;
use crate::base::id::from_hex;
use crate::base::name::no_such;
use crate::base::origins::{EVIDENCE_LEDGER, RECORD_LEDGER};
use crate::cli::output::{Failure, OutputFormat};
use crate::cli::schema_args::SchemaArgs;
use crate::keys::keyring::{KeyFolder, Unlock};
use crate::trust::{Algorithm, KeyChange, KeyId, KeyRecord, KeyState, Newcomer, PublicKey, TrustAnchor};

const ROTATE_EXAMPLES: &str = "\
Examples:
  lienthong keys rotate --keys ./keys --passphrase-file passphrase --log land
  lienthong keys rotate --keys ./keys --log records --algorithm p256

A gateway that uses the folder has to be running. Its calls wait for a moment; none is lost. What the old key signed stays
VALID.";

const ADMIT_EXAMPLES: &str = "\
Examples:
  lienthong keys admit --keys ./keys --passphrase-file passphrase --registry-schema education.yaml
  lienthong serve --data-dir ./province --keys ./keys --passphrase-file passphrase --registry-schema education.yaml

The gateway that runs takes the next version of the trust anchor; it serves the registry from its next start on, with the file.
Keys that derive from the seed need none of this: `serve --registry-schema` lets the registry in itself.";

const COMPROMISE_EXAMPLES: &str = "\
Examples:
  lienthong keys compromise --keys ./keys --key 5f3a… --suspect-from 48211

Records that stand in the record ledger before that index stay VALID; those from it on are INDETERMINATE until they are
re-attested. A key in use gets a successor.";

const WITHDRAW_EXAMPLES: &str = "\
Examples:
  lienthong keys withdraw --keys ./keys --issuer vehicle

What the registry issued stays VALID; what it issues from now on is refused.";

const REATTEST_EXAMPLES: &str = "\
Examples:
  lienthong keys reattest --keys ./keys --key 5f3a… --from 48211 --to 48300

Look at the records first: they become VALID.";

/// Replace the key in use of a log by a new one.
#[derive(Debug, Args)]
#[command(after_help = ROTATE_EXAMPLES)]
pub struct Rotate {
    #[command(flatten)]
    common: ChangeArgs,
    #[command(flatten)]
    algorithm: AlgorithmArgs,
    /// The log: a registry's name, `records` or `evidence`.
    #[arg(long, env = "LIENTHONG_KEY_LOG", value_name = "NAME")]
    log: String,
}

/// Admit the registry of a schema file, or further record types of it.
#[derive(Debug, Args)]
#[command(after_help = ADMIT_EXAMPLES)]
pub struct Admit {
    #[command(flatten)]
    common: ChangeArgs,
    #[command(flatten)]
    algorithm: AlgorithmArgs,
    #[command(flatten)]
    schemas: SchemaArgs,
}

/// Declare that somebody else may have signed with a key.
#[derive(Debug, Args)]
#[command(after_help = COMPROMISE_EXAMPLES)]
pub struct Compromise {
    #[command(flatten)]
    common: ChangeArgs,
    #[command(flatten)]
    algorithm: AlgorithmArgs,
    /// The id of the key, or its first digits.
    #[arg(long, env = "LIENTHONG_KEY_ID", value_name = "ID")]
    key: String,
    /// The record ledger index from which on the key is suspect.
    #[arg(long, env = "LIENTHONG_SUSPECT_FROM", value_name = "INDEX")]
    suspect_from: u64,
}

/// Withdraw a registry's right to issue.
#[derive(Debug, Args)]
#[command(after_help = WITHDRAW_EXAMPLES)]
pub struct Withdraw {
    #[command(flatten)]
    common: ChangeArgs,
    /// The registry.
    #[arg(long, env = "LIENTHONG_ISSUER", value_name = "NAME")]
    issuer: String,
}

/// Re-attest records of a compromised key.
#[derive(Debug, Args)]
#[command(after_help = REATTEST_EXAMPLES)]
pub struct Reattest {
    #[command(flatten)]
    common: ChangeArgs,
    /// The id of the key, or its first digits.
    #[arg(long, env = "LIENTHONG_KEY_ID", value_name = "ID")]
    key: String,
    /// The record ledger index of the first record.
    #[arg(long, env = "LIENTHONG_REATTEST_FROM", value_name = "INDEX")]
    from: u64,
    /// The index after the last record.
    #[arg(long, env = "LIENTHONG_REATTEST_TO", value_name = "INDEX")]
    to: u64,
}

impl Rotate {
    pub(super) fn run(self, output: OutputFormat) -> Result<(), Failure> {
        let opened = Opened::new(&self.common)?;
        let origin = format!("lienthong/{}/{}", opened.anchor.province, self.log);
        if !opened.anchor.keys().any(|(of, _)| of == origin) {
            let logs: BTreeSet<&str> = opened.anchor.keys().filter_map(|(of, _)| of.rsplit('/').next()).collect();
            return Err(Failure::new(no_such("log", &self.log, &logs.into_iter().collect::<Vec<_>>())));
        }
        let successor = opened.successor(&origin, self.algorithm.get())?;
        opened.change(output, Some(&origin), KeyChange::Rotate { origin: origin.clone(), successor })
    }
}

impl Compromise {
    pub(super) fn run(self, output: OutputFormat) -> Result<(), Failure> {
        let opened = Opened::new(&self.common)?;
        let (origin, record) = opened.find(&self.key)?;
        let successor = match record.state {
            KeyState::Active => Some(opened.successor(&origin, self.algorithm.get())?),
            _ => None,
        };
        let change = KeyChange::Compromise { key: record.id(), suspect_from: self.suspect_from, successor };
        opened.change(output, Some(&origin), change)
    }
}

impl Admit {
    pub(super) fn run(self, output: OutputFormat) -> Result<(), Failure> {
        let opened = Opened::new(&self.common)?;
        let mut newcomers = Vec::new();
        for sector in self.schemas.sectors()? {
            let known = opened.anchor.issuer(&sector.name);
            let may_issue = |name: &str| known.is_some_and(|issuer| issuer.schemas.iter().any(|schema| schema == name));
            let types = sector.record_types.iter().map(|of| of.name.to_string());
            let schemas: Vec<String> = types.filter(|name| !may_issue(name)).collect();
            let origin = format!("lienthong/{}/{}", opened.anchor.province, sector.name);
            if schemas.is_empty() {
                continue;
            }
            let key = match known {
                Some(_) => None,
                None => Some(opened.successor(&origin, self.algorithm.get())?),
            };
            newcomers.push(Newcomer { name: sector.name.to_string(), origin, schemas, key });
        }
        if newcomers.is_empty() {
            return Err(Failure::new("the keys name every record type of these files already (--registry-schema)"));
        }
        opened.change(output, None, KeyChange::Admit(newcomers))
    }
}

impl Withdraw {
    pub(super) fn run(self, output: OutputFormat) -> Result<(), Failure> {
        if [RECORD_LEDGER, EVIDENCE_LEDGER].contains(&self.issuer.as_str()) {
            return Err(Failure::new(format!(
                "{} is a log of the province, which is not an issuer: use `keys rotate` or `keys compromise` for its key, or withdraw the issuers",
                self.issuer
            )));
        }
        let opened = Opened::new(&self.common)?;
        let origin = opened.anchor.issuer(&self.issuer).map(|issuer| issuer.origin.clone());
        opened.change(output, origin.as_deref(), KeyChange::Withdraw { issuer: self.issuer })
    }
}

impl Reattest {
    pub(super) fn run(self, output: OutputFormat) -> Result<(), Failure> {
        let opened = Opened::new(&self.common)?;
        let (_, record) = opened.find(&self.key)?;
        opened.change(output, None, KeyChange::Reattest { key: record.id(), range: self.from..self.to })
    }
}

/// A folder with what opens it.
struct Opened<'a> {
    common: &'a ChangeArgs,
    folder: KeyFolder,
    unlock: Unlock,
    anchor: TrustAnchor,
}

impl<'a> Opened<'a> {
    fn new(common: &'a ChangeArgs) -> Result<Self, Failure> {
        let folder = common.folder.open()?;
        Ok(Self { common, anchor: folder.newest()?, folder, unlock: common.unlock()? })
    }

    fn successor(&self, origin: &str, algorithm: Algorithm) -> Result<PublicKey, Failure> {
        let signer = self.folder.generate(origin, algorithm, &self.unlock)?;
        Ok(PublicKey::new(algorithm, signer.public_key()).map_err(Error::bug)?)
    }

    fn find(&self, beginning: &str) -> Result<(String, KeyRecord), Failure> {
        let exact: Option<KeyId> = from_hex(beginning).and_then(|id| id.try_into().ok());
        let matches = |key: &KeyRecord| match exact {
            Some(id) => key.id() == id,
            None => crate::base::id::to_hex(&key.id()).starts_with(beginning),
        };
        if exact.is_none() && beginning.len() < 4 {
            return Err(Failure::new(format!("{beginning}: give at least 4 digits of a key's id")));
        }
        let mut found = self.anchor.keys().filter(|(_, key)| matches(key));
        match (found.next(), found.next()) {
            (Some((origin, key)), None) => Ok((origin.to_owned(), key.clone())),
            (None, _) => Err(Failure::new(format!(
                "no log has a key {beginning}: `lienthong keys list` lists them (root keys change with `keys replace-root`)"
            ))),
            (Some(_), Some(_)) => Err(Failure::new(format!("several keys begin with {beginning}"))),
        }
    }

    fn change(&self, output: OutputFormat, origin: Option<&str>, change: KeyChange) -> Result<(), Failure> {
        let anchor = self.common.request(&self.folder, &self.unlock, origin, &change)?;
        report(output, &self.folder, &anchor)
    }
}
