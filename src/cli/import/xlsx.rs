//! Rows of XLSX files, cell by cell: a sheet is never held whole, and its parts are unfolded once only to count their bytes before they are read.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::ops::ControlFlow;
use std::path::Path;

use calamine::{DataRef, Reader as _, SheetVisible, Xlsx, open_workbook};

use super::cell::{Cell, Each, Flaw, Row};
use super::csv::{FORMULA, trimmed};
use super::limits::{CELL_CHARS_MAX, COLUMNS_MAX, ROWS_MAX, STRINGS_BYTES_MAX, UNFOLDED_BYTES_MAX};
use crate::base::name::no_such;
use crate::cli::output::Failure;

type Workbook = Xlsx<BufReader<File>>;

/// Most parts of a file.
const PARTS_MAX: usize = 10_000;

/// The sheet to read.
pub(super) struct Chosen {
    pub(super) name: String,
    /// How many rows it has.
    pub(super) rows: u64,
    /// Whether the workbook counts its days from 1904.
    pub(super) is_1904: bool,
}

/// Chooses the sheet that is named, or the first that is not hidden.
pub(super) fn choose(path: &Path, sheet: Option<&str>) -> Result<Chosen, Failure> {
    let failed = |why: String| Failure::new(format!("{} cannot be read: {why}", path.display()));
    measure(path).map_err(|error| failed(error.to_string()))?;
    let mut workbook = open(path)?;
    let names = workbook.sheet_names();
    let visible = workbook.sheets_metadata().iter().find(|sheet| sheet.visible == SheetVisible::Visible);
    let name = match sheet {
        Some(wanted) if names.iter().any(|name| name == wanted) => wanted.to_owned(),
        Some(wanted) => {
            let known: Vec<&str> = names.iter().map(String::as_str).collect();
            return Err(Failure::new(no_such("sheet", wanted, &known)));
        }
        None => visible.map(|sheet| sheet.name.clone()).ok_or_else(|| failed("it has no sheet".into()))?,
    };
    let is_1904 = workbook.has_1904_epoch();
    let cells = workbook.worksheet_cells_reader(&name).map_err(|error| failed(error.to_string()))?;
    let rows = u64::from(cells.dimensions().end.0) + 1;
    Ok(Chosen { name, rows, is_1904 })
}

/// Calls `each` with every row that is not blank.
pub(super) fn rows(path: &Path, sheet: &str, each: &mut Each<'_>) -> Result<(), Failure> {
    let mut workbook = open(path)?;
    let merged = merged(&mut workbook, path, sheet)?;
    let failed = |error: calamine::XlsxError| Failure::new(format!("{}: sheet {sheet}: {error}", path.display()));
    let mut cells = workbook.worksheet_cells_reader(sheet).map_err(failed)?;
    let mut open: Option<Row> = None;
    let mut finish = |row: Row| match row.cells.iter().all(Cell::is_empty) && row.flaws.is_empty() {
        true => Ok(ControlFlow::Continue(())),
        false => each(with_merged(row, &merged)),
    };
    while let Some(found) = cells.next_cell_with_formula_metadata().map_err(failed)? {
        let (number, column) = (u64::from(found.pos.0) + 1, found.pos.1 as usize);
        if column >= COLUMNS_MAX {
            let message = format!("{}: row {number} has more than {COLUMNS_MAX} cells", path.display());
            return Err(Failure::new(message));
        }
        if open.as_ref().is_none_or(|row| row.number != number) {
            if let Some(row) = open.take() {
                if row.number > number {
                    return Err(Failure::new(format!("{}: row {number} is out of order", path.display())));
                }
                if finish(row)?.is_break() {
                    return Ok(());
                }
            }
            open = Some(Row { number, position: number, cells: Vec::new(), flaws: Vec::new() });
        }
        let Some(row) = &mut open else { continue };
        if row.cells.len() <= column {
            row.cells.resize(column + 1, Cell::Empty);
        }
        row.cells[column] = cell(found.value, column, &mut row.flaws);
        if found.formula.is_some() {
            row.flaws.push(Flaw::new(column, "FORMULA", FORMULA));
        }
    }
    if let Some(row) = open {
        // The last row: whether more are wanted does not matter.
        let _ = finish(row)?;
    }
    Ok(())
}

fn open(path: &Path) -> Result<Workbook, Failure> {
    open_workbook(path).map_err(|error: calamine::XlsxError| {
        Failure::new(format!("{} is not a readable XLSX file: {error}", path.display()))
    })
}

fn cell(value: DataRef<'_>, column: usize, flaws: &mut Vec<Flaw>) -> Cell {
    let mut text = |text: &str| {
        if text.len() > CELL_CHARS_MAX && text.chars().count() > CELL_CHARS_MAX {
            flaws.push(Flaw::new(column, "TOO_LONG", "the cell is too long"));
            return Cell::Empty;
        }
        match trimmed(text) {
            "" => Cell::Empty,
            text => Cell::Text(text.to_owned()),
        }
    };
    match value {
        DataRef::Empty => Cell::Empty,
        DataRef::String(value) => text(&value),
        DataRef::SharedString(value) => text(value),
        DataRef::DateTimeIso(value) | DataRef::DurationIso(value) => text(&value),
        DataRef::Int(number) => Cell::Number(number as f64),
        DataRef::Float(number) => Cell::Number(number),
        DataRef::Bool(truth) => Cell::Boolean(truth),
        DataRef::Error(error) => Cell::Error(error.to_string()),
        DataRef::DateTime(at) if at.is_datetime() => {
            let (year, month, day, hours, minutes, seconds, _) = at.to_ymd_hms_milli();
            if (hours, minutes, seconds) != (0, 0, 0) {
                flaws.push(Flaw::new(column, "DATE", "the cell has a time of day in addition to the date"));
            }
            Cell::Date(year, month, day)
        }
        DataRef::DateTime(at) => Cell::Number(at.as_f64()),
    }
}

/// By row, the first and the last column of each region.
type Merged = BTreeMap<u64, Vec<(usize, usize)>>;

/// The merged cells of a sheet: for each row the first and the last column of each region.
fn merged(workbook: &mut Workbook, path: &Path, sheet: &str) -> Result<Merged, Failure> {
    let failed = |error: calamine::XlsxError| Failure::new(format!("{}: sheet {sheet}: {error}", path.display()));
    let (mut rows, mut count) = (Merged::new(), 0);
    for region in workbook.merge_cells_by_sheet_name(sheet).map_err(failed)? {
        count += u64::from(region.end.0.saturating_sub(region.start.0)) + 1;
        if count > ROWS_MAX {
            return Err(Failure::new(format!("{}: sheet {sheet} has too many merged cells", path.display())));
        }
        let columns = (region.start.1 as usize, region.end.1 as usize);
        for row in region.start.0..=region.end.0 {
            rows.entry(u64::from(row) + 1).or_default().push(columns);
        }
    }
    Ok(rows)
}

fn with_merged(mut row: Row, merged: &Merged) -> Row {
    for (first, last) in merged.get(&row.number).into_iter().flatten() {
        let says = "the cell is merged with others: unmerge them and fill each";
        let columns = *first..=(*last).min(COLUMNS_MAX);
        row.flaws.extend(columns.map(|column| Flaw::new(column, "MERGED", says)));
    }
    row
}

/// Decompresses every part and counts: a few kilobytes can expand to gigabytes, and the sizes in their directory prove nothing.
fn measure(path: &Path) -> io::Result<()> {
    let refuse = |why: &str| Err(io::Error::new(io::ErrorKind::InvalidData, why));
    let mut archive = zip::ZipArchive::new(BufReader::new(File::open(path)?)).map_err(io::Error::other)?;
    if archive.len() > PARTS_MAX {
        return refuse("it has too many parts");
    }
    let (mut all, mut in_memory) = (0, 0);
    for at in 0..archive.len() {
        let part = archive.by_index(at).map_err(io::Error::other)?;
        // Cells are read one by one; every other part is held in memory.
        let is_sheet = part.name().map_err(io::Error::other)?.starts_with("xl/worksheets/");
        let room = match is_sheet {
            true => UNFOLDED_BYTES_MAX - all,
            false => (UNFOLDED_BYTES_MAX - all).min(STRINGS_BYTES_MAX - in_memory),
        };
        let bytes = io::copy(&mut part.take(room + 1), &mut io::sink())?;
        if bytes > room {
            return refuse("it decompresses to more bytes than are allowed");
        }
        all += bytes;
        in_memory += if is_sheet { 0 } else { bytes };
    }
    Ok(())
}
