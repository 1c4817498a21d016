//! The forms of numbers and codes that are more than a length: plates, serials, parcel codes, enterprise codes.
//!
//! A predicate tells whether a text has exactly this form. A function that returns a text accepts other spellings too, and returns the one that
//! is stored. Each names its source.

use crate::base::{OrganisationCode, organisation};

use super::schema::KeyForm;

/// All ASCII digits, of one of these lengths.
fn digits(text: &str, lengths: impl Fn(usize) -> bool) -> bool {
    lengths(text.len()) && text.bytes().all(|b| b.is_ascii_digit())
}

/// Old identity card (CMND): 9 digits.
pub fn old_id_number(text: &str) -> bool {
    digits(text, |n| n == 9)
}

/// Code of an administrative unit: 2 digits a province, 3 a former district, 5 a commune (Decision 19/2025/QĐ-TTg).
pub fn unit_code(text: &str) -> bool {
    digits(text, |n| matches!(n, 2 | 3 | 5))
}

/// Number of an entry of civil status in a book; our own form: unit, letters of the book, year, number, with hyphens.
pub fn civil_status_entry(text: &str, book: &str) -> bool {
    let mut parts = text.split('-');
    let (unit, letters, year, number) = (parts.next(), parts.next(), parts.next(), parts.next());
    let counts = |number: &str| digits(number, |n| (1..=7).contains(&n)) && !number.starts_with('0');
    unit.is_some_and(unit_code)
        && letters == Some(book)
        && year.is_some_and(|year| digits(year, |n| n == 4) && matches!(&year[..2], "19" | "20"))
        && number.is_some_and(counts)
        && parts.next().is_none()
}

/// The unit that registered an entry of civil status, and the year, by the entry's number.
pub fn unit_and_year(entry: &str) -> Option<(&str, i16)> {
    let mut parts = entry.split('-');
    let unit = parts.next()?;
    Some((unit, parts.nth(1)?.parse().ok()?))
}

/// Number of a household's residence file; our own form: province, hyphen, nine digits.
pub fn household_id(text: &str) -> bool {
    matches!(text.split_once('-'), Some((province, number))
        if digits(province, |n| n == 2) && digits(number, |n| n == 9))
}

/// Parcel identification code: geohash of 12 characters (Circular 09/2024/TT-BTNMT); this province lies in w74 to w77.
pub fn parcel_id(text: &str) -> Option<String> {
    Some(KeyForm::Lower.of(text)).filter(|text| is_parcel_id(text))
}

fn is_parcel_id(text: &str) -> bool {
    text.len() == 12
        && ["w74", "w75", "w76", "w77"].iter().any(|prefix| text.starts_with(prefix))
        && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'b'..=b'h' | b'j' | b'k' | b'm' | b'n' | b'p'..=b'z'))
}

/// Without separators and in capitals, as keys are looked up.
fn compact(text: &str) -> String {
    KeyForm::Compact.of(text)
}

/// ASCII capitals and digits, as many as `lengths` says.
fn capitals_and_digits(text: &str, lengths: std::ops::RangeInclusive<usize>) -> bool {
    lengths.contains(&text.len()) && text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
}

/// Byte offset of the trailing digits.
fn ending_digits(text: &str) -> usize {
    text.trim_end_matches(|c: char| c.is_ascii_digit()).len()
}

/// A capital letter of the Vietnamese alphabet, which has no F, J, W and Z.
fn vietnamese_capital(c: char) -> bool {
    c == 'Đ' || (c.is_ascii_uppercase() && !matches!(c, 'F' | 'J' | 'W' | 'Z'))
}

/// Serial of a land certificate as it is stored, `CĐ 123456`: one capital letter before 2009, of two the first one A to D; then 6 or 8 digits.
pub fn certificate_serial(text: &str) -> Option<String> {
    let text = compact(text);
    let (letters, number) = text.split_at(ending_digits(&text));
    let series: Vec<char> = letters.chars().collect();
    let known = match series[..] {
        [one] => vietnamese_capital(one) && number.len() == 6,
        [first, second] => matches!(first, 'A'..='D') && vietnamese_capital(second),
        _ => false,
    };
    (known && matches!(number.len(), 6 | 8)).then(|| format!("{letters} {number}"))
}

/// A land use: three capitals (Circular 08/2024/TT-BTNMT).
pub fn land_use(text: &str) -> bool {
    text.len() == 3 && text.bytes().all(|b| b.is_ascii_uppercase())
}

/// A number on a map: up to five digits, no leading zero.
pub fn map_number(text: &str) -> bool {
    digits(text, |n| (1..=5).contains(&n)) && !text.starts_with('0')
}

/// An area in square metres: at most nine digits, at most two decimals, greater than zero.
pub fn area(text: &str) -> bool {
    hundredths(text).is_some_and(|n| n > 0)
}

/// The hundredths of an area.
pub fn hundredths(text: &str) -> Option<i64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let leading_zero = whole.len() > 1 && whole.starts_with('0');
    if !digits(whole, |n| (1..=9).contains(&n)) || !digits(part, |n| n == 1 || n == 2) || leading_zero {
        return None;
    }
    let part: i64 = part.parse::<i64>().ok()? * if part.len() == 1 { 10 } else { 1 };
    Some(whole.parse::<i64>().ok()? * 100 + part)
}

/// How long a right to land lasts: `long_term`, or its last day.
pub fn land_term(text: &str) -> bool {
    text == "long_term" || super::rule::date(text).is_some()
}

/// An amount in đồng: a whole number of at most 15 digits, no leading zero.
pub fn money(text: &str) -> bool {
    digits(text, |n| (1..=15).contains(&n)) && (text == "0" || !text.starts_with('0'))
}

/// Social-insurance code: 10 digits.
pub fn bhxh_code(text: &str) -> bool {
    digits(text, |n| n == 10)
}

/// Code of a contributing unit: identification code, object code, line of business (letter 1804/BHXH-QLT).
pub fn employer_code(text: &str) -> bool {
    capitals_and_digits(text, 2..=20)
}

/// Enterprise code of 10 digits whose last is the check digit (Circular 86/2024/TT-BTC).
pub fn enterprise_code(text: &str) -> bool {
    digits(text, |n| n == 10) && OrganisationCode::parse(text).is_some()
}

/// Enterprise code, or that of a branch: followed by `-001` to `-999`.
pub fn enterprise_or_branch_code(text: &str) -> bool {
    matches!(text.len(), 10 | 14) && OrganisationCode::parse(text).is_some()
}

/// The check digit after nine digits: 10 − (Σ d·w mod 11); a number with remainder 0 is never issued.
pub fn enterprise_check_digit(nine: &str) -> Option<u8> {
    organisation::check_digit(nine.as_bytes()).map(|digit| digit - b'0')
}

/// Line of business: 4 or 5 digits (VSIC).
pub fn business_line(text: &str) -> bool {
    digits(text, |n| n == 4 || n == 5)
}

/// Health-insurance card as it is stored: 10 or 12 digits, or the legacy 15: object, benefit level 1 to 5, province, 10 digits.
pub fn card_number(text: &str) -> Option<String> {
    Some(compact(text)).filter(|text| digits(text, |n| n == 10 || n == 12) || legacy_card_number(text))
}

/// The legacy form of a card number, 15 characters (Decision 1351/2015/QĐ-BHXH).
pub fn legacy_card_number(text: &str) -> bool {
    text.len() == 15
        && text.bytes().take(2).all(|b| b.is_ascii_uppercase())
        && text.as_bytes().get(2).is_some_and(|b| (b'1'..=b'5').contains(b))
        && text.bytes().skip(3).all(|b| b.is_ascii_digit())
        && text.get(3..5).is_some_and(|province| ("01"..="96").contains(&province))
}

/// Facility of first registration: 5 digits, a province of health insurance first, as in card numbers.
pub fn facility(text: &str) -> bool {
    digits(text, |n| n == 5) && ("01"..="96").contains(&&text[..2])
}

/// Driver's licence as it is stored: 12 digits, or two letters and six digits of the paper form, `AT 123456`.
pub fn licence_number(text: &str) -> Option<String> {
    let text = compact(text);
    let (letters, number) = text.split_at(ending_digits(&text));
    let paper = letters.chars().count() == 2 && letters.chars().all(vietnamese_capital) && number.len() == 6;
    match paper {
        true => Some(format!("{letters} {number}")),
        false => Some(text).filter(|text| digits(text, |n| n == 12)),
    }
}

/// Plate of a car: `38A-123.45`, old ones `38A-1234`. Letters that are easily confused are not used.
pub fn car_plate(text: &str) -> bool {
    const TWO_LETTERS: [&str; 9] = ["LD", "DA", "KT", "MK", "TĐ", "HC", "CD", "CT", "R"];
    let Some((head, number)) = text.split_once('-') else { return false };
    let Some((province, series)) = head.split_at_checked(2) else { return false };
    let one_letter = series.len() == 1 && series.bytes().all(plate_letter);
    plate_province(province) && (one_letter || TWO_LETTERS.contains(&series)) && plate_digits(number, true)
}

/// Provinces on plates, those merged since included; 80 is for central bodies and foreign missions.
fn plate_province(text: &str) -> bool {
    let never_given = ["13", "42", "44", "45", "46", "87", "91", "96"];
    digits(text, |n| n == 2) && ("11"..="99").contains(&text) && !never_given.contains(&text)
}

/// Plate of a foreign mission or of a foreigner: province, country or organisation, kind, number: `80-011-NG-01`.
pub fn foreign_plate(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let [province, country, kind, number] = parts[..] else { return false };
    plate_province(province)
        && digits(country, |n| n == 3)
        && matches!(kind, "NG" | "NN" | "QT" | "CV")
        && digits(number, |n| n == 2 || n == 3)
}

/// Plate of a trailer: `38R-123.45`.
pub fn trailer_plate(text: &str) -> bool {
    car_plate(text) && text.get(2..).is_some_and(|rest| rest.starts_with("R-"))
}

/// A plate as it is stored, from one with other separators or none, in whatever letters.
pub fn plate(text: &str) -> Option<String> {
    let known = |text: &str| car_plate(text) || motorcycle_plate(text) || foreign_plate(text);
    if known(text) {
        return Some(text.to_owned());
    }
    let (as_written, text) = (text.to_uppercase(), compact(text));
    let (province, rest) = text.split_at_checked(2)?;
    let (series, number) = rest.split_at(ending_digits(rest));
    let grouped = |number: &str| match number.split_at_checked(3) {
        Some((first, last)) if last.len() == 2 => format!("{first}.{last}"),
        _ => number.to_owned(),
    };
    let written = match (series.trim_start_matches(|c: char| c.is_ascii_digit()), series.len(), number.len()) {
        (kind @ ("NG" | "NN" | "QT" | "CV"), 5, 2 | 3) => format!("{province}-{}-{kind}-{number}", &series[..3]),
        // a letter and a digit, or MĐ and a digit, before five
        ("MĐ", ..) | (_, 1, 6) if as_written.contains(&format!("{series}{}", number.get(..1)?)) => {
            format!("{province}-{series}{} {}", number.get(..1)?, grouped(number.get(1..)?))
        }
        _ => format!("{province}{series}-{}", grouped(number)),
    };
    let two_letters = || format!("{province}-{series} {}", grouped(number));
    [written, two_letters()].into_iter().find(|text| known(text))
}

/// Plate of a motorcycle: `38-B1 123.45`, since August 2023 `38-AA 123.45` (Circular 24/2023/TT-BCA).
pub fn motorcycle_plate(text: &str) -> bool {
    let Some((province, rest)) = text.split_once('-') else { return false };
    let Some((series, number)) = rest.split_once(' ') else { return false };
    let electric_moped = series.strip_prefix("MĐ").is_some_and(|digit| matches!(digit.as_bytes(), [b'1'..=b'9']));
    let (old, new) = match series.as_bytes() {
        [first, second] => {
            (plate_letter(*first) && (b'1'..=b'9').contains(second), plate_letter(*first) && plate_letter(*second))
        }
        _ => (false, false),
    };
    plate_province(province) && (old || new || electric_moped) && plate_digits(number, old)
}

/// Plate of a motorcycle in a series of two letters: `38-AA 123.45`.
pub fn two_letter_plate(text: &str) -> bool {
    let series = text.split_once('-').and_then(|(_, rest)| rest.split_once(' ')).map(|(series, _)| series.as_bytes());
    motorcycle_plate(text) && matches!(series, Some([first, second]) if plate_letter(*first) && plate_letter(*second))
}

fn plate_letter(b: u8) -> bool {
    matches!(b, b'A'..=b'H' | b'K'..=b'N' | b'P' | b'S'..=b'V' | b'X'..=b'Z')
}

fn plate_digits(text: &str, four_allowed: bool) -> bool {
    let five = matches!(text.split_once('.'), Some((a, b)) if digits(a, |n| n == 3) && digits(b, |n| n == 2));
    five || (four_allowed && digits(text, |n| n == 4))
}

/// Chassis number of ISO 3779: 17 characters without I, O and Q.
pub fn vin(text: &str) -> bool {
    text.len() == 17
        && text.bytes().all(|b| (b.is_ascii_uppercase() && !matches!(b, b'I' | b'O' | b'Q')) || b.is_ascii_digit())
}

/// Chassis number as it is stored, old vehicles' too: 6 to 20 capitals and digits.
pub fn chassis_number(text: &str) -> Option<String> {
    let fits = |text: &String| capitals_and_digits(text, 6..=20);
    Some(compact(text)).filter(fits)
}

/// Number of a passport: 5 to 15 capitals and digits (ICAO Doc 9303 has 9 and more in its optional data).
pub fn passport_number(text: &str) -> bool {
    capitals_and_digits(text, 5..=15)
}

/// Engine number: 5 to 20 capitals, digits and hyphens.
pub fn engine_number(text: &str) -> bool {
    (5..=20).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A form, texts that have it, texts that do not.
    type Case = (fn(&str) -> bool, &'static [&'static str], &'static [&'static str]);

    #[test]
    fn forms_accept_and_refuse() {
        let cases: &[Case] = &[
            (unit_code, &["42", "448", "18073"], &["", "4", "1807", "18O73"]),
            (household_id, &["42-000000001"], &["42000000001", "42-00000001", "4-000000001"]),
            (map_number, &["1", "12345"], &["", "0", "012", "123456"]),
            (area, &["152.4", "0.01", "100"], &["0", "0.00", "01", ".5", "1.", "1.234", "-1", "1e3"]),
            (money, &["0", "5310000"], &["", "05", "1.5", "1234567890123456"]),
            (
                enterprise_or_branch_code,
                &["0100233488", "0314409058", "0102671977", "0106990131", "0108269831", "0109178175", "0110605738-001"],
                &["0100233489", "0100233488-000", "0100233488-1", "010023348", "0100233488-"],
            ),
            (vin, &["RLHKC1234NY012345"], &["RLHKC1234NY01234", "OLHKC1234NY012345"]),
            (land_term, &["long_term", "2064-12-31"], &["", "50 years", "2064"]),
        ];
        for (form, good, bad) in cases {
            good.iter().for_each(|text| assert!(form(text), "{text}"));
            bad.iter().for_each(|text| assert!(!form(text), "{text}"));
        }
    }

    /// A form under test; accepted spellings, each with its normal form; and texts that it refuses.
    type Written = (fn(&str) -> Option<String>, &'static [(&'static str, &'static str)], &'static [&'static str]);

    #[test]
    fn numbers_have_one_form_that_is_stored() {
        let cases: &[Written] = &[
            (
                plate,
                &[
                    ("38A-123.45", "38A-123.45"),
                    ("38A-12345", "38A-123.45"),
                    ("38a12345", "38A-123.45"),
                    ("38A-1234", "38A-1234"),
                    ("38LD-123.45", "38LD-123.45"),
                    ("38R12345", "38R-123.45"),
                    ("38-B1 123.45", "38-B1 123.45"),
                    ("38B112345", "38-B1 123.45"),
                    ("38-B1 1234", "38-B1 1234"),
                    ("38AA-123.45", "38-AA 123.45"),
                    ("38-MĐ1 123.45", "38-MĐ1 123.45"),
                    ("38mđ1-12345", "38-MĐ1 123.45"),
                    ("80-011-NG-01", "80-011-NG-01"),
                    ("80011NG01", "80-011-NG-01"),
                    ("29-121-NN-123", "29-121-NN-123"),
                ],
                &[
                    "38I-123.45",
                    "38-AO 123.45",
                    "38-AI 12345",
                    "10A-123.45",
                    "42A-123.45",
                    "38-AA 1234",
                    "38-B0 123.45",
                    "A38-123.45",
                    "80-011-XX-01",
                    "38A-123456",
                ],
            ),
            (
                certificate_serial,
                &[
                    ("CĐ 123456", "CĐ 123456"),
                    ("cđ123456", "CĐ 123456"),
                    ("AA 12345678", "AA 12345678"),
                    ("M 123456", "M 123456"),
                ],
                &["ZZ 123456", "EA 123456", "AA 1234567", "M 12345678", "AF 123456", "ÐD 123456", "ABC 123456"],
            ),
            (
                card_number,
                &[
                    ("1234567890", "1234567890"),
                    ("042185990002", "042185990002"),
                    ("gd4-42-4212345678", "GD4424212345678"),
                ],
                &["HC6421234567890", "HC4001234567890", "12345678901"],
            ),
            (
                licence_number,
                &[("420151234567", "420151234567"), ("AT 123456", "AT 123456"), ("at123456", "AT 123456")],
                &["42015123456", "A 123456"],
            ),
            (
                parcel_id,
                &[("W7723FDN0ZG3", "w7723fdn0zg3"), ("w74000000000", "w74000000000")],
                &["w7823fdn0zg3", "w7723fdn0zg", "w7723fdn0zga"],
            ),
            (
                chassis_number,
                &[("rlhkc1234-ny012345", "RLHKC1234NY012345"), ("VDG123456", "VDG123456")],
                &["ABC", "RLHKC/1234"],
            ),
        ];
        for (form, good, bad) in cases {
            for (text, stored) in *good {
                assert_eq!(form(text).as_deref(), Some(*stored), "{text}");
                assert_eq!(form(stored).as_deref(), Some(*stored), "{stored} is stored as it is");
            }
            bad.iter().for_each(|text| assert_eq!(form(text), None, "{text}"));
        }
    }

    #[test]
    fn a_number_without_check_digit_is_never_issued() {
        let issued = (0..1000).filter_map(|n| enterprise_check_digit(&format!("300000{n:03}"))).count();
        assert!((850..1000).contains(&issued), "{issued}");
        assert_eq!(enterprise_check_digit("010023348"), Some(8));
    }
}
