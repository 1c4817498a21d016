//! Translates errors of the engine and the system about a folder into messages with a remedy.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use crate::base::{Error, Reason};
use crate::store::{Remedy, Space};

/// Runs a call of the engine, and turns its panics about invalid files into errors.
pub(in crate::store) fn contained<T>(call: impl FnOnce() -> T) -> std::result::Result<T, String> {
    // The engine guards its own state; a failed read leaves none behind.
    catch_unwind(AssertUnwindSafe(call)).map_err(|panic| {
        let text = panic.downcast_ref::<&str>().map(ToString::to_string);
        text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "the engine panicked".into())
    })
}

pub(super) fn unwritable(path: &Path, error: io::Error) -> Error {
    let message = format!("the data folder {} cannot be written: {error}", path.display());
    Error::new(Reason::ConfigurationInvalid, message).with_source(error)
}

pub(super) fn damaged(path: &Path, what: &str) -> Error {
    let message = format!("the data folder {} is damaged: {what}; restore it from a copy", path.display());
    Error::new(Reason::StorageCorrupt, message)
}

/// The error of damaged spaces, with the remedy.
pub(super) fn lost(path: &Path, spaces: &[Space], what: &str) -> Error {
    let names: Vec<&str> = spaces.iter().map(|space| space.name()).collect();
    let remedy = Remedy::of(spaces.iter().copied()).advice();
    let (folder, names) = (path.display(), names.join(", "));
    let message = format!("the data folder {folder} is damaged: the rows of {names} {what}; {remedy}");
    Error::new(Reason::StorageCorrupt, message)
}

/// The error of a store without counts, written by an earlier version.
pub(super) fn uncounted(path: &Path) -> Error {
    let folder = path.display();
    let message = format!(
        "the data folder {folder} has no count of its rows: if an earlier version wrote it, `lienthong store rebuild` counts them \
         once; if not, restore it from a copy"
    );
    Error::new(Reason::StorageCorrupt, message)
}

/// The error of a folder that does not open, with the remedy.
pub(super) fn open_error(path: &Path, error: fjall::Error) -> Error {
    let folder = path.display();
    let (reason, message) = match &error {
        fjall::Error::Locked => (
            Reason::ConfigurationInvalid,
            format!("the data folder {folder} is in use by another process; stop it, or choose another folder"),
        ),
        fjall::Error::InvalidVersion(_) => (
            Reason::ConfigurationInvalid,
            format!("the data folder {folder} was written by a version of the engine that this one cannot read"),
        ),
        fjall::Error::Io(io) | fjall::Error::Storage(fjall::LsmError::Io(io)) if !is_damage(io) => {
            (Reason::ConfigurationInvalid, format!("the data folder {folder} cannot be opened: {io}"))
        }
        wrong => {
            let what = match wrong {
                fjall::Error::Storage(fjall::LsmError::ChecksumMismatch { .. }) => {
                    "a checksum does not match its bytes"
                }
                fjall::Error::Storage(fjall::LsmError::Unrecoverable) => "files are missing",
                _ => "its files differ from what was written",
            };
            return damaged(path, what).with_source(error);
        }
    };
    Error::new(reason, message).with_source(error)
}

/// Whether a system error concerns the bytes and not the machine's resources: a file that is too short or missing, a block that the
/// disk cannot read.
pub(in crate::store) fn is_damage(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidData, InvalidInput, NotFound, UnexpectedEof};
    const EIO: i32 = 5;
    matches!(error.kind(), UnexpectedEof | NotFound | InvalidData | InvalidInput) || error.raw_os_error() == Some(EIO)
}
