//! The language of an HTTP answer, by the `accept-language` of its request: of gRPC refusals, console pages and plain-text errors alike.
//!
//! Refusals with an error are put into words by `http::answer`. All other short plain texts are written in English, and one layer over all
//! routes ([`translate`]) puts them into the caller's language on their way out; bodies for programs (JSON, tokens, tiles) pass through unchanged.

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;
use http_body::Body as _;

use crate::base::Language;

/// Longest text that is translated, in bytes.
const TEXT_BYTES_MAX: u64 = 8 * 1024;

/// The language that a request prefers. Several header lines are one list (RFC 9110, section 5.3).
pub fn language_of(headers: &HeaderMap) -> Language {
    let lines = headers.get_all(header::ACCEPT_LANGUAGE).iter().filter_map(|line| line.to_str().ok());
    Language::from_header(&lines.collect::<Vec<_>>().join(","))
}

/// Translates plain-text errors into the language that the request prefers.
pub async fn translate(request: Request, next: Next) -> Response {
    let language = language_of(request.headers());
    let answer = next.run(request).await;
    let kind = answer.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let is_short = answer.body().size_hint().exact().is_some_and(|bytes| (1..=TEXT_BYTES_MAX).contains(&bytes));
    let is_translated = answer.headers().contains_key(header::CONTENT_LANGUAGE);
    let is_text = kind.starts_with("text/plain") && is_short && !is_translated;
    if language == Language::English || answer.status().is_success() || !is_text {
        return answer;
    }
    let (mut parts, body) = answer.into_parts();
    // A body of known length is in memory, so reading it cannot fail.
    let bytes = to_bytes(body, TEXT_BYTES_MAX as usize).await.unwrap_or_default();
    let text = language.say(&String::from_utf8_lossy(&bytes)).into_owned();
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static("vi"));
    parts.headers.append(header::VARY, HeaderValue::from_static("accept-language"));
    Response::from_parts(parts, Body::from(text))
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::http::StatusCode;
    use axum::routing::get;
    use tower::ServiceExt as _;

    use super::*;

    #[tokio::test]
    async fn plain_errors_come_in_the_language_that_is_asked_for() {
        let missing = || async { (StatusCode::NOT_FOUND, "there is no such log\n") };
        let routes = Router::new()
            .route("/missing", get(missing))
            .route("/text", get(|| async { "there is no such log\n" }))
            .route(
                "/json",
                get(|| async { (StatusCode::NOT_FOUND, [(header::CONTENT_TYPE, "application/json")], "{}") }),
            )
            .layer(axum::middleware::from_fn(translate));
        for (path, languages, expected) in [
            ("/missing", &["vi"][..], "không có nhật ký này\n"),
            ("/missing", &["en;q=0.5", "vi;q=0.9"], "không có nhật ký này\n"),
            ("/missing", &["en"], "there is no such log\n"),
            ("/missing", &[], "there is no such log\n"),
            ("/text", &["vi"], "there is no such log\n"),
            ("/json", &["vi"], "{}"),
        ] {
            let mut request = Request::get(path);
            for language in languages {
                request = request.header(header::ACCEPT_LANGUAGE, *language);
            }
            let answer =
                routes.clone().oneshot(request.body(Body::empty()).expect("a request")).await.expect("infallible");
            let is_translated = answer.headers().contains_key(header::CONTENT_LANGUAGE);
            let body = to_bytes(answer.into_body(), 1024).await.expect("a body");
            let text = String::from_utf8_lossy(&body);
            assert_eq!((&*text, is_translated), (expected, expected.starts_with("không")), "{path} {languages:?}");
        }
    }
}
