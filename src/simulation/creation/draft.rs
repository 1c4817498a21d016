//! A draft: everybody of a situation, or one citizen with chosen papers, as records that keep every rule; and the plan that makes them.

use std::collections::BTreeSet;

use crate::base::seed::Draws;
use crate::base::{Date, Error, PersonalId, Result, Seed, Violations};
use crate::registry::{Catalogue, Name};
use crate::simulation::document::{Record, day};
use crate::simulation::geography::{Commune, Geography};
use crate::simulation::names::Sex;
use crate::simulation::personas::demands::Demands;
use crate::simulation::personas::identity::{Cast, Identity, Scene};
use crate::simulation::personas::{Life, PersonaRow, situation};
use crate::simulation::population::calendar::{age_on, draw_day, plus_days, plus_years};
use crate::simulation::samples::{self, Keys};
use crate::trust::Operation;

use super::ages::Ages;
use super::compose::compose;
use super::lawful;
use super::made::{Creation, Made, MadeCitizen, MadeRecord, Planned, Step};
use super::relatives::Relatives;
use super::wanted::Wanted;

/// The key of a citizen who is in no situation.
const NOBODY: &str = "";
/// The year in which the personas are as old as their rows say.
const ROWS_ARE_OF: i16 = 2026;

/// Those whom a situation takes, the one whom it is about first, by their persona's ID; and further numbers.
pub fn members(
    row: Option<&'static PersonaRow>,
) -> (Vec<(&'static str, Option<&'static PersonaRow>)>, Vec<&'static str>) {
    let Some(row) = row else { return (vec![(NOBODY, None)], Vec::new()) };
    let mut members = vec![(row.id, Some(row))];
    let mut numbers = Vec::new();
    for other in row.with {
        match situation(other) {
            Some(row) => members.push((row.id, Some(row))),
            None => numbers.push(*other),
        }
    }
    (members, numbers)
}

/// Somebody as drawn, where the request does not say who they are.
pub struct Drawn {
    pub sex: Sex,
    pub birth: Date,
    pub commune: &'static Commune,
    /// Whether another commune does as well.
    pub is_any_commune: bool,
    /// As asked for.
    pub full_name: Option<String>,
    /// A parent's surname; empty for any.
    pub surname: String,
    /// The given name that the situation wants.
    pub given: Option<&'static str>,
}

/// Draws what was not asked for of one of a cast.
pub fn draw_person(
    wanted: &Wanted,
    row: Option<&'static PersonaRow>,
    is_main: bool,
    kin: &Relatives,
    today: Date,
    draws: &mut Draws,
) -> Result<Drawn> {
    let demands = row.map(|row| Demands::of(row.key));
    let asked = wanted.situation.filter(|_| is_main).is_some() || row.is_none();
    let pick = |sex: Option<Sex>| sex.filter(|_| asked);
    let of_row = row.and_then(|row| row.identity());
    let drawn = if draws.chance(0.5) { Sex::Female } else { Sex::Male };
    let opposite = kin.spouse.as_ref().and_then(|spouse| spouse.sex).map(Sex::other);
    let sex = pick(wanted.sex).or(demands.and_then(|demands| demands.sex)).or(opposite);
    let sex = sex.or(of_row.as_ref().map(Identity::sex)).unwrap_or(drawn);
    let birth = match wanted.birth.filter(|_| asked) {
        Some(birth) => birth,
        None => match &of_row {
            Some(of_row) => of_age(of_row.birth, demands, today, draws),
            None => Ages::of(wanted, kin, sex, today).draw(draws),
        },
    };
    let drawn = Geography::ha_tinh().draw(draws);
    let of_situation = wanted.situation.and_then(|row| Demands::of(row.key).unit_code);
    let of_situation = of_situation.and_then(|code| Geography::ha_tinh().commune(code));
    let home = kin.home.as_ref().and_then(|home| home.residence.as_ref());
    let home = home.and_then(|residence| Geography::ha_tinh().commune(residence.unit_code));
    let row_place = wanted.situation.and_then(|row| row.identity()).map(|identity| identity.commune);
    let commune = wanted.commune.or(of_situation).or(home).or(row_place);
    let (commune, is_any_commune) = (commune.unwrap_or(drawn), commune.is_none());
    let parent = kin.father.as_ref().or(kin.mother.as_ref());
    let surname = parent.and_then(|parent| parent.full_name.split(' ').next()).unwrap_or_default().to_owned();
    let given = demands.filter(|demands| demands.two_spellings).and(row).and_then(|row| row.name.rsplit(' ').next());
    Ok(Drawn {
        sex,
        birth,
        commune,
        is_any_commune,
        full_name: wanted.full_name.clone().filter(|_| asked),
        surname,
        given,
    })
}

/// A birth date that makes somebody as old as the row's persona was, within what the situation demands.
fn of_age(born: Date, demands: Option<Demands>, today: Date, draws: &mut Draws) -> Date {
    let about = draws.between(-3, 3) as i16;
    let year = born.year() + today.year() - ROWS_ARE_OF + about;
    let first = Date::new(year, 1, 1).unwrap_or(born);
    let drawn = draw_day(draws, first, plus_days(plus_years(first, 1), -1)).min(today);
    let fits = |birth: Date| demands.is_none_or(|of| (of.ages.0..=of.ages.1).contains(&age_on(birth, today)));
    if fits(drawn) { drawn } else { plus_years(today, -demands.map_or(30, |of| of.ages.0 + 1)) }
}

/// What a draft is made of.
pub struct Drafting<'a> {
    pub catalogue: &'a Catalogue,
    pub seed: Seed,
    pub wanted: &'a Wanted,
    pub kin: &'a Relatives,
    pub cast: &'a Cast,
    pub today: Date,
}

/// Everybody who is to be made.
pub struct Draft {
    people: Vec<Drafted>,
    numbers: Vec<PersonalId>,
    /// The household that is joined, with the relation; and the spouse who was there before.
    joins: Option<(String, &'static str)>,
    spouse: Option<PersonalId>,
}

struct Drafted {
    citizen: MadeCitizen,
    life: Life,
    first: Vec<Record<Name>>,
    later: Vec<Record<Name>>,
    /// The record types of the documents that are linked.
    links: BTreeSet<Name>,
}

impl Drafting<'_> {
    /// The draft, if it keeps every rule.
    pub fn draft(&self) -> Result<Draft> {
        let mut people = Vec::new();
        for (id, row) in members(self.wanted.situation).0 {
            let own = self.cast.people.get(id).ok_or_else(|| Error::bug("somebody of a cast is missing"))?;
            let scene = Scene { own, cast: self.cast, today: self.today };
            let life = match row {
                Some(row) => (row.life)(&scene),
                None => compose(&scene, self.wanted, self.kin).map_err(Error::invalid)?,
            };
            let named = |records: Vec<Record>| records.into_iter().map(Record::named);
            let mut first: Vec<Record<Name>> = named(life.records()).collect();
            let mut links: BTreeSet<Name> = life.links.iter().map(|link| Name::from(*link)).collect();
            if row.is_none() {
                let papers = self.sample_papers(own.ordinal(), &first)?;
                links.extend(papers.iter().map(|paper| paper.record_type.clone()));
                first.extend(papers);
            }
            let later: Vec<Record<Name>> = named(life.later.clone()).collect();
            let citizen = self.citizen(row, &scene, &life, first.iter().chain(&later))?;
            people.push(Drafted { citizen, life, first, later, links });
        }
        let first: Vec<Record<Name>> = people.iter().flat_map(|drafted| drafted.first.iter().cloned()).collect();
        let later: Vec<Record<Name>> = people.iter().flat_map(|drafted| drafted.later.iter().cloned()).collect();
        let found = lawful::violations(self.catalogue, &first, &later, self.today)?;
        if !found.is_empty() {
            return Err(Error::invalid(lawful::of_request(&found, self.wanted.chosen())));
        }
        let relation = people.first().and_then(|main| main.life.person.relation_to_head);
        let joins = self.kin.home.as_ref().zip(relation).map(|(home, relation)| (home.household_id.clone(), relation));
        let spouse = self.kin.spouse.as_ref().map(|spouse| spouse.personal_id);
        Ok(Draft { people, numbers: self.cast.numbers.values().copied().collect(), joins, spouse })
    }

    /// The papers of registries from schema files, each made as its file says. One that has to name a record of another type comes after it.
    fn sample_papers(&self, ordinal: u64, records: &[Record<Name>]) -> Result<Vec<Record<Name>>> {
        let person = records.iter().find(|record| record.record_type == self.catalogue.people().name);
        let person = person.ok_or_else(|| Error::bug("a citizen without a record of their own"))?;
        let (mut left, mut keys, mut made) = (self.wanted.samples.clone(), Keys::new(), Vec::new());
        while !left.is_empty() {
            let before = left.len();
            left.retain(|(of, samples)| {
                let world = (self.seed, self.today);
                let Some(payload) = samples::created((of, samples), &person.payload, ordinal, &keys, world) else {
                    return true;
                };
                let key = payload.text(&of.natural_key).unwrap_or_default().to_owned();
                keys.entry(of.name.clone()).or_default().push(key);
                let record_type = of.name.clone();
                made.push(Record { record_type, version: 1, operation: Operation::Create, payload });
                false
            });
            if left.len() == before {
                let mut bad = Violations::default();
                for (of, _) in left {
                    let others: Vec<&str> = of.references.iter().map(|reference| &*reference.record_type).collect();
                    let (name, others): (&str, _) = (&of.name, others.join(", "));
                    let says = format_args!("{name} names a record of {others}: ask for it too");
                    bad.add("papers", "REQUIRED", says);
                }
                return Err(Error::invalid(bad));
            }
        }
        Ok(made)
    }

    fn citizen<'a>(
        &self,
        row: Option<&PersonaRow>,
        scene: &Scene<'_>,
        life: &Life,
        versions: impl Iterator<Item = &'a Record<Name>>,
    ) -> Result<MadeCitizen> {
        let own = scene.own;
        let mut records: Vec<MadeRecord> = Vec::new();
        for record in versions {
            let of = self.catalogue.defined(&record.record_type)?;
            let key = record.payload.text(&of.natural_key).unwrap_or_default().to_owned();
            let made = MadeRecord {
                registry: of.registry.to_string(),
                record_type: of.name.to_string(),
                key,
                version: record.version,
            };
            let same = |other: &&mut MadeRecord| other.record_type == made.record_type && other.key == made.key;
            match records.iter_mut().find(same) {
                Some(earlier) => earlier.version = earlier.version.max(made.version),
                None => records.push(made),
            }
        }
        Ok(MadeCitizen {
            personal_id: own.personal_id.as_str().to_owned(),
            full_name: own.full_name.clone(),
            birth_date: day(own.birth),
            sex: own.sex().as_str().to_owned(),
            unit_code: own.commune.code.to_owned(),
            parcel: own.parcel,
            situation: row.map_or(NOBODY, |row| row.key).to_owned(),
            expectation: row.map(|row| scene.cast.put_into(row.expectation)).unwrap_or_default(),
            command: row.map(|row| row.command(scene)).unwrap_or_default(),
            account_level: life.account.as_ref().map_or(0, |account| account.level),
            guardian: life.account.as_ref().and_then(|account| account.guardian).map(|id| id.as_str().to_owned()),
            records,
            links: Vec::new(),
            refuses_consents: life.refuses_consents,
            fault: row.and_then(|row| row.fault).map(|(action, every)| (action, every.get())),
        })
    }
}

impl Draft {
    /// The first versions of everybody, by the registry that issues them.
    pub fn by_registry(&self, catalogue: &Catalogue) -> Result<Vec<(String, Vec<Record<Name>>)>> {
        by_registry(catalogue, self.people.iter().flat_map(|drafted| &drafted.first))
    }

    /// The plan that makes it, to be kept under a request of this content.
    pub fn creation(&self, catalogue: &Catalogue, content: &str) -> Result<Creation> {
        let mut steps = Vec::new();
        submit(&mut steps, self.by_registry(catalogue)?);
        if let Some(main) = self.people.first() {
            let member = main.citizen.personal_id.clone();
            if let Some((household_id, relation)) = &self.joins {
                let (household_id, relation) = (household_id.clone(), (*relation).to_owned());
                steps.push(Step::Join { household_id, member: member.clone(), relation });
            }
            if let Some(spouse) = self.spouse {
                steps.push(Step::Marry { person: spouse.as_str().to_owned(), spouse: member });
            }
        }
        steps.push(Step::Settle);
        for Drafted { citizen, first, links, .. } in &self.people {
            let person = || citizen.personal_id.clone();
            if citizen.account_level > 0 {
                let (level, guardian) = (citizen.account_level, citizen.guardian.clone());
                steps.push(Step::Open { person: person(), level, guardian });
            }
            for record in first.iter().filter(|record| links.contains(&record.record_type)) {
                let of = catalogue.record_type(&record.record_type).filter(|of| of.document.is_some());
                let Some(number) = of.and_then(|of| record.payload.text(&of.natural_key)) else { continue };
                let (record_type, number) = (String::from(&record.record_type), number.to_owned());
                steps.push(Step::Link { person: person(), record_type, number });
            }
            if citizen.refuses_consents {
                steps.push(Step::Refuse { person: person() });
            }
        }
        let later = self.people.iter().flat_map(|drafted| &drafted.later);
        submit(&mut steps, by_registry(catalogue, later)?);
        let citizens = self.people.iter().map(|drafted| drafted.citizen.clone()).collect();
        let numbers = self.numbers.iter().map(|number| number.as_str().to_owned()).collect();
        Ok(Creation { content: content.to_owned(), made: Made { citizens, lagging: Vec::new() }, numbers, steps })
    }
}

fn submit(steps: &mut Vec<Step>, by_registry: Vec<(String, Vec<Record<Name>>)>) {
    for (registry, records) in by_registry {
        let changes = records.iter().map(Planned::from).collect();
        steps.push(Step::Submit { registry, changes });
    }
}

fn by_registry<'a>(
    catalogue: &Catalogue,
    records: impl Iterator<Item = &'a Record<Name>>,
) -> Result<Vec<(String, Vec<Record<Name>>)>> {
    let mut all: Vec<(String, Vec<Record<Name>>)> = Vec::new();
    for record in records {
        let registry = catalogue.defined(&record.record_type)?.registry.to_string();
        match all.iter_mut().find(|(known, _)| *known == registry) {
            Some((_, records)) => records.push(record.clone()),
            None => all.push((registry, vec![record.clone()])),
        }
    }
    Ok(all)
}
