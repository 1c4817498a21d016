//! A log that stops under a serving gateway.

use tokio::net::TcpListener;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_types::StatusExt as _;

use super::*;
use crate::ledger::Entry;
use crate::server::Listening;
use crate::server::ended::Ended;
use crate::trust::merkle::hash_leaf;
use crate::wire::proto::exchange::v1::FetchRecordsRequest;
use crate::wire::proto::exchange::v1::exchange_service_client::ExchangeServiceClient;

async fn health(channel: &Channel, service: &str) -> ServingStatus {
    let asked = HealthCheckRequest { service: service.into() };
    HealthClient::new(channel.clone()).check(asked).await.expect("health answers").into_inner().status()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_whose_evidence_ledger_stops_says_so_and_ends() {
    let config = Config { storage: Storage::Memory, population: Some(0), ..Config::default() };
    let gateway = Gateway::open(config).await.expect("opens");
    let socket = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let mut running = gateway.start(Listening::plaintext(socket)).await.expect("it serves");
    let endpoint = Endpoint::from_shared(format!("http://{}", running.grpc)).expect("an address");
    let channel = endpoint.connect().await.expect("it accepts");
    let fetch = async || {
        let mut request = Request::new(FetchRecordsRequest {
            personal_id: "042090990001".into(),
            record_types: vec!["vehicle.registration.v1".into()],
            purpose: "one_stop.verify_documents".into(),
            ..Default::default()
        });
        request.metadata_mut().insert("authorization", "Bearer demo-one-stop".parse().expect("ASCII"));
        ExchangeServiceClient::new(channel.clone()).fetch_records(request).await
    };
    fetch().await.expect("nothing is wrong yet");
    assert_eq!(health(&channel, "").await, ServingStatus::Serving);

    let body = bytes::Bytes::from_static(b"an entry");
    let entry = Entry { leaf: hash_leaf(&body), body };
    let defect = gateway.assembly.gateway.evidence.append(vec![entry], |_| panic!("a defect, made by this test")).await;
    assert_eq!(defect.expect_err("nobody writes").reason, Reason::StorageUnavailable);
    assert_eq!(running.ended().await, Ended::Log, "the process has to end");
    let refused = fetch().await.expect_err("no disclosure without its evidence");
    let details = refused.get_error_details();
    let reason = details.error_info().map(|info| info.reason.as_str());
    assert_eq!((refused.code(), reason), (Code::Unavailable, Some("STORAGE_UNAVAILABLE")), "{refused:?}");
    assert!(details.retry_info().is_some(), "{refused:?}");
    for (service, expected) in [
        ("", ServingStatus::NotServing),
        ("lienthong.exchange.v1.ExchangeService", ServingStatus::NotServing),
        ("lienthong.trust.v1.LedgerService", ServingStatus::Serving),
    ] {
        crate::world::until::until_answered(service, async || {
            (health(&channel, service).await == expected).then_some(())
        })
        .await;
    }
    drop(channel);
    running.end().await.expect("it ends");
    gateway.close().await;
}
