//! The ready-file: it appears whole when gRPC and console accept calls, and goes at the end.

use std::path::PathBuf;

use serde::Serialize;

use super::super::output::Failure;
use crate::server::Running;
use crate::server::listen::reachable;
use crate::store::file::{Readers, write_whole};

/// A ready-file that is there while this value lives.
pub(super) struct ReadyFile {
    path: PathBuf,
}

#[derive(Serialize)]
struct Ready<'a> {
    grpc: String,
    console: Option<String>,
    anchor: Option<&'a std::path::Path>,
}

impl ReadyFile {
    /// Writes the addresses, as clients on this machine reach them, as one line of JSON.
    pub(super) fn write(path: PathBuf, running: &Running) -> Result<Self, Failure> {
        let ready = Ready {
            grpc: reachable(running.grpc).to_string(),
            console: running.console.map(|address| reachable(address).to_string()),
            anchor: running.anchor.as_deref(),
        };
        let mut json = serde_json::to_vec(&ready).map_err(|error| Failure::new(error.to_string()))?;
        json.push(b'\n');
        write_whole(&path, &json, Readers::All)?;
        Ok(Self { path })
    }
}

impl Drop for ReadyFile {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.path) {
            tracing::warn!(path = %self.path.display(), %error, "the ready-file cannot be removed");
        }
    }
}
