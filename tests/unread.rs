//! Answers that nobody reads, and requests that never end: what they hold is bounded for their callers, others are served meanwhile, and it is free again
//! once they are gone.

#![allow(clippy::disallowed_methods, reason = "tests measure and wait by the machine's time")]

mod common;

use bytes::Bytes;
use common::until::until_answered;
use common::{Started, as_citizen, gateway, reason, with_credential};
use h2::client::{ResponseFuture, SendRequest};
use h2::{RecvStream, SendStream};
use lienthong::api::frame::frame;
use lienthong::base::limits;
use lienthong::wire::proto::access::v1::agency_service_client::AgencyServiceClient;
use lienthong::wire::proto::access::v1::consent_service_client::ConsentServiceClient;
use lienthong::wire::proto::access::v1::{ListAgenciesRequest, ListConsentsRequest};
use lienthong::wire::proto::trust::v1::GetTrustAnchorRequest;
use lienthong::wire::proto::trust::v1::trust_service_client::TrustServiceClient;
use prost::Message as _;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tonic::codegen::http::{HeaderMap, Request};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

const ANCHOR: &str = "lienthong.trust.v1.TrustService/GetTrustAnchor";
const CONSENTS: &str = "lienthong.access.v1.ConsentService/ListConsents";
const HEALTH: &str = "grpc.health.v1.Health/Check";
/// Two personas.
const CITIZEN: &str = "042090990001";
const OTHER: &str = "042185990002";
/// Streams of one connection.
const STREAMS: usize = 200;

/// A client that opens no window for answers.
struct Unreading {
    client: SendRequest<Bytes>,
    serving: JoinHandle<()>,
}

/// A call whose head was answered.
struct Open {
    _body: RecvStream,
    _request: SendStream<Bytes>,
}

impl Unreading {
    async fn connect(started: &Started) -> Self {
        let socket = TcpStream::connect(started.address()).await.expect("it accepts");
        let handshake = h2::client::Builder::new().initial_window_size(0).handshake(socket).await;
        let (client, connection) = handshake.expect("HTTP/2");
        // The connection ends with the test, or is cut.
        let serving = tokio::spawn(async move { drop(connection.await) });
        Self { client, serving }
    }

    /// Sends the head of a call, and its message if there is one.
    async fn send(
        &mut self,
        method: &str,
        credential: Option<&str>,
        message: Option<&[u8]>,
    ) -> (ResponseFuture, SendStream<Bytes>) {
        let mut request = Request::post(format!("http://localhost/{method}"))
            .header("content-type", "application/grpc")
            .header("te", "trailers");
        if let Some(credential) = credential {
            request = request.header("authorization", format!("Bearer {credential}"));
        }
        self.client = self.client.clone().ready().await.expect("a stream");
        let (answer, mut sending) =
            self.client.send_request(request.body(()).expect("a request"), false).expect("sent");
        if let Some(message) = message {
            sending.send_data(frame(message), true).expect("sent");
        }
        (answer, sending)
    }

    /// Makes a call, and leaves its answer unread. Fails with the refusal.
    async fn leave_unread(&mut self, method: &str, credential: Option<&str>, message: &[u8]) -> Result<Open, Status> {
        let (answer, _request) = self.send(method, credential, Some(message)).await;
        let (head, _body) = answer.await.expect("a head").into_parts();
        refusal(&head.headers).map_or(Ok(Open { _body, _request }), Err)
    }

    /// Cuts the connection.
    fn cut(self) {
        self.serving.abort();
    }
}

/// The refusal that a head is.
fn refusal(head: &HeaderMap) -> Option<Status> {
    Status::from_header_map(head).filter(|status| status.code() != Code::Ok)
}

/// Connections with calls that were left unread.
#[derive(Default)]
struct Left {
    connections: Vec<Unreading>,
    open: Vec<Open>,
}

impl Left {
    /// Leaves answers unread until one is refused; returns the refusal.
    async fn until_refused(
        &mut self,
        started: &Started,
        method: &str,
        credential: Option<&str>,
        message: &[u8],
    ) -> Status {
        loop {
            if self.open.len().is_multiple_of(STREAMS) {
                self.connections.push(Unreading::connect(started).await);
            }
            let connection = self.connections.last_mut().expect("one at least");
            match connection.leave_unread(method, credential, message).await {
                Ok(open) => self.open.push(open),
                Err(refused) => return refused,
            }
            assert!(self.open.len() < 10_000, "no limit is in sight");
        }
    }

    fn cut(self) {
        self.connections.into_iter().for_each(Unreading::cut);
    }
}

/// A client of its own connection.
async fn channel(started: &Started) -> Channel {
    let endpoint = Endpoint::from_shared(format!("http://{}", started.address())).expect("an address");
    endpoint.connect().await.expect("it accepts")
}

async fn anchor_bytes(channel: Channel) -> Result<usize, Status> {
    let answer = TrustServiceClient::new(channel).get_trust_anchor(GetTrustAnchorRequest::default()).await?;
    Ok(answer.into_inner().anchor_json.len())
}

fn listing(citizen: &str) -> ListConsentsRequest {
    ListConsentsRequest { personal_id: citizen.into(), ..Default::default() }
}

async fn consents(channel: Channel, citizen: &str) -> Result<(), Status> {
    ConsentServiceClient::new(channel).list_consents(as_citizen(citizen, listing(citizen))).await.map(drop)
}

/// Whoever is no stranger is served, and so is a check of the health by anybody.
async fn others_are_served(started: &Started) {
    for _ in 0..3 {
        let health = HealthClient::new(channel(started).await).check(HealthCheckRequest::default()).await;
        assert_eq!(health.expect("on a connection of its own").into_inner().status, 1);
        consents(channel(started).await, OTHER).await.expect("a citizen whom the province knows");
        let agencies = with_credential("demo-police", ListAgenciesRequest::default());
        AgencyServiceClient::new(channel(started).await).list_agencies(agencies).await.expect("an agency");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unread_answers_of_strangers_are_bounded_and_others_are_served() {
    let started = gateway().on_a_socket().start().await;
    let bytes = anchor_bytes(channel(&started).await).await.expect("nobody is there yet");
    let mut left = Left::default();
    let refused = left.until_refused(&started, ANCHOR, None, &[]).await;
    assert_eq!(reason(&refused), (Code::Unavailable, "OVERLOADED".to_owned()), "{refused}");
    let held = left.open.len() * bytes;
    assert!(held <= limits::STRANGERS_OF_NETWORK_BYTES_MAX, "{held} bytes in {} answers", left.open.len());
    assert!(held > limits::STRANGERS_OF_NETWORK_BYTES_MAX / 2, "{held} bytes: answers count for what they are");
    others_are_served(&started).await;
    let mut more = Left::default();
    more.until_refused(&started, ANCHOR, None, &[]).await;
    assert!(more.open.len() < 3, "strangers share what is left, whatever their connection: {}", more.open.len());
    more.cut();
    left.cut();
    let again = async || anchor_bytes(channel(&started).await).await.ok();
    until_answered("there is room again", again).await;
    started.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_citizen_who_reads_nothing_has_so_many_calls_in_progress() {
    let started = gateway().on_a_socket().start().await;
    let mut left = Left::default();
    let (credential, message) = (format!("demo-citizen-{CITIZEN}"), listing(CITIZEN).encode_to_vec());
    let refused = left.until_refused(&started, CONSENTS, Some(&credential), &message).await;
    assert_eq!(reason(&refused), (Code::Unavailable, "OVERLOADED".to_owned()), "{refused}");
    assert!(refused.message().contains("too many of your calls"), "{refused}");
    assert_eq!(left.open.len(), limits::CALLS_OF_CITIZEN_MAX);
    left.cut();
    until_answered("the slots are free again", async || consents(channel(&started).await, CITIZEN).await.ok()).await;
    started.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_of_strangers_that_never_end_keep_nobody_out() {
    let started = gateway().on_a_socket().start().await;
    let (mut connections, mut answers, mut requests) = (Vec::new(), Vec::new(), Vec::new());
    let most = limits::STRANGERS_OF_NETWORK_BYTES_MAX / limits::STRANGER_CALL_BYTES;
    for _ in 0..most.div_ceil(STREAMS) + 1 {
        let mut connection = Unreading::connect(&started).await;
        for _ in 0..STREAMS {
            let (answer, request) = connection.send(HEALTH, None, None).await;
            answers.push(answer);
            requests.push(request);
        }
        connections.push(connection);
    }
    // Those that found no room are answered.
    let (head, ..) = futures::future::select_all(answers).await;
    let head = head.expect("a head");
    let refused = refusal(head.headers()).expect("refused");
    assert_eq!(reason(&refused), (Code::Unavailable, "OVERLOADED".to_owned()), "{refused}");
    others_are_served(&started).await;
    drop(requests);
    connections.into_iter().for_each(Unreading::cut);
    started.end().await;
}
