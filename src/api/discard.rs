//! The rest of a refused request: read for a moment, and discarded.
//!
//! Without that, data in transit arrive where nobody reads any more. HTTP/2 counts such frames as violations, and ends the connection of a
//! client that only has an expired token; over HTTP/1.1 the connection breaks, and a browser never sees the refusal (RFC 9112, section 9.6).

#![allow(clippy::disallowed_methods, reason = "a request arrives by the machine's time")]

use std::time::Duration;

use bytes::Buf as _;
use http_body::Body;
use http_body_util::BodyExt as _;

use crate::base::limits;

/// Reads the rest of a request in the background, up to so many bytes and for [`REFUSED_MS_MAX`](limits::REFUSED_MS_MAX), and keeps nothing of it.
pub fn discard<B>(mut body: B, bytes_max: usize)
where
    B: Body + Send + Unpin + 'static,
    B::Data: Send,
{
    if body.is_end_stream() {
        return;
    }
    let read = async move {
        let mut left = bytes_max;
        while let Some(Ok(frame)) = body.frame().await {
            match left.checked_sub(frame.data_ref().map_or(0, |data| data.remaining())) {
                Some(rest) => left = rest,
                None => return,
            }
        }
    };
    tokio::spawn(tokio::time::timeout(Duration::from_millis(limits::REFUSED_MS_MAX), read));
}
