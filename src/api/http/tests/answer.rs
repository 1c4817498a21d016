//! The layer over all routes: ids, reasons, languages, panics, metrics.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use axum::http::{HeaderMap, Request, StatusCode, header};
use axum::response::Response;
use axum::routing::{get, post};
use serde_json::Value;
use tower::ServiceExt as _;

use crate::api::Edge;
use crate::api::admission::Capacity;
use crate::api::http::answer::{Answering, answer, refusal, refusal_as, refusal_as_page, refusal_in_json};
use crate::api::metrics::Metrics;
use crate::api::request_id::mark_headers;
use crate::base::entropy::SeededEntropy;
use crate::base::time::FixedClock;
use crate::base::{Error, Reason, RequestId, Seed, Timestamp};
use crate::exchange::RecentCalls;

fn missing() -> Error {
    Error::new(Reason::NotFound, "there is no such log")
}

/// A page about a refusal.
fn page(error: &Error, id: Option<RequestId>) -> String {
    format!("<p>{} {}", error.reason.as_str(), id.map(|id| id.to_string()).unwrap_or_default())
}

async fn failing() -> Response {
    panic!("in a test")
}

/// A call, as admission answers it.
async fn call() -> Response {
    let mut answer = Response::new(Body::from("a call"));
    mark_headers(answer.headers_mut(), RequestId(uuid::Uuid::nil()));
    answer
}

fn routes() -> (Router, Arc<Metrics>) {
    let clock = Arc::new(FixedClock::at(Timestamp(0)));
    let entropy = Arc::new(SeededEntropy::new(Seed::root(1)));
    let edge = Edge::new(clock, entropy, Arc::new(RecentCalls::default()), tokio::sync::watch::channel(false).1);
    let metrics = Arc::<Metrics>::default();
    let full = || Error::new(Reason::StorageFull, "the disk is full");
    let routes = Router::new()
        .route("/page/{name}", get(async |_: Path<String>| "a page"))
        .route("/posted", post(|| async { "" }))
        .route(
            "/browsed",
            get(async |asked: HeaderMap| refusal_as_page(StatusCode::NOT_FOUND, missing(), &asked, page)),
        )
        .route("/log/{name}", get(|| async { refusal(missing()) }))
        .route("/full", get(move || async move { refusal(full()) }))
        .route("/form", get(|| async { refusal_as(StatusCode::NOT_ACCEPTABLE, missing()) }))
        .route("/json", get(|| async { refusal_in_json(missing()) }))
        .route("/failing", get(failing))
        .route("/call", get(call))
        .layer(axum::middleware::from_fn_with_state(
            Answering::new(edge, metrics.clone(), Capacity::new(1, [], 0, 0)),
            answer,
        ));
    (routes, metrics)
}

async fn ask(routes: &Router, path: &str, language: &str) -> (StatusCode, HeaderMap, String) {
    let request = Request::get(path).header(header::ACCEPT_LANGUAGE, language).header("x-request-id", "job-7");
    let answer = routes.clone().oneshot(request.body(Body::empty()).expect("a request")).await.expect("answered");
    let (parts, body) = answer.into_parts();
    let body = axum::body::to_bytes(body, 1 << 16).await.expect("whole");
    (parts.status, parts.headers, String::from_utf8(body.to_vec()).expect("text"))
}

#[tokio::test]
async fn a_refusal_has_its_reason_its_words_and_its_id() {
    let (routes, _) = routes();
    for (path, language, status, first) in [
        ("/log/records", "en", 404, "NOT_FOUND: there is no such log"),
        ("/log/records", "vi", 404, "NOT_FOUND: Không có nhật ký này."),
        ("/form", "en", 406, "NOT_FOUND: there is no such log"),
        ("/failing", "en", 500, "INTERNAL: internal error"),
        ("/full", "en", 503, "STORAGE_FULL: the disk is full"),
        ("/nowhere", "en", 404, "NOT_FOUND: there is nothing at this path"),
        ("/posted", "en", 405, "INVALID_REQUEST: this path takes other methods: the header `allow` names them"),
        ("/page/%FF", "en", 400, "INVALID_REQUEST: the request is not one that this path takes"),
    ] {
        let (found, headers, body) = ask(&routes, path, language).await;
        let ours = headers["x-lienthong-request-id"].to_str().expect("ASCII");
        assert_eq!((found.as_u16(), body), (status, format!("{first}\nrequest: {ours}\n")), "{path}");
        assert_eq!(headers["x-request-id"], "job-7", "{path}");
        assert_eq!(headers[header::CONTENT_LANGUAGE], language, "{path}");
        assert_eq!(headers[header::CACHE_CONTROL], "no-store", "{path}");
        assert_eq!(headers.contains_key(header::RETRY_AFTER), status == 503, "{path}");
    }
    let (_, headers, _) = ask(&routes, "/posted", "en").await;
    assert_eq!(headers[header::ALLOW], "POST");
    let (status, headers, body) = ask(&routes, "/json", "en").await;
    let body: Value = serde_json::from_str(&body).expect("JSON");
    assert_eq!((status.as_u16(), &body["error"]), (404, &"NOT_FOUND".into()));
    assert_eq!(body["request_id"], headers["x-lienthong-request-id"].to_str().expect("ASCII"));
}

#[tokio::test]
async fn an_answer_has_its_id_and_is_counted_by_its_route_but_a_call_is_admissions() {
    let (routes, metrics) = routes();
    for path in ["/page/042090990001", "/page/b", "/log/c", "/failing", "/nowhere", "/call"] {
        let (_, headers, body) = ask(&routes, path, "en").await;
        assert_eq!(headers.contains_key("x-lienthong-request-id"), path != "/call", "{path}");
        assert!(path != "/call" || body == "a call");
    }
    let text = metrics.text();
    for (route, status, count) in
        [("/page/{name}", 200, 2), ("/log/{name}", 404, 1), ("/failing", 500, 1), ("none", 404, 1)]
    {
        let line = format!("lienthong_http_requests_total{{route=\"{route}\",status=\"{status}\"}} {count}");
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
    assert!(!text.contains("/call") && !text.contains("042090990001"), "{text}");
}

#[tokio::test]
async fn a_browser_gets_a_page_with_the_reason_and_the_id_and_others_get_text() {
    let (routes, _) = routes();
    for (accept, kind) in [
        ("text/html,application/xhtml+xml,*/*;q=0.8", "text/html; charset=utf-8"),
        ("*/*", "text/plain; charset=utf-8"),
    ] {
        let request = Request::get("/browsed").header(header::ACCEPT, accept).body(Body::empty());
        let answer = routes.clone().oneshot(request.expect("a request")).await.expect("answered");
        let id = answer.headers()["x-request-id"].to_str().expect("ASCII").to_owned();
        assert_eq!(answer.status(), StatusCode::NOT_FOUND);
        assert_eq!(answer.headers()[header::CONTENT_TYPE], kind);
        let body = axum::body::to_bytes(answer.into_body(), 1 << 16).await.expect("whole");
        let body = String::from_utf8(body.to_vec()).expect("text");
        assert!(body.contains("NOT_FOUND") && body.contains(&id), "{body}");
    }
}
