//! Prepares a damaged store for a rebuild: empties derived spaces, and counts everything else.
//!
//! Only one process works on the folder, and nobody is served from it, so this writes past the committer. The mark says that a
//! rebuild is in progress; until it ends, no start accepts the folder.

use std::path::Path;

use fjall::{Database, Guard, PersistMode};

use super::fault::{contained, damaged, open_error};
use super::keyspaces::{Keyspaces, inner_key};
use crate::base::{Error, Result};
use crate::store::seal::Tally;
use crate::store::{Layout, Space};

/// Rows deleted in one batch of the engine.
const ROWS_DELETED: usize = 4_096;

/// Counts the kept spaces by reading every row; `group` is the newest in their seals. Writes nothing.
pub(super) fn count(path: &Path, keyspaces: &Keyspaces, group: u64) -> Result<Tally> {
    told(path, || {
        let mut tally = Tally { group, ..Tally::default() };
        for space in Space::ALL.iter().filter(|space| !space.is_derived()) {
            tally.rows[space.index()] = count_of(*space, keyspaces)?;
        }
        Ok(tally)
    })
}

/// Reads the keys of derived rows that share a tree with others: only rows that can be read can be deleted.
pub(super) fn check_clearable(path: &Path, keyspaces: &Keyspaces) -> Result<()> {
    told(path, || {
        beside_others().try_for_each(|space| rows(space, keyspaces).try_for_each(|row| row.key().map(|_| ())))
    })
}

/// The derived spaces that share a tree with others.
fn beside_others() -> impl Iterator<Item = Space> {
    Space::ALL.iter().copied().filter(|space| space.is_derived() && space.layout() != Layout::Index)
}

/// Empties the derived spaces.
pub(super) fn clear(path: &Path, database: &Database, keyspaces: &Keyspaces) -> Result<()> {
    told(path, || {
        // A tree of derived spaces alone is removed as a whole, so that unreadable parts of it do no harm.
        keyspaces.tree(Layout::Index).clear()?;
        beside_others().try_for_each(|space| empty(space, database, keyspaces))
    })
}

/// Translates the engine's errors and panics into those of the folder.
fn told<T>(path: &Path, work: impl FnOnce() -> fjall::Result<T>) -> Result<T> {
    match contained(work) {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(error)) => Err(open_error(path, error)),
        Err(panicked) => Err::<_, Error>(damaged(path, &panicked)),
    }
}

fn rows(space: Space, keyspaces: &Keyspaces) -> fjall::Iter {
    keyspaces.of(space).range(inner_key(space, &[])..[space.code() + 1][..].into())
}

/// Reads every row with its value, and counts.
fn count_of(space: Space, keyspaces: &Keyspaces) -> fjall::Result<u64> {
    rows(space, keyspaces).try_fold(0, |count, row| row.into_inner().map(|_| count + 1))
}

fn empty(space: Space, database: &Database, keyspaces: &Keyspaces) -> fjall::Result<()> {
    loop {
        let keys: Vec<_> = rows(space, keyspaces).take(ROWS_DELETED).map(Guard::key).collect::<fjall::Result<_>>()?;
        if keys.is_empty() {
            return Ok(());
        }
        let mut batch = fjall::OwnedWriteBatch::with_capacity(database.clone(), keys.len());
        for key in keys {
            batch.remove(keyspaces.of(space), key);
        }
        batch.durability(Some(PersistMode::Buffer)).commit()?;
    }
}
