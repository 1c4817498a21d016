//! The public HTTP routes, on the console's port.

use std::sync::Arc;

use axum::Router;

use super::assembly::Assembly;
use super::witnessing::Witnessing;
use crate::api::http;
use crate::api::http::sessions::SessionRoutes;
use crate::api::metrics::Metrics;
use crate::transparency::Logs;

/// The routes that answer under the console's own names alone.
pub(super) fn guarded(metrics: &Arc<Metrics>) -> Router {
    http::metrics::router(metrics.clone())
}

/// The routes of a registry host: metrics, guarded, and its logs.
pub(super) fn of_host(metrics: Arc<Metrics>, logs: Logs) -> [Router; 2] {
    [http::metrics::router(metrics), http::logs::router(logs, None)]
}

/// All other routes; each module adds its own with one `merge`.
pub(super) fn all(assembly: &Assembly, witnessing: &Witnessing, sessions: Option<Arc<dyn SessionRoutes>>) -> Router {
    let routes = of_world(assembly, Some(witnessing.province_key.clone()));
    match sessions {
        Some(sessions) => routes.merge(http::sessions::router(sessions)),
        None => routes,
    }
}

/// The routes of a session: no witness cosigns its logs.
pub(super) fn of_session(assembly: &Assembly) -> Router {
    of_world(assembly, None)
}

fn of_world(assembly: &Assembly, witness: Option<String>) -> Router {
    Router::new()
        .merge(http::logs::router(assembly.logs.clone(), witness))
        .merge(http::status_lists::router(assembly.province.status.clone()))
        .merge(http::issuers::router(assembly.province.anchor.clone(), assembly.province.status.clone()))
}
