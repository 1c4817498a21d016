//! `/metrics` of a gateway that serves: what happened to calls, and the state of everything that health speaks of.

mod common;

use common::dynamic::Call;
use common::process::Serving;
use common::sessions::base;
use common::until::until_answered;
use serde_json::json;
use tonic::Code;
use tonic::transport::Endpoint;

const METHOD: &str = "lienthong.access.v1.AgencyService/ListAgencies";

/// The page of metrics.
struct Page(String);

impl Page {
    fn of(serving: &Serving) -> Self {
        let console = serving.console.as_deref().expect("a console");
        let mut answer = ureq::get(format!("http://{console}/metrics")).call().expect("answered");
        let kind = answer.headers().get("content-type").expect("a type").to_str().expect("ASCII").to_owned();
        assert!(kind.starts_with("application/openmetrics-text"), "{kind}");
        Self(answer.body_mut().read_to_string().expect("UTF-8"))
    }

    /// The value of a sample, by its name with its labels.
    fn find(&self, sample: &str) -> Option<f64> {
        let mut values = self.0.lines().filter_map(|line| line.strip_prefix(&format!("lienthong_{sample} ")));
        let value = values.next().map(|value| value.parse().expect("a number"));
        assert_eq!(values.next(), None, "{sample} is there once");
        value
    }

    fn value(&self, sample: &str) -> f64 {
        self.find(sample).unwrap_or_else(|| panic!("{sample}: {}", self.0))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_serving_gateway_shows_its_calls_and_the_state_of_its_parts() {
    let folder = tempfile::tempdir().expect("a folder");
    let serving = Serving::start(folder.path(), &["--population", "0", "--data-dir", "data"]);
    let endpoint = Endpoint::from_shared(format!("http://{}", serving.grpc)).expect("an address");
    let (channel, _another) = (endpoint.connect().await.expect("it accepts"), endpoint.connect().await.expect("too"));
    let call = |method: &str| Call { headers: vec![], body: "{}".into(), method: method.into() };
    for _ in 0..3 {
        call(METHOD).with("authorization", "Bearer demo-bank").make(&channel).await.expect("answered");
    }
    for _ in 0..2 {
        assert_eq!(call(METHOD).make(&channel).await.expect_err("refused").code(), Code::Unauthenticated);
    }
    let page = Page::of(&serving);
    assert_eq!(page.value(&format!("calls_total{{method=\"{METHOD}\",code=\"OK\"}}")), 3.0);
    assert_eq!(page.value(&format!("calls_total{{method=\"{METHOD}\",code=\"UNAUTHENTICATED\"}}")), 2.0);
    assert_eq!(page.value(&format!("call_duration_seconds_count{{method=\"{METHOD}\"}}")), 5.0);
    assert!(page.value("connections") >= 2.0 && page.value("connections_accepted_total") >= 2.0, "{}", page.0);
    assert!(cfg!(not(target_os = "linux")) || page.value("open_descriptors") > 2.0);
    assert!(page.value("disk_free_bytes") > 0.0);
    assert_eq!((page.value("store_accepts_changes"), page.find("store_unreadable_total")), (1.0, None));
    assert!(page.value("log_entries{log=\"records\"}") > page.value("log_entries{log=\"land\"}"), "{}", page.0);
    assert_eq!(page.value("log_lines_dropped_total"), 0.0);
    for service in ["all", "lienthong.exchange.v1.ExchangeService", "feed/land"] {
        assert_eq!(page.value(&format!("serving{{service=\"{service}\"}}")), 1.0, "{service}");
    }

    // What changes shows.
    let states = async |following: f64| {
        until_answered("the state of the feed shows", async || {
            let page = Page::of(&serving);
            let shows = page.value("feed_following{registry=\"land\"}") == following
                && page.value("serving{service=\"feed/land\"}") == following;
            shows.then_some(page)
        })
        .await
    };
    states(1.0).await;
    let world = base(&channel);
    let halt = json!({ "faults": [{ "match": { "registry": "land" }, "halted_feed": {} }] });
    world.ask("demo-operator", "simulation.v1.FaultService/AddFaults", halt).await;
    let page = states(0.0).await;
    assert_eq!(page.value("feed_following{registry=\"vehicle\"}"), 1.0);
    assert_eq!(page.value("serving{service=\"all\"}"), 1.0);
    world
        .ask("demo-operator", "simulation.v1.FaultService/AddFaults", json!({ "faults": [{ "full_disk": {} }] }))
        .await;
    until_answered("a full disk shows", async || {
        (Page::of(&serving).value("serving{service=\"all\"}") == 0.0).then_some(())
    })
    .await;
    world.ask("demo-operator", "simulation.v1.FaultService/Heal", json!({})).await;
    assert_eq!(states(1.0).await.value("feed_following{registry=\"land\"}"), 1.0);
}
