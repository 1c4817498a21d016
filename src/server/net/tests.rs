//! Both ports as hostile and as ordinary peers meet them, over real sockets, with limits of milliseconds.
//!
//! The client writes the frames of HTTP/2 by hand (RFC 9113, section 4), because it must be able to stop anywhere.

mod pings;
mod seats;

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::connections::{Refusal, Stage};
use super::*;
use crate::api::connection::CallConnection;
use crate::base::Peer;
use crate::world::until::until;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const LARGE_BYTES: usize = 64 << 20;
/// Nothing here takes as long, unless it hangs.
const PATIENCE: Duration = Duration::from_secs(30);
/// So short a limit is over at once.
const SHORT: Duration = Duration::from_millis(40);

/// A server of a service that answers `/t.T/Peer` with its caller, whom it knows, `/t.T/Large` with many bytes, and `/t.T/Wait` with a stream
/// that begins when it may.
struct Server {
    address: std::net::SocketAddr,
    counts: Arc<Connections>,
    end: watch::Sender<bool>,
    /// A call of `/t.T/Wait` has begun.
    is_waiting: Arc<Notify>,
    may_answer: Arc<Notify>,
    serving: JoinHandle<()>,
}

/// Limits that are never met, for tests to shorten one of them.
fn patient() -> Limits {
    let long = Duration::from_secs(3_600);
    Limits {
        opening: long,
        first_call: long,
        idle: long,
        stalled: long,
        unread: long,
        ping: long,
        pong: long,
        farewell: SHORT,
        ..Limits::default()
    }
}

async fn serve(limits: Limits, tls: Option<Tls>, proxies: &[&str]) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let counts = Arc::<Connections>::default();
    let (end, ending) = watch::channel(false);
    let (is_waiting, may_answer) = (Arc::<Notify>::default(), Arc::<Notify>::default());
    let gates = (is_waiting.clone(), may_answer.clone());
    let service = tower::service_fn(move |request: Request<Body>| {
        let (begun, gate) = gates.clone();
        Box::pin(async move {
            let answer = match request.uri().path() {
                "/t.T/Peer" => {
                    request.extensions().get::<CallConnection>().expect("a connection").note_known();
                    format!("{:?}", request.extensions().get::<Peer>().expect("a peer")).into()
                }
                "/t.T/Large" => vec![7; LARGE_BYTES].into(),
                _ => axum::body::Body::from_stream(futures::stream::once(async move {
                    begun.notify_one();
                    gate.notified().await;
                    Ok::<_, Infallible>("waited")
                })),
            };
            Ok::<_, Infallible>(Response::new(Body::new(answer)))
        })
    });
    let proxies = proxies.iter().map(|address| address.parse().expect("an address")).collect();
    let ports = Ports::new(limits, counts.clone(), ending);
    let serving = tokio::spawn(ports.grpc(listener, service, tls, proxies, None));
    Server { address, counts, end, is_waiting, may_answer, serving }
}

impl Server {
    async fn connect(&self) -> Client {
        Client(TcpStream::connect(self.address).await.expect("it accepts"))
    }

    /// Waits until a count is as expected.
    async fn counted(&self, what: &str, count: impl Fn(&Connections) -> u64, expected: u64) {
        until(&format!("{what} is {expected}"), || (count(&self.counts) == expected).then_some(())).await;
    }
}

/// A client that writes frames.
struct Client(TcpStream);

impl Client {
    async fn send(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).await.expect("written");
    }

    async fn frame(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        let length = u32::try_from(payload.len()).expect("short").to_be_bytes();
        let head = [&length[1..], &[kind, flags], &stream.to_be_bytes()].concat();
        self.send(&[&head, payload].concat()).await;
    }

    /// The preface and settings that allow answers of any length.
    async fn begin(&mut self) {
        self.send(PREFACE).await;
        self.frame(4, 0, 0, &[0, 4, 0x7f, 0xff, 0xff, 0xff]).await;
        self.frame(8, 0, 0, &0x7fff_0000_u32.to_be_bytes()).await;
    }

    /// A header block: POST, http, the path and an authority, none of them indexed.
    fn headers(path: &str) -> Vec<u8> {
        let length = u8::try_from(path.len()).expect("short");
        [&[0x83, 0x86, 0x04, length], path.as_bytes(), &[0x01, 1, b'a']].concat()
    }

    async fn call(&mut self, stream: u32, path: &str) {
        self.frame(1, 0x5, stream, &Self::headers(path)).await;
    }

    /// Makes a call that stays in progress.
    async fn wait(&mut self, server: &Server) {
        self.call(1, "/t.T/Wait").await;
        server.is_waiting.notified().await;
    }

    /// The answer's bytes on a stream, as text.
    async fn answer(&mut self, wanted: u32) -> String {
        let mut answer = Vec::new();
        let reading = async {
            loop {
                let mut head = [0; 9];
                self.0.read_exact(&mut head).await.expect("a frame");
                let mut payload = vec![0; usize::from(head[1]) << 8 | usize::from(head[2])];
                self.0.read_exact(&mut payload).await.expect("its payload");
                let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
                if stream == wanted && head[3] == 0 {
                    answer.extend(payload);
                }
                if stream == wanted && head[3] < 2 && head[4] & 1 == 1 {
                    break;
                }
            }
        };
        timeout(PATIENCE, reading).await.expect("an answer in time");
        String::from_utf8(answer).expect("text")
    }

    /// Waits until the server ends the connection; returns the bytes that it sent before.
    async fn ended(mut self) -> Vec<u8> {
        let mut seen = Vec::new();
        // A reset is an end as well.
        let _ = timeout(PATIENCE, self.0.read_to_end(&mut seen)).await.expect("the server ends the connection");
        seen
    }
}

#[tokio::test]
async fn each_step_before_a_call_has_its_time() {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
    let tls =
        Tls::of_pem(made.cert.pem().as_bytes(), made.signing_key.serialize_pem().as_bytes(), None).expect("a pair");
    let opening = || Limits { opening: SHORT, ..patient() };
    let first_call = || Limits { first_call: SHORT, ..patient() };
    let begun = [PREFACE, &[0, 0, 0, 4, 0, 0, 0, 0, 0]].concat();
    // A header block that says that more follows, and what follows byte by byte.
    let headers = Client::headers("/t.T/Peer");
    let length = u8::try_from(headers.len()).expect("short");
    let half =
        [&begun[..], &[0, 0, length, 1, 0x1, 0, 0, 0, 1], &headers, &[0, 0, 200, 9, 0x4, 0, 0, 0, 1, 0]].concat();
    type Case<'a> = (&'a str, Limits, Option<Tls>, &'a [&'a str], &'a [u8], Stage);
    let cases: [Case<'_>; 7] = [
        ("nothing", opening(), None, &[], b"", Stage::Preface),
        ("half a preface", opening(), None, &[], &PREFACE[..23], Stage::Preface),
        ("no handshake", opening(), Some(tls.clone()), &[], b"", Stage::TlsHandshake),
        ("half a handshake", opening(), Some(tls), &[], b"\x16\x03\x01\x02\x00", Stage::TlsHandshake),
        ("half a PROXY header", opening(), None, &["127.0.0.1"], b"PROXY TCP4 192.0.2", Stage::ProxyHeader),
        ("no call", first_call(), None, &[], &begun, Stage::FirstCall),
        ("half a header block", first_call(), None, &[], &half, Stage::FirstCall),
    ];
    for (name, limits, tls, proxies, sent, stage) in cases {
        let server = serve(limits, tls, proxies).await;
        let mut client = server.connect().await;
        client.send(sent).await;
        client.ended().await;
        server.counted(name, |counts| counts.timed_out(stage), 1).await;
        server.counted(name, Connections::open, 0).await;
    }
}

#[tokio::test]
async fn an_idle_connection_ends_and_one_with_a_call_under_way_stays() {
    let server = serve(Limits { idle: SHORT, ..patient() }, None, &[]).await;
    let (mut calling, mut idle) = (server.connect().await, server.connect().await);
    for client in [&mut calling, &mut idle] {
        client.begin().await;
        client.call(1, "/t.T/Peer").await;
        assert!(client.answer(1).await.contains("is_loopback: true, via_proxy: false"));
    }
    calling.call(3, "/t.T/Wait").await;
    idle.ended().await;
    server.counted("idle", |counts| counts.timed_out(Stage::Idle), 1).await;
    server.may_answer.notify_one();
    assert_eq!(calling.answer(3).await, "waited");
}

#[tokio::test]
async fn a_peer_that_stops_reading_is_found_out() {
    let server = serve(Limits { stalled: SHORT, ..patient() }, None, &[]).await;
    let mut client = server.connect().await;
    client.begin().await;
    client.call(1, "/t.T/Large").await;
    server.counted("stalled", |counts| counts.timed_out(Stage::Stalled), 1).await;
    server.counted("open", Connections::open, 0).await;
    assert!(client.ended().await.len() < LARGE_BYTES);
}

#[tokio::test]
async fn a_peer_that_opens_no_window_is_found_out() {
    let server = serve(Limits { unread: SHORT, ..patient() }, None, &[]).await;
    let mut client = server.connect().await;
    client.send(PREFACE).await;
    client.frame(4, 0, 0, &[0, 4, 0, 0, 0, 0]).await;
    client.call(1, "/t.T/Peer").await;
    client.ended().await;
    server.counted("unread", |counts| counts.timed_out(Stage::Unread), 1).await;
}

#[tokio::test]
async fn a_stream_that_has_nothing_to_say_is_not_unread() {
    let server = serve(Limits { unread: SHORT, ..patient() }, None, &[]).await;
    let mut client = server.connect().await;
    client.begin().await;
    client.call(1, "/t.T/Wait").await;
    server.is_waiting.notified().await;
    // As long as it takes to find out another, later one that is.
    let mut unread = server.connect().await;
    unread.send(PREFACE).await;
    unread.frame(4, 0, 0, &[0, 4, 0, 0, 0, 0]).await;
    unread.call(1, "/t.T/Peer").await;
    unread.ended().await;
    server.counted("unread", |counts| counts.timed_out(Stage::Unread), 1).await;
    server.may_answer.notify_one();
    assert_eq!(client.answer(1).await, "waited");
    assert_eq!(server.counts.timed_out(Stage::Unread), 1, "the other alone");
}

#[tokio::test]
async fn http1_gets_an_answer_and_anything_else_none() {
    let server = serve(patient(), None, &[]).await;
    let cases: [(&[u8], &str, Refusal); 4] = [
        (b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n", "This is the gRPC port", Refusal::Http1),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "", Refusal::NotHttp),
        (b"PROXY TCP4 192.0.2.1 127.0.0.1 1 2\r\n", "", Refusal::ProxyUntrusted),
        (b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\0\0\0\0\0\0\0\0\0\0\0\0", "", Refusal::ProxyUntrusted),
    ];
    for (sent, expected, refusal) in cases {
        let before = server.counts.refused(refusal);
        let mut client = server.connect().await;
        client.send(sent).await;
        let answer = String::from_utf8(client.ended().await).expect("text");
        assert!(answer.contains(expected) && answer.is_empty() == expected.is_empty(), "{answer}");
        server.counted(refusal.as_str(), |counts| counts.refused(refusal), before + 1).await;
    }
}

#[tokio::test]
async fn behind_a_trusted_proxy_the_clients_address_counts() {
    let limits = Limits { connections_per_peer_max: 2, ..patient() };
    let server = serve(limits, None, &["127.0.0.1"]).await;
    let cases = [
        ("PROXY TCP4 192.0.2.1 127.0.0.1 4711 2\r\n", "address: 192.0.2.1:4711, is_loopback: false, via_proxy: true"),
        ("PROXY TCP4 127.0.0.1 127.0.0.1 4712 2\r\n", "address: 127.0.0.1:4712, is_loopback: true, via_proxy: true"),
        ("PROXY UNKNOWN\r\n", "is_loopback: false, via_proxy: true"),
    ];
    for (header, expected) in cases {
        let mut client = server.connect().await;
        client.send(header.as_bytes()).await;
        client.begin().await;
        client.call(1, "/t.T/Peer").await;
        let answer = client.answer(1).await;
        assert!(answer.contains(expected), "{answer}");
    }
    let mut bare = server.connect().await;
    bare.send(PREFACE).await;
    bare.ended().await;
    server.counted("no header", |counts| counts.refused(Refusal::ProxyInvalid), 1).await;

    // The cap by peer holds for clients, however many come by one proxy.
    let mut clients = Vec::new();
    for (at, last) in [1, 1, 1, 2, 3].into_iter().enumerate() {
        let mut client = server.connect().await;
        client.send(format!("PROXY TCP4 198.51.100.{last} 127.0.0.1 1 2\r\n").as_bytes()).await;
        client.begin().await;
        client.call(1, "/t.T/Peer").await;
        if at == 2 {
            client.ended().await;
        } else {
            client.answer(1).await;
            clients.push(client);
        }
    }
    server.counted("the cap", |counts| counts.refused(Refusal::PeerTotal), 1).await;
}

#[tokio::test]
async fn the_end_waits_for_calls_under_way_and_for_nothing_else() {
    let server = serve(patient(), None, &[]).await;
    let (mut calling, silent, mut begun) = (server.connect().await, server.connect().await, server.connect().await);
    begun.begin().await;
    calling.begin().await;
    calling.call(1, "/t.T/Wait").await;
    server.counted("open", Connections::open, 3).await;
    server.is_waiting.notified().await;
    server.end.send_replace(true);
    silent.ended().await;
    assert!(TcpStream::connect(server.address).await.is_err(), "nobody listens any more");
    assert!(!server.serving.is_finished(), "a call is under way");
    server.may_answer.notify_one();
    assert_eq!(calling.answer(1).await, "waited");
    drop(calling);
    // hyper sends a last ping before it closes; a peer that answers none is the drain's to cut.
    drop(begun);
    timeout(PATIENCE, server.serving).await.expect("ends").expect("no panic");
}

#[tokio::test]
async fn the_console_shares_the_seats_and_the_limits() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let counts = Arc::<Connections>::default();
    let (_end, ending) = watch::channel(false);
    let limits = Limits { connections_max: 8, first_call: Duration::from_millis(400), ..patient() };
    let router = axum::Router::new().route("/", axum::routing::get(|| async { "a page" }));
    let serving = tokio::spawn(Ports::new(limits, counts.clone(), ending).console(listener, router, None));
    let mut idle = Vec::new();
    for _ in 0..20 {
        idle.push(TcpStream::connect(address).await.expect("it accepts"));
    }
    let mut client = Client(TcpStream::connect(address).await.expect("it accepts"));
    client.send(b"GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await;
    assert!(String::from_utf8(client.ended().await).expect("text").ends_with("a page"));
    let mut half = Client(TcpStream::connect(address).await.expect("it accepts"));
    half.send(b"GET / HTTP/1.1\r\nhost: loc").await;
    half.ended().await;
    assert!(counts.refused(Refusal::Displaced) >= 12);
    serving.abort();
}

#[tokio::test]
async fn native_grpc_on_the_consoles_port_hears_where_to_go() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let (_end, ending) = watch::channel(false);
    let router = axum::Router::new().route("/", axum::routing::get(|| async { "a page" }));
    let elsewhere = Some(crate::api::web::Elsewhere::new("127.0.0.1:50051"));
    let serving = tokio::spawn(Ports::new(patient(), Arc::default(), ending).console(listener, router, elsewhere));
    let channel = tonic::transport::Endpoint::from_shared(format!("http://{address}")).expect("an address");
    let channel = channel.connect().await.expect("it accepts");
    let request = tonic_health::pb::HealthCheckRequest::default();
    let refused = tonic_health::pb::health_client::HealthClient::new(channel).check(request).await;
    let refused = refused.expect_err("it is spoken elsewhere");
    assert_eq!(refused.code(), tonic::Code::Unimplemented);
    assert!(refused.message().ends_with("native gRPC is spoken at 127.0.0.1:50051"), "{refused}");
    let mut client = Client(TcpStream::connect(address).await.expect("it accepts"));
    client.send(b"GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await;
    assert!(String::from_utf8(client.ended().await).expect("text").ends_with("a page"));
    serving.abort();
}
