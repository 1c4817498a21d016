//! A handler that panics answers INTERNAL, and the process goes on: one caller's bad luck is not everybody's.

use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use tonic::body::Body;
use tonic::codegen::http;
use tower::{Layer, Service};

use crate::api::status::status;
use crate::base::Language;
use crate::base::{Error, RequestId};

/// Wraps a service so that its panics become answers.
#[derive(Debug, Clone, Copy, Default)]
pub struct CatchPanics;

impl<S> Layer<S> for CatchPanics {
    type Service = Caught<S>;

    fn layer(&self, inner: S) -> Caught<S> {
        Caught { inner }
    }
}

/// A service whose panics become answers.
#[derive(Debug, Clone)]
pub struct Caught<S> {
    inner: S,
}

impl<S, Q> Service<http::Request<Q>> for Caught<S>
where
    S: Service<http::Request<Q>, Response = http::Response<Body>, Error = Infallible>,
    S::Future: Unpin,
{
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Answering<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: http::Request<Q>) -> Self::Future {
        let uri = request.uri().clone();
        Answering { inner: self.inner.call(request), uri }
    }
}

/// An answer on its way, which may be the one to a panic.
#[derive(Debug)]
pub struct Answering<F> {
    inner: F,
    /// The method called.
    uri: http::Uri,
}

impl<F> Future for Answering<F>
where
    F: Future<Output = Result<http::Response<Body>, Infallible>> + Unpin,
{
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        // The state that a panic leaves behind belongs to the call; state shared by calls is behind locks that survive poisoning.
        let polled = catch_unwind(AssertUnwindSafe(|| Pin::new(&mut self.inner).poll(context)));
        polled.unwrap_or_else(|_| {
            let request_id = RequestId(uuid::Uuid::now_v7());
            tracing::error!(method = self.uri.path(), request = %request_id, "a handler panicked");
            Poll::Ready(Ok(status(&Error::bug("a handler panicked"), request_id, Language::English).into_http()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_becomes_an_answer() {
        let failing = tower::service_fn(|_: http::Request<()>| {
            Box::pin(async move {
                if std::hint::black_box(true) {
                    panic!("in a test");
                }
                Ok::<_, Infallible>(http::Response::new(Body::empty()))
            })
        });
        let mut service = CatchPanics.layer(failing);
        let answer = service.call(http::Request::new(())).await.expect("answered");
        assert_eq!(answer.headers().get("grpc-status").expect("status"), "13");
    }
}
