//! Entries of civil status: the births, marriages and deaths that the people of a household have behind them, as far as the electronic register
//! goes back.

use crate::base::Date;
use crate::base::seed::Draws;
use crate::simulation::document::civil_status::{
    AdoptionEntry, BirthEntry, ChangeEntry, DeathEntry, DivorceNote, Entry, MarriageEntry, Party,
};
use crate::simulation::document::{Address, Document as _, Record};
use crate::simulation::geography::REORGANISED;
use crate::simulation::names::{self, Sex};

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
        records.extend(books.ended_marriage(citizen));
        records.extend(books.death(citizen).map(|entry| entry.record()));
        records.extend(books.adoption(citizen).map(|entry| entry.record()));
        records.extend(books.change(citizen).map(|entry| entry.record()));
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
        self.wedding(husband, wife)
    }

    /// The entry of a marriage of two, before their first child, where that is known.
    fn wedding(&mut self, husband: &Citizen, wife: &Citizen) -> Option<MarriageEntry> {
        let of_age = plus_years(husband.birth, 20).max(plus_years(wife.birth, 18));
        let is_child = |child: &&Citizen| child.person.mother_id == Some(wife.person.personal_id);
        let first_child = self.citizens.iter().filter(is_child).map(|child| child.birth).min();
        let latest = first_child.unwrap_or(self.today).min(plus_years(of_age, 9)).max(of_age);
        let married = draw_act(self.draws, plus_days(of_age, 1), latest);
        let entry = self.entry(married, self.home.place_on(married))?;
        Some(MarriageEntry { entry, husband: party(husband), wife: party(wife), ended: None })
    }

    /// The marriage of two parents which has ended, written for the eldest child: by a death, or by a divorce with its note.
    fn ended_marriage(&mut self, child: &Citizen) -> Vec<Record> {
        let parents = self.find(child.person.father_id).zip(self.find(child.person.mother_id));
        let Some((father, mother)) = parents.filter(|(_, mother)| self.is_eldest(child, mother)) else {
            return Vec::new();
        };
        let states = [father.person.marital_status, mother.person.marital_status];
        let youngest = self.citizens.iter().filter(|of| of.person.mother_id == child.person.mother_id);
        let youngest = youngest.map(|child| child.birth).max().unwrap_or(child.birth);
        let died = father.person.death_date.or(mother.person.death_date).and_then(crate::base::PartialDate::full);
        let Some(mut marriage) = self.wedding(father, mother) else { return Vec::new() };
        let married = marriage.entry.registered_on;
        if let Some(died) = died.filter(|died| states.contains(&"widowed") && *died >= married) {
            let who = if father.is_dead() { "Chồng qua đời" } else { "Vợ qua đời" };
            marriage.ended = Some(("widowed", died, who.into()));
            return vec![marriage.record()];
        }
        if states != ["divorced"; 2] {
            return Vec::new();
        }
        let effective = draw_act(self.draws, youngest.max(plus_days(married, 200)).min(self.today), self.today);
        marriage.ended = Some(("divorced", effective, "Quyết định công nhận thuận tình ly hôn".into()));
        let (husband, wife) = (marriage.husband.clone(), marriage.wife.clone());
        let noted = draw_act(self.draws, effective, plus_days(effective, 40).min(self.today));
        let marriage_entry = marriage.entry.entry_number("KH");
        let note =
            self.entry(noted.max(effective), self.home.place_on(noted.max(effective))).map(|entry| DivorceNote {
                judgment_number: format!("{}/{}/QĐST-HNGĐ", entry.number % 190 + 1, effective.year()),
                entry,
                marriage_entry,
                husband,
                wife,
                court: "Tòa án nhân dân khu vực 1 - Hà Tĩnh",
                effective_on: effective,
            });
        [Some(marriage.record()), note.map(|note| note.record())].into_iter().flatten().collect()
    }

    fn is_eldest(&self, child: &Citizen, mother: &Citizen) -> bool {
        let of_hers = self.citizens.iter().filter(|of| of.person.mother_id == Some(mother.person.personal_id));
        let eldest = of_hers.min_by_key(|of| (of.birth, of.person.personal_id));
        eldest.is_some_and(|eldest| eldest.person.personal_id == child.person.personal_id)
    }

    /// One child in three hundred was adopted by the couple whose it is.
    fn adoption(&mut self, child: &Citizen) -> Option<AdoptionEntry> {
        let (father, mother) = self.find(child.person.father_id).zip(self.find(child.person.mother_id))?;
        let is_older = |adopter: &Citizen| plus_years(adopter.birth, 21) <= child.birth;
        if !self.draws.chance(0.003) || !is_older(father) || !is_older(mother) || child.age >= 40 {
            return None;
        }
        let from = plus_days(child.birth, 90);
        let adopted = draw_act(self.draws, from, plus_days(child.birth, 3_000).min(self.today).max(from));
        let entry = self.entry(adopted, self.home.place_on(adopted))?;
        Some(AdoptionEntry { entry, child: party(child), father: party(father), mother: party(mother) })
    }

    /// One person in four hundred bears another name than they were given.
    fn change(&mut self, citizen: &Citizen) -> Option<ChangeEntry> {
        if !self.draws.chance(0.0025) || citizen.is_dead() {
            return None;
        }
        let person = &citizen.person;
        let surname = person.full_name.split(' ').next().unwrap_or_default();
        let before = names::full_name(surname, person.sex, citizen.birth.year(), self.draws);
        let from = plus_days(citizen.birth, 400);
        if before == person.full_name || from >= self.today {
            return None;
        }
        let changed = draw_act(self.draws, from, self.today);
        let entry = self.entry(changed, self.home.place_on(changed))?;
        Some(ChangeEntry { entry, person: party(citizen), before })
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
