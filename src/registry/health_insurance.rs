//! The health-insurance registry: cards (Decisions 1351/2015, 1666/2020 and 1018/2024; letter 1804/BHXH-QLT; Resolution
//! 261/2025/QH15 for the objects that moved to a better level in 2026).

use std::sync::Arc;

use crate::base::PartialDate;
use crate::base::time::Date;
use crate::trust::Object;

use super::basis::basis_field;
use super::codes::{self, AsOf};
use super::common::{age_at_most, check_person, holder, holder_stays, in_order, is_after, status_reason};
use super::forms;
use super::lifecycle::{Lifecycle, UniqueRule, assumption, basis, free, law};
use super::rule::{Field, Findings, Rule, date_at, latest};
use super::schema::{Days, Document, DocumentType, Heading, KeyForm, Label, Organisations, RecordType, State};
use super::sector::Sector;
use super::viewed::Viewed;

/// The registry.
pub const NAME: &str = "health_insurance";
/// A card.
pub const CARD: &str = "health_insurance.card.v1";
/// As a document.
pub const DOCUMENT: DocumentType = DocumentType(1);

/// The registry and its record types.
pub(super) fn sector() -> Sector {
    Sector::new(NAME, "social-insurance", 6, [card_type()])
}

fn card_type() -> RecordType {
    RecordType {
        name: CARD.into(),
        registry: NAME.into(),
        message: Some("lienthong.registry.health_insurance.v1.Card".into()),
        ordinal: 9,
        label: Label::new("Thẻ bảo hiểm y tế", "Health insurance card"),
        heading: Heading::Documents,
        natural_key: "card_number".into(),
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
                "card_number",
                Rule::written(forms::card_number, "10 or 12 digits, or the legacy 15 characters"),
            ),
            Field::required("holder", Rule::object(holder())),
            Field::required("object_code", Rule::listed("health_insurance_objects", AsOf::Day("valid_until".into()))),
            Field::required("benefit_level", Rule::code(&["1", "2", "3", "4", "5"])),
            Field::required(
                "facility",
                Rule::listed_in_form(
                    "facilities",
                    AsOf::Today,
                    forms::facility,
                    "a facility code of 5 digits, of which the first two are 01 to 96",
                ),
            ),
            Field::optional("area", Rule::code(&["K1", "K2", "K3"])),
            Field::required("valid_from", Rule::Date),
            Field::required("valid_until", Rule::Date),
            Field::optional("five_years_on", Rule::Date),
            Field::required("status", Rule::one_of(&["active", "suspended", "revoked"])),
            status_reason(),
            basis_field(),
        ],
        check: Arc::new(check_card),
        statuses: vec![
            ("active".into(), State::Active),
            ("suspended".into(), State::Suspended),
            ("revoked".into(), State::Ended),
        ],
        lifecycle: card_lifecycle(),
        days: Arc::new(card_days),
    }
}

const ONE_CARD: &str = "a person has one card in force: end or suspend the other one first, or in the same submission";

/// A card's number is its holder's personal ID, so that a person who is insured again has the same card again: no state is final.
fn card_lifecycle() -> Lifecycle {
    let number = || law("letter 1804/BHXH-QLT");
    Lifecycle::default()
        .states(
            "status",
            assumption(),
            [
                ("active", "suspended", free(), assumption()),
                ("suspended", "active", free(), assumption()),
                ("active", "revoked", basis(), assumption()),
                ("suspended", "revoked", basis(), assumption()),
                ("revoked", "active", basis(), number()),
            ],
        )
        .fields([("holder.full_name", basis(), assumption())])
        .fields_once_known([("holder.birth_date", basis(), assumption()), ("holder.sex", basis(), assumption())])
        .rule(holder_stays(number()))
        .unique(UniqueRule::new(("CARD_IN_FORCE", "status"), ONE_CARD, assumption(), |card| {
            let holder = card.text_at("holder.personal_id").filter(|_| card.text("status") == Some("active"));
            holder.map(str::to_owned).into_iter().collect()
        }))
}

/// Whether an object has a benefit level on a day of a card that is valid from `from` to `until`: a card from before a level was raised keeps
/// the old one to its end, and a later one does not get it.
///
/// ```
/// use lienthong::base::Date;
/// use lienthong::registry::health_insurance::level_fits;
/// let days = |year| (Date::constant(year, 1, 1), Date::constant(year, 12, 31));
/// assert!(level_fits("TE", "1", days(2025)) && !level_fits("TE", "4", days(2025)));
/// assert!(level_fits("CN", "3", days(2025)) && level_fits("CN", "2", days(2026)));
/// assert!(!level_fits("CN", "3", days(2026)));
/// ```
pub fn level_fits(object: &str, level: &str, (from, until): (Date, Date)) -> bool {
    let Some(objects) = codes::list("health_insurance_objects") else { return false };
    objects.meanings(object).iter().any(|code| code.property == level && code.holds_between(from, until))
}

fn card_days(card: &Object) -> Days {
    (date_at(card, "valid_from"), date_at(card, "valid_until"))
}

/// Below this age everybody is insured as a child.
const CHILD_UNTIL: i16 = 6;
/// Most years that a card is valid.
const YEARS_MAX: i64 = 20;

/// Last day of a child's card: 30 September of the year in which it turns six, or the end of the month of that birthday (Decree 146/2018).
fn child_until(birth: PartialDate) -> Date {
    let sixth = latest(birth).saturating_add(jiff::Span::new().years(6));
    let september = Date::new(sixth.year(), 9, 30).unwrap_or(sixth);
    sixth.last_of_month().max(september)
}

/// A card does not begin before its holder's birth, does not last a lifetime, and a child's card ends with the age limit.
fn check_days(card: &Object, findings: &mut Findings<'_>) {
    in_order(card, "valid_from", "valid_until", findings);
    let birth = card.text_at("holder.birth_date").and_then(PartialDate::parse);
    let (Some(from), Some(until)) = card_days(card) else { return };
    let born = birth.is_none_or(|birth| !is_after(birth, from));
    findings.expect(born, "valid_from", "ORDER", "must not be before the holder's birth");
    let short = until <= from.saturating_add(jiff::Span::new().years(YEARS_MAX));
    findings.expect(short, "valid_until", "OUT_OF_RANGE", "a card is valid for 20 years at the most");
    let child = card.text("object_code") != Some("TE") || birth.is_none_or(|birth| until <= child_until(birth));
    findings.expect(
        child,
        "object_code",
        "CONFLICT",
        "TE is for children until the September after their sixth birthday",
    );
    let grown = !born
        || card.text("object_code") == Some("TE")
        || birth.is_none_or(|birth| age_at_most(birth, from) >= CHILD_UNTIL);
    findings.expect(
        grown,
        "object_code",
        "CONFLICT",
        "children under six are insured as TE, whatever else they could be",
    );
}

fn check_card(card: &Object, today: Date, findings: &mut Findings<'_>) {
    if let Some(holder) = card.object("holder") {
        check_person(holder, "holder", today, findings);
    }
    check_days(card, findings);
    let (object, level) =
        (card.text("object_code").unwrap_or_default(), card.text("benefit_level").unwrap_or_default());
    if let (Some(from), Some(until)) = card_days(card)
        && codes::list("health_insurance_objects").is_some_and(|objects| !objects.meanings(object).is_empty())
        && ("1"..="5").contains(&level)
    {
        findings.expect(
            level_fits(object, level, (from.min(until), until)),
            "benefit_level",
            "CONFLICT",
            "is not a benefit level of this object_code",
        );
    }
    let Some(number) = card.text("card_number") else { return };
    if forms::legacy_card_number(number) {
        findings.expect(number.starts_with(object), "object_code", "CONFLICT", "must be the one in the card number");
        findings.expect(
            number[2..].starts_with(level),
            "benefit_level",
            "CONFLICT",
            "must be the one in the card number",
        );
    } else if number.len() == 12
        && let Some(holder) = card.text_at("holder.personal_id")
    {
        findings.expect(
            number == holder,
            "card_number",
            "CONFLICT",
            "must be the holder's personal ID if it has 12 digits",
        );
    }
}

#[cfg(test)]
mod tests {
    use super::super::common::testing::{check_changes, to};
    use super::*;
    use crate::base::Timestamp;
    use crate::trust::Operation;

    fn card() -> Object {
        Object::new()
            .with("card_number", "042185990002")
            .with(
                "holder",
                Object::new()
                    .with("personal_id", "042185990002")
                    .with("full_name", "Nguyễn Thị Hòa")
                    .with("birth_date", "1985")
                    .with("sex", "female"),
            )
            .with("object_code", "GD")
            .with("benefit_level", "4")
            .with("facility", "42001")
            .with("area", "K2")
            .with("valid_from", "2026-01-01")
            .with("valid_until", "2026-12-31")
            .with("five_years_on", "2026-01-01")
            .with("status", "active")
    }

    #[test]
    fn cards_keep_their_rules() {
        check_changes(
            &card_type(),
            &card(),
            &[
                (&[("valid_until", to("2025-12-31"))], &["valid_until ORDER"]),
                (&[("benefit_level", to("1"))], &["benefit_level CONFLICT"]),
                (
                    &[("object_code", to("ZZ")), ("benefit_level", to("6"))],
                    &["object_code UNKNOWN_VALUE", "benefit_level UNKNOWN_VALUE"],
                ),
                (&[("card_number", to("042185990003"))], &["card_number CONFLICT"]),
                (&[("card_number", to("4212345678"))], &[]),
                (&[("card_number", to("GD4424212345678"))], &[]),
                (&[("card_number", to("HC4424212345678"))], &["object_code CONFLICT"]),
                (&[("card_number", to("GD2424212345678"))], &["benefit_level CONFLICT"]),
                (&[("card_number", to("GD4-42-4212345678"))], &["card_number FORMAT"]),
                (&[("holder.full_name", None)], &["holder.full_name REQUIRED"]),
                (&[("status", to("revoked")), ("status_reason", to("thu hồi"))], &[]),
            ],
        );
    }

    #[test]
    fn a_card_holds_until_the_end_of_its_last_day() {
        let (from, until) = card_type().holds(&card()).interval(Operation::Create, Timestamp(0));
        assert_eq!(from.to_string(), "2025-12-31T17:00:00Z");
        assert_eq!(until.to_string(), "2026-12-31T17:00:00Z");
        let revoked_at = Timestamp::start_of(Date::constant(2026, 5, 1));
        assert_eq!(card_type().holds(&card()).interval(Operation::Revoke, revoked_at).1, revoked_at);
        assert_eq!(card_type().key_form.of("hc4-42 1234567890"), "HC4421234567890");
    }
}
