//! The rules of the registries as a table: a record that each accepts, and the effect of every named value. Lawful values are accepted,
//! impossible ones refused, unusual ones flagged, and other spellings converted to the stored form ([docs/fidelity.md]).

#[path = "rules/case.rs"]
mod case;
#[path = "rules/spelling.rs"]
mod spelling;

use case::{hold, submitted, with};
use serde_json::{Value as Json, json};

fn address() -> Json {
    json!({"unit_code": "18073", "unit_valid_from": "2025-07-01"})
}

fn person() -> Json {
    json!({
        "personal_id": "042185990002", "full_name": "Nguyễn Thị Hoà", "birth_date": "1985-03-07", "sex": "female", "nationality": "VN",
        "marital_status": "married", "life_status": "alive", "status": "active",
        "card": {"kind": "cccd", "issued_on": "2021-05-01", "expires_on": "2025-03-07"},
    })
}

#[test]
fn people() {
    let dead = |on: &str| json!({"life_status": "deceased", "status": "deceased", "death_date": on});
    hold(
        "resident.person.v1",
        &person(),
        vec![
            (json!({"full_name": "NguyÔn ThÞ Hoµ"}), &["full_name ENCODING"]),
            (json!({"full_name": "Nguyeãn Thò Hoaø"}), &["full_name ENCODING"]),
            (json!({"full_name": "Нгуен Тхи"}), &["full_name FORMAT"]),
            (json!({"full_name": "Nguyễn Thị Hоà"}), &["full_name FORMAT"]), // a Cyrillic о
            (json!({"full_name": "K’Brôih François"}), &[]),
            (json!({"full_name": "Nguye\u{302}\u{303}n"}), &[]),
            (json!({"birth_date": "1825", "card": null}), &["birth_date OUT_OF_RANGE"]),
            (json!({"birth_date": "1905", "card": null}), &[]),
            (json!({"birth_date": "2015-05-05", "card": null}), &["marital_status CONFLICT"]),
            (json!({"birth_date": "2008-11-22", "card": null}), &[]),
            (json!({"sex": "male", "birth_date": "2008-11-22", "card": null}), &["marital_status CONFLICT"]),
            (
                json!({"birth_date": "2017-01-01", "marital_status": null, "card.issued_on": "2022-05-01", "card.expires_on": "2031-01-01"}),
                &["card.issued_on CONFLICT"],
            ),
            (
                json!({"birth_date": "2017-01-01", "marital_status": null,
                    "card": {"kind": "can_cuoc", "issued_on": "2024-08-01", "expires_on": "2031-01-01"}}),
                &[],
            ),
            (with(&dead("2021-04-30"), &json!({"nationality": "VN"})), &["card.issued_on ORDER"]),
            (dead("2021"), &[]),
            (json!({"nationality": "XXA"}), &[]),
            (json!({"nationality": "XX"}), &["nationality UNKNOWN_VALUE"]),
            (json!({"religion": "Công\u{200b}giáo"}), &["religion FORMAT"]),
            (json!({"ethnicity": "Mường"}), &[]),
            (json!({"ethnicity": "Mu\u{31b}o\u{31b}\u{300}ng"}), &[]),
        ],
    );
}

fn car() -> Json {
    json!({
        "plate": "38A-123.45", "kind": "car", "plate_colour": "white",
        "owner": {"personal_id": "042090990001", "full_name": "Lê Văn An"},
        "brand": "Toyota", "model": "Vios", "chassis_number": "RLHKC1234NY012345", "colour": "Trắng", "seats": 5,
        "first_registered": "2019-03-05", "status": "active",
    })
}

#[test]
fn vehicles() {
    let passport = |country: &str| json!({"number": "C1234567", "country": country});
    let french = json!({"passport": passport("FR"), "full_name": "François Müller"});
    let embassy = json!({"establishment_decision": "12/BNG-LT", "full_name": "Đại sứ quán Cộng hòa Pháp"});
    let motorcycle = |plate: &str, colour: &str| {
        let owner = json!({"organisation_code": "0100233488", "full_name": "Sở Tài chính"});
        json!({"plate": plate, "kind": "motorcycle", "seats": 2, "plate_colour": colour, "owner": owner})
    };
    hold(
        "vehicle.registration.v1",
        &car(),
        vec![
            (json!({"plate": "10A-123.45"}), &["plate FORMAT"]),
            (json!({"plate": "42A-123.45"}), &["plate FORMAT"]),
            (json!({"plate": "38-AI 123.45"}), &["plate FORMAT"]),
            (json!({"plate": "38-AO 123.45"}), &["plate FORMAT"]),
            (json!({"plate": "38I-123.45"}), &["plate FORMAT"]),
            (json!({"plate": "38O-123.45"}), &["plate FORMAT"]),
            (json!({"plate": "80-011-NG-01"}), &["plate CONFLICT"]),
            (json!({"plate": "80-011-NG-01", "owner": embassy}), &[]),
            (json!({"plate": "29-121-NN-01", "owner": french}), &[]),
            (json!({"plate": "38-MĐ1 123.45", "kind": "motorcycle", "seats": 2}), &[]),
            (json!({"plate": "38R-123.45", "kind": "trailer", "seats": 0}), &[]),
            (json!({"plate": "38R-123.45"}), &["plate CONFLICT"]),
            (json!({"plate_colour": "red"}), &["plate_colour CONFLICT"]),
            (json!({"plate_colour": "blue"}), &["plate_colour CONFLICT"]),
            (
                json!({"plate_colour": "blue", "owner": {"organisation_code": "0100233488", "full_name": "Sở Tài chính"}}),
                &[],
            ),
            (json!({"plate": "38-B1 123.45", "kind": "motorcycle", "seats": 60}), &["seats CONFLICT"]),
            (motorcycle("38-A1 123.45", "blue"), &[]),
            (motorcycle("38-AA 123.45", "blue"), &["plate CONFLICT"]),
            (motorcycle("38-MĐ1 123.45", "blue"), &[]),
            (json!({"owner.birth_date": "1990-05"}), &[]),
            (json!({"owner.birth_date": "2099"}), &["owner.birth_date FUTURE"]),
            (json!({"chassis_number": "RLHKC1234NO012345"}), &["chassis_number FORMAT"]),
            (json!({"chassis_number": "RLHKC1234NO012345", "first_registered": "1999-12-31"}), &[]),
            (
                json!({"plate": "38-B1 123.45", "kind": "motorcycle", "seats": 2, "chassis_number": "VDQ123456"}),
                &["chassis_number FORMAT"],
            ),
            (json!({"plate": "38-B1 123.45", "kind": "motorcycle", "seats": 2, "chassis_number": "VDG123456"}), &[]),
            (json!({"chassis_number": "AE101123456"}), &["chassis_number FORMAT"]),
            (json!({"chassis_number": "AE101123456", "first_registered": "1994-05-06"}), &[]),
            (
                json!({"owner": {"passport": {"number": "C1234567", "country": "FR"}, "full_name": "François Müller"}}),
                &[],
            ),
            (
                json!({"owner": {"passport": {"number": "c-1", "country": "FR"}, "full_name": "François Müller"}}),
                &["owner.passport.number FORMAT"],
            ),
            (json!({"owner": {"organisation_code": "0110605738-001", "full_name": "Chi nhánh Hà Tĩnh"}}), &[]),
            (json!({"owner": {"establishment_decision": "12/QĐ-UBND", "full_name": "Giáo xứ Văn Hạnh"}}), &[]),
            (json!({"owner": {"full_name": "Lê Văn An"}}), &["owner.personal_id REQUIRED"]),
            (json!({"owner.full_name": "Lª V¨n An"}), &["owner.full_name ENCODING"]),
        ],
    );
}

#[test]
fn licences() {
    let class = |code: &str, issued: &str, expires: Option<&str>| match expires {
        Some(expires) => json!({"classes": [{"code": code, "issued_on": issued, "expires_on": expires}]}),
        None => json!({"classes": [{"code": code, "issued_on": issued}]}),
    };
    let licence = json!({
        "licence_number": "420151234567",
        "holder": {"personal_id": "042070990001", "full_name": "Lê Văn An", "birth_date": "1970-05-06", "sex": "male"},
        "classes": [{"code": "A1", "issued_on": "2010-01-05"}], "points": 12, "status": "active",
    });
    let born = |date: &str, sex: &str, class: Json| {
        with(&json!({"holder": {"full_name": "Lê An", "birth_date": date, "sex": sex}}), &class)
    };
    hold(
        "driver_licence.licence.v1",
        &licence,
        vec![
            (json!({"licence_number": "AT 123456"}), &[]),
            (json!({"licence_number": "AT 12345"}), &["licence_number FORMAT"]),
            (class("B", "2024-12-31", Some("2034-12-31")), &["classes[0].code CONFLICT"]),
            (class("A", "2024-12-31", None), &["classes[0].code CONFLICT"]),
            (class("CE", "2024-12-31", Some("2029-12-31")), &["classes[0].code CONFLICT"]),
            (class("B", "2025-01-01", Some("2035-01-01")), &[]),
            (class("B2", "2024-12-31", Some("2034-12-31")), &[]),
            (
                born("1999-06-01", "male", class("D", "2026-01-01", Some("2031-01-01"))),
                &["classes[0].issued_on CONFLICT"],
            ),
            (born("1998-12-31", "male", class("D", "2026-01-01", Some("2031-01-01"))), &[]),
            (born("1999-06-01", "male", class("D", "2024-01-01", Some("2029-01-01"))), &[]),
            (
                born("1968-12-31", "male", class("D", "2026-01-01", Some("2031-01-01"))),
                &["classes[0].issued_on CONFLICT"],
            ),
            (born("1969-12-31", "male", class("D", "2026-01-01", Some("2031-01-01"))), &[]),
            (
                born("1970-12-31", "female", class("D", "2026-01-01", Some("2031-01-01"))),
                &["classes[0].issued_on CONFLICT"],
            ),
            (class("B1", "2012-01-01", Some("2032-01-01")), &["classes[0].expires_on OUT_OF_RANGE"]),
            (class("B1", "2012-01-01", Some("2030-05-06")), &[]),
            (class("B1", "2022-01-01", Some("2032-01-01")), &[]), // ten years for whoever is older than fifty
            (
                born("1970-05-06", "female", class("B1", "2012-01-01", Some("2030-05-06"))),
                &["classes[0].expires_on OUT_OF_RANGE"],
            ),
            (born("1970-05-06", "female", class("B1", "2012-01-01", Some("2025-05-06"))), &[]),
        ],
    );
}

fn certificate() -> Json {
    json!({
        "serial": "CĐ 123456", "registry_number": "CH 01234", "issued_on": "2016-04-01", "legal_form": "couple",
        "owners": [
            {"personal_id": "042082990008", "full_name": "Lê Văn An", "role": "husband"},
            {"personal_id": "042182990008", "full_name": "Trần Thị Bé", "role": "wife"},
        ],
        "parcels": ["w7723fdn0zg3"], "status": "valid",
    })
}

#[test]
fn land() {
    let alone = |owner: Json, role: &str| {
        let owner = with(&owner, &json!({"full_name": "Giáo xứ Văn Hạnh", "role": role}));
        json!({"owners": [owner], "legal_form": role})
    };
    hold(
        "land.certificate.v1",
        &certificate(),
        vec![
            (json!({"serial": "AA 12345678"}), &["serial CONFLICT"]),
            (json!({"issued_on": "2025-02-01"}), &["serial CONFLICT"]),
            (json!({"serial": "AA 12345678", "issued_on": "2025-02-01"}), &[]),
            (json!({"serial": "ZZ 123456"}), &["serial FORMAT"]),
            (json!({"serial": "M 123456", "issued_on": "1996-04-01"}), &[]),
            (json!({"serial": "M 123456"}), &["serial CONFLICT"]),
            (json!({"issued_on": "1975-04-01"}), &["issued_on OUT_OF_RANGE"]),
            (alone(json!({"establishment_decision": "12/QĐ"}), "organisation"), &[]),
            (alone(json!({"organisation_code": "0110605738-001"}), "organisation"), &[]),
            (alone(json!({}), "organisation"), &["owners[0].organisation_code REQUIRED"]),
            (alone(json!({"passport": {"number": "C1234567", "country": "FR"}}), "individual"), &[]),
        ],
    );
    let use_of = |code: &str, term: &str| json!({"uses": [{"code": code, "area_m2": "150", "origin": "allocated_without_fee", "term": term}]});
    let parcel = json!({
        "parcel_id": "w7723fdn0zg3", "commune": address(), "map_sheet": "12", "parcel_number": "7", "area_m2": "150",
        "uses": [{"code": "ODT", "area_m2": "150", "origin": "recognised_with_fee", "term": "long_term"}], "status": "active",
    });
    hold(
        "land.parcel.v1",
        &parcel,
        vec![
            (use_of("LUC", "2063-10-15"), &[]),
            (use_of("LUC", "2090-01-01"), &["uses[0].term OUT_OF_RANGE"]),
            (use_of("SKC", "2090-01-01"), &[]),
            (use_of("SKC", "2097-01-01"), &["uses[0].term OUT_OF_RANGE"]),
            (use_of("LMU", "2063-10-15"), &[]),
            (use_of("TSC", "long_term"), &[]),
            (use_of("SKK", "long_term"), &[]),
            (json!({"parcel_id": "w74zzzzzzzzz"}), &["parcel_id CONFLICT"]),
        ],
    );
}

fn insured() -> Json {
    json!({
        "card_number": "042185990002",
        "holder": {"personal_id": "042185990002", "full_name": "Nguyễn Thị Hòa", "birth_date": "1985", "sex": "female"},
        "object_code": "GD", "benefit_level": "4", "facility": "42001", "valid_from": "2026-01-01", "valid_until": "2026-12-31",
        "status": "active",
    })
}

#[test]
fn insurance() {
    let card = insured();
    let child = |born: &str, until: &str| json!({"object_code": "TE", "benefit_level": "1", "holder.birth_date": born, "valid_from": "2024-01-01", "valid_until": until});
    hold(
        "health_insurance.card.v1",
        &card,
        vec![
            (child("1985", "2026-12-31"), &["object_code CONFLICT"]),
            (child("2019-05-06", "2025-09-30"), &[]),
            (child("2019-05-06", "2025-10-01"), &["object_code CONFLICT"]),
            (child("2019-11-06", "2025-11-30"), &[]),
            (json!({"holder.birth_date": "2021-03-01"}), &["object_code CONFLICT"]),
            (json!({"holder.birth_date": "2020-01-01"}), &[]),
            (json!({"facility": "99999"}), &["facility FORMAT"]),
            (json!({"valid_from": "1984-12-31"}), &["valid_from ORDER", "valid_until OUT_OF_RANGE"]),
            (json!({"valid_until": "2126-01-01"}), &["valid_until OUT_OF_RANGE"]),
        ],
    );
    let periods = |periods: &[(&str, &str, Option<&str>, &str)]| {
        let period = |(kind, from, to, base): &(&str, &str, Option<&str>, &str)| {
            let mut period = json!({"from_month": from, "base": base, "kind": kind});
            if let Some(to) = to {
                period["to_month"] = json!(to);
            }
            if *kind != "voluntary" {
                (period["unit_code"], period["unit_name"]) = (json!("0123456789DNA03"), json!("Công ty TNHH An Phú"));
            }
            period
        };
        // A membership is active while a period is open.
        let is_open = periods.iter().any(|(kind, _, to, _)| *kind != "unemployment" && to.is_none());
        let periods: Vec<Json> = periods.iter().map(period).collect();
        json!({"periods": periods, "status": if is_open { "active" } else { "preserved" }})
    };
    let period = |kind: &'static str, from: &'static str, to: Option<&'static str>, base: &'static str| {
        periods(&[(kind, from, to, base)])
    };
    let job = |from, to| ("compulsory", from, to, "5310000");
    let unemployment = |from, to| ("unemployment", from, to, "5310000");
    hold(
        "social_insurance.membership.v1",
        &json!({"personal_id": "042185990002", "status": "preserved"}),
        vec![
            (period("compulsory", "2015-01", None, "100"), &["periods[0].base OUT_OF_RANGE"]),
            (period("compulsory", "2015-01", None, "5310000"), &[]),
            (period("compulsory", "2015-01", Some("2015-12"), "23000000"), &[]),
            (period("compulsory", "2015-01", Some("2015-12"), "23000001"), &["periods[0].base OUT_OF_RANGE"]),
            (period("compulsory", "1996-01", Some("1999-12"), "200000"), &[]),
            (period("voluntary", "2007-12", None, "1500000"), &["periods[0].from_month NOT_IN_FORCE"]),
            (period("voluntary", "2008-01", None, "1500000"), &[]),
            (period("voluntary", "2020-01", Some("2026-12"), "1500000"), &["periods[0].to_month FUTURE"]),
            (
                periods(&[job("2015-01", Some("2018-06")), ("voluntary", "2018-06", None, "1500000")]),
                &["periods[1].from_month OVERLAP"],
            ),
            (periods(&[job("2015-01", Some("2018-06")), ("voluntary", "2018-07", None, "1500000")]), &[]),
            (periods(&[unemployment("2015-01", Some("2015-12"))]), &["periods[0].from_month CONFLICT"]),
            (periods(&[job("2015-01", None), unemployment("2014-12", None)]), &["periods[1].from_month CONFLICT"]),
            (periods(&[job("2015-01", None), unemployment("2015-01", None)]), &[]),
            (json!({"status": "active"}), &[]),
            (
                with(&period("compulsory", "2015-01", None, "5310000"), &json!({"status": "retired"})),
                &["status CONFLICT"],
            ),
        ],
    );
}

#[test]
fn justice() {
    let convicted = |judged: &str, offence: &str| {
        let sentence = json!({"court": "Tòa án nhân dân tỉnh Hà Tĩnh", "judgment_number": "12/HS-ST", "judged_on": judged, "offence": offence,
            "penalty": "9 tháng tù treo"});
        json!({"status": "conviction", "sentences": [sentence]})
    };
    hold(
        "judicial.record.v1",
        &json!({"personal_id": "042078990009", "full_name": "Trần Văn Bình", "birth_date": "1978-02-03", "status": "no_conviction"}),
        vec![
            (convicted("1988-03-01", "Trộm cắp tài sản"), &["sentences[0].judged_on CONFLICT"]),
            (convicted("1992-03-01", "Trộm cắp tài sản"), &[]),
            (convicted("2012-03-01", "Điều 173 Bộ luật Hình sự 2015"), &["sentences[0].offence NOT_IN_FORCE"]),
            (convicted("2018-03-01", "Điều 173 Bộ luật Hình sự 2015"), &[]),
        ],
    );
}

#[test]
fn business() {
    let enterprise = json!({
        "enterprise_code": "0100233488", "name": "Công ty cổ phần Hồng Lĩnh", "legal_form": "joint_stock", "representative_id": "042086990020",
        "capital": "5000000000", "lines": ["4711"], "address": address(), "tax_status": "00", "registered_on": "2015-09-01", "status": "active",
    });
    let branch = |form: &str| json!({"enterprise_code": "0100233488-001", "legal_form": form, "capital": null});
    let passport = json!({"number": "C1234567", "country": "FR"});
    hold(
        "business.enterprise.v1",
        &enterprise,
        vec![
            (json!({"legal_form": "cooperative"}), &[]),
            (branch("branch"), &[]),
            (branch("representative_office"), &[]),
            (json!({"legal_form": "representative_office"}), &["legal_form CONFLICT"]),
            (
                json!({"representative_id": null, "representative_passport": passport, "representative_name": "François Müller"}),
                &[],
            ),
            (
                json!({"representative_id": null, "representative_passport": passport}),
                &["representative_name REQUIRED"],
            ),
            (json!({"representative_id": null}), &["representative_id REQUIRED"]),
            (json!({"tax_status": "02"}), &[]),
            (json!({"tax_status": "07"}), &[]),
            (json!({"tax_status": "09"}), &[]),
            (json!({"tax_status": "10"}), &[]),
            (json!({"tax_status": "04"}), &["tax_status NOT_IN_FORCE"]),
            (json!({"status": "suspended"}), &["tax_status CONFLICT"]),
            (json!({"status": "suspended", "tax_status": "05"}), &[]),
        ],
    );
}

/// The structure of a personal ID is no proof: data that contradict it are accepted, and flagged.
#[test]
fn what_only_a_number_contradicts_is_flagged() {
    let enterprise = json!({
        "enterprise_code": "0100233488", "name": "Công ty", "legal_form": "joint_stock", "representative_id": "042215990020", "capital": "5",
        "lines": ["4711"], "address": address(), "tax_status": "00", "registered_on": "2025-09-01", "status": "active",
    });
    let other_sex = with(&certificate(), &json!({"owners.1.personal_id": "042082990009"}));
    let owner = |changes: Json| with(&car(), &json!({"owner": with(&car()["owner"], &changes)}));
    let vietnamese = json!({"personal_id": null, "passport": {"number": "C1234567", "country": "VN"}});
    for (record_type, payload, warning) in [
        ("business.enterprise.v1", enterprise, "representative_id CONFLICT"),
        ("land.certificate.v1", other_sex, "owners[1].role CONFLICT"),
        ("vehicle.registration.v1", owner(json!({"personal_id": "000090990001"})), "owner.personal_id CONFLICT"),
        ("vehicle.registration.v1", owner(json!({"personal_id": "042499990001"})), "owner.personal_id CONFLICT"),
        ("vehicle.registration.v1", owner(vietnamese), "owner.passport CONFLICT"),
    ] {
        let (violations, warnings, _) = submitted(record_type, &payload);
        assert_eq!((violations, warnings), (vec![], vec![warning.to_owned()]), "{record_type}");
    }
}

/// Names of organisations, addresses and free texts are Vietnamese, too.
#[test]
fn farmland_without_a_term_is_flagged() {
    let of = |code: &str, term: &str| {
        json!({
            "parcel_id": "w7723fdn0zg3", "commune": address(), "map_sheet": "12", "parcel_number": "7", "area_m2": "150",
            "uses": [{"code": code, "area_m2": "150", "origin": "allocated_without_fee", "term": term}], "status": "active",
        })
    };
    for code in ["CLN", "LMU", "LUC"] {
        let (violations, warnings, _) = submitted("land.parcel.v1", &of(code, "long_term"));
        assert_eq!((violations, warnings), (vec![], vec!["uses[0].term CONFLICT".to_owned()]), "{code}");
        assert_eq!(submitted("land.parcel.v1", &of(code, "2063-10-15")).1, [""; 0], "{code}");
    }
    assert_eq!(submitted("land.parcel.v1", &of("ONT", "long_term")).1, [""; 0]);
}
