//! A gateway over registries on hosts of their own has neither sessions nor a clock to move: it says so by name, and nothing is half done.

mod common;

use std::collections::BTreeMap;

use common::sessions::base;
use common::{gateway, reason};
use lienthong::api::remote::HostAddress;
use lienthong::server::{Config, Listening, RegistryHost, Storage};
use serde_json::json;
use tonic::Code;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_and_a_clock_to_move_need_all_registries_in_this_process() {
    let config = || Config { storage: Storage::Memory, population: Some(0), ..Config::default() };
    let host = RegistryHost::open(config(), &["land".to_owned()]).await.expect("the host opens");
    let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let running = host.start(Listening::plaintext(socket)).await.expect("it serves");
    let address = HostAddress { address: running.grpc.to_string(), tls: None, credential: Some("demo-gateway".into()) };
    let hosts = BTreeMap::from([("land".to_owned(), address)]);
    let started = gateway().with(|_| Config { hosts, ..config() }).start().await;
    let base = base(&started.channel);
    let before = base.now().await;
    let elsewhere = (Code::FailedPrecondition, "REGISTRIES_ELSEWHERE".to_owned());
    for (method, body) in [
        ("SessionService/CreateSession", json!({ "request_id": "suite-one-1" })),
        ("SimulationService/AdvanceClock", json!({ "request_id": "a-year-on", "by": "31536000s" })),
        ("SimulationService/AdvanceToNext", json!({ "request_id": "to-the-next" })),
        ("SimulationService/FreezeClock", json!({})),
        ("SimulationService/ResumeClock", json!({})),
    ] {
        let refused = base.call("demo-operator", &format!("simulation.v1.{method}"), body).await.expect_err(method);
        assert_eq!(reason(&refused), elsewhere, "{method}");
        assert!(refused.message().contains("land"), "{method} names the registry: {}", refused.message());
    }
    let listed = base.sessions("ListSessions", json!({})).await;
    assert_eq!(listed.get("sessions"), None, "nothing is half done");
    let clock = base.clock("GetClock", json!({})).await;
    assert_eq!(clock["clock"].get("frozen"), None, "{clock}");
    assert!(base.now().await.0 - before.0 < 86_400_000, "it did not move");
    started.end().await.close().await;
    running.end().await.expect("it ends");
    host.close().await;
}
