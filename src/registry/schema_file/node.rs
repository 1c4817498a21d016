//! Parses YAML into values that carry line numbers. Limits are enforced while parsing.
//!
//! YAML that a schema does not need is refused: aliases and anchors (a few lines of them unfold to gigabytes), tags, several
//! documents, keys twice in one mapping, fractions, and numbers that begin with a zero, which are meant as codes.

use std::collections::BTreeMap;

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

use super::flaw::Flaws;

/// Longest file, in bytes.
pub const FILE_BYTES_MAX: usize = 1024 * 1024;
/// Most keys of a mapping.
const KEYS_MAX: usize = 1_000;
/// Most values of a file.
const NODES_MAX: usize = 100_000;
/// Deepest nesting of a file: eight levels of a payload take three each at most, plus the levels around a schema.
const DEPTH_MAX: usize = 40;

/// A value and its line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Node {
    pub line: usize,
    pub data: Data,
}

/// A value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Data {
    Null,
    Bool(bool),
    Integer(i64),
    Text(String),
    List(Vec<Node>),
    /// In the order of the file.
    Map(Vec<Entry>),
}

/// A key with its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub key: String,
    pub line: usize,
    pub value: Node,
}

impl Data {
    /// Its kind, in words.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "true or false",
            Self::Integer(_) => "a whole number",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
            Self::Map(_) => "a mapping",
        }
    }
}

impl Node {
    /// As JSON with its keys in order: the content of the file, whatever its notation.
    pub(super) fn to_json(&self) -> serde_json::Value {
        match &self.data {
            Data::Null => serde_json::Value::Null,
            Data::Bool(truth) => (*truth).into(),
            Data::Integer(number) => (*number).into(),
            Data::Text(text) => text.as_str().into(),
            Data::List(items) => items.iter().map(Self::to_json).collect(),
            Data::Map(entries) => {
                let sorted: BTreeMap<&str, &Self> = entries.iter().map(|it| (it.key.as_str(), &it.value)).collect();
                sorted.into_iter().map(|(key, value)| (key.to_owned(), value.to_json())).collect()
            }
        }
    }
}

/// The one document of a YAML text, as JSON with its keys in order; the same limits apply to every file that people write.
pub fn json(text: &str) -> Result<serde_json::Value, Flaws> {
    read(text).map(|node| node.to_json())
}

/// The same for a file that is not a schema but a message in its JSON form: it may have fractions, which that form also allows as texts.
pub fn message_json(text: &str) -> Result<serde_json::Value, Flaws> {
    read_with(text, true).map(|node| node.to_json())
}

/// Reads the one document of a text.
pub(super) fn read(text: &str) -> Result<Node, Flaws> {
    read_with(text, false)
}

pub(super) fn read_with(text: &str, has_fractions: bool) -> Result<Node, Flaws> {
    if text.len() > FILE_BYTES_MAX {
        return Err(Flaws::one(1, "TOO_LARGE", format_args!("a schema file has at most {FILE_BYTES_MAX} bytes")));
    }
    let mut builder = Builder { open: Vec::new(), done: None, nodes: 0, has_fractions };
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| {
            Flaws::one(error.marker().line(), "SYNTAX", format_args!("is not YAML: {}", error.info()))
        })?;
        builder.take(event, span)?;
    }
    builder.done.ok_or_else(|| Flaws::one(1, "SYNTAX", "the file is empty"))
}

/// A list or mapping that is not closed yet.
enum Open {
    List(usize, Vec<Node>),
    /// And the key that waits for its value.
    Map(usize, Vec<Entry>, Option<(String, usize)>),
}

struct Builder {
    open: Vec<Open>,
    done: Option<Node>,
    nodes: usize,
    has_fractions: bool,
}

impl Builder {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), Flaws> {
        let line = span.start.line();
        let refuse = |rule, problem: &str| Err(Flaws::one(line, rule, problem));
        self.nodes += 1;
        if self.nodes > NODES_MAX {
            return refuse("TOO_LARGE", &format!("a schema file has at most {NODES_MAX} values"));
        }
        match event {
            Event::Alias(_) => refuse("ALIAS", "aliases are not supported: use $defs and $ref"),
            Event::Scalar(.., anchor, tag) if anchor > 0 || tag.is_some() => refuse("ALIAS", NO_ANCHORS),
            Event::SequenceStart(anchor, tag) | Event::MappingStart(anchor, tag) if anchor > 0 || tag.is_some() => {
                refuse("ALIAS", NO_ANCHORS)
            }
            Event::Scalar(text, style, ..) => {
                let data =
                    scalar(&text, style, self.has_fractions).map_err(|problem| Flaws::one(line, "VALUE", problem))?;
                self.put(Node { line, data })
            }
            Event::SequenceStart(..) => self.enter(Open::List(line, Vec::new())),
            Event::MappingStart(..) => self.enter(Open::Map(line, Vec::new(), None)),
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(Open::List(line, items)) => self.put(Node { line, data: Data::List(items) }),
                Some(Open::Map(line, entries, _)) => self.put(Node { line, data: Data::Map(entries) }),
                None => refuse("SYNTAX", "is not YAML"),
            },
            Event::DocumentStart(_) if self.done.is_some() => refuse("SYNTAX", "a schema file has one document"),
            _ => Ok(()),
        }
    }

    fn enter(&mut self, open: Open) -> Result<(), Flaws> {
        let (Open::List(line, _) | Open::Map(line, ..)) = open;
        if self.open.len() == DEPTH_MAX {
            return Err(Flaws::one(line, "TOO_DEEP", format_args!("a schema file is nested at most {DEPTH_MAX} deep")));
        }
        if let Some(Open::Map(_, _, None)) = self.open.last() {
            return Err(Flaws::one(line, "KEY", "a key is a text"));
        }
        self.open.push(open);
        Ok(())
    }

    fn put(&mut self, node: Node) -> Result<(), Flaws> {
        match self.open.last_mut() {
            None => self.done = Some(node),
            Some(Open::List(_, items)) => items.push(node),
            Some(Open::Map(_, entries, key)) => match key.take() {
                Some((key, line)) => entries.push(Entry { key, line, value: node }),
                None => {
                    let line = node.line;
                    let Data::Text(text) = node.data else { return Err(Flaws::one(line, "KEY", "a key is a text")) };
                    if entries.len() >= KEYS_MAX {
                        let problem = format_args!("a mapping has at most {KEYS_MAX} keys");
                        return Err(Flaws::one(line, "TOO_LARGE", problem));
                    }
                    if entries.iter().any(|entry| entry.key == text) {
                        let problem = format_args!("the key {text} is in this mapping already");
                        return Err(Flaws::one(line, "DUPLICATE", problem));
                    }
                    *key = Some((text, line));
                }
            },
        }
        Ok(())
    }
}

const NO_ANCHORS: &str = "anchors and tags are not supported: use $defs and $ref";

/// A plain scalar is read by the core schema of YAML 1.2.
fn scalar(text: &str, style: ScalarStyle, has_fractions: bool) -> Result<Data, &'static str> {
    if style != ScalarStyle::Plain {
        return Ok(Data::Text(text.to_owned()));
    }
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Ok(Data::Null),
        "true" | "True" | "TRUE" => return Ok(Data::Bool(true)),
        "false" | "False" | "FALSE" => return Ok(Data::Bool(false)),
        _ => {}
    }
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) {
        return match digits.len() > 1 && digits.starts_with('0') {
            true => Err("a number that begins with 0: put codes in quotes"),
            false => text.parse().map(Data::Integer).map_err(|_| "the number is too large"),
        };
    }
    let is_number = digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') && digits.parse::<f64>().is_ok();
    let is_special = matches!(digits, ".inf" | ".Inf" | ".INF" | ".nan" | ".NaN" | ".NAN");
    let is_radix = digits
        .strip_prefix("0x")
        .or(digits.strip_prefix("0o"))
        .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_hexdigit()));
    match is_number || is_special || is_radix {
        true if is_number && has_fractions => Ok(Data::Text(text.to_owned())),
        true => Err("payloads hold whole decimal numbers only: put anything else in quotes"),
        false => Ok(Data::Text(text.to_owned())),
    }
}
