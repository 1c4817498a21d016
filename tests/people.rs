//! The subject of a call, for every RPC that a citizen may make: a person whose number was replaced finds everything under the present
//! one, the former number's credential does nothing, the dead cannot act and nobody acts for them, and others learn nothing.

#![allow(clippy::disallowed_methods, reason = "tests measure and wait by the machine's time")]

mod common;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use common::dynamic::Call;
use common::{gateway, reason};
use lienthong::base::Clock as _;
use lienthong::base::time::SystemClock;
use serde_json::{Value, json};
use tonic::Code;
use tonic::transport::Channel;

/// Everything linked from the beginning.
const BEFORE: &str = "042090990001";
/// The number that replaces it.
const NOW: &str = "042090880001";
const STRANGER: &str = "042185990002";
const DEAD: &str = "042065990010";
const CHILD: &str = "042324990011";
const MOTHER: &str = "042196990023";
const NO_ID: &str = "01993cc2-0000-7000-8000-000000000000";

async fn call(channel: &Channel, credential: &str, method: &str, body: Value) -> Result<Value, (Code, String)> {
    let headers = vec![("authorization".to_owned(), format!("Bearer demo-{credential}"))];
    let call = Call { headers, body: body.to_string(), method: format!("lienthong.{method}") };
    call.make(channel).await.map_err(|status| reason(&status))
}

async fn as_citizen(channel: &Channel, who: &str, method: &str, body: Value) -> Result<Value, (Code, String)> {
    call(channel, &format!("citizen-{who}"), method, body).await
}

/// The record of a number in the population register.
async fn stored(channel: &Channel, number: &str) -> Value {
    let key = json!({"record_type": "resident.person.v1", "values": [number]});
    let body = json!({"registry": "resident", "natural_key": key});
    let read = call(channel, "police", "registry.v1.RegistryService/GetRecords", body).await.expect("read");
    let payload = STANDARD.decode(text(&read, "/records/0/record/whole/payload")).expect("base64");
    serde_json::from_slice(&payload).expect("JSON")
}

/// The day on which this runs.
fn today() -> String {
    SystemClock.now().date().to_string()
}

/// A change of the population register, by the police.
async fn register(channel: &Channel, number: &str, seen: u64, fields: Value) {
    let mut payload = json!({
        "personal_id": number, "full_name": "Nguyễn Văn Thành", "birth_date": "1990-03-14", "sex": "male",
        "nationality": "VN", "life_status": "alive", "status": "active",
    });
    if seen > 0 {
        payload = stored(channel, number).await;
        payload["basis"] = json!({
            "document_number": "64", "issued_on": today(), "authority": "UBND", "reason_code": "death_entry",
        });
    }
    for (name, value) in fields.as_object().expect("fields") {
        payload[name] = value.clone();
    }
    let operation = if seen == 0 { "OPERATION_CREATE" } else { "OPERATION_UPDATE" };
    let change = json!({
        "record_type": "resident.person.v1", "operation": operation, "expected_version": seen, "payload": payload,
    });
    let body = json!({"registry": "resident", "request_id": format!("register-{number}-{seen}"), "changes": [change]});
    call(channel, "police", "registry.v1.RegistryService/SubmitChanges", body).await.expect("registered");
}

/// Every RPC that a citizen may make about themselves, with a request about `number`; with existing ids, if given.
fn calls(number: &str, ids: &Ids) -> Vec<(&'static str, Value)> {
    let with = |fields: Value| {
        let mut body = json!({"personal_id": number});
        for (name, value) in fields.as_object().expect("fields") {
            body[name] = value.clone();
        }
        body
    };
    let kyc = json!({
        "agency": "bank", "purpose": "bank.know_your_customer", "record_types": ["resident.person.v1"],
    });
    let card = "DOCUMENT_TYPE_HEALTH_INSURANCE_CARD";
    vec![
        ("identity.v1.AccountService/GetAccount", with(json!({}))),
        ("identity.v1.LinkService/ListLinks", with(json!({}))),
        ("identity.v1.LinkService/GetLink", with(json!({"link_id": ids.link}))),
        ("identity.v1.LinkService/ListLinkEvents", with(json!({"link_id": ids.link}))),
        ("identity.v1.PresentationService/ListPresentations", with(json!({}))),
        ("access.v1.ConsentService/ListConsents", with(json!({}))),
        ("access.v1.AccessLogService/ListAccesses", with(json!({}))),
        ("province.v1.ProvinceService/GetPerson", with(json!({}))),
        ("identity.v1.CredentialService/CreateNonce", with(json!({}))),
        (
            "identity.v1.PresentationService/CreatePresentation",
            with(json!({"agency": "one-stop", "document_types": [card]})),
        ),
        ("access.v1.ConsentService/GrantConsent", with(kyc)),
        ("access.v1.ConsentService/WithdrawConsent", with(json!({"consent_id": ids.consent}))),
        ("identity.v1.PresentationService/CancelPresentation", with(json!({"presentation_id": ids.presentation}))),
        ("identity.v1.LinkService/UnlinkDocument", with(json!({"link_id": ids.link}))),
        ("identity.v1.LinkService/LinkDocument", with(json!({"document_type": card}))),
        ("identity.v1.CredentialService/IssueCredential", with(json!({"link_id": ids.link, "proof": "a.b.c"}))),
    ]
}

struct Ids {
    link: String,
    consent: String,
    presentation: String,
}

impl Ids {
    fn none() -> Self {
        Self { link: NO_ID.into(), consent: NO_ID.into(), presentation: NO_ID.into() }
    }
}

fn text(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("{pointer} in {value}")).to_owned()
}

/// The data under a number: a link of a card, a consent, an open presentation.
async fn standing(channel: &Channel, number: &str) -> Ids {
    let body = json!({"personal_id": number});
    let links = as_citizen(channel, number, "identity.v1.LinkService/ListLinks", body).await.expect("links");
    let links = links["links"].as_array().expect("a list");
    let card = links.iter().find(|link| link["documentType"] == "DOCUMENT_TYPE_HEALTH_INSURANCE_CARD");
    let made = |method: &'static str| {
        let (_, body) = calls(number, &Ids::none()).into_iter().find(|(name, _)| *name == method).expect("one of them");
        as_citizen(channel, number, method, body)
    };
    let consent = made("access.v1.ConsentService/GrantConsent").await.expect("granted");
    let presentation = made("identity.v1.PresentationService/CreatePresentation").await.expect("made");
    Ids {
        link: text(card.expect("a card"), "/linkId"),
        consent: text(&consent, "/consent/consentId"),
        presentation: text(&presentation, "/presentation/presentationId"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replaced_numbers_things_are_its_holders_and_its_credential_is_nobodys() {
    let started = gateway().start().await;
    let channel = &started.channel;
    let ids = standing(channel, BEFORE).await;
    let read = json!({
        "personal_id": BEFORE, "record_types": ["resident.person.v1"], "purpose": "bank.know_your_customer",
    });
    let fetch = "exchange.v1.ExchangeService/FetchRecords";
    call(channel, "bank", fetch, read.clone()).await.expect("with the consent");
    register(channel, BEFORE, 1, json!({"status": "cancelled"})).await;
    register(channel, NOW, 0, json!({"superseded_ids": [BEFORE]})).await;

    let superseded = (Code::FailedPrecondition, "PERSON_ID_SUPERSEDED".to_owned());
    let denied = (Code::PermissionDenied, "ROLE_NOT_ALLOWED".to_owned());
    for number in [BEFORE, NOW] {
        for (method, body) in calls(number, &ids) {
            let former = as_citizen(channel, BEFORE, method, body.clone()).await;
            assert_eq!(former.expect_err(method), superseded, "{method} about {number}");
            let stranger = as_citizen(channel, STRANGER, method, body).await;
            assert_eq!(stranger.expect_err(method), denied, "{method} about {number}");
        }
    }
    // the holder finds it under both numbers, and ends it under the present one
    for (at, (method, body)) in calls(BEFORE, &ids).into_iter().enumerate().filter(|(at, _)| *at < 11) {
        let answer = as_citizen(channel, NOW, method, body).await;
        let answer = answer.unwrap_or_else(|refused| panic!("{method}: {refused:?}"));
        assert!(at != 0 || text(&answer, "/account/personalId") == NOW, "{answer}");
    }
    let log = json!({"personal_id": NOW});
    let log = as_citizen(channel, NOW, "access.v1.AccessLogService/ListAccesses", log).await.expect("a log");
    assert_eq!(log["otherIds"], json!([BEFORE]), "where the entries of before are");
    for (method, body) in calls(NOW, &ids).into_iter().skip(11) {
        let answer = as_citizen(channel, NOW, method, body).await;
        match method {
            "identity.v1.CredentialService/IssueCredential" => {
                assert_eq!(answer.expect_err("no proof").0, Code::InvalidArgument);
            }
            "access.v1.ConsentService/WithdrawConsent" => {
                // replaced by the one that the holder granted above, which is ended too
                assert_eq!(text(&answer.expect("over"), "/consent/state"), "CONSENT_STATE_REPLACED");
            }
            _ => drop(answer.unwrap_or_else(|refused| panic!("{method}: {refused:?}"))),
        }
    }
    let consents = json!({"personal_id": NOW});
    let listed = as_citizen(channel, NOW, "access.v1.ConsentService/ListConsents", consents).await.expect("a list");
    let newest = text(&listed, "/consents/0/consentId");
    let withdraw = json!({"personal_id": NOW, "consent_id": newest});
    as_citizen(channel, NOW, "access.v1.ConsentService/WithdrawConsent", withdraw).await.expect("withdrawn");
    for number in [BEFORE, NOW] {
        let mut read = read.clone();
        read["personal_id"] = json!(number);
        let refused = call(channel, "bank", fetch, read).await.expect_err("no consent is left");
        assert_eq!(refused.1, "CONSENT_MISSING", "{number}");
    }
    started.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_acts_as_the_dead_or_for_them_and_a_childs_guardian_consents() {
    let started = gateway().start().await;
    let channel = &started.channel;
    let deceased = (Code::FailedPrecondition, "PERSON_DECEASED".to_owned());
    let denied = (Code::PermissionDenied, "ROLE_NOT_ALLOWED".to_owned());
    let all = |number: &str| calls(number, &Ids::none());
    for (method, body) in all(DEAD) {
        assert_eq!(as_citizen(channel, DEAD, method, body.clone()).await.expect_err(method), deceased, "{method}");
        assert_eq!(as_citizen(channel, STRANGER, method, body).await.expect_err(method), denied, "{method}");
    }
    let consent = |number: &str| all(number).into_iter().find(|(method, _)| method.ends_with("GrantConsent"));
    let (grant, about_child) = consent(CHILD).expect("the call");
    let own = as_citizen(channel, CHILD, grant, about_child.clone()).await.expect_err("a child");
    assert_eq!(own, (Code::FailedPrecondition, "GUARDIAN_NEEDED".to_owned()));
    let granted = as_citizen(channel, MOTHER, grant, about_child.clone()).await.expect("her mother");
    let withdraw = json!({"personal_id": CHILD, "consent_id": text(&granted, "/consent/consentId")});
    as_citizen(channel, CHILD, "access.v1.ConsentService/WithdrawConsent", withdraw).await.expect("the child itself");

    // the guardian dies: everything that she did as one is refused, and nobody else does it
    let died =
        json!({"life_status": "deceased", "status": "deceased", "status_reason": "Đã chết", "death_date": today()});
    register(channel, MOTHER, 1, died).await;
    for (method, body) in all(CHILD) {
        assert_eq!(as_citizen(channel, MOTHER, method, body).await.expect_err(method), deceased, "{method}");
    }
    started.end().await;
}
