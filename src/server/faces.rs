//! The HTTP faces that stand beside the console's pages, on its port: what is served as plain files to anyone who asks.

use axum::Router;

use super::parts::Parts;
use super::witnessing::Witnessing;
use crate::api::http;

/// The routes of all faces; each face adds its own with one `merge`.
pub(super) fn all(parts: &Parts, witnessing: &Witnessing) -> Router {
    let key = witnessing.province_key.clone();
    Router::new()
        .merge(http::logs::router(parts.logs.clone(), key))
        .merge(http::status_lists::router(parts.status.clone()))
        .merge(http::issuers::router(parts.anchor.clone(), parts.status.clone()))
        .merge(http::metrics::router(parts.metrics.clone()))
}
