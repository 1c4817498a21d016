//! Webhooks of a whole gateway: a receiver on loopback gets signed CloudEvents without personal data, also after a restart, and those of a session apart.

#![allow(clippy::disallowed_methods, reason = "tests measure and wait by the machine's time")]

mod common;

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use common::sessions::base;
use common::until::{until, until_answered};
use common::{Started, as_agency, config, enter_membership, gateway, reason};
use hmac::{Hmac, KeyInit as _, Mac as _};
use lienthong::server::{Config, Storage};
use lienthong::wire::proto::province::v1::webhook_service_client::WebhookServiceClient;
use lienthong::wire::proto::province::v1::{
    CreateWebhookRequest, CreateWebhookResponse, GetWebhookRequest, ListWebhooksRequest, SendTestEventRequest,
};
use serde_json::{Value, json};
use sha2::Sha256;
use tonic::Code;
use tonic::transport::Channel;

const OWNER: &str = "social-insurance";
const REGISTRY: &str = "social_insurance";

type Got = Arc<Mutex<Vec<(HeaderMap, Bytes)>>>;

/// A receiver on loopback, and what it got.
struct Receiver {
    address: String,
    got: Got,
}

async fn take(State(got): State<Got>, headers: HeaderMap, body: Bytes) -> StatusCode {
    got.lock().expect("whole").push((headers, body));
    StatusCode::NO_CONTENT
}

impl Receiver {
    async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound").to_string();
        let got = Got::default();
        let router = Router::new().route("/changes", post(take)).with_state(got.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, got }
    }

    /// Waits until so many events came; the last of them, whose signature is of `secret`.
    async fn event(&self, count: usize, secret: &str) -> Value {
        let arrived = || self.got.lock().expect("whole").get(count - 1).cloned();
        let (headers, body) = until("an event comes", arrived).await;
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).expect(name).to_owned();
        let key = STANDARD.decode(secret.strip_prefix("whsec_").expect("a secret")).expect("base64");
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("a key");
        mac.update(format!("{}.{}.", text("webhook-id"), text("webhook-timestamp")).as_bytes());
        mac.update(&body);
        let expected = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
        assert_eq!(text("webhook-signature"), expected);
        assert_eq!(text("content-type"), "application/cloudevents+json");
        let event: Value = serde_json::from_slice(&body).expect("JSON");
        assert_eq!(event["id"], text("webhook-id"));
        event
    }

    fn config(&self, storage: Storage) -> Config {
        let targets = [self.address.parse().expect("a rule")].into_iter().collect();
        Config { storage, webhook_targets: targets, ..config() }
    }

    fn asked(&self) -> CreateWebhookRequest {
        CreateWebhookRequest {
            request_id: "webhook-1".into(),
            target: format!("http://{}/changes", self.address),
            registry: REGISTRY.into(),
            ..CreateWebhookRequest::default()
        }
    }
}

fn client(channel: &Channel) -> WebhookServiceClient<Channel> {
    WebhookServiceClient::new(channel.clone())
}

async fn create(started: &Started, request: CreateWebhookRequest) -> (String, String) {
    let created = client(&started.channel).create_webhook(as_agency(OWNER, request)).await.expect("created");
    let CreateWebhookResponse { webhook, secret } = created.into_inner();
    (webhook.expect("one").webhook_id, secret)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_arrive_signed_and_without_personal_data_and_go_on_after_a_restart() {
    let (receiver, folder) = (Receiver::start().await, tempfile::tempdir().expect("a folder"));
    let settings = || receiver.config(Storage::Folder(folder.path().join("data")));
    let started = gateway().with(|_| settings()).on_a_socket().start().await;
    let (id, secret) = create(&started, receiver.asked()).await;
    enter_membership(&started.channel, 1).await;
    let event = receiver.event(1, &secret).await;
    for (attribute, expected) in [
        ("specversion", "1.0"),
        ("type", "lienthong.province.change.v1"),
        ("source", "lienthong/H27/records"),
        ("datacontenttype", "application/json"),
    ] {
        assert_eq!(event[attribute], expected, "{attribute}");
    }
    let data = &event["data"];
    assert_eq!((&data["registry"], &data["operation"]), (&REGISTRY.into(), &"create".into()));
    assert_eq!((&event["subject"], &event["time"]), (&data["recordId"], &data["issuedAt"]));
    assert!(data["ledgerProof"].is_object() && data["resumeToken"].is_null(), "{data}");
    assert!(!event.to_string().contains("042100000001"), "no personal ID: {event}");

    let tested = client(&started.channel)
        .send_test_event(as_agency(OWNER, SendTestEventRequest { webhook_id: id.clone() }))
        .await
        .expect("sent")
        .into_inner();
    assert!(tested.is_accepted, "{tested:?}");
    assert_eq!(receiver.event(2, &secret).await["id"], tested.event_id);
    started.end().await.close().await;

    let started = gateway().with(|_| settings()).on_a_socket().start().await;
    assert_eq!(
        create(&started, receiver.asked()).await,
        (id.clone(), secret.clone()),
        "the same request, the same secret"
    );
    enter_membership(&started.channel, 2).await;
    let next = receiver.event(3, &secret).await;
    assert_ne!(next["subject"], event["subject"]);
    let delivered = async || {
        let request = as_agency(OWNER, GetWebhookRequest { webhook_id: id.clone() });
        let webhook = client(&started.channel).get_webhook(request).await.expect("its own").into_inner().webhook;
        webhook.filter(|webhook| webhook.delivered == 2)
    };
    let webhook = until_answered("it is noted", delivered).await;
    assert!(webhook.failing.is_none() && webhook.delivered_at.is_some());
    assert_eq!(receiver.got.lock().expect("whole").len(), 3, "no event came twice");
    started.end().await.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_has_webhooks_of_its_own() {
    let receiver = Receiver::start().await;
    let started = gateway().with(|_| receiver.config(Storage::Memory)).start().await;
    let (_, of_province) = create(&started, receiver.asked()).await;
    let session = base(&started.channel).create(json!({ "requestId": "webhooks-1" })).await;
    let asked = json!({
        "requestId": "webhook-1", "registry": REGISTRY, "target": format!("http://{}/changes", receiver.address),
    });
    let as_owner = "demo-social-insurance";
    let created = session.ask(as_owner, "province.v1.WebhookService/CreateWebhook", asked).await;
    let secret = created["secret"].as_str().expect("a secret").to_owned();
    assert_ne!(secret, of_province);

    let membership = json!({
        "registry": REGISTRY, "requestId": "membership-1", "changes": [{
            "recordType": "social_insurance.membership.v1", "operation": "OPERATION_CREATE",
            "payload": { "personal_id": "042100000001", "status": "active" },
        }],
    });
    session.ask(as_owner, "registry.v1.RegistryService/SubmitChanges", membership).await;
    let event = receiver.event(1, &secret).await;
    assert!(event["source"].as_str().expect("a text").contains("/session/"), "{event}");
    enter_membership(&started.channel, 2).await;
    let event = receiver.event(2, &of_province).await;
    assert_eq!(event["source"], "lienthong/H27/records");
    assert_eq!(receiver.got.lock().expect("whole").len(), 2, "each world sent its own change alone");
    started.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_not_watch_has_no_webhooks_and_nobody_has_any_without_a_list() {
    let receiver = Receiver::start().await;
    let started = gateway().start().await;
    let create = async |agency: &str, request: CreateWebhookRequest| {
        let refused = client(&started.channel).create_webhook(as_agency(agency, request)).await;
        reason(&refused.expect_err("refused"))
    };
    assert_eq!(create(OWNER, receiver.asked()).await, (Code::FailedPrecondition, "TARGET_NOT_LISTED".to_owned()));
    assert_eq!(create("bank", receiver.asked()).await, (Code::PermissionDenied, "ROLE_NOT_ALLOWED".to_owned()));
    let of_others = CreateWebhookRequest { registry: "land".into(), ..receiver.asked() };
    assert_eq!(create(OWNER, of_others).await, (Code::PermissionDenied, "ROLE_NOT_ALLOWED".to_owned()));
    let listed = client(&started.channel).list_webhooks(as_agency(OWNER, ListWebhooksRequest {})).await;
    assert!(listed.expect("none").into_inner().webhooks.is_empty());
    let bad = CreateWebhookRequest {
        request_id: "short".into(),
        target: "http://hooks.example.vn/".into(),
        registry: "nonsense".into(),
        ..CreateWebhookRequest::default()
    };
    let refused = client(&started.channel).create_webhook(as_agency("operator", bad)).await.expect_err("refused");
    for field in ["request_id", "target", "registry"] {
        assert!(refused.message().contains(field), "{field} in {}", refused.message());
    }
    started.end().await;
}
