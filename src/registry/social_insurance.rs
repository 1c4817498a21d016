//! The social-insurance registry: memberships with their periods of contribution (letter 1804/BHXH-QLT: the personal ID
//! replaces the social-insurance code since August 2025).

use crate::base::time::Date;
use crate::trust::{Object, Value};

use super::common::{STATUS_REASON, findings_at};
use super::forms;
use super::rule::{Field, Findings, Rule};
use super::schema::{RecordType, State, always, as_written};

/// A membership.
pub static MEMBERSHIP: RecordType = RecordType {
    name: "social_insurance.membership.v1",
    registry: "social_insurance",
    message: "lienthong.registry.social_insurance.v1.Membership",
    ordinal: 5,
    natural_key: "personal_id",
    key_form: as_written,
    parties: &[],
    people: None,
    fields: &[
        Field::required("personal_id", Rule::PersonalId),
        Field::optional("bhxh_code", Rule::Form(forms::bhxh_code, "a social-insurance code, 10 digits")),
        Field::optional(
            "periods",
            Rule::List(
                &Rule::Object(&[
                    Field::optional(
                        "unit_code",
                        Rule::Form(forms::employer_code, "2 to 20 capital letters and digits"),
                    ),
                    Field::optional("unit_name", Rule::Text(200)),
                    Field::required("from_month", Rule::Month),
                    Field::optional("to_month", Rule::Month),
                    Field::required("base", Rule::Form(forms::money, "an amount in đồng, digits only")),
                    Field::required("kind", Rule::OneOf(&["compulsory", "voluntary", "unemployment"])),
                ]),
                200,
            ),
        ),
        Field::required("status", Rule::OneOf(&["active", "preserved", "retired", "closed"])),
        STATUS_REASON,
    ],
    check: check_membership,
    statuses: &[
        ("active", State::Active),
        ("preserved", State::Active),
        ("retired", State::Active),
        ("closed", State::Ended),
    ],
    days: always,
};

/// Later than every month.
const OPEN: &str = "9999-12";

fn check_membership(membership: &Object, today: Date, findings: &mut Findings<'_>) {
    let this_month = format!("{:04}-{:02}", today.year(), today.month());
    let periods: Vec<&Object> =
        membership.array("periods").unwrap_or_default().iter().filter_map(Value::as_object).collect();
    for (at, period) in periods.iter().enumerate() {
        let path = format!("periods[{at}]");
        check_period(period, &path, &this_month, findings);
        let overlaps = periods[..at].iter().any(|other| overlap(period, other));
        findings_at(!overlaps, &path, "from_month", "OVERLAP", "overlaps another period of this fund", findings);
    }
}

fn check_period(period: &Object, path: &str, this_month: &str, findings: &mut Findings<'_>) {
    // Months of one form compare as texts.
    let (from, to) = (period.text("from_month").unwrap_or_default(), period.text("to_month").unwrap_or(OPEN));
    findings_at(from <= to, path, "to_month", "ORDER", "may not be before from_month", findings);
    findings_at(from <= this_month, path, "from_month", "FUTURE", "may not lie in the future", findings);
    let employed = period.contains("unit_code") && period.contains("unit_name");
    let alone = !period.contains("unit_code") && !period.contains("unit_name");
    match period.text("kind") {
        Some("voluntary") => {
            findings_at(alone, path, "unit_code", "NOT_ALLOWED", "voluntary members have no employer", findings);
        }
        Some("compulsory" | "unemployment") => {
            findings_at(employed, path, "unit_code", "REQUIRED", "with unit_name, of the employer", findings);
        }
        _ => {}
    }
}

fn overlap(one: &Object, other: &Object) -> bool {
    let months = |period: &'_ Object| -> Option<(String, String)> {
        Some((period.text("from_month")?.to_owned(), period.text("to_month").unwrap_or(OPEN).to_owned()))
    };
    let (Some((from, to)), Some((other_from, other_to))) = (months(one), months(other)) else { return false };
    one.text("kind") == other.text("kind") && from <= other_to && other_from <= to
}

#[cfg(test)]
mod tests {
    use super::super::common::testing::{check_changes, to};
    use super::*;

    #[test]
    fn memberships_keep_their_rules() {
        let period = |from: &str, to: Option<&str>, kind: &str| {
            Object::new()
                .with("unit_code", "0123456789DNA03")
                .with("unit_name", "Công ty TNHH An Phú")
                .with("from_month", from)
                .with_optional("to_month", to)
                .with("base", "5310000")
                .with("kind", kind)
        };
        let membership = Object::new()
            .with("personal_id", "042185990002")
            .with("bhxh_code", "4212345678")
            .with(
                "periods",
                vec![
                    period("2010-01", Some("2015-06"), "compulsory"),
                    period("2015-07", None, "compulsory"),
                    period("2015-07", None, "unemployment"),
                ],
            )
            .with("status", "active");
        check_changes(
            &MEMBERSHIP,
            &membership,
            &[
                (&[("periods", None), ("status", to("preserved"))], &[]),
                (&[("periods.1.from_month", to("2015-06"))], &["periods[1].from_month OVERLAP"]),
                (&[("periods.2.kind", to("compulsory"))], &["periods[2].from_month OVERLAP"]),
                (&[("periods.0.to_month", to("2009-12"))], &["periods[0].to_month ORDER"]),
                (&[("periods.1.from_month", to("2026-12"))], &["periods[1].from_month FUTURE"]),
                (&[("periods.2.kind", to("voluntary"))], &["periods[2].unit_code NOT_ALLOWED"]),
                (&[("periods.2.unit_code", None)], &["periods[2].unit_code REQUIRED"]),
                (
                    &[("periods.0.from_month", to("2010-01-01")), ("periods.0.base", to("5.3"))],
                    &["periods[0].from_month FORMAT", "periods[0].base FORMAT"],
                ),
            ],
        );
        assert_eq!(MEMBERSHIP.people_of(&membership).len(), 1);
    }
}
