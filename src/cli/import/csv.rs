//! Rows of CSV files: whatever separator, quotes and line ends they have.
//!
//! A row is bounded before it is read whole, because one quote that is never closed makes a row of the rest of the file.

use std::cell::Cell as Shared;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::rc::Rc;

use csv::{ByteRecord, ReaderBuilder, Terminator};

use super::bytes::{Seen, Transcoded};
use super::cell::{Cell, Each, Flaw, Row};
use super::limits::{CELL_CHARS_MAX, COLUMNS_MAX, ROW_BYTES_MAX};
use crate::cli::output::Failure;

/// Bytes that the reader takes at once.
const BUFFER_BYTES: usize = 64 * 1024;
/// Separators that files have, the commonest first.
const SEPARATORS: [u8; 4] = [b',', b';', b'\t', b'|'];
/// Rows that are looked at for the separator.
const ROWS_PROBED: usize = 20;

/// Calls `each` with every row, the header's among them. Blank lines are left out.
pub(super) fn rows(path: &Path, seen: &Seen, separator: u8, each: &mut Each<'_>) -> Result<(), Failure> {
    let since_row = Rc::new(Shared::new(0));
    let file = File::open(path).map_err(|error| unreadable(path, &error))?;
    let bounded = Bounded { inner: Transcoded::new(file, seen.encoding), since_row: since_row.clone(), last: b'\n' };
    // A row ends with its line feed, so that the reader's line is the one after it; the `\r` before it is a blank at the end of a cell.
    let terminator = if seen.has_line_feeds() { Terminator::Any(b'\n') } else { Terminator::CRLF };
    let mut reader = ReaderBuilder::new()
        .delimiter(separator)
        .terminator(terminator)
        .has_headers(false)
        .flexible(true)
        .buffer_capacity(BUFFER_BYTES)
        .from_reader(bounded);
    let (mut record, mut rows_read, mut last) = (ByteRecord::new(), 0, (0, 0));
    loop {
        since_row.set(0);
        match reader.read_byte_record(&mut record) {
            Ok(true) => {}
            Ok(false) => {
                return if seen.has_open_quote && last.1 > 0 { Err(open_quote(path, last.0 + 1)) } else { Ok(()) };
            }
            Err(error) => {
                let line = reader.position().line();
                let why = match error.into_kind() {
                    csv::ErrorKind::Io(error) => error.to_string(),
                    other => format!("{other:?}"),
                };
                return Err(Failure::new(format!("{}: line {line}: {why}", path.display())));
            }
        }
        rows_read += 1;
        let within = memchr::memchr_iter(b'\n', record.as_slice()).count() as u64;
        // The reader counts line feeds: where there are none, rows are counted.
        let number = match seen.has_line_feeds() {
            true => reader.position().line().saturating_sub(1 + within).max(1),
            false => rows_read,
        };
        last = (number, within);
        if record.len() > COLUMNS_MAX {
            return Err(Failure::new(format!("{}: line {number} has more than {COLUMNS_MAX} cells", path.display())));
        }
        let mut flaws = Vec::new();
        let mut cells: Vec<Cell> = Vec::with_capacity(record.len());
        for (column, bytes) in record.iter().enumerate() {
            let text = seen.encoding.text(bytes);
            if text.chars().count() > CELL_CHARS_MAX {
                flaws.push(Flaw::new(column, "TOO_LONG", "the cell is too long"));
                cells.push(Cell::Empty);
            } else {
                cells.push(cell(&text, column, &mut flaws));
            }
        }
        if cells.iter().all(Cell::is_empty) && flaws.is_empty() {
            continue;
        }
        if each(Row { number, position: reader.position().byte(), cells, flaws })?.is_break() {
            return Ok(());
        }
    }
}

/// Of a file whose last quote is open, the last row has swallowed those after it.
fn open_quote(path: &Path, row: u64) -> Failure {
    Failure::new(format!(
        "{}: row {row}: a quote that opens in it is not closed: the rows after it are not read",
        path.display()
    ))
}

fn unreadable(path: &Path, error: &io::Error) -> Failure {
    Failure::new(format!("{} cannot be read: {error}", path.display()))
}

/// A cell without the blanks around it. `="0421"` is how Excel is told to keep a number as text; any other formula is refused.
fn cell(text: &str, column: usize, flaws: &mut Vec<Flaw>) -> Cell {
    let text = trimmed(text);
    if let Some(formula) = text.strip_prefix('=').filter(|rest| !rest.is_empty()) {
        let quoted = formula.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).filter(|it| !it.contains('"'));
        return match quoted {
            Some(text) => Cell::Text(text.to_owned()),
            None => {
                flaws.push(Flaw::new(column, "FORMULA", FORMULA));
                Cell::Text(text.to_owned())
            }
        };
    }
    if ERRORS.contains(&text) {
        return Cell::Error(text.to_owned());
    }
    if text.is_empty() { Cell::Empty } else { Cell::Text(text.to_owned()) }
}

/// The texts that a spreadsheet writes where a formula failed.
const ERRORS: [&str; 7] = ["#REF!", "#N/A", "#VALUE!", "#DIV/0!", "#NAME?", "#NULL!", "#NUM!"];

/// The message about a formula, in any kind of file.
pub(super) const FORMULA: &str = "the cell holds a formula: copy the column and paste it as values";

/// Without blanks at its ends: spaces, no-break spaces, line ends, and the marks that nobody sees.
pub(super) fn trimmed(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || matches!(c, '\u{feff}' | '\u{200b}'..='\u{200d}' | '\u{2060}'))
}

/// The separator that splits the first rows into as many cells each, the most there are.
pub(super) fn separator(head: &[u8]) -> u8 {
    let counted = SEPARATORS.map(|separator| {
        let mut reader = ReaderBuilder::new().delimiter(separator).has_headers(false).flexible(true).from_reader(head);
        let counts: Vec<usize> =
            reader.byte_records().take(ROWS_PROBED).map_while(Result::ok).map(|record| record.len()).collect();
        // The last row of a long beginning may have been cut.
        let is_cut = head.len() >= BUFFER_BYTES && counts.len() > 1 && counts.len() < ROWS_PROBED;
        let whole = &counts[..counts.len() - usize::from(is_cut)];
        let first = whole.first().copied().unwrap_or(0);
        let alike = whole.iter().filter(|count| **count == first).count();
        (separator, first, alike)
    });
    let best = counted.iter().filter(|(_, cells, _)| *cells > 1).max_by_key(|(separator, cells, alike)| {
        let order = SEPARATORS.iter().position(|known| known == separator).unwrap_or_default();
        (*alike, *cells, std::cmp::Reverse(order))
    });
    best.map_or(SEPARATORS[0], |(separator, ..)| *separator)
}

/// Fails when a row grows beyond the limit, and ends the last row if nobody else has.
struct Bounded<R> {
    inner: R,
    since_row: Rc<Shared<usize>>,
    /// The last byte that was read.
    last: u8,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.since_row.get() > ROW_BYTES_MAX {
            let why = format!(
                "a row of more than {ROW_BYTES_MAX} bytes: it has too many cells, or a quote that opens in it is not closed"
            );
            return Err(io::Error::new(io::ErrorKind::InvalidData, why));
        }
        let mut read = self.inner.read(buffer)?;
        if read == 0
            && self.last != b'\n'
            && let Some(first) = buffer.first_mut()
        {
            (*first, read) = (b'\n', 1);
        }
        self.last = buffer[..read].last().copied().unwrap_or(self.last);
        self.since_row.set(self.since_row.get() + read);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separators_are_found() {
        for (text, expected) in [
            ("a,b,c\n1,2,3\n", b','),
            ("a;b;c\n1;2,5;3\n", b';'),
            ("a\tb\n1\t2\n", b'\t'),
            ("Họ, tên;Ngày sinh\nA, B;1\nC;2\n", b';'),
            ("\"a;b\",c\n\"1;2\",3\n", b','),
            ("one\ntwo\n", b','),
        ] {
            assert_eq!(separator(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn formulas_are_refused_and_kept_texts_taken() {
        let mut flaws = Vec::new();
        assert_eq!(cell(" =\"042185990002\" ", 0, &mut flaws), Cell::Text("042185990002".into()));
        assert_eq!(cell("\u{a0}x\u{a0}", 0, &mut flaws), Cell::Text("x".into()));
        assert!(flaws.is_empty());
        cell("=A1&B1", 3, &mut flaws);
        assert_eq!((flaws[0].column, flaws[0].rule.as_str()), (Some(3), "FORMULA"));
    }
}
