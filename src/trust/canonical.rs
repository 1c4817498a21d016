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
mod scanner;
#[cfg(test)]
mod tests;
mod writer;

use reader::Reader;
use scanner::{Scanner, is_name_byte};

/// The largest integer of a payload: 2⁵³−1, above which JSON readers disagree.
pub const INTEGER_MAX: i64 = (1 << 53) - 1;

/// Which rule of the form bytes break.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // the sentence of each says it
pub enum Rule {
    TooLong,
    TooDeep,
    TooManyFields,
    NotUtf8,
    NotNfc,
    Unsettled,
    ForbiddenCharacter,
    Escape,
    Number,
    Name,
    NameOrder,
    TrailingBytes,
    Syntax,
}

impl Rule {
    /// The rule in words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TooLong => "a payload is at most 48 KiB",
            Self::TooDeep => "nesting is at most 8 deep",
            Self::TooManyFields => "at most 64 top-level fields",
            Self::NotUtf8 => "text is UTF-8",
            Self::NotNfc => "strings are in normalisation form C",
            Self::Unsettled => "characters are those of Unicode 3.2, whose normalisation never changes",
            Self::ForbiddenCharacter => "strings hold no U+0000 and no U+FEFF, and escape control characters",
            Self::Escape => "only the escapes of RFC 8785, in their shortest form",
            Self::Number => "numbers are integers within ±(2^53-1), without leading zeros, fraction, exponent or -0",
            Self::Name => "object names are snake_case ASCII, from a letter",
            Self::NameOrder => "object names are sorted and occur once",
            Self::TrailingBytes => "nothing follows the object",
            Self::Syntax => "JSON without white space and without null",
        }
    }
}

/// Bytes are not canonical: which rule, and where. Never holds the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not canonical at byte {offset}: {}", rule.as_str())]
pub struct CanonicalError {
    /// Offset of the first byte that breaks the rule, as near as the scanner knows it.
    pub offset: usize,
    /// The rule.
    pub rule: Rule,
}

impl From<CanonicalError> for crate::base::Error {
    fn from(error: CanonicalError) -> Self {
        Self::invalid_field("payload", "NON_CANONICAL", error.to_string())
    }
}

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
/// range, U+0000, a size) is written as it stands, for [`scan`] to refuse: see [`write_checked`].
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
