//! The console: a few pages for testers, on loopback: the world, its personas, commands to try. English, or Vietnamese by `accept-language`.
//!
//! It shows public facts and the personas, never a secret (the seed is one) nor another citizen's data. The pages are plain HTML under a policy
//! that allows their own style sheet alone; one runs a script, of this server, which may call this server and nobody else: what a browser can do by
//! gRPC-Web ([`super::web`]) is tried there. They answer under the console's own names only ([`Hosts`]). The console knows no other part of the
//! gateway; the server hands it [`Facts`].

mod examples;
mod facts;
mod hosts;
mod pages;
mod schema;

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

use super::http::answer::refusal_as_page;
use crate::base::{Error, Reason};

const STYLE: &str = include_str!("style.css");
const TRY_SCRIPT: &str = include_str!("try.js");
const GRPC_WEB_SCRIPT: &str = include_str!("grpc-web.js");
const JAVASCRIPT: [(HeaderName, &str); 1] = [(header::CONTENT_TYPE, "text/javascript; charset=utf-8")];

/// Nothing from elsewhere, no script.
const POLICY: &str =
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// The same with scripts of this server, which call this server.
const POLICY_WITH_SCRIPTS: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'";

/// The console's routes over a view of the world, merged with the `guarded` ones, which answer under the same host names as the pages, and with
/// `further` public HTTP routes, which answer under any. Both share the port but not the pages' headers: each sets its own caching.
pub fn router(view: Arc<dyn View>, hosts: Hosts, guarded: Router, further: Router) -> Router {
    let hosts = Arc::new(hosts);
    Router::new()
        .route("/", get(overview))
        .route("/personas", get(personas))
        .route("/registries", get(registries))
        .route("/anchor.json", get(anchor))
        .route("/try", get(try_a_call))
        .route("/try.js", get(|| async { (JAVASCRIPT, TRY_SCRIPT) }))
        .route("/grpc-web.js", get(|| async { (JAVASCRIPT, GRPC_WEB_SCRIPT) }))
        .route(
            "/schema.json",
            get(|| async { ([(header::CONTENT_TYPE, "application/json")], schema::SCHEMA.as_str()) }),
        )
        .route("/style.css", get(|| async { ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], STYLE) }))
        .fallback(missing)
        .layer(axum::middleware::from_fn_with_state(hosts.clone(), hosts::check))
        .layer(axum::middleware::map_response(with_headers))
        .with_state(view)
        .merge(guarded.layer(axum::middleware::from_fn_with_state(hosts, hosts::check)))
        .merge(further)
}

/// Routes without the console's pages: the first ones answer under the `hosts` names alone, the second ones under any.
pub fn without_pages(hosts: Hosts, [guarded, further]: [Router; 2]) -> Router {
    guarded.layer(axum::middleware::from_fn_with_state(Arc::new(hosts), hosts::check)).merge(further)
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

async fn try_a_call(State(view): State<Arc<dyn View>>, headers: HeaderMap) -> impl IntoResponse {
    let page = Page::of(&headers).try_a_call(&view.facts()).into_string();
    ([(header::CONTENT_SECURITY_POLICY, POLICY_WITH_SCRIPTS)], Html(page))
}

async fn anchor(State(view): State<Arc<dyn View>>) -> impl IntoResponse {
    let headers = [
        (header::CONTENT_TYPE, "application/json"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"anchor.json\""),
    ];
    (headers, view.facts().anchor_json)
}

async fn missing(uri: Uri, headers: HeaderMap) -> Response {
    let (page, path) = (Page::of(&headers), uri.path().to_owned());
    let error = Error::new(Reason::NotFound, "there is nothing at this path").with_subject("path", "");
    let write = move |error: &Error, id| page.missing(&path, error.reason, id).into_string();
    refusal_as_page(StatusCode::NOT_FOUND, error, &headers, write)
}

/// Headers on every answer: nothing from elsewhere, no frames, no guessing of types, nothing kept by caches.
async fn with_headers(mut response: Response) -> Response {
    let headers = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    for (name, value) in headers {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    let policy = response.headers_mut().entry(header::CONTENT_SECURITY_POLICY);
    policy.or_insert(HeaderValue::from_static(POLICY));
    response
}

#[cfg(test)]
mod tests;
