//! The public files of sessions: the counterparts of `/logs`, `/status` and `/.well-known` are under `/sessions/<id>/`.

use std::sync::Arc;

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::Uri;
use axum::response::Response;
use axum::routing::get;
use tower::ServiceExt as _;

use super::answer::refusal;
use crate::base::{Error, Reason, Result};

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
        Err(error) => return refusal(error),
    };
    let (mut parts, _) = request.into_parts();
    let query = parts.uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    // The path was taken apart and decoded: one that is none any more is of no file.
    let Ok(uri) = format!("/{path}{query}").parse::<Uri>() else {
        return refusal(Error::new(Reason::NotFound, "there is no such file").with_subject("file", ""));
    };
    parts.uri = uri;
    // The outer path's parameters are among them, and would be taken for the inner one's.
    parts.extensions.clear();
    match routes.oneshot(Request::from_parts(parts, Body::empty())).await {
        Ok(answer) => answer,
        Err(never) => match never {},
    }
}
