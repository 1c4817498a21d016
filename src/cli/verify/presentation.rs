//! Credentials and presentations as files: SD-JWT text, one a line, or in the answer of `IssueCredential`.

use std::io::{self, BufRead, Read as _};

use super::json::Flaw;
use crate::trust::sd_jwt::SD_JWT_CHARS_MAX;

/// Whether a file begins like an SD-JWT: with the `e` of base64url's `{"`. JSON never does.
pub(super) fn begins(reader: &mut impl BufRead) -> io::Result<bool> {
    loop {
        let buffer = reader.fill_buf()?;
        let blank = buffer.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        match buffer.get(blank) {
            Some(first) => return Ok(*first == b'e'),
            None if buffer.is_empty() => return Ok(false),
            None => reader.consume(blank),
        }
    }
}

/// Hands over each line that is not blank, with its number.
pub(super) fn each(mut reader: impl BufRead, mut sink: impl FnMut(u64, &str) -> Result<(), Flaw>) -> Result<(), Flaw> {
    let mut number = 0;
    loop {
        let mut line = String::new();
        // Longer ones are refused as such, before more is read.
        let read = (&mut reader).take(SD_JWT_CHARS_MAX as u64 + 2).read_line(&mut line).map_err(Flaw::Unreadable)?;
        if read == 0 {
            return Ok(());
        }
        if read > SD_JWT_CHARS_MAX + 1 {
            return Err(Flaw::Malformed(format!("presentation {} is too long", number + 1)));
        }
        let text = line.trim();
        if !text.is_empty() {
            number += 1;
            sink(number, text)?;
        }
    }
}

/// The text of a JSON string.
pub(super) fn from_json(json: &str) -> Result<String, Flaw> {
    serde_json::from_str(json).map_err(|error| Flaw::Malformed(format!("`credential` is no text: {error}")))
}
