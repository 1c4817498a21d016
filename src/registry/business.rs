//! The business registry: enterprises and household businesses (Circular 86/2024/TT-BTC; Decree 168/2025: since July
//! 2025 a household business's code is the representative's personal ID).

use crate::base::time::Date;
use crate::trust::{Object, Value};

use super::common::{ADDRESS, ENTERPRISE_CODE, LINE, STATUS_REASON, TAX_STATUS, not_future};
use super::forms;
use super::rule::{Field, Findings, Rule, date_at};
use super::schema::{Days, RecordType, State, as_written};

const MONEY: Rule = Rule::Form(forms::money, "an amount in đồng, digits only");

/// An enterprise or a branch of one.
pub static ENTERPRISE: RecordType = RecordType {
    name: "business.enterprise.v1",
    registry: "business",
    message: "lienthong.registry.business.v1.Enterprise",
    ordinal: 7,
    natural_key: "enterprise_code",
    key_form: as_written,
    parties: &["representative_id"],
    people: None,
    fields: &[
        Field::required(
            "enterprise_code",
            Rule::Form(forms::enterprise_or_branch_code, "10 digits with check digit, a branch with -001 to -999"),
        ),
        Field::required("name", Rule::Text(300)),
        Field::required(
            "legal_form",
            Rule::OneOf(&[
                "limited_one_member",
                "limited_multi_member",
                "joint_stock",
                "partnership",
                "private",
                "branch",
            ]),
        ),
        Field::required("representative_id", Rule::PersonalId),
        Field::optional("capital", MONEY),
        Field::required("lines", Rule::Set(&LINE, 60)),
        Field::required("address", Rule::Object(ADDRESS)),
        Field::required("tax_status", TAX_STATUS),
        Field::required("registered_on", Rule::Date),
        Field::required("status", Rule::OneOf(&["active", "suspended", "dissolved", "revoked"])),
        STATUS_REASON,
    ],
    check: check_enterprise,
    statuses: &[
        ("active", State::Active),
        ("suspended", State::Suspended),
        ("dissolved", State::Ended),
        ("revoked", State::Ended),
    ],
    days: registered,
};

/// A household business.
pub static HOUSEHOLD: RecordType = RecordType {
    name: "business.household.v1",
    registry: "business",
    message: "lienthong.registry.business.v1.HouseholdBusiness",
    ordinal: 8,
    natural_key: "code",
    key_form: as_written,
    parties: &["representative_id", "members.*"],
    people: None,
    fields: &[
        Field::required("code", Rule::PersonalId),
        Field::optional("old_tax_code", ENTERPRISE_CODE),
        Field::required("name", Rule::Text(300)),
        Field::required("representative_id", Rule::PersonalId),
        Field::optional("members", Rule::Set(&Rule::PersonalId, 40)),
        Field::required("lines", Rule::Set(&LINE, 20)),
        Field::required("address", Rule::Object(ADDRESS)),
        Field::required("tax_status", TAX_STATUS),
        Field::required("registered_on", Rule::Date),
        Field::required("status", Rule::OneOf(&["active", "suspended", "closed"])),
        STATUS_REASON,
    ],
    check: check_household,
    statuses: &[("active", State::Active), ("suspended", State::Suspended), ("closed", State::Ended)],
    days: registered,
};

fn registered(business: &Object) -> Days {
    (date_at(business, "registered_on"), None)
}

fn check_enterprise(enterprise: &Object, today: Date, findings: &mut Findings<'_>) {
    not_future(enterprise, "registered_on", today, findings);
    let (Some(code), Some(form)) = (enterprise.text("enterprise_code"), enterprise.text("legal_form")) else { return };
    let branch = code.contains('-');
    findings.expect(
        branch == (form == "branch"),
        "legal_form",
        "CONFLICT",
        "a branch, and no other, has a branch code",
    );
    let capital = enterprise.contains("capital");
    findings.expect(branch || capital, "capital", "REQUIRED", "of an enterprise");
    findings.expect(!(branch && capital), "capital", "NOT_ALLOWED", "a branch has no capital of its own");
    check_tax_status(enterprise, &["dissolved", "revoked"], findings);
}

fn check_household(business: &Object, today: Date, findings: &mut Findings<'_>) {
    not_future(business, "registered_on", today, findings);
    let representative = business.text("representative_id");
    if let (Some(code), Some(representative)) = (business.text("code"), representative) {
        findings.expect(code == representative, "code", "CONFLICT", "must be the representative's personal ID");
    }
    let members = business.array("members").unwrap_or_default();
    let listed = members.iter().any(|member| representative.is_some() && Value::as_text(member) == representative);
    findings.expect(!listed, "members", "CONFLICT", "are those besides the representative");
    check_tax_status(business, &["closed"], findings);
}

/// A business that has ended has an ended tax code, and only such a one.
fn check_tax_status(business: &Object, ended: &[&str], findings: &mut Findings<'_>) {
    if let (Some(status), Some(tax)) = (business.text("status"), business.text("tax_status")) {
        let fits = ended.contains(&status) == matches!(tax, "01" | "03");
        findings.expect(fits, "tax_status", "CONFLICT", "01 or 03 when the business has ended, and only then");
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
            &ENTERPRISE,
            &enterprise,
            &[
                (&[("enterprise_code", to("0100233489"))], &["enterprise_code FORMAT"]),
                (&[("enterprise_code", to("0100233488-001"))], &["legal_form CONFLICT", "capital NOT_ALLOWED"]),
                (&[("enterprise_code", to("0100233488-001")), ("legal_form", to("branch")), ("capital", None)], &[]),
                (&[("capital", None)], &["capital REQUIRED"]),
                (&[("status", to("dissolved"))], &["tax_status CONFLICT"]),
                (&[("status", to("dissolved")), ("tax_status", to("01")), ("status_reason", to("giải thể"))], &[]),
                (
                    &[("lines", to(vec!["4711", "4711"])), ("tax_status", to("02"))],
                    &["lines[1] DUPLICATE", "tax_status UNKNOWN_VALUE"],
                ),
                (&[("registered_on", to("2027-01-01"))], &["registered_on FUTURE"]),
            ],
        );
        assert_eq!(ENTERPRISE.people_of(&enterprise).len(), 1);
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
            &HOUSEHOLD,
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
        assert_eq!(HOUSEHOLD.people_of(&business).len(), 2);
    }
}
