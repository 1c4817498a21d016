//! Writing YAML: values in our own order, so that a file reads from its name to its details.

use std::fmt::Write as _;

use serde_json::Value;

/// A value; a mapping keeps its order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tree {
    /// True or false.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Tree>),
    /// A mapping.
    Map(Vec<(String, Tree)>),
}

impl Tree {
    /// A text.
    pub fn text(text: &str) -> Self {
        Self::Text(text.to_owned())
    }

    /// A mapping of these entries.
    pub fn map<'a>(entries: impl IntoIterator<Item = (&'a str, Tree)>) -> Self {
        Self::Map(entries.into_iter().map(|(key, tree)| (key.to_owned(), tree)).collect())
    }

    /// Adds an entry to a mapping.
    pub fn set(&mut self, key: &str, value: Tree) {
        if let Self::Map(entries) = self {
            entries.push((key.to_owned(), value));
        }
    }

    /// As JSON, in the same order where JSON keeps it.
    pub fn to_json(&self) -> Value {
        match self {
            Self::Bool(truth) => (*truth).into(),
            Self::Integer(number) => (*number).into(),
            Self::Text(text) => text.as_str().into(),
            Self::List(items) => items.iter().map(Self::to_json).collect(),
            Self::Map(entries) => entries.iter().map(|(key, value)| (key.clone(), value.to_json())).collect(),
        }
    }

    /// Writes it as YAML, in block style; a value without nested values is on one line.
    pub fn write(&self, out: &mut String) {
        self.block(0, out);
    }

    fn is_flat(&self) -> bool {
        match self {
            Self::List(items) => items.iter().all(|item| !matches!(item, Self::List(_) | Self::Map(_))),
            Self::Map(entries) => entries.is_empty(),
            _ => true,
        }
    }

    fn block(&self, indent: usize, out: &mut String) {
        let pad = "  ".repeat(indent);
        match self {
            Self::Map(entries) => {
                for (key, value) in entries {
                    let _ = write!(out, "{pad}{}:", scalar(key));
                    value.beside(indent, out);
                }
            }
            Self::List(items) => {
                for item in items {
                    let mut nested = String::new();
                    item.block(indent + 1, &mut nested);
                    let _ = writeln!(out, "{pad}- {}", nested.trim());
                }
            }
            flat => {
                let _ = writeln!(out, "{pad}{}", flat.flat());
            }
        }
    }

    fn beside(&self, indent: usize, out: &mut String) {
        match self.is_flat() {
            true => {
                let _ = writeln!(out, " {}", self.flat());
            }
            false => {
                out.push('\n');
                self.block(indent + 1, out);
            }
        }
    }

    fn flat(&self) -> String {
        match self {
            Self::Bool(truth) => truth.to_string(),
            Self::Integer(number) => number.to_string(),
            Self::Text(text) => scalar(text),
            Self::List(items) => format!("[{}]", items.iter().map(Self::flat).collect::<Vec<_>>().join(", ")),
            Self::Map(_) => "{}".into(),
        }
    }
}

/// A text, in quotes unless YAML can read it only as a text.
fn scalar(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'$' | b'/');
    let is_plain = text.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '$' | '_'))
        && text.bytes().all(|b| plain(b) || matches!(b, b'.' | b'-'));
    let means_else =
        ["true", "false", "null", "yes", "no", "on", "off"].iter().any(|word| text.eq_ignore_ascii_case(word));
    match is_plain && !means_else {
        true => text.to_owned(),
        // A JSON string is a double-quoted scalar of YAML.
        false => Value::from(text).to_string(),
    }
}
