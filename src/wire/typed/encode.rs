//! Canonical bytes to protobuf wire bytes (protobuf.dev, "Encoding"), in one pass over the canonical form.

use std::borrow::Cow;

use prost::encoding::{WireType, encode_key, encode_varint};

use super::error::TypedError;
use super::table::{Entry, Table, Tables, Target};
use crate::base::Path;
use crate::trust::Value;
use crate::trust::canonical;

/// The wire bytes of a message with these fields.
pub(super) fn fields<'a>(
    tables: &Tables,
    table: &Table,
    fields: impl IntoIterator<Item = (&'a str, &'a [u8])>,
) -> Result<Vec<u8>, TypedError> {
    let mut out = Vec::with_capacity(512);
    for (name, value) in fields {
        let mut reader = Reader { tables, bytes: value, at: 0 };
        reader.field(table, name, &Path::Root, &mut out)?;
        if reader.at != value.len() {
            return Err(TypedError { path: name.to_owned(), problem: "has bytes behind its value" });
        }
    }
    Ok(out)
}

/// Reads canonical JSON; refuses what it does not understand, so that unverified bytes do no harm.
struct Reader<'a> {
    tables: &'a Tables,
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn field(&mut self, table: &Table, name: &str, path: &Path<'_>, out: &mut Vec<u8>) -> Result<(), TypedError> {
        let path = &Path::Field(path, name);
        let Some((_, entry)) = table.find(name) else {
            return Err(wrong(path, "is no field of the message"));
        };
        if !entry.repeated {
            return self.value(entry, path, out);
        }
        self.expect(b'[', path)?;
        let mut item = 0;
        while !self.take(b']') {
            if item > 0 {
                self.expect(b',', path)?;
            }
            self.value(entry, &Path::Item(path, item), out)?;
            item += 1;
        }
        Ok(())
    }

    fn value(&mut self, entry: &Entry, path: &Path<'_>, out: &mut Vec<u8>) -> Result<(), TypedError> {
        match &entry.target {
            Target::Text => {
                let text = self.text(path)?;
                length_delimited(entry.number, text.as_bytes(), out);
            }
            Target::Integer => varint(entry.number, self.integer(path)? as u64, out),
            Target::Bool => varint(entry.number, u64::from(self.truth(path)?), out),
            Target::Enum(values) => {
                let text = self.text(path)?;
                let value = values.find(&text).ok_or_else(|| wrong(path, "is no value of the enum"))?;
                varint(entry.number, value.number as u64, out);
            }
            Target::Message(at) => {
                let mut nested = Vec::with_capacity(128);
                self.object(self.tables.at(*at), path, &mut nested)?;
                length_delimited(entry.number, &nested, out);
            }
        }
        Ok(())
    }

    fn object(&mut self, table: &Table, path: &Path<'_>, out: &mut Vec<u8>) -> Result<(), TypedError> {
        self.expect(b'{', path)?;
        let mut first = true;
        while !self.take(b'}') {
            if !first {
                self.expect(b',', path)?;
            }
            first = false;
            let name = self.text(path)?;
            self.expect(b':', path)?;
            self.field(table, &name, path, out)?;
        }
        Ok(())
    }

    fn text(&mut self, path: &Path<'_>) -> Result<Cow<'a, str>, TypedError> {
        let start = self.at;
        self.expect(b'"', path)?;
        let mut escaped = false;
        loop {
            let rest = self.bytes.get(self.at..).unwrap_or_default();
            let length = memchr::memchr2(b'"', b'\\', rest).ok_or_else(|| wrong(path, "is cut off"))?;
            self.at += length;
            if rest[length] == b'"' {
                break;
            }
            escaped = true;
            self.at += 2;
        }
        self.at += 1;
        let quoted = self.bytes.get(start..self.at).ok_or_else(|| wrong(path, "is cut off"))?;
        if escaped {
            return match canonical::parse_value(quoted) {
                Ok(Value::String(text)) => Ok(Cow::Owned(text)),
                _ => Err(wrong(path, "is not canonical")),
            };
        }
        let inner = std::str::from_utf8(&quoted[1..quoted.len() - 1]);
        inner.map(Cow::Borrowed).map_err(|_| wrong(path, "is not UTF-8"))
    }

    fn integer(&mut self, path: &Path<'_>) -> Result<i64, TypedError> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let length = rest.iter().position(|b| !b.is_ascii_digit() && *b != b'-').unwrap_or(rest.len());
        self.at += length;
        let text = std::str::from_utf8(&rest[..length]).unwrap_or_default();
        text.parse().map_err(|_| wrong(path, "is no whole number"))
    }

    fn truth(&mut self, path: &Path<'_>) -> Result<bool, TypedError> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        for (word, truth) in [(&b"true"[..], true), (b"false", false)] {
            if rest.starts_with(word) {
                self.at += word.len();
                return Ok(truth);
            }
        }
        Err(wrong(path, "is neither true nor false"))
    }

    fn take(&mut self, byte: u8) -> bool {
        let there = self.bytes.get(self.at) == Some(&byte);
        self.at += usize::from(there);
        there
    }

    fn expect(&mut self, byte: u8, path: &Path<'_>) -> Result<(), TypedError> {
        if self.take(byte) { Ok(()) } else { Err(wrong(path, "is of another type")) }
    }
}

fn wrong(path: &Path<'_>, problem: &'static str) -> TypedError {
    TypedError { path: path.to_string(), problem }
}

fn varint(number: u32, value: u64, out: &mut Vec<u8>) {
    encode_key(number, WireType::Varint, out);
    encode_varint(value, out);
}

fn length_delimited(number: u32, bytes: &[u8], out: &mut Vec<u8>) {
    encode_key(number, WireType::LengthDelimited, out);
    encode_varint(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}
