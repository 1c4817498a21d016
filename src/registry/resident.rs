//! The population registry: persons and households (Law on Identification 26/2023; Decree 70/2024, amended 58/2026).

mod lifecycle;

use std::sync::Arc;

use crate::base::time::Date;
use crate::base::{PartialDate, PersonalId};
use crate::trust::{Object, Value};

use super::address::{address, check_unit};
use super::basis::basis_field;
use super::codes::{self, AsOf, Standing};
use super::common::{
    age_at_most, findings_at, in_order, is_after, not_future, old_id_number, only_while, sex, status_reason,
    warn_of_nobody,
};
use super::forms;
use super::lifecycle::{Lifecycle, assumption, free, memory};
use super::rule::{Field, Findings, Rule, date_at, latest};
use super::schema::{Heading, KeyForm, Label, Organisations, People, RecordType, State, always};
use super::sector::Sector;
use super::viewed::{SubjectKind, Viewed};

pub use lifecycle::DEATH_ENTRY;

/// The registry.
pub const NAME: &str = "resident";
/// A person.
pub const PERSON: &str = "resident.person.v1";
/// A household.
pub const HOUSEHOLD: &str = "resident.household.v1";

/// The registry and its record types.
pub(super) fn sector() -> Sector {
    Sector::new(NAME, "police", 1, [person_type(), household_type()])
}

/// The head of a household, and the others' relation to them.
pub fn relation() -> Rule {
    Rule::one_of(&[
        "head",
        "spouse",
        "child",
        "parent",
        "sibling",
        "grandchild",
        "grandparent",
        "child_in_law",
        "other",
    ])
}

fn household_id() -> Rule {
    Rule::form(forms::household_id, "a household number of 2 digits, a hyphen and 9 digits")
}

fn person_type() -> RecordType {
    RecordType {
        name: PERSON.into(),
        registry: NAME.into(),
        message: Some("lienthong.registry.resident.v1.Person".into()),
        ordinal: 1,
        label: Label::new("Công dân", "Person"),
        heading: Heading::Person,
        natural_key: "personal_id".into(),
        key_form: KeyForm::AsWritten,
        parties: vec![],
        organisations: Organisations::default(),
        people: Some(People {
            name: "full_name".into(),
            birth_date: "birth_date".into(),
            aliases: vec!["old_id_number".into(), "superseded_ids.*".into()],
        }),
        found_through: None,
        references: Vec::new(),
        viewed: Viewed::at(&["permanent_residence", "current_residence"]),
        document: None,
        facts: Vec::new(),
        fields: vec![
            Field::required("personal_id", Rule::PersonalId),
            Field::optional("superseded_ids", Rule::set(Rule::PersonalId, 5)),
            Field::optional("superseded_by", Rule::PersonalId),
            Field::optional("old_id_number", old_id_number()),
            Field::required("full_name", Rule::Name),
            Field::optional("other_name", Rule::Name),
            Field::required("birth_date", Rule::PartialDate),
            Field::required("sex", sex()),
            Field::optional("birth_place", Rule::object(address())),
            Field::optional("birth_registration_place", Rule::object(address())),
            Field::optional("hometown", Rule::object(address())),
            Field::optional("ethnicity", Rule::listed("ethnic_groups", AsOf::Today)).sensitive(),
            Field::optional("religion", Rule::Text(60)).sensitive(),
            Field::required("nationality", Rule::listed("countries", AsOf::Ever)),
            Field::optional("marital_status", Rule::one_of(&["single", "married", "divorced", "widowed"])),
            Field::optional("permanent_residence", Rule::object(address())),
            Field::optional("current_residence", Rule::object(address())),
            Field::optional("household_id", household_id()),
            Field::optional("relation_to_head", relation()),
            Field::optional("father_id", Rule::PersonalId),
            Field::optional("mother_id", Rule::PersonalId),
            Field::optional("spouse_id", Rule::PersonalId),
            Field::required("life_status", Rule::one_of(&["alive", "deceased", "missing"])),
            Field::optional("death_date", Rule::PartialDate),
            Field::optional(
                "card",
                Rule::object([
                    Field::required("kind", Rule::one_of(&["cccd", "can_cuoc"])),
                    Field::required("issued_on", Rule::Date),
                    Field::optional("expires_on", Rule::Date),
                ]),
            ),
            Field::required("status", Rule::one_of(&["active", "moved_out", "deceased", "cancelled"])),
            status_reason(),
            basis_field(),
        ],
        check: Arc::new(check_person),
        statuses: vec![
            ("active".into(), State::Active),
            ("moved_out".into(), State::Suspended),
            ("deceased".into(), State::Ended),
            ("cancelled".into(), State::Ended),
        ],
        lifecycle: lifecycle::person(),
        days: Arc::new(always),
    }
}

fn household_type() -> RecordType {
    RecordType {
        name: HOUSEHOLD.into(),
        registry: NAME.into(),
        message: Some("lienthong.registry.resident.v1.Household".into()),
        ordinal: 2,
        label: Label::new("Hộ gia đình", "Household"),
        heading: Heading::Household,
        natural_key: "household_id".into(),
        key_form: KeyForm::AsWritten,
        parties: vec!["members.*.personal_id".into()],
        organisations: Organisations::default(),
        people: None,
        found_through: None,
        references: Vec::new(),
        viewed: Viewed::at(&["residence"]).of(SubjectKind::Household),
        document: None,
        facts: Vec::new(),
        fields: vec![
            Field::required("household_id", household_id()),
            Field::required("head_id", Rule::PersonalId),
            Field::required(
                "members",
                Rule::list(
                    Rule::object([
                        Field::required("personal_id", Rule::PersonalId),
                        Field::required("relation_to_head", relation()),
                    ]),
                    40,
                ),
            ),
            Field::required("residence", Rule::object(address())),
            Field::required("status", Rule::one_of(&["active", "dissolved"])),
            status_reason(),
            basis_field(),
        ],
        check: Arc::new(check_household),
        statuses: vec![("active".into(), State::Active), ("dissolved".into(), State::Ended)],
        lifecycle: Lifecycle::default().states(
            "status",
            assumption(),
            [("active", "dissolved", free(), memory("Law 68/2020 on Residence"))],
        ),
        days: Arc::new(always),
    }
}

/// Day until which an identity card is valid: the birthday of 14, 25, 40 or 60 years that follows the issue; a card
/// issued in the two years before a milestone lasts until the next one; `None` after the last (article 21).
///
/// ```
/// use lienthong::base::Date;
/// use lienthong::registry::resident::card_expiry;
/// let born = Date::constant(1990, 5, 6);
/// assert_eq!(card_expiry(born, Date::constant(2021, 3, 1)), Some(Date::constant(2030, 5, 6)));
/// assert_eq!(card_expiry(born, Date::constant(2028, 5, 6)), Some(Date::constant(2050, 5, 6)));
/// assert_eq!(card_expiry(born, Date::constant(2049, 1, 1)), None);
/// ```
pub fn card_expiry(born: Date, issued: Date) -> Option<Date> {
    let birthday = |age: i64| born.saturating_add(jiff::Span::new().years(age));
    let two_years_on = issued.saturating_add(jiff::Span::new().years(2));
    [14, 25, 40, 60].into_iter().map(birthday).find(|milestone| *milestone > two_years_on)
}

fn check_person(person: &Object, today: Date, findings: &mut Findings<'_>) {
    // A person who has died or moved out lived in a unit of that time.
    let residence = if person.text("status") == Some("active") { AsOf::Today } else { AsOf::Ever };
    let origins = ["birth_place", "birth_registration_place", "hometown"].map(|path| (path, &AsOf::Ever));
    for (path, as_of) in
        origins.into_iter().chain([("permanent_residence", &residence), ("current_residence", &residence)])
    {
        check_unit(person, path, as_of, today, findings);
    }
    check_nationality(person, today, findings);
    not_future(person, "birth_date", today, findings);
    not_future(person, "death_date", today, findings);
    let partial = |path: &str| person.text(path).and_then(PartialDate::parse);
    if let (Some(birth), Some(death)) = (partial("birth_date"), partial("death_date")) {
        let in_order = death.full().map_or(death.year >= birth.year, |death| !is_after(birth, death));
        findings.expect(in_order, "death_date", "ORDER", "must not be before the birth");
    }
    let deceased = person.text("life_status") == Some("deceased");
    let says = "is only for the deceased";
    findings.expect(deceased || !person.contains("death_date"), "death_date", "NOT_ALLOWED", says);
    if let Some(status) = person.text("status").filter(|status| *status != "cancelled") {
        findings.expect(deceased == (status == "deceased"), "status", "CONFLICT", "must agree with life_status");
    }
    let birth = partial("birth_date");
    let alive = matches!(person.text("life_status"), Some("alive" | "missing"));
    let possible = !alive || birth.is_none_or(|birth| today.year() - birth.year <= AGE_MAX);
    findings.expect(possible, "birth_date", "OUT_OF_RANGE", "nobody is alive who was born more than 125 years ago");
    let married = person.text("marital_status") == Some("married");
    let marries_from = if person.text("sex") == Some("female") { 18 } else { 20 };
    let was_married = matches!(person.text("marital_status"), Some("married" | "divorced" | "widowed"));
    let of_age = !was_married || birth.is_none_or(|birth| age_at_most(birth, today) >= marries_from);
    findings.expect(of_age, "marital_status", "CONFLICT", "women marry from 18 years of age, men from 20");
    findings.expect(married || !person.contains("spouse_id"), "spouse_id", "NOT_ALLOWED", "is only for the married");
    let whole = person.contains("household_id") == person.contains("relation_to_head");
    findings.expect(whole, "relation_to_head", "CONFLICT", "is required together with household_id, and only then");
    warn_of_nobody(person.text("personal_id"), "personal_id", today, findings);
    check_relatives(person, findings);
    check_card(person, today, findings);
}

/// The greatest age that anybody has reached.
const AGE_MAX: i16 = 125;

/// A nationality is of a country that exists, for the dead of one that existed when they died or before.
fn check_nationality(person: &Object, today: Date, findings: &mut Findings<'_>) {
    let (Some(nationality), Some(countries)) = (person.text("nationality"), codes::list("countries")) else { return };
    let (first, last) = match person.text("life_status") {
        Some("deceased") => (Date::MIN, person.text("death_date").and_then(PartialDate::parse).map_or(today, latest)),
        _ => (today, today),
    };
    let in_force = !matches!(countries.standing(nationality, first, last), Standing::OtherDays(_));
    let says = "the code may not be used on the day that the record refers to";
    findings.expect(in_force, "nationality", "NOT_IN_FORCE", says);
}

fn check_relatives(person: &Object, findings: &mut Findings<'_>) {
    let own = person.text("personal_id");
    for relative in ["father_id", "mother_id", "spouse_id", "superseded_by"] {
        let other = person.text(relative).is_none_or(|id| Some(id) != own);
        findings.expect(other, relative, "CONFLICT", "must be another person");
    }
    let cancelled = person.text("status") == Some("cancelled");
    only_while(cancelled, person, "superseded_by", "only a cancelled number has a successor", findings);
    let superseded = person.array("superseded_ids").unwrap_or_default();
    let replaced = superseded.iter().all(|id| id.as_text() != own);
    findings.expect(replaced, "superseded_ids", "CONFLICT", "must not contain the personal ID itself");
}

fn check_card(person: &Object, today: Date, findings: &mut Findings<'_>) {
    let Some(issued) = date_at(person, "card.issued_on") else { return };
    not_future(person, "card.issued_on", today, findings);
    in_order(person, "birth_date", "card.issued_on", findings);
    let birth = person.text("birth_date").and_then(PartialDate::parse);
    let dead = person.text("death_date").and_then(PartialDate::parse).is_some_and(|death| latest(death) < issued);
    findings.expect(!dead, "card.issued_on", "ORDER", "must not be after the death");
    // The first Căn cước cards were issued when Law 26/2023 came into force.
    let new_kind = person.text_at("card.kind") == Some("can_cuoc");
    let kind_fits = new_kind == (issued >= Date::constant(2024, 7, 1));
    findings.expect(kind_fits, "card.kind", "CONFLICT", "must be cccd until 2024-06-30 and can_cuoc since 2024-07-01");
    let of_age = new_kind || birth.is_none_or(|birth| age_at_most(birth, issued) >= 14);
    findings.expect(of_age, "card.issued_on", "CONFLICT", "cards of the kind cccd were issued from 14 years of age");
    if let Some(born) = date_at(person, "birth_date") {
        let expires = date_at(person, "card.expires_on");
        let fits = expires == card_expiry(born, issued);
        findings.expect(fits, "card.expires_on", "CONFLICT", "must be the milestone birthday after the issue date");
    }
}

fn check_household(household: &Object, today: Date, findings: &mut Findings<'_>) {
    let is_active = household.text("status") == Some("active");
    check_unit(household, "residence", if is_active { &AsOf::Today } else { &AsOf::Ever }, today, findings);
    let members = household.array("members").unwrap_or_default();
    let mut heads = 0;
    for (at, member) in members.iter().filter_map(Value::as_object).enumerate() {
        let id = member.text("personal_id");
        let path = format!("members[{at}]");
        let again =
            members[..at].iter().filter_map(Value::as_object).any(|m| id.is_some() && m.text("personal_id") == id);
        findings_at(!again, &path, "personal_id", "DUPLICATE", "is listed as a member already", findings);
        if member.text("relation_to_head") == Some("head") {
            heads += 1;
            let is_head = id == household.text("head_id");
            findings_at(
                is_head,
                &path,
                "relation_to_head",
                "CONFLICT",
                "head_id names another person as head",
                findings,
            );
        }
    }
    let head = household.text("head_id").and_then(PersonalId::parse);
    findings.expect(
        heads == 1 || head.is_none(),
        "members",
        "CONFLICT",
        "must have exactly one head, the one of head_id",
    );
}

#[cfg(test)]
mod tests;
