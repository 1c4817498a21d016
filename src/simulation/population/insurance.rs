//! Who is insured, how, and under which number.
//!
//! Health insurance covers 94 % of residents, and nearly all under six; social insurance follows the occupation. Shares are our assumptions
//! from the province's published totals.

use crate::base::Date;
use crate::base::seed::Draws;
use crate::registry::social_insurance::reference;
use crate::simulation::document::{HealthCard, Membership, Period, month, padded};

use super::calendar::{draw_day, month_start, plus_days, plus_years};
use super::citizen::{Citizen, Occupation};
use super::employer::{self, Employer, Employers};
use super::home::Means;

/// Since this day the personal ID is the card's number.
const PERSONAL_ID_IS_NUMBER: Date = Date::constant(2025, 8, 1);
/// Since this day near-poor households are insured like the poor (Resolution 261/2025/QH15).
const NEAR_POOR_LEVEL_2: Date = Date::constant(2026, 1, 1);

/// The health-insurance card of a resident, if there is one; `means` are the household's.
pub fn health_card(citizen: &Citizen, means: Means, draws: &mut Draws) -> Option<HealthCard> {
    let today = citizen.last_day;
    let share = match (citizen.occupation, means) {
        (Occupation::Child, _) => 0.995,
        (_, Means::Poor | Means::NearPoor) => 0.99,
        _ => 0.935,
    };
    if !citizen.holds(share, draws) {
        return None;
    }
    let (object_code, usual_level) = object(citizen, means, draws);
    let (valid_from, valid_until) = validity(citizen, object_code, draws, today);
    let lapsed = citizen.age >= 8 && draws.chance(0.018);
    let (valid_from, valid_until) =
        if lapsed { (plus_years(valid_from, -1), plus_years(valid_until, -1)) } else { (valid_from, valid_until) };
    // A pupil's card follows the child's.
    let valid_from = if object_code == "TE" { valid_from } else { valid_from.max(plus_days(child_until(citizen), 1)) };
    let raised = object_code == "CN" && valid_until >= NEAR_POOR_LEVEL_2;
    let benefit_level = if raised { "2" } else { usual_level };
    let stopped = !lapsed && draws.chance(0.004);
    let mut holder = citizen.holder();
    if citizen.birth.year() < 1985 && draws.chance(0.06) {
        holder.birth_date = holder.birth_date.map(year_only);
    }
    Some(HealthCard {
        card_number: card_number(citizen, object_code, benefit_level, draws),
        holder,
        object_code,
        benefit_level,
        facility: facility(draws),
        area: draws.chance(0.08).then(|| draws.pick(&["K1", "K2", "K3"]).copied().unwrap_or("K1")),
        valid_from,
        valid_until,
        five_years_on: (citizen.age >= 6 && draws.chance(0.6))
            .then(|| draw_day(draws, plus_years(today, -6), plus_years(today, 4))),
        status: if stopped { "suspended" } else { "active" },
        status_reason: stopped.then(|| "Ngừng đóng".into()),
    })
}

fn year_only(date: crate::base::PartialDate) -> crate::base::PartialDate {
    crate::base::PartialDate { month: None, day: None, ..date }
}

/// The last day of a child's card: 30 September of the year in which it turns six, or the end of the month of that birthday.
fn child_until(citizen: &Citizen) -> Date {
    let sixth = plus_years(citizen.birth, 6);
    Date::new(sixth.year(), 9, 30).map_or(sixth, |september| september.max(sixth.last_of_month()))
}

/// Object code and benefit level, by age, occupation and the household's means.
fn object(citizen: &Citizen, means: Means, draws: &mut Draws) -> (&'static str, &'static str) {
    if child_until(citizen) >= citizen.last_day {
        return ("TE", "1");
    }
    let drawn = draws.below(100);
    match (citizen.occupation, means, drawn) {
        (Occupation::Official, ..) => ("HC", "4"),
        (Occupation::Worker, ..) => ("DN", "4"),
        (Occupation::Retired, ..) => ("HT", "3"),
        (_, _, 0..2) if citizen.age >= 60 => ("CC", "1"),
        (_, Means::Poor, _) => ("HN", "2"),
        (_, Means::NearPoor, _) => ("CN", "3"),
        (Occupation::Pupil, _, 0..97) => ("HS", "4"),
        (Occupation::Student, _, 0..95) => ("SV", "4"),
        _ if citizen.age >= 75 => ("BT", "2"),
        (_, _, 2..6) => ("TC", "3"),
        _ => ("GD", "4"),
    }
}

fn validity(citizen: &Citizen, object_code: &str, draws: &mut Draws, today: Date) -> (Date, Date) {
    match object_code {
        "TE" => (citizen.birth, child_until(citizen)),
        // households pay for a year from any month
        "GD" => {
            let from = month_start(draw_day(draws, plus_days(today, -330), today));
            (from, plus_days(plus_years(from, 1), -1))
        }
        _ => (Date::new(today.year(), 1, 1).unwrap_or(today), Date::new(today.year(), 12, 31).unwrap_or(today)),
    }
}

/// The personal ID on newer cards, the insurance code on those since 2021, the legacy form on old ones.
fn card_number(citizen: &Citizen, object_code: &str, benefit_level: &str, draws: &mut Draws) -> String {
    let young = citizen.birth >= PERSONAL_ID_IS_NUMBER;
    match draws.below(100) {
        _ if young => citizen.person.personal_id.as_str().to_owned(),
        0..60 => citizen.person.personal_id.as_str().to_owned(),
        60..92 => citizen.insurance_code.clone(),
        _ => {
            let mut number = String::with_capacity(15);
            number.push_str(object_code);
            number.push_str(benefit_level);
            number.push_str("42");
            number.push_str(&citizen.insurance_code);
            number
        }
    }
}

/// A hospital of the list `facilities`, half of the time the provincial one or that of the city. Commune health stations, which the list does
/// not have, are stood for by their district's hospital.
fn facility(draws: &mut Draws) -> String {
    let number = if draws.chance(0.5) { draws.between(1, 2) } else { draws.between(3, 16) };
    let mut facility = String::from("42");
    facility.push_str(&padded(number.unsigned_abs(), 3));
    facility
}

/// The membership of social insurance, if there is one.
pub fn membership(citizen: &Citizen, employers: &Employers, draws: &mut Draws) -> Option<Membership> {
    if citizen.age < 18 || !citizen.holds(1.0, draws) {
        return None;
    }
    let (status, mut periods) = match citizen.occupation {
        Occupation::Official => ("active", career(citizen, &employer::draw_public, None, draws)),
        Occupation::Worker => {
            let enterprise = |draws: &mut Draws| employers.draw_enterprise(draws);
            ("active", career(citizen, &enterprise, None, draws))
        }
        Occupation::Retired => {
            let end = plus_years(citizen.birth, draws.between(55, 60) as i16).min(plus_days(citizen.last_day, -60));
            ("retired", career(citizen, &employer::draw_public, Some(end), draws))
        }
        Occupation::SelfEmployed if citizen.age < 60 => match draws.below(100) {
            0..8 => ("active", voluntary(citizen, draws)),
            8..22 => ("preserved", left(citizen, employers, draws)),
            _ => return None,
        },
        _ => return None,
    };
    let status = if citizen.is_dead() { "closed" } else { status };
    if citizen.is_dead() {
        periods.iter_mut().filter(|period| period.to.is_none()).for_each(|period| period.to = Some(citizen.last_day));
    }
    let status_reason = match status {
        "retired" => Some("Hưởng lương hưu".into()),
        "preserved" => Some("Bảo lưu thời gian đóng".into()),
        "closed" => Some("Người tham gia đã chết".into()),
        _ => None,
    };
    let bhxh_code = Some(citizen.insurance_code.clone());
    (!periods.is_empty()).then_some(Membership {
        personal_id: citizen.person.personal_id,
        bhxh_code,
        periods,
        status,
        status_reason,
    })
}

/// How an employer is drawn.
type DrawEmployer<'a> = &'a dyn Fn(&mut Draws) -> Employer;

/// Compulsory and unemployment insurance at one employer, or at two after each other, until `end` or today.
fn career(citizen: &Citizen, at: DrawEmployer<'_>, end: Option<Date>, draws: &mut Draws) -> Vec<Period> {
    let working_since = plus_years(citizen.birth, draws.between(19, 25) as i16);
    let first = at(draws);
    let begin = month_start(working_since.max(first.since).max(plus_years(citizen.last_day, -38)));
    let last = end.unwrap_or(citizen.last_day);
    let mut periods = Vec::with_capacity(8);
    if begin >= plus_days(last, -120) {
        return periods;
    }
    let second = draws.chance(0.4).then(|| at(draws));
    let mut wage = Wage::draw(draws);
    let change = second.map(|second| {
        let from = plus_days(begin, 400).max(second.since).max(plus_days(last, -3_650));
        (month_start(draw_day(draws, from, last)), second)
    });
    match change.filter(|(change, _)| *change > plus_days(begin, 62) && *change < plus_days(last, -62)) {
        Some((change, second)) => {
            employed(&mut periods, &first, (begin, plus_days(change, -1)), &mut wage);
            employed(&mut periods, &second, (change, last), &mut wage);
        }
        None => employed(&mut periods, &first, (begin, last), &mut wage),
    }
    if end.is_none() {
        // what was agreed last goes on
        periods.iter_mut().filter(|period| period.to == Some(last)).for_each(|period| period.to = None);
    }
    periods
}

/// A wage as a multiple of the base salary of its month, in hundredths: it grows with the base salary, and with the years of work.
struct Wage(u64);

impl Wage {
    fn draw(draws: &mut Draws) -> Self {
        Self(draws.between(234, 330).unsigned_abs())
    }

    fn in_month(&self, day: Date) -> u64 {
        let month = month(day);
        reference(&month).unwrap_or(180_000).unsigned_abs() * self.0 / 100 / 1_000 * 1_000
    }
}

/// Periods at one employer, a new one with every raise.
fn employed(periods: &mut Vec<Period>, employer: &Employer, (from, to): (Date, Date), wage: &mut Wage) {
    /// Unemployment insurance exists since then.
    const UNEMPLOYMENT_SINCE: Date = Date::constant(2009, 1, 1);
    const RAISED_EVERY_YEARS: i16 = 4;
    let unit = Some((employer.code.clone(), employer.name.clone()));
    let mut begin = from;
    while begin <= to {
        let raised = plus_years(begin, RAISED_EVERY_YEARS);
        let until = plus_days(raised, -1).min(to);
        let base = wage.in_month(begin);
        periods.push(Period { unit: unit.clone(), from: begin, to: Some(until), base, kind: "compulsory" });
        let insured_from = begin.max(UNEMPLOYMENT_SINCE);
        if employer.unemployment && until > insured_from {
            periods.push(Period {
                unit: unit.clone(),
                from: insured_from,
                to: Some(until),
                base,
                kind: "unemployment",
            });
        }
        wage.0 += 33;
        begin = raised;
    }
}

fn voluntary(citizen: &Citizen, draws: &mut Draws) -> Vec<Period> {
    /// Voluntary insurance exists since then.
    const VOLUNTARY_SINCE: Date = Date::constant(2008, 1, 1);
    let grown = plus_years(citizen.birth, 18).max(VOLUNTARY_SINCE);
    let from = month_start(draw_day(draws, grown.min(citizen.last_day), citizen.last_day)).max(VOLUNTARY_SINCE);
    let base = 100_000 * draws.between(15, 50).unsigned_abs();
    vec![Period { unit: None, from, to: None, base, kind: "voluntary" }]
}

/// Some years at an enterprise that ended.
fn left(citizen: &Citizen, employers: &Employers, draws: &mut Draws) -> Vec<Period> {
    let last = draw_day(draws, plus_years(citizen.last_day, -12), plus_days(citizen.last_day, -90));
    let enterprise = |draws: &mut Draws| employers.draw_enterprise(draws);
    career(citizen, &enterprise, Some(last), draws)
}
