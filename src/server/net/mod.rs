//! The network: connections accepted, bounded and served, for gRPC and the console alike.
//!
//! Everything before admission belongs here. A connection passes an acceptor, which gives it a seat in the
//! table of those there may be; its opening (PROXY header, TLS, preface), each step within its time; and then HTTP, under a
//! watch for idle and stalled peers. [`Limits`] holds the numbers with their reasons, [`Connections`] counts what happens.
//!
//! tonic's own server accepts without any of these limits, so its services are served here by hyper, on which it is built, too.

pub mod connections;
pub mod descriptors;
pub mod limits;
pub mod tls;

mod acceptor;
mod call;
mod coalesce;
mod drive;
mod opening;
mod proxy;
mod socket;
mod speak;
mod standing;
mod strangers;
mod table;
#[cfg(test)]
mod tests;

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tonic::body::Body;
use tonic::codegen::http::{Request, Response};
use tower::Service;

use acceptor::{Acceptor, Shared};
use speak::{Console, Grpc};
use table::Table;

use crate::api::web::Elsewhere;

pub use connections::Connections;
pub use limits::Limits;
pub use tls::Tls;

/// Serves plain HTTP on a port of its own, within the usual limits, until `ending` turns true.
pub async fn serve_http(listener: TcpListener, router: axum::Router, ending: watch::Receiver<bool>) {
    Ports::new(Limits::default(), Arc::default(), ending).console(listener, router, None).await;
}

/// Serves gRPC in plaintext on a port of its own, within the usual limits, until `ending` turns true.
pub async fn serve_grpc<S>(listener: TcpListener, service: S, ending: watch::Receiver<bool>)
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + Sync + 'static,
    S::Future: Unpin + Send,
{
    Ports::new(Limits::default(), Arc::default(), ending).grpc(listener, service, None, Vec::new(), None).await;
}

/// The ports of one server, which share its seats.
pub(super) struct Ports {
    table: Arc<Table>,
    shared: Shared,
}

impl Ports {
    /// Ports within `limits`, until `ending` becomes true.
    pub(super) fn new(limits: Limits, counts: Arc<Connections>, ending: watch::Receiver<bool>) -> Self {
        let table = Table::new(&limits, counts.clone());
        Self { table, shared: Shared { limits: Arc::new(limits), counts, ending } }
    }

    /// Serves gRPC; `proxies` must state their clients' addresses. A client of HTTP/1.x is told of the `console`.
    pub(super) fn grpc<S>(
        &self,
        listener: TcpListener,
        service: S,
        tls: Option<Tls>,
        proxies: Vec<IpAddr>,
        console: Option<SocketAddr>,
    ) -> impl Future<Output = ()> + Send + use<S>
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + Sync + 'static,
        S::Future: Unpin + Send,
    {
        let speaker = Grpc::new(service, tls, proxies.into(), console, &self.shared.limits);
        Acceptor { listener, speaker, table: self.table.clone(), shared: self.shared.clone() }.run()
    }

    /// Serves the console's routes; `elsewhere` answers clients of native gRPC.
    pub(super) fn console(
        &self,
        listener: TcpListener,
        router: axum::Router,
        elsewhere: Option<Elsewhere>,
    ) -> impl Future<Output = ()> + Send + use<> {
        let speaker = Console::new(router, elsewhere, &self.shared.limits);
        Acceptor { listener, speaker, table: self.table.clone(), shared: self.shared.clone() }.run()
    }
}
