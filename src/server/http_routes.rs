//! The public HTTP routes, on the console's port.

use axum::Router;

use super::assembly::Assembly;
use super::witnessing::Witnessing;
use crate::api::http;

/// All routes; each module adds its own with one `merge`.
pub(super) fn all(assembly: &Assembly, witnessing: &Witnessing) -> Router {
    let key = witnessing.province_key.clone();
    Router::new()
        .merge(http::logs::router(assembly.logs.clone(), key))
        .merge(http::status_lists::router(assembly.province.status.clone()))
        .merge(http::issuers::router(assembly.province.anchor.clone(), assembly.province.status.clone()))
        .merge(http::metrics::router(assembly.gateway.metrics.clone()))
}
