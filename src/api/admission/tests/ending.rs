//! How calls end that end badly: panics of handlers, and bare refusals in trailers.

use http_body_util::BodyExt as _;
use tonic::codegen::http::HeaderMap;

use super::*;

const CHANGES: &str = "/lienthong.registry.v1.RegistryService/StreamChanges";

/// A call that its client names.
fn named(path: &str, credential: &str) -> Request<Body> {
    let mut named = request(path, Some(credential), framed(&[]));
    named.headers_mut().insert(REQUEST_ID, HeaderValue::from_static("job-7"));
    named
}

/// The id of a refused call, which its headers or trailers and its details agree on, after the name that its client gave it.
fn id_of(headers: &HeaderMap, expected: (Code, &str)) -> RequestId {
    let status = Status::from_header_map(headers).expect("a status");
    let reason = status.get_details_error_info().expect("an ErrorInfo").reason;
    assert_eq!((status.code(), reason.as_str()), expected);
    assert_eq!(headers[REQUEST_ID], "job-7");
    let id = headers["x-lienthong-request-id"].to_str().expect("ASCII");
    assert_eq!(status.get_details_request_info().expect("a RequestInfo").request_id, id);
    RequestId(id.parse().expect("an id"))
}

#[tokio::test]
async fn a_call_that_panics_keeps_its_id_and_explain_finds_it() {
    let front = front_with(Does::Panic, 0);
    let answer = front.send(named(EXPLAIN, "demo-bank")).await;
    let id = id_of(answer.headers(), (Code::Internal, "INTERNAL"));
    let bank = Caller::Agency(AgencyId::parse("bank").expect("a key"));
    let call = front.traces.find(&bank, id).expect("kept for Explain");
    assert_eq!((call.method, call.outcome), (&EXPLAIN[1..], "INTERNAL"));
    let public = front.send(request(ANCHOR, None, framed(&[]))).await;
    assert_eq!(Status::from_header_map(public.headers()).expect("a status").code(), Code::Internal);
}

#[tokio::test]
async fn a_stream_ends_with_details_and_its_id_whoever_refuses_or_panics() {
    for (does, expected) in
        [(Does::RefuseInTrailers, (Code::NotFound, "NOT_FOUND")), (Does::PanicInStream, (Code::Internal, "INTERNAL"))]
    {
        let front = front_with(does, 0);
        let answer = front.send(named(CHANGES, "demo-operator")).await;
        assert_eq!(answer.headers()[REQUEST_ID], "job-7", "{does:?}");
        let whole = answer.into_body().collect().await.expect("an orderly end");
        let id = id_of(whole.trailers().expect("trailers"), expected);
        let operator = Caller::Agency(AgencyId::parse("operator").expect("a key"));
        assert_eq!(front.traces.find(&operator, id).is_some(), does == Does::PanicInStream);
    }
}
