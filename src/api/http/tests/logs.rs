//! The tlog-tiles paths: bytes, types, caching, and refusals.

use std::io::Read as _;

use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode, header};
use bytes::Bytes;
use tower::ServiceExt as _;

use crate::api::http;
use crate::transparency::Logs;
use crate::transparency::tests::world::World;
use crate::trust::merkle::hash_leaf;

async fn get(logs: &Logs, path: &str) -> (StatusCode, HeaderMap, Bytes) {
    get_as(logs, path, None).await
}

async fn get_as(logs: &Logs, path: &str, accepts: Option<&str>) -> (StatusCode, HeaderMap, Bytes) {
    let mut request = Request::get(path);
    if let Some(accepts) = accepts {
        request = request.header(header::ACCEPT_ENCODING, accepts);
    }
    let request = request.body(Body::empty()).expect("a request");
    let (parts, body) =
        http::logs::router(logs.clone(), Some("key".into())).oneshot(request).await.expect("answered").into_parts();
    (parts.status, parts.headers, axum::body::to_bytes(body, 1 << 24).await.expect("whole"))
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> &str {
    headers[name].to_str().expect("text")
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
async fn entries_are_compressed_for_who_accepts_it_and_hashes_never() {
    let mut world = World::new().await;
    world.grow(4, 99).await;
    let logs = &world.logs;
    let immutable = "public, max-age=31536000, immutable";
    for width in ["000", "001.p/144", "001.p/1"] {
        let path = format!("/logs/records/tile/entries/{width}");
        let (_, headers, plain) = get(logs, &path).await;
        assert!(!headers.contains_key(header::CONTENT_ENCODING));
        assert_eq!(
            (text(&headers, header::VARY), text(&headers, header::CACHE_CONTROL)),
            ("accept-encoding", immutable)
        );
        for accepts in ["gzip", "br, GZIP", "gzip;q=0.5, identity", "zstd;q=1, gzip; q=1.0"] {
            let (status, headers, body) = get_as(logs, &path, Some(accepts)).await;
            assert_eq!((status, text(&headers, header::CONTENT_ENCODING)), (StatusCode::OK, "gzip"), "{accepts}");
            assert_eq!(headers[header::CONTENT_TYPE], "application/octet-stream");
            assert_eq!(
                (text(&headers, header::VARY), text(&headers, header::CACHE_CONTROL)),
                ("accept-encoding", immutable)
            );
            let mut unpacked = Vec::new();
            flate2::read::GzDecoder::new(&body[..]).read_to_end(&mut unpacked).expect("gzip");
            assert_eq!(unpacked, plain);
        }
        for accepts in ["", "identity", "gzip;q=0", "gzip;q=0.0, br", "gzip;x", "deflate"] {
            let (_, headers, body) = get_as(logs, &path, Some(accepts)).await;
            assert_eq!((headers.contains_key(header::CONTENT_ENCODING), &body), (false, &plain), "{accepts}");
        }
    }
    for path in ["tile/0/000", "tile/0/001.p/144", "checkpoint", "tile/entries/009"] {
        let (_, headers, _) = get_as(logs, &format!("/logs/records/{path}"), Some("gzip")).await;
        assert!(!headers.contains_key(header::CONTENT_ENCODING), "{path}");
    }
}

#[tokio::test]
async fn what_is_not_there_is_missing_and_what_is_no_path_is_refused() {
    let mut world = World::new().await;
    world.grow(3, 99).await;
    let mut logs = world.logs.clone();
    let missing = StatusCode::NOT_FOUND;
    for path in [
        "other/checkpoint",
        "records/tile/0/001.p/47",
        "records/tile/0/001",
        "records/tile/1/000",
        "records/tile/9/000.p/1",
        "records/tile/1/000.p/2",
        "records/tile/entries/001.p/47",
        "records/tile/entries/001",
        "records/tile/entries/x018/x446/x744/x073/x709/x551/615",
        "records/other",
    ] {
        let (status, headers, _) = get(&logs, &format!("/logs/{path}")).await;
        assert_eq!(status, missing, "{path}");
        // a missing tile may exist later
        assert!(headers.get(header::CACHE_CONTROL).is_none_or(|kept| kept == "no-store"), "{path}");
    }
    for path in ["0/0", "64/000", "0/000.p/256", "entries/000.p/0", "x/000", "0/x000/001", "data/000"] {
        let (status, headers, _) = get(&logs, &format!("/logs/records/tile/{path}")).await;
        assert_eq!(
            (status, &headers[header::CACHE_CONTROL]),
            (StatusCode::BAD_REQUEST, &"no-store".parse().expect("a value"))
        );
    }
    logs = Logs::default();
    logs.add(world.ledger.log().clone(), false);
    assert_eq!(get(&logs, "/logs/records/tile/0/000").await.0, StatusCode::OK);
    assert_eq!(get(&logs, "/logs/records/tile/entries/000").await.0, missing, "a tree without entries");
}
