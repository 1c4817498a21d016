//! The holder of a document, if the document and one person do not settle it: other people with its number, its name, its old number.

use crate::base::{Error, PartialDate, PersonalId, Reason, Result, Timestamp};
use crate::registry::RecordType;
use crate::registry::numbers::Numbers;
use crate::trust::Object;

use super::matching::{Comparison, Match, MatchedBy, is_anothers, number_of};
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
    if let Some(number) = number_of(of, payload) {
        return Ok(!person.numbers.contains(number) && registries.person(number, now).await?.is_some());
    }
    // An identity card of before that is not the person's, and is that of somebody of the same name and birth date.
    let Some(old_number) = of.holder(payload).and_then(|holder| holder.text("old_id_number")) else { return Ok(false) };
    if person.payload.text("old_id_number") == Some(old_number) {
        return Ok(false);
    }
    let others = registries.holding(old_number, now).await?.into_iter().map(|payload| {
        let number = payload.text("personal_id").and_then(PersonalId::parse)?;
        (!person.numbers.contains(number)).then(|| Person { numbers: Numbers::only(number), payload })
    });
    let is_theirs = |other: Person| {
        let holder = of.holder(payload).map(|holder| Comparison::of(&other, holder).outcome());
        matches!(holder, Some(Match::Sure(_)))
    };
    Ok(others.flatten().any(is_theirs))
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
        && registries.holding(old_number, now).await?.len() > 1
    {
        return Err(Error::new(Reason::MultipleMatches, "the document's holder could be more than one person")
            .with_subject("document", "holder"));
    }
    Ok(())
}
