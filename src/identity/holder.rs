//! The holder of a document, if the document and one person do not settle it: other people with its number, its name, its old number.

use crate::base::{Error, PartialDate, Reason, Result, Timestamp};
use crate::registry::RecordType;
use crate::trust::Object;

use super::matching::{Match, MatchedBy, is_anothers, number_of};
use super::people::{Person, Registries};

/// Whether a document is another person's: also when its number differs from the person's in one digit, and another person has that number.
pub(super) async fn has_another_holder(
    registries: &Registries,
    person: &Person,
    of: &RecordType,
    payload: &Object,
    now: Timestamp,
) -> Result<bool> {
    if is_anothers(person, of, payload) {
        return Ok(true);
    }
    match number_of(of, payload).filter(|number| !person.numbers.contains(*number)) {
        Some(number) => Ok(registries.person(number, now).await?.is_some()),
        None => Ok(false),
    }
}

/// Whether nobody else in the province has the person's name, and a birth date that could be theirs.
pub(super) async fn is_unique(registries: &Registries, person: &Person, now: Timestamp) -> Result<bool> {
    let people = registries.catalogue().people().people.as_ref();
    let Some((folded, birth)) = people.and_then(|of| of.name_key(&person.payload)) else { return Ok(false) };
    let born = PartialDate { month: None, day: None, ..birth };
    Ok(registries.namesakes(&folded, born, &person.numbers, now).await? == 0)
}

/// Fails with [`MultipleMatches`](Reason::MultipleMatches) when a document was matched by an old number that leads to more than one person.
pub(super) async fn must_be_one_person(
    registries: &Registries,
    person: &Person,
    matched: Match,
    now: Timestamp,
) -> Result<()> {
    // Without a number on the document, an old number that leads to two people leaves open which of them is meant.
    let by = match matched {
        Match::Sure(by) | Match::IfUnique(by) | Match::Doubtful(by, _) => Some(by),
        Match::No => None,
    };
    if by.is_some_and(|by| by != MatchedBy::PersonalId)
        && let Some(old_number) = person.payload.text("old_id_number")
        && registries.sharing(old_number, now).await? > 1
    {
        return Err(Error::new(Reason::MultipleMatches, "the document's holder could be more than one person")
            .with_subject("document", "holder"));
    }
    Ok(())
}
