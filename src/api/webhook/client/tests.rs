//! The client against servers on loopback: what it sends, which answers it accepts, and what it refuses to call.

use std::net::IpAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use super::super::tls::{authority_of, public};
use super::*;
use crate::base::Timestamp;

const WITHIN: Duration = Duration::from_secs(30);
const OK: &str = "HTTP/1.1 204 No Content\r\n\r\n";

/// A server that gives every connection one answer.
struct Server {
    port: u16,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    async fn answering(answer: impl Into<String>) -> Self {
        Self::with_tls(answer, None).await
    }

    async fn with_tls(answer: impl Into<String>, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let (port, answer) = (listener.local_addr().expect("bound").port(), answer.into());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let noted = requests.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (answer, noted, tls) = (answer.clone(), noted.clone(), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => serve(stream, &answer, &noted).await,
                        Some(tls) => {
                            let Ok(stream) = tls.accept(stream).await else { return };
                            serve(stream, &answer, &noted).await;
                        }
                    }
                });
            }
        });
        Self { port, requests }
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().expect("whole").clone()
    }

    fn target(&self, host: &str) -> Target {
        Target::parse(&format!("http://{host}:{}/changes?of=land", self.port)).expect("a URL")
    }

    fn list(&self) -> TargetList {
        [format!("127.0.0.1:{}", self.port)].iter().map(|rule| rule.parse().expect("a rule")).collect()
    }
}

async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin, answer: &str, noted: &Mutex<Vec<String>>) {
    let (mut request, mut buffer) = (String::new(), [0; 4_096]);
    while !request.ends_with("{}") {
        match stream.read(&mut buffer).await {
            Ok(read @ 1..) if buffer[0] != 0x16 || !request.is_empty() => {
                request.push_str(&String::from_utf8_lossy(&buffer[..read]));
            }
            // A handshake of TLS, which this server does not speak, or the end.
            _ => return,
        }
    }
    noted.lock().expect("whole").push(request);
    if answer.is_empty() {
        std::future::pending::<()>().await;
    }
    // The client may have what it needs before it has everything.
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = stream.shutdown().await;
}

fn signed() -> SignedHeaders {
    SignedHeaders::new("an-id", Timestamp(1_000), b"{}", [])
}

async fn post(client: &HttpPost, target: &Target) -> Result<(), Failure> {
    client.post(target, &signed(), Bytes::from_static(b"{}"), WITHIN).await
}

/// Names lead to these addresses, and how often it was asked is counted.
fn leading_to(addresses: &[&str]) -> (Resolve, Arc<AtomicUsize>) {
    let addresses: Vec<IpAddr> = addresses.iter().map(|address| address.parse().expect(address)).collect();
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = asked.clone();
    let resolve: Resolve = Arc::new(move |_, port| {
        counted.fetch_add(1, Ordering::Relaxed);
        let found = addresses.iter().map(|address| SocketAddr::new(*address, port)).collect();
        Box::pin(std::future::ready(Ok(found)))
    });
    (resolve, asked)
}

#[tokio::test]
async fn an_event_is_one_post_with_the_headers_of_the_standard() {
    let server = Server::answering(OK).await;
    let client = HttpPost::new(server.list(), public(), system());
    assert_eq!(post(&client, &server.target("127.0.0.1")).await, Ok(()));
    let requests = server.requests();
    let [request] = &requests[..] else { panic!("{requests:?}") };
    assert!(request.starts_with("POST /changes?of=land HTTP/1.1\r\n"), "{request}");
    for line in [
        format!("host: 127.0.0.1:{}", server.port),
        "content-type: application/cloudevents+json".to_owned(),
        "webhook-id: an-id".to_owned(),
        "webhook-timestamp: 1".to_owned(),
        "webhook-signature: ".to_owned(),
        "content-length: 2".to_owned(),
    ] {
        assert!(request.contains(&format!("\r\n{line}")), "{line} in {request}");
    }
}

#[tokio::test]
async fn an_answer_is_judged_by_its_status_alone() {
    let status =
        |status, seconds: Option<u64>| Failure::Status { status, retry_after: seconds.map(Duration::from_secs) };
    let long = format!("HTTP/1.1 200 OK\r\ncontent-length: 100000000\r\n\r\n{}", "x".repeat(100_000));
    for (answer, expected) in [
        ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nno", Ok(())),
        (&*long, Ok(())),
        (OK, Ok(())),
        ("HTTP/1.1 410 Gone\r\n\r\n", Err(Failure::Gone)),
        ("HTTP/1.1 400 Bad Request\r\nretry-after: 9\r\n\r\n", Err(status(400, None))),
        ("HTTP/1.1 429 Too Many\r\nretry-after: 9\r\n\r\n", Err(status(429, Some(9)))),
        ("HTTP/1.1 503 Unavailable\r\nretry-after: Fri, 31 Dec 1999 23:59:59 GMT\r\n\r\n", Err(status(503, None))),
        ("HTTP/1.1 500 Oops\r\n\r\n", Err(status(500, None))),
        ("SSH-2.0-OpenSSH\r\n", Err(Failure::ProtocolError)),
    ] {
        let server = Server::answering(answer).await;
        let client = HttpPost::new(server.list(), public(), system());
        assert_eq!(post(&client, &server.target("127.0.0.1")).await, expected, "{answer:.40}");
    }
}

#[tokio::test]
async fn no_redirect_is_followed() {
    let inside = Server::answering(OK).await;
    for code in [301, 302, 303, 307, 308] {
        let answer = format!("HTTP/1.1 {code} Elsewhere\r\nlocation: http://127.0.0.1:{}/\r\n\r\n", inside.port);
        let server = Server::answering(answer).await;
        let listed = [&server, &inside].map(|of| format!("127.0.0.1:{}", of.port).parse().expect("a rule"));
        let client = HttpPost::new(TargetList::from_iter(listed), public(), system());
        assert_eq!(post(&client, &server.target("127.0.0.1")).await, Err(Failure::Redirect), "{code}");
    }
    assert!(inside.requests().is_empty());
}

#[tokio::test]
async fn a_target_that_does_not_answer_is_given_up() {
    let server = Server::answering("").await;
    let client = HttpPost::new(server.list(), public(), system());
    let target = server.target("127.0.0.1");
    let late = client.post(&target, &signed(), Bytes::from_static(b"{}"), Duration::from_millis(50)).await;
    assert_eq!(late, Err(Failure::Timeout));
    let nobody = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let target = Target::parse(&format!("http://{}/", nobody.local_addr().expect("bound"))).expect("a URL");
    drop(nobody);
    assert_eq!(post(&client, &target).await, Err(Failure::NotConnected));
}

#[tokio::test]
async fn a_name_is_asked_for_once_and_refused_addresses_are_never_called() {
    let server = Server::answering(OK).await;
    let name = Target::parse(&format!("https://hooks.example.vn:{}/", server.port)).expect("a URL");
    let listed = || TargetList::from_iter([format!("hooks.example.vn:{}", server.port).parse().expect("a rule")]);
    for refused in ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "::ffff:127.0.0.1", "100.64.0.1", "fd00::1"] {
        let (resolve, asked) = leading_to(&[refused]);
        let client = HttpPost::new(listed(), public(), resolve);
        assert_eq!(post(&client, &name).await, Err(Failure::AddressRefused), "{refused}");
        assert_eq!(asked.load(Ordering::Relaxed), 1, "{refused}");
    }
    let (resolve, _) = leading_to(&[]);
    assert_eq!(post(&HttpPost::new(listed(), public(), resolve), &name).await, Err(Failure::NameUnknown));
    assert!(server.requests().is_empty());

    // A listed network is called, past an address that is not.
    let loopback =
        ["127.0.0.0/8".parse().expect("a rule"), format!("hooks.example.vn:{}", server.port).parse().expect("a rule")];
    let (resolve, asked) = leading_to(&["10.0.0.1", "127.0.0.1"]);
    let client = HttpPost::new(TargetList::from_iter(loopback), public(), resolve);
    assert_eq!(post(&client, &name).await, Err(Failure::TlsFailed), "the server speaks none, but it was called");
    assert_eq!(asked.load(Ordering::Relaxed), 1);
    // The names of this machine lead to this machine, wherever somebody says that they do.
    let (resolve, _) = leading_to(&["10.0.0.1"]);
    let here = TargetList::from_iter([format!("localhost:{}", server.port).parse().expect("a rule")]);
    let client = HttpPost::new(here, public(), resolve);
    assert_eq!(post(&client, &server.target("localhost")).await, Err(Failure::AddressRefused));
}

#[tokio::test]
async fn a_certificate_is_of_the_targets_name_and_of_an_authority() {
    let made = rcgen::generate_simple_self_signed(vec!["hooks.example.vn".to_owned()]).expect("a certificate");
    let folder = tempfile::tempdir().expect("a folder");
    let authority = folder.path().join("ca.pem");
    std::fs::write(&authority, made.cert.pem()).expect("written");
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let settings = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![made.cert.der().clone()], key);
    let acceptor = TlsAcceptor::from(Arc::new(settings.expect("a key and its certificate")));
    let server = Server::with_tls(OK, Some(acceptor)).await;
    for (name, tls, expected) in [
        ("hooks.example.vn", authority_of(&authority).expect("an authority"), Ok(())),
        ("other.example.vn", authority_of(&authority).expect("an authority"), Err(Failure::TlsFailed)),
        ("hooks.example.vn", public(), Err(Failure::TlsFailed)),
    ] {
        let target = Target::parse(&format!("https://{name}:{}/", server.port)).expect("a URL");
        let rules = [format!("{name}:{}", server.port), "127.0.0.1/32".to_owned()];
        let list: TargetList = rules.iter().map(|rule| rule.parse().expect("a rule")).collect();
        let (resolve, _) = leading_to(&["127.0.0.1"]);
        assert_eq!(post(&HttpPost::new(list, tls, resolve), &target).await, expected, "{name}");
    }
    assert_eq!(server.requests().len(), 1);
    std::fs::write(&authority, "no PEM").expect("written");
    assert!(authority_of(&authority).is_err());
}
