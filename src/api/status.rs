//! The one table from errors to gRPC statuses; nothing else in the project builds a status.
//!
//! Details follow google.rpc: `ErrorInfo` (reason, domain) on every error, `RequestInfo` with the call's id, and what the
//! kind adds. The private cause never leaves; it is logged by the edge.

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

use crate::base::{Error, Kind, Language, RequestId};

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
        Kind::Unauthenticated | Kind::Denied | Kind::Stale | Kind::Late | Kind::Corrupt | Kind::Bug => {}
    }
    if language == Language::Vietnamese {
        details.set_localized_message("vi", error.reason.vietnamese());
    }
    Status::with_error_details(code(kind), error.message.clone(), details)
}

/// The answer to a call of a service that is not there, as gRPC asks for it (gRPC status codes, UNIMPLEMENTED).
pub fn no_such_service() -> Status {
    Status::unimplemented("there is no such service here")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Reason, Violation};

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
