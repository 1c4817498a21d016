//! Drawing days, and ages on a day.

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

/// A day from `from` to `to`, both included; `from` when they are in the other order.
pub fn draw_day(draws: &mut Draws, from: Date, to: Date) -> Date {
    plus_days(from, draws.between(0, days_between(from, to).max(0)))
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
    fn ages_and_anniversaries() {
        let leap = Date::constant(2000, 2, 29);
        assert_eq!(age_on(leap, Date::constant(2026, 2, 28)), 25);
        assert_eq!(age_on(leap, Date::constant(2026, 3, 1)), 26);
        assert_eq!(plus_years(leap, 18), Date::constant(2018, 2, 28));
        assert_eq!(plus_days(leap, 1), Date::constant(2000, 3, 1));
        assert_eq!(days_between(Date::constant(2026, 1, 1), Date::constant(2027, 1, 1)), 365);
    }
}
