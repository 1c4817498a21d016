//! Code lists through the public API: their codes, codes refused on a day, and codes accepted with a warning.

mod common;

use common::dynamic::Call;
use common::{Started, gateway, reason};
use serde_json::{Value, json};
use tonic::{Code, Status};

async fn call(started: &Started, credential: &str, method: &str, body: Value) -> Result<Value, Status> {
    let headers = vec![("authorization".to_owned(), format!("Bearer demo-{credential}"))];
    let method = format!("lienthong.registry.v1.RegistryService/{method}");
    Call { headers, body: body.to_string(), method }.make(&started.channel).await
}

async fn codes(started: &Started, body: Value) -> Value {
    call(started, "bank", "ListCodes", body).await.expect("any caller may ask")
}

fn texts(of: &Value, field: &str) -> Vec<String> {
    let of = of.as_array().map(Vec::as_slice).unwrap_or_default();
    of.iter().map(|one| one[field].as_str().unwrap_or_default().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_and_codes_can_be_looked_up_by_day() {
    let started = gateway().start().await;
    let lists = codes(&started, json!({})).await;
    let names = texts(&lists["lists"], "name");
    assert!(names.len() == 11 && names.is_sorted(), "{names:?}");
    assert!(texts(&lists["lists"], "source").iter().all(|source| !source.is_empty()));

    let tax = async |on: &str| texts(&codes(&started, json!({"list": "tax_states", "on": on})).await["codes"], "code");
    assert_eq!(tax("2026-06-30").await, ["00", "01", "02", "03", "04", "05", "06", "07", "09", "10"]);
    assert_eq!(tax("2026-07-01").await, ["00", "01", "02", "03", "05", "06", "07", "09", "10"]);
    let meanings = codes(&started, json!({"list": "units", "code": "18073"})).await;
    assert_eq!(texts(&meanings["codes"], "nameVi"), ["Phường Nam Hà", "Phường Thành Sen"]);
    assert_eq!(texts(&meanings["codes"], "validUntil"), ["2025-06-30", ""]);

    let mut all = Vec::new();
    let mut token = Value::Null;
    loop {
        let page = codes(&started, json!({"list": "countries", "pageSize": 100, "pageToken": token})).await;
        all.extend(texts(&page["codes"], "code"));
        token = page["nextPageToken"].clone();
        if token.is_null() {
            break;
        }
        let elsewhere = json!({"list": "ethnic_groups", "pageSize": 100, "pageToken": token});
        let refused = call(&started, "bank", "ListCodes", elsewhere).await.expect_err("another query's token");
        assert_eq!(reason(&refused).1, "PAGE_TOKEN_INVALID");
    }
    assert!(all.len() == 250 && all.is_sorted(), "{}", all.len());

    for (body, says) in [
        (json!({"list": "land_use"}), "list: no such code list; nearest: land_uses"),
        (json!({"list": "land_uses", "on": "2026"}), "on: must be a date, YYYY-MM-DD, in the years 1800 to 2200"),
    ] {
        let refused = call(&started, "bank", "ListCodes", body).await.expect_err("refused");
        assert!(refused.code() == Code::InvalidArgument && refused.message().contains(says), "{refused}");
    }
}

fn parcel(number: u32, edit: impl Fn(&mut Value)) -> Value {
    let mut payload = json!({
        "parcel_id": format!("w7723fdn0z{number:02}"),
        "commune": {"unit_code": "18073", "unit_valid_from": "2025-07-01"},
        "map_sheet": "12",
        "parcel_number": (number + 1).to_string(),
        "area_m2": "150",
        "uses": [{"code": "ODT", "area_m2": "150", "origin": "recognised_with_fee", "term": "2063-10-15"}],
        "status": "active",
    });
    edit(&mut payload);
    let change = json!({"recordType": "land.parcel.v1", "operation": "OPERATION_CREATE", "payload": payload});
    json!({"registry": "land", "requestId": format!("parcel-{number}"), "changes": [change]})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_incomplete_list_does_not_have_is_accepted_and_flagged() {
    let started = gateway().start().await;
    let submit = async |body| call(&started, "land-office", "SubmitChanges", body).await.expect("accepted");
    for use_code in ["LMU", "TSC", "SKK"] {
        let number = 10 + u32::from(use_code.as_bytes()[0] - b'A');
        let receipt =
            submit(parcel(number, |parcel| parcel["uses"][0]["code"] = json!(use_code))).await["receipts"][0].take();
        assert_eq!((&receipt["version"], &receipt["warnings"]), (&json!("1"), &Value::Null), "{use_code}");
    }
    let odd = parcel(50, |parcel| {
        parcel["uses"][0]["code"] = json!("XYZ");
        parcel["commune"] = json!({"unit_code": "01234", "unit_valid_from": "2025-07-01"});
    });
    let first = submit(odd.clone()).await;
    let warnings = &first["receipts"][0]["warnings"];
    let expected = ["changes[0].payload.uses[0].code", "changes[0].payload.commune.unit_code"];
    assert_eq!(texts(warnings, "field"), expected);
    assert_eq!(texts(warnings, "rule"), ["UNKNOWN_VALUE", "UNKNOWN_VALUE"]);
    assert_eq!(first["receipts"][0]["warningsTotal"], 2);
    assert!(texts(warnings, "message")[0].contains("land_uses"), "{warnings}");
    assert_eq!(submit(odd).await, first, "a repetition gives the same receipts, warnings too");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_is_refused_on_a_day_on_which_it_may_not_be_used() {
    let started = gateway().start().await;
    let ended = parcel(60, |parcel| parcel["commune"]["unit_valid_from"] = json!("2004-07-08"));
    let never = parcel(61, |parcel| parcel["commune"]["unit_valid_from"] = json!("2020-02-02"));
    let unknown_successor = parcel(62, |parcel| {
        parcel["commune"] = json!({"unit_code": "18070", "unit_valid_from": "2004-07-08"});
    });
    let gone = "the unit does not exist on the day that the record refers to";
    for (body, rule) in [
        (unknown_successor, gone),
        (ended, "; 18073 (since 2025-07-01) took its place"),
        (never, "no unit of this code began on that day"),
    ] {
        let refused = call(&started, "land-office", "SubmitChanges", body).await.expect_err("refused");
        let field = "changes[0].payload.commune.unit_valid_from";
        assert_eq!(reason(&refused), (Code::InvalidArgument, "INVALID_REQUEST".to_owned()));
        assert!(refused.message().contains(field) && refused.message().contains(rule), "{refused}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_stand_beside_codes() {
    let started = gateway().start().await;
    let headers = vec![("authorization".to_owned(), "Bearer demo-operator".to_owned())];
    let method = "lienthong.province.v1.ProvinceService/SearchPeople".to_owned();
    let body = json!({"personalId": "042090990001"}).to_string();
    let found = Call { headers, body, method }.make(&started.channel).await.expect("found");
    assert_eq!(texts(&found["people"], "unitCode"), ["18073"]);
    assert_eq!(texts(&found["people"], "unitName"), ["Phường Thành Sen"]);
    assert_eq!(texts(&found["people"], "unitValidFrom"), ["2025-07-01"]);

    let land = call(&started, "bank", "Describe", json!({"registry": "land"})).await.expect("described");
    let types = land["registries"][0]["recordTypes"].as_array().expect("types").clone();
    let parcel = types.iter().find(|of| of["recordType"] == "land.parcel.v1").expect("parcels");
    let list = |name: &str| {
        let field = parcel["fields"].as_array().expect("fields").iter().find(|field| field["name"] == name);
        field.expect(name)["codeList"].as_str().unwrap_or_default().to_owned()
    };
    assert_eq!(
        (list("uses[].code"), list("commune.unit_code"), list("map_sheet")),
        ("land_uses".into(), "units".into(), String::new())
    );
}
