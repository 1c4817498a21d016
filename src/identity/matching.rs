//! Whether a document belongs to a person: by personal ID, else by name, birth date and sex. Pure.
//!
//! A document that carries the person's number may still be somebody else's: where neither its name nor its birth date is the
//! person's, the number was given to the wrong holder. Without a number, the exact name with birth date and sex decides; a
//! name that agrees only without its marks needs the issuer's word.

use crate::base::call::{Call, CheckOutcome};
use crate::base::text::{exact_key, folded_key};
use crate::base::{PartialDate, PersonalId};
use crate::registry::RecordType;
use crate::trust::Object;

use super::people::Person;

/// How a holder was matched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MatchedBy {
    /// The document carries one of the person's numbers.
    PersonalId,
    /// Exact name, birth date, sex.
    NameAndBirthDate,
    /// Name without marks, birth date, sex.
    FoldedNameAndBirthDate,
}

impl MatchedBy {
    /// The word on the wire and in rows.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PersonalId => "personal_id",
            Self::NameAndBirthDate => "name_and_birth_date",
            Self::FoldedNameAndBirthDate => "folded_name_and_birth_date",
        }
    }

    /// Reads [`Self::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        [Self::PersonalId, Self::NameAndBirthDate, Self::FoldedNameAndBirthDate]
            .into_iter()
            .find(|by| by.as_str() == text)
    }
}

/// What a comparison says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Match {
    /// The document is the person's.
    Sure(MatchedBy),
    /// Probably; the issuer must confirm.
    Doubtful(MatchedBy),
    /// It is somebody else's.
    No,
}

/// The holder on a document beside a person, item by item. It says what agrees, never what the values are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Comparison {
    number: Same,
    name: Same,
    birth_date: Same,
    sex: Same,
}

/// Whether two values of one item agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Same {
    /// They do.
    Exactly,
    /// They do, but for the marks of their letters.
    Folded,
    /// One of the two is absent, or cannot be read.
    Unknown,
    /// They do not.
    No,
}

impl Comparison {
    /// Compares.
    pub fn of(person: &Person, holder: &Object) -> Self {
        let own = |number: &str| PersonalId::parse(number).is_some_and(|number| person.numbers.contains(number));
        let same = |equal: bool| if equal { Same::Exactly } else { Same::No };
        Self {
            number: holder.text("personal_id").map_or(Same::Unknown, |number| same(own(number))),
            name: compare_names(person.payload.text("full_name"), holder.text("full_name")),
            birth_date: compare_dates(person.payload.text("birth_date"), holder.text("birth_date")),
            sex: match (person.payload.text("sex"), holder.text("sex")) {
                (Some(ours), Some(theirs)) => same(ours == theirs),
                _ => Same::Unknown,
            },
        }
    }

    /// What follows from it.
    pub fn outcome(self) -> Match {
        match (self.number, self.name, self.birth_date) {
            (Same::No, _, _) | (Same::Exactly | Same::Folded, Same::No, Same::No) => Match::No,
            (Same::Exactly | Same::Folded, Same::No, _) | (Same::Exactly | Same::Folded, _, Same::No) => {
                Match::Doubtful(MatchedBy::PersonalId)
            }
            (Same::Exactly | Same::Folded, _, _) => Match::Sure(MatchedBy::PersonalId),
            (Same::Unknown, _, _) if self.sex == Same::No => Match::No,
            (Same::Unknown, Same::Exactly, Same::Exactly) => Match::Sure(MatchedBy::NameAndBirthDate),
            (Same::Unknown, Same::Folded, Same::Exactly) => Match::Doubtful(MatchedBy::FoldedNameAndBirthDate),
            (Same::Unknown, _, _) => Match::No,
        }
    }

    /// What `Explain` may tell the citizen. Of a document that carries somebody else's number it tells no more than that:
    /// whether a stranger has the same name is not theirs to know.
    pub fn items(self) -> Vec<(&'static str, Same)> {
        let number = ("holder.personal_id", self.number);
        if self.number == Same::No {
            return vec![number];
        }
        vec![number, ("holder.full_name", self.name), ("holder.birth_date", self.birth_date), ("holder.sex", self.sex)]
    }
}

/// Keeps for `Explain` what agreed.
pub(super) fn note_comparison(call: &Call, comparison: Comparison) {
    for (item, same) in comparison.items() {
        let (outcome, says) = match same {
            Same::Exactly => (CheckOutcome::Pass, "the document's is the account holder's"),
            Same::Folded => {
                (CheckOutcome::Pass, "the document's is the account holder's but for the marks of its letters")
            }
            Same::Unknown => (CheckOutcome::Skipped, "not on both"),
            Same::No => (CheckOutcome::Fail, "the document's is not the account holder's"),
        };
        call.note(item, outcome, says);
    }
}

/// Whether nothing ties the document to the person: it carries a personal ID that is none of theirs, or none and another holder.
pub(super) fn is_anothers(person: &Person, record_type: &RecordType, payload: &Object) -> bool {
    match number_of(record_type, payload) {
        Some(number) => !person.numbers.contains(number),
        None => {
            let matched = record_type.holder(payload).map(|holder| Comparison::of(person, holder).outcome());
            matched.is_none_or(|matched| matched == Match::No)
        }
    }
}

/// The personal ID that a document carries.
pub(super) fn number_of(record_type: &RecordType, payload: &Object) -> Option<PersonalId> {
    record_type.holder(payload)?.text("personal_id").and_then(PersonalId::parse)
}

fn compare_names(ours: Option<&str>, theirs: Option<&str>) -> Same {
    match (ours, theirs) {
        (Some(ours), Some(theirs)) if exact_key(ours) == exact_key(theirs) => Same::Exactly,
        (Some(ours), Some(theirs)) if folded_key(ours) == folded_key(theirs) => Same::Folded,
        (Some(_), Some(_)) => Same::No,
        _ => Same::Unknown,
    }
}

fn compare_dates(ours: Option<&str>, theirs: Option<&str>) -> Same {
    match (ours.and_then(PartialDate::parse), theirs.and_then(PartialDate::parse)) {
        (Some(ours), Some(theirs)) if ours.agrees(theirs) => Same::Exactly,
        (Some(_), Some(_)) => Same::No,
        _ => Same::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::numbers::Numbers;

    fn person() -> Person {
        let number = |text| PersonalId::parse(text).expect("id");
        let payload =
            Object::new().with("full_name", "Nguyễn Thị Hòa").with("birth_date", "1985-03-07").with("sex", "female");
        let current = number("042185990002");
        let numbers = Numbers { superseded: vec![number("042185990003")], ..Numbers::only(current) };
        Person { numbers, payload }
    }

    #[test]
    fn each_pair_has_its_outcome() {
        use Match::{Doubtful, No, Sure};
        use MatchedBy::{FoldedNameAndBirthDate, NameAndBirthDate, PersonalId};
        // number, name, birth date, sex → outcome
        let cases = [
            ("042185990002", "Nguyễn Thị Hoà", "1985-03-07", "female", Sure(PersonalId)),
            ("042185990003", "NGUYỄN THỊ HÒA", "1985", "female", Sure(PersonalId)),
            ("042185990002", "Trần Văn Nam", "1985-03-07", "male", Doubtful(PersonalId)),
            ("042185990002", "Nguyễn Thị Hòa", "1990-01-02", "female", Doubtful(PersonalId)),
            ("042185990002", "Trần Văn Nam", "1990-01-02", "male", No),
            ("042185990009", "Nguyễn Thị Hòa", "1985-03-07", "female", No),
            ("", "Nguyễn Thị Hoà", "1985", "female", Sure(NameAndBirthDate)),
            ("", "Nguyen Thi Hoa", "1985-03-07", "female", Doubtful(FoldedNameAndBirthDate)),
            ("", "Nguyễn Thị Hòa", "1985-03-07", "male", No),
            ("", "Nguyễn Thị Hòa", "1986-03-07", "female", No),
            ("", "Nguyễn Thị Hòa", "", "female", No),
        ];
        for (number, name, date, sex, outcome) in cases {
            let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
            let holder = Object::new()
                .with_optional("personal_id", given(number))
                .with("full_name", name)
                .with_optional("birth_date", given(date))
                .with("sex", sex);
            assert_eq!(Comparison::of(&person(), &holder).outcome(), outcome, "{number} {name} {date} {sex}");
        }
    }
}
