//! A witness over HTTP: each refusal has the status that C2SP tlog-witness names.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use tower::ServiceExt as _;

use crate::api::http;
use crate::transparency::tests::world::*;
use crate::transparency::witness::request::AddCheckpoint;
use crate::trust::note::Checkpoint;

#[tokio::test]
async fn refusals_are_those_of_the_specification() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut world = World::new().await;
    world.grow(2, 40).await;
    let first = world.ledger.head();
    world.grow(2, 40).await;
    let head = world.ledger.head();
    let app = http::witness::router(Arc::new(witness(folder.path())), "key".into());
    let post = async |body: Vec<u8>| {
        let request = Request::post("/add-checkpoint").body(Body::from(body)).expect("a request");
        let (parts, body) = app.clone().oneshot(request).await.expect("answered").into_parts();
        let kind = parts.headers.get(header::CONTENT_TYPE).map(|kind| kind.to_str().expect("ASCII").to_owned());
        let body = axum::body::to_bytes(body, 1 << 20).await.expect("whole");
        (parts.status, kind.unwrap_or_default(), String::from_utf8_lossy(&body).into_owned())
    };
    let sign = |origin: &str, by: &str, size| {
        let checkpoint = Checkpoint { origin: origin.into(), size, root: [5; 32] };
        let text = checkpoint.text();
        let note = crate::trust::note::sign_note(&text, &[&*signer(by)]).expect("signs");
        AddCheckpoint { old_size: 0, path: vec![], note }.write()
    };
    assert_eq!(post(b"old x\n\n".to_vec()).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(post(sign("other.example/log", "other.example/log", 5)).await.0, StatusCode::NOT_FOUND);
    assert_eq!(post(sign(RECORDS, "witness.example/w1", 5)).await.0, StatusCode::FORBIDDEN);
    assert_eq!(post(vec![b'a'; 200 * 1024]).await.0, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(
        post(sign(RECORDS, RECORDS, 0)).await.0,
        StatusCode::UNPROCESSABLE_ENTITY,
        "an empty tree with another root"
    );
    let got = Request::get("/add-checkpoint").body(Body::empty()).expect("a request");
    let got = app.clone().oneshot(got).await.expect("answered");
    assert_eq!(got.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert!(conflicts(folder.path()).is_empty(), "nothing of these proves anything");
    let bad_proof = AddCheckpoint { old_size: 0, path: vec![[1; 32]], note: first.note.clone() }.write();
    assert_eq!(post(bad_proof).await.0, StatusCode::UNPROCESSABLE_ENTITY);

    // signatures of unknown keys next to the log's are ignored
    let stranger = signer("witness.example/w2");
    let text = std::str::from_utf8(&first.note).expect("text").split("\n\n").next().expect("a text");
    let beside = crate::trust::note::sign_note(&format!("{text}\n"), &[&*stranger]).expect("signs");
    let beside = std::str::from_utf8(&beside).expect("text").split("\n\n").nth(1).expect("a signature").to_owned();
    let note = bytes::Bytes::from([&first.note[..], beside.as_bytes()].concat());
    assert_eq!(post(AddCheckpoint { old_size: 0, path: vec![], note }.write()).await.0, StatusCode::OK);
    let (status, kind, body) = post(request(&world.ledger, 0, &head).await).await;
    assert_eq!((status, kind.as_str(), body), (StatusCode::CONFLICT, "text/x.tlog.size", format!("{}\n", first.size)));
    let above = AddCheckpoint { old_size: first.size + 1, path: vec![], note: first.note.clone() }.write();
    assert_eq!(post(above).await.0, StatusCode::BAD_REQUEST);
    let bad_proof = AddCheckpoint { old_size: first.size, path: vec![[1; 32]; 3], note: head.note.clone() }.write();
    assert_eq!(post(bad_proof).await.0, StatusCode::UNPROCESSABLE_ENTITY);
    let none = AddCheckpoint { old_size: first.size, path: vec![], note: head.note.clone() }.write();
    assert_eq!(post(none).await.0, StatusCode::UNPROCESSABLE_ENTITY);
    let mut spoilt = world.ledger.prove_consistency(first.size, head.size).await.expect("proves");
    spoilt[0][0] ^= 1;
    let spoilt = AddCheckpoint { old_size: first.size, path: spoilt, note: head.note.clone() }.write();
    assert_eq!(post(spoilt).await.0, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(conflicts(folder.path()).is_empty(), "nobody can accuse the log with a bad proof");
    let (status, _, line) = post(request(&world.ledger, first.size, &head).await).await;
    assert!(status == StatusCode::OK && line.starts_with("— witness.example/w1 ") && line.ends_with('\n'), "{line}");

    // another tree of the size that was cosigned: no 409, whose size would send the log round in circles
    let mut fork = World::new().await;
    fork.grow(3, 40).await;
    let statements = (700..740).map(|record| fork.statement(record)).collect();
    fork.take(statements).await;
    let other = fork.ledger.head();
    assert_eq!(other.size, head.size);
    let (status, kind, _) = post(request(&fork.ledger, head.size, &other).await).await;
    assert_eq!((status, kind.as_str()), (StatusCode::UNPROCESSABLE_ENTITY, "text/plain; charset=utf-8"));
    let kept = conflicts(folder.path());
    assert_eq!(kept.len(), 1, "both heads are kept");
    assert_eq!(kept[0]["what"], "SPLIT_VIEW");
}
