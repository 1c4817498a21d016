//! The console: a few pages for testers, on loopback: the world, its personas, commands to try. English, or Vietnamese by `accept-language`.
//!
//! It shows public facts and the personas, never a secret (the seed is one) nor another citizen's data, and runs no script: the pages are
//! plain HTML under a policy that allows their own style sheet alone. They answer under the console's own names only ([`Hosts`]). It knows
//! no other part of the gateway; the server hands it [`Facts`].

mod facts;
mod hosts;
mod pages;

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::header::{self, HeaderName, HeaderValue};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;

pub use facts::{Facts, LogHead, PersonaFacts, RegistryFacts, View};
pub use hosts::Hosts;
use pages::Page;

const STYLE: &str = include_str!("style.css");

/// The console's routes over a view of the world, merged with `further` public HTTP routes. Those share the port but not the pages'
/// headers: each sets its own caching, and answers under any host name.
pub fn router(view: Arc<dyn View>, hosts: Hosts, further: Router) -> Router {
    Router::new()
        .route("/", get(overview))
        .route("/personas", get(personas))
        .route("/registries", get(registries))
        .route("/anchor.json", get(anchor))
        .route("/style.css", get(|| async { ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], STYLE) }))
        .fallback(missing)
        .layer(axum::middleware::from_fn_with_state(Arc::new(hosts), hosts::check))
        .layer(axum::middleware::map_response(guarded))
        .with_state(view)
        .merge(further)
}

async fn overview(State(view): State<Arc<dyn View>>, headers: HeaderMap) -> Html<String> {
    Html(Page::of(&headers).overview(&view.facts()).into_string())
}

async fn personas(State(view): State<Arc<dyn View>>, headers: HeaderMap) -> Html<String> {
    Html(Page::of(&headers).personas(&view.facts()).into_string())
}

async fn registries(State(view): State<Arc<dyn View>>, headers: HeaderMap) -> Html<String> {
    Html(Page::of(&headers).registries(&view.facts()).into_string())
}

async fn anchor(State(view): State<Arc<dyn View>>) -> impl IntoResponse {
    let headers = [
        (header::CONTENT_TYPE, "application/json"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"anchor.json\""),
    ];
    (headers, view.facts().anchor_json)
}

async fn missing(uri: Uri, headers: HeaderMap) -> (StatusCode, Html<String>) {
    (StatusCode::NOT_FOUND, Html(Page::of(&headers).missing(uri.path()).into_string()))
}

/// Headers on every answer: nothing from elsewhere, no frames, no guessing of types, nothing kept by caches.
async fn guarded(mut response: Response) -> Response {
    const POLICY: &str =
        "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
    let headers = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    for (name, value) in headers {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests;
