//! Rules between records of one registry, through the public API, both ways: a refused submission, and the same submission
//! with the missing part. Rules of a single record are in tests/rules.rs.

mod common;

use common::dynamic::Call;
use common::{Started, broken, gateway};
use lienthong::base::time::{Clock as _, SystemClock};
use serde_json::{Value, json};

/// Submits new records of one registry; the rules that are broken, as `field: RULE`.
async fn submit(started: &Started, agency: &str, request: &str, records: &[(&str, &Value)]) -> Vec<String> {
    let change = |(record_type, payload): &(&str, &Value)| json!({"recordType": record_type, "operation": "OPERATION_CREATE", "payload": payload});
    let registry = records[0].0.split('.').next().expect("a registry");
    let changes: Vec<Value> = records.iter().map(change).collect();
    let body = json!({"registry": registry, "requestId": format!("between-{request}"), "changes": changes});
    let headers = vec![("authorization".to_owned(), format!("Bearer demo-{agency}"))];
    let method = "lienthong.registry.v1.RegistryService/SubmitChanges".to_owned();
    match (Call { headers, body: body.to_string(), method }).make(&started.channel).await {
        Ok(_) => Vec::new(),
        Err(status) => {
            let rules = broken(&status);
            assert!(!rules.is_empty(), "{request}: {status}");
            let rule = |says: &String| says.split(':').next().unwrap_or_default().to_owned();
            rules.iter().map(rule).collect()
        }
    }
}

fn with(payload: &Value, changes: Value) -> Value {
    let mut payload = payload.clone();
    for (name, value) in changes.as_object().expect("an object") {
        payload[name] = value.clone();
    }
    payload
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_names_parcels_that_the_registry_has() {
    let started = gateway().start().await;
    let certificate = json!({
        "serial": "CĐ 777001", "registry_number": "CH 99001", "issued_on": "2016-04-01", "legal_form": "individual",
        "owners": [{"personal_id": "042075990003", "full_name": "Nguyễn Văn Hoà", "role": "individual"}],
        "parcels": ["w7723fdn0zxx"], "status": "valid",
    });
    let parcel = json!({
        "parcel_id": "w7723fdn0zxx", "commune": {"unit_code": "18073", "unit_valid_from": "2025-07-01"},
        "map_sheet": "12", "parcel_number": "7", "area_m2": "150",
        "uses": [{"code": "ODT", "area_m2": "150", "origin": "recognised_with_fee", "term": "long_term"}], "status": "active",
    });
    let (parcels, certificates) = ("land.parcel.v1", "land.certificate.v1");
    assert_eq!(submit(&started, "land-office", "alone", &[(certificates, &certificate)]).await, ["PARCELS"]);
    let both = [(certificates, &certificate), (parcels, &parcel)];
    assert_eq!(submit(&started, "land-office", "together", &both).await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mother_is_a_woman_a_father_a_man_and_both_are_older() {
    let started = gateway().start().await;
    let person = |id: &str, sex: &str, born: &str| {
        json!({
            "personal_id": id, "full_name": "Nguyễn Thị Hoà", "birth_date": born, "sex": sex, "nationality": "VN",
            "life_status": "alive", "status": "active",
        })
    };
    let (mother, father) =
        (person("042185990901", "female", "1985-03-07"), person("042083990902", "male", "1983-01-01"));
    let people = "resident.person.v1";
    let child = |id: &str, born: &str, parents: Value| with(&person(id, "male", born), parents);
    assert_eq!(submit(&started, "police", "parents", &[(people, &mother), (people, &father)]).await, [""; 0]);
    let mother_id = json!({"mother_id": "042185990901"});
    let cases = [
        ("young", child("042090990903", "1990-05-05", mother_id.clone()), &["PARENT"][..]),
        ("old", child("042010990904", "2010-05-05", mother_id), &[]),
        ("a-man", child("042010990905", "2010-05-05", json!({"mother_id": "042083990902"})), &["PARENT"]),
        ("a-woman", child("042010990906", "2010-05-05", json!({"father_id": "042185990901"})), &["PARENT"]),
        (
            "both",
            child("042010990907", "2010-05-05", json!({"father_id": "042083990902", "mother_id": "042185990901"})),
            &[],
        ),
        // Persons who are not in the register cannot be checked.
        ("elsewhere", child("042010990908", "2010-05-05", json!({"father_id": "001083990999"})), &[]),
    ];
    for (request, payload, expected) in cases {
        assert_eq!(submit(&started, "police", request, &[(people, &payload)]).await, expected, "{request}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chassis_is_under_one_plate() {
    let started = gateway().start().await;
    let car = |plate: &str, chassis: &str| {
        json!({
            "plate": plate, "kind": "car", "plate_colour": "white",
            "owner": {"personal_id": "042090990001", "full_name": "Lê Văn An"},
            "brand": "Toyota", "model": "Vios", "chassis_number": chassis, "colour": "Trắng", "seats": 5,
            "first_registered": "2019-03-05", "status": "active",
        })
    };
    let cars = "vehicle.registration.v1";
    let (one, other) = (car("38A-555.01", "RLHKC1234NY555001"), car("38A-555.02", "rlhkc1234-ny555001"));
    let twice = submit(&started, "police", "twice", &[(cars, &one), (cars, &other)]).await;
    assert_eq!(twice, ["CHASSIS_IN_USE"]);
    assert_eq!(submit(&started, "police", "first", &[(cars, &one)]).await, [""; 0]);
    assert_eq!(submit(&started, "police", "second", &[(cars, &other)]).await, ["CHASSIS_IN_USE"]);
    let third = car("38A-555.02", "RLHKC1234NY555002");
    assert_eq!(submit(&started, "police", "third", &[(cars, &third)]).await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_of_today_says_what_the_record_says() {
    let started = gateway().start().await;
    let certificate = json!({
        "certificate_number": "990/2026/LLTP-HT", "form": "1", "personal_id": "042185990002", "full_name": "Trần Thị Huyền",
        "birth_date": "1985-03-07", "finding": "no_conviction", "requested_by": "holder",
        "issued_on": SystemClock.now().date().to_string(), "status": "valid",
    });
    let record = json!({
        "personal_id": "042078990959", "full_name": "Trần Văn Bình", "birth_date": "1978-02-03", "status": "conviction",
        "sentences": [{
            "court": "Tòa án nhân dân tỉnh Hà Tĩnh", "judgment_number": "12/2024/HS-ST", "judged_on": "2024-06-01",
            "offence": "Trộm cắp tài sản, Điều 173", "penalty": "9 tháng tù treo",
        }],
    });
    let (records, certificates) = ("judicial.record.v1", "judicial.certificate.v1");
    assert_eq!(submit(&started, "police", "record", &[(records, &record)]).await, [""; 0]);
    let of = |changes: Value| with(&certificate, changes);
    let clean = of(json!({"personal_id": "042078990959", "full_name": "Trần Văn Bình", "birth_date": "1978-02-03"}));
    assert_eq!(submit(&started, "police", "clean", &[(certificates, &clean)]).await, ["RECORD"]);
    // of an earlier day it says what the record says of that day
    let backdated = |on: &str, number: &str, says: Value| {
        let certificate = with(&clean, json!({"issued_on": on, "certificate_number": number}));
        with(&certificate, says)
    };
    let before = backdated("2024-05-31", "991/2024/LLTP-HT", json!({}));
    assert_eq!(submit(&started, "police", "before", &[(certificates, &before)]).await, [""; 0]);
    let after = backdated("2024-06-01", "992/2024/LLTP-HT", json!({}));
    assert_eq!(submit(&started, "police", "after", &[(certificates, &after)]).await, ["RECORD"]);
    let told = with(&clean, json!({"finding": "conviction", "sentences": record["sentences"]}));
    assert_eq!(submit(&started, "police", "told", &[(certificates, &told)]).await, [""; 0]);
}

/// A change is signed by an authority; a change in the registry's own name cannot be submitted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_submits_in_the_name_of_the_system() {
    let started = gateway().start().await;
    let licence = json!({
        "licence_number": "420151990001", "holder": {"personal_id": "042070990001", "full_name": "Lê Văn An"},
        "classes": [{"code": "A1", "issued_on": "2010-01-05"}], "points": 12, "status": "active",
    });
    let basis = |authority: &str| {
        json!({"basis": {
            "document_number": "points_restored/2026-01-01", "issued_on": "2026-01-01", "authority": authority,
            "reason_code": "points_restored",
        }})
    };
    let licences = "driver_licence.licence.v1";
    for (request, authority, expected) in
        [("system-1", "system", &["AUTHOR"][..]), ("system-2", "System", &["AUTHOR"]), ("system-3", "Phòng CSGT", &[])]
    {
        let payload = with(&licence, basis(authority));
        assert_eq!(submit(&started, "police", request, &[(licences, &payload)]).await, expected, "{authority}");
    }
}
