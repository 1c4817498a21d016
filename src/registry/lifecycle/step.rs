//! A step: from one version of a record to the next.

use crate::base::time::Date;
use crate::trust::{Object, Operation};

/// From one version of a record to the next.
#[derive(Debug, Clone, Copy)]
pub struct Step<'a> {
    /// The version that is in force.
    pub before: &'a Object,
    /// The version that is to follow.
    pub after: &'a Object,
    /// The operation of the change.
    pub operation: Operation,
    /// The day of the change.
    pub today: Date,
}

impl<'a> Step<'a> {
    /// The basis of this change. A basis that the version before has already belongs to another change.
    pub fn basis(&self) -> Option<&'a Object> {
        self.after.object("basis").filter(|basis| self.before.object("basis") != Some(basis))
    }

    /// The reason that the basis of this change gives.
    pub fn reason(&self) -> Option<&'a str> {
        self.basis()?.text("reason_code")
    }

    /// Whether the field at `path` differs.
    pub fn changes(&self, path: &str) -> bool {
        self.before.path(path) != self.after.path(path)
    }

    /// The text fields at `path` when both versions have one and they differ.
    pub fn texts(&self, path: &str) -> Option<(&'a str, &'a str)> {
        let (before, after) = (self.before.text_at(path)?, self.after.text_at(path)?);
        (before != after).then_some((before, after))
    }

    /// Whether the status goes from one to the other.
    pub fn goes(&self, from: &str, to: &str) -> bool {
        self.texts("status") == Some((from, to))
    }
}
