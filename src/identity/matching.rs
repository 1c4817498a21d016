//! Whether a document belongs to a person: by personal ID, else by name, birth date and sex. Pure.
//!
//! A document that carries the person's number may still be somebody else's: where neither its name nor its birth date is the
//! person's, the number was given to the wrong holder. Their identity card of before (CMND) is a number of theirs, too. Without a number, the
//! exact name with birth date and sex decides; beside a number that is not known to be theirs it does not. What looks like a
//! slip or another way of writing (Mỹ and Mĩ, a dropped Thị, day and month exchanged, one wrong digit) is neither taken nor refused: the issuer
//! has the word, and is told what differs.

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
    /// The document carries no personal ID, and the number of the person's identity card of before.
    OldIdNumber,
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
            Self::OldIdNumber => "old_id_number",
            Self::NameAndBirthDate => "name_and_birth_date",
            Self::FoldedNameAndBirthDate => "folded_name_and_birth_date",
        }
    }

    /// Reads [`Self::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        [Self::PersonalId, Self::OldIdNumber, Self::NameAndBirthDate, Self::FoldedNameAndBirthDate]
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
    /// The identity card of before (CMND) has another number than the person's.
    OldNumber,
    /// The population register has no identity card of before to compare with the document's.
    OldNumberUnknown,
    /// The document knows its holder by a passport, which the population register does not have.
    Passport,
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
            Self::OldNumber => "OLD_NUMBER_DIFFERS",
            Self::OldNumberUnknown => "OLD_NUMBER_UNKNOWN",
            Self::Passport => "PASSPORT_UNKNOWN",
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
    /// By which number the document knows its holder, and how it would match.
    paper: Paper,
    number: Same,
    name: Same,
    birth_date: Same,
    sex: Same,
}

/// The papers by which a document may know its holder; the first of them that it names counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Paper {
    PersonalId,
    OldIdNumber,
    Passport,
}

impl Paper {
    fn item(self) -> &'static str {
        match self {
            Self::PersonalId => "holder.personal_id",
            Self::OldIdNumber => "holder.old_id_number",
            Self::Passport => "holder.passport",
        }
    }

    fn matched_by(self) -> MatchedBy {
        if self == Self::OldIdNumber { MatchedBy::OldIdNumber } else { MatchedBy::PersonalId }
    }
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
        let (paper, number) = compare_papers(person, holder);
        Self {
            paper,
            number,
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
        let by = self.paper.matched_by();
        let doubtful = |doubt| Match::Doubtful(by, doubt);
        match (self.name, self.birth_date) {
            (Same::No, Same::No) => Match::No,
            (Same::No, _) => doubtful(Doubt::Name),
            (_, Same::No) => doubtful(Doubt::BirthDate),
            _ if self.sex == Same::No => doubtful(Doubt::Sex),
            // Marks are what old systems lose: with the number, the name is no less certain for it.
            (Same::Nearly(doubt), _) if doubt != Doubt::NameMarks => doubtful(doubt),
            (_, Same::Nearly(doubt)) => doubtful(doubt),
            _ => Match::Sure(by),
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
        let number = (self.paper.item(), self.number);
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

/// Compares the first paper that a document names with the person's.
fn compare_papers(person: &Person, holder: &Object) -> (Paper, Same) {
    if let Some(number) = holder.text("personal_id") {
        return (Paper::PersonalId, compare_numbers(person, number));
    }
    if let Some(number) = holder.text("old_id_number") {
        let same = match person.payload.text("old_id_number") {
            Some(own) if own == number => Same::Exactly,
            Some(own) if differ_by_one(own, number) => Same::Nearly(Doubt::NumberDigit),
            Some(_) => Same::Nearly(Doubt::OldNumber),
            None => Same::Nearly(Doubt::OldNumberUnknown),
        };
        return (Paper::OldIdNumber, same);
    }
    match holder.contains("passport") {
        true => (Paper::Passport, Same::Nearly(Doubt::Passport)),
        false => (Paper::PersonalId, Same::Unknown),
    }
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
    use crate::trust::Value;

    fn person() -> Person {
        let number = |text| PersonalId::parse(text).expect("id");
        let payload =
            Object::new().with("full_name", "Nguyễn Thị Mỹ Hòa").with("birth_date", "1985-03-07").with("sex", "female");
        let current = number("042185990002");
        let numbers = Numbers { superseded: vec![number("042185990003")], ..Numbers::only(current) };
        Person { numbers, payload }
    }

    /// A holder whom the document knows by another paper than a personal ID.
    #[test]
    fn an_old_card_counts_as_a_number_and_another_paper_is_confirmed() {
        use Match::{Doubtful, No, Sure};
        use MatchedBy::{NameAndBirthDate, OldIdNumber};
        let passport = || Value::Object(Object::new().with("country", "VN").with("number", "C1234567"));
        let old = |number: &str| Value::from(number);
        let (name, born) = ("Nguyễn Thị Mỹ Hoà", "1985-03-07");
        let (own, slip, other) = ("183456789", "183456780", "189900012");
        // the person's own card, the paper, its value, name, birth date → outcome
        let cases = [
            (own, "old_id_number", old(own), name, born, Sure(OldIdNumber)),
            (own, "old_id_number", old(own), name, "1985", Sure(OldIdNumber)),
            (own, "old_id_number", old(own), "Trần Văn Nam", born, Doubtful(OldIdNumber, Doubt::Name)),
            (own, "old_id_number", old(own), "Trần Văn Nam", "1990-01-02", No),
            (own, "old_id_number", old(slip), name, born, Doubtful(NameAndBirthDate, Doubt::NumberDigit)),
            (own, "old_id_number", old(other), name, born, Doubtful(NameAndBirthDate, Doubt::OldNumber)),
            (own, "old_id_number", old(other), name, "1985", Doubtful(NameAndBirthDate, Doubt::OldNumber)),
            (own, "old_id_number", old(other), "Nguyễn Thị Mĩ Hoà", born, No),
            ("", "old_id_number", old(other), name, born, Doubtful(NameAndBirthDate, Doubt::OldNumberUnknown)),
            (own, "passport", passport(), name, born, Doubtful(NameAndBirthDate, Doubt::Passport)),
            (own, "passport", passport(), name, "1986", No),
        ];
        for (card, paper, number, name, born, outcome) in cases {
            let mut person = person();
            if !card.is_empty() {
                person.payload.insert("old_id_number", card);
            }
            let mut holder = Object::new().with("full_name", name).with("birth_date", born).with("sex", "female");
            holder.insert(paper, number);
            let found = Comparison::of(&person, &holder);
            assert_eq!(found.outcome(), outcome, "{card} {paper} {name} {born}");
            assert_eq!(found.items()[0].0, format!("holder.{paper}"));
            // A personal ID on the same document takes precedence.
            let known = Comparison::of(&person, &holder.with("personal_id", "042185990011"));
            assert_eq!(known.outcome(), No);
        }
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
