//! Payload bytes to protobuf bytes (the wire format of protobuf.dev/programming-guides/encoding), without a tree between.

use std::borrow::Cow;

use super::{FieldForm, Form, Shape, Table, TypedError};

/// One payload field that is shown: its name and its value as canonical JSON bytes.
pub type Shown<'a> = (&'a str, &'a [u8]);

const VARINT: u32 = 0;
const LENGTH_DELIMITED: u32 = 2;

/// The protobuf encoding of the typed form of the shown fields.
pub fn encode<'a>(form: &Form, shown: impl IntoIterator<Item = Shown<'a>>) -> Result<Vec<u8>, TypedError> {
    let mut out = Vec::with_capacity(512);
    for (name, value) in shown {
        let mut walk = Walk { bytes: value, at: 0 };
        field(form, &form.tables[0], name.as_bytes(), &mut walk, &mut out).map_err(|error| locate(name, error))?;
        if walk.at != value.len() {
            return Err(TypedError::Unreadable(name.to_owned()));
        }
    }
    Ok(out)
}

/// What went wrong inside a top-level field; the public error names that field.
enum Fault {
    Unreadable,
    Unknown,
    Kind,
}

fn locate(name: &str, fault: Fault) -> TypedError {
    match fault {
        Fault::Unreadable => TypedError::Unreadable(name.to_owned()),
        Fault::Unknown => TypedError::Unknown(name.to_owned()),
        Fault::Kind => TypedError::Kind(name.to_owned()),
    }
}

fn field(form: &Form, table: &Table, name: &[u8], walk: &mut Walk<'_>, out: &mut Vec<u8>) -> Result<(), Fault> {
    let field = table.field(name).ok_or(Fault::Unknown)?;
    if !field.repeated {
        return single(form, field, walk, out, field.presence);
    }
    walk.expect(b'[').ok_or(Fault::Kind)?;
    if matches!(field.shape, Shape::Integer | Shape::Boolean | Shape::Enum(_)) {
        // Repeated scalars are packed in proto3.
        let mut packed = Vec::new();
        items(walk, |walk| scalar(field, walk, &mut packed).map(|_| ()))?;
        if !packed.is_empty() {
            tag(field.number, LENGTH_DELIMITED, out);
            varint(packed.len() as u64, out);
            out.extend_from_slice(&packed);
        }
        return Ok(());
    }
    items(walk, |walk| single(form, field, walk, out, true))
}

fn items<'a>(walk: &mut Walk<'a>, mut each: impl FnMut(&mut Walk<'a>) -> Result<(), Fault>) -> Result<(), Fault> {
    if walk.expect(b']').is_some() {
        return Ok(());
    }
    loop {
        each(walk)?;
        if walk.expect(b']').is_some() {
            return Ok(());
        }
        walk.expect(b',').ok_or(Fault::Unreadable)?;
    }
}

/// One value under its field's tag; default values are left out unless `always`.
fn single(form: &Form, field: &FieldForm, walk: &mut Walk<'_>, out: &mut Vec<u8>, always: bool) -> Result<(), Fault> {
    match &field.shape {
        Shape::Text => {
            let text = walk.string().ok_or(Fault::Kind)?;
            if always || !text.is_empty() {
                tag(field.number, LENGTH_DELIMITED, out);
                varint(text.len() as u64, out);
                out.extend_from_slice(&text);
            }
        }
        Shape::Message(at) => {
            let mut inner = Vec::with_capacity(128);
            let table = form.tables.get(*at).ok_or(Fault::Unknown)?;
            walk.expect(b'{').ok_or(Fault::Kind)?;
            message(form, table, walk, &mut inner)?;
            tag(field.number, LENGTH_DELIMITED, out);
            varint(inner.len() as u64, out);
            out.extend_from_slice(&inner);
        }
        Shape::Integer | Shape::Boolean | Shape::Enum(_) => {
            let before = out.len();
            tag(field.number, VARINT, out);
            let value = scalar(field, walk, out)?;
            if value == 0 && !always {
                out.truncate(before);
            }
        }
    }
    Ok(())
}

/// The fields of an object whose `{` has been read.
fn message(form: &Form, table: &Table, walk: &mut Walk<'_>, out: &mut Vec<u8>) -> Result<(), Fault> {
    if walk.expect(b'}').is_some() {
        return Ok(());
    }
    loop {
        let name = walk.string().ok_or(Fault::Unreadable)?;
        walk.expect(b':').ok_or(Fault::Unreadable)?;
        field(form, table, &name, walk, out)?;
        if walk.expect(b'}').is_some() {
            return Ok(());
        }
        walk.expect(b',').ok_or(Fault::Unreadable)?;
    }
}

/// Writes a scalar without its tag and returns its value.
fn scalar(field: &FieldForm, walk: &mut Walk<'_>, out: &mut Vec<u8>) -> Result<i64, Fault> {
    let value = match &field.shape {
        Shape::Integer => walk.integer().ok_or(Fault::Kind)?,
        Shape::Boolean => i64::from(walk.boolean().ok_or(Fault::Kind)?),
        Shape::Enum(values) => {
            let text = walk.string().ok_or(Fault::Kind)?;
            i64::from(values.find(&text).ok_or(Fault::Unknown)?.1)
        }
        Shape::Text | Shape::Message(_) => return Err(Fault::Kind),
    };
    varint(value as u64, out);
    Ok(value)
}

fn tag(number: u32, wire: u32, out: &mut Vec<u8>) {
    varint(u64::from(number << 3 | wire), out);
}

fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// A walk over JSON bytes without white space. Canonical bytes are what it is for; on others it stops, it never panics.
pub(super) struct Walk<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) at: usize,
}

impl<'a> Walk<'a> {
    pub(super) fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    pub(super) fn expect(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    /// A string's text, unescaped.
    pub(super) fn string(&mut self) -> Option<Cow<'a, [u8]>> {
        self.expect(b'"')?;
        let rest = self.bytes.get(self.at..)?;
        let end = rest.iter().position(|byte| matches!(byte, b'"' | b'\\'))?;
        if rest.get(end) == Some(&b'"') {
            self.at += end + 1;
            return Some(Cow::Borrowed(&rest[..end]));
        }
        // Escapes are rare in canonical JSON (quotes, backslashes, controls): leave them to the JSON library.
        let mut close = end;
        while rest.get(close)? != &b'"' {
            close += if rest.get(close)? == &b'\\' { 2 } else { 1 };
        }
        let whole = self.bytes.get(self.at - 1..self.at + close + 1)?;
        self.at += close + 1;
        serde_json::from_slice::<String>(whole).ok().map(|text| Cow::Owned(text.into_bytes()))
    }

    pub(super) fn integer(&mut self) -> Option<i64> {
        let rest = self.bytes.get(self.at..)?;
        let end = rest.iter().position(|byte| !matches!(byte, b'0'..=b'9' | b'-')).unwrap_or(rest.len());
        let number = std::str::from_utf8(&rest[..end]).ok()?.parse().ok()?;
        self.at += end;
        Some(number)
    }

    pub(super) fn boolean(&mut self) -> Option<bool> {
        let rest = self.bytes.get(self.at..)?;
        let value = if rest.starts_with(b"true") {
            true
        } else if rest.starts_with(b"false") {
            false
        } else {
            return None;
        };
        self.at += if value { 4 } else { 5 };
        Some(value)
    }
}
