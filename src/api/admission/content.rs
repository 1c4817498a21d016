//! Recognizes gRPC requests by their HTTP method and content type (gRPC over HTTP/2, "Requests").

use tonic::body::Body;
use tonic::codegen::http::{HeaderValue, Method, Response, StatusCode, header, request};

use crate::api::request_id::mark_headers;
use crate::base::{Language, RequestId};

/// The refusal of other requests, before any work is done for them (gRPC over HTTP/2, "Requests": 415).
pub(super) fn not_grpc(parts: &request::Parts, id: RequestId, language: Language) -> Option<Response<Body>> {
    if parts.method != Method::POST {
        // An answer to HEAD has no body (RFC 9110, section 9.3.2).
        let text = if parts.method == Method::HEAD { "" } else { "gRPC calls are POST requests\n" };
        return Some(plain(StatusCode::METHOD_NOT_ALLOWED, text, language, id));
    }
    if is_grpc(parts) {
        return None;
    }
    let text = "this port speaks gRPC: content-type application/grpc\n";
    Some(plain(StatusCode::UNSUPPORTED_MEDIA_TYPE, text, language, id))
}

/// Whether a request is gRPC.
pub(super) fn is_grpc(parts: &request::Parts) -> bool {
    let mut kinds = parts.headers.get_all(header::CONTENT_TYPE).iter();
    let kind = kinds.next().map(HeaderValue::as_bytes).unwrap_or_default();
    let kind = kind.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii_end();
    let is_grpc =
        [&b"application/grpc"[..], b"application/grpc+proto"].iter().any(|grpc| kind.eq_ignore_ascii_case(grpc));
    parts.method == Method::POST && kinds.next().is_none() && is_grpc
}

fn plain(code: StatusCode, text: &'static str, language: Language, id: RequestId) -> Response<Body> {
    let mut answer = Response::new(Body::new(http_body_util::Full::new(language.say(text).into_owned().into())));
    *answer.status_mut() = code;
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    if code == StatusCode::METHOD_NOT_ALLOWED {
        answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
    }
    mark_headers(answer.headers_mut(), id);
    answer
}
