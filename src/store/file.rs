//! Small files beside the store, written whole: readers find the old file or the new one, also after a crash.

use std::fs;
use std::io::{ErrorKind, Write as _};
use std::path::Path;

use crate::base::{Error, Reason, Result};

/// Who may read a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readers {
    /// Its owner.
    Owner,
    /// Everybody.
    All,
}

/// Writes a file so that readers find the old one or the new one, never a part.
pub fn write_whole(path: &Path, bytes: &[u8], readers: Readers) -> Result<()> {
    let refused = |error: std::io::Error| {
        let message = format!("{} cannot be written: {error}", path.display());
        Error::new(Reason::ConfigurationInvalid, message)
    };
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut file = tempfile::Builder::new().prefix(".lienthong-").tempfile_in(folder).map_err(refused)?;
    file.write_all(bytes).map_err(refused)?;
    share(file.as_file(), readers).map_err(refused)?;
    file.as_file().sync_all().map_err(refused)?;
    file.persist(path).map_err(|error| refused(error.error))?;
    sync_folder(folder).map_err(refused)
}

/// Makes renames in a folder durable.
#[cfg(unix)]
pub fn sync_folder(folder: &Path) -> std::io::Result<()> {
    match fs::File::open(folder)?.sync_all() {
        // The file system has no such call for folders: it orders renames itself.
        Err(error) if matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported) => Ok(()),
        synced => synced,
    }
}

/// Nothing: the file system orders renames itself, and folders are no files.
#[cfg(not(unix))]
pub fn sync_folder(_: &Path) -> std::io::Result<()> {
    Ok(())
}

#[cfg(unix)]
fn share(file: &fs::File, readers: Readers) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = if readers == Readers::All { 0o644 } else { 0o600 };
    file.set_permissions(fs::Permissions::from_mode(mode))
}

#[cfg(not(unix))]
fn share(_: &fs::File, _: Readers) -> std::io::Result<()> {
    Ok(()) // the folder's own rules hold
}
