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
        request.extensions_mut().insert(self.standing.connection().clone());
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
        call.iter_mut().for_each(CallUnderWay::note_handed_over);
        Poll::Ready(Ok(response.map(|body| Answer { body, call })))
    }
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
