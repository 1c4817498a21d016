//! Reads the one message of a request, under limits on its length, its time of arrival, and the memory of all requests.
//!
//! gRPC prefixes a message with five bytes: whether it is compressed, and its length (gRPC over HTTP/2, "Length-Prefixed-Message"). The
//! length is checked before the message is waited for. Compressed messages are inflated here, up to the same limit, so that
//! a small one cannot become a large one after it.

use std::io::Read as _;

use bytes::{Bytes, BytesMut};
use flate2::read::MultiGzDecoder;
use http_body_util::BodyExt as _;
use tonic::body::Body;
use tonic::codegen::http::HeaderMap;

use super::method::Method;
use crate::api::frame::{PREFIX_BYTES, frame, prefix};
use crate::base::{Error, Reason, Result};

/// The header that names how messages are compressed.
pub(super) const ENCODING: &str = "grpc-encoding";

/// Reserves memory for a message; `false` when the budget is exhausted.
pub(super) trait Take {
    fn take(&mut self, bytes: usize) -> bool;
}

/// A message with its prefix, never compressed.
#[derive(Debug)]
pub(super) struct Framed(Bytes);

impl Framed {
    fn new(message: &[u8]) -> Self {
        Self(frame(message))
    }

    /// The message alone.
    pub(super) fn message(&self) -> &[u8] {
        self.0.get(PREFIX_BYTES..).unwrap_or_default()
    }

    /// With its prefix, as it goes to the service.
    pub(super) fn into_bytes(self) -> Bytes {
        self.0
    }

    /// As the body of a request.
    pub(super) fn into_body(self) -> Body {
        Body::new(http_body_util::Full::new(self.0))
    }
}

/// How the messages of a request are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Identity,
    Gzip,
}

impl Encoding {
    /// Reads the request's header; compressions that we don't know are [`CompressionUnsupported`](Reason::CompressionUnsupported).
    pub(super) fn of(headers: &HeaderMap) -> Result<Self> {
        match headers.get(ENCODING).map(|value| value.as_bytes()) {
            None | Some(b"identity") => Ok(Self::Identity),
            Some(b"gzip") => Ok(Self::Gzip),
            Some(_) => {
                let message = "a message may be compressed with gzip only";
                Err(Error::new(Reason::CompressionUnsupported, message).with_subject("header", ENCODING))
            }
        }
    }
}

fn malformed(what: &'static str) -> Error {
    Error::new(Reason::MessageMalformed, format!("the request message is not well formed: {what}"))
}

/// The refusal of a request that ends within a message.
pub(super) fn incomplete() -> Error {
    malformed("the request ended before the message")
}

/// The refusal of a request whose connection ended within a message.
pub(super) fn cut_short(error: tonic::Status) -> Error {
    Error::new(Reason::MessageMalformed, "the request ended before its message was complete").with_source(error)
}

/// The refusal of a message that is longer than its method allows.
pub(super) fn too_large(method: &Method, length: usize) -> Error {
    let message = format!(
        "the request message has {length} bytes or more; {} takes at most {}",
        method.name, method.message_bytes_max
    );
    Error::new(Reason::MessageTooLarge, message).with_subject("message", method.name.clone())
}

/// Reads the body of a request, which holds one message and nothing else.
pub(super) async fn read(
    body: &mut Body,
    method: &Method,
    encoding: Encoding,
    memory: &mut impl Take,
) -> Result<Framed> {
    let mut first: Option<Bytes> = None;
    let mut gathered = BytesMut::new();
    let mut expected = None;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(cut_short)?;
        let Ok(data) = frame.into_data() else { break };
        if data.is_empty() {
            continue;
        }
        // Received bytes count, not announced ones: six bytes that announce four megabytes take six bytes.
        if !memory.take(data.len()) {
            return Err(no_room());
        }
        match (&first, gathered.is_empty()) {
            // Most requests come in one piece, which need not be copied.
            (None, true) => first = Some(data),
            (Some(one), true) => {
                gathered.reserve(one.len() + data.len());
                gathered.extend_from_slice(one);
                gathered.extend_from_slice(&data);
            }
            _ => gathered.extend_from_slice(&data),
        }
        let have: &[u8] = if gathered.is_empty() { first.as_deref().unwrap_or_default() } else { &gathered };
        if expected.is_none()
            && let Some((_, length)) = prefix(have)
        {
            if length > method.message_bytes_max {
                return Err(too_large(method, length));
            }
            expected = Some(length);
        }
        if expected.is_some_and(|length| have.len() > PREFIX_BYTES + length) {
            return Err(malformed("bytes follow the message"));
        }
    }
    let whole = if gathered.is_empty() { first.unwrap_or_default() } else { gathered.freeze() };
    if expected.is_none_or(|length| whole.len() < PREFIX_BYTES + length) {
        return Err(incomplete());
    }
    unpacked(whole, method, encoding, memory)
}

/// A whole message with its prefix, decompressed.
pub(super) fn unpacked(whole: Bytes, method: &Method, encoding: Encoding, memory: &mut impl Take) -> Result<Framed> {
    match whole.first() {
        Some(0) => Ok(Framed(whole)),
        Some(1) if encoding == Encoding::Gzip => inflate(whole.get(PREFIX_BYTES..).unwrap_or_default(), method, memory),
        Some(1) => Err(malformed("it is marked as compressed, but grpc-encoding is missing")),
        _ => Err(malformed("its first byte is neither 0 nor 1")),
    }
}

/// The refusal when the calls of a caller, or of all, use all the memory that they may, for their requests and for answers that are not sent yet.
pub(super) fn no_room() -> Error {
    Error::new(Reason::Overloaded, "calls in progress use all the memory reserved for them: repeat shortly")
        .with_subject("quota", "call_bytes")
}

fn inflate(compressed: &[u8], method: &Method, memory: &mut impl Take) -> Result<Framed> {
    let limit = method.message_bytes_max;
    let mut message = Vec::new();
    let inflated = MultiGzDecoder::new(compressed).take(limit as u64 + 1).read_to_end(&mut message);
    inflated.map_err(|error| malformed("it cannot be decompressed").with_source(error))?;
    if message.len() > limit {
        return Err(too_large(method, limit + 1));
    }
    if !memory.take(message.len()) {
        return Err(no_room());
    }
    Ok(Framed::new(&message))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use futures::stream;
    use http_body::Frame;
    use http_body_util::StreamBody;

    use super::super::method::Access;
    use super::super::shape::Shapes;
    use super::*;
    use crate::wire::typed::pool;

    struct Room(usize);

    impl Take for Room {
        fn take(&mut self, bytes: usize) -> bool {
            let fits = bytes <= self.0;
            self.0 -= if fits { bytes } else { 0 };
            fits
        }
    }

    fn method() -> Method {
        let message = pool().get_message_by_name("lienthong.exchange.v1.ExplainRequest").expect("in the protos");
        Method {
            name: "a.v1.Service/Method".into(),
            access: Access::Anyone,
            message_bytes_max: 1_000,
            message_fields_max: 10,
            is_client_streaming: false,
            is_server_streaming: false,
            shape: Shapes::default().of(&message),
        }
    }

    async fn of(pieces: &[&[u8]], encoding: Encoding) -> Result<Vec<u8>> {
        let frames: Vec<Result<_, std::io::Error>> =
            pieces.iter().map(|piece| Ok(Frame::data(Bytes::copy_from_slice(piece)))).collect();
        let mut body = Body::new(StreamBody::new(stream::iter(frames)));
        read(&mut body, &method(), encoding, &mut Room(1_500)).await.map(|framed| framed.message().to_vec())
    }

    fn prefixed(flag: u8, message: &[u8]) -> Vec<u8> {
        [&[flag], &(message.len() as u32).to_be_bytes()[..], message].concat()
    }

    fn gzip(message: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(message).expect("in memory");
        encoder.finish().expect("in memory")
    }

    #[tokio::test]
    async fn a_message_comes_whole_however_it_is_cut() {
        let framed = prefixed(0, b"hello");
        for cut in 0..framed.len() {
            let (one, two) = framed.split_at(cut);
            assert_eq!(of(&[one, two], Encoding::Identity).await.expect("read"), b"hello", "{cut}");
        }
        let single: Vec<&[u8]> = framed.chunks(1).collect();
        assert_eq!(of(&single, Encoding::Identity).await.expect("read"), b"hello");
        assert_eq!(of(&[&prefixed(0, b"")], Encoding::Identity).await.expect("read"), b"");
        let zipped = prefixed(1, &gzip(b"hello"));
        assert_eq!(of(&[&zipped], Encoding::Gzip).await.expect("inflated"), b"hello");
        assert_eq!(of(&[&framed], Encoding::Gzip).await.expect("need not be compressed"), b"hello");
        let members = prefixed(1, &[gzip(b"hel"), gzip(b"lo")].concat());
        assert_eq!(of(&[&members], Encoding::Gzip).await.expect("inflated whole"), b"hello", "RFC 1952, section 2.2");
    }

    #[tokio::test]
    async fn what_is_no_message_or_too_large_is_refused() {
        let bomb = prefixed(1, &gzip(&vec![0; 1_000_000]));
        let zipped = prefixed(1, &gzip(b"hello"));
        let trailing = prefixed(1, &[gzip(b"hello"), b"xxxx".to_vec()].concat());
        let cases: [(&[&[u8]], Encoding, Reason); 10] = [
            (&[&trailing], Encoding::Gzip, Reason::MessageMalformed),
            (&[], Encoding::Identity, Reason::MessageMalformed),
            (&[b"\0\0\0\0"], Encoding::Identity, Reason::MessageMalformed),
            (&[b"\0\0\0\0\x05hell"], Encoding::Identity, Reason::MessageMalformed),
            (&[b"\0\0\0\0\x05hello!"], Encoding::Identity, Reason::MessageMalformed),
            (&[b"\x02\0\0\0\x00"], Encoding::Identity, Reason::MessageMalformed),
            (&[&zipped], Encoding::Identity, Reason::MessageMalformed),
            (&[b"\x01\0\0\0\x02no"], Encoding::Gzip, Reason::MessageMalformed),
            (&[&bomb], Encoding::Gzip, Reason::MessageTooLarge),
            (&[b"\0\xff\xff\xff\xff"], Encoding::Identity, Reason::MessageTooLarge),
        ];
        for (pieces, encoding, reason) in cases {
            assert_eq!(of(pieces, encoding).await.expect_err("refused").reason, reason, "{pieces:?}");
        }
    }

    #[tokio::test]
    async fn without_room_nothing_is_read() {
        let mut body = Body::new(http_body_util::Full::new(Bytes::from(prefixed(0, &[1; 900]))));
        let refused = read(&mut body, &method(), Encoding::Identity, &mut Room(899)).await.expect_err("no room");
        assert_eq!(refused.reason, Reason::Overloaded);
    }
}
