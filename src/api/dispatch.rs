//! Dispatches a call to the service that its path names.
//!
//! tonic's own router is built on axum, which prepares each request for more than gRPC needs: path parameters, two more bodies in boxes,
//! two more futures. A gRPC path has one form, `/package.Service/Method`, so a map will do.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;

use tonic::body::Body;
use tonic::codegen::{BoxFuture, http};
use tower::Service;

use super::status::answer;
use crate::base::{Error, Language, RequestId};

type Answer = BoxFuture<http::Response<Body>, Infallible>;

/// The services of a gateway, by name.
#[derive(Clone, Default)]
pub struct Dispatch {
    services: Arc<HashMap<&'static str, Arc<dyn Handler>>>,
}

impl Dispatch {
    /// Sends the calls of each service to its handler.
    pub fn new(services: impl IntoIterator<Item = (&'static str, Arc<dyn Handler>)>) -> Self {
        Self { services: Arc::new(services.into_iter().collect()) }
    }
}

impl Dispatch {
    /// Answers a request by the service that its path names. Admission knows every path before, so that a path that
    /// leads nowhere is a defect.
    pub async fn handle(&self, request: http::Request<Body>) -> http::Response<Body> {
        let Some(service) = service_of(request.uri().path()).and_then(|name| self.services.get(name)) else {
            let (error, id) = (Error::bug("a method of no service was admitted"), RequestId(uuid::Uuid::nil()));
            return answer(&error, id, Language::English);
        };
        match service.handle(request).await {
            Ok(answer) => answer,
            Err(never) => match never {},
        }
    }
}

/// The service that a path names.
fn service_of(path: &str) -> Option<&str> {
    let (service, method) = path.strip_prefix('/')?.split_once('/')?;
    (!method.is_empty() && !method.contains('/')).then_some(service)
}

/// A service behind its name, its type forgotten. Every service that tonic generates is one: always ready, cheap to clone.
pub trait Handler: Send + Sync {
    /// Answers a request of the service.
    fn handle(&self, request: http::Request<Body>) -> Answer;
}

impl<S> Handler for S
where
    S: Service<http::Request<Body>, Response = http::Response<Body>, Error = Infallible, Future = Answer>
        + Clone
        + Send
        + Sync,
{
    /// Answers a request of the service.
    fn handle(&self, request: http::Request<Body>) -> Answer {
        self.clone().call(request)
    }
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Poll};

    use super::*;

    #[derive(Clone)]
    struct Teapot;

    impl Service<http::Request<Body>> for Teapot {
        type Response = http::Response<Body>;
        type Error = Infallible;
        type Future = Answer;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, request: http::Request<Body>) -> Answer {
            assert_eq!(request.uri().path(), "/a.v1.Teapot/Pour", "the path stays whole");
            Box::pin(async {
                Ok(http::Response::builder().header("grpc-status", "0").body(Body::empty()).expect("fine"))
            })
        }
    }

    #[tokio::test]
    async fn a_call_goes_to_the_service_that_its_path_names() {
        let dispatch = Dispatch::new([("a.v1.Teapot", Arc::new(Teapot) as Arc<dyn Handler>)]);
        for (path, code) in [
            ("/a.v1.Teapot/Pour", "0"),
            ("/a.v1.Kettle/Pour", "13"),
            ("/a.v1.Teapot", "13"),
            ("/a.v1.Teapot/", "13"),
            ("/a.v1.Teapot/Pour/More", "13"),
            ("/", "13"),
        ] {
            let request = http::Request::builder().uri(path).body(Body::empty()).expect("a request");
            let answer = dispatch.handle(request).await;
            assert_eq!(answer.headers().get("grpc-status").expect("a status"), code, "{path}");
        }
    }
}
