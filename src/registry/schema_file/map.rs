//! A mapping of a schema file as it is read: its keys are taken one by one, and every flaw is recorded with its position.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt::Display;

use super::super::form::is_plain_text;
use super::super::label::Label;
use super::flaw::Flaws;
use super::node::{Data, Entry, Node};
use crate::base::name::nearest;
use unicode_normalization::is_nfc;

/// Longest label or description, in characters.
const SHOWN_CHARS_MAX: usize = 500;

/// The list of flaws.
pub(super) type Noted = RefCell<Flaws>;

/// A node and its position.
#[derive(Clone)]
pub(super) struct At<'a> {
    pub node: &'a Node,
    /// The line of its key, or its own.
    pub line: usize,
    pub path: String,
    pub flaws: &'a Noted,
}

/// A mapping and its position.
#[derive(Clone)]
pub(super) struct Map<'a> {
    pub entries: &'a [Entry],
    pub line: usize,
    pub path: String,
    pub flaws: &'a Noted,
}

impl<'a> At<'a> {
    /// Adds a flaw of this value.
    pub(super) fn flaw(&self, rule: &'static str, message: impl Display) {
        self.flaws.borrow_mut().add(self.line, self.path.clone(), rule, message);
    }

    fn wanted<T>(&self, what: &str) -> Option<T> {
        self.flaw("TYPE", format_args!("must be {what}, and is {}", self.node.data.kind()));
        None
    }

    /// The text of this value.
    pub(super) fn text(&self) -> Option<&'a str> {
        match &self.node.data {
            Data::Text(text) => Some(text),
            _ => self.wanted("a text"),
        }
    }

    /// The whole number of this value.
    pub(super) fn integer(&self) -> Option<i64> {
        match self.node.data {
            Data::Integer(number) => Some(number),
            _ => self.wanted("a whole number"),
        }
    }

    /// The boolean of this value.
    pub(super) fn flag(&self) -> Option<bool> {
        match self.node.data {
            Data::Bool(truth) => Some(truth),
            _ => self.wanted("true or false"),
        }
    }

    /// The mapping of this value.
    pub(super) fn map(&self) -> Option<Map<'a>> {
        match &self.node.data {
            Data::Map(entries) => Some(Map { entries, line: self.line, path: self.path.clone(), flaws: self.flaws }),
            _ => self.wanted("a mapping"),
        }
    }

    /// The value that stands for a word, of the known ones.
    pub(super) fn one_of<T: Copy>(&self, known: &[(&str, T)]) -> Option<T> {
        let text = self.text()?;
        let found = known.iter().find(|(name, _)| *name == text).map(|(_, value)| *value);
        if found.is_none() {
            let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
            self.flaw("VALUE", format_args!("one of {}", names.join(", ")));
        }
        found
    }

    /// The items of this list.
    pub(super) fn items(&self) -> Option<Vec<At<'a>>> {
        match &self.node.data {
            Data::List(items) => {
                let item =
                    |(at, node)| At { node, line: node.line, path: format!("{}[{at}]", self.path), flaws: self.flaws };
                Some(items.iter().enumerate().map(item).collect())
            }
            _ => self.wanted("a list"),
        }
    }

    /// The texts of this list, each once.
    pub(super) fn texts(&self) -> Option<Vec<String>> {
        let (mut texts, mut known): (Vec<String>, BTreeSet<&str>) = Default::default();
        for item in self.items()? {
            let text = item.text()?;
            match known.insert(text) {
                true => texts.push(text.to_owned()),
                false => item.flaw("DUPLICATE", "is in the list already"),
            }
        }
        Some(texts)
    }

    /// A label or description.
    pub(super) fn shown(&self) -> Option<String> {
        self.plain(SHOWN_CHARS_MAX).map(str::to_owned)
    }

    /// A text as payloads hold them: of 1 to `max` visible characters in NFC.
    pub(super) fn plain(&self, max: usize) -> Option<&'a str> {
        let text = self.text()?;
        if !is_plain_text(text, max) || !is_nfc(text) {
            let says = format_args!("a text of 1 to {max} visible characters in NFC, without spaces at either end");
            self.flaw("FORMAT", says);
            return None;
        }
        Some(text)
    }

    /// A text in both languages: `{vi: …, en: …}`.
    pub(super) fn label(&self) -> Option<Label> {
        let map = self.map()?;
        map.only(&["vi", "en"]);
        let (vi, en) = (map.need("vi"), map.need("en"));
        Some(Label { vi: vi?.shown()?, en: en?.shown()? })
    }
}

impl<'a> Map<'a> {
    /// Adds a flaw of the whole mapping.
    pub(super) fn flaw(&self, rule: &'static str, message: impl Display) {
        self.flaws.borrow_mut().add(self.line, self.path.clone(), rule, message);
    }

    fn under(&self, key: &str) -> String {
        match self.path.as_str() {
            "" => key.to_owned(),
            path => format!("{path}.{key}"),
        }
    }

    /// Adds a flaw for every key that is not among `known`.
    pub(super) fn only(&self, known: &[&str]) {
        for entry in self.entries.iter().filter(|entry| !known.contains(&entry.key.as_str())) {
            let near = nearest(&entry.key, known.iter().copied());
            let near = if near.is_empty() { known.to_vec() } else { near };
            let message = format_args!("no such key: {}; known: {}", entry.key, near.join(", ")).to_string();
            self.flaws.borrow_mut().add(entry.line, self.path.clone(), "UNKNOWN_KEY", message);
        }
    }

    /// The value of an optional key.
    pub(super) fn get(&self, key: &str) -> Option<At<'a>> {
        let entry = self.entries.iter().find(|entry| entry.key == key)?;
        Some(At { node: &entry.value, line: entry.line, path: self.under(key), flaws: self.flaws })
    }

    /// The value of a required key.
    pub(super) fn need(&self, key: &str) -> Option<At<'a>> {
        let found = self.get(key);
        if found.is_none() {
            self.flaw("REQUIRED", format_args!("{key} is missing"));
        }
        found
    }

    /// Every key with its value, and its line.
    pub(super) fn each(&self) -> impl Iterator<Item = (&'a str, At<'a>)> {
        let at = |entry: &'a Entry| At {
            node: &entry.value,
            line: entry.line,
            path: self.under(&entry.key),
            flaws: self.flaws,
        };
        self.entries.iter().map(move |entry| (entry.key.as_str(), at(entry)))
    }
}
