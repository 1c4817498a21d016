//! The feed of a registry on a host of its own, as health shows it: a host that is not there, and one that comes back with another history.

use lienthong::server::data::DataFolder;
use lienthong::server::{Config, Listening, Storage};
use lienthong::wire::proto::registry::v1::registry_service_client::RegistryServiceClient;
use serde_json::json;
use tokio::net::TcpListener;
use tonic::transport::{Channel, Endpoint};

use super::common::sessions::base;
use super::common::until::until_answered;
use super::common::{as_agency, gateway};
use super::{Host, addresses, config, membership, over};

const FEED: &str = "feed/social_insurance";

/// The state of the feed and the reason of a halt, once the state is this one.
async fn feed_becomes(channel: &Channel, state: &str) -> String {
    let world = base(channel);
    until_answered(state, async || {
        let feeds = world.ask("demo-operator", "province.v1.ProvinceService/ListFeeds", json!({})).await;
        let feed = feeds["feeds"].as_array()?.iter().find(|feed| feed["registry"] == "social_insurance")?.clone();
        (feed["state"] == state).then(|| feed["reason"].as_str().unwrap_or_default().to_owned())
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_comes_back_with_another_history_of_the_same_length_halts_its_feed() {
    let enter = async |channel: Channel, number| {
        let request = as_agency("social-insurance", membership(number, "active", 0));
        RegistryServiceClient::new(channel).submit_changes(request).await.expect("entered").into_inner();
    };
    let size = |host: &Host| host.host.registries().map(|(_, size)| size).sum::<u64>();
    let host = Host::start(&["social_insurance"], config(0), 0).await;
    let started = over(&[&host], config(0)).await;
    let world = base(&started.channel);
    enter(started.channel.clone(), 1).await;
    feed_becomes(&started.channel, "FEED_STATE_FOLLOWING").await;
    world.until_serves(FEED, true).await;
    let before = size(&host);

    // Kept in memory, it begins anew: as many statements, and another one among them. Nobody follows it before they are there.
    let port = host.end().await;
    world.until_serves(FEED, false).await;
    feed_becomes(&started.channel, "FEED_STATE_WAITING").await;
    let Host { host, running, registries } = Host::start(&["social_insurance"], config(0), 0).await;
    let endpoint = Endpoint::from_shared(format!("http://{}", running.grpc)).expect("an address");
    enter(endpoint.connect().await.expect("it accepts"), 2).await;
    running.end().await.expect("it ends");
    let socket = TcpListener::bind(("127.0.0.1", port)).await.expect("the port is free");
    let running = host.start(Listening::plaintext(socket)).await.expect("it serves");
    let host = Host { host, running, registries };
    assert_eq!(size(&host), before);
    let reason = feed_becomes(&started.channel, "FEED_STATE_HALTED").await;
    assert_eq!(reason, "SPLIT_VIEW");
    world.until_serves(FEED, false).await;
    assert!(world.serves("feed/vehicle").await && world.serves("").await, "the others go on");
    started.end().await.close().await;
    host.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_feed_of_a_host_that_was_never_there_does_not_serve_until_it_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let kept = || Config { storage: Storage::Folder(folder.path().join("gateway")), ..config(0) };
    let of_host = || Config { storage: Storage::Folder(folder.path().join("host")), ..config(0) };
    let host = Host::start(&["social_insurance"], of_host(), 0).await;
    let hosts = addresses(&[&host]);
    over(&[&host], kept()).await.end().await.close().await;
    let port = host.end().await;
    for name in ["gateway", "host"] {
        until_answered("the folder is free", async || DataFolder::take(&folder.path().join(name)).ok()).await;
    }

    // It was served before, and starts without its host.
    let started = gateway().with(|_| Config { hosts, ..kept() }).start().await;
    let world = base(&started.channel);
    assert!(!world.serves(FEED).await, "nobody has answered since the start");
    assert!(world.serves("").await && world.serves("lienthong.exchange.v1.ExchangeService").await);
    world.until_serves("feed/vehicle", true).await;
    feed_becomes(&started.channel, "FEED_STATE_WAITING").await;
    assert!(!world.serves(FEED).await);
    let host = Host::start(&["social_insurance"], of_host(), port).await;
    world.until_serves(FEED, true).await;
    feed_becomes(&started.channel, "FEED_STATE_FOLLOWING").await;
    started.end().await.close().await;
    host.end().await;
}
