//! The disk below a store: how much of it is free, and how much has to stay so.
//!
//! An engine whose write fails for want of space takes no more writes until a restart. So the store asks first, and refuses changes
//! while there is still room for what the engine has to write by itself: buffers to flush, tables to compact.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use super::health::Writes;

/// How much of a disk is free: a port, so that a full disk can be tested without one.
pub trait FreeSpace: Send + Sync + 'static {
    /// Bytes that this process could still write.
    fn free_bytes(&self) -> io::Result<u64>;
}

/// The disk that holds a folder.
pub struct FolderDisk(pub PathBuf);

#[cfg(unix)]
impl FreeSpace for FolderDisk {
    fn free_bytes(&self) -> io::Result<u64> {
        let disk = rustix::fs::statvfs(&self.0)?;
        Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
    }
}

#[cfg(not(unix))]
impl FreeSpace for FolderDisk {
    fn free_bytes(&self) -> io::Result<u64> {
        Ok(u64::MAX) // not known: the engine finds out
    }
}

/// What of the disk has to stay free.
#[derive(Clone)]
pub(super) struct Reserve {
    pub(super) disk: Arc<dyn FreeSpace>,
    pub(super) bytes: u64,
}

impl Reserve {
    /// Whether there is room for changes.
    pub(super) fn writes(&self) -> Writes {
        match self.disk.free_bytes() {
            Ok(free_bytes) if free_bytes < self.bytes => Writes::Full { free_bytes },
            // A disk that does not say how full it is will refuse by itself.
            Ok(_) | Err(_) => Writes::Taken,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_real_disk_says_how_much_is_free() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(FolderDisk(folder.path().to_owned()).free_bytes().expect("it answers") > 0);
        assert!(cfg!(not(unix)) || FolderDisk(folder.path().join("none")).free_bytes().is_err());
    }
}
