//! Records for review through the public API: what was accepted and flagged, page by page, for the registry's owner.

mod common;

use common::dynamic::Call;
use common::{Started, gateway, reason};
use serde_json::{Value, json};
use tonic::Status;

async fn call(started: &Started, credential: &str, method: &str, body: Value) -> Result<Value, Status> {
    let headers = vec![("authorization".to_owned(), format!("Bearer demo-{credential}"))];
    let method = format!("lienthong.registry.v1.RegistryService/{method}");
    Call { headers, body: body.to_string(), method }.make(&started.channel).await
}

fn parcel(number: u32, code: &str, term: &str) -> Value {
    json!({
        "parcel_id": format!("w7723fdn0z{number:02}"), "commune": {"unit_code": "18073", "unit_valid_from": "2025-07-01"},
        "map_sheet": "8000", "parcel_number": (number + 1).to_string(), "area_m2": "150",
        "uses": [{"code": code, "area_m2": "150", "origin": "allocated_without_fee", "term": term}], "status": "active",
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_owner_reviews_what_was_accepted_with_warnings() {
    let started = gateway().start().await;
    let parcels = [parcel(1, "CLN", "long_term"), parcel(2, "CLN", "2063-10-15"), parcel(3, "LUC", "long_term")];
    let records: Vec<_> = parcels.iter().map(|of| json!({"record_type": "land.parcel.v1", "payload": of})).collect();
    call(&started, "land-office", "PutRecords", json!({"registry": "land", "records": records})).await.expect("put");

    // every page, and what is on it
    let mut found = Vec::new();
    let mut token = Value::Null;
    let body = |token: &Value| json!({"registry": "land", "recordTypes": ["land.parcel.v1"], "pageSize": 5, "pageToken": token});
    loop {
        let page = call(&started, "land-office", "ListWarnings", body(&token)).await.expect("listed");
        assert!(page["examined"].as_u64().unwrap_or_default() > 0 || page["nextPageToken"].is_null(), "{page}");
        let on_page = page["records"].as_array().cloned().unwrap_or_default();
        assert!(on_page.len() <= 5);
        found.extend(on_page);
        token = page["nextPageToken"].clone();
        if token.is_null() {
            break;
        }
        let elsewhere = json!({"registry": "land", "pageSize": 5, "pageToken": token});
        let refused =
            call(&started, "land-office", "ListWarnings", elsewhere).await.expect_err("another query's token");
        assert_eq!(reason(&refused).1, "PAGE_TOKEN_INVALID");
    }
    let mut keys: Vec<&str> = found.iter().filter_map(|one| one["naturalKey"].as_str()).collect();
    keys.sort_unstable();
    assert_eq!(keys, ["w7723fdn0z01", "w7723fdn0z03"]);
    for one in &found {
        let warning = &one["warnings"][0];
        assert_eq!((&warning["field"], &warning["rule"]), (&json!("uses[0].term"), &json!("CONFLICT")), "{one}");
        assert_eq!((&one["version"], &one["recordType"]), (&json!("1"), &json!("land.parcel.v1")));
    }

    // corrected, it is listed no more
    let mut mended = parcel(1, "CLN", "2063-10-15");
    mended["basis"] = json!({
        "document_number": "12/QĐ", "issued_on": "2025-07-01", "authority": "Văn phòng đăng ký đất đai", "reason_code": "correction",
    });
    let records = json!([{"record_type": "land.parcel.v1", "payload": mended}]);
    call(&started, "land-office", "PutRecords", json!({"registry": "land", "records": records})).await.expect("mended");
    let whole = json!({"registry": "land", "recordTypes": ["land.parcel.v1"], "pageSize": 500});
    let page = call(&started, "land-office", "ListWarnings", whole.clone()).await.expect("listed");
    let left: Vec<_> = page["records"].as_array().into_iter().flatten().map(|one| &one["naturalKey"]).collect();
    assert_eq!(left, [&json!("w7723fdn0z03")]);

    // another agency's registry, none at all, a type that is not its own
    let refused = call(&started, "bank", "ListWarnings", whole).await.expect_err("not its owner");
    assert_eq!(reason(&refused).1, "ROLE_NOT_ALLOWED");
    for wrong in [json!({"registry": "lands"}), json!({"registry": "land", "recordTypes": ["vehicle.registration.v1"]})]
    {
        let refused = call(&started, "land-office", "ListWarnings", wrong).await.expect_err("refused");
        assert_eq!(reason(&refused).1, "INVALID_REQUEST");
    }
    started.end().await;
}
