//! The views of the province as its callers get them: by agencies with and without a right, in pages, at two times, and fetched with the records behind
//! them, which `lienthong verify` reads.

mod common;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use common::dynamic::Call;
use common::process::run;
use common::{as_agency, gateway, reason};
use lienthong::server::Config;
use serde_json::{Value, json};
use tonic::transport::Channel;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

/// A persona whose life is full.
const HOLDER: &str = "042090990001";

async fn call(channel: &Channel, credential: &str, method: &str, body: Value) -> Result<Value, (Code, String)> {
    let headers = vec![("authorization".to_owned(), format!("Bearer demo-{credential}"))];
    let call = Call { headers, body: body.to_string(), method: format!("lienthong.{method}") };
    call.make(channel).await.map_err(|status| reason(&status))
}

async fn view(channel: &Channel, method: &str, body: Value) -> Result<Value, (Code, String)> {
    call(channel, "operator", &format!("province.v1.ProvinceService/{method}"), body).await
}

/// The bad fields of a refusal, each with the rule that it breaks.
fn bad(status: &Status) -> Vec<String> {
    let fields = status.get_details_bad_request().map(|bad| bad.field_violations).unwrap_or_default();
    let rule = |description: &str| description.split(':').next().unwrap_or_default().to_owned();
    fields.into_iter().map(|bad| format!("{} {}", bad.field, rule(&bad.description))).collect()
}

/// The items of a view.
fn items(view: &Value) -> Vec<&Value> {
    let sections = view["sections"].as_array().into_iter().flatten();
    sections.flat_map(|section| section["items"].as_array().into_iter().flatten()).collect()
}

/// The types of the records in a view.
fn types(view: &Value) -> Vec<&str> {
    items(view).into_iter().filter_map(|item| item["recordType"].as_str()).collect()
}

/// A field of the first record of a type in a view.
fn field<'a>(view: &'a Value, record_type: &str, name: &str) -> &'a Value {
    let item = items(view).into_iter().find(|item| item["recordType"] == record_type).expect(record_type);
    let fields = item["fields"].as_array().expect("fields");
    &fields.iter().find(|field| field["name"] == name).unwrap_or_else(|| panic!("{record_type} {name}"))["value"]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_about_a_person_leads_to_views_of_its_own() {
    let started = gateway().start().await;
    let channel = &started.channel;
    let answer = view(channel, "GetPerson", json!({"personal_id": HOLDER})).await.expect("a person");
    let person = &answer["person"];
    let chosen = person["chosen"].as_array().expect("fields");
    let name = chosen.iter().find(|field| field["name"] == "full_name").expect("a name");
    assert!(name["source"].as_u64().is_some() && name["chosenBy"].as_str().is_some(), "{name}");

    let household = field(person, "resident.person.v1", "household_id");
    let plate = field(person, "vehicle.registration.v1", "plate");
    let parcel = field(person, "land.parcel.v1", "parcel_id");
    for (method, of, key, value, record_type) in [
        ("GetHousehold", "household", "household_id", household, "resident.household.v1"),
        ("GetVehicle", "vehicle", "plate", plate, "vehicle.registration.v1"),
        ("GetParcel", "parcel", "parcel_id", parcel, "land.certificate.v1"),
    ] {
        let answer = view(channel, method, json!({(key): value})).await.expect(method);
        let types = types(&answer[of]);
        assert!(types.contains(&record_type) && types.contains(&"resident.person.v1"), "{method} {types:?}");
        assert!(answer[of]["chosen"].as_array().is_some_and(|all| !all.is_empty()), "{method}");
        for agency in ["one-stop", "police", &format!("citizen-{HOLDER}")] {
            let method = format!("province.v1.ProvinceService/{method}");
            let refused = call(channel, agency, &method, json!({(key): value})).await.expect_err(agency);
            assert_eq!(refused, (Code::PermissionDenied, "ROLE_NOT_ALLOWED".to_owned()), "{agency} {method}");
        }
        let bad = view(channel, method, json!({(key): "?"})).await.expect_err("no key");
        assert_eq!(bad.0, Code::InvalidArgument);
    }
    let home = field(person, "resident.person.v1", "permanent_residence");
    let asked =
        json!({"unit_code": home["unit_code"], "unit_valid_from": home["unit_valid_from"], "text": home["text"]});
    let there = view(channel, "GetAddress", asked).await.expect("an address");
    assert!(
        types(&there).contains(&"resident.person.v1") && types(&there).contains(&"resident.household.v1"),
        "{there}"
    );
    assert!(there["unitName"].as_str().is_some_and(|name| !name.is_empty()));
    started.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_and_times_are_asked_for_and_held_to() {
    let started = gateway().start().await;
    let channel = &started.channel;
    let whole = view(channel, "GetPerson", json!({"personal_id": HOLDER})).await.expect("a person");
    let all = types(&whole["person"]).len();
    let (mut token, mut seen) = (String::new(), 0);
    loop {
        let body = json!({"personal_id": HOLDER, "page_size": 3, "page_token": token});
        let page = view(channel, "GetPerson", body).await.expect("a page");
        seen += types(&page["person"]).len();
        token = page["nextPageToken"].as_str().unwrap_or_default().to_owned();
        if token.is_empty() {
            break;
        }
        let other = json!({"personal_id": "042185990002", "page_token": token});
        let refused = view(channel, "GetPerson", other).await.expect_err("another query");
        assert_eq!(refused, (Code::InvalidArgument, "PAGE_TOKEN_INVALID".to_owned()));
    }
    assert_eq!(seen, all);

    let size: u64 = whole["person"]["ledgerSize"].as_str().expect("a size").parse().expect("a number");
    for (field, value) in [
        ("as_of_valid", "yesterday".to_owned()),
        ("as_of_known", "-1".to_owned()),
        ("as_of_known", size.to_string()),
        ("as_of_known", "9999-01-01T00:00:00Z".to_owned()),
    ] {
        let body = json!({"personal_id": HOLDER, (field): value});
        assert_eq!(view(channel, "GetPerson", body).await.expect_err("refused").0, Code::InvalidArgument, "{value}");
    }
    let last = json!({"personal_id": HOLDER, "as_of_known": (size - 1).to_string()});
    let same = view(channel, "GetPerson", last).await.expect("what is known now");
    assert_eq!(types(&same["person"]), types(&whole["person"]));
    let early = json!({"personal_id": HOLDER, "as_of_known": "1900-01-01T00:00:00Z"});
    assert_eq!(view(channel, "GetPerson", early).await.expect_err("nothing was known").0, Code::NotFound);
    let unborn = json!({"personal_id": HOLDER, "as_of_valid": "1900-01-01"});
    assert_eq!(view(channel, "GetPerson", unborn).await.expect_err("nothing was true").0, Code::NotFound);

    let (own, method) = (format!("citizen-{HOLDER}"), "province.v1.ProvinceService/GetPersonHistory");
    let history = call(channel, &own, method, json!({"personal_id": HOLDER})).await.expect("one's own");
    let changes = history["changes"].as_array().expect("changes");
    let index =
        |change: &Value| change["source"]["ledgerIndex"].as_str().and_then(|it| it.parse::<u64>().ok()).unwrap_or(0);
    assert!(changes.len() >= all - 1 && changes.is_sorted_by_key(index), "{}", changes.len());
    assert!(changes.iter().all(|change| change["knownFrom"].is_string() && change["fields"].is_array()));
    started.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agency_fetches_a_view_of_what_it_may_read_and_the_records_verify() {
    let folder = tempfile::tempdir().expect("a folder");
    let anchor = folder.path().join("anchor.json");
    let started = gateway().with(|config| Config { anchor: Some(anchor), ..config }).start().await;
    let channel = &started.channel;
    let fetch =
        async |agency: &str, body: Value| call(channel, agency, "exchange.v1.ExchangeService/FetchView", body).await;
    let asked = json!({"personal_id": HOLDER, "purpose": "one_stop.verify_documents", "reference": "dossier-1"});
    let answer = fetch("one-stop", asked).await.expect("a view");
    let view = &answer["view"];
    assert_eq!((view["kind"].as_str(), view["subjectKey"].as_str()), (Some("person"), Some(HOLDER)));
    let records = answer["records"].as_array().expect("records");
    assert_eq!(items(view).len(), records.len(), "every record is in the view");
    assert!(!types(view).iter().any(|name| name.starts_with("judicial.")));
    let person = items(view).into_iter().find(|item| item["recordType"] == "resident.person.v1").expect("a person");
    let shown: Vec<_> =
        person["fields"].as_array().expect("fields").iter().filter_map(|it| it["name"].as_str()).collect();
    assert!(shown.contains(&"full_name") && !shown.contains(&"religion") && !shown.contains(&"ethnicity"), "{shown:?}");
    let chosen = view["chosen"].as_array().expect("fields");
    assert!(!chosen.iter().any(|field| field["name"] == "ethnicity" || field["name"] == "religion"), "{chosen:?}");
    assert!(answer["evidence"]["checkpoint"].is_string());

    std::fs::write(folder.path().join("view.json"), answer.to_string()).expect("written");
    let verified = run(folder.path(), &["verify", "view.json", "--trust", "anchor.json"]);
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));

    for (agency, purpose, expected) in
        [("one-stop", "health.admission", "RIGHT_MISSING"), ("bank", "bank.know_your_customer", "CONSENT_MISSING")]
    {
        let body = json!({"personal_id": HOLDER, "purpose": purpose});
        assert_eq!(fetch(agency, body).await.expect_err("refused"), (Code::PermissionDenied, expected.to_owned()));
    }
    // Who may count enterprises without naming them learns what counts of one all the same.
    let director = json!({"personal_id": "042086990020", "registry": "business"});
    let read = call(channel, "operator", "registry.v1.RegistryService/GetRecords", director).await.expect("reads");
    let payload = read.pointer("/records/0/record/whole/payload").and_then(Value::as_str).expect("an enterprise");
    let payload: Value = serde_json::from_slice(&STANDARD.decode(payload).expect("base64")).expect("JSON");
    let body = json!({"organisation_code": payload["enterprise_code"], "purpose": "statistics.aggregate"});
    let counted = fetch("finance", body).await.expect("a view");
    let chosen = counted["view"]["chosen"].as_array().expect("fields");
    assert!(chosen.iter().any(|field| field["name"] == "capital"), "{counted}");
    assert!(!counted.to_string().contains(payload["enterprise_name"].as_str().unwrap_or("no name")), "{counted}");
    // Each call is in the citizen's access log, refusals too.
    let (own, method) = (format!("citizen-{HOLDER}"), "access.v1.AccessLogService/ListAccesses");
    let log = call(channel, &own, method, json!({"personal_id": HOLDER})).await.expect("one's own").to_string();
    for outcome in ["OK", "RIGHT_MISSING", "CONSENT_MISSING"] {
        assert!(log.contains(&format!("\"{outcome}\"")), "{outcome}");
    }
    started.end().await;
}

/// All records of this persona were changed after they were signed.
const ALTERED: &str = "042090990101";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_does_not_verify_is_named_wherever_it_is_not_shown() {
    let started = gateway().start().await;
    let channel = &started.channel;
    let (person, card) = ("resident.person.v1", "health_insurance.card.v1");
    let ask = async |method: &str, body: Value, unverified: Option<&str>| {
        let method = format!("lienthong.exchange.v1.ExchangeService/{method}");
        let headers = vec![("authorization".to_owned(), "Bearer demo-one-stop".to_owned())];
        let call = Call { headers, body: body.to_string(), method };
        let call = unverified.into_iter().fold(call, |call, value| call.with("x-lienthong-unverified", value));
        call.make(channel).await
    };
    let all = json!({"personal_id": ALTERED, "purpose": "one_stop.verify_documents"});
    let two = json!({"personal_id": ALTERED, "purpose": "one_stop.verify_documents", "record_types": [person, card]});
    let gaps = |answer: &Value, of: &[&str]| -> Vec<(String, String)> {
        let gaps = answer["missing"].as_array().cloned().unwrap_or_default();
        let text = |gap: &Value, name: &str| gap[name].as_str().unwrap_or_default().to_owned();
        let gaps = gaps.iter().filter(|gap| of.iter().any(|name| gap["recordType"] == *name));
        gaps.map(|gap| (text(gap, "recordType"), format!("{} {}", text(gap, "reason"), text(gap, "code")))).collect()
    };
    let unverified = |name: &str| (name.to_owned(), "MISSING_REASON_NOT_VERIFIED PAYLOAD_MISMATCH".to_owned());

    for method in ["FetchRecords", "FetchView"] {
        let refused = ask(method, two.clone(), None).await.expect_err("nothing else was answered");
        assert_eq!(reason(&refused), (Code::DataLoss, "PAYLOAD_MISMATCH".to_owned()));
        assert!(refused.message().contains("x-lienthong-unverified: allow"), "{refused}");
        let info = refused.get_details_error_info().expect("facts").metadata;
        assert_eq!(info["purpose"], "one_stop.verify_documents");
        assert_eq!(info["record_type"], format!("{person},{card}"));
        // What decided the call is listed once.
        let id = refused.get_details_request_info().expect("an id").request_id;
        let explained = ask("Explain", json!({"request_id": id}), None).await.expect("explained");
        let checks = explained["checks"].as_array().expect("checks");
        let is_of = |check: &Value, name: &str| check["name"].as_str().is_some_and(|it| it.contains(name));
        let count = |name: &str| checks.iter().filter(|check| is_of(check, name)).count();
        assert_eq!((count(person), count(card)), (1, 1), "{checks:?}");

        let other = ask(method, two.clone(), Some("true")).await.expect_err("another value");
        assert_eq!(bad(&other), ["x-lienthong-unverified UNKNOWN_VALUE"]);
    }
    // Other registries answered, if only that they have nothing.
    let partial = ask("FetchView", all, None).await.expect("a view of the rest");
    assert_eq!(gaps(&partial, &[person, card]), [unverified(person), unverified(card)]);
    // On demand the records are there, and the view says that it shows nothing of them.
    let marked = ask("FetchView", two, Some("allow")).await.expect("a view");
    let verdicts: Vec<_> = marked["records"].as_array().expect("records").iter().map(|it| &it["verdict"]).collect();
    assert!(!verdicts.is_empty() && verdicts.iter().all(|it| *it == "INVALID PAYLOAD_MISMATCH"), "{verdicts:?}");
    assert!(items(&marked["view"]).is_empty(), "{marked}");
    assert_eq!(gaps(&marked, &[person, card]), [unverified(person), unverified(card)]);
    started.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watch_that_could_never_tell_anything_is_refused_with_the_field_to_mend() {
    use lienthong::wire::proto::province::v1::province_service_client::ProvinceServiceClient;
    use lienthong::wire::proto::province::v1::{SectionKind, WatchChangesRequest};
    let started = gateway().start().await;
    let request = WatchChangesRequest::default;
    let land = WatchChangesRequest { registry: "land".into(), ..request() };
    let judicial = SectionKind::Judicial.into();
    for (agency, request, expected) in [
        ("operator", WatchChangesRequest { section: SectionKind::Vehicles.into(), ..land.clone() }, "section CONFLICT"),
        (
            "operator",
            WatchChangesRequest { record_types: vec!["vehicle.registration.v1".into()], ..land },
            "record_types CONFLICT",
        ),
        (
            "operator",
            WatchChangesRequest { section: judicial, personal_id: HOLDER.into(), ..request() },
            "personal_id CONFLICT",
        ),
        (
            "operator",
            WatchChangesRequest { unit_code: "18073".into(), unit_valid_from: "2020-02-02".into(), ..request() },
            "unit_valid_from UNKNOWN_VALUE",
        ),
        // The owner of a registry forgot to name it.
        ("social-insurance", request(), "registry REQUIRED"),
    ] {
        let mut client = ProvinceServiceClient::new(started.channel.clone());
        let refused = client.watch_changes(as_agency(agency, request)).await.expect_err(expected);
        assert_eq!(bad(&refused), [expected], "{refused}");
    }
    let stranger =
        ProvinceServiceClient::new(started.channel.clone()).watch_changes(as_agency("bank", request())).await;
    assert_eq!(reason(&stranger.expect_err("it owns none")), (Code::PermissionDenied, "ROLE_NOT_ALLOWED".to_owned()));
    let place = json!({"unit_code": "18073", "unit_valid_from": "2020-02-02"});
    let headers = vec![("authorization".to_owned(), "Bearer demo-operator".to_owned())];
    let method = "lienthong.province.v1.ProvinceService/GetAddress".to_owned();
    let refused = Call { headers, body: place.to_string(), method }.make(&started.channel).await.expect_err("refused");
    assert_eq!(bad(&refused), ["unit_valid_from UNKNOWN_VALUE"]);
    started.end().await;
}
