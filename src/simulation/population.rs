//! The generated population: household after household, each with all its records, from a seed and a date.
//!
//! The same seed, size and date give the same bytes. Every household and person has a branch of the seed tree of its
//! own, and every registry's documents a branch below the person, so that one more draw in one place changes nothing
//! else. Memory does not grow with the size: numbers are unique by counting, nothing that was generated is kept.

pub mod account;
mod business;
pub mod calendar;
mod citizen;
mod civil;
mod employer;
mod family;
mod home;
mod insurance;
mod justice;
mod land;
mod licence;
pub mod numbers;
mod organisation;
mod origin;
pub mod table;
mod vehicle;

pub use account::Account;
pub use home::lives_in;

use crate::base::seed::Draws;
use crate::base::{Date, PersonalId, Seed};

use super::document::{Document, Record};
use citizen::Citizen;
use employer::Employers;
use home::Home;
use numbers::Numbers;
use organisation::{Foreigner, Organisation};

/// Most citizens that one population can have: up to here all numbers are unique.
pub const CITIZENS_MAX: u64 = 5_000_000;

/// Citizens of a province in which the larger employers own all that they do.
const EMPLOYERS_OF: u64 = 20_000;

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
    employers: Employers,
    today: Date,
    households: u64,
    citizens: u64,
    citizens_left: u64,
}

impl Population {
    /// A population of exactly `citizens` people, at most [`CITIZENS_MAX`], as the registries know them on `today`.
    pub fn new(seed: Seed, citizens: u64, today: Date) -> Self {
        let seed = seed.child("population", 0);
        let citizens = citizens.min(CITIZENS_MAX);
        let mut numbers = Numbers::new(&seed.child("numbers", 0));
        let employers = Employers::new(&mut numbers);
        Self { seed, numbers, employers, today, households: 0, citizens, citizens_left: citizens }
    }

    /// The counters, for whoever adds records to those of the population.
    pub fn numbers_mut(&mut self) -> &mut Numbers {
        &mut self.numbers
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
            family::cut(&mut members, self.citizens_left as usize);
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
    fn identify(&mut self, numbers: &mut Numbers) -> (Vec<origin::Origin>, Vec<PersonalId>) {
        origin::identify(&self.members, &self.home, &mut self.draws, numbers)
    }
}

impl Iterator for Population {
    type Item = Batch;

    fn next(&mut self) -> Option<Batch> {
        let mut household = self.household()?;
        let (origins, ids) = household.identify(&mut self.numbers);
        let Household { seed, mut draws, members, home } = household;
        let citizens = citizen::settle((&members, origins, &ids), &home, &mut draws, &mut self.numbers, self.today);
        Some(self.batch(&citizens, &home, &seed))
    }
}

impl Population {
    /// Everything about one household, each registry's documents from a branch of their own.
    fn batch(&mut self, citizens: &[Citizen], home: &Home, seed: &Seed) -> Batch {
        let mut records = Vec::with_capacity(8 * citizens.len());
        records.extend(citizens.iter().map(|citizen| citizen.person.record()));
        records.extend(citizen::household(home, citizens).map(|household| household.record()));
        let mut accounts = Vec::with_capacity(citizens.len());
        let draws = |label: &str| seed.child(label, 0).draws();
        records.extend(civil::entries(citizens, home, &mut draws("civil"), &mut self.numbers, self.today));
        let employer = business::employer(citizens, home, &mut self.employers, &mut draws("employer"));
        for (at, citizen) in citizens.iter().enumerate() {
            self.papers((citizen, citizens), home, &seed.child("person", at as u64), &mut records);
            let person = seed.child("person", at as u64);
            accounts.extend(account::account(citizen, citizens, &mut person.child("account", 0).draws()));
        }
        let (parcels, certificates) = land::holdings(citizens, home, &mut draws("land"), &mut self.numbers, self.today);
        records.extend(parcels.iter().map(Document::record));
        records.extend(certificates.iter().map(Document::record));
        let shop = business::household_business(citizens, home, &mut draws("shop"), &mut self.numbers, self.today);
        records.extend(shop.map(|it| it.record()));
        let company = business::enterprise(citizens, home, &mut draws("company"), &mut self.numbers, self.today);
        let mut owning = draws("organisation");
        for enterprise in employer.iter().chain(&company) {
            records.push(enterprise.record());
            let mut owner = Organisation::enterprise(enterprise, home, &mut owning);
            if employer.is_some() {
                // The larger employers are the same ten in a province of any size.
                owner.scale_down(self.citizens, EMPLOYERS_OF);
            }
            self.possessions(&owner, &mut owning, &mut records);
        }
        if let Some(school) = Organisation::school(home, &mut owning, self.today) {
            self.possessions(&school, &mut owning, &mut records);
        }
        if owning.chance(0.0008) {
            let foreigner = Foreigner::draw(None, &mut owning);
            let car = vehicle::of_foreigner(&foreigner, home, &mut owning, &mut self.numbers, self.today);
            records.push(vehicle::record(&car, self.today));
        }
        let citizens = citizens.iter().map(|citizen| citizen.person.personal_id).collect();
        Batch { records, accounts, citizens }
    }

    /// One citizen's documents.
    fn papers(&mut self, (citizen, all): (&Citizen, &[Citizen]), home: &Home, seed: &Seed, records: &mut Vec<Record>) {
        let draws = |label: &str| seed.child(label, 0).draws();
        let numbers = &mut self.numbers;
        records.extend(insurance::membership(citizen, &self.employers, &mut draws("work")).map(|it| it.record()));
        records.extend(insurance::health_card(citizen, home.means, &mut draws("health")).map(|it| it.record()));
        records.extend(justice::record(citizen, home, &mut draws("justice")).map(|it| it.record()));
        let licence = licence::licence(citizen, &mut draws("licence"), numbers);
        records.extend(licence.iter().map(Document::record));
        let spouse = spouse_of(citizen, all);
        let vehicles = vehicle::vehicles(citizen, (licence.as_ref(), spouse), home, &mut draws("vehicle"), numbers);
        records.extend(vehicles.iter().map(|vehicle| vehicle::record(vehicle, self.today)));
    }

    /// The vehicles and the land of an organisation.
    fn possessions(&mut self, of: &Organisation<'_>, draws: &mut Draws, records: &mut Vec<Record>) {
        let vehicles = vehicle::fleet(of, draws, &mut self.numbers, self.today);
        records.extend(vehicles.iter().map(|vehicle| vehicle::record(vehicle, self.today)));
        let (parcels, certificates) = land::estate(of, draws, &mut self.numbers, self.today);
        records.extend(parcels.iter().map(Document::record));
        records.extend(certificates.iter().map(Document::record));
    }
}

fn spouse_of<'a>(citizen: &Citizen, citizens: &'a [Citizen]) -> Option<&'a Citizen> {
    let spouse = citizen.person.spouse_id?;
    citizens.iter().find(|other| other.person.personal_id == spouse)
}

#[cfg(test)]
mod tests;
