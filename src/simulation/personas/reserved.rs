//! Numbers of the citizens who are made one by one: the personas, and those whom a tester creates. They are of the ranges that the generator leaves
//! free, so that they are nobody else's, whatever the seed. All follow from one ordinal, the last four digits of the personal ID: below
//! [`FIRST_CREATED`] it is a persona's.

use crate::base::{Date, PersonalId};
use crate::simulation::document::padded;
use crate::simulation::names::Sex;
use crate::simulation::population::numbers::{PARCELS_RESERVED_FROM, SERIALS_RESERVED_FROM, enterprise_code};

/// The first ordinal that is no persona's.
pub const FIRST_CREATED: u64 = 1_000;
/// The last ordinal.
pub const LAST: u64 = 9_999;
/// Reserved parcels of a commune from here on are for land of created citizens.
const FIRST_CREATED_PARCEL: u64 = 256;
/// How many created citizens can have land in one commune.
pub const PARCELS_EACH: u64 = 1_024 - FIRST_CREATED_PARCEL;
/// Plates of one series that the generator leaves free.
const PLATES_EACH: u64 = 999;
/// Since this day serials of certificates have eight digits (Circular 10/2024/TT-BTNMT).
const EIGHT_DIGITS_SINCE: Date = Date::constant(2025, 1, 1);

/// The personal ID of the form before 2024, which the province issues to somebody born in it.
pub fn personal_id(sex: Sex, birth: Date, ordinal: u64) -> Option<PersonalId> {
    let years = u64::try_from(birth.year() - 1900).ok()?;
    let century_and_sex = years / 100 * 2 + sex.choose(1, 0);
    let digits = format!("042{century_and_sex}{:02}{}", years % 100, SERIALS_RESERVED_FROM + ordinal);
    PersonalId::parse(&digits)
}

/// A number whose leading digits mark the reserved range: `990…` and the ordinal.
fn reserved(ordinal: u64, width: u32) -> String {
    padded(99 * 10_u64.pow(width - 2) + ordinal, width as usize)
}

/// The series of a plate, counted from that of the personas, and the number within it.
fn plate(ordinal: u64) -> (usize, String) {
    let (series, number) = match ordinal.checked_sub(FIRST_CREATED) {
        None => (0, 99_000 + ordinal),
        Some(created) => (1 + created / PLATES_EACH, 99_001 + created % PLATES_EACH),
    };
    (series as usize, format!("{}.{:02}", number / 100, number % 100))
}

/// The plate of a car: `38A-990.01`.
pub fn car_plate(ordinal: u64) -> String {
    const LETTERS: &[u8; 11] = b"AEFGHKLMNPS";
    let (series, number) = plate(ordinal);
    format!("38{}-{number}", LETTERS[series.min(LETTERS.len() - 1)] as char)
}

/// The plate of a motorcycle: `38-B1 990.01`.
pub fn motorcycle_plate(ordinal: u64) -> String {
    const LETTERS: &[u8; 11] = b"BCDEFGHKLMN";
    let (series, number) = plate(ordinal);
    format!("38-{}1 {number}", LETTERS[series.min(LETTERS.len() - 1)] as char)
}

/// The last eight digits of a chassis, and the last seven of an engine.
pub fn body(ordinal: u64) -> (String, String) {
    (reserved(ordinal, 8), reserved(ordinal, 7))
}

/// A company's code.
pub fn company(ordinal: u64) -> String {
    (9_900_000 + 10 * ordinal..).find_map(enterprise_code).unwrap_or_default()
}

/// The old nine-digit number.
pub fn old_id_number(ordinal: u64) -> String {
    ["18", &reserved(ordinal, 7)].concat()
}

/// The residence file of a household.
pub fn household(ordinal: u64) -> String {
    ["42-", &reserved(ordinal, 9)].concat()
}

/// The social-insurance code.
pub fn insurance(ordinal: u64) -> String {
    ["42", &reserved(ordinal, 8)].concat()
}

/// A driver's licence: province, century and sex, year of the examination, seven digits.
pub fn licence(ordinal: u64, sex: Sex, birth: Date, passed: Date) -> String {
    let digit = u64::from(birth.year() >= 2000) * 2 + sex.choose(1, 0);
    format!("42{digit}{:02}{}", passed.year().rem_euclid(100), reserved(ordinal, 7))
}

/// A parcel's place in its commune: the personas' first, then those of created citizens, counted in the commune.
pub fn parcel(ordinal: u64, created: u64) -> u64 {
    PARCELS_RESERVED_FROM
        + if ordinal < FIRST_CREATED { ordinal } else { FIRST_CREATED_PARCEL + created % PARCELS_EACH }
}

/// The serial of a certificate of land that was issued on this day.
pub fn certificate(ordinal: u64, issued_on: Date) -> String {
    match issued_on >= EIGHT_DIGITS_SINCE {
        true => ["AA ", &reserved(ordinal, 8)].concat(),
        false => ["CĐ ", &padded(SERIALS_RESERVED_FROM + ordinal, 6)].concat(),
    }
}

/// Its number in the land office's book.
pub fn land_book(ordinal: u64) -> String {
    ["CS ", &padded(99_000 + ordinal, 5)].concat()
}

/// The number of an entry of civil status.
pub fn entry(ordinal: u64) -> u64 {
    9_000_000 + ordinal
}

/// The numbers of two certificates of a judicial record. One persona has any.
pub fn judicial_certificates(ordinal: u64) -> [String; 2] {
    let first = if ordinal < FIRST_CREATED { 42 } else { 2 * ordinal };
    [first, first + 1].map(|number| [&padded(number, 4), "/LLTP-HT"].concat())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_ordinal_has_numbers_of_its_own() {
        let today = Date::constant(2026, 11, 29);
        let kinds: [fn(u64) -> String; 11] = [
            car_plate,
            motorcycle_plate,
            |ordinal| body(ordinal).0,
            company,
            old_id_number,
            household,
            insurance,
            |ordinal| licence(ordinal, Sex::Female, Date::constant(2001, 2, 3), Date::constant(2020, 5, 6)),
            |ordinal| certificate(ordinal, Date::constant(2016, 9, 12)),
            |ordinal| certificate(ordinal, Date::constant(2025, 9, 12)),
            land_book,
        ];
        for (at, kind) in kinds.iter().enumerate() {
            let all: BTreeSet<String> = (1..=LAST).map(kind).collect();
            let ordinals = if at < 2 { LAST - (FIRST_CREATED - PLATES_EACH) + 1 } else { LAST };
            assert_eq!(all.len() as u64, ordinals.min(LAST), "kind {at}");
        }
        let ids: BTreeSet<_> = (FIRST_CREATED..=LAST).map(|ordinal| personal_id(Sex::Male, today, ordinal)).collect();
        assert_eq!(ids.len() as u64, LAST - FIRST_CREATED + 1);
        let last = personal_id(Sex::Female, Date::constant(2008, 1, 2), LAST).expect("an ID");
        assert_eq!(last.as_str(), "042308999999");
    }
}
