//! The id of a call in its answer: one header, on every answer and every refusal.

use tonic::codegen::http::{HeaderMap, HeaderValue};
use tonic::metadata::MetadataMap;

use crate::base::RequestId;

/// The header, and metadata key, under which every answer and error carries the call's id.
pub const REQUEST_ID: &str = "x-request-id";

/// Puts the id into the headers of an answer.
pub fn mark_headers(headers: &mut HeaderMap, id: RequestId) {
    if let Ok(mut value) = HeaderValue::try_from(id.to_string()) {
        // An id is never sent twice: kept out of the compression table (RFC 7541, section 6.2.3), it costs neither side a search
        // nor evicts the headers that do repeat.
        value.set_sensitive(true);
        headers.insert(REQUEST_ID, value);
    }
}

/// Puts the id into the metadata of an answer.
pub fn mark(metadata: &mut MetadataMap, id: RequestId) {
    mark_headers(metadata.as_mut(), id);
}
