//! The headers of a request: its ids, its language, its deadline.

use std::time::Duration;

use tonic::codegen::http::HeaderMap;

use crate::api::language::language_of;
use crate::api::request_id::client_ids;
use crate::base::call::Language;
use crate::base::time::Instant;
use crate::base::{ClientIds, Error, RequestId, Result, Timestamp, limits};

/// The header of the caller's deadline.
pub const TIMEOUT: &str = "grpc-timeout";

/// The beginning of a request.
#[derive(Clone)]
pub(in crate::api) struct Opening {
    pub(super) begun: Instant,
    pub(in crate::api) now: Timestamp,
    pub(in crate::api) request_id: RequestId,
    pub(in crate::api) client_ids: ClientIds,
    pub(super) language: Language,
    pub(super) deadline: Instant,
    pub(super) client_deadline: Option<Instant>,
    /// Whether its deadline cannot be parsed.
    has_bad_timeout: bool,
}

impl Opening {
    /// That of a request which began at this moment, with the time and the id that its world gives it.
    pub(super) fn of(headers: &HeaderMap, begun: Instant, now: Timestamp, request_id: RequestId) -> Self {
        let named = named_timeout(headers);
        Self {
            begun,
            now,
            request_id,
            client_ids: client_ids(headers),
            language: language_of(headers),
            deadline: begun + timeout(named),
            client_deadline: named.and_then(|named| begun.checked_add(named)),
            has_bad_timeout: named.is_none() && headers.contains_key(TIMEOUT),
        }
    }

    /// Refuses a deadline that cannot be read: a caller that means 200 ms must not wait for the default.
    pub(super) fn check(&self) -> Result<()> {
        if !self.has_bad_timeout {
            return Ok(());
        }
        let rule = "must be given once, as 1 to 8 digits and a unit, one of H, M, S, m, u, n";
        Err(Error::invalid_field(TIMEOUT, "FORMAT", rule))
    }
}

/// The deadline of a request that began at this moment.
pub(super) fn deadline_of(headers: &HeaderMap, begun: Instant) -> Instant {
    begun + timeout(named_timeout(headers))
}

/// The client's `grpc-timeout`, if it can be parsed; two of them are ambiguous.
fn named_timeout(headers: &HeaderMap) -> Option<Duration> {
    let mut named = headers.get_all(TIMEOUT).iter();
    let only = named.next().filter(|_| named.next().is_none())?;
    parse_timeout(only.to_str().ok()?)
}

/// The time for a call: the client's (gRPC `grpc-timeout`), within our limit.
fn timeout(named: Option<Duration>) -> Duration {
    let named = named.unwrap_or(Duration::from_millis(limits::DEADLINE_MS_DEFAULT));
    named.min(Duration::from_millis(limits::DEADLINE_MS_MAX))
}

/// Reads a `grpc-timeout` value: at most 8 digits and a unit (gRPC over HTTP/2, Requests).
pub fn parse_timeout(value: &str) -> Option<Duration> {
    let (digits, unit) = value.split_at_checked(value.len().checked_sub(1)?)?;
    if digits.len() > 8 || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_read_as_the_grpc_specification_says() {
        assert_eq!(parse_timeout("100m"), Some(Duration::from_millis(100)));
        assert_eq!(parse_timeout("2S"), Some(Duration::from_secs(2)));
        for bad in ["", "m", "123456789m", "-1m", "+1m", "1x"] {
            assert_eq!(parse_timeout(bad), None, "{bad}");
        }
    }
}
