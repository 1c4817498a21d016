//! The HTTP faces that stand beside the console's pages, on its port: what is served as plain files to anyone who asks.

use axum::Router;

use super::assembly::Assembly;
use super::witnessing::Witnessing;
use crate::api::http;

/// The routes of all faces; each face adds its own with one `merge`.
pub(super) fn all(assembly: &Assembly, witnessing: &Witnessing) -> Router {
    let key = witnessing.province_key.clone();
    Router::new()
        .merge(http::logs::router(assembly.logs.clone(), key))
        .merge(http::status_lists::router(assembly.province.status.clone()))
        .merge(http::issuers::router(assembly.province.anchor.clone(), assembly.province.status.clone()))
        .merge(http::metrics::router(assembly.gateway.metrics.clone()))
}
