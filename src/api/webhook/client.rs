//! The HTTP client of webhooks: one request over one connection to an address that was checked.
//!
//! The name of a target is resolved once, and the connection goes to an address of that answer: a second answer that leads elsewhere (DNS rebinding)
//! is never asked for. No redirect is followed, no proxy is used, and the body of an answer is discarded: a caller who creates a webhook learns
//! nothing about an address but the status of its answer.

#![allow(clippy::disallowed_methods, reason = "time limits of connections are transport")]

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::future::BoxFuture;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tonic::codegen::http::{Method, Request, Response, StatusCode, header};

use super::event::{MEDIA_TYPE, body};
use super::tls::WebhookTls;
use crate::base::{Result, limits};
use crate::webhook::{Event, Failure, Host, Post, SignedHeaders, Target, TargetList};

/// Most addresses of a name that are tried.
const ADDRESSES_MAX: usize = 4;
/// How long a connection to one address may take.
const CONNECTS_WITHIN: Duration = Duration::from_secs(4);
/// What is read of an answer's head, in bytes.
const HEAD_BYTES_MAX: usize = 16 * 1024;
/// What is read of its body, which says nothing to us, in bytes, and how long that may take.
const BODY_BYTES_MAX: usize = 16 * 1024;
const BODY_WITHIN: Duration = Duration::from_millis(500);

/// Finds the addresses of a host and port.
pub type Resolve = Arc<dyn Fn(String, u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> + Send + Sync>;

/// Asks the system for addresses.
pub fn system() -> Resolve {
    Arc::new(|name, port| {
        Box::pin(async move { tokio::net::lookup_host((name, port)).await.map(|found| found.collect()) })
    })
}

/// Posts events over the network.
pub struct HttpPost {
    targets: TargetList,
    tls: TlsConnector,
    resolve: Resolve,
    connections: Semaphore,
}

impl HttpPost {
    /// Posts to addresses that `targets` admits.
    pub fn new(targets: TargetList, tls: WebhookTls, resolve: Resolve) -> Self {
        Self { targets, tls: tls.into(), resolve, connections: Semaphore::new(limits::WEBHOOK_DELIVERIES_MAX) }
    }

    async fn exchange(&self, target: &Target, headers: &SignedHeaders, body: Bytes) -> Result<(), Failure> {
        let stream = self.connect(target).await?;
        if !target.has_tls {
            return ask(stream, request(target, headers, body)?).await;
        }
        let name = match &target.host {
            Host::Name(name) => ServerName::try_from(name.clone()).map_err(|_| Failure::TlsFailed)?,
            Host::Address(address) => ServerName::from(*address),
        };
        let stream = self.tls.connect(name, stream).await.map_err(|_| Failure::TlsFailed)?;
        ask(stream, request(target, headers, body)?).await
    }

    /// A connection to the first address that admits one.
    async fn connect(&self, target: &Target) -> Result<TcpStream, Failure> {
        let found = match &target.host {
            Host::Address(address) => vec![SocketAddr::new(*address, target.port)],
            Host::Name(name) => (self.resolve)(name.clone(), target.port).await.map_err(|_| Failure::NameUnknown)?,
        };
        if found.is_empty() {
            return Err(Failure::NameUnknown);
        }
        let mut failure = Failure::AddressRefused;
        let admitted = found.into_iter().filter(|address| self.targets.admits(target, address.ip()));
        for address in admitted.take(ADDRESSES_MAX) {
            match timeout(CONNECTS_WITHIN, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(_)) | Err(_) => failure = Failure::NotConnected,
            }
        }
        Err(failure)
    }
}

#[async_trait]
impl Post for HttpPost {
    fn body(&self, event: &Event) -> Result<Bytes> {
        body(event)
    }

    async fn post(
        &self,
        target: &Target,
        headers: &SignedHeaders,
        body: Bytes,
        within: Duration,
    ) -> Result<(), Failure> {
        // A turn is not the target's time. Nobody closes the turns.
        let _turn = self.connections.acquire().await;
        timeout(within, self.exchange(target, headers, body)).await.unwrap_or(Err(Failure::Timeout))
    }
}

fn request(target: &Target, headers: &SignedHeaders, body: Bytes) -> Result<Request<Full<Bytes>>, Failure> {
    let usual = if target.has_tls { 443 } else { 80 };
    let host = match target.port == usual {
        true => target.host.to_string(),
        false => format!("{}:{}", target.host, target.port),
    };
    let request = Request::builder()
        .method(Method::POST)
        .uri(&*target.path)
        .header(header::HOST, host)
        .header(header::USER_AGENT, concat!("lienthong/", env!("CARGO_PKG_VERSION")))
        .header(header::CONTENT_TYPE, MEDIA_TYPE)
        .header("webhook-id", &headers.id)
        .header("webhook-timestamp", &headers.timestamp)
        .header("webhook-signature", &headers.signature)
        .header(header::CONNECTION, "close");
    request.body(Full::new(body)).map_err(|_| Failure::ProtocolError)
}

/// Makes one request, and judges the head of its answer.
async fn ask<S>(stream: S, request: Request<Full<Bytes>>) -> Result<(), Failure>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let begun = http1::Builder::new().max_buf_size(HEAD_BYTES_MAX).handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = begun.map_err(|_| Failure::ProtocolError)?;
    let mut connection = pin!(connection);
    let mut answer = pin!(sender.send_request(request));
    let answer = tokio::select! {
        biased;
        answer = &mut answer => answer,
        // The answer may have come with the connection's end.
        _ = &mut connection => answer.await,
    };
    let answer = answer.map_err(|_| Failure::ProtocolError)?;
    let judged = judged(&answer);
    // A target that is still writing when its connection ends may take its answer for lost: a short one is read to its end, and discarded.
    let rest = async { Limited::new(answer.into_body(), BODY_BYTES_MAX).collect().await.is_ok() };
    let ended = futures::future::join(rest, connection);
    _ = timeout(BODY_WITHIN, ended).await;
    judged
}

fn judged<B>(answer: &Response<B>) -> Result<(), Failure> {
    let status = answer.status();
    match status {
        _ if status.is_success() => Ok(()),
        _ if status.is_redirection() => Err(Failure::Redirect),
        StatusCode::GONE => Err(Failure::Gone),
        _ => {
            let says_when = matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
            let asked = answer.headers().get(header::RETRY_AFTER).filter(|_| says_when);
            // A date is the other form of the header; the schedule does without it.
            let seconds = asked.and_then(|asked| asked.to_str().ok()?.trim().parse().ok());
            Err(Failure::Status { status: status.as_u16(), retry_after: seconds.map(Duration::from_secs) })
        }
    }
}

#[cfg(test)]
mod tests;
