//! Faults of calls: each action at the right call and nowhere else, on the wire, however it is requested.

use std::time::{Duration, Instant};

use bytes::Bytes;
use h2::client::SendRequest;
use serde_json::{Value, json};
use tonic::Code;
use tonic::codegen::http::{HeaderMap, Request};

use super::common::process::Serving;
use super::common::sessions::{World, base};
use super::common::{self, gateway, reason};
use super::{WORLD, add, list};

/// A connection whose frames are seen.
pub(super) struct Wire {
    address: String,
    requests: SendRequest<Bytes>,
    connection: tokio::task::JoinHandle<Result<(), h2::Error>>,
}

/// An answer as its frames came.
#[derive(Debug, Default)]
pub(super) struct Seen {
    headers: HeaderMap,
    /// The pieces of data, and how long each came after the request.
    data: Vec<(Duration, Bytes)>,
    trailers: Option<HeaderMap>,
    pub(super) reset: Option<h2::Reason>,
    has_only_headers: bool,
}

impl Seen {
    pub(super) fn bytes(&self) -> Vec<u8> {
        self.data.iter().flat_map(|(_, piece)| piece.to_vec()).collect()
    }

    pub(super) fn status(&self) -> Option<&str> {
        let of = |headers: &'_ HeaderMap| headers.get("grpc-status").is_some();
        let headers = if of(&self.headers) { &self.headers } else { self.trailers.as_ref()? };
        headers.get("grpc-status")?.to_str().ok()
    }
}

impl Wire {
    pub(super) async fn open(address: &str) -> Self {
        let stream = tokio::net::TcpStream::connect(address).await.expect("connects");
        let (requests, connection) = h2::client::handshake(stream).await.expect("HTTP/2");
        Self { address: address.to_owned(), requests, connection: tokio::spawn(connection) }
    }

    /// Calls GetWorld, which has an empty request.
    async fn call(&self, session: &str, agency: &str) -> Result<Seen, h2::Error> {
        self.send(session, agency, WORLD, &[]).await
    }

    /// Calls a method with an encoded message.
    pub(super) async fn send(
        &self,
        session: &str,
        agency: &str,
        method: &str,
        message: &[u8],
    ) -> Result<Seen, h2::Error> {
        let request = Request::post(format!("http://{}/lienthong.{method}", self.address))
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .header("authorization", format!("Bearer demo-{agency}"))
            .header("x-lienthong-session", session)
            .body(())
            .expect("a request");
        let begun = Instant::now();
        let mut ready = self.requests.clone().ready().await?;
        let (answer, mut body) = ready.send_request(request, false)?;
        let length = u32::try_from(message.len()).expect("a short message").to_be_bytes();
        body.send_data([&[0], &length[..], message].concat().into(), true)?;
        let answer = match answer.await {
            Ok(answer) => answer,
            Err(error) if error.is_reset() => return Ok(Seen { reset: error.reason(), ..Seen::default() }),
            Err(error) => return Err(error),
        };
        let mut seen = Seen { headers: answer.headers().clone(), ..Seen::default() };
        let mut body = answer.into_body();
        seen.has_only_headers = body.is_end_stream();
        while let Some(piece) = body.data().await {
            match piece {
                Ok(piece) => {
                    body.flow_control().release_capacity(piece.len())?;
                    seen.data.push((begun.elapsed(), piece));
                }
                Err(error) if error.is_reset() => {
                    seen.reset = error.reason();
                    return Ok(seen);
                }
                Err(error) => return Err(error),
            }
        }
        match body.trailers().await {
            Ok(trailers) => seen.trailers = trailers,
            Err(error) if error.is_reset() => seen.reset = error.reason(),
            Err(error) => return Err(error),
        }
        Ok(seen)
    }
}

/// A server on a socket, with a channel to it.
pub(super) async fn serving(folder: &std::path::Path) -> (Serving, World) {
    let serving = Serving::start(folder, &["--population", "20"]);
    let endpoint = tonic::transport::Endpoint::from_shared(format!("http://{}", serving.grpc)).expect("an address");
    let channel = endpoint.connect().await.expect("connects");
    (serving, base(&channel))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_fault_of_a_call_is_seen_at_its_call_and_nowhere_else() {
    let folder = tempfile::tempdir().expect("a folder");
    let (serving, outside) = serving(folder.path()).await;
    let (mut checked, wire) = (Vec::new(), Wire::open(&serving.grpc).await);
    type Check = fn(&Seen, &Seen, Duration);
    let cases: [(&str, Value, Check); 13] = [
        ("delay", json!({ "fixed": "0.3s" }), |seen, healthy, took| {
            assert!(took >= Duration::from_millis(300), "{took:?}");
            assert_eq!((seen.bytes(), seen.status()), (healthy.bytes(), Some("0")));
        }),
        ("status", json!({ "code": "ABORTED", "message": "as asked", "retry_after": "2s" }), |seen, _, _| {
            assert_eq!((seen.status(), seen.has_only_headers), (Some("10"), true));
            assert_eq!(seen.headers["grpc-message"], "as%20asked");
        }),
        ("status", json!({ "reason": "REGISTRY_UNAVAILABLE" }), |seen, _, _| {
            assert_eq!(seen.status(), Some("14"));
        }),
        ("trailers_only", json!({}), |seen, _, _| {
            assert_eq!((seen.status(), seen.has_only_headers, seen.data.len()), (Some("0"), true, 0));
        }),
        ("cut", json!({ "messages": 0 }), |seen, _, _| {
            assert_eq!((seen.reset, seen.data.len(), seen.status()), (Some(h2::Reason::INTERNAL_ERROR), 0, None));
        }),
        ("cut", json!({ "messages": 1 }), |seen, healthy, _| {
            assert_eq!(
                (seen.reset, seen.bytes(), seen.status()),
                (Some(h2::Reason::INTERNAL_ERROR), healthy.bytes(), None)
            );
        }),
        ("cut", json!({ "bytes": 7 }), |seen, healthy, _| {
            assert_eq!((seen.reset, seen.bytes()), (Some(h2::Reason::INTERNAL_ERROR), healthy.bytes()[..7].to_vec()));
        }),
        ("reset", json!({}), |seen, _, _| assert_eq!(seen.reset, Some(h2::Reason::INTERNAL_ERROR))),
        ("reset", json!({ "code": "RESET_CODE_REFUSED_STREAM" }), |seen, _, _| {
            assert_eq!(seen.reset, Some(h2::Reason::REFUSED_STREAM));
        }),
        ("reset", json!({ "code": "RESET_CODE_CANCEL" }), |seen, _, _| {
            assert_eq!(seen.reset, Some(h2::Reason::CANCEL))
        }),
        ("reset", json!({ "code": "RESET_CODE_ENHANCE_YOUR_CALM" }), |seen, _, _| {
            assert_eq!(seen.reset, Some(h2::Reason::ENHANCE_YOUR_CALM));
        }),
        ("drip", json!({ "bytes": 8, "every": "0.02s" }), |seen, healthy, took| {
            assert_eq!((seen.bytes(), seen.status()), (healthy.bytes(), Some("0")));
            assert!(seen.data.iter().all(|(_, piece)| piece.len() <= 8), "{:?}", seen.data);
            let pieces = healthy.bytes().len().div_ceil(8) as u32;
            assert!(pieces > 2 && took >= pieces * Duration::from_millis(20), "{pieces} pieces in {took:?}");
        }),
        ("duplicate", json!({}), |seen, healthy, _| {
            assert_eq!((seen.bytes(), seen.status()), (healthy.bytes().repeat(2), Some("0")));
        }),
    ];
    for (action, how, check) in cases {
        let session = outside.create(json!({})).await;
        session.clock("FreezeClock", json!({})).await;
        let mut fault = json!({ "match": { "methods": ["GetWorld"], "agency": "bank" }, "turn": { "nth": "2" } });
        fault[action] = how;
        add(&session, fault).await;
        let healthy = wire.call(session.id(), "bank").await.expect("an answer");
        assert_eq!((healthy.status(), healthy.reset), (Some("0"), None), "{action}: the first call is well");
        let other = wire.call(session.id(), "police").await.expect("an answer");
        assert_eq!(other.status(), Some("0"), "{action}: another agency");
        let begun = Instant::now();
        let seen = wire.call(session.id(), "bank").await.expect("an answer");
        check(&seen, &healthy, begun.elapsed());
        let third = wire.call(session.id(), "bank").await.expect("an answer");
        assert_eq!((third.bytes(), third.status()), (healthy.bytes(), Some("0")), "{action}: the third is well again");
        let outside = outside.call("demo-bank", WORLD, json!({})).await;
        assert!(outside.is_ok(), "{action}: nothing happens outside the session");
        let counted = list(&session).await.into_iter().find(|fault| fault["faultId"] == "fault-1").expect("it stands");
        assert_eq!(counted["counts"], json!({ "matched": "3", "hits": "1" }), "{action}");
        checked.push(action);
    }
    assert_eq!(checked.len(), 13);
    assert!(!wire.connection.is_finished(), "none of them ended the connection");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_is_dismissed_answers_its_call_and_takes_no_more() {
    let folder = tempfile::tempdir().expect("a folder");
    let (serving, outside) = serving(folder.path()).await;
    let session = outside.create(json!({})).await;
    add(
        &session,
        json!({ "match": { "methods": ["GetWorld"], "agency": "bank" }, "turn": { "nth": 2 }, "go_away": {} }),
    )
    .await;
    let wire = Wire::open(&serving.grpc).await;
    assert_eq!(wire.call(session.id(), "bank").await.expect("an answer").status(), Some("0"));
    assert_eq!(wire.call(session.id(), "bank").await.expect("an answer").status(), Some("0"), "it is answered");
    let mut connection = wire.connection;
    let ended = tokio::time::timeout(Duration::from_secs(5), &mut connection).await.expect("it ends");
    assert!(ended.expect("no panic").is_ok(), "in good order");
    let next = Wire::open(&serving.grpc).await;
    assert_eq!(next.call(session.id(), "bank").await.expect("an answer").status(), Some("0"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_may_ask_for_its_own_fault_where_the_session_allows_it() {
    let gateway = gateway().start().await;
    let outside = base(&gateway.channel);
    let (allowed, other) = (outside.create(json!({ "metadataFaults": true })).await, outside.create(json!({})).await);
    let ask = async |session: Option<&str>, headers: &[(&str, &str)]| {
        let call =
            common::dynamic::Call { headers: Vec::new(), body: "{}".into(), method: format!("lienthong.{WORLD}") };
        let call = call.with("authorization", "Bearer demo-bank");
        let call = session.into_iter().fold(call, |call, id| call.with("x-lienthong-session", id));
        let call = headers.iter().fold(call, |call, (name, value)| call.with(name, value));
        call.make(&gateway.channel).await.map_err(|status| reason(&status))
    };
    let injected = |code| Err((code, "FAULT_INJECTED".to_owned()));
    let refused = || Err((Code::InvalidArgument, "INVALID_REQUEST".to_owned()));
    let in_session = Some(allowed.id());
    let own = "x-lienthong-fault";
    assert_eq!(ask(in_session, &[(own, "status=DATA_LOSS")]).await.map(drop), injected(Code::DataLoss));
    assert_eq!(ask(in_session, &[("x-envoy-fault-abort-grpc-request", "10")]).await.map(drop), injected(Code::Aborted));
    let never = [("x-envoy-fault-abort-grpc-request", "10"), ("x-envoy-fault-abort-percentage", "0")];
    assert!(ask(in_session, &never).await.is_ok());
    assert!(ask(in_session, &[(own, "status=ABORTED;probability=0")]).await.is_ok());
    let begun = Instant::now();
    assert!(ask(in_session, &[("x-envoy-fault-delay-request", "200")]).await.is_ok());
    assert!(begun.elapsed() >= Duration::from_millis(200));
    let many = [(own, "status=ABORTED;probability=0"); 9];
    assert_eq!(ask(in_session, &many).await.map(drop), refused(), "none is passed over");
    for wrong in ["full-disk", "delay", "status=ABORTED;chance=1", "statsu=ABORTED", "delay=2m", "drip=1/1d"] {
        assert_eq!(ask(in_session, &[(own, wrong)]).await.map(drop), refused(), "{wrong}");
    }
    // A caller without a credential cannot request faults.
    let anchor = common::dynamic::Call {
        headers: Vec::new(),
        body: "{}".into(),
        method: "lienthong.trust.v1.TrustService/GetTrustAnchor".into(),
    };
    let anchor = anchor.with("x-lienthong-session", allowed.id()).with(own, "drip=1/60s");
    assert_eq!(anchor.make(&gateway.channel).await.map(drop).map_err(|status| reason(&status)), refused());
    for session in [Some(other.id()), None] {
        assert_eq!(ask(session, &[(own, "status=DATA_LOSS")]).await.map(drop), refused(), "it is not ignored");
        assert!(ask(session, &[("x-envoy-fault-abort-grpc-request", "10")]).await.is_ok(), "a proxy's is");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_journal_says_which_rule_acted_on_a_call_whatever_came_of_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let (serving, outside) = serving(folder.path()).await;
    let wire = Wire::open(&serving.grpc).await;
    for (action, how, outcome) in [
        ("delay", json!({ "fixed": "0.01s" }), "OK"),
        ("status", json!({ "reason": "RATE_LIMITED" }), "RATE_LIMITED"),
        ("status", json!({ "code": "ABORTED" }), "FAULT_INJECTED"),
        ("trailers_only", json!({}), "FAULT_INJECTED"),
        ("cut", json!({ "messages": 0 }), "FAULT_INJECTED"),
        ("reset", json!({}), "FAULT_INJECTED"),
        ("duplicate", json!({}), "OK"),
    ] {
        let session = outside.create(json!({})).await;
        let mut fault =
            json!({ "faultId": "it", "match": { "methods": ["GetWorld"], "agency": "bank" }, "turn": { "nth": 2 } });
        fault[action] = how;
        add(&session, fault).await;
        for _ in 0..3 {
            wire.call(session.id(), "bank").await.expect("an answer");
        }
        let listed = json!({ "filter": { "method": format!("lienthong.{WORLD}") } });
        let listed = session.ask("demo-operator", "simulation.v1.JournalService/ListCalls", listed).await;
        let calls = listed["calls"].as_array().expect("calls");
        let seen: Vec<_> = calls.iter().map(|call| (call["outcome"].clone(), call["faults"].clone())).collect();
        let well = (json!("OK"), Value::Null);
        assert_eq!(seen, [well.clone(), (json!(outcome), json!(["it"])), well], "{action}");
    }
    // A public method has no caller, and its faults are reported all the same.
    let session = outside.create(json!({})).await;
    add(
        &session,
        json!({ "faultId": "it", "match": { "methods": ["GetCheckpoint"] }, "status": { "code": "ABORTED" } }),
    )
    .await;
    session.refused("demo-bank", "trust.v1.LedgerService/GetCheckpoint", json!({ "log": "records" })).await;
    let count = json!({ "filter": { "withFaults": true }, "exactly": "1" });
    let counted = session.ask("demo-operator", "simulation.v1.JournalService/VerifyCalls", count).await;
    assert_eq!(counted["holds"], true, "{counted}");
}
