//! Organisations as parties: agencies fetch their records, their representatives see these reads, and give mandates.

#![allow(clippy::disallowed_methods, reason = "tests measure and wait by the machine's time")]

mod common;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use common::{as_agency, as_citizen, gateway, reason};
use lienthong::base::OrganisationCode;
use lienthong::base::time::SystemClock;
use lienthong::base::{Clock as _, PersonalId};
use lienthong::simulation::personas;
use lienthong::wire::proto::access::v1::access_log_service_client::AccessLogServiceClient;
use lienthong::wire::proto::access::v1::{ListAccessesRequest, ListAccessesResponse};
use lienthong::wire::proto::exchange::v1::FetchRecordsRequest;
use lienthong::wire::proto::exchange::v1::exchange_service_client::ExchangeServiceClient;
use lienthong::wire::proto::identity::v1::organisation_service_client::OrganisationServiceClient;
use lienthong::wire::proto::identity::v1::{
    EndMandateRequest, GetOrganisationAccountRequest, GrantMandateRequest, OpenOrganisationAccountRequest,
};
use lienthong::wire::proto::registry::v1::get_records_request::Selector;
use lienthong::wire::proto::registry::v1::registry_service_client::RegistryServiceClient;
use lienthong::wire::proto::registry::v1::{GetRecordsRequest, GetRecordsResponse};
use serde_json::json;
use tonic::{Code, Status};

/// Represents an enterprise, by the business register.
const DIRECTOR: &str = "042086990020";
/// A person who does not.
const CLERK: &str = "042090990001";

/// The code of the director's enterprise.
fn code() -> String {
    let personas = personas::all(SystemClock.now().date());
    let records = personas.iter().flat_map(|persona| &persona.records);
    let mut codes = records.filter_map(|record| record.payload.text("enterprise_code").map(str::to_owned));
    codes.next().expect("an enterprise")
}

/// Ends the enterprise, by a decision.
async fn dissolve(channel: &tonic::transport::Channel, code: &str) {
    let ask = async |credential: &str, method: &str, body: serde_json::Value| {
        let headers = vec![("authorization".to_owned(), format!("Bearer demo-{credential}"))];
        let method = format!("lienthong.registry.v1.RegistryService/{method}");
        common::dynamic::Call { headers, body: body.to_string(), method }.make(channel).await.expect("answered")
    };
    let key = json!({"record_type": "business.enterprise.v1", "values": [code]});
    let read = ask("finance", "GetRecords", json!({"registry": "business", "natural_key": key})).await;
    let payload = read["records"][0]["record"]["whole"]["payload"].as_str().expect("a payload");
    let mut payload: serde_json::Value =
        serde_json::from_slice(&STANDARD.decode(payload).expect("base64")).expect("JSON");
    payload["status"] = json!("dissolved");
    payload["tax_status"] = json!("01");
    payload["status_reason"] = json!("giải thể");
    payload["basis"] = json!({
        "document_number": "9/QĐ", "issued_on": "2026-01-05", "authority": "Sở Tài chính", "reason_code": "dissolution",
    });
    let records = json!([{"record_type": "business.enterprise.v1", "payload": payload}]);
    let put = ask("finance", "PutRecords", json!({"registry": "business", "records": records})).await;
    assert_eq!(put["outcomes"][0]["effect"], "PUT_EFFECT_UPDATED", "{put}");
}

fn fetch(code: &str, record_types: &[&str], purpose: &str) -> FetchRecordsRequest {
    FetchRecordsRequest {
        organisation_code: code.into(),
        record_types: record_types.iter().map(|of| (*of).to_owned()).collect(),
        purpose: purpose.into(),
        ..Default::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_enterprises_records_are_fetched_and_the_call_is_in_its_log() {
    let started = gateway().start().await;
    let code = code();
    let mut exchange = ExchangeServiceClient::new(started.channel.clone());
    let types = ["business.enterprise.v1", "vehicle.registration.v1"];
    let asked = as_agency("one-stop", fetch(&code, &types, "one_stop.process_dossier"));
    let found = exchange.fetch_records(asked).await.expect("found").into_inner();
    assert_eq!(found.records.len(), 1);
    assert_eq!((found.missing.len(), &*found.missing[0].record_type), (1, "vehicle.registration.v1"));

    let refused = async |agency: &str, request: FetchRecordsRequest| {
        let mut exchange = ExchangeServiceClient::new(started.channel.clone());
        reason(&exchange.fetch_records(as_agency(agency, request)).await.expect_err("refused")).1
    };
    let person = ["resident.person.v1"];
    assert_eq!(refused("one-stop", fetch(&code, &person, "one_stop.process_dossier")).await, "INVALID_REQUEST");
    // Reads that need a consent are not possible for an organisation: nobody could give it.
    assert_eq!(refused("bank", fetch(&code, &types[..1], "bank.know_your_customer")).await, "CONSENT_MISSING");
    assert_eq!(refused("hospital", fetch(&code, &types[..1], "health.admission")).await, "RIGHT_MISSING");

    let log = async |who: &str| -> Result<ListAccessesResponse, Status> {
        let mut log = AccessLogServiceClient::new(started.channel.clone());
        let request = ListAccessesRequest { organisation_code: code.clone(), ..Default::default() };
        log.list_accesses(as_citizen(who, request)).await.map(tonic::Response::into_inner)
    };
    let accesses = log(DIRECTOR).await.expect("the representative's").accesses;
    let outcomes: Vec<&str> = accesses.iter().map(|access| access.outcome.as_str()).collect();
    assert_eq!(outcomes, ["RIGHT_MISSING", "CONSENT_MISSING", "INVALID_REQUEST", "OK"]);
    assert_eq!(accesses[3].request_id, found.request_id);
    assert_eq!(reason(&log(CLERK).await.expect_err("a stranger")).1, "ROLE_NOT_ALLOWED");

    let mut accounts = OrganisationServiceClient::new(started.channel.clone());
    let until = SystemClock.now().plus_ms(30 * 86_400_000);
    let until = Some(prost_types::Timestamp { seconds: until.0 / 1_000, nanos: 0 });
    let grant = |organisation_code: &str| GrantMandateRequest {
        organisation_code: organisation_code.into(),
        personal_id: CLERK.into(),
        until,
    };
    let none = accounts.grant_mandate(as_citizen(DIRECTOR, grant(&code))).await.expect_err("no account");
    assert_eq!(reason(&none), (Code::FailedPrecondition, "ACCOUNT_MISSING".into()));
    let open = OpenOrganisationAccountRequest { organisation_code: code.clone() };
    let stranger = accounts.open_organisation_account(as_citizen(CLERK, open.clone())).await.expect_err("a stranger");
    assert_eq!(reason(&stranger).1, "ROLE_NOT_ALLOWED");
    for _ in 0..2 {
        accounts.open_organisation_account(as_citizen(DIRECTOR, open.clone())).await.expect("opened, and again");
    }
    let granted = accounts.grant_mandate(as_citizen(DIRECTOR, grant(&code))).await.expect("granted").into_inner();
    assert_eq!(granted.account.expect("an account").mandates[0].personal_id, CLERK);
    assert_eq!(log(CLERK).await.expect("by mandate").accesses.len(), 4);
    // A mandate is not passed on.
    let passed = accounts.grant_mandate(as_citizen(CLERK, grant(&code))).await.expect_err("passed on");
    assert_eq!(reason(&passed).1, "ROLE_NOT_ALLOWED");
    let get = GetOrganisationAccountRequest { organisation_code: code.clone() };
    accounts.get_organisation_account(as_agency("police", get.clone())).await.expect("kept by the police");
    let end = EndMandateRequest { organisation_code: code.clone(), personal_id: CLERK.into() };
    accounts.end_mandate(as_citizen(DIRECTOR, end.clone())).await.expect("ended");
    let again = accounts.end_mandate(as_citizen(DIRECTOR, end)).await.expect_err("ended already");
    assert_eq!(again.code(), Code::NotFound);
    // Whichever of their numbers a mandate names, it is the person's.
    let renumbered = |personal_id: &str| GrantMandateRequest { personal_id: personal_id.into(), ..grant(&code) };
    for number in ["042083990017", "042083990016"] {
        let granted = accounts.grant_mandate(as_citizen(DIRECTOR, renumbered(number))).await.expect("granted");
        let mandates = granted.into_inner().account.expect("an account").mandates;
        assert_eq!((mandates.len(), &*mandates[0].personal_id), (1, "042083990016"));
    }
    // Nobody acts for an organisation who has died, is a child, or is not known.
    for nobody in ["042065990010", "042324990011", "042099999999"] {
        let refused = accounts.grant_mandate(as_citizen(DIRECTOR, renumbered(nobody))).await.expect_err(nobody);
        assert_eq!(reason(&refused), (Code::InvalidArgument, "INVALID_REQUEST".into()), "{nobody}");
    }
    let theirs = EndMandateRequest { organisation_code: code.clone(), personal_id: "042083990017".into() };
    let ended = accounts.end_mandate(as_citizen(DIRECTOR, theirs)).await.expect("ended").into_inner();
    assert!(ended.account.expect("an account").mandates.is_empty());
    let gone = accounts.get_organisation_account(as_citizen(CLERK, get)).await.expect_err("no mandate any more");
    assert_eq!(reason(&gone).1, "ROLE_NOT_ALLOWED");

    // An enterprise that has ended gives no mandate, and those that it gave have ended.
    accounts.grant_mandate(as_citizen(DIRECTOR, grant(&code))).await.expect("granted, while it stands");
    dissolve(&started.channel, &code).await;
    let late = accounts.grant_mandate(as_citizen(DIRECTOR, renumbered("042083990016"))).await.expect_err("dissolved");
    assert_eq!(reason(&late), (Code::FailedPrecondition, "ORGANISATION_ENDED".into()));
    assert_eq!(reason(&log(CLERK).await.expect_err("no mandate any more")).1, "ROLE_NOT_ALLOWED");
    assert!(log(DIRECTOR).await.is_ok(), "its affairs are wound up");

    let mut registry = RegistryServiceClient::new(started.channel.clone());
    let by_code = |code: &str| GetRecordsRequest {
        registry: "business".into(),
        selector: Some(Selector::OrganisationCode(code.into())),
        ..Default::default()
    };
    let found: GetRecordsResponse =
        registry.get_records(as_agency("finance", by_code(&code))).await.expect("found").into_inner();
    assert_eq!(found.records.len(), 1);
    let branch = registry.get_records(as_agency("finance", by_code(&format!("{code}-001")))).await.expect("none");
    assert!(branch.into_inner().records.is_empty(), "a branch's records are its own");
    assert!(OrganisationCode::parse(&code).is_some() && PersonalId::parse(&code).is_none());
}
