//! A file to import: its kind, and its rows.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use super::bytes::{Bytes, Seen, look};
use super::cell::{Each, Row};
use super::limits::{COLUMNS_MAX, ROWS_MAX};
use super::value::{EPOCH, EPOCH_1904};
use super::{csv, xlsx};
use crate::base::Date;
use crate::cli::output::Failure;

/// A file to import.
pub(super) struct Source {
    path: PathBuf,
    pub(super) seen: Seen,
    format: Format,
    /// Where the last row ends, about: bytes of a CSV file, rows of a sheet.
    pub(super) extent: u64,
    /// Day 0 of numbers that represent days.
    pub(super) epoch: Date,
}

enum Format {
    Csv(u8),
    Sheet(String),
}

impl Source {
    /// Looks at a file; `separator` and `sheet` are the caller's, where it names them.
    pub(super) fn open(path: &Path, separator: Option<u8>, sheet: Option<&str>) -> Result<Self, Failure> {
        let failed = |why: String| Failure::new(format!("{} cannot be read: {why}", path.display()));
        let seen = look(path).map_err(|error| failed(error.to_string()))?;
        if seen.head.starts_with(&[0xd0, 0xcf, 0x11, 0xe0]) {
            return Err(failed("it is an old Excel file (.xls): save it as .xlsx or CSV".into()));
        }
        // The second beginning is that of an archive without parts.
        let is_archive = seen.head.starts_with(b"PK\x03\x04") || seen.head.starts_with(b"PK\x05\x06");
        let (format, extent, epoch) = if is_archive {
            let chosen = xlsx::choose(path, sheet)?;
            (Format::Sheet(chosen.name), chosen.rows, if chosen.is_1904 { EPOCH_1904 } else { EPOCH })
        } else {
            (Format::Csv(separator.unwrap_or_else(|| csv::separator(&seen.head))), seen.bytes, EPOCH)
        };
        Ok(Self { path: path.to_owned(), seen, format, extent, epoch })
    }

    /// Calls `each` with every row that is not blank.
    pub(super) fn rows(&self, each: &mut Each<'_>) -> Result<(), Failure> {
        let mut count = 0;
        let mut counted = |row: Row| {
            count += 1;
            if count > ROWS_MAX {
                return Err(Failure::new(format!("{} has more than {ROWS_MAX} rows", self.path.display())));
            }
            each(row)
        };
        match &self.format {
            Format::Csv(separator) => csv::rows(&self.path, &self.seen, *separator, &mut counted),
            Format::Sheet(name) => xlsx::rows(&self.path, name, &mut counted),
        }
    }

    /// The row of names: the first one that is not blank, or the one with this number.
    pub(super) fn header(&self, number: Option<u64>) -> Result<Row, Failure> {
        let mut header = None;
        self.rows(&mut |row| {
            if number.is_none_or(|number| row.number >= number) {
                header = Some(row);
                return Ok(ControlFlow::Break(()));
            }
            Ok(ControlFlow::Continue(()))
        })?;
        let header = header.filter(|row| number.is_none_or(|number| row.number == number));
        let missing = || Failure::new(format!("{}: there is no row of column names", self.path.display()));
        let header = header.ok_or_else(missing)?;
        match header.cells.len() {
            0..=COLUMNS_MAX => Ok(header),
            _ => Err(Failure::new(format!("{} has more than {COLUMNS_MAX} columns", self.path.display()))),
        }
    }

    /// Whether it has one byte per character, so that its letters are in some encoding from before Unicode.
    pub(super) fn has_single_bytes(&self) -> bool {
        matches!(self.format, Format::Csv(_)) && self.seen.encoding == Bytes::Single
    }

    /// Its format and encoding, in words.
    pub(super) fn says(&self) -> String {
        match &self.format {
            Format::Csv(separator) => {
                let separator = if *separator == b'\t' { "tab".to_owned() } else { char::from(*separator).to_string() };
                format!("CSV, {}, separator {separator}", self.seen.encoding.name())
            }
            Format::Sheet(name) => format!("XLSX, sheet {name}"),
        }
    }
}
