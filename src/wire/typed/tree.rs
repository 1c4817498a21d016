//! JSON values that borrow from the text that they were read from, in which no name occurs twice. A library's map would keep the
//! last of two names, and a reader might see the first.

use std::borrow::Cow;
use std::fmt;

use crate::wire::json::{Broken, Cursor};

/// A JSON value with unique names and whole numbers only: neither payloads nor typed forms have fractions.
#[derive(Clone, PartialEq, Eq)]
pub enum Tree<'a> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// Text.
    Text(Cow<'a, str>),
    /// A list.
    List(Vec<Tree<'a>>),
    /// Names and values, as written.
    Object(Fields<'a>),
}

/// The fields of an object.
pub type Fields<'a> = Vec<(Cow<'a, str>, Tree<'a>)>;

impl<'a> Tree<'a> {
    /// Reads a text that holds one value.
    pub fn parse(text: &'a str) -> Result<Self, Broken> {
        let mut cursor = Cursor::new(text, 0);
        let tree = Self::read(&mut cursor)?;
        cursor.end()?;
        Ok(tree)
    }

    /// Reads one value.
    pub fn read(cursor: &mut Cursor<'a>) -> Result<Self, Broken> {
        Ok(match cursor.peek()? {
            b'"' => Self::Text(cursor.text()?),
            b'{' => Self::Object(Self::read_fields(cursor)?),
            b'[' => {
                let mut items = Vec::new();
                cursor.list(|cursor| {
                    items.push(Self::read(cursor)?);
                    Ok(())
                })?;
                Self::List(items)
            }
            b't' => {
                cursor.word("true")?;
                Self::Bool(true)
            }
            b'f' => {
                cursor.word("false")?;
                Self::Bool(false)
            }
            b'n' => {
                cursor.word("null")?;
                Self::Null
            }
            _ => {
                let number = cursor.whole()?;
                Self::Integer(i64::try_from(number).map_err(|_| cursor.wrong("a number is too large"))?)
            }
        })
    }

    /// Reads an object's fields.
    fn read_fields(cursor: &mut Cursor<'a>) -> Result<Fields<'a>, Broken> {
        let mut fields: Fields<'a> = Vec::with_capacity(16);
        cursor.object(|cursor, name| {
            if fields.iter().any(|(known, _)| *known == name) {
                return Err(cursor.wrong("a name occurs twice"));
            }
            let value = Self::read(cursor)?;
            fields.push((name, value));
            Ok(())
        })?;
        Ok(fields)
    }
}

impl fmt::Debug for Tree<'_> {
    /// Without what it holds: that is personal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tree")
    }
}
