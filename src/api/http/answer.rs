//! How requests for pages and files are answered: one layer over all routes of the console's port, as
//! [`admission`](crate::api::admission) is one in front of all calls.
//!
//! ```text
//! request ─▶ id ─▶ route: an answer, a refusal with its error, or a panic ─▶ memory ─▶ refusal in words ─▶ id in the headers ─▶ metric, log line
//! ```
//!
//! A refusal has the reason of its error, the message in the caller's language, and the id, in plain text; in JSON where the route speaks JSON, and as a
//! page where a browser asked for one. A refusal by the framework (no route, another method) gets the same. A log line
//! names the route and never the path, in which a personal ID may be. Calls by gRPC-Web pass through: admission has answered them.

#![allow(clippy::disallowed_methods, reason = "durations are measured")]

use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{self, HeaderName, HeaderValue};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use serde_json::json;

use crate::api::Edge;
use crate::api::admission::{Capacity, FileReader};
use crate::api::language::language_of;
use crate::api::lines;
use crate::api::metrics::Metrics;
use crate::api::panic::caught;
use crate::api::request_id::{REQUEST_ID, client_ids, give_back, mark_headers};
use crate::api::status::in_vietnamese;
use crate::base::time::Instant;
use crate::base::{ClientIds, Error, Kind, Language, Reason, RequestId};

/// The name of requests that no route matches.
const NO_ROUTE: &str = "none";
const TEXT: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";
const HTML: &str = "text/html; charset=utf-8";

/// The HTTP status of a kind: those of the gRPC codes of `api::status` in google/rpc/code.proto, "HTTP Mapping".
pub fn status_of(kind: Kind) -> StatusCode {
    match kind {
        Kind::Invalid | Kind::WrongState => StatusCode::BAD_REQUEST,
        Kind::Unauthenticated => StatusCode::UNAUTHORIZED,
        Kind::Denied => StatusCode::FORBIDDEN,
        Kind::Missing => StatusCode::NOT_FOUND,
        Kind::Exists | Kind::Stale => StatusCode::CONFLICT,
        Kind::Limited => StatusCode::TOO_MANY_REQUESTS,
        Kind::SourceDown => StatusCode::SERVICE_UNAVAILABLE,
        Kind::Late => StatusCode::GATEWAY_TIMEOUT,
        Kind::Unimplemented => StatusCode::NOT_IMPLEMENTED,
        Kind::Corrupt | Kind::Bug => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// The refusal of a request, under the status of the error's kind.
pub fn refusal(error: Error) -> Response {
    refusal_as(status_of(error.kind()), error)
}

/// The refusal of a request, under a status that is HTTP's own.
pub fn refusal_as(status: StatusCode, error: Error) -> Response {
    Form::Text.refusal(status, error)
}

/// The refusal of a request to a route that speaks JSON.
pub fn refusal_in_json(error: Error) -> Response {
    Form::Json.refusal(status_of(error.kind()), error)
}

/// The refusal of a request for a page: what `write` writes, for a client that accepts HTML as browsers do; text for others.
pub fn refusal_as_page(
    status: StatusCode,
    error: Error,
    asked: &HeaderMap,
    write: impl Fn(&Error, Option<RequestId>) -> String + Send + Sync + 'static,
) -> Response {
    let mut accepted = asked.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let form = if accepted.any(|value| value.contains("text/html")) { Form::Page(Arc::new(write)) } else { Form::Text };
    let mut answer = form.refusal(status, error);
    answer.headers_mut().append(header::VARY, HeaderValue::from_static("accept"));
    answer
}

/// Writes a page about an error; the id is known in the layer.
type WritePage = dyn Fn(&Error, Option<RequestId>) -> String + Send + Sync;

/// The form of a refusal's body.
#[derive(Clone)]
enum Form {
    Text,
    /// `error`, `error_description` (RFC 6749, section 5.2) and `request_id`.
    Json,
    Page(Arc<WritePage>),
}

/// The error behind a refusal, for the layer.
#[derive(Clone)]
struct Refused(Form, Arc<Error>);

impl Form {
    fn refusal(self, status: StatusCode, error: Error) -> Response {
        let content = match self {
            Self::Text => TEXT,
            Self::Json => JSON,
            Self::Page(_) => HTML,
        };
        let headers = [
            (header::CONTENT_TYPE, HeaderValue::from_static(content)),
            (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
            (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        ];
        let mut answer = (status, headers, self.body(&error, Language::English, None)).into_response();
        if let Some(wait) = wait(&error) {
            answer.headers_mut().insert(header::RETRY_AFTER, wait);
        }
        answer.extensions_mut().insert(Refused(self, Arc::new(error)));
        answer
    }

    /// The body of a refusal; the id is known in the layer.
    fn body(&self, error: &Error, language: Language, id: Option<RequestId>) -> String {
        let message = match language {
            Language::English => error.message.clone(),
            Language::Vietnamese => in_vietnamese(error),
        };
        let reason = error.reason.as_str();
        match self {
            Self::Text => {
                let id = id.map(|id| format!("request: {id}\n")).unwrap_or_default();
                format!("{reason}: {message}\n{id}")
            }
            Self::Json => {
                let id = id.map(|id| id.to_string());
                json!({ "error": reason, "error_description": message, "request_id": id }).to_string()
            }
            Self::Page(write) => write(error, id),
        }
    }
}

/// The seconds after which a repetition makes sense (RFC 9110, section 10.2.3).
fn wait(error: &Error) -> Option<HeaderValue> {
    let waits = matches!(error.kind(), Kind::Limited | Kind::SourceDown);
    waits.then(|| HeaderValue::from(error.retry_after.unwrap_or_default().as_secs() + 1))
}

/// The state of the layer.
pub struct Answering {
    edge: Edge,
    metrics: Arc<Metrics>,
    capacity: Arc<Capacity>,
}

impl Answering {
    /// Ids and the log are of `edge`, counters in `metrics`; unsent answers take from `capacity`.
    pub fn new(edge: Edge, metrics: Arc<Metrics>, capacity: Arc<Capacity>) -> Arc<Self> {
        Arc::new(Self { edge, metrics, capacity })
    }
}

/// A request as the layer knows it.
struct Asked {
    begun: Instant,
    /// The pattern of the route, of which there are few.
    route: String,
    language: Language,
    client: ClientIds,
    id: RequestId,
}

/// Answers a request by its route.
pub async fn answer(State(answering): State<Arc<Answering>>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map_or(NO_ROUTE, MatchedPath::as_str).to_owned();
    let asked = Asked {
        begun: Instant::now(),
        route,
        language: language_of(request.headers()),
        client: client_ids(request.headers()),
        id: answering.edge.ids().beside(answering.edge.now()),
    };
    let reader = FileReader::of(&request);
    let mut answer = caught(next.run(request)).await.unwrap_or_else(refusal);
    if answer.headers().contains_key(REQUEST_ID) {
        return answer; // a call
    }
    answer = match answer.extensions().get::<Refused>() {
        None if answer.status().as_u16() >= 400 => by_framework(answer),
        None => answering.capacity.hold_file(&reader, answer).unwrap_or_else(refusal),
        Some(_) => answer,
    };
    let refused = answer.extensions_mut().remove::<Refused>();
    if let Some(Refused(form, error)) = &refused {
        answer = in_words(answer, form, error, &asked);
    }
    mark_headers(answer.headers_mut(), asked.id);
    give_back(answer.headers_mut(), &asked.client, asked.id);
    answering.note(&asked, answer.status(), refused.as_ref().map(|Refused(_, error)| &**error));
    answer
}

/// A refusal by the framework, which names no reason: there is no route, or the route takes other methods or other paths.
fn by_framework(answer: Response) -> Response {
    let status = answer.status();
    let error = match status {
        StatusCode::NOT_FOUND => Error::new(Reason::NotFound, "there is nothing at this path").with_subject("path", ""),
        StatusCode::METHOD_NOT_ALLOWED => {
            Error::new(Reason::InvalidRequest, "this path takes other methods: the header `allow` names them")
        }
        status if status.is_client_error() => {
            Error::new(Reason::InvalidRequest, "the request is not one that this path takes")
        }
        status => Error::bug(format!("the framework answered {status}")),
    };
    let (refusal, body) = refusal_as(status, error).into_parts();
    let (mut parts, _) = answer.into_parts();
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.extend(refusal.headers);
    parts.extensions.extend(refusal.extensions);
    Response::from_parts(parts, body)
}

/// A refusal with its id, in the caller's language.
fn in_words(answer: Response, form: &Form, error: &Error, asked: &Asked) -> Response {
    let (mut parts, _) = answer.into_parts();
    parts.headers.remove(header::CONTENT_LENGTH);
    let language = if asked.language == Language::Vietnamese { "vi" } else { "en" };
    parts.headers.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(language));
    parts.headers.append(header::VARY, HeaderValue::from_static("accept-language"));
    Response::from_parts(parts, form.body(error, asked.language, Some(asked.id)).into())
}

impl Answering {
    /// Counts an answer, and logs it.
    fn note(&self, asked: &Asked, status: StatusCode, refused: Option<&Error>) {
        let Asked { begun, ref route, ref client, id, .. } = *asked;
        let took = begun.elapsed();
        self.metrics.requested(route, status.as_str(), took);
        let (elapsed_us, code) = (took.as_micros() as u64, status.as_u16());
        let (client_request, trace) = (client.request_id(), client.trace_id());
        let outcome = refused.map_or("", |error| error.reason.as_str());
        match refused {
            Some(error) if error.kind() == Kind::Bug => {
                if let Some(suppressed) = lines::of_fault() {
                    let cause = error.source.as_deref().map(ToString::to_string).unwrap_or_default();
                    tracing::error!(route, code, request = %id, client_request, trace, elapsed_us, cause, suppressed, "defect");
                }
            }
            _ if code >= 400 => {
                if let Some(suppressed) = lines::of_refusal() {
                    tracing::info!(route, code, request = %id, client_request, trace, outcome, elapsed_us, suppressed, "not served");
                }
            }
            _ => tracing::debug!(route, code, request = %id, client_request, trace, elapsed_us),
        }
        if let Some(error) = refused {
            self.edge.note_damage(route, id, error);
        }
    }
}

/// Adds headers to an answer, in place of its own of the same names.
pub(super) fn with_headers<const N: usize>(mut answer: Response, headers: [(HeaderName, &'static str); N]) -> Response {
    let headers: HeaderMap = headers.into_iter().map(|(name, value)| (name, HeaderValue::from_static(value))).collect();
    answer.headers_mut().extend(headers);
    answer
}
