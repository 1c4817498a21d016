//! Typed forms in every spelling beside the payloads that they must repeat.

use bytes::Bytes;
use serde_json::json;

use super::*;
use crate::trust::{Object, canonical};

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

/// The difference between an object and a typed form.
fn differs(name: &str, object: &Object, typed: &serde_json::Value) -> Option<String> {
    let (disclosure, typed) = (whole(object), typed.to_string());
    let typed = Tree::parse(&typed).expect("JSON");
    difference(name, &shown(&disclosure).expect("canonical"), &typed)
}

#[test]
fn typed_forms_in_every_json_spelling_say_the_same() {
    for typed in [
        json!({"personalId": "042185990002", "supersededIds": ["042185000001", "042185000002"], "fullName": "Nguyễn Thị Hoà",
            "sex": "SEX_FEMALE", "status": "PERSON_STATUS_MOVED_OUT",
            "permanentResidence": {"unitCode": "18073", "unitValidFrom": "2025-07-01", "text": "Ngõ \"5\"\n"}}),
        json!({"personal_id": "042185990002", "superseded_ids": ["042185000001", "042185000002"], "full_name": "Nguyễn Thị Hoà",
            "sex": 2, "status": 2, "religion": "", "marital_status": "MARITAL_STATUS_UNSPECIFIED", "card": null,
            "permanent_residence": {"unit_code": "18073", "unit_valid_from": "2025-07-01", "text": "Ngõ \"5\"\n"}}),
    ] {
        assert_eq!(differs(PERSON, &person(), &typed), None);
    }
    let said = json!({"licenceNumber": "420151234567", "classes": [{"code": "A1"}, {"code": "B2", "expiresOn": "2029-04-01"}],
        "points": 0, "restrictions": ["LICENCE_RESTRICTION_AUTOMATIC_ONLY", "LICENCE_RESTRICTION_CORRECTIVE_LENSES"]});
    assert_eq!(differs(LICENCE, &licence(0), &said), None);
}

#[test]
fn one_other_word_in_a_typed_form_is_found() {
    let good = json!({"licenceNumber": "420151234567", "classes": [{"code": "A1"}, {"code": "B2", "expiresOn": "2029-04-01"}],
        "points": 12, "restrictions": ["LICENCE_RESTRICTION_AUTOMATIC_ONLY", "LICENCE_RESTRICTION_CORRECTIVE_LENSES"]});
    assert_eq!(differs(LICENCE, &licence(12), &good), None);
    let changes: [(&str, serde_json::Value, &str); 9] = [
        ("/licenceNumber", json!("420151234568"), "licence_number"),
        ("/points", json!(11), "points"),
        ("/points", json!(null), "points"),
        ("/classes/1/expiresOn", json!("2030-04-01"), "classes[1].expires_on"),
        ("/classes/1/expiresOn", json!(""), "classes[1].expires_on"),
        ("/classes", json!([{"code": "A1"}]), "classes[1]"),
        ("/restrictions/0", json!("LICENCE_RESTRICTION_ADAPTED_VEHICLE"), "restrictions[0]"),
        ("/restrictions/1", json!(99), "restrictions[1]"),
        ("/classes/0", json!({"code": "A1", "issuedOn": "2020-01-01"}), "classes[0].issued_on"),
    ];
    for (pointer, value, path) in changes {
        let mut said = good.clone();
        *said.pointer_mut(pointer).expect(pointer) = value;
        assert_eq!(differs(LICENCE, &licence(12), &said).as_deref(), Some(path), "{pointer}");
    }
    for extra in ["status", "licence_number", "colour"] {
        let mut said = good.clone();
        said[extra] = json!("LICENCE_STATUS_ACTIVE");
        assert_eq!(differs(LICENCE, &licence(12), &said).as_deref(), Some(extra));
    }
    assert!(differs(LICENCE, &licence(12), &json!([])).is_some());
}

#[test]
fn a_struct_says_what_is_shown_and_nothing_else() {
    let shown = Tree::parse(r#"{"copies":3,"marks":[{"of":"a"},{"of":"b"}],"is_final":true}"#).expect("JSON");
    let Tree::Object(shown) = shown else { panic!("an object") };
    for (said, path) in [
        (r#"{"is_final":true,"marks":[{"of":"a"},{"of":"b"}],"copies":3}"#, None),
        (r#"{"isFinal":true,"marks":[{"of":"a"},{"of":"b"}],"copies":3}"#, Some("isFinal")),
        (r#"{"is_final":true,"marks":[{"of":"a"},{"of":"b"}]}"#, Some("copies")),
        (r#"{"is_final":true,"marks":[{"of":"a"},{"of":"b"}],"copies":"3"}"#, Some("copies")),
        (r#"{"is_final":false,"marks":[{"of":"a"},{"of":"b"}],"copies":3}"#, Some("is_final")),
        (r#"{"is_final":true,"marks":[{"of":"b"},{"of":"a"}],"copies":3}"#, Some("marks[0].of")),
        (r#"{"is_final":true,"marks":[{"of":"a"}],"copies":3}"#, Some("marks[1]")),
        (r#"{"is_final":true,"marks":[{"of":"a"},{"of":"b","x":null}],"copies":3}"#, Some("marks[1].x")),
        ("[]", Some("the typed form")),
    ] {
        let said = Tree::parse(said).expect("JSON");
        assert_eq!(plain_difference(&shown, &said).as_deref(), path);
    }
}
