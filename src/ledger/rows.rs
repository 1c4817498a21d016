//! The keys of a log's rows in the store. Each begins with the log's number, so that logs share spaces.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::tile::TileId;
use crate::base::Timestamp;

/// A log's number: the first byte of its keys. Part of the format on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LogId(pub u8);

impl LogId {
    /// The prefix of all keys of the log; in `LogHead` it is the entire key.
    pub fn prefix(self) -> Vec<u8> {
        vec![self.0]
    }

    /// In `Meta`: the size from which on a log that continues another has checkpoints of its own.
    pub fn begins_key(self) -> Vec<u8> {
        [b"log_begins/".as_slice(), &self.prefix()].concat()
    }

    /// In `LogTile`: level, then index.
    pub fn tile_key(self, tile: TileId) -> Vec<u8> {
        let mut key = vec![self.0, tile.level];
        key.put_u64(tile.index);
        key
    }

    /// In `LogEntry`: the index of a segment's first entry. In `LogCheckpoint`: the size in the note.
    pub fn numbered_key(self, number: u64) -> Vec<u8> {
        let mut key = vec![self.0];
        key.put_u64(number);
        key
    }
}

/// The number in a numbered key.
pub fn number_of(key: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(key.get(1..)?.try_into().ok()?))
}

/// The row of a signed note, in `LogHead` and `LogCheckpoint`: the time of the signature, then the note.
pub fn write_note(at: Timestamp, note: &[u8]) -> Bytes {
    let mut row = BytesMut::with_capacity(8 + note.len());
    row.put_i64(at.0);
    row.put_slice(note);
    row.freeze()
}

/// Decodes the row of a signed note.
pub fn read_note(row: &Bytes) -> Option<(Timestamp, Bytes)> {
    let mut rest = row.clone();
    let at = rest.try_get_i64().ok()?;
    Some((Timestamp(at), rest))
}
