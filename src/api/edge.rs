//! The edge of every RPC: authenticate, limit, set the deadline, run one use case, map its error, keep the trace.
//!
//! Handlers hold an [`Edge`] and answer through it, so that no call can forget a step. Personal data stays out of the log:
//! a line names the method, the caller's label, the outcome and the duration.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures::future::{Either, select};
use futures::{Stream, StreamExt as _};
use tokio::sync::watch;
use tonic::metadata::{AsciiMetadataValue, MetadataMap};
use tonic::{Request, Response, Status};

use crate::base::call::{Call, Language, Trace, TraceSink};
use crate::base::{Clock, Entropy, Error, Kind, Reason, RequestId, Result, limits};

use super::credential::Authenticator;
use super::rate::RateLimiter;
use super::status::status;

/// Metadata key under which every answer and error carries the call's id.
pub const REQUEST_ID: &str = "x-request-id";
/// Metadata key with which a caller asks for records that failed their checks: `allow`.
pub const UNVERIFIED: &str = "x-lienthong-unverified";

/// How long a stream may go on when the server is to stop; it must be over before what is left is cut.
pub const GRACE: Duration = Duration::from_millis(1_000);

/// The answers of a streaming call.
pub type Answers<A> = Pin<Box<dyn Stream<Item = Result<A, Status>> + Send>>;

/// What every handler shares.
#[derive(Clone)]
pub struct Edge {
    inner: Arc<Inner>,
}

struct Inner {
    authenticator: Authenticator,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    rate: RateLimiter,
    traces: Arc<dyn TraceSink>,
    /// Turns true when the server is to stop.
    ending: watch::Receiver<bool>,
}

impl Edge {
    /// An edge that believes `authenticator`, hands the traces of ended calls to `traces`, and ends streams when `ending` turns true.
    pub fn new(
        authenticator: Authenticator,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        rate: RateLimiter,
        traces: Arc<dyn TraceSink>,
        ending: watch::Receiver<bool>,
    ) -> Self {
        Self { inner: Arc::new(Inner { authenticator, clock, entropy, rate, traces, ending }) }
    }

    /// Answers an authenticated call with one use case.
    pub async fn answer<Q, A, F, Fut>(
        &self,
        method: &'static str,
        request: Request<Q>,
        use_case: F,
    ) -> Result<Response<A>, Status>
    where
        F: FnOnce(Arc<Call>, Q) -> Fut,
        Fut: Future<Output = Result<A>>,
    {
        let begun = Instant::now();
        let (call, message) = self.admit(method, request)?;
        let left = call.time_left();
        let result = match tokio::time::timeout(left, use_case(call.clone(), message)).await {
            Ok(result) => result,
            Err(_) => Err(Error::new(Reason::DeadlineExceeded, "the deadline passed before the answer was ready")),
        };
        self.finish(&call, begun, result.as_ref().err());
        match result {
            Ok(answer) => {
                let mut response = Response::new(answer);
                mark(response.metadata_mut(), call.request_id);
                Ok(response)
            }
            Err(error) => Err(refuse(&error, call.request_id, call.language)),
        }
    }

    /// Begins a streaming call: the same as [`Self::answer`], for a use case that returns a stream. The deadline holds for the
    /// beginning alone; a stream lives as long as the client reads it, or until the server stops: then it has [`GRACE`] to come to
    /// its end, and ends with [`ShuttingDown`](Reason::ShuttingDown), so that the client knows to resume.
    pub async fn stream<Q, A, S, F, Fut>(
        &self,
        method: &'static str,
        request: Request<Q>,
        use_case: F,
    ) -> Result<Response<Answers<A>>, Status>
    where
        A: Send + 'static,
        S: Stream<Item = Result<A>> + Send + 'static,
        F: FnOnce(Arc<Call>, Q) -> Fut,
        Fut: Future<Output = Result<S>>,
    {
        let begun = async |call: Arc<Call>, message| {
            let (id, language) = (call.request_id, call.language);
            let answers = use_case(call, message).await?;
            Ok(self.until_the_end(answers, id, language))
        };
        self.answer(method, request, begun).await
    }

    fn until_the_end<A: Send + 'static>(
        &self,
        answers: impl Stream<Item = Result<A>> + Send + 'static,
        id: RequestId,
        language: Language,
    ) -> Answers<A> {
        let mut ending = self.inner.ending.clone();
        let cut = async move {
            if ending.wait_for(|asked| *asked).await.is_err() {
                std::future::pending::<()>().await; // nobody is left who could ask for the end
            }
            tokio::time::sleep(GRACE).await;
        };
        let edge = self.clone();
        let state = Some((Box::pin(answers), Box::pin(cut)));
        Box::pin(futures::stream::unfold(state, move |state| {
            let edge = edge.clone();
            async move {
                let (mut answers, mut cut) = state?;
                // The end comes first, or a stream that always has more would never see it.
                let error = match select(&mut cut, answers.next()).await {
                    Either::Left(_) => {
                        Error::new(Reason::ShuttingDown, "the server is stopping: resume where you were")
                    }
                    Either::Right((None, _)) => return None,
                    Either::Right((Some(Ok(answer)), _)) => return Some((Ok(answer), Some((answers, cut)))),
                    Either::Right((Some(Err(error)), _)) => error,
                };
                Some((Err(edge.refuse(&error, id, language)), None))
            }
        }))
    }

    /// Answers a call that needs no credential: public data. It has an id, a language and a deadline like any other, but no caller,
    /// and so no trace.
    pub async fn answer_anyone<Q, A, F, Fut>(
        &self,
        method: &'static str,
        request: Request<Q>,
        use_case: F,
    ) -> Result<Response<A>, Status>
    where
        F: FnOnce(Q) -> Fut,
        Fut: Future<Output = Result<A>>,
    {
        let begun = Instant::now();
        let (metadata, _, message) = request.into_parts();
        let language = text(&metadata, "accept-language").map(Language::from_header).unwrap_or_default();
        let request_id = self.new_id(self.inner.clock.now());
        let result = match tokio::time::timeout(deadline(&metadata), use_case(message)).await {
            Ok(result) => result,
            Err(_) => Err(Error::new(Reason::DeadlineExceeded, "the deadline passed before the answer was ready")),
        };
        let elapsed_us = begun.elapsed().as_micros() as u64;
        match result {
            Ok(answer) => {
                tracing::debug!(method, request = %request_id, elapsed_us);
                let mut response = Response::new(answer);
                mark(response.metadata_mut(), request_id);
                Ok(response)
            }
            Err(error) => {
                tracing::info!(method, request = %request_id, outcome = error.reason.as_str(), elapsed_us);
                Err(self.refuse(&error, request_id, language))
            }
        }
    }

    /// The status of an error that ends a stream after it began.
    pub fn refuse(&self, error: &Error, id: RequestId, language: Language) -> Status {
        if error.kind() == Kind::Bug {
            let cause = error.source.as_deref().map(ToString::to_string).unwrap_or_default();
            tracing::error!(request = %id, cause, "defect in a stream");
        }
        refuse(error, id, language)
    }

    /// Admits a call: its id, caller, rate, deadline and language.
    fn admit<Q>(&self, method: &'static str, request: Request<Q>) -> Result<(Arc<Call>, Q), Status> {
        let begun = Instant::now();
        let (metadata, extensions, message) = request.into_parts();
        let language = text(&metadata, "accept-language").map(Language::from_header).unwrap_or_default();
        let now = self.inner.clock.now();
        let request_id = self.new_id(now);
        let admitted = self.inner.authenticator.authenticate(&metadata, &extensions, now).and_then(|caller| {
            self.inner.rate.take(&caller, begun).map(|()| caller.clone()).map_err(|error| (error, Some(caller.clone())))
        });
        match admitted {
            Ok(caller) => {
                let call = Call {
                    request_id,
                    method,
                    caller,
                    now,
                    deadline: begun + deadline(&metadata),
                    language,
                    accepts_unverified: text(&metadata, UNVERIFIED) == Some("allow"),
                    checks: Mutex::default(),
                };
                Ok((Arc::new(call), message))
            }
            Err((error, caller)) => {
                let outcome = error.reason.as_str().to_owned();
                self.inner.traces.record(Trace { request_id, method, caller, called_at: now, outcome, checks: vec![] });
                tracing::info!(method, request = %request_id, reason = error.reason.as_str(), "refused at the door");
                Err(refuse(&error, request_id, language))
            }
        }
    }

    fn finish(&self, call: &Call, begun: Instant, error: Option<&Error>) {
        let elapsed_us = begun.elapsed().as_micros() as u64;
        let outcome = error.map_or("OK", |error| error.reason.as_str());
        let caller = call.caller.label();
        match error {
            Some(error) if error.kind() == Kind::Bug => {
                let cause = error.source.as_deref().map(ToString::to_string).unwrap_or_default();
                tracing::error!(method = call.method, request = %call.request_id, caller, elapsed_us, cause, "defect");
            }
            Some(_) => tracing::info!(method = call.method, request = %call.request_id, caller, outcome, elapsed_us),
            None => tracing::debug!(method = call.method, request = %call.request_id, caller, outcome, elapsed_us),
        }
        if error.is_some() {
            self.inner.traces.record(Trace {
                request_id: call.request_id,
                method: call.method,
                caller: Some(call.caller.clone()),
                called_at: call.now,
                outcome: outcome.to_owned(),
                checks: call.checks(),
            });
        }
    }

    /// An id for a part of a call that is logged and explained on its own.
    pub fn new_id(&self, now: crate::base::Timestamp) -> RequestId {
        let mut random = [0; 10];
        // Without randomness the id is still unique enough by its time; failing the call would help nobody.
        if let Err(error) = self.inner.entropy.fill(&mut random) {
            tracing::error!(%error, "no randomness for a request id");
        }
        RequestId(uuid::Builder::from_unix_timestamp_millis(now.0.max(0) as u64, &random).into_uuid())
    }
}

/// The deadline that the caller named (gRPC `grpc-timeout`), within our limit.
fn deadline(metadata: &MetadataMap) -> Duration {
    let named = text(metadata, "grpc-timeout").and_then(parse_timeout);
    named
        .unwrap_or(Duration::from_millis(limits::DEADLINE_MS_DEFAULT))
        .min(Duration::from_millis(limits::DEADLINE_MS_MAX))
}

/// Reads a `grpc-timeout` value: at most 8 digits and a unit (gRPC over HTTP/2, Requests).
fn parse_timeout(value: &str) -> Option<Duration> {
    let (digits, unit) = value.split_at_checked(value.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 {
        return None;
    }
    let number: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(number * 3600)),
        "M" => Some(Duration::from_secs(number * 60)),
        "S" => Some(Duration::from_secs(number)),
        "m" => Some(Duration::from_millis(number)),
        "u" => Some(Duration::from_micros(number)),
        "n" => Some(Duration::from_nanos(number)),
        _ => None,
    }
}

fn text<'a>(metadata: &'a MetadataMap, key: &str) -> Option<&'a str> {
    metadata.get(key)?.to_str().ok()
}

fn mark(metadata: &mut MetadataMap, id: RequestId) {
    if let Ok(mut value) = id.to_string().parse::<AsciiMetadataValue>() {
        // An id is never sent twice: kept out of the compression table (RFC 7541, section 6.2.3), it costs neither side a search
        // nor evicts the headers that do repeat.
        value.set_sensitive(true);
        metadata.insert(REQUEST_ID, value);
    }
}

fn refuse(error: &Error, id: RequestId, language: Language) -> Status {
    let mut status = status(error, id, language);
    mark(status.metadata_mut(), id);
    status
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_read_as_the_grpc_specification_says() {
        assert_eq!(parse_timeout("100m"), Some(Duration::from_millis(100)));
        assert_eq!(parse_timeout("2S"), Some(Duration::from_secs(2)));
        for bad in ["", "m", "123456789m", "-1m", "1x"] {
            assert_eq!(parse_timeout(bad), None, "{bad}");
        }
    }
}
