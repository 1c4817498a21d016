//! Drawing days, and ages on a day; the days on which offices work.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use jiff::civil::Weekday;

use super::table::rows;
use crate::base::Date;
use crate::base::seed::Draws;

/// Days from `from` to `to`; negative when `to` is earlier.
pub fn days_between(from: Date, to: Date) -> i64 {
    from.until(to).map_or(0, |span| i64::from(span.get_days()))
}

/// The day `days` after `date`.
pub fn plus_days(date: Date, days: i64) -> Date {
    date.saturating_add(jiff::Span::new().try_days(days).unwrap_or_default())
}

/// The same day `years` later; 29 February becomes the 28th in common years.
pub fn plus_years(date: Date, years: i16) -> Date {
    let year = date.year().saturating_add(years);
    Date::new(year, date.month(), date.day()).or_else(|_| Date::new(year, date.month(), 28)).unwrap_or(date)
}

/// The day on which somebody becomes so many years old: who was born on 29 February, on 1 March of common years.
pub fn birthday(birth: Date, years: i16) -> Date {
    let day = plus_years(birth, years);
    if day.day() < birth.day() { plus_days(day, 1) } else { day }
}

/// A day from `from` to `to`, both included; `from` when they are in the other order.
pub fn draw_day(draws: &mut Draws, from: Date, to: Date) -> Date {
    plus_days(from, draws.between(0, days_between(from, to).max(0)))
}

/// The holidays that move with the moon.
static HOLIDAYS: LazyLock<BTreeSet<Date>> = LazyLock::new(|| {
    let of_row = |row: Vec<&str>| {
        let day: Date = row[1].parse().unwrap_or_else(|_| panic!("{:?} is no day", row[1]));
        let (first, last) = if row[0] == "tet" { (-1, 3) } else { (0, 0) };
        (first..=last).map(move |days| plus_days(day, days))
    };
    rows(include_str!("data/holidays.tsv")).flat_map(of_row).collect()
});

/// Whether offices work: neither Saturday nor Sunday nor a holiday.
pub fn is_working_day(day: Date) -> bool {
    let fixed = [(1, 1), (4, 30), (5, 1), (9, 2)].contains(&(day.month(), day.day()));
    !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday) && !fixed && !HOLIDAYS.contains(&day)
}

/// The last working day up to `day`.
pub fn working_day_before(day: Date) -> Date {
    (0..10).map(|back| plus_days(day, -back)).find(|day| is_working_day(*day)).unwrap_or(day)
}

/// A working day from `from` to `to` for an official act; any day where there is no working day between them.
pub fn draw_act(draws: &mut Draws, from: Date, to: Date) -> Date {
    let drawn = draw_day(draws, from, to);
    let day = working_day_before(drawn);
    if day >= from {
        return day;
    }
    let later = (1..10).map(|days| plus_days(drawn, days)).find(|day| is_working_day(*day));
    later.filter(|day| *day <= to).unwrap_or(drawn)
}

/// Full years of age on `day`.
pub fn age_on(birth: Date, day: Date) -> i16 {
    let had_birthday = (day.month(), day.day()) >= (birth.month(), birth.day());
    day.year() - birth.year() - i16::from(!had_birthday)
}

/// The first day of the month of `date`.
pub fn month_start(date: Date) -> Date {
    Date::new(date.year(), date.month(), 1).unwrap_or(date)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offices_rest_on_weekends_and_holidays() {
        let rests =
            [(2026, 11, 22), (2026, 1, 1), (2025, 4, 30), (2026, 2, 16), (2026, 2, 20), (2024, 4, 18), (1999, 2, 16)];
        assert!(rests.iter().all(|(year, month, day)| !is_working_day(Date::constant(*year, *month, *day))));
        assert!(is_working_day(Date::constant(2026, 11, 20)) && is_working_day(Date::constant(2026, 2, 24)));
        assert_eq!(working_day_before(Date::constant(2026, 2, 18)), Date::constant(2026, 2, 13));
        let mut draws = crate::base::Seed::root(1).draws();
        let (from, to) = (Date::constant(2026, 2, 21), Date::constant(2026, 2, 23));
        assert!((0..50).all(|_| draw_act(&mut draws, from, to) == to), "Monday after Tết");
    }

    #[test]
    fn ages_and_anniversaries() {
        let leap = Date::constant(2000, 2, 29);
        assert_eq!(age_on(leap, Date::constant(2026, 2, 28)), 25);
        assert_eq!(age_on(leap, Date::constant(2026, 3, 1)), 26);
        assert_eq!(plus_years(leap, 18), Date::constant(2018, 2, 28));
        assert_eq!(plus_days(leap, 1), Date::constant(2000, 3, 1));
        assert_eq!(days_between(Date::constant(2026, 1, 1), Date::constant(2027, 1, 1)), 365);
    }
}
