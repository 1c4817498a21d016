//! The witness's HTTP route: `POST /add-checkpoint` (C2SP tlog-witness).

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use bytes::Bytes;

use crate::base::offload;
use crate::transparency::witness::request::BODY_BYTES_MAX;
use crate::transparency::witness::{Refusal, Witness};

const TEXT: &str = "text/plain; charset=utf-8";
/// The body is a size, which the caller may go on from.
const SIZE: &str = "text/x.tlog.size";

/// The routes of a witness; `/` answers its verifier key.
pub fn router(witness: Arc<Witness>, vkey: String) -> Router {
    let key = move || async move { ([(header::CONTENT_TYPE, TEXT)], format!("{vkey}\n")) };
    Router::new()
        .route("/", get(key))
        .route("/add-checkpoint", post(add_checkpoint))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(witness)
}

async fn add_checkpoint(State(witness): State<Arc<Witness>>, body: Bytes) -> Response {
    // It waits for the disk.
    let answered = offload(move || witness.add_checkpoint(&body)).await;
    let plain = |status, text: String| (status, [(header::CONTENT_TYPE, TEXT)], format!("{text}\n")).into_response();
    let size = |size: u64| (StatusCode::CONFLICT, [(header::CONTENT_TYPE, SIZE)], format!("{size}\n")).into_response();
    match answered {
        Ok(Ok(line)) => (StatusCode::OK, [(header::CONTENT_TYPE, TEXT)], line).into_response(),
        Ok(Err(Refusal::Malformed(why))) => plain(StatusCode::BAD_REQUEST, why),
        Ok(Err(Refusal::NotSigned(why))) => plain(StatusCode::FORBIDDEN, why),
        Ok(Err(Refusal::Expired(at))) => {
            tracing::warn!(%at, "the trust anchor has expired: nothing is cosigned until there is a newer one");
            plain(StatusCode::FORBIDDEN, format!("the witness's trust anchor expired at {at}"))
        }
        Ok(Err(Refusal::UnknownLog(why))) => plain(StatusCode::NOT_FOUND, why),
        Ok(Err(Refusal::OtherSize(known))) => size(known),
        Ok(Err(Refusal::SplitView(known))) => plain(
            StatusCode::UNPROCESSABLE_ENTITY,
            format!("another tree of {known} entries was cosigned; both are kept"),
        ),
        Ok(Err(Refusal::Inconsistent(why))) => plain(StatusCode::UNPROCESSABLE_ENTITY, why),
        Ok(Err(Refusal::Failed(error))) => {
            tracing::error!(%error, cause = ?error.source, "the witness's memory cannot be used");
            plain(StatusCode::INTERNAL_SERVER_ERROR, "the witness's memory cannot be used".into())
        }
        Err(error) => {
            tracing::error!(%error, "a request ended early");
            plain(StatusCode::INTERNAL_SERVER_ERROR, "internal error".into())
        }
    }
}
