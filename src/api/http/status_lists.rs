//! Status lists over HTTP, where the URI in credentials leads: `/status/<issuer>/<record type>` (draft-ietf-oauth-status-list,
//! section 8). Public; any page may read them, refusals too.
//!
//! | request | answer |
//! |---|---|
//! | plain | 200, the signed list as `application/statuslist+jwt` |
//! | `If-None-Match` with the list's tag, weak or strong | 304: the comparison is the weak one (RFC 9110, section 13.1.2) |
//! | `Accept` that leaves `application/statuslist+jwt` out, as one for CWTs does | 406 |
//! | `?time=…`: the list of another time | 501: lists of the past are not kept, and today's would not be the truth |
//! | a list that is not there | 404 |

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::http::header::{self, HeaderMap, HeaderValue};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use bytes::Bytes;

use super::answer::{refusal_as, status_of, with_headers};
use crate::base::{Error, Reason, Result};
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
    RawQuery(query): RawQuery,
    asked: HeaderMap,
) -> Response {
    let published = match find(&lists, &issuer, &schema).await {
        Ok(published) => published,
        Err(error) => return refuse(None, error),
    };
    if asks_for_a_time(query.as_deref().unwrap_or_default()) {
        let message = "lists of the past are not kept: ask without `time`";
        return refuse(Some(StatusCode::NOT_IMPLEMENTED), Error::new(Reason::InvalidRequest, message));
    }
    if !accepts(&asked) {
        let message = "a status list comes as application/statuslist+jwt";
        return refuse(Some(StatusCode::NOT_ACCEPTABLE), Error::new(Reason::InvalidRequest, message));
    }
    answer(&published, &asked)
}

async fn find(lists: &StatusLists, issuer: &str, schema: &str) -> Result<Arc<Published>> {
    let published = lists.get(schema).await?;
    if published.claims.issuer != issuer {
        return Err(Error::new(Reason::NotFound, "the issuer has no such list"));
    }
    Ok(published)
}

fn asks_for_a_time(query: &str) -> bool {
    query.split('&').any(|pair| pair.split('=').next() == Some("time"))
}

/// Whether the client takes the list's media type: what the most specific of its ranges that match says (RFC 9110, section 12.5.1).
/// A client that names no range accepts any.
fn accepts(asked: &HeaderMap) -> bool {
    let named = asked.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let mut ranges =
        named.flat_map(|value| value.split(',')).map(str::trim).filter(|range| !range.is_empty()).peekable();
    if ranges.peek().is_none() {
        return true;
    }
    let matching = ranges.filter_map(|range| {
        let mut parts = range.split(';').map(str::trim);
        let precision = ["*/*", "application/*", TYPE]
            .iter()
            .position(|known| parts.clone().next().is_some_and(|name| name.eq_ignore_ascii_case(known)))?;
        let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
        // An invalid weight is ignored.
        let weight = weight.and_then(|weight| weight.parse::<f32>().ok()).unwrap_or(1.0);
        Some((precision, weight > 0.0))
    });
    matching.max().is_some_and(|(_, takes)| takes)
}

/// Whether the client has the list already: a copy made on the way, for example by compressing, has a weak tag.
fn has(asked: &HeaderMap, tag: &str) -> bool {
    let named = asked.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let mut tags = named.flat_map(|value| value.split(',')).map(str::trim);
    tags.any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag)
}

/// A list's signed token, as the bytes of an answer.
struct Token(Arc<str>);

impl AsRef<[u8]> for Token {
    fn as_ref(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

fn answer(published: &Published, asked: &HeaderMap) -> Response {
    let tag = format!("\"{}\"", published.digest);
    let mut response = match has(asked, &tag) {
        true => StatusCode::NOT_MODIFIED.into_response(),
        // Shared: however many clients are slow to read it, there is one list.
        false => Bytes::from_owner(Token(published.token.clone())).into_response(),
    };
    for (name, value) in [(header::ETAG, tag), (header::CACHE_CONTROL, format!("public, max-age={TTL_S}"))] {
        if let Ok(value) = HeaderValue::try_from(value) {
            response.headers_mut().insert(name, value);
        }
    }
    with_headers(
        response,
        [
            (header::CONTENT_TYPE, TYPE),
            (header::VARY, "accept"),
            (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        ],
    )
}

/// A refusal that any page may read.
fn refuse(status: Option<StatusCode>, error: Error) -> Response {
    let answer = refusal_as(status.unwrap_or_else(|| status_of(error.kind())), error);
    with_headers(answer, [(header::VARY, "accept"), (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*")])
}
