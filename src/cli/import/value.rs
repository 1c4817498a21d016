//! One cell, read as what its field holds. Pure.
//!
//! What can be meant in one way only is brought to the record's form: `31/12/1990`, `1.234,5`, dates that Excel counts. What a program has
//! spoiled on the way is refused with what happened and how to mend it: a digit that is gone cannot be guessed.

use crate::base::Date;

use super::cell::Cell;
use super::target::{Fits, Kind};

/// A value of a payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Text(String),
    Integer(i64),
    Boolean(bool),
}

/// A rule, and its requirement in words.
pub(super) type Refusal = (&'static str, &'static str);

const PERSONAL_ID_DIGITS: usize = 12;
/// Digits that a spreadsheet keeps of a number.
const DIGITS_KEPT: usize = 15;
const DATE: Refusal = ("DATE", "must be a date like 31/12/1990");
const NUMBER: Refusal = ("NUMBER", "must be a whole number");
const EXPONENT: Refusal = (
    "EXCEL_NUMBER",
    "Excel has turned a long number into one like 1.23E+11: format the column as Text in the source, and export it again",
);

/// The day before the first one that a spreadsheet counts: 1 is 31 December 1899, and the error of 1900 in between is gone by its March.
pub(super) const EPOCH: Date = Date::constant(1899, 12, 30);
/// The first day of spreadsheets that were begun on old Macs.
pub(super) const EPOCH_1904: Date = Date::constant(1904, 1, 1);

/// Reads a cell that is not empty; `epoch` is day 0 of numbers that represent days.
pub(super) fn read(cell: &Cell, kind: &Kind, epoch: Date) -> Result<Value, Refusal> {
    if let Cell::Error(_) = cell {
        return Err(("CELL_ERROR", "the cell holds an error of the spreadsheet"));
    }
    match kind {
        Kind::Text => text(cell).map(|text| Value::Text(with_single_blanks(text))),
        Kind::Formed(fits) => formed(cell, fits, epoch).map(Value::Text),
        Kind::PersonalId => personal_id(&text(cell)?).map(Value::Text),
        Kind::Date => date(cell, epoch).map(|date| Value::Text(date.to_string())),
        Kind::Month => month(cell).map(Value::Text),
        Kind::PartialDate => partial_date(cell, epoch).map(Value::Text),
        Kind::Integer => integer(cell).map(Value::Integer),
        Kind::Boolean => boolean(cell).map(Value::Boolean),
        Kind::Choice(values) => choice(&text(cell)?, values).map(Value::Text),
    }
}

fn text(cell: &Cell) -> Result<String, Refusal> {
    let text = match cell {
        Cell::Number(number) => return whole(*number).map(|number| number.to_string()),
        other => other.text(),
    };
    if is_exponent(&text) { Err(EXPONENT) } else { Ok(text) }
}

/// Two blanks between words are a slip of whoever typed them, and no registry keeps them.
fn with_single_blanks(text: String) -> String {
    match text.contains("  ") {
        true => text.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" "),
        false => text,
    }
}

/// The whole number that a spreadsheet's number is.
fn whole(number: f64) -> Result<i64, Refusal> {
    if number.fract() != 0.0 {
        return Err(("NUMBER", "the cell holds a number with a fraction, where a text or a whole number is wanted"));
    }
    if number.abs() >= 10_f64.powi(DIGITS_KEPT as i32) {
        return Err((
            "PRECISION",
            "a spreadsheet keeps 15 digits of a number, and the rest is lost: format the column as Text in the source",
        ));
    }
    Ok(number as i64)
}

/// `1.23E+11`, `1,23E+11`.
fn is_exponent(text: &str) -> bool {
    let Some((mantissa, exponent)) = text.split_once(['E', 'e']) else { return false };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let is_mantissa = match mantissa.split_once(['.', ',']) {
        Some((whole, part)) => digits(whole) && digits(part),
        None => digits(mantissa),
    };
    is_mantissa && exponent.strip_prefix(['+', '-']).is_some_and(digits)
}

fn personal_id(text: &str) -> Result<String, Refusal> {
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    if digits && (PERSONAL_ID_DIGITS - 3..PERSONAL_ID_DIGITS).contains(&text.len()) && text.len() != 9 {
        return Err((
            "LEADING_ZERO",
            "has fewer than 12 digits: a spreadsheet drops leading zeros; format the column as Text in the source, or say `pad: 12` in the mapping if all of them were dropped so",
        ));
    }
    // Everything else is the registry's to refuse.
    Ok(text.to_owned())
}

/// A text of a form. One that does not have it may be a number as it is written in Vietnamese (`1.234,5`), or a day, where the form is of days too
/// (`long_term`, or the last day).
fn formed(cell: &Cell, fits: &Fits, epoch: Date) -> Result<String, Refusal> {
    let day = || date(cell, epoch).ok().map(|day| day.to_string()).filter(|day| fits(day));
    if let Cell::Date(..) = cell
        && let Some(day) = day()
    {
        return Ok(day);
    }
    if let Cell::Number(number) = cell
        && number.fract() != 0.0
    {
        // The shortest decimals that lead to this number are those that were typed.
        let written = number.to_string();
        return if fits(&written) { Ok(written) } else { whole(*number).map(|number| number.to_string()) };
    }
    let text = text(cell)?;
    match plain_number(&text).filter(|number| !fits(&text) && fits(number)) {
        Some(number) => Ok(number),
        None if fits(&text) => Ok(text),
        None => Ok(day().unwrap_or(text)),
    }
}

/// `1234.5` of `1.234,5`, `1 234,5` or `1234,5`: points and blanks before each three digits, a comma before the decimals.
fn plain_number(text: &str) -> Option<String> {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let (whole, part) = match text.split_once(',') {
        Some((whole, part)) => (whole, Some(part).filter(|part| digits(part))?),
        None => (text, ""),
    };
    let mut groups = whole.split(['.', ' ', '\u{a0}']);
    let first = groups.next().filter(|first| digits(first))?;
    let rest: Vec<&str> = groups.collect();
    if !rest.is_empty() && (first.len() > 3 || rest.iter().any(|group| group.len() != 3 || !digits(group))) {
        return None;
    }
    let part = part.trim_end_matches('0');
    let point = if part.is_empty() { "" } else { "." };
    Some(format!("{first}{}{point}{part}", rest.concat()))
}

fn integer(cell: &Cell) -> Result<i64, Refusal> {
    match cell {
        Cell::Number(number) => whole(*number),
        other => {
            let text = text(other)?;
            let (sign, digits) = text.strip_prefix('-').map_or((1, text.as_str()), |rest| (-1, rest));
            let plain = plain_number(digits).ok_or(NUMBER)?;
            plain.parse::<i64>().map(|number| sign * number).map_err(|_| NUMBER)
        }
    }
}

fn boolean(cell: &Cell) -> Result<bool, Refusal> {
    let text = match cell {
        Cell::Boolean(truth) => return Ok(*truth),
        other => text(other)?.to_lowercase(),
    };
    match text.as_str() {
        "true" | "có" | "x" | "1" | "yes" => Ok(true),
        "false" | "không" | "0" | "no" => Ok(false),
        _ => Err(("BOOLEAN", "must be true or false: `có`, `không`, `x`, 1, 0")),
    }
}

fn choice(text: &str, values: &[String]) -> Result<String, Refusal> {
    let same = values.iter().find(|value| value.eq_ignore_ascii_case(text));
    same.cloned().ok_or(("UNKNOWN_VALUE", "is not one of the field's values: translate it with `codes` in the mapping"))
}

/// A day: `31/12/1990`, `31-12-1990`, `31.12.1990`, `1990-12-31`, a spreadsheet's date, or the number that represents one.
fn date(cell: &Cell, epoch: Date) -> Result<Date, Refusal> {
    let day = |year: u16, month: u8, day: u8| {
        let (year, month, day) = (i16::try_from(year).ok()?, i8::try_from(month).ok()?, i8::try_from(day).ok()?);
        Date::new(year, month, day).ok()
    };
    match cell {
        Cell::Date(year, month, of_month) => day(*year, *month, *of_month).ok_or(DATE),
        Cell::Number(number) => serial(*number, epoch).ok_or(DATE),
        other => {
            let text = other.text();
            if text.len() == 5
                && let Ok(number) = text.parse::<u32>()
            {
                return serial(f64::from(number), epoch).ok_or(DATE);
            }
            let parts = parts(&text)?;
            let [first, second, third] = parts[..] else { return Err(DATE) };
            match (first.1, third.1) {
                (4, _) => day(first.0, second.0 as u8, third.0 as u8).ok_or(DATE),
                (_, 4) if second.0 > 12 && first.0 <= 12 => {
                    Err(("DATE_ORDER", "has the month first: dates are day/month/year, like 31/12/1990"))
                }
                (_, 4) => day(third.0, second.0 as u8, first.0 as u8).ok_or(DATE),
                (_, 2) => Err(("DATE_YEAR", "has a year of two digits: write all four")),
                _ => Err(DATE),
            }
        }
    }
}

/// The numbers of a date and how many digits each has; a following time of midnight is dropped.
fn parts(text: &str) -> Result<Vec<(u16, usize)>, Refusal> {
    let text = text.strip_suffix("00:00:00").or(text.strip_suffix("0:00")).map_or(text, str::trim_end);
    let text = text.strip_suffix('T').unwrap_or(text);
    let number = |part: &str| {
        let is_short = (1..=4).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
        let value = part.parse().ok().filter(|_| is_short)?;
        // Days and months have two digits at most.
        (part.len() == 4 || value < 100).then_some((value, part.len()))
    };
    text.split(['/', '-', '.']).map(number).collect::<Option<_>>().ok_or(DATE)
}

/// The day that a number of a spreadsheet represents. Numbers below 10,000 could be years.
fn serial(number: f64, epoch: Date) -> Option<Date> {
    if number.fract() != 0.0 || !(10_000.0..=110_000.0).contains(&number) {
        return None;
    }
    epoch.checked_add(jiff::Span::new().days(number as i64)).ok()
}

fn month(cell: &Cell) -> Result<String, Refusal> {
    const MONTH: Refusal = ("DATE", "must be a month like 12/1990");
    if let Cell::Date(year, month, _) = cell {
        return Ok(format!("{year:04}-{month:02}"));
    }
    let parts = parts(&text(cell)?).map_err(|_| MONTH)?;
    let (year, month) = match parts[..] {
        [(month, 1 | 2), (year, 4)] | [(year, 4), (month, 2)] => (year, month),
        _ => return Err(MONTH),
    };
    if (1..=12).contains(&month) { Ok(format!("{year:04}-{month:02}")) } else { Err(MONTH) }
}

/// A day, a month or a year.
fn partial_date(cell: &Cell, epoch: Date) -> Result<String, Refusal> {
    let year = |year: u16| (1800..=2200).contains(&year).then(|| format!("{year:04}"));
    if let Cell::Number(number) = cell
        && (1800.0..=2200.0).contains(number)
        && number.fract() == 0.0
    {
        return year(*number as u16).ok_or(DATE);
    }
    if let Cell::Text(text) = cell {
        match parts(text).unwrap_or_default()[..] {
            [(value, 4)] => return year(value).ok_or(DATE),
            [_, _] => return month(cell),
            _ => {}
        }
    }
    date(cell, epoch).map(|date| date.to_string())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::registry::forms;

    fn text(value: &str) -> Cell {
        Cell::Text(value.into())
    }

    fn rule(cell: &Cell, kind: &Kind) -> &'static str {
        read(cell, kind, EPOCH).expect_err("refused").0
    }

    #[test]
    fn dates_are_read_and_spoiled_ones_refused() {
        for (cell, expected) in [
            (text("31/12/1990"), "1990-12-31"),
            (text("1/2/1990"), "1990-02-01"),
            (text("31-12-1990"), "1990-12-31"),
            (text("31.12.1990"), "1990-12-31"),
            (text("1990-12-31"), "1990-12-31"),
            (text("31/12/1990 00:00:00"), "1990-12-31"),
            (text("1990-12-31T00:00:00"), "1990-12-31"),
            (text("33238"), "1990-12-31"),
            (Cell::Number(33_238.0), "1990-12-31"),
            (Cell::Date(1990, 12, 31), "1990-12-31"),
        ] {
            assert_eq!(read(&cell, &Kind::Date, EPOCH), Ok(Value::Text(expected.into())), "{cell:?}");
        }
        for (value, expected) in [
            ("12/31/1990", "DATE_ORDER"),
            ("31/12/90", "DATE_YEAR"),
            ("30/02/1990", "DATE"),
            ("1990", "DATE"),
            ("31/12", "DATE"),
            ("hôm qua", "DATE"),
            ("31/12/1990 14:30", "DATE"),
        ] {
            assert_eq!(rule(&text(value), &Kind::Date), expected, "{value}");
        }
        for (cell, expected) in [
            (text("1990"), "1990"),
            (text("12/1990"), "1990-12"),
            (Cell::Number(1990.0), "1990"),
            (text("1/2/1990"), "1990-02-01"),
        ] {
            assert_eq!(read(&cell, &Kind::PartialDate, EPOCH), Ok(Value::Text(expected.into())), "{cell:?}");
        }
        let of_a_mac = read(&Cell::Number(31_776.0), &Kind::Date, EPOCH_1904);
        assert_eq!(of_a_mac, Ok(Value::Text("1990-12-31".into())));
        assert_eq!(read(&text("7/2020"), &Kind::Month, EPOCH), Ok(Value::Text("2020-07".into())));
        assert_eq!(rule(&text("13/2020"), &Kind::Month), "DATE");
    }

    #[test]
    fn numbers_are_read_as_they_are_written_in_vietnamese() {
        let area = Kind::Formed(Arc::new(forms::area));
        for (cell, expected) in [
            (text("152.4"), "152.4"),
            (text("152,40"), "152.4"),
            (text("1.234,5"), "1234.5"),
            (text("1.234"), "1234"),
            (text("12.345.678"), "12345678"),
            (Cell::Number(152.4), "152.4"),
            (Cell::Number(152.0), "152"),
        ] {
            assert_eq!(read(&cell, &area, EPOCH), Ok(Value::Text(expected.into())), "{cell:?}");
        }
        // The term of a use of land is a day, or none.
        let term = Kind::Formed(Arc::new(forms::land_term));
        for (cell, expected) in [
            (text("15/10/2063"), "2063-10-15"),
            (text("2063-10-15"), "2063-10-15"),
            (text("long_term"), "long_term"),
            (Cell::Date(2063, 10, 15), "2063-10-15"),
            (Cell::Number(59_824.0), "2063-10-15"),
            (text("lâu dài"), "lâu dài"),
        ] {
            assert_eq!(read(&cell, &term, EPOCH), Ok(Value::Text(expected.into())), "{cell:?}");
        }
        assert_eq!(read(&text("Nguyễn  Thị   Hoà"), &Kind::Text, EPOCH), Ok(Value::Text("Nguyễn Thị Hoà".into())));
        // Not one reading: left to the registry, which refuses it.
        assert_eq!(read(&text("1,234.5"), &area, EPOCH), Ok(Value::Text("1,234.5".into())));
        assert_eq!(read(&text("1.500"), &Kind::Integer, EPOCH), Ok(Value::Integer(1500)));
        assert_eq!(rule(&text("1,5"), &Kind::Integer), "NUMBER");
    }

    #[test]
    fn what_a_spreadsheet_spoiled_is_refused() {
        assert_eq!(rule(&text("4.2186E+10"), &Kind::PersonalId), "EXCEL_NUMBER");
        assert_eq!(rule(&text("1,23E+11"), &Kind::Text), "EXCEL_NUMBER");
        assert_eq!(rule(&text("42185990002"), &Kind::PersonalId), "LEADING_ZERO");
        assert_eq!(rule(&Cell::Number(42_185_990_002.0), &Kind::PersonalId), "LEADING_ZERO");
        assert_eq!(rule(&Cell::Number(1.0e16), &Kind::Text), "PRECISION");
        assert_eq!(rule(&Cell::Number(1.5), &Kind::Text), "NUMBER");
        assert_eq!(rule(&Cell::Error("#REF!".into()), &Kind::Text), "CELL_ERROR");
        assert_eq!(read(&text("38A-12345"), &Kind::Text, EPOCH), Ok(Value::Text("38A-12345".into())));
        assert_eq!(read(&text("12E5"), &Kind::Text, EPOCH), Ok(Value::Text("12E5".into())));
        assert_eq!(rule(&text("đỏ"), &Kind::Choice(vec!["red".into()])), "UNKNOWN_VALUE");
    }
}
