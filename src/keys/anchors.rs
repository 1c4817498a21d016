//! The published trust anchor: a file, and a board that `TrustService` reads. All its versions are
//! kept, so that a holder of any of them can follow to the newest.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use crate::base::id::to_hex;
use crate::base::{Error, Reason, Result};
use crate::store::file::{Readers, check_replaceable, write_whole};
use crate::trust::TrustAnchor;

/// Most versions in one answer.
const VERSIONS_MAX: usize = 16;

/// A version of the anchor in its published forms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedAnchor {
    /// Its version.
    pub version: u64,
    /// The file's text.
    pub json: String,
    /// SHA-256 of the anchor's canonical form, lower-case hexadecimal.
    pub fingerprint: String,
}

impl PublishedAnchor {
    /// Encodes the anchor.
    pub fn new(anchor: &TrustAnchor) -> Result<Self> {
        let json = String::from_utf8(anchor.to_json()?).map_err(Error::bug)?;
        Ok(Self { version: anchor.version, json, fingerprint: to_hex(&anchor.fingerprint()?) })
    }

    /// Writes the whole file, readable by everybody. A file with the same content is left alone: a start on a full disk needs
    /// no room.
    pub fn write(&self, path: &Path) -> Result<()> {
        if std::fs::read(path).is_ok_and(|found| found == self.json.as_bytes()) {
            return Ok(());
        }
        write_whole(path, self.json.as_bytes(), Readers::All)
    }
}

/// All versions, the first one first; grows when keys change.
#[derive(Clone)]
pub struct AnchorBoard {
    versions: Arc<RwLock<Vec<Arc<PublishedAnchor>>>>,
    file: Option<PathBuf>,
}

impl AnchorBoard {
    /// Publishes these versions, of which there is at least one, and keeps the newest in a file.
    ///
    /// Fails with [`ConfigurationInvalid`](Reason::ConfigurationInvalid) if the file holds something that is not an anchor of this world:
    /// its owner may still verify with it.
    pub fn new(versions: &[TrustAnchor], file: Option<PathBuf>) -> Result<Self> {
        if let Some(path) = &file {
            refuse_other_world(path, versions)?;
        }
        let versions: Vec<_> =
            versions.iter().map(|one| PublishedAnchor::new(one).map(Arc::new)).collect::<Result<_>>()?;
        if versions.is_empty() {
            return Err(Error::bug("no trust anchor"));
        }
        Ok(Self { versions: Arc::new(RwLock::new(versions)), file })
    }

    /// The newest version.
    pub fn newest(&self) -> Arc<PublishedAnchor> {
        let versions = self.versions.read().unwrap_or_else(PoisonError::into_inner);
        versions.last().cloned().unwrap_or_else(|| unreachable!("the board begins with a version and never shrinks"))
    }

    /// Encodes a version, for [`publish`](Self::publish).
    pub fn prepare(&self, anchor: &TrustAnchor) -> Result<PublishedAnchor> {
        PublishedAnchor::new(anchor)
    }

    /// Publishes a new version. If the file cannot be written, the log says so, and callers still get the version.
    pub fn publish(&self, next: PublishedAnchor) {
        if let Some(path) = &self.file
            && let Err(error) = next.write(path)
        {
            tracing::error!(%error, "the trust anchor's file is out of date");
        }
        self.versions.write().unwrap_or_else(PoisonError::into_inner).push(Arc::new(next));
    }

    /// One version; [`NotFound`](Reason::NotFound) when there is none of that number.
    pub fn version(&self, version: u64) -> Result<Arc<PublishedAnchor>> {
        let versions = self.versions.read().unwrap_or_else(PoisonError::into_inner);
        let found = versions.iter().find(|one| one.version == version).cloned();
        found.ok_or_else(|| {
            Error::new(Reason::NotFound, "there is no such version").with_subject("trust_anchor", version.to_string())
        })
    }

    /// The versions from this one on, at most sixteen, and whether there are more.
    pub fn from(&self, version: u64) -> (Vec<Arc<PublishedAnchor>>, bool) {
        let versions = self.versions.read().unwrap_or_else(PoisonError::into_inner);
        let mut found: Vec<_> = versions.iter().filter(|one| one.version >= version).cloned().collect();
        let has_more = found.len() > VERSIONS_MAX;
        found.truncate(VERSIONS_MAX);
        (found, has_more)
    }
}

/// Whether a file can take a new version of an anchor of these versions' world: asked before a start changes what is stored.
pub fn check_file(path: &Path, versions: &[TrustAnchor]) -> Result<()> {
    refuse_other_world(path, versions)?;
    check_replaceable(path)
}

/// Refuses to replace a file, unless it is empty or holds an anchor whose root keys one of `versions` has.
fn refuse_other_world(path: &Path, versions: &[TrustAnchor]) -> Result<()> {
    // A file that cannot be read shows itself when it is written.
    let Ok(bytes) = std::fs::read(path) else { return Ok(()) };
    if bytes.trim_ascii().is_empty() {
        return Ok(());
    }
    let what = match TrustAnchor::from_json(&bytes) {
        Ok(there) => {
            let roots = &there.root.keys;
            if versions.iter().any(|version| version.root.keys.iter().any(|key| roots.contains(key))) {
                return Ok(());
            }
            format!("the trust anchor of another world, fingerprint {}", to_hex(&there.fingerprint()?))
        }
        Err(_) => "no trust anchor".to_owned(),
    };
    let message = format!("{} is {what}: move it away, or give --anchor another file", path.display());
    Err(Error::new(Reason::ConfigurationInvalid, message))
}
