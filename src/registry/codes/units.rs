//! Administrative units as a code list.
//!
//! The reorganisation of 2025 reused codes: 48 of the 69 communes of Hà Tĩnh have the code of a unit that had another name
//! before. So a unit's key is its code and its first day, and an address carries both.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::list::{Carries, Code, CodeList};
use super::read::full;
use crate::base::time::Date;
use crate::registry::label::Label;

/// The property of a unit whose land belongs to several others now.
pub const DIVIDED: &str = "divided";
/// The present communes, and those that ended, in tables of their own form.
const COMMUNES: &str = include_str!("data/communes.tsv");
const FORMER_COMMUNES: &str = include_str!("data/former_communes.tsv");
/// The first day of the present communes.
const PRESENT_FROM: &str = "2025-07-01";

/// The list `units`: provinces, the former districts and the communes of Hà Tĩnh, past and present. The communes of other provinces are not
/// in it.
pub(super) fn list() -> CodeList {
    let label = Label::new("Đơn vị hành chính", "Administrative units");
    let provinces = CodeList::read("units", label.clone(), false, Carries::Code, include_str!("data/provinces.tsv"));
    let provinces = provinces.expect("the built-in tables are code lists, a test reads them");
    let mut codes = provinces.codes().to_vec();
    codes.extend(rows(COMMUNES).map(|row| commune(row, full(PRESENT_FROM), None, None)));
    codes.extend(rows(FORMER_COMMUNES).map(|row| {
        let (from, to, successors) = (row.get(4).copied(), row.get(5).copied(), row.get(6).copied());
        let until = to.and_then(full).and_then(|day| day.yesterday().ok());
        let successors = successors.unwrap_or_default();
        let is_divided = successors.contains(',');
        let one = (!is_divided && !successors.is_empty()).then(|| successors.to_owned());
        let property = if is_divided { DIVIDED.into() } else { String::new() };
        Code { property, ..commune(row, from.and_then(full), until, one) }
    }));
    let of_communes = [COMMUNES, FORMER_COMMUNES].map(source).join(" ");
    CodeList::new("units", label, &format!("{} {of_communes}", provinces.source), false, Carries::Code, codes)
}

/// The position and size of a commune.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Centre {
    /// Of its centroid, WGS84.
    pub latitude: f64,
    /// Of its centroid, WGS84.
    pub longitude: f64,
    /// Its area in square kilometres.
    pub area_km2: f64,
}

/// The present communes by code.
static CENTRES: LazyLock<BTreeMap<&str, Centre>> = LazyLock::new(|| {
    let number = |row: &[&str], at: usize| row.get(at)?.parse().ok();
    let centre = |row: &[&str]| {
        Some(Centre { area_km2: number(row, 3)?, latitude: number(row, 5)?, longitude: number(row, 6)? })
    };
    rows(COMMUNES).filter_map(|row| Some((*row.first()?, centre(&row)?))).collect()
});

/// The position of the commune with this whole key; unknown for former ones.
pub fn centre(code: &str, valid_from: Date) -> Option<Centre> {
    CENTRES.get(code).copied().filter(|_| full(PRESENT_FROM) == Some(valid_from))
}

/// The whole key of the unit that replaced `ended`.
pub fn successor<'a>(units: &'a CodeList, ended: &'a Code) -> Option<(&'a str, Date)> {
    let day = ended.valid_until?.tomorrow().ok()?;
    let code = ended.successor.as_deref()?;
    Some((code, units.on(code, day)?.valid_from?))
}

/// Most units that replaced each other in turn.
const SUCCESSIONS_MAX: usize = 8;

/// The whole key of the unit that replaces another one now: the same while it exists. A divided one has no single successor.
pub fn present<'a>(units: &'a CodeList, code: &'a str, valid_from: Date) -> (&'a str, Date) {
    let mut key = (code, valid_from);
    for _ in 0..SUCCESSIONS_MAX {
        let ended = unit(units, key.0, key.1).filter(|unit| unit.property != DIVIDED);
        match ended.and_then(|ended| successor(units, ended)) {
            Some(next) => key = next,
            None => break,
        }
    }
    key
}

/// The unit with this whole key, in `list`.
pub fn unit<'a>(list: &'a CodeList, code: &str, valid_from: Date) -> Option<&'a Code> {
    list.meanings(code).iter().find(|unit| unit.valid_from == Some(valid_from))
}

/// The comments of a table before its columns: its source.
fn source(table: &str) -> String {
    let comments = table.lines().filter_map(|line| line.strip_prefix("# ")).filter(|line| !line.starts_with("code\t"));
    comments.collect::<Vec<_>>().join(" ")
}

fn rows(table: &'static str) -> impl Iterator<Item = Vec<&'static str>> {
    table.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).map(|line| line.split('\t').collect())
}

fn commune(row: Vec<&str>, valid_from: Option<Date>, valid_until: Option<Date>, successor: Option<String>) -> Code {
    let column = |at: usize| row.get(at).copied().unwrap_or_default();
    let (code, name, kind) = (column(0), column(1), column(2));
    let english = match kind {
        "Phường" => "Ward",
        "Thị trấn" => "Townlet",
        _ => "Commune",
    };
    let name = Label::new(&format!("{kind} {name}"), &format!("{name} {english}"));
    Code { code: code.into(), name, valid_from, valid_until, successor, property: String::new() }
}
