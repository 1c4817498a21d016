//! Reads a log: proofs, entries, checkpoints. Nothing here waits for the sequencer.

use std::sync::Arc;

use bytes::Bytes;

use super::load::{self, corrupt};
use super::log::{Head, Log, State};
use super::rows::{self, LogId};
use super::segment;
use super::tile::{Group, TILE_HEIGHT, TILE_WIDTH, Tile, TileId};
use crate::base::{Error, Reason, Result, Timestamp};
use crate::store::{Scan, Space, Store};
use crate::trust::merkle::{Hash, Node, Span, consistency_spans, inclusion_spans};
use crate::trust::record::LogProof;

/// Tiles on the path of a proof in a log of up to 2^32 entries whose size is no multiple of a tile's.
const TILES_OF_PATH: usize = 8;

impl Log {
    /// Proves inclusion of an entry: under the newest cosigned head if it covers the entry, else under the newest head.
    ///
    /// Fails with [`NotFound`](Reason::NotFound) if the log is shorter.
    pub async fn prove(&self, index: u64) -> Result<LogProof> {
        let state = self.state();
        let head = self.proving(&state, index);
        let path = self.path(&state, index, head.size).await?;
        Ok(LogProof { checkpoint: head.note.clone(), index, path })
    }

    /// The head to which [`Self::prove`] leads now: the newest cosigned one if it covers the entry, else the newest.
    pub fn proving_head(&self, index: u64) -> Arc<Head> {
        self.proving(&self.state(), index)
    }

    /// The proof of an entry that a stored row names. Rows are durable a moment before the head of their batch is published, so
    /// that head is awaited. Fails with [`NotFound`](Reason::NotFound) if the stored head does not cover the entry.
    pub async fn prove_stored(&self, index: u64) -> Result<LogProof> {
        if self.head().size <= index {
            let lost = || corrupt(&self.origin, "its head is missing");
            let row = self.store.get(Space::LogHead, &self.id.prefix()).await?.ok_or_else(lost)?;
            let (_, _, stored) = load::read_head(&row, &self.origin, &(self.keys)())?;
            if stored.size <= index {
                return Err(self.missing("the log is shorter"));
            }
            let stopped = |_| Error::new(Reason::ShuttingDown, "the log is closed");
            self.watch().wait_for(|size| *size > index).await.map_err(stopped)?;
        }
        self.prove(index).await
    }

    /// Proves inclusion under an earlier checkpoint; `size` must be one that was signed.
    pub async fn prove_at(&self, index: u64, size: u64) -> Result<LogProof> {
        let state = self.state();
        let key = self.id.numbered_key(size);
        if size < self.begins {
            return Err(self.missing("there is no checkpoint of this size"));
        }
        let Some(row) = self.store.get(Space::LogCheckpoint, &key).await? else {
            return Err(self.missing("there is no checkpoint of this size"));
        };
        let path = self.path(&state, index, size).await?;
        Ok(LogProof { checkpoint: self.note(&row)?, index, path })
    }

    /// Proves that the log of `old_size` entries is a prefix of the log of `new_size` entries.
    pub async fn prove_consistency(&self, old_size: u64, new_size: u64) -> Result<Vec<Hash>> {
        let state = self.state();
        if new_size > state.head.size {
            return Err(self.missing("the log is shorter"));
        }
        let spans = consistency_spans(old_size, new_size).map_err(|_| self.missing("the older size is the larger"))?;
        self.hashes(&state, &spans).await
    }

    /// The body of one entry. Fails with [`NotFound`](Reason::NotFound) if the log is shorter.
    pub async fn entry(&self, index: u64) -> Result<Bytes> {
        self.entries(index, 1).await?.pop().ok_or_else(|| self.missing("the log is shorter"))
    }

    /// The bodies from `from` on, at most `limit`, up to the newest head.
    pub async fn entries(&self, from: u64, limit: usize) -> Result<Vec<Bytes>> {
        let log = self;
        entries_of(&*log.store, log.id, &log.origin, log.state().head.size, from, limit).await
    }

    /// The first `width` hashes of a tile's bottom row, as in C2SP tlog-tiles; `None` if the tree has no such tile, or not of this
    /// width. An answer never changes.
    pub async fn tile_row(&self, id: TileId, width: usize) -> Result<Option<Bytes>> {
        let log = self;
        let state = log.state();
        if width == 0 || width > id.width_at(state.head.size) {
            return Ok(None);
        }
        if let Some(newest) = state.tree.newest(id.level).filter(|tile| tile.id() == id) {
            return Ok(newest.row().get(..width).map(|row| Bytes::copy_from_slice(row.as_flattened())));
        }
        let TileId { level, index } = id;
        let row = log.store.get(Space::LogTile, &log.id.tile_key(id)).await?;
        let row = row.filter(|row| row.len() >= width * 32);
        let row =
            row.ok_or_else(|| log.damaged(Space::LogTile, format!("tile {index} of level {level} is missing")))?;
        Ok(Some(row.slice(..width * 32)))
    }

    /// Whether a head of this size was signed, by the log itself or by the one that it continues.
    pub async fn was_signed_at(&self, size: u64) -> Result<bool> {
        Ok(self.store.get(Space::LogCheckpoint, &self.id.numbered_key(size)).await?.is_some())
    }

    /// The note of the largest signed checkpoint below `size` entries.
    pub async fn checkpoint_before(&self, size: u64) -> Result<Option<Bytes>> {
        let Some(below) = size.checked_sub(1).filter(|below| *below >= self.begins) else { return Ok(None) };
        let scan = Scan::prefix(Space::LogCheckpoint, &self.id.prefix()).reverse();
        let rows = self.store.scan(scan.starting_at(self.id.numbered_key(below)).limit(1)).await?;
        let Some((key, row)) = rows.first() else { return Ok(None) };
        let number = rows::number_of(key)
            .ok_or_else(|| self.damaged(Space::LogCheckpoint, "a checkpoint's key cannot be read"))?;
        if number < self.begins { Ok(None) } else { self.note(row).map(Some) }
    }

    /// The size of the newest head that was signed at this time or before; 0 if none was. Heads never go backwards in time.
    pub async fn size_at(&self, at: Timestamp) -> Result<u64> {
        let head = self.head();
        if head.at <= at {
            return Ok(head.size);
        }
        // Heads up to `low` are early enough, those above `high` too late.
        let (mut found, mut low, mut high) = (0, 0, head.size);
        while low < high {
            let middle = low + (high - low).div_ceil(2);
            match self.signed_up_to(middle).await? {
                Some((size, time)) if size > low && time > at => high = size - 1,
                Some((size, _)) => {
                    found = size.max(found);
                    low = middle;
                }
                None => low = middle,
            }
        }
        Ok(found)
    }

    /// When the first head was signed that covers this entry; `None` if no head does.
    pub async fn known_since(&self, index: u64) -> Result<Option<Timestamp>> {
        let first = self.id.numbered_key(index.saturating_add(1));
        let scan = Scan::prefix(Space::LogCheckpoint, &self.id.prefix()).starting_at(first).limit(1);
        let rows = self.store.scan(scan).await?;
        rows.first().map(|(_, row)| self.time(row)).transpose()
    }

    /// Size and time of the newest head of at most `size` entries.
    async fn signed_up_to(&self, size: u64) -> Result<Option<(u64, Timestamp)>> {
        let scan = Scan::prefix(Space::LogCheckpoint, &self.id.prefix()).reverse();
        let rows = self.store.scan(scan.starting_at(self.id.numbered_key(size)).limit(1)).await?;
        let Some((key, row)) = rows.first() else { return Ok(None) };
        let size = rows::number_of(key)
            .ok_or_else(|| self.damaged(Space::LogCheckpoint, "a checkpoint's key cannot be read"))?;
        Ok(Some((size, self.time(row)?)))
    }

    fn time(&self, row: &Bytes) -> Result<Timestamp> {
        let read = rows::read_note(row);
        read.map(|(at, _)| at).ok_or_else(|| self.damaged(Space::LogCheckpoint, "a checkpoint cannot be read"))
    }

    /// The smallest signed checkpoint that covers `size` entries: its size and its note.
    pub async fn checkpoint_at_or_after(&self, size: u64) -> Result<Option<(u64, Bytes)>> {
        let log = self;
        let scan =
            Scan::prefix(Space::LogCheckpoint, &log.id.prefix()).starting_at(log.id.numbered_key(size.max(log.begins)));
        let rows = log.store.scan(scan.limit(1)).await?;
        let Some((key, row)) = rows.first() else { return Ok(None) };
        let size = rows::number_of(key)
            .ok_or_else(|| log.damaged(Space::LogCheckpoint, "a checkpoint's key cannot be read"))?;
        Ok(Some((size, log.note(row)?)))
    }
}

/// At most `limit` bodies from `from` on, of a log of `size` entries.
pub(super) async fn entries_of(
    store: &dyn Store,
    id: LogId,
    origin: &str,
    size: u64,
    from: u64,
    limit: usize,
) -> Result<Vec<Bytes>> {
    let end = size.min(from.saturating_add(limit as u64));
    let lost = |what: &str| damaged(store, origin, Space::LogEntry, what);
    let mut bodies: Vec<Bytes> = Vec::new();
    let mut at = from;
    while at < end {
        // The segment that holds `at` begins at or before it; each further one begins where the previous ends.
        let first = Scan::prefix(Space::LogEntry, &id.prefix()).reverse().starting_at(id.numbered_key(at));
        let mut rows = store.scan(first.limit(1)).await?;
        let behind = id.numbered_key(at + 1);
        if end - at > 1 {
            let many = Scan::range(Space::LogEntry, behind, id.numbered_key(end));
            let segments = (end - at).div_ceil(segment::SEGMENT_ENTRIES_MAX as u64).min(16) as usize;
            rows.extend(store.scan(many.limit(segments)).await?);
        }
        let before = at;
        for (key, row) in rows {
            let unpacked = rows::number_of(&key).zip(segment::unpack(&row));
            let (first, entries) = unpacked.ok_or_else(|| lost("a segment cannot be read"))?;
            let skip = at.checked_sub(first).ok_or_else(|| lost("a segment is missing"))?;
            let wanted = entries.into_iter().skip(skip as usize).take((end - at) as usize);
            let had = bodies.len();
            bodies.extend(wanted);
            at += (bodies.len() - had) as u64;
        }
        if at == before {
            return Err(lost(&format!("entry {at} is missing")));
        }
    }
    Ok(bodies)
}

/// The error of a log that lacks something its head covers; the store's health notes it.
fn damaged(store: &dyn Store, origin: &str, space: Space, what: &str) -> Error {
    let noted = store.damaged(space, "a log lacks what its head signs");
    corrupt(origin, what).with_source(noted)
}

impl Log {
    async fn path(&self, state: &State, index: u64, size: u64) -> Result<Vec<Hash>> {
        if size > state.head.size {
            return Err(self.missing("the log is shorter"));
        }
        let spans = inclusion_spans(index, size).map_err(|_| self.missing("the log is shorter"))?;
        let leaves = TileId::of(Node { level: 0, index });
        if leaves.width_at(size) < TILE_WIDTH {
            return self.hashes(state, &spans).await;
        }
        // Inside a full tile each span is one node; above it, all paths from the tile share one.
        let tile = self.tile(state, leaves).await?;
        let (inside, above) = spans.split_at(TILE_HEIGHT as usize);
        let mut path = Vec::with_capacity(spans.len());
        for node in inside.iter().flat_map(|span| span.nodes()) {
            path.push(self.hash_of(&tile, node)?);
        }
        let above = match tile.path_above(size) {
            Some(known) => known,
            None => {
                let hashes: Arc<[Hash]> = self.hashes(state, above).await?.into();
                tile.keep_path_above(size, hashes.clone());
                hashes
            }
        };
        path.extend_from_slice(&above);
        Ok(path)
    }

    /// The hashes of spans whose nodes are all complete in `state`.
    async fn hashes(&self, state: &State, spans: &[Span]) -> Result<Vec<Hash>> {
        let mut tiles = Vec::with_capacity(TILES_OF_PATH);
        let mut hashes = Vec::with_capacity(spans.len());
        let mut parts = Vec::new();
        for span in spans {
            parts.clear();
            for node in span.nodes() {
                let tile = self.tile_among(&mut tiles, state, TileId::of(node)).await?;
                parts.push(self.hash_of(tile, node)?);
            }
            hashes.push(Span::root(&parts));
        }
        Ok(hashes)
    }

    /// A tile, from those read already or the log.
    async fn tile_among<'a>(&self, tiles: &'a mut Vec<Arc<Tile>>, state: &State, id: TileId) -> Result<&'a Tile> {
        let at = match tiles.iter().rposition(|tile| tile.id() == id) {
            Some(at) => at,
            None => {
                tiles.push(self.tile(state, id).await?);
                tiles.len() - 1
            }
        };
        Ok(&tiles[at])
    }

    fn hash_of(&self, tile: &Tile, node: Node) -> Result<Hash> {
        if Group::of(node).is_some_and(|group| !tile.holds_group(group)) {
            return Err(self.differs(tile.id()));
        }
        let TileId { level, index } = tile.id();
        tile.get(node)
            .ok_or_else(|| self.damaged(Space::LogTile, format!("tile {index} of level {level} is too short")))
    }

    /// A tile from the edge, the cache or the store.
    async fn tile(&self, state: &State, id: TileId) -> Result<Arc<Tile>> {
        if let Some(newest) = state.tree.newest(id.level).filter(|tile| tile.id() == id) {
            return Ok(newest.clone());
        }
        if let Some(cached) = self.tiles.get(self.id, id) {
            return Ok(cached);
        }
        let row = self.store.get(Space::LogTile, &self.id.tile_key(id)).await?;
        let TileId { level, index } = id;
        let tile = row
            .and_then(|row| Tile::read_stored(id, &row))
            .ok_or_else(|| self.damaged(Space::LogTile, format!("tile {index} of level {level} is missing")))?;
        // A start does not read every tile of a long log: a tile is compared with the one above, up to those that the start has
        // read. Groups of leaves are compared with the nodes stored with them when one is needed (`hash_of`).
        let node = Node { level: TILE_HEIGHT * (u32::from(level) + 1), index };
        let above = Box::pin(self.tile(state, TileId::of(node))).await?;
        if tile.root() != Some(self.hash_of(&above, node)?) {
            return Err(self.differs(id));
        }
        let tile = Arc::new(tile);
        self.tiles.insert(self.id, tile.clone());
        Ok(tile)
    }

    fn note(&self, row: &Bytes) -> Result<Bytes> {
        let (_, note) =
            rows::read_note(row).ok_or_else(|| self.damaged(Space::LogCheckpoint, "a checkpoint cannot be read"))?;
        Ok(note)
    }

    fn differs(&self, tile: TileId) -> Error {
        let TileId { level, index } = tile;
        self.damaged(Space::LogTile, format!("tile {index} of level {level} differs from the tree's hash there"))
    }

    fn damaged(&self, space: Space, what: impl AsRef<str>) -> Error {
        damaged(&*self.store, &self.origin, space, what.as_ref())
    }

    fn missing(&self, message: &str) -> Error {
        Error::new(Reason::NotFound, message).with_subject("log", self.origin.clone())
    }
}
