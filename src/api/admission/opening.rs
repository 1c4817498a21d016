//! What is known of a request from its headers alone: its ids, its language, its deadline.

use std::time::{Duration, Instant};

use tonic::codegen::http::HeaderMap;

use crate::api::request_id::client_ids;
use crate::base::call::Language;
use crate::base::{ClientIds, RequestId, Timestamp, limits};

/// The beginning of a request.
pub(in crate::api) struct Opening {
    pub(super) begun: Instant,
    pub(in crate::api) now: Timestamp,
    pub(in crate::api) request_id: RequestId,
    pub(in crate::api) client_ids: ClientIds,
    pub(super) language: Language,
    pub(super) deadline: Instant,
    pub(super) client_deadline: Option<Instant>,
}

impl Opening {
    pub(super) fn of(headers: &HeaderMap, now: Timestamp, request_id: RequestId) -> Self {
        let begun = Instant::now();
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let named = text("grpc-timeout").and_then(parse_timeout);
        Self {
            begun,
            now,
            request_id,
            client_ids: client_ids(headers),
            language: text("accept-language").map(Language::from_header).unwrap_or_default(),
            deadline: begun + timeout(named),
            client_deadline: named.and_then(|named| begun.checked_add(named)),
        }
    }
}

/// How long a call may take: what the caller named (gRPC `grpc-timeout`), within our limit.
fn timeout(named: Option<Duration>) -> Duration {
    let named = named.unwrap_or(Duration::from_millis(limits::DEADLINE_MS_DEFAULT));
    named.min(Duration::from_millis(limits::DEADLINE_MS_MAX))
}

/// Reads a `grpc-timeout` value: at most 8 digits and a unit (gRPC over HTTP/2, Requests).
fn parse_timeout(value: &str) -> Option<Duration> {
    let (digits, unit) = value.split_at_checked(value.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 {
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
        for bad in ["", "m", "123456789m", "-1m", "1x"] {
            assert_eq!(parse_timeout(bad), None, "{bad}");
        }
    }
}
