//! Ages that fit: from when to when somebody can have been born who has these parents, this spouse, these papers and these classes.
//!
//! Both follow from it: a birth that was asked for and cannot be is refused with the field that stands against it, and one that was not asked for
//! is drawn where nothing does. What is usual narrows a draw as far as it can.

use crate::base::seed::Draws;
use crate::base::{Date, PartialDate, Violations};
use crate::registry::Name;
use crate::registry::driver_licence::CLASSES;
use crate::simulation::names::Sex;
use crate::simulation::population::calendar::{age_on, draw_day, plus_days, plus_years};

use super::asked::AskedAccount;
use super::papers::{FULL_AGE, Paper};
use super::relatives::{Relative, Relatives};
use super::wanted::Wanted;

/// Below this age somebody has an identity card and an account only through a parent (Law 26/2023, Decree 69/2024).
pub const OWN_ACCOUNT_FROM: i16 = 14;
/// From this age children have an account of level 2.
pub const LEVEL_TWO_FROM: i16 = 6;
/// Years by which a parent is older at the least: an assumption, as the registries have it.
const PARENT_YEARS_MIN: i16 = 12;
/// How old mothers are at a birth, in completed years: an assumption, beside the registries' rule for parents.
const MOTHERS: (i16, i16) = (15, 50);
/// Children of one mother are born within two days, as twins are, or at least so many days apart.
const TWINS_DAYS: i64 = 1;
const APART_DAYS: i64 = 270;
/// How often a day is drawn until it is none of those between two siblings.
const DRAWS_MAX: usize = 100;
/// A child is a man's who was born so many days after his marriage ended with his death (Law 52/2014, article 88).
const AFTER_DEATH_DAYS: i64 = 300;
/// The usual ages of parents at a birth, and of those of whom nothing is asked.
const USUAL_PARENTS: (i16, i16) = (18, 45);
const USUAL: (i16, i16) = (25, 55);
/// The first day of the personal ID's structure.
const FIRST: Date = Date::constant(1900, 1, 1);

/// Days of birth, both included, that one thing allows.
struct Span {
    from: Date,
    until: Date,
    /// What stands against all other days, and what is said of them.
    field: String,
    says: Says,
}

enum Says {
    Text(&'static str),
    Paper { name: &'static str, least: i16 },
    Sample { name: Name, least: i64, most: i64 },
    Class { code: &'static str, least: i16 },
}

impl Says {
    fn of_age(&self, age: i16) -> String {
        match self {
            Self::Text(text) => (*text).to_owned(),
            Self::Paper { name: paper, least } => {
                format!("{paper} is for people from {least} years of age, and this one is {age}")
            }
            Self::Sample { name, least, most } => {
                let name: &str = name;
                format!("{name} is for people from {least} to {most} years of age, and this one is {age}")
            }
            Self::Class { code, least } => {
                format!("class {code} is for drivers from {least} years of age, and this one is {age}")
            }
        }
    }
}

/// When somebody can have been born.
pub struct Ages {
    today: Date,
    spans: Vec<Span>,
    /// Days that are too near to the birth of a sibling, both included.
    between: Vec<(Date, Date)>,
    /// What narrows a draw where it can.
    usual: Vec<(Date, Date)>,
}

impl Ages {
    /// As the request and the people whom it names allow, for somebody of this sex.
    pub fn of(wanted: &Wanted, kin: &Relatives, sex: Sex, today: Date) -> Self {
        let mut ages = Self { today, spans: Vec::new(), between: Vec::new(), usual: Vec::new() };
        ages.of_parents(kin);
        ages.of_siblings(kin);
        if kin.spouse.is_some() {
            let until = plus_days(plus_years(today, -marriage_age(sex)), -1);
            ages.until(until, "spouse_id", Says::Text("women marry from 18 years of age, men from 20"));
        }
        ages.of_papers(wanted, kin);
        let parents = [&kin.mother, &kin.father];
        ages.usual.extend(parents.into_iter().flatten().filter_map(usual_child));
        let acts_alone = !parents.into_iter().flatten().any(|parent| parent.is_living);
        if acts_alone && wanted.account != AskedAccount::None {
            ages.usual.push((FIRST, plus_years(today, -OWN_ACCOUNT_FROM)));
        }
        ages.usual.push((plus_years(today, -USUAL.1), plus_years(today, -USUAL.0)));
        ages
    }

    fn of_parents(&mut self, kin: &Relatives) {
        for (field, parent, days) in [("mother_id", &kin.mother, 0), ("father_id", &kin.father, AFTER_DEATH_DAYS)] {
            let Some(parent) = parent else { continue };
            if let Some(born) = parent.birth {
                let from = plus_years(first_day(born), PARENT_YEARS_MIN);
                let says = Says::Text("a parent is at least 12 years older than the child");
                self.spans.push(Span { from, until: self.today, field: field.to_owned(), says });
            }
            if let Some(born) = parent.birth.filter(|_| field == "mother_id") {
                let (from, until) = (plus_years(first_day(born), MOTHERS.0), plus_years(last_day(born), MOTHERS.1 + 1));
                let says = Says::Text("a mother is 15 to 50 years old at the birth of her child");
                self.spans.push(Span { from, until: plus_days(until, -1), field: field.to_owned(), says });
            }
            if let Some(died) = parent.death {
                let says = "a mother lives at the birth of her child, and a father up to 300 days before it";
                self.until(plus_days(last_day(died), days), field, Says::Text(says));
            }
        }
    }

    /// A birth date that is known to the month or year says too little.
    fn of_siblings(&mut self, kin: &Relatives) {
        for born in kin.siblings.iter().filter_map(|born| born.full()) {
            let days = |from, until| (plus_days(born, from), plus_days(born, until));
            self.between.push(days(1 - APART_DAYS, -1 - TWINS_DAYS));
            self.between.push(days(1 + TWINS_DAYS, APART_DAYS - 1));
        }
    }

    fn of_papers(&mut self, wanted: &Wanted, kin: &Relatives) {
        let mut papers: Vec<Paper> = match &wanted.papers {
            Some(chosen) => chosen.iter().copied().collect(),
            None => wanted.wishes().collect(),
        };
        // Whoever joins a household has none of their own.
        papers.retain(|paper| kin.home.is_none() || *paper != Paper::Household);
        for paper in papers.into_iter().filter(|paper| paper.age_min() > 0) {
            let (name, least) = (paper.name(), paper.age_min());
            self.until(plus_years(self.today, -least), "papers", Says::Paper { name, least });
        }
        for (of, samples) in &wanted.samples {
            let (least, most) = samples.ages;
            let from = plus_days(plus_years(self.today, -(most as i16 + 1)), 1);
            let until = plus_years(self.today, -(least as i16));
            let says = Says::Sample { name: of.name.clone(), least, most };
            self.spans.push(Span { from, until, field: "papers".into(), says });
        }
        for (at, code) in wanted.classes.iter().enumerate() {
            let Some(class) = CLASSES.iter().find(|class| class.code == *code) else { continue };
            let (code, least) = (class.code, class.age_min);
            let field = format!("licence.classes[{at}]");
            self.until(plus_years(self.today, -least), &field, Says::Class { code, least });
        }
        if wanted.account == AskedAccount::LevelTwo {
            let says = Says::Text("children have an account of level 2 from 6 years of age");
            self.until(plus_years(self.today, -LEVEL_TWO_FROM), "account", says);
        }
    }

    fn until(&mut self, until: Date, field: &str, says: Says) {
        self.spans.push(Span { from: Date::MIN, until, field: field.to_owned(), says });
    }

    /// Names everything that speaks against a birth on this day.
    pub fn check(&self, birth: Date, bad: &mut Violations) {
        for span in &self.spans {
            if birth < span.from || birth > span.until {
                bad.add(&span.field, "CONFLICT", span.says.of_age(age_on(birth, self.today)));
            }
        }
        if self.is_between_siblings(birth) {
            bad.add(
                "mother_id",
                "CONFLICT",
                "children of one mother are twins, or are born at least nine months apart",
            );
        }
    }

    fn is_between_siblings(&self, birth: Date) -> bool {
        self.between.iter().any(|(from, until)| (*from..=*until).contains(&birth))
    }

    /// A day of birth against which nothing speaks, if there is one; else one that most of it allows.
    pub fn draw(&self, draws: &mut Draws) -> Date {
        let spans = self.spans.iter().map(|span| (span.from, span.until));
        let (from, until) = spans.chain(self.usual.iter().copied()).fold((FIRST, self.today), |(from, until), next| {
            let both = (from.max(next.0), until.min(next.1));
            if both.0 <= both.1 { both } else { (from, until) }
        });
        let mut birth = draw_day(draws, from, until);
        for _ in 0..DRAWS_MAX {
            if !self.is_between_siblings(birth) {
                break;
            }
            birth = draw_day(draws, from, until);
        }
        birth
    }
}

/// The age from which people marry (Law 52/2014, article 8).
fn marriage_age(sex: Sex) -> i16 {
    sex.choose(FULL_AGE, 20)
}

/// The first day on which somebody may marry.
pub fn marries_from(sex: Sex, birth: PartialDate) -> Date {
    plus_days(plus_years(last_day(birth), marriage_age(sex)), 1)
}

/// When a parent usually has children.
fn usual_child(parent: &Relative) -> Option<(Date, Date)> {
    let born = parent.birth?;
    Some((plus_years(last_day(born), USUAL_PARENTS.0), plus_years(first_day(born), USUAL_PARENTS.1)))
}

/// The first day that a date can be.
fn first_day(date: PartialDate) -> Date {
    let day = if date.month.is_some() { date.day } else { None };
    Date::new(date.year, date.month.unwrap_or(1), day.unwrap_or(1)).unwrap_or(Date::MIN)
}

/// The last day that a date can be.
fn last_day(date: PartialDate) -> Date {
    match (date.month, date.day) {
        (Some(_), Some(_)) => first_day(date),
        (month, _) => Date::new(date.year, month.unwrap_or(12), 1).map_or(Date::MAX, Date::last_of_month),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{PersonalId, Seed};
    use crate::simulation::creation::asked::{Asked, AskedLicence};

    const TODAY: Date = Date::constant(2026, 11, 29);

    fn person(sex: Sex, born: &str, died: Option<&str>) -> Option<Relative> {
        Some(Relative {
            personal_id: PersonalId::parse("042190000001").expect("12 digits"),
            numbers: Vec::new(),
            parents: Vec::new(),
            full_name: "Phan Thị Lan".into(),
            birth: PartialDate::parse(born),
            death: died.and_then(PartialDate::parse),
            sex: Some(sex),
            is_living: died.is_none(),
            is_married: false,
            household_id: None,
        })
    }

    fn wanted(papers: &[&str], classes: &[&str]) -> Wanted {
        let classes: Vec<String> = classes.iter().map(|class| (*class).to_owned()).collect();
        let licence = (!classes.is_empty()).then_some(AskedLicence { classes, points: None });
        let papers = papers.iter().map(|paper| (*paper).to_owned()).collect();
        let asked = Asked { papers, licence, ..Asked::default() };
        Wanted::read(&asked, &crate::registry::Catalogue::built_in(), TODAY).expect("it can be")
    }

    fn against(kin: &Relatives, birth: &str) -> Vec<String> {
        let mut bad = Violations::default();
        let ages = Ages::of(&wanted(&[], &[]), kin, Sex::Male, TODAY);
        ages.check(birth.parse().expect("a day"), &mut bad);
        bad.kept().iter().map(|bad| format!("{} {}", bad.field, bad.rule)).collect()
    }

    #[test]
    fn parents_are_old_enough_and_there() {
        let mother = |born: &str, died| Relatives { mother: person(Sex::Female, born, died), ..Relatives::default() };
        let father = |born: &str, died| Relatives { father: person(Sex::Male, born, died), ..Relatives::default() };
        let cases = [
            (mother("1994-06-15", None), "2009-06-14", Some("mother_id CONFLICT")),
            (mother("1994-06-15", None), "2009-06-15", None),
            (mother("1994", None), "2009-01-01", None),
            (mother("1994-06", None), "2009-05-31", Some("mother_id CONFLICT")),
            (mother("1950-06-15", None), "2001-06-14", None),
            (mother("1950-06-15", None), "2001-06-15", Some("mother_id CONFLICT")),
            (father("1994-06-15", None), "2006-06-14", Some("father_id CONFLICT")),
            (father("1994-06-15", None), "2006-06-15", None),
            (mother("1960-01-01", Some("2001-03-04")), "2001-03-04", None),
            (mother("1960-01-01", Some("2001-03-04")), "2001-03-05", Some("mother_id CONFLICT")),
            (mother("1960-01-01", Some("2001")), "2001-12-31", None),
            (father("1960-01-01", Some("2001-03-04")), "2001-12-29", None),
            (father("1960-01-01", Some("2001-03-04")), "2001-12-30", Some("father_id CONFLICT")),
        ];
        for (kin, birth, expected) in cases {
            assert_eq!(against(&kin, birth), expected.into_iter().collect::<Vec<_>>(), "{kin:?} {birth}");
        }
    }

    #[test]
    fn siblings_are_twins_or_nine_months_apart() {
        let mother = person(Sex::Female, "1990-01-01", None);
        let siblings =
            vec![PartialDate::from(Date::constant(2015, 5, 10)), PartialDate::parse("2019").expect("a year")];
        let kin = Relatives { mother, siblings, ..Relatives::default() };
        for (birth, fits) in [
            ("2015-05-10", true),
            ("2015-05-11", true),
            ("2015-05-12", false),
            ("2015-09-10", false),
            ("2016-02-03", false),
            ("2016-02-04", true),
            ("2014-08-13", true),
            ("2014-08-14", false),
            ("2019-06-01", true),
        ] {
            let expected: &[&str] = if fits { &[] } else { &["mother_id CONFLICT"] };
            assert_eq!(against(&kin, birth), expected, "{birth}");
        }
        let (ages, mut draws) = (Ages::of(&wanted(&[], &[]), &kin, Sex::Male, TODAY), Seed::root(7).draws());
        assert!((0..200).all(|_| !ages.is_between_siblings(ages.draw(&mut draws))));
    }

    #[test]
    fn what_is_drawn_fits_whatever_is_asked() {
        let kins = [
            Relatives::default(),
            Relatives { mother: person(Sex::Female, "1998-02-03", None), ..Relatives::default() },
            Relatives { mother: person(Sex::Female, "2010-12-31", None), ..Relatives::default() },
            Relatives { mother: person(Sex::Female, "1930", Some("1971-05")), ..Relatives::default() },
            Relatives { father: person(Sex::Male, "1970-02-03", Some("1999-01-01")), ..Relatives::default() },
            Relatives { spouse: person(Sex::Female, "2005-02-03", None), ..Relatives::default() },
        ];
        let wishes = [
            wanted(&[], &[]),
            wanted(&["vehicle.registration.v1"], &[]),
            wanted(&[], &["B"]),
            wanted(&[], &["DE"]),
            wanted(&["judicial.record.v1"], &[]),
        ];
        let (mut fits, mut draws) = (0, Seed::root(5).draws());
        for kin in &kins {
            for wanted in &wishes {
                let ages = Ages::of(wanted, kin, Sex::Male, TODAY);
                // There is such a day if the last day that all allow is not before the first.
                let first = ages.spans.iter().map(|span| span.from).fold(FIRST, Date::max);
                let last = ages.spans.iter().map(|span| span.until).fold(TODAY, Date::min);
                for _ in 0..50 {
                    let mut bad = Violations::default();
                    let birth = ages.draw(&mut draws);
                    ages.check(birth, &mut bad);
                    assert_eq!(bad.is_empty(), first <= last, "{kin:?} {birth} {bad:?}");
                    fits += usize::from(bad.is_empty());
                }
            }
        }
        assert!(fits > 1_000, "{fits}");
    }

    #[test]
    fn without_a_wish_the_ages_are_the_usual_ones() {
        let ages = Ages::of(&wanted(&[], &[]), &Relatives::default(), Sex::Male, TODAY);
        let mut draws = Seed::root(6).draws();
        for _ in 0..100 {
            assert!((24..=55).contains(&age_on(ages.draw(&mut draws), TODAY)));
        }
    }
}
