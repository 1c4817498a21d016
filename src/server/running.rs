//! A gateway at work: sockets that the caller bound, served until the end is asked for.
//!
//! The end is in four steps: health says NOT_SERVING and connections are told to go away (GOAWAY), calls under way get
//! [`DRAIN`] to finish, streams end with UNAVAILABLE a little before that, and what is still there then is cut.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures::TryStreamExt as _;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Server, ServerTlsConfig};
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use super::coalesce::Coalescing;
use super::services::Served;
use super::shutdown::DRAIN;
use crate::api::console::{self, View};
use crate::api::panic::CatchPanics;
use crate::base::{Error, Reason, Result, limits};

/// What a gateway is served on.
pub struct Listening {
    /// For gRPC.
    pub grpc: TcpListener,
    /// For the console; `None` is no console.
    pub console: Option<TcpListener>,
    /// TLS for gRPC; `None` is plaintext.
    pub tls: Option<ServerTlsConfig>,
}

/// A gateway that accepts calls.
pub struct Running {
    /// Where gRPC listens.
    pub grpc: SocketAddr,
    /// Where the console listens.
    pub console: Option<SocketAddr>,
    /// Whether gRPC speaks TLS.
    pub has_tls: bool,
    /// Where the trust anchor was written, absolute.
    pub anchor: Option<PathBuf>,
    end: watch::Sender<bool>,
    health: HealthReporter,
    services: Vec<&'static str>,
    serving: JoinHandle<Result<(), tonic::transport::Error>>,
    serving_console: Option<JoinHandle<std::io::Result<()>>>,
    _feeds: JoinSet<()>,
}

impl Running {
    /// Begins to serve until `end` says true, and the console over `view` with the `further` HTTP faces beside it.
    pub(super) fn begin(
        listening: Listening,
        served: Served,
        view: Arc<dyn View>,
        further: axum::Router,
        anchor: Option<PathBuf>,
        end: watch::Sender<bool>,
    ) -> Result<Self> {
        let ended = end.subscribe();
        let address = |listener: &TcpListener| listener.local_addr().map_err(Error::bug);
        let grpc = address(&listening.grpc)?;
        let console = listening.console.as_ref().map(address).transpose()?;
        let has_tls = listening.tls.is_some();
        let mut server = Server::builder()
            .max_concurrent_streams(limits::STREAMS_PER_CONNECTION_MAX)
            .initial_stream_window_size(1 << 20)
            .initial_connection_window_size(4 << 20)
            .http2_max_header_list_size(16 * 1024)
            .layer(CatchPanics);
        if let Some(tls) = listening.tls {
            server = server.tls_config(tls).map_err(|error| {
                let cause = super::listen::innermost(&error);
                let message = format!("the certificate and key cannot be used: {cause}");
                Error::new(Reason::ConfigurationInvalid, message).with_source(error)
            })?;
        }
        // A peer that is gone is found out by TCP: pings of HTTP/2 would look at the clock for each frame.
        let incoming = TcpIncoming::from(listening.grpc)
            .with_nodelay(Some(true))
            .with_keepalive(Some(Duration::from_secs(30)))
            .with_keepalive_interval(Some(Duration::from_secs(10)))
            .with_keepalive_retries(Some(3))
            .map_ok(Coalescing::new);
        let serving =
            tokio::spawn(server.serve_with_incoming_shutdown(served.admission, incoming, asked(ended.clone())));
        let serving_console = listening.console.map(|listener| {
            let serving = axum::serve(listener, console::router(view, further)).with_graceful_shutdown(asked(ended));
            tokio::spawn(async move { serving.await })
        });
        Ok(Self {
            grpc,
            console,
            has_tls,
            anchor,
            end,
            health: served.health,
            services: served.names,
            serving,
            serving_console,
            _feeds: served.feeds,
        })
    }

    /// Waits until serving ends by itself, which it does only when something is wrong.
    pub async fn ended(&self) {
        while !self.serving.is_finished() {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Ends: calls under way may finish, within [`DRAIN`].
    pub async fn end(mut self) -> Result<()> {
        for name in self.services.iter().chain([&""]) {
            self.health.set_service_status(*name, ServingStatus::NotServing).await;
        }
        self.end.send_replace(true);
        let drained = tokio::time::timeout(DRAIN, &mut self.serving).await;
        if let Some(console) = self.serving_console.take() {
            console.abort();
        }
        match drained {
            Err(_) => {
                tracing::info!("calls still under way are cut");
                self.serving.abort();
                Ok(())
            }
            Ok(joined) => joined.map_err(Error::bug)?.map_err(Error::bug),
        }
    }
}

async fn asked(mut ended: watch::Receiver<bool>) {
    // When the sender is gone there is nobody left to serve for.
    let _ = ended.wait_for(|end| *end).await;
}
