//! Cells and rows of a file, whatever its format.

use std::ops::ControlFlow;

use crate::cli::output::Failure;

/// The content of a cell.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cell {
    Empty,
    Text(String),
    /// A number of a spreadsheet, which keeps 15 digits of it.
    Number(f64),
    /// A date of a spreadsheet: year, month, day.
    Date(u16, u8, u8),
    Boolean(bool),
    /// `#N/A`, `#REF!`, …
    Error(String),
}

impl Cell {
    /// The cell as it is written into a CSV file.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Empty => String::new(),
            Self::Text(text) | Self::Error(text) => text.clone(),
            Self::Number(number) => number.to_string(),
            Self::Date(year, month, day) => format!("{day:02}/{month:02}/{year:04}"),
            Self::Boolean(truth) => truth.to_string(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Text(text) => text.is_empty(),
            _ => false,
        }
    }
}

/// One row.
#[derive(Debug, Clone)]
pub(super) struct Row {
    /// The line on which it begins in a CSV file, the number of the row in a sheet; from 1.
    pub(super) number: u64,
    /// How far in the file it ends, in the units of [`Source::extent`](super::source::Source).
    pub(super) position: u64,
    pub(super) cells: Vec<Cell>,
    /// The flaw of the row as a whole.
    pub(super) flaws: Vec<Flaw>,
}

/// The consumer of the rows; a break ends the reading.
pub(super) type Each<'a> = dyn FnMut(Row) -> Result<ControlFlow<()>, Failure> + 'a;

/// Why a row cannot become a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Flaw {
    /// The column, from 0; `None` when it is about the row or about a field without a column.
    pub(super) column: Option<usize>,
    /// The field, where the server or the mapping names one.
    pub(super) field: String,
    pub(super) rule: String,
    /// In words; never the value.
    pub(super) message: String,
}

impl Flaw {
    pub(super) fn new(column: impl Into<Option<usize>>, rule: &str, message: impl Into<String>) -> Self {
        Self { column: column.into(), field: String::new(), rule: rule.into(), message: message.into() }
    }
}

/// The shape of a value: `99/99/9999` of a date, `Xxxxxx Xxx Xx` of a name. What it says about a person is gone; what is wrong with it shows.
pub(super) fn masked(text: &str) -> String {
    const CHARS_MAX: usize = 40;
    let shape = |c: char| match c {
        c if c.is_numeric() => '9',
        c if c.is_uppercase() => 'X',
        c if c.is_alphabetic() => 'x',
        c if c.is_ascii_punctuation() || c == ' ' => c,
        _ => '?',
    };
    let mut masked: String = text.chars().take(CHARS_MAX).map(shape).collect();
    if text.chars().nth(CHARS_MAX).is_some() {
        masked.push('…');
    }
    masked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_shows_the_shape_alone() {
        for (text, expected) in [
            ("04218599000", "99999999999"),
            ("Nguyễn Thị Hoà", "Xxxxxx Xxx Xxx"),
            ("31/02/1990", "99/99/9999"),
            ("a\nb", "x?x"),
        ] {
            assert_eq!(masked(text), expected);
        }
        assert_eq!(masked(&"1".repeat(50)), format!("{}…", "9".repeat(40)));
    }
}
