//! The ready-file: it appears whole when gRPC and console accept calls, and goes at the end. It names the process, because a killed one
//! leaves its file behind: the next start with the same file removes that before anything else.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::super::output::Failure;
use crate::server::listen::reachable;
use crate::server::{Gateway, Running};
use crate::store::file::{Readers, write_whole};

/// A ready-file that is there while this value lives.
pub(super) struct ReadyFile {
    path: PathBuf,
    json: Vec<u8>,
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
    /// Removes what an earlier process left: nobody shall take it for this one's.
    pub(super) fn remove_old(path: &Path) -> Result<(), Failure> {
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(Failure::new(format!("the ready-file {} cannot be removed: {error}", path.display())))
            }
            _ => Ok(()),
        }
    }

    /// Writes how clients on this machine reach the gateway, as one line of JSON.
    pub(super) fn write(path: PathBuf, gateway: &Gateway, running: &Running) -> Result<Self, Failure> {
        let ready = Ready {
            grpc: reachable(running.grpc).to_string(),
            tls: running.has_tls,
            console: running.console.map(|address| reachable(address).to_string()),
            anchor: running.anchor.as_deref(),
            demo_credentials: gateway.accepts_demo(),
            data_dir: gateway.home().map(|home| std::path::absolute(home).unwrap_or_else(|_| home.to_owned())),
            pid: std::process::id(),
        };
        let mut json = serde_json::to_vec(&ready).map_err(|error| Failure::new(error.to_string()))?;
        json.push(b'\n');
        write_whole(&path, &json, Readers::All)?;
        Ok(Self { path, json })
    }
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
