//! The logs as plain files: C2SP tlog-tiles under `/logs/<name>/`.
//!
//! | path | what | type | kept by caches |
//! |---|---|---|---|
//! | `/logs/witness` | the verifier key with which the province cosigns the registries' heads | text | a second |
//! | `checkpoint` | the newest published signed note | text | a second |
//! | `tile/<L>/<N>[.p/<W>]` | hashes, which do not compress | bytes | for ever: they never change |
//! | `tile/entries/<N>[.p/<W>]` | entries, each after its length in 16 bits; compressed with gzip for clients that accept it | bytes | for ever |
//!
//! A path of another form is 400; a log, a tile or entries that are not there are 404. The evidence ledger has no entries here: they
//! say who read whose data. Nothing is personal in the others: statements commit to payloads with salted hashes. The public may read
//! from any page, so the answers carry CORS headers.

use std::io::Write as _;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::header::{self, HeaderName, HeaderValue};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::{BufMut, Bytes, BytesMut};
use flate2::Compression;
use flate2::write::GzEncoder;

use super::lines::admit_line;
use crate::base::{Error, Kind, Reason, Result, offload};
use crate::ledger::tile::TILE_WIDTH;
use crate::transparency::logs::{Logs, PublicLog};
use crate::transparency::path::TilePath;

const TEXT: &str = "text/plain; charset=utf-8";
const BYTES: &str = "application/octet-stream";
const FOR_EVER: &str = "public, max-age=31536000, immutable";
const A_SECOND: &str = "public, max-age=1";
const NOT_AT_ALL: &str = "no-store";

/// The routes of all logs; `witness` is the verifier key with which the province cosigns registries' heads, if it does.
pub fn router(logs: Logs, witness: Option<String>) -> Router {
    let cosigned = witness.map_or_else(Router::new, |witness| {
        let witness = move || async move { answer(TEXT, A_SECOND, format!("{witness}\n").into()) };
        Router::new().route("/logs/witness", get(witness))
    });
    cosigned
        .route("/logs/{name}/checkpoint", get(checkpoint))
        .route("/logs/{name}/tile/{*path}", get(tile))
        .with_state(Arc::new(logs))
}

async fn checkpoint(State(logs): State<Arc<Logs>>, Path(name): Path<String>) -> Response {
    match logs.find(&name) {
        Some(log) => log.shown().await.map_or_else(|error| refuse(&error), |(_, note)| answer(TEXT, A_SECOND, note)),
        None => refuse(&no_such_log()),
    }
}

async fn tile(State(logs): State<Arc<Logs>>, Path((name, path)): Path<(String, String)>, asked: HeaderMap) -> Response {
    let form = || Error::invalid_field("path", "FORMAT", "tile/<L>/<N>[.p/<W>] or tile/entries/<N>[.p/<W>]");
    let found = async {
        let path = TilePath::parse(&path).ok_or_else(form)?;
        Ok((path, read(&logs, &name, path).await?))
    };
    match found.await {
        Ok((TilePath::Tile { .. }, hashes)) => answer(BYTES, FOR_EVER, hashes),
        Ok((TilePath::Entries { .. }, bundle)) => compressed(bundle, accepts_gzip(&asked)).await,
        Err(error) => refuse(&error),
    }
}

/// Entries, compressed if the client accepts it.
async fn compressed(bundle: Bytes, with_gzip: bool) -> Response {
    let vary = (header::VARY, HeaderValue::from_static("accept-encoding"));
    if !with_gzip {
        return ([vary], answer(BYTES, FOR_EVER, bundle)).into_response();
    }
    let work = offload(move || {
        let mut gzip = GzEncoder::new(Vec::with_capacity(bundle.len()), Compression::fast());
        gzip.write_all(&bundle).and_then(|()| gzip.finish())
    });
    match work.await.and_then(|done| done.map_err(Error::bug)) {
        Ok(bytes) => {
            let encoding = (header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            ([vary, encoding], answer(BYTES, FOR_EVER, bytes.into())).into_response()
        }
        Err(error) => refuse(&error),
    }
}

/// Whether the client names gzip and does not forbid it (RFC 9110, section 12.5.3).
fn accepts_gzip(headers: &HeaderMap) -> bool {
    let named = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    named.flat_map(|value| value.split(',')).any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, "q=1"));
        let weight = weight.trim().strip_prefix("q=").and_then(|weight| weight.trim().parse::<f32>().ok());
        name.trim().eq_ignore_ascii_case("gzip") && weight.is_some_and(|weight| weight > 0.0)
    })
}

fn no_such_log() -> Error {
    Error::new(Reason::NotFound, "there is no such log").with_subject("log", "")
}

async fn read(logs: &Logs, name: &str, path: TilePath) -> Result<Bytes> {
    let log = logs.find(name).ok_or_else(no_such_log)?;
    let absent = || Error::new(Reason::NotFound, "the log has no such tile").with_subject("tile", path.write());
    match path {
        TilePath::Tile { id, width } => log.ledger.tile_row(id, width).await?.ok_or_else(absent),
        TilePath::Entries { index, width } if log.shows_entries => bundle(log, index, width).await?.ok_or_else(absent),
        TilePath::Entries { .. } => Err(absent()),
    }
}

/// An entry bundle; `None` when the log is shorter.
async fn bundle(log: &PublicLog, index: u64, width: usize) -> Result<Option<Bytes>> {
    let Some(first) = index.checked_mul(TILE_WIDTH as u64) else { return Ok(None) };
    let end = first.saturating_add(width as u64);
    if end > log.ledger.head().size {
        return Ok(None);
    }
    let entries = log.ledger.entries(first, width).await?;
    let mut bundle = BytesMut::with_capacity(entries.iter().map(|entry| entry.len() + 2).sum());
    for entry in entries {
        bundle.put_u16(entry.len().try_into().map_err(Error::bug)?);
        bundle.put_slice(&entry);
    }
    Ok(Some(bundle.freeze()))
}

fn answer(content: &'static str, kept: &'static str, body: Bytes) -> Response {
    (headers(content, kept), body).into_response()
}

fn refuse(error: &Error) -> Response {
    let status = match error.kind() {
        Kind::Invalid => StatusCode::BAD_REQUEST,
        Kind::Missing => StatusCode::NOT_FOUND,
        Kind::SourceDown | Kind::Late => StatusCode::SERVICE_UNAVAILABLE,
        _ => {
            if let Some(suppressed) = admit_line() {
                tracing::error!(%error, cause = ?error.source, suppressed, "a log cannot be read");
            }
            StatusCode::INTERNAL_SERVER_ERROR
        }
    };
    (status, headers(TEXT, NOT_AT_ALL), format!("{}\n", error.message)).into_response()
}

fn headers(content: &'static str, kept: &'static str) -> HeaderMap {
    let headers = [
        (header::CONTENT_TYPE, content),
        (header::CACHE_CONTROL, kept),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (HeaderName::from_static("cross-origin-resource-policy"), "cross-origin"),
    ];
    headers.into_iter().map(|(name, value)| (name, HeaderValue::from_static(value))).collect()
}
