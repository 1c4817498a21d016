//! The effect of a world's fault rules on an admitted call, and on its answer.

#![allow(clippy::disallowed_methods, reason = "a network is slow by the machine's time")]

use std::collections::VecDeque;
use std::pin::pin;
use std::time::Duration;

use bytes::{Buf as _, Bytes, BytesMut};
use futures::future::{BoxFuture, Either, select};
use futures::stream::unfold;
use futures::{FutureExt as _, StreamExt as _};
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use tonic::Code;
use tonic::body::Body;
use tonic::codegen::StdError;
use tonic::codegen::http::{HeaderValue, Response};

use super::opening::Opening;
use crate::api::connection::CallConnection;
use crate::api::frame::{PREFIX_BYTES, prefix};
use crate::api::{Edge, status};
use crate::base::call::{Call, CheckOutcome};
use crate::base::time::Instant;
use crate::base::{Error, Reason};
use crate::simulation::faults::{After, CallAction, FaultedCall, Refusal, Refused, ResetCode, Rules, Strike};

/// The rules whose turn a call is; a turn ends with the answer.
#[derive(Debug, Default)]
pub(super) struct Faults(Vec<Strike>);

/// The effect on a call instead of an answer.
#[derive(Debug)]
pub(super) enum Instead {
    /// A refusal like any other.
    Refusal(Error),
    /// A refusal with a code of the rule's choice.
    Code(Code, Error),
    /// The end of its stream.
    Reset(h2::Reason),
}

/// The faults in the messages of an answer.
#[derive(Debug, Default)]
struct Effects {
    cut: Option<After>,
    is_doubled: bool,
    drip: Option<Drip>,
}

/// An answer that comes slowly, until its call's deadline; then the rest comes at once.
#[derive(Debug)]
struct Drip {
    bytes: usize,
    every: Duration,
    until: Instant,
}

impl Faults {
    /// The rules whose turn this call is, before the faults that it requests itself.
    pub(super) fn of(rules: &Rules, call: &FaultedCall<'_>, asked_for: Vec<Strike>) -> Self {
        let mut strikes = rules.of_call(call);
        strikes.extend(asked_for);
        Self(strikes)
    }

    /// Notes the rules with the call, for its journal and for `Explain`.
    pub(super) fn note(&self, call: &Call) {
        for strike in &self.0 {
            let standing = &strike.standing;
            call.note(["fault.", &standing.id].concat(), CheckOutcome::Pass, standing.rule.action.as_str());
        }
    }

    /// The names of the rules.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|strike| strike.standing.id.as_str())
    }

    /// Whether one of them keeps the end of the answer from the client.
    pub(super) fn break_off(&self) -> bool {
        let breaks_off = |(_, action): (_, &CallAction)| {
            matches!(action, CallAction::TrailersOnly | CallAction::Cut(_) | CallAction::Reset(_))
        };
        self.actions().any(breaks_off)
    }

    /// The part of an answer that reaches the client: whether every message is sent twice, and where it ends too early.
    pub(super) fn reach(&self) -> (bool, Option<After>) {
        let (mut is_doubled, mut cut) = (false, None);
        for (_, action) in self.actions() {
            match action {
                CallAction::Duplicate => is_doubled = true,
                CallAction::Cut(after) => cut = Some(*after),
                CallAction::TrailersOnly => cut = Some(After::Messages(0)),
                _ => {}
            }
        }
        (is_doubled, cut)
    }

    fn actions(&self) -> impl Iterator<Item = (&Strike, &CallAction)> {
        self.0.iter().filter_map(|strike| Some((strike, strike.standing.call_action()?)))
    }

    /// The faults before the call is served: it waits, at most until its deadline or the end of its world; and it may be refused or reset.
    pub(super) async fn before(&self, opening: &Opening, edge: &Edge) -> Result<(), Instead> {
        for (strike, action) in self.actions() {
            match action {
                CallAction::Delay(delay) => {
                    let until = Instant::now() + delay.drawn(&strike.die);
                    let waited = tokio::time::sleep_until(until.min(opening.deadline));
                    if let Either::Left((ended, _)) = select(pin!(edge.ended()), pin!(waited)).await {
                        return Err(Instead::Refusal(ended));
                    }
                }
                CallAction::Refuse(refusal) => return Err(refused(refusal)),
                CallAction::Reset(code) => return Err(Instead::Reset(reason(*code))),
                _ => {}
            }
        }
        Ok(())
    }

    /// The faults in the answer of a served call. An answer that still drips when its world ends is cut off.
    pub(super) fn after(
        self,
        mut answer: Response<Body>,
        connection: Option<CallConnection>,
        deadline: Instant,
        edge: &Edge,
    ) -> Response<Body> {
        if self.0.is_empty() {
            return answer;
        }
        let mut effects = Effects::default();
        for (_, action) in self.actions() {
            match action {
                CallAction::TrailersOnly if !answer.headers().contains_key(STATUS) => {
                    answer.headers_mut().insert(STATUS, HeaderValue::from_static("0"));
                    *answer.body_mut() = Body::empty();
                }
                CallAction::Cut(after) => effects.cut = Some(*after),
                CallAction::Duplicate => effects.is_doubled = true,
                CallAction::Drip { bytes, every } => {
                    effects.drip = Some(Drip { bytes: bytes.get() as usize, every: *every, until: deadline });
                }
                CallAction::GoAway => connection.iter().for_each(CallConnection::dismiss),
                _ => {}
            }
        }
        // A refusal has no messages.
        if answer.headers().contains_key(STATUS) {
            return answer;
        }
        answer.map(|body| spoilt(body, effects, self, edge.clone()))
    }
}

/// How long to wait before the reset, so that data already sent reach the client first.
const LEAVES_WITHIN: Duration = Duration::from_millis(50);
const STATUS: &str = "grpc-status";

fn refused(refusal: &Refusal) -> Instead {
    let Refusal { status, message, retry_after } = refusal;
    let message = if message.is_empty() { "a fault rule refuses this call" } else { message };
    let with_retry = |error: Error| match retry_after {
        Some(after) => error.with_retry_after(*after),
        None => error,
    };
    match status {
        Refused::For(reason) => Instead::Refusal(with_retry(Error::new(*reason, message))),
        Refused::With(code) => {
            Instead::Code(Code::from_i32(i32::from(*code)), with_retry(Error::new(Reason::FaultInjected, message)))
        }
    }
}

fn reason(code: ResetCode) -> h2::Reason {
    match code {
        ResetCode::InternalError => h2::Reason::INTERNAL_ERROR,
        ResetCode::RefusedStream => h2::Reason::REFUSED_STREAM,
        ResetCode::Cancel => h2::Reason::CANCEL,
        ResetCode::EnhanceYourCalm => h2::Reason::ENHANCE_YOUR_CALM,
    }
}

impl Instead {
    /// The error, for the log.
    pub(super) fn error(&self) -> Error {
        match self {
            Self::Refusal(error) | Self::Code(_, error) => Error::new(error.reason, error.message.clone()),
            Self::Reset(_) => Error::new(Reason::FaultInjected, "a fault rule resets the stream"),
        }
    }

    /// The answer.
    pub(super) fn answer(self, opening: &Opening) -> Response<Body> {
        match self {
            Self::Refusal(error) => status::answer(&error, opening.request_id, opening.language),
            Self::Code(code, error) => status::injected(code, &error, opening.request_id),
            Self::Reset(code) => {
                let ended = futures::stream::iter([Err::<Frame<Bytes>, StdError>(h2::Error::from(code).into())]);
                let mut answer = Response::new(Body::new(StreamBody::new(ended)));
                answer.headers_mut().insert("content-type", HeaderValue::from_static("application/grpc"));
                answer
            }
        }
    }
}

/// An answer on its way through the rules.
struct Spoiling {
    body: Body,
    effects: Effects,
    _faults: Faults,
    /// Ends with the world.
    end: BoxFuture<'static, ()>,
    /// The beginning of a message.
    begun: BytesMut,
    /// Pieces to send.
    ready: VecDeque<Bytes>,
    messages: u32,
    bytes: u64,
    /// Whether the stream is reset once the ready data are sent.
    is_cut: bool,
    trailers: Option<Frame<Bytes>>,
}

fn spoilt(body: Body, effects: Effects, faults: Faults, edge: Edge) -> Body {
    let spoiling = Spoiling {
        body,
        effects,
        _faults: faults,
        end: async move { drop(edge.ended().await) }.boxed(),
        begun: BytesMut::new(),
        ready: VecDeque::new(),
        messages: 0,
        bytes: 0,
        is_cut: false,
        trailers: None,
    };
    let frames = unfold(Some(spoiling), async |spoiling| {
        let mut spoiling = spoiling?;
        match spoiling.next().await {
            Some(Ok(frame)) => Some((Ok(frame), Some(spoiling))),
            Some(Err(error)) => Some((Err(error), None)),
            None => None,
        }
    });
    Body::new(StreamBody::new(frames.boxed()))
}

impl Spoiling {
    async fn next(&mut self) -> Option<Result<Frame<Bytes>, StdError>> {
        loop {
            if let Some(piece) = self.ready.pop_front() {
                return self.send(piece).await;
            }
            if self.is_cut {
                if self.bytes > 0 {
                    // A reset overtakes what has not left yet.
                    tokio::time::sleep(LEAVES_WITHIN).await;
                }
                return Some(Err(cut()));
            }
            if let Some(trailers) = self.trailers.take() {
                return Some(Ok(trailers));
            }
            match self.body.frame().await {
                None => return None,
                Some(Err(error)) => return Some(Err(error.into())),
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => {
                        self.begun.extend_from_slice(&data);
                        self.take_messages();
                    }
                    Err(trailers) => {
                        self.is_cut |= self.effects.cut == Some(After::Messages(self.messages));
                        self.trailers = Some(trailers);
                    }
                },
            }
        }
    }

    /// Makes the complete messages ready.
    fn take_messages(&mut self) {
        while !self.is_cut
            && let Some(length) = prefix(&self.begun).map(|(_, length)| PREFIX_BYTES + length)
            && length <= self.begun.len()
        {
            if self.effects.cut == Some(After::Messages(self.messages)) {
                self.is_cut = true;
                return;
            }
            let message = self.begun.split_to(length).freeze();
            self.messages += 1;
            let times = if self.effects.is_doubled { 2 } else { 1 };
            for _ in 0..times {
                self.ready.push_back(message.clone());
            }
        }
    }

    /// Sends a piece, or as much of it as may be sent at a time.
    async fn send(&mut self, mut piece: Bytes) -> Option<Result<Frame<Bytes>, StdError>> {
        if let Some(After::Bytes(most)) = self.effects.cut {
            let left = most.saturating_sub(self.bytes);
            if left < piece.len() as u64 {
                piece.truncate(left as usize);
                self.is_cut = true;
                self.ready.clear();
            }
        }
        if let Some(Drip { bytes, every, until }) = self.effects.drip
            && Instant::now() < until
        {
            let waited = tokio::time::sleep_until((Instant::now() + every).min(until));
            if let Either::Left(_) = select(&mut self.end, pin!(waited)).await {
                return Some(Err(cut()));
            }
            if bytes < piece.len() {
                let mut rest = piece.clone();
                rest.advance(bytes);
                self.ready.push_front(rest);
                piece.truncate(bytes);
            }
        }
        self.bytes += piece.len() as u64;
        Some(Ok(Frame::data(piece)))
    }
}

/// The early end of an answer.
fn cut() -> StdError {
    h2::Error::from(h2::Reason::INTERNAL_ERROR).into()
}
