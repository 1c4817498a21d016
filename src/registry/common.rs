//! Rules that several sectors share: holders, tax states, lines of business, and the order of two dates.

use crate::base::text::{folded_key, is_in_other_letters};
use crate::base::time::Date;
use crate::base::{PartialDate, PersonalId};
use crate::trust::Object;

use super::basis::{CIVIL_STATUS_CHANGE, CORRECTION, ID_RE_ESTABLISHED};
use super::codes::AsOf;
use super::forms;
use super::lifecycle::{CrossRule, Needs, Source, basis, basis_of, free, never};
use super::rule::{Field, Findings, Rule, date_at, garbled, name_meant, text_meant};

/// The holder of a document; `lienthong.type.v1.Holder`.
pub fn holder() -> Vec<Field> {
    let mut fields = identity_paper();
    fields.extend([
        Field::required("full_name", Rule::Name),
        Field::optional("birth_date", Rule::PartialDate),
        Field::optional("sex", sex()),
    ]);
    fields
}

/// The papers by which a document identifies a person: the personal ID, the earlier 9-digit identity card (CMND), a passport.
pub fn identity_paper() -> Vec<Field> {
    vec![
        Field::optional("personal_id", Rule::PersonalId),
        Field::optional("old_id_number", old_id_number()),
        Field::optional("passport", passport()),
    ]
}

/// Sex as registered.
pub fn sex() -> Rule {
    Rule::one_of(&["male", "female"])
}

/// The reason for a status.
pub fn status_reason() -> Field {
    Field::optional("status_reason", Rule::Text(300))
}

/// Status of a tax code (Circular 86/2024/TT-BTC; since 1 July 2026 Circular 90/2026/TT-BTC).
pub fn tax_status() -> Rule {
    Rule::listed("tax_states", AsOf::Today)
}

/// An enterprise code without branch.
pub fn enterprise_code() -> Rule {
    Rule::form(forms::enterprise_code, "an enterprise code of 10 digits with check digit")
}

/// Lines of business, in force on a day since `registered_on`.
pub fn line() -> Rule {
    let since = AsOf::Since("registered_on".into());
    Rule::listed_in_form("business_lines", since, forms::business_line, "a line of business of 4 or 5 digits (VSIC)")
}

/// The date at `later` may not be before the one at `earlier`.
pub fn in_order(payload: &Object, earlier: &str, later: &str, findings: &mut Findings<'_>) {
    if let (Some(first), Some(last)) = (date_at(payload, earlier), date_at(payload, later)) {
        findings.expect(first <= last, later, "ORDER", "must not be before the date that precedes it");
    }
}

/// The date at `path` may not be after today.
pub fn not_future(payload: &Object, path: &str, today: Date, findings: &mut Findings<'_>) {
    let date = payload.text_at(path).and_then(PartialDate::parse);
    findings.expect(date.is_none_or(|date| !is_after(date, today)), path, "FUTURE", "must not be in the future");
}

/// A field that only some records have.
pub fn only_while(may: bool, payload: &Object, field: &str, says: &'static str, findings: &mut Findings<'_>) {
    findings.expect(may || !payload.contains(field), field, "NOT_ALLOWED", says);
}

/// Whether every day that a partial date can mean lies after `day`.
pub fn is_after(date: PartialDate, day: Date) -> bool {
    let known = (date.year, date.month.unwrap_or(1), date.day.unwrap_or(1));
    known > (day.year(), day.month(), day.day())
}

/// The most years that somebody born at `birth` can have completed on `day`.
pub fn age_at_most(birth: PartialDate, day: Date) -> i16 {
    let birthday_passed = match (birth.month, birth.day) {
        (Some(month), Some(of_month)) => (month, of_month) <= (day.month(), day.day()),
        (Some(month), None) => month <= day.month(),
        _ => true,
    };
    day.year() - birth.year - i16::from(!birthday_passed)
}

/// The fields that identify an owner: a person by any identity paper, an organisation by its code or, without one, by the decision
/// that established it (a parish, a pagoda).
pub fn identity() -> Vec<Field> {
    let mut fields = identity_paper();
    fields.extend([
        Field::optional(
            "organisation_code",
            Rule::form(
                forms::enterprise_or_branch_code,
                "an enterprise code of 10 digits with check digit, a branch's with -001 to -999",
            ),
        ),
        Field::optional("establishment_decision", Rule::Text(60)),
    ]);
    fields
}

/// The number of an identity card of before personal IDs (CMND).
pub fn old_id_number() -> Rule {
    Rule::form(forms::old_id_number, "an old identity number of 9 digits")
}

/// Least number of years by which a parent is older than a child.
pub const PARENT_YEARS_MIN: i16 = 12;

/// A passport; `lienthong.type.v1.Passport`.
pub fn passport() -> Rule {
    Rule::object([
        Field::required("number", Rule::form(forms::passport_number, "5 to 15 capital letters and digits")),
        Field::required("country", Rule::listed("countries", AsOf::Ever)),
    ])
}

/// Whether an owner is an organisation.
pub fn is_organisation(owner: &Object) -> bool {
    owner.contains("organisation_code") || owner.contains("establishment_decision")
}

/// The day on which a child becomes an adult by their personal ID alone, whose structure is no proof: century and sex, then the year.
fn adult_by_number(id: &str) -> Option<i16> {
    let digit: i16 = id.get(3..4)?.parse().ok()?;
    let year: i16 = id.get(4..6)?.parse().ok()?;
    Some(1900 + digit / 2 * 100 + year + 18)
}

/// The checks of a named person that need no other record: a birth date that has come, a number that a person can have, and a passport where
/// there is no number. The structure of a number is no proof, so findings that rest on it alone are only flagged.
pub fn check_person(person: &Object, path: &str, today: Date, findings: &mut Findings<'_>) {
    let birth = person.text("birth_date").and_then(PartialDate::parse);
    let is_born = birth.is_none_or(|birth| !is_after(birth, today));
    findings_at(is_born, path, "birth_date", "FUTURE", "must not be in the future", findings);
    warn_of_nobody(person.text("personal_id"), format_args!("{path}.personal_id"), today, findings);
    if person.text_at("passport.country") == Some("VN") {
        let says = "Vietnamese nationals have a personal ID: a passport is for those of them who never got one";
        findings.warn(format_args!("{path}.passport"), "CONFLICT", says);
    }
}

/// Flags a personal ID that nobody can have by its structure.
pub fn warn_of_nobody(id: Option<&str>, path: impl std::fmt::Display, today: Date, findings: &mut Findings<'_>) {
    let Some(id) = id.and_then(PersonalId::parse) else { return };
    let id = id.as_str();
    let unborn = adult_by_number(id).is_some_and(|adult| adult - 18 > today.year());
    if unborn || id.starts_with("000") {
        let says = "by its structure, nobody can have this number: its place code does not exist, or its holder is not born yet";
        findings.warn(path, "CONFLICT", says);
    }
}

/// Flags a personal ID whose structure implies that its holder was a child on `day`.
pub fn warn_of_child(id: Option<&str>, path: &str, day: Date, findings: &mut Findings<'_>) {
    if id.and_then(adult_by_number).is_some_and(|adult| adult > day.year()) {
        findings.warn(path, "CONFLICT", "by the structure of the number, its holder is not 18 years old yet");
    }
}

/// Whether the structure of a personal ID says this sex; so does a text that is none.
pub fn is_of_sex(id: &str, female: bool) -> bool {
    id.as_bytes().get(3).filter(|digit| digit.is_ascii_digit()).is_none_or(|digit| (digit % 2 == 1) == female)
}

/// Flags a personal ID whose structure implies another sex: the law allows such numbers, and yet they are often errors.
pub fn warn_of_sex(id: Option<&str>, female: bool, path: impl std::fmt::Display, findings: &mut Findings<'_>) {
    if id.is_some_and(|id| !is_of_sex(id, female)) {
        findings.warn(path, "CONFLICT", "by the structure of the number, its holder is of the other sex");
    }
}

/// Flags a personal ID whose structure implies another year of birth, as [`warn_of_sex`] does.
pub fn warn_of_year(
    id: Option<&str>,
    birth: Option<PartialDate>,
    path: impl std::fmt::Display,
    findings: &mut Findings<'_>,
) {
    let digits = id.and_then(|id| id.get(3..6)).and_then(|digits| digits.parse::<i16>().ok());
    let year = digits.map(|digits| 1900 + digits / 200 * 100 + digits % 100);
    if year.zip(birth).is_some_and(|(year, birth)| year != birth.year) {
        findings.warn(path, "CONFLICT", "by the structure of the number, its holder was born in another year");
    }
}

/// An owner is a person or an organisation, not both; a person's name is a person's, and so are birth date and papers.
pub fn check_owner(owner: &Object, path: &str, today: Date, findings: &mut Findings<'_>) {
    check_person(owner, path, today, findings);
    if is_organisation(owner) {
        let alone =
            ["personal_id", "old_id_number", "passport", "birth_date"].iter().all(|field| !owner.contains(field));
        findings_at(
            alone,
            path,
            "personal_id",
            "NOT_ALLOWED",
            "an organisation has no personal ID or birth date",
            findings,
        );
    } else if owner.text("personal_id").and_then(PersonalId::parse).is_some() {
        let name = owner.text("full_name");
        let named = name.is_none_or(crate::base::text::name_is_valid);
        // What the rule for texts says already is not said again.
        let is_told = name.is_some_and(|name| text_meant(name).is_some() || is_in_other_letters(name));
        match name.filter(|_| !is_told).and_then(name_meant) {
            Some((encoding, meant)) => garbled(encoding, &meant, format_args!("{path}.full_name"), findings),
            None => findings_at(named || is_told, path, "full_name", "FORMAT", "must be a person's name", findings),
        }
    }
}

/// A violation at `path`.`field` unless `holds`.
pub fn findings_at(holds: bool, path: &str, field: &str, rule: &'static str, says: &str, findings: &mut Findings<'_>) {
    if !holds {
        findings.add(format_args!("{path}.{field}"), rule, says);
    }
}

/// The person that a holder or an owner names: a number, where one is known.
pub fn number_of(party: &Object) -> Option<&str> {
    let paths = ["personal_id", "organisation_code", "passport.number", "old_id_number", "establishment_decision"];
    paths.into_iter().find_map(|path| party.text_at(path))
}

/// Whether `after` names the party that `before` names. A known number decides; it is never left out, and replaced only when it
/// was established anew (`reason`). Without one the name decides, with all other data that both have about the person.
pub fn is_same_party(before: &Object, after: &Object, reason: Option<&str>) -> bool {
    match (number_of(before), number_of(after)) {
        (Some(one), Some(other)) if one == other => {
            has_same_name(before, after) || agree(before, after, "birth_date") != Some(false)
        }
        (Some(_), Some(_)) => reason == Some(ID_RE_ESTABLISHED) && is_same_person(before, after),
        (Some(_), None) => false,
        (None, _) => is_same_person(before, after),
    }
}

/// Whether two holders or owners have one name, however it is spelt.
fn has_same_name(one: &Object, other: &Object) -> bool {
    let name = |of: &Object| of.text("full_name").map(folded_key);
    name(one) == name(other)
}

/// Whether both have the same value in `field`; `None` when one has none.
fn agree(one: &Object, other: &Object, field: &str) -> Option<bool> {
    Some(one.text(field)? == other.text(field)?)
}

/// Whether name, birth date and sex agree.
fn is_same_person(one: &Object, other: &Object) -> bool {
    let differs = |field| agree(one, other, field) == Some(false);
    has_same_name(one, other) && !differs("birth_date") && !differs("sex")
}

/// Two numbers that differ in more digits than this are not variants of one number.
const SLIP_DIGITS: usize = 2;

/// Whether two numbers are so alike that one can be a misspelling of the other.
fn is_slip(one: &str, other: &str) -> bool {
    one.len() == other.len() && one.bytes().zip(other.bytes()).filter(|(a, b)| a != b).count() <= SLIP_DIGITS
}

/// The requirement for replacing the party `before` by `after`, the same party: a basis when a number is found, corrected or established
/// anew, all else staying. A number that stays, or a birth date where there is none, allows another name. Another party never does.
pub fn stays_same_party(before: &Object, after: &Object) -> Needs {
    let (number, same_name, same_birth) =
        ((number_of(before), number_of(after)), has_same_name(before, after), agree(before, after, "birth_date"));
    match number {
        (Some(one), Some(other)) if one == other => match same_name || same_birth != Some(false) {
            true => free(),
            false => never(),
        },
        (Some(one), Some(other)) if is_same_person(before, after) => match is_slip(one, other) {
            true => basis_of(&[ID_RE_ESTABLISHED, CORRECTION]),
            false => basis_of(&[ID_RE_ESTABLISHED]),
        },
        (Some(_), None) if is_same_person(before, after) => basis_of(&[CORRECTION]),
        (None, Some(_)) if is_same_person(before, after) => basis(),
        (None, None) if is_same_person(before, after) => free(),
        (None, _) if same_birth == Some(true) => basis_of(&[CORRECTION, CIVIL_STATUS_CHANGE]),
        _ => never(),
    }
}

/// The holder of a document is the same person in all its versions.
pub fn holder_stays(source: Source) -> CrossRule {
    let says = "a document keeps its holder, even when their personal ID is re-established (id_re_established): issue a new document to anybody else";
    CrossRule::new("HOLDER", "holder", says, source, |step| {
        Some(stays_same_party(step.before.object("holder")?, step.after.object("holder")?))
    })
}

/// Tests of a sector: payloads, and the violations that they must give.
#[cfg(test)]
pub mod testing {
    use crate::base::Violations;
    use crate::base::time::Date;
    use crate::registry::schema::RecordType;
    use crate::trust::{Object, Value};

    /// Today, for the tests.
    pub const TODAY: Date = Date::constant(2026, 11, 22);

    /// Checks `payload` against `record_type` and expects exactly these violations, as `path RULE`.
    pub fn check(record_type: &RecordType, payload: &Object, expected: &[&str]) {
        let mut violations = Violations::default();
        record_type.validate(payload, TODAY, &"payload", &mut violations);
        let found: Vec<_> = violations
            .kept()
            .iter()
            .map(|v| format!("{} {}", v.field.trim_start_matches("payload."), v.rule))
            .collect();
        assert_eq!(found, expected, "{}", record_type.name);
        for violation in violations.kept() {
            assert!(!violation.message.is_empty());
        }
    }

    /// Changes to a payload, and the violations that they give.
    pub type Case<'a> = (&'a [(&'a str, Option<Value>)], &'a [&'a str]);

    /// `good` with one change each, and the violations that it must give. A path ends in a field's name; a value of
    /// `None` removes the field.
    pub fn check_changes(record_type: &RecordType, good: &Object, cases: &[Case<'_>]) {
        check(record_type, good, &[]);
        for (changes, expected) in cases {
            let mut payload = good.clone();
            for (path, value) in *changes {
                set(&mut payload, path, value.clone());
            }
            check(record_type, &payload, expected);
        }
    }

    /// A change for [`check_changes`].
    pub fn to(value: impl Into<Value>) -> Option<Value> {
        Some(value.into())
    }

    /// A basis for this reason.
    pub fn basis(reason_code: &str) -> Object {
        Object::new()
            .with("document_number", "12/QĐ")
            .with("issued_on", "2026-11-02")
            .with("authority", "Toà án nhân dân khu vực 1")
            .with("reason_code", reason_code)
    }

    /// An address in Thành Sen ward.
    pub fn address() -> Object {
        Object::new()
            .with("unit_code", "18073")
            .with("unit_valid_from", "2025-07-01")
            .with("text", "12 Phan Đình Phùng")
    }

    fn set(object: &mut Object, path: &str, value: Option<Value>) {
        match (path.split_once('.'), value) {
            (None, Some(value)) => drop(object.insert(path, value)),
            (None, None) => drop(object.remove(path)),
            (Some((name, rest)), value) => match object.get_mut(name) {
                Some(Value::Object(inner)) => set(inner, rest, value),
                Some(Value::Array(items)) => {
                    let (at, rest) = rest.split_once('.').expect("an item's field");
                    match items.get_mut(at.parse::<usize>().expect("an index")) {
                        Some(Value::Object(inner)) => set(inner, rest, value),
                        _ => panic!("no item {at}"),
                    }
                }
                _ => panic!("no object {name}"),
            },
        }
    }
}
