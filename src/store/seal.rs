//! Seals: the number of rows of each space and of groups written, stored so that a loss shows.
//!
//! Each tree of the engine has one row that belongs to no space, its seal: the number of the last group, and the rows of each of
//! its spaces. All seals are written with every group, in the group's own batch. So at any moment they name the same group, unless
//! a tree is missing, empty, or an older one. Beside the engine's files is the mark: the number of a durable group, written after
//! each group without a sync. It may lag behind the seals after a crash of the machine, and is never ahead, unless the engine lost
//! the end of its journal.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::Path;

use bytes::BufMut;

use super::rollback::Follower;
use super::{Layout, Space};

/// The key of a tree's seal: no space has the code 0.
pub(super) const SEAL_KEY: [u8; 1] = [0];
/// The mark's file in the store's folder.
pub(super) const MARK_FILE: &str = "mark";
const MARK_FORMAT: &str = "lienthong/store/v1";

/// Counts of groups and rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tally {
    /// Number of groups of batches.
    pub(super) group: u64,
    /// Rows of each space, in the order of [`Space::ALL`].
    pub(super) rows: Vec<u64>,
}

impl Default for Tally {
    fn default() -> Self {
        Self { group: 0, rows: vec![0; Space::ALL.len()] }
    }
}

impl Tally {
    /// The seal of a tree: the group (8), then the code (1) and the rows (8) of each of its spaces; big-endian.
    pub(super) fn seal(&self, layout: Layout) -> Vec<u8> {
        let mut row = Vec::with_capacity(8 + 9 * Space::ALL.len());
        row.put_u64(self.group);
        for (space, rows) in Space::ALL.iter().zip(&self.rows).filter(|(space, _)| space.layout() == layout) {
            row.put_u8(space.code());
            row.put_u64(*rows);
        }
        row
    }

    /// Reads a tree's seal; `None` if it does not decode. A space that the seal does not name is newer than the seal, and empty.
    pub(super) fn take_seal(&mut self, layout: Layout, row: &[u8]) -> Option<()> {
        let (group, spaces) = row.split_first_chunk::<8>()?;
        let (spaces, rest) = spaces.as_chunks::<9>();
        if !rest.is_empty() {
            return None;
        }
        self.group = u64::from_be_bytes(*group);
        for [code, rows @ ..] in spaces {
            let mut of_layout = Space::ALL.iter().filter(|space| space.layout() == layout);
            let space = of_layout.find(|space| space.code() == *code)?;
            self.rows[space.index()] = u64::from_be_bytes(*rows);
        }
        Some(())
    }
}

/// The contents of a mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Marked {
    /// This group and all before it are durable.
    Group(u64),
    /// A rebuild is in progress, or was interrupted: derived spaces are incomplete.
    Rebuilding,
    /// The file is not a mark.
    Unreadable,
}

/// The mark's file, open for writing.
pub(super) struct Mark {
    file: File,
    /// Unchanged until the rebuild ends.
    rebuilding: bool,
    /// Records the same outside the folder.
    follower: Follower,
}

impl Mark {
    /// Creates or resets the mark of a store; synced.
    pub(super) fn create(folder: &Path, says: Marked) -> io::Result<Self> {
        let file = OpenOptions::new().write(true).create(true).truncate(true).open(folder.join(MARK_FILE))?;
        let mut mark = Self { file, rebuilding: false, follower: Follower::none() };
        match says {
            Marked::Group(group) => mark.set(group)?,
            Marked::Rebuilding | Marked::Unreadable => {
                mark.file.write_all(format!("{MARK_FORMAT} {:>20}\n", "rebuilding").as_bytes())?;
                mark.rebuilding = true;
            }
        }
        mark.file.sync_all()?;
        Ok(mark)
    }

    /// Opens the mark of a store, and returns its contents.
    pub(super) fn open(folder: &Path) -> io::Result<(Self, Marked)> {
        let mut file = OpenOptions::new().read(true).write(true).open(folder.join(MARK_FILE))?;
        let mut text = String::new();
        let read = (&mut file).take(256).read_to_string(&mut text);
        let word = || text.strip_prefix(MARK_FORMAT)?.strip_prefix(' ')?.strip_suffix('\n');
        let says = match read.ok().and_then(|_| word()) {
            Some(number) if number.len() == 20 && number.trim_start() != "rebuilding" => {
                number.parse().map_or(Marked::Unreadable, Marked::Group)
            }
            Some(_) => Marked::Rebuilding,
            None => Marked::Unreadable,
        };
        Ok((Self { file, rebuilding: false, follower: Follower::none() }, says))
    }

    /// The mark, and an outer file that follows it.
    pub(super) fn followed_by(self, follower: Follower) -> Self {
        Self { follower, ..self }
    }

    /// Records another group: one short write over the old one, synced by the system in its own time. Does nothing during a
    /// rebuild.
    pub(super) fn set(&mut self, group: u64) -> io::Result<()> {
        if self.rebuilding {
            return Ok(());
        }
        self.file.rewind()?;
        self.file.write_all(format!("{MARK_FORMAT} {group:020}\n").as_bytes())?;
        self.follower.set(group)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seals_read_what_was_written() {
        let rows = (0..Space::ALL.len() as u64).map(|at| at * 1_000).collect();
        let tally = Tally { group: 9, rows };
        let mut read = Tally::default();
        for layout in Layout::ALL {
            let seal = tally.seal(layout);
            read.take_seal(layout, &seal).expect("reads");
            assert_eq!(Tally::default().take_seal(layout, &seal[..seal.len() - 1]), None);
        }
        assert_eq!(read, tally);
        assert_eq!(read.take_seal(Layout::Log, &tally.seal(Layout::Index)), None, "another tree's");
    }

    #[test]
    fn the_mark_is_found_again() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(Mark::open(folder.path()).is_err());
        let says = || Mark::open(folder.path()).expect("opens").1;
        Mark::create(folder.path(), Marked::Group(7)).expect("written").set(8).expect("written");
        assert_eq!(says(), Marked::Group(8));
        Mark::create(folder.path(), Marked::Rebuilding).expect("written").set(9).expect("nothing to do");
        assert_eq!(says(), Marked::Rebuilding);
        std::fs::write(folder.path().join(MARK_FILE), [0; 40]).expect("written");
        assert_eq!(says(), Marked::Unreadable);
    }
}
