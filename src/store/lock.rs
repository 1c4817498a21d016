//! A lock on a folder: a file in it that one process holds until it ends, however that happens.
//!
//! The kernel releases the lock with the last handle of the file, so a kill leaves nothing behind. The file stays: were it removed,
//! two processes could each lock a file of that name. While locked it holds the id of the process, for the message to a second one. The lock comes
//! before the id, so a second process waits a moment for the id.

#![allow(clippy::disallowed_methods, reason = "a process that starts waits by the machine's time")]

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read as _, Seek as _, Write as _};
use std::path::Path;
use std::time::Duration;

use crate::base::{Error, Reason, Result};

/// Longest process id that is read, in bytes.
const HOLDER_BYTES_MAX: u64 = 16;
/// How often, and at what intervals, a lock is tried whose holder has not written its id.
const ATTEMPTS: u32 = 50;
const BETWEEN: Duration = Duration::from_millis(20);

/// A folder reserved for this process; released when dropped.
#[derive(Debug)]
pub struct FolderLock {
    file: File,
}

impl FolderLock {
    /// Locks `folder` by its file `name`. Fails with [`ConfigurationInvalid`](Reason::ConfigurationInvalid) if another process
    /// holds it, which the message names, or if the file cannot be opened.
    pub fn take(folder: &Path, name: &str) -> Result<Self> {
        let opened = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(folder.join(name));
        let mut file = opened.map_err(|error| failed(folder, name, &error))?;
        lock(&mut file, folder, name)?;
        let written =
            file.set_len(0).and_then(|()| file.rewind()).and_then(|()| writeln!(file, "{}", std::process::id()));
        if let Err(error) = written {
            // A full disk can still be read: the lock holds, without naming its holder.
            tracing::warn!(folder = %folder.display(), %error, "the lock of the folder cannot name this process");
        }
        Ok(Self { file })
    }

    /// The same without writing anything; `None` if there is no file to lock, so that nobody can be using the folder.
    pub fn take_unwritten(folder: &Path, name: &str) -> Result<Option<Self>> {
        match File::open(folder.join(name)) {
            Ok(mut file) => lock(&mut file, folder, name).map(|()| Some(Self { file })),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed(folder, name, &error)),
        }
    }
}

impl Drop for FolderLock {
    fn drop(&mut self) {
        // Nobody holds it from now on. If it cannot be written, it still names the last holder, as after a kill.
        let _ = self.file.set_len(0);
    }
}

fn lock(file: &mut File, folder: &Path, name: &str) -> Result<()> {
    let mut held_by = None;
    for attempt in 0..ATTEMPTS {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::Error(error)) => return Err(failed(folder, name, &error)),
            Err(TryLockError::WouldBlock) => held_by = holder(file),
        }
        if held_by.is_some() {
            break;
        }
        if attempt + 1 < ATTEMPTS {
            std::thread::sleep(BETWEEN);
        }
    }
    let holder = held_by.map(|id| format!(" ({id})")).unwrap_or_default();
    let folder = folder.display();
    let message =
        format!("the folder {folder} is in use by another process{holder}: stop it, or choose another folder");
    Err(Error::new(Reason::ConfigurationInvalid, message))
}

fn failed(folder: &Path, name: &str, error: &std::io::Error) -> Error {
    let message = format!("the folder {} cannot be locked by {name}: {error}", folder.display());
    Error::new(Reason::ConfigurationInvalid, message)
}

/// The process that holds the lock, if it has written its id.
fn holder(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.rewind().ok()?;
    file.take(HOLDER_BYTES_MAX).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_has_one_holder_and_the_next_is_told_who() {
        let folder = tempfile::tempdir().expect("a folder");
        let first = FolderLock::take(folder.path(), "lock").expect("free");
        let refused = FolderLock::take(folder.path(), "lock").expect_err("held");
        let expected = format!("is in use by another process ({})", std::process::id());
        assert!(refused.message.contains(&expected), "{}", refused.message);
        FolderLock::take_unwritten(folder.path(), "lock").expect_err("held");
        drop(first);
        let reader = FolderLock::take_unwritten(folder.path(), "lock").expect("free again").expect("there is a file");
        let refused = FolderLock::take(folder.path(), "lock").expect_err("held");
        assert!(refused.message.contains("by another process:"), "{}", refused.message);
        drop(reader);
        FolderLock::take(folder.path(), "lock").expect("free again");
        assert!(FolderLock::take_unwritten(folder.path(), "none").expect("nobody's").is_none());
        assert!(!folder.path().join("none").exists());
    }

    #[test]
    fn a_folder_that_is_none_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let refused = FolderLock::take(&folder.path().join("missing"), "lock").expect_err("refused");
        assert!(refused.message.contains("missing"), "{}", refused.message);
    }
}
