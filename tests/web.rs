//! Calls from browsers against a serving gateway: gRPC-Web on the console's port, each port's answer to clients of another protocol, and the origins that
//! may call. The page itself is driven in a browser by `.ci/web.sh`.

mod common;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use common::process::Serving;
use common::sessions::base;
use lienthong::wire::proto::exchange::v1::FetchRecordsRequest;
use lienthong::wire::proto::identity::v1::ListLinksRequest;
use lienthong::wire::proto::province::v1::{WatchChangesRequest, WatchChangesResponse};
use lienthong::wire::proto::simulation::v1::{ListPersonasRequest, ListPersonasResponse};
use lienthong::wire::typed::pool;
use prost::Message;
use serde_json::json;
use tonic_types::pb::{ErrorInfo, Status as RichStatus};

const PERSON: &str = "042090990001";
const BINARY: &str = "application/grpc-web+proto";
const TEXT: &str = "application/grpc-web-text+proto";

/// A call by gRPC-Web.
struct Web<'a> {
    console: &'a str,
    kind: &'static str,
    headers: Vec<(&'static str, String)>,
}

/// The answer: the head's status and headers, the messages, and the trailers.
#[derive(Debug)]
struct Answer {
    http: u16,
    head: Vec<(String, String)>,
    messages: Vec<Vec<u8>>,
    trailers: Vec<(String, String)>,
}

impl<'a> Web<'a> {
    fn new(console: &'a str, credential: &str) -> Self {
        let headers = vec![("authorization", format!("Bearer {credential}"))];
        Self { console, kind: BINARY, headers }
    }

    fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    fn text(self) -> Self {
        Self { kind: TEXT, ..self }
    }

    /// Begins a call; gives the answer's head and the open body.
    fn begin(&self, method: &str, message: &impl Message) -> (Answer, ureq::BodyReader<'static>) {
        let message = message.encode_to_vec();
        let mut framed = [&[0], &(message.len() as u32).to_be_bytes()[..], &message].concat();
        if self.kind == TEXT {
            framed = STANDARD.encode(framed).into_bytes();
        }
        let agent = ureq::Agent::config_builder().http_status_as_error(false).build().new_agent();
        let mut request = agent.post(format!("http://{}/lienthong.{method}", self.console));
        request = request.header("content-type", self.kind).header("x-grpc-web", "1");
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        let (parts, body) = request.send(&framed[..]).expect("it answers").into_parts();
        let text = |value: &ureq::http::HeaderValue| value.to_str().expect("ASCII").to_owned();
        let head = parts.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect();
        (Answer { http: parts.status.as_u16(), head, messages: Vec::new(), trailers: Vec::new() }, body.into_reader())
    }

    fn call(&self, method: &str, message: &impl Message) -> Answer {
        let (mut answer, mut body) = self.begin(method, message);
        let mut bytes = Vec::new();
        body.read_to_end(&mut bytes).expect("whole");
        if self.kind == TEXT {
            // Each frame is padded for itself.
            let words = bytes.chunks(4).map(|word| STANDARD.decode(word).expect("base64"));
            bytes = words.collect::<Vec<_>>().concat();
        }
        if answer.http == 200 {
            let kind = if self.kind == TEXT { TEXT } else { BINARY };
            assert_eq!(answer.header("content-type"), Some(kind));
            answer.read(&bytes);
        }
        answer
    }
}

impl Answer {
    fn read(&mut self, mut bytes: &[u8]) {
        while let Some((prefix, rest)) = bytes.split_first_chunk::<5>() {
            let length = u32::from_be_bytes([prefix[1], prefix[2], prefix[3], prefix[4]]) as usize;
            let (content, rest) = rest.split_at(length);
            match prefix[0] {
                0 => self.messages.push(content.to_vec()),
                0x80 => self.trailers = trailers(content),
                other => panic!("a frame of {other}"),
            }
            bytes = rest;
        }
        assert!(bytes.is_empty(), "{bytes:?}");
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.head.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// The status and the reason of the refusal, in head or trailers.
    fn status(&self) -> (u32, Option<String>) {
        let all = self.head.iter().chain(&self.trailers);
        let of = |wanted: &str| all.clone().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str());
        let code = of("grpc-status").expect("a status").parse().expect("a number");
        let reason = of("grpc-status-details-bin").map(|details| {
            let details = STANDARD_NO_PAD.decode(details.trim_end_matches('=')).expect("base64");
            let details = RichStatus::decode(&details[..]).expect("a status").details;
            let info = details.into_iter().find(|any| any.type_url.ends_with("google.rpc.ErrorInfo"));
            ErrorInfo::decode(&info.expect("ErrorInfo").value[..]).expect("ErrorInfo").reason
        });
        (code, reason)
    }
}

fn trailers(content: &[u8]) -> Vec<(String, String)> {
    let text = std::str::from_utf8(content).expect("ASCII");
    text.lines().map(|line| line.split_once(':').expect("a colon")).map(|(a, b)| (a.into(), b.trim().into())).collect()
}

fn fetch(purpose: &str) -> FetchRecordsRequest {
    let record_types = vec!["resident.person.v1".into()];
    FetchRecordsRequest { personal_id: PERSON.into(), record_types, purpose: purpose.into(), ..Default::default() }
}

/// One request of HTTP/1.1, written out; the whole answer.
fn raw(address: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("it accepts");
    stream.write_all(request.as_bytes()).expect("written");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("text");
    answer
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_calls_by_grpc_web_as_others_call_by_grpc() {
    const FETCH: &str = "exchange.v1.ExchangeService/FetchRecords";
    let folder = tempfile::tempdir().expect("a temporary folder");
    let serving = Serving::start(folder.path(), &["--population", "0"]);
    let console = serving.console.as_deref().expect("a console");
    // Unary, in both forms.
    for web in [Web::new(console, "demo-one-stop"), Web::new(console, "demo-one-stop").text()] {
        let answer = web.with("origin", "http://localhost:3000").call(FETCH, &fetch("one_stop.verify_documents"));
        assert_eq!((answer.http, answer.status(), answer.messages.len()), (200, (0, None), 1), "{answer:?}");
        let whole = pool().get_message_by_name("lienthong.exchange.v1.FetchRecordsResponse").expect("described");
        let fetched = prost_reflect::DynamicMessage::decode(whole, &answer.messages[0][..]).expect("decodes");
        let records = fetched.get_field_by_name("records").expect("records");
        assert_eq!(records.as_list().expect("a list").len(), 1);
        assert_eq!(answer.header("access-control-allow-origin"), Some("http://localhost:3000"));
    }
    // An answer of several kilobytes of base64 is whole.
    let personas = Web::new(console, "demo-operator").text();
    let answer = personas.call("simulation.v1.SimulationService/ListPersonas", &ListPersonasRequest::default());
    let listed = ListPersonasResponse::decode(&answer.messages[0][..]).expect("personas");
    assert!(listed.personas.iter().any(|persona| persona.personal_id == PERSON));
    // The same admission: credentials, rights, purposes, methods, sessions.
    let links = ListLinksRequest { personal_id: PERSON.into(), ..Default::default() };
    let listing = "identity.v1.LinkService/ListLinks";
    let web = |credential: &str| Web::new(console, credential);
    let reason = |text: &str| Some(text.to_owned());
    let refusals = [
        (web("nonsense").call(FETCH, &fetch("x")), 16, reason("CREDENTIAL_MALFORMED")),
        (web("demo-one-stop").call(FETCH, &fetch("no.such.purpose")), 3, reason("INVALID_REQUEST")),
        (web("demo-bank").call(FETCH, &fetch("bank.know_your_customer")), 7, reason("CONSENT_MISSING")),
        (web("demo-citizen-042185990002").call(listing, &links), 7, reason("ROLE_NOT_ALLOWED")),
        (web("demo-one-stop").text().call(listing, &links), 7, reason("ROLE_NOT_ALLOWED")),
        (web("demo-one-stop").call("exchange.v1.ExchangeService/Nothing", &links), 12, reason("METHOD_UNKNOWN")),
        (web("demo-one-stop").with("x-lienthong-session", "gone").call(FETCH, &links), 5, reason("SESSION_UNKNOWN")),
    ];
    for (answer, code, reason) in refusals {
        assert_eq!((answer.http, answer.status()), (200, (code, reason)), "{answer:?}");
        assert!(answer.header("x-request-id").is_some() && answer.messages.is_empty(), "{answer:?}");
    }
    // And the same journal.
    let endpoint = tonic::transport::Endpoint::from_shared(format!("http://{}", serving.grpc)).expect("an address");
    let native = base(&endpoint.connect().await.expect("it accepts"));
    let filter = json!({ "filter": { "outcome": "CONSENT_MISSING" } });
    let listed = native.ask("demo-operator", "simulation.v1.JournalService/ListCalls", filter).await;
    assert_eq!(listed["calls"][0]["protocol"], "grpc-web", "{listed}");
    // An origin that may not call is not even asked for a credential.
    let foreign = web("demo-one-stop").with("origin", "https://evil.example").call(FETCH, &fetch("x"));
    assert_eq!((foreign.http, foreign.header("access-control-allow-origin")), (403, None));
    let passed_on = web("demo-one-stop").with("x-forwarded-for", "192.0.2.1").call(FETCH, &fetch("x"));
    assert_eq!(passed_on.http, 421, "a proxy's user asked for another name");
    let rebound = raw(
        console,
        &format!(
            "POST /lienthong.{FETCH} HTTP/1.1\r\nhost: evil.example\r\ncontent-type: {BINARY}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        ),
    );
    assert!(rebound.starts_with("HTTP/1.1 421 "), "{rebound}");
    // A client refused before its message was read gets the reason, even if the message is long and still being sent.
    let long = FetchRecordsRequest { reference: "x".repeat(3 << 20), ..fetch("x") };
    let refused = web("nonsense").call(FETCH, &long);
    assert_eq!((refused.http, refused.status().0), (200, 16), "{refused:?}");
    let refused = web("nonsense").text().call(FETCH, &long);
    assert_eq!((refused.http, refused.status().0), (200, 16), "{refused:?}");
    let foreign = web("demo-one-stop").with("origin", "https://evil.example").call(FETCH, &long);
    assert_eq!(foreign.http, 403, "{foreign:?}");
    // Each port tells clients of the other's protocol the right port.
    let answer = raw(&serving.grpc, "GET / HTTP/1.1\r\nhost: localhost\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 505 ") && answer.contains(&format!("at http://{console}.")), "{answer}");
    let endpoint = tonic::transport::Endpoint::from_shared(format!("http://{console}")).expect("an address");
    let wrong = base(&endpoint.connect().await.expect("it accepts"));
    let refused = wrong.call("demo-operator", "simulation.v1.SimulationService/GetWorld", json!({})).await;
    let refused = refused.expect_err("another port");
    assert!(refused.code() == tonic::Code::Unimplemented && refused.message().ends_with(&serving.grpc), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_comes_as_it_goes_and_ends_with_its_status() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let serving = Serving::start(folder.path(), &["--population", "0"]);
    let console = serving.console.as_deref().expect("a console");
    let endpoint = tonic::transport::Endpoint::from_shared(format!("http://{}", serving.grpc)).expect("an address");
    let world = base(&endpoint.connect().await.expect("it accepts"));
    let session = world.create(json!({})).await;
    let web = Web::new(console, "demo-operator").with("x-lienthong-session", session.id());
    let (head, body) = web.begin("province.v1.ProvinceService/WatchChanges", &WatchChangesRequest::default());
    assert_eq!((head.http, head.header("grpc-status")), (200, None));
    let (send, mut frames) = tokio::sync::mpsc::channel(64);
    std::thread::spawn(move || {
        let mut body = body;
        loop {
            let mut prefix = [0; 5];
            if body.read_exact(&mut prefix).is_err() {
                return;
            }
            let mut content = vec![0; u32::from_be_bytes([prefix[1], prefix[2], prefix[3], prefix[4]]) as usize];
            body.read_exact(&mut content).expect("a whole frame");
            if send.blocking_send((prefix[0], content)).is_err() {
                return;
            }
        }
    });
    let (first, content) = frames.recv().await.expect("a change");
    assert_eq!(first, 0);
    assert!(!WatchChangesResponse::decode(&content[..]).expect("a change").resume_token.is_empty());
    world.sessions("DeleteSession", json!({ "session_id": session.id() })).await;
    let end = loop {
        match frames.recv().await.expect("trailers at the end") {
            (0x80, content) => break trailers(&content),
            _ => continue,
        }
    };
    let ended = Answer { http: 200, head: Vec::new(), messages: Vec::new(), trailers: end };
    assert_eq!(ended.status(), (5, Some("SESSION_UNKNOWN".into())), "{ended:?}");
}

#[test]
fn requests_for_pages_and_files_have_ids_and_reasons_and_are_counted() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let serving = Serving::start(folder.path(), &["--population", "0"]);
    let console = serving.console.as_deref().expect("a console");
    let get = |path: &str, language: &str| {
        let head = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\naccept-language: {language}\r\n");
        raw(console, &format!("{head}x-request-id: job-7\r\nconnection: close\r\n\r\n"))
    };
    for (path, language, status, shown) in [
        ("/", "en", 200, "Overview"),
        ("/nothing", "en", 404, "NOT_FOUND: there is nothing at this path\nrequest: "),
        ("/status/nothing", "vi", 404, "NOT_FOUND: Không có gì ở đường dẫn này.\nrequest: "),
        ("/logs/nothing/checkpoint", "en", 404, "NOT_FOUND: there is no such log\nrequest: "),
        ("/logs/nothing/checkpoint", "vi", 404, "NOT_FOUND: Không có nhật ký này.\nrequest: "),
        ("/logs/records/tile/x", "en", 400, "INVALID_REQUEST: "),
        ("/sessions/nothing/logs/records/checkpoint", "en", 404, "SESSION_UNKNOWN: "),
        ("/vct/nothing", "en", 404, "\"error\":\"NOT_FOUND\""),
    ] {
        let answer = get(path, language);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")) && answer.contains(shown), "{path}: {answer}");
        let has = |line: &str| answer.to_ascii_lowercase().contains(line);
        assert!(has("x-request-id: job-7\r\n") && has("x-lienthong-request-id: "), "{path}: {answer}");
    }
    for (head, status, shown) in [
        ("GET /nothing HTTP/1.1\r\nhost: localhost\r\naccept: text/html", 404, "<code>NOT_FOUND</code>"),
        ("GET / HTTP/1.1\r\nhost: evil.example", 421, "INVALID_REQUEST: pages are answered under loopback names"),
        ("GET / HTTP/1.1\r\nhost: evil.example\r\naccept: text/html", 421, "<code>INVALID_REQUEST</code>"),
        (
            "POST /personas HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0",
            405,
            "INVALID_REQUEST: this path takes other",
        ),
    ] {
        let answer = raw(console, &format!("{head}\r\nconnection: close\r\n\r\n"));
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")) && answer.contains(shown), "{head}: {answer}");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        let id = head.lines().find_map(|line| line.strip_prefix("x-request-id: ")).expect("an id");
        assert!(body.contains(id), "{answer}");
        assert_eq!(head.contains("\r\nallow: GET,HEAD"), status == 405, "{answer}");
    }
    let metrics = get("/metrics", "en");
    let line = "lienthong_http_requests_total{route=\"/logs/{name}/checkpoint\",status=\"404\"} 2";
    assert!(metrics.contains(line), "{metrics}");
}

#[test]
fn the_list_of_origins_replaces_loopback_and_rates_hold() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let flags = ["--population", "0", "--cors-origin", "https://portal.example.vn", "--rate-limit", "5"];
    let serving = Serving::start(folder.path(), &flags);
    let console = serving.console.as_deref().expect("a console");
    let listing = |origin: &str| {
        let web = Web::new(console, "demo-operator").with("origin", origin);
        web.call("simulation.v1.SimulationService/ListPersonas", &ListPersonasRequest::default())
    };
    let own = format!("http://{console}");
    for (origin, expected) in [("https://portal.example.vn", 200), (&*own, 200), ("http://localhost:3000", 403)] {
        assert_eq!(listing(origin).http, expected, "{origin}");
    }
    let limited = (0..100).map(|_| listing("https://portal.example.vn").status()).find(|(code, _)| *code != 0);
    assert_eq!(limited, Some((8, Some("RATE_LIMITED".into()))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reflection_is_of_every_world_and_descriptions_in_a_session_are_the_sessions() {
    use prost_types::FileDescriptorProto;
    use tonic_reflection::pb::v1::ServerReflectionRequest;
    use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
    use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
    use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
    let education = lienthong::simulation::examples::all().into_iter().take(1).collect::<Vec<_>>();
    let name = education[0].name.to_string();
    let message = lienthong::wire::schema_messages::name(&education[0].record_types[0]);
    let with = |config| lienthong::server::Config { registries: education, ..config };
    let started = common::gateway().with(with).start().await;
    let world = base(&started.channel);
    let session = world.create(json!({})).await;
    let reflected = async |session: &str, ask: MessageRequest| -> Result<Option<MessageResponse>, tonic::Status> {
        let ask = ServerReflectionRequest { host: String::new(), message_request: Some(ask) };
        let mut request = tonic::Request::new(tokio_stream::once(ask));
        request.metadata_mut().insert("x-lienthong-session", session.parse().expect("ASCII"));
        let mut client = ServerReflectionClient::new(started.channel.clone());
        let mut answers = client.server_reflection_info(request).await?.into_inner();
        Ok(answers.message().await?.and_then(|answer| answer.message_response))
    };
    let services = || MessageRequest::ListServices(String::new());
    let Ok(Some(MessageResponse::ListServicesResponse(listed))) = reflected(session.id(), services()).await else {
        panic!("a session has reflection");
    };
    assert!(listed.service.iter().any(|service| service.name == "lienthong.registry.v1.RegistryService"));
    // The record types of the session's schema registries are messages beside the compiled ones.
    let symbol = MessageRequest::FileContainingSymbol(message.clone());
    let Ok(Some(MessageResponse::FileDescriptorResponse(files))) = reflected(session.id(), symbol).await else {
        panic!("{message} is known");
    };
    let file = FileDescriptorProto::decode(&*files.file_descriptor_proto[0]).expect("a file");
    assert_eq!(format!("{}.{}", file.package(), file.message_type[0].name()), message);
    // A client that asks reflection first sends the metadata of the call there too: the call itself is told that the session is gone.
    let gone = "00112233445566778899aabbccddeeff";
    assert!(reflected(gone, services()).await.is_ok(), "all worlds have the same protos");
    let refused = world.at(gone).refused("demo-operator", "registry.v1.RegistryService/Describe", json!({})).await;
    assert_eq!(refused.1, "SESSION_UNKNOWN");
    let describe = json!({ "registry": name });
    let inside = session.ask("demo-operator", "registry.v1.RegistryService/Describe", describe).await;
    let described = &inside["registries"][0];
    let origin = format!("lienthong/H27/session/{}/{name}", session.id());
    assert_eq!((&described["registry"], &described["logOrigin"]), (&json!(name), &json!(origin)), "{inside}");
}
