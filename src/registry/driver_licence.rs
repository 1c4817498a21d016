//! The registry of driver's licences (Law 36/2024 on road traffic order and safety, articles 57 to 59; classes of before
//! 2025 stay valid to their date).

use std::sync::Arc;

use crate::base::PartialDate;
use crate::base::time::Date;
use crate::trust::{Object, Value};

use super::basis::{CORRECTION, COURT_DECISION, basis_field};
use super::common::{
    age_at_most, check_person, findings_at, holder, holder_stays, not_future, only_while, status_reason,
};
use super::forms;
use super::lifecycle::{
    After, CrossRule, Entries, Lifecycle, Needs, Step, TimeRule, assumption, basis, basis_of, free, law, memory, never,
};
use super::rule::{Field, Findings, Rule, date, date_at, latest};
use super::schema::{Days, Document, DocumentType, Heading, KeyForm, Label, Organisations, RecordType, State};
use super::sector::Sector;
use super::viewed::Viewed;

/// The registry.
pub const NAME: &str = "driver_licence";
/// A licence.
pub const LICENCE: &str = "driver_licence.licence.v1";
/// As a document.
pub const DOCUMENT: DocumentType = DocumentType(2);

/// The registry and its record types.
pub(super) fn sector() -> Sector {
    Sector::new(NAME, "police", 7, [licence_type()])
}

/// One class: its code, the years that it is valid, the age from which it is given.
#[derive(Debug)]
pub struct Class {
    /// `A1`, `B2`, `CE`, ….
    pub code: &'static str,
    /// Years of validity; `None`: no limit.
    pub years: Option<i64>,
    /// Least age at issue.
    pub age_min: i16,
    /// Whether it is given since 2025.
    pub current: bool,
}

const fn class(code: &'static str, years: Option<i64>, age_min: i16, current: bool) -> Class {
    Class { code, years, age_min, current }
}

/// The classes since 2025, then those of before. B1 stood for something else before 2025: see [`years`].
pub const CLASSES: &[Class] = &[
    class("A1", None, 18, true),
    class("A", None, 18, true),
    class("B1", None, 18, true),
    class("B", Some(10), 18, true),
    class("C1", Some(10), 18, true),
    class("C", Some(5), 21, true),
    class("D1", Some(5), 24, true),
    class("D2", Some(5), 24, true),
    class("D", Some(5), 27, true),
    class("BE", Some(5), 21, true),
    class("C1E", Some(5), 24, true),
    class("CE", Some(5), 24, true),
    class("D1E", Some(5), 27, true),
    class("D2E", Some(5), 27, true),
    class("DE", Some(5), 27, true),
    class("A2", None, 18, false),
    class("A3", None, 18, false),
    class("A4", Some(10), 18, false),
    class("B2", Some(10), 18, false),
    class("E", Some(5), 27, false),
    class("FB2", Some(5), 21, false),
    class("FC", Some(5), 24, false),
    class("FD", Some(5), 27, false),
    class("FE", Some(5), 27, false),
];

const CODES: &[&str] = &[
    "A1", "A", "B1", "B", "C1", "C", "D1", "D2", "D", "BE", "C1E", "CE", "D1E", "D2E", "DE", "A2", "A3", "A4", "B2",
    "E", "FB2", "FC", "FD", "FE",
];

/// The present classes that did not exist before 2025.
const SINCE_2025: &[&str] = &["A", "B", "C1", "D1", "D2", "BE", "C1E", "CE", "D1E", "D2E", "DE"];

/// The day from which the present classes are given.
pub const NEW_CLASSES: Date = Date::constant(2025, 1, 1);

fn licence_type() -> RecordType {
    RecordType {
        name: LICENCE.into(),
        registry: NAME.into(),
        message: Some("lienthong.registry.driver_licence.v1.Licence".into()),
        ordinal: 10,
        label: Label::new("Giấy phép lái xe", "Driver's licence"),
        heading: Heading::Documents,
        natural_key: "licence_number".into(),
        key_form: KeyForm::Compact,
        parties: vec!["holder.personal_id".into()],
        organisations: Organisations::default(),
        people: None,
        found_through: None,
        references: Vec::new(),
        viewed: Viewed::default(),
        document: Some(Document { kind: DOCUMENT, holder: "holder".into() }),
        facts: Vec::new(),
        fields: vec![
            Field::required(
                "licence_number",
                Rule::written(forms::licence_number, "a licence number of 12 digits, or of two letters and six digits"),
            ),
            Field::required("holder", Rule::object(holder())),
            Field::required(
                "classes",
                Rule::list(
                    Rule::object([
                        Field::required("code", Rule::code(CODES)),
                        Field::required("issued_on", Rule::Date),
                        Field::optional("expires_on", Rule::Date),
                    ]),
                    10,
                ),
            ),
            Field::required("points", Rule::Integer(0, 12)),
            Field::optional(
                "restrictions",
                Rule::set(Rule::one_of(&["automatic_only", "below_175_cc", "corrective_lenses", "adapted_vehicle"]), 4),
            ),
            Field::required("status", Rule::one_of(&["active", "suspended", "revoked"])),
            status_reason(),
            Field::optional("points_deducted_on", Rule::Date),
            Field::optional("suspended_until", Rule::Date),
            basis_field(),
        ],
        check: Arc::new(check_licence),
        statuses: vec![
            ("active".into(), State::Active),
            ("suspended".into(), State::Suspended),
            ("revoked".into(), State::Ended),
        ],
        lifecycle: licence_lifecycle(),
        days: Arc::new(licence_days),
    }
}

/// Twelve months without a deduction have passed.
pub const CLEAN_YEAR: &str = "clean_year";
/// The same, when the registry notices by itself.
pub const POINTS_RESTORED: &str = "points_restored";
/// The last day of the suspension has passed.
pub const SUSPENSION_ENDED: &str = "suspension_ended";
/// The test of the law, six months or more after the last point.
pub const KNOWLEDGE_TEST: &str = "knowledge_test";

/// Months after the last point before the test, and months without a deduction after which points are restored.
const TEST_AFTER_MONTHS: i16 = 6;
const CLEAN_MONTHS: i16 = 12;

fn licence_lifecycle() -> Lifecycle {
    let points = || law("Law 36/2024, art. 58");
    let revoked = || memory("Law 36/2024, art. 62");
    Lifecycle::default()
        .states(
            "status",
            revoked(),
            [
                ("active", "suspended", basis(), points()),
                ("suspended", "active", basis(), points()),
                ("active", "revoked", basis(), revoked()),
                ("suspended", "revoked", basis(), revoked()),
            ],
        )
        .fields([("holder.full_name", basis(), assumption())])
        .fields_once_known([("holder.birth_date", basis(), assumption()), ("holder.sex", basis(), assumption())])
        .list(
            "classes",
            &["code"],
            Entries { added: basis(), removed: basis(), ..Entries::free() },
            memory("Law 36/2024, art. 89"),
        )
        .rule(holder_stays(assumption()))
        .rule(CrossRule::new("POINTS", "points", POINTS, points(), points_need))
        .rule(CrossRule::new("DEDUCTION_DAY", "points_deducted_on", DEDUCTION_DAY, points(), deduction_day))
        .rule(CrossRule::new("SUSPENSION", "suspended_until", SUSPENSION, assumption(), |step| {
            let has_points = step.after.integer("points") != Some(0);
            let until = date_at(step.after, "suspended_until").filter(|until| *until >= step.today);
            if step.goes("active", "suspended") && has_points && until.is_none() {
                return Some(never());
            }
            let stays = !step.changes("status") && step.after.text("status") == Some("suspended");
            (stays && step.changes("suspended_until")).then(basis)
        }))
        .time(
            TimeRule::new(POINTS_RESTORED, "points_deducted_on", After::Months(CLEAN_MONTHS), points())
                .or_issue()
                .when("status", &["active", "suspended"])
                .within("points", 1, 11)
                .sets("points", 12)
                .clears(&["points_deducted_on"]),
        )
        .time(
            TimeRule::new(SUSPENSION_ENDED, "suspended_until", After::Days(1), assumption())
                .when("status", &["suspended"])
                .within("points", 1, 12)
                .sets("status", "active")
                .clears(&["status_reason", "suspended_until"]),
        )
}

const POINTS: &str = "points are only deducted by decisions, and return to 12 after a clean_year (12 months since points_deducted_on) or, from 0, after the knowledge_test (6 months)";

/// Points go down by decisions. They are 12 again after twelve clean months or, when none was left, by the test alone.
fn points_need(step: &Step<'_>) -> Option<Needs> {
    let (before, after) = (step.before.integer("points")?, step.after.integer("points")?);
    // The day of the last deduction determines the days of the test and of the clean year.
    let deducted = date_at(step.before, "points_deducted_on");
    let has_passed =
        |months: i16| deducted.is_none_or(|day| day.saturating_add(jiff::Span::new().months(months)) <= step.today);
    Some(match (before, after) {
        _ if before == after => free(),
        _ if after < before => basis(),
        (0, 12) if !has_passed(TEST_AFTER_MONTHS) => basis_of(&[CORRECTION, COURT_DECISION]),
        (1.., 12) if !has_passed(CLEAN_MONTHS) => basis_of(&[CORRECTION, COURT_DECISION]),
        (0, 12) => basis_of(&[KNOWLEDGE_TEST, CORRECTION, COURT_DECISION]),
        (_, 12) => basis_of(&[CLEAN_YEAR, POINTS_RESTORED, CORRECTION, COURT_DECISION]),
        _ => basis_of(&[CORRECTION, COURT_DECISION]),
    })
}

const DEDUCTION_DAY: &str =
    "a deduction has a date, not before that of an earlier one, and the date changes only together with the points";
const SUSPENSION: &str =
    "a suspension has a last day, today or later, unless no points are left; a change of that day needs a basis";

/// From the day of the last deduction the clean year and the time before the test are counted.
fn deduction_day(step: &Step<'_>) -> Option<Needs> {
    let (before, after) = (step.before.integer("points")?, step.after.integer("points")?);
    let (was, is) = (date_at(step.before, "points_deducted_on"), date_at(step.after, "points_deducted_on"));
    if after < before {
        return (is.is_none() || is < was).then(never);
    }
    (after == before && was != is).then(|| basis_of(&[CORRECTION, COURT_DECISION]))
}

/// Most years that a class issued on `issued` is valid; `None`: no limit.
///
/// Before 2025 B1 was a class of cars, valid until the age of retirement; since then it is one of three-wheelers.
pub fn years(code: &str, issued: Date) -> Option<i64> {
    match code {
        "B1" if issued < NEW_CLASSES => Some(42),
        _ => CLASSES.iter().find(|class| class.code == code).and_then(|class| class.years),
    }
}

/// From the first issue to the last expiry; no end when one class has none.
fn licence_days(licence: &Object) -> Days {
    let classes = || licence.array("classes").unwrap_or_default().iter().filter_map(Value::as_object);
    let first = classes().filter_map(|class| date_at(class, "issued_on")).min();
    let endless = classes().any(|class| !class.contains("expires_on"));
    let last = classes().filter_map(|class| date_at(class, "expires_on")).max();
    (first, last.filter(|_| !endless))
}

fn check_licence(licence: &Object, today: Date, findings: &mut Findings<'_>) {
    if let Some(holder) = licence.object("holder") {
        check_person(holder, "holder", today, findings);
    }
    let birth = licence.text_at("holder.birth_date").and_then(PartialDate::parse);
    let classes: Vec<&Object> =
        licence.array("classes").unwrap_or_default().iter().filter_map(Value::as_object).collect();
    for (at, class) in classes.iter().enumerate() {
        let path = format!("classes[{at}]");
        let again =
            class.contains("code") && classes[..at].iter().any(|other| other.text("code") == class.text("code"));
        findings_at(!again, &path, "code", "DUPLICATE", "is on the licence already", findings);
        let female = licence.text_at("holder.sex") == Some("female");
        check_class(class, &path, (birth, female), today, findings);
    }
    let grounded = licence.integer("points") == Some(0) && licence.text("status") == Some("active");
    findings.expect(!grounded, "status", "CONFLICT", "a licence at 0 points is not active");
    not_future(licence, "points_deducted_on", today, findings);
    only_while(licence.integer("points") != Some(12), licence, "points_deducted_on", DEDUCTED, findings);
    only_while(licence.text("status") == Some("suspended"), licence, "suspended_until", SUSPENDED, findings);
}

const DEDUCTED: &str = "a licence with all its points has no day of a deduction";
const SUSPENDED: &str = "only a suspension has a last day";

/// The least years that somebody born at `birth` can have completed on `day`.
fn age_at_least(birth: PartialDate, day: Date) -> i16 {
    let born = latest(birth);
    day.year() - born.year() - i16::from((day.month(), day.day()) < (born.month(), born.day()))
}

fn check_class(
    class: &Object,
    path: &str,
    (birth, female): (Option<PartialDate>, bool),
    today: Date,
    findings: &mut Findings<'_>,
) {
    let (Some(code), Some(issued)) = (class.text("code"), date_at(class, "issued_on")) else { return };
    let Some(known) = CLASSES.iter().find(|known| known.code == code) else { return };
    findings_at(issued <= today, path, "issued_on", "FUTURE", "must not be in the future", findings);
    let given = known.current || issued < NEW_CLASSES;
    findings_at(given, path, "code", "CONFLICT", "has not been issued since 2025", findings);
    let given_yet = issued >= NEW_CLASSES || !SINCE_2025.contains(&code);
    findings_at(given_yet, path, "code", "CONFLICT", "has been issued since 2025 only", findings);
    // D was a class of smaller buses before 2025.
    let age_min = if code == "D" && issued < NEW_CLASSES { 24 } else { known.age_min };
    let old_enough = birth.is_none_or(|birth| age_at_most(birth, issued) >= age_min);
    findings_at(old_enough, path, "issued_on", "CONFLICT", "the holder was too young for this class", findings);
    let age_max = if female { 55 } else { 57 };
    let of_large_buses = matches!(code, "D" | "DE") && issued >= NEW_CLASSES;
    let young_enough = !of_large_buses || birth.is_none_or(|birth| age_at_least(birth, issued) < age_max);
    findings_at(young_enough, path, "issued_on", "CONFLICT", "the holder was too old for this class", findings);
    let expires = class.text("expires_on").and_then(date);
    if code == "B1"
        && issued < NEW_CLASSES
        && let (Some(birth), Some(expires)) = (birth, expires)
    {
        let (retires, late) = if female { (55, 45) } else { (60, 50) };
        let ten_years = issued.saturating_add(jiff::Span::new().years(10));
        let of_age = age_at_most(birth, issued) > late && expires <= ten_years;
        let fits = of_age || age_at_least(birth, expires) <= retires;
        findings_at(fits, path, "expires_on", "OUT_OF_RANGE", "this class ends with the year of retirement", findings);
    }
    match years(code, issued) {
        None => {
            let open = !class.contains("expires_on");
            findings_at(open, path, "expires_on", "NOT_ALLOWED", "this class has no expiry", findings);
        }
        Some(_) if !class.contains("expires_on") => {
            findings.add(format_args!("{path}.expires_on"), "REQUIRED", "this class needs an expiry date");
        }
        Some(years) => {
            let latest = issued.saturating_add(jiff::Span::new().years(years));
            let fits = expires.is_none_or(|expires| issued < expires && expires <= latest);
            let says = format!("must be after the issue date, by at most {years} years");
            findings_at(fits, path, "expires_on", "OUT_OF_RANGE", &says, findings);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::common::testing::{check_changes, to};
    use super::*;

    fn licence() -> Object {
        let class = |code: &str, issued: &str, expires: Option<&str>| {
            Object::new().with("code", code).with("issued_on", issued).with_optional("expires_on", expires)
        };
        Object::new()
            .with("licence_number", "420151234567")
            .with(
                "holder",
                Object::new()
                    .with("personal_id", "042090990001")
                    .with("full_name", "Lê Văn An")
                    .with("birth_date", "1990-05-06"),
            )
            .with("classes", vec![class("A1", "2010-01-05", None), class("B2", "2019-04-01", Some("2029-04-01"))])
            .with("points", 12)
            .with("status", "active")
    }

    #[test]
    fn licences_keep_their_rules() {
        check_changes(
            &licence_type(),
            &licence(),
            &[
                (&[("points", to(13))], &["points OUT_OF_RANGE"]),
                (&[("points", to(0))], &["status CONFLICT"]),
                (&[("points", to(0)), ("status", to("suspended")), ("status_reason", to("hết điểm"))], &[]),
                (&[("points_deducted_on", to("2026-01-05"))], &["points_deducted_on NOT_ALLOWED"]),
                (&[("points", to(9)), ("points_deducted_on", to("2026-01-05"))], &[]),
                (&[("points", to(9)), ("points_deducted_on", to("2126-01-05"))], &["points_deducted_on FUTURE"]),
                (&[("suspended_until", to("2027-01-05"))], &["suspended_until NOT_ALLOWED"]),
                (
                    &[
                        ("status", to("suspended")),
                        ("status_reason", to("vi phạm")),
                        ("suspended_until", to("2127-01-05")),
                    ],
                    &[],
                ),
                (&[("classes.0.expires_on", to("2030-01-01"))], &["classes[0].expires_on NOT_ALLOWED"]),
                (&[("classes.1.expires_on", None)], &["classes[1].expires_on REQUIRED"]),
                (&[("classes.1.expires_on", to("2029-04-02"))], &["classes[1].expires_on OUT_OF_RANGE"]),
                (&[("classes.1.expires_on", to("2019-04-01"))], &["classes[1].expires_on OUT_OF_RANGE"]),
                (
                    &[("classes.1.issued_on", to("2026-04-01")), ("classes.1.expires_on", to("2036-04-01"))],
                    &["classes[1].code CONFLICT"],
                ),
                (&[("classes.1.code", to("A1"))], &["classes[1].code DUPLICATE", "classes[1].expires_on NOT_ALLOWED"]),
                (&[("classes.0.issued_on", to("2007-01-05"))], &["classes[0].issued_on CONFLICT"]),
                (&[("holder.birth_date", to("1992")), ("classes.0.issued_on", to("2010-01-05"))], &[]),
                (&[("restrictions", to(vec!["automatic_only", "none"]))], &["restrictions[1] UNKNOWN_VALUE"]),
                (&[("licence_number", to("42015123456"))], &["licence_number FORMAT"]),
            ],
        );
    }

    #[test]
    fn a_licence_holds_while_one_class_does() {
        assert_eq!(licence_days(&licence()), (Some(Date::constant(2010, 1, 5)), None));
        let mut car_only = licence();
        let classes = car_only.array("classes").expect("classes")[1..].to_vec();
        car_only.insert("classes", classes);
        assert_eq!(licence_days(&car_only), (Some(Date::constant(2019, 4, 1)), Some(Date::constant(2029, 4, 1))));
    }

    #[test]
    fn every_class_has_its_code_in_the_rule() {
        assert_eq!(CLASSES.iter().map(|class| class.code).collect::<Vec<_>>(), CODES);
        assert_eq!(years("B1", Date::constant(2025, 1, 1)), None);
        assert!(years("B1", Date::constant(2024, 12, 31)).is_some());
    }
}
