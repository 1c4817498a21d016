//! What is imported as what: the columns' names, the encodings of their texts, and the fields that no column has.

use std::ops::ControlFlow;

use unicode_normalization::UnicodeNormalization as _;

use super::cell::{Cell, Row};
use super::encoding::{Looks, Reading, decoded};
use super::mapping::QUARANTINE_PREFIX;
use super::mapping::{self, Mapping};
use super::record::Builder;
use super::source::Source;
use super::target::{self, Target};
use crate::base::legacy::{Legacy, meant};
use crate::cli::output::{Failure, print_text};

/// Rows of which the encoding of a column is seen.
const ROWS_SAMPLED: u64 = 5_000;
/// What is imported, once it is known.
pub(super) struct Planned {
    pub(super) source: Source,
    pub(super) header: Row,
    pub(super) builder: Builder,
    /// Of the file and the mapping.
    pub(super) fingerprint: String,
    /// How long the registry's log is.
    pub(super) log_size: u64,
    pub(super) target: Target,
}

/// The columns' names, in Unicode; blank ones at the end are left out.
pub(super) fn names(header: &Row, declared: Option<Option<Legacy>>) -> Result<Vec<String>, Failure> {
    let declared = if is_quarantine(header.cells.iter().map(Cell::text)) { Some(None) } else { declared };
    let name = |cell: &Cell| {
        let text = cell.text();
        let text = match declared {
            Some(legacy) => decoded(&text, legacy),
            None => meant(&text).map_or(text, |(_, meant)| meant),
        };
        text.nfc().collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let mut names: Vec<String> = header.cells.iter().map(name).collect();
    while names.last().is_some_and(String::is_empty) {
        names.pop();
    }
    for (at, name) in names.iter().enumerate().filter(|(_, name)| !name.is_empty()) {
        if let Some(first) = names[..at].iter().position(|other| other == name) {
            let message =
                format!("row {}: the columns {} and {} are both called {name}", header.number, first + 1, at + 1);
            return Err(Failure::new(message));
        }
    }
    Ok(names)
}

/// Whether a file is one of refused rows, which is written in Unicode whatever its rows were read from.
fn is_quarantine(names: impl IntoIterator<Item = impl AsRef<str>>) -> bool {
    names.into_iter().any(|name| name.as_ref().starts_with(QUARANTINE_PREFIX))
}

/// What each column is read as: what the mapping says, what the command line says, or what a sample of its texts shows.
pub(super) fn readings(
    source: &Source,
    header: &Row,
    names: &[String],
    mapping: &Mapping,
    declared: Option<Option<Legacy>>,
) -> Result<Vec<Reading>, Failure> {
    if is_quarantine(names) {
        return Ok(vec![Reading { legacy: None, percent: None }; names.len()]);
    }
    let mut looks = vec![Looks::default(); names.len()];
    if declared.is_none() {
        let mut sampled = 0;
        source.rows(&mut |row| {
            sampled += u64::from(row.number > header.number);
            if row.number > header.number {
                looks.iter_mut().zip(&row.cells).for_each(|(looks, cell)| looks.see(cell));
            }
            Ok(if sampled < ROWS_SAMPLED { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
        })?;
    }
    let reading = |(name, looks): (&String, &Looks)| {
        let own = mapping.columns.get(name).map(mapping::Column::detailed).and_then(|column| column.encoding);
        let own = mapping::encoding(own.as_deref()).map_err(|why| Failure::new(format!("the column {name}: {why}")))?;
        Ok(match own.or(declared) {
            Some(legacy) => Reading { legacy, percent: None },
            None => looks.reading(),
        })
    };
    let mut readings: Vec<Reading> = names.iter().zip(&looks).map(reading).collect::<Result<_, Failure>>()?;
    if source.has_single_bytes() && declared.is_none() {
        like_the_others(&mut readings, &looks);
    }
    Ok(readings)
}

/// A file of one byte a character is in one encoding: a column whose texts prove nothing (addresses, numbers among words) is in that of those that do.
fn like_the_others(readings: &mut [Reading], looks: &[Looks]) {
    let mut known = readings.iter().filter_map(|reading| reading.legacy);
    let Some(first) = known.next().filter(|first| known.all(|other| other == *first)) else { return };
    for (reading, looks) in readings.iter_mut().zip(looks) {
        if reading.legacy.is_none() && reading.percent.is_none() && looks.has_accents() {
            *reading = Reading { legacy: Some(first), percent: Some(0) };
        }
    }
}

/// Says what is imported as what, before anything is.
pub(super) fn say(
    source: &Source,
    target: &Target,
    mapping: &Mapping,
    names: &[String],
    readings: &[Reading],
    is_by_names: bool,
) -> Result<(), Failure> {
    print_text(&format!("file       {}", source.says()))?;
    print_text(&format!("records    {}", target.record_type))?;
    if is_by_names {
        for name in names {
            if let Some(column) = mapping.columns.get(name) {
                print_text(&format!("mapped     {name} -> {}", column.detailed().field))?;
            }
        }
    }
    for (name, reading) in names.iter().zip(readings) {
        match (reading.legacy, reading.percent) {
            (Some(legacy), Some(0)) => {
                print_text(&format!("encoding   {name}: {}, as in the other columns", legacy.name()))?;
            }
            (Some(legacy), Some(percent)) => {
                print_text(&format!("encoding   {name}: {}, {percent}% of the accented texts", legacy.name()))?;
            }
            (Some(legacy), None) => print_text(&format!("encoding   {name}: {}, declared", legacy.name()))?,
            (None, Some(percent)) => print_text(&format!(
                "encoding   {name}: Unicode, {percent}% of the accented texts; the others look like TCVN3 or VNI and stay as they are"
            ))?,
            (None, None) => {}
        }
    }
    Ok(())
}

/// A mapping without one of the fields that every record has makes no record.
pub(super) fn missing_fields(target: &Target, mapping: &Mapping) -> Result<(), Failure> {
    let given: Vec<String> = mapping
        .columns
        .values()
        .filter(|column| !column.is_ignored())
        .map(|column| target::without_numbers(&column.detailed().field))
        .chain(mapping.constants.keys().map(|path| target::without_numbers(path)))
        .collect();
    let missing: Vec<&str> = target
        .fields
        .iter()
        .filter(|field| field.is_required && !field.path.contains("[]") && !given.contains(&field.path))
        .map(|field| field.path.as_str())
        .collect();
    match missing.is_empty() {
        true => Ok(()),
        false => Err(Failure::new(format!(
            "every {} has {}: map columns to them, or give them as constants",
            target.record_type,
            missing.join(", ")
        ))),
    }
}
