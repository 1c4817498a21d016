//! Calls from browsers: gRPC-Web on the console's port, through the same admission as every other call.
//!
//! A browser can neither choose HTTP/2 nor read trailers. gRPC-Web (`PROTOCOL-WEB.md` of gRPC) therefore puts the trailers into the body, and
//! optionally the whole body into base64. tonic-web translates, tower-http answers preflights (Fetch, "CORS protocol"); what is decided here is
//! who may ask at all:
//!
//! ```text
//! path of a method? ─▶ our own Host? ─▶ an origin that may call? ─▶ POST, gRPC-Web? ─▶ CORS ─▶ gRPC-Web to gRPC ─▶ admission
//!    else: a page         421                 403                      405, 415
//! ```
//!
//! A page of another site could have its own name resolve to this machine (DNS rebinding), so `Host` is checked as it is for the console's pages.
//! An origin that may not call is refused before anything is done for it, and not only kept from reading the answer.

mod elsewhere;
mod web_origins;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{self, HeaderName, HeaderValue};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use tonic_web::GrpcWebLayer;
use tower::util::BoxCloneSyncService;
use tower::{Layer as _, Service, ServiceExt as _};
use tower_http::cors::{AllowHeaders, AllowOrigin, AllowPrivateNetwork, CorsLayer};

use super::admission::ByGrpcWeb;
use super::console::Hosts;
use super::discard::discard;
use super::http::answer::refusal_as;
use super::lines;
use crate::base::limits;
use crate::base::{Error, Reason};

pub use elsewhere::Elsewhere;
pub use web_origins::{WebOrigin, WebOrigins};

/// The headers of an answer that a page of another origin may read. Those of the answer to a refusal are the trailers.
const READABLE: [&str; 9] = [
    "grpc-status",
    "grpc-message",
    "grpc-status-details-bin",
    "x-request-id",
    "x-lienthong-request-id",
    "x-lienthong-world-time",
    "x-lienthong-machine-time",
    "traceparent",
    "content-language",
];
/// How long a browser may remember the answer to a preflight; none remembers it longer.
const PREFLIGHT_HOLDS: Duration = Duration::from_secs(7_200);

/// The forms of gRPC-Web: without and with base64.
const BINARY: HeaderValue = HeaderValue::from_static("application/grpc-web+proto");
const TEXT: HeaderValue = HeaderValue::from_static("application/grpc-web-text+proto");

type Calls = BoxCloneSyncService<Request, tonic::codegen::http::Response<tonic::body::Body>, Infallible>;

/// Calls from browsers, in front of admission.
#[derive(Clone)]
pub struct Web {
    calls: Calls,
    hosts: Arc<Hosts>,
    origins: Arc<WebOrigins>,
    /// The address of native gRPC.
    grpc: Arc<str>,
}

impl Web {
    /// Calls of pages of `origins` go to `service`, if they were made to one of `hosts`. Native gRPC is at `grpc`.
    pub fn new<S>(service: S, hosts: Hosts, origins: WebOrigins, grpc: &str) -> Self
    where
        S: Service<
                tonic::codegen::http::Request<tonic::body::Body>,
                Response = tonic::codegen::http::Response<tonic::body::Body>,
                Error = Infallible,
            > + Clone
            + Send
            + Sync
            + 'static,
        S::Future: Send + 'static,
    {
        // Whoever comes so far may call: `answer` has asked.
        let cors = CorsLayer::new()
            .allow_origin(AllowOrigin::mirror_request())
            .allow_methods([Method::POST])
            .allow_headers(AllowHeaders::mirror_request())
            .allow_private_network(AllowPrivateNetwork::yes())
            .expose_headers(READABLE.map(HeaderName::from_static))
            .max_age(PREFLIGHT_HOLDS);
        let calls = BoxCloneSyncService::new(cors.layer(GrpcWebLayer::new().layer(service)));
        let (hosts, origins) = (Arc::new(hosts), Arc::new(origins));
        Self { calls, hosts, origins, grpc: grpc.into() }
    }

    /// The console's routes together with these calls.
    pub fn beside(self, routes: Router) -> Router {
        routes.layer(axum::middleware::from_fn_with_state(self, answer))
    }

    /// The refusal of a call that is not even to reach admission; `None`: it may.
    fn refusal(&self, request: &Request) -> Option<Response> {
        let headers = request.headers();
        let Some(host) = self.hosts.asked(request.uri(), headers) else {
            let says = "calls from browsers are answered under loopback names, the address that the console listens on, and the host of --public-url";
            return Some(refused(StatusCode::MISDIRECTED_REQUEST, says));
        };
        if let Some(origin) = self.foreign_origin(headers, host) {
            self.note_foreign(origin);
            let says = "a page of this origin may not call here: --cors-origin names those that may";
            return Some(refused(StatusCode::FORBIDDEN, says));
        }
        None
    }

    /// The origin of a page that may not call. Clients other than browsers name none.
    fn foreign_origin<'a>(&self, headers: &'a HeaderMap, host: &str) -> Option<&'a HeaderValue> {
        let mut named = headers.get_all(header::ORIGIN).iter();
        let origin = named.next()?;
        let may = origin.to_str().is_ok_and(|origin| self.origins.contain(origin, host));
        (!may || named.next().is_some()).then_some(origin)
    }

    /// A browser tells its user only that something failed, so the operator of the server reads here which origin it was.
    fn note_foreign(&self, origin: &HeaderValue) {
        if let Some(suppressed) = lines::of_refusal() {
            let origin: String = origin.to_str().unwrap_or("?").chars().take(200).collect();
            tracing::info!(origin, suppressed, "a page may not call: --cors-origin does not name its origin");
        }
    }

    /// The answer to a request that is no gRPC-Web call, though its path is of a method.
    fn not_grpc_web(&self, request: &Request) -> Response {
        if request.method() != Method::POST {
            let mut answer = refused(StatusCode::METHOD_NOT_ALLOWED, "gRPC calls are POST requests");
            answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST, OPTIONS"));
            return answer;
        }
        let says = format!(
            "this port speaks gRPC-Web: content-type application/grpc-web+proto or application/grpc-web-text+proto; native gRPC is at {}",
            self.grpc
        );
        refused(StatusCode::UNSUPPORTED_MEDIA_TYPE, says)
    }
}

/// The refusal of a request that is no call which may be made here.
fn refused(status: StatusCode, says: impl Into<String>) -> Response {
    refusal_as(status, Error::new(Reason::InvalidRequest, says))
}

/// Answers calls, and passes everything else on.
async fn answer(State(web): State<Web>, mut request: Request, next: Next) -> Response {
    if !is_call(request.uri().path()) {
        return next.run(request).await;
    }
    if let Some(refusal) = web.refusal(&request) {
        discard(request.into_body(), limits::REFUSED_WEB_BYTES_MAX);
        return refusal;
    }
    let headers = request.headers_mut();
    let is_preflight = headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    let form = form_of(headers);
    match (request.method(), form) {
        (&Method::OPTIONS, _) if is_preflight => {}
        (&Method::POST, Some(form)) => {
            // The answer comes in the form of the request, whatever `accept` leaves open.
            request.headers_mut().insert(header::CONTENT_TYPE, form.clone());
            request.headers_mut().insert(header::ACCEPT, form);
            request.extensions_mut().insert(ByGrpcWeb);
        }
        _ => {
            let refusal = web.not_grpc_web(&request);
            discard(request.into_body(), limits::REFUSED_WEB_BYTES_MAX);
            return refusal;
        }
    }
    match web.calls.clone().oneshot(request).await {
        Ok(answer) => answer.map(Body::new),
        Err(never) => match never {},
    }
}

/// Whether a path is of a method, by its form: `/package.Service/Method`. Those of pages and files have no dot inside their first part.
fn is_call(path: &str) -> bool {
    let parts = path.strip_prefix('/').and_then(|path| path.split_once('/'));
    parts.is_some_and(|(service, method)| {
        let is_package = service.find('.').is_some_and(|at| at > 0);
        is_package && !method.is_empty() && !method.contains('/')
    })
}

/// The form of gRPC-Web in which a request comes, if it is one.
fn form_of(headers: &HeaderMap) -> Option<HeaderValue> {
    let mut kinds = headers.get_all(header::CONTENT_TYPE).iter();
    let kind = kinds.next().map(HeaderValue::as_bytes).unwrap_or_default();
    let kind = kind.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii_end();
    let is = |name: &str| kind.eq_ignore_ascii_case(name.as_bytes());
    if kinds.next().is_some() {
        None
    } else if is("application/grpc-web") || is("application/grpc-web+proto") {
        Some(BINARY)
    } else if is("application/grpc-web-text") || is("application/grpc-web-text+proto") {
        Some(TEXT)
    } else {
        None
    }
}

#[cfg(test)]
mod tests;
