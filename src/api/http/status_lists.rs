//! Status lists over HTTP, where the URI in credentials leads: `/status/<issuer>/<record type>` (draft-ietf-oauth-status-list,
//! section 8). Public; any page may read them.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::header::{self, HeaderMap, HeaderValue};
use axum::http::{StatusCode, header::HeaderName};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::base::{Error, Kind, Reason, Result};
use crate::province::status::{Published, StatusLists, TTL_S};

/// The media type of status list tokens.
const TYPE: &str = "application/statuslist+jwt";

/// The route of all lists.
pub fn router(lists: Arc<StatusLists>) -> Router {
    Router::new().route("/status/{issuer}/{schema}", get(list)).with_state(lists)
}

async fn list(
    State(lists): State<Arc<StatusLists>>,
    Path((issuer, schema)): Path<(String, String)>,
    asked: HeaderMap,
) -> Response {
    match find(&lists, &issuer, &schema).await {
        Ok(published) => answer(&published, &asked),
        Err(error) => refuse(&error),
    }
}

async fn find(lists: &StatusLists, issuer: &str, schema: &str) -> Result<Arc<Published>> {
    let published = lists.get(schema).await?;
    if published.claims.issuer != issuer {
        return Err(Error::new(Reason::NotFound, "the issuer has no such list"));
    }
    Ok(published)
}

fn answer(published: &Published, asked: &HeaderMap) -> Response {
    let tag = format!("\"{}\"", published.digest);
    let known = asked.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let is_known = known.flat_map(|value| value.split(',')).any(|known| known.trim() == tag || known.trim() == "*");
    let mut response = match is_known {
        true => StatusCode::NOT_MODIFIED.into_response(),
        false => published.token.to_string().into_response(),
    };
    let cached = format!("public, max-age={TTL_S}");
    for (name, value) in [(header::CONTENT_TYPE, TYPE), (header::CACHE_CONTROL, &cached), (header::ETAG, &tag)] {
        put(&mut response, name, value);
    }
    put(&mut response, header::ACCESS_CONTROL_ALLOW_ORIGIN, "*");
    put(&mut response, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    response
}

fn put(response: &mut Response, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

fn refuse(error: &Error) -> Response {
    let code = match error.kind() {
        Kind::Missing => StatusCode::NOT_FOUND,
        Kind::Limited | Kind::SourceDown | Kind::Late => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    let text = format!("{}: {}\n", error.reason.as_str(), error.message);
    (code, [(header::CACHE_CONTROL, "no-store")], text).into_response()
}
