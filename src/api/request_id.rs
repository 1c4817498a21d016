//! The ids of a call in its headers: ours on every answer and every refusal, and what its client named it by.
//!
//! A client that sends an `x-request-id` gets it back under that name, as proxies and log shippers expect, together with the server's own. A client that
//! sends a `traceparent` gets it back with our part of the trace in it. Values of other shapes are passed over, as the
//! specification of `traceparent` demands.

use tonic::codegen::http::{HeaderMap, HeaderValue};
use tonic::metadata::MetadataMap;

use crate::base::client_ids::{ClientRequestId, TraceParent};
use crate::base::{ClientIds, RequestId};

/// The header, and metadata key, under which every answer and error carries the call's id.
pub const REQUEST_ID: &str = "x-request-id";

/// The header that has our id where [`REQUEST_ID`] has the client's.
const OWN_REQUEST_ID: &str = "x-lienthong-request-id";
/// The header of a distributed trace (W3C Trace Context).
pub const TRACE_PARENT: &str = "traceparent";

/// The caller for whom a gateway asks a registry's host, by its label: an agency's key, or `citizen`.
pub const ON_BEHALF_OF: &str = "x-lienthong-on-behalf-of";

/// Reads the client's names for its call. A header that occurs twice is ignored.
pub fn client_ids(headers: &HeaderMap) -> ClientIds {
    let text = |name: &str| {
        let mut values = headers.get_all(name).iter();
        values.next().filter(|_| values.next().is_none()).and_then(|value| value.to_str().ok())
    };
    ClientIds {
        request_id: text(REQUEST_ID).and_then(ClientRequestId::parse),
        trace: text(TRACE_PARENT).and_then(TraceParent::parse),
        on_behalf_of: text(ON_BEHALF_OF).and_then(ClientRequestId::parse),
    }
}

/// Returns the client's ids, in headers or trailers that have our id.
pub fn give_back(headers: &mut HeaderMap, client: &ClientIds, id: RequestId) {
    if let Some(Ok(value)) = client.request_id().map(HeaderValue::try_from)
        && let Some(ours) = headers.insert(REQUEST_ID, value)
    {
        headers.insert(OWN_REQUEST_ID, ours);
    }
    if let Some(Ok(value)) = client.trace.map(|trace| HeaderValue::try_from(trace.continued(id).to_string())) {
        headers.insert(TRACE_PARENT, value);
    }
}

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
