//! Hosts and gateways that are killed, frozen and started again while an agency submits changes: nothing that was acknowledged is lost, nothing is applied
//! twice, no record is wrong, and in the end both sides hold the same log.
//!
//! 50 rounds in the ordinary run; `LIENTHONG_KILLS=1000` for a campaign.

#![allow(clippy::disallowed_methods, reason = "processes are waited for by the machine's time")]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use common::process::program;
use common::until::{until_answered, until_blocking};
use common::{as_agency, reason};
use lienthong::wire::proto::province::v1::province_service_client::ProvinceServiceClient;
use lienthong::wire::proto::province::v1::{FeedState, ListFeedsRequest};
use lienthong::wire::proto::registry::v1::registry_service_client::RegistryServiceClient;
use lienthong::wire::proto::registry::v1::{
    Change, GetRecordsRequest, Operation, RecordIds, SubmitChangesRequest, get_records_request::Selector,
};
use lienthong::wire::proto::trust::v1::GetCheckpointRequest;
use lienthong::wire::proto::trust::v1::ledger_service_client::LedgerServiceClient;
use prost_types::value::Kind;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request};

const REGISTRY: &str = "social_insurance";
const RECORD_TYPE: &str = "social_insurance.membership.v1";
const ROUNDS: u64 = 50;
/// Whole answers again after a host is there, as promised.
const RECOVERS_WITHIN: Duration = Duration::from_secs(3);

/// A child on a port that stays the same over its lives.
struct Server {
    folder: PathBuf,
    command: Vec<String>,
    port: u16,
    child: Option<Child>,
}

impl Server {
    fn start(folder: &Path, name: &str, command: &[&str]) -> Self {
        let folder = folder.join(name);
        std::fs::create_dir_all(&folder).expect("a folder");
        let command = command.iter().map(|word| (*word).to_owned()).collect();
        let mut server = Self { folder, command, port: 0, child: None };
        server.begin();
        server
    }

    /// Starts it, and waits until it is ready.
    fn begin(&mut self) {
        let ready = self.folder.join("ready.json");
        let mut child = program()
            .current_dir(&self.folder)
            .args(&self.command)
            .args(["--listen", &format!("127.0.0.1:{}", self.port), "--population", "0"])
            .args(["--data-dir", "data", "--ready-file", "ready.json"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program starts");
        let own = u64::from(child.id());
        let address = until_blocking("it is ready", || {
            assert!(child.try_wait().expect("asked").is_none(), "{:?} ended before it was ready", self.command);
            // The file of a life that was killed is there until this one removes it.
            let json: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&ready).ok()?).ok()?;
            (json["pid"].as_u64() == Some(own)).then(|| json["grpc"].as_str().expect("an address").to_owned())
        });
        self.port = address.rsplit_once(':').expect("a port").1.parse().expect("a port");
        self.child = Some(child);
    }

    fn signal(&self, name: &str) {
        let id = self.child.as_ref().expect("it runs").id().to_string();
        assert!(Command::new("kill").arg(format!("-{name}")).arg(id).status().expect("kill runs").success());
    }

    fn kill(&mut self) {
        self.signal("KILL");
        self.child.take().expect("it runs").wait().expect("it ends");
    }

    fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    fn channel(&self) -> Channel {
        Endpoint::from_shared(format!("http://{}", self.address())).expect("an address").connect_lazy()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn membership(number: u64) -> SubmitChangesRequest {
    let text = |text: String| prost_types::Value { kind: Some(Kind::StringValue(text)) };
    let fields = [("personal_id", format!("0421{number:08}")), ("status", "active".to_owned())];
    SubmitChangesRequest {
        registry: REGISTRY.into(),
        request_id: format!("membership-{number:08}"),
        changes: vec![Change {
            record_type: RECORD_TYPE.into(),
            operation: Operation::Create.into(),
            payload: Some(prost_types::Struct {
                fields: fields.into_iter().map(|(name, value)| (name.to_owned(), text(value))).collect(),
            }),
            ..Default::default()
        }],
    }
}

fn within<Q>(seconds: u64, mut request: Request<Q>) -> Request<Q> {
    request.set_timeout(Duration::from_secs(seconds));
    request
}

/// What was acknowledged: record ids by the submissions' numbers.
type Acknowledged = Arc<Mutex<BTreeMap<u64, String>>>;

/// Submits one change after another through the gateway, each until it is acknowledged, until it is told to stop.
async fn submit(gateway: Channel, done: Acknowledged, stops: Arc<AtomicBool>, refused: Arc<AtomicU64>) {
    let mut registries = RegistryServiceClient::new(gateway);
    let mut number = 1;
    while !stops.load(Ordering::Relaxed) {
        let request = within(5, as_agency("social-insurance", membership(number)));
        match registries.submit_changes(request).await {
            Ok(answer) => {
                let receipt = answer.into_inner().receipts.remove(0);
                assert_eq!(receipt.version, 1, "applied once");
                done.lock().expect("whole").insert(number, receipt.record_id);
                number += 1;
            }
            Err(status) => {
                let passing = [Code::Unavailable, Code::DeadlineExceeded, Code::Cancelled, Code::Unknown];
                assert!(passing.contains(&status.code()), "{:?}", reason(&status));
                refused.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
}

/// Origin, size and root of a checkpoint.
fn head(note: &str) -> Vec<String> {
    note.lines().take(3).map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_whoever_is_killed() {
    let rounds = std::env::var("LIENTHONG_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(ROUNDS);
    let folder = tempfile::tempdir().expect("a folder");
    let mut host = Server::start(folder.path(), "host", &["registry", REGISTRY]);
    let at_host = format!("{REGISTRY}={}", host.address());
    let mut gateway = Server::start(folder.path(), "gateway", &["serve", "--console", "off", "--registry", &at_host]);
    let (done, stops, refused) = (Acknowledged::default(), Arc::default(), Arc::default());
    let working = tokio::spawn(submit(gateway.channel(), done.clone(), Arc::clone(&stops), Arc::clone(&refused)));
    let acknowledged = || done.lock().expect("whole").len();
    for round in 0..rounds {
        let before = acknowledged();
        until_answered("work goes on", async || (acknowledged() > before).then_some(())).await;
        match round % 4 {
            0 => {
                host.kill();
                tokio::time::sleep(Duration::from_millis(round % 7 * 30)).await;
                host.begin();
            }
            1 => {
                gateway.kill();
                gateway.begin();
            }
            2 => {
                host.signal("STOP");
                tokio::time::sleep(Duration::from_millis(500 + round % 5 * 800)).await;
                host.signal("CONT");
            }
            _ => {
                host.kill();
                gateway.kill();
                // A gateway starts without its hosts.
                gateway.begin();
                host.begin();
            }
        }
        let (there, before) = (Instant::now(), acknowledged());
        until_answered("work goes on again", async || (acknowledged() > before).then_some(())).await;
        assert!(there.elapsed() < RECOVERS_WITHIN, "round {round}: {:?}", there.elapsed());
    }
    stops.store(true, Ordering::Relaxed);
    working.await.expect("the agency's system did not fail");

    // Every acknowledged record is at the host, once, and is the one that was acknowledged.
    let done = done.lock().expect("whole").clone();
    let mut registries = RegistryServiceClient::new(host.channel());
    let mut found = BTreeSet::new();
    for ids in done.values().cloned().collect::<Vec<_>>().chunks(100) {
        let request = GetRecordsRequest {
            registry: REGISTRY.into(),
            record_types: vec![RECORD_TYPE.into()],
            selector: Some(Selector::RecordIds(RecordIds { ids: ids.to_vec() })),
            page_size: 500,
            ..Default::default()
        };
        let answer = registries.get_records(as_agency("social-insurance", request)).await.expect("reads").into_inner();
        assert!(answer.records.iter().all(|record| record.version == 1));
        found.extend(answer.records.into_iter().map(|record| record.record_id));
    }
    assert_eq!(found, done.values().cloned().collect(), "nothing acknowledged is lost");

    // Both sides hold the same log, and the province accepted each statement once.
    let request = GetCheckpointRequest { log: REGISTRY.into() };
    let own = LedgerServiceClient::new(host.channel()).get_checkpoint(request).await.expect("its own").into_inner();
    let feeds = ProvinceServiceClient::new(gateway.channel());
    until_answered("the province has accepted all", async || {
        let feeds = feeds.clone().list_feeds(as_agency("operator", ListFeedsRequest {})).await.ok()?.into_inner();
        let feed = feeds.feeds.into_iter().find(|feed| feed.registry == REGISTRY)?;
        assert_ne!(feed.state(), FeedState::Halted, "{}: {}", feed.reason, feed.detail);
        (feed.log_size == head(&own.checkpoint)[1].parse::<u64>().expect("a size")).then_some(())
    })
    .await;
    println!("{} acknowledged, {} attempts refused, {rounds} rounds", done.len(), refused.load(Ordering::Relaxed));
}
