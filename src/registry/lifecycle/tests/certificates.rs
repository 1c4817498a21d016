//! Certificates and parcels of land: how they change hands, and how they end.

use super::*;

/// A certificate of these owners, with a restriction of this kind until this day.
fn certificate(form: &str, owners: &[(&str, &str)], restriction: Option<(&str, Option<&str>)>) -> Object {
    let owners: Vec<Object> = owners.iter().map(|(id, name)| party(Some(id), name)).collect();
    let restrictions = restriction.map(|(kind, until)| {
        vec![Object::new().with("kind", kind).with("from_date", "2026-03-01").with_optional("until_date", until)]
    });
    let certificate = Object::new().with("status", "valid").with("legal_form", form).with("owners", owners);
    certificate.with_optional("restrictions", restrictions)
}

#[test]
fn land_changes_hands_while_nothing_stands_against_it() {
    let own = |restriction| certificate("individual", &[(AN, "Lê An")], restriction);
    let sold = |restriction| because("sale", &certificate("individual", &[(BINH, "Trần Mai")], restriction));
    let couple = || certificate("couple", &[(AN, "Lê An"), (BINH, "Trần Mai")], None);
    let alone = |reason| because(reason, &certificate("individual", &[(AN, "Lê An")], None));
    let case =
        |before: Object, after: Object, expected: &'static [&'static str]| (land::CERTIFICATE, before, after, expected);
    let bound: &[&str] = &["owners RESTRICTION_IN_FORCE"];
    let lifted: &[&str] = &["owners RESTRICTION_IN_FORCE", "restrictions RELEASE"];
    let revoked = |restriction| own(restriction).with("status", "revoked");
    hold(&[
        case(own(None), sold(None), &[]),
        case(own(Some(("planning", None))), sold(Some(("planning", None))), &[]),
        case(own(Some(("mortgage", None))), sold(Some(("mortgage", None))), bound),
        // lifted and sold in one version: one basis cannot speak for both
        case(own(Some(("court_freeze", None))), sold(None), lifted),
        case(own(Some(("court_freeze", Some("2026-11-22")))), sold(None), lifted),
        case(own(Some(("court_freeze", Some("2026-11-21")))), sold(Some(("court_freeze", Some("2026-11-21")))), &[]),
        case(
            own(Some(("mortgage", None))),
            own(Some(("mortgage", Some("2026-11-21")))),
            &["restrictions[0] BASIS_REQUIRED", "restrictions RELEASE"],
        ),
        case(own(Some(("court_freeze", None))), because("contract", &own(None)), &["restrictions RELEASE"]),
        case(own(Some(("court_freeze", None))), because("release", &own(None)), &["restrictions RELEASE"]),
        case(
            own(Some(("court_freeze", None))),
            because("release", &own(Some(("court_freeze", Some("2026-11-21"))))),
            &["restrictions RELEASE"],
        ),
        case(own(Some(("court_freeze", None))), because("court_decision", &own(None)), &[]),
        case(own(Some(("mortgage", None))), because("contract", &own(None)), &["restrictions RELEASE"]),
        case(
            own(Some(("mortgage", None))),
            because("decision", &revoked(Some(("mortgage", None)))),
            &["status RESTRICTION_IN_FORCE"],
        ),
        case(own(Some(("mortgage", None))), because("court_decision", &revoked(Some(("mortgage", None)))), &[]),
        case(own(None), because("decision", &revoked(None)), &[]),
        case(own(Some(("mortgage", None))), because("release", &own(None)), &[]),
        // another person because of the name
        case(
            own(Some(("court_freeze", None))),
            because(
                "x",
                &certificate("individual", &[], Some(("court_freeze", None)))
                    .with("owners", vec![party(None, "Lê An")]),
            ),
            bound,
        ),
        case(
            own(Some(("mortgage", None))),
            because("id_re_established", &certificate("individual", &[(BINH, "Lê An")], Some(("mortgage", None)))),
            &[],
        ),
        case(couple(), because("sale", &couple().with("legal_form", "co_owners")), &["owners COMMON_PROPERTY"]),
        case(couple(), alone("sale"), &["owners COMMON_PROPERTY"]),
        case(couple(), alone("property_division"), &[]),
        case(couple(), sold(None), &["owners COMMON_PROPERTY"]),
        case(couple(), because("sale", &certificate("individual", &[("042090990003", "Võ Tâm")], None)), &[]),
        case(own(None), because("renewal", &own(None).with("status", "replaced")), &["successors SUCCESSORS"]),
        case(
            own(None),
            because("renewal", &own(None).with("status", "replaced").with("successors", vec!["AA 12345678"])),
            &[],
        ),
    ]);
}

#[test]
fn parcels_end_in_named_successors() {
    let ended = |status: &str, successors: &[&str]| {
        let parcel = Object::new().with("status", status);
        because("division", &parcel.with_optional("successors", (!successors.is_empty()).then(|| successors.to_vec())))
    };
    let case = |status, successors: &[&str], expected: &'static [&'static str]| {
        (land::PARCEL, Object::new().with("status", "active"), ended(status, successors), expected)
    };
    hold(&[
        case("split", &[], &["successors SUCCESSORS"]),
        case("split", &["a"], &["successors SUCCESSORS"]),
        case("split", &["a", "b"], &[]),
        case("merged", &["a"], &[]),
        case("merged", &["a", "b"], &["successors SUCCESSORS"]),
    ]);
}
