//! Status lists over HTTP: answers, unchanged lists, and refusals.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, Request, StatusCode, header};
use tower::ServiceExt as _;

use crate::api::http;
use crate::base::Seed;
use crate::base::time::FixedClock;
use crate::province::status::StatusLists;
use crate::registry::port::Registry;
use crate::registry::{Catalogue, EmbeddedRegistry};
use crate::store::memory::MemoryStore;
use crate::transparency::tests::world::{NOW, World, signer};

const LIST: &str = "/status/land/land.parcel.v1";

pub(super) async fn lists() -> Arc<StatusLists> {
    let world = World::new().await;
    let (clock, store, catalogue) =
        (Arc::new(FixedClock::at(NOW)), Arc::new(MemoryStore::new()), Catalogue::built_in());
    let land = catalogue.sector("land").expect("a sector").clone();
    let key = signer(&land.log_origin());
    let land = EmbeddedRegistry::open(store.clone(), land, key, &Seed::root(9), clock.clone()).await.expect("opens");
    StatusLists::new(catalogue, store, world.ledger.clone(), clock, [land as Arc<dyn Registry>])
}

async fn get(lists: &Arc<StatusLists>, path: &str, headers: &[(HeaderName, &str)]) -> (StatusCode, HeaderMap, String) {
    let mut request = Request::get(path);
    for (name, value) in headers {
        request = request.header(name, *value);
    }
    let request = request.body(Body::empty()).expect("a request");
    let (parts, body) =
        http::status_lists::router(lists.clone()).oneshot(request).await.expect("answered").into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.expect("whole");
    assert_eq!(parts.headers[header::ACCESS_CONTROL_ALLOW_ORIGIN], "*", "{path}: any page may read every answer");
    assert_eq!(parts.headers[header::VARY], "accept", "{path}");
    (parts.status, parts.headers, String::from_utf8(body.to_vec()).expect("text"))
}

#[tokio::test]
async fn a_list_that_the_client_has_is_not_sent_again() {
    let lists = lists().await;
    let (status, headers, token) = get(&lists, LIST, &[]).await;
    assert_eq!(
        (status, &headers[header::CONTENT_TYPE]),
        (StatusCode::OK, &"application/statuslist+jwt".parse().expect("a value"))
    );
    assert_eq!(token.split('.').count(), 3);
    let tag = headers[header::ETAG].to_str().expect("text").to_owned();
    for known in [tag.clone(), format!("W/{tag}"), format!("\"a\", W/{tag}"), "*".into()] {
        let (status, headers, body) = get(&lists, LIST, &[(header::IF_NONE_MATCH, &known)]).await;
        assert_eq!((status, body.as_str()), (StatusCode::NOT_MODIFIED, ""), "{known}");
        assert_eq!(headers[header::ETAG], tag, "{known}");
    }
    for other in ["\"a\"", "W/\"a\"", tag.trim_matches('"'), "w/"] {
        assert_eq!(get(&lists, LIST, &[(header::IF_NONE_MATCH, other)]).await.0, StatusCode::OK, "{other}");
    }
}

#[tokio::test]
async fn accept_is_honoured() {
    let lists = lists().await;
    for (accept, expected) in [
        ("", 200),
        ("*/*", 200),
        ("application/*", 200),
        ("application/statuslist+jwt", 200),
        ("Application/StatusList+JWT; charset=utf-8", 200),
        ("application/statuslist+cwt, application/statuslist+jwt;q=0.1", 200),
        ("text/html, application/xml;q=0.9, */*;q=0.8", 200),
        ("application/statuslist+jwt, */*;q=0", 200),
        ("application/statuslist+cwt", 406),
        ("text/*", 406),
        ("application/statuslist+jwt;q=0", 406),
        ("application/statuslist+jwt; q=0.000, */*", 406),
        ("*/*;q=0", 406),
    ] {
        let (status, headers, _) = get(&lists, LIST, &[(header::ACCEPT, accept)]).await;
        assert_eq!(status, expected, "{accept}");
        assert_eq!(headers.contains_key(header::ETAG), expected == 200, "{accept}");
    }
}

#[tokio::test]
async fn refusals_are_honest_and_any_page_reads_them() {
    let lists = lists().await;
    for (path, expected) in [
        ("/status/land/x.y.v1", 404),
        ("/status/vehicle/land.parcel.v1", 404),
        ("/status/land/x.y.v1?time=1686925000", 404),
        ("/status/land/land.parcel.v1?time=1686925000", 501),
        ("/status/land/land.parcel.v1?a=b&time", 501),
        ("/status/land/land.parcel.v1?times=1", 200),
    ] {
        let (status, headers, _) = get(&lists, path, &[]).await;
        assert_eq!(status, expected, "{path}");
        let kept = if expected == 200 { "public, max-age=60" } else { "no-store" };
        assert_eq!(headers[header::CACHE_CONTROL], kept, "{path}");
    }
}
