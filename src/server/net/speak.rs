//! The protocols of the ports, from the first byte of a connection to its last: gRPC over HTTP/2, and the console's HTTP/1.1.

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use hyper::server::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tonic::body::Body;
use tonic::codegen::http::{Request, Response};
use tower::Service;

use super::acceptor::{Shared, Speaker};
use super::call::Calls;
use super::coalesce::Coalescing;
use super::connections::{Refusal, Stage};
use super::drive::drive;
use super::limits::Limits;
use super::opening::{self, Opening};
use super::proxy;
use super::socket::{Ahead, Socket};
use super::table::{Port, Seat};
use super::tls::Tls;
use crate::api::certificate::ClientCertificate;
use crate::api::web::Elsewhere;
use crate::base::Peer;

/// Most headers of an HTTP/1.1 request: each costs memory before it is parsed.
const HTTP1_HEADERS_MAX: usize = 64;
/// Most bytes of an HTTP/1.1 request that are buffered before its answer.
const HTTP1_BUFFER_BYTES_MAX: usize = 64 * 1024;

/// The protocol of the gRPC port.
#[derive(Clone)]
pub(super) struct Grpc<S> {
    service: S,
    tls: Option<Tls>,
    /// Proxies that must send a PROXY header.
    proxies: Arc<[IpAddr]>,
    /// The answer to HTTP/1.x.
    to_http1: Arc<str>,
    http: http2::Builder<TokioExecutor>,
}

/// HTTP/2 within the limits.
fn http2(limits: &Limits) -> http2::Builder<TokioExecutor> {
    let mut http = http2::Builder::new(TokioExecutor::new());
    http.timer(TokioTimer::new())
        .max_concurrent_streams(limits.streams_max)
        .initial_stream_window_size(limits.stream_window_bytes)
        .initial_connection_window_size(limits.connection_window_bytes)
        .max_header_list_size(limits.header_list_bytes_max)
        .max_send_buf_size(limits.send_buffer_bytes_max)
        .keep_alive_interval(limits.ping)
        .keep_alive_timeout(limits.pong)
        .max_pending_accept_reset_streams(limits.pending_resets_max)
        .max_local_error_reset_streams(limits.local_resets_max);
    http
}

/// The service on the gRPC port.
pub(super) trait GrpcService:
    Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + Sync + 'static
{
}

impl<S> GrpcService for S where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + Sync + 'static
{
}

impl<S> Grpc<S>
where
    S: GrpcService,
    S::Future: Unpin + Send,
{
    /// Whoever speaks HTTP/1.x is told of the `console`.
    pub(super) fn new(
        service: S,
        tls: Option<Tls>,
        proxies: Arc<[IpAddr]>,
        console: Option<SocketAddr>,
        limits: &Limits,
    ) -> Self {
        Self { service, tls, proxies, to_http1: opening::http1_answer(console).into(), http: http2(limits) }
    }

    async fn opened(
        self,
        mut stream: Ahead<Socket>,
        address: SocketAddr,
        seat: Seat,
        shared: &Shared,
    ) -> Result<(), Refusal> {
        let peer = if self.is_proxy(address) {
            let reading = step(proxy::read(&mut stream), Stage::ProxyHeader, shared).await;
            let Some(client) = reading.transpose().map_err(|_| Refusal::ProxyInvalid)? else { return Ok(()) };
            let peer = Peer::behind(address, client);
            seat.belongs_to(peer.network())?;
            peer
        } else {
            Peer::direct(address)
        };
        match self.tls.clone() {
            None => self.speak(stream, (peer, None), seat, shared).await,
            Some(tls) => {
                let shaking = step(tls.accept(stream), Stage::TlsHandshake, shared).await;
                match shaking.transpose().map_err(|_| Refusal::Tls)? {
                    Some((stream, certificate)) => {
                        self.speak(Ahead::new(stream), (peer, certificate), seat, shared).await
                    }
                    None => Ok(()),
                }
            }
        }
    }

    async fn speak<T>(
        self,
        mut stream: Ahead<T>,
        (peer, certificate): (Peer, Option<Arc<ClientCertificate>>),
        seat: Seat,
        shared: &Shared,
    ) -> Result<(), Refusal>
    where
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        // An aborted preface is not worth a log line: port scans and balancers' checks do that.
        let Some(Ok(opening)) = step(opening::read(&mut stream), Stage::Preface, shared).await else { return Ok(()) };
        match opening {
            Opening::Http2 => {
                let standing = seat.standing();
                let calls =
                    Calls { service: self.service, body: Body::new, peer, certificate, standing: standing.clone() };
                let connection = self.http.serve_connection(TokioIo::new(Coalescing::new(stream)), calls);
                drive(connection, standing, shared, Stage::Silent).await;
                Ok(())
            }
            Opening::Http1 => {
                // Delivery of the answer is the peer's concern.
                let _ = timeout(shared.limits.farewell, opening::answer_http1(&mut stream, &self.to_http1)).await;
                Err(Refusal::Http1)
            }
            Opening::ProxyHeader => Err(Refusal::ProxyUntrusted),
            Opening::Other => Err(Refusal::NotHttp),
        }
    }
}

impl<S> Speaker for Grpc<S>
where
    S: GrpcService,
    S::Future: Unpin + Send,
{
    const PORT: Port = Port::Grpc;

    fn is_proxy(&self, address: SocketAddr) -> bool {
        let address = address.ip().to_canonical();
        self.proxies.iter().any(|proxy| proxy.to_canonical() == address)
    }

    async fn serve(self, stream: TcpStream, address: SocketAddr, seat: Seat, shared: Shared) {
        let stream = Ahead::new(Socket::new(stream, seat.standing().clone()));
        if let Err(refusal) = self.opened(stream, address, seat, &shared).await {
            shared.counts.note_refused(refusal);
            tracing::debug!(reason = refusal.as_str(), "a connection is refused");
        }
    }
}

/// Runs one step before HTTP; `None` if it times out, which is counted, or the server ends.
async fn step<T>(step: impl Future<Output = io::Result<T>>, stage: Stage, shared: &Shared) -> Option<io::Result<T>> {
    let mut ending = shared.ending.clone();
    let within = if stage == Stage::FirstCall { shared.limits.first_call } else { shared.limits.opening };
    tokio::select! {
        biased;
        stepped = timeout(within, step) => {
            if stepped.is_err() {
                shared.counts.note_timed_out(stage);
            }
            stepped.ok()
        }
        _ = ending.wait_for(|ended| *ended) => None,
    }
}

/// The protocol of the console's port.
#[derive(Clone)]
pub(super) struct Console {
    router: Router,
    http: http1::Builder,
    /// Answers clients of native gRPC, which begin with HTTP/2; `None`: no gRPC is anywhere near.
    elsewhere: Option<(Elsewhere, http2::Builder<TokioExecutor>)>,
}

impl Console {
    pub(super) fn new(router: Router, elsewhere: Option<Elsewhere>, limits: &Limits) -> Self {
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(limits.first_call)
            .max_headers(HTTP1_HEADERS_MAX)
            .max_buf_size(HTTP1_BUFFER_BYTES_MAX);
        Self { router, http, elsewhere: elsewhere.map(|elsewhere| (elsewhere, http2(limits))) }
    }
}

impl Speaker for Console {
    const PORT: Port = Port::Console;

    /// The console speaks plain HTTP on loopback: there is no proxy in between.
    fn is_proxy(&self, _: SocketAddr) -> bool {
        false
    }

    async fn serve(self, stream: TcpStream, address: SocketAddr, seat: Seat, shared: Shared) {
        let (standing, peer) = (seat.standing().clone(), Peer::direct(address));
        let mut stream = Ahead::new(Socket::new(stream, standing.clone()));
        // Browsers open connections before they need them: such a one has as long as any for its first call.
        let Some(Ok(opening)) = step(opening::read(&mut stream), Stage::FirstCall, &shared).await else { return };
        let io = TokioIo::new(Coalescing::new(stream));
        if let (Opening::Http2, Some((service, http))) = (opening, self.elsewhere) {
            let calls = Calls { service, body: Body::new, peer, certificate: None, standing: standing.clone() };
            drive(http.serve_connection(io, calls), &standing, &shared, Stage::Silent).await;
            return;
        }
        let router = self.router;
        let service = tower::service_fn(move |request: Request<axum::body::Body>| {
            let mut router = router.clone();
            Box::pin(async move { router.call(request).await })
        });
        let calls = Calls { service, body: axum::body::Body::new, peer, certificate: None, standing: standing.clone() };
        drive(self.http.serve_connection(io, calls), &standing, &shared, Stage::FirstCall).await;
    }
}
