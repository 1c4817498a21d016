//! What is known of a request from its headers alone: its ids, its language, its deadline.

use std::time::Instant;

use tonic::codegen::http::HeaderMap;

use crate::api::edge::{self, Edge};
use crate::api::request_id::client_ids;
use crate::base::call::Language;
use crate::base::{ClientIds, RequestId, Timestamp};

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
    pub(super) fn of(headers: &HeaderMap, edge: &Edge) -> Self {
        let (begun, now) = (Instant::now(), edge.now());
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let named = text("grpc-timeout").and_then(edge::parse_timeout);
        Self {
            begun,
            now,
            request_id: edge.new_id(now),
            client_ids: client_ids(headers),
            language: text("accept-language").map(Language::from_header).unwrap_or_default(),
            deadline: begun + edge::timeout(named),
            client_deadline: named.and_then(|named| begun.checked_add(named)),
        }
    }
}
