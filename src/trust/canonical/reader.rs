//! The reader: builds values from bytes that the scanner has accepted, so that it need not judge them again.

use crate::trust::value::{Object, Value};

/// Builds values from bytes that were scanned.
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    fn next(&mut self) -> u8 {
        let byte = self.bytes.get(self.at).copied().unwrap_or(0);
        self.at += 1;
        byte
    }

    pub(super) fn value(&mut self) -> Value {
        match self.next() {
            b'"' => Value::String(self.string()),
            b'{' => {
                let mut object = Object::new();
                while self.next() == b'"' {
                    let name = self.string();
                    self.at += 1; // :
                    object.push_sorted(name, self.value());
                    if self.next() == b'}' {
                        break;
                    }
                }
                Value::Object(object)
            }
            b'[' => {
                let mut items = Vec::new();
                if self.bytes.get(self.at) == Some(&b']') {
                    self.at += 1;
                    return Value::Array(items);
                }
                loop {
                    items.push(self.value());
                    if self.next() != b',' {
                        return Value::Array(items);
                    }
                }
            }
            b't' => {
                self.at += 3;
                Value::Bool(true)
            }
            b'f' => {
                self.at += 4;
                Value::Bool(false)
            }
            first => {
                let mut number = if first == b'-' { 0 } else { i64::from(first - b'0') };
                while let Some(digit @ b'0'..=b'9') = self.bytes.get(self.at) {
                    number = number * 10 + i64::from(digit - b'0');
                    self.at += 1;
                }
                Value::Integer(if first == b'-' { -number } else { number })
            }
        }
    }

    fn string(&mut self) -> String {
        let mut text = Vec::new();
        loop {
            let rest = &self.bytes[self.at..];
            let run = rest.iter().position(|byte| matches!(byte, b'"' | b'\\')).unwrap_or(rest.len());
            text.extend_from_slice(&rest[..run]);
            self.at += run;
            if self.next() != b'\\' {
                return String::from_utf8(text).unwrap_or_default();
            }
            let escaped = match self.next() {
                b'b' => 8,
                b't' => b'\t',
                b'n' => b'\n',
                b'f' => 12,
                b'r' => b'\r',
                b'u' => {
                    let digits = std::str::from_utf8(&self.bytes[self.at..self.at + 4]).unwrap_or_default();
                    self.at += 4;
                    u8::from_str_radix(digits, 16).unwrap_or_default()
                }
                other => other,
            };
            text.push(escaped);
        }
    }
}
