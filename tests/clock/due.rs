//! Changes of records that are due by the calendar: they happen by themselves, once, in order, and everything shows them.

use lienthong::base::Timestamp;
use lienthong::server::{Config, Storage};
use serde_json::{Value, json};
use tonic::Code;

use super::common::gateway;
use super::{Client, DAY_S, UNLINKED, time};

/// A licence of the test's own, with these fields.
pub async fn enter_licence(client: &Client, number: &str, with: Value) {
    let mut licence = json!({
        "licence_number": number,
        "holder": { "personal_id": UNLINKED, "full_name": "Nguyễn Thị Hoà", "birth_date": "1985" },
        "classes": [{ "code": "A1", "issued_on": "2010-01-05" }],
    });
    licence.as_object_mut().expect("an object").extend(with.as_object().expect("an object").clone());
    let change =
        json!({ "record_type": "driver_licence.licence.v1", "operation": "OPERATION_CREATE", "payload": licence });
    let submission =
        json!({ "registry": "driver_licence", "request_id": format!("licence-{number}"), "changes": [change] });
    client.ask("demo-operator", "registry.v1.RegistryService/SubmitChanges", submission).await;
}

pub async fn licence(client: &Client, number: &str) -> Value {
    let body = json!({ "licence_number": number });
    client.ask("demo-police", "registry.driver_licence.v1.DriverLicenceService/GetLicence", body).await["licence"]
        .clone()
}

pub fn dated(at: Timestamp, days: i64) -> String {
    at.plus_ms(days * DAY_S as i64 * 1_000).date().to_string()
}

/// Time changes records by itself, once, in order, by name, and everything shows it when the call is answered.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn time_changes_records() {
    let started = gateway().people(50).start().await;
    let client = Client(started.channel.clone());
    client.operate("FreezeClock", json!({})).await;
    let now = client.now().await;
    let (pointed, banned) = ("420150000001", "420150000002");
    let deducted = json!({ "points": 8, "points_deducted_on": dated(now, -355), "status": "active" });
    enter_licence(&client, pointed, deducted).await;
    let suspended = json!({
        "points": 12, "status": "suspended", "status_reason": "vi phạm", "suspended_until": dated(now, 9),
    });
    enter_licence(&client, banned, suspended).await;
    let clock = client.operate("GetClock", json!({})).await;
    let scheduled = |kind: &str| {
        let of = clock["scheduled"].as_array().expect("kinds").iter().find(|of| of["kind"] == kind);
        of.unwrap_or_else(|| panic!("{kind}: {clock}")).clone()
    };
    assert_eq!(scheduled("driver_licence.suspension_ended")["count"], "1");
    assert_eq!(scheduled("trust_anchor.renewal")["count"], "1");

    // By name, and not beyond.
    let next = json!({ "request_id": "request-next", "kind": "driver_licence.suspension_ended" });
    let jump = client.operate("AdvanceToNext", next.clone()).await["jump"].clone();
    let ran = jump["ran"].as_array().expect("work");
    let last = ran.last().expect("a piece");
    let licence_now = licence(&client, banned).await;
    assert_eq!(
        (&last["kind"], &last["effect"]),
        (&json!("driver_licence.suspension_ended"), &json!("status → active"))
    );
    assert_eq!(
        (&last["recordId"], &last["recordType"]),
        (&licence_now["recordId"], &json!("driver_licence.licence.v1"))
    );
    assert_eq!(licence_now["licence"]["status"], "LICENCE_STATUS_ACTIVE");
    assert_eq!(licence_now["licence"]["basis"]["authority"], "system");
    assert!(!jump.to_string().contains(UNLINKED), "no personal ID: {jump}");
    // Answered again, whole.
    let again = client.operate("AdvanceToNext", next).await["jump"].clone();
    assert_eq!((&again["ran"], &again["counts"], &again["repetition"]), (&jump["ran"], &jump["counts"], &json!(true)));

    // Ten years in one call; the province has every version when it is answered.
    let jump = client.advance(3_653).await;
    let restored = licence(&client, pointed).await;
    assert_eq!((&restored["licence"]["points"], &restored["version"]), (&json!(12), &json!("2")), "{jump}");
    assert!(time(&restored["issuedAt"]) < time(&jump["after"]), "at its own time");
    let order: Vec<Timestamp> = jump["ran"].as_array().expect("work").iter().map(|ran| time(&ran["dueAt"])).collect();
    assert!(order.is_sorted() && order.len() > 10);
    let view = json!({ "personal_id": UNLINKED });
    let person = client.ask("demo-operator", "province.v1.ProvinceService/GetPerson", view).await;
    let sections = person["person"]["sections"].as_array().expect("sections").iter();
    let fields = sections
        .flat_map(|section| section["items"].as_array().expect("items"))
        .flat_map(|item| item["fields"].as_array().expect("fields"));
    let points: Vec<f64> =
        fields.filter(|field| field["name"] == "points").filter_map(|field| field["value"].as_f64()).collect();
    assert_eq!(points, [12.0; 3], "{person}");
    let clock = client.operate("GetClock", json!({})).await;
    for of in clock["scheduled"].as_array().expect("kinds").iter().filter(|of| of["kind"] != "trust_anchor.renewal") {
        assert!(of["count"].is_null() || of["count"] == "0", "{of}");
    }
    for (kind, refused) in [
        ("driver_licence.suspension_ended", (Code::NotFound, "NOT_FOUND")),
        ("driver_licence.other", (Code::InvalidArgument, "INVALID_REQUEST")),
    ] {
        let body = json!({ "request_id": "request-none", "kind": kind });
        let told = client.refused("demo-operator", "simulation.v1.SimulationService/AdvanceToNext", body).await;
        assert_eq!((told.0, told.1.as_str()), refused, "{kind}");
    }
}

/// A world that is served again first makes the changes that fell due meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_fell_due_while_nobody_served_is_done_at_the_start() {
    let folder = tempfile::tempdir().expect("folder");
    let machine = std::sync::Arc::new(lienthong::base::time::FixedClock::at(
        Timestamp::parse("2026-11-22T10:00:00+07:00").expect("a time"),
    ));
    let kept = || {
        let (storage, clock) = (Storage::Folder(folder.path().to_owned()), machine.clone());
        gateway().people(20).with(|config| Config { storage, clock, ..config }).on_a_socket()
    };
    let started = kept().start().await;
    let client = Client(started.channel.clone());
    let deducted = json!({ "points": 8, "points_deducted_on": "2026-03-05", "status": "active" });
    enter_licence(&client, "420150000001", deducted).await;
    drop(client);
    started.end().await.close().await;
    machine.set(Timestamp::parse("2027-03-06T10:00:00+07:00").expect("a time"));
    let started = kept().start().await;
    let client = Client(started.channel.clone());
    let restored = licence(&client, "420150000001").await;
    assert_eq!((&restored["licence"]["points"], &restored["version"]), (&json!(12), &json!("2")));
    assert_eq!(time(&restored["issuedAt"]), Timestamp::parse("2027-03-05T00:00:00+07:00").expect("a time"));
}
