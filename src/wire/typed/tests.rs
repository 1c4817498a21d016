//! Typed forms of a person and of a licence: what they hold, and that every difference is found.

use prost::Message as _;
use serde_json::{Value, json};

use super::*;
use crate::wire::proto::registry::{driver_licence, resident};

const PERSON: &[(&str, &str)] = &[
    ("birth_date", r#""1985-03-07""#),
    ("card", r#"{"issued_on":"2021-05-01","kind":"cccd"}"#),
    ("full_name", r#""Trần \"Thị\" Hoà""#),
    ("permanent_residence", r#"{"text":"Tổ 1","unit_code":"18073","unit_valid_from":"2025-07-01"}"#),
    ("personal_id", r#""042185990002""#),
    ("sex", r#""female""#),
    ("superseded_ids", r#"["042185990001","042185990003"]"#),
];

fn shown(fields: &[(&'static str, &'static str)]) -> Vec<Shown<'static>> {
    fields.iter().map(|(name, value)| (*name, value.as_bytes())).collect()
}

fn form(message: &str) -> Form {
    Form::new(message).expect("a message of ours")
}

#[test]
fn a_payload_becomes_its_message() {
    let form = form("lienthong.registry.resident.v1.Person");
    let fields: Vec<_> = PERSON.iter().copied().filter(|(name, _)| *name != "card").collect();
    let bytes = encode(&form, shown(&fields)).expect("typed");
    let person = resident::v1::Person::decode(bytes.as_slice()).expect("decodes");
    assert_eq!(person.full_name, "Trần \"Thị\" Hoà");
    assert_eq!(person.superseded_ids, ["042185990001", "042185990003"]);
    assert_eq!(person.permanent_residence.as_ref().expect("address").unit_code, "18073");
    assert_eq!(person.sex().as_str_name(), "SEX_FEMALE");
}

#[test]
fn a_zero_that_matters_is_kept() {
    let form = form("lienthong.registry.driver_licence.v1.Licence");
    let bytes = encode(&form, [("points", &b"0"[..])]).expect("typed");
    let licence = driver_licence::v1::Licence::decode(bytes.as_slice()).expect("decodes");
    assert_eq!(licence.points, Some(0));
    let zero = json!({"points": 0});
    assert_eq!(difference(&form, [("points", &b"0"[..])], zero.as_object().expect("object")), None);
    let absent = json!({});
    let found = difference(&form, [("points", &b"0"[..])], absent.as_object().expect("object"));
    assert_eq!(found.as_deref(), Some("points"));
}

#[test]
fn what_the_message_lacks_is_named() {
    let form = form("lienthong.registry.resident.v1.Person");
    let error = |name: &'static str, value: &'static str| encode(&form, [(name, value.as_bytes())]).expect_err(name);
    assert_eq!(error("height", "1"), TypedError::Unknown("height".into()));
    assert_eq!(error("sex", r#""unknown""#), TypedError::Unknown("sex".into()));
    assert_eq!(error("full_name", "1"), TypedError::Kind("full_name".into()));
    assert_eq!(error("superseded_ids", r#"["a""#), TypedError::Unreadable("superseded_ids".into()));
    assert_eq!(error("full_name", r#""a"x"#), TypedError::Unreadable("full_name".into()));
}

fn typed() -> Value {
    json!({
        "personalId": "042185990002", "fullName": "Trần \"Thị\" Hoà", "birthDate": "1985-03-07", "sex": "SEX_FEMALE",
        "supersededIds": ["042185990001", "042185990003"],
        "permanentResidence": {"unitCode": "18073", "unitValidFrom": "2025-07-01", "text": "Tổ 1"},
    })
}

#[test]
fn the_same_is_the_same_in_either_spelling() {
    let form = form("lienthong.registry.resident.v1.Person");
    let fields: Vec<_> = PERSON.iter().copied().filter(|(name, _)| *name != "card").collect();
    let mut typed = typed();
    assert_eq!(difference(&form, shown(&fields), typed.as_object().expect("object")), None);
    let map = typed.as_object_mut().expect("object");
    let name = map.remove("fullName").expect("name");
    map.insert("full_name".into(), name);
    map.insert("otherName".into(), json!(""));
    assert_eq!(difference(&form, shown(&fields), map), None);
}

#[test]
fn every_difference_is_found_and_named() {
    let form = form("lienthong.registry.resident.v1.Person");
    let fields: Vec<_> = PERSON.iter().copied().filter(|(name, _)| *name != "card").collect();
    let cases: &[(&str, Value, &str)] = &[
        ("/fullName", json!("Trần Thị Hòa"), "full_name"),
        ("/sex", json!("SEX_MALE"), "sex"),
        ("/birthDate", json!(1985), "birth_date"),
        ("/supersededIds", json!(["042185990001"]), "superseded_ids"),
        ("/supersededIds/1", json!("042185990009"), "superseded_ids[1]"),
        ("/permanentResidence/text", json!("Tổ 2"), "permanent_residence.text"),
        ("/permanentResidence", json!({"unitCode": "18073"}), "permanent_residence.text"),
    ];
    for (pointer, value, path) in cases {
        let mut typed = typed();
        *typed.pointer_mut(pointer).expect("pointer") = value.clone();
        let found = difference(&form, shown(&fields), typed.as_object().expect("object"));
        assert_eq!(found.as_deref(), Some(*path), "{pointer}");
    }
    for (key, value) in [("religion", json!("x")), ("unheardOf", json!("")), ("full_name", json!("y"))] {
        let mut typed = typed();
        typed.as_object_mut().expect("object").insert(key.into(), value);
        let found = difference(&form, shown(&fields), typed.as_object().expect("object"));
        assert_eq!(found.as_deref(), Some(key));
    }
}
