//! A view of a store: the same rows in another folder, so that the engine can open them without changing the original.
//!
//! The engine deletes files that its catalogue does not name, and truncates a journal at the first unreadable entry. In a whole
//! store that is right; in a damaged one it destroys data that could be repaired. Tables and values are written once, so the view
//! has links to them. Everything else is small, or is a journal, and is copied.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// The engine's lock; a view has its own.
pub(super) const LOCK_FILE: &str = "lock";
/// Prefix of a view's folder name; a view left behind by a kill is removed at the next start.
const PREFIX: &str = "view-";
/// Folders of files that the engine never writes again.
const WRITTEN_ONCE: [&str; 2] = ["tables", "blobs"];
/// Size of the copy buffer, in bytes.
const COPIED_AT_ONCE: usize = 1024 * 1024;

/// A view, removed when dropped.
pub(super) struct View(TempDir);

impl View {
    /// A view in the store's own folder, on the same disk; if that cannot be written, in the folder for temporary files.
    pub(super) fn beside(store: &Path) -> io::Result<Self> {
        remove_old(store);
        let inside =
            tempfile::Builder::new().prefix(PREFIX).tempdir_in(store).and_then(|folder| Self::fill(store, folder));
        inside.or_else(|_| Self::elsewhere(store))
    }

    /// A view in the folder for temporary files: the store's own folder is only read.
    pub(super) fn elsewhere(store: &Path) -> io::Result<Self> {
        Self::fill(store, tempfile::Builder::new().prefix("lienthong-").tempdir()?)
    }

    fn fill(store: &Path, folder: TempDir) -> io::Result<Self> {
        mirror(&fs::canonicalize(store)?, folder.path(), true)?;
        // The original may lack it, since it has no contents.
        OpenOptions::new().create(true).append(true).open(folder.path().join(LOCK_FILE))?;
        Ok(Self(folder))
    }

    pub(super) fn path(&self) -> &Path {
        self.0.path()
    }
}

/// Whether an entry of the store's folder is a view, and not a part of the store.
pub(super) fn is_view(name: &std::ffi::OsStr) -> bool {
    name.to_string_lossy().starts_with(PREFIX)
}

fn remove_old(store: &Path) {
    for entry in fs::read_dir(store).into_iter().flatten().flatten().filter(|entry| is_view(&entry.file_name())) {
        if let Err(error) = fs::remove_dir_all(entry.path()) {
            tracing::warn!(folder = %entry.path().display(), %error, "a view left by an interrupted start cannot be removed");
        }
    }
}

fn mirror(from: &Path, to: &Path, is_top: bool) -> io::Result<()> {
    let is_final = from.file_name().is_some_and(|name| WRITTEN_ONCE.iter().any(|folder| name == *folder));
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (source, target): (PathBuf, PathBuf) = (entry.path(), to.join(entry.file_name()));
        if is_top && is_view(&entry.file_name()) {
            continue;
        }
        if entry.file_type()?.is_dir() {
            fs::create_dir(&target)?;
            mirror(&source, &target, false)?;
        } else if is_final {
            link(&source, &target)?;
        } else {
            copy(&source, &target)?;
        }
    }
    Ok(())
}

#[cfg(unix)]
fn link(source: &Path, target: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(source, target)
}

/// Links need privileges there.
#[cfg(not(unix))]
fn link(source: &Path, target: &Path) -> io::Result<()> {
    fs::copy(source, target).map(|_| ())
}

/// Copies a file without its holes: most of a journal is preallocated.
fn copy(source: &Path, target: &Path) -> io::Result<()> {
    let (mut source, mut target) = (File::open(source)?, File::create_new(target)?);
    let mut buffer = vec![0; COPIED_AT_ONCE];
    let mut length = 0;
    loop {
        let read = source.read(&mut buffer)?;
        if read == 0 {
            return target.set_len(length);
        }
        let part = &buffer[..read];
        if part.iter().any(|byte| *byte != 0) {
            target.seek(SeekFrom::Start(length))?;
            target.write_all(part)?;
        }
        length += read as u64;
    }
}
