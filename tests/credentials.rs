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
