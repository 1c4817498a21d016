//! Who owns vehicles and land without being a citizen: enterprises, schools, and foreigners who live here.

use crate::base::Date;
use crate::base::seed::Draws;
use crate::simulation::document::{Address, Enterprise, Paper, Passport, padded};

use super::calendar::{draw_act, plus_years};
use super::home::Home;

/// An organisation that owns vehicles and land.
#[derive(Debug)]
pub struct Organisation<'a> {
    /// Its enterprise code, or the decision that established it.
    pub paper: Paper,
    /// As registered.
    pub name: String,
    /// The day from which it owns anything.
    pub since: Date,
    /// How many vehicles it has.
    pub vehicles: u64,
    /// How many certificates of land.
    pub certificates: u64,
    home: &'a Home,
}

impl<'a> Organisation<'a> {
    /// What an enterprise owns.
    pub fn enterprise(enterprise: &Enterprise, home: &'a Home, draws: &mut Draws) -> Self {
        Self {
            paper: Paper::Organisation(enterprise.enterprise_code.clone()),
            name: enterprise.name.clone(),
            since: enterprise.registered_on,
            vehicles: draws.between(3, 22).unsigned_abs(),
            certificates: draws.between(2, 13).unsigned_abs(),
            home,
        }
    }

    /// Its possessions in a province of so many citizens, where they are what they are in one of `whole`.
    pub fn scale_down(&mut self, citizens: u64, whole: u64) {
        for count in [&mut self.vehicles, &mut self.certificates] {
            *count = (*count * citizens.min(whole) + whole / 2) / whole;
        }
    }

    /// A school of the commune, in one of a hundred and fifty households' neighbourhood.
    pub fn school(home: &'a Home, draws: &mut Draws, today: Date) -> Option<Self> {
        if !draws.chance(0.0066) {
            return None;
        }
        let since = draw_act(draws, Date::constant(1996, 1, 1), plus_years(today, -6));
        let level =
            draws.pick(&["Trường Mầm non", "Trường Tiểu học", "Trường Trung học cơ sở"]).copied().unwrap_or_default();
        let number = [&padded(draws.between(100, 2_900).unsigned_abs(), 1), "/QĐ-UBND"].concat();
        Some(Self {
            paper: Paper::Decision([&number, " (", &padded(since.year().unsigned_abs().into(), 4), ")"].concat()),
            name: [level, " ", home.former.map_or(home.commune.name, |unit| unit.name)].concat(),
            since,
            vehicles: draws.between(0, 2).unsigned_abs(),
            certificates: draws.between(1, 3).unsigned_abs(),
            home,
        })
    }

    /// Where it is, as an address of that day.
    pub fn home_on(&self, day: Date) -> Address {
        self.home.place_on(day)
    }

    /// Where it is.
    pub fn home(&self) -> &'a Home {
        self.home
    }
}

/// A foreigner who lives in the province.
#[derive(Debug, Clone)]
pub struct Foreigner {
    /// As in the passport, in Latin letters.
    pub name: &'static str,
    /// The passport.
    pub passport: Passport,
}

/// Invented names, by country.
const FOREIGNERS: [(&str, &str, &str); 6] = [
    ("TW", "CHEN WEI-MING", ""),
    ("KR", "KIM MIN JUN", "M"),
    ("JP", "TANAKA HARUTO", "TR"),
    ("CN", "LI JIANHUA", "EJ"),
    ("LA", "SOMCHAI PHOMMA", "P"),
    ("TW", "LIN YU-TING", ""),
];

impl Foreigner {
    /// Somebody from anywhere, or from this country.
    pub fn draw(country: Option<&str>, draws: &mut Draws) -> Self {
        let from: Vec<_> = FOREIGNERS.iter().filter(|(of, ..)| country.is_none_or(|country| country == *of)).collect();
        let (country, name, series) = **draws.pick(&from).unwrap_or(&&FOREIGNERS[0]);
        let number = [series, &padded(draws.below(100_000_000), 8)].concat();
        Self { name, passport: Passport { number, country } }
    }
}
