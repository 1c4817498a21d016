//! Every RPC of the descriptors, with no credential, malformed, foreign and expired ones; and a child's, by its guardian. The allowed callers are
//! read from the rights (`refusals/roles.rs` calls each by everybody).
//!
//! The calls are empty messages: credentials are checked before the content of a request.

#![allow(clippy::disallowed_methods, reason = "tests measure and wait by the machine's time")]

mod common;

use std::time::Duration;

use bytes::Bytes;
use common::{gateway, reason};
use lienthong::access::rights::{self, Rights};
use lienthong::api::credential::TokenMint;
use lienthong::base::Caller;
use lienthong::base::{AgencyId, Clock as _, Seed};
use lienthong::wire::codec::RawCodec;
use lienthong::wire::typed;
use prost::Message as _;
use prost_reflect::{DynamicMessage, MethodDescriptor};
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::metadata::MetadataValue;
use tonic::transport::Channel;
use tonic::{Code, Request, Status};
use tonic_prost::ProstCodec;

/// A persona who is a small child, and her mother.
const CHILD: &str = "042324990011";
const GUARDIAN: &str = "042196990023";

/// The allowed callers, by the rights.
fn callers(rights: &Rights, path: &str) -> Vec<String> {
    let row = rights.methods().find(|(name, _)| path.strip_prefix('/') == Some(name));
    row.unwrap_or_else(|| panic!("nobody said who may call {path}")).1.to_vec()
}

/// Calls an RPC with an empty message and this `authorization`, until its first answer.
async fn call(channel: &Channel, path: &str, is_stream: bool, authorization: Option<&str>) -> Result<(), Status> {
    let mut client = Grpc::new(channel.clone());
    client.ready().await.expect("connected");
    let mut request = Request::new(());
    request.set_timeout(Duration::from_secs(10));
    if let Some(value) = authorization {
        request.metadata_mut().insert("authorization", MetadataValue::try_from(value).expect("ASCII"));
    }
    let path = PathAndQuery::try_from(path.to_owned()).expect("a path");
    let codec = ProstCodec::<(), ()>::default();
    if is_stream {
        let mut answers = client.server_streaming(request, path, codec).await?.into_inner();
        tokio::time::timeout(Duration::from_secs(10), answers.message()).await.expect("it answers").map(|_| ())
    } else {
        client.unary(request, path, codec).await.map(|_| ())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_call_wants_a_credential_that_is_accepted() {
    let started = gateway().start().await;
    let now = lienthong::base::time::SystemClock.now();
    let agency = Caller::Agency(AgencyId::parse("operator").expect("a key"));
    let mint = |mint: &TokenMint, at| mint.mint(&agency, at, 60).expect("a token");
    let expired = format!("Bearer {}", mint(started.gateway.tokens(), now.plus_ms(-120_000)));
    // A party that knows the seed of a world knows the registries' keys, and still cannot mint tokens.
    let seeded = TokenMint::new(&Seed::root(42).child("key/credentials", 0)).expect("a mint");
    let foreign = format!("Bearer {}", mint(&seeded, now));
    let refused = [
        (None, "CREDENTIAL_MISSING"),
        (Some("demo-operator"), "CREDENTIAL_MALFORMED"),
        (Some("Basic b3BlcmF0b3I6"), "CREDENTIAL_MALFORMED"),
        (Some("Bearer "), "CREDENTIAL_MALFORMED"),
        (Some("Bearer not-a-token"), "CREDENTIAL_MALFORMED"),
        (Some("Bearer a.b.c"), "CREDENTIAL_MALFORMED"),
        (Some("Bearer demo-no-such-agency"), "CREDENTIAL_INVALID"),
        (Some("Bearer demo-citizen-12"), "CREDENTIAL_INVALID"),
        (Some(expired.as_str()), "CREDENTIAL_EXPIRED"),
        (Some(foreign.as_str()), "CREDENTIAL_INVALID"),
    ];
    let (mut walked, rights) = (0, rights::embedded());
    for service in typed::pool().services() {
        for method in service.methods() {
            let path = format!("/{}/{}", service.full_name(), method.name());
            let callers = callers(&rights, &path);
            let ask = |authorization| call(&started.channel, &path, method.is_server_streaming(), authorization);
            walked += 1;
            if callers == ["anyone"] {
                // An empty message may be a bad one; the point is that no credential is asked for.
                if let Err(status) = ask(None).await {
                    assert_eq!(status.code(), Code::InvalidArgument, "{path} is public: {status}");
                }
                continue;
            }
            for (authorization, expected) in &refused {
                let status = ask(*authorization).await.expect_err(&path);
                assert_eq!(
                    reason(&status),
                    (Code::Unauthenticated, (*expected).to_owned()),
                    "{path} {authorization:?}"
                );
            }
        }
    }
    assert!(walked > 40, "{walked} RPCs");
    started.end().await;
}

/// The result of a call about the child by this citizen: `OK` or the refusal's code.
async fn about_the_child(channel: &Channel, method: &MethodDescriptor, path: &str, citizen: &str) -> String {
    let mut message = DynamicMessage::new(method.input());
    message.set_field_by_name("personal_id", prost_reflect::Value::String(CHILD.into()));
    let mut request = Request::new(Bytes::from(message.encode_to_vec()));
    let credential = format!("Bearer demo-citizen-{citizen}");
    request.metadata_mut().insert("authorization", MetadataValue::try_from(credential).expect("ASCII"));
    let mut client = Grpc::new(channel.clone());
    client.ready().await.expect("connected");
    let path = PathAndQuery::try_from(path.to_owned()).expect("a path");
    client.unary(request, path, RawCodec).await.map_or_else(|status| reason(&status).1, |_| "OK".to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guardian_may_make_every_call_that_the_child_may() {
    let started = gateway().start().await;
    let (mut walked, rights) = (0, rights::embedded());
    for service in typed::pool().services() {
        for method in service.methods() {
            let path = format!("/{}/{}", service.full_name(), method.name());
            if !callers(&rights, &path).contains(&"subject".to_owned()) {
                continue;
            }
            // A child represents no organisation.
            if service.name() == "OrganisationService" {
                continue;
            }
            walked += 1;
            let ask = |citizen| about_the_child(&started.channel, &method, &path, citizen);
            let own = ask(CHILD).await;
            assert_ne!(own, "ROLE_NOT_ALLOWED", "{path}");
            assert_eq!(ask(GUARDIAN).await, own, "{path} by the guardian");
            assert_eq!(ask("042090990001").await, "ROLE_NOT_ALLOWED", "{path} by a stranger");
        }
    }
    assert!(walked >= 15, "{walked} RPCs");
    started.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn demo_credentials_are_not_believed_where_they_must_not_be() {
    let demo = lienthong::api::credential::DemoCredentials::Never;
    let started = gateway().with(|config| lienthong::server::Config { demo, ..config }).start().await;
    let path = "/lienthong.access.v1.AgencyService/ListAgencies";
    let status = call(&started.channel, path, false, Some("Bearer demo-operator")).await.expect_err("refused");
    assert_eq!(reason(&status), (Code::Unauthenticated, "DEMO_CREDENTIAL_REFUSED".to_owned()));
    let agency = Caller::Agency(AgencyId::parse("operator").expect("a key"));
    let now = lienthong::base::time::SystemClock.now();
    let token = started.gateway.tokens().mint(&agency, now, 60).expect("a token");
    call(&started.channel, path, false, Some(&format!("Bearer {token}"))).await.expect("a token is believed");
    started.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_tls_tokens_are_believed_demo_credentials_are_not_and_the_simulation_is_off() {
    use lienthong::server::net::Tls;
    use lienthong::server::{Config, Gateway, Listening};
    use tonic::transport::{Certificate, ClientTlsConfig, Endpoint};
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
    let demo = lienthong::api::credential::DemoCredentials::Never;
    let config = Config { demo, simulation: false, ..common::config() };
    let gateway = Gateway::open(config).await.expect("the gateway opens");
    let grpc = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let tls = Tls::of_pem(made.cert.pem().as_bytes(), made.signing_key.serialize_pem().as_bytes(), None);
    let tls = Some(tls.expect("a pair"));
    let running = gateway.start(Listening { tls, ..Listening::plaintext(grpc) }).await.expect("it serves");
    let trusted =
        ClientTlsConfig::new().ca_certificate(Certificate::from_pem(made.cert.pem())).domain_name("localhost");
    let endpoint = Endpoint::from_shared(format!("https://{}", running.grpc)).expect("an address");
    let channel = endpoint.tls_config(trusted).expect("TLS").connect().await.expect("a handshake");

    let agencies = "/lienthong.access.v1.AgencyService/ListAgencies";
    let status = call(&channel, agencies, false, Some("Bearer demo-operator")).await.expect_err("refused");
    assert_eq!(reason(&status), (Code::Unauthenticated, "DEMO_CREDENTIAL_REFUSED".to_owned()));
    let agency = Caller::Agency(AgencyId::parse("operator").expect("a key"));
    let now = lienthong::base::time::SystemClock.now();
    let token = gateway.tokens().mint(&agency, now, 60).expect("a token");
    let token = format!("Bearer {token}");
    call(&channel, agencies, false, Some(&token)).await.expect("a token is believed");
    let world = "/lienthong.simulation.v1.SimulationService/GetWorld";
    let status = call(&channel, world, false, Some(&token)).await.expect_err("not served");
    assert_eq!(status.code(), Code::Unimplemented);
    running.end().await.expect("ends");
}

/// Where the simulation is off, its services are absent, no session can be entered, and nothing goes wrong by a rule: neither a persona's nor that
/// of a citizen who was created while it was on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_simulation_there_are_no_services_no_sessions_and_no_faults() {
    use common::dynamic::Call;
    use lienthong::server::{Config, Storage};
    use serde_json::{Value, json};
    /// The registries are down for this one, and this one's records are signed by another registry.
    const DOWN: &str = "042090990201";
    const OTHER_ISSUER: &str = "042090990102";
    let folder = tempfile::tempdir().expect("a folder");
    let open = async |simulation: bool| {
        let storage = Storage::Folder(folder.path().to_owned());
        gateway().with(|config| Config { storage, simulation, ..config }).on_a_socket().start().await
    };
    let ask = async |channel: &Channel, method: &str, body: Value, headers: &[(&str, &str)]| {
        let call = Call { headers: Vec::new(), body: body.to_string(), method: format!("lienthong.{method}") };
        let who = if method.starts_with("exchange") { "one-stop" } else { "operator" };
        let call = call.with("authorization", &format!("Bearer demo-{who}"));
        let call = headers.iter().fold(call, |call, (name, value)| call.with(name, value));
        call.make(channel).await
    };
    let fetch = "exchange.v1.ExchangeService/FetchRecords";
    let of = |person: &str| json!({ "personal_id": person, "record_types": ["resident.person.v1"], "purpose": "one_stop.verify_documents" });

    let started = open(true).await;
    let asked = json!({ "request_id": "created-with-it", "situation": "unavailable" });
    let made =
        ask(&started.channel, "simulation.v1.SimulationService/CreatePerson", asked, &[]).await.expect("created");
    let created = made["person"]["personalId"].as_str().expect("an id").to_owned();
    let people = [DOWN, OTHER_ISSUER, &created];
    for person in people {
        ask(&started.channel, fetch, of(person), &[]).await.expect_err("a fault acts while it is on");
    }
    started.end().await.close().await;

    let started = open(false).await;
    let channel = &started.channel;
    for person in people {
        let fetched = ask(channel, fetch, of(person), &[]).await.unwrap_or_else(|status| panic!("{person}: {status}"));
        assert_eq!(fetched["records"][0]["verdict"], "VALID", "{person}: {fetched}");
    }
    for method in [
        "SimulationService/GetWorld",
        "SimulationService/CreatePerson",
        "SessionService/CreateSession",
        "FaultService/ListFaults",
        "FaultService/AddFaults",
        "JournalService/ListCalls",
    ] {
        let refused = ask(channel, &format!("simulation.v1.{method}"), json!({}), &[]).await.expect_err(method);
        assert_eq!(refused.code(), Code::Unimplemented, "{method}");
    }
    // A session is refused rather than served by the province, and so is a fault of a call's own; what a proxy adds is not read.
    let session = [("x-lienthong-session", "00112233445566778899aabbccddeeff")];
    let refused = ask(channel, fetch, of(DOWN), &session).await.expect_err("there are no sessions");
    assert_eq!(reason(&refused), (Code::NotFound, "SESSION_UNKNOWN".to_owned()));
    let own = [("x-lienthong-fault", "status=DATA_LOSS")];
    let refused = ask(channel, fetch, of(DOWN), &own).await.expect_err("it is not passed over");
    assert_eq!(reason(&refused), (Code::InvalidArgument, "INVALID_REQUEST".to_owned()));
    let of_a_proxy = [("x-envoy-fault-abort-grpc-request", "14"), ("x-envoy-fault-abort-percentage", "100")];
    ask(channel, fetch, of(DOWN), &of_a_proxy).await.expect("it is ignored");
    started.end().await.close().await;

    // They are a part of these citizens: they come back with the simulation.
    let started = open(true).await;
    for person in people {
        ask(&started.channel, fetch, of(person), &[]).await.expect_err("a fault acts again");
    }
    started.end().await.close().await;
}
