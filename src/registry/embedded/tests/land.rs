//! Rules between land records: the successors of a parcel, and the number of its certificates.

use super::lifecycles::{broken, parcel};
use super::*;
use crate::registry::land;

const PARCELS: [&str; 4] = ["w7723fdn0zg3", "w7723fdn0zg4", "w7723fdn0zg5", "w7723fdn0zg6"];

fn of(record_type: &str, change: Change) -> Change {
    Change { record_type: record_type.into(), ..change }
}

fn entered(id: &str, area: &str) -> Change {
    of(land::PARCEL, create(parcel(id, area)))
}

/// The parcel of 300 m² ends in these.
fn ended(status: &str, successors: &[&str]) -> Change {
    let parcel = parcel(PARCELS[0], "300").with("status", status).with("successors", successors.to_vec());
    of(land::PARCEL, change(Operation::Update, 1, parcel.with("basis", basis("division"))))
}

/// The neighbour's land is no part of the divided parcel.
#[tokio::test]
async fn a_parcel_ends_in_new_parcels() {
    let host = open(Arc::new(MemoryStore::new()), "land").await;
    let [whole, neighbour, part, other] = PARCELS;
    submit(&host, "request-1", vec![entered(whole, "300"), entered(neighbour, "100")]).await.expect("entered");
    let into_neighbour = vec![ended("split", &[neighbour, part]), entered(part, "200")];
    let error = submit(&host, "request-2", into_neighbour).await.expect_err("the neighbour's");
    assert_eq!(broken(&error), ["changes[0].payload.successors NEW_PARCELS"]);
    let error = submit(&host, "request-3", vec![ended("merged", &[neighbour])]).await.expect_err("the neighbour's");
    assert!(broken(&error).contains(&"changes[0].payload.successors NEW_PARCELS".to_owned()), "{error:?}");
    let new = vec![entered(part, "100"), ended("split", &[part, other]), entered(other, "200")];
    submit(&host, "request-4", new).await.expect("into parcels of its own");
}

fn certificate(serial: &str, legal_form: &str) -> Object {
    let roles: &[&str] = if legal_form == "co_owners" { &["representative", "member"] } else { &["individual"] };
    let owner = |(at, role): (usize, &&str)| {
        let id = format!("04208299000{at}");
        Object::new().with("personal_id", id).with("full_name", "Lê Văn An").with("role", *role)
    };
    Object::new()
        .with("serial", serial)
        .with("registry_number", "CH 01234")
        .with("issued_on", "2016-04-01")
        .with("owners", roles.iter().enumerate().map(owner).collect::<Vec<_>>())
        .with("legal_form", legal_form)
        .with("parcels", vec![PARCELS[0]])
        .with("status", "valid")
}

/// A second valid certificate for a parcel is refused, except for co-owners, who may have one each.
#[tokio::test]
async fn a_parcel_has_one_valid_certificate() {
    let host = open(Arc::new(MemoryStore::new()), "land").await;
    let new = |serial: &str, legal_form: &str| of(land::CERTIFICATE, create(certificate(serial, legal_form)));
    submit(&host, "request-1", vec![entered(PARCELS[0], "300"), new("CĐ 000001", "individual")]).await.expect("first");
    let error = submit(&host, "request-2", vec![new("CĐ 000002", "individual")]).await.expect_err("a second one");
    assert_eq!(broken(&error), ["changes[0].payload.parcels PARCEL_CERTIFIED"]);
    let replaced = certificate("CĐ 000001", "individual")
        .with("status", "replaced")
        .with("successors", vec!["CĐ 000002"])
        .with("basis", basis("renewal"));
    let replaced = of(land::CERTIFICATE, change(Operation::Update, 1, replaced));
    submit(&host, "request-3", vec![new("CĐ 000002", "individual"), replaced]).await.expect("in its place");
    let shared = vec![new("CĐ 000003", "co_owners"), new("CĐ 000004", "co_owners")];
    submit(&host, "request-4", shared).await.expect("one for each co-owner");
}

/// Two parcels of one sheet and number are two sheets of former units, or one of them is wrong.
#[tokio::test]
async fn a_unit_has_one_parcel_of_a_sheet_and_number() {
    let host = open(Arc::new(MemoryStore::new()), "land").await;
    let numbered = |id: &str, old: Option<&str>| {
        let key = |code: &str| {
            let commune = Object::new().with("unit_code", code).with("unit_valid_from", "2004-07-08");
            let key = Object::new().with("commune", commune).with("map_sheet", "7").with("scale", "1000");
            key.with("parcel_number", "45")
        };
        of(land::PARCEL, create(parcel(id, "300").with("parcel_number", "45").with_optional("old_key", old.map(key))))
    };
    let [first, second, third, fourth] = PARCELS;
    submit(&host, "request-1", vec![numbered(first, None), numbered(second, Some("18079"))]).await.expect("two sheets");
    let error = submit(&host, "request-2", vec![numbered(third, None)]).await.expect_err("the same number");
    assert_eq!(broken(&error), ["changes[0].payload.parcel_number PARCEL_NUMBERED"]);
    let error = submit(&host, "request-3", vec![numbered(third, Some("18079"))]).await.expect_err("the same number");
    assert_eq!(broken(&error), ["changes[0].payload.parcel_number PARCEL_NUMBERED"]);
    submit(&host, "request-4", vec![numbered(third, Some("18082"))]).await.expect("another sheet");
    // the numbers of a parcel that ends are free again
    let part = of(land::PARCEL, create(parcel(fourth, "100").with("parcel_number", "45")));
    let rest = entered("w7723fdn0zg7", "200");
    let whole = parcel(first, "300").with("parcel_number", "45").with("status", "split");
    let whole = whole.with("successors", vec![fourth, "w7723fdn0zg7"]).with("basis", basis("division"));
    let whole = of(land::PARCEL, change(Operation::Update, 1, whole));
    submit(&host, "request-5", vec![whole, part, rest]).await.expect("divided");
}

/// A parcel takes its certificates with it as it ends, and no certificate is issued for one that has ended.
#[tokio::test]
async fn a_parcel_that_has_ended_has_no_valid_certificate() {
    for legal_form in ["individual", "co_owners"] {
        let host = open(Arc::new(MemoryStore::new()), "land").await;
        let [whole, part, other, third] = PARCELS;
        let held = certificate("CĐ 000001", legal_form).with("parcels", vec![whole, third]);
        let begun = vec![entered(whole, "300"), entered(third, "50"), of(land::CERTIFICATE, create(held.clone()))];
        submit(&host, "request-1", begun).await.expect("certified");
        let divided = || vec![entered(part, "100"), ended("split", &[part, other]), entered(other, "200")];
        let error = submit(&host, "request-2", divided()).await.expect_err("the certificate is valid");
        assert_eq!(broken(&error), ["changes[1].payload.status CERTIFIED"]);
        let update = |payload: Object| of(land::CERTIFICATE, change(Operation::Update, 1, payload));
        let cases = [
            held.clone().with("parcels", vec![third]),
            held.clone().with("status", "revoked"),
            held.clone().with("status", "replaced").with("successors", vec!["CĐ 000002"]),
        ];
        // one of the three ways, and the parcel ends
        for (at, way) in cases.into_iter().enumerate() {
            let host = open(Arc::new(MemoryStore::new()), "land").await;
            let begun = vec![entered(whole, "300"), entered(third, "50"), of(land::CERTIFICATE, create(held.clone()))];
            submit(&host, "request-1", begun).await.expect("certified");
            let with = [divided(), vec![update(way.with("basis", basis("division")))]].concat();
            submit(&host, "request-2", with).await.unwrap_or_else(|error| panic!("{at}: {error:?}"));
            let late = certificate("CĐ 000003", legal_form).with("parcels", vec![whole]);
            let error = submit(&host, "request-3", vec![of(land::CERTIFICATE, create(late))]).await.expect_err("ended");
            assert_eq!(broken(&error), ["changes[0].payload.parcels PARCELS"]);
        }
    }
}
