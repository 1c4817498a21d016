//! The result of a persona's command, as values: a test compares each answer with its row.

use crate::base::Reason;
use crate::trust::Verdict;

/// One thing that holds of the answer to a persona's command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meets {
    /// It has at least this many records, all of them VALID.
    Valid(usize),
    /// Some of its records have this verdict; a caller that does not accept unverified records is refused with the verdict's code.
    Unverified(Verdict),
    /// It is a link that is in force.
    Linked,
    /// It is a refusal.
    Refused(Reason),
    /// Its JSON has this in it.
    Says(&'static str),
    /// It is a view in which registries disagree.
    Discrepancy,
    /// It has this many people.
    People(usize),
    /// It is the view of the person with the first number, which supersedes the second.
    Person(&'static str, &'static str),
    /// It has a certificate of each form: the first says that there is no conviction, the second what was expunged. An agency
    /// without the right is refused.
    BothForms,
    /// It does not come before the caller's deadline.
    Late,
    /// Of four calls every second is refused so.
    EverySecond(Reason),
}
