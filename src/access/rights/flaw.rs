//! Flaws of a file of rights, each with its line and the rule that it breaks, so that its editor can fix all of them at once.

use std::fmt::{self, Display};

use crate::base::name;
use crate::base::text::end_within;

/// Most flaws kept of one file; the others are counted.
pub const FLAWS_MAX: usize = 100;
/// Bytes of a wrong name that messages repeat.
const SHOWN_BYTES_MAX: usize = 60;

/// One flaw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flaw {
    /// The line, from 1.
    pub line: usize,
    /// The rule, UPPER_SNAKE: `SYNTAX`, `UNKNOWN_VALUE`, `DUPLICATE`, `UNREACHABLE`, ….
    pub rule: &'static str,
    /// The explanation.
    pub message: String,
}

impl Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}: {}", self.line, self.rule, self.message)
    }
}

/// The flaws of one file: errors, which refuse it, and warnings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Flaws {
    /// The first errors, by line.
    pub errors: Vec<Flaw>,
    /// The number of all errors.
    pub total: usize,
    /// The first warnings, by line.
    pub warnings: Vec<Flaw>,
}

impl Flaws {
    /// One error.
    pub(super) fn one(line: usize, rule: &'static str, message: impl Into<String>) -> Self {
        Self { errors: vec![Flaw { line, rule, message: message.into() }], total: 1, warnings: Vec::new() }
    }
}

impl Display for Flaws {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, flaw) in self.errors.iter().enumerate() {
            write!(f, "{}{flaw}", if at == 0 { "" } else { "; " })?;
        }
        match self.total - self.errors.len() {
            0 => Ok(()),
            more => write!(f, "; and {more} more"),
        }
    }
}

/// Collects the flaws of a text; positions are offsets in bytes.
pub(super) struct Findings {
    /// Offsets of the lines after the first.
    lines: Vec<usize>,
    flaws: Flaws,
}

impl Findings {
    pub(super) fn of(text: &str) -> Self {
        let lines = memchr::memchr_iter(b'\n', text.as_bytes()).map(|end| end + 1).collect();
        Self { lines, flaws: Flaws::default() }
    }

    /// The line of an offset.
    pub(super) fn line(&self, at: usize) -> usize {
        self.lines.partition_point(|begin| *begin <= at) + 1
    }

    /// Notes an error. `message` is only called for errors that are kept.
    pub(super) fn error(&mut self, at: usize, rule: &'static str, message: impl FnOnce() -> String) {
        self.flaws.total += 1;
        if self.flaws.errors.len() < FLAWS_MAX {
            let line = self.line(at);
            self.flaws.errors.push(Flaw { line, rule, message: message() });
        }
    }

    /// Notes an unknown name, with the known ones that resemble it.
    pub(super) fn unknown<'a>(&mut self, at: usize, kind: &str, given: &str, known: impl IntoIterator<Item = &'a str>) {
        self.error(at, "UNKNOWN_VALUE", || {
            name::with_nearest(format!("there is no {kind} {}", shown(given)), given, known)
        });
    }

    /// Notes a warning.
    pub(super) fn warn(&mut self, at: usize, rule: &'static str, message: String) {
        if self.flaws.warnings.len() < FLAWS_MAX {
            let line = self.line(at);
            self.flaws.warnings.push(Flaw { line, rule, message });
        }
    }

    pub(super) fn has_errors(&self) -> bool {
        self.flaws.total > 0
    }

    pub(super) fn finish(mut self) -> Flaws {
        self.flaws.errors.sort_by_key(|flaw| flaw.line);
        self.flaws.warnings.sort_by_key(|flaw| flaw.line);
        self.flaws
    }
}

/// A name as a message repeats it: quoted, escaped, cut.
pub(super) fn shown(given: &str) -> String {
    let end = end_within(given, SHOWN_BYTES_MAX);
    format!("{:?}{}", &given[..end], if end < given.len() { "…" } else { "" })
}
