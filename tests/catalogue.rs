//! A record type that is not built in, all the way: described, submitted, signed, followed by the province, shown in the view of a
//! person, fetched by a right, linked, presented, and verified offline. No code but its definition and its right below knows it.

#![allow(clippy::disallowed_methods, reason = "tests measure and wait by the machine's time")]

mod common;

use std::path::Path;
use std::sync::Arc;

use common::dynamic::Call;
use common::process::run;
use common::{Started, config, gateway};
use lienthong::access::rights::EMBEDDED;
use lienthong::base::{ProvinceCode, Reason};
use lienthong::registry::allocation::{self, FIRST};
use lienthong::registry::common::{holder, status_reason};
use lienthong::registry::lifecycle::Lifecycle;
use lienthong::registry::rule::{Field, Rule, date_at};
use lienthong::registry::schema::{Document, DocumentType, Heading, KeyForm, Label, Organisations};
use lienthong::registry::viewed::Viewed;
use lienthong::registry::{RecordType, Sector, State};
use lienthong::server::{Config, Gateway, Storage};
use lienthong::store::memory::MemoryStore;
use serde_json::{Value, json};

const DIPLOMA: &str = "education.diploma.v1";
const DOCUMENT: u8 = 77;
/// A persona with records of every kind.
const HOLDER: &str = "042090990001";

/// A registry of this name, whose records are diplomas.
fn diplomas(registry: &str, document: u8) -> Sector {
    let record_type = RecordType {
        name: format!("{registry}.diploma.v1").into(),
        registry: registry.into(),
        message: None,
        ordinal: 0,
        label: Label::new("Văn bằng", "Diploma"),
        heading: Heading::Documents,
        natural_key: "diploma_number".into(),
        key_form: KeyForm::Compact,
        parties: vec!["holder.personal_id".into()],
        organisations: Organisations::default(),
        people: None,
        found_through: None,
        references: Vec::new(),
        viewed: Viewed::default(),
        document: Some(Document { kind: DocumentType(document), holder: "holder".into() }),
        facts: Vec::new(),
        fields: vec![
            Field::required("diploma_number", Rule::form(|text| text.len() == 8, "8 characters")),
            Field::required("holder", Rule::object(holder())),
            Field::required("title", Rule::Text(200)),
            Field::required("graduated_on", Rule::Date),
            Field::required("credits", Rule::Integer(1, 400)),
            Field::optional("grades", Rule::list(Rule::object([Field::required("mark", Rule::Text(4))]), 40)),
            Field::required("status", Rule::one_of(&["valid", "revoked"])),
            status_reason(),
        ],
        check: Arc::new(|diploma, today, findings| {
            let is_past = date_at(diploma, "graduated_on").is_none_or(|day| day <= today);
            findings.expect(is_past, "graduated_on", "FUTURE", "must not be in the future");
        }),
        statuses: vec![("valid".into(), State::Active), ("revoked".into(), State::Ended)],
        lifecycle: Lifecycle::default(),
        days: Arc::new(|diploma| (date_at(diploma, "graduated_on"), None)),
    };
    Sector::new(registry, "education", 0, [record_type])
}

/// The registry's owner, and the fields that another agency may read: not the credits.
const RIGHTS: &str = r#"
[[agency]]
key = "education"
name = "Department of Education"
name_vi = "Sở Giáo dục và Đào tạo"

[[purpose]]
key = "education.check_degree"
description = "check the degree of an applicant"

[[right]]
agency = "one-stop"
purpose = "education.check_degree"
basis = "service"
legal_basis = "made up for this test"
read = { "education.diploma.v1" = ["diploma_number", "holder", "title"] }
"#;

/// A gateway with the registry of diplomas; its rights are kept in `folder`.
fn with_diplomas(folder: &Path) -> Config {
    let rights = folder.join("rights.toml");
    std::fs::write(&rights, [EMBEDDED, RIGHTS].concat()).expect("written");
    Config { registries: vec![diplomas("education", DOCUMENT)], rights: Some(rights), ..config() }
}

async fn call(started: &Started, credential: &str, method: &str, body: Value) -> Value {
    let headers = vec![("authorization".to_owned(), format!("Bearer demo-{credential}"))];
    let call = Call { headers, body: body.to_string(), method: format!("lienthong.{method}") };
    call.make(&started.channel).await.unwrap_or_else(|status| panic!("{method}: {status}"))
}

async fn person(started: &Started) -> Value {
    let method = "province.v1.ProvinceService/GetPerson";
    call(started, &format!("citizen-{HOLDER}"), method, json!({ "personalId": HOLDER })).await["person"].take()
}

fn change(name: &str, graduated_on: &str) -> Value {
    json!({
        "registry": "education",
        "requestId": format!("diploma-{graduated_on}"),
        "changes": [{
            "recordType": DIPLOMA,
            "operation": "OPERATION_CREATE",
            "payload": {
                "diploma_number": "DP123456",
                "holder": { "personal_id": HOLDER, "full_name": name },
                "title": "Cử nhân Luật",
                "graduated_on": graduated_on,
                "credits": 120,
                "grades": [{ "mark": "8.5" }],
                "status": "valid",
            },
        }],
    })
}

/// The result of `verify` on an answer: its exit code.
fn verify(folder: &Path, answer: &Value) -> Option<i32> {
    std::fs::write(folder.join("answer.json"), answer.to_string()).expect("written");
    run(folder, &["verify", "answer.json", "--trust", "anchor.json"]).status.code()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_type_that_is_only_data_goes_all_the_way() {
    let folder = tempfile::tempdir().expect("a folder");
    let anchor = Some(folder.path().join("anchor.json"));
    let started = gateway().with(|_| Config { anchor, ..with_diplomas(folder.path()) }).start().await;

    let described =
        call(&started, "one-stop", "registry.v1.RegistryService/Describe", json!({"registry": "education"}));
    let described = described.await["registries"][0]["recordTypes"][0].take();
    assert_eq!(described["recordType"], DIPLOMA);
    assert!(described["messageType"].is_null(), "it has no message of its own");
    assert_eq!((&described["labelVi"], &described["labelEn"]), (&json!("Văn bằng"), &json!("Diploma")));
    let named = |name: &str| described["fields"].as_array().expect("fields").iter().any(|field| field["name"] == name);
    assert!(named("holder.full_name") && named("grades[].mark") && named("credits"));

    let before = person(&started).await;
    let section = before["sections"][0]["items"][0]["fields"].as_array().expect("the resident record").clone();
    let name = section.iter().find(|field| field["name"] == "full_name").expect("a name")["value"].as_str();
    let name = name.expect("a text");

    let headers = vec![("authorization".to_owned(), "Bearer demo-operator".to_owned())];
    let method = "lienthong.registry.v1.RegistryService/SubmitChanges".to_owned();
    let refused = Call { headers, body: change(name, "2099-01-01").to_string(), method };
    let refused = refused.make(&started.channel).await.expect_err("its own rule");
    assert!(format!("{refused:?}").contains("FUTURE"), "{refused}");
    let submitted = change(name, "2012-06-30");
    let receipts = call(&started, "education", "registry.v1.RegistryService/SubmitChanges", submitted).await;
    assert_eq!(receipts["receipts"][0]["version"], "1");

    let view = person(&started).await;
    let documents =
        view["sections"].as_array().expect("sections").iter().find(|it| it["kind"] == "SECTION_KIND_DOCUMENTS");
    let items = documents.expect("documents")["items"].as_array().expect("items");
    let shown = items.iter().find(|item| item["recordType"] == DIPLOMA).expect("the diploma");
    let title = shown["fields"].as_array().expect("fields").iter().find(|field| field["name"] == "title");
    assert_eq!(title.expect("a title")["value"], "Cử nhân Luật");

    let wanted = |purpose| json!({ "personalId": HOLDER, "recordTypes": [DIPLOMA], "purpose": purpose });
    let fetch = "exchange.v1.ExchangeService/FetchRecords";
    let mut fetched = call(&started, "one-stop", fetch, wanted("education.check_degree")).await;
    assert_eq!(fetched["records"][0]["verdict"], "VALID");
    let holder = json!({ "personal_id": HOLDER, "full_name": name });
    let shown = json!({ "diploma_number": "DP123456", "holder": holder, "title": "Cử nhân Luật" });
    assert_eq!(fetched["records"][0]["fields"], shown, "what the right names");
    assert_eq!(verify(folder.path(), &fetched), Some(0));
    fetched["records"][0]["fields"]["credits"] = json!(120);
    assert_eq!(verify(folder.path(), &fetched), Some(19), "TYPED_FORM_MISMATCH: it was not shown");
    let headers = vec![("authorization".to_owned(), "Bearer demo-one-stop".to_owned())];
    let body = wanted("one_stop.verify_documents").to_string();
    let refused = Call { headers, body, method: format!("lienthong.{fetch}") }.make(&started.channel).await;
    assert_eq!(common::reason(&refused.expect_err("no right")).1, "RIGHT_MISSING");

    let link = json!({ "personalId": HOLDER, "documentType": DOCUMENT });
    let citizen = format!("citizen-{HOLDER}");
    let linked = call(&started, &citizen, "identity.v1.LinkService/LinkDocument", link).await;
    assert_eq!(linked["link"]["documentNumber"], "DP123456");
    let wanted = json!({ "personalId": HOLDER, "agency": "one-stop", "documentTypes": [DOCUMENT] });
    let made = call(&started, &citizen, "identity.v1.PresentationService/CreatePresentation", wanted).await;
    let redeem = "identity.v1.PresentationService/RedeemPresentation";
    let mut answer = call(&started, "one-stop", redeem, json!({ "code": made["code"] })).await;
    assert_eq!(answer["records"][0]["verdict"], "VALID");
    assert_eq!(answer["records"][0]["fields"]["credits"], 120.0);
    assert_eq!(answer["records"][0]["fields"]["grades"], json!([{ "mark": "8.5" }]));

    let status = "trust.v1.StatusService/GetStatusList";
    assert_eq!(call(&started, "one-stop", status, json!({ "recordType": DIPLOMA })).await["count"], 1);

    answer["records"][0]["fields"]["credits"] = json!(120); // as other languages write it
    assert_eq!(verify(folder.path(), &answer), Some(0));
    answer["records"][0]["fields"]["title"] = json!("Tiến sĩ Luật");
    assert_eq!(verify(folder.path(), &answer), Some(19), "TYPED_FORM_MISMATCH");
}

#[tokio::test]
async fn a_world_that_is_older_than_a_built_in_registry_admits_it_once() {
    let store = MemoryStore::new(); // of before: it knows no number of a later registry
    for _ in 0..2 {
        let of_today =
            allocation::open(&store, &ProvinceCode::default(), Vec::new(), false, || Ok(())).await.expect("opens");
        assert_eq!(of_today.sector("civil_status").expect("built in").ordinal, 9);
        let admissions = allocation::admissions(&store).await.expect("reads");
        let types: Vec<_> = admissions.iter().flat_map(|one| one.record_types()).collect();
        assert_eq!((admissions.len(), types.len()), (1, 6));
        assert!(types.iter().all(|name| name.starts_with("civil_status.")), "{types:?}");
    }
    let new = MemoryStore::new();
    allocation::open(&new, &ProvinceCode::default(), Vec::new(), true, || Ok(())).await.expect("opens");
    allocation::open(&new, &ProvinceCode::default(), Vec::new(), false, || Ok(())).await.expect("opens");
    assert!(allocation::admissions(&new).await.expect("reads").is_empty(), "it was in the first version of the anchor");
}

#[tokio::test]
async fn numbers_in_storage_keys_are_given_once_and_kept() {
    let store = MemoryStore::new();
    let (education, health) = (|| diplomas("education", DOCUMENT), || diplomas("health", DOCUMENT + 1));
    allocation::open(&store, &ProvinceCode::default(), Vec::new(), true, || Ok(()))
        .await
        .expect("the built-in ones have theirs");
    let later = MemoryStore::new();
    let late =
        allocation::open(&later, &ProvinceCode::default(), vec![education()], false, || Ok(())).await.expect("opens");
    assert_eq!(late.sector("education").expect("there").ordinal, FIRST);
    let admitted = allocation::admissions(&later).await.expect("reads");
    let admitted: Vec<_> = admitted.iter().map(|one| (one.number, one.placed)).collect();
    assert_eq!(admitted, [(1, None)], "it waits for the place of its key events");
    let first =
        allocation::open(&store, &ProvinceCode::default(), vec![education()], true, || Ok(())).await.expect("opens");
    let number = |name: &str| first.record_type(name).expect("a type").ordinal;
    assert_eq!((first.sector("education").expect("there").ordinal, number(DIPLOMA)), (FIRST, FIRST));
    assert_eq!((number("resident.person.v1"), number("judicial.certificate.v1")), (1, 12));
    let both = allocation::open(&store, &ProvinceCode::default(), vec![health(), education()], true, || Ok(()))
        .await
        .expect("opens");
    let number = |name: &str| both.record_type(name).expect("a type").ordinal;
    assert_eq!((number(DIPLOMA), number("health.diploma.v1")), (FIRST, FIRST + 1));
    let refused = allocation::open(&store, &ProvinceCode::default(), vec![education()], false, || Ok(()))
        .await
        .expect_err("one is missing");
    assert_eq!(refused.reason, Reason::ConfigurationInvalid);
    assert!(refused.message.contains("health"), "{}", refused.message);
    let taken =
        allocation::open(&MemoryStore::new(), &ProvinceCode::default(), vec![diplomas("land", DOCUMENT)], true, || {
            Ok(())
        })
        .await
        .expect_err("the name");
    assert_eq!(taken.reason, Reason::ConfigurationInvalid);
}

#[tokio::test]
async fn a_world_keeps_its_registries() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let kept = || Config { storage: Storage::Folder(data.clone()), ..with_diplomas(folder.path()) };
    let error = Gateway::open(Config { rights: None, ..kept() }).await.err().expect("its owner is no agency");
    assert_eq!(error.reason, Reason::ConfigurationInvalid);
    assert!(error.message.contains("the registry education belongs to education"), "{}", error.message);
    assert!(!data.exists(), "and nothing was begun");
    Gateway::open(kept()).await.expect("opens").close().await;
    let without = Config { storage: Storage::Folder(data.clone()), ..config() };
    let error = Gateway::open(without).await.err().expect("its records could not be read");
    assert_eq!(error.reason, Reason::ConfigurationInvalid);
    assert!(error.message.contains("the registry education, which is not in the catalogue"), "{}", error.message);
    Gateway::open(kept()).await.expect("opens again").close().await;
}
