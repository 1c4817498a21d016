//! The engine's trees and keys, and how they are kept.

use std::ops::Bound;

use fjall::{CompressionType, Database, Keyspace, KeyspaceCreateOptions, KvSeparationOptions, UserKey};

use super::options::FjallOptions;
use crate::store::{Layout, Scan, Space};

/// The engine's trees, one a layout, which the spaces of that layout share: a tree of its own for each noun would
/// cost every start a dozen syncs and hold a dozen half-empty buffers. A key begins with its space's code.
#[derive(Clone)]
pub(in crate::store) struct Keyspaces(Vec<Keyspace>);

impl Keyspaces {
    pub(super) fn open(database: &Database, options: FjallOptions) -> fjall::Result<Self> {
        let open = |layout: &Layout| database.keyspace(layout.name(), || keyspace_options(*layout, options));
        Ok(Self(Layout::ALL.iter().map(open).collect::<fjall::Result<_>>()?))
    }

    pub(in crate::store) fn of(&self, space: Space) -> &Keyspace {
        self.tree(space.layout())
    }

    pub(in crate::store) fn tree(&self, layout: Layout) -> &Keyspace {
        &self.0[layout as usize]
    }
}

/// The key in the engine.
pub(in crate::store) fn inner_key(space: Space, key: &[u8]) -> UserKey {
    // Almost every key is short: no allocation of its own on the way into the engine's.
    let mut short = [space.code(); 96];
    match short.get_mut(1..=key.len()) {
        Some(place) => {
            place.copy_from_slice(key);
            UserKey::from(&short[..=key.len()])
        }
        None => UserKey::from([&[space.code()], key].concat().as_slice()),
    }
}

/// The bounds in the engine: what is open ends with the space.
pub(super) fn inner_bounds(scan: &Scan) -> (Bound<UserKey>, Bound<UserKey>) {
    let inner = |bound: &Bound<Vec<u8>>| bound.as_ref().map(|key| inner_key(scan.space, key));
    let code = scan.space.code();
    let from = match inner(&scan.from) {
        Bound::Unbounded => Bound::Included(UserKey::from(&[code][..])),
        bounded => bounded,
    };
    let to = match inner(&scan.to) {
        Bound::Unbounded => Bound::Excluded(UserKey::from(&[code + 1][..])),
        bounded => bounded,
    };
    (from, to)
}

/// How the tree of a layout is kept.
fn keyspace_options(layout: Layout, options: FjallOptions) -> KeyspaceCreateOptions {
    let plain = KeyspaceCreateOptions::default().max_memtable_size(options.memtable_bytes);
    // Large values live beside the tree, so that compaction moves keys only. They stay uncompressed: a record is half
    // hashes and salts, so compression saved a tenth of the bytes for a third of the processor's time.
    let beside = KvSeparationOptions::default().separation_threshold(512);
    match layout {
        Layout::Rows => plain.with_kv_separation(Some(beside.compression(CompressionType::None))),
        // Statements one behind the other have much in common.
        Layout::Log => plain.with_kv_separation(Some(beside.compression(CompressionType::Lz4))),
        // Many more rows go into a buffer, and a look-up in a smaller one misses the processor's cache less.
        Layout::Index => plain.max_memtable_size(options.memtable_bytes / 2),
    }
}
