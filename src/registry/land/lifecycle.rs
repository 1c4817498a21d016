//! Lifecycles of land: parcels end in others of the same area, and a right changes hands only while nothing stands against it.

use crate::base::time::Date;
use crate::registry::basis::{CORRECTION, COURT_DECISION};
use crate::registry::common::is_same_party;
use crate::registry::forms;
use crate::registry::lifecycle::{
    AcrossRule, Around, CrossRule, Entries, Lifecycle, Needs, Source, Step, assumption, basis, basis_of, code, free,
    memory, never,
};
use crate::registry::rule::date_at;
use crate::trust::{Object, Value};

/// How far areas that add up may be apart, in hundredths of a square metre.
pub(super) const AREA_TOLERANCE: i64 = 50;
/// The spouses divided what was theirs together.
pub const PROPERTY_DIVISION: &str = "property_division";
/// One spouse gave their part to the other.
pub const GIFT_BETWEEN_SPOUSES: &str = "gift_between_spouses";
/// The heirs of a spouse.
pub const INHERITANCE: &str = "inheritance";

fn land_law() -> Source {
    memory("Land Law 2024; Decree 101/2024")
}

pub(super) fn parcel() -> Lifecycle {
    Lifecycle::default()
        .states(
            "status",
            land_law(),
            [("active", "split", basis(), land_law()), ("active", "merged", basis(), land_law())],
        )
        .fields([
            ("area_m2", basis(), land_law()),
            ("uses", basis(), land_law()),
            ("map_sheet", basis(), assumption()),
            ("parcel_number", basis(), assumption()),
        ])
        .fields_once_known([
            ("old_key", basis_of(&[CORRECTION]), assumption()),
            ("successors", basis_of(&[CORRECTION]), assumption()),
        ])
        .rule(CrossRule::new(
            "SUCCESSORS",
            "successors",
            "names the two or more parcels that one was split into, or the one that it was merged into",
            land_law(),
            |step| (step.changes("status") && !parcel_names_successors(step.after)).then(never),
        ))
        .across(AcrossRule::new(
            ("AREAS", "area_m2"),
            "the areas before and after add up within 0.5 m², all parcels of a merger in one submission",
            code("tolerance of the clean-up campaign"),
            |parcel| texts(parcel, "successors"),
            areas_add_up,
        ))
}

pub(super) fn certificate() -> Lifecycle {
    let changes = || Entries { added: basis(), closing: &[], closed: basis(), changed: basis(), removed: basis() };
    Lifecycle::default()
        .states(
            "status",
            land_law(),
            [
                ("valid", "replaced", basis(), land_law()),
                ("valid", "revoked", basis(), land_law()),
                ("revoked", "valid", basis_of(&[COURT_DECISION]), assumption()),
            ],
        )
        .fields([
            ("registry_number", basis(), assumption()),
            ("issued_on", basis_of(&[CORRECTION]), assumption()),
            ("legal_form", basis(), assumption()),
        ])
        .fields_once_known([("successors", basis_of(&[CORRECTION]), assumption())])
        .list("owners", &["personal_id", "organisation_code", "full_name"], changes(), land_law())
        .list("parcels", &[], changes(), land_law())
        .list(
            "restrictions",
            &["kind", "from_date"],
            Entries { closing: &["until_date"], added: free(), ..changes() },
            land_law(),
        )
        .rule(CrossRule::new("SUCCESSORS", "successors", REPLACED, land_law(), |step| {
            (step.goes("valid", "replaced") && !step.after.contains("successors")).then(never)
        }))
        .rule(CrossRule::new("RESTRICTION_IN_FORCE", "owners", RESTRICTED, land_law(), |step| {
            (is_bound(step.before, step.today) && changes_hands(step.before, step.after)).then(never)
        }))
        .rule(CrossRule::new(
            "COMMON_PROPERTY",
            "owners",
            COMMON,
            memory("Law on Marriage and Family 2014, art. 35"),
            common_property,
        ))
        .across(AcrossRule::new(
            ("RESTRICTION_IN_FORCE", "successors"),
            "while a court_freeze or a mortgage is in force, successors are in the registry and have the same owners",
            land_law(),
            |certificate| texts(certificate, "successors"),
            successors_are_theirs,
        ))
}

const REPLACED: &str = "a certificate that is replaced names its successors";
const RESTRICTED: &str =
    "no transfer while a court_freeze or a mortgage is in force: lift or release it in a version before";
const COMMON: &str =
    "what spouses own together is not given away by one of them: who leaves alone needs more than a contract";

fn texts(object: &Object, field: &str) -> Vec<String> {
    object.array(field).unwrap_or_default().iter().filter_map(Value::as_text).map(str::to_owned).collect()
}

fn objects<'a>(object: &'a Object, field: &str) -> Vec<&'a Object> {
    object.array(field).unwrap_or_default().iter().filter_map(Value::as_object).collect()
}

fn parcel_names_successors(parcel: &Object) -> bool {
    match (parcel.text("status"), parcel.array("successors").unwrap_or_default()) {
        (Some("split"), parts) => parts.len() >= 2,
        (Some("merged"), whole) => whole.len() == 1,
        _ => true,
    }
}

/// Area in hundredths of a square metre.
fn area(parcel: &Object) -> i64 {
    parcel.text("area_m2").and_then(forms::hundredths).unwrap_or(0)
}

/// Successors that the registry does not have are of no known area.
fn areas_add_up(before: Option<&Object>, after: &Object, around: &dyn Around) -> bool {
    let Some(before) = before.filter(|before| before.text("status") != after.text("status")) else { return true };
    let successors = texts(after, "successors");
    let found: Vec<Object> = successors.iter().filter_map(|id| around.newest(id)).collect();
    let areas: i64 = found.iter().map(area).sum();
    match after.text("status") {
        Some("split") if found.len() == successors.len() => (areas - area(before)).abs() <= AREA_TOLERANCE,
        Some("split") => areas <= area(before) + AREA_TOLERANCE,
        Some("merged") if !found.is_empty() => {
            let submitted = around.submitted();
            let merged = submitted.iter().filter(|other| {
                other.text("status") == Some("merged") && other.array("successors") == after.array("successors")
            });
            (merged.map(area).sum::<i64>() - areas).abs() <= AREA_TOLERANCE
        }
        _ => true,
    }
}

/// Whether the right may not change hands on `today`.
fn is_bound(certificate: &Object, today: Date) -> bool {
    objects(certificate, "restrictions").into_iter().any(|restriction| {
        matches!(restriction.text("kind"), Some("court_freeze" | "mortgage"))
            && date_at(restriction, "from_date").is_none_or(|from| from <= today)
            && date_at(restriction, "until_date").is_none_or(|until| today <= until)
    })
}

/// Whether somebody is an owner in one version only.
fn changes_hands(before: &Object, after: &Object) -> bool {
    let (before, after) = (objects(before, "owners"), objects(after, "owners"));
    let lacks = |ones: &[&Object], others: &[&Object]| {
        ones.iter().any(|one| !others.iter().any(|other| is_same_party(one, other)))
    };
    lacks(&before, &after) || lacks(&after, &before)
}

/// One spouse leaves and the other stays.
fn common_property(step: &Step<'_>) -> Option<Needs> {
    if step.before.text("legal_form") != Some("couple") {
        return None;
    }
    let after = objects(step.after, "owners");
    let stays = |spouse: &&Object| after.iter().any(|owner| is_same_party(spouse, owner));
    let staying = objects(step.before, "owners").iter().filter(|spouse| stays(spouse)).count();
    let reasons = [PROPERTY_DIVISION, GIFT_BETWEEN_SPOUSES, INHERITANCE, COURT_DECISION, CORRECTION];
    (staying == 1).then(|| basis_of(&reasons))
}

fn successors_are_theirs(before: Option<&Object>, after: &Object, around: &dyn Around) -> bool {
    let Some(before) = before.filter(|before| before.text("status") == Some("valid")) else { return true };
    if !is_bound(before, around.today()) || after.text("status") != Some("replaced") {
        return true;
    }
    texts(after, "successors")
        .iter()
        .all(|serial| around.newest(serial).is_some_and(|next| !changes_hands(before, &next)))
}
