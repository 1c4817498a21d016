//! Personas: documented synthetic citizens, each in a situation that an integrator wants to meet on demand.
//!
//! Their personal IDs have last six digits from 990000 on, which the generator never issues; they are the same in every
//! world, whatever its seed. Removing one, or changing what it stands for, is a breaking change.
//!
//! Besides those that stand for a situation there are three whom a situation needs: the other person with one old
//! number (021), a husband (022) and a mother (023). Those numbered 101 to 106 and 201 to 206 have ordinary records, and a rule of
//! [`super::faults`] about what goes wrong when these are read.

mod catalogue;
mod life;
mod meets;
mod situations;

use crate::base::{Date, PersonalId};

use super::document::Record;
use super::faults::Rules;
use super::population::Account;
use catalogue::{PersonaRow, ROWS};

pub use meets::Meets;

/// A persona with all its records.
#[derive(Debug, Clone)]
pub struct Persona {
    /// Twelve digits.
    pub personal_id: PersonalId,
    /// As registered.
    pub full_name: &'static str,
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

/// The rules of the personas' faults.
pub fn faults() -> Rules {
    ROWS.iter().filter_map(PersonaRow::rule).collect()
}

fn persona(row: &PersonaRow, today: Date) -> Option<Persona> {
    let identity = row.identity()?;
    let life = (row.life)(&identity, today);
    Some(Persona {
        personal_id: identity.personal_id,
        full_name: row.name,
        situation: row.situation,
        expectation: row.expectation,
        meets: row.meets,
        command: row.command(),
        records: life.records(),
        later: life.later,
        account: life.account,
        links: life.links,
        refuses_consents: life.refuses_consents,
    })
}

#[cfg(test)]
mod tests;
