//! Calls in the province, or in a session of it.

use lienthong::base::Timestamp;
use lienthong::trust::TrustAnchor;
use lienthong::wire::proto::exchange::v1::FetchRecordsRequest;
use lienthong::wire::record;
use prost::Message as _;
use serde_json::{Value, json};
use tonic::transport::Channel;
use tonic::{Code, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use super::dynamic::Call;
use super::reason;
use super::until::until_answered;

/// All is well with this citizen.
pub const CITIZEN: &str = "042090990001";
/// A purpose for which the citizen's records may be read.
pub const PURPOSE: &str = "one_stop.verify_documents";

/// Calls in one world: the province's, or a session's.
#[derive(Clone)]
pub struct World {
    channel: Channel,
    session: Option<String>,
}

impl World {
    pub async fn call(&self, who: &str, method: &str, body: Value) -> Result<Value, Status> {
        let call = Call { headers: Vec::new(), body: body.to_string(), method: format!("lienthong.{method}") };
        let call = call.with("authorization", &format!("Bearer {who}"));
        match &self.session {
            Some(session) => call.with("x-lienthong-session", session).make(&self.channel).await,
            None => call.make(&self.channel).await,
        }
    }

    pub async fn ask(&self, who: &str, method: &str, body: Value) -> Value {
        self.call(who, method, body).await.unwrap_or_else(|status| panic!("{method}: {status}"))
    }

    pub async fn refused(&self, who: &str, method: &str, body: Value) -> (Code, String) {
        reason(&self.call(who, method, body).await.err().unwrap_or_else(|| panic!("{method} is not refused")))
    }

    pub async fn sessions(&self, method: &str, body: Value) -> Value {
        self.ask("demo-operator", &format!("simulation.v1.SessionService/{method}"), body).await
    }

    pub async fn clock(&self, method: &str, body: Value) -> Value {
        self.ask("demo-operator", &format!("simulation.v1.SimulationService/{method}"), body).await
    }

    pub async fn create(&self, body: Value) -> Self {
        let created = self.sessions("CreateSession", body).await;
        self.at(created["session"]["sessionId"].as_str().expect("an id"))
    }

    pub fn at(&self, session: &str) -> Self {
        Self { channel: self.channel.clone(), session: Some(session.to_owned()) }
    }

    pub fn id(&self) -> &str {
        self.session.as_deref().expect("a session")
    }

    /// Whether a service serves, by its health in this world.
    pub async fn serves(&self, service: &str) -> bool {
        let mut request = tonic::Request::new(HealthCheckRequest { service: service.to_owned() });
        if let Some(session) = &self.session {
            request.metadata_mut().insert("x-lienthong-session", session.parse().expect("ASCII"));
        }
        let answer = HealthClient::new(self.channel.clone()).check(request).await.expect("health answers");
        answer.into_inner().status() == ServingStatus::Serving
    }

    /// Waits until a service serves, or until it does not.
    pub async fn until_serves(&self, service: &str, serves: bool) {
        let what = format!("{service} serves: {serves}");
        until_answered(&what, async || (self.serves(service).await == serves).then_some(())).await;
    }

    pub async fn now(&self) -> Timestamp {
        let clock = self.clock("GetClock", json!({})).await;
        Timestamp::parse(clock["clock"]["now"].as_str().expect("a time")).expect("RFC 3339")
    }

    pub async fn anchor(&self) -> TrustAnchor {
        let found = self.ask("demo-one-stop", "trust.v1.TrustService/GetTrustAnchor", json!({})).await;
        TrustAnchor::from_json(found["anchorJson"].as_str().expect("JSON").as_bytes()).expect("an anchor")
    }

    /// The citizen's records as signed bytes, for a verifier.
    pub async fn fetch(&self) -> Vec<lienthong::trust::SignedRecord> {
        let request = FetchRecordsRequest {
            personal_id: CITIZEN.into(),
            record_types: vec!["health_insurance.card.v1".into(), "resident.person.v1".into()],
            purpose: PURPOSE.into(),
            ..FetchRecordsRequest::default()
        };
        let mut request = super::as_agency("one-stop", request);
        if let Some(session) = &self.session {
            request.metadata_mut().insert("x-lienthong-session", session.parse().expect("ASCII"));
        }
        let mut client = lienthong::wire::proto::exchange::v1::exchange_service_client::ExchangeServiceClient::new(
            self.channel.clone(),
        );
        let answer = client.fetch_records(request).await.expect("fetched").into_inner();
        // The answer holds its records encoded; decoding it by the generated message shows them.
        let bytes = answer.encode_to_vec();
        let whole = lienthong::wire::typed::pool()
            .get_message_by_name("lienthong.exchange.v1.FetchRecordsResponse")
            .expect("described");
        let whole = prost_reflect::DynamicMessage::decode(whole, bytes.as_slice()).expect("decodes");
        let records = whole.get_field_by_name("records").expect("records").into_owned();
        let records = records.as_list().expect("a list").to_vec();
        let signed = records.iter().map(|one| {
            let one = one.as_message().expect("a record").get_field_by_name("signed").expect("signed").into_owned();
            let bytes = one.as_message().expect("a message").encode_to_vec();
            let message = lienthong::wire::proto::trust::v1::SignedRecord::decode(bytes.as_slice()).expect("decodes");
            record::from_message(message).expect("a record")
        });
        signed.collect()
    }

    /// Enters a new version of the citizen's person record: another religion.
    pub async fn convert(&self, version: u64, religion: &str) -> Value {
        let found = self
            .ask(
                "demo-police",
                "registry.v1.RegistryService/GetRecords",
                json!({ "registry": "resident", "recordTypes": ["resident.person.v1"], "personalId": CITIZEN }),
            )
            .await;
        let whole = found["records"][0]["record"]["whole"]["payload"].as_str().expect("a payload");
        let payload = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, whole).expect("base64");
        let mut payload: Value = serde_json::from_slice(&payload).expect("JSON");
        payload["religion"] = json!(religion);
        let change = json!({
            "recordType": "resident.person.v1", "operation": "OPERATION_UPDATE", "expectedVersion": version.to_string(),
            "payload": payload,
        });
        let body = json!({
            "registry": "resident", "requestId": format!("convert-{version}-{}", religion.len()), "changes": [change],
        });
        self.ask("demo-police", "registry.v1.RegistryService/SubmitChanges", body).await
    }

    pub async fn religion(&self) -> (u64, Value) {
        let found = self
            .ask(
                "demo-police",
                "registry.v1.RegistryService/GetRecords",
                json!({ "registry": "resident", "recordTypes": ["resident.person.v1"], "personalId": CITIZEN }),
            )
            .await;
        let record = &found["records"][0];
        let payload = record["record"]["whole"]["payload"].as_str().expect("a payload");
        let payload = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, payload).expect("base64");
        let payload: Value = serde_json::from_slice(&payload).expect("JSON");
        (record["version"].as_str().expect("a version").parse().expect("a number"), payload["religion"].clone())
    }
}

pub fn base(channel: &Channel) -> World {
    World { channel: channel.clone(), session: None }
}
