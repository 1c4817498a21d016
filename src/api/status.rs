//! The one table from errors to gRPC statuses; nothing else in the project builds a status.
//!
//! Details follow google.rpc: `ErrorInfo` (reason, domain) on every error, `RequestInfo` with the call's id, and what the
//! kind adds. The private cause never leaves; it is logged by the edge.

use tonic::body::Body;
use tonic::codegen::http;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

use super::request_id::mark_headers;
use crate::base::{Error, Kind, Language, Reason, RequestId};

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

/// Turns an error into the status that the caller sees.
pub fn status(error: &Error, request: RequestId, language: Language) -> Status {
    let kind = error.kind();
    let mut details = ErrorDetails::new();
    details.set_error_info(error.reason.as_str(), DOMAIN, std::collections::HashMap::<String, String>::new());
    details.set_request_info(request.to_string(), "");
    match kind {
        Kind::Invalid => {
            for violation in &error.violations {
                details.add_bad_request_violation(
                    violation.field.clone(),
                    format!("{}: {}", violation.rule, violation.message),
                );
            }
        }
        Kind::Missing | Kind::Exists => {
            details.set_resource_info(error.subject.kind, error.subject.name.clone(), "", error.message.clone());
        }
        Kind::WrongState => {
            let subject = format!("{}/{}", error.subject.kind, error.subject.name);
            details.add_precondition_failure_violation(error.reason.as_str(), subject, error.message.clone());
        }
        Kind::Limited => {
            details.add_quota_failure_violation(error.subject.name.clone(), error.message.clone());
            details.set_retry_info(Some(error.retry_after.unwrap_or(std::time::Duration::from_secs(1))));
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
    if language == Language::Vietnamese {
        details.set_localized_message("vi", error.reason.vietnamese());
    }
    Status::with_error_details(code(kind), error.message.clone(), details)
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

/// A refusal that the framework, or a service that is not ours, made without details: the same code and words, with the details that every
/// error has. The reason is the code's name. `None` for an answer that is no refusal.
pub fn completed(headers: &http::HeaderMap, request: RequestId, language: Language) -> Option<http::Response<Body>> {
    let found = Status::from_header_map(headers).filter(|status| status.code() != Code::Ok)?;
    let bare = match found.code() {
        Code::Internal | Code::Unknown => return Some(answer(&Error::bug(found.message()), request, language)),
        code => code,
    };
    let mut details = ErrorDetails::new();
    details.set_error_info(code_name(bare), DOMAIN, std::collections::HashMap::<String, String>::new());
    details.set_request_info(request.to_string(), "");
    let mut answer = Status::with_error_details(bare, found.message(), details).into_http();
    mark_headers(answer.headers_mut(), request);
    Some(answer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Violation;

    fn id() -> RequestId {
        RequestId(uuid::Uuid::nil())
    }

    #[test]
    fn every_bad_field_is_named_at_once() {
        let error = Error::invalid(vec![Violation::new("a", "REQUIRED", "x"), Violation::new("b.c", "FORMAT", "y")]);
        let status = status(&error, id(), Language::English);
        assert_eq!(status.code(), Code::InvalidArgument);
        let bad = status.get_details_bad_request().expect("details");
        let fields: Vec<_> = bad.field_violations.iter().map(|v| v.field.as_str()).collect();
        assert_eq!(fields, ["a", "b.c"]);
        assert_eq!(status.get_details_error_info().expect("info").reason, "INVALID_REQUEST");
    }

    #[test]
    fn the_private_cause_stays_inside_and_the_id_goes_out() {
        let status = status(&Error::bug("password=42"), id(), Language::English);
        assert_eq!((status.code(), status.message()), (Code::Internal, "internal error"));
        assert!(!String::from_utf8_lossy(status.details()).contains("password"));
        assert_eq!(status.get_details_request_info().expect("request").request_id, id().to_string());
    }

    #[test]
    fn vietnamese_comes_on_request() {
        let status = status(&Error::new(Reason::AlreadyLinked, "x"), id(), Language::Vietnamese);
        assert_eq!(status.message(), "x", "the message is for developers (google.rpc.Status)");
        let localized = status.get_details_localized_message().expect("a message for people");
        assert_eq!((localized.locale.as_str(), localized.message.as_str()), ("vi", "Giấy tờ đã được tích hợp."));
    }

    #[test]
    fn every_reason_has_a_distinct_code_and_a_vietnamese_sentence() {
        let mut seen = std::collections::BTreeSet::new();
        for reason in Reason::ALL {
            assert!(seen.insert(reason.as_str()), "{} twice", reason.as_str());
            assert!(reason.vietnamese().ends_with('.'), "{}", reason.as_str());
        }
    }
}
