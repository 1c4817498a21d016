//! Admission before a service in memory: what gets through, and how everything else is refused.

mod ending;
mod entering;
mod requests;
mod strangers;

use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use futures::StreamExt as _;
use http_body::Frame;
use http_body_util::StreamBody;
use prost::Message as _;
use tonic::codegen::http::{HeaderValue, Method as HttpMethod, StatusCode, header};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use super::*;
use crate::access::RightsBook;
use crate::api::Edge;
use crate::api::credential::Authenticator;
use crate::api::credential::{DemoCredentials, TokenMint};
use crate::api::dispatch::{Dispatch, Handler};
use crate::api::request_id::REQUEST_ID;
use crate::base::call::Caller;
use crate::base::entropy::SeededEntropy;
use crate::base::time::FixedClock;
use crate::base::{AgencyId, Clock as _, Seed, Timestamp};
use crate::exchange::RecentCalls;
use crate::ledger::LogClock;
use crate::simulation::clock::WorldClock;
use crate::simulation::faults::Rules;
use crate::wire::DESCRIPTORS;
use crate::wire::proto::exchange::v1;

const EXPLAIN: &str = "/lienthong.exchange.v1.ExchangeService/Explain";
const ANCHOR: &str = "/lienthong.trust.v1.TrustService/GetTrustAnchor";
const SUBMIT: &str = "/lienthong.registry.v1.RegistryService/SubmitChanges";

/// An answer that is worth compressing.
static ANSWER: [u8; 32_768] = [b'a'; 32_768];

/// What the service does with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Does {
    Answer,
    /// Refuses, as the framework would.
    Refuse,
    Panic,
    /// Answers with a stream, and refuses as the framework would at its end.
    RefuseInTrailers,
    /// Answers with a stream, and panics in it.
    PanicInStream,
}

/// Counts the calls that got through.
struct Counting {
    admitted: Arc<AtomicUsize>,
    does: Does,
}

/// A stream of one message and whatever `end` is.
fn stream_of(end: impl Fn() -> Frame<Bytes> + Send + 'static) -> Body {
    let frames =
        [0, 1].into_iter().map(move |at| Ok::<_, Status>(if at == 0 { Frame::data(Bytes::new()) } else { end() }));
    Body::new(StreamBody::new(futures::stream::iter(frames).boxed()))
}

fn bare_refusal() -> Frame<Bytes> {
    Frame::trailers(
        [("grpc-status", "5"), ("grpc-message", "gone")]
            .into_iter()
            .map(|(name, value)| (name.parse().expect("a name"), HeaderValue::from_static(value)))
            .collect(),
    )
}

impl Handler for Counting {
    fn handle(&self, request: Request<Body>) -> BoxFuture<Response<Body>, Infallible> {
        let extensions = request.extensions();
        assert!(extensions.get::<Arc<Call>>().is_some() || extensions.get::<PublicCall>().is_some());
        self.admitted.fetch_add(1, Ordering::Relaxed);
        let does = self.does;
        Box::pin(async move {
            let (code, body) = match does {
                Does::Answer => ("0", framed(&ANSWER)),
                Does::Refuse => ("5", Body::empty()),
                Does::Panic => panic!("in a test"),
                Does::RefuseInTrailers => return Ok(Response::new(stream_of(bare_refusal))),
                Does::PanicInStream => return Ok(Response::new(stream_of(|| panic!("in a test")))),
            };
            let mut answer = Response::new(body);
            answer.headers_mut().insert("grpc-status", HeaderValue::from_static(code));
            Ok(answer)
        })
    }
}

struct Front {
    clock: Arc<FixedClock>,
    logs: LogClock,
    admission: Admission,
    admitted: Arc<AtomicUsize>,
    mint: TokenMint,
    traces: Arc<RecentCalls>,
}

fn front_with(does: Does, strangers: u32) -> Front {
    front_until(does, strangers, tokio::sync::watch::channel(false).1)
}

fn front_until(does: Does, strangers: u32, ending: tokio::sync::watch::Receiver<bool>) -> Front {
    front_of(does, strangers, ending, Arc::new(NoSessions))
}

fn front_of(
    does: Does,
    strangers: u32,
    ending: tokio::sync::watch::Receiver<bool>,
    sessions: Arc<dyn Sessions>,
) -> Front {
    front_knowing(None, does, strangers, ending, sessions)
}

fn front_knowing(
    citizens: Option<KnownCitizens>,
    does: Does,
    strangers: u32,
    ending: tokio::sync::watch::Receiver<bool>,
    sessions: Arc<dyn Sessions>,
) -> Front {
    let (seed, admitted) = (Seed::root(3), Arc::<AtomicUsize>::default());
    let clock = Arc::new(FixedClock::at(Timestamp(1_795_388_400_000)));
    let mint = TokenMint::new(&seed).expect("a mint");
    let names = [
        "lienthong.exchange.v1.ExchangeService",
        "lienthong.trust.v1.TrustService",
        "lienthong.registry.v1.RegistryService",
    ];
    let handler = || Arc::new(Counting { admitted: admitted.clone(), does }) as Arc<dyn Handler>;
    let dispatch = Dispatch::new(names.map(|name| (name, handler())));
    let rights = RightsBook::of(crate::access::rights::embedded());
    let logs = LogClock::new(clock.clone());
    let entropy = Arc::new(SeededEntropy::new(seed.child("entropy", 0)));
    let traces = Arc::<RecentCalls>::default();
    let edge = Edge::new(clock.clone(), entropy, traces.clone(), ending);
    let methods = Methods::new(&[DESCRIPTORS], &names, &rights.current()).expect("described");
    let agencies = rights.current().agencies().map(|agency| agency.key.clone()).collect::<Vec<_>>();
    let capacity = Capacity::new(8, agencies, 0, strangers);
    let world = ServedWorld {
        dispatch,
        authenticator: Arc::new(Authenticator::new(mint.public_key(), DemoCredentials::OnLoopback)),
        rights,
        citizens,
        clock: logs.clone(),
        time: WorldClock::open(clock.clone(), None).expect("a clock"),
        edge,
        metrics: Arc::default(),
        faults: Arc::new(Rules::new([], clock.clone(), seed)),
        metadata_faults: false,
        journal: None,
        entry: None,
    };
    let admission = Admission::new(Arc::new(methods), capacity, Arc::new(world), sessions);
    Front { clock, logs, admission, admitted, mint, traces }
}

fn front() -> Front {
    front_with(Does::Answer, 0)
}

fn framed(message: &[u8]) -> Body {
    let framed = [&[0], &(message.len() as u32).to_be_bytes()[..], message].concat();
    Body::new(http_body_util::Full::new(Bytes::from(framed)))
}

fn request(path: &str, credential: Option<&str>, body: Body) -> Request<Body> {
    let mut request = Request::post(path).header(header::CONTENT_TYPE, "application/grpc");
    if let Some(credential) = credential {
        request = request.header(header::AUTHORIZATION, format!("Bearer {credential}"));
    }
    request.body(body).expect("a request")
}

impl Front {
    async fn send(&self, request: Request<Body>) -> Response<Body> {
        self.admission.clone().call(request).await.expect("infallible")
    }

    /// The reason of a refusal, which has all that refusals have.
    async fn refused(&self, request: Request<Body>) -> (Code, String) {
        let answer = self.send(request).await;
        let id = answer.headers()[REQUEST_ID].to_str().expect("ASCII").to_owned();
        let status = Status::from_header_map(answer.headers()).expect("a status");
        assert_eq!(status.get_details_request_info().expect("details").request_id, id);
        (status.code(), status.get_details_error_info().expect("details").reason)
    }

    fn admitted(&self) -> usize {
        self.admitted.load(Ordering::Relaxed)
    }
}

/// A body that never comes: a handler that waited for it would wait until the deadline.
fn unread() -> Body {
    Body::new(StreamBody::new(futures::stream::pending::<Result<Frame<Bytes>, std::io::Error>>().boxed()))
}

fn explain() -> Vec<u8> {
    v1::ExplainRequest { request_id: "x".into() }.encode_to_vec()
}

#[tokio::test]
async fn callers_and_public_calls_get_through() {
    let front = front();
    let answer = front.send(request(EXPLAIN, Some("demo-bank"), framed(&explain()))).await;
    assert!(answer.headers().contains_key(REQUEST_ID));
    assert_eq!(answer.headers()["grpc-status"], "0");
    front.send(request(ANCHOR, None, framed(&[]))).await;
    let caller = Caller::Agency(AgencyId::parse("bank").expect("a key"));
    let token = front.mint.mint(&caller, Timestamp(1_795_388_400_000), 60).expect("a token");
    for _ in 0..2 {
        front.send(request(EXPLAIN, Some(&token), framed(&explain()))).await;
    }
    assert_eq!(front.admitted(), 4);
}

#[tokio::test]
async fn a_clients_names_for_a_call_come_back_in_answers_and_refusals() {
    let front = front();
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    for (path, credential) in [(EXPLAIN, Some("demo-bank")), (EXPLAIN, None), ("/x", None), (ANCHOR, None)] {
        let mut request = request(path, credential, framed(&[]));
        request.headers_mut().insert(REQUEST_ID, HeaderValue::from_static("job-7"));
        request.headers_mut().insert("traceparent", HeaderValue::from_static(trace));
        let answer = front.send(request).await;
        assert_eq!(answer.headers()[REQUEST_ID], "job-7", "{path}");
        let ours = answer.headers()["x-lienthong-request-id"].to_str().expect("ASCII");
        assert!(uuid::Uuid::try_parse(ours).is_ok(), "{ours}");
        let continued = answer.headers()["traceparent"].to_str().expect("ASCII");
        assert!(continued.starts_with(&trace[..36]) && continued.ends_with("-01") && continued != trace, "{continued}");
        let status = Status::from_header_map(answer.headers()).filter(|status| status.code() != Code::Ok);
        if let Some(status) = status {
            assert_eq!(status.get_details_request_info().expect("details").request_id, ours);
        }
    }
    for passed_over in ["two words", "042185990002"] {
        let mut request = request(ANCHOR, None, framed(&[]));
        request.headers_mut().insert(REQUEST_ID, HeaderValue::from_static(passed_over));
        let answer = front.send(request).await;
        assert_ne!(answer.headers()[REQUEST_ID], passed_over);
        assert!(
            !answer.headers().contains_key("x-lienthong-request-id") && !answer.headers().contains_key("traceparent")
        );
    }
}

#[tokio::test]
async fn answers_are_compressed_for_clients_that_read_gzip() {
    let front = front();
    for (accepted, expected) in [(None, None), (Some("identity"), None), (Some("identity,gzip"), Some("gzip"))] {
        let mut request = request(ANCHOR, None, framed(&[]));
        if let Some(accepted) = accepted {
            request.headers_mut().insert("grpc-accept-encoding", HeaderValue::from_static(accepted));
        }
        let answer = front.send(request).await;
        let encoding = answer.headers().get("grpc-encoding").map(|value| value.to_str().expect("ASCII"));
        assert_eq!(encoding, expected, "{accepted:?}");
    }
}

#[tokio::test]
async fn a_call_whose_deadline_has_passed_runs_nothing() {
    let front = front();
    let mut late = request(EXPLAIN, Some("demo-bank"), framed(&explain()));
    late.headers_mut().insert("grpc-timeout", HeaderValue::from_static("0n"));
    assert_eq!(front.refused(late).await, (Code::DeadlineExceeded, "DEADLINE_EXCEEDED".to_owned()));
    assert_eq!(front.admitted(), 0);
}

#[tokio::test]
async fn a_deadline_that_cannot_be_read_is_refused_rather_than_replaced() {
    let front = front();
    for bad in ["200", "200ms", "123456789m", "-1S", ""] {
        let mut request = request(EXPLAIN, Some("demo-bank"), framed(&explain()));
        request.headers_mut().insert("grpc-timeout", HeaderValue::from_static(bad));
        assert_eq!(front.refused(request).await, (Code::InvalidArgument, "INVALID_REQUEST".to_owned()), "{bad}");
    }
    let mut two = request(EXPLAIN, Some("demo-bank"), framed(&explain()));
    two.headers_mut().append("grpc-timeout", HeaderValue::from_static("20S"));
    two.headers_mut().append("grpc-timeout", HeaderValue::from_static("200m"));
    assert_eq!(front.refused(two).await, (Code::InvalidArgument, "INVALID_REQUEST".to_owned()), "two deadlines");
    assert_eq!(front.admitted(), 0);
}

#[tokio::test]
async fn what_is_not_grpc_runs_nothing() {
    let front = front();
    for kind in ["text/plain", "application/json", "application/grpc-web+proto", "application/grpc+json", ""] {
        let mut request = request(EXPLAIN, Some("demo-bank"), unread());
        request.headers_mut().insert(header::CONTENT_TYPE, kind.parse().expect("a value"));
        let answer = front.send(request).await;
        assert_eq!(answer.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE, "{kind}");
        assert!(answer.headers().contains_key(REQUEST_ID));
    }
    for method in [HttpMethod::GET, HttpMethod::PUT, HttpMethod::OPTIONS] {
        let mut request = request(EXPLAIN, Some("demo-bank"), unread());
        *request.method_mut() = method;
        let answer = front.send(request).await;
        assert_eq!(
            (answer.status(), &answer.headers()[header::ALLOW]),
            (StatusCode::METHOD_NOT_ALLOWED, &HeaderValue::from_static("POST"))
        );
    }
    assert_eq!(front.admitted(), 0);
}

#[tokio::test]
async fn nobody_s_message_is_read_before_their_credential_is_accepted() {
    let front = front();
    for (credential, reason) in [
        (None, "CREDENTIAL_MISSING"),
        (Some("demo-nobody"), "CREDENTIAL_INVALID"),
        (Some("a.b"), "CREDENTIAL_MALFORMED"),
    ] {
        let refused = front.refused(request(SUBMIT, credential, unread())).await;
        assert_eq!(refused, (Code::Unauthenticated, reason.to_owned()));
    }
    for path in ["/lienthong.exchange.v1.ExchangeService/Nothing", "/nothing.v1.Nothing/Nothing", "/", "/x"] {
        let refused = front.refused(request(path, Some("demo-bank"), unread())).await;
        assert_eq!(refused, (Code::Unimplemented, "METHOD_UNKNOWN".to_owned()), "{path}");
    }
    let mut deflated = request(EXPLAIN, Some("demo-bank"), unread());
    deflated.headers_mut().insert("grpc-encoding", HeaderValue::from_static("deflate"));
    assert_eq!(front.refused(deflated).await, (Code::Unimplemented, "COMPRESSION_UNSUPPORTED".to_owned()));
    assert_eq!(front.admitted(), 0);
}

#[tokio::test]
async fn messages_are_bounded_by_length_fields_and_time() {
    let front = front();
    let refused = async |path: &str, body: Body| front.refused(request(path, Some("demo-operator"), body)).await;
    let long = framed(&vec![0; limits::REQUEST_BYTES_MAX + 1]);
    assert_eq!(refused(EXPLAIN, long).await, (Code::InvalidArgument, "MESSAGE_TOO_LARGE".to_owned()));
    let many = framed(&[0x1a, 0x00].repeat(limits::REQUEST_LIST_MAX + 1));
    assert_eq!(refused(SUBMIT, many).await, (Code::InvalidArgument, "MESSAGE_TOO_LARGE".to_owned()));
    let bad = framed(&[0x0a, 0x01, 0xff]);
    assert_eq!(refused(EXPLAIN, bad).await, (Code::InvalidArgument, "MESSAGE_MALFORMED".to_owned()));
    assert_eq!(refused(EXPLAIN, Body::empty()).await, (Code::InvalidArgument, "MESSAGE_MALFORMED".to_owned()));
    let elsewhere = framed(&vec![0; limits::REQUEST_BYTES_MAX + 1]);
    let mut stranger = request(ANCHOR, None, elsewhere);
    stranger.headers_mut().insert("accept-language", HeaderValue::from_static("vi"));
    assert_eq!(front.refused(stranger).await.1, "MESSAGE_TOO_LARGE");
    assert_eq!(front.admitted(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_message_that_does_not_come_is_not_waited_for() {
    let front = front();
    let first =
        futures::stream::once(async { Ok::<_, std::io::Error>(Frame::data(Bytes::from_static(b"\0\0\0\0\x09abc"))) });
    let body = Body::new(StreamBody::new(first.chain(futures::stream::pending()).boxed()));
    let refused = front.refused(request(EXPLAIN, Some("demo-bank"), body)).await;
    assert_eq!(refused, (Code::DeadlineExceeded, "DEADLINE_EXCEEDED".to_owned()));
    assert_eq!((front.admitted(), front.admission.inner.capacity.load().bytes()), (0, 0));
}

#[tokio::test]
async fn a_connection_that_breaks_is_the_caller_s_doing_unless_the_server_ends() {
    let (end, ending) = tokio::sync::watch::channel(false);
    let front = front_until(Does::Answer, 0, ending);
    let broken = || {
        let frames = [Ok(Frame::data(Bytes::from_static(b"\0\0\0\0\x09abc"))), Err(std::io::Error::other("reset"))];
        Body::new(StreamBody::new(futures::stream::iter(frames)))
    };
    let refused = async || front.refused(request(EXPLAIN, Some("demo-bank"), broken())).await;
    assert_eq!(refused().await, (Code::InvalidArgument, "MESSAGE_MALFORMED".to_owned()));
    end.send_replace(true);
    assert_eq!(refused().await, (Code::Unavailable, "SHUTTING_DOWN".to_owned()));
    assert_eq!(front.admitted(), 0);
}

#[tokio::test]
async fn strangers_have_a_rate_and_those_who_are_known_do_not_share_it() {
    let front = front_with(Does::Answer, 1);
    let mut reasons = Vec::new();
    for _ in 0..40 {
        reasons.push(front.refused(request(EXPLAIN, None, unread())).await.1);
    }
    assert_eq!((reasons[0].as_str(), reasons[39].as_str()), ("CREDENTIAL_MISSING", "RATE_LIMITED"));
    front.send(request(EXPLAIN, Some("demo-bank"), framed(&explain()))).await;
    assert_eq!(front.admitted(), 1);
    let caller = Caller::Agency(AgencyId::parse("bank").expect("a key"));
    let token = front.mint.mint(&caller, Timestamp(1_795_388_400_000), 60).expect("a token");
    let refused = front.refused(request(EXPLAIN, Some(&token), unread())).await;
    assert_eq!(refused.1, "RATE_LIMITED", "a token that was never accepted is a stranger's");
}

#[tokio::test]
async fn a_refusal_of_the_framework_leaves_with_details() {
    let front = front_with(Does::Refuse, 0);
    let refused = front.refused(request(EXPLAIN, Some("demo-bank"), framed(&explain()))).await;
    assert_eq!(refused, (Code::NotFound, "NOT_FOUND".to_owned()));
}

#[tokio::test]
async fn while_the_clock_reads_before_the_logs_heads_nothing_is_decided() {
    let front = front();
    let store: Arc<dyn crate::store::Store> = Arc::new(crate::store::memory::MemoryStore::new());
    let signer = Arc::new(crate::trust::Ed25519Signer::from_seed("log", &Seed::root(1)));
    let log = crate::ledger::Sequencer::open(store, crate::ledger::LogId(1), "log", signer, front.logs.clone());
    log.await.expect("a log with a head as of now");
    let right = front.clock.now();
    front.clock.set(right.plus_ms(-86_400_000));
    let refused = front.refused(request(EXPLAIN, Some("demo-bank"), unread())).await;
    assert_eq!(refused, (Code::Unavailable, "CLOCK_BEHIND".to_owned()));
    front.send(request(ANCHOR, None, framed(&[]))).await;
    assert_eq!(front.admitted(), 1, "public data is served");
    front.clock.set(right);
    front.send(request(EXPLAIN, Some("demo-bank"), framed(&explain()))).await;
    assert_eq!(front.admitted(), 2);
}
