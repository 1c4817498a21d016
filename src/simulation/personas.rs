//! Personas: documented synthetic citizens, each in a situation that an integrator wants to meet on demand.
//!
//! Their personal IDs have last six digits from 990000 on, which the generator never issues; they are the same in every
//! world, whatever its seed. Removing one, or changing what it stands for, is a breaking change.
//!
//! Besides those that stand for a situation there are three whom a situation needs: the other person with one old
//! number (021), a husband (022) and a mother (023). Those numbered 101 to 106 and 201 to 206 have ordinary records, and a rule of
//! [`super::faults`] about what goes wrong when these are read.

mod catalogue;
pub mod demands;
pub mod entries;
pub mod identity;
mod life;
mod meets;
pub mod reserved;
mod situations;

use crate::base::{Date, PersonalId};

use super::document::Record;
use super::faults::Rule;
use super::population::Account;
use catalogue::{PERSONAS, ROWS};
use identity::Scene;

pub use catalogue::PersonaRow;
pub use life::Life;
pub use meets::Meets;

/// A persona with all its records.
#[derive(Debug, Clone)]
pub struct Persona {
    /// Twelve digits.
    pub personal_id: PersonalId,
    /// As registered.
    pub full_name: &'static str,
    /// What the situation is called where a new citizen is put into it.
    pub key: &'static str,
    /// The situation.
    pub situation: &'static str,
    /// The result that a caller meets, in words.
    pub expectation: &'static str,
    /// The same as values.
    pub meets: &'static [Meets],
    /// A command to copy, for a gateway on 127.0.0.1:50051.
    pub command: String,
    /// First versions, in the order in which they may be submitted.
    pub records: Vec<Record>,
    /// Later versions, to be submitted after the links have been made.
    pub later: Vec<Record>,
    /// The account, if there is one.
    pub account: Option<Account>,
    /// Record types whose documents are linked from the beginning, all of the persona's.
    pub links: &'static [&'static str],
    /// Whether the citizen refuses every agency and purpose.
    pub refuses_consents: bool,
}

/// All personas as they are on `today`, which lies after the reorganisation of 1 July 2025.
pub fn all(today: Date) -> Vec<Persona> {
    ROWS.iter().filter_map(|row| persona(row, today)).collect()
}

/// The row of the persona in a situation, by the situation's key or by the persona's ID.
pub fn situation(name: &str) -> Option<&'static PersonaRow> {
    ROWS.iter().find(|row| row.key == name || row.id == name)
}

/// What the situations are called.
pub fn situations() -> impl Iterator<Item = &'static str> {
    ROWS.iter().map(|row| row.key)
}

/// The rules of the personas' faults.
pub fn faults() -> Vec<Rule> {
    ROWS.iter().filter_map(|row| row.rule(PersonalId::parse(row.id)?)).collect()
}

fn persona(row: &PersonaRow, today: Date) -> Option<Persona> {
    let scene = Scene { own: PERSONAS.people.get(row.id)?, cast: &PERSONAS, today };
    let life = (row.life)(&scene);
    Some(Persona {
        personal_id: scene.own.personal_id,
        full_name: row.name,
        key: row.key,
        situation: row.situation,
        expectation: row.expectation,
        meets: row.meets,
        command: row.command(&scene),
        records: life.records(),
        later: life.later,
        account: life.account,
        links: life.links,
        refuses_consents: life.refuses_consents,
    })
}

#[cfg(test)]
mod tests;
