//! A citizen: the population register's record, and what the other registries' documents follow from.

use crate::base::seed::Draws;
use crate::base::{Date, PartialDate, PersonalId};
use crate::simulation::document::{Address, Card, Holder, Household, Person};
use crate::simulation::names;

use super::calendar::{age_on, draw_act, plus_days, plus_years};
use super::family::Member;
use super::home::Home;
use super::numbers::Numbers;
use super::origin::{Origin, draw_away};

/// An occupation, as far as insurance depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occupation {
    /// Under six.
    Child,
    /// At school.
    Pupil,
    /// At a university or college.
    Student,
    /// Paid by the state.
    Official,
    /// Paid by an enterprise.
    Worker,
    /// Own farm, trade or household.
    SelfEmployed,
    /// With a pension.
    Retired,
}

/// A citizen, with the facts from which documents are drawn.
#[derive(Debug, Clone)]
pub struct Citizen {
    /// The population register's record.
    pub person: Person,
    /// The true birth date, even where the register knows only the year.
    pub birth: Date,
    /// Full years today, or at death.
    pub age: i16,
    /// The last day on which anything is issued to the person: today, or the day of death.
    pub last_day: Date,
    /// The occupation.
    pub occupation: Occupation,
    /// Ten digits; health and social insurance share it.
    pub insurance_code: String,
}

impl Citizen {
    /// Whether the person lives and is registered in the province.
    pub fn is_resident(&self) -> bool {
        self.person.status == "active"
    }

    /// Whether the person has died.
    pub fn is_dead(&self) -> bool {
        self.person.death_date.is_some()
    }

    /// Whether registries of the province hold a document of this person that residents have with a share: of the dead they keep a part.
    pub fn holds(&self, share: f64, draws: &mut Draws) -> bool {
        const KEPT_OF_THE_DEAD: f64 = 0.6;
        match self.person.status {
            "active" => draws.chance(share),
            "deceased" => draws.chance(share * KEPT_OF_THE_DEAD),
            _ => false,
        }
    }

    /// The same of a document that some keep who have moved to another province.
    pub fn keeps(&self, share: f64, draws: &mut Draws) -> bool {
        const KEPT_OF_THE_MOVED: f64 = 0.25;
        match self.person.status {
            "moved_out" => draws.chance(share * KEPT_OF_THE_MOVED),
            _ => self.holds(share, draws),
        }
    }

    /// The holder as documents name this person.
    pub fn holder(&self) -> Holder {
        Holder {
            personal_id: Some(self.person.personal_id),
            full_name: self.person.full_name.clone(),
            birth_date: Some(self.person.birth_date),
            sex: Some(self.person.sex),
        }
    }
}

/// Turns a household's members into citizens; their numbers are known, so that they can refer to each other.
pub fn settle(
    (members, origins, ids): (&[Member], Vec<Origin>, &[PersonalId]),
    home: &Home,
    draws: &mut Draws,
    numbers: &mut Numbers,
    today: Date,
) -> Vec<Citizen> {
    let id_of = |at: Option<usize>| at.and_then(|at| ids.get(at)).copied();
    let mut citizens = Vec::with_capacity(members.len());
    for ((member, origin), id) in members.iter().zip(origins).zip(ids) {
        let age = age_on(member.birth, member.death.unwrap_or(today));
        let mut citizen = Citizen {
            person: person((member, age), *id, origin, home, draws, numbers),
            birth: member.birth,
            age,
            last_day: member.death.unwrap_or(today),
            occupation: occupation(age, draws),
            insurance_code: numbers.insurance(),
        };
        let person = &mut citizen.person;
        person.father_id = id_of(member.father);
        person.mother_id = id_of(member.mother);
        person.spouse_id = id_of(member.spouse);
        if member.death.is_none() {
            // the card goes by the date that the register knows
            let birth = person.birth_date.full().unwrap_or(member.birth);
            person.card = card(birth, age, draws, today);
            let may_leave = !matches!(person.relation_to_head, Some("head")) && person.spouse_id.is_none();
            if member.left || (may_leave && (19..40).contains(&age) && draws.chance(0.06)) {
                move_out(person, draws);
            }
        }
        citizens.push(citizen);
    }
    citizens
}

fn person(
    (member, age): (&Member, i16),
    personal_id: PersonalId,
    origin: Origin,
    home: &Home,
    draws: &mut Draws,
    numbers: &mut Numbers,
) -> Person {
    let year = member.birth.year();
    let dead = member.death.is_some();
    let works_away = !dead && (18..45).contains(&age) && draws.chance(0.12);
    Person {
        personal_id,
        superseded_ids: Vec::new(),
        // the old card was issued until 2021 here, from 14 years of age
        old_id_number: (year < 2006 && draws.chance(0.72)).then(|| numbers.old_id()),
        full_name: names::full_name(member.surname, member.sex, year, draws),
        other_name: None,
        birth_date: known_birth_date(member.birth, draws),
        sex: member.sex,
        birth_place: origin.place.clone(),
        birth_registration_place: origin.place,
        hometown: Address::commune(origin.hometown),
        ethnicity: home.ethnicity,
        religion: home.religion,
        marital_status: member.marital,
        permanent_residence: Some(home.place()),
        current_residence: works_away.then(|| draw_away(draws)),
        household_id: (!dead).then(|| home.household_id.clone()),
        relation_to_head: (!dead).then_some(member.relation),
        father_id: None,
        mother_id: None,
        spouse_id: None,
        death_date: member.death.map(PartialDate::from),
        card: None,
        status: if dead { "deceased" } else { "active" },
        status_reason: dead.then(|| "Đã chết".into()),
    }
}

/// Of the old, the register often knows only the year, or the first of January that stands for it.
fn known_birth_date(birth: Date, draws: &mut Draws) -> PartialDate {
    let year = birth.year();
    let unknown = match year {
        ..1950 => 0.30,
        1950..1965 => 0.12,
        1965..1980 => 0.03,
        _ => 0.0,
    };
    if !draws.chance(unknown) {
        return birth.into();
    }
    if draws.chance(0.3) {
        PartialDate { year, month: Some(1), day: Some(1) }
    } else {
        PartialDate { year, month: None, day: None }
    }
}

fn occupation(age: i16, draws: &mut Draws) -> Occupation {
    use Occupation::{Child, Official, Pupil, Retired, SelfEmployed, Student, Worker};
    let drawn = draws.below(100);
    match (age, drawn) {
        (..6, _) => Child,
        (6..18, 0..97) => Pupil,
        (18..23, 0..42) => Student,
        (18..23, 42..50) => Worker,
        (23..60, 0..5) => Official,
        (23..60, 5..14) => Worker,
        (60.., 0..14) => Retired,
        _ => SelfEmployed,
    }
}

/// The identity card: nearly all from 14 on, some children since July 2024; chip cards are issued since 2021.
fn card(birth: Date, age: i16, draws: &mut Draws, today: Date) -> Option<Card> {
    const CHIP_CARDS: Date = Date::constant(2021, 1, 4);
    const CHILDREN: Date = Date::constant(2024, 7, 1);
    let (share, from) = match age {
        ..6 => (0.04, CHILDREN.max(birth)),
        6..14 => (0.20, CHILDREN.max(birth)),
        _ => (0.97, CHIP_CARDS.max(plus_years(birth, 14))),
    };
    if from > today || !draws.chance(share) {
        return None;
    }
    let first = Card::issued(birth, draw_act(draws, from, today));
    // nearly everybody renews within half a year
    match first.expires_on {
        Some(expired) if expired < today && draws.chance(0.9) => {
            let until = plus_days(expired, 180).min(today);
            Some(Card::issued(birth, draw_act(draws, expired, until)))
        }
        _ => Some(first),
    }
}

/// Who moved to another province stays in the register as moved out.
fn move_out(person: &mut Person, draws: &mut Draws) {
    person.current_residence = Some(draw_away(draws));
    person.permanent_residence = None;
    person.household_id = None;
    person.relation_to_head = None;
    person.status = "moved_out";
    person.status_reason = Some("Chuyển đi tỉnh khác".into());
}

/// The household's record; none when its last member has died.
pub fn household(home: &Home, citizens: &[Citizen]) -> Option<Household> {
    let living = || citizens.iter().filter(|citizen| citizen.is_resident());
    let relation = |citizen: &Citizen| citizen.person.relation_to_head.unwrap_or("other");
    let head = living().find(|citizen| relation(citizen) == "head")?;
    Some(Household {
        household_id: home.household_id.clone(),
        head_id: head.person.personal_id,
        members: living().map(|citizen| (citizen.person.personal_id, relation(citizen))).collect(),
        residence: home.place(),
        dissolved: None,
    })
}
