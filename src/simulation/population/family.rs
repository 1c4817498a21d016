//! Who lives together: households of one to three generations, so that ages, couples and children fit each other.
//!
//! A household is drawn around its reference person, whose age comes from the table of its kind; husbands, parents and children follow
//! from it. The tables are in `data`, fitted to the province's pyramid (`data/figures.tsv`). The register keeps the dead of some years, the
//! late and divorced parents of children at home, and grown children who work elsewhere.

mod children;
mod kin;
mod kind;
mod member;
mod mortality;

pub use member::Member;

use crate::base::Date;
use crate::base::seed::Draws;
use crate::simulation::names::{self, Sex};

use super::calendar::{age_on, draw_day, plus_days, plus_years};
use kind::Kind;

/// Draws a household's members; one of those at home is the head.
pub fn draw(draws: &mut Draws, today: Date) -> Vec<Member> {
    let (kind, age) = kind::draw(draws);
    let mut family = Family { draws, today, members: Vec::with_capacity(6) };
    match kind {
        Kind::Couple => {
            let (husband, wife) = family.couple(age);
            family.children(Some(husband), wife);
        }
        Kind::CoupleWithElders => family.three_generations(age),
        Kind::Mother => family.one_parent(Sex::Female, age),
        Kind::Father => family.one_parent(Sex::Male, age),
        Kind::WomanAlone => family.alone(Sex::Female, age),
        Kind::ManAlone => family.alone(Sex::Male, age),
    }
    let Family { mut members, .. } = family;
    mortality::apply(&mut members, draws, today);
    let head = kin::draw_head(&members, draws);
    kin::relate(&mut members, head);
    members
}

/// Keeps the first `size` members; whoever is left at home has a head, and nobody refers to those who are not kept.
pub fn cut(members: &mut Vec<Member>, size: usize) {
    members.truncate(size);
    for member in members.iter_mut() {
        for link in [&mut member.father, &mut member.mother, &mut member.spouse] {
            *link = link.filter(|at| *at < size);
        }
    }
    if !members.iter().any(Member::is_at_home)
        && let Some(first) = members.first_mut()
    {
        (first.death, first.left) = (None, false);
    }
    let oldest = (0..members.len()).filter(|at| members[*at].is_at_home()).min_by_key(|at| members[*at].birth);
    kin::relate(members, oldest);
}

struct Family<'a> {
    draws: &'a mut Draws,
    today: Date,
    members: Vec<Member>,
}

impl Family<'_> {
    /// A married couple by the wife's age; she keeps her own family's name.
    fn couple(&mut self, wife_age: i64) -> (usize, usize) {
        let husband_age = wife_age + self.gap();
        let (his_surname, her_surname) = (names::surname(self.draws), names::surname(self.draws));
        let husband = self.add(Sex::Male, husband_age.max(20), his_surname, "married");
        let wife = self.add(Sex::Female, wife_age.max(18), her_surname, "married");
        self.marry(husband, wife);
        (husband, wife)
    }

    /// Years by which a husband is older.
    fn gap(&mut self) -> i64 {
        self.draws.between(-2, 2) + self.draws.between(0, 5)
    }

    /// A couple with its children, the husband's parents, and his brothers and sisters at home. The register knows nothing of a parent who
    /// died long ago.
    fn three_generations(&mut self, wife_age: i64) {
        let (husband, wife) = self.couple(wife_age);
        let Member { surname, birth, .. } = self.members[husband];
        let mother_birth = plus_days(birth, -self.draws.between(19 * 365, 34 * 365));
        let father_birth = plus_days(mother_birth, -365 * self.draws.between(-2, 6));
        let age = i64::from(age_on(mother_birth, self.today));
        let is_widowed = self.draws.below(100) < kind::widowed_per_cent(age);
        let (mother, father) = match (is_widowed, self.draws.chance(0.85)) {
            (true, true) => (Some(self.elder(Sex::Female, mother_birth, None)), None),
            (true, false) => (None, Some(self.elder(Sex::Male, father_birth, Some(surname)))),
            (false, _) => {
                let mother = self.elder(Sex::Female, mother_birth, None);
                let father = self.elder(Sex::Male, father_birth, Some(surname));
                self.marry(father, mother);
                (Some(mother), Some(father))
            }
        };
        self.members[husband].father = father;
        self.members[husband].mother = mother;
        self.children(Some(husband), wife);
        if let (Some(mother), Some(father)) = (mother, father) {
            self.siblings(husband, father, mother);
        }
    }

    fn elder(&mut self, sex: Sex, birth: Date, surname: Option<&'static str>) -> usize {
        let surname = surname.unwrap_or_else(|| names::surname(self.draws));
        self.add_born(sex, birth, surname, "widowed")
    }

    fn marry(&mut self, husband: usize, wife: usize) {
        for (one, other) in [(husband, wife), (wife, husband)] {
            self.members[one].spouse = Some(other);
            self.members[one].marital = "married";
        }
    }

    /// A mother or father without husband or wife. Who divorced or died is kept as the parent of the children at home; a single mother's
    /// children have no father, and her name.
    fn one_parent(&mut self, sex: Sex, age: i64) {
        let marital = kind::state_of_parent(self.draws, sex, age);
        let surname = names::surname(self.draws);
        let at = self.add(sex, age, surname, marital);
        if marital == "single" {
            self.children(None, at);
            return;
        }
        let gap = self.gap();
        let other_age = if sex == Sex::Female { age + gap } else { age - gap };
        let other_surname = names::surname(self.draws);
        let state = if marital == "widowed" { "married" } else { marital };
        let other = self.add(sex.other(), other_age.max(20), other_surname, state);
        let (father, mother) = if sex == Sex::Male { (at, other) } else { (other, at) };
        self.children(Some(father), mother);
        let youngest = self.members[at.max(other) + 1..].iter().map(|child| child.birth).max();
        match (youngest, marital) {
            (None, _) => {
                self.members.truncate(other);
            }
            (Some(born), "widowed") => {
                let last = plus_years(self.today, -mortality::YEARS_KEPT).max(born);
                let first = plus_years(self.today, -18).max(born).min(last);
                self.members[other].death = Some(draw_day(self.draws, first, last));
            }
            (Some(_), _) => self.members[other].left = true,
        }
    }

    fn alone(&mut self, sex: Sex, age: i64) {
        let marital = kind::state_of_loner(self.draws, sex, age);
        let surname = names::surname(self.draws);
        self.add(sex, age, surname, marital);
    }

    fn add(&mut self, sex: Sex, age: i64, surname: &'static str, marital: &'static str) -> usize {
        let days = age * 365 + age / 4 + self.draws.between(0, 364);
        self.add_born(sex, plus_days(self.today, -days), surname, marital)
    }

    fn add_born(&mut self, sex: Sex, birth: Date, surname: &'static str, marital: &'static str) -> usize {
        let (father, mother, spouse, death) = (None, None, None, None);
        let relation = "other";
        self.members.push(Member {
            sex,
            birth,
            surname,
            relation,
            marital,
            father,
            mother,
            spouse,
            death,
            left: false,
        });
        self.members.len() - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Seed;

    #[test]
    fn families_fit_together() {
        let today = Date::constant(2026, 11, 22);
        let mut draws = Seed::root(4).draws();
        for _ in 0..40_000 {
            let members = draw(&mut draws, today);
            let at_home = members.iter().filter(|member| member.is_at_home());
            let heads = at_home.clone().filter(|member| member.relation == "head").count();
            assert_eq!(heads, at_home.count().min(1));
            for (at, member) in members.iter().enumerate() {
                assert!(
                    member.birth <= today && member.death.is_none_or(|death| (member.birth..=today).contains(&death))
                );
                if let Some(spouse) = member.spouse {
                    assert_eq!(members[spouse].spouse, Some(at));
                    assert_eq!((member.marital, members[spouse].marital), ("married", "married"));
                    assert_ne!(member.sex, members[spouse].sex);
                }
                for parent in [member.mother, member.father].into_iter().flatten() {
                    assert!(members[parent].death.is_none_or(|death| death >= member.birth), "a parent sees the birth");
                }
                if let Some(mother) = member.mother.map(|at| &members[at]) {
                    assert!((15..=48).contains(&age_on(mother.birth, member.birth)) && mother.sex == Sex::Female);
                }
                if let Some(father) = member.father.map(|at| &members[at]) {
                    assert!(age_on(father.birth, member.birth) >= 12 && father.sex == Sex::Male);
                    assert_eq!(member.surname, father.surname);
                }
            }
        }
    }

    #[test]
    fn a_household_that_is_cut_refers_to_nobody_outside() {
        let today = Date::constant(2026, 11, 22);
        let mut draws = Seed::root(5).draws();
        for size in (0..600).map(|n| n % 3 + 1) {
            let mut members = draw(&mut draws, today);
            cut(&mut members, size);
            let links = members.iter().flat_map(|member| [member.father, member.mother, member.spouse]);
            assert!(links.flatten().all(|at| at < members.len()));
            assert_eq!(members.iter().filter(|member| member.is_at_home() && member.relation == "head").count(), 1);
        }
    }
}
