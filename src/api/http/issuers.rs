//! Who issued a credential, for programs that know no trust anchor: the issuer's keys where its `iss` leads
//! (draft-ietf-oauth-sd-jwt-vc, "Issuer Metadata"), and what a credential of a type holds ("Type Metadata"). Public; any page may read them.
//!
//! | path | what |
//! |---|---|
//! | `/.well-known/jwt-vc-issuer/<path of iss>` | `issuer` and `jwks`: the keys that the newest trust anchor has in use |
//! | `/vct/<record type>` | the type's `vct`, and each claim of `record` |
//!
//! A verifier with this alone trusts the host. Records are still verified with the trust anchor.

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::{Value, json};
use std::sync::Arc;

use super::lines::admit_line;
use crate::base::id::to_hex;
use crate::keys::anchors::AnchorBoard;
use crate::province::status::StatusLists;
use crate::registry::rule::Field;
use crate::trust::TrustAnchor;
use crate::trust::anchor::{IssuerAnchor, KeyState};
use crate::trust::credential::{VCT_PREFIX, issuer_name};
use crate::trust::jose::{algorithm_name, to_jwk};

/// Keys that went out of use are gone from caches after this.
const KEPT: &str = "public, max-age=60";

/// Both routes. `lists` know the public URL.
pub fn router(anchors: AnchorBoard, lists: Arc<StatusLists>) -> Router {
    Router::new()
        .route("/.well-known/jwt-vc-issuer/{*path}", get(issuer))
        .route("/vct/{schema}", get(credential_type))
        .with_state((anchors, lists))
}

type Facts = State<(AnchorBoard, Arc<StatusLists>)>;

async fn issuer(State((anchors, lists)): Facts, Path(path): Path<String>) -> Response {
    let anchor = match TrustAnchor::from_json(anchors.newest().json.as_bytes()) {
        Ok(anchor) => anchor,
        Err(error) => {
            if let Some(suppressed) = admit_line() {
                tracing::error!(%error, suppressed, "the trust anchor that is handed out does not read");
            }
            return answer(StatusCode::INTERNAL_SERVER_ERROR, &json!({ "error": "internal error" }));
        }
    };
    let base = lists.public_url();
    // The well-known part goes between the host and the path of the issuer's URL.
    let path_of = |name: &str| match name.strip_prefix("https://").and_then(|rest| rest.split_once('/')) {
        Some((_, path)) => path.to_owned(),
        None => name.to_owned(),
    };
    let named = anchor.issuers.iter().map(|issuer| (issuer, issuer_name(&issuer.origin, base)));
    match named.into_iter().find(|(_, name)| path_of(name) == path) {
        Some((issuer, name)) => answer(StatusCode::OK, &json!({ "issuer": name, "jwks": { "keys": keys(issuer) } })),
        None => answer(StatusCode::NOT_FOUND, &json!({ "error": "no such issuer" })),
    }
}

fn keys(issuer: &IssuerAnchor) -> Vec<Value> {
    let in_use = issuer.keys.iter().filter(|key| key.state == KeyState::Active);
    let jwk = |key: &crate::trust::anchor::KeyRecord| {
        let mut jwk = to_jwk(&key.key);
        jwk["kid"] = to_hex(&key.key.id()).into();
        jwk["alg"] = algorithm_name(key.key.algorithm()).into();
        jwk["use"] = "sig".into();
        jwk
    };
    in_use.map(jwk).collect()
}

async fn credential_type(State((_, lists)): Facts, Path(schema): Path<String>) -> Response {
    let Some(record_type) = lists.catalogue().record_type(&schema) else {
        return answer(StatusCode::NOT_FOUND, &json!({ "error": "no such record type" }));
    };
    let claim = |field: &Field| json!({ "path": ["record", field.name], "sd": "always", "mandatory": field.required });
    let claims: Vec<Value> = record_type.fields.iter().map(claim).collect();
    let mut description = format!("A record of the registry {}", record_type.registry);
    if let Some(message) = &record_type.message {
        description.extend([", as ", message]);
    }
    answer(
        StatusCode::OK,
        &json!({
            "vct": format!("{VCT_PREFIX}{}", record_type.name),
            "name": &*record_type.name,
            "description": description,
            "claims": claims,
        }),
    )
}

fn answer(status: StatusCode, value: &Value) -> Response {
    let kept = if status == StatusCode::OK { KEPT } else { "no-store" };
    let headers = [
        (header::CONTENT_TYPE, "application/json"),
        (header::CACHE_CONTROL, kept),
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (status, headers, value.to_string()).into_response()
}
