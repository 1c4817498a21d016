//! The frames of messages on the wire: a byte that says whether the message is compressed, its length in four bytes, and the message (gRPC over
//! HTTP/2, "Length-Prefixed-Message").

use bytes::{BufMut as _, Bytes, BytesMut};

/// Bytes before a message.
pub const PREFIX_BYTES: usize = 5;

/// The first byte of a frame, and the length of its message; `None` while the prefix is not whole.
///
/// ```
/// use lienthong::api::frame::{frame, prefix};
/// assert_eq!(prefix(&frame(b"abc")), Some((0, 3)));
/// assert_eq!(prefix(&[0, 0, 0, 0]), None);
/// ```
pub fn prefix(bytes: &[u8]) -> Option<(u8, usize)> {
    let [flag, length @ ..] = bytes.first_chunk::<PREFIX_BYTES>()?;
    Some((*flag, u32::from_be_bytes(*length) as usize))
}

/// A message in its frame, not compressed.
pub fn frame(message: &[u8]) -> Bytes {
    let mut framed = BytesMut::with_capacity(PREFIX_BYTES + message.len());
    framed.put_u8(0);
    framed.put_u32(message.len() as u32);
    framed.put_slice(message);
    framed.freeze()
}
