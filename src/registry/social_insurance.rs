//! The social-insurance registry: memberships with their periods of contribution (letter 1804/BHXH-QLT: the personal ID
//! replaces the social-insurance code since August 2025).

use std::sync::Arc;

use crate::base::PartialDate;
use crate::base::time::Date;
use crate::trust::{Object, Value};

use super::basis::{CORRECTION, COURT_DECISION, ENTRY_ANNULLED, basis_field};
use super::common::{findings_at, status_reason};
use super::forms;
use super::lifecycle::{Entries, Lifecycle, assumption, basis, basis_of, free, memory};
use super::rule::{Field, Findings, Rule};
use super::schema::{Heading, KeyForm, Label, Organisations, RecordType, State, always};
use super::sector::Sector;
use super::viewed::Viewed;

/// The registry.
pub const NAME: &str = "social_insurance";
/// A membership.
pub const MEMBERSHIP: &str = "social_insurance.membership.v1";

/// The registry and its record types.
pub(super) fn sector() -> Sector {
    Sector::new(NAME, "social-insurance", 3, [membership_type()])
}

fn membership_type() -> RecordType {
    RecordType {
        name: MEMBERSHIP.into(),
        registry: NAME.into(),
        message: Some("lienthong.registry.social_insurance.v1.Membership".into()),
        ordinal: 5,
        label: Label::new("Quá trình tham gia bảo hiểm xã hội", "Social insurance membership"),
        heading: Heading::Insurance,
        natural_key: "personal_id".into(),
        key_form: KeyForm::AsWritten,
        parties: vec![],
        organisations: Organisations::default(),
        people: None,
        found_through: None,
        references: Vec::new(),
        viewed: Viewed::default(),
        document: None,
        facts: Vec::new(),
        fields: vec![
            Field::required("personal_id", Rule::PersonalId),
            Field::optional("bhxh_code", Rule::form(forms::bhxh_code, "a social-insurance code of 10 digits")),
            Field::optional(
                "periods",
                Rule::list(
                    Rule::object([
                        Field::optional(
                            "unit_code",
                            Rule::form(forms::employer_code, "2 to 20 capital letters and digits"),
                        ),
                        Field::optional("unit_name", Rule::Text(200)),
                        Field::required("from_month", Rule::Month),
                        Field::optional("to_month", Rule::Month),
                        Field::required("base", Rule::form(forms::money, "an amount in đồng, digits only")),
                        Field::required("kind", Rule::one_of(&["compulsory", "voluntary", "unemployment"])),
                        Field::optional("position", Rule::one_of(&["official", "public_employee", "employee"])),
                    ]),
                    200,
                ),
            ),
            Field::required("status", Rule::one_of(&["active", "preserved", "retired", "closed"])),
            status_reason(),
            basis_field(),
        ],
        check: Arc::new(check_membership),
        statuses: vec![
            ("active".into(), State::Active),
            ("preserved".into(), State::Active),
            ("retired".into(), State::Active),
            ("closed".into(), State::Ended),
        ],
        lifecycle: membership_lifecycle(),
        days: Arc::new(always),
    }
}

fn membership_lifecycle() -> Lifecycle {
    let insurance = || memory("Law 41/2024 on Social Insurance");
    let undone = || basis_of(&[COURT_DECISION, ENTRY_ANNULLED, CORRECTION]);
    Lifecycle::default()
        .states(
            "status",
            insurance(),
            [
                ("active", "preserved", free(), insurance()),
                ("preserved", "active", free(), insurance()),
                ("active", "retired", basis(), insurance()),
                ("preserved", "retired", basis(), insurance()),
                ("retired", "active", basis(), assumption()),
                ("retired", "preserved", basis(), assumption()),
                ("active", "closed", basis(), insurance()),
                ("preserved", "closed", basis(), insurance()),
                ("retired", "closed", basis(), insurance()),
                ("closed", "active", undone(), assumption()),
                ("closed", "preserved", undone(), assumption()),
                ("closed", "retired", undone(), assumption()),
            ],
        )
        .fields_once_known([("bhxh_code", basis_of(&[CORRECTION]), assumption())])
        .list(
            "periods",
            &["kind", "from_month"],
            Entries { changed: basis(), removed: basis_of(&[CORRECTION]), ..Entries::free() }.closed_by(&["to_month"]),
            memory("Law 41/2024 on Social Insurance"),
        )
}

/// Later than every month.
const OPEN: &str = "9999-12";

/// A period with its months, counted from year 0; without an end where it is open.
struct Span<'a> {
    period: &'a Object,
    kind: Option<&'a str>,
    months: Option<(i32, i32)>,
}

impl<'a> Span<'a> {
    fn of(period: &'a Object) -> Self {
        let month = |field: &str| {
            let month = PartialDate::parse(period.text(field)?)?;
            Some(i32::from(month.year) * 12 + i32::from(month.month?))
        };
        let months = month("from_month").map(|from| (from, month("to_month").unwrap_or(i32::MAX - 1)));
        Self { period, kind: period.text("kind"), months }
    }

    fn is_of_pension(&self) -> bool {
        matches!(self.kind, Some("compulsory" | "voluntary"))
    }

    fn is_of_officials(&self) -> bool {
        self.period.text("position") == Some("official")
    }

    fn is_open(&self) -> bool {
        !self.period.contains("to_month")
    }

    fn shares_a_month(&self, other: &Self) -> bool {
        let months = self.months.zip(other.months);
        months.is_some_and(|((from, to), (other_from, other_to))| from <= other_to && other_from <= to)
    }
}

fn check_membership(membership: &Object, today: Date, findings: &mut Findings<'_>) {
    let this_month = format!("{:04}-{:02}", today.year(), today.month());
    let periods = membership.array("periods").unwrap_or_default().iter().filter_map(Value::as_object);
    let spans: Vec<Span<'_>> = periods.map(Span::of).collect();
    let compulsory = spans.iter().filter(|span| span.kind == Some("compulsory"));
    let mut covering: Vec<(i32, i32)> = compulsory.filter_map(|span| span.months).collect();
    covering.sort_unstable();
    for (at, span) in spans.iter().enumerate() {
        let path = format!("periods[{at}]");
        check_period(span.period, &path, &this_month, findings);
        let shared = || spans[..at].iter().filter(|other| span.shares_a_month(other));
        let overlaps = shared().any(|other| other.kind == span.kind);
        findings_at(!overlaps, &path, "from_month", "OVERLAP", "overlaps another period of this fund", findings);
        let both = span.is_of_pension() && shared().any(|other| other.is_of_pension() && other.kind != span.kind);
        let says = "compulsory and voluntary insurance are never paid for the same month";
        findings_at(!both, &path, "from_month", "OVERLAP", says, findings);
        if span.kind == Some("unemployment") {
            let says = "unemployment insurance is for months of compulsory insurance";
            findings_at(is_covered(span, &covering), &path, "from_month", "CONFLICT", says, findings);
            let of_officials = spans.iter().any(|other| other.is_of_officials() && span.shares_a_month(other));
            let says = "officials have no unemployment insurance (Law on Employment)";
            findings_at(!of_officials, &path, "kind", "NOT_ALLOWED", says, findings);
        }
    }
    check_status(membership, &spans, findings);
}

/// A membership is active exactly while a period is open: contributions are paid every month. Where the periods are in files that are not
/// entered yet, its status is the one that the agency gives.
fn check_status(membership: &Object, periods: &[Span<'_>], findings: &mut Findings<'_>) {
    let Some(status) = membership.text("status").filter(|_| !periods.is_empty()) else { return };
    let pays = periods.iter().any(|period| period.is_of_pension() && period.is_open());
    findings.expect(
        pays == (status == "active"),
        "status",
        "CONFLICT",
        "must be active if a period of compulsory or voluntary insurance is open, and only then",
    );
}

/// Whether the months of a period are months of compulsory insurance, at one employer or at several in turn. `compulsory` is in order.
fn is_covered(period: &Span<'_>, compulsory: &[(i32, i32)]) -> bool {
    let Some((mut from, to)) = period.months else { return true };
    for (first, last) in compulsory {
        if *first <= from && from <= *last {
            if *last >= to {
                return true;
            }
            from = last + 1;
        }
    }
    false
}

/// The first month of voluntary insurance (Law 71/2006).
const VOLUNTARY_SINCE: &str = "2008-01";

/// The general minimum wage, base salary or reference level, đồng a month, from which month on.
const REFERENCES: [(&str, i64); 20] = [
    ("1993-04", 120_000),
    ("1997-01", 144_000),
    ("2000-01", 180_000),
    ("2001-01", 210_000),
    ("2003-01", 290_000),
    ("2005-10", 350_000),
    ("2006-10", 450_000),
    ("2008-01", 540_000),
    ("2009-05", 650_000),
    ("2010-05", 730_000),
    ("2011-05", 830_000),
    ("2012-05", 1_050_000),
    ("2013-07", 1_150_000),
    ("2016-05", 1_210_000),
    ("2017-07", 1_300_000),
    ("2018-07", 1_390_000),
    ("2019-07", 1_490_000),
    ("2023-07", 1_800_000),
    ("2024-07", 2_340_000),
    ("2026-07", 2_530_000),
];
/// The base of contributions is at most 20 times that since then.
const CEILING_SINCE: &str = "2007-01";
/// The rural poverty line, the least base of voluntary contributions: the lowest value it ever had.
const POVERTY_LINE: i64 = 200_000;

/// The minimum wage, base salary or reference level of a month, in đồng.
pub fn reference(month: &str) -> Option<i64> {
    REFERENCES.iter().rev().find(|(from, _)| *from <= month).map(|(_, amount)| *amount)
}

/// The highest base of a month.
fn ceiling(month: &str) -> Option<i64> {
    reference(month).filter(|_| month >= CEILING_SINCE).map(|reference| 20 * reference)
}

/// A base is a possible wage: at least the minimum of the first month, at most the ceiling of the last one.
fn check_base(period: &Object, path: &str, this_month: &str, findings: &mut Findings<'_>) {
    let Some(base) = period.text("base").filter(|text| forms::money(text)).and_then(|text| text.parse::<i64>().ok())
    else {
        return;
    };
    let (from, to) = (period.text("from_month").unwrap_or_default(), period.text("to_month").unwrap_or(this_month));
    let least = match period.text("kind") {
        Some("voluntary") => Some(POVERTY_LINE),
        _ => reference(from),
    };
    let most = ceiling(to);
    let fits = least.is_none_or(|least| base >= least) && most.is_none_or(|most| base <= most);
    let says = "must be at least the minimum wage of its first month, and at most 20 times the reference level of its last one";
    findings_at(fits, path, "base", "OUT_OF_RANGE", says, findings);
}

fn check_period(period: &Object, path: &str, this_month: &str, findings: &mut Findings<'_>) {
    // Months of one form compare as texts.
    let (from, to) = (period.text("from_month").unwrap_or_default(), period.text("to_month").unwrap_or(OPEN));
    findings_at(from <= to, path, "to_month", "ORDER", "must not be before from_month", findings);
    findings_at(from <= this_month, path, "from_month", "FUTURE", "must not be in the future", findings);
    check_base(period, path, this_month, findings);
    let voluntary_yet = period.text("kind") != Some("voluntary") || from >= VOLUNTARY_SINCE;
    findings_at(
        voluntary_yet,
        path,
        "from_month",
        "NOT_IN_FORCE",
        "there is voluntary insurance since 2008 only",
        findings,
    );
    findings_at(to == OPEN || to <= this_month, path, "to_month", "FUTURE", "must not be in the future", findings);
    let employed = period.contains("unit_code") && period.contains("unit_name");
    let alone = !period.contains("unit_code") && !period.contains("unit_name");
    match period.text("kind") {
        Some("voluntary") => {
            let says = "voluntary members have no position";
            findings_at(!period.contains("position"), path, "position", "NOT_ALLOWED", says, findings);
            findings_at(alone, path, "unit_code", "NOT_ALLOWED", "voluntary members have no employer", findings);
        }
        Some("compulsory" | "unemployment") => {
            findings_at(
                employed,
                path,
                "unit_code",
                "REQUIRED",
                "is required together with unit_name, for the employer",
                findings,
            );
        }
        _ => {}
    }
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
            &membership_type(),
            &membership,
            &[
                (&[("periods", None), ("status", to("preserved"))], &[]),
                (&[("periods.1.from_month", to("2015-06"))], &["periods[1].from_month OVERLAP"]),
                (&[("periods.2.kind", to("compulsory"))], &["periods[2].from_month OVERLAP"]),
                (&[("status", to("preserved"))], &["status CONFLICT"]),
                (&[("periods", None)], &[]),
                (&[("periods.1.to_month", to("2020-12"))], &["periods[2].from_month CONFLICT", "status CONFLICT"]),
                (&[("periods.1.from_month", to("2015-08"))], &["periods[2].from_month CONFLICT"]),
                // Covered by two consecutive periods.
                (&[("periods.2.from_month", to("2014-01"))], &[]),
                (&[("periods.0.to_month", to("2009-12"))], &["periods[0].to_month ORDER"]),
                (
                    &[("periods.1.from_month", to("2026-12"))],
                    &["periods[1].from_month FUTURE", "periods[2].from_month CONFLICT"],
                ),
                (
                    &[("periods.2.kind", to("voluntary"))],
                    &["periods[2].unit_code NOT_ALLOWED", "periods[2].from_month OVERLAP"],
                ),
                (&[("periods.2.unit_code", None)], &["periods[2].unit_code REQUIRED"]),
                (&[("periods.1.position", to("official"))], &["periods[2].kind NOT_ALLOWED"]),
                (&[("periods.2.position", to("official"))], &["periods[2].kind NOT_ALLOWED"]),
                // They were officials before.
                (&[("periods.0.position", to("official"))], &[]),
                (&[("periods.1.position", to("public_employee"))], &[]),
                (&[("periods.1.position", to("volunteer"))], &["periods[1].position UNKNOWN_VALUE"]),
                (&[("periods", None), ("status", to("preserved"))], &[]),
                (
                    &[("periods.0.from_month", to("2010-01-01")), ("periods.0.base", to("5.3"))],
                    &["periods[0].from_month FORMAT", "periods[0].base FORMAT"],
                ),
            ],
        );
        assert_eq!(membership_type().people_of(&membership).len(), 1);
    }
}
