//! Registries on hosts of their own: a gateway that uses them is the same province, what they acknowledge is kept, and one that is not there costs its own part
//! of an answer alone.

#![allow(clippy::disallowed_methods, reason = "tests measure and wait by the machine's time")]

#[path = "../common/mod.rs"]
mod common;
mod certificates;
mod feeds;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use common::until::until_answered;
use common::{Started, as_agency, as_citizen, broken, gateway, reason};
use lienthong::api::remote::HostAddress;
use lienthong::base::Timestamp;
use lienthong::base::time::FixedClock;
use lienthong::server::upkeep;
use lienthong::server::{Config, Gateway, Listening, RegistryHost, Running, Storage};
use lienthong::wire::proto::exchange::v1::exchange_service_client::ExchangeServiceClient;
use lienthong::wire::proto::exchange::v1::{FetchRecordsRequest, MissingReason};
use lienthong::wire::proto::identity::v1::link_service_client::LinkServiceClient;
use lienthong::wire::proto::identity::v1::{DocumentType, LinkDocumentRequest, LinkState};
use lienthong::wire::proto::province::v1::province_service_client::ProvinceServiceClient;
use lienthong::wire::proto::province::v1::{FeedState, ListFeedsRequest};
use lienthong::wire::proto::registry::v1::issuing_service_client::IssuingServiceClient;
use lienthong::wire::proto::registry::v1::registry_service_client::RegistryServiceClient;
use lienthong::wire::proto::registry::v1::{
    AllRecords, Change, DescribeRequest, GetIssuingKeyRequest, GetRecordsRequest, NaturalKey, Operation, PersonName,
    PutRecordsRequest, RecordContent, SubmitChangesRequest, get_records_request::Selector,
};
use lienthong::wire::proto::trust::v1::GetCheckpointRequest;
use lienthong::wire::proto::trust::v1::GetStatusListRequest;
use lienthong::wire::proto::trust::v1::ledger_service_client::LedgerServiceClient;
use lienthong::wire::proto::trust::v1::status_service_client::StatusServiceClient;
use lienthong::wire::ready::FetchRecordsResponse;
use prost_types::value::Kind;
use tokio::net::TcpListener;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};

/// A morning on which all begin.
const MORNING: Timestamp = Timestamp(1_796_025_600_000);
const NOTHING_LINKED: &str = "042185990002";
const VEHICLE: &str = "vehicle.registration.v1";
const CARD: &str = "health_insurance.card.v1";
const ALL: [&str; 9] = [
    "resident",
    "land",
    "social_insurance",
    "judicial",
    "business",
    "health_insurance",
    "driver_licence",
    "vehicle",
    "civil_status",
];

/// The settings of a process of this province.
fn config(population: u64) -> Config {
    Config {
        storage: Storage::Memory,
        population: Some(population),
        clock: Arc::new(FixedClock::at(MORNING)),
        ..Config::default()
    }
}

/// A host at work.
struct Host {
    host: RegistryHost,
    running: Running,
    registries: Vec<String>,
}

impl Host {
    async fn start(registries: &[&str], config: Config, port: u16) -> Self {
        let registries: Vec<String> = registries.iter().map(|name| (*name).to_owned()).collect();
        let host = RegistryHost::open(config, &registries).await.expect("the host opens");
        let socket = TcpListener::bind(("127.0.0.1", port)).await.expect("the port is free");
        let running = host.start(Listening::plaintext(socket)).await.expect("it serves");
        Self { host, running, registries }
    }

    fn addresses(&self) -> impl Iterator<Item = (String, HostAddress)> + '_ {
        let address =
            HostAddress { address: self.running.grpc.to_string(), tls: None, credential: Some("demo-gateway".into()) };
        self.registries.iter().map(move |name| (name.clone(), address.clone()))
    }

    async fn channel(&self) -> Channel {
        let endpoint = Endpoint::from_shared(format!("http://{}", self.running.grpc)).expect("an address");
        endpoint.connect().await.expect("it accepts")
    }

    /// Ends it; gives the port on which it was reached.
    async fn end(self) -> u16 {
        let port = self.running.grpc.port();
        self.running.end().await.expect("it ends");
        self.host.close().await;
        port
    }
}

fn addresses(hosts: &[&Host]) -> BTreeMap<String, HostAddress> {
    hosts.iter().flat_map(|host| host.addresses()).collect()
}

/// A gateway over these hosts.
async fn over(hosts: &[&Host], config: Config) -> Started {
    let hosts = addresses(hosts);
    gateway().with(|_| Config { hosts, ..config }).start().await
}

/// The head of the record ledger.
async fn records(started: &Started) -> String {
    let request = GetCheckpointRequest { log: "records".into() };
    let answer = LedgerServiceClient::new(started.channel.clone()).get_checkpoint(request).await;
    let note = answer.expect("public").into_inner().checkpoint;
    note.lines().take(3).collect::<Vec<_>>().join("\n") // origin, size, root
}

async fn fetch(channel: &Channel, types: &[&str], seconds: u64) -> Result<FetchRecordsResponse, Status> {
    let request = FetchRecordsRequest {
        personal_id: "042090990001".into(),
        record_types: types.iter().map(|name| (*name).to_owned()).collect(),
        purpose: "one_stop.verify_documents".into(),
        ..Default::default()
    };
    let mut request = as_agency("one-stop", request);
    request.set_timeout(Duration::from_secs(seconds));
    ExchangeServiceClient::new(channel.clone()).fetch_records(request).await.map(tonic::Response::into_inner)
}

fn text(text: &str) -> prost_types::Value {
    prost_types::Value { kind: Some(Kind::StringValue(text.into())) }
}

/// A membership of the social insurance, as a change.
fn membership(number: u64, status: &str, version: u64) -> SubmitChangesRequest {
    let fields = [("personal_id", format!("0421{number:08}")), ("status", status.to_owned())];
    let payload = fields.iter().map(|(name, value)| ((*name).to_owned(), text(value))).collect();
    let operation = if version == 0 { Operation::Create } else { Operation::Update };
    SubmitChangesRequest {
        registry: "social_insurance".into(),
        request_id: format!("membership-{number:08}-{version}"),
        changes: vec![Change {
            record_type: "social_insurance.membership.v1".into(),
            operation: operation.into(),
            expected_version: version,
            payload: Some(prost_types::Struct { fields: payload }),
            ..Default::default()
        }],
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_province_over_hosts_is_the_province_of_one_process() {
    let alone = gateway().with(|_| config(150)).start().await;
    let some = Host::start(&["land", "vehicle", "resident"], config(150), 0).await;
    let others = Host::start(&["health_insurance", "driver_licence"], config(150), 0).await;
    let joined = over(&[&some, &others], config(150)).await;
    assert_eq!(records(&joined).await, records(&alone).await, "the same statements in the same order");

    let every = Host::start(&ALL, config(150), 0).await;
    let thin = over(&[&every], config(150)).await;
    assert_eq!(records(&thin).await, records(&alone).await, "a gateway without a registry of its own");

    // What a citizen and an agency do, over both.
    for started in [&joined, &thin] {
        let mut links = LinkServiceClient::new(started.channel.clone());
        let request = LinkDocumentRequest {
            personal_id: NOTHING_LINKED.into(),
            document_type: DocumentType::HealthInsuranceCard.into(),
            ..Default::default()
        };
        let linked = links.link_document(as_citizen(NOTHING_LINKED, request)).await.expect("links").into_inner();
        assert_eq!(linked.link.expect("a link").state(), LinkState::Linked);
        let fetched = fetch(&started.channel, &["resident.person.v1", CARD], 10).await.expect("fetches");
        assert_eq!(fetched.missing.len(), 0, "{:?}", fetched.missing);
        let list = GetStatusListRequest { record_type: CARD.into() };
        let list = StatusServiceClient::new(started.channel.clone()).get_status_list(list).await;
        assert!(!list.expect("signed by the host").into_inner().token.is_empty());
    }
    for started in [joined, thin, alone] {
        started.end().await.close().await;
    }
    for host in [some, others, every] {
        host.end().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_go_through_the_gateway_to_the_host_and_its_refusals_back() {
    let host = Host::start(&["social_insurance", "resident"], config(0), 0).await;
    let started = over(&[&host], config(0)).await;
    let mut registries = RegistryServiceClient::new(started.channel.clone());
    let submit = |request| as_agency("social-insurance", request);
    let receipt = registries.submit_changes(submit(membership(1, "active", 0))).await.expect("entered").into_inner();
    let receipt = &receipt.receipts[0];
    assert!(receipt.ledger_index > receipt.log_index, "the gateway adds the index: {receipt:?}");
    let again = registries.submit_changes(submit(membership(1, "active", 0))).await.expect("the same").into_inner();
    assert_eq!((&again.receipts[0].record_id, again.receipts[0].version), (&receipt.record_id, 1));

    let stale = registries.submit_changes(submit(membership(1, "preserved", 7))).await.expect_err("another version");
    assert_eq!(reason(&stale), (Code::Aborted, "VERSION_CONFLICT".into()));
    let wrong = registries.submit_changes(submit(membership(2, "asleep", 0))).await.expect_err("no such status");
    assert_eq!(reason(&wrong), (Code::InvalidArgument, "INVALID_REQUEST".into()));
    assert!(broken(&wrong).iter().any(|said| said.contains("UNKNOWN_VALUE")), "{:?}", broken(&wrong));

    let mut put = membership(3, "active", 0).changes;
    let record = put.remove(0);
    let put = PutRecordsRequest {
        registry: "social_insurance".into(),
        records: vec![RecordContent { record_type: record.record_type, payload: record.payload }],
        validate_only: false,
    };
    let outcome = registries.put_records(submit_put(put)).await.expect("put").into_inner().outcomes.remove(0);
    assert!(outcome.receipt.is_some_and(|receipt| receipt.ledger_index > 0), "accepted by the province");

    // Every way to choose records crosses the network.
    let get =
        |selector| GetRecordsRequest { registry: "resident".into(), selector: Some(selector), ..Default::default() };
    let mut found = async |selector| {
        let request = as_agency("police", get(selector));
        registries.get_records(request).await.map(|answer| answer.into_inner().records.len())
    };
    assert!(found(Selector::PersonalId("042090990001".into())).await.expect("reads") > 0);
    let key = NaturalKey { record_type: "resident.person.v1".into(), values: vec!["042090990001".into()] };
    assert_eq!(found(Selector::NaturalKey(key)).await.expect("reads"), 1);
    assert_eq!(found(Selector::All(AllRecords {})).await.expect("reads"), 50, "a page");
    let name = PersonName { full_name: "khong co ai ten nay".into(), birth_date: "1990".into() };
    assert_eq!(found(Selector::PersonName(name)).await.expect("reads"), 0);
    assert_eq!(found(Selector::OldIdNumber("999999999".into())).await.expect("reads"), 0);

    started.end().await.close().await;
    host.end().await;
}

fn submit_put(request: PutRecordsRequest) -> tonic::Request<PutRecordsRequest> {
    as_agency("social-insurance", request)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_is_down_costs_its_own_part_and_is_whole_again_within_three_seconds() {
    let folder = tempfile::tempdir().expect("a folder");
    let kept = |path: &Path| Config { storage: Storage::Folder(path.to_owned()), ..config(0) };
    let host = Host::start(&["health_insurance"], kept(folder.path()), 0).await;
    let insurance = Host::start(&["social_insurance"], config(0), 0).await;
    let started = over(&[&host, &insurance], config(0)).await;
    let types = ["resident.person.v1", CARD];
    assert!(fetch(&started.channel, &types, 10).await.expect("whole").missing.is_empty());

    let port = host.end().await;
    let begun = Instant::now();
    for _ in 0..8 {
        // The record may be cached; a citizen's other records are not.
        let part = fetch(&started.channel, &types, 5).await.expect("a part of the answer");
        let missing: Vec<_> = part.missing.iter().map(|one| (&*one.record_type, one.reason())).collect();
        assert_eq!(missing, [(CARD, MissingReason::Unreachable)]);
        assert_eq!(part.records.len(), 1, "what could be had");
    }
    assert!(
        begun.elapsed() < Duration::from_secs(20),
        "nobody waits for the deadline each time: {:?}",
        begun.elapsed()
    );
    let feeds = ProvinceServiceClient::new(started.channel.clone());
    let state = async |feeds: &ProvinceServiceClient<Channel>, registry: &str| {
        let answer = feeds.clone().list_feeds(as_agency("operator", ListFeedsRequest {})).await;
        let feeds = answer.expect("feeds").into_inner().feeds;
        feeds.into_iter().find(|feed| feed.registry == registry).map(|feed| feed.state())
    };
    assert_eq!(state(&feeds, "health_insurance").await, Some(FeedState::Waiting));
    assert_eq!(state(&feeds, "social_insurance").await, Some(FeedState::Following));
    let mut registries = RegistryServiceClient::new(started.channel.clone());
    registries
        .submit_changes(as_agency("social-insurance", membership(9, "active", 0)))
        .await
        .expect("the other works");

    let host = Host::start(&["health_insurance"], kept(folder.path()), port).await;
    let begun = Instant::now();
    until_answered("whole answers again", async || {
        fetch(&started.channel, &types, 5).await.ok().filter(|answer| answer.missing.is_empty())
    })
    .await;
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    until_answered("the feed follows again", async || {
        state(&feeds, "health_insurance").await.filter(|state| *state == FeedState::Following)
    })
    .await;
    started.end().await.close().await;
    host.end().await;
    insurance.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_over_hosts_checks_clean_and_is_not_opened_without_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let kept = || Config { storage: Storage::Folder(folder.path().to_owned()), ..config(30) };
    let host = Host::start(&["social_insurance", "vehicle"], config(30), 0).await;
    let started = over(&[&host], kept()).await;
    let mut registries = RegistryServiceClient::new(started.channel.clone());
    for (status, version) in [("active", 0), ("preserved", 1), ("active", 2)] {
        let request = as_agency("social-insurance", membership(5, status, version));
        registries.submit_changes(request).await.expect("entered");
    }
    drop(registries);
    started.end().await.close().await;

    let report = upkeep::check_folder(folder.path(), &|_, _, _| {}).await.expect("checks");
    assert!(report.findings.is_empty(), "{:?}", report.findings);
    let refused = upkeep::rebuild_folder(folder.path(), &|_, _, _| {}).await.expect_err("nothing to derive from");
    assert!(refused.message.contains("hosts of their own"), "{}", refused.message);
    let alone = Gateway::open(kept()).await.err().expect("the registry would begin anew").message.clone();
    assert!(alone.contains("--registry social_insurance=ADDRESS") || alone.contains("--registry vehicle="), "{alone}");
    let all = Host::start(&["social_insurance", "vehicle", "land"], config(30), 0).await;
    let more = Config { hosts: addresses(&[&all]), ..kept() };
    let moved = Gateway::open(more).await.err().expect("its records are here").message.clone();
    assert!(moved.contains("land") && moved.contains("in this data folder"), "{moved}");
    let again = over(&[&host], kept()).await;
    assert!(fetch(&again.channel, &[CARD], 10).await.is_ok());
    again.end().await.close().await;
    host.end().await;
    all.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_of_another_world_is_refused_and_a_host_answers_to_its_own() {
    let host = Host::start(&["vehicle"], config(20), 0).await;
    let refused = async |config: Config| {
        let config = Config { hosts: addresses(&[&host]), ..config };
        Gateway::open(config).await.err().expect("refused").message.clone()
    };
    for other in [config(21), Config { seed: Some(7), ..config(20) }, Config { province: None, ..config(0) }] {
        let said = refused(other).await;
        assert!(said.contains("vehicle") && said.contains("seeded for other citizens"), "{said}");
    }
    let mut hosts = addresses(&[&host]);
    let address = hosts.remove("vehicle").expect("there");
    let unknown = Config { hosts: [("vehicel".to_owned(), address)].into(), ..config(20) };
    let said = Gateway::open(unknown).await.err().expect("refused").message.clone();
    assert!(said.contains("no registry vehicel") && said.contains("vehicle"), "{said}");

    let channel = host.channel().await;
    let mut registries = RegistryServiceClient::new(channel.clone());
    let described = registries.describe(as_agency("gateway", DescribeRequest::default())).await.expect("describes");
    let described = described.into_inner().registries;
    assert_eq!(described.iter().map(|one| &*one.registry).collect::<Vec<_>>(), ["vehicle"], "its own alone");
    assert!(
        described[0].began_at.is_some() && !described[0].seeding.is_empty() && described[0].capabilities.len() == 3
    );
    let mut issuing = IssuingServiceClient::new(channel.clone());
    let key = GetIssuingKeyRequest { registry: "vehicle".into() };
    issuing.get_issuing_key(as_agency("gateway", key.clone())).await.expect("the gateway may");
    for stranger in ["police", "operator", "bank"] {
        let refused = issuing.get_issuing_key(as_agency(stranger, key.clone())).await.expect_err("nobody else may");
        assert_eq!(reason(&refused), (Code::PermissionDenied, "ROLE_NOT_ALLOWED".into()), "{stranger}");
    }
    let get = GetRecordsRequest {
        registry: "vehicle".into(),
        record_types: vec![VEHICLE.into()],
        selector: Some(Selector::All(AllRecords {})),
        ..Default::default()
    };
    let found = registries.get_records(as_agency("police", get.clone())).await.expect("its owner").into_inner();
    assert!(found.records.iter().all(|record| record.record.as_ref().is_some_and(|one| one.ledger_proof.is_none())));
    let name = Selector::PersonName(PersonName { full_name: "an".into(), birth_date: String::new() });
    let foreign = registries.get_records(as_agency("police", GetRecordsRequest { selector: Some(name), ..get })).await;
    assert_eq!(reason(&foreign.expect_err("no people here")).0, Code::InvalidArgument);
    host.end().await;
}
