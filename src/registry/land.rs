//! The land registry: parcels and certificates (Land Law 2024; Circulars 09/2024 and 10/2024/TT-BTNMT).

mod lifecycle;

use std::sync::Arc;

use crate::base::PersonalId;
use crate::base::time::Date;
use crate::trust::{Object, Value};

use super::address::{check_unit, unit};
use super::basis::basis_field;
use super::codes::{self, AsOf};
use super::common::{self, findings_at, identity, is_organisation, not_future, status_reason, warn_of_sex};
use super::forms;
use super::rule::{Field, Findings, Rule, date_at};
use super::schema::{Days, Heading, KeyForm, Label, Organisations, RecordType, Reference, State, Through, always};
use super::sector::Sector;
use super::viewed::{SubjectKind, Viewed};
use lifecycle::{AREA_TOLERANCE, FARMLAND, LONG_TERM};

/// The registry.
pub const NAME: &str = "land";
/// A parcel.
pub const PARCEL: &str = "land.parcel.v1";
/// A certificate of land-use rights.
pub const CERTIFICATE: &str = "land.certificate.v1";

/// The registry and its record types.
pub(super) fn sector() -> Sector {
    Sector::new(NAME, "land-office", 2, [parcel_type(), certificate_type()])
}

fn parcel_id() -> Rule {
    Rule::written(forms::parcel_id, "a parcel code, a 12-character geohash from w74 to w77")
}

fn map_number() -> Rule {
    Rule::form(forms::map_number, "1 to 5 digits without leading zero")
}

fn serial() -> Rule {
    Rule::written(forms::certificate_serial, "one or two capital letters of a series, a space, and 6 or 8 digits")
}

fn area() -> Rule {
    Rule::form(forms::area, "an area above 0 in square metres, with at most two decimals")
}

fn parcel_type() -> RecordType {
    RecordType {
        name: PARCEL.into(),
        registry: NAME.into(),
        message: Some("lienthong.registry.land.v1.Parcel".into()),
        ordinal: 3,
        label: Label::new("Thửa đất", "Land parcel"),
        heading: Heading::Land,
        natural_key: "parcel_id".into(),
        key_form: KeyForm::Lower,
        parties: vec![],
        organisations: Organisations::default(),
        people: None,
        found_through: Some(Through { record_type: CERTIFICATE.into(), field: "parcels".into() }),
        references: Vec::new(),
        viewed: Viewed::at(&["commune"]).of(SubjectKind::Parcel),
        document: None,
        facts: Vec::new(),
        fields: vec![
            Field::required("parcel_id", parcel_id()),
            Field::required("commune", Rule::object(unit())),
            Field::required("map_sheet", map_number()),
            Field::required("parcel_number", map_number()),
            Field::optional(
                "old_key",
                Rule::object([
                    Field::required("commune", Rule::object(unit())),
                    Field::required("map_sheet", map_number()),
                    Field::required("scale", Rule::code(&["500", "1000", "2000", "5000", "10000"])),
                    Field::required("parcel_number", map_number()),
                ]),
            ),
            Field::required("area_m2", area()),
            Field::required(
                "uses",
                Rule::list(
                    Rule::object([
                        Field::required(
                            "code",
                            Rule::listed_in_form("land_uses", AsOf::Today, forms::land_use, "three capitals"),
                        ),
                        Field::required("area_m2", area()),
                        Field::required(
                            "origin",
                            Rule::one_of(&[
                                "allocated_with_fee",
                                "allocated_without_fee",
                                "recognised_with_fee",
                                "recognised_without_fee",
                                "leased_yearly",
                                "leased_once",
                            ]),
                        ),
                        Field::required(
                            "term",
                            Rule::form(forms::land_term, "`long_term` or the last day, YYYY-MM-DD"),
                        ),
                    ]),
                    3,
                ),
            ),
            Field::optional("successors", Rule::set(parcel_id(), 50)),
            Field::required("status", Rule::one_of(&["active", "split", "merged"])),
            status_reason(),
            basis_field(),
        ],
        check: Arc::new(check_parcel),
        statuses: vec![
            ("active".into(), State::Active),
            ("split".into(), State::Ended),
            ("merged".into(), State::Ended),
        ],
        lifecycle: lifecycle::parcel(CERTIFICATE),
        days: Arc::new(always),
    }
}

fn owner() -> Rule {
    let mut fields = identity();
    fields.extend([
        Field::required("full_name", Rule::Text(200)),
        Field::optional("birth_date", Rule::PartialDate),
        Field::required(
            "role",
            Rule::one_of(&[
                "individual",
                "household_head",
                "member",
                "husband",
                "wife",
                "representative",
                "organisation",
                "community",
            ]),
        ),
    ]);
    Rule::object(fields)
}

fn certificate_type() -> RecordType {
    RecordType {
        name: CERTIFICATE.into(),
        registry: NAME.into(),
        message: Some("lienthong.registry.land.v1.Certificate".into()),
        ordinal: 4,
        label: Label::new("Giấy chứng nhận quyền sử dụng đất", "Certificate of land-use rights"),
        heading: Heading::Land,
        natural_key: "serial".into(),
        key_form: KeyForm::Compact,
        parties: vec!["owners.*.personal_id".into()],
        organisations: Organisations::at(&["owners.*.organisation_code"]),
        people: None,
        found_through: None,
        references: Reference::all(&[("parcels.*", PARCEL)]),
        viewed: Viewed::default(),
        document: None,
        facts: Vec::new(),
        fields: vec![
            Field::required("serial", serial()),
            Field::required("registry_number", Rule::Text(30)),
            Field::required("issued_on", Rule::Date),
            Field::required("owners", Rule::list(owner(), 50)),
            Field::required(
                "legal_form",
                Rule::one_of(&["individual", "household", "couple", "co_owners", "organisation", "community"]),
            ),
            Field::required("parcels", Rule::set(parcel_id(), 50)),
            Field::optional(
                "restrictions",
                Rule::list(
                    Rule::object([
                        Field::required("kind", Rule::one_of(&["mortgage", "court_freeze", "planning"])),
                        Field::required("authority", Rule::Text(200)),
                        Field::optional("reference", Rule::Text(60)),
                        Field::required("from_date", Rule::Date),
                        Field::optional("until_date", Rule::Date),
                    ]),
                    20,
                ),
            ),
            Field::optional("successors", Rule::set(serial(), 50)),
            Field::required("status", Rule::one_of(&["valid", "replaced", "revoked"])),
            status_reason(),
            basis_field(),
        ],
        check: Arc::new(check_certificate),
        statuses: vec![
            ("valid".into(), State::Active),
            ("replaced".into(), State::Ended),
            ("revoked".into(), State::Ended),
        ],
        lifecycle: lifecycle::certificate(PARCEL),
        days: Arc::new(certificate_days),
    }
}

fn certificate_days(certificate: &Object) -> Days {
    (date_at(certificate, "issued_on"), None)
}

fn check_parcel(parcel: &Object, today: Date, findings: &mut Findings<'_>) {
    // A parcel that was split or merged stays in the unit of its day.
    let is_active = parcel.text("status") == Some("active");
    check_unit(parcel, "commune", if is_active { &AsOf::Today } else { &AsOf::Ever }, today, findings);
    check_unit(parcel, "old_key.commune", &AsOf::Ever, today, findings);
    check_place(parcel, findings);
    let uses = parcel.array("uses").unwrap_or_default();
    check_terms(uses, today, findings);
    let areas: Option<Vec<i64>> = uses.iter().map(|one| forms::hundredths(one.as_object()?.text("area_m2")?)).collect();
    let whole = parcel.text("area_m2").and_then(forms::hundredths);
    if let (Some(areas), Some(whole)) = (areas, whole) {
        let near = uses.is_empty() || (areas.iter().sum::<i64>() - whole).abs() <= AREA_TOLERANCE;
        findings.expect(near, "uses", "CONFLICT", "areas must add up to area_m2 within 0.5");
    }
}

/// A parcel lies in its commune: the boundaries are not known to us, so that a point is refused only when it is further from the commune's
/// centre than any of its land can be.
fn check_place(parcel: &Object, findings: &mut Findings<'_>) {
    let commune = parcel.text_at("commune.unit_code").zip(date_at(parcel, "commune.unit_valid_from"));
    let centre = commune.and_then(|(code, from)| codes::centre(code, from));
    let Some((centre, id)) = centre.zip(parcel.text("parcel_id").filter(|id| forms::parcel_id(id).is_some())) else {
        return;
    };
    let Ok((point, ..)) = geohash::decode(id) else { return };
    const KM_PER_DEGREE: f64 = 111.2;
    let (north, east) = (point.y - centre.latitude, (point.x - centre.longitude) * centre.latitude.to_radians().cos());
    let near = north.hypot(east) * KM_PER_DEGREE <= 5.0 + 2.0 * centre.area_km2.sqrt();
    findings.expect(near, "parcel_id", "CONFLICT", "is the code of a place outside the commune");
}

/// Longest term of the use of land, and that of most farmland (Land Law 2024, articles 171 and 172), in years.
const TERM_YEARS_MAX: (i64, i64) = (70, 50);
fn check_terms(uses: &[Value], today: Date, findings: &mut Findings<'_>) {
    for (at, one) in uses.iter().filter_map(Value::as_object).enumerate() {
        let farmland = one.text("code").is_some_and(|code| FARMLAND.contains(&code));
        let years = if farmland { TERM_YEARS_MAX.1 } else { TERM_YEARS_MAX.0 };
        if farmland && one.text("term") == Some(LONG_TERM) {
            let says = "only a community uses such land without a term; a person, a household or an enterprise has it for at most 50 years";
            findings.warn(format_args!("uses[{at}].term"), "CONFLICT", says);
        }
        let latest = today.saturating_add(jiff::Span::new().years(years));
        let fits = date_at(one, "term").is_none_or(|term| term <= latest);
        findings_at(
            fits,
            &format!("uses[{at}]"),
            "term",
            "OUT_OF_RANGE",
            "must end within the term of the law: 50 years for farmland, 70 for other land",
            findings,
        );
    }
}

/// Certificates are issued since the Land Law of 1987, in force since this day.
const FIRST_CERTIFICATES: Date = Date::constant(1988, 1, 8);
/// Serials have two letters since Circular 17/2009, and eight digits since Circular 10/2024.
const TWO_LETTERS: Date = Date::constant(2009, 12, 10);
const EIGHT_DIGITS: Date = Date::constant(2025, 1, 1);

/// A serial has the form of its day.
fn check_serial(certificate: &Object, findings: &mut Findings<'_>) {
    let Some(issued) = date_at(certificate, "issued_on") else { return };
    findings.expect(issued >= FIRST_CERTIFICATES, "issued_on", "OUT_OF_RANGE", "certificates are issued since 1988");
    let Some((letters, digits)) = certificate.text("serial").and_then(|serial| serial.split_once(' ')) else { return };
    let eight = (digits.len() == 8) == (issued >= EIGHT_DIGITS);
    findings.expect(eight, "serial", "CONFLICT", "must have 6 digits before 2025, and 8 since");
    let letters = letters.chars().count() == 2 || issued < TWO_LETTERS;
    findings.expect(letters, "serial", "CONFLICT", "must have two letters since December 2009");
}

fn check_certificate(certificate: &Object, today: Date, findings: &mut Findings<'_>) {
    not_future(certificate, "issued_on", today, findings);
    check_serial(certificate, findings);
    let owners: Vec<&Object> =
        certificate.array("owners").unwrap_or_default().iter().filter_map(Value::as_object).collect();
    for (at, owner) in owners.iter().enumerate() {
        check_owner(owner, &format!("owners[{at}]"), &owners[..at], today, findings);
    }
    check_legal_form(certificate, &owners, findings);
    let restrictions = certificate.array("restrictions").unwrap_or_default();
    for (at, restriction) in restrictions.iter().filter_map(Value::as_object).enumerate() {
        if let (Some(from), Some(until)) = (date_at(restriction, "from_date"), date_at(restriction, "until_date")) {
            let path = format!("restrictions[{at}]");
            findings_at(from <= until, &path, "until_date", "ORDER", "must not be before from_date", findings);
        }
    }
}

fn check_owner(owner: &Object, path: &str, before: &[&Object], today: Date, findings: &mut Findings<'_>) {
    common::check_owner(owner, path, today, findings);
    let id = owner.text("personal_id").and_then(PersonalId::parse);
    let again = id.is_some() && before.iter().any(|other| other.text("personal_id") == owner.text("personal_id"));
    findings_at(!again, path, "personal_id", "DUPLICATE", "is listed as an owner already", findings);
    let organisation = matches!(owner.text("role"), Some("organisation" | "community"));
    let known = ["personal_id", "old_id_number", "passport", "birth_date"].iter().any(|field| owner.contains(field));
    if let Some(role @ ("wife" | "husband")) = owner.text("role") {
        warn_of_sex(owner.text("personal_id"), role == "wife", format_args!("{path}.role"), findings);
    }
    findings_at(
        organisation || known,
        path,
        "birth_date",
        "REQUIRED",
        "is required of a person without personal_id",
        findings,
    );
    if owner.text("role") == Some("organisation") {
        let known = is_organisation(owner);
        let says = "an organisation needs organisation_code or establishment_decision";
        findings_at(known, path, "organisation_code", "REQUIRED", says, findings);
    }
}

fn check_legal_form(certificate: &Object, owners: &[&Object], findings: &mut Findings<'_>) {
    let roles: Option<Vec<&str>> = owners.iter().map(|owner| owner.text("role")).collect();
    let (Some(form), Some(mut roles)) = (certificate.text("legal_form"), roles) else { return };
    roles.sort_unstable();
    let of = |role: &str| roles.iter().filter(|other| **other == role).count();
    let fits = match form {
        "individual" => roles == ["individual"],
        "couple" => roles == ["husband", "wife"],
        "household" => of("household_head") == 1 && of("household_head") + of("member") == roles.len(),
        "co_owners" => {
            roles.len() >= 2 && of("representative") <= 1 && of("representative") + of("member") == roles.len()
        }
        "organisation" => of("organisation") == 1 && of("organisation") + of("representative") == roles.len(),
        "community" => of("community") == 1 && of("community") + of("representative") == roles.len(),
        _ => return,
    };
    findings.expect(fits, "owners", "CONFLICT", "must have the roles of the legal form and no others");
}

#[cfg(test)]
mod tests {
    use super::super::common::testing::{check_changes, to};
    use super::*;

    #[test]
    fn parcels_keep_their_rules() {
        let unit = |code: &str, from: &str| Object::new().with("unit_code", code).with("unit_valid_from", from);
        let land_use = |code: &str, area: &str| {
            Object::new()
                .with("code", code)
                .with("area_m2", area)
                .with("origin", "recognised_without_fee")
                .with("term", "long_term")
        };
        let parcel = Object::new()
            .with("parcel_id", "w7723fdn0zg3")
            .with("commune", unit("18073", "2025-07-01"))
            .with("map_sheet", "12")
            .with("parcel_number", "345")
            .with(
                "old_key",
                Object::new()
                    .with("commune", unit("18079", "2004-07-08"))
                    .with("map_sheet", "7")
                    .with("scale", "1000")
                    .with("parcel_number", "45"),
            )
            .with("area_m2", "352.4")
            .with("uses", vec![land_use("ONT", "200"), land_use("CLN", "152.4")])
            .with("status", "active");
        check_changes(
            &parcel_type(),
            &parcel,
            &[
                (&[("area_m2", to("352.9"))], &[]),
                (&[("area_m2", to("352.91"))], &["uses CONFLICT"]),
                (&[("parcel_id", to("w8823fdn0zg3"))], &["parcel_id FORMAT"]),
                (
                    &[("uses.0.code", to("luc")), ("uses.1.term", to("50"))],
                    &["uses[0].code FORMAT", "uses[1].term FORMAT"],
                ),
                (&[("old_key.scale", to("750"))], &["old_key.scale UNKNOWN_VALUE"]),
                (
                    &[("map_sheet", to("012")), ("commune.unit_code", to("1"))],
                    &["commune.unit_code FORMAT", "map_sheet FORMAT"],
                ),
            ],
        );
        assert!(parcel_type().people_of(&parcel).is_empty());
    }

    #[test]
    fn certificates_keep_their_rules() {
        let owner = |id: &str, role: &str| {
            Object::new().with("personal_id", id).with("full_name", "Lê Văn An").with("role", role)
        };
        let certificate = Object::new()
            .with("serial", "CĐ 123456")
            .with("registry_number", "CH 01234")
            .with("issued_on", "2016-04-01")
            .with("owners", vec![owner("042082990008", "husband"), owner("042182990008", "wife")])
            .with("legal_form", "couple")
            .with("parcels", vec!["w7723fdn0zg3"])
            .with(
                "restrictions",
                vec![
                    Object::new()
                        .with("kind", "court_freeze")
                        .with("authority", "Toà án nhân dân khu vực 1")
                        .with("from_date", "2026-03-01"),
                ],
            )
            .with("status", "valid");
        check_changes(
            &certificate_type(),
            &certificate,
            &[
                (&[("legal_form", to("individual"))], &["owners CONFLICT"]),
                (&[("legal_form", to("household"))], &["owners CONFLICT"]),
                (&[("owners.1.personal_id", to("042082990008"))], &["owners[1].personal_id DUPLICATE"]),
                (&[("owners.1.personal_id", None)], &["owners[1].birth_date REQUIRED"]),
                (&[("owners.1.personal_id", None), ("owners.1.birth_date", to("1982"))], &[]),
                (&[("owners.0.organisation_code", to("0100233488"))], &["owners[0].personal_id NOT_ALLOWED"]),
                (&[("owners.0.full_name", to("Công ty 2"))], &["owners[0].full_name FORMAT"]),
                (&[("serial", to("CĐ123456"))], &["serial FORMAT"]),
                (&[("parcels", to(vec!["w7723fdn0zg3", "w7723fdn0zg3"]))], &["parcels[1] DUPLICATE"]),
                (&[("restrictions.0.until_date", to("2026-02-28"))], &["restrictions[0].until_date ORDER"]),
                (&[("issued_on", to("2027-01-01")), ("serial", to("AA 12345678"))], &["issued_on FUTURE"]),
            ],
        );
        assert_eq!(certificate_type().people_of(&certificate).len(), 2);
        assert_eq!(certificate_type().key_of(&certificate).as_deref(), Some("CĐ123456"));
    }
}
