//! The rights in force: an immutable snapshot for each decision, replaced as a whole when the file changes.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use super::flaw::Flaws;
use super::load;
use super::schemas::{SchemaFlaw, embedded_for};
use super::table::Rights;
use super::vocabulary::Vocabulary;
use crate::base::{Error, Reason, Result};
use crate::registry::Catalogue;

/// Hands out the rights in force. A decision takes one snapshot and keeps it until the decision is logged.
#[derive(Debug)]
pub struct RightsBook {
    current: RwLock<Arc<Rights>>,
    /// The file, and the vocabulary of its catalogue.
    source: Option<(PathBuf, Vocabulary)>,
}

impl RightsBook {
    /// A book of these rights, which are never replaced.
    pub fn of(rights: impl Into<Arc<Rights>>) -> Arc<Self> {
        Arc::new(Self { current: RwLock::new(rights.into()), source: None })
    }

    /// Opens the rights of `file`, checked against the catalogue; without a file, the embedded rights plus those of the catalogue's schema files. A
    /// file of rights is complete by itself: schema files add nothing to it. Fails with
    /// [`ConfigurationInvalid`](Reason::ConfigurationInvalid), naming every flaw by its line.
    pub fn open(file: Option<&Path>, catalogue: &Catalogue) -> Result<Arc<Self>> {
        let Some(file) = file else {
            let refused = |flaws: Vec<SchemaFlaw>| {
                let flaws: Vec<String> = flaws.iter().map(ToString::to_string).collect();
                let message = format!(
                    "the embedded rights do not fit these registries, which need a file of their own (--rights): {}",
                    flaws.join("; ")
                );
                Error::new(Reason::ConfigurationInvalid, message)
            };
            return embedded_for(catalogue).map(|(_, rights)| Self::of(rights)).map_err(refused);
        };
        let known = Vocabulary::of(catalogue);
        let current = RwLock::new(Arc::new(read(file, &known)?));
        Ok(Arc::new(Self { current, source: Some((file.to_owned(), known)) }))
    }

    /// The snapshot of the rights in force.
    pub fn current(&self) -> Arc<Rights> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The file, if there is one.
    pub fn file(&self) -> Option<&Path> {
        self.source.as_ref().map(|(file, _)| file.as_path())
    }

    /// Reloads the file and puts its rights in force; an invalid file changes nothing. Logs the outcome.
    pub fn reload_logged(&self) {
        match self.reload() {
            Ok(rights) => tracing::info!(version = %rights.version(), "the rights were reloaded and are in force"),
            Err(error) => {
                tracing::error!(why = error.message, "the rights were not reloaded; the previous ones stay in force");
            }
        }
    }

    /// Reloads the file, puts its rights in force and returns them. An invalid file changes nothing.
    pub fn reload(&self) -> Result<Arc<Rights>> {
        let Some((file, known)) = &self.source else { return Ok(self.current()) };
        let rights = Arc::new(read(file, known)?);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = rights.clone();
        Ok(rights)
    }
}

fn read(file: &Path, known: &Vocabulary) -> Result<Rights> {
    let refused =
        |why: String| Error::new(Reason::ConfigurationInvalid, format!("the rights {}: {why}", file.display()));
    let bytes = load::bytes(file).map_err(|error| refused(format!("cannot be read: {error}")))?;
    let (rights, warnings) = load::rights(&bytes, known).map_err(|flaws: Flaws| refused(flaws.to_string()))?;
    warnings.iter().for_each(|flaw| tracing::warn!(file = %file.display(), "rights: {flaw}"));
    Ok(rights)
}
