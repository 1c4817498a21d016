//! The simulated network: every connection is a pair of pipes in memory, with the dice's delays, cuts and partitions.
//!
//! What goes through is what would go over a socket: gRPC over HTTP/2, every byte of it. A connection that is cut loses what was on its way, so
//! that a client may not know whether its call was served.

use std::io;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hyper::server::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use lienthong::api::admission::Admission;
use lienthong::api::connection::CallConnection;
use lienthong::base::{Peer, Seed};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, ReadHalf, WriteHalf};
use tokio::task::JoinSet;
use tonic::body::Body;
use tonic::codegen::http::Request;
use tonic::transport::{Channel, Endpoint, Uri};
use tower::{Service as _, ServiceExt as _, service_fn};

use super::dice::Dice;
use super::disk::lock;
use super::log::Log;
use super::sometimes::Sometimes;
use super::weather::NetWeather;

/// Where the gateway says that it is.
pub const ADDRESS: ([u8; 4], u16) = ([127, 0, 0, 1], 50051);
/// Bytes under way in each pipe.
const BUFFER_BYTES: usize = 64 * 1024;
/// A client that is cut off looks this often whether it still is.
const LOOKS_EVERY: Duration = Duration::from_millis(250);
/// Looks after which a connection is given up.
const LOOKS_MAX: usize = 40;

/// The network between all clients and one machine.
pub struct Network {
    seed: Seed,
    log: Log,
    sometimes: Sometimes,
    /// How it behaves at the moment.
    pub weather: Mutex<NetWeather>,
    machine: Mutex<Machine>,
}

/// What listens at the one address.
#[derive(Default)]
struct Machine {
    service: Option<Admission>,
    /// What serves the connections that there are; dropped, they are cut.
    connections: JoinSet<()>,
    accepted: u64,
}

impl Network {
    /// A network on which nobody listens.
    pub fn new(seed: Seed, log: Log, sometimes: Sometimes) -> Arc<Self> {
        Arc::new(Self { seed, log, sometimes, weather: Mutex::default(), machine: Mutex::default() })
    }

    /// Somebody listens from now on.
    pub fn listen(&self, service: Admission) {
        lock(&self.machine).service = Some(service);
    }

    /// Nobody listens any more, and every connection is cut.
    pub fn fall_silent(&self) {
        let mut machine = lock(&self.machine);
        machine.service = None;
        machine.connections = JoinSet::new();
    }

    /// A client's channel, which connects when it is used and again after every cut.
    pub fn channel(self: &Arc<Self>, client: &str) -> Channel {
        let (network, client) = (self.clone(), client.to_owned());
        let connector = service_fn(move |_: Uri| std::future::ready(network.connect(&client).map(TokioIo::new)));
        // Demo credentials are accepted for names of loopback alone.
        Endpoint::from_static("http://localhost:50051").connect_with_connector_lazy(connector)
    }

    /// Connects a client, by its name.
    pub fn connect(self: &Arc<Self>, client: &str) -> io::Result<DuplexStream> {
        if lock(&self.weather).cut_off.contains(client) {
            return Err(io::ErrorKind::HostUnreachable.into());
        }
        let mut machine = lock(&self.machine);
        let service = machine.service.clone().ok_or(io::ErrorKind::ConnectionRefused)?;
        machine.accepted += 1;
        let dice = |of: &str| Dice::new(self.seed.child(client, 0), of, machine.accepted);
        let (there, back) = (dice("there"), dice("back"));
        let (ours, near) = tokio::io::duplex(BUFFER_BYTES);
        let (far, theirs) = tokio::io::duplex(BUFFER_BYTES);
        let ((near_read, near_write), (far_read, far_write)) = (tokio::io::split(near), tokio::io::split(far));
        let (network, client) = (self.clone(), client.to_owned());
        machine.connections.spawn(async move {
            let wire = async {
                // Either end of the wire ends the connection.
                tokio::select! {
                    biased;
                    () = network.carry(&client, near_read, far_write, there) => {}
                    () = network.carry(&client, far_read, near_write, back) => {}
                }
            };
            tokio::select! {
                biased;
                () = wire => {}
                () = serve(theirs, service) => {}
            }
        });
        Ok(ours)
    }

    /// Carries bytes in one direction, until an end of it closes or the connection is cut.
    #[allow(clippy::disallowed_methods, reason = "the runtime's time is the simulated network's")]
    async fn carry(
        &self,
        client: &str,
        mut from: ReadHalf<DuplexStream>,
        mut to: WriteHalf<DuplexStream>,
        mut dice: Dice,
    ) {
        let mut piece = vec![0; BUFFER_BYTES];
        while let Ok(length @ 1..) = from.read(&mut piece).await {
            let (slow, cuts) = {
                let weather = lock(&self.weather);
                (weather.is_slow, weather.cuts_per_mille)
            };
            if slow {
                self.sometimes.met("the network is slow");
            }
            tokio::time::sleep(if slow { dice.ms(20, 1_000) } else { dice.ms(0, 8) }).await;
            if dice.happens(cuts) {
                self.sometimes.met("a connection is cut");
                self.log.note("network", format!("a connection of {client} is cut"));
                return;
            }
            let mut looks = 0;
            while lock(&self.weather).cut_off.contains(client) {
                looks += 1;
                if looks > LOOKS_MAX {
                    return;
                }
                tokio::time::sleep(LOOKS_EVERY).await;
            }
            if to.write_all(&piece[..length]).await.is_err() {
                return;
            }
        }
    }
}

/// Serves one connection to its end. One that a call dismisses takes no more calls (GOAWAY); those in progress are answered.
async fn serve(stream: DuplexStream, service: Admission) {
    let connected = CallConnection::default();
    let of_calls = connected.clone();
    let calls = hyper::service::service_fn(move |request: Request<hyper::body::Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(Peer::direct(ADDRESS.into()));
        request.extensions_mut().insert(of_calls.clone());
        let mut service = service.clone();
        async move { service.ready().await?.call(request).await }
    });
    let connection = http2::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), calls);
    let mut connection = pin!(connection);
    loop {
        tokio::select! {
            biased;
            // How a connection ends is its peer's concern.
            _ = connection.as_mut() => return,
            () = connected.dismissed() => connection.as_mut().graceful_shutdown(),
        }
    }
}
