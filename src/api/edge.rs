//! The edge of every RPC: runs one use case for an admitted call under its deadline, maps its error, keeps the decision log.
//!
//! Services hold an [`Edge`] and answer through it, so that no call can forget a step. Personal data stays out of the log:
//! a line names the method, the caller's label, the outcome and the duration.

#![allow(clippy::disallowed_methods, reason = "deadlines are transport, and durations are measured")]

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures::future::{Either, select};
use futures::{Stream, StreamExt as _};
use tokio::sync::watch;
use tonic::{Request, Response, Status};

use crate::base::call::{ANSWERED, Call, CallCheck, Caller, CheckOutcome, EndedCall, EndedCalls, PublicCall, ROLE};
use crate::base::time::Instant;
use crate::base::{Clock, Entropy, Error, Kind, Language, Reason, RequestId, Result, SessionId, Timestamp, limits};

use super::admission::Opening;
use super::call_ids::CallIds;
use super::health::{HealthBoard, OVERALL};
use super::lines;
use super::panic::panicked;
use super::remote::context::answering;
use super::request_id::{give_back, mark};
use super::status::status;

/// Metadata key with which a caller asks for records that failed their checks: `allow`.
pub const UNVERIFIED: &str = "x-lienthong-unverified";

/// How long a stream may go on when the server is to stop; it must be over before the remaining connections are cut.
pub const GRACE: Duration = Duration::from_millis(1_000);

/// The answers of a streaming call.
pub type AnswerStream<A> = Pin<Box<dyn Stream<Item = Result<A, Status>> + Send>>;

/// The cause against a service that met damaged data.
const DAMAGE_MET: &str = "damage_met";

/// State shared by every handler.
#[derive(Clone)]
pub struct Edge {
    inner: Arc<Inner>,
}

struct Inner {
    clock: Arc<dyn Clock>,
    ids: CallIds,
    traces: Arc<dyn EndedCalls>,
    /// Turns true when the server is to stop.
    ending: watch::Receiver<bool>,
    /// The session, for lines of the log; `None`: the province.
    session: Option<String>,
    health: HealthBoard,
}

impl Edge {
    /// An edge that hands the traces of ended calls to `traces`, and ends streams when `ending` turns true.
    pub fn new(
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        traces: Arc<dyn EndedCalls>,
        ending: watch::Receiver<bool>,
    ) -> Self {
        let of_anyone = entropy.clone();
        Self::of(clock, [entropy, of_anyone], traces, ending, None)
    }

    /// The same in a session, which its log lines name, and with whose end streams end. The second randomness is for ids of calls that anyone may
    /// make.
    pub fn of_session(
        clock: Arc<dyn Clock>,
        entropy: [Arc<dyn Entropy>; 2],
        traces: Arc<dyn EndedCalls>,
        ending: watch::Receiver<bool>,
        session: SessionId,
    ) -> Self {
        Self::of(clock, entropy, traces, ending, Some(session.to_string()))
    }

    fn of(
        clock: Arc<dyn Clock>,
        entropy: [Arc<dyn Entropy>; 2],
        traces: Arc<dyn EndedCalls>,
        ending: watch::Receiver<bool>,
        session: Option<String>,
    ) -> Self {
        let (ids, health) = (CallIds::new(entropy), HealthBoard::default());
        let inner = Inner { clock, ids, traces, ending, session, health };
        Self { inner: Arc::new(inner) }
    }

    /// The error that ends streams when the server stops, or the session ends.
    fn end(&self) -> Error {
        match self.inner.session {
            None => Error::new(Reason::ShuttingDown, "the server is stopping: resume from your last position"),
            Some(_) => {
                Error::new(Reason::SessionUnknown, "the session has ended, or was reset").with_subject("session", "")
            }
        }
    }

    /// Ends a public stream as [`Self::stream`] ends others, if it is a session that ends: the server's own end is told by the connection.
    pub(super) fn end_of_session(&self, call: Option<&PublicCall>) -> Option<Status> {
        self.inner.session.as_ref()?;
        let id = call.map_or_else(|| self.ids().of_caller(self.now()), |call| call.request_id);
        Some(self.refuse(&self.end(), id, call.map(|call| call.language).unwrap_or_default()))
    }

    /// Waits until the server stops, or the session ends, and streams had their time to finish. Returns the error that ends them.
    pub(super) async fn ended(&self) -> Error {
        self.grace_is_over().await;
        self.end()
    }

    async fn grace_is_over(&self) {
        let mut ending = self.inner.ending.clone();
        if ending.wait_for(|asked| *asked).await.is_err() {
            std::future::pending::<()>().await; // nobody is left to request the end
        }
        tokio::time::sleep(GRACE).await;
    }

    /// Whether the server is about to stop.
    pub(super) fn is_ending(&self) -> bool {
        *self.inner.ending.borrow()
    }

    /// The health of each service. The edge itself notes those that met damaged data.
    pub fn health(&self) -> HealthBoard {
        self.inner.health.clone()
    }

    /// Damage that the engine's checks let through shows only when a call decodes it; every such error passes here.
    pub(super) fn note_damage(&self, method: &str, request: RequestId, error: &Error) {
        if !matches!(error.reason, Reason::StorageCorrupt | Reason::LedgerCorrupt) {
            return;
        }
        if let Some(suppressed) = lines::of_fault() {
            let session = self.session();
            tracing::error!(method, session, %request, what = %error, suppressed, "a call met damaged data");
        }
        let service = method.split_once('/').map_or(method, |(service, _)| service);
        for name in [service, OVERALL] {
            self.inner.health.note_for(name, DAMAGE_MET, true);
        }
    }

    /// Answers an authenticated call with one use case. An answer that most clients would refuse for its length is refused here, in words:
    /// use cases page and bound what they give, so that this is for what they could not foresee.
    pub async fn answer<Q, A, F, Fut>(&self, request: Request<Q>, use_case: F) -> Result<Response<A>, Status>
    where
        A: prost::Message,
        F: FnOnce(Arc<Call>, Q) -> Fut,
        Fut: Future<Output = Result<A>>,
    {
        let bounded = async |call: Arc<Call>, message| {
            let method = call.method;
            use_case(call, message).await.and_then(|answer| within_bounds(answer, method))
        };
        self.run(request, bounded).await
    }

    async fn run<Q, A, F, Fut>(&self, request: Request<Q>, use_case: F) -> Result<Response<A>, Status>
    where
        F: FnOnce(Arc<Call>, Q) -> Fut,
        Fut: Future<Output = Result<A>>,
    {
        let begun = Instant::now();
        let (_, mut extensions, message) = request.into_parts();
        let call = extensions.remove::<Arc<Call>>().ok_or_else(|| self.not_admitted())?;
        let left = call.time_left();
        let result = match tokio::time::timeout(left, answering(call.clone(), use_case(call.clone(), message))).await {
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
        request: Request<Q>,
        use_case: F,
    ) -> Result<Response<AnswerStream<A>>, Status>
    where
        A: Send + 'static,
        S: Stream<Item = Result<A>> + Send + 'static,
        F: FnOnce(Arc<Call>, Q) -> Fut,
        Fut: Future<Output = Result<S>>,
    {
        let begun = async |call: Arc<Call>, message| {
            let answers = use_case(call.clone(), message).await?;
            Ok(self.until_the_end(answers, call))
        };
        self.run(request, begun).await
    }

    fn until_the_end<A: Send + 'static>(
        &self,
        answers: impl Stream<Item = Result<A>> + Send + 'static,
        call: Arc<Call>,
    ) -> AnswerStream<A> {
        let edge = self.clone();
        let ending = edge.clone();
        let cut = async move { ending.grace_is_over().await };
        let state = Some((Box::pin(answers), Box::pin(cut)));
        Box::pin(futures::stream::unfold(state, move |state| {
            let (edge, call) = (edge.clone(), call.clone());
            async move {
                let (mut answers, mut cut) = state?;
                // The end comes first, or a stream that always has more would never see it.
                let error = match select(&mut cut, answers.next()).await {
                    Either::Left(_) => edge.end(),
                    Either::Right((None, _)) => return None,
                    Either::Right((Some(Ok(answer)), _)) => return Some((Ok(answer), Some((answers, cut)))),
                    Either::Right((Some(Err(error)), _)) => error,
                };
                edge.note_damage(call.method, call.request_id, &error);
                edge.keep(&call, Some(&error));
                let mut status = edge.refuse(&error, call.request_id, call.language);
                give_back(status.metadata_mut().as_mut(), &call.client_ids, call.request_id);
                Some((Err(status), None))
            }
        }))
    }

    /// Answers a call that needs no credential: public data. It has an id, a language and a deadline like any other, but no caller,
    /// and so no trace.
    pub async fn answer_anyone<Q, A, F, Fut>(&self, request: Request<Q>, use_case: F) -> Result<Response<A>, Status>
    where
        F: FnOnce(Q) -> Fut,
        Fut: Future<Output = Result<A>>,
    {
        let begun = Instant::now();
        let (_, mut extensions, message) = request.into_parts();
        let call = extensions.remove::<PublicCall>().ok_or_else(|| self.not_admitted())?;
        let PublicCall { request_id, client_ids, method, language, deadline, .. } = call;
        let (client_request, trace) = (client_ids.request_id(), client_ids.trace_id());
        let left = deadline.saturating_duration_since(Instant::now());
        let result = match tokio::time::timeout(left, use_case(message)).await {
            Ok(result) => result,
            Err(_) => Err(Error::new(Reason::DeadlineExceeded, "the deadline passed before the answer was ready")),
        };
        let (elapsed_us, session) = (begun.elapsed().as_micros() as u64, self.session());
        match result {
            Ok(answer) => {
                tracing::debug!(method, session, request = %request_id, client_request, trace, elapsed_us);
                let mut response = Response::new(answer);
                mark(response.metadata_mut(), request_id);
                Ok(response)
            }
            Err(error) => {
                let outcome = error.reason.as_str();
                if let Some(suppressed) = self.admit_line(true) {
                    tracing::info!(method, session, request = %request_id, client_request, trace, outcome, elapsed_us, suppressed);
                }
                self.note_damage(method, request_id, &error);
                Err(self.refuse(&error, request_id, language))
            }
        }
    }

    /// A request that did not pass admission reached a service: a defect of the assembly.
    fn not_admitted(&self) -> Status {
        let id = self.ids().of_caller(self.now());
        if let Some(suppressed) = lines::of_fault() {
            tracing::error!(request = %id, suppressed, "a request came past admission");
        }
        refuse(&Error::bug("a request came past admission"), id, Language::default())
    }

    /// The status of an error that nobody has logged: one that ends a public call, or a stream after it began.
    pub fn refuse(&self, error: &Error, id: RequestId, language: Language) -> Status {
        if error.kind() == Kind::Bug
            && let Some(suppressed) = lines::of_fault()
        {
            let cause = error.source.as_deref().map(ToString::to_string).unwrap_or_default();
            tracing::error!(session = self.session(), request = %id, cause, suppressed, "defect");
        }
        refuse(error, id, language)
    }

    /// Whether a refusal is logged, and how many lines were left out before it: those of strangers are limited.
    fn admit_line(&self, is_stranger: bool) -> Option<u64> {
        if is_stranger { lines::of_refusal() } else { Some(0) }
    }

    /// Records a request that was not admitted.
    pub(super) fn refused(
        &self,
        error: &Error,
        method: &'static str,
        caller: Option<Caller>,
        is_stranger: bool,
        opening: &Opening,
    ) {
        let Opening { request_id, now, ref client_ids, .. } = *opening;
        let (client_request, trace) = (client_ids.request_id(), client_ids.trace_id());
        let outcome = error.reason.as_str();
        let label = caller.as_ref().map_or("", Caller::label);
        // A caller over a rate will not stop because each refusal is kept; the same goes for too many calls.
        let is_limited = is_stranger || matches!(error.reason, Reason::RateLimited | Reason::Overloaded);
        if let Some(suppressed) = self.admit_line(is_limited) {
            let session = self.session();
            tracing::info!(method, session, request = %request_id, client_request, trace, caller = label, outcome, suppressed, "not admitted");
        }
        let is_by_role = error.reason == Reason::RoleNotAllowed;
        let role = || CallCheck { name: ROLE.into(), outcome: CheckOutcome::Fail, detail: error.message.clone() };
        self.inner.traces.record(EndedCall {
            request_id,
            client_ids: client_ids.clone(),
            method,
            caller,
            called_at: now,
            outcome,
            checks: is_by_role.then(role).into_iter().collect(),
            violations: error.violations.clone(),
        });
    }

    /// Records that a call ended otherwise than its handler answered it: its requests were cut off, or there was no room for its answer.
    pub(super) fn ended_early(&self, error: &Error, method: &str, call: Option<&Call>, opening: &Opening) {
        let Opening { request_id, ref client_ids, .. } = *opening;
        let is_limited = error.reason == Reason::Overloaded || call.is_none_or(|call| call.is_stranger);
        if let Some(suppressed) = self.admit_line(is_limited) {
            let (session, caller) = (self.session(), call.map_or("", |call| call.caller.label()));
            let (client_request, trace, outcome) =
                (client_ids.request_id(), client_ids.trace_id(), error.reason.as_str());
            tracing::info!(method, session, request = %request_id, client_request, trace, caller, outcome, suppressed, "ended early");
        }
        if let Some(call) = call {
            self.keep(call, Some(error));
        }
    }

    /// Records that the handler of a call panicked, and returns the error that ends the call; `None`: a call that anyone may make, which has no trace.
    pub(super) fn panicked(&self, method: &str, call: Option<&Call>, request: RequestId) -> Error {
        let error = panicked();
        if let Some(suppressed) = lines::of_fault() {
            let (session, caller) = (self.session(), call.map_or("", |call| call.caller.label()));
            tracing::error!(method, session, %request, caller, suppressed, "a handler panicked");
        }
        if let Some(call) = call {
            self.keep(call, Some(&error));
        }
        error
    }

    /// The session that lines of the log name.
    fn session(&self) -> Option<&str> {
        self.inner.session.as_deref()
    }

    /// The time of the world.
    pub(super) fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }

    fn finish(&self, call: &Call, begun: Instant, error: Option<&Error>) {
        let elapsed_us = begun.elapsed().as_micros() as u64;
        let outcome = error.map_or(ANSWERED, |error| error.reason.as_str());
        let (caller, request, session) = (call.caller.label(), call.request_id, self.session());
        let (method, client_request, trace) = (call.method, call.client_ids.request_id(), call.client_ids.trace_id());
        let on_behalf_of = call.client_ids.on_behalf_of();
        match error {
            Some(error) if error.kind() == Kind::Bug => {
                if let Some(suppressed) = lines::of_fault() {
                    let cause = error.source.as_deref().map(ToString::to_string).unwrap_or_default();
                    tracing::error!(method, session, %request, client_request, trace, caller, on_behalf_of, elapsed_us, cause, suppressed, "defect");
                }
            }
            Some(_) => {
                if let Some(suppressed) = self.admit_line(call.is_stranger) {
                    let suppressed = call.is_stranger.then_some(suppressed);
                    tracing::info!(method, session, %request, client_request, trace, caller, on_behalf_of, outcome, elapsed_us, suppressed);
                }
            }
            None => {
                tracing::debug!(method, session, %request, client_request, trace, caller, on_behalf_of, outcome, elapsed_us)
            }
        }
        if let Some(error) = error {
            self.note_damage(call.method, call.request_id, error);
        }
        self.keep(call, error);
    }

    /// Records a call for `Explain`; for a stream that failed, also how it ended.
    fn keep(&self, call: &Call, error: Option<&Error>) {
        self.inner.traces.record(EndedCall {
            request_id: call.request_id,
            client_ids: call.client_ids.clone(),
            method: call.method,
            caller: Some(call.caller.clone()),
            called_at: call.now,
            outcome: error.map_or(ANSWERED, |error| error.reason.as_str()),
            checks: call.checks(),
            violations: error.map(|error| error.violations.clone()).unwrap_or_default(),
        });
    }

    /// The ids of its calls.
    pub(super) fn ids(&self) -> &CallIds {
        &self.inner.ids
    }
}

fn within_bounds<A: prost::Message>(answer: A, method: &'static str) -> Result<A> {
    let bytes = answer.encoded_len();
    if bytes <= limits::MESSAGE_BYTES_MAX {
        return Ok(answer);
    }
    let message = format!(
        "the answer has {bytes} bytes and clients accept {}: ask for less, with page_size or a filter",
        limits::MESSAGE_BYTES_MAX
    );
    Err(Error::new(Reason::AnswerTooLarge, message).with_subject("answer", method))
}

fn refuse(error: &Error, id: RequestId, language: Language) -> Status {
    let mut status = status(error, id, language);
    mark(status.metadata_mut(), id);
    status
}
