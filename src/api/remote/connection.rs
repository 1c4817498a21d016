//! The connection to one registry's host: its address and credential, deadlines, repetitions and the breaker.
//!
//! A call has the deadline of the call that it is made for, and ten seconds otherwise. What may be repeated is repeated when the host did not answer, after
//! a pause with jitter, at most twice, and only as long as repetitions are few among the calls: a host that is down gets no
//! storm. A connection that answers no ping within three seconds is given up, so that a frozen host looks like one that is down. A call that met it is not
//! repeated: each attempt would wait as long again.

#![allow(clippy::disallowed_methods, reason = "deadlines, pauses and repetitions are transport")]

use std::future::Future;
use std::io;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use hyper_util::rt::TokioIo;
use tokio::io::DuplexStream;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Channel, Endpoint, Uri};
use tonic::{Code, Request, Response, Status};
use tower::service_fn;

use super::breaker::Breaker;
use super::tls::ClientTls;
use super::{context, refusal};
use crate::base::time::Instant;
use crate::base::{Error, Reason, Result, limits};

/// How long a connection may take.
const CONNECTS_WITHIN: Duration = Duration::from_secs(2);
/// Pings of a connection, also of an idle one, and how long their answer may take.
const PING_EVERY: Duration = Duration::from_secs(2);
const PING_WITHIN: Duration = Duration::from_secs(1);
/// How long work of the gateway's own waits for an answer.
const ANSWERS_WITHIN: Duration = Duration::from_millis(limits::DEADLINE_MS_DEFAULT);
/// A call that was given up after so long speaks against its host: its caller waited in vain. Nor is it repeated after so long.
const PATIENCE: Duration = Duration::from_secs(1);
/// Times that one call is made.
const ATTEMPTS_MAX: u32 = 3;
/// The pause before the first repetition, on average; the next one is twice as long.
const PAUSE: Duration = Duration::from_millis(50);
/// Repetitions: each takes ten tokens, and each call that was answered gives one back.
const TOKENS_MAX: u32 = 200;
const TOKENS_EACH: u32 = 10;

/// Where a registry's host listens.
#[derive(Clone)]
pub struct HostAddress {
    /// `host:port`.
    pub address: String,
    /// TLS towards it; `None`: plaintext.
    pub tls: Option<ClientTls>,
    /// The bearer credential of the gateway; `None` where its certificate says who it is.
    pub credential: Option<String>,
}

impl std::fmt::Debug for HostAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.address)
    }
}

/// Opens a connection to a host's address within the process of its program, in place of a socket.
pub type Dial = Arc<dyn Fn(&str) -> io::Result<DuplexStream> + Send + Sync>;

/// The connection to a host. Connects by itself, and anew after a failure.
pub struct Connection {
    registry: String,
    /// Connects to the host.
    connect: Box<dyn Fn() -> Channel + Send + Sync>,
    channel: RwLock<Channel>,
    /// When the channel was made.
    since: Mutex<Instant>,
    authorization: Option<MetadataValue<Ascii>>,
    breaker: Breaker,
    tokens: AtomicU32,
    /// For jitter: how many pauses there were.
    pauses: AtomicU32,
}

impl Connection {
    /// The connection to the host of `registry`, made by `dial` where there is one; nothing is sent before the first call.
    pub fn new(registry: &str, host: &HostAddress, dial: Option<&Dial>) -> Result<Arc<Self>> {
        let invalid = |why: String| {
            let message = format!("the address {} of the {registry} registry cannot be used: {why}", host.address);
            Error::new(Reason::ConfigurationInvalid, message)
        };
        // The connector speaks TLS by itself; tonic takes an `https` address for a demand to add it.
        let endpoint = Endpoint::from_shared(format!("http://{}", host.address));
        let endpoint = endpoint.map_err(|error| invalid(error.to_string()))?;
        let endpoint = endpoint
            .connect_timeout(CONNECTS_WITHIN)
            .http2_keep_alive_interval(PING_EVERY)
            .keep_alive_timeout(PING_WITHIN)
            .keep_alive_while_idle(true)
            .tcp_nodelay(true);
        let authorization = host.credential.as_ref().map(|credential| format!("Bearer {credential}").parse());
        let authorization = authorization.transpose().map_err(|_| invalid("its credential is not ASCII".into()))?;
        let (tls, dial, address) = (host.tls.clone(), dial.cloned(), host.address.clone());
        let connect = move || match (&dial, &tls) {
            (Some(dial), _) => {
                let (dial, address) = (dial.clone(), address.clone());
                let dialled = move |_: Uri| std::future::ready(dial(&address).map(TokioIo::new));
                endpoint.connect_with_connector_lazy(service_fn(dialled))
            }
            (None, None) => endpoint.connect_lazy(),
            (None, Some(tls)) => endpoint.connect_with_connector_lazy(tls.clone()),
        };
        Ok(Arc::new(Self {
            registry: registry.to_owned(),
            channel: RwLock::new(connect()),
            connect: Box::new(connect),
            since: Mutex::new(Instant::now()),
            authorization,
            breaker: Breaker::default(),
            tokens: AtomicU32::new(TOKENS_MAX),
            pauses: AtomicU32::new(0),
        }))
    }

    /// The channel, for a client of a service.
    pub(super) fn channel(&self) -> Channel {
        self.channel.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Leaves a connection whose certificate the host accepts no more: a new one shows what is in the files now.
    fn begin_anew(&self) {
        let mut since = self.since.lock().unwrap_or_else(PoisonError::into_inner);
        if since.elapsed() >= PATIENCE {
            *since = Instant::now();
            *self.channel.write().unwrap_or_else(PoisonError::into_inner) = (self.connect)();
        }
    }

    /// Whether the host is left alone at present, because it failed.
    pub fn is_open(&self) -> bool {
        self.breaker.is_open()
    }

    /// Makes a call that may be repeated.
    pub(super) async fn call<Q, A, F>(&self, message: Q, call: impl Fn(Request<Q>) -> F) -> Result<A>
    where
        Q: Clone,
        F: Future<Output = Result<Response<A>, Status>>,
    {
        let begun = Instant::now();
        let until = begun + context::answered().map_or(ANSWERS_WITHIN, |call| call.time_left());
        let mut pause = PAUSE;
        for attempt in 1.. {
            let failed = match self.attempt(&message, &call, until).await {
                Ok(answer) => return Ok(answer),
                Err(failed) => failed,
            };
            let jittered = self.jittered(pause);
            let is_soon = begun.elapsed() < PATIENCE && Instant::now() + jittered < until;
            let is_worth = failed.is_passing && attempt < ATTEMPTS_MAX && is_soon;
            if !is_worth || !self.may_repeat() {
                return Err(failed.error);
            }
            tokio::time::sleep(jittered).await;
            pause *= 2;
        }
        Err(Error::bug("the attempts of a call are bounded"))
    }

    async fn attempt<Q, A, F>(&self, message: &Q, call: &impl Fn(Request<Q>) -> F, until: Instant) -> Result<A, Failed>
    where
        Q: Clone,
        F: Future<Output = Result<Response<A>, Status>>,
    {
        let left = until.saturating_duration_since(Instant::now());
        let waiting = self.begin()?;
        match tokio::time::timeout(left, call(self.request(message.clone(), left))).await {
            Ok(Ok(answer)) => {
                waiting.answered();
                Ok(answer.into_inner())
            }
            Ok(Err(status)) => {
                let is_passing = refusal::is_passing(&status);
                match status.code() {
                    // The caller's time was up: that speaks against the host only if it had some.
                    Code::DeadlineExceeded | Code::Cancelled => drop(waiting),
                    _ if is_passing => waiting.failed(),
                    Code::Unauthenticated => {
                        waiting.answered();
                        self.begin_anew();
                    }
                    _ => waiting.answered(),
                }
                Err(Failed { error: refusal::error(&status, &self.registry), is_passing })
            }
            Err(_) => {
                drop(waiting);
                let message = format!("the {} registry did not answer in time", self.registry);
                let error = Error::new(Reason::DeadlineExceeded, message).with_subject("registry", &*self.registry);
                Err(Failed { error, is_passing: false })
            }
        }
    }

    /// Begins to wait for the host, unless it is left alone.
    pub(super) fn begin(&self) -> Result<Waiting<'_>, Failed> {
        match self.breaker.admit(Instant::now()) {
            Ok(()) => Ok(Waiting { connection: self, since: Instant::now(), is_settled: false }),
            Err(rest) => {
                let message =
                    format!("the {} registry did not answer several times and is given a pause", self.registry);
                let error = Error::new(Reason::RegistryUnavailable, message).with_retry_after(rest);
                Err(Failed { error: error.with_subject("registry", &*self.registry), is_passing: false })
            }
        }
    }

    /// A request with a deadline.
    fn request<Q>(&self, message: Q, within: Duration) -> Request<Q> {
        let mut request = self.stream_request(message);
        request.set_timeout(within);
        request
    }

    /// A request with the credential, and with what is known of the call that it is made for.
    pub(super) fn stream_request<Q>(&self, message: Q) -> Request<Q> {
        let mut request = Request::new(message);
        if let Some(authorization) = &self.authorization {
            request.metadata_mut().insert("authorization", authorization.clone());
        }
        if let Some(call) = context::answered() {
            context::mark(&call, request.metadata_mut());
        }
        request
    }

    /// Takes the tokens of one repetition.
    fn may_repeat(&self) -> bool {
        let take = |tokens: u32| tokens.checked_sub(TOKENS_EACH).filter(|left| *left >= TOKENS_MAX / 2);
        self.tokens.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok()
    }

    /// Between a half and three halves of a pause, spread over calls.
    fn jittered(&self, pause: Duration) -> Duration {
        let turn = self.pauses.fetch_add(1, Ordering::Relaxed).wrapping_mul(0x9e37_79b1) >> 16; // Fibonacci hashing
        pause.mul_f64(0.5 + f64::from(turn) / f64::from(1_u32 << 16))
    }
}

/// A call that failed.
pub(super) struct Failed {
    pub(super) error: Error,
    /// Whether the host did not answer, so that a repetition may help.
    is_passing: bool,
}

/// A call under way. Given up late without a word, it counts as a failure of its host.
pub(super) struct Waiting<'a> {
    connection: &'a Connection,
    since: Instant,
    is_settled: bool,
}

impl Waiting<'_> {
    /// The host answered, whatever it said.
    pub(super) fn answered(mut self) {
        self.is_settled = true;
        let give = |tokens: u32| (tokens < TOKENS_MAX).then_some(tokens + 1);
        let _full = self.connection.tokens.fetch_update(Ordering::Relaxed, Ordering::Relaxed, give);
        if self.connection.breaker.answered() {
            tracing::info!(registry = &*self.connection.registry, "the registry's host answers again");
        }
    }

    /// Nobody waits here any more, and nothing is known of the host.
    pub(super) fn let_go(mut self) {
        self.is_settled = true;
        self.connection.breaker.abandoned();
    }

    /// The host did not answer.
    pub(super) fn failed(mut self) {
        self.is_settled = true;
        self.count_failure();
    }

    fn count_failure(&self) {
        if let Some(rest) = self.connection.breaker.failed(Instant::now()) {
            let pause_ms = rest.as_millis() as u64;
            tracing::warn!(
                registry = &*self.connection.registry,
                pause_ms,
                "the registry's host fails; it is left alone for a moment"
            );
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if !self.is_settled {
            if self.since.elapsed() >= PATIENCE {
                self.count_failure();
            } else {
                self.connection.breaker.abandoned();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;
    use crate::wire::proto::registry::v1::DescribeRequest;
    use crate::wire::proto::registry::v1::registry_service_client::RegistryServiceClient;

    /// Describes the registry of a host that `dial` reaches; returns the failure, and how long it took.
    async fn described(dial: impl Fn() -> io::Result<DuplexStream> + Send + Sync + 'static) -> (Error, Duration) {
        let dial: Dial = Arc::new(move |_| dial());
        let address = HostAddress { address: "land.example:1".into(), tls: None, credential: None };
        let host = Connection::new("land", &address, Some(&dial)).expect("an address");
        let begun = Instant::now();
        let answer = host.call(DescribeRequest::default(), |request| {
            let mut client = RegistryServiceClient::new(host.channel());
            async move { client.describe(request).await }
        });
        let failed = answer.await.expect_err("nobody answers");
        (failed, begun.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn a_frozen_host_costs_a_call_no_more_than_one_connection_that_answers_no_ping() {
        let ends = Arc::new(Mutex::new(Vec::new()));
        let kept = ends.clone();
        let (failed, took) = described(move || {
            let (near, far) = tokio::io::duplex(64 * 1024);
            kept.lock().expect("whole").push(far);
            Ok(near)
        })
        .await;
        assert_eq!(failed.reason, Reason::RegistryUnavailable);
        assert!(took <= PING_EVERY + PING_WITHIN + Duration::from_millis(100), "{took:?}");
        assert_eq!(ends.lock().expect("whole").len(), 1, "connections");
    }

    #[tokio::test(start_paused = true)]
    async fn a_host_that_refuses_connections_is_asked_again_at_once() {
        let dialled = Arc::new(AtomicUsize::new(0));
        let counted = dialled.clone();
        let (failed, took) = described(move || {
            counted.fetch_add(1, Ordering::Relaxed);
            Err(io::ErrorKind::ConnectionRefused.into())
        })
        .await;
        assert_eq!(failed.reason, Reason::RegistryUnavailable);
        assert!(took < PATIENCE, "{took:?}");
        assert_eq!(dialled.load(Ordering::Relaxed), ATTEMPTS_MAX as usize);
    }
}
