//! A value that is made from files, and made again when the files change: certificates are replaced without a restart.
//!
//! Callers ask for the current value, for example before a handshake, which costs a look at the files' times and lengths. Files that cannot be
//! used are logged, and looked at again a second later; until then, and until they are good, the last value stays.

#![allow(clippy::disallowed_methods, reason = "files are looked at by the machine's time")]

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject as _};

use crate::base::{Error, Reason, Result};

/// After which time files that could not be used are tried again.
const TRIED_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Makes the value from the contents of the files, in their order.
type Make<T> = Box<dyn Fn(&[Vec<u8>]) -> Result<T> + Send + Sync>;
/// How the files looked: the time of the last change and the length of each.
type Look = Vec<Option<(SystemTime, u64)>>;

/// The value, and the files that it is made from.
pub struct Renewing<T> {
    files: Vec<PathBuf>,
    make: Make<T>,
    state: Mutex<State<T>>,
}

struct State<T> {
    value: T,
    look: Look,
    /// When the files could not be used last.
    failed: Option<Instant>,
}

impl<T: Clone> Renewing<T> {
    /// Makes the value from `files` by `make`, now and whenever they change. Fails where a file cannot be read, and as `make` does.
    pub fn open(files: Vec<PathBuf>, make: impl Fn(&[Vec<u8>]) -> Result<T> + Send + Sync + 'static) -> Result<Self> {
        let look = look(&files);
        let value = make(&read(&files)?)?;
        let state = Mutex::new(State { value, look, failed: None });
        Ok(Self { files, make: Box::new(make), state })
    }

    /// The value as the files have it now.
    pub fn current(&self) -> T {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let now = look(&self.files);
        if now == state.look || state.failed.is_some_and(|at| at.elapsed() < TRIED_AGAIN_AFTER) {
            return state.value.clone();
        }
        match read(&self.files).and_then(|contents| (self.make)(&contents)) {
            Ok(value) => {
                tracing::info!(files = ?self.files, "changed files are in use");
                *state = State { value, look: now, failed: None };
            }
            Err(error) => {
                tracing::error!(%error, "changed files cannot be used; their last contents stay in use");
                state.failed = Some(Instant::now());
            }
        }
        state.value.clone()
    }
}

impl<T> Renewing<T> {
    /// A value that is made from no files, and never changes.
    pub fn fixed(value: T) -> Self
    where
        T: Clone + Send + Sync + 'static,
    {
        let same = value.clone();
        let state = State { value, look: Look::new(), failed: None };
        Self { files: Vec::new(), make: Box::new(move |_| Ok(same.clone())), state: Mutex::new(state) }
    }
}

fn look(files: &[PathBuf]) -> Look {
    let one = |path: &PathBuf| {
        let metadata = std::fs::metadata(path).ok()?;
        Some((metadata.modified().ok()?, metadata.len()))
    };
    files.iter().map(one).collect()
}

fn read(files: &[PathBuf]) -> Result<Vec<Vec<u8>>> {
    let one = |path: &Path| {
        std::fs::read(path).map_err(|error| {
            let message = format!("{} cannot be read: {error}", path.display());
            Error::new(Reason::ConfigurationInvalid, message)
        })
    };
    files.iter().map(|path| one(path)).collect()
}

/// The certificates of a PEM file; `what` they are stands in the reason for which they are none.
pub fn certificates(pem: &[u8], what: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let chain: Result<Vec<_>, pem::Error> = CertificateDer::pem_slice_iter(pem).collect();
    match chain {
        Ok(chain) if !chain.is_empty() => Ok(chain),
        Ok(_) => Err(format!("the file of {what} has no CERTIFICATE section")),
        Err(error) => Err(format!("{what} is not PEM: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(contents: &[Vec<u8>]) -> Result<String> {
        match contents {
            [one] if one.starts_with(b"good") => Ok(String::from_utf8_lossy(one).into_owned()),
            _ => Err(Error::new(Reason::ConfigurationInvalid, "not good")),
        }
    }

    #[test]
    fn a_changed_file_is_used_and_a_bad_one_is_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("file");
        std::fs::write(&path, "good").expect("written");
        let renewing = Renewing::open(vec![path.clone()], text).expect("opens");
        assert_eq!(renewing.current(), "good");
        std::fs::write(&path, "good again").expect("written");
        assert_eq!(renewing.current(), "good again");
        std::fs::write(&path, "bad").expect("written");
        assert_eq!(renewing.current(), "good again");
        std::fs::write(&path, "good at last").expect("written");
        assert_eq!(renewing.current(), "good again", "tried again a second later");
        renewing.state.lock().expect("whole").failed = None;
        assert_eq!(renewing.current(), "good at last");
        std::fs::remove_file(&path).expect("removed");
        assert_eq!(renewing.current(), "good at last");
        Renewing::open(vec![path], text).map(drop).expect_err("there is no file");
    }
}
