//! Where a store stands, kept outside its folder: an older copy put in its place has everything that a store needs, and would be taken for the
//! newest.
//!
//! A file beside the store's folder names the newest group of batches, as the mark in the store does (see `seal`), and the run in which
//! it was written. Each run that writes has a number of its own, random, in that file and in the store. So the store that was served
//! from last is known from an older copy of it, which ends before the group, and from a copy that went on elsewhere, which has
//! another run. Both files are replaced one after the other; the outer one names the run before too, for a crash in between.

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
/// Digits of a group at the end of the outer file, and the end of its line.
const GROUP_BYTES: i64 = 21;

/// What a store is held against, and where that is kept.
#[derive(Debug, Clone)]
pub struct RollbackGuard {
    file: PathBuf,
    /// Which world it is, as one word.
    world: String,
}

/// What the outer file says.
struct Kept {
    world: String,
    runs: [String; 2],
    group: u64,
}

impl RollbackGuard {
    /// Of the store of a world, which `world` names in one word; kept in `file`.
    pub fn new(file: PathBuf, world: impl Into<String>) -> Self {
        Self { file, world: world.into() }
    }

    /// The newest group that was written, as far as is known.
    pub fn group(&self) -> Result<Option<u64>> {
        Ok(self.read()?.map(|kept| kept.group))
    }

    /// Refuses a store that is not the one that was written last: another's, an older one, or one that went on elsewhere. A store that an
    /// earlier version wrote has no standing yet.
    pub(super) fn check(&self, store: &Path, group: u64) -> Result<()> {
        match self.check_run(store)? {
            Some(kept) if group < kept => {
                let what = format!("it is older: groups of changes missing at its end: {}", kept - group);
                Err(self.refused(store, &what))
            }
            _ => Ok(()),
        }
    }

    /// The same as far as it can be told without the engine: world and run. Gives the newest group that the store must hold.
    pub(super) fn check_run(&self, store: &Path) -> Result<Option<u64>> {
        let run = match fs::read_to_string(store.join(RUN_FILE)) {
            Ok(run) => Some(run.trim_end().to_owned()),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(self.refused(store, &format!("its file {RUN_FILE} cannot be read: {error}"))),
        };
        let (kept, run) = match (self.read()?, run) {
            (None, None) => return Ok(None),
            (None, Some(_)) => {
                let what = format!("{}, which says how far it was, is missing", self.file.display());
                return Err(self.refused(store, &what));
            }
            (Some(_), None) => return Err(self.refused(store, "it is not the one that was served from last")),
            (Some(kept), Some(run)) => (kept, run),
        };
        if kept.world != self.world {
            return Err(self.refused(store, "world.json is that of another world"));
        }
        if !kept.runs.contains(&run) {
            return Err(self.refused(store, "it is a copy that was written to elsewhere, or an older copy"));
        }
        Ok(Some(kept.group))
    }

    /// Begins a run of its own for the process that writes from now on. A disk without room keeps the last one.
    pub(super) fn begin(&self, store: &Path, group: u64) -> Result<Follower> {
        if let Err(error) = self.replace_run(store, group)? {
            tracing::warn!(%error, "the store's standing stays that of the last run");
        }
        let file = OpenOptions::new().write(true).open(&self.file);
        Ok(Follower(file.inspect_err(|error| tracing::warn!(%error, "the store's standing cannot be written")).ok()))
    }

    /// Begins a run, and says whether it could be written.
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
            "the store {} is not the one that was served from last: {what}. Put the newest copy of the whole folder back; or go on \
             from what is there, by `lienthong store accept-rollback {folder}`: what was acknowledged since is lost then, and the logs \
             fork from what they have shown",
            store.display()
        );
        Error::new(Reason::StorageCorrupt, message)
    }
}

/// The outer file, open: it follows the groups.
pub(super) struct Follower(Option<File>);

impl Follower {
    /// Of a store that has no standing.
    pub(super) fn none() -> Self {
        Self(None)
    }

    /// Names another group: one short write over the old one, which the system brings to the disk in its own time.
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
        assert!(refusal(4).contains("groups of changes missing at its end: 1"), "{}", refusal(4));

        let copy = fs::read(store.join(RUN_FILE)).expect("a run");
        standing.begin(&store, 5).expect("written").set(5).expect("written");
        let newest = fs::read(store.join(RUN_FILE)).expect("a run");
        fs::write(store.join(RUN_FILE), &copy).expect("written");
        standing.check(&store, 5).expect("the last run wrote nothing, or crashed before it had its number");
        standing.begin(&store, 5).expect("written").set(6).expect("written");
        fs::write(store.join(RUN_FILE), &newest).expect("written");
        assert!(refusal(9).contains("was written to elsewhere"), "{}", refusal(9));
        fs::remove_file(store.join(RUN_FILE)).expect("removed");
        assert!(refusal(9).contains("accept-rollback"), "{}", refusal(9));
        fs::write(store.join(RUN_FILE), &copy).expect("written");
        let other = RollbackGuard::new(folder.path().join("standing"), "w2");
        assert!(other.check(&store, 9).expect_err("refused").message.contains("world.json"));
        fs::remove_file(folder.path().join("standing")).expect("removed");
        assert!(refusal(9).contains("is missing"), "{}", refusal(9));
    }
}
