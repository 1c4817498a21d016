//! A stored log, without its keys: read by checks and rebuilds.
//!
//! Nothing here verifies a signature; opening the [`Log`](super::Log) does. Whether tiles, entries and the head match can be
//! checked without keys.

use bytes::Bytes;

use super::Log;
use super::load::{self, corrupt};
use super::read::entries_of;
use super::rows::{self, LogId};
use super::tile::{TILE_WIDTH, Tile, TileId};
use crate::base::Result;
use crate::store::{Batch, Findings, Pace, Space, Store};
use crate::trust::merkle::Hash;
use crate::trust::note::Checkpoint;

/// Tiles of leaves in one read.
const TILES_READ: usize = 64;
/// Entries in one read: the leaves of sixteen tiles.
const ENTRIES_READ: usize = 16 * TILE_WIDTH;

/// A stored log up to one of its heads.
pub struct StoredLog<'a> {
    store: &'a dyn Store,
    id: LogId,
    origin: String,
    size: u64,
}

impl<'a> StoredLog<'a> {
    /// The log up to its newest head; `None` if it was never created. Fails with
    /// [`LedgerCorrupt`](crate::base::Reason::LedgerCorrupt) if its tiles do not rebuild to the head's root, or its last entry is
    /// not at the head's size. The log may grow meanwhile.
    pub async fn open(store: &'a dyn Store, id: LogId) -> Result<Option<Self>> {
        let Some(head) = newest_head(store, id).await? else { return Ok(None) };
        load::check(store, id, &head.origin, head.size, &head.root).await?;
        let end = load::entries_end(store, id, &head.origin).await?;
        let after = newest_head(store, id).await?.map_or(0, |head| head.size);
        load::check_end(&head.origin, end, head.size..=after)?;
        Ok(Some(Self { store, id, origin: head.origin, size: head.size }))
    }

    /// Number of entries.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The bodies from `from` on, at most `limit`.
    pub async fn entries(&self, from: u64, limit: usize) -> Result<Vec<Bytes>> {
        entries_of(self.store, self.id, &self.origin, self.size, from, limit).await
    }

    /// Stores the inner nodes of full tiles of leaves that an earlier version wrote without them.
    pub async fn complete_tiles(&self) -> Result<()> {
        let ids: Vec<TileId> = (0..self.size / TILE_WIDTH as u64).map(|index| TileId { level: 0, index }).collect();
        for some in ids.chunks(TILES_READ) {
            let keys: Vec<Vec<u8>> = some.iter().map(|id| self.id.tile_key(*id)).collect();
            let mut batch = Batch::new();
            for ((id, key), row) in some.iter().zip(&keys).zip(self.store.get_many(Space::LogTile, &keys).await?) {
                let tile = row.as_ref().and_then(|row| Tile::read_stored(*id, row));
                let tile = tile.ok_or_else(|| corrupt(&self.origin, "a tile of leaves cannot be read"))?;
                let stored = tile.stored().as_flattened();
                if row.as_deref() != Some(stored) {
                    batch.push_update(Space::LogTile, key.clone(), stored.to_vec());
                }
            }
            if !batch.is_empty() {
                self.store.commit(batch).await?;
            }
        }
        Ok(())
    }

    /// Checks that every entry hashes to its leaf, and that the newest head has its checkpoint. `leaf` computes the leaf of a body.
    pub async fn check(
        &self,
        leaf: impl Fn(&Bytes) -> Option<Hash>,
        pace: Pace,
        findings: &mut Findings,
        mut progress: impl FnMut(u64),
    ) -> Result<()> {
        let mut next = 0;
        while next < self.size {
            let bodies = match self.entries(next, ENTRIES_READ).await {
                Ok(bodies) => bodies,
                Err(error) if error.kind() == crate::base::Kind::Corrupt => {
                    findings.add(Space::LogEntry, "entries are missing or cannot be read back");
                    return Ok(());
                }
                Err(error) => return Err(error),
            };
            for (tile, bodies) in (next / TILE_WIDTH as u64..).zip(bodies.chunks(TILE_WIDTH)) {
                let key = self.id.tile_key(TileId { level: 0, index: tile });
                let row = self.store.get(Space::LogTile, &key).await?.unwrap_or_default();
                let (leaves, _) = row.as_chunks::<32>();
                for (at, body) in bodies.iter().enumerate() {
                    if leaf(body).as_ref() != leaves.get(at) {
                        findings.add(Space::LogEntry, "an entry does not hash to its leaf");
                    }
                }
            }
            next += bodies.len() as u64;
            progress(bodies.len() as u64);
            pace.rest().await;
        }
        if self.store.get(Space::LogCheckpoint, &self.id.numbered_key(self.size)).await?.is_none() {
            findings.add(Space::LogCheckpoint, "the newest head of a log has no checkpoint");
        }
        Ok(())
    }
}

async fn newest_head(store: &dyn Store, id: LogId) -> Result<Option<Checkpoint>> {
    let Some(row) = store.get(Space::LogHead, &id.prefix()).await? else { return Ok(None) };
    let unnamed = format!("log {}", id.0);
    let note = rows::read_note(&row).ok_or_else(|| corrupt(&unnamed, "its head cannot be read"))?.1;
    Checkpoint::of_note(&note).map(Some).map_err(|error| corrupt(&unnamed, error.to_string()))
}

impl Log {
    /// The log up to its present head.
    pub fn stored(&self) -> StoredLog<'_> {
        StoredLog { store: &*self.store, id: self.id, origin: self.origin.clone(), size: self.head().size }
    }
}
