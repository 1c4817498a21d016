//! Changes that no registry may make, through the public API: each is refused with the rule that it breaks and the field of the
//! caller's own request, and nothing of its submission is written, the legal changes before it included.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::*;

/// The record to change.
enum Whose {
    /// The first record of its type that names this person.
    Person(&'static str),
    /// The first parcel of this person's first certificate.
    ParcelOf(&'static str),
}

/// A record, changes of it, and the violation of the last one; the ones before are legal.
struct Case {
    what: &'static str,
    record_type: &'static str,
    whose: Whose,
    changes: &'static [fn(&mut Value)],
    broken: &'static [(&'static str, &'static str)],
}

const DEAD: &str = "042065990010";
const WIFE: &str = "042182990008";
const LIVING: &str = "042185990002";
const CONVICTED: &str = "042078990009";
const POINTLESS: &str = "042095990006";
const EMPLOYER: &str = "042086990020";
const BUYER: &str = "042075990003";

fn basis(payload: &mut Value, reason: &str) {
    payload["basis"] = json!({
        "document_number": "12/QĐ", "issued_on": "2025-07-01", "authority": "Tòa án nhân dân khu vực 1", "reason_code": reason,
    });
}

fn without(payload: &mut Value, fields: &[&str]) {
    let payload = payload.as_object_mut().expect("an object");
    fields.iter().for_each(|field| drop(payload.remove(*field)));
}

fn ended(payload: &mut Value, status: &str) {
    payload["status"] = json!(status);
    payload["status_reason"] = json!("đã chấm dứt");
    basis(payload, "decision");
}

fn active(payload: &mut Value, status: &str) {
    payload["status"] = json!(status);
    without(payload, &["status_reason", "basis"]);
}

fn sell(payload: &mut Value) {
    payload["legal_form"] = json!("individual");
    payload["owners"] =
        json!([{"personal_id": BUYER, "full_name": "Nguyễn Văn Hoà", "birth_date": "1975", "role": "individual"}]);
    basis(payload, "sale");
}

#[rustfmt::skip]
const CASES: &[Case] = &[
    Case { what: "the dead come alive", record_type: "resident.person.v1", whose: Whose::Person(DEAD),
        changes: &[|p| { active(p, "active"); p["life_status"] = json!("alive"); without(p, &["death_date"]); }],
        broken: &[("BASIS_REQUIRED", "status"), ("BASIS_REQUIRED", "life_status")] },
    Case { what: "a cancelled number comes back", record_type: "resident.person.v1", whose: Whose::Person(LIVING),
        changes: &[|p| ended(p, "cancelled"), |p| active(p, "active")],
        broken: &[("TRANSITION", "status")] },
    Case { what: "a name changes silently", record_type: "resident.person.v1", whose: Whose::Person(LIVING),
        changes: &[|p| p["full_name"] = json!("Trần Thị Huyền")],
        broken: &[("BASIS_REQUIRED", "full_name")] },
    Case { what: "a sex changes silently", record_type: "resident.person.v1", whose: Whose::Person(LIVING),
        changes: &[|p| p["sex"] = json!("male")],
        broken: &[("BASIS_REQUIRED", "sex")] },
    Case { what: "a father appears for no document's sake", record_type: "resident.person.v1", whose: Whose::Person(LIVING),
        changes: &[|p| p["father_id"] = json!(BUYER)],
        broken: &[("BASIS_REQUIRED", "father_id")] },
    Case { what: "a living person's number is claimed", record_type: "resident.person.v1", whose: Whose::Person(LIVING),
        changes: &[|p| { p["superseded_ids"] = json!([BUYER]); basis(p, "id_re_established"); }],
        broken: &[("NUMBER_HELD", "superseded_ids")] },
    Case { what: "a licence changes its holder", record_type: "driver_licence.licence.v1", whose: Whose::Person(LIVING),
        changes: &[|p| { p["holder"] = json!({"personal_id": BUYER, "full_name": "Nguyễn Văn Hoà"}); basis(p, "correction"); }],
        broken: &[("HOLDER", "holder")] },
    Case { what: "points come back by themselves", record_type: "driver_licence.licence.v1", whose: Whose::Person(POINTLESS),
        changes: &[|p| { p["points"] = json!(12); without(p, &["points_deducted_on"]); basis(p, "clean_year"); }],
        broken: &[("POINTS", "points")] },
    Case { what: "a revoked licence is valid again", record_type: "driver_licence.licence.v1", whose: Whose::Person(LIVING),
        changes: &[|p| ended(p, "revoked"), |p| { active(p, "active"); basis(p, "court_decision"); }],
        broken: &[("TRANSITION", "status")] },
    Case { what: "a plate is sold", record_type: "vehicle.registration.v1", whose: Whose::Person(LIVING),
        changes: &[|p| { p["owner"] = json!({"personal_id": BUYER, "full_name": "Nguyễn Văn Hoà"}); basis(p, "sale"); }],
        broken: &[("PLATE_OWNER", "owner")] },
    Case { what: "another vehicle under a plate", record_type: "vehicle.registration.v1", whose: Whose::Person(LIVING),
        changes: &[|p| { p["chassis_number"] = json!("RLHJA390099999999"); basis(p, "sale"); }],
        broken: &[("PLATE_CHASSIS", "chassis_number")] },
    Case { what: "a scrapped vehicle is registered again", record_type: "vehicle.registration.v1", whose: Whose::Person(LIVING),
        changes: &[|p| ended(p, "revoked"), |p| { active(p, "active"); basis(p, "found"); }],
        broken: &[("TRANSITION", "status")] },
    Case { what: "land that a court froze is sold", record_type: "land.certificate.v1", whose: Whose::Person(WIFE),
        changes: &[sell],
        broken: &[("RESTRICTION_IN_FORCE", "owners")] },
    Case { what: "the freeze is lifted by the sale", record_type: "land.certificate.v1", whose: Whose::Person(WIFE),
        changes: &[|p| { sell(p); without(p, &["restrictions"]); }],
        broken: &[("RESTRICTION_IN_FORCE", "owners"), ("RELEASE", "restrictions")] },
    Case { what: "a freeze is lifted by a contract", record_type: "land.certificate.v1", whose: Whose::Person(WIFE),
        changes: &[|p| { without(p, &["restrictions"]); basis(p, "contract"); }],
        broken: &[("RELEASE", "restrictions")] },
    Case { what: "frozen land is revoked by an office", record_type: "land.certificate.v1", whose: Whose::Person(WIFE),
        changes: &[|p| ended(p, "revoked")],
        broken: &[("RESTRICTION_IN_FORCE", "status")] },
    Case { what: "somebody dies on no day", record_type: "resident.person.v1", whose: Whose::Person(LIVING),
        changes: &[|p| { p["status"] = json!("deceased"); p["life_status"] = json!("deceased"); basis(p, "death_entry"); }],
        broken: &[("DEATH_DAY", "death_date")] },
    Case { what: "a replaced certificate is valid again", record_type: "land.certificate.v1", whose: Whose::Person(LIVING),
        changes: &[|p| { ended(p, "replaced"); p["successors"] = json!(["AA 99999999"]); }, |p| { active(p, "valid"); basis(p, "court_decision"); }],
        broken: &[("TRANSITION", "status")] },
    Case { what: "a parcel that was split is one again", record_type: "land.parcel.v1", whose: Whose::ParcelOf(LIVING),
        changes: &[|p| { ended(p, "split"); p["successors"] = json!(["w7723fdn0zg3", "w7723fdn0zg4"]); }, |p| { active(p, "active"); basis(p, "correction"); }],
        broken: &[("TRANSITION", "status")] },
    Case { what: "a conviction vanishes", record_type: "judicial.record.v1", whose: Whose::Person(CONVICTED),
        changes: &[|p| { active(p, "no_conviction"); without(p, &["sentences"]); }],
        broken: &[("BASIS_REQUIRED", "status"), ("BASIS_REQUIRED", "sentences")] },
    Case { what: "a conviction is expunged the next day", record_type: "judicial.record.v1", whose: Whose::Person(CONVICTED),
        changes: &[|p| {
            let mut sentence = p["sentences"][0].clone();
            sentence["judgment_number"] = json!("99/2025/HS-ST");
            without(&mut sentence, &["served_on"]);
            (sentence["judged_on"], sentence["expunged_on"]) = (json!("2025-06-01"), json!("2025-06-02"));
            p["sentences"].as_array_mut().expect("a list").push(sentence);
            basis(p, "expunged_by_law");
        }],
        broken: &[("EXPUNGED_EARLY", "sentences")] },
    Case { what: "a dissolved enterprise trades again", record_type: "business.enterprise.v1", whose: Whose::Person(EMPLOYER),
        changes: &[|p| { ended(p, "dissolved"); p["tax_status"] = json!("01"); }, |p| { active(p, "active"); p["tax_status"] = json!("00"); basis(p, "restored"); }],
        broken: &[("TRANSITION", "status")] },
    Case { what: "periods of contribution vanish", record_type: "social_insurance.membership.v1", whose: Whose::Person(LIVING),
        changes: &[|p| without(p, &["periods"])],
        broken: &[("BASIS_REQUIRED", "periods")] },
];

/// A record in its registry: its payload, and the version.
async fn stored(channel: &Channel, record_type: &str, whose: &Whose) -> (Value, u64) {
    let (record_types, selector) = match whose {
        Whose::Person(person) => (json!([record_type]), json!({"personal_id": person})),
        Whose::ParcelOf(person) => {
            let (certificate, _) = Box::pin(stored(channel, "land.certificate.v1", &Whose::Person(person))).await;
            let key = json!({"record_type": record_type, "values": [certificate["parcels"][0]]});
            (json!([]), json!({"natural_key": key}))
        }
    };
    let mut body = selector;
    body["registry"] = json!(record_type.split('.').next());
    body["record_types"] = record_types;
    let call = Call {
        headers: vec![("authorization".into(), "Bearer demo-operator".into())],
        body: body.to_string(),
        method: "lienthong.registry.v1.RegistryService/GetRecords".into(),
    };
    let read = call.make(channel).await.expect("read");
    let payload = read.pointer("/records/0/record/whole/payload").and_then(Value::as_str).expect("a record");
    let payload = serde_json::from_slice(&STANDARD.decode(payload).expect("base64")).expect("JSON");
    (payload, read["records"][0]["version"].as_str().and_then(|version| version.parse().ok()).expect("a version"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_registry_makes_a_change_that_its_lifecycle_does_not_allow() {
    let started = gateway().start().await;
    let channel = &started.channel;
    let method = methods().into_iter().find(|method| method.name() == "SubmitChanges").expect("the method");
    let mut seen = Seen::new();
    for (at, case) in CASES.iter().enumerate() {
        let what = case.what;
        let (mut payload, version) = stored(channel, case.record_type, &case.whose).await;
        let first = payload.clone();
        let mut changes = Vec::new();
        for (step, change) in (version..).zip(case.changes) {
            change(&mut payload);
            changes.push(json!({
                "record_type": case.record_type, "operation": "OPERATION_UPDATE", "expected_version": step.to_string(),
                "payload": payload,
            }));
        }
        let registry = case.record_type.split('.').next();
        let body = json!({"registry": registry, "request_id": format!("illegal-{at:02}"), "changes": changes});
        let status =
            refusal(channel, &method, "demo-operator", &body).await.unwrap_or_else(|| panic!("{what}: accepted"));
        assert_eq!(
            common::reason(&status),
            (Code::FailedPrecondition, "TRANSITION_NOT_ALLOWED".into()),
            "{what}: {status}"
        );
        check_form(&method, &status, what);
        let failure = status.get_error_details().precondition_failure().expect("a failure").clone();
        for violation in &failure.violations {
            assert!(super::form::resolves(&method.input(), &violation.subject), "{what}: {}", violation.subject);
            assert!(violation.description.contains('('), "{what}: no source in {}", violation.description);
        }
        let last = case.changes.len() - 1;
        let broken: Vec<(&str, &str)> =
            failure.violations.iter().map(|one| (one.r#type.as_str(), one.subject.as_str())).collect();
        for (rule, field) in case.broken {
            let subject = format!("changes[{last}].payload.{field}");
            assert!(broken.contains(&(*rule, subject.as_str())), "{what}: {rule} {subject} in {broken:?}");
        }
        // Rules between records judge every change by what the submission leaves behind.
        let is_between = |rule: &str| matches!(rule, "AREAS" | "CERTIFIED");
        let is_of_last = |subject: &str| subject.starts_with(&format!("changes[{last}]"));
        assert!(broken.iter().all(|(rule, subject)| is_of_last(subject) || is_between(rule)), "{what}: {broken:?}");
        assert_eq!(
            stored(channel, case.record_type, &case.whose).await,
            (first, version),
            "{what}: nothing is written"
        );
        seen.insert((name_of(&method), status.code() as i32, "TRANSITION_NOT_ALLOWED".to_owned()));
    }
    check_comments(&seen);
    started.end().await;
}
