//! A tile of leaves with its entries: fetches both, and checks each entry's hash against its leaf. Runs on any thread.

use super::rules::{Item, read_item};
use super::stop::Stop;
use super::tiles::{name_of, tile_at};
use crate::ledger::tile::{TILE_WIDTH, TileId};
use crate::transparency::head::LogKind;
use crate::transparency::path::TilePath;
use crate::transparency::source::Source;
use crate::trust::merkle::{Hash, hash_leaf};
use crate::trust::{Code, TrustAnchor};

/// A tile of leaves, and their decoded entries.
pub(super) struct Chunk {
    /// Index of the first leaf.
    pub(super) first: u64,
    pub(super) leaves: Vec<Hash>,
    pub(super) items: Vec<Item>,
}

/// Reads the tile of leaves `index` of a log of `size` entries.
pub(super) fn read(
    source: &dyn Source,
    kind: LogKind,
    anchor: &TrustAnchor,
    index: u64,
    size: u64,
) -> Result<Chunk, Stop> {
    let id = TileId { level: 0, index };
    let width = id.width_at(size);
    let row = source.read(tile_at(id, size))?;
    let (hashes, rest) = row.as_chunks::<32>();
    if !rest.is_empty() || hashes.len() != width {
        return Err(Stop::new(Code::Tile, format!("{} has the wrong length", name_of(id))));
    }
    let first = index * TILE_WIDTH as u64;
    let leaves = hashes.to_vec();
    if kind == LogKind::Evidence {
        let items = leaves.iter().map(|_| Item::Hidden).collect();
        return Ok(Chunk { first, leaves, items });
    }
    let bundle = source.read(TilePath::Entries { index, width })?;
    let mut rest = &bundle[..];
    let mut items = Vec::with_capacity(width);
    for (at, leaf) in leaves.iter().enumerate() {
        let number = first + at as u64;
        let cut = || Stop::new(Code::Tile, format!("the bundle of entry {number} is cut short"));
        let (length, behind) = rest.split_first_chunk().ok_or_else(cut)?;
        let (entry, behind) = behind.split_at_checked(usize::from(u16::from_be_bytes(*length))).ok_or_else(cut)?;
        if hash_leaf(entry) != *leaf {
            return Err(Stop::new(Code::Tile, format!("entry {number} does not hash to its leaf in {}", name_of(id))));
        }
        items.push(read_item(kind, anchor, number, entry));
        rest = behind;
    }
    if !rest.is_empty() {
        return Err(Stop::new(Code::Tile, format!("the bundle of {} has more than its entries", name_of(id))));
    }
    Ok(Chunk { first, leaves, items })
}
