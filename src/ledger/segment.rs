//! The encoding of entries: segments of up to 64 entries, each one row, never changed.
//!
//! A row for each entry would cost more in keys and look-ups than the entries weigh; with one row for each batch, reading an entry
//! would read a megabyte. A segment is the concatenation of its entries, each prefixed with its length (4 bytes, big-endian); its
//! key is the index of the first one.

use bytes::{BufMut, Bytes, BytesMut};

/// Most entries in a segment.
pub const SEGMENT_ENTRIES_MAX: usize = 64;
/// Size in bytes beyond which a segment takes no further entry.
pub const SEGMENT_BYTES_MAX: usize = 256 * 1024;

/// Packs entries, the first of which has the index `first`, into segments: (first index, row).
pub fn pack<'a>(first: u64, bodies: impl Iterator<Item = &'a [u8]>) -> Vec<(u64, Bytes)> {
    let mut segments = Vec::new();
    let mut segment = BytesMut::new();
    let (mut begin, mut count) = (first, 0);
    for body in bodies {
        let full = count == SEGMENT_ENTRIES_MAX || segment.len() + body.len() > SEGMENT_BYTES_MAX;
        if full && count > 0 {
            segments.push((begin, segment.split().freeze()));
            begin += count as u64;
            count = 0;
        }
        segment.put_u32(body.len() as u32);
        segment.put_slice(body);
        count += 1;
    }
    if count > 0 {
        segments.push((begin, segment.freeze()));
    }
    segments
}

/// Unpacks a segment; `None` if its lengths do not add up.
pub fn unpack(row: &Bytes) -> Option<Vec<Bytes>> {
    let mut bodies = Vec::with_capacity(SEGMENT_ENTRIES_MAX);
    let mut at = 0;
    while at < row.len() {
        let length: [u8; 4] = row.get(at..at + 4)?.try_into().ok()?;
        let from = at + 4;
        at = from.checked_add(u32::from_be_bytes(length) as usize)?;
        if at > row.len() {
            return None;
        }
        bodies.push(row.slice(from..at));
    }
    Some(bodies)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_hold_what_was_packed() {
        let bodies: Vec<Vec<u8>> = (0..150_usize).map(|i| vec![i as u8; i % 7]).collect();
        let segments = pack(1_000, bodies.iter().map(Vec::as_slice));
        assert_eq!(segments.iter().map(|s| s.0).collect::<Vec<_>>(), [1_000, 1_064, 1_128]);
        let unpacked: Vec<Bytes> = segments.iter().flat_map(|(_, row)| unpack(row).expect("whole")).collect();
        assert_eq!(unpacked, bodies);
        assert!(pack(7, std::iter::empty()).is_empty());
    }

    #[test]
    fn large_entries_get_segments_of_their_own() {
        let large = vec![1; SEGMENT_BYTES_MAX - 100];
        let segments = pack(0, [&large[..], &large[..], b"small"].into_iter());
        assert_eq!(segments.iter().map(|s| s.0).collect::<Vec<_>>(), [0, 1]);
        let huge = vec![1; 2 * SEGMENT_BYTES_MAX];
        assert_eq!(pack(0, [b"a".as_slice(), &huge, b"b"].into_iter()).len(), 3);
    }

    #[test]
    fn broken_segments_are_seen() {
        let (_, row) = pack(0, [b"abc".as_slice()].into_iter()).remove(0);
        assert_eq!(unpack(&row.slice(..row.len() - 1)), None);
        assert_eq!(unpack(&row.slice(..3)), None);
        assert_eq!(unpack(&Bytes::from_static(&[255; 4])), None);
        assert_eq!(unpack(&Bytes::new()).map(|bodies| bodies.len()), Some(0));
    }
}
