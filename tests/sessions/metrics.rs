//! What the metrics of a gateway say of its sessions: under their labels alone, and nothing once they have ended.

use serde_json::json;
use tonic::transport::Endpoint;

use super::common::process::Serving;
use super::common::sessions::base;
use super::export::http_get;

const WORLD: &str = "simulation.v1.SimulationService/GetWorld";

/// The value of the one line with this name and label.
fn value(metrics: &str, name: &str, label: &str) -> Option<f64> {
    let mut found = metrics.lines().filter(|line| line.starts_with(&format!("{name}{{")) && line.contains(label));
    let line = found.next()?;
    assert_eq!(found.next(), None, "{name} {label} has one line");
    line.rsplit(' ').next().and_then(|value| value.parse().ok())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_of_a_session_are_counted_under_its_label_until_it_ends() {
    let folder = tempfile::tempdir().expect("a folder");
    let serving = Serving::start(folder.path(), &["--population", "0"]);
    let endpoint = Endpoint::from_shared(format!("http://{}", serving.grpc)).expect("an address");
    let base = base(&endpoint.connect().await.expect("it accepts"));
    let console = serving.console.clone().expect("a console");
    let metrics = async || {
        let url = format!("http://{console}/metrics");
        tokio::task::spawn_blocking(move || http_get(&url)).await.expect("answered")
    };
    let (one, other) = (base.create(json!({})).await, base.create(json!({})).await);
    let labels = [one.id(), other.id()].map(|id| format!("session=\"{}\"", &id[..8]));
    let in_province = r#"method="lienthong.simulation.v1.SimulationService/GetWorld""#;
    base.ask("demo-bank", WORLD, json!({})).await;
    base.ask("demo-bank", WORLD, json!({})).await;
    for _ in 0..3 {
        one.ask("demo-bank", WORLD, json!({})).await;
    }
    let (version, _) = other.religion().await;
    other.convert(version, "Phật giáo").await;

    let text = metrics().await;
    assert_eq!(
        value(&text, "lienthong_calls_total", in_province),
        Some(2.0),
        "those of the session are not among them"
    );
    assert_eq!(value(&text, "lienthong_session_calls_total", &labels[0]), Some(3.0));
    assert_eq!(value(&text, "lienthong_session_calls_total", &labels[1]), Some(3.0), "two reads and a submission");
    let bytes = labels.each_ref().map(|label| value(&text, "lienthong_session_bytes", label).expect("a value"));
    assert!(bytes[1] > bytes[0], "one was written in, and the other was not: {bytes:?}");
    assert!(text.contains("lienthong_sessions 2"), "{text}");
    let submissions = r#"method="lienthong.registry.v1.RegistryService/SubmitChanges""#;
    assert_eq!(value(&text, "lienthong_calls_total", submissions), None, "nobody submitted to the province");
    for id in [one.id(), other.id()] {
        assert!(!text.contains(id), "whoever reads the metrics cannot enter");
    }

    base.sessions("DeleteSession", json!({ "session_id": one.id() })).await;
    let text = metrics().await;
    assert!(!text.contains(&labels[0]) && text.contains(&labels[1]), "its label ended with it");
    base.sessions("ResetSession", json!({ "session_id": other.id() })).await;
    let text = metrics().await;
    assert_eq!(value(&text, "lienthong_session_calls_total", &labels[1]), Some(0.0), "a reset begins anew");
    base.sessions("DeleteSession", json!({ "session_id": other.id() })).await;
    let text = metrics().await;
    assert!(text.contains("lienthong_sessions 0") && !text.contains("session=\""), "{text}");
}
