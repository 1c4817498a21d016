//! Opening a log: the tree is rebuilt from its leaf hashes, and everything that was stored about it has to agree.

use std::sync::Arc;

use bytes::Bytes;

use super::rows::{self, LogId};
use super::tile::{Tile, TileId};
use super::tree::Tree;
use super::{Head, LogClock, State, checkpoint, segment};
use crate::base::id::to_hex;
use crate::base::{Error, Reason, Result};
use crate::store::{Batch, Scan, Space, Store};
use crate::trust::Signer;
use crate::trust::merkle::Hash;

/// Tiles read at once while the tree is rebuilt: half a megabyte.
const TILES_READ_AT_ONCE: usize = 64;

/// Loads the log, or begins it.
pub(super) async fn load_or_begin(
    store: &dyn Store,
    id: LogId,
    origin: &str,
    signer: &dyn Signer,
    clock: &LogClock,
) -> Result<State> {
    if let Some(state) = load(store, id, origin, signer).await? {
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
pub(super) async fn load(store: &dyn Store, id: LogId, origin: &str, signer: &dyn Signer) -> Result<Option<State>> {
    let Some(row) = store.get(Space::LogHead, &id.prefix()).await? else { return Ok(None) };
    let (at, note) = rows::read_note(&row).ok_or_else(|| corrupt(origin, "its head cannot be read"))?;
    let signed = checkpoint::verify(&note, origin, signer)
        .map_err(|error| corrupt(origin, format!("its signed head is refused: {}", error.message)))?;
    let tree = check(store, id, origin, signed.size, &signed.root).await?;
    let head = Head { size: signed.size, root: signed.root, note, at };
    Ok(Some(State { head: Arc::new(head), tree, row }))
}

/// Whether tiles and entries are those of a head: gives the tree.
pub(super) async fn check(store: &dyn Store, id: LogId, origin: &str, size: u64, root: &Hash) -> Result<Tree> {
    let tree = rebuild(store, id, origin, size).await?;
    if tree.root() != *root {
        let (found, signed) = (to_hex(&tree.root()), to_hex(root));
        return Err(corrupt(origin, format!("its tiles rebuild to root {found}, its head signs {signed}")));
    }
    check_entries(store, id, origin, size).await?;
    if store.get(Space::LogCheckpoint, &id.numbered_key(size)).await?.is_none() {
        return Err(corrupt(origin, format!("its head of size {size} has no checkpoint")));
    }
    Ok(tree)
}

/// Grows the tree again from the stored leaf hashes, and compares the tiles above them.
async fn rebuild(store: &dyn Store, id: LogId, origin: &str, size: u64) -> Result<Tree> {
    let mut tree = Tree::default();
    let mut scan = Scan::prefix(Space::LogTile, &id.tile_key(TileId { level: 0, index: 0 })[..2]);
    scan.limit = TILES_READ_AT_ONCE;
    let mut above: Vec<Arc<Tile>> = Vec::new();
    while tree.size() < size {
        let rows = store.scan(scan.clone()).await?;
        let Some((last, _)) = rows.last() else { break };
        scan = scan.after(last.to_vec());
        for (key, row) in rows {
            if tree.size() == size {
                // What lies behind the head is left of a crash, and will be overwritten.
                break;
            }
            let tile = TileId { level: 0, index: tree.size() / super::tile::TILE_WIDTH as u64 };
            let width = tile.width_at(size);
            if key != id.tile_key(tile) {
                return Err(corrupt(origin, format!("tile {} of level 0 is missing", tile.index)));
            }
            let grown = tree.append(leaves(&row, width).ok_or_else(|| differs(origin, tile))?.iter().copied());
            above.retain(|old| grown.iter().all(|new| new.id() != old.id()));
            above.extend(grown.into_iter().filter(|tile| tile.id().level > 0));
            compare(store, id, origin, &mut above, size).await?;
        }
    }
    if tree.size() < size {
        return Err(corrupt(origin, format!("its tiles hold {} leaves, its head signs {size}", tree.size())));
    }
    compare(store, id, origin, &mut above, size).await?;
    Ok(tree)
}

/// The leaf hashes of a stored tile that are inside the tree. More than that is left of a crash and means nothing.
fn leaves(row: &Bytes, width: usize) -> Option<&[Hash]> {
    let (hashes, rest) = row.as_chunks::<32>();
    if rest.is_empty() { hashes.get(..width) } else { None }
}

/// Compares those grown tiles that are as wide as the tree will have them, with what is stored.
async fn compare(store: &dyn Store, id: LogId, origin: &str, grown: &mut Vec<Arc<Tile>>, size: u64) -> Result<()> {
    let (ready, rest) = grown.drain(..).partition(|tile| tile.width() == tile.id().width_at(size));
    *grown = rest;
    for tile in ready as Vec<Arc<Tile>> {
        let stored = store.get(Space::LogTile, &id.tile_key(tile.id())).await?;
        let stored = stored.ok_or_else(|| {
            corrupt(origin, format!("tile {} of level {} is missing", tile.id().index, tile.id().level))
        })?;
        if leaves(&stored, tile.width()) != Some(tile.row()) {
            return Err(differs(origin, tile.id()));
        }
    }
    Ok(())
}

/// The last segment of entries has to end where the tree does.
async fn check_entries(store: &dyn Store, id: LogId, origin: &str, size: u64) -> Result<()> {
    let end = match store.scan(Scan::prefix(Space::LogEntry, &id.prefix()).reverse().limit(1)).await?.first() {
        None => 0,
        Some((key, row)) => {
            let first = rows::number_of(key).ok_or_else(|| corrupt(origin, "the key of a segment cannot be read"))?;
            let entries = segment::unpack(row).ok_or_else(|| corrupt(origin, "its last segment cannot be read"))?;
            first + entries.len() as u64
        }
    };
    if end == size { Ok(()) } else { Err(corrupt(origin, format!("it has {end} entries, its head signs {size}"))) }
}

fn differs(origin: &str, tile: TileId) -> Error {
    corrupt(origin, format!("tile {} of level {} is not what its leaves hash to", tile.index, tile.level))
}

/// The error of a log that does not agree with itself.
pub(super) fn corrupt(origin: &str, what: impl AsRef<str>) -> Error {
    let message = format!("the log {origin} does not verify: {}", what.as_ref());
    Error::new(Reason::LedgerCorrupt, message).with_subject("log", origin)
}
