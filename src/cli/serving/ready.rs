//! The ready-file: it appears whole when gRPC and console accept calls, and is removed at the end.
//!
//! Its server holds a lock on it (`flock`), which ends with the process, however that ends. So the next start with the same file can tell
//! the file of a server that was killed, which it removes before anything else, from that of one that runs, which it leaves alone. It never
//! replaces a file: of several servers that start at once with one ready-file, the first that is ready goes on.

use std::fs::{File, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::super::output::Failure;
use crate::server::Running;
use crate::server::listen::reachable;
use crate::store::file::{Readers, write_new_locked};

/// A ready-file that exists, and is locked, while this value lives.
pub(in crate::cli) struct ReadyFile {
    path: PathBuf,
    json: Vec<u8>,
    _locked: File,
}

#[derive(Serialize)]
struct Ready<'a> {
    grpc: String,
    tls: bool,
    console: Option<String>,
    anchor: Option<&'a Path>,
    demo_credentials: bool,
    data_dir: Option<PathBuf>,
    pid: u32,
}

impl ReadyFile {
    /// Removes the file of an earlier process, so that nobody takes it for this one's. Fails when its server still runs.
    pub(in crate::cli) fn remove_old(path: &Path) -> Result<(), Failure> {
        let failed = |what: &str, error: std::io::Error| {
            Failure::new(format!("the ready-file {} cannot be {what}: {error}", path.display()))
        };
        match std::fs::symlink_metadata(path) {
            Ok(found) if !found.is_file() && !found.is_symlink() => {
                return Err(Failure::new(format!("the ready-file {} is not a regular file", path.display())));
            }
            _ => {}
        }
        let old = match File::open(path) {
            Ok(old) => old,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(failed("read", error)),
        };
        match old.try_lock() {
            Ok(()) => std::fs::remove_file(path).map_err(|error| failed("removed", error)),
            Err(TryLockError::WouldBlock) => Err(in_use(path)),
            Err(TryLockError::Error(error)) => Err(failed("locked", error)),
        }
    }

    /// Writes how clients on this machine reach the gateway, as one line of JSON.
    pub(in crate::cli) fn write(
        path: PathBuf,
        accepts_demo: bool,
        home: Option<&Path>,
        running: &Running,
    ) -> Result<Self, Failure> {
        let ready = Ready {
            grpc: reachable(running.grpc).to_string(),
            tls: running.has_tls,
            console: running.console.map(|address| reachable(address).to_string()),
            anchor: running.anchor.as_deref(),
            demo_credentials: accepts_demo,
            data_dir: home.map(|home| std::path::absolute(home).unwrap_or_else(|_| home.to_owned())),
            pid: std::process::id(),
        };
        let mut json = serde_json::to_vec(&ready).map_err(|error| Failure::new(error.to_string()))?;
        json.push(b'\n');
        match write_new_locked(&path, &json, Readers::All) {
            Ok(locked) => Ok(Self { path, json, _locked: locked }),
            // A server that was started at the same time was ready first.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(in_use(&path)),
            Err(error) => Err(Failure::new(format!("the ready-file {} cannot be written: {error}", path.display()))),
        }
    }
}

fn in_use(path: &Path) -> Failure {
    let message = "belongs to a server that is running: end that one first, or name another file";
    Failure::new(format!("the ready-file {} {message}", path.display()))
}

impl Drop for ReadyFile {
    fn drop(&mut self) {
        // Another process may have been given the same file since.
        if !std::fs::read(&self.path).is_ok_and(|found| found == self.json) {
            return;
        }
        if let Err(error) = std::fs::remove_file(&self.path) {
            tracing::warn!(path = %self.path.display(), %error, "the ready-file cannot be removed");
        }
    }
}
