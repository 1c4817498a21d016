//! The one table from errors to gRPC statuses; nothing else in the project builds a status.
//!
//! Details follow google.rpc: `ErrorInfo` (reason, domain, public facts) on every error, `RequestInfo` with the call's id, and
//! what the kind adds. The private cause never leaves; it is logged by the edge. Everything is bounded here: many clients
//! refuse a response whose metadata is over 8 KiB, and with it they lose the error.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;
use prost::Message as _;
use tonic::body::Body;
use tonic::codegen::http;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

use super::request_id::mark_headers;
use crate::base::violation::cut;
use crate::base::{Error, Kind, Language, Reason, RequestId, limits, translation};

/// The `domain` of every `ErrorInfo`.
pub const DOMAIN: &str = "lienthong";

/// The gRPC code of a kind.
pub fn code(kind: Kind) -> Code {
    match kind {
        Kind::Invalid => Code::InvalidArgument,
        Kind::Unauthenticated => Code::Unauthenticated,
        Kind::Denied => Code::PermissionDenied,
        Kind::Missing => Code::NotFound,
        Kind::Exists => Code::AlreadyExists,
        Kind::Stale => Code::Aborted,
        Kind::WrongState => Code::FailedPrecondition,
        Kind::Limited => Code::ResourceExhausted,
        Kind::SourceDown => Code::Unavailable,
        Kind::Late => Code::DeadlineExceeded,
        Kind::Corrupt => Code::DataLoss,
        Kind::Unimplemented => Code::Unimplemented,
        Kind::Bug => Code::Internal,
    }
}

/// Most bytes of a message on the wire, where every byte that is not plain ASCII takes three.
const MESSAGE_WIRE_BYTES_MAX: usize = 1_200;
/// Longest description within the details, in bytes; the message has the full text.
const DESCRIPTION_BYTES_MAX: usize = 256;
/// Longest public name within the details, in bytes.
const NAME_BYTES_MAX: usize = 160;
/// Bytes of the other headers of a refusal, with room for some more.
const OTHER_HEADERS_BYTES: usize = 512;
/// Most bytes of the encoded details, which travel in base64.
const DETAILS_BYTES_MAX: usize =
    (limits::ERROR_METADATA_BYTES_MAX - MESSAGE_WIRE_BYTES_MAX - OTHER_HEADERS_BYTES) / 4 * 3;
/// Bytes of a detail in addition to its texts: type name, tags, lengths.
const DETAIL_BYTES: usize = 64;

/// Turns an error into the status that the caller sees. Its headers take less than
/// [`ERROR_METADATA_BYTES_MAX`](limits::ERROR_METADATA_BYTES_MAX): bad fields beyond that are only counted; `Explain` of the
/// call gives them.
pub fn status(error: &Error, request: RequestId, language: Language) -> Status {
    let message = on_the_wire(&error.message);
    let localized = (language == Language::Vietnamese).then(|| in_vietnamese(error));
    let description = cut(&error.message, DESCRIPTION_BYTES_MAX);
    let name = cut(&error.subject.name, NAME_BYTES_MAX);
    let mut metadata: HashMap<String, String> =
        error.metadata.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    let mut details = ErrorDetails::new();
    details.set_request_info(request.to_string(), "");
    match error.kind() {
        Kind::Invalid | Kind::WrongState if !error.violations.is_empty() => {
            let facts: usize = metadata.iter().map(|(name, value)| name.len() + value.len() + 8).sum();
            let taken = 6 * DETAIL_BYTES + message.len() + facts + localized.as_ref().map_or(0, String::len);
            let shown = add_violations(&mut details, error, language, DETAILS_BYTES_MAX.saturating_sub(taken));
            if shown < error.violations.total() {
                metadata.insert("violations_total".into(), error.violations.total().to_string());
                metadata.insert("violations_shown".into(), shown.to_string());
            }
        }
        Kind::Missing | Kind::Exists => {
            details.set_resource_info(error.subject.kind, name, "", description);
        }
        Kind::Invalid => {}
        Kind::WrongState => {
            let kind = if error.subject.kind.is_empty() { "request" } else { error.subject.kind };
            let subject = if name.is_empty() { kind.into() } else { [kind, &name].join("/") };
            details.add_precondition_failure_violation(error.reason.as_str(), subject, description);
        }
        Kind::Limited => {
            details.add_quota_failure_violation(name, description);
            // These limits do not pass by waiting: a client that tries again by itself would do so for nothing.
            if !matches!(error.reason, Reason::SessionFull | Reason::NumbersUsedUp | Reason::TooManyWebhooks) {
                details.set_retry_info(Some(error.retry_after.unwrap_or(std::time::Duration::from_secs(1))));
            }
        }
        Kind::SourceDown => {
            details.set_retry_info(Some(error.retry_after.unwrap_or(std::time::Duration::from_secs(1))));
        }
        Kind::Unauthenticated
        | Kind::Denied
        | Kind::Stale
        | Kind::Late
        | Kind::Corrupt
        | Kind::Unimplemented
        | Kind::Bug => {}
    }
    details.set_error_info(error.reason.as_str(), DOMAIN, metadata);
    if let Some(localized) = localized {
        details.set_localized_message("vi", localized);
    }
    in_order(Status::with_error_details(code(error.kind()), message, details))
}

/// `google.rpc.ErrorInfo` with its facts in the order of their names.
#[derive(Clone, PartialEq, prost::Message)]
struct OrderedInfo {
    #[prost(string, tag = "1")]
    reason: String,
    #[prost(string, tag = "2")]
    domain: String,
    #[prost(btree_map = "string, string", tag = "3")]
    metadata: BTreeMap<String, String>,
}

/// The same status with its facts in order: a hash map gives them in another one each time, and equal refusals have equal bytes.
fn in_order(status: Status) -> Status {
    let Ok(mut details) = tonic_types::pb::Status::decode(status.details()) else { return status };
    for detail in details.details.iter_mut().filter(|detail| detail.type_url.ends_with("/google.rpc.ErrorInfo")) {
        if let Ok(info) = OrderedInfo::decode(&detail.value[..]) {
            detail.value = info.encode_to_vec();
        }
    }
    Status::with_details(status.code(), status.message(), details.encode_to_vec().into())
}

/// Bad fields that the sentence in Vietnamese names.
const FIELDS_IN_WORDS_MAX: usize = 3;
/// Longest text of one of them there, in bytes.
const FIELD_IN_WORDS_BYTES_MAX: usize = 240;
/// Longest sentence in Vietnamese, in bytes.
const SENTENCE_BYTES_MAX: usize = 1_024;

/// The message in Vietnamese, as a sentence: a translation of the English one, or the reason with the first bad fields and their violations.
pub fn in_vietnamese(error: &Error) -> String {
    let (all, reason) = (&error.violations, error.reason.vietnamese());
    let named = all.kept().iter().take(FIELDS_IN_WORDS_MAX);
    let named: Vec<String> = named
        .map(|bad| {
            cut(format_args!("{}: {}", bad.field, bad.message_in(Language::Vietnamese)), FIELD_IN_WORDS_BYTES_MAX)
        })
        .collect();
    match all.total() - named.len() {
        _ if named.is_empty() => match translation::vietnamese(&error.message) {
            Some(message) => cut(sentence(&message), SENTENCE_BYTES_MAX),
            None => reason.to_owned(),
        },
        0 => format!("{}: {}.", reason.trim_end_matches('.'), named.join("; ")),
        more => format!("{}: {}; và {more} trường khác.", reason.trim_end_matches('.'), named.join("; ")),
    }
}

/// A message as a sentence: with a full stop at its end, and with a capital unless it begins with a name (`one-stop`).
fn sentence(message: &str) -> String {
    let is_name = message.split(' ').next().is_some_and(|word| word.contains(|c: char| !c.is_alphabetic()));
    let mut rest = message.chars();
    let first: String = rest.next().into_iter().flat_map(char::to_uppercase).collect();
    let begins = if is_name { message.chars().next().map(String::from).unwrap_or_default() } else { first };
    begins.chars().chain(rest).chain((!message.ends_with('.')).then_some('.')).collect()
}

/// Adds as many violations as `room` bytes hold, and returns their number.
fn add_violations(details: &mut ErrorDetails, error: &Error, language: Language, mut room: usize) -> usize {
    let kept = error.violations.kept();
    for (at, violation) in kept.iter().enumerate() {
        let is_precondition = error.kind() == Kind::WrongState;
        let message = violation.message_in(language);
        let description = match is_precondition {
            true => cut(message, DESCRIPTION_BYTES_MAX),
            false => cut(format_args!("{}: {message}", violation.rule), DESCRIPTION_BYTES_MAX),
        };
        let bytes = violation.field.len() + violation.rule.len() + description.len() + 12;
        if bytes > room {
            return at;
        }
        room -= bytes;
        match is_precondition {
            true => {
                details.add_precondition_failure_violation(violation.rule.clone(), violation.field.clone(), description)
            }
            false => details.add_bad_request_violation(violation.field.clone(), description),
        };
    }
    kept.len()
}

/// `message`, cut to what `grpc-message` may take: it is percent-encoded there, blanks too.
fn on_the_wire(message: &str) -> String {
    let mut wire = 0;
    let fits = message.char_indices().take_while(|(_, c)| {
        wire += if c.is_ascii_alphanumeric() { 1 } else { 3 * c.len_utf8() };
        wire <= MESSAGE_WIRE_BYTES_MAX
    });
    let end = fits.last().map_or(0, |(at, c)| at + c.len_utf8());
    cut(message, end.max(1))
}

/// A code's name in the gRPC specification.
pub fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

/// The code of a name in the gRPC specification; OK is not meant.
pub fn code_named(name: &str) -> Option<Code> {
    (1..=16).map(Code::from_i32).find(|code| code_name(*code) == name)
}

/// The names of all codes but OK.
pub fn code_names() -> impl Iterator<Item = &'static str> {
    (1..=16).map(|code| code_name(Code::from_i32(code)))
}

/// The error as a whole answer, but with the code that a fault rule sets.
pub fn injected(code: Code, error: &Error, request: RequestId) -> http::Response<Body> {
    let mut details = ErrorDetails::new();
    details.set_error_info(error.reason.as_str(), DOMAIN, HashMap::<String, String>::new());
    details.set_request_info(request.to_string(), "");
    // A RetryInfo without a time would say that the call may be made again at once.
    if let Some(after) = error.retry_after {
        details.set_retry_info(Some(after));
    }
    let mut answer = Status::with_error_details(code, on_the_wire(&error.message), details).into_http();
    mark_headers(answer.headers_mut(), request);
    answer
}

/// The name of the code of an answer, as far as its headers tell: an answer that begins is OK.
pub fn name_of(answer: &http::Response<Body>) -> &'static str {
    match answer.headers().get("grpc-status") {
        Some(code) => code_name(Code::from_bytes(code.as_bytes())),
        None if answer.status() != http::StatusCode::OK => "NOT_GRPC",
        None => code_name(Code::Ok),
    }
}

/// The status as a whole answer, with the call's id in its headers.
pub fn answer(error: &Error, request: RequestId, language: Language) -> http::Response<Body> {
    let mut answer = status(error, request, language).into_http();
    if error.reason == Reason::CompressionUnsupported {
        // So that the caller can choose another (gRPC over HTTP/2, "Compression").
        answer.headers_mut().insert("grpc-accept-encoding", http::HeaderValue::from_static("identity,gzip"));
    }
    mark_headers(answer.headers_mut(), request);
    answer
}

/// The status as the trailers of an answer that has begun.
pub fn trailers(error: &Error, request: RequestId, language: Language) -> http::HeaderMap {
    as_trailers(answer(error, request, language))
}

/// A whole answer without a body, as the trailers of one that has begun.
fn as_trailers(answer: http::Response<Body>) -> http::HeaderMap {
    let mut trailers = answer.into_parts().0.headers;
    trailers.remove(http::header::CONTENT_TYPE);
    trailers
}

/// A refusal that the framework, or a service that is not ours, made without details: the same code and words, with the details that every
/// error has. The reason is the code's name. `None` for an answer that is not a refusal.
pub fn completed(headers: &http::HeaderMap, request: RequestId, language: Language) -> Option<http::Response<Body>> {
    let found = Status::from_header_map(headers).filter(|status| status.code() != Code::Ok)?;
    let bare = match found.code() {
        Code::Internal | Code::Unknown => return Some(answer(&Error::bug(found.message()), request, language)),
        code => code,
    };
    let mut details = ErrorDetails::new();
    details.set_error_info(code_name(bare), DOMAIN, HashMap::<String, String>::new());
    details.set_request_info(request.to_string(), "");
    let mut answer = Status::with_error_details(bare, on_the_wire(found.message()), details).into_http();
    mark_headers(answer.headers_mut(), request);
    Some(answer)
}

/// The same for a refusal in trailers.
pub fn completed_trailers(
    trailers: &http::HeaderMap,
    request: RequestId,
    language: Language,
) -> Option<http::HeaderMap> {
    completed(trailers, request, language).map(as_trailers)
}

/// How an answer ended, as its headers or trailers say.
#[derive(Debug)]
pub struct Ending {
    /// The code.
    pub code: Code,
    /// `OK`, the reason of a refusal, or the name of its code where it has none.
    pub outcome: Cow<'static, str>,
    /// The message of a refusal.
    pub message: String,
    /// Its details, an encoded `google.rpc.Status`.
    pub details: Bytes,
}

/// Reads how an answer ended: without a status, it was answered.
pub fn ending(trailers: &http::HeaderMap) -> Ending {
    let status = Status::from_header_map(trailers).unwrap_or_else(|| Status::ok(""));
    ending_of(&status)
}

/// How an answer ended by its status.
pub fn ending_of(status: &Status) -> Ending {
    let code = status.code();
    let reason = || status.get_details_error_info().map(|info| Cow::Owned(info.reason));
    let outcome = if code == Code::Ok { None } else { reason() };
    let (message, details) = (status.message().to_owned(), Bytes::copy_from_slice(status.details()));
    Ending { code, outcome: outcome.unwrap_or(Cow::Borrowed(code_name(code))), message, details }
}

/// A status as it was recorded.
pub fn recorded(code: i32, message: &str, details: &Bytes) -> Status {
    Status::with_details(Code::from_i32(code), message, details.clone())
}

#[cfg(test)]
mod tests;
