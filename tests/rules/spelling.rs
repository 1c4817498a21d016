//! The spelling of texts and numbers: other encodings are refused, and other ways to write a number are brought to its form.

use lienthong::registry::Catalogue;
use serde_json::json;

use super::case::{submitted, with};
use super::{address, car, certificate, insured, person};

#[test]
fn a_text_is_not_one_of_another_encoding() {
    let owned_by = |name: &str| with(&car(), &json!({"owner": {"organisation_code": "0100233488", "full_name": name}}));
    let at = |text: &str| {
        let mut address = address();
        address["text"] = json!(text);
        with(&person(), &json!({"permanent_residence": address}))
    };
    let because = |reason: &str| with(&car(), &json!({"status": "stolen", "status_reason": reason}));
    let bad = [
        ("C«ng ty TNHH §¹i Ph¸t", "ENCODING"),
        ("Coâng ty TNHH Ñaïi Phaùt", "ENCODING"),
        ("CÃ´ng ty TNHH Ä\u{90}áº¡i PhÃ¡t", "ENCODING"),
        ("CÃ´ng ty TNHH Ä\u{90}áº¡i PhÃ¡t, ThÃ\u{a0}nh Sen", "ENCODING"),
        ("Thi\u{f2} trâ\u{ec}n Trâ\u{cc}n Phuì", "ENCODING"),
        ("Сông ty TNHH Đại Phát", "FORMAT"),
        ("Công ty Ηà Tĩnh", "FORMAT"),
        ("улица Ленина 5", "FORMAT"),
    ];
    let good = [
        "Công ty TNHH Đại Phát",
        "Tổ 3, đường 26/3 · khu B",
        "Nestlé Việt Nam",
        "Société Générale 50 Ω",
        "São Paulo",
        "25 m² sau nhà",
    ];
    for (text, rule) in bad {
        for (record_type, payload, field) in [
            ("vehicle.registration.v1", owned_by(text), "owner.full_name"),
            ("resident.person.v1", at(text), "permanent_residence.text"),
            ("vehicle.registration.v1", because(text), "status_reason"),
        ] {
            assert_eq!(submitted(record_type, &payload).0, [format!("{field} {rule}")], "{text}");
        }
    }
    for text in good {
        for (record_type, payload) in [
            ("vehicle.registration.v1", owned_by(text)),
            ("resident.person.v1", at(text)),
            ("vehicle.registration.v1", because(text)),
        ] {
            assert_eq!(submitted(record_type, &payload).0, [""; 0], "{text}");
        }
    }
    let mojibake = with(&person(), &json!({"full_name": "Nguyá»…n Thá»‹ HoÃ\u{a0}"}));
    assert_eq!(submitted("resident.person.v1", &mojibake).0, ["full_name ENCODING"]);
}

/// Farmland without a term is a community's, so that a parcel is flagged and its certificates decide.
#[test]
fn other_ways_to_write_a_number_are_brought_to_its_form() {
    let registration = |plate: &str| with(&car(), &json!({"plate": plate}));
    let card = |number: &str| with(&insured(), &json!({"card_number": number}));
    let cases = [
        ("vehicle.registration.v1", "plate", registration("38A-12345"), "38A-123.45"),
        ("vehicle.registration.v1", "plate", registration("38a 123 45"), "38A-123.45"),
        ("vehicle.registration.v1", "plate", registration("38A\u{2013}123\u{a0}45"), "38A-123.45"),
        (
            "vehicle.registration.v1",
            "chassis_number",
            with(&car(), &json!({"chassis_number": "rlhkc1234-ny012345"})),
            "RLHKC1234NY012345",
        ),
        ("land.certificate.v1", "serial", with(&certificate(), &json!({"serial": "CĐ123456"})), "CĐ 123456"),
        ("land.certificate.v1", "serial", with(&certificate(), &json!({"serial": "C\u{d0}-123456"})), "CĐ 123456"),
        (
            "land.certificate.v1",
            "serial",
            with(&certificate(), &json!({"serial": "C\u{d0}\u{200b}123456"})),
            "CĐ 123456",
        ),
        ("health_insurance.card.v1", "card_number", card("GD4-42-4212345678"), "GD4424212345678"),
        ("health_insurance.card.v1", "card_number", card("gd4 42 4212345678"), "GD4424212345678"),
    ];
    let catalogue = Catalogue::built_in();
    for (record_type, field, payload, expected) in cases {
        let (violations, warnings, stored) = submitted(record_type, &payload);
        let stored = stored.unwrap_or_else(|| panic!("{violations:?}"));
        assert_eq!(stored.text(field), Some(expected));
        assert_eq!(warnings, [format!("{field} NORMALISED")]);
        // Every spelling leads to the same record.
        let record_type = catalogue.record_type(record_type).expect("a type");
        if record_type.natural_key == field {
            let written = payload[field].as_str().expect("a text");
            assert_eq!(record_type.key_of(&stored), Some(record_type.key_form.of(written)));
        }
    }
}
