//! Opens a log: rebuilds its tree from the stored tiles, and compares everything stored with the signed head.
//!
//! A log of up to [`LEAVES_READ_MAX`] entries is rebuilt from its leaves. For a longer one, a start reads all levels above the
//! leaves, a 256th of the log, and the newest two tiles of leaves; the other tiles of leaves are compared with the level above when
//! they are first read (`Log::tile`), and all of them by `lienthong store check`.
//!
//! A log that continues another (`continuing`) begins with what that one's opener has checked: of it, only the right edge is read, which is
//! all that the root needs.

use std::ops::RangeInclusive;
use std::sync::Arc;

use bytes::Bytes;

use super::clock::LogClock;
use super::log::{Head, State};
use super::rows::{self, LogId};
use super::tile::{Tile, TileId};
use super::tree::Tree;
use super::{checkpoint, segment};
use crate::base::id::to_hex;
use crate::base::{Error, Reason, Result, Timestamp};
use crate::store::{Batch, Scan, Space, Store};
use crate::trust::merkle::Hash;
use crate::trust::note::Checkpoint;
use crate::trust::{PublicKey, Signer};

/// Tiles in one read of a rebuild: half a megabyte.
const TILES_READ_AT_ONCE: usize = 64;

/// Longest log of which a start reads every leaf, in entries.
const LEAVES_READ_MAX: u64 = 1 << 17;

/// Loads the log, or creates it.
pub(super) async fn load_or_begin(
    store: &dyn Store,
    id: LogId,
    origin: &str,
    signer: &dyn Signer,
    clock: &LogClock,
) -> Result<State> {
    if let Some(state) = load(store, id, origin, &checkpoint::keys_of(signer)).await? {
        clock.resume(state.head.at)?;
        return Ok(state);
    }
    if !store.scan(Scan::prefix(Space::LogTile, &id.prefix()).limit(1)).await?.is_empty() {
        return Err(corrupt(origin, "it has tiles, but no signed head"));
    }
    let (tree, at) = (Tree::default(), clock.next_head()?);
    let note = checkpoint::sign(origin, tree.size(), &tree.root(), signer)?;
    let row = rows::write_note(at, &note);
    let key = Bytes::from(id.prefix());
    let begin = Batch::new().require_absent(Space::LogHead, key.clone()).put(Space::LogHead, key, row.clone()).put(
        Space::LogCheckpoint,
        id.numbered_key(tree.size()),
        row.clone(),
    );
    store.commit(begin).await?;
    let head = Head { size: tree.size(), root: tree.root(), note, at };
    Ok(State { head: Arc::new(head), tree, row })
}

/// Loads the log; `None` if it has no head.
pub(super) async fn load(
    store: &dyn Store,
    id: LogId,
    origin: &str,
    keys: &(String, Vec<PublicKey>),
) -> Result<Option<State>> {
    let Some(row) = store.get(Space::LogHead, &id.prefix()).await? else { return Ok(None) };
    let (at, note, signed) = read_head(&row, origin, keys)?;
    let tree = if begins(store, id, origin).await? > 0 {
        edge(0, store, id, origin, signed.size).await?
    } else if signed.size <= LEAVES_READ_MAX {
        rebuild(store, id, origin, signed.size).await?
    } else {
        resume(store, id, origin, signed.size).await?
    };
    agree(store, id, origin, &tree, &signed.root).await?;
    check_end(origin, entries_end(store, id, origin).await?, signed.size..=signed.size)?;
    let head = Head { size: signed.size, root: signed.root, note, at };
    Ok(Some(State { head: Arc::new(head), tree, row }))
}

/// Decodes and verifies a stored head: its time, its note, and the checkpoint.
pub(super) fn read_head(
    row: &Bytes,
    origin: &str,
    keys: &(String, Vec<PublicKey>),
) -> Result<(Timestamp, Bytes, Checkpoint)> {
    let (at, note) = rows::read_note(row).ok_or_else(|| corrupt(origin, "its head cannot be read"))?;
    let signed = checkpoint::verify(&note, origin, keys)
        .map_err(|error| corrupt(origin, format!("its signed head is refused: {}", error.message)))?;
    Ok((at, note, signed))
}

/// The stored leaves between two sizes.
pub(super) async fn leaves_between(
    store: &dyn Store,
    id: LogId,
    origin: &str,
    from: u64,
    to: u64,
) -> Result<Vec<Hash>> {
    const WIDTH: u64 = super::tile::TILE_WIDTH as u64;
    // Grows with the rows read: an untrusted size reserves no memory.
    let mut found = Vec::new();
    let mut at = from;
    while at < to {
        let tile = TileId { level: 0, index: at / WIDTH };
        let row = store.get(Space::LogTile, &id.tile_key(tile)).await?.ok_or_else(|| missing(origin, tile))?;
        let row = leaves(&row, tile.width_at(to)).ok_or_else(|| differs(origin, tile))?;
        let fresh = row.get((at % WIDTH) as usize..).ok_or_else(|| differs(origin, tile))?;
        found.extend_from_slice(fresh);
        at += fresh.len() as u64;
    }
    Ok(found)
}

/// Checks that all tiles, also those of leaves, belong to a head, and that it has its checkpoint. Growth of the log in the meantime
/// does not matter.
pub(super) async fn check(store: &dyn Store, id: LogId, origin: &str, size: u64, root: &Hash) -> Result<()> {
    let tree = rebuild(store, id, origin, size).await?;
    agree(store, id, origin, &tree, root).await
}

/// Checks that a tree has the signed root, and that the log has the checkpoint of that size.
async fn agree(store: &dyn Store, id: LogId, origin: &str, tree: &Tree, root: &Hash) -> Result<()> {
    let size = tree.size();
    if tree.root() != *root {
        let (found, signed) = (to_hex(&tree.root()), to_hex(root));
        return Err(corrupt(origin, format!("its tiles rebuild to root {found}, but its head signs {signed}")));
    }
    if store.get(Space::LogCheckpoint, &id.numbered_key(size)).await?.is_none() {
        return Err(corrupt(origin, format!("its head of size {size} has no checkpoint")));
    }
    Ok(())
}

/// The tree of a long log, from the hashes of its full tiles of leaves, which are in the level above, and its newest two tiles of
/// leaves.
async fn resume(store: &dyn Store, id: LogId, origin: &str, size: u64) -> Result<Tree> {
    const WIDTH: u64 = super::tile::TILE_WIDTH as u64;
    let newest = TileId { level: 0, index: (size - 1) / WIDTH };
    let below = TileId { level: 0, index: size / WIDTH - 1 };
    let upper = rebuild_from(1, store, id, origin, size / WIDTH).await?;
    let full = stored_tile(store, id, origin, below, size).await?;
    if upper.newest(0).and_then(|tile| tile.row().last().copied()) != full.root() {
        return Err(differs(origin, TileId { level: 1, index: below.index / WIDTH }));
    }
    let edge = if newest == below { full } else { stored_tile(store, id, origin, newest, size).await? };
    Tree::above(upper, edge, size).ok_or_else(|| differs(origin, newest))
}

/// The tree from its right edge alone: the newest tile of each level, from `level` up.
pub(super) async fn edge(level: u8, store: &dyn Store, id: LogId, origin: &str, size: u64) -> Result<Tree> {
    const WIDTH: u64 = super::tile::TILE_WIDTH as u64;
    let Some(last) = size.checked_sub(1) else { return Ok(Tree::default()) };
    let stored = TileId { level, index: last / WIDTH };
    let row = store.get(Space::LogTile, &id.tile_key(stored)).await?.ok_or_else(|| missing(origin, stored))?;
    let place = TileId { level: 0, ..stored };
    let row = leaves(&row, place.width_at(size)).ok_or_else(|| differs(origin, stored))?;
    let newest = Tile::read(place, row.as_flattened()).ok_or_else(|| differs(origin, stored))?;
    let upper = Box::pin(edge(level + 1, store, id, origin, size / WIDTH)).await?;
    Tree::above(upper, newest, size).ok_or_else(|| differs(origin, stored))
}

/// The smallest size of which a log has a checkpoint of its own: 0 for one that continues no other.
pub(super) async fn begins(store: &dyn Store, id: LogId, origin: &str) -> Result<u64> {
    let Some(row) = store.get(Space::Meta, &id.begins_key()).await? else { return Ok(0) };
    let size = row.as_ref().try_into().map(u64::from_be_bytes);
    size.map_err(|_| corrupt(origin, "the size from which on it is its own cannot be read"))
}

/// A tile, cut to its width in a tree of this size. Hashes beyond the head are left over from a crash, and ignored.
async fn stored_tile(store: &dyn Store, id: LogId, origin: &str, tile: TileId, size: u64) -> Result<Tile> {
    let row = store.get(Space::LogTile, &id.tile_key(tile)).await?;
    let row = row.ok_or_else(|| missing(origin, tile))?;
    let row = leaves(&row, tile.width_at(size)).ok_or_else(|| differs(origin, tile))?;
    Tile::read(tile, row.as_flattened()).ok_or_else(|| differs(origin, tile))
}

/// Rebuilds the tree from the stored leaf hashes, and compares the tiles above them.
async fn rebuild(store: &dyn Store, id: LogId, origin: &str, size: u64) -> Result<Tree> {
    rebuild_from(0, store, id, origin, size).await
}

/// Rebuilds a tree from a higher level, whose `size` complete hashes become its leaves.
async fn rebuild_from(level: u8, store: &dyn Store, id: LogId, origin: &str, size: u64) -> Result<Tree> {
    let mut tree = Tree::default();
    let mut scan = Scan::prefix(Space::LogTile, &id.tile_key(TileId { level, index: 0 })[..2]);
    scan.limit = TILES_READ_AT_ONCE;
    let mut above: Vec<Arc<Tile>> = Vec::new();
    while tree.size() < size {
        let rows = store.scan(scan.clone()).await?;
        let Some((last, _)) = rows.last() else { break };
        scan = scan.after(last.to_vec());
        for (key, row) in rows {
            if tree.size() == size {
                // Tiles beyond the head are left over from a crash, and will be overwritten.
                break;
            }
            let index = tree.size() / super::tile::TILE_WIDTH as u64;
            let (tile, width) = (TileId { level, index }, TileId { level: 0, index }.width_at(size));
            if key != id.tile_key(tile) {
                return Err(missing(origin, tile));
            }
            let grown = tree.append(leaves(&row, width).ok_or_else(|| differs(origin, tile))?.iter().copied());
            if grown.iter().any(|grown| grown.id() == TileId { level: 0, index } && !grown.is_held_by(&row)) {
                return Err(differs(origin, tile));
            }
            above.retain(|old| grown.iter().all(|new| new.id() != old.id()));
            above.extend(grown.into_iter().filter(|tile| tile.id().level > 0));
            compare(level, store, id, origin, &mut above, size).await?;
        }
    }
    if tree.size() < size {
        let what = format!("its tiles of level {level} hold {} hashes, but its head signs {size}", tree.size());
        return Err(corrupt(origin, what));
    }
    compare(level, store, id, origin, &mut above, size).await?;
    Ok(tree)
}

/// The leaf hashes of a stored tile within the tree's size. Further ones are left over from a crash, and ignored.
fn leaves(row: &Bytes, width: usize) -> Option<&[Hash]> {
    let (hashes, rest) = row.as_chunks::<32>();
    if rest.is_empty() { hashes.get(..width) } else { None }
}

/// Compares the rebuilt tiles that have reached their width in the tree with the stored ones; levels count from `level`.
async fn compare(
    level: u8,
    store: &dyn Store,
    id: LogId,
    origin: &str,
    grown: &mut Vec<Arc<Tile>>,
    size: u64,
) -> Result<()> {
    let (ready, rest) = grown.drain(..).partition(|tile| tile.width() == tile.id().width_at(size));
    *grown = rest;
    for tile in ready as Vec<Arc<Tile>> {
        let stored_id = TileId { level: tile.id().level + level, ..tile.id() };
        let stored = store.get(Space::LogTile, &id.tile_key(stored_id)).await?;
        let stored = stored.ok_or_else(|| missing(origin, stored_id))?;
        if !tile.is_held_by(&stored) {
            return Err(differs(origin, stored_id));
        }
    }
    Ok(())
}

/// The end of the last segment of entries.
pub(super) async fn entries_end(store: &dyn Store, id: LogId, origin: &str) -> Result<u64> {
    match store.scan(Scan::prefix(Space::LogEntry, &id.prefix()).reverse().limit(1)).await?.first() {
        None => Ok(0),
        Some((key, row)) => {
            let first = rows::number_of(key).ok_or_else(|| corrupt(origin, "the key of a segment cannot be read"))?;
            let entries = segment::unpack(row).ok_or_else(|| corrupt(origin, "its last segment cannot be read"))?;
            Ok(first + entries.len() as u64)
        }
    }
}

/// Checks that the entries end where the head says: at a head read before them, or at any up to one read after them.
pub(super) fn check_end(origin: &str, end: u64, heads: RangeInclusive<u64>) -> Result<()> {
    if heads.contains(&end) {
        return Ok(());
    }
    Err(corrupt(origin, format!("it has {end} entries, but its head signs {}", heads.end())))
}

fn missing(origin: &str, tile: TileId) -> Error {
    corrupt(origin, format!("tile {} of level {} is missing", tile.index, tile.level))
}

fn differs(origin: &str, tile: TileId) -> Error {
    corrupt(origin, format!("tile {} of level {} differs from the hash of its leaves", tile.index, tile.level))
}

/// The error of a log whose stored parts contradict each other.
pub(super) fn corrupt(origin: &str, what: impl AsRef<str>) -> Error {
    let message = format!("the log {origin} does not verify: {}", what.as_ref());
    Error::new(Reason::LedgerCorrupt, message).with_subject("log", origin)
}
