//! The public files of sessions: the counterparts of `/logs`, `/status` and `/.well-known` are under `/sessions/<id>/`.

use std::sync::Arc;

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use tower::ServiceExt as _;

use crate::base::{Reason, Result};

/// The session whose files they are.
#[async_trait]
pub trait SessionRoutes: Send + Sync + 'static {
    /// The routes of a session, as they are outside.
    async fn routes(&self, id: &str) -> Result<Router>;
}

/// The routes of all sessions.
pub fn router(sessions: Arc<dyn SessionRoutes>) -> Router {
    Router::new().route("/sessions/{id}/{*path}", get(file)).with_state(sessions)
}

async fn file(
    State(sessions): State<Arc<dyn SessionRoutes>>,
    Path((id, path)): Path<(String, String)>,
    request: Request,
) -> Response {
    let routes = match sessions.routes(&id).await {
        Ok(routes) => routes,
        Err(error) if error.reason == Reason::SessionUnknown => {
            return (StatusCode::NOT_FOUND, "there is no such session, or it has ended\n").into_response();
        }
        Err(error) => {
            tracing::error!(%error, "a session cannot be opened");
            return (StatusCode::SERVICE_UNAVAILABLE, "the session cannot be opened\n").into_response();
        }
    };
    let (mut parts, _) = request.into_parts();
    let query = parts.uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    // The path was taken apart and decoded: one that is none any more is of no file.
    let Ok(uri) = format!("/{path}{query}").parse::<Uri>() else {
        return (StatusCode::NOT_FOUND, "there is no such file\n").into_response();
    };
    parts.uri = uri;
    // The outer path's parameters are among them, and would be taken for the inner one's.
    parts.extensions.clear();
    match routes.oneshot(Request::from_parts(parts, Body::empty())).await {
        Ok(answer) => answer,
        Err(never) => match never {},
    }
}
