//! A citizen: the population register's record, and what the other registries' documents follow from.

use crate::base::seed::Draws;
use crate::base::{Date, PartialDate, PersonalId};
use crate::simulation::document::{Address, Card, Holder, Household, Person};
use crate::simulation::geography::{COMMUNES_VALID_FROM, Commune, Geography};
use crate::simulation::names::{self, Sex};

use super::calendar::{age_on, draw_day, plus_days, plus_years};
use super::family::Member;
use super::numbers::Numbers;

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

/// The facts that the members of one household share.
#[derive(Debug)]
pub struct Home {
    /// Where they are registered.
    pub commune: &'static Commune,
    /// Hamlet or street block.
    pub hamlet: String,
    /// The register's number.
    pub household_id: String,
    /// `Kinh` for nearly all.
    pub ethnicity: &'static str,
    /// Absent for most.
    pub religion: Option<&'static str>,
}

impl Home {
    /// Draws a home; communes by their registered population, ethnicity and religion at our assumed shares.
    pub fn draw(draws: &mut Draws, numbers: &mut Numbers) -> Self {
        let commune = Geography::ha_tinh().draw(draws);
        let ethnicity = match draws.below(2_000) {
            0 => "Chứt",
            1 => "Lào",
            2 => "Mường",
            3 => "Thái",
            _ => "Kinh",
        };
        let religion = match draws.below(1_000) {
            0..100 => Some("Công giáo"),
            100..114 => Some("Phật giáo"),
            114..116 => Some("Tin Lành"),
            _ => None,
        };
        let hamlet = draw_hamlet(draws, commune);
        Self { commune, hamlet, household_id: numbers.household(), ethnicity, religion }
    }

    /// The home as an address.
    pub fn place(&self) -> Address {
        Address::in_commune(self.commune, &self.hamlet)
    }

    /// The household's record.
    pub fn household(&self, citizens: &[Citizen]) -> Option<Household> {
        let living = || citizens.iter().filter(|citizen| citizen.is_resident());
        let relation = |citizen: &Citizen| citizen.person.relation_to_head.unwrap_or("other");
        let head = living().find(|citizen| relation(citizen) == "head")?;
        let members = living().map(|citizen| (citizen.person.personal_id, relation(citizen))).collect();
        Some(Household {
            household_id: self.household_id.clone(),
            head_id: head.person.personal_id,
            members,
            residence: self.place(),
            dissolved: None,
        })
    }
}

fn draw_hamlet(draws: &mut Draws, commune: &Commune) -> String {
    const NAMES: [&str; 16] = [
        "Bắc Sơn",
        "Đông Hà",
        "Hồng Tiến",
        "Hòa Bình",
        "Liên Thanh",
        "Nam Giang",
        "Phú Xuân",
        "Tân Phong",
        "Tân Thành",
        "Thanh Minh",
        "Thống Nhất",
        "Tiến Thắng",
        "Trung Tâm",
        "Vĩnh Phúc",
        "Xuân Sơn",
        "Yên Thịnh",
    ];
    let mut hamlet = String::from(if commune.is_ward() { "Tổ dân phố " } else { "Thôn " });
    if draws.chance(0.55) {
        crate::simulation::document::push_padded(&mut hamlet, draws.between(1, 14).unsigned_abs(), 1);
    } else {
        hamlet.push_str(draws.pick(&NAMES).copied().unwrap_or("Bắc Sơn"));
    }
    hamlet
}

/// Where the members come from, and their personal IDs.
pub fn identify(
    members: &[Member],
    home: &Home,
    draws: &mut Draws,
    numbers: &mut Numbers,
) -> (Vec<Origin>, Vec<PersonalId>) {
    let origins: Vec<Origin> = members.iter().map(|member| Origin::draw(draws, member, home)).collect();
    let id =
        |(member, origin): (&Member, &Origin)| numbers.personal_id(origin.province, member.sex, member.birth.year());
    let ids = members.iter().zip(&origins).map(id).collect();
    (origins, ids)
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
            maybe_moves_out(&mut citizen, draws);
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

/// Where somebody comes from.
pub struct Origin {
    /// Three digits of the old structure of personal IDs.
    province: &'static str,
    place: Address,
    hometown: &'static Commune,
}

/// Provinces of spouses from elsewhere, with their codes and frequencies.
const ELSEWHERE: [(&str, &str, u64); 6] =
    [("040", "40", 45), ("038", "38", 12), ("044", "44", 15), ("001", "01", 12), ("079", "79", 10), ("066", "66", 6)];
/// The decision that issued the codes of units that are older than it.
const CODES_ISSUED: &str = "2004-07-08";

impl Origin {
    /// Most were born where they live, in the unit of that time; those married in come from elsewhere more often.
    fn draw(draws: &mut Draws, member: &Member, home: &Home) -> Self {
        let married_in = matches!(member.relation, "spouse" | "child_in_law");
        if draws.chance(if married_in { 0.08 } else { 0.015 }) {
            let mut rest = draws.below(100);
            for (province, code, share) in ELSEWHERE {
                if rest < share {
                    let place = Address { unit_code: code, unit_valid_from: CODES_ISSUED, text: None };
                    return Self { province, place, hometown: home.commune };
                }
                rest -= share;
            }
        }
        let native = draws.chance(if married_in { 0.5 } else { 0.93 });
        let hometown = if native { home.commune } else { Geography::ha_tinh().draw(draws) };
        Self { province: "042", place: birth_place(hometown, member.birth, draws), hometown }
    }
}

/// The commune as it was called on that day; former names of before 2025 stand for all earlier ones.
fn birth_place(commune: &'static Commune, birth: Date, draws: &mut Draws) -> Address {
    const REORGANISED: Date = Date::constant(2025, 7, 1);
    if birth >= REORGANISED {
        return Address::in_commune(commune, "");
    }
    let former = draws.pick(&commune.former).and_then(|code| Geography::ha_tinh().former(code));
    former.map_or_else(|| Address::in_commune(commune, ""), |unit| Address::in_former(unit, ""))
}

fn draw_away(draws: &mut Draws) -> Address {
    // Hà Nội, Hồ Chí Minh City (twice: Bình Dương is a part of it now), Đồng Nai, Đà Nẵng, Huế.
    const AWAY: [(&str, &str); 6] = [
        ("01", CODES_ISSUED),
        ("79", COMMUNES_VALID_FROM),
        ("75", COMMUNES_VALID_FROM),
        ("79", COMMUNES_VALID_FROM),
        ("48", COMMUNES_VALID_FROM),
        ("46", "2025-01-01"),
    ];
    let (unit_code, unit_valid_from) = draws.pick(&AWAY).copied().unwrap_or(AWAY[1]);
    Address { unit_code, unit_valid_from, text: None }
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
        (18..23, 42..65) => Worker,
        (23..60, 0..8) => Official,
        (23..60, 8..30) => Worker,
        (60.., 0..17) => Retired,
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
    let first = Card::issued(birth, draw_day(draws, from, today));
    // nearly everybody renews within half a year
    match first.expires_on {
        Some(expired) if expired < today && draws.chance(0.9) => {
            let until = plus_days(expired, 180).min(today);
            Some(Card::issued(birth, draw_day(draws, expired, until)))
        }
        _ => Some(first),
    }
}

/// Single people move to other provinces; the register keeps them as moved out.
fn maybe_moves_out(citizen: &mut Citizen, draws: &mut Draws) {
    let person = &mut citizen.person;
    let may = person.relation_to_head != Some("head") && person.spouse_id.is_none();
    if may && (19..40).contains(&citizen.age) && draws.chance(0.13) {
        person.current_residence = Some(draw_away(draws));
        person.permanent_residence = None;
        person.household_id = None;
        person.relation_to_head = None;
        person.status = "moved_out";
        person.status_reason = Some("Chuyển đi tỉnh khác".into());
    }
}

impl Sex {
    /// One of two, by sex.
    pub fn choose<T>(self, female: T, male: T) -> T {
        match self {
            Self::Female => female,
            Self::Male => male,
        }
    }
}
