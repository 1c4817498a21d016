//! A file of JSON values, read a part at a time, so that memory is bounded by the largest single record.
//!
//! It finds where values begin and end; what stands inside is parsed, and so checked, by whoever takes the value. A value
//! must end, nest at most [`DEPTH_MAX`] deep and be at most [`VALUE_BYTES_MAX`] long, or the file is refused.

use std::fmt;
use std::io::{self, Read};
use std::ops::Range;

const CHUNK_BYTES: usize = 256 * 1024;
const DEPTH_MAX: usize = 64;
/// Longest single value that is taken whole: a record, or a part of an answer that is no record.
const VALUE_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Why a file could not be read to its end.
#[derive(Debug)]
pub enum Flaw {
    /// The disk refuses.
    Unreadable(io::Error),
    /// It is not what `verify` reads; says what is wrong, and near which byte.
    Malformed(String),
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(error) => write!(f, "cannot be read: {error}"),
            Self::Malformed(what) => f.write_str(what),
        }
    }
}

/// A stream of JSON values over a reader.
pub struct JsonStream<R> {
    reader: R,
    buffer: Vec<u8>,
    /// The next byte to look at.
    next: usize,
    /// Bytes of the buffer that hold data.
    filled: usize,
    /// Bytes before this position may be forgotten.
    keep: usize,
    /// Bytes of the file that were forgotten.
    forgotten: u64,
}

impl<R: Read> JsonStream<R> {
    /// A stream from the beginning of `reader`.
    pub fn new(reader: R) -> Self {
        Self { reader, buffer: vec![0; CHUNK_BYTES], next: 0, filled: 0, keep: usize::MAX, forgotten: 0 }
    }

    /// The next byte that is not white space, left where it is; `None` at the end of the file.
    pub fn peek(&mut self) -> Result<Option<u8>, Flaw> {
        loop {
            while let Some(&byte) = self.buffer[..self.filled].get(self.next) {
                if !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                    return Ok(Some(byte));
                }
                self.next += 1;
            }
            if !self.fill()? {
                return Ok(None);
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

    /// Remembers this place; [`Self::back_to`] returns to it until [`Self::let_go`] is called.
    pub fn mark(&mut self) -> u64 {
        self.keep = self.next;
        self.forgotten + self.next as u64
    }

    /// Returns to a marked place.
    pub fn back_to(&mut self, mark: u64) {
        self.next = (mark - self.forgotten) as usize;
    }

    /// Forgets the mark.
    pub fn let_go(&mut self) {
        self.keep = usize::MAX;
    }

    /// Steps over a whole value and says where in the buffer it stands, until the next call.
    pub fn value(&mut self) -> Result<Range<usize>, Flaw> {
        if self.peek()?.is_none() {
            return Err(self.flaw("the file ends in the middle"));
        }
        let (outer, outer_next) = (self.keep, self.next);
        self.keep = self.keep.min(self.next);
        let before = self.forgotten;
        self.scan()?;
        // Filling may have moved the value towards the buffer's beginning.
        let start = outer_next - (self.forgotten - before) as usize;
        self.keep = if outer == usize::MAX { outer } else { outer.saturating_sub((self.forgotten - before) as usize) };
        Ok(start..self.next)
    }

    /// The bytes of a value.
    pub fn bytes(&self, range: Range<usize>) -> &[u8] {
        &self.buffer[range]
    }

    /// A flaw at this place.
    pub fn flaw(&self, what: &str) -> Flaw {
        Flaw::Malformed(format!("{what} at byte {}", self.forgotten + self.next as u64))
    }

    /// Moves `next` behind the value that begins there.
    fn scan(&mut self) -> Result<(), Flaw> {
        let begun = self.forgotten + self.next as u64;
        let mut depth = 0_usize;
        loop {
            if self.forgotten + self.next as u64 - begun > VALUE_BYTES_MAX as u64 {
                return Err(self.flaw("a value is too long"));
            }
            let Some(&byte) = self.buffer[..self.filled].get(self.next) else {
                if !self.fill()? {
                    return Err(self.flaw("the file ends in the middle"));
                }
                continue;
            };
            match byte {
                b'"' => self.scan_string()?,
                b'{' | b'[' => {
                    depth += 1;
                    self.next += 1;
                    if depth > DEPTH_MAX {
                        return Err(self.flaw("values are nested too deeply"));
                    }
                    continue;
                }
                b'}' | b']' if depth == 0 => return Err(self.flaw("a value is missing")),
                b'}' | b']' => {
                    depth -= 1;
                    self.next += 1;
                }
                b',' | b':' | b' ' | b'\n' | b'\r' | b'\t' => {
                    self.next += 1;
                    continue;
                }
                _ => self.scan_literal()?,
            }
            if depth == 0 {
                return Ok(());
            }
        }
    }

    fn scan_string(&mut self) -> Result<(), Flaw> {
        self.next += 1;
        loop {
            match memchr::memchr2(b'"', b'\\', &self.buffer[self.next.min(self.filled)..self.filled]) {
                Some(at) if self.buffer[self.next + at] == b'"' => {
                    self.next += at + 1;
                    return Ok(());
                }
                // The escaped byte is stepped over unseen, also when it is not there yet.
                Some(at) => self.next += at + 2,
                None => {
                    self.next = self.next.max(self.filled);
                    if !self.fill()? {
                        return Err(self.flaw("the file ends in a string"));
                    }
                }
            }
        }
    }

    /// Numbers, `true`, `false`, `null`, and whatever else runs up to a delimiter.
    fn scan_literal(&mut self) -> Result<(), Flaw> {
        loop {
            while let Some(&byte) = self.buffer[..self.filled].get(self.next) {
                if matches!(byte, b',' | b':' | b'}' | b']' | b'{' | b'[' | b'"' | b' ' | b'\n' | b'\r' | b'\t') {
                    return Ok(());
                }
                self.next += 1;
            }
            if !self.fill()? {
                return Ok(());
            }
        }
    }

    /// Reads more; `false` at the end of the file. Positions from `keep` or `next` on stay valid relative to `forgotten`.
    fn fill(&mut self) -> Result<bool, Flaw> {
        let from = self.keep.min(self.next).min(self.filled);
        if from > 0 && self.buffer.len() - self.filled < CHUNK_BYTES / 2 {
            self.buffer.copy_within(from..self.filled, 0);
            self.filled -= from;
            self.next -= from;
            if self.keep != usize::MAX {
                self.keep -= from;
            }
            self.forgotten += from as u64;
        }
        if self.filled == self.buffer.len() {
            self.buffer.resize(self.buffer.len() * 2, 0);
        }
        loop {
            match self.reader.read(&mut self.buffer[self.filled..]) {
                Ok(count) => {
                    self.filled += count;
                    return Ok(count > 0);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Flaw::Unreadable(error)),
            }
        }
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
        stream.let_go();
        let mut found = Vec::new();
        while stream.peek()?.is_some() {
            let range = stream.value()?;
            found.push(String::from_utf8_lossy(stream.bytes(range)).into_owned());
        }
        Ok(found)
    }

    #[test]
    fn values_in_a_row_are_found_whole() {
        let found = values(br#" {"a":"}\"\\"} [1,{"b":[]}]"x" 12 true{}"#).expect("well formed");
        assert_eq!(found, [r#"{"a":"}\"\\"}"#, r#"[1,{"b":[]}]"#, r#""x""#, "12", "true", "{}"]);
    }

    #[test]
    fn what_does_not_end_is_refused() {
        for bad in [&b"{"[..], b"[1", b"\"a", b"\"a\\", b"}", b"{\"a\":[}"] {
            let found = values(bad);
            // A wrong bracket is left to the parser of the value; here it only has to balance.
            assert!(found.is_err() || bad == b"{\"a\":[}", "{bad:?}");
        }
        let deep = "[".repeat(100);
        assert!(matches!(values(deep.as_bytes()), Err(Flaw::Malformed(what)) if what.contains("deeply")));
    }

    #[test]
    fn a_mark_survives_refilling() {
        let text = format!("{{\"{}\":1}} 2", "k".repeat(2 * CHUNK_BYTES));
        let mut stream = JsonStream::new(text.as_bytes());
        stream.peek().expect("there");
        let mark = stream.mark();
        stream.expect(b'{').expect("there");
        stream.value().expect("key");
        stream.back_to(mark);
        stream.let_go();
        let range = stream.value().expect("whole");
        assert_eq!(stream.bytes(range).len(), text.len() - 2);
        assert_eq!(stream.peek().expect("more"), Some(b'2'));
    }
}
