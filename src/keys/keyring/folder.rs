//! The folder of kept keys.
//!
//! ```text
//! keys/anchors/1.json, 2.json, …     every version of the key registry, for everybody to read
//! keys/private/<key id>.json         one private key each, encrypted or as a reference into a token, readable by the owner only
//! keys/change.json, place.json, …    a change in progress: see `change`
//! ```

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::private::PrivateKey;
use super::sealed::invalid;
use super::unlock::Unlock;
use crate::base::id::to_hex;
use crate::base::origins::{EVIDENCE_LEDGER, RECORD_LEDGER};
use crate::base::{Error, Result, Timestamp};
use crate::registry::{Catalogue, Sector};
use crate::simulation::faults::{compromised_record, is_for_faults};
use crate::store::file::{Readers, write_whole};
use crate::store::lock::FolderLock;
use crate::trust::{
    Algorithm, IssuerAnchor, KeyRecord, LogAnchor, LogPurpose, PublicKey, Root, Signer, Successor, TrustAnchor,
};

/// The name of root keys.
pub const ROOT: &str = "root";

/// A folder of kept keys.
#[derive(Debug, Clone)]
pub struct KeyFolder {
    path: PathBuf,
}

/// The options of a new folder.
#[derive(Debug, Clone, Copy)]
pub struct Beginning {
    /// The algorithm of every key.
    pub algorithm: Algorithm,
    /// How many root keys there are.
    pub root_keys: u32,
    /// How many of them have to sign.
    pub threshold: u32,
    /// When the first version expires.
    pub expires_at: Timestamp,
}

impl KeyFolder {
    /// Makes a folder with new keys for every log, those of the registries of `catalogue` among them, and version 1 of the key registry. Refuses a folder that has one.
    pub fn init(
        path: &Path,
        catalogue: &Catalogue,
        beginning: &Beginning,
        unlock: &Unlock,
    ) -> Result<(Self, TrustAnchor)> {
        let folder = Self { path: path.to_owned() };
        if folder.anchor_path(1).exists() {
            return Err(invalid(format!("{} holds keys already", path.display())));
        }
        if !(1..=16).contains(&beginning.root_keys) || !(1..=beginning.root_keys).contains(&beginning.threshold) {
            return Err(invalid("there are 1 to 16 root keys, and from 1 to all of them have to sign"));
        }
        for sub in ["anchors", "private"] {
            let made = fs::create_dir_all(path.join(sub));
            made.map_err(|error| invalid(format!("{} cannot be made: {error}", path.join(sub).display())))?;
        }
        let fresh = |name: &str| -> Result<KeyRecord> {
            KeyRecord::active(&*folder.generate(name, beginning.algorithm, unlock)?).map_err(Error::bug)
        };
        let stolen = |name: &str| compromised_record(&*folder.generate(name, beginning.algorithm, unlock)?);
        let log = |name: &str, purpose| -> Result<LogAnchor> {
            let origin = catalogue.province().origin(name);
            Ok(LogAnchor { continues: Vec::new(), purpose, keys: vec![fresh(&origin)?], origin })
        };
        let issuer = |sector: &Arc<Sector>| -> Result<IssuerAnchor> {
            Ok(IssuerAnchor {
                continues: Vec::new(),
                name: (&sector.name).into(),
                origin: sector.log_origin(),
                schemas: sector.record_types.iter().map(|kind| (&kind.name).into()).collect(),
                // The persona of the stolen key needs one; it comes first, since the last one is the log's.
                keys: vec![stolen(&sector.log_origin())?, fresh(&sector.log_origin())?],
            })
        };
        let root: Vec<Arc<dyn Signer>> = (0..beginning.root_keys)
            .map(|_| folder.generate(ROOT, beginning.algorithm, unlock))
            .collect::<Result<_>>()?;
        let mut anchor = TrustAnchor {
            province: catalogue.province().to_string(),
            version: 1,
            expires_at: beginning.expires_at,
            logs: vec![log(RECORD_LEDGER, LogPurpose::Records)?, log(EVIDENCE_LEDGER, LogPurpose::Evidence)?],
            issuers: catalogue.sectors().iter().map(issuer).collect::<Result<_>>()?,
            events_from: 0,
            root: Root {
                threshold: beginning.threshold,
                keys: root.iter().map(|signer| public(&**signer)).collect::<Result<_>>()?,
            },
            signatures: Vec::new(),
        };
        for signer in &root {
            anchor.sign(&**signer)?;
        }
        folder.write_version(&anchor)?;
        Ok((folder, anchor))
    }

    /// Finds a folder again.
    pub fn open(path: &Path) -> Result<Self> {
        let folder = Self { path: path.to_owned() };
        if folder.anchor_path(1).exists() {
            Ok(folder)
        } else {
            Err(invalid(format!("{} holds no keys: make some with `lienthong keys init`", path.display())))
        }
    }

    /// Takes the folder for one gateway: two would answer one change of keys, each in its own way. Freed when it is dropped.
    pub fn lock(&self) -> Result<FolderLock> {
        FolderLock::take(&self.path, "gateway.lock")
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// All versions of the key registry, the first one first; each has to follow the one before.
    pub fn versions(&self) -> Result<Vec<TrustAnchor>> {
        let mut versions: Vec<TrustAnchor> = Vec::new();
        loop {
            let path = self.anchor_path(versions.len() as u64 + 1);
            let json = match fs::read(&path) {
                Ok(json) => json,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound && !versions.is_empty() => {
                    return Ok(versions);
                }
                Err(error) => return Err(invalid(format!("{} cannot be read: {error}", path.display()))),
            };
            let wrong = |why: &str| invalid(format!("{}: {why}", path.display()));
            let anchor = TrustAnchor::from_json(&json).map_err(|error| wrong(&error.message))?;
            if let Some(before) = versions.last() {
                // Its users decide whether it has expired.
                crate::trust::accept_next(before, &anchor, Timestamp(i64::MIN))
                    .map_err(|error| wrong(&error.to_string()))?;
            }
            versions.push(anchor);
        }
    }

    /// The newest version.
    pub fn newest(&self) -> Result<TrustAnchor> {
        self.versions()?.pop().ok_or_else(|| Error::bug("a key folder without a version"))
    }

    /// The path of a version.
    pub fn anchor_path(&self, version: u64) -> PathBuf {
        self.path.join("anchors").join(format!("{version}.json"))
    }

    /// Writes a version, for everybody to read.
    pub fn write_version(&self, anchor: &TrustAnchor) -> Result<()> {
        write_whole(&self.anchor_path(anchor.version), &anchor.to_json()?, Readers::All)
    }

    /// Removes a version that was not accepted.
    pub fn refuse_version(&self, version: u64) -> Result<()> {
        let path = self.anchor_path(version);
        fs::rename(&path, path.with_extension("refused"))
            .map_err(|error| invalid(format!("{} cannot be moved: {error}", path.display())))
    }

    /// Makes a new key and keeps it.
    pub fn generate(&self, name: &str, algorithm: Algorithm, unlock: &Unlock) -> Result<Arc<dyn Signer>> {
        let (private, signer) = PrivateKey::generate(name, algorithm, unlock)?;
        write_whole(&self.private_path(&public(&*signer)?), &private.to_json()?, Readers::Owner)?;
        Ok(signer)
    }

    /// Destroys those of these keys that no version names: they were created for a change that was not accepted.
    pub fn give_up(&self, keys: &[PublicKey], unlock: &Unlock) -> Result<()> {
        let newest = self.newest()?;
        let named = |key: &PublicKey| newest.root.keys.contains(key) || newest.keys().any(|(_, of)| of.key == *key);
        for key in keys.iter().filter(|key| !named(key)) {
            if let Some(private) = self.private(key)? {
                private.destroy(unlock)?;
                let path = self.private_path(key);
                fs::remove_file(&path)
                    .map_err(|error| invalid(format!("{} cannot be removed: {error}", path.display())))?;
            }
        }
        Ok(())
    }

    /// The private half of a key, if the folder knows where it is.
    pub fn private(&self, key: &PublicKey) -> Result<Option<PrivateKey>> {
        let path = self.private_path(key);
        path.exists().then(|| PrivateKey::read(&path)).transpose()
    }

    /// Whether `unlock` gives access to the private half of a key: it is in the folder, or in the token.
    fn has_private(&self, key: &PublicKey, unlock: &Unlock) -> Result<bool> {
        Ok(self.private(key)?.is_some_and(|private| private.can_open(unlock)))
    }

    /// Opens the private half of a key, which has to be the one that signs under `name`.
    pub fn signer(&self, name: &str, key: &PublicKey, unlock: &Unlock) -> Result<Arc<dyn Signer>> {
        let private = PrivateKey::read(&self.private_path(key))?;
        if private.name() != name || private.public()? != *key {
            return Err(invalid(format!("the file of key {} holds another key", to_hex(&key.id()))));
        }
        private.open(unlock)
    }

    /// The signer of a log by an anchor: its key in use, and those before it.
    pub fn log_signer(&self, anchor: &TrustAnchor, origin: &str, unlock: &Unlock) -> Result<Arc<dyn Signer>> {
        let keys: Vec<&KeyRecord> = anchor.keys().filter(|(of, _)| *of == origin).map(|(_, key)| key).collect();
        let is_active = |key: &&&KeyRecord| key.state == crate::trust::KeyState::Active;
        // A withdrawn issuer still reads its log; nobody accepts what it signs with its last key.
        let last = keys.iter().find(is_active).or(keys.last());
        let last = last.ok_or_else(|| invalid(format!("the key registry names no key for {origin}")))?;
        let signer = self.signer(origin, &last.key, unlock)?;
        let former = keys.iter().filter(|key| key.key != last.key).map(|key| key.key.clone()).collect();
        Ok(Arc::new(Successor::new(signer, former)))
    }

    /// What the faults of the log's registry sign with, if the folder has it: older folders do not.
    pub fn stolen_signer(
        &self,
        anchor: &TrustAnchor,
        origin: &str,
        unlock: &Unlock,
    ) -> Result<Option<Arc<dyn Signer>>> {
        let found = anchor.keys().find(|(of, key)| *of == origin && is_for_faults(key));
        found.map(|(_, key)| self.signer(origin, &key.key, unlock)).transpose()
    }

    /// Signs a version with as many root keys of it, and of the one before, as are here or in `unlock`'s files.
    pub fn sign_version(&self, before: &TrustAnchor, next: &mut TrustAnchor, unlock: &Unlock) -> Result<()> {
        let mut keys = before.root.keys.clone();
        keys.extend(next.root.keys.iter().filter(|key| !before.root.keys.contains(key)).cloned());
        for key in &keys {
            if self.has_private(key, unlock)? {
                next.sign(&*self.signer(ROOT, key, unlock)?)?;
            }
        }
        for path in &unlock.root_files {
            let private = PrivateKey::read(path)?;
            let key = private.public()?;
            if private.name() != ROOT || !keys.contains(&key) {
                return Err(invalid(format!("{} is not a root key of this version or the one before", path.display())));
            }
            next.sign(&*private.open(unlock)?)?;
        }
        Ok(())
    }

    fn private_path(&self, key: &PublicKey) -> PathBuf {
        self.path.join("private").join(format!("{}.json", to_hex(&key.id())))
    }
}

/// A signer's public key.
pub(super) fn public(signer: &dyn Signer) -> Result<PublicKey> {
    PublicKey::new(signer.algorithm(), signer.public_key()).map_err(Error::bug)
}
