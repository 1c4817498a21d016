//! TLS between a gateway and its hosts: each side is known by its certificate.

use std::collections::BTreeMap;

use lienthong::api::credential::DemoCredentials;
use lienthong::api::remote::HostAddress;
use lienthong::api::remote::tls::ClientTls;
use lienthong::base::time::SystemClock;
use lienthong::base::{AgencyId, Caller, Clock as _};
use lienthong::server::net::Tls;
use lienthong::server::{Config, Gateway, Listening, RegistryHost, Storage};
use lienthong::wire::proto::province::v1::ListFeedsRequest;
use lienthong::wire::proto::province::v1::province_service_client::ProvinceServiceClient;
use lienthong::wire::proto::registry::v1::GetIssuingKeyRequest;
use lienthong::wire::proto::registry::v1::issuing_service_client::IssuingServiceClient;
use lienthong::wire::proto::simulation::v1::AdvanceClockRequest;
use lienthong::wire::proto::simulation::v1::advance_clock_request::Target;
use lienthong::wire::proto::simulation::v1::simulation_service_client::SimulationServiceClient;
use tokio::net::TcpListener;
use tonic::Code;
use tonic::transport::{Channel, Endpoint};

use super::common::{gateway, reason, with_credential};
use super::{CARD, fetch};

/// A private authority, and what it certifies.
struct Authority {
    issuer: rcgen::Issuer<'static, rcgen::KeyPair>,
    pem: String,
}

impl Authority {
    fn new() -> Self {
        let mut params = rcgen::CertificateParams::default();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let key = rcgen::KeyPair::generate().expect("a key");
        let pem = params.self_signed(&key).expect("a certificate").pem();
        Self { issuer: rcgen::Issuer::new(params, key), pem }
    }

    /// A certificate and its key: of a server of this machine, and of the agency's system. It ends in 60 days or, `is_old`, years ago.
    fn certify(&self, agency: &str, is_old: bool) -> (Vec<u8>, Vec<u8>) {
        let mut params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
        params.subject_alt_names.push(rcgen::SanType::IpAddress([127, 0, 0, 1].into()));
        if !agency.is_empty() {
            let uri = format!("urn:lienthong:agency:{agency}").try_into().expect("ASCII");
            params.subject_alt_names.push(rcgen::SanType::URI(uri));
        }
        if is_old {
            (params.not_before, params.not_after) =
                (rcgen::date_time_ymd(2020, 1, 1), rcgen::date_time_ymd(2021, 1, 1));
        } else {
            let year = SystemClock.now().date().year();
            params.not_before = rcgen::date_time_ymd(i32::from(year) - 1, 1, 1);
            params.not_after = rcgen::date_time_ymd(i32::from(year) + 2, 1, 1);
        }
        let key = rcgen::KeyPair::generate().expect("a key");
        let made = params.signed_by(&key, &self.issuer).expect("a certificate");
        (made.pem().into_bytes(), key.serialize_pem().into_bytes())
    }

    /// TLS of a server that knows clients of this authority.
    fn server(&self) -> Tls {
        let (certificate, key) = self.certify("", false);
        Tls::of_pem(&certificate, &key, Some(self.pem.as_bytes())).expect("usable")
    }

    /// TLS towards a server of this authority; `own` is shown.
    fn client(&self, own: Option<(Vec<u8>, Vec<u8>)>) -> ClientTls {
        let own = own.as_ref().map(|(certificate, key)| (&certificate[..], &key[..]));
        ClientTls::of_pem(self.pem.as_bytes(), own).expect("usable")
    }
}

async fn connect(address: std::net::SocketAddr, tls: ClientTls) -> Channel {
    let endpoint = Endpoint::from_shared(format!("http://{address}")).expect("an address");
    endpoint.connect_with_connector(tls).await.expect("it accepts")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_is_known_at_a_host_by_its_certificate() {
    let authority = Authority::new();
    let config = || Config { storage: Storage::Memory, population: Some(0), ..Config::default() };
    let of_host = Config { demo: DemoCredentials::Never, ..config() };
    let host = RegistryHost::open(of_host, &["health_insurance".to_owned()]).await.expect("the host opens");
    let socket = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let listening = Listening { tls: Some(authority.server()), ..Listening::plaintext(socket) };
    let running = host.start(listening).await.expect("it serves");
    let as_gateway = authority.client(Some(authority.certify("gateway", false)));
    let address = HostAddress { address: running.grpc.to_string(), tls: Some(as_gateway), credential: None };
    let hosts: BTreeMap<_, _> = [("health_insurance".to_owned(), address)].into();
    let started = gateway().with(|_| Config { hosts, simulation: true, ..config() }).start().await;
    let fetched = fetch(&started.channel, &[CARD], 10).await.expect("fetches");
    assert_eq!((fetched.records.len(), fetched.missing.len()), (1, 0));

    // Another agency's certificate, none, and one of another authority.
    let key = GetIssuingKeyRequest { registry: "health_insurance".into() };
    for (tls, expected) in [
        (authority.client(Some(authority.certify("bank", false))), (Code::PermissionDenied, "ROLE_NOT_ALLOWED")),
        (authority.client(Some(authority.certify("nobody", false))), (Code::Unauthenticated, "CREDENTIAL_INVALID")),
        (authority.client(Some(authority.certify("", false))), (Code::Unauthenticated, "CREDENTIAL_INVALID")),
        (authority.client(None), (Code::Unauthenticated, "CREDENTIAL_MISSING")),
    ] {
        let mut issuing = IssuingServiceClient::new(connect(running.grpc, tls).await);
        let refused = issuing.get_issuing_key(key.clone()).await.expect_err("refused");
        assert_eq!(reason(&refused), (expected.0, expected.1.to_owned()));
    }
    let other = Authority::new();
    for strange in [other.certify("gateway", false), authority.certify("gateway", true)] {
        let endpoint = Endpoint::from_shared(format!("http://{}", running.grpc)).expect("an address");
        let refused = match endpoint.connect_with_connector(authority.client(Some(strange))).await {
            Err(_) => true,
            // TLS 1.3: the client learns with its first call.
            Ok(channel) => IssuingServiceClient::new(channel).get_issuing_key(key.clone()).await.is_err(),
        };
        assert!(refused, "the handshake verifies the chain at the machine's time");
    }
    started.end().await.close().await;
    running.end().await.expect("it ends");
    host.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_that_lapses_at_the_worlds_time_is_refused_at_admission() {
    let authority = Authority::new();
    let config =
        Config { storage: Storage::Memory, population: Some(0), demo: DemoCredentials::Never, ..Config::default() };
    let gateway = Gateway::open(config).await.expect("the gateway opens");
    let socket = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let listening = Listening { tls: Some(authority.server()), ..Listening::plaintext(socket) };
    let running = gateway.start(listening).await.expect("it serves");
    let certified =
        async |agency| connect(running.grpc, authority.client(Some(authority.certify(agency, false)))).await;
    let operator = certified("operator").await;
    let feeds = async || ProvinceServiceClient::new(operator.clone()).list_feeds(ListFeedsRequest {}).await;
    feeds().await.expect("the certificate is a credential");

    // A token of another agency beside the certificate.
    let bank = Caller::Agency(AgencyId::parse("bank").expect("a key"));
    let token = gateway.tokens().mint(&bank, SystemClock.now(), 600).expect("a token");
    let both = with_credential(&token, ListFeedsRequest {});
    let refused = ProvinceServiceClient::new(operator.clone()).list_feeds(both).await.expect_err("two agencies");
    assert_eq!(reason(&refused), (Code::Unauthenticated, "CREDENTIAL_INVALID".into()));

    let request = AdvanceClockRequest {
        request_id: "to-the-year-after".into(),
        target: Some(Target::By(prost_types::Duration { seconds: 3 * 366 * 86_400, nanos: 0 })),
    };
    SimulationServiceClient::new(operator.clone()).advance_clock(request).await.expect("moves");
    let lapsed = feeds().await.expect_err("lapsed");
    assert_eq!(reason(&lapsed), (Code::Unauthenticated, "CREDENTIAL_EXPIRED".into()));
    certified("operator").await; // TLS goes by the machine's time
    running.end().await.expect("it ends");
    gateway.close().await;
}
