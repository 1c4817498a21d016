//! The check of a store while it is served from: it finds damage, and does not mistake changes for it.

use std::time::Duration;

use lienthong::server::Config;
use lienthong::store::{Batch, Scan, Space, Store as _};
use lienthong::wire::proto::exchange::v1::FetchRecordsRequest;
use lienthong::wire::proto::exchange::v1::exchange_service_client::ExchangeServiceClient;
use lienthong::wire::proto::identity::v1::ListLinksRequest;
use lienthong::wire::proto::identity::v1::link_service_client::LinkServiceClient;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use super::common::{self, Started, as_agency, as_citizen, enter_membership, gateway, preserve_membership};
use super::{ASKED_ABOUT, end, kept, live, open};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_written_meanwhile_is_no_damage() {
    let folder = tempfile::tempdir().unwrap();
    let every = Duration::from_millis(50);
    let started =
        gateway().with(|_| Config { check_every: Some(every), ..kept(folder.path()) }).on_a_socket().start().await;
    let checked = |started: &Started| started.gateway.last_check().map(|last| (last.count, last.faults));
    let mut number = 0;
    while number < 30 || checked(&started).is_none_or(|(count, _)| count < 3) {
        let fetch = async {
            let request = FetchRecordsRequest {
                personal_id: ASKED_ABOUT.into(),
                record_types: vec!["vehicle.registration.v1".into(), "land.certificate.v1".into()],
                purpose: "one_stop.verify_documents".into(),
                ..Default::default()
            };
            let mut exchange = ExchangeServiceClient::new(started.channel.clone());
            exchange.fetch_records(as_agency("one-stop", request)).await.unwrap();
        };
        let change = async {
            enter_membership(&started.channel, number).await;
            preserve_membership(&started.channel, number).await;
        };
        tokio::join!(fetch, change);
        number += 1;
    }
    assert_eq!(checked(&started).map(|(_, faults)| faults), Some(0), "after {number} changes");
    end(started).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn damage_made_while_serving_is_found() {
    let folder = tempfile::tempdir().unwrap();
    live(folder.path()).await;
    // A row of an index is lost, so that its count is right and nothing can be seen at a start.
    let store = open(folder.path());
    let row = store.scan(Scan::prefix(Space::RecordIndex, b"").limit(40)).await.unwrap().pop().unwrap();
    let other = [&row.0[..], b"x"].concat();
    store.commit(Batch::new().delete(Space::RecordIndex, row.0).put(Space::RecordIndex, other, "")).await.unwrap();
    drop(store);
    let started = gateway()
        .with(|_| Config { check_every: Some(Duration::from_millis(1)), ..kept(folder.path()) })
        .on_a_socket()
        .start()
        .await;
    let mut health = HealthClient::new(started.channel.clone());
    let asked = HealthCheckRequest { service: "lienthong.registry.v1.RegistryService".into() };
    let mut statuses = health.watch(asked).await.unwrap().into_inner();
    while statuses.message().await.unwrap().unwrap().status() != ServingStatus::NotServing {}
    assert!(started.gateway.last_check().is_some_and(|last| last.faults == 1));
    end(started).await;
}

/// A row that the engine gives back and that means nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_that_means_nothing_speaks_against_the_service_that_met_it() {
    let folder = tempfile::tempdir().unwrap();
    live(folder.path()).await;
    let store = open(folder.path());
    let row = store.scan(Scan::prefix(Space::Link, b"").limit(1)).await.unwrap().remove(0);
    store.commit(Batch::new().put(Space::Link, row.0.clone(), "nonsense")).await.unwrap();
    drop(store);
    let holder = std::str::from_utf8(&row.0[..12]).unwrap();
    let started = gateway().with(|_| kept(folder.path())).on_a_socket().start().await;
    let mut health = HealthClient::new(started.channel.clone());
    let mut serving = async |service: &str| {
        let asked = HealthCheckRequest { service: service.into() };
        health.check(asked).await.unwrap().into_inner().status() == ServingStatus::Serving
    };
    assert!(serving("").await && serving("lienthong.identity.v1.LinkService").await);
    let mut links = LinkServiceClient::new(started.channel.clone());
    let request = ListLinksRequest { personal_id: holder.into(), ..Default::default() };
    let status = links.list_links(as_citizen(holder, request)).await.expect_err("damaged");
    assert_eq!(common::reason(&status), (tonic::Code::DataLoss, "STORAGE_CORRUPT".into()));
    assert!(!serving("").await && !serving("lienthong.identity.v1.LinkService").await);
    assert!(serving("lienthong.province.v1.ProvinceService").await);
    end(started).await;
}
