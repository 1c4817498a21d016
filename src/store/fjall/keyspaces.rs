//! The engine's trees, their keys and their options.

use std::ops::Bound;

use fjall::{CompressionType, Database, Keyspace, KeyspaceCreateOptions, KvSeparationOptions, UserKey};

use super::options::FjallOptions;
use crate::store::{Layout, Scan, Space};

/// The engine's trees, one for each layout, shared by the spaces of that layout: a tree for each noun would cost every start a
/// dozen syncs and hold a dozen half-empty buffers. A key begins with its space's code.
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

/// The key in the engine: the space's code, then the key.
pub(in crate::store) fn inner_key(space: Space, key: &[u8]) -> UserKey {
    // Almost every key is short enough to avoid an allocation on the way into the engine's.
    let mut short = [space.code(); 96];
    match short.get_mut(1..=key.len()) {
        Some(place) => {
            place.copy_from_slice(key);
            UserKey::from(&short[..=key.len()])
        }
        None => UserKey::from([&[space.code()], key].concat().as_slice()),
    }
}

/// The bounds in the engine: an open bound ends with the space.
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

/// The options of a layout's tree.
fn keyspace_options(layout: Layout, options: FjallOptions) -> KeyspaceCreateOptions {
    let plain = KeyspaceCreateOptions::default().max_memtable_size(options.memtable_bytes);
    // Large values are stored beside the tree, so that compaction moves keys only. They stay uncompressed: half of a record is
    // hashes and salts, so compression saved a tenth of the bytes for a third of the processor's time.
    let beside = KvSeparationOptions::default().separation_threshold(512);
    match layout {
        Layout::Rows => plain.with_kv_separation(Some(beside.compression(CompressionType::None))),
        // Consecutive statements have much in common.
        Layout::Log => plain.with_kv_separation(Some(beside.compression(CompressionType::Lz4))),
        // Index rows are short: a buffer holds many more, and look-ups in a smaller one miss the processor's cache less.
        Layout::Index => plain.max_memtable_size(options.memtable_bytes / 2),
    }
}
