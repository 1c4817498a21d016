//! Typed forms of real payloads, whole and partial.

use bytes::Bytes;

use super::*;
use crate::trust::Object;
use crate::trust::commitment::redact;
use crate::wire::proto::registry::{driver_licence, resident};

const PERSON: &str = "lienthong.registry.resident.v1.Person";
const LICENCE: &str = "lienthong.registry.driver_licence.v1.Licence";

fn person() -> Object {
    let address =
        Object::new().with("unit_code", "18073").with("unit_valid_from", "2025-07-01").with("text", "Ngõ \"5\"\n");
    Object::new()
        .with("personal_id", "042185990002")
        .with("superseded_ids", vec!["042185000001", "042185000002"])
        .with("full_name", "Nguyễn Thị Hoà")
        .with("sex", "female")
        .with("status", "moved_out")
        .with("permanent_residence", address)
}

fn licence(points: i64) -> Object {
    Object::new()
        .with("licence_number", "420151234567")
        .with(
            "classes",
            vec![Object::new().with("code", "A1"), Object::new().with("code", "B2").with("expires_on", "2029-04-01")],
        )
        .with("points", points)
        .with("restrictions", vec!["automatic_only", "corrective_lenses"])
}

fn whole(object: &Object) -> Disclosure {
    Disclosure::Whole { payload: Bytes::from(canonical::write(object)), salt: [7; 32] }
}

#[test]
fn a_whole_payload_becomes_its_message() {
    let person: resident::v1::Person = typed(PERSON, &whole(&person())).expect("typed");
    assert_eq!(person.personal_id, "042185990002");
    assert_eq!(person.superseded_ids.len(), 2);
    assert_eq!(person.sex(), crate::wire::proto::r#type::v1::Sex::Female);
    assert_eq!(person.status(), resident::v1::PersonStatus::MovedOut);
    assert_eq!(person.permanent_residence.expect("residence").text, "Ngõ \"5\"\n");
    assert!(person.card.is_none());

    let licence: driver_licence::v1::Licence = typed(LICENCE, &whole(&licence(0))).expect("typed");
    assert_eq!(licence.points, Some(0));
    assert_eq!(licence.classes[1].expires_on, "2029-04-01");
    assert_eq!(licence.restrictions.len(), 2);
}

#[test]
fn a_partial_disclosure_becomes_its_message_without_what_it_hides() {
    let partial = redact(&whole(&person()), &["full_name", "sex"]).expect("redacted");
    let person: resident::v1::Person = typed(PERSON, &partial).expect("typed");
    assert_eq!(person.full_name, "Nguyễn Thị Hoà");
    assert!(person.personal_id.is_empty() && person.permanent_residence.is_none());
}

#[test]
fn a_payload_of_another_message_is_named_by_its_field() {
    for (object, path) in [
        (person().with("colour", "x"), "colour"),
        (person().with("sex", "f"), "sex"),
        (person().with("full_name", 4), "full_name"),
        (person().with("superseded_ids", "x"), "superseded_ids"),
        (person().with("permanent_residence", Object::new().with("x", 1)), "permanent_residence.x"),
    ] {
        let error = encode_disclosure(PERSON, &whole(&object)).expect_err(path);
        assert_eq!(error.path, path);
    }
    let broken = Disclosure::Partial { shown: vec![], hidden: vec![] };
    assert!(encode_disclosure("lienthong.registry.land.v1.Nothing", &broken).is_err());
    for bytes in [&b"\"x"[..], b"\"x\\", b"\"x\"y", b"", b"[", b"{"] {
        assert!(encode(PERSON, [("full_name", bytes)]).is_err());
    }
}

#[test]
fn comments_of_the_protos_are_kept() {
    let message = pool().get_message_by_name(PERSON).expect("message");
    let field = message.get_field_by_name("old_id_number").expect("field");
    assert!(comment(&field).contains("9 digits"), "{}", comment(&field));
}
