//! Native gRPC on the console's port: an answer with the address of the gRPC port, instead of a broken connection.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::Arc;
use std::task::{Context, Poll};

use tonic::body::Body;
use tonic::codegen::http::{HeaderValue, Request, Response, StatusCode, header};
use tower::Service;

use crate::api::language::language_of;
use crate::api::status;
use crate::base::{Error, Reason, RequestId};

/// Answers every request over HTTP/2: gRPC has another port.
#[derive(Debug, Clone)]
pub struct Elsewhere {
    grpc: Arc<str>,
}

impl Elsewhere {
    /// Native gRPC is at `grpc`.
    pub fn new(grpc: &str) -> Self {
        Self { grpc: grpc.into() }
    }

    fn answer(&self, request: &Request<Body>) -> Response<Body> {
        let language = language_of(request.headers());
        let kind = request.headers().get(header::CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
        if kind.starts_with(b"application/grpc") && !kind.starts_with(b"application/grpc-web") {
            let message = format!("this is the console's port: native gRPC is spoken at {}", self.grpc);
            let error = Error::new(Reason::MethodUnknown, message).with_subject("method", "");
            return status::answer(&error, RequestId(uuid::Uuid::now_v7()), language);
        }
        let text = format!("the console and gRPC-Web speak HTTP/1.1 on this port; native gRPC is at {}\n", self.grpc);
        let text = language.say(&text).into_owned();
        let mut answer = Response::new(Body::new(http_body_util::Full::new(text.into())));
        *answer.status_mut() = StatusCode::HTTP_VERSION_NOT_SUPPORTED;
        let plain = HeaderValue::from_static("text/plain; charset=utf-8");
        answer.headers_mut().insert(header::CONTENT_TYPE, plain);
        answer
    }
}

impl Service<Request<Body>> for Elsewhere {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        ready(Ok(self.answer(&request)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn native_calls_hear_where_grpc_is_spoken() {
        let mut elsewhere = Elsewhere::new("127.0.0.1:50051");
        for (kind, status) in [("application/grpc", 200), ("application/grpc+proto", 200), ("text/html", 505)] {
            let request = Request::post("/a.v1.B/C").header(header::CONTENT_TYPE, kind);
            let answer = elsewhere.call(request.body(Body::empty()).expect("a request")).await.expect("answered");
            assert_eq!(answer.status().as_u16(), status, "{kind}");
            let refusal = tonic::Status::from_header_map(answer.headers());
            assert_eq!(refusal.is_some(), status == 200, "{kind}");
            if let Some(refusal) = refusal {
                assert_eq!(refusal.code(), tonic::Code::Unimplemented);
                assert!(refusal.message().ends_with("at 127.0.0.1:50051"), "{refusal}");
            }
        }
    }
}
