//! Small files beside the store, replaced atomically: readers find the old file or the new one, also after a crash.

use std::fmt::Display;
use std::fs;
use std::io::{self, ErrorKind, Write as _};
use std::path::Path;

use crate::base::{Error, Reason, Result};

/// Read permission of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readers {
    /// Its owner.
    Owner,
    /// Everybody.
    All,
}

/// Replaces a file atomically and durably. Fails with [`ConfigurationInvalid`](Reason::ConfigurationInvalid), naming the file.
pub fn write_whole(path: &Path, bytes: &[u8], readers: Readers) -> Result<()> {
    replace(path, bytes, readers).map_err(|error| {
        let message = format!("{} cannot be written: {error}", path.display());
        Error::new(Reason::ConfigurationInvalid, message).with_source(error)
    })
}

/// Whether a file could be replaced, as far as its folder tells: for who must know before anything else changes.
pub fn check_replaceable(path: &Path) -> Result<()> {
    let refused = |error: io::Error| {
        let message = format!("{} cannot be written: {error}", path.display());
        Error::new(Reason::ConfigurationInvalid, message).with_source(error)
    };
    if path.is_dir() {
        return Err(refused(ErrorKind::IsADirectory.into()));
    }
    match written(folder_of(path), &[], Readers::Owner).map_err(refused) {
        Err(error) if !is_full(&error) => Err(error),
        _ => Ok(()),
    }
}

/// Reads a small file whole; `None` if there is none. Fails with [`ConfigurationInvalid`](Reason::ConfigurationInvalid), naming the file, when it
/// cannot be read or is longer than `bytes_max`.
pub fn read_small(path: &Path, bytes_max: u64) -> Result<Option<Vec<u8>>> {
    match fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(path, error)),
        Ok(found) if found.len() > bytes_max => return Err(unreadable(path, "it is too long")),
        Ok(_) => {}
    }
    fs::read(path).map(Some).map_err(|error| unreadable(path, error))
}

/// The error of a file that exists but cannot be parsed.
pub fn unreadable(path: &Path, cause: impl Display) -> Error {
    Error::new(Reason::ConfigurationInvalid, format!("{} cannot be read: {cause}", path.display()))
}

/// The same as [`write_whole`] with the system's error.
pub fn replace(path: &Path, bytes: &[u8], readers: Readers) -> io::Result<()> {
    let folder = folder_of(path);
    written(folder, bytes, readers)?.persist(path).map_err(|error| error.error)?;
    sync_folder(folder)
}

/// Writes a file that must not be there yet, and keeps it locked while the returned handle lives. Of several processes that try at once one
/// succeeds; the others get [`AlreadyExists`](ErrorKind::AlreadyExists), and find the file locked.
pub fn write_new_locked(path: &Path, bytes: &[u8], readers: Readers) -> io::Result<fs::File> {
    let file = written(folder_of(path), bytes, readers)?;
    file.as_file().lock()?;
    file.persist_noclobber(path).map_err(|error| error.error)
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// A file in `folder` that is removed unless it gets a name.
fn written(folder: &Path, bytes: &[u8], readers: Readers) -> io::Result<tempfile::NamedTempFile> {
    let mut file = tempfile::Builder::new().prefix(".lienthong-").tempfile_in(folder)?;
    file.write_all(bytes)?;
    share(file.as_file(), readers)?;
    file.as_file().sync_all()?;
    Ok(file)
}

/// Whether a write failed because the disk is full, which can be retried.
pub fn is_full(error: &Error) -> bool {
    let source = std::error::Error::source(error).and_then(|source| source.downcast_ref::<io::Error>());
    source.is_some_and(|error| {
        matches!(
            error.kind(),
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::ReadOnlyFilesystem | ErrorKind::FileTooLarge
        )
    })
}

/// Makes renames in a folder durable.
#[cfg(unix)]
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    match fs::File::open(folder)?.sync_all() {
        // The file system orders renames itself and has no such call for folders.
        Err(error) if matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported) => Ok(()),
        synced => synced,
    }
}

/// Does nothing: the file system orders renames itself, and folders cannot be opened as files.
#[cfg(not(unix))]
pub fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(unix)]
fn share(file: &fs::File, readers: Readers) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = if readers == Readers::All { 0o644 } else { 0o600 };
    file.set_permissions(fs::Permissions::from_mode(mode))
}

#[cfg(not(unix))]
fn share(_: &fs::File, _: Readers) -> io::Result<()> {
    Ok(()) // the folder's permissions apply
}
