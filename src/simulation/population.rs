//! The generated population: household after household, each with all its records, from a seed and a date.
//!
//! The same seed, size and date give the same bytes. Every household and person has a branch of the seed tree of its
//! own, and every registry's documents a branch below the person, so that one more draw in one place changes nothing
//! else. Memory does not grow with the size: numbers are unique by counting, nothing that was generated is kept.

pub mod account;
mod business;
pub mod calendar;
mod citizen;
mod driving;
mod family;
mod insurance;
mod justice;
mod land;
pub mod numbers;

pub use account::Account;

use crate::base::seed::Draws;
use crate::base::{Date, PersonalId, Seed};

use super::document::{Document, Record};
use citizen::{Citizen, Home};
use numbers::Numbers;

/// Most citizens that one population can have: up to here all numbers are unique.
pub const CITIZENS_MAX: u64 = 5_000_000;

/// One household with everything that registries hold about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// Records in the order in which they may be submitted: people before what names them.
    pub records: Vec<Record>,
    /// Accounts of its members.
    pub accounts: Vec<Account>,
    /// Its members, the dead and moved out included.
    pub citizens: Vec<PersonalId>,
}

/// A population that is generated while it is read.
#[derive(Debug)]
pub struct Population {
    seed: Seed,
    numbers: Numbers,
    today: Date,
    households: u64,
    citizens_left: u64,
}

impl Population {
    /// A population of exactly `citizens` people, at most [`CITIZENS_MAX`], as the registries know them on `today`.
    pub fn new(seed: Seed, citizens: u64, today: Date) -> Self {
        let seed = seed.child("population", 0);
        let citizens_left = citizens.min(CITIZENS_MAX);
        Self { seed, numbers: Numbers::new(&seed.child("numbers", 0)), today, households: 0, citizens_left }
    }

    /// Only the personal IDs, household after household: without records, a fraction of the work.
    pub fn personal_ids(mut self) -> impl Iterator<Item = PersonalId> {
        std::iter::from_fn(move || {
            let mut household = self.household()?;
            Some(household.identify(&mut self.numbers).1)
        })
        .flatten()
    }

    fn household(&mut self) -> Option<Household> {
        if self.citizens_left == 0 {
            return None;
        }
        let seed = self.seed.child("household", self.households);
        self.households += 1;
        let mut draws = seed.draws();
        let mut members = family::draw(&mut draws, self.today);
        // the last household is cut, so that the size is exact
        if members.len() as u64 > self.citizens_left {
            members.truncate(self.citizens_left as usize);
            members[0] = family::Member { relation: "head", death: None, ..members[0].clone() };
            members[1..].iter_mut().filter(|member| member.relation == "head").for_each(|it| it.relation = "other");
        }
        self.citizens_left -= members.len() as u64;
        let home = Home::draw(&mut draws, &mut self.numbers);
        Some(Household { seed, draws, members, home })
    }
}

/// A household as it was drawn, before anybody in it has a number.
struct Household {
    seed: Seed,
    draws: Draws,
    members: Vec<family::Member>,
    home: Home,
}

impl Household {
    fn identify(&mut self, numbers: &mut Numbers) -> (Vec<citizen::Origin>, Vec<PersonalId>) {
        citizen::identify(&self.members, &self.home, &mut self.draws, numbers)
    }
}

impl Iterator for Population {
    type Item = Batch;

    fn next(&mut self) -> Option<Batch> {
        let mut household = self.household()?;
        let (origins, ids) = household.identify(&mut self.numbers);
        let Household { seed, mut draws, members, home } = household;
        let citizens = citizen::settle((&members, origins, &ids), &home, &mut draws, &mut self.numbers, self.today);
        Some(batch(&citizens, &home, &seed, &mut self.numbers, self.today))
    }
}

fn batch(citizens: &[Citizen], home: &Home, seed: &Seed, numbers: &mut Numbers, today: Date) -> Batch {
    let mut records = Vec::with_capacity(8 * citizens.len());
    records.extend(citizens.iter().map(|citizen| citizen.person.record()));
    records.extend(home.household(citizens).map(|household| household.record()));
    let mut accounts = Vec::with_capacity(citizens.len());
    for (at, citizen) in citizens.iter().enumerate() {
        let person = seed.child("person", at as u64);
        let draws = |label: &str| person.child(label, 0).draws();
        records.extend(insurance::membership(citizen, &mut draws("work"), today).map(|it| it.record()));
        records.extend(insurance::health_card(citizen, &mut draws("health"), today).map(|it| it.record()));
        records.extend(justice::record(citizen, &mut draws("justice"), today).map(|it| it.record()));
        records.extend(driving::licence(citizen, &mut draws("licence"), numbers, today).map(|it| it.record()));
        let spouse = spouse_of(citizen, citizens);
        let vehicles = driving::vehicles(citizen, spouse, &mut draws("vehicle"), numbers, today);
        records.extend(vehicles.iter().map(Document::record));
        accounts.extend(account::account(citizen, &mut draws("account")));
    }
    let draws = |label: &str| seed.child(label, 0).draws();
    let (parcels, certificates) = land::holdings(citizens, home, &mut draws("land"), numbers, today);
    records.extend(parcels.iter().map(Document::record));
    records.extend(certificates.iter().map(Document::record));
    let shop = business::household_business(citizens, home, &mut draws("shop"), numbers, today);
    records.extend(shop.map(|it| it.record()));
    let company = business::enterprise(citizens, home, &mut draws("company"), numbers, today);
    records.extend(company.map(|it| it.record()));
    let citizens = citizens.iter().map(|citizen| citizen.person.personal_id).collect();
    Batch { records, accounts, citizens }
}

fn spouse_of<'a>(citizen: &Citizen, citizens: &'a [Citizen]) -> Option<&'a Citizen> {
    let spouse = citizen.person.spouse_id?;
    citizens.iter().find(|other| other.person.personal_id == spouse)
}

#[cfg(test)]
mod tests;
