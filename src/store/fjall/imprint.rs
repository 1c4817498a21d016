//! The imprint of a closed store: the length and the modification time of each of the engine's files.
//!
//! A store that still matches it can be opened without the engine deleting or truncating anything. Any other, after a kill, a copy
//! or a change by hand, is opened in a view first.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use super::view::{LOCK_FILE, is_view};

const FILE: &str = "closed";
const FORMAT: &str = "lienthong/store/closed/v1";

/// Writes the imprint of a store when it is dropped, after the engine.
pub(super) struct Imprint(PathBuf);

impl Imprint {
    /// An imprint of the store in this folder, to be written when it closes.
    pub(super) fn at_the_end_of(store: &Path) -> Self {
        Self(store.to_owned())
    }

    /// Whether the files match the imprint.
    pub(super) fn holds(store: &Path) -> bool {
        match (fs::read_to_string(store.join(FILE)), Self::take(store)) {
            (Ok(kept), Ok(found)) => kept == found,
            _ => false,
        }
    }

    fn take(store: &Path) -> io::Result<String> {
        let (mut files, mut folders) = (Vec::new(), vec![store.to_owned()]);
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder)? {
                let entry = entry?;
                let (name, about) = (entry.file_name(), entry.metadata()?);
                let is_other = folder == store && (name == FILE || name == LOCK_FILE || is_view(&name));
                if is_other {
                    continue;
                }
                if about.is_dir() {
                    folders.push(entry.path());
                }
                let path = entry.path();
                let path = path.strip_prefix(store).map_err(io::Error::other)?.to_string_lossy().into_owned();
                let length = if about.is_dir() { 0 } else { about.len() };
                let changed = about.modified()?.duration_since(UNIX_EPOCH).map_err(io::Error::other)?;
                files.push((path, length, if about.is_dir() { 0 } else { changed.as_nanos() }));
            }
        }
        files.sort_unstable();
        let mut text = format!("{FORMAT}\n");
        for (path, length, changed) in files {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{path} {length} {changed}");
        }
        Ok(text)
    }
}

impl Drop for Imprint {
    fn drop(&mut self) {
        let written = Self::take(&self.0).and_then(|text| fs::write(self.0.join(FILE), text));
        if let Err(error) = written {
            tracing::debug!(%error, "the next start opens the store in a view first");
        }
    }
}
