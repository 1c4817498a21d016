//! A handler that panics answers INTERNAL, and the process goes on: one caller's bad luck is not everybody's.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::task::{Context, Poll};

use futures::FutureExt as _;
use futures::future::BoxFuture;
use tonic::body::Body;
use tonic::codegen::http;
use tower::{Layer, Service};

use crate::base::{Error, RequestId};
use crate::wire::status::{Language, status};

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
    S::Future: Send + 'static,
{
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: http::Request<Q>) -> Self::Future {
        let method = request.uri().path().to_owned();
        // What a panic leaves behind is the call's own; state that calls share is behind locks that survive poisoning.
        let answering = AssertUnwindSafe(self.inner.call(request)).catch_unwind();
        Box::pin(async move {
            answering.await.unwrap_or_else(|_| {
                let request_id = RequestId(uuid::Uuid::now_v7());
                tracing::error!(method, request = %request_id, "a handler panicked");
                Ok(status(&Error::bug("a handler panicked"), request_id, Language::English).into_http())
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_becomes_an_answer() {
        let failing = tower::service_fn(|_: http::Request<()>| async move {
            if std::hint::black_box(true) {
                panic!("in a test");
            }
            Ok::<_, Infallible>(http::Response::new(Body::empty()))
        });
        let mut service = CatchPanics.layer(failing);
        let answer = service.call(http::Request::new(())).await.expect("answered");
        assert_eq!(answer.headers().get("grpc-status").expect("status"), "13");
    }
}
