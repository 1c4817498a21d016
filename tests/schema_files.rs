//! An agency's database that joins by a schema file alone: described, submitted, signed, logged, followed by the province, indexed by person, shown,
//! fetched by a right, linked, presented, verified offline, its status published; and the effects of a file that comes later, changes, or is
//! missing at a start.

#![allow(clippy::disallowed_methods, reason = "tests measure and wait by the machine's time")]

mod common;

use std::path::Path;

use common::dynamic::Call;
use common::process::run;
use common::{Started, config, gateway};
use lienthong::base::Reason;
use lienthong::registry::{Catalogue, Sector, schema_file};
use lienthong::server::upkeep::check_folder;
use lienthong::server::{Config, Gateway, Storage};
use lienthong::simulation::examples;
use lienthong::trust::TrustAnchor;
use serde_json::{Value, json};

const FILE: &str = include_str!("../examples/registries/education.yaml");
const DIPLOMA: &str = "education.diploma.v1";
/// A persona with records of every kind.
const HOLDER: &str = "042090990001";

fn education(changes: &[(&str, &str)]) -> Sector {
    let text = changes.iter().fold(FILE.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from}");
        text.replacen(from, to, 1)
    });
    schema_file::load(&text, &Catalogue::built_in()).unwrap_or_else(|flaws| panic!("{flaws}"))
}

fn asked(credential: &str, method: &str, body: Value) -> Call {
    let headers = vec![("authorization".to_owned(), format!("Bearer demo-{credential}"))];
    Call { headers, body: body.to_string(), method: format!("lienthong.{method}") }
}

async fn call(started: &Started, credential: &str, method: &str, body: Value) -> Value {
    let call = asked(credential, method, body);
    call.make(&started.channel).await.unwrap_or_else(|status| panic!("{method}: {status}"))
}

/// The violations of a refused submission: its reason, and the details as text.
async fn refused(started: &Started, change: Value) -> (String, String) {
    let body = submission("refused-1", change);
    let call = asked("education", "registry.v1.RegistryService/SubmitChanges", body);
    let status = call.make(&started.channel).await.expect_err("refused");
    (common::reason(&status).1, format!("{status:?}"))
}

fn submission(request: &str, change: Value) -> Value {
    json!({ "registry": "education", "requestId": request, "changes": [change] })
}

fn diploma(name: &str) -> Value {
    json!({
        "diploma_number": "DHV 000001",
        "holder": { "personal_id": HOLDER, "full_name": name },
        "degree": "bachelor",
        "major": "Luật",
        "school": "Trường Đại học Vinh",
        "graduated_on": "2012-06-30",
        "classification": "good",
        "credits": 130,
        "status": "valid",
    })
}

fn with(mut payload: Value, changes: Value) -> Value {
    for (name, value) in changes.as_object().expect("an object") {
        payload[name] = value.clone();
    }
    payload
}

fn create(payload: Value) -> Value {
    json!({ "recordType": DIPLOMA, "operation": "OPERATION_CREATE", "payload": payload })
}

fn update(seen: u64, payload: Value) -> Value {
    json!({ "recordType": DIPLOMA, "operation": "OPERATION_UPDATE", "expectedVersion": seen, "payload": payload })
}

async fn submit(started: &Started, request: &str, change: Value) -> Value {
    let method = "registry.v1.RegistryService/SubmitChanges";
    call(started, "education", method, submission(request, change)).await["receipts"][0].take()
}

async fn name_of_holder(started: &Started) -> String {
    let method = "province.v1.ProvinceService/GetPerson";
    let person = call(started, &format!("citizen-{HOLDER}"), method, json!({ "personalId": HOLDER })).await;
    let fields = person["person"]["sections"][0]["items"][0]["fields"].as_array().expect("the resident record").clone();
    let name = fields.iter().find(|field| field["name"] == "full_name").expect("a name");
    name["value"].as_str().expect("a text").to_owned()
}

async fn fetch(started: &Started) -> Value {
    let body = json!({ "personalId": HOLDER, "recordTypes": [DIPLOMA], "purpose": "education.check_degree" });
    call(started, "one-stop", "exchange.v1.ExchangeService/FetchRecords", body).await
}

/// The result of `verify` on an answer: its exit code.
fn verify(folder: &Path, answer: &Value, anchor: &str) -> Option<i32> {
    std::fs::write(folder.join("answer.json"), answer.to_string()).expect("written");
    run(folder, &["verify", "answer.json", "--trust", anchor]).status.code()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_joins_by_a_file_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let anchor = Some(folder.path().join("anchor.json"));
    let started = gateway().with(|_| Config { registries: vec![education(&[])], anchor, ..config() }).start().await;

    // Described, in both languages.
    let described =
        call(&started, "one-stop", "registry.v1.RegistryService/Describe", json!({ "registry": "education" }));
    let described = described.await["registries"][0].take();
    assert_eq!((&described["agency"], &described["schemaVersion"]), (&json!("education"), &json!(1)));
    let of = &described["recordTypes"][0];
    assert_eq!((&of["labelVi"], &of["documentType"]), (&json!("Văn bằng"), &json!(101)));
    let number = of["fields"].as_array().expect("fields").iter().find(|field| field["name"] == "diploma_number");
    assert_eq!(number.expect("a field")["labelVi"], "Số hiệu văn bằng");
    let schema: Value = serde_json::from_str(of["jsonSchema"].as_str().expect("a schema")).expect("JSON");
    assert_eq!(
        schema["properties"]["credits"],
        json!({ "type": "integer", "minimum": 1, "maximum": 400, "title": "Credits", "x-title-vi": "Số tín chỉ" })
    );

    // Submitted: checked against its fields and rules, with warnings, and repeated with the same result.
    let name = name_of_holder(&started).await;
    let future = refused(&started, create(with(diploma(&name), json!({ "graduated_on": "2099-01-01" })))).await;
    assert!(future.0 == "INVALID_REQUEST" && future.1.contains("GRADUATED_IN_FUTURE"), "{future:?}");
    let body = submission("refused-2", create(with(diploma(&name), json!({ "graduated_on": "2099-01-01" }))));
    let spoken = asked("education", "registry.v1.RegistryService/SubmitChanges", body).with("accept-language", "vi");
    let spoken = common::said(&spoken.make(&started.channel).await.expect_err("refused"));
    assert_eq!(spoken, ["GRADUATED_IN_FUTURE: ngày tốt nghiệp không được ở tương lai"]);
    let receipt = submit(&started, "diploma-1", create(diploma(&name))).await;
    assert_eq!((&receipt["version"], &receipt["ledgerIndex"].is_string()), (&json!("1"), &true));
    assert_eq!(submit(&started, "diploma-1", create(diploma(&name))).await, receipt);
    let odd = with(
        diploma(&name),
        json!({ "diploma_number": "DHV 000002", "holder": { "full_name": name, "birth_date": "2000" } }),
    );
    let odd = submit(&started, "diploma-2", create(odd)).await;
    assert_eq!(odd["warnings"][0]["rule"], "GRADUATED_TOO_YOUNG");

    // Found by its number however it is written, and by its person.
    let key = json!({ "recordType": DIPLOMA, "values": ["dhv-000001"] });
    let wanted = json!({ "registry": "education", "recordTypes": [DIPLOMA], "naturalKey": key });
    let read = call(&started, "education", "registry.v1.RegistryService/GetRecords", wanted).await;
    assert_eq!(read["records"][0]["recordType"], DIPLOMA);
    let view = call(
        &started,
        &format!("citizen-{HOLDER}"),
        "province.v1.ProvinceService/GetPerson",
        json!({ "personalId": HOLDER }),
    )
    .await;
    let sections = view["person"]["sections"].as_array().expect("sections").clone();
    let documents = sections.iter().find(|section| section["kind"] == "SECTION_KIND_DOCUMENTS").expect("documents");
    assert!(documents["items"].as_array().expect("items").iter().any(|item| item["recordType"] == DIPLOMA));
    let found =
        call(&started, "one-stop", "province.v1.ProvinceService/SearchPeople", json!({ "personalId": HOLDER })).await;
    assert_eq!(found["people"][0]["personalId"], HOLDER);

    // Fetched by a right, redacted to what it names, verified offline.
    let mut fetched = fetch(&started).await;
    assert_eq!(fetched["records"][0]["verdict"], "VALID");
    let shown = &fetched["records"][0]["fields"];
    assert!(shown["credits"].is_null() && shown["classification"].is_null() && shown["major"] == "Luật", "{shown}");
    assert_eq!(verify(folder.path(), &fetched, "anchor.json"), Some(0));
    fetched["records"][0]["fields"]["major"] = json!("Y khoa");
    assert_eq!(verify(folder.path(), &fetched, "anchor.json"), Some(19), "TYPED_FORM_MISMATCH");

    // Linked to the account, and presented.
    let citizen = format!("citizen-{HOLDER}");
    let link = json!({ "personalId": HOLDER, "documentType": 101 });
    let linked = call(&started, &citizen, "identity.v1.LinkService/LinkDocument", link).await;
    assert_eq!(linked["link"]["documentNumber"], "DHV 000001");
    let wanted = json!({ "personalId": HOLDER, "agency": "one-stop", "documentTypes": [101] });
    let made = call(&started, &citizen, "identity.v1.PresentationService/CreatePresentation", wanted).await;
    let redeem = "identity.v1.PresentationService/RedeemPresentation";
    let answer = call(&started, "one-stop", redeem, json!({ "code": made["code"] })).await;
    assert_eq!(answer["records"][0]["fields"]["credits"], 130.0);
    assert_eq!(verify(folder.path(), &answer, "anchor.json"), Some(0));

    // Changed as its lifecycle allows, and not otherwise.
    let basis = |reason: &str| json!({ "document_number": "12/QĐ", "issued_on": "2026-01-15", "authority": "Trường Đại học Vinh", "reason_code": reason });
    for (changes, rule) in [
        (json!({ "degree": "doctor" }), "FIXED"),
        (json!({ "status": "revoked" }), "BASIS_REQUIRED"),
        (json!({ "status": "revoked", "basis": basis("because") }), "BASIS_REASON"),
        (json!({ "credits": 100 }), "CREDITS_SHRINK"),
    ] {
        let refusal = refused(&started, update(1, with(diploma(&name), changes.clone()))).await;
        assert!(refusal.0 == "TRANSITION_NOT_ALLOWED" && refusal.1.contains(rule), "{changes}: {refusal:?}");
    }
    let revoked =
        with(diploma(&name), json!({ "status": "revoked", "status_reason": "gian lận", "basis": basis("fraud") }));
    assert_eq!(submit(&started, "diploma-3", update(1, revoked)).await["version"], "2");
    let back = refused(&started, update(2, with(diploma(&name), json!({ "basis": basis("correction") })))).await;
    assert!(back.1.contains("revoked is final"), "{back:?}");

    let status = "trust.v1.StatusService/GetStatusList";
    assert_eq!(call(&started, "one-stop", status, json!({ "recordType": DIPLOMA })).await["count"], 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registry_that_comes_later_enters_the_trust_anchor_by_a_version_of_its_own() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let kept = |registries: Vec<Sector>| Config {
        storage: Storage::Folder(data.clone()),
        anchor: Some(folder.path().join("anchor.json")),
        registries,
        ..config()
    };
    let started = gateway().with(|_| kept(Vec::new())).on_a_socket().start().await;
    let person =
        json!({ "personalId": HOLDER, "recordTypes": ["resident.person.v1"], "purpose": "one_stop.verify_documents" });
    let before = call(&started, "one-stop", "exchange.v1.ExchangeService/FetchRecords", person.clone()).await;
    let ledger = started.gateway.record_ledger_size();
    started.end().await.close().await;
    std::fs::copy(folder.path().join("anchor.json"), folder.path().join("old.json")).expect("copied");

    let started = gateway().with(|_| kept(vec![education(&[])])).on_a_socket().start().await;
    let anchor = std::fs::read(folder.path().join("anchor.json")).expect("written");
    let anchor = TrustAnchor::from_json(&anchor).expect("an anchor");
    let key = &anchor.issuer("education").expect("it was let in").keys[0];
    assert_eq!((anchor.version, anchor.events_from, key.from_index), (2, ledger, ledger), "by a key event of its own");
    let anchors = call(&started, "one-stop", "trust.v1.TrustService/ListTrustAnchors", json!({})).await;
    assert_eq!(anchors["anchors"].as_array().map(Vec::len), Some(2), "{anchors}");
    let name = name_of_holder(&started).await;
    submit(&started, "diploma-1", create(diploma(&name))).await;
    let fetched = fetch(&started).await;
    assert_eq!(verify(folder.path(), &fetched, "anchor.json"), Some(0));
    assert_ne!(
        verify(folder.path(), &fetched, "old.json"),
        Some(0),
        "who has not followed the anchor does not know it"
    );
    assert_eq!(verify(folder.path(), &before, "anchor.json"), Some(0), "what was signed before holds under it");
    started.end().await.close().await;

    // A start later everything is as it was, whole, and a new version of the file is accepted if stored records survive it.
    let next = [
        ("version: 1\n", "version: 2\n"),
        ("        credits:\n", "        remark: {type: string}\n        credits:\n"),
    ];
    let started = gateway().with(|_| kept(vec![education(&next)])).on_a_socket().start().await;
    let anchors = call(&started, "one-stop", "trust.v1.TrustService/ListTrustAnchors", json!({})).await;
    assert_eq!(
        anchors["anchors"].as_array().map(Vec::len),
        Some(2),
        "a new version of a file needs none of the anchor"
    );
    assert_eq!(verify(folder.path(), &fetch(&started).await, "anchor.json"), Some(0), "signed under version 1");
    let remark = with(diploma(&name), json!({ "diploma_number": "DHV 000009", "remark": "bản sao" }));
    submit(&started, "diploma-9", create(remark)).await;
    started.end().await.close().await;
    let report = check_folder(&data, &|_, _, _| {}).await.expect("checked");
    assert!(report.findings.is_empty(), "{:?}", report.findings);

    let error = |registries: Vec<Sector>| {
        let config = kept(registries);
        async move { Gateway::open(config).await.err().expect("refused") }
    };
    let gone = error(Vec::new()).await;
    assert_eq!(gone.reason, Reason::ConfigurationInvalid);
    assert!(gone.message.contains("--registry-schema"), "{}", gone.message);
    let unmade = [("version: 1\n", "version: 3\n"), ("maximum: 400", "maximum: 100")];
    let changed = error(vec![education(&unmade)]).await;
    assert!(changed.message.contains("incompatible with stored records"), "{}", changed.message);
    let older = error(vec![education(&[])]).await;
    assert!(older.message.contains("`version` has to be above 2"), "{}", older.message);
    Gateway::open(kept(vec![education(&next)])).await.expect("and nothing was changed").close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_that_cannot_write_the_anchor_admits_nobody() {
    let folder = tempfile::tempdir().expect("a folder");
    let kept = |registries: Vec<Sector>, anchor: &str| Config {
        storage: Storage::Folder(folder.path().join("data")),
        anchor: Some(folder.path().join(anchor)),
        registries,
        ..config()
    };
    let serve = async |registries: Vec<Sector>| {
        let started = gateway().with(|_| kept(registries, "anchor.json")).on_a_socket().start().await;
        started.end().await.close().await;
    };
    serve(Vec::new()).await;
    std::fs::write(folder.path().join("letter.json"), "Kính gửi").expect("written");
    std::fs::create_dir(folder.path().join("here")).expect("made");
    for (anchor, says) in
        [("gone/anchor.json", "cannot be written"), ("letter.json", "no trust anchor"), ("here", "cannot be")]
    {
        let refused = Gateway::open(kept(vec![education(&[])], anchor)).await.err().expect(anchor);
        assert_eq!(refused.reason, Reason::ConfigurationInvalid, "{}", refused.message);
        assert!(refused.message.contains(says), "{anchor}: {}", refused.message);
        // A start without the file is refused where its registry was admitted.
        serve(Vec::new()).await;
    }
    serve(vec![education(&[])]).await;
}

const HEALTH: &str = include_str!("../examples/registries/health.yaml");
const HOME_AFFAIRS: &str = include_str!("../examples/registries/home_affairs.yaml");

fn read(file: &str) -> Sector {
    schema_file::load(file, &Catalogue::built_in()).unwrap_or_else(|flaws| panic!("{flaws}"))
}

/// Submits to a registry of a file; the rules that are broken.
async fn broken(started: &Started, agency: &str, registry: &str, request: &str, changes: Value) -> Vec<String> {
    let body = json!({ "registry": registry, "requestId": request, "changes": changes });
    let call = asked(agency, "registry.v1.RegistryService/SubmitChanges", body);
    match call.make(&started.channel).await {
        Ok(_) => Vec::new(),
        Err(status) => common::broken(&status),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_name_others_and_carry_the_codes_of_their_file() {
    let started = gateway().with(|_| Config { registries: vec![read(HEALTH)], ..config() }).start().await;
    let (practitioners, facilities) = ("health.practitioner.v1", "health.facility.v1");
    let holder = json!({ "personal_id": HOLDER, "full_name": "Nguyễn Văn Thành" });
    let practitioner = |number: &str, facility: &str| {
        json!({ "recordType": practitioners, "operation": "OPERATION_CREATE", "payload": {
            "licence_number": number, "practitioner": holder, "profession": "nurse", "scope": "Điều dưỡng đa khoa",
            "facility_licence": facility, "issued_on": "2024-01-05", "expires_on": "2028-12-31", "status": "valid",
        }})
    };
    let facility = json!({ "recordType": facilities, "operation": "OPERATION_CREATE", "payload": {
        "licence_number": "99001/HT-GPHĐ", "name": "Phòng khám số 1", "kind": "dental", "responsible": holder,
        "address": {"unit_code": "18073", "unit_valid_from": "2025-07-01"}, "issued_on": "2020-01-05", "status": "operating",
    }});
    let submit = async |request: &str, changes: Value| broken(&started, "health", "health", request, changes).await;
    let alone = submit("health-alone", json!([practitioner("990001/HT-GPHN", "99001/HT-GPHĐ")])).await;
    let says = "REFERENCE: must name a record of the type health.facility.v1 that the registry has (assumption)";
    assert_eq!(alone, [says]);
    let together = json!([practitioner("990001/HT-GPHN", "99001/HT-GPHĐ"), facility]);
    assert_eq!(submit("health-together", together).await, [""; 0]);
    // However the number is written: it is a key.
    assert_eq!(submit("health-later", json!([practitioner("990002/HT-GPHN", "99001/ht gphđ")])).await, [""; 0]);
    assert_eq!(submit("health-wrong", json!([practitioner("990003/HT-GPHN", "99002/HT-GPHĐ")])).await, [says]);

    let dose =
        |vaccine: &str| json!({ "vaccine": vaccine, "dose": 1, "given_on": "2025-03-01", "facility": "Trạm Y tế" });
    let book = json!({ "recordType": "health.immunisation.v1", "operation": "OPERATION_CREATE", "payload": {
        "immunisation_code": "4299000000001", "person": holder, "doses": [dose("bcg"), dose("mrna_1273")], "status": "open",
    }});
    let body = json!({ "registry": "health", "requestId": "health-book", "changes": [book] });
    let answer = call(&started, "health", "registry.v1.RegistryService/SubmitChanges", body).await;
    let warnings = &answer["receipts"][0]["warnings"];
    assert_eq!(warnings[0]["field"], "changes[0].payload.doses[1].vaccine");
    assert_eq!((&warnings[0]["rule"], warnings[1].is_null()), (&json!("UNKNOWN_VALUE"), true));

    let lists = call(&started, "bank", "registry.v1.RegistryService/ListCodes", json!({})).await["lists"].take();
    let names: Vec<&str> = lists.as_array().expect("lists").iter().filter_map(|list| list["name"].as_str()).collect();
    assert!(names.contains(&"health.vaccines") && names.contains(&"units") && names.is_sorted(), "{names:?}");
    let on = |day: &str| json!({ "list": "health.vaccines", "code": "rota", "on": day });
    let codes = async |day: &str| {
        call(&started, "bank", "registry.v1.RegistryService/ListCodes", on(day)).await["codes"].take()
    };
    assert_eq!(codes("2026-01-01").await[0]["nameVi"], "Vắc xin phòng tiêu chảy do vi rút Rota");
    assert!(codes("2020-01-01").await.is_null());
    let method = "registry.v1.RegistryService/Describe";
    let described = call(&started, "bank", method, json!({ "registry": "health" })).await["registries"][0].take();
    let field = |of: usize, name: &str| {
        let fields = described["recordTypes"][of]["fields"].as_array().expect("fields");
        fields.iter().find(|field| field["name"] == name).expect(name).clone()
    };
    assert_eq!(field(0, "facility_licence")["references"], facilities);
    assert_eq!(field(2, "doses[].vaccine")["codeList"], "health.vaccines");
    let schema = described["recordTypes"][0]["jsonSchema"].as_str().expect("a schema");
    assert!(schema.contains("\"x-references\":\"health.facility.v1\""), "{schema}");
    let method = "province.v1.ProvinceService/GetPerson";
    let person =
        call(&started, &format!("citizen-{HOLDER}"), method, json!({ "personalId": HOLDER })).await.to_string();
    assert!(person.contains("Vắc xin phòng lao (BCG)"), "names stand beside codes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_registry_does_by_itself_nobody_submits() {
    let started = gateway().with(|_| Config { registries: vec![read(HOME_AFFAIRS)], ..config() }).start().await;
    let household = json!({
        "household_number": "HN-2026-990001", "head": { "personal_id": HOLDER, "full_name": "Nguyễn Văn Thành" },
        "year": 2026, "kind": "near_poor", "members": 4, "lacking": ["housing_area"], "recognised_on": "2026-01-05",
        "recognised_until": "2026-12-31", "status": "recognised",
    });
    let change = |seen: u64, changes: Value| {
        let operation = if seen == 0 { "OPERATION_CREATE" } else { "OPERATION_UPDATE" };
        let payload = with(household.clone(), changes);
        json!([{ "recordType": "home_affairs.poor_household.v1", "operation": operation, "expectedVersion": seen, "payload": payload }])
    };
    let basis = |authority: &str, reason: &str| json!({ "document_number": "12/QĐ", "issued_on": "2026-06-01", "authority": authority, "reason_code": reason });
    let submit =
        async |request: &str, changes: Value| broken(&started, "home-affairs", "home_affairs", request, changes).await;
    assert_eq!(submit("poor-house-1", change(0, json!({}))).await, [""; 0]);
    let lapsed = json!({ "status": "lapsed", "basis": basis("UBND phường Thành Sen", "recognition_lapsed") });
    let told = submit("poor-house-2", change(1, lapsed)).await;
    let says =
        "AUTHOR: recognised → lapsed is made by the registry itself on its due date (memory: Decision 24/2021/QĐ-TTg)";
    assert_eq!(told, [says]);
    let left = |authority: &str| json!({ "status": "left", "basis": basis(authority, "left_poverty") });
    assert!(
        submit("poor-house-3", change(1, left("SYSTEM"))).await[0].starts_with("AUTHOR: `system` is the authority")
    );
    assert_eq!(submit("poor-house-4", change(1, left("UBND phường Thành Sen"))).await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_examples_run_all_together_with_data_of_the_citizens() {
    let started = gateway().people(300).with(|config| Config { registries: examples::all(), ..config }).start().await;
    let described = call(&started, "one-stop", "registry.v1.RegistryService/Describe", json!({})).await;
    let registries = described["registries"].as_array().expect("registries").clone();
    assert_eq!(registries.len(), 17);
    let filled = |name: &str| {
        let of = registries.iter().find(|of| of["registry"] == name).expect(name);
        of["logSize"].as_str().and_then(|size| size.parse::<u64>().ok()).unwrap_or_default()
    };
    for sector in examples::all() {
        assert!(filled(&sector.name) > 0, "{} is empty", sector.name);
    }
}
