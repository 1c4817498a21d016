//! The numbers that lead to one person: the rule on `superseded_ids`, implemented here alone.
//!
//! A resident record that lists a number as superseded makes a *claim*, and a claim alone must not open another person's documents.
//! It counts only when
//!
//! - the number has no resident record of its own, or that record is `cancelled` (the number of a person who has died stays
//!   theirs, and a re-established number is its holder's again), and
//! - every other record that claims it leads to the same person, and
//! - the claim ends, within [`CHAIN_MAX`] steps and without a loop, at a record that is not cancelled.
//!
//! Any other claim proves nothing, anywhere: the number is treated on its own. The exchange, the province's view and search,
//! links and presentations all ask here.
//!
//! ```text
//! A ◀─claims─ B (cancelled) ◀─claims─ C      A, B and C lead to C
//! A (active) ◀─claims─ B                     A leads to A, B to B
//! A (absent) ◀─claims─ B, C                  A leads to nobody, B to B, C to C
//! ```
//!
//! A number that leads to nobody is treated on its own: records may carry it all the same, and [`Standing`] tells that nobody may act under it.
//!
//! `Register` holds the records read so far, and the walk over it is pure; [`resolve`] reads the missing ones.

pub mod ask;

use std::collections::BTreeMap;

use async_trait::async_trait;

use crate::base::{PartialDate, PersonalId, Result};
use crate::trust::{Object, Value};

/// Longest chain of claims that is followed.
pub const CHAIN_MAX: usize = 8;
/// Most numbers of one person.
pub const NUMBERS_MAX: usize = 16;
/// Most records that may claim one number; claims on a number with more are void.
pub const CLAIMANTS_MAX: usize = 8;
/// Most reads that one number may cost.
const ASKS_MAX: usize = 64;
/// Most steps of one walk, so that a tangle of claims costs no more than a chain.
const STEPS_MAX: usize = 256;

/// The part of a resident record that concerns numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its own number.
    pub number: PersonalId,
    /// The numbers that it claims to have replaced.
    pub claims: Vec<PersonalId>,
    /// Its status; a cancelled record has given its number up.
    pub standing: Standing,
    /// The birth date of its person.
    pub born: Option<PartialDate>,
}

/// The status of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// No resident record has it and none claims it: a person of another province, or nobody.
    Unknown,
    /// A living person holds it.
    Living,
    /// Its holder has died; it stays theirs.
    Deceased,
    /// It was cancelled and leads to nobody: it has no successor, or several claim it.
    GivenUp,
}

impl Entry {
    /// The fields of a `resident.person.v1` payload that are needed for it.
    pub const FIELDS: [&'static str; 5] = ["birth_date", "life_status", "personal_id", "status", "superseded_ids"];

    /// Reads a `resident.person.v1` payload, of which [`Self::FIELDS`] are enough; `None` without a personal ID.
    pub fn of(payload: &Object) -> Option<Self> {
        let claims = payload.array("superseded_ids").unwrap_or_default().iter();
        Some(Self {
            number: PersonalId::parse(payload.text("personal_id")?)?,
            claims: claims.filter_map(Value::as_text).filter_map(PersonalId::parse).collect(),
            standing: match (payload.text("status"), payload.text("life_status")) {
                (Some("cancelled"), _) => Standing::GivenUp,
                (Some("deceased"), _) | (_, Some("deceased")) => Standing::Deceased,
                _ => Standing::Living,
            },
            born: payload.text("birth_date").and_then(PartialDate::parse),
        })
    }

    /// A record that exists and proves nothing: one that does not verify.
    pub fn unproved(number: PersonalId) -> Self {
        Self { number, claims: Vec::new(), standing: Standing::Living, born: None }
    }
}

/// The numbers of one person, and the status of the present one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Numbers {
    /// The number that the person holds now.
    pub current: PersonalId,
    /// Those that it replaced, nearest first.
    pub superseded: Vec<PersonalId>,
    /// The status of the present one.
    pub standing: Standing,
    /// The person's birth date, if the register has it.
    pub born: Option<PartialDate>,
}

impl Numbers {
    /// A number on its own, about which nothing is known.
    pub fn only(number: PersonalId) -> Self {
        Self { current: number, superseded: Vec::new(), standing: Standing::Unknown, born: None }
    }

    /// Whether a person holds the present one, or held it until death.
    pub fn is_held(&self) -> bool {
        matches!(self.standing, Standing::Living | Standing::Deceased)
    }

    /// Whether this is one of them.
    pub fn contains(&self, number: PersonalId) -> bool {
        self.all().any(|own| own == number)
    }

    /// All numbers, the present one first.
    pub fn all(&self) -> impl Iterator<Item = PersonalId> + '_ {
        std::iter::once(self.current).chain(self.superseded.iter().copied())
    }
}

/// A source of resident records. Its answers are used as they are: an implementation verifies first.
#[async_trait]
pub trait Residents: Send + Sync {
    /// The record whose own number this is.
    async fn record(&self, number: PersonalId) -> Result<Option<Entry>>;

    /// The records that claim this number; at most [`CLAIMANTS_MAX`] + 1 are of interest.
    async fn claimants(&self, number: PersonalId) -> Result<Vec<Entry>>;
}

/// The numbers of the person whom `number` leads to; a number that leads to nobody is on its own.
pub async fn resolve(number: PersonalId, residents: &dyn Residents) -> Result<Numbers> {
    let mut register = Register::default();
    for _ in 0..ASKS_MAX {
        match register.numbers(number) {
            Ok(numbers) => return Ok(numbers),
            Err(Ask::Record(asked)) => register.learn(asked, residents.record(asked).await?),
            Err(Ask::Claimants(asked)) => register.learn_claimants(asked, residents.claimants(asked).await?),
        }
    }
    Ok(register.alone(number))
}

/// The resident records read so far.
#[derive(Debug, Default)]
struct Register {
    records: BTreeMap<PersonalId, Option<Entry>>,
    claimants: BTreeMap<PersonalId, Vec<PersonalId>>,
}

/// The record or claims to read next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ask {
    Record(PersonalId),
    Claimants(PersonalId),
}

/// Reasons why a walk ends early.
enum Stop {
    Ask(Ask),
    /// A loop, or too long a chain.
    Unprovable,
}

/// One walk along claims.
#[derive(Default)]
struct Walk {
    path: Vec<PersonalId>,
    steps: usize,
}

impl Register {
    fn learn(&mut self, number: PersonalId, found: Option<Entry>) {
        self.records.insert(number, found);
    }

    fn learn_claimants(&mut self, number: PersonalId, found: Vec<Entry>) {
        self.claimants.insert(number, found.iter().map(|entry| entry.number).collect());
        for entry in found {
            self.records.entry(entry.number).or_insert(Some(entry));
        }
    }

    /// The numbers of the person whom `number` leads to, or the next read that is needed.
    fn numbers(&self, number: PersonalId) -> Result<Numbers, Ask> {
        let current = match self.holder(number, &mut Walk::default()) {
            Ok(current) => current,
            Err(Stop::Ask(ask)) => return Err(ask),
            Err(Stop::Unprovable) => return Ok(self.alone(number)),
        };
        let Some(own) = self.record(current)? else { return Ok(self.alone(number)) };
        let mut all = vec![current];
        let mut at = 0;
        while let Some(next) = all.get(at).copied() {
            at += 1;
            let claims = self.record(next)?.map_or(&[][..], |entry| &entry.claims);
            for claim in claims {
                if all.len() == NUMBERS_MAX || all.contains(claim) {
                    continue;
                }
                match self.holder(*claim, &mut Walk::default()) {
                    Ok(holder) if holder == current => all.push(*claim),
                    Ok(_) | Err(Stop::Unprovable) => {}
                    Err(Stop::Ask(ask)) => return Err(ask),
                }
            }
        }
        // A number that its holder's records don't lead back to is past the limits.
        if !all.contains(&number) {
            return Ok(self.alone(number));
        }
        Ok(Numbers { current, superseded: all.split_off(1), standing: own.standing, born: own.born })
    }

    /// The present number that `number` leads to: itself, unless it was given up and one person claims it.
    fn holder(&self, number: PersonalId, walk: &mut Walk) -> Result<PersonalId, Stop> {
        if self.is_held(number)? {
            return Ok(number);
        }
        walk.steps += 1;
        if walk.path.contains(&number) || walk.path.len() == CHAIN_MAX || walk.steps > STEPS_MAX {
            return Err(Stop::Unprovable);
        }
        let claimants = self.claimants.get(&number).ok_or(Stop::Ask(Ask::Claimants(number)))?;
        if claimants.len() > CLAIMANTS_MAX {
            return Ok(number);
        }
        walk.path.push(number);
        let mut holder = None;
        for claimant in claimants {
            let found = self.holder(*claimant, walk)?;
            // A cancelled record without a successor makes no claims.
            if !self.is_held(found)? {
                continue;
            }
            if holder.is_some_and(|other| other != found) {
                holder = None; // two people claim it: neither has it
                break;
            }
            holder = Some(found);
        }
        walk.path.pop();
        Ok(holder.unwrap_or(number))
    }

    /// Whether the number has a record that is not cancelled.
    fn is_held(&self, number: PersonalId) -> Result<bool, Stop> {
        Ok(self.record(number).map_err(Stop::Ask)?.is_some_and(|entry| entry.standing != Standing::GivenUp))
    }

    fn record(&self, number: PersonalId) -> Result<Option<&Entry>, Ask> {
        self.records.get(&number).map(Option::as_ref).ok_or(Ask::Record(number))
    }

    fn alone(&self, number: PersonalId) -> Numbers {
        let only = Numbers::only(number);
        match self.records.get(&number) {
            Some(Some(own)) => Numbers { standing: own.standing, born: own.born, ..only },
            _ if self.claimants.get(&number).is_some_and(|found| !found.is_empty()) => {
                Numbers { standing: Standing::GivenUp, ..only }
            }
            _ => only,
        }
    }
}

#[cfg(test)]
mod tests;
