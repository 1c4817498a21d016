//! The kind of an expression's value, known from the schema before any record exists.

use std::fmt;
use std::sync::Arc;

use super::super::rule::{Field, Rule};

/// The kind of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// True or false.
    Bool,
    /// A whole number.
    Int,
    /// A text; dates are texts.
    Text,
    /// A list: the kind of its items, and their maximum number.
    List(Box<Kind>, usize),
    /// An object with these fields.
    Object(Arc<Vec<(String, Kind)>>),
    /// The element type of an empty list literal.
    Nothing,
}

impl Kind {
    /// The kind of an object with these fields.
    pub fn of(fields: &[Field]) -> Self {
        Self::Object(Arc::new(fields.iter().map(|field| (field.name.clone(), Self::of_rule(&field.rule))).collect()))
    }

    fn of_rule(rule: &Rule) -> Self {
        match rule {
            Rule::Integer(..) => Self::Int,
            Rule::Boolean => Self::Bool,
            Rule::Object(fields) => Self::of(fields),
            Rule::List(of, max) | Rule::Set(of, max) => Self::List(Box::new(Self::of_rule(of)), *max),
            _ => Self::Text,
        }
    }

    /// The common kind of this one and a compatible `other`: with the longer of their lists.
    pub(super) fn widest(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::Nothing, other) => other.clone(),
            (Self::List(one, at_most), Self::List(of_other, others)) => {
                Self::List(Box::new(one.widest(of_other)), *at_most.max(others))
            }
            _ => self.clone(),
        }
    }

    /// Whether two values can be compared.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Nothing, _) | (_, Self::Nothing) => true,
            (Self::List(one, _), Self::List(other, _)) => one.is_like(other),
            _ => self == other,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool => f.write_str("true or false"),
            Self::Int => f.write_str("a whole number"),
            Self::Text => f.write_str("a text"),
            Self::List(..) => f.write_str("a list"),
            Self::Object(_) => f.write_str("an object"),
            Self::Nothing => f.write_str("nothing"),
        }
    }
}
