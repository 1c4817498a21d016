//! The vehicle registry (Law 36/2024, article 36; Circular 79/2024/TT-BCA): the plate belongs to the owner.

use std::sync::Arc;

use crate::base::PersonalId;
use crate::base::time::Date;
use crate::trust::{Object, Value};

use super::address::{address, check_unit, check_unit_of};
use super::basis::{CORRECTION, basis_field};
use super::codes::AsOf;
use super::common::{
    check_owner, findings_at, identity, in_order, is_organisation, not_future, number_of, only_while, status_reason,
    stays_same_party,
};
use super::forms;
use super::lifecycle::{
    After, CrossRule, Entries, Lifecycle, Needs, Step, TimeRule, UniqueRule, assumption, basis, basis_of, free, law,
    memory, never,
};
use super::rule::{Field, Findings, Rule, date_at};
use super::schema::{Days, Document, DocumentType, Heading, KeyForm, Label, Organisations, RecordType, State};
use super::sector::Sector;
use super::viewed::{SubjectKind, Viewed};

/// The registry.
pub const NAME: &str = "vehicle";
/// A registration.
pub const REGISTRATION: &str = "vehicle.registration.v1";
/// As a document.
pub const DOCUMENT: DocumentType = DocumentType(3);

/// The registry and its record types.
pub(super) fn sector() -> Sector {
    Sector::new(NAME, "police", 8, [registration_type()])
}

fn owner() -> Rule {
    let mut fields = identity();
    fields.extend([
        Field::required("full_name", Rule::Text(200)),
        Field::optional("birth_date", Rule::PartialDate),
        Field::optional("address", Rule::object(address())),
    ]);
    Rule::object(fields)
}

fn registration_type() -> RecordType {
    RecordType {
        name: REGISTRATION.into(),
        registry: NAME.into(),
        message: Some("lienthong.registry.vehicle.v1.Registration".into()),
        ordinal: 11,
        label: Label::new("Chứng nhận đăng ký xe", "Vehicle registration"),
        heading: Heading::Vehicles,
        natural_key: "plate".into(),
        key_form: KeyForm::Compact,
        parties: vec!["owner.personal_id".into(), "co_owners.*.personal_id".into()],
        organisations: Organisations::at(&["owner.organisation_code", "co_owners.*.organisation_code"]),
        people: None,
        found_through: None,
        references: Vec::new(),
        viewed: Viewed::default().of(SubjectKind::Vehicle),
        document: Some(Document { kind: DOCUMENT, holder: "owner".into() }),
        facts: Vec::new(),
        fields: vec![
            Field::required(
                "plate",
                Rule::written(forms::plate, "a plate like 38A-123.45, 38-B1 123.45, 38-AA 123.45 or 80-011-NG-01"),
            ),
            Field::required("kind", Rule::one_of(&["car", "motorcycle", "truck", "bus", "trailer"])),
            Field::required("plate_colour", Rule::one_of(&["white", "yellow", "blue", "red"])),
            Field::required("owner", owner()),
            Field::optional("co_owners", Rule::list(owner(), 10)),
            Field::required("brand", Rule::Text(60)),
            Field::required("model", Rule::Text(60)),
            Field::required(
                "chassis_number",
                Rule::written(forms::chassis_number, "6 to 20 capital letters and digits"),
            ),
            Field::optional(
                "engine_number",
                Rule::form(forms::engine_number, "5 to 20 capital letters, digits and hyphens"),
            ),
            Field::required("colour", Rule::Text(40)),
            Field::required("seats", Rule::Integer(0, 100)),
            Field::optional("displacement_cc", Rule::Integer(1, 30_000)),
            Field::required("first_registered", Rule::Date),
            Field::optional("expires", Rule::Date),
            Field::required("status", Rule::one_of(&["active", "stolen", "plate_kept", "revoked", "returned"])),
            status_reason(),
            Field::optional("plate_kept_since", Rule::Date),
            basis_field(),
        ],
        check: Arc::new(check_registration),
        statuses: vec![
            ("active".into(), State::Active),
            ("stolen".into(), State::Suspended),
            ("plate_kept".into(), State::Ended),
            ("revoked".into(), State::Ended),
            ("returned".into(), State::Ended),
        ],
        lifecycle: registration_lifecycle(),
        days: Arc::new(registration_days),
    }
}

/// The owner puts the kept plate on another vehicle.
pub const PLATE_REASSIGNED: &str = "plate_reassigned";
/// The five years are over: the plate returns to the pool.
pub const PLATE_RETURNED: &str = "plate_returned";
/// A plate from the pool was given to a new owner.
pub const PLATE_ASSIGNED: &str = "plate_assigned";
/// The vehicle got another frame or engine.
pub const VEHICLE_MODIFIED: &str = "vehicle_modified";

fn registration_lifecycle() -> Lifecycle {
    let plates = || law("Law 36/2024, art. 36");
    let circular = || memory("Circular 79/2024");
    let part = || basis_of(&[VEHICLE_MODIFIED, PLATE_REASSIGNED, PLATE_ASSIGNED, CORRECTION]);
    Lifecycle::default()
        .states(
            "status",
            circular(),
            [
                ("active", "stolen", free(), assumption()),
                ("stolen", "active", free(), assumption()),
                ("active", "plate_kept", basis(), plates()),
                ("stolen", "plate_kept", basis(), plates()),
                ("active", "revoked", basis(), circular()),
                ("stolen", "revoked", basis(), circular()),
                ("plate_kept", "active", basis_of(&[PLATE_REASSIGNED, CORRECTION]), plates()),
                ("plate_kept", "returned", basis_of(&[PLATE_RETURNED]), plates()),
                ("returned", "active", basis_of(&[PLATE_ASSIGNED]), plates()),
                ("plate_kept", "revoked", basis(), circular()),
            ],
        )
        .fields([
            ("owner.full_name", basis(), assumption()),
            ("kind", part(), assumption()),
            ("brand", part(), assumption()),
            ("model", part(), assumption()),
            ("seats", part(), assumption()),
            ("engine_number", part(), circular()),
            ("first_registered", part(), assumption()),
        ])
        .fields_once_known([("owner.birth_date", basis(), assumption())])
        .list(
            "co_owners",
            &["personal_id", "organisation_code"],
            Entries { added: basis(), removed: basis(), ..Entries::free() },
            assumption(),
        )
        .rule(CrossRule::new("PLATE_OWNER", "owner", PLATE_OWNER, plates(), owner_needs))
        .rule(CrossRule::new("PLATE_CHASSIS", "chassis_number", PLATE_CHASSIS, plates(), chassis_needs))
        .rule(CrossRule::new("PLATE_KEPT", "status", PLATE_KEPT, plates(), |step| {
            let since = date_at(step.before, "plate_kept_since").filter(|_| step.goes("plate_kept", "returned"))?;
            (since.saturating_add(jiff::Span::new().years(KEPT_YEARS)) > step.today).then(never)
        }))
        .rule(CrossRule::new("KEPT_SINCE", "plate_kept_since", KEPT_SINCE, plates(), kept_since))
        .unique(UniqueRule::new(("CHASSIS_IN_USE", "chassis_number"), ONE_PLATE, circular(), |registration| {
            let on_the_road = matches!(registration.text("status"), Some("active" | "stolen"));
            let chassis = registration.text("chassis_number").filter(|_| on_the_road);
            chassis.map(str::to_owned).into_iter().collect()
        }))
        .time(
            TimeRule::new(PLATE_RETURNED, "plate_kept_since", After::Years(KEPT_YEARS), plates())
                .or_issue()
                .when("status", &["plate_kept"])
                .sets("status", "returned")
                .clears(&["plate_kept_since", "status_reason"]),
        )
}

/// Years for which a plate is kept for its owner.
const KEPT_YEARS: i16 = 5;
const PLATE_KEPT: &str = "a plate is kept for its owner for five years after plate_kept_since, and returned then";
const KEPT_SINCE: &str =
    "a plate is kept from the day of its basis or later, and afterwards that day can only be corrected";
const ONE_PLATE: &str =
    "a chassis is registered under one plate at a time: end the other registration first, or in the same submission";
const PLATE_OWNER: &str = "a plate stays with its owner and the buyer gets another: only a returned plate is assigned to another owner (plate_assigned)";
const PLATE_CHASSIS: &str = "a plate moves to another vehicle of its owner (plate_reassigned) only while it is kept";

/// The five years are counted from this day.
fn kept_since(step: &Step<'_>) -> Option<Needs> {
    let since = date_at(step.after, "plate_kept_since");
    if step.after.text("status") != Some("plate_kept") {
        return None;
    }
    if step.changes("status") {
        let documented = step.basis().and_then(|basis| date_at(basis, "issued_on"));
        return since.zip(documented).is_some_and(|(since, documented)| since < documented).then(never);
    }
    step.changes("plate_kept_since").then(|| basis_of(&[CORRECTION]))
}

/// The reason for which a plate comes into use again, if it does.
fn comes_back(step: &Step<'_>) -> Option<&'static str> {
    let kept = step.goes("plate_kept", "active").then_some(PLATE_REASSIGNED);
    kept.or(step.goes("returned", "active").then_some(PLATE_ASSIGNED))
}

/// A plate gets another owner only after it returned to the pool.
fn owner_needs(step: &Step<'_>) -> Option<Needs> {
    let needs = stays_same_party(step.before.object("owner")?, step.after.object("owner")?);
    Some(match needs {
        Needs::Never if comes_back(step) == Some(PLATE_ASSIGNED) => basis_of(&[PLATE_ASSIGNED]),
        needs => needs,
    })
}

/// A vehicle keeps its frame, unless the frame itself was replaced or its number recorded wrongly.
fn chassis_needs(step: &Step<'_>) -> Option<Needs> {
    let reason = comes_back(step).unwrap_or(VEHICLE_MODIFIED);
    step.changes("chassis_number").then(|| basis_of(&[reason, CORRECTION]))
}

fn registration_days(registration: &Object) -> Days {
    (date_at(registration, "first_registered"), date_at(registration, "expires"))
}

fn check_registration(registration: &Object, today: Date, findings: &mut Findings<'_>) {
    // As the certificate prints it: an address of the day of registration.
    check_unit(registration, "owner.address", &AsOf::Ever, today, findings);
    let co_owners = registration.array("co_owners").unwrap_or_default();
    for (at, owner) in co_owners.iter().filter_map(Value::as_object).enumerate() {
        if let Some(address) = owner.object("address") {
            check_unit_of(address, &format_args!("co_owners[{at}].address"), (Date::MIN, today), findings);
        }
    }
    not_future(registration, "first_registered", today, findings);
    in_order(registration, "first_registered", "expires", findings);
    not_future(registration, "plate_kept_since", today, findings);
    let is_kept = registration.text("status") == Some("plate_kept");
    in_order(registration, "first_registered", "plate_kept_since", findings);
    only_while(
        is_kept,
        registration,
        "plate_kept_since",
        "only a plate that is kept has a day from which it is kept",
        findings,
    );
    let motorcycle = registration.text("kind") == Some("motorcycle");
    check_plate(registration, findings);
    let old = date_at(registration, "first_registered").is_some_and(|day| day < VIN_SINCE);
    if let Some(chassis) = registration.text("chassis_number").filter(|text| forms::chassis_number(text).is_some()) {
        // No number since ISO 3779 has a letter that looks like a digit, a motorcycle's neither.
        let fits = old || forms::vin(chassis) || (motorcycle && !chassis.contains(['I', 'O', 'Q']));
        findings.expect(
            fits,
            "chassis_number",
            "FORMAT",
            "must be 17 characters (fewer on motorcycles) without I, O and Q, except on vehicles registered before 2000",
        );
    }
    let mut owners: Vec<(String, &Object)> = Vec::new();
    owners.extend(registration.object("owner").map(|owner| ("owner".to_owned(), owner)));
    let others = registration.array("co_owners").unwrap_or_default().iter().filter_map(Value::as_object);
    owners.extend(others.enumerate().map(|(at, owner)| (format!("co_owners[{at}]"), owner)));
    for (at, (path, owner)) in owners.iter().enumerate() {
        check_owner(owner, path, today, findings);
        let known = number_of(owner).is_some();
        findings_at(
            known,
            path,
            "personal_id",
            "REQUIRED",
            "an owner needs an identity paper (personal ID, old identity number, passport), an organisation code or an establishment decision",
            findings,
        );
        let id = owner.text("personal_id").and_then(PersonalId::parse);
        let again =
            id.is_some() && owners[..at].iter().any(|(_, o)| o.text("personal_id") == owner.text("personal_id"));
        findings_at(!again, path, "personal_id", "DUPLICATE", "is listed as an owner already", findings);
    }
}

/// Chassis numbers of vehicles that were registered earlier need not follow ISO 3779.
const VIN_SINCE: Date = Date::constant(2000, 1, 1);

/// Plate, colour and seats fit the kind of vehicle and its owner.
fn check_plate(registration: &Object, findings: &mut Findings<'_>) {
    let Some(kind) = registration.text("kind") else { return };
    if let Some(plate) = registration.text("plate").filter(|text| forms::plate(text).is_some()) {
        let fits = match kind {
            _ if forms::foreign_plate(plate) => kind != "trailer",
            "trailer" => forms::trailer_plate(plate),
            "motorcycle" => forms::motorcycle_plate(plate),
            _ => forms::car_plate(plate) && !forms::trailer_plate(plate),
        };
        findings.expect(
            fits,
            "plate",
            "CONFLICT",
            "must be like 38-B1 123.45 or 38-AA 123.45 for motorcycles, 38R-123.45 for trailers and 38A-123.45 for other vehicles",
        );
    }
    let owner = registration.object("owner");
    let foreign = registration.text("plate").is_some_and(forms::foreign_plate);
    let citizen = owner.is_some_and(|owner| owner.contains("personal_id"));
    findings.expect(
        !(foreign && citizen),
        "plate",
        "CONFLICT",
        "plates of the kinds NG, NN, QT and CV are for foreign missions and foreigners: citizens have others",
    );
    let two_letters = registration.text("plate").is_some_and(forms::two_letter_plate);
    findings.expect(
        !(two_letters && registration.text("plate_colour") == Some("blue")),
        "plate",
        "CONFLICT",
        "blue plates of motorcycles have a letter and a digit: series of two letters are white",
    );
    let of_the_state = matches!(registration.text("plate_colour"), Some("blue" | "red"));
    let private = owner.is_some_and(|owner| !is_organisation(owner));
    findings.expect(
        !(of_the_state && private),
        "plate_colour",
        "CONFLICT",
        "blue and red plates are not given to persons",
    );
    let seats = match kind {
        "trailer" => 0..=0,
        "motorcycle" => 1..=3,
        "bus" => 8..=100,
        _ => 1..=9,
    };
    let fits = registration.integer("seats").is_none_or(|count| seats.contains(&count));
    findings.expect(
        fits,
        "seats",
        "CONFLICT",
        "must be 1 to 3 on motorcycles, 8 or more on buses, none on trailers and 1 to 9 on other vehicles",
    );
}

#[cfg(test)]
mod tests {
    use super::super::common::testing::{address, check_changes, to};
    use super::*;

    #[test]
    fn registrations_keep_their_rules() {
        let owner = |id: &str| Object::new().with("personal_id", id).with("full_name", "Lê Văn An");
        let car = Object::new()
            .with("plate", "38A-123.45")
            .with("kind", "car")
            .with("plate_colour", "white")
            .with("owner", owner("042090990001").with("address", address()))
            .with("co_owners", vec![owner("042185990002")])
            .with("brand", "Toyota")
            .with("model", "Vios")
            .with("chassis_number", "RLHKC1234NY012345")
            .with("engine_number", "2NR-1234567")
            .with("colour", "Trắng")
            .with("seats", 5)
            .with("displacement_cc", 1496)
            .with("first_registered", "2019-03-05")
            .with("status", "active");
        check_changes(
            &registration_type(),
            &car,
            &[
                (&[("plate", to("38-B1 123.45"))], &["plate CONFLICT"]),
                (
                    &[
                        ("plate", to("38-AA 123.45")),
                        ("kind", to("motorcycle")),
                        ("seats", to(2)),
                        ("chassis_number", to("VDG123456")),
                    ],
                    &[],
                ),
                (&[("chassis_number", to("VDG123456"))], &["chassis_number FORMAT"]),
                (&[("co_owners.0.personal_id", to("042090990001"))], &["co_owners[0].personal_id DUPLICATE"]),
                (&[("owner.personal_id", None)], &["owner.personal_id REQUIRED"]),
                (
                    &[
                        ("owner.personal_id", None),
                        ("owner.organisation_code", to("0100233488")),
                        ("owner.full_name", to("Công ty 5")),
                    ],
                    &[],
                ),
                (&[("owner.organisation_code", to("0100233488"))], &["owner.personal_id NOT_ALLOWED"]),
                (&[("expires", to("2019-03-04"))], &["expires ORDER"]),
                (&[("seats", to(0)), ("displacement_cc", to("1496"))], &["displacement_cc TYPE", "seats CONFLICT"]),
                (&[("status", to("stolen")), ("status_reason", to("trình báo mất cắp"))], &[]),
                (&[("plate_kept_since", to("2026-01-05"))], &["plate_kept_since NOT_ALLOWED"]),
                (
                    &[
                        ("status", to("plate_kept")),
                        ("status_reason", to("đã bán")),
                        ("plate_kept_since", to("2126-01-05")),
                    ],
                    &["plate_kept_since FUTURE"],
                ),
                (&[("co_owners", None), ("displacement_cc", None), ("engine_number", None)], &[]),
            ],
        );
        assert_eq!(registration_type().people_of(&car).len(), 2);
        assert_eq!(registration_type().key_of(&car).as_deref(), Some("38A12345"));
    }
}
