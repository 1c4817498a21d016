//! The calls of a connection: each is noted in the connection's standing until its answer is handed over, and carries its peer.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use hyper::body::{Body, Frame, Incoming, SizeHint};
use tonic::codegen::http::{Request, Response};

use super::standing::{CallUnderWay, Standing};
use crate::api::certificate::ClientCertificate;
use crate::base::Peer;
use crate::base::call::PublicAnswer;

/// gRPC statuses that do not prove an admitted caller: RESOURCE_EXHAUSTED, UNIMPLEMENTED, UNAUTHENTICATED.
const UNWELCOME: [&[u8]; 3] = [b"8", b"12", b"16"];

/// A service as called by one connection's peer. The service must always be ready, and cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Calls<S, B> {
    pub(super) service: S,
    /// Converts to the service's body type.
    pub(super) body: fn(Incoming) -> B,
    pub(super) peer: Peer,
    /// What the client showed in its TLS handshake.
    pub(super) certificate: Option<Arc<ClientCertificate>>,
    pub(super) standing: Arc<Standing>,
}

impl<S, B, R> hyper::service::Service<Request<Incoming>> for Calls<S, B>
where
    S: tower::Service<Request<B>, Response = Response<R>, Error = Infallible> + Clone,
    S::Future: Unpin,
    R: Body + Unpin,
{
    type Response = Response<Answer<R>>;
    type Error = Infallible;
    type Future = Answering<S::Future>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let call = self.standing.begin_call();
        let mut request = request.map(self.body);
        request.extensions_mut().insert(self.peer);
        if let Some(certificate) = &self.certificate {
            request.extensions_mut().insert(certificate.clone());
        }
        request.extensions_mut().insert(self.standing.dismissal().clone());
        Answering { inner: self.service.clone().call(request), call: Some(call) }
    }
}

/// The future of an answer.
#[derive(Debug)]
pub(super) struct Answering<F> {
    inner: F,
    /// The call, until the answer's head is ready.
    call: Option<CallUnderWay>,
}

impl<F, R> Future for Answering<F>
where
    F: Future<Output = Result<Response<R>, Infallible>> + Unpin,
{
    type Output = Result<Response<Answer<R>>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Ok(response) = ready!(Pin::new(&mut self.inner).poll(context));
        let mut call = self.call.take();
        if let Some(call) = &mut call {
            if !call.is_admitted() && is_welcome(&response) {
                call.admit();
            }
            call.note_handed_over();
        }
        Poll::Ready(Ok(response.map(|body| Answer { body, call })))
    }
}

/// Whether an answer shows that its caller was admitted. A refusal by gRPC has its status in the head, without a body.
fn is_welcome<R>(response: &Response<R>) -> bool {
    let status = response.headers().get("grpc-status").map(|value| value.as_bytes());
    // A public answer says nothing about its caller.
    let is_public = response.extensions().get::<PublicAnswer>().is_some();
    !is_public && !response.status().is_client_error() && !status.is_some_and(|status| UNWELCOME.contains(&status))
}

/// An answer's body; the call is in progress until it is dropped.
#[derive(Debug)]
pub(super) struct Answer<R> {
    body: R,
    call: Option<CallUnderWay>,
}

impl<R: Body + Unpin> Body for Answer<R> {
    type Data = R::Data;
    type Error = R::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<R::Data>, R::Error>>> {
        // HTTP polls for the next part when the peer has taken the last.
        let polled = Pin::new(&mut self.body).poll_frame(context);
        if let Some(call) = &mut self.call {
            match &polled {
                Poll::Ready(_) => call.note_handed_over(),
                Poll::Pending => call.note_taken(),
            }
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_of_a_stranger_is_no_welcome() {
        let response = |status: u16, grpc: Option<&str>| {
            let mut built = Response::builder().status(status);
            if let Some(grpc) = grpc {
                built = built.header("grpc-status", grpc);
            }
            built.body(()).expect("a response")
        };
        for (status, grpc, expected) in [
            (200, None, true),
            (200, Some("0"), true),
            (200, Some("5"), true),
            (200, Some("7"), true),
            (200, Some("16"), false),
            (200, Some("12"), false),
            (200, Some("8"), false),
            (304, None, true),
            (404, None, false),
            (415, None, false),
        ] {
            assert_eq!(is_welcome(&response(status, grpc)), expected, "{status} {grpc:?}");
        }
    }
}
