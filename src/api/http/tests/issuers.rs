//! Where a credential's issuer leads: the keys of the trust anchor, under the name that the credential has for the issuer.

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::status_lists::lists;
use crate::api::http;
use crate::base::id::to_hex;
use crate::keys::anchors::AnchorBoard;
use crate::transparency::tests::world::anchor;
use crate::trust::anchor::KeyState;
use crate::trust::credential::issuer_name;
use crate::trust::jose::from_jwk;

async fn get(app: &Router, path: &str) -> (StatusCode, Value) {
    let request = Request::get(path).body(Body::empty()).expect("a request");
    let (parts, body) = app.clone().oneshot(request).await.expect("answered").into_parts();
    assert_eq!(parts.headers[header::ACCESS_CONTROL_ALLOW_ORIGIN], "*", "{path}");
    assert_eq!(parts.headers[header::CONTENT_TYPE], "application/json", "{path}");
    let body = axum::body::to_bytes(body, 1 << 20).await.expect("whole");
    (parts.status, serde_json::from_slice(&body).expect("JSON"))
}

#[tokio::test]
async fn an_issuer_leads_to_its_keys_in_use() {
    for (served_at, base, path) in [
        (Some("https://a.example/"), Some("https://a.example"), ""),
        (Some("https://a.example/b/c"), Some("https://a.example/b/c"), "b/c/"),
        (Some("http://127.0.0.1:50052"), None, ""),
        (None, None, ""),
    ] {
        let lists = lists().await;
        if let Some(url) = served_at {
            lists.serve_at(url);
        }
        let mut anchor = anchor();
        let spare = anchor.issuers[0].keys[0].clone();
        let board = AnchorBoard::new(std::slice::from_ref(&anchor), None).expect("a board");
        let app = http::issuers::router(board.clone(), lists);
        for issuer in &anchor.issuers {
            let (status, found) = get(&app, &format!("/.well-known/jwt-vc-issuer/{path}{}", issuer.origin)).await;
            assert_eq!((status, &found["issuer"]), (StatusCode::OK, &json!(issuer_name(&issuer.origin, base))));
            let keys = found["jwks"]["keys"].as_array().expect("keys");
            assert_eq!(keys.len(), issuer.keys.len());
            for (jwk, key) in keys.iter().zip(&issuer.keys) {
                assert_eq!(from_jwk(jwk), Ok(key.key.clone()));
                assert_eq!((&jwk["kid"], &jwk["use"]), (&json!(to_hex(&key.key.id())), &json!("sig")));
            }
        }
        for other in ["lienthong/H27/nobody", "x/lienthong/H27/land", "land"] {
            assert_eq!(
                get(&app, &format!("/.well-known/jwt-vc-issuer/{other}")).await.0,
                StatusCode::NOT_FOUND,
                "{other}"
            );
        }
        // a key that goes out of use is gone with the next version
        anchor.version += 1;
        anchor.issuers[0].keys[0].state = KeyState::Rotated { event_index: 7 };
        board.publish(board.prepare(&anchor).expect("writes"));
        let (_, found) = get(&app, &format!("/.well-known/jwt-vc-issuer/{path}{}", anchor.issuers[0].origin)).await;
        let keys = found["jwks"]["keys"].as_array().expect("keys");
        assert!(keys.iter().all(|jwk| jwk["kid"] != to_hex(&spare.key.id())), "{found}");
    }
}

#[tokio::test]
async fn a_credentials_type_has_its_claims() {
    let app = http::issuers::router(AnchorBoard::new(&[anchor()], None).expect("a board"), lists().await);
    let (status, found) = get(&app, "/vct/land.parcel.v1").await;
    assert_eq!((status, &found["vct"]), (StatusCode::OK, &json!("urn:lienthong:vct:land.parcel.v1")));
    let claims = found["claims"].as_array().expect("claims");
    assert!(claims.iter().any(|claim| claim["path"] == json!(["record", "area_m2"])), "{found}");
    assert_eq!(get(&app, "/vct/land.parcel.v9").await.0, StatusCode::NOT_FOUND);
}
