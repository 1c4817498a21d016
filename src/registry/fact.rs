//! Facts: what a record is the source of, beyond its own registry.

/// What a record states about a person whom it names, in a field of the register of people: a death entry is the source of a death date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// Where the record names the person.
    pub about: String,
    /// The field of the register of people.
    pub field: String,
    /// The value.
    pub says: Says,
}

/// The value of a [`Fact`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Says {
    /// What stands at this path while the record is in force.
    Path(String),
    /// What follows from the record's status, status by status; of another one nothing follows.
    Status(Vec<(String, String)>),
    /// That what stands at this path is so no more, while the record has one of these statuses.
    NoMore(String, Vec<String>),
}

impl Says {
    /// [`Says::Path`].
    pub fn path(path: &str) -> Self {
        Self::Path(path.into())
    }

    /// [`Says::Status`].
    pub fn status(values: &[(&str, &str)]) -> Self {
        Self::Status(values.iter().map(|(status, value)| ((*status).into(), (*value).into())).collect())
    }

    /// [`Says::NoMore`].
    pub fn no_more(path: &str, statuses: &[&str]) -> Self {
        Self::NoMore(path.into(), statuses.iter().map(|status| (*status).into()).collect())
    }
}

/// A value that a record states about a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stated<'a> {
    /// The field of the register of people.
    pub field: &'a str,
    /// What it should be.
    pub value: &'a str,
    /// Where the record says so.
    pub path: &'a str,
    /// What stands there.
    pub said: &'a str,
    /// Whether the field has this value by it, or has it no more.
    pub holds: bool,
}
