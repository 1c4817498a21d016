//! Entries of civil status: the births, marriages and deaths that the people of a household have behind them, as far as the electronic register
//! goes back.

use crate::base::Date;
use crate::base::seed::Draws;
use crate::simulation::document::civil_status::{BirthEntry, DeathEntry, Entry, MarriageEntry, Party};
use crate::simulation::document::{Address, Document as _, Record};
use crate::simulation::geography::REORGANISED;
use crate::simulation::names::Sex;

use super::calendar::{draw_act, draw_day, plus_days, plus_years};
use super::citizen::Citizen;
use super::home::Home;
use super::numbers::Numbers;

/// Entries of before are in books of paper: the units' present codes are no older.
const KEPT_SINCE: Date = Date::constant(2004, 7, 8);

/// The entries of a household's people.
pub fn entries(
    citizens: &[Citizen],
    home: &Home,
    draws: &mut Draws,
    numbers: &mut Numbers,
    today: Date,
) -> Vec<Record> {
    let mut books = Books { citizens, home, draws, numbers, today };
    let mut records = Vec::new();
    for citizen in citizens {
        records.extend(books.birth(citizen).map(|entry| entry.record()));
        records.extend(books.marriage(citizen).map(|entry| entry.record()));
        records.extend(books.death(citizen).map(|entry| entry.record()));
    }
    records
}

struct Books<'a> {
    citizens: &'a [Citizen],
    home: &'a Home,
    draws: &'a mut Draws,
    numbers: &'a mut Numbers,
    today: Date,
}

impl<'a> Books<'a> {
    /// The entry of a birth, in the unit where the register of people says that it was registered; one in twenty-five came late.
    fn birth(&mut self, child: &Citizen) -> Option<BirthEntry> {
        let person = &child.person;
        let (from, to) = if self.draws.chance(0.04) { (70, 500) } else { (3, 55) };
        let registered = draw_act(self.draws, plus_days(child.birth, from), plus_days(child.birth, to));
        let parent = |id: Option<crate::base::PersonalId>| self.find(id).map(party);
        let (mother, father) = (parent(person.mother_id), parent(person.father_id));
        let unit = person.birth_registration_place.clone();
        let entry = self.entry(registered, unit)?;
        Some(BirthEntry {
            entry,
            child: party(child),
            ethnicity: Some(person.ethnicity),
            birth_place: person.birth_place.clone(),
            hometown: Some(person.hometown.clone()),
            mother,
            father,
        })
    }

    /// The entry of a marriage that stands, written for the husband: before the first child, where that is known.
    fn marriage(&mut self, husband: &Citizen) -> Option<MarriageEntry> {
        if husband.person.sex != Sex::Male || husband.is_dead() {
            return None;
        }
        let wife = self.find(husband.person.spouse_id)?;
        let of_age = plus_years(husband.birth, 20).max(plus_years(wife.birth, 18));
        let is_child = |child: &&Citizen| child.person.mother_id == Some(wife.person.personal_id);
        let first_child = self.citizens.iter().filter(is_child).map(|child| child.birth).min();
        let latest = first_child.unwrap_or(self.today).min(plus_years(of_age, 9)).max(of_age);
        let married = draw_act(self.draws, plus_days(of_age, 1), latest);
        let entry = self.entry(married, self.home.place_on(married))?;
        Some(MarriageEntry { entry, husband: party(husband), wife: party(wife), ended: None })
    }

    fn death(&mut self, citizen: &Citizen) -> Option<DeathEntry> {
        let died = citizen.person.death_date?;
        let day = died.full()?;
        let latest = draw_day(self.draws, plus_days(day, 5), plus_days(day, 14));
        let registered = draw_act(self.draws, plus_days(day, 1), latest);
        let entry = self.entry(registered, self.home.place_on(registered))?;
        Some(DeathEntry { entry, deceased: party(citizen), died_on: died, death_place: None })
    }

    /// Where an entry stands; none of a day that is to come, of a day before the register, or of a unit elsewhere or of another time.
    fn entry(&mut self, registered_on: Date, unit: Address) -> Option<Entry> {
        let is_commune = unit.unit_code.len() == 5;
        let existed = unit.unit_valid_from.parse::<Date>().is_ok_and(|first| first <= registered_on);
        let ended = unit.unit_valid_from < "2025-07-01" && registered_on >= REORGANISED;
        if !(KEPT_SINCE..=self.today).contains(&registered_on) || !is_commune || !existed || ended {
            return None;
        }
        let name = unit.text.as_deref().unwrap_or_default();
        let authority = ["UBND ", commune_in(name)].concat();
        let unit = Address { text: None, ..unit };
        Some(Entry { number: self.numbers.entry(), registered_on, unit, authority })
    }

    fn find(&self, id: Option<crate::base::PersonalId>) -> Option<&'a Citizen> {
        self.citizens.iter().find(|citizen| Some(citizen.person.personal_id) == id)
    }
}

/// The part of an address that names the commune.
fn commune_in(address: &str) -> &str {
    let is_unit = |part: &&str| ["Xã ", "Phường ", "Thị trấn "].iter().any(|kind| part.starts_with(kind));
    address.split(", ").find(is_unit).unwrap_or("xã")
}

fn party(citizen: &Citizen) -> Party {
    let person = &citizen.person;
    Party {
        personal_id: Some(person.personal_id),
        full_name: person.full_name.clone(),
        birth_date: Some(person.birth_date),
        sex: Some(person.sex),
        residence: None,
    }
}
