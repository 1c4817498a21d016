//! The plan of an import: the columns' names, the encodings of their texts, and the fields that no column has.

use std::ops::ControlFlow;

use super::cell::{Cell, Row};
use super::encoding::{Looks, Reading};
use super::mapping::QUARANTINE_PREFIX;
use super::mapping::{self, Mapping};
use super::record::Builder;
use super::source::Source;
use super::target::{self, Target};
use crate::base::legacy::Legacy;
use crate::cli::output::{Failure, print_text};

/// Rows of which the encoding of a column is seen.
const ROWS_SAMPLED: u64 = 5_000;
/// The import, once all its parts are known.
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

/// Counts of the texts of a file by encoding: in its header, and in each column.
pub(super) struct Sample {
    header: Looks,
    columns: Vec<Looks>,
    is_single: bool,
}

impl Sample {
    /// Of the first rows.
    pub(super) fn of(source: &Source, header: &Row) -> Result<Self, Failure> {
        let mut of_header = Looks::default();
        header.cells.iter().for_each(|cell| of_header.see(cell));
        let mut columns = vec![Looks::default(); header.cells.len()];
        let mut sampled = 0;
        source.rows(&mut |row| {
            sampled += u64::from(row.number > header.number);
            if row.number > header.number {
                columns.iter_mut().zip(&row.cells).for_each(|(looks, cell)| looks.see(cell));
            }
            Ok(if sampled < ROWS_SAMPLED { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
        })?;
        Ok(Self { header: of_header, columns, is_single: source.has_single_bytes() })
    }

    /// The encoding of the header: its own, or that of the columns.
    fn header(&self) -> Reading {
        let own = self.header.reading(self.is_single);
        match own.legacy {
            None if self.is_single => Reading { legacy: self.shared(), ..own },
            _ => own,
        }
    }

    /// The encoding of every column that shows one, where it is the same.
    fn shared(&self) -> Option<Legacy> {
        let mut known = self.columns.iter().filter_map(|looks| looks.reading(self.is_single).legacy);
        known.next().filter(|first| known.all(|other| other == *first))
    }

    /// The encoding of a column. A file of one byte per character is in one encoding: a column that proves nothing (numbers among words, foreign
    /// names) is in that of those that do.
    fn column(&self, at: usize) -> Reading {
        let Some(looks) = self.columns.get(at) else { return Reading::default() };
        let own = looks.reading(self.is_single);
        match own.legacy {
            None if self.is_single && looks.has_accents() => {
                let legacy = self.shared();
                Reading { legacy, is_like_others: legacy.is_some(), ..own }
            }
            _ => own,
        }
    }
}

/// The columns' names, in Unicode; blank ones at the end are left out.
pub(super) fn names(header: &Row, sample: &Sample, declared: Option<Option<Legacy>>) -> Result<Vec<String>, Failure> {
    let reading = match declared {
        _ if is_quarantine(header.cells.iter().map(Cell::text)) => Reading::default(),
        Some(legacy) => Reading::declared(legacy),
        None => sample.header(),
    };
    let name = |cell: &Cell| {
        let text = reading.decoded(&cell.text());
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let mut names: Vec<String> = header.cells.iter().map(name).collect();
    while names.last().is_some_and(String::is_empty) {
        names.pop();
    }
    for (at, name) in names.iter().enumerate().filter(|(_, name)| !name.is_empty()) {
        if name.chars().any(char::is_control) {
            return Err(Failure::new(format!(
                "row {}: the name of column {} has invisible characters: is this a file of rows?",
                header.number,
                at + 1
            )));
        }
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

/// The encoding of each column: from the mapping, from the command line, or from a sample of its texts.
pub(super) fn readings(
    sample: &Sample,
    names: &[String],
    mapping: &Mapping,
    declared: Option<Option<Legacy>>,
) -> Result<Vec<Reading>, Failure> {
    if is_quarantine(names) {
        return Ok(vec![Reading::default(); names.len()]);
    }
    let reading = |(at, name): (usize, &String)| {
        let own = mapping.columns.get(name).map(mapping::Column::detailed).and_then(|column| column.encoding);
        let own = mapping::encoding(own.as_deref()).map_err(|why| Failure::new(format!("the column {name}: {why}")))?;
        Ok(own.or(declared).map_or_else(|| sample.column(at), Reading::declared))
    };
    names.iter().enumerate().map(reading).collect()
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
            (Some(legacy), _) if reading.is_like_others => {
                print_text(&format!("encoding   {name}: {}, as in the other columns", legacy.name()))?;
            }
            (Some(legacy), Some(percent)) if reading.keeps_standing => print_text(&format!(
                "encoding   {name}: {}, {percent}% of the accented texts that do not read as Vietnamese",
                legacy.name()
            ))?,
            (Some(legacy), Some(percent)) => {
                print_text(&format!("encoding   {name}: {}, {percent}% of the accented texts", legacy.name()))?;
            }
            (Some(legacy), None) => print_text(&format!("encoding   {name}: {}, declared", legacy.name()))?,
            (None, Some(percent)) => print_text(&format!(
                "encoding   {name}: Unicode; {percent}% of the accented texts that are not Vietnamese as they stand look like TCVN3, VNI or windows-1258, and all stay as they are"
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
