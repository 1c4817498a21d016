//! What the checks of a payload find: violations and warnings, under the path of the payload.

use std::fmt;

use crate::base::Violations;

/// What a check found, under the path of the payload that it checks.
pub struct Findings<'a> {
    root: &'a dyn fmt::Display,
    violations: &'a mut Violations,
}

impl<'a> Findings<'a> {
    /// Findings about the payload at `root` (`changes[3].payload`), added to `violations`.
    pub fn new(root: &'a dyn fmt::Display, violations: &'a mut Violations) -> Self {
        Self { root, violations }
    }

    /// A violation of `rule` at the field `path` of the payload.
    pub fn add(&mut self, path: impl fmt::Display, rule: &'static str, message: impl fmt::Display) {
        self.violations.add(format_args!("{}.{path}", self.root), rule, message);
    }

    /// A warning of `rule` at the field `path`: the payload is accepted, and flagged.
    pub fn warn(&mut self, path: impl fmt::Display, rule: &'static str, message: impl fmt::Display) {
        self.violations.warn(format_args!("{}.{path}", self.root), rule, message);
    }

    /// A violation unless `holds`.
    pub fn expect(&mut self, holds: bool, path: &str, rule: &'static str, message: &'static str) {
        if !holds {
            self.add(path, rule, message);
        }
    }
}
