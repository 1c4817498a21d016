//! Writes the journal: the request and the answer of one call, as bytes, and its outcome.
//!
//! This is the one place that every call passes, whatever its method and its protocol, and at which an answer has its last form but for compression and what fault rules do to it.
//! A call ends when the last part of its answer is handed over, or when its client went away before.

use std::borrow::Cow;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::Frame;
use tonic::body::Body;
use tonic::codegen::http::{HeaderMap, Response, request};
use tonic::{Code, Status};

use super::asked_faults;
use super::faults::Faults;
use super::method::Method;
use super::opening::Opening;
use super::refusing::Refused;
use crate::api::frame::{PREFIX_BYTES, prefix};
use crate::api::status::{Ending, code_name, ending};
use crate::base::Reason;
use crate::base::call::{Call, CallCheck, CheckOutcome, ROLE};
use crate::base::time::Instant;
use crate::simulation::clock::Reading;
use crate::simulation::faults::After;
use crate::simulation::journal::{self, CANCELLED, Journal, JournalCall, Protocol};

/// The metadata that may change an answer, besides the faults that a call asks for.
const METADATA: [&str; 4] = ["accept-language", "x-lienthong-unverified", "x-request-id", "traceparent"];

/// Whether calls of a method are in the journal.
pub(super) fn is_journalled(method: Option<&Method>) -> bool {
    method.is_none_or(|method| journal::is_journalled(&method.name))
}

/// Marks a request that came by gRPC-Web.
#[derive(Debug, Clone, Copy)]
pub struct ByGrpcWeb;

/// A call that is being recorded; one that is dropped before its end was cancelled.
pub(super) struct Journalling {
    journal: Arc<Journal>,
    /// The call, until it is written.
    call: Option<Box<JournalCall>>,
    begun: Instant,
    admitted: Option<Arc<Call>>,
    messages: Messages,
}

impl Journalling {
    /// Begins with a call of which only the head is known.
    pub(super) fn begin(
        journal: Arc<Journal>,
        method: Option<&'static Method>,
        is_of_anyone: bool,
        parts: &request::Parts,
        opening: &Opening,
        reading: Reading,
    ) -> Self {
        let (number, bytes_max) = journal.begin(is_of_anyone);
        let is_web = parts.extensions.get::<ByGrpcWeb>().is_some();
        let metadata = METADATA.iter().chain(&asked_faults::A33).filter_map(|name| {
            let value = parts.headers.get(*name)?.to_str().ok()?;
            Some((*name, value.chars().take(256).collect()))
        });
        let call = JournalCall {
            position: 0,
            number,
            request_id: opening.request_id,
            client_ids: opening.client_ids.clone(),
            method: method.map_or("", |method| method.name.as_str()),
            caller: None,
            is_stranger: true,
            protocol: if is_web { Protocol::GrpcWeb } else { Protocol::Grpc },
            metadata: metadata.collect(),
            asked_faults: asked_faults::written(&parts.headers),
            called_at: opening.now,
            machine_time: reading.machine,
            took: std::time::Duration::ZERO,
            request: None,
            request_bytes: 0,
            answers: Vec::new(),
            answer_count: 0,
            answer_bytes: 0,
            outcome: Cow::Borrowed(CANCELLED),
            code: (CANCELLED, 1),
            message: String::new(),
            details: Bytes::new(),
            checks: Vec::new(),
            faults: Vec::new(),
        };
        let (call, messages) = (Some(Box::new(call)), Messages::new(bytes_max));
        Self { journal, call, begun: opening.begun, admitted: None, messages }
    }

    /// Notes the request message of a call, if it was read.
    pub(super) fn note_request(&mut self, message: &[u8]) {
        let kept = self.messages.takes(message.len()).then(|| Bytes::copy_from_slice(message));
        if let Some(call) = &mut self.call {
            (call.request_bytes, call.request) = (message.len() as u64, kept);
        }
    }

    /// Notes the admitted caller.
    pub(super) fn note_admitted(&mut self, admitted: Option<&Arc<Call>>) {
        self.admitted = admitted.cloned();
        if let Some(call) = &mut self.call {
            call.caller = admitted.map(|admitted| admitted.caller.clone());
            call.is_stranger = admitted.is_none_or(|admitted| admitted.is_stranger);
        }
    }

    /// Notes the fault rules that act on a call. One that they break off did not end by its client.
    pub(super) fn note_faults(&mut self, faults: &Faults) {
        let Some(call) = &mut self.call else { return };
        call.faults = faults.names().map(str::to_owned).collect();
        (self.messages.is_doubled, self.messages.cut) = faults.reach();
        if faults.break_off() {
            (call.outcome, call.code) = (Cow::Borrowed(Reason::FaultInjected.as_str()), (code_name(Code::Unknown), 2));
        }
    }

    /// Notes why a call was not admitted; `None`: it is not recorded.
    pub(super) fn refused(mut self, refused: &Refused) -> Option<Self> {
        let Refused { error, caller, is_stranger, .. } = refused;
        let mut call = self.call.take()?;
        let is_for_a_rate = matches!(error.reason, Reason::RateLimited | Reason::Overloaded);
        if is_for_a_rate && call.faults.is_empty() {
            return None; // Whoever calls too often would fill the journal with it.
        }
        call.caller.clone_from(caller);
        call.is_stranger = *is_stranger;
        if error.reason == Reason::RoleNotAllowed {
            let detail = error.message.clone();
            call.checks = vec![CallCheck { name: ROLE.into(), outcome: CheckOutcome::Fail, detail }];
        }
        self.call = Some(call);
        Some(self)
    }

    /// Follows an answer to its end.
    pub(super) fn follow(self, answer: Response<Body>) -> Response<Body> {
        if answer.headers().contains_key("grpc-status") {
            let (parts, body) = answer.into_parts();
            self.end(&parts.headers);
            return Response::from_parts(parts, body);
        }
        answer.map(|inner| Body::new(Following { inner, journalling: Some(self) }))
    }

    /// Records the call with its final status.
    fn end(mut self, trailers: &HeaderMap) {
        let Ending { code, outcome, message, details } = ending(trailers);
        if let Some(call) = &mut self.call {
            call.code = (code_name(code), code as i32);
            (call.outcome, call.message, call.details) = (outcome, message, details);
        }
    }
}

impl Drop for Journalling {
    fn drop(&mut self) {
        let Some(mut call) = self.call.take() else { return };
        call.took = self.begun.elapsed();
        if let Some(admitted) = &self.admitted {
            call.checks = admitted.checks();
        }
        let messages = &mut self.messages;
        (call.answer_count, call.answer_bytes) = (messages.count, messages.bytes);
        call.answers = std::mem::take(&mut messages.kept);
        self.journal.record(*call);
    }
}

/// The body of an answer that is followed.
struct Following {
    inner: Body,
    journalling: Option<Journalling>,
}

impl http_body::Body for Following {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let polled = Pin::new(&mut self.inner).poll_frame(context);
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                if let (Some(data), Some(journalling)) = (frame.data_ref(), &mut self.journalling) {
                    journalling.messages.push(data);
                } else if let (Some(trailers), Some(journalling)) = (frame.trailers_ref(), self.journalling.take()) {
                    journalling.end(trailers);
                }
            }
            Poll::Ready(Some(Err(_)) | None) => self.journalling = None,
            Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }
}

/// The messages of an answer, taken apart as they pass: kept as long as they fit, and counted to the end.
struct Messages {
    kept: Vec<Bytes>,
    count: u64,
    bytes: u64,
    /// Bytes that may still be kept.
    room: usize,
    is_cut: bool,
    /// Whether a fault rule sends every message twice.
    is_doubled: bool,
    /// The point at which a fault rule ends the answer.
    cut: Option<After>,
    prefix: Vec<u8>,
    /// Bytes of the present message that are yet to come.
    left: usize,
    /// The present message, if it is kept.
    present: Option<Vec<u8>>,
}

impl Messages {
    fn new(room: usize) -> Self {
        let prefix = Vec::with_capacity(PREFIX_BYTES);
        let (kept, is_doubled, cut) = (Vec::new(), false, None);
        Self { kept, count: 0, bytes: 0, room, is_cut: false, is_doubled, cut, prefix, left: 0, present: None }
    }

    /// Whether a message of this length is kept: not after one that was not.
    fn takes(&mut self, bytes: usize) -> bool {
        self.is_cut |= bytes > self.room;
        self.room = self.room.saturating_sub(bytes);
        !self.is_cut
    }

    /// Notes a complete message, as far as it reaches the client.
    fn sent(&mut self, length: usize, message: &Option<Bytes>) {
        let framed = self.bytes + self.count * PREFIX_BYTES as u64;
        let is_cut = self.cut.is_some_and(|cut| match cut {
            After::Messages(most) => self.count >= u64::from(most),
            After::Bytes(most) => framed + (PREFIX_BYTES + length) as u64 > most,
        });
        if is_cut {
            // Nothing follows a cut.
            self.cut = Some(After::Messages(u32::try_from(self.count).unwrap_or(u32::MAX)));
        } else {
            self.count += 1;
            self.bytes += length as u64;
            self.kept.extend(message.clone());
        }
    }

    fn push(&mut self, mut data: &[u8]) {
        while !data.is_empty() {
            if self.prefix.len() < PREFIX_BYTES {
                let (more, rest) = data.split_at(data.len().min(PREFIX_BYTES - self.prefix.len()));
                self.prefix.extend_from_slice(more);
                data = rest;
                let Some((_, length)) = prefix(&self.prefix) else { return };
                self.left = length;
                self.present = self.takes(length).then(|| Vec::with_capacity(length));
            }
            let (part, rest) = data.split_at(data.len().min(self.left));
            if let Some(present) = &mut self.present {
                present.extend_from_slice(part);
            }
            self.left -= part.len();
            data = rest;
            if self.left == 0 {
                let (present, length) =
                    (self.present.take().map(Bytes::from), prefix(&self.prefix).map_or(0, |(_, length)| length));
                self.prefix.clear();
                for _ in 0..if self.is_doubled { 2 } else { 1 } {
                    self.sent(length, &present);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framed(messages: &[&[u8]]) -> Vec<u8> {
        let framed = messages.iter().map(|message| [&[0], &(message.len() as u32).to_be_bytes()[..], message].concat());
        framed.collect::<Vec<_>>().concat()
    }

    #[test]
    fn messages_are_taken_apart_however_they_are_cut() {
        let wire = framed(&[b"hello", b"", b"world!"]);
        for piece in [1, 2, 5, 6, 7, wire.len()] {
            let mut messages = Messages::new(100);
            wire.chunks(piece).for_each(|piece| messages.push(piece));
            assert_eq!(messages.kept, [&b"hello"[..], b"", b"world!"], "{piece}");
            assert_eq!((messages.count, messages.bytes), (3, 11));
        }
    }

    #[test]
    fn what_rules_of_faults_do_to_messages_is_written_as_it_reaches_the_client() {
        let wire = framed(&[b"hello", b"", b"world!"]);
        for (is_doubled, cut, kept) in [
            (true, None, vec![&b"hello"[..], b"hello", b"", b"", b"world!", b"world!"]),
            (false, Some(After::Messages(1)), vec![&b"hello"[..]]),
            (true, Some(After::Messages(3)), vec![&b"hello"[..], b"hello", b""]),
            (false, Some(After::Bytes(14)), vec![&b"hello"[..]]),
            (false, Some(After::Bytes(15)), vec![&b"hello"[..], b""]),
            (false, Some(After::Messages(0)), vec![]),
        ] {
            let mut messages = Messages { is_doubled, cut, ..Messages::new(100) };
            wire.chunks(4).for_each(|piece| messages.push(piece));
            assert_eq!(
                (&messages.kept, messages.count),
                (&kept.iter().map(|of| Bytes::from_static(of)).collect(), kept.len() as u64)
            );
        }
    }

    #[test]
    fn what_does_not_fit_is_counted_and_so_is_what_follows_it() {
        let mut messages = Messages::new(8);
        messages.push(&framed(&[b"hello", b"world!", b"!"]));
        assert_eq!((messages.kept.len(), messages.count, messages.bytes), (1, 3, 12), "no gap in what is kept");
        assert!(!messages.takes(1));
    }

    #[test]
    fn the_journal_does_not_tell_of_itself_nor_of_the_frameworks_services() {
        let pool = crate::wire::typed::pool();
        let message = pool.get_message_by_name("lienthong.exchange.v1.ExplainRequest").expect("in the protos");
        let method = |name: &str| Method {
            name: name.into(),
            access: super::super::method::Access::Anyone,
            message_bytes_max: 0,
            message_fields_max: 0,
            is_client_streaming: false,
            is_server_streaming: false,
            shape: super::super::shape::Shapes::default().of(&message),
        };
        for (name, expected) in [
            ("lienthong.exchange.v1.ExchangeService/FetchRecords", true),
            ("lienthong.simulation.v1.SessionService/GetSession", true),
            ("lienthong.simulation.v1.JournalService/ListCalls", false),
            ("grpc.health.v1.Health/Check", false),
        ] {
            assert_eq!(is_journalled(Some(&method(name))), expected, "{name}");
        }
        assert!(is_journalled(None), "a call of a method that there is not");
    }
}
