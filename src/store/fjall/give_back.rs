//! Freeing the rows that only a snapshot could still read.
//!
//! As long as a snapshot is open, the engine keeps every table and every buffer that it has replaced since. Of what has become free it takes notice
//! only when it rotates a buffer (`Keyspace::rotate_memtable`), which only writes bring about. So a store that nobody writes to keeps it all, and
//! a disk that became full by it stays full, because a full disk takes no writes. Here a buffer is rotated on purpose.

use fjall::{Database, Keyspace};

use super::keyspaces::Keyspaces;
use crate::store::Layout;

/// A key of no space (see `seal`): to delete it changes nothing.
const NOBODYS_KEY: [u8; 2] = [0, 0];

/// Has the engine look for what has become free. It writes out one small buffer for that, and answers before it has given everything back.
pub(in crate::store) fn give_back(database: &Database, keyspaces: &Keyspaces) -> fjall::Result<()> {
    let keyspace: &Keyspace = keyspaces.tree(Layout::Index);
    // An empty buffer is not rotated.
    let mut batch = fjall::OwnedWriteBatch::with_capacity(database.clone(), 1);
    batch.remove(keyspace, NOBODYS_KEY);
    batch.commit()?;
    keyspace.rotate_memtable().map(drop)
}
