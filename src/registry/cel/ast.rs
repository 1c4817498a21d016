//! An expression as it was written: every node with its position.

/// A node and the byte at which it begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Node {
    pub at: usize,
    pub what: What,
}

/// The kinds of nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum What {
    Bool(bool),
    Int(i64),
    Text(String),
    List(Vec<Node>),
    Name(String),
    /// `of.name`.
    Field(Box<Node>, String),
    /// `of[index]`.
    Index(Box<Node>, Box<Node>),
    /// `name(…)`, `of.name(…)`.
    Call(Option<Box<Node>>, String, Vec<Node>),
    Not(Box<Node>),
    Minus(Box<Node>),
    Binary(Operator, Box<Node>, Box<Node>),
    /// `condition ? then : otherwise`.
    If(Box<Node>, Box<Node>, Box<Node>),
}

/// An operator between two operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Or,
    And,
    Equal,
    Unequal,
    Less,
    AtMost,
    More,
    AtLeast,
    In,
    Plus,
    Minus,
    Times,
    Over,
    Modulo,
}

impl Operator {
    /// The operator of a sign, and its precedence.
    pub(super) fn of(sign: &str) -> Option<(Self, u8)> {
        Some(match sign {
            "||" => (Self::Or, 1),
            "&&" => (Self::And, 2),
            "==" => (Self::Equal, 3),
            "!=" => (Self::Unequal, 3),
            "<" => (Self::Less, 3),
            "<=" => (Self::AtMost, 3),
            ">" => (Self::More, 3),
            ">=" => (Self::AtLeast, 3),
            "in" => (Self::In, 3),
            "+" => (Self::Plus, 4),
            "-" => (Self::Minus, 4),
            "*" => (Self::Times, 5),
            "/" => (Self::Over, 5),
            "%" => (Self::Modulo, 5),
            _ => return None,
        })
    }
}
