//! Opens a folder: an existing store is compared with its own seals and its mark before anybody reads from it.
//!
//! The engine by itself tolerates losses: it recreates a tree whose folder is missing, deletes one that its catalogue does not
//! name, and truncates a journal at the first unreadable entry. To its callers all that looks like "no such record". So a store
//! that is not as the engine left it is opened in a view first, where nothing of it can be lost, and the result is compared with
//! what was written.

#![allow(clippy::disallowed_methods, reason = "back-off before a lock")]

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;
use std::time::Duration;

use fjall::{CompressionType, Database};

use super::fault::{contained, damaged, lost, open_error, uncounted, unwritable};
use super::imprint::Imprint;
use super::keyspaces::{Keyspaces, inner_key};
use super::options::{FILES_OPEN_MAX, FjallOptions, MIB};
use super::remains;
use super::view::{LOCK_FILE, View};
use crate::base::{Error, Reason, Result};
use crate::store::rollback::RUN_FILE;
use crate::store::seal::{MARK_FILE, Mark, Marked, SEAL_KEY, Tally};
use crate::store::{Layout, RollbackGuard, Space};

/// The engine's files.
const VERSION_FILE: &str = "version";
/// Attempts to take the lock: a process that ends holds it until the last of its tasks is dropped.
const LOCK_TRIES: usize = 20;
const LOCK_RETRY: Duration = Duration::from_millis(50);
/// The first bytes of the engine's version file; the number of its format follows.
const ENGINE: &[u8] = b"FJL";

/// An opened folder.
pub(super) struct Opened {
    pub(super) database: Database,
    pub(super) keyspaces: Keyspaces,
    pub(super) tally: Tally,
    pub(super) mark: Mark,
    /// `None` for a view.
    pub(super) imprint: Option<Imprint>,
}

/// Whether the folder holds a store, complete or not.
pub(super) fn holds_store(path: &Path) -> bool {
    path.join(VERSION_FILE).exists() || path.join("keyspaces").exists() || path.join(MARK_FILE).exists()
}

/// Creates a store. Fails if there is one.
pub(super) fn create(path: &Path, options: FjallOptions) -> Result<Opened> {
    if holds_store(path) {
        let message = format!("the data folder {} holds a store already", path.display());
        return Err(Error::new(Reason::ConfigurationInvalid, message));
    }
    prepare_folder(path)?;
    let database = engine(path, path, options)?;
    let keyspaces = Keyspaces::open(&database, options).map_err(|error| open_error(path, error))?;
    let (tally, mark) = begin(path, &database, &keyspaces)?;
    Ok(Opened { database, keyspaces, tally, mark, imprint: Some(Imprint::at_the_end_of(path)) })
}

/// Opens a whole store, which must match `guard`.
pub(super) fn whole(path: &Path, options: FjallOptions, guard: Option<&RollbackGuard>) -> Result<Opened> {
    check_files(path)?;
    let lock = lock(path)?;
    if let Some(guard) = guard {
        guard.check_run(path)?;
    }
    if !Imprint::holds(path) {
        match View::beside(path) {
            Ok(view) => {
                let seen = whole_at(path, view.path(), options)?;
                guard.map_or(Ok(()), |guard| guard.check(path, seen.tally.group))?;
            }
            Err(error) => tracing::warn!(%error, "no view of the store can be made; it is opened in place, unchecked"),
        }
    }
    drop(lock);
    let Opened { database, keyspaces, tally, mut mark, .. } = whole_at(path, path, options)?;
    if let Some(guard) = guard {
        guard.check(path, tally.group)?;
        mark = mark.followed_by(guard.begin(path, tally.group)?);
    }
    Ok(Opened { database, keyspaces, tally, mark, imprint: Some(Imprint::at_the_end_of(path)) })
}

/// Opens a whole store in a view: nothing in the folder is changed.
pub(super) fn whole_in_view(
    path: &Path,
    options: FjallOptions,
    guard: Option<&RollbackGuard>,
) -> Result<(Opened, View)> {
    check_files(path)?;
    let view = view_elsewhere(path)?;
    let opened = whole_at(path, view.path(), options)?;
    if let Some(guard) = guard {
        guard.check(path, opened.tally.group)?;
    }
    Ok((opened, view))
}

/// Opens a store whose derived spaces may be damaged or missing, or whose rows were never counted, and empties those spaces.
/// Nothing is written before everything that cannot be derived was read and is complete.
pub(super) fn remains(path: &Path, options: FjallOptions, guard: Option<&RollbackGuard>) -> Result<Opened> {
    check_engine_files(path)?;
    let lock = lock(path)?;
    let view = View::beside(path).map_err(|error| unwritable(path, error))?;
    let tally = {
        let (_database, keyspaces) = kept_at(path, view.path(), options)?;
        let sealed = check_kept(path, view.path(), &keyspaces)?;
        let group = sealed.as_ref().map_or(0, |sealed| sealed.group);
        let tally = remains::count(path, &keyspaces, group)?;
        check_counts(path, &tally, sealed.as_ref())?;
        remains::check_clearable(path, &keyspaces)?;
        if let Some(guard) = guard {
            guard.check(path, tally.group)?;
        }
        tally
    };
    drop((view, lock));
    let (database, keyspaces) = kept_at(path, path, options)?;
    let mark = Mark::create(path, Marked::Rebuilding).map_err(|error| unwritable(path, error))?;
    remains::clear(path, &database, &keyspaces)?;
    Ok(Opened { database, keyspaces, tally, mark, imprint: Some(Imprint::at_the_end_of(path)) })
}

fn view_elsewhere(path: &Path) -> Result<View> {
    View::elsewhere(path).map_err(|error| {
        let (folder, temporary) = (path.display(), std::env::temp_dir());
        let message = format!(
            "no view of the data folder {folder} can be made in {}: {error}; TMPDIR chooses another place",
            temporary.display()
        );
        Error::new(Reason::ConfigurationInvalid, message).with_source(error)
    })
}

/// Opens the files at `at`: the store at `path`, or a view of it.
fn whole_at(path: &Path, at: &Path, options: FjallOptions) -> Result<Opened> {
    let database = engine(path, at, options)?;
    let missing = missing_trees(&database);
    if !missing.is_empty() {
        return Err(lost(path, &missing, "are missing"));
    }
    let keyspaces = Keyspaces::open(&database, options).map_err(|error| open_error(path, error))?;
    let (mark, says) = Mark::open(at).map_err(|error| unwritable(path, error))?;
    let tally = check_seals(path, &keyspaces, says)?;
    check_edges(path, &keyspaces, &tally)?;
    Ok(Opened { database, keyspaces, tally, mark, imprint: None })
}

/// The same for a store that may lack whole trees of derived spaces.
fn kept_at(path: &Path, at: &Path, options: FjallOptions) -> Result<(Database, Keyspaces)> {
    let database = engine(path, at, options)?;
    let missing = missing_trees(&database);
    if !missing.iter().all(|space| space.is_derived()) {
        return Err(lost(path, &missing, "are missing"));
    }
    let keyspaces = Keyspaces::open(&database, options).map_err(|error| open_error(path, error))?;
    Ok((database, keyspaces))
}

fn engine(path: &Path, at: &Path, options: FjallOptions) -> Result<Database> {
    let opened = contained(|| {
        Database::builder(at)
            .cache_size(options.cache_bytes)
            .worker_threads(options.workers.max(1))
            .max_journaling_size(256 * MIB)
            .max_cached_files(Some(FILES_OPEN_MAX))
            // Rows are compressed in tables; the journal keeps them for a short time only.
            .journal_compression(CompressionType::None)
            .open()
    });
    opened.map_err(|why| damaged(path, &why))?.map_err(|error| open_error(path, error))
}

/// Takes the engine's lock, and creates its file, which has no contents, if it is missing.
fn lock(path: &Path) -> Result<File> {
    let file = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(path.join(LOCK_FILE));
    let file = file.map_err(|error| unwritable(path, error))?;
    for _ in 0..LOCK_TRIES {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => std::thread::sleep(LOCK_RETRY),
            Err(TryLockError::Error(error)) => return Err(unwritable(path, error)),
        }
    }
    Err(open_error(path, fjall::Error::Locked))
}

/// Writes the first seals and the mark of a new store.
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

/// Checks the files without which the engine would create a new store, or delete trees that it does not know.
fn check_engine_files(path: &Path) -> Result<()> {
    if !holds_store(path) {
        return Err(damaged(path, "the store is missing"));
    }
    match std::fs::read(path.join(VERSION_FILE)) {
        Ok(version) if version.starts_with(ENGINE) => {}
        Ok(_) => return Err(damaged(path, "the engine's version file differs from what was written")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(damaged(path, "the engine's version file is missing"));
        }
        Err(error) => return Err(damaged(path, &format!("the engine's version file cannot be read: {error}"))),
    }
    if !path.join("keyspaces").join("0").join("current").exists() {
        return Err(damaged(path, "the catalogue of its trees is missing"));
    }
    Ok(())
}

/// Checks that a store's files are complete.
fn check_files(path: &Path) -> Result<()> {
    check_engine_files(path)?;
    let listed = std::fs::read_dir(path.join("keyspaces"));
    let listed = listed.map_err(|error| damaged(path, &format!("its trees cannot be listed: {error}")))?;
    for tree in listed.flatten().filter(|entry| entry.path().is_dir()) {
        if !tree.path().join("current").exists() {
            let name = tree.file_name();
            return Err(damaged(path, &format!("tree {} has no current version", name.to_string_lossy())));
        }
    }
    match (path.join(MARK_FILE).exists(), path.join(RUN_FILE).exists()) {
        (true, _) => Ok(()),
        (false, true) => Err(damaged(path, &format!("its file {MARK_FILE} is missing"))),
        (false, false) => Err(uncounted(path)),
    }
}

/// The spaces whose trees are missing.
fn missing_trees(database: &Database) -> Vec<Space> {
    let found = database.list_keyspace_names();
    let missing = |layout: &&Layout| !found.iter().any(|name| &**name == layout.name());
    spaces_of_all(Layout::ALL.iter().filter(missing).copied())
}

/// Checks that every tree names the same group, and none an earlier one than the mark.
fn check_seals(path: &Path, keyspaces: &Keyspaces, mark: Marked) -> Result<Tally> {
    if mark == Marked::Rebuilding {
        let message = format!("the rebuild of the data folder {} was interrupted: run it again", path.display());
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
        // A store with a mark has seals.
        return Err(damaged(path, "no tree has its seal: the journal or its tables are missing"));
    }
    if !unsealed.is_empty() {
        return Err(lost(path, &spaces_of_all(unsealed), "are empty"));
    }
    let newest = groups.iter().map(|(_, group)| *group).max().unwrap_or_default();
    let older = spaces_of_all(groups.into_iter().filter(|(_, group)| *group != newest).map(|(layout, _)| layout));
    if !older.is_empty() {
        return Err(lost(path, &older, "are older than the others"));
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

/// Checks that the part of a store that a rebuild keeps is as new as the mark: a rebuild derives the other rows again, and would
/// hide a loss. Returns the counts of the seals; `None` for a store of an earlier version, which has neither seals nor a mark.
fn check_kept(path: &Path, at: &Path, keyspaces: &Keyspaces) -> Result<Option<Tally>> {
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
    let mark = at.join(MARK_FILE).exists();
    let says = match mark {
        true => Some(Mark::open(at).map_err(|error| unwritable(path, error))?.1),
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

/// The spaces of a layout that cannot be derived.
fn kept_of(layout: Layout) -> Vec<Space> {
    spaces_of(layout).into_iter().filter(|space| !space.is_derived()).collect()
}

/// Checks that no kept space has fewer rows than were counted when they were written.
fn check_counts(path: &Path, found: &Tally, sealed: Option<&Tally>) -> Result<()> {
    let Some(sealed) = sealed else { return Ok(()) };
    let fewer = |space: &&Space| !space.is_derived() && found.rows[space.index()] < sealed.rows[space.index()];
    let short: Vec<Space> = Space::ALL.iter().filter(fewer).copied().collect();
    if short.is_empty() { Ok(()) } else { Err(lost(path, &short, "are fewer than the store counted")) }
}

/// Checks that a space has a first and a last row exactly if its count is positive, and that both can be read.
fn check_edges(path: &Path, keyspaces: &Keyspaces, tally: &Tally) -> Result<()> {
    let mut wrong: BTreeMap<&'static str, Vec<Space>> = BTreeMap::new();
    let mut cause = None;
    for space in Space::ALL {
        let (from, to) = (inner_key(*space, &[]), [space.code() + 1]);
        let range = || keyspaces.of(*space).range(from.clone()..to[..].into());
        let edges = contained(|| {
            let first = range().next().map(fjall::Guard::into_inner).transpose()?;
            let last = range().next_back().map(fjall::Guard::into_inner).transpose()?;
            Ok::<_, fjall::Error>(first.is_some() && last.is_some())
        });
        let what = match edges.and_then(|found| found.map_err(|error| error.to_string())) {
            Ok(found) if found == (tally.rows[space.index()] > 0) => continue,
            Ok(true) => "have a count of zero, but rows",
            Ok(false) => "have a count, but no rows",
            Err(why) => {
                cause = Some(why);
                "cannot be read"
            }
        };
        wrong.entry(what).or_default().push(*space);
    }
    let Some(what) = wrong.keys().next() else { return Ok(()) };
    let (whats, spaces): (Vec<_>, Vec<_>) =
        (wrong.keys().copied().collect(), wrong.values().flatten().copied().collect());
    let error = lost(path, &spaces, if whats.len() == 1 { what } else { "contradict their counts or cannot be read" });
    Err(cause.into_iter().fold(error, Error::with_source))
}

fn spaces_of_all(layouts: impl IntoIterator<Item = Layout>) -> Vec<Space> {
    layouts.into_iter().flat_map(spaces_of).collect()
}

fn spaces_of(layout: Layout) -> Vec<Space> {
    Space::ALL.iter().copied().filter(|space| space.layout() == layout).collect()
}

/// Creates the folder, and writes a file in it for a test: the engine's own errors do not name the folder.
fn prepare_folder(path: &Path) -> Result<()> {
    let refused = |error: io::Error| unwritable(path, error);
    std::fs::create_dir_all(path).map_err(refused)?;
    let probe = path.join(format!(".probe-{}", std::process::id()));
    std::fs::write(&probe, []).map_err(refused)?;
    std::fs::remove_file(&probe).map_err(refused)
}
