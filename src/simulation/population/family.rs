//! Who lives together: households of one to three generations, so that ages, couples and children fit each other.
//!
//! Aimed at the province's pyramid (14 years and younger 26 %, 60 and older 18.5 %) and 3.5 people to a household; the
//! mix of household kinds is our assumption. The register keeps the dead for some years, and grown children stay in it
//! while they work elsewhere.

use crate::base::Date;
use crate::base::seed::Draws;
use crate::simulation::names::{self, Sex};

use super::calendar::{age_on, draw_day, plus_days, plus_years};

/// A member of a household, before numbers and documents. Indices point into the household.
#[derive(Debug, Clone)]
pub struct Member {
    /// As registered.
    pub sex: Sex,
    /// The true birth date, even where the register knows only the year.
    pub birth: Date,
    /// Family name.
    pub surname: &'static str,
    /// `head`, `spouse`, `child`, ….
    pub relation: &'static str,
    /// `single`, `married`, `divorced`, `widowed`.
    pub marital: &'static str,
    /// The father's place in the household.
    pub father: Option<usize>,
    /// The mother's place in the household.
    pub mother: Option<usize>,
    /// Husband's or wife's place in the household; only while both live.
    pub spouse: Option<usize>,
    /// When the person died.
    pub death: Option<Date>,
}

/// The households that occur.
#[derive(Debug, Clone, Copy)]
enum Kind {
    ParentsAndChildren,
    ThreeGenerations,
    ElderlyCouple,
    ElderlyAlone,
    OneParent,
    YoungAlone,
    YoungCouple,
}

/// Kinds in per mille of households.
const KINDS: [(Kind, u64); 7] = [
    (Kind::ParentsAndChildren, 400),
    (Kind::ThreeGenerations, 225),
    (Kind::ElderlyCouple, 170),
    (Kind::ElderlyAlone, 80),
    (Kind::OneParent, 50),
    (Kind::YoungAlone, 50),
    (Kind::YoungCouple, 25),
];

/// Draws a household's members, the head first.
pub fn draw(draws: &mut Draws, today: Date) -> Vec<Member> {
    let mut family = Family { draws, today, members: Vec::with_capacity(6) };
    match family.kind() {
        Kind::ParentsAndChildren => family.parents_and_children(),
        Kind::ThreeGenerations => family.three_generations(),
        Kind::ElderlyCouple => family.elderly_couple(),
        Kind::ElderlyAlone => family.alone(66, 92, 0.22, "widowed"),
        Kind::OneParent => family.one_parent(),
        Kind::YoungAlone => family.alone(20, 38, 0.60, "single"),
        Kind::YoungCouple => {
            let wife = family.draws.between(21, 31);
            family.couple(wife, "head", "spouse");
        }
    }
    family.members
}

struct Family<'a> {
    draws: &'a mut Draws,
    today: Date,
    members: Vec<Member>,
}

impl Family<'_> {
    fn kind(&mut self) -> Kind {
        let mut rest = self.draws.below(1_000);
        for (kind, share) in KINDS {
            if rest < share {
                return kind;
            }
            rest -= share;
        }
        Kind::ParentsAndChildren
    }

    fn parents_and_children(&mut self) {
        let wife = self.draws.between(24, 48);
        let (husband, wife) = self.couple(wife, "head", "spouse");
        self.children(Some(husband), Some(wife), "child");
        self.swap_heads();
    }

    /// Husband's parents, the couple and its children; the elders or the couple head the household.
    fn three_generations(&mut self) {
        let wife_age = self.draws.between(25, 45);
        let husband_age = wife_age + self.draws.between(-1, 6);
        let grandmother_age = husband_age + self.draws.between(20, 31);
        let elders_head = grandmother_age < 78 && self.draws.chance(0.5);
        let (elder, elder_spouse) = if elders_head { ("head", "spouse") } else { ("parent", "parent") };
        let (son, in_law, child) =
            if elders_head { ("child", "child_in_law", "grandchild") } else { ("head", "spouse", "child") };
        let surname = names::surname(self.draws);
        if !elders_head {
            self.pair(surname, husband_age, wife_age, son, in_law);
        }
        let grandfather_age = grandmother_age + self.draws.between(-2, 6);
        let elders = self.pair(surname, grandfather_age, grandmother_age, elder, elder_spouse);
        self.maybe_dies(elders);
        let (husband, wife) = if elders_head { self.pair(surname, husband_age, wife_age, son, in_law) } else { (0, 1) };
        self.members[husband].father = Some(elders.0);
        self.members[husband].mother = Some(elders.1);
        self.children(Some(husband), Some(wife), child);
    }

    fn elderly_couple(&mut self) {
        let wife = self.draws.between(57, 82);
        let (husband, wife) = self.couple(wife, "head", "spouse");
        self.maybe_dies((husband, wife));
        if self.draws.chance(0.2) {
            self.children(Some(husband), Some(wife), "child");
        }
    }

    fn one_parent(&mut self) {
        let age = self.draws.between(26, 54);
        let sex = if self.draws.chance(0.82) { Sex::Female } else { Sex::Male };
        let marital = match self.draws.below(100) {
            0..50 => "divorced",
            50..80 => "widowed",
            _ => "single",
        };
        let surname = names::surname(self.draws);
        let parent = self.add(sex, age, surname, "head", marital);
        match sex {
            Sex::Female => self.children(None, Some(parent), "child"),
            Sex::Male => self.children(Some(parent), None, "child"),
        }
    }

    fn alone(&mut self, youngest: i64, oldest: i64, men: f64, marital: &'static str) {
        let age = self.draws.between(youngest, oldest);
        let sex = if self.draws.chance(men) { Sex::Male } else { Sex::Female };
        let surname = names::surname(self.draws);
        self.add(sex, age, surname, "head", marital);
    }

    fn couple(&mut self, wife_age: i64, husband: &'static str, wife: &'static str) -> (usize, usize) {
        let surname = names::surname(self.draws);
        let husband_age = (wife_age + self.draws.between(-2, 6)).max(20);
        self.pair(surname, husband_age, wife_age, husband, wife)
    }

    /// A married couple; the wife keeps her own family's name.
    fn pair(
        &mut self,
        surname: &'static str,
        husband_age: i64,
        wife_age: i64,
        husband: &'static str,
        wife: &'static str,
    ) -> (usize, usize) {
        let her_surname = names::surname(self.draws);
        let husband = self.add(Sex::Male, husband_age, surname, husband, "married");
        let wife = self.add(Sex::Female, wife_age, her_surname, wife, "married");
        self.members[husband].spouse = Some(wife);
        self.members[wife].spouse = Some(husband);
        (husband, wife)
    }

    fn add(
        &mut self,
        sex: Sex,
        age: i64,
        surname: &'static str,
        relation: &'static str,
        marital: &'static str,
    ) -> usize {
        let days = age * 365 + age / 4 + self.draws.between(0, 364);
        let birth = plus_days(self.today, -days);
        let none = None;
        self.members.push(Member {
            sex,
            birth,
            surname,
            relation,
            marital,
            father: none,
            mother: none,
            spouse: none,
            death: None,
        });
        self.members.len() - 1
    }

    /// Children by the mother's age, or the father's: births from 20 on, two to five years apart; the grown ones have
    /// mostly left.
    fn children(&mut self, father: Option<usize>, mother: Option<usize>, relation: &'static str) {
        let Some(parent) = mother.or(father) else { return };
        let surname = self.members[father.unwrap_or(parent)].surname;
        let parent_birth = self.members[parent].birth;
        let wanted = match self.draws.below(100) {
            0..3 => 0,
            3..16 => 1,
            16..58 => 2,
            58..88 => 3,
            _ => 4,
        };
        let mut birth = plus_days(parent_birth, self.draws.between(20 * 365, 29 * 365));
        for _ in 0..wanted {
            if birth > self.today {
                return;
            }
            let sex = if self.draws.chance(0.526) { Sex::Male } else { Sex::Female };
            if self.stays(age_on(birth, self.today), sex) {
                let at = self.add(sex, 0, surname, relation, "single");
                self.members[at].birth = birth;
                self.members[at].father = father;
                self.members[at].mother = mother;
            }
            birth = plus_days(birth, self.draws.between(2 * 365, 5 * 365));
        }
    }

    fn stays(&mut self, age: i16, sex: Sex) -> bool {
        let share = match (age, sex) {
            (..19, _) => 1.0,
            (19..23, _) => 0.92,
            (23..27, Sex::Female) => 0.55,
            (23..27, Sex::Male) => 0.80,
            (27..32, Sex::Female) => 0.20,
            (27..32, Sex::Male) => 0.45,
            (_, Sex::Female) => 0.06,
            (_, Sex::Male) => 0.12,
        };
        self.draws.chance(share)
    }

    /// One of a couple may have died within the last years, the elder ones and men more often.
    fn maybe_dies(&mut self, (husband, wife): (usize, usize)) {
        let risk = |age: i16| match age {
            ..60 => 0.01,
            60..70 => 0.05,
            70..80 => 0.13,
            _ => 0.30,
        };
        for (who, other) in [(husband, wife), (wife, husband)] {
            let member = &self.members[who];
            let share = risk(age_on(member.birth, self.today)) * if member.sex == Sex::Male { 1.3 } else { 0.7 };
            if self.draws.chance(share) {
                let from = plus_years(self.today, -6);
                self.members[who].death = Some(draw_day(self.draws, from, self.today));
                self.members[who].spouse = None;
                self.members[other].spouse = None;
                self.members[other].marital = "widowed";
                if self.members[who].relation == "head" {
                    self.members[other].relation = "head";
                }
                return;
            }
        }
    }

    /// In one household of six the wife is its head.
    fn swap_heads(&mut self) {
        if self.members.len() >= 2 && self.draws.chance(0.17) {
            self.members[0].relation = "spouse";
            self.members[1].relation = "head";
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Seed;

    #[test]
    fn households_have_the_provinces_pyramid() {
        let today = Date::constant(2026, 11, 22);
        let mut draws = Seed::root(3).draws();
        let households: Vec<_> = (0..8_000).map(|_| draw(&mut draws, today)).collect();
        let all: Vec<_> = households.iter().flatten().collect();
        let alive: Vec<_> = all.iter().filter(|m| m.death.is_none()).collect();
        let share = |test: &dyn Fn(i16) -> bool| {
            alive.iter().filter(|m| test(age_on(m.birth, today))).count() as f64 / alive.len() as f64
        };
        let near = |what: &str, share: f64, wanted: f64, tolerance: f64| {
            assert!((share - wanted).abs() < tolerance, "{what}: {share}");
        };
        near("to 14", share(&|age| age < 15), 0.26, 0.02);
        near("from 60", share(&|age| age >= 60), 0.185, 0.02);
        near("men", alive.iter().filter(|m| m.sex == Sex::Male).count() as f64 / alive.len() as f64, 0.497, 0.02);
        near("household", all.len() as f64 / households.len() as f64, 3.54, 0.25);
        near("dead", 1.0 - alive.len() as f64 / all.len() as f64, 0.013, 0.006);
    }

    #[test]
    fn families_fit_together() {
        let today = Date::constant(2026, 11, 22);
        let mut draws = Seed::root(4).draws();
        for _ in 0..3_000 {
            let members = draw(&mut draws, today);
            assert_eq!(members.iter().filter(|m| m.relation == "head" && m.death.is_none()).count(), 1);
            for (at, member) in members.iter().enumerate() {
                assert!(member.birth <= today);
                if let Some(spouse) = member.spouse {
                    assert_eq!(members[spouse].spouse, Some(at));
                    assert_eq!((member.marital, members[spouse].marital), ("married", "married"));
                    assert_ne!(member.sex, members[spouse].sex);
                }
                for parent in [member.father, member.mother].into_iter().flatten() {
                    let older = age_on(members[parent].birth, member.birth);
                    assert!((17..=60).contains(&older), "{older}");
                }
                if let Some(father) = member.father {
                    assert_eq!(member.surname, members[father].surname);
                }
            }
        }
    }
}
