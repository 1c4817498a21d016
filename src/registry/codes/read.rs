//! Reads the table of a code list: one code a line, columns separated by tabs, comments with `#`.
//!
//! ```text
//! # code  name_vi  name_en  valid_from  valid_until  successor  property
//! ```
//!
//! Days are `YYYY-MM-DD`, the last one included; unknown values are left empty.

use super::list::{Carries, Code, CodeList};
use crate::base::PartialDate;
use crate::base::time::Date;
use crate::registry::label::Label;

/// The reason why a table is no code list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct CodeListError {
    /// The line, from 1.
    pub line: usize,
    /// The problem.
    pub problem: &'static str,
}

impl CodeList {
    /// Reads `table`. Its comments before the first code are the list's source.
    ///
    /// Fails with the line of a code that is malformed, or that means two things on one day.
    pub fn read(
        name: &str,
        label: Label,
        is_complete: bool,
        carries: Carries,
        table: &str,
    ) -> Result<Self, CodeListError> {
        let (mut codes, mut source): (Vec<Code>, Vec<&str>) = Default::default();
        for (at, line) in table.lines().enumerate() {
            match line.strip_prefix("# ") {
                Some(comment) if codes.is_empty() && !comment.starts_with("code\t") => source.push(comment),
                Some(_) => {}
                None if line.is_empty() => {}
                None => {
                    let code = code(line).map_err(|problem| CodeListError { line: at + 1, problem })?;
                    let meets = |other: &Code| carries.of(other) == carries.of(&code) && overlap(other, &code);
                    if codes.iter().any(meets) {
                        return Err(CodeListError { line: at + 1, problem: "means two things on one day" });
                    }
                    codes.push(code);
                }
            }
        }
        Ok(Self::new(name, label, &source.join(" "), is_complete, carries, codes))
    }
}

fn code(line: &str) -> Result<Code, &'static str> {
    let columns: Vec<&str> = line.split('\t').collect();
    let (&[code, vi, en, from, until, successor], rest) =
        columns.split_first_chunk().ok_or("has fewer than six columns")?;
    let day = |text: &str| -> Result<Option<Date>, &'static str> {
        if text.is_empty() { Ok(None) } else { full(text).map(Some).ok_or("has a day that is none, YYYY-MM-DD") }
    };
    let (valid_from, valid_until) = (day(from)?, day(until)?);
    if code.is_empty() || valid_from.zip(valid_until).is_some_and(|(from, until)| until < from) {
        return Err("has no code, or ends before it begins");
    }
    Ok(Code {
        code: code.into(),
        name: Label::new(vi, en),
        valid_from,
        valid_until,
        successor: (!successor.is_empty()).then(|| successor.into()),
        property: rest.first().copied().unwrap_or_default().into(),
    })
}

fn overlap(one: &Code, other: &Code) -> bool {
    let ends_before = |a: &Code, b: &Code| a.valid_until.zip(b.valid_from).is_some_and(|(until, from)| until < from);
    !ends_before(one, other) && !ends_before(other, one)
}

/// Reads `YYYY-MM-DD`.
pub(super) fn full(text: &str) -> Option<Date> {
    PartialDate::parse(text)?.full()
}
