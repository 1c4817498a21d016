//! Files of before, to be imported: rows of generated documents in an encoding before Unicode, with the slips of such files and the truth
//! about each.
//!
//! Every text is in one encoding, every date is `dd/MM/yyyy`; that is how such files are, and no truth is told of it. A slip is what one cell has
//! beside that. What can be mended is told apart from what cannot: a day that does not exist is refused by any reader.

use crate::base::legacy;
use crate::base::seed::Draws;
use crate::base::{Date, PartialDate, Seed};
use crate::registry::{driver_licence, health_insurance, land, resident, vehicle};
use crate::trust::{Object, Value, canonical};

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
    /// An amount or an area, with the comma of decimals.
    Amount,
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

const PEOPLE: [Column; 13] = [
    ("so_dinh_danh", "personal_id", Holds::Code),
    ("ho_ten", "full_name", Holds::Name),
    ("ngay_sinh", "birth_date", Holds::Day),
    ("gioi_tinh", "sex", Holds::Sex),
    ("dan_toc", "ethnicity", Holds::Text),
    ("quoc_tich", "nationality", Holds::Code),
    ("so_cmnd", "old_id_number", Holds::Code),
    ("hon_nhan", "marital_status", Holds::Code),
    ("ma_xa", "permanent_residence.unit_code", Holds::Code),
    ("xa_tu_ngay", "permanent_residence.unit_valid_from", Holds::Day),
    ("tinh_trang", "life_status", Holds::Code),
    ("so_cha", "father_id", Holds::Code),
    ("so_me", "mother_id", Holds::Code),
];
const LICENCES: [Column; 9] = [
    ("so_gplx", "licence_number", Holds::Number),
    ("ho_ten", "holder.full_name", Holds::Name),
    ("ngay_sinh", "holder.birth_date", Holds::Day),
    ("gioi_tinh", "holder.sex", Holds::Sex),
    ("so_dinh_danh", "holder.personal_id", Holds::Code),
    ("hang", "classes.0.code", Holds::Code),
    ("ngay_trung_tuyen", "classes.0.issued_on", Holds::Day),
    ("het_han", "classes.0.expires_on", Holds::Day),
    ("diem", "points", Holds::Code),
];
const PARCELS: [Column; 10] = [
    ("ma_thua", "parcel_id", Holds::Code),
    ("ma_xa", "commune.unit_code", Holds::Code),
    ("xa_tu_ngay", "commune.unit_valid_from", Holds::Day),
    ("to_ban_do", "map_sheet", Holds::Code),
    ("so_thua", "parcel_number", Holds::Code),
    ("dien_tich", "area_m2", Holds::Amount),
    ("loai_dat", "uses.0.code", Holds::Code),
    ("dien_tich_su_dung", "uses.0.area_m2", Holds::Amount),
    ("nguon_goc", "uses.0.origin", Holds::Code),
    ("thoi_han", "uses.0.term", Holds::Code),
];
/// A kind of file that can be made.
#[derive(Debug, Clone, Copy)]
pub struct Kind(&'static Table);

/// What a kind of file has.
#[derive(Debug)]
struct Table {
    registry: &'static str,
    record_type: &'static str,
    columns: &'static [Column],
    /// Fields without a column: path, value.
    constants: &'static [(&'static str, &'static str)],
    /// Whether a record fits into the columns.
    fits: fn(&Object) -> bool,
}

const ACTIVE: (&str, &str) = ("status", "active");

static TABLES: [Table; 5] = [
    Table {
        registry: health_insurance::NAME,
        record_type: health_insurance::CARD,
        columns: &CARDS,
        constants: &[ACTIVE],
        fits: |card| card.text_at("holder.personal_id").is_some(),
    },
    Table {
        registry: vehicle::NAME,
        record_type: vehicle::REGISTRATION,
        columns: &VEHICLES,
        constants: &[ACTIVE],
        fits: |vehicle| vehicle.text_at("owner.personal_id").is_some() && !vehicle.contains("co_owners"),
    },
    Table {
        registry: resident::NAME,
        record_type: resident::PERSON,
        columns: &PEOPLE,
        constants: &[ACTIVE],
        fits: |person| person.contains("permanent_residence"),
    },
    Table {
        registry: driver_licence::NAME,
        record_type: driver_licence::LICENCE,
        columns: &LICENCES,
        constants: &[ACTIVE],
        fits: |licence| {
            licence.array("classes").is_some_and(|classes| classes.len() == 1) && licence.integer("points") == Some(12)
        },
    },
    Table {
        registry: land::NAME,
        record_type: land::PARCEL,
        columns: &PARCELS,
        constants: &[ACTIVE],
        fits: |parcel| parcel.array("uses").is_some_and(|uses| uses.len() == 1),
    },
];

impl Kind {
    /// By the registry's name.
    pub fn of(registry: &str) -> Option<Self> {
        TABLES.iter().find(|table| table.registry == registry).map(Self)
    }

    /// The registries whose files can be made.
    pub fn registries() -> impl Iterator<Item = &'static str> {
        TABLES.iter().map(|table| table.registry)
    }

    fn columns(self) -> &'static [Column] {
        self.0.columns
    }

    /// The headings of the columns.
    pub fn headings(self) -> Vec<&'static str> {
        self.columns().iter().map(|(heading, ..)| *heading).collect()
    }

    /// The mapping to import it with.
    pub fn mapping(self) -> String {
        let Table { registry, record_type, columns, constants, .. } = self.0;
        let mut text =
            format!("format: lienthong/mapping/v1\nregistry: {registry}\nrecord_type: {record_type}\ncolumns:\n");
        for (heading, path, holds) in *columns {
            let field = path.replace(".0.", "[0].");
            text.push_str(&match holds {
                Holds::Sex => format!("  {heading}: {{field: {field}, codes: {{Nam: male, Nữ: female}}}}\n"),
                _ => format!("  {heading}: {field}\n"),
            });
        }
        text.push_str("constants:\n");
        constants.iter().for_each(|(path, value)| text.push_str(&format!("  {path}: {value}\n")));
        text
    }
}

/// Errors in a hundred cells that can have one.
const SLIPS_PER_CENT: u64 = 3;

/// The rows of a file, one after the other.
pub fn rows(kind: Kind, encoding: &'static str, seed: Seed, today: Date) -> impl Iterator<Item = Row> {
    let mut draws = seed.child("legacy", 0).draws();
    let records = Population::new(seed, super::population::CITIZENS_MAX, today).flat_map(|household| household.records);
    let fitting = records.filter(move |record| {
        let is_active = record.payload.text("status") == Some("active");
        record.record_type == kind.0.record_type && is_active && (kind.0.fits)(&record.payload)
    });
    // The header is row 1.
    fitting.enumerate().map(move |(at, record)| row(kind, (at as u64 + 2, &record.payload), encoding, &mut draws))
}

fn row(kind: Kind, (number, record): (u64, &Object), encoding: &str, draws: &mut Draws) -> Row {
    let (mut cells, mut truths) = (Vec::new(), Vec::new());
    for (heading, path, holds) in kind.columns() {
        let value = match at(record, path) {
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

/// The value at a path; a number in it is an item of a list.
fn at<'a>(record: &'a Object, path: &str) -> Option<&'a Value> {
    match path.split_once(".0.") {
        Some((list, rest)) => record.array(list)?.first()?.as_object()?.path(rest),
        None => record.path(path),
    }
}

/// A value as such files have it.
fn usual(value: &str, holds: Holds) -> String {
    match holds {
        Holds::Sex if value == "female" => "Nữ".into(),
        Holds::Sex if value == "male" => "Nam".into(),
        Holds::Day => day(value, |day, month, year| format!("{day:02}/{month:02}/{year:04}")),
        Holds::Amount => value.replace('.', ","),
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
        let kind = |registry| Kind::of(registry).expect("a kind");
        for (kind, encoding) in
            [(kind("vehicle"), "VNI"), (kind("health_insurance"), "TCVN3"), (kind("resident"), "VNI")]
        {
            let rows: Vec<Row> = rows(kind, encoding, Seed::root(3), TODAY).take(400).collect();
            assert_eq!(rows.len(), 400);
            let name = kind.columns().iter().position(|(.., holds)| *holds == Holds::Name).expect("a name");
            let mojibake =
                rows.iter().filter(|row| legacy::meant(row.cells[name].trim()).is_some_and(|(of, _)| of == encoding));
            assert!(mojibake.count() > 300, "{encoding}");
            let cells = rows.iter().flat_map(|row| &row.cells);
            assert!(cells.clone().all(|cell| cell.chars().all(|c| c <= '\u{ff}' && c != '"')));
            let slips: usize = rows.iter().map(|row| row.truths.len()).sum();
            assert!((10..150).contains(&slips), "{slips}");
            let line = String::from_utf8(rows.iter().find_map(|row| row.truths.first()).expect("a slip").clone());
            assert!(line.is_ok_and(|line| line.contains(r#""written":"#) && line.ends_with("}\n")));
        }
    }
}
