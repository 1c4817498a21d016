//! Canonical JSON: the one byte form of a payload, its writer, its parser and its scanner.
//!
//! RFC 8785 (JCS) narrowed: UTF-8; strings in NFC without U+0000 and U+FEFF, escaped only as JCS escapes them;
//! integers within ±(2⁵³−1), no fraction, exponent or −0; no null; object names `[a-z][a-z0-9_]*`, sorted, each once;
//! no white space; nesting ≤ 8; ≤ 64 top-level fields; ≤ 48 KiB. The issuer writes this form once. Everybody else
//! runs [`scan`], which accepts exactly that form in one pass and repairs nothing: parsing, writing again and
//! comparing would cost more than all hashing of a record.

use std::fmt;

pub use super::value::{Object, Value};
use crate::base::limits::{PAYLOAD_BYTES_MAX, PAYLOAD_FIELDS_MAX};

mod reader;
mod rule;
mod scanner;
#[cfg(test)]
mod tests;
mod writer;

pub use rule::{CanonicalError, INTEGER_MAX, Rule};

use reader::Reader;
use scanner::{Scanner, is_name_byte};

/// One top-level field of a scanned payload.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Field<'a> {
    /// Its name.
    pub name: &'a str,
    /// The canonical bytes of its value.
    pub value: &'a [u8],
}

impl fmt::Debug for Field<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Field({})", self.name)
    }
}

/// A payload that [`scan`] accepted: its top-level fields in canonical order. Holds no heap memory.
#[derive(Debug, Clone)]
pub struct Scanned<'a> {
    text: &'a str,
    // start of name, end of name, start of value, end of value; 48 KiB fit in 16 bits
    spans: [[u16; 4]; PAYLOAD_FIELDS_MAX],
    len: usize,
}

impl<'a> Scanned<'a> {
    /// The fields in canonical order.
    pub fn fields(&self) -> impl ExactSizeIterator<Item = Field<'a>> + '_ {
        self.spans[..self.len].iter().map(|span| {
            let [name, name_end, value, value_end] = span.map(usize::from);
            Field { name: &self.text[name..name_end], value: &self.text.as_bytes()[value..value_end] }
        })
    }

    /// How many fields.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no field.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

/// Accepts exactly the canonical form of an object, in one pass.
pub fn scan(payload: &[u8]) -> Result<Scanned<'_>, CanonicalError> {
    let text = text_of(payload)?;
    let mut scanned = Scanned { text, spans: [[0; 4]; PAYLOAD_FIELDS_MAX], len: 0 };
    let mut scanner = Scanner::new(payload);
    let (spans, len) = (&mut scanned.spans, &mut scanned.len);
    scanner.object(1, |span| {
        *spans.get_mut(*len)? = span;
        *len += 1;
        Some(())
    })?;
    scanner.end()?;
    Ok(scanned)
}

/// Accepts exactly the canonical form of one value of a top-level field.
pub fn scan_value(value: &[u8]) -> Result<(), CanonicalError> {
    text_of(value)?;
    let mut scanner = Scanner::new(value);
    scanner.value(2)?;
    scanner.end()
}

/// Whether `name` may name a field.
pub fn is_name(name: &[u8]) -> bool {
    name.first().is_some_and(u8::is_ascii_lowercase) && name.iter().all(|byte| is_name_byte(*byte))
}

/// Reads a canonical object; refuses what [`scan`] refuses.
pub fn parse(payload: &[u8]) -> Result<Object, CanonicalError> {
    let scanned = scan(payload)?;
    let mut object = Object::new();
    for field in scanned.fields() {
        object.push_sorted(field.name.to_owned(), Reader::new(field.value).value());
    }
    Ok(object)
}

/// Reads the canonical bytes of one field's value; refuses what [`scan_value`] refuses.
pub fn parse_value(value: &[u8]) -> Result<Value, CanonicalError> {
    scan_value(value)?;
    Ok(Reader::new(value).value())
}

/// Writes the canonical form. Strings are brought to NFC; whatever else breaks the profile (a name, a number out of
/// range, U+0000, a size) is written unchanged, for [`scan`] to refuse: see [`write_checked`].
pub fn write(object: &Object) -> Vec<u8> {
    let mut out = Vec::with_capacity(512);
    writer::object(object, &mut out);
    out
}

/// Writes the canonical form and refuses an object that has none.
pub fn write_checked(object: &Object) -> Result<Vec<u8>, CanonicalError> {
    let payload = write(object);
    scan(&payload)?;
    Ok(payload)
}

/// Writes the canonical bytes of one value.
pub fn write_value(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    writer::value(value, &mut out);
    out
}

fn text_of(bytes: &[u8]) -> Result<&str, CanonicalError> {
    if bytes.len() > PAYLOAD_BYTES_MAX {
        return Err(CanonicalError { offset: PAYLOAD_BYTES_MAX, rule: Rule::TooLong });
    }
    simdutf8::compat::from_utf8(bytes)
        .map_err(|error| CanonicalError { offset: error.valid_up_to(), rule: Rule::NotUtf8 })
}
