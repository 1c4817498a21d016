//! Flaws of a schema file: each with its line, its path and the rule that it breaks.

use std::fmt;

use crate::base::violation::cut;

/// Most flaws that are kept of one file.
pub const FLAWS_MAX: usize = 100;
/// Longest message, in bytes; it may quote the file.
const MESSAGE_BYTES_MAX: usize = 300;

/// One flaw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flaw {
    /// The line, from 1.
    pub line: usize,
    /// Its path: `record_types[0].schema.properties.number`.
    pub path: String,
    /// The rule that is broken, UPPER_SNAKE.
    pub rule: &'static str,
    /// The message, in words.
    pub message: String,
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.as_str() {
            "" => write!(f, "line {}: {}: {}", self.line, self.rule, self.message),
            path => write!(f, "line {}: {path}: {}: {}", self.line, self.rule, self.message),
        }
    }
}

/// All flaws of a file, by their lines: the first ones, and how many there are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Flaws {
    /// The first ones.
    pub kept: Vec<Flaw>,
    /// The number of all flaws, those not kept too.
    pub total: usize,
}

impl Flaws {
    /// One flaw.
    pub(super) fn one(line: usize, rule: &'static str, message: impl fmt::Display) -> Self {
        let mut flaws = Self::default();
        flaws.add(line, String::new(), rule, message);
        flaws
    }

    /// Adds one.
    pub fn add(&mut self, line: usize, path: String, rule: &'static str, message: impl fmt::Display) {
        self.total += 1;
        if self.kept.len() < FLAWS_MAX {
            self.kept.push(Flaw { line, path, rule, message: cut(message, MESSAGE_BYTES_MAX) });
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.total == 0
    }

    pub(super) fn sorted(mut self) -> Self {
        self.kept.sort_by_key(|flaw| flaw.line);
        self
    }
}

impl fmt::Display for Flaws {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut kept = self.kept.iter();
        if let Some(first) = kept.next() {
            write!(f, "{first}")?;
        }
        kept.try_for_each(|flaw| write!(f, "; {flaw}"))?;
        match self.total - self.kept.len() {
            0 => Ok(()),
            more => write!(f, "; and {more} more"),
        }
    }
}

impl std::error::Error for Flaws {}
