//! One call, as a journal keeps it.

use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;

use crate::base::call::{ANSWERED, CallCheck, Caller};
use crate::base::{ClientIds, RequestId, Timestamp};

/// The outcome of a call whose client went away.
pub const CANCELLED: &str = "CANCELLED";

/// How a call came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// gRPC over HTTP/2.
    Grpc,
    /// gRPC-Web.
    GrpcWeb,
}

/// A call that has ended.
#[derive(Debug, Clone)]
pub struct JournalCall {
    /// Its number in the order in which calls ended, from 1.
    pub position: u64,
    /// Its number in the order in which calls began, from 0.
    pub number: u64,
    /// Its id.
    pub request_id: RequestId,
    /// The client's names for it.
    pub client_ids: ClientIds,
    /// Its method; empty if there is no such method.
    pub method: &'static str,
    /// Who called, if somebody who was accepted did.
    pub caller: Option<Caller>,
    /// Whether nobody knows who called: there was no accepted credential, or it names a citizen whom nobody knows.
    pub is_stranger: bool,
    /// How it came.
    pub protocol: Protocol,
    /// The metadata that may change an answer.
    pub metadata: Vec<(&'static str, String)>,
    /// The faults that it asked for itself, as the metadata states them.
    pub asked_faults: Vec<String>,
    /// When it came, by the world's time.
    pub called_at: Timestamp,
    /// The same by the machine's.
    pub machine_time: Timestamp,
    /// How long it took.
    pub took: Duration,
    /// The request message, if it was read and is kept.
    pub request: Option<Bytes>,
    /// Its length.
    pub request_bytes: u64,
    /// The messages of the answer that are kept.
    pub answers: Vec<Bytes>,
    /// How many there were.
    pub answer_count: u64,
    /// Their length.
    pub answer_bytes: u64,
    /// `OK`, the reason of the refusal, or [`CANCELLED`].
    pub outcome: Cow<'static, str>,
    /// The name of the status code, and its number.
    pub code: (&'static str, i32),
    /// The message of a refusal.
    pub message: String,
    /// The details of a refusal, encoded.
    pub details: Bytes,
    /// The checks by which it was decided, as far as they were noted with the call.
    pub checks: Vec<CallCheck>,
    /// The rules of faults that acted on it, by their names.
    pub faults: Vec<String>,
}

impl JournalCall {
    /// Whether it was answered.
    pub fn is_answered(&self) -> bool {
        self.outcome == ANSWERED
    }

    /// The bytes of its messages that are kept.
    pub fn message_bytes(&self) -> usize {
        self.request.as_ref().map_or(0, Bytes::len) + self.answers.iter().map(Bytes::len).sum::<usize>()
    }

    /// The memory that it takes, about, in bytes.
    pub fn bytes(&self) -> usize {
        let checks = self.checks.iter().map(|check| size_of::<CallCheck>() + check.name.len() + check.detail.len());
        let metadata = self.metadata.iter().map(|(_, value)| size_of::<(&str, String)>() + value.len());
        let faults = self.faults.iter().chain(&self.asked_faults);
        let faults: usize = faults.map(|name| size_of::<String>() + name.len()).sum();
        let rest = self.answers.len() * size_of::<Bytes>() + self.message.len() + self.details.len() + faults;
        size_of::<Self>() + self.message_bytes() + rest + checks.sum::<usize>() + metadata.sum::<usize>()
    }

    /// The same without its messages.
    pub fn cut(&self) -> Self {
        Self { request: None, answers: Vec::new(), ..self.clone() }
    }
}
