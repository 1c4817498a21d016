//! A record, outside a store's folder, of its newest group: an older copy put in its place is complete in itself, and would be
//! taken for the newest.
//!
//! A file beside the store's folder names the newest group of batches, as the mark in the store does (see `seal`), and the run in
//! which it was written. Each run that writes has a random number of its own, in that file and in the store. So the store that was
//! served from last can be told from an older copy of it, which ends before the group, and from a copy that continued elsewhere,
//! which has another run. The two files are replaced one after the other; the outer one also names the previous run, for a crash in
//! between.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use super::file::{Readers, replace};
use crate::base::entropy::SystemEntropy;
use crate::base::id::to_hex;
use crate::base::{Entropy as _, Error, Reason, Result};

const FORMAT: &str = "lienthong/standing/v1";
/// The run's file in the store's folder.
pub(super) const RUN_FILE: &str = "run";
/// Length of the group and the newline at the end of the outer file.
const GROUP_BYTES: i64 = 21;

/// The outcome of accepting a store as the one to continue from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accepted {
    /// The last group of the store that was served last, as far as known.
    pub was: Option<u64>,
    /// The last group of the present store.
    pub is: u64,
    /// How many acknowledged groups the present store lacks; `None` where that cannot be told.
    pub missing: Option<u64>,
}

/// The outer file of a store, with which the store is compared.
#[derive(Debug, Clone)]
pub struct RollbackGuard {
    file: PathBuf,
    /// The world, as one word.
    world: String,
}

/// The contents of the outer file.
struct Kept {
    world: String,
    runs: [String; 2],
    group: u64,
}

impl RollbackGuard {
    /// The guard of the store of `world`, one word; recorded in `file`.
    pub fn new(file: PathBuf, world: impl Into<String>) -> Self {
        Self { file, world: world.into() }
    }

    /// The newest recorded group.
    pub fn group(&self) -> Result<Option<u64>> {
        Ok(self.read()?.map(|kept| kept.group))
    }

    /// Refuses a store that is not the one that was written last: another world's, an older one, or one that continued elsewhere. A
    /// store of an earlier version has no record yet.
    pub(super) fn check(&self, store: &Path, group: u64) -> Result<()> {
        match self.check_run(store)? {
            Some(kept) if group < kept => {
                let what = format!("it is older: groups of changes missing at its end: {}", kept - group);
                Err(self.refused(store, &what))
            }
            _ => Ok(()),
        }
    }

    /// The part of the check that needs no engine: world and run. Returns the newest group that the store must hold.
    pub(super) fn check_run(&self, store: &Path) -> Result<Option<u64>> {
        let run = match fs::read_to_string(store.join(RUN_FILE)) {
            Ok(run) => Some(run.trim_end().to_owned()),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(self.refused(store, &format!("its file {RUN_FILE} cannot be read: {error}"))),
        };
        let (kept, run) = match (self.read()?, run) {
            (None, None) => return Ok(None),
            (None, Some(_)) => {
                let what = format!("{}, which records its newest group, is missing", self.file.display());
                return Err(self.refused(store, &what));
            }
            (Some(_), None) => return Err(self.refused(store, "it is not the store that was served last")),
            (Some(kept), Some(run)) => (kept, run),
        };
        if kept.world != self.world {
            return Err(self.refused(store, "world.json belongs to another world"));
        }
        if !kept.runs.contains(&run) {
            return Err(self.refused(store, "it is a copy that was written to elsewhere, or an older copy"));
        }
        Ok(Some(kept.group))
    }

    /// How many of the groups that were acknowledged are missing at the end of a store that ends with `group`. `None` where that cannot be told: the
    /// record is lost, or the store continued elsewhere.
    pub(super) fn missing(&self, store: &Path, group: u64) -> Option<u64> {
        let kept = self.group().ok().flatten()?;
        let is_continued = self.check_run(store).is_ok();
        kept.checked_sub(group).filter(|missing| *missing > 0).or(is_continued.then_some(0))
    }

    /// Begins a new run for this process. If the disk is full, the last run continues.
    pub(super) fn begin(&self, store: &Path, group: u64) -> Result<Follower> {
        if let Err(error) = self.replace_run(store, group)? {
            tracing::warn!(%error, "the record of the last run is kept");
        }
        let file = OpenOptions::new().write(true).open(&self.file);
        Ok(Follower(
            file.inspect_err(
                |error| tracing::warn!(%error, "the record of the store's newest group cannot be written"),
            )
            .ok(),
        ))
    }

    /// Begins a new run, and returns whether it could be written.
    pub(super) fn replace_run(&self, store: &Path, group: u64) -> Result<io::Result<()>> {
        let mut run = [0; 16];
        SystemEntropy::default().fill(&mut run)?;
        let run = to_hex(&run);
        let before = fs::read_to_string(store.join(RUN_FILE)).map(|run| run.trim_end().to_owned()).ok();
        let line = format!("{FORMAT} {} {} {run} {group:020}\n", self.world, before.as_ref().unwrap_or(&run));
        Ok(replace(&self.file, line.as_bytes(), Readers::Owner)
            .and_then(|()| replace(&store.join(RUN_FILE), format!("{run}\n").as_bytes(), Readers::Owner)))
    }

    fn read(&self) -> Result<Option<Kept>> {
        let unreadable = |why: &str| {
            let message = format!(
                "{} is not what was written: {why}; restore it from a copy, or accept the store as it is with `lienthong store accept-rollback`",
                self.file.display()
            );
            Error::new(Reason::StorageCorrupt, message)
        };
        let text = match fs::read_to_string(&self.file) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(unreadable(&error.to_string())),
        };
        let words: Vec<&str> = text.trim_end().split(' ').collect();
        match words.as_slice() {
            [FORMAT, world, before, run, group] => {
                let group = group.parse().map_err(|_| unreadable("it does not end with a number"))?;
                Ok(Some(Kept { world: (*world).to_owned(), runs: [*before, *run].map(str::to_owned), group }))
            }
            _ => Err(unreadable("it has another format")),
        }
    }

    fn refused(&self, store: &Path, what: &str) -> Error {
        let folder = store.parent().unwrap_or(store).display();
        let message = format!(
            "the store {} is not the one that was served from last: {what}. Restore the newest copy of the whole folder; or continue \
             with the present store, by `lienthong store accept-rollback {folder}`: everything acknowledged since is then lost, and the logs \
             fork from what they have shown",
            store.display()
        );
        Error::new(Reason::StorageCorrupt, message)
    }
}

/// The outer file, kept open to record groups.
pub(super) struct Follower(Option<File>);

impl Follower {
    /// For a store without a record.
    pub(super) fn none() -> Self {
        Self(None)
    }

    /// Records another group: one short write over the old one, synced by the system in its own time.
    pub(super) fn set(&mut self, group: u64) -> io::Result<()> {
        let Some(file) = &mut self.0 else { return Ok(()) };
        file.seek(SeekFrom::End(-GROUP_BYTES))?;
        file.write_all(format!("{group:020}\n").as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_store_that_was_written_last_is_taken() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = folder.path().join("store");
        fs::create_dir(&store).expect("made");
        let standing = RollbackGuard::new(folder.path().join("standing"), "w1");
        let refusal = |group| standing.check(&store, group).expect_err("refused").message.clone();
        standing.check(&store, 0).expect("it has none yet");
        standing.begin(&store, 3).expect("written").set(5).expect("written");
        assert_eq!(standing.group().expect("read"), Some(5));
        standing.check(&store, 5).expect("the same");
        standing.check(&store, 6).expect("the last group may not have been noted");
        assert_eq!([4, 5, 6].map(|group| standing.missing(&store, group)), [Some(1), Some(0), Some(0)]);
        assert!(refusal(4).contains("groups of changes missing at its end: 1"), "{}", refusal(4));

        let copy = fs::read(store.join(RUN_FILE)).expect("a run");
        standing.begin(&store, 5).expect("written").set(5).expect("written");
        let newest = fs::read(store.join(RUN_FILE)).expect("a run");
        fs::write(store.join(RUN_FILE), &copy).expect("written");
        standing.check(&store, 5).expect("the last run wrote nothing, or crashed before it had its number");
        standing.begin(&store, 5).expect("written").set(6).expect("written");
        fs::write(store.join(RUN_FILE), &newest).expect("written");
        assert!(refusal(9).contains("was written to elsewhere"), "{}", refusal(9));
        assert_eq!(standing.missing(&store, 9), None);
        fs::remove_file(store.join(RUN_FILE)).expect("removed");
        assert!(refusal(9).contains("accept-rollback"), "{}", refusal(9));
        fs::write(store.join(RUN_FILE), &copy).expect("written");
        let other = RollbackGuard::new(folder.path().join("standing"), "w2");
        assert!(other.check(&store, 9).expect_err("refused").message.contains("world.json"));
        fs::remove_file(folder.path().join("standing")).expect("removed");
        assert!(refusal(9).contains("is missing"), "{}", refusal(9));
        assert_eq!(standing.missing(&store, 9), None);
    }
}
