//! The tlog-tiles paths: bytes, types, caching, and what is refused how.

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use bytes::Bytes;
use tower::ServiceExt as _;

use super::world::World;
use crate::transparency::{Logs, http};
use crate::trust::merkle::hash_leaf;

async fn get(logs: &Logs, path: &str) -> (StatusCode, axum::http::HeaderMap, Bytes) {
    let request = Request::get(path).body(Body::empty()).expect("a request");
    let (parts, body) = http::router(logs.clone(), "key".into()).oneshot(request).await.expect("answered").into_parts();
    (parts.status, parts.headers, axum::body::to_bytes(body, 1 << 24).await.expect("whole"))
}

#[tokio::test]
async fn tiles_bundles_and_checkpoint_fit_together() {
    let mut world = World::new().await;
    world.grow(7, 99).await;
    let logs = &world.logs;
    let (status, headers, note) = get(logs, "/logs/records/checkpoint").await;
    assert_eq!((status, &note), (StatusCode::OK, &world.ledger.head().note));
    assert_eq!(headers[header::CONTENT_TYPE], "text/plain; charset=utf-8");
    assert_eq!(headers[header::CACHE_CONTROL], "public, max-age=1");
    for (tile, width) in [("000", 256_usize), ("001", 256), ("002.p/188", 188), ("002.p/7", 7), ("000.p/9", 9)] {
        let (status, headers, hashes) = get(logs, &format!("/logs/records/tile/0/{tile}")).await;
        assert_eq!((status, hashes.len()), (StatusCode::OK, width * 32), "{tile}");
        assert_eq!(headers[header::CONTENT_TYPE], "application/octet-stream");
        assert_eq!(headers[header::CACHE_CONTROL], "public, max-age=31536000, immutable");
        let (_, _, mut bundle) = get(logs, &format!("/logs/records/tile/entries/{tile}")).await;
        for hash in hashes.chunks(32) {
            let length = usize::from(u16::from_be_bytes([bundle[0], bundle[1]]));
            assert_eq!(hash_leaf(&bundle[2..2 + length]), hash);
            bundle = bundle.split_off(2 + length);
        }
        assert!(bundle.is_empty());
    }
    let (status, _, above) = get(logs, "/logs/records/tile/1/000.p/2").await;
    assert_eq!((status, above.len()), (StatusCode::OK, 64));
}

#[tokio::test]
async fn what_is_not_there_is_missing_and_what_is_no_path_is_refused() {
    let mut world = World::new().await;
    world.grow(3, 99).await;
    let mut logs = world.logs.clone();
    let missing = StatusCode::NOT_FOUND;
    for path in [
        "other/checkpoint",
        "records/tile/0/001.p/45",
        "records/tile/0/001",
        "records/tile/1/000",
        "records/tile/9/000.p/1",
        "records/tile/entries/001",
        "records/tile/entries/x018/x446/x744/x073/x709/x551/615",
        "records/other",
    ] {
        assert_eq!(get(&logs, &format!("/logs/{path}")).await.0, missing, "{path}");
    }
    for path in ["0/0", "64/000", "0/000.p/256", "entries/000.p/0", "x/000", "0/x000/001", "data/000"] {
        let (status, headers, _) = get(&logs, &format!("/logs/records/tile/{path}")).await;
        assert_eq!(
            (status, &headers[header::CACHE_CONTROL]),
            (StatusCode::BAD_REQUEST, &"no-store".parse().expect("a value"))
        );
    }
    logs = Logs::default();
    logs.add(world.ledger.clone(), false);
    assert_eq!(get(&logs, "/logs/records/tile/0/000").await.0, StatusCode::OK);
    assert_eq!(get(&logs, "/logs/records/tile/entries/000").await.0, missing, "a tree without entries");
}
