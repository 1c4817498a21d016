//! An expectation that does not hold, as reports name it.

/// What was expected, and what there was instead.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Unmet {
    /// Which expectation: `code`, `fields.link.state`.
    pub(super) what: String,
    /// The expected value.
    pub(super) expected: String,
    /// The value found.
    pub(super) found: String,
}
