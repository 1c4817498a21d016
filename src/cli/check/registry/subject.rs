//! The registry under test: calls to it, what it told of itself, and what was made in it so far.

#![allow(clippy::disallowed_methods, reason = "another program is waited for by the machine's time")]

use std::future::Future;
use std::time::{Duration, Instant};

use bytes::Bytes;
use prost::Message as _;
use serde_json::{Map, Value};
use tonic::transport::Channel;
use tonic::{Code, Request, Status};
use tonic_types::StatusExt as _;

use super::super::outcome::Wrong;
use super::sample::{GivenOf, Sampler};
use crate::api::status::{code_name, status};
use crate::base::time::SystemClock;
use crate::base::{Clock as _, Error, Language, Reason, RequestId};
use crate::cli::message;
use crate::cli::output::Failure;
use crate::cli::server::ServerArgs;
use crate::trust::merkle::CompactRange;
use crate::trust::verify::BatchRecord;
use crate::trust::{Disclosure, SignedRecord, Statement, Verifier};
use crate::wire::proto::registry::v1;
use crate::wire::proto::registry::v1::registry_service_client::RegistryServiceClient;
use crate::wire::record;

/// How long a call may take.
const WITHIN: Duration = Duration::from_secs(20);
/// Most messages of a stream that are read, and most bytes of them all.
const MESSAGES_MAX: usize = 100_000;
const STREAM_BYTES_MAX: usize = 256 * 1024 * 1024;
/// Most bytes of one message.
const MESSAGE_BYTES_MAX: usize = 64 * 1024 * 1024;

/// The finding of a case: a note, or a flaw.
pub(super) type Judged = Result<String, Wrong>;

/// A record that a case made.
#[derive(Debug, Clone)]
pub(super) struct Made {
    pub(super) payload: Map<String, Value>,
    pub(super) receipt: v1::Receipt,
}

/// The registry under test.
pub(super) struct Subject {
    client: RegistryServiceClient<Channel>,
    server: ServerArgs,
    pub(super) registry: String,
    pub(super) record_type: String,
    pub(super) natural_key: Vec<String>,
    pub(super) log_origin: String,
    pub(super) verifier: Verifier,
    pub(super) sampler: Sampler,
    pub(super) given: Option<GivenOf>,
    /// Distinguishes this run's numbers and request ids from those of every other.
    pub(super) run: u64,
    /// The log as far as it was followed.
    pub(super) log: CompactRange,
    pub(super) statements: Vec<Statement>,
    /// The token that the last message of the stream gave.
    pub(super) resume_token: String,
    /// Records of this run, the first created first.
    pub(super) made: Vec<Made>,
    /// Whether the first of them was revoked.
    pub(super) is_revoked: bool,
    /// Whether samples need the fields that may be left out: rules across fields, which no schema tells, may want them.
    pub(super) is_full: bool,
    samples: u64,
}

/// The parts of a subject.
pub(super) struct Parts {
    pub(super) server: ServerArgs,
    pub(super) registry: v1::RegistryDescription,
    pub(super) record_type: v1::RecordTypeDescription,
    pub(super) verifier: Verifier,
    pub(super) sampler: Sampler,
    pub(super) given: Option<GivenOf>,
}

impl Subject {
    pub(super) fn new(channel: Channel, parts: Parts) -> Self {
        let Parts { server, registry, record_type, verifier, sampler, given } = parts;
        Self {
            client: RegistryServiceClient::new(channel).max_decoding_message_size(MESSAGE_BYTES_MAX),
            server,
            registry: registry.registry,
            record_type: record_type.record_type,
            natural_key: record_type.natural_key,
            log_origin: registry.log_origin,
            verifier,
            sampler,
            given,
            run: SystemClock.now().0.unsigned_abs(),
            log: CompactRange::new(),
            statements: Vec::new(),
            resume_token: String::new(),
            made: Vec::new(),
            is_revoked: false,
            is_full: false,
            samples: 0,
        }
    }

    fn request<Q>(&self, message: Q) -> Result<Request<Q>, Wrong> {
        let failed = |failure: Failure| wrong("a request that can be made", failure.message());
        self.server.request(message, WITHIN).map_err(failed)
    }

    pub(super) async fn describe(&mut self, registry: &str) -> Result<Result<v1::DescribeResponse, Status>, Wrong> {
        let request = self.request(v1::DescribeRequest { registry: registry.to_owned() })?;
        Ok(in_time(self.client.describe(request)).await.map(tonic::Response::into_inner))
    }

    /// Describes without any credential.
    pub(super) async fn describe_as_nobody(&mut self) -> Result<v1::DescribeResponse, Status> {
        let mut request = Request::new(v1::DescribeRequest::default());
        request.set_timeout(WITHIN);
        in_time(self.client.describe(request)).await.map(tonic::Response::into_inner)
    }

    pub(super) async fn get(
        &mut self,
        ask: v1::GetRecordsRequest,
    ) -> Result<Result<v1::GetRecordsResponse, Status>, Wrong> {
        let request = self.request(v1::GetRecordsRequest { registry: self.registry.clone(), ..ask })?;
        Ok(in_time(self.client.get_records(request)).await.map(tonic::Response::into_inner))
    }

    pub(super) async fn submit(
        &mut self,
        ask: v1::SubmitChangesRequest,
    ) -> Result<Result<Vec<v1::Receipt>, Status>, Wrong> {
        let request = self.request(v1::SubmitChangesRequest { registry: self.registry.clone(), ..ask })?;
        Ok(in_time(self.client.submit_changes(request)).await.map(|answer| answer.into_inner().receipts))
    }

    pub(super) async fn put(&mut self, payload: &Map<String, Value>) -> Result<Result<v1::PutOutcome, Status>, Wrong> {
        let content = v1::RecordContent { record_type: self.record_type.clone(), payload: Some(structured(payload)?) };
        let ask =
            v1::PutRecordsRequest { registry: self.registry.clone(), records: vec![content], validate_only: false };
        let request = self.request(ask)?;
        let answer = in_time(self.client.put_records(request)).await.map(|answer| answer.into_inner().outcomes);
        match answer {
            Err(status) => Ok(Err(status)),
            Ok(outcomes) => match <[v1::PutOutcome; 1]>::try_from(outcomes) {
                Ok([outcome]) => Ok(Ok(outcome)),
                Err(outcomes) => Err(wrong("one outcome", &format!("{} outcomes", outcomes.len()))),
            },
        }
    }

    /// Hands over the messages of the stream from a place on, to its present end, each as it comes. What is done with them is not counted in the
    /// time that the registry has.
    async fn each(
        &mut self,
        ask: v1::StreamChangesRequest,
        mut take: impl FnMut(&mut Self, v1::StreamChangesResponse) -> Result<(), Wrong>,
    ) -> Result<Result<(), Status>, Wrong> {
        let request = self.request(v1::StreamChangesRequest { registry: self.registry.clone(), ..ask })?;
        let mut stream = match in_time(self.client.stream_changes(request)).await {
            Ok(stream) => stream.into_inner(),
            Err(status) => return Ok(Err(status)),
        };
        let (mut messages, mut bytes, mut left) = (0, 0, WITHIN);
        loop {
            let begun = Instant::now();
            let next = tokio::time::timeout(left, stream.message()).await;
            left = left.saturating_sub(begun.elapsed());
            let endless = || wrong("an end of the stream", "none");
            match next.map_err(|_| endless())? {
                Ok(Some(message)) => {
                    messages += 1;
                    bytes += message.encoded_len();
                    if messages > MESSAGES_MAX || bytes > STREAM_BYTES_MAX {
                        return Err(endless());
                    }
                    take(self, message)?;
                }
                Ok(None) => return Ok(Ok(())),
                Err(status) => return Ok(Err(status)),
            }
        }
    }

    /// The log index with which the stream begins at a place, if anything comes, and how many changes come to its present end.
    pub(super) async fn changes(
        &mut self,
        ask: v1::StreamChangesRequest,
    ) -> Result<Result<(Option<u64>, u64), Status>, Wrong> {
        let (mut first, mut count) = (None, 0);
        let counted = self.each(ask, |_, message| {
            first.get_or_insert(message.first_index);
            count += message.records.len() as u64;
            Ok(())
        });
        Ok(counted.await?.map(|()| (first, count)))
    }

    /// Follows the log from where it was followed to: every batch must continue it under a checkpoint of the registry's key, and is verified before
    /// the next is read, so that a long log is never held whole and a false one is left at its first false batch. How many changes came.
    pub(super) async fn follow(&mut self) -> Result<u64, Wrong> {
        let before = self.log.size();
        let ask = v1::StreamChangesRequest { cursor: before, ..Default::default() };
        let mut open: Vec<SignedRecord> = Vec::new();
        answered("the changes", self.each(ask, |subject, message| subject.take(message, &mut open)).await?)?;
        if open.is_empty() { Ok(self.log.size() - before) } else { Err(wrong("a checkpoint at the end", "none")) }
    }

    /// Takes over a message of the stream; at the end of a batch, verifies what is `open` of it.
    fn take(&mut self, message: v1::StreamChangesResponse, open: &mut Vec<SignedRecord>) -> Result<(), Wrong> {
        let expected = self.log.size() + open.len() as u64;
        same("first_index", expected, message.first_index)?;
        for one in message.records {
            let unreadable = |error: crate::base::Error| wrong("a signed record", &error.message);
            open.push(record::from_message(one).map_err(unreadable)?);
        }
        if message.checkpoint.is_empty() {
            return same("next_cursor while a batch goes on", self.log.size(), message.next_cursor);
        }
        let batch: Option<Vec<BatchRecord<'_>>> = open.iter().map(whole).collect();
        let batch = batch.ok_or_else(|| wrong("whole disclosures", "partial ones"))?;
        let note = Bytes::from(message.checkpoint);
        let verified = self.verifier.verify_batch(&self.registry, &self.log, &note, &batch, SystemClock.now());
        let verified = verified.map_err(|error| wrong("a batch that verifies", &error.to_string()))?;
        self.log = verified.after;
        self.statements.extend(verified.statements);
        open.clear();
        same("next_cursor", self.log.size(), message.next_cursor)?;
        self.resume_token = message.resume_token;
        Ok(())
    }

    /// A payload that no record has. Which sample it is follows from how many there were.
    pub(super) fn fresh(&mut self) -> Result<Map<String, Value>, Wrong> {
        let number = self.samples;
        self.samples += 1;
        match &self.given {
            Some(given) => {
                let at = usize::try_from(number).ok().and_then(|at| given.create.get(at));
                at.cloned().ok_or_else(|| wrong("another sample under `create`", "none is left"))
            }
            None => {
                let made = self.sampler.payload(self.run.wrapping_mul(64).wrapping_add(number), self.is_full);
                made.map_err(|why| wrong("a sample", &why))
            }
        }
    }

    /// A request id that nobody used.
    pub(super) fn request_id(&self, of: &str) -> String {
        format!("check.{}.{of}", self.run)
    }

    /// A change of the record type under test.
    pub(super) fn change(
        &self,
        operation: v1::Operation,
        expected_version: u64,
        payload: &Map<String, Value>,
    ) -> Result<v1::Change, Wrong> {
        let payload = Some(structured(payload)?);
        let record_type = self.record_type.clone();
        Ok(v1::Change { record_type, operation: operation.into(), expected_version, payload, ..Default::default() })
    }

    /// One change, submitted alone.
    pub(super) async fn submit_one(
        &mut self,
        of: &str,
        change: v1::Change,
    ) -> Result<Result<v1::Receipt, Status>, Wrong> {
        let ask =
            v1::SubmitChangesRequest { request_id: self.request_id(of), changes: vec![change], ..Default::default() };
        Ok(match self.submit(ask).await? {
            Ok(receipts) => Ok(one(receipts)?),
            Err(status) => Err(status),
        })
    }

    /// The first record that this run created.
    pub(super) fn first(&self) -> Result<Made, Wrong> {
        self.made.first().cloned().ok_or_else(|| wrong("a record that was created before", "none was"))
    }
}

/// The answer of a call, whose body may never end.
async fn in_time<T>(call: impl Future<Output = Result<T, Status>>) -> Result<T, Status> {
    let late = |_| {
        let message = format!("no whole answer within {} s", WITHIN.as_secs());
        let error = Error::new(Reason::DeadlineExceeded, message);
        Err(status(&error, RequestId(uuid::Uuid::now_v7()), Language::English))
    };
    tokio::time::timeout(WITHIN, call).await.unwrap_or_else(late)
}

/// The one receipt there must be.
pub(super) fn one(receipts: Vec<v1::Receipt>) -> Result<v1::Receipt, Wrong> {
    let count = receipts.len();
    match <[v1::Receipt; 1]>::try_from(receipts) {
        Ok([receipt]) => Ok(receipt),
        Err(_) => Err(wrong("one receipt", &format!("{count} receipts"))),
    }
}

fn whole(record: &SignedRecord) -> Option<BatchRecord<'_>> {
    match &record.disclosure {
        Disclosure::Whole { payload, salt } => Some(BatchRecord { statement: &record.statement, payload, salt }),
        Disclosure::Partial { .. } => None,
    }
}

/// A payload as the API takes it.
pub(super) fn structured(payload: &Map<String, Value>) -> Result<prost_types::Struct, Wrong> {
    let text = Value::Object(payload.clone()).to_string();
    message::read("google.protobuf.Struct", &text).map_err(|failure| wrong("a payload", failure.message()))
}

pub(super) fn wrong(expected: &str, found: &str) -> Wrong {
    Wrong { expected: expected.to_owned(), found: found.to_owned() }
}

/// That two values are the same.
pub(super) fn same<T: PartialEq + std::fmt::Display>(what: &str, expected: T, found: T) -> Result<(), Wrong> {
    if expected == found { Ok(()) } else { Err(wrong(&format!("{what} {expected}"), &found.to_string())) }
}

/// A refusal in words.
pub(super) fn told(status: &Status) -> String {
    let reason = status.get_details_error_info().map(|info| info.reason).unwrap_or_default();
    format!("{} {reason}: {}", code_name(status.code()), status.message())
}

/// The answer there must be.
pub(super) fn answered<T>(what: &str, answer: Result<T, Status>) -> Result<T, Wrong> {
    answer.map_err(|status| wrong(what, &told(&status)))
}

/// The refusal there must be: its code, and its reason where the contract names one.
pub(super) fn refused<T>(answer: Result<T, Status>, code: Code, reason: &str) -> Judged {
    let expected = format!("{} {reason}", code_name(code));
    match answer {
        Ok(_) => Err(wrong(&expected, "an answer")),
        Err(status) => {
            let found = status.get_details_error_info().map(|info| info.reason).unwrap_or_default();
            if status.code() == code && (reason.is_empty() || found == reason) {
                Ok(String::new())
            } else {
                Err(wrong(&expected, &told(&status)))
            }
        }
    }
}
