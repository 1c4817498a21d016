//! Answers compressed with gzip, for clients that say that they read it (gRPC over HTTP/2, "Compression").
//!
//! Each message says for itself whether it is compressed, so that short ones, and those that gain little, go out as they are. Long ones are
//! compressed on a thread of their own: those that carry calls have no time for them.

use std::io::Write as _;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{BufMut as _, Bytes, BytesMut};
use flate2::Compression;
use flate2::write::GzEncoder;
use http_body::{Body as _, Frame};
use http_body_util::BodyExt as _;
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::http::{HeaderMap, HeaderValue, Response};

use super::message::ENCODING;
use crate::api::frame::{PREFIX_BYTES, prefix};
use crate::base::limits;
use crate::base::offload::{Offloaded, offload};

/// Bytes from which compressing takes longer than a thread that carries calls may be held: about a millisecond.
const LONG_BYTES: usize = 64 * 1024;
/// The request header with the compressions that a client reads.
const ACCEPTED: &str = "grpc-accept-encoding";

/// Whether a client reads gzip.
pub(super) fn is_accepted(headers: &HeaderMap) -> bool {
    let lists = headers.get_all(ACCEPTED).iter().filter_map(|value| value.to_str().ok());
    lists.flat_map(|list| list.split(',')).any(|name| name.trim() == "gzip")
}

/// The answer with its messages compressed where that is worth it. The head of a stream does not wait for its messages; that of an answer of
/// one message names gzip only if the message is compressed.
pub(super) async fn compressed(answer: Response<Body>, is_stream: bool) -> Response<Body> {
    if answer.body().is_end_stream() || answer.headers().contains_key(ENCODING) {
        return answer;
    }
    let (mut parts, mut inner) = answer.into_parts();
    let (mut first, mut is_on) = (None, is_stream);
    if !is_stream {
        first = match inner.frame().await {
            Some(Ok(frame)) if frame.is_data() => {
                let recoded = in_its_time(frame.into_data().unwrap_or_default()).await;
                is_on = recoded.is_smaller;
                Some(Ok(Frame::data(recoded.data)))
            }
            other => other,
        };
    }
    if is_on {
        parts.headers.insert(ENCODING, HeaderValue::from_static("gzip"));
    }
    Response::from_parts(parts, Body::new(Compressing { first, inner, is_on, long: None }))
}

/// A body whose messages are compressed on their way.
struct Compressing {
    /// The part of the body read before its head went out.
    first: Option<Result<Frame<Bytes>, Status>>,
    inner: Body,
    is_on: bool,
    /// Long messages that are being compressed, and what goes out if that fails.
    long: Option<(Offloaded<Recoded>, Bytes)>,
}

impl http_body::Body for Compressing {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(first));
        }
        if let Some((work, as_it_is)) = &mut self.long {
            let recoded = ready!(Pin::new(work).poll(context));
            let data = recoded.map_or_else(|_| std::mem::take(as_it_is), |recoded| recoded.data);
            self.long = None;
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(context));
        match frame {
            Some(Ok(frame)) if self.is_on && frame.is_data() => {
                let data = frame.into_data().unwrap_or_default();
                if data.len() < LONG_BYTES {
                    return Poll::Ready(Some(Ok(Frame::data(recode(data).data))));
                }
                let as_it_is = data.clone();
                self.long = Some((offload(|| recode(data)), as_it_is));
                self.poll_frame(context)
            }
            other => Poll::Ready(other),
        }
    }
}

/// Messages as they go out.
struct Recoded {
    data: Bytes,
    /// Whether one of them at least is compressed.
    is_smaller: bool,
}

async fn in_its_time(data: Bytes) -> Recoded {
    if data.len() < LONG_BYTES {
        return recode(data);
    }
    let as_it_is = Recoded { data: data.clone(), is_smaller: false };
    offload(|| recode(data)).await.unwrap_or(as_it_is)
}

/// Compresses each of the messages in `data` that is worth it. The framework hands over whole messages; anything else goes out as it is.
fn recode(data: Bytes) -> Recoded {
    let mut out = BytesMut::new();
    let (mut rest, mut copied) = (data.clone(), 0);
    while let Some((flag, length)) = prefix(&rest) {
        let end = PREFIX_BYTES + length;
        if rest.len() < end {
            break;
        }
        let message = rest.split_to(end);
        if flag == 0
            && length >= limits::COMPRESSED_BYTES_MIN
            && let Some(smaller) = gzip(&message[PREFIX_BYTES..])
        {
            let begin = data.len() - rest.len() - end;
            out.extend_from_slice(&data[copied..begin]);
            out.put_u8(1);
            out.put_u32(smaller.len() as u32);
            out.extend_from_slice(&smaller);
            copied = begin + end;
        }
    }
    if copied == 0 {
        return Recoded { data, is_smaller: false };
    }
    out.extend_from_slice(&data[copied..]);
    Recoded { data: out.freeze(), is_smaller: true }
}

/// The message compressed; `None` when that saves less than an eighth of it, which is not worth the client's work.
fn gzip(message: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(message.len() / 2), Compression::fast());
    encoder.write_all(message).ok()?;
    let smaller = encoder.finish().ok()?;
    (smaller.len() <= message.len() / 8 * 7).then_some(smaller)
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use futures::stream;
    use http_body_util::StreamBody;
    use sha2::{Digest as _, Sha256};

    use super::*;

    fn framed(messages: &[Vec<u8>]) -> Bytes {
        let framed = messages.iter().map(|message| [&[0], &(message.len() as u32).to_be_bytes()[..], message].concat());
        framed.collect::<Vec<_>>().concat().into()
    }

    fn words(bytes: usize) -> Vec<u8> {
        b"the same words ".iter().copied().cycle().take(bytes).collect()
    }

    /// Bodies that cannot be compressed.
    fn noise(bytes: usize) -> Vec<u8> {
        (0_u64..).flat_map(|at| Sha256::digest(at.to_be_bytes())).take(bytes).collect()
    }

    fn answer(pieces: &[Bytes]) -> Response<Body> {
        let frames: Vec<Result<_, Status>> = pieces.iter().cloned().map(|piece| Ok(Frame::data(piece))).collect();
        Response::new(Body::new(StreamBody::new(stream::iter(frames))))
    }

    /// The messages of an answer, and which of them were compressed.
    async fn read(answer: Response<Body>) -> Vec<(bool, Vec<u8>)> {
        let mut bytes = answer.into_body().collect().await.expect("whole").to_bytes();
        let mut messages = Vec::new();
        while !bytes.is_empty() {
            let prefix = bytes.split_to(PREFIX_BYTES);
            let length = u32::from_be_bytes(prefix[1..].try_into().expect("four bytes")) as usize;
            let message = bytes.split_to(length).to_vec();
            let mut inflated = Vec::new();
            if prefix[0] == 1 {
                flate2::read::GzDecoder::new(&message[..]).read_to_end(&mut inflated).expect("gzip");
            }
            messages.push(if prefix[0] == 1 { (true, inflated) } else { (false, message) });
        }
        messages
    }

    fn encoding(answer: &Response<Body>) -> Option<&str> {
        answer.headers().get(ENCODING).and_then(|value| value.to_str().ok())
    }

    #[tokio::test]
    async fn an_answer_is_compressed_where_that_is_worth_it() {
        let long = 2 * LONG_BYTES;
        for (message, is_worth_it) in [
            (words(limits::COMPRESSED_BYTES_MIN), true),
            (words(long), true),
            (words(limits::COMPRESSED_BYTES_MIN - 1), false),
            (noise(20_000), false),
            (noise(long), false),
            (Vec::new(), false),
        ] {
            let sent = compressed(answer(&[framed(std::slice::from_ref(&message))]), false).await;
            assert_eq!(encoding(&sent), is_worth_it.then_some("gzip"), "{}", message.len());
            assert_eq!(read(sent).await, [(is_worth_it, message)]);
        }
    }

    #[tokio::test]
    async fn each_message_of_a_stream_is_weighed_for_itself() {
        let messages = [words(10), words(20_000), noise(20_000), words(3 * LONG_BYTES), words(7)];
        let pieces = [framed(&messages[..3]), framed(&messages[3..4]), framed(&messages[4..])];
        let sent = compressed(answer(&pieces), true).await;
        assert_eq!(encoding(&sent), Some("gzip"));
        let expected: Vec<_> = [false, true, false, true, false].into_iter().zip(messages).collect();
        assert_eq!(read(sent).await, expected);
    }

    #[tokio::test]
    async fn a_refusal_and_what_is_no_whole_message_stay_as_they_are() {
        let mut refusal = Response::new(Body::empty());
        refusal.headers_mut().insert("grpc-status", HeaderValue::from_static("5"));
        assert_eq!(encoding(&compressed(refusal, true).await), None);
        let cut = framed(&[words(5_000)]).slice(..4_000);
        let sent = compressed(answer(std::slice::from_ref(&cut)), false).await;
        assert_eq!(sent.into_body().collect().await.expect("whole").to_bytes(), cut);
    }

    #[test]
    fn gzip_is_one_of_the_compressions_that_a_client_lists() {
        for (value, expected) in [
            ("gzip", true),
            ("identity, deflate, gzip", true),
            ("identity,gzip", true),
            ("gzipped", false),
            ("", false),
        ] {
            let headers = HeaderMap::from_iter([(ACCEPTED.parse().expect("a name"), value.parse().expect("a value"))]);
            assert_eq!(is_accepted(&headers), expected, "{value}");
        }
        assert!(!is_accepted(&HeaderMap::new()));
    }
}
