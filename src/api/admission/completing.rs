//! The end of answers: every refusal leaves with the details and the id that all have, in the headers of an answer or in the trailers of a stream.
//!
//! Services of ours make such refusals themselves. Those of the framework (reflection) make bare ones, and end with OK after a request that they could not
//! read. The answer to one message cannot fail after its head, so only streams are followed to their trailers.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::Frame;
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::http::{HeaderMap, Response};

use super::opening::Opening;
use super::requests::Cut;
use crate::api::Edge;
use crate::api::request_id::{REQUEST_ID, give_back, mark_headers};
use crate::api::status;
use crate::base::call::Call;
use crate::base::{Language, RequestId};

/// Adds the id to an answer, and to a refusal by the framework the details that all others have. Services' own answers have both.
pub(super) fn complete(mut answer: Response<Body>, id: RequestId, language: Language) -> Response<Body> {
    if !answer.headers().contains_key(REQUEST_ID) {
        if let Some(refusal) = status::completed(answer.headers(), id, language) {
            return refusal;
        }
        mark_headers(answer.headers_mut(), id);
    }
    answer
}

/// The call whose stream is followed.
pub(super) struct Followed {
    pub(super) method: &'static str,
    pub(super) opening: Opening,
    /// `None`: a call that anyone may make.
    pub(super) call: Option<Arc<Call>>,
    pub(super) edge: Edge,
    /// Why it ends early, if it does.
    pub(super) cut: Cut,
}

impl Followed {
    /// Follows a stream to its trailers.
    pub(super) fn follow(self, answer: Response<Body>) -> Response<Body> {
        if answer.headers().contains_key("grpc-status") {
            return answer;
        }
        answer.map(|inner| Body::new(Following { inner, followed: self }))
    }

    /// The trailers as they leave.
    fn completed(&self, trailers: HeaderMap) -> HeaderMap {
        let Opening { request_id, language, ref client_ids, .. } = self.opening;
        let completed = match self.cut.get() {
            Some(error) => {
                self.edge.ended_early(error, self.method, self.call.as_deref(), &self.opening);
                Some(status::trailers(error, request_id, language))
            }
            None if trailers.contains_key(REQUEST_ID) => None,
            None => status::completed_trailers(&trailers, request_id, language),
        };
        let Some(mut completed) = completed else { return trailers };
        give_back(&mut completed, client_ids, request_id);
        completed
    }

    /// The trailers after a panic.
    fn panicked(&self) -> HeaderMap {
        let Opening { request_id, language, ref client_ids, .. } = self.opening;
        let error = self.edge.panicked(self.method, self.call.as_deref(), request_id);
        let mut trailers = status::trailers(&error, request_id, language);
        give_back(&mut trailers, client_ids, request_id);
        trailers
    }
}

/// The body of a stream that is followed.
struct Following {
    inner: Body,
    followed: Followed,
}

impl http_body::Body for Following {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let own = &mut *self;
        // As in `panic`: the state that a panic leaves behind belongs to this call, and is not used again.
        let polled = catch_unwind(AssertUnwindSafe(|| Pin::new(&mut own.inner).poll_frame(context)));
        match polled {
            Ok(Poll::Ready(Some(Ok(frame)))) if frame.is_trailers() => {
                let trailers = frame.into_trailers().unwrap_or_default();
                Poll::Ready(Some(Ok(Frame::trailers(own.followed.completed(trailers)))))
            }
            Ok(polled) => polled,
            Err(_) => {
                own.inner = Body::empty();
                Poll::Ready(Some(Ok(Frame::trailers(own.followed.panicked()))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }
}
