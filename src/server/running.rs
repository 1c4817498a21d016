//! A serving gateway: serves sockets that the caller bound until the end is requested.
//!
//! The end has five steps: health says NOT_SERVING; for a time that the caller chooses, calls are still accepted, so that balancers
//! notice; connections receive GOAWAY, and calls in progress get [`DRAIN`] to finish; streams end with UNAVAILABLE shortly before
//! that; and the remaining ones are cut.

#![allow(clippy::disallowed_methods, reason = "the end of a server is transport")]

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};

use super::ended::{Ended, Failing};
use super::front::Front;
use super::listen::reachable;
use super::net::{Connections, Limits, Ports, Tls};
use super::shutdown::DRAIN;
use crate::api::console;
use crate::api::health::{ENDING, HealthBoard};
use crate::api::http;
use crate::api::http::answer::{Answering, answer};
use crate::api::language::translate;
use crate::api::web::{Elsewhere, Web, WebOrigins};
use crate::base::{Error, Result};

/// The sockets and their settings.
pub struct Listening {
    /// The socket for gRPC.
    pub grpc: TcpListener,
    /// The socket for the console; `None`: no console.
    pub console: Option<TcpListener>,
    /// TLS for gRPC; `None`: plaintext.
    pub tls: Option<Tls>,
    /// Proxies in front of gRPC, which must state their clients' addresses by the PROXY protocol.
    pub trusted_proxies: Vec<IpAddr>,
    /// Limits on connections.
    pub limits: Limits,
}

impl Listening {
    /// gRPC in plaintext, without a console, within the usual limits.
    pub fn plaintext(grpc: TcpListener) -> Self {
        Self { grpc, console: None, tls: None, trusted_proxies: Vec::new(), limits: Limits::default() }
    }
}

/// A gateway that accepts calls.
pub struct Running {
    /// The address of gRPC.
    pub grpc: SocketAddr,
    /// The address of the console.
    pub console: Option<SocketAddr>,
    /// Whether gRPC speaks TLS.
    pub has_tls: bool,
    /// The absolute path of the trust anchor's file.
    pub anchor: Option<PathBuf>,
    end: watch::Sender<bool>,
    health: HealthBoard,
    /// One task for each port.
    serving: JoinSet<()>,
    failing: Failing,
    _watchers: JoinSet<()>,
}

impl Running {
    /// Serves until `end` becomes true; the console's port has the routes that `pages` makes of its names, is reached from outside at `public_url`,
    /// and takes calls of pages of `origins`.
    pub(super) fn begin(
        listening: Listening,
        front: Front,
        pages: impl FnOnce(console::Hosts) -> axum::Router,
        (public_url, origins): (Option<&str>, WebOrigins),
        anchor: Option<PathBuf>,
        (end, counts, failing): (watch::Sender<bool>, Arc<Connections>, Failing),
    ) -> Result<Self> {
        let address = |listener: &TcpListener| listener.local_addr().map_err(Error::bug);
        let grpc = address(&listening.grpc)?;
        let console = listening.console.as_ref().map(address).transpose()?;
        let has_tls = listening.tls.is_some();
        let ports = Ports::new(listening.limits, counts, end.subscribe());
        let mut serving = JoinSet::new();
        let service = front.admission;
        let at_grpc = reachable(grpc).to_string();
        if let Some((listener, at)) = listening.console.zip(console) {
            let hosts = console::Hosts::new(at, public_url);
            let web = Web::new(service.clone(), hosts.clone(), origins, &at_grpc);
            let routes =
                pages(hosts).layer(axum::middleware::from_fn_with_state(front.capacity.public(), http::rate::limit));
            // Calls have the rates of admission, its translations and its answers.
            let world = &front.served.world;
            let answering = Answering::new(world.edge.clone(), world.metrics.clone(), front.capacity);
            let routes = web.beside(routes).layer(axum::middleware::from_fn_with_state(answering, answer));
            let routes = routes.layer(axum::middleware::from_fn(translate));
            serving.spawn(ports.console(listener, routes, Some(Elsewhere::new(&at_grpc))));
        }
        let proxies = listening.trusted_proxies;
        serving.spawn(ports.grpc(listening.grpc, service, listening.tls, proxies, console.map(reachable)));
        Ok(Self {
            grpc,
            console,
            has_tls,
            anchor,
            end,
            health: front.served.health,
            serving,
            failing,
            _watchers: front.served.watchers,
        })
    }

    /// Waits until serving has to end, which only a failure causes.
    pub async fn ended(&mut self) -> Ended {
        tokio::select! {
            biased;
            port = self.serving.join_next() => {
                if let Some(Err(error)) = port {
                    tracing::error!(%error, "a port is served no more");
                }
                Ended::Port
            }
            failed = self.failing.failed() => failed,
        }
    }

    /// Ends: calls in progress may finish, within [`DRAIN`].
    pub async fn end(self) -> Result<()> {
        self.end_after(Duration::ZERO).await
    }

    /// Ends like [`end`](Self::end), after a time in which health says NOT_SERVING and calls are still accepted.
    pub async fn end_after(mut self, drain: Duration) -> Result<()> {
        self.health.note(ENDING, |_| true);
        if !drain.is_zero() {
            tokio::time::sleep(drain).await;
        }
        self.end.send_replace(true);
        match tokio::time::timeout(DRAIN, joined(&mut self.serving)).await {
            Ok(joined) => joined.map_err(Error::bug),
            Err(_) => {
                tracing::info!("calls still in progress are cut");
                self.serving.shutdown().await;
                Ok(())
            }
        }
    }
}

/// Waits for all ports.
async fn joined(serving: &mut JoinSet<()>) -> Result<(), JoinError> {
    while let Some(port) = serving.join_next().await {
        port?;
    }
    Ok(())
}
