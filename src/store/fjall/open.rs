//! Opening a folder: a store that exists is held against its own seals and its mark before anybody reads from it.
//!
//! The engine by itself goes on without what it does not find: a tree whose folder is gone begins anew, one that its catalogue does
//! not name is deleted, and a journal that ends early is an earlier state. All that looks like "no such record" from above. So what
//! the engine would pass over is looked for before it opens, and what it opened is compared with what was written.

use std::io;
use std::path::Path;

use fjall::{CompressionType, Database};

use super::{FILES_OPEN_MAX, FjallOptions, Keyspaces, MIB, contained, inner_key, remains};
use crate::base::{Error, Reason, Result};
use crate::store::seal::{MARK_FILE, Mark, Marked, SEAL_KEY, Tally};
use crate::store::{Layout, Space};

/// What the opener expects of the folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expect {
    /// No store: one begins.
    Nothing,
    /// A whole store.
    Store,
    /// A store whose derived spaces may be damaged or gone, or whose rows were never counted. Its tally is not to be trusted.
    Remains,
}

/// An opened folder.
pub(super) struct Opened {
    pub(super) database: Database,
    pub(super) keyspaces: Keyspaces,
    pub(super) tally: Tally,
    pub(super) mark: Mark,
}

/// Whether the folder holds a store, whole or not.
pub(super) fn holds_store(path: &Path) -> bool {
    path.join("version").exists() || path.join("keyspaces").exists() || path.join(MARK_FILE).exists()
}

/// Opens the folder. `Expect::Nothing` fails where there is a store.
pub(super) fn open(path: &Path, options: FjallOptions, expect: Expect) -> Result<Opened> {
    match expect {
        Expect::Nothing if holds_store(path) => {
            let message = format!("the data folder {} holds a store already", path.display());
            return Err(Error::new(Reason::ConfigurationInvalid, message));
        }
        Expect::Nothing => prepare_folder(path)?,
        Expect::Store | Expect::Remains => check_files(path, expect)?,
    }
    let opened = contained(|| {
        Database::builder(path)
            .cache_size(options.cache_bytes)
            .worker_threads(options.workers.max(1))
            .max_journaling_size(256 * MIB)
            .max_cached_files(Some(FILES_OPEN_MAX))
            // Rows are compressed when they settle in tables; in the journal they are passing through.
            .journal_compression(CompressionType::None)
            .open()
    });
    let database = opened.map_err(|why| damaged(path, &why))?.map_err(|error| open_error(path, error))?;
    if expect != Expect::Nothing {
        check_trees(path, &database, expect)?;
    }
    let keyspaces = Keyspaces::open(&database, options).map_err(|error| open_error(path, error))?;
    let cannot = |error: io::Error| unwritable(path, error);
    let (tally, mark) = match expect {
        Expect::Nothing => begin(path, &database, &keyspaces)?,
        Expect::Store => {
            let (mark, says) = Mark::open(path).map_err(cannot)?;
            let tally = check_seals(path, &keyspaces, says)?;
            check_edges(path, &keyspaces, &tally)?;
            (tally, mark)
        }
        Expect::Remains => {
            // Nothing is written before everything that cannot be made again was read, and found to be all that there was.
            let sealed = check_kept(path, &keyspaces)?;
            let tally = remains::count(path, &keyspaces)?;
            check_counts(path, &tally, sealed.as_ref())?;
            let mark = Mark::create(path, Marked::Rebuilding).map_err(cannot)?;
            remains::clear(path, &database, &keyspaces)?;
            (tally, mark)
        }
    };
    Ok(Opened { database, keyspaces, tally, mark })
}

/// The first seals and the mark of a new store.
fn begin(path: &Path, database: &Database, keyspaces: &Keyspaces) -> Result<(Tally, Mark)> {
    let tally = Tally::default();
    let mut batch = fjall::OwnedWriteBatch::with_capacity(database.clone(), Layout::ALL.len());
    for layout in Layout::ALL {
        batch.insert(keyspaces.tree(layout), SEAL_KEY, tally.seal(layout));
    }
    let written = batch.durability(Some(fjall::PersistMode::SyncAll)).commit();
    written.map_err(|error| open_error(path, error))?;
    let mark = Mark::create(path, Marked::Group(tally.group)).map_err(|error| unwritable(path, error))?;
    Ok((tally, mark))
}

/// The files without which the engine would begin anew, or delete what it does not know.
fn check_files(path: &Path, expect: Expect) -> Result<()> {
    if !holds_store(path) {
        return Err(damaged(path, "the store is missing"));
    }
    if !path.join("version").exists() {
        return Err(damaged(path, "the engine's version file is missing"));
    }
    let trees = path.join("keyspaces");
    if !trees.join("0").join("current").exists() {
        return Err(damaged(path, "the catalogue of its trees is missing"));
    }
    if expect == Expect::Remains {
        return Ok(());
    }
    let listed =
        std::fs::read_dir(&trees).map_err(|error| damaged(path, &format!("its trees cannot be listed: {error}")))?;
    for tree in listed.flatten().filter(|entry| entry.path().is_dir()) {
        if !tree.path().join("current").exists() {
            let name = tree.file_name();
            return Err(damaged(path, &format!("tree {} has no current version", name.to_string_lossy())));
        }
    }
    if !path.join(MARK_FILE).exists() {
        return Err(uncounted(path));
    }
    Ok(())
}

/// Every tree has to be there; of remains, those that nothing else can make again.
fn check_trees(path: &Path, database: &Database, expect: Expect) -> Result<()> {
    let found = database.list_keyspace_names();
    let missing = |layout: &&Layout| !found.iter().any(|name| &**name == layout.name());
    let missing: Vec<Space> = Layout::ALL.iter().filter(missing).flat_map(|layout| spaces_of(*layout)).collect();
    match expect {
        Expect::Remains if missing.iter().all(|space| space.is_derived()) => Ok(()),
        _ if missing.is_empty() => Ok(()),
        _ => Err(lost(path, &missing, "are missing")),
    }
}

/// Every tree names the same group, and none an earlier one than the mark.
fn check_seals(path: &Path, keyspaces: &Keyspaces, mark: Marked) -> Result<Tally> {
    if mark == Marked::Rebuilding {
        let message =
            format!("the rebuild of the data folder {} did not come to its end: run it again", path.display());
        return Err(Error::new(Reason::StorageCorrupt, message));
    }
    let mut tally = Tally::default();
    let mut groups = Vec::with_capacity(Layout::ALL.len());
    let mut unsealed = Vec::new();
    for layout in Layout::ALL {
        let read = contained(|| keyspaces.tree(layout).get(SEAL_KEY)).map_err(|why| damaged(path, &why))?;
        match read.map_err(|error| open_error(path, error))? {
            Some(seal) => {
                let taken = tally.take_seal(layout, &seal);
                taken.ok_or_else(|| lost(path, &spaces_of(layout), "have a seal that cannot be read"))?;
                groups.push((layout, tally.group));
            }
            None => unsealed.push(layout),
        }
    }
    if unsealed.len() == Layout::ALL.len() {
        return Err(uncounted(path));
    }
    if let Some(layout) = unsealed.first() {
        return Err(lost(path, &spaces_of(*layout), "are empty"));
    }
    let newest = groups.iter().map(|(_, group)| *group).max().unwrap_or_default();
    if let Some((layout, _)) = groups.iter().find(|(_, group)| *group != newest) {
        return Err(lost(path, &spaces_of(*layout), "are older than the others"));
    }
    match mark {
        Marked::Group(mark) if mark > newest => {
            let message = format!("{} acknowledged groups of changes are missing from its end", mark - newest);
            Err(damaged(path, &message))
        }
        Marked::Group(_) => Ok(tally),
        Marked::Rebuilding | Marked::Unreadable => {
            Err(damaged(path, &format!("its file {MARK_FILE} is not what was written")))
        }
    }
}

/// What a rebuild keeps has to be as new as the mark says: a rebuild makes derived rows again, and would make a loss of others look
/// whole. Gives what the seals count; `None` for a store of an earlier version, which has neither seals nor a mark.
fn check_kept(path: &Path, keyspaces: &Keyspaces) -> Result<Option<Tally>> {
    let mut tally = Tally::default();
    let mut groups = Vec::new();
    let kept = [Layout::Rows, Layout::Log];
    for layout in kept {
        let read = contained(|| keyspaces.tree(layout).get(SEAL_KEY)).map_err(|why| damaged(path, &why))?;
        if let Some(seal) = read.map_err(|error| open_error(path, error))? {
            let taken = tally.take_seal(layout, &seal);
            taken.ok_or_else(|| lost(path, &kept_of(layout), "have a seal that cannot be read"))?;
            groups.push((layout, tally.group));
        }
    }
    let mark = path.join(MARK_FILE).exists();
    let says = match mark {
        true => Some(Mark::open(path).map_err(|error| unwritable(path, error))?.1),
        false => None,
    };
    match (groups.as_slice(), says) {
        ([], None) => Ok(None),
        ([(_, rows), (_, log)], Some(Marked::Group(mark))) if rows == log && mark > *rows => {
            let message = format!("{} acknowledged groups of changes are missing from its end", mark - rows);
            Err(damaged(path, &message))
        }
        ([(_, rows), (_, log)], Some(Marked::Group(_) | Marked::Rebuilding)) if rows == log => Ok(Some(tally)),
        ([(one, rows), (other, log)], _) if rows != log => {
            let older = if rows < log { *one } else { *other };
            Err(lost(path, &kept_of(older), "are older than the others"))
        }
        ([(layout, _)], _) => {
            let other = kept.into_iter().find(|other| other != layout).unwrap_or(*layout);
            Err(lost(path, &kept_of(other), "are empty"))
        }
        _ => Err(damaged(path, &format!("its file {MARK_FILE} is missing or not what was written"))),
    }
}

/// The spaces of a layout that nothing else can make again.
fn kept_of(layout: Layout) -> Vec<Space> {
    spaces_of(layout).into_iter().filter(|space| !space.is_derived()).collect()
}

/// No space that is kept has fewer rows than were counted when they were written.
fn check_counts(path: &Path, found: &Tally, sealed: Option<&Tally>) -> Result<()> {
    let Some(sealed) = sealed else { return Ok(()) };
    let fewer = |space: &&Space| !space.is_derived() && found.rows[space.index()] < sealed.rows[space.index()];
    let short: Vec<Space> = Space::ALL.iter().filter(fewer).copied().collect();
    if short.is_empty() { Ok(()) } else { Err(lost(path, &short, "are fewer than were counted")) }
}

/// A space has a first and a last row exactly if it counts any, and both can be read.
fn check_edges(path: &Path, keyspaces: &Keyspaces, tally: &Tally) -> Result<()> {
    for space in Space::ALL {
        let rows = tally.rows[space.index()];
        let (from, to) = (inner_key(*space, &[]), [space.code() + 1]);
        let range = || keyspaces.of(*space).range(from.clone()..to[..].into());
        let edges = contained(|| {
            let first = range().next().map(fjall::Guard::into_inner).transpose()?;
            let last = range().next_back().map(fjall::Guard::into_inner).transpose()?;
            Ok::<_, fjall::Error>(first.is_some() && last.is_some())
        });
        let unreadable = |why: String| lost(path, &[*space], "cannot be read").with_source(why);
        let found = edges.map_err(unreadable)?.map_err(|error| unreadable(error.to_string()))?;
        if found != (rows > 0) {
            let what = if found { "counts no rows and has some" } else { "counts rows and has none" };
            return Err(lost(path, &[*space], what));
        }
    }
    Ok(())
}

fn spaces_of(layout: Layout) -> Vec<Space> {
    Space::ALL.iter().copied().filter(|space| space.layout() == layout).collect()
}

/// Creates the folder, and tries a file in it: the engine's own complaints do not name the folder.
fn prepare_folder(path: &Path) -> Result<()> {
    let refused = |error: io::Error| unwritable(path, error);
    std::fs::create_dir_all(path).map_err(refused)?;
    let probe = path.join(format!(".probe-{}", std::process::id()));
    std::fs::write(&probe, []).map_err(refused)?;
    std::fs::remove_file(&probe).map_err(refused)
}

fn unwritable(path: &Path, error: io::Error) -> Error {
    let message = format!("the data folder {} cannot be written: {error}", path.display());
    Error::new(Reason::ConfigurationInvalid, message).with_source(error)
}

pub(super) fn damaged(path: &Path, what: &str) -> Error {
    let message = format!("the data folder {} is damaged: {what}; restore it from a copy", path.display());
    Error::new(Reason::StorageCorrupt, message)
}

/// Spaces that are not what was written, and what to do about it.
fn lost(path: &Path, spaces: &[Space], what: &str) -> Error {
    let names: Vec<&str> = spaces.iter().map(|space| space.name()).collect();
    let remedy = match spaces.iter().all(|space| space.is_derived()) {
        true => "`lienthong store rebuild` makes them again from the ledgers and records",
        false => "restore it from a copy",
    };
    let (folder, names) = (path.display(), names.join(", "));
    let message = format!("the data folder {folder} is damaged: the rows of {names} {what}; {remedy}");
    Error::new(Reason::StorageCorrupt, message)
}

/// A store whose rows were never counted: an earlier version wrote it.
fn uncounted(path: &Path) -> Error {
    let folder = path.display();
    let message = format!(
        "the data folder {folder} has no count of its rows: if an earlier version wrote it, `lienthong store rebuild` counts them \
         once; if not, restore it from a copy"
    );
    Error::new(Reason::StorageCorrupt, message)
}

/// Says what to do about a folder that does not open.
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
                _ => "its files are not what was written",
            };
            return damaged(path, what).with_source(error);
        }
    };
    Error::new(reason, message).with_source(error)
}

/// Whether an error of the system speaks of the bytes, not of the machine's means: a file that ends early or is gone, a block
/// that the disk does not give back.
pub(in crate::store) fn is_damage(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidData, InvalidInput, NotFound, UnexpectedEof};
    const EIO: i32 = 5;
    matches!(error.kind(), UnexpectedEof | NotFound | InvalidData | InvalidInput) || error.raw_os_error() == Some(EIO)
}
