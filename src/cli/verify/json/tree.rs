//! JSON values that borrow from the text that they were read from, in which no name occurs twice. A library's map would keep the
//! last of two names, and a reader might see the first.

use std::borrow::Cow;
use std::fmt;

use super::cursor::{Broken, Cursor};

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
    Object(Members<'a>),
}

/// Names and values of an object, in their order.
pub type Members<'a> = Vec<(Cow<'a, str>, Tree<'a>)>;

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
            b'{' => Self::Object(Self::read_members(cursor)?),
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

    fn read_members(cursor: &mut Cursor<'a>) -> Result<Members<'a>, Broken> {
        let mut members: Members<'a> = Vec::with_capacity(16);
        cursor.object(|cursor, name| {
            if members.iter().any(|(known, _)| *known == name) {
                return Err(cursor.wrong("a name occurs twice"));
            }
            let value = Self::read(cursor)?;
            members.push((name, value));
            Ok(())
        })?;
        Ok(members)
    }
}

impl fmt::Debug for Tree<'_> {
    /// Without what it holds: that is personal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tree")
    }
}
