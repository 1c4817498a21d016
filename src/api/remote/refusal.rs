//! What a host's refusal means to whoever asked.
//!
//! What the registry says of the request (a rule that it breaks, a version that is another one) is passed on with its code. What it says of itself or of the
//! gateway is not the caller's affair: to the caller the registry is unavailable, and the log says why.

use std::error::Error as _;

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

use crate::api::status::{DOMAIN, code_name};
use crate::base::id::holds_personal_id;
use crate::base::violation::cut;
use crate::base::{Error, Kind, Reason, Violation, Violations};

/// Longest text of a host's that is passed on, in bytes.
const MESSAGE_BYTES_MAX: usize = 1_024;

/// The error of a call to the host of `registry`.
pub(super) fn error(status: &Status, registry: &str) -> Error {
    let details = status.get_error_details();
    let named = details.error_info().filter(|info| info.domain == DOMAIN);
    let reason = named.and_then(|info| Reason::ALL.iter().find(|reason| reason.as_str() == info.reason));
    let reason = match (reason, status.code()) {
        // A server that knows nothing of a service says so without details.
        (None, Code::Unimplemented) => Some(Reason::MethodUnknown),
        (reason, _) => reason.copied(),
    };
    let Some(reason) = reason.filter(|reason| is_of_the_request(*reason)) else {
        return unavailable(status, registry, reason);
    };
    let mut error = match violations(&details, reason) {
        // A host may say anything: what could be somebody's number goes no further.
        _ if holds_personal_id(status.message()) || names_somebody(&details) => {
            Error::new(reason, format!("the {registry} registry refused the request"))
        }
        found if found.is_empty() => Error::new(reason, cut(status.message(), MESSAGE_BYTES_MAX)),
        found if reason.kind() == Kind::WrongState => Error::refused(reason, found),
        found => Error::invalid_for(reason, found),
    };
    if let Some(retry) = details.retry_info().and_then(|retry| retry.retry_delay) {
        error = error.with_retry_after(retry);
    }
    error.with_subject("registry", registry)
}

/// The error of a stream of changes: but for a cursor that the log does not have, it is about the host, not about what it issued, so that the feed
/// asks again.
pub(super) fn of_feed(status: &Status, registry: &str) -> Error {
    let error = error(status, registry);
    match error.reason {
        Reason::CursorGone | Reason::RegistryUnavailable => error,
        _ => unavailable(status, registry, Some(error.reason)),
    }
}

/// The error of a host that gave no answer at all.
pub(super) fn unreachable(registry: &str, why: &str) -> Error {
    let error = Error::new(Reason::RegistryUnavailable, format!("the {registry} registry cannot be reached"));
    error.with_subject("registry", registry).with_source(std::io::Error::other(why.to_owned()))
}

/// Whether the host did not answer, or will answer the same question another time.
pub(super) fn is_passing(status: &Status) -> bool {
    matches!(status.code(), Code::Unavailable | Code::Unknown | Code::Cancelled | Code::DeadlineExceeded)
}

/// Whether a reason is about what was asked, and so the caller's to know.
fn is_of_the_request(reason: Reason) -> bool {
    match reason.kind() {
        Kind::Invalid | Kind::Missing | Kind::Exists | Kind::Stale | Kind::WrongState | Kind::Unimplemented => {
            reason != Reason::ConfigurationInvalid
        }
        Kind::Late => true,
        Kind::Unauthenticated | Kind::Denied | Kind::Limited | Kind::SourceDown | Kind::Corrupt | Kind::Bug => false,
    }
}

fn unavailable(status: &Status, registry: &str, reason: Option<Reason>) -> Error {
    let code = code_name(status.code());
    let said = reason.map_or(code, Reason::as_str);
    let message = match status.code() {
        Code::Unauthenticated | Code::PermissionDenied => {
            format!("the {registry} registry does not know this gateway")
        }
        Code::DataLoss => format!("the {registry} registry reports that its data is damaged"),
        Code::ResourceExhausted => format!("the {registry} registry is at its limit"),
        _ => match cause(status) {
            // Our own side's words, of a connection that failed: `invalid peer certificate: UnknownIssuer`.
            Some(cause) => format!("the {registry} registry cannot be reached: {cause}"),
            None => format!("the {registry} registry cannot be reached"),
        },
    };
    if !is_passing(status) {
        // Its own words may hold anything, personal data too.
        tracing::error!(registry, code, reason = said, "a registry's host refused the gateway");
    }
    let error = Error::new(Reason::RegistryUnavailable, message).with_subject("registry", registry);
    let retry = status.get_error_details().retry_info().and_then(|retry| retry.retry_delay);
    let error = retry.into_iter().fold(error, Error::with_retry_after);
    error.with_source(std::io::Error::other(code))
}

/// Whether a detail that would be passed on holds what could be a personal ID.
fn names_somebody(details: &ErrorDetails) -> bool {
    let fields = details.bad_request().into_iter().flat_map(|request| &request.field_violations);
    let broken = details.precondition_failure().into_iter().flat_map(|failure| &failure.violations);
    fields
        .map(|bad| (&bad.field, &bad.description))
        .chain(broken.map(|one| (&one.subject, &one.description)))
        .any(|(field, said)| holds_personal_id(field) || holds_personal_id(said))
}

/// The last cause of a status that this side made, which is the most specific; `None` of a host's.
fn cause(status: &Status) -> Option<String> {
    let mut cause = status.source()?;
    while let Some(next) = cause.source() {
        cause = next;
    }
    Some(cut(cause, MESSAGE_BYTES_MAX))
}

/// The bad fields that a status names, of either form.
fn violations(details: &ErrorDetails, reason: Reason) -> Violations {
    let mut found = Violations::default();
    if let Some(request) = details.bad_request() {
        for bad in &request.field_violations {
            let (rule, message) = bad.description.split_once(": ").unwrap_or(("INVALID", &bad.description));
            found.push(Violation::new(&bad.field, rule.to_owned(), message));
        }
    }
    if let Some(failure) = details.precondition_failure() {
        for broken in failure.violations.iter().filter(|broken| broken.r#type != reason.as_str()) {
            found.push(Violation::new(&broken.subject, broken.r#type.clone(), &broken.description));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::status::status;
    use crate::base::{Language, RequestId};

    fn passed(error: &Error) -> Error {
        super::error(&status(error, RequestId(uuid::Uuid::nil()), Language::English), "land")
    }

    #[test]
    fn what_is_about_the_request_is_passed_on_with_its_fields() {
        let bad = Error::invalid_field("changes[0].payload.area_m2", "REQUIRED", "is required");
        let told = passed(&bad);
        assert_eq!(told.reason, Reason::InvalidRequest);
        assert_eq!(told.violations.kept(), bad.violations.kept());
        let mut broken = Violations::default();
        broken.add("changes[3].payload.status", "TRANSITION", "a revoked certificate stays so");
        let broken = Error::refused(Reason::TransitionNotAllowed, broken);
        let told = passed(&broken);
        assert_eq!((told.reason, told.violations.kept()), (broken.reason, broken.violations.kept()));
        for reason in [Reason::VersionConflict, Reason::RequestIdReused, Reason::CursorGone, Reason::RecordNotFound] {
            assert_eq!(passed(&Error::new(reason, "so it is")).reason, reason);
        }
    }

    #[test]
    fn what_is_about_the_host_or_the_gateway_makes_it_unavailable() {
        for reason in [
            Reason::CredentialExpired,
            Reason::RoleNotAllowed,
            Reason::StorageCorrupt,
            Reason::LedgerCorrupt,
            Reason::ShuttingDown,
            Reason::RateLimited,
            Reason::Internal,
        ] {
            assert_eq!(passed(&Error::new(reason, "secret of the host")).reason, Reason::RegistryUnavailable);
        }
    }
}
