//! Numbers that registries issue: format-valid, unique by construction, and never one of the personas'.
//!
//! Each kind counts from zero and sends the count through a permutation that the seed keys, so that numbers look
//! issued at random, none comes twice, and memory does not grow with the population. Every kind keeps the top of its
//! range free: there the personas' numbers stand.

use crate::base::seed::Draws;
use crate::base::{Date, PersonalId, Seed};
use crate::registry::forms::enterprise_check_digit;
use crate::simulation::document::{padded, push_padded};
use crate::simulation::geography::{Commune, Geography, PARCELS_PER_COMMUNE};
use crate::simulation::names::Sex;

/// Last six digits of a personal ID from here on belong to personas.
pub const SERIALS_RESERVED_FROM: u64 = 990_000;
/// Parcels of a commune from here on belong to personas.
pub const PARCELS_RESERVED_FROM: u64 = PARCELS_PER_COMMUNE - 1_024;
/// Births before this year do not occur.
const FIRST_YEAR: i16 = 1900;
const YEARS: usize = 300;

/// A keyed permutation of the numbers below `size`.
#[derive(Debug, Clone)]
struct Permutation {
    size: u64,
    factor: u64,
    offset: u64,
}

impl Permutation {
    fn new(draws: &mut Draws, size: u64) -> Self {
        let mut factor = 1 + draws.below(size - 1);
        while !coprime(factor, size) {
            factor = factor % (size - 1) + 1;
        }
        Self { size, factor, offset: draws.below(size) }
    }

    /// The image of `count`; different for different counts below the size.
    fn at(&self, count: u64) -> u64 {
        let product = u128::from(self.factor) * u128::from(count) + u128::from(self.offset);
        (product % u128::from(self.size)) as u64
    }
}

fn coprime(mut a: u64, mut b: u64) -> bool {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a == 1
}

/// A counter and the permutation that is applied to it.
#[derive(Debug, Clone)]
struct Series {
    count: u64,
    order: Permutation,
}

impl Series {
    fn new(seed: &Seed, label: &str, index: u64, size: u64) -> Self {
        Self { count: 0, order: Permutation::new(&mut seed.child(label, index).draws(), size) }
    }

    fn next(&mut self) -> u64 {
        let number = self.order.at(self.count);
        self.count += 1;
        number
    }
}

/// Letters that plates use.
const PLATE_LETTERS: &[u8; 20] = b"ABCDEFGHKLMNPSTUVXYZ";
/// Numbers of one plate series, 00001 to 98999.
const PLATES_PER_SERIES: u64 = 98_999;
/// Letters that serials of certificates use.
const SERIAL_LETTERS: [&str; 22] =
    ["A", "B", "C", "D", "Đ", "E", "G", "H", "I", "K", "L", "M", "N", "O", "P", "Q", "R", "S", "T", "U", "V", "X"];
const OLD_SERIALS_EACH: u64 = 990_000;
/// Serials have two letters from this day on (Circular 17/2009/TT-BTNMT), and eight digits since the other (Circular 10/2024/TT-BTNMT).
const TWO_LETTERS_SINCE: Date = Date::constant(2009, 12, 10);
const EIGHT_DIGITS_SINCE: Date = Date::constant(2025, 1, 1);
/// The first letter of two: from which year on, for how many years. Which letters were printed when is known roughly.
const FIRST_LETTERS: [(&str, i16, i16); 3] = [("B", 2009, 6), ("C", 2015, 6), ("D", 2021, 4)];
const FIRST_SERIALS_YEAR: i16 = 1988;
const SERIAL_YEARS: u64 = 38;

/// The letters that forms printed in a year begin with: some of all, for the series went on with the years.
fn serial_letters(printed: i16, two: bool) -> (&'static str, usize, usize) {
    let part = |year: i16, years: i16| {
        let at = |year: i16| {
            (year as usize * SERIAL_LETTERS.len() / years.unsigned_abs() as usize).min(SERIAL_LETTERS.len() - 1)
        };
        (at(year), at(year + 1).max(at(year) + 1))
    };
    let first = FIRST_LETTERS.iter().rev().find(|(_, from, _)| two && printed >= *from);
    match first {
        Some((letter, from, years)) => {
            let (low, high) = part(printed - from, *years);
            (letter, low, high)
        }
        None => {
            let (low, high) = part(printed - FIRST_SERIALS_YEAR, 22);
            ("", low, high)
        }
    }
}

/// All issuing counters of one population.
#[derive(Debug)]
pub struct Numbers {
    people: Vec<Series>,
    old_ids: Series,
    insurance: Series,
    licences: Series,
    old_motorcycles: Series,
    motorcycles: Series,
    cars: Series,
    trucks: Series,
    bodies: Series,
    /// By year of issue.
    old_certificates: Vec<Series>,
    certificates: Series,
    foreign_plates: Series,
    enterprises: Series,
    parcels: Vec<Series>,
    households: u64,
    entries: u64,
}

impl Numbers {
    /// Counters at zero, with the permutations of this seed.
    pub fn new(seed: &Seed) -> Self {
        let series = |label: &str, size: u64| Series::new(seed, label, 0, size);
        let people = |at| Series::new(seed, "personal-id", at, SERIALS_RESERVED_FROM);
        let parcels = |commune: &Commune| Series::new(seed, "parcel", commune.ordinal() as u64, PARCELS_RESERVED_FROM);
        Self {
            people: (0..2 * YEARS as u64).map(people).collect(),
            old_ids: series("old-id", 9_900_000),
            insurance: series("insurance", 99_000_000),
            licences: series("licence", 9_900_000),
            old_motorcycles: series("old-motorcycle", 180 * PLATES_PER_SERIES),
            motorcycles: series("motorcycle", 40 * PLATES_PER_SERIES),
            cars: series("car", PLATES_PER_SERIES),
            trucks: series("truck", PLATES_PER_SERIES),
            bodies: series("body", 99_000_000),
            old_certificates: (0..SERIAL_YEARS)
                .map(|at| Series::new(seed, "old-certificate", at, OLD_SERIALS_EACH))
                .collect(),
            certificates: series("certificate", 99_000_000),
            foreign_plates: series("foreign-plate", 900 * 98),
            enterprises: series("enterprise", 9_900_000),
            parcels: Geography::ha_tinh().communes.iter().map(parcels).collect(),
            households: 0,
            entries: 0,
        }
    }

    /// A personal ID of the form before 2024: province of birth registration, century and sex, year, six digits.
    pub fn personal_id(&mut self, province: &str, sex: Sex, birth_year: i16) -> PersonalId {
        let female = u64::from(sex == Sex::Female);
        let years = (birth_year - FIRST_YEAR).clamp(0, YEARS as i16 - 1) as u64;
        let century_and_sex = years / 100 * 2 + female;
        let serial = self.people[(years * 2 + female) as usize].next();
        let mut digits = [b'0'; 12];
        digits[..3].copy_from_slice(province.as_bytes().first_chunk::<3>().unwrap_or(b"042"));
        let mut rest = century_and_sex * 100_000_000 + years % 100 * 1_000_000 + serial;
        for digit in digits[3..].iter_mut().rev() {
            *digit = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        let text = std::str::from_utf8(&digits).unwrap_or_default();
        PersonalId::parse(text).expect("twelve digits were written")
    }

    /// A number of the old identity card, of the series of Nghệ Tĩnh.
    pub fn old_id(&mut self) -> String {
        prefixed("18", self.old_ids.next(), 7)
    }

    /// A social-insurance code, ten digits.
    pub fn insurance(&mut self) -> String {
        prefixed("42", self.insurance.next(), 8)
    }

    /// A driver's licence: province, century and sex, year of the examination, seven digits.
    pub fn licence(&mut self, sex: Sex, birth_year: i16, passed: i16) -> String {
        let digit = u64::from(birth_year >= 2000) * 2 + u64::from(sex == Sex::Female);
        let mut number = prefixed("42", digit * 100 + passed.rem_euclid(100) as u64, 3);
        push_padded(&mut number, self.licences.next(), 7);
        number
    }

    /// A motorcycle's plate; two letters since 15 August 2023, a letter and a digit before.
    pub fn motorcycle(&mut self, two_letters: bool) -> String {
        let mut plate = String::from("38-");
        let (series, number) = if two_letters {
            let (series, number) = split(self.motorcycles.next(), PLATES_PER_SERIES);
            plate.push(if series < 20 { 'A' } else { 'B' });
            plate.push(letter(series % 20));
            (series, number)
        } else {
            let (series, number) = split(self.old_motorcycles.next(), PLATES_PER_SERIES);
            plate.push(letter(series % 20));
            push_padded(&mut plate, series / 20 + 1, 1);
            (series, number)
        };
        debug_assert!(series < 180);
        plate.push(' ');
        push_plate_number(&mut plate, number);
        plate
    }

    /// A car's plate; series after series is filled.
    pub fn car(&mut self) -> String {
        // C and D mark trucks and vans
        const LETTERS: &[u8; 18] = b"AEFGHKLMNPSTUVXYZB";
        let filled = (self.cars.count / PLATES_PER_SERIES) as usize;
        plate_of("38", LETTERS[filled.min(LETTERS.len() - 1)], self.cars.next())
    }

    /// A truck's plate.
    pub fn truck(&mut self) -> String {
        plate_of("38", b'C', self.trucks.next())
    }

    /// Eight digits that end a chassis number, and seven that end an engine number.
    pub fn body(&mut self) -> (String, String) {
        let number = self.bodies.next();
        (padded(number, 8), padded(number % 10_000_000, 7))
    }

    /// The serial of a certificate of land use that was issued on this day: one letter, since the end of 2009 two, and six digits; since 2025
    /// two letters and eight digits.
    pub fn certificate(&mut self, issued_on: Date) -> String {
        if issued_on >= EIGHT_DIGITS_SINCE {
            return prefixed("AA ", self.certificates.next(), 8);
        }
        let two = issued_on >= TWO_LETTERS_SINCE;
        // the first forms of two letters came in the last days of 2009
        let printed = if two { issued_on.year().max(2010) } else { issued_on.year() };
        let series = (printed - FIRST_SERIALS_YEAR).clamp(0, SERIAL_YEARS as i16 - 1) as usize;
        let (head, low, high) = serial_letters(printed, two);
        let number = self.old_certificates[series].next();
        let mut serial = String::from(head);
        serial.push_str(SERIAL_LETTERS[low + (number as usize) % (high - low)]);
        serial.push(' ');
        push_padded(&mut serial, number, 6);
        serial
    }

    /// A plate of foreigners: country, kind, number.
    pub fn foreign_plate(&mut self) -> String {
        let (country, number) = split(self.foreign_plates.next(), 98);
        [&prefixed("38-", country + 100, 3), &prefixed("-NN-", number + 1, 2)].map(String::as_str).concat()
    }

    /// An enterprise code: `30`, seven digits, check digit. Numbers whose sum leaves no remainder are never issued.
    pub fn enterprise(&mut self) -> String {
        loop {
            if let Some(code) = enterprise_code(self.enterprises.next()) {
                return code;
            }
        }
    }

    /// The next parcel of a commune: its place on the lattice, and its number in the cadastre.
    pub fn parcel(&mut self, commune: &Commune) -> (u64, u64) {
        let series = &mut self.parcels[commune.ordinal()];
        let count = series.count;
        (series.next(), count)
    }

    /// The number of an entry of civil status, seven digits at the most.
    pub fn entry(&mut self) -> u64 {
        self.entries += 1;
        (self.entries - 1) % 9_999_999 + 1
    }

    /// The number of a household's residence file.
    pub fn household(&mut self) -> String {
        self.households += 1;
        prefixed("42-", self.households, 9)
    }
}

/// The enterprise code with this serial; none for the numbers that have no check digit.
pub fn enterprise_code(serial: u64) -> Option<String> {
    let mut code = prefixed("30", serial, 7);
    let check_digit = enterprise_check_digit(&code)?;
    push_padded(&mut code, check_digit.into(), 1);
    Some(code)
}

fn prefixed(prefix: &str, number: u64, width: usize) -> String {
    let mut text = String::with_capacity(prefix.len() + width);
    text.push_str(prefix);
    push_padded(&mut text, number, width);
    text
}

fn split(number: u64, each: u64) -> (u64, u64) {
    (number / each, number % each)
}

fn letter(at: u64) -> char {
    PLATE_LETTERS[at as usize % PLATE_LETTERS.len()] as char
}

fn plate_of(province: &str, letter: u8, number: u64) -> String {
    let mut plate = String::with_capacity(10);
    plate.push_str(province);
    plate.push(letter as char);
    plate.push('-');
    push_plate_number(&mut plate, number);
    plate
}

/// `123.45`, never `000.00`.
fn push_plate_number(plate: &mut String, number: u64) {
    push_padded(plate, (number + 1) / 100, 3);
    plate.push('.');
    push_padded(plate, (number + 1) % 100, 2);
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::registry::forms::enterprise_code as is_enterprise_code;

    #[test]
    fn a_permutation_reaches_every_number_once() {
        for size in [2, 10, 97, 1_000, 9_900] {
            let order = Permutation::new(&mut Seed::root(size).draws(), size);
            let seen: BTreeSet<_> = (0..size).map(|count| order.at(count)).collect();
            assert_eq!((seen.len() as u64, seen.last()), (size, Some(&(size - 1))));
        }
    }

    #[test]
    fn numbers_have_their_form_and_leave_the_personas_range_free() {
        let mut numbers = Numbers::new(&Seed::root(1));
        let mut ids = BTreeSet::new();
        for year in [1935, 1999, 2000, 2024] {
            for sex in [Sex::Female, Sex::Male] {
                for _ in 0..2_000 {
                    let id = numbers.personal_id("042", sex, year);
                    assert_ne!(&id.as_str()[6..8], "99");
                    assert!(ids.insert(id));
                }
            }
        }
        let male = numbers.personal_id("042", Sex::Male, 1990);
        assert!(male.as_str().starts_with("042090"));
        let female = numbers.personal_id("040", Sex::Female, 2024);
        assert!(female.as_str().starts_with("040324"));
        assert_eq!(numbers.old_id().len(), 9);
        assert_eq!(numbers.insurance().len(), 10);
        assert!(numbers.licence(Sex::Female, 2001, 2021).starts_with("42321"));
        assert_eq!(numbers.household(), "42-000000001");
        for plate in [numbers.motorcycle(true), numbers.motorcycle(false)] {
            assert_eq!((plate.len(), &plate[..3], &plate[5..6], &plate[9..10]), (12, "38-", " ", "."), "{plate}");
        }
        assert!(numbers.car().starts_with("38A-"));
        assert_eq!(numbers.certificate(Date::constant(2025, 1, 2)).len(), 11);
        let head = |numbers: &mut Numbers, year| {
            numbers.certificate(Date::constant(year, 6, 1)).split(' ').next().map(str::to_owned)
        };
        let length = |letters: Option<String>| letters.map_or(0, |letters| letters.chars().count());
        assert_eq!([1994, 2009, 2010, 2024].map(|year| length(head(&mut numbers, year))), [1, 1, 2, 2]);
        assert!(head(&mut numbers, 2012).is_some_and(|letters| letters.starts_with('B')));
        assert!(head(&mut numbers, 2022).is_some_and(|letters| letters.starts_with('D')));
        assert_eq!((numbers.foreign_plate().len(), numbers.foreign_plate() == numbers.foreign_plate()), (12, false));
    }

    #[test]
    fn enterprise_codes_carry_the_check_digit() {
        let mut numbers = Numbers::new(&Seed::root(2));
        assert!((0..500).all(|_| is_enterprise_code(&numbers.enterprise())));
        assert!((0..1_000).any(|serial| enterprise_code(serial).is_none()));
    }
}
