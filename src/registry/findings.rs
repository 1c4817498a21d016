//! The findings of a payload's checks: violations and warnings, under the path of the payload.

use std::borrow::Cow;
use std::fmt;

use super::label::Label;
use crate::base::{Violation, Violations};

/// The findings of a check, under the path of the payload that it checks.
pub struct Findings<'a> {
    root: &'a dyn fmt::Display,
    violations: &'a mut Violations,
    /// How many there were before.
    before: usize,
}

impl<'a> Findings<'a> {
    /// Findings about the payload at `root` (`changes[3].payload`), added to `violations`.
    pub fn new(root: &'a dyn fmt::Display, violations: &'a mut Violations) -> Self {
        let before = violations.total();
        Self { root, violations, before }
    }

    /// Whether the payload has no violation so far.
    pub fn is_clean(&self) -> bool {
        self.violations.total() == self.before
    }

    /// A violation of `rule` at the field `path` of the payload.
    pub fn add(&mut self, path: impl fmt::Display, rule: impl Into<Cow<'static, str>>, message: impl fmt::Display) {
        self.violations.add(format_args!("{}.{path}", self.root), rule, message);
    }

    /// A warning of `rule` at the field `path`: the payload is accepted, and flagged.
    pub fn warn(&mut self, path: impl fmt::Display, rule: impl Into<Cow<'static, str>>, message: impl fmt::Display) {
        self.violations.warn(format_args!("{}.{path}", self.root), rule, message);
    }

    /// A violation, or a warning only, of the rule `id` of a schema file at the field `path`.
    pub fn say(&mut self, path: &str, id: &str, says: &Label, is_warning: bool) {
        let violation = Violation::new(format_args!("{}.{path}", self.root), id.to_owned(), &says.en);
        let violation = violation.with_vietnamese(&says.vi);
        match is_warning {
            true => self.violations.push_warning(violation),
            false => self.violations.push(violation),
        }
    }

    /// A violation unless `holds`.
    pub fn expect(&mut self, holds: bool, path: &str, rule: &'static str, message: &'static str) {
        if !holds {
            self.add(path, rule, message);
        }
    }
}
