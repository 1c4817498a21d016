//! The business registry: enterprises and household businesses (Circular 86/2024/TT-BTC; Decree 168/2025: since July
//! 2025 a household business's code is the representative's personal ID).

use std::sync::Arc;

use crate::base::time::Date;
use crate::trust::{Object, Value};

use super::address::{address, check_unit};
use super::basis::{CORRECTION, COURT_DECISION, basis_field};
use super::codes::{self, AsOf, Standing};
use super::common::{
    enterprise_code, line, not_future, old_id_number, passport, status_reason, tax_status, warn_of_child,
};
use super::forms;
use super::lifecycle::{Lifecycle, assumption, basis, basis_of, free, law, memory};
use super::rule::{Field, Findings, Rule, date_at, days_of};
use super::schema::{Days, Heading, KeyForm, Label, Organisations, RecordType, State};
use super::sector::Sector;
use super::viewed::{SubjectKind, Viewed};

/// The registry.
pub const NAME: &str = "business";
/// An enterprise or a branch of one.
pub const ENTERPRISE: &str = "business.enterprise.v1";
/// A household business.
pub const HOUSEHOLD: &str = "business.household.v1";

/// The registry and its record types.
pub(super) fn sector() -> Sector {
    Sector::new(NAME, "finance", 5, [enterprise_type(), household_type()])
}

fn money() -> Rule {
    Rule::form(forms::money, "an amount in đồng, digits only")
}

fn enterprise_type() -> RecordType {
    RecordType {
        name: ENTERPRISE.into(),
        registry: NAME.into(),
        message: Some("lienthong.registry.business.v1.Enterprise".into()),
        ordinal: 7,
        label: Label::new("Doanh nghiệp", "Enterprise"),
        heading: Heading::Business,
        natural_key: "enterprise_code".into(),
        key_form: KeyForm::AsWritten,
        parties: vec!["representative_id".into()],
        organisations: Organisations::at(&["enterprise_code"]).represented_by("representative_id"),
        people: None,
        found_through: None,
        references: Vec::new(),
        viewed: Viewed::at(&["address"]).of(SubjectKind::Organisation),
        document: None,
        facts: Vec::new(),
        fields: vec![
            Field::required(
                "enterprise_code",
                Rule::form(forms::enterprise_or_branch_code, "10 digits with check digit, a branch with -001 to -999"),
            ),
            Field::required("name", Rule::Text(300)),
            Field::required(
                "legal_form",
                Rule::one_of(&[
                    "limited_one_member",
                    "limited_multi_member",
                    "joint_stock",
                    "partnership",
                    "private",
                    "branch",
                    "cooperative",
                    "representative_office",
                ]),
            ),
            Field::optional("representative_id", Rule::PersonalId),
            Field::optional("representative_passport", passport()),
            Field::optional("representative_old_id_number", old_id_number()),
            Field::optional("representative_name", Rule::Name),
            Field::optional("capital", money()),
            Field::required("lines", Rule::set(line(), 60)),
            Field::required("address", Rule::object(address())),
            Field::required("tax_status", tax_status()),
            Field::required("registered_on", Rule::Date),
            Field::required("status", Rule::one_of(&["active", "suspended", "dissolved", "revoked"])),
            status_reason(),
            basis_field(),
        ],
        check: Arc::new(check_enterprise),
        statuses: vec![
            ("active".into(), State::Active),
            ("suspended".into(), State::Suspended),
            ("dissolved".into(), State::Ended),
            ("revoked".into(), State::Ended),
        ],
        lifecycle: enterprise_lifecycle(),
        days: Arc::new(registered),
    }
}

/// The decision that revoked a registration was withdrawn.
pub const RESTORED: &str = "restored";
/// A household business that was closed is registered anew, under its representative's number again.
pub const REGISTERED_ANEW: &str = "registered_anew";

fn enterprise_lifecycle() -> Lifecycle {
    let enterprises = || memory("Law 59/2020 on Enterprises, arts. 206 to 212");
    with_tax_states(Lifecycle::default(), &[RESTORED, COURT_DECISION])
        .states(
            "status",
            enterprises(),
            [
                ("active", "suspended", free(), enterprises()),
                ("suspended", "active", free(), enterprises()),
                ("active", "dissolved", basis(), enterprises()),
                ("suspended", "dissolved", basis(), enterprises()),
                ("active", "revoked", basis(), enterprises()),
                ("suspended", "revoked", basis(), enterprises()),
                ("revoked", "active", basis_of(&[RESTORED, COURT_DECISION]), memory("Decree 168/2025")),
                ("revoked", "dissolved", basis(), enterprises()),
            ],
        )
        .fields([("legal_form", basis(), enterprises()), ("registered_on", basis_of(&[CORRECTION]), assumption())])
}

fn household_lifecycle() -> Lifecycle {
    let households = || memory("Decree 168/2025");
    with_tax_states(Lifecycle::default(), &[REGISTERED_ANEW, COURT_DECISION])
        .states(
            "status",
            households(),
            [
                ("active", "suspended", free(), households()),
                ("suspended", "active", free(), households()),
                ("active", "closed", free(), households()),
                ("suspended", "closed", free(), households()),
                ("closed", "active", basis_of(&[REGISTERED_ANEW, COURT_DECISION]), law("Decree 168/2025, art. 91")),
            ],
        )
        .fields([("registered_on", basis_of(&[REGISTERED_ANEW, CORRECTION]), assumption())])
        .fields_once_known([("old_tax_code", basis_of(&[CORRECTION]), assumption())])
}

/// Tax states of a business that has not ended.
const GOING_ON: [&str; 8] = ["00", "02", "04", "05", "06", "07", "09", "10"];

/// Tax states. Until a business ends, each state may follow each other one, except 04 and 10, which a tax code leaves once it is complete.
/// 03 is ceased and not yet closed, 01 ceased and closed; an ended code is active again for one of the reasons `back`.
fn with_tax_states(lifecycle: Lifecycle, back: &[&str]) -> Lifecycle {
    let codes = || law("Circular 86/2024");
    let mut rows = Vec::new();
    for from in GOING_ON {
        let on = GOING_ON.into_iter().filter(|to| *to != from && !matches!(*to, "04" | "10"));
        let is_read = |code: &str| matches!(code, "00" | "01" | "03" | "05" | "06");
        let source = |to| if is_read(from) && is_read(to) { codes() } else { assumption() };
        rows.extend(on.chain(["03", "01"]).map(|to| (from, to, free(), source(to))));
    }
    rows.push(("03", "01", free(), codes()));
    rows.extend(["03", "01"].map(|from| (from, "00", basis_of(back), memory("Circular 86/2024"))));
    lifecycle.states("tax_status", codes(), rows)
}

fn household_type() -> RecordType {
    RecordType {
        name: HOUSEHOLD.into(),
        registry: NAME.into(),
        message: Some("lienthong.registry.business.v1.HouseholdBusiness".into()),
        ordinal: 8,
        label: Label::new("Hộ kinh doanh", "Household business"),
        heading: Heading::Business,
        natural_key: "code".into(),
        key_form: KeyForm::AsWritten,
        parties: vec!["representative_id".into(), "members.*".into()],
        organisations: Organisations::default(),
        people: None,
        found_through: None,
        references: Vec::new(),
        viewed: Viewed::at(&["address"]),
        document: None,
        facts: Vec::new(),
        fields: vec![
            Field::required("code", Rule::PersonalId),
            Field::optional("old_tax_code", enterprise_code()),
            Field::required("name", Rule::Text(300)),
            Field::required("representative_id", Rule::PersonalId),
            Field::optional("members", Rule::set(Rule::PersonalId, 40)),
            Field::required("lines", Rule::set(line(), 20)),
            Field::required("address", Rule::object(address())),
            Field::required("tax_status", tax_status()),
            Field::required("registered_on", Rule::Date),
            Field::required("status", Rule::one_of(&["active", "suspended", "closed"])),
            status_reason(),
            basis_field(),
        ],
        check: Arc::new(check_household),
        statuses: vec![
            ("active".into(), State::Active),
            ("suspended".into(), State::Suspended),
            ("closed".into(), State::Ended),
        ],
        lifecycle: household_lifecycle(),
        days: Arc::new(registered),
    }
}

fn registered(business: &Object) -> Days {
    (date_at(business, "registered_on"), None)
}

/// A representative is known by personal ID, or by passport or old identity number and name.
fn check_representative(enterprise: &Object, today: Date, findings: &mut Findings<'_>) {
    let id = enterprise.contains("representative_id");
    let others = ["representative_passport", "representative_old_id_number"];
    let other = others.iter().any(|paper| enterprise.contains(paper));
    findings.expect(
        id || other,
        "representative_id",
        "REQUIRED",
        "the representative's personal ID, passport or old identity number is required",
    );
    for paper in others {
        let alone = !(id && enterprise.contains(paper));
        findings.expect(alone, paper, "NOT_ALLOWED", "is only for a representative without personal ID");
    }
    let named = !other || enterprise.contains("representative_name");
    let says = "is required of a representative without personal ID";
    findings.expect(named, "representative_name", "REQUIRED", says);
    let day = date_at(enterprise, "registered_on").unwrap_or(today);
    warn_of_child(enterprise.text("representative_id"), "representative_id", day, findings);
}

fn check_enterprise(enterprise: &Object, today: Date, findings: &mut Findings<'_>) {
    check_representative(enterprise, today, findings);
    not_future(enterprise, "registered_on", today, findings);
    check_address(enterprise, &["dissolved", "revoked"], today, findings);
    check_divisions(enterprise, today, findings);
    let (Some(code), Some(form)) = (enterprise.text("enterprise_code"), enterprise.text("legal_form")) else { return };
    let branch = code.contains('-');
    findings.expect(
        branch == matches!(form, "branch" | "representative_office"),
        "legal_form",
        "CONFLICT",
        "must be branch or representative_office where enterprise_code is a branch code, and only there",
    );
    let capital = enterprise.contains("capital");
    findings.expect(branch || capital, "capital", "REQUIRED", "is required of an enterprise");
    findings.expect(!(branch && capital), "capital", "NOT_ALLOWED", "a branch has no capital of its own");
    check_tax_status(enterprise, &["dissolved", "revoked"], findings);
}

fn check_household(business: &Object, today: Date, findings: &mut Findings<'_>) {
    check_address(business, &["closed"], today, findings);
    check_divisions(business, today, findings);
    not_future(business, "registered_on", today, findings);
    let representative = business.text("representative_id");
    if let (Some(code), Some(representative)) = (business.text("code"), representative) {
        findings.expect(code == representative, "code", "CONFLICT", "must be the representative's personal ID");
    }
    let day = date_at(business, "registered_on").unwrap_or(today);
    warn_of_child(representative, "representative_id", day, findings);
    let members = business.array("members").unwrap_or_default();
    let listed = members.iter().any(|member| representative.is_some() && Value::as_text(member) == representative);
    findings.expect(!listed, "members", "CONFLICT", "must not list the representative again");
    check_tax_status(business, &["closed"], findings);
}

/// The address of a business lies in a unit that exists, unless the business has ended.
fn check_address(business: &Object, ended: &[&str], today: Date, findings: &mut Findings<'_>) {
    let has_ended = business.text("status").is_some_and(|status| ended.contains(&status));
    check_unit(business, "address", if has_ended { &AsOf::Ever } else { &AsOf::Today }, today, findings);
}

/// The first two digits of a line are a division that was in force since the registration: VSIC 2025 has fewer than VSIC 2018.
fn check_divisions(business: &Object, today: Date, findings: &mut Findings<'_>) {
    let Some(divisions) = codes::list("business_divisions") else { return };
    let (first, last) = days_of(&AsOf::Since("registered_on".into()), business, today);
    // A line that has ended is refused by its own rule.
    let has_ended = |line: &str| {
        let lines = codes::list("business_lines");
        lines.is_some_and(|lines| matches!(lines.standing(line, first, last), Standing::OtherDays(_)))
    };
    for (at, line) in business.array("lines").unwrap_or_default().iter().enumerate() {
        let Some(division) = line.as_text().filter(|line| forms::business_line(line)).map(|line| &line[..2]) else {
            continue;
        };
        match divisions.standing(division, first, last) {
            Standing::OtherDays(_) if !line.as_text().is_some_and(has_ended) => {
                let says = "its division may not be used on the day that the record refers to";
                findings.add(format_args!("lines[{at}]"), "NOT_IN_FORCE", says);
            }
            Standing::Known(_) | Standing::OtherDays(_) => {}
            Standing::Unknown => {
                let says = "must begin with a division of VSIC (RegistryService/ListCodes, list business_divisions)";
                findings.add(format_args!("lines[{at}]"), "UNKNOWN_VALUE", says);
            }
        }
    }
}

/// A business that has ended has an ended tax code, and no other business has one.
fn check_tax_status(business: &Object, ended: &[&str], findings: &mut Findings<'_>) {
    if let (Some(status), Some(tax)) = (business.text("status"), business.text("tax_status")) {
        let fits = ended.contains(&status) == matches!(tax, "01" | "03");
        findings.expect(fits, "tax_status", "CONFLICT", "must be 01 or 03 if the business has ended, and only then");
        let trades = tax != "00" || status == "active" || ended.contains(&status);
        findings.expect(trades, "tax_status", "CONFLICT", "00 is for a business that operates: a suspended one has 05");
    }
}

#[cfg(test)]
mod tests {
    use super::super::common::testing::{address, check_changes, to};
    use super::*;

    #[test]
    fn enterprises_keep_their_rules() {
        let enterprise = Object::new()
            .with("enterprise_code", "0100233488")
            .with("name", "Công ty cổ phần Hồng Lĩnh")
            .with("legal_form", "joint_stock")
            .with("representative_id", "042086990020")
            .with("capital", "5000000000")
            .with("lines", vec!["4711", "56101"])
            .with("address", address())
            .with("tax_status", "00")
            .with("registered_on", "2015-09-01")
            .with("status", "active");
        check_changes(
            &enterprise_type(),
            &enterprise,
            &[
                (&[("enterprise_code", to("0100233489"))], &["enterprise_code FORMAT"]),
                (&[("enterprise_code", to("0100233488-001"))], &["legal_form CONFLICT", "capital NOT_ALLOWED"]),
                (&[("enterprise_code", to("0100233488-001")), ("legal_form", to("branch")), ("capital", None)], &[]),
                (&[("capital", None)], &["capital REQUIRED"]),
                (&[("status", to("dissolved"))], &["tax_status CONFLICT"]),
                (&[("status", to("suspended"))], &["tax_status CONFLICT"]),
                (&[("status", to("suspended")), ("tax_status", to("05"))], &[]),
                (&[("status", to("dissolved")), ("tax_status", to("01")), ("status_reason", to("giải thể"))], &[]),
                (
                    &[("lines", to(vec!["4711", "4711"])), ("tax_status", to("08"))],
                    &["lines[1] DUPLICATE", "tax_status UNKNOWN_VALUE"],
                ),
                (&[("registered_on", to("2027-01-01"))], &["registered_on FUTURE"]),
                (&[("lines", to(vec!["4542", "4511"])), ("registered_on", to("2025-11-14"))], &[]),
                (
                    &[("lines", to(vec!["4542", "4511"])), ("registered_on", to("2025-11-15"))],
                    &["lines[0] NOT_IN_FORCE", "lines[1] NOT_IN_FORCE"],
                ),
            ],
        );
        assert_eq!(enterprise_type().people_of(&enterprise).len(), 1);
    }

    #[test]
    fn household_businesses_keep_their_rules() {
        let business = Object::new()
            .with("code", "042086990020")
            .with("old_tax_code", "0314409058")
            .with("name", "Tạp hoá Bình An")
            .with("representative_id", "042086990020")
            .with("members", vec!["042185990002"])
            .with("lines", vec!["4711"])
            .with("address", address())
            .with("tax_status", "00")
            .with("registered_on", "2019-01-15")
            .with("status", "active");
        check_changes(
            &household_type(),
            &business,
            &[
                (&[("code", to("042086990021"))], &["code CONFLICT"]),
                (&[("members", to(vec!["042086990020"]))], &["members CONFLICT"]),
                (&[("tax_status", to("01"))], &["tax_status CONFLICT"]),
                (&[("tax_status", to("06"))], &[]),
                (&[("old_tax_code", to("3000000000"))], &["old_tax_code FORMAT"]),
                (
                    &[("address.unit_code", None), ("colour", to("x"))],
                    &["address.unit_code REQUIRED", "colour UNKNOWN_FIELD"],
                ),
            ],
        );
        assert_eq!(household_type().people_of(&business).len(), 2);
    }
}
