//! Files of before, to be imported: rows of generated documents in an encoding before Unicode, with the slips of such files and the truth
//! about each.
//!
//! Every text is in one encoding, every date is `dd/MM/yyyy`; that is how such files are, and no truth is told of it. A slip is what one cell has
//! beside that. What can be mended is told apart from what cannot: a day that does not exist is refused by any reader.

use crate::base::legacy;
use crate::base::seed::Draws;
use crate::base::{Date, PartialDate, Seed};
use crate::registry::{health_insurance, vehicle};
use crate::trust::{Object, canonical};

use super::population::Population;

/// A row with its slips.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// One a column.
    pub cells: Vec<String>,
    /// A line of JSON for each slip.
    pub truths: Vec<Vec<u8>>,
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Holds {
    /// A number or a code, as it is.
    Code,
    /// A plate or a card number, which is written in several ways.
    Number,
    /// A name.
    Name,
    /// Another text.
    Text,
    /// A day.
    Day,
    /// `Nam` or `Nữ`.
    Sex,
}

type Column = (&'static str, &'static str, Holds);

/// The columns of a registry's file: heading, path in the record, what it holds.
const CARDS: [Column; 10] = [
    ("so_the", "card_number", Holds::Number),
    ("ho_ten", "holder.full_name", Holds::Name),
    ("ngay_sinh", "holder.birth_date", Holds::Day),
    ("gioi_tinh", "holder.sex", Holds::Sex),
    ("so_dinh_danh", "holder.personal_id", Holds::Code),
    ("ma_doi_tuong", "object_code", Holds::Code),
    ("muc_huong", "benefit_level", Holds::Code),
    ("ma_kcb", "facility", Holds::Code),
    ("tu_ngay", "valid_from", Holds::Day),
    ("den_ngay", "valid_until", Holds::Day),
];
const VEHICLES: [Column; 14] = [
    ("bien_so", "plate", Holds::Number),
    ("loai_xe", "kind", Holds::Code),
    ("mau_bien", "plate_colour", Holds::Code),
    ("chu_xe", "owner.full_name", Holds::Name),
    ("ngay_sinh", "owner.birth_date", Holds::Day),
    ("so_dinh_danh", "owner.personal_id", Holds::Code),
    ("nhan_hieu", "brand", Holds::Text),
    ("so_loai", "model", Holds::Text),
    ("so_khung", "chassis_number", Holds::Code),
    ("so_may", "engine_number", Holds::Code),
    ("mau_son", "colour", Holds::Text),
    ("so_cho", "seats", Holds::Code),
    ("dung_tich", "displacement_cc", Holds::Code),
    ("ngay_dang_ky", "first_registered", Holds::Day),
];

/// The files that can be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Cards of health insurance.
    HealthInsurance,
    /// Registrations of citizens' vehicles.
    Vehicle,
}

impl Kind {
    /// By the registry's name.
    pub fn of(registry: &str) -> Option<Self> {
        match registry {
            health_insurance::NAME => Some(Self::HealthInsurance),
            vehicle::NAME => Some(Self::Vehicle),
            _ => None,
        }
    }

    fn columns(self) -> &'static [Column] {
        match self {
            Self::HealthInsurance => &CARDS,
            Self::Vehicle => &VEHICLES,
        }
    }

    fn record_type(self) -> &'static str {
        match self {
            Self::HealthInsurance => health_insurance::CARD,
            Self::Vehicle => vehicle::REGISTRATION,
        }
    }

    /// The headings of the columns.
    pub fn headings(self) -> Vec<&'static str> {
        self.columns().iter().map(|(heading, ..)| *heading).collect()
    }
}

/// Among a hundred cells in which something can slip.
const SLIPS_PER_CENT: u64 = 3;

/// The rows of a file, one after the other.
pub fn rows(kind: Kind, encoding: &'static str, seed: Seed, today: Date) -> impl Iterator<Item = Row> {
    let mut draws = seed.child("legacy", 0).draws();
    let records = Population::new(seed, super::population::CITIZENS_MAX, today).flat_map(|household| household.records);
    let of_kind = records.filter(move |record| {
        record.record_type == kind.record_type() && record.payload.text("status") == Some("active")
    });
    let of_people = of_kind.filter(|record| {
        record.payload.text_at("owner.personal_id").or(record.payload.text_at("holder.personal_id")).is_some()
    });
    of_people.enumerate().map(move |(at, record)| row(kind, (at as u64 + 1, &record.payload), encoding, &mut draws))
}

fn row(kind: Kind, (number, record): (u64, &Object), encoding: &str, draws: &mut Draws) -> Row {
    let (mut cells, mut truths) = (Vec::new(), Vec::new());
    for (heading, path, holds) in kind.columns() {
        let value = match record.path(path) {
            Some(value) => value.as_text().map(str::to_owned).or(value.as_integer().map(|it| it.to_string())),
            None => None,
        };
        let value = value.unwrap_or_default();
        let plain = usual(&value, *holds);
        let slip = if draws.below(100) < SLIPS_PER_CENT { slip(&value, &plain, *holds, draws) } else { None };
        let written = |text: &str| match holds {
            Holds::Name | Holds::Text | Holds::Sex => legacy::written(text, encoding),
            _ => text.to_owned(),
        };
        if let Some((kind, text)) = &slip {
            let line = Object::new()
                .with("row", i64::try_from(number).unwrap_or(i64::MAX))
                .with("column", *heading)
                .with("kind", *kind)
                .with("written", text.as_str())
                .with("true", value.as_str());
            let mut line = canonical::write(&line);
            line.push(b'\n');
            truths.push(line);
        }
        cells.push(written(slip.as_ref().map_or(&plain, |(_, text)| text)));
    }
    Row { cells, truths }
}

/// A value as such files have it.
fn usual(value: &str, holds: Holds) -> String {
    match holds {
        Holds::Sex if value == "female" => "Nữ".into(),
        Holds::Sex if value == "male" => "Nam".into(),
        Holds::Day => day(value, |day, month, year| format!("{day:02}/{month:02}/{year:04}")),
        _ => value.to_owned(),
    }
}

fn day(value: &str, write: impl Fn(i8, i8, i16) -> String) -> String {
    let full = PartialDate::parse(value).and_then(PartialDate::full);
    full.map_or_else(|| value.to_owned(), |date| write(date.day(), date.month(), date.year()))
}

/// What is wrong with a cell, and its text; nothing where nothing can be.
fn slip(value: &str, plain: &str, holds: Holds, draws: &mut Draws) -> Option<(&'static str, String)> {
    let drawn = draws.below(4);
    let (kind, text) = match (holds, drawn) {
        (Holds::Day, 0) => ("day_without_zeros", day(value, |day, month, year| format!("{day}/{month}/{year}"))),
        (Holds::Day, 1) => {
            ("year_of_two_digits", day(value, |day, month, year| format!("{day:02}/{month:02}/{:02}", year % 100)))
        }
        (Holds::Day, 2) => ("day_with_dashes", day(value, |day, month, year| format!("{day:02}-{month:02}-{year}"))),
        (Holds::Day, _) => ("day_that_does_not_exist", day(value, |_, _, year| format!("31/02/{year}"))),
        (Holds::Name, 0 | 1) => ("double_space", plain.replacen(' ', "  ", 1)),
        (Holds::Name, 2) => ("space_behind", [plain, " "].concat()),
        (Holds::Name, _) => ("digit_in_name", [plain, "1"].concat()),
        (Holds::Number, 0 | 1) => ("no_separators", plain.replace(['-', '.', ' '], "")),
        (Holds::Number, _) => ("small_letters", plain.to_lowercase()),
        _ => return None,
    };
    (text != plain).then_some((kind, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TODAY: Date = Date::constant(2026, 11, 22);

    #[test]
    fn rows_are_of_one_encoding_with_known_slips() {
        for (kind, encoding) in [(Kind::Vehicle, "VNI"), (Kind::HealthInsurance, "TCVN3")] {
            let rows: Vec<Row> = rows(kind, encoding, Seed::root(3), TODAY).take(400).collect();
            assert_eq!(rows.len(), 400);
            let name = kind.columns().iter().position(|(.., holds)| *holds == Holds::Name).expect("a name");
            let mojibake =
                rows.iter().filter(|row| legacy::meant(row.cells[name].trim()).is_some_and(|(of, _)| of == encoding));
            assert!(mojibake.count() > 300, "{encoding}");
            let cells = rows.iter().flat_map(|row| &row.cells);
            assert!(cells.clone().all(|cell| cell.chars().all(|c| c <= '\u{ff}' && c != ',' && c != '"')));
            let slips: usize = rows.iter().map(|row| row.truths.len()).sum();
            assert!((10..150).contains(&slips), "{slips}");
            let line = String::from_utf8(rows.iter().find_map(|row| row.truths.first()).expect("a slip").clone());
            assert!(line.is_ok_and(|line| line.contains(r#""written":"#) && line.ends_with("}\n")));
        }
    }
}
