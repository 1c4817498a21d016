//! A whole gateway in a test, read as a sentence: `gateway().people(50).start().await`.
//!
//! It holds its world in memory, with the personas and nobody else, and is called over an in-memory transport: every byte and every check of a
//! call is as over the network, but for the socket. A test of sockets, or one that opens a data folder again, uses
//! [`Described::on_a_socket`]: only a server that ends cuts the streams that still hold the store.
#![allow(dead_code)] // each user has a part of it

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use hyper::server::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use lienthong::base::Peer;
use lienthong::server::in_process::InProcess;
use lienthong::server::{Config, Gateway, Listening, Running, Storage};
use tokio::io::DuplexStream;
use tokio::task::JoinSet;
use tonic::body::Body;
use tonic::codegen::http::Request;
use tonic::transport::{Channel, Endpoint, Uri};
use tower::{ServiceExt as _, service_fn};

/// The address in commands for a gateway that has no socket.
const ADDRESS: ([u8; 4], u16) = ([127, 0, 0, 1], 50051);
/// Bytes in transit in each direction.
const BUFFER_BYTES: usize = 64 * 1024;

/// The settings that tests begin with: in memory, nobody but the personas.
pub fn config() -> Config {
    Config { storage: Storage::Memory, population: Some(0), ..Config::default() }
}

/// Begins the sentence.
pub fn gateway() -> Described {
    Described { config: config(), listens: false }
}

/// A gateway that is being described.
pub struct Described {
    config: Config,
    listens: bool,
}

impl Described {
    /// This many generated citizens in addition to the personas.
    pub fn people(self, people: u64) -> Self {
        self.with(|config| Config { population: Some(people), ..config })
    }

    /// With other settings.
    pub fn with(self, change: impl FnOnce(Config) -> Config) -> Self {
        Self { config: change(self.config), ..self }
    }

    /// On a free port of loopback.
    pub fn on_a_socket(self) -> Self {
        Self { listens: true, ..self }
    }

    /// Ends the sentence.
    pub async fn start(self) -> Started {
        let gateway = Gateway::open(self.config).await.expect("the gateway opens");
        if !self.listens {
            let here = gateway.in_process(ADDRESS.into()).await.expect("it serves");
            let connections = Connections::default();
            let channel = connect(&here, &connections).await;
            return Started { channel, served: Served::Here(here, connections), gateway };
        }
        let grpc = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let running = gateway.start(Listening::plaintext(grpc)).await.expect("it serves");
        let endpoint = Endpoint::from_shared(format!("http://{}", running.grpc)).expect("an address");
        let channel = endpoint.connect().await.expect("it accepts");
        Started { channel, served: Served::On(Box::new(running)), gateway }
    }
}

/// A gateway at work, and a connection to it.
pub struct Started {
    pub channel: Channel,
    pub gateway: Gateway,
    served: Served,
}

/// The tasks that serve its connections.
type Connections = Arc<Mutex<JoinSet<()>>>;

enum Served {
    Here(InProcess, Connections),
    On(Box<Running>),
}

impl Started {
    /// The address that it announces.
    pub fn address(&self) -> SocketAddr {
        match &self.served {
            Served::Here(..) => ADDRESS.into(),
            Served::On(running) => running.grpc,
        }
    }

    /// Ends serving; gives the gateway.
    pub async fn end(self) -> Gateway {
        let Self { channel, gateway, served } = self;
        drop(channel);
        match served {
            Served::Here(here, connections) => {
                drop(here);
                let mut connections = std::mem::take(&mut *connections.lock().expect("whole"));
                connections.shutdown().await;
            }
            Served::On(running) => running.end().await.expect("it ends"),
        }
        gateway
    }
}

/// A channel to a gateway in this process.
async fn connect(here: &InProcess, connections: &Connections) -> Channel {
    let (service, connections) = (here.service.clone(), connections.clone());
    let connector = service_fn(move |_: Uri| {
        let (ours, theirs) = tokio::io::duplex(BUFFER_BYTES);
        connections.lock().expect("whole").spawn(serve(theirs, service.clone()));
        std::future::ready(Ok::<_, io::Error>(TokioIo::new(ours)))
    });
    // Demo credentials are accepted for names of loopback alone.
    Endpoint::from_static("http://localhost:50051").connect_with_connector(connector).await.expect("it accepts")
}

/// Serves one connection to its end.
async fn serve<S>(stream: DuplexStream, service: S)
where
    S: tower::Service<Request<Body>, Response = tonic::codegen::http::Response<Body>, Error = std::convert::Infallible>
        + Clone
        + Send
        + 'static,
    S::Future: Send,
{
    let calls = hyper::service::service_fn(move |request: Request<hyper::body::Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(Peer::direct(ADDRESS.into()));
        let mut service = service.clone();
        async move { service.ready().await?.call(request).await }
    });
    // How a connection ends is its peer's concern.
    let _ = http2::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), calls).await;
}
