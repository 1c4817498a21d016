//! Who is in a situation, and with whom: the identity that a situation is built around, and the cast of those whom it names.
//!
//! A situation says what is special about somebody; who they are is given to it. So the same row of the catalogue makes a persona, whose numbers
//! never change, and any number of new citizens.

use std::collections::BTreeMap;

use crate::base::{Date, PersonalId};
use crate::simulation::geography::Commune;
use crate::simulation::names::Sex;

/// The identity of a citizen who is made one by one.
#[derive(Debug, Clone)]
pub struct Identity {
    /// Twelve digits, the last six from 990000 on.
    pub personal_id: PersonalId,
    /// As registered.
    pub full_name: String,
    /// As registered, or the true one where the register knows only the year.
    pub birth: Date,
    /// Where they live.
    pub commune: &'static Commune,
    /// Of a created citizen, which piece of land in the commune is theirs.
    pub parcel: u64,
}

impl Identity {
    /// The sex that the old structure of personal IDs states; these IDs keep to it.
    pub fn sex(&self) -> Sex {
        if self.personal_id.as_str().as_bytes()[3].is_multiple_of(2) { Sex::Male } else { Sex::Female }
    }

    /// Their ordinal within the reserved range.
    pub fn ordinal(&self) -> u64 {
        ordinal_of(self.personal_id)
    }
}

/// The ordinal of a personal ID of the reserved range.
pub fn ordinal_of(personal_id: PersonalId) -> u64 {
    personal_id.as_str()[8..].parse().unwrap_or(0)
}

/// Who plays which persona of the catalogue.
#[derive(Debug, Clone, Default)]
pub struct Cast {
    /// By the persona's ID in the catalogue.
    pub people: BTreeMap<&'static str, Identity>,
    /// Further numbers that the catalogue names, and those that stand for them here.
    pub numbers: BTreeMap<&'static str, PersonalId>,
}

impl Cast {
    /// A text of the catalogue with the numbers of this cast.
    pub fn put_into(&self, text: &str) -> String {
        let people = self.people.iter().map(|(known, identity)| (*known, identity.personal_id));
        let numbers = self.numbers.iter().map(|(known, number)| (*known, *number));
        people.chain(numbers).filter(|(known, _)| !known.is_empty()).fold(text.to_owned(), |text, (known, number)| {
            let old = |ordinal| super::reserved::old_id_number(ordinal);
            let known_old = PersonalId::parse(known).map(|known| old(ordinal_of(known))).unwrap_or_default();
            text.replace(known, number.as_str()).replace(&known_old, &old(ordinal_of(number)))
        })
    }
}

/// Somebody in a situation, on a day.
#[derive(Debug, Clone, Copy)]
pub struct Scene<'a> {
    /// Who it is about.
    pub own: &'a Identity,
    /// The others.
    pub cast: &'a Cast,
    /// The day.
    pub today: Date,
}

impl Scene<'_> {
    /// The same situation seen from another of the cast.
    pub fn of(&self, persona: &str) -> Option<Self> {
        Some(Scene { own: self.cast.people.get(persona)?, ..*self })
    }

    /// The number that stands for one that the catalogue names.
    pub fn number(&self, known: &str) -> Option<PersonalId> {
        self.cast.numbers.get(known).copied().or_else(|| PersonalId::parse(known))
    }
}
