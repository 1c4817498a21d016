//! The bare peer: a tonic service that answers a number of bytes and does nothing else, in a process of its own.
//!
//! It is what `load --compare-bare` measures the gateway against. The bytes are passed through as they are, without
//! building a message, so that the comparison leans towards the peer.

use std::convert::Infallible;
use std::io::BufRead as _;
use std::process::{Child, Command, ExitCode, Stdio};
use std::task::{Context, Poll};

use bytes::Bytes;
use clap::Args;
use tonic::body::Body;
use tonic::codegen::{BoxFuture, Service, http};
use tonic::server::{Grpc, NamedService, UnaryService};
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

use super::super::output::{Failure, print, runtime};
use crate::wire::codec::RawCodec;

/// The path of its one call.
pub(super) const PATH: &str = "/lienthong.load.v1.BareService/Answer";

/// Serve answers of a fixed size until stdin closes.
#[derive(Debug, Args)]
pub struct BarePeer {
    /// Bytes of each answer.
    #[arg(long, env = "LIENTHONG_BARE_ANSWER_BYTES", value_parser = clap::value_parser!(u32).range(1..=4_194_304))]
    answer_bytes: u32,
}

impl BarePeer {
    /// Prints the address and serves; ends with stdin, and so with the process that started it.
    pub fn run(self) -> Result<ExitCode, Failure> {
        let refused = |error: std::io::Error| Failure::new(format!("the bare peer cannot listen: {error}"));
        runtime()?.block_on(async move {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.map_err(refused)?;
            let address = listener.local_addr().map_err(refused)?;
            let service = Bare { answer: vec![7; self.answer_bytes as usize].into() };
            print(&address.to_string())?;
            let (ended, end) = tokio::sync::oneshot::channel::<()>();
            std::thread::spawn(move || {
                let _ = std::io::stdin().lock().read_line(&mut String::new());
                let _ = ended.send(());
            });
            let serving = Server::builder()
                .add_service(service)
                .serve_with_incoming(TcpIncoming::from(listener).with_nodelay(Some(true)));
            tokio::select! {
                served = serving => served.map_err(|error| Failure::new(error.to_string()))?,
                _ = end => {}
            }
            Ok(ExitCode::SUCCESS)
        })
    }
}

#[derive(Clone)]
struct Bare {
    answer: Bytes,
}

impl NamedService for Bare {
    const NAME: &'static str = "lienthong.load.v1.BareService";
}

impl UnaryService<Bytes> for Bare {
    type Response = Bytes;
    type Future = std::future::Ready<Result<Response<Bytes>, Status>>;

    fn call(&mut self, _: Request<Bytes>) -> Self::Future {
        std::future::ready(Ok(Response::new(self.answer.clone())))
    }
}

impl Service<http::Request<Body>> for Bare {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Infallible>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let service = self.clone();
        Box::pin(async move { Ok(Grpc::new(RawCodec).unary(service, request).await) })
    }
}

/// The peer as a child process; it ends when this is dropped.
pub(super) struct Spawned {
    child: Child,
    pub(super) address: String,
}

impl Spawned {
    /// Starts the peer and waits for its address.
    pub(super) async fn start(answer_bytes: usize) -> Result<Self, Failure> {
        let failed = |error: std::io::Error| Failure::new(format!("the bare peer cannot be started: {error}"));
        let mut child = Command::new(std::env::current_exe().map_err(failed)?)
            .args(["bare-peer", "--answer-bytes", &answer_bytes.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        let Some(stdout) = child.stdout.take() else { return Err(Failure::new("the bare peer has no stdout")) };
        let read = tokio::task::spawn_blocking(move || {
            let mut line = String::new();
            std::io::BufReader::new(stdout).read_line(&mut line).map(|_| line)
        });
        let line = read.await.map_err(|error| Failure::new(error.to_string()))?.map_err(failed)?;
        Ok(Self { child, address: line.trim().to_owned() })
    }
}

impl Drop for Spawned {
    fn drop(&mut self) {
        // It may have ended by itself; either way it is waited for, so that no zombie stays.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
