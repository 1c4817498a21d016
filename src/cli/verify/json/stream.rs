//! A file of JSON values, read a part at a time, so that memory is bounded by the largest single record.
//!
//! A value is read in place, in the part that was read; if the part ends first, more is read and the value
//! is taken again from its beginning. So each byte is looked at once but for those at a part's end. A value is at most
//! [`VALUE_BYTES_MAX`] long, or the file is refused.

use std::fmt;
use std::io::{self, Read};

use super::cursor::{Broken, Cursor};

const CHUNK_BYTES: usize = 256 * 1024;
/// Longest single value that is read as a whole: a record, or a part of an answer that is not a record.
const VALUE_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Why a file could not be read to its end.
#[derive(Debug)]
pub enum Flaw {
    /// The disk refuses.
    Unreadable(io::Error),
    /// It is not what `verify` reads; says what is wrong, and near which byte.
    Malformed(String),
    /// It ends in the middle, or what was read of it so far does.
    Unfinished,
}

impl From<Broken> for Flaw {
    fn from(broken: Broken) -> Self {
        match broken {
            Broken::End => Self::Unfinished,
            Broken::Wrong(what) => Self::Malformed(what),
        }
    }
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(error) => write!(f, "cannot be read: {error}"),
            Self::Malformed(what) => f.write_str(what),
            Self::Unfinished => f.write_str("the file ends in the middle of a value"),
        }
    }
}

/// A stream of JSON values over a reader.
pub struct JsonStream<R> {
    reader: R,
    /// The text that was read and is still kept.
    text: String,
    /// The position in `text` of the next character.
    next: usize,
    /// Bytes of the file before `text`.
    forgotten: u64,
    /// The bytes that come in from the reader; the first `held` bytes are a character that has not come in whole.
    incoming: Vec<u8>,
    held: usize,
    /// Whether the bytes after `text` are not UTF-8.
    is_broken: bool,
}

impl<R: Read> JsonStream<R> {
    /// A stream from the beginning of `reader`.
    pub fn new(reader: R) -> Self {
        let incoming = vec![0; CHUNK_BYTES];
        Self { reader, text: String::new(), next: 0, forgotten: 0, incoming, held: 0, is_broken: false }
    }

    /// The next byte that is not white space, left where it is; `None` at the end of the file.
    pub fn peek(&mut self) -> Result<Option<u8>, Flaw> {
        loop {
            let mut cursor = self.cursor();
            let found = cursor.peek();
            self.next += cursor.at();
            match found {
                Err(Broken::End) if self.fill()? => {}
                Err(Broken::End) => return Ok(None),
                found => return Ok(Some(found?)),
            }
        }
    }

    /// Steps over `byte` if it comes next.
    pub fn step_over(&mut self, byte: u8) -> Result<bool, Flaw> {
        let is_next = self.peek()? == Some(byte);
        self.next += usize::from(is_next);
        Ok(is_next)
    }

    /// Steps over `byte`, which must come next.
    pub fn expect(&mut self, byte: u8) -> Result<(), Flaw> {
        if self.step_over(byte)? { Ok(()) } else { Err(self.flaw(&format!("`{}` is missing", byte as char))) }
    }

    /// Reads a value with `read`, which is called again from the value's beginning each time that it says
    /// [`Flaw::Unfinished`] and more of the file was read.
    pub fn read<T>(&mut self, read: impl FnMut(&mut Cursor<'_>) -> Result<T, Flaw>) -> Result<T, Flaw> {
        let (value, length) = self.attempt(read)?;
        self.next += length;
        Ok(value)
    }

    /// As [`Self::read`], but stays where it is.
    pub fn look<T>(&mut self, read: impl FnMut(&mut Cursor<'_>) -> Result<T, Flaw>) -> Result<T, Flaw> {
        Ok(self.attempt(read)?.0)
    }

    /// Steps over a whole value and gives its text.
    pub fn value(&mut self) -> Result<&str, Flaw> {
        self.peek()?;
        let length = loop {
            let length = self.look(|cursor| {
                cursor.skip()?;
                Ok(cursor.at())
            })?;
            // A number may continue after the part that was read; any other value is complete.
            if self.next + length < self.text.len() || !self.fill()? {
                break length;
            }
        };
        let start = self.next;
        self.next += length;
        Ok(&self.text[start..self.next])
    }

    /// A flaw at this position.
    pub fn flaw(&self, what: &str) -> Flaw {
        Flaw::Malformed(format!("{what} at byte {}", self.forgotten + self.next as u64))
    }

    fn cursor(&self) -> Cursor<'_> {
        Cursor::new(&self.text[self.next..], self.forgotten + self.next as u64)
    }

    fn attempt<T>(&mut self, mut read: impl FnMut(&mut Cursor<'_>) -> Result<T, Flaw>) -> Result<(T, usize), Flaw> {
        loop {
            let mut cursor = self.cursor();
            match read(&mut cursor) {
                Ok(value) => return Ok((value, cursor.at())),
                Err(Flaw::Unfinished) => self.more()?,
                Err(flaw) => return Err(flaw),
            }
        }
    }

    /// Reads on. Of a long value twice as much as there is, so that trying it again and again costs no more than trying it twice.
    fn more(&mut self) -> Result<(), Flaw> {
        let had = self.text.len() - self.next;
        if had > VALUE_BYTES_MAX {
            return Err(self.flaw("a value is too long"));
        }
        let wanted = if had < CHUNK_BYTES { had + 1 } else { 2 * had };
        while self.text.len() - self.next < wanted && self.fill()? {}
        if self.text.len() - self.next > had {
            Ok(())
        } else {
            Err(self.flaw("the file ends in the middle of a value"))
        }
    }

    /// Reads more, and drops the part already taken; `false` at the end of the file.
    fn fill(&mut self) -> Result<bool, Flaw> {
        self.text.drain(..self.next);
        self.forgotten += self.next as u64;
        self.next = 0;
        let before = self.text.len();
        while self.text.len() == before {
            if self.is_broken {
                return Err(self.flaw("the file has bytes that are not UTF-8 after the value"));
            }
            let count = match self.reader.read(&mut self.incoming[self.held..]) {
                Ok(0) if self.held == 0 => return Ok(false),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(Flaw::Unreadable(error)),
            };
            let filled = self.held + count;
            let incoming = &self.incoming[..filled];
            let good = match simdutf8::compat::from_utf8(incoming) {
                Ok(text) => {
                    self.text.push_str(text);
                    filled
                }
                Err(error) => {
                    self.is_broken = error.error_len().is_some() || count == 0;
                    // Cannot fail: this part was found to be valid.
                    self.text.push_str(std::str::from_utf8(&incoming[..error.valid_up_to()]).unwrap_or_default());
                    error.valid_up_to()
                }
            };
            self.incoming.copy_within(good..filled, 0);
            self.held = filled - good;
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A reader that gives one byte at a time.
    struct Drop<'a>(&'a [u8]);

    impl Read for Drop<'_> {
        fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
            let Some((first, rest)) = self.0.split_first() else { return Ok(0) };
            target[0] = *first;
            self.0 = rest;
            Ok(1)
        }
    }

    fn values(text: &[u8]) -> Result<Vec<String>, Flaw> {
        let mut stream = JsonStream::new(Drop(text));
        let mut found = Vec::new();
        while stream.peek()?.is_some() {
            found.push(stream.value()?.to_owned());
        }
        Ok(found)
    }

    #[test]
    fn values_in_a_row_are_found_whole() {
        let found = values(br#" {"a":"}\"\\"} [1,{"b":[]}]"x" 12 true{}"#).expect("well formed");
        assert_eq!(found, [r#"{"a":"}\"\\"}"#, r#"[1,{"b":[]}]"#, r#""x""#, "12", "true", "{}"]);
    }

    #[test]
    fn what_does_not_end_or_is_no_json_is_refused() {
        for bad in [
            &b"{"[..],
            b"[1",
            b"\"a",
            b"\"a\\",
            b"}",
            b"{\"a\":[}",
            b"\"\xff\"",
            b"\"\xe1\xba",
            b"\"\xe1\xbax\"",
            b"{} \xff",
        ] {
            assert!(values(bad).is_err(), "{bad:?}");
        }
        let deep = "[".repeat(100);
        assert!(matches!(values(deep.as_bytes()), Err(Flaw::Malformed(what)) if what.contains("deeply")));
    }

    #[test]
    fn a_value_longer_than_a_part_is_read_whole() {
        let text = format!("{{\"{}\":1}} 2", "ế".repeat(2 * CHUNK_BYTES));
        let mut stream = JsonStream::new(text.as_bytes());
        let first = stream.look(|cursor| {
            let mut name = None;
            cursor.object(|cursor, found| {
                name = Some(found.into_owned());
                cursor.skip()
            })?;
            Ok(name)
        });
        assert_eq!(first.expect("whole").map(|name| name.len()), Some(6 * CHUNK_BYTES));
        assert_eq!(stream.value().expect("whole").len(), text.len() - 2);
        assert_eq!(stream.peek().expect("more"), Some(b'2'));
    }
}
