//! The guardian acts for the child in every RPC whose comment says so: the protos name these RPCs, and a created family makes each call.
//! A stranger makes none of them, nor the guardian of a person who came of age, nor one who died.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lienthong::base::{Seed, Timestamp};
use lienthong::trust::Ed25519Signer;
use lienthong::trust::credential::possession;
use serde_json::{Value, json};
use tonic::Status;
use tonic::transport::Channel;

use super::common::dynamic::Call;
use super::common::until::until_answered;
use super::common::{gateway, reason, said};
use super::form::comments_apart;

/// The methods whose comment counts a guardian among the callers.
fn said_of_guardians() -> BTreeSet<String> {
    let callers = |own: &str| {
        let words = own.split_whitespace().collect::<Vec<_>>().join(" ");
        let said = words.split_once("Callers: ").map(|(_, rest)| rest.to_owned()).unwrap_or_default();
        said.split(['.', ';']).next().unwrap_or_default().contains("guardian")
    };
    comments_apart().into_iter().filter(|(_, (_, own))| callers(own)).map(|(name, _)| name).collect()
}

struct Family<'a> {
    channel: &'a Channel,
    guardian: String,
    child: String,
    stranger: String,
    /// The bodies of the calls that were made, by method.
    made: BTreeMap<String, Value>,
}

async fn call(channel: &Channel, who: &str, method: &str, body: &Value) -> Result<Value, Status> {
    let call = Call { headers: Vec::new(), body: body.to_string(), method: format!("lienthong.{method}") };
    call.with("authorization", &format!("Bearer demo-{who}")).make(channel).await
}

async fn create(channel: &Channel, id: &str, mut body: Value) -> String {
    body["request_id"] = json!(id);
    let made = call(channel, "operator", "simulation.v1.SimulationService/CreatePerson", &body).await;
    let made = made.unwrap_or_else(|status| panic!("{id}: {status} {:?}", said(&status)));
    made["person"]["personalId"].as_str().expect("a number").to_owned()
}

impl<'a> Family<'a> {
    /// A mother, her child of nine, and a person unrelated to them.
    async fn new(channel: &'a Channel, name: &str) -> Self {
        let today =
            call(channel, "operator", "simulation.v1.SimulationService/GetClock", &json!({})).await.expect("a clock");
        let now = Timestamp::parse(today["clock"]["now"].as_str().expect("a time")).expect("RFC 3339");
        let born = |years: i16| format!("{}-01-02", now.date().year() - years);
        let mother = json!({ "sex": "SEX_FEMALE", "birth_date": born(36) });
        let guardian = create(channel, &format!("{name}-mother"), mother).await;
        let child = json!({ "mother_id": guardian, "birth_date": born(9), "account": "ACCOUNT_CHOICE_LEVEL_TWO" });
        let child = create(channel, &format!("{name}-child"), child).await;
        let stranger = create(channel, &format!("{name}-stranger"), json!({})).await;
        Self { channel, guardian, child, stranger, made: BTreeMap::new() }
    }

    async fn ask(&self, who: &str, method: &str, body: &Value) -> Result<Value, Status> {
        call(self.channel, &format!("citizen-{who}"), method, body).await
    }

    /// A call about the child: refused to the stranger, and made by the guardian.
    async fn act(&mut self, method: &str, mut body: Value) -> Value {
        body["personal_id"] = json!(self.child);
        let refused = self.ask(&self.stranger, method, &body).await.expect_err(method);
        assert_eq!(reason(&refused).1, "ROLE_NOT_ALLOWED", "{method} by a stranger: {refused}");
        let answer = self.ask(&self.guardian, method, &body).await;
        self.made.insert(format!("lienthong.{method}"), body);
        answer.unwrap_or_else(|status| panic!("{method} by the guardian: {status} {:?}", said(&status)))
    }

    /// Every call that a guardian can make, in an order in which each succeeds.
    async fn act_in_everything(&mut self) {
        let card = json!({ "document_type": "DOCUMENT_TYPE_HEALTH_INSURANCE_CARD" });
        self.act("identity.v1.AccountService/GetAccount", json!({})).await;
        self.act("province.v1.ProvinceService/GetPerson", json!({})).await;
        self.act("province.v1.ProvinceService/GetPersonHistory", json!({})).await;
        self.act("access.v1.AccessLogService/ListAccesses", json!({})).await;
        let linked = self.act("identity.v1.LinkService/LinkDocument", card).await;
        let link = json!({ "link_id": linked["link"]["linkId"] });
        self.act("identity.v1.LinkService/GetLink", link.clone()).await;
        self.act("identity.v1.LinkService/ListLinks", json!({})).await;
        let events = self.act("identity.v1.LinkService/ListLinkEvents", link.clone()).await;
        assert!(events.to_string().contains(&self.guardian), "the event names the guardian: {events}");

        let nonce = self.act("identity.v1.CredentialService/CreateNonce", json!({})).await;
        let text = |name: &str| nonce[name].as_str().expect("text").to_owned();
        let holder = Ed25519Signer::from_seed("wallet", &Seed::root(5));
        let now = Timestamp::parse(&text("expiresAt")).expect("RFC 3339").plus_ms(-300_000);
        let proof = possession::sign(&text("nonce"), &text("audience"), now, &holder).expect("a proof");
        let wanted = json!({ "link_id": link["link_id"], "proof": proof });
        self.act("identity.v1.CredentialService/IssueCredential", wanted).await;

        let shown = json!({ "agency": "one-stop", "document_types": ["DOCUMENT_TYPE_HEALTH_INSURANCE_CARD"] });
        let presented = self.act("identity.v1.PresentationService/CreatePresentation", shown).await;
        self.act("identity.v1.PresentationService/ListPresentations", json!({})).await;
        let cancelled = json!({ "presentation_id": presented["presentation"]["presentationId"] });
        self.act("identity.v1.PresentationService/CancelPresentation", cancelled).await;

        let terms = json!({
            "agency": "one-stop", "purpose": "one_stop.verify_documents", "record_types": ["resident.person.v1"],
        });
        let consent = self.act("access.v1.ConsentService/GrantConsent", terms).await;
        self.act("access.v1.ConsentService/ListConsents", json!({})).await;
        let withdrawn = json!({ "consent_id": consent["consent"]["consentId"] });
        self.act("access.v1.ConsentService/WithdrawConsent", withdrawn).await;
        self.act("identity.v1.LinkService/UnlinkDocument", link).await;
    }

    /// The reason why the guardian makes none of the calls any more.
    async fn refuses_the_guardian(&self, expected: &str) {
        for (method, body) in &self.made {
            let method = method.strip_prefix("lienthong.").expect("one of ours");
            let refused = self.ask(&self.guardian, method, body).await.expect_err(method);
            assert_eq!(reason(&refused).1, expected, "{method}: {refused}");
        }
    }
}

/// The mother's death, entered by the police.
async fn dies(channel: &Channel, person: &str) {
    let key =
        json!({ "registry": "resident", "natural_key": { "record_type": "resident.person.v1", "values": [person] } });
    let found = call(channel, "police", "registry.v1.RegistryService/GetRecords", &key).await.expect("read");
    let record = &found["records"][0];
    let payload = STANDARD.decode(record["record"]["whole"]["payload"].as_str().expect("bytes")).expect("base64");
    let mut payload: Value = serde_json::from_slice(&payload).expect("JSON");
    let today = Timestamp::parse(&found_time(channel).await).expect("RFC 3339").date().to_string();
    payload["status"] = json!("deceased");
    payload["status_reason"] = json!("Đã chết");
    payload["life_status"] = json!("deceased");
    payload["death_date"] = json!(today);
    payload["basis"] = json!({
        "document_number": "7/KT", "issued_on": today, "authority": "UBND xã", "reason_code": "death_entry",
    });
    let change = json!({
        "record_type": "resident.person.v1", "operation": "OPERATION_UPDATE", "expected_version": record["version"],
        "payload": payload,
    });
    let submission = json!({ "registry": "resident", "request_id": "the-mother-dies", "changes": [change] });
    let submitted = call(channel, "police", "registry.v1.RegistryService/SubmitChanges", &submission).await;
    submitted.unwrap_or_else(|status| panic!("{status} {:?}", said(&status)));
}

async fn found_time(channel: &Channel) -> String {
    let clock =
        call(channel, "operator", "simulation.v1.SimulationService/GetClock", &json!({})).await.expect("a clock");
    clock["clock"]["now"].as_str().expect("a time").to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guardian_acts_in_every_call_whose_comment_says_so() {
    let started = gateway().start().await;
    let channel = &started.channel;
    let mut family = Family::new(channel, "family").await;
    family.act_in_everything().await;
    let made: BTreeSet<String> = family.made.keys().cloned().collect();
    assert_eq!(made, said_of_guardians(), "the calls that were made, and those whose comments name the guardian");

    let mut bereaved = Family::new(channel, "bereaved").await;
    bereaved.act_in_everything().await;
    dies(channel, &bereaved.guardian.clone()).await;
    // Accepted by the province before the next call, or soon after.
    until_answered("the death is known", async || {
        let body = json!({ "personal_id": bereaved.child });
        let answer = bereaved.ask(&bereaved.guardian, "identity.v1.AccountService/GetAccount", &body).await;
        answer.err().filter(|status| reason(status).1 == "PERSON_DECEASED")
    })
    .await;
    bereaved.refuses_the_guardian("PERSON_DECEASED").await;

    // The child comes of age.
    let jump = json!({ "request_id": "nine-years-on", "by": format!("{}s", 3_500_u64 * 86_400) });
    call(channel, "operator", "simulation.v1.SimulationService/AdvanceClock", &jump).await.expect("moved");
    family.refuses_the_guardian("ROLE_NOT_ALLOWED").await;
    let own = json!({ "personal_id": family.child });
    family.ask(&family.child, "identity.v1.LinkService/ListLinks", &own).await.expect("acts as a grown person");
    started.end().await;
}
