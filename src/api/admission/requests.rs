//! Streams of request messages: each message is read whole, under the limits of a single one, and scanned before the service sees it.
//!
//! A service of the framework (reflection) may end its answer with OK when a message cannot be read. So the error is kept beside the stream, and the
//! answer ends with it (`completing`).

use std::io;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::BytesMut;
use futures::StreamExt as _;
use futures::stream::unfold;
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use tonic::body::Body;
use tonic::codegen::StdError;

use super::message::{Encoding, Framed, Take, cut_short, incomplete, no_room, too_large, unpacked};
use super::method::{Method, Methods};
use super::shape::Flaw;
use crate::api::frame::{PREFIX_BYTES, prefix};
use crate::base::{Error, Reason, Result, Violation, limits};

/// The error by which a stream of requests ended before its client ended it.
pub(super) type Cut = Arc<OnceLock<Error>>;

/// Counts the fields of a message, and refuses one that the method's message cannot be.
pub(super) fn scan(methods: &Methods, method: &Method, message: &[u8]) -> Result<usize> {
    methods.shapes().scan(method.shape, message, method.message_fields_max).map_err(|flaw| match flaw {
        Flaw::TooManyFields => {
            let message = format!(
                "the request message has more than {} fields in total, or more than {} list entries",
                method.message_fields_max,
                limits::REQUEST_LIST_MAX
            );
            Error::new(Reason::MessageTooLarge, message).with_subject("message", method.name.clone())
        }
        Flaw::Malformed(path, what) if path.is_empty() => {
            Error::new(Reason::MessageMalformed, format!("the request message is not well formed: {what}"))
        }
        Flaw::Malformed(path, what) => {
            Error::invalid_for(Reason::MessageMalformed, Violation::new(path, "FORMAT", what))
        }
    })
}

/// A stream of requests as it is read.
pub(super) struct Requests<M> {
    pub(super) body: Body,
    pub(super) method: &'static Method,
    pub(super) methods: Arc<Methods>,
    pub(super) encoding: Encoding,
    /// Held for what came, until the stream ends.
    pub(super) memory: M,
}

impl<M: Take + Send + 'static> Requests<M> {
    /// The messages as the body of a request, none of them compressed. An error ends them, and is noted in `cut`.
    pub(super) fn into_body(self, cut: Cut) -> Body {
        let reading = Reading { requests: self, buffer: BytesMut::new(), left: limits::REQUEST_STREAM_BYTES_MAX };
        let frames = unfold(Some((reading, cut)), |state| async {
            let (mut reading, cut) = state?;
            match reading.next().await {
                Ok(Some(message)) => Some((Ok(Frame::data(message.into_bytes())), Some((reading, cut)))),
                Ok(None) => None,
                Err(error) => {
                    // The first error is the only one: the stream is over.
                    let _ = cut.set(error);
                    Some((Err(StdError::from(io::Error::from(io::ErrorKind::InvalidData))), None))
                }
            }
        });
        Body::new(StreamBody::new(frames.boxed()))
    }
}

struct Reading<M> {
    requests: Requests<M>,
    /// What came of the next message.
    buffer: BytesMut,
    /// Bytes that may still come.
    left: usize,
}

impl<M: Take> Reading<M> {
    /// The next message; `None` at the end, and when no message began for too long.
    async fn next(&mut self) -> Result<Option<Framed>> {
        let Requests { method, encoding, .. } = self.requests;
        loop {
            if let Some((_, length)) = prefix(&self.buffer) {
                if length > method.message_bytes_max {
                    return Err(too_large(method, length));
                }
                if self.buffer.len() >= PREFIX_BYTES + length {
                    let whole = self.buffer.split_to(PREFIX_BYTES + length).freeze();
                    let message = unpacked(whole, method, encoding, &mut self.requests.memory)?;
                    scan(&self.requests.methods, method, message.message())?;
                    return Ok(Some(message));
                }
            }
            if !self.more().await? {
                return if self.buffer.is_empty() { Ok(None) } else { Err(incomplete()) };
            }
        }
    }

    /// Waits for more of the stream; `false`: nothing follows.
    async fn more(&mut self) -> Result<bool> {
        let idle = Duration::from_millis(limits::REQUEST_STREAM_IDLE_MS_MAX);
        let data = match tokio::time::timeout(idle, self.requests.body.frame()).await {
            Err(_) if self.buffer.is_empty() => return Ok(false),
            Err(_) => {
                let message = "the request message did not arrive in time";
                return Err(Error::new(Reason::DeadlineExceeded, message).with_subject("message", ""));
            }
            Ok(None) => return Ok(false),
            Ok(Some(frame)) => frame.map_err(cut_short)?.into_data().unwrap_or_default(),
        };
        let Some(left) = self.left.checked_sub(data.len()) else {
            let message = format!(
                "the messages of the request have more than {} bytes in total",
                limits::REQUEST_STREAM_BYTES_MAX
            );
            return Err(Error::new(Reason::MessageTooLarge, message).with_subject("message", ""));
        };
        if !self.requests.memory.take(data.len()) {
            return Err(no_room());
        }
        self.left = left;
        self.buffer.extend_from_slice(&data);
        Ok(true)
    }
}
