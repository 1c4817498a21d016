//! Who may call from a browser, and how a call travels: its frames, its trailers, its base64.

use std::convert::Infallible;

use axum::body::to_bytes;
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
};
use axum::http::request::Builder;
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};

use super::*;
use crate::base::Language;
use crate::base::{Error, Reason, RequestId};

const PATH: &str = "/a.v1.Echo/Call";
const OURS: &str = "127.0.0.1:50052";

/// Repeats the message in two frames and trailers; refuses without a credential, in the head alone.
async fn echo(
    request: tonic::codegen::http::Request<tonic::body::Body>,
) -> Result<tonic::codegen::http::Response<tonic::body::Body>, Infallible> {
    assert_eq!(request.headers()[header::CONTENT_TYPE], "application/grpc");
    if !request.headers().contains_key(header::AUTHORIZATION) {
        let error = Error::new(Reason::CredentialMissing, "who calls?");
        return Ok(crate::api::status::answer(&error, RequestId(uuid::Uuid::nil()), Language::English));
    }
    let message = request.into_body().collect().await.expect("whole").to_bytes();
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    trailers.insert("x-request-id", HeaderValue::from_static("abc"));
    let frames = [Frame::data(message.clone()), Frame::data(message), Frame::trailers(trailers)];
    let body = StreamBody::new(futures::stream::iter(frames.map(Ok::<_, Infallible>)));
    let mut answer = tonic::codegen::http::Response::new(tonic::body::Body::new(body));
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    Ok(answer)
}

fn routes(origins: WebOrigins) -> Router {
    let hosts = Hosts::new(([127, 0, 0, 1], 50_052).into(), Some("https://lienthong.example.vn"));
    let pages = Router::new().route("/", get(|| async { "a page" })).fallback(|| async { StatusCode::NOT_FOUND });
    Web::new(tower::service_fn(|request| Box::pin(echo(request))), hosts, origins, "127.0.0.1:50051").beside(pages)
}

async fn ask(request: Builder, body: impl Into<Bytes>) -> (StatusCode, HeaderMap, Bytes) {
    let request = request.body(Body::from(body.into())).expect("a request");
    let answer = routes(WebOrigins::loopback()).oneshot(request).await.expect("answered");
    let (parts, body) = answer.into_parts();
    (parts.status, parts.headers, to_bytes(body, 1 << 20).await.expect("whole"))
}

fn call(kind: &str) -> Builder {
    let request = Request::post(PATH).header(header::HOST, OURS).header(header::CONTENT_TYPE, kind);
    request.header(header::AUTHORIZATION, "Bearer demo-one-stop")
}

/// A frame of the wire: its first byte and its content.
fn framed(first: u8, content: &[u8]) -> Vec<u8> {
    [&[first], &(content.len() as u32).to_be_bytes()[..], content].concat()
}

#[tokio::test]
async fn messages_and_trailers_are_frames_of_the_body() {
    let message = framed(0, b"hello");
    let trailers = framed(0x80, b"grpc-status:0\r\nx-request-id:abc\r\n");
    let expected = [&message[..], &message, &trailers].concat();
    for kind in ["application/grpc-web", "application/grpc-web+proto", "Application/gRPC-Web+proto; charset=x"] {
        let (status, headers, body) = ask(call(kind).header(header::ACCEPT, "*/*"), message.clone()).await;
        assert_eq!((status, &body[..]), (StatusCode::OK, &expected[..]), "{kind}");
        assert_eq!(headers[header::CONTENT_TYPE], "application/grpc-web+proto");
    }
}

#[tokio::test]
async fn text_is_base64_in_both_directions() {
    let message = framed(0, b"hello");
    let trailers = framed(0x80, b"grpc-status:0\r\nx-request-id:abc\r\n");
    let expected = [&message[..], &message, &trailers].map(|frame| STANDARD.encode(frame)).concat();
    for kind in ["application/grpc-web-text", "application/grpc-web-text+proto"] {
        for accept in ["*/*", kind] {
            let request = call(kind).header(header::ACCEPT, accept);
            let (status, headers, body) = ask(request, STANDARD.encode(&message)).await;
            assert_eq!((status, &body[..]), (StatusCode::OK, expected.as_bytes()), "{kind} {accept}");
            assert_eq!(headers[header::CONTENT_TYPE], "application/grpc-web-text+proto");
        }
    }
}

#[tokio::test]
async fn a_refusal_has_its_status_where_a_page_can_read_it() {
    let mut request = call("application/grpc-web+proto").header(header::ORIGIN, "http://localhost:3000");
    request.headers_mut().expect("whole so far").remove(header::AUTHORIZATION);
    let (status, headers, body) = ask(request, framed(0, b"")).await;
    assert_eq!((status, body.len()), (StatusCode::OK, 0));
    assert_eq!(headers["grpc-status"], "16");
    let readable = headers[ACCESS_CONTROL_EXPOSE_HEADERS].to_str().expect("ASCII");
    for name in headers.keys().filter(|name| name.as_str().starts_with("grpc-") || name.as_str().starts_with("x-")) {
        assert!(readable.split(',').any(|readable| name == readable), "{name} of {readable}");
    }
}

#[tokio::test]
async fn a_preflight_is_answered_for_those_who_may_call() {
    let preflight = |origin: &str| {
        let request = Request::options(PATH).header(header::HOST, OURS).header(header::ORIGIN, origin);
        request
            .header(header::ACCESS_CONTROL_REQUEST_METHOD, "POST")
            .header(header::ACCESS_CONTROL_REQUEST_HEADERS, "authorization,x-lienthong-session")
    };
    let (status, headers, _) = ask(preflight("http://localhost:3000"), "").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(headers[ACCESS_CONTROL_ALLOW_ORIGIN], "http://localhost:3000");
    assert_eq!(headers[ACCESS_CONTROL_ALLOW_HEADERS], "authorization,x-lienthong-session");
    assert_eq!(
        (&headers[ACCESS_CONTROL_ALLOW_METHODS], &headers[ACCESS_CONTROL_MAX_AGE]),
        (&"POST".parse().expect("a value"), &"7200".parse().expect("a value"))
    );
    let (status, headers, _) = ask(preflight("https://evil.example"), "").await;
    assert_eq!((status, headers.get(ACCESS_CONTROL_ALLOW_ORIGIN)), (StatusCode::FORBIDDEN, None));
}

#[tokio::test]
async fn pages_of_other_sites_reach_nothing() {
    for (host, origins, expected) in [
        (OURS, &[][..], StatusCode::OK),
        (OURS, &["http://127.0.0.1:50052"], StatusCode::OK),
        (OURS, &["http://localhost:3000"], StatusCode::OK),
        ("lienthong.example.vn", &["https://lienthong.example.vn"], StatusCode::OK),
        (OURS, &["https://evil.example"], StatusCode::FORBIDDEN),
        (OURS, &["null"], StatusCode::FORBIDDEN),
        (OURS, &["http://localhost:3000", "https://evil.example"], StatusCode::FORBIDDEN),
        // Its own name resolves to this machine for a moment.
        ("evil.example:50052", &["http://evil.example:50052"], StatusCode::MISDIRECTED_REQUEST),
        ("evil.example:50052", &[], StatusCode::MISDIRECTED_REQUEST),
    ] {
        let mut request = Request::post(PATH).header(header::HOST, host);
        for origin in origins {
            request = request.header(header::ORIGIN, *origin);
        }
        let request = request.header(header::CONTENT_TYPE, "application/grpc-web+proto");
        let (status, headers, _) = ask(request, framed(0, b"")).await;
        assert_eq!(status, expected, "{host} {origins:?}");
        assert_eq!(headers.contains_key("grpc-status"), expected == StatusCode::OK, "{host} {origins:?}");
    }
}

#[tokio::test]
async fn what_is_no_call_is_told_what_one_is_and_pages_stay_pages() {
    let (status, headers, body) = ask(Request::get(PATH).header(header::HOST, OURS), "").await;
    assert_eq!(
        (status, &headers[header::ALLOW]),
        (StatusCode::METHOD_NOT_ALLOWED, &"POST, OPTIONS".parse().expect("a value"))
    );
    assert_eq!(&body[..], b"INVALID_REQUEST: gRPC calls are POST requests\n");
    for kind in ["application/grpc", "application/grpc+proto", "application/json", "", "application/grpc-website"] {
        let (status, _, body) = ask(call(kind), framed(0, b"")).await;
        assert_eq!(status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{kind}");
        assert!(body.ends_with(b"native gRPC is at 127.0.0.1:50051\n"), "{body:?}");
    }
    let twice = call("application/grpc-web").header(header::CONTENT_TYPE, "application/grpc-web");
    assert_eq!(ask(twice, "").await.0, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    for (path, expected) in
        [("/", 200), ("/.well-known/x", 404), ("/logs/records/tile/0/x001", 404), ("/anchor.json", 404)]
    {
        let request =
            Request::get(path).header(header::HOST, "anything").header(header::ORIGIN, "https://evil.example");
        let (status, headers, _) = ask(request, "").await;
        assert_eq!((status.as_u16(), headers.get(ACCESS_CONTROL_ALLOW_ORIGIN)), (expected, None), "{path}");
    }
}
