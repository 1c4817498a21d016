//! Refusals of the services that are the framework's: reflection and health. They end with the details that all refusals have, in trailers too, and a
//! request that cannot be read is refused.

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use prost::Message as _;
use tonic::body::Body;
use tonic::codegen::http::{HeaderMap, Request, header};
use tonic::transport::Channel;
use tonic::{Code, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_types::StatusExt as _;
use tower::ServiceExt as _;

use super::common::gateway;

/// The headers or trailers with which a call ends, and whether messages came before.
async fn end_of(channel: &Channel, method: &str, requests: &[u8]) -> (HeaderMap, bool) {
    let request = Request::post(format!("/grpc.{method}"))
        .header(header::CONTENT_TYPE, "application/grpc")
        .header(header::TE, "trailers")
        .header("x-request-id", "job-7")
        .body(Body::new(Full::new(Bytes::copy_from_slice(requests))))
        .expect("a request");
    let (head, body) = channel.clone().oneshot(request).await.expect("an answer").into_parts();
    let whole = body.collect().await.expect("an orderly end");
    let trailers = whole.trailers().cloned();
    (trailers.unwrap_or(head.headers), !whole.to_bytes().is_empty())
}

fn framed(message: &[u8]) -> Vec<u8> {
    [&[0], &(message.len() as u32).to_be_bytes()[..], message].concat()
}

fn ask(message_request: Option<MessageRequest>) -> Vec<u8> {
    framed(&ServerReflectionRequest { host: String::new(), message_request }.encode_to_vec())
}

#[tokio::test]
async fn the_frameworks_services_refuse_as_all_others_do() {
    let started = gateway().start().await;
    let services = ask(Some(MessageRequest::ListServices(String::new())));
    let symbol = ask(Some(MessageRequest::FileContainingSymbol("x.Y".into())));
    let cases: Vec<(&str, Vec<u8>, Code, &str)> = vec![
        ("an unknown symbol", symbol.clone(), Code::NotFound, "NOT_FOUND"),
        ("after an answer", [services.clone(), symbol].concat(), Code::NotFound, "NOT_FOUND"),
        ("an unknown file", ask(Some(MessageRequest::FileByFilename("x".into()))), Code::NotFound, "NOT_FOUND"),
        ("no question", ask(None), Code::InvalidArgument, "INVALID_ARGUMENT"),
        ("text that is not UTF-8", framed(&[0x22, 1, 0xff]), Code::InvalidArgument, "MESSAGE_MALFORMED"),
        ("half a varint", framed(&[0x80]), Code::InvalidArgument, "MESSAGE_MALFORMED"),
        ("half a message", b"\0\0\0\0\x09abc".to_vec(), Code::InvalidArgument, "MESSAGE_MALFORMED"),
        ("bytes after a message", [services.clone(), vec![7]].concat(), Code::InvalidArgument, "MESSAGE_MALFORMED"),
        ("compressed without a name", b"\x01\0\0\0\0".to_vec(), Code::InvalidArgument, "MESSAGE_MALFORMED"),
        ("too large", b"\0\x01\0\0\0".to_vec(), Code::InvalidArgument, "MESSAGE_TOO_LARGE"),
    ];
    for version in ["v1", "v1alpha"] {
        let method = format!("reflection.{version}.ServerReflection/ServerReflectionInfo");
        for (what, requests, code, reason) in &cases {
            let (end, has_answer) = end_of(&started.channel, &method, requests).await;
            refused(&end, *code, reason, what);
            assert_eq!(has_answer, requests.starts_with(&services), "{what}: what was asked before is answered");
        }
        let (end, has_answer) = end_of(&started.channel, &method, &services).await;
        assert_eq!((Status::from_header_map(&end).map(|status| status.code()), has_answer), (Some(Code::Ok), true));
    }
    let health = |service: String| framed(&HealthCheckRequest { service }.encode_to_vec());
    for (method, request, code, reason) in [
        ("Check", health("x.Y".into()), Code::NotFound, "NOT_FOUND"),
        ("Watch", health("x".repeat(600)), Code::InvalidArgument, "INVALID_REQUEST"),
        ("Watch", framed(&[0x0a, 1, 0xff]), Code::InvalidArgument, "MESSAGE_MALFORMED"),
    ] {
        let (end, _) = end_of(&started.channel, &format!("health.v1.Health/{method}"), &request).await;
        refused(&end, code, reason, method);
    }
}

fn refused(end: &HeaderMap, code: Code, reason: &str, what: &str) {
    let status = Status::from_header_map(end).unwrap_or_else(|| panic!("{what}: no status in {end:?}"));
    let found = status.get_details_error_info().unwrap_or_else(|| panic!("{what}: no ErrorInfo in {status}"));
    assert_eq!((status.code(), found.reason.as_str(), found.domain.as_str()), (code, reason, "lienthong"), "{what}");
    let id = status.get_details_request_info().unwrap_or_else(|| panic!("{what}: no RequestInfo")).request_id;
    assert_eq!(end["x-request-id"], "job-7", "{what}");
    assert_eq!(end["x-lienthong-request-id"], id.as_str(), "{what}");
}
