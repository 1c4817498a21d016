//! The kinds of disagreement, and what each does to how a record names a person.

use crate::base::seed::Draws;
use crate::base::{Date, PartialDate};
use crate::registry::{driver_licence, health_insurance, resident};
use crate::simulation::document::{Address, Record};
use crate::simulation::geography::Geography;
use crate::simulation::names::{self, Sex};
use crate::simulation::population::numbers::Numbers;
use crate::trust::Object;

use super::party::party_mut;

/// A kind of disagreement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    OldNumber,
    OlderThanId,
    OldName,
    TonePlacement,
    FirstOfJanuary,
    YearOnly,
    DayMonthSwapped,
    OldAddress,
    SexWrong,
    DigitWrong,
    TwinsConfused,
    PersonTwice,
}

const KINDS: [(Kind, &str); 12] = [
    (Kind::OldNumber, "old_number"),
    (Kind::OlderThanId, "older_than_id"),
    (Kind::OldName, "old_name"),
    (Kind::TonePlacement, "tone_placement"),
    (Kind::FirstOfJanuary, "first_of_january"),
    (Kind::YearOnly, "year_only"),
    (Kind::DayMonthSwapped, "day_month_swapped"),
    (Kind::OldAddress, "old_address"),
    (Kind::SexWrong, "sex_wrong"),
    (Kind::DigitWrong, "digit_wrong"),
    (Kind::TwinsConfused, "twins_confused"),
    (Kind::PersonTwice, "person_twice"),
];

/// What the register knows of a person, for their records elsewhere.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    pub(super) id: String,
    old_number: Option<String>,
    name: String,
    sex: Sex,
    birth: PartialDate,
    twin: Option<String>,
}

/// The people whom the register of people holds among these records.
pub(super) fn facts(records: &[Record]) -> Vec<Facts> {
    let people =
        || records.iter().filter(|record| record.record_type == resident::PERSON).map(|record| &record.payload);
    let twin = |of: &Object| {
        let same = |field: &str, other: &Object| of.contains(field) && of.text(field) == other.text(field);
        let is_twin =
            |other: &&Object| !same("personal_id", other) && same("mother_id", other) && same("birth_date", other);
        people().find(is_twin).and_then(|other| other.text("full_name")).map(str::to_owned)
    };
    let facts = |person: &Object| {
        Some(Facts {
            id: person.text("personal_id")?.to_owned(),
            old_number: person.text("old_id_number").map(str::to_owned),
            name: person.text("full_name")?.to_owned(),
            sex: if person.text("sex") == Some("female") { Sex::Female } else { Sex::Male },
            birth: person.text("birth_date").and_then(PartialDate::parse)?,
            twin: twin(person),
        })
    };
    people().filter_map(facts).collect()
}

impl Kind {
    pub(super) fn parse(name: &str) -> Option<Self> {
        KINDS.iter().find(|(_, of)| *of == name).map(|(kind, _)| *kind)
    }

    pub(super) fn as_str(self) -> &'static str {
        KINDS.iter().find(|(kind, _)| *kind == self).map_or("", |(_, name)| name)
    }

    /// Makes a party disagree, and says in which field; none where the kind does not fit.
    pub(super) fn apply(self, party: &mut Object, facts: &Facts, draws: &mut Draws) -> Option<&'static str> {
        match self {
            Self::OldNumber => {
                let number = facts.old_number.as_deref()?;
                party.remove("personal_id")?;
                party.insert("old_id_number", number);
                Some("personal_id")
            }
            Self::OlderThanId => {
                party.contains("birth_date").then_some(())?;
                party.remove("personal_id").map(|_| "personal_id")
            }
            Self::OldName => name(party, old_name(facts, draws)),
            Self::TonePlacement => name(party, other_tone_place(party.text("full_name")?)?),
            Self::TwinsConfused => name(party, facts.twin.clone()?),
            Self::FirstOfJanuary => birth(party, |year, _, _| Some(format!("{year:04}-01-01"))),
            Self::YearOnly => birth(party, |year, _, _| Some(format!("{year:04}"))),
            Self::DayMonthSwapped => {
                birth(party, |year, month, day| (day <= 12).then(|| format!("{year:04}-{day:02}-{month:02}")))
            }
            Self::OldAddress => {
                party.contains("address").then_some(())?;
                let unit = draws.pick(&Geography::ha_tinh().former)?;
                party.insert("address", &Address::in_former(unit, "Thôn 3"));
                Some("address.unit_code")
            }
            Self::SexWrong => {
                party.text("sex")?;
                party.insert("sex", facts.sex.other().as_str());
                Some("sex")
            }
            Self::DigitWrong => {
                // numbers with this province are nobody's
                let id = party.text("personal_id").filter(|id| id.starts_with("042"))?;
                let wrong = [&id[..2], draws.pick(&["1", "3", "5", "7"])?, &id[3..]].concat();
                party.insert("personal_id", wrong.as_str());
                Some("personal_id")
            }
            Self::PersonTwice => None,
        }
    }
}

fn name(party: &mut Object, other: String) -> Option<&'static str> {
    (party.text("full_name")? != other).then_some(())?;
    party.insert("full_name", other.as_str());
    Some("full_name")
}

/// Another name of the same family, as before a change of name.
fn old_name(facts: &Facts, draws: &mut Draws) -> String {
    let surname = facts.name.split(' ').next().unwrap_or_default();
    names::full_name(surname, facts.sex, facts.birth.year, draws)
}

fn birth(party: &mut Object, other: impl Fn(i16, i8, i8) -> Option<String>) -> Option<&'static str> {
    let known = party.text("birth_date")?;
    let day: Date = PartialDate::parse(known)?.full()?;
    let other = other(day.year(), day.month(), day.day())?;
    (other != known).then_some(())?;
    party.insert("birth_date", other.as_str());
    Some("birth_date")
}

/// The two places of a tone over oa, oe and uy at the end of a word.
const TONES: [(&str, &str); 15] = [
    ("òa", "oà"),
    ("óa", "oá"),
    ("ỏa", "oả"),
    ("õa", "oã"),
    ("ọa", "oạ"),
    ("òe", "oè"),
    ("óe", "oé"),
    ("ỏe", "oẻ"),
    ("õe", "oẽ"),
    ("ọe", "oẹ"),
    ("ùy", "uỳ"),
    ("úy", "uý"),
    ("ủy", "uỷ"),
    ("ũy", "uỹ"),
    ("ụy", "uỵ"),
];

/// The name with the first tone mark that has two places at the other one.
fn other_tone_place(name: &str) -> Option<String> {
    let other = |word: &str| {
        let pair = TONES.iter().flat_map(|(one, other)| [(one, other), (other, one)]);
        pair.filter(|_| !word.to_lowercase().starts_with("qu"))
            .find_map(|(from, to)| Some([word.strip_suffix(from)?, to].concat()))
    };
    let mut words: Vec<String> = name.split(' ').map(str::to_owned).collect();
    let (at, changed) = words.iter().enumerate().find_map(|(at, word)| Some((at, other(word)?)))?;
    words[at] = changed;
    Some(words.join(" "))
}

/// Makes of a record a second one of the same person, with another number and without the personal ID; none of types that have no such.
pub(super) fn second(record: &mut Record, facts: &Facts, numbers: &mut Numbers) -> Option<()> {
    let (key, number) = match record.record_type {
        health_insurance::CARD => {
            let is_legacy = record.payload.text("card_number").is_some_and(|number| number.len() == 15);
            ("card_number", Some(numbers.insurance()).filter(|_| !is_legacy)?)
        }
        driver_licence::LICENCE => {
            let passed = record.payload.text("licence_number").and_then(|number| number.get(3..5)?.parse().ok())?;
            ("licence_number", numbers.licence(facts.sex, facts.birth.year, passed))
        }
        _ => return None,
    };
    record.payload.insert(key, number.as_str());
    let holder = party_mut(&mut record.payload, "holder")?;
    holder.remove("personal_id");
    if let Some(number) = &facts.old_number {
        holder.insert("old_id_number", number.as_str());
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tones_have_two_places() {
        let cases = [
            ("Nguyễn Thị Hòa", Some("Nguyễn Thị Hoà")),
            ("Lê Hoà An", Some("Lê Hòa An")),
            ("Trần Thúy Nga", Some("Trần Thuý Nga")),
            ("Phan Quý", None),
            ("Lê Văn An", None),
        ];
        for (name, other) in cases {
            assert_eq!(other_tone_place(name).as_deref(), other, "{name}");
        }
    }
}
