//! The records around a version, for a rule that looks up records of one type.

use crate::base::time::Date;
use crate::trust::Object;

use super::lookup::Lookup;

/// The other records of a version's type, as far as they are known when it is written.
pub trait Around {
    /// The day of the change.
    fn today(&self) -> Date;

    /// The newest version of a record of the type that the rule looks up, after all changes of the submission; `None` when there is none.
    fn newest(&self, natural_key: &str) -> Option<Object> {
        self.newest_of(None, natural_key)
    }

    /// The same of a record of another type of the registry.
    fn newest_of(&self, about: Option<&str>, natural_key: &str) -> Option<Object>;

    /// The newest versions of the records of the type that the rule asks about which the index finds, after all changes of the submission: of
    /// what the rule said that it asks for, and at most [`FOUND_MAX`](super::FOUND_MAX) stored ones.
    fn found(&self, lookup: &Lookup) -> Vec<Object> {
        self.found_of(None, lookup)
    }

    /// The same of records of another type of the registry.
    fn found_of(&self, about: Option<&str>, lookup: &Lookup) -> Vec<Object>;

    /// Whether this submission enters a record of the type that the rule looks up.
    fn is_new(&self, natural_key: &str) -> bool {
        self.is_new_of(None, natural_key)
    }

    /// The same of a record of another type of the registry.
    fn is_new_of(&self, about: Option<&str>, natural_key: &str) -> bool;

    /// The sum of `count` over the records that the submission leaves with the same values in these `fields` as the one that asks. For
    /// one list of fields there is one `count`.
    fn total_of_like(&self, fields: &[&str], count: &dyn Fn(&Object) -> i64) -> i64;
}

/// The records that one rule looks up.
pub(super) struct About<'a> {
    pub(super) around: &'a dyn Around,
    pub(super) about: Option<&'a str>,
}

impl Around for About<'_> {
    fn today(&self) -> Date {
        self.around.today()
    }

    fn newest_of(&self, about: Option<&str>, natural_key: &str) -> Option<Object> {
        self.around.newest_of(about.or(self.about), natural_key)
    }

    fn found_of(&self, about: Option<&str>, lookup: &Lookup) -> Vec<Object> {
        self.around.found_of(about.or(self.about), lookup)
    }

    fn is_new_of(&self, about: Option<&str>, natural_key: &str) -> bool {
        self.around.is_new_of(about.or(self.about), natural_key)
    }

    fn total_of_like(&self, fields: &[&str], count: &dyn Fn(&Object) -> i64) -> i64 {
        self.around.total_of_like(fields, count)
    }
}
