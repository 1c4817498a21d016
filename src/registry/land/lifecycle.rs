//! Lifecycles of land: parcels end in others of the same area, and a right changes hands only while nothing restricts it.

use crate::base::time::Date;
use crate::registry::basis::{CORRECTION, COURT_DECISION};
use crate::registry::common::is_same_party;
use crate::registry::forms;
use crate::registry::lifecycle::{
    AcrossRule, Around, CrossRule, Entries, Lifecycle, Lookup, Needs, Source, Step, UniqueRule, assumption, basis,
    basis_of, code, free, memory, never,
};
use crate::registry::rule::date_at;
use crate::trust::{Object, Value};

/// Tolerance between sums of areas, in hundredths of a square metre.
pub(super) const AREA_TOLERANCE: i64 = 50;
/// Farmland that is used for 50 years: of households, persons and enterprises.
pub(super) const FARMLAND: [&str; 9] = ["LUC", "LUK", "LUN", "BHK", "HNK", "NHK", "CLN", "NTS", "LMU"];
/// Use without a last day.
pub(super) const LONG_TERM: &str = "long_term";
/// The spouses divided their common property.
pub const PROPERTY_DIVISION: &str = "property_division";
/// One spouse gave their share to the other.
pub const GIFT_BETWEEN_SPOUSES: &str = "gift_between_spouses";
/// The creditor released the mortgage.
pub const RELEASE: &str = "release";
/// The heirs of a spouse.
pub const INHERITANCE: &str = "inheritance";

fn land_law() -> Source {
    memory("Land Law 2024; Decree 101/2024")
}

fn term_law() -> Source {
    memory("Land Law 2024, arts. 171 and 172")
}

/// `certificates` is the record type of certificates.
pub(super) fn parcel(certificates: &str) -> Lifecycle {
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
            "must name the two or more parcels of a split, or the one parcel of a merger",
            land_law(),
            |step| (step.changes("status") && !parcel_names_successors(step.after)).then(never),
        ))
        .across(AcrossRule::new(
            ("AREAS", "area_m2"),
            AREAS,
            code("tolerance of the clean-up campaign"),
            |parcel| texts(parcel, "successors"),
            areas_add_up,
        ))
        .across(AcrossRule::new(
            ("NEW_PARCELS", "successors"),
            NEW_PARCELS,
            assumption(),
            |parcel| texts(parcel, "successors"),
            successors_are_new,
        ))
        .across(
            AcrossRule::new(("CERTIFIED", "status"), CERTIFIED, land_law(), |_| Vec::new(), is_certified_no_more)
                .about(certificates)
                .finding(|parcel| match parcel.text("status") {
                    Some("split" | "merged") => {
                        parcel.text("parcel_id").map(|id| Lookup::Naming(id.into())).into_iter().collect()
                    }
                    _ => Vec::new(),
                }),
        )
        .across(
            AcrossRule::new(
                ("TERM", "uses"),
                FARMLAND_TERM,
                term_law(),
                |_| Vec::new(),
                |before, after, around| {
                    let id = after.text("parcel_id").filter(|_| !before.is_some_and(has_no_term) && has_no_term(after));
                    id.is_none_or(|id| !around.found(&Lookup::Naming(id.to_owned())).iter().any(needs_term))
                },
            )
            .about(certificates)
            .finding(|parcel| {
                let id = parcel.text("parcel_id").filter(|_| has_no_term(parcel));
                id.map(|id| Lookup::Naming(id.into())).into_iter().collect()
            }),
        )
        .unique(UniqueRule::new(
            ("PARCEL_NUMBERED", "parcel_number"),
            ONE_PARCEL,
            code("keys of parcels before their geohash"),
            |parcel| {
                let is_active = parcel.text("status") == Some("active");
                place_on_the_map(parcel).filter(|_| is_active).into_iter().collect()
            },
        ))
}

/// Where a parcel stands in the books: sheet and number within its unit. Where sheets of former units go on, each keeps its numbers.
fn place_on_the_map(parcel: &Object) -> Option<String> {
    let former = ["old_key.commune.unit_code", "old_key.commune.unit_valid_from", "old_key.scale"];
    let [unit, since, sheet, number] =
        ["commune.unit_code", "commune.unit_valid_from", "map_sheet", "parcel_number"].map(|path| parcel.text_at(path));
    let former = former.map(|path| parcel.text_at(path).unwrap_or_default());
    Some([&[unit?, since?, sheet?, number?], &former[..]].concat().join(" "))
}

/// `parcels` is the record type of parcels.
pub(super) fn certificate(parcels: &str) -> Lifecycle {
    let changes =
        || Entries { added: basis(), closing: Vec::new(), closed: basis(), changed: basis(), removed: basis() };
    Lifecycle::default()
        .found_by("parcels")
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
            Entries { added: free(), ..changes() }.closed_by(&["until_date"]),
            land_law(),
        )
        .rule(CrossRule::new("SUCCESSORS", "successors", REPLACED, land_law(), |step| {
            (step.goes("valid", "replaced") && !step.after.contains("successors")).then(never)
        }))
        .rule(CrossRule::new("RESTRICTION_IN_FORCE", "owners", RESTRICTED, land_law(), |step| {
            let bound = restrictions_in_force(step.before, step.today).next().is_some();
            (bound && changes_hands(step.before, step.after, step.reason())).then(never)
        }))
        .rule(CrossRule::new("RESTRICTION_IN_FORCE", "status", REVOKED, land_law(), |step| {
            let bound = restrictions_in_force(step.before, step.today).next().is_some();
            (bound && step.goes("valid", "revoked")).then(|| basis_of(&[COURT_DECISION]))
        }))
        .rule(CrossRule::new("RELEASE", "restrictions", RELEASED, land_law(), release))
        .rule(CrossRule::new(
            "COMMON_PROPERTY",
            "owners",
            COMMON,
            memory("Law on Marriage and Family 2014, art. 35"),
            common_property,
        ))
        .across(
            AcrossRule::new(
                ("PARCELS", "parcels"),
                "must name parcels that the registry has, in the same submission at the latest, and while it is valid such as have not ended",
                assumption(),
                |certificate| texts(certificate, "parcels"),
                parcels_exist,
            )
            .about(parcels),
        )
        .across(
            AcrossRule::new(
                ("TERM", "parcels"),
                FARMLAND_TERM,
                term_law(),
                |certificate| texts(certificate, "parcels"),
                parcels_have_terms,
            )
            .about(parcels),
        )
        .across(AcrossRule::new(
            ("RESTRICTION_IN_FORCE", "successors"),
            "a certificate cannot succeed itself; while a court_freeze or a mortgage is in force, its successors must be in the registry with the same owners and restrictions",
            land_law(),
            |certificate| texts(certificate, "successors"),
            successors_are_theirs,
        ))
        .unique(UniqueRule::new(
            ("PARCEL_CERTIFIED", "parcels"),
            ONE_CERTIFICATE,
            memory("Land Law 2024, art. 135"),
            |certificate| match (certificate.text("status"), certificate.text("legal_form")) {
                // Each co-owner may have a certificate of their own for the same parcel.
                (Some("valid"), form) if form != Some("co_owners") => texts(certificate, "parcels"),
                _ => Vec::new(),
            },
        ))
}

const AREAS: &str = "the areas before and after must agree within 0.5 m²: the same submission has all parcels that end in one another and all that they become";
const CERTIFIED: &str = "a parcel ends with its certificates: whichever is valid is replaced, revoked or changed to name it no more, in the same submission at the latest";
const ONE_PARCEL: &str =
    "a unit has one active parcel of a sheet and number; sheets of former units are told apart by old_key";
const FARMLAND_TERM: &str =
    "farmland has a term of at most 50 years: only a community's certificate names such land without a term";
const NEW_PARCELS: &str = "a parcel ends in parcels that the same submission enters";
const ONE_CERTIFICATE: &str = "a parcel has one valid certificate, unless each of its co-owners has one: replace or revoke the other one first, or in the same submission";
const REPLACED: &str = "a replaced certificate must name its successors";
const RESTRICTED: &str =
    "owners cannot change while a court_freeze or a mortgage is in force: end it in an earlier version";
const REVOKED: &str = "while a court_freeze or a mortgage is in force, only a court revokes the certificate";
const RELEASED: &str = "a court_freeze is ended by a court, and a mortgage by its release";
const COMMON: &str = "one spouse alone cannot transfer common property: where only one of them ceases to be an owner, a contract is not enough";

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

/// A parcel ends with the area that it had, and in others than itself, whose areas are known.
fn areas_add_up(before: Option<&Object>, after: &Object, around: &dyn Around) -> bool {
    let Some(before) = before.filter(|before| before.text("status") != after.text("status")) else { return true };
    let successors = texts(after, "successors");
    if area(before) != area(after) || successors.iter().any(|id| Some(id.as_str()) == after.text("parcel_id")) {
        return false;
    }
    let found: Vec<Object> = successors.iter().filter_map(|id| around.newest(id)).collect();
    let areas: i64 = found.iter().map(area).sum();
    match after.text("status") {
        _ if found.len() < successors.len() => false,
        Some("split") => (areas - area(before)).abs() <= AREA_TOLERANCE,
        Some("merged") => (around.total_of_like(&["status", "successors"], &area) - areas).abs() <= AREA_TOLERANCE,
        _ => true,
    }
}

/// A parcel with a holder of its own cannot be the successor of another one.
fn successors_are_new(before: Option<&Object>, after: &Object, around: &dyn Around) -> bool {
    let ends = before.is_some_and(|before| before.text("status") != after.text("status"));
    let known = before.map(|before| texts(before, "successors")).unwrap_or_default();
    let named = texts(after, "successors").into_iter().filter(|id| ends || !known.contains(id));
    // Another rule refuses a parcel as its own successor.
    let mut others = named.filter(|id| Some(id.as_str()) != after.text("parcel_id") && around.newest(id).is_some());
    others.all(|id| around.is_new(&id))
}

/// No valid certificate names a parcel that has ended with this change.
fn is_certified_no_more(before: Option<&Object>, after: &Object, around: &dyn Around) -> bool {
    let ends = before.is_some_and(|before| before.text("status") != after.text("status"));
    let names_it = |certificate: &Object| {
        certificate.text("status") == Some("valid")
            && texts(certificate, "parcels").iter().any(|id| Some(id.as_str()) == after.text("parcel_id"))
    };
    let id = after.text("parcel_id").filter(|_| ends);
    id.is_none_or(|id| !around.found(&Lookup::Naming(id.to_owned())).iter().any(names_it))
}

/// The restrictions on a change of owner on `today`; `until_date` is a restriction's last day.
fn restrictions_in_force(certificate: &Object, today: Date) -> impl Iterator<Item = &Object> {
    objects(certificate, "restrictions").into_iter().filter(move |restriction| {
        matches!(restriction.text("kind"), Some("court_freeze" | "mortgage"))
            && date_at(restriction, "from_date").is_none_or(|from| from <= today)
            && date_at(restriction, "until_date").is_none_or(|until| today <= until)
    })
}

/// A restriction in force ends, or becomes another, only with the consent of the party that it protects.
fn release(step: &Step<'_>) -> Option<Needs> {
    let after = objects(step.after, "restrictions");
    let ends = |kind: &str| {
        let mut bound = restrictions_in_force(step.before, step.today);
        bound.any(|restriction| restriction.text("kind") == Some(kind) && !after.contains(&restriction))
    };
    let of_mortgage = || basis_of(&[RELEASE, COURT_DECISION, CORRECTION]);
    let of_freeze = ends("court_freeze").then(|| basis_of(&[COURT_DECISION, CORRECTION]));
    of_freeze.or_else(|| ends("mortgage").then(of_mortgage))
}

/// Whether a party is an owner in one version only.
fn changes_hands(before: &Object, after: &Object, reason: Option<&str>) -> bool {
    let (before, after) = (objects(before, "owners"), objects(after, "owners"));
    let stays = |owner: &&&Object| after.iter().any(|next| is_same_party(owner, next, reason));
    let was = |next: &&&Object| before.iter().any(|owner| is_same_party(owner, next, reason));
    before.iter().filter(stays).count() < before.len() || after.iter().filter(was).count() < after.len()
}

/// One spouse leaves and the other stays, or their property is no longer common.
fn common_property(step: &Step<'_>) -> Option<Needs> {
    if step.before.text("legal_form") != Some("couple") {
        return None;
    }
    let after = objects(step.after, "owners");
    let stays = |spouse: &&Object| after.iter().any(|owner| is_same_party(spouse, owner, step.reason()));
    let staying = objects(step.before, "owners").iter().filter(|spouse| stays(spouse)).count();
    let reasons = [PROPERTY_DIVISION, GIFT_BETWEEN_SPOUSES, INHERITANCE, COURT_DECISION, CORRECTION];
    (staying == 1 || staying > 1 && step.changes("legal_form")).then(|| basis_of(&reasons))
}

/// Parcels that a certificate named already are not asked for again.
fn parcels_exist(before: Option<&Object>, after: &Object, around: &dyn Around) -> bool {
    let known = before.map(|before| texts(before, "parcels")).unwrap_or_default();
    let is_valid = after.text("status") == Some("valid");
    let comes_back = is_valid && before.is_some_and(|before| before.text("status") != Some("valid"));
    let named = texts(after, "parcels").into_iter().filter(|id| comes_back || !known.contains(id));
    let stands = |parcel: Object| !is_valid || parcel.text("status") == Some("active");
    named.map(|id| around.newest(&id)).all(|parcel| parcel.is_some_and(stands))
}

/// Whether some farmland of a parcel is used without a term.
fn has_no_term(parcel: &Object) -> bool {
    objects(parcel, "uses")
        .iter()
        .any(|one| one.text("term") == Some(LONG_TERM) && one.text("code").is_some_and(|code| FARMLAND.contains(&code)))
}

/// Whether the owners of a certificate use farmland for a term: all but communities.
fn needs_term(certificate: &Object) -> bool {
    certificate.text("status") == Some("valid") && certificate.text("legal_form") != Some("community")
}

/// What a certificate named already in the same form is not asked for again.
fn parcels_have_terms(before: Option<&Object>, after: &Object, around: &dyn Around) -> bool {
    let known = before.filter(|before| needs_term(before)).map(|before| texts(before, "parcels")).unwrap_or_default();
    let new = texts(after, "parcels").into_iter().filter(|id| !known.contains(id));
    !needs_term(after) || new.filter_map(|id| around.newest(&id)).all(|parcel| !has_no_term(&parcel))
}

/// Successors have the same owners and the same restrictions.
fn successors_are_theirs(before: Option<&Object>, after: &Object, around: &dyn Around) -> bool {
    let Some(before) = before.filter(|before| before.text("status") == Some("valid")) else { return true };
    if after.text("status") != Some("replaced") {
        return true;
    }
    let (today, successors) = (around.today(), texts(after, "successors"));
    let bound: Vec<_> = restrictions_in_force(before, today).collect();
    let goes_on = |next: &Object| {
        let there: Vec<_> = restrictions_in_force(next, today).collect();
        bound.iter().all(|restriction| there.contains(restriction))
    };
    let own = after.text("serial");
    successors.iter().all(|serial| {
        let is_theirs = |next: &Object| !changes_hands(before, next, None) && goes_on(next);
        Some(serial.as_str()) != own && (bound.is_empty() || around.newest(serial).is_some_and(|next| is_theirs(&next)))
    })
}
