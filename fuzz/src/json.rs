//! The property of the JSON that `verify` reads.

use std::io::{self, Read};

use serde_json::Value;

use crate::cli::verify::json::{Broken, Cursor, JsonStream, Members, Tree};

/// Deeper values are refused.
const DEPTH_MAX: usize = 64;
/// Longest text of which every beginning is tried.
const PREFIXES_MAX: usize = 256;

/// A file is read alike however it comes in; a single value for serde_json is one for us, with the same content; and every
/// beginning may go on. Input: a byte for the length of the file's parts, and the file.
pub fn json(data: &[u8]) {
    let Some((part, file)) = data.split_first() else { return };
    let whole = values(file, usize::MAX);
    assert_eq!(whole, values(file, usize::from(*part) + 1), "in parts of {part} bytes and one");

    let Ok(text) = std::str::from_utf8(file) else { return };
    let theirs = serde_json::from_str::<Value>(text).ok().filter(|value| depth(value) <= DEPTH_MAX);
    let mut cursor = Cursor::new(text, 0);
    let ours = read(text, &mut cursor).and_then(|value| cursor.end().map(|()| value));
    assert_eq!(ours.as_ref().ok(), theirs.as_ref(), "as another reader reads it");
    assert_eq!(skip(text).is_ok(), theirs.is_some(), "as stepped over");
    if let Ok(tree) = Tree::parse(text) {
        assert_eq!(Some(plain(&tree)), theirs, "as a tree");
    }
    if theirs.is_some() && text.len() <= PREFIXES_MAX {
        for (at, _) in text.char_indices() {
            let beginning = Cursor::new(&text[..at], 0).skip();
            assert!(matches!(beginning, Ok(()) | Err(Broken::End)), "{:?}: {beginning:?}", &text[..at]);
        }
    }
}

/// Reads a file in parts of at most this many bytes.
struct Chunks<'a>(&'a [u8], usize);

impl Read for Chunks<'_> {
    fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
        let length = self.0.len().min(self.1).min(target.len());
        let (part, rest) = self.0.split_at(length);
        target[..length].copy_from_slice(part);
        self.0 = rest;
        Ok(length)
    }
}

/// The values of a file in a row, and whether it could be read to its end.
fn values(file: &[u8], part: usize) -> (Vec<String>, bool) {
    let mut stream = JsonStream::new(Chunks(file, part));
    let mut found = Vec::new();
    loop {
        match stream.peek() {
            Ok(Some(_)) => match stream.value() {
                Ok(value) => found.push(value.to_owned()),
                Err(_) => return (found, false),
            },
            Ok(None) => return (found, true),
            Err(_) => return (found, false),
        }
    }
}

fn skip(text: &str) -> Result<(), Broken> {
    let mut cursor = Cursor::new(text, 0);
    cursor.skip()?;
    cursor.end()
}

/// A value through every method of the reader.
fn read(text: &str, cursor: &mut Cursor<'_>) -> Result<Value, Broken> {
    match cursor.peek()? {
        b'{' => {
            let mut object = serde_json::Map::new();
            cursor.object(|cursor, name| {
                object.insert(name.into_owned(), read(text, cursor)?);
                Ok(())
            })?;
            Ok(object.into())
        }
        b'[' => {
            let mut items = Vec::new();
            cursor.list(|cursor| {
                items.push(read(text, cursor)?);
                Ok(())
            })?;
            Ok(items.into())
        }
        b'"' => Ok(cursor.text()?.into_owned().into()),
        _ => {
            let start = cursor.at();
            cursor.skip()?;
            Ok(serde_json::from_str(&text[start..cursor.at()]).expect("a number or a word"))
        }
    }
}

/// How deep lists and objects that hold something stand in each other.
fn depth(value: &Value) -> usize {
    let inside = match value {
        Value::Array(items) => items.iter().map(depth).max(),
        Value::Object(object) => object.values().map(depth).max(),
        _ => None,
    };
    inside.map_or(0, |inside| inside + 1)
}

fn plain(tree: &Tree<'_>) -> Value {
    let object = |members: &Members<'_>| members.iter().map(|(name, value)| (name.to_string(), plain(value))).collect();
    match tree {
        Tree::Null => Value::Null,
        Tree::Bool(flag) => (*flag).into(),
        Tree::Integer(number) => (*number).into(),
        Tree::Text(text) => text.as_ref().into(),
        Tree::List(items) => items.iter().map(plain).collect(),
        Tree::Object(members) => Value::Object(object(members)),
    }
}
