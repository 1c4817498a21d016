//! Whether a document belongs to a person: by personal ID, else by name, birth date and sex. Pure.
//!
//! A document that carries the person's number may still be another's: where neither its name nor its birth date is the
//! person's, the number was given to the wrong holder. Without a number, the exact name with birth date and sex decides. A probable
//! error or variant (Mỹ and Mĩ, a dropped Thị, day and month exchanged, one wrong digit) is neither accepted nor refused: the issuer
//! decides, and is told the difference.

use crate::base::call::{Call, CheckOutcome};
use crate::base::near::{self, differ_by_one, with_one_i, without_middle};
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

/// The result of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Match {
    /// The document is the person's.
    Sure(MatchedBy),
    /// It is the person's if nobody else in the province has this name and a birth date that agrees; otherwise the issuer must confirm.
    IfUnique(MatchedBy),
    /// Probably; the issuer must confirm.
    Doubtful(MatchedBy, Doubt),
    /// It is another person's.
    No,
}

/// Why an issuer must confirm whose a document is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doubt {
    /// One digit of the number is another.
    NumberDigit,
    /// Another name.
    Name,
    /// The name agrees without its marks only.
    NameMarks,
    /// `i` and `y` are exchanged: Mỹ, Mĩ.
    NameSpelling,
    /// One of the two lacks Thị or Văn.
    MiddleName,
    /// Another birth date.
    BirthDate,
    /// The year is all that both know, and others in the province have the name and the year.
    BirthYear,
    /// Day and month are exchanged.
    DayAndMonth,
    /// One digit of the birth date is another.
    BirthDateDigit,
    /// The other sex.
    Sex,
}

impl Doubt {
    /// The code in the state's reason.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NumberDigit => "NUMBER_DIGIT_DIFFERS",
            Self::Name => "NAME_DIFFERS",
            Self::NameMarks => "NAME_MARKS_MISSING",
            Self::NameSpelling => near::NAME_SPELLING,
            Self::MiddleName => near::MIDDLE_NAME,
            Self::BirthDate => "BIRTH_DATE_DIFFERS",
            Self::BirthYear => "BIRTH_YEAR_NOT_UNIQUE",
            Self::DayAndMonth => near::DAY_AND_MONTH,
            Self::BirthDateDigit => near::BIRTH_DATE_DIGIT,
            Self::Sex => "SEX_DIFFERS",
        }
    }
}

/// The comparison of a document's holder with a person, item by item. It tells which items agree, never their values.
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
    /// They do, as far as both are known: birth dates.
    Coarsely,
    /// They differ by an error or a variant of spelling.
    Nearly(Doubt),
    /// One of the two is absent, or cannot be read.
    Unknown,
    /// They do not.
    No,
}

impl Comparison {
    /// Compares.
    pub fn of(person: &Person, holder: &Object) -> Self {
        let same = |equal: bool| if equal { Same::Exactly } else { Same::No };
        Self {
            number: holder.text("personal_id").map_or(Same::Unknown, |number| compare_numbers(person, number)),
            name: compare_names(person.payload.text("full_name"), holder.text("full_name")),
            birth_date: compare_dates(person.payload.text("birth_date"), holder.text("birth_date")),
            sex: match (person.payload.text("sex"), holder.text("sex")) {
                (Some(ours), Some(theirs)) => same(ours == theirs),
                _ => Same::Unknown,
            },
        }
    }

    /// The conclusion from it.
    pub fn outcome(self) -> Match {
        match self.number {
            Same::Exactly | Same::Coarsely => self.with_own_number(),
            Same::Nearly(doubt) => match (self.name, self.birth_date) {
                (Same::Exactly, Same::Exactly | Same::Coarsely) if self.sex != Same::No => {
                    Match::Doubtful(MatchedBy::NameAndBirthDate, doubt)
                }
                _ => Match::No,
            },
            Same::Unknown => self.without_number(),
            Same::No => Match::No,
        }
    }

    fn with_own_number(self) -> Match {
        let doubtful = |doubt| Match::Doubtful(MatchedBy::PersonalId, doubt);
        match (self.name, self.birth_date) {
            (Same::No, Same::No) => Match::No,
            (Same::No, _) => doubtful(Doubt::Name),
            (_, Same::No) => doubtful(Doubt::BirthDate),
            _ if self.sex == Same::No => doubtful(Doubt::Sex),
            // Marks are what old systems lose: with the number, the name is no less certain for it.
            (Same::Nearly(doubt), _) if doubt != Doubt::NameMarks => doubtful(doubt),
            (_, Same::Nearly(doubt)) => doubtful(doubt),
            _ => Match::Sure(MatchedBy::PersonalId),
        }
    }

    /// Two doubts together are no match.
    fn without_number(self) -> Match {
        use MatchedBy::{FoldedNameAndBirthDate, NameAndBirthDate};
        match (self.name, self.birth_date) {
            _ if self.sex == Same::No => Match::No,
            (Same::Exactly, Same::Exactly) => Match::Sure(NameAndBirthDate),
            (Same::Exactly, Same::Coarsely) => Match::IfUnique(NameAndBirthDate),
            (Same::Exactly, Same::Nearly(doubt)) => Match::Doubtful(NameAndBirthDate, doubt),
            (Same::Nearly(doubt), Same::Exactly | Same::Coarsely) => Match::Doubtful(FoldedNameAndBirthDate, doubt),
            _ => Match::No,
        }
    }

    /// The part that `Explain` may show the citizen. For a document that carries another person's number it shows only that:
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
            Same::Coarsely => (CheckOutcome::Pass, "the document's is the account holder's as far as both are known"),
            Same::Nearly(Doubt::NameMarks) => {
                (CheckOutcome::Pass, "the document's is the account holder's but for the marks of its letters")
            }
            Same::Nearly(_) => (CheckOutcome::Fail, "the document's is nearly the account holder's"),
            Same::Unknown => (CheckOutcome::Skipped, "not on both"),
            Same::No => (CheckOutcome::Fail, "the document's is not the account holder's"),
        };
        call.note(item, outcome, says);
    }
}

/// Whether the document belongs to somebody else: its personal ID is not one of the person's, or it has no ID and its holder differs. If the
/// ID differs from one of the person's by a single digit, everything else has to agree.
pub(super) fn is_anothers(person: &Person, record_type: &RecordType, payload: &Object) -> bool {
    if number_of(record_type, payload).is_some_and(|number| person.numbers.contains(number)) {
        return false;
    }
    let compared = record_type.holder(payload).map(|holder| Comparison::of(person, holder).outcome());
    compared.is_none_or(|outcome| outcome == Match::No)
}

/// The personal ID that a document carries.
pub(super) fn number_of(record_type: &RecordType, payload: &Object) -> Option<PersonalId> {
    record_type.holder(payload)?.text("personal_id").and_then(PersonalId::parse)
}

/// Compares a document's number with all numbers of the person, and recognises likely typing errors.
fn compare_numbers(person: &Person, number: &str) -> Same {
    match PersonalId::parse(number) {
        Some(number) if person.numbers.contains(number) => Same::Exactly,
        Some(number) if person.numbers.all().any(|own| differ_by_one(own.as_str(), number.as_str())) => {
            Same::Nearly(Doubt::NumberDigit)
        }
        _ => Same::No,
    }
}

fn compare_names(ours: Option<&str>, theirs: Option<&str>) -> Same {
    let (Some(ours), Some(theirs)) = (ours, theirs) else { return Same::Unknown };
    let (one, other) = (exact_key(ours), exact_key(theirs));
    match () {
        () if one == other => Same::Exactly,
        () if with_one_i(&one) == with_one_i(&other) => Same::Nearly(Doubt::NameSpelling),
        () if folded_key(ours) == folded_key(theirs) => Same::Nearly(Doubt::NameMarks),
        () if without_middle(&one) == without_middle(&other) => Same::Nearly(Doubt::MiddleName),
        () => Same::No,
    }
}

fn compare_dates(ours: Option<&str>, theirs: Option<&str>) -> Same {
    let (Some(ours), Some(theirs)) = (ours.and_then(PartialDate::parse), theirs.and_then(PartialDate::parse)) else {
        return Same::Unknown;
    };
    match ours.full().zip(theirs.full()) {
        Some((one, other)) if one == other => Same::Exactly,
        _ if ours.agrees(theirs) => Same::Coarsely,
        _ => match near::dates(ours, theirs) {
            Some(near::DAY_AND_MONTH) => Same::Nearly(Doubt::DayAndMonth),
            Some(_) => Same::Nearly(Doubt::BirthDateDigit),
            None => Same::No,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::numbers::Numbers;

    fn person() -> Person {
        let number = |text| PersonalId::parse(text).expect("id");
        let payload =
            Object::new().with("full_name", "Nguyễn Thị Mỹ Hòa").with("birth_date", "1985-03-07").with("sex", "female");
        let current = number("042185990002");
        let numbers = Numbers { superseded: vec![number("042185990003")], ..Numbers::only(current) };
        Person { numbers, payload }
    }

    #[test]
    fn each_pair_has_its_outcome() {
        use Match::{Doubtful, IfUnique, No, Sure};
        use MatchedBy::{FoldedNameAndBirthDate, NameAndBirthDate, PersonalId};
        let (own, born, she) = ("042185990002", "1985-03-07", "female");
        // number, name, birth date, sex → outcome
        let cases = [
            (own, "Nguyễn Thị Mỹ Hoà", born, she, Sure(PersonalId)),
            ("042185990003", "NGUYỄN THỊ MỸ HÒA", "1985", she, Sure(PersonalId)),
            (own, "Nguyen Thi My Hoa", born, she, Sure(PersonalId)),
            (own, "Trần Văn Nam", born, she, Doubtful(PersonalId, Doubt::Name)),
            (own, "Nguyễn Thị Mỹ Hoà", "1990-01-02", she, Doubtful(PersonalId, Doubt::BirthDate)),
            (own, "Nguyễn Thị Mỹ Hoà", born, "male", Doubtful(PersonalId, Doubt::Sex)),
            (own, "Nguyễn Thị Mĩ Hoà", born, she, Doubtful(PersonalId, Doubt::NameSpelling)),
            (own, "Nguyễn Mỹ Hoà", born, she, Doubtful(PersonalId, Doubt::MiddleName)),
            (own, "Nguyễn Thị Mỹ Hoà", "1985-07-03", she, Doubtful(PersonalId, Doubt::DayAndMonth)),
            (own, "Nguyễn Thị Mỹ Hoà", "1985-03-08", she, Doubtful(PersonalId, Doubt::BirthDateDigit)),
            (own, "Trần Văn Nam", "1990-01-02", "male", No),
            ("042185990009", "Nguyễn Thị Mỹ Hoà", born, she, Doubtful(NameAndBirthDate, Doubt::NumberDigit)),
            ("042185990009", "Nguyễn Thị Mỹ Hoà", "1985", she, Doubtful(NameAndBirthDate, Doubt::NumberDigit)),
            ("042185990009", "Nguyễn Thị Mĩ Hoà", born, she, No),
            ("042185990009", "Nguyễn Thị Mỹ Hoà", born, "male", No),
            ("042185990011", "Nguyễn Thị Mỹ Hoà", born, she, No),
            ("", "Nguyễn Thị Mỹ Hoà", born, she, Sure(NameAndBirthDate)),
            ("", "Nguyễn Thị Mỹ Hoà", "1985", she, IfUnique(NameAndBirthDate)),
            ("", "Nguyễn Thị Mỹ Hoà", "1985-01-01", she, IfUnique(NameAndBirthDate)),
            ("", "Nguyen Thi My Hoa", born, she, Doubtful(FoldedNameAndBirthDate, Doubt::NameMarks)),
            ("", "Nguyễn Thị Mĩ Hoà", born, she, Doubtful(FoldedNameAndBirthDate, Doubt::NameSpelling)),
            ("", "Nguyễn Mỹ Hoà", born, she, Doubtful(FoldedNameAndBirthDate, Doubt::MiddleName)),
            ("", "Nguyễn Thị Mỹ Hoà", "1985-07-03", she, Doubtful(NameAndBirthDate, Doubt::DayAndMonth)),
            ("", "Nguyễn Thị Mỹ Hoà", "1986-03-07", she, Doubtful(NameAndBirthDate, Doubt::BirthDateDigit)),
            ("", "Nguyễn Thị Mĩ Hoà", "1985-07-03", she, No),
            ("", "Nguyễn Thị Mỹ Hoà", born, "male", No),
            ("", "Nguyễn Thị Mỹ Hoà", "1986", she, No),
            ("", "Nguyễn Thị Mỹ Hoà", "1996-03-08", she, No),
            ("", "Nguyễn Thị Mỹ Hoà", "", she, No),
            ("", "Nguyễn Thị Mỹ", born, she, No),
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
