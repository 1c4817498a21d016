//! The console's pages: their content, and the headers that guard them.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use tower::ServiceExt as _;

use super::*;
use crate::base::Timestamp;
use axum::routing::get as get_route;

struct Fixed;

impl View for Fixed {
    fn facts(&self) -> Facts {
        Facts {
            grpc: "127.0.0.1:50051".into(),
            population: 1_000,
            now: Timestamp(0),
            is_frozen: true,
            has_tls: true,
            accepts_demo: false,
            fingerprint: "ab12".into(),
            anchor_json: "{}".into(),
            logs: vec![LogHead { origin: "lienthong/H27/records".into(), size: 7, root: "cd34".into() }],
            services: vec!["lienthong.exchange.v1.ExchangeService".into()],
            registries: vec![RegistryFacts {
                name: "land".into(),
                agency: "land-office".into(),
                record_types: vec!["land.parcel.v1".into()],
            }],
            personas: vec![PersonaFacts {
                personal_id: "042090990001".into(),
                full_name: "<script>alert(1)</script>".into(),
                situation: "all well".into(),
                expectation: "the happy path".into(),
                command: "grpcurl …".into(),
            }],
        }
    }
}

async fn get(path: &str) -> (StatusCode, axum::http::HeaderMap, String) {
    ask(Request::get(path).header(header::HOST, "localhost:50052")).await
}

async fn ask(request: axum::http::request::Builder) -> (StatusCode, axum::http::HeaderMap, String) {
    let request = request.body(Body::empty()).expect("request");
    let hosts = Hosts::new(([127, 0, 0, 1], 50_052).into(), None);
    let further =
        Router::new().route("/beside", get_route(|| async { ([(header::CACHE_CONTROL, "max-age=5")], "beside") }));
    let guarded = Router::new().route("/metrics", get_route(|| async { "lienthong_up 1" }));
    let response = router(Arc::new(Fixed), hosts, guarded, further).oneshot(request).await.expect("answered");
    let (parts, body) = response.into_parts();
    let bytes = axum::body::to_bytes(body, 1 << 20).await.expect("whole");
    (parts.status, parts.headers, String::from_utf8(bytes.to_vec()).expect("UTF-8"))
}

#[tokio::test]
async fn pages_show_the_world_under_strict_headers() {
    for (path, shown) in [
        ("/", "127.0.0.1:50051"),
        ("/personas", "042090990001"),
        ("/registries", "land.parcel.v1"),
        ("/anchor.json", "{}"),
        ("/style.css", "color-scheme"),
    ] {
        let (status, headers, body) = get(path).await;
        assert_eq!(status, StatusCode::OK, "{path}");
        assert!(body.contains(shown), "{path}: {body}");
        assert!(!body.contains("<script"), "{path}");
        let policy = headers.get(header::CONTENT_SECURITY_POLICY).expect("policy").to_str().expect("ASCII");
        assert!(policy.starts_with("default-src 'none'"), "{policy}");
    }
}

#[tokio::test]
async fn the_page_with_a_script_calls_this_server_and_nobody_else() {
    let (status, headers, body) = get("/try").await;
    assert_eq!(status, StatusCode::OK);
    assert!(body.contains("FetchRecords") && body.contains("land.parcel.v1"), "{body}");
    assert!(!body.contains("<script>") && body.contains("<script type=\"module\" src=\"/try.js\">"), "{body}");
    let policy = headers[header::CONTENT_SECURITY_POLICY].to_str().expect("ASCII");
    for rule in ["default-src 'none'", "script-src 'self'", "connect-src 'self'", "frame-ancestors 'none'"] {
        assert!(policy.split("; ").any(|of| of == rule), "{policy}");
    }
    for (path, kind) in
        [("/try.js", "text/javascript"), ("/grpc-web.js", "text/javascript"), ("/schema.json", "application/json")]
    {
        let (status, headers, body) = get(path).await;
        assert!(
            status.is_success() && headers[header::CONTENT_TYPE].to_str().expect("ASCII").starts_with(kind),
            "{path}"
        );
        assert!(!body.contains("http://") && !body.contains("https://"), "{path} names no other host");
    }
}

#[tokio::test]
async fn pages_speak_the_browsers_language() {
    for (path, languages, shown) in [
        ("/", "vi", "Tổng quan"),
        ("/personas", "en;q=0.8, vi", "Nhân vật mẫu"),
        ("/nowhere", "vi-VN", "Không có trang"),
        ("/", "en, vi;q=0.5", "Overview"),
    ] {
        let request = Request::get(path).header(header::HOST, "localhost:50052");
        let request = request.header(header::ACCEPT, "text/html,*/*;q=0.8");
        let (_, _, body) = ask(request.header(header::ACCEPT_LANGUAGE, languages)).await;
        assert!(body.contains(shown), "{path}: {body}");
    }
}

#[tokio::test]
async fn an_unknown_page_is_said_to_be_one() {
    let missing = Request::get("/%3Cscript%3E").header(header::HOST, "localhost:50052");
    let (status, headers, body) = ask(missing.header(header::ACCEPT, "text/html")).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert!(headers.contains_key(header::CONTENT_SECURITY_POLICY) && !body.contains("<script>"));
    assert!(body.contains("<code>NOT_FOUND</code>"), "{body}");
    let (status, headers, body) = get("/%3Cscript%3E").await;
    assert_eq!((status, &*body), (StatusCode::NOT_FOUND, "NOT_FOUND: there is nothing at this path\n"));
    assert!(headers[header::CONTENT_TYPE].to_str().expect("ASCII").starts_with("text/plain"));
}

#[tokio::test]
async fn other_names_than_the_consoles_see_no_page() {
    for path in ["/", "/personas", "/anchor.json", "/try", "/schema.json", "/nowhere"] {
        let mut requests = vec![Request::get(path), Request::get(path).header(header::HOST, "rebound.example:50052")];
        requests.push(Request::get(path).header(header::HOST, "localhost").header(header::HOST, "rebound.example"));
        for request in requests {
            let (status, headers, body) = ask(request).await;
            assert_eq!(status, StatusCode::MISDIRECTED_REQUEST, "{path}");
            assert!(headers.contains_key(header::CONTENT_SECURITY_POLICY) && !body.contains("042090990001"), "{body}");
        }
    }
    let (status, ..) = ask(Request::get("/beside").header(header::HOST, "gateway:50052")).await;
    assert_eq!(status, StatusCode::OK, "what is public is so under any name");
}

#[tokio::test]
async fn further_routes_have_their_own_headers() {
    let (status, headers, body) = get("/beside").await;
    assert_eq!((status, body.as_str()), (StatusCode::OK, "beside"));
    assert_eq!(headers.get(header::CACHE_CONTROL).expect("its own"), "max-age=5");
}

#[tokio::test]
async fn what_is_guarded_answers_under_the_consoles_names_alone_and_without_the_pages_headers() {
    let (status, headers, body) = get("/metrics").await;
    assert_eq!((status, &*body), (StatusCode::OK, "lienthong_up 1"));
    assert!(!headers.contains_key(header::CONTENT_SECURITY_POLICY));
    for (path, expected) in [("/metrics", StatusCode::MISDIRECTED_REQUEST), ("/beside", StatusCode::OK)] {
        let (status, _, body) = ask(Request::get(path).header(header::HOST, "evil.example:50052")).await;
        assert_eq!(status, expected, "{path}");
        assert!(!body.contains("lienthong_up"), "{body}");
    }
}
