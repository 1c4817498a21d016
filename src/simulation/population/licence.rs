//! Licences: two adults in three drive motorcycles, one in ten a car. Classes have the names of their day, and a class that is renewed since
//! 2025 is exchanged by the table of Law 36/2024.
//!
//! No counts for the province are published; shares are our assumptions.

use crate::base::Date;
use crate::base::seed::Draws;
use crate::registry::driver_licence::NEW_CLASSES;
use crate::simulation::document::{Licence, LicenceClass};
use crate::simulation::names::Sex;

use super::calendar::{age_on, draw_act, plus_days, plus_years, working_day_before};
use super::citizen::Citizen;
use super::numbers::Numbers;

/// Nobody is known to have been examined earlier.
const FIRST_LICENCES: Date = Date::constant(1995, 8, 1);

/// The licence of an adult, if there is one.
pub fn licence(citizen: &Citizen, draws: &mut Draws, numbers: &mut Numbers) -> Option<Licence> {
    let sex = citizen.person.sex;
    let share = match citizen.age {
        ..18 => 0.0,
        18..20 => sex.choose(0.45, 0.60),
        20..60 => sex.choose(0.76, 0.87),
        60..70 => sex.choose(0.42, 0.74),
        70.. => sex.choose(0.10, 0.34),
    };
    if !citizen.keeps(share, draws) {
        return None;
    }
    let today = citizen.last_day;
    let adult_since = plus_years(citizen.birth, 18);
    let latest_first = plus_years(citizen.birth, 40).min(today);
    let first = draw_act(draws, adult_since.max(FIRST_LICENCES), latest_first.max(adult_since));
    if first > today {
        return None;
    }
    let mut classes = vec![LicenceClass::issued(if draws.chance(0.015) { "A" } else { "A1" }, first)];
    let mut restrictions = if draws.chance(0.03) { vec!["corrective_lenses"] } else { Vec::new() };
    let drives_cars = citizen.age < 70 && draws.chance(sex.choose(0.075, 0.215));
    if drives_cars {
        let (class, automatic) = car_class(citizen, first, draws);
        classes.push(class);
        restrictions.extend(automatic.then_some("automatic_only"));
    }
    if drives_cars && sex == Sex::Male && draws.chance(0.16) {
        classes.extend(professional(citizen, first, draws));
    }
    let (status, status_reason, points) = match draws.below(10_000) {
        0..12 => ("revoked", Some("Thu hồi theo quyết định".into()), 0),
        12..40 => ("suspended", Some("Bị trừ hết điểm".into()), 0),
        40..700 => ("active", None, draws.between(2, 10) as u8),
        _ => ("active", None, 12),
    };
    // Twelve months without a deduction restore the points: it was in the last twelve. Nothing is deducted from the dead.
    let is_dead = citizen.person.death_date.is_some();
    let points = if is_dead && status == "active" { 12 } else { points };
    let deducted = (points < 12).then(|| draw_act(draws, first.max(plus_days(today, -360)), today));
    let passed = classes.iter().map(|class| class.issued_on.year()).min().unwrap_or(2020);
    Some(Licence {
        licence_number: numbers.licence(sex, citizen.birth.year(), passed),
        holder: citizen.holder(),
        classes,
        points,
        points_deducted_on: deducted,
        restrictions,
        status,
        status_reason,
    })
}

/// The class of cars, and whether it is of automatic ones only: B1 before 2025, which lasts until the year of retirement, or B2.
fn car_class(citizen: &Citizen, first: Date, draws: &mut Draws) -> (LicenceClass, bool) {
    let today = citizen.last_day;
    let from = first.max(plus_years(citizen.birth, 19)).min(today);
    let until = plus_years(from, 20).min(today);
    let passed = draw_act(draws, from, until);
    let automatic = draws.chance(citizen.person.sex.choose(0.40, 0.08));
    let retires = plus_years(citizen.birth, citizen.person.sex.choose(55, 60));
    if automatic && passed < NEW_CLASSES && retires >= today && age_on(citizen.birth, passed) < 45 {
        return (LicenceClass { code: "B1", issued_on: passed, expires_on: Some(retires) }, false);
    }
    (renewed("B", passed, draws, today), automatic && passed >= NEW_CLASSES)
}

/// A class of trucks or buses on top, from the least age of each and three years after the first.
fn professional(citizen: &Citizen, first: Date, draws: &mut Draws) -> Option<LicenceClass> {
    let today = citizen.last_day;
    if !(25..52).contains(&citizen.age) {
        return None;
    }
    let (code, age) = match draws.below(100) {
        0..54 => ("C", 22),
        54..68 => ("CE", 25),
        68..88 => ("D2", 25),
        _ => ("D", 28),
    };
    let from = first.max(plus_years(citizen.birth, age));
    let passed = working_day_before(plus_years(from, 3));
    (passed <= today && citizen.age > age + 3).then(|| renewed(code, passed, draws, today))
}

/// A class first issued on `first`, renewed before the end of each term; one in thirty has forgotten the last time.
fn renewed(code: &'static str, first: Date, draws: &mut Draws, today: Date) -> LicenceClass {
    let mut class = LicenceClass::issued(code, first);
    let forgets = draws.chance(0.03);
    while let Some(end) = class.expires_on.filter(|end| *end < today) {
        let next = LicenceClass::issued(code, working_day_before(end));
        if forgets && next.expires_on.is_some_and(|end| end >= today) {
            break;
        }
        class = next;
    }
    class
}

/// Whether a licence has a class for cars, trucks or buses.
pub fn drives_cars(licence: &Licence) -> bool {
    licence
        .classes
        .iter()
        .any(|class| !class.code.starts_with('A') && (class.code != "B1" || class.issued_on < NEW_CLASSES))
}

/// Whether it has one for trucks.
pub fn drives_trucks(licence: &Licence) -> bool {
    licence.classes.iter().any(|class| matches!(class.code, "C" | "CE" | "FC"))
}
