//! Who is insured, how, and under which number.
//!
//! Health insurance covers 94 % of residents; social insurance follows the occupation. Shares are our assumptions from
//! the province's published totals.

use crate::base::Date;
use crate::base::seed::Draws;
use crate::registry::social_insurance::ceiling;
use crate::simulation::document::{HealthCard, Membership, Period, padded};

use super::calendar::{draw_day, month_start, plus_days, plus_years};
use super::citizen::{Citizen, Occupation};

/// Since this day the personal ID is the card's number.
const PERSONAL_ID_IS_NUMBER: Date = Date::constant(2025, 8, 1);
/// Since this day near-poor households are insured like the poor (Resolution 261/2025/QH15).
const NEAR_POOR_LEVEL_2: Date = Date::constant(2026, 1, 1);

/// The health-insurance card of a resident, if there is one.
pub fn health_card(citizen: &Citizen, draws: &mut Draws, today: Date) -> Option<HealthCard> {
    if !citizen.is_resident() || !draws.chance(0.945) {
        return None;
    }
    let (object_code, usual_level) = object(citizen, draws);
    let (valid_from, valid_until) = validity(citizen, object_code, draws, today);
    let lapsed = citizen.age >= 6 && draws.chance(0.018);
    let (valid_from, valid_until) =
        if lapsed { (plus_years(valid_from, -1), plus_years(valid_until, -1)) } else { (valid_from, valid_until) };
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

/// Object code and benefit level, by occupation and age.
fn object(citizen: &Citizen, draws: &mut Draws) -> (&'static str, &'static str) {
    let drawn = draws.below(100);
    match (citizen.occupation, drawn) {
        (Occupation::Child, _) => ("TE", "1"),
        (Occupation::Pupil, 0..93) => ("HS", "4"),
        (Occupation::Student, 0..95) => ("SV", "4"),
        (Occupation::Official, _) => ("HC", "4"),
        (Occupation::Worker, _) => ("DN", "4"),
        (Occupation::Retired, _) => ("HT", "3"),
        (_, 93..97) => ("HN", "2"),
        (_, 97..) => ("CN", "3"),
        (_, 0..2) => ("CC", "1"),
        (_, 2..6) => ("TC", "3"),
        _ if citizen.age >= 75 => ("BT", "2"),
        _ => ("GD", "4"),
    }
}

fn validity(citizen: &Citizen, object_code: &str, draws: &mut Draws, today: Date) -> (Date, Date) {
    match object_code {
        // to the age of 72 months
        "TE" => (citizen.birth, plus_days(plus_years(citizen.birth, 6), -1).max(citizen.birth)),
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

/// Employers that cover the common cases; synthetic.
const EMPLOYERS: [(&str, &str); 10] = [
    ("TA0001HCA01", "Ủy ban nhân dân xã"),
    ("TA0207HCA02", "Trường Trung học phổ thông"),
    ("TA0312HCA05", "Trung tâm Y tế khu vực"),
    ("TA0415HCA02", "Trường Tiểu học"),
    ("TA0508HCA01", "Kho bạc Nhà nước khu vực"),
    ("TN1004DNC14", "Công ty TNHH May xuất khẩu Hồng Lam"),
    ("TN1127DNC24", "Công ty Cổ phần Thép Vũng Áng Xanh"),
    ("TN1251DNG47", "Công ty TNHH Thương mại Sông La"),
    ("TN1302DNF41", "Công ty Cổ phần Xây dựng Ngàn Hống"),
    ("TN1418DNH49", "Công ty TNHH Vận tải Hoành Sơn Xanh"),
];

/// The membership of social insurance, if there is one.
pub fn membership(citizen: &Citizen, draws: &mut Draws, today: Date) -> Option<Membership> {
    if !citizen.is_resident() || citizen.age < 18 {
        return None;
    }
    let working_since = plus_years(citizen.birth, draws.between(19, 25) as i16);
    let (status, periods) = match citizen.occupation {
        Occupation::Official => ("active", employed(0, working_since, None, draws, today)),
        Occupation::Worker => ("active", employed(5, working_since, None, draws, today)),
        Occupation::Retired => ("retired", employed(0, working_since, Some(58), draws, today)),
        Occupation::SelfEmployed if citizen.age < 60 => match draws.below(100) {
            0..8 => ("active", voluntary(draws, today)),
            8..22 => ("preserved", left(working_since, draws, today)),
            _ => return None,
        },
        _ => return None,
    };
    let status_reason = match status {
        "retired" => Some("Hưởng lương hưu".into()),
        "preserved" => Some("Bảo lưu thời gian đóng".into()),
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

/// Compulsory and unemployment insurance at one employer, or two after each other. `first` is where the kind of
/// employer begins in the table; `pension_age` ends the work.
fn employed(first: i64, since: Date, pension_age: Option<i16>, draws: &mut Draws, today: Date) -> Vec<Period> {
    let end = pension_age.map(|age| plus_years(since, age - 22).min(plus_days(today, -60)));
    let last = end.unwrap_or(today);
    let begin = month_start(since.max(plus_years(today, -38)));
    if begin >= plus_days(last, -120) {
        return Vec::new();
    }
    let mut periods = Vec::with_capacity(4);
    let change = draws.chance(0.4).then(|| month_start(draw_day(draws, plus_days(begin, 62), last)));
    match change.filter(|change| *change > plus_days(begin, 31)) {
        Some(change) => {
            period(&mut periods, first, begin, Some(plus_days(change, -1)), draws);
            period(&mut periods, first, change, end, draws);
        }
        None => period(&mut periods, first, begin, end, draws),
    }
    periods
}

fn period(periods: &mut Vec<Period>, first: i64, from: Date, to: Option<Date>, draws: &mut Draws) {
    /// Unemployment insurance exists since then.
    const UNEMPLOYMENT_SINCE: Date = Date::constant(2009, 1, 1);
    if to.is_some_and(|to| to < from) {
        return;
    }
    let (code, name) = EMPLOYERS[draws.between(first, first + 4) as usize];
    let unit = Some((code.to_owned(), name.into()));
    let drawn = 100_000 * draws.between(47, 160).unsigned_abs();
    let ceiling = to.and_then(|to| ceiling(&format!("{:04}-{:02}", to.year(), to.month())));
    let base = ceiling.map_or(drawn, |most| drawn.min(most.unsigned_abs()));
    periods.push(Period { unit: unit.clone(), from, to, base, kind: "compulsory" });
    let from = from.max(UNEMPLOYMENT_SINCE);
    if to.is_none_or(|to| to > from) {
        periods.push(Period { unit, from, to, base, kind: "unemployment" });
    }
}

fn voluntary(draws: &mut Draws, today: Date) -> Vec<Period> {
    /// Voluntary insurance exists since then.
    const VOLUNTARY_SINCE: Date = Date::constant(2008, 1, 1);
    let from = month_start(draw_day(draws, VOLUNTARY_SINCE, today));
    let base = 100_000 * draws.between(15, 50).unsigned_abs();
    vec![Period { unit: None, from, to: None, base, kind: "voluntary" }]
}

/// Some years at an enterprise that ended.
fn left(since: Date, draws: &mut Draws, today: Date) -> Vec<Period> {
    let from = month_start(since.max(plus_years(today, -25)));
    let to = draw_day(draws, plus_days(from, 200), plus_days(today, -90));
    let mut periods = Vec::with_capacity(2);
    if plus_days(from, 200) < plus_days(today, -90) {
        period(&mut periods, 5, from, Some(to), draws);
    }
    periods
}
