//! Whether a document belongs to a person: by personal ID, else by name, birth date and sex. Pure.
//!
//! A document that carries the person's number may still be somebody else's: where neither its name nor its birth date is the
//! person's, the number was given to the wrong holder. Without a number, the exact name with birth date and sex decides; a
//! name that agrees only without its marks needs the issuer's word.

use crate::base::text::{exact_key, folded_key};
use crate::base::{PartialDate, PersonalId};
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

/// Compares the holder on a document with a person.
pub fn match_holder(person: &Person, holder: &Object) -> Match {
    let name = compare_names(person.payload.text("full_name"), holder.text("full_name"));
    let date = compare_dates(person.payload.text("birth_date"), holder.text("birth_date"));
    if let Some(number) = holder.text("personal_id") {
        let own = PersonalId::parse(number).is_some_and(|number| person.numbers.contains(&number));
        return match (own, name, date) {
            (false, _, _) => Match::No,
            (true, Same::No, Same::No) => Match::No,
            (true, Same::No, _) | (true, _, Same::No) => Match::Doubtful(MatchedBy::PersonalId),
            (true, _, _) => Match::Sure(MatchedBy::PersonalId),
        };
    }
    let sex_agrees = match (person.payload.text("sex"), holder.text("sex")) {
        (Some(ours), Some(theirs)) => ours == theirs,
        _ => true,
    };
    match (name, date) {
        (Same::Exactly, Same::Exactly) if sex_agrees => Match::Sure(MatchedBy::NameAndBirthDate),
        (Same::Folded, Same::Exactly) if sex_agrees => Match::Doubtful(MatchedBy::FoldedNameAndBirthDate),
        _ => Match::No,
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Same {
    Exactly,
    Folded,
    Unknown,
    No,
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

    fn person() -> Person {
        let number = |text| PersonalId::parse(text).expect("id");
        let payload =
            Object::new().with("full_name", "Nguyễn Thị Hòa").with("birth_date", "1985-03-07").with("sex", "female");
        Person {
            personal_id: number("042185990002"),
            numbers: vec![number("042185990002"), number("042185990003")],
            payload,
        }
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
            assert_eq!(match_holder(&person(), &holder), outcome, "{number} {name} {date} {sex}");
        }
    }
}
