//! Answers on their way: their bytes are counted in the caller's share of the memory before they are sent, and the share is held until they are.
//!
//! HTTP/2 lets a client leave any number of answers unread. Without a window the body stays here, with one it goes into the buffers of the connection, and
//! in both cases the memory is ours. So each part of an answer carries the call's share into those buffers, and an answer for which the share has no room is
//! refused. The connections (`server::net`) end one that reads nothing for too long, and with it come back the shares of its calls.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::BodyExt as _;
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::http::{HeaderMap, Response};

use super::held::Share;
use super::message::no_room;
use super::requests::Cut;
use crate::base::{Result, limits};

/// An answer of one message, counted. Fails with [`Overloaded`](crate::base::Reason::Overloaded) if there is no room for it.
///
/// The message is encoded here, while the call still has its turn: what waits for the client is its bytes alone.
pub(super) async fn counted(answer: Response<Body>, share: &Share) -> Result<Response<Body>> {
    if answer.body().is_end_stream() {
        return Ok(answer); // a refusal
    }
    let (parts, mut inner) = answer.into_parts();
    let first = inner.frame().await;
    let bytes = first.as_ref().and_then(|first| first.as_ref().ok()?.data_ref()).map_or(0, Bytes::len);
    if !share.take(bytes) {
        return Err(no_room());
    }
    let body = first.map_or_else(Body::empty, |first| Body::new(Begun { first: Some(first), inner }));
    Ok(Response::from_parts(parts, body))
}

/// A body whose first part was read.
struct Begun {
    first: Option<Result<Frame<Bytes>, Status>>,
    inner: Body,
}

impl http_body::Body for Begun {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        match self.first.take() {
            Some(first) => Poll::Ready(Some(first)),
            None => Pin::new(&mut self.inner).poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.first.is_none() && self.inner.is_end_stream()
    }
}

/// A stream of answers, counted as it goes: as much as HTTP may keep of it at a time. If there is no room for more, it ends, and `cut` says why.
pub(super) fn counted_as_it_goes(answer: Response<Body>, share: Arc<Share>, cut: Cut) -> Response<Body> {
    if answer.body().is_end_stream() {
        return answer;
    }
    answer.map(|inner| Body::new(Counting { inner, share, cut, sent: 0, counted: 0 }))
}

struct Counting {
    inner: Body,
    share: Arc<Share>,
    cut: Cut,
    /// Bytes that went out so far.
    sent: usize,
    /// Bytes of the share.
    counted: usize,
}

impl Counting {
    /// Counts the next part, and no more of those before than HTTP still keeps: it asks for the next while that is less than
    /// [`ANSWER_QUEUED_BYTES`](limits::ANSWER_QUEUED_BYTES).
    fn count(&mut self, part: usize) -> bool {
        let kept = self.sent.min(limits::ANSWER_QUEUED_BYTES) + part;
        match kept.checked_sub(self.counted) {
            Some(more) if more > 0 && !self.share.take(more) => return false,
            Some(_) => {}
            None => self.share.give_back(self.counted - kept),
        }
        (self.counted, self.sent) = (kept, self.sent.saturating_add(part));
        true
    }
}

impl http_body::Body for Counting {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let polled = Pin::new(&mut self.inner).poll_frame(context);
        let part = match &polled {
            Poll::Ready(Some(Ok(frame))) => frame.data_ref().map_or(0, Bytes::len),
            Poll::Ready(_) | Poll::Pending => 0,
        };
        if !self.count(part) {
            self.inner = Body::empty();
            // An error of its requests came first, if there is one.
            let _ = self.cut.set(no_room());
            return Poll::Ready(Some(Ok(Frame::trailers(HeaderMap::new()))));
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }
}

/// A body that holds a share until the last of its bytes is sent, or dropped.
pub(super) struct Holding<B, S> {
    inner: B,
    share: Arc<S>,
}

impl<B, S> Holding<B, S> {
    pub(super) fn new(inner: B, share: Arc<S>) -> Self {
        Self { inner, share }
    }
}

impl<B, S> http_body::Body for Holding<B, S>
where
    B: http_body::Body<Data = Bytes> + Unpin,
    S: Send + Sync + 'static,
{
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let polled = Pin::new(&mut self.inner).poll_frame(context);
        polled
            .map_ok(|frame| frame.map_data(|bytes| Bytes::from_owner(SentBytes { bytes, _share: self.share.clone() })))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// Bytes of an answer, with the share that they hold.
struct SentBytes<S> {
    bytes: Bytes,
    _share: Arc<S>,
}

impl<S> AsRef<[u8]> for SentBytes<S> {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use futures::StreamExt as _;
    use http_body_util::StreamBody;

    use super::super::budget::Budget;
    use super::super::held::Memory;
    use super::super::holder::Holder;
    use super::*;
    use crate::base::Reason;

    /// A budget, and a share of it.
    fn share(bytes_max: usize) -> (Arc<Budget<Holder>>, Arc<Share>) {
        let budget = Budget::new(bytes_max, bytes_max);
        let memory = Memory::new(Holder::Stranger(None), budget.begin(), None);
        (budget, Share::new(None, None, memory))
    }

    /// So many parts.
    fn pieces(parts: usize, bytes: usize) -> impl futures::Stream<Item = Result<Frame<Bytes>, Status>> + Send + Unpin {
        futures::stream::iter(0..parts).map(move |_| Ok(Frame::data(Bytes::from(vec![7; bytes]))))
    }

    /// An answer with this number of parts.
    fn stream(parts: usize, bytes: usize) -> Response<Body> {
        Response::new(Body::new(StreamBody::new(pieces(parts, bytes))))
    }

    #[tokio::test]
    async fn an_answer_holds_its_share_until_the_last_of_its_bytes_is_dropped() {
        let (budget, share) = share(100);
        let answer = counted(stream(1, 60), &share).await.expect("there is room");
        let mut body = Holding::new(answer.into_body(), share);
        let bytes = body.frame().await.expect("a part").expect("whole").into_data().expect("data");
        assert!(body.frame().await.is_none());
        drop(body);
        assert_eq!((bytes.len(), budget.taken()), (60, 60), "HTTP may keep them for long");
        let rest = bytes.slice(59..);
        drop(bytes);
        assert_eq!(budget.taken(), 60, "a byte is left");
        drop(rest);
        assert_eq!(budget.taken(), 0);
    }

    #[tokio::test]
    async fn an_answer_without_room_is_refused_and_one_that_is_a_refusal_is_not() {
        let (budget, share) = share(100);
        let refused = counted(stream(1, 101), &share).await.expect_err("there is no room");
        assert_eq!((refused.reason, budget.taken()), (Reason::Overloaded, 0));
        counted(Response::new(Body::empty()), &share).await.expect("it has no bytes");
    }

    #[tokio::test]
    async fn a_stream_counts_what_http_may_keep_of_it_and_no_more() {
        let part = limits::ANSWER_QUEUED_BYTES / 2;
        let (budget, share) = share(4 * part);
        let (cut, parts) = (Cut::default(), 100);
        let answer = Response::new(Body::new(StreamBody::new(pieces(parts, part).chain(futures::stream::pending()))));
        let mut body = counted_as_it_goes(answer, share, cut.clone()).into_body();
        for (at, kept) in (0..parts).zip([1, 2, 3].into_iter().chain(std::iter::repeat(3))) {
            body.frame().await.expect("a part").expect("whole");
            assert_eq!(budget.taken(), kept * part, "{at}");
        }
        assert!(futures::poll!(body.frame()).is_pending() && cut.get().is_none());
        assert_eq!(budget.taken(), 2 * part, "while it waits for its next part");
    }

    #[tokio::test]
    async fn a_stream_without_room_ends_and_says_why() {
        let (_, share) = share(100);
        let cut = Cut::default();
        let mut body = counted_as_it_goes(stream(3, 60), share, cut.clone()).into_body();
        assert!(body.frame().await.expect("a part").expect("whole").is_data());
        assert!(body.frame().await.expect("the end").expect("whole").is_trailers());
        assert_eq!(cut.get().map(|error| error.reason), Some(Reason::Overloaded));
        assert!(body.frame().await.is_none());
    }
}
