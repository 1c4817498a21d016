//! The disk below a store: its free space, and the reserve that must stay free.
//!
//! An engine whose write fails for want of space takes no more writes until a restart. So the store checks first, and refuses
//! changes while there is still room for the engine's own writes: buffers to flush, tables to compact. Each of those is a file, and
//! a file system can run out of files (inodes) long before it runs out of bytes.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use super::health::Writes;

/// The free space of a disk: a port, so that a full disk can be tested.
pub trait FreeSpace: Send + Sync + 'static {
    /// Bytes that this process can still write.
    fn free_bytes(&self) -> io::Result<u64>;

    /// Files that this process can still create; `None` if the file system has no limit of its own.
    fn free_files(&self) -> io::Result<Option<u64>> {
        Ok(None)
    }
}

/// The disk of a folder.
pub struct FolderDisk(pub PathBuf);

#[cfg(unix)]
impl FreeSpace for FolderDisk {
    fn free_bytes(&self) -> io::Result<u64> {
        let disk = rustix::fs::statvfs(&self.0)?;
        Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
    }

    fn free_files(&self) -> io::Result<Option<u64>> {
        let disk = rustix::fs::statvfs(&self.0)?;
        Ok((disk.f_files > 0).then_some(disk.f_favail))
    }
}

#[cfg(not(unix))]
impl FreeSpace for FolderDisk {
    fn free_bytes(&self) -> io::Result<u64> {
        Ok(u64::MAX) // unknown: the engine will find out
    }
}

/// Files that must stay free: a flush or a compaction creates a few at once, and other programs share the disk.
const FILES_FREE_MIN: u64 = 64;

/// The part of the reserve that giving back may not take.
const GIVING_BACK_PART: u64 = 8;

/// The part of the disk that must stay free.
#[derive(Clone)]
pub(super) struct Reserve {
    pub(super) disk: Arc<dyn FreeSpace>,
    pub(super) bytes: u64,
}

impl Reserve {
    /// Whether there is room for changes.
    pub(super) fn writes(&self) -> Writes {
        // A disk whose free space is unknown will refuse writes by itself.
        match (self.disk.free_bytes(), self.disk.free_files()) {
            (Ok(free_bytes), _) if free_bytes < self.bytes => Writes::Full { free_bytes },
            (_, Ok(Some(free_files))) if self.bytes > 0 && free_files < FILES_FREE_MIN => {
                Writes::OutOfFiles { free_files }
            }
            _ => Writes::Taken,
        }
    }

    /// Whether there is room for the one small table with which the engine begins to give space back: a part of the reserve, so also on
    /// a disk that is full.
    pub(super) fn has_room_to_give_back(&self) -> bool {
        let has_bytes = self.disk.free_bytes().is_ok_and(|free| free >= self.bytes / GIVING_BACK_PART);
        has_bytes
            && self
                .disk
                .free_files()
                .is_ok_and(|free| free.is_none_or(|free| free >= FILES_FREE_MIN / GIVING_BACK_PART))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_real_disk_says_how_much_is_free() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(FolderDisk(folder.path().to_owned()).free_bytes().expect("it answers") > 0);
        assert!(FolderDisk(folder.path().to_owned()).free_files().expect("it answers").is_none_or(|free| free > 0));
        assert!(cfg!(not(unix)) || FolderDisk(folder.path().join("none")).free_bytes().is_err());
    }
}
