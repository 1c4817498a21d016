//! People and households are held to their rules.

use super::*;
use crate::registry::common::testing::{address, check_changes, to};

fn person() -> Object {
    Object::new()
        .with("personal_id", "042185990002")
        .with("full_name", "Nguyễn Thị Hoà")
        .with("birth_date", "1985-03-07")
        .with("sex", "female")
        .with("nationality", "VN")
        .with("marital_status", "married")
        .with("spouse_id", "042085000001")
        .with("permanent_residence", address())
        .with("household_id", "42-000000001")
        .with("relation_to_head", "spouse")
        .with("life_status", "alive")
        .with("status", "active")
        .with(
            "card",
            Object::new().with("kind", "cccd").with("issued_on", "2021-05-01").with("expires_on", "2025-03-07"),
        )
}

#[test]
fn persons_keep_their_rules() {
    check_changes(
        &person_type(),
        &person(),
        &[
            (&[("birth_date", to("1985")), ("card.expires_on", to("2031-01-01"))], &[]),
            (
                &[("birth_date", to("2027"))],
                &["birth_date FUTURE", "marital_status CONFLICT", "card.issued_on CONFLICT"],
            ),
            (&[("full_name", to("Nguyễn  Hoà")), ("sex", to("f"))], &["full_name FORMAT", "sex UNKNOWN_VALUE"]),
            (&[("permanent_residence.unit_valid_from", None)], &["permanent_residence.unit_valid_from REQUIRED"]),
            (&[("death_date", to("2025"))], &["death_date NOT_ALLOWED"]),
            (
                &[("life_status", to("deceased")), ("death_date", to("1984"))],
                &["death_date ORDER", "status CONFLICT", "card.issued_on ORDER"],
            ),
            (&[("life_status", to("deceased")), ("status", to("deceased")), ("status_reason", to("qua đời"))], &[]),
            (&[("status_reason", to("no reason"))], &["status_reason NOT_ALLOWED"]),
            (&[("marital_status", to("single"))], &["spouse_id NOT_ALLOWED"]),
            (&[("household_id", None)], &["relation_to_head CONFLICT"]),
            (&[("father_id", to("042185990002"))], &["father_id CONFLICT"]),
            (&[("superseded_ids", to(vec!["042185990002"]))], &["superseded_ids CONFLICT"]),
            (&[("superseded_by", to("042185990003"))], &["superseded_by NOT_ALLOWED"]),
            (&[("card.expires_on", None)], &["card.expires_on CONFLICT"]),
            (&[("card.kind", to("can_cuoc"))], &["card.kind CONFLICT"]),
            (&[("old_id_number", to("1834567"))], &["old_id_number FORMAT"]),
        ],
    );
}

#[test]
fn households_have_one_head() {
    let member = |id: &str, relation: &str| Object::new().with("personal_id", id).with("relation_to_head", relation);
    let household = Object::new()
        .with("household_id", "42-000000001")
        .with("head_id", "042085000001")
        .with("members", vec![member("042085000001", "head"), member("042185990002", "spouse")])
        .with("residence", address())
        .with("status", "active");
    check_changes(
        &household_type(),
        &household,
        &[
            (
                &[("members.1.relation_to_head", to("head"))],
                &["members[1].relation_to_head CONFLICT", "members CONFLICT"],
            ),
            (&[("members.1.personal_id", to("042085000001"))], &["members[1].personal_id DUPLICATE"]),
            (&[("head_id", to("042185990002"))], &["members[0].relation_to_head CONFLICT"]),
            (&[("members", to(vec![member("042085000001", "child")]))], &["members CONFLICT"]),
            (&[("members", to(Vec::<Object>::new()))], &["members COUNT", "members CONFLICT"]),
        ],
    );
    assert_eq!(household_type().people_of(&household).len(), 2);
}

#[test]
fn a_person_is_found_by_name_and_by_other_numbers() {
    let person = person().with("old_id_number", "183456789").with("superseded_ids", vec!["042185000009"]);
    let people = person_type().people.expect("people");
    assert_eq!(people.aliases_of(&person), ["183456789", "042185000009"]);
    assert_eq!(people.name_key(&person).expect("name").0, "nguyen thi hoa");
    assert_eq!(person_type().people_of(&person), [PersonalId::parse("042185990002").expect("valid")]);
}

#[test]
fn cards_of_children_and_of_the_old() {
    let born = Date::constant(2014, 2, 28);
    assert_eq!(card_expiry(born, Date::constant(2024, 8, 1)), Some(Date::constant(2028, 2, 28)));
    assert_eq!(card_expiry(born, Date::constant(2026, 2, 28)), Some(Date::constant(2039, 2, 28)));
    assert_eq!(card_expiry(Date::constant(1950, 1, 1), Date::constant(2021, 1, 1)), None);
}
