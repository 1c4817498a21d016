//! Facts: statements of a record about a person, as the source of a field of the population register.

/// A record type's statement about a person whom it names, for a field of the register of people: a death entry is the source of a death date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// The path at which the record names the person.
    pub about: String,
    /// The field of the register of people.
    pub field: String,
    /// The value.
    pub says: Says,
}

/// The value of a [`Fact`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Says {
    /// The value at this path while the record is in force.
    Path(String),
    /// A value for each of these statuses of the record; any other status states nothing.
    Status(Vec<(String, String)>),
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
}

/// A value that a record states about a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stated<'a> {
    /// The field of the register of people.
    pub field: &'a str,
    /// The value that it should have.
    pub value: &'a str,
    /// The path of the statement in the record.
    pub path: &'a str,
    /// The value at that path.
    pub said: &'a str,
}
