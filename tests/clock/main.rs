//! The world's time under the tester's control, through the public API: everything that depends on it sees a jump at once.

#[path = "../common/mod.rs"]
mod common;
mod commands;
mod due;
mod shows;

use common::dynamic::Call;
use common::{gateway, reason};
use lienthong::base::Timestamp;
use lienthong::server::{Config, Storage};
use lienthong::trust::{TrustAnchor, accept_next};
use serde_json::{Value, json};
use tonic::transport::Channel;
use tonic::{Code, Status};

/// All is well with this citizen.
const CITIZEN: &str = "042090990001";
/// This one has linked nothing yet.
const UNLINKED: &str = "042185990002";
const DAY_S: u64 = 86_400;

struct Client(Channel);

impl Client {
    async fn call(&self, who: &str, method: &str, body: Value) -> Result<Value, Status> {
        let call = Call { headers: Vec::new(), body: body.to_string(), method: format!("lienthong.{method}") };
        call.with("authorization", &format!("Bearer {who}")).make(&self.0).await
    }

    async fn ask(&self, who: &str, method: &str, body: Value) -> Value {
        self.call(who, method, body).await.unwrap_or_else(|status| panic!("{method}: {status}"))
    }

    async fn refused(&self, who: &str, method: &str, body: Value) -> (Code, String) {
        let answer = self.call(who, method, body).await;
        reason(&answer.err().unwrap_or_else(|| panic!("{method} is not refused")))
    }

    async fn operate(&self, method: &str, body: Value) -> Value {
        self.ask("demo-operator", &format!("simulation.v1.SimulationService/{method}"), body).await
    }

    async fn advance(&self, days: u64) -> Value {
        let id = format!("request-{}", uuid::Uuid::now_v7());
        self.operate("AdvanceClock", json!({ "request_id": id, "by": format!("{}s", days * DAY_S) })).await
    }

    async fn now(&self) -> Timestamp {
        time(&self.operate("GetClock", json!({})).await["clock"]["now"])
    }

    async fn fetch(&self) -> Value {
        let body = json!({
            "personal_id": CITIZEN,
            "record_types": ["health_insurance.card.v1", "vehicle.registration.v1"],
            "purpose": "one_stop.verify_documents",
        });
        self.ask("demo-one-stop", "exchange.v1.ExchangeService/FetchRecords", body).await
    }

    async fn anchors(&self) -> Vec<TrustAnchor> {
        let listed = self.ask("demo-operator", "trust.v1.TrustService/ListTrustAnchors", json!({})).await;
        let versions = listed["anchors"].as_array().expect("versions");
        let json = |one: &Value| one["anchorJson"].as_str().expect("JSON").as_bytes().to_vec();
        versions.iter().map(|one| TrustAnchor::from_json(&json(one)).expect("an anchor")).collect()
    }
}

fn time(at: &Value) -> Timestamp {
    Timestamp::parse(at.as_str().expect("a time")).expect("RFC 3339")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_a_year_passes_in_one_call() {
    let started = gateway().start().await;
    let client = Client(started.channel.clone());
    let citizen = format!("demo-citizen-{UNLINKED}");
    let consent = json!({
        "personal_id": UNLINKED, "agency": "one-stop", "purpose": "one_stop.verify_documents",
        "record_types": ["vehicle.registration.v1"], "ttl_seconds": 30 * DAY_S,
    });
    client.ask(&citizen, "access.v1.ConsentService/GrantConsent", consent).await;
    let consents = async || {
        let listed = client.ask(&citizen, "access.v1.ConsentService/ListConsents", json!({ "personal_id": UNLINKED }));
        listed.await["consents"][0]["state"].clone()
    };
    assert_eq!(consents().await, "CONSENT_STATE_GRANTED");
    let list = async || {
        let body = json!({ "record_type": "health_insurance.card.v1" });
        client.ask("demo-operator", "trust.v1.StatusService/GetStatusList", body).await
    };
    let before = (client.now().await, list().await);

    let jump = client.advance(180).await;
    let (from, to) = (time(&jump["before"]), time(&jump["after"]));
    assert_eq!(to, from.plus_ms(180 * DAY_S as i64 * 1_000));
    assert!(from >= before.0 && client.now().await >= to);
    assert_eq!(consents().await, "CONSENT_STATE_EXPIRED");
    let after = list().await;
    assert!(time(&after["issuedAt"]) >= to.plus_ms(-1_000), "{after}");
    assert_ne!(before.1["issuedAt"], after["issuedAt"]);
    // Records signed before verify at the new time, and so do records signed now.
    let answer = client.fetch().await;
    let records = answer["records"].as_array().expect("records");
    assert!(!records.is_empty() && records.iter().all(|record| record["verdict"] == "VALID"), "{answer}");
    let card = json!({ "personal_id": UNLINKED, "document_type": "DOCUMENT_TYPE_HEALTH_INSURANCE_CARD" });
    client.advance(3_000).await;
    let refused = client.refused(&citizen, "identity.v1.LinkService/LinkDocument", card).await;
    assert_eq!(refused, (Code::FailedPrecondition, "DOCUMENT_EXPIRED".into()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_anchor_is_renewed_at_each_turn_of_the_year() {
    let started = gateway().start().await;
    let client = Client(started.channel.clone());
    let year = |at: Timestamp| at.date().year();
    let begun = year(client.now().await);
    assert_eq!(client.anchors().await.len(), 1);
    // Longer than the first version is valid.
    let jump = client.advance(3 * 366).await;
    let turns = usize::try_from(year(time(&jump["after"])) - begun).expect("forward");
    let ran = jump["ran"].as_array().expect("work").iter().filter(|ran| ran["kind"] == "trust_anchor.renewal");
    let ran: Vec<&Value> = ran.collect();
    let counts = jump["counts"].as_array().expect("counts");
    let counted = counts.iter().find(|of| of["kind"] == "trust_anchor.renewal").expect("renewals");
    assert_eq!((ran.len(), &counted["count"]), (turns, &json!(turns.to_string())));
    for (turn, ran) in ran.iter().enumerate() {
        let new_year = time(&ran["dueAt"]).date();
        assert_eq!((new_year.year(), new_year.month(), new_year.day()), (begun + 1 + turn as i16, 1, 1));
    }
    let anchors = client.anchors().await;
    assert_eq!(anchors.len(), turns + 1);
    for pair in anchors.windows(2) {
        accept_next(&pair[0], &pair[1], pair[0].expires_at.plus_ms(-1)).expect("it follows");
    }
    let newest = anchors.last().expect("a version");
    assert!(newest.expires_at > client.now().await);
    let answer = client.fetch().await;
    let records = answer["records"].as_array().expect("records");
    assert!(records.iter().all(|record| record["verdict"] == "VALID"), "{answer}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_operators_move_the_clock_and_only_forward() {
    let started = gateway().start().await;
    let client = Client(started.channel.clone());
    let (service, id) = ("simulation.v1.SimulationService", "request-1");
    for method in ["AdvanceClock", "FreezeClock", "ResumeClock"] {
        for who in ["demo-one-stop", &format!("demo-citizen-{CITIZEN}")] {
            let refused = client.refused(who, &format!("{service}/{method}"), json!({})).await;
            assert_eq!(refused, (Code::PermissionDenied, "ROLE_NOT_ALLOWED".into()), "{method} {who}");
        }
    }
    client.ask("demo-one-stop", &format!("{service}/GetClock"), json!({})).await;
    for body in [
        json!({}),
        json!({ "request_id": id }),
        json!({ "request_id": id, "by": "0s" }),
        json!({ "request_id": id, "by": "-5s" }),
        json!({ "request_id": id, "by": "315576000000s" }),
        json!({ "request_id": id, "to": "2020-01-01T00:00:00Z" }),
        json!({ "request_id": id, "to": "9999-12-31T23:59:59Z" }),
        json!({ "request_id": "a b c d e", "by": "5s" }),
    ] {
        let refused = client.refused("demo-operator", &format!("{service}/AdvanceClock"), body.clone()).await;
        assert_eq!(refused, (Code::InvalidArgument, "INVALID_REQUEST".into()), "{body}");
    }
    let hour = json!({ "request_id": id, "by": "3600s" });
    let first = client.operate("AdvanceClock", hour.clone()).await;
    let again = client.operate("AdvanceClock", hour).await;
    assert_eq!((&again["before"], &again["after"]), (&first["before"], &first["after"]));
    assert_eq!(again["repetition"], true);
    let other = json!({ "request_id": id, "by": "3601s" });
    let refused = client.refused("demo-operator", &format!("{service}/AdvanceClock"), other).await;
    assert_eq!(refused, (Code::AlreadyExists, "REQUEST_ID_REUSED".into()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_clock_stands_in_every_answer_and_after_a_restart() {
    let folder = tempfile::tempdir().expect("folder");
    let kept = || {
        let storage = Storage::Folder(folder.path().to_owned());
        gateway().with(|config| Config { storage, ..config }).on_a_socket()
    };
    let started = kept().start().await;
    let client = Client(started.channel.clone());
    client.advance(400).await;
    let frozen = client.operate("FreezeClock", json!({})).await["clock"].clone();
    assert_eq!(frozen["frozen"], true);
    let stands = client.now().await;
    assert_eq!((client.now().await, time(&frozen["now"])), (stands, stands));
    let anchors = client.anchors().await;
    drop(client);
    started.end().await.close().await;

    let started = kept().start().await;
    let client = Client(started.channel.clone());
    assert_eq!(client.now().await, stands);
    assert_eq!(client.anchors().await, anchors, "the versions grow from the seed again, byte for byte");
    // The clock is stopped, and yet records are signed and read.
    common::enter_membership(&client.0, 7).await;
    let resumed = client.operate("ResumeClock", json!({})).await["clock"].clone();
    assert!(resumed.get("frozen").is_none_or(|frozen| frozen == false) && time(&resumed["now"]) >= stands);
}

/// A token from before a jump has expired after it, and one minted then is valid: credentials use the world's time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_expire_with_the_worlds_time() {
    let started = gateway().start().await;
    let client = Client(started.channel.clone());
    let mint = async || {
        let operator = lienthong::base::AgencyId::parse("operator").expect("a key");
        let caller = lienthong::base::Caller::Agency(operator);
        started.gateway.tokens().mint(&caller, client.now().await, 3_600).expect("a token")
    };
    let token = mint().await;
    let world = "simulation.v1.SimulationService/GetWorld";
    client.ask(&token, world, json!({})).await;
    client.advance(1).await;
    let refused = client.refused(&token, world, json!({})).await;
    assert_eq!(refused, (Code::Unauthenticated, "CREDENTIAL_EXPIRED".into()));
    client.ask(&mint().await, world, json!({})).await;
}
