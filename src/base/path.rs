//! The position of a walk through nested fields, as errors name it: `owner.address.text`, `parcels[3]`.

use std::fmt;

/// A path, known by its parent; written out only when there is something to report about it.
#[derive(Debug, Clone, Copy)]
pub enum Path<'a> {
    /// The whole.
    Root,
    /// A field of what the parent leads to.
    Field(&'a Path<'a>, &'a str),
    /// An item of the list that the parent leads to, from 0.
    Item(&'a Path<'a>, usize),
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Field(Path::Root, name) => f.write_str(name),
            Self::Field(parent, name) => write!(f, "{parent}.{name}"),
            Self::Item(parent, at) => write!(f, "{parent}[{at}]"),
        }
    }
}
